// SPDX-License-Identifier: Apache-2.0
// Load: many phones on one hub or spread over several addresses, operations started at a fixed rate
// whatever the answers (an open loop, so a slow core cannot hide behind a slow client), latencies kept
// one by one for exact percentiles.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "tools/ue/tool.h"
#include "tools/ue/ue_priv.h"

enum { TICK_MS = 1, WAIT_END_S = 40, STATUS_MAX = 700 };

struct samples {
    float *ms;
    size_t n, cap;
};

struct load;

struct user {
    struct load *load;
    struct hub *hub;
    struct phone *phone;
    uint64_t started;
    bool busy, ringing_seen;
    char uri[128];
};

struct load {
    const struct options *o;
    struct loop *loop;
    struct hub **hubs; // one an address, o->spread of them
    struct user *users;
    bool calls, setup, over;
    uint64_t run_ns, begun_ns, offered_ns, goal, started, succeeded, served, failed, skipped, pending, last_ns;
    uint64_t retransmitted; // before measuring began
    uint64_t unregistered;  // users that could not register before the calls
    uint64_t told;          // failures
    int signo;              // it was ended by
    uint32_t by_status[STATUS_MAX];
    struct samples first, total; // calls: to the 180, to the 200; registrations: total only
    struct list hang_ups;
    struct timer tick, end;
    int status;
};

static void add_sample(struct samples *s, double ms)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 4096;
        float *p = mem_realloc(s->ms, cap * sizeof *p);
        if (!p)
            return;
        s->ms = p;
        s->cap = cap;
    }
    s->ms[s->n++] = (float)ms;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double percentile(const struct samples *s, double p)
{
    if (s->n == 0)
        return 0;
    size_t i = (size_t)(p * (double)(s->n - 1) + 0.5);
    return (double)s->ms[i];
}

static double elapsed_ms(const struct user *u)
{
    return (double)(loop_now(u->load->loop) - u->started) / 1e6;
}

// ---- one operation ends ----

// When it had begun, and when it was known to have failed, from the beginning of the measurement.
static void tell_failure(struct user *u, unsigned status, struct str cause)
{
    struct load *l = u->load;
    double begun = (double)u->started - (double)l->begun_ns;
    if (l->told >= l->o->failures)
        return;
    l->told++;
    report_event(l->o, "operation-failed",
                 json_pack("{s:s, s:b, s:f, s:f, s:i, s:o}", "user", u->uri, "setup", (int)l->setup, "begun_ms",
                           begun / 1e6, "ms", elapsed_ms(u), "status", (int)status, "cause", report_str(cause)));
}

static void done(struct user *u, unsigned status)
{
    struct load *l = u->load;
    u->busy = false;
    l->pending--;
    l->last_ns = loop_now(l->loop);
    if (status == 200) {
        l->succeeded++;
        l->served += l->started < l->goal; // while more were still coming
    }
    else
        l->failed++;
    l->by_status[status < STATUS_MAX ? status : 0]++;
}

static void failed(struct user *u, unsigned status, struct str cause)
{
    tell_failure(u, status, cause);
    done(u, status);
}

// A phone also registers by itself: a refresh, or because the network has lost its registration.
static bool is_registering(const struct user *u)
{
    return u->busy && (!u->load->calls || u->load->setup);
}

static void on_registered(void *arg, struct phone *ph, const struct ue_registered *r)
{
    struct user *u = arg;
    if (!is_registering(u))
        return;
    add_sample(&u->load->total, elapsed_ms(u));
    done(u, 200);
}

static void on_register_failed(void *arg, struct phone *ph, const struct ue_failure *f)
{
    if (is_registering(arg))
        failed(arg, f->status == 200 ? 0 : f->status, f->cause);
}

static void on_progress(void *arg, struct phone *ph, ue_call call, unsigned status)
{
    struct user *u = arg;
    if (status > 100 && !u->ringing_seen)
        add_sample(&u->load->first, elapsed_ms(u));
    u->ringing_seen = u->ringing_seen || status > 100;
}

