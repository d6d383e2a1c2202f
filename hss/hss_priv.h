// SPDX-License-Identifier: Apache-2.0
// Operations: one request on its way through the HSS. It owns copies of everything it needs, so that it
// can run on a worker thread, where it touches its context (one store, one vault, one AES) and itself.
// The layers, each needs what stands left of it only:
//     cache, op <- queue; op <- { facts, secret, capability, auth, ... } <- { uar, lir, mar, sar, provisioning } <-
//     request, task
// Which procedure is a command's, and what becomes of its result, is known at the top alone (struct hss_kind).
#pragma once

#include <semaphore.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/steps.h"
#include "hss/hss.h"
#include "hss/sql.h"
#include "hss/vault.h"
#include "ims/aka.h"
#include "ims/wildcard.h"
#include "store/store.h"

// What an operation may use while it runs; one for the loop's thread (reads), one for the worker.
struct hss_ctx {
    struct store *store;
    struct vault *vault;
    struct aka *aka;
    const struct numbering *plan; // NULL: none
    struct hss_cache *cache; // the writer's; NULL: none
    struct wildcard_cache *patterns; // compiled ones
    void *schema; // profile.c: of service profiles, made when it is needed
    bool foreign_write; // before the last transaction
};

enum hss_state { HSS_NOT_REGISTERED, HSS_REGISTERED, HSS_UNREGISTERED }; // TS 29.228 3.1

// What the store says about an IMPI, an IMPU or a pair of them. Ids are 0 when there is none.
struct hss_facts {
    int64_t impi_id, impu_id, set_id, subscription_id;
    bool barred;
    bool associated;          // the IMPI may use the IMPU
    bool may_register;
    bool unregistered_services;
    struct str scscf_name;    // of the IMS subscription; p NULL: none assigned
    bool reassign;            // an I-CSCF has asked for another one (TS 29.228 6.1.1.1)
    struct str visited, mandatory, optional, servers;
    bool registered, unregistered;      // state of the IMPU
    bool registered_here, pending_here; // state of the pair
    bool stale;               // its S-CSCF has a profile that has changed since
    struct str wildcard;      // the wildcarded identity that covers the IMPU; p NULL: it is distinct
};

enum hss_command { HSS_UAR, HSS_LIR, HSS_MAR, HSS_SAR, HSS_TASK };
extern const char *const hss_command_names[];

struct hss_op;

// What an operation is run for, told by who makes it.
struct hss_kind {
    enum hss_command command;
    const struct procedure *proc;
    void (*end)(struct hss_op *op); // in the loop, when what it wrote is on the disk: tells who waits
};

// Subscriber's authentication data as stored.
enum hss_scheme { HSS_AKA, HSS_DIGEST };
struct hss_auth {
    enum hss_scheme scheme;
    uint8_t k[16], opc[16], amf[2];
    struct str realm, algorithm;
    struct str ha1, alt_ha1; // MD5, and of algorithm when it is another; hexadecimal
    uint64_t sqn;
};

// Distinct identities inside wildcarded ones of other subscriptions that a change of the provisioned data has made.
struct hss_overlaps {
    size_t n;
    char distinct[256],
        pattern[WILDCARD_TEXT_MAX + 1]; // of the first of them, cut off; nothing of the arena stays until it is told
    bool looked, patterns; // whether the store has any pattern
};

// An operation is an owner of procedures (base/steps.h): its steps may run on a worker, and none of them waits.
struct hss_op {
    struct job job;
    struct list link;
    struct hss *hss;
    struct hss_ctx *ctx;
    const struct hss_kind *kind;
    enum hss_command command;
    struct arena arena;
    struct hss_settings settings;
    uint64_t queued_ns;
    bool tells_features;       // the request has told of its own
    bool no_new;               // UAR: the queue is too long for a registration to begin
    bool reads_only;           // may run in the loop's thread
    bool wrote;                // changed the store in this transaction
    bool ran;

    int err;                   // local failure
    struct dia_result result;
    const char *cause;         // why it was refused
    struct str failed;         // and the AVP that it is about, for Failed-AVP
    struct hss_facts facts;
    struct str unusable;       // a wildcarded identity that was left out, and why; empty: none
    const char *unusable_why;
    struct hss_overlaps overlaps;
    void *remembered;          // cache.c: what the cache holds of it
    struct hss_auth auth;
    bool resync;               // an AUTS was checked
    uint64_t sqn_ue, sqn_hss;
    size_t n_vectors;
    uint8_t random[HSS_VECTORS_MAX][16];
    int64_t sets[HSS_SETS_MAX]; // SAR: implicit registration sets it is about
    size_t n_sets;
    struct str restoration; // SAR: what is to be kept of the registration, as the store has it; empty: nothing is told
    const char *unkept;         // why it was not
    bool takes_over;            // SAR: another S-CSCF in place of the assigned one
    bool stays;                 // SAR: registered already; the state stays, and what is kept goes out (5007)
    bool sends_profile;         // SAR: the answer carries profile and charging addresses
    bool name_stored;           // SAR ..._STORE_SERVER_NAME: the S-CSCF keeps the profile

