// SPDX-License-Identifier: Apache-2.0
// RFC 3840 features and RFC 3841 7.2: which contacts fit a request, and how well.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "sip/addr_hdr.h"
#include "sip/msg.h"
#include "sip/prefs.h"

static struct sip_msg *request(const char *method, const char *headers)
{
    char text[4096];
    struct sip_msg *m = NULL;
    struct sip_parse_error where;
    int n = snprintf(text, sizeof text,
                     "%s sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
                     "Max-Forwards: 70\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\n"
                     "CSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n", method, method, headers);
    assert_int_equal(sip_msg_parse(str_make(text, (size_t)n), &m, &where), 0);
    return m;
}

// The score of <sip:x>PARAMS for the request; -1: it is not for it.
static int judged(const struct sip_msg *m, const char *params)
{
    char text[1024];
    struct arena a;
    struct sip_contact c;
    struct sip_prefs p;
    uint16_t score = 0;
    arena_init(&a, NULL, 0);
    (void)snprintf(text, sizeof text, "<sip:x@192.0.2.9>%s", params);
    assert_int_equal(sip_contact_parse(&a, str_from(text), &c), 0);
    assert_int_equal(sip_prefs_read(&a, m, &p), 0);
    bool in = sip_prefs_judge(&p, c.addr.params, &score);
    arena_done(&a);
    return in ? score : -1;
}

static int judge(const char *method, const char *headers, const char *params)
{
    struct sip_msg *m = request(method, headers);
    int score = judged(m, params);
    sip_msg_unref(m);
    return score;
}

#define MMTEL "+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\""

