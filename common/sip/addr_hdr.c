// SPDX-License-Identifier: Apache-2.0
#include "sip/addr_hdr.h"

#include "base/writer.h"
#include "sip/families.h"
#include "sip/uri.h"
#include "sip/cursor.h"
#include "sip/usual.h"
#include "sip/words.h"

// display-name before '<': a quoted string or tokens with blanks between. False, and the cursor
// where it was, when an addr-spec follows instead.
static bool display_name(struct cur *c, struct str *ret_display)
{
    const char *from = c->p;
    if (cur_peek(c) == '<')
        return true;
    if (cur_peek(c) == '"') {
        *ret_display = cur_quoted(c);
        cur_sws(c);
        return true;
    }
    (void)cur_span(c, CH_TOKEN | CH_LWS);
    if (cur_peek(c) != '<') {
        c->p = from;
        return false;
    }
    *ret_display = str_trim(str_make(from, (size_t)(c->p - from)));
    return true;
}

static void bracketed(struct cur *c, struct sip_uri *u)
{
    cur_expect(c, '<');
    sip_uri_read(c, u);
    cur_expect(c, '>');
}

// RFC 3261 20: without brackets, ';' begins header parameters and ',' and '?' cannot occur.
static void bare(struct cur *c, struct sip_uri *u)
{
    const char *from = c->p;
    struct str s = cur_span1(c, CH_PLAIN);
    struct cur part = cur_part(c, s.p + s.n);
    part.p = from;
    sip_uri_read(&part, u);
    if (part.bad || !cur_done(&part))
        cur_fail(c);
}

// [ <"> display-name <"> SP ] "<"
static inline bool usual_display(struct walk *w, struct str *ret_display)
{
    const char *from = w->p;
    *ret_display = STR_NONE;
    if (walk_take(w, '"')) {
        do
            (void)walk_name(w);
        while (walk_take(w, ' '));
        if (!walk_take(w, '"'))
            return false;
        *ret_display = str_make(from, (size_t)(w->p - from));
        (void)walk_take(w, ' ');
    }
    return walk_take(w, '<');
}

// Stays put where it gives up, and so below.
static inline bool usual_name_addr(struct cur *c, struct sip_addr *v)
{
    struct walk w = walk_init(c);
    if (!usual_display(&w, &v->display) || !walk_uri(&w, c->arena, &v->uri) ||
        !walk_take(&w, '>'))
        return false;
    c->p = w.p;
    return true;
}

// One parameter alone.
static inline bool usual_param(struct cur *c, struct sip_addr *v)
{
    struct walk w = walk_init(c);
    if (!walk_take(&w, ';'))
        return false;
    v->params = walk_param(&w, c->arena);
    if (!v->params || (w.p != c->end && *w.p != ','))
        return false;
    c->p = w.p;
    return true;
}

void sip_addr_read(struct cur *c, struct sip_addr *v)
{
    const char *from = c->p;
    if (!c->delim || !usual_name_addr(c, v)) {
        v->display = STR_NONE;
        if (display_name(c, &v->display))
            bracketed(c, &v->uri);
        else
            bare(c, &v->uri);
    }
    if (!c->delim || !usual_param(c, v))
        v->params = cur_params(c);
    v->tag = STR_NONE;
    for (const struct sip_param *p = v->params; p; p = p->next)
        if (WORD_IS(p->name, "tag"))
            v->tag = p->value;
    v->text = str_make(from, (size_t)(c->p - from));
}

int sip_addr_parse(struct arena *a, struct str s, struct sip_addr *ret_addr)
{
    struct sip_addr v;
    struct cur c = cur_init(a, s);
    cur_sws(&c);
    sip_addr_read(&c, &v);
    int e = cur_finish(&c);
    if (!e)
        *ret_addr = v;
    return e;
}

void sip_addr_write(struct writer *w, const struct sip_addr *v)
{
    if (v->display.n) {
        writer_str(w, v->display);
        writer_chr(w, ' ');
    }
    writer_chr(w, '<');
    sip_uri_write(w, &v->uri);
    writer_chr(w, '>');
    sip_params_write(w, v->params);
}
