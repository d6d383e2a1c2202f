// SPDX-License-Identifier: Apache-2.0
#include "io/outbuf.h"

#include "base/mem.h"

enum { OUTBUF_MIN = 2048, OUTBUF_KEEP = 4096 };

char *outbuf_take(struct outbuf *b, size_t n)
{
    size_t used = outbuf_len(b);
    if (b->cap - b->tail < n) {
        // Sliding costs at most as many bytes as were consumed since the last slide.
        if (b->head >= used && b->cap - used >= n) {
            memmove(b->p, b->p + b->head, used);
        } else {
            size_t cap = b->cap ? b->cap * 2 : OUTBUF_MIN;
            while (cap - used < n)
                cap *= 2;
            char *p = mem_alloc(cap);
            if (!p)
                return NULL;
            if (used)
                memcpy(p, b->p + b->head, used);
            if (!b->p)
                mem_keep(1);
            mem_free(b->p);
            b->p = p;
            b->cap = cap;
        }
        b->head = 0;
        b->tail = used;
    }
    b->tail += n;
    return b->p + b->tail - n;
}

void outbuf_consume(struct outbuf *b, size_t n)
{
    b->head += n;
    if (b->head < b->tail)
        return;
    b->head = b->tail = 0;
    if (b->cap > OUTBUF_KEEP)
        outbuf_done(b);
}

void outbuf_done(struct outbuf *b)
{
    if (b->p)
        mem_keep(-1);
    mem_free(b->p);
    *b = (struct outbuf){0};
}
