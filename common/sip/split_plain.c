// SPDX-License-Identifier: Apache-2.0
// The first pass in plain C: where there is nothing better, and what the others are compared with.
enum { AT_ONCE = 4 };

#include "sip/split_fast.inc"

static inline struct masks classify(const char *p)
{
    struct masks k = {0};
    for (unsigned i = 0; i < SPLIT_BLOCK; i++) {
        uint64_t bit = (uint64_t)1 << i;
        char c = p[i];
        if (!ch_is(c, CH_ALPHA | CH_DIGIT) && c != '-' && c != '.' && c != '_')
            k.delim |= bit;
        if (c == '\n')
            k.lf |= bit;
        if ((unsigned char)c < 0x20)
            k.control |= bit;
    }
    return k;
}

static inline void put_lines(uint16_t *out, uint64_t marks, size_t base)
{
    for (size_t i = 0; i < AT_ONCE; i++, marks &= marks - 1)
        out[i] = (uint16_t)(base + (size_t)__builtin_ctzll(marks | (uint64_t)1 << 63));
}

static inline bool name_same(const char *name, const struct sip_name *x)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < NAME_READ; i += 8) {
        uint64_t n, text, mask;
        memcpy(&n, name + i, 8);
        memcpy(&text, x->text + i, 8);
        memcpy(&mask, x->mask + i, 8);
        differ |= ((n | 0x2020202020202020u) ^ text) & mask;
    }
    return differ == 0;
}

int sip_split_plain(struct sip_msg *m, struct sip_parse_error *ret_err)
{
    return split(m, ret_err);
}
