// SPDX-License-Identifier: Apache-2.0
// Seeded hashing of bytes from the network, and uthash set up to use it. Include this instead of
// <uthash.h>: lookups cannot be flooded by a peer that knows the function, memory comes through
// base/mem.h, and an element that could not be added for want of memory has hh.tbl NULL.
#pragma once

#include "base/mem.h"
#include "base/str.h"

// SipHash-1-3 of n bytes under the process's key.
uint64_t hash_bytes(const void *p, size_t n);

// The same under a key of the caller's, as a 64-bit authentication tag of short data.
uint64_t hash_keyed(const uint64_t key[2], const void *p, size_t n);

// One step of a hash over several slices under one key: what is hashed goes on from h, and a slice's length is in it,
// so that they cannot shift.
static inline uint64_t hash_mix(uint64_t secret, uint64_t h, struct str v)
{
    uint64_t key[2] = {secret, h + v.n};
    return hash_keyed(key, v.p ? v.p : "", v.n);
}

// Sets the process's key; called once at start-up, before the first table is made. Without it
// the key is fixed, which simulations want.
void hash_seed(uint64_t k0, uint64_t k1);

// What uthash takes is room of its tables, never an element.
static inline void *hash_room_alloc(size_t n)
{
    void *p = mem_alloc(n);
    if (p)
        mem_keep(1);
    return p;
}

static inline void hash_room_free(void *p)
{
    if (p)
        mem_keep(-1);
    mem_free(p);
}

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(n) hash_room_alloc(n)
#define uthash_free(p, n) hash_room_free(p)
#define uthash_nonfatal_oom(elt) ((void)(elt))
#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = (unsigned)hash_bytes((keyptr), (keylen)))

#include <uthash.h>
