// SPDX-License-Identifier: Apache-2.0
// The cost of a message at the codec: parsing it, reading every header, comparing its URIs, editing and
// writing it. No limits of a node apply here.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/writer.h"
#include "sip/edit.h"
#include "sip/uri.h"
#include "tests/hostile/hostile.h"
#include "tests/hostile/shapes.h"

enum { SMALL = 3000, LARGE = 4 * SMALL, ROOM = LARGE + 2048 };

static const struct hostile_bound bound = {
    .bytes_each = 400, .bytes_base = 60000, .work_each = 700, .work_base = 60000, .growth_pct = 130};

static char text[ROOM], out[2 * ROOM];
static size_t text_n;

static void make(enum shape s, enum sip_hid id, size_t n)
{
    struct writer w = writer_init(text, sizeof text);
    writer_printf(&w, "INVITE sip:a@h SIP/2.0\r\n");
    size_t got = shape_write(s, id, n, text + w.n, sizeof text - w.n - 512);
    w.n += got;
    writer_printf(&w, "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
                      "From: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
                      "Contact: <sip:a@h>\r\nContent-Length: 0\r\n\r\n");
    if (!got || w.failed)
        abort();
    text_n = w.n;
}

static const struct sip_uri *uri_of(enum sip_hid id, const void *v)
{
    if (id == SIP_H_CONTACT)
        return &((const struct sip_contact *)v)->addr.uri;
    return id == SIP_H_ROUTE || id == SIP_H_PATH || id == SIP_H_RECORD_ROUTE
               ? &((const struct sip_addr *)v)->uri
               : NULL;
}

// Every value is read; every second one removed and the next replaced; neighbours are compared.
static void use(const struct sip_msg *m, struct sip_edits *e, enum sip_hid id)
{
    struct sip_iter it = sip_iter_init(m, id);
    const struct sip_uri *before = NULL;
    for (const void *v; (v = sip_iter_next(&it));) {
        size_t i = sip_iter_index(&it);
        const struct sip_uri *uri = uri_of(id, v);
        if (before && uri)
            (void)sip_uri_eq(before, uri);
        before = uri;
        if (i % 3 == 0)
            sip_edit_remove_at(e, id, i);
        else if (i % 3 == 1)
            sip_edit_replace_at(e, id, i, STR("b"));
    }
    (void)sip_msg_has_token(m, id, STR("none"));
    struct sip_edits_iter left = sip_edits_iter_init(e, id);
    for (struct str s; sip_edits_iter_next(&left, &s);) {}
}

static void run(void *arg)
{
    struct sip_msg *m = NULL;
    struct sip_parse_error err;
    (void)arg;
    (void)sip_msg_parse(str_make(text, text_n), &m, &err);
    if (!m)
        return;
    struct sip_edits e, copy;
    struct arena a;
    arena_init(&a, NULL, 0);
    sip_edits_init(&e, &a, m);
    sip_edit_append(&e, SIP_H_SERVER, STR("x"));
    for (unsigned id = 1; id < SIP_H_COUNT; id++)
        use(m, &e, (enum sip_hid)id);
    sip_edits_copy(&copy, &a, &e);
    sip_edit_prepend(&copy, SIP_H_VIA, STR("SIP/2.0/UDP h"));
    for (unsigned id = 1; id < SIP_H_COUNT; id += 5)
        sip_edit_set(&copy, (enum sip_hid)id, STR("c"));
    struct writer w = writer_init(out, sizeof out);
    (void)sip_msg_write(m, &copy, &w);
    w = writer_init(out, sizeof out);
    (void)sip_write_response(m, 180, STR_NONE, STR("tag"), NULL, &w);
    arena_done(&a);
    sip_msg_unref(m);
}

static struct hostile_cost cost(enum shape s, enum sip_hid id, size_t n)
{
    struct hostile_cost c;
    make(s, id, n);
    c.n = text_n;
    sip_msg_pool_drain();
    hostile_measure(run, NULL, &c.bytes, &c.work);
    return c;
}

int main(void)
{
    unsigned bad = 0, n = 0;
    printf("1..%d\n", (int)SIP_H_COUNT - 1);
    for (unsigned id = 1; id < SIP_H_COUNT; id++) {
        unsigned bad_here = 0;
        for (int s = 0; s < SHAPE_COUNT; s++) {
            char name[96];
            snprintf(name, sizeof name, "%s: %s", sip_hid_name(id).p, shape_name((enum shape)s));
            struct hostile_cost small = cost((enum shape)s, (enum sip_hid)id, SMALL);
            struct hostile_cost large = cost((enum shape)s, (enum sip_hid)id, LARGE);
            bad_here += hostile_within(name, &small, &large, &bound) != 0;
        }
        printf("%sok %u - %s\n", bad_here ? "not " : "", ++n, sip_hid_name(id).p);
        bad += bad_here;
    }
    sip_msg_pool_drain();
    return bad != 0;
}
