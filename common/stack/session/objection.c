// SPDX-License-Identifier: Apache-2.0
// What an INVITE or a change asks for and the core has not.
#include "stack/session/exchange.h"

enum { LEAST_S = 90 }; // RFC 4028 5

unsigned session_objection(const struct session_params *p, const struct sip_msg *m,
                           struct sip_edits *e)
{
    struct str unknown = session_unknown_option(p, m);
    if (unknown.p) {
        sip_edit_append(e, SIP_H_UNSUPPORTED, unknown); // RFC 3261 8.2.2.3
        return 420;
    }
    if (!p->timer || !interval_too_small(p, m))
        return 0;
    sip_edit_append(e, SIP_H_MIN_SE, // RFC 4028 9
                    arena_printf(e->arena, "%u", p->min_se_s ? p->min_se_s : LEAST_S));
    return 422;
}
