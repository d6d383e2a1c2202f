// SPDX-License-Identifier: Apache-2.0
// Timers, deferred calls, work and randomness, on both loops.
#include <pthread.h>

#include "env.h"

struct shot {
    struct env *e;
    struct timer t;
    uint64_t from, ms;
    int *fired, order;
};

static void on_shot(void *arg)
{
    struct shot *s = arg;
    s->order = ++*s->fired;
    assert_true(loop_now(s->e->loop) >= s->from + s->ms * 1000000);
}

static void timers_fire_in_order_and_never_early(void **state)
{
    static const uint64_t ms[] = {30, 1, 0, 10, 10, 65, 2};
    static const int order[] = {6, 2, 1, 4, 5, 7, 3};
    struct env *e = *state;
    struct shot s[ARRAY_LEN(ms)];
    int fired = 0;
    for (size_t i = 0; i < ARRAY_LEN(ms); i++) {
        s[i] = (struct shot){.e = e, .from = loop_now(e->loop), .ms = ms[i], .fired = &fired};
        timer_init(&s[i].t, on_shot, &s[i]);
        timer_start(e->loop, &s[i].t, ms[i]);
        assert_true(timer_active(&s[i].t));
    }
    env_pass(e, 66);
    for (size_t i = 0; i < ARRAY_LEN(ms); i++) {
        assert_false(timer_active(&s[i].t));
        assert_true(s[i].order == order[i] || (ms[i] <= 2 && s[i].order <= 3));
    }
    assert_int_equal(fired, ARRAY_LEN(ms));
}

struct pair {
    struct env *e;
    struct timer a, b;
    int fired;
};

static void stop_the_other(void *arg)
{
    struct pair *p = arg;
    p->fired++;
    timer_stop(&p->a);
    timer_stop(&p->b);
}

static void timer_stopped_by_one_of_the_same_tick(void **state)
{
    struct pair p = {.e = *state};
    timer_init(&p.a, stop_the_other, &p);
    timer_init(&p.b, stop_the_other, &p);
    timer_start(p.e->loop, &p.a, 5);
    timer_start(p.e->loop, &p.b, 5);
    env_pass(p.e, 20);
    assert_int_equal(p.fired, 1);
}

static void rearm(void *arg)
{
    struct pair *p = arg;
    if (++p->fired < 5)
        timer_start(p->e->loop, &p->a, 0);
    else
        env_done(p->e);
}

static void timer_rearmed_in_its_callback(void **state)
{
    struct pair p = {.e = *state};
    timer_init(&p.a, rearm, &p);
    timer_start(p.e->loop, &p.a, 1);
    timer_start(p.e->loop, &p.a, 2);
    env_run(p.e);
    assert_int_equal(p.fired, 5);
}

struct later {
    struct env *e;
    struct deferred d, other;
    struct timer t;
    int calls, other_calls;
    bool in_callback;
};

static void on_deferred(void *arg)
{
    struct later *x = arg;
    assert_false(x->in_callback);
    x->calls++;
    deferred_cancel(&x->other);
    if (x->calls < 3)
        loop_defer(x->e->loop, &x->d);
    else
        env_done(x->e);
}

static void on_other(void *arg)
{
    struct later *x = arg;
    x->other_calls++;
}

static void on_defer_time(void *arg)
{
    struct later *x = arg;
    x->in_callback = true;
    loop_defer(x->e->loop, &x->d);
    loop_defer(x->e->loop, &x->d);
    loop_defer(x->e->loop, &x->other);
    x->in_callback = false;
}

static void deferred_once_a_turn(void **state)
{
    struct later x = {.e = *state};
    deferred_init(&x.d, on_deferred, &x);
    deferred_init(&x.other, on_other, &x);
    timer_init(&x.t, on_defer_time, &x);
    timer_start(x.e->loop, &x.t, 1);
    env_run(x.e);
    assert_int_equal(x.calls, 3);
    assert_int_equal(x.other_calls, 0);
}

static void deferred_before_the_loop_runs(void **state)
{
    struct later x = {.e = *state, .calls = 2};
    deferred_init(&x.d, on_deferred, &x);
    deferred_init(&x.other, on_other, &x);
    loop_defer(x.e->loop, &x.d);
    assert_int_equal(x.calls, 2);
    env_run(x.e);
    assert_int_equal(x.calls, 3);
}

struct job {
    struct env *e;
    pthread_t ran_in;
    bool ran;
    int *left;
};

static void on_run(void *arg)
{
    struct job *j = arg;
    j->ran = true;
    j->ran_in = pthread_self();
}

static void on_job_done(void *arg)
{
    struct job *j = arg;
    assert_true(j->ran);
    if (--*j->left == 0)
        env_done(j->e);
}

static void work_runs_and_comes_back(void **state)
{
    struct env *e = *state;
    struct job jobs[20];
    int left = ARRAY_LEN(jobs);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        jobs[i] = (struct job){.e = e, .left = &left};
        assert_int_equal(loop_work(e->loop, on_run, on_job_done, &jobs[i]), 0);
        assert_int_equal(left, ARRAY_LEN(jobs));
    }
    env_run(e);
    assert_int_equal(left, 0);
    if (!e->sim)
        assert_false(pthread_equal(jobs[0].ran_in, pthread_self()));
}

static void free_with_everything_open(void **state)
{
    struct env *e = *state;
    struct job job = {.e = e};
    static struct timer t;
    static struct deferred d;
    timer_init(&t, env_done, e);
    timer_start(e->loop, &t, 5000);
    deferred_init(&d, env_done, e);
    loop_defer(e->loop, &d);
    assert_int_equal(loop_work(e->loop, on_run, on_job_done, &job), 0);
    loop_free(e->loop);
    e->loop = NULL;
    assert_false(timer_active(&t));
    timer_stop(&t);
    deferred_cancel(&d);
    assert_false(e->done);
}

static void randomness(void **state)
{
    struct env *e = *state;
    static unsigned char big[3 * 4096 + 5];
    unsigned counts[256] = {0};
    loop_random(e->loop, big, sizeof big);
    for (size_t i = 0; i < sizeof big; i++)
        counts[big[i]]++;
    for (size_t i = 0; i < 256; i++)
        assert_in_range(counts[i], 5, 150);
    assert_int_not_equal(loop_random_u64(e->loop), loop_random_u64(e->loop));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENV_TEST(timers_fire_in_order_and_never_early),
        ENV_TEST(timer_stopped_by_one_of_the_same_tick),
        ENV_TEST(timer_rearmed_in_its_callback),
        ENV_TEST(deferred_once_a_turn),
        ENV_TEST(deferred_before_the_loop_runs),
        ENV_TEST(work_runs_and_comes_back),
        ENV_TEST(free_with_everything_open),
        ENV_TEST(randomness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
