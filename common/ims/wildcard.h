// SPDX-License-Identifier: Apache-2.0
// Wildcarded public identities (TS 23.003 13.5): "sip:chatlist!.*!@example.com", "tel:+4989123!.*!". What stands
// between the two (outermost) exclamation marks is an extended regular expression (POSIX 1003.1 XBD 9.4), what stands around
// them is fixed. An identity is covered when its canonical form (ims/impu.h) begins and ends with the fixed
// parts and the expression matches the whole of what is between them.
//
// The way of a pattern: wildcard_split says whether a text is one; wildcard_canon brings the fixed parts into the form
// of canonical identities and refuses what cannot be served; wildcard_new compiles that once, wildcard_covers asks
// it. Matching takes time in proportion to the identity (TRE, without back-references); what an expression grows
// to is counted before it is compiled.
#pragma once

#include "ims/numbering.h"

// Bytes of a whole pattern; characters, classes and ranges of the expression once its repetitions are written out.
enum { WILDCARD_TEXT_MAX = 255, WILDCARD_SIZE_MAX = 64, WILDCARD_DEPTH_MAX = 16 };

struct wildcard_parts {
    struct str head, expression, tail; // slices of the text, without the exclamation marks
};
// True when the text has the form of a wildcarded identity: a sip, sips or tel scheme, and two exclamation marks in what
// names the user. Nothing is said of the expression.
bool wildcard_split(struct str text, struct wildcard_parts *ret_parts);

// The canonical form of a pattern, by which it is stored and compared: the fixed parts as impu_canon writes them (scheme and
// host in lower case, no port and parameters; of numbers no visual separators; sip with user=phone and a number is
// tel), the expression as it is. A telephone number has to begin with + or to have a phone-context. n may be NULL. STR_NONE: it
// cannot be served, and *ret_why says why (static text), or no memory (*ret_why NULL).
struct str wildcard_canon(struct arena *a, const struct numbering *n, struct str text, const char **ret_why);

// A compiled pattern. NULL: wildcard_canon would refuse its expression, or no memory. The text is copied.
struct wildcard *wildcard_new(struct str canonical);
struct wildcard *wildcard_free(struct wildcard *w); // takes NULL, returns NULL
// identity: in canonical form.
bool wildcard_covers(const struct wildcard *w, struct str identity);
// Do the fixed parts of a pattern in canonical form fit the identity? What can be told before it is compiled.
bool wildcard_may_cover(struct str pattern, struct str identity);

// Some compiled patterns, for those who have more of them than they would keep compiled: as many as slots, the one
// that was asked for last in each. NULL: no memory.
struct wildcard_cache *wildcard_cache_new(size_t slots);
void wildcard_cache_free(struct wildcard_cache *c); // takes NULL
// wildcard_new of a pattern in canonical form; it lives until the cache is asked for another one.
const struct wildcard *wildcard_cache_find(struct wildcard_cache *c, struct str pattern);
// wildcard_covers of a pattern in canonical form.
bool wildcard_cache_covers(struct wildcard_cache *c, struct str pattern, struct str identity);

// A pattern as the URI in a header field (P-Profile-Key of RFC 5002, P-Associated-URI): what a URI may not hold is
// escaped (RFC 3261 25.1 userinfo). And back; other texts stay as they are. STR_NONE: no memory.
struct str wildcard_to_uri(struct arena *a, struct str pattern);
struct str wildcard_from_uri(struct arena *a, struct str uri);
