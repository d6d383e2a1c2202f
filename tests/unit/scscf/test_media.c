// SPDX-License-Identifier: Apache-2.0
// Media that the network or a subscription does not allow (TS 24.229 6.3; RFC 3261 21.4.26).
#include <stdio.h>
#include <string.h>

#include "sdp/sdp.h"
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#define SDP(media) "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n" media
#define AUDIO "m=audio 4000 RTP/AVP 104 0\nb=AS:41\na=rtpmap:104 AMR-WB/16000\n"
#define VIDEO "m=video 4002 RTP/AVP 99\na=rtpmap:99 H264/90000\n"
#define NO_VIDEO "m=video 0 RTP/AVP 99\n"

static struct str audio[] = {STR_INIT("audio")}, both[] = {STR_INIT("video"), STR_INIT("audio")},
                  codecs[] = {STR_INIT("amr-wb"), STR_INIT("telephone-event")};
static struct scscf_media_profile profiles[] = {{.id = 7, .allowed = {.types = {audio, 1}}},
                                                {.id = 8, .allowed = {.codecs = {codecs, 2}}},
                                                {.id = 9, .allowed = {.bandwidth = 40}}};

static int set_up(void **state)
{
    int err = world_set_up(state);
    w.cfg.sdp = sdp_limits_default;
    w.cfg.media.profiles = (struct conf_table){profiles, ARRAY_LEN(profiles)};
    scscf_reload(w.scscf, &w.cfg);
    return err;
}

static int tear_down(void **state)
{
    memset(&w.cfg.media, 0, sizeof w.cfg.media);
    return world_tear_down(state);
}

// Alice with this SubscribedMediaProfileId.
static void subscribe(unsigned id)
{
    static char profile[1024];
    (void)snprintf(
        profile, sizeof profile,
        "<?xml version=\"1.0\"?><IMSSubscription><PrivateID>alice@" DOMAIN
        "</PrivateID><ServiceProfile>" ID(
            "sip:alice@" DOMAIN) "<CoreNetworkServicesAuthorization><SubscribedMediaProfileId>%u"
                                 "</SubscribedMediaProfileId></CoreNetworkServicesAuthorization></"
                                 "ServiceProfile>"
                                 "</IMSSubscription>",
        id);
    w.hss.profile = profile;
    (void)world_registered(&alice);
}

// The wire has CRLF for each LF.
static size_t wire_length(const char *body)
{
    size_t n = 0;
    for (const char *p = body; *p; p++)
        n += *p == '\n' ? 2 : 1;
    return n;
}

static void say(int socket, const char *method, const char *route, const char *uri,
                const char *to_tag, const char *type, const char *body)
{
    w.branch++;
    world_sendf(socket,
                "%s %s SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bKm%u\nMax-Forwards: 70\n"
                "Route: <%s>%s\nFrom: <sip:alice@" DOMAIN ">;tag=f\nTo: <sip:x@y>%s\n"
                "Call-ID: m%u\nCSeq: 1 %s\nContact: <sip:alice@192.0.2.1>\n"
                "P-Asserted-Identity: <sip:alice@" DOMAIN ">\n%sContent-Length: %zu\n\n%s",
                method, uri, socket == W_PCSCF ? "127.0.1.10:5060" : "127.0.1.20:5060", w.branch,
                route, *to_tag ? ",<sip:127.0.1.20:5060;lr>" : "", to_tag, w.branch, method, type,
                wire_length(body), body);
}

#define TYPE "Content-Type: application/sdp\n"
#define ORIG "sip:orig@127.0.1.30:5060;lr"
#define BOB "sip:bob@" DOMAIN

static void originate(const char *method, const char *type, const char *body)
{
    say(W_PCSCF, method, ORIG, BOB, "", type, body);
}

static void passes(const char *type, const char *body)
{
    originate("INVITE", type, body);
    struct sip_msg *m = world_expect_request(W_ICSCF, "INVITE");
    world_answer(W_ICSCF, m, 486, "");
    (void)world_expect(W_PCSCF, 486);
}

