// SPDX-License-Identifier: Apache-2.0
// Requests that come in: claimed from the transaction layer, kept until their final response has
// gone, a 2xx to an INVITE until its ACK: it is sent again by the UAS core itself (RFC
// 3261 13.3.1.4). A new INVITE is remembered, for its copies, as long as its transaction is there.
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/writer.h"
#include "stack/session/exchange.h"
#include "stack/txn/txn.h"

// TAG_MAX: the tag of the node's responses, and what tells the branches of one INVITE apart.
enum { T1_TIMES = 64, SERVED_MEMORY = 1 << 20, TAG_MAX = TXN_TAG_LEN + 9 };

struct served {
    struct list link;  // of the layer's serving, leaving, or past
    struct list mates; // of its session
    struct session_layer *layer;
    server_id id;
    txn_id txn; // 0: gone
    struct sip_msg *msg;
    struct session *session; // NULL: none, or it has gone
    uint64_t key;            // in by_invite; 0: not there
    char tag[TAG_MAX];       // of our responses to a new INVITE; empty: the node's
    size_t tag_n;
    bool invite, first, leaving;
    bool past;                   // only for by_invite, and its tag
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
    list_init(&v->mates);
    list_add(&l->serving, &v->link);
    txn_server_set_owner(l->txns, txn, v);
    return v;
}

static void served_free(struct served *v)
{
    timer_stop(&v->again);
    if (v->txn)
        txn_server_set_owner(v->layer->txns, v->txn, NULL);
    if (v->id)
        slots_remove(&v->layer->served, v->id);
    if (v->key)
        map_remove(&v->layer->by_invite, v->key, v);
    list_del(&v->mates);
    list_del(&v->link);
    sip_msg_unref(v->msg);
    mem_free((void *)v->ok.p);
    arena_done(&v->mem);
    mem_free(v);
}

// RFC 3261 8.2.2.2: copies of a new INVITE are recognised until its transaction ends.
static void served_keep(struct served *v)
{
    slots_remove(&v->layer->served, v->id);
    v->id = 0;
    mem_free((void *)v->ok.p);
    v->ok = STR_NONE;
    arena_done(&v->mem);
    arena_init(&v->mem, NULL, 0);
    v->past = true;
    list_del(&v->link);
    list_add(&v->layer->past, &v->link);
}

static void release_leaving(void *arg)
{
    struct session_layer *l = arg;
    while (!list_empty(&l->leaving)) {
        struct served *v = LIST_ENTRY(l->leaving.next, struct served, link);
        if (v->key && v->txn)
            served_keep(v);
        else
            served_free(v);
    }
}

// At the end of the turn: who has answered may still look at the request.
static void leave(struct served *v)
{
    struct session_layer *l = v->layer;
    timer_stop(&v->again);
    if (v->leaving)
        return;
    v->leaving = true;
    v->session = NULL;
    list_del(&v->mates);
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
    struct session *s = v->session;
    bool first = v->first;
    leave(v);
    if (s && !session_over(s))
        v->layer->wiring->gone(s, v->id, first);
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

static void watch(struct served *v, struct session *s, bool first)
{
    v->session = s;
    v->first = first;
    list_del(&v->mates);
    list_add(&s->served, &v->mates);
}

void server_watch(struct session *s, server_id id, bool first)
{
    struct served *v = find(s->layer, id);
    if (v)
        watch(v, s, first);
}

static struct str tag_of(struct served *v)
{
    return str_make(v->tag, v->tag_n);
}

struct str server_tag(struct session_layer *l, server_id id)
{
    struct served *v = find(l, id);
    return v ? tag_of(v) : STR_NONE;
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
    const struct sip_timers *t = txn_server_timers(l->txns, v->txn);
    t = t ? t : &sip_timers_core;
    v->interval = t->t1;
    v->t2 = t->t2;
    v->left = T1_TIMES * t->t1 - t->t1;
    timer_start(l->loop, &v->again, v->interval);
    return txn_server_reply(l->txns, v->txn, status, v->ok);
}

bool server_acked(struct session *s, uint32_t cseq)
{
    LIST_EACH(&s->served, it) {
        struct served *v = LIST_ENTRY(it, struct served, mates);
        if (v->ok.p && sip_msg_cseq(v->msg)->number == cseq) {
            leave(v);
            return true;
        }
    }
    return false;
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
                  : txn_server_answer(
                        l->txns, v->txn, v->msg,
                        &(struct txn_answer){.status = status, .to_tag = tag_of(v), .extra = e});
    // Without memory for what was wanted: a bare 500 is better than silence.
    if (status >= 200 && (err == ERR_NOMEM || err == ERR_TOOBIG) &&
        txn_server_answer(l->txns, v->txn, v->msg,
                          &(struct txn_answer){.status = 500, .to_tag = tag_of(v)}))
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

void server_give_up(struct session *s, unsigned status)
{
    LIST_EACH(&s->served, it) {
        struct served *v = LIST_ENTRY(it, struct served, mates);
        if (!v->ok.p)
            server_refuse(s, v->id, status);
    }
}

void server_detach(struct session *s)
{
    while (!list_empty(&s->served))
        leave(LIST_ENTRY(s->served.next, struct served, mates));
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
    if (!v || v->leaving)
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
    if (v->past)
        served_free(v);
    else
        tell_gone(v);
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
    list_init(&l->serving);
    list_init(&l->leaving);
    list_init(&l->past);
    deferred_init(&l->release, release_leaving, l);
    return txn_user_add(l->txns, &user_ops, l, &l->user);
}

void server_layer_done(struct session_layer *l)
{
    list_splice(&l->leaving, &l->serving);
    release_leaving(l);
    deferred_cancel(&l->release);
    while (!list_empty(&l->past))
        served_free(LIST_ENTRY(l->past.next, struct served, link));
    txn_user_remove(l->txns, l->user);
    slots_done(&l->served);
    map_done(&l->by_invite);
}
