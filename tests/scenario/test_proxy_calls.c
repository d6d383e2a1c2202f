// SPDX-License-Identifier: Apache-2.0
// Calls that pass a proxy, as it counts them, and a drain that waits for them.
#include <stdio.h>

#include "harness.h"
#include "tests/common/figure.h"

#define ALICE "10.0.0.1"
#define BOB "10.0.0.2"
#define P "10.0.1.1"

static const struct stack_params counting = {.max_calls = 3, .call_lifetime_s = 600};

struct one {
    struct world w;
    struct node *p;
    struct peer *alice, *bob;
    int cseq; // of alice's last request
};

static struct one o;

static int set_up(void **state)
{
    (void)state;
    o = (struct one){0};
    world_init(&o.w);
    o.p = node_new(&o.w, P, &counting);
    o.alice = peer_new(&o.w, ALICE);
    o.bob = peer_new(&o.w, BOB);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_run(&o.w, 100000);
    world_done(&o.w);
    return 0;
}

static size_t calls(void)
{
    return stack_left(o.p->stack).calls;
}

// A request of alice's in call_id, answered by bob; what he got.
static const char *asked(const char *method, const char *call_id, bool inside, const char *answer, const char *extra)
{
    static char branch[32], start[16];
    snprintf(start, sizeof start, "SIP/2.0 %.3s", answer);
    snprintf(branch, sizeof branch, "z9hG4bK-%s%d", method, ++o.cseq);
    peer_request(o.alice, P,
                 &(struct request){.method = method,
                                   .uri = "sip:" BOB,
                                   .call_id = call_id,
                                   .branch = branch,
                                   .to_tag = inside ? "b1" : NULL,
                                   .cseq = o.cseq});
    const char *m = peer_expect(o.bob, method);
    peer_reply(o.bob, P, m, answer, inside ? NULL : "b1", extra);
    (void)peer_expect(o.alice, start);
    return m;
}

static const char *call(const char *call_id)
{
    return asked("INVITE", call_id, false, "200 OK", NULL);
}

static void from_its_answer_to_its_bye(void **state)
{
    (void)state;
    (void)asked("INVITE", "busy", false, "486 Busy Here", NULL);
    (void)peer_expect(o.bob, "ACK");
    (void)asked("OPTIONS", "probe", false, "200 OK", NULL);
    assert_int_equal(calls(), 0);
    (void)call("a");
    assert_int_equal(calls(), 1);
    (void)asked("INVITE", "a", true, "200 OK", NULL); // held
    (void)asked("INFO", "a", true, "200 OK", NULL);
    assert_int_equal(calls(), 1);
    (void)asked("BYE", "a", true, "401 Unauthorized", NULL);
    assert_int_equal(calls(), 1);
    (void)asked("BYE", "a", true, "200 OK", NULL);
    assert_int_equal(calls(), 0);
    assert_int_equal(figure_of(o.p->stack, "sip_calls_total", NULL), 1);
}

static void bye_of_the_called_party(void **state)
{
    (void)state;
    (void)call("a");
    peer_request(
        o.bob, P,
        &(struct request){.method = "BYE", .uri = "sip:" ALICE, .call_id = "a", .to_tag = "from-1", .from_tag = "b1"});
    const char *m = peer_expect(o.alice, "BYE");
    assert_int_equal(calls(), 1);
    peer_reply(o.alice, P, m, "200 OK", NULL, NULL);
    (void)peer_expect(o.bob, "SIP/2.0 200");
    assert_int_equal(calls(), 0);
}

// RFC 3261 15.1.1, 12.2.1.2.
static void ends_without_a_word(void **state)
{
    (void)state;
    (void)call("a");
    peer_request(o.alice, P, &(struct request){.method = "BYE", .uri = "sip:" BOB, .call_id = "a", .to_tag = "b1"});
    (void)peer_expect(o.bob, "BYE");
    world_run(&o.w, 40000);
    assert_int_equal(calls(), 0);
    while (peer_next(o.alice, 1)) {}
    (void)call("b");
    (void)asked("INVITE", "b", true, "481 Call/Transaction Does Not Exist", NULL);
    assert_int_equal(calls(), 0);
}

// Which may come late: the network keeps what it likes.
static void answer_that_is_repeated(void **state)
{
    (void)state;
    const char *invite = call("a");
    (void)asked("BYE", "a", true, "200 OK", NULL);
    peer_reply(o.bob, P, invite, "200 OK", "b1", NULL);
    world_run(&o.w, 1000);
    assert_int_equal(calls(), 0);
}

static void session_timers(void **state)
{
    (void)state;
    (void)asked("INVITE", "a", false, "200 OK", "Session-Expires: 200;refresher=uac\n");
    world_run(&o.w, 150000);
    (void)asked("UPDATE", "a", true, "200 OK", "Session-Expires: 200;refresher=uac\n");
    world_run(&o.w, 190000);
    assert_int_equal(calls(), 1);
    world_run(&o.w, 80000);
    assert_int_equal(calls(), 0);
    assert_int_equal(figure_of(o.p->stack, "sip_calls_aged", NULL), 1);
}

