// SPDX-License-Identifier: Apache-2.0
// A UE is not a flow (TS 33.203 N.2.1, Q.1): which requests are a registered UE's, over whatever
// transport, connection or port they come, which are not, and how a UE is reached.
#include "pcscf/association.h"
#include "stack/stack.h"
#include "stage.h"
#include "tests/common/figure.h"

static uint64_t now(void)
{
    return sim_now_ms(scene_sim(st.sc));
}

static void run(uint64_t ms)
{
    scene_run(st.sc, now() + ms);
}

static struct ue tcp_from(const char *at, const char *to)
{
    return (struct ue){.peer = peer_tcp_to(st.sc, at, to), .at = at, .proto = "TCP"};
}

#define CAROL "sip:carol@" HOME
#define OK_OF(user, contact)                                                                       \
    "Contact: " contact ";expires=600\nService-Route: " SERVICE_ROUTE "\nP-Associated-URI: <" user \
    ">\n"

static const char *registers(const struct ue *ue, const char *user, const char *contact)
{
    const char *ok =
        text("Contact: %s;expires=600\nService-Route: " SERVICE_ROUTE "\nP-Associated-URI: <%s>\n",
             contact, user);
    return registered_as(ue, &(struct request){.from = user, .contact = contact}, ok);
}

// What reaches the core of a MESSAGE in a user's name.
static struct heard *serves(const struct ue *ue, const char *user)
{
    ue_send(ue, &(struct request){.method = "MESSAGE", .from = user, .to = BOB});
    struct heard *h = expect(st.core, "MESSAGE ");
    peer_answer(st.core, h, 200, NULL);
    (void)expect(ue->peer, "SIP/2.0 200");
    return h;
}

static void refuses(const struct ue *ue, const char *user)
{
    ue_send(ue, &(struct request){.method = "MESSAGE", .from = user, .to = BOB});
    (void)expect(ue->peer, "SIP/2.0 403");
    expect_nothing(st.core);
}

// ---- one UE at its address ----

// RFC 3261 18.1.1: what is long goes by TCP, from a port of its own; and a phone may have several
// of both.
static void any_port_and_transport_is_the_ues(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    struct ue others[] = {ue_udp("198.51.100.1:40001", ACCESS),
                          tcp_from("198.51.100.1:40002", ACCESS),
                          tcp_from("198.51.100.1:40003", ACCESS)};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_string_equal(header(serves(&others[i], ALICE), "P-Asserted-Identity"),
                            "<" ALICE ">");
    assert_int_equal(pcscf_counters(st.pcscf)->association_flows, 3);
    // And who is not at that address is not.
    struct ue eve = ue_udp("198.51.100.66:5060", ACCESS);
    refuses(&eve, ALICE);
    assert_int_equal(pcscf_counters(st.pcscf)->associations, 1);
}

static void reconnects(void **state)
{
    (void)state;
    stage_start();
    struct ue first = tcp_from("198.51.100.3:40000", ACCESS);
    (void)registered_as(&first,
                        &(struct request){.contact = "<sip:ue@198.51.100.3:5060;transport=tcp>"},
                        OK_OF(ALICE, "<sip:ue@198.51.100.3:5060;transport=tcp>"));
    peer_close(first.peer, false);
    run(10);
    struct ue again = tcp_from("198.51.100.3:40001", ACCESS);
    (void)serves(&again, ALICE);
}

// Who names an identity that the UE of this address does not have is somebody else there, and has
// not registered.
static void another_user_at_the_address_is_a_stranger(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    struct ue other = ue_udp("198.51.100.1:40001", ACCESS);
    refuses(&other, CAROL);
    ue_send(&other, &(struct request){.method = "MESSAGE",
                                      .to = BOB,
                                      .headers = "P-Preferred-Identity: <" CAROL ">\n"});
    assert_string_equal(header(expect(st.core, "MESSAGE "), "P-Asserted-Identity"),
                        "<" ALICE ">"); // From is hers
    // Who hides is not somebody else.
    ue_send(&other, &(struct request){
                        .method = "MESSAGE", .from = "sip:anonymous@anonymous.invalid", .to = BOB});
    assert_string_equal(header(expect(st.core, "MESSAGE "), "P-Asserted-Identity"), "<" ALICE ">");
}

