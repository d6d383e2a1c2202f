// SPDX-License-Identifier: Apache-2.0
// Why a request failed, for people.
#include <stdio.h>

#include "base/err.h"
#include "stack/txn/txn_priv.h"

void client_trouble_name(struct txn_client *c, const char *why, int err)
{
    if (!c->trouble)
        c->trouble = str_cdup(str_from(why && why[0] ? why : err_text(err)));
}

void client_trouble_target(struct txn_client *c, const char *before, const char *after)
{
    static const char *const protos[] = {[SIP_PROTO_UDP] = "udp", [SIP_PROTO_TCP] = "tcp"};
    char text[ADDR_TEXT_MAX + 120], ip[ADDR_TEXT_MAX];
    struct flow_info f;
    size_t last = c->targets.n ? c->targets.n - 1 : 0;
    const struct resolve_target *t = &c->targets.t[c->cur < last ? c->cur : last];
    if (c->trouble)
        return;
    if (!c->fixed_flow && c->targets.n)
        (void)snprintf(text, sizeof text, "%s%.*s/%s%s", before, STR_ARG(addr_text(&t->addr, ip)),
                       t->proto <= SIP_PROTO_TCP ? protos[t->proto] : "?", after);
    else if (c->fixed_flow && txn_flow_info(c->t.layer, c->fixed_flow, &f))
        (void)snprintf(text, sizeof text, "%s%.*s%s", before, STR_ARG(addr_text(&f.remote, ip)), after);
    else
        return;
    c->trouble = str_cdup(str_from(text));
}

void client_trouble_error(struct txn_client *c, int err)
{
    char after[80];
    (void)snprintf(after, sizeof after, ": %s", err_text(err));
    client_trouble_target(c, "", after);
}

const char *txn_client_trouble(const struct txn_layer *l, txn_id id)
{
    const struct txn *t = txn_find(l, id);
    return t && !t->is_server ? ((const struct txn_client *)t)->trouble : NULL;
}
