// SPDX-License-Identifier: Apache-2.0
// How what there is to tell leaves: RFC 6665 4.2.2 and RFC 6446, and what a subscriber who is
// silent, gone or slow costs the others.
#include "notifier_lab.h"

#include <stdio.h>

static void throttled(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    l.counter.package.interval_ms = 5000;
    struct sub s = subscribed(&l, l.bob, "c1", EVENT);
    for (int i = 0; i < 10; i++)
        counter_add(&l.counter, "a", 1);
    peer_expect_silence(l.bob, 4900);
    (void)told(&s, "active", "+10 from 0"); // the newest state
    assert_int_equal(figure(&l, "event_notifications_merged", NULL), 9);
    world_run(&l.w, 6000);
    counter_add(&l.counter, "a", 1);
    (void)told(&s, "active", "+1 from 10"); // at once: the interval is over
    ask(&l, &s, EVENT);
    (void)answered(&s, "200");
    (void)told(&s, "active", "all 11"); // a refresh does not wait
    counter_add(&l.counter, "a", 1);
    peer_expect_silence(l.bob, 1000);
    ask(&l, &s, EVENT "Expires: 0\n");
    (void)answered(&s, "200");
    (void)told(&s, "terminated", "all 12"); // nor does the end
    lab_done(&l);
}

// RFC 6446 5: the subscriber asks for less.
static void rate_asked(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    l.counter.package.interval_ms = 1000;
    struct sub s = sub_of(l.bob, "c1");
    ask(&l, &s, "Event: x-counter;max-rate=0.1\n");
    (void)answered(&s, "200");
    const char *m = told(&s, "active;expires=600;max-rate=0.100000", "all 0");
    assert_string_equal(header_of(m, "Event", 0), "x-counter");
    counter_add(&l.counter, "a", 1);
    peer_expect_silence(l.bob, 9900);
    (void)told(&s, "active", "+1 from 0");
    // More often than the package allows is not granted; nonsense is as if nothing was said.
    ask(&l, &s, "Event: x-counter;max-rate=50\n");
    (void)answered(&s, "200");
    (void)told(&s, "active;expires=600;max-rate=1.000000", "all 1");
    ask(&l, &s, "Event: x-counter;max-rate=fast\n");
    (void)answered(&s, "200");
    assert_string_equal(header_of(told(&s, "active", "all 1"), "Subscription-State", 0),
                        "active;expires=600");
    lab_done(&l);
}

static void one_at_a_time(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT);
    counter_add(&l.counter, "a", 1);
    const char *m = peer_expect(l.bob, "NOTIFY ");
    assert_contains(m, "+1 from 0");
    for (int i = 0; i < 5; i++)
        counter_add(&l.counter, "a", 1);
    peer_expect_silence(l.bob, 3000); // retransmissions only, which the peer drops
    ok_notify(&s, m);
    (void)told(&s, "active", "+5 from 1");
    peer_expect_silence(l.bob, 3000);
    lab_done(&l);
}

static void gone_says_so(void **state)
{
    static const char *const statuses[] = {"481 No", "404 No", "489 No",
                                           "480 No", "501 No", "408 No"};
    struct lab l;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        lab_init(&l);
        struct sub s = subscribed(&l, l.bob, "c1", EVENT);
        counter_add(&l.counter, "a", 1);
        peer_reply(l.bob, N, peer_expect(l.bob, "NOTIFY "), statuses[i], NULL, NULL);
        world_run(&l.w, 10);
        assert_int_equal(alive(&l), 0);
        assert_int_equal(l.counter.ended, 1);
        assert_int_equal(figure(&l, "event_subscribers_lost", NULL), 1);
        counter_add(&l.counter, "a", 1);
        peer_expect_silence(s.p, 1000);
        lab_done(&l);
    }
}

// One that is dead holds nobody up (RFC 6665 4.2.2).
static void dead(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = subscribed(&l, l.eve, "c2", EVENT);
    counter_add(&l.counter, "a", 1);
    (void)peer_expect(l.bob, "NOTIFY "); // and nothing more from there
    (void)told(&t, "active", "+1 from 0");
    for (int i = 1; i < 4; i++) {
        world_run(&l.w, 5000);
        counter_add(&l.counter, "a", 1);
        char want[32];
        (void)snprintf(want, sizeof want, "+1 from %d", i);
        (void)told(&t, "active", want);
    }
    assert_int_equal(alive(&l), 2);
    world_run(&l.w, 20000); // Timer F
    assert_int_equal(alive(&l), 1);
    counter_add(&l.counter, "a", 1);
    (void)told(&t, "active", "+1 from 4");
    peer_expect_silence(s.p, 1000);
    lab_done(&l);
}

static void no_datagram(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
}

