// SPDX-License-Identifier: Apache-2.0
// The simulation's insides. Everything that will happen is a sim_event in one heap ordered by
// (time, sequence). An event that belongs to a node runs as one turn of that node's loop:
// sim_turn_begin, the input callback, sim_turn_end. What the turn sent becomes events in the
// flush. Any randomness of the network comes from one generator, drawn in the order of events, so
// the seed decides all.
#pragma once

#include "io/loop_priv.h"
#include "io/sim.h"

enum {
    SIM_US = 1000,
    SIM_MS = 1000000,
    SIM_DELAY_MIN = SIM_US,   // nothing is instantaneous, or two nodes could stop the clock
    SIM_DELAY_US = 100,       // of a link before sim_set_faults
    SIM_DNS_TIMEOUT_MS = 3000,
    SIM_DNS_NEGATIVE_TTL = 5,
};

struct sim_event {
    size_t pos; // in the heap, from 1; 0: not queued
    void (*run)(struct sim *s, struct sim_event *e);
};

struct sim_slot {
    uint64_t at, seq;
    struct sim_event *e;
};

struct sim_heap {
    struct sim_slot *slots; // from index 1
    size_t n, cap, reserved; // reserved: room kept for the wake events of nodes
    uint64_t seq;
};

// Queues e, or moves it, to run at at. False when out of memory, which cannot happen to an event
// that room is reserved for.
bool sim_heap_put(struct sim_heap *h, struct sim_event *e, uint64_t at, bool reserved);
void sim_heap_remove(struct sim_heap *h, struct sim_event *e);
bool sim_heap_reserve(struct sim_heap *h, size_t more);
void sim_heap_done(struct sim_heap *h);

struct sim_ip {
    unsigned char ip[16];
    uint8_t ip6;
};

// Between two IP addresses; made when first used.
struct sim_link {
    UT_hash_handle hh;
    struct sim_ip end[2]; // the smaller first
    struct sim_faults faults;
    bool own_faults, cut;
    uint64_t cut_at;
    uint32_t loss_ppm[2];  // one way, by direction
    uint64_t last_at[2]; // arrival of the latest datagram that keeps its place, by direction
};

struct sim_path {
    struct sim_link *link; // NULL: out of memory, general faults apply
    const struct sim_faults *faults;
    int dir;
};

// A bound address and who listens there.
struct sim_port {
    UT_hash_handle hh;
    struct {
        struct sim_ip ip;
        uint8_t tcp;
        uint16_t port;
    } key;
    struct list binds;
};

struct sim_bind {
    struct list link;
    struct sim_port *port;
    struct sim_node *node;
    bool reuseport;
};

struct sim_node {
    struct loop base;
    struct sim *sim;
    struct list link;
    struct sim_event wake;
    uint64_t wake_at;
    uint64_t rng;
    struct addr home; // source of connections without a local address
    bool has_home;
    size_t headroom; // of connections to be accepted
    struct list objs;
    struct list graveyard; // objects closed in this turn
    char name[32];
};

// What a node has open: a socket, a piece of work, a lookup. It sits in its node's objs, and once
// closed inside a turn in the graveyard until the turn is over.
struct sim_obj {
    struct list link;
    struct sim_node *node;
    bool closed;
    void (*crash)(struct sim_obj *o); // takes it off the network; may close it
    void (*destroy)(struct sim_obj *o);
};

struct sim_name;

struct sim {
    uint64_t now; // ns
    struct sim_heap heap;
    uint64_t rng_net, rng_test, seed, nodes_made;
    struct sim_faults faults;
    struct sim_link *links;
    struct sim_port *ports;
    struct sim_name *names;
    bool dns_down, stopped;
    int64_t wall_jump;
    uint16_t last_port;
    struct list nodes, conns, packets, folders;
    sim_trace_cb trace;
    void *trace_arg;
    sim_tamper_cb tamper;
    void *tamper_arg;
};

static inline struct sim_node *sim_node_of(struct loop *l)
{
    return CONTAINER_OF(l, struct sim_node, base);
}

uint64_t sim_draw(uint64_t *rng);
// True with a probability of ppm parts per million.
bool sim_chance(struct sim *s, uint32_t ppm);

// Schedules the node's next turn that nothing from outside causes.
void sim_arm(struct sim_node *n);
void sim_turn_begin(struct sim_node *n);
void sim_turn_end(struct sim_node *n);
void sim_obj_add(struct sim_obj *o, struct sim_node *n, void (*crash)(struct sim_obj *o),
                 void (*destroy)(struct sim_obj *o));
// Destroys o now or at the end of the present turn. Harmless twice in that turn.
void sim_obj_close(struct sim_obj *o);
static inline bool sim_schedule(struct sim *s, struct sim_event *e, uint64_t at)
{
    return sim_heap_put(&s->heap, e, at, false);
}

// ---- sim_net.c ----

struct sim_path sim_path_find(struct sim *s, const struct addr *src, const struct addr *dst);
static inline bool sim_path_cut(const struct sim_path *p)
{
    return p->link && p->link->cut;
}
uint64_t sim_path_delay(struct sim *s, const struct sim_path *p);
void sim_trace(struct sim *s, const struct addr *src, const struct addr *dst, bool tcp,
               bool dropped, struct str data);
// What is delivered in place of data; p NULL: nothing.
struct str sim_tamper(struct sim *s, const struct addr *src, const struct addr *dst, bool tcp,
                      struct str data);
// Binds local (port 0: a free one is chosen and written) for a socket of n.
int sim_bind_add(struct sim_bind *b, struct sim_node *n, struct addr *local, bool tcp,
                 bool reuseport);
void sim_bind_remove(struct sim *s, struct sim_bind *b);
// Who hears what src sends to dst; NULL: nobody.
struct sim_bind *sim_bind_find(struct sim *s, const struct addr *src, const struct addr *dst,
                               bool tcp);
// Is there a host with this IP address, that is, has a node something bound there?
bool sim_host_up(struct sim *s, const struct addr *a);
// The source address for a socket of n bound to local that sends to remote.
struct addr sim_source(const struct sim_node *n, const struct addr *local,
                       const struct addr *remote);
uint16_t sim_next_port(struct sim *s);
void sim_net_done(struct sim *s);

// ---- sim_udp.c ----

int sim_udp_open(struct loop *l, const struct udp_params *p, struct udp **ret_udp);
void sim_udp_flush(struct udp *u);
void sim_udp_close(struct udp *u);
void sim_packets_done(struct sim *s);

// ---- sim_tcp.c, sim_listen.c ----

int sim_tcp_listen(struct loop *l, const struct addr *local, bool reuseport, tcp_accept_cb cb,
                   void *arg, struct tcp_listener **ret_listener);
void sim_tcp_listener_close(struct tcp_listener *t);
int sim_tcp_connect(struct loop *l, const struct addr *local, const struct addr *remote,
                    const struct tcp_ops *ops, void *arg, struct tcp **ret_tcp);
void sim_tcp_flush(struct tcp *c);
void sim_tcp_pause(struct tcp *c);
void sim_tcp_close(struct tcp *c);
void sim_tcp_abort(struct tcp *c);
void sim_tcp_link_cut(struct sim *s, struct sim_link *link, bool cut);
void sim_conns_done(struct sim *s);

// ---- sim_folder.c ----

int sim_folder_open(struct loop *l, const char *folder, struct disk **ret_disk);
void sim_folders_done(struct sim *s);

// ---- sim_dns.c ----

void sim_dns_start(struct loop *l, struct dns_flight *f);
void sim_dns_done(struct sim *s);
