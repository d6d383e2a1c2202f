// SPDX-License-Identifier: Apache-2.0
// REGISTER at the S-CSCF (TS 24.229 5.4.1): what its files share, each of which knows only those named
// before it:
//   register_job      whom and what the request is about
//   register_reply    writes 401 and 200
//   register_failure  of a challenge that was answered wrongly
//   register_plan     what the request means for the bindings that are there; register_check: whether it may
//   register_race     those that wait at the same time; register_store: for the disk
//   register_challenge, register_unbind, register_bind  ask for a vector and challenge; change the bindings
//   register_settle   chooses among them once the sender is believed; register_answer: checks a response before
//   register          reads the request and chooses
#pragma once

#include "scscf/scscf_priv.h"
#include "scscf/source.h"

// What the P-CSCF says about the way the request came (TS 24.229 7.2A.2).
enum protection {
    PROT_NONE,    // no parameter
    PROT_NO,      // "no": no security association yet
    PROT_PENDING, // "tls-pending", "ip-assoc-pending"; "tls-connected" proves as little
    PROT_YES,     // "yes": IMS-AKA done before
    PROT_ASSOC,   // "tls-yes", "ip-assoc-yes": SIP Digest done before
};

struct contact_wish {
    const struct sip_contact *contact;
    uint32_t expires_s; // granted; 0: to be removed
    uint32_t reg_id;    // the flow that it is (RFC 5626 6); 0: none, whatever it says
};

// How the sender has proved in this REGISTER who it is.
enum register_proof { PROOF_NONE, PROOF_AKA, PROOF_DIGEST };

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
    bool outbound;        // flows are in use (RFC 5626 6)
    bool waits, overtaken;// register_race.c
    bool assigned;        // the HSS has been told, and agreed
    bool apart;           // the HSS has the identity in another set for this private identity
    enum register_proof proof;
    bool again;                // the HSS was asked as for one who has a contact here
    bool multiple;             // it was told that there may be contacts which are not known here
    bool alone;                // there are none that could be used
    bool anew;                 // the HSS has others, so that all of it begins again
    bool told;                 // the HSS gets to know of all contacts as they are to be
    uint64_t order;       // of arrival
    uint64_t last_bound;  // the newest contact that it has bound
    uint64_t record;      // of the registration that it has changed (durable.h); 0: none is kept
    uint32_t cseq;
    struct str *gone;     // what the 200 says of the contacts that were removed
    size_t n_gone;
    bool supersedes;      // the challenge to come takes the place of the one that was answered
    uint8_t failures, resyncs; // so far in this authentication
    bool resync;               // it is a resynchronisation that the HSS is asked about
    struct str md5_ha1;        // beside the vector's, empty: none
    struct cx_auth_item vector;// from the HSS, in the pxy's arena
    struct profile *profile;   // from the HSS; taken over by the step that follows
    struct str charging;
    bool loose_route;          // the HSS wants loose routing for this user
    struct str auth_info; // Authentication-Info of the 200
};

extern const struct procedure register_challenge, register_resync, register_answer_aka,
    register_answer_digest, register_refresh, register_bind, register_unbind, register_query;

static inline struct scscf *register_nf(const struct register_job *r)
{
    return r->job.nf;
}

static inline struct arena *register_arena(const struct register_job *r)
{
    return job_arena(&r->job);
}

// The registration of the public identity: the one that the private identity holds, else another one's. NULL: not
// registered, or only in a set that is another one.
struct registration *register_find(const struct register_job *r);

// Does it bind a contact, rather than ask or remove?
bool register_adds(const struct register_job *r);

// Entry in Path of the node that the UE sent to, its P-CSCF; NULL: none.
const struct sip_uri *register_first_hop(const struct register_job *r);

// Whom the brakes are about.
struct brake_key register_key(const struct register_job *r);
// Refuses what a brake holds up: CONTINUE when none does. 500 with Retry-After is for a condition
// that passes (RFC 3261 21.5.1); 503 would be about this node, and make the I-CSCF and others
// avoid it (21.5.4, 16.7 step 6).
enum step_verdict register_held_up(struct register_job *r, struct brake_verdict v);

// A binding, and what becomes of it.
struct binding_fate {
    struct binding *binding;
    size_t wish;   // the first one that means it; r->n_wishes: none does
    bool same;     // and names this very contact of this private identity
    bool replaced; // it makes room for what is bound
};
struct register_plan {
    struct binding_fate *of; // in the order of registration_bindings
    size_t n, adds;          // bindings; wishes that bind
};
// In the pxy's arena. ERR_NOMEM.
int register_plan(const struct register_job *r, struct register_plan *ret_plan);
// How many contacts the private identity may have; 0: as many as the registration set.
uint32_t register_limit(const struct register_job *r);
// ---- register_backup.c: what the HSS is to keep of it (TS 23.380 4.2, TS 29.228 6.1.2.1) ----
// Path values in order, comma-separated. STR_NONE when out of memory.
struct str register_path(const struct register_job *r);
// What a wish binds.
int register_binding(struct register_job *r, const struct contact_wish *w, struct str path,
                     struct binding_params *ret_params);
// Every contact of the private identity as this REGISTER leaves them; not present when the HSS knows all that. Sets
// r->told. ERR_NOMEM.
int register_backup(struct register_job *r, struct cx_restoration *ret_restoration);
// Might the private identity have contacts that another S-CSCF, or this one before it forgot, has bound?
bool register_may_have_more(const struct register_job *r);
// Steps: RFC 3261 10.3 step 7: refuses what is older than what it would change.
enum step_verdict register_check_order(struct job *j);
// Refuses to bind without proof what was not bound before (TS 24.229 5.4.1.2.2).
enum step_verdict register_check_known(struct job *j);
enum step_verdict register_check_count(struct job *j);

// From here on r is known as one that waits for the HSS; it ends with r at the latest. ERR_NOMEM.
int register_wait_begin(struct register_job *r);
void register_wait_end(struct register_job *r);
// r has changed bindings: older ones that wait and are about the same are overtaken.
void register_overtake(const struct register_job *r);

// The challenge that the credentials answer; NULL: gone.
struct challenge *register_challenged(const struct register_job *r);
// For the brake on guessing.
void register_failed(const struct register_job *r);
// The challenge that was answered has failed: the HSS hears of it, and gives what the REGISTER is answered
// with (TS 24.229 5.4.1.2.3).
struct reject register_refuse(struct register_job *r, const char *cause);

// Steps behind what changes bindings: it is on the disk before the answer leaves. register_await_store: or the
// REGISTER is refused; register_forget: or not. With what becomes of each when that takes too long.
enum step_verdict register_await_store(struct job *j);
enum step_verdict register_await_store_late(struct job *j);
enum step_verdict register_forget(struct job *j);
enum step_verdict register_forget_late(struct job *j);

// 401 for the challenge c (TS 24.229 5.4.1.2.1, 5.4.1.2.1A); with ck and ik for AKA.
enum step_verdict register_send_challenge(struct register_job *r, const struct challenge *c);
// 200 with the bindings as they are now (TS 24.229 5.4.1.2.2F).
enum step_verdict register_send_ok(struct register_job *r);
// 200 with what was removed and what is left (TS 24.229 5.4.1.4.1).
enum step_verdict register_send_gone(struct register_job *r);

// The procedure that the request wants once its sender is known to be who it says.
enum step_verdict register_settle(struct job *j);
