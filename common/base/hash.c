// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

static uint64_t process_key[2] = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

void hash_seed(uint64_t k0, uint64_t k1)
{
    process_key[0] = k0;
    process_key[1] = k1;
}

static inline uint64_t rotl(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

uint64_t hash_bytes(const void *p, size_t n)
{
    return hash_keyed(process_key, p, n);
}

// Aumasson and Bernstein, "SipHash: a fast short-input PRF", with c=1 and d=3.
uint64_t hash_keyed(const uint64_t key[2], const void *p, size_t n)
{
    const unsigned char *b = p;
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                     key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
    uint64_t last = (uint64_t)n << 56, m;
    size_t left = n;
    for (; left >= 8; left -= 8, b += 8) {
        memcpy(&m, b, 8);
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)b[i] << (8 * i);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
