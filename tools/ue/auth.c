// SPDX-License-Identifier: Apache-2.0
// Answering challenges: IMS-AKA (TS 33.203 6.1, RFC 3310) with resynchronisation, and SIP Digest,
// which is what proxies ask for (RFC 3261 22.3; how often is the session core's business).
#include "tools/ue/ue_priv.h"

#include <openssl/evp.h>

#include "base/err.h"
#include "base/writer.h"

enum { NONCE_BYTES_MAX = 256, AKA_NONCE_BYTES = 32 };

void auth_init(struct phone *ph)
{
    arena_init(&ph->registrar.mem, NULL, 0);
    ph->registrar.with_aka = ph->has_aka;
}

void auth_done(struct phone *ph)
{
    arena_done(&ph->registrar.mem);
    uac_auth_free(ph->proofs);
}

// base64 of s into out; number of bytes, or ERR_BAD.
static int unbase64(struct str s, uint8_t *out, size_t cap)
{
    uint8_t all[NONCE_BYTES_MAX * 3 / 4 + 3];
    if (s.n == 0 || s.n % 4 || s.n > NONCE_BYTES_MAX)
        return ERR_BAD;
    int n = EVP_DecodeBlock(all, (const unsigned char *)s.p, (int)s.n);
    for (size_t i = s.n; n > 0 && i > s.n - 2 && s.p[i - 1] == '='; i--)
        n--;
    if (n < 0 || (size_t)n > cap)
        return ERR_BAD;
    memcpy(out, all, (size_t)n);
    return n;
}

// RAND and AUTN to RES, or to AUTS when the network's SQN is not fresh (TS 33.102 6.3.3, 6.3.5).
static int answer_aka(struct phone *ph, struct challenge *c)
{
    uint8_t nonce[NONCE_BYTES_MAX];
    int n = unbase64(c->nonce, nonce, sizeof nonce);
    if (n < AKA_NONCE_BYTES)
        return ERR_BAD;
    struct aka_vector v;
    uint64_t sqn;
    int e = aka_answer(ph->hub->aka, ph->k, ph->opc, nonce, nonce + 16, &v, &sqn);
    if (e == ERR_AUTH) // TS 24.229 5.1.1.5.3: no response, no AUTS
        return 0;
    if (e)
        return e;
    if (!aka_usim_accept(&ph->usim, sqn, 0)) {
        c->has_auts = true;
        return aka_auts(ph->hub->aka, ph->k, ph->opc, nonce, aka_usim_highest(&ph->usim), c->auts);
    }
    memcpy(c->res, v.xres, sizeof c->res);
    c->res_n = sizeof c->res;
    return 0;
}

static bool known_algorithm(const struct auth *au, struct str alg, struct challenge *c)
{
    c->aka = au->with_aka && str_ieq(alg, STR("AKAv1-MD5"));
    c->alg = str_ieq(alg, STR("SHA-256")) ? DIGEST_SHA256 : DIGEST_MD5;
    if (au->with_aka)
        return c->aka;
    return alg.n == 0 || str_ieq(alg, STR("MD5")) || c->alg == DIGEST_SHA256;
}

static bool offers_auth(struct str qop)
{
    while (qop.n)
        if (str_ieq(str_trim(str_split(&qop, ',')), STR("auth")))
            return true;
    return false;
}

static int take(struct phone *ph, struct auth *au, const struct sip_auth *auth)
{
    struct challenge c = {0};
    if (!str_ieq(auth->scheme, STR("Digest")) || !known_algorithm(au, auth->algorithm, &c))
        return ERR_UNSUPPORTED;
    // A nonce that comes again goes on being counted (RFC 7616 3.4).
    if (au->held && str_eq(au->challenge.nonce, auth->nonce))
        c.nc = au->challenge.nc;
    struct arena *a = &au->mem;
    arena_done(a);
    c.nonce = arena_dup(a, auth->nonce);
    c.realm = arena_dup(a, auth->realm);
    c.opaque = auth->opaque.p ? arena_dup(a, auth->opaque) : STR_NONE;
    c.algorithm = arena_dup(a, auth->algorithm);
    c.qop = offers_auth(auth->qop) ? STR("auth") : STR_NONE;
    au->held = !a->failed;
    int e = a->failed ? ERR_NOMEM : c.aka ? answer_aka(ph, &c) : 0;
    au->challenge = c;
    return e;
}

int auth_challenge(struct phone *ph, const struct sip_msg *resp)
{
    struct sip_iter it = sip_iter_init(resp, SIP_H_WWW_AUTHENTICATE);
    int e = ERR_UNSUPPORTED;
    for (const struct sip_auth *auth; e && (auth = sip_iter_next(&it));)
        e = take(ph, &ph->registrar, auth);
    return e;
}

