// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "dia/node_priv.h"

static void conn_connected(void *arg);
static void conn_data(void *arg, struct str bytes);
static void conn_drained(void *arg);
static void conn_closed(void *arg, int err);

static const struct tcp_ops conn_ops = {conn_connected, conn_data, conn_drained, conn_closed};

static void stranger_timeout(void *arg)
{
    struct dia_conn *c = arg;
    c->node->excess[DIA_OVER_CER_TIME]++;
    dia_conn_refuse(c, c->lookup.peer ? "its names are not resolved in time" : "no CER in time");
}

static struct dia_conn *conn_new(struct dia_node *n, bool initiator)
{
    struct dia_conn *c = mem_zalloc(sizeof *c);
    if (!c)
        return NULL;
    c->node = n;
    c->id = ++n->next_conn;
    c->initiator = initiator;
    timer_init(&c->timer, stranger_timeout, c);
    list_add(&n->conns, &c->link);
    HASH_ADD(hh, n->conn_by_id, id, sizeof c->id, c);
    if (!c->hh.tbl) {
        list_del(&c->link);
        mem_free(c);
        return NULL;
    }
    return c;
}

struct dia_conn *dia_conn_find(struct dia_node *n, uint64_t id)
{
    struct dia_conn *c;
    HASH_FIND(hh, n->conn_by_id, &id, sizeof id, c);
    return c;
}

void dia_accept(void *node, struct tcp *tcp)
{
    struct dia_node *n = node;
    struct dia_conn *c = NULL;
    if (n->draining || !(c = conn_new(n, false))) {
        tcp_abort(tcp);
        return;
    }
    n->n_strangers++;
    c->stranger = true;
    c->tcp = tcp;
    tcp_set_cap(tcp, n->max_buffered);
    tcp_set_owner(tcp, &conn_ops, c);
    timer_start(n->loop, &c->timer, n->cer_ms);
    dia_strangers_trim(c);
}

int dia_conn_open(struct dia_peer *p)
{
    struct dia_conn *c = conn_new(p->node, true);
    if (!c)
        return ERR_NOMEM;
    c->peer = p;
    p->i = c;
    const struct addr *local = p->local.sa.sa_family == AF_UNSPEC ? NULL : &p->local;
    int r = tcp_connect(p->node->loop, local, &p->remote, &conn_ops, c, &c->tcp);
    if (r) {
        c->tcp = NULL;
        dia_conn_close(c, false);
        p->i = NULL;
        return r;
    }
    tcp_set_cap(c->tcp, p->node->max_buffered);
    return 0;
}

// The object outlives the callback that it may be closed in, until the end of the turn.
void dia_conn_close(struct dia_conn *c, bool flush)
{
    if (!c || c->dead)
        return;
    c->dead = true;
    dia_stranger_known(c);
    dia_peer_forget_second(c);
    if (c->tcp && flush)
        tcp_close(c->tcp);
    else if (c->tcp)
        tcp_abort(c->tcp);
    c->tcp = NULL;
    HASH_DELETE(hh, c->node->conn_by_id, c);
    list_del(&c->link);
    list_add(&c->node->graves, &c->link);
    loop_defer(c->node->loop, &c->node->bury);
}

void dia_conn_lost(struct dia_conn *c)
{
    struct dia_peer *p = c->peer;
    bool initiator = c->initiator;
    if (c->dead)
        return;
    if (!p || (p->i != c && p->r != c)) {
        dia_conn_close(c, false);
        return;
    }
    dia_peer_event(p, initiator ? PEER_I_DISC : PEER_R_DISC, c);
    dia_conn_close(c, false);
}

