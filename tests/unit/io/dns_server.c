// SPDX-License-Identifier: Apache-2.0
#include "dns_server.h"

#include "base/writer.h"
#include "io/loop.h"

enum { SOA = 6, CNAME = 5, SERVFAIL = 2, NXDOMAIN = 3 };

static void u16(struct writer *w, unsigned v)
{
    writer_chr(w, (char)(v >> 8));
    writer_chr(w, (char)v);
}

static void u32(struct writer *w, uint32_t v)
{
    u16(w, v >> 16);
    u16(w, v & 0xffff);
}

static void labels(struct writer *w, struct str name)
{
    while (name.n) {
        struct str label = str_split(&name, '.');
        writer_chr(w, (char)label.n);
        writer_str(w, label);
    }
}

static void text(struct writer *w, struct str s)
{
    writer_chr(w, (char)s.n);
    writer_str(w, s);
}

// An answer about the name of the question (a pointer to offset 12); returns where its length is.
static size_t rr_start(struct writer *w, unsigned type, uint32_t ttl)
{
    u16(w, 0xc00c);
    u16(w, type);
    u16(w, 1);
    u32(w, ttl);
    u16(w, 0);
    return w->n;
}

static void rr_end(struct writer *w, size_t at)
{
    w->p[at - 2] = (char)((w->n - at) >> 8);
    w->p[at - 1] = (char)(w->n - at);
}

static void put_a(struct writer *w, uint32_t ttl, unsigned last)
{
    size_t at = rr_start(w, DNS_A, ttl);
    u32(w, 0xc0000200 + last);
    rr_end(w, at);
}

static void put_srv(struct writer *w, unsigned priority, const char *target)
{
    size_t at = rr_start(w, DNS_SRV, 300);
    u16(w, priority);
    u16(w, 10);
    u16(w, 5060);
    labels(w, str_from(target));
    u16(w, 0xc00c + 10); // behind "_sip._udp." of the question
    rr_end(w, at);
}

static void put_naptr(struct writer *w, unsigned order, struct str service)
{
    size_t at = rr_start(w, DNS_NAPTR, 60);
    u16(w, order);
    u16(w, 50);
    text(w, STR("s"));
    text(w, service);
    text(w, STR(""));
    labels(w, STR("_sip._udp"));
    u16(w, 0xc00c);
    rr_end(w, at);
}

static void put_soa(struct writer *w)
{
    size_t at = rr_start(w, SOA, 3600);
    labels(w, STR("ns"));
    u16(w, 0xc00c);
    labels(w, STR("admin"));
    u16(w, 0xc00c);
    for (int i = 0; i < 4; i++)
        u32(w, 1);
    u32(w, 7); // MINIMUM
    rr_end(w, at);
}

// Returns the number of answers, -1 for NXDOMAIN with an SOA, -2 for SERVFAIL, -3 for no data.
static int zone(struct writer *w, struct str name, unsigned type)
{
    if (str_eq(name, STR("two.test")) && type == DNS_A) {
        put_a(w, 120, 1);
        put_a(w, 60, 2);
        return 2;
    }
    if (str_eq(name, STR("alias.test")) && type == DNS_A) {
        size_t at = rr_start(w, CNAME, 5);
        labels(w, STR("target"));
        u16(w, 0xc00c);
        rr_end(w, at);
        put_a(w, 60, 3);
        return 2;
    }
    if (str_eq(name, STR("six.test")) && type == DNS_AAAA) {
        size_t at = rr_start(w, DNS_AAAA, 30);
        writer_str(w, str_make("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x06", 16));
        rr_end(w, at);
        return 1;
    }
    if (str_eq(name, STR("_sip._udp.test")) && type == DNS_SRV) {
        put_srv(w, 10, "a");
        put_srv(w, 20, "b.c");
        return 2;
    }
    if (str_eq(name, STR("naptr.test")) && type == DNS_NAPTR) {
        put_naptr(w, 10, STR("SIP+D2U"));
        put_naptr(w, 20, STR("SIP+D2T"));
        return 2;
    }
    if (str_eq(name, STR("fail.test")))
        return -2;
    return str_ends(name, STR(".test")) && !str_eq(name, STR("none.test")) ? -3 : -1;
}

size_t dns_server_query(const char *name, unsigned type, char *buf)
{
    struct writer w = writer_init(buf, 512);
    u16(&w, 0x1234);
    u16(&w, 0x0100);
    u16(&w, 1);
    for (int i = 0; i < 3; i++)
        u16(&w, 0);
    labels(&w, str_from(name));
    writer_chr(&w, 0);
    u16(&w, type);
    u16(&w, 1);
    return w.n;
}

size_t dns_server_answer(struct str query, char *buf, size_t cap)
{
    char name[256];
    size_t at = 12, n = 0;
    struct writer w = writer_init(buf, cap);
    while (at < query.n && query.p[at]) {
        if (n)
            name[n++] = '.';
        memcpy(name + n, query.p + at + 1, (size_t)query.p[at]);
        n += (size_t)query.p[at];
        at += (size_t)query.p[at] + 1;
    }
    unsigned type = (unsigned char)query.p[at + 2];
    at += 5;
    writer_str(&w, str_head(query, at)); // without the OPT record
    int answers = zone(&w, str_make(name, n), type);
    if (answers == -1)
        put_soa(&w);
    assert_false(w.failed);
    buf[2] = (char)0x81;
    buf[3] = (char)(0x80 | (answers == -1 ? NXDOMAIN : answers == -2 ? SERVFAIL : 0));
    memset(buf + 6, 0, 6);
    buf[7] = (char)(answers > 0 ? answers : 0);
    buf[9] = answers == -1;
    return w.n;
}

static void on_query(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    struct dns_server *s = arg;
    char buf[2048];
    (void)dst;
    s->queries++;
    if (s->silent)
        return;
    size_t n = dns_server_answer(data, buf, sizeof buf);
    assert_int_equal(udp_send(s->u, src, str_make(buf, n)), 0);
}

void dns_server_open_at(struct dns_server *s, struct loop *l, const struct addr *local)
{
    struct udp_params p = {.local = *local, .cb = on_query, .arg = s};
    *s = (struct dns_server){0};
    assert_int_equal(udp_open(l, &p, &s->u), 0);
}

void dns_server_open(struct dns_server *s, struct loop *l)
{
    struct addr any_port = env_addr(0);
    dns_server_open_at(s, l, &any_port);
}

void dns_server_close(struct dns_server *s)
{
    udp_close(s->u);
}
