// SPDX-License-Identifier: Apache-2.0
// Refreshes of a session (RFC 4028 10).
#include "base/err.h"
#include "stack/session/actions.h"

// RFC 4028 7.4: UPDATE needs no offer.
void refresh_due(struct session *s)
{
    bool update = s->leg && s->leg->peer_update && !s->p.no_update;
    if (s->life.state != SS_UP || change_refresh(s, update))
        interval_busy(s);
}
