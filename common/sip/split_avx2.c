// SPDX-License-Identifier: Apache-2.0
// Compiled for AVX2, called only where there is AVX2.
#include <immintrin.h>

#include "sip/split_fast.inc"

// Two table look-ups, by the low and by the high half of the byte, meet in the classes of the byte.
// Bits 0 to 4: letters, digits and "-._" by column of the ASCII table; 6 and 7: control characters.
static inline __m256i classes_of(__m256i c)
{
    const __m256i low = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        (char)0xda, (char)0xde, (char)0xde, (char)0xde, (char)0xde, (char)0xde, (char)0xde,
        (char)0xde, (char)0xde, 0x5e, 0x5c, (char)0xc4, (char)0xc4, 0x45, (char)0xc5, (char)0xcc));
    const __m256i high = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        (char)0x80, 0x40, 0x01, 0x02, 0x04, 0x08, 0x04, 0x10, 0, 0, 0, 0, 0, 0, 0, 0));
    __m256i upper = _mm256_and_si256(_mm256_srli_epi16(c, 4), _mm256_set1_epi8(15));
    return _mm256_and_si256(_mm256_shuffle_epi8(low, c), _mm256_shuffle_epi8(high, upper));
}

static inline uint64_t bits(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

static inline struct masks classify(const char *p)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
    __m256i lf = _mm256_set1_epi8('\n'), cr = _mm256_set1_epi8('\r');
    __m256i name = _mm256_set1_epi8(0x1f), zero = _mm256_setzero_si256();
    __m256i sp = _mm256_set1_epi8(' '), tab = _mm256_set1_epi8('\t');
    __m256i ca = classes_of(a), cb = classes_of(b);
    return (struct masks){
        .lf = bits(_mm256_cmpeq_epi8(a, lf), _mm256_cmpeq_epi8(b, lf)),
        .cr = bits(_mm256_cmpeq_epi8(a, cr), _mm256_cmpeq_epi8(b, cr)),
        .white = bits(_mm256_or_si256(_mm256_cmpeq_epi8(a, sp), _mm256_cmpeq_epi8(a, tab)),
                      _mm256_or_si256(_mm256_cmpeq_epi8(b, sp), _mm256_cmpeq_epi8(b, tab))),
        .control = bits(_mm256_or_si256(ca, _mm256_slli_epi16(ca, 1)),
                        _mm256_or_si256(cb, _mm256_slli_epi16(cb, 1))),
        .delim = bits(_mm256_cmpeq_epi8(_mm256_and_si256(ca, name), zero),
                      _mm256_cmpeq_epi8(_mm256_and_si256(cb, name), zero)),
    };
}

static inline bool name_same(const char *name, const struct sip_name *x)
{
    __m256i n = _mm256_loadu_si256((const __m256i *)(const void *)name);
    __m256i text = _mm256_loadu_si256((const __m256i *)(const void *)x->text);
    __m256i mask = _mm256_loadu_si256((const __m256i *)(const void *)x->mask);
    n = _mm256_or_si256(n, _mm256_set1_epi8(0x20));
    return _mm256_testz_si256(_mm256_xor_si256(n, text), mask);
}

int sip_split_avx2(struct sip_msg *m, struct sip_parse_error *ret_err)
{
    return split(m, ret_err);
}
