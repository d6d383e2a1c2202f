// SPDX-License-Identifier: Apache-2.0
// Route values as text: what an edit added may be a whole comma list.
#pragma once

#include "base/str.h"

// Takes the first element off a comma list (commas within <> and quoted strings do not count) and
// returns it trimmed; empty when nothing is left.
struct str route_take(struct str *list);
