// SPDX-License-Identifier: Apache-2.0
#include "scscf/outbox.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/slots.h"
#include "base/steps.h"
#include "scscf/note_record.h"

enum { SIZE = 10000, MAX_AGE_S = 86400, WINDOW = 32, RETRY_MS = 1000, RETRY_MAX_MS = 60000 };

struct note {
    struct list link; // its user's, oldest first
    struct list age;  // all notes, oldest first
    struct user *user;
    uint64_t until_ms, seq;
    bool superseded;  // on its way, and not to be sent again
    bool tried, waited;
    struct keep_item item;
    struct outbox_note n; // texts behind the struct
};

// The notes about one private identity, or without one about one public identity. The first of them is told to the HSS
// by a procedure.
struct user {
    struct job job;       // id 0: the first note is not on its way
    struct timer deadline;
    enum outbox_outcome outcome;
    struct list link;     // ready to be sent; alone otherwise
    struct list notes;
    uint64_t key, turn;
    unsigned held;
};

struct outbox {
    struct loop *loop;
    struct outbox_config c;
    const struct outbox_ops *ops;
    void *arg;
    struct map users;
    struct list ready, nameless, ages; // both of users who can be told about, in turn
    size_t n, n_flight;
    struct steps_owner steps;
    struct slots flights; // users by id
    uint64_t last_note, last_turn;
    unsigned nameless_held;
    struct keep *keep; // NULL: nothing outlives the process
    struct keep_kind kind;
    bool salvage;
    uint32_t retry_ms; // 0: the HSS answers
    struct timer timer;
    struct outbox_stats stats;
};

static uint64_t now_ms(const struct outbox *o)
{
    return loop_now(o->loop) / 1000000;
}

// ---- users ----

static bool has_name(const struct outbox_note *n)
{
    return n->impi.n > 0;
}

