// SPDX-License-Identifier: Apache-2.0
// Extensions of the session core: reliable provisional responses (RFC 3262), UPDATE (RFC 3311),
// session timers (RFC 4028), REFER (RFC 3515, 4488), Replaces (RFC 3891), credentials (RFC 3261
// 22).
#include "agent.h"

#include <stdio.h>

#define A "10.0.0.1"
#define B "10.0.0.2"
#define CALL_B "sip:bob@" B

struct lab {
    struct world w;
    struct tap tap;
    struct agent a, b;
};

static void lab_init(struct lab *l)
{
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    agent_init(&l->a, &l->w, A);
    agent_init(&l->b, &l->w, B);
    l->b.says = "from-b";
    l->a.says = "from-a";
    tap_init(&l->tap, &l->w);
}

static void lab_end(struct lab *l)
{
    agent_done(&l->a);
    agent_done(&l->b);
    world_done(&l->w);
}

static void lab_done(struct lab *l)
{
    if (l->a.s)
        (void)session_hang_up(l->a.s);
    world_run(&l->w, 200000);
    assert_int_equal(session_layer_count(l->a.layer), 0);
    assert_int_equal(session_layer_count(l->b.layer), 0);
    nothing_open(&l->a);
    nothing_open(&l->b);
    lab_end(l);
}

static void reliable(struct lab *l)
{
    l->a.p.rel100 = l->b.p.rel100 = SESSION_REL_SUPPORTED;
    l->b.ring[0] = (struct session_reply){.status = 183, .reliable = true, .body = STR("early-b")};
    l->b.n_ring = 1;
}

static void talk(struct lab *l, const char *offer)
{
    l->b.pick_up = true;
    agent_call(&l->a, CALL_B, offer);
    world_run(&l->w, 300);
    assert_int_equal(l->a.established, 1);
    assert_int_equal(l->b.established, 1);
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
    lab_done(&l);
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
    lab_done(&l);
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
    lab_done(&l);
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
    lab_done(&l);
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
    lab_done(&l);
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
    talk(&l, "offer-a");
    assert_int_equal(l.tap.counted, 1);
    lab_done(&l);
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
    lab_done(&l);
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
    lab_done(&l);
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
    lab_done(&l);
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
    talk(&l, "offer-a");
    assert_int_equal(interval(&l.a, &ours), 100);
    assert_true(ours);
    assert_int_equal(interval(&l.b, &ours), 100);
    assert_false(ours);
    l.tap.count = "UPDATE ";
    world_run(&l.w, 1000000);
    assert_int_equal(l.a.closed, 0);
    assert_int_equal(l.tap.counted, 20); // every 50 s
    assert_contains(l.tap.last, "Session-Expires: 100;refresher=uac");
    lab_done(&l);
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
    talk(&l, "offer-a");
    (void)interval(&l.a, &ours);
    assert_false(ours);
    l.tap.count = "INVITE ";
    world_run(&l.w, 220000);
    assert_int_equal(l.a.closed, 0);
    assert_int_equal(l.tap.counted, 4);
    assert_contains(l.tap.last, "\r\n\r\nfrom-b"); // what it said before
    assert_int_equal(l.b.modified, 0);             // no business of its owner
    lab_done(&l);
}

// Who changes the session meanwhile keeps the roles (RFC 4028 7.4).
static void roles_stay(void **state)
{
    struct lab l;
    bool ours;
    lab_init(&l);
    timers(&l, 100);
    talk(&l, "offer-a");
    l.tap.count = "INVITE ";
    assert_int_equal(session_modify(l.b.s, STR("hold")), 0);
    world_run(&l.w, 300);
    assert_contains(l.tap.last, "Session-Expires: 100;refresher=uas");
    (void)interval(&l.a, &ours);
    assert_true(ours);
    (void)interval(&l.b, &ours);
    assert_false(ours);
    lab_done(&l);
}

