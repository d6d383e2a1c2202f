// SPDX-License-Identifier: Apache-2.0
#include "scscf/outbox.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

enum { SIZE = 10000, MAX_AGE_S = 86400, WINDOW = 32, RETRY_MS = 1000, RETRY_MAX_MS = 60000 };

struct note {
    struct list link; // its user's, oldest first
    struct list age;  // all notes, oldest first
    struct user *user;
    uint64_t until_ms, seq;
    bool superseded;  // on its way, and not to be sent again
    bool tried;
    struct outbox_note n; // texts behind the struct
};

// The notes about one private identity.
struct user {
    struct list link;  // ready to be sent; alone otherwise
    struct list notes;
    uint64_t key;
    uint64_t flight;   // id of the first note's request, 0: it is not on its way
    unsigned held;
};

struct outbox {
    struct loop *loop;
    struct outbox_config c;
    const struct outbox_ops *ops;
    void *arg;
    struct map users;
    struct list ready, ages;
    size_t n, n_flight;
    struct user *flight[WINDOW];
    uint64_t next_id, last_note;
    uint32_t retry_ms; // 0: the HSS answers
    struct timer timer;
    struct outbox_stats stats;
};

static uint64_t now_ms(const struct outbox *o)
{
    return loop_now(o->loop) / 1000000;
}

// ---- users ----

static struct str owner(const struct outbox_note *n)
{
    return n->impi.n ? n->impi : n->impu;
}

static struct note *first(const struct user *u)
{
    return LIST_ENTRY(u->notes.next, struct note, link);
}

static struct user *find(const struct outbox *o, struct str who)
{
    size_t it = 0;
    uint64_t key = hash_bytes(who.p, who.n);
    for (struct user *u; (u = map_find(&o->users, key, &it));)
        if (str_eq(owner(&first(u)->n), who))
            return u;
    return NULL;
}

static struct user *user_new(struct outbox *o, struct str who)
{
    struct user *u = mem_zalloc(sizeof *u);
    if (!u)
        return NULL;
    list_init(&u->link);
    list_init(&u->notes);
    u->key = hash_bytes(who.p, who.n);
    if (map_add(&o->users, u->key, u)) {
        mem_free(u);
        return NULL;
    }
    return u;
}

static void user_free(struct outbox *o, struct user *u)
{
    map_remove(&o->users, u->key, u);
    list_del(&u->link);
    mem_free(u);
}

// Where u belongs after anything about it has changed. It is gone when it has no note left.
static void place(struct outbox *o, struct user *u)
{
    list_del(&u->link);
    list_init(&u->link);
    if (list_empty(&u->notes))
        user_free(o, u);
    else if (!u->flight && !u->held)
        list_add(&o->ready, &u->link);
}

// ---- notes ----