    union {
        struct cx_uar uar;
        struct cx_lir lir;
        struct cx_mar mar;
        struct cx_sar sar;
    } r;
    union {
        struct cx_uaa uaa;
        struct cx_lia lia;
        struct cx_maa maa;
        struct cx_saa saa;
    } a;
    union {
        hss_uaa_cb uaa;
        hss_lia_cb lia;
        hss_maa_cb maa;
        hss_saa_cb saa;
        void (*task)(void *arg, struct hss_op *op);
    } done;
    const struct procedure *proc; // what it runs
    int (*task)(struct hss_op *op, void *arg); // HSS_TASK whose procedure is but this
    void *arg;
    char memory[2048];
};

static inline struct hss_op *hss_op_of(struct job *j)
{
    return (struct hss_op *)j;
}

// ---- op.c ----
// NULL when out of memory. kind must outlive it; op->proc is its procedure.
struct hss_op *hss_op_new(struct hss *h, const struct hss_kind *kind);
void hss_op_free(struct hss_op *op);
// Its kind's end, and it is freed.
void hss_op_end(struct hss_op *op);
// Runs the procedure on ctx. op->err is set when the store failed.
void hss_op_run(struct hss_op *op, struct hss_ctx *ctx);
// Results, for use in a step: return hss_refuse(op, DIA_..., "cause").
enum step_verdict hss_refuse(struct hss_op *op, uint32_t code, const char *cause);
// The same, about an AVP that cx_failed_* made (RFC 6733 7.1.5 wants it for 5004, 5005 and 5009).
enum step_verdict hss_refuse_avp(struct hss_op *op, uint32_t code, struct str failed,
                                const char *cause);
enum step_verdict hss_refuse_cx(struct hss_op *op, enum cx_experimental code, const char *cause);
enum step_verdict hss_fail(struct hss_op *op, int err);
enum step_verdict hss_next(struct hss_op *op, int err); // 0: the next step
enum step_verdict hss_succeed(struct hss_op *op);
enum step_verdict hss_succeed_cx(struct hss_op *op, enum cx_experimental code);
// A text of a row, for as long as the operation lives; STR_NONE for NULL.
struct str hss_keep(struct hss_op *op, const struct store_value *v);
// A statement that changes the store; hss_write_sqn for the SQN of the operation's IMPI.
int hss_write(struct hss_op *op, enum hss_sql sql, const struct store_value *args, size_t n);
#define HSS_WRITE(op_, sql_, ...)                                                                  \
    hss_write((op_), (sql_), (const struct store_value[]){__VA_ARGS__},                            \
              sizeof((const struct store_value[]){__VA_ARGS__}) / sizeof(struct store_value))
int hss_write_sqn(struct hss_op *op, uint64_t sqn);

// ---- facts.c ----
// impi or impu may have p NULL.
int hss_facts_load(struct hss_op *op, struct str impi, struct str impu, struct hss_facts *ret_f);
// The steps that every procedure begins with (TS 29.228 6.1.1.1, 6.1.4.1, 6.3.1: first two checks).
enum step_verdict hss_check_pair(struct hss_op *op, struct str impi, struct str impu);
// In the loop: a wildcarded identity that was left out.
void hss_facts_log(const struct hss_op *op);

// ---- overlap.c ----
// An identity has been provisioned: does a wildcarded one of another subscription cover it, or it one that is
// another's? ERR_*
int hss_overlap_note(struct hss_op *op, int64_t subscription, struct str impu, bool wildcard);
// In the loop, when the change has been made.
void hss_overlap_log(const struct hss_op *op);

// ---- capability.c: what an I-CSCF chooses an S-CSCF by (TS 29.228 6.7) ----
void hss_capabilities(struct hss_op *op, const struct hss_facts *f, struct cx_capabilities *ret_c);
// Another S-CSCF is asked for, since the assigned one does not answer: it may take the user over (TS 29.228 6.1.1.1,
// 6.1.4.1). What is left to do is to answer with capabilities.
int hss_reassign(struct hss_op *op);

