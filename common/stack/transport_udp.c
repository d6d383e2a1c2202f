// SPDX-License-Identifier: Apache-2.0
// Datagrams: keep-alives and STUN are not for us, everything else is one message.
#include "base/err.h"
#include "stack/guard.h"
#include "stack/shed.h"
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

static void too_large(struct flow *f, struct str data)
{
    f->stack->count.oversize++;
    f->stack->beyond[SIP_LIMIT_MESSAGE]++;
    bool answered = transport_refuse(f, data, 513, STR_NONE);
    transport_log(f, "message too large", answered ? "answered 513" : "dropped", STR_NONE);
}

void udp_flow_receive(void *listener, const struct addr *src, const struct addr *dst,
                      struct str data)
{
    struct listener *l = listener;
    struct stack *s = l->stack;
    struct flow *f = flow_lookup(l, src), guest;
    s->count.bytes_in += data.n;
    if (f)
        flow_touch(f);
    if (is_keepalive(data)) {
        s->count.keepalives++;
        return;
    }
    if (!f) {
        flow_guest(&guest, l, addr_is_any(&l->local) ? dst : &l->local, src);
        f = &guest;
    }
    if (!guard_admit(f) || shed_drops_unread(s, f, data))
        return;
    f->got = data.n;
    if (data.n > s->max_message)
        too_large(f, data);
    else
        (void)transport_receive(f, data);
}

// RFC 3261 18.4: the transport user is told of a destination that cannot be reached. A report is as
// easily forged as it is useful: it counts only for what was sent to that address and is not answered.
void udp_flow_unreachable(void *listener, const struct addr *dst, int err, struct str quoted)
{
    struct listener *l = listener;
    struct flow *f = flow_lookup(l, dst);
    (void)err;
    if (!f)
        return;
    l->stack->count.unreachable++;
    txn_on_unreachable(l->stack, f, quoted);
}
