// SPDX-License-Identifier: Apache-2.0
#include "scscf/registrar.h"

#include "base/err.h"
#include "base/fsm.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

struct registrar {
    struct registrar_params p;
    struct map by_impu;   // canonical public identity -> registration
    struct map all;       // address -> registration, to walk them
    struct map charging;  // texts of charging addresses, one for each that the HSS ever gave
    size_t n_bindings;
};

struct registration {
    struct registrar *owner;
    struct profile *profile;
    struct str *canon;    // NULL when every identity is canonical as it stands in the profile
    const char *charging; // in owner->charging; NUL-terminated, NULL: none
    struct binding *bindings;
    struct timer expiry;  // of the binding that is due first
    uint8_t state;
};

// ---- states ----

enum { REG_NEW, REG_REGISTERED, REG_RELEASING, REG_GONE, REG_STATES };
enum { REG_EV_BOUND, REG_EV_DUE, REG_EV_RELEASE, REG_EV_RELEASED, REG_EVENTS };

static const char *const state_names[] = {"NotRegistered", "Registered", "Deregistering", "Gone"};
static const char *const event_names[] = {"bound", "due", "release", "released"};

static void arm(void *obj, void *arg);
static void drop_expired(void *obj, void *arg);
static void expire(void *obj, void *arg);
static void end(void *obj, void *arg);
static int some_left(void *obj, void *arg);

static const struct fsm_row rows[] = {
    {REG_NEW, REG_EV_BOUND, REG_REGISTERED, NULL, arm, "TS 24.229 5.4.1.2.2F"},
    {REG_REGISTERED, REG_EV_BOUND, REG_REGISTERED, NULL, arm, "TS 24.229 5.4.1.2.2F"},
    {REG_REGISTERED, REG_EV_DUE, REG_REGISTERED, some_left, drop_expired, "RFC 3261 10.3"},
    {REG_REGISTERED, REG_EV_DUE, REG_GONE, NULL, expire, "TS 24.229 5.4.1.2.2F"},
    {REG_REGISTERED, REG_EV_RELEASE, REG_RELEASING, NULL, NULL, "TS 24.229 5.4.1.4.1"},
    {REG_REGISTERED, REG_EV_RELEASED, REG_REGISTERED, some_left, NULL, "TS 24.229 5.4.1.4.1"},
    {REG_REGISTERED, REG_EV_RELEASED, REG_GONE, NULL, end, "TS 24.229 5.4.1.4.1"},
    {REG_RELEASING, REG_EV_BOUND, REG_REGISTERED, NULL, arm, "TS 24.229 5.4.1.2.2F"},
    {REG_RELEASING, REG_EV_DUE, REG_RELEASING, some_left, drop_expired, "RFC 3261 10.3"},
    {REG_RELEASING, REG_EV_DUE, REG_GONE, NULL, expire, "TS 24.229 5.4.1.2.2F"},
    {REG_RELEASING, REG_EV_RELEASE, REG_RELEASING, NULL, NULL, "TS 24.229 5.4.1.4.1"},
    {REG_RELEASING, REG_EV_RELEASED, REG_GONE, NULL, end, "TS 24.229 5.4.1.4.1"},
    {REG_NEW, REG_EV_RELEASED, REG_GONE, NULL, end, "TS 24.229 5.4.1.4.1"},
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

// ---- bindings ----

struct str binding_uri(const struct binding *b)
{
    return str_make(b->text, b->uri_n);
}

struct str binding_path(const struct binding *b)
{
    return str_make(b->text + b->uri_n, b->path_n);
}

struct str binding_call_id(const struct binding *b)
{
    return str_make(b->text + b->uri_n + b->path_n, b->call_id_n);
}

struct str binding_instance(const struct binding *b)
{
    return str_make(b->text + b->uri_n + b->path_n + b->call_id_n, b->instance_n);
}

struct str binding_impi(const struct binding *b)
{
    return str_make(b->text + b->uri_n + b->path_n + b->call_id_n + b->instance_n, b->impi_n);
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

static bool same_address(struct str stored, const struct sip_uri *uri)
{
    char room[1024];
    struct arena a;
    struct sip_uri parsed;
    if (str_eq(stored, uri->text))
        return true;
    arena_init(&a, room, sizeof room);
    bool same = sip_uri_parse(&a, stored, &parsed) == 0 && sip_uri_eq(&parsed, uri);
    arena_done(&a);
    return same;
}

struct binding *registration_match(const struct registration *reg, const struct sip_uri *uri,
                                   struct str instance, uint32_t reg_id)
{
    for (struct binding *b = reg->bindings; b; b = b->next) {
        bool same_flow =
            instance.n && str_eq(binding_instance(b), instance) && b->reg_id == reg_id;
        if (same_flow || same_address(binding_uri(b), uri))
            return b;
    }
    return NULL;
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

static char *append(char *at, struct str s)
{
    if (s.n)
        memcpy(at, s.p, s.n);
    return at + s.n;
}

static struct binding *binding_new(const struct binding_params *p, uint64_t now)
{
    const struct str parts[] = {p->uri, p->path, p->call_id, p->instance, p->impi};
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].n > UINT16_MAX)
            return NULL;
        n += parts[i].n;
    }
    struct binding *b = mem_alloc(sizeof *b + n);
    if (!b)
        return NULL;
    *b = (struct binding){.due_ms = now + (uint64_t)p->expires_s * 1000,
                          .cseq = p->cseq,
                          .reg_id = p->reg_id,
                          .q = p->q,
                          .uri_n = (uint16_t)p->uri.n,
                          .path_n = (uint16_t)p->path.n,
                          .call_id_n = (uint16_t)p->call_id.n,
                          .instance_n = (uint16_t)p->instance.n,
                          .impi_n = (uint16_t)p->impi.n};
    char *at = b->text;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        at = append(at, parts[i]);
    return b;
}

