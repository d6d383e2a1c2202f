// SPDX-License-Identifier: Apache-2.0
// Procedures as step lists: order, waiting, refusals and the one log line that goes with each.
#include "harness.h"

#include <stdio.h>

#include "base/log.h"
#include "stack/proxy/pipeline.h"
#include "stack/stack.h"

#define ALICE "10.0.0.1"
#define P "10.0.1.1"

struct lab {
    struct world w;
    struct node *p;
    struct peer *alice;
};

struct my_job {
    struct job job;
    int x;
};

static char trail[64]; // names of the steps that ran
static char logged[2048];
static unsigned lines;
static struct node *the_node;
static enum log_level level;

static void on_log(void *arg, enum log_level l, struct str line)
{
    (void)arg;
    if (str_find(line, STR("request refused")) < 0)
        return;
    lines++;
    level = l;
    snprintf(logged, sizeof logged, "%.*s", STR_ARG(line));
}

static enum step_verdict step_a(struct job *j)
{
    strcat(trail, "a");
    j->identity = STR("sip:alice@example.org");
    assert_ptr_equal(job_pxy(j), pxy_find(the_node->stack, j->id));
    return STEP_CONTINUE;
}

static enum step_verdict step_wait(struct job *j)
{
    (void)j;
    strcat(trail, "w");
    return STEP_WAIT;
}

static enum step_verdict step_ok(struct job *j)
{
    strcat(trail, "o");
    assert_int_equal(pxy_reply(job_pxy(j), 200, STR_NONE, NULL), 0);
    return STEP_DONE;
}

static enum step_verdict step_refuse(struct job *j)
{
    strcat(trail, "r");
    return job_fail(j, 403, "To and \"Authorization\" do not belong together");
}

static enum step_verdict step_later(struct job *j)
{
    struct sip_edits *extra = arena_alloc(pxy_arena(job_pxy(j)), sizeof *extra);
    sip_edits_init(extra, pxy_arena(job_pxy(j)), NULL);
    sip_edit_append(extra, SIP_H_MIN_EXPIRES, STR("600"));
    j->reject =
        (struct reject){.status = 503, .reason = "No Database", .retry_after = 7, .extra = extra};
    return STEP_REJECT;
}

static enum step_verdict step_ask(struct job *j)
{
    strcat(trail, "q");
    return job_wait(j, 2000);
}

static enum step_verdict step_silence(struct job *j)
{
    return job_fail(j, 480, "the HSS says nothing");
}

// The asynchronous part answers before the step has returned.
static enum step_verdict step_at_once(struct job *j)
{
    strcat(trail, "n");
    job_resume(j);
    return STEP_WAIT;
}

static enum step_verdict step_never(struct job *j)
{
    (void)j;
    strcat(trail, "!");
    return STEP_DONE;
}

#define PROC(var, ...)                                                                             \
    static const struct step var##_steps[] = {__VA_ARGS__};                                        \
    static const struct procedure var = {#var, var##_steps,                                        \
                                         sizeof var##_steps / sizeof *var##_steps}

PROC(plain, {"check", step_a, NULL}, {"ask", step_wait, NULL}, {"answer", step_ok, NULL},
     {"never", step_never, NULL});
PROC(refused, {"check", step_a, NULL}, {"match", step_refuse, "TS 24.229 5.4.1.2.2"},
     {"never", step_never, NULL});
PROC(unavailable, {"check", step_a, NULL}, {"ask", step_later, "TS 29.228 6.1.1"});
PROC(at_once, {"ask", step_at_once, NULL}, {"answer", step_ok, NULL}, {"never", step_never, NULL});

PROC(unanswered, {"check", step_a, NULL}, {"ask", step_ask, "TS 29.228 6.1.1", .late = step_silence},
     {"never", step_never, NULL});

static struct steps_owner owner;

static bool hooked; // a hook before "ask" of plain

static enum step_verdict bar(void *arg, void *at)
{
    (void)arg;
    return job_fail(at, 403, "barred by a hook");
}

static void start(struct node *n, struct pxy *p)
{
    struct my_job *m = ARENA_NEW(pxy_arena(p), struct my_job);
    assert_non_null(m);
    pxy_run(p, &m->job, n->data, &owner, NULL);
}

static void lab_init(struct lab *l, const struct procedure *proc)
{
    world_init(&l->w);
    l->p = node_new(&l->w, P, NULL);
    pxy_steps_init(&owner, l->p);
    if (hooked)
        assert_int_equal(steps_hook(&owner, &plain, "ask", HOOK_BEFORE, bar, NULL), 0);
    l->p->on_request = start;
    the_node = l->p;
    l->p->data = (void *)(uintptr_t)proc;
    l->alice = peer_new(&l->w, ALICE);
    trail[0] = logged[0] = 0;
    lines = 0;
    log_set_sink(on_log, NULL);
    peer_request(l->alice, P, &(struct request){.method = "REGISTER", .uri = "sip:example.org"});
    world_run(&l->w, 50);
}

static void lab_done(struct lab *l)
{
    world_run(&l->w, 60000);
    assert_null(pxy_job(l->p->stack, l->p->last));
    world_done(&l->w);
    log_set_sink(NULL, NULL);
}

static void waits_and_resumes(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l, &plain);
    assert_string_equal(trail, "aw");
    peer_expect_silence(l.alice, 1000);
    struct job *j = pxy_job(l.p->stack, l.p->last);
    assert_non_null(j);
    assert_ptr_equal(j->nf, l.p);
    job_resume(j);
    assert_string_equal(trail, "awo");
    job_resume(j); // a second answer changes nothing
    assert_string_equal(trail, "awo");
    peer_expect(l.alice, "SIP/2.0 200");
    assert_int_equal(lines, 0);
    lab_done(&l);
}

