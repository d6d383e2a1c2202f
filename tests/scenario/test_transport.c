// SPDX-License-Identifier: Apache-2.0
// Flows and framing: what peers do to a transport, and what they get for it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/writer.h"
#include "core.h"
#include "sip/uri.h"

static unsigned log_lines;
static char last_line[1000];

static void count_line(void *arg, enum log_level level, struct str line)
{
    log_lines++;
    snprintf(last_line, sizeof last_line, "%.*s", STR_ARG(line));
}

static void open_with(struct stage *st, bool tcp, const struct stack_params *p)
{
    stage_open(st, p);
    st->core->answer = 200;
    stage_peer(st, tcp);
    log_lines = 0;
    log_set_sink(count_line, NULL);
    scene_run(st->sc, 5);
}

static void open_stage(struct stage *st, bool tcp)
{
    open_with(st, tcp, NULL);
}

static void close_stage(struct stage *st)
{
    stage_run_out(st);
    log_set_sink(NULL, NULL);
}

#define MESSAGE(via, branch, length)                                                               \
    "MESSAGE sip:b@192.0.2.9 SIP/2.0\nVia: SIP/2.0/" via " 192.0.2.2:5060;branch=z9hG4bK-" branch  \
    "\nFrom: <sip:a@x>;tag=f\nTo: <sip:b@x>\nCall-ID: c1\nCSeq: 1 MESSAGE\nMax-Forwards: "         \
    "70\n" length "\n"
#define NO_BODY "Content-Length: 0\n"

// ---- framing ----

static void stream_in_pieces(void **state)
{
    struct stage st;
    open_stage(&st, true);
    const char *text = MESSAGE("TCP", "1", "Content-Length: 5\n") "hello";
    char one[3] = "";
    for (const char *p = text; *p; p++) {
        one[0] = *p;
        peer_send(st.peer, NULL, one);
        if (p - text < 40)
            scene_run(st.sc, 10 + (uint64_t)(p - text));
    }
    scene_run(st.sc, 100);
    assert_int_equal(st.core->requests, 1);
    assert_true(str_eq(sip_msg_body(st.core->msg), STR("hello")));
    peer_send(st.peer, NULL,
              MESSAGE("TCP", "2", NO_BODY) MESSAGE("TCP", "3", NO_BODY)
                  MESSAGE("TCP", "4", NO_BODY) "MESS");
    scene_run(st.sc, 200);
    assert_int_equal(st.core->requests, 4);
    peer_send(st.peer, NULL, strstr(MESSAGE("TCP", "5", NO_BODY), "AGE"));
    scene_run(st.sc, 300);
    assert_int_equal(st.core->requests, 5);
    assert_int_equal(log_lines, 0);
    close_stage(&st);
}

static void half_message_is_not_waited_for(void **state)
{
    struct stage st;
    open_stage(&st, true);
    peer_send(st.peer, NULL, "OPTIONS sip:b@192.0.2.9 SIP/2.0\nVia: SIP/2");
    scene_run(st.sc, 15000);
    peer_send(st.peer, NULL, ".0/TCP"); // a byte now and then does not help
    scene_run(st.sc, 20004);
    assert_true(peer_connected(st.peer));
    scene_run(st.sc, 20020);
    assert_false(peer_connected(st.peer));
    assert_int_equal(st.core->flows_closed, 1);
    assert_int_equal(log_lines, 1);
    assert_non_null(strstr(last_line, "half message"));
    assert_non_null(strstr(last_line, "192.0.2.2"));
    close_stage(&st);
}

static void half_after_whole_has_its_own_time(void **state)
{
    struct stage st;
    open_stage(&st, true);
    peer_send(st.peer, NULL, "MESSAGE sip:b@192.0.2.9 SIP/2.0\n");
    scene_run(st.sc, 15000);
    peer_send(st.peer, NULL, strchr(MESSAGE("TCP", "1", NO_BODY), '\n') + 1);
    peer_send(st.peer, NULL, "MESSAGE sip:b@192.0.2.9 SIP/2.0\n");
    scene_run(st.sc, 34000);
    assert_true(peer_connected(st.peer));
    peer_send(st.peer, NULL, strchr(MESSAGE("TCP", "2", NO_BODY), '\n') + 1);
    scene_run(st.sc, 60000);
    assert_true(peer_connected(st.peer));
    assert_int_equal(st.core->requests, 2);
    close_stage(&st);
}

static void silent_connection_is_closed(void **state)
{
    struct stage st;
    open_stage(&st, true);
    scene_run(st.sc, 31900);
    assert_true(peer_connected(st.peer));
    scene_run(st.sc, 32100);
    assert_false(peer_connected(st.peer));
    close_stage(&st);
}