struct hang_up {
    struct list link; // of the load's, so that a run that is ended frees them
    struct timer timer;
    struct hub *hub;
    ue_call call;
};

static void hang_up_free(struct hang_up *h)
{
    timer_stop(&h->timer);
    list_del(&h->link);
    mem_free(h);
}

static void on_hang_up(void *arg)
{
    struct hang_up *h = arg;
    (void)ue_call_hang_up(h->hub, h->call);
    hang_up_free(h);
}

static void on_established(void *arg, struct phone *ph, ue_call call)
{
    struct user *u = arg;
    struct load *l = u->load;
    if (!u->busy) // the called side
        return;
    add_sample(&l->total, elapsed_ms(u));
    struct hang_up *h = mem_zalloc(sizeof *h);
    if (!h) {
        (void)ue_call_hang_up(u->hub, call);
        return;
    }
    h->hub = u->hub;
    h->call = call;
    list_add(&l->hang_ups, &h->link);
    timer_init(&h->timer, on_hang_up, h);
    timer_start(l->loop, &h->timer, l->o->hold_ms);
}

static void on_failed(void *arg, struct phone *ph, ue_call call, const struct ue_failure *f)
{
    struct user *u = arg;
    if (u->busy)
        failed(u, f->status == 200 ? 0 : f->status, f->cause);
}

static void on_ended(void *arg, struct phone *ph, ue_call call, bool by_remote,
                     const struct ue_media_report *media)
{
    struct user *u = arg;
    // The called side never hangs up by itself, and a BYE that nobody takes is no end of a call.
    if (!u->busy)
        return;
    if (by_remote || ue_call_bye_status(u->hub, call) >= 300)
        failed(u, 0, by_remote ? STR("hung up by the other side") : STR("nobody took the BYE"));
    else
        done(u, 200);
}

static const struct ue_ops ops = {.registered = on_registered,
                                  .register_failed = on_register_failed,
                                  .progress = on_progress,
                                  .established = on_established,
                                  .failed = on_failed,
                                  .ended = on_ended};

// ---- one operation starts ----

static int start_call(struct load *l, struct user *u)
{
    struct user *callee = u + l->o->users / 2;
    struct ue_call_params p = {.target = str_from(callee->uri), .tone_hz = 440, .expect_hz = 880};
    ue_call id;
    u->ringing_seen = false;
    return phone_call(u->phone, &p, &id);
}

static void start_one(struct load *l, uint64_t i)
{
    bool call = l->calls && !l->setup;
    struct user *u = &l->users[i % (call ? l->o->users / 2 : l->o->users)];
    l->started++;
    l->offered_ns = loop_now(l->loop);
    if (u->busy) { // too few users for this rate and latency
        l->skipped++;
        return;
    }
    u->busy = true;
    u->started = loop_now(l->loop);
    l->pending++;
    int e = call ? start_call(l, u) : phone_register(u->phone);
    if (e)
        failed(u, 0, str_from(err_text(e)));
}

static void count_retransmissions(void *arg, const char *name, const char *labels, uint64_t value)
{
    uint64_t *sum = arg;
    if (strstr(name, "retransmi"))
        *sum += value;
}

static uint64_t retransmissions(const struct load *l)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < l->o->spread; i++)
        stack_stats(hub_stack(l->hubs[i]), count_retransmissions, &sum);
    return sum;
}

static void begin_measuring(struct load *l)
{
    l->setup = false;
    l->begun_ns = loop_now(l->loop);
    l->started = l->succeeded = l->served = l->failed = l->skipped = 0;
    l->total.n = l->first.n = 0;
    memset(l->by_status, 0, sizeof l->by_status);
    l->retransmitted = retransmissions(l);
    report_event(l->o, "measuring", NULL);
}

static void on_end(void *arg)
{
    struct load *l = arg;
    loop_stop(l->loop);
}

static void on_signal(void *arg, int signo)
{
    struct load *l = arg;
    l->signo = signo;
    loop_stop(l->loop);
}

