// SPDX-License-Identifier: Apache-2.0
// Streams: accepting, connecting, framing, keep-alives, and getting rid of peers that stall, send
// garbage or fall silent.
#include "base/err.h"
#include "base/log.h"
#include "sip/msg.h"
#include "stack/transport/guard.h"
#include "stack/transport/sources.h"
#include "stack/transport/transport_priv.h"

static uint64_t now_ms(const struct flow *f)
{
    return loop_now(f->transport->loop) / 1000000;
}

// ---- time ----

// Uses of the stream only move last_used; the timer finds out when it fires.
static void on_timer(void *arg)
{
    struct flow *f = arg;
    struct stream *st = f->stream;
    uint64_t now = now_ms(f);
    if (st->close_err) {
        stream_close(f, st->close_err, false);
        return;
    }
    (void)standing_of(f);
    if (!st->connected && now >= stream_deadline(f)) {
        stream_close(f, ERR_TIMEOUT, false);
        return;
    }
    if (st->stalled && (now >= st->stalled + STREAM_STALL_MS || now >= stream_deadline(f))) {
        f->transport->count.stream_errors++;
        transport_log(f, "connection closed: message not completed in time", "half message",
                      STR_NONE);
        stream_close(f, ERR_TIMEOUT, false);
        return;
    }
    bool idle = now >= stream_deadline(f);
    if (idle && list_empty(&f->users)) {
        f->transport->count.idle_closed++;
        stream_close(f, ERR_TIMEOUT, true);
        return;
    }
    if (idle)
        st->last_used = st->last_message = now;
    if (idle && !st->spoke)
        st->opened = now;
    stream_arm(f);
}

// ---- framing ----

static void fail(struct flow *f, struct str rest, int err)
{
    struct stream *st = f->stream;
    bool big = err == ERR_TOOBIG;
    f->transport->count.stream_errors++;
    *(big ? &f->transport->count.oversize : &f->transport->count.malformed) += 1;
    f->transport->beyond[SIP_LIMIT_MESSAGE] += big;
    bool answered = transport_refuse(f, rest, big ? 513 : 400,
                                     big ? STR_NONE : STR("Bad Request: Malformed Content-Length"));
    transport_log(f, "connection closed: no message can be framed",
                  answered ? (big ? "oversize, answered 513" : "answered 400") : err_name(err),
                  STR_NONE);
    st->close_err = err;
}

static bool only_crlf(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '\r' && s.p[i] != '\n')
            return false;
    return true;
}

static void pong(struct flow *f)
{
    f->transport->count.keepalives++;
    (void)tcp_send(f->stream->tcp, STR("\r\n")); // RFC 5626 3.5.1
}

static void take_message(struct flow *f, struct str bytes)
{
    struct stream *st = f->stream;
    st->last_message = now_ms(f);
    if (!st->spoke) {
        st->spoke = true;
        stream_arm(f);
    }
    source_used(f);
    f->got = bytes.n;
    if (guard_admit(f))
        (void)transport_receive(f, bytes);
}

// Takes whole messages off data and returns what is left.
static struct str take_messages(struct flow *f, struct str data)
{
    struct stream *st = f->stream;
    while (data.n && !st->close_err) {
        size_t skip = 0, len = 0;
        int err = sip_framer_next(&st->framer, data, &skip, &len);
        if (err == ERR_MORE && data.n <= f->transport->max_message + SIP_MSG_MAX)
            break;
        st->framer = (struct sip_framer){0};
        if (!err && len > f->transport->max_message)
            err = ERR_TOOBIG;
        if (err) {
            fail(f, data, err == ERR_MORE ? ERR_TOOBIG : err);
            return STR_NONE;
        }
        if (len)
            take_message(f, str_make(data.p + skip, len));
        else
            pong(f);
        data = str_skip(data, skip + len);
    }
    return data;
}

static int buffer_append(struct stream *st, struct str s)
{
    if (st->n + s.n > st->cap) {
        size_t cap = (st->n + s.n) * 2;
        char *p = mem_realloc(st->buf, cap);
        if (!p)
            return ERR_NOMEM;
        st->buf = p;
        st->cap = cap;
    }
    memcpy(st->buf + st->n, s.p, s.n);
    st->n += s.n;
    return 0;
}

