// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/mem.h"
#include "io/sim_priv.h"

enum { PORT_FIRST = 32768, PORT_LAST = 60999 };

static struct sim_ip ip_of(const struct addr *a)
{
    struct sim_ip ip = {.ip6 = addr_is_ip6(a)};
    if (ip.ip6)
        memcpy(ip.ip, &a->in6.sin6_addr, 16);
    else
        memcpy(ip.ip, &a->in4.sin_addr, 4);
    return ip;
}

// ---- links ----

struct sim_link *sim_link_find(struct sim *s, const struct addr *a, const struct addr *b,
                               int *ret_dir)
{
    struct sim_ip end[2] = {ip_of(a), ip_of(b)};
    struct sim_link *k;
    *ret_dir = memcmp(&end[0], &end[1], sizeof end[0]) > 0;
    if (*ret_dir) {
        struct sim_ip first = end[1];
        end[1] = end[0];
        end[0] = first;
    }
    HASH_FIND(hh, s->links, end, sizeof end, k);
    if (k)
        return k;
    k = mem_zalloc(sizeof *k);
    if (!k)
        return NULL;
    memcpy(k->end, end, sizeof end);
    HASH_ADD(hh, s->links, end, sizeof k->end, k);
    if (!k->hh.tbl) {
        mem_free(k);
        return NULL;
    }
    mem_keep(1);
    return k;
}

struct sim_path sim_path_find(struct sim *s, const struct addr *src, const struct addr *dst)
{
    struct sim_path p = {.faults = &s->faults};
    p.link = sim_link_find(s, src, dst, &p.dir);
    if (p.link && p.link->own_faults)
        p.faults = &p.link->faults;
    return p;
}

uint64_t sim_path_delay(struct sim *s, const struct sim_path *p)
{
    uint64_t from = (uint64_t)p->faults->delay_min_us * SIM_US;
    uint64_t to = (uint64_t)p->faults->delay_max_us * SIM_US;
    if (to > from)
        from += sim_draw(&s->rng_net) % (to - from + 1);
    return from > SIM_DELAY_MIN ? from : SIM_DELAY_MIN;
}

void sim_set_faults(struct sim *s, const struct sim_faults *f)
{
    s->faults = *f;
}

int sim_set_link(struct sim *s, const struct addr *a, const struct addr *b,
                 const struct sim_faults *f)
{
    int dir;
    struct sim_link *k = sim_link_find(s, a, b, &dir);
    if (!k)
        return ERR_NOMEM;
    k->own_faults = f;
    if (f)
        k->faults = *f;
    return 0;
}

int sim_lose(struct sim *s, const struct addr *src, const struct addr *dst, uint32_t ppm)
{
    int dir;
    struct sim_link *k = sim_link_find(s, src, dst, &dir);
    if (!k)
        return ERR_NOMEM;
    k->loss_ppm[dir] = ppm;
    return 0;
}

void sim_trace(struct sim *s, const struct addr *src, const struct addr *dst, bool tcp,
               bool dropped, struct str data)
{
    if (s->trace)
        s->trace(s->trace_arg, s->now / SIM_US, src, dst, tcp, dropped, data);
}

void sim_set_tamper(struct sim *s, sim_tamper_cb cb, void *arg)
{
    s->tamper = cb;
    s->tamper_arg = arg;
}

struct str sim_tamper(struct sim *s, const struct addr *src, const struct addr *dst, bool tcp,
                      struct str data)
{
    return s->tamper ? s->tamper(s->tamper_arg, src, dst, tcp, data) : data;
}

// ---- bound addresses ----

static struct sim_port *port_find(struct sim *s, const struct addr *a, bool tcp)
{
    struct sim_port *p, key;
    memset(&key.key, 0, sizeof key.key);
    key.key.ip = ip_of(a);
    key.key.tcp = tcp;
    key.key.port = addr_port(a);
    HASH_FIND(hh, s->ports, &key.key, sizeof key.key, p);
    return p;
}

static struct sim_port *port_add(struct sim *s, const struct addr *a, bool tcp)
{
    struct sim_port *p = mem_zalloc(sizeof *p);
    if (!p)
        return NULL;
    p->key.ip = ip_of(a);
    p->key.tcp = tcp;
    p->key.port = addr_port(a);
    list_init(&p->binds);
    HASH_ADD(hh, s->ports, key, sizeof p->key, p);
    if (p->hh.tbl)
        return p;
    mem_free(p);
    return NULL;
}

