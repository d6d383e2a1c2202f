// SPDX-License-Identifier: Apache-2.0
// Every pair of state and event of the three event machines, against RFC 6665 4.1.2 and 4.2.1 as
// written down here a second time: where a row leads, and that nothing else is declared.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "stack/event/actions.h"

struct expected {
    uint8_t state, event;
    const char *next; // names of the states it may lead to, in the order of the rows
};

static const struct expected notifier[] = {
    {NOTIFIER_INIT, NE_ALLOWED, "Terminated Active"},
    {NOTIFIER_INIT, NE_PENDING, "Terminated Pending"},
    {NOTIFIER_INIT, NE_WAIT, "Waiting"},
    {NOTIFIER_INIT, NE_REFUSED, "Terminated"},
    {NOTIFIER_INIT, NE_TAKEN_UP, "Active Pending"},
    {NOTIFIER_WAITING, NE_ALLOWED, "Terminated Active"},
    {NOTIFIER_WAITING, NE_PENDING, "Terminated Pending"},
    {NOTIFIER_WAITING, NE_LATE, "Terminated Pending"},
    {NOTIFIER_WAITING, NE_REFUSED, "Terminated"},
    {NOTIFIER_WAITING, NE_CHANGED, "Waiting"},
    {NOTIFIER_WAITING, NE_END, "Terminated"},
    {NOTIFIER_PENDING, NE_ALLOWED, "Active"},
    {NOTIFIER_PENDING, NE_PENDING, "Pending"},
    {NOTIFIER_PENDING, NE_REFUSED, "Ending Terminated"},
    {NOTIFIER_PENDING, NE_CHANGED, "Pending"},
    {NOTIFIER_PENDING, NE_REFRESH, "Pending"},
    {NOTIFIER_PENDING, NE_UNSUBSCRIBE, "Ending Terminated"},
    {NOTIFIER_PENDING, NE_EXPIRED, "Ending Terminated"},
    {NOTIFIER_PENDING, NE_END, "Ending Terminated"},
    {NOTIFIER_PENDING, NE_REPLACED, "Terminated"},
    {NOTIFIER_PENDING, NE_RENEWED, "Terminated"},
    {NOTIFIER_PENDING, NE_LOST, "Terminated"},
    {NOTIFIER_ACTIVE, NE_ALLOWED, "Active"},
    {NOTIFIER_ACTIVE, NE_REFUSED, "Ending Terminated"},
    {NOTIFIER_ACTIVE, NE_CHANGED, "Active"},
    {NOTIFIER_ACTIVE, NE_REFRESH, "Active"},
    {NOTIFIER_ACTIVE, NE_UNSUBSCRIBE, "Ending Terminated"},
    {NOTIFIER_ACTIVE, NE_EXPIRED, "Ending Terminated"},
    {NOTIFIER_ACTIVE, NE_END, "Ending Terminated"},
    {NOTIFIER_ACTIVE, NE_REPLACED, "Terminated"},
    {NOTIFIER_ACTIVE, NE_RENEWED, "Terminated"},
    {NOTIFIER_ACTIVE, NE_LOST, "Terminated"},
    {NOTIFIER_ENDING, NE_CHANGED, "Ending"},
    {NOTIFIER_ENDING, NE_SENT_ALL, "Terminated"},
    {NOTIFIER_ENDING, NE_REPLACED, "Terminated"},
    {NOTIFIER_ENDING, NE_RENEWED, "Terminated"},
    {NOTIFIER_ENDING, NE_LOST, "Terminated"},
};

static const struct expected delivery[] = {
    {DELIVERY_IDLE, DE_TELL, "Sent"},        {DELIVERY_IDLE, DE_CHANGED, "Held Sent"},
    {DELIVERY_HELD, DE_TELL, "Sent"},        {DELIVERY_HELD, DE_CHANGED, "Held"},
    {DELIVERY_HELD, DE_DUE, "Sent"},         {DELIVERY_SENT, DE_TELL, "Stale"},
    {DELIVERY_SENT, DE_CHANGED, "Stale"},    {DELIVERY_SENT, DE_OK, "Idle"},
    {DELIVERY_SENT, DE_ERROR, "Idle"},       {DELIVERY_SENT, DE_AGAIN, "Held"},
    {DELIVERY_SENT, DE_UNSENT, "Held"},      {DELIVERY_STALE, DE_TELL, "Stale"},
    {DELIVERY_STALE, DE_CHANGED, "Stale"},   {DELIVERY_STALE, DE_OK, "Held Sent"},
    {DELIVERY_STALE, DE_ERROR, "Held Sent"}, {DELIVERY_STALE, DE_AGAIN, "Held"},
    {DELIVERY_STALE, DE_UNSENT, "Held"},
};

