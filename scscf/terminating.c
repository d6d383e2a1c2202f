// SPDX-License-Identifier: Apache-2.0
#include "scscf/terminating.h"

#include "base/err.h"
#include "base/log.h"
#include "scscf/media.h"
#include "sip/uri.h"

// Who is registered here of those that the Request-URI may mean; then who the wildcarded identity covers that the HSS
// found, by way of an I-CSCF; nobody: whom it means first. What else a registered pattern covers need not be its
// user's: a distinct identity inside it may be another one's.
static struct served find_served(const struct scscf *s, struct pxy *p, const struct sip_uri *uri)
{
    struct str forms[IMPU_READINGS_MAX];
    struct arena *a = pxy_arena(p);
    struct str key = scscf_trusts(s, p) ? scscf_profile_key(s, a, pxy_request(p)) : STR_NONE;
    size_t n;
    impu_readings(a, &s->plan, uri, forms, &n);
    for (size_t i = 0; i < n; i++)
        if (registrar_find(s->registrar, forms[i], NULL))
            return (struct served){forms[i], STR_NONE};
    for (size_t i = 0; i < n; i++)
        if (scscf_key_covers(s, key, forms[i]))
            return (struct served){forms[i], key};
    return (struct served){n ? forms[0] : STR_NONE, STR_NONE};
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
    t->served = uri ? find_served(s, p, uri) : (struct served){STR_NONE, STR_NONE};
    j->identity = t->served.impu;
    sip_edit_remove(pxy_edits(p), SIP_H_P_PROFILE_KEY);
    if (!t->served.impu.n)
        return job_fail(j, 416, "Request-URI scheme is not supported");
    if (uri->scheme != SIP_SCHEME_TEL && !scscf_is_home(s, uri->host) && !term_served(t, NULL))
        return job_fail(j, 404, "Request-URI is not of this network");
    return STEP_CONTINUE;
}

static void on_absent(struct scscf *s, cx_arg job, const struct served *who, int err,
                      const struct cx_saa *a, bool doubtful)
{
    struct term_job *t = (struct term_job *)pxy_job(s->stack, job);
    struct reject r = cx_verdict(err, a ? a->result : (struct dia_result){0});
    if (!r.status)
        r = absent_take(s, who, a);
    else if (doubtful)
        absent_doubt(s, who);
    if (!t)
        return;
    if (term_served(t, NULL)) { // registered meanwhile
        job_resume(&t->job);
        return;
    }
    if (a && a->result.experimental && a->result.code == CX_ERROR_USER_UNKNOWN)
        r.status = 404;
    else if (err || a->result.code / 1000 != 2)
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
    if (term_served(t, NULL))
        return STEP_CONTINUE;
    struct reject known = absent_known(s, job_arena(j), &t->served);
    if (known.status) {
        j->reject = known;
        return STEP_REJECT;
    }
    int err = cx_ask_absent(s, sip_msg_call_id(job_request(j)), &t->served, on_absent, j->id);
    return err ? scscf_unasked(j, err) : scscf_wait(j);
}

static enum step_verdict no_profile(struct job *j)
{
    return term_served((struct term_job *)j, NULL) ? STEP_CONTINUE : scscf_late(j);
}

static enum step_verdict check_barred(struct job *j)
{
    size_t i;
    const struct registration *reg = term_served((struct term_job *)j, &i);
    if (!reg)
        return job_fail(j, 480, "called user is not registered");
    if (profile_identity_at(registration_profile(reg), i).barred)
        return job_fail(j, 404, "called identity is barred");
    return STEP_CONTINUE;
}

// Of the identity that was called; it is registered.
static const struct service_profile *profile_of(struct job *j)
{
    size_t i;
    const struct registration *reg = term_served((struct term_job *)j, &i);
    return profile_service(registration_profile(reg), i);
}

