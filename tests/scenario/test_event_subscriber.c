// SPDX-License-Identifier: Apache-2.0
// A node that subscribes: RFC 6665 4.1 row by row, with notifiers that answer late, twice, wrongly
// or not.
#include "harness.h"

#include <stdio.h>

#include "counter.h"
#include "stack/event/event.h"

#define S "10.0.1.1"
#define BOB "10.0.0.2"
#define EVE "10.0.0.3"

struct lab {
    struct world w;
    struct node *n;
    struct peer *bob, *eve;
    struct event *core;
    struct counter counter; // what is known of bob's state
    event_id id, fork;
    unsigned states, ends, forks, challenges, answers;
    enum event_state last;
    struct event_end end;
    bool stop_in_state, forget_in_end, forget_in_fork, forget_in_challenge;
};

static bool wants(void *arg, const struct sip_msg *m, flow_id flow)
{
    return true;
}

static void on_state(void *arg, event_id id, enum event_state s, const struct sip_msg *notify)
{
    struct counter *c = arg;
    struct lab *l = CONTAINER_OF(c, struct lab, counter);
    assert_non_null(notify);
    assert_true(id == l->id || id == l->fork || !l->id);
    l->states++;
    l->last = s;
    if (l->stop_in_state)
        assert_int_equal(event_unsubscribe(l->core, id), 0);
}

static void on_end(void *arg, event_id id, const struct event_end *e)
{
    struct lab *l = CONTAINER_OF((struct counter *)arg, struct lab, counter);
    l->ends++;
    l->end = *e;
    assert_int_equal(event_call_id(l->core, id).p != NULL, e->again);
    if (l->forget_in_end)
        event_forget(l->core, id);
}

static void on_answer(void *arg, event_id id, const struct sip_msg *response)
{
    struct lab *l = CONTAINER_OF((struct counter *)arg, struct lab, counter);
    l->answers++;
}

static void on_fork(void *arg, event_id id, event_id fork)
{
    struct lab *l = CONTAINER_OF((struct counter *)arg, struct lab, counter);
    assert_int_equal(id, l->id);
    l->forks++;
    l->fork = fork;
    if (l->forget_in_fork)
        event_forget(l->core, fork);
}

static bool on_challenge(void *arg, event_id id, const struct sip_msg *response)
{
    struct lab *l = CONTAINER_OF((struct counter *)arg, struct lab, counter);
    if (l->forget_in_challenge)
        event_forget(l->core, id);
    return ++l->challenges < 3;
}

static void prepare(void *arg, event_id id, bool in_dialog, struct str uri,
                    struct sip_edits *headers)
{
    struct lab *l = CONTAINER_OF((struct counter *)arg, struct lab, counter);
    if (!in_dialog)
        sip_edit_append(headers, SIP_H_ROUTE, STR("<sip:" BOB ";lr>"));
    if (l->challenges)
        sip_edit_append(headers, SIP_H_PROXY_AUTHORIZATION, STR("Digest username=\"u\""));
}

static const struct event_subscriber_ops ops = {.state = on_state,
                                                .ended = on_end,
                                                .answered = on_answer,
                                                .prepare = prepare,
                                                .challenge = on_challenge,
                                                .forked = on_fork};

static void lab_init(struct lab *l)
{
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    l->n = node_new(&l->w, S, NULL);
    l->bob = peer_new(&l->w, BOB);
    l->eve = peer_new(&l->w, EVE);
    struct event_params p = {

        .txns = stack_txns(l->n->stack),
        .uas = stack_uas(l->n->stack),
        .wants = wants,
        .contact = STR("<sip:" S ">")};
    assert_int_equal(event_new(&p, &l->core), 0);
    counter_init(&l->counter);
    assert_int_equal(counter_attach(&l->counter, l->core), 0);
}

static void count_subscriptions(void *arg, const char *name, const char *labels, uint64_t value)
{
    if (!strcmp(name, "event_subscriptions") && !strcmp(labels, "side=\"subscriber\""))
        *(uint64_t *)arg = value;
}

static uint64_t alive(const struct lab *l)
{
    uint64_t n = 0;
    event_stats(l->core, count_subscriptions, &n);
    return n;
}

static void lab_done(struct lab *l)
{
    event_free(l->core);
    world_run(&l->w, 100000);
    world_done(&l->w);
}

static struct event_subscription plan(struct lab *l)
{
    return (struct event_subscription){
        .event = STR("x-counter"),
        .uri = STR("sip:a@example.org"),
        .from = STR("<sip:me@example.org>"),
        .to = STR("<sip:a@example.org>"),
        .contact = STR("<sip:me@" S ">"),
        .expires = 600,
        .ops = &ops,
        .arg = &l->counter,
    };
}

