// SPDX-License-Identifier: Apache-2.0
// A subscription to a resource of this node: from the SUBSCRIBE that made it to its last NOTIFY.
// The table is the notifier's of RFC 6665 4.2.1 with two states more: while the package has not
// said whether he may, and while the last NOTIFY has to wait for the one before it.
#include "base/err.h"
#include "stack/event/event_priv.h"

enum { REPLACED_RETRY_S = 60 };

static const char *const state_names[NOTIFIER_STATES] = {"Init",   "Waiting", "Pending",
                                                         "Active", "Ending",  "Terminated"};
static const char *const event_names[NOTIFIER_EVENTS] = {
    "allowed", "pending", "wait", "refused",  "late",     "refresh", "unsubscribe",
    "changed", "expired", "end",  "replaced", "answered", "lost",
};

// ---- life ----

static void on_timer(void *arg)
{
    struct notifier *n = arg;
    uint64_t now = event_now(n->core);
    if (now >= n->expires_at) {
        notifier_step(n, n->state == NOTIFIER_WAITING ? NE_LATE : NE_EXPIRED, NULL);
        return;
    }
    if (n->due_at && now >= n->due_at)
        delivery_step(n, DE_DUE);
    else
        notifier_arm(n);
}

void notifier_arm(struct notifier *n)
{
    uint64_t now = event_now(n->core), at = n->expires_at;
    if (n->due_at && n->due_at < at)
        at = n->due_at;
    timer_start(n->core->loop, &n->timer, at > now ? at - now : 0);
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
    timer_init(&n->timer, on_timer, n);
    resource_add(r, n);
    e->n_notifiers++;
    *ret_n = n;
    return 0;
}

void notifier_free(struct notifier *n)
{
    timer_stop(&n->timer);
    if (n->notify)
        ua_forget(n->core->uas, n->notify);
    dialog_free(n->dialog);
    asking_release(n->held);
    mem_free(n->event_id);
    mem_free(n);
}

void notifier_drop(struct notifier *n)
{
    struct event *e = n->core;
    struct resource *r = n->resource;
    const struct event_package *p = r->package;
    event_id id = n->id;
    bool tell = p->ended && n->key;
    struct notifier *old = slots_find(&e->notifier_ids, n->replaces);
    if (old)
        old->replaced = false;
    r->pins++;
    slots_remove(&e->notifier_ids, id);
    map_remove(&e->notifiers, n->key, n);
    resource_remove(e, n);
    person_remove(e, n->person);
    e->n_notifiers--;
    notifier_free(n);
    if (tell)
        p->ended(p->arg, id, resource_name(r));
    r->pins--;
    resource_release(e, r);
}

