// SPDX-License-Identifier: Apache-2.0
// What all tests of the event core begin with: a core on a node, and its figures.
#pragma once

#include "base/writer.h"
#include "counter.h"
#include "harness.h"
#include "stack/event/event.h"

// params may be NULL; the layers are filled in. wants: it serves whatever comes.
struct event *lab_core(struct node *n, const char *contact, bool wants,
                       const struct event_params *params);
// Sum of the figures with this name, and these labels unless NULL.
uint64_t lab_figure(const struct event *e, const char *name, const char *labels);