// RFC 5626 3.5.1
static void keepalives(void **state)
{
    struct stage st;
    open_stage(&st, true);
    struct peer *udp = peer_udp(st.sc, "192.0.2.3:5060");
    peer_send(st.peer, NULL, "\n\n");
    scene_run(st.sc, 100);
    assert_int_equal(peer_keepalives(st.peer), 1);
    peer_send(st.peer, NULL, "\n\n\n\n" MESSAGE("TCP", "1", NO_BODY) "\n");
    scene_run(st.sc, 200);
    assert_int_equal(peer_keepalives(st.peer), 3);
    assert_int_equal(st.core->requests, 1);
    scene_run(st.sc, 60000);
    assert_true(peer_connected(st.peer)); // a lone CRLF is no half message
    peer_send(udp, CORE, "\n");
    peer_send(udp, CORE, "\n\n");
    peer_send_raw(udp, CORE,
                  str_make("\0\1\0\0\x21\x12\xa4\x42"
                           "0123456789ab",
                           20));
    peer_send_raw(udp, CORE, str_make("\0\0", 2));
    scene_run(st.sc, 60100);
    peer_quiet(udp);
    assert_int_equal(core_count(st.core, "sip_keepalives_in"), 7);
    assert_int_equal(log_lines, 0);
    close_stage(&st);
}

static void garbage_on_a_stream(void **state)
{
    static const char *const texts[] = {"\x16\x03\x01 hello", "GET\n\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct stage st;
        open_stage(&st, true);
        peer_send(st.peer, NULL, texts[i]);
        scene_run(st.sc, 100);
        assert_false(peer_connected(st.peer));
        assert_int_equal(log_lines, 1);
        assert_int_equal(st.core->requests, 0);
        close_stage(&st);
    }
}

// RFC 3261 18.3: on a stream Content-Length is not optional.
static void stream_without_length(void **state)
{
    struct stage st;
    open_stage(&st, true);
    peer_send(st.peer, NULL, MESSAGE("TCP", "1", ""));
    scene_run(st.sc, 100);
    struct heard *h = peer_status(st.peer, 400);
    assert_true(str_eq(sip_msg_reason(h->msg), STR("Bad Request: Malformed Content-Length")));
    assert_false(peer_connected(st.peer));
    assert_int_equal(log_lines, 1);
    close_stage(&st);
}

static void oversize(void **state)
{
    struct stack_params p = {.max_message = 2000};
    struct stage st;
    open_with(&st, true, &p);
    struct peer *udp = peer_udp(st.sc, "192.0.2.2:5060");
    char big[4000];
    snprintf(big, sizeof big, "%s%2400s", MESSAGE("UDP", "1", "Content-Length: 2400\n"), "x");
    peer_send(udp, CORE, big);
    scene_run(st.sc, 100);
    peer_status(udp, 513);
    assert_int_equal(log_lines, 1);
    snprintf(big, sizeof big, "%s%2400s", MESSAGE("TCP", "2", "Content-Length: 2400\n"), "x");
    peer_send(st.peer, NULL, big);
    scene_run(st.sc, 200);
    peer_status(st.peer, 513);
    assert_false(peer_connected(st.peer));
    struct peer *liar = peer_tcp_to(st.sc, "192.0.2.4:0", CORE);
    scene_run(st.sc, 210);
    peer_send(liar, NULL, MESSAGE("TCP", "3", "Content-Length: 99999\n"));
    scene_run(st.sc, 300); // known from the headers alone
    peer_status(liar, 513);
    assert_false(peer_connected(liar));
    assert_int_equal(core_count(st.core, "sip_oversize_in"), 3);
    assert_int_equal(st.core->requests, 0);
    close_stage(&st);
}

// ---- malformed ----

struct broken {
    const char *text;
    const char *reason; // NULL: silence
};

#define HEAD "MESSAGE sip:b@192.0.2.9 SIP/2.0\n"
#define VIA "Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-m\n"
#define FROM "From: <sip:a@x>;tag=f\n"
#define TO "To: <sip:b@x>\n"
#define CALL "Call-ID: c1\n"
#define CSEQ "CSeq: 1 MESSAGE\n"

