// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/storm.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "pcscf/pcscf.h"
#include "scscf/scscf.h"
#include "sip/msg.h"
#include "tests/common/held.h"
#include "tests/sim/mutate.h"
#include "tests/sim/world.h"

enum {
    USERS = 4,
    POOL = 64,
    CONNECTIONS = 8,
    STEP_EVENTS = 60000,      // of one step, whatever it does
    SENT_FACTOR = 20,         // SIP messages for each of ours
    SENT_FIXED = 500,         // and of the honest phones, retransmissions included
    WARM_MS = 1500,
    SETTLE_MS = 300000,       // the longest timers of transactions and calls
    EXPIRY_MS = 3800000,
    DAY_MS = 40000,           // for what somebody began to end
};

// A message that was seen on its way.
struct seen {
    struct addr src, dst;
    bool tcp;
    char *p;
    size_t n;
};

struct pool {
    struct seen v[POOL];
    size_t n, next;
};

// A connection of ours; NULL c: none.
struct line_out {
    struct tcp *c;
    bool diameter;
};

struct storm {
    struct world w;
    struct choice *choice;
    struct storm_result *result;
    struct pool sip, dia;
    struct loop *stranger, *neighbour;
    struct udp *stranger_udp, *neighbour_udp;
    struct line_out lines[CONNECTIONS];
    size_t tamper; // one in so many messages is changed on its way; 0: none
    struct draft draft, tampered;
};

static struct storm storm; // large: not on the stack

static uint64_t clock_ms(void *arg)
{
    (void)arg;
    return storm.w.sim ? sim_now_ms(storm.w.sim) : 0;
}

// ---- what was seen ----

static void pool_add(struct pool *p, const struct addr *src, const struct addr *dst, bool tcp,
                     struct str data)
{
    struct seen *s = &p->v[p->next];
    free(s->p);
    *s = (struct seen){*src, *dst, tcp, malloc(data.n + 1), data.n};
    if (!s->p)
        abort();
    memcpy(s->p, data.p, data.n);
    p->next = (p->next + 1) % POOL;
    p->n += p->n < POOL;
}

static void pool_done(struct pool *p)
{
    for (size_t i = 0; i < POOL; i++)
        free(p->v[i].p);
    *p = (struct pool){.n = 0};
}

static bool is_diameter(const struct addr *src, const struct addr *dst)
{
    return addr_port(src) == 3868 || addr_port(dst) == 3868;
}

// A message, and a message only: a run of a stream may be a part of one or several.
static bool is_whole_diameter(struct str d)
{
    const unsigned char *b = (const unsigned char *)d.p;
    return d.n >= 20 && b[0] == 1 && ((size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3]) == d.n;
}

static void on_trace(void *arg, uint64_t at_us, const struct addr *src, const struct addr *dst,
                     bool tcp, bool dropped, struct str data)
{
    struct storm *s = arg;
    world_trace(&s->w, at_us, src, dst, tcp, dropped, data);
    if (is_diameter(src, dst)) {
        if (is_whole_diameter(data))
            pool_add(&s->dia, src, dst, tcp, data);
    } else if (str_find(data, STR("SIP/2.0")) >= 0) {
        s->result->messages++;
        pool_add(&s->sip, src, dst, tcp, data);
    }
}

static const struct seen *any(struct choice *c, const struct pool *p)
{
    return p->n ? &p->v[choose(c, p->n)] : NULL;
}

static struct str text_of(const struct seen *s)
{
    return s ? str_make(s->p, s->n) : str_make("", 0);
}

// ---- changing messages on their way ----

static struct str on_tamper(void *arg, const struct addr *src, const struct addr *dst, bool tcp,
                            struct str data)
{
    struct storm *s = arg;
    struct choice *c = s->choice;
    if (!s->tamper || !data.n || !chance(c, s->tamper))
        return data;
    bool diameter = is_diameter(src, dst);
    if (diameter ? !is_whole_diameter(data) : str_find(data, STR("SIP/2.0")) < 0)
        return data;
    s->result->sent++;
    draft_set(&s->tampered, data);
    for (size_t i = 1 + choose(c, 2); i; i--) {
        if (diameter)
            mutate_dia(c, &s->tampered, text_of(any(c, &s->dia)));
        else
            mutate_sip(c, &s->tampered, text_of(any(c, &s->sip)));
    }
    (void)tcp;
    return draft_str(&s->tampered);
}

