// SPDX-License-Identifier: Apache-2.0
// The torture tests of RFC 4475, and what it says should become of each.
#include "check.h"
#include "corpus.h"
#include "sip/uri.h"

static struct corpus_file files[64];
static size_t n_files;

static const struct {
    const char *name;
    const char *what; // the field that is wrong, NULL: the message is accepted
    bool answered;    // a request that can be answered with 400 or 505
} expected[] = {
    // RFC 4475 3.1.1, valid
    {"wsinv.sip", NULL, false},
    {"intmeth.sip", NULL, false},
    {"esc01.sip", NULL, false},
    {"escnull.sip", NULL, false},
    {"esc02.sip", NULL, false},
    {"lwsdisp.sip", NULL, false},
    {"longreq.sip", NULL, false},
    {"dblreq.sip", NULL, false},
    {"semiuri.sip", NULL, false},
    {"transports.sip", NULL, false},
    {"mpart01.sip", NULL, false},
    {"unreason.sip", NULL, false},
    {"noreason.sip", NULL, false},
    // RFC 4475 3.1.2, invalid
    {"badinv01.sip", "Via", false},
    {"clerr.sip", "Content-Length", true},
    {"ncl.sip", "Content-Length", true},
    {"scalar02.sip", "CSeq", true},
    {"scalarlg.sip", "CSeq", false},
    {"quotbal.sip", "To", true},
    {"ltgtruri.sip", "Request-URI", true},
    {"lwsruri.sip", "Request-URI", true},
    {"lwsstart.sip", "Request-URI", true},
    {"trws.sip", "start line", true},
    {"escruri.sip", "Request-URI", true},
    {"baddate.sip", NULL, false},
    {"regbadct.sip", NULL, false}, // the Contact is malformed: see below
    {"badaspec.sip", "To", true},
    {"baddn.sip", "From", true},
    {"badvers.sip", "SIP-Version", true},
    {"mismatch01.sip", "CSeq", true},
    {"mismatch02.sip", "CSeq", true},
    {"bigcode.sip", "start line", false},
    // RFC 4475 3.2, 3.3: for the layers above, apart from what cannot be parsed
    {"badbranch.sip", NULL, false},
    {"insuf.sip", "From", true},
    {"unkscm.sip", NULL, false},
    {"novelsc.sip", NULL, false},
    {"unksm2.sip", NULL, false},
    {"bext01.sip", NULL, false},
    {"invut.sip", NULL, false},
    {"regaut01.sip", NULL, false},
    {"multi01.sip", "From", true},
    {"mcl01.sip", "Content-Length", true},
    {"bcast.sip", NULL, false},
    {"zeromf.sip", NULL, false},
    {"cparam01.sip", NULL, false},
    {"cparam02.sip", NULL, false},
    {"regescrt.sip", NULL, false},
    {"sdp01.sip", NULL, false},
    // RFC 4475 3.4: RFC 2543 left out the branch; an IMS has no use for that
    {"inv2543.sip", "Via", true},
};

static void judged_as_the_rfc_says(void **state)
{
    (void)state;
    assert_int_equal(n_files, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct str s = corpus_get(files, n_files, expected[i].name);
        struct sip_msg *m;
        struct sip_parse_error err = {.what = "nothing"};
        assert_non_null(s.p);
        int e = sip_msg_parse(s, &m, &err);
        const char *what = e ? err.what : NULL;
        if ((what == NULL) != (expected[i].what == NULL) ||
            (what && strcmp(what, expected[i].what) != 0) ||
            (e && (m != NULL) != expected[i].answered)) {
            print_error("%s: %s at %zu, %s\n", expected[i].name, what ? what : "accepted",
                        err.offset, m ? "answered" : "dropped");
            fail();
        }
        assert_int_equal(m && sip_msg_is_bad(m), e != 0 && m);
        sip_msg_unref(m);
    }
}

// A bad request is answered: the response parses, but for what was copied from it.
static void bad_requests_get_an_answer(void **state)
{
    (void)state;
    static const char *const names[] = {"clerr.sip", "ltgtruri.sip", "badvers.sip", "trws.sip"};
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
    struct sip_msg *m = torture("wsinv.sip");
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
    struct sip_msg *m = torture("semiuri.sip");
    assert_str(sip_msg_uri(m)->user, "user;par=u%40example.net");
    assert_str(sip_msg_uri(m)->host, "example.com");
    assert_null(sip_msg_uri(m)->params);
    sip_msg_unref(m);
    m = torture("intmeth.sip");
    assert_str(sip_msg_uri(m)->user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
    assert_str(sip_msg_uri(m)->password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
    assert_int_equal(sip_msg_method(m), SIP_UNKNOWN);
    sip_msg_unref(m);
    m = torture("esc01.sip");
    assert_str(sip_msg_uri(m)->user, "sips%3Auser%40example.com");
    sip_msg_unref(m);
}

static void lengths(void **state)
{
    (void)state;
    struct sip_msg *m = torture("dblreq.sip");
    assert_int_equal(sip_msg_body(m).n, 0); // the second request is cut off
    assert_true(str_ends(sip_msg_bytes(m), STR("\r\n\r\n")));
    sip_msg_unref(m);
    m = torture("zeromf.sip");
    assert_int_equal(sip_msg_max_forwards(m), 0);
    sip_msg_unref(m);
    m = torture("longreq.sip");
    assert_int_equal(sip_msg_count(m, SIP_H_VIA), 34);
    sip_msg_unref(m);
}

static void malformed_contact_is_seen(void **state)
{
    (void)state;
    struct sip_msg *m = torture("regbadct.sip");
    assert_int_equal(sip_iter_init(m, SIP_H_CONTACT).err, ERR_BAD);
    sip_msg_unref(m);
    m = torture("cparam01.sip");
    const struct sip_contact *c = sip_msg_at(m, SIP_H_CONTACT, 0);
    assert_true(sip_param_has(c->addr.params, STR("unknownparam")));
    sip_msg_unref(m);
    m = torture("cparam02.sip");
    c = sip_msg_at(m, SIP_H_CONTACT, 0);
    assert_true(sip_param_has(c->addr.uri.params, STR("unknownparam")));
    assert_null(c->addr.params);
    sip_msg_unref(m);
    m = torture("regescrt.sip");
    c = sip_msg_at(m, SIP_H_CONTACT, 0);
    assert_str(c->addr.uri.headers, "Route=%3Csip:sip.example.com%3E");
    sip_msg_unref(m);
}

static int setup(void **state)
{
    (void)state;
    n_files = corpus_read("torture", files, ARRAY_LEN(files));
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
        cmocka_unit_test(bad_requests_get_an_answer),
        cmocka_unit_test(whitespace_and_folding),
        cmocka_unit_test(odd_but_valid_users),
        cmocka_unit_test(lengths),
        cmocka_unit_test(malformed_contact_is_seen),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