static void on_tick(void *arg)
{
    struct load *l = arg;
    uint64_t rate = l->setup ? l->o->setup_rate : l->o->rate;
    uint64_t goal = l->setup ? l->o->users : (uint64_t)l->o->rate * l->o->seconds;
    uint64_t due = (loop_now(l->loop) - l->begun_ns) / 1000 * rate / 1000000 + 1;
    l->goal = goal;
    while (l->started < due && l->started < goal)
        start_one(l, l->started);
    if (l->started < goal || (l->pending && l->last_ns + WAIT_END_S * 1000000000ull > loop_now(l->loop))) {
        timer_start(l->loop, &l->tick, TICK_MS);
        return;
    }
    if (!l->setup) {
        l->over = true;
        timer_start(l->loop, &l->end, 0);
        return;
    }
    l->unregistered = l->failed;
    if (l->failed)
        fprintf(stderr, "carillon-ue: %llu users could not register\n", (unsigned long long)l->failed);
    begin_measuring(l);
    timer_start(l->loop, &l->tick, TICK_MS);
}

// ---- life and report ----

// The i-th address from the local one upwards (the last four bytes count).
static struct addr nth_address(const struct addr *first, uint32_t i)
{
    struct addr a = *first;
    bool ip6 = addr_is_ip6(first);
    uint32_t low;
    uint8_t *bytes = ip6 ? &a.in6.sin6_addr.s6_addr[12] : (uint8_t *)&a.in4.sin_addr;
    memcpy(&low, bytes, sizeof low);
    low = htonl(ntohl(low) + i);
    memcpy(bytes, &low, sizeof low);
    return a;
}

static int make_hubs(struct load *l)
{
    const struct options *o = l->o;
    struct hub_params hp = {.loop = l->loop, .proxy = o->proxy, .proto = o->proto,
                            .auto_answer = true, .user_agent = STR("carillon-ue " CARILLON_VERSION)};
    l->hubs = mem_zalloc(o->spread * sizeof *l->hubs);
    if (!l->hubs)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < o->spread; i++) {
        hp.local = nth_address(&o->local, i);
        int e = hub_new(&hp, &l->hubs[i]);
        if (e)
            return e;
    }
    return 0;
}

static int make_users(struct load *l)
{
    const struct options *o = l->o;
    l->users = mem_zalloc(o->users * sizeof *l->users);
    if (!l->users)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < o->users; i++) {
        struct user *u = &l->users[i];
        char impi[120], imsi[24];
        snprintf(imsi, sizeof imsi, "%015llu", (unsigned long long)(o->first_imsi + i));
        snprintf(impi, sizeof impi, "%s@%s", imsi, o->domain);
        snprintf(u->uri, sizeof u->uri, "sip:%s", impi);
        u->load = l;
        u->hub = l->hubs[i % o->spread];
        struct phone_params p = {.impi = str_from(impi),
                                 .impu = str_from(u->uri),
                                 .domain = str_from(o->domain),
                                 .has_aka = true,
                                 .expires = o->expires,
                                 .ops = &ops,
                                 .arg = u};
        memcpy(p.k, o->k, sizeof p.k);
        memcpy(p.opc, o->opc, sizeof p.opc);
        int e = phone_new(u->hub, &p, &u->phone);
        if (e)
            return e;
    }
    return 0;
}

static json_t *statuses(const struct load *l)
{
    json_t *j = json_object();
    for (unsigned i = 0; i < STATUS_MAX; i++) {
        char key[16];
        snprintf(key, sizeof key, "%u", i);
        if (l->by_status[i])
            (void)json_object_set_new(j, key, json_integer(l->by_status[i]));
    }
    return j;
}

