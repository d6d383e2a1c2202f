// SPDX-License-Identifier: Apache-2.0
// A call through proxies: Record-Route and loose routing, requests inside the dialog, ACK, strict
// routers, and what each hop changes.
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#define ALICE "10.0.0.1"
#define BOB "10.0.0.2"
#define P1 "10.0.1.1"
#define P2 "10.0.1.2"
#define P3 "10.0.1.3"

struct chain {
    struct world w;
    struct node *p1, *p2, *p3;
    struct peer *alice, *bob;
};

static void chain_init(struct chain *c, bool tcp)
{
    const struct stack_params params = {.tcp_prefer = tcp};
    world_init(&c->w);
    c->p1 = node_new(&c->w, P1, &params);
    c->p2 = node_new(&c->w, P2, &params);
    c->p3 = node_new(&c->w, P3, &params);
    c->p1->next_hop = "sip:" P2;
    c->p2->next_hop = "sip:" P3;
    c->p3->next_hop = "sip:" BOB ";transport=udp";
    c->p1->record_route = c->p2->record_route = c->p3->record_route = true;
    c->alice = peer_new(&c->w, ALICE);
    c->bob = peer_new(&c->w, BOB);
}

static void no_pxy_left(const struct node *n)
{
    assert_null(pxy_find(n->stack, n->last));
}

static void chain_done(struct chain *c)
{
    world_run(&c->w, 100000); // every timer of RFC 3261 but Timer C
    no_pxy_left(c->p1);
    no_pxy_left(c->p2);
    no_pxy_left(c->p3);
    world_done(&c->w);
}

// INVITE .. 200 at alice; *ret_invite as bob saw it.
static const char *call(struct chain *c, const char **ret_invite)
{
    peer_request(c->alice, P1, &(struct request){.method = "INVITE", .uri = "sip:bob@example.org"});
    const char *inv = peer_expect(c->bob, "INVITE sip:bob@example.org SIP/2.0");
    peer_reply(c->bob, P3, inv, "180 Ringing", "b1", NULL);
    peer_expect(c->alice, "SIP/2.0 180 Ringing");
    peer_reply(c->bob, P3, inv, "200 OK", "b1", NULL);
    *ret_invite = inv;
    return peer_expect(c->alice, "SIP/2.0 200 OK");
}

static void whole_call(bool tcp)
{
    struct chain c;
    const char *inv, *ok, *m;
    chain_init(&c, tcp);
    ok = call(&c, &inv);
    assert_string_equal(header_of(inv, "Max-Forwards", 0), "67");
    assert_int_equal(count_of(inv, "Via"), 4);
    assert_string_equal(header_of(inv, "Record-Route", 0), "<sip:" P3 ";lr>");
    assert_string_equal(header_of(inv, "Record-Route", 2), "<sip:" P1 ";lr>");
    assert_int_equal(count_of(ok, "Via"), 1);
    assert_int_equal(count_of(ok, "Record-Route"), 3);

    const char *routes = strdup(routes_reversed(ok));
    peer_request(
        c.alice, P1,
        &(struct request){
            .method = "ACK", .uri = "sip:" BOB ";transport=udp", .to_tag = "b1", .extra = routes});
    m = peer_expect(c.bob, "ACK sip:" BOB ";transport=udp SIP/2.0");
    assert_int_equal(count_of(m, "Route"), 0);
    assert_int_equal(c.p1->acks + c.p2->acks + c.p3->acks, 3);

    peer_request(c.alice, P1,
                 &(struct request){.method = "BYE",
                                   .uri = "sip:" BOB ";transport=udp",
                                   .to_tag = "b1",
                                   .cseq = 2,
                                   .extra = routes});
    m = peer_expect(c.bob, "BYE sip:" BOB ";transport=udp SIP/2.0");
    peer_reply(c.bob, P3, m, "200 OK", NULL, NULL);
    m = peer_expect(c.alice, "SIP/2.0 200 OK");
    assert_string_equal(header_of(m, "CSeq", 0), "2 BYE");
    free((void *)routes);
    // 180, 200 and the BYE's 200 passed each node's callback; 100 did not
    assert_int_equal(c.p2->responses, 3);
    chain_done(&c);
}

static void call_over_udp(void **state)
{
    (void)state;
    whole_call(false);
}

static void call_over_tcp(void **state)
{
    (void)state;
    whole_call(true);
}

