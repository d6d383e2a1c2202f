// SPDX-License-Identifier: Apache-2.0
// The controller against a model of a server in virtual time: one queue, a cost for each request
// taken, refused and dropped. What has to hold: twice, four and eight times the maximum leave the
// goodput near the maximum, the limit goes when the crowd has gone, and what is within a dialog
// always comes in.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "stack/txn/overload.h"

#define SECOND 1000000000ull

enum { QUEUE = 2000, CAPACITY = 4000, BEHIND = 200000 };

static const struct overload_params usual = {
    .wait_ms = 50, .latency_ms = 250, .refusals = 2000, .retry_after_s = 10};

struct model {
    struct overload *o;
    uint64_t now;            // of the server
    uint64_t arrived[QUEUE]; // when, in a ring
    size_t first, n;
    uint64_t next_arrival;
    uint64_t behind[BEHIND], behind_came[BEHIND]; // when the node behind will answer what came when
    size_t behind_first, behind_n;
    uint64_t behind_free; // when it will have done all it has
    uint64_t taken, refused, dropped, lost, in_time;
    uint64_t drop_ns;
    bool bottleneck_behind;
    enum overload_class kind;
};

static struct overload_request request_of(const struct model *m)
{
    return (struct overload_request){m->kind, m->bottleneck_behind, true};
}

// A taken request costs 1/CAPACITY, a refusal a fortieth of it, a drop a hundred and fiftieth.
enum { TAKE_NS = SECOND / CAPACITY, REFUSE_NS = TAKE_NS / 40, DROP_NS = TAKE_NS / 150 };

static void arrive(struct model *m, double per_second)
{
    while (m->next_arrival <= m->now) {
        if (m->n < QUEUE)
            m->arrived[(m->first + m->n++) % QUEUE] = m->next_arrival;
        else
            m->lost++;
        m->next_arrival += (uint64_t)((double)SECOND / per_second);
    }
}

// A user waits half a second for an answer before he sends again.
static void answer(struct model *m, uint64_t came, uint64_t done)
{
    if (done - came < SECOND / 2)
        m->in_time++;
    struct overload_request r = request_of(m);
    overload_answered(m->o, done, &r, true);
}

static void hear_behind(struct model *m)
{
    while (m->behind_n && m->behind[m->behind_first] <= m->now) {
        answer(m, m->behind_came[m->behind_first], m->behind[m->behind_first]);
        m->behind_first = (m->behind_first + 1) % BEHIND;
        m->behind_n--;
    }
}

static void pass_on(struct model *m, uint64_t came)
{
    if (m->behind_free < m->now)
        m->behind_free = m->now;
    m->behind_free += TAKE_NS;
    size_t i = (m->behind_first + m->behind_n++) % BEHIND;
    m->behind[i] = m->behind_free;
    m->behind_came[i] = came;
}

static void take(struct model *m, uint64_t came)
{
    m->taken++;
    m->now += m->bottleneck_behind ? TAKE_NS / 10 : TAKE_NS;
    if (m->bottleneck_behind)
        pass_on(m, came);
    else
        answer(m, came, m->now);
}

static void serve_one(struct model *m)
{
    uint64_t came = m->arrived[m->first];
    m->first = (m->first + 1) % QUEUE;
    m->n--;
    overload_waited(m->o, m->now, m->now - came);
    struct overload_request r = request_of(m);
    switch (overload_ask(m->o, m->now, &r)) {
    case OVERLOAD_TAKE:
        take(m, came);
        return;
    case OVERLOAD_REFUSE:
        m->refused++;
        m->now += REFUSE_NS;
        return;
    case OVERLOAD_DROP:
        m->dropped++;
        m->now += m->drop_ns;
        return;
    }
}

static void run(struct model *m, double per_second, unsigned seconds)
{
    uint64_t end = m->now + seconds * SECOND;
    while (m->now < end) {
        arrive(m, per_second);
        hear_behind(m);
        if (m->n)
            serve_one(m);
        else
            m->now = m->next_arrival;
    }
}

