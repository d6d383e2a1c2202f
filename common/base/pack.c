// SPDX-License-Identifier: Apache-2.0
#include "base/pack.h"

#include "base/err.h"

int pack_read_name(struct str digits, uint64_t *ret_name)
{
    unsigned char bytes[8];
    uint64_t name = 0;
    size_t n = digits.n / 2;
    if (n > sizeof bytes || str_unhex(digits, bytes, n))
        return ERR_BAD;
    for (size_t i = 0; i < n; i++)
        name = name << 8 | bytes[i];
    if (!name || name > UINT64_MAX / 2 || digits.n % 2 != 0)
        return ERR_BAD;
    *ret_name = name;
    return 0;
}
