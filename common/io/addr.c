// SPDX-License-Identifier: Apache-2.0
#include "io/addr.h"

#include <arpa/inet.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/writer.h"

// The grammar of RFC 3261 has a third colon before an embedded IPv4 address, which RFC 5118 4.10 wants
// to be tolerated.
static void drop_third_colon(char *text)
{
    char *three = strstr(text, ":::");
    if (three && strchr(three, '.') && !strchr(three + 3, ':'))
        memmove(three + 2, three + 3, strlen(three + 3) + 1);
}

static void unmap(struct addr *a)
{
    struct in6_addr ip = a->in6.sin6_addr;
    if (!IN6_IS_ADDR_V4MAPPED(&ip))
        return;
    *a = (struct addr){.in4 = {.sin_family = AF_INET}};
    memcpy(&a->in4.sin_addr, ip.s6_addr + 12, 4);
}

int addr_parse(struct str ip, uint16_t port, struct addr *ret_addr)
{
    char text[INET6_ADDRSTRLEN];
    struct addr a = {0};
    bool brackets = ip.n >= 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']';
    if (brackets)
        ip = str_make(ip.p + 1, ip.n - 2);
    if (ip.n == 0 || ip.n >= sizeof text || memchr(ip.p, 0, ip.n))
        return ERR_BAD;
    memcpy(text, ip.p, ip.n);
    text[ip.n] = 0;
    drop_third_colon(text);
    if (!brackets && inet_pton(AF_INET, text, &a.in4.sin_addr) == 1)
        a.in4.sin_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) == 1)
        a.in6.sin6_family = AF_INET6;
    else
        return ERR_BAD;
    if (addr_is_ip6(&a))
        unmap(&a);
    addr_set_port(&a, port);
    *ret_addr = a;
    return 0;
}

// Splits "host:port" at the last colon, unless the text is a bare IPv6 address.
static bool split_port(struct str text, struct str *ret_ip, struct str *ret_port)
{
    ptrdiff_t colon = -1;
    size_t colons = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == ':') {
            colon = (ptrdiff_t)i;
            colons++;
        }
    }
    bool brackets = text.n && text.p[0] == '[';
    if (colon < 0 || (brackets && text.p[text.n - 1] == ']') || (!brackets && colons > 1))
        return false;
    *ret_ip = str_head(text, (size_t)colon);
    *ret_port = str_skip(text, (size_t)colon + 1);
    return true;
}

int addr_parse_port(struct str text, uint16_t default_port, struct addr *ret_addr)
{
    struct str ip, digits;
    uint32_t port;
    if (!split_port(text, &ip, &digits))
        return addr_parse(text, default_port, ret_addr);
    if (str_u32(digits, &port) < 0 || port > UINT16_MAX)
        return ERR_BAD;
    return addr_parse(ip, (uint16_t)port, ret_addr);
}

uint16_t addr_port(const struct addr *a)
{
    return ntohs(addr_is_ip6(a) ? a->in6.sin6_port : a->in4.sin_port);
}

void addr_set_port(struct addr *a, uint16_t port)
{
    if (addr_is_ip6(a))
        a->in6.sin6_port = htons(port);
    else
        a->in4.sin_port = htons(port);
}

bool addr_is_ip6(const struct addr *a)
{
    return a->sa.sa_family == AF_INET6;
}

bool addr_is_any(const struct addr *a)
{
    if (addr_is_ip6(a))
        return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
    return a->in4.sin_addr.s_addr == htonl(INADDR_ANY);
}

socklen_t addr_len(const struct addr *a)
{
    return addr_is_ip6(a) ? sizeof a->in6 : sizeof a->in4;
}

bool addr_eq_ip(const struct addr *a, const struct addr *b)
{
    if (a->sa.sa_family != b->sa.sa_family)
        return false;
    if (addr_is_ip6(a))
        return IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr) &&
               a->in6.sin6_scope_id == b->in6.sin6_scope_id;
    return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
    return addr_eq_ip(a, b) && addr_port(a) == addr_port(b);
}

bool addr_is_loopback(const struct addr *a)
{
    return addr_is_ip6(a) ? IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr) : ntohl(a->in4.sin_addr.s_addr) >> 24 == 127;
}

const unsigned char *addr_inner4(const unsigned char *ip)
{
    static const struct {
        unsigned char prefix[12];
        unsigned n, at;
    } forms[] = {
        {{[10] = 0xff, [11] = 0xff}, 12, 12},
        {{0x00, 0x64, 0xff, 0x9b}, 12, 12},
        {{0x20, 0x02}, 2, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (memcmp(ip, forms[i].prefix, forms[i].n) == 0)
            return ip + forms[i].at;
    return NULL;
}

uint64_t addr_network_key(const struct addr *a, unsigned bits)
{
    unsigned char k[17] = {4};
    if (!addr_is_ip6(a)) {
        memcpy(k + 1, &a->in4.sin_addr, 4);
        return hash_bytes(k, sizeof k);
    }
    const unsigned char *ip = a->in6.sin6_addr.s6_addr, *inner = addr_inner4(ip);
    if (inner) {
        memcpy(k + 1, inner, 4);
        return hash_bytes(k, sizeof k);
    }
    if (bits > 128 || IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr))
        bits = 128;
    else if (!bits)
        bits = ADDR_SITE_BITS;
    k[0] = 6;
    memcpy(k + 1, ip, bits / 8);
    if (bits % 8)
        k[1 + bits / 8] = (unsigned char)(ip[bits / 8] & 0xff00 >> bits % 8);
    return hash_bytes(k, sizeof k);
}

uint64_t addr_source_key(const struct addr *a)
{
    return addr_network_key(a, ADDR_SITE_BITS);
}

struct str addr_ip_text(const struct addr *a, char *buf)
{
    if (addr_is_ip6(a))
        return str_from(inet_ntop(AF_INET6, &a->in6.sin6_addr, buf, ADDR_TEXT_MAX));
    struct writer w = writer_init(buf, ADDR_TEXT_MAX); // inet_ntop prints by format
    const unsigned char *b = (const unsigned char *)&a->in4.sin_addr;
    for (size_t i = 0; i < 4; i++) {
        writer_u64(&w, b[i]);
        writer_chr(&w, i < 3 ? '.' : 0);
    }
    return str_make(buf, w.n - 1);
}

struct str addr_host_text(const struct addr *a, char *buf)
{
    if (!addr_is_ip6(a))
        return addr_ip_text(a, buf);
    size_t n = addr_ip_text(a, buf + 1).n;
    buf[0] = '[';
    buf[n + 1] = ']';
    buf[n + 2] = 0;
    return str_make(buf, n + 2);
}

struct str addr_text(const struct addr *a, char *buf)
{
    struct writer w = writer_init(buf, ADDR_TEXT_MAX);
    w.n = addr_host_text(a, buf).n;
    writer_chr(&w, ':');
    writer_u64(&w, addr_port(a));
    writer_chr(&w, 0);
    return str_make(buf, w.n - 1);
}
