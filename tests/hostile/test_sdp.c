// SPDX-License-Identifier: Apache-2.0
// The cost of a session description: reading all of it, and editing every line and every medium. No
// limits of a node apply here.
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/writer.h"
#include "sdp/attr.h"
#include "sdp/edit.h"
#include "tests/hostile/hostile.h"

enum { SMALL = 3000, LARGE = 4 * SMALL, ROOM = LARGE + 1024 };

static const struct hostile_bound bound = {.bytes_each = 400,
                                           .bytes_base = 20000,
                                           .work_each = 400,
                                           .work_base = 20000,
                                           .growth_pct = 130};
static const struct sdp_limits none = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};

#define HEAD "v=0\r\no=- 1 1 IN IP4 a\r\ns=-\r\nc=IN IP4 a\r\nt=0 0\r\n"

// What stands in front, and what is repeated.
static const struct {
    const char *name, *front, *more;
} shapes[] = {
    {"empty lines", HEAD, "\n"},
    {"lines of one character", HEAD, "x\n"},
    {"unknown lines", HEAD, "y=\r\n"},
    {"attributes of the session", HEAD, "a=b\n"},
    {"connections", HEAD, "c=IN IP4 b\n"},
    {"origins", HEAD, "o=- 1 1 IN IP4 a\n"},
    {"media", HEAD, "m=a 0 b\n"},
    {"RTP media", HEAD, "m=a 0 RTP/AVP 0\n"},
    {"media with an address each", HEAD, "m=a 1 b\nc=IN IP4 b\na=sendonly\n"},
    {"formats", HEAD "m=a 1 RTP/AVP", " 0"},
    {"spaces", HEAD "m=a 1 RTP/AVP", " "},
    {"rtpmap", HEAD "m=a 1 RTP/AVP 96 97\n", "a=rtpmap:97 A/1\n"},
    {"fmtp", HEAD "m=a 1 RTP/AVP 96 97\n", "a=fmtp:97 a\n"},
    {"directions", HEAD "m=a 1 RTP/AVP 0\n", "a=inactive\n"},
    {"preconditions", HEAD "m=a 1 RTP/AVP 0\n", "a=curr:qos local none\n"},
    {"crypto", HEAD "m=a 1 RTP/AVP 0\n", "a=crypto:1 A inline:b\n"},
    {"one long line", HEAD "a=x:", "y"},
    {"colons", HEAD "a=", ":"},
};

static char text[ROOM], out[16 * ROOM];
static size_t text_n;

static void make(size_t shape, size_t n)
{
    struct writer w = writer_init(text, sizeof text);
    writer_str(&w, str_from(shapes[shape].front));
    while (w.n < n)
        writer_str(&w, str_from(shapes[shape].more));
    if (w.failed)
        abort();
    text_n = w.n;
}

static void edit_lines(struct sdp_edits *e, const struct sdp *s)
{
    for (size_t i = 3; i < sdp_line_count(s); i++) {
        if (i % 3 == 0)
            sdp_edit_insert(e, i, 'a', STR("new"));
        else if (i % 3 == 1 && sdp_line_at(s, i).type != 'm')
            sdp_edit_value(e, i, STR("new"));
        else if (sdp_line_at(s, i).type != 'm')
            sdp_edit_remove(e, i);
    }
}

static void edit_media(struct sdp_edits *e, size_t media)
{
    sdp_edit_direction(e, media, SDP_INACTIVE);
    sdp_edit_address(e, media, STR("b"));
    sdp_edit_attr(e, media, STR("fmtp"), STR("x"));
    sdp_edit_remove_attr(e, media, STR("rtpmap"));
}

static void run(void *arg)
{
    struct arena a;
    struct sdp *s;
    struct sdp_edits e;
    (void)arg;
    arena_init(&a, NULL, 0);
    if (sdp_parse(&a, str_make(text, text_n), &none, &s, NULL))
        abort();
    (void)sdp_check(s);
    (void)sdp_find_media(s, STR("none"));
    for (size_t m = 0; m <= sdp_media_count(s); m++) {
        struct sdp_attr_iter it = sdp_attr_iter_init(s, m - 1, STR_NONE);
        struct sdp_precondition p;
        struct sdp_crypto c;
        for (struct sdp_attr at; sdp_attr_iter_next(&it, &at);) {
            (void)sdp_precondition_parse(&at, &p);
            (void)sdp_crypto_parse(at.value, &c);
        }
    }
    sdp_edits_init(&e, &a, s);
    edit_lines(&e, s);
    for (size_t m = 0; m <= sdp_media_count(s); m++)
        edit_media(&e, m - 1);
    for (size_t m = 0; m < sdp_media_count(s); m++) {
        sdp_edit_port(&e, m, 0);
        if (m % 2)
            sdp_edit_remove_media(&e, m);
    }
    struct writer w = writer_init(out, sizeof out);
    if (sdp_write(s, &e, &w))
        abort();
    arena_done(&a);
}

static struct hostile_cost cost(size_t shape, size_t n)
{
    struct hostile_cost c;
    make(shape, n);
    c.n = text_n;
    hostile_measure(run, NULL, &c.bytes, &c.work);
    return c;
}

int main(void)
{
    unsigned bad = 0;
    size_t n = sizeof shapes / sizeof *shapes;
    printf("1..%zu\n", n);
    for (size_t i = 0; i < n; i++) {
        struct hostile_cost small = cost(i, SMALL), large = cost(i, LARGE);
        int over = hostile_within(shapes[i].name, &small, &large, &bound);
        printf("%sok %zu - %s\n", over ? "not " : "", i + 1, shapes[i].name);
        bad += over != 0;
    }
    hostile_report();
    return bad != 0;
}
