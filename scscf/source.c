// SPDX-License-Identifier: Apache-2.0
#include "scscf/source.h"

#include "base/bucket.h"
#include "base/hash.h"

enum { HOPS_MAX = 16 };

// The address that the node above this Via received it from; false when it is no address.
static bool recorded(const struct sip_via *v, struct addr *ret_addr)
{
    return addr_parse(v->received.n ? v->received : v->host, 0, ret_addr) == 0;
}

// Via 0 is about the neighbour that sent to us; its address is the socket's word.
static uint64_t outsider(const struct trust_domain *trusted, unsigned prefix, const struct pxy *p)
{
    const struct sip_msg *m = pxy_request(p);
    struct addr a = pxy_source(p)->remote;
    for (size_t i = 1; i < HOPS_MAX && trust_domain_has(trusted, &a); i++) {
        const struct sip_via *v = sip_msg_at(m, SIP_H_VIA, i);
        if (!v)
            break;
        if (!recorded(v, &a))
            return bucket_key_of(addr_network_key(&a, prefix), hash_bytes(v->host.p, v->host.n));
    }
    return addr_network_key(&a, prefix);
}

struct source source_of(const struct trust_domain *trusted, unsigned prefix, const struct pxy *p)
{
    struct str path = sip_msg_raw(pxy_request(p), SIP_H_PATH);
    uint64_t from = outsider(trusted, prefix, p);
    return (struct source){from, bucket_key_of(from, hash_bytes(path.p, path.n))};
}
