// SPDX-License-Identifier: Apache-2.0
// Requests inside a dialog and ACKs (TS 24.229 5.4.3.2, 5.4.3.3; RFC 3261 16.12). They follow the
// route set, which needs no memory of the user or of the dialog: a restarted S-CSCF passes them too.
#include "base/err.h"
#include "scscf/scscf_priv.h"

static size_t routes_left(const struct pxy *p)
{
    size_t own = pxy_own_route(p) ? 1 : 0, n = sip_msg_count(pxy_request(p), SIP_H_ROUTE);
    return n > own ? n - own : 0;
}

static bool has_route_left(const struct pxy *p)
{
    return routes_left(p) > 0;
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
    if (!has_route_left(p) && (!uri || stack_is_own(s->stack, uri)))
        return job_fail(j, 481, "request in a dialog that does not exist here");
    // We are in the route set of each dialog of ours; nobody outside is to use us as a relay.
    if (!pxy_own_route(p) && !scscf_trusts(s, p))
        return job_fail(j, 403, "request inside a dialog without a Record-Route of this S-CSCF");
    return STEP_CONTINUE;
}

static enum step_verdict forward(struct job *j)
{
    struct pxy_target t = {.leg_ms = leg(j->nf, job_pxy(j))};
    int err = pxy_forward(job_pxy(j), &t, 1, NULL, j->nf);
    return err && err != ERR_STATE ? job_fail(j, 500, err_text(err)) : STEP_DONE;
}

static const struct step steps[] = {
    {"check target", check_target, "RFC 3261 16.3"},
    {"forward", forward, "RFC 3261 16.12"},
};
static const struct procedure subsequent = {"subsequent", steps, ARRAY_LEN(steps)};

void subsequent_begin(struct scscf *s, struct pxy *p)
{
    struct job *j = ARENA_NEW(pxy_arena(p), struct job);
    bool is_ack = sip_msg_method(pxy_request(p)) == SIP_ACK;
    const struct sip_uri *uri = sip_msg_uri(pxy_request(p));
    if (is_ack && !has_route_left(p) && (!uri || stack_is_own(s->stack, uri)))
        return; // an ACK is never answered
    if (j)
        job_start(j, p, &subsequent, s);
    else if (!is_ack)
        (void)pxy_reply(p, 500, STR_NONE, NULL);
}
