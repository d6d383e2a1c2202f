// SPDX-License-Identifier: Apache-2.0
// The machine of a session's life.
#include "base/mem.h"
#include "stack/session/actions.h"

static const char *const state_names[SS_STATES] = {"Init",    "Calling",  "Early",   "Cancelling",
                                                   "Ringing", "Answered", "Leaving", "Up",
                                                   "Ending",  "Ended"};
static const char *const event_names[SE_EVENTS] = {
    "call",   "INVITE",    "ring", "ring again", "no PRACK", "early", "2xx",  "refused", "accept",
    "reject", "cancelled", "ack",  "no ack",     "hang up",  "BYE",   "over", "lost",    "drop"};
static const struct fsm_timer timers[ST_TIMERS] = {
    [ST_RINGING] = {"ring again", SE_RING_AGAIN, SESSION_TIMER_progress},
    [ST_RINGING_RELIABLY] = {"ring again", SE_RING_AGAIN, SESSION_TIMER_reliable},
};

static int is_reliable(void *obj, void *arg)
{
    const struct session *s = machine_owner(obj);
    return s->repeat.reliable;
}

// RFC 3261 13.3.1.1: or proxies give the INVITE up.
static void ring_again(void *obj, void *arg)
{
    struct session *s = machine_owner(obj);
    struct session_reply r = {.status = s->repeat.status, .reliable = s->repeat.reliable};
    (void)session_progress(s, &r);
}

static void refuse_silent(void *obj, void *arg)
{
    (void)session_reject(machine_owner(obj), &(struct session_reply){.status = 504});
}

static void cancel(void *obj, void *arg)
{
    invite_cancel(machine_owner(obj));
}

static void bye(void *obj, void *arg)
{
    struct session *s = machine_owner(obj);
    struct leg *g = s->leg;
    modified_give_up(s, 487);
    g->due = NULL; // what the ACK was waiting for
    if (g->ack.owed)
        ack_send(g, g->ack.cseq, STR_NONE); // RFC 3261 13.2.2.4: each 2xx has its ACK
    bye_send(s, g);
}

// An ACK came: both sides have what they need.
static void up(void *obj, void *arg)
{
    struct session *s = machine_owner(obj);
    s->was_up = s->acked = true;
    if (s->ops->established)
        s->ops->established(s->arg, s);
}

static void came_up(void *obj, void *arg)
{
    ((struct session *)machine_owner(obj))->was_up = true;
}

// Everything stops; the object goes at the end of the turn, since callers up the stack may still
// look at it. Its owner may go at once: what comes in the same turn, as a 2xx that is acknowledged
// once more, does not ask him.
static void close_session(void *obj, void *arg)
{
    struct session *s = machine_owner(obj);
    struct session_end e = arg ? *(const struct session_end *)arg : (struct session_end){0};
    e.established = s->was_up;
    e.cause = e.cause ? e.cause : s->why;
    server_give_up(s, 487); // RFC 3261 15.1.2
    s->incoming = s->reinvite = 0;
    stray_keep(s);
    s->layer->wiring->stop(s);
    loop_defer(s->layer->loop, &s->cleanup);
    const struct session_ops *ops = s->ops;
    session_silence(s);
    if (ops->closed)
        ops->closed(s->arg, s, &e);
}

// Nobody is left who could answer.
static void give_up(void *obj, void *arg)
{
    server_give_up(machine_owner(obj), 480);
    close_session(obj, arg);
}

// RFC 3261 9.1: the other side is not left ringing.
static void give_up_calling(void *obj, void *arg)
{
    invite_cancel(machine_owner(obj));
    give_up(obj, arg);
}

