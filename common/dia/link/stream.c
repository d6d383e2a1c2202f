// SPDX-License-Identifier: Apache-2.0
// A stream of bytes cut into messages, each judged by its frame and the phase of its connection.
#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/mem.h"
#include "dia/base.h"
#include "dia/link/link_priv.h"

// One indirect call for each message; what the connection's phase does not allow ends it.
static void application_message(struct dia_conn *c, const struct dia_frame *f)
{
    const struct dia_link_layer *l = c->layer;
    bool request = f->flags & DIA_CMD_R;
    if (c->phase == DIA_CONN_NEW)
        dia_conn_refuse(c, request ? "request before the capabilities exchange"
                                   : "answer before the capabilities exchange");
    else if (!request)
        l->user->answer(l->user_arg, c, f);
    else if (c->phase == DIA_CONN_OPEN)
        l->user->request(l->user_arg, c, f);
}

static void over_limit(struct dia_conn *c, const struct dia_frame *f, const struct dia_fault *fault)
{
    static const struct {
        const char *limit;
        enum dia_excess which;
    } limits[] = {
        {"message", DIA_OVER_MESSAGE}, {"avps", DIA_OVER_AVPS}, {"depth", DIA_OVER_DEPTH}};
    char at[ADDR_TEXT_MAX];
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        c->layer->excess[limits[i].which] += strcmp(limits[i].limit, fault->limit) == 0;
    LOG_FROM(addr_source_key(tcp_remote(c->tcp)), loop_now(c->layer->loop) / 1000000, LOG_WARN,
             "diameter message over a limit", fault->limit, LF("peer", dia_conn_name(c)),
             LF("address", addr_text(tcp_remote(c->tcp), at)), LF_Z("limit", fault->limit),
             LF_Z("reason", fault->why), LF_NUM("command", f->code), LF_NUM("result", fault->code),
             LF("session", f->session_id));
}

static void bad_frame(struct dia_conn *c, const struct dia_frame *f, const struct dia_fault *fault)
{
    const struct dia_link_layer *l = c->layer;
    if (!c->known && f->code == DIA_CER && (f->flags & DIA_CMD_R)) {
        dia_cer_fault(c, f, fault);
        return;
    }
    if (c->phase != DIA_CONN_OPEN) {
        dia_conn_refuse(c, fault->why);
        return;
    }
    c->counts->bad++;
    if (fault->limit)
        over_limit(c, f, fault);
    if (f->flags & DIA_CMD_R)
        dia_conn_send_error(c, f, fault->code, fault);
    else if (!dia_frame_is_base(f))
        l->user->broken(l->user_arg, c, f);
}

static void message(struct dia_conn *c, struct str bytes)
{
    const struct dia_link_layer *l = c->layer;
    struct dia_frame f;
    struct dia_fault fault = {0};
    int r = dia_frame_parse_within(l->self.dict, &l->limits, bytes, &f, &fault);
    bool base = dia_frame_is_base(&f), request = f.flags & DIA_CMD_R;
    if (l->trace && (request || base)) // other answers: where their request is known
        dia_conn_trace_in(c, bytes, f.session_id);
    if (c->phase != DIA_CONN_NEW)
        l->user->heard(l->user_arg, c, f.code == DIA_DWR && !request);
    if (r)
        bad_frame(c, &f, &fault);
    else if (base)
        dia_base_message(c, &f);
    else
        application_message(c, &f);
}

// What is at the front of bytes: a whole message (0), ERR_MORE with the bytes it takes to tell or
// to have it, ERR_TOOBIG with the length of one that is not taken, ERR_BAD.
static int front(const struct dia_conn *c, struct str bytes, size_t *ret_n)
{
    size_t n = 4, max = c->stranger ? c->layer->cer_bytes : c->layer->limits.message;
    int r = dia_frame_length(bytes, &n);
    if (r != ERR_BAD && bytes.n >= 4 && n > max)
        r = bytes.n < DIA_HEADER ? ERR_MORE : ERR_TOOBIG;
    *ret_n = r == ERR_MORE && n > max ? DIA_HEADER : n;
    return r;
}