static enum step_verdict check_media(struct job *j)
{
    return media_check(j, profile_of(j));
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

// As the URI names it, unless it means it in another reading only: then it is nobody's identity.
static struct str called_identity(const struct term_job *t, struct arena *a)
{
    const struct scscf *s = t->job.nf;
    const struct sip_uri *uri = sip_msg_uri(job_request(&t->job));
    size_t i;
    const struct registration *reg = term_served(t, &i);
    if (reg && !str_eq(impu_canon(a, &s->plan, uri), t->served.impu))
        return t->served.key.n ? t->served.impu : arena_dup(a, profile_identity_at(registration_profile(reg), i).uri);
    return scscf_called_uri(a, uri);
}

// The identity that was called stays visible when the Request-URI becomes a contact (RFC 7315 4.2).
static enum step_verdict called_party(struct job *j)
{
    struct scscf *s = j->nf;
    struct pxy *p = job_pxy(j);
    struct arena *a = pxy_arena(p);
    sip_edit_set(pxy_edits(p), SIP_H_P_CALLED_PARTY_ID,
                 ARENA_CAT(a, STR("<"), called_identity((struct term_job *)j, a), STR(">")));
    if (scscf_makes_dialog(pxy_request(p)))
        sip_edit_prepend(pxy_edits(p), SIP_H_RECORD_ROUTE, media_route(s, a, ROUTE_MT, profile_of(j)));
    return STEP_CONTINUE;
}

// ---- SUBSCRIBE ----

// What the network itself would have to serve, and a phone does not serve in its place.
static bool is_networks(struct str package)
{
    return str_ieq(package, STR("reg"));
}

static bool is_own(const struct scscf *s, struct pxy *p, const struct registration *reg)
{
    struct sip_iter it = sip_iter_init(pxy_request(p), SIP_H_P_ASSERTED_IDENTITY);
    for (const struct sip_addr *id; scscf_trusts(s, p) && (id = sip_iter_next(&it));)
        if (registrar_find(s->registrar, impu_canon(pxy_arena(p), &s->plan, &id->uri), NULL) == reg)
            return true;
    return false;
}

static enum step_verdict bad_event(struct job *j)
{
    struct arena *a = job_arena(j);
    struct sip_edits *extra = ARENA_NEW(a, struct sip_edits);
    if (extra) {
        sip_edits_init(extra, a, NULL);
        sip_edit_append(extra, SIP_H_ALLOW_EVENTS, STR("refer")); // there is nothing else yet
    }
    j->reject = (struct reject){.status = 489, .cause = "nobody serves this event package",
                                .extra = extra};
    return STEP_REJECT;
}

// A phone subscribes to what it expects of the network as to itself. Without anybody who serves it the answer is
// the network's (RFC 6665 4.2.1.1); only a contact that says that it serves the package is asked.
static enum step_verdict check_event(struct job *j)
{
    struct term_job *t = (struct term_job *)j;
    struct pxy *p = job_pxy(j);
    const struct sip_msg *m = pxy_request(p);
    const struct registration *reg = term_served(t, NULL);
    if (sip_msg_method(m) != SIP_SUBSCRIBE)
        return STEP_CONTINUE;
    const struct sip_token *event = sip_msg_at(m, SIP_H_EVENT, 0);
    if (!event || is_networks(event->token))
        return bad_event(j);
    if (!is_own(j->nf, p, reg))
        return STEP_CONTINUE;
    return targets_serve(reg, pxy_arena(p), event->token) ? STEP_CONTINUE : bad_event(j);
}

// ---- contacts ----

static enum step_verdict find_contacts(struct job *j)
{
    struct term_job *t = (struct term_job *)j;
    if (targets_choose(t, job_pxy(j)))
        return job_fail(j, 500, err_text(ERR_NOMEM));
    return t->n ? STEP_CONTINUE : job_fail(j, 480, "called user has no contact that is wanted");
}

static int next_group(struct term_job *t, struct pxy *p);

// ---- contacts that cannot be reached ----

// Does the response say that the contact was not reached? 430 comes from its P-CSCF (RFC 5626 5.3.1), and
// so do 408 and 504 when the UE was silent; 410 is its own farewell. Silence of the P-CSCF itself is not
// the contact's.
static bool is_unreachable(unsigned status, const struct sip_msg *msg)
{
    return msg && (status == 408 || status == 410 || status == 504 || pxy_is_flow_failure(msg));
}

static struct binding *bound(const struct attempt *try, struct registration **ret_reg)
{
    size_t it = 0;
    struct binding *b = NULL;
    for (struct registration *reg; !b && (reg = term_next(try->job, &it));) {
        b = registration_binding(reg, try->binding);
        *ret_reg = reg;
    }
    return b;
}

static void unbind(const struct attempt *try, struct registration *reg, struct binding *b)
{
    struct term_job *t = try->job;
    LOG(LOG_WARN, "contact unbound, it cannot be reached", LF("impi", binding_impi(b)),
        LF("impu", t->served.impu), LF("contact", try->uri), LF_NUM("failures", b->failures));
    scscf_count(t->job.nf, SC_UNREACHABLE);
    registration_unbind(reg, b, BINDING_UNREACHABLE, STR_NONE);
}

// A contact that is left behind (a phone that came back with another one) makes every call of the user
// wait for it. It goes once it has failed some times in a row and the user is there by another one.
static void unbind_if_stale(struct attempt *try)
{
    const struct scscf *s = try->job->job.nf;
    struct registration *reg;
    struct binding *b = bound(try, &reg);
    uint32_t limit = s->cfg->registration.failures;
    if (try->failed && b && limit && b->failures >= limit && registration_binding_count(reg) > 1)
        unbind(try, reg, b);
}

// A flow that has failed is gone for good (RFC 5626 7); the last contact of all stays until it expires.
static void note_failure(struct attempt *try)
{
    struct registration *reg;
    struct binding *b = bound(try, &reg);
    try->failed = true;
    if (!b)
        return;
    if (b->failures < UINT8_MAX)
        b->failures++;
    if (b->reg_id && registration_binding_count(reg) > 1)
        unbind(try, reg, b);
}

static void note_outcome(struct attempt *try, unsigned status, const struct sip_msg *msg)
{
    struct term_job *t = try->job;
    if (is_unreachable(status, msg)) {
        note_failure(try);
    } else if (msg) {
        struct registration *reg;
        struct binding *b = bound(try, &reg);
        t->reached = true;
        if (b)
            b->failures = 0;
    }
    for (size_t i = 0; t->reached && i < t->tried; i++)
        unbind_if_stale(t->of[i]);
}

// The called user's other identity beside the one that the P-CSCF asserts (TS 24.229 5.4.3.3).
static void assert_alias(const struct scscf *s, const struct served *served, const struct sip_msg *msg,
                         struct sip_edits *edits)
{
    const struct sip_addr *id = sip_msg_at(msg, SIP_H_P_ASSERTED_IDENTITY, 0);
    const struct registration *reg = scscf_serving(s, served, NULL);
    size_t i;
    if (!reg || !id || sip_msg_count(msg, SIP_H_P_ASSERTED_IDENTITY) != 1)
        return;
    struct served who = {impu_canon(edits->arena, &s->plan, &id->uri), STR_NONE};
    if (scscf_key_covers(s, served->key, who.impu))
        who.key = served->key;
    if (scscf_serving(s, &who, &i) != reg)
        return;
    struct str alias = scscf_alias(s, edits->arena, registration_profile(reg), i, &id->uri);
    if (alias.n)
        sip_edit_append(edits, SIP_H_P_ASSERTED_IDENTITY,
                        ARENA_CAT(edits->arena, STR("<"), alias, STR(">")));
}

static int next_flow(struct attempt *try, struct pxy *p);

// Contacts of the best group ring together; the next group is tried when all of them have failed
// (RFC 3261 16.6). What comes next is forwarded to before this response counts, so that the
// response context stays open.
static enum pxy_verdict on_response(void *nf, struct pxy *p, void *target_ctx, unsigned status,
                                    const struct sip_msg *msg, struct sip_edits *edits)
{
    struct attempt *try = target_ctx;
    struct term_job *t = try->job;
    struct scscf *s = nf;
    note_outcome(try, status, msg);
    if (msg && status < 300)
        assert_alias(s, &t->served, msg, edits);
    if (msg)
        try->lent = scscf_pass_response(s, p, try->to, scscf_ioi(s), msg, edits);
    if (status < 200)
        return PXY_PASS;
    if (t->open)
        t->open--;
    bool lost = is_unreachable(status, msg) || (!msg && (status == 408 || status == 503));
    if (lost && try->flow && next_flow(try, p) == 0)
        return PXY_PASS;
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

static void keep(void *nf, struct pxy *p, void *target_ctx, struct writer *w)
{
    const struct attempt *try = target_ctx;
    const struct served *who = &try->job->served;
    pxy_keep_str(w, who->impu);
    pxy_keep_str(w, who->key);
    scscf_keep_back(nf, p, try->to, try->lent, scscf_ioi(nf), w);
}

static void late(void *nf, struct str kept, const struct sip_msg *msg, struct sip_edits *edits)
{
    struct served who;
    who.impu = pxy_kept_str(&kept);
    who.key = pxy_kept_str(&kept);
    assert_alias(nf, &who, msg, edits);
    scscf_pass_late(nf, kept, scscf_ioi(nf), msg, edits);
}

static const struct pxy_forward_ops ops = {
    .response = on_response, .keep = keep, .late = late, .upstream = upstream};

static size_t groups_left(const struct term_job *t)
{
    return t->tried < t->n ? t->group[t->n - 1] - t->group[t->tried] + 1 : 1;
}

// An INVITE may ring at each group as long as it likes; the groups of another request share its time.
static uint32_t leg(const struct scscf *s, const struct term_job *t, const struct pxy *p)
{
    uint32_t all = s->cfg->leg.terminating_ms, left = pxy_time_left(p, all);
    if (sip_msg_method(pxy_request(p)) == SIP_INVITE || !left)
        return all;
    return all - left + left / (uint32_t)groups_left(t);
}

static void set_times(struct attempt *try, const struct scscf *s, uint32_t leg_ms)
{
    try->target.leg_ms = leg_ms;
    try->target.silent_ms = s->cfg->fork.silent == SCSCF_SILENT_END ? s->cfg->fork.grace_ms : 0;
}

static int next_flow(struct attempt *try, struct pxy *p)
{
    struct term_job *t = try->job;
    struct attempt *next = try->flow;
    set_times(next, t->job.nf, leg(t->job.nf, t, p));
    int err = pxy_forward(p, &next->target, 1, &ops, t->job.nf);
    t->open += !err;
    return err;
}

static int next_group(struct term_job *t, struct pxy *p)
{
    size_t from = t->tried, n = 0;
    uint32_t leg_ms = leg(t->job.nf, t, p);
    struct pxy_target *all = arena_alloc(pxy_arena(p), (t->n - from) * sizeof *all);
    if (!all)
        return ERR_NOMEM;
    for (; from + n < t->n && t->group[from + n] == t->group[from]; n++) {
        set_times(t->of[from + n], t->job.nf, leg_ms);
        all[n] = t->of[from + n]->target;
    }
    t->tried += n;
    t->open += n;
    return pxy_forward(p, all, n, &ops, t->job.nf);
}

static enum step_verdict fork_contacts(struct job *j)
{
    int err = next_group((struct term_job *)j, job_pxy(j));
    if (err && err != ERR_STATE)
        return job_fail(j, 500, err_text(err));
    return STEP_DONE;
}

// Hooks before "filter criteria" are those of step 6; of an unregistered user they have their place in on_saa.
static const struct step steps[] = {
    {"find served user", served_user, "TS 24.229 5.4.3.3"},
    {"fetch profile", fetch_profile, "TS 24.229 5.4.3.3", .late = no_profile},
    {"check barring", check_barred, "TS 24.229 5.4.3.3"},
    {"check media", check_media, "TS 24.229 6.3"},
    {"filter criteria", NULL, "TS 24.229 5.4.3.3"},
    {"check event package", check_event, "RFC 6665 4.2.1.1"},
    {"charging vector", charging, "TS 24.229 4.5.4"},
    {"name called party", called_party, "TS 24.229 5.4.3.3"},
    {"find contacts", find_contacts, "TS 24.229 5.4.3.3"},
    {"fork", fork_contacts, "RFC 3261 16.6"},
};
const struct procedure scscf_terminating = {"terminating", steps, ARRAY_LEN(steps)};

void terminating_begin(struct scscf *s, struct pxy *p)
{
    struct term_job *t = ARENA_NEW(pxy_arena(p), struct term_job);
    if (t)
        pxy_run(p, &t->job, &scscf_terminating, &s->steps, NULL);
    else
        (void)pxy_reply(p, 500, STR_NONE, NULL);
}
