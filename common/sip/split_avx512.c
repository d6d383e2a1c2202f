// SPDX-License-Identifier: Apache-2.0
// Compiled for AVX-512 with VBMI2, called only where there is that.
#include <immintrin.h>

enum { AT_ONCE = 8 };

#include "sip/split_fast.inc"

// Bit 7: the ASCII character is a letter, a digit, '-', '.' or '_'.
static const uint8_t ascii[128] __attribute__((aligned(64))) = {
    ['-'] = 128,         ['.'] = 128,         ['_'] = 128,
    ['0' ... '9'] = 128, ['A' ... 'Z'] = 128, ['a' ... 'z'] = 128,
};

static inline struct masks classify(const char *p)
{
    __m512i c = _mm512_loadu_si512(p);
    __m512i name = _mm512_permutex2var_epi8(_mm512_load_si512(ascii), c,
                                            _mm512_load_si512(ascii + 64));
    return (struct masks){
        .lf = _mm512_cmpeq_epi8_mask(c, _mm512_set1_epi8('\n')),
        .control = _mm512_cmplt_epu8_mask(c, _mm512_set1_epi8(' ')),
        .delim = ~_mm512_movepi8_mask(_mm512_andnot_si512(c, name)),
    };
}

static const uint8_t places[SPLIT_BLOCK] __attribute__((aligned(64))) = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
};

static inline void put_lines(uint16_t *out, uint64_t marks, size_t base)
{
    __m512i packed = _mm512_maskz_compress_epi8(marks, _mm512_load_si512(places));
    __m128i eight = _mm_cvtepu8_epi16(_mm512_castsi512_si128(packed));
    eight = _mm_add_epi16(eight, _mm_set1_epi16((short)base));
    _mm_storeu_si128((__m128i *)(void *)out, eight);
}

static inline bool name_same(const char *name, const struct sip_name *x)
{
    __m256i n = _mm256_loadu_si256((const __m256i *)(const void *)name);
    __m256i text = _mm256_loadu_si256((const __m256i *)(const void *)x->text);
    __m256i mask = _mm256_loadu_si256((const __m256i *)(const void *)x->mask);
    n = _mm256_or_si256(n, _mm256_set1_epi8(0x20));
    return _mm256_testz_si256(_mm256_xor_si256(n, text), mask);
}

int sip_split_avx512(struct sip_msg *m, struct sip_parse_error *ret_err)
{
    return split(m, ret_err);
}
