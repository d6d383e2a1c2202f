// SPDX-License-Identifier: Apache-2.0
// What lies on the disk: files of batches, batches of records. A number's lowest byte comes first.
//
//   batch    magic "CST1" | crc of what follows, 4 | length of the body, 4 | records, 4 | first version, 8 | kind, 4 |
//            the file's generation, 4 | the file's own number, drawn by lot, 8 | body
//   record   crc of what follows, 4 | length of the value, or all ones: deleted, 4 | version, 8 | length of the key, 2 |
//            0, 2 | key | value
//
// A file begins with a batch RECORD_HEAD; a snapshot ends with RECORD_END, whose body is the number of its records, 8.
// The number keeps a value that looks like a batch from being taken for one. In a log versions follow each other without a gap, from batch to batch and from file to file.
#pragma once

#include "base/str.h"

enum record_kind { RECORD_HEAD = 1, RECORD_LOG, RECORD_SNAP, RECORD_END };

enum {
    BATCH_HEAD = 40,
    RECORD_FIXED = 20,
    BATCH_BODY_MAX = 8 << 20,
};

struct batch_head {
    uint32_t n_body, n;
    uint64_t first;
    enum record_kind kind;
    uint32_t generation;
    uint64_t lot;
};

struct record {
    uint64_t version;
    struct str key, value;
    bool deleted;
};

static inline size_t record_size(size_t key_n, size_t value_n)
{
    return RECORD_FIXED + key_n + value_n;
}

// Writes a record, of record_size bytes.
void record_write(char *ret_bytes, const struct record *r);
// The record at the beginning of bytes; *ret_size is its length. check: by its crc too, which a batch's crc makes
// needless. ERR_BAD.
int record_read(struct str bytes, bool check, struct record *ret_record, size_t *ret_size);

// Writes the head of a batch whose body follows it in memory.
void batch_seal(char *bytes, const struct batch_head *h);
// The head alone: whether it can be one. ERR_BAD.
int batch_read_head(struct str bytes, struct batch_head *ret_head);
// Head and body are those that were written.
bool batch_is_sound(const char *bytes, const struct batch_head *h);

uint64_t record_u64(const char *p);
void record_put_u64(char *p, uint64_t v);
