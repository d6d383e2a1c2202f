// SPDX-License-Identifier: Apache-2.0
// The engine of procedures with an owner of the test's own: no request, no loop.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/slots.h"
#include "base/steps.h"

// ---- an owner ----

struct task {
    struct job job;
    struct arena arena;
    char trail[64];
    size_t n;
    uint32_t armed_ms; // 0: not armed
    unsigned refusals, overs;
    const char *refused_at; // name of the step
    bool gone;
    int arm_error;
};

static struct task *task_of(const struct job *j)
{
    return (struct task *)j;
}

static void say(void *job, char c)
{
    struct task *t = job;
    t->trail[t->n++] = c;
    t->trail[t->n] = '\0';
}

static bool alive(const struct job *j)
{
    return !task_of(j)->gone;
}

static void reject(struct job *j)
{
    struct task *t = task_of(j);
    t->refusals++;
    t->refused_at = job_step(j)->name;
}

static void over(struct job *j)
{
    task_of(j)->overs++;
}

static int arm(struct job *j, uint32_t ms)
{
    if (!task_of(j)->arm_error)
        task_of(j)->armed_ms = ms;
    return task_of(j)->arm_error;
}

static void disarm(struct job *j)
{
    task_of(j)->armed_ms = 0;
}

static const struct steps_owner_ops ops = {
    .alive = alive, .reject = reject, .over = over, .arm = arm, .disarm = disarm};

static struct steps_owner owner;

static int set_up(void **state)
{
    struct task *t = mem_zalloc(sizeof *t);
    owner =
        (struct steps_owner){.ops = &ops, .nf = "nf", .late_status = 504, .starved_status = 500};
    t->job.owner = &owner;
    t->job.arena = &t->arena;
    arena_init(&t->arena, NULL, 0);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct task *t = *state;
    arena_done(&t->arena);
    mem_free(t);
    return 0;
}

// ---- steps ----

static enum step_verdict a(struct job *j)
{
    say(j, 'a');
    return STEP_CONTINUE;
}

static enum step_verdict b(struct job *j)
{
    say(j, 'b');
    return STEP_CONTINUE;
}

static enum step_verdict ask(struct job *j)
{
    say(j, 'w');
    return job_wait(j, 700);
}

static enum step_verdict ask_for_ever(struct job *j)
{
    say(j, 'w');
    return STEP_WAIT;
}

static enum step_verdict end(struct job *j)
{
    say(j, 'e');
    return STEP_DONE;
}

static enum step_verdict no(struct job *j)
{
    say(j, 'n');
    return job_fail(j, 403, "no");
}

static enum step_verdict answered_at_once(struct job *j)
{
    say(j, 'o');
    job_resume(j);
    say(j, 'o'); // nothing has run inside of it
    return STEP_WAIT;
}

static enum step_verdict refused_at_once(struct job *j)
{
    job_reject(j, (struct reject){.status = 503});
    return STEP_WAIT;
}

static enum step_verdict starve(struct job *j)
{
    mem_fail_after(0);
    assert_null(arena_alloc(&task_of(j)->arena, 4096));
    mem_fail_after(-1);
    return STEP_CONTINUE;
}

static enum step_verdict go_on_late(struct job *j)
{
    say(j, 'l');
    return STEP_CONTINUE;
}

static enum step_verdict ask_again_late(struct job *j)
{
    say(j, 'l');
    return job_wait(j, 50);
}

static enum step_verdict refuse_late(struct job *j)
{
    return job_fail(j, 480, "HSS did not answer in time");
}

