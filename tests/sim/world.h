// SPDX-License-Identifier: Apache-2.0
// A whole IMS in one process: UEs, P-CSCF, I-CSCF, S-CSCF and HSS, each on a node of the simulated
// world, with SIP and Cx over its network. Nodes can be killed and started again. A pair has a second S-CSCF, which new
// users get when the first one does not answer.
#pragma once

#include "base/arena.h"
#include "io/sim.h"
#include "tools/ue/ue.h"

enum world_node { W_HSS, W_ICSCF, W_SCSCF, W_PCSCF, W_NODES, W_SCSCF_2 = W_NODES, W_ALL }; // W_NODES: of every world
enum { W_HUBS = 4, W_USERS_MAX = 2000 };
#define W_DOMAIN "ims.mnc001.mcc001.3gppnetwork.org"
#define W_DOMAIN_2 "operator.example" // a home domain too

struct world;

struct world_node_state {
    struct loop *loop;
    void *nf;          // NULL: down
    struct conf *conf;
    void *config;
    void *dia;         // HSS: its Diameter node
    bool no_power;     // its disk has torn a write: it dies as soon as what runs now has run
};

struct world_counts {
    uint64_t register_ok, register_failed, call_ok, call_failed, call_established;
    uint64_t by_status[700];
};

struct world_user {
    struct world *w;
    struct phone *phone;
    bool registering;
    ue_call call;      // outgoing, 0: none
    char uri[96];
};

struct world {
    struct sim *sim;
    struct world_node_state node[W_ALL];
    bool pair;
    struct loop *ue_loop[W_HUBS];
    struct hub *hub[W_HUBS];
    struct world_user users[W_USERS_MAX];
    size_t n_users;
    struct world_counts counts;
    uint64_t pending;  // operations begun and not ended
    char dir[64];      // of the HSS's store
    uint64_t trace_hash, trace_messages;
};

// A running core with n users, who are provisioned and not registered.
void world_start(struct world *w, uint64_t seed, size_t n_users);
// The same with two S-CSCFs.
void world_start_pair(struct world *w, uint64_t seed, size_t n_users);
// Ends everything and removes the store.
void world_stop(struct world *w);

// Further subscribers, as `carillon-ctl hss subscriber import` takes them.
void world_import(struct world *w, struct str csv);

// IP address of a node.
struct addr world_address(enum world_node n);

// kill -9 of a node, and its start with what it has on disk: P- and S-CSCF on a simulated one, which is the world's.
void world_kill(struct world *w, enum world_node n);
void world_boot(struct world *w, enum world_node n);
// The disk of a node; NULL: it has none that is simulated. For bad days (io/sim_disk.h).
struct disk *world_disk(const struct world *w, enum world_node n);
// The node's machine loses its power after so many more steps of its disk (a byte written is one): it is killed there,
// in the middle of a write, and of what was not synced the seed says what is left. world_run has to run then.
void world_crash_after(struct world *w, enum world_node n, uint64_t steps);
// Everything for ms milliseconds. Nodes that lost their power are down afterwards.
void world_run(struct world *w, uint64_t ms);

void world_register(struct world *w, size_t user);
void world_deregister(struct world *w, size_t user);
void world_call(struct world *w, size_t from, size_t to);
// What the HSS has of a user: an S-CSCF, registered or not; one that he is registered at.
bool world_has_server(const struct world *w, size_t user);
bool world_is_registered(const struct world *w, size_t user);
// Everybody puts the phone down.
void world_hang_up(struct world *w);

// The trace that world_start sets: it makes trace_hash. For who sets another one and passes it on.
void world_trace(void *w, uint64_t at_us, const struct addr *src, const struct addr *dst, bool tcp,
                 bool dropped, struct str data);

// Value of a stack counter of a node, summed over labels.
uint64_t world_stack_stat(const struct world *w, enum world_node n, const char *name);
// Allocations beyond what owners tell that they keep for what comes next: blocks for reuse and names
// remembered, in the figures of all stacks, and the room of tables and queues (mem_kept).
long world_live(const struct world *w);
struct stack *world_stack(const struct world *w, enum world_node n);
