// SPDX-License-Identifier: Apache-2.0
// The two state machines as tables: every row against RFC 6733 5.6 and RFC 3539 3.4.1 as written out
// here, every row walked with its action on a real peer object over simulated connections, and every
// pair that is not declared refused.
#include "fixture.h"

#include "base/log.h"
#include "dia/link/link_priv.h"
#include "dia/node_priv.h"
#include "dia/peer/peer_priv.h"
#include "io/sim.h"
#include "tests/common/machines.h"

struct expected {
    uint8_t state, event, next;
};

#define P(s, e, n) {PEER_##s, PEER_##e, PEER_##n}
static const struct expected peer_table[] = {
    P(CLOSED, START, WAIT_CONN_ACK), P(CLOSED, R_CONN_CER, R_OPEN),
    P(WAIT_CONN_ACK, I_CONN_ACK, WAIT_I_CEA), P(WAIT_CONN_ACK, I_CONN_NACK, CLOSED),
    P(WAIT_CONN_ACK, R_CONN_CER, WAIT_CONN_ACK_ELECT), P(WAIT_CONN_ACK, TIMEOUT, CLOSED),
    P(WAIT_I_CEA, I_CEA, I_OPEN), P(WAIT_I_CEA, R_CONN_CER, WAIT_RETURNS),
    P(WAIT_I_CEA, I_DISC, CLOSED), P(WAIT_I_CEA, I_NON_CEA, CLOSED), P(WAIT_I_CEA, TIMEOUT, CLOSED),
    P(WAIT_CONN_ACK_ELECT, I_CONN_ACK, WAIT_RETURNS), P(WAIT_CONN_ACK_ELECT, I_CONN_NACK, R_OPEN),
    P(WAIT_CONN_ACK_ELECT, R_DISC, WAIT_CONN_ACK),
    P(WAIT_CONN_ACK_ELECT, R_CONN_CER, WAIT_CONN_ACK_ELECT),
    P(WAIT_CONN_ACK_ELECT, TIMEOUT, CLOSED), P(WAIT_RETURNS, WIN_ELECTION, R_OPEN),
    P(WAIT_RETURNS, I_DISC, R_OPEN), P(WAIT_RETURNS, I_CEA, I_OPEN),
    P(WAIT_RETURNS, R_DISC, WAIT_I_CEA), P(WAIT_RETURNS, R_CONN_CER, WAIT_RETURNS),
    P(WAIT_RETURNS, TIMEOUT, CLOSED), P(R_OPEN, R_CONN_CER, R_OPEN), P(R_OPEN, STOP, CLOSING),
    P(R_OPEN, R_DPR, CLOSING), P(R_OPEN, R_DISC, CLOSED), P(I_OPEN, R_CONN_CER, I_OPEN),
    P(I_OPEN, STOP, CLOSING), P(I_OPEN, I_DPR, CLOSING), P(I_OPEN, I_DISC, CLOSED),
    P(CLOSING, I_DPA, CLOSED), P(CLOSING, R_DPA, CLOSED), P(CLOSING, TIMEOUT, CLOSED),
    P(CLOSING, I_DISC, CLOSED), P(CLOSING, R_DISC, CLOSED),
};

#define W(s, e, n) {WD_##s, WD_##e, WD_##n}
static const struct expected watchdog_table[] = {
    W(INITIAL, UP, OKAY), W(OKAY, DWA, OKAY), W(OKAY, OTHER, OKAY), W(OKAY, TIMER, OKAY),
    W(OKAY, TIMER, SUSPECT), W(OKAY, LOST, DOWN), W(SUSPECT, DWA, OKAY), W(SUSPECT, OTHER, OKAY),
    W(SUSPECT, TIMER, DOWN), W(SUSPECT, LOST, DOWN), W(DOWN, UP, REOPEN), W(REOPEN, DWA, REOPEN),
    W(REOPEN, DWA, OKAY), W(REOPEN, OTHER, REOPEN), W(REOPEN, TIMER, REOPEN), W(REOPEN, TIMER, DOWN),
    W(REOPEN, LOST, DOWN),
};

