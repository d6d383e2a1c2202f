// SPDX-License-Identifier: Apache-2.0
// What changes when a REGISTER has been believed: bindings made (TS 24.229 5.4.1.2.2F), removed
// (5.4.1.4.1), or only asked for.
#include "base/err.h"
#include "base/log.h"
#include "scscf/register.h"

static struct str contact_uri(const struct contact_wish *w)
{
    return w->contact->addr.uri.text;
}

static struct binding *match(const struct registration *reg, const struct contact_wish *w)
{
    return registration_match(reg, &w->contact->addr.uri, w->contact->instance,
                              w->contact->reg_id);
}

// ---- what a new registration takes the place of ----

static bool uses_flows(const struct register_job *r)
{
    for (size_t i = 0; i < r->n_wishes; i++)
        if (r->wishes[i].contact->reg_id)
            return true;
    return false;
}

// One identity module is one UE, and without multiple registrations it has one contact: what its private
// identity bound in another registration (another Call-ID) is of a UE that has been restarted, or has got
// another address (TS 24.229 5.4.1.2.2F).
static bool is_replaced(const struct register_job *r, const struct binding *b)
{
    return r->aka && register_nf(r)->cfg->registration.one_contact && !uses_flows(r) && !b->reg_id &&
           str_eq(binding_impi(b), r->impi) && !str_eq(binding_call_id(b), r->call_id);
}

static void unbind_replaced(struct register_job *r, struct registration *reg)
{
    for (struct binding *b = registration_bindings(reg), *next; b; b = next) {
        next = b->next;
        if (!is_replaced(r, b))
            continue;
        LOG(LOG_INFO, "contact replaced by a new registration", LF("call_id", r->call_id),
            LF("impi", r->impi), LF("contact", binding_uri(b)));
        scscf_count(register_nf(r), SC_REPLACED);
        registration_unbind(reg, b);
    }
}

// ---- steps: checks ----

// A re-registration binds what is bound already; a new address needs an authentication of its
// own (TS 24.229 5.4.1.2.2).
static enum step_verdict check_known_contacts(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct registration *reg = register_find(r);
    for (size_t i = 0; reg && i < r->n_wishes; i++)
        if (r->wishes[i].expires_s && !r->wishes[i].contact->reg_id && !match(reg, &r->wishes[i]))
            return job_fail(j, 403, "contact was not registered before");
    return STEP_CONTINUE;
}

