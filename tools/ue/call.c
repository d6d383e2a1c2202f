// SPDX-License-Identifier: Apache-2.0
// Calls: what both sides share, and the outgoing side (TS 24.229 5.1.3). A call is a session with
// media.
#include "tools/ue/ue_priv.h"

#include "base/err.h"
#include "sip/token.h"

// RESOURCES_LEAST_MS: the PRACK has left by then.
enum { T1_MS = 2000, RESOURCES_LEAST_MS = 20, RESOURCES_AGAIN_MS = 100 };

static void on_cleanup(void *arg)
{
    call_free(arg);
}

static void on_resources(void *arg);

// ---- life ----

struct call *call_new(struct phone *ph, bool outgoing)
{
    struct hub *h = ph->hub;
    struct call *c = mem_zalloc(sizeof *c);
    if (!c)
        return NULL;
    c->id = ++h->next_call;
    c->hub = h;
    c->phone = ph;
    c->outgoing = outgoing;
    c->state = outgoing ? CALL_CALLING : CALL_RINGING;
    c->sdp_id = loop_random_u64(h->loop) >> 2;
    deferred_init(&c->cleanup, on_cleanup, c);
    timer_init(&c->answer_timer, NULL, NULL);
    timer_init(&c->qos.timer, on_resources, c);
    list_add(&ph->calls, &c->of_phone);
    if (map_add(&h->calls, c->id, c)) {
        call_free(c);
        return NULL;
    }
    return c;
}

void call_free(struct call *c)
{
    struct hub *h = c->hub;
    deferred_cancel(&c->cleanup);
    timer_stop(&c->answer_timer);
    timer_stop(&c->qos.timer);
    map_remove(&h->calls, c->id, c);
    list_del(&c->of_phone);
    if (c->session && !h->closing)
        session_drop(c->session);
    media_free(c->media);
    mem_free((void *)c->call_id.p);
    mem_free((void *)c->remote.p);
    mem_free((void *)c->from.p);
    mem_free(c);
}

struct call *call_find(const struct hub *h, ue_call id)
{
    size_t it = 0;
    return map_find(&h->calls, id, &it);
}

// The object goes at the end of the turn: callers up the stack may still look at it.
static void leave(struct call *c)
{
    c->state = CALL_ENDED;
    timer_stop(&c->answer_timer);
    timer_stop(&c->qos.timer);
    loop_defer(c->hub->loop, &c->cleanup);
}

void call_end(struct call *c, bool by_remote)
{
    struct ue_media_report report;
    if (c->state == CALL_ENDED)
        return;
    leave(c);
    if (c->media)
        media_report(c->media, &report);
    if (c->phone->ops->ended)
        c->phone->ops->ended(c->phone->arg, c->phone, c->id, by_remote, c->media ? &report : NULL);
}

void call_fail(struct call *c, const struct ue_failure *f)
{
    if (c->state == CALL_ENDED)
        return;
    leave(c);
    call_tell_referrer(c, f->status);
    if (c->phone->ops->failed)
        c->phone->ops->failed(c->phone->arg, c->phone, c->id, f);
}

struct str ue_call_call_id(struct hub *h, ue_call id)
{
    struct call *c = call_find(h, id);
    return c ? c->call_id : STR_NONE;
}

unsigned ue_call_bye_status(struct hub *h, ue_call id)
{
    struct call *c = call_find(h, id);
    return c ? c->bye_status : 0;
}

void call_media_open(struct call *c)
{
    struct addr local;
    if (c->hub->media && !c->media && addr_parse(c->hub->local_ip, 0, &local) == 0)
        (void)media_new(c->hub->loop, &local, c->tone_hz, c->expect_hz, &c->media);
}

// ---- what the session tells ----

static void on_progress(void *arg, struct session *s, unsigned status, const struct sip_msg *m)
{
    struct call *c = arg;
    if (status > 100)
        call_tell_referrer(c, status);
    if (c->phone->ops->progress)
        c->phone->ops->progress(c->phone->arg, c->phone, c->id, status);
}

static bool is_sdp(const struct sip_msg *m)
{
    struct str type = sip_msg_raw(m, SIP_H_CONTENT_TYPE);
    return str_ieq(str_trim(str_split(&type, ';')), STR("application/sdp"));
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

// Our resources are there: the other side is told (RFC 3312 5.1.1), or alerted here.
static void on_resources(void *arg)
{
    struct call *c = arg;
    struct arena a;
    c->qos.local = true;
    if (!c->outgoing) {
        call_in_ready(c);
        return;
    }
    if (c->state != CALL_CALLING || !c->session)
        return;
    if (!session_may_modify(c->session)) {
        timer_start(c->hub->loop, &c->qos.timer, RESOURCES_AGAIN_MS);
        return;
    }
    arena_init(&a, NULL, 0);
    (void)session_modify(c->session, call_describe(c, &a, false));
    arena_done(&a);
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

struct ue_failure call_cancelled(struct arena *a, struct str reason)
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
        f = call_cancelled(&a, e->reason);
    } else if (e->cause) {
        f.cause = str_from(e->cause);
    } else if (c->outgoing) {
        f.reason = e->msg ? sip_msg_reason(e->msg) : f.reason;
        f.cause = e->msg ? response_cause(e->msg) : local_cause(e->status);
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
        struct str who = ph->identity.n ? ph->identity : ph->impu;
        if (ph->hub->user_agent.n)
            sip_edit_append(h, SIP_H_USER_AGENT, ph->hub->user_agent);
        sip_edit_append(h, SIP_H_P_PREFERRED_IDENTITY,
                        ARENA_CAT(h->arena, STR("<"), who, STR(">")));
        if (ph->services)
            add_services(ph, h);
    }
    if (status == 405)
        sip_edit_set(h, SIP_H_ALLOW, ue_allow);
    if (status == 415)
        sip_edit_append(h, SIP_H_ACCEPT, STR("application/sdp"));
    add_access(ph, h);
}

