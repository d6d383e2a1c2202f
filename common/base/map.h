// SPDX-License-Identifier: Apache-2.0
// Compact multimap from 64-bit keys (usually hash_bytes of something) to pointers: open addressing,
// 16 bytes a slot, for the tables that hold something per subscriber. Equal keys may occur more than
// once; who uses hashes as keys compares the objects found.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct map {
    struct map_slot *slots;
    size_t n, cap; // entries; slots, a power of two
};

// An all-zero map is empty and valid.
void map_done(struct map *m);
// value must not be NULL. ERR_NOMEM.
int map_add(struct map *m, uint64_t key, void *value);
// Removes the entry with this key and value; harmless when there is none.
void map_remove(struct map *m, uint64_t key, const void *value);
// by takes the place of value; harmless when there is none with this key.
void map_replace(struct map *m, uint64_t key, const void *value, void *by);
// First value with key; *it starts at 0 and continues the search on the next call. NULL at the end.
void *map_find(const struct map *m, uint64_t key, size_t *it);
// Every value once, in no order; *it starts at 0. The map must not change meanwhile.
void *map_next(const struct map *m, size_t *it);
