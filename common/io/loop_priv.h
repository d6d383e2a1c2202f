// SPDX-License-Identifier: Apache-2.0
// What the two implementations share: the table of operations behind struct loop, the common part
// of every socket, and the turn. An implementation calls loop_turn_begin before the first input
// callback of a turn and loop_turn_end after the last one; what is sent meanwhile waits in the
// socket's buffer, and the socket in the loop's list of dirty sockets, until the flush.
//
// Every socket struct of an implementation starts with the common one. A socket closed inside a
// callback stays in memory until the turn is over; its callbacks are off at once.
#pragma once

#include "io/dns_priv.h"
#include "io/loop.h"
#include "io/outbuf.h"
#include "io/wheel.h"

enum {
    TCP_CAP = 4 << 20,             // unsent bytes, until tcp_set_cap
    UDP_CAP = 4 << 20,             // unsent bytes of one socket
    TCP_CONNECT_MS = 5000,         // until a connection attempt is given up
    TCP_UNACKED_MS = 30000,        // until a peer that acknowledges nothing is given up
    TCP_KEEPALIVE_IDLE_MS = 60000, // silence before the first probe
    TCP_KEEPALIVE_STEP_MS = 10000, // between probes
    TCP_KEEPALIVE_TRIES = 3,
    TCP_LINGER_MS = 5000,          // for the output of a closed connection to leave
    TCP_LATER_MS = 50,             // that tcp_send_later waits for company
};


struct udp {
    struct loop *loop;
    struct list dirty;
    struct addr local;
    udp_cb cb;
    udp_unreachable_cb unreachable;
    void *arg;
    struct outbuf out; // udp_record, data, padding to 8; again
};

struct udp_record {
    struct addr dst, src; // src: family 0: the socket's, or what the system chooses
    uint32_t n;
};

static inline size_t udp_record_size(size_t n)
{
    return (sizeof(struct udp_record) + n + 7) & ~(size_t)7;
}

struct tcp {
    struct loop *loop;
    struct list dirty; // in the loop's list of that name, or in later_tcp
    struct addr local, remote;
    const struct tcp_ops *ops; // NULL once the owner is out of the picture
    void *arg;
    struct outbuf out;
    size_t cap, headroom;
    bool connected, paused, capped, closing;
    bool later; // in later_tcp
};

struct tcp_listener {
    struct loop *loop;
    struct addr local;
    tcp_accept_cb cb;
    void *arg;
};

struct watch {
    struct loop *loop;
    watch_cb cb;
    void *arg;
};

struct loop_ops {
    int (*run)(struct loop *l);
    void (*stop)(struct loop *l);
    void (*free)(struct loop *l);
    uint64_t (*wall_ms)(const struct loop *l);
    void (*random)(struct loop *l, void *ret_bytes, size_t n);
    // Something was armed or queued outside a turn.
    void (*wake)(struct loop *l);
    int (*work)(struct loop *l, work_fn run, work_fn done, void *arg);
    void (*work_forget)(struct loop *l, const void *arg);
    int (*disk)(struct loop *l, const char *folder, struct disk **ret_disk);
    int (*udp_open)(struct loop *l, const struct udp_params *p, struct udp **ret_udp);
    void (*udp_flush)(struct udp *u);
    void (*udp_close)(struct udp *u);
    int (*tcp_listen)(struct loop *l, const struct addr *local, bool reuseport, tcp_accept_cb cb,
                      void *arg, struct tcp_listener **ret_listener);
    void (*tcp_listener_close)(struct tcp_listener *t);
    int (*tcp_connect)(struct loop *l, const struct addr *local, const struct addr *remote,
                       const struct tcp_ops *ops, void *arg, struct tcp **ret_tcp);
    void (*tcp_flush)(struct tcp *c);
    void (*tcp_pause)(struct tcp *c);
    void (*tcp_close)(struct tcp *c);
    void (*tcp_abort)(struct tcp *c);
    // Ends in dns_finish, now or later.
    void (*dns_start)(struct loop *l, struct dns_flight *f);
    int (*watch_open)(struct loop *l, int fd, bool want_read, bool want_write, watch_cb cb,
                      void *arg, struct watch **ret_watch);
    void (*watch_close)(struct watch *w);
    int (*signal)(struct loop *l, int signo, signal_cb cb, void *arg);
};

struct loop {
    const struct loop_ops *ops;
    const uint64_t *now; // ns
    uint64_t waited;     // ns, of the input that is being delivered
    struct wheel wheel;
    struct list deferred, deferring;
    struct list dirty_udp, dirty_tcp;
    struct list later_tcp; // output that is in no hurry
    struct timer later;
    struct dns dns;
    struct loop_progress progress;
    bool in_turn;
    bool dead; // crashed: nothing has an effect any more
};

// Whoever makes a loop starts its names as well (dns_init), and ends them with it (dns_done).
void loop_init(struct loop *l, const struct loop_ops *ops, const uint64_t *now);
// Unlinks timers, deferred calls and dirty sockets. Harmless twice.
void loop_done(struct loop *l);

// Runs the expired timers.
void loop_turn_begin(struct loop *l);
// Runs the deferred calls, then flushes.
void loop_turn_end(struct loop *l);
// The flush alone.
void loop_flush(struct loop *l);
// True when calls are deferred or output waits for a flush.
bool loop_pending(const struct loop *l);
// To be called after something was armed or queued.
void loop_touch(struct loop *l);

// Fields of a new connection.
void tcp_init(struct tcp *c, struct loop *l);
// The output leaves at the end of this turn.
void tcp_dirty(struct tcp *c);
// n bytes of the output have left. May call drained.
void tcp_sent(struct tcp *c, size_t n);
// Ends the owner's interest and tells it why; the owner forgets c in the call.
void tcp_tell_closed(struct tcp *c, int err);
