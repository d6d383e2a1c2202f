// SPDX-License-Identifier: Apache-2.0
// RFC 3263 4.1 and 4.2: NAPTR names the services, SRV the hosts, A and AAAA the addresses. One
// question after the other; each answer decides the next.
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "stack/transport/transport.h"
#include "stack/txn/resolve_priv.h"

struct service {
    enum sip_proto proto;
    struct str name; // SRV owner
    uint16_t order, preference;
};

struct host {
    struct str name;
    uint16_t port, rank, priority, weight;
    enum sip_proto proto;
    bool explicit_proto;
};

struct resolve_query {
    struct resolve_name *name;
    resolve_answered_cb answered;
    struct resolver *resolver;
    struct resolve_spec spec; // host is a copy
    struct arena arena;
    char first[1024];
    struct service services[RESOLVE_SERVICES];
    size_t n_services, service; // service: being asked
    struct host hosts[RESOLVE_ENTRIES];
    size_t n_hosts, host;
    size_t of_host; // how many addresses there were before this host's
    struct resolve_entry v[RESOLVE_ENTRIES];
    size_t n;
    uint32_t ttl;
    int err; // the worst that happened
    struct str asked; // the question under way, and its type
    enum dns_type type;
    struct writer why; // of the name
    uint64_t dns_id;
    struct timer limit;
};

static void next_service(struct resolve_query *q);
static void next_host(struct resolve_query *q);
static void on_ip6(void *arg, int err, const struct dns_rr *rrs, size_t n);

static const char *type_name(enum dns_type t)
{
    return t == DNS_NAPTR ? "NAPTR" : t == DNS_SRV ? "SRV" : t == DNS_AAAA ? "AAAA" : "A";
}

// "SRV _sip._udp: NXDOMAIN": the name itself stands once, in front of all.
static void add_why(struct resolve_query *q, const char *said)
{
    struct str host = q->spec.host, asked = q->asked;
    bool below = asked.n > host.n && str_ieq(str_skip(asked, asked.n - host.n), host);
    struct writer *w = &q->why;
    size_t before = w->n;
    writer_printf(w, "%s%s", w->n && w->p[w->n - 1] != ' ' ? ", " : "", type_name(q->type));
    if (!str_ieq(asked, host))
        writer_printf(w, " %.*s", STR_ARG(below ? str_head(asked, asked.n - host.n - 1) : asked));
    writer_printf(w, ": %s", said);
    struct str said_now = str_make(w->p + before, w->n - before);
    if (str_starts(said_now, STR(", ")))
        said_now = str_skip(said_now, 2);
    bool again = before >= said_now.n && said_now.n && str_ends(str_make(w->p, before), said_now);
    if (w->failed || again) // no room, or the same for another transport: who reads it knows enough
        w->n = before;
    w->p[w->n] = 0;
}

static void finish(struct resolve_query *q)
{
    int err = q->n ? 0 : q->err ? q->err : ERR_NODATA;
    q->answered(q->name, err, q->v, q->n, q->ttl);
}

// "No such name or record" is an answer; anything else is a failure to remember.
static void note(struct resolve_query *q, int err)
{
    q->dns_id = 0;
    if (err)
        add_why(q, dns_said(q->resolver->loop));
    if (err && err != ERR_NODATA)
        q->err = err;
}

// No server answers, or none in time: what is known by now has to do.
static void on_limit(void *arg)
{
    struct resolve_query *q = arg;
    char said[200];
    const char *servers = dns_servers(q->resolver->loop);
    (void)snprintf(said, sizeof said, "no answer in time%s%s", servers[0] ? " from " : "", servers);
    add_why(q, said);
    q->err = ERR_TIMEOUT;
    finish(q);
}

static int ask(struct resolve_query *q, struct str name, enum dns_type type, dns_cb cb)
{
    q->resolver->queries++;
    q->asked = name;
    q->type = type;
    return dns_query(q->resolver->loop, name, type, cb, q, &q->dns_id);
}

static bool usable(struct resolver *r, enum sip_proto proto)
{
    return transport_has(r->transport, proto, false) || transport_has(r->transport, proto, true);
}

// ---- addresses ----