static int start(struct lab *l, struct event_subscription p)
{
    return event_subscribe(l->core, &p, &l->id);
}

static void start_kept(struct lab *l)
{
    struct event_subscription p = plan(l);
    p.keep = true;
    assert_int_equal(start(l, p), 0);
}

// ---- bob, the notifier ----

static int notify_cseq;

// A NOTIFY in the dialog of that SUBSCRIBE. more: header lines, then an empty line and the body;
// NULL: active.
static void notify_from(struct peer *p, const char *sub, const char *tag, const char *state,
                        const char *event, const char *body)
{
    char extra[512], lines[256] = "";
    if (event)
        (void)snprintf(lines, sizeof lines, "Event: %s\n", event);
    (void)snprintf(extra, sizeof extra, "%s%s%s%s", lines, state ? "Subscription-State: " : "",
                   state ? state : "", state ? "\n" : "");
    notify_cseq++;
    peer_send(p, S,
              "NOTIFY %s SIP/2.0\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK-n%s%d\nMax-Forwards: 70\n"
              "From: %s;tag=%s\nTo: %s\nCall-ID: %s\nCSeq: %d NOTIFY\nContact: <sip:%s:5060>\n"
              "Record-Route: <sip:%s;lr>\n%s%sContent-Length: %zu\n\n%s",
              "sip:me@" S, p->ip, tag, notify_cseq, "<sip:a@example.org>", tag,
              header_of(sub, "From", 0), header_of(sub, "Call-ID", 0), notify_cseq, p->ip, p->ip,
              extra, body ? "Content-Type: application/x-counter\n" : "", body ? strlen(body) : 0,
              body ? body : "");
}

static void notify(struct lab *l, const char *sub, const char *state, const char *body)
{
    notify_from(l->bob, sub, "n1", state, "x-counter", body);
    (void)peer_expect(l->bob, "SIP/2.0 200");
}

static void grant(struct lab *l, const char *sub, const char *expires)
{
    char extra[64];
    (void)snprintf(extra, sizeof extra, "Expires: %s\n", expires);
    peer_reply(l->bob, S, sub, "200 OK", "n1", extra);
    world_run(&l->w, 5);
}

// A subscription that is there; what was sent for it.
static const char *established(struct lab *l)
{
    const char *m = peer_expect(l->bob, "SUBSCRIBE ");
    grant(l, m, "600");
    notify(l, m, "active;expires=600", "all 0");
    assert_int_equal(l->last, EVENT_STATE_ACTIVE);
    return m;
}

// ---- from the first SUBSCRIBE to the last NOTIFY ----

static void whole_life(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    assert_int_equal(l.states, 0);
    const char *m = peer_expect(l.bob, "SUBSCRIBE sip:a@example.org SIP/2.0");
    assert_string_equal(header_of(m, "Event", 0), "x-counter");
    assert_string_equal(header_of(m, "Expires", 0), "600");
    assert_string_equal(header_of(m, "Accept", 0), "application/x-counter, text/plain");
    assert_string_equal(header_of(m, "Contact", 0), "<sip:me@" S ">");
    assert_null(param_of(header_of(m, "To", 0), "tag"));
    grant(&l, m, "600");
    assert_int_equal(l.answers, 1);
    notify(&l, m, "active;expires=600", "all 5");
    assert_int_equal(l.counter.known, 5);
    notify(&l, m, "active;expires=599", "+2 from 5");
    assert_int_equal(l.counter.known, 7);
    // TS 24.229 5.1.1.3: when half of the time is over, in the dialog that the NOTIFY has made.
    peer_expect_silence(l.bob, 298000);
    const char *r = peer_expect(l.bob, "SUBSCRIBE sip:" BOB ":5060 SIP/2.0");
    assert_string_equal(header_of(r, "Route", 0), "<sip:" BOB ";lr>");
    assert_string_equal(param_of(header_of(r, "To", 0), "tag"), "n1");
    assert_string_equal(header_of(r, "From", 0), header_of(m, "From", 0));
    assert_string_equal(header_of(r, "Call-ID", 0), header_of(m, "Call-ID", 0));
    assert_string_equal(header_of(r, "CSeq", 0), "2 SUBSCRIBE");
    grant(&l, r, "600");
    notify(&l, r, "active;expires=600", "all 7");
    assert_int_equal(event_unsubscribe(l.core, l.id), 0);
    assert_int_equal(l.ends, 0);
    r = peer_expect(l.bob, "SUBSCRIBE ");
    assert_string_equal(header_of(r, "Expires", 0), "0");
    grant(&l, r, "0");
    assert_int_equal(l.ends, 0);
    notify(&l, r, "terminated;reason=timeout", NULL);
    assert_int_equal(l.last, EVENT_STATE_TERMINATED);
    assert_int_equal(l.ends, 1);
    assert_false(l.end.again);
    assert_int_equal(alive(&l), 0);
    peer_expect_silence(l.bob, 2000000);
    lab_done(&l);
}

