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

// ---- Contact ----

static int64_t expires_of(struct str s)
{
    uint32_t v;
    int e = str_u32(s, &v);
    if (e == ERR_TOOBIG) // RFC 3261 20.19: delta-seconds end at 2**32-1
        return UINT32_MAX;
    return e ? 3600 : v;
}

static void contact_param(struct cur *c, const struct sip_param *p, struct sip_contact *v)
{
    if (WORD_IS(p->name, "expires")) {
        v->expires = expires_of(p->value);
    } else if (WORD_IS(p->name, "q")) {
        struct cur q = cur_init(c->arena, p->value);
        v->q = cur_qvalue(&q);
        if (q.bad || !cur_done(&q))
            cur_fail(c);
    } else if (WORD_IS(p->name, "+sip.instance")) {
        v->instance = sip_unquote(c->arena, p->value);
    } else if (WORD_IS(p->name, "reg-id")) {
        if (str_u32(p->value, &v->reg_id))
            v->reg_id = 0; // RFC 5626 6: a value out of range is as if absent
    }
}

void sip_contact_read(struct cur *c, struct sip_contact *v)
{
    const char *from = c->p;
    *v = (struct sip_contact){.expires = -1, .q = 1000};
    if (cur_take(c, '*')) {
        cur_sws(c);
        if (cur_done(c)) {
            v->star = true;
            return;
        }
        c->p = from;
    }
    sip_addr_read(c, &v->addr);
    for (const struct sip_param *p = v->addr.params; p; p = p->next)
        contact_param(c, p, v);
}

int sip_contact_parse(struct arena *a, struct str s, struct sip_contact *ret_contact)
{
    struct sip_contact v;
    struct cur c = cur_init(a, s);
    cur_sws(&c);
    sip_contact_read(&c, &v);
    int e = cur_finish(&c);
    if (!e)
        *ret_contact = v;
    return e;
}

void sip_contact_write(struct writer *w, const struct sip_contact *v)
{
    if (v->star)
        writer_chr(w, '*');
    else
        sip_addr_write(w, &v->addr);
}

// ---- lists as text ----

struct str route_take(struct str *list)
{
    bool quoted = false, angle = false;
    size_t i = 0;
    for (; i < list->n; i++) {
        char c = list->p[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"' && !angle)
            quoted = !quoted;
        else if (!quoted && (c == '<' || c == '>'))
            angle = c == '<';
        else if (c == ',' && !quoted && !angle)
            break;
    }
    struct str first = str_trim(str_head(*list, i));
    *list = str_skip(*list, i + 1);
    return first;
}