static bool has(const struct fsm *m, struct expected e)
{
    for (size_t i = 0; i < m->n_rows; i++)
        if (m->rows[i].state == e.state && m->rows[i].event == e.event && m->rows[i].next == e.next)
            return true;
    return false;
}

static bool in(const struct expected *t, size_t n, const struct fsm_row *r)
{
    for (size_t i = 0; i < n; i++)
        if (t[i].state == r->state && t[i].event == r->event && t[i].next == r->next)
            return true;
    return false;
}

// The RFC's rows are all there, and what is there beyond them says so.
static void check_table(const struct fsm *m, const struct expected *t, size_t n, const char *rfc)
{
    for (size_t i = 0; i < n; i++)
        if (!has(m, t[i]))
            fail_msg("%s{%s} %s is missing", m->name, m->states[t[i].state], m->events[t[i].event]);
    for (size_t i = 0; i < m->n_rows; i++) {
        const struct fsm_row *r = &m->rows[i];
        assert_non_null(r->clause);
        assert_true(r->state < m->n_states && r->next < m->n_states && r->event < m->n_events);
        if (!in(t, n, r) && strncmp(r->clause, "ours", 4) != 0 &&
            strcmp(r->clause, "RFC 6733 8.16") != 0)
            fail_msg("%s{%s} %s claims %s", m->name, m->states[r->state], m->events[r->event],
                     r->clause);
        if (in(t, n, r) && strncmp(r->clause, "ours", 4) != 0 && !r->guard)
            assert_int_equal(strncmp(r->clause, rfc, strlen(rfc)), 0);
    }
}

static void rows_are_the_standards(void **state)
{
    check_table(&dia_peer_fsm, peer_table, ARRAY_LEN(peer_table), "RFC 6733 5.6");
    check_table(&dia_watchdog_fsm, watchdog_table, ARRAY_LEN(watchdog_table), "RFC 3539 3.4.1");
}

static const struct fsm *const machines[] = {&dia_peer_fsm, &dia_watchdog_fsm};

static void undeclared_are_refused(void **state)
{
    struct dia_peer nobody = {0};
    size_t refused = 0;
    for (size_t k = 0; k < ARRAY_LEN(machines); k++)
        refused += machine_refuses(machines[k], &nobody);
    assert_true(refused > 60);
}

static void guarded_rows_have_a_default(void **state)
{
    for (size_t k = 0; k < ARRAY_LEN(machines); k++)
        machine_has_defaults(machines[k]);
}

static void timers_run_where_their_end_is_awaited(void **state)
{
    machine_check_timers(&dia_peer_fsm, PEER_TIMERS);
    machine_check_timers(&dia_watchdog_fsm, WD_TIMERS);
}

// Every way into Closed starts the wait for the next attempt, every way into Closing that for its end.
static void no_wait_without_an_end(void **state)
{
    for (size_t i = 0; i < dia_peer_fsm.n_rows; i++) {
        const struct fsm_row *r = &dia_peer_fsm.rows[i];
        bool enters = r->state != r->next && (r->next == PEER_CLOSED || r->next == PEER_CLOSING);
        if (enters && !r->arms[0])
            fail_msg("%s %s starts no timer", dia_peer_fsm.states[r->state], dia_peer_fsm.events[r->event]);
    }
}

// ---- walking the rows ----

struct stage {
    struct sim *sim;
    struct loop *loop, *other;
    struct dia_node *node;
    struct dia_peer *peer;
    struct addr at, far;
    struct tcp *in[2]; // far ends of accepted connections
    size_t n_in;
};

static void quiet(void *arg, enum log_level level, struct str line)
{
}

static void nothing(void *arg)
{
}

