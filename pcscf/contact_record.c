// SPDX-License-Identifier: Apache-2.0
#include "pcscf/contact_record.h"

#include "base/arena.h"
#include "base/err.h"

enum { FLAG_NAT = 1, FLAG_OUTBOUND = 2, FLAGS = 3 };

// ---- writing ----

static void put_number(struct writer *w, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        writer_chr(w, (char)(v >> 8 * i & 255));
}

static void put_text(struct writer *w, struct str s)
{
    w->failed = w->failed || s.n > UINT16_MAX;
    put_number(w, s.n, 2);
    writer_str(w, s);
}

static void put_addr(struct writer *w, const struct addr *a)
{
    bool six = addr_is_ip6(a);
    put_number(w, six ? 6 : 4, 1);
    put_number(w, addr_port(a), 2);
    writer_str(w, six ? str_make((const char *)&a->in6.sin6_addr, 16) : str_make((const char *)&a->in4.sin_addr, 4));
    if (six)
        put_number(w, a->in6.sin6_scope_id, 4);
}

int contact_record_write(const struct contact_record *r, struct writer *w)
{
    const struct str texts[] = {r->impi, r->uri, r->home, r->service_route, r->charging_addresses, r->term_ioi};
    size_t before = w->n;
    put_number(w, CONTACT_RECORD_VERSION, 1);
    put_number(w, (r->nat ? FLAG_NAT : 0u) | (r->outbound ? FLAG_OUTBOUND : 0u), 1);
    put_number(w, r->proto, 1);
    put_number(w, r->id, 8);
    put_addr(w, &r->remote);
    put_addr(w, &r->local);
    put_number(w, r->until_ms, 8);
    put_number(w, r->granted_ms, 8);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        put_text(w, texts[i]);
    w->failed = w->failed || r->n_identities > UINT16_MAX;
    put_number(w, r->n_identities, 2);
    for (size_t i = 0; i < r->n_identities; i++) {
        put_text(w, r->identities[i].uri);
        put_text(w, r->identities[i].display);
    }
    return w->failed || w->n - before > CONTACT_RECORD_MAX ? ERR_TOOBIG : 0;
}

// ---- reading ----

// What is left, and whether something was missing: sticky, tested once.
struct cursor {
    struct str left;
    bool bad;
};

static struct str take(struct cursor *c, size_t n)
{
    if (c->bad || c->left.n < n) {
        c->bad = true;
        return STR_NONE;
    }
    struct str s = str_head(c->left, n);
    c->left = str_skip(c->left, n);
    return s;
}

static uint64_t take_number(struct cursor *c, size_t bytes)
{
    struct str s = take(c, bytes);
    uint64_t v = 0;
    for (size_t i = 0; i < s.n; i++)
        v |= (uint64_t)(unsigned char)s.p[i] << 8 * i;
    return v;
}

static struct str take_text(struct cursor *c)
{
    return take(c, (size_t)take_number(c, 2));
}

static void take_addr(struct cursor *c, struct addr *ret)
{
    struct addr a = {0};
    uint64_t family = take_number(c, 1);
    uint16_t port = (uint16_t)take_number(c, 2);
    struct str ip = take(c, family == 6 ? 16 : 4);
    uint32_t scope = family == 6 ? (uint32_t)take_number(c, 4) : 0;
    c->bad = c->bad || (family != 4 && family != 6);
    if (c->bad)
        return;
    a.sa.sa_family = family == 6 ? AF_INET6 : AF_INET;
    memcpy(family == 6 ? (void *)&a.in6.sin6_addr : (void *)&a.in4.sin_addr, ip.p, ip.n);
    if (family == 6)
        a.in6.sin6_scope_id = scope;
    addr_set_port(&a, port);
    *ret = a;
}

// Each takes four bytes at least, so that a number that lies costs no memory.
static int take_identities(struct cursor *c, struct arena *a, struct contact_record *r)
{
    size_t n = (size_t)take_number(c, 2);
    if (c->bad || n == 0 || n > c->left.n / 4)
        return ERR_BAD;
    struct identity *all = arena_alloc(a, n * sizeof *all);
    if (!all)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        all[i].uri = take_text(c);
        all[i].display = take_text(c);
        c->bad = c->bad || !all[i].uri.n;
    }
    r->identities = all;
    r->n_identities = n;
    return 0;
}

static bool is_sound(const struct contact_record *r, uint64_t flags)
{
    return flags <= FLAGS && (r->proto == SIP_PROTO_UDP || r->proto == SIP_PROTO_TCP) && r->id && r->uri.n && r->impi.n;
}

int contact_record_read(struct arena *a, struct str bytes, struct contact_record *ret_record)
{
    struct cursor c = {bytes, bytes.n > CONTACT_RECORD_MAX};
    struct contact_record r = {0};
    struct str *const texts[] = {&r.impi, &r.uri, &r.home, &r.service_route, &r.charging_addresses, &r.term_ioi};
    uint64_t version = take_number(&c, 1);
    if (!c.bad && version > CONTACT_RECORD_VERSION)
        return ERR_UNSUPPORTED;
    uint64_t flags = take_number(&c, 1);
    r.nat = flags & FLAG_NAT;
    r.outbound = flags & FLAG_OUTBOUND;
    r.proto = (enum sip_proto)take_number(&c, 1);
    r.id = take_number(&c, 8);
    take_addr(&c, &r.remote);
    take_addr(&c, &r.local);
    r.until_ms = take_number(&c, 8);
    r.granted_ms = take_number(&c, 8);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = take_text(&c);
    int e = take_identities(&c, a, &r);
    if (e)
        return e;
    if (c.bad || c.left.n || version != CONTACT_RECORD_VERSION || !is_sound(&r, flags))
        return ERR_BAD;
    *ret_record = r;
    return 0;
}
