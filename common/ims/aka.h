// SPDX-License-Identifier: Apache-2.0
// IMS-AKA in one place, for the HSS (vectors, resynchronisation), the S-CSCF (checking a response) and the
// UE (answering a challenge): Milenage (TS 35.206), SQN (TS 33.102 annex C), Digest-AKAv1-MD5 (RFC 3310).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct aka; // reusable context: one AES key schedule slot; not shared between threads

int aka_new(struct aka **ret_aka);
void aka_free(struct aka *a);

// OPc = OP xor E_K(OP) (TS 35.206 4.1).
int aka_opc(struct aka *a, const uint8_t k[16], const uint8_t op[16], uint8_t ret_opc[16]);

struct aka_vector {
    uint8_t rand[16], autn[16], xres[8], ck[16], ik[16];
};

// Sequence numbers are 48 bits, SEQ << 5 | IND (TS 33.102 C.1.1.1 with IND of 5 bits).
enum { AKA_IND_BITS = 5 };

int aka_generate(struct aka *a, const uint8_t k[16], const uint8_t opc[16], const uint8_t rand[16],
                 uint64_t sqn, const uint8_t amf[2], struct aka_vector *ret_v);

// USIM side. Fills xres, ck, ik and the network's SQN. ERR_AUTH: MAC wrong. SQN freshness is
// checked by aka_sqn_accept.
int aka_answer(struct aka *a, const uint8_t k[16], const uint8_t opc[16], const uint8_t rand[16],
               const uint8_t autn[16], struct aka_vector *ret_v, uint64_t *ret_sqn);
// AUTS (14 bytes) for the USIM's SQN_MS (TS 33.102 6.3.3; AMF* is zero).
int aka_auts(struct aka *a, const uint8_t k[16], const uint8_t opc[16], const uint8_t rand[16],
             uint64_t sqn_ms, uint8_t ret_auts[14]);
// HSS side: checks MAC-S and gives SQN_MS; ERR_AUTH when the MAC is wrong.
int aka_auts_check(struct aka *a, const uint8_t k[16], const uint8_t opc[16], const uint8_t rand[16],
                   const uint8_t auts[14], uint64_t *ret_sqn_ms);

// Next SQN of the HSS: SEQ + 1, IND + 1 modulo 32 (TS 33.102 C.1.2, C.3.2 time-independent profile).
uint64_t aka_sqn_next(uint64_t sqn);

// The USIM's array of 32 SEQ values (TS 33.102 C.2.2) with limit delta (0: 2^28).
struct aka_usim {
    uint64_t seq[32];
};
// Accepts sqn and records it, or false: out of range, AUTS with aka_usim_highest is due.
bool aka_usim_accept(struct aka_usim *u, uint64_t sqn, uint64_t delta);
uint64_t aka_usim_highest(const struct aka_usim *u);
