// SPDX-License-Identifier: Apache-2.0
// What the files of the request layer share.
#pragma once

#include "base/arena.h"
#include "base/hash.h"
#include "base/list.h"
#include "dia/request/request.h"

enum {
    DIA_TIMEOUT_MS = 5000,
    DIA_TRIES = 4, // peers that one request is sent to
    DIA_SESSIONS_MAX = 1000000, // of one node
};

// Results of answers that came, by code.
enum { DIA_RESULTS = 64 };
struct dia_results {
    struct {
        struct dia_result r;
        uint64_t count;
    } v[DIA_RESULTS];
    size_t n;
    uint64_t others; // of further codes
};

// What a peer has of this layer, in its room.
struct dia_hop {
    struct list link;        // of the layer
    struct dia_request_layer *layer;
    struct dia_peer *peer;
    const struct dia_peer_info *info;
    struct dia_counts *counts;
    struct list pending;
    size_t n_pending;
    int load;                // smooth weighted round robin
    // How it answers, see health.c.
    uint64_t heard_ns;       // the last answer to a request of ours
    uint64_t avoid_until_ns; // other peers are taken until then
    uint32_t silent_ms, busy_ms; // the next time to avoid it; 0: it answers, it is not busy
    uint32_t asked, taken;   // decaying: requests, and those that were not refused as too many
    uint64_t decayed_ms;
};

struct dia_pending {
    UT_hash_handle hh;
    struct list link;       // of its hop, of the parked, or of the failed
    struct dia_request_layer *layer;
    struct dia_hop *hop;    // NULL: parked or failed
    uint32_t hbh;
    struct dia_bytes bytes;
    struct timer timer;     // its whole time
    struct timer try_timer; // with a hop: until another is asked, too; parked: for a peer to open
    uint64_t sent_ns;
    uint64_t session;       // serial of what it belongs to, or 0
    const struct dia_interface *iface;
    const struct dia_command *cmd;
    void (*deliver)(const struct dia_done *d);
    dia_fn cb;
    void *nf;
    uint64_t arg;
    struct str dest_host, dest_realm, correlation; // behind the struct
    uint32_t tried[DIA_TRIES];
    unsigned n_tried;
    bool sent;              // at least once: the next time with the T flag
    bool passed_on;         // a peer was too busy, another one is asked
    int err;
};

// One way back for an answer. A retransmission adds its own.
struct dia_path {
    struct dia_path *next;
    uint64_t conn;
    uint32_t hbh;
    struct str proxy; // raw Proxy-Info AVPs
};

struct dia_dup;
struct dia_service;

struct dia_request {
    struct list link;
    struct dia_request_layer *layer;
    const struct dia_service *service;
    const struct dia_command *cmd;
    struct str session_id;
    uint32_t ete;
    struct dia_path *paths;
    struct dia_dup *dup;
    struct arena arena;
    char first[512];
};

struct dia_service {
    const struct dia_interface *iface;
    dia_handler handler;
    const void *ops;
    void *ctx;
};

struct dia_dup {
    UT_hash_handle hh;
    struct list link;            // oldest first
    struct dia_request *request; // still waiting; NULL: answered
    struct dia_bytes answer;     // without Proxy-Info
    uint64_t until_ns;
    bool t;                      // came with the T flag
    size_t n_key;
    char key[];
};

struct dia_request_layer {
    struct dia_link_layer *link;
    struct loop *loop;            // the link's
    const struct dia_self *self;  // the link's
    struct dia_counts *counts;    // the link's: of no peer
    size_t max_pending;
    uint32_t try_ms, connect_wait_ms;
    uint32_t second_tries;        // requests that may go to a second peer though the first one answers
    bool draining;
    struct dia_service services[DIA_MAX_APPLICATIONS];
    size_t n_services;
    struct list hops, parked, failed, requests, dups;
    struct dia_pending *by_hbh;
    struct dia_dup *dup_by_key;
    size_t n_parked, n_dups, dup_bytes;
    struct dia_session *sessions; // by Session-Id
    size_t n_sessions;
    uint64_t next_session;
    uint32_t session_high, session_low, session_random;
    struct deferred fail;
    struct dia_results results;
};

