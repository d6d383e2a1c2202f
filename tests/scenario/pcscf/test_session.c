// SPDX-License-Identifier: Apache-2.0
// Requests of and to registered UEs (TS 24.229 5.2.6): the stored route, both Record-Route entries, the
// token that leads to a flow, and requests inside dialogs.
#include "stage.h"

static const char *route_to(const char *uri)
{
    return text("Route: <%s>\n", uri);
}

static struct heard *invited_by(const struct ue *ue)
{
    ue_send(ue, &(struct request){.to = BOB});
    return expect(st.core, "INVITE ");
}

// ---- originating ----

// TS 24.229 5.2.6.3.3: the Service-Route counts, not what the UE loaded.
static void service_route_is_used(void **state)
{
    (void)state;
    stage_start();
    (void)registered_as(&st.alice, &(struct request){0},
                        "Contact: <sip:ue@198.51.100.1:5060>;expires=600\n"
                        "Service-Route: " SERVICE_ROUTE ", <sip:second.example;lr>\n"
                        "Service-Route: <sip:third.example;lr>\nP-Associated-URI: <" ALICE ">\n");
    ue_send(&st.alice, &(struct request){.to = BOB,
                                         .headers = "Route: <sip:" ACCESS ";lr>\n"
                                                    "Route: <sip:203.0.113.9;lr>\n"});
    struct heard *h = expect(st.core, "INVITE " BOB);
    assert_lacks(h, "203.0.113.9");
    assert_string_equal(header(h, "Route"),
                        SERVICE_ROUTE ", <sip:second.example;lr>, <sip:third.example;lr>");
    assert_has(h, "P-Charging-Vector: icid-value=");
    assert_int_equal(pcscf_counters(st.pcscf)->originating, 1);
}

static void newest_service_route_is_used(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    (void)registered_as(&st.alice, &(struct request){0},
                        "Contact: <sip:ue@198.51.100.1:5060>;expires=600\n"
                        "Service-Route: <sip:new@192.0.2.20;transport=udp;lr>\n"
                        "P-Associated-URI: <" ALICE ">\n");
    assert_has(invited_by(&st.alice), "Route: <sip:new@192.0.2.20;");
}

static void without_service_route_nothing_goes(void **state)
{
    (void)state;
    stage_start();
    (void)registered_as(&st.alice, &(struct request){0},
                        "Contact: <sip:ue@198.51.100.1:5060>;expires=600\n"
                        "P-Associated-URI: <" ALICE ">\n");
    ue_send(&st.alice, &(struct request){.to = BOB, .headers = "Route: " SERVICE_ROUTE "\n"});
    (void)expect(st.alice.peer, "SIP/2.0 403");
    expect_nothing(st.core);
}

static void message_is_not_recorded(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    ue_send(&st.alice, &(struct request){.method = "MESSAGE", .to = BOB});
    assert_lacks(expect(st.core, "MESSAGE "), "Record-Route");
}

// Each side sees the URI that it can reach: the core's towards the core, the access's towards the UE.
static void record_route_has_two_sides(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    struct heard *h = invited_by(&st.alice);
    assert_has(h, "Record-Route: <sip:");
    assert_has(h, "@pcscf." HOME ":5070;lr>");
    peer_answer(st.core, h, 183, NULL);
    struct heard *up = expect(st.alice.peer, "SIP/2.0 183");
    assert_has(up, "@" ACCESS ";lr>");
    assert_lacks(up, "pcscf." HOME);
    peer_answer(st.core, h, 200, "Record-Route: <sip:s@192.0.2.20;lr>\n");
    up = expect(st.alice.peer, "SIP/2.0 200");
    assert_has(up, "@" ACCESS ";lr>");
    assert_has(up, "Record-Route: <sip:s@192.0.2.20;lr>");
    assert_lacks(up, "pcscf." HOME);
}

// Who calls a user behind the same flow (a private exchange) gets both legs' entries back: the last is the
// caller's, and the only one that the answer to the caller may show from the other side.
static void caller_and_called_behind_one_flow(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    struct heard *h = invited_by(&st.alice);
    const char *core = uri_in(h, "Record-Route");
    peer_answer(st.core, h, 200, text("Record-Route: <%s>\n", core));
    struct heard *up = expect(st.alice.peer, "SIP/2.0 200");
    assert_string_equal(uri_in(up, "Record-Route"), core);
    assert_int_equal(occurrences(up, "@" ACCESS ";lr>"), 1);
    assert_int_equal(occurrences(up, "@pcscf." HOME), 1);
}

