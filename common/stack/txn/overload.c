// SPDX-License-Identifier: Apache-2.0
#include "stack/txn/overload.h"

#include <math.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define INTERVAL_NS 100000000.0

// A limit is cut to a share of what is really answered and then left alone until what had queued is gone;
// it grows quickly while far from where it proved too high and slowly around there: a node that is its own
// bottleneck waits for nothing just below its maximum and for everything just above it, so the wait
// gives no warning. A cut after which fewer are answered while the rest waits as long as before was in vain
// and is taken back, if most of what comes is dropped anyway: then reading that is what takes the time, and
// no limit makes it less.
static const double CUT = 0.92, CUT_AGAIN = 0.8, CUT_HARD = 0.5;
static const double HARD = 4;            // load from which a cut is a hard one
static const double GROW = 1.08, GROW_BLIND = 1.15, GROW_NEAR = 1.01, NEAR = 0.9, BEYOND = 1.1;
static const double CALM = 0.6;          // load up to which a limit grows
static const double LOAD_MAX = 20;       // a longer wait tells nothing more
static const double FALLING = 0.97;      // of the load before: what had queued is on its way out
static const double IN_VAIN = 0.9;       // of the load before a cut that is left: it has not helped
static const double FLOODED = 2;         // dropped for each one taken
static const double KEEPS_UP = 0.85;     // of a limit is answered: it can grow though the rest waits
static const double FIRST_CUT = 0.25;    // of what came in, at most, while hardly anything was answered yet
static const double FLOOR = 10;          // a second: there the next class has its turn
static const double BURST_S = 0.02;      // of a limit's tokens, and BURST_MIN
static const double PUSHED_SHARE = 0.02; // of the answers being refusals from behind: load 1
static const double KEPT_SHARE = 0.8;    // how much of the answers' average stays each interval
static const double BEST_SHARE = 0.999;  // how much of the best rate of answers stays each interval
enum {
    WINDOW_MIN = 200,// under way at least, however slow the answers
    BURST_MIN = 5,
    DEAREST = 2,     // of the refusals, in tokens
    ENOUGH = 20,     // requests, or refusals from behind, in an interval that tell about load: a pause of the
                     // machine, or one node that starts anew, is none
    IN_A_ROW = 2,    // intervals above 1 before anything is limited
    SETTLE = 4,      // intervals after a cut
    PATIENCE = 20,   // intervals after a cut that was in vain
    FREE_AFTER = 10, // intervals in which a limit bound nobody
};

struct limit {
    bool on;
    double rate, tokens;      // a second; now
    double ceiling;           // what it had grown to when it proved too high; 0: not known
    bool grown;               // since it was cut last
    bool held;                // the last cut was taken back
    struct {
        double rate, load, answered; // before the last cut; rate 0: there was no limit
    } before;
    unsigned settle;          // intervals until it may be cut again or grow
    unsigned idle;            // intervals since it last refused
    uint64_t taken, refused;  // in this interval
    uint64_t answered;
    double answered_rate;     // a second, averaged
};

struct overload {
    struct overload_params p;
    uint64_t began;    // this interval
    uint64_t filled;   // the tokens
    double wait_sum;
    uint64_t n_waits, n_pushed, n_answers, n_taken, n_dropped;
    uint64_t machine_answers;      // in this interval
    double best_rate;              // of them a second, of late
    uint64_t under_way;
    unsigned hot; // intervals above 1 in a row
    double refusal_tokens;
    struct limit limit[OVERLOAD_KEPT]; // what is kept has none
    struct overload_figures figures;
};

int overload_new(const struct overload_params *p, uint64_t now, struct overload **ret_overload)
{
    struct overload *o = mem_zalloc(sizeof *o);
    if (!o)
        return ERR_NOMEM;
    o->p = *p;
    o->began = o->filled = now;
    o->figures.window = WINDOW_MIN;
    for (size_t i = 0; i < OVERLOAD_CLASSES; i++)
        o->figures.limit[i] = -1;
    *ret_overload = o;
    return 0;
}

void overload_free(struct overload *o)
{
    mem_free(o);
}

void overload_set(struct overload *o, const struct overload_params *p)
{
    o->p = *p;
}

// ---- the load of an interval ----

static double average(double sum, uint64_t n)
{
    return n ? sum / (double)n : 0;
}

static double load_of(const struct overload *o)
{
    double wait = o->n_waits < ENOUGH ? 0 : average(o->wait_sum, o->n_waits) / (o->p.wait_ms * 1e6);
    double all = (double)(o->n_answers + o->n_pushed);
    double pushed = o->n_pushed < ENOUGH ? 0 : (double)o->n_pushed / all;
    return fmin(fmax(wait, pushed / PUSHED_SHARE), LOAD_MAX);
}

// ---- limits ----

