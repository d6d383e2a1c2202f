// SPDX-License-Identifier: Apache-2.0
// Sessions that are kept (RFC 6733 8, 9), on the side that asks and on the side that answers. Who gives a session with a
// request (head.session) has its Session-Id in it, and sends it to the host that the session is at: the one that
// answered its first request with success. That one finds the session again when the other side
// asks: Re-Auth-Request and Abort-Session-Request are refused for sessions that nobody keeps.
#pragma once

#include "dia/node.h"

struct dia_session;
struct dia_request;

enum { DIA_SESSIONS_MAX = 1000000 }; // of one node

struct dia_session_params {
    const struct dia_interface *iface;
    struct str id;          // who answers: the Session-Id of the first request; empty: a new one
    struct str host, realm; // where the session is; empty: not known yet, the node's own
    void *arg;              // what dia_request_session gives
};

// ERR_FULL, ERR_NOMEM, ERR_EXISTS for an id that is there. A session lives until it is freed, at the latest with its
// node; a request of it that is out does not need it.
int dia_session_new(struct dia_node *n, const struct dia_session_params *p, struct dia_session **ret_session);
void dia_session_free(struct dia_session *s); // takes NULL
struct str dia_session_text(const struct dia_session *s); // its Session-Id
struct str dia_session_at(const struct dia_session *s);   // the host that it is at; empty: not known yet
// The next Accounting-Record-Number, from 0 (RFC 6733 9.8.3).
uint32_t dia_session_record(struct dia_session *s);
// The arg of the session that a received request is about, or NULL.
void *dia_request_session(const struct dia_request *q);
