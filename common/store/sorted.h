// SPDX-License-Identifier: Apache-2.0
// Where each record of a log lies, by key, in order: chunks of pointers, and an array of the chunks. Nothing is ever
// rebuilt at once, so no insertion is slow; keys that come in order (a snapshot's) are added at the end without a search.
#pragma once

#include "base/str.h"

// One record. Belongs to whoever made it; adding and removing only links.
struct sorted_entry {
    uint64_t version;
    uint64_t place;
    uint32_t value_n;
    uint16_t key_n;
    bool gone; // deleted by a batch that is not on the disk yet
    char key[];
};

struct sorted {
    struct sorted_chunk **chunks;
    size_t n_chunks, cap;
    size_t n; // entries
};

struct sorted_at {
    size_t chunk, i;
};

static inline struct str sorted_key(const struct sorted_entry *e)
{
    return str_make(e->key, e->key_n);
}

// All zero, it is empty and valid. Frees the entries too.
void sorted_done(struct sorted *s);
struct sorted_entry *sorted_find(const struct sorted *s, struct str key);
// The key must not be there. ERR_NOMEM.
int sorted_add(struct sorted *s, struct sorted_entry *e);
// e must be there. Takes no memory, frees none of e.
void sorted_remove(struct sorted *s, const struct sorted_entry *e);
// The first entry whose key is not smaller than key, or, with after, larger.
struct sorted_at sorted_from(const struct sorted *s, struct str key, bool after);
// The entry there, and on to the next one; NULL at the end. Nothing may be added or removed between two calls.
struct sorted_entry *sorted_next(const struct sorted *s, struct sorted_at *at);
// Bytes that the index itself takes, without the entries.
size_t sorted_memory(const struct sorted *s);
