// SPDX-License-Identifier: Apache-2.0
#include "stack/transport/guard.h"

#include "base/bucket.h"
#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/map.h"
#include "base/writer.h"
#include "sip/msg.h"
#include "sip/plain.h"
#include "stack/proxy/proxy_priv.h"
#include "stack/transport/transport_priv.h"

enum {
    SOURCE_KEYS = 1 << 16, // sources that are held to their rate at the same time
    USER_KEYS = 1 << 16,   // registered users, the same
    COUNTS = 1024,         // a source with more connections is as greedy as one with so many
    IDLE_LOOKED_AT = 64,   // connections of a source, and sources, in search of an idle one
    RETRY_AFTER_S = 5,
};

// Who has connections open.
struct source {
    uint64_t key;
    unsigned n;
    struct list conns;    // flow.of_source: the one used longest ago first
    struct list as_greedy; // in guard.counts[n]
};

struct guard {
    struct bucket_table *by_source, *by_user;
    struct map sources;
    struct list counts[COUNTS + 1];
    unsigned greediest; // no list beyond it has a source
    size_t n_connections, n_sources;
};

// ---- life ----

int guard_new(struct stack *s)
{
    struct guard *g = mem_zalloc(sizeof *g);
    if (!g)
        return ERR_NOMEM;
    s->guard = g;
    for (unsigned i = 0; i <= COUNTS; i++)
        list_init(&g->counts[i]);
    if (!s->ops->standing)
        return 0; // nobody is a stranger
    int err = bucket_table_new(SOURCE_KEYS, bucket_per_second(s->limits.source_rate, s->limits.source_burst),
                               &g->by_source);
    if (err)
        return err;
    // Only who registers users has any.
    return bucket_table_new(s->ops->user ? USER_KEYS : 1,
                            bucket_per_second(s->limits.user_rate, s->limits.user_burst), &g->by_user);
}

void guard_set_limits(struct stack *s)
{
    const struct stack_limits *l = &s->limits;
    if (!s->guard->by_source)
        return;
    bucket_table_set_rate(s->guard->by_source, bucket_per_second(l->source_rate, l->source_burst));
    bucket_table_set_rate(s->guard->by_user, bucket_per_second(l->user_rate, l->user_burst));
}

// The flows have gone, and the sources with them.
void guard_free(struct stack *s)
{
    struct guard *g = s->guard;
    if (!g)
        return;
    bucket_table_free(g->by_source);
    bucket_table_free(g->by_user);
    map_done(&g->sources);
    mem_free(g);
    s->guard = NULL;
}

void guard_stats(const struct stack *s, stack_stat_cb cb, void *arg)
{
    const struct guard *g = s->guard;
    cb(arg, "sip_stranger_connections", "", g->n_connections);
    cb(arg, "sip_stranger_sources", "", g->n_sources);
}

// ---- standing ----

enum stack_standing guard_standing(struct flow *f)
{
    struct stack *s = f->stack;
    if (!s->ops->standing)
        return STACK_TRUSTED;
    if (f->checked != s->standing_epoch) {
        f->checked = s->standing_epoch;
        flow_set_standing(f, s->ops->standing(s->arg, &f->info));
        f->user = f->standing == STACK_KNOWN && s->ops->user ? s->ops->user(s->arg, &f->info)
                                                             : addr_source_key(&f->info.remote);
    }
    return f->standing;
}

uint64_t guard_log_source(const struct stack *s, flow_id flow, const struct addr *remote,
                          struct str identity)
{
    struct flow *f = flow_find(s, flow);
    bool trusted = f && guard_standing(f) == STACK_TRUSTED;
    return trusted && identity.n ? hash_bytes(identity.p, identity.n) : addr_source_key(remote);
}

// ---- rates ----

static void log_drop(struct flow *f, const char *what)
{
    transport_log(f, "messages dropped", what, STR_NONE);
}

static bool source_pays(struct flow *f)
{
    struct stack *s = f->stack;
    if (bucket_take(s->guard->by_source, addr_source_key(&f->info.remote), loop_now(s->loop)))
        return true;
    s->count.drop_source++;
    log_drop(f, "more than its rate from one source");
    return false;
}

// What comes back on a flow that this node made itself was asked for; a new request on it pays later.
bool guard_admit(struct flow *f)
{
    return guard_standing(f) != STACK_STRANGER || f->ours || source_pays(f);
}

static bool user_pays(struct flow *f)
{
    return bucket_take(f->stack->guard->by_user, f->user, loop_now(f->stack->loop));
}

// ---- answers without state ----