static void refusal(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l, &refused);
    const char *m = peer_expect(l.alice, "SIP/2.0 403 Forbidden");
    assert_string_equal(header_of(m, "Warning", 0),
                        "399 " P " \"To and \\\"Authorization\\\" do not belong together\"");
    assert_string_equal(trail, "ar");
    assert_int_equal(lines, 1);
    assert_int_equal(level, LOG_INFO);
    assert_contains(logged,
                    "call_id=call-1 method=REGISTER identity=sip:alice@example.org status=403");
    assert_contains(logged, "reason=Forbidden");
    assert_contains(logged, "do not belong together");
    assert_contains(logged, "procedure=refused step=match clause=\"TS 24.229 5.4.1.2.2\"");
    lab_done(&l);
}

static void refusal_of_ours(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l, &unavailable);
    const char *m = peer_expect(l.alice, "SIP/2.0 503 No Database");
    assert_string_equal(header_of(m, "Retry-After", 0), "7");
    assert_string_equal(header_of(m, "Min-Expires", 0), "600");
    assert_null(header_of(m, "Warning", 0));
    assert_int_equal(level, LOG_WARN);
    lab_done(&l);
}

static void refused_while_waiting(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l, &plain);
    job_reject(pxy_job(l.p->stack, l.p->last),
               (struct reject){.status = 504, .cause = "no answer from the HSS"});
    const char *m = peer_expect(l.alice, "SIP/2.0 504");
    assert_contains(m, "\"no answer from the HSS\"");
    assert_int_equal(lines, 1);
    assert_contains(logged, "step=ask");
    lab_done(&l);
}

// What is asked never answers: the step's row says what the request gets, and there is one line about it.
static void deadline(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l, &unanswered);
    peer_expect_silence(l.alice, 1900);
    const char *m = peer_expect(l.alice, "SIP/2.0 480");
    assert_contains(m, "\"the HSS says nothing\"");
    assert_string_equal(trail, "aq");
    assert_int_equal(lines, 1);
    assert_contains(logged, "status=480");
    assert_contains(logged, "procedure=unanswered step=ask clause=\"TS 29.228 6.1.1\"");
    assert_null(pxy_job(l.p->stack, l.p->last)); // an answer that comes now is for nobody
    lab_done(&l);
}

// A step that says nothing of it, and does not even say how long.
static void deadline_of_the_owner(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l, &plain);
    world_run(&l.w, STEPS_WAIT_MS - 1000);
    assert_int_equal(lines, 0);
    world_run(&l.w, 2000);
    (void)peer_expect(l.alice, "SIP/2.0 504");
    assert_int_equal(lines, 1);
    assert_contains(logged, "no answer in time");
    lab_done(&l);
}

// The caller has gone before the deadline: it goes with the request.
static void cancelled_while_waiting(void **state)
{
    struct lab l;
    struct request r = {.method = "INVITE", .uri = "sip:example.org", .branch = "z9hG4bK-c", .call_id = "call-2"};
    (void)state;
    lab_init(&l, &unanswered);
    (void)peer_expect(l.alice, "SIP/2.0 480");
    lines = 0;
    peer_request(l.alice, P, &r);
    world_run(&l.w, 50);
    assert_non_null(pxy_job(l.p->stack, l.p->last));
    r.method = "CANCEL";
    peer_request(l.alice, P, &r);
    (void)peer_expect(l.alice, "SIP/2.0 200");
    (void)peer_expect(l.alice, "SIP/2.0 487");
    world_run(&l.w, 5000);
    assert_int_equal(lines, 0);
    lab_done(&l);
}

// What a hook refuses is answered and logged as of the step that it stands before.
static void hook_refuses(void **state)
{
    struct lab l;
    (void)state;
    hooked = true;
    lab_init(&l, &plain);
    hooked = false;
    (void)peer_expect(l.alice, "SIP/2.0 403");
    assert_string_equal(trail, "a");
    assert_contains(logged, "barred by a hook");
    assert_contains(logged, "step=ask");
    lab_done(&l);
}

static void resumed_inside_the_step(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l, &at_once);
    assert_string_equal(trail, "no");
    peer_expect(l.alice, "SIP/2.0 200");
    lab_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_and_resumes),       cmocka_unit_test(refusal),
        cmocka_unit_test(refusal_of_ours),         cmocka_unit_test(refused_while_waiting),
        cmocka_unit_test(resumed_inside_the_step), cmocka_unit_test(deadline),
        cmocka_unit_test(deadline_of_the_owner),   cmocka_unit_test(cancelled_while_waiting),
        cmocka_unit_test(hook_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