// ---- running ----

static void fail(struct storm *s, const char *problem, uint64_t got, uint64_t limit)
{
    if (s->result->problem)
        return;
    s->result->problem = problem;
    s->result->got = got;
    s->result->limit = limit;
}

// Until the time has passed; false when there is no end of events.
static bool run_ms(struct storm *s, uint64_t ms, uint64_t events)
{
    uint64_t until = sim_now_ms(s->w.sim) + ms, n = 0;
    while (sim_now_ms(s->w.sim) < until) {
        uint64_t slice = until - sim_now_ms(s->w.sim);
        n += sim_run(s->w.sim, sim_now_ms(s->w.sim) + (slice < 10 ? slice : 10));
        if (n <= events)
            continue;
        fail(s, "events in one step", n, events);
        return false;
    }
    return true;
}

// ---- who sends ----

static struct addr ip(const char *text, uint16_t port)
{
    struct addr a;
    if (addr_parse(str_from(text), port, &a))
        abort();
    return a;
}

// Where SIP is listened to.
static struct addr any_target(struct choice *c)
{
    static const struct {
        const char *ip;
        uint16_t port;
    } targets[] = {{"192.0.2.10", 5060}, {"192.0.2.10", 5070}, {"192.0.2.20", 5060},
                   {"192.0.2.30", 5060}, {"192.0.2.100", 5060}, {"192.0.2.101", 5060},
                   {"192.0.2.40", 3868}};
    size_t i = choose(c, ARRAY_LEN(targets));
    return ip(targets[i].ip, targets[i].port);
}

// Whose address it comes from: a stranger's, a neighbour's in the trust domain, a UE's, a node's.
static struct addr any_source(struct choice *c)
{
    static const char *const sources[] = {"198.51.100.7", "192.0.2.60", "192.0.2.100", "192.0.2.102",
                                          "192.0.2.10", "192.0.2.20", "192.0.2.30"};
    return ip(sources[choose(c, ARRAY_LEN(sources))], (uint16_t)(chance(c, 8) ? 5070 : 5060));
}

static void ignore_datagram(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    (void)arg, (void)src, (void)dst, (void)data;
}

static void on_connected(void *arg)
{
    (void)arg;
}

static void on_data(void *arg, struct str bytes)
{
    (void)arg, (void)bytes;
}

static void on_closed(void *arg, int err)
{
    (void)err;
    ((struct line_out *)arg)->c = NULL;
}

static const struct tcp_ops line_ops = {.connected = on_connected, .data = on_data, .closed = on_closed};

static void open_attackers(struct storm *s)
{
    struct udp_params a = {.local = ip("198.51.100.7", 5060), .cb = ignore_datagram};
    struct udp_params b = {.local = ip("192.0.2.60", 5060), .cb = ignore_datagram};
    if (sim_node(s->w.sim, "stranger", &s->stranger) || sim_node(s->w.sim, "neighbour", &s->neighbour) ||
        udp_open(s->stranger, &a, &s->stranger_udp) || udp_open(s->neighbour, &b, &s->neighbour_udp))
        abort();
}

static void close_attackers(struct storm *s)
{
    for (size_t i = 0; i < CONNECTIONS; i++)
        tcp_close(s->lines[i].c);
    memset(s->lines, 0, sizeof s->lines);
    udp_close(s->stranger_udp);
    udp_close(s->neighbour_udp);
    loop_free(s->stranger);
    loop_free(s->neighbour);
}

// ---- one message ----

