// SPDX-License-Identifier: Apache-2.0
// Subscriber files against a store in memory.
#pragma once

#include "base/str.h"

struct hss_op;
struct hss_problem;

typedef int fuzz_reader(struct hss_op *op, struct str text, bool replace, size_t *ret_n,
                        struct hss_problem *p);
// Imports text and takes it all back: a refusal names a line that is there and shows no line end.
void fuzz_import(struct str text, fuzz_reader *read);
