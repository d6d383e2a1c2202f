// SPDX-License-Identifier: Apache-2.0
// What the functions made from a spec need of the node: send a typed request, serve typed requests,
// answer. Everything in a message that is not the interface's own (Session-Id, Origin-Host,
// Origin-Realm, Proxy-Info, ids) is filled in below.
#pragma once

#include "dia/node.h"

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

// As the cx_send_* functions of dia/cx.h.
int dia_request_send(struct dia_node *n, const struct dia_send *s);

typedef void (*dia_handler)(void *ctx, struct dia_request *q, const struct dia_command *cmd,
                            const void *request);
// ops (the interface's table of handlers) comes back through dia_request_ops. ERR_INVAL when the node
// was made without the application.
int dia_serve(struct dia_node *n, const struct dia_interface *i, dia_handler h, const void *ops,
              void *ctx);
const void *dia_request_ops(const struct dia_request *q);
// answer is a typed copy that may be written to. q is gone afterwards.
void dia_answer(struct dia_request *q, void *answer);
// Refuses q with a base Result-Code. q is gone afterwards.
void dia_refuse(struct dia_request *q, uint32_t code);