static void make_sip(struct storm *s, const struct seen *from)
{
    struct choice *c = s->choice;
    draft_set(&s->draft, text_of(from));
    if (chance(c, 4))
        mutate_into_response(c, &s->draft);
    else if (chance(c, 4))
        mutate_into_request(c, &s->draft);
    // sometimes as it was: a retransmission, or what a replay is
    for (size_t i = choose(c, 4); i; i--)
        mutate_sip(c, &s->draft, text_of(any(c, &s->sip)));
}

static void send_datagram(struct storm *s)
{
    struct choice *c = s->choice;
    const struct seen *from = any(c, &s->sip);
    if (!from)
        return;
    struct addr src = chance(c, 2) ? from->src : any_source(c);
    struct addr dst = chance(c, 2) ? from->dst : any_target(c);
    make_sip(s, from);
    for (size_t i = chance(c, 10) ? 1 + choose(c, 20) : 1; i; i--) {
        s->result->sent++;
        sim_inject(s->w.sim, &src, &dst, draft_str(&s->draft));
    }
}

static void open_line(struct storm *s, struct line_out *o)
{
    struct choice *c = s->choice;
    bool inside = chance(c, 2);
    struct loop *l = inside ? s->neighbour : s->stranger;
    struct addr local = inside ? ip(chance(c, 3) ? "192.0.2.20" : "192.0.2.60", 0) : ip("198.51.100.7", 0);
    o->diameter = chance(c, 3);
    struct addr remote = o->diameter ? ip("192.0.2.40", 3868) : any_target(c);
    s->result->sent++;
    if (tcp_connect(l, &local, &remote, &line_ops, o, &o->c))
        o->c = NULL;
}

static void send_on_line(struct storm *s)
{
    struct choice *c = s->choice;
    struct line_out *o = &s->lines[choose(c, CONNECTIONS)];
    if (!o->c) {
        open_line(s, o);
        return;
    }
    if (chance(c, 8)) {
        if (chance(c, 2))
            tcp_abort(o->c);
        else
            tcp_close(o->c);
        o->c = NULL;
        return;
    }
    if (o->diameter) {
        draft_set(&s->draft, text_of(any(c, &s->dia)));
        for (size_t i = choose(c, 3); i; i--)
            mutate_dia(c, &s->draft, text_of(any(c, &s->dia)));
    } else {
        make_sip(s, any(c, &s->sip));
    }
    // a part of it now, the rest (or another message) later
    s->result->sent++;
    size_t n = chance(c, 4) ? choose(c, s->draft.n + 1) : s->draft.n;
    (void)tcp_send(o->c, str_make(s->draft.p, n));
}

// ---- steps ----

static void honest(struct storm *s)
{
    struct choice *c = s->choice;
    size_t who = choose(c, USERS);
    switch (choose(c, 6)) {
    case 0: world_deregister(&s->w, who); break;
    case 1: case 2: world_register(&s->w, who); break;
    case 3: world_hang_up(&s->w); break;
    default: world_call(&s->w, who, (who + 1) % USERS); break;
    }
}

static void step(struct storm *s)
{
    static const uint16_t waits[] = {0, 1, 3, 20, 20, 100, 500, 1000, 5000, 33000};
    static const uint16_t rates[] = {0, 0, 0, 3, 10, 40};
    struct choice *c = s->choice;
    switch (choose(c, 10)) {
    case 0: case 1: honest(s); break;
    case 2: case 3: send_on_line(s); break;
    case 4: s->tamper = rates[choose(c, ARRAY_LEN(rates))]; break;
    default: send_datagram(s); break;
    }
    (void)run_ms(s, waits[choose(c, ARRAY_LEN(waits))], STEP_EVENTS);
}

// ---- what must hold ----

static void check_ended(struct storm *s)
{
    size_t calls = 0;
    for (size_t i = 0; i < W_HUBS; i++)
        calls += hub_calls(s->w.hub[i]);
    if (s->w.pending)
        fail(s, "operations that never ended", s->w.pending, 0);
    if (calls)
        fail(s, "calls left at UEs", calls, 0);
    for (int k = W_ICSCF; k < W_NODES; k++) {
        uint64_t t = world_stack_stat(&s->w, (enum world_node)k, "sip_transactions");
        if (t)
            fail(s, "transactions left", t, 0);
    }
    if (held_challenges(s->w.node[W_SCSCF].nf))
        fail(s, "challenges left", held_challenges(s->w.node[W_SCSCF].nf), 0);
}

