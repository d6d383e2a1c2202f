// SPDX-License-Identifier: Apache-2.0
// The torture tests of RFC 4475 and RFC 5118, and what these say should become of each.
#include <stdio.h>

#include "check.h"
#include "corpus.h"
#include "sip/uri.h"

static struct corpus_file files[64];
static size_t n_files;

struct verdict {
    const char *section;
    const char *name;
    const char *what; // the field that is wrong, NULL: the message is accepted
    bool answered;    // a request that can be answered with 400 or 505
};

// RFC 4475: 3.1.1 valid; 3.1.2 invalid; 3.2 and 3.3 for the layers above, apart from what cannot be
// parsed. What each node makes of them is in tests/e2e/torture_table.py.
static const struct verdict rfc4475[] = {
    {"3.1.1.1", "wsinv.dat", NULL, false},
    {"3.1.1.2", "intmeth.dat", NULL, false},
    {"3.1.1.3", "esc01.dat", NULL, false},
    {"3.1.1.4", "escnull.dat", NULL, false},
    {"3.1.1.5", "esc02.dat", NULL, false},
    {"3.1.1.6", "lwsdisp.dat", NULL, false},
    {"3.1.1.7", "longreq.dat", NULL, false},
    {"3.1.1.8", "dblreq.dat", NULL, false},
    {"3.1.1.9", "semiuri.dat", NULL, false},
    {"3.1.1.10", "transports.dat", NULL, false},
    {"3.1.1.11", "mpart01.dat", NULL, false},
    {"3.1.1.12", "unreason.dat", NULL, false},
    {"3.1.1.13", "noreason.dat", NULL, false},
    {"3.1.2.1", "badinv01.dat", "Via", true},
    {"3.1.2.2", "clerr.dat", "Content-Length", true}, // 9999 announced
    {"3.1.2.3", "ncl.dat", "Content-Length", true},
    {"3.1.2.4", "scalar02.dat", "CSeq", true},
    {"3.1.2.5", "scalarlg.dat", "CSeq", false},
    {"3.1.2.6", "quotbal.dat", "To", true},
    {"3.1.2.7", "ltgtruri.dat", "Request-URI", true},
    {"3.1.2.8", "lwsruri.dat", "Request-URI", true},
    {"3.1.2.9", "lwsstart.dat", "Request-URI", true},
    {"3.1.2.10", "trws.dat", "start line", true},
    {"3.1.2.11", "escruri.dat", "Request-URI", true},
    {"3.1.2.12", "baddate.dat", NULL, false}, // nothing here reads a Date
    {"3.1.2.13", "regbadct.dat", NULL, false}, // the Contact is malformed: see below
    {"3.1.2.14", "badaspec.dat", "To", true},
    {"3.1.2.15", "baddn.dat", "header line", true}, // as it circulates: the blank line is missing
    {"3.1.2.16", "badvers.dat", SIP_FAULT_VERSION, true},
    {"3.1.2.17", "mismatch01.dat", "CSeq", true},
    {"3.1.2.18", "mismatch02.dat", "CSeq", true},
    {"3.1.2.19", "bigcode.dat", "start line", false},
    {"3.2.1", "badbranch.dat", NULL, false},
    {"3.3.1", "insuf.dat", "From", true},
    {"3.3.2", "unkscm.dat", NULL, false},
    {"3.3.3", "novelsc.dat", NULL, false},
    {"3.3.4", "unksm2.dat", NULL, false},
    {"3.3.5", "bext01.dat", NULL, false},
    {"3.3.6", "invut.dat", NULL, false},
    {"3.3.7", "regaut01.dat", NULL, false},
    {"3.3.8", "multi01.dat", "From", true},
    {"3.3.9", "mcl01.dat", "Content-Length", true},
    {"3.3.10", "bcast.dat", NULL, false},
    {"3.3.11", "zeromf.dat", NULL, false},
    {"3.3.12", "cparam01.dat", NULL, false},
    {"3.3.13", "cparam02.dat", NULL, false},
    {"3.3.14", "regescrt.dat", NULL, false},
    {"3.3.15", "sdp01.dat", NULL, false},
    {"3.4.1", "inv2543.dat", NULL, false},
};

