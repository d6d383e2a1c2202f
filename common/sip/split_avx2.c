// SPDX-License-Identifier: Apache-2.0
// Compiled for AVX2, called only where there is AVX2.
#include <immintrin.h>

enum { AT_ONCE = 4 };

#include "sip/split_fast.inc"

// Two table look-ups, by the low and by the high half of the byte, meet in the classes of the byte:
// letters, digits and "-._" by column of the ASCII table. 0: a delimiter.
static inline __m256i classes_of(__m256i c)
{
    const __m256i low = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0x1a, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1e, 0x1c, 0x04, 0x04, 0x05, 0x05,
        0x0c));
    const __m256i high = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, 0x01, 0x02, 0x04, 0x08, 0x04, 0x10, 0, 0, 0, 0, 0, 0, 0, 0));
    __m256i upper = _mm256_and_si256(_mm256_srli_epi16(c, 4), _mm256_set1_epi8(15));
    return _mm256_and_si256(_mm256_shuffle_epi8(low, c), _mm256_shuffle_epi8(high, upper));
}

static inline __m256i below_blank(__m256i c)
{
    return _mm256_cmpeq_epi8(_mm256_min_epu8(c, _mm256_set1_epi8(0x1f)), c);
}

static inline uint64_t bits(__m256i low, __m256i high)
{
    return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

static inline struct masks classify(const char *p)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
    __m256i lf = _mm256_set1_epi8('\n'), zero = _mm256_setzero_si256();
    return (struct masks){
        .lf = bits(_mm256_cmpeq_epi8(a, lf), _mm256_cmpeq_epi8(b, lf)),
        .control = bits(below_blank(a), below_blank(b)),
        .delim = bits(_mm256_cmpeq_epi8(classes_of(a), zero),
                      _mm256_cmpeq_epi8(classes_of(b), zero)),
    };
}

static inline void put_lines(uint16_t *out, uint64_t marks, size_t base)
{
    for (size_t i = 0; i < AT_ONCE; i++, marks &= marks - 1)
        out[i] = (uint16_t)(base + (size_t)__builtin_ctzll(marks | (uint64_t)1 << 63));
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