static void lifetime(void **state)
{
    (void)state;
    (void)asked("INVITE", "a", false, "200 OK", "Session-Expires: 200;refresher=uac\n");
    (void)asked("INVITE", "a", true, "200 OK", NULL); // the timer is off from now on (RFC 4028 8.1)
    world_run(&o.w, 590000);
    assert_int_equal(calls(), 1);
    world_run(&o.w, 80000);
    assert_int_equal(calls(), 0);
}

// A node that has started anew hears of them by their refreshes.
static void learns_by_refreshes(void **state)
{
    (void)state;
    (void)asked("UPDATE", "early", true, "200 OK", NULL); // of a dialog that may be an early one
    assert_int_equal(calls(), 0);
    (void)asked("UPDATE", "a", true, "200 OK", "Session-Expires: 200;refresher=uac\n");
    assert_int_equal(calls(), 1);
    (void)asked("INVITE", "b", true, "200 OK", NULL);
    assert_int_equal(calls(), 2);
}

static void are_bounded(void **state)
{
    static const char *const ids[] = {"a", "b", "c", "d"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        (void)call(ids[i]);
    assert_int_equal(calls(), 3);
    assert_int_equal(figure_of(o.p->stack, "sip_calls_uncounted", NULL), 1);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        (void)asked("BYE", ids[ARRAY_LEN(ids) - 1 - i], true, "200 OK", NULL);
    assert_int_equal(calls(), 0);
}

// ---- drain ----

static void count_done(void *arg)
{
    ++*(int *)arg;
}

static void refused(const char *method)
{
    peer_request(o.alice, P,
                 &(struct request){.method = method, .uri = "sip:" BOB, .call_id = "new", .cseq = ++o.cseq});
    const char *m = peer_expect(o.alice, "SIP/2.0 503");
    assert_string_equal(header_of(m, "Retry-After", 0), "30 (leaving)");
}

static void drain_waits_for_calls(void **state)
{
    int done = 0;
    (void)state;
    (void)call("a");
    world_run(&o.w, 60000); // there is no transaction any more
    stack_drain(o.p->stack, count_done, &done);
    world_run(&o.w, 60000);
    assert_int_equal(done, 0);
    refused("INVITE");
    refused("REGISTER");
    refused("OPTIONS");
    (void)asked("INVITE", "a", true, "200 OK", NULL);
    assert_int_equal(done, 0);
    (void)asked("BYE", "a", true, "200 OK", NULL);
    world_run(&o.w, 100);
    assert_int_equal(done, 1);
    world_run(&o.w, 60000);
    assert_int_equal(done, 1);
}

// Its 2xx may come while the node drains already.
static void drain_waits_for_a_call_that_begins(void **state)
{
    int done = 0;
    (void)state;
    peer_request(o.alice, P, &(struct request){.method = "INVITE", .uri = "sip:" BOB, .call_id = "a"});
    const char *invite = peer_expect(o.bob, "INVITE");
    stack_drain(o.p->stack, count_done, &done);
    assert_int_equal(stack_left(o.p->stack).transactions, 2);
    world_run(&o.w, 1000);
    peer_reply(o.bob, P, invite, "200 OK", "b1", NULL);
    (void)peer_expect(o.alice, "SIP/2.0 200");
    world_run(&o.w, 60000);
    assert_int_equal(stack_left(o.p->stack).transactions, 0);
    assert_int_equal(done, 0);
    o.cseq = 1;
    (void)asked("BYE", "a", true, "200 OK", NULL);
    world_run(&o.w, 100);
    assert_int_equal(done, 1);
}

static void drain_is_cut(void **state)
{
    int done = 0;
    (void)state;
    (void)call("a");
    stack_drain(o.p->stack, count_done, &done);
    stack_drain_cut(o.p->stack);
    assert_int_equal(done, 1);
    (void)asked("BYE", "a", true, "200 OK", NULL);
    world_run(&o.w, 1000);
    stack_drain_cut(o.p->stack);
    assert_int_equal(done, 1);
}

// ---- who meets a node that leaves ----

// It says nothing of its load, and whoever asked is not told to keep away from the whole service.
static void leaving_is_no_overload(void **state)
{
    int done = 0;
    (void)state;
    struct node *next = node_new(&o.w, "10.0.1.2", &counting);
    o.p->next_hop = "sip:10.0.1.2";
    stack_drain(next->stack, count_done, &done);
    peer_request(o.alice, P, &(struct request){.method = "INVITE", .uri = "sip:" BOB});
    const char *m = peer_expect(o.alice, "SIP/2.0 500");
    assert_non_null(header_of(m, "Retry-After", 0));
    assert_int_equal(figure_of(o.p->stack, "sip_overload_pushed_back", NULL), 0);
    assert_int_equal(figure_of(next->stack, "sip_leaving_refused", NULL), 1);
    assert_int_equal(figure_of(next->stack, "sip_overload_rejected", NULL), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(from_its_answer_to_its_bye),
        TEST(bye_of_the_called_party),
        TEST(ends_without_a_word),
        TEST(answer_that_is_repeated),
        TEST(session_timers),
        TEST(lifetime),
        TEST(learns_by_refreshes),
        TEST(are_bounded),
        TEST(drain_waits_for_calls),
        TEST(drain_waits_for_a_call_that_begins),
        TEST(drain_is_cut),
        TEST(leaving_is_no_overload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
