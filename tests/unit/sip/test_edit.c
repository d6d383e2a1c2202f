// SPDX-License-Identifier: Apache-2.0
// Edits: the fields that are left, as one text.
#include <stdio.h>

#include "check.h"

#define TEXT                                                                                       \
    "OPTIONS sip:h SIP/2.0\r\n"                                                                    \
    "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"                                                       \
    "Route: <sip:a;lr>, <sip:b;lr> ,<sip:c;lr>\r\n"                                                \
    "From: <sip:a@h>;tag=1\r\n"                                                                    \
    "X-One: 1\r\n"                                                                                 \
    "Route: <sip:d;lr>\r\n"                                                                        \
    "To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"                                           \
    "x-one: 2\r\n"                                                                                 \
    "Max-Forwards: 70\r\n"                                                                         \
    "Content-Length: 2\r\n\r\nhi"

static struct sip_msg *msg;
static struct sip_edits edits;
static char out[4096];

static int begin(void **state)
{
    (void)state;
    msg = check_parse(STR(TEXT));
    sip_edits_init(&edits, sip_msg_arena(msg), msg);
    return 0;
}

static int end(void **state)
{
    (void)state;
    sip_msg_unref(msg);
    return 0;
}

// What is written must contain want, and still be a message.
static struct str written(const char *want)
{
    struct writer w = writer_init(out, sizeof out);
    assert_int_equal(sip_msg_write(msg, &edits, &w), 0);
    struct str all = writer_done(&w);
    sip_msg_unref(check_parse(all));
    if (str_find(all, str_from(want)) < 0) {
        print_error("%.*s\nhas no\n%s\n", STR_ARG(all), want);
        fail();
    }
    return all;
}

static void lacks(const char *what)
{
    struct writer w = writer_init(out, sizeof out);
    assert_int_equal(sip_msg_write(msg, &edits, &w), 0);
    assert_true(str_find(writer_done(&w), str_from(what)) < 0);
}

static void nothing_changes_nothing(void **state)
{
    (void)state;
    assert_true(str_eq(written(""), STR(TEXT)));
}

// The values that the edits leave, with '|' between.
static void left(enum sip_hid id, const char *want)
{
    char text[256];
    struct writer w = writer_init(text, sizeof text);
    struct sip_edits_iter it = sip_edits_iter_init(&edits, id);
    for (struct str v; sip_edits_iter_next(&it, &v);) {
        if (w.n)
            writer_chr(&w, '|');
        writer_str(&w, v);
    }
    assert_str(writer_done(&w), want);
}

static void elements(void **state)
{
    (void)state;
    sip_edit_remove_at(&edits, SIP_H_ROUTE, 0);
    written("\r\nRoute: <sip:b;lr> ,<sip:c;lr>\r\nFrom");
    sip_edit_remove_at(&edits, SIP_H_ROUTE, 2);
    written("\r\nRoute: <sip:b;lr>\r\nFrom");
    sip_edit_replace_at(&edits, SIP_H_ROUTE, 1, STR("<sip:x>"));
    written("\r\nRoute: <sip:x>\r\nFrom");
    left(SIP_H_ROUTE, "<sip:x>|<sip:d;lr>");
    sip_edit_remove_at(&edits, SIP_H_ROUTE, 1);
    written("branch=z9hG4bK1\r\nFrom");
    sip_edit_remove_at(&edits, SIP_H_ROUTE, 3);
    lacks("Route");
    sip_edit_remove_at(&edits, SIP_H_ROUTE, 4); // there is none
    lacks("Route");
}

static void lines(void **state)
{
    (void)state;
    sip_edit_prepend(&edits, SIP_H_VIA, STR("one"));
    sip_edit_prepend(&edits, SIP_H_VIA, STR("SIP/2.0/TCP two;branch=z9hG4bK2"));
    sip_edit_prepend(&edits, SIP_H_RECORD_ROUTE, STR("<sip:rr>"));
    sip_edit_append(&edits, SIP_H_SUPPORTED, STR("path"));
    sip_edit_append_named(&edits, STR("X-New"), STR("n"));
    written("SIP/2.0\r\nRecord-Route: <sip:rr>\r\nVia: SIP/2.0/TCP two;branch=z9hG4bK2\r\n"
            "Via: one\r\nVia: SIP/2.0/UDP h");
    written("Content-Length: 2\r\nSupported: path\r\nX-New: n\r\n\r\nhi");
    sip_edit_remove(&edits, SIP_H_VIA);
    lacks("Via");
}

