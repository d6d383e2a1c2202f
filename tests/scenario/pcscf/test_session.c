// SPDX-License-Identifier: Apache-2.0
// Requests of and to registered UEs (TS 24.229 5.2.6): the stored route, both Record-Route entries, the
// token that leads to a flow, and requests inside dialogs.
#include <stdio.h>
#include <unistd.h>

#include "stage.h"
#include "tests/common/figure.h"

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

// TS 24.229 5.2.6.3.7: who stands alone is not recorded, or its answer would be a way into dialogs.
static void standalone_requests_are_not_recorded(void **state)
{
    static const char *const methods[] = {"MESSAGE", "OPTIONS", "PUBLISH", "INFO", "NEWMETHOD"};
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        ue_send(&st.alice, &(struct request){.method = methods[i], .to = BOB});
        assert_lacks(expect(st.core, methods[i]), "Record-Route");
        core_send(&(struct request){
            .method = methods[i], .to = "sip:ue@198.51.100.1:5060", .headers = route_to(path)});
        assert_lacks(expect(st.alice.peer, methods[i]), "Record-Route");
    }
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
    assert_has(up, "@" ACCESS ";lr");
    assert_lacks(up, "pcscf." HOME);
    peer_answer(st.core, h, 200, "Record-Route: <sip:s@192.0.2.20;lr>\n");
    up = expect(st.alice.peer, "SIP/2.0 200");
    assert_has(up, "@" ACCESS ";lr");
    assert_has(up, "Record-Route: <sip:s@192.0.2.20;lr>");
    assert_lacks(up, "pcscf." HOME);
}

static struct heard *after(struct peer *p, uint64_t ms)
{
    scene_pass(st.sc, ms);
    return peer_next(p);
}

// The same 2xx again, when nothing is known of the request any more (RFC 6026 7.2).
static void accepted_twice(struct peer *by, struct heard *invite, const char *headers, struct peer *asker)
{
    peer_answer(by, invite, 200, headers);
    struct heard *first = expect(asker, "SIP/2.0 200");
    scene_pass(st.sc, 3000);
    assert_int_equal(figure_of(pcscf_stack(st.pcscf), "sip_requests_held", NULL), 0);
    peer_answer(by, invite, 200, headers);
    struct heard *again = after(asker, 10);
    assert_non_null(again);
    if (!str_eq(first->bytes, again->bytes))
        fail_msg("first:\n%.*s\nagain:\n%.*s", STR_ARG(first->bytes), STR_ARG(again->bytes));
}

static void further_2xx_are_as_the_first(void **state)
{
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    struct heard *h = invited_by(&st.alice);
    accepted_twice(st.core, h, text("Record-Route: <sip:s@192.0.2.20;lr>, <%s>\nP-Charging-Vector: icid-value=1\n",
                                    uri_in(h, "Record-Route")), st.alice.peer);
    for (int list = 0; list < 2; list++) { // with the list that it was given, and without one
        core_send(&(struct request){.to = "sip:ue@198.51.100.1:5060",
                                    .headers = text("%sP-Called-Party-ID: <" ALICE ">\n"
                                                    "Record-Route: <sip:mt@192.0.2.20;lr>\n"
                                                    "P-Charging-Function-Addresses: ccf=192.0.2.90\n"
                                                    "P-Charging-Vector: icid-value=\"1\";orig-ioi=o\n",
                                                    route_to(path))});
        h = expect(st.alice.peer, "INVITE ");
        accepted_twice(st.alice.peer, h, list ? text("Record-Route: %s\n", header(h, "Record-Route")) : NULL, st.core);
    }
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
    assert_int_equal(occurrences(up, "@" ACCESS ";lr"), 1);
    assert_int_equal(occurrences(up, "@pcscf." HOME), 1);
}