static const struct broken brokens[] = {
    {HEAD VIA FROM TO CALL "CSeq: one MESSAGE\n\n", "Bad Request: Malformed CSeq"},
    {HEAD VIA FROM TO CALL "CSeq: 1 INVITE\n\n", "Bad Request: Malformed CSeq"},
    {HEAD VIA FROM TO CALL CSEQ "Max-Forwards: many\n\n", "Bad Request: Malformed Max-Forwards"},
    {HEAD VIA FROM TO CALL CSEQ "Content-Length: 10\n\nshort",
     "Bad Request: Malformed Content-Length"},
    {HEAD VIA "From: <sip:a@x\n" TO CALL CSEQ "\n", "Bad Request: Malformed From"},
    {HEAD VIA FROM TO CALL CSEQ "Route: <sip:\n\n", "Bad Request: Malformed Route"},
    {"MESSAGE sip:b@[::1 SIP/2.0\n" VIA FROM TO CALL CSEQ "\n",
     "Bad Request: Malformed Request-URI"},
    {HEAD VIA TO CALL CSEQ "\n", "Bad Request: Missing From"}, // RFC 4475 3.3.1
    {HEAD VIA FROM CALL CSEQ "\n", "Bad Request: Missing To"},
    {HEAD VIA FROM TO CSEQ "\n", "Bad Request: Missing Call-ID"},
    {HEAD VIA FROM TO CALL "\n", "Bad Request: Missing CSeq"},
    {HEAD VIA "\n", "Bad Request: Missing From"},
    {HEAD VIA "f: <sip:a@x\n" TO CALL CSEQ "\n", "Bad Request: Malformed From"},
    {HEAD FROM TO CALL CSEQ "\n", NULL}, // nowhere to answer to
    {HEAD "Via: nonsense z9hG4bK-m\n" FROM TO CALL CSEQ "\n", // RFC 4475 3.1.2.1
     "Bad Request: Malformed Via"},
    {HEAD "Via: SIP/2.0/UDP 192.0.2.99:9;branch=z9hG4bK-m;;\n" FROM TO CALL CSEQ "\n",
     "Bad Request: Malformed Via"},
    {"ACK sip:b@192.0.2.9 SIP/2.0\n" VIA FROM TO CALL "CSeq: x ACK\n\n", NULL},
    {"SIP/2.0 200 OK\n" VIA FROM TO CALL "CSeq: x MESSAGE\n\n", NULL},
    {"hello, world\n\n", NULL},
    {"\x01\x02\x03", NULL},
};

// text, n times, in memory that the next call takes again.
static const char *times(const char *what, size_t n)
{
    static char room[12000];
    struct writer w = writer_init(room, sizeof room - 1);
    for (size_t i = 0; i < n; i++)
        writer_str(&w, str_from(what));
    assert_false(w.failed);
    room[w.n] = 0;
    return room;
}

static uint64_t beyond(const struct stage *st)
{
    return core_count(st->core, "sip_limit_exceeded");
}

// RFC 3261 21.4.1, 21.4.11, 21.4.12: what has more of something than is allowed is told which limit it
// was; what has as much as is allowed passes.
static void limits(void **state)
{
    static const struct sip_limits few = {.message = 60000, .body = 500, .uri = 100, .fields = 20,
                                          .line = 700, .values = 10, .all_values = 24, .params = 8,
                                          .memory_base = 100000, .memory_factor = 64};
    static const struct {
        const char *before, *what;
        size_t good, bad;
        const char *after;
        unsigned status;
        const char *limit;
    } rows[] = {
        {"", "X-Y: y\n", 14, 15, "", 400, "message.fields"},
        {"Subject: ", "0123456789", 68, 70, "\n", 400, "message.line"},
        {"Require: a", ",a", 9, 10, "\n", 400, "message.values"},
        {"Require: a\n", "Require: a\n", 9, 10, "", 400, "message.values"},
        {"Contact: <sip:a@b", ";a=1", 8, 9, ">\n", 400, "message.params"},
        {"Contact: <sip:a@b>", ";a=1", 8, 9, "\n", 400, "message.params"},
        {"Contact: <sip:a@b>", ";a=\";;;;;;;;;\"", 8, 9, "\n", 400, "message.params"},
        {"Authorization: Digest a=b", ",a=b", 8, 9, "\n", 400, "message.params"},
        {"Require: a,a,a,a,a,a,a,a\nAllow: A,B,C\nSupported: b", ",b", 5, 8, "\n", 400, "message.all_values"},
    };
    struct stack_params p = {.message = &few};
    struct stage st;
    char text[16000];
    (void)state;
    open_with(&st, false, &p);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (unsigned too_much = 0; too_much < 2; too_much++) {
            size_t n = too_much ? rows[i].bad : rows[i].good;
            unsigned lines = log_lines;
            uint64_t counted = beyond(&st);
            snprintf(text, sizeof text,
                     "MESSAGE sip:a@192.0.2.9 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK%zu.%u\n"
                     "From: <sip:b@h>;tag=1\nTo: <sip:a@h>\nCall-ID: %zu.%u\nCSeq: 1 MESSAGE\n"
                     "%s%s%sContent-Length: 0\n\n", i, too_much, i, too_much, rows[i].before,
                     times(rows[i].what, n), rows[i].after);
            peer_send(st.peer, CORE, text);
            scene_run(st.sc, 100 * (2 * i + too_much + 1));
            struct heard *h = peer_status(st.peer, too_much ? rows[i].status : 200);
            assert_int_equal(beyond(&st) - counted, too_much);
            assert_int_equal(log_lines - lines, too_much);
            struct str warning = sip_msg_raw(h->msg, SIP_H_WARNING);
            assert_int_equal(str_find(warning, str_from(rows[i].limit)) > 0, too_much);
        }
    }
    close_stage(&st);
}

