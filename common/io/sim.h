// SPDX-License-Identifier: Apache-2.0
// The simulated world: one virtual clock, one seed, and an in-memory network between nodes. Every
// node (a simulated process) has a loop of its own, so it can crash and start again by itself. The
// same seed gives the same order of events, byte for byte.
#pragma once

#include "io/loop.h"

struct sim;

// Faults of a link (or of all links). Probabilities in parts per million; delays in microseconds,
// drawn uniformly from [delay_min, delay_max]. TCP sees delay, partition and reset, never loss,
// duplication or reordering.
struct sim_faults {
    uint32_t loss_ppm, dup_ppm, reorder_ppm, reset_ppm;
    uint32_t delay_min_us, delay_max_us;
};

int sim_new(uint64_t seed, struct sim **ret_sim);
// Frees the loops of nodes that are still there, too.
void sim_free(struct sim *s);

// A node's loop. An IP address and port belongs to whichever live node opens it first (ERR_INUSE
// for others, unless all ask for reuseport). What is sent without a local address comes from the
// first one that the node has opened.
int sim_node(struct sim *s, const char *name, struct loop **ret_loop);
// Drops every socket, timer, query and piece of work of the node, as kill -9 would: peers' TCP
// connections see a reset after a delay. The loop stays valid for the objects' destructors,
// whose calls have no outside effect, and must be freed with loop_free.
void sim_crash(struct sim *s, struct loop *l);

// The disk behind a folder that nodes open with loop_disk, made when it is first asked for; the world's. It is there
// whatever becomes of its node. For bad days: io/sim_disk.h. NULL: out of memory.
struct disk *sim_disk_at(struct sim *s, const char *folder);

// The next connections that the node accepts find so many descriptors left (tcp_headroom); SIZE_MAX,
// as at the start: any number.
void sim_set_headroom(struct loop *l, size_t n);

void sim_set_faults(struct sim *s, const struct sim_faults *f);
// Between two IP addresses, both ways; overrides the general setting. NULL f: back to general.
int sim_set_link(struct sim *s, const struct addr *a, const struct addr *b,
                 const struct sim_faults *f);
// Datagrams from the IP address src to dst are lost with this probability beside what the link does;
// the other way is as it was. 0: no more.
int sim_lose(struct sim *s, const struct addr *src, const struct addr *dst, uint32_t ppm);
int sim_partition(struct sim *s, const struct addr *a, const struct addr *b, bool cut);

// Adds a record to the simulated DNS; dns_down makes every query time out.
int sim_dns_add(struct sim *s, const char *name, enum dns_type type, const struct dns_rr *rr);
void sim_dns_down(struct sim *s, bool down);
// From now on what a node receives has waited that long in its system (loop_waited).
void sim_set_waited(struct loop *l, uint64_t ns);
// Makes the wall clock of every node jump by ms.
void sim_jump_wall(struct sim *s, int64_t ms);

// Runs events until the virtual time `until_ms` (since start), or until nothing is left to do;
// returns the number of events run. The clock stands at until_ms afterwards, or, for UINT64_MAX, at
// the last event.
uint64_t sim_run(struct sim *s, uint64_t until_ms);
// From inside of an event: sim_run returns after it, with the clock at that event.
void sim_stop(struct sim *s);
// Runs the next event only; false when there is none.
bool sim_step(struct sim *s);
uint64_t sim_now_ms(const struct sim *s);
// A seeded generator for the test's own choices, independent of the nodes' randomness.
uint64_t sim_random(struct sim *s);

// Called for each packet or stream segment as it is delivered or dropped, for traces.
typedef void (*sim_trace_cb)(void *arg, uint64_t at_us, const struct addr *src,
                             const struct addr *dst, bool tcp, bool dropped, struct str data);
void sim_set_trace(struct sim *s, sim_trace_cb cb, void *arg);

// A datagram that no node sent, as if it came from src: a forged source, or who is not simulated.
// Nothing is sent when there is no memory.
void sim_inject(struct sim *s, const struct addr *src, const struct addr *dst, struct str data);
// Called for each datagram and each run of a stream before it is delivered. What it returns is
// delivered instead and lives until the next call; with p NULL nothing is. NULL cb: nobody tampers.
typedef struct str (*sim_tamper_cb)(void *arg, const struct addr *src, const struct addr *dst,
                                    bool tcp, struct str data);
void sim_set_tamper(struct sim *s, sim_tamper_cb cb, void *arg);
