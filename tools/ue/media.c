// SPDX-License-Identifier: Apache-2.0
// One RTP stream each way: 20 ms packets of a G.711 tone out, statistics and tone detection in.
#include "tools/ue/ue_priv.h"

#include "base/err.h"
#include "media/g711.h"
#include "media/rtp.h"
#include "media/tone.h"

enum { RATE = 8000, PTIME_MS = 20, SAMPLES = RATE * PTIME_MS / 1000, PCMU = 0, PCMA = 8 };
static const double level_db = -12.0;
// A quarter of a second of the tone is proof enough.
enum { HEARD_BLOCKS = 12 };
// A digit lasts 100 ms, with as much silence behind it (RFC 4733 2.5: its end is said three times).
enum { DIGIT_TICKS = 5, DIGIT_ENDS = 3, DIGIT_PAUSE = 5, DIGIT_VOLUME = 10, EVENT_BYTES = 4, DIGITS_MAX = 32 };

struct media {
    struct loop *loop;
    struct udp *udp;
    struct timer tick;
    struct addr remote;
    bool started, held;
    uint8_t payload_type;
    uint16_t seq;
    uint32_t timestamp, ssrc;
    uint64_t started_ns, ticks, sent;
    struct tone_source source;
    struct tone_detector detector;
    struct rtp_stats stats;
    double expect_hz;
    struct {
        uint8_t payload_type;
        char digits[DIGITS_MAX];  // to be sent
        size_t n, at;
        unsigned tick;            // of the present one
        uint32_t timestamp;
    } dial;
    struct {
        char digits[DIGITS_MAX];  // that came
        size_t n;
        uint32_t timestamp;       // of the last one
        bool any;
    } heard;
};

// ---- telephone events (RFC 4733) ----

static const char event_names[] = "0123456789*#ABCD";

static void hear_event(struct media *m, const struct rtp_header *h, struct str payload)
{
    if (payload.n < EVENT_BYTES || (uint8_t)payload.p[0] >= sizeof event_names - 1)
        return;
    // All packets of one event have its timestamp.
    if ((m->heard.any && m->heard.timestamp == h->timestamp) || m->heard.n + 1 >= DIGITS_MAX)
        return;
    m->heard.any = true;
    m->heard.timestamp = h->timestamp;
    m->heard.digits[m->heard.n++] = event_names[(uint8_t)payload.p[0]];
}

// In the place of this tick's tone: the event, or the pause behind it. False: there is none.
static bool send_event(struct media *m)
{
    if (m->dial.at == m->dial.n)
        return false;
    unsigned tick = m->dial.tick++;
    if (tick == 0)
        m->dial.timestamp = m->timestamp;
    if (tick >= DIGIT_TICKS + DIGIT_ENDS) {
        if (tick + 1 >= DIGIT_TICKS + DIGIT_ENDS + DIGIT_PAUSE) {
            m->dial.at++;
            m->dial.tick = 0;
        }
        return true;
    }
    bool end = tick + 1 > DIGIT_TICKS;
    unsigned duration = (end ? DIGIT_TICKS : tick + 1) * SAMPLES;
    struct rtp_header h = {.marker = tick == 0, .payload_type = m->dial.payload_type, .seq = m->seq++,
                           .timestamp = m->dial.timestamp, .ssrc = m->ssrc};
    uint8_t packet[RTP_HEADER_BYTES + EVENT_BYTES];
    rtp_header_write(&h, packet);
    uint8_t *e = packet + RTP_HEADER_BYTES;
    e[0] = (uint8_t)(strchr(event_names, m->dial.digits[m->dial.at]) - event_names);
    e[1] = (uint8_t)((end ? 0x80 : 0) | DIGIT_VOLUME);
    e[2] = (uint8_t)(duration >> 8);
    e[3] = (uint8_t)duration;
    m->sent++;
    (void)udp_send(m->udp, &m->remote, str_make((const char *)packet, sizeof packet));
    return true;
}

void media_set_events(struct media *m, uint8_t payload_type)
{
    m->dial.payload_type = payload_type;
}

void media_dial(struct media *m, struct str digits)
{
    for (size_t i = 0; i < digits.n && m->dial.n < DIGITS_MAX; i++)
        if (digits.p[i] && strchr(event_names, digits.p[i]))
            m->dial.digits[m->dial.n++] = digits.p[i];
}

// ---- the tone ----

