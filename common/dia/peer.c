// SPDX-License-Identifier: Apache-2.0
// The peer state machine, RFC 6733 5.6: I is the connection that we opened, R the one that the peer
// opened. Messages and watchdogs of the open states change no state and are conn.c's.
#include "base/err.h"
#include "base/log.h"
#include "dia/node_priv.h"

static void drop(struct dia_conn **c, bool flush)
{
    dia_conn_close(*c, flush);
    *c = NULL;
}

static void arm(struct dia_peer *p, uint64_t ms)
{
    p->due_ms = loop_now(p->node->loop) / 1000000 + ms;
    timer_start(p->node->loop, &p->timer, ms);
}

static uint64_t now_ms(const struct dia_peer *p)
{
    return loop_now(p->node->loop) / 1000000;
}

// A connection that had lived is made again at once: often nothing but the connection was lost, and
// what is asked meanwhile has nowhere to go. From then on the waits grow, for most other losses are
// restarts, and slow down to Tc (RFC 6733 2.1). A peer that said it wants no connection (RFC 6733
// 5.4) is left alone ten times as long.
static void arm_reconnect(struct dia_peer *p, bool lived)
{
    struct dia_node *n = p->node;
    if (n->draining || p->dynamic || addr_port(&p->remote) == 0)
        return;
    uint64_t ms = p->retry_ms, spread = ms / 8;
    if (p->cause != DIA_REBOOTING) {
        ms = (uint64_t)n->connect_ms * 10;
        spread = ms / 8;
    } else if (lived) {
        ms = 0;
        spread = DIA_AGAIN_MS;
    } else {
        p->retry_ms = ms * 2 < n->connect_ms ? (uint32_t)ms * 2 : n->connect_ms;
    }
    p->cause = DIA_REBOOTING;
    arm(p, ms + loop_random_u64(n->loop) % (spread + 1));
}

// When something to send may end the wait. RFC 6733 5.4: after a DPR that asks for no connection one is
// made only for "a valid reason", and not at once.
static void note_lost(struct dia_peer *p, bool lived)
{
    uint64_t now = now_ms(p);
    p->attempt_ms = p->cause != DIA_REBOOTING ? p->goodbye_ms + DIA_HOLD_MS :
                    lived                     ? now :
                                                now + DIA_ATTEMPT_MS;
    p->lost_ms = now;
}

static bool dials(const struct dia_peer *p)
{
    return !p->dynamic && !p->node->draining && addr_port(&p->remote) != 0;
}

void dia_peer_wake(struct dia_peer *p)
{
    uint64_t now = now_ms(p);
    if (!dials(p) || p->state != PEER_CLOSED)
        return;
    uint64_t wait = p->attempt_ms > now ? p->attempt_ms - now : 0;
    if (!timer_active(&p->timer) || p->due_ms > now + wait)
        arm(p, wait);
}

bool dia_peer_coming(const struct dia_peer *p)
{
    if (!dials(p) || dia_peer_conn(p))
        return p->wd.state == WD_REOPEN && p->wd.quick;
    return p->state != PEER_CLOSED || now_ms(p) < p->lost_ms + DIA_FRESH_MS ||
           p->attempt_ms <= now_ms(p);
}

static void bury_dynamic(struct dia_peer *p)
{
    if (!p->dynamic || p->dead)
        return;
    p->dead = true;
    loop_defer(p->node->loop, &p->node->bury);
}

// ---- a second connection ----

// The open connection is gone: the one that came in the same name is let in.
static void take_second(struct dia_peer *p)
{
    struct dia_conn *c = p->second;
    p->second = NULL;
    timer_stop(&p->second_timer);
    if (c && !p->node->draining)
        dia_peer_event(p, PEER_R_CONN_CER, c);
    else
        dia_conn_close(c, false);
}

void dia_peer_forget_second(struct dia_conn *c)
{
    struct dia_peer *p = c->peer;
    if (!p || p->second != c)
        return;
    p->second = NULL;
    timer_stop(&p->second_timer);
}

void dia_peer_alive(struct dia_peer *p)
{
    if (!p->second)
        return;
    char at[ADDR_TEXT_MAX];
    p->counts.refused_seconds++;
    LOG(LOG_WARN, "diameter connection refused", LF("peer", p->host),
        LF("address", addr_text(tcp_remote(p->second->tcp), at)),
        LF_Z("reason", "the peer is open and answers on another connection"));
    dia_conn_close(p->second, false);
}

static void closed(struct dia_peer *p, unsigned how)
{
    bool lived = how == WD_LOST && p->opened_ms && now_ms(p) >= p->opened_ms + DIA_LIVED_MS;
    if (p->opened_ms)
        note_lost(p, lived);
    else
        p->attempt_ms = now_ms(p) + DIA_ATTEMPT_MS;
    p->opened_ms = 0;
    drop(&p->i, false);
    drop(&p->r, false);
    timer_stop(&p->timer);
    p->avoid_until_ns = p->silent_ms = 0;
    dia_watchdog_event(p, how);
    arm_reconnect(p, lived);
    dia_pending_failover(p, true);
    dia_peer_told(p);
    take_second(p);
    dia_pending_hopeless(p->node);
    if (p->state == PEER_CLOSED)
        bury_dynamic(p);
    if (p->node->draining)
        loop_defer(p->node->loop, &p->node->drained);
}

