// SPDX-License-Identifier: Apache-2.0
// The charging identifier of a dialog, sealed: the UE carries it in its route set, so that this node can put it
// into what the UE sends later (TS 24.229 4.5.2, table 4-2A) without keeping dialogs. The UE, which
// is not to know it, cannot read it, nor use it in another dialog.
#pragma once

#include "pcscf/token.h"

enum { ICID_MAX = 64 }; // of longer ones, which only other networks have, nothing is carried

// Text for a URI parameter; STR_NONE: none is to be had.
struct str icid_seal(const struct token_key *k, struct arena *a, struct str icid, struct str call_id);
// What was sealed for this Call-ID; STR_NONE: nothing.
struct str icid_open(const struct token_key *k, struct arena *a, struct str text, struct str call_id);
