// SPDX-License-Identifier: Apache-2.0
// Networks as people write them.
#include "base/err.h"
#include "dia/peer/peer_priv.h"

int dia_net_parse(struct str text, struct dia_net *ret_net)
{
    ptrdiff_t slash = str_chr(text, '/');
    struct dia_net n;
    uint32_t bits = 0;
    if (addr_parse(slash < 0 ? text : str_head(text, (size_t)slash), 0, &n.ip))
        return ERR_BAD;
    unsigned all = addr_is_ip6(&n.ip) ? 128 : 32;
    if (slash >= 0 && (str_u32(str_skip(text, (size_t)slash + 1), &bits) || bits > all))
        return ERR_BAD;
    n.bits = slash < 0 ? all : bits;
    *ret_net = n;
    return 0;
}

static const uint8_t *octets(const struct addr *a)
{
    return addr_is_ip6(a) ? (const uint8_t *)&a->in6.sin6_addr : (const uint8_t *)&a->in4.sin_addr;
}

bool dia_net_has(const struct dia_net *n, const struct addr *a)
{
    if (n->ip.sa.sa_family != a->sa.sa_family)
        return false;
    const uint8_t *x = octets(&n->ip), *y = octets(a);
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(x, y, whole) != 0)
        return false;
    return rest == 0 || (x[whole] ^ y[whole]) >> (8 - rest) == 0;
}
