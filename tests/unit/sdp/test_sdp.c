// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "sdp/sdp.h"

static const struct str offer = STR_INIT("v=0\r\no=alice 1 2 IN IP4 192.0.2.1\r\ns=-\r\n"
                                         "c=IN IP4 192.0.2.1\r\nt=0 0\r\na=recvonly\r\n"
                                         "m=audio 49170/2 RTP/AVP 0 96\r\na=rtpmap:96 AMR-WB/16000/2\r\n"
                                         "a=ptime:20\r\na=unknown:x\r\n"
                                         "m=video 0 RTP/AVP 31\r\n"
                                         "m=application 9 TCP/MSRP *\r\nc=IN IP6 2001:db8::1\r\na=sendonly\r\n");

static void parses(void **state)
{
    (void)state;
    struct sdp s;
    assert_int_equal(sdp_parse(offer, &s), 0);
    assert_int_equal(s.n_media, 3);
    const struct sdp_media *m = sdp_find_media(&s, STR("audio"));
    assert_int_equal(m->port, 49170);
    assert_true(str_eq(m->address, STR("192.0.2.1")));
    assert_int_equal(m->direction, SDP_RECVONLY);
    assert_int_equal(m->ptime, 20);
    assert_int_equal(sdp_find_format(m, STR("pcmu"))->payload_type, 0);
    assert_int_equal(sdp_find_format(m, STR("AMR-WB"))->rate, 16000);
    assert_null(sdp_find_format(m, STR("opus")));
    assert_null(sdp_find_media(&s, STR("video")));
    assert_true(str_eq(s.media[2].address, STR("2001:db8::1")));
    assert_int_equal(s.media[2].direction, SDP_SENDONLY);
}

static void round_trip(void **state)
{
    (void)state;
    struct sdp a, b;
    char one[1024], two[1024];
    struct writer w1 = writer_init(one, sizeof one), w2 = writer_init(two, sizeof two);
    assert_int_equal(sdp_parse(offer, &a), 0);
    a.n_media = 2;
    sdp_write(&w1, &a);
    assert_false(w1.failed);
    assert_int_equal(sdp_parse(writer_done(&w1), &b), 0);
    assert_int_equal(sdp_find_format(&b.media[0], STR("AMR-WB"))->channels, 2);
    sdp_write(&w2, &b);
    assert_true(str_eq(writer_done(&w1), writer_done(&w2)));
}

static void refuses(void **state)
{
    (void)state;
    static const struct str bad[] = {
        STR_INIT(""),
        STR_INIT("v=1\r\no=a 1 1 IN IP4 x\r\ns=-\r\n"),
        STR_INIT("v=0\r\ns=-\r\n"),
        STR_INIT("v=0\r\no=a 1 1 IN IP4 x\r\n"),
        STR_INIT("v=0\r\no=a b 1 IN IP4 x\r\ns=-\r\n"),
        STR_INIT("v=0\r\no=a 1 1 IN IP4 x\r\ns=-\r\nm=audio 5 RTP/AVP 0\r\n"),
        STR_INIT("v=0\r\no=a 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 y\r\nm=audio 70000 RTP/AVP 0\r\n"),
        STR_INIT("v=0\r\no=a 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 y\r\nm=audio 5 RTP/AVP 128\r\n"),
        STR_INIT("v=0\r\no=a 1 1 IN IP4 x\r\ns=-\r\nc=ATM x y\r\n"),
        STR_INIT("v=0\r\nnonsense\r\n"),
        STR_INIT("v=0\r\no= 1 1 IN IP4 x\r\ns=-\r\n"),
        STR_INIT("v=0\r\no=a 1 1 IN IP4 x y\r\ns=-\r\n"),
        STR_INIT("v=0\r\no=a 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 x y\r\n"),
        STR_INIT("v=0\r\no=a\0b 1 1 IN IP4 x\r\ns=-\r\n"), // RFC 8866 9: byte-string
        STR_INIT("v=0\r\no=a\rb 1 1 IN IP4 x\r\ns=-\r\n"),
        STR_INIT("v=0\r\no=a 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 y\r\nm=audio 5 RTP/AVP 96\r\na=rtpmap:96 A/8000/0\r\n"),
        STR_INIT("v=0\r\no=a 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 y\r\nm=audio 5 RTP/AVP 96\r\na=rtpmap:96 /8000\r\n"),
    };
    struct sdp s;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(sdp_parse(bad[i], &s), ERR_BAD);
}

// No truncation of a good description may read past its end or be taken for more than it is.
static void truncations(void **state)
{
    (void)state;
    struct sdp s;
    for (size_t n = 0; n < offer.n; n++) {
        char *copy = mem_alloc(n ? n : 1);
        memcpy(copy, offer.p, n);
        int e = sdp_parse(str_make(copy, n), &s);
        assert_true(e == 0 || e == ERR_BAD);
        mem_free(copy);
    }
}

static void directions(void **state)
{
    (void)state;
    assert_int_equal(sdp_answer_direction(SDP_SENDONLY, SDP_SENDRECV), SDP_RECVONLY);
    assert_int_equal(sdp_answer_direction(SDP_RECVONLY, SDP_SENDRECV), SDP_SENDONLY);
    assert_int_equal(sdp_answer_direction(SDP_SENDONLY, SDP_SENDONLY), SDP_INACTIVE);
    assert_int_equal(sdp_answer_direction(SDP_INACTIVE, SDP_SENDRECV), SDP_INACTIVE);
    assert_int_equal(sdp_answer_direction(SDP_SENDRECV, SDP_SENDRECV), SDP_SENDRECV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),      cmocka_unit_test(round_trip), cmocka_unit_test(refuses),
        cmocka_unit_test(truncations), cmocka_unit_test(directions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
