// SPDX-License-Identifier: Apache-2.0
// What somebody who is not registered gets, and what he costs: one answer for each request and no
// more bytes than he sent, no transaction, no flow, a measured rate, a bounded number of connections.
#include <stdio.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "stack/stack.h"
#include "stage.h"
#include "tests/common/figure.h"

#define EVE "203.0.113.66:5060"
#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define LONG HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED // as an SDP would make it

static struct ue eve;
static unsigned lines;

static void count_line(void *arg, enum log_level level, struct str line)
{
    (void)arg, (void)level;
    if (str_find(line, STR("request refused")) >= 0 || str_find(line, STR("messages dropped")) >= 0)
        lines++;
}

static int set_up(void **state)
{
    log_admit_reset();
    lines = 0;
    return stage_set_up(state);
}

static int tear_down(void **state)
{
    log_set_sink(NULL, NULL);
    return stage_tear_down(state);
}

static void start_with_eve(void)
{
    stage_start();
    eve = ue_udp(EVE, ACCESS);
}

static void run(uint64_t ms)
{
    scene_run(st.sc, sim_now_ms(scene_sim(st.sc)) + ms);
}

static uint64_t stat(const char *name, const char *labels)
{
    return figure_of(pcscf_stack(st.pcscf), name, labels);
}

// A request with its length on the wire.
static const char *request(const char *method, const char *branch, const char *more, size_t *ret_n)
{
    const char *t = text("%s " BOB " SIP/2.0\nVia: SIP/2.0/UDP " EVE ";branch=z9hG4bK%s;rport\n"
                         "Max-Forwards: 70\nFrom: <" ALICE ">;tag=f\nTo: <" BOB ">\n"
                         "Call-ID: c-%s\nCSeq: 1 %s\n%sContent-Length: 0\n\n",
                         method, branch, branch, method, more);
    size_t n = 0;
    for (const char *p = t; *p; p++)
        n += *p == '\n' ? 2 : 1;
    if (ret_n)
        *ret_n = n;
    return t;
}

static struct heard *answer_of(struct peer *p)
{
    run(10);
    return peer_next(p);
}

// ---- TS 24.229 5.2.6.3.2A, RFC 3261 8.2.7 ----

static void unregistered_costs_nothing(void **state)
{
    size_t n;
    (void)state;
    start_with_eve();
    for (unsigned i = 0; i < 2000; i++) {
        peer_send(eve.peer, ACCESS, request(i % 2 ? "INVITE" : "MESSAGE", text("%u", i), "", &n));
        struct heard *h = answer_of(eve.peer);
        assert_non_null(h);
        assert_true(str_starts(h->bytes, STR("SIP/2.0 403")));
        assert_true(h->bytes.n <= n);
        peer_quiet(eve.peer);
    }
    assert_int_equal(stat("sip_transactions_held", NULL), 0);
    assert_int_equal(stat("sip_requests_held", NULL), 0);
    assert_int_equal(stat("sip_flows", "udp"), 0);
    assert_int_equal(stat("sip_strangers_refused", NULL), 2000);
    run(100000);
    peer_quiet(eve.peer); // nothing is sent twice
    peer_quiet(st.core);
    (void)registered(&st.alice);
}

static void one_answer_for_each_time_it_arrives(void **state)
{
    (void)state;
    start_with_eve();
    const char *invite = request("INVITE", "1", "", NULL);
    peer_send(eve.peer, ACCESS, invite);
    const char *to = header(answer_of(eve.peer), "To");
    peer_send(eve.peer, ACCESS, invite);
    assert_string_equal(header(answer_of(eve.peer), "To"), to);
    peer_quiet(eve.peer);
    peer_send(eve.peer, ACCESS, request("ACK", "1", "", NULL));
    peer_send(eve.peer, ACCESS, request("ACK", "2", "", NULL));
    assert_null(answer_of(eve.peer));
    peer_send(eve.peer, ACCESS, request("CANCEL", "1", "", NULL));
    assert_true(str_starts(answer_of(eve.peer)->bytes, STR("SIP/2.0 481")));
    assert_int_equal(stat("sip_transactions_held", NULL), 0);
}

