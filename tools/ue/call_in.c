// SPDX-License-Identifier: Apache-2.0
// Incoming calls (TS 24.229 5.1.4) and requests inside a call from the other side.
#include "tools/ue/ue_priv.h"

#include "base/err.h"
#include "sip/token.h"

static void add_contact(struct call *c, struct sip_edits *extra, struct arena *a)
{
    sip_edits_init(extra, a, NULL);
    sip_edit_append(extra, SIP_H_CONTACT, call_contact(c->phone, a));
}

static void on_answer_timer(void *arg)
{
    struct call *c = arg;
    (void)ue_call_answer(c->hub, c->id, c->tone_hz, c->expect_hz);
}

// The INVITE transaction is over. A 2xx that no ACK followed ends the call (RFC 3261 13.3.1.4), and so
// does an answer that there was no memory for.
static void on_invite_gone(void *ctx)
{
    struct ringing *r = ctx;
    struct call *c = r->hub->closing ? NULL : call_find(r->hub, r->call);
    struct ue_failure f = {.status = 500, .reason = sip_reason(500), .cause = STR("no answer could be sent")};
    if (c && c->state == CALL_ANSWERED)
        (void)ue_call_hang_up(r->hub, r->call);
    else if (c && c->state == CALL_RINGING)
        call_fail(c, &f);
    mem_free(r);
}

static int ring(struct call *c, struct pxy *p)
{
    struct ringing *r = mem_alloc(sizeof *r);
    if (!r)
        return ERR_NOMEM;
    *r = (struct ringing){c->hub, c->id};
    pxy_set_ctx(p, r, on_invite_gone);
    struct sip_edits extra;
    struct dialog *d;
    int e = dialog_new_uas(pxy_request(p), pxy_to_tag(p), c->phone->contact, &d);
    if (!e)
        e = call_set_dialog(c, d);
    if (e)
        return e;
    add_contact(c, &extra, pxy_arena(p));
    return phone_reply(c->phone, p, 180, &extra);
}

// RFC 3261 8.2.3, 13.3.1.3: a body that is no SDP, or an offer that nothing can be made of, is
// refused. True when it was.
static bool refuse_offer(struct pxy *p, bool needs_audio)
{
    const struct sip_msg *m = pxy_request(p);
    struct str type = sip_msg_raw(m, SIP_H_CONTENT_TYPE);
    if (!sip_msg_body(m).n)
        return false;
    if (!str_ieq(str_trim(str_split(&type, ';')), STR("application/sdp"))) {
        struct sip_edits extra;
        sip_edits_init(&extra, pxy_arena(p), NULL);
        sip_edit_append(&extra, SIP_H_ACCEPT, STR("application/sdp"));
        (void)pxy_reply(p, 415, STR_NONE, &extra);
        return true;
    }
    const struct sdp *s = call_read_sdp(pxy_arena(p), m);
    if (s && !sdp_check(s) && (!needs_audio || sdp_find_media(s, STR("audio"))))
        return false;
    (void)pxy_reply(p, 488, STR_NONE, NULL);
    return true;
}

void hub_incoming_invite(struct hub *h, struct pxy *p)
{
    if (refuse_offer(p, true))
        return;
    struct phone *ph = hub_phone_for(h, pxy_request(p));
    struct call *c = call_new(ph, false);
    if (!c) {
        (void)pxy_reply(p, 500, STR_NONE, NULL);
        return;
    }
    c->state = CALL_RINGING;
    c->ringing = pxy_get_id(p);
    int e = ring(c, p);
    if (e) {
        (void)pxy_reply(p, e == ERR_BAD ? 400 : 500, STR_NONE, NULL);
        call_free(c);
        return;
    }
    timer_init(&c->answer_timer, on_answer_timer, c);
    if (h->auto_answer)
        timer_start(h->loop, &c->answer_timer, h->answer_delay_ms);
    if (ph->ops->incoming)
        ph->ops->incoming(ph->arg, ph, c->id, sip_msg_from(pxy_request(p))->uri.text);
}