// Phones send an ACK by UDP in a dialog that was made by TCP, and a BYE on another connection.
static void dialog_is_not_tied_to_a_connection(void **state)
{
    (void)state;
    stage_start();
    struct ue tcp = tcp_from("198.51.100.1:40000", ACCESS),
              tcp2 = tcp_from("198.51.100.1:40001", ACCESS);
    (void)registered(&st.alice);
    ue_send(&tcp, &(struct request){.to = BOB, .call_id = "dialog"});
    struct heard *h = expect(st.core, "INVITE ");
    peer_answer(st.core, h, 200, "Contact: <sip:b@192.0.2.20>\n");
    const char *route =
        text("Route: <%s>\n", uri_in(expect(tcp.peer, "SIP/2.0 200"), "Record-Route"));
    struct request in = {.to = BOB,
                         .to_tag = "peer",
                         .call_id = "dialog",
                         .headers = route,
                         .uri = "sip:b@192.0.2.20;transport=udp"};
    in.method = "ACK";
    ue_send(&st.alice, &in);
    (void)expect(st.core, "ACK ");
    in.method = "UPDATE";
    ue_send(&tcp2, &in);
    peer_answer(st.core, expect(st.core, "UPDATE "), 200, NULL);
    (void)expect(tcp2.peer, "SIP/2.0 200");
    in.method = "BYE";
    struct ue eve = ue_udp("198.51.100.66:5060", ACCESS);
    ue_send(&eve, &in);
    (void)expect(eve.peer, "SIP/2.0 403");
    ue_send(&st.alice, &in);
    (void)expect(st.core, "BYE ");
}

// The BYE of a called phone never comes on the connection on which it was called.
static void called_ue_ends_the_call_elsewhere(void **state)
{
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    core_send(&(struct request){.from = BOB,
                                .to = "sip:ue@198.51.100.1:5060",
                                .call_id = "called",
                                .headers = text("Route: <%s>\n", path)});
    struct heard *h = expect(st.alice.peer, "INVITE ");
    const char *access = uri_in(h, "Record-Route");
    peer_answer(st.alice.peer, h, 200,
                text("Record-Route: <%s>\nContact: <sip:ue@198.51.100.1:5060>\n", access));
    (void)expect(st.core, "SIP/2.0 200");
    struct ue tcp = tcp_from("198.51.100.1:40000", ACCESS);
    ue_send(&tcp, &(struct request){.method = "BYE",
                                    .to = BOB,
                                    .to_tag = "f",
                                    .call_id = "called",
                                    .uri = "sip:b@192.0.2.20;transport=udp",
                                    .headers = text("Route: <%s>\n", access)});
    (void)expect(st.core, "BYE ");
}

// A phone that moves in a call goes on with it, once it is registered at its new address.
static void dialog_moves_with_the_ue(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    ue_send(&st.alice, &(struct request){.to = BOB, .call_id = "dialog"});
    struct heard *h = expect(st.core, "INVITE ");
    const char *core = uri_in(h, "Record-Route");
    peer_answer(st.core, h, 200, "Contact: <sip:b@192.0.2.20>\n");
    const char *route =
        text("Route: <%s>\n", uri_in(expect(st.alice.peer, "SIP/2.0 200"), "Record-Route"));
    struct ue there = ue_udp("203.0.113.5:5060", ACCESS);
    struct request in = {.method = "INVITE",
                         .to = BOB,
                         .to_tag = "peer",
                         .call_id = "dialog",
                         .headers = route,
                         .uri = "sip:b@192.0.2.20;transport=udp"};
    ue_send(&there, &in);
    (void)expect(there.peer, "SIP/2.0 403");
    (void)registered(&there);
    ue_send(&there, &in);
    (void)expect(st.core, "INVITE ");
    core_send(&(struct request){.method = "BYE",
                                .to = "sip:ue@203.0.113.5:5060",
                                .to_tag = "f",
                                .call_id = "dialog",
                                .headers = text("Route: <%s>\n", core)});
    (void)expect(there.peer, "BYE ");
}

// ---- an address of several ----