// RFC 6665 4.1.2.4: the NOTIFY may come before the response.
static void notify_first(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    const char *m = peer_expect(l.bob, "SUBSCRIBE ");
    notify(&l, m, "pending;expires=100", NULL);
    assert_int_equal(l.last, EVENT_STATE_PENDING);
    notify(&l, m, "active;expires=100", "all 1");
    grant(&l, m, "100");
    assert_int_equal(l.states, 2);
    peer_expect_silence(l.bob, 49000);
    (void)peer_expect(l.bob, "SUBSCRIBE ");
    lab_done(&l);
}

static void fetch(void **state)
{
    struct lab l;
    (void)state;
    for (int odd = 0; odd < 2; odd++) {
        lab_init(&l);
        struct event_subscription p = plan(&l);
        p.one_shot = true;
        p.keep = true; // means nothing here
        assert_int_equal(start(&l, p), 0);
        const char *m = peer_expect(l.bob, "SUBSCRIBE ");
        assert_string_equal(header_of(m, "Expires", 0), "0");
        grant(&l, m, "0");
        notify(&l, m, odd ? "active;expires=0" : "terminated;reason=timeout", "all 9");
        assert_int_equal(l.counter.known, 9);
        assert_int_equal(l.ends, 1);
        assert_int_equal(alive(&l), 0);
        lab_done(&l);
    }
}

// What the notifier says of the expiry counts, and saying it again does not put the refresh off.
static void expiry_of_notifier(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    const char *m = established(&l);
    notify(&l, m, "active;expires=60", "all 0");
    for (int left = 59; left > 32; left--) {
        char text[32];
        world_run(&l.w, 1000);
        (void)snprintf(text, sizeof text, "active;expires=%d", left);
        notify(&l, m, text, "all 0");
    }
    notify(&l, m, "active", "all 0"); // nothing said, nothing changed
    world_run(&l.w, 3000);
    m = peer_expect(l.bob, "SUBSCRIBE ");
    assert_string_equal(header_of(m, "Expires", 0), "600");
    lab_done(&l);
}

// The next SUBSCRIBE comes at this many ms, not before, and the subscription is there still.
static void refreshed_in(struct lab *l, unsigned ms)
{
    peer_expect_silence(l->bob, ms - 1000);
    const char *r = peer_expect(l->bob, "SUBSCRIBE ");
    assert_string_equal(header_of(r, "Expires", 0), "600");
    assert_int_equal(l->ends, 0);
}

// RFC 6665 4.1.2.2: refreshed while the last expiry was just set, it gets the same one again, and
// is refreshed before that. The second time the 200 says nothing of it.
static void refreshed_soon(void **state)
{
    struct lab l;
    (void)state;
    for (int silent = 0; silent < 2; silent++) {
        lab_init(&l);
        assert_int_equal(start(&l, plan(&l)), 0);
        (void)established(&l);
        world_run(&l.w, 500);
        assert_int_equal(event_refresh(l.core, l.id, 0), 0);
        const char *r = peer_expect(l.bob, "SUBSCRIBE ");
        if (silent)
            peer_reply(l.bob, S, r, "200 OK", "n1", NULL);
        else
            grant(&l, r, "600");
        notify(&l, r, silent ? "active" : "active;expires=600", "all 0");
        refreshed_in(&l, 300000);
        lab_done(&l);
    }
}

// The same when the core asks by itself, since a partial state did not follow.
static void gap_soon(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    const char *m = established(&l);
    world_run(&l.w, 500);
    notify(&l, m, "active;expires=599", "+1 from 7");
    m = peer_expect(l.bob, "SUBSCRIBE ");
    grant(&l, m, "600");
    notify(&l, m, "active;expires=600", "all 8");
    refreshed_in(&l, 300000);
    lab_done(&l);
}

// And when the refresh failed: what the notifier says of the expiry does not bring the next one
// forward.
static void failed_refresh_soon(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    const char *m = established(&l);
    world_run(&l.w, 500);
    assert_int_equal(event_refresh(l.core, l.id, 0), 0);
    peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), "500 Oops", NULL, "Retry-After: 400\n");
    world_run(&l.w, 500);
    notify(&l, m, "active;expires=599", "all 0");
    refreshed_in(&l, 399000);
    lab_done(&l);
}

