// SPDX-License-Identifier: Apache-2.0
// REGISTER at the S-CSCF (TS 24.229 5.4.1): what its files share. register.c reads the request and
// chooses; register_challenge.c asks for a vector and challenges; register_answer.c checks
// a response; register_bind.c changes what is registered; register_reply.c writes 401 and 200.
#pragma once

#include "scscf/scscf_priv.h"
#include "scscf/source.h"

// What the P-CSCF says about the way the request came (TS 24.229 7.2A.2).
enum protection {
    PROT_NONE,    // no parameter
    PROT_NO,      // "no": no security association yet
    PROT_PENDING, // "tls-pending", "ip-assoc-pending"
    PROT_YES,     // "yes", "tls-connected": IMS-AKA done before
    PROT_ASSOC,   // "tls-yes", "ip-assoc-yes": SIP Digest done before
};

struct contact_wish {
    const struct sip_contact *contact;
    uint32_t expires_s; // granted; 0: to be removed
};

struct register_job {
    struct job job;
    struct str impu;      // canonical, from To
    struct str impi;
    struct str call_id;
    struct source from;
    const struct sip_auth *auth; // Digest credentials, NULL: none
    enum protection protection;
    struct contact_wish *wishes;
    size_t n_wishes;
    bool star;
    bool hss_decides;     // the HSS has no IMS-AKA for this user
    bool stale;           // the challenge to come says stale=true
    bool supersedes;      // the challenge to come takes the place of the one that was answered
    uint8_t failures, resyncs; // so far in this authentication
    struct cx_auth_item vector;// from the HSS, in the pxy's arena
    struct profile *profile;   // from the HSS; taken over by the step that follows
    struct str charging;
    struct str auth_info; // Authentication-Info of the 200
};

extern const struct procedure register_challenge, register_resync, register_answer_aka,
    register_answer_digest, register_refresh, register_bind, register_unbind, register_query;

static inline struct scscf *register_nf(const struct register_job *r)
{
    return r->job.nf;
}

// Goes on with another list of steps; returned by a step.
enum step_verdict register_go(struct register_job *r, const struct procedure *proc);
// The registration of the public identity, NULL: not registered.
struct registration *register_find(const struct register_job *r);

// Whom the brakes are about.
struct brake_key register_key(const struct register_job *r);
// Refuses what a brake holds up: CONTINUE when none does. 500 with Retry-After is for a condition
// that passes (RFC 3261 21.5.1); 503 would be about this node, and make the I-CSCF and others
// avoid it (21.5.4, 16.7 step 6).
enum step_verdict register_held_up(struct register_job *r, struct brake_verdict v);

// 401 for the challenge c (TS 24.229 5.4.1.2.1, 5.4.1.2.1A); with ck and ik for AKA.
enum step_verdict register_send_challenge(struct register_job *r, const struct challenge *c);
// 200 with the bindings as they are now (TS 24.229 5.4.1.2.2F).
enum step_verdict register_send_ok(struct register_job *r);

// The procedure that the request wants once its sender is known to be who it says.
enum step_verdict register_settle(struct job *j);
