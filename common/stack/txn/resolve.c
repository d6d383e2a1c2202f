// SPDX-License-Identifier: Apache-2.0
// Numeric hosts, and the names already known; DNS itself is in resolve_dns.c.
#include "stack/txn/resolve.h"

#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/mem.h"
#include "base/writer.h"
#include "sip/uri.h"
#include "stack/transport/transport.h"
#include "stack/txn/resolve_priv.h"

uint64_t resolve_now_ms(const struct resolver *r)
{
    return loop_now(r->loop) / 1000000;
}

// RFC 3263 4: maddr stands for the host, transport is taken at its word.
int resolve_spec_of(const struct sip_uri *u, struct resolve_spec *ret_spec)
{
    if (u->scheme != SIP_SCHEME_SIP)
        return ERR_UNSUPPORTED;
    struct resolve_spec spec = {.host = u->host, .port = u->port};
    struct str maddr = sip_uri_param(u, STR("maddr"), NULL);
    struct str transport = sip_uri_param(u, STR("transport"), NULL);
    if (maddr.n)
        spec.host = maddr;
    if (transport.n) {
        spec.has_proto = true;
        if (str_ieq(transport, STR("udp")))
            spec.proto = SIP_PROTO_UDP;
        else if (str_ieq(transport, STR("tcp")))
            spec.proto = SIP_PROTO_TCP;
        else
            return ERR_UNSUPPORTED;
    }
    if (!spec.host.n)
        return ERR_UNSUPPORTED;
    spec.numeric = addr_parse(spec.host, spec.port ? spec.port : 5060, &spec.ip) == 0;
    *ret_spec = spec;
    return 0;
}

// ---- targets that failed ----

bool resolve_same_node(const struct resolve_target *a, const struct resolve_target *b)
{
    return addr_eq_ip(&a->addr, &b->addr) &&
           (a->proto != b->proto || addr_port(&a->addr) == addr_port(&b->addr));
}

enum { ANY_PROTO = 0xff, SILENCE = 0xfe }; // in the place of a transport

static uint64_t mark_key(const struct resolve_target *t, uint8_t proto)
{
    struct {
        uint8_t ip[16];
        uint16_t port;
        uint8_t ip6, proto;
    } k = {.port = addr_port(&t->addr), .ip6 = addr_is_ip6(&t->addr), .proto = proto};
    if (k.ip6)
        memcpy(k.ip, &t->addr.in6.sin6_addr, 16);
    else
        memcpy(k.ip, &t->addr.in4.sin_addr, 4);
    return hash_bytes(&k, sizeof k);
}

void resolve_mark_transport(struct resolver *r, const struct resolve_target *t)
{
    marks_set(&r->bad, mark_key(t, (uint8_t)t->proto), resolve_now_ms(r), RESOLVE_BAD_MS);
}

void resolve_mark_node(struct resolver *r, const struct resolve_target *t, uint32_t ms)
{
    marks_set(&r->bad, mark_key(t, ANY_PROTO), resolve_now_ms(r),
              ms ? ms : RESOLVE_BAD_MS);
}

void resolve_mark_silent(struct resolver *r, const struct resolve_target *t)
{
    marks_set(&r->bad, mark_key(t, SILENCE), resolve_now_ms(r), RESOLVE_BAD_MS);
}

bool resolve_is_silent(struct resolver *r, const struct resolve_target *t)
{
    struct marks *m = &r->bad;
    return m->n && marks_has(m, mark_key(t, SILENCE), resolve_now_ms(r), true);
}

void resolve_forgive(struct resolver *r, const struct resolve_target *t)
{
    struct marks *m = &r->bad;
    if (!m->n)
        return;
    marks_clear(m, mark_key(t, ANY_PROTO));
    marks_clear(m, mark_key(t, SILENCE));
    marks_clear(m, mark_key(t, (uint8_t)t->proto));
}

