// SPDX-License-Identifier: Apache-2.0
#include "scscf/auth.h"

#include "base/err.h"
#include "base/fsm.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

struct auth_table {
    struct auth_params p;
    struct map by_impi; // a private identity may have several
    uint64_t stored;    // so far, the order of the challenges
};

enum { AUTH_NEW, AUTH_AWAITED, AUTH_IN_USE, AUTH_GONE, AUTH_STATES };
enum { AUTH_EV_SENT, AUTH_EV_ACCEPTED, AUTH_EV_TIMER, AUTH_EV_FORGET, AUTH_EVENTS };

static const char *const state_names[] = {"NotAuthenticated", "AwaitingResponse", "NonceInUse",
                                          "Gone"};
static const char *const event_names[] = {"challenged", "accepted", "timer", "forget"};

static void challenge_free(struct challenge *c)
{
    timer_stop(&c->timer);
    map_remove(&c->owner->by_impi, hash_bytes(c->impi.p, c->impi.n), c);
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
    timer_start(c->owner->p.loop, &c->timer, c->owner->p.nonce_ms);
}

static void time_out(void *obj, void *arg)
{
    struct challenge *c = obj;
    if (c->owner->p.timed_out)
        c->owner->p.timed_out(c->owner->p.arg, c);
    challenge_free(c);
}

static void end(void *obj, void *arg)
{
    challenge_free(obj);
}

static const struct fsm_row rows[] = {
    {AUTH_NEW, AUTH_EV_SENT, AUTH_AWAITED, NULL, start_await, "TS 24.229 5.4.1.2.1"},
    {AUTH_NEW, AUTH_EV_FORGET, AUTH_GONE, NULL, end, "TS 24.229 5.4.1.2.1"},
    {AUTH_AWAITED, AUTH_EV_ACCEPTED, AUTH_IN_USE, is_digest, start_nonce, "TS 33.203 N.2.1"},
    {AUTH_AWAITED, AUTH_EV_ACCEPTED, AUTH_GONE, NULL, end, "TS 24.229 5.4.1.2.2"},
    {AUTH_AWAITED, AUTH_EV_TIMER, AUTH_GONE, NULL, time_out, "TS 24.229 5.4.1.2.3"},
    {AUTH_AWAITED, AUTH_EV_FORGET, AUTH_GONE, NULL, end, "TS 24.229 5.4.1.2.3"},
    {AUTH_IN_USE, AUTH_EV_ACCEPTED, AUTH_IN_USE, NULL, NULL, "TS 33.203 N.2.1"},
    {AUTH_IN_USE, AUTH_EV_TIMER, AUTH_GONE, NULL, end, "RFC 7616 3.3"},
    {AUTH_IN_USE, AUTH_EV_FORGET, AUTH_GONE, NULL, end, "TS 24.229 5.4.1.4.1"},
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
    *ret_table = t;
    return 0;
}

void auth_table_free(struct auth_table *t)
{
    if (!t)
        return;
    while (t->by_impi.n) { // a removal may move an entry to where the walk has been already
        size_t it = 0;
        for (struct challenge *c; (c = map_next(&t->by_impi, &it));)
            challenge_free(c);
    }
    map_done(&t->by_impi);
    mem_free(t);
}

size_t auth_table_count(const struct auth_table *t)
{
    return t->by_impi.n;
}

// The next challenge of a private identity; *it starts at 0.
static struct challenge *next_of(const struct auth_table *t, struct str impi, size_t *it)
{
    for (struct challenge *c; (c = map_find(&t->by_impi, hash_bytes(impi.p, impi.n), it));)
        if (str_eq(c->impi, impi))
            return c;
    return NULL;
}

struct challenge *auth_find(const struct auth_table *t, struct str impi, struct str nonce)
{
    struct challenge *found = NULL;
    size_t it = 0;
    for (struct challenge *c; (c = next_of(t, impi, &it));)
        if (str_eq(c->nonce, nonce) && (!found || c->order > found->order))
            found = c;
    return found;
}

bool auth_has_realm(const struct auth_table *t, struct str impi, struct str realm)
{
    size_t it = 0;
    for (struct challenge *c; (c = next_of(t, impi, &it));)
        if (str_eq(c->realm, realm))
            return true;
    return false;
}

bool auth_is_last(const struct auth_table *t, const struct challenge *of)
{
    size_t it = 0;
    for (struct challenge *c; (c = next_of(t, of->impi, &it));)
        if (c != of && auth_awaited(c) && str_eq(c->impu, of->impu))
            return false;
    return true;
}

void auth_forget_used(struct auth_table *t, struct str impi)
{
    struct challenge *used;
    do {
        size_t it = 0;
        do
            used = next_of(t, impi, &it);
        while (used && auth_awaited(used));
        auth_forget(used);
    } while (used);
}

// Makes room when there are as many of c's kind (awaited, in use) as may be: the oldest goes.
// Strangers who ask for challenges displace nothing that has been answered rightly.
static void keep_bound(const struct challenge *c)
{
    struct challenge *oldest = NULL;
    unsigned n = 0;
    size_t it = 0;
    for (struct challenge *o; (o = next_of(c->owner, c->impi, &it));) {
        if (auth_awaited(o) != auth_awaited(c))
            continue;
        n++;
        if (o != c && (!oldest || o->order < oldest->order))
            oldest = o;
    }
    if (n > AUTH_PENDING_MAX)
        auth_forget(oldest);
}

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
               from->secret.n + from->rand.n;
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
    c->rand = copy_to(&at, from->rand);
    timer_init(&c->timer, on_timer, c);
    return c;
}

int auth_store(struct auth_table *t, const struct challenge *from)
{
    struct challenge *c = challenge_copy(from);
    if (!c)
        return ERR_NOMEM;
    c->owner = t;
    c->order = ++t->stored;
    if (map_add(&t->by_impi, hash_bytes(c->impi.p, c->impi.n), c)) {
        mem_free(c);
        return ERR_NOMEM;
    }
    step(c, AUTH_EV_SENT);
    keep_bound(c);
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
        keep_bound(c);
}

void auth_forget(struct challenge *c)
{
    if (c)
        step(c, AUTH_EV_FORGET);
}
