// SPDX-License-Identifier: Apache-2.0
#include "stack/txn/tomb.h"

#include "base/err.h"
#include "base/log.h"
#include "stack/txn/txn_priv.h"

enum {
    STRANGERS_PART = 4,      // of the bytes
    TABLES = 64,             // bytes that the heap and the tables take for each
    GATHER_MS = 50,          // from one look at a row to the next
    SAY_AGAIN_MS = 60000,
};

static uint64_t now_ms(const struct txn_layer *l)
{
    return loop_now(l->loop) / 1000000;
}

struct tomb *tomb_find(const struct txn_layer *l, txn_id id)
{
    struct txn_entry *e = txn_entry_find(l, id);
    return e && e->is_tomb ? (struct tomb *)e : NULL;
}

void tomb_step(struct tomb *b, unsigned event, struct txn_input *in)
{
    (void)fsm_step(b->fsm, &b->state, event, b, in);
}

struct flow *tomb_flow(struct tomb *b)
{
    struct transport *t = b->row->layer->transport;
    struct flow *f = flow_find(t, b->flow);
    if (!f && b->peer.sa.sa_family && flow_get(t, (enum sip_proto)b->proto, &b->peer, b->label, &b->flow) == 0)
        f = flow_find(t, b->flow);
    return f;
}

// ---- rows ----

static struct tomb *first_of(const struct tomb_row *r)
{
    return list_empty(&r->tombs) ? NULL : LIST_ENTRY(r->tombs.next, struct tomb, link);
}

static void arm(struct tomb_row *r, uint64_t at_least_ms)
{
    const struct tomb *b = first_of(r);
    uint64_t now = now_ms(r->layer), left = b && b->ends > now ? b->ends - now : 0;
    if (b)
        timer_start(r->layer->loop, &r->timer, left > at_least_ms ? left : at_least_ms);
}

// Those that end soon after one another are let go together: nobody waits for it.
static void on_end(void *arg)
{
    struct tomb_row *r = arg;
    uint64_t now = now_ms(r->layer);
    for (struct tomb *b; (b = first_of(r)) && b->ends <= now;)
        tomb_step(b, txn_timers[b->timer].event, NULL);
    arm(r, GATHER_MS);
}

// There are as many as the timers have values.
static struct tomb_row *row_for(struct txn_layer *l, uint32_t ms, bool of_strangers)
{
    LIST_EACH(&l->tombs.rows, it) {
        struct tomb_row *r = LIST_ENTRY(it, struct tomb_row, link);
        if (r->lasts_ms == ms && r->of_strangers == of_strangers)
            return r;
    }
    struct tomb_row *r = mem_zalloc(sizeof *r);
    if (!r)
        return NULL;
    mem_keep(1);
    r->layer = l;
    r->lasts_ms = ms;
    r->of_strangers = of_strangers;
    list_init(&r->tombs);
    timer_init(&r->timer, on_end, r);
    list_add(&l->tombs.rows, &r->link);
    return r;
}

static void count(struct tomb *b, bool in)
{
    struct tombs *s = &b->row->layer->tombs;
    size_t one = in ? 1 : SIZE_MAX, bytes = in ? b->charge : SIZE_MAX - b->charge + 1; // or minus that
    s->n += one;
    s->bytes += bytes;
    if (b->row->of_strangers)
        s->stranger_bytes += bytes;
}

void tomb_charge(struct tomb *b, size_t bytes)
{
    count(b, false);
    b->charge += (uint32_t)bytes;
    count(b, true);
}

// ---- no more than so many bytes ----

static uint64_t laid_at(const struct tomb *b)
{
    return b->ends - b->row->lasts_ms;
}

static struct tomb *oldest(const struct txn_layer *l, bool of_strangers)
{
    struct tomb *old = NULL;
    LIST_EACH(&l->tombs.rows, it) {
        const struct tomb_row *r = LIST_ENTRY(it, struct tomb_row, link);
        struct tomb *b = r->of_strangers == of_strangers ? first_of(r) : NULL;
        if (b && (!old || laid_at(b) < laid_at(old)))
            old = b;
    }
    return old;
}

static void say(struct txn_layer *l)
{
    struct tombs *s = &l->tombs;
    uint64_t now = now_ms(l);
    if (s->said_at && now < s->said_at + SAY_AGAIN_MS)
        return;
    s->said_at = now;
    LOG(LOG_WARN, "finished transactions are forgotten before their time",
        LF_Z("cause", "limits.finished_memory is taken"), LF_NUM("kept", s->n), LF_NUM("bytes", s->bytes));
}