static void on_packet(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    struct media *m = arg;
    struct rtp_header h;
    struct str payload;
    if (rtp_parse(data, &h, &payload))
        return;
    if (h.payload_type == m->dial.payload_type) {
        hear_event(m, &h, payload);
        return;
    }
    if (h.payload_type != PCMU && h.payload_type != PCMA)
        return;
    uint32_t arrival = (uint32_t)(loop_now(m->loop) / 1000 * RATE / 1000000);
    rtp_stats_update(&m->stats, &h, arrival);
    int16_t samples[SAMPLES];
    for (size_t at = 0; at < payload.n; at += SAMPLES) {
        size_t n = payload.n - at < SAMPLES ? payload.n - at : SAMPLES;
        for (size_t i = 0; i < n; i++) {
            uint8_t code = (uint8_t)payload.p[at + i];
            samples[i] = h.payload_type == PCMU ? g711_ulaw_decode(code) : g711_alaw_decode(code);
        }
        tone_detector_write(&m->detector, samples, n);
    }
}

static void send_packet(struct media *m)
{
    uint8_t packet[RTP_HEADER_BYTES + SAMPLES];
    int16_t samples[SAMPLES];
    m->ticks++;
    m->timestamp += SAMPLES;
    if (send_event(m))
        return;
    struct rtp_header h = {.marker = m->sent++ == 0,
                           .payload_type = m->payload_type,
                           .seq = m->seq++,
                           .timestamp = m->timestamp - SAMPLES,
                           .ssrc = m->ssrc};
    rtp_header_write(&h, packet);
    tone_source_read(&m->source, samples, SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++)
        packet[RTP_HEADER_BYTES + i] = m->payload_type == PCMA ? g711_alaw_encode(samples[i])
                                                               : g711_ulaw_encode(samples[i]);
    (void)udp_send(m->udp, &m->remote, str_make((const char *)packet, sizeof packet));
}

// Paced by the clock since the start, so a late tick does not slow the stream down.
static void on_tick(void *arg)
{
    struct media *m = arg;
    uint64_t due = (loop_now(m->loop) - m->started_ns) / (PTIME_MS * 1000000ull) + 1;
    while (!m->held && m->ticks < due)
        send_packet(m);
    timer_start(m->loop, &m->tick, PTIME_MS);
}

void media_set_tones(struct media *m, double tone_hz, double expect_hz)
{
    m->expect_hz = expect_hz;
    tone_source_init(&m->source, tone_hz, RATE, level_db);
    tone_detector_init(&m->detector, expect_hz, RATE);
}

int media_new(struct loop *l, const struct addr *local, double tone_hz, double expect_hz,
              struct media **ret_media)
{
    struct media *m = mem_zalloc(sizeof *m);
    if (!m)
        return ERR_NOMEM;
    m->loop = l;
    m->ssrc = (uint32_t)loop_random_u64(l);
    m->seq = (uint16_t)loop_random_u64(l);
    timer_init(&m->tick, on_tick, m);
    media_set_tones(m, tone_hz, expect_hz);
    struct udp_params up = {.local = *local, .cb = on_packet, .arg = m};
    addr_set_port(&up.local, 0);
    int e = udp_open(l, &up, &m->udp);
    if (e) {
        mem_free(m);
        return e;
    }
    *ret_media = m;
    return 0;
}

void media_free(struct media *m)
{
    if (!m)
        return;
    timer_stop(&m->tick);
    udp_close(m->udp);
    mem_free(m);
}

uint16_t media_port(const struct media *m)
{
    return addr_port(udp_local(m->udp));
}

void media_start(struct media *m, const struct addr *remote, uint8_t payload_type)
{
    m->remote = *remote;
    m->payload_type = payload_type;
    if (m->started)
        return;
    m->started = true;
    m->started_ns = loop_now(m->loop);
    on_tick(m);
}

void media_hold(struct media *m, bool hold)
{
    // What was not sent while held is not made up for.
    if (m->held && !hold)
        m->started_ns = loop_now(m->loop) - m->ticks * PTIME_MS * 1000000ull;
    m->held = hold;
}

void media_report(const struct media *m, struct ue_media_report *ret_report)
{
    *ret_report = (struct ue_media_report){.sent = m->sent,
                                           .received = m->stats.received,
                                           .lost = rtp_stats_lost(&m->stats),
                                           .late = m->stats.duplicates_or_late,
                                           .jitter_ms = m->stats.jitter * 1000.0 / RATE,
                                           .tone_hz = m->expect_hz,
                                           .detected = tone_detector_heard(&m->detector, HEARD_BLOCKS)};
    memcpy(ret_report->digits, m->heard.digits, m->heard.n);
}