static void expires_without_refresh(void **state)
{
    struct lab l;
    lab_init(&l);
    timers(&l, 120);
    talk(&l, "offer-a");
    l.tap.lose = "UPDATE ";
    l.tap.lose_n = 1000;
    world_run(&l.w, 300000);
    assert_int_equal(l.a.closed, 1);
    assert_int_equal(l.b.closed, 1);
    assert_non_null(l.b.end.by_remote ? l.a.end.cause : l.b.end.cause);
    lab_done(&l);
}

// RFC 4028 10: the side that waits ends a session that is not refreshed.
static void other_side_is_dead(void **state)
{
    struct lab l;
    lab_init(&l);
    timers(&l, 120);
    talk(&l, "offer-a");
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
    lab_done(&l);
}

static void interval_too_small(void **state)
{
    struct lab l;
    bool ours;
    lab_init(&l);
    timers(&l, 100);
    l.b.p.min_se_s = 300;
    l.tap.count = "INVITE ";
    talk(&l, "offer-a");
    assert_int_equal(l.b.refused, 1); // 422
    assert_int_equal(l.tap.counted, 2);
    assert_contains(l.tap.last, "Min-SE: 300");
    assert_int_equal(interval(&l.a, &ours), 300);
    lab_done(&l);
}

static void timer_of_the_called_side_alone(void **state)
{
    struct lab l;
    bool ours;
    lab_init(&l);
    l.b.p.timer = true;
    l.b.p.expires_s = 200;
    talk(&l, "offer-a");
    assert_int_equal(interval(&l.b, &ours), 200);
    assert_true(ours);
    l.tap.count = "UPDATE ";
    world_run(&l.w, 450000);
    assert_int_equal(l.b.closed, 0);
    assert_true(l.tap.counted >= 4);
    lab_done(&l);
}

// ---- REFER ----

static void refer(void **state)
{
    struct lab l;
    lab_init(&l);
    talk(&l, "offer-a");
    l.b.on_refer = 202;
    l.tap.count = "NOTIFY ";
    assert_int_equal(session_refer(l.a.s, STR("<sip:carol@example.org>"), false), 0);
    assert_int_equal(session_refer(l.a.s, STR("<sip:dave@example.org>"), false), ERR_STATE);
    world_run(&l.w, 300);
    assert_string_equal(l.b.refer_to, "sip:carol@example.org");
    assert_int_equal(l.a.refer_status, 100);
    assert_false(l.a.refer_over);
    assert_int_equal(session_refer_progress(l.b.s, 180), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.refer_status, 180);
    assert_int_equal(session_refer_progress(l.b.s, 200), 0);
    assert_int_equal(session_refer_progress(l.b.s, 200), ERR_STATE);
    world_run(&l.w, 300);
    assert_int_equal(l.a.refer_status, 200);
    assert_true(l.a.refer_over);
    assert_int_equal(l.tap.counted, 3);
    assert_contains(l.tap.last, "Subscription-State: terminated;reason=noresource");
    assert_contains(l.tap.last, "Content-Type: message/sipfrag;version=2.0");
    lab_done(&l);
}

static void refer_refused(void **state)
{
    struct lab l;
    lab_init(&l);
    talk(&l, "offer-a");
    assert_int_equal(session_refer(l.a.s, STR("<sip:carol@example.org>"), false), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.refer_status, 603);
    assert_true(l.a.refer_over);
    lab_done(&l);
}

static void refer_without_subscription(void **state)
{
    struct lab l;
    lab_init(&l);
    talk(&l, "offer-a");
    l.b.on_refer = 202;
    l.tap.count = "NOTIFY ";
    assert_int_equal(session_refer(l.a.s, STR("<sip:carol@example.org>"), true), 0);
    world_run(&l.w, 300);
    assert_int_equal(l.a.refer_status, 202);
    assert_true(l.a.refer_over);
    assert_int_equal(l.tap.counted, 0);
    lab_done(&l);
}

// ---- Replaces ----

static void replace(struct lab *l, const char *more, struct str *ret)
{
    static char text[256];
    struct arena a;
    arena_init(&a, NULL, 0);
    struct str v = session_replaces(l->a.s, &a);
    (void)snprintf(text, sizeof text, "%.*s%s", STR_ARG(v), more);
    arena_done(&a);
    *ret = str_from(text);
}

