// SPDX-License-Identifier: Apache-2.0
// Compiled for AVX-512 BW, called only where there is AVX-512 VBMI: the processors that have it do
// not slow down for wide registers.
#include <immintrin.h>

#include "sip/split_fast.inc"

// The two table look-ups of split_avx2.c.
static inline __m512i classes_of(__m512i c)
{
    const __m512i low = _mm512_broadcast_i32x4(_mm_setr_epi8(
        (char)0xda, (char)0xde, (char)0xde, (char)0xde, (char)0xde, (char)0xde, (char)0xde,
        (char)0xde, (char)0xde, 0x5e, 0x5c, (char)0xc4, (char)0xc4, 0x45, (char)0xc5, (char)0xcc));
    const __m512i high = _mm512_broadcast_i32x4(_mm_setr_epi8(
        (char)0x80, 0x40, 0x01, 0x02, 0x04, 0x08, 0x04, 0x10, 0, 0, 0, 0, 0, 0, 0, 0));
    __m512i upper = _mm512_and_si512(_mm512_srli_epi16(c, 4), _mm512_set1_epi8(15));
    return _mm512_and_si512(_mm512_shuffle_epi8(low, c), _mm512_shuffle_epi8(high, upper));
}

static inline struct masks classify(const char *p)
{
    __m512i c = _mm512_loadu_si512(p), classes = classes_of(c);
    return (struct masks){
        .lf = _mm512_cmpeq_epi8_mask(c, _mm512_set1_epi8('\n')),
        .cr = _mm512_cmpeq_epi8_mask(c, _mm512_set1_epi8('\r')),
        .white = _mm512_cmpeq_epi8_mask(c, _mm512_set1_epi8(' ')) |
                 _mm512_cmpeq_epi8_mask(c, _mm512_set1_epi8('\t')),
        .control = _mm512_test_epi8_mask(classes, _mm512_set1_epi8((char)0xc0)),
        .delim = _mm512_testn_epi8_mask(classes, _mm512_set1_epi8(0x1f)),
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

int sip_split_avx512(struct sip_msg *m, struct sip_parse_error *ret_err)
{
    return split(m, ret_err);
}
