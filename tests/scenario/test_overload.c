// SPDX-License-Identifier: Apache-2.0
// Overload control on messages: who is refused while requests wait too long, how, and what is kept of
// it; RFC 3261 21.5.4, 16.7 step 6.
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "tests/common/figure.h"

#define P "192.0.2.10"
#define P_OUTSIDE "192.0.2.11"
#define ALICE "192.0.2.1"
#define BOB "192.0.2.2"

#define MS 1000000ull

#define CREDENTIALS                                                                                \
    "Authorization: Digest username=\"u\",realm=\"r\",nonce=\"n\",uri=\"sip:r\","                  \
    "response=\"0123456789abcdef0123456789abcdef\"\n"

struct play {
    struct world w;
    struct node *p;
    struct peer *alice, *bob;
    unsigned n; // requests so far
};

static void play_init(struct play *y)
{
    const struct stack_params params = {
        .overload = {.wait_ms = 50, .latency_ms = 250, .refusals = 2000, .retry_after_s = 10}};
    world_init(&y->w);
    y->p = node_new(&y->w, P, &params);
    y->alice = peer_new(&y->w, ALICE);
    y->bob = peer_new(&y->w, BOB);
    y->n = 0;
}

static void accept_all(struct node *n, struct pxy *p)
{
    n->requests++;
    (void)pxy_reply(p, 200, STR_NONE, NULL);
}

static void keep_all(struct node *n, struct pxy *p)
{
    n->last = pxy_get_id(p);
}

static void send_one(struct play *y, struct request r)
{
    char branch[40], call_id[40];
    snprintf(branch, sizeof branch, "z9hG4bK-%u", y->n);
    snprintf(call_id, sizeof call_id, "call-%u", y->n++);
    r.branch = branch;
    r.call_id = call_id;
    peer_request(y->alice, P, &r);
}

// Sends one more request and gives the status of what comes back within 10 ms, 0 for nothing.
static unsigned status_of(struct play *y, struct request r)
{
    send_one(y, r);
    const char *m = peer_next(y->alice, 10);
    return m ? (unsigned)atoi(m + 8) : 0;
}

static const struct request message = {.method = "MESSAGE", .uri = "sip:bob@example.org"};
static const struct request in_dialog = {
    .method = "MESSAGE", .uri = "sip:bob@example.org", .to_tag = "t"};

struct tally {
    unsigned taken, refused;
};

static struct tally send_many(struct play *y, struct request r, unsigned n)
{
    struct tally t = {0};
    for (unsigned i = 0; i < n; i++) {
        unsigned status = status_of(y, r);
        assert_true(status == 200 || status == 503);
        *(status == 200 ? &t.taken : &t.refused) += 1;
    }
    return t;
}

static uint64_t figure(const struct play *y, const char *name)
{
    return figure_of(y->p->stack, name, NULL);
}

static uint64_t transactions(const struct play *y)
{
    return figure(y, "sip_transactions_held");
}

static void who_waited_too_long_is_refused(void **state)
{
    struct play y;
    play_init(&y);
    y.p->on_request = accept_all;
    assert_int_equal(send_many(&y, message, 100).refused, 0);
    sim_set_waited(y.p->loop, 1000 * MS);
    (void)send_many(&y, message, 2000); // until the limit has found its place
    uint64_t before = transactions(&y);
    struct tally t = send_many(&y, message, 100);
    assert_true(t.refused > 80);
    assert_true(transactions(&y) <= before + t.taken); // a refusal keeps nothing
    assert_int_equal(send_many(&y, in_dialog, 100).refused, 0);
    struct request sos = message;
    sos.uri = "urn:service:sos";
    y.p->requests = 0;
    (void)status_of(&y, sos); // what becomes of it is another matter: it is not 503
    assert_true(status_of(&y, sos) != 503);
    sim_set_waited(y.p->loop, 0);
    (void)send_many(&y, message, 6000);
    assert_int_equal(send_many(&y, message, 100).refused, 0);
    world_done(&y.w);
}

// Sends such requests until one is refused, and gives the 503; r becomes the request that was.
static const char *next_refusal(struct play *y, struct request *r)
{
    static char id[40];
    const char *m = NULL;
    for (unsigned i = 0; !m || atoi(m + 8) != 503; i++) {
        assert_true(i < 1000);
        snprintf(id, sizeof id, "z9hG4bK-once-more-%u", y->n++);
        r->branch = r->call_id = id;
        peer_request(y->alice, P, r);
        m = peer_next(y->alice, 10);
        assert_non_null(m);
    }
    return m;
}

