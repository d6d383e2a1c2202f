// SPDX-License-Identifier: Apache-2.0
// Where a description may stand (RFC 2046 5.1, RFC 5621 3.1), and what is said of one that is not allowed
// (TS 24.229 6.2).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "ims/media_policy.h"
#include "sip/msg.h"

#define SDP(media) "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" media
#define AUDIO(types) SDP("m=audio 4000 RTP/AVP " types "\r\n")
#define VIDEO SDP("m=video 4000 RTP/AVP 31\r\n")
#define PART(headers, body) "--x\r\n" headers "\r\n" body "\r\n"
#define MIXED "Content-Type: multipart/mixed;boundary=x\r\n"
#define IS_SDP "Content-Type: application/sdp\r\n"

static struct str audio[] = {STR_INIT("audio")},
                  codecs[] = {STR_INIT("PCMA"), STR_INIT("CN"), STR_INIT("telephone-event")};
static const struct media_policy audio_only = {.types = {audio, 1}}, some_codecs = {.codecs = {codecs, 3}};

// Status of the refusal, 0: allowed.
static unsigned held(const struct media_policy *policy, const char *headers, const char *body, const char *host,
                     struct arena *a, struct media_refusal *ret_refusal)
{
    char text[4096];
    int n = snprintf(text, sizeof text,
                     "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKx\r\nFrom: "
                     "<sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n"
                     "Call-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: "
                     "<sip:a@192.0.2.1>\r\n%sContent-Length: %zu\r\n\r\n%s",
                     headers, strlen(body), body);
    struct sip_msg *m;
    struct sip_parse_error fault;
    assert_int_equal(sip_msg_parse(str_make(text, (size_t)n), &m, &fault), 0);
    struct media_policies all = {.of = {policy}, .n = 1};
    bool ok = media_policy_allows(&all, &sdp_limits_default, m, a, str_from(host), ret_refusal);
    sip_msg_unref(m);
    return ok ? 0 : ret_refusal->status;
}

static unsigned status(const struct media_policy *policy, const char *headers, const char *body)
{
    struct arena a;
    struct media_refusal r;
    arena_init(&a, NULL, 0);
    unsigned s = held(policy, headers, body, "p.example", &a, &r);
    arena_done(&a);
    return s;
}

