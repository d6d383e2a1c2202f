// SPDX-License-Identifier: Apache-2.0
// The peer state machine, RFC 6733 5.6: I is the connection that we opened, R the one that the peer
// opened. Messages and watchdogs of the open states change no state and are peers.c's.
#include "base/err.h"
#include "base/log.h"
#include "dia/peer/peer_priv.h"

static void bury_dynamic(struct dia_peer *p)
{
    if (!p->info.dynamic || p->dead)
        return;
    p->dead = true;
    loop_defer(p->layer->loop, &p->layer->bury);
}

// ---- a second connection ----

// The open connection is gone: the one that came in the same name is let in.
static void take_second(struct dia_peer *p)
{
    struct dia_conn *c = p->second;
    p->second = NULL;
    if (c && !p->layer->draining)
        dia_peer_event(p, PEER_R_CONN_CER, c);
    else
        dia_conn_close(c, false);
}

void dia_peer_forget_second(struct dia_peer *p)
{
    p->second = NULL;
    timer_stop(&p->second_timer); // of PT_SECOND, which has nothing left to wait for
}

void dia_peer_alive(struct dia_peer *p)
{
    if (!p->second)
        return;
    char at[ADDR_TEXT_MAX];
    p->counts.refused_seconds++;
    LOG(LOG_WARN, "diameter connection refused", LF("peer", p->info.host),
        LF("address", addr_text(dia_conn_remote(p->second), at)),
        LF_Z("reason", "the peer is open and answers on another connection"));
    dia_conn_close(p->second, false);
}

// What it was asked goes elsewhere.
static void left(struct dia_peer *p, bool closed)
{
    p->layer->user->left(p->layer->user_arg, p, closed);
}

static void closed(struct dia_peer *p, unsigned how)
{
    if (p->opened_ms)
        dia_peer_note_lost(p, how == WD_LOST && dia_peer_lived(p));
    else
        p->attempt_ms = dia_peers_ms(p->layer) + DIA_ATTEMPT_MS;
    p->cause = DIA_REBOOTING;
    dia_peer_drop(&p->i);
    dia_peer_drop(&p->r);
    dia_watchdog_event(p, how); // it asks how long the connection lived
    p->opened_ms = 0;
    left(p, true);
    dia_peer_told(p);
    take_second(p);
    p->layer->user->fewer(p->layer->user_arg);
    if (p->state == PEER_CLOSED)
        bury_dynamic(p);
    if (p->layer->draining)
        loop_defer(p->layer->loop, &p->layer->drained);
}

static void opened(struct dia_peer *p, struct dia_conn *c)
{
    const struct dia_caller *caller = dia_caller(c);
    dia_conn_set_phase(c, DIA_CONN_OPEN);
    p->info.apps = caller->apps;
    p->state_id = caller->state_id;
    p->cause = DIA_REBOOTING;
    p->opened_ms = dia_peers_ms(p->layer);
    p->counts.opens++;
    dia_watchdog_event(p, WD_UP);
    dia_peer_told(p);
}

// ---- actions ----

static void act_connect(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    if (dia_conn_open(p->layer->link, &p->local, &p->remote, &p->i) != 0) {
        dia_peer_event(p, PEER_I_CONN_NACK, NULL);
        return;
    }
    dia_caller(p->i)->peer = p;
    dia_conn_admit(p->i, &p->counts);
}

static void act_open_r(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    struct dia_conn *c = arg;
    p->r = c;
    (void)dia_conn_send_cea(c, DIA_SUCCESS, NULL);
    opened(p, c);
}

static void act_send_cer(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    (void)dia_conn_send_cer(p->i);
}

static void act_keep_r(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    p->r = arg;
}

// RFC 6733 5.6.4: the node with the greater Origin-Host keeps the connection that it accepted.
static void elect(struct dia_peer *p)
{
    if (str_icmp(p->layer->self->host, p->info.host) > 0)
        dia_peer_event(p, PEER_WIN_ELECTION, NULL);
}

static void act_keep_r_elect(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    p->r = arg;
    elect(p);
}

static void act_send_cer_elect(void *obj, void *arg)
{
    act_send_cer(obj, arg);
    elect(obj);
}

static void act_take_r(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    dia_peer_drop(&p->i);
    act_open_r(p, p->r);
}

static void act_open_i(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    dia_peer_drop(&p->r);
    opened(p, p->i);
}

static void act_drop_r(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    dia_peer_drop(&p->r);
}

static void act_reject(void *obj, void *arg)
{
    dia_conn_close(arg, false);
}

static void act_error(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    if (log_enabled(LOG_DEBUG))
        log_text(LOG_DEBUG, "diameter peer %.*s: no connection", STR_ARG(p->info.host));
    closed(p, WD_LOST);
}

