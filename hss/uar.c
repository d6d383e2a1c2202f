// SPDX-License-Identifier: Apache-2.0
// User registration status query (TS 29.228 6.1.1).
#include "base/err.h"
#include "base/mem.h"
#include "hss/hss_priv.h"

static enum step_verdict check_identities(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    return hss_check_pair(op, op->r.uar.impi, op->r.uar.impu);
}

static int found(void *arg, const struct store_value *c, size_t n)
{
    *(bool *)arg = true;
    return 0;
}

// A barred IMPU may still open the registration of its implicit set's other IMPUs.
static enum step_verdict check_barring(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    if (op->r.uar.emergency || !op->facts.barred)
        return STEP_CONTINUE;
    bool open = false;
    int err = STORE_RUN(op->ctx->store, SQL_SET_OPEN, found, &open, SV_INT(op->facts.set_id));
    if (err)
        return hss_fail(op, err);
    if (!open)
        return hss_refuse(op, DIA_AUTHORIZATION_REJECTED,
                          "every IMPU of the implicit set is barred");
    return STEP_CONTINUE;
}

static bool listed(struct str list, struct str name)
{
    struct str word;
    while ((word = hss_network_next(&list)).n)
        if (str_eq(word, STR("*")) || hss_network_eq(word, name))
            return true;
    return false;
}

static enum step_verdict check_roaming(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    const struct cx_uar *r = &op->r.uar;
    if (r->type == CX_UAR_DE_REGISTRATION || r->emergency)
        return STEP_CONTINUE;
    if (!listed(op->facts.visited, r->visited_network))
        return hss_refuse_cx(op, CX_ERROR_ROAMING_NOT_ALLOWED, "visited network is not allowed");
    if (!op->facts.may_register)
        return hss_refuse(op, DIA_AUTHORIZATION_REJECTED, "subscriber may not register");
    return STEP_CONTINUE;
}

static enum step_verdict answer_capabilities(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    if (op->r.uar.type != CX_UAR_REGISTRATION_AND_CAPABILITIES)
        return STEP_CONTINUE;
    int err = hss_reassign(op);
    if (err)
        return hss_fail(op, err);
    hss_capabilities(op, &op->facts, &op->a.uaa.capabilities);
    return hss_succeed(op);
}

static enum step_verdict answer_deregistration(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    const struct hss_facts *f = &op->facts;
    if (op->r.uar.type != CX_UAR_DE_REGISTRATION)
        return STEP_CONTINUE;
    if (!f->registered && !f->unregistered)
        return hss_refuse_cx(op, CX_ERROR_IDENTITY_NOT_REGISTERED, "IMPU is not registered");
    op->a.uaa.server_name = f->scscf_name;
    return hss_succeed(op);
}

// An S-CSCF serves the whole IMS subscription (TS 29.228 6.7), also while its first authentication
// is still pending: the response to the challenge must find the same one.
static enum step_verdict answer_registration(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    const struct hss_facts *f = &op->facts;
    if (f->scscf_name.p) {
        op->a.uaa.server_name = f->scscf_name;
        return hss_succeed_cx(op, CX_SUBSEQUENT_REGISTRATION);
    }
    if (op->no_new && !op->r.uar.emergency)
        return hss_refuse(op, DIA_TOO_BUSY, "too much waits for a registration to begin");
    hss_capabilities(op, f, &op->a.uaa.capabilities);
    return hss_succeed_cx(op, CX_FIRST_REGISTRATION);
}

static const struct step steps[] = {
    {"identities", check_identities, "TS 29.228 6.1.1.1"},
    {"barring", check_barring, "TS 29.228 6.1.1.1"},
    {"roaming", check_roaming, "TS 29.228 6.1.1.1"},
    {"capabilities", answer_capabilities, "TS 29.228 6.1.1.1"},
    {"de-registration", answer_deregistration, "TS 29.228 6.1.1.1"},
    {"registration", answer_registration, "TS 29.228 6.1.1.1"},
};
const struct procedure hss_uar_procedure = {"UAR", steps, ARRAY_LEN(steps)};