// RFC 5118, as its text has them: the lengths of three bodies were counted otherwise there.
static const struct verdict rfc5118[] = {
    {"4.1", "ipv6-good.dat", NULL, false},
    {"4.2", "ipv6-bad.dat", "Request-URI", true},
    {"4.3", "port-ambiguous.dat", NULL, false},
    {"4.4", "port-unambiguous.dat", NULL, false},
    {"4.5", "via-received-param-with-delim.dat", NULL, false},
    {"4.5", "via-received-param-no-delim.dat", NULL, false},
    {"4.6", "ipv6-in-sdp.dat", "Content-Length", true}, // 268 announced, 251 there
    {"4.7", "mult-ip-in-header.dat", NULL, false},
    {"4.8", "mult-ip-in-sdp.dat", NULL, false},
    {"4.9", "ipv4-mapped-ipv6.dat", NULL, false},
    {"4.10", "ipv6-bug-abnf-3-colons.dat", NULL, false},
    {"4.10", "ipv6-correct-abnf-2-colons.dat", NULL, false},
};

static void judge(const struct verdict *v)
{
    struct str s = corpus_get(files, n_files, v->name);
    struct sip_msg *m;
    struct sip_parse_error err = {.what = "nothing"};
    assert_non_null(s.p);
    int e = sip_msg_parse(s, &m, &err);
    const char *what = e ? err.what : NULL;
    if ((what == NULL) != (v->what == NULL) || (what && strcmp(what, v->what) != 0) ||
        (e && (m != NULL) != v->answered)) {
        print_error("%s %s: %s at %zu, %s\n", v->section, v->name, what ? what : "accepted",
                    err.offset, m ? "answered" : "dropped");
        fail();
    }
    assert_int_equal(m && sip_msg_is_bad(m), e != 0 && m);
    sip_msg_unref(m);
}

// baddn with the blank line that it lacks.
static void display_name_of_no_tokens(void **state)
{
    (void)state;
    char text[1024];
    struct sip_msg *m;
    struct sip_parse_error err;
    struct str s = corpus_get(files, n_files, "baddn.dat");
    int n = snprintf(text, sizeof text, "%.*s\r\n", STR_ARG(s));
    assert_int_equal(sip_msg_parse(str_make(text, (size_t)n), &m, &err), ERR_BAD);
    assert_string_equal(err.what, "From");
    sip_msg_unref(m);
}

static void judged_as_the_rfc_says(void **state)
{
    (void)state;
    assert_int_equal(n_files, ARRAY_LEN(rfc4475) + ARRAY_LEN(rfc5118));
    for (size_t i = 0; i < ARRAY_LEN(rfc4475); i++)
        judge(&rfc4475[i]);
    for (size_t i = 0; i < ARRAY_LEN(rfc5118); i++)
        judge(&rfc5118[i]);
}

// A bad request is answered: the response parses, but for what was copied from it.
static void bad_requests_get_an_answer(void **state)
{
    (void)state;
    static const char *const names[] = {"clerr.dat", "ltgtruri.dat", "badvers.dat", "trws.dat",
                                        "ipv6-bad.dat"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct sip_msg *m;
        struct sip_parse_error err;
        char out[2048];
        struct writer w = writer_init(out, sizeof out);
        struct str s = corpus_get(files, n_files, names[i]);
        assert_int_equal(sip_msg_parse(s, &m, &err), ERR_BAD);
        assert_int_equal(sip_write_response(m, 400, STR_NONE, STR("x"), NULL, &w), 0);
        struct sip_msg *r = check_parse(writer_done(&w));
        assert_int_equal(sip_msg_status(r), 400);
        assert_str(sip_msg_to_tag(r), "x");
        sip_msg_unref(r);
        sip_msg_unref(m);
    }
}

