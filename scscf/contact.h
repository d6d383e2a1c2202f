// SPDX-License-Identifier: Apache-2.0
// Contacts between a REGISTER, the table of bindings and the 200: nothing that the UE said of itself is
// lost on the way (TS 24.229 5.4.1.2.2F, RFC 3840 6).
#pragma once

#include "base/arena.h"
#include "scscf/registrar.h"

// The header parameters of a contact as they are kept: each with its ';', in their order, but for those
// that are the registrar's to say. STR_NONE when out of memory.
struct str contact_params(struct arena *a, const struct sip_contact *c);

// A value of Contact. STR_NONE when out of memory.
struct contact_text {
    struct str display, uri, params; // as enum binding_text has them
};
struct str contact_write(struct arena *a, const struct contact_text *t, uint32_t expires_s);
// The same of a binding.
struct str contact_value(struct arena *a, const struct binding *b, uint32_t expires_s);
