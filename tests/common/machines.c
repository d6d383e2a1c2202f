// SPDX-License-Identifier: Apache-2.0
#include "tests/common/machines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static const struct fsm_row *next_row(const struct fsm *m, size_t *at, unsigned state,
                                      unsigned event)
{
    for (; *at < m->n_rows; ++*at)
        if (m->rows[*at].state == state && m->rows[*at].event == event)
            return &m->rows[(*at)++];
    return NULL;
}

static const char *expected(const struct machine_pair *pairs, size_t n, unsigned state,
                            unsigned event)
{
    for (size_t i = 0; i < n; i++)
        if (pairs[i].state == state && pairs[i].event == event)
            return pairs[i].next;
    return "";
}

static void leads_to(const struct fsm *m, unsigned state, unsigned event, char *text, size_t room)
{
    size_t at = 0;
    const struct fsm_row *last = NULL;
    text[0] = '\0';
    for (const struct fsm_row *r; (r = next_row(m, &at, state, event)); last = r) {
        size_t n = strlen(text);
        assert_true(r->clause && *r->clause);
        assert_true(!last || last->guard);
        (void)snprintf(text + n, room - n, "%s%s", n ? " " : "", m->states[r->next]);
    }
    assert_true(!last || !last->guard);
}

void machine_check_pairs(const struct fsm *m, const struct machine_pair *pairs, size_t n)
{
    for (uint8_t state = 0; state < m->n_states; state++)
        for (unsigned event = 0; event < m->n_events; event++) {
            char got[200];
            uint8_t now = state;
            const char *want = expected(pairs, n, state, event);
            assert_true(m->states[state] && m->events[event]);
            leads_to(m, state, event, got, sizeof got);
            if (strcmp(got, want) != 0)
                fail_msg("%s{%s} %s leads to \"%s\", not \"%s\"", m->name, m->states[state],
                         m->events[event], got, want);
            if (!*want)
                assert_int_equal(fsm_step(m, &now, event, NULL, NULL), ERR_STATE);
            assert_int_equal(now, state);
        }
}

static bool has_row(const struct fsm *m, unsigned state, unsigned event)
{
    size_t at = 0;
    return next_row(m, &at, state, event) != NULL;
}

void machine_check_timers(const struct fsm *m, unsigned n_timers)
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
                fail_msg("%s{%s} starts %s", m->name, m->states[m->rows[i].state],
                         m->timers[t].name);
            armed |= UINT32_C(1) << t;
        }
    assert_int_equal(armed, (UINT32_C(1) << n_timers) - 2);
}
