// SPDX-License-Identifier: Apache-2.0
// The application-level watchdog, RFC 3539 3.4.1. Two things are ours. A stop that was announced
// (DPR) leads back to INITIAL, since it is no failure. And after a connection that the transport
// ended (most often a restart) the three watchdogs of REOPEN follow one another at once instead of
// Tw apart: they prove as much, and the only HSS of a network is not left out for a minute. After
// silence they keep the RFC's pace, and so they do for a peer that comes and goes.
#include "dia/peer/peer_priv.h"

enum { JITTER_MS = 2000 };

// Tw with a jitter of two seconds either way (RFC 3539 3.4.1), less for a Tw that tests use.
static void arm(void *obj, unsigned timer)
{
    struct dia_peer *p = obj;
    struct dia_peer_layer *l = p->layer;
    uint64_t tw = l->watchdog_ms, j = tw >= 6000 ? JITTER_MS : tw / 10;
    uint64_t shift = j ? loop_random_u64(l->loop) % (2 * j + 1) : 0;
    uint64_t ms = tw - j + shift;
    p->wd.due_ms = dia_peers_ms(l) + ms;
    timer_start(l->loop, &p->wd.timer, ms);
}

static void stop(void *obj, uint32_t stay)
{
    struct dia_peer *p = obj;
    if (!(stay >> WT_TW & 1))
        timer_stop(&p->wd.timer);
}

static void send_dwr(struct dia_peer *p)
{
    struct dia_conn *c = dia_peer_conn(p);
    p->wd.pending = true;
    if (c)
        dia_conn_send_dwr(c);
}

static int is_pending(void *obj, void *arg)
{
    return ((const struct dia_peer *)obj)->wd.pending;
}

static int more_dwas(void *obj, void *arg)
{
    return ((const struct dia_peer *)obj)->wd.n_dwa < 2;
}

static int more_at_once(void *obj, void *arg)
{
    return ((const struct dia_peer *)obj)->wd.quick && more_dwas(obj, arg);
}

static int no_dwa_left(void *obj, void *arg)
{
    const struct dia_peer *p = obj;
    return p->wd.pending && p->wd.n_dwa < 0;
}

static void act_answered(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    p->wd.pending = false;
}

// RFC 3539 leaves Pending alone when it was not a DWA. A DWR that was never answered (the DWA was
// malformed) would then make a suspect of a living peer at every second timer, for ever, without
// another DWR being sent: the next timer asks again.
static void act_failback(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    p->wd.pending = false;
    dia_peer_told(p);
}

static void act_probe(void *obj, void *arg)
{
    send_dwr(obj);
}

static void act_suspect(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    p->counts.suspects++;
    p->layer->user->suspect(p->layer->user_arg, p);
    dia_peer_told(p);
}

// CloseConnection: the state machine of the peer hears of it as of a lost connection.
static void act_close(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    struct dia_conn *c = dia_peer_conn(p);
    p->wd.quick = false;
    if (c)
        dia_conn_refuse(c, "no answer to watchdogs");
}

static void act_down(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    p->wd.quick = !dia_peer_flaps(p);
}

static void act_reopen(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    p->wd.n_dwa = 0;
    act_probe(p, arg);
}

static void act_count(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    p->wd.pending = false;
    p->wd.n_dwa++;
}

static void act_count_and_probe(void *obj, void *arg)
{
    act_count(obj, arg);
    act_probe(obj, arg);
}

static void act_last_chance(void *obj, void *arg)
{
    struct dia_peer *p = obj;
    p->wd.n_dwa = -1;
}

