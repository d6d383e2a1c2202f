// SPDX-License-Identifier: Apache-2.0
// RFC 3261 12: construction on both sides, requests inside the dialog, CSeq rules, target refresh.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "stack/session/ua.h"

#define INVITE                                                                                     \
    "INVITE sip:bob@example.org SIP/2.0\r\n"                                                       \
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"                                               \
    "From: \"A\" <sip:alice@example.org>;tag=a1\r\nTo: <sip:bob@example.org>\r\n"                  \
    "Call-ID: c1\r\nCSeq: 7 INVITE\r\nContact: <sip:alice@192.0.2.1>\r\n"

#define RESPONSE(status)                                                                           \
    "SIP/2.0 " status "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"                         \
    "From: \"A\" <sip:alice@example.org>;tag=a1\r\nTo: <sip:bob@example.org>;tag=b1\r\n"           \
    "Call-ID: c1\r\nCSeq: 7 INVITE\r\n"

#define LOOSE "Record-Route: <sip:p2.example.org;lr>, <sip:p1.example.org;lr;x=1>\r\n"

static struct sip_msg *parse(const char *head, const char *more)
{
    char text[4096];
    struct sip_msg *m = NULL;
    struct sip_parse_error e;
    struct writer w = writer_init(text, sizeof text);
    writer_str(&w, str_from(head));
    writer_str(&w, str_from(more));
    writer_lit(&w, "Content-Length: 0\r\n\r\n");
    assert_false(w.failed);
    if (sip_msg_parse(writer_done(&w), &m, &e))
        fail_msg("%s: %.*s", e.what, STR_ARG(writer_done(&w)));
    return m;
}

// A request of the dialog as it would leave, for comparison as a whole.
static const char *written(struct dialog *d, enum sip_method method, uint32_t ack_cseq)
{
    static char out[4096];
    struct arena a;
    struct sip_edits h;
    struct str uri;
    struct writer w = writer_init(out, sizeof out - 1);
    arena_init(&a, NULL, 0);
    sip_edits_init(&h, &a, NULL);
    assert_int_equal(dialog_request(d, method, ack_cseq, &h, &uri), 0);
    assert_int_equal(sip_write_request(sip_method_name(method), uri, &h, &w), 0);
    out[w.n] = 0;
    arena_done(&a);
    return out;
}

static struct dialog *uac(const char *status_and_more, const char *more)
{
    struct sip_msg *req = parse(INVITE, ""), *resp = parse(status_and_more, more);
    struct dialog *d = NULL;
    assert_int_equal(dialog_new_uac(req, resp, &d), 0);
    sip_msg_unref(req);
    sip_msg_unref(resp);
    return d;
}

static struct dialog *uas(const char *more)
{
    struct sip_msg *req = parse(INVITE, more);
    struct dialog *d = NULL;
    assert_int_equal(dialog_new_uas(req, STR("b1"), STR("<sip:bob@192.0.2.9>"), &d), 0);
    sip_msg_unref(req);
    return d;
}

static void uac_request(void **state)
{
    (void)state;
    struct dialog *d = uac(RESPONSE("200 OK") LOOSE, "Contact: <sip:bob@192.0.2.2:5070>\r\n");
    assert_string_equal(written(d, SIP_BYE, 0),
                        "BYE sip:bob@192.0.2.2:5070 SIP/2.0\r\n"
                        "Route: <sip:p1.example.org;lr;x=1>\r\nRoute: <sip:p2.example.org;lr>\r\n"
                        "Max-Forwards: 70\r\nFrom: \"A\" <sip:alice@example.org>;tag=a1\r\n"
                        "To: <sip:bob@example.org>;tag=b1\r\nCall-ID: c1\r\nCSeq: 8 BYE\r\n"
                        "Content-Length: 0\r\n\r\n");
    assert_non_null(strstr(written(d, SIP_INFO, 0), "CSeq: 9 INFO\r\n"));
    // the ACK repeats the INVITE's number and does not count
    assert_non_null(strstr(written(d, SIP_ACK, 7), "CSeq: 7 ACK\r\n"));
    assert_non_null(strstr(written(d, SIP_BYE, 0), "CSeq: 10 BYE\r\n"));
    dialog_free(d);
}

