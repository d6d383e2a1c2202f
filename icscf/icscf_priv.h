// SPDX-License-Identifier: Apache-2.0
// Inside of the I-CSCF.
#pragma once

#include "dia/cx.h"
#include "icscf/icscf.h"
#include "icscf/select.h"
#include "ims/impu.h"
#include "ims/routing.h"
#include "ims/trust.h"
#include "stack/proxy/pipeline.h"
#include "stack/stack.h"
#include "stack/txn/marks.h"

enum icscf_counter {
    IC_REGISTERS, IC_LOCATIONS, IC_SELECTIONS, IC_RESELECTIONS, IC_HSS_FAILURES, IC_REFUSED,
    IC_AVOIDED, IC_COUNTERS
};

struct icscf {
    struct loop *loop;
    const struct icscf_config *cfg; // the copy below
    struct icscf_config own;        // texts belong to the configuration given at start
    struct stack *stack;
    struct steps_owner steps;
    struct trust_domain trusted, exempt;
    struct trust_map neighbours;
    struct routing routing;
    struct numbering plan; // and home domains
    struct dia_node *dia;
    struct scscf_table table;
    struct marks failed; // S-CSCFs that were silent or not to be reached, by name
    struct icscf_params params;
    struct arena arena;
    struct str host; // of cfg->name
    uint64_t icid_boot, icid_count;
    timer_cb drained;
    void *drained_arg;
    uint64_t counters[IC_COUNTERS];
};

enum { TRIED_MAX = 8, AVOID_MAX = 16 };

// One request on its way to an S-CSCF, for both procedures.
struct icscf_job {
    struct job job;
    struct str impu, impi;
    struct str visited;
    bool is_register, originating, deregisters;
    struct str server;           // S-CSCF to forward to now
    bool assigned;               // by the HSS, which said nothing of capabilities
    bool asked_capabilities;
    struct cx_capabilities caps; // copied into the pxy's arena
    struct str tried[TRIED_MAX];
    size_t n_tried;
};

static inline void icscf_count(struct icscf *i, enum icscf_counter c)
{
    i->counters[c]++;
}

// Did the request come from inside the trust domain?
static inline bool icscf_trusts(const struct icscf *i, const struct pxy *p)
{
    return trust_domain_has(&i->trusted, &pxy_source(p)->remote);
}

// What kind of neighbour did it come from?
static inline enum trust_side icscf_side(const struct icscf *i, const struct pxy *p)
{
    return trust_side_of(&i->neighbours, &pxy_source(p)->remote);
}

// Removes what such a neighbour may not see from a response to it.
static inline void icscf_hide_from(const struct icscf *i, enum trust_side side, const struct sip_msg *msg,
                                   struct sip_edits *edits)
{
    trust_out(side, i->cfg->trust.warnings == STACK_WARNINGS_FULL, msg, edits);
}

static inline void icscf_hide(const struct icscf *i, const struct pxy *p,
                              const struct sip_msg *msg, struct sip_edits *edits)
{
    icscf_hide_from(i, icscf_side(i, p), msg, edits);
}

static inline struct icscf *icscf_of(const struct icscf_job *r)
{
    return r->job.nf;
}

extern const struct procedure icscf_register, icscf_location;

// ---- procedures; they own the pxy from now on ----
void icscf_register_begin(struct icscf *i, struct pxy *p);
void icscf_subsequent_begin(struct icscf *i, struct pxy *p);
// Does an initial request of a neighbour have more of a way than this node (TS 24.229 5.3.2.1)? Then it
// goes it, and the HSS is not asked.
bool icscf_is_routed(const struct icscf *i, const struct pxy *p);
void location_begin(struct icscf *i, struct pxy *p);

// ---- shared steps ----
// Picks an S-CSCF when the HSS has named none (TS 24.229 5.3.1.2, 5.3.2.1).
enum step_verdict icscf_choose(struct job *j);
// Forwards to r->server; reselect.c takes over when it fails there.
enum step_verdict icscf_forward(struct job *j);

// ---- Cx ----
// The user's S-CSCF, by UAR or LIR; and_capabilities asks for capabilities even when there is one.
// The job is resumed at its next step with server, caps and assigned filled.
enum step_verdict cx_ask(struct icscf_job *r, bool and_capabilities);
// Of a step that asks: there was not even word that there is no answer.
enum step_verdict icscf_late(struct job *j);

// ---- control.c ----
int icscf_count_steps(struct icscf *i);
