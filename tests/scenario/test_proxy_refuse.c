// SPDX-License-Identifier: Apache-2.0
// What the proxy core answers by itself (RFC 3261 16.3), and bad days: drain, no memory, ids of
// requests that are gone.
#include <stdio.h>

#include "harness.h"
#include "tests/common/figure.h"

#define ALICE "10.0.0.1"
#define BOB "10.0.0.2"
#define P "10.0.1.1"
#define P2 "10.0.1.2"

struct one {
    struct world w;
    struct node *p;
    struct peer *alice, *bob;
};

static void one_init(struct one *o, const struct stack_params *params)
{
    world_init(&o->w);
    o->p = node_new(&o->w, P, params);
    o->p->next_hop = "sip:" BOB;
    o->alice = peer_new(&o->w, ALICE);
    o->bob = peer_new(&o->w, BOB);
}

static void one_done(struct one *o)
{
    world_run(&o->w, 100000);
    world_done(&o->w);
}

struct refuse_row {
    struct request r;
    const char *want, *contains;
};

static const struct refuse_row rows[] = {
    {{.method = "OPTIONS", .uri = "sip:b@x", .max_forwards = -1}, "SIP/2.0 483", "Too Many Hops"},
    {{.method = "OPTIONS", .uri = "sip:b@x", .extra = "Proxy-Require: foo, sec-agree, bar\n"},
     "SIP/2.0 420",
     "Unsupported: foo,bar\r\n"},
    {{.method = "OPTIONS", .uri = "sip:b@x", .extra = "Proxy-Require: sec agree\n"},
     "SIP/2.0 400",
     "Malformed Proxy-Require"},
    {{.method = "OPTIONS", .uri = "sip:b@x", .extra = "Route: <sip:[::1\n"},
     "SIP/2.0 400",
     "Route"},
    {{.method = "OPTIONS", .uri = "odd:thing"}, "SIP/2.0 416", "Unsupported URI Scheme"},
    {{.method = "OPTIONS", .uri = "sip:b@x:99999"}, "SIP/2.0 400", "Malformed"},
};

static void refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct one o;
        one_init(&o, &(struct stack_params){.proxy_require = {STR_INIT("sec-agree")}});
        peer_request(o.alice, P, &rows[i].r);
        const char *m = peer_expect(o.alice, rows[i].want);
        assert_contains(m, rows[i].contains);
        assert_int_equal(o.p->requests, 0);
        one_done(&o);
    }
}

// What this node adds makes it larger than a datagram, and there is no connection to be had: the true
// cause goes back (RFC 3261 21.5.7), not a word about the next hop's health.
static void outgrown(void **state)
{
    enum { BODY = 65280 };
    struct one o;
    struct addr to;
    (void)state;
    one_init(&o, NULL);
    o.p->record_route = true;
    char *text = mem_zalloc(70000);
    int n = snprintf(text, 70000,
                     "INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP " ALICE ":5060;branch=z9hG4bK-big\r\n"
                     "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: big\r\nCSeq: 1 INVITE\r\n"
                     "Max-Forwards: 70\r\nContent-Length: %d\r\n\r\n", BODY);
    memset(text + n, 'x', BODY);
    assert_int_equal(addr_parse(STR(P), 5060, &to), 0);
    assert_int_equal(udp_send(o.alice->udp, &to, str_make(text, (size_t)n + BODY)), 0);
    const char *m = peer_expect(o.alice, "SIP/2.0 513");
    assert_contains(m, "Warning: 399 ");
    assert_contains(m, "too large for a datagram");
    peer_expect_silence(o.bob, 1000);
    mem_free(text);
    one_done(&o);
}

// message.memory_*: a request that needs more is refused with a log line and counted, not half read.
static void memory_has_a_bound(void **state)
{
    static char extra[14000];
    static struct sip_limits few = {.message = 60000, .body = 20, .uri = 100, .fields = 65535,
                                    .line = 60000, .values = 65535, .all_values = 65535,
                                    .params = 65535, .memory_base = 1000, .memory_factor = 2};
    struct one o;
    (void)state;
    one_init(&o, &(struct stack_params){.message = &few});
    size_t n = (size_t)snprintf(extra, sizeof extra, "Proxy-Require: a");
    while (n < 12000)
        n += (size_t)snprintf(extra + n, sizeof extra - n, ",a");
    snprintf(extra + n, sizeof extra - n, "\n");
    struct request r = {.method = "OPTIONS", .uri = "sip:" BOB, .extra = extra};
    peer_request(o.alice, P, &r);
    (void)peer_expect(o.alice, "SIP/2.0 500");
    assert_int_equal(o.p->requests, 0);
    assert_int_equal(figure_of(o.p->stack, "sip_limit_exceeded", "limit=\"memory\""), 1);
    one_done(&o);
}

