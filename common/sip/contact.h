// SPDX-License-Identifier: Apache-2.0
// Contact (RFC 3261 20.10, RFC 5626 4.1).
#pragma once

#include "sip/types.h"

struct arena;
struct cur;
struct writer;

// One contact, or "*"; ERR_BAD unless all of s is consumed.
int sip_contact_parse(struct arena *a, struct str s, struct sip_contact *ret_contact);
void sip_contact_write(struct writer *w, const struct sip_contact *v);
void sip_contact_read(struct cur *c, struct sip_contact *v);
