// SPDX-License-Identifier: Apache-2.0
// What the files of the transport layer share: listeners, flows, streams.
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "stack/slots.h"
#include "stack/stack_priv.h"
#include "stack/transport.h"

enum {
    LISTENER_MAX = 16,
    FLOW_MAX_UDP = 1 << 20,         // flows remembered; the least recently used goes
    FLOW_MAX_TCP = 100000,
    STREAM_IDLE_OUT_MS = 600000,    // a connection that we opened
    STREAM_IDLE_IN_MS = 6 * 3600000,// a UE may stay silent for most of its registration
    STREAM_FIRST_MS = 32000,        // an accepted connection that never said anything
    STREAM_CONNECT_MS = 5000,       // then the next target has its turn (RFC 3263 4.3)
    STREAM_STALL_MS = 20000,        // half a message
    TRANSPORT_LOGS = 50,            // lines a second about what peers did wrong
};

struct listener {
    struct stack *stack;
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
    uint32_t listener;
    uint16_t port;
    uint8_t ip6, zero;
    uint8_t ip[16];
};

// The TCP part of a flow.
struct stream {
    struct tcp *tcp;
    char *buf;          // bytes of an incomplete message
    size_t n, cap;
    uint64_t opened, last_used; // ms
    uint64_t stalled;   // since when half a message waits, ms; 0: none
    struct timer timer; // idle or stall, whichever is next
    bool outgoing, connected, spoke;
    bool reading;       // inside the data callback: closing waits for its end
    int close_err;      // it has to close when this turn's callbacks are done, 0: none
};

struct flow {
    flow_id id;
    struct stack *stack;
    struct listener *listener;
    struct flow_info info;
    struct flow_key key;
    struct list users;     // transactions
    struct list lru;
    uint64_t heard;        // when something was last received, ms; 0: never
    struct stream *stream; // NULL for UDP
    UT_hash_handle hh;
};

struct transport_layer {
    struct listener listeners[LISTENER_MAX];
    unsigned n_listeners;
    struct slots ids;
    struct flow *by_key;
    struct list lru_udp, lru_tcp; // the least recently used first
    size_t n_udp, n_tcp;
    uint64_t log_second;
    unsigned log_count;
};

// ---- flow.c ----
// Known flow of a listener and remote address, or NULL.
struct flow *flow_lookup(struct listener *l, const struct addr *remote);
int flow_new(struct listener *l, const struct addr *local, const struct addr *remote,
             struct flow **ret_flow);
void flow_touch(struct flow *f);
// Takes it out of the tables, tells the transactions and the owner, frees it.
void flow_close(struct flow *f, int err);
// The same for one that nobody has heard of yet.
void flow_discard(struct flow *f);
void flow_trace(struct flow *f, bool out, const struct addr *remote, struct str bytes,
                struct str call_id);

// ---- transport_udp.c ----
void udp_flow_receive(void *listener, const struct addr *src, const struct addr *dst,
                      struct str data);

void udp_flow_unreachable(void *listener, const struct addr *dst, int err, struct str quoted);

// ---- transport_tcp.c ----
void stream_accept(void *listener, struct tcp *c);
int stream_connect(struct listener *l, const struct addr *remote, struct flow **ret_flow);
void stream_free(struct flow *f);
// Closes the connection: queued bytes still leave when flush is set.
void stream_close(struct flow *f, int err, bool flush);
// The same in the next turn: nothing can be sent any more (a peer that does not read).
void stream_doom(struct flow *f, int err);

// ---- transport_in.c ----
// One whole message (datagram or framed). 0, or ERR_BAD when it was malformed (answered and logged).
int transport_receive(struct flow *f, struct str bytes);
// Answers what is readable of bytes with status, without state; false when nothing was sent.
bool transport_refuse(struct flow *f, struct str bytes, unsigned status, struct str reason);
// One log line about a peer, within the limit of lines a second.
void transport_log(struct flow *f, const char *msg, const char *what, struct str call_id);

// ---- via.c ----
// Where a response to m goes over an unreliable flow, or on a new connection when the old one has
// gone (RFC 3261 18.2.2, RFC 3581 4).
void via_reply_addr(const struct sip_msg *m, const struct addr *src, bool reliable,
                    struct addr *ret_addr);
// The message with received and rport filled into its top Via; m itself (referenced again) when
// nothing is to be added.
int via_fill(struct stack *s, struct sip_msg *m, const struct addr *src, struct sip_msg **ret_msg);