static void every_proxys_refusals_come_first(void **state)
{
    (void)state;
    start_with_eve();
    peer_send(eve.peer, ACCESS,
              request("INVITE", "1", "Proxy-Require: magic\nUser-Agent: a phone that says who it is\n", NULL));
    struct heard *h = answer_of(eve.peer);
    assert_true(str_starts(h->bytes, STR("SIP/2.0 420")));
    assert_string_equal(header(h, "Unsupported"), "magic");
    peer_printf(eve.peer, ACCESS,
                "INVITE urgent:help SIP/2.0\nVia: SIP/2.0/UDP " EVE ";branch=z9hG4bKs\n"
                "Max-Forwards: 70\nFrom: <" ALICE ">;tag=f\nTo: <urgent:help>\nCall-ID: s\n"
                "CSeq: 1 INVITE\nContent-Length: 0\n\n");
    assert_true(str_starts(answer_of(eve.peer)->bytes, STR("SIP/2.0 416")));
    assert_int_equal(stat("sip_transactions_held", NULL), 0);
}

// The shortest requests there are: what comes back is shorter still, or does not come.
static void nothing_is_amplified(void **state)
{
    static const char *const vias[] = {"h", "203.0.113.66", "h;rport", "[2001:db8::1];rport;x=y",
                                       "h;maddr=198.51.100.1"};
    (void)state;
    start_with_eve();
    struct peer *victim = peer_udp(st.sc, "198.51.100.1:5061");
    for (unsigned i = 0; i < ARRAY_LEN(vias); i++) {
        const char *t = text("MESSAGE sip:b SIP/2.0\nv:SIP/2.0/UDP %s;branch=z9hG4bK%u\n"
                             "f:<sip:a>;tag=1\nt:<sip:b>\ni:%u\nCSeq:1 MESSAGE\n\n",
                             vias[i], i, i);
        size_t n = 0;
        for (const char *p = t; *p; p++)
            n += *p == '\n' ? 2 : 1;
        peer_send(eve.peer, ACCESS, t);
        struct heard *h = answer_of(eve.peer);
        assert_true(!h || h->bytes.n <= n);
        peer_send(eve.peer, ACCESS, text("%.*s\nbroken\n\n", (int)(strlen(t) - 1), t));
        h = answer_of(eve.peer);
        assert_true(!h || h->bytes.n <= n + 10);
    }
    peer_quiet(victim);
    peer_quiet(st.alice.peer); // maddr is no way to somebody else
    assert_true(stat("sip_strangers_unanswered", NULL) > 0);
}

static void untrusted_on_the_core_side(void **state)
{
    (void)state;
    stage_start();
    struct ue other = ue_udp("192.0.2.99:5060", PCSCF_CORE_AT);
    ue_send(&other, &(struct request){.to = BOB, .headers = "Subject: long enough for a Warning, "
                                                            "which says what is wrong in words\n"});
    assert_has(expect(other.peer, "SIP/2.0 403"), "outside the trust domain");
    for (unsigned i = 0; i < 99; i++) {
        ue_send(&other, &(struct request){.to = BOB});
        struct heard *h = expect(other.peer, "SIP/2.0 403");
        assert_lacks(h, "Warning"); // it would be more than the request
    }
    assert_int_equal(stat("sip_transactions_held", NULL), 0);
    assert_int_equal(pcscf_counters(st.pcscf)->refused_untrusted, 100);
}

// Who loses his registration can still end his call: the token is what was given to him for it.
static void dialog_outlives_the_registration(void **state)
{
    (void)state;
    start_with_eve();
    (void)registered(&st.alice);
    ue_send(&st.alice, &(struct request){.to = BOB, .call_id = "dialog"});
    struct heard *h = expect(st.core, "INVITE ");
    peer_answer(st.core, h, 200, "Contact: <sip:bob@192.0.2.20>\n");
    const char *route = uri_in(expect(st.alice.peer, "SIP/2.0 200"), "Record-Route");
    run(700000);
    assert_int_equal(n_registered(), 0);
    const char *headers = text("Route: <%s>\n", route);
    struct request bye = {.method = "BYE", .uri = "sip:bob@192.0.2.20;transport=udp", .to = BOB, .to_tag = "peer",
                          .call_id = "dialog", .headers = headers};
    ue_send(&st.alice, &bye);
    (void)expect(st.core, "BYE ");
    ue_send(&eve, &bye);
    (void)expect(eve.peer, "SIP/2.0 403");
    bye.call_id = "another";
    ue_send(&st.alice, &bye);
    (void)expect(st.alice.peer, "SIP/2.0 403");
}

