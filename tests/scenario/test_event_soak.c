// SPDX-License-Identifier: Apache-2.0
// Many subscribers and one notifier on a network that loses, doubles and reorders, with subscribers
// that leave and come: when it is calm again everybody who is subscribed knows the newest state,
// and in the end nothing is left.
#include "event_lab.h"

#define N "10.0.1.1"

enum { SUBSCRIBERS = 12, SEEDS = 20, ROUGH_S = 400, CALM_S = 700 };

struct soak;

struct watcher {
    struct counter counter; // first: it is the arg
    struct soak *k;
    event_id id;
    unsigned last_round; // when it last began
};

struct soak {
    struct world w;
    struct node *n, *s;
    struct event *notifier, *subscriber;
    struct counter counter;
    struct watcher of[SUBSCRIBERS];
};

static void on_state(void *arg, event_id id, enum event_state s, const struct sip_msg *notify)
{
}

static void on_end(void *arg, event_id id, const struct event_end *e)
{
    struct watcher *x = arg;
    if (!e->again && x->id == id)
        x->id = 0;
}

static const struct event_subscriber_ops ops = {.state = on_state, .ended = on_end};

static void soak_init(struct soak *k, uint64_t seed)
{
    memset(k, 0, sizeof *k);
    world_init_seed(&k->w, seed);
    k->n = node_new(&k->w, N, NULL);
    k->s = node_new(&k->w, "10.0.1.2", NULL);
    k->notifier = lab_core(k->n, "<sip:" N ">", true, NULL);
    k->subscriber = lab_core(k->s, "<sip:10.0.1.2>", false, NULL);
    counter_init(&k->counter);
    k->counter.package.interval_ms = 500;
    k->counter.unlimited = true;
    assert_int_equal(counter_attach(&k->counter, k->notifier), 0);
    for (int i = 0; i < SUBSCRIBERS; i++) {
        counter_init(&k->of[i].counter);
        k->of[i].k = k;
    }
    assert_int_equal(counter_attach(&k->of[0].counter, k->subscriber),
                     0); // for parse, which has its own arg
}

static void begin(struct watcher *x)
{
    struct event_subscription p = {.event = STR("x-counter"),
                                   .uri = STR("sip:a@" N),
                                   .from = STR("<sip:w@example.org>"),
                                   .to = STR("<sip:a@example.org>"),
                                   .contact = STR("<sip:w@10.0.1.2>"),
                                   .expires = 120,
                                   .keep = true,
                                   .ops = &ops,
                                   .arg = x};
    assert_int_equal(event_subscribe(x->k->subscriber, &p, &x->id), 0);
}

static void round_of(struct soak *k)
{
    uint64_t r = sim_random(k->w.sim);
    struct watcher *x = &k->of[r % SUBSCRIBERS];
    if (!x->id)
        begin(x);
    else if (r % 7 == 0)
        (void)event_unsubscribe(k->subscriber, x->id);
    else if (r % 11 == 0)
        (void)event_refresh(k->subscriber, x->id, 0);
    if (r % 3 == 0)
        counter_add(&k->counter, "a", 1);
    world_run(&k->w, 1000);
}

static void soak_done(struct soak *k)
{
    for (int i = 0; i < SUBSCRIBERS; i++)
        if (k->of[i].id)
            (void)event_unsubscribe(k->subscriber, k->of[i].id);
    world_run(&k->w, 200000);
    for (int i = 0; i < SUBSCRIBERS; i++)
        assert_int_equal(k->of[i].id, 0);
    assert_int_equal(event_count(k->notifier, &k->counter.package, STR("a")), 0);
    event_free(k->notifier);
    event_free(k->subscriber);
    world_done(&k->w);
}

static void one(uint64_t seed)
{
    struct soak k;
    soak_init(&k, seed);
    struct sim_faults rough = {.loss_ppm = 200000,
                               .dup_ppm = 100000,
                               .reorder_ppm = 200000,
                               .delay_min_us = 1000,
                               .delay_max_us = 300000};
    sim_set_faults(k.w.sim, &rough);
    for (int i = 0; i < ROUGH_S; i++)
        round_of(&k);
    sim_set_faults(k.w.sim, &(struct sim_faults){.delay_min_us = 1000, .delay_max_us = 1000});
    world_run(&k.w, CALM_S * 1000);
    counter_add(&k.counter, "a", 1);
    world_run(&k.w, 40000);
    unsigned there = 0;
    for (int i = 0; i < SUBSCRIBERS; i++) {
        if (!k.of[i].id)
            continue;
        there++;
        assert_int_equal(k.of[i].counter.known, k.counter.of[0].number);
    }
    assert_true(there > 0);
    assert_int_equal(event_count(k.notifier, &k.counter.package, STR("a")), there);
    soak_done(&k);
}

static void seeds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        one(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
