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
    timer_stop(&p->second_timer);
    if (c && !p->layer->draining)
        dia_peer_event(p, PEER_R_CONN_CER, c);
    else
        dia_conn_close(c, false);
}

void dia_peer_forget_second(struct dia_peer *p)
{
    p->second = NULL;
    timer_stop(&p->second_timer);
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
    bool lived =
        how == WD_LOST && p->opened_ms && dia_peers_ms(p->layer) >= p->opened_ms + DIA_LIVED_MS;
    if (p->opened_ms)
        dia_peer_note_lost(p, lived);
    else
        p->attempt_ms = dia_peers_ms(p->layer) + DIA_ATTEMPT_MS;
    p->opened_ms = 0;
    dia_peer_drop(&p->i);
    dia_peer_drop(&p->r);
    timer_stop(&p->timer);
    dia_watchdog_event(p, how);
    dia_peer_reconnect(p, lived);
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
    timer_stop(&p->timer);
    dia_conn_set_phase(c, DIA_CONN_OPEN);
    p->info.apps = caller->apps;
    p->state_id = caller->state_id;
    p->retry_ms = DIA_RETRY_MS < p->layer->connect_ms ? DIA_RETRY_MS : p->layer->connect_ms;
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
    dia_peer_arm(p, DIA_CEX_MS);
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
    dia_peer_arm(p, DIA_CEX_MS);
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
    dia_peer_arm(p, DIA_CLOSING_MS);
    dia_conn_set_phase(c, DIA_CONN_CLOSING);
    dia_conn_send_dpr(c, DIA_REBOOTING);
    dia_peer_told(p);
}

// The DPA is on its way; the peer closes the connection (RFC 6733 5.4). What it has not answered
// yet goes elsewhere.
static void act_dpr_received(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    dia_peer_arm(p, DIA_CLOSING_MS);
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
    return p->state_id && dia_caller(c)->state_id > p->state_id;
}

static void act_ask_first(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    if (p->second) {
        dia_conn_close(arg, false);
        return;
    }
    p->second = arg;
    timer_start(p->layer->loop, &p->second_timer, DIA_SECOND_MS);
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
    left(p, false);
    act_open_r(p, c);
}

#define ROW(s, e, n, a, c)                                                                         \
    {                                                                                              \
        .state = PEER_##s, .event = PEER_##e, .next = PEER_##n, .action = (a), .clause = c         \
    }
#define GROW(s, e, n, g, a, c)                                                                     \
    {                                                                                              \
        .state = PEER_##s, .event = PEER_##e, .next = PEER_##n, .guard = (g), .action = (a),       \
        .clause = c                                                                                \
    }