static bool forget_oldest(struct txn_layer *l, bool of_strangers)
{
    struct tomb *b = oldest(l, of_strangers);
    if (!b)
        return false;
    say(l);
    l->tombs.forgotten++;
    tomb_step(b, EV_DROP, NULL);
    return true;
}

static void keep_within(struct txn_layer *l)
{
    const struct tombs *s = &l->tombs;
    while (s->max && s->stranger_bytes > s->max / STRANGERS_PART && forget_oldest(l, true)) {}
    while (s->max && s->bytes > s->max && (forget_oldest(l, true) || forget_oldest(l, false))) {}
}

// ---- a transaction becomes one ----

static void copy(char **to, struct str s)
{
    if (s.n)
        memcpy(*to, s.p, s.n);
    *to += s.n;
}

static struct tomb *carve(struct str key, struct str name, struct str kept)
{
    size_t n = sizeof(struct tomb) + key.n + name.n + kept.n;
    struct tomb *b = key.n <= UINT16_MAX && name.n <= UINT16_MAX ? mem_alloc(n) : NULL;
    if (!b)
        return NULL;
    memset(b, 0, sizeof *b);
    b->entry.is_tomb = true;
    b->key_n = (uint16_t)key.n;
    b->name_n = (uint16_t)name.n;
    b->kept_n = (uint32_t)kept.n;
    b->charge = (uint32_t)(n + TABLES);
    char *at = b->bytes;
    copy(&at, key);
    copy(&at, name);
    copy(&at, kept);
    return b;
}

static struct tomb *of_client(const struct txn_client *c, struct str kept)
{
    struct tomb *b = carve(c->branch, c->method_name, kept);
    if (!b)
        return NULL;
    b->cb = c->cb;
    b->arg = c->arg;
    b->kin = c->parent ? c->parent : c->cancel;
    b->proto = c->t.reliable ? SIP_PROTO_TCP : SIP_PROTO_UDP;
    b->label = c->label;
    if (c->t.flow)
        b->peer = flow_get_info(c->t.flow)->remote;
    else if (!c->fixed_flow && c->cur < c->targets.n)
        b->peer = c->targets.t[c->cur].addr;
    return b;
}

static struct tomb *of_server(const struct txn_server *st, struct str kept)
{
    struct tomb *b = carve(str_make(st->key, st->key_n), STR_NONE, kept);
    if (!b)
        return NULL;
    b->is_server = true;
    b->user = st->user;
    b->owner = st->owner;
    b->key_hash = st->key_hash;
    b->proto = (uint8_t)st->proto;
    b->label = st->label;
    b->peer = st->reply_to;
    return b;
}

// From the flow, whatever was asked for.
static void note_flow(struct tomb *b, const struct flow *f)
{
    const struct flow_info *info = flow_get_info(f);
    b->flow = flow_get_id(f);
    b->proto = (uint8_t)info->proto;
    b->label = info->listener;
}

static struct tomb *tomb_of(const struct txn *t, struct str kept)
{
    struct tomb *b = t->is_server ? of_server((const struct txn_server *)t, kept)
                                  : of_client((const struct txn_client *)t, kept);
    if (!b)
        return NULL;
    b->id = t->id;
    b->fsm = t->fsm;
    b->state = t->state;
    b->timer = t->timeout_timer;
    b->reliable = t->reliable;
    b->method = t->method;
    b->born = t->born;
    b->ends = now_ms(t->layer) + t->last_ms;
    if (t->flow)
        note_flow(b, t->flow);
    return b;
}

void tomb_lay(struct txn *t, struct str kept)
{
    struct txn_layer *l = t->layer;
    struct tomb_row *r = row_for(l, t->last_ms, t->of_stranger);
    struct tomb *b = r ? tomb_of(t, kept) : NULL;
    if (!b) {
        txn_step(t, EV_DROP, NULL);
        return;
    }
    b->row = r;
    if (b->is_server)
        map_replace(&l->by_key, b->key_hash, t, b);
    slots_replace(&l->ids, b->id, b);
    txn_retire(t);
    list_add(&r->tombs, &b->link);
    count(b, true);
    if (!timer_active(&r->timer))
        arm(r, 0);
    keep_within(l);
}

// ---- ends ----

void tomb_over(void *entry)
{
    struct tomb *b = entry;
    if (!b->entry.is_tomb) {
        txn_end(entry);
        return;
    }
    struct txn_layer *l = b->row->layer;
    if (b->is_server)
        map_remove(&l->by_key, b->key_hash, b);
    count(b, false);
    list_del(&b->link);
    list_add(&l->tombs.over, &b->link);
    loop_defer(l->loop, &l->tombs.bury);
}