void dia_conn_refuse(struct dia_conn *c, const char *why)
{
    if (c->dead)
        return;
    char at[ADDR_TEXT_MAX];
    LOG_FROM(c->tcp ? addr_source_key(tcp_remote(c->tcp)) : 0, loop_now(c->node->loop) / 1000000,
             LOG_WARN, "diameter connection refused", why,
             LF("peer", c->peer ? c->peer->host : STR("?")),
             LF("address", c->tcp ? addr_text(tcp_remote(c->tcp), at) : STR("?")),
             LF_Z("reason", why));
    dia_conn_lost(c);
}

void dia_trace_message(struct dia_conn *c, bool out, struct str bytes, struct str correlation)
{
    if (!c->node->trace)
        return;
    struct dia_trace t = {.out = out, .local = *tcp_local(c->tcp), .remote = *tcp_remote(c->tcp),
                          .bytes = bytes, .correlation = correlation};
    c->node->trace(c->node->arg, &t);
}

// RFC 6733 2.1: a peer that does not read is not read either, so its requests cannot pile up here; the
// watchdog ends the connection when that lasts.
static void throttle(struct dia_conn *c)
{
    if (c->paused)
        return;
    c->paused = true;
    tcp_pause(c->tcp, true);
}

int dia_conn_send(struct dia_conn *c, struct str bytes, struct str correlation)
{
    if (c->dead)
        return ERR_CLOSED;
    int r = tcp_send(c->tcp, bytes);
    if (r == ERR_FULL)
        throttle(c);
    if (r == 0)
        dia_trace_message(c, true, bytes, correlation);
    return r;
}

static void conn_drained(void *arg)
{
    struct dia_conn *c = arg;
    if (!c->paused || c->dead)
        return;
    c->paused = false;
    tcp_pause(c->tcp, false);
}

static void conn_connected(void *arg)
{
    struct dia_conn *c = arg;
    dia_peer_event(c->peer, PEER_I_CONN_ACK, c);
}

// One line for each new reason until the peer is open: it is tried again and again.
static void tell_why(struct dia_peer *p, int err)
{
    char at[ADDR_TEXT_MAX];
    if (p->told_err == err)
        return;
    p->told_err = err;
    LOG(LOG_WARN, p->told_open ? "diameter connection lost" : "diameter peer cannot be reached",
        LF("peer", p->host), LF("address", addr_text(&p->remote, at)), LF_Z("reason", err_text(err)));
}

static void conn_closed(void *arg, int err)
{
    struct dia_conn *c = arg;
    struct dia_peer *p = c->peer;
    if (log_enabled(LOG_DEBUG))
        log_text(LOG_DEBUG, "diameter connection closed: %s", err_name(err));
    c->tcp = NULL;
    if (p && p->i == c)
        tell_why(p, err);
    if (p && p->i == c && (p->state == PEER_WAIT_CONN_ACK || p->state == PEER_WAIT_CONN_ACK_ELECT)) {
        dia_peer_event(p, PEER_I_CONN_NACK, c);
        dia_conn_close(c, false);
        return;
    }
    dia_conn_lost(c);
}

static bool is_base(const struct dia_frame *f)
{
    return f->code == DIA_CER || f->code == DIA_DWR || f->code == DIA_DPR;
}

bool dia_conn_is_open(const struct dia_conn *c)
{
    const struct dia_peer *p = c->peer;
    return p && ((p->state == PEER_R_OPEN && p->r == c) || (p->state == PEER_I_OPEN && p->i == c));
}

static void application_message(struct dia_conn *c, const struct dia_frame *f)
{
    bool closing = c->peer && c->peer->state == PEER_CLOSING;
    if (f->flags & DIA_CMD_R) {
        if (dia_conn_is_open(c))
            dia_serve_request(c, f);
        else if (!closing)
            dia_conn_refuse(c, "request before the capabilities exchange");
    } else if (dia_conn_is_open(c) || closing) {
        dia_pending_answer(c, f);
    } else {
        dia_conn_refuse(c, "answer before the capabilities exchange");
    }
}