// A list that cannot be read makes no route set, so no dialog is made on it (RFC 3261 16.6 step 4); where
// none would be made it means nothing and goes on as it came.
static void unreadable_record_route_towards_the_ue(void **state)
{
    static const char *const lists[] = {"x", "<sip:a;lr>, x", "<sip:a;lr>,", "<sip:a", "\"", ","};
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const char *headers = text("%sRecord-Route: %s\n", route_to(path), lists[i]);
        core_send(&(struct request){
            .method = "MESSAGE", .to = "sip:ue@198.51.100.1:5060", .headers = headers});
        struct heard *h = expect(st.alice.peer, "MESSAGE ");
        assert_has(h, text("Record-Route: %s", lists[i]));
        peer_answer(st.alice.peer, h, 200, NULL);
        (void)expect(st.core, "SIP/2.0 200");
        core_send(&(struct request){.to = "sip:ue@198.51.100.1:5060", .headers = headers});
        h = expect(st.core, "SIP/2.0 400");
        assert_has(h, "Malformed Record-Route");
        peer_printf(st.core, PCSCF_CORE_AT, "ACK sip:ue@198.51.100.1:5060 SIP/2.0\nVia: %s\n"
                    "Max-Forwards: 70\nFrom: %s\nTo: %s\nCall-ID: %s\nCSeq: %u ACK\nContent-Length: 0\n\n",
                    header(h, "Via"), header(h, "From"), header(h, "To"), header(h, "Call-ID"),
                    sip_msg_cseq(h->msg)->number);
        expect_nothing(st.alice.peer);
    }
}

// And in what comes back: the UE's is replaced, the core's goes on.
static void unreadable_record_route_in_answers(void **state)
{
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    core_send(&(struct request){.to = "sip:ue@198.51.100.1:5060", .headers = route_to(path)});
    peer_answer(st.alice.peer, expect(st.alice.peer, "INVITE "), 183, "Record-Route: <sip:a>, x\n");
    struct heard *up = expect(st.core, "SIP/2.0 183");
    assert_has(up, "@pcscf." HOME ":5070;lr>");
    assert_lacks(up, "<sip:a>");
    peer_answer(st.core, invited_by(&st.alice), 183, "Record-Route: <sip:a>, x\n");
    assert_has(expect(st.alice.peer, "SIP/2.0 183"), "Record-Route: <sip:a>, x");
}

// What a provisional response needs is gone with it: a call may ring for long.
static void provisional_responses_leave_nothing(void **state)
{
    (void)state;
    st.cfg.message = sip_limits_default;
    st.cfg.message.memory_base = 20000; // of which a hundred of them would need more
    st.cfg.message.memory_factor = 8;
    stage_start();
    const char *path = registered(&st.alice);
    core_send(&(struct request){.to = "sip:ue@198.51.100.1:5060",
                                .headers = text("%sP-Called-Party-ID: <" ALICE ">\n"
                                                "P-Charging-Vector: icid-value=\"1\"\n",
                                                route_to(path))});
    struct heard *h = expect(st.alice.peer, "INVITE ");
    struct heard *out = invited_by(&st.alice);
    for (unsigned i = 0; i < 500; i++) {
        peer_answer(st.alice.peer, h, 183, "P-Preferred-Identity: <" ALICE ">\n");
        assert_has(expect(st.core, "SIP/2.0 183"), "@pcscf." HOME ":5070;lr>");
        peer_answer(st.core, out, 183, "Record-Route: <sip:s@192.0.2.20;lr>\n");
        assert_has(expect(st.alice.peer, "SIP/2.0 183"), "Record-Route: <sip:s@192.0.2.20;lr>");
    }
    peer_answer(st.alice.peer, h, 200, NULL);
    assert_has(expect(st.core, "SIP/2.0 200"), "@pcscf." HOME ":5070;lr>");
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
    assert_has(expect(tcp.peer, "SIP/2.0 180"), "@" ACCESS ";transport=tcp;lr");
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
        assert_has(h, i == 1 ? ";transport=tcp;lr" : ";lr");
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

// ---- UEs that are not there ----

static void ask(const char *path, const char *method)
{
    core_send(&(struct request){.method = method, .to = "sip:ue@198.51.100.1:5060",
                                .headers = route_to(path)});
}

static void expect_none_but_trying(struct peer *p)
{
    for (struct heard *h; (h = peer_next(p));)
        if (!str_starts(h->bytes, STR("SIP/2.0 100")))
            fail_msg("unexpected: %.*s", STR_ARG(h->bytes));
}

// The phone was killed and its host says so. Nobody manages its flows: for the caller the user is not there (RFC
// 3261 21.4.18), and the S-CSCF hears why.
static void closed_port_is_a_failed_flow(void **state)
{
    static const char *const methods[] = {"INVITE", "MESSAGE"};
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    (void)peer_udp(st.sc, "198.51.100.1:5099");
    peer_stop_listening(st.alice.peer);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        ask(path, methods[i]);
        struct heard *h = expect(st.core, "SIP/2.0 480");
        assert_has(h, "the UE's flow is gone");
        assert_has(h, "Reason: SIP;cause=430");
    }
    assert_int_equal(pcscf_counters(st.pcscf)->flow_failed, 2);
}