static void limits_of_uri_and_body(void **state)
{
    static const struct sip_limits few = {.message = 60000, .body = 20, .uri = 100, .fields = 20,
                                          .line = 700, .values = 10, .all_values = 24, .params = 8,
                                          .memory_base = 100000, .memory_factor = 64};
    struct stack_params p = {.message = &few};
    struct stage st;
    char text[2000];
    (void)state;
    open_with(&st, true, &p);
    peer_send(st.peer, NULL, MESSAGE("TCP", "1", "Content-Length: 21\n") "123456789012345678901");
    scene_run(st.sc, 100);
    (void)peer_status(st.peer, 413);
    snprintf(text, sizeof text,
             "MESSAGE sip:%s@h SIP/2.0\nVia: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bKu\n"
             "From: <sip:b@h>;tag=1\nTo: <sip:a@h>\nCall-ID: u\nCSeq: 1 MESSAGE\nContent-Length: 0\n\n",
             times("a", 100));
    peer_send(st.peer, NULL, text);
    scene_run(st.sc, 200);
    (void)peer_status(st.peer, 414);
    assert_true(peer_connected(st.peer)); // the stream itself is in order
    peer_send(st.peer, NULL, MESSAGE("TCP", "2", "Content-Length: 0\n"));
    scene_run(st.sc, 300);
    (void)peer_status(st.peer, 200);
    assert_int_equal(beyond(&st), 2);
    close_stage(&st);
}

static void malformed_datagrams(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(brokens); i++) {
        struct stage st;
        open_stage(&st, false);
        peer_send(st.peer, CORE, brokens[i].text);
        scene_run(st.sc, 100);
        struct heard *h = peer_next(st.peer);
        if (!brokens[i].reason) {
            assert_null(h);
        } else {
            if (!h)
                fail_msg("no answer to: %s", brokens[i].text);
            assert_true(str_starts(h->bytes, STR("SIP/2.0 400 ")));
            assert_true(str_find(h->bytes, str_from(brokens[i].reason)) == 12);
            assert_true(str_find(h->bytes, STR("z9hG4bK-m")) > 0);
        }
        peer_quiet(st.peer);
        assert_int_equal(log_lines, 1);
        assert_int_equal(core_count(st.core, "sip_malformed_in"), 1);
        assert_int_equal(st.core->requests, 0);
        close_stage(&st);
    }
}

// RFC 4475 3.1.2.16: of another version nothing else is judged.
static void another_version(void **state)
{
    static const char *const texts[] = {
        "MESSAGE sip:b@192.0.2.9 SIP/7.0\nVia: SIP/7.0/UDP 192.0.2.2:5060;branch=z9hG4bK-m\n" FROM TO
        CALL CSEQ "\n",
        "MESSAGE what is this SIP/3.0\n" VIA "\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct stage st;
        open_stage(&st, false);
        peer_send(st.peer, CORE, texts[i]);
        scene_run(st.sc, 100);
        struct heard *h = peer_next(st.peer);
        assert_non_null(h);
        assert_true(str_starts(h->bytes, STR("SIP/2.0 505 Version Not Supported\r\n")));
        assert_int_equal(log_lines, 1);
        close_stage(&st);
    }
}

static void a_flood_does_not_fill_the_log(void **state)
{
    struct stage st;
    open_stage(&st, false);
    for (int i = 0; i < 500; i++)
        peer_send(st.peer, CORE, "nonsense\n\n");
    scene_run(st.sc, 100);
    assert_int_equal(core_count(st.core, "sip_malformed_in"), 500);
    assert_true(log_lines > 0 && log_lines <= 100);
    close_stage(&st);
}

