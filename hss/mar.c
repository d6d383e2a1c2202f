// SPDX-License-Identifier: Apache-2.0
// Authentication (TS 29.228 6.3).
#include <openssl/crypto.h>

#include "base/err.h"
#include "base/mem.h"
#include "hss/hss_priv.h"

#define SCHEME_AKA STR("Digest-AKAv1-MD5")
#define SCHEME_DIGEST STR("SIP Digest")
#define SCHEME_UNKNOWN STR("Unknown")

enum { RAND_BYTES_ = 16, AUTS_BYTES = 14 };

static enum step_verdict check_identities(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    return hss_check_pair(op, op->r.mar.impi, op->r.mar.impu);
}

// "Unknown" comes for a REGISTER without Authorization, which a UE of IMS-AKA does not send
// (TS 24.229 5.1.1.2.2, 5.4.1.1): the clause has it answered for SIP Digest only. The setting is
// for UEs that do.
static enum step_verdict check_scheme(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    struct str asked = op->r.mar.item.scheme;
    int err = hss_auth_load(op, op->r.mar.impi, op->r.mar.impu, &op->auth);
    if (err == ERR_AUTH)
        return hss_refuse(op, DIA_UNABLE_TO_COMPLY, "stored secret does not open with this key");
    if (err)
        return hss_fail(op, err);
    bool digest = op->auth.scheme == HSS_DIGEST;
    if (str_eq(asked, SCHEME_UNKNOWN))
        return digest || op->settings.aka_for_unknown
                   ? STEP_CONTINUE
                   : hss_refuse_cx(op, CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED,
                                   "subscriber of IMS-AKA, scheme Unknown: REGISTER without "
                                   "Authorization");
    if (!str_eq(asked, digest ? SCHEME_DIGEST : SCHEME_AKA))
        return hss_refuse_cx(op, CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED,
                             "subscriber has no data for the scheme asked for");
    return STEP_CONTINUE;
}

#define DELTA (UINT64_C(1) << 28)

// TS 33.102 6.3.5: the UE's SQN is taken unless the HSS's next one would be accepted anyway; so a
// replayed AUTS does not wind the HSS back.
static bool in_range(uint64_t sqn_hss, uint64_t sqn_ue)
{
    uint64_t next = aka_sqn_next(sqn_hss) >> AKA_IND_BITS, seq_ue = sqn_ue >> AKA_IND_BITS;
    return next > seq_ue && next - seq_ue <= DELTA;
}

static enum step_verdict check_auts(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    struct str token = op->r.mar.item.authorization;
    if (op->auth.scheme != HSS_AKA || !token.n)
        return STEP_CONTINUE;
    if (token.n != RAND_BYTES_ + AUTS_BYTES)
        return hss_refuse_avp(op, DIA_INVALID_AVP_VALUE,
                              cx_failed_text(&op->arena, CX_AVP_AUTHORIZATION, token),
                              "SIP-Authorization is not RAND and AUTS");
    if (!op->facts.scscf_name.p || !str_ieq(op->facts.scscf_name, op->r.mar.server_name))
        return hss_refuse(op, DIA_UNABLE_TO_COMPLY, "resynchronisation by an S-CSCF not assigned");
    const uint8_t *rand = (const uint8_t *)token.p;
    op->resync = true;
    op->sqn_hss = op->auth.sqn;
    int err = aka_auts_check(op->ctx->aka, op->auth.k, op->auth.opc, rand, rand + RAND_BYTES_,
                             &op->sqn_ue);
    if (err == ERR_AUTH)
        return hss_refuse(op, DIA_UNABLE_TO_COMPLY,
                          "AUTS does not verify: wrong K or OPc, or forged");
    if (err)
        return hss_fail(op, err);
    if (!in_range(op->auth.sqn, op->sqn_ue))
        op->auth.sqn = op->sqn_ue;
    return STEP_CONTINUE;
}

// The name is kept from the first challenge on, so that the response finds the same S-CSCF.
static enum step_verdict store_server_name(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    const struct hss_facts *f = &op->facts;
    const struct cx_mar *r = &op->r.mar;
    bool same = f->scscf_name.p && str_ieq(f->scscf_name, r->server_name);
    int err = 0;
    if (!same)
        err = HSS_WRITE(op, SQL_SCSCF_UPDATE, SV_INT(f->subscription_id), SV_TEXT(r->server_name));
    if (!err && !same && f->registered_here && !f->reassign) // nobody is to go on with what another S-CSCF left
        err = hss_restoration_drop(op);
    if (!err && !f->pending_here && !(same && f->registered_here))
        err =
            HSS_WRITE(op, SQL_REGISTRATION_PUT, SV_INT(f->set_id), SV_INT(f->impi_id),
                      SV_INT(f->registered_here ? HSS_REGISTERED : HSS_NOT_REGISTERED), SV_INT(1));
    return err ? hss_fail(op, err) : STEP_CONTINUE;
}

