// SPDX-License-Identifier: Apache-2.0
// How much each source address has begun and not finished: a REGISTER of an unknown UE costs the
// home network an authentication vector and a challenge that waits four minutes (reg-await-auth). A
// source that begins many without finishing them is held up; others are not. The table has a fixed
// size: it is against one source or a few, and a flood from everywhere is the overload control's
// matter.
#pragma once

#include "io/addr.h"

struct sources;

// limit: unfinished registrations of one source, 0: no limit; what is never finished is forgotten
// evenly over drain_ms. ERR_NOMEM.
int sources_new(uint32_t limit, uint32_t drain_ms, struct sources **ret_sources);
void sources_free(struct sources *s); // takes NULL

// Counts one more for the address (IPv6: its /64, which is one subscriber); false when it has too
// many.
bool sources_take(struct sources *s, const struct addr *a, uint64_t now_ms);
// n of them have come to a good end.
void sources_give(struct sources *s, const struct addr *a, unsigned n);
