// SPDX-License-Identifier: Apache-2.0
// What a phone (tools/ue) does over hours: refreshes that fail (RFC 5626 4.5), and what comes after them;
// subscriptions; a REFER that wants too much.
#include "harness.h"

#include <stdio.h>

#include "tools/ue/ue.h"

#define P "10.0.0.2"
#define UE "10.0.1.1"

struct lab {
    struct world w;
    struct peer *network;
    struct loop *loop;
    struct hub *hub;
    struct phone *phone;
    unsigned registered, failed;
};

static void on_registered(void *arg, struct phone *ph, const struct ue_registered *r)
{
    struct lab *l = arg;
    l->registered++;
}

static void on_failed(void *arg, struct phone *ph, const struct ue_failure *f)
{
    struct lab *l = arg;
    l->failed++;
}

static void lab_new(struct lab *l, const struct ue_ops *ops)
{
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    l->network = peer_new(&l->w, P);
    assert_int_equal(sim_node(l->w.sim, "ue", &l->loop), 0);
    struct hub_params hp = {.loop = l->loop};
    assert_int_equal(addr_parse(STR(UE), 5060, &hp.local), 0);
    assert_int_equal(addr_parse(STR(P), 5060, &hp.proxy), 0);
    assert_int_equal(hub_new(&hp, &l->hub), 0);
    struct phone_params pp = {.impi = STR("dave@example.org"), .impu = STR("sip:dave@example.org"),
                              .domain = STR("example.org"), .password = STR("secret"), .expires = 2000,
                              .refresh = true, .ops = ops, .arg = l};
    assert_int_equal(phone_new(l->hub, &pp, &l->phone), 0);
    assert_int_equal(phone_register(l->phone), 0);
}

static void lab_init(struct lab *l)
{
    static const struct ue_ops ops = {.registered = on_registered, .register_failed = on_failed};
    lab_new(l, &ops);
}

static void lab_done(struct lab *l)
{
    hub_free(l->hub);
    loop_free(l->loop);
    world_done(&l->w);
}

// The next REGISTER comes within this time, and not before, and is answered so.
static void expect_register(struct lab *l, uint64_t least_s, uint64_t most_s, const char *status, const char *extra)
{
    peer_expect_silence(l->network, least_s * 1000);
    const char *m = peer_next(l->network, (most_s - least_s + 1) * 1000);
    assert_non_null(m);
    assert_contains(m, "REGISTER ");
    peer_reply(l->network, UE, m, status, "net", extra);
    world_run(&l->w, 10);
}

#define GRANTED "Expires: 2000\n"

static void refused_refreshes(void **state)
{
    struct lab l;
    lab_init(&l);
    expect_register(&l, 0, 1, "200 OK", GRANTED);
    expect_register(&l, 1399, 1401, "503 Service Unavailable", ""); // TS 24.229 5.1.1.4.1: 600 s before the end
    expect_register(&l, 14, 30, "500 Server Internal Error", "");
    expect_register(&l, 29, 60, "403 Forbidden", "");
    expect_register(&l, 59, 120, "503 Service Unavailable", "Retry-After: 500\n");
    expect_register(&l, 499, 500, "200 OK", GRANTED);
    expect_register(&l, 1399, 1401, "500 Server Internal Error", ""); // and from the beginning
    expect_register(&l, 14, 30, "200 OK", GRANTED);
    assert_int_equal(l.registered, 3);
    assert_int_equal(l.failed, 5);
    lab_done(&l);
}

static void never_more_than_half_an_hour(void **state)
{
    struct lab l;
    lab_init(&l);
    expect_register(&l, 0, 1, "200 OK", GRANTED);
    expect_register(&l, 1399, 1401, "500 No", "");
    for (unsigned i = 0; i < 8; i++)
        expect_register(&l, 0, 1800, "500 No", "");
    expect_register(&l, 899, 1800, "500 No", "");
    lab_done(&l);
}

// A registration that was asked for is one attempt.
static void first_attempt(void **state)
{
    struct lab l;
    lab_init(&l);
    expect_register(&l, 0, 1, "503 Service Unavailable", "Retry-After: 5\n");
    peer_expect_silence(l.network, 4000000);
    assert_int_equal(l.failed, 1);
    lab_done(&l);
}

// ---- subscriptions ----

static char local_tag[80], call_id[120];

// The next SUBSCRIBE is challenged with this nonce, and has credentials for it then.
static void expect_subscribe(struct lab *l, uint64_t within_s, const char *nonce)
{
    char challenge[256], wanted[64];
    const char *m = peer_next(l->network, within_s * 1000);
    assert_non_null(m);
    assert_contains(m, "SUBSCRIBE ");
    (void)snprintf(local_tag, sizeof local_tag, "%s", param_of(header_of(m, "From", 0), "tag"));
    (void)snprintf(call_id, sizeof call_id, "%s", header_of(m, "Call-ID", 0));
    (void)snprintf(challenge, sizeof challenge,
                   "WWW-Authenticate: Digest realm=\"example.org\", nonce=\"%s\", stale=true, qop=\"auth\", "
                   "algorithm=MD5\n", nonce);
    peer_reply(l->network, UE, m, "401 Unauthorized", "net", challenge);
    m = peer_expect(l->network, "SUBSCRIBE ");
    (void)snprintf(wanted, sizeof wanted, "nonce=\"%s\"", nonce);
    assert_contains(m, wanted);
    peer_reply(l->network, UE, m, "200 OK", "net", "Expires: 120\nContact: <sip:net@" P ">\n");
}