// Mutilated messages, on datagrams and on streams: no crash, no transaction left, no memory lost.
static void noise(void **state)
{
    static const char *const texts[] = {
        MESSAGE("UDP", "1", "Content-Length: 5\n") "hello",
        "INVITE sip:b@192.0.2.9;lr SIP/2.0\n" VIA
        "Via: SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bK2\n"
        "Route: <sip:192.0.2.9;lr>, <sip:x@y;lr>\n" FROM TO CALL "CSeq: 1 INVITE\n" NO_BODY "\n",
        "ACK sip:b@192.0.2.9 SIP/2.0\n" VIA FROM TO CALL "CSeq: 1 ACK\n" NO_BODY "\n",
        "CANCEL sip:b@192.0.2.9 SIP/2.0\n" VIA FROM TO CALL "CSeq: 1 CANCEL\n" NO_BODY "\n",
        "SIP/2.0 200 OK\n" VIA FROM TO CALL "CSeq: 1 INVITE\n" NO_BODY "\n",
    };
    struct stage st;
    open_stage(&st, false);
    struct sim *sim = scene_sim(st.sc);
    struct peer *stream = NULL;
    for (int i = 0; i < 1500; i++) {
        char text[1000];
        snprintf(text, sizeof text, "%s", texts[sim_random(sim) % ARRAY_LEN(texts)]);
        for (uint64_t k = sim_random(sim) % 4; k > 0; k--)
            text[sim_random(sim) % strlen(text)] = (char)(1 + sim_random(sim) % 255);
        if (sim_random(sim) % 8 == 0)
            text[sim_random(sim) % strlen(text)] = '\0';
        if (i % 2 == 0 && (!stream || (!peer_connected(stream) && i % 100 == 0))) {
            stream = peer_tcp_to(st.sc, "192.0.2.77:0", CORE);
            scene_run(st.sc, sim_now_ms(sim) + 5);
        }
        if (i % 2 == 0 && peer_connected(stream))
            peer_send(stream, NULL, text);
        else
            peer_send(st.peer, CORE, text);
        scene_run(st.sc, sim_now_ms(sim) + 20);
        st.core->log[0] = '\0';
        while (peer_next(st.peer))
            ;
    }
    assert_true(st.core->requests > 5);
    assert_true(core_count(st.core, "sip_malformed_in") > 100);
    close_stage(&st);
}

// ---- connections ----

static struct call *calls_new(struct core *core, const char *uri, size_t n)
{
    struct call *c = scene_alloc(core->scene, n * sizeof *c);
    for (size_t i = 0; i < n; i++)
        c[i] = (struct call){.core = core, .method = "MESSAGE", .uri = uri};
    return c;
}

static void connection_is_reused(void **state)
{
    struct stage st;
    open_stage(&st, false);
    struct peer *hop = peer_tcp(st.sc, "192.0.2.5:5060");
    peer_auto(hop, 200);
    struct call *c = calls_new(st.core, "sip:x@192.0.2.5;transport=tcp", 3);
    call_start(&c[0]);
    call_start(&c[1]); // while it is still being connected
    scene_run(st.sc, 100);
    call_start(&c[2]);
    scene_run(st.sc, 200);
    assert_int_equal(peer_connections(hop), 1);
    for (int i = 0; i < 3; i++) {
        assert_non_null(strstr(c[i].log, " 200\n"));
        struct heard *h = peer_next(hop);
        assert_non_null(strstr(heard_header(st.sc, h, "Via"), "SIP/2.0/TCP 192.0.2.9:5060"));
    }
    scene_run(st.sc, 600000); // idle for ten minutes
    assert_true(peer_connected(hop));
    scene_run(st.sc, 601000);
    assert_false(peer_connected(hop));
    close_stage(&st);
}

// The peer closes its idle end in the very moment of the next request: one more try with the same
// branch, so that a request that did arrive is not seen twice.
static void reused_connection_lost(void **state)
{
    struct stage st;
    open_stage(&st, false);
    struct peer *hop = peer_tcp(st.sc, "192.0.2.5:5060");
    peer_auto(hop, 200);
    struct call *c = calls_new(st.core, "sip:x@192.0.2.5;transport=tcp", 2);
    call_start(&c[0]);
    scene_run(st.sc, 100);
    peer_close(hop, false);
    call_start(&c[1]);
    scene_run(st.sc, 300);
    assert_non_null(strstr(c[1].log, " 200\n"));
    assert_int_equal(c[1].writes, 2);
    assert_string_equal(c[1].vias[0], c[1].vias[1]);
    assert_int_equal(peer_connections(hop), 2);
    close_stage(&st);
}

