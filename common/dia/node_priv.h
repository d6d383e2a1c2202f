// SPDX-License-Identifier: Apache-2.0
// The inside of a Diameter node. A request's journey: dia_request_send (pending.c) encodes it, route.c
// picks a peer, conn.c writes it; on the other side conn.c cuts the stream into messages, serve.c checks
// application, command, realm, host, duplicate and grammar and calls the handler; the answer goes back
// by connection id, and pending.c finds the request by its hop-by-hop id. peer.c holds the peer's state
// machine, watchdog.c decides whether it may be used.
#pragma once

#include "base/arena.h"
#include "base/fsm.h"
#include "base/hash.h"
#include "base/list.h"
#include "dia/base.h"
#include "dia/codec.h"
#include "dia/interface.h"

enum peer_state {
    PEER_CLOSED, PEER_WAIT_CONN_ACK, PEER_WAIT_I_CEA, PEER_WAIT_CONN_ACK_ELECT, PEER_WAIT_RETURNS,
    PEER_R_OPEN, PEER_I_OPEN, PEER_CLOSING, PEER_STATES
};
enum peer_event {
    PEER_START, PEER_R_CONN_CER, PEER_I_CONN_ACK, PEER_I_CONN_NACK, PEER_TIMEOUT, PEER_I_CEA,
    PEER_I_NON_CEA, PEER_I_DISC, PEER_R_DISC, PEER_WIN_ELECTION, PEER_STOP, PEER_I_DPR, PEER_R_DPR,
    PEER_I_DPA, PEER_R_DPA, PEER_SECOND, PEER_EVENTS
};
extern const struct fsm dia_peer_fsm;

enum wd_state { WD_INITIAL, WD_OKAY, WD_SUSPECT, WD_DOWN, WD_REOPEN, WD_STATES };
enum wd_event { WD_UP, WD_DWA, WD_OTHER, WD_TIMER, WD_LOST, WD_STOPPED, WD_EVENTS };
extern const struct fsm dia_watchdog_fsm;

enum {
    DIA_CEX_MS = 10000,     // connecting and exchanging capabilities, each
    DIA_CER_MS = 5000,      // until the CER of a connection that was accepted
    DIA_CER_BYTES = 4096,
    DIA_SECOND_MS = 1000,   // an open peer's time to answer when another connection comes in its name
    DIA_ATTEMPT_MS = 250,   // between attempts to connect because there is something to send
    DIA_HOLD_MS = 1500,     // before the first of them, after a DPR that asked for none
    DIA_FRESH_MS = 10000,   // a peer that was lost within that time may be back in a moment
    DIA_TRY_MS = 1500,
    DIA_CONNECT_WAIT_MS = 2000,
    DIA_CLOSING_MS = 1000,  // waiting for a DPA, or for the peer to disconnect after ours
    DIA_AGAIN_MS = 20,      // the longest wait before a connection that has lived is made again
    DIA_LIVED_MS = 1000,    // how long that is
    DIA_RETRY_MS = 500,     // the next wait; doubles up to Tc
    DIA_TIMEOUT_MS = 5000,
    DIA_MAX_STRANGERS = 64, // connections that have not sent their CER yet
    DIA_MAX_SAME_SOURCE = 8,
    DIA_TAIL_KEPT = 8192,   // what a connection keeps of the memory of a message that came in pieces
    DIA_MAX_DYNAMIC = 1024, // peers taken by accept_unknown
    DIA_MAX_SERVICES = 8,
    DIA_TYPED_MAX = 4096,   // the largest typed struct, checked when a node is made
    DIA_TRIES = 4,          // peers that one request is sent to
    DIA_MAX_APPS = 32,      // of a peer that are noted
};

// Results of answers that came, by code.
enum { DIA_RESULTS = 64 };
struct dia_results {
    struct {
        struct dia_result r;
        uint64_t count;
    } v[DIA_RESULTS];
    size_t n;
    uint64_t others; // of further codes
};

struct dia_apps {
    bool relay;
    uint32_t id[DIA_MAX_APPS];
    size_t n;
};

// What was more than is taken, for the metric dia_limit_exceeded.
enum dia_excess {
    DIA_OVER_MESSAGE, DIA_OVER_AVPS, DIA_OVER_DEPTH, DIA_OVER_STRANGERS, DIA_OVER_SOURCE,
    DIA_OVER_CER_TIME, DIA_OVER_CER_BYTES, DIA_EXCESSES
};

