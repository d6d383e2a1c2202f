// SPDX-License-Identifier: Apache-2.0
#include "pcscf/shared.h"

#include "base/hash.h"
#include "base/mem.h"
#include "ims/wildcard.h"

struct shared {
    UT_hash_handle hh;
    size_t users;
    struct wildcard *pattern;
    bool no_pattern; // it was tried
    struct str text; // in the same allocation
};

struct shared *shared_get(struct shared **table, struct str text)
{
    text = text.n ? text : STR(""); // the hash reads what it is given
    struct shared *t;
    HASH_FIND(hh, *table, text.p, text.n, t);
    if (t) {
        t->users++;
        return t;
    }
    t = mem_zalloc(sizeof *t + text.n);
    if (!t)
        return NULL;
    memcpy(t + 1, text.p, text.n);
    t->text = str_make((char *)(t + 1), text.n);
    t->users = 1;
    HASH_ADD_KEYPTR(hh, *table, t->text.p, t->text.n, t);
    if (t->hh.tbl)
        return t;
    mem_free(t);
    return NULL;
}

void shared_put(struct shared **table, struct shared *t)
{
    if (!t || --t->users)
        return;
    HASH_DEL(*table, t);
    wildcard_free(t->pattern);
    mem_free(t);
}

struct str shared_text(const struct shared *t)
{
    return t ? t->text : STR_NONE;
}

bool shared_has(const struct shared *table, struct str text)
{
    const struct shared *t;
    HASH_FIND(hh, table, text.p, text.n, t);
    return t != NULL;
}

size_t shared_count(const struct shared *table)
{
    return HASH_COUNT(table);
}

const struct wildcard *shared_pattern(struct shared *t)
{
    if (!t->pattern && !t->no_pattern) {
        t->pattern = wildcard_new(t->text);
        t->no_pattern = !t->pattern;
    }
    return t->pattern;
}
