// SPDX-License-Identifier: Apache-2.0
// Requests that come in: claimed from the transaction layer, and answered. How long each is kept is
// the business of served.c.
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/writer.h"
#include "stack/session/served.h"

// ---- for the other files ----

const struct sip_msg *server_request(struct session_layer *l, server_id id)
{
    struct served *v = served_find(l, id);
    return v ? v->msg : NULL;
}

struct arena *session_arena(struct session_layer *l, server_id id)
{
    struct served *v = served_find(l, id);
    return v ? &v->mem : NULL;
}

static void watch(struct served *v, struct session *s, bool first)
{
    v->session = s;
    v->first = first;
    list_del(&v->mates);
    list_add(&s->served, &v->mates);
}

void server_watch(struct session *s, server_id id, bool first)
{
    struct served *v = served_find(s->layer, id);
    if (v)
        watch(v, s, first);
}

static struct str tag_of(struct served *v)
{
    return str_make(v->tag, v->tag_n);
}

struct str server_tag(struct session_layer *l, server_id id)
{
    struct served *v = served_find(l, id);
    return v ? tag_of(v) : STR_NONE;
}

// ---- 2xx to an INVITE ----

static int accept_invite(struct served *v, unsigned status, const struct sip_edits *e)
{
    struct session_layer *l = v->layer;
    char node[TXN_TAG_LEN];
    struct sip_edits all;
    struct str agent = txn_agent(l->txns);
    sip_edits_copy(&all, &v->mem, e);
    if (agent.n)
        sip_edit_append(&all, SIP_H_SERVER, agent);
    struct writer w = txn_scratch(l->txns);
    struct str tag = v->tag_n ? tag_of(v) : txn_to_tag(l->txns, v->msg, node);
    int err = sip_write_response(v->msg, status, STR_NONE, tag, &all, &w);
    if (err)
        return err;
    v->ok = str_dup(writer_done(&w));
    if (!v->ok.p)
        return ERR_NOMEM;
    (void)machine_step(&v->life, VE_ACCEPT, NULL);
    return txn_server_reply(l->txns, v->txn, status, v->ok);
}

bool server_acked(struct session *s, uint32_t cseq)
{
    LIST_EACH(&s->served, it) {
        struct served *v = LIST_ENTRY(it, struct served, mates);
        if (v->ok.p && sip_msg_cseq(v->msg)->number == cseq) {
            (void)machine_step(&v->life, VE_ACK, NULL);
            return true;
        }
    }
    return false;
}

// ---- responses ----

int server_reply(struct session_layer *l, server_id id, unsigned status, struct sip_edits *e)
{
    struct served *v = served_find(l, id);
    if (!v || !v->txn)
        return ERR_NOTFOUND;
    if (v->ok.p)
        return ERR_STATE;
    int err = v->invite && status / 100 == 2
                  ? accept_invite(v, status, e)
                  : txn_server_answer(
                        l->txns, v->txn, v->msg,
                        &(struct txn_answer){.status = status, .to_tag = tag_of(v), .extra = e});
    // Without memory for what was wanted: a bare 500 is better than silence.
    if (status >= 200 && (err == ERR_NOMEM || err == ERR_TOOBIG) &&
        txn_server_answer(l->txns, v->txn, v->msg,
                          &(struct txn_answer){.status = 500, .to_tag = tag_of(v)}))
        txn_server_drop(l->txns, v->txn);
    if (status >= 200 && (err || !v->ok.p))
        served_leave(v);
    return err;
}

static int answer(struct session *s, server_id id, unsigned status, bool later)
{
    struct served *v = served_find(s->layer, id);
    struct sip_edits e;
    if (!v)
        return ERR_STATE;
    sip_edits_init(&e, &v->mem, NULL);
    if (later)
        sip_edit_append(
            &e, SIP_H_RETRY_AFTER,
            arena_printf(&v->mem, "%u", (unsigned)(loop_random_u64(s->layer->loop) % 11)));
    session_decorate(s, sip_msg_method(v->msg), status, &e);
    return server_reply(s->layer, id, status, &e);
}

int server_answer(struct session *s, server_id id, unsigned status)
{
    return answer(s, id, status, false);
}

void server_refuse_later(struct session *s, server_id id)
{
    (void)answer(s, id, 500, true);
}

void server_give_up(struct session *s, unsigned status)
{
    LIST_EACH(&s->served, it) {
        struct served *v = LIST_ENTRY(it, struct served, mates);
        if (!v->ok.p)
            (void)server_answer(s, v->id, status);
    }
}

void server_detach(struct session *s)
{
    while (!list_empty(&s->served))
        served_leave(LIST_ENTRY(s->served.next, struct served, mates));
}

// ---- new INVITEs ----

// What the copies of one INVITE have in common that has been forked on its way.
static uint64_t merge_key(const struct sip_msg *m)
{
    struct str id = sip_msg_call_id(m), tag = sip_msg_from_tag(m);
    uint64_t h = hash_bytes(id.p, id.n) * 31 + (tag.n ? hash_bytes(tag.p, tag.n) : 0);
    return (h * 31 + sip_msg_cseq(m)->number) | 1;
}