static void refused_connection_is_a_failed_flow(void **state)
{
    (void)state;
    stage_start();
    struct ue tcp = ue_tcp("198.51.100.3:40000");
    const char *path = registered(&tcp);
    peer_close(tcp.peer, false);
    scene_run(st.sc, sim_now_ms(scene_sim(st.sc)) + 10);
    core_send(&(struct request){.to = "sip:ue@198.51.100.3:5060;transport=tcp",
                                .headers = route_to(path)});
    (void)expect(st.core, "SIP/2.0 480");
}

// It dies while it rings.
static void connection_closed_while_ringing(void **state)
{
    (void)state;
    stage_start();
    struct ue tcp = ue_tcp("198.51.100.3:40000");
    const char *path = registered(&tcp);
    core_send(&(struct request){.to = "sip:ue@198.51.100.3:5060;transport=tcp",
                                .headers = route_to(path)});
    peer_answer(tcp.peer, expect(tcp.peer, "INVITE "), 180, NULL);
    (void)expect(st.core, "SIP/2.0 180");
    peer_close(tcp.peer, false);
    (void)expect(st.core, "SIP/2.0 480");
}

// The shortest leg: T1 is 2 s towards a UE (TS 24.229 table 7.7.1), so four datagrams in 16 s.
static void silent_ue_has_its_time(void **state)
{
    static const char *const methods[] = {"MESSAGE", "INVITE"};
    static const char *const answers[] = {"SIP/2.0 504", "SIP/2.0 408"};
    (void)state;
    st.cfg.leg_ue_ms = 16000;
    stage_start();
    const char *path = registered(&st.alice);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        uint64_t began = sim_now_ms(scene_sim(st.sc));
        unsigned n = 0;
        ask(path, methods[i]);
        scene_run(st.sc, began + 15900);
        expect_none_but_trying(st.core);
        scene_run(st.sc, began + 16100);
        (void)expect(st.core, answers[i]);
        for (struct heard *h; (h = peer_next(st.alice.peer));)
            n += str_starts(h->bytes, str_from(methods[i]));
        assert_int_equal(n, 4);
    }
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

// Its parties hear that it is over (RFC 3261 12.2.2). A forged token is none of a dialog.
static void dialogs_end_with_the_process(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    struct heard *h = invited_by(&st.alice);
    const char *core = uri_in(h, "Record-Route");
    peer_answer(st.core, h, 200, "Contact: <sip:b@192.0.2.20>\n");
    const char *access = uri_in(expect(st.alice.peer, "SIP/2.0 200"), "Record-Route");
    stage_restart();
    struct request bye = {.method = "BYE", .to = BOB, .to_tag = "t", .headers = route_to(access)};
    ue_send(&st.alice, &bye);
    (void)expect(st.alice.peer, "SIP/2.0 481");
    bye.headers = "Route: <sip:AATEEwAAAAEAAAAApAccfsYzZAHV3LH0GFYXAA@" ACCESS ";lr>\n";
    ue_send(&st.alice, &bye);
    (void)expect(st.alice.peer, "SIP/2.0 403");
    core_send(&(struct request){.method = "BYE", .to = "sip:ue@198.51.100.1:5060", .to_tag = "t",
                                .headers = route_to(core)});
    (void)expect(st.core, "SIP/2.0 481");
}

