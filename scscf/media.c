// SPDX-License-Identifier: Apache-2.0
#include "scscf/media.h"

#include "base/err.h"

// Parameter of our Record-Route: the number of the profile that holds in the dialog.
#define ROUTE_PARAM "media"

struct media_profile {
    uint32_t id;
    struct media_policy policy;
};

struct media_rules {
    struct arena arena;
    struct media_policy all; // of the network
    bool refuse_unlisted;
    size_t n;
    struct media_profile *profiles;
};

static int read_rules(struct media_rules *r, const struct scscf_config *c)
{
    const struct scscf_media_profile *from = c->media.profiles.v;
    int err = node_read_media(&c->media.policy, &r->arena, &r->all);
    r->refuse_unlisted = c->media.unlisted == SCSCF_MEDIA_REFUSE;
    r->profiles = arena_alloc(&r->arena, c->media.profiles.n * sizeof *r->profiles);
    for (size_t i = 0; !err && r->profiles && i < c->media.profiles.n; i++) {
        r->profiles[i].id = from[i].id;
        err = node_read_media(&from[i].allowed, &r->arena, &r->profiles[i].policy);
        r->n++;
    }
    return r->profiles ? err : ERR_NOMEM;
}

int media_rules_new(const struct scscf_config *c, struct media_rules **ret_rules)
{
    struct media_rules *r = mem_zalloc(sizeof *r);
    if (!r)
        return ERR_NOMEM;
    arena_init(&r->arena, NULL, 0);
    int err = read_rules(r, c);
    if (err)
        media_rules_free(r);
    else
        *ret_rules = r;
    return err;
}

void media_rules_free(struct media_rules *r)
{
    if (!r)
        return;
    arena_done(&r->arena);
    mem_free(r);
}

static const struct media_policy *find(const struct media_rules *r, uint32_t id)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->profiles[i].id == id)
            return &r->profiles[i].policy;
    return NULL;
}

static void add(struct media_policies *p, const struct media_policy *policy)
{
    if (policy && !media_policy_is_open(policy))
        p->of[p->n++] = policy;
}

// What holds for a user; a number that nobody has configured allows nothing where it is to be
// refused.
static struct media_policies policies_of(const struct media_rules *r, bool subscribed, uint32_t id)
{
    static const struct str nothing[] = {STR_INIT("-")};
    static const struct media_policy none = {.types = {nothing, 1}};
    struct media_policies p = {.n = 0};
    const struct media_policy *own = subscribed ? find(r, id) : NULL;
    add(&p, &r->all);
    add(&p, subscribed && !own && r->refuse_unlisted ? &none : own);
    return p;
}

static enum step_verdict check(struct job *j, bool subscribed, uint32_t id)
{
    struct scscf *s = j->nf;
    struct pxy *p = job_pxy(j);
    struct media_refusal r;
    struct media_policies policies = policies_of(s->media, subscribed, id);
    if (media_policy_allows(&policies, &s->cfg->sdp, pxy_request(p), pxy_arena(p), s->cfg->domain,
                            &r))
        return STEP_CONTINUE;
    scscf_count(s, SC_MEDIA_REFUSED);
    s->sdp_limits[r.limit]++;
    j->reject = (struct reject){.status = r.status, .cause = r.cause, .extra = r.extra};
    return STEP_REJECT;
}

enum step_verdict media_check(struct job *j, const struct service_profile *profile)
{
    return check(j, profile->has_media_profile, profile->media_profile);
}

enum step_verdict media_check_subsequent(struct job *j)
{
    const struct sip_uri *own = pxy_own_route(job_pxy(j));
    uint32_t id = 0;
    bool subscribed = own && !str_u32(sip_uri_param(own, STR(ROUTE_PARAM), NULL), &id);
    return check(j, subscribed, id);
}

struct str media_route(const struct scscf *s, struct arena *a, const char *user,
                       const struct service_profile *profile)
{
    struct str route = scscf_route(s, a, user);
    bool held = profile->has_media_profile &&
                (find(s->media, profile->media_profile) || s->media->refuse_unlisted);
    if (!held || !route.n)
        return route;
    return arena_printf(a, "%.*s;" ROUTE_PARAM "=%u>", (int)route.n - 1, route.p,
                        profile->media_profile);
}