#define ROW(s, e, n, g, a, c, ...)                                                                 \
    {                                                                                              \
        .state = WD_##s, .event = WD_##e, .next = WD_##n, .guard = (g), .action = (a),             \
        .clause = c, .arms = {                                                                     \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static const struct fsm_row rows[] = {
    ROW(INITIAL, UP, OKAY, NULL, act_answered, "RFC 3539 3.4.1", WT_TW),
    ROW(INITIAL, LOST, INITIAL, NULL, NULL, "ours: it never was up"),
    ROW(INITIAL, STOPPED, INITIAL, NULL, NULL, "ours"),
    ROW(INITIAL, OTHER, INITIAL, NULL, NULL, "ours: while closing"),
    ROW(INITIAL, DWA, INITIAL, NULL, NULL, "ours: while closing"),

    ROW(OKAY, DWA, OKAY, NULL, act_answered, "RFC 3539 3.4.1", WT_TW),
    ROW(OKAY, OTHER, OKAY, NULL, NULL, "RFC 3539 3.4.1", WT_TW),
    ROW(OKAY, TIMER, SUSPECT, is_pending, act_suspect, "RFC 3539 3.4.1", WT_TW),
    ROW(OKAY, TIMER, OKAY, NULL, act_probe, "RFC 3539 3.4.1", WT_TW),
    ROW(OKAY, LOST, DOWN, NULL, act_down, "RFC 3539 3.4.1"),
    ROW(OKAY, STOPPED, INITIAL, NULL, NULL, "ours: announced"),

    ROW(SUSPECT, DWA, OKAY, NULL, act_failback, "RFC 3539 3.4.1", WT_TW),
    ROW(SUSPECT, OTHER, OKAY, NULL, act_failback, "RFC 3539 3.4.1", WT_TW),
    ROW(SUSPECT, TIMER, DOWN, NULL, act_close, "RFC 3539 3.4.1"),
    ROW(SUSPECT, LOST, DOWN, NULL, act_down, "RFC 3539 3.4.1"),
    ROW(SUSPECT, STOPPED, INITIAL, NULL, NULL, "ours: announced"),

    ROW(DOWN, UP, REOPEN, NULL, act_reopen, "RFC 3539 3.4.1", WT_TW),
    ROW(DOWN, LOST, DOWN, NULL, NULL, "ours: we closed it"),
    ROW(DOWN, STOPPED, INITIAL, NULL, NULL, "ours: announced"),

    ROW(REOPEN, DWA, REOPEN, more_at_once, act_count_and_probe, "RFC 3539 3.4.1; at once is ours",
        WT_TW),
    ROW(REOPEN, DWA, REOPEN, more_dwas, act_count, "RFC 3539 3.4.1"),
    ROW(REOPEN, DWA, OKAY, NULL, act_failback, "RFC 3539 3.4.1", WT_TW),
    ROW(REOPEN, OTHER, REOPEN, NULL, NULL, "RFC 3539 3.4.1; its requests are answered"),
    ROW(REOPEN, TIMER, DOWN, no_dwa_left, act_close, "RFC 3539 3.4.1"),
    ROW(REOPEN, TIMER, REOPEN, is_pending, act_last_chance, "RFC 3539 3.4.1", WT_TW),
    ROW(REOPEN, TIMER, REOPEN, NULL, act_probe, "RFC 3539 3.4.1", WT_TW),
    ROW(REOPEN, LOST, DOWN, NULL, act_down, "RFC 3539 3.4.1"),
    ROW(REOPEN, STOPPED, INITIAL, NULL, NULL, "ours: announced"),
};

static const char *const states[] = {"INITIAL", "OKAY", "SUSPECT", "DOWN", "REOPEN"};
static const char *const events[] = {"Connection up", "Receive DWA",     "Receive non-DWA",
                                     "Timer expires", "Connection down", "Stopped"};

static const struct fsm_timer timers[WD_TIMERS] = {[WT_TW] = {"Tw", WD_TIMER, 0}};
static const uint32_t runs[WD_STATES] = {
    [WD_OKAY] = 1u << WT_TW, [WD_SUSPECT] = 1u << WT_TW, [WD_REOPEN] = 1u << WT_TW};

const struct fsm dia_watchdog_fsm = {
    .name = "diameter-watchdog",
    .states = states,
    .events = events,
    .n_states = WD_STATES,
    .n_events = WD_EVENTS,
    .rows = rows,
    .n_rows = ARRAY_LEN(rows),
    .first = WD_INITIAL,
    .timers = timers,
    .runs = runs,
    .arm = arm,
    .stop = stop,
};

void dia_watchdog_event(struct dia_peer *p, unsigned event)
{
    (void)fsm_step(&dia_watchdog_fsm, &p->wd.state, event, p, NULL);
}
