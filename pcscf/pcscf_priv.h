// SPDX-License-Identifier: Apache-2.0
// What the P-CSCF's files share. They are layers, each of which needs those below it only (docs/pcscf.md):
//   console and metrics   control.c
//   wiring                pcscf.c: which procedure takes a request, what is counted, listeners
//   procedures            procedures.h
//   what they share       this header: a section for each file
//   what is kept          registry.h, association.h, token.h and their like
#pragma once

#include "base/bucket.h"
#include "ims/trust.h"
#include "pcscf/access_info.h"
#include "pcscf/pcscf.h"
#include "pcscf/registry.h"
#include "pcscf/registry_disk.h"
#include "pcscf/token.h"
#include "stack/proxy/pipeline.h"
#include "stack/stack.h"

// Listener labels: the core side, and one for each address of the access side.
enum { PCSCF_CORE, PCSCF_ACCESS, PCSCF_ACCESS_MAX = 7 };

struct pcscf {
    const struct pcscf_config *config;
    struct loop *loop;
    struct stack *stack;
    struct steps_owner steps;
    struct registry *registry;
    struct keep *keep; // NULL: registrations end with the process
    struct registry_restored restored;
    timer_cb drained;
    void *drained_arg;
    struct numbering plan;
    struct access_info *access_info;
    struct trust_domain trusted; // on the core side
    struct trust_domain exempt;  // from the limits, on the access side
    struct bucket_table *registers; // of strangers, by source and name
    struct bucket_table *pending;   // registrations that a source has begun and not finished
    uint64_t associations_seen;     // association_stats.changes that the stack knows of
    struct keys *keys;
    struct token_key token_key;
    uint64_t icid_boot, icid_count;
    struct str icid_host;                      // slice of core_hostport
    struct str core_hostport;      // in Path and Record-Route; heap
    struct str access_hostport[PCSCF_ACCESS_MAX]; // in Record-Route towards UEs, by address; heap
    struct pcscf_counters counters;
    struct app_trace trace;
};

// One run of a procedure.
struct pjob {
    struct job job;
    struct pcscf *pcscf;
    const struct sip_msg *req;
    struct sip_edits *edits;
    struct arena *arena;
    struct access_flow ue;     // the UE's side of this request
    struct access_flow registered; // the flow that stands in the Path of its registration
    const struct contact *contact;     // valid within one step only
    bool unproven;             // who sends it is for the S-CSCF to find out
    bool outbound;             // the UE's flows are managed by the S-CSCF
    bool counted;              // as a registration begun by its source
    size_t entries_tried;      // of the home network, by a REGISTER
    bool mended;               // the UE's Record-Route had to be replaced by the request's
    bool writing;              // what its 200 (OK) has changed is not on the disk yet
    int write_err;
    struct str icid;           // of the dialog or standalone request, for charging
    struct str asserted;       // identity put into P-Asserted-Identity
    struct pxy_target target;
};

static inline struct pjob *pjob_of(struct job *j)
{
    return (struct pjob *)j;
}

// The configured name or address of the i-th access address; STR_NONE: the address itself.
struct str pcscf_advertised(const struct pcscf_config *c, size_t i);

// ---- request.c ----

// The flow a request came in on, as an access flow.
struct access_flow pcscf_source_flow(const struct pxy *p);
// Is the request inside a dialog?
bool pcscf_in_dialog(const struct sip_msg *m);
// Removes what a UE may not see from a request or response to it (ims/trust.h).
void pcscf_hide_from_ue(const struct pcscf *p, const struct sip_msg *m, struct sip_edits *e);
// What a UE has sent, request or response, on its way to the core: what it may not say goes (TS 24.229 4.4; RFC 3329
// 2.3.1), what this network knows of where it is comes (4.4.3, 7.2A.4).
void pcscf_take_from_ue(const struct pjob *pj, const struct sip_msg *m, struct sip_edits *e);
void pcscf_take_from(const struct pcscf *pc, const struct access_flow *ue, const struct sip_msg *m,
                     struct sip_edits *e);
// The target's side and time for what goes to the core.
void pcscf_aim_at_core(struct pjob *pj);
// Forwards to pj->target with the procedure's response callback.
enum step_verdict pcscf_forward(struct pjob *pj, const struct pxy_forward_ops *ops);

// ---- sender.c ----

enum { PREFERRED_MAX = 2 }; // P-Preferred-Identity has a SIP and a tel URI at most (RFC 3325 9.2)

enum sender_kind {
    SENDER_NOBODY, // nobody who is registered
    SENDER_KNOWN,  // the UE of this contact
    SENDER_CLAIMS, // somebody at this contact's address who says that he is its UE
};
struct sender {
    enum sender_kind kind;
    const struct contact *contact; // as registry_find has it
};
// Of a request on the access side outside of any dialog.
struct sender pcscf_sender(const struct pcscf *p, const struct access_flow *f, const struct sip_msg *m);
// Is this flow, beyond doubt, one of the user's (token_user)?
bool pcscf_is_flow_of(const struct pcscf *p, const struct access_flow *f, uint64_t user);
// A contact on this flow was registered, or has left: the stack knows the flow as somebody else's from now on.
void pcscf_flow_changed(void *pcscf, const struct access_flow *f);
// A request that was let in came on this flow: the association remembers it.
void pcscf_hear(struct pcscf *p, const struct access_flow *f);
// The private identity that a REGISTER is about: of its credentials, else derived from the public one (TS 24.229
// 5.4.1.1).
struct str pcscf_impi(struct arena *a, const struct sip_msg *m);

// ---- reach.c ----

