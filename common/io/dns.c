// SPDX-License-Identifier: Apache-2.0
#include "io/dns_priv.h"

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/loop_priv.h"

enum { NS_PER_S = 1000000000 };

struct dns_answer {
    unsigned refs;
    int err, rcode;
    uint64_t since;  // loop_now when it came
    uint64_t expiry; // loop_now when it may not be used any more
    size_t n;
    struct dns_rr rrs[]; // then their text
};

struct dns_entry {
    UT_hash_handle hh;
    struct list lru;
    struct dns_answer *answer;
    char key[];
};

struct dns_waiter {
    UT_hash_handle hh;
    struct list link; // in its flight's waiters, then in dns.ready
    uint64_t id;
    dns_cb cb;
    void *arg;
    struct dns_answer *answer; // NULL in the ready list: out of memory
};

// ---- answers ----

static void answer_unref(struct dns_answer *a)
{
    if (a && --a->refs == 0)
        mem_free(a);
}

static size_t rr_text_size(const struct dns_rr *rr, enum dns_type type)
{
    if (type == DNS_SRV)
        return rr->srv.target.n;
    if (type == DNS_NAPTR)
        return rr->naptr.flags.n + rr->naptr.service.n + rr->naptr.regexp.n +
               rr->naptr.replacement.n;
    return 0;
}

static void move_text(struct str *s, char **p)
{
    if (s->n)
        memcpy(*p, s->p, s->n);
    s->p = *p;
    *p += s->n;
}

static struct dns_answer *answer_new(enum dns_type type, int err, const struct dns_rr *rrs,
                                     size_t n)
{
    size_t text = 0;
    for (size_t i = 0; i < n; i++)
        text += rr_text_size(&rrs[i], type);
    struct dns_answer *a = mem_alloc(sizeof *a + n * sizeof *rrs + text);
    if (!a)
        return NULL;
    *a = (struct dns_answer){.refs = 1, .err = err, .n = n};
    char *p = (char *)(a->rrs + n);
    for (size_t i = 0; i < n; i++) {
        struct dns_rr *rr = &a->rrs[i];
        *rr = rrs[i];
        if (type == DNS_SRV) {
            move_text(&rr->srv.target, &p);
        } else if (type == DNS_NAPTR) {
            move_text(&rr->naptr.flags, &p);
            move_text(&rr->naptr.service, &p);
            move_text(&rr->naptr.regexp, &p);
            move_text(&rr->naptr.replacement, &p);
        }
    }
    return a;
}

// ---- cache ----

static void entry_free(struct dns *d, struct dns_entry *e)
{
    HASH_DEL(d->entries, e);
    list_del(&e->lru);
    answer_unref(e->answer);
    mem_free(e);
}

static void cache_clear(struct dns *d)
{
    while (d->entries)
        entry_free(d, d->entries);
}

static struct dns_answer *cache_find(struct loop *l, const char *key, size_t key_len)
{
    struct dns_entry *e;
    HASH_FIND(hh, l->dns.entries, key, key_len, e);
    if (!e)
        return NULL;
    if (*l->now >= e->answer->expiry) {
        entry_free(&l->dns, e);
        return NULL;
    }
    list_del(&e->lru);
    list_add(&l->dns.lru, &e->lru);
    e->answer->refs++;
    return e->answer;
}

// A cache that cannot grow is only slower, so failures stay silent.
static void cache_add(struct dns *d, const struct dns_flight *f, struct dns_answer *a)
{
    struct dns_entry *e;
    HASH_FIND(hh, d->entries, f->key, f->key_len, e);
    if (e)
        entry_free(d, e);
    if (HASH_COUNT(d->entries) >= DNS_CACHE_MAX)
        entry_free(d, LIST_ENTRY(d->lru.next, struct dns_entry, lru));
    e = mem_zalloc(sizeof *e + f->key_len);
    if (!e)
        return;
    memcpy(e->key, f->key, f->key_len);
    HASH_ADD(hh, d->entries, key, f->key_len, e);
    if (!e->hh.tbl) {
        mem_free(e);
        return;
    }
    list_add(&d->lru, &e->lru);
    e->answer = a;
    a->refs++;
}

