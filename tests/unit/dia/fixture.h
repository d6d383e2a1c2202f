// SPDX-License-Identifier: Apache-2.0
// What the Diameter tests share: filled typed messages, encoding and reading them back.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "dia/base.h"
#include "dia/codec/codec.h"
#include "dia/cx.h"
#include "tests/common/cx_node.h"

#define HEAD_IN                                                                                    \
    .head = {.session_id = STR_INIT("s.test;1;2;0a"), .origin_host = STR_INIT("s.test"),           \
             .origin_realm = STR_INIT("test"), .dest_host = STR_INIT("hss.test"),                  \
             .dest_realm = STR_INIT("test")}
#define HEAD_OUT                                                                                   \
    .head = {.session_id = STR_INIT("s.test;1;2;0a"), .origin_host = STR_INIT("hss.test"),         \
             .origin_realm = STR_INIT("test")}

static inline void dia_test_encode(struct dia_dict *d, uint32_t code, bool request, const void *st,
                                   struct dia_bytes *ret_bytes)
{
    const struct dia_command *c = dia_command_find(&dia_cx, code);
    struct dia_header h = {.flags = (uint8_t)(DIA_CMD_P | (request ? DIA_CMD_R : 0)), .code = code,
                           .app = DIA_APP_CX, .hbh = 7, .ete = 9};
    assert_int_equal(dia_encode(d, request ? c->in : c->out, st, &h, ret_bytes), 0);
}

static inline int dia_test_decode(struct dia_dict *d, struct str bytes, void *st, size_t size,
                                  struct dia_read *ret_read, struct dia_fault *ret_fault)
{
    struct dia_frame f;
    int r = dia_frame_parse(d, bytes, &f, ret_fault);
    if (r)
        return r;
    const struct dia_command *c = dia_command_find(&dia_cx, f.code);
    if (!c)
        return ERR_NOTFOUND;
    const struct dia_grammar *g = f.flags & DIA_CMD_R ? c->in : c->out;
    if (g->size > size) // mutated into another command
        return ERR_NOTFOUND;
    return dia_decode(d, &f, g, st, ret_read, ret_fault);
}

static inline struct str dia_test_str(const struct dia_bytes *b)
{
    return (struct str){(const char *)b->p, b->n};
}

#define assert_str(a, b)                                                                           \
    do {                                                                                           \
        struct str a_ = (a), b_ = (b);                                                             \
        assert_int_equal(a_.n, b_.n);                                                              \
        if (a_.n)                                                                                  \
            assert_memory_equal(a_.p, b_.p, a_.n);                                                 \
    } while (0)
