// SPDX-License-Identifier: Apache-2.0
// Requests terminated at the served user (TS 24.229 5.4.3.3).
#include "base/err.h"
#include "base/log.h"
#include "scscf/scscf_priv.h"

struct term_job;

// One contact that the request goes to.
struct attempt {
    struct term_job *job;
    struct str uri;
    enum trust_side to;
    bool failed; // it could not be reached
};

struct term_job {
    struct job job;
    struct str served;    // canonical public identity, from the Request-URI
    struct pxy_target *targets; // best q first
    uint16_t *q;
    size_t n, tried;      // targets; how many have been forwarded to
    size_t open;          // branches without a final response
    bool reached;         // a contact of the user has said something
};

static struct registration *served_by(const struct term_job *t, size_t *ret_index)
{
    const struct scscf *s = t->job.nf;
    return registrar_find(s->registrar, t->served, ret_index);
}

// ---- steps ----

static enum step_verdict served_user(struct job *j)
{
    struct term_job *t = (struct term_job *)j;
    const struct scscf *s = j->nf;
    struct pxy *p = job_pxy(j);
    const struct sip_uri *uri = sip_msg_uri(pxy_request(p));
    if (!scscf_trusts(s, p)) // an outsider's way does not go on behind us
        sip_edit_remove(pxy_edits(p), SIP_H_ROUTE);
    t->served = uri ? sip_uri_canon(pxy_arena(p), uri) : STR_NONE;
    j->identity = t->served;
    if (!t->served.n)
        return job_fail(j, 416, "Request-URI scheme is not supported");
    if (uri->scheme != SIP_SCHEME_TEL && !scscf_is_home(s, uri->host))
        return job_fail(j, 404, "Request-URI is not of this network");
    return STEP_CONTINUE;
}

static struct reject judge_unregistered(struct scscf *s, const struct term_job *t,
                                        const struct cx_saa *a)
{
    struct profile *p = NULL;
    struct xml_error why;
    bool barred = false;
    if (a->user_data.n && profile_parse(s->profiles, a->user_data, &p, &why) == 0) {
        for (size_t i = 0; i < profile_identity_count(p); i++) {
            struct profile_identity id = profile_identity_at(p, i);
            barred = barred || (id.barred && str_ieq(id.uri, t->served));
        }
        profile_free(p);
    }
    if (barred)
        return (struct reject){.status = 404, .cause = "called identity is barred"};
    return (struct reject){.status = 480, .cause = "called user is not registered"};
}

// The profile of an unregistered user is not kept: the next request asks again, and so sees
// what has changed.
static void on_saa(void *nf, cx_arg arg, int err, const struct cx_saa *a)
{
    struct scscf *s = nf;
    struct term_job *t = (struct term_job *)job_find(s->stack, arg);
    if (!t)
        return;
    if (served_by(t, NULL)) { // registered meanwhile
        job_resume(&t->job);
        return;
    }
    struct reject r = cx_verdict(err, a ? a->result : (struct dia_result){0});
    if (!r.status)
        r = judge_unregistered(s, t, a);
    else if (a && a->result.experimental && a->result.code == CX_ERROR_USER_UNKNOWN)
        r.status = 404;
    else
        scscf_count(s, SC_HSS_FAILURES);
    if (r.status == 403) // registered here before a restart, or elsewhere
        r = (struct reject){.status = 480, .cause = "called user's registration is not known here"};
    job_reject(&t->job, r);
}

// TS 29.228 6.1.2: an S-CSCF without the profile asks for it as for an unregistered user.
static enum step_verdict fetch_profile(struct job *j)
{
    struct term_job *t = (struct term_job *)j;
    struct scscf *s = j->nf;
    if (served_by(t, NULL))
        return STEP_CONTINUE;
    int err = cx_assign(s, sip_msg_call_id(pxy_request(job_pxy(j))), STR_NONE, t->served,
                        CX_UNREGISTERED_USER, false, on_saa, j->id);
    if (!err)
        return STEP_WAIT;
    scscf_count(s, SC_HSS_FAILURES);
    j->reject = cx_verdict(err, (struct dia_result){0});
    return STEP_REJECT;
}

