// SPDX-License-Identifier: Apache-2.0
// Route entries of this node, and which requests it puts them in.
#include "scscf/scscf_priv.h"

struct str scscf_route(const struct scscf *s, struct arena *a, const char *user)
{
    return ARENA_CAT(a, STR("<sip:"), str_from(user), STR("@"), s->route_host, STR(";lr>"));
}

bool scscf_has_route(const struct pxy *p)
{
    size_t own = pxy_own_route(p) ? 1 : 0;
    return sip_msg_count(pxy_request(p), SIP_H_ROUTE) > own;
}

bool scscf_makes_dialog(const struct sip_msg *m)
{
    switch (sip_msg_method(m)) {
    case SIP_INVITE:
    case SIP_SUBSCRIBE:
    case SIP_REFER:
        return true;
    default:
        return false;
    }
}