static struct sip_msg *torture(const char *name)
{
    return check_parse(corpus_get(files, n_files, name));
}

static void whitespace_and_folding(void **state)
{
    (void)state;
    struct sip_msg *m = torture("wsinv.dat");
    assert_str(sip_msg_via(m)->host, "192.0.2.2");
    assert_str(sip_msg_via(m)->branch, "390skdjuw");
    assert_int_equal(sip_msg_count(m, SIP_H_VIA), 3);
    const struct sip_via *v = sip_msg_at(m, SIP_H_VIA, 2);
    assert_str(v->branch, "z9hG4bK30239");
    assert_str(sip_msg_to_tag(m), "1918181833n");
    assert_str(sip_msg_from_tag(m), "98asjd8");
    assert_int_equal(sip_msg_max_forwards(m), 68);
    assert_int_equal(sip_msg_cseq(m)->number, 9);
    assert_str(sip_msg_raw_named(m, STR("newfangledheader")),
               "newfangled value\r\n continued newfangled value");
    assert_str(sip_msg_raw_named(m, STR("s")), "");
    const struct sip_contact *c = sip_msg_at(m, SIP_H_CONTACT, 0);
    assert_int_equal(c->q, 330);
    struct str name = sip_unquote(sip_msg_arena(m), c->addr.display);
    assert_str(name, "Quoted string \"\"");
    sip_msg_unref(m);
}

