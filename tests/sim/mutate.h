// SPDX-License-Identifier: Apache-2.0
// Messages made of other messages: what an attacker, a broken phone or a foreign neighbour might send.
// Nothing here parses with the code under test: lines and lengths are looked for in the bytes.
#pragma once

#include "tests/sim/choice.h"

enum { MUTATE_MAX = 65000 };

// A message in a buffer of MUTATE_MAX bytes.
struct draft {
    char p[MUTATE_MAX];
    size_t n;
};

void draft_set(struct draft *d, struct str s);
static inline struct str draft_str(const struct draft *d)
{
    return str_make(d->p, d->n);
}

// Changes one thing in a SIP message; other is a message to take pieces from.
void mutate_sip(struct choice *c, struct draft *d, struct str other);
// A request or response becomes a response to it, a request of the same transaction (ACK, CANCEL), or
// one of the same dialog (BYE, PRACK, UPDATE, re-INVITE).
void mutate_into_response(struct choice *c, struct draft *d);
void mutate_into_request(struct choice *c, struct draft *d);
// Puts the true length into Content-Length, where there is one.
void mutate_fix_length(struct draft *d);

// Changes one thing in a Diameter message. Its length is set right again unless that is the change.
void mutate_dia(struct choice *c, struct draft *d, struct str other);
