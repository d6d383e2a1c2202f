// SPDX-License-Identifier: Apache-2.0
// Outgoing calls (TS 24.229 5.1.3), and what a user does in a call.
#include "tools/ue/ue_priv.h"

#include "base/err.h"

enum { RESOURCES_AGAIN_MS = 100 };

// Our resources are there: the other side is told (RFC 3312 5.1.1).
static void on_resources(void *arg)
{
    struct call *c = arg;
    struct arena a;
    c->qos.local = true;
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

static int begin_call(struct call *c, const struct ue_call_params *p)
{
    struct arena a;
    char room[4096];
    const struct phone *ph = c->phone;
    arena_init(&a, room, sizeof room);
    c->qos.on = p->ext.preconditions;
    timer_init(&c->qos.timer, on_resources, c);
    call_media_open(c);
    struct session_params sp = call_session_params(c, &a);
    sp.uri = p->target;
    sp.from = phone_identity(ph);
    sp.route = phone_route(ph, &a);
    sp.replaces = p->replaces;
    sp.call_id = ARENA_CAT(&a, ua_random_text(c->hub->loop, &a, 12), STR("@"), c->hub->local_ip);
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
