// SPDX-License-Identifier: Apache-2.0
// A node that is subscribed to: RFC 6665 4.2 row by row, its limits, and what a bad subscriber
// costs the others.
#include "harness.h"

#include <stdio.h>

#include "counter.h"
#include "stack/event/event.h"

#define N "10.0.1.1"
#define BOB "10.0.0.2"
#define EVE "10.0.0.3"
#define EVENT "Event: x-counter\n"
#define CONTACT "<sip:state@" N ">"

struct lab {
    struct world w;
    struct node *n;
    struct peer *bob, *eve;
    struct event *core;
    struct counter counter;
    enum sip_proto last_proto;
};

static bool wants(void *arg, const struct sip_msg *m, flow_id flow)
{
    return true;
}

static void lab_init_limits(struct lab *l, struct event_limits limits)
{
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    l->n = node_new(&l->w, N, NULL);
    l->bob = peer_new(&l->w, BOB);
    l->eve = peer_new(&l->w, EVE);
    struct event_params p = {

        .txns = stack_txns(l->n->stack),
        .uas = stack_uas(l->n->stack),
        .wants = wants,
        .contact = STR(CONTACT),
        .limits = limits};
    assert_int_equal(event_new(&p, &l->core), 0);
    counter_init(&l->counter);
    assert_int_equal(counter_attach(&l->counter, l->core), 0);
}

static void lab_init(struct lab *l)
{
    lab_init_limits(l, (struct event_limits){0});
}

struct figure {
    const char *name, *labels;
    uint64_t value;
};

static void take_figure(void *arg, const char *name, const char *labels, uint64_t value)
{
    struct figure *f = arg;
    if (!strcmp(name, f->name) && (!f->labels || !strcmp(labels, f->labels)))
        f->value += value;
}

static uint64_t figure(const struct lab *l, const char *name, const char *labels)
{
    struct figure f = {.name = name, .labels = labels};
    event_stats(l->core, take_figure, &f);
    return f.value;
}

static uint64_t alive(const struct lab *l)
{
    return figure(l, "event_subscriptions", "side=\"notifier\"");
}

static void lab_done(struct lab *l)
{
    world_run(&l->w, 4000000); // everything expires
    assert_int_equal(alive(l), 0);
    assert_int_equal(figure(l, "event_resources", NULL), 0);
    event_free(l->core);
    world_done(&l->w);
}

// ---- a subscriber ----

struct sub {
    struct peer *p;
    char call_id[32], tag[64]; // tag: the notifier's
    int cseq;
};

static void subscribe_to(struct lab *l, struct sub *s, const char *user, const char *extra)
{
    char uri[64];
    (void)snprintf(uri, sizeof uri, "sip:%s@" N, user);
    peer_request(s->p, N,
                 &(struct request){.method = "SUBSCRIBE",
                                   .uri = uri,
                                   .call_id = s->call_id,
                                   .from_tag = "b",
                                   .to_tag = s->tag[0] ? s->tag : NULL,
                                   .cseq = ++s->cseq,
                                   .extra = extra});
}

static void ask(struct lab *l, struct sub *s, const char *extra)
{
    subscribe_to(l, s, "a", extra);
}

static const char *answered(struct sub *s, const char *status)
{
    char start[32];
    (void)snprintf(start, sizeof start, "SIP/2.0 %s", status);
    const char *m = peer_expect(s->p, start);
    const char *tag = param_of(header_of(m, "To", 0), "tag");
    if (!s->tag[0] && status[0] == '2')
        (void)snprintf(s->tag, sizeof s->tag, "%s", tag);
    return m;
}

static void ok_notify(struct sub *s, const char *m)
{
    peer_reply(s->p, N, m, "200 OK", NULL, NULL);
    world_run(s->p->w, 2);
}