// A message that is too long is answered from its beginning and then passed over: it costs what
// reading it costs (RFC 6733 7.1.5, DIAMETER_INVALID_MESSAGE_LENGTH).
static void too_long(struct dia_conn *c, struct str begin)
{
    struct dia_fault fault = {
        .code = 5015, .limit = "message", .why = "longer than messages are taken"};
    struct dia_frame f;
    dia_frame_peek(begin, &f);
    if (c->stranger) {
        c->layer->excess[DIA_OVER_CER_BYTES]++;
        fault.why = "longer than a CER may be";
    }
    bad_frame(c, &f, &fault);
}

// Handles the messages at the front of bytes; returns what is left over.
static struct str messages(struct dia_conn *c, struct str bytes, size_t *ret_need)
{
    size_t n;
    int r;
    while ((r = front(c, bytes, &n)) == 0 || r == ERR_TOOBIG) {
        size_t here = n < bytes.n ? n : bytes.n;
        if (r == 0)
            message(c, str_head(bytes, n));
        else
            too_long(c, str_head(bytes, here));
        c->skip = n - here;
        bytes = str_skip(bytes, here);
        if (c->dead)
            return STR_NONE;
    }
    if (r == ERR_BAD)
        dia_conn_refuse(c, "not Diameter, or an impossible length");
    *ret_need = n;
    return c->dead ? STR_NONE : bytes;
}

void dia_tail_done(struct dia_conn *c)
{
    if (c->tail.p)
        mem_keep(-1);
    mem_free((char *)c->tail.p);
    c->tail = STR_NONE;
    c->tail_cap = 0;
}

// Memory follows what has come, not what a length promises.
static int tail_add(struct dia_conn *c, struct str bytes, size_t need)
{
    size_t want = c->tail.n + bytes.n;
    if (want > c->tail_cap) {
        size_t cap = 2 * want < 256 ? 256 : 2 * want;
        cap = cap > need && need >= want ? need : cap;
        char *p = mem_realloc((char *)c->tail.p, cap);
        if (!p)
            return ERR_NOMEM;
        if (!c->tail.p)
            mem_keep(1);
        c->tail.p = p;
        c->tail_cap = cap;
    }
    memcpy((char *)c->tail.p + c->tail.n, bytes.p, bytes.n);
    c->tail.n += bytes.n;
    return 0;
}

static void tail_empty(struct dia_conn *c)
{
    c->tail.n = 0;
    if (c->tail_cap > DIA_TAIL_KEPT)
        dia_tail_done(c);
}

// Completes the message whose beginning is in the tail, if bytes suffice for it.
static struct str finish_tail(struct dia_conn *c, struct str bytes)
{
    while (c->tail.n && bytes.n && !c->dead) {
        size_t n, held = c->tail.n;
        int r = front(c, c->tail, &n);
        size_t more = r == ERR_MORE && n > held ? n - held : 0;
        if (r == ERR_BAD || tail_add(c, str_head(bytes, more), n)) {
            dia_conn_refuse(c,
                            r == ERR_BAD ? "not Diameter, or an impossible length" : "no memory");
            break;
        }
        bytes = str_skip(bytes, more);
        r = front(c, c->tail, &n);
        if (r == ERR_TOOBIG)
            too_long(c, c->tail);
        else if (r == 0)
            message(c, c->tail);
        else
            continue;
        c->skip = n - c->tail.n;
        tail_empty(c);
        break;
    }
    return c->dead ? STR_NONE : bytes;
}

static struct str pass_over(struct dia_conn *c, struct str bytes)
{
    size_t n = c->skip < bytes.n ? c->skip : bytes.n;
    c->skip -= n;
    return str_skip(bytes, n);
}

void dia_stream_data(struct dia_conn *c, struct str bytes)
{
    size_t need = 0;
    if (c->dead)
        return;
    bytes = pass_over(c, finish_tail(c, pass_over(c, bytes)));
    if (c->dead || bytes.n == 0)
        return;
    bytes = messages(c, bytes, &need);
    if (!c->dead && bytes.n && tail_add(c, bytes, need))
        dia_conn_refuse(c, "no memory");
}
