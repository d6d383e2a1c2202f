// SPDX-License-Identifier: Apache-2.0
// A SIP node's engine: transports, flows, transactions, resolution. A request's journey: bytes
// arrive on a flow, are framed and parsed, matched to a server transaction or made into one, and
// given to the owner as a `struct pxy` (stack/proxy/proxy.h). The owner forwards, forks or replies; client
// transactions find their next hop by RFC 3263, responses come back on the same pxy. ACK for a 2xx
// travels without a transaction. CANCEL is handled here. Requests that the node itself originates
// go through stack/session/ua.h.
#pragma once

#include "io/loop.h"
#include "sip/edit.h"
#include "sip/limits.h"
#include "stack/txn/overload.h"

struct stack;
struct pxy;

// Timer values in milliseconds (RFC 3261 table 4; TS 24.229 table 7.7.1 has two columns: between
// network nodes, and at the P-CSCF towards the UE).
struct sip_timers {
    uint32_t t1, t2, t4, timer_b, timer_d, timer_f, timer_h, timer_i, timer_k, timer_j, timer_c;
};
extern const struct sip_timers sip_timers_core; // T1 500 ms, T2 4 s, T4 5 s, ...
extern const struct sip_timers sip_timers_ue;   // T1 2 s, T2 16 s, T4 17 s, ...

// Identity of a flow (a UDP peer address on a listening socket, or one TCP connection); ids are
// never reused in a process. 0 is no flow.
typedef uint64_t flow_id;

struct flow_info {
    enum sip_proto proto;
    struct addr local, remote;
    unsigned listener; // label given to stack_listen
    flow_id id;        // 0: not known yet
    bool open;         // a TCP flow that has closed is false
};

// Who speaks on a flow. A message of a stranger is measured by its source before it is read, and a new
// request of his passes stack_ops.screen before anything is kept for it.
enum stack_standing {
    STACK_TRUSTED,  // a neighbour: neither measured nor screened
    STACK_KNOWN,    // a registered user: his new requests are measured by user (stack_ops.user), not screened
    STACK_VOUCHED,  // screened, but not measured (a load generator, a gateway that the operator names)
    STACK_STRANGER, // anybody else
};

// Why and how a stranger's request is refused; cause is static text for log and Warning. Status 0:
// in silence.
struct stack_refusal {
    unsigned status;
    const char *cause, *clause;
    const struct sip_edits *extra; // headers and body of the response, in the request's arena; may be NULL
};

// A traced message as it left or arrived on the wire.
struct stack_trace {
    bool out;
    enum sip_proto proto;
    struct addr local, remote;
    struct str bytes;
    struct str call_id; // may be empty
};

struct stack_ops {
    // A new request outside or inside a dialog, ACK for 2xx included, CANCEL excluded. The owner must
    // sooner or later call pxy_reply or pxy_forward (for an ACK: pxy_forward or nothing; one that is
    // neither forwarded nor has a context by pxy_set_ctx when this returns is gone then).
    void (*request)(void *arg, struct pxy *p);
    // An INVITE that the owner has not finally answered was cancelled from upstream: the stack answers
    // 487 and cancels the branches; p is still there during the call. May be NULL.
    void (*cancelled)(void *arg, struct pxy *p);
    // The class of a new request for overload control, when the owner knows more than the message says
    // (shed_class of stack/txn/shed.h). May be NULL.
    enum overload_class (*classify)(void *arg, const struct sip_msg *m,
                                    const struct flow_info *from);
    // A connection-oriented flow closed, or a UDP flow was reported unreachable. May be NULL.
    void (*flow_closed)(void *arg, flow_id flow);
    // May a request go to this address, when the next hop is somebody else's word (pxy_target.word)?
    // Asked for each address after resolution, whatever name stood before it. NULL: to any.
    bool (*may_reach)(void *arg, unsigned word, const struct addr *a);
    // Every message in and out. May be NULL.
    void (*trace)(void *arg, const struct stack_trace *t);
    // Who is at the other end? Asked once for each flow, and again after stack_recheck. NULL:
    // everybody is trusted.
    enum stack_standing (*standing)(void *arg, const struct flow_info *from);
    // A key (base/bucket.h) for whose flow it is, when the standing is STACK_KNOWN: all his flows share the limit
    // of one user. Asked along with standing. NULL: each source address is one user.
    uint64_t (*user)(void *arg, const struct flow_info *from);
    // No connection could be made to this address of a struct stack_reach, and a request that should have had
    // one for its size went by UDP. May be NULL.
    void (*no_stream)(void *arg, const struct addr *to);
    // False when a new request (ACK too; not CANCEL) of a stranger is to be refused: it is answered
    // without state, once for each time it arrives, and an ACK is dropped. NULL: all may pass.
    bool (*screen)(void *arg, const struct flow_info *from, const struct sip_msg *m,
                   struct stack_refusal *ret_refusal);
};

