// SPDX-License-Identifier: Apache-2.0
// Procedures as step lists. A request handler is a const array of named steps; each continues, waits
// for something asynchronous (and is resumed at the next step), is done, or rejects. Rejections are
// turned into a response in one place, with one log line that has Call-ID, identity and reason.
#pragma once

#include "stack/proxy/proxy.h"

enum step_verdict { STEP_CONTINUE, STEP_WAIT, STEP_DONE, STEP_REJECT };

// The peer's mistake, or ours to answer for: what goes into the response.
struct reject {
    unsigned status;
    const char *reason;    // static phrase for the status line; NULL: the standard one
    const char *cause;     // what to log: "To and Authorization do not belong together"
    uint32_t code;         // what the cause is about, behind it in log and Warning; 0: nothing
    uint32_t retry_after;  // seconds, 0: none
    struct sip_edits *extra; // further headers (Unsupported, Min-Expires ...), NULL: none
    bool quiet;            // no line in the log: of this refusal there have been enough
};

struct job; // one run of a step list over one pxy

typedef enum step_verdict (*step_fn)(struct job *j);

struct step {
    const char *name;
    step_fn run;
    const char *clause; // "TS 24.229 5.2.2.1"
};

struct procedure {
    const char *name; // "register", for logs
    const struct step *steps;
    size_t n;
};

// The first member of every NF's own per-request struct. Allocated in the pxy's arena.
struct job {
    pxy_id id;
    struct pxy_layer *pxys;
    const struct procedure *proc;
    size_t next;            // index of the step that runs next
    struct reject reject;   // filled by a step that returns STEP_REJECT
    struct str identity;    // whom it is about, for the log
    void *nf;
};

// Starts the procedure. j is zeroed but for its NF part; it becomes the pxy's ctx unless one is set.
void job_start(struct job *j, struct pxy *p, const struct procedure *proc, void *nf);
// The pxy, NULL when gone.
struct pxy *job_pxy(const struct job *j);
// Continues a waiting job, which the owner finds again by the pxy's id (job_find of stack.h).
void job_resume(struct job *j);
// Ends a waiting job with a rejection.
void job_reject(struct job *j, struct reject r);
// For use in a step: return job_fail(j, 403, "cause") fills j->reject and gives STEP_REJECT.
enum step_verdict job_fail(struct job *j, unsigned status, const char *cause);
