// SPDX-License-Identifier: Apache-2.0
// Replaces (RFC 3891): an INVITE that takes the place of a session here.
#include "base/err.h"
#include "stack/session/actions.h"

static bool has_leg(const struct session *s, struct str remote_tag)
{
    LIST_EACH(&s->legs, it) {
        struct dialog_info info;
        dialog_get_info(LIST_ENTRY(it, struct leg, link)->dialog, &info);
        if (str_eq(info.remote_tag, remote_tag))
            return true;
    }
    return false;
}

unsigned replaces_find(struct session_layer *l, const struct session_params *p,
                       const struct sip_msg *m, session_id *ret_id)
{
    if (!sip_msg_has(m, SIP_H_REPLACES) || !list_has(p->supported, STR("replaces")))
        return 0;
    const struct sip_token *r = sip_msg_at(m, SIP_H_REPLACES, 0);
    if (!r || sip_msg_count(m, SIP_H_REPLACES) != 1)
        return 400;
    struct str to = sip_param_get(r->params, STR("to-tag"), NULL),
               from = sip_param_get(r->params, STR("from-tag"), NULL);
    if (!to.n || !from.n)
        return 400;
    struct session *s = session_of_dialog(l, r->token, to);
    if (!s || !has_leg(s, from))
        return 481;
    if (s->life.state == SS_ENDING || s->life.state == SS_LEAVING || session_over(s))
        return 603;
    // Only who has called may hand an early dialog on.
    if (s->life.state == SS_RINGING || s->life.state == SS_CANCELLING)
        return 481;
    if (s->life.state != SS_EARLY && sip_param_has(r->params, STR("early-only")))
        return 486;
    *ret_id = s->id;
    return 0;
}

unsigned replaces_misplaced(const struct leg *g, const struct sip_msg *m)
{
    bool known = list_has(g->session->p.supported, STR("replaces"));
    return known && sip_msg_method(m) != SIP_INVITE && sip_msg_has(m, SIP_H_REPLACES) ? 400 : 0;
}

struct session *session_replaced(const struct session *s)
{
    struct session *old = s->replaces ? session_find(s->layer, s->replaces) : NULL;
    return old && !session_over(old) ? old : NULL;
}

void replaces_done(struct session *s)
{
    struct session *old = session_replaced(s);
    s->replaces = 0;
    if (old)
        session_step(old, SE_HANG_UP, NULL);
}

struct str session_replaces(const struct session *s, struct arena *a)
{
    struct dialog_info info;
    if (!s->leg)
        return STR_NONE;
    dialog_get_info(s->leg->dialog, &info);
    return ARENA_CAT(a, info.call_id, STR(";to-tag="), info.remote_tag, STR(";from-tag="),
                     info.local_tag);
}