static const struct session_ops ops = {.progress = on_progress,
                                       .offer = on_offer,
                                       .answer = on_answer,
                                       .established = on_established,
                                       .modified = on_modified,
                                       .closed = on_closed,
                                       .request = on_request,
                                       .refer = call_on_refer,
                                       .referred = call_on_referred,
                                       .decorate = decorate};

static struct str contact_value(const struct call *c, struct arena *a)
{
    const struct phone *ph = c->phone;
    struct str contact = ARENA_CAT(a, STR("<"), ph->contact, STR(">"));
    if (c->ext.instance)
        contact = ARENA_CAT(a, contact, STR(";+sip.instance=\"<urn:uuid:"), ph->instance, STR(">\""));
    return ph->services ? ARENA_CAT(a, contact, STR(";"), ue_mmtel) : contact;
}

struct session_params call_session_params(struct call *c, struct arena *a)
{
    const struct phone *ph = c->phone;
    const struct ue_extensions *x = &c->ext;
    enum session_rel rel = x->rel100 == UE_REL_REQUIRED    ? SESSION_REL_REQUIRED
                           : x->rel100 == UE_REL_SUPPORTED ? SESSION_REL_SUPPORTED
                                                           : SESSION_REL_OFF;
    return (struct session_params){.ops = &ops,
                                   .arg = c,
                                   .contact = contact_value(c, a),
                                   .allow = ue_allow,
                                   .supported = x->preconditions ? STR("replaces, precondition")
                                                : ph->services   ? STR("replaces")
                                                                 : STR_NONE,
                                   .rel100 = rel,
                                   .timer = x->session_expires > 0,
                                   .expires_s = x->session_expires,
                                   .min_se_s = x->min_se,
                                   .refresher = !x->refresher_is_peer ? SESSION_REFRESHER_ANY
                                                : c->outgoing         ? SESSION_REFRESHER_UAS
                                                                      : SESSION_REFRESHER_UAC,
                                   .t1_ms = T1_MS,
                                   .auth = ph->proofs};
}

// ---- outgoing ----

static int begin_call(struct call *c, const struct ue_call_params *p)
{
    struct arena a;
    char room[4096];
    const struct phone *ph = c->phone;
    arena_init(&a, room, sizeof room);
    c->qos.on = p->ext.preconditions;
    call_media_open(c);
    struct session_params sp = call_session_params(c, &a);
    sp.uri = p->target;
    sp.from = ph->identity.n ? ph->identity : ph->impu;
    sp.route = phone_route(ph, &a);
    sp.replaces = p->replaces;
    sp.call_id = ARENA_CAT(&a, random_hex(c->hub->loop, &a, 12), STR("@"), c->hub->local_ip);
    sp.body = p->ext.late_offer ? STR_NONE : call_describe(c, &a, false);
    c->described = sp.body.n > 0;
    int e = a.failed ? ERR_NOMEM : session_invite(c->hub->sessions, &sp, &c->session);
    if (!e && !(c->call_id = str_dup(sp.call_id)).p)
        e = ERR_NOMEM;
    arena_done(&a);
    return e;
}

static void on_no_answer(void *arg)
{
    struct call *c = arg;
    if (c->state == CALL_CALLING)
        (void)ue_call_hang_up(c->hub, c->id);
}

int phone_call(struct phone *ph, const struct ue_call_params *p, ue_call *ret_call)
{
    struct call *c = call_new(ph, true);
    if (!c)
        return ERR_NOMEM;
    c->tone_hz = p->tone_hz;
    c->expect_hz = p->expect_hz;
    c->ext = p->ext;
    int e = begin_call(c, p);
    if (e) {
        call_free(c);
        return e;
    }
    timer_init(&c->answer_timer, on_no_answer, c);
    if (c->hub->ring_timeout_ms)
        timer_start(c->hub->loop, &c->answer_timer, c->hub->ring_timeout_ms);
    *ret_call = c->id;
    return 0;
}

int ue_call_hang_up(struct hub *h, ue_call id)
{
    struct call *c = call_find(h, id);
    if (!c || c->state == CALL_ENDED || c->hung_up || !c->session)
        return ERR_NOTFOUND;
    if (c->state == CALL_RINGING)
        return ue_call_refuse(h, id, 486);
    c->hung_up = true;
    if (c->media)
        media_hold(c->media, true);
    return session_hang_up(c->session);
}

int ue_call_hold(struct hub *h, ue_call id, bool hold)
{
    struct call *c = call_find(h, id);
    struct arena a;
    char room[6144];
    if (!c || c->state != CALL_ESTABLISHED || !c->session)
        return ERR_NOTFOUND;
    arena_init(&a, room, sizeof room);
    c->on_hold = hold;
    if (c->media)
        media_hold(c->media, hold);
    int e = session_modify(c->session, call_describe(c, &a, false));
    arena_done(&a);
    return e;
}