void notifier_give_way(struct notifier *n, struct notifier *by)
{
    n->replaced = true;
    by->replaces = n->id;
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

// ---- guards ----

static int is_fetch(void *obj, void *arg)
{
    const struct notifier *n = obj;
    return n->granted == 0;
}

// RFC 6665 4.2.2: the next NOTIFY waits until the one before it has its response.
static int is_busy(void *obj, void *arg)
{
    const struct notifier *n = obj;
    return n->notify != 0;
}

// ---- answers ----

// The SUBSCRIBE that is not answered yet: the one with the event, or the one that waits.
static struct asking *request_of(struct notifier *n, const struct notifier_input *in,
                                 struct asking *room)
{
    if (in && in->request)
        return in->request;
    if (!n->held)
        return NULL;
    asking_resume(n->core, n->held, room);
    return room;
}

// Only what is accepted makes the older one go. False: the package has ended n meanwhile.
static bool make_room(struct notifier *n)
{
    struct event *e = n->core;
    event_id id = n->id;
    struct notifier *old = slots_find(&e->notifier_ids, n->replaces);
    n->replaces = 0;
    if (old)
        notifier_step(old, NE_REPLACED, NULL);
    return slots_find(&e->notifier_ids, id);
}

// Answers the first SUBSCRIBE; false, and n is gone, when nobody heard that it was accepted.
static bool accept_first(struct notifier *n, const struct notifier_input *in)
{
    struct asking room, *p = request_of(n, in, &room);
    if (!p || asking_accept(p, n->granted)) {
        notifier_drop(n);
        return false;
    }
    asking_release(n->held);
    n->held = NULL;
    n->core->count.subscribed++;
    n->expires_at = event_now(n->core) + n->granted * UINT64_C(1000);
    return !n->granted || make_room(n); // a fetch keeps nothing
}

static void say_last(struct notifier *n, enum event_reason reason)
{
    n->reason = (uint8_t)reason;
    delivery_last(n);
    notifier_drop(n);
}

static void begin(void *obj, void *arg)
{
    struct notifier *n = obj;
    if (!accept_first(n, arg))
        return;
    n->cleared = true;
    delivery_step(n, DE_TELL);
}

static void begin_pending(void *obj, void *arg)
{
    struct notifier *n = obj;
    if (accept_first(n, arg))
        delivery_step(n, DE_TELL);
}

static void fetch(void *obj, void *arg)
{
    struct notifier *n = obj;
    if (!accept_first(n, arg))
        return;
    n->cleared = true;
    say_last(n, EVENT_TIMEOUT);
}

static void fetch_nothing(void *obj, void *arg)
{
    struct notifier *n = obj;
    if (accept_first(n, arg))
        say_last(n, EVENT_GIVEUP);
}

static const struct event_refusal no_memory = {.status = 500, .cause = "out of memory"};

static void wait_for_verdict(void *obj, void *arg)
{
    struct notifier *n = obj;
    const struct notifier_input *in = arg;
    if (asking_hold(in->request, &n->held)) {
        asking_refuse(in->request, &no_memory, resource_name(n->resource));
        notifier_drop(n);
        return;
    }
    n->expires_at = event_now(n->core) + n->core->verdict_ms;
    notifier_arm(n);
}

static void refuse_first(void *obj, void *arg)
{
    struct notifier *n = obj;
    const struct notifier_input *in = arg;
    struct asking room, *p = request_of(n, in, &room);
    if (p)
        asking_refuse(p, &in->refusal, resource_name(n->resource));
    notifier_drop(n);
}

// ---- a subscription that is there ----

static void clear(void *obj, void *arg)
{
    struct notifier *n = obj;
    n->cleared = n->whole = true;
    delivery_step(n, DE_TELL);
}

static void changed(void *obj, void *arg)
{
    delivery_step(obj, DE_CHANGED);
}

// RFC 6665 4.2.1.4: each SUBSCRIBE is followed by a NOTIFY with the whole state.
static void refresh(void *obj, void *arg)
{
    struct notifier *n = obj;
    const struct notifier_input *in = arg;
    if (asking_accept(in->request, in->granted))
        return; // it stays as it was
    n->granted = in->granted;
    n->expires_at = event_now(n->core) + n->granted * UINT64_C(1000);
    n->whole = true;
    notifier_arm(n);
    delivery_step(n, DE_TELL);
}

static void end_soon(void *obj, void *arg)
{
    struct notifier *n = obj;
    const struct notifier_input *in = arg;
    n->reason = (uint8_t)in->reason;
    n->retry_after = in->retry_after;
    timer_stop(&n->timer);
}

static void end_now(void *obj, void *arg)
{
    struct notifier *n = obj;
    const struct notifier_input *in = arg;
    n->retry_after = in->retry_after;
    say_last(n, in->reason);
}

static void leave_soon(void *obj, void *arg)
{
    const struct notifier_input *in = arg;
    (void)asking_accept(in->request, 0);
    end_soon(obj, &(struct notifier_input){.reason = EVENT_TIMEOUT});
}

static void leave_now(void *obj, void *arg)
{
    struct notifier *n = obj;
    const struct notifier_input *in = arg;
    (void)asking_accept(in->request, 0);
    say_last(n, EVENT_TIMEOUT);
}

static void expire_soon(void *obj, void *arg)
{
    struct notifier *n = obj;
    n->core->count.expired++;
    end_soon(obj, &(struct notifier_input){.reason = EVENT_TIMEOUT});
}

static void expire_now(void *obj, void *arg)
{
    struct notifier *n = obj;
    n->core->count.expired++;
    say_last(n, EVENT_TIMEOUT);
}

static void refuse_soon(void *obj, void *arg)
{
    end_soon(obj, &(struct notifier_input){.reason = EVENT_REJECTED});
}

static void refuse_now(void *obj, void *arg)
{
    say_last(obj, EVENT_REJECTED);
}

static void last_word(void *obj, void *arg)
{
    struct notifier *n = obj;
    say_last(n, n->reason);
}

// Room is wanted at once: a NOTIFY under way is not waited for. Whoever is there still may
// subscribe anew, but not at once: he would take the room back.
static void replace(void *obj, void *arg)
{
    struct notifier *n = obj;
    n->retry_after = REPLACED_RETRY_S;
    if (n->notify)
        notifier_drop(n);
    else
        say_last(n, EVENT_PROBATION);
}

static void drop(void *obj, void *arg)
{
    notifier_drop(obj);
}

#define INIT NOTIFIER_INIT
#define WAITING NOTIFIER_WAITING
#define PENDING NOTIFIER_PENDING
#define ACTIVE NOTIFIER_ACTIVE
#define ENDING NOTIFIER_ENDING
#define TERMINATED NOTIFIER_TERMINATED

static const struct fsm_row rows[] = {
    {INIT, NE_ALLOWED, TERMINATED, is_fetch, fetch, "RFC 6665 4.4.3"},
    {INIT, NE_ALLOWED, ACTIVE, NULL, begin, "RFC 6665 4.2.1.2"},
    {INIT, NE_PENDING, TERMINATED, is_fetch, fetch_nothing, "RFC 6665 4.4.3"},
    {INIT, NE_PENDING, PENDING, NULL, begin_pending, "RFC 6665 4.2.1.3"},
    {INIT, NE_WAIT, WAITING, NULL, wait_for_verdict, "RFC 6665 4.2.1.3"},
    {INIT, NE_REFUSED, TERMINATED, NULL, refuse_first, "RFC 6665 4.2.1.3"},
    {WAITING, NE_ALLOWED, TERMINATED, is_fetch, fetch, "RFC 6665 4.4.3"},
    {WAITING, NE_ALLOWED, ACTIVE, NULL, begin, "RFC 6665 4.2.1.2"},
    {WAITING, NE_PENDING, TERMINATED, is_fetch, fetch_nothing, "RFC 6665 4.4.3"},
    {WAITING, NE_PENDING, PENDING, NULL, begin_pending, "RFC 6665 4.2.1.3"},
    {WAITING, NE_LATE, TERMINATED, is_fetch, fetch_nothing, "RFC 6665 4.4.3"},
    {WAITING, NE_LATE, PENDING, NULL, begin_pending, "RFC 6665 4.2.1.3"},
    {WAITING, NE_REFUSED, TERMINATED, NULL, refuse_first, "RFC 6665 4.2.1.3"},
    {WAITING, NE_CHANGED, WAITING, NULL, NULL, "RFC 6665 4.2.1.3"},
    {WAITING, NE_END, TERMINATED, NULL, refuse_first, "RFC 6665 4.2.1.3"},
    {PENDING, NE_ALLOWED, ACTIVE, NULL, clear, "RFC 6665 4.2.1.3"},
    {PENDING, NE_PENDING, PENDING, NULL, NULL, "RFC 6665 4.2.1.3"},
    {PENDING, NE_REFUSED, ENDING, is_busy, refuse_soon, "RFC 6665 4.2.1.3"},
    {PENDING, NE_REFUSED, TERMINATED, NULL, refuse_now, "RFC 6665 4.2.1.3"},
    {PENDING, NE_CHANGED, PENDING, NULL, NULL, "RFC 6665 4.2.1.3"},
    {PENDING, NE_REFRESH, PENDING, NULL, refresh, "RFC 6665 4.2.1.4"},
    {PENDING, NE_UNSUBSCRIBE, ENDING, is_busy, leave_soon, "RFC 6665 4.1.2.3"},
    {PENDING, NE_UNSUBSCRIBE, TERMINATED, NULL, leave_now, "RFC 6665 4.1.2.3"},
    {PENDING, NE_EXPIRED, ENDING, is_busy, expire_soon, "RFC 6665 4.2.1.4"},
    {PENDING, NE_EXPIRED, TERMINATED, NULL, expire_now, "RFC 6665 4.2.1.4"},
    {PENDING, NE_END, ENDING, is_busy, end_soon, "RFC 6665 4.2.2"},
    {PENDING, NE_END, TERMINATED, NULL, end_now, "RFC 6665 4.2.2"},
    {PENDING, NE_REPLACED, TERMINATED, NULL, replace, "RFC 6665 4.2.2"},
    {PENDING, NE_LOST, TERMINATED, NULL, drop, "RFC 6665 4.2.2"},
    {ACTIVE, NE_CHANGED, ACTIVE, NULL, changed, "RFC 6665 4.2.2"},
    {ACTIVE, NE_ALLOWED, ACTIVE, NULL, NULL, "RFC 6665 4.2.1.3"},
    {ACTIVE, NE_REFUSED, ENDING, is_busy, refuse_soon, "RFC 6665 4.2.1.3"},
    {ACTIVE, NE_REFUSED, TERMINATED, NULL, refuse_now, "RFC 6665 4.2.1.3"},
    {ACTIVE, NE_REFRESH, ACTIVE, NULL, refresh, "RFC 6665 4.2.1.4"},
    {ACTIVE, NE_UNSUBSCRIBE, ENDING, is_busy, leave_soon, "RFC 6665 4.1.2.3"},
    {ACTIVE, NE_UNSUBSCRIBE, TERMINATED, NULL, leave_now, "RFC 6665 4.1.2.3"},
    {ACTIVE, NE_EXPIRED, ENDING, is_busy, expire_soon, "RFC 6665 4.2.1.4"},
    {ACTIVE, NE_EXPIRED, TERMINATED, NULL, expire_now, "RFC 6665 4.2.1.4"},
    {ACTIVE, NE_END, ENDING, is_busy, end_soon, "RFC 6665 4.2.2"},
    {ACTIVE, NE_END, TERMINATED, NULL, end_now, "RFC 6665 4.2.2"},
    {ACTIVE, NE_REPLACED, TERMINATED, NULL, replace, "RFC 6665 4.2.2"},
    {ACTIVE, NE_LOST, TERMINATED, NULL, drop, "RFC 6665 4.2.2"},
    {ENDING, NE_CHANGED, ENDING, NULL, NULL, "RFC 6665 4.2.2"},
    {ENDING, NE_SENT_ALL, TERMINATED, NULL, last_word, "RFC 6665 4.2.2"},
    {ENDING, NE_REPLACED, TERMINATED, NULL, drop, "RFC 6665 4.2.2"},
    {ENDING, NE_LOST, TERMINATED, NULL, drop, "RFC 6665 4.2.2"},
};

const struct fsm event_notifier_fsm = {
    "notifier", state_names, event_names, NOTIFIER_STATES, NOTIFIER_EVENTS, rows, ARRAY_LEN(rows)};

void notifier_step(struct notifier *n, enum notifier_event ev, struct notifier_input *in)
{
    (void)fsm_step(&event_notifier_fsm, &n->state, ev, n, in);
}

// ---- what the owner of the state says ----

static void step_all(struct event *e, struct resource *r, enum notifier_event ev,
                     struct notifier_input *in)
{
    struct resource_walk w;
    resource_walk_begin(r, &w);
    for (struct notifier *n; (n = resource_walk_next(r, &w));)
        notifier_step(n, ev, in);
    resource_walk_end(e, r, &w);
}

void event_changed(struct event *e, const struct event_package *p, struct str resource)
{
    struct resource *r = resource_find(e, p, resource);
    if (r)
        step_all(e, r, NE_CHANGED, NULL);
}

static struct notifier_input end_input(enum event_reason reason, uint32_t retry_after)
{
    return (struct notifier_input){
        .reason = reason,
        .retry_after = event_reason_rows[reason].retry_after ? retry_after : 0,
        .refusal = {.status = 404, .cause = "the resource is gone"},
    };
}

void event_end(struct event *e, const struct event_package *p, struct str resource,
               enum event_reason reason, uint32_t retry_after)
{
    struct resource *r = resource_find(e, p, resource);
    struct notifier_input in = end_input(reason, retry_after);
    if (r)
        step_all(e, r, NE_END, &in);
}

void event_end_one(struct event *e, event_id id, enum event_reason reason, uint32_t retry_after)
{
    struct notifier *n = slots_find(&e->notifier_ids, id);
    struct notifier_input in = end_input(reason, retry_after);
    if (n)
        notifier_step(n, NE_END, &in);
}

int event_authorise(struct event *e, event_id id, enum event_verdict v,
                    const struct event_refusal *refusal)
{
    static const enum notifier_event events[] = {
        [EVENT_ALLOW] = NE_ALLOWED, [EVENT_PENDING] = NE_PENDING, [EVENT_REFUSE] = NE_REFUSED};
    struct notifier *n = slots_find(&e->notifier_ids, id);
    struct notifier_input in = {.refusal = {.status = 403}};
    if (!n)
        return ERR_NOTFOUND;
    if (v == EVENT_WAIT)
        return ERR_INVAL;
    if (n->state == NOTIFIER_INIT)
        return ERR_STATE; // the package is being asked: its verdict is what it returns
    if (refusal)
        in.refusal = *refusal;
    if (!in.refusal.status)
        in.refusal.status = 403;
    notifier_step(n, events[v], &in);
    return 0;
}

size_t event_count(const struct event *e, const struct event_package *p, struct str resource)
{
    const struct resource *r = resource_find(e, p, resource);
    return r ? r->n_subs : 0;
}
