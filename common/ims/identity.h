// SPDX-License-Identifier: Apache-2.0
// Small policies on identities.
#pragma once

#include "base/arena.h"

// The public identity that a UE without one in its Authorization is known by: domain and user.
struct str ims_impi_from_impu(struct arena *a, struct str impu); // "sip:dave@d" -> "dave@d" (TS 24.229 5.4.1.1)
