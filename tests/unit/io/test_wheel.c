// SPDX-License-Identifier: Apache-2.0
#include "env.h"

#include "io/wheel.h"

struct probe {
    struct timer t;
    uint64_t due;   // the model: 0 is not armed
    uint64_t order; // of starting
};

static uint64_t rng_state = 42;

static uint64_t rng(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state;
}

static void never(void *arg)
{
    (void)arg;
}

// Delays of every magnitude, dense where slots and levels meet.
static uint64_t delay(void)
{
    static const uint64_t edges[] = {1, 63, 64, 65, 4095, 4096, 4097, 262143, 262144, 16777216};
    if (rng() % 4 == 0)
        return edges[rng() % ARRAY_LEN(edges)];
    return 1 + rng() % (1ull << (1 + rng() % 22));
}

static void against_a_model(void **state)
{
    enum { N = 400, ROUNDS = 20000 };
    static struct probe probes[N];
    static struct wheel w;
    uint64_t order = 0, expired = 0;
    (void)state;
    wheel_init(&w);
    wheel_advance(&w, 123456789);
    for (size_t i = 0; i < N; i++)
        timer_init(&probes[i].t, never, &probes[i]);
    for (int round = 0; round < ROUNDS; round++) {
        for (int k = 0; k < 3; k++) {
            struct probe *p = &probes[rng() % N];
            timer_stop(&p->t);
            p->due = 0;
            if (rng() % 4) {
                p->due = w.now + delay();
                p->order = ++order;
                wheel_add(&w, &p->t, p->due);
            }
        }
        uint64_t first = UINT64_MAX, next;
        for (size_t i = 0; i < N; i++)
            first = probes[i].due && probes[i].due < first ? probes[i].due : first;
        assert_int_equal(wheel_next(&w, &next), first != UINT64_MAX);
        assert_true(first == UINT64_MAX || (next <= first && next > w.now));
        uint64_t to = w.now + (rng() % 3 ? rng() % 50 : rng() % 20000);
        wheel_advance(&w, to);
        uint64_t last_due = 0, last_order = 0;
        struct timer *t;
        while ((t = wheel_pop(&w))) {
            struct probe *p = t->arg;
            assert_true(p->due && p->due <= to);
            assert_true(p->due > last_due || (p->due == last_due && p->order > last_order));
            last_due = p->due;
            last_order = p->order;
            p->due = 0;
            expired++;
        }
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(timer_active(&probes[i].t), probes[i].due != 0);
            assert_true(!probes[i].due || probes[i].due > to);
        }
    }
    assert_true(expired > ROUNDS / 2);
    wheel_done(&w);
    for (size_t i = 0; i < N; i++)
        assert_false(timer_active(&probes[i].t));
}

static void a_million_timers(void **state)
{
    enum { N = 1000000 };
    static struct wheel w;
    struct timer *timers = mem_zalloc(N * sizeof *timers), *t;
    (void)state;
    assert_non_null(timers);
    wheel_init(&w);
    for (size_t i = 0; i < N; i++) {
        timer_init(&timers[i], never, NULL);
        wheel_add(&w, &timers[i], 1 + rng() % 3600000);
    }
    for (size_t i = 0; i < N; i += 2)
        timer_stop(&timers[i]);
    size_t expired = 0;
    uint64_t tick, last = 0;
    while (wheel_next(&w, &tick)) {
        wheel_advance(&w, tick);
        while ((t = wheel_pop(&w))) {
            assert_int_equal(t->due, tick);
            assert_true(t->due >= last);
            last = t->due;
            expired++;
        }
    }
    assert_int_equal(expired, N / 2);
    mem_free(timers);
}

static void farthest(void **state)
{
    static struct wheel w;
    struct timer t;
    uint64_t tick;
    (void)state;
    wheel_init(&w);
    timer_init(&t, never, NULL);
    wheel_add(&w, &t, 1ull << 40);
    wheel_advance(&w, (1ull << 40) - 1);
    assert_null(wheel_pop(&w));
    assert_true(wheel_next(&w, &tick));
    assert_int_equal(tick, 1ull << 40);
    wheel_advance(&w, 1ull << 40);
    assert_ptr_equal(wheel_pop(&w), &t);
    assert_false(wheel_next(&w, &tick));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_a_model),
        cmocka_unit_test(a_million_timers),
        cmocka_unit_test(farthest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
