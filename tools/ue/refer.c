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

static uint8_t hex_digit(char ch)
{
    return (uint8_t)(ch <= '9' ? ch - '0' : (ch | 0x20) - 'a' + 10);
}

// A header of a URI without its escapes (RFC 3261 19.1.1).
static struct str unescape(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n);
    size_t n = 0;
    for (size_t i = 0; p && i < s.n; i++) {
        bool escaped = s.p[i] == '%' && i + 2 < s.n;
        p[n++] = escaped ? (char)(hex_digit(s.p[i + 1]) << 4 | hex_digit(s.p[i + 2])) : s.p[i];
        i += escaped ? 2 : 0;
    }
    return p ? str_make(p, n) : STR_NONE;
}

// The Replaces that a Refer-To asks for (RFC 3891 6.1).
static struct str replaces_of(struct arena *a, struct str headers)
{
    while (headers.n) {
        struct str value = str_split(&headers, '&'), name = str_split(&value, '=');
        if (str_ieq(name, STR("Replaces")))
            return unescape(a, value);
    }
    return STR_NONE;
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
                               .expect_hz = c->expect_hz,
                               .replaces = replaces_of(&a, uri->headers)};
    int e = phone_call(c->phone, &p, &made);
    struct call *n = e ? NULL : call_find(c->hub, made);
    if (n && !r->silent)
        n->referrer = c->id;
    if (n && c->phone->ops->asked_to_call)
        c->phone->ops->asked_to_call(c->phone->arg, c->phone, c->id, p.target, made);
    arena_done(&a);
    return e ? 500 : 202;
}
