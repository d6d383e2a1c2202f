// SPDX-License-Identifier: Apache-2.0
#include "pcscf/token.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"

// Layout: protocol, family, port, flow id, boot, address, tag.
enum { HEAD = 1 + 1 + 2 + 8 + 4, TAG = 8, BYTES_MAX = HEAD + 16 + TAG };

// Over the n bytes and the purpose, which the token itself does not hold.
static uint64_t tag_of(const struct token_key *k, const unsigned char *b, size_t n, struct str call_id)
{
    unsigned char all[HEAD + 16 + 8] = {0};
    uint64_t purpose = call_id.n ? hash_keyed(k->k, call_id.p, call_id.n) : 0;
    memcpy(all, b, n);
    memcpy(all + n, &purpose, sizeof purpose);
    return hash_keyed(k->k, all, n + sizeof purpose);
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t pack(const struct token_key *k, const struct access_flow *f, struct str call_id,
                   unsigned char *b)
{
    bool six = addr_is_ip6(&f->remote);
    uint16_t port = addr_port(&f->remote);
    b[0] = (unsigned char)f->proto;
    b[1] = six ? 6 : 4;
    memcpy(b + 2, &port, 2);
    memcpy(b + 4, &f->id, 8);
    memcpy(b + 12, &k->boot, 4);
    size_t n = six ? 16 : 4;
    if (six)
        memcpy(b + HEAD, &f->remote.in6.sin6_addr, n);
    else
        memcpy(b + HEAD, &f->remote.in4.sin_addr, n);
    uint64_t tag = tag_of(k, b, HEAD + n, call_id);
    memcpy(b + HEAD + n, &tag, TAG);
    return HEAD + n + TAG;
}

struct str token_write(const struct token_key *k, struct arena *a, const struct access_flow *f,
                       struct str call_id)
{
    unsigned char b[BYTES_MAX + 2] = {0};
    size_t n = pack(k, f, call_id, b), out = (n * 8 + 5) / 6;
    char *p = arena_alloc(a, out);
    if (!p)
        return STR_NONE;
    for (size_t i = 0; i < out; i++) {
        size_t bit = i * 6;
        unsigned v = ((unsigned)b[bit / 8] << 8 | b[bit / 8 + 1]) >> (10 - bit % 8);
        p[i] = digits[v & 63];
    }
    return str_make(p, out);
}

static int unbase64(struct str s, unsigned char *b, size_t cap, size_t *ret_n)
{
    uint32_t acc = 0;
    unsigned bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        const char *d = s.p[i] ? strchr(digits, s.p[i]) : NULL;
        if (!d)
            return ERR_BAD;
        acc = acc << 6 | (uint32_t)(d - digits);
        bits += 6;
        if (bits < 8)
            continue;
        if (n == cap)
            return ERR_BAD;
        bits -= 8;
        b[n++] = (unsigned char)(acc >> bits);
    }
    *ret_n = n;
    return 0;
}

int token_parse(const struct token_key *k, struct str text, struct str call_id,
                struct access_flow *ret_flow)
{
    unsigned char b[BYTES_MAX];
    size_t n;
    if (unbase64(text, b, sizeof b, &n) || n < HEAD + 4 + TAG)
        return ERR_BAD;
    size_t ip = b[1] == 6 ? 16 : 4;
    uint64_t tag;
    if (n != HEAD + ip + TAG)
        return ERR_BAD;
    memcpy(&tag, b + HEAD + ip, TAG);
    if (tag != tag_of(k, b, HEAD + ip, call_id))
        return ERR_BAD;
    struct access_flow f = {.proto = (enum sip_proto)b[0]};
    uint16_t port;
    uint32_t boot;
    memcpy(&port, b + 2, 2);
    memcpy(&boot, b + 12, 4);
    if (boot == k->boot)
        memcpy(&f.id, b + 4, 8);
    f.remote.sa.sa_family = ip == 16 ? AF_INET6 : AF_INET;
    if (ip == 16)
        memcpy(&f.remote.in6.sin6_addr, b + HEAD, ip);
    else
        memcpy(&f.remote.in4.sin_addr, b + HEAD, ip);
    addr_set_port(&f.remote, port);
    *ret_flow = f;
    return 0;
}
