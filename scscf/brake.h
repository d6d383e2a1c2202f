// SPDX-License-Identifier: Apache-2.0
// What a REGISTER in somebody's name may cost, and how fast answers to challenges may be guessed.
// Anybody may send a REGISTER in any user's name, so no measure is taken of the user alone: each is
// of a source, or of a user as one source sees him, and what is measured over all sources never
// holds up a source that this user has registered from before. Whoever is held up is told when to
// come again; no state of the user changes, and nothing is locked. All of it is token buckets
// (base/bucket.h) in tables of a fixed size; who succeeds gets back what he took.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct brake;
struct metrics;

// Each 0: no limit.
struct brake_config {
    uint32_t keys;               // entries of each table
    uint32_t known_s;            // how long a source counts as the user's after he registered from it
    uint32_t vector_every_s;     // one user from one source: after BRAKE_VECTORS, one in that time
    uint32_t vectors_per_source; // a second; ten times as many at once
    uint32_t vectors_per_user;   // a second, of sources new to him; twenty times as many at once
    uint32_t failures;           // one user from one source: wrong answers at once
    uint32_t failure_every_s;    // and then one in that time
    uint32_t failures_per_source;// a minute; as many at once
    uint32_t failures_per_user;  // a minute, of sources that are not his; as many at once
};

enum { BRAKE_VECTORS = 10 };

// Whom it is about: hashes.
struct brake_key {
    uint64_t user;   // private identity
    uint64_t source; // source.h
};

// retry_s 0: go on. Otherwise the cause, static text, and when to come again.
struct brake_verdict {
    uint32_t retry_s;
    const char *cause;
};

int brake_new(struct loop *loop, const struct brake_config *c, struct brake **ret_brake);
void brake_free(struct brake *b); // takes NULL
void brake_reload(struct brake *b, const struct brake_config *c);

// Before a vector is asked for. resync: the user has a challenge and asks for another SQN.
struct brake_verdict brake_vector(struct brake *b, const struct brake_key *k, bool resync);
// Before an answer is looked at.
struct brake_verdict brake_answer(struct brake *b, const struct brake_key *k);
void brake_failed(struct brake *b, const struct brake_key *k);
void brake_succeeded(struct brake *b, const struct brake_key *k);
// May the log have a line about it? Some each second.
bool brake_may_log(struct brake *b);

void brake_metrics(const struct brake *b, struct metrics *m);
