// SPDX-License-Identifier: Apache-2.0
// The real loop's insides. libuv provides epoll, the thread pool and signals; sockets are our own
// descriptors on uv_poll handles. The turn of io/loop.h is laid over one iteration of uv_run:
// whichever callback comes first after epoll_wait begins the turn (reads the clock, runs the
// expired timers), the check handle ends it (deferred calls, flush), the prepare handle works out
// how long the next epoll_wait may sleep.
#pragma once

#include <uv.h>

#include "io/loop_priv.h"
#include "io/uv.h"

enum {
    RX_BATCH = 32,          // datagrams in one recvmmsg
    RX_BATCHES = 4,         // recvmmsg calls on one socket in one turn
    TX_BATCH = 64,          // datagrams in one sendmmsg
    TCP_READ = 64 << 10,    // bytes in one recv
    TCP_READS = 4,          // recv calls on one connection in one turn
    ACCEPTS = 64,           // accepts on one listener in one turn
    ACCEPT_PAUSE_MS = 100,  // without descriptors
    RANDOM_POOL = 4096,
};

struct uvl_rx;

struct uvl_world {
    struct loop base;
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t alarm;     // bounds epoll_wait; its callback does nothing
    uint64_t now;
    bool turning;         // the present turn has begun
    bool freeing;
    struct list socks;    // uvl_sock.link: everything to be closed by loop_free
    size_t n_socks;
    struct list signals, works;
    struct uvl_rx *rx;     // receive buffers, made with the first UDP socket
    char *read_buf;       // TCP_READ bytes, made with the first TCP socket
    int spare_fd;         // given up to accept and refuse when descriptors run out
    unsigned char pool[RANDOM_POOL];
    size_t pool_left;
    struct uvl_dns *names; // c-ares
};

static inline struct uvl_world *uvl_world_of(struct loop *l)
{
    return CONTAINER_OF(l, struct uvl_world, base);
}

// A descriptor on a uv_poll handle. Closed by uvl_sock_close; destroy follows once libuv has let go.
struct uvl_sock {
    uv_poll_t poll;
    struct list link;
    struct uvl_world *world;
    int fd;
    int events;      // being polled for
    bool closed;
    bool keep_fd;    // the descriptor is someone else's
    void *owner;     // the struct this one is embedded in
    void (*ready)(void *owner, bool readable, bool writable);
    void (*error)(void *owner); // an error is pending; ready follows. May be NULL
    void (*destroy)(void *owner);
};

// Takes fd over (closes it on failure).
int uvl_sock_init(struct uvl_sock *s, struct uvl_world *w, int fd);
// events: UV_READABLE | UV_WRITABLE; 0 stops.
void uvl_sock_want(struct uvl_sock *s, int events);
// Stops polling and closes fd now, calls destroy later. Harmless twice.
void uvl_sock_close(struct uvl_sock *s);

// To be called first in every libuv callback.
void uvl_turn(struct uvl_world *w);
// ERR_* for an errno value.
int uvl_err(int err);
// A non-blocking socket of a's family; *ret_fd.
int uvl_socket(const struct addr *a, int type, int *ret_fd);
int uvl_set(int fd, int level, int name, int value);

// ---- uv_stamp.c ----
// The kernel marks what arrives with the time.
void uvl_stamp_on(int fd);
// The clock of those marks, in ns; one reading serves all that one call has received.
uint64_t uvl_stamp_now(void);
// How long what h received had waited at now, in ns; 0 when it is not marked.
uint64_t uvl_stamp_age(struct msghdr *h, uint64_t now);

int uvl_udp_open(struct loop *l, const struct udp_params *p, struct udp **ret_udp);
void uvl_udp_flush(struct udp *u);
void uvl_udp_close(struct udp *u);
void uvl_udp_rx_free(struct uvl_rx *rx);

int uvl_tcp_listen(struct loop *l, const struct addr *local, bool reuseport, tcp_accept_cb cb,
                     void *arg, struct tcp_listener **ret_listener);
void uvl_tcp_listener_close(struct tcp_listener *t);
int uvl_tcp_connect(struct loop *l, const struct addr *local, const struct addr *remote,
                const struct tcp_ops *ops, void *arg, struct tcp **ret_tcp);
void uvl_tcp_flush(struct tcp *c);
void uvl_tcp_pause(struct tcp *c);
void uvl_tcp_close(struct tcp *c);
void uvl_tcp_abort(struct tcp *c);

// Between connections and the listener that accepts them: options that an accepted connection inherits from it; one
// takes fd over; reading begins with uvl_tcp_start, which resets a connection nobody owns.
void uvl_tcp_options(int fd);
int uvl_tcp_accepted(struct uvl_world *w, int fd, const struct addr *remote, struct tcp **ret_tcp);
void uvl_tcp_start(struct tcp *c);

int uvl_dns_new(struct uvl_world *w, const struct uv_loop_params *p);
void uvl_dns_free(struct uvl_world *w);
void uvl_dns_start(struct loop *l, struct dns_flight *f);

int uvl_watch_open(struct loop *l, int fd, bool want_read, bool want_write, watch_cb cb, void *arg,
                   struct watch **ret_watch);
void uvl_watch_close(struct watch *w);