static void ack_is_never_answered(void **state)
{
    struct one o;
    (void)state;
    one_init(&o, NULL);
    peer_request(
        o.alice, P,
        &(struct request){.method = "ACK", .uri = "sip:b@x", .max_forwards = -1, .to_tag = "t"});
    peer_request(o.alice, P,
                 &(struct request){.method = "ACK",
                                   .uri = "sip:" BOB,
                                   .to_tag = "t",
                                   .branch = "z9hG4bKx",
                                   .extra = "Proxy-Require: foo\n"});
    peer_expect(o.bob, "ACK ");
    peer_expect_silence(o.alice, 1000);
    assert_int_equal(o.p->acks, 1);
    one_done(&o);
}

// P and P2 send it to each other for ever.
static void loop_detected(void **state)
{
    struct one o;
    (void)state;
    one_init(&o, NULL);
    struct node *p2 = node_new(&o.w, P2, NULL);
    o.p->next_hop = "sip:" P2;
    p2->next_hop = "sip:" P;
    peer_request(o.alice, P, &(struct request){.method = "OPTIONS", .uri = "sip:b@x"});
    peer_expect(o.alice, "SIP/2.0 482");
    assert_int_equal(o.p->requests, 1);
    assert_int_equal(p2->requests, 1);
    one_done(&o);
}

static void change_uri(struct node *n, struct pxy *p)
{
    struct pxy_target t = {.next_hop = STR("sip:" P)};
    if (n->requests == 1)
        sip_edit_uri(pxy_edits(p), STR("sip:b@elsewhere"));
    else
        t.next_hop = STR("sip:" BOB);
    (void)pxy_forward(p, &t, 1, NULL, NULL);
}

// It comes back with another Request-URI: a spiral, not a loop.
static void spiral_passes(void **state)
{
    struct one o;
    (void)state;
    one_init(&o, NULL);
    o.p->on_request = change_uri;
    peer_request(o.alice, P, &(struct request){.method = "OPTIONS", .uri = "sip:b@x"});
    const char *m = peer_expect(o.bob, "OPTIONS sip:b@elsewhere SIP/2.0");
    assert_int_equal(o.p->requests, 2);
    peer_reply(o.bob, P, m, "200 OK", "t", NULL);
    peer_expect(o.alice, "SIP/2.0 200");
    one_done(&o);
}

static void bad_next_hop(struct node *n, struct pxy *p)
{
    (void)n;
    const struct pxy_target t = {.next_hop = STR("sip:[nonsense")};
    (void)pxy_forward(p, &t, 1, NULL, NULL);
}

static void bad_target(void **state)
{
    struct one o;
    (void)state;
    one_init(&o, NULL);
    o.p->on_request = bad_next_hop;
    peer_request(o.alice, P, &(struct request){.method = "OPTIONS", .uri = "sip:b@x"});
    peer_expect(o.alice, "SIP/2.0 400");
    // the second Route is the one that cannot be read
    o.p->on_request = NULL;
    o.p->next_hop = NULL;
    peer_request(o.alice, P,
                 &(struct request){.method = "OPTIONS",
                                   .uri = "sip:b@x",
                                   .cseq = 2,
                                   .extra = "Route: <sip:" P ";lr>\nRoute: <si p:x>\n"});
    peer_expect(o.alice, "SIP/2.0 400");
    one_done(&o);
}

static void count_done(void *arg)
{
    ++*(int *)arg;
}

static void keep(struct node *n, struct pxy *p)
{
    (void)n;
    (void)p;
}

static void drain(void **state)
{
    struct one o;
    int done = 0;
    (void)state;
    one_init(&o, NULL);
    o.p->on_request = keep;
    peer_request(o.alice, P, &(struct request){.method = "OPTIONS", .uri = "sip:b@x"});
    world_run(&o.w, 100);
    pxy_id id = o.p->last;
    stack_drain(o.p->stack, count_done, &done);
    peer_request(o.alice, P, &(struct request){.method = "OPTIONS", .uri = "sip:b@x", .cseq = 2});
    const char *m = peer_expect(o.alice, "SIP/2.0 503");
    assert_non_null(header_of(m, "Retry-After", 0));
    assert_int_equal(o.p->requests, 1);
    world_run(&o.w, 20000); // RFC 4320 4.2: at 32 s nobody would wait for it any longer
    assert_int_equal(done, 0); // the first one is still open
    assert_int_equal(pxy_reply(pxy_find(o.p->stack, id), 200, STR_NONE, NULL), 0);
    peer_expect(o.alice, "SIP/2.0 200");
    world_run(&o.w, 60000);
    assert_int_equal(done, 1);
    one_done(&o);
}