// Behind a NAT (TS 24.229 F.2): the port is all that tells the phones apart, and what comes from
// another one has to be proved. Nothing is asserted of it, and its credentials go through
// (5.4.3.6).
static void phones_behind_a_nat(void **state)
{
    (void)state;
    stage_start();
    struct ue alice = ue_udp("198.51.100.1:11111", ACCESS),
              carol = ue_udp("198.51.100.1:22222", ACCESS);
    alice.at = "10.0.0.1:5060";
    carol.at = "10.0.0.2:5060";
    (void)registers(&alice, ALICE, "<sip:ue@10.0.0.1:5060>");
    struct ue eve = ue_udp("198.51.100.1:33333", ACCESS),
              tcp = tcp_from("198.51.100.1:44444", ACCESS);
    eve.at = "198.51.100.1:33333"; // she knows the outer address, and claims it
    (void)registers(&carol, CAROL, "<sip:ue@10.0.0.2:5060>");
    assert_int_equal(pcscf_counters(st.pcscf)->shared_addresses, 1);
    // Each is himself on the flow that he registered on, whatever he says.
    assert_string_equal(header(serves(&alice, ALICE), "P-Asserted-Identity"), "<" ALICE ">");
    assert_string_equal(header(serves(&carol, ALICE), "P-Asserted-Identity"), "<" CAROL ">");
    // Elsewhere only who says that he is registered is asked for proof.
    refuses(&eve, BOB);
    const struct ue *const elsewhere[] = {&eve, &tcp};
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
        ue_send(elsewhere[i],
                &(struct request){.method = "MESSAGE",
                                  .to = BOB,
                                  .headers = "Proxy-Authorization: Digest username=\"x\"\n"
                                             "P-Asserted-Identity: <" ALICE ">\n"});
        struct heard *h = expect(st.core, "MESSAGE ");
        assert_lacks(h, "P-Asserted-Identity");
        assert_has(h, "Proxy-Authorization: Digest username=\"x\"");
        assert_has(h, "Route: " SERVICE_ROUTE);
        peer_answer(st.core, h, 407, "Proxy-Authenticate: Digest realm=\"r\",nonce=\"n\"\n");
        assert_has(expect(elsewhere[i]->peer, "SIP/2.0 407"),
                   "Proxy-Authenticate: Digest realm=\"r\"");
    }
    assert_int_equal(pcscf_counters(st.pcscf)->unproven, 2);
    assert_int_equal(pcscf_counters(st.pcscf)->association_flows, 0);
}

// One phone alone behind a NAT does not own the NAT's address.
static void stranger_behind_the_same_nat(void **state)
{
    (void)state;
    stage_start();
    struct ue alice = ue_udp("198.51.100.1:11111", ACCESS),
              eve = ue_udp("198.51.100.1:33333", ACCESS);
    alice.at = "10.0.0.1:5060";
    (void)registers(&alice, ALICE, "<sip:ue@10.0.0.1:5060>");
    refuses(&eve, CAROL);
    ue_send(&eve, &(struct request){.to = BOB});
    struct heard *h = expect(st.core, "INVITE ");
    assert_lacks(h, "P-Asserted-Identity");
    peer_answer(st.core, h, 407, NULL);
    (void)expect(st.core, "ACK ");
    // An ACK could not be asked for a proof, so it must be a dialog's.
    ue_send(&eve, &(struct request){.method = "ACK", .to = BOB});
    expect_nothing(st.core);
    // Nor is her REGISTER in alice's name taken for alice's.
    ue_send(&eve, &(struct request){
                      .headers = "Authorization: Digest username=\"alice@" HOME
                                 "\", realm=\"r\", nonce=\"n\", "
                                 "uri=\"sip:x\", response=\"0123456789abcdef0123456789abcdef\"\n"});
    assert_has(expect(st.core, "REGISTER "), "ip-assoc-pending");
}

// What was alice's alone is not any more when a second user registers there.
static void second_user_of_an_address(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    struct ue other = ue_udp("198.51.100.1:40001", ACCESS),
              carol = ue_udp("198.51.100.1:5062", ACCESS);
    (void)serves(&other, ALICE);
    (void)registers(&carol, CAROL, "<sip:ue@198.51.100.1:5062>");
    ue_send(&other, &(struct request){.method = "MESSAGE", .to = BOB});
    assert_lacks(expect(st.core, "MESSAGE "), "P-Asserted-Identity");
    assert_string_equal(header(serves(&st.alice, ALICE), "P-Asserted-Identity"), "<" ALICE ">");
    // And is hers again when that one has gone.
    (void)registered_as(&carol, &(struct request){.from = CAROL, .contact = "*", .expires = -1},
                        "P-Associated-URI: <" CAROL ">\n");
    assert_string_equal(header(serves(&other, ALICE), "P-Asserted-Identity"), "<" ALICE ">");
}

