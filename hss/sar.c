// SPDX-License-Identifier: Apache-2.0
// S-CSCF registration and deregistration notification, and profile download (TS 29.228 6.1.2).
#include "base/err.h"
#include "base/mem.h"
#include "hss/hss_priv.h"

#define DIA_AVP_OCCURS_TOO_MANY_TIMES 5009 // RFC 6733 7.1.5

// What a Server-Assignment-Type does (TS 29.228 6.1.2.1).
enum act {
    ACT_NONE,
    ACT_REGISTER,
    ACT_UNREGISTERED,
    ACT_DEREGISTER,
    ACT_STORE,
    ACT_AUTH_END,
    ACT_READ
};

struct assignment {
    enum act act;
    bool many; // more than one IMPU is allowed
    bool needs_impi;
    bool download; // the answer carries the profile
};

static const struct assignment assignments[] = {
    // clang-format off
    [CX_NO_ASSIGNMENT]                            = {ACT_READ,         false, false, true},
    [CX_REGISTRATION]                             = {ACT_REGISTER,     false, true,  true},
    [CX_RE_REGISTRATION]                          = {ACT_REGISTER,     false, true,  true},
    [CX_UNREGISTERED_USER]                        = {ACT_UNREGISTERED, false, false, true},
    [CX_TIMEOUT_DEREGISTRATION]                   = {ACT_DEREGISTER,   true,  false, false},
    [CX_USER_DEREGISTRATION]                      = {ACT_DEREGISTER,   true,  false, false},
    [CX_TIMEOUT_DEREGISTRATION_STORE_SERVER_NAME] = {ACT_STORE,        true,  false, false},
    [CX_USER_DEREGISTRATION_STORE_SERVER_NAME]    = {ACT_STORE,        true,  false, false},
    [CX_ADMINISTRATIVE_DEREGISTRATION]            = {ACT_DEREGISTER,   true,  false, false},
    [CX_AUTHENTICATION_FAILURE]                   = {ACT_AUTH_END,     false, true,  false},
    [CX_AUTHENTICATION_TIMEOUT]                   = {ACT_AUTH_END,     false, true,  false},
    [CX_DEREGISTRATION_TOO_MUCH_DATA]             = {ACT_DEREGISTER,   true,  false, false},
    [CX_AAA_USER_DATA_REQUEST]                    = {ACT_NONE,         false, false, false},
    [CX_PGW_UPDATE]                               = {ACT_NONE,         false, false, false},
    [CX_RESTORATION]                              = {ACT_NONE,         false, false, false},
    // clang-format on
};

static const struct assignment *assignment(const struct hss_op *op)
{
    static const struct assignment none = {ACT_NONE, true, false, false};
    size_t t = op->r.sar.type;
    return t < ARRAY_LEN(assignments) ? &assignments[t] : &none;
}

static bool has_set(const struct hss_op *op, int64_t set)
{
    for (size_t i = 0; i < op->n_sets; i++)
        if (op->sets[i] == set)
            return true;
    return false;
}

// Every IMPU must exist and belong to the IMPI, or without one to the same subscription as the
// others; op->facts keeps those of the first.
static enum step_verdict check_identities(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    const struct cx_sar *r = &op->r.sar;
    if (!r->impi.p && !r->n_impus)
        return hss_refuse_avp(op, DIA_MISSING_AVP,
                              cx_failed_text(&op->arena, CX_AVP_IMPU, STR_NONE),
                              "neither IMPI nor IMPU");
    size_t n = r->n_impus;
    int64_t subscription = 0;
    for (size_t i = n; i > 0; i--) {
        enum step_verdict v = hss_check_pair(op, r->impi, r->impus[i - 1]);
        if (v != STEP_CONTINUE)
            return v;
        if (subscription && op->facts.subscription_id != subscription)
            return hss_refuse_cx(op, CX_ERROR_IDENTITIES_DONT_MATCH,
                                 "IMPUs of different subscriptions");
        subscription = op->facts.subscription_id;
        if (has_set(op, op->facts.set_id))
            continue;
        if (op->n_sets == ARRAY_LEN(op->sets))
            return hss_refuse_avp(op, DIA_UNABLE_TO_COMPLY,
                                  cx_failed_text(&op->arena, CX_AVP_IMPU, r->impus[i - 1]),
                                  "IMPUs of more implicit registration sets than are taken");
        op->sets[op->n_sets++] = op->facts.set_id;
    }
    return n ? STEP_CONTINUE : hss_check_pair(op, r->impi, STR_NONE);
}

