// SPDX-License-Identifier: Apache-2.0
#include "scscf/auth.h"

#include "base/bucket.h"
#include "base/err.h"
#include "base/fsm.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

// How many of a private identity's challenges are looked at for a realm.
enum { REALMS_SEEN = 8 };

// The challenges of one private identity; there while it has one.
struct auth_user {
    uint64_t key;              // hash of impi
    struct list awaited, used; // the oldest first
    size_t n_awaited, n_used;
    struct str impi; // behind the struct
};

struct auth_table {
    struct auth_params p;
    struct map users;       // by private identity
    struct map by_nonce;    // by private identity and nonce
    struct map by_source;   // awaited ones, by private identity and source
    struct list awaited;    // of all, the oldest first
    size_t n_awaited;
    uint64_t stored;        // so far, the order of the challenges
    uint64_t evicted_own, evicted_others;
};

enum { AUTH_NEW, AUTH_AWAITED, AUTH_IN_USE, AUTH_GONE, AUTH_STATES };
enum { AUTH_EV_SENT, AUTH_EV_ACCEPTED, AUTH_EV_TIMER, AUTH_EV_FORGET, AUTH_EVENTS };

static const char *const state_names[] = {"NotAuthenticated", "AwaitingResponse", "NonceInUse",
                                          "Gone"};
static const char *const event_names[] = {"challenged", "accepted", "timer", "forget"};

static uint64_t hash_str(struct str s)
{
    return hash_bytes(s.p, s.n);
}

static uint64_t nonce_key(struct str impi, struct str nonce)
{
    return bucket_key_of(hash_str(impi), hash_str(nonce));
}

static uint64_t source_key(const struct challenge *c)
{
    return bucket_key_of(hash_str(c->impi), c->source);
}

// ---- the tables it sits in ----

static void user_drop(struct auth_table *t, struct auth_user *u)
{
    if (u->n_awaited || u->n_used)
        return;
    map_remove(&t->users, u->key, u);
    mem_free(u);
}

static void leave_awaited(struct challenge *c)
{
    struct auth_table *t = c->owner;
    list_del(&c->of_user);
    list_del(&c->of_all);
    map_remove(&t->by_source, source_key(c), c);
    c->user->n_awaited--;
    t->n_awaited--;
}

static void leave_used(struct challenge *c)
{
    list_del(&c->of_user);
    c->user->n_used--;
}

static void enter_used(struct challenge *c)
{
    list_add(&c->user->used, &c->of_user);
    c->user->n_used++;
}

static void challenge_free(struct challenge *c, bool awaited)
{
    timer_stop(&c->timer);
    if (awaited)
        leave_awaited(c);
    else
        leave_used(c);
    map_remove(&c->owner->by_nonce, nonce_key(c->impi, c->nonce), c);
    user_drop(c->owner, c->user);
    mem_free(c);
}

static int is_digest(void *obj, void *arg)
{
    return ((struct challenge *)obj)->scheme == AUTH_DIGEST;
}

static void start_await(void *obj, void *arg)
{
    struct challenge *c = obj;
    timer_start(c->owner->p.loop, &c->timer, c->owner->p.await_ms);
}

static void start_nonce(void *obj, void *arg)
{
    struct challenge *c = obj;
    leave_awaited(c);
    enter_used(c);
    timer_start(c->owner->p.loop, &c->timer, c->owner->p.nonce_ms);
}

static void time_out(void *obj, void *arg)
{
    struct challenge *c = obj;
    if (c->owner->p.timed_out && !c->of_request)
        c->owner->p.timed_out(c->owner->p.arg, c);
    challenge_free(c, true);
}

static void end(void *obj, void *arg)
{
    challenge_free(obj, true);
}

static void end_used(void *obj, void *arg)
{
    challenge_free(obj, false);
}

static const struct fsm_row rows[] = {
    {AUTH_NEW, AUTH_EV_SENT, AUTH_AWAITED, NULL, start_await, "TS 24.229 5.4.1.2.1"},
    {AUTH_AWAITED, AUTH_EV_ACCEPTED, AUTH_IN_USE, is_digest, start_nonce, "TS 33.203 N.2.1"},
    {AUTH_AWAITED, AUTH_EV_ACCEPTED, AUTH_GONE, NULL, end, "TS 24.229 5.4.1.2.2"},
    {AUTH_AWAITED, AUTH_EV_TIMER, AUTH_GONE, NULL, time_out, "TS 24.229 5.4.1.2.3"},
    {AUTH_AWAITED, AUTH_EV_FORGET, AUTH_GONE, NULL, end, "TS 24.229 5.4.1.2.3"},
    {AUTH_IN_USE, AUTH_EV_ACCEPTED, AUTH_IN_USE, NULL, NULL, "TS 33.203 N.2.1"},
    {AUTH_IN_USE, AUTH_EV_TIMER, AUTH_GONE, NULL, end_used, "RFC 7616 3.3"},
    {AUTH_IN_USE, AUTH_EV_FORGET, AUTH_GONE, NULL, end_used, "TS 24.229 5.4.1.4.1"},
};

