// SPDX-License-Identifier: Apache-2.0
// Branches of a fork that say nothing, and what RFC 4320 says of provisional responses.
#include "fork.h"

#include <stdio.h>

static unsigned grace_ms, n_contacts;

static void fork_impatient(struct node *n, struct pxy *p)
{
    fork_to(n, p, n_contacts, &(struct pxy_target){.silent_ms = grace_ms, .leg_ms = 20000});
}

// Silence is waited for no longer than so many ms; 0: for as long as the branch may take.
static void impatient(struct fork *f, unsigned ms)
{
    grace_ms = ms;
    n_contacts = 2;
    fork_init(f, fork_impatient);
}

static void impatient_call(struct fork *f, unsigned ms, const char **ret_i1, const char **ret_i2)
{
    impatient(f, ms);
    invite(f, ret_i1, ret_i2);
}

// The dead contact beside the busy one: 100 came of its proxy, nothing of the phone. Listed first
// or last.
static void silent_branch_ends(void **state)
{
    static const char *const finals[] = {"486 Busy Here", "603 Decline", "302 Moved"};
    (void)state;
    for (size_t i = 0; i < sizeof finals / sizeof *finals; i++) {
        for (int dead = 0; dead < 2; dead++) {
            struct fork f;
            const char *i1, *i2;
            char want[16];
            snprintf(want, sizeof want, "SIP/2.0 %.3s", finals[i]);
            impatient_call(&f, 1000, &i1, &i2);
            struct peer *silent = dead ? f.b2 : f.b1, *busy = dead ? f.b1 : f.b2;
            answer(silent, dead ? i2 : i1, "100 Trying", NULL);
            answer(busy, dead ? i1 : i2, finals[i], NULL);
            peer_expect(busy, "ACK ");
            peer_expect_silence(f.alice, 800);
            world_run(&f.w, 300);
            peer_expect(f.alice, want);
            ack_final(&f);
            peer_expect(silent, "CANCEL ");
            fork_done(&f);
        }
    }
}

// Not even a 100: nothing can be cancelled, and nobody waits.
static void dead_branch_ends(void **state)
{
    struct fork f;
    const char *i1, *i2;
    (void)state;
    impatient_call(&f, 1000, &i1, &i2);
    world_run(&f.w, 2000); // the grace is over when the answer comes
    answer(f.b2, i2, "486 Busy Here", NULL);
    world_run(&f.w, 20);
    peer_expect(f.alice, "SIP/2.0 486");
    ack_final(&f);
    fork_done(&f);
}

static void who_rings_is_waited_for(void **state)
{
    struct fork f;
    const char *i1, *i2;
    (void)state;
    impatient_call(&f, 1000, &i1, &i2);
    answer(f.b2, i2, "486 Busy Here", NULL);
    world_run(&f.w, 500); // within the grace
    answer(f.b1, i1, "180 Ringing", NULL);
    peer_expect(f.alice, "SIP/2.0 180");
    peer_expect_silence(f.alice, 30000);
    answer(f.b1, i1, "200 OK", NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    fork_done(&f);
}

// RFC 3261 16.7 step 5: its user picks up when the CANCEL is on its way, while another contact still rings.
static void ended_branch_may_still_accept(void **state)
{
    struct fork f;
    const char *i1, *i2;
    (void)state;
    impatient(&f, 1000);
    n_contacts = 3;
    struct peer *b3 = peer_new(&f.w, B3);
    invite(&f, &i1, &i2);
    const char *i3 = peer_expect(b3, "INVITE ");
    answer(f.b1, i1, "100 Trying", NULL);
    answer(b3, i3, "180 Ringing", NULL);
    peer_expect(f.alice, "SIP/2.0 180");
    answer(f.b2, i2, "486 Busy Here", NULL);
    world_run(&f.w, 1500);
    peer_expect(f.b1, "CANCEL ");
    answer(f.b1, i1, "200 OK", NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    peer_expect(b3, "CANCEL ");
    fork_done(&f);
}

// That one contact cannot be reached says nothing of the other.
static void failure_is_no_answer(void **state)
{
    static const char *const failures[] = {"430 Flow Failed", "408 Request Timeout", "503 Busy",
                                           "410 Gone"};
    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct fork f;
        const char *i1, *i2;
        impatient_call(&f, 1000, &i1, &i2);
        answer(f.b2, i2, failures[i], NULL);
        peer_expect_silence(f.alice, 5000);
        answer(f.b1, i1, "200 OK", NULL);
        peer_expect(f.alice, "SIP/2.0 200");
        fork_done(&f);
    }
}

// Without a grace each branch has its time, as RFC 3261 16.7 wants it.
static void silent_branch_is_waited_for(void **state)
{
    struct fork f;
    const char *i1, *i2;
    (void)state;
    impatient_call(&f, 0, &i1, &i2);
    answer(f.b2, i2, "486 Busy Here", NULL);
    peer_expect_silence(f.alice, 19500);
    world_run(&f.w, 1000);
    peer_expect(f.alice, "SIP/2.0 486");
    ack_final(&f);
    fork_done(&f);
}

static void silent_branch_of_a_message(void **state)
{
    struct fork f;
    (void)state;
    impatient(&f, 1000);
    peer_request(f.alice, P, &(struct request){.method = "MESSAGE", .uri = "sip:bob@example.org"});
    peer_expect(f.b1, "MESSAGE ");
    answer(f.b2, peer_expect(f.b2, "MESSAGE "), "415 Unsupported Media Type", NULL);
    peer_expect_silence(f.alice, 800);
    world_run(&f.w, 300);
    peer_expect(f.alice, "SIP/2.0 415");
    fork_done(&f);
}

// RFC 4320 4.1: requests other than INVITE have no provisional response but 100, which is ours.
static void no_provisionals_to_a_message(void **state)
{
    struct fork f;
    (void)state;
    impatient(&f, 0);
    peer_request(f.alice, P, &(struct request){.method = "MESSAGE", .uri = "sip:bob@example.org"});
    const char *m = peer_expect(f.b1, "MESSAGE ");
    answer(f.b1, m, "183 Session Progress", NULL);
    peer_expect_silence(f.alice, 1000);
    assert_int_equal(pxy_reply(pxy_find(f.p->stack, f.p->last), 183, STR_NONE, NULL), ERR_STATE);
    world_run(&f.w, 3000);
    assert_contains(peer_next(f.alice, 1000), "SIP/2.0 100");
    answer(f.b1, m, "200 OK", NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    fork_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silent_branch_ends),
        cmocka_unit_test(dead_branch_ends),
        cmocka_unit_test(who_rings_is_waited_for),
        cmocka_unit_test(ended_branch_may_still_accept),
        cmocka_unit_test(failure_is_no_answer),
        cmocka_unit_test(silent_branch_is_waited_for),
        cmocka_unit_test(silent_branch_of_a_message),
        cmocka_unit_test(no_provisionals_to_a_message),
    };
    return cmocka_run_group_tests_name("scenario_proxy_silence", tests, NULL, NULL);
}
