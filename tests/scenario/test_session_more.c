// SPDX-License-Identifier: Apache-2.0
// Extensions of the session core: reliable provisional responses (RFC 3262), UPDATE (RFC 3311),
// session timers (RFC 4028), and what is listed of a session.
#include "lab.h"

#include <stdio.h>

static void reliable(struct lab *l)
{
    l->a.p.rel100 = l->b.p.rel100 = SESSION_REL_SUPPORTED;
    l->b.ring[0] = (struct session_reply){.status = 183, .reliable = true, .body = STR("early-b")};
    l->b.n_ring = 1;
}

// ---- 100rel ----

static void prack(void **state)
{
    struct lab l;
    lab_init(&l);
    reliable(&l);
    l.b.ring[1] = (struct session_reply){.status = 180, .reliable = true};
    l.b.n_ring = 2; // the second waits for the first one's PRACK
    l.tap.count = "PRACK ";
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 300);
    assert_int_equal(l.tap.counted, 2);
    assert_int_equal(l.a.last_progress, 180);
    assert_string_equal(l.a.answer, "early-b");
    assert_int_equal(
        session_accept(l.b.s, &(struct session_reply){.status = 200, .body = STR("ignored")}), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.answers, 1); // RFC 3261 13.2.1
    assert_int_equal(l.a.established, 1);
    lab_end(&l);
}

static void prack_lost(void **state)
{
    struct lab l;
    lab_init(&l);
    reliable(&l);
    l.tap.lose = "PRACK ";
    l.tap.lose_n = 2;
    l.tap.count = "SIP/2.0 183";
    l.b.pick_up = true; // RFC 3262 3: the 200 waits, since the 183 has the answer
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 400);
    assert_int_equal(l.a.established, 0);
    world_run(&l.w, 3000);
    assert_true(l.tap.counted >= 2);
    assert_int_equal(l.a.established, 1);
    lab_end(&l);
}

static void no_prack_at_all(void **state)
{
    struct lab l;
    lab_init(&l);
    reliable(&l);
    l.tap.lose = "PRACK ";
    l.tap.lose_n = 1000;
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 40000);
    assert_int_equal(l.b.end.status, 504);
    assert_int_equal(l.a.end.status, 504);
    lab_end(&l);
}

static void offer_in_183(void **state)
{
    struct lab l;
    lab_init(&l);
    reliable(&l);
    l.tap.count = "PRACK ";
    agent_call(&l.a, CALL_B, NULL);
    world_run(&l.w, 300);
    assert_string_equal(l.a.offer, "early-b");
    assert_string_equal(l.b.answer, "from-a");
    assert_contains(l.tap.last, "\r\n\r\nfrom-a");
    assert_int_equal(session_accept(l.b.s, &(struct session_reply){.status = 200}), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.established, 1);
    assert_int_equal(l.a.offers, 1);
    lab_end(&l);
}

static void required_of_who_has_it_not(void **state)
{
    struct lab l;
    lab_init(&l);
    l.a.p.rel100 = SESSION_REL_REQUIRED;
    l.tap.count = "SIP/2.0 420";
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 300);
    assert_int_equal(l.a.end.status, 420);
    assert_contains(l.tap.last, "Unsupported: 100rel");
    lab_end(&l);
}

static void required_of_who_has_it(void **state)
{
    struct lab l;
    lab_init(&l);
    l.a.p.rel100 = SESSION_REL_REQUIRED;
    l.b.p.rel100 = SESSION_REL_SUPPORTED;
    l.b.ring[0] = (struct session_reply){.status = 180};
    l.b.n_ring = 1;
    l.tap.count = "PRACK ";
    lab_talk(&l, "offer-a");
    assert_int_equal(l.tap.counted, 1);
    lab_end(&l);
}

// ---- UPDATE ----

