// SPDX-License-Identifier: Apache-2.0
// A subscription to a resource of this node: what it keeps, where it is found, its timers.
#include "base/err.h"
#include "stack/event/event_priv.h"

// ---- machines ----

void notifier_step(struct notifier *n, enum notifier_event ev, struct notifier_input *in)
{
    (void)fsm_step(n->core->machines->notifier, &n->state, ev, n, in);
}

void delivery_step(struct notifier *n, enum delivery_event ev)
{
    (void)fsm_step(n->core->machines->delivery, &n->delivery, ev, n, NULL);
}

static void on_timer(void *arg)
{
    struct notifier *n = arg;
    uint8_t ev = n->core->machines->notifier->timers[n->timer_is].event;
    n->timer_is = NT_NONE;
    notifier_step(n, (enum notifier_event)ev, NULL);
}

static void on_due(void *arg)
{
    struct notifier *n = arg;
    uint8_t ev = n->core->machines->delivery->timers[n->due_is].event;
    n->due_is = DT_NONE;
    delivery_step(n, (enum delivery_event)ev);
}

void notifier_run(struct notifier *n, enum notifier_timer t, uint64_t ms)
{
    n->timer_is = (uint8_t)t;
    timer_start(n->core->loop, &n->timer, ms);
}

void delivery_run(struct notifier *n, enum delivery_timer t, uint64_t ms)
{
    n->due_is = (uint8_t)t;
    timer_start(n->core->loop, &n->due, ms);
}

void notifier_stop(void *notifier, uint32_t runs)
{
    struct notifier *n = notifier;
    if (!n->timer_is || runs & UINT32_C(1) << n->timer_is)
        return;
    timer_stop(&n->timer);
    n->timer_is = NT_NONE;
}

void delivery_stop(void *notifier, uint32_t runs)
{
    struct notifier *n = notifier;
    if (!n->due_is || runs & UINT32_C(1) << n->due_is)
        return;
    timer_stop(&n->due);
    n->due_is = DT_NONE;
}

// ---- texts ----

int notifier_set_texts(struct notifier *n, struct str id, struct str instance, struct str note)
{
    struct notifier_texts *t = NULL;
    size_t size = id.n + instance.n + note.n;
    if (size) {
        if (!(t = mem_alloc(sizeof *t + size)))
            return ERR_NOMEM;
        *t = (struct notifier_texts){(uint32_t)id.n, (uint32_t)instance.n, (uint32_t)note.n};
        struct writer w = writer_init(t->p, size);
        writer_str(&w, id);
        writer_str(&w, instance);
        writer_str(&w, note);
    }
    mem_free(n->texts);
    n->texts = t;
    notifier_weigh(n);
    return 0;
}

struct str notifier_event_id(const struct notifier *n)
{
    return n->texts && n->texts->n_event_id ? str_make(n->texts->p, n->texts->n_event_id)
                                            : STR_NONE;
}

struct str notifier_instance(const struct notifier *n)
{
    const struct notifier_texts *t = n->texts;
    return t && t->n_instance ? str_make(t->p + t->n_event_id, t->n_instance) : STR_NONE;
}

struct str notifier_note(const struct notifier *n)
{
    const struct notifier_texts *t = n->texts;
    return t && t->n_note ? str_make(t->p + t->n_event_id + t->n_instance, t->n_note) : STR_NONE;
}

static size_t texts_bytes(const struct notifier *n)
{
    const struct notifier_texts *t = n->texts;
    size_t bytes = n->person ? n->person->n_name : 0;
    bytes += n->last ? n->last->n : 0;
    return bytes + (t ? t->n_event_id + t->n_instance + t->n_note : 0);
}

static size_t target_bytes(const struct notifier *n)
{
    struct dialog_info i = {0};
    if (n->dialog)
        dialog_get_info(n->dialog, &i);
    return i.target.n;
}

void notifier_weigh(struct notifier *n)
{
    struct event *e = n->core;
    size_t bytes = n->fixed + target_bytes(n) + texts_bytes(n);
    e->notifier_bytes += bytes - n->bytes;
    n->bytes = (uint32_t)bytes;
}

bool notifier_takes_target(const struct notifier *n, const struct sip_msg *m)
{
    return n->fixed + event_target_bytes(m) <= EVENT_DIALOG_MAX;
}

// ---- life ----

void held_free(struct held *h)
{
    if (!h)
        return;
    sip_msg_unref(h->msg);
    mem_free(h);
}

int notifier_new(struct event *e, struct resource *r, struct notifier **ret_n)
{
    struct notifier *n = mem_zalloc(sizeof *n);
    if (!n)
        return ERR_NOMEM;
    n->id = slots_add(&e->notifier_ids, n);
    if (!n->id) {
        mem_free(n);
        return ERR_NOMEM;
    }
    n->core = e;
    n->whole = true;
    fsm_start(e->machines->notifier, &n->state);
    fsm_start(e->machines->delivery, &n->delivery);
    timer_init(&n->timer, on_timer, n);
    timer_init(&n->due, on_due, n);
    resource_add(r, n);
    e->n_notifiers++;
    *ret_n = n;
    return 0;
}

static uint64_t key_of(const struct notifier *n)
{
    struct dialog_info i;
    dialog_get_info(n->dialog, &i);
    return event_key(i.call_id, i.local_tag);
}

int notifier_enter(struct notifier *n)
{
    int err = map_add(&n->core->notifiers, key_of(n), n);
    n->listed = !err;
    return err;
}

void notifier_free(struct notifier *n)
{
    timer_stop(&n->timer);
    timer_stop(&n->due);
    if (n->notify)
        ua_forget(n->core->uas, n->notify);
    dialog_free(n->dialog);
    held_free(n->held);
    mem_free(n->texts);
    mem_free(n->last);
    mem_free(n);
}

static void leave_tables(struct notifier *n)
{
    struct event *e = n->core;
    struct notifier *old = slots_find(&e->notifier_ids, n->replaces);
    if (old)
        old->replaced = false;
    slots_remove(&e->notifier_ids, n->id);
    if (n->listed)
        map_remove(&e->notifiers, key_of(n), n);
    resource_remove(e, n);
    person_remove(e, n->person);
    e->n_notifiers--;
    e->notifier_bytes -= n->bytes;
}

void notifier_drop(struct notifier *n)
{
    struct event *e = n->core;
    struct resource *r = n->resource;
    const struct event_package *p = r->package;
    event_id id = n->id;
    bool tell = p->ended && n->listed;
    r->pins++;
    leave_tables(n);
    notifier_free(n);
    if (tell)
        p->ended(p->arg, id, resource_name(r));
    r->pins--;
    resource_release(e, r);
}

uint32_t notifier_number(const struct notifier *n)
{
    struct dialog_info i;
    dialog_get_info(n->dialog, &i);
    return i.local_cseq;
}

void notifier_save(struct event *e, event_id id)
{
    struct notifier *n = slots_find(&e->notifier_ids, id);
    if (!n)
        return;
    const struct event_package *p = n->resource->package;
    n->saved = notifier_number(n);
    if (p->save)
        p->save(p->arg, id);
}

struct notifier *notifier_find(const struct event *e, const struct sip_msg *m)
{
    size_t it = 0;
    uint64_t key = event_key(sip_msg_call_id(m), sip_msg_to_tag(m));
    for (struct notifier *n; (n = map_find(&e->notifiers, key, &it));)
        if (dialog_matches(n->dialog, m))
            return n;
    return NULL;
}
