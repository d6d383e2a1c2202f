// SPDX-License-Identifier: Apache-2.0
// A subscription as bytes that outlive the node. The record is the request that would make its
// dialog anew, as the other side would write it, so that what reads messages reads it, with lines
// of its own: this is what both sides have in common.
#include "base/err.h"
#include "base/hash.h"
#include "stack/event/record.h"

enum { VERSION = 1 };

// The name must be the same in another process, so its key is known to all; nothing is looked up by
// it.
uint64_t record_name(const struct dialog *d)
{
    static const uint64_t key[2] = {UINT64_C(0x636172696c6c6f6e), UINT64_C(0x7265666572726564)};
    struct dialog_info i;
    if (!d)
        return 0;
    dialog_get_info(d, &i);
    uint64_t name = hash_keyed(key, i.call_id.p, i.call_id.n);
    return hash_mix(key[0], name, i.local_tag) | 1;
}

// ---- writing ----

bool event_text_is_line(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return !s.n || (s.p[0] != ' ' && s.p[s.n - 1] != ' ');
}

void event_text_line(struct writer *w, const char *name, struct str value)
{
    if (value.n)
        writer_printf(w, "%s: %.*s\r\n", name, STR_ARG(value));
}

// What the dialog's next request would have says all of it. With a strict router the first route is
// that one's Request-URI, and the last one the target (RFC 3261 12.2.1.1).
static void write_routes(const struct sip_edits *h, struct str uri, struct str target,
                         struct writer *w)
{
    bool strict = !str_eq(uri, target);
    struct str route, before = STR_NONE;
    struct sip_edits_iter it = sip_edits_iter_init(h, SIP_H_ROUTE);
    if (strict)
        writer_printf(w, "Record-Route: <%.*s>\r\n", STR_ARG(uri));
    while (sip_edits_iter_next(&it, &route)) {
        if (before.n)
            writer_printf(w, "Record-Route: %.*s\r\n", STR_ARG(before));
        before = route;
    }
    if (before.n && !strict)
        writer_printf(w, "Record-Route: %.*s\r\n", STR_ARG(before));
}

// The request that our side would send is not sent; From and To change places.
static int write_dialog(struct dialog *d, enum sip_method method, struct writer *w)
{
    char room[4096];
    struct arena a;
    struct sip_edits h;
    struct dialog_info i;
    struct str uri, from = STR_NONE, to = STR_NONE;
    dialog_get_info(d, &i);
    arena_init(&a, room, sizeof room);
    sip_edits_init(&h, &a, NULL);
    int err = dialog_request(d, method, 0, &h, &uri);
    if (!err) {
        dialog_set_local_cseq(d, i.local_cseq);
        (void)sip_edits_first(&h, SIP_H_FROM, &from);
        (void)sip_edits_first(&h, SIP_H_TO, &to);
        writer_printf(w, "From: %.*s\r\nTo: %.*s\r\nCall-ID: %.*s\r\nContact: <%.*s>\r\n",
                      STR_ARG(to), STR_ARG(from), STR_ARG(i.call_id), STR_ARG(i.target));
        write_routes(&h, uri, i.target, w);
    }
    arena_done(&a);
    return err;
}

int event_text_begin(const struct event_text *r, struct dialog *d, enum sip_method theirs, struct writer *w)
{
    struct str method = sip_method_name(theirs);
    writer_printf(w, "%.*s sip:record.invalid SIP/2.0\r\n", STR_ARG(method));
    writer_lit(w, "Via: SIP/2.0/UDP record.invalid;branch=z9hG4bK-record\r\n");
    int err = write_dialog(d, theirs == SIP_NOTIFY ? SIP_SUBSCRIBE : SIP_NOTIFY, w);
    writer_printf(w, "CSeq: %" PRIu64 " %.*s\r\n", r->remote_cseq, STR_ARG(method));
    writer_lit(w, "Carillon-State:");
    for (size_t i = 0; i < RECORD_NUMBERS; i++)
        writer_printf(w, " %" PRIu64, i ? ((const uint64_t *)r)[i] : VERSION);
    writer_lit(w, "\r\n");
    return err;
}

int event_text_end(struct str body, struct writer *w)
{
    writer_printf(w, "Content-Length: %zu\r\n\r\n", body.n);
    writer_str(w, body);
    return w->failed ? ERR_TOOBIG : 0;
}

// ---- reading ----

static int read_numbers(const struct sip_msg *m, struct event_text *ret)
{
    struct str rest = sip_msg_raw_named(m, STR("Carillon-State"));
    for (size_t i = 0; i < RECORD_NUMBERS; i++)
        if (str_u64(str_split(&rest, ' '), (uint64_t *)ret + i))
            return ERR_BAD;
    bool good = !rest.n && ret->version == VERSION && ret->local_cseq < UINT32_MAX / 2 &&
                ret->told < UINT32_MAX / 2 && ret->interval_ms <= UINT32_MAX &&
                ret->expires <= EVENT_EXPIRES_MAX_S;
    return good ? 0 : ERR_BAD;
}

static int check(const struct event *e, const struct sip_msg *m, struct event_text *ret)
{
    uint64_t now = loop_wall_ms(e->loop);
    if (!sip_msg_at(m, SIP_H_EVENT, 0) || !sip_msg_to_tag(m).p || read_numbers(m, ret))
        return ERR_BAD;
    ret->left_ms = ret->until > now ? ret->until - now : 0;
    return ret->left_ms && ret->left_ms <= EVENT_EXPIRES_MAX_S * UINT64_C(1000) ? 0 : ERR_TIMEOUT;
}

int event_text_read(const struct event *e, struct str text, enum sip_method theirs, struct event_text *ret,
                struct sip_msg **ret_msg)
{
    struct sip_msg *m = NULL;
    struct sip_parse_error bad;
    int err = text.n <= EVENT_RECORD_MAX ? sip_msg_parse(text, &m, &bad) : ERR_BAD;
    if (!err)
        err = sip_msg_method(m) == theirs ? check(e, m, ret) : ERR_BAD;
    if (err)
        sip_msg_unref(m);
    else
        *ret_msg = m;
    return err;
}

uint64_t event_text_until(const struct event *e, uint64_t expires_at)
{
    uint64_t now = event_now(e), left = expires_at > now ? expires_at - now : 0;
    return loop_wall_ms(e->loop) + left;
}