// Only who stands first is really tried, and may be the probe.
static bool is_bad(struct resolver *r, const struct resolve_target *t, bool first)
{
    struct marks *m = &r->bad;
    uint64_t now = resolve_now_ms(r);
    return marks_has(m, mark_key(t, ANY_PROTO), now, first) ||
           marks_has(m, mark_key(t, (uint8_t)t->proto), now, first);
}

// Failed targets go last, so that a name never is without any.
static void bad_last(struct resolver *r, struct resolve_list *l)
{
    struct resolve_list good = {.n = 0}, bad = {.n = 0};
    if (!r->bad.n || l->n < 2)
        return;
    for (size_t i = 0; i < l->n; i++) {
        struct resolve_list *to = is_bad(r, &l->t[i], i == 0) ? &bad : &good;
        to->t[to->n++] = l->t[i];
    }
    memcpy(l->t, good.t, good.n * sizeof *l->t);
    memcpy(l->t + good.n, bad.t, bad.n * sizeof *l->t);
}

// ---- order ----

static bool same_group(const struct resolve_entry *a, const struct resolve_entry *b)
{
    return a->rank == b->rank && a->priority == b->priority;
}

static bool before(const struct resolve_entry *a, const struct resolve_entry *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->priority < b->priority;
}

// Takes one of the first group of v (sorted) by lot, in proportion to the weights.
static size_t draw(struct resolver *r, const struct resolve_entry *v, size_t n)
{
    uint32_t sum = 0, seen = 0;
    size_t group = 0;
    while (group < n && same_group(&v[group], &v[0]))
        sum += v[group++].weight;
    if (group == 1 || !sum)
        return 0;
    uint32_t lot = (uint32_t)(loop_random_u64(r->loop) % sum);
    for (size_t i = 0; i < group; i++) {
        seen += v[i].weight;
        if (lot < seen)
            return i;
    }
    return 0;
}

void resolve_order(struct resolver *r, const struct resolve_entry *v, size_t n,
                   struct resolve_list *ret_list)
{
    struct resolve_entry e[RESOLVE_ENTRIES];
    ret_list->n = 0;
    n = n < RESOLVE_ENTRIES ? n : RESOLVE_ENTRIES;
    for (size_t i = 0; i < n; i++) { // insertion sort, stable
        size_t at = i;
        for (; at > 0 && before(&v[i], &e[at - 1]); at--)
            e[at] = e[at - 1];
        e[at] = v[i];
    }
    for (; n && ret_list->n < RESOLVE_MAX; n--) {
        size_t i = draw(r, e, n);
        ret_list->t[ret_list->n++] = e[i].t;
        memmove(e + i, e + i + 1, (n - i - 1) * sizeof *e);
    }
    bad_last(r, ret_list);
}

// ---- names already asked for ----

// A server that does not answer does not make a known address wrong (RFC 8767 4).
static bool may_use_old(const struct resolve_name *n)
{
    return n->n && resolve_now_ms(n->resolver) < n->expires + RESOLVE_STALE_MS;
}

// What is known of the name without asking: 0, the failure of a moment ago, or ERR_MORE.
static int known(const struct resolve_name *n)
{
    uint64_t now = resolve_now_ms(n->resolver);
    if (n->n && now < n->expires)
        return 0;
    if (now >= n->retry)
        return ERR_MORE;
    return may_use_old(n) ? 0 : n->err;
}

// ---- what needs no DNS ----

static void add(struct resolve_list *l, enum sip_proto proto, const struct addr *a, bool explicit)
{
    if (l->n < RESOLVE_MAX)
        l->t[l->n++] = (struct resolve_target){proto, *a, explicit};
}

static void numeric(struct resolver *r, const struct resolve_spec *spec, struct resolve_list *l)
{
    if (spec->has_proto) {
        add(l, spec->proto, &spec->ip, true);
    } else if (r->tcp_prefer && transport_has(r->transport, SIP_PROTO_TCP, addr_is_ip6(&spec->ip))) {
        add(l, SIP_PROTO_TCP, &spec->ip, false);
        add(l, SIP_PROTO_UDP, &spec->ip, true); // when TCP is refused
    } else {
        add(l, SIP_PROTO_UDP, &spec->ip, false);
    }
}

