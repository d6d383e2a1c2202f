// SPDX-License-Identifier: Apache-2.0
// What the session of a call tells, on both sides: offers and answers, the end, what the phone says of itself
// in each message.
#include "tools/ue/ue_priv.h"

#include "base/err.h"
#include "sip/token.h"

// RESOURCES_LEAST_MS: the PRACK has left by then.
enum { RESOURCES_LEAST_MS = 20 };

static void on_progress(void *arg, struct session *s, unsigned status, const struct sip_msg *m)
{
    struct call *c = arg;
    if (status > 100)
        call_tell_referrer(c, status);
    if (c->phone->ops->progress)
        c->phone->ops->progress(c->phone->arg, c->phone, c->id, status);
}

// A new offer is answered with what we have (RFC 3264 8); without one ours is wanted.
static void on_offer(void *arg, struct session *s, struct str body, const struct sip_msg *m)
{
    struct call *c = arg;
    struct arena a;
    arena_init(&a, NULL, 0);
    bool theirs = body.n > 0, sdp = !theirs || is_sdp(m);
    int e = theirs && sdp ? call_take_remote(c, body) : 0;
    call_media_open(c);
    struct str mine = sdp && !e ? call_describe(c, &a, theirs) : STR_NONE;
    if (mine.n && session_answer(s, mine) == 0) {
        c->described = true;
        if (c->state == CALL_ANSWERED || c->state == CALL_ESTABLISHED)
            call_media_start(c);
    } else if (!mine.n) {
        (void)session_refuse(s, sdp ? 488 : 415);
    }
    arena_done(&a);
    if (!c->outgoing)
        call_in_ready(c);
}

static void on_answer(void *arg, struct session *s, struct str body, const struct sip_msg *m)
{
    struct call *c = arg;
    if (call_take_remote(c, body))
        return;
    if (c->state == CALL_ANSWERED || c->state == CALL_ESTABLISHED)
        call_media_start(c);
    if (c->state != CALL_CALLING || !c->qos.on || c->qos.local || timer_active(&c->qos.timer))
        return;
    // TS 24.229 5.1.3.1: our resources are set up when the other side has said what is to be
    // carried.
    c->qos.on = call_remote_has_qos(c);
    uint32_t ms =
        c->ext.resources_ms > RESOURCES_LEAST_MS ? c->ext.resources_ms : RESOURCES_LEAST_MS;
    if (c->qos.on)
        timer_start(c->hub->loop, &c->qos.timer, ms);
}

static void on_established(void *arg, struct session *s)
{
    struct call *c = arg;
    bool ours;
    c->state = CALL_ESTABLISHED;
    timer_stop(&c->answer_timer);
    call_media_start(c);
    call_tell_referrer(c, 200);
    if (c->media && c->ext.dtmf.n)
        media_dial(c->media, c->ext.dtmf);
    uint32_t se = session_interval(s, &ours);
    if (se && c->phone->ops->interval)
        c->phone->ops->interval(c->phone->arg, c->phone, c->id, se, ours);
    if (c->phone->ops->established)
        c->phone->ops->established(c->phone->arg, c->phone, c->id);
}

static void on_modified(void *arg, struct session *s, unsigned status)
{
    struct call *c = arg;
    if (c->state == CALL_ESTABLISHED && c->phone->ops->modified)
        c->phone->ops->modified(c->phone->arg, c->phone, c->id, status);
}

static struct ue_failure cancelled(struct arena *a, struct str reason)
{
    struct ue_failure f = {
        .status = 487, .reason = sip_reason(487), .cause = STR("cancelled by the caller")};
    struct sip_token r = {.params = NULL};
    if (reason.n && sip_token_parse(a, str_split(&reason, ','), &r))
        r.params = NULL;
    for (const struct sip_param *p = r.params; p; p = p->next) {
        if (str_ieq(p->name, STR("cause")))
            f.elsewhere = str_eq(p->value, STR("200")) && str_ieq(r.token, STR("SIP"));
        else if (str_ieq(p->name, STR("text")) && p->value.n)
            f.cause = sip_unquote(a, p->value);
    }
    return f;
}

static void not_answered(struct call *c, const struct session_end *e)
{
    struct arena a;
    struct ue_failure f = {.status = e->status, .reason = sip_reason(e->status)};
    arena_init(&a, NULL, 0);
    if (e->established) { // RFC 3261 9.1: the answer was faster than the CANCEL
        f = (struct ue_failure){.status = 200,
                                .reason = sip_reason(200),
                                .cause = STR("answered while it was cancelled")};
    } else if (!c->outgoing && e->by_remote) {
        f = cancelled(&a, e->reason);
    } else if (e->cause) {
        f.cause = str_from(e->cause);
    } else if (c->outgoing) {
        f = failure_of(e->status, e->msg);
        f.restoring = e->msg && e->status == 504 && phone_restore(c->phone, e->msg);
    } else {
        f.cause = STR("refused here");
    }
    call_fail(c, &f);
    arena_done(&a);
}

static void on_closed(void *arg, struct session *s, const struct session_end *e)
{
    struct call *c = arg;
    c->session = NULL;
    c->bye_status = e->by_remote ? 0 : e->status;
    if (c->state == CALL_ESTABLISHED || c->state == CALL_ANSWERED)
        call_end(c, e->by_remote);
    else
        not_answered(c, e);
}

static void on_request(void *arg, struct session *s, server_id id, const struct sip_msg *m)
{
    enum sip_method method = sip_msg_method(m);
    bool known = method == SIP_INFO || method == SIP_MESSAGE || method == SIP_OPTIONS ||
                 method == SIP_NOTIFY;
    session_reply_to(s, id, known ? 200 : 405);
}

// What a phone for multimedia telephony says in an INVITE (TS 24.229 5.1.3.1, 5.1.2A.1.1).
static void add_services(const struct phone *ph, struct sip_edits *h)
{
    sip_edit_append(h, SIP_H_ACCEPT, STR("application/sdp, application/3gpp-ims+xml"));
    sip_edit_append(h, SIP_H_P_PREFERRED_SERVICE, STR("urn:urn-7:3gpp-service.ims.icsi.mmtel"));
    sip_edit_append(h, SIP_H_ACCEPT_CONTACT, ARENA_CAT(h->arena, STR("*;"), ue_mmtel));
    sip_edit_append(h, SIP_H_P_EARLY_MEDIA, STR("supported"));
}

static void decorate(void *arg, struct session *s, enum sip_method method, unsigned status,
                     struct sip_edits *h)
{
    const struct call *c = arg;
    const struct phone *ph = c->phone;
    if (method == SIP_ACK)
        return;
    if (!status && method == SIP_INVITE && c->state == CALL_CALLING) {
        if (ph->hub->user_agent.n)
            sip_edit_append(h, SIP_H_USER_AGENT, ph->hub->user_agent);
        add_preferred_identity(ph, h);
        if (ph->services)
            add_services(ph, h);
    }
    if (status == 405)
        sip_edit_set(h, SIP_H_ALLOW, ue_allow);
    if (status == 415)
        sip_edit_append(h, SIP_H_ACCEPT, STR("application/sdp"));
    add_access(ph, h);
}

const struct session_ops call_session_ops = {.progress = on_progress,
                                       .offer = on_offer,
                                       .answer = on_answer,
                                       .established = on_established,
                                       .modified = on_modified,
                                       .closed = on_closed,
                                       .request = on_request,
                                       .refer = call_on_refer,
                                       .referred = call_on_referred,
                                       .decorate = decorate};
