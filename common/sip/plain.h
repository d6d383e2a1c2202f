// SPDX-License-Identifier: Apache-2.0
// Texts for people: reason phrases, what a Warning tells those outside of the network.
#pragma once

#include "base/arena.h"
#include "base/str.h"

// The text as far as no word of it names a place (an address, a host with its domain, a host and port): whole, or up
// to the last ": " before it, as in "cannot be reached: no response from 192.0.2.7"; empty when nothing is left.
struct str sip_plain_text(struct str text);
// With " and \ escaped, as it stands between the quotes of a quoted-string (RFC 3261 25.1).
struct str sip_quotable(struct arena *a, struct str text);

// Standard reason phrase ("Not Found"); of the class when the code is unknown.
struct str sip_reason(unsigned status);