// Nobody is there any more, and the network says so: once more, then it is over.
static void unreached(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    (void)subscribed(&l, l.bob, "c1", EVENT);
    struct sub t = subscribed(&l, l.eve, "c2", EVENT);
    udp_close(l.bob->udp);
    struct udp_params host = {.cb = no_datagram}; // the host stays, and says that nobody listens
    assert_int_equal(addr_parse(STR(BOB), 5061, &host.local), 0);
    assert_int_equal(udp_open(l.bob->loop, &host, &l.bob->udp), 0);
    counter_add(&l.counter, "a", 1);
    (void)told(&t, "active", "+1 from 0");
    world_run(&l.w, 4000);
    assert_int_equal(alive(&l), 2);
    world_run(&l.w, 2000);
    assert_int_equal(alive(&l), 1);
    assert_int_equal(figure(&l, "event_notifications_failed", NULL), 2);
    lab_done(&l);
}

static void ends_while_dead(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT "Expires: 60\n");
    world_run(&l.w, 50000);
    counter_add(&l.counter, "a", 1);
    (void)peer_expect(l.bob, "NOTIFY ");
    world_run(&l.w, 12000); // expired: the last NOTIFY waits for this one
    assert_int_equal(alive(&l), 1);
    ask(&l, &s, EVENT);
    (void)answered(&s, "481");
    world_run(&l.w, 25000);
    assert_int_equal(alive(&l), 0);
    peer_expect_silence(l.bob, 1000);
    lab_done(&l);
}

static void ends_while_busy(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT);
    counter_add(&l.counter, "a", 1);
    const char *m = peer_expect(l.bob, "NOTIFY ");
    ask(&l, &s, EVENT "Expires: 0\n");
    (void)answered(&s, "200");
    peer_expect_silence(l.bob, 100);
    counter_add(&l.counter, "a", 1);
    ok_notify(&s, m);
    (void)told(&s, "terminated;reason=timeout", "all 2");
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

static void come_again(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT);
    counter_add(&l.counter, "a", 1);
    peer_reply(l.bob, N, peer_expect(l.bob, "NOTIFY "), "503 Busy", NULL, "Retry-After: 20\n");
    world_run(&l.w, 5);
    counter_add(&l.counter, "a", 1);
    peer_expect_silence(l.bob, 19900);
    (void)told(&s, "active", "all 2"); // whole: what he has is not known
    // An error that says nothing of the subscription: it stays, and the next state is whole.
    counter_add(&l.counter, "a", 1);
    peer_reply(l.bob, N, peer_expect(l.bob, "NOTIFY "), "500 Oops", NULL, NULL);
    peer_expect_silence(l.bob, 1000);
    counter_add(&l.counter, "a", 1);
    (void)told(&s, "active", "all 4");
    counter_add(&l.counter, "a", 1);
    (void)told(&s, "active", "+1 from 4");
    lab_done(&l);
}

static void note_notify(void *arg, const struct stack_trace *t)
{
    struct node *n = arg;
    if (!t->out && str_starts(t->bytes, STR("NOTIFY ")))
        ((struct lab *)n->data)->last_proto = t->proto;
}

static void ignore_state(void *arg, event_id id, enum event_state s, const struct sip_msg *notify)
{
}

// A NOTIFY too large for a datagram goes over a connection (RFC 3261 18.1.1).
static void large(void **state)
{
    static const struct event_subscriber_ops sub_ops = {.state = ignore_state};
    struct lab l, far = {0};
    event_id id;
    (void)state;
    lab_init(&l);
    struct stack_ops traced = node_ops;
    traced.trace = note_notify;
    far.n = node_new(&l.w, "10.0.0.9", &(struct stack_params){.ops = &traced});
    far.n->data = &far;
    counter_init(&far.counter);
    far.core = lab_core(far.n, "<sip:10.0.0.9>", false, NULL);
    assert_int_equal(counter_attach(&far.counter, far.core), 0);
    struct event_subscription p = {.event = STR("x-counter"),
                                   .uri = STR("sip:a@" N),
                                   .from = STR("<sip:far@example.org>"),
                                   .to = STR("<sip:a@example.org>"),
                                   .contact = STR("<sip:10.0.0.9>"),
                                   .ops = &sub_ops,
                                   .arg = &far.counter};
    far.last_proto = SIP_PROTO_OTHER;
    assert_int_equal(event_subscribe(far.core, &p, &id), 0);
    world_run(&l.w, 50);
    assert_int_equal(far.last_proto, SIP_PROTO_UDP);
    l.counter.filler = 3000;
    counter_add(&l.counter, "a", 1);
    world_run(&l.w, 50);
    assert_int_equal(far.last_proto, SIP_PROTO_TCP);
    assert_int_equal(far.counter.known, 1);
    event_free(far.core);
    lab_done(&l);
}

