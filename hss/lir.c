// SPDX-License-Identifier: Apache-2.0
// User location query (TS 29.228 6.1.4). User-Authorization-Type asks for an S-CSCF in place of the assigned
// one, for IMS restoration (TS 23.380 4): where restoration is switched off a new one would be refused by
// its first SAR, so it is not looked at. Of an identity that a wildcarded one
// covers the answer says which (Wildcarded-Public-Identity).
#include "base/mem.h"
#include "hss/hss_priv.h"

static enum step_verdict check_identity(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    return hss_check_pair(op, STR_NONE, op->r.lir.impu);
}

// Whom the I-CSCF could not reach would be named again: it gets to choose another one. Of a registered user only if
// that one could go on with what is kept of the registration.
static enum step_verdict answer_reassignment(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    const struct hss_facts *f = &op->facts;
    bool can = !f->registered && (f->unregistered || f->unregistered_services || op->r.lir.originating);
    int err = 0;
    if (!op->r.lir.and_capabilities || !hss_restores(op))
        return STEP_CONTINUE;
    if (f->registered)
        err = hss_restoration_is_kept(op, &can);
    if (!err && !can)
        return STEP_CONTINUE;
    if (!err)
        err = hss_reassign(op);
    if (err)
        return hss_fail(op, err);
    op->a.lia.wildcard = f->wildcard;
    hss_capabilities(op, f, &op->a.lia.capabilities);
    return hss_succeed(op);
}

static enum step_verdict answer_served(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    const struct hss_facts *f = &op->facts;
    if (!f->scscf_name.p || (!f->registered && !f->unregistered))
        return STEP_CONTINUE;
    op->a.lia.server_name = f->scscf_name;
    op->a.lia.wildcard = f->wildcard;
    return hss_succeed(op);
}

// Not registered, but something is to be done for it: by the S-CSCF of a sibling, or by a new one.
static enum step_verdict answer_unregistered_service(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    const struct hss_facts *f = &op->facts;
    if (!f->unregistered_services && !op->r.lir.originating)
        return STEP_CONTINUE;
    op->a.lia.wildcard = f->wildcard;
    if (f->scscf_name.p) {
        op->a.lia.server_name = f->scscf_name;
        return hss_succeed(op);
    }
    hss_capabilities(op, f, &op->a.lia.capabilities);
    return hss_succeed_cx(op, CX_UNREGISTERED_SERVICE);
}

static enum step_verdict answer_not_registered(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    return hss_refuse_cx(op, CX_ERROR_IDENTITY_NOT_REGISTERED,
                         "IMPU is not registered and has no service for that state");
}

static const struct step steps[] = {
    {"identity", check_identity, "TS 29.228 6.1.4.1"},
    {"reassignment", answer_reassignment, "TS 29.228 6.1.4.1"},
    {"served", answer_served, "TS 29.228 6.1.4.1"},
    {"unregistered service", answer_unregistered_service, "TS 29.228 6.1.4.1"},
    {"not registered", answer_not_registered, "TS 29.228 6.1.4.1"},
};
const struct procedure hss_lir_procedure = {"LIR", steps, ARRAY_LEN(steps)};