// The next NOTIFY, which is answered; its substate and body must begin so.
static const char *told(struct sub *s, const char *substate, const char *body)
{
    const char *m = peer_expect(s->p, "NOTIFY ");
    const char *text = strstr(m, "\r\n\r\n") + 4;
    assert_string_equal(header_of(m, "Event", 0), "x-counter");
    if (strncmp(header_of(m, "Subscription-State", 0), substate, strlen(substate)) != 0 ||
        strncmp(text, body, strlen(body)) != 0 || (!*body && *text))
        fail_msg("not %s, %s:\n%s", substate, body, m);
    ok_notify(s, m);
    return m;
}

static struct sub sub_of(struct peer *p, const char *call_id)
{
    struct sub s = {.p = p};
    (void)snprintf(s.call_id, sizeof s.call_id, "%s", call_id);
    return s;
}

// A subscription that is there.
static struct sub subscribed(struct lab *l, struct peer *p, const char *call_id, const char *extra)
{
    struct sub s = sub_of(p, call_id);
    ask(l, &s, extra);
    (void)answered(&s, "200");
    (void)told(&s, "active", "all ");
    return s;
}

// ---- accepted ----

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

// ---- in the dialog ----

static void refreshed(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT "Expires: 100\n");
    counter_add(&l.counter, "a", 1);
    (void)told(&s, "active", "+1 from 0");
    world_run(&l.w, 90000);
    ask(&l, &s, EVENT "Expires: 100\n");
    assert_string_equal(header_of(answered(&s, "200"), "Expires", 0), "100");
    (void)told(&s, "active;expires=100", "all 1"); // the whole state (RFC 6665 4.2.1.4)
    world_run(&l.w, 90000);
    assert_int_equal(alive(&l), 1);
    // Refused, it stays what it was.
    ask(&l, &s, EVENT "Expires: 5\n");
    (void)answered(&s, "423");
    ask(&l, &s, "Event: x-counter;id=7\nExpires: 100\n");
    (void)answered(&s, "481");
    ask(&l, &s, "Event: presence\nExpires: 100\n");
    (void)answered(&s, "489");
    assert_int_equal(alive(&l), 1);
    world_run(&l.w, 10000);
    (void)told(&s, "terminated;reason=timeout", "all 1");
    ask(&l, &s, EVENT "Expires: 100\n");
    (void)answered(&s, "481");
    assert_int_equal(figure(&l, "event_subscriptions_expired", NULL), 1);
    lab_done(&l);
}

// The last moment that it may come, and the first that is too late.
static void refresh_and_expiry(void **state)
{
    struct lab l;
    (void)state;
    for (int late = 0; late < 2; late++) {
        lab_init(&l);
        struct sub s = sub_of(l.bob, "c1");
        ask(&l, &s, EVENT "Expires: 100\n");
        (void)answered(&s, "200");
        uint64_t there = sim_now_ms(l.w.sim);
        (void)told(&s, "active", "all 0");
        world_run(&l.w, there + 99990 + (late ? 20 : 0) - sim_now_ms(l.w.sim));
        if (late)
            (void)told(&s, "terminated;reason=timeout", "all 0");
        ask(&l, &s, EVENT "Expires: 100\n");
        (void)answered(&s, late ? "481" : "200");
        if (!late)
            (void)told(&s, "active;expires=100", "all 0");
        assert_int_equal(alive(&l), !late);
        lab_done(&l);
    }
}

static void unsubscribed(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT);
    ask(&l, &s, EVENT "Expires: 0\n");
    assert_string_equal(header_of(answered(&s, "200"), "Expires", 0), "0");
    (void)told(&s, "terminated;reason=timeout", "all 0");
    assert_int_equal(alive(&l), 0);
    assert_int_equal(l.counter.ended, 1);
    ask(&l, &s, EVENT "Expires: 0\n");
    (void)answered(&s, "481");
    lab_done(&l);
}

