// SPDX-License-Identifier: Apache-2.0
#include "base/steps.h"

#include "base/err.h"

enum phase { PHASE_BEFORE, PHASE_AFTER };

// What happened to a job while a step or hook of it ran. Nothing of it runs inside of that: it
// counts when that has returned.
enum early { EARLY_NOTHING, EARLY_ANSWER, EARLY_REJECT, EARLY_START };

const struct step *job_step(const struct job *j)
{
    if (!j->proc || !j->proc->n)
        return NULL;
    return &j->proc->steps[j->at < j->proc->n ? j->at : j->proc->n - 1];
}

// ---- one step ----

static enum step_verdict take_early(struct job *j, enum step_verdict v)
{
    enum early e = j->early;
    j->early = EARLY_NOTHING;
    if (e == EARLY_REJECT)
        return STEP_REJECT;
    return e == EARLY_START || v == STEP_WAIT ? STEP_CONTINUE : v;
}

static enum step_verdict starved(struct job *j)
{
    const struct steps_owner *o = j->owner;
    return job_fail(j, o->starved_status,
                    o->ops->starved ? o->ops->starved(j) : err_text(ERR_NOMEM));
}

static inline bool is_wanting(const struct job *j)
{
    return (j->arena && j->arena->failed) || (j->input && j->input->failed);
}

// A step that ran out of memory may have read nothing where something was written: nothing is
// decided on that.
static inline enum step_verdict judge(struct job *j, enum step_verdict v)
{
    if (j->early)
        v = take_early(j, v);
    if ((v == STEP_CONTINUE || v == STEP_REJECT) && is_wanting(j))
        return starved(j);
    return v;
}

static size_t next_hook(const struct hooks *h, const struct step *st, enum hook_side side,
                        size_t from)
{
    size_t own = hooks_find(h, st, side, from);
    size_t shared = st->point && side == HOOK_BEFORE ? hooks_find(h, st->point, side, from) : h->n;
    return own < shared ? own : shared;
}

static inline bool has_hooks(const struct job *j, const struct step *st)
{
    const struct hooks *h = &j->owner->hooks;
    return hooks_has(h, st) || (st->point && hooks_has(h, st->point));
}

static enum step_verdict run_hooks(struct job *j, const struct step *st, enum hook_side side)
{
    const struct hooks *h = &j->owner->hooks;
    const struct procedure *then = j->then; // a hook that goes elsewhere is the last
    for (size_t i; j->then == then && (i = next_hook(h, st, side, j->hook)) < h->n;) {
        j->hook = (uint8_t)(i + 1);
        enum step_verdict v = judge(j, h->of[i].run(h->of[i].arg, j));
        if (v != STEP_CONTINUE)
            return v;
    }
    return STEP_CONTINUE;
}

static inline void set_phase(struct job *j, enum phase phase)
{
    j->phase = (uint8_t)phase;
    j->hook = 0;
}

static inline void next_step(struct job *j)
{
    set_phase(j, PHASE_BEFORE);
    j->at++;
    if (j->then) {
        j->proc = j->then;
        j->then = NULL;
        j->at = 0;
    }
}

// The step and the hooks on both sides of it, from where it is now. Hooks behind a step that is
// done are told; they change nothing.
static enum step_verdict advance_hooked(struct job *j, const struct step *st)
{
    enum step_verdict v = STEP_CONTINUE, behind = STEP_CONTINUE;
    if (j->phase == PHASE_BEFORE) {
        v = run_hooks(j, st, HOOK_BEFORE);
        if (v != STEP_CONTINUE)
            return v;
        if (!j->then) {
            set_phase(j, PHASE_AFTER);
            v = st->run ? judge(j, st->run(j)) : STEP_CONTINUE;
            if (v == STEP_WAIT || v == STEP_REJECT)
                return v;
        }
    }
    if (j->phase == PHASE_AFTER)
        behind = run_hooks(j, st, HOOK_AFTER);
    if (v == STEP_DONE || behind != STEP_CONTINUE)
        return v == STEP_DONE ? v : behind;
    next_step(j);
    return STEP_CONTINUE;
}

// Most steps have no hooks, and are entered at their beginning.
static inline enum step_verdict advance(struct job *j)
{
    const struct step *st = &j->proc->steps[j->at];
    if (j->phase != PHASE_BEFORE || !st->run || has_hooks(j, st))
        return advance_hooked(j, st);
    j->phase = PHASE_AFTER;
    enum step_verdict v = judge(j, st->run(j));
    if (v == STEP_CONTINUE)
        next_step(j);
    return v;
}

