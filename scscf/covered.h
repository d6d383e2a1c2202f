// SPDX-License-Identifier: Apache-2.0
// Whose the identities are that a registered wildcarded one covers (TS 29.228 6.5: a distinct one inside it is another
// user's, and counts first). Only the HSS knows; its word is remembered here, for a while. A fixed number of places, 16
// bytes each: an identity is known by a keyed hash of pattern and identity, and has eight places to be in, of which the
// oldest makes room.
#pragma once

#include "io/loop.h"

struct covered;

// max: places. ERR_NOMEM. They are taken with the first word that is kept.
int covered_new(struct loop *l, uint32_t max, struct covered **ret_covered);
void covered_free(struct covered *c); // takes NULL
// How long from now on a word is as good as new.
void covered_set_known(struct covered *c, uint32_t seconds);

enum covered_word {
    COVERED_UNKNOWN,
    COVERED_BY_PATTERN, // it is the pattern's
    COVERED_BY_OTHER,   // it is not
};
// Both canonical. *ret_stale: it was so, and the HSS should be asked again.
enum covered_word covered_find(const struct covered *c, struct str pattern, struct str impu, bool *ret_stale);
// Without memory it is not kept.
void covered_keep(struct covered *c, struct str pattern, struct str impu, enum covered_word word);
size_t covered_count(const struct covered *c);
size_t covered_bytes(const struct covered *c);
