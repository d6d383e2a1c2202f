// SPDX-License-Identifier: Apache-2.0
#include "scscf/registrar.h"

#include "base/err.h"
#include "base/fsm.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "ims/wildcard.h"

enum { COMPILED_MAX = 64 }; // patterns

struct registrar {
    struct registrar_params p;
    struct map by_impu;   // canonical public identity -> registration
    struct map by_head;   // first fixed part of a wildcarded identity -> registration
    uint32_t heads[WILDCARD_TEXT_MAX + 1]; // patterns whose first fixed part has so many bytes
    struct wildcard_cache *compiled;
    struct map all;       // address -> registration, to walk them
    struct map charging;  // texts of charging addresses, one for each that the HSS ever gave
    size_t n_bindings, bytes;
    uint64_t last_id;
};

// A wildcarded identity of a set.
struct pattern {
    struct str text; // canonical
    uint16_t identity;
};

struct registration {
    struct registrar *owner;
    struct profile *profile;
    struct str *canon;    // NULL when every identity is canonical as it stands in the profile
    struct pattern *patterns; // one block with their texts
    size_t n_patterns;
    const char *charging; // in owner->charging; NUL-terminated, NULL: none
    struct binding *bindings;
    struct timer expiry;  // of the binding that is due first
    uint8_t state;
    bool loose_route;
};

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
    b->id = ++r->last_id;
    b->next = reg->bindings;
    reg->bindings = b;
    r->n_bindings++;
    r->bytes += binding_size(b);
    if (ret_binding)
        *ret_binding = b;
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
    reg->owner->bytes -= binding_size(b);
    mem_free(b);
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
    const struct registrar_params *p = &reg->owner->p;
    uint64_t now = now_ms(reg->owner);
    for (struct binding *b = reg->bindings, *next; b; b = next) {
        next = b->next;
        if (b->due_ms > now)
            continue;
        if (p->expired)
            p->expired(p->arg, reg, b);
        registration_unbind(reg, b);
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

// ---- identities ----

static struct str canon_at(const struct registration *reg, size_t i)
{
    return reg->canon ? reg->canon[i] : profile_identity_at(reg->profile, i).uri;
}

// Canonical forms of a profile's identities: *ret_canon stays NULL when they are all canonical.
// One block: the slices, then their text.
static int canonicalise(const struct numbering *plan, const struct profile *p,
                        struct str **ret_canon)
{
    char room[4096];
    struct arena a;
    struct str forms[PROFILE_IDENTITIES_MAX];
    size_t n = profile_identity_count(p), bytes = 0;
    bool odd = false;
    arena_init(&a, room, sizeof room);
    for (size_t i = 0; i < n; i++) {
        struct str raw = profile_identity_at(p, i).uri;
        forms[i] = impu_canon_text(&a, plan, raw);
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

// The patterns of a profile in canonical form; what cannot be served is left out, as an identity that nobody has.
static int read_patterns(const struct numbering *plan, const struct profile *p, struct pattern **ret_patterns,
                         size_t *ret_n)
{
    char room[4096];
    struct arena a;
    struct pattern found[PROFILE_IDENTITIES_MAX];
    size_t n = 0, bytes = 0;
    arena_init(&a, room, sizeof room);
    for (size_t i = 0; i < profile_identity_count(p); i++) {
        struct profile_identity id = profile_identity_at(p, i);
        const char *why;
        struct str pattern = profile_identity_pattern(&id);
        struct str text = pattern.n ? wildcard_canon(&a, plan, pattern, &why) : STR_NONE;
        if (text.n)
            found[n++] = (struct pattern){text, (uint16_t)i};
        bytes += text.n;
    }
    struct pattern *all = n && !a.failed ? mem_alloc(n * sizeof *all + bytes) : NULL;
    char *at = all ? (char *)(all + n) : NULL;
    for (size_t i = 0; all && i < n; i++) {
        all[i] = (struct pattern){str_make(at, found[i].text.n), found[i].identity};
        at = append(at, found[i].text);
    }
    bool failed = a.failed || (n && !all);
    arena_done(&a);
    if (failed)
        return ERR_NOMEM;
    *ret_patterns = all;
    *ret_n = n;
    return 0;
}

static struct str head_of(struct str pattern)
{
    struct wildcard_parts p;
    return wildcard_split(pattern, &p) ? p.head : STR_NONE;
}

static void unindex_patterns(struct registration *reg, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str key = head_of(reg->patterns[i].text);
        map_remove(&reg->owner->by_head, hash_bytes(key.p, key.n), reg);
        reg->owner->heads[key.n]--;
    }
}

static int index_patterns(struct registration *reg)
{
    for (size_t i = 0; i < reg->n_patterns; i++) {
        struct str key = head_of(reg->patterns[i].text);
        if (map_add(&reg->owner->by_head, hash_bytes(key.p, key.n), reg)) {
            unindex_patterns(reg, i);
            return ERR_NOMEM;
        }
        reg->owner->heads[key.n]++;
    }
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
    int err = index_patterns(reg);
    if (err)
        unindex(reg, n);
    return err;
}

static void unindex_all(struct registration *reg)
{
    unindex(reg, profile_identity_count(reg->profile));
    unindex_patterns(reg, reg->n_patterns);
}

struct registration *registrar_find(const struct registrar *r, struct str impu, size_t *ret_index)
{
    size_t it = 0;
    return registrar_next_with(r, impu, &it, ret_index);
}

struct registration *registrar_next_with(const struct registrar *r, struct str impu, size_t *it, size_t *ret_index)
{
    for (struct registration *reg;
         (reg = map_find(&r->by_impu, hash_bytes(impu.p, impu.n), it));) {
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

struct registration *registrar_find_pattern(const struct registrar *r, struct str pattern, size_t *ret_index)
{
    struct str key = head_of(pattern);
    size_t it = 0;
    for (struct registration *reg; key.n && (reg = map_find(&r->by_head, hash_bytes(key.p, key.n), &it));) {
        for (size_t i = 0; i < reg->n_patterns; i++) {
            if (!str_eq(reg->patterns[i].text, pattern))
                continue;
            if (ret_index)
                *ret_index = reg->patterns[i].identity;
            return reg;
        }
    }
    return NULL;
}

struct covering {
    struct registration *reg;
    size_t index, fixed; // bytes of the fixed parts
};

static void try_patterns(const struct registrar *r, struct registration *reg, struct str impu, struct str head,
                         struct covering *best)
{
    for (size_t i = 0; i < reg->n_patterns; i++) {
        struct wildcard_parts p;
        struct str text = reg->patterns[i].text;
        if (!wildcard_split(text, &p) || !str_eq(p.head, head) || p.head.n + p.tail.n < best->fixed ||
            (best->reg && p.head.n + p.tail.n == best->fixed) || !wildcard_cache_covers(r->compiled, text, impu))
            continue;
        *best = (struct covering){reg, reg->patterns[i].identity, p.head.n + p.tail.n};
    }
}

struct registration *registrar_find_covering(const struct registrar *r, struct str impu, size_t *ret_index)
{
    struct covering best = {0};
    size_t longest = impu.n < WILDCARD_TEXT_MAX ? impu.n : WILDCARD_TEXT_MAX;
    for (size_t n = longest; r->by_head.n && n > 0; n--) {
        struct str head = str_head(impu, n);
        size_t it = 0;
        for (struct registration *reg; r->heads[n] && (reg = map_find(&r->by_head, hash_bytes(head.p, n), &it));)
            try_patterns(r, reg, impu, head, &best);
    }
    if (best.reg && ret_index)
        *ret_index = best.index;
    return best.reg;
}

// ---- life ----

int registrar_new(const struct registrar_params *p, struct registrar **ret_registrar)
{
    struct registrar *r = mem_zalloc(sizeof *r);
    if (!r)
        return ERR_NOMEM;
    r->p = *p;
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
    if (registration_update(reg, profile) || map_add(&r->all, (uintptr_t)reg, reg)) {
        registration_free(reg);
        return ERR_NOMEM;
    }
    *ret_reg = reg;
    return 0;
}

// What a registration is found by.
struct known_by {
    struct profile *profile;
    struct str *canon;
    struct pattern *patterns;
    size_t n_patterns;
};

static struct known_by known_by(const struct registration *reg)
{
    return (struct known_by){reg->profile, reg->canon, reg->patterns, reg->n_patterns};
}

static void know_by(struct registration *reg, const struct known_by *k)
{
    reg->profile = k->profile;
    reg->canon = k->canon;
    reg->patterns = k->patterns;
    reg->n_patterns = k->n_patterns;
}

static void known_by_done(const struct known_by *k)
{
    mem_free(k->canon);
    mem_free(k->patterns);
    profile_free(k->profile);
}

int registration_update(struct registration *reg, struct profile *profile)
{
    struct known_by old = known_by(reg), now = {.profile = profile};
    const struct numbering *plan = reg->owner->p.plan;
    int err = canonicalise(plan, profile, &now.canon);
    if (!err)
        err = read_patterns(plan, profile, &now.patterns, &now.n_patterns);
    if (!err) {
        know_by(reg, &now);
        err = index_all(reg);
    }
    if (err) {
        know_by(reg, &old);
        known_by_done(&now);
        return err;
    }
    if (old.profile) {
        know_by(reg, &old);
        unindex_all(reg);
        know_by(reg, &now);
    }
    known_by_done(&old);
    return 0;
}

void registration_free(struct registration *reg)
{
    if (!reg)
        return;
    timer_stop(&reg->expiry);
    map_remove(&reg->owner->all, (uintptr_t)reg, reg);
    if (reg->profile)
        unindex_all(reg);
    while (reg->bindings)
        registration_unbind(reg, reg->bindings);
    struct known_by k = known_by(reg);
    known_by_done(&k);
    mem_free(reg);
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
    reg->loose_route = loose;
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
