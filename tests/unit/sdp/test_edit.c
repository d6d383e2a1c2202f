// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "sdp/edit.h"

// Spacing, unknown lines and line ends of all kinds; the last line has none.
#define TOP "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns= odd  name \r\nX unknown\r\nt=0 0\r\na=tool:x\r\n"
#define AUDIO "m=audio  4000/2  RTP/AVP 0  8\r\ni=title\r\nb=AS:64\r\n"
#define AUDIO_ATTRS "a=rtpmap:0 PCMU/8000\na=sendonly\r\na=rtcp:4001\r\na=rtcp:4003\r\n\r\n"
#define VIDEO                                                                                      \
    "m=video 5000 RTP/AVP 31\r\nc=IN IP4 192.0.2.9\r\na=candidate:1 1 UDP 1 192.0.2.9 5000 typ "   \
    "host"
static const struct str text = STR_INIT(TOP AUDIO AUDIO_ATTRS VIDEO);

static struct arena arena;
static struct sdp *sdp;
static struct sdp_edits edits;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, NULL, 0);
    assert_int_equal(sdp_parse(&arena, text, NULL, &sdp, NULL), 0);
    sdp_edits_init(&edits, &arena, sdp);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void expect(const char *want)
{
    struct str got = sdp_edits_text(&edits);
    if (!str_eq(got, str_from(want)))
        print_message("# got <%.*s>\n# for <%s>\n", STR_ARG(got), want);
    assert_true(str_eq(got, str_from(want)));
}

static void nothing_changes(void **state)
{
    (void)state;
    char room[1024];
    struct writer w = writer_init(room, sizeof room);
    expect(TOP AUDIO AUDIO_ATTRS VIDEO);
    assert_int_equal(sdp_write(sdp, NULL, &w), 0);
    assert_true(str_eq(writer_done(&w), text));
    w = writer_init(room, text.n - 1);
    assert_int_equal(sdp_write(sdp, NULL, &w), ERR_TOOBIG);
}

static void lines(void **state)
{
    (void)state;
    sdp_edit_value(&edits, 2, STR("new"));
    sdp_edit_remove(&edits, 3);
    sdp_edit_insert(&edits, 4, 'a', STR("one"));
    sdp_edit_insert(&edits, 4, 'a', STR("two"));
    expect(
        "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=new\r\nt=0 0\r\na=one\r\na=two\r\na=tool:x\r\n" AUDIO
            AUDIO_ATTRS VIDEO);
}

static void values(void **state)
{
    (void)state;
    sdp_edit_port(&edits, 0, 0);
    sdp_edit_port(&edits, 0, 6000);
    sdp_edit_version(&edits, 18446744073709551615u);
    sdp_edit_direction(&edits, 0, SDP_INACTIVE);
    sdp_edit_attr(&edits, 0, STR("rtcp"), STR("6001"));
    expect("v=0\r\no=- 1 18446744073709551615 IN IP4 192.0.2.1\r\ns= odd  name \r\nX "
           "unknown\r\nt=0 0\r\na=tool:x\r\n"
           "m=audio  6000/2  RTP/AVP 0  8\r\ni=title\r\nb=AS:64\r\n"
           "a=rtpmap:0 PCMU/8000\na=inactive\r\na=rtcp:6001\r\n\r\n" VIDEO);
}

// What a section has not is put where RFC 8866 5 wants it.
static void new_lines(void **state)
{
    (void)state;
    sdp_edit_address(&edits, SDP_SESSION, STR("2001:db8::1"));
    sdp_edit_address(&edits, 0, STR("192.0.2.7"));
    sdp_edit_address(&edits, 1, STR("192.0.2.8"));
    sdp_edit_direction(&edits, SDP_SESSION, SDP_SENDRECV);
    sdp_edit_attr(&edits, 1, STR("rtcp-mux"), STR_NONE);
    expect("v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns= odd  name \r\nc=IN IP6 2001:db8::1\r\nX "
           "unknown\r\nt=0 0\r\na=tool:x\r\n"
           "a=sendrecv\r\nm=audio  4000/2  RTP/AVP 0  8\r\ni=title\r\nc=IN IP4 "
           "192.0.2.7\r\nb=AS:64\r\n" AUDIO_ATTRS
           "m=video 5000 RTP/AVP 31\r\nc=IN IP4 192.0.2.8\r\n"
           "a=candidate:1 1 UDP 1 192.0.2.9 5000 typ host\r\na=rtcp-mux\r\n");
}

// A later edit sees what the earlier ones left.
static void edits_of_edits(void **state)
{
    (void)state;
    sdp_edit_direction(&edits, 1, SDP_SENDONLY);
    sdp_edit_direction(&edits, 1, SDP_RECVONLY);
    sdp_edit_attr(&edits, 1, STR("mid"), STR("1"));
    sdp_edit_attr(&edits, 1, STR("mid"), STR("2"));
    sdp_edit_remove_attr(&edits, 1, STR("candidate"));
    sdp_edit_attr(&edits, 0, STR("gone"), STR("1"));
    sdp_edit_remove_attr(&edits, 0, STR("gone"));
    expect(TOP AUDIO AUDIO_ATTRS
           "m=video 5000 RTP/AVP 31\r\nc=IN IP4 192.0.2.9\r\na=recvonly\r\na=mid:2\r\n");
}

static void a_medium_goes(void **state)
{
    (void)state;
    sdp_edit_direction(&edits, 0, SDP_INACTIVE);
    sdp_edit_attr(&edits, 0, STR("x"), STR_NONE);
    sdp_edit_remove_media(&edits, 0);
    expect(TOP VIDEO);
}

// Nothing that is written becomes a line of its own.
static void no_injection(void **state)
{
    (void)state;
    static const struct str bad[] = {STR_INIT("a\nm=video 1 RTP/AVP 0"), STR_INIT("a\r"),
                                     STR_INIT("a\0b")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char room[1024];
        struct writer w = writer_init(room, sizeof room);
        sdp_edits_init(&edits, &arena, sdp);
        sdp_edit_value(&edits, 2, bad[i]);
        assert_int_equal(sdp_write(sdp, &edits, &w), ERR_NOMEM);
        sdp_edits_init(&edits, &arena, sdp);
        sdp_edit_attr(&edits, 0, STR("x"), bad[i]);
        assert_null(sdp_edits_text(&edits).p);
    }
}

static bool enough(long n)
{
    bool good;
    arena_done(&arena);
    mem_fail_after(n);
    good = sdp_parse(&arena, text, NULL, &sdp, NULL) == 0;
    if (good) {
        sdp_edits_init(&edits, &arena, sdp);
        sdp_edit_port(&edits, 0, 1);
        sdp_edit_direction(&edits, 1, SDP_INACTIVE);
        sdp_edit_address(&edits, 0, STR("192.0.2.7"));
        good = sdp_edits_text(&edits).p != NULL;
    }
    mem_fail_after(-1);
    return good;
}

static void without_memory(void **state)
{
    (void)state;
    long n = 0;
    while (n < 50 && !enough(n))
        n++;
    assert_true(n > 1 && n < 50);
    sdp_edit_value(&edits, 2, STR("s"));
    assert_non_null(sdp_edits_text(&edits).p);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_changes), CASE(lines),         CASE(values),       CASE(new_lines),
        CASE(edits_of_edits),  CASE(a_medium_goes), CASE(no_injection), CASE(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
