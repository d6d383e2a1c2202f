// SPDX-License-Identifier: Apache-2.0
// The session interval (RFC 4028): how long a session lasts without a refresh and who refreshes it,
// as both sides have said.
#include "stack/session/exchange.h"

// LEAST_S: of RFC 4028 5. SLACK_S: the BYE comes so much before the end, or a third of the interval
// (RFC 4028 10).
enum { LEAST_S = 90, SLACK_S = 32 };

// ---- the machine ----

static const char *const state_names[SI_STATES] = {"Off", "Ours", "Theirs"};
static const char *const event_names[IE_EVENTS] = {"ours",    "theirs", "none",
                                                   "refresh", "busy",   "expired"};
static const struct fsm_timer timers[IT_TIMERS] = {
    [IT_REFRESH] = {"refresh", IE_REFRESH, SESSION_TIMER_reckoned},
    [IT_BUSY] = {"refresh again", IE_REFRESH, SESSION_TIMER_refresh_busy},
    [IT_EXPIRED] = {"session interval", IE_EXPIRED, SESSION_TIMER_reckoned},
};

static void refresh(void *obj, void *arg)
{
    struct session *s = machine_owner(obj);
    s->layer->wiring->refresh(s);
}

static void expire(void *obj, void *arg)
{
    struct session *s = machine_owner(obj);
    s->why = "the session has expired";
    session_step(s, SE_HANG_UP, NULL);
}

static const struct fsm_row rows[] = {
    {SI_OFF, IE_OURS, SI_OURS, NULL, NULL, "RFC 4028 7.2, 9", {IT_REFRESH, IT_EXPIRED}},
    {SI_OFF, IE_THEIRS, SI_THEIRS, NULL, NULL, "RFC 4028 7.2, 9", {IT_EXPIRED}},
    {SI_OURS, IE_OURS, SI_OURS, NULL, NULL, "RFC 4028 7.2, 9", {IT_REFRESH, IT_EXPIRED}},
    {SI_OURS, IE_THEIRS, SI_THEIRS, NULL, NULL, "RFC 4028 7.2, 9", {IT_EXPIRED}},
    {SI_OURS, IE_NONE, SI_OFF, NULL, NULL, "RFC 4028 7.2"},
    {SI_OURS, IE_REFRESH, SI_OURS, NULL, refresh, "RFC 4028 10"},
    {SI_OURS, IE_BUSY, SI_OURS, NULL, NULL, "RFC 4028 10", {IT_BUSY}},
    {SI_OURS, IE_EXPIRED, SI_OFF, NULL, expire, "RFC 4028 10"},
    {SI_THEIRS, IE_OURS, SI_OURS, NULL, NULL, "RFC 4028 7.2, 9", {IT_REFRESH, IT_EXPIRED}},
    {SI_THEIRS, IE_THEIRS, SI_THEIRS, NULL, NULL, "RFC 4028 7.2, 9", {IT_EXPIRED}},
    {SI_THEIRS, IE_NONE, SI_OFF, NULL, NULL, "RFC 4028 7.2"},
    {SI_THEIRS, IE_EXPIRED, SI_OFF, NULL, expire, "RFC 4028 10"},
};

static const uint32_t runs[SI_STATES] = {
    [SI_OURS] = MACHINE_BIT(IT_REFRESH) | MACHINE_BIT(IT_BUSY) | MACHINE_BIT(IT_EXPIRED),
    [SI_THEIRS] = MACHINE_BIT(IT_EXPIRED),
};

// What did not work is tried again when half of the rest has gone by, and not all the time.
static uint64_t reckon(struct machine *m, unsigned timer, uint64_t ms)
{
    const struct session *s = m->owner;
    uint32_t se = s->interval.se, slack = se / 3 < SLACK_S ? se / 3 : SLACK_S;
    if (timer == IT_BUSY) {
        uint64_t half = machine_left_ms(m, IT_EXPIRED) / 2;
        return half > ms ? half : ms;
    }
    return timer == IT_REFRESH ? se * 500ull : (se - slack) * 1000ull;
}

const struct machine_kind interval_machine = {MACHINE_FSM("session-timer", SI_OFF), reckon};

void interval_init(struct session *s)
{
    machine_init(&s->interval.m, &interval_machine, s->layer->loop, s->p.timers, s);
    s->interval.min_se = s->p.min_se_s ? s->p.min_se_s : LEAST_S;
}

static bool is_ours(const struct session *s)
{
    return s->interval.m.state == SI_OURS;
}

static void arm(struct session *s, uint32_t se, bool ours)
{
    s->interval.se = se;
    (void)machine_step(&s->interval.m, ours ? IE_OURS : IE_THEIRS, NULL);
}