static void a_refusal_says_when_to_come_again(void **state)
{
    struct play y;
    play_init(&y);
    y.p->on_request = accept_all;
    sim_set_waited(y.p->loop, 1000 * MS);
    while (status_of(&y, message) != 503)
        assert_true(y.n < 1000);
    struct request r = message;
    const char *m = next_refusal(&y, &r);
    int after = atoi(header_of(m, "Retry-After", 0));
    assert_true(after >= 10 && after <= 20);
    world_done(&y.w);
}

// It was let in: what was answered is answered again, whatever the load is now.
static void a_retransmission_is_no_new_request(void **state)
{
    struct play y;
    play_init(&y);
    y.p->on_request = accept_all;
    peer_request(y.alice, P, &message);
    peer_expect(y.alice, "SIP/2.0 200");
    sim_set_waited(y.p->loop, 1000 * MS);
    while (status_of(&y, message) != 503)
        assert_true(y.n < 1000);
    y.alice->keep_duplicates = true;
    unsigned requests = y.p->requests;
    peer_request(y.alice, P, &message);
    peer_expect(y.alice, "SIP/2.0 200");
    assert_int_equal(y.p->requests, requests);
    world_done(&y.w);
}

// The ACK of a 503 that nothing was kept for looks like that of a 2xx: it goes neither to the owner nor to
// whom its Route names (RFC 3261 8.2.7).
static void the_ack_of_a_refusal_ends_here(void **state)
{
    struct play y;
    char tag[64];
    struct request ack = {.method = "INVITE", .uri = "sip:bob@" BOB};
    play_init(&y);
    y.p->on_request = keep_all; // 100 is all that the others hear
    sim_set_waited(y.p->loop, 1000 * MS);
    const char *m = next_refusal(&y, &ack);
    snprintf(tag, sizeof tag, "%s", param_of(header_of(m, "To", 0), "tag"));
    ack.method = "ACK";
    ack.to_tag = tag;
    peer_request(y.alice, P, &ack);
    world_run(&y.w, 100);
    assert_int_equal(y.p->acks, 0);
    ack.to_tag = "of-bob"; // while one of his dialog goes on
    peer_request(y.alice, P, &ack);
    world_run(&y.w, 100);
    assert_int_equal(y.p->acks, 1);
    world_done(&y.w);
}

// ---- what is not even read ----

static enum stack_standing who_sends;

static enum stack_standing standing(void *arg, const struct flow_info *from)
{
    return who_sends;
}

// Faster than answers come.
static void send_quickly(struct play *y, struct request r, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        send_one(y, r);
        world_run(&y->w, 1);
    }
    world_run(&y->w, 5);
}

// A node that refuses no more than one request a second, with more than it can serve before it.
static void deaf_init(struct play *y, enum stack_standing who)
{
    static struct stack_ops ops;
    const struct stack_params params = {
        .ops = &ops, .overload = {.wait_ms = 50, .latency_ms = 250, .refusals = 1, .retry_after_s = 10}};
    ops = node_ops;
    ops.standing = standing;
    who_sends = who;
    world_init(&y->w);
    y->p = node_new(&y->w, P, &params);
    y->p->on_request = keep_all;
    y->alice = peer_new(&y->w, ALICE);
    y->bob = peer_new(&y->w, BOB);
    y->n = 0;
    sim_set_waited(y->p->loop, 1000 * MS);
    send_quickly(y, message, 3000);
    assert_true(figure(y, "sip_overload_dropped") > 1000);
}

// Of many such requests: how many of them were let in, and how many dropped before they were read.
struct fate {
    unsigned seen;
    uint64_t unread;
};

static struct fate fate_of(struct play *y, struct request r)
{
    struct fate f = {y->p->requests, figure(y, "sip_overload_unread")};
    send_quickly(y, r, 200);
    return (struct fate){y->p->requests - f.seen, figure(y, "sip_overload_unread") - f.unread};
}

static void what_would_be_dropped_is_not_read(void **state)
{
    struct play y;
    struct request call = {.method = "INVITE", .uri = "sip:bob@example.org"}, sos = call;
    sos.uri = "urn:service:sos.police";
    deaf_init(&y, STACK_KNOWN);
    assert_true(fate_of(&y, message).unread > 150);
    assert_true(fate_of(&y, call).unread > 150);
    struct fate f = fate_of(&y, in_dialog);
    assert_int_equal(f.unread, 0);
    assert_int_equal(f.seen, 200);
    assert_int_equal(fate_of(&y, sos).unread, 0);
    assert_true(figure(&y, "sip_overload_load_percent") > 100); // what is not read waited all the same
    world_done(&y.w);
}

