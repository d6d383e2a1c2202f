// SPDX-License-Identifier: Apache-2.0
// User registration status query (TS 29.228 6.1.1).
#include "base/err.h"
#include "base/mem.h"
#include "hss/hss_priv.h"

static enum hss_verdict check_identities(struct hss_op *op)
{
    return hss_check_pair(op, op->r.uar.impi, op->r.uar.impu);
}

static int found(void *arg, const struct store_value *c, size_t n)
{
    *(bool *)arg = true;
    return 0;
}

// A barred IMPU may still open the registration of its implicit set's other IMPUs.
static enum hss_verdict check_barring(struct hss_op *op)
{
    if (op->r.uar.emergency || !op->facts.barred)
        return HSS_NEXT;
    bool open = false;
    int err = STORE_RUN(op->ctx->store, SQL_SET_OPEN, found, &open, SV_INT(op->facts.set_id));
    if (err)
        return hss_fail(op, err);
    if (!open)
        return hss_refuse(op, DIA_AUTHORIZATION_REJECTED,
                          "every IMPU of the implicit set is barred");
    return HSS_NEXT;
}

static bool listed(struct str list, struct str name)
{
    struct str word;
    while ((word = hss_network_next(&list)).n)
        if (str_eq(word, STR("*")) || hss_network_eq(word, name))
            return true;
    return false;
}

static enum hss_verdict check_roaming(struct hss_op *op)
{
    const struct cx_uar *r = &op->r.uar;
    if (r->type == CX_UAR_DE_REGISTRATION || r->emergency)
        return HSS_NEXT;
    if (!listed(op->facts.visited, r->visited_network))
        return hss_refuse_cx(op, CX_ERROR_ROAMING_NOT_ALLOWED, "visited network is not allowed");
    if (!op->facts.may_register)
        return hss_refuse(op, DIA_AUTHORIZATION_REJECTED, "subscriber may not register");
    return HSS_NEXT;
}

static enum hss_verdict answer_capabilities(struct hss_op *op)
{
    if (op->r.uar.type != CX_UAR_REGISTRATION_AND_CAPABILITIES)
        return HSS_NEXT;
    hss_capabilities(op, &op->facts, &op->a.uaa.capabilities);
    return hss_succeed(op);
}

static enum hss_verdict answer_deregistration(struct hss_op *op)
{
    const struct hss_facts *f = &op->facts;
    if (op->r.uar.type != CX_UAR_DE_REGISTRATION)
        return HSS_NEXT;
    if (!f->registered && !f->unregistered)
        return hss_refuse_cx(op, CX_ERROR_IDENTITY_NOT_REGISTERED, "IMPU is not registered");
    op->a.uaa.server_name = f->scscf_name;
    return hss_succeed(op);
}

// An S-CSCF serves the whole IMS subscription (TS 29.228 6.7), also while its first authentication
// is still pending: the response to the challenge must find the same one.
static enum hss_verdict answer_registration(struct hss_op *op)
{
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

static const struct hss_step steps[] = {
    {"identities", check_identities, "TS 29.228 6.1.1.1"},
    {"barring", check_barring, "TS 29.228 6.1.1.1"},
    {"roaming", check_roaming, "TS 29.228 6.1.1.1"},
    {"capabilities", answer_capabilities, "TS 29.228 6.1.1.1"},
    {"de-registration", answer_deregistration, "TS 29.228 6.1.1.1"},
    {"registration", answer_registration, "TS 29.228 6.1.1.1"},
};
const struct hss_procedure hss_uar_procedure = {steps, ARRAY_LEN(steps)};