static enum step_verdict missing(struct hss_op *op, enum cx_avp which, const char *cause)
{
    return hss_refuse_avp(op, DIA_MISSING_AVP, cx_failed_text(&op->arena, which, STR_NONE), cause);
}

static enum step_verdict check_type(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    const struct assignment *t = assignment(op);
    const struct cx_sar *r = &op->r.sar;
    if (t->act == ACT_NONE)
        return hss_refuse_avp(op, DIA_INVALID_AVP_VALUE,
                              cx_failed_number(&op->arena, CX_AVP_ASSIGNMENT_TYPE, r->type),
                              "Server-Assignment-Type is not of Cx");
    if (r->n_impus > 1 && !t->many)
        return hss_refuse_avp(op, DIA_AVP_OCCURS_TOO_MANY_TIMES,
                              cx_failed_text(&op->arena, CX_AVP_IMPU, r->impus[1]),
                              "several IMPUs with a Server-Assignment-Type for one");
    if (!r->n_impus && !t->many)
        return missing(op, CX_AVP_IMPU, "Server-Assignment-Type needs an IMPU");
    if (!r->impi.p && t->needs_impi)
        return missing(op, CX_AVP_IMPI, "Server-Assignment-Type needs an IMPI");
    return STEP_CONTINUE;
}

static int set_row(void *arg, const struct store_value *c, size_t n)
{
    struct hss_op *op = arg;
    if (op->n_sets == ARRAY_LEN(op->sets))
        return ERR_TOOBIG;
    op->sets[op->n_sets++] = c[0].num;
    return 0;
}

// Without IMPU the request is about everything the IMPI may use.
static enum step_verdict find_sets(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    if (op->r.sar.n_impus)
        return STEP_CONTINUE;
    int err = STORE_RUN(op->ctx->store, SQL_SETS_OF_IMPI, set_row, op, SV_INT(op->facts.impi_id));
    return err ? hss_fail(op, err) : STEP_CONTINUE;
}

static bool takes(enum act act)
{
    return act == ACT_REGISTER || act == ACT_UNREGISTERED;
}

static enum step_verdict refuse_other(struct hss_op *op, enum act act)
{
    op->a.saa.server_name = op->facts.scscf_name;
    return takes(act) ? hss_refuse_cx(op, CX_ERROR_IDENTITY_ALREADY_REGISTERED, "another S-CSCF is assigned")
                      : hss_refuse(op, DIA_UNABLE_TO_COMPLY, "another S-CSCF is assigned");
}

// One S-CSCF serves an IMS subscription, whichever of its IMPUs is asked for; a MAR puts another one in its place
// (TS 29.228 8.1), and a SAR when an I-CSCF could not reach the assigned one and has asked for another (TS 23.380 4). Else
// another one meets a refusal that tells it which case it is in, and who is assigned (TS 29.228 table 6.1.2.2:
// Server-Name).
static enum step_verdict check_server_name(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    const struct hss_facts *f = &op->facts;
    enum act act = assignment(op)->act;
    bool same = f->scscf_name.p && str_ieq(f->scscf_name, op->r.sar.server_name);
    op->takes_over = f->scscf_name.p && !same && f->reassign && hss_restores(op) && (takes(act) || act == ACT_READ);
    if (f->scscf_name.p && !same && !op->takes_over)
        return refuse_other(op, act);
    if (act == ACT_READ && !same && !op->takes_over)
        return hss_refuse(op, DIA_UNABLE_TO_COMPLY, "no S-CSCF is assigned to the IMPU");
    return STEP_CONTINUE;
}

static int put_name(struct hss_op *op)
{
    return HSS_WRITE(op, SQL_SCSCF_UPDATE, SV_INT(op->facts.subscription_id), SV_TEXT(op->r.sar.server_name));
}

// The S-CSCF does not know of a contact that is registered: what is kept is not to be overwritten by it.
static bool adds_contact(const struct hss_op *op)
{
    return op->r.sar.type == CX_REGISTRATION && op->r.sar.multiple_registration && op->facts.registered;
}