// ---- waiting and ending ----

static void disarm(struct job *j)
{
    if (j->state == JOB_WAITS && j->owner->ops->disarm)
        j->owner->ops->disarm(j);
}

static int arm(struct job *j)
{
    uint32_t ms = j->wait_ms ? j->wait_ms : STEPS_WAIT_MS;
    j->wait_ms = 0;
    return j->owner->ops->arm ? j->owner->ops->arm(j, ms) : ERR_STATE;
}

static void finish(struct job *j)
{
    j->state = JOB_OVER;
    if (j->owner->ops->over)
        j->owner->ops->over(j);
}

static void refuse(struct job *j)
{
    j->state = JOB_OVER;
    if (j->owner->ops->reject)
        j->owner->ops->reject(j);
    finish(j);
}

static enum step_verdict begin_wait(struct job *j)
{
    int err = arm(j);
    if (err)
        return job_fail(j, j->owner->starved_status, err_text(err));
    j->state = JOB_WAITS;
    return STEP_WAIT;
}

static void drive(struct job *j, enum step_verdict v)
{
    while (v == STEP_CONTINUE && j->at < j->proc->n)
        v = advance(j);
    if (v == STEP_WAIT)
        v = begin_wait(j);
    if (v == STEP_REJECT)
        refuse(j);
    else if (v != STEP_WAIT)
        finish(j);
}

// False: nobody is there any more to go on for.
static bool go_on(struct job *j)
{
    disarm(j);
    j->state = JOB_RUNS;
    if (!j->owner->ops->alive || j->owner->ops->alive(j))
        return true;
    finish(j);
    return false;
}

// ---- from outside ----

void job_start(struct job *j, const struct procedure *proc)
{
    if (j->state == JOB_RUNS) {
        j->then = proc;
        j->early = EARLY_START;
        return;
    }
    disarm(j);
    j->nf = j->owner->nf;
    j->proc = proc;
    j->then = NULL;
    j->at = 0;
    j->early = EARLY_NOTHING;
    set_phase(j, PHASE_BEFORE);
    j->state = JOB_RUNS;
    drive(j, STEP_CONTINUE);
}

void job_resume(struct job *j)
{
    if (j->state == JOB_RUNS)
        j->early = EARLY_ANSWER;
    else if (j->state == JOB_WAITS && go_on(j))
        drive(j, STEP_CONTINUE);
}

void job_reject(struct job *j, struct reject r)
{
    j->reject = r;
    if (j->state == JOB_RUNS) {
        j->early = EARLY_REJECT;
        return;
    }
    disarm(j);
    refuse(j);
}

void job_expired(struct job *j)
{
    if (j->state != JOB_WAITS || !go_on(j))
        return;
    const struct step *st = job_step(j);
    bool own = st && st->late && !j->hook; // and not a hook's wait
    drive(j, own ? judge(j, st->late(j)) : job_fail(j, j->owner->late_status, "no answer in time"));
}

void job_gone(struct job *j)
{
    disarm(j);
    j->state = JOB_OVER;
}

// ---- in a step ----

enum step_verdict job_fail(struct job *j, unsigned status, const char *cause)
{
    j->reject = (struct reject){.status = status, .cause = cause};
    return STEP_REJECT;
}

enum step_verdict job_wait(struct job *j, uint32_t ms)
{
    j->wait_ms = ms;
    if (j->state == JOB_WAITS && arm(j))
        job_expired(j); // it would never end
    return STEP_WAIT;
}

enum step_verdict job_go(struct job *j, const struct procedure *proc)
{
    j->then = proc;
    return STEP_CONTINUE;
}

// ---- hooks ----

int steps_hook(struct steps_owner *o, const struct procedure *proc, const char *step,
               enum hook_side side, hook_fn fn, void *arg)
{
    struct str name = str_from(step);
    for (size_t i = 0; i < proc->n; i++)
        if (str_eq(str_from(proc->steps[i].name), name))
            return hooks_add(&o->hooks, &proc->steps[i], side, fn, arg);
    return ERR_NOTFOUND;
}

int steps_count(struct steps_owner *o, const struct steps_count *rows, size_t n, void *counters)
{
    int err = 0;
    for (size_t i = 0; !err && i < n; i++)
        err = steps_hook(o, rows[i].proc, rows[i].step, rows[i].side, hook_count,
                         (char *)counters + rows[i].counter);
    return err;
}

int steps_hook_point(struct steps_owner *o, const struct trigger *point, hook_fn fn, void *arg)
{
    return hooks_add(&o->hooks, point, HOOK_BEFORE, fn, arg);
}