struct dia_conn {
    struct list link;       // node's conns, or its graves
    UT_hash_handle hh;
    uint64_t id;
    struct dia_node *node;
    struct dia_peer *peer;  // NULL until the CER names it
    struct tcp *tcp;        // NULL once closed
    bool initiator;
    bool dead;              // freed at the end of the turn
    bool paused;            // not read, because the peer does not read
    bool stranger;          // accepted, and not admitted yet
    struct str tail;        // an incomplete message, heap
    size_t tail_cap, skip;  // skip: bytes of a message that is too long, still to come
    struct timer timer;     // until the CER
    size_t serving;         // requests of this connection that wait for their answer
    struct dia_apps apps;   // of its CER or CEA
    uint32_t state_id;      // Origin-State-Id of it
    uint32_t cer_hbh, cer_ete; // ids of its CER, for the CEA
    struct {                   // the names of the peer are asked for, because no address is configured
        uint32_t peer;         // its id, 0: not asked
        uint64_t query[2];     // A and AAAA, 0: answered
        bool fits;
    } lookup;
    char expected[ADDR_TEXT_MAX]; // an address that its peer has, for the log of a refusal
};

struct dia_watchdog {
    uint8_t state;
    bool pending;           // a DWR waits for its DWA
    bool quick;             // DWRs follow one another in REOPEN, see watchdog.c
    int n_dwa;
    struct timer timer;
};

struct dia_counts {
    uint64_t requests_out, requests_in, answers_out, answers_in, errors_out, timeouts, failovers,
        retries, redirects, duplicates, full, late, bad, dropped, opens, losses, suspects, silences,
        busy, throttled, refused_seconds;
};

struct dia_peer {
    struct list link;
    struct dia_node *node;
    uint32_t id;
    struct str host, realm; // heap
    struct addr remote, local;
    struct dia_net *from;   // heap
    size_t n_from;
    uint16_t priority;
    int weight, load;       // load: smooth weighted round robin
    bool relay, dynamic, dead;
    uint8_t state;
    struct timer timer;     // Tc when closed, else the wait of the state
    struct dia_conn *i, *r;
    struct dia_conn *second; // came in the name of the open peer, which is asked whether it lives
    struct timer second_timer;
    struct dia_apps apps;
    uint32_t state_id, retry_ms, cause;
    uint64_t opened_ms;      // when it was last open
    uint64_t due_ms;         // when the timer fires
    uint64_t goodbye_ms;     // when its last DPR came
    uint64_t lost_ms;        // when it was last lost, or added
    uint64_t attempt_ms;     // not earlier an attempt because there is something to send
    // How it answers, see health.c.
    uint64_t heard_ns;       // the last answer to a request of ours
    uint64_t avoid_until_ns; // other peers are taken until then
    uint32_t silent_ms, busy_ms; // the next time to avoid it; 0: it answers, it is not busy
    uint32_t asked, taken;   // decaying: requests, and those that were not refused as too many
    uint64_t decayed_ms;
    bool told_open;
    int told_err;            // why there is no connection, as the log has it; 0: nothing since it was open
    struct dia_watchdog wd;
    struct list pending;
    size_t n_pending;
    struct dia_counts counts;
};

struct dia_pending {
    UT_hash_handle hh;
    struct list link;       // of its peer, of the parked, or of the failed
    struct dia_node *node;
    struct dia_peer *peer;  // NULL: parked or failed
    uint32_t hbh;
    struct dia_bytes bytes;
    struct timer timer;     // its whole time
    struct timer try_timer; // with a peer: until another is asked, too; parked: for a peer to open
    uint64_t sent_ns;
    uint64_t session;       // serial of what it belongs to, or 0
    const struct dia_interface *iface;
    const struct dia_command *cmd;
    void (*deliver)(const struct dia_done *d);
    dia_fn cb;
    void *nf;
    uint64_t arg;
    struct str dest_host, dest_realm, correlation; // behind the struct
    uint32_t tried[DIA_TRIES];
    unsigned n_tried;
    bool sent;              // at least once: the next time with the T flag
    bool passed_on;         // a peer was too busy, another one is asked
    int err;
};

// One way back for an answer. A retransmission adds its own.
struct dia_path {
    struct dia_path *next;
    uint64_t conn;
    uint32_t hbh;
    struct str proxy; // raw Proxy-Info AVPs
};

struct dia_dup;
struct dia_service;

struct dia_request {
    struct list link;
    struct dia_node *node;
    const struct dia_service *service;
    const struct dia_command *cmd;
    struct str session_id;
    uint32_t ete;
    struct dia_path *paths;
    struct dia_dup *dup;
    struct arena arena;
    char first[512];
};

struct dia_service {
    const struct dia_interface *iface;
    dia_handler handler;
    const void *ops;
    void *ctx;
};

