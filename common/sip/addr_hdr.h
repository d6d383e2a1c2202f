// SPDX-License-Identifier: Apache-2.0
// From, To, Route, Record-Route, Path, Service-Route, P-Asserted-Identity and all other headers
// that hold a name-addr or an addr-spec with parameters (RFC 3261 20.10, 25.1).
#pragma once

#include "sip/types.h"

struct arena;
struct cur;
struct writer;

// One name-addr or addr-spec with its parameters; ERR_BAD unless all of s is consumed.
int sip_addr_parse(struct arena *a, struct str s, struct sip_addr *ret_addr);
void sip_addr_write(struct writer *w, const struct sip_addr *v);

// The same from a cursor, up to a comma or the end.
void sip_addr_read(struct cur *c, struct sip_addr *v);
