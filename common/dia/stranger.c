// SPDX-License-Identifier: Apache-2.0
// Accepted connections that have not said who they are, or not proved it. They are few, short-lived and
// cheap, and more of them push out the oldest, so that they keep no peer from connecting. Who says the
// name of a peer (RFC 6733 5.6.1) has to come from an address of that peer: the configured ones, or
// when there are none what its name resolves to.
#include "base/err.h"
#include "base/log.h"
#include "base/writer.h"
#include "dia/node_priv.h"

enum { UNKNOWN_PEER = 3010, COMPLAIN_MS = 10000 };

// ---- how many ----

static bool same_source(const struct addr *a, const struct addr *b)
{
    if (addr_is_ip6(a) && addr_is_ip6(b)) // a site has a /64 to choose from
        return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 8) == 0;
    return addr_eq_ip(a, b);
}

static void push_out(struct dia_conn *c, enum dia_excess which)
{
    struct dia_node *n = c->node;
    uint64_t now = loop_now(n->loop) / 1000000;
    char at[ADDR_TEXT_MAX];
    n->excess[which]++;
    if (!n->told_ms || now >= n->told_ms + COMPLAIN_MS) {
        n->told_ms = now;
        LOG(LOG_WARN, "too many diameter connections without a CER, the oldest ends",
            LF_Z("limit", which == DIA_OVER_SOURCE ? "strangers_per_source" : "strangers"),
            LF("address", addr_text(tcp_remote(c->tcp), at)), LF_NUM("now", n->n_strangers));
    }
    dia_conn_close(c, false);
}

void dia_strangers_trim(struct dia_conn *c)
{
    struct dia_node *n = c->node;
    struct dia_conn *oldest = NULL, *oldest_here = NULL;
    size_t here = 0;
    LIST_EACH(&n->conns, it) {
        struct dia_conn *s = LIST_ENTRY(it, struct dia_conn, link);
        if (!s->stranger)
            continue;
        oldest = oldest ? oldest : s;
        if (!same_source(tcp_remote(s->tcp), tcp_remote(c->tcp)))
            continue;
        oldest_here = oldest_here ? oldest_here : s;
        here++;
    }
    if (here > n->max_same_source)
        push_out(oldest_here, DIA_OVER_SOURCE);
    else if (n->n_strangers > n->max_strangers)
        push_out(oldest, DIA_OVER_STRANGERS);
}

void dia_stranger_known(struct dia_conn *c)
{
    timer_stop(&c->timer);
    dia_lookup_cancel(c);
    if (c->stranger)
        c->node->n_strangers--;
    c->stranger = false;
}

// ---- from where ----

int dia_net_parse(struct str text, struct dia_net *ret_net)
{
    ptrdiff_t slash = str_chr(text, '/');
    struct dia_net n;
    uint32_t bits = 0;
    if (addr_parse(slash < 0 ? text : str_head(text, (size_t)slash), 0, &n.ip))
        return ERR_BAD;
    unsigned all = addr_is_ip6(&n.ip) ? 128 : 32;
    if (slash >= 0 && (str_u32(str_skip(text, (size_t)slash + 1), &bits) || bits > all))
        return ERR_BAD;
    n.bits = slash < 0 ? all : bits;
    *ret_net = n;
    return 0;
}

static const uint8_t *octets(const struct addr *a)
{
    return addr_is_ip6(a) ? (const uint8_t *)&a->in6.sin6_addr : (const uint8_t *)&a->in4.sin_addr;
}

bool dia_net_has(const struct dia_net *n, const struct addr *a)
{
    if (n->ip.sa.sa_family != a->sa.sa_family)
        return false;
    const uint8_t *x = octets(&n->ip), *y = octets(a);
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(x, y, whole) != 0)
        return false;
    return rest == 0 || (x[whole] ^ y[whole]) >> (8 - rest) == 0;
}

enum source { SOURCE_OURS, SOURCE_OTHER, SOURCE_ASK };

