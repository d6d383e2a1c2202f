// SPDX-License-Identifier: Apache-2.0
// Secrets in a copy of a message: the keys and expected responses of an authentication, which open the
// session to whoever reads a trace (TS 33.203 6.1, 7.1). Each octet becomes '*'; lengths stay, so that
// the message can be read.
#pragma once

#include <stddef.h>

// ck and ik in the headers of a SIP message, whole or not.
void mask_sip(char *data, size_t n);
// SIP-Authenticate, SIP-Authorization, Confidentiality-Key, Integrity-Key, Digest-HA1 of a Diameter message,
// whole or not (TS 29.229 6.3, RFC 4740 9.5.3).
void mask_diameter(char *data, size_t n);
