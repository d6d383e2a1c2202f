// SPDX-License-Identifier: Apache-2.0
// Diameter nodes that speak Cx and nothing else.
#pragma once

#include "dia/cx.h"
#include "tests/common/must.h"

static const struct dia_interface *const cx_apps[] = {&dia_cx};

// What every such node says of itself; the names are read as long as it lives.
static inline struct dia_params cx_params(struct loop *l, const char *host, const char *realm)
{
    return (struct dia_params){.loop = l,
                               .origin_host = str_from(host),
                               .origin_realm = str_from(realm),
                               .product = STR("test"),
                               .applications = cx_apps,
                               .n_applications = 1};
}

// A node that answers with ops and listens at local; either may be NULL.
static inline struct dia_node *cx_node(const struct dia_params *p, const struct cx_server *ops, void *arg,
                                       const struct addr *local)
{
    struct dia_node *n;
    must(dia_node_new(p, &n), "Diameter node");
    if (ops)
        must(cx_serve(n, ops, arg), "Cx");
    if (local)
        must(dia_node_listen(n, DIA_TCP, local), "listen");
    return n;
}
