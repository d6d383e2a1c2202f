// SPDX-License-Identifier: Apache-2.0
// The first pass for every x86-64.
#include <emmintrin.h>

enum { AT_ONCE = 4 };

#include "sip/split_fast.inc"

// first <= c <= first + more, as unsigned bytes
static inline __m128i between(__m128i c, char first, char more)
{
    __m128i off = _mm_sub_epi8(c, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(off, _mm_set1_epi8(more)), off);
}

static inline uint64_t bits(__m128i m, unsigned shift)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(m) << shift;
}

static inline struct masks classify(const char *p)
{
    struct masks k = {0};
    for (unsigned i = 0; i < SPLIT_BLOCK; i += 16) {
        __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i letter = between(_mm_or_si128(c, _mm_set1_epi8(0x20)), 'a', 25);
        __m128i mark = _mm_or_si128(between(c, '-', 1), _mm_cmpeq_epi8(c, _mm_set1_epi8('_')));
        __m128i name = _mm_or_si128(_mm_or_si128(letter, mark), between(c, '0', 9));
        k.lf |= bits(_mm_cmpeq_epi8(c, _mm_set1_epi8('\n')), i);
        k.control |= bits(between(c, 0, 0x1f), i);
        k.delim |= bits(name, i);
    }
    k.delim = ~k.delim;
    return k;
}
static inline void put_lines(uint16_t *out, uint64_t marks, size_t base)
{
    for (size_t i = 0; i < AT_ONCE; i++, marks &= marks - 1)
        out[i] = (uint16_t)(base + (size_t)__builtin_ctzll(marks | (uint64_t)1 << 63));
}

static inline bool name_same(const char *name, const struct sip_name *x)
{
    __m128i differ = _mm_setzero_si128();
    for (size_t i = 0; i < NAME_READ; i += 16) {
        __m128i n = _mm_loadu_si128((const __m128i *)(const void *)(name + i));
        __m128i text = _mm_loadu_si128((const __m128i *)(const void *)(x->text + i));
        __m128i mask = _mm_loadu_si128((const __m128i *)(const void *)(x->mask + i));
        n = _mm_xor_si128(_mm_or_si128(n, _mm_set1_epi8(0x20)), text);
        differ = _mm_or_si128(differ, _mm_and_si128(n, mask));
    }
    return _mm_movemask_epi8(_mm_cmpeq_epi8(differ, _mm_setzero_si128())) == 0xffff;
}

int sip_split_sse2(struct sip_msg *m, struct sip_parse_error *ret_err)
{
    return split(m, ret_err);
}
