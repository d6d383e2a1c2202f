// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "hss/hss_priv.h"
#include "ims/digest.h"

enum { MD5_BYTES = 16, SHA256_BYTES = 32 };

static struct str hex(struct hss_op *op, const uint8_t *p, size_t n)
{
    char *text = arena_alloc(&op->arena, 2 * n);
    if (!text)
        return STR_NONE;
    struct writer w = writer_init(text, 2 * n);
    writer_hex(&w, p, n);
    return writer_done(&w);
}

// K and OPc for AKA; HA1 under MD5 and under SHA-256 for SIP Digest, so that the algorithm can be
// changed without the password.
int hss_secret_open(struct hss_op *op, struct str impi, struct str sealed, struct hss_auth *auth)
{
    uint8_t plain[VAULT_MAX];
    size_t n = 0;
    int err = vault_open(op->ctx->vault, impi, sealed, plain, &n);
    if (!err && n != (auth->scheme == HSS_AKA ? HSS_SECRET_AKA : HSS_SECRET_DIGEST))
        err = ERR_AUTH;
    if (err) {
        OPENSSL_cleanse(plain, sizeof(plain));
        return err;
    }
    if (auth->scheme == HSS_AKA) {
        memcpy(auth->k, plain, 16);
        memcpy(auth->opc, plain + 16, 16);
    } else {
        bool sha = str_ieq(auth->algorithm, STR("SHA-256"));
        auth->ha1 = hex(op, plain, MD5_BYTES);
        auth->alt_ha1 = sha ? hex(op, plain + MD5_BYTES, SHA256_BYTES) : STR_NONE;
    }
    OPENSSL_cleanse(plain, sizeof(plain));
    return 0;
}

int hss_secret_seal_aka(struct hss_ctx *c, struct str impi, const struct aka_secret *s,
                        uint8_t ret_sealed[VAULT_MAX + VAULT_OVERHEAD], size_t *ret_n)
{
    *ret_n = sizeof(*s) + VAULT_OVERHEAD;
    return vault_seal(c->vault, impi, str_make((const char *)s, sizeof(*s)), ret_sealed);
}

static int ha1_bytes(struct digest *d, enum digest_alg alg, struct str impi, struct str realm,
                     struct str password, uint8_t *out, size_t n)
{
    char text[DIGEST_HEX_MAX];
    int err = digest_ha1(d, alg, impi, realm, password, text);
    if (!err)
        err = str_unhex(str_from(text), out, n);
    OPENSSL_cleanse(text, sizeof(text));
    return err;
}

int hss_secret_seal_digest(struct hss_ctx *c, struct str impi, struct str realm,
                           struct str password, uint8_t ret_sealed[VAULT_MAX + VAULT_OVERHEAD],
                           size_t *ret_n)
{
    struct digest *d;
    uint8_t plain[HSS_SECRET_DIGEST];
    int err = digest_new(&d);
    if (err)
        return err;
    err = ha1_bytes(d, DIGEST_MD5, impi, realm, password, plain, MD5_BYTES);
    if (!err)
        err = ha1_bytes(d, DIGEST_SHA256, impi, realm, password, plain + MD5_BYTES, SHA256_BYTES);
    digest_free(d);
    *ret_n = sizeof(plain) + VAULT_OVERHEAD;
    if (!err)
        err = vault_seal(c->vault, impi, str_make((const char *)plain, sizeof(plain)), ret_sealed);
    OPENSSL_cleanse(plain, sizeof(plain));
    return err;
}
