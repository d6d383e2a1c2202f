// SPDX-License-Identifier: Apache-2.0
// Incoming calls (TS 24.229 5.1.4).
#include "tools/ue/ue_priv.h"

#include "base/err.h"

static void on_answer_timer(void *arg)
{
    struct call *c = arg;
    (void)ue_call_answer(c->hub, c->id, c->tone_hz, c->expect_hz);
}

// RFC 3261 8.2.3, 13.3.1.3: a body that is no SDP, or an offer that nothing can be made of, is
// refused. True when it was.
static bool refuse_offer(struct hub *h, server_id id, const struct sip_msg *m)
{
    struct arena *a = session_arena(h->sessions, id);
    struct sip_edits extra;
    struct sdp *s;
    if (!sip_msg_body(m).n)
        return false;
    bool sdp = is_sdp(m);
    if (sdp && !sdp_parse(a, sip_msg_body(m), NULL, &s, NULL) && !sdp_check(s) &&
        sdp_find_media(s, STR("audio")))
        return false;
    sip_edits_init(&extra, a, NULL);
    if (!sdp)
        sip_edit_append(&extra, SIP_H_ACCEPT, STR("application/sdp"));
    (void)session_refuse_new(h->sessions, id, sdp ? 488 : 415, &extra);
    return true;
}

// Without an offer of the caller's the first reliable response has ours (RFC 3261 13.2.1).
static void ring(struct call *c)
{
    struct arena a;
    struct session_reply r = {.status = 180, .reliable = c->ext.rel100 != UE_REL_OFF};
    arena_init(&a, NULL, 0);
    if (!c->described && !c->remote.n && session_is_reliable(c->session, &r)) {
        call_media_open(c);
        r.body = call_describe(c, &a, false);
    }
    if (session_progress(c->session, &r) == 0 && r.body.n)
        c->described = true;
    arena_done(&a);
}

static void alert(struct call *c)
{
    struct phone *ph = c->phone;
    if (c->alerting || c->state != CALL_RINGING)
        return;
    c->alerting = true;
    ring(c);
    if (c->hub->auto_answer)
        timer_start(c->hub->loop, &c->answer_timer, c->hub->answer_delay_ms);
    if (ph->ops->incoming && c->state == CALL_RINGING)
        ph->ops->incoming(ph->arg, ph, c->id, c->from);
}

// TS 24.229 5.1.4.1: nobody is alerted before the resources are there, on both sides.
void call_in_ready(struct call *c)
{
    if (c->qos.on && c->qos.local && c->qos.remote)
        alert(c);
}

static void on_resources(void *arg)
{
    struct call *c = arg;
    c->qos.local = true;
    call_in_ready(c);
}

// The answer goes first, reliably; the resources follow (RFC 3312 5.1.2).
static void reserve(struct call *c)
{
    struct arena a;
    arena_init(&a, NULL, 0);
    call_media_open(c);
    struct str mine = call_describe(c, &a, true);
    c->described = mine.n > 0;
    if (!mine.n || session_progress(c->session, &(struct session_reply){
                                                    .status = 183, .body = mine, .reliable = true}))
        (void)ue_call_refuse(c->hub, c->id, 488);
    else
        timer_start(c->hub->loop, &c->qos.timer, c->ext.resources_ms);
    arena_done(&a);
}

static void begin(struct call *c, const struct sip_msg *m)
{
    bool has = sip_msg_has_token(m, SIP_H_SUPPORTED, STR("precondition")) ||
               sip_msg_has_token(m, SIP_H_REQUIRE, STR("precondition"));
    timer_init(&c->answer_timer, on_answer_timer, c);
    timer_init(&c->qos.timer, on_resources, c);
    c->qos.on = has && c->ext.preconditions && call_remote_has_qos(c);
    if (c->qos.on)
        (void)call_take_remote(c, sip_msg_body(m)); // once more: what it says of its resources
    if (!c->qos.on)
        alert(c);
    else
        reserve(c);
}

// A call that takes the place of another is answered at once (RFC 3891 3).
static void replace(struct call *c)
{
    if (c->state == CALL_RINGING && c->session && session_replaced(c->session))
        (void)ue_call_answer(c->hub, c->id, c->tone_hz, c->expect_hz);
}

void call_incoming(void *arg, server_id id, const struct sip_msg *m)
{
    struct hub *h = arg;
    if (refuse_offer(h, id, m))
        return;
    struct phone *ph = phone_for(h, m);
    struct call *c = call_new(ph, false);
    if (!c) {
        (void)session_refuse_new(h->sessions, id, 500, NULL);
        return;
    }
    c->ext = ph->ext;
    struct session_params sp = call_session_params(c, session_arena(h->sessions, id));
    // What the other side may insist on, whether we would ask for it or not.
    if (ph->services && sp.rel100 == SESSION_REL_OFF)
        sp.rel100 = SESSION_REL_SUPPORTED;
    sp.timer = sp.timer || ph->services;
    c->call_id = str_dup(sip_msg_call_id(m));
    c->from = str_dup(sip_msg_from(m)->uri.text);
    bool kept = c->call_id.p && c->from.p &&
                (!sip_msg_body(m).n || call_take_remote(c, sip_msg_body(m)) == 0);
    if (!kept)
        (void)session_refuse_new(h->sessions, id, 500, NULL);
    else
        (void)session_take(h->sessions, id, &sp, &c->session);
    if (!c->session) {
        call_free(c);
        return;
    }
    begin(c, m);
    replace(c);
}

int ue_call_answer(struct hub *h, ue_call id, double tone_hz, double expect_hz)
{
    struct call *c = call_find(h, id);
    struct arena a;
    if (!c || c->state != CALL_RINGING || !c->session)
        return ERR_NOTFOUND;
    c->tone_hz = tone_hz;
    c->expect_hz = expect_hz;
    call_media_open(c);
    if (c->media)
        media_set_tones(c->media, tone_hz, expect_hz);
    arena_init(&a, NULL, 0);
    struct str mine = c->described ? STR_NONE : call_describe(c, &a, c->remote.n > 0);
    // Nothing in common (RFC 3261 13.3.1.3).
    int e = !c->described && !mine.n
                ? ue_call_refuse(h, id, 488)
                : session_accept(c->session, &(struct session_reply){.status = 200, .body = mine});
    arena_done(&a);
    if (e || c->state != CALL_RINGING)
        return e;
    c->described = true;
    c->state = CALL_ANSWERED;
    call_media_start(c);
    return 0;
}

int ue_call_refuse(struct hub *h, ue_call id, unsigned status)
{
    struct call *c = call_find(h, id);
    if (!c || c->state != CALL_RINGING || !c->session)
        return ERR_NOTFOUND;
    return session_reject(c->session, &(struct session_reply){.status = status});
}