static void too_brief(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    const char *m = peer_expect(l.bob, "SUBSCRIBE ");
    peer_reply(l.bob, S, m, "423 Interval Too Brief", "n0", "Min-Expires: 1800\n");
    const char *r = peer_expect(l.bob, "SUBSCRIBE ");
    assert_string_equal(header_of(r, "Expires", 0), "1800");
    assert_string_equal(header_of(r, "CSeq", 0), "2 SUBSCRIBE");
    assert_string_equal(header_of(r, "Call-ID", 0), header_of(m, "Call-ID", 0));
    peer_reply(l.bob, S, r, "423 Interval Too Brief", "n0", "Min-Expires: 1800\n");
    world_run(&l.w, 5);
    assert_int_equal(l.ends, 1); // nonsense is not repeated
    assert_int_equal(l.end.status, 423);
    lab_done(&l);
}

static void challenged(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(start(&l, plan(&l)), 0);
    const char *m = peer_expect(l.bob, "SUBSCRIBE ");
    assert_null(header_of(m, "Proxy-Authorization", 0));
    peer_reply(l.bob, S, m, "407 Who", "n0", NULL);
    m = peer_expect(l.bob, "SUBSCRIBE ");
    assert_non_null(header_of(m, "Proxy-Authorization", 0));
    (void)l;
    peer_reply(l.bob, S, m, "407 Who", "n0", NULL);
    m = peer_expect(l.bob, "SUBSCRIBE ");
    peer_reply(l.bob, S, m, "407 Who", "n0", NULL);
    world_run(&l.w, 5);
    assert_int_equal(l.challenges, 3);
    assert_int_equal(l.end.status, 407);
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

// ---- who fails ----

static void refused(void **state)
{
    static const char *const statuses[] = {"403 No", "404 No", "489 No", "481 No", "604 No"};
    struct lab l;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        lab_init(&l);
        start_kept(&l);
        peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), statuses[i], "n0", NULL);
        world_run(&l.w, 5);
        assert_int_equal(l.ends, 1);
        assert_false(l.end.again);
        assert_int_equal(alive(&l), 0);
        lab_done(&l);
    }
}

// RFC 6665 4.1.2.2: lost by the notifier, it is asked for anew, with a Call-ID and tag of its own.
static void anew_after(void **state)
{
    static const char *const statuses[] = {"481 No", "404 No", "489 No", "483 No"};
    struct lab l;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        lab_init(&l);
        start_kept(&l);
        const char *m = established(&l);
        world_run(&l.w, 300000);
        const char *r = peer_expect(l.bob, "SUBSCRIBE ");
        peer_reply(l.bob, S, r, statuses[i], NULL, NULL);
        r = peer_expect(l.bob, "SUBSCRIBE sip:a@example.org SIP/2.0");
        assert_int_equal(l.ends, 1);
        assert_true(l.end.again);
        assert_null(param_of(header_of(r, "To", 0), "tag"));
        assert_string_not_equal(header_of(r, "Call-ID", 0), header_of(m, "Call-ID", 0));
        assert_string_not_equal(header_of(r, "From", 0), header_of(m, "From", 0));
        assert_string_equal(header_of(r, "CSeq", 0), "1 SUBSCRIBE");
        // What still comes in the old dialog is nobody's.
        notify_from(l.bob, m, "n1", "active", "x-counter", NULL);
        (void)peer_expect(l.bob, "SIP/2.0 481");
        grant(&l, r, "600");
        notify(&l, r, "active;expires=600", "all 3");
        assert_int_equal(alive(&l), 1);
        lab_done(&l);
    }
}

// Another error says nothing of the subscription: it is there until it expires, and is tried again.
static void refresh_fails(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    const char *m = established(&l), *r;
    world_run(&l.w, 300000);
    r = peer_expect(l.bob, "SUBSCRIBE ");
    peer_reply(l.bob, S, r, "500 Oops", NULL, "Retry-After: 200\n");
    peer_expect_silence(l.bob, 199000);
    notify(&l, m, "active", "+1 from 0"); // it is there
    r = peer_expect(l.bob, "SUBSCRIBE ");
    assert_string_equal(param_of(header_of(r, "To", 0), "tag"), "n1");
    peer_reply(l.bob, S, r, "500 Oops", NULL, NULL);
    for (int i = 0; i < 40 && !l.ends; i++) {
        world_run(&l.w, 3000);
        while ((r = peer_next(l.bob, 0)))
            if (!l.ends)
                peer_reply(l.bob, S, r, "500 Oops", NULL, NULL);
    }
    assert_int_equal(l.ends, 1); // expired
    assert_true(l.end.again);
    lab_done(&l);
}

static void silent_refresh(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    (void)established(&l);
    world_run(&l.w, 300000);
    (void)peer_expect(l.bob, "SUBSCRIBE sip:" BOB);
    world_run(&l.w, 32000);
    (void)peer_expect(l.bob, "SUBSCRIBE sip:a@example.org"); // another may answer
    lab_done(&l);
}

