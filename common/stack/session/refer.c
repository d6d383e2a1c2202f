// SPDX-License-Identifier: Apache-2.0
// REFERs of ours inside a session (RFC 3515): the request, and the implicit subscription that tells
// what becomes of it. One at a time; it ends with the session.
#include "base/err.h"
#include "stack/session/actions.h"

// ---- the machine ----

static const char *const state_names[AS_STATES] = {"Idle", "Asked", "Accepted", "Told"};
static const char *const event_names[AE_EVENTS] = {"ask",  "accepted", "told",
                                                   "over", "silence",  "expired"};
static const struct fsm_timer timers[AT_TIMERS] = {
    [AT_FIRST] = {"timer N", AE_SILENT, SESSION_TIMER_SIP | SIP_TIMER_timer_f},
    [AT_EXPIRED] = {"subscription", AE_EXPIRED, SESSION_TIMER_refer},
};

static void tell(struct session *s, unsigned status, bool over)
{
    if (over)
        (void)machine_step(&s->asking.m, AE_OVER, NULL);
    if (s->ops->referred)
        s->ops->referred(s->arg, s, status, over);
}

static void tell_silence(void *obj, void *arg)
{
    tell(machine_owner(obj), 408, true);
}

static const struct fsm_row rows[] = {
    {AS_IDLE, AE_ASK, AS_ASKED, NULL, NULL, "RFC 3515 2.4.1"},
    {AS_ASKED, AE_ACCEPTED, AS_ACCEPTED, NULL, NULL, "RFC 6665 4.1.2", {AT_FIRST}},
    {AS_ASKED, AE_TOLD, AS_TOLD, NULL, NULL, "RFC 3515 2.4.4", {AT_EXPIRED}},
    {AS_ASKED, AE_OVER, AS_IDLE, NULL, NULL, "RFC 3515 2.4.2"},
    {AS_ACCEPTED, AE_TOLD, AS_TOLD, NULL, NULL, "RFC 3515 2.4.4", {AT_EXPIRED}},
    {AS_ACCEPTED, AE_OVER, AS_IDLE, NULL, NULL, "RFC 3515 2.4.7"},
    {AS_ACCEPTED, AE_SILENT, AS_IDLE, NULL, tell_silence, "RFC 6665 4.1.2.4"},
    {AS_TOLD, AE_ACCEPTED, AS_TOLD, NULL, NULL, "RFC 6665 4.1.2.4"},
    {AS_TOLD, AE_TOLD, AS_TOLD, NULL, NULL, "RFC 3515 2.4.4", {AT_EXPIRED}},
    {AS_TOLD, AE_OVER, AS_IDLE, NULL, NULL, "RFC 3515 2.4.7"},
    {AS_TOLD, AE_EXPIRED, AS_IDLE, NULL, tell_silence, "RFC 6665 4.1.2"},
};

static const uint32_t runs[AS_STATES] = {
    [AS_ACCEPTED] = MACHINE_BIT(AT_FIRST),
    [AS_TOLD] = MACHINE_BIT(AT_EXPIRED),
};

// As long as the last NOTIFY says, within reason; the one that ends it may come a little later.
static uint64_t reckon(struct machine *m, unsigned timer, uint64_t ms)
{
    const struct session *s = m->owner;
    uint64_t said = s->asking.expires_s * UINT64_C(1000);
    uint64_t most = session_timer_rows[SESSION_TIMER_refer_most].ms;
    return timer != AT_EXPIRED ? ms : (!said ? ms : said < most ? said : most) + m->sip->timer_f;
}

const struct machine_kind refer_asking_machine = {MACHINE_FSM("refer", AS_IDLE), reckon};

// ---- the request ----

static bool is_asking(const struct session *s)
{
    return !machine_is_idle(&s->asking.m);
}

static void on_response(struct request *r, unsigned status, const struct sip_msg *m)
{
    struct session *s = r->session;
    bool silent = m && str_ieq(sip_msg_raw_named(m, STR("Refer-Sub")), STR("false"));
    if (is_asking(s) && (status >= 300 || silent))
        tell(s, status, true);
    else
        (void)machine_step(&s->asking.m, AE_ACCEPTED, NULL);
}

int session_refer(struct session *s, struct str refer_to, bool silent)
{
    if (s->life.state != SS_UP || is_asking(s))
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
    if (!e)
        (void)machine_step(&s->asking.m, AE_ASK, NULL);
    return e;
}

// ---- what becomes of it ----

// "SIP/2.0 200 OK" (RFC 3420); 0: it says nothing.
static unsigned fragment_status(struct str body)
{
    uint32_t status;
    if (!str_istarts(body, STR("SIP/2.0 ")))
        return 0;
    struct str digits = str_head(str_skip(body, 8), 3);
    return str_u32(digits, &status) || status < 100 || status > 699 ? 0 : status;
}

// Seconds that the subscription goes on; 0: it is not said.
static uint32_t notified_expires(const struct sip_token *state)
{
    uint32_t s;
    struct str v = state ? sip_param_get(state->params, STR("expires"), NULL) : STR_NONE;
    return v.n && !str_u32(v, &s) ? s : 0;
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
    if (!is_asking(s)) {
        (void)server_answer(s, id, 481);
        return;
    }
    (void)server_answer(s, id, 200);
    unsigned status = fragment_status(sip_msg_body(m));
    s->asking.expires_s = notified_expires(state);
    (void)machine_step(&s->asking.m, AE_TOLD, NULL);
    tell(s, status, status >= 200 || (state && str_ieq(state->token, STR("terminated"))));
}
