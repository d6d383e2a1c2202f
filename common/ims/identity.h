// SPDX-License-Identifier: Apache-2.0
// Identities derived by TS 23.003 13 and small policies on them.
#pragma once

#include "base/arena.h"

// PLMN as one setting: "00101" (2-digit MNC) or "001001" (3-digit). ERR_BAD otherwise.
struct plmn {
    char mcc[4], mnc[4]; // NUL-terminated digits; mnc 2 or 3
};
int plmn_parse(struct str s, struct plmn *ret_plmn);

// "ims.mnc001.mcc001.3gppnetwork.org" (TS 23.003 13.2; a 2-digit MNC gets a leading 0)
struct str ims_home_domain(struct arena *a, const struct plmn *p);
// "<imsi>@<domain>" (13.3), "sip:<imsi>@<domain>" (13.4B)
struct str ims_impi_from_imsi(struct arena *a, struct str imsi, const struct plmn *p);
struct str ims_impu_from_imsi(struct arena *a, struct str imsi, const struct plmn *p);
// The public identity that a UE without one in its Authorization is known by: domain and user.
struct str ims_impi_from_impu(struct arena *a, struct str impu); // "sip:dave@d" -> "dave@d" (TS 24.229 5.4.1.1)
