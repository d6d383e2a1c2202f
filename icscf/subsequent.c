// SPDX-License-Identifier: Apache-2.0
// Requests whose way is known already. Those inside a dialog and ACKs are not ours to locate: the I-CSCF is in no route
// set, so they come here by mistake. They follow their route set (RFC 3261 16.12), or go to their Request-URI, both as
// far as the routing policy lets them.
#include "base/err.h"
#include "icscf/icscf_priv.h"
#include "sip/uri.h"

struct sub_job {
    struct job job;
    struct pxy_target target;
    enum trust_side to;
};

static bool has_route(const struct pxy *p)
{
    size_t own = pxy_own_route(p) ? 1 : 0;
    return sip_msg_count(pxy_request(p), SIP_H_ROUTE) > own;
}

bool icscf_is_routed(const struct icscf *i, const struct pxy *p)
{
    const struct sip_uri *own = pxy_own_route(p);
    bool orig = false;
    if (own)
        (void)sip_uri_param(own, STR("orig"), &orig);
    return own && !orig && has_route(p) && icscf_trusts(i, p);
}

// The route set ends here and so does the Request-URI: nowhere to go.
static bool is_lost(const struct icscf *i, const struct pxy *p)
{
    const struct sip_uri *uri = sip_msg_uri(pxy_request(p));
    if (has_route(p))
        return false;
    return !uri || stack_is_own(i->stack, uri) || numbering_is_home(&i->plan, uri->host);
}

static enum step_verdict check_target(struct job *j)
{
    const struct icscf *i = j->nf;
    return is_lost(i, job_pxy(j)) ? job_fail(j, 481, "request in a dialog that does not exist here")
                                  : STEP_CONTINUE;
}

// An outsider may come this way to one of our neighbours, and is not carried on to others.
static enum step_verdict check_source(struct job *j)
{
    return icscf_trusts(j->nf, job_pxy(j)) || has_route(job_pxy(j))
               ? STEP_CONTINUE
               : job_fail(j, 403, "request inside a dialog from outside the trust domain");
}

static enum step_verdict find_next_hop(struct job *j)
{
    struct sub_job *o = (struct sub_job *)j;
    const struct icscf *i = j->nf;
    struct pxy *p = job_pxy(j);
    o->target.word = icscf_trusts(i, p) ? WORD_ROUTE : WORD_NEAR;
    if (has_route(p))
        return STEP_CONTINUE;
    const char *cause = routing_refuses(&i->routing, sip_msg_uri(pxy_request(p)));
    if (cause)
        return job_fail(j, 404, cause);
    o->target.word = WORD_FOREIGN;
    return STEP_CONTINUE;
}

static enum step_verdict leave(struct job *j)
{
    struct sub_job *o = (struct sub_job *)j;
    const struct icscf *i = j->nf;
    struct pxy *p = job_pxy(j);
    const struct sip_addr *route = sip_msg_at(pxy_request(p), SIP_H_ROUTE, pxy_own_route(p) ? 1 : 0);
    const struct sip_uri *next = route ? &route->uri : sip_msg_uri(pxy_request(p));
    o->to = next ? trust_side_of_host(&i->neighbours, next->host) : TRUST_FOREIGN;
    o->target.outside = o->to == TRUST_FOREIGN || o->to == TRUST_PARTNER;
    o->target.ctx = o;
    trust_out(o->to, i->cfg->trust.warnings == STACK_WARNINGS_FULL, pxy_request(p), pxy_edits(p));
    return STEP_CONTINUE;
}

static enum pxy_verdict on_response(void *nf, struct pxy *p, void *ctx, unsigned status,
                                    const struct sip_msg *msg, struct sip_edits *edits)
{
    const struct sub_job *o = ctx;
    (void)status;
    if (msg) {
        trust_in(o->to, msg, edits);
        icscf_hide(nf, p, msg, edits);
    }
    return PXY_PASS;
}

// Where the response comes from, and where it goes.
struct back {
    enum trust_side from, to;
};

static void keep(void *nf, struct pxy *p, void *ctx, struct writer *w)
{
    struct back b = {.from = ((const struct sub_job *)ctx)->to, .to = icscf_side(nf, p)};
    pxy_keep_bytes(w, &b, sizeof b);
}

static void late(void *nf, struct str kept, const struct sip_msg *msg, struct sip_edits *edits)
{
    struct back b;
    pxy_kept_bytes(&kept, &b, sizeof b);
    trust_in(b.from, msg, edits);
    icscf_hide_from(nf, b.to, msg, edits);
}

static enum step_verdict forward(struct job *j)
{
    static const struct pxy_forward_ops ops = {.response = on_response, .keep = keep, .late = late};
    struct sub_job *o = (struct sub_job *)j;
    o->target.leg_ms = ((const struct icscf *)j->nf)->cfg->leg_ms;
    int err = pxy_forward(job_pxy(j), &o->target, 1, &ops, j->nf);
    return err && err != ERR_STATE ? job_fail(j, 500, err_text(err)) : STEP_DONE;
}

static const struct step steps[] = {
    {"check target", check_target, "RFC 3261 16.3"},
    {"check source", check_source, "TS 24.229 4.4"},
    {"find next hop", find_next_hop, "RFC 3261 16.5"},
    {"leave", leave, "TS 24.229 4.4"},
    {"forward", forward, "RFC 3261 16.12"},
};
static const struct procedure subsequent = {"subsequent", steps, ARRAY_LEN(steps)};

void icscf_subsequent_begin(struct icscf *i, struct pxy *p)
{
    struct sub_job *o = ARENA_NEW(pxy_arena(p), struct sub_job);
    bool is_ack = sip_msg_method(pxy_request(p)) == SIP_ACK;
    if (is_ack && is_lost(i, p))
        return; // an ACK is never answered
    if (o)
        pxy_run(p, &o->job, &subsequent, &i->steps, NULL);
    else if (!is_ack)
        (void)pxy_reply(p, 500, STR_NONE, NULL);
}