int ue_call_answer(struct hub *h, ue_call id, double tone_hz, double expect_hz)
{
    struct call *c = call_find(h, id);
    struct pxy *p = c && c->state == CALL_RINGING ? pxy_find(h->stack, c->ringing) : NULL;
    struct sip_edits extra;
    if (!p)
        return ERR_NOTFOUND;
    c->tone_hz = tone_hz;
    c->expect_hz = expect_hz;
    call_media_open(c);
    add_contact(c, &extra, pxy_arena(p));
    sip_edit_append(&extra, SIP_H_ALLOW, ue_allow);
    sip_edit_body(&extra, STR("application/sdp"),
                  call_sdp(c, pxy_arena(p), SDP_SENDRECV, call_read_sdp(pxy_arena(p), pxy_request(p))));
    int e = phone_reply(c->phone, p, 200, &extra);
    if (e)
        return e;
    c->state = CALL_ANSWERED;
    call_media_start(c, pxy_request(p));
    return 0;
}

int ue_call_refuse(struct hub *h, ue_call id, unsigned status)
{
    struct call *c = call_find(h, id);
    struct pxy *p = c && c->state == CALL_RINGING ? pxy_find(h->stack, c->ringing) : NULL;
    if (!p)
        return ERR_NOTFOUND;
    int e = phone_reply(c->phone, p, status, NULL);
    struct ue_failure f = {.status = status, .reason = sip_reason(status), .cause = STR("refused here")};
    call_fail(c, &f);
    return e;
}

void call_cancelled(struct call *c, struct arena *a, struct str reason)
{
    struct ue_failure f = {.status = 487, .reason = sip_reason(487), .cause = STR("cancelled by the caller")};
    struct sip_token r = {.params = NULL};
    if (reason.n && sip_token_parse(a, str_split(&reason, ','), &r))
        r.params = NULL;
    for (const struct sip_param *p = r.params; p; p = p->next) {
        if (str_ieq(p->name, STR("cause")))
            f.elsewhere = str_eq(p->value, STR("200")) && str_ieq(r.token, STR("SIP"));
        else if (str_ieq(p->name, STR("text")) && p->value.n)
            f.cause = sip_unquote(a, p->value);
    }
    if (c->state == CALL_RINGING)
        call_fail(c, &f);
}

static void on_bye(struct call *c, struct pxy *p)
{
    (void)phone_reply(c->phone, p, 200, NULL);
    call_end(c, true);
}

// re-INVITE and UPDATE: a new offer is answered with what we have (RFC 3264 8).
static void on_offer(struct call *c, struct pxy *p)
{
    struct sip_edits extra;
    if (refuse_offer(p, false))
        return;
    const struct sdp *offer = call_read_sdp(pxy_arena(p), pxy_request(p));
    add_contact(c, &extra, pxy_arena(p));
    if (offer || sip_msg_method(pxy_request(p)) == SIP_INVITE)
        sip_edit_body(&extra, STR("application/sdp"),
                      call_sdp(c, pxy_arena(p), c->on_hold ? SDP_SENDONLY : SDP_SENDRECV, offer));
    if (phone_reply(c->phone, p, 200, &extra) == 0)
        call_media_start(c, pxy_request(p));
}

void call_on_request(struct call *c, struct pxy *p)
{
    const struct sip_msg *m = pxy_request(p);
    enum sip_method method = sip_msg_method(m);
    if (method == SIP_ACK) {
        if (!c->outgoing && c->state == CALL_ANSWERED)
            call_started(c);
        return;
    }
    if (dialog_on_request(c->dialog, m)) {
        (void)pxy_reply(p, 500, STR_NONE, NULL);
        return;
    }
    switch (method) {
    case SIP_BYE:
        on_bye(c, p);
        break;
    case SIP_INVITE:
    case SIP_UPDATE:
        on_offer(c, p);
        break;
    case SIP_INFO:
    case SIP_MESSAGE:
    case SIP_OPTIONS:
    case SIP_NOTIFY:
        (void)phone_reply(c->phone, p, 200, NULL);
        break;
    default:
        ue_refuse_method(p);
    }
}
