// SPDX-License-Identifier: Apache-2.0
// Requests inside a dialog and ACKs (TS 24.229 5.4.3.2, 5.4.3.3; RFC 3261 16.12). They follow the
// route set, which needs no memory of the user or of the dialog: a restarted S-CSCF passes them too.
#include "base/err.h"
#include "scscf/media.h"

struct sub_job {
    struct job job;
    struct pxy_target target;
    enum trust_side to;
    bool lent; // see scscf_keep_back
};

static size_t routes_left(const struct pxy *p)
{
    size_t own = pxy_own_route(p) ? 1 : 0, n = sip_msg_count(pxy_request(p), SIP_H_ROUTE);
    return n > own ? n - own : 0;
}

// Beyond the next hop there is another S-CSCF, or only the P-CSCF and the UE.
static uint32_t leg(const struct scscf *s, const struct pxy *p)
{
    return routes_left(p) > 1 ? s->cfg->leg.originating_ms : s->cfg->leg.terminating_ms;
}

// Nowhere to go: the route set ends here and so does the Request-URI.
static enum step_verdict check_target(struct job *j)
{
    const struct scscf *s = j->nf;
    const struct pxy *p = job_pxy(j);
    const struct sip_uri *uri = sip_msg_uri(pxy_request(p));
    if (!scscf_has_route(p) && (!uri || stack_is_own(s->stack, uri)))
        return job_fail(j, 481, "request in a dialog that does not exist here");
    // We are in the route set of each dialog of ours; nobody outside is to use us as a relay.
    if (!pxy_own_route(p) && !scscf_trusts(s, p))
        return job_fail(j, 403, "request inside a dialog without a Record-Route of this S-CSCF");
    return STEP_CONTINUE;
}

// What is left of Route was made by both parties and everybody between them, and the Request-URI is
// the party's own word: neither leads to an address that the routing policy forbids. The domain is
// not asked about in a dialog that has us on its way and comes from a neighbour: a remote target is
// whatever the foreign party named as its Contact, mostly an address.
static enum step_verdict find_next_hop(struct job *j)
{
    struct sub_job *o = (struct sub_job *)j;
    const struct scscf *s = j->nf;
    struct pxy *p = job_pxy(j);
    const struct sip_uri *uri = sip_msg_uri(pxy_request(p));
    o->target.word = scscf_trusts(s, p) ? WORD_ROUTE : WORD_NEAR;
    if (scscf_has_route(p))
        return STEP_CONTINUE;
    if (uri->scheme == SIP_SCHEME_SIP && scscf_is_home_uri(s, uri)) {
        o->target.word = WORD_OWN;
        o->target.next_hop = scscf_home_entry(s, pxy_arena(p));
        return STEP_CONTINUE;
    }
    bool ours = pxy_own_route(p) && scscf_trusts(s, p);
    const char *cause = ours ? NULL : routing_refuses(&s->routing, uri);
    if (cause)
        return job_fail(j, 404, cause);
    o->target.word = WORD_FOREIGN;
    return STEP_CONTINUE;
}

// We stay where we are on the way of a request that may change the other side's target (RFC 3261 12.2,
// RFC 3311 5.1, RFC 6665 4.4.1).
static bool refreshes_target(const struct sip_msg *m)
{
    switch (sip_msg_method(m)) {
    case SIP_INVITE:
    case SIP_UPDATE:
    case SIP_SUBSCRIBE:
    case SIP_NOTIFY:
    case SIP_REFER:
        return true;
    default:
        return false;
    }
}

static enum step_verdict record_route(struct job *j)
{
    struct pxy *p = job_pxy(j);
    const struct sip_uri *own = pxy_own_route(p);
    if (own && refreshes_target(pxy_request(p)))
        sip_edit_prepend(pxy_edits(p), SIP_H_RECORD_ROUTE,
                         ARENA_CAT(pxy_arena(p), STR("<"), own->text, STR(">")));
    return STEP_CONTINUE;
}

// The vector of the dialog's first request has our name from here on (TS 24.229 4.5.4, table 4-2B).
static enum step_verdict leave(struct job *j)
{
    struct sub_job *o = (struct sub_job *)j;
    const struct scscf *s = j->nf;
    struct pxy *p = job_pxy(j);
    const struct sip_msg *m = pxy_request(p);
    struct str v = charging_vector(pxy_arena(p), m, scscf_ioi(s), STR_NONE);
    if (v.n && scscf_side(s, p) != TRUST_FOREIGN)
        sip_edit_set(pxy_edits(p), SIP_H_P_CHARGING_VECTOR, v);
    scscf_drop_credentials(s, m, pxy_edits(p));
    o->to = scscf_side_of_next(s, pxy_arena(p), pxy_edits(p), o->target.next_hop);
    o->target.outside = o->to == TRUST_FOREIGN || o->to == TRUST_PARTNER;
    o->target.ctx = o;
    scscf_hide(s, o->to, m, pxy_edits(p));
    return STEP_CONTINUE;
}

static enum pxy_verdict on_response(void *nf, struct pxy *p, void *ctx, unsigned status,
                                    const struct sip_msg *msg, struct sip_edits *edits)
{
    struct sub_job *o = ctx;
    (void)status;
    if (msg)
        o->lent = scscf_pass_response(nf, p, o->to, scscf_ioi(nf), msg, edits);
    return PXY_PASS;
}

static void keep(void *nf, struct pxy *p, void *ctx, struct writer *w)
{
    const struct sub_job *o = ctx;
    scscf_keep_back(nf, p, o->to, o->lent, scscf_ioi(nf), w);
}

static void late(void *nf, struct str kept, const struct sip_msg *msg, struct sip_edits *edits)
{
    scscf_pass_late(nf, kept, scscf_ioi(nf), msg, edits);
}

static enum step_verdict forward(struct job *j)
{
    static const struct pxy_forward_ops ops = {.response = on_response, .keep = keep, .late = late};
    struct sub_job *o = (struct sub_job *)j;
    o->target.leg_ms = leg(j->nf, job_pxy(j));
    int err = pxy_forward(job_pxy(j), &o->target, 1, &ops, j->nf);
    return err && err != ERR_STATE ? job_fail(j, 500, err_text(err)) : STEP_DONE;
}

static const struct step steps[] = {
    {"check target", check_target, "RFC 3261 16.3"},
    {"check media", media_check_subsequent, "TS 24.229 6.3"},
    {"find next hop", find_next_hop, "RFC 3261 16.5"},
    {"record route", record_route, "TS 24.229 5.4.3.2"},
    {"leave", leave, "TS 24.229 4.4"},
    {"forward", forward, "RFC 3261 16.12"},
};
static const struct procedure subsequent = {"subsequent", steps, ARRAY_LEN(steps)};

void subsequent_begin(struct scscf *s, struct pxy *p)
{
    struct sub_job *o = ARENA_NEW(pxy_arena(p), struct sub_job);
    bool is_ack = sip_msg_method(pxy_request(p)) == SIP_ACK;
    const struct sip_uri *uri = sip_msg_uri(pxy_request(p));
    if (is_ack && !scscf_has_route(p) && (!uri || stack_is_own(s->stack, uri)))
        return; // an ACK is never answered
    if (o)
        pxy_run(p, &o->job, &subsequent, &s->steps, NULL);
    else if (!is_ack)
        (void)pxy_reply(p, 500, STR_NONE, NULL);
}