static enum step_verdict check_barred(struct job *j)
{
    size_t i;
    const struct registration *reg = served_by((struct term_job *)j, &i);
    if (!reg)
        return job_fail(j, 480, "called user is not registered");
    if (profile_identity_at(registration_profile(reg), i).barred)
        return job_fail(j, 404, "called identity is barred");
    return STEP_CONTINUE;
}

// An outsider's vector is no vector. Towards the P-CSCF the name is ours again, of type 1, and the networks
// in between are nobody's business there (TS 24.229 4.5.4, 4.5.4A).
static enum step_verdict charging(struct job *j)
{
    const struct scscf *s = j->nf;
    struct pxy *p = job_pxy(j);
    struct str v = charging_vector_to_ue(pxy_arena(p), pxy_request(p), scscf_ioi_1(s, pxy_arena(p)));
    if (v.n && scscf_side(s, p) != TRUST_FOREIGN)
        sip_edit_set(pxy_edits(p), SIP_H_P_CHARGING_VECTOR, v);
    return STEP_CONTINUE;
}

// The identity that was called stays visible when the Request-URI becomes a contact (RFC 7315 4.2).
static enum step_verdict called_party(struct job *j)
{
    struct scscf *s = j->nf;
    struct pxy *p = job_pxy(j);
    struct arena *a = pxy_arena(p);
    sip_edit_set(pxy_edits(p), SIP_H_P_CALLED_PARTY_ID,
                 ARENA_CAT(a, STR("<"), sip_msg_uri_text(pxy_request(p)), STR(">")));
    if (scscf_makes_dialog(pxy_request(p)))
        sip_edit_prepend(pxy_edits(p), SIP_H_RECORD_ROUTE, scscf_route(s, a, ROUTE_MT));
    return STEP_CONTINUE;
}

// The first URI of a Path: "<sip:token@pcscf;lr>, ..." -> "sip:token@pcscf;lr".
static struct str first_hop(struct str path)
{
    ptrdiff_t open = str_chr(path, '<');
    struct str rest = str_skip(path, (size_t)(open + 1));
    ptrdiff_t close = str_chr(rest, '>');
    return close < 0 ? STR_NONE : str_head(rest, (size_t)close);
}

// A contact that was registered without a Path is where the UE said that it is: no way for requests
// unless the routing policy has it as one.
static bool may_go_to(const struct term_job *t, struct pxy *p, struct str contact)
{
    const struct scscf *s = t->job.nf;
    struct sip_uri u;
    if (sip_uri_parse(pxy_arena(p), contact, &u))
        return false;
    const char *cause = routing_refuses(&s->routing, &u);
    if (cause)
        LOG(LOG_INFO, "contact without a Path is passed over", LF("identity", t->served),
            LF("contact", contact), LF_Z("cause", cause));
    return !cause;
}

// A Path came from a P-CSCF that was trusted with a REGISTER: its network is at least a partner. A contact
// without one is the user's own device.
static enum trust_side side_of(const struct scscf *s, struct arena *a, const struct sip_edits *e,
                               struct str path, struct str contact)
{
    enum trust_side side = scscf_side_of_next(s, a, e, path.n ? first_hop(path) : contact);
    if (!path.n)
        return side == TRUST_FOREIGN ? TRUST_UE : side;
    return side == TRUST_FOREIGN ? TRUST_PARTNER : side;
}

