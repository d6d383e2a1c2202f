// SPDX-License-Identifier: Apache-2.0
// Growing byte queue for output: appended at the end, consumed at the front.
#pragma once

#include "base/str.h"

struct outbuf {
    char *p;
    size_t head, tail, cap; // unsent bytes are [head, tail)
};

static inline size_t outbuf_len(const struct outbuf *b)
{
    return b->tail - b->head;
}

static inline struct str outbuf_str(const struct outbuf *b)
{
    return b->p ? str_make(b->p + b->head, b->tail - b->head) : STR_NONE;
}

// Room for n bytes at the end, counted as written; NULL when out of memory.
char *outbuf_take(struct outbuf *b, size_t n);
// Drops n bytes at the front. An emptied buffer keeps a little memory, a large one is given back.
void outbuf_consume(struct outbuf *b, size_t n);
void outbuf_done(struct outbuf *b);
