// SPDX-License-Identifier: Apache-2.0
// Texts that many registrations have in common, kept once: Service-Routes (one per S-CSCF), charging addresses,
// names of networks, patterns of identities. They go with the last one who uses them.
#pragma once

#include "base/str.h"

struct shared;
struct wildcard;

// The empty text is one as any. *table starts as NULL and is NULL again when nobody uses a text. NULL: no memory.
struct shared *shared_get(struct shared **table, struct str text);
void shared_put(struct shared **table, struct shared *t); // t may be NULL
struct str shared_text(const struct shared *t);           // of NULL: STR_NONE
bool shared_has(const struct shared *table, struct str text);
size_t shared_count(const struct shared *table);

// The text as a pattern in canonical form (ims/wildcard.h), compiled at its first use; NULL: it is none.
const struct wildcard *shared_pattern(struct shared *t);