// The digest over RES (any bytes) or the password; empty when AKA gave none.
static struct str response(struct phone *ph, const struct challenge *c, struct arena *a,
                           struct str method, struct str uri, struct str nc, struct str cnonce)
{
    char ha1[DIGEST_HEX_MAX], hex[DIGEST_HEX_MAX];
    struct str secret = c->aka ? str_make((const char *)c->res, c->res_n) : ph->password;
    if (c->aka && c->res_n == 0 && !c->has_auts)
        return STR("");
    if (c->has_auts) // RFC 3310 3.4: an empty password stands for RES
        secret = STR("");
    uint8_t wrong[sizeof c->res];
    if (ph->wrong_res) {
        memset(wrong, 0xee, sizeof wrong);
        secret = str_make((const char *)wrong, sizeof wrong);
    }
    if (digest_ha1(ph->hub->digest, c->alg, ph->impi, c->realm, secret, ha1))
        return STR_NONE;
    struct digest_params dp = {.alg = c->alg,
                               .ha1 = str_from(ha1),
                               .nonce = c->nonce,
                               .method = method,
                               .uri = uri,
                               .qop = c->qop,
                               .nc = nc,
                               .cnonce = cnonce};
    if (digest_response(ph->hub->digest, &dp, hex))
        return STR_NONE;
    return arena_dup(a, str_from(hex));
}

static struct str initial(struct phone *ph, struct arena *a, struct str uri)
{
    // A plain SIP phone sends nothing before it is challenged (TS 24.229 5.4.1.1 finds it by its IMPU).
    if (!ph->has_aka)
        return STR_NONE;
    return arena_printf(a, "Digest username=\"%.*s\", realm=\"%.*s\", nonce=\"\", uri=\"%.*s\", "
                           "response=\"\"",
                        STR_ARG(ph->impi), STR_ARG(ph->domain), STR_ARG(uri));
}

static struct str auts_param(const struct challenge *c, struct arena *a)
{
    unsigned char b64[24];
    if (!c->has_auts)
        return STR("");
    EVP_EncodeBlock(b64, c->auts, sizeof c->auts);
    return arena_printf(a, ", auts=\"%s\"", b64);
}

static struct str credentials(struct phone *ph, const struct challenge *c, struct arena *a,
                              struct str method, struct str uri)
{
    struct str nc = arena_printf(a, "%08x", c->nc), cnonce = ua_random_text(ph->hub->loop, a, 8);
    struct str resp = response(ph, c, a, method, uri, nc, cnonce);
    struct str head = arena_printf(
        a, "Digest username=\"%.*s\", realm=\"%.*s\", nonce=\"%.*s\", uri=\"%.*s\", response=\"%.*s\"",
        STR_ARG(ph->impi), STR_ARG(c->realm), STR_ARG(c->nonce), STR_ARG(uri), STR_ARG(resp));
    struct str alg = c->algorithm.n ? ARENA_CAT(a, STR(", algorithm="), c->algorithm) : STR("");
    struct str qop = c->qop.n ? ARENA_CAT(a, STR(", qop="), c->qop, STR(", nc="), nc,
                                          STR(", cnonce=\""), cnonce, STR("\""))
                              : STR("");
    struct str opaque =
        c->opaque.p ? ARENA_CAT(a, STR(", opaque=\""), c->opaque, STR("\"")) : STR("");
    return ARENA_CAT(a, head, alg, qop, opaque, auts_param(c, a));
}

struct str auth_value(struct phone *ph, struct arena *a, struct str method, struct str uri)
{
    struct auth *au = &ph->registrar;
    if (!au->held)
        return initial(ph, a, uri);
    au->challenge.nc++;
    return credentials(ph, &au->challenge, a, method, uri);
}

// ---- proxies, and servers behind them: SIP Digest alone (TS 33.203 N.2.1) ----

static bool can_prove(void *arg, const struct sip_auth *auth)
{
    const struct phone *ph = arg;
    struct auth digest = {.with_aka = false};
    struct challenge c;
    bool has_password = !ph->has_aka || ph->password.n;
    return has_password && str_ieq(auth->scheme, STR("Digest")) && known_algorithm(&digest, auth->algorithm, &c);
}

static struct str proof(void *arg, struct arena *a, const struct uac_challenge *u, struct str method, struct str uri)
{
    struct auth digest = {.with_aka = false};
    struct challenge c = {.nonce = u->nonce, .realm = u->realm, .opaque = u->opaque, .algorithm = u->algorithm, .nc = u->nc,
                          .qop = u->has_qop ? STR("auth") : STR_NONE};
    (void)known_algorithm(&digest, u->algorithm, &c);
    return credentials(arg, &c, a, method, uri);
}

const struct uac_auth_ops auth_proofs = {.can = can_prove, .credentials = proof};
