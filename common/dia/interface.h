// SPDX-License-Identifier: Apache-2.0
// What the functions made from a spec need of the node: send a typed request, serve typed requests,
// answer (dia/request/request.h). Everything in a message that is not the interface's own (Session-Id, Origin-Host,
// Origin-Realm, Proxy-Info, ids) is filled in below.
#pragma once

#include "dia/node.h"

// As the cx_send_* functions of dia/cx.h.
int dia_request_send(struct dia_node *n, const struct dia_send *s);

// ops (the interface's table of handlers) comes back through dia_request_ops. ERR_INVAL when the node
// was made without the application.
int dia_serve(struct dia_node *n, const struct dia_interface *i, dia_handler h, const void *ops,
              void *ctx);
