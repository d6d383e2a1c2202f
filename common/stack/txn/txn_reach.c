// SPDX-License-Identifier: Apache-2.0
// Which flow a request takes, and what belongs to it: an open connection, or one that is made.
#include "base/err.h"
#include "stack/txn/txn_priv.h"

static struct flow *open_stream(const struct txn_client *c)
{
    struct flow *f = flow_find(c->t.layer->transport, c->stream);
    return f && flow_is_reliable(f) && flow_get_info(f)->open ? f : NULL;
}

int client_flow_to(struct txn_client *c, const struct resolve_target *t, enum sip_proto proto, struct flow **ret_flow)
{
    struct txn_layer *l = c->t.layer;
    const struct addr *to = &t->addr;
    flow_id id;
    if (c->reach && proto == SIP_PROTO_TCP) {
        struct flow *f = open_stream(c);
        to = &c->connect;
        if (f) {
            *ret_flow = f;
            return 0;
        }
        if (!to->sa.sa_family)
            return ERR_CLOSED;
    }
    int err = flow_get(l->transport, proto, to, c->label, &id);
    if (err)
        return err;
    *ret_flow = flow_find(l->transport, id);
    return *ret_flow ? 0 : ERR_CLOSED;
}

void client_set_reach(struct txn_client *c, const struct stack_reach *p)
{
    struct flow_info info;
    struct resolve_target *t = &c->targets.t[0];
    c->reach = true;
    c->stream = p->stream;
    c->connect = p->tcp;
    c->targets.n = 1;
    *t = (struct resolve_target){.proto = p->proto, .addr = p->udp};
    if (p->proto != SIP_PROTO_UDP)
        t->addr = txn_flow_info(c->t.layer, p->stream, &info) ? info.remote : p->tcp;
}

// CANCEL and ACK go where the INVITE went; a connection that has closed is made again.
struct flow *client_flow(struct txn_client *c)
{
    struct flow *f;
    if (c->t.flow)
        return c->t.flow;
    if (c->fixed_flow || c->cur >= c->targets.n)
        return NULL;
    enum sip_proto proto = c->t.reliable ? SIP_PROTO_TCP : SIP_PROTO_UDP;
    return client_flow_to(c, &c->targets.t[c->cur], proto, &f) ? NULL : f;
}