static void tell(const struct tomb *b)
{
    if (b->is_server) {
        if (b->owner && b->user && b->user->ops->server_end)
            b->user->ops->server_end(b->user->arg, b->id, b->owner, 0);
    } else if (b->cb) {
        b->cb(b->arg, b->id, TXN_ENDED, 0, NULL);
    }
}

static void bury(void *layer)
{
    struct txn_layer *l = layer;
    while (!list_empty(&l->tombs.over)) {
        struct tomb *b = LIST_ENTRY(l->tombs.over.next, struct tomb, link);
        tell(b);
        if (!b->is_server && b->method == SIP_CANCEL)
            txn_cancel_over(l, b->kin);
        list_del(&b->link);
        slots_remove(&l->ids, b->id);
        *(b->is_server ? &l->n_servers : &l->n_clients) -= 1;
        mem_free(b);
    }
}

// ---- all of them ----

void tombs_init(struct txn_layer *l)
{
    list_init(&l->tombs.rows);
    list_init(&l->tombs.over);
    deferred_init(&l->tombs.bury, bury, l);
}

static void free_all(struct list *tombs)
{
    while (!list_empty(tombs)) {
        struct tomb *b = LIST_ENTRY(tombs->next, struct tomb, link);
        list_del(&b->link);
        mem_free(b);
    }
}

void tombs_done(struct txn_layer *l)
{
    deferred_cancel(&l->tombs.bury);
    free_all(&l->tombs.over);
    while (!list_empty(&l->tombs.rows)) {
        struct tomb_row *r = LIST_ENTRY(l->tombs.rows.next, struct tomb_row, link);
        timer_stop(&r->timer);
        free_all(&r->tombs);
        list_del(&r->link);
        mem_keep(-1);
        mem_free(r);
    }
}

static void disown(struct list *tombs, const struct txn_user *u)
{
    LIST_EACH(tombs, it) {
        struct tomb *b = LIST_ENTRY(it, struct tomb, link);
        if (b->is_server && b->user == u)
            b->owner = NULL;
    }
}

void tombs_disown(struct txn_layer *l, const struct txn_user *u)
{
    disown(&l->tombs.over, u);
    LIST_EACH(&l->tombs.rows, it) {
        disown(&LIST_ENTRY(it, struct tomb_row, link)->tombs, u);
    }
}

// ---- for people ----

static struct txn_line line_of(const struct tomb *b)
{
    struct flow_info at;
    struct txn_line line = {
        .id = b->id,
        .machine = b->fsm->name,
        .state = txn_state_names[b->state],
        .method = b->name_n ? tomb_name(b) : sip_method_name(b->method),
        .age_ms = now_ms(b->row->layer) - b->born,
        .timer = txn_timers[b->timer].name,
        .user = b->is_server && b->user ? b->user->ops->name : NULL,
        .peer = b->peer,
    };
    if (transport_flow_info(b->row->layer->transport, b->flow, &at))
        line.peer = at.remote;
    return line;
}

// Takes from the rows what was laid first. at: where each is, in their order.
static const struct tomb *next_of(const struct txn_layer *l, const struct list **at)
{
    const struct tomb *next = NULL;
    size_t i = 0, which = 0;
    LIST_EACH(&l->tombs.rows, it) {
        const struct tomb_row *r = LIST_ENTRY(it, struct tomb_row, link);
        const struct tomb *b = at[i] == &r->tombs ? NULL : LIST_ENTRY(at[i], struct tomb, link);
        if (b && (!next || laid_at(b) < laid_at(next))) {
            next = b;
            which = i;
        }
        i++;
    }
    if (next)
        at[which] = at[which]->next;
    return next;
}

size_t tombs_list(const struct txn_layer *l, size_t max, txn_list_cb cb, void *arg)
{
    size_t rows = 0, n = 0;
    LIST_EACH(&l->tombs.rows, it) {
        rows++;
    }
    const struct list **at AUTO_FREE = rows ? mem_alloc(rows * sizeof *at) : NULL;
    if (!at)
        return 0;
    size_t i = 0;
    LIST_EACH(&l->tombs.rows, it) {
        at[i++] = LIST_ENTRY(it, struct tomb_row, link)->tombs.next;
    }
    for (const struct tomb *b; n < max && (b = next_of(l, at)); n++) {
        struct txn_line line = line_of(b);
        cb(arg, &line);
    }
    return n;
}
