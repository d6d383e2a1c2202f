// SPDX-License-Identifier: Apache-2.0
// SIP, SIPS and TEL URIs: RFC 3261 19.1, RFC 3966.
#pragma once

#include "sip/types.h"

struct arena;
struct writer;

// Parses a whole URI; ERR_BAD unless all of s is consumed. Unknown schemes parse with
// SIP_SCHEME_OTHER and only text set.
int sip_uri_parse(struct arena *a, struct str s, struct sip_uri *ret_uri);
void sip_uri_write(struct writer *w, const struct sip_uri *u);

// Equality by RFC 3261 19.1.4 (sip, sips) or RFC 3966 5 (tel); different schemes are never equal.
bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b);

// Canonical form of an identity used as a look-up key (TS 24.229 5.4.1.2, TS 23.003 13.4): scheme
// and host lower case, escapes of unreserved characters resolved, all parameters, headers and port
// dropped for sip; visual separators dropped and phone-context kept for tel; a sip URI with
// user=phone whose user is a number becomes the tel form. STR_NONE for other schemes or when out of
// memory.
struct str sip_uri_canon(struct arena *a, const struct sip_uri *u);

// Value of a uri-parameter; see sip_param_get.
struct str sip_uri_param(const struct sip_uri *u, struct str name, bool *ret_present);
