// SPDX-License-Identifier: Apache-2.0
// The first pass with what every processor of the architecture can do: SSE2 on x86-64, plain C
// elsewhere.
#include "sip/split_fast.inc"

#ifdef __SSE2__
#include <emmintrin.h>

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
        __m128i lf = _mm_cmpeq_epi8(c, _mm_set1_epi8('\n'));
        __m128i cr = _mm_cmpeq_epi8(c, _mm_set1_epi8('\r'));
        __m128i tab = _mm_cmpeq_epi8(c, _mm_set1_epi8('\t'));
        __m128i allowed = _mm_or_si128(_mm_or_si128(lf, cr), tab);
        __m128i letter = between(_mm_or_si128(c, _mm_set1_epi8(0x20)), 'a', 25);
        __m128i mark = _mm_or_si128(between(c, '-', 1), _mm_cmpeq_epi8(c, _mm_set1_epi8('_')));
        __m128i name = _mm_or_si128(_mm_or_si128(letter, mark), between(c, '0', 9));
        k.lf |= bits(lf, i);
        k.cr |= bits(cr, i);
        k.white |= bits(_mm_or_si128(tab, _mm_cmpeq_epi8(c, _mm_set1_epi8(' '))), i);
        k.control |= bits(_mm_andnot_si128(allowed, between(c, 0, 0x1f)), i);
        k.delim |= bits(name, i);
    }
    k.delim = ~k.delim;
    return k;
}
#else
static inline struct masks classify(const char *p)
{
    struct masks k = {0};
    for (unsigned i = 0; i < SPLIT_BLOCK; i++) {
        uint64_t bit = (uint64_t)1 << i;
        char c = p[i];
        if (!ch_is(c, CH_ALPHA | CH_DIGIT) && c != '-' && c != '.' && c != '_')
            k.delim |= bit;
        if (c == ' ' || c == '\t')
            k.white |= bit;
        if (c == '\n')
            k.lf |= bit;
        else if (c == '\r')
            k.cr |= bit;
        else if ((unsigned char)c < 0x20 && c != '\t')
            k.control |= bit;
    }
    return k;
}
#endif

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

int sip_split_base(struct sip_msg *m, struct sip_parse_error *ret_err)
{
    return split(m, ret_err);
}
