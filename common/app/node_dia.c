// SPDX-License-Identifier: Apache-2.0
// Apart from node_sip.c, so that a daemon without Diameter does not link it.
#include "app/node_rows.h"
#include "base/log.h"
#include "dia/cx.h"

#define PEER(field) offsetof(struct node_peer, field)

const struct conf_row node_peer_rows[] = {
    {"host", CONF_STR, PEER(host), .form = CONF_FORM_IDENTITY, .help = "Diameter identity of the peer."},
    {"address", CONF_ADDR, PEER(address), .min = 3868, .use = CONF_REMOTE,
     .help = "Where to connect."},
    {"priority", CONF_U32, PEER(priority), "1", .max = 65535,
     .help = "Lower numbers are used first."},
    {"weight", CONF_U32, PEER(weight), "1", .max = 65535,
     .help = "Share of the load within one priority."},
    {"relay", CONF_BOOL, PEER(relay), "false",
     .help = "The peer forwards to any host of the realm (a relay, proxy or SLF)."},
    {0},
};

void node_dia_peer_told(void *arg, struct str host, bool open)
{
    (void)arg;
    LOG(open ? LOG_INFO : LOG_WARN, open ? "HSS connected" : "HSS connection lost",
        LF("peer", host));
}

uint32_t node_dia_wait_ms(const struct node_dia *c)
{
    enum { UNSET_MS = 5000, BEYOND_MS = 1000 };
    return (c->timeout_ms ? c->timeout_ms : UNSET_MS) + BEYOND_MS;
}

int node_dia_new(const struct node_dia *c, const struct dia_params *p, struct dia_node **ret_node)
{
    static const struct dia_interface *const cx[] = {&dia_cx};
    struct dia_params q = *p;
    q.origin_host = c->identity;
    q.origin_realm = c->realm;
    q.applications = cx;
    q.n_applications = ARRAY_LEN(cx);
    q.watchdog_ms = c->watchdog_ms;
    q.retry_ms = c->retry_ms;
    q.connect_wait_ms = c->connect_wait_ms;
    q.limits = c->limits;
    q.peer_state = p->peer_state ? p->peer_state : node_dia_peer_told;
    const struct node_peer *peers = c->peers.v;
    int err = dia_node_new(&q, ret_node);
    for (size_t i = 0; !err && i < c->peers.n; i++) {
        struct dia_peer_params r = {.host = peers[i].host,
                                    .remote = peers[i].address,
                                    .local = c->local,
                                    .transport = DIA_TCP,
                                    .priority = (uint16_t)peers[i].priority,
                                    .weight = (uint16_t)peers[i].weight,
                                    .relay = peers[i].relay};
        err = dia_peer_add(*ret_node, &r);
    }
    return err;
}
