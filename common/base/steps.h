// SPDX-License-Identifier: Apache-2.0
// Procedures as step lists, whatever they are run for. A procedure is a const array of named steps,
// each with its clause; a job is one run of it. A job's journey: who needs it fills in its owner
// and what it is about, and starts it. Each step continues, waits for something asynchronous, is
// done, or rejects; before and behind it run the hooks that other modules have there (hooks.h). A
// job that waits is found again by an id, and that it has gone meanwhile is normal; what does not
// answer at all ends the wait at its deadline. A rejection goes to the owner's operations, which
// answer and log it in one place. Nothing here knows SIP, Diameter or a loop: the owner does.
// Owners are requests (stack/proxy/pipeline.h), operations of the HSS (hss/hss_priv.h), notes for
// the HSS (scscf/outbox.c).
#pragma once

#include "base/arena.h"
#include "base/hooks.h"

struct job;

typedef enum step_verdict (*step_fn)(struct job *j);

struct step {
    const char *name;
    step_fn run;        // NULL: nothing but a place for hooks
    const char *clause; // "TS 24.229 5.2.2.1"
    // What becomes of it when what it waits for has not come in time: a verdict as of the step
    // itself. NULL: refused with the owner's late_status.
    step_fn late;
    // A point that the place before it shares with other steps; NULL: none.
    const struct trigger *point;
};

struct procedure {
    const char *name; // "register", for logs
    const struct step *steps;
    size_t n;
};

// The peer's mistake, or ours to answer for: what goes into the answer.
struct reject {
    unsigned status;
    const char *reason;   // static phrase for the status line; NULL: the standard one
    const char *cause;    // what to log: "To and Authorization do not belong together"
    uint32_t code;        // what the cause is about, behind it in log and Warning; 0: nothing
    uint32_t retry_after; // seconds, 0: none
    void *extra;          // what else answers can carry (of SIP struct sip_edits), NULL: none
    bool quiet;           // no line in the log: of this refusal there have been enough
};

// What kind of thing jobs are run for. Those that may be NULL are said to.
struct steps_owner_ops {
    // False: whoever it was for has gone, and it ends without a word. Asked before a job goes on.
    // NULL: always true.
    bool (*alive)(const struct job *j);
    // An arena of the job has failed: the cause for people. NULL: out of memory.
    const char *(*starved)(struct job *j);
    void (*reject)(struct job *j); // answers and logs j->reject; NULL: the steps have done that
    // Nothing happens to it any more; it may be freed, or started anew, in here. NULL: nothing.
    void (*over)(struct job *j);
    // job_expired(j) in ms milliseconds, in place of what was armed before; 0 or an error, with
    // which it is refused. NULL: jobs of this kind cannot wait.
    int (*arm)(struct job *j, uint32_t ms);
    void (*disarm)(struct job *j); // harmless when it is not armed
};

// Of a wait for which nobody has said how long: sooner than who asked gives up (RFC 3261 17.1.2.2).
enum { STEPS_WAIT_MS = 20000 };

// Whose jobs they are.
struct steps_owner {
    const struct steps_owner_ops *ops;
    void *nf;
    unsigned late_status, starved_status;
    struct hooks hooks;
};

enum job_state { JOB_NEW, JOB_RUNS, JOB_WAITS, JOB_OVER };

// Embedded in what a run needs. All zero but for what its owner fills in before the start.
struct job {
    // filled in by the owner
    const struct steps_owner *owner;
    uint64_t id;   // by which it is found again
    void *subject; // what it is about: a request, an operation
    // Memory that lives as long as the job, and that of what it reads. When either has failed, what
    // a step has read or prepared may be wanting: nothing is decided on that, it is refused with
    // starved_status. Each may be NULL.
    struct arena *arena;
    const struct arena *input;
    void *nf; // job_start takes it from the owner
    // For the owner's use: gives back what the job holds; NULL: nothing.
    void (*ended)(struct job *j);
    // filled in by steps
    struct reject reject; // by one that returns STEP_REJECT
    struct str identity;  // whom it is about, for the log
    // the engine's own
    const struct procedure *proc, *then; // then: goes on with that list
    void *timer;                         // the owner's, for the deadline
    uint32_t wait_ms;                    // 0: STEPS_WAIT_MS
    uint16_t at;                         // index of the present step
    uint8_t state, phase, early;
    uint8_t hook; // index of the hook that runs next at this side of it
};

// Runs it until it waits or ends; over may have freed it by then. Within a step of j itself, or
// when it is over, it starts anew.
void job_start(struct job *j, const struct procedure *proc);
// What it waits for is there: it goes on with the next step. One that does not wait stays as it is.
// Within the step itself it is an answer that came at once.
void job_resume(struct job *j);
// Ends a job that waits with a rejection; and one that is over, when what it did turns out to have
// failed.
void job_reject(struct job *j, struct reject r);
// From the owner: the deadline is over.
void job_expired(struct job *j);
// From the owner: what it was for goes. Nothing of it runs any more, over neither.
void job_gone(struct job *j);

// Would an answer be of use to it?
static inline bool job_waits(const struct job *j)
{
    return j->state == JOB_WAITS || j->state == JOB_RUNS;
}

// The step that it is at; NULL before it has begun.
const struct step *job_step(const struct job *j);

// ---- for use in a step ----

// return job_fail(j, 403, "cause")
enum step_verdict job_fail(struct job *j, unsigned status, const char *cause);
// return job_wait(j, ms): how long at most. Of one that waits already: so long from now.
enum step_verdict job_wait(struct job *j, uint32_t ms);
// return job_go(j, &another): goes on with the first step of another list.
enum step_verdict job_go(struct job *j, const struct procedure *proc);

// ---- hooks ----

// Runs fn before or behind the step of that name. ERR_NOTFOUND, ERR_FULL.
int steps_hook(struct steps_owner *o, const struct procedure *proc, const char *step,
               enum hook_side side, hook_fn fn, void *arg);
// What is counted where: the counter at this offset of a struct of uint64_t.
struct steps_count {
    const struct procedure *proc;
    const char *step;
    enum hook_side side;
    size_t counter;
};
int steps_count(struct steps_owner *o, const struct steps_count *rows, size_t n, void *counters);
// Runs fn before each step that has this point.
int steps_hook_point(struct steps_owner *o, const struct trigger *point, hook_fn fn, void *arg);