// RFC 3261 8.2.2.2: has the same INVITE come by another way, and is its transaction there? One that
// was forked to several users who are here has another Request-URI.
static bool is_merged(const struct session_layer *l, const struct sip_msg *m)
{
    size_t it = 0;
    uint64_t key = merge_key(m);
    for (const struct served *v; (v = map_find(&l->by_invite, key, &it));)
        if (v->txn && str_eq(sip_msg_call_id(v->msg), sip_msg_call_id(m)) &&
            str_eq(sip_msg_from_tag(v->msg), sip_msg_from_tag(m)) &&
            sip_msg_cseq(v->msg)->number == sip_msg_cseq(m)->number &&
            str_eq(sip_msg_uri_text(v->msg), sip_msg_uri_text(m)))
            return true;
    return false;
}

// RFC 3261 19.3: the tag is this one's alone, whatever else of the INVITE other branches share.
static bool enrol(struct served *v)
{
    struct session_layer *l = v->layer;
    char node[TXN_TAG_LEN];
    const struct sip_via *via = sip_msg_at(v->msg, SIP_H_VIA, 0);
    struct writer w = writer_init(v->tag, sizeof v->tag);
    writer_str(&w, txn_to_tag(l->txns, v->msg, node));
    writer_printf(&w, "%08x",
                  via ? (unsigned)hash_bytes(via->branch.p ? via->branch.p : "", via->branch.n)
                      : 0);
    v->tag_n = writer_done(&w).n;
    uint64_t key = merge_key(v->msg);
    if (w.failed || map_add(&l->by_invite, key, v))
        return false;
    v->key = key;
    return true;
}

static void on_new_invite(struct served *v)
{
    struct session_layer *l = v->layer;
    bool merged = is_merged(l, v->msg);
    if (merged || !enrol(v))
        (void)server_reply(l, v->id, merged ? 482 : 500, NULL);
    else
        l->ops->incoming(l->arg, v->id, v->msg);
}

// ---- from the transaction layer ----

static struct leg *leg_for(struct session_layer *l, const struct sip_msg *m)
{
    struct str tag = sip_msg_to_tag(m);
    struct session *s = tag.p ? session_of_dialog(l, sip_msg_call_id(m), tag) : NULL;
    return s && !session_over(s) ? leg_of(s, m) : NULL;
}

static bool claims(void *arg, const struct sip_msg *m, flow_id flow)
{
    struct session_layer *l = arg;
    if (leg_for(l, m))
        return true;
    return sip_msg_method(m) == SIP_INVITE && !sip_msg_to_tag(m).p && l->ops->wants &&
           l->ops->wants(l->arg, m);
}

static void on_request(void *arg, txn_id id, struct sip_msg *m, flow_id flow)
{
    struct session_layer *l = arg;
    struct served *v = served_new(l, id, m);
    struct leg *g = leg_for(l, m);
    if (!v) {
        (void)txn_server_answer(l->txns, id, m, &(struct txn_answer){.status = 503});
    } else if (g) {
        watch(v, g->session, false);
        l->wiring->request(g, v->id, m);
    } else {
        on_new_invite(v);
    }
}

static void on_ack(void *arg, struct sip_msg *m, flow_id flow)
{
    struct session_layer *l = arg;
    struct leg *g = leg_for(l, m);
    if (g)
        l->wiring->ack(g, m);
}

static void on_cancelled(void *arg, txn_id id, void *owner, const struct sip_msg *cancel)
{
    struct served *v = owner;
    struct session *s = v ? v->session : NULL;
    if (!v || v->life.state >= SV_LEAVING)
        return; // it was answered
    if (s && !session_over(s))
        v->layer->wiring->cancelled(s, v->id, v->msg, sip_msg_raw(cancel, SIP_H_REASON));
    (void)server_reply(v->layer, v->id, 487, NULL);
}

static struct str on_tag(void *arg, txn_id id, void *owner)
{
    return tag_of(owner);
}

static void on_trying_due(void *arg, txn_id id, void *owner)
{
    struct served *v = owner;
    (void)txn_server_answer(v->layer->txns, id, v->msg, &(struct txn_answer){.status = 100});
}

static void on_server_end(void *arg, txn_id id, void *owner, int err)
{
    struct served *v = owner;
    v->txn = 0;
    if (v->life.state == SV_PAST)
        served_free(v);
    else
        served_gone(v);
}

static const struct txn_user_ops user_ops = {.name = "session",
                                             .claims = claims,
                                             .request = on_request,
                                             .ack = on_ack,
                                             .cancelled = on_cancelled,
                                             .tag = on_tag,
                                             .trying_due = on_trying_due,
                                             .server_end = on_server_end};

int server_layer_init(struct session_layer *l)
{
    served_layer_init(l);
    return txn_user_add(l->txns, &user_ops, l, &l->user);
}

void server_layer_done(struct session_layer *l)
{
    served_layer_done(l);
    txn_user_remove(l->txns, l->user);
}
