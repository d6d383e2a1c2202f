// SPDX-License-Identifier: Apache-2.0
// Secrets at rest: K and OPc, or the HA1s of SIP Digest, sealed with AES-256-GCM under a key from a
// file, a nonce per row and the IMPI as additional data, so that a row copied to another subscriber
// does not open.
#pragma once

#include "base/str.h"

struct vault;

enum { VAULT_KEY = 32, VAULT_OVERHEAD = 1 + 12 + 16, VAULT_SEED = 16, VAULT_MAX = 64 };

// seed: VAULT_SEED fresh random bytes, from which this process's nonces come.
int vault_new(const uint8_t key[VAULT_KEY], const uint8_t seed[VAULT_SEED],
              struct vault **ret_vault);
void vault_free(struct vault *v); // takes NULL

// plain (at most VAULT_MAX bytes) to ret_sealed, of plain.n + VAULT_OVERHEAD bytes.
int vault_seal(struct vault *v, struct str owner, struct str plain, uint8_t *ret_sealed);
// ERR_AUTH: damaged, another owner's, or under another key. *ret_n: length of the plain text.
int vault_open(struct vault *v, struct str owner, struct str sealed, uint8_t ret_plain[VAULT_MAX],
               size_t *ret_n);

// The key file: 64 hexadecimal digits, a regular file that nobody but its owner may read (ERR_DENIED).
// ERR_INVAL (no file), ERR_NOTFOUND, ERR_IO, ERR_BAD (contents).
int vault_key_read(const char *path, uint8_t ret_key[VAULT_KEY]);
// What such an error means for who has to mend it.
const char *vault_key_trouble(int err);
// Creates it with mode 0600 and syncs it; ERR_EXISTS.
int vault_key_create(const char *path, const uint8_t key[VAULT_KEY]);
