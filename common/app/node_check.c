// SPDX-License-Identifier: Apache-2.0
// What options of a SIP and Diameter node tell together.
#include "app/node_rows.h"

#include <stdio.h>

#include "sip/uri.h"

enum { OPTION_MAX = 64, SIP_PORT = 5060 };

// ---- names and addresses ----

struct node_host node_host_of(struct str uri)
{
    char room[1024];
    struct arena a;
    struct sip_uri u = {0};
    arena_init(&a, room, sizeof room);
    struct node_host h = {0};
    if (sip_uri_parse(&a, uri, &u) == 0)
        h = (struct node_host){u.host, u.port}; // slices of uri
    arena_done(&a);
    return h;
}

static uint16_t port_of(const struct node_host *h)
{
    return h->port ? h->port : SIP_PORT;
}

bool node_host_eq(const struct node_host *a, const struct node_host *b)
{
    return a->host.n && sip_host_eq(a->host, b->host) && port_of(a) == port_of(b);
}

bool node_host_is_at(const struct node_host *h, const struct conf_addrs *addrs)
{
    struct addr a;
    if (addr_parse(h->host, port_of(h), &a))
        return false;
    for (size_t i = 0; i < addrs->n; i++)
        if (addr_eq(&a, &addrs->v[i]))
            return true;
    return false;
}

void node_suspect_name(struct str name, const struct node_sip *c, app_finding odd, void *arg)
{
    struct node_host h = node_host_of(name);
    struct addr a;
    bool heard = addr_parse(h.host, 0, &a) == 0
                     ? node_host_is_at(&h, &c->udp) || node_host_is_at(&h, &c->tcp)
                     : !h.port;
    for (size_t i = 0; !heard && addr_parse(h.host, 0, &a) && i < c->udp.n + c->tcp.n; i++)
        heard = addr_port(i < c->udp.n ? &c->udp.v[i] : &c->tcp.v[i - c->udp.n]) == h.port;
    if (!heard)
        app_find(odd, arg, "name", "others send to %.*s:%u, and no address of sip.udp or sip.tcp is there",
                 STR_ARG(h.host), port_of(&h));
}

// ---- the trust domain ----

static bool is_loopback_net(struct str net)
{
    struct addr a;
    struct str length = net, ip = str_split(&length, '/');
    return addr_parse(ip, 0, &a) == 0 && addr_is_loopback(&a);
}

static bool is_of_family(struct str net, bool six)
{
    struct addr a;
    struct str length = net, ip = str_split(&length, '/');
    return addr_parse(ip, 0, &a) == 0 && addr_is_ip6(&a) == six;
}

// Neighbours come from addresses of the family that they are listened to by.
static bool lacks_family(const struct conf_strs *list, const struct conf_addrs *addrs, bool six)
{
    bool heard = false, trusted = false;
    for (size_t i = 0; i < addrs->n; i++)
        heard |= addr_is_ip6(&addrs->v[i]) == six;
    for (size_t i = 0; i < list->n; i++)
        trusted |= is_of_family(list->v[i], six);
    return heard && !trusted;
}

void node_suspect_trusted(const char *option, const struct conf_strs *list, const struct conf_addrs *addrs,
                          app_finding odd, void *arg)
{
    bool others = false, outside = false;
    for (size_t i = 0; i < list->n; i++)
        others |= !is_loopback_net(list->v[i]);
    for (size_t i = 0; i < addrs->n; i++)
        outside |= !addr_is_any(&addrs->v[i]) && !addr_is_loopback(&addrs->v[i]);
    if (!list->n)
        app_find(odd, arg, option, "nobody is trusted: every other node is refused");
    else if (outside && !others)
        app_find(odd, arg, option, "only this machine is trusted, while other machines reach this node: they "
                                   "are refused");
    for (int six = 0; list->n && six < 2; six++)
        if (lacks_family(list, addrs, six))
            app_find(odd, arg, option,
                     "nobody is trusted whose address is of IPv%d, which this node listens to: such neighbours are "
                     "refused",
                     six ? 6 : 4);
}

