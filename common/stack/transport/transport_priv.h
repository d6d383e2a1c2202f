// SPDX-License-Identifier: Apache-2.0
// What the files of the transport layer share: listeners, flows, streams. Each file needs those below it only:
//     transport (life, listeners) | transport_udp, transport_tcp | transport_in | answer, via, stun | flow_send |
//     guard, flow_new | standing | flow_end | sources, flow_trace | flow (the tables)
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "base/slots.h"
#include "base/writer.h"
#include "sip/edit.h"
#include "stack/transport/transport.h"

enum {
    LISTENER_MAX = 16,
    FLOW_MAX_UDP = 1 << 20,         // flows remembered; the least recently used goes
    FLOW_MAX_TCP = 100000,
    FLOW_IDLE_MS = 30 * 60000,      // a UDP flow of somebody known is only a memory of his address
    FLOW_IDLE_STRANGER_MS = 60000,
    FLOW_AGE_MS = 5000,             // between looks for flows that are idle for too long
    FLOW_AGED = 1000,               // forgotten in one look
    FLOW_LOOKED_AT = 64,            // in search of one that can go
    STREAM_IDLE_OUT_MS = 600000,    // a connection that we opened
    STREAM_IDLE_IN_MS = 6 * 3600000,// a UE may stay silent for most of its registration
    STREAM_FIRST_MS = 32000,        // an accepted connection that never said anything
    STREAM_CONNECT_MS = 5000,       // then the next target has its turn (RFC 3263 4.3)
    STREAM_STALL_MS = 20000,        // half a message
};

// One row per counter: field, metric name, labels. transport_stats walks it.
#define TRANSPORT_COUNTERS(X)                                                                      \
    X(requests_in, "sip_requests_in", "")                                                          \
    X(requests_out, "sip_requests_out", "")                                                        \
    X(responses_in, "sip_responses_in", "")                                                        \
    X(responses_out, "sip_responses_out", "")                                                      \
    X(malformed, "sip_malformed_in", "")                                                           \
    X(oversize, "sip_oversize_in", "")                                                             \
    X(keepalives, "sip_keepalives_in", "")                                                         \
    X(bytes_in, "sip_bytes_in", "")                                                                \
    X(bytes_out, "sip_bytes_out", "")                                                              \
    X(send_errors, "sip_send_errors", "")                                                          \
    X(unreachable, "sip_unreachable_reports", "")                                                  \
    X(flows_opened, "sip_flows_opened", "")                                                        \
    X(flows_closed, "sip_flows_closed", "")                                                        \
    X(stream_errors, "sip_stream_errors", "")                                                      \
    X(strangers_unanswered, "sip_strangers_unanswered", "")                                        \
    X(drop_source, "sip_limit_reached", "limit=\"source_rate\"")                                   \
    X(drop_user, "sip_limit_reached", "limit=\"user_rate\"")                                       \
    X(drop_flows, "sip_limit_reached", "limit=\"flows\"")                                          \
    X(drop_connections, "sip_limit_reached", "limit=\"connections\"")                              \
    X(drop_per_source, "sip_limit_reached", "limit=\"connections_per_source\"")                    \
    X(drop_reserve, "sip_limit_reached", "limit=\"reserve\"")                                      \
    X(evicted, "sip_connections_evicted", "")                                                      \
    X(idle_closed, "sip_idle_connections_closed", "")

struct transport_counters {
#define X(field, name, labels) uint64_t field;
    TRANSPORT_COUNTERS(X)
#undef X
};

struct listener {
    struct transport *transport;
    unsigned index;
    enum sip_proto proto;
    struct addr local;
    unsigned label;
    const struct sip_timers *timers;
    struct udp *udp;
    struct tcp_listener *tcp;
    struct str host;       // sent-by host: advertised name or IP
    struct str via_prefix; // "SIP/2.0/UDP host:port"
};

struct flow_key {
    uint32_t listener, scope; // scope: the interface of a link-local address
    uint16_t port;
    uint8_t ip6, zero;
    uint8_t ip[16];
};

// The TCP part of a flow.
struct stream {
    struct tcp *tcp;
    char *buf;          // bytes of an incomplete message
    size_t n, cap;
    struct sip_framer framer; // how far it was looked at
    uint64_t opened, last_used; // ms
    uint64_t last_message;      // ms, a whole one came
    uint64_t stalled;   // since when half a message waits, ms; 0: none
    struct timer timer; // idle or stall, whichever is next
    bool outgoing, connected, spoke;
    bool reading;       // inside the data callback: closing waits for its end
    int close_err;      // it has to close when this turn's callbacks are done, 0: none
};

// Strangers' flows and all others are kept apart, so that those cannot push these out.
enum flow_class { FLOW_OF_STRANGER, FLOW_OF_KNOWN, FLOW_CLASSES };