static void fill_item(struct hss_op *op, const struct aka_vector *v, struct cx_auth_item *item)
{
    struct aka_vector *copy = arena_alloc(&op->arena, sizeof(*copy));
    if (!copy)
        return;
    *copy = *v;
    item->scheme = SCHEME_AKA;
    item->authenticate = str_make((const char *)copy->rand, 32); // RAND and AUTN are adjacent
    item->authorization = str_make((const char *)copy->xres, sizeof(copy->xres));
    item->ck = str_make((const char *)copy->ck, sizeof(copy->ck));
    item->ik = str_make((const char *)copy->ik, sizeof(copy->ik));
}

_Static_assert(offsetof(struct aka_vector, autn) == offsetof(struct aka_vector, rand) + 16,
               "SIP-Authenticate is RAND followed by AUTN");

static enum step_verdict make_vectors(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    if (op->auth.scheme != HSS_AKA)
        return STEP_CONTINUE;
    struct cx_auth_item *items = arena_zalloc(&op->arena, op->n_vectors * sizeof(*items));
    if (!items)
        return hss_fail(op, ERR_NOMEM);
    if ((op->auth.sqn >> AKA_IND_BITS) + op->n_vectors >= UINT64_C(1) << (48 - AKA_IND_BITS))
        return hss_refuse(op, DIA_UNABLE_TO_COMPLY, "SQN is at its end and must not wrap");
    for (size_t i = 0; i < op->n_vectors; i++) {
        struct aka_vector v;
        op->auth.sqn = aka_sqn_next(op->auth.sqn);
        int err = aka_generate(op->ctx->aka, op->auth.k, op->auth.opc, op->random[i], op->auth.sqn,
                               op->auth.amf, &v);
        if (err)
            return hss_fail(op, err);
        items[i].item_number = op->n_vectors > 1 ? (uint32_t)i + 1 : 0;
        fill_item(op, &v, &items[i]);
    }
    op->a.maa.items = items;
    op->a.maa.n_items = op->n_vectors;
    OPENSSL_cleanse(op->auth.k, sizeof(op->auth.k)); // the commit may take a while
    OPENSSL_cleanse(op->auth.opc, sizeof(op->auth.opc));
    int err = hss_write_sqn(op, op->auth.sqn);
    return err ? hss_fail(op, err) : STEP_CONTINUE;
}

// TS 29.228 table 6.3.7: HA1 and what it was made with; always one item. Digest-Algorithm is MD5 or
// nothing, newer algorithms come beside it.
static enum step_verdict make_digest(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    if (op->auth.scheme != HSS_DIGEST)
        return STEP_CONTINUE;
    struct cx_auth_item *item = arena_zalloc(&op->arena, sizeof(*item));
    if (!item)
        return hss_fail(op, ERR_NOMEM);
    item->scheme = SCHEME_DIGEST;
    item->digest_realm = op->auth.realm;
    item->digest_algorithm = STR("MD5");
    item->digest_qop = op->settings.digest_qop.n ? op->settings.digest_qop : STR("auth");
    item->digest_ha1 = op->auth.ha1;
    if (op->auth.alt_ha1.n) {
        item->digest_alt_algorithm = op->auth.algorithm;
        item->digest_alt_ha1 = op->auth.alt_ha1;
    }
    op->a.maa.items = item;
    op->a.maa.n_items = 1;
    return STEP_CONTINUE;
}

static enum step_verdict answer(struct job *j)
{
    struct hss_op *op = hss_op_of(j);
    op->a.maa.impi = op->r.mar.impi;
    op->a.maa.impu = op->r.mar.impu;
    return hss_succeed(op);
}

static const struct step steps[] = {
    {"identities", check_identities, "TS 29.228 6.3.1"},
    {"scheme", check_scheme, "TS 29.228 6.3.1"},
    {"resynchronisation", check_auts, "TS 33.102 6.3.5"},
    {"server name", store_server_name, "TS 29.228 6.3.1"},
    {"vectors", make_vectors, "TS 33.102 6.3.2"},
    {"digest", make_digest, "TS 29.228 6.3"},
    {"answer", answer, "TS 29.228 6.3.1"},
};
const struct procedure hss_mar_procedure = {"MAR", steps, ARRAY_LEN(steps)};