static void timer_n(void **state)
{
    struct lab l;
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        lab_init(&l);
        struct event_subscription p = plan(&l);
        p.keep = keep;
        assert_int_equal(start(&l, p), 0);
        const char *m = peer_expect(l.bob, "SUBSCRIBE ");
        grant(&l, m, "600");
        world_run(&l.w, 31900);
        assert_int_equal(l.ends, 0);
        world_run(&l.w, 200);
        assert_int_equal(l.ends, 1);
        assert_int_equal(l.end.status, 408);
        assert_int_equal(l.end.again, keep);
        notify_from(l.bob, m, "n1", "active", "x-counter", NULL); // too late
        (void)peer_expect(l.bob, "SIP/2.0 481");
        world_run(&l.w, 2000);
        if (keep)
            (void)peer_expect(l.bob, "SUBSCRIBE ");
        lab_done(&l);
    }
}

// Waits grow, and a server that says when is believed.
static void backs_off(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    uint64_t last = 0;
    for (int i = 0; i < 8; i++) {
        peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), "503 No", "n0", NULL);
        world_run(&l.w, 5);
        assert_true(l.end.again);
        assert_true(l.end.again_ms >= (i < 7 ? last * 5 / 4 : 320000) && l.end.again_ms <= 400000);
        last = l.end.again_ms;
        world_run(&l.w, last - 1000);
    }
    peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), "500 No", "n0", "Retry-After: 1000\n");
    world_run(&l.w, 5);
    assert_int_equal(l.end.again_ms, 1000000);
    lab_done(&l);
}

// RFC 6665 4.1.3
static void reasons(void **state)
{
    static const struct {
        const char *state;
        enum event_reason reason;
        bool again;
        uint64_t least, most;
    } rows[] = {
        {"terminated;reason=deactivated", EVENT_DEACTIVATED, true, 0, 0},
        {"terminated;reason=deactivated;retry-after=99", EVENT_DEACTIVATED, true, 0, 6250},
        {"terminated;reason=probation", EVENT_PROBATION, true, 5000, 6250},
        {"terminated;reason=probation;retry-after=77", EVENT_PROBATION, true, 77000, 77000},
        {"terminated;reason=rejected", EVENT_REJECTED, false, 0, 0},
        {"terminated;reason=rejected;retry-after=5", EVENT_REJECTED, false, 0, 0},
        {"terminated;reason=timeout", EVENT_TIMEOUT, true, 0, 0},
        {"terminated;reason=giveup;retry-after=60", EVENT_GIVEUP, true, 60000, 60000},
        {"terminated;reason=giveup", EVENT_GIVEUP, true, 5000, 6250},
        {"terminated;reason=noresource", EVENT_NORESOURCE, false, 0, 0},
        {"terminated;reason=invariant", EVENT_INVARIANT, false, 0, 0},
        {"terminated;reason=whim", EVENT_NO_REASON, true, 0, 0},
        {"Terminated;retry-after=9", EVENT_NO_REASON, true, 9000, 9000},
        {"terminated", EVENT_NO_REASON, true, 0, 0},
    };
    struct lab l;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        lab_init(&l);
        start_kept(&l);
        const char *m = established(&l);
        notify(&l, m, rows[i].state, "all 0");
        assert_int_equal(l.ends, 1);
        assert_int_equal(l.end.reason, rows[i].reason);
        assert_int_equal(l.end.again, rows[i].again);
        assert_in_range(l.end.again_ms, rows[i].least, rows[i].most);
        assert_int_equal(alive(&l), rows[i].again);
        if (rows[i].again)
            (void)peer_next(l.bob, 80000);
        peer_expect_silence(l.bob, rows[i].again ? 10 : 1000000);
        lab_done(&l);
    }
}

// Ended at once again and again, it is not asked for at once again and again.
static void no_storm(void **state)
{
    struct lab l;
    unsigned asked = 0;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    uint64_t end = sim_now_ms(l.w.sim) + 60000;
    for (const char *m; sim_now_ms(l.w.sim) < end;) {
        m = peer_next(l.bob, 1000);
        if (!m || strncmp(m, "SUBSCRIBE ", 10) != 0)
            continue;
        asked++;
        grant(&l, m, "600");
        notify_from(l.bob, m, "n1", "terminated;reason=deactivated", "x-counter", NULL);
    }
    assert_in_range(asked, 3, 6);
    lab_done(&l);
}

// ---- unsubscribing ----