static void odd_but_valid_users(void **state)
{
    (void)state;
    struct sip_msg *m = torture("semiuri.dat");
    assert_str(sip_msg_uri(m)->user, "user;par=u%40example.net");
    assert_str(sip_msg_uri(m)->host, "example.com");
    assert_null(sip_msg_uri(m)->params);
    sip_msg_unref(m);
    m = torture("intmeth.dat");
    assert_str(sip_msg_uri(m)->user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
    assert_str(sip_msg_uri(m)->password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
    assert_int_equal(sip_msg_method(m), SIP_UNKNOWN);
    sip_msg_unref(m);
    m = torture("esc01.dat");
    assert_str(sip_msg_uri(m)->user, "sips%3Auser%40example.com");
    sip_msg_unref(m);
}

static void lengths(void **state)
{
    (void)state;
    struct sip_msg *m = torture("dblreq.dat");
    assert_int_equal(sip_msg_body(m).n, 0); // the second request is cut off
    assert_true(str_ends(sip_msg_bytes(m), STR("\r\n\r\n")));
    sip_msg_unref(m);
    m = torture("zeromf.dat");
    assert_int_equal(sip_msg_max_forwards(m), 0);
    sip_msg_unref(m);
    m = torture("longreq.dat");
    assert_int_equal(sip_msg_count(m, SIP_H_VIA), 34);
    sip_msg_unref(m);
}

// An element of RFC 2543 leaves out branch and From tag (RFC 4475 3.1.1.7, 3.4.1); one that knows the
// branch may not leave out the tag.
static void rfc2543_is_understood(void **state)
{
    (void)state;
    struct sip_msg *m = torture("inv2543.dat");
    assert_int_equal(sip_msg_via(m)->branch.n, 0);
    assert_int_equal(sip_msg_from_tag(m).n, 0);
    assert_int_equal(sip_msg_max_forwards(m), -1);
    sip_msg_unref(m);
    m = torture("longreq.dat");
    assert_str(sip_msg_via(m)->host, "sip33.example.com");
    assert_int_equal(sip_msg_via(m)->branch.n, 0);
    sip_msg_unref(m);
    static const struct {
        const char *vias, *from;
        int err;
    } rows[] = {
        {"Via: SIP/2.0/UDP a", "<sip:a@b>", 0},
        {"Via: SIP/2.0/UDP a;branch=1", "<sip:a@b>", 0},
        {"Via: SIP/2.0/UDP p;branch=z9hG4bK2, SIP/2.0/UDP a", "<sip:a@b>", 0}, // behind a proxy
        {"Via: SIP/2.0/UDP a;branch=z9hG4bK1", "<sip:a@b>", ERR_BAD},
        {"Via: SIP/2.0/UDP p, SIP/2.0/UDP a;branch=z9hG4bK1", "<sip:a@b>", ERR_BAD},
        {"Via: SIP/2.0/UDP a", "<sip:a@b>;tag=", ERR_BAD},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512];
        struct sip_parse_error err;
        (void)snprintf(text, sizeof text,
                       "OPTIONS sip:b@c SIP/2.0\r\n%s\r\nFrom: %s\r\nTo: <sip:b@c>\r\n"
                       "Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n", rows[i].vias, rows[i].from);
        assert_int_equal(sip_msg_parse(str_from(text), &m, &err), rows[i].err);
        sip_msg_unref(m);
    }
}

// RFC 3261 8.1.1.5
static void cseq_is_less_than_2_to_31(void **state)
{
    (void)state;
    static const struct {
        const char *start, *number;
        int err;
        bool answered;
    } rows[] = {
        {"OPTIONS sip:b@c SIP/2.0", "2147483647", 0, true},
        {"OPTIONS sip:b@c SIP/2.0", "2147483648", ERR_BAD, true},
        {"OPTIONS sip:b@c SIP/2.0", "4294967295", ERR_BAD, true},
        {"SIP/2.0 200 OK", "2147483647", 0, true},
        {"SIP/2.0 200 OK", "2147483648", ERR_BAD, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[512];
        struct sip_msg *m;
        struct sip_parse_error err = {.what = ""};
        (void)snprintf(text, sizeof text,
                       "%s\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
                       "To: <sip:b@c>\r\nCall-ID: 1\r\nCSeq: %s OPTIONS\r\n\r\n", rows[i].start,
                       rows[i].number);
        assert_int_equal(sip_msg_parse(str_from(text), &m, &err), rows[i].err);
        assert_string_equal(err.what, rows[i].err ? "CSeq" : "");
        assert_int_equal(m != NULL, rows[i].answered);
        sip_msg_unref(m);
    }
}

static void malformed_contact_is_seen(void **state)
{
    (void)state;
    struct sip_msg *m = torture("regbadct.dat");
    assert_int_equal(sip_iter_init(m, SIP_H_CONTACT).err, ERR_BAD);
    sip_msg_unref(m);
    m = torture("cparam01.dat");
    const struct sip_contact *c = sip_msg_at(m, SIP_H_CONTACT, 0);
    assert_true(sip_param_has(c->addr.params, STR("unknownparam")));
    sip_msg_unref(m);
    m = torture("cparam02.dat");
    c = sip_msg_at(m, SIP_H_CONTACT, 0);
    assert_true(sip_param_has(c->addr.uri.params, STR("unknownparam")));
    assert_null(c->addr.params);
    sip_msg_unref(m);
    m = torture("regescrt.dat");
    c = sip_msg_at(m, SIP_H_CONTACT, 0);
    assert_str(c->addr.uri.headers, "Route=%3Csip:sip.example.com%3E");
    sip_msg_unref(m);
}

static int setup(void **state)
{
    (void)state;
    n_files = corpus_read("rfc4475", files, ARRAY_LEN(files));
    n_files += corpus_read("rfc5118", files + n_files, ARRAY_LEN(files) - n_files);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    corpus_free(files, n_files);
    sip_msg_pool_drain();
    return mem_live() != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judged_as_the_rfc_says),
        cmocka_unit_test(display_name_of_no_tokens),
        cmocka_unit_test(bad_requests_get_an_answer),
        cmocka_unit_test(whitespace_and_folding),
        cmocka_unit_test(odd_but_valid_users),
        cmocka_unit_test(lengths),
        cmocka_unit_test(rfc2543_is_understood),
        cmocka_unit_test(cseq_is_less_than_2_to_31),
        cmocka_unit_test(malformed_contact_is_seen),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
