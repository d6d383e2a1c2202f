// SPDX-License-Identifier: Apache-2.0
// c-ares driven by the loop: its sockets on uv_poll handles, its timeouts on one timer.
#include <ares.h>
#include <arpa/nameser.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "io/dns_msg.h"
#include "io/uv_priv.h"

enum { TIMEOUT_MS = 1000, TRIES = 2, EDNS_SIZE = 1232, ARENA_FIRST = 4096 };

struct uvl_dns {
    struct uvl_world *world;
    ares_channel channel;
    struct timer timer;
    struct list socks;
    struct addr *servers; // as configured; empty: the system's
    size_t n_servers;
    size_t first;     // the one that c-ares asks first
    unsigned n_asked; // queries not yet answered
    bool turn;        // the first one was silent: another has its turn
    bool closing;
};

struct dns_sock {
    struct uvl_sock sock;
    struct list link;
    struct uvl_dns *names;
};

// ---- driving c-ares ----

static void rearm(struct uvl_dns *d)
{
    struct timeval tv;
    timer_stop(&d->timer);
    if (ares_timeout(d->channel, NULL, &tv))
        timer_start(&d->world->base, &d->timer,
                    (uint64_t)tv.tv_sec * 1000 + ((uint64_t)tv.tv_usec + 999) / 1000);
}

static void on_timer(void *arg)
{
    struct uvl_dns *d = arg;
    ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    rearm(d);
}

static void on_ready(void *owner, bool readable, bool writable)
{
    struct dns_sock *k = owner;
    struct uvl_dns *d = k->names;
    ares_socket_t fd = k->sock.fd;
    ares_process_fd(d->channel, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
    rearm(d);
}

static struct dns_sock *sock_find(struct uvl_dns *d, int fd)
{
    LIST_EACH(&d->socks, it) {
        struct dns_sock *k = LIST_ENTRY(it, struct dns_sock, link);
        if (k->sock.fd == fd)
            return k;
    }
    return NULL;
}

static struct dns_sock *sock_new(struct uvl_dns *d, int fd)
{
    struct dns_sock *k = mem_zalloc(sizeof *k);
    if (!k)
        return NULL;
    k->names = d;
    k->sock.keep_fd = true;
    k->sock.owner = k;
    k->sock.ready = on_ready;
    k->sock.destroy = mem_free;
    if (uvl_sock_init(&k->sock, d->world, fd) < 0) {
        mem_free(k);
        return NULL;
    }
    list_init(&k->link);
    list_add(&d->socks, &k->link);
    return k;
}

// Without memory for a new socket's handle the query runs into its timeout.
static void on_sock_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct uvl_dns *d = arg;
    struct dns_sock *k = sock_find(d, fd);
    if (!readable && !writable) {
        if (k) {
            list_del(&k->link);
            uvl_sock_close(&k->sock);
        }
        return;
    }
    if (k || (k = sock_new(d, fd)))
        uvl_sock_want(&k->sock, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0));
}

// ---- servers ----

static int set_servers(struct uvl_dns *d)
{
    size_t cap = d->n_servers * ADDR_TEXT_MAX + 1;
    AUTO_FREE char *csv = mem_alloc(cap);
    if (!csv)
        return ERR_NOMEM;
    struct writer w = writer_init(csv, cap);
    for (size_t i = 0; i < d->n_servers; i++) {
        char text[ADDR_TEXT_MAX];
        writer_str(&w, i ? STR(",") : STR(""));
        writer_str(&w, addr_text(&d->servers[(d->first + i) % d->n_servers], text));
    }
    writer_chr(&w, 0);
    return ares_set_servers_ports_csv(d->channel, csv) == ARES_SUCCESS ? 0 : ERR_INVAL;
}

// Each query begins at the first server. One that was silent goes last, or it would cost every
// query its timeout. c-ares takes a new order only while nothing is asked.
static void turn_servers(struct uvl_dns *d)
{
    if (!d->turn || d->n_asked)
        return;
    d->turn = false;
    d->first = (d->first + 1) % d->n_servers;
    (void)set_servers(d); // the old order is only slower
}