static void act_lost(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    p->counts.losses++;
    closed(p, WD_LOST);
}

static void act_stop(void *obj, void *arg)
{
    closed(obj, WD_STOPPED);
}

static void act_dpr(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    struct dia_conn *c = p->r ? p->r : p->i;
    dia_conn_set_phase(c, DIA_CONN_CLOSING);
    dia_conn_send_dpr(c, DIA_REBOOTING);
    dia_peer_told(p);
}

// The DPA is on its way; the peer closes the connection (RFC 6733 5.4). What it has not answered
// yet goes elsewhere.
static void act_dpr_received(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    dia_conn_set_phase(p->r ? p->r : p->i, DIA_CONN_CLOSING);
    p->goodbye_ms = dia_peers_ms(p->layer);
    left(p, false);
    dia_peer_told(p);
}

// The peer may have come back on a new connection before the loss of the old one was seen here: its
// Origin-State-Id grew (RFC 6733 8.16). Anybody can say that, so the old connection is asked first.
static int peer_restarted(void *obj, void *arg)
{
    const struct dia_peer *p = obj;
    const struct dia_conn *c = arg;
    return !p->second && p->state_id && dia_caller(c)->state_id > p->state_id;
}

static void act_ask_first(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    p->second = arg;
    dia_conn_send_dwr(dia_peer_conn(p));
}

// It did not answer.
static void act_replace(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    struct dia_conn *c = p->second;
    p->second = NULL;
    dia_peer_drop(&p->i);
    dia_peer_drop(&p->r);
    dia_watchdog_event(p, WD_STOPPED);
    left(p, true);
    dia_peer_told(p); // what waits for the peer goes when the new connection is told
    act_open_r(p, c);
}

// ---- timers ----

// Something to send is no reason to wait longer than without.
static int is_sooner(void *obj, void *arg)
{
    const struct dia_peer *p = obj;
    return dia_peer_dials(p) &&
           (!timer_active(&p->timer) || p->due_ms > dia_peers_ms(p->layer) + dia_peer_wanted_ms(p));
}

enum lasts { LASTS_RECKONED, LASTS_CEX, LASTS_CLOSING, LASTS_SECOND };
static const uint32_t lasts_ms[] = {
    [LASTS_CEX] = DIA_CEX_MS, [LASTS_CLOSING] = DIA_CLOSING_MS, [LASTS_SECOND] = DIA_SECOND_MS};

static const struct fsm_timer timers[PEER_TIMERS] = {
    [PT_CEX] = {"connect", PEER_TIMEOUT, LASTS_CEX},
    [PT_CLOSING] = {"closing", PEER_TIMEOUT, LASTS_CLOSING},
    [PT_SECOND] = {"second", PEER_SECOND, LASTS_SECOND},
    [PT_AGAIN] = {"Tc", PEER_START, LASTS_RECKONED}, // after a loss
    [PT_LATER] = {"Tc", PEER_START, LASTS_RECKONED}, // after an end that was announced
    [PT_WANTED] = {"wanted", PEER_START, LASTS_RECKONED},
};

#define BIT(t) (UINT32_C(1) << (t))
enum { WAITS = BIT(PT_CEX) | BIT(PT_CLOSING) };
static const uint32_t runs[PEER_STATES] = {
    [PEER_CLOSED] = BIT(PT_AGAIN) | BIT(PT_LATER) | BIT(PT_WANTED),
    [PEER_WAIT_CONN_ACK] = WAITS,
    [PEER_WAIT_I_CEA] = WAITS,
    [PEER_WAIT_CONN_ACK_ELECT] = WAITS,
    [PEER_WAIT_RETURNS] = WAITS,
    [PEER_R_OPEN] = BIT(PT_SECOND),
    [PEER_I_OPEN] = BIT(PT_SECOND),
    [PEER_CLOSING] = WAITS,
};

void dia_peer_timer(void *peer)
{
    struct dia_peer *p = peer;
    unsigned t = p->runs;
    p->runs = PT_NONE;
    dia_peer_event(p, timers[t].event, NULL);
}

static void stop(void *obj, uint32_t stay)
{
    struct dia_peer *p = obj;
    if (p->runs && !(stay & BIT(p->runs))) {
        timer_stop(&p->timer);
        p->runs = PT_NONE;
    }
    if (!(stay & BIT(PT_SECOND)))
        timer_stop(&p->second_timer);
}

static uint64_t lasts(struct dia_peer *p, unsigned timer)
{
    switch (timer) {
    case PT_AGAIN:
        return dia_peer_again_ms(p, dia_peer_lived(p));
    case PT_LATER:
        return dia_peer_again_ms(p, false);
    case PT_WANTED:
        return dia_peer_wanted_ms(p);
    default:
        return lasts_ms[timers[timer].lasts];
    }
}