static void fresh_connection_lost(void **state)
{
    struct stage st;
    open_stage(&st, false);
    struct peer *hop = peer_tcp(st.sc, "192.0.2.5:5060");
    struct call *c = calls_new(st.core, "sip:x@192.0.2.5;transport=tcp", 2);
    call_start(&c[0]);
    scene_run(st.sc, 50);
    assert_non_null(peer_next(hop));
    peer_close(hop, true);
    scene_run(st.sc, 100);
    assert_non_null(strstr(c[0].log, "failed 503\n"));
    // after a provisional the answer may come by another way (RFC 3261 18.2.2)
    call_start(&c[1]);
    scene_run(st.sc, 150);
    struct heard *h = peer_next(hop);
    assert_non_null(h);
    peer_answer(hop, h, 100, NULL);
    scene_run(st.sc, 200);
    peer_close(hop, true);
    scene_run(st.sc, 1000);
    assert_null(strstr(c[1].log, "failed"));
    struct peer *back = peer_tcp_to(st.sc, "192.0.2.5:0", CORE);
    scene_run(st.sc, 1100);
    peer_printf(back, NULL,
                "SIP/2.0 200 OK\nVia: %s\nFrom: <sip:a@example.org>;tag=f\n"
                "To: <sip:b@example.org>;tag=t\nCall-ID: call-1\nCSeq: 7 MESSAGE\n"
                "Content-Length: 0\n\n",
                c[1].vias[0]);
    scene_run(st.sc, 1200);
    assert_non_null(strstr(c[1].log, " 200\n"));
    close_stage(&st);
}

static void refused_connection(void **state)
{
    struct stage st;
    open_stage(&st, false);
    struct call *c = calls_new(st.core, "sip:x@192.0.2.77;transport=tcp", 1);
    call_start(c);
    scene_run(st.sc, 6000);
    assert_non_null(strstr(c->log, "failed 503\n"));
    close_stage(&st);
}

// RFC 3261 18.1.1: over 1300 bytes a request goes by TCP, back to UDP when that is refused; a
// transport that the URI names is kept.
static void large_requests(void **state)
{
    struct stage st;
    open_stage(&st, false);
    struct peer *tcp = peer_tcp(st.sc, "192.0.2.5:5060"), *udp = peer_udp(st.sc, "192.0.2.5:5060");
    struct peer *only_udp = peer_udp(st.sc, "192.0.2.6:5060");
    struct call *c = calls_new(st.core, "sip:x@192.0.2.5", 4);
    peer_auto(tcp, 200);
    peer_auto(udp, 200);
    peer_auto(only_udp, 200);
    c[0].pad = 900;
    c[1].pad = 1300;
    c[2].pad = 1300;
    c[2].uri = "sip:x@192.0.2.5;transport=udp";
    c[3].pad = 1300;
    c[3].uri = "sip:x@192.0.2.6";
    for (int i = 0; i < 4; i++)
        call_start(&c[i]);
    scene_run(st.sc, 10000);
    for (int i = 0; i < 4; i++)
        assert_non_null(strstr(c[i].log, " 200\n"));
    assert_non_null(peer_next(tcp));
    peer_quiet(tcp);
    assert_non_null(peer_next(udp));
    assert_non_null(peer_next(udp));
    peer_quiet(udp);
    struct heard *h = peer_next(only_udp);
    assert_non_null(strstr(heard_header(st.sc, h, "Via"), "SIP/2.0/UDP"));
    close_stage(&st);
}

// A request on the flow that a UE opened, and on one that has gone.
static void on_a_given_flow(void **state)
{
    struct stage st;
    open_stage(&st, true);
    peer_send(st.peer, NULL, MESSAGE("TCP", "1", NO_BODY));
    scene_run(st.sc, 100);
    peer_status(st.peer, 200);
    struct flow_info info;
    flow_id flow = st.core->flow;
    assert_true(stack_flow(st.core->stack, flow, &info));
    assert_true(info.open && info.proto == SIP_PROTO_TCP && info.listener == 0);
    struct call *c = calls_new(st.core, "sip:x@10.9.9.9", 2);
    c[0].flow = c[1].flow = flow;
    peer_auto(st.peer, 200);
    call_start(&c[0]);
    scene_run(st.sc, 200);
    assert_non_null(strstr(c[0].log, " 200\n"));
    peer_close(st.peer, false);
    scene_run(st.sc, 300);
    assert_false(stack_flow(st.core->stack, flow, &info));
    call_start(&c[1]);
    scene_run(st.sc, 400);
    assert_non_null(strstr(c[1].log, "failed 503\n"));
    close_stage(&st);
}