// What another S-CSCF, or the same before it was started anew, has left goes out to who asks for the profile alone; to
// who takes a registered user for one who is not, or for registered with one contact less, with the result that says so;
// and of other private identities to who registers one of them. Without it nobody takes a registered user over but by
// registering him: he could not be served, and the assigned one may be back.
static enum step_verdict find_restoration(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    enum act act = assignment(op)->act;
    bool registered = act == ACT_UNREGISTERED && op->facts.registered, own = false;
    int err = 0;
    if (hss_restores(op) && (registered || act == ACT_READ || adds_contact(op)))
        err = hss_restoration_load(op, &own);
    else if (hss_restores(op) && act == ACT_REGISTER)
        err = hss_restoration_load_others(op);
    if (err)
        return hss_fail(op, err);
    if (op->takes_over && act != ACT_REGISTER && op->facts.registered && !op->a.saa.n_restorations)
        return refuse_other(op, act);
    op->stays = adds_contact(op) ? own : registered && op->a.saa.n_restorations;
    return registered && !op->stays ? hss_refuse_cx(op, CX_ERROR_IN_ASSIGNMENT_TYPE, "IMPU is registered") : STEP_CONTINUE;
}

static int assign(struct hss_op *op, int64_t impi_id, enum hss_state state)
{
    const struct hss_facts *f = &op->facts;
    int err = 0;
    if (!f->scscf_name.p || !str_eq(f->scscf_name, op->r.sar.server_name) || f->reassign)
        err = put_name(op);
    if (!err)
        err = HSS_WRITE(op, SQL_REGISTRATION_PUT, SV_INT(f->set_id), SV_INT(impi_id), SV_INT(state),
                        SV_INT(0));
    return err;
}

static int register_set(struct hss_op *op)
{
    const struct hss_facts *f = &op->facts;
    bool refresh = f->registered_here && !f->pending_here && !f->reassign && f->scscf_name.p &&
                   str_eq(f->scscf_name, op->r.sar.server_name);
    if (refresh) // nothing changes: no write, no wait for the disk
        return 0;
    int err = assign(op, f->impi_id, HSS_REGISTERED);
    if (!err && f->unregistered)
        err = HSS_WRITE(op, SQL_REGISTRATION_DROP, SV_INT(f->set_id), SV_INT(0));
    return err;
}

static int release(struct hss_op *op)
{
    return HSS_WRITE(op, SQL_SCSCF_RELEASE, SV_INT(op->facts.subscription_id));
}

// With an IMPI its own registration ends; without one the IMPU's as a whole.
static int drop_set(struct hss_op *op, int64_t set)
{
    int64_t impi = op->facts.impi_id;
    if (!impi)
        return HSS_WRITE(op, SQL_REGISTRATION_CLEAR, SV_INT(set));
    int err = HSS_WRITE(op, SQL_REGISTRATION_DROP, SV_INT(set), SV_INT(impi));
    return err ? err : HSS_WRITE(op, SQL_REGISTRATION_DROP, SV_INT(set), SV_INT(0));
}

// What is registered of a set: by those whose registration ends (or unregistered), and by others.
struct held {
    int64_t impi;
    bool mine, others;
};

static int held_row(void *arg, const struct store_value *c, size_t n)
{
    struct held *h = arg;
    bool mine = !h->impi || c[0].num == h->impi || c[0].num == 0;
    if (c[1].num != HSS_NOT_REGISTERED)
        *(mine ? &h->mine : &h->others) = true;
    return 0;
}

// The profile stays in the S-CSCF for services of unregistered users. A set that another IMPI still
// has registered stays registered, and one that was not registered does not become unregistered by
// it.
static int store_sets(struct hss_op *op)
{
    int err = 0;
    for (size_t i = 0; !err && i < op->n_sets; i++) {
        struct held h = {.impi = op->facts.impi_id};
        err = STORE_RUN(op->ctx->store, SQL_REGISTRATIONS, held_row, &h, SV_INT(op->sets[i]));
        if (!err)
            err = drop_set(op, op->sets[i]);
        if (!err && h.mine && !h.others)
            err = HSS_WRITE(op, SQL_REGISTRATION_PUT, SV_INT(op->sets[i]), SV_INT(0),
                            SV_INT(HSS_UNREGISTERED), SV_INT(0));
        op->name_stored = op->name_stored || h.mine || h.others;
    }
    return err ? err : release(op);
}

