// SPDX-License-Identifier: Apache-2.0
// The security agreement (RFC 3329) is between the UE and this node: nothing of it goes further. Its
// headers are in the table of ims/trust.c.
#include "pcscf/pcscf_priv.h"

static const struct str option = STR_INIT("sec-agree");
static const enum sip_hid lists[] = {SIP_H_REQUIRE, SIP_H_PROXY_REQUIRE, SIP_H_SUPPORTED};

void agreement_strip(const struct sip_msg *m, struct sip_edits *e)
{
    for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
        struct sip_iter it = sip_iter_init(m, lists[l]);
        for (const struct sip_token *t; (t = sip_iter_next(&it));)
            if (str_ieq(t->token, option))
                sip_edit_remove_at(e, lists[l], sip_iter_index(&it));
    }
}

// The mechanisms that this node offers, whatever the UE has said of its own (RFC 3329 2.3.1), as the value of
// Security-Server. No mechanism is built in yet, and a header without a value there is not (2.2): that of IPsec (TS
// 33.203 7.2) comes here.
static struct str offer(void)
{
    return STR_NONE;
}

static bool knows_agreement(const struct sip_msg *m)
{
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        if (sip_msg_has_token(m, lists[l], option))
            return true;
    return false;
}

// RFC 3329 2.3.1: 421 to a UE that has said nothing of agreements, 494 to one that knows them.
enum step_verdict agreement_refuse(struct job *j, const struct sip_msg *m)
{
    struct pjob *pj = pjob_of(j);
    struct sip_edits *extra = ARENA_NEW(pj->arena, struct sip_edits);
    bool knows = knows_agreement(m);
    if (!extra)
        return job_fail(j, 500, "out of memory");
    sip_edits_init(extra, pj->arena, NULL);
    sip_edit_append(extra, SIP_H_REQUIRE, option);
    if (offer().n)
        sip_edit_append(extra, SIP_H_SECURITY_SERVER, offer());
    enum step_verdict v = job_fail(j, knows ? 494 : 421,
                                   knows ? "no security mechanism in common" : "a security agreement is required");
    j->reject.extra = extra;
    return v;
}
