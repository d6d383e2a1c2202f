// SPDX-License-Identifier: Apache-2.0
// Choosing an S-CSCF, forwarding to it, and choosing again when it fails (TS 24.229 5.3.1.3, 5.3.2.2).
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "icscf/icscf_priv.h"
#include "sip/uri.h"

// A Server-Name that is no SIP URI leads nowhere: that is not the sender's mistake, and another S-CSCF
// may do (TS 29.229 6.3.3).
static bool is_usable(const struct job *j, struct str server)
{
    struct pxy *p = job_pxy(j);
    struct sip_uri u;
    if (sip_uri_parse(pxy_arena(p), server, &u) == 0 && u.host.n &&
        (u.scheme == SIP_SCHEME_SIP || u.scheme == SIP_SCHEME_SIPS))
        return true;
    LOG(LOG_WARN, "Server-Name of the HSS is not a SIP URI",
        LF("call_id", sip_msg_call_id(pxy_request(p))), LF("identity", j->identity),
        LF("scscf", server));
    return false;
}

// Is silence the S-CSCF's own? It answers a REGISTER itself and an INVITE with 100; whatever else it
// only passes on: then the called user may be the silent one.
static bool speaks_soon(const struct icscf_job *r)
{
    return r->is_register ||
           sip_msg_method(job_request(&r->job)) == SIP_INVITE;
}

// ---- S-CSCFs that failed lately ----

static uint64_t now_ms(const struct icscf *i)
{
    return loop_now(i->loop) / 1000000;
}

static uint64_t mark_key(struct str server)
{
    return hash_bytes(server.p, server.n);
}

static void mark(struct icscf *i, struct str server)
{
    if (i->cfg->scscf_mark_ms)
        marks_set(&i->failed, mark_key(server), now_ms(i), i->cfg->scscf_mark_ms);
}

// Once its time is over, the first request that asks is the one that tries it.
static bool is_marked(const struct icscf_job *r, struct str server)
{
    struct icscf *i = r->job.nf;
    return speaks_soon(r) && marks_has(&i->failed, mark_key(server), now_ms(i), true);
}

// ---- choosing ----

static bool was_tried(const struct icscf_job *r, struct str server)
{
    for (size_t k = 0; k < r->n_tried; k++)
        if (str_ieq(r->tried[k], server))
            return true;
    return false;
}

// The best one that has not failed lately; of those that have, better the best than none.
static struct str select_server(struct icscf_job *r)
{
    struct icscf *i = r->job.nf;
    struct str avoid[TRIED_MAX + AVOID_MAX], name = STR_NONE;
    size_t n = r->n_tried;
    memcpy(avoid, r->tried, n * sizeof *avoid);
    while (n < ARRAY_LEN(avoid)) {
        name = scscf_select(&i->table, &r->caps, avoid, n, loop_random_u64(i->loop));
        if (!name.n || !is_marked(r, name))
            break;
        icscf_count(i, IC_AVOIDED);
        avoid[n++] = name;
        name = STR_NONE;
    }
    if (!name.n && n > r->n_tried)
        name = scscf_select(&i->table, &r->caps, r->tried, r->n_tried, loop_random_u64(i->loop));
    return name;
}

static const struct procedure again;

enum step_verdict icscf_choose(struct job *j)
{
    struct icscf_job *r = (struct icscf_job *)j;
    struct icscf *i = j->nf;
    bool usable = r->server.n && is_usable(j, r->server) && !was_tried(r, r->server);
    bool marked = usable && !r->deregisters && is_marked(r, r->server);
    if (usable && !marked)
        return STEP_CONTINUE;
    if (marked && r->assigned && r->asked_capabilities)
        return STEP_CONTINUE; // nobody else may serve the user
    if (r->assigned && r->asked_capabilities && r->n_tried)
        return job_fail(j, 504, "no S-CSCF answers");
    if (marked && r->assigned) { // its capabilities have not been asked for yet
        icscf_count(i, IC_AVOIDED);
        return job_go(j, &again);
    }
    struct str name = select_server(r), assigned = r->server;
    r->server = name.n ? arena_dup(job_arena(j), name) : STR_NONE;
    r->assigned = false;
    icscf_count(i, IC_SELECTIONS);
    if (!r->server.n && marked) // nobody else
        r->server = assigned;
    if (r->server.n)
        return STEP_CONTINUE;
    if (r->n_tried)
        return job_fail(j, 504, "no S-CSCF answers");
    return job_fail(j, r->is_register ? 600 : 480, "no S-CSCF has the mandatory capabilities");
}

// Asks for capabilities first when the HSS has named a server without them.
static enum step_verdict ask_capabilities(struct job *j)
{
    struct icscf_job *r = (struct icscf_job *)j;
    if (r->deregisters)
        return job_fail(j, 504, "the S-CSCF of the de-registration does not answer");
    if (!r->assigned)
        return STEP_CONTINUE;
    r->asked_capabilities = true;
    return cx_ask(r, true);
}