#define PROC(var, ...)                                                                             \
    static const struct step var##_steps[] = {__VA_ARGS__};                                        \
    static const struct procedure var = {#var, var##_steps,                                        \
                                         sizeof var##_steps / sizeof *var##_steps}

static const struct trigger shared = {"shared"};

PROC(plain, {"a", a, "1"}, {"b", b, "2"}, {"end", end, "3"}, {"never", no, "4"});
PROC(open_end, {"a", a, "1"});
PROC(refused, {"a", a, "1"}, {"no", no, "2"}, {"never", end, "3"});
PROC(waits, {"a", a, "1"}, {"ask", ask, "2"}, {"b", b, "3"}, {"end", end, "4"});
PROC(waits_for_ever, {"ask", ask_for_ever, "1"}, {"end", end, "2"});
PROC(goes_on, {"ask", ask, "1", .late = go_on_late}, {"end", end, "2"});
PROC(asks_again, {"ask", ask, "1", .late = ask_again_late}, {"end", end, "2"});
PROC(refuses_late, {"ask", ask, "1", .late = refuse_late}, {"end", end, "2"});
PROC(at_once, {"ask", answered_at_once, "1"}, {"end", end, "2"});
PROC(no_at_once, {"ask", refused_at_once, "1"}, {"end", end, "2"});
PROC(starves, {"a", starve, "1"}, {"end", end, "2"});
PROC(points, {"a", a, "1", .point = &shared}, {"place", NULL, "2"}, {"b", b, "3", .point = &shared},
     {"end", end, "4"});

static enum step_verdict choose(struct job *j)
{
    say(j, 'c');
    return job_go(j, &plain);
}

PROC(chooses, {"choose", choose, "1"}, {"never", no, "2"});

static enum step_verdict start_over(struct job *j)
{
    job_start(j, &plain);
    return STEP_DONE;
}

PROC(starts_over, {"start", start_over, "1"}, {"never", no, "2"});

// ---- running ----

static void steps_run_in_order_until_one_is_done(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &plain);
    assert_string_equal(t->trail, "abe");
    assert_int_equal(t->overs, 1);
    assert_int_equal(t->refusals, 0);
    assert_string_equal(t->job.nf, "nf");
    assert_false(job_waits(&t->job));
    job_resume(&t->job); // an answer to nothing
    job_expired(&t->job);
    assert_string_equal(t->trail, "abe");
    assert_int_equal(t->overs, 1);
}

static void list_may_end_without_done(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &open_end);
    assert_string_equal(t->trail, "a");
    assert_int_equal(t->overs, 1);
}

static void refusal_ends_it(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &refused);
    assert_string_equal(t->trail, "an");
    assert_int_equal(t->refusals, 1);
    assert_string_equal(t->refused_at, "no");
    assert_int_equal(t->job.reject.status, 403);
    assert_string_equal(t->job.reject.cause, "no");
    assert_int_equal(t->overs, 1);
}

static void step_may_choose_another_list(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &chooses);
    assert_string_equal(t->trail, "cabe");
    assert_ptr_equal(t->job.proc, &plain);
}

static void start_within_a_step_takes_its_place(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &starts_over);
    assert_string_equal(t->trail, "abe");
    assert_int_equal(t->overs, 1);
    job_start(&t->job, &open_end); // and again when it is over
    assert_string_equal(t->trail, "abea");
}

static void what_was_done_can_turn_out_to_have_failed(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &plain);
    job_reject(&t->job, (struct reject){.status = 504});
    assert_int_equal(t->refusals, 1);
    assert_string_equal(t->refused_at, "end");
}

// ---- waiting ----

static void waits_with_a_deadline_and_goes_on(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &waits);
    assert_string_equal(t->trail, "aw");
    assert_true(job_waits(&t->job));
    assert_int_equal(t->armed_ms, 700);
    assert_int_equal(t->overs, 0);
    job_resume(&t->job);
    assert_string_equal(t->trail, "awbe");
    assert_int_equal(t->armed_ms, 0);
    job_resume(&t->job); // a second answer changes nothing
    assert_string_equal(t->trail, "awbe");
}

static void every_wait_has_a_deadline(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &waits_for_ever);
    assert_int_equal(t->armed_ms, STEPS_WAIT_MS);
    job_expired(&t->job);
    assert_string_equal(t->trail, "w");
    assert_int_equal(t->refusals, 1);
    assert_int_equal(t->job.reject.status, 504);
    assert_string_equal(t->refused_at, "ask");
    job_resume(&t->job); // the answer, when nobody waits any more
    assert_string_equal(t->trail, "w");
    assert_int_equal(t->refusals, 1);
}

