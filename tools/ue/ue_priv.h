// SPDX-License-Identifier: Apache-2.0
// What the library's files share. A hub (hub.c) wires phones (phone.c) and calls to one stack. What a call is
// stands in call.c; incoming and outgoing calls (call_in.c, call_out.c) and REFER (refer.c) are on it, and
// call_events.c, which hub.c gives to all calls, sends to them what a session tells.
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "ims/digest.h"
#include "sdp/sdp.h"
#include "stack/stack.h"
#include "stack/session/session.h"
#include "tools/ue/ue.h"

enum { MESSAGE_MAX = 16384, TEXT_MAX = 512 };

struct media;

struct hub {
    struct loop *loop;
    struct stack *stack;
    struct aka *aka;
    struct digest *digest;
    enum sip_proto proto;
    bool media, auto_answer, closing;
    uint32_t answer_delay_ms, ring_timeout_ms;
    struct str local_hostport, local_ip, proxy_uri, user_agent; // heap
    struct map phones;        // hash of the contact's user part
    struct session_layer *sessions;
    const struct session_ops *call_ops; // what the sessions of calls tell
    struct event *events;
    struct map calls;         // by id
    uint64_t next_call;
    void (*trace)(void *arg, const struct stack_trace *t);
    void *trace_arg;
};

enum reg_state { REG_IDLE, REG_REGISTERING, REG_REGISTERED, REG_DEREGISTERING };

// A challenge received and how often it was answered.
struct challenge {
    struct str nonce, realm, opaque, qop, algorithm; // in the arena of struct auth
    enum digest_alg alg;
    bool aka;
    uint32_t nc;
    uint8_t res[8];
    size_t res_n;             // 0: an empty response (MAC wrong)
    uint8_t auts[14];
    bool has_auts;
};

// Its registrar's challenge; whoever else asks is answered by struct uac_auth.
struct auth {
    bool with_aka; // IMS-AKA and nothing else; false: SIP Digest
    bool held;     // there is a challenge, for this request and the next ones
    struct challenge challenge;
    struct arena mem; // replaced by each challenge
};

struct phone {
    struct hub *hub;
    const struct ue_ops *ops;
    void *arg;
    bool has_aka, wrong_res, refresh, star, services;
    bool by_itself;           // the present attempt is a refresh of its own
    uint8_t k[16], opc[16];
    struct aka_usim usim;
    uint32_t expires;
    struct arena mem;         // the texts below
    struct str impi, impu, domain, password, user, contact, call_id, from_tag, instance, access;
    uint32_t cseq;
    enum reg_state state;
    ua_id reg_txn;
    struct arena reg_mem; // replaced by each 200
    struct auth registrar;
    struct uac_auth *proofs;  // for all requests but REGISTER
    struct ue_extensions ext; // of calls that come in
    struct list sending;      // struct sending
    struct list subscriptions; // struct subscription
    uint32_t challenges, resyncs, valid, invalid; // of this attempt; invalid ones in a row
    uint64_t reg_started;     // ns
    struct str service_route, path, associated, identity; // in reg_mem; identity: of requests behind the REGISTER
    struct timer refresh_timer;
    uint32_t refresh_failures; // in a row
    struct list calls;        // struct call.of_phone
};

enum call_state { CALL_CALLING, CALL_RINGING, CALL_ANSWERED, CALL_ESTABLISHED, CALL_ENDED };

struct call {
    ue_call id;
    struct hub *hub;
    struct phone *phone;
    struct list of_phone;
    bool outgoing, on_hold, hung_up, alerting;
    enum call_state state;
    struct session *session;  // NULL: it is over
    struct str call_id;       // heap
    unsigned bye_status;      // final response of our BYE, 0: none yet
    struct ue_extensions ext;
    struct media *media;
    double tone_hz, expect_hz;
    uint64_t sdp_version, sdp_id;
    struct str remote;        // heap: what the other side has described last
    struct str from;          // heap: who calls
    bool described;           // it knows what we have
    struct {
        bool on, local, remote; // preconditions are in use; resources are there
        struct timer timer;     // until ours are
    } qos;
    ue_call referrer;         // the call that a REFER came in, 0: none
    struct timer answer_timer; // incoming: answers; outgoing: gives up
    struct deferred cleanup;
};

// ---- phone.c ----

// The phone that a Request-URI is for, or NULL.
struct phone *phone_for(const struct hub *h, const struct sip_msg *m);
// All but the hub's table entry.
void phone_destroy(struct phone *ph);

// ---- auth.c ----

void auth_init(struct phone *ph);
void auth_done(struct phone *ph);
// Takes the challenge of a 401. ERR_UNSUPPORTED: no scheme that we can answer; ERR_BAD.
int auth_challenge(struct phone *ph, const struct sip_msg *resp);
// Value of Authorization for method and uri; the initial, empty one before any challenge. STR_NONE: none
// is due (SIP Digest before a challenge), or out of memory (arena failed).
struct str auth_value(struct phone *ph, struct arena *a, struct str method, struct str uri);
extern const struct uac_auth_ops auth_proofs; // arg: the phone

// ---- register.c ----

void phone_init_refresh(struct phone *ph);

