// SPDX-License-Identifier: Apache-2.0
#include "ims/aka_priv.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/err.h"
#include "base/mem.h"

enum { BLOCK = 16, SQN_BYTES = 6, MAC_BYTES = 8, N_OUT = 5 };

struct aka {
    EVP_CIPHER *aes;
    EVP_CIPHER_CTX *ctx;
    uint8_t key[BLOCK];
    bool keyed; // ctx holds the schedule of key
};

void aka_free(struct aka *a)
{
    if (!a)
        return;
    EVP_CIPHER_CTX_free(a->ctx);
    EVP_CIPHER_free(a->aes);
    OPENSSL_cleanse(a, sizeof(*a));
    mem_free(a);
}

int aka_new(struct aka **ret_aka)
{
    struct aka *a = mem_zalloc(sizeof(*a));
    if (!a)
        return ERR_NOMEM;
    a->aes = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
    a->ctx = EVP_CIPHER_CTX_new();
    if (!a->aes || !a->ctx) {
        aka_free(a);
        return ERR_NOMEM;
    }
    *ret_aka = a;
    return 0;
}

// The schedule is kept: a subscriber's challenge, resynchronisation and vectors share it.
static int use_key(struct aka *a, const uint8_t k[BLOCK])
{
    if (a->keyed && CRYPTO_memcmp(a->key, k, BLOCK) == 0)
        return 0;
    a->keyed = false;
    const EVP_CIPHER *aes = EVP_CIPHER_CTX_get0_cipher(a->ctx) ? NULL : a->aes;
    if (EVP_EncryptInit_ex2(a->ctx, aes, k, NULL, NULL) != 1)
        return ERR_NOMEM;
    EVP_CIPHER_CTX_set_padding(a->ctx, 0);
    memcpy(a->key, k, BLOCK);
    a->keyed = true;
    return 0;
}

static int encrypt(struct aka *a, const uint8_t *in, size_t n_blocks, uint8_t *out)
{
    int n = 0;
    if (EVP_EncryptUpdate(a->ctx, out, &n, in, (int)(n_blocks * BLOCK)) != 1)
        return ERR_NOMEM;
    return 0;
}

static void xor_block(uint8_t *out, const uint8_t *x, const uint8_t *y)
{
    for (size_t i = 0; i < BLOCK; i++)
        out[i] = x[i] ^ y[i];
}

static void xor_sqn(uint8_t *out, const uint8_t *x, const uint8_t *y)
{
    for (size_t i = 0; i < SQN_BYTES; i++)
        out[i] = x[i] ^ y[i];
}

static void sqn_write(uint64_t sqn, uint8_t out[SQN_BYTES])
{
    for (size_t i = 0; i < SQN_BYTES; i++)
        out[i] = (uint8_t)(sqn >> (8 * (SQN_BYTES - 1 - i)));
}

static uint64_t sqn_read(const uint8_t in[SQN_BYTES])
{
    uint64_t v = 0;
    for (size_t i = 0; i < SQN_BYTES; i++)
        v = v << 8 | in[i];
    return v;
}

int aka_opc(struct aka *a, const uint8_t k[16], const uint8_t op[16], uint8_t ret_opc[16])
{
    uint8_t e[BLOCK];
    int err = use_key(a, k);
    if (!err)
        err = encrypt(a, op, 1, e);
    if (!err)
        xor_block(ret_opc, e, op);
    return err;
}

// TS 35.206 4.1: rotations r2 to r5 in bytes, and the last byte of c2 to c5. OUT1 mixes in SQN and
// AMF before TEMP, so it has a line of its own.
static const uint8_t rotation[N_OUT] = {8, 0, 4, 8, 12};
static const uint8_t constant[N_OUT] = {0, 1, 2, 4, 8};

static void out1_input(uint8_t in[BLOCK], const uint8_t temp[BLOCK], const uint8_t opc[BLOCK],
                       uint64_t sqn, const uint8_t amf[2])
{
    uint8_t in1[BLOCK];
    sqn_write(sqn, in1);
    memcpy(in1 + SQN_BYTES, amf, 2);
    memcpy(in1 + 8, in1, 8);
    for (size_t i = 0; i < BLOCK; i++) {
        size_t from = (i + rotation[0]) % BLOCK;
        in[i] = temp[i] ^ in1[from] ^ opc[from];
    }
}

static void out_input(uint8_t in[BLOCK], const uint8_t temp[BLOCK], const uint8_t opc[BLOCK],
                      size_t which)
{
    for (size_t i = 0; i < BLOCK; i++) {
        size_t from = (i + rotation[which]) % BLOCK;
        in[i] = temp[from] ^ opc[from];
    }
    in[BLOCK - 1] ^= constant[which];
}

// The five blocks go through AES in one call: the call costs more than the block.
int aka_milenage(struct aka *a, const uint8_t k[16], const uint8_t opc[16], const uint8_t rand[16],
                 uint64_t sqn, const uint8_t amf[2], struct milenage *ret_m)
{
    uint8_t temp[BLOCK], in[N_OUT * BLOCK], out[N_OUT * BLOCK];
    int err = use_key(a, k);
    if (err)
        return err;
    xor_block(in, rand, opc);
    err = encrypt(a, in, 1, temp);
    if (err)
        return err;
    out1_input(in, temp, opc, sqn, amf);
    for (size_t i = 1; i < N_OUT; i++)
        out_input(in + i * BLOCK, temp, opc, i);
    err = encrypt(a, in, N_OUT, out);
    if (err)
        return err;
    for (size_t i = 0; i < N_OUT; i++)
        xor_block(out + i * BLOCK, out + i * BLOCK, opc);
    memcpy(ret_m->mac_a, out, MAC_BYTES);
    memcpy(ret_m->mac_s, out + MAC_BYTES, MAC_BYTES);
    memcpy(ret_m->ak, out + 16, SQN_BYTES);
    memcpy(ret_m->res, out + 24, sizeof(ret_m->res));
    memcpy(ret_m->ck, out + 32, BLOCK);
    memcpy(ret_m->ik, out + 48, BLOCK);
    memcpy(ret_m->ak_s, out + 64, SQN_BYTES);
    return 0;
}

