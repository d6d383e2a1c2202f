// SPDX-License-Identifier: Apache-2.0
// The keys under which a node signs what it gives out and wants back: flow tokens, entries of route
// sets, Service-Routes. The newest key signs, the older ones still verify; a token names its key by
// the low 16 bits of its id. Each purpose has a key of its own, derived, so that a token of one is
// none of another. Besides them the ring has keys that never change, for names which must stay the
// same as long as the ring does. keyfile.h keeps it in a file, keys.h changes it while the node
// runs.
#pragma once

#include <stdint.h>

#include "base/str.h"
#include "base/writer.h"

enum { KEYRING_MAX = 16, KEYRING_SECRET = 16, KEYRING_TEXT_MAX = 2048 };

enum key_use { KEY_FLOW, KEY_ICID, KEY_SERVICE_ROUTE, KEY_USES };

struct key {
    uint32_t id;
    uint64_t made_s; // since 1970 UTC
    uint64_t secret[2];
    uint64_t use[KEY_USES][2]; // derived
};

struct keyring {
    uint64_t names[2];
    struct key keys[KEYRING_MAX]; // the newest first
    size_t n;                     // at least 1 in a ring that is in use
    size_t signer; // keys[] that signs: the newest, unless others have to hear of it first
};

// Random bytes from which a ring with one key is made.
struct keyring_seed {
    uint8_t names[KEYRING_SECRET], first[KEYRING_SECRET];
    uint32_t id;
};
struct keyring keyring_make(const struct keyring_seed *seed, uint64_t now_s);
// A new key in front; all but `keep` older ones go. keep up to KEYRING_MAX - 1.
void keyring_add(struct keyring *r, const uint8_t secret[KEYRING_SECRET], size_t keep,
                 uint64_t now_s);
// Seconds since keys[i] was made. A clock that was set back makes no key older.
uint64_t keyring_age(const struct keyring *r, size_t i, uint64_t now_s);
// Is it time for another key: is the newest rotate_s old? Or from a future that is further away
// than that, as after a clock that was wrong when it was made.
bool keyring_due(const struct keyring *r, uint64_t rotate_s, uint64_t now_s);
// The newest key that was made at least wait_s ago signs, so that everybody has read it; when there
// is none, the oldest.
void keyring_choose(struct keyring *r, uint64_t wait_s, uint64_t now_s);

// What tokens say of their key. Never 0 for one that is there.
static inline uint16_t key_short(const struct key *k)
{
    return (uint16_t)k->id;
}
// The key that signs for a purpose, and its short id.
const uint64_t *keyring_sign(const struct keyring *r, enum key_use use, uint16_t *ret_short);
// NULL: the ring has none of that id, or not any more.
const uint64_t *keyring_verify(const struct keyring *r, enum key_use use, uint16_t id);

// The text of a file: a line for what it is, one for each key, and a sum over all of it. At most
// KEYRING_TEXT_MAX bytes.
void keyring_write(const struct keyring *r, struct writer *w);
// ERR_MORE: cut short; ERR_BAD: something else, or changed. *ret_ring signs with its newest key.
int keyring_parse(struct str text, struct keyring *ret_ring);
