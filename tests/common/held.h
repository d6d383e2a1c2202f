// SPDX-License-Identifier: Apache-2.0
// What an S-CSCF holds at this moment.
#pragma once

#include "scscf/auth.h"
#include "scscf/registrar.h"
#include "scscf/scscf_priv.h"

// Registrations (implicit registration sets).
static inline size_t held_registrations(const struct scscf *s)
{
    return registrar_count(s->registrar);
}

static inline size_t held_bindings(const struct scscf *s)
{
    return registrar_bindings(s->registrar);
}

// Challenges that await their response, and Digest nonces kept for reuse.
static inline size_t held_challenges(const struct scscf *s)
{
    return auth_table_count(s->auth);
}
