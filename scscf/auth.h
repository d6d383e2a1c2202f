// SPDX-License-Identifier: Apache-2.0
// Outstanding challenges: what was asked, what the right response is, timer reg-await-auth for
// each. A private identity may have several at once, told apart by their nonces: anybody may send a
// REGISTER in its name, and that must not make the right answer of its owner wrong. So they are kept
// by private identity and source (scscf/source.h), and one source's challenges make room for its
// own only. A SIP Digest challenge that was answered stays as the nonce's state until the nonce is
// too old. The states are one table in auth.c.
#pragma once

#include "ims/digest.h"
#include "io/loop.h"

struct auth_table;
struct auth_user;

enum {
    AUTH_PENDING_MAX = 8, // awaited from one source for one private identity; nonces of it in use
    // Awaited for one private identity in all. brake.h lets no more vectors be asked for than make
    // the oldest older than some seconds before its place is needed.
    AUTH_USER_MAX = 4096,
};

enum auth_scheme { AUTH_AKA, AUTH_DIGEST };

struct challenge {
    struct auth_table *owner;
    struct auth_user *user;
    struct list of_user, of_all; // in order of age
    struct timer timer;     // reg-await-auth, then the nonce's life
    struct str impi, impu, call_id, nonce; // call_id is that of the REGISTER challenged
    struct str realm;
    struct str secret;      // XRES as bytes, or HA1 as hexadecimal
    struct str md5_secret;  // HA1 for MD5, offered beside another algorithm; empty: it is not
    struct str rand;        // AKA: 16 bytes, needed for resynchronisation
    struct str ck, ik;      // AKA: for the same 401 once more
    uint64_t source, flow;  // who asked; flow is the same only for the same way to him
    uint64_t order;         // the higher, the newer
    uint32_t cseq;          // of the REGISTER challenged
    uint32_t nc;            // highest nonce count accepted
    enum auth_scheme scheme;
    enum digest_alg alg;
    bool of_request;        // not of a REGISTER: nobody is told when it is not answered
    uint8_t state;
    uint8_t failures, resyncs; // in a row
};

struct auth_params {
    struct loop *loop;
    uint32_t await_ms, nonce_ms;
    size_t max; // awaited in all; the oldest makes room. 0: any number
    // No response came in time (TS 24.229 5.4.1.2.3); c is freed after the call.
    void (*timed_out)(void *arg, const struct challenge *c);
    void *arg;
};

int auth_table_new(const struct auth_params *p, struct auth_table **ret_table);
void auth_table_free(struct auth_table *t); // takes NULL; without callbacks
size_t auth_table_count(const struct auth_table *t);
// Challenges that made room for others before they were answered or too old: for those of the same
// source, and for others (AUTH_USER_MAX, max).
uint64_t auth_evicted_own(const struct auth_table *t);
uint64_t auth_evicted_others(const struct auth_table *t);

// The challenge with this nonce, the newest if there are several; NULL: none.
struct challenge *auth_find(const struct auth_table *t, struct str impi, struct str nonce);
// The newest SIP Digest challenge of the private identity that was answered or is awaited, for what it knows of the
// user; NULL: none.
const struct challenge *auth_find_digest(const struct auth_table *t, struct str impi);
// The awaited challenge that this very REGISTER got: same identities, source, flow, Call-ID and CSeq.
struct challenge *auth_find_same(const struct auth_table *t, const struct challenge *as);
// Does one of the latest challenges of the private identity name this realm?
bool auth_has_realm(const struct auth_table *t, struct str impi, struct str realm);
// False while another challenge for the same two identities is awaited besides c.
bool auth_is_last(const struct auth_table *t, const struct challenge *c);
// Stores a copy of what `from` says and starts reg-await-auth; the oldest of too many goes without
// a callback. failures and resyncs are taken from `from`. ERR_NOMEM.
int auth_store(struct auth_table *t, const struct challenge *from);
// Is a response awaited, or is it a nonce in use?
bool auth_awaited(const struct challenge *c);
// The response was right: AKA forgets the challenge (a vector is good for one use, TS 33.203
// 6.1.1), Digest goes on to count nc.
void auth_accepted(struct challenge *c, uint32_t nc);
void auth_forget(struct challenge *c); // takes NULL
// Forgets the nonces in use of a private identity, not what is awaited.
void auth_forget_used(struct auth_table *t, struct str impi);
