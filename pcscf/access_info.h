// SPDX-License-Identifier: Apache-2.0
// What this network knows of where a UE is (TS 24.229 4.4.3, 7.2A.4): P-Access-Network-Info with network-provided,
// by the network that the UE's address belongs to.
#pragma once

#include "app/config.h"
#include "io/addr.h"

enum { ACCESS_INFO_MAX = 64, ACCESS_INFO_VALUE_MAX = 256 };

struct access_info; // NULL: nothing is known

// From texts like "192.0.2.0/24 IEEE-802.11;i-wlan-node-id=a0b1c2d3e4f5", the first that fits counts. ERR_BAD: *ret_bad
// is the text, *ret_why what is wrong with it (static). ERR_NOMEM. NULL in *ret_info for an empty list.
int access_info_new(const struct conf_strs *texts, struct access_info **ret_info, struct str *ret_bad,
                    const char **ret_why);
void access_info_free(struct access_info *i); // takes NULL
// The header's value for somebody at this address; STR_NONE: none. i may be NULL.
struct str access_info_of(const struct access_info *i, const struct addr *at);