// ---- Diameter ----

bool node_is_within(struct str host, struct str realm)
{
    return host.n > realm.n && host.p[host.n - realm.n - 1] == '.' &&
           str_ieq(str_skip(host, host.n - realm.n), realm);
}

static const char *peer_option(char text[OPTION_MAX], size_t i, const char *field)
{
    (void)snprintf(text, OPTION_MAX, "diameter.peers[%zu].%s", i + 1, field);
    return text;
}

static void check_peer(const struct node_dia *c, size_t i, app_finding bad, void *arg)
{
    const struct node_peer *all = c->peers.v, *p = &all[i];
    char option[OPTION_MAX], text[ADDR_TEXT_MAX];
    if (str_ieq(p->host, c->identity))
        app_find(bad, arg, peer_option(option, i, "host"), "%.*s is this node itself (diameter.identity)",
                 STR_ARG(p->host));
    for (size_t k = 0; k < i; k++) {
        if (str_ieq(p->host, all[k].host))
            app_find(bad, arg, peer_option(option, i, "host"), "%.*s is diameter.peers[%zu] already",
                     STR_ARG(p->host), k + 1);
        else if (addr_eq(&p->address, &all[k].address))
            app_find(bad, arg, peer_option(option, i, "address"),
                     "%.*s is where diameter.peers[%zu] is; one node has one identity",
                     STR_ARG(addr_text(&p->address, text)), k + 1);
    }
    if (c->local.sa.sa_family && c->local.sa.sa_family != p->address.sa.sa_family)
        app_find(bad, arg, peer_option(option, i, "address"),
                 "%.*s cannot be reached from diameter.local, which is of the other address family",
                 STR_ARG(addr_text(&p->address, text)));
}

static void check_hss(const struct node_dia *c, app_finding bad, void *arg)
{
    const struct node_peer *p = c->peers.v;
    bool reached = !c->hss.n;
    for (size_t i = 0; i < c->peers.n; i++)
        reached |= p[i].relay || str_ieq(p[i].host, c->hss);
    if (!reached)
        app_find(bad, arg, "diameter.hss", "%.*s is none of diameter.peers, and none of these is a relay",
                 STR_ARG(c->hss));
}

void node_check_dia(const struct node_dia *c, app_finding bad, void *arg)
{
    for (size_t i = 0; i < c->peers.n; i++)
        check_peer(c, i, bad, arg);
    check_hss(c, bad, arg);
}

void node_suspect_identity(struct str identity, struct str realm, app_finding odd, void *arg)
{
    if (!node_is_within(identity, realm))
        app_find(odd, arg, "diameter.identity", "%.*s is not within diameter.realm, %.*s", STR_ARG(identity),
                 STR_ARG(realm));
}

void node_suspect_dia(const struct node_dia *c, struct str domain, app_finding odd, void *arg)
{
    const struct node_peer *p = c->peers.v;
    char option[OPTION_MAX];
    node_suspect_identity(c->identity, c->realm, odd, arg);
    if (!str_ieq(c->realm, domain))
        app_find(odd, arg, "diameter.realm", "%.*s is not the domain, %.*s", STR_ARG(c->realm),
                 STR_ARG(domain));
    for (size_t i = 0; i < c->peers.n; i++)
        if (!p[i].relay && !node_is_within(p[i].host, c->realm))
            app_find(odd, arg, peer_option(option, i, "host"),
                     "%.*s is not within diameter.realm, %.*s: it answers for another realm",
                     STR_ARG(p[i].host), STR_ARG(c->realm));
    if (c->local.sa.sa_family && addr_port(&c->local) && c->peers.n)
        app_find(odd, arg, "diameter.local", "with port %u one connection at a time leaves from here; port 0 "
                                             "lets the system choose",
                 addr_port(&c->local));
}
