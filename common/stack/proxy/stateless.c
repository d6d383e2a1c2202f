// SPDX-License-Identifier: Apache-2.0
// What is answered by the message alone: RFC 3261 16.3 for what is refused without state, and OPTIONS that asks this
// node itself what it can do, or whether it lives (RFC 3261 11.2).
#include "base/arena.h"
#include "base/err.h"
#include "stack/proxy/proxy_priv.h"

// ---- OPTIONS ----

// Nothing but our own entry is left of its way.
static bool ends_here(const struct pxy_layer *l, const struct sip_msg *m)
{
    const struct sip_addr *first = sip_msg_at(m, SIP_H_ROUTE, 0);
    if (!sip_msg_has(m, SIP_H_ROUTE))
        return true;
    return first && sip_msg_count(m, SIP_H_ROUTE) == 1 && transport_is_own_uri(l->transport, &first->uri);
}

bool options_is_ours(const struct pxy_layer *l, const struct sip_msg *m)
{
    const struct sip_uri *u = sip_msg_uri(m);
    if (!l->supported.p || sip_msg_method(m) != SIP_OPTIONS || sip_msg_is_bad(m) || !u || sip_msg_to_tag(m).p)
        return false;
    if (sip_msg_max_forwards(m) == 0) // whoever sent it looks for the nodes on the way (RFC 3261 16.3)
        return true;
    bool sip = u->scheme == SIP_SCHEME_SIP || u->scheme == SIP_SCHEME_SIPS;
    return sip && !u->user.n && transport_is_own_uri(l->transport, u) && ends_here(l, m);
}

void options_describe(const struct pxy_layer *l, struct sip_edits *e)
{
    struct arena_buf allow = arena_buf_init(e->arena);
    for (unsigned i = SIP_UNKNOWN + 1; i < SIP_METHOD_COUNT; i++)
        arena_buf_item(&allow, STR(", "), sip_method_name((enum sip_method)i));
    sip_edit_append(e, SIP_H_ALLOW, arena_buf_done(&allow));
    sip_edit_append(e, SIP_H_ACCEPT, STR("application/sdp"));
    sip_edit_append_named(e, STR("Accept-Encoding"), STR("identity"));
    sip_edit_append_named(e, STR("Accept-Language"), STR("en"));
    sip_edit_append(e, SIP_H_SUPPORTED, l->supported);
}

// ---- refusals ----

// Is this a tag that Proxy-Require may have?
static bool knows_option(const struct pxy_layer *l, struct str tag)
{
    for (size_t i = 0; i < ARRAY_LEN(l->proxy_require); i++)
        if (l->proxy_require[i].n && str_ieq(l->proxy_require[i], tag))
            return true;
    return false;
}

unsigned pxy_check_message(const struct pxy_layer *l, const struct sip_msg *m, struct str *ret_why)
{
    const struct sip_uri *u = sip_msg_uri(m);
    if (sip_msg_is_bad(m) || !u) {
        *ret_why = u ? STR("Malformed Request") : STR("Malformed Request-URI");
        return 400;
    }
    if (u->scheme == SIP_SCHEME_OTHER)
        return 416;
    return sip_msg_max_forwards(m) == 0 && !options_is_ours(l, m) ? 483 : 0;
}

unsigned pxy_check_required(const struct pxy_layer *l, const struct sip_msg *m, struct str *ret_why,
                            struct sip_edits *extra)
{
    if (!sip_msg_has(m, SIP_H_PROXY_REQUIRE))
        return 0;
    struct arena_buf unknown = arena_buf_init(extra->arena);
    struct sip_iter it = sip_iter_init(m, SIP_H_PROXY_REQUIRE);
    for (const struct sip_token *t; (t = sip_iter_next(&it));)
        if (!knows_option(l, t->token))
            arena_buf_item(&unknown, STR(","), t->token);
    if (it.err == ERR_BAD) {
        *ret_why = STR("Malformed Proxy-Require");
        return 400;
    }
    if (!unknown.n)
        return 0;
    sip_edit_append(extra, SIP_H_UNSUPPORTED, arena_buf_done(&unknown));
    return 420;
}

// A loop is not looked for: the request goes nowhere.
unsigned pxy_check_stateless(const struct pxy_layer *l, const struct sip_msg *m, struct str *ret_why,
                             struct sip_edits *extra)
{
    unsigned status = pxy_check_message(l, m, ret_why);
    return status ? status : pxy_check_required(l, m, ret_why, extra);
}
