// SPDX-License-Identifier: Apache-2.0
// Sessions, their legs, and the way of a request to them.
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/writer.h"
#include "stack/session/session_priv.h"
#include "stack/txn/txn.h"

enum { SESSIONS_MAX = 200000 };

struct str heap_set(struct str *at, struct str v)
{
    struct str copy = v.n ? str_dup(v) : STR_NONE;
    mem_free((void *)at->p);
    *at = copy;
    return copy;
}

bool list_has(struct str list, struct str token)
{
    while (list.n)
        if (str_ieq(str_trim(str_split(&list, ',')), token))
            return true;
    return false;
}

// ---- layer ----

int session_layer_new(const struct session_layer_params *p, struct session_layer **ret_layer)
{
    struct session_layer *l = mem_zalloc(sizeof *l);
    if (!l)
        return ERR_NOMEM;
    l->txns = p->txns;
    l->uas = p->uas;
    l->ops = p->ops;
    l->arg = p->arg;
    l->loop = txn_loop(p->txns);
    l->max = p->max_sessions ? p->max_sessions : SESSIONS_MAX;
    list_init(&l->all);
    int e = server_layer_init(l);
    if (e) {
        session_layer_free(l);
        return e;
    }
    *ret_layer = l;
    return 0;
}

void session_layer_free(struct session_layer *l)
{
    if (!l)
        return;
    while (!list_empty(&l->all))
        session_free(LIST_ENTRY(l->all.next, struct session, link));
    server_layer_done(l);
    map_done(&l->by_dialog);
    slots_done(&l->ids);
    mem_free(l);
}

size_t session_layer_count(const struct session_layer *l)
{
    return l->n;
}

struct session *session_find(struct session_layer *l, session_id id)
{
    return slots_find(&l->ids, id);
}

static uint64_t dialog_key(struct str call_id, struct str local_tag)
{
    return hash_bytes(call_id.p, call_id.n) * 31 + hash_bytes(local_tag.p, local_tag.n);
}

struct session *session_of_dialog(struct session_layer *l, struct str call_id, struct str local_tag)
{
    size_t it = 0;
    struct session *s;
    while ((s = map_find(&l->by_dialog, dialog_key(call_id, local_tag), &it)))
        if (str_eq(s->call_id, call_id) && str_eq(s->local_tag, local_tag))
            return s;
    return NULL;
}

// ---- life ----

static void on_cleanup(void *arg)
{
    session_free(arg);
}

static void copy_texts(struct session *s)
{
    struct session_params *p = &s->p;
    struct str *texts[] = {&p->contact, &p->allow, &p->supported, &p->content_type, &p->uri,
                           &p->from,    &p->route, &p->require,   &p->replaces};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = texts[i]->n ? arena_dup(&s->mem, *texts[i]) : STR_NONE;
    p->call_id = p->body = STR_NONE; // kept elsewhere
}

