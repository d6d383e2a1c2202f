// SPDX-License-Identifier: Apache-2.0
// How a flow ends: by age, by its peer, for want of room, by an error; and how long a stream may go on as it is.
#include "base/err.h"
#include "stack/transport/sources.h"
#include "stack/transport/transport_priv.h"

void stream_free(struct flow *f)
{
    struct stream *st = f->stream;
    if (!st)
        return;
    timer_stop(&st->timer);
    mem_free(st->buf);
    mem_free(st);
    f->stream = NULL;
}

static void take_out(struct flow *f)
{
    flow_take(f);
    source_delist(f);
    stream_free(f);
}

void flow_close(struct flow *f, int err)
{
    struct transport *t = f->transport;
    flow_id id = f->id;
    take_out(f);
    t->user->flow_closed(t->user_arg, f, err);
    mem_free(f);
    if (t->owner.flow_closed)
        t->owner.flow_closed(t->owner_arg, id);
}

void flow_discard(struct flow *f)
{
    take_out(f);
    mem_free(f);
}

void stream_close(struct flow *f, int err, bool flush)
{
    struct tcp *c = f->stream->tcp;
    if (flush)
        tcp_close(c);
    else
        tcp_abort(c);
    flow_close(f, err);
}

void stream_doom(struct flow *f, int err)
{
    f->transport->count.stream_errors++;
    if (!f->stream->close_err)
        transport_log(f, "connection closed: nothing can be sent", err_name(err), STR_NONE);
    f->stream->close_err = err;
    timer_start(f->transport->loop, &f->stream->timer, 0);
}

void transport_flow_close(struct transport *t, flow_id flow)
{
    struct flow *f = flow_find(t, flow);
    if (!f || !f->stream || f->stream->close_err || !list_empty(&f->users))
        return;
    f->stream->close_err = ERR_FULL;
    timer_start(t->loop, &f->stream->timer, 0);
}

// ---- streams: how long ----

static uint64_t idle_limit(const struct stream *st)
{
    if (st->outgoing)
        return STREAM_IDLE_OUT_MS;
    return st->spoke ? STREAM_IDLE_IN_MS : STREAM_FIRST_MS;
}

// Of a stranger only whole messages count: he cannot stay for the price of a line end now and then.
static uint64_t idle_until(const struct flow *f)
{
    const struct stream *st = f->stream;
    const struct stack_limits *l = &f->transport->limits;
    uint64_t any = st->last_used + idle_limit(st);
    if (f->standing != STACK_STRANGER || st->outgoing)
        return any;
    if (!st->spoke)
        return l->first_ms ? st->opened + l->first_ms : any;
    return l->idle_ms ? st->last_message + l->idle_ms : any;
}

uint64_t stream_deadline(const struct flow *f)
{
    const struct stream *st = f->stream;
    uint64_t idle = idle_until(f);
    uint64_t stall = st->stalled ? st->stalled + STREAM_STALL_MS : UINT64_MAX;
    if (!st->connected)
        return st->opened + STREAM_CONNECT_MS;
    return stall < idle ? stall : idle;
}

void stream_arm(struct flow *f)
{
    uint64_t now = loop_now(f->transport->loop) / 1000000, at = stream_deadline(f);
    timer_start(f->transport->loop, &f->stream->timer, at > now ? at - now : 1);
}

void stream_rearm(struct flow *f)
{
    if (f->stream && !f->stream->close_err)
        stream_arm(f);
}

// ---- datagrams: age ----

// A flow with a transaction is in use; it is looked at again later.
static unsigned age(struct list *lru, uint64_t now_ms, uint64_t limit_ms)
{
    unsigned n = 0;
    LIST_EACH(lru, it) {
        struct flow *f = LIST_ENTRY(it, struct flow, lru);
        if (f->last_ms + limit_ms > now_ms || n++ == FLOW_AGED)
            break;
        if (list_empty(&f->users))
            flow_close(f, ERR_TIMEOUT);
        else
            flow_touch(f);
    }
    return n;
}

void flow_age(void *transport)
{
    struct transport *t = transport;
    uint64_t now = loop_now(t->loop) / 1000000;
    (void)age(&t->udp[FLOW_OF_STRANGER], now, FLOW_IDLE_STRANGER_MS);
    (void)age(&t->udp[FLOW_OF_KNOWN], now, FLOW_IDLE_MS);
    if (flows_of(t->n_udp))
        timer_start(t->loop, &t->age, FLOW_AGE_MS);
}