static void early_update(void **state)
{
    struct lab l;
    lab_init(&l);
    reliable(&l);
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 300);
    l.tap.count = "UPDATE ";
    assert_true(session_may_modify(l.a.s));
    assert_int_equal(session_modify(l.a.s, STR("resources")), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.tap.counted, 1);
    assert_string_equal(l.b.offer, "resources");
    assert_int_equal(l.a.last_modified, 200);
    assert_int_equal(session_modify(l.b.s, STR("mine, too")), 0); // both ways
    world_run(&l.w, 300);
    assert_string_equal(l.a.offer, "mine, too");
    assert_int_equal(session_accept(l.b.s, &(struct session_reply){.status = 200}), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.established, 1);
    lab_end(&l);
}

// RFC 3261 12.2.2: a request that has overtaken the PRACK would have it refused, and the call with
// it.
static void no_update_before_the_prack(void **state)
{
    struct lab l;
    lab_init(&l);
    reliable(&l);
    l.tap.lose = "PRACK ";
    l.tap.lose_n = 1;
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 300);
    assert_string_equal(l.a.answer, "early-b");
    assert_false(session_may_modify(l.a.s));
    assert_int_equal(session_modify_later(l.a.s, STR("resources")), 0);
    assert_int_equal(session_modify_later(l.a.s, STR("twice")), ERR_STATE);
    world_run(&l.w, 300);
    assert_int_equal(l.b.offers, 0);
    world_run(&l.w, 3000);
    assert_string_equal(l.b.offer, "resources");
    assert_int_equal(l.a.last_modified, 200);
    assert_int_equal(l.a.closed, 0);
    lab_end(&l);
}

// What is put off is a re-INVITE when the call has been answered meanwhile.
static void change_put_off_until_the_ack(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.pick_up = true;
    l.tap.lose = "ACK ";
    l.tap.lose_n = 2;
    l.tap.count = "INVITE sip:" A;
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 300);
    assert_int_equal(session_modify(l.b.s, STR("new")), ERR_STATE);
    assert_int_equal(session_modify_later(l.b.s, STR("new")), 0);
    world_run(&l.w, 5000);
    assert_int_equal(l.tap.counted, 1);
    assert_string_equal(l.a.offer, "new");
    assert_int_equal(l.b.last_modified, 200);
    lab_end(&l);
}

// RFC 3311 5.1: not before an exchange is complete.
static void no_update_before_the_answer(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.ring[0] = (struct session_reply){.status = 183, .body = STR("preview")};
    l.b.n_ring = 1;
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 300);
    assert_string_equal(l.a.answer, "preview");
    assert_false(session_may_modify(l.a.s));
    assert_int_equal(session_modify(l.a.s, STR("x")), ERR_STATE);
    lab_end(&l);
}

// RFC 3311 5.2: both at once.
static void update_glare(void **state)
{
    struct lab l;
    lab_init(&l);
    reliable(&l);
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 300);
    l.tap.count = "SIP/2.0 491";
    assert_int_equal(session_modify(l.a.s, STR("one")), 0);
    assert_int_equal(session_modify(l.b.s, STR("two")), 0);
    world_run(&l.w, 6000);
    assert_int_equal(l.tap.counted, 2);
    assert_int_equal(l.a.last_modified, 200);
    assert_int_equal(l.b.last_modified, 200);
    lab_end(&l);
}

// ---- session timers ----

static void timers(struct lab *l, uint32_t expires)
{
    l->a.p.timer = l->b.p.timer = true;
    l->a.p.expires_s = expires;
}

static uint32_t interval(struct agent *a, bool *ours)
{
    return session_interval(a->s, ours);
}

static void refreshed_by_the_caller(void **state)
{
    struct lab l;
    bool ours;
    lab_init(&l);
    timers(&l, 100);
    lab_talk(&l, "offer-a");
    assert_int_equal(interval(&l.a, &ours), 100);
    assert_true(ours);
    assert_int_equal(interval(&l.b, &ours), 100);
    assert_false(ours);
    l.tap.count = "UPDATE ";
    world_run(&l.w, 1000000);
    assert_int_equal(l.a.closed, 0);
    assert_int_equal(l.tap.counted, 20); // every 50 s
    assert_contains(l.tap.last, "Session-Expires: 100;refresher=uac");
    lab_end(&l);
}

