// SPDX-License-Identifier: Apache-2.0
// What is left of a finished transaction. Once it has nothing to do but to absorb what is sent again, to answer it, or
// to pass on a further 2xx (the states in which timers D, I, J, K, L and M run), its tombstone takes its place in the
// tables of ids and of keys: one small block with the machine's state and the bytes that this takes; all else is given
// back. The machine is the same, and its table still the only writer of the state: what a row of such a state acts on
// is the tombstone.
//
// Tombstones that last equally long lie in one row, in the order of their ends, under one timer. All of them may take
// so many bytes (limits.finished_memory), those of strangers a quarter of it; beyond that the oldest go, strangers'
// first, as if their timers had run out.
#pragma once

#include "base/fsm.h"
#include "base/list.h"
#include "io/loop.h"
#include "stack/txn/txn.h"

struct txn;
struct txn_input;

// What the tables hold: a transaction or a tombstone. The first member of both.
struct txn_entry {
    bool is_tomb;
};

struct tomb {
    struct txn_entry entry;
    bool is_server, reliable;
    uint8_t state, timer; // of the machine
    uint8_t proto;        // enum sip_proto, of the flow
    uint16_t key_n, name_n;
    uint32_t kept_n, charge;
    enum sip_method method;
    unsigned label; // of the listener
    txn_id id;
    const struct fsm *fsm;
    struct tomb_row *row;
    struct list link;    // in the row, or among those that are over
    uint64_t born, ends; // ms of loop time; born: the transaction
    flow_id flow;
    struct addr peer; // server: where responses go; client: who was asked. Family 0: nobody
    union {
        struct { // client
            txn_client_cb cb; // NULL: nobody wants to know
            void *arg;
            txn_id kin; // of an INVITE: its CANCEL; of a CANCEL: the INVITE; 0: none
        };
        struct { // server
            struct txn_user *user;
            void *owner;
            uint64_t key_hash;
        };
    };
    char bytes[]; // the key (client: the branch), the name of an extension method, what is sent again
};

static inline struct str tomb_key(const struct tomb *b)
{
    return str_make(b->bytes, b->key_n);
}

static inline struct str tomb_name(const struct tomb *b)
{
    return str_make(b->bytes + b->key_n, b->name_n);
}

static inline struct str tomb_kept(const struct tomb *b)
{
    return str_make(b->bytes + b->key_n + b->name_n, b->kept_n);
}

struct tomb_row {
    struct txn_layer *layer;
    struct list link;
    uint32_t lasts_ms;
    bool of_strangers;
    struct list tombs; // the one that ends first is the first
    struct timer timer;
};

// A layer's.
struct tombs {
    struct list rows, over; // over: to be told and freed at the end of the turn
    struct deferred bury;
    size_t n, bytes, stranger_bytes, max; // max: bytes; 0: any number
    uint64_t forgotten, said_at; // before their time; when the log has told of it
};

void tombs_init(struct txn_layer *l);
// Frees them all, without a word.
void tombs_done(struct txn_layer *l);

// A final response has been seen or sent: the transaction is no longer counted, and a tombstone takes its place, which
// sends `kept` again. t is gone when this returns; without memory for a tombstone it ends at the end of the turn.
void tomb_lay(struct txn *t, struct str kept);
// NULL: there is none of this id.
struct tomb *tomb_find(const struct txn_layer *l, txn_id id);
void tomb_step(struct tomb *b, unsigned event, struct txn_input *in);
// The flow to its peer; a UDP flow that was forgotten is there again, and a connection that has gone is made again.
// NULL: there is none.
struct flow *tomb_flow(struct tomb *b);
// The state of a transaction or of a tombstone is TERMINATED.
void tomb_over(void *entry);
// What somebody has put behind it counts as its own.
void tomb_charge(struct tomb *b, size_t bytes);
// Nobody is told of the end of this user's any more.
void tombs_disown(struct txn_layer *l, const struct txn_user *u);
// Calls cb for at most max, those that have been here longest first; returns how many.
size_t tombs_list(const struct txn_layer *l, size_t max, txn_list_cb cb, void *arg);