static void vector_fill(struct aka_vector *v, const struct milenage *m, const uint8_t rand[BLOCK],
                        const uint8_t autn[BLOCK])
{
    memmove(v->rand, rand, BLOCK);
    memmove(v->autn, autn, BLOCK);
    memcpy(v->xres, m->res, sizeof(v->xres));
    memcpy(v->ck, m->ck, BLOCK);
    memcpy(v->ik, m->ik, BLOCK);
}

// AUTN = SQN xor AK || AMF || MAC (TS 33.102 6.3.2)
int aka_generate(struct aka *a, const uint8_t k[16], const uint8_t opc[16], const uint8_t rand[16],
                 uint64_t sqn, const uint8_t amf[2], struct aka_vector *ret_v)
{
    struct milenage m;
    int err = aka_milenage(a, k, opc, rand, sqn, amf, &m);
    if (err)
        return err;
    uint8_t autn[BLOCK];
    sqn_write(sqn, autn);
    xor_sqn(autn, autn, m.ak);
    memcpy(autn + SQN_BYTES, amf, 2);
    memcpy(autn + 8, m.mac_a, MAC_BYTES);
    vector_fill(ret_v, &m, rand, autn);
    return 0;
}

// The MAC covers the SQN that only f5 reveals, hence two runs.
int aka_answer(struct aka *a, const uint8_t k[16], const uint8_t opc[16], const uint8_t rand[16],
               const uint8_t autn[16], struct aka_vector *ret_v, uint64_t *ret_sqn)
{
    struct milenage m;
    const uint8_t *amf = autn + SQN_BYTES;
    int err = aka_milenage(a, k, opc, rand, 0, amf, &m);
    if (err)
        return err;
    uint8_t sqn_bytes[SQN_BYTES];
    xor_sqn(sqn_bytes, autn, m.ak);
    uint64_t sqn = sqn_read(sqn_bytes);
    err = aka_milenage(a, k, opc, rand, sqn, amf, &m);
    if (err)
        return err;
    if (CRYPTO_memcmp(m.mac_a, autn + 8, MAC_BYTES) != 0)
        return ERR_AUTH;
    vector_fill(ret_v, &m, rand, autn);
    *ret_sqn = sqn;
    return 0;
}

static const uint8_t amf_resync[2] = {0, 0}; // TS 33.102 6.3.3

// AUTS = SQN_MS xor AK* || MAC-S
int aka_auts(struct aka *a, const uint8_t k[16], const uint8_t opc[16], const uint8_t rand[16],
             uint64_t sqn_ms, uint8_t ret_auts[14])
{
    struct milenage m;
    int err = aka_milenage(a, k, opc, rand, sqn_ms, amf_resync, &m);
    if (err)
        return err;
    sqn_write(sqn_ms, ret_auts);
    xor_sqn(ret_auts, ret_auts, m.ak_s);
    memcpy(ret_auts + SQN_BYTES, m.mac_s, MAC_BYTES);
    return 0;
}

int aka_auts_check(struct aka *a, const uint8_t k[16], const uint8_t opc[16],
                   const uint8_t rand[16], const uint8_t auts[14], uint64_t *ret_sqn_ms)
{
    struct milenage m;
    int err = aka_milenage(a, k, opc, rand, 0, amf_resync, &m);
    if (err)
        return err;
    uint8_t sqn_bytes[SQN_BYTES];
    xor_sqn(sqn_bytes, auts, m.ak_s);
    uint64_t sqn = sqn_read(sqn_bytes);
    err = aka_milenage(a, k, opc, rand, sqn, amf_resync, &m);
    if (err)
        return err;
    if (CRYPTO_memcmp(m.mac_s, auts + SQN_BYTES, MAC_BYTES) != 0)
        return ERR_AUTH;
    *ret_sqn_ms = sqn;
    return 0;
}

enum { IND_MASK = (1 << AKA_IND_BITS) - 1 };
#define SQN_MASK ((UINT64_C(1) << 48) - 1)
#define DELTA_DEFAULT (UINT64_C(1) << 28) // TS 33.102 C.3.2

uint64_t aka_sqn_next(uint64_t sqn)
{
    uint64_t seq = (sqn >> AKA_IND_BITS) + 1;
    uint64_t ind = (sqn + 1) & IND_MASK;
    return (seq << AKA_IND_BITS | ind) & SQN_MASK;
}

static size_t highest_ind(const struct aka_usim *u)
{
    size_t best = 0;
    for (size_t i = 1; i <= IND_MASK; i++)
        if (u->seq[i] > u->seq[best])
            best = i;
    return best;
}

// TS 33.102 C.2.2: newer than the entry of its IND, and no wild jump ahead of the highest.
bool aka_usim_accept(struct aka_usim *u, uint64_t sqn, uint64_t delta)
{
    uint64_t seq = sqn >> AKA_IND_BITS, ind = sqn & IND_MASK;
    uint64_t highest = u->seq[highest_ind(u)];
    if (seq > highest && seq - highest > (delta ? delta : DELTA_DEFAULT))
        return false;
    if (seq <= u->seq[ind])
        return false;
    u->seq[ind] = seq;
    return true;
}

uint64_t aka_usim_highest(const struct aka_usim *u)
{
    size_t ind = highest_ind(u);
    return u->seq[ind] << AKA_IND_BITS | ind;
}
