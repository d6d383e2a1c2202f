// SPDX-License-Identifier: Apache-2.0
// Readers and writers of header families that only the table (sip/header.c) and tests name: each reads one value from
// a cursor, up to its separator or the end, and writes it. Addresses with Contact, and tokens, which others need as
// well, have headers of their own.
#pragma once

#include <stdint.h>

#include "sip/types.h"

struct arena;
struct cur;
struct writer;

// ---- Via (RFC 3261 20.42, RFC 3581) ----

void sip_via_write(struct writer *w, const struct sip_via *v);
void sip_via_read(struct cur *c, struct sip_via *v);

// ---- CSeq (RFC 3261 20.16) and RAck (RFC 3262 7.2), and the method names ----

#define SIP_CSEQ_MAX UINT32_C(0x7fffffff) // RFC 3261 8.1.1.5: less than 2**31

void sip_cseq_write(struct writer *w, const struct sip_cseq *v);
void sip_cseq_read(struct cur *c, struct sip_cseq *v);

void sip_rack_write(struct writer *w, const struct sip_rack *v);
void sip_rack_read(struct cur *c, struct sip_rack *v);

// ---- Numbers with parameters: Expires, Min-Expires, Session-Expires, Min-SE, Retry-After, RSeq,
// Max-Forwards, Content-Length; and Warning (RFC 3261 20.43).

// delta-seconds with parameters, a comment before them is skipped (Retry-After). A value beyond 32
// bits counts as 2**32-1 (RFC 3261 20.19).
void sip_delta_write(struct writer *w, const struct sip_delta *v);
void sip_delta_read(struct cur *c, struct sip_delta *v);
// A number that must fit: Max-Forwards, Content-Length, RSeq.
void sip_number_read(struct cur *c, struct sip_delta *v);

void sip_warning_write(struct writer *w, const struct sip_warning *v);
void sip_warning_read(struct cur *c, struct sip_warning *v);

// ---- Authorization, Proxy-Authorization, WWW-Authenticate, Proxy-Authenticate and Authentication-Info
// (RFC 3261 20.7, RFC 3310, RFC 7616, TS 24.229 7.2A.1 and 7.2A.2).

// Writes scheme and params: the named slices are views of params and not consulted.
void sip_auth_write(struct writer *w, const struct sip_auth *v);
void sip_auth_read(struct cur *c, struct sip_auth *v); // scheme and auth-params
// auth-params without a scheme (Authentication-Info)
void sip_auth_info_read(struct cur *c, struct sip_auth *v);

// ---- P-Charging-Vector (RFC 7315 5.6). The other P- headers are addresses (sip/addr_hdr.h) or tokens
// with parameters (sip/token.h); the table in sip/header.c says which.

void sip_charging_vector_write(struct writer *w, const struct sip_charging_vector *v);
void sip_charging_vector_read(struct cur *c, struct sip_charging_vector *v);

// ---- Security-Client, Security-Server and Security-Verify (RFC 3329 2.2, TS 33.203 annex H) ----

// One sec-mechanism.
void sip_security_write(struct writer *w, const struct sip_security *v);
void sip_security_read(struct cur *c, struct sip_security *v);

// ---- Writing parameter lists; reading is in sip/types.h ----

// name or name=value.
void sip_param_write(struct writer *w, const struct sip_param *p);
// Each parameter of the list with a leading ';'.
void sip_params_write(struct writer *w, const struct sip_param *p);
