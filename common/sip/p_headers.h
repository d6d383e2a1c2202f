// SPDX-License-Identifier: Apache-2.0
// P-Charging-Vector (RFC 7315 5.6). The other P- headers are addresses (sip/addr_hdr.h) or tokens
// with parameters (sip/token.h); the table in sip/header.c says which.
#pragma once

#include "sip/types.h"

struct arena;
struct cur;
struct writer;

int sip_charging_vector_parse(struct arena *a, struct str s, struct sip_charging_vector *ret_vector);
void sip_charging_vector_write(struct writer *w, const struct sip_charging_vector *v);
void sip_charging_vector_read(struct cur *c, struct sip_charging_vector *v);