static const struct fsm_row rows[] = {
    {SS_INIT, SE_CALL, SS_CALLING, NULL, NULL, "RFC 3261 13.2.1"},
    {SS_INIT, SE_INVITE, SS_RINGING, NULL, NULL, "RFC 3261 13.3.1"},
    {SS_CALLING, SE_EARLY, SS_EARLY, NULL, NULL, "RFC 3261 12.1"},
    {SS_EARLY, SE_EARLY, SS_EARLY, NULL, NULL, "RFC 3261 12.1"},
    {SS_CANCELLING, SE_EARLY, SS_CANCELLING, NULL, NULL, "RFC 3261 9.1"},
    {SS_CALLING, SE_OK, SS_UP, NULL, came_up, "RFC 3261 13.2.2.4"},
    {SS_EARLY, SE_OK, SS_UP, NULL, came_up, "RFC 3261 13.2.2.4"},
    {SS_CANCELLING, SE_OK, SS_ENDING, NULL, came_up, "RFC 3261 9.1, 15.1.1"},
    {SS_CALLING, SE_REFUSED, SS_ENDED, NULL, close_session, "RFC 3261 13.2.2.3"},
    {SS_EARLY, SE_REFUSED, SS_ENDED, NULL, close_session, "RFC 3261 13.2.2.3"},
    {SS_CANCELLING, SE_REFUSED, SS_ENDED, NULL, close_session, "RFC 3261 9.1"},
    {SS_CALLING, SE_HANG_UP, SS_CANCELLING, NULL, cancel, "RFC 3261 15"},
    {SS_EARLY, SE_HANG_UP, SS_CANCELLING, NULL, cancel, "RFC 3261 15"},
    {SS_EARLY, SE_BYE, SS_CANCELLING, NULL, cancel, "RFC 3261 15.1.2"},
    {SS_CANCELLING, SE_BYE, SS_CANCELLING, NULL, NULL, "RFC 3261 15.1.2"},

    {SS_RINGING, SE_RINGING, SS_RINGING, is_reliable, NULL, "RFC 3262 3", {ST_RINGING_RELIABLY}},
    {SS_RINGING, SE_RINGING, SS_RINGING, NULL, NULL, "RFC 3261 13.3.1.1", {ST_RINGING}},
    {SS_RINGING, SE_RING_AGAIN, SS_RINGING, NULL, ring_again, "RFC 3261 13.3.1.1"},
    {SS_RINGING, SE_NO_PRACK, SS_RINGING, NULL, refuse_silent, "RFC 3262 3"},
    {SS_RINGING, SE_ACCEPT, SS_ANSWERED, NULL, NULL, "RFC 3261 13.3.1.4"},
    {SS_RINGING, SE_REJECT, SS_ENDED, NULL, close_session, "RFC 3261 13.3.1.3"},
    {SS_RINGING, SE_CANCELLED, SS_ENDED, NULL, close_session, "RFC 3261 9.2"},
    {SS_RINGING, SE_BYE, SS_ENDED, NULL, close_session, "RFC 3261 15.1.2"},
    {SS_RINGING, SE_LOST, SS_ENDED, NULL, close_session, "RFC 3261 13.3.1"},
    {SS_ANSWERED, SE_ACK, SS_UP, NULL, up, "RFC 3261 13.3.1.4"},
    {SS_ANSWERED, SE_NO_ACK, SS_ENDING, NULL, bye, "RFC 3261 13.3.1.4"},
    {SS_ANSWERED, SE_LOST, SS_ENDED, NULL, close_session, "RFC 3261 13.3.1"},
    {SS_ANSWERED, SE_HANG_UP, SS_LEAVING, NULL, NULL, "RFC 3261 15"},
    {SS_ANSWERED, SE_BYE, SS_ENDED, NULL, close_session, "RFC 3261 15.1.2"},
    {SS_LEAVING, SE_ACK, SS_ENDING, NULL, bye, "RFC 3261 15"},
    {SS_LEAVING, SE_NO_ACK, SS_ENDING, NULL, bye, "RFC 3261 15"},
    {SS_LEAVING, SE_BYE, SS_ENDED, NULL, close_session, "RFC 3261 15.1.2"},

    {SS_UP, SE_HANG_UP, SS_ENDING, NULL, bye, "RFC 3261 15.1.1"},
    {SS_UP, SE_NO_ACK, SS_ENDING, NULL, bye, "RFC 3261 14.2"},
    {SS_UP, SE_BYE, SS_ENDED, NULL, close_session, "RFC 3261 15.1.2"},
    {SS_ENDING, SE_OVER, SS_ENDED, NULL, close_session, "RFC 3261 15.1.1"},
    {SS_ENDING, SE_BYE, SS_ENDED, NULL, close_session, "RFC 3261 15.1.2"},

    {SS_CALLING, SE_DROP, SS_ENDED, NULL, give_up_calling, "RFC 3261 9.1"},
    {SS_EARLY, SE_DROP, SS_ENDED, NULL, give_up_calling, "RFC 3261 9.1"},
    {SS_CANCELLING, SE_DROP, SS_ENDED, NULL, give_up, "ours: its owner has gone"},
    {SS_RINGING, SE_DROP, SS_ENDED, NULL, give_up, "ours: its owner has gone"},
    {SS_ANSWERED, SE_DROP, SS_ENDED, NULL, give_up, "ours: its owner has gone"},
    {SS_LEAVING, SE_DROP, SS_ENDED, NULL, give_up, "ours: its owner has gone"},
    {SS_UP, SE_DROP, SS_ENDED, NULL, give_up, "ours: its owner has gone"},
    {SS_ENDING, SE_DROP, SS_ENDED, NULL, give_up, "ours: its owner has gone"},
};

static const uint32_t runs[SS_STATES] = {
    [SS_RINGING] = MACHINE_BIT(ST_RINGING) | MACHINE_BIT(ST_RINGING_RELIABLY),
};

const struct machine_kind session_machine = {MACHINE_FSM("session", SS_INIT), NULL};

const char *session_state_name(const struct session *s)
{
    return machine_state_name(&s->life);
}
