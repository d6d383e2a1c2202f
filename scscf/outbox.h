// SPDX-License-Identifier: Apache-2.0
// What the HSS has to hear from this S-CSCF though nobody waits for the answer: that a registration
// has ended, or an authentication has come to nothing (TS 29.228 6.1.2). What cannot be delivered
// now is delivered later. A note's journey: it is queued behind the user's earlier ones, sent when
// those are answered, and kept until the HSS has taken or refused it, until a later registration of
// the same identities has made it untrue, or until it is too old. A note without a private identity
// ends what the HSS has of the whole set, whoever registered it, so it waits until no registration
// is on its way that might be of that set. While the HSS does not answer one note at a time finds
// out whether it does again, at growing intervals; a connection that opens is asked at once.
#pragma once

#include "dia/cx.h"
#include "io/loop.h"
#include "store/keep.h"

struct outbox;

struct outbox_note {
    enum cx_sar_type type;
    struct str call_id, impi, impu; // impi empty: of the public one's set, whoever has it
    bool by_pattern; // impu is not known to be a distinct identity: a pattern of the set may be what covers it
};

enum outbox_outcome { OUTBOX_TAKEN, OUTBOX_REFUSED, OUTBOX_LATER };
enum outbox_loss { OUTBOX_TOO_OLD, OUTBOX_NO_ROOM };

struct outbox_ops {
    // 0: outbox_answered with id follows, not before this returns. Anything else: later.
    int (*send)(void *arg, const struct outbox_note *n, uint64_t id);
    // How long that may take. What has not been answered by then is tried again later; unanswered is told so the first
    // time.
    uint32_t (*wait_ms)(void *arg);
    void (*unanswered)(void *arg, const struct outbox_note *n);
    void (*lost)(void *arg, const struct outbox_note *n, enum outbox_loss why);
    // Of a note that had to wait, or has no private identity: is what it says no longer so? May be NULL.
    bool (*untrue)(void *arg, const struct outbox_note *n);
};

struct outbox_config {
    uint32_t size;      // notes at most; the oldest makes room; 0: 10000
    uint32_t max_age_s; // 0: a day
};

struct outbox_stats {
    uint64_t taken, refused, retried, superseded, too_old, no_room;
};

int outbox_new(struct loop *l, const struct outbox_config *c, const struct outbox_ops *ops, void *arg,
               struct outbox **ret_outbox);
void outbox_free(struct outbox *o); // takes NULL
// From here on notes outlive the process. Reads those of before; blocks. What has become untrue by then is dropped when
// its turn comes. salvage: what cannot be read is dropped, instead of ERR_BAD; a line in the log for each.
int outbox_keep(struct outbox *o, struct keep *k, bool salvage);
// The keep is closed: what waits is there at the next start.
void outbox_unkeep(struct outbox *o);
void outbox_reload(struct outbox *o, const struct outbox_config *c);

// Copies n. One that waits and says the same of the same identities makes room for it. ERR_NOMEM. holds: it waits for
// so many outbox_release.
int outbox_add(struct outbox *o, const struct outbox_note *n, unsigned holds);
void outbox_answered(struct outbox *o, uint64_t id, enum outbox_outcome outcome);
// Is there a note about the private identity, or without one about the public one?
bool outbox_has(const struct outbox *o, struct str who);
// The note that is on its way with id; NULL: none. new: it has not been sent before.
const struct outbox_note *outbox_find(const struct outbox *o, uint64_t id, bool *ret_new);
// A registration of the private identity is on its way to the HSS: of the notes about it none is sent between the two.
// False: there are none, and nothing to release.
bool outbox_hold(struct outbox *o, struct str impi);
void outbox_release(struct outbox *o, struct str impi);
// A registration whose set is not known yet is on its way: no note without a private identity is sent between the two.
// They count.
void outbox_hold_nameless(struct outbox *o);
void outbox_release_nameless(struct outbox *o);
// The registration of impi is the newest state: of the notes about it until then (outbox_mark) those are dropped for
// which same says that their public identity is registered by it.
uint64_t outbox_mark(const struct outbox *o);
void outbox_supersede(struct outbox *o, struct str impi, uint64_t mark,
                      bool (*same)(void *arg, const struct outbox_note *n), void *arg);
void outbox_wake(struct outbox *o); // the HSS may answer again
size_t outbox_waiting(const struct outbox *o);
size_t outbox_size(const struct outbox *o); // notes at most
const struct outbox_stats *outbox_stats(const struct outbox *o);
