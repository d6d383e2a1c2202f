// SPDX-License-Identifier: Apache-2.0
#include "tests/common/place.h"

#include "tests/common/must.h"

struct addr place_port(const char *text, uint16_t port)
{
    struct addr a;
    must(addr_parse_port(str_from(text), port, &a), text);
    return a;
}

struct addr place(const char *text)
{
    return place_port(text, 5060);
}

void place_host(struct sim *sim, const char *name, const char *ip)
{
    struct dns_rr rr = {.ttl = 60, .ip = place_port(ip, 0)};
    must(sim_dns_add(sim, name, addr_is_ip6(&rr.ip) ? DNS_AAAA : DNS_A, &rr), name);
}

void place_srv(struct sim *sim, const char *name, uint16_t priority, uint16_t weight, const char *target, uint16_t port)
{
    struct dns_rr rr = {.ttl = 60, .srv = {priority, weight, port, str_from(target)}};
    must(sim_dns_add(sim, name, DNS_SRV, &rr), name);
}

void place_naptr(struct sim *sim, const char *name, uint16_t order, const char *service, const char *replacement)
{
    struct dns_rr rr = {.ttl = 60,
                        .naptr = {order, 10, STR("s"), str_from(service), STR_NONE, str_from(replacement)}};
    must(sim_dns_add(sim, name, DNS_NAPTR, &rr), name);
}

void pass_ms(struct sim *sim, uint64_t ms)
{
    (void)sim_run(sim, sim_now_ms(sim) + ms);
}