// The challenge came to nothing: state stays what it was before it.
static int end_authentication(struct hss_op *op)
{
    const struct hss_facts *f = &op->facts;
    if (!f->pending_here)
        return 0;
    if (f->registered_here)
        return HSS_WRITE(op, SQL_PENDING_CLEAR, SV_INT(f->set_id), SV_INT(f->impi_id));
    int err = HSS_WRITE(op, SQL_REGISTRATION_DROP, SV_INT(f->set_id), SV_INT(f->impi_id));
    return err ? err : release(op);
}

static int deregister(struct hss_op *op)
{
    int err = 0;
    for (size_t i = 0; !err && i < op->n_sets; i++)
        err = drop_set(op, op->sets[i]);
    return err ? err : release(op);
}

static enum step_verdict change_state(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    int err = 0;
    if (op->stays)
        return hss_next(op, op->takes_over ? put_name(op) : 0);
    switch (assignment(op)->act) {
    case ACT_REGISTER:
        err = register_set(op);
        break;
    case ACT_UNREGISTERED:
        err = assign(op, 0, HSS_UNREGISTERED);
        break;
    case ACT_DEREGISTER:
        err = deregister(op);
        break;
    case ACT_STORE:
        err = op->settings.keep_server_name ? store_sets(op) : deregister(op);
        break;
    case ACT_AUTH_END:
        err = end_authentication(op);
        break;
    case ACT_READ: // who goes on with the user is the one who is to be asked for from now on
        err = op->takes_over ? put_name(op) : 0;
        break;
    case ACT_NONE:
        break;
    }
    return err ? hss_fail(op, err) : STEP_CONTINUE;
}

// TS 29.228 table 6.1.2.1: it is there when it has changed.
static enum step_verdict keep_restoration(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    if (assignment(op)->act != ACT_REGISTER || op->stays || !op->restoration.n)
        return STEP_CONTINUE;
    return hss_next(op, hss_restoration_put(op));
}

struct impi_list {
    struct hss_op *op;
    struct str *v;
    size_t n, cap;
};

static int impi_row(void *arg, const struct store_value *c, size_t n)
{
    struct impi_list *l = arg;
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 4;
        struct str *more = arena_alloc(&l->op->arena, cap * sizeof(*more));
        if (!more)
            return ERR_NOMEM;
        if (l->n)
            memcpy(more, l->v, l->n * sizeof(*more));
        l->v = more;
        l->cap = cap;
    }
    l->v[l->n++] = arena_dup(&l->op->arena, c[0].s);
    return 0;
}

static int chosen_row(void *arg, const struct store_value *c, size_t n)
{
    struct hss_op *op = arg;
    op->a.saa.impi = arena_dup(&op->arena, c[0].s);
    return 0;
}

// TS 29.228 6.1.2.1, table 6.1.2.2: a request that names no IMPI gets one that has the IMPU,
// whichever.
static enum step_verdict choose_impi(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    op->a.saa.impi = op->r.sar.impi;
    if (op->r.sar.impi.p)
        return STEP_CONTINUE;
    int err = STORE_RUN(op->ctx->store, SQL_IMPI_OF_SET, chosen_row, op, SV_INT(op->facts.set_id));
    return err ? hss_fail(op, err) : STEP_CONTINUE;
}

// An S-CSCF that has the profile gets it all the same when it has changed since, when the HSS does not know
// that it has it, and with what is kept for it (TS 29.228 6.1.2.1, User-Data-Already-Available: "may"). Sets: op->sends_profile.
static enum step_verdict decide_download(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    const struct hss_facts *f = &op->facts; // as they were before this request
    bool has = f->registered || f->unregistered;
    op->sends_profile = assignment(op)->download &&
                        (!op->r.sar.user_data_already_available || f->stale || !has || op->stays);
    if (!op->sends_profile || !f->stale)
        return STEP_CONTINUE;
    int err = HSS_WRITE(op, SQL_FRESH, SV_INT(f->set_id));
    return err ? hss_fail(op, err) : STEP_CONTINUE;
}

