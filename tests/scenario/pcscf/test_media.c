// SPDX-License-Identifier: Apache-2.0
// The media policy of the network at its edge (TS 24.229 6.2; RFC 3261 21.4.26).
#include "stage.h"

#define SDP(media) "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n" media
#define AUDIO SDP("m=audio 4000 RTP/AVP 0\n")
#define VIDEO SDP("m=video 4000 RTP/AVP 99\na=rtpmap:99 H264/90000\n")

static struct str audio[] = {STR_INIT("audio")};

static void start(void)
{
    st.cfg.media.types = (struct conf_strs){audio, 1};
    st.cfg.sdp = sdp_limits_default;
    stage_start();
}

static void refused(struct peer *p)
{
    struct heard *h = expect(p, "SIP/2.0 488");
    assert_has(h, "\r\nWarning: 304 ");
    assert_has(h, "\r\nContent-Type: application/sdp\r\n");
    assert_has(h, "\r\nm=audio 0 RTP/AVP ");
    assert_lacks(h, "\r\nm=video");
}

static void from_a_ue(void **state)
{
    (void)state;
    start();
    (void)registered(&st.alice);
    ue_send(&st.alice, &(struct request){.to = BOB, .sdp = VIDEO});
    refused(st.alice.peer);
    expect_nothing(st.core);
    ue_send(&st.alice, &(struct request){.to = BOB, .sdp = AUDIO});
    (void)expect(st.core, "INVITE ");
    assert_int_equal(pcscf_counters(st.pcscf)->refused_media, 1);
}

static void to_a_ue(void **state)
{
    (void)state;
    start();
    const char *path = registered(&st.alice);
    const char *route = text("Route: <%s>\n", path);
    core_send(&(struct request){.to = "sip:ue@198.51.100.1:5060", .headers = route, .sdp = VIDEO});
    refused(st.core);
    core_send(&(struct request){.to = "sip:ue@198.51.100.1:5060", .headers = route, .sdp = AUDIO});
    (void)expect(st.alice.peer, "INVITE ");
}

// A call that is to become a video call, by either side.
static void inside_of_a_dialog(void **state)
{
    (void)state;
    start();
    (void)registered(&st.alice);
    struct request update = {
        .method = "UPDATE", .to = BOB, .to_tag = "peer", .call_id = "dialog", .sdp = VIDEO};
    ue_send(&st.alice, &(struct request){.to = BOB, .call_id = "dialog", .sdp = AUDIO});
    struct heard *h = expect(st.core, "INVITE ");
    const char *core = uri_in(h, "Record-Route");
    peer_answer(st.core, h, 200, NULL);
    h = expect(st.alice.peer, "SIP/2.0 200");
    update.headers = text("Route: <%s>\n", last_uri_in(h, "Record-Route"));
    ue_send(&st.alice, &update);
    refused(st.alice.peer);
    update.to = "sip:ue@198.51.100.1:5060";
    update.headers = text("Route: <%s>\n", core);
    core_send(&update);
    refused(st.core);
}

// The name of the network is a text for people: who refuses is this node, by the address that the UE knows
// (RFC 3261 20.43, RFC 8866 5.2).
static void name_of_the_network_is_no_host(void **state)
{
    (void)state;
    st.cfg.visited_network = STR("Visited Network 1");
    start();
    (void)registered(&st.alice);
    ue_send(&st.alice, &(struct request){.to = BOB, .sdp = VIDEO});
    struct heard *h = expect(st.alice.peer, "SIP/2.0 488");
    assert_has(h, "\r\nWarning: 304 192.0.2.10 \"");
    assert_has(h, "\r\no=- 0 0 IN IP4 192.0.2.10\r\n");
    assert_lacks(h, "Visited");
}

// Without a policy nothing is looked at.
static void no_policy(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    ue_send(&st.alice, &(struct request){.to = BOB, .sdp = VIDEO});
    (void)expect(st.core, "INVITE ");
    ue_send(&st.alice, &(struct request){.to = BOB, .sdp = "nothing\n"});
    (void)expect(st.core, "INVITE ");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(from_a_ue), TEST(to_a_ue), TEST(inside_of_a_dialog),
                                       TEST(name_of_the_network_is_no_host), TEST(no_policy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
