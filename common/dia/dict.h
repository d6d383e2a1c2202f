// SPDX-License-Identifier: Apache-2.0
// The loaded dictionary, for the codec's own files.
#pragma once

#include "dia/codec.h"

struct dict_object;
struct dictionary;

enum { DIA_GROUPED_CODES = 4096, DIA_INTERFACES = 8 };

struct dia_dict {
    struct dictionary *fd;
    struct dict_object *avp[AVP_COUNT]; // by AVP id; NULL: not loaded
    uint64_t key[AVP_COUNT];            // dia_avp_key of each
    const struct dia_interface *loaded[DIA_INTERFACES];
    size_t n_loaded;
    unsigned refs;
    uint64_t grouped[2][DIA_GROUPED_CODES / 64]; // vendor 0 and 3GPP: codes that hold AVPs
};

static inline uint64_t dia_avp_key(uint32_t code, uint32_t vendor)
{
    return (uint64_t)vendor << 32 | code;
}

static inline bool dia_dict_grouped(const struct dia_dict *d, uint32_t code, uint32_t vendor)
{
    if (code >= DIA_GROUPED_CODES || (vendor != 0 && vendor != DIA_VENDOR_3GPP))
        return false;
    return d->grouped[vendor != 0][code / 64] >> (code % 64) & 1;
}
