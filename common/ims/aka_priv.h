// SPDX-License-Identifier: Apache-2.0
// The functions f1 to f5* of TS 35.206 by themselves, for aka.c and for the published vectors.
#pragma once

#include "ims/aka.h"

struct milenage {
    uint8_t mac_a[8], mac_s[8]; // f1, f1*
    uint8_t res[8];             // f2
    uint8_t ck[16], ik[16];     // f3, f4
    uint8_t ak[6], ak_s[6];     // f5, f5*
};

// All seven at once; sqn has 48 bits. ERR_NOMEM when OpenSSL fails.
int aka_milenage(struct aka *a, const uint8_t k[16], const uint8_t opc[16], const uint8_t rand[16],
                 uint64_t sqn, const uint8_t amf[2], struct milenage *ret_m);