// ---- waiters ----

static void waiter_free(struct dns *d, struct dns_waiter *w)
{
    HASH_DEL(d->waiters, w);
    list_del(&w->link);
    answer_unref(w->answer);
    mem_free(w);
}

static struct dns_waiter *waiter_new(struct dns *d, dns_cb cb, void *arg)
{
    struct dns_waiter *w = mem_zalloc(sizeof *w);
    if (!w)
        return NULL;
    w->cb = cb;
    w->arg = arg;
    w->id = ++d->last_id;
    list_init(&w->link);
    HASH_ADD(hh, d->waiters, id, sizeof w->id, w);
    if (w->hh.tbl)
        return w;
    mem_free(w);
    return NULL;
}

const char *dns_said(const struct loop *l)
{
    return l->dns.said;
}

const char *dns_servers(const struct loop *l)
{
    return l->dns.servers;
}

// RFC 1035 4.1.1, RFC 2308 2.
static void say(struct dns *d, const struct dns_answer *a)
{
    static const char *const rcodes[] = {[1] = "FORMERR", [2] = "SERVFAIL", [3] = "NXDOMAIN", [4] = "NOTIMP",
                                         [5] = "REFUSED"};
    bool named = a->rcode > 0 && (size_t)a->rcode < ARRAY_LEN(rcodes);
    const char *what = a->rcode == DNS_UNREACHABLE ? "no use (SERVFAIL, REFUSED or port closed)"
                       : named                     ? rcodes[a->rcode]
                       : a->err == ERR_TIMEOUT     ? "no answer"
                       : a->err == ERR_NODATA      ? "no data"
                                                   : err_text(a->err);
    // That something is not there is what the zone says, whichever server was asked.
    bool from = d->servers[0] && a->err != ERR_NODATA;
    (void)snprintf(d->said, sizeof d->said, "%s%s%s", what, from ? " from " : "", from ? d->servers : "");
}

// Gives the answer with the time to live that is left of it.
static void call_back(struct loop *l, dns_cb cb, void *arg, const struct dns_answer *a)
{
    AUTO_FREE struct dns_rr *rrs = a && a->n ? mem_alloc(a->n * sizeof *rrs) : NULL;
    if (!a || (a->n && !rrs)) {
        (void)snprintf(l->dns.said, sizeof l->dns.said, "%s", err_text(ERR_NOMEM));
        cb(arg, ERR_NOMEM, NULL, 0);
        return;
    }
    if (a->err)
        say(&l->dns, a);
    uint64_t age = (*l->now - a->since) / NS_PER_S;
    for (size_t i = 0; i < a->n; i++) {
        rrs[i] = a->rrs[i];
        rrs[i].ttl = rrs[i].ttl > age ? rrs[i].ttl - (uint32_t)age : 0;
    }
    cb(arg, a->err, rrs, a->n);
}

static void deliver(void *arg)
{
    struct loop *l = arg;
    struct list batch; // what becomes ready in a callback waits for the next turn
    list_init(&batch);
    list_splice(&batch, &l->dns.ready);
    while (!list_empty(&batch)) {
        struct dns_waiter *w = LIST_ENTRY(batch.next, struct dns_waiter, link);
        struct dns_answer *a = w->answer;
        dns_cb cb = w->cb;
        void *cb_arg = w->arg;
        w->answer = NULL;
        waiter_free(&l->dns, w);
        call_back(l, cb, cb_arg, a);
        answer_unref(a);
    }
}

static void make_ready(struct loop *l, struct dns_waiter *w, struct dns_answer *a)
{
    w->answer = a;
    list_del(&w->link);
    list_add(&l->dns.ready, &w->link);
    loop_defer(l, &l->dns.deliver);
}

// ---- flights ----

static void flight_free(struct dns *d, struct dns_flight *f)
{
    HASH_DEL(d->flights, f);
    mem_free(f);
}