// ---- outbound (RFC 5626) ----

#define FLOW_1 "<sip:ue@198.51.100.1:5060>;+sip.instance=\"<urn:uuid:1>\";reg-id=1"

static void managed_flows(void **state)
{
    (void)state;
    stage_start();
    ue_send(&st.alice,
            &(struct request){.contact = FLOW_1, .headers = "Supported: path, outbound\n"});
    struct heard *h = expect(st.core, "REGISTER ");
    assert_has(h, ";lr;ob>");
    const char *path = uri_in(h, "Path");
    peer_answer(st.core, h, 200, "Require: outbound\n" OK_OF(ALICE, FLOW_1));
    (void)expect(st.alice.peer, "SIP/2.0 200");
    // The port counts, and a flow that has failed is told to who manages it.
    struct ue other = ue_udp("198.51.100.1:40001", ACCESS);
    ue_send(&other, &(struct request){.method = "MESSAGE", .to = BOB});
    assert_lacks(expect(st.core, "MESSAGE "), "P-Asserted-Identity");
    peer_stop_listening(st.alice.peer);
    core_send(&(struct request){.to = "sip:ue@198.51.100.1:5060",
                                .headers = text("Route: <%s>\n", path)});
    (void)expect(st.core, "SIP/2.0 430");
}

static void outbound_is_the_registrars_decision(void **state)
{
    (void)state;
    stage_start();
    (void)registered_as(
        &st.alice, &(struct request){.contact = FLOW_1, .headers = "Supported: path, outbound\n"},
        OK_OF(ALICE, FLOW_1));
    struct ue other = ue_udp("198.51.100.1:40001", ACCESS);
    (void)serves(&other, ALICE);
    // Without reg-id, or without the option, nothing is offered.
    ue_send(&st.alice, &(struct request){.contact = FLOW_1, .headers = "Supported: path\n"});
    assert_lacks(expect(st.core, "REGISTER "), ";ob");
    ue_send(&st.alice, &(struct request){.headers = "Supported: path, outbound\n"});
    assert_lacks(expect(st.core, "REGISTER "), ";ob");
}

// ---- keep-alives ----

static void keep_is_answered(void **state)
{
    (void)state;
    stage_start();
    peer_printf(
        st.alice.peer, ACCESS,
        "REGISTER sip:" HOME " SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.1:5060;keep;branch=z9hG4bKk\n"
        "Max-Forwards: 70\nFrom: <" ALICE ">;tag=f\nTo: <" ALICE ">\nCall-ID: k\nCSeq: 1 REGISTER\n"
        "Contact: <sip:ue@198.51.100.1:5060>\nContent-Length: 0\n\n");
    peer_answer(st.core, expect(st.core, "REGISTER "), 200,
                OK_OF(ALICE, "<sip:ue@198.51.100.1:5060>"));
    assert_has(expect(st.alice.peer, "SIP/2.0 200"), ";keep=25;");
}

// RFC 5389 15.2. A stranger gets no answer.
static void stun_is_answered(void **state)
{
    static const char request[] = "\x00\x01\x00\x00\x21\x12\xa4\x42"
                                  "abcdefghijkl";
    static const char answer[] = "\x01\x01\x00\x0c\x21\x12\xa4\x42"
                                 "abcdefghijkl"
                                 "\x00\x20\x00\x08\x00\x01\x32\xd6"
                                 "\xe7\x21\xc0\x43";
    struct str bytes = str_make(request, sizeof request - 1);
    (void)state;
    stage_start();
    peer_send_raw(st.alice.peer, ACCESS, bytes);
    run(10);
    peer_quiet(st.alice.peer);
    (void)registered(&st.alice);
    peer_send_raw(st.alice.peer, ACCESS, bytes);
    run(10);
    struct heard *h = peer_next(st.alice.peer);
    assert_non_null(h);
    assert_int_equal(h->bytes.n, sizeof answer - 1);
    assert_memory_equal(h->bytes.p, answer, sizeof answer - 1);
    peer_send_raw(st.alice.peer, ACCESS, STR("\r\n\r\n"));
    run(10);
    assert_int_equal(figure_of(pcscf_stack(st.pcscf), "sip_keepalives_in", NULL), 3);
}

