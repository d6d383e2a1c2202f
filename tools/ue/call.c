// SPDX-License-Identifier: Apache-2.0
// What calls of both sides share: their life, and the parameters of their sessions. A call is a session with
// media.
#include "tools/ue/ue_priv.h"

#include "base/err.h"

// ---- life ----

static void on_cleanup(void *arg)
{
    call_free(arg);
}

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
    timer_init(&c->qos.timer, NULL, NULL);
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

void call_tell_referrer(struct call *c, unsigned status)
{
    struct call *r = c->referrer ? call_find(c->hub, c->referrer) : NULL;
    if (r && r->session)
        (void)session_refer_progress(r->session, status);
    if (status >= 200)
        c->referrer = 0;
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

// ---- its session ----

static struct str contact_value(const struct call *c, struct arena *a)
{
    const struct phone *ph = c->phone;
    struct arena_buf b = arena_buf_init(a);
    arena_buf_printf(&b, "<%.*s>", STR_ARG(ph->contact));
    if (c->ext.instance)
        arena_buf_printf(&b, ";+sip.instance=\"<urn:uuid:%.*s>\"", STR_ARG(ph->instance));
    if (ph->services)
        arena_buf_printf(&b, ";%.*s", STR_ARG(ue_mmtel));
    return arena_buf_done(&b);
}

struct session_params call_session_params(struct call *c, struct arena *a)
{
    const struct phone *ph = c->phone;
    const struct ue_extensions *x = &c->ext;
    enum session_rel rel = x->rel100 == UE_REL_REQUIRED    ? SESSION_REL_REQUIRED
                           : x->rel100 == UE_REL_SUPPORTED ? SESSION_REL_SUPPORTED
                                                           : SESSION_REL_OFF;
    return (struct session_params){.ops = ph->hub->call_ops,
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
                                   .timers = &sip_timers_ue,
                                   .auth = ph->proofs};
}