static bool is_neighbour(const struct stack *s, const struct flow_info *to)
{
    if (s->outside >> to->listener & 1)
        return false;
    return !s->ops->standing || s->ops->standing(s->arg, to) == STACK_TRUSTED;
}

struct str guard_warning_text(const struct stack *s, const struct flow_info *to, struct str text)
{
    if (s->warnings == STACK_WARNINGS_FULL || is_neighbour(s, to))
        return text;
    return s->warnings == STACK_WARNINGS_PLAIN ? sip_plain_text(text) : STR_NONE;
}

static struct str warning(struct flow *f, struct arena *a, struct str cause)
{
    char host[ADDR_TEXT_MAX];
    return arena_printf(a, "399 %.*s \"%.*s\"", STR_ARG(addr_host_text(&f->info.local, host)),
                        STR_ARG(cause));
}

struct answer {
    const struct sip_msg *m;
    unsigned status;
    struct str reason;
    const struct sip_edits *extra;
};

static struct str write_whole(struct flow *f, const struct answer *r, const char *cause)
{
    struct stack *s = f->stack;
    struct arena *a = sip_msg_arena(r->m);
    struct writer w = stack_scratch(s);
    char tag[TXN_TAG_LEN];
    struct sip_edits e;
    if (r->extra)
        sip_edits_copy(&e, a, r->extra);
    else
        sip_edits_init(&e, a, NULL);
    struct str text = guard_warning_text(s, &f->info, str_from(cause));
    if (text.n)
        sip_edit_append(&e, SIP_H_WARNING, warning(f, a, text));
    if (s->server.n)
        sip_edit_append(&e, SIP_H_SERVER, s->server);
    int err = sip_write_response(r->m, r->status, r->reason, txn_to_tag(s, r->m, tag), &e, &w);
    return err ? STR_NONE : writer_done(&w);
}

static void put(struct writer *w, const char *name, struct str value)
{
    if (!value.n)
        return;
    writer_str(w, str_from(name));
    writer_str(w, value);
    writer_lit(w, "\r\n");
}

// What RFC 3261 8.2.6.2 asks for and nothing else, with the compact names of 7.3.3.
static struct str write_compact(struct flow *f, const struct answer *r)
{
    struct stack *s = f->stack;
    struct writer w = stack_scratch(s);
    const struct sip_msg *m = r->m;
    struct sip_iter it = sip_iter_init(m, SIP_H_VIA);
    char tag[TXN_TAG_LEN];
    writer_printf(&w, "SIP/2.0 %u \r\n", r->status);
    for (const struct sip_via *via; (via = sip_iter_next(&it));)
        put(&w, "v:", via->text);
    put(&w, "f:", sip_msg_raw(m, SIP_H_FROM));
    struct str to = sip_msg_raw(m, SIP_H_TO);
    writer_lit(&w, "t:");
    writer_str(&w, to);
    if (!sip_msg_to_tag(m).p) {
        writer_lit(&w, ";tag=");
        writer_str(&w, txn_to_tag(s, m, tag));
    }
    writer_lit(&w, "\r\n");
    put(&w, "i:", sip_msg_call_id(m));
    put(&w, "CSeq:", sip_msg_raw(m, SIP_H_CSEQ));
    writer_lit(&w, "\r\n");
    return w.failed ? STR_NONE : writer_done(&w);
}

// A datagram may come from somebody else than it says: what goes back must not be worth the forgery.
static struct str write_bounded(struct flow *f, const struct answer *r, const char *cause)
{
    struct answer bare = *r;
    size_t max = f->stream || guard_standing(f) != STACK_STRANGER ? SIZE_MAX : f->got;
    struct str bytes = write_whole(f, r, cause);
    if (bytes.n > max)
        bytes = write_whole(f, r, NULL);
    if (bytes.n > max) {
        bare.reason = STR_NONE;
        bytes = write_whole(f, &bare, NULL);
    }
    if (bytes.n > max)
        bytes = write_compact(f, r);
    return bytes.n > max ? STR_NONE : bytes;
}

// A stranger has no say in where the answer goes but for the port (RFC 3261 18.2.2 without maddr).
static void reply_to(struct flow *f, const struct sip_msg *m, struct addr *ret_addr)
{
    via_reply_addr(m, &f->info.remote, false, ret_addr);
    if (guard_standing(f) != STACK_STRANGER || addr_eq_ip(ret_addr, &f->info.remote))
        return;
    uint16_t port = addr_port(ret_addr);
    *ret_addr = f->info.remote;
    addr_set_port(ret_addr, port);
}

