// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fsm.h"
#include "base/log.h"
#include "base/mem.h"

enum { CLOSED, OPENING, OPEN, N_STATES };
enum { OPEN_IT, OPENED, CLOSE_IT, N_EVENTS };

struct door {
    uint8_t state;
    bool locked;
    int acted, state_in_action;
    void *arg;
};

static int unlocked(void *obj, void *arg)
{
    (void)arg;
    return !((struct door *)obj)->locked;
}

static void act(void *obj, void *arg)
{
    struct door *d = obj;
    d->acted++;
    d->state_in_action = d->state;
    d->arg = arg;
}

static void refuse(void *obj, void *arg)
{
    (void)arg;
    ((struct door *)obj)->acted += 100;
}

static const char *const states[] = {"Closed", "Opening", "Open"};
static const char *const events[] = {"open", "opened", "close"};
static const struct fsm_row rows[] = {
    {CLOSED, OPEN_IT, OPENING, unlocked, act, "first"},
    {CLOSED, OPEN_IT, CLOSED, NULL, refuse, "second, when the guard said no"},
    {OPENING, OPENED, OPEN, NULL, NULL, ""},
    {OPEN, CLOSE_IT, CLOSED, NULL, act, ""},
    {OPEN, CLOSE_IT, OPEN, NULL, refuse, "never reached"},
};
static const struct fsm door_fsm = {"door",   states, events,         N_STATES,
                                    N_EVENTS, rows,   ARRAY_LEN(rows)};

static void rows_in_order(void **state)
{
    (void)state;
    struct door d = {.locked = true};
    int arg;
    assert_int_equal(fsm_step(&door_fsm, &d.state, OPEN_IT, &d, NULL), 0);
    assert_int_equal(d.state, CLOSED);
    assert_int_equal(d.acted, 100);
    d = (struct door){0};
    assert_int_equal(fsm_step(&door_fsm, &d.state, OPEN_IT, &d, &arg), 0);
    assert_int_equal(d.acted, 1);
    assert_ptr_equal(d.arg, &arg);
    assert_int_equal(d.state_in_action, OPENING); // the state is set before the action
    assert_int_equal(fsm_step(&door_fsm, &d.state, OPENED, &d, NULL), 0);
    assert_int_equal(fsm_step(&door_fsm, &d.state, CLOSE_IT, &d, NULL), 0);
    assert_int_equal(d.state, CLOSED);
    assert_int_equal(d.acted, 2);
}

// ---- timers: a bell that rings twice and falls silent ----

enum { QUIET, RINGING, N_BELL_STATES };
enum { PUSH, AGAIN, ENOUGH, N_BELL_EVENTS };
enum { T_NONE, T_AGAIN, T_ENOUGH, N_TIMERS };

struct bell {
    uint8_t state;
    char told[64]; // "+1" timer 1 started, "-mask" stopped but these, "!" acted
};

static void bell_arm(void *obj, unsigned timer)
{
    struct bell *b = obj;
    size_t n = strlen(b->told);
    snprintf(b->told + n, sizeof b->told - n, "+%u", timer);
}

static void bell_stop(void *obj, uint32_t runs)
{
    struct bell *b = obj;
    size_t n = strlen(b->told);
    snprintf(b->told + n, sizeof b->told - n, "-%u", (unsigned)runs);
}

static void ring(void *obj, void *arg)
{
    (void)arg;
    strcat(((struct bell *)obj)->told, "!");
}

static const struct fsm_timer bell_timers[N_TIMERS] = {
    [T_AGAIN] = {"again", AGAIN, 0}, [T_ENOUGH] = {"enough", ENOUGH, 1}};
static const uint32_t bell_runs[N_BELL_STATES] = {[RINGING] = 1u << T_AGAIN | 1u << T_ENOUGH};
static const struct fsm_row bell_rows[] = {
    {QUIET, PUSH, RINGING, NULL, ring, "", {T_AGAIN, T_ENOUGH}},
    {RINGING, AGAIN, RINGING, NULL, ring, "", {T_AGAIN}},
    {RINGING, ENOUGH, QUIET, NULL, NULL, ""},
};
static const struct fsm bell = {"bell", states, events, N_BELL_STATES, N_BELL_EVENTS, bell_rows, ARRAY_LEN(bell_rows),
                                QUIET, bell_timers, bell_runs, bell_arm, bell_stop};

// A row starts its timers, and a new state stops those that it does not wait for; the action comes last.
static void rows_carry_timers(void **state)
{
    (void)state;
    struct bell b = {.state = 99};
    fsm_start(&bell, &b.state);
    assert_int_equal(b.state, QUIET);
    assert_int_equal(fsm_step(&bell, &b.state, PUSH, &b, NULL), 0);
    assert_int_equal(fsm_step(&bell, &b.state, AGAIN, &b, NULL), 0);
    assert_int_equal(fsm_step(&bell, &b.state, ENOUGH, &b, NULL), 0);
    assert_int_equal(fsm_step(&bell, &b.state, ENOUGH, &b, NULL), ERR_STATE);
    assert_string_equal(b.told, "+1+2-6!+1!-0");
}

static bool declared(unsigned state, unsigned event)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].state == state && rows[i].event == event)
            return true;
    return false;
}

static void undeclared_pairs(void **state)
{
    (void)state;
    for (uint8_t s = 0; s < N_STATES; s++) {
        for (unsigned e = 0; e < N_EVENTS + 2; e++) {
            struct door d = {.state = s};
            if (declared(s, e))
                continue;
            assert_int_equal(fsm_step(&door_fsm, &d.state, e, &d, NULL), ERR_STATE);
            assert_int_equal(d.state, s);
            assert_int_equal(d.acted, 0);
        }
    }
}

struct seen {
    char line[256];
};

static void keep(void *arg, enum log_level level, struct str line)
{
    struct seen *s = arg;
    (void)level;
    size_t n = line.n < sizeof s->line - 1 ? line.n : sizeof s->line - 1;
    memcpy(s->line, line.p, n);
    s->line[n] = 0;
}

static void transitions_are_logged(void **state)
{
    (void)state;
    struct seen seen = {""};
    struct door d = {0};
    log_set_sink(keep, &seen);
    log_set_level(LOG_TRACE);
    (void)fsm_step(&door_fsm, &d.state, OPEN_IT, &d, NULL);
    assert_non_null(strstr(seen.line, "door{Closed} open -> Opening"));
    (void)fsm_step(&door_fsm, &d.state, OPEN_IT, &d, NULL);
    assert_non_null(strstr(seen.line, "door{Opening} open: no transition"));
    (void)fsm_step(&door_fsm, &d.state, 77, &d, NULL);
    assert_non_null(strstr(seen.line, "door{Opening} ?: no transition"));
    log_set_level(LOG_INFO);
    log_set_sink(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_in_order),
        cmocka_unit_test(rows_carry_timers),
        cmocka_unit_test(undeclared_pairs),
        cmocka_unit_test(transitions_are_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
