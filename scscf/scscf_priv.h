// SPDX-License-Identifier: Apache-2.0
// Inside of the S-CSCF: its state, and what its procedures offer each other.
#pragma once

#include "base/map.h"
#include "dia/cx.h"
#include "ims/digest.h"
#include "ims/impu.h"
#include "ims/routing.h"
#include "ims/trust.h"
#include "scscf/auth.h"
#include "scscf/brake.h"
#include "scscf/hss_hosts.h"
#include "scscf/outbox.h"
#include "scscf/registrar.h"
#include "scscf/scscf.h"
#include "scscf/unregistered.h"
#include "stack/proxy/pipeline.h"
#include "stack/stack.h"

enum scscf_counter {
    SC_CHALLENGES, SC_AUTH_FAILURES, SC_RESYNCS, SC_REGISTERED, SC_REREGISTERED, SC_DEREGISTERED,
    SC_EXPIRED, SC_ORIGINATING, SC_TERMINATING, SC_HSS_FAILURES, SC_UNREACHABLE, SC_REPLACED,
    SC_MEDIA_REFUSED, SC_ROUTE_REFUSED, SC_UNSTORED,
    SC_COUNTERS
};

struct media_rules;

struct scscf {
    struct loop *loop;
    const struct scscf_config *cfg; // the copy below
    struct scscf_config own;        // texts belong to the configuration given at start
    struct stack *stack;
    struct steps_owner steps;
    struct trust_domain trusted, exempt;
    struct trust_map neighbours;
    struct routing routing;
    struct numbering plan; // and home domains
    struct dia_node *dia;
    struct profile_store *profiles;
    struct registrar *registrar;
    struct registrar_observer ends; // bindings.c
    struct keys *keys;
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
    struct map busy;      // register_race.c: REGISTERs that wait for the HSS, by private identity
    uint64_t registers;   // REGISTERs so far
    struct list asked;    // hss_requests.c: requests that are out
    struct outbox *outbox;
    struct keep *keep;       // NULL: nothing outlives the process
    struct durable *durable; // the same
    struct hss_hosts *hosts;
    struct media_rules *media; // media.c
    uint64_t sdp_limits[SDP_LIMIT_COUNT]; // requests refused for what their description has too much of
    struct unregistered *unregistered;
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

extern const struct procedure scscf_originating, scscf_terminating;

// control.c
int scscf_count_steps(struct scscf *s);

// ---- procedures (one file each); they own the pxy from now on ----
void scscf_register_begin(struct scscf *s, struct pxy *p);
void originating_begin(struct scscf *s, struct pxy *p);
void terminating_begin(struct scscf *s, struct pxy *p);
void subsequent_begin(struct scscf *s, struct pxy *p);

// ---- bindings.c ----
// Has the HSS hear of what ends in the registrar, and the log of what expires.
void bindings_observe(struct scscf *s);

// ---- Route entries of ours (routes.c) ----
// "<sip:user@host;lr>" with the user part that says which case a request belongs to.
struct str scscf_route(const struct scscf *s, struct arena *a, const char *user);
#define ROUTE_ORIG "orig" // originating requests (TS 24.229 5.4.3.1); Service-Routes begin with it (service_route.h)
#define ROUTE_MO "mo"     // Record-Route of the originating side
#define ROUTE_MT "mt"     // Record-Route of the terminating side

// Is something left of Route behind our own entry?
bool scscf_has_route(const struct pxy *p);
// Does the request set up a dialog, so that we stay on its path?
bool scscf_makes_dialog(const struct sip_msg *m);

// ---- home.c ----
// True for a host that is one of the home domains.
bool scscf_is_home(const struct scscf *s, struct str host);
// "sip:domain", where requests to identities of the home network go, whatever port and parameters
// stand in their Request-URI.
struct str scscf_home_entry(const struct scscf *s, struct arena *a);
// Is the URI one of the home network, and not made to lead elsewhere by maddr?
bool scscf_is_home_uri(const struct scscf *s, const struct sip_uri *u);
// The operator's identifier for P-Charging-Vector.
struct str scscf_ioi(const struct scscf *s);
// The same as type 1, between this node and a P-CSCF (TS 24.229 table 7.2A.5A).
struct str scscf_ioi_1(const struct scscf *s, struct arena *a);

// ---- served.c ----
// Who is served: a canonical identity, and the canonical wildcarded one by which it is; empty: by itself.
struct served {
    struct str impu, key;
};
// The registration, and the place in its profile of what it is served by. NULL: not registered here.
struct registration *scscf_serving(const struct scscf *s, const struct served *who, size_t *ret_index);
// The wildcarded identity that a neighbour says is concerned, canonical; STR_NONE: none. Whether the neighbour is
// believed is the caller's.
struct str scscf_profile_key(const struct scscf *s, struct arena *a, const struct sip_msg *m);
bool scscf_key_covers(const struct scscf *s, struct str key, struct str impu);
// By which identity of its set the HSS is told of a registration.
struct str scscf_default_impu(const struct registration *reg);

// ---- absent.c: who is called and not registered here ----
// What a call to somebody is answered whose profile is kept. status 0: none is.
struct reject absent_known(const struct scscf *s, struct arena *a, const struct served *who);
// Keeps what the HSS gave, unless the user is registered by now, and says what the call is answered.
struct reject absent_take(struct scscf *s, const struct served *who, const struct cx_saa *saa);
// Whether the HSS has taken the user for served here is not known: it is told that he is not.
void absent_doubt(struct scscf *s, const struct served *who);
void absent_given_back(void *arg, const struct unregistered_user *u);

// ---- identities.c ----
// What a Request-URI that is dialled by a user means: uri with p NULL and no status: no number of this network.
struct dialled {
    struct str uri;    // what becomes of it
    unsigned status;   // the response when it cannot be understood; 0: none
    const char *cause;
};
struct dialled scscf_dialled(const struct scscf *s, struct arena *a, const struct sip_uri *uri);
// What is asserted together with a URI that is identity `of` of a profile, or is covered by it: the tel URI of a SIP
// one, a SIP URI of a tel one (TS 24.229 5.4.3.2, 5.4.3.3). STR_NONE: there is none.
struct str scscf_alias(const struct scscf *s, struct arena *a, const struct profile *p, size_t of,
                       const struct sip_uri *asserted);
// The Request-URI without the parameters that route numbers.
struct str scscf_called_uri(struct arena *a, const struct sip_uri *uri);

// ---- edge.c ----
// The kind of neighbour that a request with these edits goes to: next_hop's, else the first Route's or the
// Request-URI's.
enum trust_side scscf_side_of_next(const struct scscf *s, struct arena *a,
                                   const struct sip_edits *e, struct str next_hop);
// Removes what that neighbour may not see.
void scscf_hide(const struct scscf *s, enum trust_side to, const struct sip_msg *m,
                struct sip_edits *e);
// A response on its way back: what its sender may not say, and who asked may not see. A charging vector of
// the request comes back with its own orig-ioi, and term_ioi (TS 24.229 4.5.4); true: in the place of the sender's.
bool scscf_pass_response(const struct scscf *s, const struct pxy *p, enum trust_side from,
                         struct str term_ioi, const struct sip_msg *msg, struct sip_edits *edits);
// The same of a further 2xx, for pxy_forward_ops: what of the request and of p is needed for it, and how it goes. lent:
// what scscf_pass_response gave for the first.
void scscf_keep_back(const struct scscf *s, struct pxy *p, enum trust_side from, bool lent, struct str term_ioi,
                     struct writer *w);
void scscf_pass_late(const struct scscf *s, struct str kept, struct str term_ioi, const struct sip_msg *msg,
                     struct sip_edits *edits);

// Credentials for a home domain, or of a private identity of one, end here (RFC 3261 22.2, 22.3).
void scscf_drop_credentials(const struct scscf *s, const struct sip_msg *m, struct sip_edits *e);

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
// For use in a step: a request that could not be sent; waiting for the answer to one; and what becomes of the step when
// not even word came that there is no answer.
enum step_verdict scscf_unasked(struct job *j, int err);
enum step_verdict scscf_wait(struct job *j);
enum step_verdict scscf_late(struct job *j);
// Requests of this S-CSCF, with everything filled in that is the same for all of them.
int cx_ask_vector(struct scscf *s, const struct job *j, struct str impi, struct str impu,
                  const struct cx_auth_item *item, cx_maa_cb cb);
struct assignment {
    struct str call_id, impi, impu; // impi empty: of the identity, whoever has it
    struct str key;                 // the wildcarded identity that covers impu; empty: none
    enum cx_sar_type type;
    bool have_profile;
};
int cx_assign(struct scscf *s, const struct assignment *q, cx_saa_cb cb, cx_arg arg);
// SAR UNREGISTERED_USER. cb is called also when job, an id, is gone. doubtful: the HSS may have taken who for served
// here, and does not say so.
typedef void (*cx_absent_cb)(struct scscf *s, cx_arg job, const struct served *who, int err, const struct cx_saa *a,
                             bool doubtful);
int cx_ask_absent(struct scscf *s, struct str call_id, const struct served *who, cx_absent_cb cb, cx_arg job);
// Has the private identity (empty: any) bound a contact to what has the public one; by_pattern: or covers it?
bool cx_is_bound(const struct scscf *s, const struct outbox_note *n);
// The same while nobody waits for the answer: delivered now or later (outbox.h).
void cx_notify(struct scscf *s, struct str call_id, struct str impi, struct str impu,
               enum cx_sar_type type);
void cx_tell(struct scscf *s, const struct outbox_note *n);
// The HSS has taken a registration of a user who is new here, and this S-CSCF cannot serve it: err says why
// (ERR_TOOBIG: there is too much of it). The HSS is told, and the answer is for the I-CSCF to choose another
// S-CSCF (TS 29.228 6.1.2.1, TS 24.229 5.3.1.3).
struct reject cx_cannot_serve(struct scscf *s, struct str call_id, struct str impi, struct str impu, int err);
// Before the Diameter node is made, of p; and when it is gone.
int cx_start(struct scscf *s, struct dia_params *p);
void cx_stop(struct scscf *s);
