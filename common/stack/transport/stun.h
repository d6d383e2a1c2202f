// SPDX-License-Identifier: Apache-2.0
// STUN as a keep-alive (RFC 5626 4.4.2, RFC 5389): whoever asks is told the address that he was seen at.
#pragma once

#include "base/str.h"
#include "io/addr.h"

enum { STUN_ANSWER_MAX = 20 + 24 };

// RFC 5389 6: two zero bits and the magic cookie tell it from SIP.
bool stun_is(struct str datagram);
// The Binding response with XOR-MAPPED-ADDRESS (RFC 5389 15.2) into buf; STR_NONE for anything but a Binding request.
struct str stun_answer(struct str request, const struct addr *from, unsigned char buf[STUN_ANSWER_MAX]);