// ---- inside a dialog (TS 24.229 5.2.6.3.5, 5.2.6.4.5) ----

#define S_CSCF "<sip:mo@192.0.2.20;transport=udp;lr>"
#define FAR "<sip:far@far.example;lr>"

// An answer whose Record-Route is as given, from "tag".
static void answer(const struct ue *from, const struct heard *h, unsigned status, const char *tag,
                   const char *record_route)
{
    const char *vias = "";
    const struct sip_via *v;
    for (size_t i = 0; (v = sip_msg_at(h->msg, SIP_H_VIA, i)); i++)
        vias = text("%sVia: %.*s\n", vias, STR_ARG(v->text));
    peer_printf(from->peer, from->to,
                "SIP/2.0 %u X\n%sFrom: %s\nTo: %s;tag=%s\nCall-ID: %s\nCSeq: %s\n"
                "Contact: <sip:x@192.0.2.99>\n%s%s%sContent-Length: 0\n\n",
                status, vias, header(h, "From"), header(h, "To"), tag, header(h, "Call-ID"),
                header(h, "CSeq"), record_route ? "Record-Route: " : "",
                record_route ? record_route : "", record_route ? "\n" : "");
}

static void core_answers(const struct heard *h, unsigned status, const char *tag,
                         const char *record_route)
{
    struct ue core = {.peer = st.core, .to = PCSCF_CORE_AT};
    answer(&core, h, status, tag, record_route);
}

// A dialog that alice began, with an S-CSCF and a far node in it: the URI of this node that she
// got.
static const char *alices_dialog(const char **ret_core)
{
    (void)registered(&st.alice);
    ue_send(&st.alice, &(struct request){.to = BOB, .call_id = "dialog"});
    struct heard *h = expect(st.core, "INVITE ");
    *ret_core = uri_in(h, "Record-Route");
    core_answers(h, 200, "t", text(FAR ", " S_CSCF ", <%s>", *ret_core));
    return last_uri_in(expect(st.alice.peer, "SIP/2.0 200"), "Record-Route");
}

static void alice_sends(const char *method, const char *call_id, const char *to_tag,
                        const char *route)
{
    ue_send(&st.alice,
            &(struct request){.method = method,
                              .to = BOB,
                              .to_tag = to_tag,
                              .call_id = call_id,
                              .headers = text("%sP-Asserted-Identity: <sip:eve@x>\n", route)});
}

static void on_rotated(void *arg, struct keys *k, int err)
{
    (void)k;
    *(int *)arg = err;
}

// Later than an earlier one has to sign before it may be forgotten.
static void rotate(void)
{
    int err = KEYS_LATER;
    scene_run(st.sc, sim_now_ms(scene_sim(st.sc)) + 15000);
    if (keys_rotate(pcscf_keys(st.pcscf), "test", on_rotated, &err) == 0)
        return;
    scene_run(st.sc, sim_now_ms(scene_sim(st.sc)) + 1000);
    assert_int_equal(err, 0);
}

