// SPDX-License-Identifier: Apache-2.0
// Inside of the S-CSCF: its state, and what its procedures offer each other.
#pragma once

#include "base/map.h"
#include "dia/cx.h"
#include "ims/digest.h"
#include "ims/routing.h"
#include "ims/trust.h"
#include "scscf/auth.h"
#include "scscf/brake.h"
#include "scscf/registrar.h"
#include "scscf/scscf.h"
#include "stack/pipeline.h"

enum scscf_counter {
    SC_CHALLENGES, SC_AUTH_FAILURES, SC_RESYNCS, SC_REGISTERED, SC_REREGISTERED, SC_DEREGISTERED,
    SC_EXPIRED, SC_ORIGINATING, SC_TERMINATING, SC_HSS_FAILURES, SC_UNREACHABLE, SC_REPLACED,
    SC_COUNTERS
};

struct scscf {
    struct loop *loop;
    const struct scscf_config *cfg; // the copy below
    struct scscf_config own;        // texts belong to the configuration given at start
    struct stack *stack;
    struct trust_domain trusted, exempt;
    struct trust_map neighbours;
    struct routing routing;
    struct dia_node *dia;
    struct profile_store *profiles;
    struct registrar *registrar;
    struct auth_table *auth;
    struct brake *brake;
    struct digest *digest;
    struct scscf_params params;
    struct str host;      // host of cfg->name
    struct arena arena;   // texts that live as long as the S-CSCF
    struct str route_host;// host and port that our Route entries name
    char route_room[ADDR_TEXT_MAX];
    timer_cb drained;
    void *drained_arg;
    struct list notices;  // cx.c: server assignments that nobody waits for
    uint64_t counters[SC_COUNTERS];
};

// Did the request come from inside the trust domain?
static inline bool scscf_trusts(const struct scscf *s, const struct pxy *p)
{
    return trust_domain_has(&s->trusted, &pxy_source(p)->remote);
}

// What kind of neighbour did it come from?
static inline enum trust_side scscf_side(const struct scscf *s, const struct pxy *p)
{
    return trust_side_of(&s->neighbours, &pxy_source(p)->remote);
}

static inline void scscf_count(struct scscf *s, enum scscf_counter c)
{
    s->counters[c]++;
}

// ---- procedures (one file each); they own the pxy from now on ----
void scscf_register_begin(struct scscf *s, struct pxy *p);
void originating_begin(struct scscf *s, struct pxy *p);
void terminating_begin(struct scscf *s, struct pxy *p);
void subsequent_begin(struct scscf *s, struct pxy *p);

// ---- Route entries of ours ----
// "<sip:user@host;lr>" with the user part that says which case a request belongs to.
struct str scscf_route(const struct scscf *s, struct arena *a, const char *user);
#define ROUTE_ORIG "orig" // Service-Route: originating requests (TS 24.229 5.4.3.1)
#define ROUTE_MO "mo"     // Record-Route of the originating side
#define ROUTE_MT "mt"     // Record-Route of the terminating side

// "sip:domain", where requests to identities of the home network go, whatever port and parameters
// stand in their Request-URI.
struct str scscf_home_entry(const struct scscf *s, struct arena *a);
// Is the URI one of the home network, and not made to lead elsewhere by maddr?
bool scscf_is_home_uri(const struct scscf *s, const struct sip_uri *u);
// Is something left of Route behind our own entry?
bool scscf_has_route(const struct pxy *p);

// The operator's identifier for P-Charging-Vector.
struct str scscf_ioi(const struct scscf *s);
// The same as type 1, between this node and a P-CSCF (TS 24.229 table 7.2A.5A).
struct str scscf_ioi_1(const struct scscf *s, struct arena *a);
// Does the request set up a dialog, so that we stay on its path?
bool scscf_makes_dialog(const struct sip_msg *m);
// True for a host that is the home domain.
bool scscf_is_home(const struct scscf *s, struct str host);

// ---- edge.c ----
// The kind of neighbour that a request with these edits goes to: next_hop's, else the first Route's or the
// Request-URI's.
enum trust_side scscf_side_of_next(const struct scscf *s, struct arena *a,
                                   const struct sip_edits *e, struct str next_hop);
// Removes what that neighbour may not see.
void scscf_hide(const struct scscf *s, enum trust_side to, const struct sip_msg *m,
                struct sip_edits *e);
// A response on its way back: what its sender may not say, and who asked may not see. A charging vector of
// the request comes back with its own orig-ioi, and term_ioi (TS 24.229 4.5.4).
void scscf_pass_response(const struct scscf *s, const struct pxy *p, enum trust_side from,
                         struct str term_ioi, const struct sip_msg *msg, struct sip_edits *edits);

// ---- service.c ----
// A step: the service that the UE prefers is asserted when the user of identity i of the profile has it
// (TS 24.229 5.4.3.2).
enum step_verdict service_assert(struct job *j, const struct service_profile *profile);

// ---- P-Charging-Vector (TS 24.229 4.5, RFC 7315 4.6) ----
// The received vector as text with orig-ioi and term-ioi replaced by those given (p NULL: left out).
// STR_NONE when the message has none.
struct str charging_vector(struct arena *a, const struct sip_msg *m, struct str orig_ioi,
                           struct str term_ioi);
// The same for a called user's P-CSCF: without term-ioi and transit-ioi.
struct str charging_vector_to_ue(struct arena *a, const struct sip_msg *m, struct str orig_ioi);
// Value of the parameter in the message's vector; p NULL when absent.
struct str charging_orig_ioi(const struct sip_msg *m);
// Value of P-Charging-Function-Addresses for what the HSS gave; STR_NONE when it gave none.
struct str charging_addresses(struct arena *a, const struct cx_charging *c);

// ---- Cx (TS 29.228) ----
// How a failed or refused exchange is answered: reject.status 0 means success. err and result as
// the callbacks of dia/cx.h have them.
struct reject cx_verdict(int err, struct dia_result result);
// Requests of this S-CSCF, with everything filled in that is the same for all of them.
int cx_ask_vector(struct scscf *s, const struct job *j, struct str impi, struct str impu,
                  const struct cx_auth_item *item, cx_maa_cb cb);
int cx_assign(struct scscf *s, struct str call_id, struct str impi, struct str impu,
              enum cx_sar_type type, bool have_profile, cx_saa_cb cb, cx_arg arg);
// The same without interest in the answer beyond a log line.
void cx_notify(struct scscf *s, struct str call_id, struct str impi, struct str impu,
               enum cx_sar_type type);
void cx_notices_free(struct scscf *s);