// The INVITE's connection has gone when it is refused over another one: the ACK makes a third.
static void ack_after_lost_connection(void **state)
{
    struct stage st;
    open_stage(&st, false);
    struct peer *hop = peer_tcp(st.sc, "192.0.2.5:5060");
    struct call *c = calls_new(st.core, "sip:x@192.0.2.5;transport=tcp", 1);
    c->method = "INVITE";
    call_start(c);
    scene_run(st.sc, 50);
    peer_answer(hop, peer_next(hop), 180, NULL);
    scene_run(st.sc, 100);
    peer_close(hop, true);
    scene_run(st.sc, 200);
    struct peer *back = peer_tcp_to(st.sc, "192.0.2.5:0", CORE);
    scene_run(st.sc, 300);
    peer_printf(back, NULL,
                "SIP/2.0 486 Busy Here\nVia: %s\nFrom: <sip:a@example.org>;tag=f\n"
                "To: <sip:b@example.org>;tag=t\nCall-ID: call-1\nCSeq: 7 INVITE\n"
                "Content-Length: 0\n\n",
                c->vias[0]);
    scene_run(st.sc, 400);
    assert_non_null(strstr(c->log, " 486\n"));
    struct heard *h = peer_next(hop);
    assert_non_null(h);
    assert_true(str_starts(h->bytes, STR("ACK ")));
    assert_int_equal(peer_connections(hop), 2);
    close_stage(&st);
}

// A peer that does not read is not allowed to hold megabytes for ever.
static void peer_that_does_not_read(void **state)
{
    struct stage st;
    open_stage(&st, true);
    peer_send(st.peer, NULL, MESSAGE("TCP", "1", NO_BODY));
    scene_run(st.sc, 100);
    peer_status(st.peer, 200);
    peer_pause(st.peer, true);
    enum { N = 100 };
    struct call *c = calls_new(st.core, "sip:x@192.0.2.2", N);
    unsigned refused = 0;
    for (int i = 0; i < N; i++) {
        c[i].flow = st.core->flow;
        c[i].pad = 60000;
        call_start(&c[i]);
    }
    scene_run(st.sc, 200);
    for (int i = 0; i < N; i++)
        refused += strstr(c[i].log, "failed 503\n") != NULL;
    assert_int_equal(refused, N); // those in the buffer are lost with the connection
    assert_int_equal(st.core->flows_closed, 1);
    assert_int_equal(log_lines, 1);
    close_stage(&st);
}

// The same while it talks itself: what it does not read is not kept for it after the end either.
static void peer_that_talks_and_does_not_read(void **state)
{
    struct sip_limits wide = sip_limits_default;
    wide.line = 65535;
    struct stage st;
    open_with(&st, true, &(struct stack_params){.message = &wide});
    peer_pause(st.peer, true);
    for (int i = 0; i < 200 && peer_connected(st.peer); i++) {
        peer_printf(st.peer, NULL,
                    "MESSAGE sip:b@192.0.2.9 SIP/2.0\nVia: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK%d\n"
                    "From: \"%030000d\" <sip:a@x>;tag=f\n" TO
                    "Call-ID: %d\nCSeq: 1 MESSAGE\n" NO_BODY "\n",
                    i, i, i);
        scene_run(st.sc, 100 + (uint64_t)i);
    }
    assert_false(peer_connected(st.peer)); // at once, not when it has read everything
    assert_int_equal(st.core->flows_closed, 1);
    assert_int_equal(log_lines, 1);
    close_stage(&st);
}

static void ip6(void **state)
{
    struct stage st;
    open_stage(&st, false);
    core_listen(st.core, "[2001:db8::9]:5060", 0, NULL);
    struct peer *udp = peer_udp(st.sc, "[2001:db8::2]:5062");
    struct peer *hop = peer_tcp(st.sc, "[2001:db8::5]:5060");
    peer_send(udp, "[2001:db8::9]:5060",
              "MESSAGE sip:b@[2001:db8::9] SIP/2.0\n"
              "Via: SIP/2.0/UDP [2001:db8::77]:5060;rport;branch=z9hG4bK-1\n" FROM TO CALL CSEQ
              "\n");
    scene_run(st.sc, 100);
    struct heard *h = peer_status(udp, 200);
    assert_string_equal(
        heard_header(st.sc, h, "Via"),
        "SIP/2.0/UDP [2001:db8::77]:5060;branch=z9hG4bK-1;rport=5062;received=2001:db8::2");
    struct call *c = calls_new(st.core, "sip:x@[2001:db8::5];transport=tcp", 2);
    c[1].uri = "sip:x@[2001:db8::2]:5062";
    peer_auto(hop, 200);
    peer_auto(udp, 200);
    call_start(&c[0]);
    call_start(&c[1]);
    scene_run(st.sc, 1000);
    assert_non_null(strstr(c[0].log, " 200\n"));
    assert_non_null(strstr(c[1].log, " 200\n"));
    assert_non_null(strstr(c[0].vias[0], "SIP/2.0/TCP [2001:db8::9]:5060"));
    close_stage(&st);
}