static void stop_early(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    const char *m = peer_expect(l.bob, "SUBSCRIBE ");
    assert_int_equal(event_unsubscribe(l.core, l.id), 0); // there is no dialog to say it in
    peer_expect_silence(l.bob, 100);
    grant(&l, m, "600");
    notify(&l, m, "active;expires=600", "all 1");
    m = peer_expect(l.bob, "SUBSCRIBE sip:" BOB);
    assert_string_equal(header_of(m, "Expires", 0), "0");
    notify(&l, m, "active;expires=600", "all 1"); // it crossed
    grant(&l, m, "0");
    notify(&l, m, "terminated;reason=timeout", NULL);
    assert_int_equal(l.ends, 1);
    assert_false(l.end.again);
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

static void stop_unheard(void **state)
{
    struct lab l;
    (void)state;
    for (int answered = 0; answered < 2; answered++) {
        lab_init(&l);
        start_kept(&l);
        (void)established(&l);
        assert_int_equal(event_unsubscribe(l.core, l.id), 0);
        const char *m = peer_expect(l.bob, "SUBSCRIBE ");
        if (answered)
            grant(&l, m, "0");
        world_run(&l.w, 33000); // no last NOTIFY
        assert_int_equal(l.ends, 1);
        assert_false(l.end.again);
        assert_int_equal(alive(&l), 0);
        lab_done(&l);
    }
}

// RFC 6665 4.1.2.3: a notifier that wants to know who leaves, again and again, does not keep him.
static void stop_challenged(void **state)
{
    struct lab l;
    unsigned asked = 0;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    (void)established(&l);
    l.challenges = 0;
    assert_int_equal(event_unsubscribe(l.core, l.id), 0);
    for (const char *m; asked < 20 && (m = peer_next(l.bob, 1000)); asked++) {
        assert_string_equal(header_of(m, "Expires", 0), "0");
        l.challenges = 0; // he always has an answer
        peer_reply(l.bob, S, m, "407 Who", "n1", NULL);
    }
    assert_int_equal(asked, 4);
    assert_int_equal(l.ends, 1);
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

// Nor one that does it slowly: the time for the last NOTIFY does not begin anew.
static void stop_challenged_late(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    (void)established(&l);
    assert_int_equal(event_unsubscribe(l.core, l.id), 0);
    const char *m = peer_expect(l.bob, "SUBSCRIBE ");
    world_run(&l.w, 20000);
    peer_reply(l.bob, S, m, "407 Who", "n1", NULL);
    m = peer_expect(l.bob, "SUBSCRIBE ");
    assert_non_null(header_of(m, "Proxy-Authorization", 0));
    grant(&l, m, "0");
    world_run(&l.w, 11000);
    assert_int_equal(l.ends, 0);
    world_run(&l.w, 2000);
    assert_int_equal(l.ends, 1);
    lab_done(&l);
}

static void stop_between(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), "503 No", "n0", NULL);
    world_run(&l.w, 5);
    assert_true(l.end.again);
    assert_int_equal(event_unsubscribe(l.core, l.id), 0);
    assert_int_equal(l.ends, 1);
    world_run(&l.w, 5);
    assert_int_equal(l.ends, 2);
    assert_int_equal(event_unsubscribe(l.core, l.id), ERR_NOTFOUND);
    peer_expect_silence(l.bob, 100000);
    lab_done(&l);
}

static void from_within(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    l.stop_in_state = true;
    start_kept(&l);
    const char *m = peer_expect(l.bob, "SUBSCRIBE ");
    grant(&l, m, "600");
    notify(&l, m, "active;expires=600", "all 1");
    m = peer_expect(l.bob, "SUBSCRIBE ");
    assert_string_equal(header_of(m, "Expires", 0), "0");
    notify(&l, m, "terminated", NULL);
    assert_int_equal(alive(&l), 0);
    l.stop_in_state = false;
    l.forget_in_end = true;
    start_kept(&l);
    peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), "503 No", "n0", NULL);
    world_run(&l.w, 5);
    assert_int_equal(alive(&l), 0);
    peer_expect_silence(l.bob, 100000);
    lab_done(&l);
}

// ---- wrong NOTIFYs ----