static void no_data(void *arg, struct str bytes)
{
}

static void no_closed(void *arg, int err)
{
}

static const struct tcp_ops far_ops = {nothing, no_data, nothing, no_closed};

static void far_accept(void *arg, struct tcp *c)
{
    tcp_set_owner(c, &far_ops, arg);
}

static void run(struct stage *s, uint64_t ms)
{
    sim_run(s->sim, sim_now_ms(s->sim) + ms);
}

// The name of the peer is greater than ours: elections are lost, so a row ends where it says.
static void stage_open(struct stage *s)
{
    memset(s, 0, sizeof *s);
    struct tcp_listener *l;
    assert_int_equal(sim_new(1, &s->sim), 0);
    assert_int_equal(sim_node(s->sim, "near", &s->loop), 0);
    assert_int_equal(sim_node(s->sim, "far", &s->other), 0);
    addr_parse(STR("10.0.0.1"), 3868, &s->at);
    addr_parse(STR("10.0.0.2"), 3868, &s->far);
    struct dia_params p = {.loop = s->loop, .origin_host = STR("near.test"),
                           .origin_realm = STR("test"), .applications = cx_apps,
                           .n_applications = 1};
    assert_int_equal(dia_node_new(&p, &s->node), 0);
    assert_int_equal(dia_node_listen(s->node, DIA_TCP, &s->at), 0);
    assert_int_equal(tcp_listen(s->other, &s->far, false, far_accept, s, &l), 0);
    struct dia_peer_params q = {.host = STR("zfar.test"), .remote = s->far};
    assert_int_equal(dia_peer_add(s->node, &q), 0);
    s->peer = dia_peer_find(s->node->peers, STR("zfar.test"));
    timer_stop(&s->peer->timer);
}

static void stage_close(struct stage *s)
{
    dia_node_free(s->node);
    sim_free(s->sim);
}

static void give_i(struct stage *s)
{
    struct dia_peer *p = s->peer;
    assert_int_equal(dia_conn_open(s->node->link, &p->local, &p->remote, &p->i), 0);
    dia_caller(p->i)->peer = p;
    dia_conn_admit(p->i, &p->counts);
    run(s, 50);
    dia_caller(p->i)->apps = (struct dia_apps){.relay = true};
}

// An accepted connection whose CER named the peer.
static struct dia_conn *accepted(struct stage *s, uint32_t state_id)
{
    struct tcp *t;
    assert_int_equal(tcp_connect(s->other, NULL, &s->at, &far_ops, s, &t), 0);
    uint64_t id = s->node->link->next_conn;
    run(s, 50);
    struct dia_conn *c = dia_conn_find(s->node->link, id + 1);
    assert_non_null(c);
    dia_conn_admit(c, &s->peer->counts);
    dia_caller(c)->peer = s->peer;
    dia_caller(c)->apps = (struct dia_apps){.relay = true};
    dia_caller(c)->state_id = state_id;
    return c;
}

static void set_peer(struct stage *s, uint8_t state)
{
    bool i = state == PEER_WAIT_I_CEA || state == PEER_WAIT_CONN_ACK || state == PEER_I_OPEN ||
             state == PEER_WAIT_CONN_ACK_ELECT || state == PEER_WAIT_RETURNS;
    bool r = state == PEER_WAIT_CONN_ACK_ELECT || state == PEER_WAIT_RETURNS ||
             state == PEER_R_OPEN || state == PEER_CLOSING;
    if (i)
        give_i(s);
    if (r)
        s->peer->r = accepted(s, 0);
    s->peer->state = state;
    if (state == PEER_R_OPEN || state == PEER_I_OPEN)
        s->peer->wd.state = WD_OKAY;
}

static void wait_now(struct stage *s)
{
    s->peer->runs = PT_AGAIN;
    s->peer->due_ms = dia_peers_ms(s->node->peers);
    timer_start(s->loop, &s->peer->timer, 0);
}