// The servers in use as text, the system's included.
static void name_servers(struct uvl_dns *d, struct dns *dns)
{
    struct ares_addr_port_node *first = NULL;
    struct writer w = writer_init(dns->servers, sizeof dns->servers - 1);
    if (ares_get_servers_ports(d->channel, &first) != ARES_SUCCESS)
        return;
    for (const struct ares_addr_port_node *s = first; s; s = s->next) {
        char text[ADDR_TEXT_MAX];
        struct addr a = {.sa.sa_family = (sa_family_t)s->family};
        if (s->family == AF_INET6)
            memcpy(&a.in6.sin6_addr, &s->addr.addr6, sizeof a.in6.sin6_addr);
        else
            a.in4.sin_addr = s->addr.addr4;
        addr_set_port(&a, s->udp_port ? (uint16_t)s->udp_port : 53);
        writer_str(&w, s == first ? STR("") : STR(", "));
        writer_str(&w, addr_text(&a, text));
    }
    dns->servers[w.n] = 0;
    ares_free_data(first);
}

static int take_servers(struct uvl_dns *d, const struct uv_loop_params *p)
{
    if (!p->n_dns_servers)
        return 0;
    d->servers = mem_alloc(p->n_dns_servers * sizeof *d->servers);
    if (!d->servers)
        return ERR_NOMEM;
    memcpy(d->servers, p->dns_servers, p->n_dns_servers * sizeof *d->servers);
    d->n_servers = p->n_dns_servers;
    return set_servers(d);
}

// ---- queries ----

static void finish_from_bytes(struct dns_flight *f, struct str bytes)
{
    _Alignas(8) char first[ARENA_FIRST];
    struct arena a;
    arena_init(&a, first, sizeof first);
    struct dns_msg m = dns_msg_parse(bytes, f->type, &a);
    dns_finish(f, m.err, m.rrs, m.n, m.ttl);
    arena_done(&a);
}

static int rcode_of(int status)
{
    switch (status) {
    case ARES_EFORMERR:
        return 1;
    case ARES_ESERVFAIL:
        return 2;
    case ARES_ENOTFOUND:
        return 3;
    case ARES_ENOTIMP:
        return 4;
    case ARES_EREFUSED:
        return 5;
    case ARES_ECONNREFUSED:
        return DNS_UNREACHABLE;
    default:
        return 0;
    }
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *bytes, int n)
{
    struct dns_flight *f = arg;
    struct uvl_dns *d = uvl_world_of(f->loop)->names;
    if (d->closing)
        return;
    d->n_asked--;
    d->turn = d->turn || (timeouts && d->n_servers > 1);
    f->rcode = rcode_of(status);
    bool answered = status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND;
    if (answered && bytes && n > 0)
        finish_from_bytes(f, str_make((const char *)bytes, (size_t)n));
    else if (status == ARES_ENOMEM)
        dns_finish(f, ERR_NOMEM, NULL, 0, 0);
    else
        dns_finish(f, status == ARES_ETIMEOUT ? ERR_TIMEOUT : ERR_DNS, NULL, 0, 0);
}

void uvl_dns_start(struct loop *l, struct dns_flight *f)
{
    struct uvl_dns *d = uvl_world_of(l)->names;
    turn_servers(d);
    d->n_asked++;
    ares_query(d->channel, dns_flight_name(f), ns_c_in, (int)f->type, on_answer, f);
    rearm(d);
}

// ---- life ----

static int channel_init(struct uvl_dns *d, const struct uv_loop_params *p)
{
    struct ares_options o = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
        .timeout = p->dns_timeout_ms ? (int)p->dns_timeout_ms : TIMEOUT_MS,
        .tries = p->dns_tries ? (int)p->dns_tries : TRIES,
        .ednspsz = EDNS_SIZE,
        .sock_state_cb = on_sock_state,
        .sock_state_cb_data = d,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
               ARES_OPT_SOCK_STATE_CB;
    return ares_init_options(&d->channel, &o, mask) == ARES_SUCCESS ? 0 : ERR_DNS;
}

int uvl_dns_new(struct uvl_world *w, const struct uv_loop_params *p)
{
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return ERR_DNS;
    struct uvl_dns *d = mem_zalloc(sizeof *d);
    if (!d) {
        ares_library_cleanup();
        return ERR_NOMEM;
    }
    d->world = w;
    list_init(&d->socks);
    timer_init(&d->timer, on_timer, d);
    int err = channel_init(d, p);
    if (err < 0) {
        mem_free(d);
        ares_library_cleanup();
        return err;
    }
    w->names = d;
    err = take_servers(d, p);
    name_servers(d, &w->base.dns);
    return err;
}

void uvl_dns_free(struct uvl_world *w)
{
    struct uvl_dns *d = w->names;
    if (!d)
        return;
    d->closing = true;
    timer_stop(&d->timer);
    ares_destroy(d->channel);
    ares_library_cleanup();
    w->names = NULL;
    mem_free(d->servers);
    mem_free(d);
}