static void uas_request(void **state)
{
    (void)state;
    struct dialog *d = uas(LOOSE);
    assert_string_equal(written(d, SIP_BYE, 0),
                        "BYE sip:alice@192.0.2.1 SIP/2.0\r\n"
                        "Route: <sip:p2.example.org;lr>\r\nRoute: <sip:p1.example.org;lr;x=1>\r\n"
                        "Max-Forwards: 70\r\nFrom: <sip:bob@example.org>;tag=b1\r\n"
                        "To: \"A\" <sip:alice@example.org>;tag=a1\r\nCall-ID: c1\r\nCSeq: 1 BYE\r\n"
                        "Content-Length: 0\r\n\r\n");
    dialog_free(d);
}

// RFC 3261 12.2.1.1: first route without lr.
static void strict_router(void **state)
{
    (void)state;
    struct dialog *d = uas("Record-Route: <sip:old.example.org;method=INVITE;x=2?a=b>, "
                           "<sip:p1.example.org;lr>\r\n");
    const char *text = written(d, SIP_BYE, 0);
    assert_non_null(strstr(text, "BYE sip:old.example.org;x=2 SIP/2.0\r\n"
                                 "Route: <sip:p1.example.org;lr>\r\n"
                                 "Route: <sip:alice@192.0.2.1>\r\n"));
    dialog_free(d);
}

static void early_then_confirmed(void **state)
{
    (void)state;
    struct dialog_info i;
    struct dialog *d = uac(RESPONSE("180 Ringing") LOOSE, "Contact: <sip:early@192.0.2.2>\r\n");
    dialog_get_info(d, &i);
    assert_true(i.early);
    assert_true(str_eq(i.remote_tag, STR("b1")));
    assert_true(str_eq(i.contact, STR("<sip:alice@192.0.2.1>")));
    struct sip_msg *ok = parse(RESPONSE("200 OK"), "Record-Route: <sip:p3.example.org;lr>\r\n"
                                                   "Contact: <sip:final@192.0.2.2>\r\n");
    assert_true(dialog_matches(d, ok));
    dialog_on_response(d, ok);
    dialog_get_info(d, &i);
    assert_false(i.early);
    // RFC 3261 13.2.2.4: the 2xx decides the route set
    assert_non_null(strstr(written(d, SIP_BYE, 0),
                           "BYE sip:final@192.0.2.2 SIP/2.0\r\nRoute: <sip:p3.example.org;lr>\r\n"
                           "Max-Forwards"));
    sip_msg_unref(ok);
    dialog_free(d);
}

static const char rest[] = " sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\r\n"
                           "From: <sip:alice@example.org>;tag=a1\r\n"
                           "To: <sip:bob@example.org>;tag=b1\r\nCall-ID: c1\r\n";

static struct sip_msg *request(const char *method, unsigned cseq, const char *more)
{
    char head[1024], tail[512];
    snprintf(head, sizeof head, "%s%s", method, rest);
    snprintf(tail, sizeof tail, "CSeq: %u %s\r\n%s", cseq, method, more);
    return parse(head, tail);
}

static int in_dialog(struct dialog *d, const char *method, unsigned cseq, const char *more)
{
    struct sip_msg *m = request(method, cseq, more);
    int err = dialog_on_request(d, m);
    sip_msg_unref(m);
    return err;
}

static void matching(void **state)
{
    (void)state;
    struct dialog *d = uas("");
    struct sip_msg *m = request("BYE", 8, "");
    assert_true(dialog_matches(d, m));
    sip_msg_unref(m);
    m = parse(INVITE, "");
    assert_false(dialog_matches(d, m)); // no To tag
    sip_msg_unref(m);
    dialog_free(d);
}

static void cseq_order(void **state)
{
    (void)state;
    struct dialog *d = uas("");
    assert_int_equal(in_dialog(d, "INFO", 9, ""), 0);
    assert_int_equal(in_dialog(d, "INFO", 8, ""), ERR_STATE);
    assert_int_equal(in_dialog(d, "INFO", 9, ""), 0);
    // the ACK of the INVITE, overtaken by INFO
    assert_int_equal(in_dialog(d, "ACK", 7, ""), 0);
    dialog_free(d);
}

