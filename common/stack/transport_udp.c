// SPDX-License-Identifier: Apache-2.0
// Datagrams: keep-alives and STUN are not for us, everything else is one message.
#include "base/err.h"
#include "stack/transport_priv.h"

// CRLFs of clients that keep their NAT open, and STUN (RFC 5389 6: magic cookie).
static bool is_keepalive(struct str d)
{
    if (d.n >= 20 && (d.p[0] & 0xc0) == 0 && memcmp(d.p + 4, "\x21\x12\xa4\x42", 4) == 0)
        return true;
    for (size_t i = 0; i < d.n; i++)
        if (d.p[i] != '\r' && d.p[i] != '\n' && d.p[i] != '\0')
            return false;
    return true;
}

void udp_flow_receive(void *listener, const struct addr *src, const struct addr *dst,
                      struct str data)
{
    struct listener *l = listener;
    struct stack *s = l->stack;
    struct flow *f = flow_lookup(l, src);
    s->count.bytes_in += data.n;
    if (is_keepalive(data)) {
        s->count.keepalives++;
        if (f)
            flow_touch(f);
        return;
    }
    if (f)
        flow_touch(f);
    else if (flow_new(l, addr_is_any(&l->local) ? dst : &l->local, src, &f))
        return;
    if (data.n > s->max_message) {
        s->count.oversize++;
        s->beyond[SIP_LIMIT_MESSAGE]++;
        bool answered = transport_refuse(f, data, 513, STR_NONE);
        transport_log(f, "message too large", answered ? "answered 513" : "dropped", STR_NONE);
        return;
    }
    (void)transport_receive(f, data);
}
