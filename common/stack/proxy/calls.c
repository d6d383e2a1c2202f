// SPDX-License-Identifier: Apache-2.0
#include "stack/proxy/calls.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/map.h"
#include "sip/msg.h"

enum {
    SWEEP_MS = 1000,
    SWEEPS = 60,            // see all of them
    SWEEP_LEAST = 64,       // of one sweep
    INTERVAL_MIN_S = 90,    // RFC 4028 4
    INTERVAL_MAX_S = 86400, // nobody keeps a place here for longer without a word
};

struct call {
    uint64_t key;
    uint32_t due_s; // loop time
};

struct calls {
    struct calls_params p;
    struct map table; // struct call, by key
    uint64_t secret;
    struct timer sweep;
    size_t swept_to;
    uint64_t total, aged, uncounted;
    struct deferred empty;
    timer_cb none; // NULL: nobody waits
    void *none_arg;
};

static uint32_t now_s(const struct calls *c)
{
    return (uint32_t)(loop_now(c->p.loop) / 1000000000);
}

// The same whichever of its parties has sent the message.
static uint64_t key_of(const struct calls *c, const struct sip_msg *m)
{
    uint64_t call = hash_mix(c->secret, 0, sip_msg_call_id(m));
    return hash_mix(c->secret, call, sip_msg_from_tag(m)) + hash_mix(c->secret, call, sip_msg_to_tag(m));
}

static struct call *find(const struct calls *c, uint64_t key)
{
    size_t it = 0;
    return map_find(&c->table, key, &it);
}

static void end(struct calls *c, struct call *call)
{
    if (!call)
        return;
    map_remove(&c->table, call->key, call);
    mem_free(call);
    if (c->table.n)
        return;
    timer_stop(&c->sweep);
    if (c->none)
        loop_defer(c->p.loop, &c->empty);
}

static struct call *begin(struct calls *c, uint64_t key)
{
    struct call *call = c->table.n < c->p.max ? mem_alloc(sizeof *call) : NULL;
    if (call)
        *call = (struct call){.key = key};
    if (!call || map_add(&c->table, key, call)) {
        mem_free(call);
        c->uncounted++;
        return NULL;
    }
    c->total++;
    if (!timer_active(&c->sweep))
        timer_start(c->p.loop, &c->sweep, SWEEP_MS);
    return call;
}

// RFC 4028 8.1, 9: a 2xx without an interval ends the session timer. 0: it has none.
static uint32_t interval_s(const struct sip_msg *ok)
{
    const struct sip_delta *d = sip_msg_at(ok, SIP_H_SESSION_EXPIRES, 0);
    if (!d)
        return 0;
    return d->value < INTERVAL_MIN_S ? INTERVAL_MIN_S : d->value > INTERVAL_MAX_S ? INTERVAL_MAX_S : d->value;
}

// An UPDATE without an interval may be of an early dialog, which is none that has to be waited for.
static void go_on(struct calls *c, const struct sip_msg *ok, bool may_begin)
{
    uint64_t key = key_of(c, ok);
    uint32_t interval = interval_s(ok);
    struct call *call = find(c, key);
    if (!call && (may_begin || interval))
        call = begin(c, key);
    if (call)
        call->due_s = now_s(c) + (interval ? interval : c->p.lifetime_s);
}

void calls_answered(struct calls *c, const struct sip_msg *req, unsigned status, const struct sip_msg *resp)
{
    enum sip_method method = sip_msg_method(req);
    if (!c || (method != SIP_INVITE && method != SIP_UPDATE && method != SIP_BYE))
        return;
    bool unproven = status == 401 || status == 407; // it comes again
    if (method == SIP_BYE ? !unproven : status == 481)
        end(c, find(c, key_of(c, req)));
    else if (method != SIP_BYE && status / 100 == 2 && resp && sip_msg_to_tag(resp).n)
        go_on(c, resp, method == SIP_INVITE);
}

// ---- what nobody has ended ----

static void sweep(void *arg)
{
    struct calls *c = arg;
    size_t n = c->table.n / SWEEPS + SWEEP_LEAST;
    uint32_t now = now_s(c);
    timer_start(c->p.loop, &c->sweep, SWEEP_MS);
    for (struct call *call; n && (call = map_next(&c->table, &c->swept_to)); n--) {
        if (call->due_s > now)
            continue;
        c->aged++;
        c->swept_to--; // another one may have its place now
        end(c, call);
    }
    if (n)
        c->swept_to = 0;
}

// ---- who waits, figures ----

size_t calls_count(const struct calls *c)
{
    return c ? c->table.n : 0;
}

static void on_empty(void *arg)
{
    struct calls *c = arg;
    timer_cb none = c->none;
    if (!none || c->table.n)
        return;
    c->none = NULL;
    none(c->none_arg);
}

void calls_await_none(struct calls *c, timer_cb none, void *arg)
{
    c->none = none;
    c->none_arg = arg;
    if (!c->table.n)
        loop_defer(c->p.loop, &c->empty);
}

void calls_stats(const struct calls *c, stack_stat_cb cb, void *arg)
{
    if (!c)
        return;
    cb(arg, "sip_calls", "", c->table.n);
    cb(arg, "sip_calls_total", "", c->total);
    cb(arg, "sip_calls_aged", "", c->aged);
    cb(arg, "sip_calls_uncounted", "", c->uncounted);
}

// ---- life ----

int calls_new(const struct calls_params *p, struct calls **ret_calls)
{
    struct calls *c = mem_zalloc(sizeof *c);
    if (!c)
        return ERR_NOMEM;
    c->p = *p;
    c->secret = loop_random_u64(p->loop);
    timer_init(&c->sweep, sweep, c);
    deferred_init(&c->empty, on_empty, c);
    *ret_calls = c;
    return 0;
}

void calls_free(struct calls *c)
{
    if (!c)
        return;
    size_t it = 0;
    timer_stop(&c->sweep);
    deferred_cancel(&c->empty);
    for (struct call *call; (call = map_next(&c->table, &it));)
        mem_free(call);
    map_done(&c->table);
    mem_free(c);
}