static void walk_peer(void **state)
{
    for (size_t k = 0; k < dia_peer_fsm.n_rows; k++) {
        const struct fsm_row *row = &dia_peer_fsm.rows[k];
        struct stage s;
        stage_open(&s);
        set_peer(&s, row->state);
        struct dia_conn *arg = NULL;
        if (row->event == PEER_R_CONN_CER)
            arg = accepted(&s, row->guard ? 20 : 5);
        if (row->guard)
            s.peer->state_id = 10;
        if (row->event == PEER_SECOND)
            s.peer->second = accepted(&s, 20);
        // The guarded row stands before it, and is for what is not coming as soon.
        bool coming = row->event == PEER_WANTED && !row->guard;
        if (coming)
            wait_now(&s);
        uint64_t due = s.peer->due_ms;
        dia_peer_event(s.peer, row->event, arg);
        if (coming) {
            assert_int_equal(s.peer->runs, PT_AGAIN);
            assert_int_equal(s.peer->due_ms, due);
        }
        if (s.peer->state != row->next)
            fail_msg("%s %s ended in %s", dia_peer_fsm.states[row->state],
                     dia_peer_fsm.events[row->event], dia_peer_fsm.states[s.peer->state]);
        for (size_t a = 0; a < FSM_ARMS && row->arms[a]; a++)
            assert_true(row->arms[a] == PT_SECOND ? timer_active(&s.peer->second_timer)
                                                  : s.peer->runs == row->arms[a]);
        bool open = row->next == PEER_R_OPEN || row->next == PEER_I_OPEN;
        assert_int_equal(dia_peer_conn(s.peer) != NULL, open);
        if (row->next == PEER_CLOSED) {
            assert_null(s.peer->i);
            assert_null(s.peer->r);
            assert_true(timer_active(&s.peer->timer)); // it will try again
        }
        if (open) { // and there is just one connection
            assert_true(!s.peer->i || !s.peer->r);
            assert_false(timer_active(&s.peer->timer));
        }
        stage_close(&s);
    }
}

static void won_election(void **state)
{
    struct stage s;
    stage_open(&s);
    mem_free((char *)s.node->link->self.host.p);
    s.node->link->self.host = str_dup(STR("zzz.test"));
    set_peer(&s, PEER_WAIT_I_CEA);
    struct dia_conn *c = accepted(&s, 0);
    dia_peer_event(s.peer, PEER_R_CONN_CER, c);
    assert_int_equal(s.peer->state, PEER_R_OPEN);
    assert_null(s.peer->i);
    assert_ptr_equal(s.peer->r, c);
    stage_close(&s);
}

static void walk_watchdog(void **state)
{
    for (size_t k = 0; k < dia_watchdog_fsm.n_rows; k++) {
        const struct fsm_row *row = &dia_watchdog_fsm.rows[k];
        struct stage s;
        stage_open(&s);
        set_peer(&s, PEER_R_OPEN);
        struct dia_watchdog *wd = &s.peer->wd;
        wd->state = row->state;
        bool last = row->state == WD_REOPEN && row->event == WD_TIMER && row->next == WD_DOWN;
        bool enough = row->state == WD_REOPEN && row->event == WD_DWA && row->next == WD_OKAY;
        bool alive = row->state == WD_SUSPECT && row->event == WD_OTHER;
        wd->pending = row->guard != NULL || row->event == WD_DWA || alive;
        wd->quick = row->state == WD_REOPEN && row->event == WD_DWA && row->next == WD_REOPEN && row->arms[0];
        wd->n_dwa = last ? -1 : enough ? 2 : 0;
        fsm_step(&dia_watchdog_fsm, &wd->state, row->event, s.peer, NULL);
        if (wd->state != row->next)
            fail_msg("%s %s ended in %s", dia_watchdog_fsm.states[row->state],
                     dia_watchdog_fsm.events[row->event], dia_watchdog_fsm.states[wd->state]);
        if (alive || (row->event == WD_DWA && row->state != WD_INITIAL))
            assert_int_equal(wd->pending, wd->quick); // the next one is asked for at once
        if (row->arms[0])
            assert_true(timer_active(&wd->timer));
        if (row->next == WD_INITIAL || row->next == WD_DOWN)
            assert_false(timer_active(&wd->timer));
        if (row->next == WD_DOWN && row->event == WD_TIMER)
            assert_int_equal(s.peer->state, PEER_CLOSED);
        stage_close(&s);
    }
}