static void reply_480(struct node *n, struct pxy *p)
{
    (void)n;
    assert_int_equal(pxy_reply(p, 480, STR_NONE, NULL), 0);
    assert_ptr_equal(pxy_find(n->stack, pxy_get_id(p)), p); // until the turn ends
}

static void stale_ids(void **state)
{
    struct one o;
    pxy_id first;
    (void)state;
    one_init(&o, NULL);
    assert_null(pxy_find(o.p->stack, 0));
    assert_null(pxy_find(o.p->stack, 12345678901234567ULL));
    o.p->on_request = reply_480;
    peer_request(o.alice, P, &(struct request){.method = "OPTIONS", .uri = "sip:b@x"});
    peer_expect(o.alice, "SIP/2.0 480");
    first = o.p->last;
    assert_null(pxy_find(o.p->stack, first));
    peer_request(o.alice, P, &(struct request){.method = "OPTIONS", .uri = "sip:b@x", .cseq = 2});
    peer_expect(o.alice, "SIP/2.0 480");
    assert_true(o.p->last != first);
    assert_null(pxy_find(o.p->stack, first));
    one_done(&o);
}

static void free_counted(void *ctx)
{
    ++*(int *)ctx;
}

static void with_ctx(struct node *n, struct pxy *p)
{
    pxy_set_ctx(p, n->data, free_counted);
    if (n->requests == 1)
        (void)pxy_reply(p, 200, STR_NONE, NULL);
}

// The owner's context goes with the pxy, once, also when the stack ends under an open request.
static void context_freed(void **state)
{
    struct one o;
    int freed = 0;
    (void)state;
    one_init(&o, NULL);
    o.p->on_request = with_ctx;
    o.p->data = &freed;
    peer_request(o.alice, P, &(struct request){.method = "OPTIONS", .uri = "sip:b@x"});
    peer_expect(o.alice, "SIP/2.0 200");
    assert_int_equal(freed, 1);
    peer_request(o.alice, P, &(struct request){.method = "OPTIONS", .uri = "sip:b@x", .cseq = 2});
    world_run(&o.w, 100);
    assert_int_equal(freed, 1);
    world_done(&o.w);
    assert_int_equal(freed, 2);
}

static const char *hear(struct peer *p, const char *start)
{
    const char *m;
    do
        m = peer_next(p, 1500);
    while (m && strncmp(m, start, strlen(start)) != 0);
    return m;
}

// INVITE, 200, ACK, BYE, 200; false as soon as something does not arrive.
static bool whole_call(struct one *o, const char *call_id)
{
    struct request r = {.method = "INVITE", .uri = "sip:bob@" BOB, .call_id = call_id};
    peer_request(o->alice, P, &r);
    const char *m = hear(o->bob, "INVITE ");
    if (m)
        peer_reply(o->bob, P, m, "200 OK", "t", NULL);
    if (!m || !(m = hear(o->alice, "SIP/2.0 200")))
        return false;
    r.extra = "Route: <sip:" P ";lr>\n";
    r.to_tag = "t";
    r.method = "ACK";
    peer_request(o->alice, P, &r);
    if (!hear(o->bob, "ACK "))
        return false;
    r.method = "BYE";
    r.cseq = 2;
    peer_request(o->alice, P, &r);
    m = hear(o->bob, "BYE ");
    if (m)
        peer_reply(o->bob, P, m, "200 OK", NULL, NULL);
    return m && hear(o->alice, "SIP/2.0 200");
}

// Every allocation after the n-th fails for the time of one call: whatever is lost, nothing leaks
// and the next call works.
static bool call_short_of_memory(long n)
{
    struct one o;
    one_init(&o, NULL);
    o.p->record_route = true;
    mem_fail_after(n);
    bool ok = whole_call(&o, "short");
    mem_fail_after(-1);
    world_run(&o.w, 300000);
    assert_null(pxy_find(o.p->stack, o.p->last));
    while (peer_next(o.alice, 0) || peer_next(o.bob, 0))
        continue;
    assert_true(whole_call(&o, "again"));
    one_done(&o);
    return ok;
}