static struct str owner(const struct outbox_note *n)
{
    return has_name(n) ? n->impi : n->impu;
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

static void deadline_over(void *arg)
{
    job_expired(arg);
}

static struct user *user_new(struct outbox *o, struct str who)
{
    struct user *u = mem_zalloc(sizeof *u);
    if (!u)
        return NULL;
    list_init(&u->link);
    list_init(&u->notes);
    u->job.owner = &o->steps;
    timer_init(&u->deadline, deadline_over, &u->job);
    u->key = hash_bytes(who.p, who.n);
    if (map_add(&o->users, u->key, u)) {
        mem_free(u);
        return NULL;
    }
    return u;
}

static void user_free(struct outbox *o, struct user *u)
{
    job_gone(&u->job);
    map_remove(&o->users, u->key, u);
    list_del(&u->link);
    mem_free(u);
}

// Where u belongs after anything about it has changed. It is gone when it has no note left.
static void place(struct outbox *o, struct user *u)
{
    list_del(&u->link);
    list_init(&u->link);
    if (list_empty(&u->notes)) {
        user_free(o, u);
    } else if (!u->job.id && !u->held) {
        u->turn = ++o->last_turn;
        list_add(has_name(&first(u)->n) ? &o->ready : &o->nameless, &u->link);
    }
}

// Whose turn it is; NULL: nobody's now.
static struct user *next(const struct outbox *o)
{
    struct user *a = list_empty(&o->ready) ? NULL : LIST_ENTRY(o->ready.next, struct user, link);
    if (o->nameless_held || list_empty(&o->nameless))
        return a;
    struct user *b = LIST_ENTRY(o->nameless.next, struct user, link);
    return a && a->turn < b->turn ? a : b;
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
    k->n = (struct outbox_note){n->type, put(&at, n->call_id), put(&at, n->impi), put(&at, n->impu),
                                n->by_pattern};
    return k;
}

static void note_free(struct outbox *o, struct note *k)
{
    list_del(&k->link);
    list_del(&k->age);
    o->n--;
    keep_removed(o->keep, &k->item);
    mem_free(k);
}

static bool on_its_way(const struct note *k)
{
    return k->user->job.id && first(k->user) == k;
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

static const struct procedure tell;

// True: the first note of u said what is no longer so, and has gone.
static bool drop_untrue(struct outbox *o, struct user *u)
{
    struct note *k = first(u);
    bool asked = k->waited || k->tried || !has_name(&k->n);
    if (!asked || !o->ops->untrue || !o->ops->untrue(o->arg, &k->n))
        return false;
    o->stats.superseded++;
    note_free(o, k);
    place(o, u);
    return true;
}

static void pump(struct outbox *o)
{
    drop_old(o);
    for (struct user *u;
         !timer_active(&o->timer) && o->n_flight < (o->retry_ms ? 1 : WINDOW) && (u = next(o));) {
        if (drop_untrue(o, u))
            continue;
        list_del(&u->link);
        u->job.id = slots_add(&o->flights, u);
        o->n_flight++;
        job_start(&u->job, &tell);
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

static struct note *enlist(struct outbox *o, const struct outbox_note *n)
{
    make_room(o);
    struct user *u = find(o, owner(n));
    struct note *k = note_new(n);
    if (k && !u)
        u = user_new(o, owner(n));
    if (!k || !u) {
        mem_free(k);
        return NULL;
    }
    drop_same(o, u, n);
    keep_item_init(&k->item, &o->kind);
    k->user = u;
    k->waited = !list_empty(&u->notes);
    list_add(&u->notes, &k->link);
    list_add(&o->ages, &k->age);
    o->n++;
    return k;
}

int outbox_add(struct outbox *o, const struct outbox_note *n, unsigned holds)
{
    struct note *k = enlist(o, n);
    if (!k)
        return ERR_NOMEM;
    struct user *u = k->user;
    k->seq = ++o->last_note;
    k->until_ms = now_ms(o) + (uint64_t)o->c.max_age_s * 1000;
    u->held += holds;
    k->waited = k->waited || u->held > 0;
    keep_changed(o->keep, &k->item);
    place(o, u);
    pump(o);
    return 0;
}

// ---- what outlives the process ----

static void write_key(void *arg, const struct keep_item *it, struct writer *w)
{
    (void)arg;
    writer_hex_u64(w, CONTAINER_OF(it, const struct note, item)->seq, 16);
}

static int write_value(void *arg, const struct keep_item *it, struct writer *w)
{
    const struct outbox *o = arg;
    const struct note *k = CONTAINER_OF(it, const struct note, item);
    note_record_write(&k->n, loop_wall_ms(o->loop) + k->until_ms - now_ms(o), w);
    return 0;
}

static int restore(struct outbox *o, struct str key, struct str value)
{
    struct outbox_note n;
    uint64_t seq, until_ms, wall = loop_wall_ms(o->loop);
    int err = note_record_read(key, value, &seq, &n, &until_ms);
    struct note *k = err ? NULL : enlist(o, &n);
    if (!k)
        return err ? err : ERR_NOMEM;
    k->seq = seq;
    if (seq > o->last_note)
        o->last_note = seq;
    k->until_ms = now_ms(o) + (until_ms > wall ? until_ms - wall : 0);
    k->waited = true;
    place(o, k->user);
    return 0;
}

static int on_record(void *arg, struct str key, struct str value)
{
    struct outbox *o = arg;
    int err = restore(o, key, value);
    if (!err || err == ERR_NOMEM)
        return err;
    LOG(LOG_ERROR, "note for the HSS cannot be read", LF("record", key), LF_Z("reason", err_text(err)));
    return o->salvage ? ERR_NODATA : err;
}

int outbox_keep(struct outbox *o, struct keep *keep, bool salvage)
{
    o->kind = (struct keep_kind){
        .prefix = STR("out/"), .key = write_key, .value = write_value, .arg = o, .vital = true};
    o->keep = keep;
    o->salvage = salvage;
    int err = keep_load(keep, &o->kind, on_record, o);
    if (!err)
        pump(o);
    return err;
}

void outbox_unkeep(struct outbox *o)
{
    o->keep = NULL;
}

const struct outbox_note *outbox_find(const struct outbox *o, uint64_t id, bool *ret_new)
{
    const struct user *u = slots_find(&o->flights, id);
    if (!u)
        return NULL;
    *ret_new = !first(u)->tried;
    return &first(u)->n;
}

void outbox_answered(struct outbox *o, uint64_t id, enum outbox_outcome outcome)
{
    struct user *u = slots_find(&o->flights, id);
    if (!u)
        return;
    u->outcome = outcome;
    job_resume(&u->job);
}

bool outbox_has(const struct outbox *o, struct str who)
{
    return find(o, who) != NULL;
}

bool outbox_hold(struct outbox *o, struct str impi)
{
    struct user *u = find(o, impi);
    if (!u)
        return false;
    u->held++;
    LIST_EACH(&u->notes, it)
        LIST_ENTRY(it, struct note, link)->waited = true;
    place(o, u);
    return true;
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

void outbox_hold_nameless(struct outbox *o)
{
    o->nameless_held++;
}

void outbox_release_nameless(struct outbox *o)
{
    if (!o->nameless_held || --o->nameless_held)
        return;
    pump(o);
}

uint64_t outbox_mark(const struct outbox *o)
{
    return o->last_note;
}

void outbox_supersede(struct outbox *o, struct str impi, uint64_t mark,
                      bool (*same)(void *arg, const struct outbox_note *n), void *arg)
{
    struct user *u = find(o, impi);
    if (!u)
        return;
    LIST_EACH(&u->notes, it) {
        struct note *k = LIST_ENTRY(it, struct note, link);
        if (k->seq > mark || !same(arg, &k->n))
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

size_t outbox_size(const struct outbox *o)
{
    return o->c.size;
}

const struct outbox_stats *outbox_stats(const struct outbox *o)
{
    return &o->stats;
}

// ---- telling the HSS, a note at a time ----

static struct user *user_of(struct job *j)
{
    return (struct user *)j;
}

static enum step_verdict send_first(struct job *j)
{
    const struct outbox *o = j->nf;
    int err = j->id ? o->ops->send(o->arg, &first(user_of(j))->n, j->id) : ERR_NOMEM;
    return err ? job_fail(j, 0, err_text(err)) : job_wait(j, o->ops->wait_ms(o->arg));
}

// As if the HSS had said that it cannot now.
static enum step_verdict no_answer(struct job *j)
{
    const struct outbox *o = j->nf;
    struct user *u = user_of(j);
    u->outcome = OUTBOX_LATER;
    if (!first(u)->tried)
        o->ops->unanswered(o->arg, &first(u)->n);
    return STEP_CONTINUE;
}

static enum step_verdict take_outcome(struct job *j)
{
    struct outbox *o = j->nf;
    struct user *u = user_of(j);
    struct note *k = first(u);
    k->tried = true;
    bool later = u->outcome == OUTBOX_LATER && !k->superseded;
    if (u->outcome == OUTBOX_LATER) {
        o->stats.retried += later;
        if (!timer_active(&o->timer)) // one of many that were asked before
            wait_a_while(o);
    } else {
        u->outcome == OUTBOX_TAKEN ? o->stats.taken++ : o->stats.refused++;
        o->retry_ms = 0;
        timer_stop(&o->timer);
    }
    if (!later)
        note_free(o, k);
    return STEP_DONE;
}

static const struct step steps[] = {
    {"send", send_first, "TS 29.228 6.1.2", .late = no_answer},
    {"take outcome", take_outcome, "TS 29.228 6.1.2"},
};
static const struct procedure tell = {"tell the HSS", steps, ARRAY_LEN(steps)};

// Nobody is there to answer to: it stays, and is tried again.
static void not_sent(struct job *j)
{
    wait_a_while(j->nf);
}

static void over(struct job *j)
{
    struct outbox *o = j->nf;
    slots_remove(&o->flights, j->id);
    j->id = 0;
    o->n_flight--;
    place(o, user_of(j));
    pump(o);
}

static int arm(struct job *j, uint32_t ms)
{
    const struct outbox *o = j->nf;
    timer_start(o->loop, &user_of(j)->deadline, ms);
    return 0;
}

static void disarm(struct job *j)
{
    timer_stop(&user_of(j)->deadline);
}

static const struct steps_owner_ops owner_ops = {
    .reject = not_sent, .over = over, .arm = arm, .disarm = disarm};

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
    o->steps = (struct steps_owner){.ops = &owner_ops, .nf = o};
    list_init(&o->ready);
    list_init(&o->nameless);
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
    slots_done(&o->flights);
    mem_free(o);
}
