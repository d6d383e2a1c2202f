// SPDX-License-Identifier: Apache-2.0
#include "stack/event/event_priv.h"

// RFC 6665 4.1.3: what a subscriber does when its subscription was ended so.
const struct event_reason_row event_reason_rows[EVENT_REASONS] = {
    [EVENT_NO_REASON] = {"", AGAIN_LATER, true},
    [EVENT_DEACTIVATED] = {"deactivated", AGAIN_NOW, false},
    [EVENT_PROBATION] = {"probation", AGAIN_LATER, true},
    [EVENT_REJECTED] = {"rejected", AGAIN_NEVER, false},
    [EVENT_TIMEOUT] = {"timeout", AGAIN_NOW, false},
    [EVENT_GIVEUP] = {"giveup", AGAIN_LATER, true},
    [EVENT_NORESOURCE] = {"noresource", AGAIN_NEVER, false},
    [EVENT_INVARIANT] = {"invariant", AGAIN_NEVER, false},
};

const char *event_reason_name(enum event_reason r)
{
    return event_reason_rows[r].name;
}

enum event_reason event_reason_from(struct str name)
{
    for (int i = EVENT_NO_REASON + 1; i < EVENT_REASONS; i++)
        if (str_ieq(name, str_from(event_reason_rows[i].name)))
            return (enum event_reason)i;
    return EVENT_NO_REASON;
}
