// SPDX-License-Identifier: Apache-2.0
// Connections of a Diameter node, the lowest layer above the codec. A message's journey in: bytes on a connection
// (conn.c), cut into messages (stream.c), checked in length and limits, then: what the base protocol has for the
// link itself (CER, DWR, DPR and their answers) is read and answered here (base.c), and what is an application's goes
// to the one user of the layer, when the connection's phase allows it. Out: dia_conn_send, and the link's own
// messages. An accepted connection is a stranger until its user has admitted it: short-lived, and few at a time
// (strangers.c). The layer knows neither peers nor who uses it but by dia_link_user_ops: what the user knows
// of a connection lies in the room that each has for him.
#pragma once

#include "dia/codec/codec.h"
#include "io/loop.h"

struct dia_caps;
struct dia_conn;
struct dia_link_layer;

enum dia_transport { DIA_TCP, DIA_TLS, DIA_SCTP }; // TLS and SCTP: ERR_UNSUPPORTED until the access work

struct dia_trace {
    bool out;
    struct addr local, remote;
    struct str bytes;
    struct str correlation; // what the sender of the request gave, or the Session-Id
};

typedef void (*dia_stat_cb)(void *arg, const char *name, const char *labels, uint64_t value);

enum { DIA_MAX_APPLICATIONS = 8 };

// What the node says of itself. Every layer reads it; this one has it.
struct dia_self {
    struct str host, realm, product; // heap
    uint32_t vendor_id, state_id;
    const struct dia_interface *apps[DIA_MAX_APPLICATIONS];
    size_t n_apps;
    struct dia_dict *dict;
};

// Traffic of one peer, or of none. Each layer counts what it sees.
struct dia_counts {
    uint64_t requests_out, requests_in, answers_out, answers_in, errors_out, timeouts, failovers,
        retries, redirects, duplicates, full, late, bad, dropped, opens, losses, suspects, silences,
        busy, throttled, refused_seconds;
};
void dia_counts_add(struct dia_counts *to, const struct dia_counts *from);

// How far a connection is. New: nothing but the capabilities exchange is taken. Closing: a DPR went either way, and
// answers are still taken.
enum dia_phase { DIA_CONN_NEW, DIA_CONN_OPEN, DIA_CONN_CLOSING };

// The layer above: one.
struct dia_link_user_ops {
    // A connection of ours is made.
    void (*connected)(void *arg, struct dia_conn *c);
    // c is over: closed by the other side (err says how), or for something that was wrong on it (0). It is closed
    // behind this call.
    void (*lost)(void *arg, struct dia_conn *c, int err);
    // c is being closed, by whomever: nothing may wait for it any more.
    void (*leaves)(void *arg, struct dia_conn *c);
    // A CER, a CEA; they are sound.
    void (*cer)(void *arg, struct dia_conn *c, const struct dia_caps *caps);
    void (*cea)(void *arg, struct dia_conn *c, const struct dia_caps *caps);
    // A DPR, which dia_conn_done answers, or a DPA.
    void (*disconnect)(void *arg, struct dia_conn *c, const struct dia_frame *f, uint32_t cause);
    // Any message, before it is looked at further, in the phases open and closing. dwa: a Device-Watchdog-Answer.
    void (*heard)(void *arg, struct dia_conn *c, bool dwa);
    // An application's. Requests come in the phase open only.
    void (*request)(void *arg, struct dia_conn *c, const struct dia_frame *f);
    void (*answer)(void *arg, struct dia_conn *c, const struct dia_frame *f);
    // The answer f is too much, or broken.
    void (*broken)(void *arg, struct dia_conn *c, const struct dia_frame *f);
    // Whom c leads to, for logs; "?" when it is not known.
    struct str (*name)(void *arg, const struct dia_conn *c);
    size_t room; // bytes of each connection for the user, zero at first
};

// All is set: the defaults are dia_params'. Text is copied.
struct dia_link_params {
    struct loop *loop;
    struct str host, realm, product;
    uint32_t vendor_id;
    const struct dia_interface *const *applications; // at most DIA_MAX_APPLICATIONS
    size_t n_applications;
    struct dia_limits limits;
    size_t max_buffered;
    uint32_t max_strangers, max_same_source, cer_ms, cer_bytes;
    void (*trace)(void *arg, const struct dia_trace *t); // may be NULL
    void *trace_arg;
};