// ---- rates ----

static void source_has_a_rate(void **state)
{
    unsigned answers = 0;
    (void)state;
    st.cfg.limits.source_rate = 1;
    st.cfg.limits.source_burst = 5;
    start_with_eve();
    for (unsigned i = 0; i < 50; i++)
        peer_send(eve.peer, ACCESS, request("INVITE", text("%u", i), "", NULL));
    struct ue other_port = ue_udp("203.0.113.66:6000", ACCESS);
    ue_send(&other_port, &(struct request){.to = BOB});
    run(10);
    while (peer_next(eve.peer))
        answers++;
    assert_int_equal(answers, 5);
    peer_quiet(other_port.peer);
    assert_int_equal(stat("sip_limit_reached", "source_rate"), 46);
    (void)registered(&st.alice); // another source
    for (unsigned i = 0; i < 20; i++) {
        ue_send(&st.alice, &(struct request){.method = "MESSAGE", .to = BOB});
        peer_answer(st.core, expect(st.core, "MESSAGE "), 486, NULL);
        (void)expect(st.alice.peer, "SIP/2.0 486");
    }
    run(1000);
    peer_send(eve.peer, ACCESS, request("INVITE", "again", "", NULL));
    assert_non_null(answer_of(eve.peer));
}

enum { NEIGHBOURS = 20 };

// How many of twenty addresses of one /64 are answered when a source may send five messages.
static unsigned answered_of_a_network(uint32_t prefix)
{
    static char at[NEIGHBOURS][40];
    struct ue ues[NEIGHBOURS];
    unsigned answers = 0;
    st.cfg.limits.source_rate = 1;
    st.cfg.limits.source_burst = 5;
    st.cfg.limits.source_prefix = prefix;
    stage_start();
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        snprintf(at[i], sizeof at[i], "[2001:db8:1:2::%x:1]:5060", i + 1);
        ues[i] = ue_udp(at[i], ACCESS6);
        ue_send(&ues[i], &(struct request){.to = BOB});
    }
    run(10);
    for (unsigned i = 0; i < NEIGHBOURS; i++)
        answers += peer_next(ues[i].peer) != NULL;
    struct ue other = ue_udp("[2001:db8:1:3::1]:5060", ACCESS6);
    ue_send(&other, &(struct request){.to = BOB});
    (void)expect(other.peer, "SIP/2.0 403");
    return answers;
}

static void a_network_of_ipv6_is_one_source(void **state)
{
    (void)state;
    assert_int_equal(answered_of_a_network(64), 5);
}

static void unless_the_operator_counts_otherwise(void **state)
{
    (void)state;
    assert_int_equal(answered_of_a_network(128), NEIGHBOURS);
}

static void rubbish_is_measured_too(void **state)
{
    (void)state;
    st.cfg.limits.source_rate = 1;
    st.cfg.limits.source_burst = 5;
    start_with_eve();
    for (unsigned i = 0; i < 5; i++)
        peer_send(eve.peer, ACCESS,
                  i % 2 ? "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKx\n"
                          "From: <sip:a>;tag=1\nTo: <sip:b>;tag=2\nCall-ID: 1\nCSeq: 1 INVITE\n\n"
                        : "rubbish\n\n");
    peer_send(eve.peer, ACCESS, request("INVITE", "1", "", NULL));
    assert_null(answer_of(eve.peer));
    assert_int_equal(stat("sip_malformed_in", NULL), 3);
    assert_int_equal(stat("sip_flows", "udp"), 0);
}

static void registered_user_has_a_rate_of_his_own(void **state)
{
    (void)state;
    st.cfg.user_rate = 1;
    st.cfg.user_burst = 3;
    st.cfg.limits.source_rate = 1;
    st.cfg.limits.source_burst = 2;
    stage_start();
    (void)registered(&st.alice);
    for (unsigned i = 0; i < 3; i++) {
        ue_send(&st.alice, &(struct request){.method = "MESSAGE", .to = BOB});
        peer_answer(st.core, expect(st.core, "MESSAGE "), 200, NULL);
        (void)expect(st.alice.peer, "SIP/2.0 200");
    }
    uint64_t held = stat("sip_transactions_held", NULL);
    ue_send(&st.alice, &(struct request){.method = "MESSAGE", .to = BOB});
    struct heard *h = expect(st.alice.peer, "SIP/2.0 503");
    assert_string_equal(header(h, "Retry-After"), "5");
    assert_int_equal(stat("sip_transactions_held", NULL), held);
    run(1000);
    ue_send(&st.alice, &(struct request){.method = "MESSAGE", .to = BOB});
    (void)expect(st.core, "MESSAGE ");
}

