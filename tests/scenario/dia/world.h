// SPDX-License-Identifier: Apache-2.0
// A simulated Diameter network for the scenario tests: boxes (nodes of ours, each its own process) and
// raw peers (scripted, they write and read bytes).
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "dia/base.h"
#include "dia/codec/codec.h"
#include "dia/cx.h"
#include "io/sim.h"

enum { MAX_BOXES = 6, MAX_DONE = 4096, MAX_HELD = 512 };

enum answer_mode { ANSWER_NOW, ANSWER_HOLD, ANSWER_NEVER, ANSWER_REFUSE, ANSWER_BUSY };

struct done {
    uint64_t arg;
    int err;
    struct dia_result result;
    char from[64];
    unsigned calls;
};

struct box {
    struct world *w;
    struct loop *loop;
    struct dia_node *node;
    char host[64];
    struct addr at;
    // server
    enum answer_mode mode;
    unsigned asked;                // requests that reached a handler
    struct dia_request *held[MAX_HELD];
    size_t n_held;
    char last_session[128], last_impi[64];
    // client
    struct done done[MAX_DONE];    // by the number of the request
    size_t n_sent, n_done;
    unsigned opens, closes;
    bool drained;
    uint64_t traced;               // messages seen by the trace
    char correlation[64];          // of the last traced answer
    struct dia_params params;
};

struct world {
    struct sim *sim;
    struct box box[MAX_BOXES];
    struct dia_dict *dict;
    uint64_t now_ms;
    uint64_t digest;               // over every segment
    uint64_t segments;
};

void world_new(struct world *w, uint64_t seed);
void world_free(struct world *w);
void world_run(struct world *w, uint64_t ms);

// host "name.test" at 10.0.0.<i+1>:3868, listening. tw_ms 0: 6000. change may adjust the parameters.
struct box *box_start(struct world *w, int i, const char *host, void (*change)(struct dia_params *));
void box_crash(struct box *b);
void box_stop(struct box *b); // frees node and loop in order
void box_again(struct box *b, void (*change)(struct dia_params *));
struct addr box_place(int i);
void box_open(struct dia_params *p); // a change: it takes peers that it does not know
// a knows b; dial: and connects to it.
void box_knows(struct box *a, const struct box *b, bool dial, const struct dia_peer_params *more);
// Sends a MAR; the answer lands in b->done[returned number].
size_t box_ask(struct box *b, const char *dest_host, const char *dest_realm, uint32_t timeout_ms);
void box_answer_held(struct box *b, size_t i);
// Summed over all labels when these are NULL.
uint64_t box_stat(const struct box *b, const char *name, const char *host);
uint64_t box_stat_of(const struct box *b, const char *name, const char *labels);

struct raw {
    struct world *w;
    struct loop *loop;
    struct addr at;
    char host[512];
    struct tcp_listener *listener;
    struct tcp *tcp;
    bool closed, hang_up;
    uint8_t in[1 << 20];
    size_t n_in;
    uint32_t count[512];           // messages received by code (below 512)
    uint32_t answers[512];
    uint8_t last[1 << 16];         // the last message received
    size_t n_last;
    bool answer_dwr, auto_cea, relay_app;
    uint32_t origin_state;
    // Called for each application message; may be NULL.
    void (*got)(struct raw *r, const struct dia_frame *f);
};

// Same addresses as boxes: 10.0.0.<i+1>:3868.
void raw_start(struct raw *r, struct world *w, int i, const char *host);
void box_knows_raw(struct box *a, const struct raw *r, struct dia_peer_params p); // as box_knows does, and dials
void raw_stop(struct raw *r);
// A further connection of the same node: r has its loop and address, and raw_drop ends it.
void raw_share(struct raw *r, const struct raw *of);
void raw_drop(struct raw *r);
void raw_accept(void *r, struct tcp *c); // as its listener does
void raw_dial(struct raw *r, const struct box *to);
void raw_hang_up(struct raw *r, const struct dia_frame *f); // for got
void raw_send(struct raw *r, const void *bytes, size_t n);
void raw_cer(struct raw *r, const uint32_t *auth, size_t n_auth);
// An answer to f by the error grammar, E bit as given; redirect may be NULL.
void raw_error(struct raw *r, const struct dia_frame *f, uint32_t code, const char *redirect);
void raw_maa(struct raw *r, const struct dia_frame *f);
// A MAR with these ids; flags are added (T). ret_bytes is freed with dia_bytes_free.
void raw_mar(struct raw *r, uint32_t hbh, uint32_t ete, uint8_t flags, struct dia_bytes *ret_bytes);
// The Result-Code of the last message.
uint32_t raw_last_result(struct raw *r);
struct str raw_last_avp(struct raw *r, uint32_t code);