// A state that cannot be written ends the subscription, it does not hang.
static void unwritable(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = subscribed(&l, l.eve, "c2", EVENT);
    l.counter.filler = 60000;
    counter_add(&l.counter, "a", 1);
    (void)told(&s, "terminated;reason=giveup", "");
    (void)told(&t, "terminated;reason=giveup", "");
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

static void unwritable_now(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT "Accept: text/plain\n");
    l.counter.full_err = ERR_NOMEM;
    counter_add(&l.counter, "a", 1);
    peer_expect_silence(l.bob, 2000);
    l.counter.full_err = 0;
    (void)told(&s, "active", "all 1");
    lab_done(&l);
}

// A change costs those who are subscribed to it, however many are there.
static void costs_its_own(void **state)
{
    enum { OTHERS = 6 };
    struct lab l;
    struct sub s[OTHERS];
    (void)state;
    lab_init(&l);
    l.counter.unlimited = true;
    for (int i = 0; i < OTHERS; i++) {
        char name[2] = {(char)('b' + i), 0};
        s[i] = sub_of(l.bob, name);
        subscribe_to(&l, &s[i], name, EVENT);
        (void)answered(&s[i], "200");
        (void)told(&s[i], "active", "all 0");
    }
    struct sub t = subscribed(&l, l.eve, "t", EVENT), u = subscribed(&l, l.eve, "u", EVENT);
    unsigned before = l.counter.fulls + l.counter.partials;
    counter_add(&l.counter, "a", 1);
    (void)told(&t, "active", "+1 from 0");
    (void)told(&u, "active", "+1 from 0");
    peer_expect_silence(l.bob, 1000);
    assert_int_equal(l.counter.fulls + l.counter.partials, before + 2);
    lab_done(&l);
}

// What the owner adds is in the 200 and in each NOTIFY (TS 24.229 5.4.2.1.1: charging headers).
static void decorated(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    l.counter.note = "bill-1";
    struct sub s = sub_of(l.bob, "c1");
    ask(&l, &s, EVENT);
    assert_string_equal(header_of(answered(&s, "200"), "P-Charging-Vector", 0),
                        "icid-value=bill-1;s");
    assert_string_equal(header_of(told(&s, "active", "all 0"), "P-Charging-Vector", 0),
                        "icid-value=bill-1;n");
    assert_int_equal(event_set_note(l.core, l.counter.asked, STR("")), 0);
    counter_add(&l.counter, "a", 1);
    assert_null(header_of(told(&s, "active", "+1 from 0"), "P-Charging-Vector", 0));
    char large[EVENT_NOTE_MAX + 1] = {0};
    assert_int_equal(event_set_note(l.core, l.counter.asked, str_make(large, sizeof large)),
                     ERR_TOOBIG);
    assert_int_equal(event_set_note(l.core, 77, STR("x")), ERR_NOTFOUND);
    lab_done(&l);
}

// The last state is the one that was there when the owner ended the subscription, although a NOTIFY
// was under way and the owner has forgotten all of it since (RFC 6665 4.2.2).
static void last_state_is_kept(void **state)
{
    struct lab l;
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        lab_init(&l);
        struct sub s = subscribed(&l, l.bob, "c1", EVENT);
        uint64_t bytes = figure(&l, "event_subscription_bytes", "side=\"notifier\"");
        counter_add(&l.counter, "a", 1);
        const char *m = peer_expect(l.bob, "NOTIFY ");
        counter_add(&l.counter, "a", 1);
        event_end(l.core, &l.counter.package, STR("a"), EVENT_NORESOURCE, 0);
        assert_true(figure(&l, "event_subscription_bytes", "side=\"notifier\"") > bytes);
        l.counter.full_err = ERR_NOTFOUND;
        peer_expect_silence(l.bob, 100);
        if (!silent) {
            ok_notify(&s, m);
            (void)told(&s, "terminated;reason=noresource", "all 2");
        }
        world_run(&l.w, 33000);
        assert_int_equal(alive(&l), 0);
        assert_int_equal(figure(&l, "event_subscription_bytes", NULL), 0);
        lab_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(throttled),
        cmocka_unit_test(rate_asked),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(gone_says_so),
        cmocka_unit_test(dead),
        cmocka_unit_test(unreached),
        cmocka_unit_test(ends_while_dead),
        cmocka_unit_test(ends_while_busy),
        cmocka_unit_test(come_again),
        cmocka_unit_test(large),
        cmocka_unit_test(unwritable),
        cmocka_unit_test(unwritable_now),
        cmocka_unit_test(costs_its_own),
        cmocka_unit_test(decorated),
        cmocka_unit_test(last_state_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