// The 488 with what is allowed; warning: its code.
static struct sip_msg *refused(int socket, unsigned warning)
{
    struct sip_msg *m = world_expect(socket, 488);
    const struct sip_warning *first = sip_msg_at(m, SIP_H_WARNING, 0);
    assert_non_null(first);
    assert_int_equal(first->code, warning);
    assert_string_equal(header(m, SIP_H_CONTENT_TYPE), "application/sdp");
    return m;
}

static void body_is(struct sip_msg *m, const char *want)
{
    struct str body = sip_msg_body(m);
    ptrdiff_t at = str_find(body, STR("m="));
    struct str got = at < 0 ? STR("") : str_skip(body, (size_t)at);
    assert_true(str_starts(body, STR("v=0\r\no=- 0 0 IN IP4 " DOMAIN "\r\ns=-\r\nt=0 0\r\n")));
    if (!str_eq(got, str_from(want)))
        print_message("# got <%.*s>\n", STR_ARG(got));
    assert_true(str_eq(got, str_from(want)));
}

static void types(void **state)
{
    (void)state;
    subscribe(7);
    passes(TYPE, SDP(AUDIO));
    passes(TYPE, SDP(AUDIO NO_VIDEO)); // refused or ended already
    passes("", "");
    originate("INVITE", TYPE, SDP(AUDIO VIDEO));
    body_is(refused(W_PCSCF, 304), "m=audio 0 RTP/AVP 104 0\r\na=rtpmap:104 AMR-WB/16000\r\n"
                                   "a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n");
    originate("INVITE", TYPE, SDP(VIDEO "a=bundle-only\n"));
    (void)refused(W_PCSCF, 304);
    originate("INVITE", TYPE, SDP(NO_VIDEO "a=bundle-only\n"));
    (void)refused(W_PCSCF, 304);
}

static void codec_names(void **state)
{
    (void)state;
    subscribe(8);
    passes(TYPE, SDP("m=audio 4000 RTP/AVP 104\na=rtpmap:104 AMR-WB/16000\n"));
    passes(TYPE, SDP("m=message 2855 TCP/MSRP *\n"));
    originate("INVITE", TYPE, SDP(AUDIO));
    body_is(refused(W_PCSCF, 305),
            "m=audio 0 RTP/AVP 104\r\na=rtpmap:104 AMR-WB/16000\r\na=sendrecv\r\n");
    originate("INVITE", TYPE, SDP("m=audio 4000 RTP/AVP 0\n"));
    body_is(refused(W_PCSCF, 305), "m=audio 0 RTP/AVP 96 97\r\na=rtpmap:96 AMR-WB/16000\r\n"
                                   "a=rtpmap:97 telephone-event/8000\r\na=sendrecv\r\n");
    originate("INVITE", TYPE, SDP("m=audio 4000 RTP/AVP 120\n")); // nobody says what it is
    (void)refused(W_PCSCF, 305);
}

static void bandwidths(void **state)
{
    (void)state;
    subscribe(9);
    passes(TYPE, SDP("m=audio 4000 RTP/AVP 0\nb=AS:40\n"));
    originate("INVITE", TYPE, SDP(AUDIO));
    assert_non_null(strstr(header(refused(W_PCSCF, 370), SIP_H_WARNING), "Insufficient bandwidth"));
}

// Of the network and of the subscription, what both allow.
static void local_policy(void **state)
{
    (void)state;
    w.cfg.media.policy = (struct node_media){.types = {both, 2}};
    scscf_reload(w.scscf, &w.cfg);
    subscribe(8);
    originate("INVITE", TYPE, SDP("m=message 2855 TCP/MSRP *\n"));
    body_is(refused(W_PCSCF, 304), "m=audio 0 RTP/AVP 96 97\r\na=rtpmap:96 AMR-WB/16000\r\n"
                                   "a=rtpmap:97 telephone-event/8000\r\na=sendrecv\r\n");
}

// A number that nobody has configured.
static void unlisted(void **state)
{
    (void)state;
    subscribe(3);
    passes(TYPE, SDP(AUDIO VIDEO));
    w.cfg.media.unlisted = SCSCF_MEDIA_REFUSE;
    scscf_reload(w.scscf, &w.cfg);
    originate("INVITE", TYPE, SDP(AUDIO));
    body_is(refused(W_PCSCF, 304), "");
}