// ---- network.c: names of visited networks ----
// The next name at the front of a list that blanks separate; a quoted one may hold blanks. Empty at the end.
struct str hss_network_next(struct str *list);
// RFC 7315 5.3: vnetwork-spec is a token or a quoted-string, and it is the value that counts. Parameters
// behind it do not.
bool hss_network_eq(struct str a, struct str b);

// ---- auth.c: authentication data of the pair in op->facts ----
int hss_auth_load(struct hss_op *op, struct str impi, struct str impu, struct hss_auth *ret_auth);

// ---- secret.c: what a sealed secret holds ----
enum { HSS_SECRET_AKA = 32, HSS_SECRET_DIGEST = 48 };
int hss_secret_open(struct hss_op *op, struct str impi, struct str sealed, struct hss_auth *auth);
struct aka_secret {
    uint8_t k[16], opc[16];
};
int hss_secret_seal_aka(struct hss_ctx *c, struct str impi, const struct aka_secret *s,
                        uint8_t ret_sealed[VAULT_MAX + VAULT_OVERHEAD], size_t *ret_n);
int hss_secret_seal_digest(struct hss_ctx *c, struct str impi, struct str realm,
                           struct str password, uint8_t ret_sealed[VAULT_MAX + VAULT_OVERHEAD],
                           size_t *ret_n);

// ---- user_data.c ----
// The IMSSubscription of the sets (TS 29.228 annexes B and E), in the operation's arena.
int hss_user_data(struct hss_op *op, struct str impi, const int64_t *sets, size_t n,
                  struct str *ret_xml);

// ---- queue.c ----
struct hss_queue {
    struct hss *hss;
    struct list waiting, running;
    size_t n_waiting;
    uint64_t n_shed;  // since shedding began
    bool working;
    bool shedding;
    bool single;      // running holds one task
    sem_t ran;        // posted when the worker has finished with running
    struct deferred turn;
    int err;          // of the transaction
    char why[160];
};

void hss_queue_init(struct hss_queue *q, struct hss *h);
// Waits for a transaction that runs, whose end will not be told; for hss_free.
void hss_queue_stop(struct hss_queue *q);
// Whether a command has to be refused because too much waits: what completes a registration is taken
// longer than what begins one.
bool hss_queue_sheds(struct hss_queue *q, enum hss_command command, bool begins);
bool hss_queue_long(const struct hss_queue *q); // too long for a registration to begin
void hss_queue_shed(struct hss_queue *q, enum hss_command command); // one was refused for that
// Runs op now or with the next transaction; then hss_op_end.
void hss_submit(struct hss_op *op);
// One transaction over the operations of list on ctx: the part that runs on the worker. On failure
// everything that wrote is refused, with what was answered after it. Returns the failure.
int hss_transaction(struct hss_ctx *ctx, struct list *ops, char *why, size_t size);

// ---- restoration.c (TS 23.380 4, TS 29.228 6.1.2.1) ----
static inline bool hss_restores(const struct hss_op *op)
{
    return op->settings.restoration_size > 0;
}
// What a store keeps of it, in a; p NULL: no memory. And back, in slices of value, without impi: ERR_BAD, ERR_NOMEM.
struct str hss_restoration_write(struct arena *a, const struct cx_restoration *r);
int hss_restoration_read(struct arena *a, struct str value, struct cx_restoration *ret_r);
// op->restoration takes the place of what is kept of the pair in op->facts, which is registered; sets op->unkept.
int hss_restoration_put(struct hss_op *op);
int hss_restoration_drop(struct hss_op *op);
// Into the SAA: what is kept of the set in op->facts. *ret_own: something of the IMPI in op->facts is among it.
int hss_restoration_load(struct hss_op *op, bool *ret_own);
int hss_restoration_load_others(struct hss_op *op); // without that IMPI's
// Is there anything of the set in op->facts that somebody could go on with?
int hss_restoration_is_kept(struct hss_op *op, bool *ret_kept);

// ---- uar.c, lir.c, mar.c, sar.c ----
extern const struct procedure hss_uar_procedure, hss_lir_procedure, hss_mar_procedure, hss_sar_procedure;

// ---- renew.c ----
// At the opening of a store: its identities in today's form. What cannot be done is logged, and tried again at the next
// one.
void hss_renew(struct hss_ctx *writer);

// ---- task.c: operations that no Cx request has brought ----
// It has a transaction to itself and runs op->task, or the procedure that is put into op->proc. NULL: out of memory.
struct hss_op *hss_task_new(struct hss *h);

struct hss {
    struct loop *loop;
    struct hss_ctx writer, reader; // reader.store NULL: a store in memory has one connection
    struct hss_settings settings;
    struct hss_queue queue;
    struct hss_stats stats;
    bool failing;             // the last transaction failed
    timer_cb drained;
    void *drained_arg;
};