static void add_addresses(struct resolve_query *q, const struct dns_rr *rrs, size_t n)
{
    const struct host *h = &q->hosts[q->host];
    for (size_t i = 0; i < n && q->n < RESOLVE_ENTRIES; i++) {
        struct resolve_entry *e = &q->v[q->n];
        *e = (struct resolve_entry){
            .t = {h->proto, rrs[i].ip, h->explicit_proto},
            .rank = h->rank,
            .priority = h->priority,
            .weight = q->n == q->of_host ? h->weight : 0, // further addresses of a host do not add to its share
        };
        addr_set_port(&e->t.addr, h->port);
        q->n++;
        if (rrs[i].ttl < q->ttl)
            q->ttl = rrs[i].ttl;
    }
}

static void on_ip4(void *arg, int err, const struct dns_rr *rrs, size_t n)
{
    struct resolve_query *q = arg;
    note(q, err);
    if (!err)
        add_addresses(q, rrs, n);
    q->host++;
    next_host(q);
}

static bool ask_family(struct resolve_query *q, bool ip6)
{
    const struct host *h = &q->hosts[q->host];
    if (!transport_has(q->resolver->transport, h->proto, ip6))
        return false;
    return ask(q, h->name, ip6 ? DNS_AAAA : DNS_A, ip6 ? on_ip6 : on_ip4) == 0;
}

static void on_ip6(void *arg, int err, const struct dns_rr *rrs, size_t n)
{
    struct resolve_query *q = arg;
    note(q, err);
    if (!err)
        add_addresses(q, rrs, n);
    if (ask_family(q, false))
        return;
    q->host++;
    next_host(q);
}

// IPv6 before IPv4 where this node speaks both (RFC 6724 6 rule 6 and its table, RFC 7984 5): the addresses of a host
// are tried in this order, and a silent or refused one makes room for the next (RFC 3263 4.3).
static void next_host(struct resolve_query *q)
{
    for (; q->host < q->n_hosts && q->n < RESOLVE_ENTRIES; q->host++) {
        q->of_host = q->n;
        if (ask_family(q, true) || ask_family(q, false))
            return;
    }
    finish(q);
}

static void add_host(struct resolve_query *q, struct host h)
{
    if (q->n_hosts < RESOLVE_ENTRIES)
        q->hosts[q->n_hosts++] = h;
}

// The host itself, when no SRV record says otherwise (RFC 3263 4.2).
static void plain_host(struct resolve_query *q)
{
    const struct resolve_spec *spec = &q->spec;
    struct host h = {.name = spec->host,
                     .port = spec->port ? spec->port : 5060,
                     .proto = spec->proto,
                     .explicit_proto = spec->has_proto};
    if (!spec->has_proto && q->resolver->tcp_prefer && usable(q->resolver, SIP_PROTO_TCP)) {
        h.proto = SIP_PROTO_TCP;
        add_host(q, h);
        h.rank = 1; // when TCP is refused
        h.explicit_proto = true;
    }
    if (!spec->has_proto)
        h.proto = SIP_PROTO_UDP;
    add_host(q, h);
    next_host(q);
}

// ---- SRV ----

static void add_srv(struct resolve_query *q, const struct dns_rr *rr)
{
    if (rr->srv.target.n == 0 || str_eq(rr->srv.target, STR(".")))
        return; // "decidedly not available" (RFC 2782)
    add_host(q, (struct host){
                    .name = arena_dup(&q->arena, rr->srv.target),
                    .port = rr->srv.port,
                    .rank = (uint16_t)q->service,
                    .priority = rr->srv.priority,
                    .weight = rr->srv.weight,
                    .proto = q->services[q->service].proto,
                    .explicit_proto = true,
                });
    if (rr->ttl < q->ttl)
        q->ttl = rr->ttl;
}

static void on_srv(void *arg, int err, const struct dns_rr *rrs, size_t n)
{
    struct resolve_query *q = arg;
    note(q, err);
    for (size_t i = 0; !err && i < n; i++)
        add_srv(q, &rrs[i]);
    q->service++;
    if (err == ERR_TIMEOUT) // nor will the next question about this domain be answered
        q->service = q->n_services;
    if (err == ERR_TIMEOUT && !q->n_hosts)
        finish(q);
    else
        next_service(q);
}

