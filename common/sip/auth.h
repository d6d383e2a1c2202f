// SPDX-License-Identifier: Apache-2.0
// Authorization, Proxy-Authorization, WWW-Authenticate, Proxy-Authenticate and Authentication-Info
// (RFC 3261 20.7, RFC 3310, RFC 7616, TS 24.229 7.2A.1 and 7.2A.2).
#pragma once

#include "sip/types.h"

struct arena;
struct cur;
struct writer;

// scheme and auth-params; ERR_BAD unless all of s is consumed.
int sip_auth_parse(struct arena *a, struct str s, struct sip_auth *ret_auth);
// auth-params without a scheme (Authentication-Info).
int sip_auth_info_parse(struct arena *a, struct str s, struct sip_auth *ret_auth);
// Writes scheme and params: the named slices are views of params and not consulted.
void sip_auth_write(struct writer *w, const struct sip_auth *v);
void sip_auth_read(struct cur *c, struct sip_auth *v);
void sip_auth_info_read(struct cur *c, struct sip_auth *v);
