// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/hash.h"
#include "base/log_limit.h"
#include "base/writer.h"
#include "stack/proxy/proxy_priv.h"
#include "stack/transport/answer.h"

enum { WARNING_MAX = 384 };

// warn-text is a quoted-string (RFC 3261 20.43).
static void put_quoted(struct writer *w, struct str s)
{
    writer_chr(w, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            writer_chr(w, '\\');
        writer_chr(w, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
    writer_chr(w, '"');
}

void pxy_warn(struct pxy *p, struct sip_edits *extra, struct str text)
{
    char host[ADDR_TEXT_MAX], buf[2 * WARNING_MAX + ADDR_TEXT_MAX + 8];
    struct writer w = writer_init(buf, sizeof buf);
    text = answer_warning_text(p->layer->transport, &p->source, text);
    if (!text.n)
        return;
    writer_lit(&w, "399 ");
    writer_str(&w, addr_host_text(&p->source.local, host));
    writer_chr(&w, ' ');
    put_quoted(&w, str_head(text, WARNING_MAX));
    sip_edit_append(extra, SIP_H_WARNING, arena_dup(&p->arena, writer_done(&w)));
}

// ---- 2xx to an INVITE made here: retransmitted until the ACK comes (RFC 3261 13.3.1.4) ----

static uint64_t ack_key(const struct sip_msg *m, struct str to_tag)
{
    struct str id = sip_msg_call_id(m), from_tag = sip_msg_from_tag(m);
    const struct sip_cseq *cseq = sip_msg_cseq(m);
    uint64_t h = hash_bytes(id.p, id.n);
    h = h * 31 + hash_bytes(from_tag.p, from_tag.n);
    h = h * 31 + hash_bytes(to_tag.p, to_tag.n);
    return h + (cseq ? cseq->number : 0);
}

void pxy_ok_stop(struct pxy *p)
{
    timer_stop(&p->timer);
    list_del(&p->ack_link);
}

static void ok_again(void *arg)
{
    struct pxy *p = arg;
    uint32_t t2 = sip_timers_core.t2;
    if (p->server)
        (void)txn_server_reply(p->layer->txns, p->server, 200, p->ok);
    p->ok_interval = p->ok_interval * 2 < t2 ? p->ok_interval * 2 : t2;
    if (p->ok_left <= p->ok_interval || !p->server) {
        pxy_ok_stop(p);
        pxy_settle(p);
        return;
    }
    p->ok_left -= p->ok_interval;
    timer_start(p->layer->loop, &p->timer, p->ok_interval);
}

static void ok_start(struct pxy *p, struct str to_tag, struct str bytes)
{
    struct pxy_layer *l = p->layer;
    const struct sip_timers *t = txn_server_timers(p->layer->txns, p->server);
    p->ok = arena_dup(&p->arena, bytes);
    if (!p->ok.p)
        return;
    p->ack_key = ack_key(p->req, to_tag);
    p->ok_interval = t ? t->t1 : sip_timers_core.t1;
    p->ok_left = 63 * p->ok_interval;
    list_add(&l->await_ack[p->ack_key % PXY_ACK_BUCKETS], &p->ack_link);
    timer_init(&p->timer, ok_again, p);
    timer_start(p->layer->loop, &p->timer, p->ok_interval);
}

static struct pxy *find_awaiting(const struct pxy_layer *l, const struct sip_msg *ack)
{
    uint64_t key = ack_key(ack, sip_msg_to_tag(ack));
    LIST_EACH(&l->await_ack[key % PXY_ACK_BUCKETS], it) {
        struct pxy *p = LIST_ENTRY(it, struct pxy, ack_link);
        if (p->ack_key == key)
            return p;
    }
    return NULL;
}

bool pxy_awaits_ack(const struct pxy_layer *l, const struct sip_msg *ack)
{
    return find_awaiting(l, ack) != NULL;
}

void pxy_ok_acked(struct pxy_layer *l, const struct sip_msg *ack)
{
    struct pxy *p;
    while ((p = find_awaiting(l, ack))) {
        pxy_ok_stop(p);
        pxy_settle(p);
    }
}

// ---- replies ----

struct str pxy_to_tag(struct pxy *p)
{
    if (!p->to_tag.p) {
        char buf[TXN_TAG_LEN];
        struct str tag = sip_msg_to_tag(p->req);
        p->to_tag = arena_dup(&p->arena, tag.p ? tag : txn_to_tag(p->layer->txns, p->req, buf));
    }
    return p->to_tag;
}

static int send_reply(struct pxy *p, unsigned status, struct str reason,
                      const struct sip_edits *extra)
{
    struct txn_layer *txns = p->layer->txns;
    struct str tag = pxy_to_tag(p), agent = txn_agent(txns);
    struct sip_edits e;
    if (!tag.p)
        return ERR_NOMEM;
    if (extra)
        sip_edits_copy(&e, &p->arena, extra);
    else
        sip_edits_init(&e, &p->arena, NULL);
    if (agent.n)
        sip_edit_append(&e, SIP_H_SERVER, agent);
    struct writer w = txn_scratch(txns);
    int err = sip_write_response(p->req, status, reason, tag, &e, &w);
    if (err)
        return err;
    // Started first: the transaction may take the scratch over when it sends.
    if (p->invite && status >= 200 && status < 300)
        ok_start(p, tag, writer_done(&w));
    return txn_server_reply(txns, p->server, status, writer_done(&w));
}

static int send_bare(struct pxy *p, unsigned status)
{
    char tag[TXN_TAG_LEN];
    struct writer w = txn_scratch(p->layer->txns);
    int err =
        sip_write_response(p->req, status, STR_NONE, txn_to_tag(p->layer->txns, p->req, tag), NULL, &w);
    return err ? err : txn_server_reply(p->layer->txns, p->server, status, writer_done(&w));
}

// Not even a bare response fits: its sender hears nothing, and nothing is kept for it.
static void give_up(struct pxy *p, int err)
{
    struct str uri = sip_msg_uri_text(p->req);
    LOG_FROM(hash_bytes(uri.p, uri.n), loop_now(p->layer->loop) / 1000000, LOG_WARN,
             "request cannot be answered", err_text(err), LF("call_id", sip_msg_call_id(p->req)),
             LF("method", sip_msg_method_name(p->req)), LF("uri", uri), LF_Z("cause", err_text(err)));
    txn_server_drop(p->layer->txns, p->server);
}

int pxy_reply(struct pxy *p, unsigned status, struct str reason, const struct sip_edits *extra)
{
    if (p->ack) {
        p->answered = true;
        timer_stop(&p->timer);
        pxy_settle(p);
        return ERR_STATE;
    }
    if (p->answered && p->ok.p && p->server && status / 100 == 2)
        return txn_server_reply(p->layer->txns, p->server, status, p->ok);
    if (p->answered || status < 100 || status > 699)
        return ERR_STATE;
    if (!p->invite && status > 100 && status < 200)
        return ERR_STATE;
    int err = send_reply(p, status, reason, extra);
    if (status < 200)
        return err;
    // Without memory for what was wanted: a bare 500 is better than silence.
    if ((err == ERR_NOMEM || err == ERR_TOOBIG) && send_bare(p, 500))
        give_up(p, err);
    pxy_finish(p, STR_NONE);
    return err == ERR_NOTFOUND ? ERR_STATE : err;
}