struct dia_dup {
    UT_hash_handle hh;
    struct list link;            // oldest first
    struct dia_request *request; // still waiting; NULL: answered
    struct dia_bytes answer;     // without Proxy-Info
    uint64_t until_ns;
    bool t;                      // came with the T flag
    size_t n_key;
    char key[];
};

struct dia_listener {
    struct list link;
    struct tcp_listener *tcp;
};

struct dia_node {
    struct loop *loop;
    struct str host, realm, product; // heap
    uint32_t vendor_id, state_id;
    const struct dia_interface *apps[DIA_MAX_SERVICES];
    size_t n_apps;
    uint32_t watchdog_ms, connect_ms;
    size_t max_pending, max_buffered;
    bool accept_unknown, draining;
    struct dia_limits limits;
    uint32_t max_strangers, max_same_source, cer_ms, cer_bytes, try_ms, connect_wait_ms;
    uint32_t second_tries;    // requests that may go to a second peer though the first one answers
    uint64_t excess[DIA_EXCESSES];
    uint64_t told_ms;         // when strangers were last complained of
    void (*trace)(void *arg, const struct dia_trace *t);
    void (*peer_state)(void *arg, struct str host, bool open);
    void *arg;

    struct dia_dict *dict;
    struct dia_service services[DIA_MAX_SERVICES];
    size_t n_services;
    struct list peers, listeners, conns, graves, parked, failed, requests, dups;
    struct dia_conn *conn_by_id;
    struct dia_pending *by_hbh;
    struct dia_dup *dup_by_key;
    size_t n_strangers, n_dynamic, n_parked, n_dups, dup_bytes;
    struct dia_session *sessions; // by Session-Id
    size_t n_sessions;
    uint64_t next_session;
    uint64_t next_conn;
    uint32_t next_peer, next_hbh, next_ete, session_high, session_low, session_random;
    struct deferred bury, fail;
    struct timer drain_timer;
    struct deferred drained;
    timer_cb drain_done;
    void *drain_arg;
    struct dia_counts counts; // of peers that are gone, and what belongs to none
    struct dia_results results;
};

// ---- conn.c: streams and messages ----
void dia_accept(void *node, struct tcp *tcp);
int dia_conn_open(struct dia_peer *p); // makes p->i
// Queues the bytes. ERR_FULL when the peer does not read, ERR_CLOSED.
int dia_conn_send(struct dia_conn *c, struct str bytes, struct str correlation);
void dia_conn_close(struct dia_conn *c, bool flush); // takes NULL; tells nobody
struct dia_conn *dia_conn_find(struct dia_node *n, uint64_t id);
bool dia_conn_is_open(const struct dia_conn *c); // and its peer with it
// One WARN line and the end of the connection, as if the peer had closed it.
void dia_conn_refuse(struct dia_conn *c, const char *why);
void dia_tail_done(struct dia_conn *c);
// The connection is over: closed by the peer, or by us for the watchdog.
void dia_conn_lost(struct dia_conn *c);
void dia_trace_message(struct dia_conn *c, bool out, struct str bytes, struct str correlation);

// ---- stranger.c: accepted connections before they are admitted ----
// The oldest go while there are too many, in all or of c's source.
void dia_strangers_trim(struct dia_conn *c);
void dia_stranger_known(struct dia_conn *c); // it is none any more
// The CER on c says it is host: admitted at once or when its names are resolved, or refused.
void dia_stranger_says(struct dia_conn *c, struct str host, struct str realm);
void dia_lookup_cancel(struct dia_conn *c);
void dia_cer_refuse(struct dia_conn *c, uint32_t code, struct str host, const char *why);
void dia_cer_admit(struct dia_conn *c, struct dia_peer *p); // base_link.c

// ---- health.c: which peers are asked, by how they answered ----
bool dia_peer_avoided(const struct dia_peer *p);
void dia_peer_asked(struct dia_peer *p);    // a request goes there
void dia_peer_answered(struct dia_peer *p); // an answer came that is no refusal for being too busy
void dia_peer_silent(struct dia_peer *p);   // a request got no answer in its try's time
void dia_peer_busy(struct dia_peer *p);     // it answered DIAMETER_TOO_BUSY
// It refuses so many that this one need not be sent.
bool dia_peer_throttled(struct dia_peer *p);