// RFC 6665 4.4.3
static void fetched(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = sub_of(l.bob, "c1");
    counter_add(&l.counter, "a", 5);
    ask(&l, &s, EVENT "Expires: 0\n");
    (void)answered(&s, "200");
    (void)told(&s, "terminated;reason=timeout", "all 5");
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

static void out_of_order(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = sub_of(l.bob, "c1");
    s.cseq = 10;
    ask(&l, &s, EVENT);
    (void)answered(&s, "200");
    (void)told(&s, "active", "all 0");
    s.cseq = 8;
    ask(&l, &s, EVENT "Expires: 0\n");
    (void)answered(&s, "500"); // RFC 3261 12.2.2
    assert_int_equal(alive(&l), 1);
    lab_done(&l);
}

// The id of Event distinguishes subscriptions (RFC 6665 4.5.2).
static void with_id(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = sub_of(l.bob, "c1");
    ask(&l, &s, "Event: x-counter;id=42\n");
    (void)answered(&s, "200");
    const char *m = peer_expect(l.bob, "NOTIFY ");
    assert_string_equal(header_of(m, "Event", 0), "x-counter;id=42");
    ok_notify(&s, m);
    ask(&l, &s, EVENT "Expires: 0\n");
    (void)answered(&s, "481");
    ask(&l, &s, "Event: x-counter;id=42\nExpires: 0\n");
    (void)answered(&s, "200");
    m = peer_expect(l.bob, "NOTIFY ");
    ok_notify(&s, m);
    lab_done(&l);
}

// ---- how often, and one at a time ----

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

// ---- who does not answer, or not well ----

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
    struct event_params ep = {.txns = stack_txns(far.n->stack),
                              .uas = stack_uas(far.n->stack),
                              .contact = STR("<sip:10.0.0.9>")};
    assert_int_equal(event_new(&ep, &far.core), 0);
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

// ---- whether he may ----

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

static void ended_by_owner(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = subscribed(&l, l.eve, "c2", EVENT);
    event_end_one(l.core, l.counter.asked, EVENT_GIVEUP, 30);
    assert_string_equal(header_of(told(&t, "terminated", "all 0"), "Subscription-State", 0),
                        "terminated;reason=giveup;retry-after=30");
    l.counter.full_err = ERR_NOTFOUND;
    event_end(l.core, &l.counter.package, STR("a"), EVENT_DEACTIVATED, 30);
    assert_string_equal(header_of(told(&s, "terminated", ""), "Subscription-State", 0),
                        "terminated;reason=deactivated"); // retry-after has no meaning there
    event_end(l.core, &l.counter.package, STR("a"), EVENT_DEACTIVATED, 0);
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

// ---- limits ----

static void per_resource(void **state)
{
    struct lab l;
    (void)state;
    lab_init_limits(&l, (struct event_limits){.per_resource = 2});
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = subscribed(&l, l.eve, "c2", EVENT);
    struct sub u = sub_of(l.bob, "c3");
    ask(&l, &u, EVENT);
    assert_non_null(header_of(answered(&u, "500"), "Retry-After", 0));
    subscribe_to(&l, &u, "b", EVENT); // another resource
    (void)answered(&u, "200");
    (void)told(&u, "active", "all 0");
    assert_int_equal(figure(&l, "event_limit_reached", "limit=\"per_resource\""), 1);
    ask(&l, &s, EVENT "Expires: 0\n");
    (void)answered(&s, "200");
    (void)told(&s, "terminated", "all 0");
    ask(&l, &t, EVENT);
    (void)answered(&t, "200"); // a refresh needs no room
    (void)told(&t, "active", "all 0");
    lab_done(&l);
}

static void in_total(void **state)
{
    struct lab l;
    (void)state;
    lab_init_limits(&l, (struct event_limits){.total = 1});
    (void)subscribed(&l, l.bob, "c1", EVENT);
    struct sub u = sub_of(l.eve, "c3");
    subscribe_to(&l, &u, "b", EVENT);
    (void)answered(&u, "500");
    assert_int_equal(figure(&l, "event_limit_reached", "limit=\"total\""), 1);
    lab_done(&l);
}

static void per_subscriber(void **state)
{
    struct lab l;
    (void)state;
    lab_init_limits(&l, (struct event_limits){.per_subscriber = 2});
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = subscribed(&l, l.bob, "c2", EVENT);
    // He has started anew: his oldest makes room.
    struct sub u = sub_of(l.bob, "c3");
    ask(&l, &u, EVENT);
    (void)answered(&u, "200");
    (void)told(&s, "terminated;reason=probation;retry-after=60", "all 0");
    (void)told(&u, "active", "all 0");
    assert_int_equal(alive(&l), 2);
    // Elsewhere he has none that could.
    struct sub v = sub_of(l.bob, "c4");
    subscribe_to(&l, &v, "b", EVENT);
    (void)answered(&v, "403");
    assert_int_equal(figure(&l, "event_limit_reached", "limit=\"per_subscriber\""), 1);
    struct sub x = subscribed(&l, l.eve, "c5", EVENT); // others are not concerned
    ask(&l, &t, EVENT "Expires: 0\n");
    (void)answered(&t, "200");
    (void)told(&t, "terminated", "all 0");
    subscribe_to(&l, &v, "b", EVENT);
    (void)answered(&v, "200");
    (void)told(&v, "active", "all 0");
    l.counter.unlimited = true; // a trusted neighbour
    struct sub y = subscribed(&l, l.bob, "c6", EVENT), z = subscribed(&l, l.bob, "c7", EVENT);
    (void)x, (void)y, (void)z;
    assert_int_equal(alive(&l), 5);
    lab_done(&l);
}

// A SUBSCRIBE that is refused ends nobody's subscription (RFC 6665 4.2.1).
static void refused_at_limit(void **state)
{
    static const struct {
        enum event_verdict verdict;
        const char *status;
    } rows[] = {{EVENT_REFUSE, "403"}, {EVENT_WAIT, "403"}, {EVENT_ALLOW, "400"}};
    struct lab l;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        lab_init_limits(&l, (struct event_limits){.per_subscriber = 1, .total = 1});
        struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = sub_of(l.bob, "c2");
        l.counter.verdict = rows[i].verdict;
        if (rows[i].verdict == EVENT_ALLOW)
            peer_send(l.bob, N,
                      "SUBSCRIBE sip:a@" N " SIP/2.0\nVia: SIP/2.0/UDP " BOB ";branch=z9hG4bKx\n"
                      "From: <sip:" BOB ">;tag=1\nTo: <sip:a@y.example>\nCall-ID: c9\n"
                      "CSeq: 1 SUBSCRIBE\nMax-Forwards: 70\n" EVENT "Content-Length: 0\n\n");
        else
            ask(&l, &t, EVENT);
        world_run(&l.w, 10);
        if (rows[i].verdict == EVENT_WAIT)
            assert_int_equal(event_authorise(l.core, l.counter.asked, EVENT_REFUSE, NULL), 0);
        (void)answered(&t, rows[i].status);
        peer_expect_silence(l.bob, 1000);
        assert_int_equal(alive(&l), 1);
        counter_add(&l.counter, "a", 1);
        (void)told(&s, "active", "+1 from 0");
        // Nor does one that asks for the state once.
        l.counter.verdict = EVENT_ALLOW;
        struct sub u = sub_of(l.bob, "c3"), f = sub_of(l.bob, "c4");
        ask(&l, &f, EVENT "Expires: 0\n");
        (void)answered(&f, "200");
        (void)told(&f, "terminated;reason=timeout", "all 1");
        assert_int_equal(alive(&l), 1);
        // And what is accepted after it has its room.
        ask(&l, &u, EVENT);
        (void)answered(&u, "200");
        (void)told(&s, "terminated;reason=probation", "all 1");
        (void)told(&u, "active", "all 1");
        assert_int_equal(alive(&l), 1);
        lab_done(&l);
    }
}

// Each that waits for its verdict has one that makes room: there are never more of them.
static void waiting_at_limit(void **state)
{
    struct lab l;
    (void)state;
    lab_init_limits(&l, (struct event_limits){.per_subscriber = 2});
    struct sub s = subscribed(&l, l.bob, "c1", EVENT);
    (void)subscribed(&l, l.bob, "c2", EVENT);
    l.counter.verdict = EVENT_WAIT;
    struct sub t = sub_of(l.bob, "c3"), u = sub_of(l.bob, "c4"), v = sub_of(l.bob, "c5");
    ask(&l, &t, EVENT);
    world_run(&l.w, 10);
    event_id first = l.counter.asked;
    ask(&l, &u, EVENT);
    world_run(&l.w, 10);
    ask(&l, &v, EVENT);
    (void)answered(&v, "403");
    assert_int_equal(alive(&l), 4);
    assert_int_equal(event_authorise(l.core, l.counter.asked, EVENT_REFUSE, NULL), 0);
    (void)answered(&u, "403");
    assert_int_equal(event_authorise(l.core, first, EVENT_ALLOW, NULL), 0);
    (void)answered(&t, "200");
    (void)told(&s, "terminated;reason=probation", "all 0");
    (void)told(&t, "active", "all 0");
    assert_int_equal(alive(&l), 2);
    lab_done(&l);
}

// ---- what the package does meanwhile ----

static void end_it(struct counter *c, event_id id)
{
    event_end_one(c->core, id, EVENT_GIVEUP, 0);
}

static void end_resource(struct counter *c, event_id id)
{
    event_end(c->core, &c->package, STR("a"), EVENT_NORESOURCE, 0);
}

// It ends a subscription while the core asks it something about that one.
static void ended_within(void **state)
{
    void (*const acts[])(struct counter *, event_id) = {end_it, end_resource};
    struct lab l;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        const char *last = i ? "terminated;reason=noresource" : "terminated;reason=giveup";
        lab_init(&l);
        struct sub s = subscribed(&l, l.bob, "c1", EVENT);
        l.counter.within = acts[i]; // asked whether he may go on
        ask(&l, &s, EVENT);
        (void)told(&s, last, "all 0");
        (void)answered(&s, "481");
        struct sub t = subscribed(&l, l.bob, "c2", EVENT);
        l.counter.within = acts[i]; // while it writes what has changed
        counter_add(&l.counter, "a", 1);
        (void)told(&t, last, "all 1");
        struct sub u = subscribed(&l, l.bob, "c3", EVENT "Accept: text/plain\n");
        l.counter.within = acts[i]; // and all of it
        counter_add(&l.counter, "a", 1);
        (void)told(&u, last, "all 2");
        assert_int_equal(l.counter.ended, 3);
        assert_int_equal(alive(&l), 0);
        lab_done(&l);
    }
}

