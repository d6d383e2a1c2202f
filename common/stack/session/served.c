// SPDX-License-Identifier: Apache-2.0
// The life of a request that came in. A 2xx to an INVITE is sent again, by the UAS core itself,
// until its ACK comes (RFC 3261 13.3.1.4).
#include "stack/session/served.h"

#include "base/mem.h"

enum { SERVED_MEMORY = 1 << 20 };

static const char *const state_names[SV_STATES] = {"Open", "Accepted", "Leaving", "Past"};
static const char *const event_names[VE_EVENTS] = {"2xx",   "2xx again", "ACK", "no ACK",
                                                   "leave", "gone",      "keep"};
static const struct fsm_timer timers[VT_TIMERS] = {
    [VT_AGAIN] = {"2xx again", VE_AGAIN, SESSION_TIMER_SIP | SIP_TIMER_t1}, // doubles up to T2
    [VT_NO_ACK] = {"no ACK", VE_NO_ACK, SESSION_TIMER_SIP | SIP_TIMER_timer_h},
};

static void send_again(void *obj, void *arg)
{
    struct served *v = machine_owner(obj);
    (void)txn_server_reply(v->layer->txns, v->txn, 200, v->ok);
}

static void leave(void *obj, void *arg)
{
    struct served *v = machine_owner(obj);
    struct session_layer *l = v->layer;
    v->session = NULL;
    list_del(&v->mates);
    list_del(&v->link);
    list_add(&l->leaving, &v->link);
    loop_defer(l->loop, &l->release);
}

static void tell_gone(void *obj, void *arg)
{
    struct served *v = machine_owner(obj);
    struct session *s = v->session;
    leave(obj, NULL);
    if (s && !session_over(s))
        v->layer->wiring->gone(s, v->id, v->first);
}

// RFC 3261 8.2.2.2: copies of a new INVITE are recognised until its transaction ends.
static void keep(void *obj, void *arg)
{
    struct served *v = machine_owner(obj);
    slots_remove(&v->layer->served, v->id);
    v->id = 0;
    (void)heap_set(&v->ok, STR_NONE);
    arena_done(&v->mem);
    arena_init(&v->mem, NULL, 0);
    list_del(&v->link);
    list_add(&v->layer->past, &v->link);
}

static const struct fsm_row rows[] = {
    {SV_OPEN, VE_ACCEPT, SV_ACCEPTED, NULL, NULL, "RFC 3261 13.3.1.4", {VT_AGAIN, VT_NO_ACK}},
    {SV_OPEN, VE_LEAVE, SV_LEAVING, NULL, leave, "RFC 3261 8.2.6"},
    {SV_OPEN, VE_GONE, SV_LEAVING, NULL, tell_gone, "RFC 3261 17.2.2"},
    {SV_ACCEPTED, VE_AGAIN, SV_ACCEPTED, NULL, send_again, "RFC 3261 13.3.1.4", {VT_AGAIN}},
    {SV_ACCEPTED, VE_ACK, SV_LEAVING, NULL, leave, "RFC 3261 13.3.1.4"},
    {SV_ACCEPTED, VE_NO_ACK, SV_LEAVING, NULL, tell_gone, "RFC 3261 13.3.1.4"},
    {SV_ACCEPTED, VE_LEAVE, SV_LEAVING, NULL, leave, "RFC 3261 15"},
    {SV_ACCEPTED, VE_GONE, SV_LEAVING, NULL, tell_gone, "RFC 6026 7.1"},
    {SV_LEAVING, VE_KEEP, SV_PAST, NULL, keep, "RFC 3261 8.2.2.2"},
};

static const uint32_t runs[SV_STATES] = {
    [SV_ACCEPTED] = MACHINE_BIT(VT_AGAIN) | MACHINE_BIT(VT_NO_ACK),
};

static uint64_t reckon(struct machine *m, unsigned timer, uint64_t ms)
{
    return timer == VT_AGAIN ? machine_doubled(m, ms, m->sip->t2) : ms;
}

const struct machine_kind served_machine = {MACHINE_FSM("request", SV_OPEN), reckon};

// ---- life ----

struct served *served_new(struct session_layer *l, txn_id txn, struct sip_msg *m)
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
    machine_init(&v->life, &served_machine, l->loop, txn_server_timers(l->txns, txn), v);
    arena_init(&v->mem, v->room, sizeof v->room);
    arena_set_max(&v->mem, SERVED_MEMORY);
    list_init(&v->mates);
    list_add(&l->serving, &v->link);
    txn_server_set_owner(l->txns, txn, v);
    return v;
}

void served_free(struct served *v)
{
    machine_done(&v->life);
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

void served_leave(struct served *v)
{
    (void)machine_step(&v->life, VE_LEAVE, NULL);
}

void served_gone(struct served *v)
{
    (void)machine_step(&v->life, VE_GONE, NULL);
}

struct served *served_find(struct session_layer *l, server_id id)
{
    struct served *v = id ? slots_find(&l->served, id) : NULL;
    return v && v->life.state < SV_LEAVING ? v : NULL;
}

// ---- the layer's ----

static void release_leaving(void *arg)
{
    struct session_layer *l = arg;
    while (!list_empty(&l->leaving)) {
        struct served *v = LIST_ENTRY(l->leaving.next, struct served, link);
        if (v->key && v->txn)
            (void)machine_step(&v->life, VE_KEEP, NULL);
        else
            served_free(v);
    }
}

void served_layer_init(struct session_layer *l)
{
    list_init(&l->serving);
    list_init(&l->leaving);
    list_init(&l->past);
    deferred_init(&l->release, release_leaving, l);
}

void served_layer_done(struct session_layer *l)
{
    struct list *all[] = {&l->leaving, &l->serving, &l->past};
    deferred_cancel(&l->release);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        while (!list_empty(all[i]))
            served_free(LIST_ENTRY(all[i]->next, struct served, link));
    slots_done(&l->served);
    map_done(&l->by_invite);
}
