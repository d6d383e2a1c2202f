// SPDX-License-Identifier: Apache-2.0
// Bindings that a REGISTER makes, once its sender has been believed (TS 24.229 5.4.1.2.2F). What is true
// of the bindings before the HSS is asked need not be when it answers: the checks are made twice.
#include "base/err.h"
#include "base/log.h"
#include "scscf/register.h"
#include "scscf/service_route.h"

static enum step_verdict no_memory(struct job *j)
{
    return job_fail(j, 500, err_text(ERR_NOMEM));
}

static enum step_verdict check_expiry(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct scscf_config *cfg = register_nf(r)->cfg;
    struct arena *a = job_arena(j);
    bool brief = false;
    for (size_t i = 0; i < r->n_wishes; i++)
        brief = brief ||
                (r->wishes[i].expires_s && r->wishes[i].expires_s < cfg->registration.min_s);
    if (!brief)
        return STEP_CONTINUE;
    struct sip_edits *extra = ARENA_NEW(a, struct sip_edits);
    if (extra) {
        sip_edits_init(extra, a, NULL);
        sip_edit_append(extra, SIP_H_MIN_EXPIRES, arena_printf(a, "%u", cfg->registration.min_s));
    }
    j->reject = (struct reject){.status = 423, .cause = "registration too brief", .extra = extra};
    return STEP_REJECT;
}

// ---- steps: server assignment ----

// An HSS that cannot be asked ends no registration that is there (TS 24.229 5.4.1.2.2F).
static bool goes_on_without(struct register_job *r, struct reject bad)
{
    const struct registration *reg = register_find(r);
    if ((bad.status != 504 && bad.status != 503) || !reg ||
        !registration_count_of(reg, r->impi))
        return false;
    LOG(LOG_WARN, "re-registered without the HSS", LF("call_id", r->call_id), LF("impi", r->impi),
        LF("impu", r->impu), LF_Z("reason", bad.cause));
    return true;
}

// Private identities that share a public one may have it in sets of their own: then each has its own registration, and
// what the HSS said of the one is nothing of the other's (TS 23.228 4.3.3.4).
static void part_sets(struct register_job *r)
{
    struct registration *reg = register_find(r);
    if (!reg || !r->profile || registration_count_of(reg, r->impi) || !registration_is_apart(reg, r->profile))
        return;
    registration_set_profile_due(reg, true);
    r->apart = true;
}

// What the HSS has agreed to. A profile that cannot be used is told to the HSS, which took the user for
// registered.
static struct reject take_answer(struct register_job *r, const struct cx_saa *a)
{
    struct scscf *s = register_nf(r);
    struct xml_error why;
    r->assigned = true;
    r->charging = charging_addresses(register_arena(r), &a->charging);
    r->loose_route = a->loose_route_present && a->loose_route;
    int err = a->user_data.n ? profile_parse(s->profiles, a->user_data, &r->profile, &why) : 0;
    if (!err) {
        part_sets(r);
        return (struct reject){0};
    }
    LOG(LOG_ERROR, "user profile not usable", LF("call_id", r->call_id), LF("impi", r->impi),
        LF_Z("element", why.what), LF_NUM("line", why.line));
    if (register_find(r)) // who is registered goes on with the profile that is here
        return (struct reject){0};
    scscf_count(s, SC_HSS_FAILURES);
    if (r->overtaken)
        return (struct reject){.status = 500, .cause = "user profile not usable"};
    return cx_cannot_serve(s, r->call_id, r->impi, r->impu, err);
}

// The HSS has the user registered, with contacts that this S-CSCF did not know of; by now it does, or they are of no
// use (TS 29.228 6.1.2.1, Multiple-Registration-Indication).
static bool begins_anew(struct register_job *r, int err, const struct cx_saa *a)
{
    const struct registration *reg = register_find(r);
    if (err || !r->multiple || !a->result.experimental || a->result.code != CX_ERROR_IN_ASSIGNMENT_TYPE)
        return false;
    r->anew = true;
    r->alone = !reg || !registration_count_of(reg, r->impi);
    return true;
}

static void on_saa(void *nf, cx_arg arg, int err, const struct cx_saa *a)
{
    struct scscf *s = nf;
    struct register_job *r = (struct register_job *)pxy_job(s->stack, arg);
    if (!r)
        return;
    struct reject bad = cx_verdict(err, a ? a->result : (struct dia_result){0});
    if (begins_anew(r, err, a)) {
        job_resume(&r->job);
        return;
    }
    if (bad.status)
        scscf_count(s, SC_HSS_FAILURES);
    else
        bad = take_answer(r, a);
    if (bad.status && (r->assigned || !goes_on_without(r, bad)))
        job_reject(&r->job, bad);
    else
        job_resume(&r->job);
}