static void accept_contact(void **state)
{
    static const struct {
        const char *wants, *contact;
        int score;
    } rows[] = {
        {"*;audio", ";audio", 1000},
        {"*;audio;video", ";audio", 500},
        {"*;audio;video;require", ";audio", 500},
        {"*;audio;video;explicit", ";audio", 0},
        {"*;audio;video;require;explicit", ";audio", -1},
        {"*;audio;video;require;explicit", ";video;audio", 1000},
        {"*;video", ";video=\"FALSE\"", 0},
        {"*;video;require", ";video=\"FALSE\"", -1},
        {"*;video=\"FALSE\"", ";video=\"!TRUE\"", 1000},
        {"*;" MMTEL, ";" MMTEL ";audio", 1000},
        {"*;" MMTEL, ";+g.3gpp.smsip", 0},
        {"*;" MMTEL ";require", ";+g.3gpp.smsip", 0},
        {"*;" MMTEL ";require;explicit", ";+g.3gpp.smsip", -1},
        {"*;" MMTEL, ";+G.3GPP.ICSI-REF=\"other,urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\"", 1000},
        {"*;" MMTEL ";video", ";" MMTEL, 500},
        {"*;audio, *;video", ";audio", 500},
        {"*;audio, *;video;require", ";audio", 500},
        {"*;mobility=\"mobile\"", ";mobility=\"MOBILE\"", 1000},
        {"*;mobility=\"fixed\";require", ";mobility=\"mobile\"", -1},
        {"*;mobility=\"!fixed\";require", ";mobility=\"mobile\"", 1000},
        {"*;mobility=\"!fixed\";require", ";mobility=\"fixed\"", -1},
        {"*;language=\"en,de\";require", ";language=\"fr,de\"", 1000},
        {"*;language=\"en\";require", ";language=\"fr\"", -1},
        {"*;+sip.instance=\"<urn:uuid:1>\";require;explicit", ";+sip.instance=\"<urn:uuid:1>\"", 1000},
        {"*;+sip.instance=\"<urn:uuid:1>\";require;explicit", ";+sip.instance=\"<URN:uuid:1>\"", -1},
        {"*;priority=\"#>=5\";require", ";priority=\"#=4\"", -1},
        {"*;priority=\"#>=5\";require", ";priority=\"#=5\"", 1000},
        {"*;priority=\"#<=2\";require", ";priority=\"#=1.00000005\"", 1000},
        {"*;priority=\"#>=5\";require", ";priority=\"#1:4.9\"", -1},
        {"*;priority=\"#>=5\";require", ";priority=\"#1:5.1\"", 1000},
        {"*;priority=\"#<=-1.5\";require", ";priority=\"#=-2\"", 1000},
        {"*;priority=\"!#=5\";require", ";priority=\"#=5\"", -1},
        {"*;priority=\"!#=5\";require", ";priority=\"#4:5\"", 1000},
        {"*;priority=\"#=99999999999999999999\";require", ";priority=\"#>=3\"", 1000},
        {"*;methods=\"MESSAGE\";require", ";methods=\"INVITE,MESSAGE\"", 1000},
        {"*;q=0.5;expires=3", ";audio", 1000}, // no feature: nothing is preferred
        {"*;audio", "", 1000},                 // a contact that says nothing is not judged
        {"*;audio;require;explicit", ";q=0.3;expires=9", 1000},
        {"*;audio;require;explicit", ";reg-id=1;video", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char headers[512];
        (void)snprintf(headers, sizeof headers, "Accept-Contact: %s\r\n", rows[i].wants);
        int got = judge("INVITE", headers, rows[i].contact);
        if (got != rows[i].score)
            fail_msg("%s with %s: %d", rows[i].wants, rows[i].contact, got);
    }
}

static void reject_contact(void **state)
{
    static const struct {
        const char *wants, *contact;
        int score;
    } rows[] = {
        {"*;automata", ";automata", -1},
        {"*;automata", ";audio", 1000},
        {"*;automata;video", ";automata", 1000},
        {"*;automata;video", ";automata;video", -1},
        {"*;actor=\"msg-taker\"", ";actor=\"principal\"", 1000},
        {"*;actor=\"msg-taker\"", ";actor=\"msg-taker\"", -1},
        {"*;automata, *;video", ";video", -1},
        {"*", ";video", 1000},
        {"*;video", "", 1000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char headers[512];
        (void)snprintf(headers, sizeof headers, "Reject-Contact: %s\r\n", rows[i].wants);
        int got = judge("INVITE", headers, rows[i].contact);
        if (got != rows[i].score)
            fail_msg("%s with %s: %d", rows[i].wants, rows[i].contact, got);
    }
}

// RFC 3841 7.2.2: without preferences the method and the event package are preferred.
static void implicit(void **state)
{
    assert_int_equal(judge("MESSAGE", "", ";methods=\"INVITE,BYE\""), -1);
    assert_int_equal(judge("INVITE", "", ";methods=\"INVITE,BYE\""), 1000);
    assert_int_equal(judge("INVITE", "", ";audio"), 1000);
    assert_int_equal(judge("SUBSCRIBE", "Event: dialog\r\n", ";events=\"presence\""), -1);
    assert_int_equal(judge("SUBSCRIBE", "Event: dialog\r\n", ";events=\"presence,dialog\""), 1000);
    assert_int_equal(judge("SUBSCRIBE", "Event: dialog\r\n", ";audio"), 1000);
    assert_int_equal(judge("MESSAGE", "Accept-Contact: *;audio\r\n", ";methods=\"INVITE\";audio"),
                     1000);
}

// What is malformed, or more than is looked at, prefers nothing and breaks nothing.
static void odd_preferences(void **state)
{
    char headers[3000] = "Accept-Contact: *";
    for (unsigned i = 0; i < 40; i++)
        (void)snprintf(headers + strlen(headers), 30, ";+f%u", i);
    (void)snprintf(headers + strlen(headers), 40, ";require\r\n");
    assert_int_equal(judge("INVITE", headers, ";+f0;+f1;+f2;+f3"), 250);
    strcpy(headers, "Accept-Contact: *;audio");
    for (unsigned i = 0; i < 40; i++)
        (void)snprintf(headers + strlen(headers), 30, ", *;audio");
    (void)snprintf(headers + strlen(headers), 40, "\r\n");
    assert_int_equal(judge("INVITE", headers, ";audio"), 1000);
    assert_int_equal(judge("INVITE", "Accept-Contact: ;;=\r\n", ";audio"), 1000);
    static const char *const values[] = {"\"\"", "\",,\"", "\"!\"", "\"#\"", "\"#>\"", "\"<\"", "\"<,\"",
                                         "\"#:\"", "\"#.\"", "\"!#=..5\"", "\"!<a,b>,c\""};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        (void)snprintf(headers, sizeof headers, "Accept-Contact: *;+x=%s;require\r\n", values[i]);
        for (size_t k = 0; k < ARRAY_LEN(values); k++) {
            char contact[100];
            (void)snprintf(contact, sizeof contact, ";+x=%s", values[k]);
            int got = judge("INVITE", headers, contact);
            assert_true(got >= -1 && got <= 1000);
        }
    }
}

static void features(void **state)
{
    const struct sip_param events = {.name = STR("events"), .value = STR("\"presence,dialog\"")};
    assert_true(sip_feature_has(&events, STR("events"), STR("dialog")));
    assert_false(sip_feature_has(&events, STR("events"), STR("reg")));
    assert_false(sip_feature_has(&events, STR("methods"), STR("dialog")));
    assert_false(sip_feature_has(NULL, STR("events"), STR("dialog")));
    assert_true(sip_is_feature(STR("+g.3gpp.smsip")) && sip_is_feature(STR("Audio")));
    assert_false(sip_is_feature(STR("q")) || sip_is_feature(STR("reg-id")));
}

static void disposition(void **state)
{
    static const struct {
        const char *headers;
        bool no_fork, sequential, parallel;
    } rows[] = {
        {"", false, false, false},
        {"Request-Disposition: proxy, recurse, parallel\r\n", false, false, true},
        {"d: no-fork, sequential\r\n", true, true, false},
        {"Request-Disposition: fork\r\n", false, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sip_msg *m = request("INVITE", rows[i].headers);
        struct sip_disposition d = sip_disposition_read(m);
        assert_int_equal(d.no_fork, rows[i].no_fork);
        assert_int_equal(d.sequential, rows[i].sequential);
        assert_int_equal(d.parallel, rows[i].parallel);
        sip_msg_unref(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_contact), cmocka_unit_test(reject_contact),
        cmocka_unit_test(implicit),       cmocka_unit_test(odd_preferences),
        cmocka_unit_test(features),       cmocka_unit_test(disposition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
