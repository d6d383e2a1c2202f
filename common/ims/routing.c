// SPDX-License-Identifier: Apache-2.0
#include "ims/routing.h"

#include "base/err.h"
#include "base/mem.h"
#include "sip/uri.h"

struct routing_ports {
    uint32_t from, to;
};

// ---- life ----

static int port_parse(struct str text, struct routing_ports *ret_ports)
{
    struct str rest = text, first = str_trim(str_split(&rest, '-'));
    struct routing_ports p;
    bool range = str_chr(text, '-') >= 0;
    if (str_u32(first, &p.from))
        return ERR_BAD;
    p.to = p.from;
    if (range && str_u32(str_trim(rest), &p.to))
        return ERR_BAD;
    if (!p.from || p.from > p.to || p.to > UINT16_MAX)
        return ERR_BAD;
    *ret_ports = p;
    return 0;
}

static int read_ports(struct routing *r, const struct routing_texts *t, struct str *ret_bad)
{
    static const struct str by_default = STR_INIT(ROUTING_PORTS);
    const struct str *v = t->n_ports ? t->ports : &by_default;
    size_t n = t->n_ports ? t->n_ports : 1;
    r->ports = mem_zalloc(n * sizeof *r->ports);
    if (!r->ports)
        return ERR_NOMEM;
    for (; r->n_ports < n; r->n_ports++) {
        *ret_bad = v[r->n_ports];
        if (port_parse(v[r->n_ports], &r->ports[r->n_ports]))
            return ERR_BAD;
    }
    return 0;
}

// A domain, "*." and a domain for all below it, or "*" for all.
static bool is_pattern(struct str s)
{
    struct addr a;
    if (str_eq(s, STR("*")))
        return true;
    if (str_starts(s, STR("*.")))
        s = str_skip(s, 2);
    if (!s.n || addr_parse(s, 0, &a) == 0)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || strchr("*:/@;<>\"", s.p[i]))
            return false;
    return true;
}

static int read_foreign(struct routing *r, const struct routing_texts *t, struct str *ret_bad)
{
    r->foreign = mem_zalloc((t->n_foreign + 1) * sizeof *r->foreign);
    if (!r->foreign)
        return ERR_NOMEM;
    for (size_t i = 0; i < t->n_foreign; i++) {
        *ret_bad = t->foreign[i];
        if (!is_pattern(t->foreign[i]))
            return ERR_BAD;
        r->foreign[i] = str_dup(t->foreign[i]);
        if (!r->foreign[i].p)
            return ERR_NOMEM;
        r->n_foreign++;
    }
    return 0;
}

int routing_init(struct routing *r, const struct routing_texts *t,
                 const struct trust_domain *neighbours, struct str *ret_bad)
{
    struct routing fresh = {.neighbours = neighbours};
    int err = read_foreign(&fresh, t, ret_bad);
    if (!err)
        err = read_ports(&fresh, t, ret_bad);
    if (!err)
        err = trust_domain_init(&fresh.networks, t->networks, t->n_networks, ret_bad);
    if (err)
        routing_done(&fresh);
    else
        *r = fresh;
    return err;
}

void routing_done(struct routing *r)
{
    for (size_t i = 0; i < r->n_foreign; i++)
        mem_free((void *)r->foreign[i].p);
    mem_free(r->foreign);
    mem_free(r->ports);
    mem_free(r->own);
    trust_domain_done(&r->networks);
    *r = (struct routing){0};
}

int routing_protect(struct routing *r, const struct addr *a)
{
    struct addr *v = mem_realloc(r->own, (r->n_own + 1) * sizeof *v);
    if (!v)
        return ERR_NOMEM;
    r->own = v;
    r->own[r->n_own++] = *a;
    return 0;
}

// ---- addresses ----

struct block {
    unsigned char ip[16];
    unsigned bits;
};

static const struct block private4[] = {
    {{0}, 8},          {{10}, 8},          {{100, 64}, 10},    {{127}, 8},      {{169, 254}, 16},
    {{172, 16}, 12},   {{192, 0, 0}, 24},  {{192, 168}, 16},   {{198, 18}, 15}, {{224}, 4},
    {{240}, 4},
};

// The unspecified and the loopback address stand in ::/96 with the IPv4-compatible ones.
static const struct block private6[] = {
    {{0}, 96}, {{0xfc}, 7}, {{0xfe, 0x80}, 10}, {{0xfe, 0xc0}, 10}, {{0xff}, 8}, {{0x01}, 64},
};

static bool is_in(const struct block *b, const unsigned char *ip)
{
    unsigned whole = b->bits / 8, rest = b->bits % 8;
    if (memcmp(b->ip, ip, whole) != 0)
        return false;
    return !rest || ((b->ip[whole] ^ ip[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

static bool is_private4(const unsigned char ip[4])
{
    for (size_t i = 0; i < ARRAY_LEN(private4); i++)
        if (is_in(&private4[i], ip))
            return true;
    return false;
}

bool routing_is_private(const struct addr *a)
{
    if (!addr_is_ip6(a))
        return is_private4((const unsigned char *)&a->in4.sin_addr);
    const unsigned char *ip = a->in6.sin6_addr.s6_addr, *inner = addr_inner4(ip);
    if (inner)
        return is_private4(inner);
    for (size_t i = 0; i < ARRAY_LEN(private6); i++)
        if (is_in(&private6[i], ip))
            return true;
    return false;
}

static bool is_own(const struct routing *r, const struct addr *a)
{
    for (size_t i = 0; i < r->n_own; i++)
        if (addr_eq_ip(&r->own[i], a))
            return true;
    return false;
}

static bool is_port(const struct routing *r, uint16_t port)
{
    for (size_t i = 0; i < r->n_ports; i++)
        if (port >= r->ports[i].from && port <= r->ports[i].to)
            return true;
    return false;
}

bool routing_allows(const struct routing *r, enum routing_word word, const struct addr *a)
{
    if (word == WORD_OWN)
        return true;
    if (!is_port(r, addr_port(a)))
        return false;
    bool near = trust_domain_has(r->neighbours, a) || is_own(r, a);
    if (word == WORD_NEAR || (word == WORD_ROUTE && near))
        return near;
    return trust_domain_has(&r->networks, a) || (!near && !routing_is_private(a));
}

// ---- names ----

static bool matches(struct str pattern, struct str host)
{
    if (str_eq(pattern, STR("*")))
        return true;
    if (!str_starts(pattern, STR("*.")))
        return str_ieq(pattern, host);
    struct str tail = str_skip(pattern, 1);
    return host.n > tail.n && str_ieq(str_skip(host, host.n - tail.n), tail);
}

const char *routing_refuses(const struct routing *r, const struct sip_uri *u)
{
    struct str maddr = sip_uri_param(u, STR("maddr"), NULL);
    struct str host = sip_host_name(maddr.n ? maddr : u->host);
    struct addr a;
    if (u->port && !is_port(r, u->port))
        return "the target's port is none that requests may go to";
    if (addr_parse(host, 5060, &a) == 0)
        return trust_domain_has(&r->networks, &a) ? NULL
                                                  : "the target is an address, not a domain";
    for (size_t i = 0; i < r->n_foreign; i++)
        if (matches(r->foreign[i], host))
            return NULL;
    return "the target is a foreign domain that requests may not go to";
}
