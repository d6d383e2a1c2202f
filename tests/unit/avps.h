// SPDX-License-Identifier: Apache-2.0
// Answers of an HSS as others may write them: the AVPs of a Cx answer in another order, at the top and within each
// group, with AVPs between that nobody here knows, and with other M bits (RFC 6733 3.2, 4.1; TS 29.229 6). Nothing of
// it changes what the answer means. Bytes alone: no decoder of the tree takes part.
#pragma once

#include "io/sim.h"

enum {
    AVPS_PAIRS_OF = 12, // that many are swapped in pairs, every two of them; more AVPs than that no Cx answer here has
    AVPS_PAIRS = AVPS_PAIRS_OF * (AVPS_PAIRS_OF - 1) / 2,
    AVPS_SHUFFLES = 24,
    AVPS_ORDERS = 2 + AVPS_PAIRS + AVPS_SHUFFLES, // 0: as they are; 1: the last one first
};

enum avps_more {
    AVPS_STRANGERS = 1, // unknown AVPs without the M bit before, between and behind, in groups as well
    AVPS_M_CLEAR = 2,   // no AVP of Cx has the M bit
    AVPS_M_SET = 4,     // each AVP of Cx has it
    AVPS_SESSION = 8,   // Session-Id has no place of its own
};

struct avps {
    unsigned order; // below AVPS_ORDERS
    unsigned more;  // of enum avps_more
    unsigned n;     // answers changed so far
    uint8_t held[8192]; // of a message that has not come whole yet
    size_t n_held;
};

// From now on what the Diameter server at port 3868 answers by Cx is changed as a says. NULL: no more.
void avps_tamper(struct sim *sim, struct avps *a);