// Its key is forgotten while the process runs: the same as after a restart, and not as if somebody had made it up.
static void tokens_end_with_their_key(void **state)
{
    const char *core, *access;
    (void)state;
    st.cfg.keys.keep = 1;
    stage_start();
    access = alices_dialog(&core);
    const char *path = registered(&st.alice);
    rotate();
    alice_sends("INFO", "dialog", "t", text("Route: <%s>\nRoute: " S_CSCF "\nRoute: " FAR "\n", access));
    peer_answer(st.core, expect(st.core, "INFO "), 200, NULL);
    (void)expect(st.alice.peer, "SIP/2.0 200");
    rotate();
    alice_sends("BYE", "dialog", "t", text("Route: <%s>\nRoute: " S_CSCF "\nRoute: " FAR "\n", access));
    (void)expect(st.alice.peer, "SIP/2.0 481");
    core_send(&(struct request){.method = "BYE", .to = "sip:ue@198.51.100.1:5060", .to_tag = "t",
                                .call_id = "dialog", .headers = route_to(core)});
    (void)expect(st.core, "SIP/2.0 481");
    core_send(&(struct request){.method = "MESSAGE", .to = "sip:ue@198.51.100.1:5060", .headers = route_to(path)});
    (void)expect(st.core, "SIP/2.0 404");
}

// With its keys in a file: calls go on, and a UE by UDP is reached, though the association is gone (5.2.6.4.3).
static void tokens_of_a_file_outlive_the_process(void **state)
{
    char file[64];
    const char *core, *access;
    (void)state;
    (void)snprintf(file, sizeof file, "/tmp/carillon-test-ring.%ld", (long)getpid());
    st.cfg.keys = (struct node_keys){.file = str_from(file), .keep = 2};
    stage_start();
    access = alices_dialog(&core);
    const char *path = registered(&st.alice);
    for (int i = 0; i < 2; i++) {
        stage_restart();
        rotate();
        core_send(&(struct request){.method = "MESSAGE", .to = "sip:ue@198.51.100.1:5060", .headers = route_to(path)});
        peer_answer(st.alice.peer, expect(st.alice.peer, "MESSAGE "), 200, NULL);
        (void)expect(st.core, "SIP/2.0 200");
        core_send(&(struct request){.method = "INFO", .to = "sip:ue@198.51.100.1:5060", .to_tag = "t",
                                    .call_id = "dialog", .headers = route_to(core)});
        peer_answer(st.alice.peer, expect(st.alice.peer, "INFO "), 200, NULL);
        (void)expect(st.core, "SIP/2.0 200");
        alice_sends("INFO", "dialog", "t", text("Route: <%s>\nRoute: " S_CSCF "\nRoute: " FAR "\n", access));
        peer_answer(st.core, expect(st.core, "INFO "), 200, NULL);
        (void)expect(st.alice.peer, "SIP/2.0 200");
    }
    // Forgotten with its key.
    rotate();
    core_send(&(struct request){.method = "MESSAGE", .to = "sip:ue@198.51.100.1:5060", .headers = route_to(path)});
    (void)expect(st.core, "SIP/2.0 404");
    alice_sends("BYE", "dialog", "t", text("Route: <%s>\nRoute: " S_CSCF "\nRoute: " FAR "\n", access));
    (void)expect(st.alice.peer, "SIP/2.0 481");
    assert_int_equal(unlink(file), 0);
}

static void in_dialog_both_ways(void **state)
{
    const char *core, *access;
    (void)state;
    stage_start();
    access = alices_dialog(&core);
    alice_sends("BYE", "dialog", "t",
                text("Route: <%s>\nRoute: " S_CSCF "\nRoute: " FAR "\n", access));
    struct heard *h = expect(st.core, "BYE ");
    assert_lacks(h, "eve");
    assert_string_equal(header(h, "Route"), S_CSCF);
    assert_has(h, FAR);
    // A UE may write a URI in its own way.
    alice_sends(
        "UPDATE", "dialog", "t",
        text(
            "Route: \"P\" <%s>, <sip:mo@192.0.2.20;lr;Transport=UDP>,<sip:far@FAR.example;lr=on>\n",
            access));
    (void)expect(st.core, "UPDATE ");
    core_send(&(struct request){.method = "BYE", .to = "sip:ue@198.51.100.1:5060", .to_tag = "t",
                                .call_id = "dialog",
                                .headers = route_to(core)});
    (void)expect(st.alice.peer, "BYE ");
    assert_int_equal(pcscf_counters(st.pcscf)->subsequent, 3);
}