static void wrong_notifies(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    const char *m = established(&l);
    unsigned states = l.states;
    notify_from(l.eve, m, "other", "active", "x-counter", NULL); // no forks wanted
    (void)peer_expect(l.eve, "SIP/2.0 481");
    notify_from(l.bob, m, "n1", "active", "presence", NULL);
    (void)peer_expect(l.bob, "SIP/2.0 489");
    notify_from(l.bob, m, "n1", "active", NULL, NULL);
    (void)peer_expect(l.bob, "SIP/2.0 489");
    notify_from(l.bob, m, "n1", "active", "x-counter;id=1", NULL);
    (void)peer_expect(l.bob, "SIP/2.0 489");
    notify_from(l.bob, m, "n1", NULL, "x-counter", NULL);
    (void)peer_expect(l.bob, "SIP/2.0 400");
    notify_from(l.bob, m, "n1", "active", "x-counter", "rubbish");
    (void)peer_expect(l.bob, "SIP/2.0 400");
    notify_from(l.bob, m, "n1", "active", "x-counter", "<xml/>");
    (void)peer_expect(l.bob, "SIP/2.0 415");
    notify_cseq -= 20;
    notify_from(l.bob, m, "n1", "terminated", "x-counter", NULL); // an old one that comes late
    (void)peer_expect(l.bob, "SIP/2.0 500");
    notify_cseq += 20;
    assert_int_equal(l.states, states);
    peer_request(
        l.bob, S,
        &(struct request){
            .method = "NOTIFY", .uri = "sip:me@" S, .call_id = "x", .extra = "Event: x-counter\n"});
    (void)peer_expect(l.bob, "SIP/2.0 481");
    notify(&l, m, "active", "all 2");
    assert_int_equal(l.counter.known, 2);
    notify(&l, m, "waiting", NULL); // an extension
    assert_int_equal(alive(&l), 1);
    lab_done(&l);
}

// What a first NOTIFY made is not kept when it was refused: the next one, in another dialog of the
// same notifier, begins anew, and until then Timer N runs.
static void wrong_first(void **state)
{
    struct lab l;
    (void)state;
    for (int late = 0; late < 2; late++) {
        lab_init(&l);
        assert_int_equal(start(&l, plan(&l)), 0);
        const char *m = peer_expect(l.bob, "SUBSCRIBE ");
        notify_from(l.bob, m, "n1", "active;expires=600", "x-counter", "rubbish");
        (void)peer_expect(l.bob, "SIP/2.0 400");
        if (late) { // 481: there is none (RFC 6665 4.1.2.1)
            peer_reply(l.bob, S, m, "481 No", "n0", NULL);
            world_run(&l.w, 5);
            assert_int_equal(l.ends, 1);
            assert_int_equal(l.end.status, 481);
        } else {
            notify_from(l.bob, m, "n2", "active;expires=600", "x-counter", "all 4");
            (void)peer_expect(l.bob, "SIP/2.0 200");
            assert_int_equal(l.counter.known, 4);
        }
        assert_int_equal(alive(&l), !late);
        lab_done(&l);
    }
}

// A partial state that does not follow: the whole is asked for, not more often than every five
// seconds.
static void gap(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    start_kept(&l);
    const char *m = established(&l);
    notify(&l, m, "active", "+1 from 3");
    const char *r = peer_expect(l.bob, "SUBSCRIBE sip:" BOB);
    assert_string_equal(header_of(r, "Expires", 0), "600");
    grant(&l, r, "600");
    notify(&l, r, "active;expires=600", "all 4");
    assert_int_equal(l.counter.known, 4);
    notify(&l, r, "active", "+1 from 7");
    peer_expect_silence(l.bob, 2000);
    assert_int_equal(l.counter.gaps, 2);
    lab_done(&l);
}

// ---- a forked SUBSCRIBE ----

static void forked(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct event_subscription p = plan(&l);
    p.forks = 1;
    p.keep = true;
    assert_int_equal(start(&l, p), 0);
    const char *m = established(&l);
    notify_from(l.eve, m, "e1", "active;expires=600", "x-counter", "all 0");
    (void)peer_expect(l.eve, "SIP/2.0 200");
    assert_int_equal(l.forks, 1);
    assert_int_equal(alive(&l), 2);
    notify_from(l.eve, m, "e2", "active;expires=600", "x-counter", "all 0");
    (void)peer_expect(l.eve, "SIP/2.0 481"); // one more than was wanted
    world_run(&l.w, 301000);
    (void)peer_expect(l.bob, "SUBSCRIBE sip:" BOB);
    const char *r = peer_expect(l.eve, "SUBSCRIBE sip:" EVE); // each is refreshed by itself
    assert_string_equal(param_of(header_of(r, "To", 0), "tag"), "e1");
    peer_reply(l.eve, S, r, "481 No", NULL, NULL);
    world_run(&l.w, 5);
    assert_int_equal(l.ends, 1);
    assert_false(l.end.again); // the first of them is what is kept
    assert_int_equal(alive(&l), 1);
    lab_done(&l);
}

// One whose first NOTIFY is refused is not there, and nobody hears of it; the next may be.
static void fork_refused(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct event_subscription p = plan(&l);
    p.forks = 1;
    assert_int_equal(start(&l, p), 0);
    const char *m = established(&l);
    notify_from(l.eve, m, "e1", "active;expires=600", "x-counter", "rubbish");
    (void)peer_expect(l.eve, "SIP/2.0 400");
    assert_int_equal(l.forks, 0);
    assert_int_equal(alive(&l), 1);
    notify_from(l.eve, m, "e1", "active;expires=600", "x-counter", "all 0");
    (void)peer_expect(l.eve, "SIP/2.0 200");
    assert_int_equal(l.forks, 1);
    assert_int_equal(alive(&l), 2);
    world_run(&l.w, 700000); // neither is refreshed
    assert_int_equal(l.ends, 2);
    assert_int_equal(alive(&l), 0);
    lab_done(&l);
}

