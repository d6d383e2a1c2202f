// SPDX-License-Identifier: Apache-2.0
// RFC 3261 16.3 for what is refused without state: there is nothing but the message.
#include "sip/msg.h"
#include "sip/uri.h"
#include "stack/stack_priv.h"

bool pxy_knows_option(const struct stack *s, struct str tag)
{
    for (size_t i = 0; i < ARRAY_LEN(s->proxy_require); i++)
        if (s->proxy_require[i].n && str_ieq(s->proxy_require[i], tag))
            return true;
    return false;
}

// A loop is not looked for: the request goes nowhere.
unsigned pxy_check_stateless(const struct stack *s, const struct sip_msg *m, struct str *ret_why,
                             struct sip_edits *extra)
{
    const struct sip_uri *u = sip_msg_uri(m);
    if (sip_msg_is_bad(m) || !u) {
        *ret_why = u ? STR("Malformed Request") : STR("Malformed Request-URI");
        return 400;
    }
    if (u->scheme == SIP_SCHEME_OTHER)
        return 416;
    if (sip_msg_max_forwards(m) == 0 && !options_is_ours(s, m))
        return 483;
    if (!sip_msg_has(m, SIP_H_PROXY_REQUIRE))
        return 0;
    struct arena_buf unknown = arena_buf_init(extra->arena);
    struct sip_iter it = sip_iter_init(m, SIP_H_PROXY_REQUIRE);
    for (const struct sip_token *t; (t = sip_iter_next(&it));)
        if (!pxy_knows_option(s, t->token))
            arena_buf_item(&unknown, STR(","), t->token);
    if (!unknown.n)
        return 0;
    sip_edit_append(extra, SIP_H_UNSUPPORTED, arena_buf_done(&unknown));
    return 420;
}