static void refreshed_by_the_called_side(void **state)
{
    struct lab l;
    bool ours;
    lab_init(&l);
    timers(&l, 100);
    l.a.p.refresher = SESSION_REFRESHER_UAS;
    l.a.p.no_update = true;
    l.a.p.allow = STR("INVITE, ACK, BYE");
    lab_talk(&l, "offer-a");
    (void)interval(&l.a, &ours);
    assert_false(ours);
    l.tap.count = "INVITE ";
    world_run(&l.w, 220000);
    assert_int_equal(l.a.closed, 0);
    assert_int_equal(l.tap.counted, 4);
    assert_contains(l.tap.last, "\r\n\r\nfrom-b"); // what it said before
    assert_int_equal(l.b.modified, 0);             // no business of its owner
    lab_end(&l);
}

// Who changes the session meanwhile keeps the roles (RFC 4028 7.4).
static void roles_stay(void **state)
{
    struct lab l;
    bool ours;
    lab_init(&l);
    timers(&l, 100);
    lab_talk(&l, "offer-a");
    l.tap.count = "INVITE ";
    assert_int_equal(session_modify(l.b.s, STR("hold")), 0);
    world_run(&l.w, 300);
    assert_contains(l.tap.last, "Session-Expires: 100;refresher=uas");
    (void)interval(&l.a, &ours);
    assert_true(ours);
    (void)interval(&l.b, &ours);
    assert_false(ours);
    lab_end(&l);
}

static void expires_without_refresh(void **state)
{
    struct lab l;
    lab_init(&l);
    timers(&l, 120);
    lab_talk(&l, "offer-a");
    l.tap.lose = "UPDATE ";
    l.tap.lose_n = 1000;
    world_run(&l.w, 300000);
    assert_int_equal(l.a.closed, 1);
    assert_int_equal(l.b.closed, 1);
    assert_non_null(l.b.end.by_remote ? l.a.end.cause : l.b.end.cause);
    lab_end(&l);
}

// A refresh that a server refuses for its own reasons is tried again before the session has to end.
static void refresh_refused(void **state)
{
    struct lab l;
    lab_init(&l);
    l.a.p.timer = true;
    l.a.p.expires_s = 1800;
    (void)lab_calls(&l, "offer-a");
    lab_answers(&l, "200 OK", "one", "Require: timer\nSession-Expires: 1800;refresher=uac\n",
                "answer");
    (void)lab_hears(&l, "ACK ", "tag=one");
    world_run(&l.w, 899000);
    peer_reply(l.q, A, peer_expect(l.q, "UPDATE "), "503 Service Unavailable", NULL, NULL);
    world_run(&l.w, 432000); // half of 1800 - 32 - 900
    peer_reply(l.q, A, peer_expect(l.q, "UPDATE "), "200 OK", NULL,
               "Require: timer\nSession-Expires: 1800;refresher=uac\n");
    world_run(&l.w, 890000);
    assert_int_equal(l.a.closed, 0);
    assert_int_equal(session_hang_up(l.a.s), 0);
    (void)lab_hears(&l, "BYE ", "tag=one");
    lab_done(&l);
}

// RFC 4028 10: the side that waits ends a session that is not refreshed.
static void other_side_is_dead(void **state)
{
    struct lab l;
    lab_init(&l);
    timers(&l, 120);
    lab_talk(&l, "offer-a");
    l.tap.count = "BYE ";
    struct addr a, b;
    assert_int_equal(addr_parse(STR(A), 0, &a), 0);
    assert_int_equal(addr_parse(STR(B), 0, &b), 0);
    assert_int_equal(sim_partition(l.w.sim, &a, &b, true), 0);
    world_run(&l.w, 85000); // 120 - 32
    assert_int_equal(l.b.closed, 0);
    world_run(&l.w, 40000);
    assert_int_equal(l.b.closed, 1);
    assert_string_equal(l.b.end.cause, "the session has expired");
    lab_end(&l);
}