// Is anybody registered here whom the token can mean?
bool pcscf_is_registered(const struct pjob *pj);
// Makes the target the UE: a connection of its, or its address.
void pcscf_aim_at_ue(struct pjob *pj);
// Answers for a UE that cannot be reached.
enum pxy_verdict pcscf_flow_failed(struct pjob *pj, bool in_dialog);
void pcscf_no_stream(void *pcscf, const struct addr *to); // for the stack

// ---- media.c ----
// A step: 488 when the description has media that the network does not allow (TS 24.229 6.2).
enum step_verdict pcscf_check_media(struct job *j);

// ---- alternative.c ----

// Is the initial request for an emergency service: urn:service:sos, or a number of emergency.numbers?
bool pcscf_is_emergency(const struct pcscf *p, const struct sip_msg *m);
// The same for somebody who is not registered, without state.
struct stack_refusal pcscf_emergency_refusal(struct pcscf *p, const struct access_flow *f,
                                             const struct sip_msg *m);
// A step: such a request is answered 380 (TS 24.229 5.2.10).
enum step_verdict pcscf_check_emergency(struct job *j);
// The core is silent or cannot be reached: the UE is told to register anew (TS 24.229 5.2.6.3.2A).
struct reject pcscf_restoration(struct pjob *pj, const char *cause);

// ---- agreement.c ----

// Removes the option tag of the security agreement, which is between the UE and this node (RFC 3329 2.3.1).
void agreement_strip(const struct sip_msg *m, struct sip_edits *e);
// Refuses a request of a UE that has to agree on a mechanism first.
enum step_verdict agreement_refuse(struct job *j, const struct sip_msg *m);

// ---- charging.c ----

// A new globally unique icid-value (TS 24.229 4.5.2), and a P-Charging-Vector with one (RFC 7315 5.6).
struct str pcscf_new_icid(struct pcscf *p, struct arena *a);
struct str pcscf_charging_vector(struct pcscf *p, struct arena *a, struct str icid);
// That of a request to a UE, with our term-ioi (type 1), for the UE's responses; STR_NONE when it
// has none.
struct str pcscf_charging_answer(struct pcscf *p, struct arena *a, const struct sip_msg *req);
// P-Charging-Function-Addresses for a UE's answer to an initial request: what came with the request, else with the
// registration; STR_NONE: none.
struct str pcscf_charging_functions(const struct pjob *pj, struct arena *a);

// ---- dialog_route.c ----

// "host:port" of one side as a UE or core node of that flow's address family reaches it.
static inline struct str pcscf_hostport(const struct pcscf *p, unsigned side, const struct access_flow *f)
{
    size_t i = f->label - PCSCF_ACCESS;
    if (side == PCSCF_CORE || i >= PCSCF_ACCESS_MAX)
        return p->core_hostport;
    return p->access_hostport[i];
}

// "<sip:TOKEN@host:port;lr>", of the access side for TOKEN_ACCESS; STR_NONE when out of memory.
struct str pcscf_own_uri(const struct pcscf *p, struct arena *a, const struct access_flow *f,
                         const struct token_use *use);

// Does a request, or the request of a response, begin a dialog?
bool pcscf_makes_dialog(const struct sip_msg *m);

// This node goes into the route set of a dialog: Record-Route has the side that the request leaves
// on, the response gets the other side. From the UE towards the core (TS 24.229 5.2.6.3.3), and
// back, with the dialog's charging identifier:
void record_route_to_core(struct pjob *pj);
void record_route_back_to_ue(const struct pcscf *p, struct arena *a, const struct access_flow *f,
                             struct str icid, const struct sip_msg *resp, struct sip_edits *e);
// From the core towards the UE (TS 24.229 5.2.6.4.3), and back: a list that is not the request's
// with what may have come before it is replaced by the request's (5.2.6.4.4). The first is a step. true: it was.
enum step_verdict record_route_to_ue(struct job *j);
bool record_route_back_to_core(const struct pcscf *p, struct arena *a, const struct access_flow *f,
                               const struct sip_msg *req, const struct sip_msg *resp,
                               struct sip_edits *e);
// The same of a further 2xx, when all that is left of the request is whether it was outside of any dialog, and its list
// if the one in the first 2xx had to be replaced (record_route_list; else STR_NONE).
void record_route_late_to_core(const struct pcscf *p, struct arena *a, const struct access_flow *f, bool first,
                               struct str list, const struct sip_msg *resp, struct sip_edits *e);
struct str record_route_list(struct arena *a, const struct sip_msg *req);

// The same of a target refresh inside the dialog (5.2.6.3.5, 5.2.6.3.6, 5.2.6.4.5, 5.2.6.4.6): route sets do not change
// by it (RFC 3261 12.2), but who has lost his dialog finds the way. The first and the third are steps. From the UE the
// answer has the entry that the UE has (own: its Route entry's URI); to the UE there is one only when the nodes before
// this one have recorded themselves, too, and the answer is treated by record_route_back_to_core.
enum step_verdict record_route_again_to_core(struct job *j);
void record_route_again_back_to_ue(const struct pcscf *p, const struct access_flow *f, struct str own,
                                   const struct sip_msg *resp, struct sip_edits *e);
enum step_verdict record_route_again_to_ue(struct job *j);

// Steps: is the request inside a dialog that this node is in the route set of, and from a UE along
// the whole of it? From the core they find the UE's flow.
enum step_verdict dialog_check_from_ue(struct job *j);
// The same question without anything but the message: does it carry, as topmost Route, what only the
// UE of that dialog at that address was given? The route set behind it is looked at later.
bool dialog_has_token(const struct pcscf *p, const struct access_flow *f, const struct sip_msg *m);
// Does it carry one of an earlier run instead?
bool dialog_is_old(const struct pcscf *p, const struct sip_msg *m);
enum step_verdict dialog_check_to_ue(struct job *j);
