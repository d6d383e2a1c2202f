// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "media/g711.h"
#include "media/rtp.h"
#include "media/tone.h"

// Code words of ITU-T G.711 tables 1a/1b and 2a/2b.
static void g711_known_values(void **state)
{
    (void)state;
    assert_int_equal(g711_ulaw_encode(0), 0xff);
    assert_int_equal(g711_ulaw_decode(0xff), 0);
    assert_int_equal(g711_ulaw_decode(0x80), 32124);
    assert_int_equal(g711_ulaw_decode(0x00), -32124);
    assert_int_equal(g711_alaw_encode(0), 0xd5);
    assert_int_equal(g711_alaw_decode(0xd5), 8);
    assert_int_equal(g711_alaw_decode(0xaa), 32256);
    assert_int_equal(g711_alaw_decode(0x2a), -32256);
}

// Every code word survives decoding and encoding (mu-law has two zeros).
static void g711_round_trip(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        if (c != 0x7f)
            assert_int_equal(g711_ulaw_encode(g711_ulaw_decode((uint8_t)c)), c);
        assert_int_equal(g711_alaw_encode(g711_alaw_decode((uint8_t)c)), c);
    }
    for (int v = -32768; v <= 32767; v += 7) {
        int u = g711_ulaw_decode(g711_ulaw_encode((int16_t)v)) - v;
        int a = g711_alaw_decode(g711_alaw_encode((int16_t)v)) - v;
        assert_true(abs(u) <= abs(v) / 16 + 700 && abs(a) <= abs(v) / 16 + 520);
    }
}

static void hear(double played, double listened, struct tone_detector *d)
{
    struct tone_source s;
    int16_t b[160];
    tone_source_init(&s, played, 8000, -12);
    tone_detector_init(d, listened, 8000);
    for (int i = 0; i < 50; i++) {
        tone_source_read(&s, b, 160);
        for (int k = 0; k < 160; k++)
            b[k] = g711_ulaw_decode(g711_ulaw_encode(b[k]));
        tone_detector_write(d, b, 160);
    }
}

static void tones(void **state)
{
    (void)state;
    struct tone_detector d;
    hear(440, 440, &d);
    assert_int_equal(d.blocks, 50);
    assert_true(tone_detector_heard(&d, 12));
    hear(440, 880, &d);
    assert_false(tone_detector_heard(&d, 1));
    hear(880, 880, &d);
    assert_false(tone_detector_heard(&d, 51));
    tone_detector_init(&d, 440, 8000);
    int16_t silence[1600] = {0};
    tone_detector_write(&d, silence, 1600);
    assert_false(tone_detector_heard(&d, 0 + 1));
}

static void rtp_packets(void **state)
{
    (void)state;
    struct rtp_header h = {.marker = true, .payload_type = 8, .seq = 0xfffe, .timestamp = 0x80000001,
                           .ssrc = 0xdeadbeef}, got;
    char p[20];
    struct str payload;
    rtp_header_write(&h, (uint8_t *)p);
    memset(p + 12, 'x', 8);
    assert_int_equal(rtp_parse(str_make(p, 20), &got, &payload), 0);
    assert_memory_equal(&got.seq, &h.seq, 2);
    assert_int_equal(got.ssrc, h.ssrc);
    assert_true(got.marker && got.payload_type == 8 && payload.n == 8);
    for (size_t n = 0; n < 12; n++)
        assert_int_equal(rtp_parse(str_make(p, n), &got, &payload), ERR_BAD);
    p[0] = (char)0x8f; // fifteen CSRCs that are not there
    assert_int_equal(rtp_parse(str_make(p, 20), &got, &payload), ERR_BAD);
    p[0] = (char)0xa0; // padding longer than the packet
    assert_int_equal(rtp_parse(str_make(p, 20), &got, &payload), ERR_BAD);
    p[0] = (char)0x90; // extension that says more than there is
    assert_int_equal(rtp_parse(str_make(p, 20), &got, &payload), ERR_BAD);
    p[0] = 0x40;
    assert_int_equal(rtp_parse(str_make(p, 20), &got, &payload), ERR_BAD);
}

static void feed(struct rtp_stats *s, uint16_t seq, uint32_t arrival)
{
    struct rtp_header h = {.seq = seq, .timestamp = 160u * seq};
    rtp_stats_update(s, &h, arrival);
}

static void rtp_statistics(void **state)
{
    (void)state;
    struct rtp_stats s = {0};
    assert_int_equal(rtp_stats_expected(&s), 0);
    for (uint32_t i = 0; i < 10; i++) // over the wrap of the sequence number, number 3 lost
        if (i != 3)
            feed(&s, (uint16_t)(65530 + i), 160 * i);
    assert_int_equal(rtp_stats_expected(&s), 10);
    assert_int_equal(rtp_stats_lost(&s), 1);
    feed(&s, 2, 0);
    assert_int_equal(s.duplicates_or_late, 1);
    struct rtp_stats even = {0}, jumpy = {0};
    for (uint32_t i = 0; i < 100; i++) {
        feed(&even, (uint16_t)i, 160 * i);
        feed(&jumpy, (uint16_t)i, 160 * i + (i & 1) * 80);
    }
    assert_true(even.jitter < 0.001);
    assert_true(jumpy.jitter > 70 && jumpy.jitter < 81);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(g711_known_values), cmocka_unit_test(g711_round_trip),
        cmocka_unit_test(tones),             cmocka_unit_test(rtp_packets),
        cmocka_unit_test(rtp_statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