// The owner may forget a subscription in whatever tells him of it.
static void forgotten_within(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    struct event_subscription p = plan(&l);
    p.forks = 1;
    l.forget_in_fork = l.forget_in_challenge = true;
    assert_int_equal(start(&l, p), 0);
    const char *m = established(&l);
    notify_from(l.eve, m, "e1", "active;expires=600", "x-counter", "all 0");
    (void)peer_expect(l.eve, "SIP/2.0 200");
    assert_int_equal(l.forks, 1);
    assert_int_equal(alive(&l), 1);
    event_forget(l.core, l.id);
    assert_int_equal(start(&l, p), 0);
    peer_reply(l.bob, S, peer_expect(l.bob, "SUBSCRIBE "), "407 Who", "n0", NULL);
    world_run(&l.w, 50);
    assert_int_equal(l.challenges, 1);
    assert_int_equal(alive(&l), 0);
    assert_int_equal(l.ends, 0);
    peer_expect_silence(l.bob, 100000);
    lab_done(&l);
}

// ---- bounds ----

static void own_limit(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    event_set_limits(l.core, &(struct event_limits){.own = 2});
    start_kept(&l);
    start_kept(&l);
    assert_int_equal(start(&l, plan(&l)), ERR_FULL);
    struct event_subscription bad = plan(&l);
    event_set_limits(l.core, &(struct event_limits){0});
    bad.uri = STR_NONE;
    assert_int_equal(start(&l, bad), ERR_INVAL);
    bad = plan(&l);
    bad.ops = NULL;
    assert_int_equal(start(&l, bad), ERR_INVAL);
    assert_int_equal(alive(&l), 2);
    lab_done(&l);
}

static void out_of_memory(void **state)
{
    struct lab l;
    (void)state;
    for (long n = 0;; n++) {
        lab_init(&l);
        struct event_subscription p = plan(&l);
        p.keep = true;
        mem_fail_after(n);
        int err = event_subscribe(l.core, &p, &l.id);
        mem_fail_after(-1);
        assert_int_equal(alive(&l), !err);
        lab_done(&l);
        if (!err)
            break;
        assert_int_equal(err, ERR_NOMEM);
        assert_true(n < 200);
    }
}

// It comes back whatever failed on the way.
static void out_of_memory_later(void **state)
{
    struct lab l;
    (void)state;
    for (long n = 0; n < 60; n++) {
        lab_init(&l);
        start_kept(&l);
        const char *m = peer_expect(l.bob, "SUBSCRIBE ");
        grant(&l, m, "600");
        mem_fail_after(n);
        notify_from(l.bob, m, "n1", "active;expires=600", "x-counter", "all 1");
        world_run(&l.w, 3);
        mem_fail_after(-1);
        world_run(&l.w, 300000);
        mem_fail_after(n);
        world_run(&l.w, 5000); // the refresh
        mem_fail_after(-1);
        world_run(&l.w, 1000000);
        assert_int_equal(alive(&l), 1);
        lab_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_life),
        cmocka_unit_test(notify_first),
        cmocka_unit_test(fetch),
        cmocka_unit_test(expiry_of_notifier),
        cmocka_unit_test(refreshed_soon),
        cmocka_unit_test(gap_soon),
        cmocka_unit_test(failed_refresh_soon),
        cmocka_unit_test(too_brief),
        cmocka_unit_test(challenged),
        cmocka_unit_test(refused),
        cmocka_unit_test(anew_after),
        cmocka_unit_test(refresh_fails),
        cmocka_unit_test(silent_refresh),
        cmocka_unit_test(timer_n),
        cmocka_unit_test(backs_off),
        cmocka_unit_test(reasons),
        cmocka_unit_test(no_storm),
        cmocka_unit_test(stop_early),
        cmocka_unit_test(stop_unheard),
        cmocka_unit_test(stop_challenged),
        cmocka_unit_test(stop_challenged_late),
        cmocka_unit_test(stop_between),
        cmocka_unit_test(from_within),
        cmocka_unit_test(wrong_notifies),
        cmocka_unit_test(wrong_first),
        cmocka_unit_test(gap),
        cmocka_unit_test(forked),
        cmocka_unit_test(fork_refused),
        cmocka_unit_test(forgotten_within),
        cmocka_unit_test(own_limit),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(out_of_memory_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