static void notify(struct lab *l, int cseq)
{
    peer_send(l->network, UE,
              "NOTIFY sip:dave@" UE " SIP/2.0\nVia: SIP/2.0/UDP " P ";branch=z9hG4bKn%d\nMax-Forwards: 70\n"
              "From: <sip:dave@example.org>;tag=net\nTo: <sip:dave@example.org>;tag=%s\nCall-ID: %s\n"
              "CSeq: %d NOTIFY\nContact: <sip:net@" P ">\nEvent: reg\n"
              "Subscription-State: active;expires=120\nContent-Length: 0\n\n",
              cseq, local_tag, call_id, cseq);
    peer_expect(l->network, "SIP/2.0 200");
}

// RFC 3261 22.3, RFC 7616 3.3: each refresh may be challenged, as often as the nonce is stale.
static void subscription_with_many_nonces(void **state)
{
    struct lab l;
    char nonce[24];
    lab_init(&l);
    expect_register(&l, 0, 1, "200 OK", GRANTED);
    struct ue_send_params p = {.method = SIP_SUBSCRIBE, .target = STR("sip:dave@example.org"),
                               .event = STR("reg"), .expires = 120};
    assert_int_equal(phone_send(l.phone, &p), 0);
    for (int i = 1; i <= 5; i++) {
        (void)snprintf(nonce, sizeof nonce, "nonce-%d", i);
        expect_subscribe(&l, 120, nonce);
        notify(&l, i);
    }
    lab_done(&l);
}

// ---- REFER ----

static unsigned calls_made;

static void on_asked(void *arg, struct phone *ph, ue_call call, struct str target, ue_call new_call)
{
    calls_made++;
}

static void answer_it(void *arg, struct phone *ph, ue_call call, struct str from)
{
    struct lab *l = arg;
    assert_int_equal(ue_call_answer(l->hub, call, 0, 0), 0);
}

static void inside(struct lab *l, const char *method, int cseq, const char *more)
{
    peer_send(l->network, UE,
              "%s sip:dave@" UE " SIP/2.0\nVia: SIP/2.0/UDP " P ";branch=z9hG4bK%s%d\nMax-Forwards: 70\n"
              "From: <sip:eve@example.org>;tag=net\nTo: <sip:dave@example.org>;tag=%s\nCall-ID: evil\n"
              "CSeq: %d %s\nContact: <sip:eve@" P ">\n%sContent-Length: 0\n\n",
              method, method, cseq, local_tag, cseq, method, more);
}

// RFC 3261 19.1.1, RFC 3891 6.1: what a Refer-To escapes is a value, and never a line of its own.
static void refer_with_a_line_inside(void **state)
{
    static const struct ue_ops ops = {.registered = on_registered, .incoming = answer_it,
                                      .asked_to_call = on_asked};
    struct lab l;
    calls_made = 0;
    lab_new(&l, &ops);
    struct ue_extensions ext = {.refer = true};
    phone_set_extensions(l.phone, &ext);
    expect_register(&l, 0, 1, "200 OK", GRANTED);
    peer_send(l.network, UE,
              "INVITE sip:dave@" UE " SIP/2.0\nVia: SIP/2.0/UDP " P ";branch=z9hG4bKi\nMax-Forwards: 70\n"
              "From: <sip:eve@example.org>;tag=net\nTo: <sip:dave@example.org>\nCall-ID: evil\nCSeq: 1 INVITE\n"
              "Contact: <sip:eve@" P ">\nContent-Length: 0\n\n");
    peer_expect(l.network, "SIP/2.0 180");
    const char *m = peer_expect(l.network, "SIP/2.0 200");
    (void)snprintf(local_tag, sizeof local_tag, "%s", param_of(header_of(m, "To", 0), "tag"));
    peer_send(l.network, UE,
              "ACK sip:dave@" UE " SIP/2.0\nVia: SIP/2.0/UDP " P ";branch=z9hG4bKa\nMax-Forwards: 70\n"
              "From: <sip:eve@example.org>;tag=net\nTo: <sip:dave@example.org>;tag=%s\nCall-ID: evil\nCSeq: 1 ACK\n"
              "Content-Type: application/sdp\nContent-Length: 85\n\n"
              "v=0\no=- 1 1 IN IP4 10.0.0.2\ns=-\nc=IN IP4 10.0.0.2\nt=0 0\nm=audio 4000 RTP/AVP 0\n",
              local_tag);
    world_run(&l.w, 100);
    inside(&l, "REFER", 2, "Refer-To: <sip:mallory@example.org?Replaces=a%3Bto-tag%zz>\n");
    peer_expect(l.network, "SIP/2.0 400");
    inside(&l, "REFER", 3,
           "Refer-To: <sip:mallory@example.org?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2%0d%0aX-Evil:%20yes>\n");
    while ((m = peer_next(l.network, 2000)) && strncmp(m, "INVITE ", 7) != 0)
        continue;
    assert_non_null(m);
    assert_contains(m, "Replaces: a;to-tag=1;from-tag=2X-Evil: yes");
    assert_int_equal(calls_made, 1);
    lab_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_refreshes),
        cmocka_unit_test(never_more_than_half_an_hour),
        cmocka_unit_test(first_attempt),
        cmocka_unit_test(subscription_with_many_nonces),
        cmocka_unit_test(refer_with_a_line_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
