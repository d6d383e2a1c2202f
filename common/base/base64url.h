// SPDX-License-Identifier: Apache-2.0
// Short binary values as text that may stand in the user part of a URI (RFC 4648 5, without
// padding).
#pragma once

#include "base/arena.h"

// Text in the arena; STR_NONE when out of memory.
struct str base64url_write(struct arena *a, const void *bytes, size_t n);
// At most cap bytes. ERR_BAD: other characters, too long, or not the one text that base64url_write
// has for these bytes.
int base64url_parse(struct str text, unsigned char *ret_bytes, size_t cap, size_t *ret_n);