void interval_stop(struct session *s)
{
    s->interval.se = 0;
    (void)machine_step(&s->interval.m, IE_NONE, NULL);
}

void interval_busy(struct session *s)
{
    (void)machine_step(&s->interval.m, IE_BUSY, NULL);
}

uint32_t session_interval(const struct session *s, bool *ret_ours)
{
    *ret_ours = is_ours(s);
    return s->interval.se;
}

// ---- requests of ours ----

void interval_request(struct session *s, const struct leg *g, struct sip_edits *e)
{
    struct interval *v = &s->interval;
    uint32_t se = v->se ? v->se : s->p.expires_s;
    if (!s->p.timer)
        return;
    if (v->min_se > LEAST_S)
        sip_edit_append(e, SIP_H_MIN_SE, arena_printf(e->arena, "%u", v->min_se));
    if (!se || (g && s->life.state != SS_UP))
        return;
    se = se < v->min_se ? v->min_se : se;
    // Inside the dialog who refreshes goes on doing so (RFC 4028 7.4).
    const char *who = v->se ? (is_ours(s) ? ";refresher=uac" : ";refresher=uas")
                      : s->p.refresher == SESSION_REFRESHER_UAC ? ";refresher=uac"
                      : s->p.refresher == SESSION_REFRESHER_UAS ? ";refresher=uas"
                                                                : "";
    sip_edit_append(e, SIP_H_SESSION_EXPIRES, arena_printf(e->arena, "%u%s", se, who));
}

static struct str refresher(const struct sip_delta *d)
{
    return sip_param_get(d->params, STR("refresher"), NULL);
}

void interval_confirmed(struct session *s, const struct sip_msg *resp)
{
    const struct sip_delta *d = s->p.timer ? sip_msg_at(resp, SIP_H_SESSION_EXPIRES, 0) : NULL;
    bool alone = !d && s->interval.se && is_ours(s) && s->leg && !s->leg->peer_timer;
    if (alone) // the other side knows nothing of timers, and we keep to what we have said
        arm(s, s->interval.se, true);
    else if (!d || d->value < LEAST_S)
        interval_stop(s); // RFC 4028 7.2: without one there is no session timer
    else
        arm(s, d->value, !str_ieq(refresher(d), STR("uas")));
}

bool interval_raise(struct session *s, const struct sip_msg *resp)
{
    const struct sip_delta *least = sip_msg_at(resp, SIP_H_MIN_SE, 0);
    if (!s->p.timer || !least || least->value <= s->interval.min_se)
        return false;
    s->interval.min_se = least->value;
    return true;
}

// ---- requests of theirs ----

bool interval_too_small(const struct session_params *p, const struct sip_msg *req)
{
    const struct sip_delta *d = sip_msg_at(req, SIP_H_SESSION_EXPIRES, 0);
    uint32_t least = p->min_se_s ? p->min_se_s : LEAST_S;
    // RFC 4028 9: who does not know session timers cannot do anything about a 422.
    return d && d->value < least && sip_msg_has_token(req, SIP_H_SUPPORTED, STR("timer"));
}

// The interval that is granted, 0: none (RFC 4028 9).
static uint32_t grant(const struct session *s, const struct sip_msg *req)
{
    const struct sip_delta *d = sip_msg_at(req, SIP_H_SESSION_EXPIRES, 0);
    const struct sip_delta *min = sip_msg_at(req, SIP_H_MIN_SE, 0);
    uint32_t least = s->interval.min_se, want = s->interval.se ? s->interval.se : s->p.expires_s;
    if (min && min->value > least)
        least = min->value;
    uint32_t se = d && (!want || d->value < want) ? d->value : want;
    return se && se < least ? least : se;
}

void interval_response(struct session *s, const struct leg *g, const struct sip_msg *req,
                       struct sip_edits *e)
{
    const struct sip_delta *d = sip_msg_at(req, SIP_H_SESSION_EXPIRES, 0);
    uint32_t se = s->p.timer ? grant(s, req) : 0;
    if (!se) {
        interval_stop(s);
        return;
    }
    struct str theirs = d && g->peer_timer ? refresher(d) : STR_NONE;
    bool ours = !g->peer_timer   ? true
                : theirs.n       ? str_ieq(theirs, STR("uas"))
                : s->interval.se ? is_ours(s)
                                 : s->p.refresher == SESSION_REFRESHER_UAS;
    sip_edit_append(e, SIP_H_SESSION_EXPIRES,
                    arena_printf(e->arena, "%u;refresher=%s", se, ours ? "uas" : "uac"));
    if (!ours)
        sip_edit_append(e, SIP_H_REQUIRE, STR("timer"));
    arm(s, se, ours);
}
