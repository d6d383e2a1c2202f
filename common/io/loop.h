// SPDX-License-Identifier: Apache-2.0
// The event loop as an interface. Two implementations stand behind it: io/uv.h (libuv, real
// sockets) and io/sim.h (virtual clock, in-memory network under seeded faults). Everything above
// takes time, randomness, sockets, names and blocking work from here and from nowhere else, so a
// test owns all of them. One thread; callbacks run to completion. A turn is: expired timers, input
// callbacks, deferred calls, then one gathered flush of everything sent during the turn.
#pragma once

#include "base/list.h"
#include "base/str.h"
#include "io/addr.h"

struct loop;
struct disk;

// ---- life (each implementation has its own constructor) ----

// Runs until loop_stop, then returns 0. Not for the simulation: see sim_run.
int loop_run(struct loop *l);
void loop_stop(struct loop *l);
// Closes what is still open and frees the loop. Objects opened on it become invalid. Waits for
// work that runs at that moment; its done is not called any more.
void loop_free(struct loop *l);

// ---- time and randomness ----

// Monotonic nanoseconds, taken once per turn.
uint64_t loop_now(const struct loop *l);
// Milliseconds since 1970 UTC.
uint64_t loop_wall_ms(const struct loop *l);
// n random bytes: drawn in batches from OpenSSL, or from the simulation's seed.
void loop_random(struct loop *l, void *ret_bytes, size_t n);
uint64_t loop_random_u64(struct loop *l);
// Inside a callback of udp or tcp data: nanoseconds that it had waited in the system before this
// process took it (of a run of a stream, its last piece). Otherwise that of the last one.
uint64_t loop_waited(const struct loop *l);

// ---- timers: hierarchical wheel of 1 ms ticks; start and stop are O(1) ----

typedef void (*timer_cb)(void *arg);

// Embedded in its owner. Zeroed by timer_init; must be stopped before its memory goes. One that is
// all zero, never initialised, may be stopped and is not active.
struct timer {
    struct list link;
    uint64_t due; // tick
    timer_cb cb;
    void *arg;
};

void timer_init(struct timer *t, timer_cb cb, void *arg);
// (Re)arms t to fire once, ms milliseconds from now and never earlier. ms up to 2^40.
void timer_start(struct loop *l, struct timer *t, uint64_t ms);
// Harmless when t is not armed.
void timer_stop(struct timer *t);
bool timer_active(const struct timer *t);

// ---- deferred calls: end of this turn, before the flush ----

struct deferred {
    struct list link;
    timer_cb cb;
    void *arg;
};

void deferred_init(struct deferred *d, timer_cb cb, void *arg);
// Queues d once, however often it is called in one turn.
void loop_defer(struct loop *l, struct deferred *d);
void deferred_cancel(struct deferred *d);

// ---- progress, for who watches over the loop from a signal handler ----

struct loop_progress {
    volatile uint32_t turns;    // begun so far
    volatile bool asleep;       // between two turns, waiting
    const char *volatile doing; // static text: what the present turn is at
    // The message being worked on, NULL: none. Set and forgotten by whoever works on it.
    const char *volatile bytes;
    volatile size_t n;
};
struct loop_progress *loop_progress(struct loop *l);

// ---- blocking work on the pool; done runs in the loop ----

typedef void (*work_fn)(void *arg);
// run executes on a worker thread and touches nothing but arg; done (may not be NULL) in the
// loop. In the simulation run executes at once and done after a simulated delay.
int loop_work(struct loop *l, work_fn run, work_fn done, void *arg);
// For who goes away: done of the work with this arg is not called any more. Whoever owns arg waits for run itself.
void loop_work_forget(struct loop *l, const void *arg);

// ---- disks ----

// A folder of files (io/disk.h) for this process alone; the caller's, to be freed with disk_free. Blocks. In the
// simulation it is a disk of the world's (sim_disk_at), which outlives the node. The errors of disk_open.
int loop_disk(struct loop *l, const char *folder, struct disk **ret_disk);

// ---- UDP ----

struct udp;
// dst is the local address that the datagram was sent to. data lives until the callback returns.
typedef void (*udp_cb)(void *arg, const struct addr *src, const struct addr *dst, struct str data);
// An ICMP error that will not go away by itself (unreachable, prohibited, parameter problem) came back for
// a datagram to dst: err is ERR_REFUSED, quoted the beginning of what was sent, as much as the report has of
// it (perhaps nothing). Anybody can forge one.
typedef void (*udp_unreachable_cb)(void *arg, const struct addr *dst, int err, struct str quoted);

struct udp_params {
    struct addr local; // port 0: chosen by the system
    bool reuseport;
    uint32_t rcvbuf, sndbuf; // bytes, 0: 4 MiB wanted
    udp_cb cb;
    udp_unreachable_cb unreachable; // may be NULL
    void *arg;
};

enum { UDP_DATA_MAX = 65507 }; // what one datagram carries over IPv4