#define LASTING(state, name)                                                                       \
    {state, SE_OK, name}, {state, SE_EXPIRY, name}, {state, SE_CHANGED_ASK, name},                 \
        {state, SE_REFUSED, name}, {state, SE_FAILED, name}, {state, SE_GONE, "Retry Terminated"}, \
        {state, SE_NOTIFY_PENDING, "Pending"}, {state, SE_NOTIFY_ACTIVE, "Active"},                \
        {state, SE_NOTIFY_LAST, "Retry Terminated"}, {state, SE_TIMER_N, name},                    \
        {state, SE_REFRESH, name}, {state, SE_EXPIRED, "Retry Terminated"},                        \
    {                                                                                              \
        state, SE_STOP, "Ending"                                                                   \
    }

static const struct expected subscriber[] = {
    {SUBSCRIBER_INIT, SE_START, "Notify-wait"},
    {SUBSCRIBER_INIT, SE_TAKEN_UP, "Pending Active"},
    {SUBSCRIBER_INIT, SE_FORKED, "Notify-wait"},
    {SUBSCRIBER_WAITING, SE_OK, "Notify-wait"},
    {SUBSCRIBER_WAITING, SE_EXPIRY, "Notify-wait"},
    {SUBSCRIBER_WAITING, SE_CHANGED_ASK, "Notify-wait"},
    {SUBSCRIBER_WAITING, SE_REFUSED, "Terminated"},
    {SUBSCRIBER_WAITING, SE_FAILED, "Retry Terminated"},
    {SUBSCRIBER_WAITING, SE_TIMER_N, "Retry Terminated"},
    {SUBSCRIBER_WAITING, SE_NOTIFY_PENDING, "Terminated Pending"},
    {SUBSCRIBER_WAITING, SE_NOTIFY_ACTIVE, "Terminated Active"},
    {SUBSCRIBER_WAITING, SE_NOTIFY_LAST, "Retry Terminated"},
    {SUBSCRIBER_WAITING, SE_STOP, "Ending"},
    LASTING(SUBSCRIBER_PENDING, "Pending"),
    LASTING(SUBSCRIBER_ACTIVE, "Active"),
    {SUBSCRIBER_RETRY, SE_RETRY, "Notify-wait"},
    {SUBSCRIBER_RETRY, SE_STOP, "Ending"},
    {SUBSCRIBER_ENDING, SE_OK, "Ending"},
    {SUBSCRIBER_ENDING, SE_EXPIRY, "Ending"},
    {SUBSCRIBER_ENDING, SE_UNSENT, "Ending"},
    {SUBSCRIBER_ENDING, SE_CHANGED_ASK, "Ending"},
    {SUBSCRIBER_ENDING, SE_NOTIFY_PENDING, "Ending Ending"},
    {SUBSCRIBER_ENDING, SE_NOTIFY_ACTIVE, "Ending Ending"},
    {SUBSCRIBER_ENDING, SE_NOTIFY_LAST, "Terminated"},
    {SUBSCRIBER_ENDING, SE_TIMER_N, "Terminated"},
    {SUBSCRIBER_ENDING, SE_REFUSED, "Terminated"},
    {SUBSCRIBER_ENDING, SE_FAILED, "Terminated"},
    {SUBSCRIBER_ENDING, SE_GONE, "Terminated"},
};

static const char *expected_next(const struct expected *e, size_t n, uint8_t state, uint8_t event)
{
    for (size_t i = 0; i < n; i++)
        if (e[i].state == state && e[i].event == event)
            return e[i].next;
    return "";
}

// What the rows of a pair lead to; the last of them has no guard, so that the pair is never
// refused.
static void declared_next(const struct fsm *m, uint8_t state, uint8_t event, char *text,
                          size_t room)
{
    const struct fsm_row *last = NULL;
    text[0] = 0;
    for (size_t i = 0; i < m->n_rows; i++) {
        const struct fsm_row *r = &m->rows[i];
        if (r->state != state || r->event != event)
            continue;
        assert_true(r->clause && strncmp(r->clause, "RFC ", 4) == 0);
        assert_true(!last || last->guard);
        size_t n = strlen(text);
        (void)snprintf(text + n, room - n, "%s%s", n ? " " : "", m->states[r->next]);
        last = r;
    }
    assert_true(!last || !last->guard);
}

static void walk(const struct fsm *m, const struct expected *e, size_t n)
{
    for (uint8_t state = 0; state < m->n_states; state++)
        for (uint8_t event = 0; event < m->n_events; event++) {
            char next[128];
            assert_non_null(m->states[state]);
            assert_non_null(m->events[event]);
            declared_next(m, state, event, next, sizeof next);
            const char *want = expected_next(e, n, state, event);
            if (strcmp(next, want) != 0)
                fail_msg("%s{%s} %s: \"%s\", not \"%s\"", m->name, m->states[state],
                         m->events[event], next, want);
            uint8_t now = state;
            if (!*want)
                assert_int_equal(fsm_step(m, &now, event, NULL, NULL), ERR_STATE);
            assert_int_equal(now, state);
        }
}