int registration_bind(struct registration *reg, const struct binding_params *p)
{
    struct binding *b = binding_new(p, now_ms(reg->owner));
    if (!b)
        return ERR_NOMEM;
    if (p->replaces)
        registration_unbind(reg, p->replaces);
    b->next = reg->bindings;
    reg->bindings = b;
    reg->owner->n_bindings++;
    step(reg, REG_EV_BOUND);
    return 0;
}

void registration_unbind(struct registration *reg, struct binding *b)
{
    struct binding **at = &reg->bindings;
    while (*at && *at != b)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = b->next;
    reg->owner->n_bindings--;
    mem_free(b);
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
    struct registration *reg = obj;
    uint64_t now = now_ms(reg->owner);
    for (struct binding *b = reg->bindings; b; b = b->next)
        if (b->due_ms > now)
            return 1;
    return 0;
}

static void drop_expired(void *obj, void *arg)
{
    struct registration *reg = obj;
    uint64_t now = now_ms(reg->owner);
    for (struct binding *b = reg->bindings, *next; b; b = next) {
        next = b->next;
        if (b->due_ms <= now)
            registration_unbind(reg, b);
    }
    arm(reg, NULL);
}

static void expire(void *obj, void *arg)
{
    struct registration *reg = obj;
    if (reg->owner->p.expired)
        reg->owner->p.expired(reg->owner->p.arg, reg);
    registration_free(reg);
}

static void end(void *obj, void *arg)
{
    registration_free(obj);
}

static void on_expiry(void *arg)
{
    step(arg, REG_EV_DUE);
}

void registration_release(struct registration *reg)
{
    step(reg, REG_EV_RELEASE);
}

void registration_released(struct registration *reg)
{
    step(reg, REG_EV_RELEASED);
}

// ---- identities ----

static struct str canon_at(const struct registration *reg, size_t i)
{
    return reg->canon ? reg->canon[i] : profile_identity_at(reg->profile, i).uri;
}

// Canonical forms of a profile's identities: *ret_canon stays NULL when they are all canonical.
// One block: the slices, then their text.
static int canonicalise(const struct profile *p, struct str **ret_canon)
{
    char room[4096];
    struct arena a;
    struct str forms[PROFILE_IDENTITIES_MAX];
    size_t n = profile_identity_count(p), bytes = 0;
    bool odd = false;
    arena_init(&a, room, sizeof room);
    for (size_t i = 0; i < n; i++) {
        struct sip_uri uri;
        struct str raw = profile_identity_at(p, i).uri;
        forms[i] = sip_uri_parse(&a, raw, &uri) == 0 ? sip_uri_canon(&a, &uri) : STR_NONE;
        odd = odd || !str_eq(forms[i], raw);
        bytes += forms[i].n;
    }
    bool failed = a.failed;
    struct str *all = odd && !failed ? mem_alloc(n * sizeof *all + bytes) : NULL;
    char *text = all ? (char *)(all + n) : NULL;
    for (size_t i = 0; all && i < n; i++) {
        all[i] = str_make(text, forms[i].n);
        text = append(text, forms[i]);
    }
    arena_done(&a);
    if (failed || (odd && !all))
        return ERR_NOMEM;
    *ret_canon = all;
    return 0;
}