static void over_limit(struct dia_conn *c, const struct dia_frame *f, const struct dia_fault *fault)
{
    static const struct {
        const char *limit;
        enum dia_excess which;
    } limits[] = {{"message", DIA_OVER_MESSAGE}, {"avps", DIA_OVER_AVPS}, {"depth", DIA_OVER_DEPTH}};
    char at[ADDR_TEXT_MAX];
    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        c->node->excess[limits[i].which] += strcmp(limits[i].limit, fault->limit) == 0;
    LOG_FROM(addr_source_key(tcp_remote(c->tcp)), loop_now(c->node->loop) / 1000000, LOG_WARN,
             "diameter message over a limit", fault->limit,
             LF("peer", c->peer ? c->peer->host : STR("?")),
             LF("address", addr_text(tcp_remote(c->tcp), at)), LF_Z("limit", fault->limit),
             LF_Z("reason", fault->why), LF_NUM("command", f->code), LF_NUM("result", fault->code),
             LF("session", f->session_id));
}

static void bad_frame(struct dia_conn *c, const struct dia_frame *f, const struct dia_fault *fault)
{
    if (!c->peer && f->code == DIA_CER && (f->flags & DIA_CMD_R)) {
        dia_cer_fault(c, f, fault);
        return;
    }
    if (!dia_conn_is_open(c)) {
        dia_conn_refuse(c, fault->why);
        return;
    }
    c->peer->counts.bad++;
    if (fault->limit)
        over_limit(c, f, fault);
    if (f->flags & DIA_CMD_R)
        dia_send_error(c, f, fault->code, fault);
    else if (!is_base(f))
        dia_pending_broken(c, f);
}

static void message(struct dia_conn *c, struct str bytes)
{
    struct dia_frame f;
    struct dia_fault fault = {0};
    int r = dia_frame_parse_within(c->node->dict, &c->node->limits, bytes, &f, &fault);
    if ((f.flags & DIA_CMD_R) || is_base(&f)) // other answers: where their request is known
        dia_trace_message(c, false, bytes, f.session_id);
    bool dwa = f.code == DIA_DWR && !(f.flags & DIA_CMD_R);
    if (dia_conn_is_open(c) && dwa)
        dia_peer_alive(c->peer);
    if (dia_conn_is_open(c) || (c->peer && c->peer->state == PEER_CLOSING))
        dia_watchdog_event(c->peer, dwa ? WD_DWA : WD_OTHER);
    if (r)
        bad_frame(c, &f, &fault);
    else if (is_base(&f))
        dia_base_message(c, &f);
    else
        application_message(c, &f);
}

// What is at the front of bytes: a whole message (0), ERR_MORE with the bytes it takes to tell or to
// have it, ERR_TOOBIG with the length of one that is not taken, ERR_BAD.
static int front(const struct dia_conn *c, struct str bytes, size_t *ret_n)
{
    size_t n = 4, max = c->stranger ? c->node->cer_bytes : c->node->limits.message;
    int r = dia_frame_length(bytes, &n);
    if (r != ERR_BAD && bytes.n >= 4 && n > max)
        r = bytes.n < DIA_HEADER ? ERR_MORE : ERR_TOOBIG;
    *ret_n = r == ERR_MORE && n > max ? DIA_HEADER : n;
    return r;
}

// A message that is too long is answered from its beginning and then passed over: it costs what reading it
// costs (RFC 6733 7.1.5, DIAMETER_INVALID_MESSAGE_LENGTH).
static void too_long(struct dia_conn *c, struct str begin)
{
    struct dia_fault fault = {.code = 5015, .limit = "message", .why = "longer than messages are taken"};
    struct dia_frame f;
    dia_frame_peek(begin, &f);
    if (c->stranger) {
        c->node->excess[DIA_OVER_CER_BYTES]++;
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
            dia_conn_refuse(c, r == ERR_BAD ? "not Diameter, or an impossible length" : "no memory");
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

static void conn_data(void *arg, struct str bytes)
{
    struct dia_conn *c = arg;
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