// TS 24.229 5.2.6.3.5: inside a dialog the way is the one that the network gave. A To tag of her
// own, or other nodes behind this one, do not take alice past the S-CSCF's checks.
static void no_other_way_inside_a_dialog(void **state)
{
    const char *core, *access;
    (void)state;
    stage_start();
    access = alices_dialog(&core);
    const char *rest = ", " S_CSCF ", " FAR "\n";
    const char *const other_routes[] = {
        text("Route: <%s>\n", access),
        text("Route: <%s>, " S_CSCF "\n", access),
        text("Route: <%s>, " FAR ", " S_CSCF "\n", access),
        text("Route: <%s>, " S_CSCF ", " FAR ", <sip:evil.example;lr>\n", access),
        text("Route: <%s>, " S_CSCF ", " FAR ", <<<\n", access),
        text("Route: <%s>, <sip:evil.example;lr>"
             "%s",
             access, rest),
        text("Route: <%s>, <sip:mo@192.0.2.20;transport=udp;lr;maddr=203.0.113.9>, " FAR "\n",
             access),
        text("Route: <%s>, <sip:orig@192.0.2.20;transport=udp;lr>, " FAR "\n", access),
        text("Route: <%s>, <%s>%s", access, access, rest),
    };
    for (size_t i = 0; i < ARRAY_LEN(other_routes); i++) {
        alice_sends("UPDATE", "dialog", "t", other_routes[i]);
        (void)expect(st.alice.peer, "SIP/2.0 400");
        alice_sends("ACK", "dialog", "t", other_routes[i]);
        expect_nothing(st.alice.peer);
    }
    const char *right = text("Route: <%s>%s", access, rest);
    alice_sends("MESSAGE", "dialog", "made-up", right);
    (void)expect(st.alice.peer, "SIP/2.0 403");
    alice_sends("MESSAGE", "another-dialog", "t", right);
    (void)expect(st.alice.peer, "SIP/2.0 403");
    alice_sends("MESSAGE", "dialog", "t", text("Route: <%s>%s", core, rest));
    (void)expect(st.alice.peer, "SIP/2.0 403");
    alice_sends("MESSAGE", "dialog", "t", text("Route: <sip:" ACCESS ";lr>%s", rest));
    (void)expect(st.alice.peer, "SIP/2.0 403");
    alice_sends("MESSAGE", "dialog", "t", "Route: " S_CSCF "\n");
    (void)expect(st.alice.peer, "SIP/2.0 403");
    expect_nothing(st.core);
}

// Each branch of a fork has a route set of its own.
static void each_fork_has_its_own_way(void **state)
{
    const char *core, *way[2];
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    ue_send(&st.alice, &(struct request){.to = BOB, .call_id = "dialog"});
    struct heard *h = expect(st.core, "INVITE ");
    core = uri_in(h, "Record-Route");
    for (size_t i = 0; i < 2; i++) {
        core_answers(h, 183, i ? "two" : "one", text("<sip:b%zu@192.0.2.20;lr>, <%s>", i, core));
        way[i] = last_uri_in(expect(st.alice.peer, "SIP/2.0 183"), "Record-Route");
    }
    alice_sends("UPDATE", "dialog", "two", text("Route: <%s>, <sip:b1@192.0.2.20;lr>\n", way[1]));
    (void)expect(st.core, "UPDATE ");
    alice_sends("UPDATE", "dialog", "two", text("Route: <%s>, <sip:b0@192.0.2.20;lr>\n", way[1]));
    (void)expect(st.alice.peer, "SIP/2.0 400");
    alice_sends("UPDATE", "dialog", "one", text("Route: <%s>, <sip:b1@192.0.2.20;lr>\n", way[1]));
    (void)expect(st.alice.peer, "SIP/2.0 403");
    // What begins no dialog gives no way either.
    core_answers(h, 100, "three", text("<sip:b@192.0.2.20;lr>, <%s>", core));
    core_answers(h, 486, "two", text("<sip:b@192.0.2.20;lr>, <%s>", core));
    assert_lacks(expect(st.alice.peer, "SIP/2.0 486"), "@" ACCESS);
}

