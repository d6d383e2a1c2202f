// SPDX-License-Identifier: Apache-2.0
// What a server answers to requests that are wrong (RFC 6733 6.1.4, 7.1, 7.2), byte by byte.
#include "world.h"

static struct world w;
static struct raw r;
static struct box *a;

static int setup(void **state)
{
    world_new(&w, 5);
    a = box_start(&w, 0, "a.test", box_open);
    raw_start(&r, &w, 3, "r.test");
    raw_dial(&r, a);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    assert_int_equal(raw_last_result(&r), DIA_SUCCESS);
    return 0;
}

static int teardown(void **state)
{
    assert_false(r.closed); // none of these ends the connection
    raw_stop(&r);
    world_free(&w);
    return 0;
}

static uint8_t *avp_at(struct dia_bytes *b, uint32_t code)
{
    for (size_t at = DIA_HEADER; at < b->n; at += (dia_get24(b->p + at + 5) + 3) & ~3u)
        if (dia_get32(b->p + at) == code)
            return b->p + at;
    fail();
    return NULL;
}

static void change_avp(struct dia_bytes *b, uint32_t code, const char *text)
{
    memcpy(avp_at(b, code) + 8, text, strlen(text));
}

// Sends b; the answer has to be this, with the request's ids, Session-Id and P flag.
static void expect(struct dia_bytes *b, uint32_t result, unsigned asked)
{
    uint32_t code = dia_get24(b->p + 5);
    uint32_t before = r.answers[code];
    raw_send(&r, b->p, b->n);
    world_run(&w, 50);
    assert_int_equal(r.answers[code], before + 1);
    assert_int_equal(raw_last_result(&r), result);
    assert_int_equal(a->asked, asked);
    assert_memory_equal(r.last + 8, b->p + 8, 12); // application, hop-by-hop, end-to-end
    assert_int_equal(r.last[4] & DIA_CMD_E, result / 1000 == 3 ? DIA_CMD_E : 0);
    assert_int_equal(r.last[4] & DIA_CMD_P, b->p[4] & DIA_CMD_P);
    assert_int_equal(r.last[4] & DIA_CMD_R, 0);
    struct str sid = raw_last_avp(&r, 263);
    assert_int_equal(sid.n, 8 + 7);
    assert_memory_equal(sid.p + 8, "raw;1;1", 7);
    assert_int_equal(dia_get32(r.last + DIA_HEADER), 263); // Session-Id is the first AVP
    dia_bytes_free(b);
}

static void expect_failed(uint32_t avp)
{
    struct str f = raw_last_avp(&r, 279);
    assert_true(f.n >= 16);
    assert_int_equal(dia_get32(f.p + 8), avp);
}

static void good(void **state)
{
    struct dia_bytes b;
    raw_mar(&r, 1, 2, 0, &b);
    expect(&b, DIA_SUCCESS, 1);
}

// RFC 6733 8.8: the Session-Id "SHOULD" come first.
static void session_id_last(void **state)
{
    struct dia_bytes b;
    char first[64];
    raw_mar(&r, 1, 2, 0, &b);
    size_t n = (dia_get24(b.p + DIA_HEADER + 5) + 3) & ~3u;
    assert_int_equal(dia_get32(b.p + DIA_HEADER), 263);
    memcpy(first, b.p + DIA_HEADER, n);
    memmove(b.p + DIA_HEADER, b.p + DIA_HEADER + n, b.n - DIA_HEADER - n);
    memcpy(b.p + b.n - n, first, n);
    expect(&b, DIA_SUCCESS, 1);
    assert_string_equal(a->last_session, "raw;1;1");
}

static void unknown_application(void **state)
{
    struct dia_bytes b;
    raw_mar(&r, 1, 2, 0, &b);
    dia_put32(b.p + 8, 16777217); // Sh
    expect(&b, 3007, 0);
}

static void unknown_command(void **state)
{
    struct dia_bytes b;
    raw_mar(&r, 1, 2, 0, &b);
    dia_put24(b.p + 5, 399);
    expect(&b, 3001, 0);
}

static void unhandled_command(void **state)
{
    struct cx_uar m = {.head = {.session_id = STR("raw;1;1"), .origin_host = STR("r.test"),
                                .origin_realm = STR("test"), .dest_realm = STR("test")},
                       .impi = STR("i"), .impu = STR("u"), .visited_network = STR("v")};
    struct dia_header h = {.flags = DIA_CMD_R | DIA_CMD_P, .code = 300, .app = DIA_APP_CX,
                           .hbh = 1, .ete = 2};
    struct dia_bytes b;
    assert_int_equal(dia_encode(w.dict, dia_command_find(&dia_cx, 300)->in, &m, &h, &b), 0);
    expect(&b, 3001, 0);
}

static void error_bit_on_a_request(void **state)
{
    struct dia_bytes b;
    raw_mar(&r, 1, 2, DIA_CMD_E, &b);
    expect(&b, 3008, 0);
}