// A timer is started only where it may run, may run only where its end has a row, and each that may
// run somewhere is started by some row.
static void timers_of(const struct fsm *m, unsigned n_timers)
{
    uint32_t started = 0, may_run = 0;
    for (size_t i = 0; i < m->n_rows; i++)
        for (size_t k = 0; k < FSM_ARMS && m->rows[i].arms[k]; k++) {
            uint32_t bit = UINT32_C(1) << m->rows[i].arms[k];
            assert_true(m->runs[m->rows[i].next] & bit);
            started |= bit;
        }
    for (uint8_t state = 0; state < m->n_states; state++)
        for (unsigned t = 1; t < n_timers; t++) {
            char next[128];
            if (!(m->runs[state] & UINT32_C(1) << t))
                continue;
            assert_non_null(m->timers[t].name);
            assert_true(m->timers[t].lasts < ET_COUNT);
            declared_next(m, state, m->timers[t].event, next, sizeof next);
            assert_true(next[0]);
            may_run |= UINT32_C(1) << t;
        }
    assert_int_equal(started & ~may_run, 0);
    assert_int_equal(may_run, (UINT32_C(1) << n_timers) - 2);
}

static void timer_rows(void **state)
{
    timers_of(&event_notifier_fsm, NOTIFIER_TIMERS);
    timers_of(&event_delivery_fsm, DELIVERY_TIMERS);
    timers_of(&event_subscriber_fsm, SUBSCRIBER_TIMERS);
}

// Timer N is 64 T1 of the listener's column.
static void timer_values(void **state)
{
    struct event_timers core = event_timers_make(&sip_timers_core);
    assert_int_equal(core.timer_n, 32000);
    assert_int_equal(event_timers_make(&sip_timers_ue).timer_n, 128000);
    assert_int_equal(event_timer_ms(&core, ET_verdict), core.verdict);
    assert_int_equal(event_timer_ms(&core, ET_drift), core.drift);
}

static void notifier_rows(void **state)
{
    walk(&event_notifier_fsm, notifier, ARRAY_LEN(notifier));
}

static void delivery_rows(void **state)
{
    walk(&event_delivery_fsm, delivery, ARRAY_LEN(delivery));
}

static void subscriber_rows(void **state)
{
    walk(&event_subscriber_fsm, subscriber, ARRAY_LEN(subscriber));
}

static void reason_names(void **state)
{
    for (int r = EVENT_NO_REASON + 1; r < EVENT_REASONS; r++)
        assert_int_equal(event_reason_from(str_from(event_reason_name((enum event_reason)r))), r);
    assert_int_equal(event_reason_from(STR("")), EVENT_NO_REASON);
    assert_int_equal(event_reason_from(STR("GiveUp")), EVENT_GIVEUP);
}

// RFC 6446 8.2
static void rates(void **state)
{
    static const struct {
        const char *rate;
        uint32_t ms; // with a package that has 1000
        bool rated;
    } rows[] = {
        {"1", 1000, true},
        {"0.5", 2000, true},
        {"0.333", 3004, true},
        {"50", 1000, true},
        {"0", 1000, false},
        {"0.0", 1000, false},
        {"", 1000, false},
        {".5", 1000, false},
        {"1.", 1000, false},
        {"1x", 1000, false},
        {"-1", 1000, false},
        {"0.0000000001", 1000, false},
        {"0.000001", 86400000, true},
        {"123", 1000, false},
    };
    struct event_package p = {.interval_ms = 1000};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool rated;
        struct sip_param param = {.name = STR("max-rate"), .value = str_from(rows[i].rate)};
        struct sip_token event = {.token = STR("x"), .params = &param};
        uint32_t ms = event_interval(&p, &event, &rated);
        if (ms != rows[i].ms || rated != rows[i].rated)
            fail_msg("max-rate=%s: %u ms", rows[i].rate, ms);
    }
}

// Half a million of them fit into a gigabyte, with what their dialogs take.
static void sizes(void **state)
{
    assert_true(sizeof(struct notifier) <= 256);
    assert_true(sizeof(struct subscriber) <= 320);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notifier_rows),   cmocka_unit_test(delivery_rows),
        cmocka_unit_test(subscriber_rows), cmocka_unit_test(reason_names),
        cmocka_unit_test(rates),           cmocka_unit_test(sizes),
        cmocka_unit_test(timer_rows),      cmocka_unit_test(timer_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