// The rest stays for the next run; an emptied buffer goes, most connections never need one.
static int keep_rest(struct stream *st, struct str rest, bool in_buffer)
{
    if (!rest.n) {
        mem_free(st->buf);
        st->buf = NULL;
        st->n = st->cap = 0;
        return 0;
    }
    if (!in_buffer)
        return buffer_append(st, rest);
    if (rest.p != st->buf)
        memmove(st->buf, rest.p, rest.n);
    st->n = rest.n;
    return 0;
}

static void note_stall(struct flow *f, struct str rest)
{
    struct stream *st = f->stream;
    bool half = rest.n && !only_crlf(rest);
    if (half && !st->stalled) {
        st->stalled = st->last_used ? st->last_used : 1;
        stream_arm(f);
    } else if (!half) {
        st->stalled = 0;
    }
}

static void on_data(void *arg, struct str bytes)
{
    struct flow *f = arg;
    struct stream *st = f->stream;
    bool buffered = st->n > 0;
    st->last_used = now_ms(f);
    f->transport->count.bytes_in += bytes.n;
    flow_touch(f);
    if (buffered && buffer_append(st, bytes)) {
        stream_close(f, ERR_NOMEM, false);
        return;
    }
    uint64_t first_stall = st->stalled;
    size_t before = buffered ? st->n : bytes.n;
    st->reading = true;
    struct str rest = take_messages(f, buffered ? str_make(st->buf, st->n) : bytes);
    st->reading = false;
    if (!st->close_err && rest.n != before)
        first_stall = 0; // a message was completed: the next half starts its own time
    st->stalled = first_stall;
    if (!st->close_err)
        note_stall(f, rest);
    if (!st->close_err && keep_rest(st, rest, buffered))
        st->close_err = ERR_NOMEM;
    if (st->close_err) // a last answer may leave, megabytes for who does not read may not
        stream_close(f, st->close_err, st->close_err != ERR_FULL);
}

// ---- connections ----

static void on_connected(void *arg)
{
    struct flow *f = arg;
    f->stream->connected = true;
    f->info.local = *tcp_local(f->stream->tcp);
}

static void on_closed(void *arg, int err)
{
    struct flow *f = arg;
    flow_close(f, f->stream->connected ? err : err == ERR_CLOSED ? ERR_REFUSED : err);
}

static const struct tcp_ops stream_ops = {
    .connected = on_connected, .data = on_data, .closed = on_closed};

static int stream_new(struct listener *l, struct tcp *c, const struct addr *local,
                      const struct addr *remote, struct flow **ret_flow)
{
    struct stream *st = mem_zalloc(sizeof *st);
    if (!st)
        return ERR_NOMEM;
    st->tcp = c;
    struct flow *f;
    int err = flow_new(l, local, remote, &f);
    if (err) {
        mem_free(st);
        return err;
    }
    f->stream = st;
    timer_init(&st->timer, on_timer, f);
    st->opened = st->last_used = st->last_message = now_ms(f);
    *ret_flow = f;
    return 0;
}

void stream_accept(void *listener, struct tcp *c)
{
    struct flow *f;
    if (stream_new(listener, c, tcp_local(c), tcp_remote(c), &f)) {
        tcp_abort(c);
        return;
    }
    f->stream->connected = true;
    if (!guard_connection(f)) {
        flow_discard(f);
        tcp_abort(c);
        return;
    }
    tcp_set_owner(c, &stream_ops, f);
    stream_arm(f);
}

int stream_connect(struct listener *l, const struct addr *remote, struct flow **ret_flow)
{
    struct addr local = l->local;
    addr_set_port(&local, 0);
    struct flow *f;
    int err = stream_new(l, NULL, &local, remote, &f);
    if (err)
        return err;
    f->stream->outgoing = true;
    err = tcp_connect(l->transport->loop, addr_is_any(&local) ? NULL : &local, remote, &stream_ops, f,
                      &f->stream->tcp);
    if (err) {
        flow_discard(f);
        return err;
    }
    stream_arm(f);
    *ret_flow = f;
    return 0;
}
