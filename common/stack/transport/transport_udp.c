// SPDX-License-Identifier: Apache-2.0
// Datagrams: what keeps a NAT open is no message, everything else is one.
#include "base/err.h"
#include "stack/transport/guard.h"
#include "stack/transport/stun.h"
#include "stack/transport/transport_priv.h"

// CRLFs of clients that keep their NAT open.
static bool is_empty(struct str d)
{
    for (size_t i = 0; i < d.n; i++)
        if (d.p[i] != '\r' && d.p[i] != '\n' && d.p[i] != '\0')
            return false;
    return true;
}

// A stranger gets no answer, which would be longer than what he sent from wherever he says.
static void answer_stun(struct listener *l, struct flow *f, const struct addr *src, struct str data)
{
    unsigned char buf[STUN_ANSWER_MAX];
    if (!l->transport->keep_s || !f || standing_of(f) == STACK_STRANGER)
        return;
    struct str answer = stun_answer(data, src, buf);
    if (answer.n)
        (void)udp_send_from(l->udp, &f->info.local, src, answer);
}

static bool is_keepalive(struct listener *l, struct flow *f, const struct addr *src, struct str data)
{
    if (stun_is(data))
        answer_stun(l, f, src, data);
    else if (!is_empty(data))
        return false;
    l->transport->count.keepalives++;
    return true;
}

static void too_large(struct flow *f, struct str data)
{
    f->transport->count.oversize++;
    f->transport->beyond[SIP_LIMIT_MESSAGE]++;
    bool answered = transport_refuse(f, data, 513, STR_NONE);
    transport_log(f, "message too large", answered ? "answered 513" : "dropped", STR_NONE);
}

void udp_flow_receive(void *listener, const struct addr *src, const struct addr *dst,
                      struct str data)
{
    struct listener *l = listener;
    struct transport *t = l->transport;
    struct flow *f = flow_lookup(l, src), guest;
    t->count.bytes_in += data.n;
    if (f) {
        flow_touch(f);
        if (addr_is_any(&l->local)) // where he knows this node, and looks for its answers
            f->info.local = *dst;
    }
    if (is_keepalive(l, f, src, data))
        return;
    if (!f) {
        flow_guest(&guest, l, addr_is_any(&l->local) ? dst : &l->local, src);
        f = &guest;
    }
    if (!guard_admit(f))
        return;
    if (t->user->leaves_unread && t->user->leaves_unread(t->user_arg, f, data))
        return;
    f->got = data.n;
    if (data.n > t->max_message)
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
    struct transport *t = l->transport;
    t->count.unreachable++;
    t->user->unreachable(t->user_arg, f, quoted);
}
