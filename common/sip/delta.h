// SPDX-License-Identifier: Apache-2.0
// Numbers with parameters: Expires, Min-Expires, Session-Expires, Min-SE, Retry-After, RSeq,
// Max-Forwards, Content-Length; and Warning (RFC 3261 20.43).
#pragma once

#include "sip/types.h"

struct arena;
struct cur;
struct writer;

// delta-seconds with parameters, a comment before them is skipped (Retry-After). A value beyond 32
// bits counts as 2**32-1 (RFC 3261 20.19).
int sip_delta_parse(struct arena *a, struct str s, struct sip_delta *ret_delta);
void sip_delta_write(struct writer *w, const struct sip_delta *v);
void sip_delta_read(struct cur *c, struct sip_delta *v);
// A number that must fit: Max-Forwards, Content-Length, RSeq.
void sip_number_read(struct cur *c, struct sip_delta *v);

int sip_warning_parse(struct arena *a, struct str s, struct sip_warning *ret_warning);
void sip_warning_write(struct writer *w, const struct sip_warning *v);
void sip_warning_read(struct cur *c, struct sip_warning *v);