// While all of a resource are told of a change it ends them all.
static void ended_among_others(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = subscribed(&l, l.eve, "c2", EVENT);
    l.counter.within = end_resource;
    counter_add(&l.counter, "a", 1);
    (void)told(&s, "terminated;reason=noresource", "all 1");
    (void)told(&t, "terminated;reason=noresource", "all 1");
    assert_int_equal(l.counter.ended, 2);
    s = subscribed(&l, l.bob, "c3", EVENT);
    t = subscribed(&l, l.eve, "c4", EVENT);
    l.counter.at_end = end_resource; // or at the end of the first of them
    event_end(l.core, &l.counter.package, STR("a"), EVENT_NORESOURCE, 0);
    (void)told(&s, "terminated;reason=noresource", "all 1");
    (void)told(&t, "terminated;reason=noresource", "all 1");
    assert_int_equal(l.counter.ended, 4);
    lab_done(&l);
}

// Told of an end it ends what it can: the one that has gone is not there any more.
static void ended_at_end(void **state)
{
    struct lab l;
    (void)state;
    lab_init_limits(&l, (struct event_limits){.per_subscriber = 1});
    struct sub s = subscribed(&l, l.bob, "c1", EVENT), t = sub_of(l.bob, "c2");
    l.counter.at_end = end_resource;
    ask(&l, &t, EVENT); // s makes room, and t ends with it
    (void)answered(&t, "200");
    (void)told(&s, "terminated;reason=probation", "all 0");
    (void)told(&t, "terminated;reason=noresource", ""); // he was not told the state yet
    assert_int_equal(l.counter.ended, 2);
    assert_int_equal(alive(&l), 0);
    struct sub u = subscribed(&l, l.bob, "c3", EVENT);
    l.counter.at_end = end_it;
    ask(&l, &u, EVENT "Expires: 0\n");
    (void)answered(&u, "200");
    (void)told(&u, "terminated;reason=timeout", "all 0");
    assert_int_equal(l.counter.ended, 3);
    lab_done(&l);
}