int udp_open(struct loop *l, const struct udp_params *p, struct udp **ret_udp);
// Copies data (at most UDP_DATA_MAX bytes) into this turn's batch. ERR_FULL when the batch cannot take it.
int udp_send(struct udp *u, const struct addr *dst, struct str data);
// The same from an address of this machine, for a socket that is bound to the wildcard: who sent to an address expects
// the answer from it (RFC 3581 4). src is what the callback called dst; any other socket sends from its own.
int udp_send_from(struct udp *u, const struct addr *src, const struct addr *dst, struct str data);
const struct addr *udp_local(const struct udp *u);
void udp_close(struct udp *u); // takes NULL

// ---- TCP ----

struct tcp;
struct tcp_listener;

// Called with the arg given at open or accept. After closed() the tcp is gone: forget the pointer.
// closed() is not called for tcp_close() by the owner.
struct tcp_ops {
    void (*connected)(void *arg);                 // outgoing only
    void (*data)(void *arg, struct str bytes);    // a run of the stream; lives until it returns
    void (*drained)(void *arg);                   // unsent bytes fell to 0 after having been capped; may be NULL
    void (*closed)(void *arg, int err);           // ERR_CLOSED by the peer, ERR_REFUSED, ERR_TIMEOUT, ERR_IO
};

// A new connection; returns the arg for ops through tcp_set_owner, or closes c.
typedef void (*tcp_accept_cb)(void *arg, struct tcp *c);

int tcp_listen(struct loop *l, const struct addr *local, bool reuseport, tcp_accept_cb cb,
               void *arg, struct tcp_listener **ret_listener);
const struct addr *tcp_listener_local(const struct tcp_listener *t);
void tcp_listener_close(struct tcp_listener *t); // takes NULL

// local may be NULL or have port 0. Without an answer for 5 s, closed() says ERR_TIMEOUT.
int tcp_connect(struct loop *l, const struct addr *local, const struct addr *remote,
                const struct tcp_ops *ops, void *arg, struct tcp **ret_tcp);
void tcp_set_owner(struct tcp *c, const struct tcp_ops *ops, void *arg);
// Copies data to the connection's buffer, also before it is connected; the turn's writes leave in
// one call. ERR_FULL (nothing taken) beyond the cap, ERR_CLOSED when it is closing.
int tcp_send(struct tcp *c, struct str data);
// The same for what is in no hurry: leaves with the next tcp_send, or within 50 ms. It saves the peer
// a wake-up of its own.
int tcp_send_later(struct tcp *c, struct str data);
// Cap on unsent bytes; 4 MiB until set.
void tcp_set_cap(struct tcp *c, size_t bytes);
size_t tcp_unsent(const struct tcp *c);
// Stops or resumes reading, for back-pressure.
void tcp_pause(struct tcp *c, bool paused);
const struct addr *tcp_local(const struct tcp *c);
const struct addr *tcp_remote(const struct tcp *c);
// How many descriptors were left when this connection was accepted, so that the owner can keep some
// back for what is more important.
size_t tcp_headroom(const struct tcp *c);
// Sends what is buffered, then closes; no further callback.
void tcp_close(struct tcp *c); // takes NULL
// Closes at once with a reset.
void tcp_abort(struct tcp *c); // takes NULL

// ---- names ----

enum dns_type { DNS_A = 1, DNS_AAAA = 28, DNS_SRV = 33, DNS_NAPTR = 35 };

struct dns_rr {
    uint32_t ttl; // seconds
    union {
        struct addr ip; // A, AAAA; port 0
        struct {
            uint16_t priority, weight, port;
            struct str target;
        } srv;
        struct {
            uint16_t order, preference;
            struct str flags, service, regexp, replacement;
        } naptr;
    };
};

// err is 0, ERR_NODATA (name or type does not exist), ERR_TIMEOUT or ERR_DNS (server failure).
// rrs live until the callback returns. Answers come from a cache that honours TTL where it can.
typedef void (*dns_cb)(void *arg, int err, const struct dns_rr *rrs, size_t n);

// Never calls back before it returns. *ret_id (nonzero) is for dns_cancel.
int dns_query(struct loop *l, struct str name, enum dns_type type, dns_cb cb, void *arg,
              uint64_t *ret_id);
void dns_cancel(struct loop *l, uint64_t id);
// What the servers said to the question whose callback runs with an error: "NXDOMAIN", "no data", "SERVFAIL",
// "no answer from 192.0.2.53:53". Lives until the callback returns.
const char *dns_said(const struct loop *l);
// "192.0.2.53:53, ..."; empty: not known.
const char *dns_servers(const struct loop *l);
// Forgets the cached answers, as for SIGHUP.
void dns_flush(struct loop *l);
// How many there are, those whose time is over included: they stay until they are asked for or room is needed.
size_t dns_known(const struct loop *l);

// ---- foreign descriptors (libmicrohttpd's epoll, control socket); real loop only ----

struct watch;
typedef void (*watch_cb)(void *arg, bool readable, bool writable);
// ERR_UNSUPPORTED in the simulation.
int watch_open(struct loop *l, int fd, bool want_read, bool want_write, watch_cb cb, void *arg,
               struct watch **ret_watch);
void watch_close(struct watch *w); // takes NULL; the descriptor stays open

// SIGTERM, SIGHUP, ... as callbacks; real loop only.
typedef void (*signal_cb)(void *arg, int signo);
int loop_signal(struct loop *l, int signo, signal_cb cb, void *arg);