static enum step_verdict unassigned(struct job *j, int err)
{
    enum step_verdict v = scscf_unasked(j, err);
    return goes_on_without((struct register_job *)j, j->reject) ? STEP_CONTINUE : v;
}

// A private identity that has nothing bound yet is not registered, whoever else of the registration set
// is (TS 29.228 6.1.2.1).
static enum step_verdict assign(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct scscf *s = j->nf;
    struct registration *reg = register_find(r);
    bool again = reg && registration_count_of(reg, r->impi);
    r->again = again;
    if (register_wait_begin(r))
        return no_memory(j);
    struct assignment as = {.call_id = r->call_id,
                            .impi = r->impi,
                            .impu = r->impu,
                            .type = again ? CX_RE_REGISTRATION : CX_REGISTRATION,
                            .have_profile = again && !registration_profile_due(reg)};
    if (register_backup(r, &as.restoration))
        return no_memory(j);
    as.multiple = r->multiple = !again && !r->alone && as.restoration.present && register_may_have_more(r);
    int err = cx_assign(s, &as, on_saa, j->id);
    if (!err && again) // until the answer has been used
        registration_set_profile_due(reg, true);
    return err ? unassigned(j, err) : scscf_wait(j);
}

static enum step_verdict assign_late(struct job *j)
{
    return unassigned(j, ERR_TIMEOUT);
}

// With what is there now.
static enum step_verdict begin_anew(struct register_job *r)
{
    profile_free(r->profile);
    r->profile = NULL;
    r->assigned = r->again = r->anew = false;
    register_wait_end(r);
    return job_go(&r->job, r->proof == PROOF_NONE ? &register_challenge : &register_bind);
}

// The checks of before, of what is there now.
static enum step_verdict check_again(struct job *j)
{
    static const step_fn checks[] = {register_check_order, register_check_known, register_check_count};
    struct register_job *r = (struct register_job *)j;
    const struct registration *reg = register_find(r);
    // What was to be refreshed has ended meanwhile, and the HSS hears of that behind the refresh.
    if (r->anew || (r->again && !r->overtaken && !(reg && registration_count_of(reg, r->impi))))
        return begin_anew(r);
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        enum step_verdict v = checks[i](j);
        if (v != STEP_CONTINUE)
            return v; // hss_requests.c tells the HSS when nothing is bound
    }
    return STEP_CONTINUE;
}

// ---- steps: bindings ----

// The registration with the profile as the HSS has it now. Consumes r->profile.
static int take_profile(struct register_job *r, struct registration **ret_reg)
{
    struct registration *reg = register_find(r);
    struct profile *profile = r->profile;
    int err = 0;
    r->profile = NULL;
    if (!reg && !profile)
        return ERR_NOTFOUND;
    if (!reg)
        err = registrar_add(register_nf(r)->registrar, profile, &reg);
    else if (profile)
        err = registration_update(reg, profile);
    if (!err && r->charging.n)
        err = registration_set_charging(reg, r->charging);
    if (!err && r->assigned) {
        registration_set_loose_route(reg, r->loose_route);
        registration_set_profile_due(reg, false);
    }
    *ret_reg = reg; // also after a failure: what has no contact is ended by who asked
    return err;
}

// The end that the HSS knows: that of this REGISTER, or as long as it was told nothing, that of an earlier one.
static uint32_t told_s(const struct register_job *r, const struct register_plan *p, size_t wish)
{
    const struct scscf *s = register_nf(r);
    if (!r->assigned || s->hss_restores == SCSCF_HSS_DOES_NOT)
        return 0;
    if (r->told)
        return (uint32_t)(loop_now(s->loop) / 1000000000) + r->wishes[wish].expires_s;
    for (size_t i = 0; i < p->n; i++)
        if (p->of[i].wish == wish && p->of[i].same)
            return p->of[i].binding->told_s;
    return 0;
}

static int bind_all(struct register_job *r, struct registration *reg, const struct register_plan *p)
{
    struct str path = register_path(r);
    struct binding_params b;
    int err = path.p ? 0 : ERR_NOMEM;
    for (size_t i = 0; !err && i < r->n_wishes; i++) {
        if (!r->wishes[i].expires_s)
            continue;
        err = register_binding(r, &r->wishes[i], path, &b);
        b.told_s = told_s(r, p, i);
        if (!err)
            err = registration_bind(reg, &b, NULL);
    }
    return err;
}

static enum binding_end end_of(const struct register_job *r, const struct binding_fate *f)
{
    if (f->wish < r->n_wishes && !r->wishes[f->wish].expires_s)
        return BINDING_REMOVED;
    return f->wish < r->n_wishes && f->same ? BINDING_REFRESHED : BINDING_REPLACED;
}

