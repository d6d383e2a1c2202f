// SPDX-License-Identifier: Apache-2.0
// Requests terminated at the served user (TS 24.229 5.4.3.3): what its two files share. terminating.c has
// the steps and what is done with responses; targets.c chooses the contacts.
#pragma once

#include "scscf/scscf_priv.h"
#include "sip/prefs.h"

struct term_job;

// One contact that the request may go to.
struct attempt {
    struct term_job *job;
    struct attempt *flow;   // another flow of the same UE, for when this one fails (RFC 5626 7)
    struct pxy_target target;
    uint64_t binding;       // id
    struct str uri;
    uint16_t q, score;      // thousandths: the UE's own, and of the caller's preferences (RFC 3841 7.2.4)
    enum trust_side to;     // what kind of neighbour gets it
    bool failed;            // it could not be reached
    bool lent;              // see scscf_keep_back
};

struct term_job {
    struct job job;
    struct served served; // from the Request-URI
    struct attempt **of;  // in the order in which they are tried
    size_t *group;        // of each: those of one are tried together
    size_t n, tried;      // contacts; how many have been forwarded to
    size_t open;          // branches without a final response
    bool reached;         // a contact of the user has said something
};

static inline struct registration *term_served(const struct term_job *t, size_t *ret_index)
{
    const struct scscf *s = t->job.nf;
    return scscf_serving(s, &t->served, ret_index);
}

// The same one by one, when the HSS has the identity in several sets; *it starts at 0.
static inline struct registration *term_next(const struct term_job *t, size_t *it)
{
    const struct scscf *s = t->job.nf;
    if (!t->served.key.n)
        return registrar_next_with(s->registrar, t->served.impu, it, NULL);
    return (*it)++ ? NULL : term_served(t, NULL);
}

// Fills of, group and n: contacts that the caller does not exclude, the best first. ERR_NOMEM.
int targets_choose(struct term_job *t, struct pxy *p);
// Does a contact say that it serves the event package (RFC 3840 events)?
bool targets_serve(const struct registration *reg, struct arena *a, struct str package);
