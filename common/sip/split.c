// SPDX-License-Identifier: Apache-2.0
// Which first pass is taken: the best that this processor can run.
#include "sip/split.h"

// AVX-512 with VBMI2: processors that have it do not slow down for wide registers.
size_t split_passes(sip_split_fn *ret_passes[SPLIT_PASSES])
{
    size_t n = 0;
#ifdef SIP_HAVE_AVX
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
        __builtin_cpu_supports("bmi2"))
        ret_passes[n++] = sip_split_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
        ret_passes[n++] = sip_split_avx2;
    ret_passes[n++] = sip_split_sse2;
#endif
    ret_passes[n++] = sip_split_plain;
    return n;
}

static sip_split_fn *best;

__attribute__((constructor)) static void best_init(void)
{
    sip_split_fn *passes[SPLIT_PASSES];
#ifdef SIP_HAVE_AVX
    __builtin_cpu_init();
#endif
    (void)split_passes(passes);
    best = passes[0];
}

int sip_split(struct sip_msg *m, struct sip_parse_error *ret_err)
{
    return best(m, ret_err);
}