static void set_and_uri(void **state)
{
    (void)state;
    sip_edit_set(&edits, SIP_H_MAX_FORWARDS, STR("69"));
    sip_edit_set(&edits, SIP_H_ROUTE, STR("<sip:only>"));
    sip_edit_set(&edits, SIP_H_EXPIRES, STR("5"));
    sip_edit_set(&edits, SIP_H_EXPIRES, STR("6"));
    sip_edit_uri(&edits, STR("sip:first"));
    sip_edit_uri(&edits, STR("sip:new@h"));
    struct str all = written("OPTIONS sip:new@h SIP/2.0\r\n");
    assert_true(str_find(all, STR("\r\nMax-Forwards: 69\r\n")) > 0);
    assert_true(str_find(all, STR("\r\nExpires: 6\r\n\r\n")) > 0);
    lacks("70");
    lacks("Expires: 5");
    lacks("<sip:d;lr>");
    assert_str(sip_edits_uri(&edits), "sip:new@h");
    left(SIP_H_ROUTE, "<sip:only>");
}

static void body(void **state)
{
    (void)state;
    sip_edit_body(&edits, STR("text/plain"), STR("first"));
    sip_edit_body(&edits, STR("text/plain"), STR("hello, world"));
    struct str all = written("Content-Length: 12\r\n");
    assert_true(str_ends(all, STR("\r\n\r\nhello, world")));
    written("Content-Type: text/plain\r\n");
}

static void copies_are_independent(void **state)
{
    (void)state;
    struct sip_edits one, two;
    sip_edit_remove_at(&edits, SIP_H_ROUTE, 0);
    sip_edits_copy(&one, sip_msg_arena(msg), &edits);
    sip_edits_copy(&two, sip_msg_arena(msg), &edits);
    sip_edit_remove_at(&one, SIP_H_ROUTE, 1);
    sip_edit_uri(&two, STR("sip:two"));
    written("Route: <sip:b;lr> ,<sip:c;lr>\r\n");
    edits = one;
    written("Route: <sip:c;lr>\r\n");
    lacks("sip:two");
    edits = two;
    written("OPTIONS sip:two SIP/2.0\r\n");
    written("Route: <sip:b;lr> ,<sip:c;lr>\r\n");
}

static void too_small(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof TEXT - 1; n++) {
        struct writer w = writer_init(out, n);
        assert_int_equal(sip_msg_write(msg, &edits, &w), ERR_TOOBIG);
    }
}

static void requests_from_nothing(void **state)
{
    (void)state;
    struct writer w = writer_init(out, sizeof out);
    struct sip_edits e;
    sip_edits_init(&e, sip_msg_arena(msg), NULL);
    sip_edit_append(&e, SIP_H_VIA, STR("SIP/2.0/UDP h;branch=z9hG4bKx"));
    sip_edit_append(&e, SIP_H_FROM, STR("<sip:a@h>;tag=1"));
    sip_edit_append(&e, SIP_H_TO, STR("<sip:b@h>"));
    sip_edit_append(&e, SIP_H_CALL_ID, STR("id"));
    sip_edit_append(&e, SIP_H_CSEQ, STR("1 MESSAGE"));
    sip_edit_body(&e, STR("text/plain"), STR("hi"));
    assert_int_equal(sip_write_request(STR("MESSAGE"), STR("sip:b@h"), &e, &w), 0);
    struct sip_msg *m = check_parse(writer_done(&w));
    assert_int_equal(sip_msg_method(m), SIP_MESSAGE);
    assert_str(sip_msg_body(m), "hi");
    assert_str(sip_msg_raw(m, SIP_H_CONTENT_TYPE), "text/plain");
    assert_int_equal(sip_msg_count(m, SIP_H_CONTENT_LENGTH), 1);
    sip_msg_unref(m);
}

