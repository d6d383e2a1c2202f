// SPDX-License-Identifier: Apache-2.0
#include "scscf/digest.h"

#include "base/arena.h"
#include "base/err.h"

// nc-value is eight hexadecimal digits (RFC 7616 3.4).
static int parse_nc(struct str s, uint32_t *ret_nc)
{
    unsigned char b[4];
    if (str_unhex(s, b, sizeof b))
        return ERR_BAD;
    *ret_nc = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return 0;
}

// Of what was offered the UE has chosen (RFC 8760 2.4); without a word it is MD5 (RFC 7616 3.3), or what it
// was offered alone.
static bool answers_md5(const struct challenge *c, struct str given)
{
    return c->md5_secret.n && (!given.n || str_ieq(given, STR("MD5")));
}

static bool alg_fits(const struct challenge *c, struct str given)
{
    if (!given.n || answers_md5(c, given))
        return true;
    if (c->scheme == AUTH_AKA)
        return str_ieq(given, STR("AKAv1-MD5"));
    return str_ieq(given, c->alg == DIGEST_MD5 ? STR("MD5") : STR("SHA-256"));
}

// SIP Digest is always challenged with qop; AKA may be answered without (RFC 3310 3.4).
static bool well_formed(const struct challenge *c, const struct sip_auth *auth, uint32_t *ret_nc)
{
    bool has_qop = auth->qop.n > 0;
    *ret_nc = 0;
    if (!auth->uri.n || !auth->response.n || !alg_fits(c, auth->algorithm))
        return false;
    if (!has_qop)
        return c->scheme == AUTH_AKA;
    return str_ieq(auth->qop, STR("auth")) && auth->cnonce.n && parse_nc(auth->nc, ret_nc) == 0 &&
           *ret_nc;
}

static int ha1_of(struct digest *d, const struct challenge *c, const struct sip_auth *auth,
                  char room[DIGEST_HEX_MAX], struct str *ret_ha1)
{
    if (c->scheme == AUTH_DIGEST) {
        *ret_ha1 = answers_md5(c, auth->algorithm) ? c->md5_secret : c->secret;
        return 0;
    }
    int err = digest_ha1(d, DIGEST_MD5, auth->username, c->realm, c->secret, room);
    *ret_ha1 = str_from(room);
    return err;
}

static struct str info(struct arena *a, const struct sip_auth *auth, const char *rspauth)
{
    return ARENA_CAT(a, STR("qop=auth,rspauth=\""), str_from(rspauth), STR("\",cnonce=\""),
                     auth->cnonce, STR("\",nc="), auth->nc);
}

enum digest_check digest_check(struct digest *d, const struct challenge *c,
                               const struct sip_auth *auth, struct str method, struct arena *a,
                               uint32_t *ret_nc, struct str *ret_info)
{
    char room[DIGEST_HEX_MAX] = "", want[DIGEST_HEX_MAX] = "";
    uint32_t nc;
    struct digest_params p = {.alg = c->alg, .nonce = c->nonce, .method = method, .uri = auth->uri,
                              .qop = auth->qop, .nc = auth->nc, .cnonce = auth->cnonce};
    if (!well_formed(c, auth, &nc))
        return DIGEST_MALFORMED;
    if (answers_md5(c, auth->algorithm))
        p.alg = DIGEST_MD5;
    if (ha1_of(d, c, auth, room, &p.ha1) || digest_response(d, &p, want))
        return DIGEST_FAILED;
    if (!digest_equal(str_from(want), auth->response))
        return DIGEST_WRONG;
    if (nc && nc <= c->nc)
        return DIGEST_REPLAYED;
    if (ret_info)
        *ret_info = STR_NONE;
    p.response_side = true;
    if (ret_info && c->scheme == AUTH_DIGEST) {
        if (digest_response(d, &p, want))
            return DIGEST_FAILED;
        *ret_info = info(a, auth, want);
    }
    *ret_nc = nc;
    return DIGEST_RIGHT;
}

struct str digest_challenge(struct arena *a, const struct challenge *c, enum digest_alg alg, bool stale)
{
    return ARENA_CAT(a, STR("Digest realm=\""), c->realm, STR("\",nonce=\""), c->nonce,
                     STR("\",algorithm="), alg == DIGEST_MD5 ? STR("MD5") : STR("SHA-256"),
                     STR(",qop=\"auth\""), stale ? STR(",stale=true") : STR(""));
}

int digest_alg_from(struct str name, enum digest_alg *ret_alg)
{
    if (!name.n || str_ieq(name, STR("MD5")))
        *ret_alg = DIGEST_MD5;
    else if (str_ieq(name, STR("SHA-256")))
        *ret_alg = DIGEST_SHA256;
    else
        return ERR_UNSUPPORTED;
    return 0;
}
