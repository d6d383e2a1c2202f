// SPDX-License-Identifier: Apache-2.0
// The security agreement (RFC 3329) is between the UE and this node: nothing of it goes further. Its
// headers are in the table of ims/trust.c.
#include "pcscf/pcscf_priv.h"

static void drop_option(const struct sip_msg *m, struct sip_edits *e, struct str option)
{
    static const enum sip_hid lists[] = {SIP_H_REQUIRE, SIP_H_PROXY_REQUIRE, SIP_H_SUPPORTED};
    for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
        struct sip_iter it = sip_iter_init(m, lists[l]);
        for (const struct sip_token *t; (t = sip_iter_next(&it));)
            if (str_ieq(t->token, option))
                sip_edit_remove_at(e, lists[l], sip_iter_index(&it));
    }
}

void agreement_strip(const struct sip_msg *m, struct sip_edits *e)
{
    drop_option(m, e, STR("sec-agree"));
}