static void out_of_memory(void **state)
{
    long n = 0, good = 0;
    (void)state;
    for (; n < 500 && good < 5; n++)
        good = call_short_of_memory(n) ? good + 1 : 0;
    assert_int_equal(good, 5);
    assert_true(n > 20);
}

// ---- a request whose response no datagram can carry ----

static uint64_t held(const struct one *o)
{
    return figure_of(o->p->stack, "sip_transactions_held", NULL);
}

static size_t add(char *at, size_t n, const char *text)
{
    memcpy(at + n, text, strlen(text));
    return n + strlen(text);
}

enum { LARGEST = 65500, VIA = 8000, VIA_START = 48 };

// So many Vias that what a response adds (To tag, Content-Length) is too much.
static void send_largest(const struct one *o, const char *method)
{
    static char text[70000];
    char rest[400];
    struct addr to;
    int rest_n = snprintf(rest, sizeof rest,
                          "From: <sip:a@x>;tag=f\r\nTo: <sip:b@x>\r\nCall-ID: large\r\nCSeq: 1 %s\r\n\r\n", method);
    size_t n = (size_t)snprintf(
        text, sizeof text, "%s sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP " ALICE ":5060;branch=z9hG4bK-large\r\n", method);
    while (LARGEST - n - (size_t)rest_n > VIA_START) {
        size_t room = LARGEST - n - (size_t)rest_n - VIA_START, pad = room < VIA ? room : VIA;
        n = add(text, n, "Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK-a;x=");
        memset(text + n, 'y', pad);
        n = add(text, n + pad, "\r\n");
    }
    n = add(text, n, rest);
    assert_in_range(n, UDP_DATA_MAX - 80, UDP_DATA_MAX);
    assert_int_equal(addr_parse(STR(P), 5060, &to), 0);
    assert_int_equal(udp_send(o->alice->udp, &to, str_make(text, n)), 0);
}

static void answer_200(struct node *n, struct pxy *p)
{
    n->last = pxy_get_id(p);
    (void)pxy_reply(p, 200, STR_NONE, NULL);
}

static void what_cannot_be_answered_is_given_up(void **state)
{
    static const char *const methods[] = {"INVITE", "MESSAGE"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct one o;
        one_init(&o, NULL);
        o.p->on_request = answer_200;
        send_largest(&o, methods[i]);
        world_run(&o.w, 100);
        assert_int_equal(o.p->requests, 1);
        assert_int_equal(held(&o), 0);
        assert_null(pxy_find(o.p->stack, o.p->last));
        if (i == 0)
            send_largest(&o, "CANCEL"); // of nothing any more
        one_done(&o);
    }
}

// RFC 3261 9.2, and nothing is kept for it, though anybody may send it as often as he likes.
static void cancel_of_nothing(void **state)
{
    const struct request cancel = {.method = "CANCEL", .uri = "sip:b@x"};
    struct one o;
    (void)state;
    one_init(&o, NULL);
    o.alice->keep_duplicates = true;
    for (int again = 0; again < 2; again++) {
        peer_request(o.alice, P, &cancel);
        assert_contains(peer_expect(o.alice, "SIP/2.0 481"), "CSeq: 1 CANCEL");
        assert_int_equal(held(&o), 0);
    }
    one_done(&o);
}

// ---- ACKs that nobody answers ----

// Each waits for the name in its Route; there are only so many.
static void acks_have_a_bound(void **state)
{
    const struct stack_params params = {.max_transactions = 40};
    struct one o;
    (void)state;
    one_init(&o, &params);
    o.p->next_hop = NULL;
    sim_dns_down(o.w.sim, true);
    for (unsigned i = 0; i < 1000; i++) {
        struct request r = {.method = "ACK", .uri = "sip:b@gone.example.org", .to_tag = "t", .cseq = (int)i + 1};
        peer_request(o.alice, P, &r);
        world_run(&o.w, 1);
        assert_true(held(&o) <= 51);
    }
    assert_int_equal(held(&o), 51);
    one_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals),      cmocka_unit_test(outgrown),
        cmocka_unit_test(memory_has_a_bound),
        cmocka_unit_test(ack_is_never_answered),
        cmocka_unit_test(loop_detected), cmocka_unit_test(spiral_passes),
        cmocka_unit_test(bad_target),    cmocka_unit_test(drain),
        cmocka_unit_test(stale_ids),     cmocka_unit_test(context_freed),
        cmocka_unit_test(what_cannot_be_answered_is_given_up),
        cmocka_unit_test(cancel_of_nothing),
        cmocka_unit_test(acks_have_a_bound),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
