// SPDX-License-Identifier: Apache-2.0
// CSeq (RFC 3261 20.16) and RAck (RFC 3262 7.2), and the method names.
#pragma once

#include <stdint.h>

#include "sip/types.h"

struct arena;
struct cur;
struct writer;

#define SIP_CSEQ_MAX UINT32_C(0x7fffffff) // RFC 3261 8.1.1.5: less than 2**31

int sip_cseq_parse(struct arena *a, struct str s, struct sip_cseq *ret_cseq);
void sip_cseq_write(struct writer *w, const struct sip_cseq *v);
void sip_cseq_read(struct cur *c, struct sip_cseq *v);

int sip_rack_parse(struct arena *a, struct str s, struct sip_rack *ret_rack);
void sip_rack_write(struct writer *w, const struct sip_rack *v);
void sip_rack_read(struct cur *c, struct sip_rack *v);