static uint64_t goodput(double times, bool behind)
{
    static struct model m;
    m = (struct model){.bottleneck_behind = behind, .kind = OVERLOAD_NEW, .drop_ns = DROP_NS};
    assert_int_equal(overload_new(&usual, 0, &m.o), 0);
    run(&m, times * CAPACITY, 3);
    m.in_time = 0;
    run(&m, times * CAPACITY, 10);
    overload_free(m.o);
    return m.in_time / 10;
}

static void goodput_stays_beyond_the_maximum(void **state)
{
    for (int behind = 0; behind < 2; behind++)
        for (int times = 2; times <= 8; times *= 2) {
            uint64_t good = goodput(times, behind);
            print_message("# %d times the maximum, %s: %llu of %d a second\n", times,
                          behind ? "behind" : "here", (unsigned long long)good, CAPACITY);
            assert_true(good >= CAPACITY * 9 / 10);
        }
}

// The first seconds count as well: what had queued before the limit came is no reason to cut again and again.
static void goodput_is_there_at_once(void **state)
{
    for (int times = 2; times <= 8; times *= 2) {
        static struct model m;
        m = (struct model){.kind = OVERLOAD_NEW, .drop_ns = DROP_NS};
        assert_int_equal(overload_new(&usual, 0, &m.o), 0);
        run(&m, 0.3 * CAPACITY, 2);
        m.in_time = 0;
        run(&m, times * CAPACITY, 5);
        print_message("# the first seconds at %d times: %llu of %d a second\n", times,
                      (unsigned long long)m.in_time / 5, CAPACITY);
        assert_true(m.in_time / 5 >= CAPACITY * 9 / 10);
        overload_free(m.o);
    }
}

// When reading what is dropped takes more than there is, the rest waits whatever is refused: the limit does
// not fall to nothing for it.
static void a_flood_that_cannot_be_read_leaves_some(void **state)
{
    static struct model m;
    m = (struct model){.kind = OVERLOAD_NEW, .drop_ns = TAKE_NS / 5};
    assert_int_equal(overload_new(&usual, 0, &m.o), 0);
    run(&m, 8.0 * CAPACITY, 3);
    m.in_time = 0;
    run(&m, 8.0 * CAPACITY, 30);
    print_message("# flooded: %llu of %d a second\n", (unsigned long long)m.in_time / 30, CAPACITY);
    assert_true(m.in_time / 30 >= CAPACITY / 10);
    overload_free(m.o);
}

static void below_the_maximum_nothing_is_refused(void **state)
{
    static struct model m;
    m = (struct model){.kind = OVERLOAD_NEW, .drop_ns = DROP_NS};
    assert_int_equal(overload_new(&usual, 0, &m.o), 0);
    run(&m, 0.9 * CAPACITY, 10);
    assert_int_equal(m.refused + m.dropped + m.lost, 0);
    overload_free(m.o);
}

static void when_the_crowd_has_gone_the_limit_goes(void **state)
{
    static struct model m;
    m = (struct model){.kind = OVERLOAD_NEW, .drop_ns = DROP_NS};
    assert_int_equal(overload_new(&usual, 0, &m.o), 0);
    run(&m, 4.0 * CAPACITY, 5);
    assert_true(overload_figures(m.o)->limit[OVERLOAD_NEW] > 0);
    assert_true(overload_figures(m.o)->limit[OVERLOAD_CARRIED] < 0);
    run(&m, 0.5 * CAPACITY, 5);
    assert_true(overload_figures(m.o)->limit[OVERLOAD_NEW] < 0);
    m.refused = m.dropped = 0;
    run(&m, 0.9 * CAPACITY, 5);
    assert_int_equal(m.refused + m.dropped, 0);
    overload_free(m.o);
}

