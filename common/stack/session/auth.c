// SPDX-License-Identifier: Apache-2.0
#include "stack/session/auth.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

// ANSWERS_MAX: a request is challenged, and once more when its nonce has become stale meanwhile.
enum { ANSWERS_MAX = 2 };

struct held {
    bool used;
    struct uac_challenge c; // texts in mem
    struct arena mem;
};

struct uac_auth {
    const struct uac_auth_ops *ops;
    void *arg;
    struct held held[UAC_REALMS_MAX];
};

int uac_auth_new(const struct uac_auth_ops *ops, void *arg, struct uac_auth **ret_auth)
{
    struct uac_auth *au = mem_zalloc(sizeof *au);
    if (!au)
        return ERR_NOMEM;
    au->ops = ops;
    au->arg = arg;
    for (size_t i = 0; i < UAC_REALMS_MAX; i++)
        arena_init(&au->held[i].mem, NULL, 0);
    *ret_auth = au;
    return 0;
}

void uac_auth_free(struct uac_auth *au)
{
    for (size_t i = 0; au && i < UAC_REALMS_MAX; i++)
        arena_done(&au->held[i].mem);
    mem_free(au);
}

static uint64_t text_key(struct str s)
{
    return hash_bytes(s.p ? s.p : "", s.n) | 1;
}

static uint64_t realm_key(bool proxy, struct str realm)
{
    return (text_key(realm) << 1 | proxy) | 1ull << 63;
}

// The row of this realm; else a free one, NULL when there is none.
static struct held *find_held(struct uac_auth *au, bool proxy, struct str realm)
{
    struct held *empty = NULL;
    for (size_t i = 0; i < UAC_REALMS_MAX; i++) {
        struct held *h = &au->held[i];
        if (h->used && h->c.proxy == proxy && str_eq(h->c.realm, realm))
            return h;
        if (!h->used && !empty)
            empty = h;
    }
    return empty;
}

static size_t attempt_of(const struct uac_attempts *t, uint64_t realm)
{
    size_t i = 0;
    while (i < UAC_REALMS_MAX && t->of[i].realm && t->of[i].realm != realm)
        i++;
    return i;
}

static bool offers_auth(struct str qop)
{
    while (qop.n)
        if (str_ieq(str_trim(str_split(&qop, ',')), STR("auth")))
            return true;
    return false;
}

// RFC 3261 22.3, RFC 7616 3.3: credentials for this very nonce were refused, or right ones would
// not have been.
static bool is_refusal(const struct uac_attempts *t, size_t i, const struct sip_auth *a)
{
    if (t->of[i].nonce == text_key(a->nonce))
        return true;
    return t->of[i].answered >= ANSWERS_MAX ||
           (t->of[i].answered && !str_ieq(a->stale, STR("true")));
}

static bool hold(struct held *h, bool proxy, const struct sip_auth *a)
{
    // A nonce that comes again goes on being counted (RFC 7616 3.4).
    uint32_t nc = h->used && str_eq(h->c.nonce, a->nonce) ? h->c.nc : 0;
    arena_done(&h->mem);
    h->c = (struct uac_challenge){.proxy = proxy,
                                  .realm = arena_dup(&h->mem, a->realm),
                                  .nonce = arena_dup(&h->mem, a->nonce),
                                  .opaque = a->opaque.p ? arena_dup(&h->mem, a->opaque) : STR_NONE,
                                  .algorithm = arena_dup(&h->mem, a->algorithm),
                                  .has_qop = offers_auth(a->qop),
                                  .nc = nc};
    h->used = !h->mem.failed;
    return h->used;
}

// One challenge: 1 taken, 0 not for us, -1 credentials refused.
static int take_one(struct uac_auth *au, struct uac_attempts *t, bool proxy,
                    const struct sip_auth *a)
{
    size_t i = attempt_of(t, realm_key(proxy, a->realm));
    if (i == UAC_REALMS_MAX || !au->ops->can(au->arg, a))
        return 0;
    struct held *h = find_held(au, proxy, a->realm);
    if (!h)
        return 0;
    if (is_refusal(t, i, a)) {
        h->used = false; // the next request is asked anew
        return -1;
    }
    t->of[i].realm = realm_key(proxy, a->realm);
    t->of[i].answered++;
    return hold(h, proxy, a);
}

// Has a challenge of the same realm been taken from before the one at index end?
static bool taken_before(const struct sip_msg *m, enum sip_hid id, size_t end, struct str realm,
                         uint64_t taken)
{
    for (size_t i = 0; i < end && i < 64; i++) {
        const struct sip_auth *a = sip_msg_at(m, id, i);
        if ((taken >> i & 1) && a && str_eq(a->realm, realm))
            return true;
    }
    return false;
}

// How many were taken; -1: one was a refusal.
static int take_all(struct uac_auth *au, struct uac_attempts *t, const struct sip_msg *m,
                    enum sip_hid id)
{
    int n = 0;
    uint64_t taken = 0;
    struct sip_iter it = sip_iter_init(m, id);
    for (const struct sip_auth *a; (a = sip_iter_next(&it));) {
        size_t i = sip_iter_index(&it);
        if (i >= 64 || taken_before(m, id, i, a->realm, taken))
            continue;
        int r = take_one(au, t, id == SIP_H_PROXY_AUTHENTICATE, a);
        if (r < 0)
            return -1;
        n += r;
        taken |= (uint64_t)r << i;
    }
    return n;
}

bool uac_auth_take(struct uac_auth *au, struct uac_attempts *t, const struct sip_msg *response)
{
    int servers = take_all(au, t, response, SIP_H_WWW_AUTHENTICATE);
    int proxies = take_all(au, t, response, SIP_H_PROXY_AUTHENTICATE);
    return servers >= 0 && proxies >= 0 && servers + proxies > 0;
}

void uac_auth_add(struct uac_auth *au, struct uac_attempts *t, struct sip_edits *headers,
                  struct str method, struct str uri)
{
    for (size_t i = 0; i < UAC_REALMS_MAX; i++) {
        struct held *h = &au->held[i];
        if (!h->used)
            continue;
        size_t at = attempt_of(t, realm_key(h->c.proxy, h->c.realm));
        if (at == UAC_REALMS_MAX)
            continue;
        h->c.nc++;
        struct str v = au->ops->credentials(au->arg, headers->arena, &h->c, method, uri);
        if (!v.n)
            continue;
        t->of[at].realm = realm_key(h->c.proxy, h->c.realm);
        t->of[at].nonce = text_key(h->c.nonce);
        sip_edit_append(headers, h->c.proxy ? SIP_H_PROXY_AUTHORIZATION : SIP_H_AUTHORIZATION, v);
    }
}