// Who does not connect waits for no attempt, and no longer when he had.
static void arm(void *obj, unsigned timer)
{
    struct dia_peer *p = obj;
    if (timers[timer].event == PEER_START && !dia_peer_dials(p)) {
        stop(p, 0);
        return;
    }
    uint64_t ms = lasts(p, timer);
    if (timer == PT_SECOND) {
        p->second_due_ms = dia_peers_ms(p->layer) + ms;
        timer_start(p->layer->loop, &p->second_timer, ms);
        return;
    }
    p->runs = (uint8_t)timer;
    p->due_ms = dia_peers_ms(p->layer) + ms;
    timer_start(p->layer->loop, &p->timer, ms);
}

// ---- the machine ----

#define ROW(s, e, n, a, c, ...)                                                                    \
    {                                                                                              \
        .state = PEER_##s, .event = PEER_##e, .next = PEER_##n, .action = (a), .clause = c,        \
        .arms = {                                                                                  \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define GROW(s, e, n, g, a, c, ...)                                                                \
    {                                                                                              \
        .state = PEER_##s, .event = PEER_##e, .next = PEER_##n, .guard = (g), .action = (a),       \
        .clause = c, .arms = {                                                                     \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static const struct fsm_row rows[] = {
    ROW(CLOSED, START, WAIT_CONN_ACK, act_connect, "RFC 6733 5.6", PT_CEX),
    ROW(CLOSED, R_CONN_CER, R_OPEN, act_open_r, "RFC 6733 5.6"),
    ROW(CLOSED, STOP, CLOSED, act_stop, "ours: stopped before it connected", PT_LATER),
    GROW(CLOSED, WANTED, CLOSED, is_sooner, NULL, "ours: there is something to send", PT_WANTED),
    ROW(CLOSED, WANTED, CLOSED, NULL, "ours: it is coming, or not ours to connect"),

    ROW(WAIT_CONN_ACK, I_CONN_ACK, WAIT_I_CEA, act_send_cer, "RFC 6733 5.6", PT_CEX),
    ROW(WAIT_CONN_ACK, I_CONN_NACK, CLOSED, act_error, "RFC 6733 5.6", PT_AGAIN),
    ROW(WAIT_CONN_ACK, R_CONN_CER, WAIT_CONN_ACK_ELECT, act_keep_r, "RFC 6733 5.6"),
    ROW(WAIT_CONN_ACK, TIMEOUT, CLOSED, act_error, "RFC 6733 5.6", PT_AGAIN),
    ROW(WAIT_CONN_ACK, STOP, CLOSED, act_stop, "ours", PT_LATER),

    ROW(WAIT_I_CEA, I_CEA, I_OPEN, act_open_i, "RFC 6733 5.6"),
    ROW(WAIT_I_CEA, R_CONN_CER, WAIT_RETURNS, act_keep_r_elect, "RFC 6733 5.6"),
    ROW(WAIT_I_CEA, I_DISC, CLOSED, act_error, "RFC 6733 5.6", PT_AGAIN),
    ROW(WAIT_I_CEA, I_NON_CEA, CLOSED, act_error, "RFC 6733 5.6", PT_AGAIN),
    ROW(WAIT_I_CEA, TIMEOUT, CLOSED, act_error, "RFC 6733 5.6", PT_AGAIN),
    ROW(WAIT_I_CEA, STOP, CLOSED, act_stop, "ours", PT_LATER),

    ROW(WAIT_CONN_ACK_ELECT, I_CONN_ACK, WAIT_RETURNS, act_send_cer_elect, "RFC 6733 5.6", PT_CEX),
    ROW(WAIT_CONN_ACK_ELECT, I_CONN_NACK, R_OPEN, act_take_r, "RFC 6733 5.6"),
    ROW(WAIT_CONN_ACK_ELECT, R_DISC, WAIT_CONN_ACK, act_drop_r, "RFC 6733 5.6"),
    ROW(WAIT_CONN_ACK_ELECT, R_CONN_CER, WAIT_CONN_ACK_ELECT, act_reject, "RFC 6733 5.6"),
    ROW(WAIT_CONN_ACK_ELECT, TIMEOUT, CLOSED, act_error, "RFC 6733 5.6", PT_AGAIN),
    ROW(WAIT_CONN_ACK_ELECT, STOP, CLOSED, act_stop, "ours", PT_LATER),

    ROW(WAIT_RETURNS, WIN_ELECTION, R_OPEN, act_take_r, "RFC 6733 5.6"),
    ROW(WAIT_RETURNS, I_DISC, R_OPEN, act_take_r, "RFC 6733 5.6"),
    ROW(WAIT_RETURNS, I_NON_CEA, R_OPEN, act_take_r, "ours: as I-Peer-Disc"),
    ROW(WAIT_RETURNS, I_CEA, I_OPEN, act_open_i, "RFC 6733 5.6"),
    ROW(WAIT_RETURNS, R_DISC, WAIT_I_CEA, act_drop_r, "RFC 6733 5.6"),
    ROW(WAIT_RETURNS, R_CONN_CER, WAIT_RETURNS, act_reject, "RFC 6733 5.6"),
    ROW(WAIT_RETURNS, TIMEOUT, CLOSED, act_error, "RFC 6733 5.6", PT_AGAIN),
    ROW(WAIT_RETURNS, STOP, CLOSED, act_stop, "ours", PT_LATER),

    GROW(R_OPEN, R_CONN_CER, R_OPEN, peer_restarted, act_ask_first, "RFC 6733 8.16", PT_SECOND),
    ROW(R_OPEN, SECOND, R_OPEN, act_replace, "RFC 6733 8.16"),
    ROW(R_OPEN, R_CONN_CER, R_OPEN, act_reject, "RFC 6733 5.6"),
    ROW(R_OPEN, STOP, CLOSING, act_dpr, "RFC 6733 5.6", PT_CLOSING),
    ROW(R_OPEN, R_DPR, CLOSING, act_dpr_received, "RFC 6733 5.6", PT_CLOSING),
    ROW(R_OPEN, R_DISC, CLOSED, act_lost, "RFC 6733 5.6", PT_AGAIN),

    GROW(I_OPEN, R_CONN_CER, I_OPEN, peer_restarted, act_ask_first, "RFC 6733 8.16", PT_SECOND),
    ROW(I_OPEN, SECOND, R_OPEN, act_replace, "RFC 6733 8.16"),
    ROW(I_OPEN, R_CONN_CER, I_OPEN, act_reject, "RFC 6733 5.6"),
    ROW(I_OPEN, STOP, CLOSING, act_dpr, "RFC 6733 5.6", PT_CLOSING),
    ROW(I_OPEN, I_DPR, CLOSING, act_dpr_received, "RFC 6733 5.6", PT_CLOSING),
    ROW(I_OPEN, I_DISC, CLOSED, act_lost, "RFC 6733 5.6", PT_AGAIN),

    ROW(CLOSING, I_DPA, CLOSED, act_stop, "RFC 6733 5.6", PT_LATER),
    ROW(CLOSING, R_DPA, CLOSED, act_stop, "RFC 6733 5.6", PT_LATER),
    ROW(CLOSING, I_DPR, CLOSING, NULL, "ours: both stop at once, the DPA is sent"),
    ROW(CLOSING, R_DPR, CLOSING, NULL, "ours: both stop at once, the DPA is sent"),
    ROW(CLOSING, R_CONN_CER, CLOSING, act_reject, "ours: not before the old one is closed"),
    ROW(CLOSING, STOP, CLOSING, NULL, "ours: it is stopping"),
    ROW(CLOSING, TIMEOUT, CLOSED, act_stop, "RFC 6733 5.6", PT_LATER),
    ROW(CLOSING, I_DISC, CLOSED, act_stop, "RFC 6733 5.6", PT_LATER),
    ROW(CLOSING, R_DISC, CLOSED, act_stop, "RFC 6733 5.6", PT_LATER),
};

static const char *const states[] = {
    "Closed",       "Wait-Conn-Ack", "Wait-I-CEA", "Wait-Conn-Ack/Elect",
    "Wait-Returns", "R-Open",        "I-Open",     "Closing"};
static const char *const events[] = {
    "Start",       "R-Conn-CER",   "I-Rcv-Conn-Ack", "I-Rcv-Conn-Nack",
    "Timeout",     "I-Rcv-CEA",    "I-Rcv-Non-CEA",  "I-Peer-Disc",
    "R-Peer-Disc", "Win-Election", "Stop",           "I-Rcv-DPR",
    "R-Rcv-DPR",   "I-Rcv-DPA",    "R-Rcv-DPA",      "Second-Connection-Wins",
    "Wanted"};

const struct fsm dia_peer_fsm = {
    .name = "diameter-peer",
    .states = states,
    .events = events,
    .n_states = PEER_STATES,
    .n_events = PEER_EVENTS,
    .rows = rows,
    .n_rows = ARRAY_LEN(rows),
    .first = PEER_CLOSED,
    .timers = timers,
    .runs = runs,
    .arm = arm,
    .stop = stop,
};

void dia_peer_event(struct dia_peer *p, unsigned event, struct dia_conn *c)
{
    (void)fsm_step(&dia_peer_fsm, &p->state, event, p, c);
}

void dia_peer_wake(struct dia_peer *p)
{
    if (p->state == PEER_CLOSED)
        dia_peer_event(p, PEER_WANTED, NULL);
}