static void target_refresh(void **state)
{
    (void)state;
    struct dialog *d = uas("");
    assert_int_equal(in_dialog(d, "INFO", 9, "Contact: <sip:no@192.0.2.1>\r\n"), 0);
    assert_non_null(strstr(written(d, SIP_BYE, 0), "BYE sip:alice@192.0.2.1 SIP/2.0\r\n"));
    assert_int_equal(in_dialog(d, "UPDATE", 10, "Contact: <sip:new@192.0.2.1>\r\n"), 0);
    assert_non_null(strstr(written(d, SIP_BYE, 0), "BYE sip:new@192.0.2.1 SIP/2.0\r\n"));
    assert_int_equal(in_dialog(d, "UPDATE", 11, "Contact: *\r\n"), ERR_BAD);
    assert_non_null(strstr(written(d, SIP_BYE, 0), "BYE sip:new@192.0.2.1 SIP/2.0\r\n"));
    dialog_free(d);
}

static void missing_headers(void **state)
{
    (void)state;
    struct dialog *d = NULL;
    struct sip_msg *req = parse(INVITE, ""), *resp = parse(RESPONSE("200 OK"), "");
    assert_int_equal(dialog_new_uac(req, resp, &d), ERR_BAD); // no Contact
    sip_msg_unref(resp);
    resp = parse(RESPONSE("200 OK"), "Contact: <sip:b@x>\r\nRecord-Route: <sip:p\r\n");
    assert_int_equal(dialog_new_uac(req, resp, &d), ERR_BAD);
    sip_msg_unref(resp);
    sip_msg_unref(req);
    assert_null(d);
}

static int build_all(void)
{
    struct dialog *a = NULL, *b = NULL;
    struct sip_msg *req = NULL, *resp = NULL;
    struct sip_parse_error e;
    int err = sip_msg_parse(STR(INVITE "Content-Length: 0\r\n" LOOSE "\r\n"), &req, &e);
    if (!err)
        err = sip_msg_parse(STR(RESPONSE("200 OK") LOOSE "Contact: <sip:b@192.0.2.2>\r\n"
                                                         "Content-Length: 0\r\n\r\n"),
                            &resp, &e);
    if (!err)
        err = dialog_new_uac(req, resp, &a);
    if (!err)
        err = dialog_new_uas(req, STR("b1"), STR_NONE, &b);
    if (!err) {
        struct arena mem;
        struct sip_edits h;
        struct str uri;
        arena_init(&mem, NULL, 0);
        sip_edits_init(&h, &mem, NULL);
        err = dialog_request(a, SIP_BYE, 0, &h, &uri);
        arena_done(&mem);
    }
    dialog_free(a);
    dialog_free(b);
    sip_msg_unref(req);
    sip_msg_unref(resp);
    return err;
}

static void out_of_memory(void **state)
{
    (void)state;
    long n = 0;
    for (;; n++) {
        mem_fail_after(n);
        int err = build_all();
        mem_fail_after(-1);
        if (!err)
            break;
        assert_true(n < 100);
    }
    assert_true(n > 2);
}

// RFC 6665 4.4.1: the dialog comes from a NOTIFY, its numbers go on from the SUBSCRIBE's.
static void numbers_go_on(void **state)
{
    (void)state;
    struct dialog *d = uas("");
    dialog_set_local_cseq(d, 41);
    assert_non_null(strstr(written(d, SIP_SUBSCRIBE, 0), "CSeq: 42 SUBSCRIBE\r\n"));
    dialog_free(d);
}

// However long the texts are, they fit beside the struct: one allocation, and one for the target.
static void texts_fit(void **state)
{
    (void)state;
    struct sip_msg *req = parse(INVITE, "");
    char tag[301];
    memset(tag, 't', sizeof tag);
    for (size_t n = 1; n < sizeof tag; n++) {
        struct dialog *d = NULL;
        long before = mem_live();
        assert_int_equal(dialog_new_uas(req, str_make(tag, n), str_make(tag, n / 2), &d), 0);
        assert_int_equal(mem_live() - before, 2);
        dialog_free(d);
    }
    sip_msg_unref(req);
}

static long live;

static int leak_start(void **state)
{
    (void)state;
    sip_msg_pool_drain();
    live = mem_live();
    return 0;
}

static int leak_check(void **state)
{
    (void)state;
    sip_msg_pool_drain();
    return mem_live() == live ? 0 : -1;
}

#define T(f) cmocka_unit_test_setup_teardown(f, leak_start, leak_check)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(uac_request),   T(uas_request),   T(strict_router),  T(early_then_confirmed),
        T(matching),      T(cseq_order),    T(target_refresh), T(missing_headers),
        T(out_of_memory), T(numbers_go_on), T(texts_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
