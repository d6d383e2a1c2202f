// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/fsm.h"
#include "base/hash.h"
#include "base/mem.h"
#include "scscf/registrar_priv.h"

// ---- states ----

enum { REG_NEW, REG_REGISTERED, REG_GONE, REG_STATES };
enum { REG_EV_BOUND, REG_EV_DUE, REG_EV_UNBOUND, REG_EVENTS };

static const char *const state_names[] = {"NotRegistered", "Registered", "Gone"};
static const char *const event_names[] = {"bound", "due", "unbound"};

static void arm(void *obj, void *arg);
static void drop_expired(void *obj, void *arg);
static void expire(void *obj, void *arg);
static void end(void *obj, void *arg);
static int some_live(void *obj, void *arg);
static int some_left(void *obj, void *arg);

static const struct fsm_row rows[] = {
    {REG_NEW, REG_EV_BOUND, REG_REGISTERED, NULL, arm, "TS 24.229 5.4.1.2.2F"},
    {REG_NEW, REG_EV_UNBOUND, REG_GONE, NULL, end, "TS 24.229 5.4.1.2.2F"},
    {REG_REGISTERED, REG_EV_BOUND, REG_REGISTERED, NULL, arm, "TS 24.229 5.4.1.2.2F"},
    {REG_REGISTERED, REG_EV_DUE, REG_REGISTERED, some_live, drop_expired, "RFC 3261 10.3"},
    {REG_REGISTERED, REG_EV_DUE, REG_GONE, NULL, expire, "TS 24.229 5.4.1.2.2F"},
    {REG_REGISTERED, REG_EV_UNBOUND, REG_REGISTERED, some_left, arm, "TS 24.229 5.4.1.4.1"},
    {REG_REGISTERED, REG_EV_UNBOUND, REG_GONE, NULL, end, "TS 24.229 5.4.1.4.1"},
};

static const struct fsm machine = {"registration", state_names, event_names, REG_STATES,
                                   REG_EVENTS,     rows,        ARRAY_LEN(rows)};

static void step(struct registration *reg, unsigned event)
{
    (void)fsm_step(&machine, &reg->state, event, reg, NULL);
}

const char *registration_state(const struct registration *reg)
{
    return state_names[reg->state];
}

// ---- observers ----

void registrar_observe(struct registrar *r, struct registrar_observer *o)
{
    list_init(&o->link);
    list_add(&r->observers, &o->link);
}

static void tell(const struct registration_news *n)
{
    const struct list *all = &n->reg->owner->observers;
    for (const struct list *it = all->next; it != all; it = it->next) {
        const struct registrar_observer *o = LIST_ENTRY(it, const struct registrar_observer, link);
        o->told(o->arg, n);
    }
}

static void changed(struct registration *reg)
{
    tell(&(struct registration_news){.event = REGISTRATION_CHANGED, .reg = reg});
}

struct registration_kept *registration_kept(struct registration *reg)
{
    return &reg->kept;
}

struct registration *registration_of(const struct registration_kept *kept)
{
    return (struct registration *)(uintptr_t)CONTAINER_OF(kept, const struct registration, kept);
}

// ---- bindings ----

struct str binding_text(const struct binding *b, enum binding_text which)
{
    size_t from = 0;
    for (unsigned i = 0; i < (unsigned)which; i++)
        from += b->n[i];
    return str_make(b->text + from, b->n[which]);
}

static uint64_t now_ms(const struct registrar *r)
{
    return loop_now(r->p.loop) / 1000000;
}

uint32_t binding_expires_s(const struct registrar *r, const struct binding *b)
{
    uint64_t now = now_ms(r);
    return b->due_ms > now ? (uint32_t)((b->due_ms - now + 999) / 1000) : 0;
}

bool binding_is(const struct binding *b, const struct sip_uri *at, const struct contact_key *k)
{
    bool same_ue = k->instance.n && str_eq(binding_text(b, BINDING_INSTANCE), k->instance);
    bool two_flows = k->reg_id && b->reg_id;
    if (same_ue && (!two_flows || b->reg_id == k->reg_id))
        return true;
    return !two_flows && at && sip_uri_eq(at, k->uri);
}

struct binding *registration_bindings(const struct registration *reg)
{
    return reg->bindings;
}

size_t registration_binding_count(const struct registration *reg)
{
    size_t n = 0;
    for (struct binding *b = reg->bindings; b; b = b->next)
        n++;
    return n;
}

size_t registration_count_of(const struct registration *reg, struct str impi)
{
    size_t n = 0;
    for (struct binding *b = reg->bindings; b; b = b->next)
        n += str_eq(binding_impi(b), impi);
    return n;
}

struct binding *registration_binding(const struct registration *reg, uint64_t id)
{
    struct binding *b = reg->bindings;
    while (b && b->id != id)
        b = b->next;
    return b;
}