// Everybody registers, calls somebody and leaves.
static void honest_day(struct storm *s)
{
    struct world_counts *n = &s->w.counts;
    uint64_t registered = n->register_ok, called = n->call_ok;
    for (size_t i = 0; i < USERS; i++)
        world_register(&s->w, i);
    (void)run_ms(s, DAY_MS, STEP_EVENTS);
    if (n->register_ok - registered != USERS)
        fail(s, "not everybody can register", n->register_ok - registered, USERS);
    for (size_t i = 0; i < USERS; i++) {
        world_call(&s->w, i, (i + 1) % USERS);
        (void)run_ms(s, DAY_MS, STEP_EVENTS);
        world_hang_up(&s->w);
        (void)run_ms(s, DAY_MS, STEP_EVENTS);
    }
    if (n->call_ok - called != USERS)
        fail(s, "not everybody can call", n->call_ok - called, USERS);
    for (size_t i = 0; i < USERS; i++)
        world_deregister(&s->w, i);
    (void)run_ms(s, EXPIRY_MS, 10 * STEP_EVENTS);
}

static void settle(struct storm *s)
{
    s->tamper = 0;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        tcp_close(s->lines[i].c);
        s->lines[i].c = NULL;
    }
    (void)run_ms(s, SETTLE_MS, 4 * STEP_EVENTS);
    world_hang_up(&s->w);
    (void)run_ms(s, SETTLE_MS, 4 * STEP_EVENTS);
}

static void run(struct storm *s, unsigned steps)
{
    for (size_t i = 0; i < USERS; i++)
        world_register(&s->w, i);
    (void)run_ms(s, WARM_MS, STEP_EVENTS);
    world_call(&s->w, 0, 1);
    (void)run_ms(s, choose(s->choice, 200), STEP_EVENTS);
    for (unsigned i = 0; i < steps && !s->result->problem; i++)
        step(s);
    settle(s);
    if (s->result->messages > SENT_FIXED + SENT_FACTOR * s->result->sent)
        fail(s, "messages", s->result->messages, SENT_FIXED + SENT_FACTOR * s->result->sent);
    check_ended(s);
}

static void silent(void *arg, enum log_level level, struct str line)
{
    (void)arg, (void)level, (void)line;
}

void storm_run(uint64_t seed, struct choice *c, unsigned steps, struct storm_result *ret_result)
{
    struct storm *s = &storm;
    long live = mem_live();
    memset(s, 0, sizeof *s);
    *ret_result = (struct storm_result){.problem = NULL};
    s->choice = c;
    s->result = ret_result;
    if (!log_enabled(LOG_WARN))
        log_set_sink(silent, NULL);
    log_set_clock(clock_ms, NULL);
    world_start(&s->w, seed, USERS);
    open_attackers(s);
    honest_day(s); // fills the caches
    long before = world_live(&s->w);
    sim_set_trace(s->w.sim, on_trace, s);
    sim_set_tamper(s->w.sim, on_tamper, s);
    run(s, steps);
    if (!ret_result->problem) {
        (void)run_ms(s, EXPIRY_MS, 10 * STEP_EVENTS);
        honest_day(s);
        long left = world_live(&s->w) - before;
        if (left > 0)
            fail(s, "allocations left when all has expired", (uint64_t)left, 0);
        else if (left < 0)
            fail(s, "allocations missing that owners tell of", (uint64_t)-left, 0);
    }
    ret_result->hash = s->w.trace_hash;
    close_attackers(s);
    world_stop(&s->w);
    pool_done(&s->sip);
    pool_done(&s->dia);
    sip_msg_pool_drain();
    if (mem_live() != live)
        fail(s, "allocations left at the end", (uint64_t)(mem_live() - live), 0);
    log_set_clock(NULL, NULL);
}