// ERR_NOMEM, and those of dia_dict_ref.
int dia_link_new(const struct dia_link_params *p, struct dia_link_layer **ret_link);
// Before anything is accepted or connected.
void dia_link_set_user(struct dia_link_layer *l, const struct dia_link_user_ops *ops, void *arg);
void dia_link_close_all(struct dia_link_layer *l); // the user hears leaves, not lost
void dia_link_free(struct dia_link_layer *l);      // takes NULL; nobody is told
int dia_link_listen(struct dia_link_layer *l, enum dia_transport t, const struct addr *local);
// No listener any more, and no stranger is taken.
void dia_link_stop(struct dia_link_layer *l);
void dia_link_stats(const struct dia_link_layer *l, dia_stat_cb cb, void *arg);

// ---- what the layers above share with it ----

struct loop *dia_link_loop(const struct dia_link_layer *l);
const struct dia_self *dia_link_self(const struct dia_link_layer *l);
// The next Hop-by-Hop and End-to-End Identifier: of the node, and so of every connection (RFC 6733 3).
uint32_t dia_link_next_hbh(struct dia_link_layer *l);
uint32_t dia_link_next_ete(struct dia_link_layer *l);
// What belongs to no peer.
struct dia_counts *dia_link_counts(struct dia_link_layer *l);

// ---- connections ----

// A connection of ours, known from the start. local without an address: chosen by the system.
int dia_conn_open(struct dia_link_layer *l, const struct addr *local, const struct addr *remote,
                  struct dia_conn **ret_conn);
// Takes NULL; the user hears leaves. flush: what is still to be sent goes out first.
void dia_conn_close(struct dia_conn *c, bool flush);
// One WARN line and the end of the connection, as if the other side had closed it.
void dia_conn_refuse(struct dia_conn *c, const char *why);
// Who it is and that it may be here is known: it is no stranger any more, and counts for a peer.
void dia_conn_admit(struct dia_conn *c, struct dia_counts *counts);
void dia_conn_set_phase(struct dia_conn *c, enum dia_phase phase);

struct dia_conn *dia_conn_find(struct dia_link_layer *l, uint64_t id); // NULL: it is closed
uint64_t dia_conn_id(const struct dia_conn *c);
void *dia_conn_room(const struct dia_conn *c);
bool dia_conn_is_ours(const struct dia_conn *c);  // we connected
bool dia_conn_is_open(const struct dia_conn *c);  // phase
bool dia_conn_is_known(const struct dia_conn *c); // ours, or admitted
const struct addr *dia_conn_remote(const struct dia_conn *c);
size_t dia_conn_unsent(const struct dia_conn *c);
bool dia_conn_is_full(const struct dia_conn *c); // takes no more bytes
// Requests of this connection that wait for an answer of ours: the user above counts them here.
size_t *dia_conn_serving(struct dia_conn *c);

// Queues the bytes. ERR_FULL when the other side does not read, ERR_CLOSED.
int dia_conn_send(struct dia_conn *c, struct str bytes, struct str correlation);
// A received message, for the trace. Those that answer a request of ours are traced by who knows it.
void dia_conn_trace_in(struct dia_conn *c, struct str bytes, struct str correlation);

// ---- the link's own messages ----

int dia_conn_send_cer(struct dia_conn *c);
int dia_conn_send_cea(struct dia_conn *c, uint32_t code, const char *text); // for the CER that came last
void dia_conn_send_dwr(struct dia_conn *c);
void dia_conn_send_dpr(struct dia_conn *c, uint32_t cause);
void dia_conn_done(struct dia_conn *c, const struct dia_frame *f); // DWA, DPA: success

// ---- answers that refuse (error.c) ----

// A refusal of cmd (NULL: a command that is not known). The E bit is set for 3xxx (RFC 6733 7.1.3); else the answer
// obeys its command's grammar.
int dia_refusal_encode(const struct dia_self *self, const struct dia_command *cmd, struct dia_header *h,
                       struct str session, uint32_t code, struct dia_bytes *ret_bytes);
// Session-Id, Origin-Host and Origin-Realm of an answer.
void dia_origin_set(const struct dia_self *self, const struct dia_grammar *g, void *st, struct str session);
// Answers f at once; fault may be NULL.
void dia_conn_send_error(struct dia_conn *c, const struct dia_frame *f, uint32_t code,
                         const struct dia_fault *fault);
// An answer goes out and is counted.
void dia_conn_answer(struct dia_conn *c, const struct dia_bytes *b, struct str session);
