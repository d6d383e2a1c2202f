// SPDX-License-Identifier: Apache-2.0
// Values of Authorization, WWW-Authenticate and Authentication-Info: what was read is written and
// read again; and the Digest of whatever values they are.
#include "base/arena.h"
#include "base/err.h"
#include "base/writer.h"
#include "fuzz.h"
#include "ims/digest.h"
#include "sip/cursor.h"
#include "sip/families.h"

static char out[1 << 18];

static void same(const struct sip_auth *v, const struct sip_auth *x)
{
    const struct str a[] = {v->scheme, v->username, v->realm, v->nonce, v->uri, v->response,
                            v->algorithm, v->cnonce, v->opaque, v->qop, v->nc, v->auts, v->ck,
                            v->ik, v->integrity_protected, v->stale, v->nextnonce, v->rspauth};
    const struct str b[] = {x->scheme, x->username, x->realm, x->nonce, x->uri, x->response,
                            x->algorithm, x->cnonce, x->opaque, x->qop, x->nc, x->auts, x->ck,
                            x->ik, x->integrity_protected, x->stale, x->nextnonce, x->rspauth};
    for (size_t i = 0; i < sizeof a / sizeof *a; i++)
        MUST(str_eq(a[i], b[i]) && !a[i].p == !b[i].p);
}

// By the response the right answer is known again, whatever its case, and nothing else is.
static void digest(struct digest *d, const struct sip_auth *v)
{
    char ha1[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX], upper[DIGEST_HEX_MAX];
    bool sha = str_istarts(v->algorithm, STR("SHA-256"));
    struct digest_params p = {.alg = sha ? DIGEST_SHA256 : DIGEST_MD5,
                              .nonce = v->nonce,
                              .method = STR("REGISTER"),
                              .uri = v->uri,
                              .qop = v->qop,
                              .nc = v->nc,
                              .cnonce = v->cnonce};
    MUST(digest_ha1(d, p.alg, v->username, v->realm, STR("secret"), ha1) == 0);
    p.ha1 = str_from(ha1);
    if (digest_response(d, &p, response))
        return;
    size_t n = strlen(response);
    MUST(n == (sha ? 64 : 32));
    for (size_t i = 0; i <= n; i++)
        upper[i] = response[i] >= 'a' ? (char)(response[i] - 32) : response[i];
    MUST(digest_equal(str_from(response), str_from(upper)));
    MUST(digest_equal(v->response, str_from(response)) ==
         digest_equal(str_from(response), v->response));
    response[n - 1] = response[n - 1] == '0' ? '1' : '0';
    MUST(!digest_equal(str_from(response), str_from(upper)));
}

static int read_alone(struct arena *a, bool info, struct str s, struct sip_auth *v)
{
    struct cur c = cur_init(a, s);
    cur_sws(&c);
    (info ? sip_auth_info_read : sip_auth_read)(&c, v);
    return cur_finish(&c);
}

void fuzz_sip_auth(struct str input)
{
    static struct digest *d;
    if (!d)
        MUST(digest_new(&d) == 0);
    struct arena a;
    struct sip_auth v, again;
    struct writer w = writer_init(out, sizeof out);
    bool info = fuzz_byte(&input) & 1;
    arena_init(&a, NULL, 0);
    int e = read_alone(&a, info, input, &v);
    if (!e) {
        sip_auth_write(&w, &v);
        MUST(!w.failed);
        e = read_alone(&a, info, writer_done(&w), &again);
        MUST(e == 0);
        same(&v, &again);
        digest(d, &v);
    }
    arena_done(&a);
}