// ---- base_link.c: CER, DWR, DPR and their answers ----
int dia_send_cer(struct dia_conn *c);
int dia_send_cea(struct dia_conn *c, uint32_t code, const char *text); // for the CER noted in c
// The CER f cannot be taken: its CEA says why, and the connection ends behind it.
void dia_cer_fault(struct dia_conn *c, const struct dia_frame *f, const struct dia_fault *fault);
void dia_send_dwr(struct dia_conn *c);
void dia_send_dpr(struct dia_conn *c, uint32_t cause);
// A base protocol message came; f is checked.
void dia_base_message(struct dia_conn *c, const struct dia_frame *f);

// ---- peer.c ----
void dia_peer_event(struct dia_peer *p, unsigned event, struct dia_conn *c);
struct dia_peer *dia_peer_find(struct dia_node *n, struct str host);
// For accept_unknown.
struct dia_peer *dia_peer_dynamic(struct dia_node *n, struct str host, struct str realm);
struct dia_conn *dia_peer_conn(const struct dia_peer *p); // the open connection, or NULL
bool dia_peer_usable(const struct dia_peer *p);
void dia_peer_free(struct dia_peer *p);
void dia_peer_told(struct dia_peer *p); // tells the NF when usability changed
void dia_peer_alive(struct dia_peer *p); // the open connection answered a watchdog
void dia_peer_forget_second(struct dia_conn *c); // c closes
// There is something to send (RFC 6733 5.4): connects soon, if that is for us to do and it is not open.
void dia_peer_wake(struct dia_peer *p);
// It may be open in a moment: it is being connected to, or was lost only just now.
bool dia_peer_coming(const struct dia_peer *p);

// ---- watchdog.c ----
void dia_watchdog_event(struct dia_peer *p, unsigned event);

// ---- route.c ----
struct dia_want {
    struct str host, realm;
    uint32_t app;
    const uint32_t *tried;
    unsigned n_tried;
};
// The next hop. ERR_REFUSED: no usable peer; ERR_FULL: all at their cap.
int dia_route(struct dia_node *n, const struct dia_want *w, struct dia_peer **ret_peer);
// Wakes the peers that could carry it when they are open. False: none of them may be in a moment.
bool dia_route_wake(struct dia_node *n, const struct dia_want *w);
bool dia_peer_serves(const struct dia_peer *p, struct str realm);

// ---- pending.c ----
void dia_pending_answer(struct dia_conn *c, const struct dia_frame *f);
// RFC 6733 5.5.4: the peer's requests go elsewhere. gone: those that cannot are parked.
void dia_pending_failover(struct dia_peer *p, bool gone);
void dia_pending_unpark(struct dia_node *n);
// A peer is gone or could not be had: who waits for one, and may not hope for another, is told.
void dia_pending_hopeless(struct dia_node *n);
// The answer f is too much or broken: its request fails.
void dia_pending_broken(struct dia_conn *c, const struct dia_frame *f);
void dia_pending_fail_all(void *node); // deferred
void dia_pending_free_all(struct dia_node *n);

// ---- session.c ----
// Session-Id and Destination-Host of a request that belongs to s; what dia_session_answered takes.
uint64_t dia_session_enter(const struct dia_session *s, const struct dia_places *at, void *request);
// The answer f to a request of that session came: the session is where it was answered with success.
void dia_session_answered(struct dia_node *n, uint64_t serial, const struct dia_frame *f);
// f is about a session that is not kept here, and needs one.
bool dia_session_unknown(struct dia_node *n, const struct dia_command *cmd, const struct dia_frame *f);
void dia_sessions_free(struct dia_node *n);

// ---- serve.c ----
void dia_serve_request(struct dia_conn *c, const struct dia_frame *f);
// Answers f at once. The E bit is set for 3xxx.
void dia_send_error(struct dia_conn *c, const struct dia_frame *f, uint32_t code,
                    const struct dia_fault *fault);
void dia_request_free(struct dia_request *q);

// ---- dup.c ----
// The entry of an earlier copy of f, or NULL.
struct dia_dup *dia_dup_find(struct dia_node *n, const struct dia_frame *f);
// Remembers q as what f asks for. Without memory nothing is remembered.
void dia_dup_add(struct dia_node *n, const struct dia_frame *f, struct dia_request *q);
// Takes over the bytes.
void dia_dup_answered(struct dia_node *n, struct dia_dup *e, struct dia_bytes *answer);
void dia_dup_free(struct dia_node *n, struct dia_dup *e);

// ---- result.c ----
void dia_results_count(struct dia_results *t, struct dia_result r);
void dia_results_stats(const struct dia_results *t, dia_stat_cb cb, void *arg);

// ---- ids.c ----
void dia_ids_init(struct dia_node *n);
// RFC 6733 8.8; in buf of at least 320 bytes.
struct str dia_session_id(struct dia_node *n, char *buf, size_t cap);
