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
#include "sdp/attr.h"

static const struct str offer =
    STR_INIT("v=0\r\no=alice 1 2 IN IP4 192.0.2.1\r\ns=-\r\n"
             "c=IN IP4 192.0.2.1\r\nt=0 0\r\na=recvonly\r\n"
             "m=audio 49170/2 RTP/AVP 0 96\r\na=rtpmap:96 AMR-WB/16000/2\r\n"
             "a=ptime:20\r\na=unknown:x\r\n"
             "m=video 0 RTP/AVP 31\r\n"
             "m=application 9 TCP/MSRP *\r\nc=IN IP6 2001:db8::1\r\na=sendonly\r\n");

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, NULL, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static const struct sdp *read_it(struct str text)
{
    struct sdp *s;
    assert_int_equal(sdp_parse(&arena, text, NULL, &s, NULL), 0);
    return s;
}

// As a whole: the table, and what its lines mean.
static int verdict(struct str text)
{
    struct sdp *s;
    int err = sdp_parse(&arena, text, NULL, &s, NULL);
    return err ? err : sdp_check(s);
}

static void parses(void **state)
{
    (void)state;
    const struct sdp *s = read_it(offer);
    assert_int_equal(sdp_media_count(s), 3);
    const struct sdp_media *m = sdp_find_media(s, STR("audio"));
    assert_int_equal(m->port, 49170);
    assert_true(str_eq(m->address, STR("192.0.2.1")));
    assert_int_equal(m->direction, SDP_RECVONLY);
    assert_int_equal(m->ptime, 20);
    assert_int_equal(sdp_find_format(m, STR("pcmu"))->payload_type, 0);
    assert_int_equal(sdp_find_format(m, STR("AMR-WB"))->rate, 16000);
    assert_null(sdp_find_format(m, STR("opus")));
    assert_null(sdp_find_media(s, STR("video")));
    assert_true(str_eq(sdp_media(s, 2)->address, STR("2001:db8::1")));
    assert_int_equal(sdp_media(s, 2)->direction, SDP_SENDONLY);
    assert_ptr_equal(sdp_media(s, 2), sdp_media(s, 2)); // read once
}

// What a phone of today says.
static const struct str volte = STR_INIT(
    "v=0\no=- 7 8 IN IP6 2001:db8::5\ns=-\nc=IN IP6 2001:db8::5\nb=AS:41\nt=0 0\nx-unknown\n\n"
    "m=audio  50010 UDP/TLS/RTP/SAVPF 104  102 104\nb=TIAS:40100\nb=RR:0\n"
    "a=rtpmap:104 AMR-WB/16000\na=fmtp:104 mode-change-capability=2;max-red=0\n"
    "a=rtpmap:102 AMR/8000/1\na=rtpmap:99 NOT-OFFERED/1\n"
    "a=curr:qos local none\na=curr:qos remote none\na=des:qos mandatory local sendrecv\n"
    "a=des:qos optional remote sendrecv\na=conf:qos remote sendrecv\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^20;inline:def UNENCRYPTED_SRTCP\n"
    "a=candidate:1 1 UDP 2130706431 192.0.2.1 50010 typ host\na=rtcp-mux\n"
    "m=message 2855 TCP/MSRP *\nc=IN IP4 233.252.0.1/127\na=path:msrp://192.0.2.2:2855/s;tcp");

static void reads_a_phones_words(void **state)
{
    (void)state;
    const struct sdp *s = read_it(volte);
    const struct sdp_media *m = sdp_media(s, 0);
    assert_int_equal(sdp_session(s)->bandwidth, 41);
    assert_int_equal(sdp_session(s)->version, 8);
    assert_int_equal(m->port, 50010);
    assert_int_equal(m->n_formats, 2); // one of them is there twice
    assert_int_equal(m->bandwidth, 41);
    assert_true(str_eq(m->formats[0].fmtp, STR("mode-change-capability=2;max-red=0")));
    assert_int_equal(m->formats[1].channels, 1);
    assert_true(str_eq(sdp_media(s, 1)->address, STR("233.252.0.1")));
    assert_true(str_eq(sdp_media(s, 1)->fmt, STR("*")));
    assert_int_equal(sdp_line_at(s, 6).type, 0);
    assert_true(str_eq(sdp_line_at(s, 6).value, STR("x-unknown")));
    size_t first, end;
    sdp_section(s, 1, &first, &end);
    assert_int_equal(end, sdp_line_count(s));
    assert_int_equal(sdp_line_at(s, first).type, 'm');
}

