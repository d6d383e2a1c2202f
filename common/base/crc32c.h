// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli), the checksum of what lies on a disk: it finds torn and rotten bytes, not forged ones.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Goes on from crc, which is 0 at the beginning. By the processor's instruction where there is one.
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
// The same by tables, for machines without it; its equal in the test.
uint32_t crc32c_plain(uint32_t crc, const void *p, size_t n);
