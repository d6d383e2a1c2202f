// SPDX-License-Identifier: Apache-2.0
// A DNS answer behind a byte that says which type was asked for.
#include "base/arena.h"
#include "base/err.h"
#include "fuzz.h"
#include "io/dns_msg.h"

enum { NAME_MAX_BYTES = 255, STRING_MAX = 255, RECORDS_MAX = 512 };

static void check_rr(const struct dns_rr *r, enum dns_type type)
{
    char buf[ADDR_TEXT_MAX];
    MUST(r->ttl <= INT32_MAX);
    switch (type) {
    case DNS_A:
    case DNS_AAAA:
        MUST(addr_is_ip6(&r->ip) == (type == DNS_AAAA) && addr_port(&r->ip) == 0);
        (void)addr_ip_text(&r->ip, buf);
        break;
    case DNS_SRV:
        MUST(r->srv.target.n && r->srv.target.n <= NAME_MAX_BYTES);
        MUST(!memchr(r->srv.target.p, 0, r->srv.target.n));
        break;
    case DNS_NAPTR:
        MUST(r->naptr.replacement.n && r->naptr.replacement.n <= NAME_MAX_BYTES);
        MUST(r->naptr.flags.n <= STRING_MAX && r->naptr.regexp.n <= STRING_MAX);
        MUST(r->naptr.service.n <= STRING_MAX);
        break;
    }
}

void fuzz_dns(struct str input)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR};
    enum dns_type type = types[fuzz_byte(&input) % 4];
    struct arena a;
    arena_init(&a, NULL, 0);
    struct dns_msg m = dns_msg_parse(input, type, &a);
    MUST(m.err == 0 || m.err == ERR_NODATA || m.err == ERR_DNS);
    MUST((m.err == 0) == (m.n > 0) && m.n <= RECORDS_MAX);
    for (size_t i = 0; i < m.n; i++) {
        check_rr(&m.rrs[i], type);
        MUST(m.ttl <= m.rrs[i].ttl);
    }
    arena_done(&a);
}