static void opened(struct dia_peer *p, struct dia_conn *c)
{
    timer_stop(&p->timer);
    p->apps = c->apps;
    p->state_id = c->state_id;
    p->retry_ms = DIA_RETRY_MS < p->node->connect_ms ? DIA_RETRY_MS : p->node->connect_ms;
    p->cause = DIA_REBOOTING;
    p->opened_ms = now_ms(p);
    p->counts.opens++;
    dia_watchdog_event(p, WD_UP);
    dia_peer_told(p);
}

// ---- actions ----

static void act_connect(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    arm(p, DIA_CEX_MS);
    if (dia_conn_open(p) != 0)
        dia_peer_event(p, PEER_I_CONN_NACK, NULL);
}

static void act_open_r(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    struct dia_conn *c = arg;
    p->r = c;
    (void)dia_send_cea(c, DIA_SUCCESS, NULL);
    opened(p, c);
}

static void act_send_cer(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    arm(p, DIA_CEX_MS);
    (void)dia_send_cer(p->i);
}

static void act_keep_r(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    p->r = arg;
}

// RFC 6733 5.6.4: the node with the greater Origin-Host keeps the connection that it accepted.
static void elect(struct dia_peer *p)
{
    if (str_icmp(p->node->host, p->host) > 0)
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
    drop(&p->i, false);
    act_open_r(p, p->r);
}

static void act_open_i(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    drop(&p->r, false);
    opened(p, p->i);
}

static void act_drop_r(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    drop(&p->r, false);
}

static void act_reject(void *obj, void *arg)
{
    dia_conn_close(arg, false);
}

static void act_error(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    if (log_enabled(LOG_DEBUG))
        log_text(LOG_DEBUG, "diameter peer %.*s: no connection", STR_ARG(p->host));
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
    arm(p, DIA_CLOSING_MS);
    dia_send_dpr(p->r ? p->r : p->i, DIA_REBOOTING);
    dia_peer_told(p);
}

// The DPA is on its way; the peer closes the connection (RFC 6733 5.4). What it has not answered yet
// goes elsewhere.
static void act_dpr_received(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    arm(p, DIA_CLOSING_MS);
    p->goodbye_ms = now_ms(p);
    dia_pending_failover(p, true);
    dia_peer_told(p);
}

// The peer may have come back on a new connection before the loss of the old one was seen here: its
// Origin-State-Id grew (RFC 6733 8.16). Anybody can say that, so the old connection is asked first.
static int peer_restarted(void *obj, void *arg)
{
    const struct dia_peer *p = obj;
    const struct dia_conn *c = arg;
    return p->state_id && c->state_id > p->state_id;
}

static void act_ask_first(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    if (p->second) {
        dia_conn_close(arg, false);
        return;
    }
    p->second = arg;
    timer_start(p->node->loop, &p->second_timer, DIA_SECOND_MS);
    dia_send_dwr(dia_peer_conn(p));
}

// It did not answer.
static void act_replace(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    struct dia_conn *c = p->second;
    p->second = NULL;
    drop(&p->i, false);
    drop(&p->r, false);
    dia_watchdog_event(p, WD_STOPPED);
    dia_pending_failover(p, true);
    act_open_r(p, c);
}