static void unbind(struct register_job *r, struct registration *reg, const struct binding_fate *f)
{
    enum binding_end why = end_of(r, f);
    if (why == BINDING_REPLACED) {
        LOG(LOG_INFO, "contact replaced by a new registration", LF("call_id", r->call_id), LF("impi", r->impi),
            LF("contact", binding_uri(f->binding)));
        scscf_count(register_nf(r), SC_REPLACED);
    }
    registration_unbind(reg, f->binding, why, r->call_id);
}

static bool is_own(const struct register_job *r, const struct binding *b)
{
    return str_eq(binding_impi(b), r->impi);
}

// What was there before: the contact itself as it was, what it replaces, what is to be removed. What somebody else has
// bound stays until this REGISTER cannot be refused any more.
static void unbind_old(struct register_job *r, struct registration *reg, const struct register_plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        if ((p->of[i].wish < r->n_wishes || p->of[i].replaced) && is_own(r, p->of[i].binding))
            unbind(r, reg, &p->of[i]);
}

static void unbind_others(struct register_job *r, struct registration *reg, const struct register_plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->of[i].wish < r->n_wishes && !is_own(r, p->of[i].binding) && p->of[i].binding->id < r->last_bound)
            unbind(r, reg, &p->of[i]);
}

static int rebind(struct register_job *r)
{
    struct registration *reg = NULL;
    struct register_plan p;
    int err = register_plan(r, &p);
    if (!err)
        err = take_profile(r, &reg);
    const struct binding *before = reg ? registration_bindings(reg) : NULL;
    if (!err && !registration_has(reg, r->impu))
        err = ERR_NOTFOUND;
    if (!err)
        err = bind_all(r, reg, &p);
    if (!err) {
        unbind_old(r, reg, &p);
        register_overtake(r);
        register_wait_end(r);
        service_route_choose(register_nf(r), reg);
        r->last_bound = registration_bindings(reg)->id;
        r->record = registration_kept(reg)->id;
        return 0;
    }
    while (reg && registration_bindings(reg) != before) // all of it or nothing (RFC 3261 10.3)
        registration_unbind(reg, registration_bindings(reg), BINDING_UNDONE, STR_NONE);
    if (reg)
        (void)registration_settle(reg);
    return err;
}

static enum step_verdict bind_contacts(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct registration *reg = register_find(r);
    bool again = reg && registration_count_of(reg, r->impi);
    int err = rebind(r);
    if (err && !again && !r->overtaken) {
        j->reject = cx_cannot_serve(j->nf, r->call_id, r->impi, r->impu, err);
        return STEP_REJECT;
    }
    if (err)
        return job_fail(j, 500, err == ERR_NOTFOUND ? "the HSS gave no profile with the identity"
                                                    : err_text(err));
    scscf_count(j->nf, again ? SC_REREGISTERED : SC_REGISTERED);
    LOG(LOG_INFO, again ? "re-registered" : "registered", LF("call_id", r->call_id),
        LF("impi", r->impi), LF("impu", r->impu), LF_NUM("expires", r->wishes[0].expires_s));
    return STEP_CONTINUE;
}

// Whose registration has ended while it was written, by the operator or by a newer REGISTER, is not registered.
static enum step_verdict conclude(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct registration *reg = register_find(r);
    struct register_plan p;
    if (!reg || !registration_count_of(reg, r->impi))
        return job_fail(j, 500, "the registration has ended meanwhile");
    if (register_plan(r, &p))
        return no_memory(j);
    unbind_others(r, reg, &p);
    return STEP_CONTINUE;
}

static enum step_verdict reply(struct job *j)
{
    return register_send_ok((struct register_job *)j);
}

static const struct step bind_steps[] = {
    {"check expiry", check_expiry, "TS 24.229 5.4.1.2.2"},
    {"check order", register_check_order, "RFC 3261 10.3"},
    {"check number of contacts", register_check_count, "TS 24.229 5.4.1.2.2"},
    {"assign server", assign, "TS 29.228 6.1.2", .late = assign_late},
    {"check again", check_again, "RFC 3261 10.3"},
    {"bind contacts", bind_contacts, "TS 24.229 5.4.1.2.2F"},
    {"store", register_await_store, "TS 23.380 4.2", .late = register_await_store_late},
    {"conclude", conclude, "TS 24.229 5.4.1.2.2F"},
    {"reply", reply, "TS 24.229 5.4.1.2.2F"},
};
const struct procedure register_bind = {"register: bind", bind_steps, ARRAY_LEN(bind_steps)};

static const struct step query_steps[] = {
    {"reply", reply, "RFC 3261 10.3"},
};
const struct procedure register_query = {"register: query", query_steps, ARRAY_LEN(query_steps)};
