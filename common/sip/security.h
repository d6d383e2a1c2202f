// SPDX-License-Identifier: Apache-2.0
// Security-Client, Security-Server and Security-Verify (RFC 3329 2.2, TS 33.203 annex H).
#pragma once

#include "sip/types.h"

struct arena;
struct cur;
struct writer;

// One sec-mechanism; ERR_BAD unless all of s is consumed.
int sip_security_parse(struct arena *a, struct str s, struct sip_security *ret_security);
void sip_security_write(struct writer *w, const struct sip_security *v);
void sip_security_read(struct cur *c, struct sip_security *v);
