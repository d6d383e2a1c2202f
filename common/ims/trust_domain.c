// SPDX-License-Identifier: Apache-2.0
#include "ims/trust.h"

#include "base/err.h"
#include "base/mem.h"
#include "sip/uri.h"

struct trust_net {
    unsigned char ip[16];
    unsigned bits;
    bool ip6;
};

static const unsigned char *bytes_of(const struct addr *a)
{
    return addr_is_ip6(a) ? (const unsigned char *)&a->in6.sin6_addr
                          : (const unsigned char *)&a->in4.sin_addr;
}

static int bits_parse(struct str text, unsigned max, unsigned *ret_bits)
{
    unsigned bits = 0;
    if (!text.n || text.n > 3)
        return ERR_BAD;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return ERR_BAD;
        bits = bits * 10 + (unsigned)(text.p[i] - '0');
    }
    *ret_bits = bits;
    return bits <= max ? 0 : ERR_BAD;
}

static int net_parse(struct str text, struct trust_net *ret_net)
{
    struct str rest = text, ip = str_split(&rest, '/');
    struct addr a;
    if (addr_parse(ip, 0, &a))
        return ERR_BAD;
    struct trust_net net = {.ip6 = addr_is_ip6(&a)};
    size_t n = net.ip6 ? 16 : 4;
    net.bits = (unsigned)(8 * n);
    if (str_chr(text, '/') >= 0 && bits_parse(rest, net.bits, &net.bits))
        return ERR_BAD;
    memcpy(net.ip, bytes_of(&a), n);
    *ret_net = net;
    return 0;
}

int trust_domain_init(struct trust_domain *d, const struct str *texts, size_t n,
                      struct str *ret_bad)
{
    struct trust_net *nets = mem_zalloc((n + 1) * sizeof *nets);
    if (!nets)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        if (net_parse(texts[i], &nets[i])) {
            *ret_bad = texts[i];
            mem_free(nets);
            return ERR_BAD;
        }
    }
    *d = (struct trust_domain){nets, n};
    return 0;
}

void trust_domain_done(struct trust_domain *d)
{
    mem_free(d->nets);
    *d = (struct trust_domain){0};
}

static bool is_in(const struct trust_net *net, const unsigned char *ip)
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;
    unsigned char mask = (unsigned char)(0xff00u >> rest);
    if (memcmp(net->ip, ip, whole) != 0)
        return false;
    return rest == 0 || ((net->ip[whole] ^ ip[whole]) & mask) == 0;
}

bool trust_domain_has(const struct trust_domain *d, const struct addr *a)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    const unsigned char *ip = bytes_of(a);
    bool ip6 = addr_is_ip6(a);
    if (ip6 && memcmp(ip, mapped, sizeof mapped) == 0) { // an IPv4 peer of a socket for both
        ip += sizeof mapped;
        ip6 = false;
    }
    for (size_t i = 0; i < d->n; i++)
        if (d->nets[i].ip6 == ip6 && is_in(&d->nets[i], ip))
            return true;
    return false;
}

// ---- what kind of neighbour ----

void trust_map_done(struct trust_map *m)
{
    trust_domain_done(&m->partners);
    trust_domain_done(&m->servers);
    *m = (struct trust_map){0};
}

enum trust_side trust_side_of(const struct trust_map *m, const struct addr *a)
{
    if (!trust_domain_has(m->trusted, a))
        return TRUST_FOREIGN;
    if (trust_domain_has(&m->partners, a))
        return TRUST_PARTNER;
    return trust_domain_has(&m->servers, a) ? TRUST_AS : TRUST_HOME;
}

// The domain itself, or a name below it.
static bool is_under(struct str host, struct str domain)
{
    host = sip_host_name(host);
    if (!domain.n || host.n < domain.n || !str_ieq(str_skip(host, host.n - domain.n), domain))
        return false;
    return host.n == domain.n || host.p[host.n - domain.n - 1] == '.';
}

static bool is_under_one(struct str host, const struct str *domains, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_under(host, domains[i]))
            return true;
    return false;
}

enum trust_side trust_side_of_host(const struct trust_map *m, struct str host)
{
    struct addr a;
    if (addr_parse(host, 0, &a) == 0)
        return trust_side_of(m, &a);
    if (is_under_one(host, m->home_domains, m->n_home_domains) ||
        is_under_one(host, m->more_domains, m->n_more_domains))
        return TRUST_HOME;
    return is_under_one(host, m->partner_domains, m->n_partner_domains) ? TRUST_PARTNER
                                                                        : TRUST_FOREIGN;
}
