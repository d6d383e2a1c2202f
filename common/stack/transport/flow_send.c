// SPDX-License-Identifier: Apache-2.0
// What leaves on a flow.
#include "base/err.h"
#include "stack/transport/transport_priv.h"

static int sent(struct flow *f, const struct addr *to, struct str bytes, struct str call_id,
                int err)
{
    struct transport_counters *c = &f->transport->count;
    if (err) {
        c->send_errors++;
        return err;
    }
    c->bytes_out += bytes.n;
    *(str_starts(bytes, STR("SIP/2.0 ")) ? &c->responses_out : &c->requests_out) += 1;
    flow_trace(f, true, to, bytes, call_id);
    return 0;
}

static int stream_send(struct flow *f, struct str bytes, struct str call_id, bool later)
{
    if (f->stream->close_err)
        return ERR_CLOSED;
    int err = later ? tcp_send_later(f->stream->tcp, bytes) : tcp_send(f->stream->tcp, bytes);
    f->stream->last_used = loop_now(f->transport->loop) / 1000000;
    if (err)
        stream_doom(f, err);
    return sent(f, &f->info.remote, bytes, call_id, err);
}

int flow_send(struct flow *f, struct str bytes, struct str call_id)
{
    if (!f->stream)
        return flow_send_to(f, &f->info.remote, bytes, call_id);
    return stream_send(f, bytes, call_id, false);
}

int flow_send_later(struct flow *f, struct str bytes, struct str call_id)
{
    return f->stream ? stream_send(f, bytes, call_id, true) : ERR_INVAL;
}

int flow_send_to(struct flow *f, const struct addr *to, struct str bytes, struct str call_id)
{
    if (f->stream)
        return ERR_INVAL;
    return sent(f, to, bytes, call_id, udp_send_from(f->listener->udp, &f->info.local, to, bytes));
}
