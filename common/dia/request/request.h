// SPDX-License-Identifier: Apache-2.0
// Requests and their answers, the highest layer below the applications. A request's journey out: dia_requests_send
// (client.c) encodes it, route.c picks a peer, by what it says and how it answers (health.c), and the request waits in
// the peer's room for its answer, which client.c finds by its Hop-by-Hop Identifier; what a lost or silent peer leaves
// goes to another. In: server.c checks application, command, realm, host, session, duplicate (dup.c) and grammar and
// calls the handler; the answer goes back by connection id. Sessions that are kept are session.c's. The layer is the
// user of dia/peer.
#pragma once

#include "dia/peer/peer.h"

struct dia_request; // a received request that waits for its answer
struct dia_request_layer;
struct dia_session;

typedef void (*dia_fn)(void); // a callback of the interface's own type, cast back by deliver

struct dia_done {
    dia_fn cb;
    void *nf;
    uint64_t arg;
    int err;
    const void *answer; // typed; NULL unless err is 0
};

struct dia_send {
    const struct dia_interface *iface;
    const struct dia_command *command;
    void *request;          // typed, a copy that may be written to
    struct str correlation;
    const struct dia_session *session; // that it belongs to, or NULL
    uint32_t timeout_ms;    // 0: 5000
    void (*deliver)(const struct dia_done *d);
    dia_fn cb;
    void *nf;
    uint64_t arg;
};

typedef void (*dia_handler)(void *ctx, struct dia_request *q, const struct dia_command *cmd,
                            const void *request);
const void *dia_request_ops(const struct dia_request *q);
// answer is a typed copy that may be written to. q is gone afterwards.
void dia_answer(struct dia_request *q, void *answer);
// Refuses q with a base Result-Code. q is gone afterwards.
void dia_refuse(struct dia_request *q, uint32_t code);

// ---- sessions ----

struct dia_session_params {
    const struct dia_interface *iface;
    struct str id;          // who answers: the Session-Id of the first request; empty: a new one
    struct str host, realm; // where the session is; empty: not known yet, the node's own
    void *arg;              // what dia_request_session gives
};
void dia_session_free(struct dia_session *s); // takes NULL
struct str dia_session_text(const struct dia_session *s); // its Session-Id
struct str dia_session_at(const struct dia_session *s);   // the host that it is at; empty: not known yet
// The next Accounting-Record-Number, from 0 (RFC 6733 9.8.3).
uint32_t dia_session_record(struct dia_session *s);
// The arg of the session that a received request is about, or NULL.
void *dia_request_session(const struct dia_request *q);

// ---- the layer ----

struct dia_requests_params {
    struct dia_link_layer *link;
    struct dia_peer_layer *peers; // the layer becomes its user
    size_t max_pending;
    uint32_t try_ms, connect_wait_ms;
};

int dia_requests_new(const struct dia_requests_params *p, struct dia_request_layer **ret_requests);
// What waits is forgotten, and nobody is told. After it the peers are freed, then what is left by dia_requests_free.
void dia_requests_clear(struct dia_request_layer *l); // takes NULL
void dia_requests_free(struct dia_request_layer *l);  // takes NULL
// No peer is waited for any more.
void dia_requests_drain(struct dia_request_layer *l);
void dia_requests_stats(const struct dia_request_layer *l, dia_stat_cb cb, void *arg);

// These are the node's, see dia/node.h, dia/interface.h and dia/session.h.
int dia_requests_send(struct dia_request_layer *l, const struct dia_send *s);
int dia_requests_serve(struct dia_request_layer *l, const struct dia_interface *i, dia_handler h, const void *ops,
                       void *ctx);
int dia_requests_session(struct dia_request_layer *l, const struct dia_session_params *p,
                         struct dia_session **ret_session);
bool dia_requests_ready(const struct dia_request_layer *l, struct str realm);
bool dia_requests_reach(const struct dia_request_layer *l, struct str host, struct str realm);
bool dia_requests_agents(const struct dia_request_layer *l);