// ---- for people ----

static void keep_line(void *arg, const struct dia_peer_line *line)
{
    *(struct dia_peer_line *)arg = *line;
}

static struct dia_peer_line line_of(const struct stage *s)
{
    struct dia_peer_line line;
    size_t all;
    assert_int_equal(dia_node_peers(s->node, 0, keep_line, &line, &all), 0);
    assert_int_equal(all, 1);
    assert_int_equal(dia_node_peers(s->node, 9, keep_line, &line, &all), 1);
    assert_str(line.host, STR("zfar.test"));
    return line;
}

static void listed(void **state)
{
    struct stage s;
    stage_open(&s);
    dia_peer_event(s.peer, PEER_START, NULL);
    struct dia_peer_line line = line_of(&s);
    assert_string_equal(line.state, "Wait-Conn-Ack");
    assert_string_equal(line.timer, "connect");
    assert_int_equal(line.timer_ms, DIA_CEX_MS);
    assert_string_equal(line.watchdog, "INITIAL");
    assert_null(line.watchdog_timer);
    assert_true(addr_eq(&line.at, &s.far));

    run(&s, 100);
    dia_caller(s.peer->i)->apps = (struct dia_apps){.relay = true};
    dia_peer_event(s.peer, PEER_I_CEA, s.peer->i);
    run(&s, 2000);
    line = line_of(&s);
    assert_string_equal(line.state, "I-Open");
    assert_string_equal(line.watchdog, "OKAY");
    assert_string_equal(line.watchdog_timer, "Tw");
    assert_in_range(line.watchdog_ms, 26000, 30000);
    assert_null(line.timer);
    assert_true(line.usable);
    assert_in_range(line.open_ms, 1900, 2100);

    s.peer->state_id = 10;
    dia_peer_event(s.peer, PEER_R_CONN_CER, accepted(&s, 20));
    assert_string_equal(line_of(&s).timer, "second");

    dia_peer_event(s.peer, PEER_I_DISC, s.peer->i); // the second one is taken
    line = line_of(&s);
    assert_string_equal(line.state, "R-Open");
    assert_string_equal(line.watchdog, "REOPEN");
    assert_false(line.usable);
    assert_null(line.timer);

    dia_peer_event(s.peer, PEER_R_DISC, s.peer->r);
    line = line_of(&s);
    assert_string_equal(line.state, "Closed");
    assert_string_equal(line.watchdog, "DOWN");
    assert_string_equal(line.timer, "Tc");
    assert_null(line.watchdog_timer);
    assert_int_equal(line.open_ms, 0);
    dia_peer_wake(s.peer);
    assert_true(line_of(&s).timer_ms <= line.timer_ms);
    stage_close(&s);
}

static int setup(void **state)
{
    log_set_sink(quiet, NULL);
    return 0;
}

static int teardown(void **state)
{
    log_set_sink(NULL, NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_the_standards), cmocka_unit_test(undeclared_are_refused),
        cmocka_unit_test(guarded_rows_have_a_default), cmocka_unit_test(timers_run_where_their_end_is_awaited),
        cmocka_unit_test(no_wait_without_an_end), cmocka_unit_test(walk_peer), cmocka_unit_test(won_election),
        cmocka_unit_test(walk_watchdog), cmocka_unit_test(listed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
