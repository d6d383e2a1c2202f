// SPDX-License-Identifier: Apache-2.0
// Sessions: their life, and where they are found.
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "stack/session/session_priv.h"

// ---- where they are ----

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

uint64_t session_now_ms(const struct session *s)
{
    return loop_now(s->layer->loop) / 1000000;
}

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
    machine_init(&s->life, l->wiring->machine, l->loop, p->timers, s);
    s->born = session_now_ms(s);
    list_init(&s->legs);
    list_init(&s->requests);
    list_init(&s->served);
    deferred_init(&s->cleanup, on_cleanup, s);
    arena_init(&s->mem, NULL, 0);
    copy_texts(s);
    l->wiring->init(s);
    list_add(&l->all, &s->link);
    l->n++;
    s->id = slots_add(&l->ids, s);
    if (!s->id || s->mem.failed) {
        session_free(s);
        return ERR_NOMEM;
    }
    session_step(s, uac ? SE_CALL : SE_INVITE, NULL);
    *ret_session = s;
    return 0;
}

void session_free(struct session *s)
{
    struct session_layer *l = s->layer;
    deferred_cancel(&s->cleanup);
    l->wiring->done(s);
    machine_done(&s->life);
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

void session_step(struct session *s, enum session_event ev, const struct session_end *e)
{
    (void)machine_step(&s->life, ev, (void *)e);
}

void session_silence(struct session *s)
{
    static const struct session_ops nothing;
    s->ops = &nothing;
}

void session_drop(struct session *s)
{
    session_silence(s);
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

struct str session_fork(const struct session *s)
{
    struct dialog_info info = {.remote_tag = STR_NONE};
    if (s->leg)
        dialog_get_info(s->leg->dialog, &info);
    return info.remote_tag;
}

bool session_is_established(const struct session *s)
{
    return s->life.state == SS_UP;
}
