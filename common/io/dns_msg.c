// SPDX-License-Identifier: Apache-2.0
#include "io/dns_msg.h"

#include <arpa/inet.h>

#include "base/arena.h"
#include "base/err.h"

enum {
    TYPE_SOA = 6,
    CLASS_IN = 1,
    RCODE_NXDOMAIN = 3,
    NAME_TEXT_MAX = 256,
    POINTERS_MAX = 64,
    RRS_MAX = 512,
};

// RFC 1035 4.1: everything is read at pos from the whole message, because names point back.
struct cursor {
    struct str msg;
    size_t pos;
    bool failed;
};

static const unsigned char *take(struct cursor *c, size_t n)
{
    if (c->failed || c->msg.n - c->pos < n) {
        c->failed = true;
        return NULL;
    }
    c->pos += n;
    return (const unsigned char *)c->msg.p + c->pos - n;
}

static uint16_t take_u16(struct cursor *c)
{
    const unsigned char *p = take(c, 2);
    return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static uint32_t take_u32(struct cursor *c)
{
    uint32_t high = take_u16(c);
    return high << 16 | take_u16(c);
}

// RFC 1035 4.1.4. Labels that a dot or a control character would make ambiguous fail. The root
// is ".". Text goes to buf (NAME_TEXT_MAX bytes), or nowhere when buf is NULL.
static struct str take_name(struct cursor *c, char *buf)
{
    size_t n = 0, resume = 0;
    for (int pointers = 0;;) {
        const unsigned char *len = take(c, 1), *label;
        if (!len || *len == 0)
            break;
        if (*len >= 0xc0) {
            const unsigned char *low = take(c, 1);
            if (!low || ++pointers > POINTERS_MAX) {
                c->failed = true;
                break;
            }
            if (!resume)
                resume = c->pos;
            c->pos = (size_t)(*len & 0x3f) << 8 | *low;
            c->failed = c->pos >= c->msg.n;
            continue;
        }
        if (*len > 63 || !(label = take(c, *len)) || n + *len + 1 >= NAME_TEXT_MAX) {
            c->failed = true;
            break;
        }
        for (size_t i = 0; i < *len && buf; i++) {
            if (label[i] <= ' ' || label[i] >= 0x7f || label[i] == '.')
                c->failed = true;
            buf[n + i] = (char)label[i];
        }
        n += *len;
        if (buf)
            buf[n] = '.';
        n++;
    }
    if (resume)
        c->pos = resume;
    if (!buf || c->failed)
        return STR_NONE;
    if (n == 0)
        buf[n++] = '.';
    return str_make(buf, n > 1 ? n - 1 : n);
}

static struct str dup_name(struct cursor *c, struct arena *a)
{
    char buf[NAME_TEXT_MAX];
    return arena_dup(a, take_name(c, buf));
}

// RFC 1035 3.3: a character-string.
static struct str dup_string(struct cursor *c, struct arena *a)
{
    const unsigned char *n = take(c, 1);
    const unsigned char *p = n ? take(c, *n) : NULL;
    return p ? arena_dup(a, str_make((const char *)p, *n)) : STR_NONE;
}

struct rr_head {
    uint16_t type, class, size;
    uint32_t ttl;
};

static struct rr_head take_head(struct cursor *c)
{
    struct rr_head h;
    (void)take_name(c, NULL);
    h.type = take_u16(c);
    h.class = take_u16(c);
    h.ttl = take_u32(c);
    h.size = take_u16(c);
    if (h.ttl > INT32_MAX)
        h.ttl = 0; // RFC 2181 8
    return h;
}

static void take_address(struct cursor *c, struct addr *ret)
{
    bool ip6 = ret->sa.sa_family == AF_INET6;
    const unsigned char *p = take(c, ip6 ? 16 : 4);
    if (p && ip6)
        memcpy(&ret->in6.sin6_addr, p, 16);
    else if (p)
        memcpy(&ret->in4.sin_addr, p, 4);
}

// The data of one record; false when it is not well-formed.
static bool take_data(struct cursor *c, enum dns_type type, struct arena *a, struct dns_rr *rr)
{
    switch (type) {
    case DNS_A:
        rr->ip.sa.sa_family = AF_INET;
        take_address(c, &rr->ip);
        break;
    case DNS_AAAA:
        rr->ip.sa.sa_family = AF_INET6;
        take_address(c, &rr->ip);
        break;
    case DNS_SRV: // RFC 2782
        rr->srv.priority = take_u16(c);
        rr->srv.weight = take_u16(c);
        rr->srv.port = take_u16(c);
        rr->srv.target = dup_name(c, a);
        break;
    case DNS_NAPTR: // RFC 3403 4.1
        rr->naptr.order = take_u16(c);
        rr->naptr.preference = take_u16(c);
        rr->naptr.flags = dup_string(c, a);
        rr->naptr.service = dup_string(c, a);
        rr->naptr.regexp = dup_string(c, a);
        rr->naptr.replacement = dup_name(c, a);
        break;
    }
    return !c->failed;
}

// Reads count answers; records of other types (an alias) only bound the TTL.
static void take_answers(struct cursor *c, size_t count, enum dns_type type, struct arena *a,
                         struct dns_msg *m)
{
    for (size_t i = 0; i < count && !c->failed; i++) {
        struct rr_head h = take_head(c);
        struct cursor data = *c;
        if (!take(c, h.size))
            return;
        data.msg.n = c->pos; // the data ends there; what it points at lies before
        if (h.class != CLASS_IN)
            continue;
        if (h.ttl < m->ttl)
            m->ttl = h.ttl;
        struct dns_rr rr = {.ttl = h.ttl};
        if (h.type == type && m->n < RRS_MAX && take_data(&data, type, a, &rr))
            m->rrs[m->n++] = rr;
    }
}

// RFC 2308 5: the lesser of the SOA's own TTL and its MINIMUM field; 0 without an SOA.
static uint32_t negative_ttl(struct cursor *c, size_t count)
{
    for (size_t i = 0; i < count && !c->failed; i++) {
        struct rr_head h = take_head(c);
        struct cursor data = *c;
        if (!take(c, h.size) || h.type != TYPE_SOA)
            continue;
        (void)take_name(&data, NULL);
        (void)take_name(&data, NULL);
        (void)take(&data, 16); // serial, refresh, retry, expire
        uint32_t minimum = take_u32(&data);
        if (!data.failed)
            return minimum < h.ttl ? minimum : h.ttl;
    }
    return 0;
}

struct dns_msg dns_msg_parse(struct str bytes, enum dns_type type, struct arena *a)
{
    struct cursor c = {.msg = bytes};
    struct dns_msg m = {.err = ERR_DNS, .ttl = UINT32_MAX};
    (void)take_u16(&c); // id, checked by c-ares
    unsigned rcode = take_u16(&c) & 15;
    size_t questions = take_u16(&c), answers = take_u16(&c), authority = take_u16(&c);
    (void)take_u16(&c);
    for (size_t i = 0; i < questions && !c.failed; i++) {
        (void)take_name(&c, NULL);
        (void)take(&c, 4);
    }
    if (c.failed || (rcode != 0 && rcode != RCODE_NXDOMAIN))
        return m;
    m.rrs = arena_alloc(a, (answers < RRS_MAX ? answers : RRS_MAX) * sizeof *m.rrs);
    if (m.rrs)
        take_answers(&c, answers, type, a, &m);
    if (c.failed || a->failed)
        return (struct dns_msg){.err = ERR_DNS};
    m.err = m.n ? 0 : ERR_NODATA;
    if (!m.n)
        m.ttl = negative_ttl(&c, authority);
    return m;
}
