// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "corpus.h"
#include "sip/edit.h"
#include "sip/header.h"
#include "sip/msg.h"
#include "sip/uri.h"

#define assert_str(got, want) check_str((got), STR(want), __LINE__)

static struct corpus_file files[32];
static size_t n_files;

static void check_str(struct str got, struct str want, int line)
{
    if (!str_eq(got, want)) {
        print_error("line %d: got \"%.*s\", want \"%.*s\"\n", line, STR_ARG(got), STR_ARG(want));
        fail();
    }
}

static struct sip_msg *parse(struct str s)
{
    struct sip_msg *m;
    struct sip_parse_error err = {.what = NULL};
    int e = sip_msg_parse(s, &m, &err);
    if (e)
        print_error("%s at %zu\n", err.what, err.offset);
    assert_int_equal(e, 0);
    return m;
}

static struct sip_msg *corpus(const char *name)
{
    struct str s = corpus_get(files, n_files, name);
    assert_non_null(s.p);
    return parse(s);
}

// Every header of every message has typed values, and an unedited copy is the same bytes.
static void whole_corpus(void **state)
{
    (void)state;
    assert_int_equal(n_files, 12);
    for (size_t i = 0; i < n_files; i++) {
        struct sip_msg *m = parse(files[i].bytes);
        for (unsigned id = 1; id < SIP_H_COUNT; id++) {
            if (sip_msg_has(m, id) && !sip_msg_at(m, id, 0)) {
                print_error("%s: %s\n", files[i].name, sip_hid_name(id).p);
                fail();
            }
        }
        char out[4096];
        struct writer w = writer_init(out, sizeof out);
        assert_int_equal(sip_msg_write(m, NULL, &w), 0);
        assert_true(str_eq(writer_done(&w), files[i].bytes));
        sip_msg_unref(m);
    }
}

static void routing_fields(void **state)
{
    (void)state;
    struct sip_msg *m = corpus("05-invite.sip");
    assert_true(sip_msg_is_request(m));
    assert_int_equal(sip_msg_method(m), SIP_INVITE);
    assert_str(sip_msg_uri_text(m), "tel:+15550000002");
    assert_int_equal(sip_msg_uri(m)->scheme, SIP_SCHEME_TEL);
    assert_str(sip_msg_via(m)->branch, "z9hG4bKp91b2c3d4e5f60718");
    assert_int_equal(sip_msg_via(m)->proto, SIP_PROTO_TCP);
    assert_int_equal(sip_msg_via(m)->port, 5060);
    assert_str(sip_msg_from_tag(m), "171828a9b0");
    assert_null(sip_msg_to_tag(m).p);
    assert_int_equal(sip_msg_max_forwards(m), 69);
    assert_int_equal(sip_msg_cseq(m)->number, 127);
    assert_str(sip_msg_call_id(m), "cb03a0s09a2sdfglkj490333@127.0.2.1");
    assert_int_equal(sip_msg_count(m, SIP_H_VIA), 2);
    assert_int_equal(sip_msg_count(m, SIP_H_ROUTE), 2);
    const struct sip_via *v = sip_msg_at(m, SIP_H_VIA, 1);
    assert_int_equal(v->rport, 5060);
    assert_str(v->received, "127.0.2.1");
    assert_true(sip_msg_has_token(m, SIP_H_SUPPORTED, STR("PRECONDITION")));
    assert_false(sip_msg_has_token(m, SIP_H_SUPPORTED, STR("path")));
    sip_msg_unref(m);
}

static void forward(void **state)
{
    (void)state;
    struct sip_msg *m = corpus("05-invite.sip");
    struct sip_edits e;
    char out[4096];
    struct writer w = writer_init(out, sizeof out);
    sip_edits_init(&e, sip_msg_arena(m), m);
    sip_edit_remove_at(&e, SIP_H_ROUTE, 0);
    sip_edit_set(&e, SIP_H_MAX_FORWARDS, STR("68"));
    sip_edit_prepend(&e, SIP_H_VIA, STR("SIP/2.0/TCP 127.0.1.30:5060;branch=z9hG4bKnew"));
    sip_edit_prepend(&e, SIP_H_RECORD_ROUTE, STR("<sip:orig@127.0.1.30:5060;lr>"));
    assert_int_equal(sip_msg_write(m, &e, &w), 0);
    struct sip_msg *f = parse(writer_done(&w));
    assert_str(sip_msg_via(f)->branch, "z9hG4bKnew");
    assert_int_equal(sip_msg_count(f, SIP_H_VIA), 3);
    assert_int_equal(sip_msg_count(f, SIP_H_ROUTE), 1);
    assert_int_equal(sip_msg_max_forwards(f), 68);
    assert_str(((const struct sip_addr *)sip_msg_at(f, SIP_H_RECORD_ROUTE, 0))->uri.user, "orig");
    assert_true(str_eq(sip_msg_body(f), sip_msg_body(m)));
    sip_msg_unref(f);
    sip_msg_unref(m);
}

static void response(void **state)
{
    (void)state;
    struct sip_msg *m = corpus("05-invite.sip");
    char out[4096];
    struct writer w = writer_init(out, sizeof out);
    assert_int_equal(sip_write_response(m, 180, STR_NONE, STR("tt"), NULL, &w), 0);
    struct sip_msg *r = parse(writer_done(&w));
    assert_int_equal(sip_msg_status(r), 180);
    assert_str(sip_msg_reason(r), "Ringing");
    assert_str(sip_msg_to_tag(r), "tt");
    assert_int_equal(sip_msg_method(r), SIP_INVITE);
    assert_int_equal(sip_msg_count(r, SIP_H_VIA), 2);
    assert_int_equal(sip_msg_count(r, SIP_H_RECORD_ROUTE), 1);
    sip_msg_unref(r);
    sip_msg_unref(m);
}

static int setup(void **state)
{
    (void)state;
    n_files = corpus_read("ims", files, ARRAY_LEN(files));
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
        cmocka_unit_test(whole_corpus),
        cmocka_unit_test(routing_fields),
        cmocka_unit_test(forward),
        cmocka_unit_test(response),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
