// SPDX-License-Identifier: Apache-2.0
// What the tests of this layer share.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "sip/edit.h"
#include "sip/msg.h"

#define assert_str(got, want) check_str((got), (want), __FILE__, __LINE__)

static inline void check_str(struct str got, const char *want, const char *file, int line)
{
    if (!str_eq(got, str_from(want))) {
        print_error("%s:%d: got \"%.*s\", want \"%s\"\n", file, line, STR_ARG(got), want);
        fail();
    }
}

// A message that must parse.
static inline struct sip_msg *check_parse(struct str s)
{
    struct sip_msg *m;
    struct sip_parse_error err = {.what = NULL};
    if (sip_msg_parse(s, &m, &err)) {
        print_error("%s at %zu of\n%.*s\n", err.what, err.offset, STR_ARG(s));
        fail();
    }
    return m;
}
