// SPDX-License-Identifier: Apache-2.0
// Home Subscriber Server. A request's journey: the Diameter server gives it to a handler of cx_server.c, which
// copies it into an operation; reads (UAR, LIR) run at once on a read-only store, everything else is
// gathered until the end of the loop's turn and runs as one transaction on a worker (queue.c); each
// operation is a step list in the order of its clause's checks (uar.c, mar.c, sar.c, lir.c); when the
// commit is on the disk, and not before, the answers leave. So a SQN that left is never used again.
#pragma once

#include "dia/cx.h"
#include "ims/numbering.h"

struct hss;

// Vectors of one MAA, implicit registration sets that one SAR is about.
enum { HSS_VECTORS_MAX = 8, HSS_SETS_MAX = 32 };

struct hss_charging {
    struct str primary_ccf, secondary_ccf, primary_ecf, secondary_ecf; // p NULL: none
};

// What an answer says of S-CSCFs when neither subscriber nor pool names any (TS 29.228 6.1.1.1: none means any).
enum hss_anyone { HSS_ANYONE_OPTIONAL, HSS_ANYONE_ABSENT, HSS_ANYONE_EMPTY };

// What can change at run time.
struct hss_settings {
    uint32_t max_vectors;       // in one MAA, at most HSS_VECTORS_MAX; 0: that
    bool keep_server_name;      // on *_DEREGISTRATION_STORE_SERVER_NAME (TS 29.228 6.1.2.1)
    const struct str *pool;     // S-CSCFs for subscribers without a choice of their own
    size_t n_pool;
    int anyone;                 // enum hss_anyone
    uint32_t anyone_capability; // of HSS_ANYONE_OPTIONAL
    bool aka_for_unknown;       // AKA vectors for SIP-Authentication-Scheme "Unknown", in place of a refusal
    uint32_t restoration_size;  // bytes kept for each private identity of a set (TS 23.380 4); 0: restoration is off
    struct str digest_qop;      // of SIP Digest; empty: "auth"
    struct hss_charging charging; // for subscribers without addresses of their own
    // What waits for a transaction, at most; beyond half of either no registration begins (MAR, and UAR
    // without an S-CSCF), beyond the whole nothing that writes is taken. 0: 1000, 20000.
    uint32_t queue_delay_ms, queue_length;
};

struct hss_params {
    struct loop *loop;
    const char *store_path;     // file, or ":memory:"
    const char *key_file;       // NULL: a random key, for a store in memory only
    bool key_create;            // make the key file when there is no store yet
    uint64_t store_max_bytes;   // 0: unlimited
    bool store_shared;          // with other HSSs on this machine, all of which say so
    // Home domains and numbering plan, by which identities are kept and found; must outlive the HSS. NULL: none,
    // and any host may be provisioned.
    const struct numbering *plan;
    struct hss_settings settings; // texts must outlive the HSS or the next hss_configure
};

// ERR_DENIED: the key file may be read by others; ERR_AUTH: it is not this store's key; ERR_INUSE: another HSS has the
// store, and not both share it; the errors of store_open. The reason has been logged.
int hss_new(const struct hss_params *p, struct hss **ret_hss);
// Requests that have no answer yet get none (hss_drain waits for them); a transaction that runs ends
// first. The loop must not run after it. Takes NULL.
void hss_free(struct hss *h);
void hss_configure(struct hss *h, const struct hss_settings *s);
// Calls done once no request is left, perhaps at once.
void hss_drain(struct hss *h, timer_cb done, void *arg);

// For cx_serve(node, &hss_cx_server, hss).
extern const struct cx_server hss_cx_server;

// The handlers without Diameter, for tests and benchmarks: done gets the answer, which lives until it
// returns, exactly once; perhaps before the call returns.
typedef void (*hss_uaa_cb)(void *arg, const struct cx_uaa *a);
typedef void (*hss_lia_cb)(void *arg, const struct cx_lia *a);
typedef void (*hss_maa_cb)(void *arg, const struct cx_maa *a);
typedef void (*hss_saa_cb)(void *arg, const struct cx_saa *a);
void hss_uar(struct hss *h, const struct cx_uar *r, hss_uaa_cb done, void *arg);
void hss_lir(struct hss *h, const struct cx_lir *r, hss_lia_cb done, void *arg);
void hss_mar(struct hss *h, const struct cx_mar *r, hss_maa_cb done, void *arg);
void hss_sar(struct hss *h, const struct cx_sar *r, hss_saa_cb done, void *arg);

struct hss_stats {
    uint64_t requests[4], refused[4]; // UAR, LIR, MAR, SAR; refused: any result but success
    uint64_t vectors, resyncs, resyncs_refused, store_failures, transactions;
    uint64_t foreign_writes; // transactions before which another process had written
    uint64_t shed[4]; // answered DIAMETER_TOO_BUSY because of the queue
    uint64_t restorations_kept, restorations_unkept, restorations_given;
};
const struct hss_stats *hss_stats(const struct hss *h);
// How many operations wait for a transaction, and how long the first of them has.
size_t hss_queue_waiting(const struct hss *h);
uint64_t hss_queue_delay_ms(const struct hss *h);
// SCSCF-Restoration-Info that the store has, and their bytes; 0 of a store in memory.
void hss_restorations_stored(const struct hss *h, uint64_t *ret_n, uint64_t *ret_bytes);
// False, with a reason, when the last transaction failed.
bool hss_ready(const struct hss *h, const char **ret_why);
