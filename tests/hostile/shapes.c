// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/shapes.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/writer.h"
#include "sip/header.h"
#include "sip/msg.h"

static const char *const names[SHAPE_COUNT] = {
    "values", "fields", "fields mixed", "params", "params twice", "param repeated", "auth params",
    "uri params", "uri headers", "long user", "escapes", "long token", "number", "quoted", "quotes",
    "unquoted", "commas", "semicolons", "brackets", "blanks", "folded", "options", "network"};

const char *shape_name(enum shape s)
{
    return names[s];
}

// ---- a good value of a header ----

static bool accepts(enum sip_hid id, const char *value)
{
    char text[512];
    struct sip_msg *m = NULL;
    struct sip_parse_error err;
    struct writer w = writer_init(text, sizeof text);
    writer_printf(&w, "SIP/2.0 200 OK\r\n%s: %s\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
                      "From: <sip:a@h>;tag=1\r\nTo: <sip:a@h>;tag=2\r\nCall-ID: 1\r\n"
                      "CSeq: 1 INVITE\r\n\r\n", sip_hid_name(id).p, value);
    (void)sip_msg_parse(writer_done(&w), &m, &err);
    struct sip_iter it = m ? sip_iter_init(m, id) : (struct sip_iter){.err = -1};
    bool good = !it.err && sip_iter_next(&it);
    sip_msg_unref(m);
    return good;
}

static const char *good_value(enum sip_hid id)
{
    static const char *const tries[] = {
        "<sip:a@h>", "SIP/2.0/UDP h", "a/b", "a", "1", "1 INVITE", "1 1 INVITE", "Digest a=b",
        "a=b", "399 h \"x\"", "icid-value=a", "ipsec-3gpp;alg=a;spi-c=1;spi-s=2;port-c=3;port-s=4"};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        if (accepts(id, tries[i]))
            return tries[i];
    return "a";
}

// ---- filling ----

struct fill {
    struct writer w;
    size_t n; // stop behind so many bytes
    const char *name, *value;
};

static bool more(const struct fill *f)
{
    return f->w.n < f->n && !f->w.failed;
}

static void repeat(struct fill *f, const char *text)
{
    while (more(f))
        writer_str(&f->w, str_from(text));
}

static void begin(struct fill *f, const char *value)
{
    writer_printf(&f->w, "%s: %s", f->name, value);
}

static void lines(struct fill *f, const char *between)
{
    while (more(f)) {
        begin(f, f->value);
        writer_printf(&f->w, "\r\n%s", between);
    }
    begin(f, f->value);
}

// p0=1;p1=1 ... up and, on half the room each, once more down.
static void counted(struct fill *f, const char *before, const char *separator, const char *after,
                    const char *again)
{
    size_t i = 0, end = again ? f->n / 2 : f->n;
    begin(f, before);
    for (; f->w.n < end; i++)
        writer_printf(&f->w, "%sp%zu=1", i || *separator != ',' ? separator : " ", i);
    writer_str(&f->w, str_from(after));
    if (!again)
        return;
    writer_str(&f->w, str_from(again));
    while (i--)
        writer_printf(&f->w, "%sp%zu=1", separator, i);
    writer_str(&f->w, str_from(after));
}

static void uri_headers(struct fill *f)
{
    size_t i = 0;
    begin(f, "<sip:a@h?x=1");
    for (; f->w.n < f->n / 2; i++)
        writer_printf(&f->w, "&p%zu=1", i);
    writer_printf(&f->w, ">, <sip:a@h?");
    while (i--)
        writer_printf(&f->w, "p%zu=1&", i);
    writer_printf(&f->w, "x=1>");
}

static void wrapped(struct fill *f, const char *before, const char *repeated, const char *after)
{
    begin(f, before);
    repeat(f, repeated);
    writer_str(&f->w, str_from(after));
}

static void folded(struct fill *f)
{
    begin(f, f->value);
    while (more(f))
        writer_printf(&f->w, ",\r\n\t%s", f->value);
}

static void values(struct fill *f, const char *value)
{
    begin(f, value);
    while (more(f))
        writer_printf(&f->w, ",%s", value);
}

static void fill(struct fill *f, enum shape s)
{
    char twice[128];
    snprintf(twice, sizeof twice, ", %s", f->value);
    switch (s) {
    case SHAPE_VALUES: values(f, f->value); return;
    case SHAPE_FIELDS: lines(f, ""); return;
    case SHAPE_FIELDS_MIXED: lines(f, "X-Other: a\r\n"); return;
    case SHAPE_PARAMS: counted(f, f->value, ";", "", NULL); return;
    case SHAPE_PARAMS_TWICE: counted(f, f->value, ";", "", twice); return;
    case SHAPE_PARAM_REPEATED: wrapped(f, f->value, ";a", ""); return;
    case SHAPE_AUTH_PARAMS: counted(f, "Digest", ",", "", NULL); return;
    case SHAPE_URI_PARAMS: counted(f, "<sip:a@h", ";", ">", ", <sip:a@h"); return;
    case SHAPE_URI_HEADERS: uri_headers(f); return;
    case SHAPE_LONG_USER: wrapped(f, "<sip:", "a", "@h>"); return;
    case SHAPE_ESCAPES: wrapped(f, "<sip:", "%61", "@h>"); return;
    case SHAPE_LONG_TOKEN: wrapped(f, f->value, "a", ""); return;
    case SHAPE_NUMBER: wrapped(f, "", "1", ""); return;
    case SHAPE_QUOTED: wrapped(f, "\"", "\\\"", "\" <sip:a@h>"); return;
    case SHAPE_QUOTES: wrapped(f, "", "\"\",", "a"); return;
    case SHAPE_UNQUOTED: wrapped(f, f->value, ",\"", ""); return;
    case SHAPE_COMMAS: wrapped(f, "", ",", ""); return;
    case SHAPE_SEMICOLONS: wrapped(f, f->value, ";", ""); return;
    case SHAPE_BRACKETS: wrapped(f, "", "<", ""); return;
    case SHAPE_BLANKS: wrapped(f, f->value, " ", ";a"); return;
    case SHAPE_FOLDED: folded(f); return;
    case SHAPE_OPTIONS: values(f, "sec-agree"); return;
    case SHAPE_NETWORK: values(f, "a;network-provided"); return;
    case SHAPE_COUNT: return;
    }
}

size_t shape_write(enum shape s, enum sip_hid id, size_t n, char *out, size_t cap)
{
    struct fill f = {.w = writer_init(out, cap), .n = n, .name = sip_hid_name(id).p,
                     .value = good_value(id)};
    fill(&f, s);
    writer_lit(&f.w, "\r\n");
    return f.w.failed ? 0 : f.w.n;
}