static struct str spec_key(const struct resolve_spec *spec, char buf[RESOLVE_KEY_MAX])
{
    struct writer w = writer_init(buf, RESOLVE_KEY_MAX);
    writer_chr(&w, spec->has_proto ? (char)('0' + spec->proto) : '-');
    writer_u64(&w, spec->port);
    writer_chr(&w, ' ');
    for (size_t i = 0; i < spec->host.n; i++) {
        char c = spec->host.p[i];
        writer_chr(&w, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
    }
    return w.failed ? STR_NONE : writer_done(&w);
}

static struct resolve_name *find_name(struct resolver *r, struct str key)
{
    struct resolve_name *n = NULL;
    HASH_FIND(hh, r->names, key.p, key.n, n);
    return n;
}

int resolve_now(struct resolver *r, const struct sip_uri *u, struct resolve_list *ret_list)
{
    struct resolve_spec spec;
    char buf[RESOLVE_KEY_MAX];
    int err = resolve_spec_of(u, &spec);
    if (err)
        return err;
    ret_list->n = 0;
    if (spec.numeric)
        numeric(r, &spec, ret_list);
    if (ret_list->n) {
        bad_last(r, ret_list);
        return 0;
    }
    struct str key = spec_key(&spec, buf);
    struct resolve_name *n = key.p ? find_name(r, key) : NULL;
    err = n ? known(n) : ERR_MORE;
    ret_list->why = n ? n->why : NULL;
    if (!err)
        resolve_order(r, n->v, n->n, ret_list);
    return err;
}

// ---- names in DNS ----

static void name_free(struct resolver *r, struct resolve_name *n)
{
    HASH_DELETE(hh, r->names, n);
    r->n_names--;
    resolve_query_free(n->query);
    while (!list_empty(&n->waiters)) {
        struct resolve_waiter *w = LIST_ENTRY(n->waiters.next, struct resolve_waiter, link);
        list_del(&w->link);
        slots_remove(&r->waiters, w->id);
        mem_free(w);
    }
    mem_free((void *)n->key.p);
    mem_free(n);
}

// The name known longest goes, unless somebody waits for it.
static void make_room(struct resolver *r)
{
    struct resolve_name *n, *next;
    if (r->n_names < RESOLVE_NAMES)
        return;
    HASH_ITER(hh, r->names, n, next)
    {
        if (!n->query && !n->telling && list_empty(&n->waiters)) {
            name_free(r, n);
            return;
        }
    }
}

static struct resolve_name *name_get(struct resolver *r, struct str key)
{
    struct resolve_name *n = find_name(r, key);
    if (n)
        return n;
    make_room(r);
    n = mem_zalloc(sizeof *n);
    struct str copy = str_dup(key);
    if (!n || !copy.p)
        goto fail;
    n->resolver = r;
    n->key = copy;
    list_init(&n->waiters);
    HASH_ADD_KEYPTR(hh, r->names, n->key.p, n->key.n, n);
    if (!n->hh.tbl)
        goto fail;
    r->n_names++;
    return n;
fail:
    mem_free((void *)copy.p);
    mem_free(n);
    return NULL;
}

static void answered(struct resolve_name *n, int err, const struct resolve_entry *v, size_t count, uint32_t ttl);

int resolve_start(struct resolver *r, const struct sip_uri *u, resolve_cb cb, void *arg,
                  uint64_t *ret_id)
{
    struct resolve_spec spec;
    char buf[RESOLVE_KEY_MAX];
    int err = resolve_spec_of(u, &spec);
    if (err)
        return err;
    struct str key = spec_key(&spec, buf);
    if (!key.p)
        return ERR_DNS; // longer than any name in DNS
    struct resolve_name *n = name_get(r, key);
    struct resolve_waiter *w = n ? mem_zalloc(sizeof *w) : NULL;
    if (!w)
        return ERR_NOMEM;
    *w = (struct resolve_waiter){.cb = cb, .arg = arg, .id = slots_add(&r->waiters, w)};
    list_init(&w->link);
    err = w->id ? 0 : ERR_NOMEM;
    if (!err && !n->query)
        err = resolve_query_start(n, &spec,
                                  may_use_old(n) ? RESOLVE_STALE_WAIT_MS : RESOLVE_LIMIT_MS, answered);
    if (err) {
        slots_remove(&r->waiters, w->id);
        mem_free(w);
        return err;
    }
    list_add(&n->waiters, &w->link);
    *ret_id = w->id;
    return 0;
}

void resolve_cancel(struct resolver *r, uint64_t id)
{
    struct resolve_waiter *w = id ? slots_find(&r->waiters, id) : NULL;
    if (!w)
        return;
    list_del(&w->link);
    slots_remove(&r->waiters, id);
    mem_free(w);
}

static void tell(struct resolve_name *n, int err)
{
    struct resolver *r = n->resolver;
    struct list all;
    list_init(&all);
    list_splice(&all, &n->waiters);
    n->telling = true;
    while (!list_empty(&all)) {
        struct resolve_waiter *w = LIST_ENTRY(all.next, struct resolve_waiter, link);
        resolve_cb cb = w->cb;
        void *arg = w->arg;
        struct resolve_list l = {.n = 0, .why = n->why};
        if (!err)
            resolve_order(r, n->v, n->n, &l);
        resolve_cancel(r, w->id);
        cb(arg, err, &l);
    }
    n->telling = false;
}

// "No such name" is an answer and kept by the DNS cache; that nobody answered is remembered here.
static int failed(struct resolve_name *n, int err)
{
    uint64_t now = resolve_now_ms(n->resolver);
    bool old = err != ERR_NODATA && may_use_old(n);
    struct str host = n->key;
    (void)str_split(&host, ' ');
    if (log_admit("name not resolved", err_text(err), hash_bytes(host.p, host.n), now)) {
        // Whose request fails says so by itself; what goes on with old addresses, nobody else.
        LOG(old ? LOG_WARN : LOG_INFO, "name not resolved", LF("name", host),
            LF_Z("reason", n->why[0] ? n->why : err_text(err)),
            LF_Z("then", old ? "its last known addresses are used" : "requests to it fail"));
    }
    if (!old)
        n->n = 0;
    n->err = err;
    n->retry = 0;
    if (err != ERR_NODATA)
        n->retry = now + (old ? RESOLVE_STALE_RETRY_MS : RESOLVE_FAILED_MS);
    return old ? 0 : err;
}

static void answered(struct resolve_name *n, int err, const struct resolve_entry *v, size_t count,
                      uint32_t ttl)
{
    uint64_t keep = (uint64_t)ttl * 1000;
    if (!err) {
        memcpy(n->v, v, count * sizeof *v);
        n->n = count;
        n->expires = resolve_now_ms(n->resolver) + (keep < RESOLVE_KEEP_MS ? keep : RESOLVE_KEEP_MS);
        n->retry = 0;
    } else {
        err = failed(n, err);
    }
    resolve_query_free(n->query);
    n->query = NULL;
    tell(n, err);
}

int resolver_new(struct transport *t, bool tcp_prefer, struct resolver **ret_resolver)
{
    struct resolver *r = mem_zalloc(sizeof *r);
    if (!r)
        return ERR_NOMEM;
    r->loop = transport_loop(t);
    r->transport = t;
    r->tcp_prefer = tcp_prefer;
    *ret_resolver = r;
    return 0;
}

uint64_t resolver_queries(const struct resolver *r)
{
    return r->queries;
}

size_t resolver_names(const struct resolver *r)
{
    return r->n_names;
}

void resolver_free(struct resolver *r)
{
    struct resolve_name *n, *next;
    if (!r)
        return;
    HASH_ITER(hh, r->names, n, next)
    name_free(r, n);
    slots_done(&r->waiters);
    mem_free(r);
}
