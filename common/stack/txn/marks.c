// SPDX-License-Identifier: Apache-2.0
#include "stack/txn/marks.h"

static struct mark *find(struct marks *m, uint64_t key)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].key == key)
            return &m->v[i];
    return NULL;
}

static struct mark *place(struct marks *m)
{
    size_t first = 0;
    if (m->n < MARKS_MAX)
        return &m->v[m->n++];
    for (size_t i = 1; i < m->n; i++)
        if (m->v[i].until < m->v[first].until)
            first = i;
    return &m->v[first];
}

// Failures of what was under way when the mark was set say nothing new.
static bool says_something(const struct mark *k, uint64_t now_ms)
{
    return k->probing || now_ms >= k->until;
}

void marks_set(struct marks *m, uint64_t key, uint64_t now_ms, uint32_t ms)
{
    struct mark *k = find(m, key);
    uint8_t failures = k ? k->failures : 0;
    if (k && !says_something(k, now_ms))
        return;
    if (!k)
        k = place(m);
    *k = (struct mark){.key = key, .failures = (uint8_t)(failures + 1)};
    if (k->failures > MARKS_DOUBLINGS + 1)
        k->failures = MARKS_DOUBLINGS + 1;
    k->until = now_ms + ((uint64_t)ms << (k->failures - 1));
}

void marks_clear(struct marks *m, uint64_t key)
{
    struct mark *k = find(m, key);
    if (k)
        *k = m->v[--m->n];
}

bool marks_has(struct marks *m, uint64_t key, uint64_t now_ms, bool probe)
{
    struct mark *k = find(m, key);
    if (!k)
        return false;
    if (now_ms < k->until || !probe)
        return true;
    k->probing = true;
    k->until = now_ms + MARKS_PROBE_MS;
    return false;
}
