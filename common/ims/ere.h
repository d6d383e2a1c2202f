// SPDX-License-Identifier: Apache-2.0
// What an extended regular expression (POSIX 1003.1 XBD 9.4) costs, before a library compiles it: repetitions are
// written out by compilers, so that "((a{100}){100}){100}" takes gigabytes.
#pragma once

#include "base/str.h"

// NULL when the expression is one that POSIX defines and has at most size characters, classes and ranges once its
// repetitions are written out, in groups depth deep at most, and 32 ways for each from one to a next; else the reason,
// static text. What POSIX leaves undefined, where libraries have inventions of their own (back-references, "(?", "\d"),
// is refused.
const char *ere_refused(struct str expression, size_t size, size_t depth);
