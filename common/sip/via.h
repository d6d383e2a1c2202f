// SPDX-License-Identifier: Apache-2.0
// Via (RFC 3261 20.42, RFC 3581).
#pragma once

#include "sip/types.h"

struct arena;
struct cur;
struct writer;

// One via-parm; ERR_BAD unless all of s is consumed.
int sip_via_parse(struct arena *a, struct str s, struct sip_via *ret_via);
void sip_via_write(struct writer *w, const struct sip_via *v);
void sip_via_read(struct cur *c, struct sip_via *v);