static void tell(const struct overload *o, unsigned c, const char *what)
{
    static const char *const names[] = {"new", "carried"};
    const struct limit *l = &o->limit[c];
    LOG(LOG_WARN, what, LF_Z("class", names[c]), LF_NUM("limit_per_s", (int64_t)l->rate),
        LF_NUM("wait_ms", (int64_t)(average(o->wait_sum, o->n_waits) / 1e6)),
        LF_NUM("pushed_back", (int64_t)o->n_pushed));
}

static void cut(struct limit *l, double to, double load)
{
    l->before.rate = l->rate;
    l->before.load = load;
    l->before.answered = l->answered_rate;
    if (l->grown)
        l->ceiling = l->rate;
    l->grown = l->held = false;
    l->rate = fmax(to, FLOOR);
    l->settle = SETTLE;
}

static bool was_in_vain(const struct overload *o, const struct limit *l, double load)
{
    bool flooded = (double)o->n_dropped >= (double)o->n_taken * FLOODED;
    return flooded && l->before.rate > l->rate && load >= l->before.load * IN_VAIN &&
           l->answered_rate < l->before.answered * IN_VAIN;
}

static void take_back(struct limit *l)
{
    l->rate = l->before.rate;
    l->before.rate = 0;
    l->held = true;
    l->settle = PATIENCE;
}

static void wait_on(struct limit *l, double load)
{
    l->settle--;
    if (l->held && load < HARD && l->answered_rate > l->rate * KEEPS_UP)
        l->rate *= GROW_NEAR;
}

static void begin_limit(struct overload *o, unsigned c, double load, double seconds)
{
    struct limit *l = &o->limit[c];
    double taken = (double)l->taken / seconds, answered = (double)l->answered / seconds;
    l->on = true;
    l->idle = 0;
    l->tokens = BURST_MIN;
    l->rate = l->ceiling = 0;
    cut(l, fmin(taken, fmax(fmax(l->answered_rate, answered) * CUT, taken * FIRST_CUT)), load);
    o->figures.entered++;
    tell(o, c, "overload: requests are limited");
}

static void end_limit(struct overload *o, unsigned c)
{
    tell(o, c, "overload is over: requests are not limited any more");
    o->limit[c].on = false;
}

// By how much a limit shrinks that has been there for a while.
static double share_left(const struct limit *l, double load)
{
    if (load > HARD)
        return CUT_HARD;
    return l->rate < l->ceiling * NEAR ? CUT_AGAIN : CUT;
}

static void cut_again(struct overload *o, struct limit *l, double load)
{
    if (l->settle)
        wait_on(l, load);
    else if (was_in_vain(o, l, load))
        take_back(l);
    else if (load >= o->figures.load * FALLING)
        cut(l, fmin(l->rate * share_left(l, load), l->answered_rate * CUT), load);
}

// Above 1 the lowest class that still comes in is the one to limit, be it that only the window refuses it; the
// next one when that has had its time.
static void press(struct overload *o, double load, double seconds)
{
    for (unsigned c = 0; c < OVERLOAD_KEPT; c++) {
        struct limit *l = &o->limit[c];
        if (!l->on && !l->taken && !l->refused)
            continue;
        if (!l->on && o->hot < IN_A_ROW)
            return;
        if (!l->on)
            begin_limit(o, c, load, seconds);
        else
            cut_again(o, l, load);
        if (l->rate > FLOOR || l->settle)
            return;
    }
}

static void grow(struct limit *l, double load)
{
    bool near = l->rate > l->ceiling * NEAR && l->rate < l->ceiling * BEYOND;
    if (l->settle)
        l->settle--;
    else if (load < CALM) {
        l->rate *= near ? GROW_NEAR : l->ceiling > 0 ? GROW : GROW_BLIND;
        l->grown = true;
    }
}

// Below 1 the highest limited class is the first to get more.
static void relax(struct overload *o, double load)
{
    for (unsigned c = OVERLOAD_KEPT; c-- > 0;) {
        struct limit *l = &o->limit[c];
        if (!l->on)
            continue;
        grow(l, load);
        l->idle = l->refused ? 0 : l->idle + 1;
        if (l->idle >= FREE_AFTER)
            end_limit(o, c);
        return;
    }
}

// ---- the interval ----

static void average_in(double *rate, double now)
{
    *rate = *rate * KEPT_SHARE + now * (1 - KEPT_SHARE);
}

static void count_answers(struct overload *o, double seconds)
{
    o->best_rate = fmax(o->best_rate * BEST_SHARE, (double)o->machine_answers / seconds);
    double window = o->best_rate * o->p.latency_ms / 1000.0;
    o->figures.window = (uint64_t)fmax(window, WINDOW_MIN);
    for (unsigned c = 0; c < OVERLOAD_KEPT; c++) {
        struct limit *l = &o->limit[c];
        average_in(&l->answered_rate, (double)l->answered / seconds);
    }
}