// ---- health.c: which peers are asked, by how they answered ----
bool dia_hop_avoided(const struct dia_hop *h);
void dia_hop_asked(struct dia_hop *h);    // a request goes there
void dia_hop_answered(struct dia_hop *h); // an answer came that is no refusal for being too busy
void dia_hop_silent(struct dia_hop *h);   // a request got no answer in its try's time
void dia_hop_busy(struct dia_hop *h);     // it answered DIAMETER_TOO_BUSY
// It refuses so many that this one need not be sent.
bool dia_hop_throttled(struct dia_hop *h);

// ---- route.c ----
struct dia_want {
    struct str host, realm;
    uint32_t app;
    const uint32_t *tried;
    unsigned n_tried;
};
// The next hop. ERR_REFUSED: no usable peer; ERR_FULL: all at their cap.
int dia_route(struct dia_request_layer *l, const struct dia_want *w, struct dia_hop **ret_hop);
// Wakes the peers that could carry it when they are open. False: none of them may be in a moment.
bool dia_route_wake(struct dia_request_layer *l, const struct dia_want *w);

// ---- client.c ----
void dia_pending_answer(struct dia_hop *h, struct dia_conn *c, const struct dia_frame *f);
// RFC 6733 5.5.4: the peer's requests go elsewhere. gone: those that cannot are parked.
void dia_pending_failover(struct dia_hop *h, bool gone);
void dia_pending_unpark(struct dia_request_layer *l);
// A peer is gone or could not be had: who waits for one, and may not hope for another, is told.
void dia_pending_hopeless(struct dia_request_layer *l);
// The answer f is too much or broken: its request fails.
void dia_pending_broken(struct dia_hop *h, const struct dia_frame *f);
void dia_pending_fail_all(void *layer); // deferred
void dia_pending_free_all(struct dia_request_layer *l);

// ---- session.c ----
// Session-Id and Destination-Host of a request that belongs to s; what dia_session_answered takes.
uint64_t dia_session_enter(const struct dia_session *s, const struct dia_places *at, void *request);
// The answer f to a request of that session came: the session is where it was answered with success.
void dia_session_answered(struct dia_request_layer *l, uint64_t serial, const struct dia_frame *f);
// f is about a session that is not kept here, and needs one.
bool dia_session_unknown(struct dia_request_layer *l, const struct dia_command *cmd, const struct dia_frame *f);
void dia_sessions_free(struct dia_request_layer *l);

// ---- server.c ----
void dia_serve_request(struct dia_hop *h, struct dia_conn *c, const struct dia_frame *f);
void dia_request_free(struct dia_request *q);

// ---- dup.c ----
// The entry of an earlier copy of f, or NULL.
struct dia_dup *dia_dup_find(struct dia_request_layer *l, const struct dia_frame *f);
// Remembers q as what f asks for. Without memory nothing is remembered.
void dia_dup_add(struct dia_request_layer *l, const struct dia_frame *f, struct dia_request *q);
// Takes over the bytes.
void dia_dup_answered(struct dia_request_layer *l, struct dia_dup *e, struct dia_bytes *answer);
void dia_dup_free(struct dia_request_layer *l, struct dia_dup *e);

// ---- results.c ----
void dia_results_count(struct dia_results *t, struct dia_result r);
void dia_results_stats(const struct dia_results *t, dia_stat_cb cb, void *arg);

// ---- ids.c ----
void dia_ids_init(struct dia_request_layer *l);
// RFC 6733 8.8; in buf of at least 320 bytes.
struct str dia_session_id(struct dia_request_layer *l, char *buf, size_t cap);