// The callee's requests go the other way round.
static void bye_from_callee(void **state)
{
    struct chain c;
    const char *inv, *m;
    (void)state;
    chain_init(&c, false);
    (void)call(&c, &inv);
    peer_request(c.bob, P3,
                 &(struct request){.method = "BYE",
                                   .uri = "sip:" ALICE,
                                   .to_tag = "from-1",
                                   .from_tag = "b1",
                                   .extra = routes_straight(inv)});
    m = peer_expect(c.alice, "BYE sip:" ALICE " SIP/2.0");
    assert_int_equal(count_of(m, "Via"), 4);
    peer_reply(c.alice, P1, m, "200 OK", NULL, NULL);
    peer_expect(c.bob, "SIP/2.0 200 OK");
    chain_done(&c);
}

// RFC 3261 16.7 step 5 and RFC 6026: each 2xx goes upstream, so the caller can send its ACK again.
static void ok_retransmitted(void **state)
{
    struct chain c;
    const char *inv;
    (void)state;
    chain_init(&c, false);
    c.alice->keep_duplicates = c.bob->keep_duplicates = true;
    (void)call(&c, &inv);
    for (int i = 0; i < 3; i++) {
        world_run(&c.w, 500);
        peer_reply(c.bob, P3, inv, "200 OK", "b1", NULL);
        const char *ok = peer_expect(c.alice, "SIP/2.0 200 OK");
        peer_request(
            c.alice, P1,
            &(struct request){
                .method = "ACK", .uri = "sip:" BOB, .to_tag = "b1", .extra = routes_reversed(ok)});
        peer_expect(c.bob, "ACK ");
    }
    chain_done(&c);
}

// RFC 3261 16.4: the Request-URI is our Record-Route value, the target stands last in Route.
static void strict_router_before_us(void **state)
{
    struct chain c;
    (void)state;
    chain_init(&c, false);
    peer_request(c.alice, P1,
                 &(struct request){.method = "INFO",
                                   .uri = "sip:" P1 ";lr",
                                   .to_tag = "b1",
                                   .extra = "Route: <sip:" P3 ";lr>\n"
                                            "Route: <sip:bob@" BOB ">\n"});
    const char *m = peer_expect(c.bob, "INFO sip:bob@" BOB " SIP/2.0");
    assert_int_equal(count_of(m, "Route"), 0);
    assert_int_equal(c.p2->requests, 0);
    peer_reply(c.bob, P3, m, "200 OK", NULL, NULL);
    peer_expect(c.alice, "SIP/2.0 200 OK");
    chain_done(&c);
}

// RFC 3261 16.6 step 6: the next hop does not know lr.
static void strict_router_behind_us(void **state)
{
    struct chain c;
    (void)state;
    chain_init(&c, false);
    peer_request(c.alice, P1,
                 &(struct request){.method = "INFO",
                                   .uri = "sip:carol@example.org",
                                   .to_tag = "b1",
                                   .extra = "Route: <sip:" P1 ";lr>, <sip:" BOB ">,"
                                            " <sip:later.example.org;lr>\n"});
    const char *m = peer_expect(c.bob, "INFO sip:" BOB " SIP/2.0");
    assert_int_equal(count_of(m, "Route"), 2);
    assert_string_equal(header_of(m, "Route", 0), "<sip:later.example.org;lr>");
    assert_string_equal(header_of(m, "Route", 1), "<sip:carol@example.org>");
    peer_reply(c.bob, P1, m, "200 OK", NULL, NULL);
    peer_expect(c.alice, "SIP/2.0 200 OK");
    chain_done(&c);
}

static void see_own_route(struct node *n, struct pxy *p)
{
    const struct sip_uri *own = pxy_own_route(p);
    char *text = n->data;
    struct str user = own ? own->user : STR("none");
    snprintf(text, 64, "%.*s", STR_ARG(user));
    node_relay(n, p);
}

// What a node put into its own Route URI comes back to it.
static void own_route_remembered(void **state)
{
    struct chain c;
    char seen[64];
    (void)state;
    chain_init(&c, false);
    c.p1->on_request = see_own_route;
    c.p1->data = seen;
    peer_request(c.alice, P1,
                 &(struct request){.method = "INFO",
                                   .uri = "sip:" BOB,
                                   .to_tag = "b1",
                                   .extra = "Route: <sip:orig@" P1 ";lr;x=1>\n"});
    const char *m = peer_expect(c.bob, "INFO ");
    assert_string_equal(seen, "orig");
    peer_reply(c.bob, P1, m, "200 OK", NULL, NULL);
    peer_expect(c.alice, "SIP/2.0 200 OK");

    // a Route that is not ours stays
    peer_request(c.alice, P1,
                 &(struct request){.method = "INFO",
                                   .uri = "sip:x.example.org",
                                   .to_tag = "b1",
                                   .cseq = 2,
                                   .extra = "Route: <sip:" BOB ";lr>\n"});
    m = peer_expect(c.bob, "INFO ");
    assert_string_equal(seen, "none");
    assert_string_equal(header_of(m, "Route", 0), "<sip:" BOB ";lr>");
    peer_reply(c.bob, P1, m, "200 OK", NULL, NULL);
    peer_expect(c.alice, "SIP/2.0 200 OK");
    chain_done(&c);
}