static const struct fsm machine = {"authentication", state_names, event_names, AUTH_STATES,
                                   AUTH_EVENTS,      rows,        ARRAY_LEN(rows)};

static void step(struct challenge *c, unsigned event)
{
    (void)fsm_step(&machine, &c->state, event, c, NULL);
}

static void on_timer(void *arg)
{
    step(arg, AUTH_EV_TIMER);
}

int auth_table_new(const struct auth_params *p, struct auth_table **ret_table)
{
    struct auth_table *t = mem_zalloc(sizeof *t);
    if (!t)
        return ERR_NOMEM;
    t->p = *p;
    list_init(&t->awaited);
    *ret_table = t;
    return 0;
}

void auth_table_free(struct auth_table *t)
{
    if (!t)
        return;
    while (t->by_nonce.n) { // a removal may move an entry to where the walk has been already
        size_t it = 0;
        for (struct challenge *c; (c = map_next(&t->by_nonce, &it));)
            challenge_free(c, auth_awaited(c));
    }
    map_done(&t->by_nonce);
    map_done(&t->by_source);
    map_done(&t->users);
    mem_free(t);
}

size_t auth_table_count(const struct auth_table *t)
{
    return t->by_nonce.n;
}

uint64_t auth_evicted_own(const struct auth_table *t)
{
    return t->evicted_own;
}

uint64_t auth_evicted_others(const struct auth_table *t)
{
    return t->evicted_others;
}

// ---- finding ----

static struct auth_user *user_find(const struct auth_table *t, struct str impi)
{
    size_t it = 0;
    for (struct auth_user *u; (u = map_find(&t->users, hash_str(impi), &it));)
        if (str_eq(u->impi, impi))
            return u;
    return NULL;
}

struct challenge *auth_find(const struct auth_table *t, struct str impi, struct str nonce)
{
    struct challenge *found = NULL;
    size_t it = 0;
    for (struct challenge *c; (c = map_find(&t->by_nonce, nonce_key(impi, nonce), &it));)
        if (str_eq(c->impi, impi) && str_eq(c->nonce, nonce) &&
            (!found || c->order > found->order))
            found = c;
    return found;
}

// The next awaited one of this private identity and source; *it starts at 0.
static struct challenge *next_of_source(const struct auth_table *t, const struct challenge *as,
                                        size_t *it)
{
    for (struct challenge *c; (c = map_find(&t->by_source, source_key(as), it));)
        if (c->source == as->source && str_eq(c->impi, as->impi))
            return c;
    return NULL;
}

struct challenge *auth_find_same(const struct auth_table *t, const struct challenge *as)
{
    size_t it = 0;
    for (struct challenge *c; (c = next_of_source(t, as, &it));)
        if (c->flow == as->flow && c->cseq == as->cseq && str_eq(c->call_id, as->call_id) &&
            str_eq(c->impu, as->impu))
            return c;
    return NULL;
}

static bool realm_in(const struct list *l, struct str realm)
{
    unsigned n = 0;
    for (struct list *i = l->prev; i != l && n < REALMS_SEEN; i = i->prev, n++)
        if (str_eq(LIST_ENTRY(i, struct challenge, of_user)->realm, realm))
            return true;
    return false;
}

bool auth_has_realm(const struct auth_table *t, struct str impi, struct str realm)
{
    const struct auth_user *u = user_find(t, impi);
    return u && (realm_in(&u->awaited, realm) || realm_in(&u->used, realm));
}

static const struct challenge *newest_digest(const struct list *l)
{
    for (struct list *i = l->prev; i != l; i = i->prev)
        if (LIST_ENTRY(i, struct challenge, of_user)->scheme == AUTH_DIGEST)
            return LIST_ENTRY(i, struct challenge, of_user);
    return NULL;
}

const struct challenge *auth_find_digest(const struct auth_table *t, struct str impi)
{
    const struct auth_user *u = user_find(t, impi);
    const struct challenge *c = u ? newest_digest(&u->used) : NULL;
    return c || !u || list_empty(&u->awaited) ? c : newest_digest(&u->awaited);
}

bool auth_is_last(const struct auth_table *t, const struct challenge *of)
{
    const struct list *l = &of->user->awaited;
    (void)t;
    for (struct list *i = l->prev; i != l; i = i->prev) {
        const struct challenge *c = LIST_ENTRY(i, struct challenge, of_user);
        if (c != of && str_eq(c->impu, of->impu))
            return false;
    }
    return true;
}

// ---- bounds ----

void auth_forget_used(struct auth_table *t, struct str impi)
{
    struct auth_user *u = user_find(t, impi);
    size_t n = u ? u->n_used : 0; // u goes with its last challenge
    while (n-- > 0)
        auth_forget(LIST_ENTRY(u->used.next, struct challenge, of_user));
}