bool guard_answer(struct flow *f, const struct sip_msg *m, unsigned status, struct str reason,
                  const char *cause, const struct sip_edits *extra)
{
    struct stack *s = f->stack;
    struct answer r = {.m = m, .status = status, .reason = reason, .extra = extra};
    struct str bytes = write_bounded(f, &r, cause);
    if (!bytes.n) {
        s->count.strangers_unanswered++;
        return false;
    }
    if (f->stream)
        return flow_send(s, f, bytes, sip_msg_call_id(m)) == 0;
    struct addr to;
    reply_to(f, m, &to);
    return flow_send_to(s, f, &to, bytes, sip_msg_call_id(m)) == 0;
}

// ---- new requests ----

static void refuse(struct flow *f, const struct sip_msg *m, const struct stack_refusal *r,
                   struct str reason, const struct sip_edits *extra)
{
    struct stack *s = f->stack;
    char peer[ADDR_TEXT_MAX];
    s->count.strangers_refused++;
    if (sip_msg_method(m) == SIP_ACK)
        return;
    if (!r->status) {
        log_drop(f, r->cause);
        return;
    }
    LOG_FROM(addr_source_key(&f->info.remote), loop_now(s->loop) / 1000000,
             r->status >= 500 ? LOG_WARN : LOG_INFO, "request refused", r->cause,
             LF("call_id", sip_msg_call_id(m)), LF("method", sip_msg_method_name(m)),
             LF("source", addr_text(&f->info.remote, peer)),
             LF("identity", sip_msg_from(m)->uri.text), LF_NUM("status", r->status),
             LF_Z("cause", r->cause), LF_Z("clause", r->clause));
    (void)guard_answer(f, m, r->status, reason, r->cause, extra);
}

static void refuse_user(struct flow *f, const struct sip_msg *m)
{
    struct stack_refusal r = {503, "more requests than one user may send", "RFC 3261 21.5.4"};
    struct arena *a = sip_msg_arena(m);
    struct sip_edits e;
    f->stack->count.drop_user++;
    sip_edits_init(&e, a, NULL);
    sip_edit_append(&e, SIP_H_RETRY_AFTER, arena_printf(a, "%d", RETRY_AFTER_S));
    refuse(f, m, &r, STR_NONE, &e);
}

// A probe of this node: whoever asks may know that it lives, and what it is (RFC 3261 11.2).
static bool answers_options(struct flow *f, const struct sip_msg *m)
{
    struct stack *s = f->stack;
    struct str reason = STR_NONE;
    struct sip_edits e;
    if (s->draining || !options_is_ours(s, m))
        return false;
    sip_edits_init(&e, sip_msg_arena(m), NULL);
    unsigned status = pxy_check_stateless(s, m, &reason, &e);
    if (!status)
        options_describe(s, &e);
    (void)guard_answer(f, m, status ? status : 200, reason, NULL, &e);
    return true;
}

// What every proxy refuses comes first, as for anybody else (RFC 3261 16.3).
static bool passes_screen(struct flow *f, const struct sip_msg *m)
{
    struct stack *s = f->stack;
    struct stack_refusal r = {403, "request of a stranger", "RFC 3261 8.2.7"};
    struct str reason = STR_NONE;
    struct sip_edits extra;
    if (answers_options(f, m))
        return false;
    if (!s->ops->screen || s->ops->screen(s->arg, &f->info, m, &r))
        return true;
    sip_edits_init(&extra, sip_msg_arena(m), NULL);
    unsigned status = pxy_check_stateless(s, m, &reason, &extra);
    if (status)
        r = (struct stack_refusal){status, "request that no proxy forwards", "RFC 3261 16.3", NULL};
    refuse(f, m, &r, reason, r.extra ? r.extra : &extra);
    return false;
}

// Half of the transactions that there may be are out of strangers' reach: what they open here opens
// another one towards the core.
static bool has_room(struct flow *f)
{
    struct stack *s = f->stack;
    if (txn_strangers(s) < s->max_transactions / 4)
        return true;
    s->count.drop_open++;
    log_drop(f, "as many requests of strangers as there may be");
    return false;
}

bool guard_request(struct flow *f, const struct sip_msg *m)
{
    switch (guard_standing(f)) {
    case STACK_TRUSTED:
        return true;
    case STACK_KNOWN:
        // An ACK cannot be refused, and without it the other side would only send more.
        if (sip_msg_method(m) == SIP_ACK || user_pays(f))
            return true;
        refuse_user(f, m);
        return false;
    case STACK_VOUCHED:
        return passes_screen(f, m);
    case STACK_STRANGER:
        break;
    }
    return (!f->ours || source_pays(f)) && passes_screen(f, m) && has_room(f);
}