static void unreadable(void **state)
{
    static const char *const bad[] = {"m=audio", "v=0\ns=-\nm=audio 1 RTP/AVP 0\n",
                                      SDP("m=audio 4000 RTP/AVP 300\n"),
                                      SDP("m=audio 4000 RTP/AVP 0\nm=video\n")};
    (void)state;
    subscribe(7);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        originate("INVITE", TYPE, bad[i]);
        (void)refused(W_PCSCF, 399);
    }
    w.cfg.sdp.media = 1;
    scscf_reload(w.scscf, &w.cfg);
    originate("INVITE", TYPE, SDP(AUDIO AUDIO));
    assert_non_null(strstr(header(refused(W_PCSCF, 399), SIP_H_WARNING), "message.sdp.media"));
}

// However it is wrapped, and whatever a phone may take for a description.
static void wrapped(void **state)
{
    (void)state;
    subscribe(7);
#define PART "--b\nContent-ID: <1>\ncontent-type : Application/SDP;x=y\n\n"
    originate("INVITE", "Content-Type: multipart/mixed;boundary=\"b\"\n",
              "text\n--b\nContent-Type: text/plain\n\nx\n" PART SDP(VIDEO) "\n--b--\n");
    (void)refused(W_PCSCF, 304);
    originate("INVITE", "Content-Type: multipart/mixed;boundary=b\n", PART SDP(VIDEO));
    (void)refused(W_PCSCF, 304);
    passes("Content-Type: multipart/mixed;boundary=b\n", PART SDP(AUDIO) "\n--b--\n");
    originate("INVITE", "", SDP(VIDEO));
    (void)refused(W_PCSCF, 304);
    passes("Content-Type: text/plain\n", SDP(VIDEO));
}

static void called_user(void **state)
{
    (void)state;
    subscribe(7);
    say(W_ICSCF, "INVITE", "sip:scscf." DOMAIN ":5060;lr", "sip:alice@" DOMAIN, "", TYPE,
        SDP(VIDEO));
    (void)refused(W_ICSCF, 304);
    say(W_ICSCF, "INVITE", "sip:scscf." DOMAIN ":5060;lr", "sip:alice@" DOMAIN, "", TYPE,
        SDP(AUDIO));
    struct sip_msg *m = world_expect_request(W_PCSCF, "INVITE");
    assert_string_equal(header(m, SIP_H_RECORD_ROUTE), "<sip:mt@127.0.1.30:5060;lr;media=7>");
}

// What follows in the dialog is held against the profile that our Record-Route names, from either
// side.
static void inside_of_a_dialog(void **state)
{
    static const char *const methods[] = {"INVITE", "UPDATE", "PRACK"};
    (void)state;
    subscribe(7);
    originate("INVITE", "", "");
    struct sip_msg *m = world_expect_request(W_ICSCF, "INVITE");
    assert_string_equal(header(m, SIP_H_RECORD_ROUTE), "<sip:mo@127.0.1.30:5060;lr;media=7>");
    world_answer(W_ICSCF, m, 486, "");
    (void)world_expect(W_PCSCF, 486);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        say(W_PCSCF, methods[i], "sip:mo@127.0.1.30:5060;lr;media=7", "sip:bob@192.0.2.2", ";tag=t",
            TYPE, SDP(VIDEO));
        (void)refused(W_PCSCF, 304);
        say(W_PCSCF, methods[i], "sip:mo@127.0.1.30:5060;lr", "sip:bob@192.0.2.2", ";tag=t", TYPE,
            SDP(VIDEO));
        world_answer(W_ICSCF, world_expect_request(W_ICSCF, methods[i]), 200, "");
        (void)world_expect(W_PCSCF, 200);
    }
    say(W_PCSCF, "INFO", "sip:mo@127.0.1.30:5060;lr;media=7", "sip:bob@192.0.2.2", ";tag=t", TYPE,
        SDP(VIDEO));
    (void)world_expect_request(W_ICSCF, "INFO");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(types),        TEST(codec_names), TEST(bandwidths),
        TEST(local_policy), TEST(unlisted),    TEST(unreadable),
        TEST(wrapped),      TEST(called_user), TEST(inside_of_a_dialog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
