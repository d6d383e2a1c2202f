// SPDX-License-Identifier: Apache-2.0
// The end of a session (RFC 3261 15).
#include "base/err.h"
#include "stack/session/actions.h"

static void on_response(struct request *r, unsigned status, const struct sip_msg *m)
{
    struct session_end e = {.status = status, .msg = m};
    if (r->leg == r->session->leg)
        session_step(r->session, SE_OVER, &e);
}

// The session is over when the other side has said so, or does not answer any more.
void bye_send(struct session *s, struct leg *g)
{
    struct request *r = request_new(g, SIP_BYE, on_response);
    int e = r ? request_send(r) : ERR_NOMEM;
    struct session_end end = {.status = 503, .cause = "no BYE could be sent"};
    if (e && g == s->leg)
        session_step(s, SE_OVER, &end);
}

void bye_on_request(struct leg *g, server_id id, const struct sip_msg *m)
{
    struct session *s = g->session;
    struct session_end e = {.by_remote = true, .msg = m, .reason = sip_msg_raw(m, SIP_H_REASON)};
    (void)server_answer(s, id, 200);
    bool fork = g != s->leg || (s->life.state == SS_EARLY && leg_leave(g));
    if (fork) { // the others go on
        g->left = true;
        modified_withdraw(g);
        return;
    }
    modified_give_up(s, 487); // RFC 3261 15.1.2; an INVITE goes with the session
    session_step(s, SE_BYE, &e);
}

int session_hang_up(struct session *s)
{
    if (session_over(s))
        return ERR_STATE;
    if (s->life.state == SS_RINGING)
        return session_reject(s, &(struct session_reply){.status = 486});
    session_step(s, SE_HANG_UP, NULL);
    return 0;
}
