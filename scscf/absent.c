// SPDX-License-Identifier: Apache-2.0
// Who is called and is not registered here (TS 29.228 6.1.2.1): which identity of the profile the
// call means, what it is answered, and what the HSS hears in the end. The HSS tries a distinct
// identity before a wildcarded one, each in the readings of what was called (ims/impu.h); so does
// this.
#include "base/err.h"
#include "base/log.h"
#include "ims/wildcard.h"
#include "scscf/scscf_priv.h"

struct readings {
    struct str v[IMPU_READINGS_MAX];
    size_t n;
};

static struct readings readings(const struct scscf *s, struct arena *a, struct str impu)
{
    struct readings r = {.v = {impu}, .n = 1};
    struct sip_uri uri;
    if (sip_uri_parse(a, impu, &uri) == 0)
        impu_readings(a, &s->plan, &uri, r.v, &r.n);
    return r;
}

static bool has(const struct readings *r, struct str impu)
{
    for (size_t i = 0; impu.n && i < r->n; i++)
        if (str_eq(r->v[i], impu))
            return true;
    return false;
}

// In whatever reading the HSS found it.
static bool covers(const struct scscf *s, const struct readings *r, struct str pattern)
{
    for (size_t i = 0; i < r->n; i++)
        if (scscf_key_covers(s, pattern, r->v[i]))
            return true;
    return false;
}

static struct reject verdict(const struct profile *p, size_t i)
{
    if (p && i < profile_identity_count(p) && profile_identity_at(p, i).barred)
        return (struct reject){.status = 404, .cause = "called identity is barred"};
    return (struct reject){.status = 480, .cause = "called user is not registered"};
}

struct reject absent_known(const struct scscf *s, struct arena *a, const struct served *who)
{
    struct readings r = readings(s, a, who->impu);
    size_t i;
    const struct unregistered_user *u = unregistered_find(s->unregistered, r.v, r.n, who->key, &i);
    return u ? verdict(u->profile, i) : (struct reject){0};
}

// ---- what the HSS has given ----

static struct str canonical_pattern(const struct scscf *s, struct arena *a, struct str text)
{
    const char *why;
    return text.n ? wildcard_canon(a, &s->plan, text, &why) : STR_NONE;
}

// The identity of the profile that was called, named: by its wildcarded one. Its count: none of
// them.
static size_t which(const struct scscf *s, struct arena *a, const struct profile *p,
                    const struct readings *r, struct str named)
{
    size_t n = profile_identity_count(p), by_name = n, by_pattern = n;
    for (size_t i = 0; i < n; i++) {
        struct profile_identity id = profile_identity_at(p, i);
        struct str pattern = canonical_pattern(s, a, profile_identity_pattern(&id));
        if (has(r, impu_canon_text(a, &s->plan, id.uri)))
            return i;
        if (by_name == n && named.n && str_eq(pattern, named))
            by_name = i;
        if (by_pattern == n && covers(s, r, pattern))
            by_pattern = i;
    }
    return by_name < n ? by_name : by_pattern;
}

// By which the HSS is told: the identity that was called as the set has it; of a wildcarded one the
// set's default, which any HSS knows. Empty: neither is there.
static struct str distinct(const struct scscf *s, struct arena *a, const struct profile *p,
                           size_t i)
{
    if (!p || i >= profile_identity_count(p))
        return STR_NONE;
    struct profile_identity id = profile_identity_at(p, i);
    if (profile_identity_pattern(&id).n)
        i = profile_default(p);
    return i < profile_identity_count(p)
               ? arena_dup(a, impu_canon_text(a, &s->plan, profile_identity_at(p, i).uri))
               : STR_NONE;
}

static struct reject keep(struct scscf *s, struct arena *a, const struct served *who,
                          const struct cx_saa *saa)
{
    struct readings r = readings(s, a, who->impu);
    struct str named = canonical_pattern(s, a, saa->wildcard);
    struct profile *p = NULL;
    struct xml_error why;
    if (saa->user_data.n)
        (void)profile_parse(s->profiles, saa->user_data, &p, &why);
    size_t i = p ? which(s, a, p, &r, named.n ? named : who->key) : 0;
    struct reject verdict_of = verdict(p, i);
    struct str impu = distinct(s, a, p, i);
    struct unregistered_new n = {.called = who->impu,
                                 .impu = impu.n ? impu : who->impu, // as in the question
                                 .by_pattern = !impu.n,
                                 .impi = arena_dup(a, saa->impi.n ? saa->impi
                                                      : p         ? profile_impi(p)
                                                                  : STR_NONE),
                                 .profile = p,
                                 .index = i,
                                 .bytes = saa->user_data.n};
    unregistered_add(s->unregistered, &n);
    return verdict_of;
}

struct reject absent_take(struct scscf *s, const struct served *who, const struct cx_saa *saa)
{
    char room[4096];
    struct arena a;
    struct reject r = verdict(NULL, 0);
    arena_init(&a, room, sizeof room);
    if (!scscf_serving(s, who, NULL))
        r = keep(s, &a, who, saa);
    arena_done(&a);
    return r;
}

// ---- what the HSS hears ----

// Who has registered meanwhile is served here all the same.
void absent_given_back(void *arg, const struct unregistered_user *u)
{
    struct scscf *s = arg;
    struct outbox_note n = {CX_TIMEOUT_DEREGISTRATION, STR_NONE, u->impi, u->impu, u->by_pattern};
    if (!cx_is_bound(s, &n))
        cx_tell(s, &n);
}

// Without a key, too, a pattern may be what covers who was called: an outsider's key does not count, and not every HSS
// names the pattern. A set that stays assigned here costs a question more, one that is ended costs the user his calls.
void absent_doubt(struct scscf *s, const struct served *who)
{
    struct outbox_note n = {CX_TIMEOUT_DEREGISTRATION, STR_NONE, STR_NONE, who->impu, true};
    char room[2048];
    struct arena a;
    arena_init(&a, room, sizeof room);
    bool kept = absent_known(s, &a, who).status != 0;
    arena_done(&a);
    if (kept || cx_is_bound(s, &n))
        return;
    // Whoever calls names them while the HSS is silent: they push out nothing that is certain.
    if (outbox_waiting(s->outbox) < outbox_size(s->outbox) / 2)
        cx_tell(s, &n);
    else
        LOG(LOG_WARN,
            "the HSS is not told that a called user is not served here, outbox.size is half "
            "reached",
            LF("impu", who->impu));
}
