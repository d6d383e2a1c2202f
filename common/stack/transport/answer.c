// SPDX-License-Identifier: Apache-2.0
#include "stack/transport/answer.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/writer.h"
#include "sip/plain.h"
#include "stack/transport/transport_priv.h"

struct str answer_tag(const struct transport *t, const struct sip_msg *m, struct str had, char buf[ANSWER_TAG_LEN])
{
    const struct sip_cseq *cseq = sip_msg_cseq(m);
    uint64_t h = hash_mix(t->secret, 1, sip_msg_call_id(m));
    h = hash_mix(t->secret, h, sip_msg_from_tag(m));
    h = hash_mix(t->secret, h + (cseq ? cseq->number : 0), had);
    struct writer w = writer_init(buf, ANSWER_TAG_LEN);
    writer_hex_u64(&w, h, ANSWER_TAG_LEN);
    return writer_done(&w);
}

static bool is_neighbour(const struct transport *t, const struct flow_info *to)
{
    if (is_outside(t, to->listener))
        return false;
    return !t->owner.standing || t->owner.standing(t->owner_arg, to) == STACK_TRUSTED;
}

struct str answer_warning_text(const struct transport *t, const struct flow_info *to, struct str text)
{
    if (t->warnings == STACK_WARNINGS_FULL || is_neighbour(t, to))
        return text;
    return t->warnings == STACK_WARNINGS_PLAIN ? sip_plain_text(text) : STR_NONE;
}

static struct str warning(struct flow *f, struct arena *a, struct str cause)
{
    char host[ADDR_TEXT_MAX];
    return arena_printf(a, "399 %.*s \"%.*s\"", STR_ARG(addr_host_text(&f->info.local, host)),
                        STR_ARG(cause));
}

struct answer {
    const struct sip_msg *m;
    unsigned status;
    struct str reason;
    const struct sip_edits *extra;
};

static struct str write_whole(struct flow *f, const struct answer *r, const char *cause)
{
    struct transport *t = f->transport;
    struct arena *a = sip_msg_arena(r->m);
    struct writer w = scratch_of(t);
    char tag[ANSWER_TAG_LEN];
    struct sip_edits e;
    if (r->extra)
        sip_edits_copy(&e, a, r->extra);
    else
        sip_edits_init(&e, a, NULL);
    struct str text = answer_warning_text(t, &f->info, str_from(cause));
    if (text.n)
        sip_edit_append(&e, SIP_H_WARNING, warning(f, a, text));
    if (t->server.n)
        sip_edit_append(&e, SIP_H_SERVER, t->server);
    int err = sip_write_response(r->m, r->status, r->reason, answer_tag(t, r->m, sip_msg_to_tag(r->m), tag), &e, &w);
    return err ? STR_NONE : writer_done(&w);
}

static void put(struct writer *w, const char *name, struct str value)
{
    if (!value.n)
        return;
    writer_str(w, str_from(name));
    writer_str(w, value);
    writer_lit(w, "\r\n");
}

// What RFC 3261 8.2.6.2 asks for and nothing else, with the compact names of 7.3.3.
static struct str write_compact(struct flow *f, const struct answer *r)
{
    struct transport *t = f->transport;
    struct writer w = scratch_of(t);
    const struct sip_msg *m = r->m;
    struct sip_iter it = sip_iter_init(m, SIP_H_VIA);
    char tag[ANSWER_TAG_LEN];
    writer_printf(&w, "SIP/2.0 %u \r\n", r->status);
    for (const struct sip_via *via; (via = sip_iter_next(&it));)
        put(&w, "v:", via->text);
    put(&w, "f:", sip_msg_raw(m, SIP_H_FROM));
    struct str to = sip_msg_raw(m, SIP_H_TO);
    writer_lit(&w, "t:");
    writer_str(&w, to);
    if (!sip_msg_to_tag(m).p) {
        writer_lit(&w, ";tag=");
        writer_str(&w, answer_tag(t, m, STR_NONE, tag));
    }
    writer_lit(&w, "\r\n");
    put(&w, "i:", sip_msg_call_id(m));
    put(&w, "CSeq:", sip_msg_raw(m, SIP_H_CSEQ));
    writer_lit(&w, "\r\n");
    return w.failed ? STR_NONE : writer_done(&w);
}

// A datagram may come from somebody else than it says: what goes back must not be worth the forgery.
static struct str write_bounded(struct flow *f, const struct answer *r, const char *cause)
{
    struct answer bare = *r;
    size_t max = f->stream || standing_of(f) != STACK_STRANGER ? SIZE_MAX : f->got;
    struct str bytes = write_whole(f, r, cause);
    if (bytes.n > max)
        bytes = write_whole(f, r, NULL);
    if (bytes.n > max) {
        bare.reason = STR_NONE;
        bytes = write_whole(f, &bare, NULL);
    }
    if (bytes.n > max)
        bytes = write_compact(f, r);
    return bytes.n > max ? STR_NONE : bytes;
}

// A stranger has no say in where the answer goes but for the port (RFC 3261 18.2.2 without maddr).
static void reply_to(struct flow *f, const struct sip_msg *m, struct addr *ret_addr)
{
    via_reply_addr(m, &f->info.remote, false, ret_addr);
    if (standing_of(f) != STACK_STRANGER || addr_eq_ip(ret_addr, &f->info.remote))
        return;
    uint16_t port = addr_port(ret_addr);
    *ret_addr = f->info.remote;
    addr_set_port(ret_addr, port);
}

bool flow_answer(struct flow *f, const struct sip_msg *m, unsigned status, struct str reason,
                  const char *cause, const struct sip_edits *extra)
{
    struct transport *t = f->transport;
    struct answer r = {.m = m, .status = status, .reason = reason, .extra = extra};
    struct str bytes = write_bounded(f, &r, cause);
    if (!bytes.n) {
        t->count.strangers_unanswered++;
        return false;
    }
    if (f->stream)
        return flow_send(f, bytes, sip_msg_call_id(m)) == 0;
    struct addr to;
    reply_to(f, m, &to);
    return flow_send_to(f, &to, bytes, sip_msg_call_id(m)) == 0;
}