static void one_name_from_one_source(void **state)
{
    unsigned arrived = 0;
    (void)state;
    st.cfg.register_rate = 1;
    st.cfg.register_burst = 4;
    start_with_eve();
    for (unsigned i = 0; i < 30; i++) { // however it is written
        static const char *const same[] = {ALICE, "sip:alice@IMS.EXAMPLE", "sip:%61lice@" HOME, ALICE ";x=1"};
        ue_send(&eve, &(struct request){.from = same[i % 4], .call_id = text("eve-%u", i)});
    }
    run(10);
    for (struct heard *h; (h = peer_next(st.core));)
        arrived += str_starts(h->bytes, STR("REGISTER "));
    assert_int_equal(arrived, 4);
    assert_int_equal(pcscf_counters(st.pcscf)->refused_repeated, 26);
    (void)registered(&st.alice); // the same name from elsewhere
    ue_send(&eve, &(struct request){.from = BOB});
    assert_has(expect(st.core, "REGISTER "), BOB); // another name from there
}

static void exempt_source_is_screened_but_not_measured(void **state)
{
    static struct str exempt[] = {STR_INIT("203.0.113.0/24")};
    (void)state;
    st.cfg.limits.source_rate = 1;
    st.cfg.limits.source_burst = 1;
    st.cfg.limits.exempt = (struct conf_strs){exempt, 1};
    start_with_eve();
    for (unsigned i = 0; i < 50; i++) {
        peer_send(eve.peer, ACCESS, request("INVITE", text("%u", i), "", NULL));
        assert_true(str_starts(answer_of(eve.peer)->bytes, STR("SIP/2.0 403")));
    }
    (void)registered_as(&eve, &(struct request){.from = ALICE}, NULL);
    ue_send(&eve, &(struct request){.to = BOB});
    (void)expect(st.core, "INVITE ");
}

// ---- flows ----

static void flows_of_strangers_are_few_and_pass(void **state)
{
    (void)state;
    st.cfg.limits.flows = 4;
    stage_start();
    (void)registered(&st.alice);
    peer_auto(st.core, 401);
    for (unsigned i = 0; i < 20; i++) {
        struct ue u = ue_udp(text("203.0.113.66:%u", 6000 + i), ACCESS);
        ue_send(&u, &(struct request){.from = BOB});
        run(200000); // the transactions have gone
        assert_true(stat("sip_flows", "proto=\"udp\",of=\"strangers\"") <= 4);
    }
    run(120000);
    assert_int_equal(stat("sip_flows", "proto=\"udp\",of=\"strangers\""), 0);
}

static void crowded_flows_do_not_push_out_registered_ones(void **state)
{
    (void)state;
    st.cfg.limits.flows = 4;
    stage_start();
    (void)registered(&st.alice);
    uint64_t known = stat("sip_flows", "proto=\"udp\",of=\"known\"");
    for (unsigned i = 0; i < 20; i++) {
        struct ue u = ue_udp(text("203.0.113.66:%u", 6000 + i), ACCESS);
        ue_send(&u, &(struct request){.from = BOB});
        run(5);
    }
    assert_int_equal(stat("sip_flows", "proto=\"udp\",of=\"known\""), known);
    assert_true(stat("sip_flows", "proto=\"udp\",of=\"strangers\"") <= 4);
    assert_true(stat("sip_limit_reached", "flows") > 0);
}

// ---- connections ----

static struct ue connect_from(const char *at)
{
    struct ue u = ue_tcp(at);
    run(5);
    return u;
}

