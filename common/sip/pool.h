// SPDX-License-Identifier: Apache-2.0
// Blocks for messages, recycled: a message costs one allocation, and that one is seldom new.
#pragma once

#include <stddef.h>

// At least *n bytes and the class to give back; *n becomes what there is. NULL: out of memory.
void *sip_pool_get(size_t *n, unsigned *ret_class);
void sip_pool_put(void *p, unsigned class);