// ---- restore.c ----

// Registers anew when a 504 tells it to (TS 24.229 5.1.2A.1.6); true when it does.
bool phone_restore(struct phone *ph, const struct sip_msg *response);

// ---- request.c ----

// Headers common to requests outside a dialog: Route, From, To, Call-ID, CSeq, Max-Forwards, Contact...
struct request_draft {
    struct arena arena;
    struct sip_edits headers;
    char room[4096];
};
// The P-CSCF, and the Service-Route behind it.
struct str phone_route(const struct phone *ph, struct arena *a);
void draft_init(struct request_draft *d);
void draft_done(struct request_draft *d);
void draft_common(struct request_draft *d, const struct phone *ph, struct str to, struct str call_id,
                  struct str from_tag, uint32_t cseq, enum sip_method method);
extern const struct str ue_allow;
// 405 with what is allowed (RFC 3261 8.2.1).
void ue_refuse_method(struct pxy *p);
// What a URI says of it. UDP is not named: what is too large for it goes by TCP, both ways (RFC 3261 18.1.1, TS 24.229 4.2A).
const char *ue_transport_param(enum sip_proto p);
// P-Access-Network-Info, which goes into everything but ACK and CANCEL (TS 24.229 5.1.2A.1.1, 5.1.2A.2).
extern const struct str ue_mmtel; // the service, as a feature parameter (TS 24.229 7.9.2)
void add_access(const struct phone *ph, struct sip_edits *headers);
// Response of a phone, with that and what extra has (NULL: nothing more).
int phone_reply(const struct phone *ph, struct pxy *p, unsigned status, struct sip_edits *extra);
// Who it is in requests behind the REGISTER (TS 24.229 5.1.2A.1.1), and that as P-Preferred-Identity.
struct str phone_identity(const struct phone *ph);
void add_preferred_identity(const struct phone *ph, struct sip_edits *headers);
// The cause in a response: the text of its Warning header, else of Reason (RFC 3326), in the message's arena.
struct str response_cause(const struct sip_msg *m);
// The end of a request; m NULL: there was no response but what the transaction reported.
struct ue_failure failure_of(unsigned status, const struct sip_msg *m);
bool is_sdp(const struct sip_msg *m); // by its Content-Type
bool list_holds(const struct list *l, size_t n); // so many at least
// A MESSAGE or NOTIFY, to the phone's owner.
void phone_tell_text(struct phone *ph, const struct sip_msg *m);

// ---- call.c: what both sides share ----

struct call *call_new(struct phone *ph, bool outgoing);
struct call *call_find(const struct hub *h, ue_call id);
void call_end(struct call *c, bool by_remote);
void call_fail(struct call *c, const struct ue_failure *f);
void call_free(struct call *c);
// To the call that wanted this one by a REFER.
void call_tell_referrer(struct call *c, unsigned status);
// What is common to both sides' sessions.
struct session_params call_session_params(struct call *c, struct arena *a);
void call_media_open(struct call *c);

// ---- call_in.c ----

void call_incoming(void *hub, server_id id, const struct sip_msg *m);
// Resources are there, on one side or the other: what follows from that.
void call_in_ready(struct call *c);

// ---- call_events.c ----

extern const struct session_ops call_session_ops; // arg: the call

// ---- describe.c: SDP ----

// Our description, as an offer or as the answer to what the other side has described last. STR_NONE: there is nothing
// in common, or no memory.
struct str call_describe(struct call *c, struct arena *a, bool answer);
// Keeps what the other side describes; ERR_BAD: nothing can be made of it.
int call_take_remote(struct call *c, struct str body);
// Does it ask for preconditions (RFC 3312)?
bool call_remote_has_qos(const struct call *c);
// Media goes by what the other side has described last.
void call_media_start(struct call *c);

// ---- refer.c ----

unsigned call_on_refer(void *arg, struct session *s, const struct session_refer *r);
void call_on_referred(void *arg, struct session *s, unsigned status, bool over);

// ---- send.c: requests outside of calls ----

void phone_drop_sending(struct phone *ph);
// A MESSAGE came, or a NOTIFY that is of no subscription; replied to here.
void phone_on_text(struct phone *ph, struct pxy *p);

// ---- subscribe.c ----

int hub_open_events(struct hub *h);
int phone_subscribe(struct phone *ph, const struct ue_send_params *p);
void phone_drop_subscriptions(struct phone *ph);

// ---- media.c ----

int media_new(struct loop *l, const struct addr *local, double tone_hz, double expect_hz,
              struct media **ret_media);
void media_free(struct media *m); // takes NULL
void media_set_tones(struct media *m, double tone_hz, double expect_hz);
uint16_t media_port(const struct media *m);
// Starts sending to remote with this payload type (0 PCMU, 8 PCMA).
void media_start(struct media *m, const struct addr *remote, uint8_t payload_type);
void media_hold(struct media *m, bool hold);
// Sends the digits one after the other (RFC 4733); payload_type as the other side has it.
void media_set_events(struct media *m, uint8_t payload_type);
void media_dial(struct media *m, struct str digits);
void media_report(const struct media *m, struct ue_media_report *ret_report);