// What carries on is limited only when nothing new comes in any more; what is kept never.
static void classes_have_their_turn(void **state)
{
    static struct model m;
    m = (struct model){.kind = OVERLOAD_CARRIED, .drop_ns = DROP_NS};
    assert_int_equal(overload_new(&usual, 0, &m.o), 0);
    run(&m, 4.0 * CAPACITY, 5);
    assert_true(m.refused + m.dropped > 0);
    assert_true(overload_figures(m.o)->limit[OVERLOAD_NEW] < 0);
    assert_true(overload_figures(m.o)->limit[OVERLOAD_CARRIED] > 0);
    m.kind = OVERLOAD_KEPT;
    m.refused = m.dropped = 0;
    run(&m, 2.0 * CAPACITY, 2);
    assert_int_equal(m.refused + m.dropped, 0);
    overload_free(m.o);
}

static void a_node_behind_that_refuses_is_load(void **state)
{
    struct overload *o;
    uint64_t now = 0, taken = 0;
    const struct overload_request r = {.kind = OVERLOAD_NEW};
    assert_int_equal(overload_new(&usual, 0, &o), 0);
    for (unsigned i = 0; i < 20000; i++) {
        now += SECOND / 4000;
        if (overload_ask(o, now, &r) != OVERLOAD_TAKE)
            continue;
        taken++;
        if (i % 2)
            overload_pushed_back(o, now);
        else
            overload_answered(o, now, &r, true);
    }
    assert_true(taken < 10000);
    assert_true(overload_figures(o)->entered > 0);
    overload_free(o);
}

static void refusals_are_bounded_and_connections_hear_each(void **state)
{
    struct overload_params p = usual;
    struct overload *o;
    p.refusals = 10;
    assert_int_equal(overload_new(&p, 0, &o), 0);
    uint64_t now = 0, refused = 0, dropped = 0;
    for (unsigned i = 0; i < 50000; i++) {
        now += SECOND / 10000;
        overload_waited(o, now, SECOND);
        struct overload_request r = {.kind = OVERLOAD_NEW, .droppable = i < 40000};
        enum overload_verdict v = overload_ask(o, now, &r);
        refused += v == OVERLOAD_REFUSE && i < 40000;
        dropped += v == OVERLOAD_DROP;
        assert_false(v == OVERLOAD_DROP && i >= 40000);
    }
    assert_true(refused > 20 && refused < 60);
    assert_true(dropped > 30000);
    overload_free(o);
}

static void it_can_be_off(void **state)
{
    struct overload_params p = usual;
    struct overload *o;
    const struct overload_request r = {.kind = OVERLOAD_NEW, .droppable = true};
    p.off = true;
    assert_int_equal(overload_new(&p, 0, &o), 0);
    for (uint64_t now = 0; now < 5 * SECOND; now += SECOND / 100) {
        overload_waited(o, now, 10 * SECOND);
        assert_int_equal(overload_ask(o, now, &r), OVERLOAD_TAKE);
    }
    overload_free(o);
}

static void they_do_not_all_return_at_once(void **state)
{
    struct overload *o;
    assert_int_equal(overload_new(&usual, 0, &o), 0);
    unsigned low = 1000, high = 0;
    for (uint64_t r = 0; r < 1000; r++) {
        unsigned s = overload_retry_after(o, r);
        low = s < low ? s : low;
        high = s > high ? s : high;
    }
    assert_int_equal(low, 10);
    assert_int_equal(high, 20);
    overload_free(o);
    assert_int_equal(mem_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goodput_stays_beyond_the_maximum),
        cmocka_unit_test(goodput_is_there_at_once),
        cmocka_unit_test(a_flood_that_cannot_be_read_leaves_some),
        cmocka_unit_test(below_the_maximum_nothing_is_refused),
        cmocka_unit_test(when_the_crowd_has_gone_the_limit_goes),
        cmocka_unit_test(classes_have_their_turn),
        cmocka_unit_test(a_node_behind_that_refuses_is_load),
        cmocka_unit_test(refusals_are_bounded_and_connections_hear_each),
        cmocka_unit_test(it_can_be_off),
        cmocka_unit_test(they_do_not_all_return_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