static void next_service(struct resolve_query *q)
{
    while (q->service < q->n_services) {
        if (ask(q, q->services[q->service].name, DNS_SRV, on_srv) == 0)
            return;
        q->service++;
    }
    if (q->n_hosts)
        next_host(q);
    else
        plain_host(q);
}

static void add_service(struct resolve_query *q, enum sip_proto proto, struct str name,
                        uint16_t order, uint16_t preference)
{
    if (!usable(q->resolver, proto) || !name.p)
        return;
    struct service sv = {proto, name, order, preference};
    size_t at = q->n_services;
    if (at == RESOLVE_SERVICES)
        return;
    q->n_services++;
    for (; at > 0; at--) {
        const struct service *p = &q->services[at - 1];
        if (p->order < order || (p->order == order && p->preference <= preference))
            break;
        q->services[at] = *p;
    }
    q->services[at] = sv;
}

static void guess_service(struct resolve_query *q, enum sip_proto proto)
{
    struct str prefix = proto == SIP_PROTO_UDP ? STR("_sip._udp.") : STR("_sip._tcp.");
    add_service(q, proto, ARENA_CAT(&q->arena, prefix, q->spec.host), 0, 0);
}

// ---- NAPTR ----

static void add_naptr(struct resolve_query *q, const struct dns_rr *rr)
{
    enum sip_proto proto;
    if (!str_ieq(rr->naptr.flags, STR("s")))
        return;
    if (str_ieq(rr->naptr.service, STR("SIP+D2U")))
        proto = SIP_PROTO_UDP;
    else if (str_ieq(rr->naptr.service, STR("SIP+D2T")))
        proto = SIP_PROTO_TCP;
    else
        return;
    add_service(q, proto, arena_dup(&q->arena, rr->naptr.replacement), rr->naptr.order,
                rr->naptr.preference);
    if (rr->ttl < q->ttl)
        q->ttl = rr->ttl;
}

static void on_naptr(void *arg, int err, const struct dns_rr *rrs, size_t n)
{
    struct resolve_query *q = arg;
    note(q, err);
    if (err == ERR_TIMEOUT) {
        finish(q);
        return;
    }
    for (size_t i = 0; !err && i < n; i++)
        add_naptr(q, &rrs[i]);
    if (!q->n_services) {
        guess_service(q, q->resolver->tcp_prefer ? SIP_PROTO_TCP : SIP_PROTO_UDP);
        guess_service(q, q->resolver->tcp_prefer ? SIP_PROTO_UDP : SIP_PROTO_TCP);
    }
    next_service(q);
}

// ---- the first question ----

static int first_question(struct resolve_query *q)
{
    const struct resolve_spec *spec = &q->spec;
    if (spec->port) { // RFC 3263 4.2: an explicit port means addresses only
        plain_host(q);
        return 0;
    }
    if (!spec->has_proto)
        return ask(q, spec->host, DNS_NAPTR, on_naptr);
    guess_service(q, spec->proto);
    next_service(q);
    return 0;
}

int resolve_query_start(struct resolve_name *name, const struct resolve_spec *spec, uint64_t limit,
                        resolve_answered_cb cb)
{
    struct resolve_query *q = mem_zalloc(sizeof *q);
    if (!q)
        return ERR_NOMEM;
    arena_init(&q->arena, q->first, sizeof q->first);
    q->name = name;
    q->answered = cb;
    q->resolver = name->resolver;
    q->spec = *spec;
    q->spec.host = arena_dup(&q->arena, spec->host);
    q->ttl = UINT32_MAX;
    timer_init(&q->limit, on_limit, q);
    timer_start(q->resolver->loop, &q->limit, limit);
    name->query = q;
    name->why[0] = 0;
    q->why = writer_init(name->why, sizeof name->why - 1);
    writer_printf(&q->why, "%.*s: ", STR_ARG(str_head(q->spec.host, 100)));
    int err = q->spec.host.p ? first_question(q) : ERR_NOMEM;
    if (err) {
        name->query = NULL;
        resolve_query_free(q);
        return err;
    }
    return name->query ? 0 : ERR_NODATA; // no listener could use any answer: nothing was asked
}

void resolve_query_free(struct resolve_query *q)
{
    if (!q)
        return;
    if (q->dns_id)
        dns_cancel(q->resolver->loop, q->dns_id);
    timer_stop(&q->limit);
    arena_done(&q->arena);
    mem_free(q);
}