static char *append(char *at, struct str s)
{
    if (s.n)
        memcpy(at, s.p, s.n);
    return at + s.n;
}

static size_t binding_size(const struct binding *b)
{
    size_t n = sizeof *b;
    for (size_t i = 0; i < BINDING_TEXTS; i++)
        n += b->n[i];
    return n;
}

static int binding_new(const struct binding_params *p, uint64_t now, struct binding **ret_binding)
{
    size_t n = 0;
    for (size_t i = 0; i < BINDING_TEXTS; i++) {
        if (p->text[i].n > UINT16_MAX)
            return ERR_TOOBIG;
        n += p->text[i].n;
    }
    struct binding *b = mem_alloc(sizeof *b + n);
    if (!b)
        return ERR_NOMEM;
    *b = (struct binding){.due_ms = now + (uint64_t)p->expires_s * 1000,
                          .cseq = p->cseq,
                          .reg_id = p->reg_id,
                          .told_s = p->told_s,
                          .q = p->q};
    char *at = b->text;
    for (size_t i = 0; i < BINDING_TEXTS; i++) {
        b->n[i] = (uint16_t)p->text[i].n;
        at = append(at, p->text[i]);
    }
    *ret_binding = b;
    return 0;
}

int registration_bind(struct registration *reg, const struct binding_params *p,
                      struct binding **ret_binding)
{
    struct registrar *r = reg->owner;
    struct binding *b = NULL;
    int err = binding_new(p, now_ms(r), &b);
    if (err)
        return err;
    b->id = p->id ? p->id : ++r->last_id;
    if (b->id > r->last_id)
        r->last_id = b->id;
    b->next = reg->bindings;
    reg->bindings = b;
    r->n_bindings++;
    r->bytes += binding_size(b);
    if (ret_binding)
        *ret_binding = b;
    step(reg, REG_EV_BOUND);
    tell(&(struct registration_news){.event = REGISTRATION_BOUND, .reg = reg, .binding = b});
    return 0;
}

void registration_unbind(struct registration *reg, struct binding *b, enum binding_end why, struct str call_id)
{
    struct binding **at = &reg->bindings;
    while (*at && *at != b)
        at = &(*at)->next;
    if (!*at)
        return;
    tell(&(struct registration_news){REGISTRATION_UNBOUND, reg, b, why, call_id});
    *at = b->next;
    reg->owner->n_bindings--;
    reg->owner->bytes -= binding_size(b);
    mem_free(b);
}

void registration_end(struct registration *reg, enum binding_end why)
{
    while (reg->bindings)
        registration_unbind(reg, reg->bindings, why, STR_NONE);
    (void)registration_settle(reg);
}

bool registration_settle(struct registration *reg)
{
    bool last = !reg->bindings;
    step(reg, REG_EV_UNBOUND);
    return last;
}

// ---- actions ----

static void arm(void *obj, void *arg)
{
    struct registration *reg = obj;
    uint64_t first = UINT64_MAX, now = now_ms(reg->owner);
    for (struct binding *b = reg->bindings; b; b = b->next)
        if (b->due_ms < first)
            first = b->due_ms;
    if (first != UINT64_MAX)
        timer_start(reg->owner->p.loop, &reg->expiry, first > now ? first - now : 0);
}

static int some_left(void *obj, void *arg)
{
    return ((struct registration *)obj)->bindings != NULL;
}

static int some_live(void *obj, void *arg)
{
    struct registration *reg = obj;
    uint64_t now = now_ms(reg->owner);
    for (struct binding *b = reg->bindings; b; b = b->next)
        if (b->due_ms > now)
            return 1;
    return 0;
}

static void drop_due(struct registration *reg)
{
    uint64_t now = now_ms(reg->owner);
    for (struct binding *b = reg->bindings, *next; b; b = next) {
        next = b->next;
        if (b->due_ms <= now)
            registration_unbind(reg, b, BINDING_EXPIRED, STR_NONE);
    }
}

static void drop_expired(void *obj, void *arg)
{
    drop_due(obj);
    arm(obj, NULL);
}

static void expire(void *obj, void *arg)
{
    drop_due(obj);
    registration_free(obj);
}

static void end(void *obj, void *arg)
{
    registration_free(obj);
}

static void on_expiry(void *arg)
{
    step(arg, REG_EV_DUE);
}

// ---- life ----

int registrar_new(const struct registrar_params *p, struct registrar **ret_registrar)
{
    struct registrar *r = mem_zalloc(sizeof *r);
    if (!r)
        return ERR_NOMEM;
    r->p = *p;
    list_init(&r->observers);
    r->compiled = wildcard_cache_new(COMPILED_MAX);
    if (!r->compiled) {
        mem_free(r);
        return ERR_NOMEM;
    }
    *ret_registrar = r;
    return 0;
}

