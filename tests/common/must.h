// SPDX-License-Identifier: Apache-2.0
// A failure of a test's set-up, not of what is tested: it ends the program, whether that is one of cmocka or not.
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

static inline void must(int err, const char *what)
{
    if (err == 0)
        return;
    fprintf(stderr, "set-up of a test: %s: %s\n", what, err_name(err));
    abort();
}