static void replaces(void **state)
{
    struct lab l;
    lab_init(&l);
    talk(&l, "offer-a");
    l.b.p.supported = STR("replaces");
    struct session *old = l.b.s;
    replace(&l, "", &l.a.p.replaces);
    l.a.p.require = STR("replaces");
    agent_call(&l.a, CALL_B, "offer-2");
    world_run(&l.w, 1000);
    assert_int_equal(l.b.incoming, 2);
    assert_ptr_not_equal(l.b.s, old);
    assert_null(l.b.all[0]); // its BYE was sent
    assert_int_equal(l.a.established, 2);
    assert_int_equal(l.a.closed, 1);
    lab_done(&l);
}

static void replaces_what_is_not_there(void **state)
{
    struct lab l;
    lab_init(&l);
    l.b.p.supported = STR("replaces");
    talk(&l, "offer-a");
    struct session *first = l.a.s;
    l.a.p.replaces = STR("nobody;to-tag=a;from-tag=b");
    agent_call(&l.a, CALL_B, "offer-2");
    world_run(&l.w, 300);
    assert_int_equal(l.a.end.status, 481);
    l.a.s = first;
    replace(&l, ";early-only", &l.a.p.replaces); // RFC 3891 3: it is answered
    agent_call(&l.a, CALL_B, "offer-3");
    world_run(&l.w, 300);
    assert_int_equal(l.a.end.status, 486);
    l.a.s = first;
    lab_done(&l);
}

// ---- credentials ----

static bool can(void *arg, const struct sip_auth *c)
{
    return str_ieq(c->algorithm, STR("MD5"));
}

static struct str credentials(void *arg, struct arena *a, const struct uac_challenge *c,
                              struct str method, struct str uri)
{
    return arena_printf(a,
                        "Digest username=\"a\", realm=\"%.*s\", nonce=\"%.*s\", uri=\"%.*s\", "
                        "response=\"%.*s\", nc=%08x",
                        STR_ARG(c->realm), STR_ARG(c->nonce), STR_ARG(uri), STR_ARG(method), c->nc);
}

static const struct uac_auth_ops auth_ops = {.can = can, .credentials = credentials};

#define CHALLENGE(realm, nonce, more)                                                              \
    "Proxy-Authenticate: Digest realm=\"" realm "\", nonce=\"" nonce "\", algorithm=MD5" more "\n"

struct proof {
    struct world w;
    struct agent a;
    struct peer *net;
    struct uac_auth *auth;
};

static void proof_init(struct proof *l)
{
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    assert_int_equal(uac_auth_new(&auth_ops, NULL, &l->auth), 0);
    agent_init(&l->a, &l->w, A);
    l->net = peer_new(&l->w, B);
    l->a.p.auth = l->auth;
}

static void proof_done(struct proof *l)
{
    world_run(&l->w, 100000);
    agent_done(&l->a);
    uac_auth_free(l->auth);
    world_done(&l->w);
}

// RFC 3261 22.3: two proxies and a server on the way, each with a realm of its own; what they know
// stays with the next requests.
static void several_realms(void **state)
{
    struct proof l;
    proof_init(&l);
    agent_call(&l.a, CALL_B, "offer-a");
    const char *m = peer_expect(l.net, "INVITE ");
    assert_int_equal(count_of(m, "Proxy-Authorization"), 0);
    peer_reply(l.net, A, m, "407 Proxy Authentication Required", "x",
               CHALLENGE("one", "n1", "") CHALLENGE("two", "n2", ""));
    peer_expect(l.net, "ACK ");
    m = peer_expect(l.net, "INVITE ");
    assert_string_equal(header_of(m, "CSeq", 0), "2 INVITE");
    assert_int_equal(count_of(m, "Proxy-Authorization"), 2);
    peer_reply(l.net, A, m, "401 Unauthorized", "y",
               "WWW-Authenticate: Digest realm=\"three\", nonce=\"n3\", algorithm=MD5\n");
    peer_expect(l.net, "ACK ");
    m = peer_expect(l.net, "INVITE ");
    assert_int_equal(count_of(m, "Proxy-Authorization"), 2);
    assert_contains(header_of(m, "Proxy-Authorization", 0), "nc=00000002");
    assert_contains(header_of(m, "Authorization", 0), "realm=\"three\"");
    peer_reply(l.net, A, m, "200 OK", "z", NULL);
    m = peer_expect(l.net, "ACK ");
    assert_int_equal(count_of(m, "Proxy-Authorization"), 1); // RFC 3261 22.1: as in the INVITE
    assert_int_equal(l.a.established, 1);
    assert_int_equal(session_hang_up(l.a.s), 0);
    m = peer_expect(l.net, "BYE ");
    assert_contains(header_of(m, "Proxy-Authorization", 0), "nc=00000003");
    peer_reply(l.net, A, m, "200 OK", NULL, NULL);
    proof_done(&l);
}