static void report(struct load *l)
{
    double seconds = (double)(l->last_ns - l->begun_ns) / 1e9;
    if (l->calls)
        seconds -= l->o->hold_ms / 1000.0;
    if (l->total.n)
        qsort(l->total.ms, l->total.n, sizeof *l->total.ms, by_value);
    if (l->first.n)
        qsort(l->first.ms, l->first.n, sizeof *l->first.ms, by_value);
    json_t *j = json_pack(
        "{s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:f, s:f, s:f, s:f, s:o}", "started",
        (json_int_t)l->started, "offered_s", (double)(l->offered_ns - l->begun_ns) / 1e9, "served",
        (json_int_t)l->served, "succeeded", (json_int_t)l->succeeded, "failed",
        (json_int_t)l->failed, "skipped", (json_int_t)l->skipped, "unfinished",
        (json_int_t)l->pending, "rate", seconds > 0 ? (double)l->succeeded / seconds : 0.0,
        "retransmissions", (json_int_t)(retransmissions(l) - l->retransmitted), "p50_ms", percentile(&l->total, 0.5),
        "p90_ms", percentile(&l->total, 0.9), "p99_ms", percentile(&l->total, 0.99), "max_ms",
        percentile(&l->total, 1.0), "statuses", statuses(l));
    if (l->calls)
        (void)json_object_update_new(
            j, json_pack("{s:f, s:f, s:f}", "ringing_p50_ms", percentile(&l->first, 0.5),
                         "ringing_p99_ms", percentile(&l->first, 0.99), "ringing_max_ms",
                         percentile(&l->first, 1.0)));
    report_event(l->o, "load", j);
}

// The status that most of what failed ended with.
static unsigned main_failure(const struct load *l)
{
    unsigned most = 0;
    for (unsigned i = 0; i < STATUS_MAX; i++)
        if (i != 200 && l->by_status[i] > (l->by_status[most] * (most != 200)))
            most = i;
    return most;
}

static void judge(struct load *l)
{
    char got[160], cause[96] = "";
    bool good = !l->failed && !l->skipped && !l->pending && !l->unregistered && l->succeeded;
    (void)snprintf(got, sizeof got, "%llu succeeded, %llu failed, %llu skipped, %llu unfinished",
                   (unsigned long long)l->succeeded, (unsigned long long)l->failed,
                   (unsigned long long)l->skipped, (unsigned long long)l->pending);
    if (l->signo)
        (void)snprintf(cause, sizeof cause, "ended by SIG%s", l->signo == SIGINT ? "INT" : "TERM");
    else if (l->unregistered)
        (void)snprintf(cause, sizeof cause, "%llu users could not register",
                       (unsigned long long)l->unregistered);
    else if (l->failed)
        (void)snprintf(cause, sizeof cause, "most often status %u", main_failure(l));
    struct verdict v = {.pass = good && !l->signo,
                        .step = "load",
                        .expected = json_string("all succeed"),
                        .got = json_string(got),
                        .cause = json_string(cause),
                        .ms = (double)(loop_now(l->loop) - l->run_ns) / 1e6};
    verdict_report(l->o, &v);
    l->status = l->signo ? EXIT_SIGNAL + l->signo : good ? EXIT_OK : EXIT_FAILED;
}

int load_run(struct loop *loop, const struct options *o)
{
    struct load l = {.o = o, .loop = loop, .calls = strcmp(o->kind, "calls") == 0, .status = EXIT_FAILED};
    list_init(&l.hang_ups);
    timer_init(&l.tick, on_tick, &l);
    timer_init(&l.end, on_end, &l);
    int e = make_hubs(&l);
    if (!e)
        e = make_users(&l);
    if (!e)
        e = loop_signal(loop, SIGINT, on_signal, &l);
    if (!e)
        e = loop_signal(loop, SIGTERM, on_signal, &l);
    if (e) {
        l.status = cannot_start(o, "", e);
    } else {
        l.setup = l.calls;
        if (!l.setup)
            begin_measuring(&l);
        else
            l.begun_ns = loop_now(loop);
        l.last_ns = l.run_ns = loop_now(loop);
        on_tick(&l);
        (void)loop_run(loop);
        report(&l);
        judge(&l);
    }
    timer_stop(&l.tick);
    timer_stop(&l.end);
    while (!list_empty(&l.hang_ups))
        hang_up_free(LIST_ENTRY(l.hang_ups.next, struct hang_up, link));
    for (uint32_t i = 0; l.hubs && i < o->spread; i++)
        hub_free(l.hubs[i]);
    mem_free(l.hubs);
    mem_free(l.users);
    mem_free(l.first.ms);
    mem_free(l.total.ms);
    return l.status;
}
