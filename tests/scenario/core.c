// SPDX-License-Identifier: Apache-2.0
#include "core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "sip/edit.h"
#include "sip/uri.h"
#include "tests/common/figure.h"

static void note(char *log, size_t cap, struct loop *l, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void note(char *log, size_t cap, struct loop *l, const char *fmt, ...)
{
    size_t n = strlen(log);
    va_list ap;
    n += (size_t)snprintf(log + n, cap - n, "%" PRIu64 " ", loop_now(l) / 1000000);
    va_start(ap, fmt);
    n += (size_t)vsnprintf(log + n, cap - n, fmt, ap);
    va_end(ap);
    assert_true(n + 1 < cap);
    log[n] = '\n';
    log[n + 1] = '\0';
}

#define NOTE(c, ...) note((c)->log, sizeof(c)->log, (c)->loop, __VA_ARGS__)

// ---- what the layer below calls ----

static bool claims(void *arg, const struct sip_msg *m, flow_id flow)
{
    return true;
}

static void on_txn_request(void *arg, txn_id id, struct sip_msg *m, flow_id flow)
{
    struct core *c = arg;
    sip_msg_unref(c->msg);
    c->msg = sip_msg_ref(m);
    c->id = id;
    c->flow = flow;
    c->requests++;
    txn_server_set_owner(c->txns, id, c);
    NOTE(c, "request %.*s", STR_ARG(sip_msg_method_name(m)));
    if (c->answer)
        (void)core_reply(c, c->answer);
}

static void on_txn_ack(void *arg, struct sip_msg *m, flow_id flow)
{
    struct core *c = arg;
    c->acks++;
    NOTE(c, "ack");
}

static void on_txn_cancelled(void *arg, txn_id id, void *owner, const struct sip_msg *cancel)
{
    struct core *c = arg;
    assert_ptr_equal(owner, c);
    assert_true(id == c->id);
    c->cancels++;
    NOTE(c, "cancel");
}

static void on_txn_trying_due(void *arg, txn_id id, void *owner)
{
    struct core *c = owner;
    c->trying_due++;
    if (id == c->id)
        (void)core_reply(c, 100);
}

static void on_txn_end(void *arg, txn_id id, void *owner, int err)
{
    struct core *c = owner;
    assert_ptr_equal(c, arg);
    c->ends++;
    if (err)
        NOTE(c, "end %s", err_name(err));
    else
        NOTE(c, "end");
}

static const struct txn_user_ops user_ops = {.name = "core",
                                             .claims = claims,
                                             .request = on_txn_request,
                                             .ack = on_txn_ack,
                                             .cancelled = on_txn_cancelled,
                                             .trying_due = on_txn_trying_due,
                                             .server_end = on_txn_end};

static void on_request(void *arg, struct pxy *p)
{
    fail_msg("there are no pxys here");
}

static void on_flow_closed(void *arg, flow_id flow)
{
    struct core *c = arg;
    struct flow_info info;
    assert_false(stack_flow(c->stack, flow, &info));
    c->flows_closed++;
}

static void on_trace(void *arg, const struct stack_trace *t)
{
    struct core *c = arg;
    assert_true(t->bytes.n > 0);
    c->traces++;
}

static const struct stack_ops core_ops = {
    .request = on_request, .flow_closed = on_flow_closed, .trace = on_trace};

// ---- the test's side ----

void core_listen(struct core *c, const char *at, unsigned label, const struct sip_timers *t)
{
    struct stack_listen l = {.local = place(at), .label = label, .timers = t};
    l.proto = SIP_PROTO_UDP;
    assert_int_equal(stack_listen(c->stack, &l), 0);
    l.proto = SIP_PROTO_TCP;
    assert_int_equal(stack_listen(c->stack, &l), 0);
}

struct core *core_new(struct scene *sc, const char *at, const struct stack_params *p)
{
    struct core *c = mem_zalloc(sizeof *c);
    assert_non_null(c);
    c->scene = sc;
    c->loop = scene_node(sc, at);
    struct stack_params params = p ? *p : (struct stack_params){0};
    params.loop = c->loop;
    params.ops = &core_ops;
    params.arg = c;
    assert_int_equal(stack_new(&params, &c->stack), 0);
    c->txns = stack_txns(c->stack);
    struct txn_user *user;
    assert_int_equal(txn_user_add(c->txns, &user_ops, c, &user), 0);
    core_listen(c, at, 0, NULL);
    return c;
}

void core_free(struct core *c)
{
    stack_free(c->stack);
    sip_msg_unref(c->msg);
    mem_free(c);
}

uint64_t core_count(const struct core *c, const char *stat)
{
    return figure_of(c->stack, stat, NULL);
}

int core_reply(struct core *c, unsigned status)
{
    char tag[TXN_TAG_LEN];
    struct writer w = txn_scratch(c->txns);
    assert_non_null(c->msg);
    int err = sip_write_response(c->msg, status, STR_NONE, txn_to_tag(c->txns, c->msg, tag), NULL,
                                 &w);
    if (err)
        return err;
    return txn_server_reply(c->txns, c->id, status, writer_done(&w));
}

// ---- calls ----

static int write_call(void *arg, struct str via, struct writer *w)
{
    struct call *c = arg;
    assert_true(c->writes < ARRAY_LEN(c->vias));
    if (c->writes + 1 == c->fail_write) {
        c->writes++;
        return writer_lit(w, "half of"), ERR_NOMEM;
    }
    snprintf(c->vias[c->writes++], sizeof c->vias[0], "%.*s", STR_ARG(via));
    writer_printf(w, "%s %s SIP/2.0\r\nVia: %.*s\r\n", c->method, c->uri, STR_ARG(via));
    writer_printf(w, "From: <sip:a@example.org>;tag=f\r\nTo: <sip:b@example.org>\r\n"
                     "Call-ID: call-1\r\nCSeq: 7 %s\r\nMax-Forwards: 70\r\n", c->method);
    for (struct str rest = str_from(c->extra); rest.n;) {
        struct str line = str_split(&rest, '\n');
        writer_printf(w, "%.*s\r\n", STR_ARG(line));
    }
    writer_printf(w, "Content-Length: %zu\r\n\r\n", c->pad);
    for (size_t i = 0; i < c->pad; i++)
        writer_chr(w, 'x');
    return w->failed ? ERR_TOOBIG : 0;
}

static void on_call(void *arg, txn_id id, enum txn_client_event ev, unsigned status,
                    struct sip_msg *msg)
{
    struct call *c = arg;
    struct loop *l = c->core->loop;
    assert_false(c->in_start);
    assert_true(id == c->id);
    if (ev == TXN_RESPONSE) {
        assert_int_equal(sip_msg_status(msg), status);
        note(c->log, sizeof c->log, l, "%u", status);
    } else if (ev == TXN_FAILED) {
        assert_null(msg);
        note(c->log, sizeof c->log, l, "failed %u", status);
    } else {
        note(c->log, sizeof c->log, l, "ended");
    }
}

static void parse_uri(struct arena *a, const struct call *c, struct sip_uri *ret_uri)
{
    assert_int_equal(sip_uri_parse(a, str_from(c->uri), ret_uri), 0);
}

void call_start(struct call *c)
{
    assert_int_equal(call_try(c), 0);
}

int call_try(struct call *c)
{
    struct arena a;
    struct sip_uri uri;
    char first[1024];
    arena_init(&a, first, sizeof first);
    parse_uri(&a, c, &uri);
    struct txn_client_params p = {.method = sip_method_from(str_from(c->method)),
                                  .method_name = str_from(c->method),
                                  .write = write_call, .cb = on_call, .arg = c,
                                  .flow = c->flow, .uri = &uri, .label = c->label,
                                  .timeout_ms = c->timeout_ms,
                                  .leg_ms = c->leg_ms,
                                  .speaks = c->speaks,
                                  .elsewhere = c->elsewhere,
                                  .asked = c->asked};
    c->in_start = true;
    int err = txn_client_start(c->core->txns, &p, &c->id);
    c->in_start = false;
    arena_done(&a);
    return err;
}

static void on_ack_done(void *arg)
{
    struct call *c = arg;
    assert_false(c->in_start);
    note(c->log, sizeof c->log, c->core->loop, "done");
}

int call_ack(struct call *c)
{
    struct arena a;
    struct sip_uri uri;
    arena_init(&a, NULL, 0);
    parse_uri(&a, c, &uri);
    struct txn_send_params p = {.write = write_call, .done = on_ack_done, .arg = c,
                                .flow = c->flow, .uri = &uri, .label = c->label};
    c->in_start = true;
    int err = txn_send_ack(c->core->txns, &p);
    c->in_start = false;
    arena_done(&a);
    return err;
}

void call_expect(const struct call *c, const char *log)
{
    assert_string_equal(c->log, log);
}

void core_expect(const struct core *c, const char *log)
{
    assert_string_equal(c->log, log);
}

// ---- the usual set-up ----

void stage_open(struct stage *st, const struct stack_params *p)
{
    *st = (struct stage){.sc = scene_new(1)};
    st->core = core_new(st->sc, CORE, p);
}

void stage_peer(struct stage *st, bool connected)
{
    st->peer = connected ? peer_tcp_to(st->sc, "192.0.2.2:0", CORE) : peer_udp(st->sc, PEER);
    if (connected)
        scene_run(st->sc, 5);
}

void stage_close(struct stage *st)
{
    assert_int_equal(core_count(st->core, "sip_transactions_held"), 0);
    assert_int_equal(core_count(st->core, "sip_transactions"), 0);
    core_free(st->core);
    scene_free(st->sc);
}

void stage_run_out(struct stage *st)
{
    scene_run(st->sc, 10000000);
    stage_close(st);
}

struct call *call_new(const struct stage *st, const char *method, const char *uri)
{
    struct call *c = scene_alloc(st->sc, sizeof *c);
    *c = (struct call){.core = st->core, .method = method, .uri = uri};
    return c;
}
