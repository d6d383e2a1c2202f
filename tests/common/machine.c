// SPDX-License-Identifier: Apache-2.0
#include "tests/common/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static bool has_row(const struct fsm *m, unsigned state, unsigned event)
{
    for (size_t i = 0; i < m->n_rows; i++)
        if (m->rows[i].state == state && m->rows[i].event == event)
            return true;
    return false;
}

static const char *expected(const struct machine_row *rows, size_t n, unsigned state, unsigned event)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].state == state && rows[i].event == event)
            return rows[i].next;
    return "";
}

// The states that the rows of one pair lead to, as one text. Each row is taken by itself, without its guard and action,
// through fsm_step.
static void leads_to(const struct fsm *m, uint8_t state, unsigned event, char *buf, size_t n)
{
    buf[0] = '\0';
    for (size_t i = 0; i < m->n_rows; i++) {
        struct fsm_row row = m->rows[i];
        struct fsm one = *m;
        uint8_t s = state;
        row.guard = NULL;
        row.action = NULL;
        one.rows = &row;
        one.n_rows = 1;
        one.timers = NULL;
        if (fsm_step(&one, &s, event, NULL, NULL))
            continue;
        size_t at = strlen(buf);
        (void)snprintf(buf + at, n - at, "%s%s", at ? " " : "", m->states[s]);
    }
}

void machine_walk(const struct fsm *m, const struct machine_row *rows, size_t n)
{
    for (size_t i = 0; i < m->n_rows; i++)
        assert_non_null(m->rows[i].clause);
    for (unsigned s = 0; s < m->n_states; s++) {
        assert_non_null(m->states[s]);
        for (unsigned e = 0; e < m->n_events; e++) {
            char got[200];
            const char *want = expected(rows, n, s, e);
            assert_non_null(m->events[e]);
            leads_to(m, (uint8_t)s, e, got, sizeof got);
            if (strcmp(got, want) != 0)
                fail_msg("%s{%s} %s leads to '%s', not '%s'", m->name, m->states[s], m->events[e], got, want);
        }
    }
}

size_t machine_refuses(const struct fsm *m, void *obj)
{
    size_t refused = 0;
    for (unsigned s = 0; s < m->n_states; s++) {
        for (unsigned e = 0; e < m->n_events; e++) {
            uint8_t now = (uint8_t)s;
            if (has_row(m, s, e))
                continue;
            assert_int_equal(fsm_step(m, &now, e, obj, NULL), ERR_STATE);
            assert_int_equal(now, s);
            refused++;
        }
    }
    return refused;
}

void machine_has_defaults(const struct fsm *m)
{
    for (size_t i = 0; i < m->n_rows; i++) {
        bool open = m->rows[i].guard != NULL;
        for (size_t j = i + 1; j < m->n_rows; j++)
            if (m->rows[j].state == m->rows[i].state && m->rows[j].event == m->rows[i].event)
                open = open && m->rows[j].guard != NULL;
        assert_false(open);
    }
}

uint32_t machine_timers(const struct fsm *m, unsigned n_timers)
{
    uint32_t armed = 0;
    for (unsigned s = 0; s < m->n_states; s++)
        for (unsigned t = 1; t < n_timers; t++)
            if ((m->runs[s] >> t & 1) != has_row(m, s, m->timers[t].event))
                fail_msg("%s{%s}: %s", m->name, m->states[s], m->timers[t].name);
    for (size_t i = 0; i < m->n_rows; i++)
        for (size_t a = 0; a < FSM_ARMS && m->rows[i].arms[a]; a++) {
            unsigned t = m->rows[i].arms[a];
            if (!(m->runs[m->rows[i].next] >> t & 1))
                fail_msg("%s{%s} starts %s", m->name, m->states[m->rows[i].state], m->timers[t].name);
            armed |= UINT32_C(1) << t;
        }
    return armed;
}
