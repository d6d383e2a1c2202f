// SPDX-License-Identifier: Apache-2.0
// RFC 3261 16.3 for what is refused without state: there is nothing but the message.
#include "sip/msg.h"
#include "sip/uri.h"
#include "stack/stack_priv.h"

enum { OPTION_TAGS_MAX = 32 };

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
    const struct sip_token *tag;
    unsigned status = 0;
    if (sip_msg_is_bad(m) || !u) {
        *ret_why = u ? STR("Malformed Request") : STR("Malformed Request-URI");
        return 400;
    }
    if (u->scheme == SIP_SCHEME_OTHER)
        return 416;
    if (sip_msg_max_forwards(m) == 0)
        return 483;
    if (!sip_msg_has(m, SIP_H_PROXY_REQUIRE))
        return 0;
    for (size_t i = 0; i < OPTION_TAGS_MAX && (tag = sip_msg_at(m, SIP_H_PROXY_REQUIRE, i)); i++) {
        if (pxy_knows_option(s, tag->token))
            continue;
        sip_edit_append(extra, SIP_H_UNSUPPORTED, tag->token);
        status = 420;
    }
    return status;
}