static enum step_verdict download_profile(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    struct cx_saa *a = &op->a.saa;
    if (!assignment(op)->download)
        return STEP_CONTINUE;
    struct impi_list l = {.op = op};
    int err = STORE_RUN(op->ctx->store, SQL_IMPIS_OF_SUBSCRIPTION, impi_row, &l,
                        SV_INT(op->facts.subscription_id));
    if (!err && op->sends_profile)
        err = hss_user_data(op, a->impi, &op->facts.set_id, 1, &a->user_data);
    if (l.n > 1) { // the one that the S-CSCF knows
        a->associated_identities = l.v;
        a->n_associated = l.n;
    }
    struct impi_list registered = {.op = op};
    if (!err && l.n > 1 && hss_restores(op) && assignment(op)->act == ACT_REGISTER)
        err = STORE_RUN(op->ctx->store, SQL_REGISTERED_IMPIS, impi_row, &registered, SV_INT(op->facts.set_id));
    a->registered_identities = registered.v;
    a->n_registered = registered.n;
    return err ? hss_fail(op, err) : STEP_CONTINUE;
}

static int charging_row(void *arg, const struct store_value *c, size_t n)
{
    struct hss_op *op = arg;
    struct cx_charging *ch = &op->a.saa.charging;
    struct str ccf = arena_dup(&op->arena, c[0].s), ecf = arena_dup(&op->arena, c[1].s);
    if (ccf.n || ecf.n) {
        struct str ccf1 = str_split(&ccf, ' '), ecf1 = str_split(&ecf, ' ');
        *ch = (struct cx_charging){
            .primary_ccf = ccf1.n ? ccf1 : STR_NONE,
            .secondary_ccf = ccf,
            .primary_ecf = ecf1.n ? ecf1 : STR_NONE,
            .secondary_ecf = ecf,
        };
    }
    return 0;
}

// These AVPs are DiameterURIs (TS 29.229 6.3.20 to 6.3.23, RFC 6733 4.3.1); an operator may give
// the host alone.
static void complete_uri(struct hss_op *op, struct str *name)
{
    if (name->n && !str_istarts(*name, STR("aaa://")) && !str_istarts(*name, STR("aaas://")))
        *name = ARENA_CAT(&op->arena, STR("aaa://"), *name);
}

static enum step_verdict download_charging(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    if (!op->sends_profile)
        return STEP_CONTINUE;
    const struct hss_charging *c = &op->settings.charging;
    op->a.saa.charging =
        (struct cx_charging){.primary_ccf = c->primary_ccf, .secondary_ccf = c->secondary_ccf,
                             .primary_ecf = c->primary_ecf, .secondary_ecf = c->secondary_ecf};
    int err = STORE_RUN(op->ctx->store, SQL_CHARGING, charging_row, op,
                        SV_INT(op->facts.subscription_id));
    struct cx_charging *ch = &op->a.saa.charging;
    complete_uri(op, &ch->primary_ccf);
    complete_uri(op, &ch->secondary_ccf);
    complete_uri(op, &ch->primary_ecf);
    complete_uri(op, &ch->secondary_ecf);
    return err ? hss_fail(op, err) : STEP_CONTINUE;
}

static enum step_verdict answer(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    if (assignment(op)->download)
        op->a.saa.wildcard = op->facts.wildcard;
    if (assignment(op)->act == ACT_STORE && !op->name_stored)
        return hss_succeed_cx(op, CX_SUCCESS_SERVER_NAME_NOT_STORED);
    if (op->stays) // no success by its number, but everything else is answered
        return hss_succeed_cx(op, CX_ERROR_IN_ASSIGNMENT_TYPE);
    return hss_succeed(op);
}

static const struct step steps[] = {
    {"identities", check_identities, "TS 29.228 6.1.2.1"},
    {"assignment type", check_type, "TS 29.228 6.1.2.1"},
    {"implicit sets", find_sets, "TS 29.228 6.5.1"},
    {"server name", check_server_name, "TS 29.228 6.1.2.1"},
    {"restoration", find_restoration, "TS 29.228 6.1.2.1"},
    {"state", change_state, "TS 29.228 6.1.2.1"},
    {"backup", keep_restoration, "TS 23.380 4.2"},
    {"private identity", choose_impi, "TS 29.228 6.1.2.1"},
    {"what it has already", decide_download, "TS 29.228 6.1.2.1"},
    {"profile", download_profile, "TS 29.228 6.6"},
    {"charging", download_charging, "TS 29.228 6.6"},
    {"answer", answer, "TS 29.228 6.1.2.1"},
};
const struct procedure hss_sar_procedure = {"SAR", steps, ARRAY_LEN(steps)};
