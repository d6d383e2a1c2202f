// SPDX-License-Identifier: Apache-2.0
// Procedures that are run for a SIP request (base/steps.h): what jobs are about is a pxy. A job
// lives in its pxy's arena, so that the pxy is there whenever the job is; across Diameter, DNS and
// timers travels the pxy's id. A rejection becomes a response in one place, with one log line that
// has Call-ID, identity and cause.
#pragma once

#include "base/steps.h"
#include "stack/proxy/proxy.h"

// What the jobs of a network function belong to; to be called before any is run.
void pxy_steps_init(struct steps_owner *o, void *nf);

// Runs the procedure for p. j is zeroed but for the NF's part of its struct, whose first member it
// is; it becomes the pxy's ctx. ended (may be NULL) is called when the pxy goes, to give back what
// the job holds.
void pxy_run(struct pxy *p, struct job *j, const struct procedure *proc,
             const struct steps_owner *o, void (*ended)(struct job *j));

// The job that waits for something, by its pxy's id; network functions ask pxy_job (stack/stack.h).
// NULL: gone, or over for another reason; that is normal.
struct job *pxy_layer_job(const struct pxy_layer *l, pxy_id id);

static inline struct pxy *job_pxy(const struct job *j)
{
    return j->subject;
}

// What most steps look at.
static inline const struct sip_msg *job_request(const struct job *j)
{
    return pxy_request(job_pxy(j));
}

static inline struct arena *job_arena(const struct job *j)
{
    return j->arena;
}

static inline struct sip_edits *job_edits(const struct job *j)
{
    return pxy_edits(job_pxy(j));
}
