// SPDX-License-Identifier: Apache-2.0
// A SUBSCRIBE that comes in: RFC 6665 4.2.1, what is granted, what is refused how, and who may.
#include "notifier_lab.h"

#include <stdio.h>

static void accepted(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = sub_of(l.bob, "c1");
    ask(&l, &s, EVENT "Expires: 300\nRecord-Route: <sip:" BOB ";lr>\n");
    const char *m = answered(&s, "200");
    assert_string_equal(header_of(m, "Expires", 0), "300");
    assert_string_equal(header_of(m, "Contact", 0), CONTACT);
    assert_string_equal(header_of(m, "Allow-Events", 0), "x-counter");
    assert_string_equal(header_of(m, "Record-Route", 0), "<sip:" BOB ";lr>");
    m = peer_expect(s.p, "NOTIFY sip:" BOB ":5060 SIP/2.0");
    // A request of the dialog: From and To change places, and keep their tags (RFC 3261 12.2.1.1).
    assert_string_equal(param_of(header_of(m, "From", 0), "tag"), s.tag);
    assert_contains(header_of(m, "From", 0), "<sip:to@example.org>");
    assert_string_equal(header_of(m, "To", 0), "<sip:" BOB ">;tag=b");
    assert_string_equal(header_of(m, "Call-ID", 0), "c1");
    assert_string_equal(header_of(m, "Route", 0), "<sip:" BOB ";lr>");
    assert_string_equal(header_of(m, "Contact", 0), CONTACT);
    assert_string_equal(header_of(m, "Subscription-State", 0), "active;expires=300");
    assert_string_equal(header_of(m, "Content-Type", 0), "application/x-counter");
    assert_contains(m, "\r\n\r\nall 0\n");
    ok_notify(&s, m);
    counter_add(&l.counter, "a", 3);
    (void)told(&s, "active;expires=", "+3 from 0");
    counter_add(&l.counter, "b", 1); // somebody else's
    peer_expect_silence(l.bob, 1000);
    lab_done(&l);
}

// RFC 6665 4.2.1.1: shortened, never lengthened; the package's default where nothing is said.
static void expiry(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = sub_of(l.bob, "c1"), t = sub_of(l.bob, "c2"), u = sub_of(l.bob, "c3");
    ask(&l, &s, EVENT);
    assert_string_equal(header_of(answered(&s, "200"), "Expires", 0), "600");
    (void)told(&s, "active;expires=600", "all 0");
    ask(&l, &t, EVENT "Expires: 1000000\n");
    assert_string_equal(header_of(answered(&t, "200"), "Expires", 0), "3600");
    (void)told(&t, "active;expires=3600", "all 0");
    ask(&l, &u, EVENT "Expires: 59\n");
    assert_string_equal(header_of(answered(&u, "423"), "Min-Expires", 0), "60");
    assert_int_equal(alive(&l), 2);
    lab_done(&l);
}

static void refused(void **state)
{
    static const struct {
        const char *extra, *status, *header, *value;
    } rows[] = {
        {"", "489", "Allow-Events", "x-counter"},
        {"Event: presence\n", "489", "Allow-Events", "x-counter"},
        {"Event: X-Counter\n", "489", "Allow-Events", "x-counter"}, // byte by byte
        {EVENT "Accept: application/pidf+xml\n", "406", "Accept", "application/x-counter"},
        {EVENT "Accept: application/x-counter;q=0\n", "406", NULL, NULL},
        {EVENT "Require: eventlist\n", "420", "Unsupported", "eventlist"},
    };
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = sub_of(l.bob, "c1");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask(&l, &s, rows[i].extra);
        const char *m = answered(&s, rows[i].status);
        if (rows[i].header)
            assert_string_equal(header_of(m, rows[i].header, 0), rows[i].value);
        assert_non_null(header_of(m, "Warning", 0));
    }
    subscribe_to(&l, &s, "a-name-that-is-too-long", EVENT);
    (void)answered(&s, "404");
    peer_send(
        l.bob, N,
        "SUBSCRIBE sip:a@" N " SIP/2.0\nVia: SIP/2.0/UDP " BOB ";branch=z9hG4bKx\n"
        "From: <sip:x@y.example>;tag=1\nTo: <sip:a@y.example>\nCall-ID: c9\nCSeq: 1 SUBSCRIBE\n"
        "Max-Forwards: 70\n" EVENT "Content-Length: 0\n\n");
    (void)answered(&s, "400"); // no Contact
    peer_expect_silence(l.bob, 1000);
    assert_int_equal(alive(&l), 0);
    assert_int_equal(figure(&l, "event_subscriptions_refused", NULL), ARRAY_LEN(rows) + 2);
    lab_done(&l);
}

static void media_types(void **state)
{
    static const struct {
        const char *accept, *type;
    } rows[] = {
        {"Accept: text/plain\n", "text/plain"},
        {"Accept: text/plain, application/x-counter\n", "application/x-counter"},
        {"Accept: text/*\n", "text/plain"},
        {"Accept: */*\n", "application/x-counter"},
        {"Accept: application/x-counter;q=0.0, Text/Plain;q=0.1\n", "text/plain"},
    };
    struct lab l;
    (void)state;
    lab_init(&l);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char extra[128], id[8];
        (void)snprintf(extra, sizeof extra, EVENT "Expires: 60\n%s", rows[i].accept);
        (void)snprintf(id, sizeof id, "c%zu", i);
        struct sub s = sub_of(l.bob, id);
        ask(&l, &s, extra);
        (void)answered(&s, "200");
        assert_string_equal(header_of(told(&s, "active", "all 0"), "Content-Type", 0),
                            rows[i].type);
        world_run(&l.w, 61000);
        (void)told(&s, "terminated;reason=timeout", "all 0");
    }
    lab_done(&l);
}