static int add_target(struct term_job *t, struct pxy *p, const struct binding *b)
{
    struct arena *a = pxy_arena(p);
    struct sip_edits *e = ARENA_NEW(a, struct sip_edits);
    struct attempt *try = ARENA_NEW(a, struct attempt);
    struct str uri = arena_dup(a, binding_uri(b)), path = arena_dup(a, binding_path(b));
    if (!e || !try || !uri.n)
        return ERR_NOMEM;
    if (!path.n && !may_go_to(t, p, uri))
        return 0;
    *try = (struct attempt){.job = t, .uri = uri};
    sip_edits_copy(e, a, pxy_edits(p));
    sip_edit_uri(e, uri);
    if (path.n)
        sip_edit_prepend(e, SIP_H_ROUTE, path);
    try->to = side_of(t->job.nf, a, e, path, uri);
    scscf_hide(t->job.nf, try->to, pxy_request(p), e);
    size_t i = t->n++;
    while (i && t->q[i - 1] < b->q) {
        t->targets[i] = t->targets[i - 1];
        t->q[i] = t->q[i - 1];
        i--;
    }
    t->targets[i] = (struct pxy_target){.edits = e, .next_hop = path.n ? first_hop(path) : uri,
                                        .word = path.n ? WORD_OWN : WORD_FOREIGN, .ctx = try};
    t->q[i] = b->q;
    return 0;
}

static enum step_verdict find_contacts(struct job *j)
{
    struct term_job *t = (struct term_job *)j;
    struct scscf *s = j->nf;
    struct pxy *p = job_pxy(j);
    const struct registration *reg = served_by(t, NULL);
    size_t max = registration_binding_count(reg);
    t->targets = arena_alloc(pxy_arena(p), (max + 1) * sizeof *t->targets);
    t->q = arena_alloc(pxy_arena(p), (max + 1) * sizeof *t->q);
    int err = t->targets && t->q ? 0 : ERR_NOMEM;
    for (const struct binding *b = registration_bindings(reg); !err && b; b = b->next)
        if (binding_expires_s(s->registrar, b))
            err = add_target(t, p, b);
    if (err || pxy_arena(p)->failed)
        return job_fail(j, 500, err_text(ERR_NOMEM));
    return t->n ? STEP_CONTINUE : job_fail(j, 480, "called user has no contact");
}

static int next_group(struct term_job *t, struct pxy *p);

// ---- contacts that cannot be reached ----

// Does the response say that the contact was not reached? 430 comes from its P-CSCF (RFC 5626 5.3.1), and
// so do 408 and 504 when the UE was silent; 410 is its own farewell. Silence of the P-CSCF itself is not
// the contact's.
static bool is_unreachable(unsigned status, const struct sip_msg *msg)
{
    return msg && (status == 408 || status == 410 || status == 430 || status == 504);
}

static struct binding *bound(const struct attempt *try)
{
    struct registration *reg = served_by(try->job, NULL);
    struct binding *b = reg ? registration_bindings(reg) : NULL;
    while (b && !str_eq(binding_uri(b), try->uri))
        b = b->next;
    return b;
}

// A contact that is left behind (a phone that came back with another one) makes every call of the user
// wait for it. It goes once it has failed some times in a row and the user is there by another one.
static void unbind_if_stale(struct attempt *try)
{
    struct term_job *t = try->job;
    struct scscf *s = t->job.nf;
    struct registration *reg = served_by(t, NULL);
    struct binding *b = bound(try);
    uint32_t limit = s->cfg->registration.failures;
    if (!try->failed || !b || !limit || b->failures < limit || registration_binding_count(reg) < 2)
        return;
    LOG(LOG_WARN, "contact unbound, it cannot be reached", LF("impi", binding_impi(b)),
        LF("impu", t->served), LF("contact", try->uri), LF_NUM("failures", b->failures));
    scscf_count(s, SC_UNREACHABLE);
    registration_unbind(reg, b);
}

static void note_outcome(struct attempt *try, unsigned status, const struct sip_msg *msg)
{
    struct term_job *t = try->job;
    struct binding *b = bound(try);
    if (is_unreachable(status, msg)) {
        try->failed = true;
        if (b && b->failures < UINT8_MAX)
            b->failures++;
    } else if (msg) {
        t->reached = true;
        if (b)
            b->failures = 0;
    }
    for (size_t i = 0; t->reached && i < t->tried; i++)
        unbind_if_stale(t->targets[i].ctx);
}