static void wherever_it_stands(void **state)
{
    static const struct {
        const char *headers, *body;
        unsigned status;
    } rows[] = {
        {IS_SDP, VIDEO, 488},
        {IS_SDP, AUDIO("8"), 0},
        {"Content-Type: application / SDP\r\n", VIDEO, 488},
        {"c: application/sdp\r\n", VIDEO, 488},
        {"", VIDEO, 488},
        {"Content-Type: text/plain\r\n", VIDEO, 0},
        {MIXED, PART(IS_SDP, VIDEO) "--x--\r\n", 488},
        {MIXED, PART(IS_SDP, AUDIO("8")) "--x--\r\n", 0},
        {MIXED, PART(IS_SDP, AUDIO("8")) PART(IS_SDP, VIDEO) "--x--\r\n", 488},
        {MIXED, PART("Content-Type:\r\n application/sdp\r\n", VIDEO) "--x--\r\n", 488},
        {MIXED, PART("Content-Type\r\n\t: application/sdp\r\n", VIDEO) "--x--\r\n", 488},
        {MIXED, PART("Content-ID: <a>\r\n b\r\nc: application/sdp\r\n", VIDEO) "--x--\r\n", 488},
        {MIXED, PART("content-TYPE : application/sdp;x=\"a;b\"\r\n", VIDEO) "--x--\r\n", 488},
        {MIXED, PART("Content-Type: text/plain\r\n" IS_SDP, VIDEO) "--x--\r\n", 488},
        {MIXED, PART(IS_SDP "Content-Type: text/plain\r\n", VIDEO) "--x--\r\n", 488},
        {MIXED, PART("Content-Type: text/plain\r\n", VIDEO) "--x--\r\n", 0},
        {MIXED,
         "preamble\r\n" PART("Content-Type: application/pidf+xml\r\n", "<x/>") PART(IS_SDP, AUDIO("8")) "--x--\r\n", 0},
        {MIXED, PART(" \r\n" IS_SDP, VIDEO) "--x--\r\n", 488},
        // A line that only begins as the boundary does ends no part.
        {MIXED, PART(IS_SDP, SDP("--xx\r\n\r\nm=video 4000 RTP/AVP 31\r\n")) "--x--\r\n", 488},
        {"Content-Type: multipart/mixed;boundary=\"\\x\"\r\n", PART(IS_SDP, VIDEO) "--x--\r\n", 488},
        {"Content-Type: multipart/mixed\r\n", PART(IS_SDP, VIDEO) "--x--\r\n", 488},
        {MIXED,
         PART("Content-Type: multipart/alternative;boundary=y\r\n",
              "--y\r\n" IS_SDP "\r\n" VIDEO "\r\n--y--\r\n") "--x--\r\n",
         488},
        {MIXED,
         PART("Content-Type: multipart/alternative;boundary=xy\r\n",
              "--xy\r\n" IS_SDP "\r\n" AUDIO("8") "\r\n--xy--\r\n") PART(IS_SDP, VIDEO) "--x--\r\n",
         488},
        {MIXED,
         PART("Content-Type: multipart/alternative;boundary=y\r\n",
              "--y\r\n" IS_SDP "\r\n" AUDIO("8") "\r\n--y--\r\n") "--x--\r\n",
         0},
        // Compressed or encoded: RFC 3261 21.4.13.
        {IS_SDP "Content-Encoding: gzip\r\n", "zzz", 415},
        {IS_SDP "e: gzip\r\n", "zzz", 415},
        {IS_SDP "Content-Transfer-Encoding: base64\r\n", "dj0w", 415},
        {IS_SDP "Content-Transfer-Encoding: 8bit\r\n", AUDIO("8"), 0},
        {"Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", "zzz", 0},
        {MIXED "Content-Encoding: gzip\r\n", "zzz", 415},
        {MIXED, PART(IS_SDP "Content-Transfer-Encoding: quoted-printable\r\n", "v=3D0") "--x--\r\n", 415},
        {MIXED, PART("Content-Transfer-Encoding:\r\n base64\r\n" IS_SDP, "dj0w") "--x--\r\n", 415},
        {MIXED,
         PART("Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n", "dj0w")
             PART(IS_SDP, AUDIO("8")) "--x--\r\n",
         0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned got = status(&audio_only, rows[i].headers, rows[i].body);
        if (got != rows[i].status)
            fail_msg("%zu: %s\n%s\n%u", i, rows[i].headers, rows[i].body, got);
    }
}

// How deep it is looked for, and what is deeper does not pass unseen.
static void in_multiparts_within_each_other(void **state)
{
    (void)state;
    for (int depth = 1; depth < 8; depth++) {
        char body[1024] = AUDIO("8"), type[64] = "application/sdp", outer[1024 + 128], header[128];
        for (int i = 0; i < depth; i++) {
            (void)snprintf(outer, sizeof outer, "--b%d\r\nContent-Type: %s\r\n\r\n%s\r\n--b%d--\r\n", i, type, body, i);
            (void)snprintf(type, sizeof type, "multipart/mixed;boundary=b%d", i);
            assert_true(strlen(outer) < sizeof body);
            strcpy(body, outer);
        }
        (void)snprintf(header, sizeof header, "Content-Type: %s\r\n", type);
        assert_int_equal(status(&audio_only, header, body), depth <= 4 ? 0 : 488);
    }
}

// RFC 3551 tables 4 and 5: what has a number of its own needs no a=rtpmap to be known by its name.
static void comfort_noise_can_be_allowed(void **state)
{
    (void)state;
    assert_int_equal(status(&some_codecs, IS_SDP, AUDIO("8 13")), 0);
    assert_int_equal(status(&some_codecs, IS_SDP, AUDIO("8 13 101") "a=rtpmap:101 telephone-event/8000\r\n"), 0);
    assert_int_equal(status(&some_codecs, IS_SDP, AUDIO("8 0")), 488);
    assert_int_equal(status(&some_codecs, IS_SDP, AUDIO("8 19")), 488);
}

static void says_who_refuses(void **state)
{
    static const struct {
        const char *host, *warning;
    } rows[] = {{"p.example", "304 p.example \""}, {"[2001:db8::1]", "304 [2001:db8::1] \""}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct media_refusal r;
        struct str warning;
        arena_init(&a, NULL, 0);
        assert_int_equal(held(&audio_only, IS_SDP, VIDEO, rows[i].host, &a, &r), 488);
        assert_true(sip_edits_first(r.extra, SIP_H_WARNING, &warning));
        assert_true(str_starts(warning, str_from(rows[i].warning)));
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wherever_it_stands),
        cmocka_unit_test(in_multiparts_within_each_other),
        cmocka_unit_test(comfort_noise_can_be_allowed),
        cmocka_unit_test(says_who_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
