// SPDX-License-Identifier: Apache-2.0
// The body by which the network sends a UE another way (TS 24.229 7.6): to register anew after a loss, or
// to make its emergency call elsewhere.
#pragma once

#include "base/arena.h"
#include "sip/edit.h"

enum ims_alternative {
    IMS_RESTORATION,            // 504: initial registration (TS 24.229 5.2.6.3.2A, 5.4.3.2)
    IMS_EMERGENCY,              // 380: call by other means (TS 24.229 5.2.10)
    IMS_EMERGENCY_REGISTRATION, // 380: register for emergency first
};

// Headers and body for the response. asserted: "<sip:...>", the URI by which the UE knows this node; it
// ignores the body when the URI is not one of its Path or Service-Route (TS 24.229 5.1.2A.1.6). NULL
// when out of memory.
struct sip_edits *ims_alternative_new(struct arena *a, enum ims_alternative what,
                                      struct str asserted);