static void evict(struct challenge *c, uint64_t *count)
{
    (*count)++;
    auth_forget(c);
}

// A source makes room for itself.
static void bound_source(struct auth_table *t, const struct challenge *fresh)
{
    struct challenge *oldest = NULL;
    unsigned n = 0;
    size_t it = 0;
    for (struct challenge *c; (c = next_of_source(t, fresh, &it)); n++)
        if (c != fresh && (!oldest || c->order < oldest->order))
            oldest = c;
    if (n > AUTH_PENDING_MAX)
        evict(oldest, &t->evicted_own);
}

// The bounds of memory, which the brakes keep away from.
static void bound_all(struct auth_table *t, const struct challenge *fresh)
{
    if (fresh->user->n_awaited > AUTH_USER_MAX)
        evict(LIST_ENTRY(fresh->user->awaited.next, struct challenge, of_user),
              &t->evicted_others);
    if (t->p.max && t->n_awaited > t->p.max)
        evict(LIST_ENTRY(t->awaited.next, struct challenge, of_all), &t->evicted_others);
}

// Nonces in use of one private identity: answered rightly, so its own.
static void bound_used(const struct challenge *c)
{
    if (c->user->n_used > AUTH_PENDING_MAX)
        auth_forget(LIST_ENTRY(c->user->used.next, struct challenge, of_user));
}

// ---- storing ----

static struct str copy_to(char **at, struct str s)
{
    char *p = *at;
    if (s.n)
        memcpy(p, s.p, s.n);
    *at += s.n;
    return str_make(p, s.n);
}

static struct challenge *challenge_copy(const struct challenge *from)
{
    size_t n = from->impi.n + from->impu.n + from->call_id.n + from->nonce.n + from->realm.n +
               from->secret.n + from->md5_secret.n + from->rand.n + from->ck.n + from->ik.n;
    struct challenge *c = mem_alloc(sizeof *c + n);
    if (!c)
        return NULL;
    char *at = (char *)(c + 1);
    *c = *from;
    c->state = AUTH_NEW;
    c->nc = 0;
    c->impi = copy_to(&at, from->impi);
    c->impu = copy_to(&at, from->impu);
    c->call_id = copy_to(&at, from->call_id);
    c->nonce = copy_to(&at, from->nonce);
    c->realm = copy_to(&at, from->realm);
    c->secret = copy_to(&at, from->secret);
    c->md5_secret = copy_to(&at, from->md5_secret);
    c->rand = copy_to(&at, from->rand);
    c->ck = copy_to(&at, from->ck);
    c->ik = copy_to(&at, from->ik);
    timer_init(&c->timer, on_timer, c);
    return c;
}

static struct auth_user *user_get(struct auth_table *t, struct str impi)
{
    struct auth_user *u = user_find(t, impi);
    if (u)
        return u;
    u = mem_zalloc(sizeof *u + impi.n);
    if (!u)
        return NULL;
    char *at = (char *)(u + 1);
    u->impi = copy_to(&at, impi);
    u->key = hash_str(impi);
    list_init(&u->awaited);
    list_init(&u->used);
    if (!map_add(&t->users, u->key, u))
        return u;
    mem_free(u);
    return NULL;
}

static int enter(struct auth_table *t, struct challenge *c)
{
    uint64_t by_nonce = nonce_key(c->impi, c->nonce);
    c->user = user_get(t, c->impi);
    if (!c->user)
        return ERR_NOMEM;
    if (map_add(&t->by_nonce, by_nonce, c)) {
        user_drop(t, c->user);
        return ERR_NOMEM;
    }
    if (map_add(&t->by_source, source_key(c), c)) {
        map_remove(&t->by_nonce, by_nonce, c);
        user_drop(t, c->user);
        return ERR_NOMEM;
    }
    list_add(&c->user->awaited, &c->of_user);
    list_add(&t->awaited, &c->of_all);
    c->user->n_awaited++;
    t->n_awaited++;
    return 0;
}

int auth_store(struct auth_table *t, const struct challenge *from)
{
    struct challenge *c = challenge_copy(from);
    if (!c)
        return ERR_NOMEM;
    c->owner = t;
    c->order = ++t->stored;
    if (enter(t, c)) {
        mem_free(c);
        return ERR_NOMEM;
    }
    step(c, AUTH_EV_SENT);
    bound_source(t, c);
    bound_all(t, c);
    return 0;
}

bool auth_awaited(const struct challenge *c)
{
    return c->state == AUTH_AWAITED;
}

void auth_accepted(struct challenge *c, uint32_t nc)
{
    c->nc = nc;
    c->failures = c->resyncs = 0;
    bool goes_on = c->scheme == AUTH_DIGEST;
    step(c, AUTH_EV_ACCEPTED);
    if (goes_on)
        bound_used(c);
}

void auth_forget(struct challenge *c)
{
    if (c)
        step(c, AUTH_EV_FORGET);
}
