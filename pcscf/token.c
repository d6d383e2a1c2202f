// SPDX-License-Identifier: Apache-2.0
#include "pcscf/token.h"

#include "base/base64url.h"
#include "base/err.h"
#include "base/hash.h"
#include "sip/uri.h"

// Layout: protocol, family and kind, port, flow id, boot, listener, user, key, node, address, routes (TOKEN_ACCESS),
// tag.
enum { KEY_AT = 1 + 1 + 2 + 8 + 4 + 1 + 8, NODE_AT = KEY_AT + 2, HEAD = NODE_AT + 4 };
enum { ROUTES = 8, TAG = 8, BYTES_MAX = HEAD + 16 + ROUTES + TAG };

// Of names: what is the same whichever key signs.
static uint64_t hash_str(const struct token_key *k, struct str s)
{
    return s.n ? hash_keyed(k->ring->names, s.p, s.n) : 0;
}

uint64_t token_user(const struct token_key *k, struct str impi)
{
    uint64_t u = hash_keyed(k->ring->names, impi.p, impi.n);
    return u ? u : 1;
}

// Over the n bytes and the dialog, which the token itself does not hold.
static uint64_t tag_of(const uint64_t key[2], const unsigned char *b, size_t n, const struct token_use *use)
{
    unsigned char all[HEAD + 16 + ROUTES + 16];
    uint64_t dialog[2] = {use->call_id.n ? hash_keyed(key, use->call_id.p, use->call_id.n) : 0,
                          use->peer_tag.n ? hash_keyed(key, use->peer_tag.p, use->peer_tag.n) : 0};
    memcpy(all, b, n);
    memcpy(all + n, dialog, sizeof dialog);
    return hash_keyed(key, all, n + sizeof dialog);
}

static unsigned char family_and_kind(bool six, enum token_kind kind)
{
    return (unsigned char)((six ? 6 : 4) | (unsigned)kind << 4);
}

static size_t pack(const struct token_key *k, const struct access_flow *f,
                   const struct token_use *use, unsigned char *b)
{
    bool six = addr_is_ip6(&f->remote);
    uint16_t port = addr_port(&f->remote), id;
    const uint64_t *key = keyring_sign(k->ring, KEY_FLOW, &id);
    b[0] = (unsigned char)f->proto;
    b[1] = family_and_kind(six, use->kind);
    memcpy(b + 2, &port, 2);
    memcpy(b + 4, &f->id, 8);
    memcpy(b + 12, &k->boot, 4);
    b[16] = f->label;
    memcpy(b + 17, &f->user, 8);
    memcpy(b + KEY_AT, &id, 2);
    memcpy(b + NODE_AT, &k->node, 4);
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
    uint64_t tag = tag_of(key, b, n, use);
    memcpy(b + n, &tag, TAG);
    return n + TAG;
}

struct str token_write(const struct token_key *k, struct arena *a, const struct access_flow *f,
                       const struct token_use *use)
{
    unsigned char b[BYTES_MAX] = {0};
    return base64url_write(a, b, pack(k, f, use, b));
}

static void unpack(const struct token_key *k, const unsigned char *b, size_t ip,
                   struct access_flow *ret_flow)
{
    struct access_flow f = {.proto = (enum sip_proto)b[0]};
    uint16_t port;
    uint32_t boot, node;
    memcpy(&port, b + 2, 2);
    memcpy(&boot, b + 12, 4);
    memcpy(&node, b + NODE_AT, 4);
    if (boot == k->boot && node == k->node)
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
    uint16_t id;
    if (base64url_parse(text, b, sizeof b, &n) || n < HEAD + 4 + TAG)
        return ERR_BAD;
    size_t ip = b[1] == family_and_kind(true, use->kind) ? 16 : 4;
    if (b[1] != family_and_kind(ip == 16, use->kind) || n != HEAD + ip + extra + TAG)
        return ERR_BAD;
    memcpy(&tag, b + n - TAG, TAG);
    memcpy(&id, b + KEY_AT, 2);
    const uint64_t *key = keyring_verify(k->ring, KEY_FLOW, id);
    if (!key || tag != tag_of(key, b, n - TAG, use))
        return ERR_BAD;
    unpack(k, b, ip, ret_flow);
    memcpy(&routes, b + HEAD + ip, extra);
    if (ret_routes)
        *ret_routes = routes;
    return 0;
}

enum token_origin token_origin(const struct token_key *k, struct str text)
{
    unsigned char b[BYTES_MAX];
    size_t n;
    uint32_t boot, node;
    uint16_t id;
    if (base64url_parse(text, b, sizeof b, &n) || n < HEAD + 4 + TAG)
        return TOKEN_NONE;
    if (b[1] >> 4 > TOKEN_ACCESS || ((b[1] & 15) != 4 && (b[1] & 15) != 6))
        return TOKEN_NONE;
    memcpy(&boot, b + 12, 4);
    memcpy(&id, b + KEY_AT, 2);
    memcpy(&node, b + NODE_AT, 4);
    if (node != k->node)
        return TOKEN_OF_ANOTHER;
    if (boot != k->boot)
        return TOKEN_OF_EARLIER_RUN;
    return keyring_verify(k->ring, KEY_FLOW, id) ? TOKEN_OF_THIS_RUN : TOKEN_OF_FORGOTTEN_KEY;
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
    return hash_keyed(k->ring->names, b, n);
}

uint64_t token_add_route(const struct token_key *k, uint64_t routes, const struct sip_uri *u)
{
    uint64_t params = 0;
    char buf[SIP_IP6_MAX];
    struct str ip6 = sip_host_ip6(u->host, buf); // a UE may write an address in its own way
    for (const struct sip_param *p = u->params; p; p = p->next)
        if (!str_ieq(p->name, STR("lr")))
            params += hash_lower(k, p->name, p->value);
    uint64_t all[] = {routes,
                      u->scheme == SIP_SCHEME_OTHER ? hash_str(k, u->text) : (uint64_t)u->scheme,
                      hash_str(k, u->user),
                      hash_str(k, u->password),
                      hash_lower(k, STR("host"), ip6.n ? ip6 : u->host),
                      u->port,
                      params,
                      hash_str(k, u->headers)};
    return hash_keyed(k->ring->names, all, sizeof all);
}