static void step_says_what_its_deadline_means(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &refuses_late);
    job_expired(&t->job);
    assert_int_equal(t->job.reject.status, 480);
    job_start(&t->job, &goes_on);
    job_expired(&t->job);
    assert_string_equal(t->trail, "wwle");
    assert_int_equal(t->refusals, 1);
}

static void late_step_may_wait_again(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &asks_again);
    job_expired(&t->job);
    assert_int_equal(t->armed_ms, 50);
    job_resume(&t->job);
    assert_string_equal(t->trail, "wle");
}

static void wait_may_be_prolonged(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &waits);
    assert_int_equal(job_wait(&t->job, 900), STEP_WAIT); // the answer made it ask again
    assert_int_equal(t->armed_ms, 900);
    job_resume(&t->job);
    assert_string_equal(t->trail, "awbe");
}

static void wait_that_cannot_end_is_refused(void **state)
{
    struct task *t = *state;
    t->arm_error = ERR_NOMEM;
    job_start(&t->job, &waits);
    assert_int_equal(t->job.reject.status, 500);
    assert_string_equal(t->job.reject.cause, err_text(ERR_NOMEM));
    assert_false(job_waits(&t->job));
}

static void answer_inside_the_step(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &at_once);
    assert_string_equal(t->trail, "ooe");
    assert_int_equal(t->armed_ms, 0);
    job_start(&t->job, &no_at_once);
    assert_int_equal(t->job.reject.status, 503);
    assert_int_equal(t->refusals, 1);
    assert_string_equal(t->trail, "ooe");
}

static void refused_while_it_waits(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &waits);
    job_reject(&t->job, (struct reject){.status = 404});
    assert_int_equal(t->armed_ms, 0);
    assert_int_equal(t->refusals, 1);
    assert_int_equal(t->overs, 1);
    assert_string_equal(t->refused_at, "ask");
}

// ---- gone ----

static void nobody_left_to_go_on_for(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &waits);
    t->gone = true;
    job_resume(&t->job);
    assert_string_equal(t->trail, "aw");
    assert_int_equal(t->refusals, 0); // without a word
    assert_int_equal(t->overs, 1);
    assert_int_equal(t->armed_ms, 0);
}

static void deadline_when_nobody_is_left(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &waits);
    t->gone = true;
    job_expired(&t->job);
    assert_int_equal(t->refusals, 0);
    assert_int_equal(t->overs, 1);
}

static void owner_takes_it_away(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &waits);
    job_gone(&t->job);
    assert_int_equal(t->armed_ms, 0);
    job_resume(&t->job);
    job_expired(&t->job);
    assert_string_equal(t->trail, "aw");
    assert_int_equal(t->overs, 0);
}

// An id is what an answer finds the job by, and it is never another's.
static void found_by_id_or_gone(void **state)
{
    struct task *t = *state;
    struct slots table = {0};
    t->job.id = slots_add(&table, &t->job);
    job_start(&t->job, &waits);
    uint64_t id = t->job.id;
    assert_ptr_equal(slots_find(&table, id), &t->job);
    slots_remove(&table, id);
    assert_null(slots_find(&table, id));
    uint64_t next = slots_add(&table, &t->job);
    assert_int_not_equal(next, id);
    assert_null(slots_find(&table, id));
    slots_done(&table);
}

// ---- memory ----

static void nothing_is_decided_without_memory(void **state)
{
    struct task *t = *state;
    job_start(&t->job, &starves);
    assert_string_equal(t->trail, "");
    assert_int_equal(t->job.reject.status, 500);
    assert_string_equal(t->job.reject.cause, err_text(ERR_NOMEM));
    assert_string_equal(t->refused_at, "a");
}

static const char *too_much(struct job *j)
{
    (void)j;
    return "the message takes more memory than it may";
}

// What could not be read counts like what could not be prepared; the owner knows why.
static void nothing_is_decided_on_what_could_not_be_read(void **state)
{
    struct task *t = *state;
    struct steps_owner_ops mine = ops;
    const struct arena input = {.failed = true};
    mine.starved = too_much;
    owner.ops = &mine;
    t->job.input = &input;
    job_start(&t->job, &refused);
    assert_string_equal(t->trail, "a");
    assert_int_equal(t->job.reject.status, 500);
    assert_string_equal(t->job.reject.cause, "the message takes more memory than it may");
}