// Contacts of the best q ring together; the next group is tried when all of them have failed
// (RFC 3261 16.6). The group is forwarded to before this response counts, so that the
// response context stays open.
static enum pxy_verdict on_response(void *nf, struct pxy *p, void *target_ctx, unsigned status,
                                    const struct sip_msg *msg, struct sip_edits *edits)
{
    struct attempt *try = target_ctx;
    struct term_job *t = try->job;
    struct scscf *s = nf;
    note_outcome(try, status, msg);
    if (msg)
        scscf_pass_response(s, p, try->to, scscf_ioi(s), msg, edits);
    if (status < 200)
        return PXY_PASS;
    if (t->open)
        t->open--;
    if (status >= 300 && status < 600 && !t->open && t->tried < t->n)
        (void)next_group(t, p);
    return PXY_PASS;
}

// RFC 5626 7: a 430 is between the P-CSCF and this node. Nor is a phone that is silent to something else
// than an INVITE a time-out of the network.
static unsigned upstream(void *nf, struct pxy *p, unsigned status, const char **ret_why)
{
    bool invite = sip_msg_method(pxy_request(p)) == SIP_INVITE;
    (void)nf;
    if (status != 430 && (status != 504 || invite))
        return status;
    *ret_why = "no contact of the called user can be reached";
    return 480;
}

static const struct pxy_forward_ops ops = {.response = on_response, .upstream = upstream};

static size_t groups_left(const struct term_job *t)
{
    size_t n = 0;
    for (size_t i = t->tried; i < t->n; i++)
        n += i == t->tried || t->q[i] != t->q[i - 1];
    return n;
}

// An INVITE may ring at each group as long as it likes; the groups of another request share its time.
static uint32_t leg(const struct scscf *s, const struct term_job *t, const struct pxy *p)
{
    uint32_t all = s->cfg->leg.terminating_ms, left = pxy_time_left(p, all);
    if (sip_msg_method(pxy_request(p)) == SIP_INVITE || !left)
        return all;
    return all - left + left / (uint32_t)groups_left(t);
}

static int next_group(struct term_job *t, struct pxy *p)
{
    const struct scscf *s = t->job.nf;
    size_t from = t->tried, n = 0;
    uint32_t leg_ms = leg(s, t, p);
    for (; from + n < t->n && t->q[from + n] == t->q[from]; n++) {
        struct pxy_target *to = &t->targets[from + n];
        to->leg_ms = leg_ms;
        to->silent_ms = s->cfg->fork.silent == SCSCF_SILENT_END ? s->cfg->fork.grace_ms : 0;
    }
    t->tried += n;
    t->open += n;
    return pxy_forward(p, &t->targets[from], n, &ops, t->job.nf);
}

static enum step_verdict fork_contacts(struct job *j)
{
    int err = next_group((struct term_job *)j, job_pxy(j));
    if (err && err != ERR_STATE)
        return job_fail(j, 500, err_text(err));
    scscf_count(j->nf, SC_TERMINATING);
    return STEP_DONE;
}

// Evaluation of the initial filter criteria (TS 24.229 5.4.3.3 step 6) has its place between
// "check barring" and "charging vector"; for an unregistered user it comes into on_saa.
static const struct step steps[] = {
    {"find served user", served_user, "TS 24.229 5.4.3.3"},
    {"fetch profile", fetch_profile, "TS 24.229 5.4.3.3"},
    {"check barring", check_barred, "TS 24.229 5.4.3.3"},
    {"charging vector", charging, "TS 24.229 4.5.4"},
    {"name called party", called_party, "TS 24.229 5.4.3.3"},
    {"find contacts", find_contacts, "TS 24.229 5.4.3.3"},
    {"fork", fork_contacts, "RFC 3261 16.6"},
};
static const struct procedure terminating = {"terminating", steps, ARRAY_LEN(steps)};

void terminating_begin(struct scscf *s, struct pxy *p)
{
    struct term_job *t = ARENA_NEW(pxy_arena(p), struct term_job);
    if (t)
        job_start(&t->job, p, &terminating, s);
    else
        (void)pxy_reply(p, 500, STR_NONE, NULL);
}
