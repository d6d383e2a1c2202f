// SPDX-License-Identifier: Apache-2.0
// Who says the name of a peer (RFC 6733 5.6.1) has to come from an address of that peer: the
// configured ones, or when there are none what its name resolves to.
#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "dia/peer/peer_priv.h"

// ---- the end, or the beginning ----

static void refuse(const struct dia_peer_layer *l, struct dia_conn *c, uint32_t code,
                   struct str host, const char *why)
{
    char at[ADDR_TEXT_MAX];
    LOG_FROM(
        addr_source_key(dia_conn_remote(c)), dia_peers_ms(l), LOG_WARN, "diameter peer refused",
        why, LF("peer", host), LF("address", addr_text(dia_conn_remote(c), at)),
        LF_Z("expected", dia_caller(c)->expected), LF_Z("reason", why), LF_NUM("result", code));
    (void)dia_conn_send_cea(c, code, why);
    dia_conn_close(c, true);
}

// Who the peer is and where it comes from is known; RFC 6733 5.3: is there something to talk about?
static void let_in(struct dia_conn *c, struct dia_peer *p)
{
    if (!dia_apps_common(p->layer->self, &dia_caller(c)->apps)) {
        refuse(p->layer, c, DIA_NO_COMMON_APPLICATION, p->info.host, "no common application");
        if (p->info.dynamic && !p->r)
            dia_peer_free(p);
        return;
    }
    dia_admit_cancel(c);
    dia_conn_admit(c, &p->counts);
    dia_caller(c)->peer = p;
    dia_peer_event(p, PEER_R_CONN_CER, c);
}

// ---- from where ----

enum source { SOURCE_OURS, SOURCE_OTHER, SOURCE_ASK };

static enum source judge(const struct dia_peer *p, const struct addr *from)
{
    const struct dia_conn *open = dia_peer_conn(p);
    if (p->info.dynamic) // nobody told its address: while it is open it keeps the one that it has
        return !open || addr_eq_ip(dia_conn_remote(open), from) ? SOURCE_OURS : SOURCE_OTHER;
    for (size_t i = 0; i < p->n_from; i++)
        if (dia_net_has(&p->from[i], from))
            return SOURCE_OURS;
    bool known = p->remote.sa.sa_family != AF_UNSPEC && !addr_is_any(&p->remote);
    if (known && addr_eq_ip(&p->remote, from))
        return SOURCE_OURS;
    return known || p->n_from ? SOURCE_OTHER : SOURCE_ASK;
}

// ---- names ----

void dia_admit_cancel(struct dia_conn *c)
{
    struct dia_caller *k = dia_caller(c);
    for (size_t i = 0; i < ARRAY_LEN(k->lookup.query); i++) {
        if (k->lookup.query[i])
            dns_cancel(k->lookup.layer->loop, k->lookup.query[i]);
        k->lookup.query[i] = 0;
    }
    k->lookup.peer = 0;
}

static struct dia_peer *peer_by_id(struct dia_peer_layer *l, uint32_t id)
{
    LIST_EACH(&l->peers, it) {
        struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        if (p->info.id == id && !p->dead)
            return p;
    }
    return NULL;
}

static void expect(struct dia_conn *c, const struct addr *a)
{
    struct dia_caller *k = dia_caller(c);
    char text[ADDR_TEXT_MAX];
    struct str s = addr_ip_text(a, text);
    if (k->expected[0] || s.n >= sizeof k->expected)
        return;
    memcpy(k->expected, s.p, s.n);
    k->expected[s.n] = 0;
}

static void looked_up(struct dia_conn *c)
{
    struct dia_caller *k = dia_caller(c);
    struct dia_peer_layer *l = k->lookup.layer;
    struct dia_peer *p = peer_by_id(l, k->lookup.peer);
    bool fits = k->lookup.fits;
    dia_admit_cancel(c);
    if (p && fits)
        let_in(c, p);
    else if (p)
        refuse(l, c, DIA_UNKNOWN_PEER, p->info.host,
               k->expected[0] ? "not from an address of this peer"
                              : "the peer has no address, and its name does not resolve");
    else
        dia_conn_close(c, false);
}

static void on_names(struct dia_conn *c, size_t which, const struct dns_rr *rrs, size_t n)
{
    struct dia_caller *k = dia_caller(c);
    k->lookup.query[which] = 0;
    for (size_t i = 0; i < n; i++) {
        k->lookup.fits |= addr_eq_ip(&rrs[i].ip, dia_conn_remote(c));
        expect(c, &rrs[i].ip);
    }
    if (k->lookup.fits || !k->lookup.query[!which])
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
    struct dia_caller *k = dia_caller(c);
    struct loop *l = p->layer->loop;
    k->lookup.layer = p->layer;
    k->lookup.peer = p->info.id;
    if (dns_query(l, p->info.host, DNS_A, on_a, c, &k->lookup.query[0]))
        k->lookup.query[0] = 0;
    if (dns_query(l, p->info.host, DNS_AAAA, on_aaaa, c, &k->lookup.query[1]))
        k->lookup.query[1] = 0;
    if (!k->lookup.query[0] && !k->lookup.query[1])
        looked_up(c);
}

void dia_admit(struct dia_peer_layer *l, struct dia_conn *c, const struct dia_caps *caps)
{
    struct str host = caps->origin_host;
    struct dia_caller *k = dia_caller(c);
    dia_apps_note(&k->apps, caps);
    k->state_id = caps->state_id;
    struct dia_peer *p = dia_peer_find(l, host);
    if (!p && l->accept_unknown && host.n)
        p = dia_peer_dynamic(l, host, caps->origin_realm);
    if (!p) {
        refuse(l, c, DIA_UNKNOWN_PEER, host, "unknown peer");
        return;
    }
    switch (judge(p, dia_conn_remote(c))) {
    case SOURCE_OURS:
        let_in(c, p);
        break;
    case SOURCE_ASK:
        look_up(c, p);
        break;
    case SOURCE_OTHER:
        expect(c, p->n_from         ? &p->from[0].ip
                  : p->info.dynamic ? dia_conn_remote(dia_peer_conn(p))
                                    : &p->remote);
        refuse(l, c, DIA_UNKNOWN_PEER, p->info.host, "not from an address of this peer");
        break;
    }
}