// ---- hooks ----

static enum step_verdict hook_says(void *arg, void *at)
{
    say(at, *(const char *)arg);
    return STEP_CONTINUE;
}

static enum step_verdict hook_waits(void *arg, void *at)
{
    say(at, *(const char *)arg);
    return job_wait(at, 30);
}

static enum step_verdict hook_refuses(void *arg, void *at)
{
    return job_fail(at, 403, arg);
}

static enum step_verdict hook_ends(void *arg, void *at)
{
    say(at, *(const char *)arg);
    return STEP_DONE;
}

static enum step_verdict hook_starves(void *arg, void *at)
{
    (void)arg;
    return starve(at);
}

static void hook(const struct procedure *p, const char *step, enum hook_side side, hook_fn fn,
                 const char *arg)
{
    assert_int_equal(steps_hook(&owner, p, step, side, fn, (void *)arg), 0);
}

static void hooks_run_before_and_behind_in_order(void **state)
{
    struct task *t = *state;
    hook(&plain, "b", HOOK_AFTER, hook_says, "3");
    hook(&plain, "b", HOOK_BEFORE, hook_says, "1");
    hook(&plain, "b", HOOK_BEFORE, hook_says, "2");
    hook(&plain, "end", HOOK_AFTER, hook_says, "4");
    hook(&refused, "no", HOOK_AFTER, hook_says, "x");
    job_start(&t->job, &plain);
    assert_string_equal(t->trail, "a12b3e4");
    job_start(&t->job, &refused); // a step that refuses has nothing behind it
    assert_string_equal(t->trail, "a12b3e4an");
}

static void points_are_shared_by_steps(void **state)
{
    struct task *t = *state;
    hook(&points, "b", HOOK_BEFORE, hook_says, "1");
    assert_int_equal(steps_hook_point(&owner, &shared, hook_says, "2"), 0);
    hook(&points, "b", HOOK_BEFORE, hook_says, "3");
    hook(&points, "place", HOOK_BEFORE, hook_says, "p");
    job_start(&t->job, &points);
    assert_string_equal(t->trail, "2ap123be");
}

static void hook_may_wait(void **state)
{
    struct task *t = *state;
    hook(&waits, "a", HOOK_BEFORE, hook_waits, "1");
    hook(&waits, "a", HOOK_BEFORE, hook_waits, "2");
    hook(&waits, "ask", HOOK_AFTER, hook_waits, "3");
    job_start(&t->job, &waits);
    assert_string_equal(t->trail, "1");
    assert_int_equal(t->armed_ms, 30);
    job_resume(&t->job);
    assert_string_equal(t->trail, "12");
    job_resume(&t->job);
    assert_string_equal(t->trail, "12aw");
    assert_int_equal(t->armed_ms, 700);
    job_resume(&t->job);
    assert_string_equal(t->trail, "12aw3");
    job_resume(&t->job);
    assert_string_equal(t->trail, "12aw3be");
}

// What the step's row says of lateness is about the step's own question.
static void hook_that_waits_in_vain(void **state)
{
    struct task *t = *state;
    hook(&goes_on, "ask", HOOK_BEFORE, hook_waits, "1");
    job_start(&t->job, &goes_on);
    job_expired(&t->job);
    assert_string_equal(t->trail, "1");
    assert_int_equal(t->job.reject.status, 504);
}

static void hook_may_refuse(void **state)
{
    struct task *t = *state;
    hook(&plain, "b", HOOK_BEFORE, hook_refuses, "barred");
    hook(&plain, "b", HOOK_BEFORE, hook_says, "x");
    job_start(&t->job, &plain);
    assert_string_equal(t->trail, "a");
    assert_string_equal(t->job.reject.cause, "barred");
    assert_string_equal(t->refused_at, "b");
    assert_int_equal(t->refusals, 1);
}

static void hook_behind_a_step_may_refuse(void **state)
{
    struct task *t = *state;
    hook(&plain, "a", HOOK_AFTER, hook_refuses, "too much");
    job_start(&t->job, &plain);
    assert_string_equal(t->trail, "a");
    assert_string_equal(t->refused_at, "a");
}

