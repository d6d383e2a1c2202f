// SPDX-License-Identifier: Apache-2.0
// The numbering plan of a home network: what a telephone number means that somebody of this network dials or
// is known by. Every node has the same one (app/node_rows.h), so that a number dialled, a number
// provisioned and a number looked up are one.
#pragma once

#include "sip/uri.h"

enum { NUMBERING_DOMAINS_MAX = 16 }; // further home domains

struct numbering {
    struct str domain;            // home network domain name; empty: the node knows none
    const struct str *domains;    // further home domains
    struct str country_code;      // "49"; empty: local numbers have no global form
    struct str national_prefix;   // in front of a national number: "0"; empty: none
    const struct str *international_prefixes; // in front of a country code: "00"
    const struct str *contexts;   // further names of this plan in phone-context; "*.example.org": all below
    const struct str *short_codes;// stay as dialled: "112", "8xx" with any digit for an x
    size_t n_domains, n_international, n_contexts, n_short_codes;
    bool several;                 // the home domains may be of several networks: each has local numbers of its own
    uint32_t national_length;     // digits of a national number that is dialled without its prefix; 0: none is
};

// Is it one of the home domains? "EXAMPLE.org." is example.org.
bool numbering_is_home(const struct numbering *n, struct str host);
// The domain by which the local numbers are known of a name that is a home domain or one of the contexts: `domain`, or
// of several networks the home domain itself, as it is configured.
struct str numbering_domain_of(const struct numbering *n, struct str name);

enum number_kind {
    NUMBER_NONE,       // the URI is no telephone number, or none that this network can tell
    NUMBER_GLOBAL,     // "+498912345"
    NUMBER_LOCAL,      // of this plan and without a global form
    NUMBER_FOREIGN,    // local to a context that is not ours
    NUMBER_INCOMPLETE, // a prefix and nothing behind it
};

struct number {
    enum number_kind kind;
    struct sip_number value; // canonical: of a local one the context is numbering_domain_of
};

// What a URI says as a telephone number: a tel URI, a sip URI with user=phone, or with phone-context in a home
// domain. A local number without a context is of this plan: in a tel URI always, in a sip URI when its host
// is a home domain (TS 24.229 5.4.3.2; RFC 3966 5.1.4); where there are several networks a tel URI without one is of
// none. A context of initial digits goes in front, unless it
// is the own country code and the number has a prefix of this plan.
struct number numbering_read(struct arena *a, const struct numbering *n, const struct sip_uri *u);
// The same for a sip URI of a home domain that does not say that its user part is a number (RFC 3261 19.1.6 leaves
// that to the domain).
struct number numbering_guess(struct arena *a, const struct numbering *n, const struct sip_uri *u);

// How a global number is dialled within its country: *ret_n forms, at most NUMBERING_LOCAL_MAX; none of a foreign
// country's.
enum { NUMBERING_LOCAL_MAX = 2 };
void numbering_local(struct arena *a, const struct numbering *n, struct str global,
                     struct str ret_forms[NUMBERING_LOCAL_MAX], size_t *ret_n);

// Reasons against a plan, static text; NULL: none.
const char *numbering_bad_digits(struct str s);    // of a code or a prefix
const char *numbering_bad_short_code(struct str s);
const char *numbering_bad_context(struct str s);
