// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/mem.h"
#include "xml/dom.h"

struct scan {
    struct str rest;
    const char *begin;
    unsigned depth, elements;
    struct xml_error *error;
};

static unsigned line_of(const struct scan *s)
{
    unsigned line = 1;
    for (const char *p = s->begin; p < s->rest.p; p++)
        line += *p == '\n';
    return line;
}

static int bad(const struct scan *s, int err, const char *what)
{
    *s->error = (struct xml_error){.what = what, .line = line_of(s)};
    return err;
}

// Over what ends with this text.
static int skip_to(struct scan *s, struct str end)
{
    ptrdiff_t at = str_find(s->rest, end);
    if (at < 0)
        return bad(s, ERR_BAD, "not well-formed");
    s->rest = str_skip(s->rest, (size_t)at + end.n);
    return 0;
}

// Behind the end of a start tag; quotes may hold anything.
static int start_tag(struct scan *s)
{
    unsigned attributes = 0;
    char quote = 0;
    for (size_t i = 1; i < s->rest.n; i++) {
        char c = s->rest.p[i];
        if (quote) {
            quote = c == quote ? 0 : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
            if (++attributes > XML_ATTRIBUTES_MAX)
                return bad(s, ERR_TOOBIG, "more attributes than are taken");
        } else if (c == '>') {
            s->depth += s->rest.p[i - 1] != '/';
            s->rest = str_skip(s->rest, i + 1);
            return 0;
        }
    }
    return bad(s, ERR_BAD, "not well-formed");
}

static int markup(struct scan *s)
{
    if (str_starts(s->rest, STR("<!--")))
        return skip_to(s, STR("-->"));
    if (str_starts(s->rest, STR("<![CDATA[")))
        return skip_to(s, STR("]]>"));
    if (str_starts(s->rest, STR("<?")))
        return skip_to(s, STR("?>"));
    if (str_starts(s->rest, STR("<!")))
        return bad(s, ERR_BAD, "document type");
    if (str_starts(s->rest, STR("</"))) {
        s->depth -= s->depth > 0;
        return skip_to(s, STR(">"));
    }
    if (s->depth >= XML_DEPTH_MAX)
        return bad(s, ERR_TOOBIG, "elements too deep");
    if (++s->elements > XML_ELEMENTS_MAX)
        return bad(s, ERR_TOOBIG, "more elements than are taken");
    return start_tag(s);
}

int xml_scan(struct str text, size_t max, struct xml_error *ret_err)
{
    struct scan s = {.rest = text, .begin = text.p, .error = ret_err};
    *ret_err = (struct xml_error){.what = "size"};
    if (text.n > max || text.n > INT32_MAX)
        return ERR_TOOBIG;
    if (!text.n || memchr(text.p, 0, text.n)) // as every text in UTF-16 or UTF-32 has
        return bad(&s, ERR_BAD, "not well-formed");
    int err = 0;
    while (!err) {
        ptrdiff_t at = str_chr(s.rest, '<');
        if (at < 0)
            return 0;
        s.rest = str_skip(s.rest, (size_t)at);
        err = markup(&s);
    }
    return err;
}