static enum step_verdict hook_goes(void *arg, void *at)
{
    say(at, *(const char *)arg);
    return job_go(at, &open_end);
}

static void hook_may_choose_another_list(void **state)
{
    struct task *t = *state;
    hook(&chooses, "choose", HOOK_AFTER, hook_says, "1"); // also where the step has chosen one
    hook(&plain, "b", HOOK_BEFORE, hook_goes, "2");
    hook(&plain, "b", HOOK_BEFORE, hook_says, "x");
    hook(&plain, "b", HOOK_AFTER, hook_says, "x");
    job_start(&t->job, &chooses);
    assert_string_equal(t->trail, "c1a2a");
}

static void hook_may_end_it(void **state)
{
    struct task *t = *state;
    hook(&plain, "b", HOOK_BEFORE, hook_ends, "1");
    job_start(&t->job, &plain);
    assert_string_equal(t->trail, "a1");
    assert_int_equal(t->overs, 1);
}

static void hook_behind_the_end_changes_nothing(void **state)
{
    struct task *t = *state;
    hook(&plain, "end", HOOK_AFTER, hook_refuses, "too late");
    job_start(&t->job, &plain);
    assert_int_equal(t->refusals, 0);
    assert_int_equal(t->overs, 1);
}

static void hook_without_memory_decides_nothing(void **state)
{
    struct task *t = *state;
    hook(&plain, "b", HOOK_BEFORE, hook_starves, NULL);
    job_start(&t->job, &plain);
    assert_string_equal(t->trail, "a");
    assert_int_equal(t->job.reject.status, 500);
}

static void hooks_need_a_step_and_room(void **state)
{
    struct task *t = *state;
    uint64_t n[2] = {0};
    const struct steps_count rows[] = {{&plain, "a", HOOK_BEFORE, 0},
                                       {&plain, "b", HOOK_AFTER, sizeof *n}};
    const struct steps_count none[] = {{&plain, "no such step", HOOK_BEFORE, 0}};
    assert_int_equal(steps_count(&owner, none, 1, n), ERR_NOTFOUND);
    assert_int_equal(steps_count(&owner, rows, 2, n), 0);
    job_start(&t->job, &plain);
    job_start(&t->job, &plain);
    assert_int_equal(n[0], 2);
    assert_int_equal(n[1], 2);
    while (owner.hooks.n < HOOKS_MAX)
        hook(&plain, "a", HOOK_BEFORE, hook_count, (const char *)n);
    assert_int_equal(steps_hook_point(&owner, &shared, hook_count, n), ERR_FULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(steps_run_in_order_until_one_is_done),
        TEST(list_may_end_without_done),
        TEST(refusal_ends_it),
        TEST(step_may_choose_another_list),
        TEST(start_within_a_step_takes_its_place),
        TEST(what_was_done_can_turn_out_to_have_failed),
        TEST(waits_with_a_deadline_and_goes_on),
        TEST(every_wait_has_a_deadline),
        TEST(step_says_what_its_deadline_means),
        TEST(late_step_may_wait_again),
        TEST(wait_may_be_prolonged),
        TEST(wait_that_cannot_end_is_refused),
        TEST(answer_inside_the_step),
        TEST(refused_while_it_waits),
        TEST(nobody_left_to_go_on_for),
        TEST(deadline_when_nobody_is_left),
        TEST(owner_takes_it_away),
        TEST(found_by_id_or_gone),
        TEST(nothing_is_decided_without_memory),
        TEST(nothing_is_decided_on_what_could_not_be_read),
        TEST(hooks_run_before_and_behind_in_order),
        TEST(points_are_shared_by_steps),
        TEST(hook_may_wait),
        TEST(hook_that_waits_in_vain),
        TEST(hook_may_refuse),
        TEST(hook_behind_a_step_may_refuse),
        TEST(hook_may_choose_another_list),
        TEST(hook_may_end_it),
        TEST(hook_behind_the_end_changes_nothing),
        TEST(hook_without_memory_decides_nothing),
        TEST(hooks_need_a_step_and_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