static const struct step again_steps[] = {
    {"ask for capabilities", ask_capabilities, "TS 24.229 5.3.1.3", .late = icscf_late},
    {"choose another S-CSCF", icscf_choose, "TS 24.229 5.3.1.3"},
    {"forward", icscf_forward, "TS 24.229 5.3.1.3"},
};
static const struct procedure again = {"reselect", again_steps, ARRAY_LEN(again_steps)};

// Silence, an unreachable address, a redirection or 480 to a REGISTER; silence alone otherwise, for a
// response to another request may be the called user's own. Another S-CSCF has nothing to de-register.
static bool calls_for_another(const struct icscf_job *r, unsigned status, const struct sip_msg *msg)
{
    if (r->deregisters) // at another one there is nothing to end
        return false;
    if (!msg)
        return status == 503 || (status == 408 && speaks_soon(r));
    return r->is_register && (status == 480 || (status >= 300 && status < 400));
}

// Silence and failed transport are its own; a response, whatever it is, says that it lives.
static void mark_failed(const struct icscf_job *r, unsigned status)
{
    if (status == 503 || (status == 408 && speaks_soon(r)))
        mark(r->job.nf, r->server);
}

static enum pxy_verdict on_response(void *nf, struct pxy *p, void *ctx, unsigned status,
                                    const struct sip_msg *msg, struct sip_edits *edits)
{
    struct icscf_job *r = ctx;
    struct icscf *i = nf;
    if (msg)
        icscf_hide(i, p, msg, edits);
    if (msg)
        marks_clear(&i->failed, mark_key(r->server));
    else
        mark_failed(r, status);
    if (status < 200 || !calls_for_another(r, status, msg))
        return PXY_PASS;
    LOG(LOG_WARN, "S-CSCF fails, choosing another", LF("call_id", sip_msg_call_id(pxy_request(p))),
        LF("impu", r->impu), LF("scscf", r->server), LF_NUM("status", status),
        LF_Z("reason", msg ? "refused" : "no response"));
    icscf_count(i, IC_RESELECTIONS);
    job_start(&r->job, &again);
    return PXY_TAKEN;
}

static void keep(void *nf, struct pxy *p, void *ctx, struct writer *w)
{
    enum trust_side side = icscf_side(nf, p);
    (void)ctx;
    pxy_keep_bytes(w, &side, sizeof side);
}

static void late(void *nf, struct str kept, const struct sip_msg *msg, struct sip_edits *edits)
{
    enum trust_side side;
    pxy_kept_bytes(&kept, &side, sizeof side);
    icscf_hide_from(nf, side, msg, edits);
}

static const struct pxy_forward_ops ops = {.response = on_response, .keep = keep, .late = late};

// REGISTER: the S-CSCF's name becomes the Request-URI (TS 24.229 5.3.1.2). Others keep theirs and
// get it as Route (5.3.2.1).
static void direct(struct icscf_job *r, struct arena *a, struct sip_edits *e)
{
    if (r->is_register) {
        sip_edit_remove(e, SIP_H_ROUTE);
        sip_edit_uri(e, r->server);
        return;
    }
    if (!icscf_trusts(icscf_of(r), job_pxy(&r->job))) // an outsider's way does not go on behind us
        sip_edit_remove(e, SIP_H_ROUTE);
    struct str route = ARENA_CAT(a, STR("<"), r->server, STR(";lr"),
                                 r->originating ? STR(";orig>") : STR(">"));
    sip_edit_prepend(e, SIP_H_ROUTE, route);
}

// All S-CSCFs that are tried share the time of the one leg, also for an INVITE. What the stack takes for
// other requests counts from their arrival.
static uint32_t leg_left(const struct icscf *i, const struct pxy *p)
{
    uint32_t left = pxy_time_left(p, i->cfg->leg_ms);
    bool invite = sip_msg_method(pxy_request(p)) == SIP_INVITE;
    return invite || !left ? left : i->cfg->leg_ms;
}

enum step_verdict icscf_forward(struct job *j)
{
    struct icscf_job *r = (struct icscf_job *)j;
    struct icscf *i = j->nf;
    struct pxy *p = job_pxy(j);
    struct arena *a = pxy_arena(p);
    struct sip_edits *e = ARENA_NEW(a, struct sip_edits);
    if (!e)
        return job_fail(j, 500, err_text(ERR_NOMEM));
    if (r->n_tried == TRIED_MAX || (r->n_tried && i->cfg->leg_ms && !leg_left(i, p)))
        return job_fail(j, 504, "no S-CSCF answers");
    r->tried[r->n_tried++] = r->server;
    sip_edits_copy(e, a, pxy_edits(p));
    direct(r, a, e);
    struct pxy_target t = {.edits = e, .next_hop = r->server, .ctx = r,
                           .leg_ms = leg_left(i, p),
                           .timeout_ms = speaks_soon(r) ? i->cfg->scscf_timeout_ms : 0,
                           .speaks = speaks_soon(r),
                           .withdraw = true};
    int err = pxy_forward(p, &t, 1, &ops, i);
    return err && err != ERR_STATE ? job_fail(j, 500, err_text(err)) : STEP_DONE;
}