// ---- several access addresses ----

#define SECOND "192.0.2.12:5062"

static void each_address_names_itself(void **state)
{
    static struct addr three[3];
    static struct str names[3];
    (void)state;
    three[0] = st.access[0];
    three[1] = st.access[1];
    three[2] = place(SECOND);
    names[0] = STR("one.example");
    names[1] = STR("2001:db8::10");
    names[2] = STR("192.0.2.12");
    st.cfg.access_listen = (struct conf_addrs){three, 3};
    st.cfg.access_advertise = (struct conf_strs){names, 1};
    stage_start();
    struct ue alice = ue_udp("198.51.100.4:5060", SECOND),
              tcp = tcp_from("198.51.100.2:40000", SECOND),
              first = ue_udp("198.51.100.3:5060", ACCESS);
    const struct ue *const ues[] = {&alice, &tcp, &first};
    for (size_t i = 0; i < ARRAY_LEN(ues); i++) {
        const char *path = registered(ues[i]), *at = i == 2 ? "@one.example:5060" : "@" SECOND;
        ue_send(ues[i], &(struct request){.to = BOB, .call_id = text("c%zu", i)});
        struct heard *h = expect(st.core, "INVITE ");
        peer_answer(st.core, h, 200, "Contact: <sip:b@192.0.2.20>\n");
        h = expect(ues[i]->peer, "SIP/2.0 200");
        assert_has(h, at);
        struct request ack = {.method = "ACK",
                              .to = BOB,
                              .to_tag = "peer",
                              .call_id = text("c%zu", i),
                              .uri = "sip:b@192.0.2.20;transport=udp",
                              .headers = text("Route: <%s>\n", uri_in(h, "Record-Route"))};
        ue_send(ues[i], &ack);
        (void)expect(st.core, "ACK ");
        // And a request to it leaves from there.
        core_send(&(struct request){.method = "MESSAGE",
                                    .to = text("sip:ue@%s", ues[i]->at),
                                    .headers = text("Route: <%s>\n", path)});
        h = expect(ues[i]->peer, "MESSAGE ");
        assert_has(h, i == 2 ? " one.example:5060;" : " " SECOND ";");
        assert_int_equal(addr_port(&h->from), i == 2 ? 5060 : 5062);
    }
}

// ---- to the UE ----

static void calls_large(const char *path, const char *to)
{
    core_send(&(struct request){
        .method = "MESSAGE", .to = to, .headers = text("Route: <%s>\nX-Long: %01300d\n", path, 1)});
}

// TS 24.229 4.2A, RFC 3261 18.1.1: a connection of the UE's, else one to its Contact, else UDP
// after all.
static void large_requests_to_the_ue(void **state)
{
    (void)state;
    stage_start();
    const char *path = registered(&st.alice), *to = "sip:ue@198.51.100.1:5060";
    struct peer *listening = peer_tcp(st.sc, "198.51.100.1:5060");
    core_send(
        &(struct request){.method = "MESSAGE", .to = to, .headers = text("Route: <%s>\n", path)});
    peer_answer(st.alice.peer, expect(st.alice.peer, "MESSAGE "), 200, NULL);
    (void)expect(st.core, "SIP/2.0 200");
    calls_large(path, to);
    struct heard *h = expect(listening, "MESSAGE ");
    assert_has(h, "Via: SIP/2.0/TCP " ACCESS);
    peer_answer(listening, h, 200, NULL);
    (void)expect(st.core, "SIP/2.0 200");
    struct ue own = tcp_from("198.51.100.1:40000", ACCESS);
    (void)serves(&own, ALICE);
    calls_large(path, to);
    h = expect(own.peer, "MESSAGE ");
    peer_answer(own.peer, h, 200, NULL);
    (void)expect(st.core, "SIP/2.0 200");
    peer_quiet(st.alice.peer);
}