static void pending(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    l.counter.verdict = EVENT_PENDING;
    struct sub s = sub_of(l.bob, "c1");
    ask(&l, &s, EVENT);
    (void)answered(&s, "200");
    (void)told(&s, "pending;expires=600", ""); // nothing of the state
    counter_add(&l.counter, "a", 1);
    peer_expect_silence(l.bob, 1000);
    assert_int_equal(event_authorise(l.core, l.counter.asked, EVENT_ALLOW, NULL), 0);
    (void)told(&s, "active", "all 1");
    assert_int_equal(event_authorise(l.core, l.counter.asked, EVENT_REFUSE, NULL), 0);
    assert_string_equal(header_of(told(&s, "terminated", "all 1"), "Subscription-State", 0),
                        "terminated;reason=rejected");
    assert_int_equal(event_authorise(l.core, l.counter.asked, EVENT_ALLOW, NULL), ERR_NOTFOUND);
    struct sub t = sub_of(l.bob, "c2");
    ask(&l, &t, EVENT);
    (void)answered(&t, "200");
    (void)told(&t, "pending", "");
    assert_int_equal(event_authorise(l.core, l.counter.asked, EVENT_REFUSE, NULL), 0);
    (void)told(&t, "terminated;reason=rejected", "");
    struct sub u = sub_of(l.bob, "c3");
    ask(&l, &u, EVENT "Expires: 0\n");
    (void)answered(&u, "200");
    (void)told(&u, "terminated", "");
    lab_done(&l);
}

static void verdict_later(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    l.counter.verdict = EVENT_WAIT;
    struct sub s = sub_of(l.bob, "c1"), t = sub_of(l.bob, "c2"), u = sub_of(l.bob, "c3");
    ask(&l, &s, EVENT);
    peer_expect_silence(l.bob, 1000);
    counter_add(&l.counter, "a", 1);
    assert_int_equal(event_authorise(l.core, l.counter.asked, EVENT_ALLOW, NULL), 0);
    (void)answered(&s, "200");
    (void)told(&s, "active;expires=600", "all 1");
    ask(&l, &t, EVENT);
    world_run(&l.w, 10);
    struct event_refusal why = {.status = 403, .cause = "not yours"};
    assert_int_equal(event_authorise(l.core, l.counter.asked, EVENT_REFUSE, &why), 0);
    assert_contains(header_of(answered(&t, "403"), "Warning", 0), "not yours");
    ask(&l, &u, EVENT);
    world_run(&l.w, 4100); // nobody said anything
    (void)answered(&u, "200");
    (void)told(&u, "pending", "");
    assert_int_equal(event_authorise(l.core, l.counter.asked, EVENT_ALLOW, NULL), 0);
    (void)told(&u, "active", "all 1");
    assert_int_equal(alive(&l), 2);
    struct sub v = sub_of(l.bob, "c4");
    ask(&l, &v, EVENT);
    world_run(&l.w, 10);
    event_end(l.core, &l.counter.package, STR("a"), EVENT_NORESOURCE, 0);
    (void)told(&s, "terminated;reason=noresource", "all 1");
    (void)told(&u, "terminated;reason=noresource", "all 1");
    (void)answered(&v, "404");
    lab_done(&l);
}

static void verdict_no(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = sub_of(l.bob, "c2");
    l.counter.verdict = EVENT_REFUSE;
    l.counter.refusal = (struct event_refusal){.status = 480, .cause = "later", .retry_after = 7};
    ask(&l, &t, EVENT);
    assert_string_equal(header_of(answered(&t, "480"), "Retry-After", 0), "7");
    assert_int_equal(alive(&l), 1);
    // He may not any more: the refresh is refused, and what there was ends.
    ask(&l, &s, EVENT);
    (void)answered(&s, "480");
    (void)told(&s, "terminated;reason=rejected", "all 0");
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

static void packages(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct event_package p = l.counter.package;
    assert_int_equal(event_add_package(l.core, &p), ERR_EXISTS);
    p.name = STR("x-other");
    p.max_s = UINT32_MAX; // more than a timer holds
    assert_int_equal(event_add_package(l.core, &p), ERR_INVAL);
    p.max_s = p.min_s - 1;
    assert_int_equal(event_add_package(l.core, &p), ERR_INVAL);
    p.max_s = 3600;
    p.n_types = 0;
    assert_int_equal(event_add_package(l.core, &p), ERR_INVAL);
    p = l.counter.package;
    p.name = STR("x-heard"); // read only: nobody is told of it
    p.full = NULL;
    assert_int_equal(event_add_package(l.core, &p), 0);
    assert_true(str_eq(event_allowed(l.core), STR("x-counter")));
    struct sub s = sub_of(l.bob, "c1");
    ask(&l, &s, "Event: x-heard\n");
    assert_string_equal(header_of(answered(&s, "489"), "Allow-Events", 0), "x-counter");
    lab_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),    cmocka_unit_test(expiry),   cmocka_unit_test(refused),
        cmocka_unit_test(media_types), cmocka_unit_test(pending),  cmocka_unit_test(verdict_later),
        cmocka_unit_test(verdict_no),  cmocka_unit_test(packages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