static void unindex(struct registration *reg, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str key = canon_at(reg, i);
        map_remove(&reg->owner->by_impu, hash_bytes(key.p, key.n), reg);
    }
}

static int index_all(struct registration *reg)
{
    size_t n = profile_identity_count(reg->profile);
    for (size_t i = 0; i < n; i++) {
        struct str key = canon_at(reg, i);
        if (map_add(&reg->owner->by_impu, hash_bytes(key.p, key.n), reg)) {
            unindex(reg, i);
            return ERR_NOMEM;
        }
    }
    return 0;
}

struct registration *registrar_find(const struct registrar *r, struct str impu, size_t *ret_index)
{
    size_t it = 0;
    for (struct registration *reg;
         (reg = map_find(&r->by_impu, hash_bytes(impu.p, impu.n), &it));) {
        size_t n = profile_identity_count(reg->profile);
        for (size_t i = 0; i < n; i++) {
            if (!str_eq(canon_at(reg, i), impu))
                continue;
            if (ret_index)
                *ret_index = i;
            return reg;
        }
    }
    return NULL;
}

// ---- life ----

int registrar_new(const struct registrar_params *p, struct registrar **ret_registrar)
{
    struct registrar *r = mem_zalloc(sizeof *r);
    if (!r)
        return ERR_NOMEM;
    r->p = *p;
    *ret_registrar = r;
    return 0;
}

void registrar_free(struct registrar *r)
{
    if (!r)
        return;
    size_t it;
    while (r->all.n) { // a removal may move an entry to where the walk has been already
        it = 0;
        for (struct registration *reg; (reg = map_next(&r->all, &it));)
            registration_free(reg);
    }
    it = 0;
    for (char *text; (text = map_next(&r->charging, &it));)
        mem_free(text);
    map_done(&r->by_impu);
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
    if (registration_update(reg, profile) || map_add(&r->all, (uintptr_t)reg, reg)) {
        registration_free(reg);
        return ERR_NOMEM;
    }
    *ret_reg = reg;
    return 0;
}

int registration_update(struct registration *reg, struct profile *profile)
{
    struct registration old = *reg;
    struct str *canon = NULL;
    int err = canonicalise(profile, &canon);
    if (err) {
        profile_free(profile);
        return err;
    }
    reg->profile = profile;
    reg->canon = canon;
    err = index_all(reg);
    if (err) {
        reg->profile = old.profile;
        reg->canon = old.canon;
        mem_free(canon);
        profile_free(profile);
        return err;
    }
    if (old.profile) {
        struct registration now = *reg;
        reg->profile = old.profile;
        reg->canon = old.canon;
        unindex(reg, profile_identity_count(old.profile));
        reg->profile = now.profile;
        reg->canon = now.canon;
    }
    mem_free(old.canon);
    profile_free(old.profile);
    return 0;
}

void registration_free(struct registration *reg)
{
    if (!reg)
        return;
    timer_stop(&reg->expiry);
    map_remove(&reg->owner->all, (uintptr_t)reg, reg);
    if (reg->profile)
        unindex(reg, profile_identity_count(reg->profile));
    while (reg->bindings)
        registration_unbind(reg, reg->bindings);
    mem_free(reg->canon);
    profile_free(reg->profile);
    mem_free(reg);
}

const struct profile *registration_profile(const struct registration *reg)
{
    return reg->profile;
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
    reg->charging = NULL;
    if (!value.n)
        return 0;
    while ((text = map_find(m, key, &it)) && !str_eq(str_from(text), value))
        ;
    if (!text) {
        text = str_cdup(value);
        if (!text || map_add(m, key, text)) {
            mem_free(text);
            return ERR_NOMEM;
        }
    }
    reg->charging = text;
    return 0;
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