static enum source judge(const struct dia_peer *p, const struct addr *from)
{
    const struct dia_conn *open = dia_peer_conn(p);
    if (p->dynamic) // nobody told its address: while it is open it keeps the one that it has
        return !open || addr_eq_ip(tcp_remote(open->tcp), from) ? SOURCE_OURS : SOURCE_OTHER;
    for (size_t i = 0; i < p->n_from; i++)
        if (dia_net_has(&p->from[i], from))
            return SOURCE_OURS;
    bool known = p->remote.sa.sa_family != AF_UNSPEC && !addr_is_any(&p->remote);
    if (known && addr_eq_ip(&p->remote, from))
        return SOURCE_OURS;
    return known || p->n_from ? SOURCE_OTHER : SOURCE_ASK;
}

// ---- names ----

void dia_lookup_cancel(struct dia_conn *c)
{
    for (size_t i = 0; i < ARRAY_LEN(c->lookup.query); i++) {
        if (c->lookup.query[i])
            dns_cancel(c->node->loop, c->lookup.query[i]);
        c->lookup.query[i] = 0;
    }
    c->lookup.peer = 0;
}

static struct dia_peer *peer_by_id(struct dia_node *n, uint32_t id)
{
    LIST_EACH(&n->peers, it) {
        struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        if (p->id == id && !p->dead)
            return p;
    }
    return NULL;
}

static void expect(struct dia_conn *c, const struct addr *a)
{
    char text[ADDR_TEXT_MAX];
    struct str s = addr_ip_text(a, text);
    if (c->expected[0] || s.n >= sizeof c->expected)
        return;
    memcpy(c->expected, s.p, s.n);
    c->expected[s.n] = 0;
}

static void looked_up(struct dia_conn *c)
{
    struct dia_peer *p = peer_by_id(c->node, c->lookup.peer);
    bool fits = c->lookup.fits;
    dia_lookup_cancel(c);
    if (p && fits)
        dia_cer_admit(c, p);
    else if (p)
        dia_cer_refuse(c, UNKNOWN_PEER, p->host,
                       c->expected[0] ? "not from an address of this peer" :
                                        "the peer has no address, and its name does not resolve");
    else
        dia_conn_close(c, false);
}

static void on_names(struct dia_conn *c, size_t which, const struct dns_rr *rrs, size_t n)
{
    c->lookup.query[which] = 0;
    for (size_t i = 0; i < n; i++) {
        c->lookup.fits |= addr_eq_ip(&rrs[i].ip, tcp_remote(c->tcp));
        expect(c, &rrs[i].ip);
    }
    if (c->lookup.fits || !c->lookup.query[!which])
        looked_up(c);
}

static void on_a(void *arg, int err, const struct dns_rr *rrs, size_t n)
{
    on_names(arg, 0, rrs, err ? 0 : n);
}

static void on_aaaa(void *arg, int err, const struct dns_rr *rrs, size_t n)
{
    on_names(arg, 1, rrs, err ? 0 : n);
}

// The CER waits for the names of its peer, no longer than the connection may be without one.
static void look_up(struct dia_conn *c, struct dia_peer *p)
{
    struct loop *l = c->node->loop;
    c->lookup.peer = p->id;
    if (dns_query(l, p->host, DNS_A, on_a, c, &c->lookup.query[0]))
        c->lookup.query[0] = 0;
    if (dns_query(l, p->host, DNS_AAAA, on_aaaa, c, &c->lookup.query[1]))
        c->lookup.query[1] = 0;
    if (!c->lookup.query[0] && !c->lookup.query[1])
        looked_up(c);
}

void dia_stranger_says(struct dia_conn *c, struct str host, struct str realm)
{
    struct dia_node *n = c->node;
    struct dia_peer *p = dia_peer_find(n, host);
    if (!p && n->accept_unknown && host.n)
        p = dia_peer_dynamic(n, host, realm);
    if (!p) {
        dia_cer_refuse(c, UNKNOWN_PEER, host, "unknown peer");
        return;
    }
    switch (judge(p, tcp_remote(c->tcp))) {
    case SOURCE_OURS: dia_cer_admit(c, p); break;
    case SOURCE_ASK: look_up(c, p); break;
    case SOURCE_OTHER:
        expect(c, p->n_from ? &p->from[0].ip :
                  p->dynamic ? tcp_remote(dia_peer_conn(p)->tcp) : &p->remote);
        dia_cer_refuse(c, UNKNOWN_PEER, p->host, "not from an address of this peer");
        break;
    }
}