static void tcp_ue_is_told_to_stay_on_tcp(void **state)
{
    (void)state;
    stage_start();
    struct ue tcp = ue_tcp("198.51.100.3:40000");
    (void)registered(&tcp);
    struct heard *h = invited_by(&tcp);
    assert_lacks(h, "transport=tcp");
    peer_answer(st.core, h, 180, NULL);
    assert_has(expect(tcp.peer, "SIP/2.0 180"), "@" ACCESS ";transport=tcp;lr>");
}

// ---- terminating ----

static void token_leads_to_the_flow(void **state)
{
    struct ue ues[3];
    (void)state;
    stage_start();
    ues[0] = st.alice;
    ues[1] = ue_tcp("198.51.100.3:40000");
    ues[2] = ue_udp("[2001:db8::1]:5060", ACCESS6);
    for (size_t i = 0; i < ARRAY_LEN(ues); i++) {
        const char *path = registered(&ues[i]);
        // Whatever the Contact claims: the flow counts.
        core_send(&(struct request){.to = "sip:ue@203.0.113.9:5060", .headers = route_to(path)});
        struct heard *h = expect(ues[i].peer, "INVITE sip:ue@203.0.113.9:5060 ");
        assert_lacks(h, "\r\nRoute:");
        assert_has(h, i == 1 ? ";transport=tcp;lr>" : ";lr>");
        assert_has(h, i == 2 ? "@" ACCESS6 : "@" ACCESS);
        peer_answer(ues[i].peer, h, 200, NULL);
        h = expect(st.core, "SIP/2.0 200");
        assert_has(h, "@pcscf." HOME ":5070;lr>");
        assert_lacks(h, "192.0.2.10");
    }
    assert_int_equal(pcscf_counters(st.pcscf)->terminating, 3);
}

// A connection that is gone: the same host where it listens, and nobody else.
static void closed_connection(void **state)
{
    (void)state;
    stage_start();
    struct ue tcp = ue_tcp("198.51.100.3:40000");
    const char *path = registered(&tcp);
    struct peer *listening = peer_tcp(st.sc, "198.51.100.3:5060");
    struct peer *elsewhere = peer_tcp(st.sc, "203.0.113.9:5060");
    peer_close(tcp.peer, false);
    scene_run(st.sc, sim_now_ms(scene_sim(st.sc)) + 10);
    core_send(&(struct request){.to = "sip:ue@198.51.100.3:5060;transport=tcp",
                                .headers = route_to(path)});
    (void)expect(listening, "INVITE ");
    core_send(&(struct request){.to = "sip:ue@203.0.113.9:5060;transport=tcp",
                                .headers = route_to(path)});
    core_send(&(struct request){.to = "sip:ue@198.51.100.3:5060;transport=tcp;maddr=203.0.113.9",
                                .headers = route_to(path)});
    expect_nothing(elsewhere);
}

static void without_a_token_nobody_is_found(void **state)
{
    static const char *const routes[] = {
        "", "Route: <sip:pcscf." HOME ":5070;lr>\n", "Route: <sip:x@pcscf." HOME ":5070;lr>\n",
        "Route: <sip:AATEEwAAAAEAAAAApAccfsYzZAHV3LH0GFYXAA@pcscf." HOME ":5070;lr>\n",
    };
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        core_send(&(struct request){.to = "sip:ue@198.51.100.1:5060", .headers = routes[i]});
        (void)expect(st.core, "SIP/2.0 404");
    }
    expect_nothing(st.alice.peer);
}

// Each character of a token, changed, makes it nobody's.
static void tokens_cannot_be_forged(void **state)
{
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    for (size_t i = strlen("sip:"); path[i] != '@'; i++) {
        char *forged = (char *)text("%s", path);
        forged[i] = forged[i] == 'A' ? 'Q' : 'A';
        if (strcmp(forged, path) == 0)
            continue;
        core_send(&(struct request){.to = "sip:ue@198.51.100.1:5060", .headers = route_to(forged)});
        (void)expect(st.core, "SIP/2.0 404");
    }
    expect_nothing(st.alice.peer);
}