// What strangers may use, and registered users. 0 is no limit everywhere.
struct stack_limits {
    uint32_t source_rate, source_burst; // messages of one source (addr_source_key): a second, at once
    uint32_t user_rate, user_burst;     // new requests of one registered user
    uint32_t connections;               // of strangers, that were accepted
    uint32_t connections_per_source;
    uint32_t first_ms;  // from accepting a stranger's connection to the first whole message
    uint32_t idle_ms;   // a stranger's connection without a whole message
    uint32_t flows;     // strangers' UDP flows
    uint32_t reserve;   // descriptors that strangers leave free; half of them for trusted ones
};

// What a Warning (RFC 3261 20.43) tells those outside of the network of why this node refused: the cause
// without addresses and names of hosts, all of it, nothing. A trusted neighbour hears all.
enum stack_warnings { STACK_WARNINGS_PLAIN, STACK_WARNINGS_FULL, STACK_WARNINGS_NONE };

struct stack_params {
    struct loop *loop;
    const struct stack_ops *ops;
    void *arg;
    struct str server;      // Server and User-Agent value; empty: none
    struct str host_alias[4]; // further host names that mean this node in Route and Request-URI
    struct str proxy_require[4]; // option tags accepted in Proxy-Require, static text; others: 420
    // Option tags for Supported (static text, may be empty) of a node that answers OPTIONS to itself without
    // the owner; p NULL: the owner answers them.
    struct str supported;
    size_t max_transactions;// beyond it: 503 with Retry-After at once; 0: 200000
    size_t max_message;     // bytes; 0: what message says
    const struct sip_limits *message; // of received messages, copied; NULL or all zero: sip_limits_default
    struct overload_params overload; // all zero: off
    uint32_t keep_s;        // keep-alives that are asked for are answered, and wanted so often (RFC 6223); 0: no
    bool tcp_prefer;        // choose TCP towards a numeric or A-record next hop without transport
    struct stack_limits limits;
    enum stack_warnings warnings;
};

int stack_new(const struct stack_params *p, struct stack **ret_stack);
// Ends every transaction without a word on the wire and closes all transports.
void stack_free(struct stack *s);

// Where somebody is reached who came to us, whatever URIs say.
struct stack_reach {
    enum sip_proto proto; // UDP: what is too large for it goes over a connection (RFC 3261 18.1.1); TCP: all does
    struct addr udp;      // for UDP
    flow_id stream;       // a connection that is there; 0: none
    struct addr tcp;      // where one can be made; family 0: nowhere
};

struct stack_listen {
    enum sip_proto proto;
    struct addr local;
    bool reuseport;
    unsigned label;                  // e.g. 0 core side, 1 UE side
    const struct sip_timers *timers; // for transactions on this listener; NULL: core
    struct str advertise;            // host to put into Via and to recognise as own; empty: the IP
    bool outside;                    // a refusal from there tells nothing about the network
};
int stack_listen(struct stack *s, const struct stack_listen *l);

// Changes the settings of overload control.
void stack_set_overload(struct stack *s, const struct overload_params *p);
bool stack_flow(const struct stack *s, flow_id flow, struct flow_info *ret_info);
// Closes a connection when this turn is over, unless something is in progress on it.
void stack_flow_close(struct stack *s, flow_id flow);
// The standing of the flows to and from this address has changed (a contact was registered or left).
void stack_recheck(struct stack *s, enum sip_proto proto, const struct addr *remote);
// That of any flow may have (another list of trusted neighbours).
void stack_recheck_all(struct stack *s);
void stack_set_limits(struct stack *s, const struct stack_limits *l);
void stack_set_warnings(struct stack *s, enum stack_warnings w);
// True when the URI's host and port are one of this node's listeners or aliases.
bool stack_is_own(const struct stack *s, const struct sip_uri *u);
// Static resolution that precedes DNS: host (a domain or host name) -> addresses.
int stack_static_host(struct stack *s, struct str host, enum sip_proto proto, const struct addr *a);
// Stops taking new requests outside dialogs (503 with Retry-After); calls done when no transaction
// is left.
void stack_drain(struct stack *s, timer_cb done, void *arg);

// Counters, for /metrics: name ("sip_requests_in"), labels text (may be ""), value.
typedef void (*stack_stat_cb)(void *arg, const char *name, const char *labels, uint64_t value);
void stack_stats(const struct stack *s, stack_stat_cb cb, void *arg);