void registrar_free(struct registrar *r)
{
    if (!r)
        return;
    size_t it;
    list_init(&r->observers);
    while (r->all.n) { // a removal may move an entry to where the walk has been already
        it = 0;
        for (struct registration *reg; (reg = map_next(&r->all, &it));)
            registration_free(reg);
    }
    it = 0;
    for (char *text; (text = map_next(&r->charging, &it));)
        mem_free(text);
    map_done(&r->by_impu);
    map_done(&r->by_head);
    wildcard_cache_free(r->compiled);
    map_done(&r->all);
    map_done(&r->charging);
    mem_free(r);
}

size_t registrar_count(const struct registrar *r)
{
    return r->all.n;
}

size_t registrar_bindings(const struct registrar *r)
{
    return r->n_bindings;
}

size_t registrar_binding_bytes(const struct registrar *r)
{
    return r->bytes;
}

struct registration *registrar_next(const struct registrar *r, size_t *it)
{
    return map_next(&r->all, it);
}

int registrar_add(struct registrar *r, struct profile *profile, struct registration **ret_reg)
{
    struct registration *reg = mem_zalloc(sizeof *reg);
    if (!reg) {
        profile_free(profile);
        return ERR_NOMEM;
    }
    reg->owner = r;
    timer_init(&reg->expiry, on_expiry, reg);
    if (registration_know_by(reg, profile) || map_add(&r->all, (uintptr_t)reg, reg)) {
        registration_free(reg);
        return ERR_NOMEM;
    }
    *ret_reg = reg;
    return 0;
}

void registration_free(struct registration *reg)
{
    if (!reg)
        return;
    timer_stop(&reg->expiry);
    map_remove(&reg->owner->all, (uintptr_t)reg, reg);
    while (reg->bindings)
        registration_unbind(reg, reg->bindings, BINDING_UNDONE, STR_NONE);
    tell(&(struct registration_news){.event = REGISTRATION_ENDED, .reg = reg});
    registration_forget(reg);
    mem_free(reg);
}

int registration_update(struct registration *reg, struct profile *profile)
{
    int err = registration_know_by(reg, profile);
    if (!err)
        changed(reg);
    return err;
}

const struct profile *registration_profile(const struct registration *reg)
{
    return reg->profile;
}

bool registration_loose_route(const struct registration *reg)
{
    return reg->loose_route;
}

void registration_set_loose_route(struct registration *reg, bool loose)
{
    if (reg->loose_route == loose)
        return;
    reg->loose_route = loose;
    changed(reg);
}

struct registration_route registration_route(const struct registration *reg)
{
    return reg->route;
}

void registration_set_route(struct registration *reg, const struct registration_route *route)
{
    if (reg->route.set == route->set && reg->route.key == route->key)
        return;
    reg->route = *route;
    changed(reg);
}

bool registration_profile_due(const struct registration *reg)
{
    return reg->profile_due;
}

void registration_set_profile_due(struct registration *reg, bool due)
{
    reg->profile_due = due;
}

// ---- charging addresses ----

struct str registration_charging(const struct registration *reg)
{
    return str_from(reg->charging);
}

// Operators have a handful of charging functions for all their users, so a text once seen is kept
// as long as the registrar and every registration points to it.
int registration_set_charging(struct registration *reg, struct str value)
{
    struct map *m = &reg->owner->charging;
    uint64_t key = hash_bytes(value.p, value.n);
    size_t it = 0;
    char *text = NULL;
    int err = 0;
    const char *before = reg->charging;
    while (value.n && (text = map_find(m, key, &it)) && !str_eq(str_from(text), value))
        ;
    if (!text && value.n) {
        text = str_cdup(value);
        err = text ? map_add(m, key, text) : ERR_NOMEM;
        if (err) {
            mem_free(text);
            text = NULL;
        }
    }
    reg->charging = text;
    if (reg->charging != before)
        changed(reg);
    return err;
}

bool registration_held_by(const struct registration *reg, struct str impi)
{
    if (str_eq(profile_impi(registration_profile(reg)), impi))
        return true;
    for (const struct binding *b = registration_bindings(reg); b; b = b->next)
        if (str_eq(binding_impi(b), impi))
            return true;
    return false;
}

struct str registration_first_impi(const struct registration *reg)
{
    const struct binding *b = registration_bindings(reg);
    return b ? binding_impi(b) : profile_impi(registration_profile(reg));
}

static bool is_bound_by(const struct registration *reg, struct str impi)
{
    return !impi.n || registration_count_of(reg, impi) > 0;
}

bool registrar_is_bound(const struct registrar *r, struct str impi, struct str impu,
                        bool by_pattern)
{
    struct str pattern;
    size_t it = 0;
    for (const struct registration *reg; (reg = registrar_next_with(r, impu, &it, NULL));)
        if (is_bound_by(reg, impi))
            return true;
    return by_pattern && registrar_covering(r, impu, is_bound_by, impi, &pattern) != NULL;
}