#define ROW(s, e, n, a, c) {.state = PEER_##s, .event = PEER_##e, .next = PEER_##n, .action = (a), .clause = c}
#define GROW(s, e, n, g, a, c)                                                                     \
    {.state = PEER_##s, .event = PEER_##e, .next = PEER_##n, .guard = (g), .action = (a), .clause = c}

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

static const char *const states[] = {"Closed", "Wait-Conn-Ack", "Wait-I-CEA", "Wait-Conn-Ack/Elect",
                                     "Wait-Returns", "R-Open", "I-Open", "Closing"};
static const char *const events[] = {
    "Start", "R-Conn-CER", "I-Rcv-Conn-Ack", "I-Rcv-Conn-Nack", "Timeout", "I-Rcv-CEA",
    "I-Rcv-Non-CEA", "I-Peer-Disc", "R-Peer-Disc", "Win-Election", "Stop", "I-Rcv-DPR",
    "R-Rcv-DPR", "I-Rcv-DPA", "R-Rcv-DPA", "Second-Connection-Wins"};

const struct fsm dia_peer_fsm = {
    .name = "diameter-peer", .states = states, .events = events,
    .n_states = PEER_STATES, .n_events = PEER_EVENTS, .rows = rows, .n_rows = ARRAY_LEN(rows),
};

void dia_peer_event(struct dia_peer *p, unsigned event, struct dia_conn *c)
{
    (void)fsm_step(&dia_peer_fsm, &p->state, event, p, c);
}

// ---- life ----

static void peer_timer(void *arg)
{
    struct dia_peer *p = arg;
    dia_peer_event(p, p->state == PEER_CLOSED ? PEER_START : PEER_TIMEOUT, NULL);
}

static void second_timer(void *arg)
{
    dia_peer_event(arg, PEER_SECOND, NULL);
}

static void watchdog_timer(void *arg)
{
    dia_watchdog_event(arg, WD_TIMER);
}

static struct dia_peer *peer_new(struct dia_node *n, struct str host, struct str realm)
{
    struct dia_peer *p = mem_zalloc(sizeof *p);
    if (!p)
        return NULL;
    p->node = n;
    p->id = ++n->next_peer;
    p->host = str_dup(host);
    p->realm = str_dup(realm.n ? realm : n->realm);
    p->weight = 1;
    p->retry_ms = DIA_RETRY_MS < n->connect_ms ? DIA_RETRY_MS : n->connect_ms;
    list_init(&p->pending);
    timer_init(&p->timer, peer_timer, p);
    timer_init(&p->wd.timer, watchdog_timer, p);
    timer_init(&p->second_timer, second_timer, p);
    p->lost_ms = p->decayed_ms = now_ms(p);
    list_add(&n->peers, &p->link);
    if (!p->host.p || !p->realm.p) {
        dia_peer_free(p);
        return NULL;
    }
    return p;
}

static int take_from(struct dia_peer *p, const struct dia_peer_params *q)
{
    int r = 0;
    if (!q->n_from)
        return 0;
    p->from = mem_alloc(q->n_from * sizeof *p->from);
    if (!p->from)
        return ERR_NOMEM;
    for (; p->n_from < q->n_from && r == 0; p->n_from++)
        r = dia_net_parse(q->from[p->n_from], &p->from[p->n_from]);
    return r;
}

int dia_peer_add(struct dia_node *n, const struct dia_peer_params *q)
{
    if (q->transport != DIA_TCP)
        return ERR_UNSUPPORTED;
    if (q->host.n == 0)
        return ERR_INVAL;
    if (dia_peer_find(n, q->host))
        return ERR_EXISTS;
    struct dia_peer *p = peer_new(n, q->host, q->realm);
    if (!p)
        return ERR_NOMEM;
    p->remote = q->remote;
    p->local = q->local;
    p->priority = q->priority;
    p->weight = q->weight ? q->weight : 1;
    p->relay = q->relay;
    int r = take_from(p, q);
    if (r)
        dia_peer_free(p);
    else if (addr_port(&p->remote))
        arm(p, 0);
    return r;
}

struct dia_peer *dia_peer_dynamic(struct dia_node *n, struct str host, struct str realm)
{
    if (n->n_dynamic >= DIA_MAX_DYNAMIC)
        return NULL;
    struct dia_peer *p = peer_new(n, host, realm);
    if (!p)
        return NULL;
    p->dynamic = true;
    n->n_dynamic++;
    return p;
}

struct dia_peer *dia_peer_find(struct dia_node *n, struct str host)
{
    LIST_EACH(&n->peers, it) {
        struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        if (!p->dead && str_ieq(p->host, host))
            return p;
    }
    return NULL;
}

static void counts_add(struct dia_counts *to, const struct dia_counts *from)
{
    uint64_t *t = (uint64_t *)to;
    const uint64_t *f = (const uint64_t *)from;
    for (size_t i = 0; i < sizeof *to / sizeof *t; i++)
        t[i] += f[i];
}

void dia_peer_free(struct dia_peer *p)
{
    struct dia_node *n = p->node;
    drop(&p->i, false);
    drop(&p->r, false);
    drop(&p->second, false);
    timer_stop(&p->timer);
    timer_stop(&p->second_timer);
    timer_stop(&p->wd.timer);
    mem_free(p->from);
    counts_add(&n->counts, &p->counts);
    n->n_dynamic -= p->dynamic;
    list_del(&p->link);
    mem_free((char *)p->host.p);
    mem_free((char *)p->realm.p);
    mem_free(p);
}

struct dia_conn *dia_peer_conn(const struct dia_peer *p)
{
    return p->state == PEER_R_OPEN ? p->r : p->state == PEER_I_OPEN ? p->i : NULL;
}

bool dia_peer_usable(const struct dia_peer *p)
{
    return p->wd.state == WD_OKAY && dia_peer_conn(p) && !p->node->draining;
}

void dia_peer_told(struct dia_peer *p)
{
    struct dia_node *n = p->node;
    bool open = dia_peer_usable(p);
    if (open == p->told_open)
        return;
    p->told_open = open;
    p->told_err = open ? 0 : p->told_err;
    if (open)
        dia_pending_unpark(n);
    if (n->peer_state)
        n->peer_state(n->arg, p->host, open);
}
