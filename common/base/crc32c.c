// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.h"

#include <stdbool.h>
#include <string.h>

// Four bits at a time: a table that needs no start-up, for machines that have no instruction for
// it.
static const uint32_t nibble[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t crc32c_plain(uint32_t crc, const void *p, size_t n)
{
    const unsigned char *c = p;
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= c[i];
        crc = crc >> 4 ^ nibble[crc & 15];
        crc = crc >> 4 ^ nibble[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const void *p,
                                                                 size_t n)
{
    const unsigned char *c = p;
    uint64_t v = (uint32_t)~crc;
    for (; n >= 8; n -= 8, c += 8) {
        uint64_t eight;
        memcpy(&eight, c, sizeof eight);
        v = __builtin_ia32_crc32di(v, eight);
    }
    for (; n > 0; n--)
        v = __builtin_ia32_crc32qi((uint32_t)v, *c++);
    return ~(uint32_t)v;
}

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
    return __builtin_cpu_supports("sse4.2") ? by_instruction(crc, p, n) : crc32c_plain(crc, p, n);
}
#else
uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
    return crc32c_plain(crc, p, n);
}
#endif
