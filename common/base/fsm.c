// SPDX-License-Identifier: Apache-2.0
#include "base/fsm.h"

#include "base/err.h"
#include "base/log.h"

int fsm_step(const struct fsm *m, uint8_t *state, unsigned event, void *obj, void *arg)
{
    for (size_t i = 0; i < m->n_rows; i++) {
        const struct fsm_row *r = &m->rows[i];
        if (r->state != *state || r->event != event || (r->guard && !r->guard(obj, arg)))
            continue;
        if (log_enabled(LOG_TRACE))
            log_text(LOG_TRACE, "%s{%s} %s -> %s", m->name, m->states[*state], m->events[event],
                     m->states[r->next]);
        *state = r->next;
        if (r->action)
            r->action(obj, arg);
        return 0;
    }
    if (log_enabled(LOG_DEBUG))
        log_text(LOG_DEBUG, "%s{%s} %s: no transition", m->name, m->states[*state],
                 event < m->n_events ? m->events[event] : "?");
    return ERR_STATE;
}