// What stands in quotes or brackets parts nothing: the first element goes, the others stay as they came.
static void quoted_elements(void **state)
{
    static const char *const rows[][2] = {
        {"\"a, b\" <sip:a;lr>, <sip:c;lr>", "<sip:c;lr>"},
        {"\"a\\\", b\" <sip:a;lr>, \"c, d\" <sip:c;lr>", "\"c, d\" <sip:c;lr>"},
        {"\"a\\\\\" <sip:a;lr>, \"c\" <sip:c;lr>", "\"c\" <sip:c;lr>"},
        {"\"<\" <sip:a;lr>, <sip:c;lr>", "<sip:c;lr>"},
        {"\">\" <sip:a;lr>;x=\"<,\", <sip:c;lr>", "<sip:c;lr>"},
        {"<sip:a,b@h;lr>, <sip:c,d@h;lr>,<sip:e;lr>", "<sip:c,d@h;lr>,<sip:e;lr>"},
        {"<sip:a;lr>;x=\",\";y, <sip:c;lr>", "<sip:c;lr>"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512];
        int n = snprintf(text, sizeof text,
                         "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nRoute: %s\r\n"
                         "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n",
                         rows[i][0]);
        struct sip_msg *m = check_parse(str_make(text, (size_t)n));
        struct sip_edits e;
        struct writer w = writer_init(out, sizeof out);
        sip_edits_init(&e, sip_msg_arena(m), m);
        sip_edit_remove_at(&e, SIP_H_ROUTE, 0);
        assert_int_equal(sip_msg_write(m, &e, &w), 0);
        struct sip_msg *again = check_parse(writer_done(&w));
        assert_str(sip_msg_raw(again, SIP_H_ROUTE), rows[i][1]);
        sip_msg_unref(again);
        sip_msg_unref(m);
    }
}

static void responses(void **state)
{
    (void)state;
    struct writer w = writer_init(out, sizeof out);
    struct sip_edits e;
    sip_edits_init(&e, sip_msg_arena(msg), NULL);
    sip_edit_append(&e, SIP_H_UNSUPPORTED, STR("x"));
    assert_int_equal(sip_write_response(msg, 420, STR_NONE, STR("t"), &e, &w), 0);
    struct sip_msg *r = check_parse(writer_done(&w));
    assert_str(sip_msg_reason(r), "Bad Extension");
    assert_str(sip_msg_raw(r, SIP_H_UNSUPPORTED), "x");
    assert_str(sip_msg_to_tag(r), "t");
    assert_false(sip_msg_has(r, SIP_H_ROUTE));
    sip_msg_unref(r);
    w = writer_init(out, sizeof out);
    assert_int_equal(sip_write_response(msg, 100, STR("Ok now"), STR("t"), NULL, &w), 0);
    r = check_parse(writer_done(&w));
    assert_str(sip_msg_reason(r), "Ok now");
    assert_null(sip_msg_to_tag(r).p); // none in a 100
    sip_msg_unref(r);
    // RFC 3261 8.2.6.2: one that the request has stays, in a 100 too
    struct sip_msg *inside = check_parse(STR("BYE sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK2\r\n"
                                             "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=theirs\r\n"
                                             "Call-ID: c\r\nCSeq: 2 BYE\r\n\r\n"));
    for (unsigned status = 100; status <= 200; status += 100) {
        w = writer_init(out, sizeof out);
        assert_int_equal(sip_write_response(inside, status, STR_NONE, STR("t"), NULL, &w), 0);
        r = check_parse(writer_done(&w));
        assert_str(sip_msg_to_tag(r), "theirs");
        sip_msg_unref(r);
    }
    sip_msg_unref(inside);
    assert_str(sip_reason(499), "Bad Request");
    assert_str(sip_reason(404), "Not Found");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(nothing_changes_nothing), TEST(elements),  TEST(lines),
        TEST(set_and_uri),             TEST(body),      TEST(copies_are_independent),
        TEST(too_small),               TEST(responses), TEST(quoted_elements), TEST(requests_from_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