static void wrong_realm(void **state)
{
    struct dia_bytes b;
    raw_mar(&r, 1, 2, 0, &b);
    change_avp(&b, 283, "best");
    expect(&b, 3003, 0);
}

static void wrong_host(void **state)
{
    struct dia_bytes b;
    raw_mar(&r, 1, 2, 0, &b);
    static const char host[] = "\0\0\1\x25\x40\0\0\x0e" "b.test\0\0";
    assert_int_equal(dia_bytes_append(&b, (struct str){host, 16}), 0);
    expect(&b, 3002, 0);
}

static void right_host_in_capitals(void **state)
{
    struct dia_bytes b;
    raw_mar(&r, 1, 2, 0, &b);
    static const char host[] = "\0\0\1\x25\x40\0\0\x0e" "A.TEST\0\0";
    assert_int_equal(dia_bytes_append(&b, (struct str){host, 16}), 0);
    expect(&b, DIA_SUCCESS, 1);
}

static void missing_avp(void **state)
{
    static const uint32_t required[] = {1, 601, 602, 607, 612, 283, 264, 296, 277, 260};
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        struct dia_bytes b;
        raw_mar(&r, 1, (uint32_t)i, 0, &b);
        uint8_t *at = avp_at(&b, required[i]);
        size_t n = (dia_get24(at + 5) + 3) & ~3u;
        memmove(at, at + n, b.n - (size_t)(at - b.p) - n);
        b.n -= n;
        dia_put24(b.p + 1, (uint32_t)b.n);
        expect(&b, DIA_MISSING_AVP, 0);
        expect_failed(required[i]);
    }
}

// RFC 6733 7.2: an answer without the E bit keeps to its command's grammar.
static void refusal_keeps_the_grammar(void **state)
{
    struct dia_bytes b;
    raw_mar(&r, 1, 2, 0, &b);
    dia_put24(avp_at(&b, 607) + 5, 8); // too short for its vendor
    expect(&b, 5014, 0);
    expect_failed(607);
    assert_true(raw_last_avp(&r, 260).n > 8);
    assert_true(raw_last_avp(&r, 277).n > 8);
    assert_true(raw_last_avp(&r, 264).n > 8);
    assert_true(raw_last_avp(&r, 296).n > 8);
}

static void unknown_mandatory_avp(void **state)
{
    struct dia_bytes b;
    raw_mar(&r, 1, 2, 0, &b);
    static const char unknown[] = "\0\0\x7f\xff\xc0\0\0\x11\0\0\x28\xaf" "abcde\0\0\0";
    assert_int_equal(dia_bytes_append(&b, (struct str){unknown, 20}), 0);
    expect(&b, 5001, 0);
    struct str f = raw_last_avp(&r, 279);
    assert_int_equal(f.n, 8 + 20);
    assert_memory_equal(f.p + 8, unknown, 17); // as it came
}

static void long_offender_is_cut(void **state)
{
    struct dia_bytes b;
    raw_mar(&r, 1, 2, 0, &b);
    static char unknown[8 + 8000] = "\0\0\x7f\xff\x40";
    dia_put24(unknown + 5, sizeof unknown);
    assert_int_equal(dia_bytes_append(&b, (struct str){unknown, sizeof unknown}), 0);
    expect(&b, 5001, 0);
    assert_true(r.n_last < 1000);
    expect_failed(0x7fff);
}

static const char proxy_info[] = "\0\0\1\x1c\x40\0\0\x20"
                                 "\0\0\1\x18\x40\0\0\x09p\0\0\0"
                                 "\0\0\0\x21\x40\0\0\x0as1\0\0";

static unsigned count_avps(uint32_t code)
{
    unsigned n = 0;
    for (size_t at = DIA_HEADER; at < r.n_last; at += (dia_get24(r.last + at + 5) + 3) & ~3u)
        n += dia_get32(r.last + at) == code;
    return n;
}

// RFC 6733 6.2: Proxy-Info comes back as it was, in good answers and in refusals.
static void proxy_info_returns(void **state)
{
    struct dia_bytes b;
    for (int bad = 0; bad < 2; bad++) {
        raw_mar(&r, 1, (uint32_t)bad, 0, &b);
        assert_int_equal(dia_bytes_append(&b, (struct str){proxy_info, 32}), 0);
        assert_int_equal(dia_bytes_append(&b, (struct str){proxy_info, 32}), 0);
        if (bad)
            dia_put24(b.p + 5, 399);
        expect(&b, bad ? 3001 : DIA_SUCCESS, 1);
        assert_int_equal(count_avps(284), 2);
        struct str p = raw_last_avp(&r, 284);
        assert_int_equal(p.n, 32);
        assert_memory_equal(p.p, proxy_info, 32);
    }
}

