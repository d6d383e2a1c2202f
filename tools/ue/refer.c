// SPDX-License-Identifier: Apache-2.0
// REFER inside a call (RFC 3515), both sides: asking the other side to call somebody, and doing so.
#include "tools/ue/ue_priv.h"

#include "base/err.h"
#include "base/writer.h"
#include "sip/uri.h"

enum { REFER_TO_MAX = 1024 };

int ue_call_refer(struct hub *h, ue_call id, struct str target, bool silent)
{
    struct call *c = call_find(h, id);
    char text[REFER_TO_MAX];
    struct writer w = writer_init(text, sizeof text);
    if (!c || c->state != CALL_ESTABLISHED || !c->session)
        return ERR_NOTFOUND;
    writer_printf(&w, "<%.*s>", STR_ARG(target));
    return w.failed ? ERR_TOOBIG : session_refer(c->session, writer_done(&w), silent);
}

void call_on_referred(void *arg, struct session *s, unsigned status, bool over)
{
    struct call *c = arg;
    if (c->phone->ops->referred)
        c->phone->ops->referred(c->phone->arg, c->phone, c->id, status, over);
}

// -1: it is none.
static int hex_digit(char ch)
{
    char low = (char)(ch | 0x20);
    return ch >= '0' && ch <= '9' ? ch - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// The character that an escape stands for; -1: it is no escape.
static int escaped(struct str s, size_t i)
{
    int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
    int low = high < 0 ? -1 : hex_digit(s.p[i + 2]);
    return low < 0 ? -1 : high << 4 | low;
}

// A header of a URI without its escapes (RFC 3261 19.1.1). False: a wrong escape. Control characters
// are left out: the value becomes a line of a request.
static bool unescape(struct arena *a, struct str s, struct str *ret_value)
{
    char *p = arena_alloc(a, s.n);
    size_t n = 0;
    for (size_t i = 0; p && i < s.n; i++) {
        int ch = s.p[i] == '%' ? escaped(s, i) : (unsigned char)s.p[i];
        if (ch < 0)
            return false;
        i += s.p[i] == '%' ? 2 : 0;
        if (ch >= ' ' && ch != 0x7f)
            p[n++] = (char)ch;
    }
    *ret_value = p ? str_make(p, n) : STR_NONE;
    return p != NULL;
}

// The Replaces that a Refer-To asks for (RFC 3891 6.1). False: it is malformed.
static bool replaces_of(struct arena *a, struct str headers, struct str *ret_value)
{
    *ret_value = STR_NONE;
    while (headers.n) {
        struct str value = str_split(&headers, '&'), name = str_split(&value, '=');
        if (str_ieq(name, STR("Replaces")))
            return !value.n || unescape(a, value, ret_value);
    }
    return true;
}

unsigned call_on_refer(void *arg, struct session *s, const struct session_refer *r)
{
    struct call *c = arg;
    struct arena a;
    ue_call made = 0;
    const struct sip_uri *uri = &r->to->uri;
    if (!c->ext.refer || c->state != CALL_ESTABLISHED)
        return 603;
    if (uri->scheme == SIP_SCHEME_OTHER || uri->scheme == SIP_SCHEME_URN)
        return 416;
    arena_init(&a, NULL, 0);
    ptrdiff_t q = str_chr(uri->text, '?');
    struct ue_call_params p = {.target = q < 0 ? uri->text : str_head(uri->text, (size_t)q),
                               .tone_hz = c->tone_hz,
                               .expect_hz = c->expect_hz};
    if (!replaces_of(&a, uri->headers, &p.replaces)) {
        arena_done(&a);
        return 400;
    }
    int e = phone_call(c->phone, &p, &made);
    struct call *n = e ? NULL : call_find(c->hub, made);
    if (n && !r->silent)
        n->referrer = c->id;
    if (n && c->phone->ops->asked_to_call)
        c->phone->ops->asked_to_call(c->phone->arg, c->phone, c->id, p.target, made);
    arena_done(&a);
    return e ? 500 : 202;
}