static void attributes(void **state)
{
    (void)state;
    const struct sdp *s = read_it(volte);
    struct sdp_attr a;
    struct sdp_crypto c;
    assert_true(sdp_attr_find(s, 0, STR("candidate"), &a));
    assert_true(str_starts(a.value, STR("1 1 UDP ")));
    assert_true(sdp_attr_find(s, 0, STR("rtcp-mux"), &a));
    assert_null(a.value.p);
    assert_false(sdp_attr_find(s, SDP_SESSION, STR("rtcp-mux"), &a));
    assert_true(sdp_attr_find(s, 0, STR("crypto"), &a));
    assert_int_equal(sdp_crypto_parse(a.value, &c), 0);
    assert_int_equal(c.tag, 1);
    assert_true(str_eq(c.suite, STR("AES_CM_128_HMAC_SHA1_80")));
    assert_true(str_eq(c.keys, STR("inline:abc|2^20;inline:def")));
    assert_true(str_eq(c.params, STR("UNENCRYPTED_SRTCP")));
    assert_int_equal(sdp_crypto_parse(STR("1 AES"), &c), ERR_BAD);
    assert_int_equal(sdp_crypto_parse(STR("x AES inline:a"), &c), ERR_BAD);
}

// RFC 3312 4
static void preconditions(void **state)
{
    (void)state;
    static const struct sdp_precondition expected[] = {
        {SDP_CURRENT, STR_INIT("qos"), 0, SDP_LOCAL, SDP_WAY_NONE},
        {SDP_CURRENT, STR_INIT("qos"), 0, SDP_REMOTE, SDP_WAY_NONE},
        {SDP_DESIRED, STR_INIT("qos"), SDP_MANDATORY, SDP_LOCAL, SDP_WAY_SENDRECV},
        {SDP_DESIRED, STR_INIT("qos"), SDP_OPTIONAL, SDP_REMOTE, SDP_WAY_SENDRECV},
        {SDP_CONFIRM, STR_INIT("qos"), 0, SDP_REMOTE, SDP_WAY_SENDRECV},
    };
    const struct sdp *s = read_it(volte);
    struct sdp_attr_iter it = sdp_attr_iter_init(s, 0, STR_NONE);
    struct sdp_attr a;
    size_t n = 0;
    while (sdp_attr_iter_next(&it, &a)) {
        struct sdp_precondition p;
        int err = sdp_precondition_parse(&a, &p);
        if (err) {
            assert_int_equal(err, ERR_NOTFOUND);
            continue;
        }
        const struct sdp_precondition *e = &expected[n++];
        assert_true(p.condition == e->condition && str_eq(p.type, e->type) &&
                    p.strength == e->strength && p.segment == e->segment && p.way == e->way);
    }
    assert_int_equal(n, ARRAY_LEN(expected));
    static const char *const bad[] = {
        "", "qos", "qos local", "qos local sideways", "qos nowhere send", "qos local send x"};
    struct sdp_precondition p;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        a = (struct sdp_attr){.name = STR("curr"), .value = str_from(bad[i])};
        assert_int_equal(sdp_precondition_parse(&a, &p), ERR_BAD);
    }
}

static struct str draft_of(const struct sdp *s, char *room, size_t n)
{
    const struct sdp_session *o = sdp_session(s);
    struct sdp_media media[8];
    for (size_t i = 0; i < sdp_media_count(s); i++)
        media[i] = *sdp_media(s, i);
    struct sdp_draft d = {.origin_user = o->origin_user,
                          .origin_address = o->origin_address,
                          .id = o->id,
                          .version = o->version,
                          .media = media,
                          .n_media = sdp_media_count(s)};
    struct writer w = writer_init(room, n);
    sdp_draft_write(&w, &d);
    assert_false(w.failed);
    return writer_done(&w);
}

static void round_trip(void **state)
{
    (void)state;
    char one[1024], two[1024];
    struct str first = draft_of(read_it(offer), one, sizeof one);
    const struct sdp *again = read_it(first);
    assert_int_equal(sdp_find_format(sdp_media(again, 0), STR("AMR-WB"))->channels, 2);
    assert_true(str_eq(sdp_media(again, 2)->fmt, STR("*")));
    assert_true(str_eq(first, draft_of(again, two, sizeof two)));
}

