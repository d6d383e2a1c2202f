// SPDX-License-Identifier: Apache-2.0
#include "app/node_rows.h"
#include "base/err.h"
#include "base/log.h"

static struct routing_texts texts_of(const struct node_routing *c)
{
    return (struct routing_texts){.foreign = c->foreign.v,
                                  .networks = c->networks.v,
                                  .ports = c->ports.v,
                                  .n_foreign = c->foreign.n,
                                  .n_networks = c->networks.n,
                                  .n_ports = c->ports.n};
}

void node_check_routing(const struct node_routing *c, app_finding bad, void *arg)
{
    static const struct {
        const char *option, *expected;
    } rows[] = {
        {"routing.foreign", "expected domains, such as example.org, *.example.org or *"},
        {"routing.networks", "expected addresses and networks, such as 192.0.2.0/24"},
        {"routing.ports", "expected ports and ranges of them, such as 5060-5099"},
    };
    for (unsigned i = 0; i < 3; i++) {
        struct routing r;
        struct str wrong;
        struct routing_texts all = texts_of(c), t = {0};
        if (i == 0)
            t = (struct routing_texts){.foreign = all.foreign, .n_foreign = all.n_foreign};
        else if (i == 1)
            t = (struct routing_texts){.networks = all.networks, .n_networks = all.n_networks};
        else
            t = (struct routing_texts){.ports = all.ports, .n_ports = all.n_ports};
        int err = routing_init(&r, &t, NULL, &wrong);
        if (!err)
            routing_done(&r);
        else if (err == ERR_BAD)
            bad(arg, rows[i].option, rows[i].expected);
    }
}

static int protect_all(struct routing *r, const struct node_sip *sip, const struct node_dia *dia)
{
    const struct node_peer *peers = dia->peers.v;
    int err = 0;
    for (size_t i = 0; !err && i < sip->udp.n; i++)
        err = routing_protect(r, &sip->udp.v[i]);
    for (size_t i = 0; !err && i < sip->tcp.n; i++)
        err = routing_protect(r, &sip->tcp.v[i]);
    for (size_t i = 0; !err && i < dia->peers.n; i++)
        err = routing_protect(r, &peers[i].address);
    return err;
}

int node_read_routing(const struct node_routing *c, const struct trust_domain *neighbours,
                      const struct node_sip *sip, const struct node_dia *dia, struct routing *r)
{
    struct routing fresh;
    struct str wrong = STR_NONE;
    struct routing_texts t = texts_of(c);
    int err = routing_init(&fresh, &t, neighbours, &wrong);
    if (!err && (err = protect_all(&fresh, sip, dia)))
        routing_done(&fresh);
    if (err) {
        LOG(LOG_ERROR, "routing policy cannot be read", LF("value", wrong),
            LF_Z("cause", err_text(err)));
        return err;
    }
    routing_done(r);
    *r = fresh;
    return 0;
}