// RFC 3261 16.4: a maddr that means us is taken away.
static void own_maddr(void **state)
{
    struct chain c;
    (void)state;
    chain_init(&c, false);
    c.p1->next_hop = "sip:" BOB;
    peer_request(
        c.alice, P1,
        &(struct request){.method = "OPTIONS",
                          .uri = "sip:bob@example.org:5060;maddr=" P1 ";transport=udp;x=1"});
    const char *m = peer_expect(c.bob, "OPTIONS sip:bob@example.org;x=1 SIP/2.0");
    peer_reply(c.bob, P1, m, "200 OK", NULL, NULL);
    peer_expect(c.alice, "SIP/2.0 200 OK");
    chain_done(&c);
}

static void to_flow(struct node *n, struct pxy *p)
{
    struct pxy_target t = {.flow = *(flow_id *)n->data};
    (void)pxy_forward(p, &t, 1, NULL, NULL);
}

static void remember_flow(struct node *n, struct pxy *p)
{
    *(flow_id *)n->data = pxy_flow(p);
    assert_int_equal(pxy_reply(p, 200, STR_NONE, NULL), 0);
}

// What a P-CSCF does for a registered contact: the flow decides, whatever the URIs say.
static void to_a_flow(void **state)
{
    struct chain c;
    flow_id flow = 0;
    (void)state;
    chain_init(&c, false);
    c.p1->data = &flow;
    c.p1->on_request = remember_flow;
    peer_request(c.bob, P1, &(struct request){.method = "REGISTER", .uri = "sip:example.org"});
    peer_expect(c.bob, "SIP/2.0 200");
    c.p1->on_request = to_flow;
    peer_request(c.alice, P1, &(struct request){.method = "MESSAGE", .uri = "sip:bob@192.0.2.77"});
    const char *m = peer_expect(c.bob, "MESSAGE sip:bob@192.0.2.77 SIP/2.0");
    peer_reply(c.bob, P1, m, "200 OK", NULL, NULL);
    peer_expect(c.alice, "SIP/2.0 200 OK");
    chain_done(&c);
}

// Max-Forwards is added where it is missing; unknown headers and the body pass untouched.
static void untouched(void **state)
{
    struct chain c;
    (void)state;
    chain_init(&c, false);
    peer_send(c.alice, P1,
              "MESSAGE sip:bob@example.org SIP/2.0\nv: SIP/2.0/UDP " ALICE ";branch=z9hG4bKq\n"
              "f: <sip:a@x>;tag=1\nt: <sip:b@x>\ni: c9\nCSeq: 1 MESSAGE\nX-Odd:  a ,b\n"
              "l: 5\nc: text/plain\n\nhello");
    const char *m = peer_expect(c.bob, "MESSAGE ");
    assert_string_equal(header_of(m, "Max-Forwards", 0), "68");
    assert_contains(m, "X-Odd:  a ,b\r\n");
    assert_contains(m, "\r\n\r\nhello");
    world_run(&c.w, 40000);
    chain_done(&c);
}

// A callee that keeps only the Via on top: its answer can go nowhere, and the caller must not wait for ever.
static void answer_without_the_way_back(void **state)
{
    static const char *const methods[] = {"INVITE", "MESSAGE"};
    static const char *const statuses[] = {"200 OK", "486 Busy Here"};
    for (size_t i = 0; i < 4; i++) {
        struct chain c;
        const char *method = methods[i / 2];
        chain_init(&c, false);
        peer_request(c.alice, P3, &(struct request){.method = method, .uri = "sip:bob@example.org"});
        const char *req = peer_expect(c.bob, method);
        peer_send(c.bob, P3, "SIP/2.0 %s\nVia: %s\nFrom: %s\nTo: %s;tag=b\nCall-ID: %s\nCSeq: %s\n\n",
                  statuses[i % 2], header_of(req, "Via", 0), header_of(req, "From", 0),
                  header_of(req, "To", 0), header_of(req, "Call-ID", 0), header_of(req, "CSeq", 0));
        (void)peer_expect(c.alice, "SIP/2.0 502");
        chain_done(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_over_udp),
        cmocka_unit_test(call_over_tcp),
        cmocka_unit_test(bye_from_callee),
        cmocka_unit_test(ok_retransmitted),
        cmocka_unit_test(strict_router_before_us),
        cmocka_unit_test(strict_router_behind_us),
        cmocka_unit_test(own_route_remembered),
        cmocka_unit_test(own_maddr),
        cmocka_unit_test(to_a_flow),
        cmocka_unit_test(untouched),
        cmocka_unit_test(answer_without_the_way_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