// ---- names of one's own ----

static bool is_own(struct stack *s, const char *text)
{
    struct arena a;
    struct sip_uri u;
    arena_init(&a, NULL, 0);
    assert_int_equal(sip_uri_parse(&a, str_from(text), &u), 0);
    bool own = stack_is_own(s, &u);
    arena_done(&a);
    return own;
}

static void own_names(void **state)
{
    struct stack_params p = {.host_alias = {STR("pcscf.example.org")}};
    struct stage st;
    open_with(&st, false, &p);
    struct stack *s = st.core->stack;
    struct stack_listen l = {.proto = SIP_PROTO_UDP,
                             .local = place("192.0.2.9:5070"),
                             .advertise = STR("ue-side.example.org")};
    assert_int_equal(stack_listen(s, &l), 0);
    core_listen(st.core, "[2001:db8::9]:5060", 0, NULL);
    assert_true(is_own(s, "sip:192.0.2.9"));
    assert_true(is_own(s, "sip:token@192.0.2.9:5060;lr"));
    assert_true(is_own(s, "sip:192.0.2.9:5070"));
    assert_true(is_own(s, "sip:UE-side.example.org:5070"));
    assert_true(is_own(s, "sip:PCSCF.example.org;lr"));
    assert_true(is_own(s, "sip:pcscf.example.org:5060"));
    assert_true(is_own(s, "sip:[2001:DB8:0::9]:5060"));
    assert_false(is_own(s, "sip:192.0.2.9:5080"));
    assert_false(is_own(s, "sip:pcscf.example.org:5080"));
    assert_false(is_own(s, "sip:192.0.2.8"));
    assert_false(is_own(s, "sip:[2001:db8::8]"));
    assert_false(is_own(s, "sip:scscf.example.org"));
    assert_false(is_own(s, "tel:+15550000001"));
    close_stage(&st);
}

static void listeners_are_checked(void **state)
{
    struct stage st;
    open_stage(&st, false);
    struct stack_listen l = {.proto = SIP_PROTO_TLS, .local = place("192.0.2.9:5061")};
    assert_int_equal(stack_listen(st.core->stack, &l), ERR_UNSUPPORTED);
    l.proto = SIP_PROTO_UDP;
    l.local = place("192.0.2.2:5060"); // the peer's
    assert_int_equal(stack_listen(st.core->stack, &l), ERR_INUSE);
    l.local = place("0.0.0.0:5099"); // no Via could be written
    assert_int_equal(stack_listen(st.core->stack, &l), ERR_INVAL);
    close_stage(&st);
}

static void everything_is_traced(void **state)
{
    struct stage st;
    open_stage(&st, false);
    peer_send(st.peer, CORE, MESSAGE("UDP", "1", NO_BODY));
    scene_run(st.sc, 100);
    assert_int_equal(st.core->traces, 2);
    peer_send(st.peer, CORE, MESSAGE("UDP", "1", NO_BODY));
    scene_run(st.sc, 200);
    assert_int_equal(st.core->traces, 4);
    peer_send(st.peer, CORE, "nonsense\n\n");
    scene_run(st.sc, 300);
    assert_int_equal(st.core->traces, 5);
    close_stage(&st);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_in_pieces),
        cmocka_unit_test(half_message_is_not_waited_for),
        cmocka_unit_test(half_after_whole_has_its_own_time),
        cmocka_unit_test(silent_connection_is_closed),
        cmocka_unit_test(keepalives),
        cmocka_unit_test(garbage_on_a_stream),
        cmocka_unit_test(stream_without_length),
        cmocka_unit_test(oversize),
        cmocka_unit_test(limits),
        cmocka_unit_test(limits_of_uri_and_body),
        cmocka_unit_test(malformed_datagrams),
        cmocka_unit_test(another_version),
        cmocka_unit_test(a_flood_does_not_fill_the_log),
        cmocka_unit_test(noise),
        cmocka_unit_test(connection_is_reused),
        cmocka_unit_test(reused_connection_lost),
        cmocka_unit_test(fresh_connection_lost),
        cmocka_unit_test(refused_connection),
        cmocka_unit_test(large_requests),
        cmocka_unit_test(on_a_given_flow),
        cmocka_unit_test(ack_after_lost_connection),
        cmocka_unit_test(peer_that_does_not_read),
        cmocka_unit_test(peer_that_talks_and_does_not_read),
        cmocka_unit_test(ip6),
        cmocka_unit_test(own_names),
        cmocka_unit_test(listeners_are_checked),
        cmocka_unit_test(everything_is_traced),
    };
    return cmocka_run_group_tests_name("scenario_transport", tests, NULL, NULL);
}
