// SPDX-License-Identifier: Apache-2.0
// A table of token buckets by key: how often each source, user or pair of both may do something. A
// bucket is one time stamp (the generic cell rate algorithm of ITU-T I.371 annex A): when it will be
// full again. One that is full is the same as one that does not exist, so nothing needs to age or to
// be freed. The table has a fixed size and a hit looks at BUCKET_WAYS entries. When these are all
// taken, the fullest makes room: who brings many keys forgets keys that had used little, and never
// the empty bucket of one that is held up, unless as many others are held up in its place.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUCKET_WAYS = 8 };

struct bucket_table;

// burst tokens at once, then one every every_ns. burst 0 or every_ns 0: no limit.
struct bucket_rate {
    uint64_t every_ns;
    uint32_t burst;
};

// n tokens in a second.
static inline struct bucket_rate bucket_per_second(uint32_t n, uint32_t burst)
{
    return (struct bucket_rate){n ? 1000000000u / n : 0, burst};
}

// One token in n seconds.
static inline struct bucket_rate bucket_every_seconds(uint32_t n, uint32_t burst)
{
    return (struct bucket_rate){n * UINT64_C(1000000000), burst};
}

// Room for at least `keys` buckets that are not full, 16 bytes each, all allocated here. ERR_NOMEM.
int bucket_table_new(size_t keys, struct bucket_rate rate, struct bucket_table **ret_table);
void bucket_table_free(struct bucket_table *t); // takes NULL
// What has been taken stays taken. Intervals and bursts beyond 36 years together are cut.
void bucket_table_set_rate(struct bucket_table *t, struct bucket_rate rate);

// In all of these key is a keyed hash (hash_bytes, addr_source_key, bucket_key_of), so that nobody
// chooses his neighbours, and now_ns is loop_now.

// Takes one token; false, and nothing taken, when there is none.
bool bucket_take(struct bucket_table *t, uint64_t key, uint64_t now_ns);
// Is there a token? Takes none.
bool bucket_has(const struct bucket_table *t, uint64_t key, uint64_t now_ns);
// Has nothing been taken for as long as it takes to fill? So for every key never seen.
bool bucket_is_full(const struct bucket_table *t, uint64_t key, uint64_t now_ns);
// Puts n tokens back, at most until the bucket is full.
void bucket_give(struct bucket_table *t, uint64_t key, uint32_t n, uint64_t now_ns);
// Nanoseconds until there is a token; 0 when there is one.
uint64_t bucket_wait(const struct bucket_table *t, uint64_t key, uint64_t now_ns);
// The same as a value of Retry-After: seconds, rounded up, at least 1.
uint32_t bucket_retry_s(const struct bucket_table *t, uint64_t key, uint64_t now_ns);

// One key out of two, for buckets of pairs.
uint64_t bucket_key_of(uint64_t a, uint64_t b);

// Buckets that had no token left when they made room for another: while this grows, the table is
// too small for the number of keys that are held up.
uint64_t bucket_forgotten(const struct bucket_table *t);
