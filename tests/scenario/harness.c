// SPDX-License-Identifier: Apache-2.0
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/common/wire.h"

enum { RING = 16, RING_TEXT = 2048, MSG_MAX = 16384 };

static char *ring(void)
{
    static char text[RING][RING_TEXT];
    static unsigned next;
    return text[next++ % RING];
}

// ---- world ----

void world_init(struct world *w)
{
    world_init_seed(w, 1);
}

void world_init_seed(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    sip_msg_pool_drain();
    w->live_before = mem_live();
    assert_int_equal(sim_new(seed, &w->sim), 0);
}

void world_done(struct world *w)
{
    for (size_t i = 0; i < w->n_nodes; i++) {
        stack_free(w->nodes[i].stack);
        loop_free(w->nodes[i].loop);
    }
    for (size_t i = 0; i < w->n_peers; i++) {
        for (size_t j = 0; j < w->peers[i].n; j++)
            free(w->peers[i].inbox[j]);
        udp_close(w->peers[i].udp);
        loop_free(w->peers[i].loop);
    }
    sim_free(w->sim);
    sip_msg_pool_drain();
    assert_int_equal(mem_live(), w->live_before);
}

void world_run(struct world *w, uint64_t ms)
{
    pass_ms(w->sim, ms);
}

// ---- nodes ----

static enum pxy_verdict count_response(void *nf, struct pxy *p, void *target_ctx, unsigned status,
                                       const struct sip_msg *msg, struct sip_edits *edits)
{
    struct node *n = nf;
    (void)p;
    (void)target_ctx;
    (void)msg;
    assert_non_null(edits);
    n->responses++;
    n->last_status = status;
    return PXY_PASS;
}

const struct pxy_forward_ops count_ops = {.response = count_response};

void node_relay(struct node *n, struct pxy *p)
{
    // A request inside a dialog has a route set of its own.
    bool in_dialog = sip_msg_to_tag(pxy_request(p)).p != NULL;
    struct pxy_target t = {.next_hop = in_dialog ? STR_NONE : str_from(n->next_hop)};
    if (n->record_route && !in_dialog)
        sip_edit_prepend(pxy_edits(p), SIP_H_RECORD_ROUTE,
                         arena_printf(pxy_arena(p), "<sip:%s;lr>", n->ip));
    if (pxy_forward(p, &t, 1, n->ops ? n->ops : &count_ops, n))
        (void)pxy_reply(p, 500, STR_NONE, NULL);
}

static void on_request(void *arg, struct pxy *p)
{
    struct node *n = arg;
    n->last = pxy_get_id(p);
    if (sip_msg_method(pxy_request(p)) == SIP_ACK)
        n->acks++;
    else
        n->requests++;
    (n->on_request ? n->on_request : node_relay)(n, p);
}

const struct stack_ops node_ops = {.request = on_request};

struct node *node_new(struct world *w, const char *ip, const struct stack_params *params)
{
    struct node *n = &w->nodes[w->n_nodes];
    struct stack_params sp = params ? *params : (struct stack_params){0};
    assert_true(w->n_nodes < WORLD_NODES);
    n->w = w;
    n->ip = ip;
    assert_int_equal(sim_node(w->sim, ip, &n->loop), 0);
    sp.loop = n->loop;
    sp.ops = sp.ops ? sp.ops : &node_ops;
    sp.arg = n;
    assert_int_equal(stack_new(&sp, &n->stack), 0);
    w->n_nodes++;
    struct stack_listen l = {.proto = SIP_PROTO_UDP, .local = place(ip)};
    assert_int_equal(stack_listen(n->stack, &l), 0);
    l.proto = SIP_PROTO_TCP;
    assert_int_equal(stack_listen(n->stack, &l), 0);
    return n;
}

// ---- peers ----

static void on_datagram(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    struct peer *p = arg;
    (void)src;
    (void)dst;
    for (size_t i = 0; i < p->n && !p->keep_duplicates; i++) {
        if (str_eq(str_from(p->inbox[i]), data))
            return;
    }
    if (p->n == PEER_INBOX) {
        free(p->inbox[0]);
        memmove(p->inbox, p->inbox + 1, sizeof p->inbox - sizeof p->inbox[0]);
        p->n--;
        p->seen -= p->seen > 0;
    }
    p->inbox[p->n++] = strndup(data.p, data.n);
}

struct peer *peer_new(struct world *w, const char *ip)
{
    struct peer *p = &w->peers[w->n_peers++];
    assert_true(w->n_peers <= WORLD_PEERS);
    p->w = w;
    p->ip = ip;
    assert_int_equal(sim_node(w->sim, ip, &p->loop), 0);
    struct udp_params up = {.local = place(ip), .cb = on_datagram, .arg = p};
    assert_int_equal(udp_open(p->loop, &up, &p->udp), 0);
    return p;
}

static void send_text(struct peer *p, const char *dst, const char *text)
{
    char out[2 * MSG_MAX];
    struct addr to = place(dst);
    int err = udp_send(p->udp, &to, wire_text(text, out, sizeof out));
    assert_true(!err || err == ERR_NOMEM); // where a test makes allocations fail
}

