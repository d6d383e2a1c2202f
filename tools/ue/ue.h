// SPDX-License-Identifier: Apache-2.0
// User equipment as a library: the carillon-ue tool, its load mode and the simulated core use the same
// phones. A hub is one SIP stack with an address; on it are any number of phones (one in the tool,
// thousands under load), each a subscriber that registers (TS 24.229 5.1.1) and has calls (5.1.3, 5.1.4).
// Everything happens on the loop; events come through struct ue_ops; ue_call_refuse
// and ue_call_answer may tell `failed` before they return, no other function tells anything.
#pragma once

#include "ims/aka.h"
#include "io/loop.h"
#include "stack/stack.h"

struct hub;
struct phone;
typedef uint64_t ue_call; // id of a call, never reused in a hub; 0: none

// Why something ended, with what the network said.
struct ue_failure {
    unsigned status;    // SIP status; 408 also for silence, 503 for no connection; 0: see cause
    struct str reason;  // phrase of the response
    struct str cause;   // text of its Warning header, or our own words; may be empty
    bool elsewhere;     // a call that came in: another phone of the user has answered it (RFC 3326 2)
    bool restoring;     // the network has lost the registration: the phone registers anew (TS 24.229 5.1.2A.1.6)
};

struct ue_registered {
    uint32_t expires;           // seconds granted
    struct str associated;      // P-Associated-URI values, comma-separated
    struct str service_route;
    uint32_t challenges, resyncs;
    uint64_t took_us;
};

enum ue_rel { UE_REL_OFF, UE_REL_SUPPORTED, UE_REL_REQUIRED };

// What a call has beyond RFC 3261.
struct ue_extensions {
    enum ue_rel rel100; // RFC 3262: outgoing: Supported or Require; incoming: 180 reliably when both sides have it
    bool preconditions;         // RFC 3312, TS 24.229 5.1.3.1, 5.1.4.1; with rel100
    uint32_t resources_ms;      // until this side's resources are there
    uint32_t session_expires;   // RFC 4028: interval asked for, 0: none
    uint32_t min_se;            // 0: 90
    bool refresher_is_peer;     // asked for
    bool late_offer;            // outgoing: the INVITE has no offer
    bool events;                // telephone events are offered (RFC 4733)
    struct str dtmf;            // sent when the call is established
    bool instance;              // Contact has the instance of the REGISTER (RFC 5626 4.1)
    bool refer;                 // incoming: a REFER is obeyed
};

struct ue_media_report {
    uint64_t sent, received, lost, late;
    double jitter_ms, tone_hz;  // the tone listened for
    bool detected;
    char digits[32];            // of RFC 4733 that were heard
};

struct ue_text {
    bool notify;                // else MESSAGE
    struct str from, event, state, type, body;
};

// arg is the phone's. Any may be NULL.
struct ue_ops {
    void (*registered)(void *arg, struct phone *ph, const struct ue_registered *r);
    void (*deregistered)(void *arg, struct phone *ph);
    void (*register_failed)(void *arg, struct phone *ph, const struct ue_failure *f);
    // A call came in and rings here (180 was sent); answer, refuse or wait.
    void (*incoming)(void *arg, struct phone *ph, ue_call call, struct str from);
    void (*progress)(void *arg, struct phone *ph, ue_call call, unsigned status);
    // Both sides: 2xx received and ACK sent, or ACK received.
    void (*established)(void *arg, struct phone *ph, ue_call call);
    // An outgoing call that was not answered, or an incoming one that was cancelled (487).
    void (*failed)(void *arg, struct phone *ph, ue_call call, const struct ue_failure *f);
    // An established call is over. media is NULL when the call had none.
    void (*ended)(void *arg, struct phone *ph, ue_call call, bool by_remote,
                  const struct ue_media_report *media);
    // A request inside a call that we sent (hold) got its final response.
    void (*modified)(void *arg, struct phone *ph, ue_call call, unsigned status);
    // A REFER of ours has come to that (RFC 3515); over: nothing more is told.
    void (*referred)(void *arg, struct phone *ph, ue_call call, unsigned status, bool over);
    // The other side wants us to call somebody: that call has begun.
    void (*asked_to_call)(void *arg, struct phone *ph, ue_call call, struct str target, ue_call new_call);
    // The session interval that was agreed, in seconds; ours: we refresh.
    void (*interval)(void *arg, struct phone *ph, ue_call call, uint32_t seconds, bool ours);
    // A MESSAGE or NOTIFY outside of calls came, and was answered.
    void (*text)(void *arg, struct phone *ph, const struct ue_text *t);
    // What phone_send began has its final response.
    void (*sent)(void *arg, struct phone *ph, const struct ue_failure *f);
};

