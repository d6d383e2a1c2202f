// SPDX-License-Identifier: Apache-2.0
// REFERs of the other side inside a session (RFC 3515): the owner is asked, and what he says of it
// goes into NOTIFYs of the implicit subscription. One at a time; it ends with the session.
#include "base/err.h"
#include "base/writer.h"
#include "stack/session/actions.h"

enum { FRAGMENT_MAX = 128 };

// ---- the machine ----

static const char *const state_names[DS_STATES] = {"Idle", "Open"};
static const char *const event_names[DE_EVENTS] = {"take", "tell", "over", "expired"};
static const struct fsm_timer timers[DT_TIMERS] = {
    [DT_EXPIRED] = {"subscription", DE_EXPIRED, SESSION_TIMER_refer},
};

static int notify(struct session *s, unsigned status, struct str substate);

// Whoever asked is told that nothing more comes (RFC 6665 4.2.2).
static void end_subscription(void *obj, void *arg)
{
    struct session *s = machine_owner(obj);
    if (s->life.state == SS_UP)
        (void)notify(s, s->asked.status, STR("terminated;reason=timeout"));
}

static const struct fsm_row rows[] = {
    {DS_IDLE, DE_TAKE, DS_OPEN, NULL, NULL, "RFC 3515 2.4.4", {DT_EXPIRED}},
    {DS_OPEN, DE_TELL, DS_OPEN, NULL, NULL, "RFC 3515 2.4.4", {DT_EXPIRED}},
    {DS_OPEN, DE_OVER, DS_IDLE, NULL, NULL, "RFC 3515 2.4.7"},
    {DS_OPEN, DE_EXPIRED, DS_IDLE, NULL, end_subscription, "RFC 6665 4.2.2"},
};

static const uint32_t runs[DS_STATES] = {[DS_OPEN] = MACHINE_BIT(DT_EXPIRED)};

const struct machine_kind refer_asked_machine = {MACHINE_FSM("referred", DS_IDLE), NULL};

void refer_done(struct session *s)
{
    (void)machine_step(&s->asking.m, AE_OVER, NULL);
    (void)machine_step(&s->asked.m, DE_OVER, NULL);
}

static bool is_open(const struct session *s)
{
    return s->asked.m.state == DS_OPEN;
}

// ---- NOTIFY ----

static void on_notified(struct request *r, unsigned status, const struct sip_msg *m)
{
    // RFC 6665 4.2.2: nobody listens; to what becomes of the last REFER he may.
    if ((status == 481 || status == 408) && r->refer == r->session->asked.n)
        (void)machine_step(&r->session->asked.m, DE_OVER, NULL);
}

static int notify(struct session *s, unsigned status, struct str substate)
{
    char text[FRAGMENT_MAX];
    struct writer w = writer_init(text, sizeof text);
    struct request *r = request_new(s->leg, SIP_NOTIFY, on_notified);
    if (!r)
        return ERR_NOMEM;
    r->refer = s->asked.n;
    writer_printf(&w, "SIP/2.0 %u %.*s\r\n", status, STR_ARG(sip_reason(status)));
    request_header(r, SIP_H_CONTACT, s->p.contact);
    // RFC 3515 2.4.6: which one, from the second on.
    request_header(r, SIP_H_EVENT,
                   s->asked.n > 1 ? arena_printf(&r->mem, "refer;id=%u", s->asked.cseq)
                                  : STR("refer"));
    request_header(r, SIP_H_SUBSCRIPTION_STATE, substate);
    request_body(r, STR("message/sipfrag;version=2.0"), writer_done(&w));
    return request_send(r);
}

static int progress(struct session *s, unsigned status)
{
    char text[48];
    struct writer w = writer_init(text, sizeof text);
    bool over = status >= 200;
    s->asked.status = status;
    (void)machine_step(&s->asked.m, over ? DE_OVER : DE_TELL, NULL);
    writer_printf(&w, "active;expires=%u", session_timer_rows[SESSION_TIMER_refer].ms / 1000);
    return notify(s, status, over ? STR("terminated;reason=noresource") : writer_done(&w));
}

int session_refer_progress(struct session *s, unsigned status)
{
    return s->life.state == SS_UP && is_open(s) ? progress(s, status) : ERR_STATE;
}

// ---- REFER ----

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
    if (s->life.state != SS_UP || is_open(s)) {
        server_refuse_later(s, id);
        return;
    }
    if (!r.to || sip_msg_count(m, SIP_H_REFER_TO) != 1) { // RFC 3515 2.4.2
        (void)server_answer(s, id, 400);
        return;
    }
    s->asked.n++;
    s->asked.cseq = sip_msg_cseq(m)->number;
    s->asked.status = 100;
    if (!r.silent)
        (void)machine_step(&s->asked.m, DE_TAKE, NULL);
    unsigned status = s->ops->refer ? s->ops->refer(s->arg, s, &r) : 603;
    if (status >= 300) {
        (void)machine_step(&s->asked.m, DE_OVER, NULL);
        (void)server_answer(s, id, status);
        return;
    }
    accept_refer(s, id, status, r.silent);
    // RFC 3515 2.4.4: at once.
    if (!r.silent)
        (void)session_refer_progress(s, 100);
}
