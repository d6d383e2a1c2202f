// SPDX-License-Identifier: Apache-2.0
#include "ims/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"

enum { N_ALG = 2 };

struct digest {
    EVP_MD *md[N_ALG];
    EVP_MD_CTX *ctx;
};

static const char *const md_names[N_ALG] = {[DIGEST_MD5] = "MD5", [DIGEST_SHA256] = "SHA256"};

void digest_free(struct digest *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < N_ALG; i++)
        EVP_MD_free(d->md[i]);
    EVP_MD_CTX_free(d->ctx);
    mem_free(d);
}

int digest_new(struct digest **ret_d)
{
    struct digest *d = mem_zalloc(sizeof(*d));
    if (!d)
        return ERR_NOMEM;
    bool ok = true;
    for (size_t i = 0; i < N_ALG; i++)
        ok = (d->md[i] = EVP_MD_fetch(NULL, md_names[i], NULL)) && ok;
    d->ctx = EVP_MD_CTX_new();
    if (!ok || !d->ctx) {
        digest_free(d);
        return ERR_NOMEM;
    }
    *ret_d = d;
    return 0;
}

// H(part:part:...) as hexadecimal; parts with p NULL are left out with their colon.
static int hash_joined(struct digest *d, enum digest_alg alg, const struct str *parts, size_t n,
                       char ret_hex[DIGEST_HEX_MAX])
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned raw_n = 0;
    bool ok = EVP_DigestInit_ex2(d->ctx, d->md[alg], NULL) == 1, first = true;
    for (size_t i = 0; i < n; i++) {
        if (!parts[i].p)
            continue;
        if (!first)
            ok = ok && EVP_DigestUpdate(d->ctx, ":", 1) == 1;
        ok = ok && EVP_DigestUpdate(d->ctx, parts[i].p, parts[i].n) == 1;
        first = false;
    }
    if (!ok || EVP_DigestFinal_ex(d->ctx, raw, &raw_n) != 1)
        return ERR_NOMEM;
    struct writer w = writer_init(ret_hex, DIGEST_HEX_MAX - 1);
    writer_hex(&w, raw, raw_n);
    ret_hex[w.n] = '\0';
    return 0;
}

static struct str present(struct str s)
{
    return s.p ? s : STR("");
}

int digest_ha1(struct digest *d, enum digest_alg alg, struct str user, struct str realm,
               struct str password, char ret_hex[DIGEST_HEX_MAX])
{
    const struct str a1[] = {present(user), present(realm), present(password)};
    return hash_joined(d, alg, a1, ARRAY_LEN(a1), ret_hex);
}

// A2 (RFC 7616 3.4.3); auth-int covers the body, rspauth has an empty method.
static int ha2(struct digest *d, const struct digest_params *p, char ret_hex[DIGEST_HEX_MAX])
{
    char body[DIGEST_HEX_MAX];
    struct str body_hex = STR_NONE;
    if (str_ieq(p->qop, STR("auth-int"))) {
        const struct str whole[] = {present(p->body)};
        int err = hash_joined(d, p->alg, whole, 1, body);
        if (err)
            return err;
        body_hex = str_from(body);
    }
    const struct str a2[] = {p->response_side ? STR("") : present(p->method), present(p->uri),
                             body_hex};
    return hash_joined(d, p->alg, a2, ARRAY_LEN(a2), ret_hex);
}

int digest_response(struct digest *d, const struct digest_params *p, char ret_hex[DIGEST_HEX_MAX])
{
    char a2[DIGEST_HEX_MAX];
    int err = ha2(d, p, a2);
    if (err)
        return err;
    bool qop = p->qop.n > 0;
    const struct str all[] = {
        present(p->ha1),
        present(p->nonce),
        qop ? present(p->nc) : STR_NONE,
        qop ? present(p->cnonce) : STR_NONE,
        qop ? p->qop : STR_NONE,
        str_from(a2),
    };
    return hash_joined(d, p->alg, all, ARRAY_LEN(all), ret_hex);
}

static unsigned char fold(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'F' ? (unsigned char)(u | 0x20) : u;
}

bool digest_equal(struct str a, struct str b)
{
    if (a.n != b.n || a.n == 0)
        return false;
    unsigned char diff = 0;
    for (size_t i = 0; i < a.n; i++)
        diff |= fold(a.p[i]) ^ fold(b.p[i]);
    return diff == 0;
}