// A datagram from an address without a flow comes on a guest: a flow on the stack of the call, with id
// 0 and in no table, which becomes a real one when somebody has use for it (flow_settle).
struct flow {
    flow_id id;
    struct transport *transport;
    struct listener *listener;
    struct flow_info info;
    struct flow_key key;
    struct list users;     // transactions
    struct list lru;
    uint64_t heard;        // when something was last received, ms; 0: never
    struct stream *stream; // NULL for UDP
    enum stack_standing standing;
    uint32_t checked;      // transport.standing_epoch when standing was asked for; 0: never
    bool ours;             // this node spoke first
    enum flow_class in_class;
    size_t got;            // bytes of the message being read
    uint64_t last_ms;      // last used
    uint64_t user;         // whose it is, for the rate of one user
    struct source *source; // of a stranger's connection, with its place there
    struct list of_source;
    UT_hash_handle hh;
};

struct transport {
    struct loop *loop;
    const struct transport_user_ops *user;
    void *user_arg;
    struct transport_owner_ops owner;
    void *owner_arg;
    struct str server;                   // own copy
    struct str alias[TRANSPORT_ALIASES]; // own copies
    size_t n_alias;
    struct sip_limits message;
    size_t max_message;
    uint32_t keep_s;
    struct stack_limits limits;
    enum stack_warnings warnings;
    uint32_t standing_epoch; // of what flows know about their standing
    unsigned outside;        // listener labels as bits: peers there are not the network
    uint64_t secret;
    struct guard *guard;
    struct sources *sources;
    char *scratch;           // TRANSPORT_SCRATCH bytes for the message being built; never kept
    struct transport_counters count;
    uint64_t beyond[SIP_LIMIT_COUNT]; // messages that were, by limit
    struct listener listeners[LISTENER_MAX];
    unsigned n_listeners;
    struct slots ids;
    struct flow *by_key;
    struct list udp[FLOW_CLASSES], tcp[FLOW_CLASSES]; // the least recently used first
    size_t n_udp[FLOW_CLASSES], n_tcp[FLOW_CLASSES];
    struct timer age;
};

static inline struct writer scratch_of(struct transport *t)
{
    return writer_init(t->scratch, TRANSPORT_SCRATCH);
}

static inline bool is_outside(const struct transport *t, unsigned label)
{
    return t->outside >> label & 1;
}

static inline size_t flows_of(const size_t *n)
{
    return n[FLOW_OF_STRANGER] + n[FLOW_OF_KNOWN];
}

// ---- standing.c ----
enum stack_standing flow_ask_standing(struct flow *f);
// Who sends on it, as far as its address tells.
uint64_t flow_source(const struct flow *f);

// As flow_standing, for each message.
static inline enum stack_standing standing_of(struct flow *f)
{
    return f->checked == f->transport->standing_epoch ? f->standing : flow_ask_standing(f);
}

// ---- flow.c ----
// Known flow of a listener and remote address, or NULL.
struct flow *flow_lookup(struct listener *l, const struct addr *remote);
void flow_guest(struct flow *f, struct listener *l, const struct addr *local,
                const struct addr *remote);
// Into the tables, and out of them. ERR_NOMEM.
int flow_put(struct flow *f);
void flow_take(struct flow *f);
void flow_touch(struct flow *f);
void flow_reclass(struct flow *f, enum flow_class to);

// ---- flow_trace.c ----
void flow_write_trace(struct flow *f, bool out, const struct addr *remote, struct str bytes, struct str call_id);

static inline void flow_trace(struct flow *f, bool out, const struct addr *remote, struct str bytes, struct str call_id)
{
    if (f->transport->owner.trace)
        flow_write_trace(f, out, remote, bytes, call_id);
}

// ---- flow_end.c ----
// Takes it out of the tables, tells the user of the layer and the owner, frees it.
void flow_close(struct flow *f, int err);
// The same for one that nobody has heard of yet.
void flow_discard(struct flow *f);
void flow_age(void *transport);
void stream_free(struct flow *f);
// Closes the connection: queued bytes still leave when flush is set.
void stream_close(struct flow *f, int err, bool flush);
// The same in the next turn: nothing can be sent any more (a peer that does not read).
void stream_doom(struct flow *f, int err);
// When it has to end or be looked at, ms of loop time; its timer for that; the same when it may be another one now.
uint64_t stream_deadline(const struct flow *f);
void stream_arm(struct flow *f);
void stream_rearm(struct flow *f);

// ---- flow_new.c ----
int flow_new(struct listener *l, const struct addr *local, const struct addr *remote,
             struct flow **ret_flow);

// ---- transport_udp.c ----
void udp_flow_receive(void *listener, const struct addr *src, const struct addr *dst,
                      struct str data);

void udp_flow_unreachable(void *listener, const struct addr *dst, int err, struct str quoted);

// ---- transport_tcp.c ----
void stream_accept(void *listener, struct tcp *c);
int stream_connect(struct listener *l, const struct addr *remote, struct flow **ret_flow);

// ---- transport_in.c ----
// One whole message (datagram or framed). 0, or ERR_BAD when it was malformed (answered and logged).
int transport_receive(struct flow *f, struct str bytes);
// Answers what is readable of bytes with status, without state; false when nothing was sent.
bool transport_refuse(struct flow *f, struct str bytes, unsigned status, struct str reason);

// ---- via.c ----
// The message with received and rport filled into its top Via; m itself (referenced again) when
// nothing is to be added.
int via_fill(struct transport *t, struct sip_msg *m, const struct addr *src, struct sip_msg **ret_msg);
