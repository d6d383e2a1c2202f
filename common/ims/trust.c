// SPDX-License-Identifier: Apache-2.0
#include "ims/trust.h"

#include "base/err.h"
#include "base/mem.h"

// TS 24.229 4.4.2 to 4.4.13, 5.2.6.3.1: what only the trust domain may say.
static const enum sip_hid from_outside[] = {
    SIP_H_P_ASSERTED_IDENTITY, SIP_H_P_CHARGING_VECTOR, SIP_H_P_CHARGING_FUNCTION_ADDRESSES,
    SIP_H_P_ASSOCIATED_URI,    SIP_H_P_SERVED_USER,     SIP_H_P_USER_DATABASE,
    SIP_H_P_PROFILE_KEY,       SIP_H_P_CALLED_PARTY_ID, SIP_H_P_VISITED_NETWORK_ID,
    SIP_H_P_ASSERTED_SERVICE,
};

// What stays inside the trust domain (RFC 7315 5.6, 5.5; TS 24.229 5.2.6.4.3).
static const enum sip_hid to_outside[] = {
    SIP_H_P_CHARGING_VECTOR, SIP_H_P_CHARGING_FUNCTION_ADDRESSES,
    SIP_H_P_SERVED_USER,     SIP_H_P_USER_DATABASE,
    SIP_H_P_PROFILE_KEY,
};

static void remove_all(const struct sip_msg *m, struct sip_edits *e, const enum sip_hid *ids,
                       size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sip_msg_has(m, ids[i]))
            sip_edit_remove(e, ids[i]);
}

// A UE may not claim that the network provided its location (TS 24.229 4.4.7, 5.2.6.3.1).
static void drop_network_provided(const struct sip_msg *m, struct sip_edits *e)
{
    struct sip_iter it = sip_iter_init(m, SIP_H_P_ACCESS_NETWORK_INFO);
    for (const struct sip_token *t; (t = sip_iter_next(&it));)
        if (sip_param_has(t->params, STR("network-provided")))
            sip_edit_remove_at(e, SIP_H_P_ACCESS_NETWORK_INFO, sip_iter_index(&it));
    if (it.err)
        sip_edit_remove(e, SIP_H_P_ACCESS_NETWORK_INFO);
}

void trust_strip_from_outside(const struct sip_msg *m, struct sip_edits *e)
{
    remove_all(m, e, from_outside, ARRAY_LEN(from_outside));
    drop_network_provided(m, e);
}

// RFC 3323 4.2, RFC 3325 7: "id" asks that the asserted identity not leave the trust domain; "none"
// forbids the network to hide it.
static bool wants_identity_hidden(const struct sip_msg *m)
{
    return sip_msg_has_token(m, SIP_H_PRIVACY, STR("id")) &&
           !sip_msg_has_token(m, SIP_H_PRIVACY, STR("none"));
}

void trust_strip_to_outside(const struct sip_msg *m, struct sip_edits *e)
{
    remove_all(m, e, to_outside, ARRAY_LEN(to_outside));
    if (sip_msg_has(m, SIP_H_P_ASSERTED_IDENTITY) && wants_identity_hidden(m))
        sip_edit_remove(e, SIP_H_P_ASSERTED_IDENTITY);
    if (sip_msg_has(m, SIP_H_P_ACCESS_NETWORK_INFO))
        sip_edit_remove(e, SIP_H_P_ACCESS_NETWORK_INFO);
}
