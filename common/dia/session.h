// SPDX-License-Identifier: Apache-2.0
// Sessions that are kept (RFC 6733 8, 9), on the side that asks and on the side that answers. Who gives a session with
// a request (head.session) has its Session-Id in it, and sends it to the host that the session is at: the one that
// answered its first request with success. That one finds the session again when the other side asks: Re-Auth-Request
// and Abort-Session-Request are refused for sessions that nobody keeps.
#pragma once

#include "dia/node.h"

// ERR_FULL (a million of one node), ERR_NOMEM, ERR_EXISTS for an id that is there. A session lives until it is freed,
// at the latest with its node; a request of it that is out does not need it.
int dia_session_new(struct dia_node *n, const struct dia_session_params *p, struct dia_session **ret_session);