static void tokens_end_with_the_process(void **state)
{
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    stage_restart();
    core_send(&(struct request){.to = "sip:ue@198.51.100.1:5060", .headers = route_to(path)});
    (void)expect(st.core, "SIP/2.0 404");
    ue_send(&st.alice, &(struct request){.to = BOB});
    (void)expect(st.alice.peer, "SIP/2.0 403");
}

// ---- inside a dialog (TS 24.229 5.2.6.3.5, 5.2.6.4.5) ----

// The URI of this node that alice got for a dialog that she began.
static const char *alices_dialog(const char **ret_core)
{
    (void)registered(&st.alice);
    ue_send(&st.alice, &(struct request){.to = BOB, .call_id = "dialog"});
    struct heard *h = expect(st.core, "INVITE ");
    *ret_core = uri_in(h, "Record-Route");
    peer_answer(st.core, h, 200, NULL);
    return uri_in(expect(st.alice.peer, "SIP/2.0 200"), "Record-Route");
}

static void in_dialog_both_ways(void **state)
{
    const char *core, *access;
    (void)state;
    stage_start();
    access = alices_dialog(&core);
    ue_send(&st.alice, &(struct request){.method = "BYE", .to = BOB, .to_tag = "t", .call_id = "dialog",
                                         .headers = text("Route: <%s>\n"
                                                         "Route: <sip:s@192.0.2.20;transport=udp;lr>\n"
                                                         "P-Asserted-Identity: <sip:eve@x>\n",
                                                         access)});
    struct heard *h = expect(st.core, "BYE ");
    assert_lacks(h, "eve");
    assert_string_equal(header(h, "Route"), "<sip:s@192.0.2.20;transport=udp;lr>");
    core_send(&(struct request){.method = "BYE", .to = "sip:ue@198.51.100.1:5060", .to_tag = "t",
                                .call_id = "dialog",
                                .headers = route_to(core)});
    (void)expect(st.alice.peer, "BYE ");
    assert_int_equal(pcscf_counters(st.pcscf)->subsequent, 2);
}

static void in_dialog_from_another_flow(void **state)
{
    const char *core, *access;
    (void)state;
    stage_start();
    access = alices_dialog(&core);
    struct ue eve = ue_udp("198.51.100.66:5060", ACCESS);
    const char *const stolen[] = {route_to(access), route_to(core), "",
                                  text("Route: <%s>, <%s>\n", access, core)};
    for (size_t i = 0; i < ARRAY_LEN(stolen); i++) {
        ue_send(&eve, &(struct request){.method = "BYE", .to = BOB, .to_tag = "t", .call_id = "dialog",
                                        .headers = stolen[i]});
        (void)expect(eve.peer, "SIP/2.0 403");
    }
    expect_nothing(st.core);
    expect_nothing(st.alice.peer);
}

// The other party sees alice's URI in Record-Route: it is no Path, and no other dialog's.
static void record_route_is_good_for_one_dialog(void **state)
{
    const char *core, *access;
    (void)state;
    stage_start();
    access = alices_dialog(&core);
    core_send(&(struct request){.method = "MESSAGE", .to = "sip:ue@198.51.100.1:5060",
                                .headers = route_to(core), .call_id = "dialog"});
    (void)expect(st.core, "SIP/2.0 404");
    core_send(&(struct request){.method = "BYE", .to = "sip:ue@198.51.100.1:5060", .to_tag = "t",
                                .headers = route_to(core)});
    (void)expect(st.core, "SIP/2.0 403");
    ue_send(&st.alice, &(struct request){.method = "BYE", .to = BOB, .to_tag = "t",
                                         .headers = route_to(access)});
    (void)expect(st.alice.peer, "SIP/2.0 403");
    expect_nothing(st.alice.peer);
    expect_nothing(st.core);
}

#define T(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(service_route_is_used),
        T(newest_service_route_is_used),
        T(without_service_route_nothing_goes),
        T(message_is_not_recorded),
        T(record_route_has_two_sides),
        T(caller_and_called_behind_one_flow),
        T(tcp_ue_is_told_to_stay_on_tcp),
        T(token_leads_to_the_flow),
        T(closed_connection),
        T(without_a_token_nobody_is_found),
        T(tokens_cannot_be_forged),
        T(tokens_end_with_the_process),
        T(in_dialog_both_ways),
        T(in_dialog_from_another_flow),
        T(record_route_is_good_for_one_dialog),
    };
    return cmocka_run_group_tests_name("scenario_pcscf_session", tests, NULL, NULL);
}