uint16_t sim_next_port(struct sim *s)
{
    if (s->last_port < PORT_FIRST || s->last_port >= PORT_LAST)
        s->last_port = PORT_FIRST - 1;
    return ++s->last_port;
}

static int choose_port(struct sim *s, struct addr *local, bool tcp)
{
    for (int i = PORT_FIRST; i <= PORT_LAST; i++) {
        addr_set_port(local, sim_next_port(s));
        if (!port_find(s, local, tcp))
            return 0;
    }
    return ERR_INUSE;
}

// Every socket there must have asked for sharing.
static bool may_share(const struct sim_port *p, bool reuseport)
{
    return reuseport && LIST_ENTRY(p->binds.next, struct sim_bind, link)->reuseport;
}

int sim_bind_add(struct sim_bind *b, struct sim_node *n, struct addr *local, bool tcp,
                 bool reuseport)
{
    struct addr a = *local;
    int err;
    if (addr_port(&a) == 0 && (err = choose_port(n->sim, &a, tcp)) < 0)
        return err;
    struct sim_port *p = port_find(n->sim, &a, tcp);
    if (p && !may_share(p, reuseport))
        return ERR_INUSE;
    if (!p && !(p = port_add(n->sim, &a, tcp)))
        return ERR_NOMEM;
    b->port = p;
    b->node = n;
    b->reuseport = reuseport;
    list_init(&b->link);
    list_add(&p->binds, &b->link);
    if (!n->has_home && !addr_is_any(&a)) {
        n->home = a;
        n->has_home = true;
    }
    *local = a;
    return 0;
}

void sim_bind_remove(struct sim *s, struct sim_bind *b)
{
    struct sim_port *p = b->port;
    if (!p)
        return;
    b->port = NULL;
    list_del(&b->link);
    if (!list_empty(&p->binds))
        return;
    HASH_DEL(s->ports, p);
    mem_free(p);
}

// FNV-1a over the source, so that one source keeps to one socket of a shared port.
static uint64_t source_hash(const struct addr *src)
{
    struct sim_ip ip = ip_of(src);
    uint64_t h = 0xcbf29ce484222325u ^ addr_port(src);
    for (size_t i = 0; i < sizeof ip.ip; i++)
        h = (h ^ ip.ip[i]) * 0x100000001b3u;
    return h ^ h >> 32;
}

static struct sim_bind *choose(const struct sim_port *p, const struct addr *src)
{
    struct list *it = p->binds.next;
    if (it->next != &p->binds) {
        uint64_t n = 0;
        LIST_EACH(&p->binds, each)
            n++;
        for (uint64_t i = source_hash(src) % n; i > 0; i--)
            it = it->next;
    }
    return LIST_ENTRY(it, struct sim_bind, link);
}

struct sim_bind *sim_bind_find(struct sim *s, const struct addr *src, const struct addr *dst,
                               bool tcp)
{
    struct sim_port *p = port_find(s, dst, tcp);
    if (!p) {
        struct addr any = {.sa = {.sa_family = dst->sa.sa_family}};
        addr_set_port(&any, addr_port(dst));
        p = port_find(s, &any, tcp);
    }
    return p ? choose(p, src) : NULL;
}

bool sim_host_up(struct sim *s, const struct addr *a)
{
    struct sim_ip ip = ip_of(a);
    for (struct sim_port *p = s->ports; p; p = p->hh.next)
        if (memcmp(&p->key.ip, &ip, sizeof ip) == 0)
            return true;
    return false;
}

struct addr sim_source(const struct sim_node *n, const struct addr *local,
                       const struct addr *remote)
{
    struct addr a;
    if (local && !addr_is_any(local))
        return *local;
    if (n->has_home && n->home.sa.sa_family == remote->sa.sa_family) {
        a = n->home;
    } else {
        a = (struct addr){.sa = {.sa_family = remote->sa.sa_family}};
        if (addr_is_ip6(remote))
            a.in6.sin6_addr = in6addr_loopback;
        else
            a.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    addr_set_port(&a, local ? addr_port(local) : 0);
    return a;
}

void sim_net_done(struct sim *s)
{
    struct sim_link *k, *next;
    HASH_ITER(hh, s->links, k, next) {
        HASH_DEL(s->links, k);
        mem_keep(-1);
        mem_free(k);
    }
}