static struct str put(char **at, struct str s)
{
    struct str out = {*at, s.n};
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

static struct note *note_new(const struct outbox_note *n)
{
    struct note *k = mem_zalloc(sizeof *k + n->call_id.n + n->impi.n + n->impu.n);
    if (!k)
        return NULL;
    char *at = (char *)(k + 1);
    k->n = (struct outbox_note){n->type, put(&at, n->call_id), put(&at, n->impi), put(&at, n->impu)};
    return k;
}

static void note_free(struct outbox *o, struct note *k)
{
    list_del(&k->link);
    list_del(&k->age);
    o->n--;
    mem_free(k);
}

static bool on_its_way(const struct note *k)
{
    return k->user->flight && first(k->user) == k;
}

static bool is_about_authentication(enum cx_sar_type t)
{
    return t == CX_AUTHENTICATION_FAILURE || t == CX_AUTHENTICATION_TIMEOUT;
}

// ---- sending ----

static void wait_a_while(struct outbox *o)
{
    o->retry_ms = !o->retry_ms ? RETRY_MS : o->retry_ms * 2 < RETRY_MAX_MS ? o->retry_ms * 2 : RETRY_MAX_MS;
    timer_start(o->loop, &o->timer, o->retry_ms);
}

static unsigned free_slot(const struct outbox *o)
{
    unsigned i = 0;
    while (o->flight[i])
        i++;
    return i;
}

static int send_first(struct outbox *o, struct user *u)
{
    unsigned slot = free_slot(o);
    uint64_t id = ++o->next_id * WINDOW + slot;
    int err = o->ops->send(o->arg, &first(u)->n, id);
    if (err)
        return err;
    u->flight = id;
    o->flight[slot] = u;
    o->n_flight++;
    return 0;
}

static void drop_old(struct outbox *o)
{
    while (!list_empty(&o->ages)) {
        struct note *k = LIST_ENTRY(o->ages.next, struct note, age);
        struct user *u = k->user;
        if (k->until_ms > now_ms(o) || on_its_way(k))
            return;
        o->stats.too_old++;
        o->ops->lost(o->arg, &k->n, OUTBOX_TOO_OLD);
        note_free(o, k);
        place(o, u);
    }
}

static void pump(struct outbox *o)
{
    drop_old(o);
    while (!list_empty(&o->ready) && !timer_active(&o->timer) &&
           o->n_flight < (o->retry_ms ? 1 : WINDOW)) {
        struct user *u = LIST_ENTRY(o->ready.next, struct user, link);
        if (send_first(o, u))
            wait_a_while(o);
        place(o, u);
    }
}

static void retry(void *arg)
{
    pump(arg);
}

// ---- what others say ----

static void make_room(struct outbox *o)
{
    LIST_EACH(&o->ages, it) {
        struct note *k = LIST_ENTRY(it, struct note, age);
        struct user *u = k->user;
        if (o->n < o->c.size)
            return;
        if (on_its_way(k))
            continue;
        o->stats.no_room++;
        o->ops->lost(o->arg, &k->n, OUTBOX_NO_ROOM);
        note_free(o, k);
        place(o, u);
    }
}

static void drop_same(struct outbox *o, struct user *u, const struct outbox_note *n)
{
    LIST_EACH(&u->notes, it) {
        struct note *k = LIST_ENTRY(it, struct note, link);
        if (on_its_way(k) || !str_eq(k->n.impu, n->impu) ||
            is_about_authentication(k->n.type) != is_about_authentication(n->type))
            continue;
        o->stats.superseded++;
        note_free(o, k);
    }
}

int outbox_add(struct outbox *o, const struct outbox_note *n)
{
    make_room(o);
    struct user *u = find(o, owner(n));
    struct note *k = note_new(n);
    if (k && !u)
        u = user_new(o, owner(n));
    if (!k || !u) {
        mem_free(k);
        return ERR_NOMEM;
    }
    drop_same(o, u, n);
    k->user = u;
    k->seq = ++o->last_note;
    k->until_ms = now_ms(o) + (uint64_t)o->c.max_age_s * 1000;
    list_add(&u->notes, &k->link);
    list_add(&o->ages, &k->age);
    o->n++;
    place(o, u);
    pump(o);
    return 0;
}

static struct user *in_flight(const struct outbox *o, uint64_t id)
{
    struct user *u = o->flight[id % WINDOW];
    return u && u->flight == id ? u : NULL;
}

const struct outbox_note *outbox_find(const struct outbox *o, uint64_t id, bool *ret_new)
{
    const struct user *u = in_flight(o, id);
    if (!u)
        return NULL;
    *ret_new = !first(u)->tried;
    return &first(u)->n;
}

void outbox_answered(struct outbox *o, uint64_t id, enum outbox_outcome outcome)
{
    struct user *u = in_flight(o, id);
    if (!u)
        return;
    struct note *k = first(u);
    k->tried = true;
    bool later = outcome == OUTBOX_LATER && !k->superseded;
    o->flight[id % WINDOW] = NULL;
    o->n_flight--;
    u->flight = 0;
    if (outcome == OUTBOX_LATER) {
        o->stats.retried += later;
        if (!timer_active(&o->timer)) // one of many that were asked before
            wait_a_while(o);
    } else {
        outcome == OUTBOX_TAKEN ? o->stats.taken++ : o->stats.refused++;
        o->retry_ms = 0;
        timer_stop(&o->timer);
    }
    if (!later)
        note_free(o, k);
    place(o, u);
    pump(o);
}

void outbox_hold(struct outbox *o, struct str impi)
{
    struct user *u = find(o, impi);
    if (!u)
        return;
    u->held++;
    place(o, u);
}

void outbox_release(struct outbox *o, struct str impi)
{
    struct user *u = find(o, impi);
    if (!u || !u->held)
        return;
    u->held--;
    place(o, u);
    pump(o);
}

uint64_t outbox_mark(const struct outbox *o)
{
    return o->last_note;
}

void outbox_supersede(struct outbox *o, struct str impi, uint64_t mark,
                      bool (*same)(void *arg, struct str impu), void *arg)
{
    struct user *u = find(o, impi);
    if (!u)
        return;
    LIST_EACH(&u->notes, it) {
        struct note *k = LIST_ENTRY(it, struct note, link);
        if (k->seq > mark || !same(arg, k->n.impu))
            continue;
        o->stats.superseded++;
        if (on_its_way(k))
            k->superseded = true;
        else
            note_free(o, k);
    }
    place(o, u);
}

void outbox_wake(struct outbox *o)
{
    timer_stop(&o->timer);
    pump(o);
}

size_t outbox_waiting(const struct outbox *o)
{
    return o->n;
}

const struct outbox_stats *outbox_stats(const struct outbox *o)
{
    return &o->stats;
}

// ---- life ----

int outbox_new(struct loop *l, const struct outbox_config *c, const struct outbox_ops *ops, void *arg,
               struct outbox **ret_outbox)
{
    struct outbox *o = mem_zalloc(sizeof *o);
    if (!o)
        return ERR_NOMEM;
    o->loop = l;
    outbox_reload(o, c);
    o->ops = ops;
    o->arg = arg;
    list_init(&o->ready);
    list_init(&o->ages);
    timer_init(&o->timer, retry, o);
    *ret_outbox = o;
    return 0;
}

void outbox_reload(struct outbox *o, const struct outbox_config *c)
{
    o->c.size = c->size ? c->size : SIZE;
    o->c.max_age_s = c->max_age_s ? c->max_age_s : MAX_AGE_S;
}

void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    timer_stop(&o->timer);
    while (!list_empty(&o->ages)) {
        struct note *k = LIST_ENTRY(o->ages.next, struct note, age);
        struct user *u = k->user;
        note_free(o, k);
        if (list_empty(&u->notes))
            user_free(o, u);
    }
    map_done(&o->users);
    mem_free(o);
}