// One more of each than is allowed.
static void limits(void **state)
{
    (void)state;
    static const struct sdp_limits few = {
        .bytes = 200, .lines = 8, .media = 2, .attributes = 2, .formats = 3};
#define HEAD "v=0\r\no=a 1 1 IN IP4 x\r\ns=-\r\n"
#define M "m=audio 0 RTP/AVP 0\r\n"
    static const struct {
        struct str good, bad;
        enum sdp_limit limit;
        size_t line;
    } rows[] = {
        {STR_INIT(HEAD "x=1\n\n\n\n\n"), STR_INIT(HEAD "x=1\n\n\n\n\n\n"), SDP_LIMIT_LINES, 0},
        {STR_INIT(HEAD M M), STR_INIT(HEAD M M M), SDP_LIMIT_MEDIA, 0},
        {STR_INIT(HEAD "a=1\na=2\n" M "a=1\na=2\n"), STR_INIT(HEAD "a=1\na=2\n" M "a=1\na=2\na=3"),
         SDP_LIMIT_ATTRIBUTES, 9},
        {STR_INIT(HEAD "m=a 0 RTP/AVP 0  1 2 \n"), STR_INIT(HEAD "m=a 0 RTP/AVP 0 1 2 3\n"),
         SDP_LIMIT_FORMATS, 4},
    };
    struct sdp *s;
    struct sdp_fault f;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sdp_limits l = few;
        if (rows[i].limit == SDP_LIMIT_ATTRIBUTES)
            l.lines = 9;
        assert_int_equal(sdp_parse(&arena, rows[i].good, &l, &s, &f), 0);
        assert_int_equal(sdp_parse(&arena, rows[i].bad, &l, &s, &f), ERR_TOOBIG);
        assert_int_equal(f.limit, rows[i].limit);
        assert_int_equal(f.line, rows[i].line);
        assert_string_equal(f.what, sdp_limit_rows[f.limit].what);
    }
    struct sdp_limits tight = few;
    tight.bytes = (uint32_t)rows[1].good.n;
    assert_int_equal(sdp_parse(&arena, rows[1].good, &tight, &s, &f), 0);
    tight.bytes--;
    assert_int_equal(sdp_parse(&arena, rows[1].good, &tight, &s, &f), ERR_TOOBIG);
    assert_int_equal(f.limit, SDP_LIMIT_BYTES);
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
        STR_INIT("v=0\r\no=a 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 y\r\nm=audio 5 RTP/AVP "
                 "96\r\na=rtpmap:96 A/8000/0\r\n"),
        STR_INIT("v=0\r\no=a 1 1 IN IP4 x\r\ns=-\r\nc=IN IP4 y\r\nm=audio 5 RTP/AVP "
                 "96\r\na=rtpmap:96 /8000\r\n"),
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(verdict(bad[i]), ERR_BAD);
}

// No truncation of a good description may read past its end or be taken for more than it is.
static void truncations(void **state)
{
    (void)state;
    for (size_t n = 0; n < offer.n; n++) {
        char *copy = mem_alloc(n ? n : 1);
        memcpy(copy, offer.p, n);
        int e = verdict(str_make(copy, n));
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

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

// RFC 3551 tables 4 and 5.
static void types_without_rtpmap(void **state)
{
    static const struct {
        uint8_t type;
        const char *name;
        uint32_t rate, channels;
    } rows[] = {{0, "PCMU", 8000, 1},   {5, "DVI4", 8000, 1},   {6, "DVI4", 16000, 1}, {10, "L16", 44100, 2},
                {11, "L16", 44100, 1},  {13, "CN", 8000, 1},    {14, "MPA", 90000, 1}, {17, "DVI4", 22050, 1},
                {25, "CelB", 90000, 1}, {33, "MP2T", 90000, 1}, {1, "", 0, 1},         {19, "", 0, 1},
                {96, "", 0, 1}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sdp_format f = sdp_static_format(rows[i].type);
        assert_int_equal(f.payload_type, rows[i].type);
        assert_true(str_eq(f.encoding, str_from(rows[i].name)));
        assert_int_equal(f.rate, rows[i].rate);
        assert_int_equal(f.channels, rows[i].channels);
    }
    assert_true(sdp_encoding_is_known(STR("cn")));
    assert_true(sdp_encoding_is_known(STR("amr-wb")));
    assert_false(sdp_encoding_is_known(STR("AMRWB")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(parses),        CASE(reads_a_phones_words), CASE(attributes),
        CASE(preconditions), CASE(round_trip),           CASE(limits),
        CASE(refuses),       CASE(truncations),          CASE(directions),
        CASE(types_without_rtpmap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