// Each way back keeps its own Proxy-Info, though the answer is remembered once.
static void proxy_info_of_a_copy(void **state)
{
    struct dia_bytes b;
    raw_mar(&r, 1, 77, 0, &b);
    assert_int_equal(dia_bytes_append(&b, (struct str){proxy_info, 32}), 0);
    expect(&b, DIA_SUCCESS, 1);
    assert_int_equal(count_avps(284), 1);
    raw_mar(&r, 2, 77, DIA_CMD_T, &b);
    expect(&b, DIA_SUCCESS, 1);
    assert_int_equal(count_avps(284), 0);
}

static void bad_value(void **state)
{
    struct cx_sar m = {.head = {.session_id = STR("raw;1;1"), .origin_host = STR("r.test"),
                                .origin_realm = STR("test"), .dest_realm = STR("test")},
                       .server_name = STR("s"), .type = 77};
    struct dia_header h = {.flags = DIA_CMD_R | DIA_CMD_P, .code = 301, .app = DIA_APP_CX,
                           .hbh = 1, .ete = 2};
    struct dia_bytes b;
    assert_int_equal(dia_encode(w.dict, dia_command_find(&dia_cx, 301)->in, &m, &h, &b), 0);
    expect(&b, DIA_INVALID_AVP_VALUE, 0);
    expect_failed(614);
}

// RFC 6733 7.5: what a handler finds wrong goes back in a Failed-AVP, and its copy gets the same answer.
static void handler_names_the_avp(void **state)
{
    struct dia_bytes b;
    a->mode = ANSWER_REFUSE;
    for (int i = 0; i < 2; i++) {
        raw_mar(&r, 1, 88, i ? DIA_CMD_T : 0, &b);
        struct str sent = {(char *)avp_at(&b, 601), dia_get24(avp_at(&b, 601) + 5)};
        char copy[64];
        assert_true(sent.n <= sizeof copy);
        memcpy(copy, sent.p, sent.n);
        expect(&b, DIA_INVALID_AVP_VALUE, 1);
        expect_failed(601);
        assert_memory_equal(raw_last_avp(&r, 279).p + 8, copy, sent.n);
    }
}

// TS 29.229 7.2.1: a feature with the M bit that is not there is refused with what is; others are ignored.
static void required_features(void **state)
{
    static char wanted[] = "\0\0\2\x74\xc0\0\0\x38\0\0\x28\xaf"
                           "\0\0\1\x0a\x40\0\0\x0c\0\0\x28\xaf"
                           "\0\0\2\x75\x80\0\0\x10\0\0\x28\xaf\0\0\0\1"
                           "\0\0\2\x76\x80\0\0\x10\0\0\x28\xaf\0\0\0\4";
    struct dia_bytes b;
    raw_mar(&r, 1, 91, 0, &b);
    assert_int_equal(dia_bytes_append(&b, (struct str){wanted, 56}), 0);
    expect(&b, 0, 0); // no Result-Code
    struct dia_frame f;
    struct dia_fault fault;
    struct str answer = {(char *)r.last, r.n_last}, result = raw_last_avp(&r, 297);
    assert_int_equal(dia_frame_parse(w.dict, answer, &f, &fault), 0);
    struct str has = dia_frame_search(w.dict, &f, 628, DIA_VENDOR_3GPP);
    assert_true(result.n > 8 && has.n > 12);
    assert_int_equal(dia_get32(result.p + result.n - 4), 5011);
    assert_int_equal((uint8_t)has.p[4], DIA_AVP_V);
    assert_int_equal(dia_get32(has.p + has.n - 4), 0);
    wanted[4] = (char)DIA_AVP_V; // supported by the sender, not required
    raw_mar(&r, 1, 92, 0, &b);
    assert_int_equal(dia_bytes_append(&b, (struct str){wanted, 56}), 0);
    expect(&b, DIA_SUCCESS, 1);
}

static void stray_answers(void **state)
{
    struct dia_bytes b;
    raw_mar(&r, 1, 2, 0, &b);
    b.p[4] &= (uint8_t)~DIA_CMD_R;
    raw_send(&r, b.p, b.n);
    world_run(&w, 50);
    assert_int_equal(box_stat(a, "dia_late_answers_total", NULL), 1);
    assert_int_equal(r.answers[303], 0);
    dia_bytes_free(&b);
}

static void bad_watchdog(void **state)
{
    static const uint8_t dwr[20] = {1, 0, 0, 20, 0x80, 0, 1, 0x18};
    raw_send(&r, dwr, sizeof dwr);
    world_run(&w, 50);
    assert_int_equal(r.answers[DIA_DWR], 1);
    assert_int_equal(raw_last_result(&r), DIA_MISSING_AVP);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(good), T(session_id_last), T(unknown_application), T(unknown_command), T(unhandled_command),
        T(error_bit_on_a_request), T(wrong_realm), T(wrong_host), T(right_host_in_capitals),
        T(missing_avp), T(refusal_keeps_the_grammar), T(unknown_mandatory_avp),
        T(long_offender_is_cut), T(proxy_info_returns), T(proxy_info_of_a_copy), T(bad_value), T(handler_names_the_avp),
        T(required_features),
        T(stray_answers), T(bad_watchdog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