// Who never answers and subscribes again and again has no more for it.
static void silent_crowd(void **state)
{
    struct lab l;
    (void)state;
    lab_init_limits(&l, (struct event_limits){.per_subscriber = 3});
    for (int i = 0; i < 50; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "c%d", i);
        struct sub s = sub_of(l.bob, id);
        ask(&l, &s, EVENT);
        world_run(&l.w, 20);
        assert_true(alive(&l) <= 3);
    }
    lab_done(&l);
}

// What one keeps: itself, its dialog with the target.
static void memory(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    (void)subscribed(&l, l.bob, "c1", EVENT);
    (void)subscribed(&l, l.bob, "c2", EVENT);
    world_run(&l.w, 40000); // transactions have ended
    long before = mem_live();
    (void)subscribed(&l, l.bob, "c3", EVENT);
    world_run(&l.w, 40000);
    assert_int_equal(mem_live() - before, 3);
    lab_done(&l);
}

static void out_of_memory(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    bool whole = false;
    for (long n = 0; n < 300 && !whole; n++) {
        char id[32];
        (void)snprintf(id, sizeof id, "c%ld", n);
        struct sub s = sub_of(l.bob, id);
        mem_fail_after(n);
        ask(&l, &s, EVENT "Expires: 60\n");
        world_run(&l.w, 3);
        mem_fail_after(-1);
        unsigned heard = 0;
        for (const char *m; (m = peer_next(l.bob, 6000));) {
            heard += strncmp(m, "SIP/2.0 200", 11) == 0 || strncmp(m, "NOTIFY ", 7) == 0;
            if (strncmp(m, "NOTIFY ", 7) == 0) {
                ok_notify(&s, m);
                whole = whole || n > 20;
            }
        }
        assert_true(heard || !alive(&l)); // nothing that the subscriber does not know of
        world_run(&l.w, 70000);
        while (peer_next(l.bob, 0))
            continue;
        assert_int_equal(alive(&l), 0);
    }
    lab_done(&l);
}