static void interval_too_small(void **state)
{
    struct lab l;
    bool ours;
    lab_init(&l);
    timers(&l, 100);
    l.b.p.min_se_s = 300;
    l.tap.count = "INVITE ";
    lab_talk(&l, "offer-a");
    assert_int_equal(l.b.refused, 1); // 422
    assert_int_equal(l.tap.counted, 2);
    assert_contains(l.tap.last, "Min-SE: 300");
    assert_int_equal(interval(&l.a, &ours), 300);
    lab_end(&l);
}

static void timer_of_the_called_side_alone(void **state)
{
    struct lab l;
    bool ours;
    lab_init(&l);
    l.b.p.timer = true;
    l.b.p.expires_s = 200;
    lab_talk(&l, "offer-a");
    assert_int_equal(interval(&l.b, &ours), 200);
    assert_true(ours);
    l.tap.count = "UPDATE ";
    world_run(&l.w, 450000);
    assert_int_equal(l.b.closed, 0);
    assert_true(l.tap.counted >= 4);
    lab_end(&l);
}

// ---- for people ----

static char shown[512];

static void show(void *arg, const struct session_line *line)
{
    size_t n = 0;
    shown[0] = '\0';
    for (size_t i = 0; i < line->n_parts; i++) {
        const struct session_part *p = &line->parts[i];
        n += (size_t)snprintf(shown + n, sizeof shown - n, "%s %s", p->machine, p->state);
        if (p->timer)
            n += (size_t)snprintf(shown + n, sizeof shown - n, " (%s, %u ms)", p->timer,
                                  (unsigned)p->timer_ms);
        n += (size_t)snprintf(shown + n, sizeof shown - n, "; ");
    }
    *(struct session_line *)arg = *line;
}

static void listed(void **state)
{
    struct lab l;
    struct session_line line;
    lab_init(&l);
    timers(&l, 1800);
    reliable(&l);
    l.tap.lose = "PRACK ";
    l.tap.lose_n = 1;
    agent_call(&l.a, CALL_B, "offer-a");
    world_run(&l.w, 100);
    assert_int_equal(session_list(l.a.layer, 10, show, &line), 1);
    assert_string_equal(shown, "session Early; ");
    assert_true(line.outgoing);
    assert_int_equal(line.legs, 1);
    assert_int_equal(line.age_ms, 100);
    assert_true(str_eq(line.remote, STR("sip:" B)));
    assert_int_equal(session_list(l.b.layer, 0, show, &line), 0);
    assert_int_equal(session_list(l.b.layer, 1, show, &line), 1);
    assert_contains(shown, "session Ringing (ring again, 149");
    assert_contains(shown, "100rel Sent (1xx again, 4");
    assert_false(line.outgoing);
    world_run(&l.w, 2000);
    assert_int_equal(session_accept(l.b.s, &(struct session_reply){.status = 200}), 0);
    world_run(&l.w, 300);
    (void)session_list(l.a.layer, 1, show, &line);
    assert_contains(shown, "session Up; session-timer Ours (refresh, 899");
    assert_int_equal(line.interval_s, 1800);
    lab_end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prack),
        cmocka_unit_test(prack_lost),
        cmocka_unit_test(no_prack_at_all),
        cmocka_unit_test(offer_in_183),
        cmocka_unit_test(required_of_who_has_it_not),
        cmocka_unit_test(required_of_who_has_it),
        cmocka_unit_test(early_update),
        cmocka_unit_test(no_update_before_the_answer),
        cmocka_unit_test(no_update_before_the_prack),
        cmocka_unit_test(change_put_off_until_the_ack),
        cmocka_unit_test(refresh_refused),
        cmocka_unit_test(update_glare),
        cmocka_unit_test(refreshed_by_the_caller),
        cmocka_unit_test(refreshed_by_the_called_side),
        cmocka_unit_test(roles_stay),
        cmocka_unit_test(expires_without_refresh),
        cmocka_unit_test(other_side_is_dead),
        cmocka_unit_test(interval_too_small),
        cmocka_unit_test(timer_of_the_called_side_alone),
        cmocka_unit_test(listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