struct hub_params {
    struct loop *loop;
    struct addr local;         // port 0: chosen by the system (UDP)
    enum sip_proto proto;      // UDP or TCP towards the proxy
    struct addr proxy;         // P-CSCF
    bool media;                // RTP for calls; without it SDP is offered all the same
    uint32_t answer_delay_ms;  // load and simulation: phones answer by themselves after that...
    bool auto_answer;          // ...when this is set
    uint32_t ring_timeout_ms;  // an outgoing call that rings longer is cancelled; 0: never
    struct str user_agent;
    void (*trace)(void *arg, const struct stack_trace *t);
    void *trace_arg;
};

int hub_new(const struct hub_params *p, struct hub **ret_hub);
void hub_free(struct hub *h); // frees its phones and calls too; takes NULL
struct stack *hub_stack(struct hub *h);
size_t hub_calls(const struct hub *h); // calls that exist at the moment
void hub_hang_up(struct hub *h);       // ends all of them
// The first SIP message with this Call-ID belongs to the call or registration; for ladders.
struct str ue_call_call_id(struct hub *h, ue_call call);

// While `ended` is told: the final status of our BYE, 0 when we sent none.
unsigned ue_call_bye_status(struct hub *h, ue_call call);

struct phone_params {
    struct str impi, impu, domain;
    bool has_aka;              // K and OPc; else SIP Digest with the password
    uint8_t k[16], opc[16];
    struct str password;
    struct aka_usim usim;      // SEQ values accepted so far
    uint32_t expires;          // seconds asked for; 0: 600000 (TS 24.229 5.1.1.2.1)
    bool wrong_res;            // misbehave: a wrong response to each challenge
    bool refresh;              // re-register by itself before the expiry
    struct str access;         // value of P-Access-Network-Info (TS 24.229 7.2A.4); empty: none
    bool services;             // say what a phone for multimedia telephony says of itself (TS 24.229 5.1.3.1)
    const struct ue_ops *ops;
    void *arg;
};

// Copies the parameters.
int phone_new(struct hub *h, const struct phone_params *p, struct phone **ret_phone);
// Ends its calls without a word.
void phone_free(struct phone *ph); // takes NULL
bool phone_is_registered(const struct phone *ph);
bool phone_is_registering(const struct phone *ph);
struct str phone_call_id(const struct phone *ph); // of its REGISTERs
const struct aka_usim *phone_usim(const struct phone *ph);

// Initial or re-registration. ERR_STATE while one is under way.
int phone_register(struct phone *ph);
// Contact with expires 0 for this contact, or `*` for all.
int phone_deregister(struct phone *ph, bool all);

struct ue_call_params {
    struct str target;         // URI
    double tone_hz;            // sent
    double expect_hz;          // listened for
    struct ue_extensions ext;
    struct str replaces;       // value of Replaces (RFC 3891); empty: none
};
// For calls that come in from now on. Texts live as long as the phone.
void phone_set_extensions(struct phone *ph, const struct ue_extensions *ext);
int phone_call(struct phone *ph, const struct ue_call_params *p, ue_call *ret_call);
// Answers a ringing call with 200 and SDP.
int ue_call_answer(struct hub *h, ue_call call, double tone_hz, double expect_hz);
// Final refusal of a ringing call.
int ue_call_refuse(struct hub *h, ue_call call, unsigned status);
// CANCEL before the answer, BYE after it.
int ue_call_hang_up(struct hub *h, ue_call call);
// re-INVITE with a=sendonly (hold) or a=sendrecv (resume).
int ue_call_hold(struct hub *h, ue_call call, bool hold);
// REFER (RFC 3515): asks the other side to call target. silent: without the implicit subscription (RFC 4488).
int ue_call_refer(struct hub *h, ue_call call, struct str target, bool silent);

// A request outside of calls: MESSAGE with text, or SUBSCRIBE to an event package (expires 0: once). The final response
// is told by `sent`; NOTIFYs by `text`.
struct ue_send_params {
    enum sip_method method;    // SIP_MESSAGE, SIP_SUBSCRIBE
    struct str target;         // URI
    struct str text, event;
    uint32_t expires;
};
int phone_send(struct phone *ph, const struct ue_send_params *p);
