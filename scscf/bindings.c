// SPDX-License-Identifier: Apache-2.0
// Bindings that go, whatever the reason, and what the HSS hears of it: a private identity whose last
// contact has gone is not registered any more, also when another one still holds the registration set
// (TS 29.228 6.1.2.1, TS 24.229 5.4.1.4.1).
#include "base/log.h"
#include "scscf/scscf_priv.h"

void scscf_left(struct scscf *s, const struct registration *reg, const struct binding *b,
                enum cx_sar_type why, struct str call_id)
{
    struct str impi = binding_impi(b);
    if (registration_count_of(reg, impi) > 1)
        return;
    auth_forget_used(s->auth, impi);
    cx_notify(s, call_id.n ? call_id : binding_text(b, BINDING_CALL_ID), impi, scscf_default_impu(reg),
              why);
}

void scscf_unbind(struct scscf *s, struct registration *reg, struct binding *b,
                  enum cx_sar_type why, struct str call_id)
{
    scscf_left(s, reg, b, why, call_id);
    registration_unbind(reg, b);
}

void scscf_end(struct scscf *s, struct registration *reg, enum cx_sar_type why)
{
    while (registration_bindings(reg))
        scscf_unbind(s, reg, registration_bindings(reg), why, STR_NONE);
    (void)registration_settle(reg);
}

void scscf_on_expired(void *arg, const struct registration *reg, const struct binding *b)
{
    struct scscf *s = arg;
    bool last = registration_binding_count(reg) == 1;
    if (last)
        scscf_count(s, SC_EXPIRED);
    LOG(LOG_INFO, last ? "registration expired" : "contact expired", LF("impi", binding_impi(b)),
        LF("impu", scscf_default_impu(reg)), LF("contact", binding_uri(b)));
    scscf_left(s, reg, b, CX_TIMEOUT_DEREGISTRATION, STR_NONE);
}