static void large_requests_fall_back_to_udp(void **state)
{
    (void)state;
    stage_start();
    const char *path = registered(&st.alice), *to = "sip:ue@198.51.100.1:5060";
    for (unsigned i = 0; i < 2; i++) {
        calls_large(path, to);
        struct heard *h = expect(st.alice.peer, "MESSAGE ");
        assert_has(h, "Via: SIP/2.0/UDP " ACCESS);
        peer_answer(st.alice.peer, h, 200, NULL);
        (void)expect(st.core, "SIP/2.0 200");
    }
    // It is not tried each time, until the phone registers again.
    struct peer *listening = peer_tcp(st.sc, "198.51.100.1:5060");
    calls_large(path, to);
    peer_answer(st.alice.peer, expect(st.alice.peer, "MESSAGE "), 200, NULL);
    (void)expect(st.core, "SIP/2.0 200");
    path = registered(&st.alice);
    calls_large(path, to);
    (void)expect(listening, "MESSAGE ");
}

// Behind a NAT nobody can connect to it; what the Contact says is somebody else's address here.
static void large_requests_behind_a_nat(void **state)
{
    (void)state;
    stage_start();
    struct ue alice = ue_udp("198.51.100.1:11111", ACCESS);
    struct peer *victim = peer_tcp(st.sc, "10.0.0.1:5060");
    alice.at = "10.0.0.1:5060";
    const char *path = registers(&alice, ALICE, "<sip:ue@10.0.0.1:5060>");
    calls_large(path, "sip:ue@10.0.0.1:5060");
    (void)expect(alice.peer, "MESSAGE ");
    expect_nothing(victim);
}

// ---- bounds ----

static void connections_of_one_ue_are_few(void **state)
{
    struct ue conns[ASSOCIATION_FLOWS + 2];
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    for (unsigned i = 0; i < ARRAY_LEN(conns); i++) {
        conns[i] = tcp_from(text("198.51.100.1:%u", 40000 + i), ACCESS);
        (void)serves(&conns[i], ALICE);
    }
    run(10);
    for (unsigned i = 0; i < ARRAY_LEN(conns); i++)
        assert_int_equal(peer_connected(conns[i].peer), i >= 2);
    assert_int_equal(pcscf_counters(st.pcscf)->association_flows, ASSOCIATION_FLOWS);
    assert_int_equal(pcscf_counters(st.pcscf)->association_flows_replaced, 2);
}

// The rate is the UE's, not each flow's.
static void flows_share_one_rate(void **state)
{
    (void)state;
    st.cfg.user_rate = 1;
    st.cfg.user_burst = 3;
    stage_start();
    (void)registered(&st.alice);
    struct ue tcp = tcp_from("198.51.100.1:40000", ACCESS);
    (void)serves(&tcp, ALICE); // which makes it hers
    (void)serves(&tcp, ALICE);
    (void)serves(&st.alice, ALICE);
    (void)serves(&tcp, ALICE);
    ue_send(&st.alice, &(struct request){.method = "MESSAGE", .to = BOB});
    (void)expect(st.alice.peer, "SIP/2.0 503");
    ue_send(&tcp, &(struct request){.method = "MESSAGE", .to = BOB});
    (void)expect(tcp.peer, "SIP/2.0 503");
}

#define T(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(any_port_and_transport_is_the_ues),
        T(reconnects),
        T(another_user_at_the_address_is_a_stranger),
        T(dialog_is_not_tied_to_a_connection),
        T(called_ue_ends_the_call_elsewhere),
        T(dialog_moves_with_the_ue),
        T(phones_behind_a_nat),
        T(stranger_behind_the_same_nat),
        T(second_user_of_an_address),
        T(managed_flows),
        T(outbound_is_the_registrars_decision),
        T(keep_is_answered),
        T(stun_is_answered),
        T(each_address_names_itself),
        T(large_requests_to_the_ue),
        T(large_requests_fall_back_to_udp),
        T(large_requests_behind_a_nat),
        T(connections_of_one_ue_are_few),
        T(flows_share_one_rate),
    };
    return cmocka_run_group_tests_name("scenario_pcscf_association", tests, NULL, NULL);
}