// A 407 inside the dialog, and one that says the nonce was too old.
static void challenged_inside(void **state)
{
    struct proof l;
    proof_init(&l);
    agent_call(&l.a, CALL_B, "offer-a");
    const char *m = peer_expect(l.net, "INVITE ");
    peer_reply(l.net, A, m, "200 OK", "z", NULL);
    peer_expect(l.net, "ACK ");
    assert_int_equal(session_modify(l.a.s, STR("hold")), 0);
    m = peer_expect(l.net, "INVITE ");
    peer_reply(l.net, A, m, "407 Proxy Authentication Required", NULL, CHALLENGE("one", "n1", ""));
    peer_expect(l.net, "ACK ");
    m = peer_expect(l.net, "INVITE ");
    assert_contains(header_of(m, "Proxy-Authorization", 0), "nonce=\"n1\"");
    assert_contains(m, "\r\n\r\nhold");
    peer_reply(l.net, A, m, "407 Proxy Authentication Required", NULL,
               CHALLENGE("one", "n2", ", stale=true"));
    peer_expect(l.net, "ACK ");
    m = peer_expect(l.net, "INVITE ");
    assert_contains(header_of(m, "Proxy-Authorization", 0), "nonce=\"n2\"");
    peer_reply(l.net, A, m, "200 OK", NULL, NULL);
    m = peer_expect(l.net, "ACK ");
    assert_contains(header_of(m, "Proxy-Authorization", 0), "nonce=\"n2\"");
    assert_int_equal(l.a.last_modified, 200);
    assert_int_equal(session_hang_up(l.a.s), 0);
    m = peer_expect(l.net, "BYE ");
    peer_reply(l.net, A, m, "200 OK", NULL, NULL);
    proof_done(&l);
}

static void credentials_refused(void **state)
{
    struct proof l;
    proof_init(&l);
    agent_call(&l.a, CALL_B, "offer-a");
    const char *m = peer_expect(l.net, "INVITE ");
    peer_reply(l.net, A, m, "407 Proxy Authentication Required", "x", CHALLENGE("one", "n1", ""));
    peer_expect(l.net, "ACK ");
    m = peer_expect(l.net, "INVITE ");
    peer_reply(l.net, A, m, "407 Proxy Authentication Required", "x", CHALLENGE("one", "n2", ""));
    peer_expect(l.net, "ACK ");
    world_run(&l.w, 100);
    assert_int_equal(l.a.end.status, 407);
    peer_expect_silence(l.net, 1000);
    proof_done(&l);
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
        cmocka_unit_test(update_glare),
        cmocka_unit_test(refreshed_by_the_caller),
        cmocka_unit_test(refreshed_by_the_called_side),
        cmocka_unit_test(roles_stay),
        cmocka_unit_test(expires_without_refresh),
        cmocka_unit_test(other_side_is_dead),
        cmocka_unit_test(interval_too_small),
        cmocka_unit_test(timer_of_the_called_side_alone),
        cmocka_unit_test(refer),
        cmocka_unit_test(refer_refused),
        cmocka_unit_test(refer_without_subscription),
        cmocka_unit_test(replaces),
        cmocka_unit_test(replaces_what_is_not_there),
        cmocka_unit_test(several_realms),
        cmocka_unit_test(challenged_inside),
        cmocka_unit_test(credentials_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
