// SPDX-License-Identifier: Apache-2.0
#include "base/fsm.h"

#include "base/err.h"
#include "base/log.h"

void fsm_start(const struct fsm *m, uint8_t *state)
{
    *state = m->first;
}

static void set_timers(const struct fsm *m, const struct fsm_row *r, void *obj)
{
    for (size_t i = 0; i < FSM_ARMS && r->arms[i]; i++)
        m->arm(obj, r->arms[i]);
    if (r->next != r->state)
        m->stop(obj, m->runs[r->next]);
}

int fsm_step(const struct fsm *m, uint8_t *state, unsigned event, void *obj, void *arg)
{
    for (const struct fsm_row *r = m->rows, *end = r + m->n_rows; r < end; r++) {
        if (r->state != *state || r->event != event || (r->guard && !r->guard(obj, arg)))
            continue;
        if (log_enabled(LOG_TRACE))
            log_text(LOG_TRACE, "%s{%s} %s -> %s", m->name, m->states[*state], m->events[event],
                     m->states[r->next]);
        *state = r->next;
        if (m->timers)
            set_timers(m, r, obj);
        if (r->action)
            r->action(obj, arg);
        return 0;
    }
    if (log_enabled(LOG_DEBUG))
        log_text(LOG_DEBUG, "%s{%s} %s: no transition", m->name, m->states[*state],
                 event < m->n_events ? m->events[event] : "?");
    return ERR_STATE;
}