static enum step_verdict check_expiry(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct scscf_config *cfg = register_nf(r)->cfg;
    struct arena *a = pxy_arena(job_pxy(j));
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

// RFC 3261 10.3 step 7: a REGISTER that is older than the one that made the binding.
static enum step_verdict check_order(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct registration *reg = register_find(r);
    uint32_t cseq = sip_msg_cseq(pxy_request(job_pxy(j)))->number;
    bool late = false;
    for (size_t i = 0; reg && i < r->n_wishes; i++) {
        const struct binding *b = r->star ? registration_bindings(reg) : match(reg, &r->wishes[i]);
        for (; b && !late; b = r->star ? b->next : NULL)
            late = str_eq(binding_call_id(b), r->call_id) && cseq <= b->cseq;
    }
    return late ? job_fail(j, 500, "CSeq is not higher than that of the binding") : STEP_CONTINUE;
}

static enum step_verdict check_count(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    const struct registration *reg = register_find(r);
    size_t n = 0;
    for (struct binding *b = reg ? registration_bindings(reg) : NULL; b; b = b->next)
        n += !is_replaced(r, b);
    for (size_t i = 0; i < r->n_wishes; i++) {
        const struct binding *old = reg ? match(reg, &r->wishes[i]) : NULL;
        if ((!old || is_replaced(r, old)) && r->wishes[i].expires_s)
            n++;
    }
    if (n > register_nf(r)->cfg->registration.max_contacts)
        return job_fail(j, 403, "too many contacts");
    return STEP_CONTINUE;
}

// ---- steps: server assignment ----

static void on_saa(void *nf, cx_arg arg, int err, const struct cx_saa *a)
{
    struct scscf *s = nf;
    struct register_job *r = (struct register_job *)job_find(s->stack, arg);
    struct xml_error why;
    if (!r)
        return;
    struct reject bad = cx_verdict(err, a ? a->result : (struct dia_result){0});
    if (!bad.status) {
        r->charging = charging_addresses(pxy_arena(job_pxy(&r->job)), &a->charging);
        err = a->user_data.n ? profile_parse(s->profiles, a->user_data, &r->profile, &why) : 0;
        if (err)
            LOG(LOG_ERROR, "user profile not usable", LF("call_id", r->call_id),
                LF("impi", r->impi), LF_Z("element", why.what), LF_NUM("line", why.line));
        if (err && !register_find(r)) // who is registered goes on with the profile that is here
            bad = cx_cannot_serve(s, r->call_id, r->impi, r->impu, err);
    }
    if (bad.status) {
        scscf_count(s, SC_HSS_FAILURES);
        job_reject(&r->job, bad);
        return;
    }
    job_resume(&r->job);
}

static enum step_verdict assign_as(struct register_job *r, enum cx_sar_type type, bool have_profile)
{
    struct scscf *s = register_nf(r);
    int err = cx_assign(s, r->call_id, r->impi, r->impu, type, have_profile, on_saa, r->job.id);
    if (!err)
        return STEP_WAIT;
    scscf_count(s, SC_HSS_FAILURES);
    r->job.reject = cx_verdict(err, (struct dia_result){0});
    return STEP_REJECT;
}

static enum step_verdict assign(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    bool registered = register_find(r) != NULL;
    return assign_as(r, registered ? CX_RE_REGISTRATION : CX_REGISTRATION, registered);
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
    if (!err)
        *ret_reg = reg;
    return err;
}

static struct str path_of(const struct sip_msg *m, struct arena *a)
{
    struct arena_buf all = arena_buf_init(a);
    struct sip_iter it = sip_iter_init(m, SIP_H_PATH);
    for (const struct sip_addr *p; (p = sip_iter_next(&it));)
        arena_buf_item(&all, STR(", "), p->text);
    return arena_buf_done(&all);
}

static int bind_one(struct register_job *r, struct registration *reg, const struct contact_wish *w,
                    struct str path)
{
    struct pxy *p = job_pxy(&r->job);
    const struct sip_msg *m = pxy_request(p);
    struct binding *old = match(reg, w);
    if (!w->expires_s) {
        if (old)
            registration_unbind(reg, old);
        return 0;
    }
    struct binding_params b = {.uri = contact_uri(w),
                               .path = path,
                               .call_id = r->call_id,
                               .instance = w->contact->instance,
                               .impi = r->impi,
                               .cseq = sip_msg_cseq(m)->number,
                               .reg_id = w->contact->reg_id,
                               .expires_s = w->expires_s,
                               .q = w->contact->q,
                               .replaces = old};
    return registration_bind(reg, &b);
}

static enum step_verdict bind_contacts(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct scscf *s = j->nf;
    bool again = register_find(r) != NULL;
    struct registration *reg = NULL;
    struct pxy *p = job_pxy(j);
    struct str path = path_of(pxy_request(p), pxy_arena(p));
    int err = path.p ? take_profile(r, &reg) : ERR_NOMEM;
    if (!err && register_find(r) != reg)
        err = ERR_NOTFOUND;
    for (size_t i = 0; !err && i < r->n_wishes; i++)
        err = bind_one(r, reg, &r->wishes[i], path);
    if (!err)
        unbind_replaced(r, reg);
    if (err && reg && !registration_bindings(reg))
        registration_free(reg);
    if (err && !again) {
        j->reject = cx_cannot_serve(s, r->call_id, r->impi, r->impu, err);
        return STEP_REJECT;
    }
    if (err)
        return job_fail(j, 500, err == ERR_NOTFOUND ? "the HSS gave no profile with the identity"
                                                    : err_text(err));
    scscf_count(s, again ? SC_REREGISTERED : SC_REGISTERED);
    LOG(LOG_INFO, again ? "re-registered" : "registered", LF("call_id", r->call_id),
        LF("impi", r->impi), LF("impu", r->impu), LF_NUM("expires", r->wishes[0].expires_s));
    return STEP_CONTINUE;
}

// The bindings that the wishes are about, by wish; each contact is compared once only.
static const struct binding **matches(const struct register_job *r, const struct registration *reg)
{
    struct arena *a = pxy_arena(job_pxy(&r->job));
    const struct binding **m = arena_alloc(a, (r->n_wishes + 1) * sizeof *m);
    for (size_t i = 0; m && i < r->n_wishes; i++)
        m[i] = r->star ? NULL : match(reg, &r->wishes[i]);
    return m;
}

static bool wished(const struct register_job *r, const struct binding *const *of,
                   const struct binding *b)
{
    // "*" means what this private identity has bound (TS 24.229 5.4.1.4.1)
    if (r->star)
        return str_eq(binding_impi(b), r->impi);
    for (size_t i = 0; i < r->n_wishes; i++)
        if (of[i] == b)
            return true;
    return false;
}

// Is anything left when the wish is granted? Otherwise the HSS is told before it is.
static enum step_verdict release(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct registration *reg = register_find(r);
    const struct binding **of = reg ? matches(r, reg) : NULL;
    if (reg && !of)
        return job_fail(j, 500, err_text(ERR_NOMEM));
    for (struct binding *b = reg ? registration_bindings(reg) : NULL; b; b = b->next)
        if (!wished(r, of, b))
            return STEP_CONTINUE;
    if (!reg) {
        cx_notify(j->nf, r->call_id, r->impi, r->impu, CX_USER_DEREGISTRATION);
        return STEP_CONTINUE;
    }
    registration_release(reg);
    return assign_as(r, CX_USER_DEREGISTRATION, true);
}

static enum step_verdict unbind_contacts(struct job *j)
{
    struct register_job *r = (struct register_job *)j;
    struct registration *reg = register_find(r);
    const struct binding **of = reg ? matches(r, reg) : NULL;
    profile_free(r->profile);
    r->profile = NULL;
    if (reg && !of)
        return job_fail(j, 500, err_text(ERR_NOMEM));
    for (struct binding *b = reg ? registration_bindings(reg) : NULL, *next; b; b = next) {
        next = b->next;
        if (wished(r, of, b))
            registration_unbind(reg, b);
    }
    scscf_count(j->nf, SC_DEREGISTERED);
    LOG(LOG_INFO, "deregistered", LF("call_id", r->call_id), LF("impi", r->impi),
        LF("impu", r->impu));
    if (!reg || registration_bindings(reg))
        return STEP_CONTINUE;
    auth_forget_used(register_nf(r)->auth, r->impi);
    registration_released(reg);
    return STEP_CONTINUE;
}

static enum step_verdict reply(struct job *j)
{
    return register_send_ok((struct register_job *)j);
}

static const struct step refresh_steps[] = {
    {"check contacts", check_known_contacts, "TS 24.229 5.4.1.2.2"},
    {"settle", register_settle, "TS 24.229 5.4.1.2.2"},
};
const struct procedure register_refresh = {"register: refresh", refresh_steps,
                                           ARRAY_LEN(refresh_steps)};

static const struct step bind_steps[] = {
    {"check expiry", check_expiry, "TS 24.229 5.4.1.2.2"},
    {"check order", check_order, "RFC 3261 10.3"},
    {"check number of contacts", check_count, "TS 24.229 5.4.1.2.2"},
    {"assign server", assign, "TS 29.228 6.1.2"},
    {"bind contacts", bind_contacts, "TS 24.229 5.4.1.2.2F"},
    {"reply", reply, "TS 24.229 5.4.1.2.2F"},
};
const struct procedure register_bind = {"register: bind", bind_steps, ARRAY_LEN(bind_steps)};

static const struct step unbind_steps[] = {
    {"check order", check_order, "RFC 3261 10.3"},
    {"release server", release, "TS 29.228 6.1.2"},
    {"unbind contacts", unbind_contacts, "TS 24.229 5.4.1.4.1"},
    {"reply", reply, "TS 24.229 5.4.1.4.1"},
};
const struct procedure register_unbind = {"register: unbind", unbind_steps,
                                          ARRAY_LEN(unbind_steps)};

static const struct step query_steps[] = {
    {"reply", reply, "RFC 3261 10.3"},
};
const struct procedure register_query = {"register: query", query_steps, ARRAY_LEN(query_steps)};