int session_new(struct session_layer *l, const struct session_params *p, bool uac,
                struct session **ret_session)
{
    if (l->n >= l->max)
        return ERR_FULL;
    struct session *s = mem_zalloc(sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->layer = l;
    s->ops = p->ops;
    s->arg = p->arg;
    s->p = *p;
    s->uac = uac;
    s->state = uac ? SS_CALLING : SS_RINGING;
    list_init(&s->legs);
    list_init(&s->requests);
    deferred_init(&s->cleanup, on_cleanup, s);
    arena_init(&s->mem, NULL, 0);
    copy_texts(s);
    reliable_init(s);
    change_init(s);
    interval_init(s);
    list_add(&l->all, &s->link);
    l->n++;
    s->id = slots_add(&l->ids, s);
    if (!s->id || s->mem.failed) {
        session_free(s);
        return ERR_NOMEM;
    }
    *ret_session = s;
    return 0;
}

void session_free(struct session *s)
{
    struct session_layer *l = s->layer;
    deferred_cancel(&s->cleanup);
    interval_stop(s);
    change_done(s);
    reliable_stop(s);
    if (s->id)
        slots_remove(&l->ids, s->id);
    if (s->key)
        map_remove(&l->by_dialog, s->key, s);
    while (!list_empty(&s->requests))
        request_free(LIST_ENTRY(s->requests.next, struct request, link));
    while (!list_empty(&s->legs))
        leg_free(LIST_ENTRY(s->legs.next, struct leg, link));
    if (s->invite)
        ua_forget(l->uas, s->invite);
    if (s->invite_msg)
        sip_msg_unref(s->invite_msg);
    mem_free((void *)s->described.p);
    arena_done(&s->mem);
    list_del(&s->link);
    l->n--;
    mem_free(s);
}

void session_drop(struct session *s)
{
    static const struct session_ops nothing;
    s->ops = &nothing;
    session_step(s, SE_DROP, NULL);
}

int session_register(struct session *s, struct str call_id, struct str local_tag)
{
    s->call_id = arena_dup(&s->mem, call_id);
    s->local_tag = arena_dup(&s->mem, local_tag);
    if (s->mem.failed)
        return ERR_NOMEM;
    uint64_t key = dialog_key(s->call_id, s->local_tag);
    int e = map_add(&s->layer->by_dialog, key, s);
    if (!e)
        s->key = key;
    return e;
}

bool session_is_established(const struct session *s)
{
    return s->state == SS_UP;
}

struct str session_type(const struct session *s)
{
    return s->p.content_type.n ? s->p.content_type : STR("application/sdp");
}

int session_keep_described(struct session *s, struct str body)
{
    if (!body.n || body.n > BODY_MAX)
        return 0;
    return heap_set(&s->described, body).p ? 0 : ERR_NOMEM;
}

// ---- legs ----

struct leg *leg_new(struct session *s, struct dialog *d)
{
    struct leg *g = s->n_legs < LEGS_MAX ? mem_zalloc(sizeof *g) : NULL;
    if (!g) {
        dialog_free(d);
        return NULL;
    }
    g->session = s;
    g->dialog = d;
    list_add(&s->legs, &g->link);
    s->n_legs++;
    return g;
}

void leg_free(struct leg *g)
{
    struct session *s = g->session;
    if (s->leg == g)
        s->leg = NULL;
    LIST_EACH(&s->requests, it) {
        struct request *r = LIST_ENTRY(it, struct request, link);
        if (r->leg == g)
            request_free(r);
    }
    list_del(&g->link);
    s->n_legs--;
    dialog_free(g->dialog);
    mem_free((void *)g->ack.body.p);
    mem_free((void *)g->ack.credentials.p);
    mem_free(g);
}

struct leg *leg_of(const struct session *s, const struct sip_msg *m)
{
    LIST_EACH(&s->legs, it) {
        struct leg *g = LIST_ENTRY(it, struct leg, link);
        if (dialog_matches(g->dialog, m))
            return g;
    }
    return NULL;
}

void leg_note_peer(struct leg *g, const struct sip_msg *m)
{
    if (sip_msg_has(m, SIP_H_ALLOW))
        g->peer_update = sip_msg_has_token(m, SIP_H_ALLOW, STR("UPDATE"));
    if (sip_msg_has_token(m, SIP_H_SUPPORTED, STR("timer")) ||
        sip_msg_has_token(m, SIP_H_REQUIRE, STR("timer")))
        g->peer_timer = true;
    if (sip_msg_has_token(m, SIP_H_SUPPORTED, STR("100rel")) ||
        sip_msg_has_token(m, SIP_H_REQUIRE, STR("100rel")))
        g->peer_rel = true;
}

// ---- what goes into messages ----

void session_decorate(struct session *s, enum sip_method method, unsigned status,
                      struct sip_edits *e)
{
    if (s->ops->decorate)
        s->ops->decorate(s->arg, s, method, status, e);
}

static struct str supported(const struct session *s, struct arena *a)
{
    struct arena_buf b = arena_buf_init(a);
    if (s->p.rel100 != SESSION_REL_OFF)
        arena_buf_item(&b, STR(", "), STR("100rel"));
    if (s->p.timer)
        arena_buf_item(&b, STR(", "), STR("timer"));
    if (s->p.supported.n)
        arena_buf_item(&b, STR(", "), s->p.supported);
    return arena_buf_done(&b);
}

void session_describe(struct session *s, enum sip_method method, unsigned status,
                      struct sip_edits *e)
{
    struct str tags = supported(s, e->arena);
    sip_edit_append(e, SIP_H_CONTACT, s->p.contact);
    if (s->p.allow.n)
        sip_edit_append(e, SIP_H_ALLOW, s->p.allow);
    if (tags.n)
        sip_edit_append(e, SIP_H_SUPPORTED, tags);
    session_decorate(s, method, status, e);
}

struct str session_unknown_option(const struct session_params *p, const struct sip_msg *m)
{
    struct sip_iter it = sip_iter_init(m, SIP_H_REQUIRE);
    for (const struct sip_token *t; (t = sip_iter_next(&it));) {
        bool known = (str_ieq(t->token, STR("100rel")) && p->rel100 != SESSION_REL_OFF) ||
                     (str_ieq(t->token, STR("timer")) && p->timer) ||
                     list_has(p->supported, t->token);
        if (!known)
            return t->token;
    }
    return STR_NONE;
}

// ---- requests inside dialogs ----

void session_on_ack(struct leg *g, const struct sip_msg *m)
{
    struct session *s = g->session;
    server_acked(s, sip_msg_cseq(m)->number);
    (void)dialog_on_request(g->dialog, m);
    // The answer to an offer in a 2xx (RFC 3261 13.2.1).
    bool due = s->state == SS_ANSWERED || s->state == SS_LEAVING || s->unacked;
    s->unacked = false;
    if (due && g->oa == OA_SENT)
        offer_take(g, m, DUE_NONE);
    if (!session_over(s))
        session_step(s, SE_ACK, NULL);
}

void session_other_request(struct leg *g, server_id id, const struct sip_msg *m)
{
    struct session *s = g->session;
    if (s->ops->request) {
        s->ops->request(s->arg, s, id, m);
        return;
    }
    struct sip_edits e;
    sip_edits_init(&e, session_arena(s->layer, id), NULL);
    if (s->p.allow.n)
        sip_edit_append(&e, SIP_H_ALLOW, s->p.allow);
    session_decorate(s, sip_msg_method(m), 405, &e);
    (void)server_reply(s->layer, id, 405, &e);
}

static void in_leg(struct leg *g, server_id id, const struct sip_msg *m)
{
    switch (sip_msg_method(m)) {
    case SIP_BYE:
        bye_on_request(g, id, m);
        break;
    case SIP_PRACK:
        reliable_on_prack(g, id, m);
        break;
    case SIP_INVITE:
    case SIP_UPDATE:
        modified_on_request(g, id, m);
        break;
    case SIP_REFER:
        refer_on_request(g, id, m);
        break;
    case SIP_NOTIFY:
        refer_on_notify(g, id, m);
        break;
    default:
        session_other_request(g, id, m);
    }
}

void session_on_request(struct leg *g, server_id id, const struct sip_msg *m)
{
    if (dialog_on_request(g->dialog, m)) // RFC 3261 12.2.2: out of order
        server_refuse(g->session, id, 500);
    else
        in_leg(g, id, m);
}

int session_hang_up(struct session *s)
{
    if (session_over(s))
        return ERR_STATE;
    if (s->state == SS_RINGING)
        return session_reject(s, &(struct session_reply){.status = 486});
    session_step(s, SE_HANG_UP, NULL);
    return 0;
}
