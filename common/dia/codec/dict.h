// SPDX-License-Identifier: Apache-2.0
// The loaded dictionary, for the codec's own files.
#pragma once

#include "dia/codec/codec.h"

struct dict_object;
struct dictionary;

enum { DIA_LOADED_MAX = 32 };

struct dia_entry {
    uint64_t key;
    const struct dia_avp *row; // NULL: a free place
    struct dict_object *object;
};

struct dia_dict {
    struct dictionary *fd;
    struct dia_entry *places; // a table of which at most half is taken, by key
    unsigned bits;            // of its size
    size_t n;
    const struct dia_interface *loaded[DIA_LOADED_MAX];
    size_t n_loaded;
    unsigned refs;
};

static inline const struct dia_entry *dia_dict_find(const struct dia_dict *d, uint64_t key)
{
    size_t mask = ((size_t)1 << d->bits) - 1;
    size_t i = (size_t)(key * 0x9e3779b97f4a7c15ull >> (64 - d->bits));
    while (d->places[i].row && d->places[i].key != key)
        i = (i + 1) & mask;
    return &d->places[i];
}

// Does an AVP with this code hold AVPs?
static inline bool dia_dict_grouped(const struct dia_dict *d, uint32_t code, uint32_t vendor)
{
    const struct dia_avp *row = dia_dict_find(d, DIA_KEY(code, vendor))->row;
    return row && row->type == DIA_GROUPED;
}
