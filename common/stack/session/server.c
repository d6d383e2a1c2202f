// SPDX-License-Identifier: Apache-2.0
// Requests that come in: claimed from the transaction layer, kept until their final response has
// gone, a 2xx to an INVITE until its ACK: it is sent again by the UAS core itself (RFC
// 3261 13.3.1.4).
#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "stack/session/exchange.h"
#include "stack/txn/txn.h"

enum { T1_TIMES = 64, SERVED_MEMORY = 1 << 20 };

struct served {
    struct list link; // of the layer's serving, or leaving
    struct session_layer *layer;
    server_id id;
    txn_id txn; // 0: gone
    struct sip_msg *msg;
    session_id session; // an INVITE's; 0: none
    bool invite, first, leaving;
    struct str ok;               // 2xx to an INVITE, heap: to be sent again
    uint32_t interval, left, t2; // ms
    struct timer again;
    struct arena mem;
    char room[1024];
};

static void on_again(void *arg);

// ---- life ----

static struct served *served_new(struct session_layer *l, txn_id txn, struct sip_msg *m)
{
    struct served *v = mem_alloc(sizeof *v);
    if (!v)
        return NULL;
    memset(v, 0, offsetof(struct served, room));
    v->id = slots_add(&l->served, v);
    if (!v->id) {
        mem_free(v);
        return NULL;
    }
    v->layer = l;
    v->txn = txn;
    v->msg = sip_msg_ref(m);
    v->invite = sip_msg_method(m) == SIP_INVITE;
    timer_init(&v->again, on_again, v);
    arena_init(&v->mem, v->room, sizeof v->room);
    arena_set_max(&v->mem, SERVED_MEMORY);
    list_add(&l->serving, &v->link);
    txn_server_set_owner(l->txns, txn, v);
    return v;
}

static void served_free(struct served *v)
{
    timer_stop(&v->again);
    if (v->txn)
        txn_server_set_owner(v->layer->txns, v->txn, NULL);
    slots_remove(&v->layer->served, v->id);
    list_del(&v->link);
    sip_msg_unref(v->msg);
    mem_free((void *)v->ok.p);
    arena_done(&v->mem);
    mem_free(v);
}

static void release_leaving(void *arg)
{
    struct session_layer *l = arg;
    while (!list_empty(&l->leaving))
        served_free(LIST_ENTRY(l->leaving.next, struct served, link));
}

// At the end of the turn: who has answered may still look at the request.
static void leave(struct served *v)
{
    struct session_layer *l = v->layer;
    timer_stop(&v->again);
    if (v->leaving)
        return;
    v->leaving = true;
    list_del(&v->link);
    list_add(&l->leaving, &v->link);
    loop_defer(l->loop, &l->release);
}

static struct served *find(struct session_layer *l, server_id id)
{
    struct served *v = id ? slots_find(&l->served, id) : NULL;
    return v && !v->leaving ? v : NULL;
}

static void tell_gone(struct served *v)
{
    struct session *s = v->session ? session_find(v->layer, v->session) : NULL;
    bool first = v->first;
    leave(v);
    if (s && !session_over(s))
        v->layer->wiring->gone(s, first);
}

// ---- for the other files ----

const struct sip_msg *server_request(struct session_layer *l, server_id id)
{
    struct served *v = find(l, id);
    return v ? v->msg : NULL;
}

struct arena *session_arena(struct session_layer *l, server_id id)
{
    struct served *v = find(l, id);
    return v ? &v->mem : NULL;
}

void server_watch(struct session *s, server_id id, bool first)
{
    struct served *v = find(s->layer, id);
    if (!v)
        return;
    v->session = s->id;
    v->first = first;
}

// ---- 2xx to an INVITE ----

static void on_again(void *arg)
{
    struct served *v = arg;
    if (!v->left) {
        tell_gone(v);
        return;
    }
    (void)txn_server_reply(v->layer->txns, v->txn, 200, v->ok);
    uint32_t next = v->interval * 2 < v->t2 ? v->interval * 2 : v->t2;
    v->interval = next < v->left ? next : v->left;
    v->left -= v->interval;
    timer_start(v->layer->loop, &v->again, v->interval);
}

