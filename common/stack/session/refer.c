// SPDX-License-Identifier: Apache-2.0
// REFER inside a session (RFC 3515), both sides: the request, the implicit subscription and its
// NOTIFYs. One at a time each way; it ends with the session.
#include "base/err.h"
#include "base/writer.h"
#include "stack/session/actions.h"

// NOTIFIED_S: what the subscription is said to last at most.
enum { NOTIFIED_S = 180, FRAGMENT_MAX = 128 };

// ---- ours ----

static void tell(struct session *s, unsigned status, bool over)
{
    if (over)
        s->referring = false;
    if (s->ops->referred)
        s->ops->referred(s->arg, s, status, over);
}

static void on_response(struct request *r, unsigned status, const struct sip_msg *m)
{
    struct session *s = r->session;
    bool silent = m && str_ieq(sip_msg_raw_named(m, STR("Refer-Sub")), STR("false"));
    if (s->referring && (status >= 300 || silent))
        tell(s, status, true);
}

int session_refer(struct session *s, struct str refer_to, bool silent)
{
    if (s->state != SS_UP || s->referring)
        return ERR_STATE;
    struct request *r = request_new(s->leg, SIP_REFER, on_response);
    if (!r)
        return ERR_NOMEM;
    request_header(r, SIP_H_CONTACT, s->p.contact);
    request_header(r, SIP_H_REFER_TO, refer_to);
    if (silent) {
        request_header(r, SIP_H_SUPPORTED, STR("norefersub"));
        request_named(r, STR("Refer-Sub"), STR("false"));
    }
    int e = request_send(r);
    s->referring = e == 0;
    return e;
}

// "SIP/2.0 200 OK" (RFC 3420); 0: it says nothing.
static unsigned fragment_status(struct str body)
{
    uint32_t status;
    if (!str_istarts(body, STR("SIP/2.0 ")))
        return 0;
    struct str digits = str_head(str_skip(body, 8), 3);
    return str_u32(digits, &status) || status < 100 || status > 699 ? 0 : status;
}

void refer_on_notify(struct leg *g, server_id id, const struct sip_msg *m)
{
    struct session *s = g->session;
    const struct sip_token *event = sip_msg_at(m, SIP_H_EVENT, 0);
    const struct sip_token *state = sip_msg_at(m, SIP_H_SUBSCRIPTION_STATE, 0);
    if (!event || !str_ieq(event->token, STR("refer"))) {
        other_on_request(g, id, m);
        return;
    }
    if (!s->referring) {
        server_refuse(s, id, 481);
        return;
    }
    server_refuse(s, id, 200);
    unsigned status = fragment_status(sip_msg_body(m));
    tell(s, status, status >= 200 || (state && str_ieq(state->token, STR("terminated"))));
}

// ---- theirs ----

static void on_notified(struct request *r, unsigned status, const struct sip_msg *m)
{
    if (status == 481 || status == 408) // RFC 6665 4.2.2: nobody listens
        r->session->refer_open = false;
}

static int notify(struct session *s, unsigned status)
{
    char text[FRAGMENT_MAX];
    struct writer w = writer_init(text, sizeof text);
    struct request *r = request_new(s->leg, SIP_NOTIFY, on_notified);
    if (!r)
        return ERR_NOMEM;
    writer_printf(&w, "SIP/2.0 %u %.*s\r\n", status, STR_ARG(sip_reason(status)));
    request_header(r, SIP_H_CONTACT, s->p.contact);
    // RFC 3515 2.4.6: which one, from the second on.
    request_header(r, SIP_H_EVENT,
                   s->refers > 1 ? arena_printf(&r->mem, "refer;id=%u", s->refer_cseq)
                                 : STR("refer"));
    request_header(r, SIP_H_SUBSCRIPTION_STATE,
                   status < 200 ? arena_printf(&r->mem, "active;expires=%d", NOTIFIED_S)
                                : STR("terminated;reason=noresource"));
    request_body(r, STR("message/sipfrag;version=2.0"), writer_done(&w));
    return request_send(r);
}

int session_refer_progress(struct session *s, unsigned status)
{
    if (s->state != SS_UP || !s->refer_open)
        return ERR_STATE;
    if (status >= 200)
        s->refer_open = false;
    return notify(s, status);
}

static void accept_refer(struct session *s, server_id id, unsigned status, bool silent)
{
    struct sip_edits e;
    sip_edits_init(&e, session_arena(s->layer, id), NULL);
    sip_edit_append(&e, SIP_H_CONTACT, s->p.contact);
    if (silent)
        sip_edit_append_named(&e, STR("Refer-Sub"), STR("false"));
    session_decorate(s, SIP_REFER, status, &e);
    (void)server_reply(s->layer, id, status, &e);
}

void refer_on_request(struct leg *g, server_id id, const struct sip_msg *m)
{
    struct session *s = g->session;
    struct session_refer r = {.msg = m,
                              .to = sip_msg_at(m, SIP_H_REFER_TO, 0),
                              .silent =
                                  str_ieq(sip_msg_raw_named(m, STR("Refer-Sub")), STR("false"))};
    if (s->state != SS_UP || s->refer_open) {
        server_refuse_later(s, id);
        return;
    }
    if (!r.to || sip_msg_count(m, SIP_H_REFER_TO) != 1) { // RFC 3515 2.4.2
        server_refuse(s, id, 400);
        return;
    }
    s->refer_open = !r.silent;
    s->refers++;
    s->refer_cseq = sip_msg_cseq(m)->number;
    unsigned status = s->ops->refer ? s->ops->refer(s->arg, s, &r) : 603;
    if (status >= 300) {
        s->refer_open = false;
        server_refuse(s, id, status);
        return;
    }
    accept_refer(s, id, status, r.silent);
    // RFC 3515 2.4.4: at once.
    if (!r.silent && s->refer_open && s->state == SS_UP)
        (void)notify(s, 100);
}
