// SPDX-License-Identifier: Apache-2.0
// Bindings that go, whatever the reason, and what the HSS hears of it: a private identity whose last
// contact has gone is not registered any more, also when another one still holds the registration set
// (TS 29.228 6.1.2.1, TS 24.229 5.4.1.4.1).
#include "base/log.h"
#include "scscf/scscf_priv.h"

static const enum cx_sar_type types[] = {
    [BINDING_REFRESHED] = CX_USER_DEREGISTRATION,
    [BINDING_REPLACED] = CX_USER_DEREGISTRATION,
    [BINDING_REMOVED] = CX_USER_DEREGISTRATION,
    [BINDING_EXPIRED] = CX_TIMEOUT_DEREGISTRATION,
    [BINDING_DEACTIVATED] = CX_ADMINISTRATIVE_DEREGISTRATION,
    [BINDING_UNREACHABLE] = CX_ADMINISTRATIVE_DEREGISTRATION,
};

static void tell_hss(struct scscf *s, const struct registration_news *n)
{
    struct str impi = binding_impi(n->binding);
    if (registration_count_of(n->reg, impi) > 1)
        return;
    auth_forget_used(s->auth, impi);
    cx_notify(s, n->call_id.n ? n->call_id : binding_text(n->binding, BINDING_CALL_ID), impi,
              scscf_default_impu(n->reg), types[n->why]);
}

static void log_expired(struct scscf *s, const struct registration_news *n)
{
    bool last = registration_binding_count(n->reg) == 1;
    if (last)
        scscf_count(s, SC_EXPIRED);
    LOG(LOG_INFO, last ? "registration expired" : "contact expired", LF("impi", binding_impi(n->binding)),
        LF("impu", scscf_default_impu(n->reg)), LF("contact", binding_uri(n->binding)));
}

// What is undone the HSS hears of from who undoes it.
static void on_news(void *arg, const struct registration_news *n)
{
    struct scscf *s = arg;
    if (n->event != REGISTRATION_UNBOUND || n->why == BINDING_UNDONE)
        return;
    if (n->why == BINDING_EXPIRED)
        log_expired(s, n);
    tell_hss(s, n);
}

void bindings_observe(struct scscf *s)
{
    s->ends = (struct registrar_observer){.told = on_news, .arg = s};
    registrar_observe(s->registrar, &s->ends);
}