static void connections_of_one_source(void **state)
{
    (void)state;
    st.cfg.limits.connections_per_source = 3;
    stage_start();
    struct ue first = connect_from("203.0.113.66:6001");
    (void)registered_as(&first, &(struct request){.from = ALICE}, NULL); // does not count any more
    struct ue a = connect_from("203.0.113.66:6002"), b = connect_from("203.0.113.66:6003"),
              c = connect_from("203.0.113.66:6004"), d = connect_from("203.0.113.66:6005");
    run(5);
    assert_true(peer_connected(first.peer));
    assert_false(peer_connected(a.peer));
    assert_true(peer_connected(b.peer) && peer_connected(c.peer) && peer_connected(d.peer));
    struct ue other = connect_from("203.0.113.67:6001");
    assert_true(peer_connected(other.peer) && peer_connected(b.peer));
    assert_int_equal(stat("sip_stranger_connections", NULL), 4);
    assert_int_equal(stat("sip_stranger_sources", NULL), 2);
    assert_int_equal(stat("sip_connections_evicted", NULL), 1);
}

static void greediest_source_makes_room(void **state)
{
    (void)state;
    st.cfg.limits.connections = 4;
    stage_start();
    struct ue quiet = connect_from("203.0.113.1:6000");
    struct ue a = connect_from("203.0.113.66:6001"), b = connect_from("203.0.113.66:6002"),
              c = connect_from("203.0.113.66:6003");
    struct ue late = connect_from("203.0.113.2:6000");
    run(5);
    assert_true(peer_connected(quiet.peer) && peer_connected(late.peer));
    assert_false(peer_connected(a.peer));
    assert_true(peer_connected(b.peer) && peer_connected(c.peer));
}

static void descriptors_are_kept_for_neighbours(void **state)
{
    (void)state;
    st.cfg.limits.reserve = 10;
    stage_start();
    struct ue a = connect_from("203.0.113.66:6001");
    sim_set_headroom(st.loop, 9);
    struct ue b = connect_from("203.0.113.67:6001"); // in place of the only idle one
    run(5);
    assert_false(peer_connected(a.peer));
    assert_true(peer_connected(b.peer));
    sim_set_headroom(st.loop, 5);
    struct peer *core = peer_tcp_to(st.sc, "192.0.2.20:7000", PCSCF_CORE_AT);
    run(5);
    assert_true(peer_connected(core) && peer_connected(b.peer));
    sim_set_headroom(st.loop, 4);
    core = peer_tcp_to(st.sc, "192.0.2.20:7001", PCSCF_CORE_AT);
    run(5);
    assert_true(peer_connected(core)); // a stranger's goes for it
    assert_false(peer_connected(b.peer));
    struct ue c = connect_from("203.0.113.67:6002");
    run(5);
    assert_false(peer_connected(c.peer));
    assert_int_equal(stat("sip_limit_reached", "reserve"), 1);
}

static void idle_connections_are_closed(void **state)
{
    (void)state;
    st.cfg.limits.first_message_ms = 10000;
    st.cfg.limits.idle_ms = 60000;
    stage_start();
    struct ue silent = connect_from("203.0.113.66:6001"), pings = connect_from("203.0.113.66:6002"),
              asks = connect_from("203.0.113.66:6003"), user = connect_from("203.0.113.66:6004");
    ue_send(&asks, &(struct request){.to = BOB});
    (void)registered_as(&user, &(struct request){.from = ALICE}, NULL);
    for (unsigned i = 0; i < 3; i++) {
        run(2000);
        peer_send(pings.peer, NULL, "\n\n");
        peer_send(asks.peer, NULL, "\n\n");
    }
    run(6000);
    assert_false(peer_connected(silent.peer));
    assert_false(peer_connected(pings.peer));
    assert_true(peer_connected(asks.peer));
    for (unsigned i = 0; i < 4; i++) {
        run(10000);
        peer_send(asks.peer, NULL, "\n\n");
    }
    run(15000);
    assert_false(peer_connected(asks.peer));
    assert_true(peer_connected(user.peer));
    run(700000); // his registration has expired
    assert_int_equal(n_registered(), 0);
    assert_false(peer_connected(user.peer));
    assert_int_equal(stat("sip_idle_connections_closed", NULL), 4);
}

// ---- logs ----

