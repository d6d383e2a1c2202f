// SPDX-License-Identifier: Apache-2.0
// Requests inside a dialog that are none of the session's, but its owner's: INFO, MESSAGE and what
// else there is.
#include "base/err.h"
#include "stack/session/actions.h"

// ---- ours ----

static void on_user_response(struct request *r, unsigned status, const struct sip_msg *m)
{
    struct session *s = r->session;
    if (r->user_cb)
        r->user_cb(s->arg, s, status, m);
}

int session_request(struct session *s, enum sip_method method, struct str type, struct str body,
                    session_request_cb cb)
{
    struct request *r =
        s->leg && s->life.state == SS_UP ? request_new(s->leg, method, on_user_response) : NULL;
    if (!r)
        return ERR_STATE;
    r->user_cb = cb;
    if (body.n)
        request_body(r, type, body);
    return request_send(r);
}

// ---- theirs ----

void other_on_request(struct leg *g, server_id id, const struct sip_msg *m)
{
    struct session *s = g->session;
    if (s->ops->request) {
        s->ops->request(s->arg, s, id, m);
        return;
    }
    struct sip_edits e;
    sip_edits_init(&e, session_arena(s->layer, id), NULL);
    if (s->p.allow.n)
        sip_edit_append(&e, SIP_H_ALLOW, s->p.allow);
    session_decorate(s, sip_msg_method(m), 405, &e);
    (void)server_reply(s->layer, id, 405, &e);
}

void session_reply_to(struct session *s, server_id id, unsigned status)
{
    (void)server_answer(s, id, status);
}
