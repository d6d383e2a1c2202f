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

// A telephone number as a URI holds it (RFC 3966 3): without visual separators, in lower case.
struct sip_number {
    struct str digits;  // a global one begins with '+'
    struct str context; // phone-context of a local one: a domain, or digits behind '+'; empty: none given
};

// Says the URI that it is a telephone number: tel, or sip with user=phone (RFC 3261 19.1.6)?
bool sip_uri_is_phone(const struct sip_uri *u);
// A host without the dot that ends a fully qualified name: "example.org." is example.org. "example.org.." is no
// name, and stays what it is.
struct str sip_host_name(struct str host);
// Two hosts that are the same: names without case, IPv6 references by their value, however they are written
// (RFC 5954 4.2, RFC 5952 1).
bool sip_host_eq(struct str a, struct str b);
// An IPv6 reference in the one form of RFC 5952 4, in buf; STR_NONE for any other host.
enum { SIP_IP6_MAX = 48 };
struct str sip_host_ip6(struct str host, char buf[SIP_IP6_MAX]);
// The number of a tel URI, or of a sip URI whose user part has the form of one, whether it says so or not.
// False: it holds none, or no memory.
bool sip_uri_number(struct arena *a, const struct sip_uri *u, struct sip_number *ret_number);
// As a tel URI.
struct str sip_number_tel(struct arena *a, const struct sip_number *n);
// As a sip URI of a domain, with user=phone; and its digits alone as a user part.
struct str sip_number_sip(struct arena *a, const struct sip_number *n, struct str domain);
struct str sip_number_user(struct arena *a, struct str digits);
// A user part, or a piece of one, of a URI that could be read: escapes of unreserved characters resolved, the others
// with upper-case digits (RFC 3261 19.1.4). STR_NONE: no memory.
struct str sip_user_plain(struct arena *a, struct str user);

// Canonical form of an identity as far as the URI alone tells (TS 23.003 13.4; with what the network knows of
// numbers: ims/impu.h): scheme and host lower case, the host without a dot at its end, escapes of unreserved
// characters resolved, all parameters, headers, password and port dropped for sip; visual separators dropped
// and phone-context kept for tel; a sip URI with user=phone whose user is a global number, or a local
// one with phone-context, becomes the tel form. STR_NONE for other schemes, for a phone-context that is none, or
// when out of memory.
struct str sip_uri_canon(struct arena *a, const struct sip_uri *u);

// Value of a uri-parameter; see sip_param_get.
struct str sip_uri_param(const struct sip_uri *u, struct str name, bool *ret_present);