static void strangers_lines_are_measured(void **state)
{
    (void)state;
    start_with_eve();
    log_set_sink(count_line, NULL);
    for (unsigned i = 0; i < 200; i++)
        peer_send(eve.peer, ACCESS, request("INVITE", text("%u", i), "", NULL));
    run(10);
    assert_int_equal(lines, LOG_SOURCE_LINES);
    struct ue other = ue_udp("203.0.113.67:5060", ACCESS);
    ue_send(&other, &(struct request){.to = BOB});
    run(10);
    assert_int_equal(lines, LOG_SOURCE_LINES + 1);
    assert_true(log_suppressed() >= 200 - LOG_SOURCE_LINES);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

// Who was called has seen the branch in Via: a response counts from where the request went (RFC 3261 17.1.3).
static void response_of_somebody_else(void **state)
{
    (void)state;
    start_with_eve();
    (void)registered(&st.alice);
    ue_send(&st.alice, &(struct request){.to = BOB});
    struct heard *h = expect(st.core, "INVITE ");
    peer_answer(eve.peer, h, 200, "P-Asserted-Identity: <sip:bank@" HOME ">\n"); // to the core side
    expect_nothing(st.alice.peer);
    h->from = place(ACCESS); // and to the access side
    peer_answer(eve.peer, h, 200, "P-Asserted-Identity: <sip:bank@" HOME ">\n");
    expect_nothing(st.alice.peer);
    h->from = place(PCSCF_CORE_AT);
    peer_answer(st.core, h, 486, NULL);
    (void)expect(st.alice.peer, "SIP/2.0 486");
}

// Neither a stranger's maddr nor an emergency makes the P-CSCF speak to somebody else.
static void nobody_else_is_answered(void **state)
{
    static const char *const lines_of[] = {"INVITE urn:service:sos", "REGISTER sip:" HOME};
    (void)state;
    start_with_eve();
    struct peer *victim = peer_udp(st.sc, "203.0.113.99:5060");
    for (size_t i = 0; i < 2; i++) {
        char method[16];
        (void)snprintf(method, sizeof method, "%.*s", (int)strcspn(lines_of[i], " "), lines_of[i]);
        peer_printf(eve.peer, ACCESS,
                    "%s SIP/2.0\nVia: SIP/2.0/UDP " EVE ";maddr=203.0.113.99;branch=z9hG4bKm%zu\n"
                    "Max-Forwards: 70\nFrom: <sip:eve@x>;tag=e\nTo: <sip:eve@x>\nCall-ID: m%zu\n"
                    "CSeq: 1 %s\nContact: <sip:eve@" EVE ">\nContent-Length: 0\n\n",
                    lines_of[i], i, i, method);
        run(500);
    }
    struct heard *h = expect(st.core, "REGISTER ");
    peer_answer(st.core, h, 403, NULL);
    run(200000);
    peer_quiet(victim);
}

// Once for each time it arrives, and nothing is kept (TS 24.229 5.2.10).
static void emergency_of_a_stranger(void **state)
{
    (void)state;
    start_with_eve();
    ue_send(&eve, &(struct request){.to = "urn:service:sos", .headers = "X-Long: " LONG});
    struct heard *h = expect(eve.peer, "SIP/2.0 380");
    assert_has(h, "<type>emergency</type>");
    expect_nothing(eve.peer);
    run(60000);
    peer_quiet(eve.peer);
    expect_nothing(st.core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(response_of_somebody_else),
        T(nobody_else_is_answered),
        T(emergency_of_a_stranger),
        T(unregistered_costs_nothing),
        T(one_answer_for_each_time_it_arrives),
        T(every_proxys_refusals_come_first),
        T(nothing_is_amplified),
        T(untrusted_on_the_core_side),
        T(dialog_outlives_the_registration),
        T(source_has_a_rate),
        T(a_network_of_ipv6_is_one_source),
        T(unless_the_operator_counts_otherwise),
        T(rubbish_is_measured_too),
        T(registered_user_has_a_rate_of_his_own),
        T(one_name_from_one_source),
        T(exempt_source_is_screened_but_not_measured),
        T(flows_of_strangers_are_few_and_pass),
        T(crowded_flows_do_not_push_out_registered_ones),
        T(connections_of_one_source),
        T(greediest_source_makes_room),
        T(descriptors_are_kept_for_neighbours),
        T(idle_connections_are_closed),
        T(strangers_lines_are_measured),
    };
    return cmocka_run_group_tests_name("scenario_pcscf_strangers", tests, NULL, NULL);
}