static const struct fsm_row rows[] = {
    ROW(CLOSED, START, WAIT_CONN_ACK, act_connect, "RFC 6733 5.6"),
    ROW(CLOSED, R_CONN_CER, R_OPEN, act_open_r, "RFC 6733 5.6"),
    ROW(CLOSED, STOP, CLOSED, act_stop, "ours: stopped before it connected"),

    ROW(WAIT_CONN_ACK, I_CONN_ACK, WAIT_I_CEA, act_send_cer, "RFC 6733 5.6"),
    ROW(WAIT_CONN_ACK, I_CONN_NACK, CLOSED, act_error, "RFC 6733 5.6"),
    ROW(WAIT_CONN_ACK, R_CONN_CER, WAIT_CONN_ACK_ELECT, act_keep_r, "RFC 6733 5.6"),
    ROW(WAIT_CONN_ACK, TIMEOUT, CLOSED, act_error, "RFC 6733 5.6"),
    ROW(WAIT_CONN_ACK, STOP, CLOSED, act_stop, "ours"),

    ROW(WAIT_I_CEA, I_CEA, I_OPEN, act_open_i, "RFC 6733 5.6"),
    ROW(WAIT_I_CEA, R_CONN_CER, WAIT_RETURNS, act_keep_r_elect, "RFC 6733 5.6"),
    ROW(WAIT_I_CEA, I_DISC, CLOSED, act_error, "RFC 6733 5.6"),
    ROW(WAIT_I_CEA, I_NON_CEA, CLOSED, act_error, "RFC 6733 5.6"),
    ROW(WAIT_I_CEA, TIMEOUT, CLOSED, act_error, "RFC 6733 5.6"),
    ROW(WAIT_I_CEA, STOP, CLOSED, act_stop, "ours"),

    ROW(WAIT_CONN_ACK_ELECT, I_CONN_ACK, WAIT_RETURNS, act_send_cer_elect, "RFC 6733 5.6"),
    ROW(WAIT_CONN_ACK_ELECT, I_CONN_NACK, R_OPEN, act_take_r, "RFC 6733 5.6"),
    ROW(WAIT_CONN_ACK_ELECT, R_DISC, WAIT_CONN_ACK, act_drop_r, "RFC 6733 5.6"),
    ROW(WAIT_CONN_ACK_ELECT, R_CONN_CER, WAIT_CONN_ACK_ELECT, act_reject, "RFC 6733 5.6"),
    ROW(WAIT_CONN_ACK_ELECT, TIMEOUT, CLOSED, act_error, "RFC 6733 5.6"),
    ROW(WAIT_CONN_ACK_ELECT, STOP, CLOSED, act_stop, "ours"),

    ROW(WAIT_RETURNS, WIN_ELECTION, R_OPEN, act_take_r, "RFC 6733 5.6"),
    ROW(WAIT_RETURNS, I_DISC, R_OPEN, act_take_r, "RFC 6733 5.6"),
    ROW(WAIT_RETURNS, I_NON_CEA, R_OPEN, act_take_r, "ours: as I-Peer-Disc"),
    ROW(WAIT_RETURNS, I_CEA, I_OPEN, act_open_i, "RFC 6733 5.6"),
    ROW(WAIT_RETURNS, R_DISC, WAIT_I_CEA, act_drop_r, "RFC 6733 5.6"),
    ROW(WAIT_RETURNS, R_CONN_CER, WAIT_RETURNS, act_reject, "RFC 6733 5.6"),
    ROW(WAIT_RETURNS, TIMEOUT, CLOSED, act_error, "RFC 6733 5.6"),
    ROW(WAIT_RETURNS, STOP, CLOSED, act_stop, "ours"),

    GROW(R_OPEN, R_CONN_CER, R_OPEN, peer_restarted, act_ask_first, "RFC 6733 8.16"),
    ROW(R_OPEN, SECOND, R_OPEN, act_replace, "RFC 6733 8.16"),
    ROW(R_OPEN, R_CONN_CER, R_OPEN, act_reject, "RFC 6733 5.6"),
    ROW(R_OPEN, STOP, CLOSING, act_dpr, "RFC 6733 5.6"),
    ROW(R_OPEN, R_DPR, CLOSING, act_dpr_received, "RFC 6733 5.6"),
    ROW(R_OPEN, R_DISC, CLOSED, act_lost, "RFC 6733 5.6"),

    GROW(I_OPEN, R_CONN_CER, I_OPEN, peer_restarted, act_ask_first, "RFC 6733 8.16"),
    ROW(I_OPEN, SECOND, R_OPEN, act_replace, "RFC 6733 8.16"),
    ROW(I_OPEN, R_CONN_CER, I_OPEN, act_reject, "RFC 6733 5.6"),
    ROW(I_OPEN, STOP, CLOSING, act_dpr, "RFC 6733 5.6"),
    ROW(I_OPEN, I_DPR, CLOSING, act_dpr_received, "RFC 6733 5.6"),
    ROW(I_OPEN, I_DISC, CLOSED, act_lost, "RFC 6733 5.6"),

    ROW(CLOSING, I_DPA, CLOSED, act_stop, "RFC 6733 5.6"),
    ROW(CLOSING, R_DPA, CLOSED, act_stop, "RFC 6733 5.6"),
    ROW(CLOSING, I_DPR, CLOSING, NULL, "ours: both stop at once, the DPA is sent"),
    ROW(CLOSING, R_DPR, CLOSING, NULL, "ours: both stop at once, the DPA is sent"),
    ROW(CLOSING, R_CONN_CER, CLOSING, act_reject, "ours: not before the old one is closed"),
    ROW(CLOSING, STOP, CLOSING, NULL, "ours: it is stopping"),
    ROW(CLOSING, TIMEOUT, CLOSED, act_stop, "RFC 6733 5.6"),
    ROW(CLOSING, I_DISC, CLOSED, act_stop, "RFC 6733 5.6"),
    ROW(CLOSING, R_DISC, CLOSED, act_stop, "RFC 6733 5.6"),
};

static const char *const states[] = {
    "Closed",       "Wait-Conn-Ack", "Wait-I-CEA", "Wait-Conn-Ack/Elect",
    "Wait-Returns", "R-Open",        "I-Open",     "Closing"};
static const char *const events[] = {
    "Start",       "R-Conn-CER",   "I-Rcv-Conn-Ack", "I-Rcv-Conn-Nack",
    "Timeout",     "I-Rcv-CEA",    "I-Rcv-Non-CEA",  "I-Peer-Disc",
    "R-Peer-Disc", "Win-Election", "Stop",           "I-Rcv-DPR",
    "R-Rcv-DPR",   "I-Rcv-DPA",    "R-Rcv-DPA",      "Second-Connection-Wins"};

const struct fsm dia_peer_fsm = {
    .name = "diameter-peer",
    .states = states,
    .events = events,
    .n_states = PEER_STATES,
    .n_events = PEER_EVENTS,
    .rows = rows,
    .n_rows = ARRAY_LEN(rows),
};

void dia_peer_event(struct dia_peer *p, unsigned event, struct dia_conn *c)
{
    (void)fsm_step(&dia_peer_fsm, &p->state, event, p, c);
}
