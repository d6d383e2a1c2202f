// SPDX-License-Identifier: Apache-2.0
// Flow tokens. A byte that says for what, then text: as a token it is one that we made, and no
// other text stands for that flow; as a flow it comes back from the token that is made of it.
#include "base/arena.h"
#include "base/err.h"
#include "fuzz.h"
#include "pcscf/token.h"
#include "sip/uri.h"

static struct keyring ring, other_ring;
static const struct token_key key = {&ring, 77, 5}, other = {&other_ring, 77, 5};

static void make_rings(void)
{
    if (ring.n)
        return;
    ring = keyring_make(&(struct keyring_seed){.names = {1}, .first = {2}, .id = 1}, 0);
    other_ring = keyring_make(&(struct keyring_seed){.names = {1}, .first = {3}, .id = 1}, 0);
}

static struct token_use use_of(uint8_t kind, struct str text)
{
    struct token_use u = {.kind = (enum token_kind)(kind % 3)};
    if (u.kind != TOKEN_PATH)
        u.call_id = text;
    if (u.kind == TOKEN_ACCESS) {
        u.peer_tag = str_skip(text, text.n / 2);
        u.routes = text.n;
    }
    return u;
}

static struct access_flow flow_of(struct str text)
{
    struct access_flow f = {.proto = text.n % 2 ? SIP_PROTO_TCP : SIP_PROTO_UDP};
    unsigned char b[26] = {0};
    memcpy(b, text.p ? text.p : "", text.n < sizeof b ? text.n : sizeof b);
    f.remote.sa.sa_family = b[0] & 1 ? AF_INET6 : AF_INET;
    if (b[0] & 1)
        memcpy(&f.remote.in6.sin6_addr, b + 1, 16);
    else
        memcpy(&f.remote.in4.sin_addr, b + 1, 4);
    addr_set_port(&f.remote, (uint16_t)(b[17] << 8 | b[18]));
    f.id = b[19];
    return f;
}

static void round_trip(struct arena *a, uint8_t kind, struct str text)
{
    struct token_use use = use_of(kind, text), read = use;
    struct access_flow f = flow_of(text), back;
    uint64_t routes = 1;
    read.routes = 0; // the token's own
    struct str token = token_write(&key, a, &f, &use);
    MUST(token.n && token_parse(&key, token, &read, &back, &routes) == 0);
    MUST(back.proto == f.proto && back.id == f.id && addr_eq(&back.remote, &f.remote));
    MUST(routes == (use.kind == TOKEN_ACCESS ? use.routes : 0));
    // another character anywhere, another use, another key
    char *changed = arena_alloc(a, token.n);
    MUST(changed);
    memcpy(changed, token.p, token.n);
    size_t at = (kind + text.n) % token.n;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    MUST(token_parse(&key, str_make(changed, token.n), &read, &back, NULL));
    read.kind = (enum token_kind)((read.kind + 1) % 3);
    MUST(token_parse(&key, token, &read, &back, NULL));
    read.kind = use.kind;
    MUST(token_parse(&other, token, &read, &back, NULL));
}

void fuzz_token(struct str input)
{
    struct arena a;
    struct access_flow f;
    struct sip_uri u;
    uint64_t routes;
    uint8_t kind = fuzz_byte(&input);
    struct token_use use = use_of(kind, STR("call"));
    make_rings();
    arena_init(&a, NULL, 0);
    if (token_parse(&key, input, &use, &f, &routes) == 0) {
        use.routes = routes;
        struct str again = token_write(&key, &a, &f, &use);
        MUST(str_eq(again, input));
    }
    round_trip(&a, kind, input);
    if (sip_uri_parse(&a, input, &u) == 0)
        MUST(token_add_route(&key, 0, &u) == token_add_route(&key, 0, &u));
    arena_done(&a);
}