// ---- connections by source ----

static struct source *find_source(struct guard *g, uint64_t key)
{
    size_t it = 0;
    return map_find(&g->sources, key, &it); // the key is the source: see addr_source_key
}

static void rank(struct guard *g, struct source *o)
{
    unsigned n = o->n < COUNTS ? o->n : COUNTS;
    list_del(&o->as_greedy);
    list_add(&g->counts[n], &o->as_greedy);
    if (n > g->greediest)
        g->greediest = n;
    while (g->greediest && list_empty(&g->counts[g->greediest]))
        g->greediest--;
}

static struct source *make_source(struct guard *g, uint64_t key)
{
    struct source *o = mem_zalloc(sizeof *o);
    if (!o || map_add(&g->sources, key, o)) {
        mem_free(o);
        return NULL;
    }
    o->key = key;
    list_init(&o->conns);
    list_init(&o->as_greedy);
    g->n_sources++;
    return o;
}

// Without memory for it a connection is counted nowhere, and nobody loses his for it.
void guard_enlist(struct flow *f)
{
    struct guard *g = f->stack->guard;
    uint64_t key = addr_source_key(&f->info.remote);
    if (f->source || !f->stream || f->ours || f->standing != STACK_STRANGER)
        return;
    struct source *o = find_source(g, key);
    if (!o && !(o = make_source(g, key)))
        return;
    f->source = o;
    list_add(&o->conns, &f->of_source);
    o->n++;
    g->n_connections++;
    rank(g, o);
}

void guard_delist(struct flow *f)
{
    struct guard *g = f->stack->guard;
    struct source *o = f->source;
    if (!o)
        return;
    list_del(&f->of_source);
    f->source = NULL;
    o->n--;
    g->n_connections--;
    rank(g, o);
    if (o->n)
        return;
    list_del(&o->as_greedy);
    map_remove(&g->sources, o->key, o);
    g->n_sources--;
    mem_free(o);
}

void guard_used(struct flow *f)
{
    if (!f->source)
        return;
    list_del(&f->of_source);
    list_add(&f->source->conns, &f->of_source);
}

static struct flow *oldest_idle(struct source *o)
{
    unsigned looked = 0;
    LIST_EACH(&o->conns, it) {
        struct flow *f = LIST_ENTRY(it, struct flow, of_source);
        if (list_empty(&f->users) && !f->stream->reading)
            return f;
        if (++looked == IDLE_LOOKED_AT)
            break;
    }
    return NULL;
}

static bool evict_of(struct source *o)
{
    struct flow *f = o ? oldest_idle(o) : NULL;
    if (!f)
        return false;
    f->stack->count.evicted++;
    stream_close(f, ERR_FULL, false);
    return true;
}

static bool evict_greediest(struct guard *g)
{
    unsigned looked = 0;
    for (unsigned n = g->greediest; n; n--) {
        LIST_EACH(&g->counts[n], it) {
            if (evict_of(LIST_ENTRY(it, struct source, as_greedy)))
                return true;
            if (++looked == IDLE_LOOKED_AT)
                return false;
        }
    }
    return false;
}

static bool fits(struct flow *f, bool room, uint64_t *counter, const char *what)
{
    if (room)
        return true;
    *counter += 1;
    transport_log(f, "connection refused", what, STR_NONE);
    return false;
}

// Trusted ones may take half of what strangers must leave.
static bool has_descriptors(struct flow *f, bool stranger)
{
    const struct stack_limits *l = &f->stack->limits;
    size_t left = tcp_headroom(f->stream->tcp);
    return left >= (stranger ? l->reserve : l->reserve / 2) || evict_greediest(f->stack->guard);
}

bool guard_connection(struct flow *f)
{
    struct stack *s = f->stack;
    const struct stack_limits *l = &s->limits;
    struct guard *g = s->guard;
    bool stranger = guard_standing(f) == STACK_STRANGER;
    bool room = has_descriptors(f, stranger || f->standing == STACK_VOUCHED);
    if (!fits(f, room, &s->count.drop_reserve, "descriptors are kept for others"))
        return false;
    if (!stranger)
        return true;
    struct source *o = find_source(g, addr_source_key(&f->info.remote));
    room = !l->connections_per_source || !o || o->n < l->connections_per_source || evict_of(o);
    if (!fits(f, room, &s->count.drop_per_source, "as many as one source may have"))
        return false;
    room = !l->connections || g->n_connections < l->connections || evict_greediest(g);
    if (!fits(f, room, &s->count.drop_connections, "as many as strangers may have"))
        return false;
    guard_enlist(f);
    return true;
}