// ---- a dialog to alice (TS 24.229 5.2.6.4.4) ----

static struct heard *alice_is_called(void)
{
    const char *path = registered(&st.alice);
    core_send(&(struct request){.from = BOB,
                                .to = "sip:ue@198.51.100.1:5060",
                                .call_id = "called",
                                .headers = text("Route: <%s>\nRecord-Route: " S_CSCF "\n"
                                                "Record-Route: " FAR "\n",
                                                path)});
    return expect(st.alice.peer, "INVITE ");
}

static void called_ue_inside_the_dialog(void **state)
{
    (void)state;
    stage_start();
    struct heard *h = alice_is_called();
    const char *access = uri_in(h, "Record-Route");
    answer(&st.alice, h, 200, "a", text("<%s>, " S_CSCF ", " FAR, access));
    h = expect(st.core, "SIP/2.0 200");
    const char *core = uri_in(h, "Record-Route");
    assert_non_null(strstr(core, "@pcscf." HOME ":5070;lr"));
    assert_has(h, "lr>, " S_CSCF ", " FAR);
    // The other party is "f", as stage.c writes From.
    alice_sends("BYE", "called", "f", text("Route: <%s>, " S_CSCF ", " FAR "\n", access));
    (void)expect(st.core, "BYE ");
    alice_sends("BYE", "called", "f", text("Route: <%s>, " S_CSCF "\n", access));
    (void)expect(st.alice.peer, "SIP/2.0 400");
    alice_sends("BYE", "called", "g", text("Route: <%s>, " S_CSCF ", " FAR "\n", access));
    (void)expect(st.alice.peer, "SIP/2.0 403");
    core_send(&(struct request){.method = "BYE",
                                .to = "sip:ue@198.51.100.1:5060",
                                .to_tag = "a",
                                .call_id = "called",
                                .headers = route_to(core)});
    (void)expect(st.alice.peer, "BYE ");
}

// TS 24.229 5.2.6.3.5, 5.2.6.3.6: this node records itself again; the UE gets the entry that it has, however short the
// list is that comes back.
static void target_refresh_of_the_ue(void **state)
{
    static const char *const methods[] = {"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY"};
    static const char *const behind[] = {FAR ", " S_CSCF ", ", ""};
    const char *core, *access;
    (void)state;
    stage_start();
    access = alices_dialog(&core);
    for (size_t i = 0; i < 2 * ARRAY_LEN(methods); i++) {
        alice_sends(methods[i / 2], "dialog", "t", text("Route: <%s>, " S_CSCF ", " FAR "\n", access));
        struct heard *h = expect(st.core, text("%s ", methods[i / 2]));
        assert_string_equal(header(h, "Record-Route"), text("<%s>", core));
        core_answers(h, 200, "t", text("%s<%s>", behind[i % 2], core));
        assert_string_equal(last_uri_in(expect(st.alice.peer, "SIP/2.0 200"), "Record-Route"), access);
    }
    alice_sends("BYE", "dialog", "t", text("Route: <%s>, " S_CSCF ", " FAR "\n", access));
    assert_lacks(expect(st.core, "BYE "), "Record-Route");
}

