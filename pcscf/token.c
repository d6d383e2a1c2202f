// SPDX-License-Identifier: Apache-2.0
#include "pcscf/token.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"

// Layout: protocol, family and kind, port, flow id, boot, listener, user, address, routes (TOKEN_ACCESS), tag.
enum { HEAD = 1 + 1 + 2 + 8 + 4 + 1 + 8, ROUTES = 8, TAG = 8, BYTES_MAX = HEAD + 16 + ROUTES + TAG };

static uint64_t hash_str(const struct token_key *k, struct str s)
{
    return s.n ? hash_keyed(k->k, s.p, s.n) : 0;
}

uint64_t token_user(const struct token_key *k, struct str impi)
{
    uint64_t u = hash_keyed(k->k, impi.p, impi.n);
    return u ? u : 1;
}

// Over the n bytes and the dialog, which the token itself does not hold.
static uint64_t tag_of(const struct token_key *k, const unsigned char *b, size_t n,
                       const struct token_use *use)
{
    unsigned char all[HEAD + 16 + ROUTES + 16];
    uint64_t dialog[2] = {hash_str(k, use->call_id), hash_str(k, use->peer_tag)};
    memcpy(all, b, n);
    memcpy(all + n, dialog, sizeof dialog);
    return hash_keyed(k->k, all, n + sizeof dialog);
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static unsigned char family_and_kind(bool six, enum token_kind kind)
{
    return (unsigned char)((six ? 6 : 4) | (unsigned)kind << 4);
}

static size_t pack(const struct token_key *k, const struct access_flow *f,
                   const struct token_use *use, unsigned char *b)
{
    bool six = addr_is_ip6(&f->remote);
    uint16_t port = addr_port(&f->remote);
    b[0] = (unsigned char)f->proto;
    b[1] = family_and_kind(six, use->kind);
    memcpy(b + 2, &port, 2);
    memcpy(b + 4, &f->id, 8);
    memcpy(b + 12, &k->boot, 4);
    b[16] = f->label;
    memcpy(b + 17, &f->user, 8);
    size_t n = six ? 16 : 4;
    if (six)
        memcpy(b + HEAD, &f->remote.in6.sin6_addr, n);
    else
        memcpy(b + HEAD, &f->remote.in4.sin_addr, n);
    n += HEAD;
    if (use->kind == TOKEN_ACCESS) {
        memcpy(b + n, &use->routes, ROUTES);
        n += ROUTES;
    }
    uint64_t tag = tag_of(k, b, n, use);
    memcpy(b + n, &tag, TAG);
    return n + TAG;
}

struct str token_write(const struct token_key *k, struct arena *a, const struct access_flow *f,
                       const struct token_use *use)
{
    unsigned char b[BYTES_MAX + 2] = {0};
    size_t n = pack(k, f, use, b), out = (n * 8 + 5) / 6;
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
    if (bits >= 6 || (acc & ((1u << bits) - 1)))
        return ERR_BAD; // one text for each token, as token_write has it
    *ret_n = n;
    return 0;
}

static void unpack(const struct token_key *k, const unsigned char *b, size_t ip,
                   struct access_flow *ret_flow)
{
    struct access_flow f = {.proto = (enum sip_proto)b[0]};
    uint16_t port;
    uint32_t boot;
    memcpy(&port, b + 2, 2);
    memcpy(&boot, b + 12, 4);
    if (boot == k->boot)
        memcpy(&f.id, b + 4, 8);
    f.label = b[16];
    memcpy(&f.user, b + 17, 8);
    f.remote.sa.sa_family = ip == 16 ? AF_INET6 : AF_INET;
    if (ip == 16)
        memcpy(&f.remote.in6.sin6_addr, b + HEAD, ip);
    else
        memcpy(&f.remote.in4.sin_addr, b + HEAD, ip);
    addr_set_port(&f.remote, port);
    *ret_flow = f;
}

int token_parse(const struct token_key *k, struct str text, const struct token_use *use,
                struct access_flow *ret_flow, uint64_t *ret_routes)
{
    unsigned char b[BYTES_MAX];
    size_t n, extra = use->kind == TOKEN_ACCESS ? ROUTES : 0;
    uint64_t tag, routes = 0;
    if (unbase64(text, b, sizeof b, &n) || n < HEAD + 4 + TAG)
        return ERR_BAD;
    size_t ip = b[1] == family_and_kind(true, use->kind) ? 16 : 4;
    if (b[1] != family_and_kind(ip == 16, use->kind) || n != HEAD + ip + extra + TAG)
        return ERR_BAD;
    memcpy(&tag, b + n - TAG, TAG);
    if (tag != tag_of(k, b, n - TAG, use))
        return ERR_BAD;
    unpack(k, b, ip, ret_flow);
    memcpy(&routes, b + HEAD + ip, extra);
    if (ret_routes)
        *ret_routes = routes;
    return 0;
}

bool token_is_old(const struct token_key *k, struct str text)
{
    unsigned char b[BYTES_MAX];
    size_t n;
    uint32_t boot;
    if (unbase64(text, b, sizeof b, &n) || n < HEAD + 4 + TAG)
        return false;
    memcpy(&boot, b + 12, 4);
    return b[1] >> 4 <= TOKEN_ACCESS && ((b[1] & 15) == 4 || (b[1] & 15) == 6) && boot != k->boot;
}

// ---- route sets ----

// Texts without case; one that does not fit counts as it is written.
static uint64_t hash_lower(const struct token_key *k, struct str name, struct str value)
{
    char b[256];
    size_t n = name.n + 1 + value.n;
    if (n > sizeof b)
        return hash_str(k, name) + 3 * hash_str(k, value);
    for (size_t i = 0; i < n; i++) {
        char c = i < name.n ? name.p[i] : i == name.n ? '=' : value.p[i - name.n - 1];
        b[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return hash_keyed(k->k, b, n);
}

uint64_t token_add_route(const struct token_key *k, uint64_t routes, const struct sip_uri *u)
{
    uint64_t params = 0;
    for (const struct sip_param *p = u->params; p; p = p->next)
        if (!str_ieq(p->name, STR("lr")))
            params += hash_lower(k, p->name, p->value);
    uint64_t all[] = {routes,
                      u->scheme == SIP_SCHEME_OTHER ? hash_str(k, u->text) : (uint64_t)u->scheme,
                      hash_str(k, u->user),
                      hash_str(k, u->password),
                      hash_lower(k, STR("host"), u->host),
                      u->port,
                      params,
                      hash_str(k, u->headers)};
    return hash_keyed(k->k, all, sizeof all);
}
