// SPDX-License-Identifier: Apache-2.0
// Refreshes of a session (RFC 4028 10), and its end when there were none.
#include "base/err.h"
#include "stack/session/actions.h"

// BUSY_MS: something else is under way.
enum { BUSY_MS = 5000 };

static void on_timer(void *arg)
{
    struct session *s = arg;
    uint64_t left = interval_left_ms(s);
    if (s->state != SS_UP)
        return;
    if (!left) {
        s->why = "the session has expired";
        session_step(s, SE_HANG_UP, NULL);
        return;
    }
    // RFC 4028 7.4: UPDATE needs no offer; a re-INVITE repeats what was described last.
    bool update = s->leg->peer_update && !s->p.no_update;
    int e =
        change_start(s, update ? SIP_UPDATE : SIP_INVITE, update ? STR_NONE : s->described, true);
    timer_start(s->layer->loop, &s->interval.timer, e && BUSY_MS < left ? BUSY_MS : left);
}

void refresh_init(struct session *s)
{
    interval_init(s, on_timer);
}
