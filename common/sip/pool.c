// SPDX-License-Identifier: Apache-2.0
#include "sip/msg_priv.h"

#include "base/mem.h"
#include "sip/msg.h"

// A burst of large messages may leave no more behind than one of small ones.
enum { CLASSES = 4, SMALLEST = 3072, KEEP = 256 };

struct block {
    struct block *next;
};

static struct {
    struct block *first;
    unsigned n;
} spare[CLASSES];

void *sip_pool_get(size_t *n, unsigned *ret_class)
{
    unsigned class = 0;
    size_t size = SMALLEST;
    for (; class < CLASSES && size < *n; size *= 2)
        class++;
    *ret_class = class;
    if (class == CLASSES)
        return mem_alloc(*n);
    *n = size;
    struct block *b = spare[class].first;
    if (!b)
        return mem_alloc(size);
    spare[class].first = b->next;
    spare[class].n--;
    return b;
}

void sip_pool_put(void *p, unsigned class)
{
    if (!MEM_RECYCLES || class >= CLASSES || spare[class].n >= (unsigned)KEEP >> class) {
        mem_free(p);
        return;
    }
    struct block *b = p;
    b->next = spare[class].first;
    spare[class].first = b;
    spare[class].n++;
}

size_t sip_msg_pool_spare(void)
{
    size_t n = 0;
    for (unsigned class = 0; class < CLASSES; class++)
        n += spare[class].n;
    return n;
}

void sip_msg_pool_drain(void)
{
    for (unsigned class = 0; class < CLASSES; class++) {
        struct block *b = spare[class].first, *next;
        for (; b; b = next) {
            next = b->next;
            mem_free(b);
        }
        spare[class].first = NULL;
        spare[class].n = 0;
    }
}