static int accept_invite(struct served *v, unsigned status, const struct sip_edits *e)
{
    struct session_layer *l = v->layer;
    char tag[TXN_TAG_LEN];
    struct sip_edits all;
    struct str agent = txn_agent(l->txns);
    sip_edits_copy(&all, &v->mem, e);
    if (agent.n)
        sip_edit_append(&all, SIP_H_SERVER, agent);
    struct writer w = txn_scratch(l->txns);
    int err =
        sip_write_response(v->msg, status, STR_NONE, txn_to_tag(l->txns, v->msg, tag), &all, &w);
    if (err)
        return err;
    v->ok = str_dup(writer_done(&w));
    if (!v->ok.p)
        return ERR_NOMEM;
    const struct sip_timers *t = txn_server_timers(l->txns, v->txn);
    t = t ? t : &sip_timers_core;
    v->interval = t->t1;
    v->t2 = t->t2;
    v->left = T1_TIMES * t->t1 - t->t1;
    timer_start(l->loop, &v->again, v->interval);
    return txn_server_reply(l->txns, v->txn, status, v->ok);
}

void server_acked(struct session *s, uint32_t cseq)
{
    LIST_EACH(&s->layer->serving, it) {
        struct served *v = LIST_ENTRY(it, struct served, link);
        if (v->session == s->id && v->ok.p && sip_msg_cseq(v->msg)->number == cseq)
            leave(v);
    }
}

// ---- responses ----

int server_reply(struct session_layer *l, server_id id, unsigned status, struct sip_edits *e)
{
    struct served *v = find(l, id);
    if (!v || !v->txn)
        return ERR_NOTFOUND;
    if (v->ok.p)
        return ERR_STATE;
    int err = v->invite && status / 100 == 2
                  ? accept_invite(v, status, e)
                  : txn_server_answer(l->txns, v->txn, v->msg,
                                      &(struct txn_answer){.status = status, .extra = e});
    // Without memory for what was wanted: a bare 500 is better than silence.
    if (status >= 200 && (err == ERR_NOMEM || err == ERR_TOOBIG) &&
        txn_server_answer(l->txns, v->txn, v->msg, &(struct txn_answer){.status = 500}))
        txn_server_drop(l->txns, v->txn);
    if (status >= 200 && (err || !v->ok.p))
        leave(v);
    return err;
}

static void refuse(struct session *s, server_id id, unsigned status, bool later)
{
    struct served *v = find(s->layer, id);
    struct sip_edits e;
    if (!v)
        return;
    sip_edits_init(&e, &v->mem, NULL);
    if (later)
        sip_edit_append(
            &e, SIP_H_RETRY_AFTER,
            arena_printf(&v->mem, "%u", (unsigned)(loop_random_u64(s->layer->loop) % 11)));
    session_decorate(s, sip_msg_method(v->msg), status, &e);
    (void)server_reply(s->layer, id, status, &e);
}

void server_refuse(struct session *s, server_id id, unsigned status)
{
    refuse(s, id, status, false);
}

void server_refuse_later(struct session *s, server_id id)
{
    refuse(s, id, 500, true);
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
    if (!v)
        (void)txn_server_answer(l->txns, id, m, &(struct txn_answer){.status = 503});
    else if (g)
        l->wiring->request(g, v->id, m);
    else
        l->ops->incoming(l->arg, v->id, m);
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
    struct session *s = v->session ? session_find(v->layer, v->session) : NULL;
    if (s && !session_over(s))
        v->layer->wiring->cancelled(s, v->id, v->msg, sip_msg_raw(cancel, SIP_H_REASON));
    (void)server_reply(v->layer, v->id, 487, NULL);
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
    tell_gone(v);
}

static const struct txn_user_ops user_ops = {.name = "session",
                                             .claims = claims,
                                             .request = on_request,
                                             .ack = on_ack,
                                             .cancelled = on_cancelled,
                                             .trying_due = on_trying_due,
                                             .server_end = on_server_end};

int server_layer_init(struct session_layer *l)
{
    list_init(&l->serving);
    list_init(&l->leaving);
    deferred_init(&l->release, release_leaving, l);
    return txn_user_add(l->txns, &user_ops, l, &l->user);
}

void server_layer_done(struct session_layer *l)
{
    list_splice(&l->leaving, &l->serving);
    release_leaving(l);
    deferred_cancel(&l->release);
    txn_user_remove(l->txns, l->user);
    slots_done(&l->served);
}