static void begin_interval(struct overload *o, uint64_t now)
{
    o->began = now;
    o->wait_sum = 0;
    o->n_waits = o->n_pushed = o->n_answers = o->n_taken = o->n_dropped = o->machine_answers = 0;
    for (unsigned c = 0; c < OVERLOAD_KEPT; c++) {
        struct limit *l = &o->limit[c];
        l->taken = l->refused = l->answered = 0;
        o->figures.limit[c] = l->on ? l->rate : -1;
    }
}

static void end_interval(struct overload *o, uint64_t now)
{
    double seconds = (double)(now - o->began) / 1e9;
    double load = load_of(o);
    count_answers(o, seconds);
    o->hot = load > 1 ? o->hot + 1 : 0;
    if (load > 1)
        press(o, load, seconds);
    else
        relax(o, load);
    o->figures.load = load;
    begin_interval(o, now);
}

static void fill(struct overload *o, uint64_t now)
{
    double seconds = (double)(now - o->filled) / 1e9;
    o->filled = now;
    o->refusal_tokens = fmin(o->refusal_tokens + seconds * o->p.refusals, o->p.refusals * BURST_S + DEAREST);
    for (unsigned c = 0; c < OVERLOAD_KEPT; c++) {
        struct limit *l = &o->limit[c];
        l->tokens = fmin(l->tokens + seconds * l->rate, l->rate * BURST_S + BURST_MIN);
    }
}

static void advance(struct overload *o, uint64_t now)
{
    if (now <= o->filled)
        return;
    fill(o, now);
    if ((double)(now - o->began) >= INTERVAL_NS)
        end_interval(o, now);
}

// ---- what the caller tells and asks ----

void overload_waited(struct overload *o, uint64_t now, uint64_t waited_ns)
{
    advance(o, now);
    o->wait_sum += (double)waited_ns;
    o->n_waits++;
}

// What a refusal costs: that of an INVITE has an ACK, which is a message more to read.
static double price(const struct overload_request *r)
{
    return r->acked ? DEAREST : 1;
}

static enum overload_verdict refuse(struct overload *o, const struct overload_request *r)
{
    o->limit[r->kind].refused++;
    if (r->droppable && o->refusal_tokens < price(r)) {
        o->figures.dropped++;
        o->n_dropped++;
        return OVERLOAD_DROP;
    }
    if (r->droppable)
        o->refusal_tokens -= price(r);
    o->figures.refused[r->kind]++;
    return OVERLOAD_REFUSE;
}

static bool has_place(const struct overload *o, const struct overload_request *r)
{
    const struct limit *l = &o->limit[r->kind];
    if (o->p.off || r->kind >= OVERLOAD_KEPT)
        return true;
    if (r->kind == OVERLOAD_NEW && r->machine && o->under_way >= o->figures.window)
        return false;
    return !l->on || l->tokens >= 1;
}

bool overload_is_deaf(struct overload *o, uint64_t now)
{
    advance(o, now);
    return !o->p.off && o->refusal_tokens < DEAREST;
}

bool overload_drops(struct overload *o, const struct overload_request *r)
{
    if (has_place(o, r) || o->refusal_tokens >= price(r))
        return false;
    o->figures.unread++;
    return refuse(o, r) == OVERLOAD_DROP;
}

enum overload_verdict overload_ask(struct overload *o, uint64_t now,
                                   const struct overload_request *r)
{
    advance(o, now);
    if (!has_place(o, r))
        return refuse(o, r);
    if (r->kind < OVERLOAD_KEPT) {
        struct limit *l = &o->limit[r->kind];
        l->tokens -= l->on;
        l->taken++;
        o->n_taken++;
    }
    o->under_way += r->kind == OVERLOAD_NEW && r->machine;
    o->figures.under_way = o->under_way;
    return OVERLOAD_TAKE;
}

void overload_answered(struct overload *o, uint64_t now, const struct overload_request *r,
                       bool served)
{
    bool counted = r->kind == OVERLOAD_NEW && r->machine;
    advance(o, now);
    o->n_answers += served;
    if (r->kind < OVERLOAD_KEPT)
        o->limit[r->kind].answered += served;
    o->machine_answers += counted && served;
    o->under_way -= counted;
    o->figures.under_way = o->under_way;
}

void overload_pushed_back(struct overload *o, uint64_t now)
{
    advance(o, now);
    o->n_pushed++;
    o->figures.pushed_back++;
}

uint32_t overload_retry_after(const struct overload *o, uint64_t random)
{
    return o->p.retry_after_s + (uint32_t)(random % (o->p.retry_after_s + 1));
}

const struct overload_figures *overload_figures(const struct overload *o)
{
    return &o->figures;
}