void peer_send(struct peer *p, const char *dst, const char *fmt, ...)
{
    char text[MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    send_text(p, dst, text);
}

void peer_request(struct peer *p, const char *dst, const struct request *r)
{
    char branch[64];
    int cseq = r->cseq ? r->cseq : 1;
    snprintf(branch, sizeof branch, "z9hG4bK-%s%d", r->method, cseq);
    peer_send(p, dst,
              "%s %s SIP/2.0\nVia: SIP/2.0/UDP %s:5060;branch=%s\nMax-Forwards: %d\n"
              "From: <sip:%s>;tag=%s\nTo: <sip:to@example.org>%s%s\nCall-ID: %s\nCSeq: %d %s\n"
              "Contact: <sip:%s:5060>\n%sContent-Length: 0\n\n",
              r->method, r->uri, p->ip, r->branch ? r->branch : branch,
              r->max_forwards < 0 ? 0
              : r->max_forwards   ? r->max_forwards
                                  : 70,
              p->ip, r->from_tag ? r->from_tag : "from-1", r->to_tag ? ";tag=" : "",
              r->to_tag ? r->to_tag : "", r->call_id ? r->call_id : "call-1", cseq, r->method,
              p->ip, r->extra ? r->extra : "");
}

const char *peer_next(struct peer *p, uint64_t ms)
{
    uint64_t end = sim_now_ms(p->w->sim) + ms;
    while (p->seen == p->n && sim_now_ms(p->w->sim) < end)
        world_run(p->w, 1);
    return p->seen < p->n ? p->inbox[p->seen++] : NULL;
}

static bool starts(const char *s, const char *start)
{
    return strncmp(s, start, strlen(start)) == 0;
}

const char *peer_expect(struct peer *p, const char *start)
{
    const char *m;
    do {
        m = peer_next(p, 5000);
        if (!m)
            fail_msg("%s: waited for \"%s\", nothing came", p->ip, start);
    } while (!starts(m, start) && starts(m, "SIP/2.0 100"));
    if (!starts(m, start))
        fail_msg("%s: waited for \"%s\", got:\n%s", p->ip, start, m);
    return m;
}

void peer_expect_silence(struct peer *p, uint64_t ms)
{
    world_run(p->w, ms);
    while (p->seen < p->n) {
        const char *m = p->inbox[p->seen++];
        if (!starts(m, "SIP/2.0 100"))
            fail_msg("%s: silence expected, got:\n%s", p->ip, m);
    }
}

static void copy_lines(char *out, size_t cap, const char *req, const char *name, const char *suffix)
{
    for (unsigned i = 0; i < count_of(req, name); i++) {
        size_t n = strlen(out);
        snprintf(out + n, cap - n, "%s: %s%s\n", name, header_of(req, name, i), suffix);
    }
}

void peer_reply(struct peer *p, const char *dst, const char *req, const char *status_line,
                const char *tag, const char *extra)
{
    char head[MSG_MAX / 2] = "", suffix[64] = "";
    if (tag && !strstr(header_of(req, "To", 0), ";tag="))
        snprintf(suffix, sizeof suffix, ";tag=%s", tag);
    copy_lines(head, sizeof head, req, "Via", "");
    copy_lines(head, sizeof head, req, "Record-Route", "");
    copy_lines(head, sizeof head, req, "From", "");
    copy_lines(head, sizeof head, req, "To", suffix);
    copy_lines(head, sizeof head, req, "Call-ID", "");
    copy_lines(head, sizeof head, req, "CSeq", "");
    peer_send(p, dst, "SIP/2.0 %s\n%s%sContact: <sip:%s:5060>\nContent-Length: 0\n\n", status_line,
              head, extra ? extra : "", p->ip);
}

// ---- reading messages ----

const char *header_of(const char *msg, const char *name, unsigned i)
{
    size_t n = strlen(name);
    for (const char *l = strchr(msg, '\n'); l; l = strchr(l, '\n')) {
        l++;
        if (strncasecmp(l, name, n) != 0 || l[n] != ':')
            continue;
        if (i--)
            continue;
        const char *v = l + n + 1;
        while (*v == ' ')
            v++;
        char *out = ring();
        snprintf(out, RING_TEXT, "%.*s", (int)strcspn(v, "\r\n"), v);
        return out;
    }
    return NULL;
}

unsigned count_of(const char *msg, const char *name)
{
    unsigned n = 0;
    while (header_of(msg, name, n))
        n++;
    return n;
}

const char *uri_of(const char *msg)
{
    const char *u = strchr(msg, ' ');
    char *out = ring();
    assert_non_null(u);
    u++;
    snprintf(out, RING_TEXT, "%.*s", (int)strcspn(u, " "), u);
    return out;
}

static const char *routes(const char *msg, bool reverse)
{
    char *out = ring();
    unsigned n = count_of(msg, "Record-Route");
    out[0] = 0;
    for (unsigned i = 0; i < n; i++) {
        size_t used = strlen(out);
        snprintf(out + used, RING_TEXT - used, "Route: %s\n",
                 header_of(msg, "Record-Route", reverse ? n - 1 - i : i));
    }
    return out;
}

const char *routes_reversed(const char *msg)
{
    return routes(msg, true);
}

const char *routes_straight(const char *msg)
{
    return routes(msg, false);
}

const char *param_of(const char *value, const char *name)
{
    char find[64];
    snprintf(find, sizeof find, ";%s=", name);
    const char *v = value ? strstr(value, find) : NULL;
    if (!v)
        return NULL;
    v += strlen(find);
    char *out = ring();
    snprintf(out, RING_TEXT, "%.*s", (int)strcspn(v, ";, >"), v);
    return out;
}