static void out_of_memory_later(void **state)
{
    struct lab l;
    (void)state;
    for (long n = 0; n < 40; n++) {
        lab_init(&l);
        struct sub s = subscribed(&l, l.bob, "c1", EVENT);
        mem_fail_after(n);
        counter_add(&l.counter, "a", 1);
        world_run(&l.w, 1);
        mem_fail_after(-1);
        const char *m = peer_next(l.bob, 6000);
        assert_non_null(m); // now, or after a while
        ok_notify(&s, m);
        mem_fail_after(n);
        ask(&l, &s, EVENT "Expires: 0\n");
        world_run(&l.w, 3);
        mem_fail_after(-1);
        while ((m = peer_next(l.bob, 6000)))
            if (strncmp(m, "NOTIFY ", 7) == 0)
                ok_notify(&s, m);
        lab_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(expiry),
        cmocka_unit_test(refused),
        cmocka_unit_test(media_types),
        cmocka_unit_test(refreshed),
        cmocka_unit_test(refresh_and_expiry),
        cmocka_unit_test(unsubscribed),
        cmocka_unit_test(fetched),
        cmocka_unit_test(out_of_order),
        cmocka_unit_test(with_id),
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
        cmocka_unit_test(pending),
        cmocka_unit_test(verdict_later),
        cmocka_unit_test(verdict_no),
        cmocka_unit_test(ended_by_owner),
        cmocka_unit_test(unwritable),
        cmocka_unit_test(unwritable_now),
        cmocka_unit_test(per_resource),
        cmocka_unit_test(in_total),
        cmocka_unit_test(per_subscriber),
        cmocka_unit_test(refused_at_limit),
        cmocka_unit_test(waiting_at_limit),
        cmocka_unit_test(ended_within),
        cmocka_unit_test(ended_among_others),
        cmocka_unit_test(ended_at_end),
        cmocka_unit_test(silent_crowd),
        cmocka_unit_test(memory),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(out_of_memory_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