static struct dns_flight *flight_new(struct loop *l, enum dns_type type, const char *key,
                                     size_t key_len)
{
    struct dns_flight *f = mem_zalloc(sizeof *f + key_len + 1);
    if (!f)
        return NULL;
    f->loop = l;
    f->type = type;
    f->key_len = key_len;
    memcpy(f->key, key, key_len);
    list_init(&f->waiters);
    HASH_ADD(hh, l->dns.flights, key, key_len, f);
    if (f->hh.tbl)
        return f;
    mem_free(f);
    return NULL;
}

void dns_finish(struct dns_flight *f, int err, const struct dns_rr *rrs, size_t n, uint32_t ttl)
{
    struct loop *l = f->loop;
    uint32_t longest = err ? DNS_NEGATIVE_TTL_MAX : DNS_TTL_MAX;
    struct dns_answer *a = answer_new(f->type, err, rrs, n);
    if (ttl > longest)
        ttl = longest;
    if (a) {
        a->rcode = f->rcode;
        a->since = *l->now;
        a->expiry = a->since + (uint64_t)ttl * NS_PER_S;
        if (ttl && !f->flushed)
            cache_add(&l->dns, f, a);
    }
    while (!list_empty(&f->waiters)) {
        if (a)
            a->refs++;
        make_ready(l, LIST_ENTRY(f->waiters.next, struct dns_waiter, link), a);
    }
    answer_unref(a);
    flight_free(&l->dns, f);
}

// ---- the public part ----

int dns_name_normalise(struct str name, char *buf, size_t *ret_n)
{
    if (str_ends(name, STR(".")))
        name.n--;
    if (name.n == 0 || name.n > DNS_NAME_MAX)
        return ERR_INVAL;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
        if (!upper && !lower && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return ERR_INVAL;
        buf[i] = upper ? (char)(c | 0x20) : c;
    }
    buf[name.n] = 0;
    *ret_n = name.n;
    return 0;
}

int dns_query(struct loop *l, struct str name, enum dns_type type, dns_cb cb, void *arg,
              uint64_t *ret_id)
{
    char key[DNS_NAME_MAX + 2] = {(char)type};
    size_t key_len;
    if (l->dead)
        return ERR_STATE;
    int err = dns_name_normalise(name, key + 1, &key_len);
    if (err < 0)
        return err;
    key_len++;
    struct dns_waiter *w = waiter_new(&l->dns, cb, arg);
    if (!w)
        return ERR_NOMEM;
    uint64_t id = w->id;
    struct dns_answer *a = cache_find(l, key, key_len);
    if (a) {
        make_ready(l, w, a);
        *ret_id = id;
        return 0;
    }
    struct dns_flight *f;
    HASH_FIND(hh, l->dns.flights, key, key_len, f);
    bool start = !f;
    if (start && !(f = flight_new(l, type, key, key_len))) {
        waiter_free(&l->dns, w);
        return ERR_NOMEM;
    }
    list_add(&f->waiters, &w->link);
    if (start)
        l->ops->dns_start(l, f);
    *ret_id = id;
    return 0;
}

void dns_cancel(struct loop *l, uint64_t id)
{
    struct dns_waiter *w;
    HASH_FIND(hh, l->dns.waiters, &id, sizeof id, w);
    if (w)
        waiter_free(&l->dns, w);
}

void dns_flush(struct loop *l)
{
    cache_clear(&l->dns);
    for (struct dns_flight *f = l->dns.flights; f; f = f->hh.next)
        f->flushed = true;
}

size_t dns_known(const struct loop *l)
{
    return HASH_COUNT(l->dns.entries);
}

void dns_init(struct loop *l)
{
    l->dns = (struct dns){0};
    list_init(&l->dns.lru);
    list_init(&l->dns.ready);
    deferred_init(&l->dns.deliver, deliver, l);
}

void dns_done(struct loop *l)
{
    struct dns *d = &l->dns;
    cache_clear(d);
    while (d->waiters)
        waiter_free(d, d->waiters);
    while (d->flights)
        flight_free(d, d->flights);
    deferred_cancel(&d->deliver);
}
