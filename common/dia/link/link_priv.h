// SPDX-License-Identifier: Apache-2.0
// What the files of the link layer share: connections and what they are bounded by.
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "dia/link/link.h"

enum { DIA_TAIL_KEPT = 8192 }; // what a connection keeps of the memory of a message that came in pieces

// What was more than is taken, for the metric dia_limit_exceeded.
enum dia_excess {
    DIA_OVER_MESSAGE, DIA_OVER_AVPS, DIA_OVER_DEPTH, DIA_OVER_STRANGERS, DIA_OVER_SOURCE,
    DIA_OVER_CER_TIME, DIA_OVER_CER_BYTES, DIA_EXCESSES
};

struct dia_conn {
    struct list link;       // layer's conns, or its graves
    UT_hash_handle hh;
    uint64_t id;
    struct dia_link_layer *layer;
    struct tcp *tcp;        // NULL once closed
    struct dia_counts *counts;
    enum dia_phase phase;
    bool initiator;
    bool known;             // its user knows whose it is
    bool dead;              // freed at the end of the turn
    bool paused;            // not read, because the other side does not read
    bool stranger;          // accepted, and not admitted yet
    bool said;              // a CER came
    struct str tail;        // an incomplete message, heap
    size_t tail_cap, skip;  // skip: bytes of a message that is too long, still to come
    struct timer timer;     // until it is admitted
    size_t serving;
    uint32_t cer_hbh, cer_ete; // ids of its CER, for the CEA
    _Alignas(max_align_t) char room[];
};

struct dia_link_layer {
    struct loop *loop;
    const struct dia_link_user_ops *user;
    void *user_arg;
    struct dia_self self;
    struct dia_limits limits;
    size_t max_buffered;
    uint32_t max_strangers, max_same_source, cer_ms, cer_bytes;
    void (*trace)(void *arg, const struct dia_trace *t);
    void *trace_arg;
    struct list listeners, conns, graves;
    struct dia_conn *by_id;
    size_t n_strangers;
    uint64_t next_conn;
    uint32_t next_hbh, next_ete;
    bool stopped;
    uint64_t told_ms;       // when strangers were last complained of
    struct deferred bury;
    struct dia_counts count;
    uint64_t excess[DIA_EXCESSES];
};

// ---- conn.c ----
struct dia_conn *dia_conn_new(struct dia_link_layer *l, bool initiator);
// It is over: the user is told, and it is closed.
void dia_conn_lost(struct dia_conn *c, int err);
struct str dia_conn_name(const struct dia_conn *c);

// ---- strangers.c ----
// The oldest go while there are too many, in all or of c's source.
void dia_strangers_trim(struct dia_conn *c);

// ---- base.c ----
bool dia_frame_is_base(const struct dia_frame *f);
// The CER f cannot be taken: its CEA says why, and the connection ends behind it.
void dia_cer_fault(struct dia_conn *c, const struct dia_frame *f, const struct dia_fault *fault);
// A base protocol message came; f is checked.
void dia_base_message(struct dia_conn *c, const struct dia_frame *f);

// ---- stream.c ----
void dia_stream_data(struct dia_conn *c, struct str bytes);
void dia_tail_done(struct dia_conn *c); // what an incomplete message has