// 5.2.6.4.5, 5.2.6.4.6: together with those before it; alone it would be a way past them.
static void target_refresh_to_the_ue(void **state)
{
    const char *core, *access;
    (void)state;
    stage_start();
    access = alices_dialog(&core);
    struct request update = {.method = "UPDATE", .to = "sip:ue@198.51.100.1:5060", .to_tag = "t", .call_id = "dialog"};
    update.headers = route_to(core);
    core_send(&update);
    struct heard *h = expect(st.alice.peer, "UPDATE ");
    assert_lacks(h, "Record-Route");
    answer(&st.alice, h, 200, "t", NULL);
    assert_lacks(expect(st.core, "SIP/2.0 200"), "Record-Route");
    update.headers = text("%sRecord-Route: " S_CSCF ", " FAR "\n", route_to(core));
    core_send(&update);
    h = expect(st.alice.peer, "UPDATE ");
    assert_has(h, "Record-Route: <sip:");
    assert_has(h, "@192.0.2.10:5060;lr");
    answer(&st.alice, h, 200, "t", text("<%s>, " S_CSCF ", " FAR, uri_in(h, "Record-Route")));
    h = expect(st.core, "SIP/2.0 200");
    assert_has(h, "@pcscf." HOME ":5070;lr>, " S_CSCF ", " FAR "\r\n");
    assert_lacks(h, "@192.0.2.10:5060;lr");
    (void)access;
}

// The called UE has no say in who else is on the way: its list is replaced by that of the request.
static void record_route_of_the_called_ue_is_checked(void **state)
{
    (void)state;
    stage_start();
    struct heard *h = alice_is_called();
    const char *access = uri_in(h, "Record-Route");
    const char *const lists[] = {NULL, text("<%s>", access), text("<%s>, " FAR ", " S_CSCF, access),
                                 text("<%s>, " S_CSCF ", <sip:evil.example;lr>, " FAR, access),
                                 text("<sip:evil.example;lr>, " S_CSCF ", " FAR)};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        answer(&st.alice, h, 180, "a", lists[i]);
        struct heard *up = expect(st.core, "SIP/2.0 180");
        assert_lacks(up, "evil");
        assert_has(up, "@pcscf." HOME ":5070;lr>, " S_CSCF ", " FAR "\r\n");
        assert_int_equal(occurrences(up, "Record-Route"), 1);
    }
    // What stands before our entry was put in behind the access side.
    answer(&st.alice, h, 180, "a",
           text("<sip:pbx@198.51.100.1;lr>, <%s>, " S_CSCF ", " FAR, access));
    struct heard *up = expect(st.core, "SIP/2.0 180");
    assert_has(up, "Record-Route: <sip:pbx@198.51.100.1;lr>, <sip:");
    assert_has(up, "@pcscf." HOME ":5070;lr>, " S_CSCF ", " FAR "\r\n");
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
        T(standalone_requests_are_not_recorded),
        T(further_2xx_are_as_the_first),
        T(record_route_has_two_sides),
        T(caller_and_called_behind_one_flow),
        T(unreadable_record_route_towards_the_ue),
        T(unreadable_record_route_in_answers),
        T(provisional_responses_leave_nothing),
        T(tcp_ue_is_told_to_stay_on_tcp),
        T(token_leads_to_the_flow),
        T(closed_connection),
        T(closed_port_is_a_failed_flow),
        T(refused_connection_is_a_failed_flow),
        T(connection_closed_while_ringing),
        T(silent_ue_has_its_time),
        T(without_a_token_nobody_is_found),
        T(tokens_cannot_be_forged),
        T(tokens_end_with_the_process),
        T(dialogs_end_with_the_process),
        T(tokens_of_a_file_outlive_the_process),
        T(tokens_end_with_their_key),
        T(in_dialog_both_ways),
        T(no_other_way_inside_a_dialog),
        T(each_fork_has_its_own_way),
        T(called_ue_inside_the_dialog),
        T(target_refresh_of_the_ue),
        T(target_refresh_to_the_ue),
        T(record_route_of_the_called_ue_is_checked),
        T(in_dialog_from_another_flow),
        T(record_route_is_good_for_one_dialog),
    };
    return cmocka_run_group_tests_name("scenario_pcscf_session", tests, NULL, NULL);
}