// A neighbour's request and a registered user's REGISTER may be worth more than a look can tell.
static void what_a_look_cannot_judge_is_read(void **state)
{
    static const struct {
        enum stack_standing who;
        const char *method, *extra;
        bool read;
    } rows[] = {
        {STACK_TRUSTED, "MESSAGE", NULL, true},         {STACK_TRUSTED, "REGISTER", NULL, true},
        {STACK_KNOWN, "REGISTER", NULL, true},          {STACK_STRANGER, "REGISTER", NULL, false},
        {STACK_STRANGER, "REGISTER", CREDENTIALS, true}, {STACK_VOUCHED, "REGISTER", NULL, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct play y;
        const struct request r = {.method = rows[i].method, .uri = "sip:example.org", .extra = rows[i].extra};
        deaf_init(&y, rows[i].who);
        uint64_t unread = fate_of(&y, r).unread;
        if (rows[i].read ? unread != 0 : unread < 100)
            fail_msg("row %zu: %llu unread", i, (unsigned long long)unread);
        world_done(&y.w);
    }
}

// As many first REGISTERs as the window has wait for the network; answers to challenges come in beside
// them, and each answer makes room for one.
static void registrations_have_a_window(void **state)
{
    struct play y;
    play_init(&y);
    y.p->on_request = keep_all;
    struct request first = {.method = "REGISTER", .uri = "sip:example.org"};
    struct request answer = first;
    answer.extra = CREDENTIALS;
    unsigned taken = 0;
    while (status_of(&y, first) == 0)
        taken++;
    assert_int_equal(taken, 200);
    pxy_id one = y.p->last;
    assert_int_equal(status_of(&y, first), 503);
    assert_int_equal(status_of(&y, answer), 0);
    assert_int_equal(pxy_reply(pxy_find(y.p->stack, one), 401, STR_NONE, NULL), 0);
    assert_non_null(peer_next(y.alice, 10));
    assert_int_equal(status_of(&y, first), 0);
    assert_int_equal(status_of(&y, first), 503);
    world_done(&y.w);
}

static void forward_to_bob(struct node *n, struct pxy *p)
{
    const struct pxy_target t = {.next_hop = STR("sip:" BOB), .label = n->data ? 1 : 0};
    n->requests++;
    assert_int_equal(pxy_forward(p, &t, 1, NULL, NULL), 0);
}

// Bob answers everything with 503; alice gets what the node makes of it.
static void bob_refuses(struct play *y, struct tally *ret_seen)
{
    for (unsigned i = 0; i < 1000; i++) {
        char branch[40];
        snprintf(branch, sizeof branch, "z9hG4bK-%u", y->n++);
        struct request r = message;
        r.branch = branch;
        peer_request(y->alice, P, &r);
        const char *m = peer_next(y->bob, 5);
        if (m)
            peer_reply(y->bob, y->p->data ? P_OUTSIDE : P, m, "503 Service Unavailable", "b",
                       "Retry-After: 7\n");
        m = peer_next(y->alice, 10);
        assert_non_null(m);
        bool here = atoi(m + 8) == 503 && atoi(header_of(m, "Retry-After", 0)) >= 10;
        assert_int_equal(here || atoi(header_of(m, "Retry-After", 0)) == 7, 1);
        *(here ? &ret_seen->refused : &ret_seen->taken) += 1;
    }
}

static void a_node_behind_that_refuses_is_spared(void **state)
{
    struct play y;
    struct tally seen = {0};
    play_init(&y);
    y.p->on_request = forward_to_bob;
    bob_refuses(&y, &seen);
    assert_true(seen.refused > 250);
    world_done(&y.w);
}

// A phone that answers 503 is not the network.
static void a_peer_outside_cannot_throttle_us(void **state)
{
    struct play y;
    struct tally seen = {0};
    const struct request *r = &message;
    play_init(&y);
    struct stack_listen l = {.proto = SIP_PROTO_UDP, .label = 1, .outside = true};
    assert_int_equal(addr_parse_port(STR(P_OUTSIDE), 5060, &l.local), 0);
    assert_int_equal(stack_listen(y.p->stack, &l), 0);
    y.p->on_request = forward_to_bob;
    y.p->data = &y;
    bob_refuses(&y, &seen);
    assert_int_equal(seen.refused, 0);
    // Nor does his refusal reach those before us as one of ours.
    peer_request(y.alice, P, r);
    peer_reply(y.bob, P_OUTSIDE, peer_next(y.bob, 5), "503 Service Unavailable", "b", "Retry-After: 7\n");
    peer_expect(y.alice, "SIP/2.0 500");
    world_done(&y.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waited_too_long_is_refused),
        cmocka_unit_test(a_refusal_says_when_to_come_again),
        cmocka_unit_test(a_retransmission_is_no_new_request),
        cmocka_unit_test(the_ack_of_a_refusal_ends_here),
        cmocka_unit_test(what_would_be_dropped_is_not_read),
        cmocka_unit_test(what_a_look_cannot_judge_is_read),
        cmocka_unit_test(registrations_have_a_window),
        cmocka_unit_test(a_node_behind_that_refuses_is_spared),
        cmocka_unit_test(a_peer_outside_cannot_throttle_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
