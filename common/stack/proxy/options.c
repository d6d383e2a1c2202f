// SPDX-License-Identifier: Apache-2.0
// OPTIONS that asks this node itself what it can do, or whether it lives (RFC 3261 11.2).
#include "base/arena.h"
#include "sip/edit.h"
#include "sip/uri.h"
#include "stack/stack_priv.h"

// Nothing but our own entry is left of its way.
static bool ends_here(const struct stack *s, const struct sip_msg *m)
{
    const struct sip_addr *first = sip_msg_at(m, SIP_H_ROUTE, 0);
    if (!sip_msg_has(m, SIP_H_ROUTE))
        return true;
    return first && sip_msg_count(m, SIP_H_ROUTE) == 1 && stack_is_own(s, &first->uri);
}

bool options_is_ours(const struct stack *s, const struct sip_msg *m)
{
    const struct sip_uri *u = sip_msg_uri(m);
    if (!s->supported.p || sip_msg_method(m) != SIP_OPTIONS || sip_msg_is_bad(m) || !u || sip_msg_to_tag(m).p)
        return false;
    if (sip_msg_max_forwards(m) == 0) // whoever sent it looks for the nodes on the way (RFC 3261 16.3)
        return true;
    bool sip = u->scheme == SIP_SCHEME_SIP || u->scheme == SIP_SCHEME_SIPS;
    return sip && !u->user.n && stack_is_own(s, u) && ends_here(s, m);
}

void options_describe(const struct stack *s, struct sip_edits *e)
{
    struct arena_buf allow = arena_buf_init(e->arena);
    for (unsigned i = SIP_UNKNOWN + 1; i < SIP_METHOD_COUNT; i++)
        arena_buf_item(&allow, STR(", "), sip_method_name((enum sip_method)i));
    sip_edit_append(e, SIP_H_ALLOW, arena_buf_done(&allow));
    sip_edit_append(e, SIP_H_ACCEPT, STR("application/sdp"));
    sip_edit_append_named(e, STR("Accept-Encoding"), STR("identity"));
    sip_edit_append_named(e, STR("Accept-Language"), STR("en"));
    sip_edit_append(e, SIP_H_SUPPORTED, s->supported);
}
