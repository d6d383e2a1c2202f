// SPDX-License-Identifier: Apache-2.0
// The first pass over a message, private to the split_*.c files. Each instruction set has its own
// sip_split_*, made of split_fast.inc; what is seldom needed is shared and in split.c.
#pragma once

#include "base/err.h"
#include "sip/chars.h"
#include "sip/msg_priv.h"

enum {
    SPLIT_BLOCK = 64,       // bytes looked at together
    SPLIT_SPARE_FIELDS = 4, // room behind max_fields that may be written
};

// Words that a bitmap of n bytes takes, two more included that end every search.
#define SPLIT_WORDS(n) ((n) / SPLIT_BLOCK + 3)

typedef int sip_split_fn(struct sip_msg *m, struct sip_parse_error *ret_err);
extern sip_split_fn sip_split_base, sip_split_avx2, sip_split_avx512;

// Keeps the first complaint; ERR_BAD.
int split_complain(struct sip_parse_error *err, const char *what, size_t offset);

// Request-Line or Status-Line, without its CRLF.
int split_start_line(struct sip_msg *m, struct str line, struct sip_parse_error *err);

// Makes room for a block's worth of fields, of which n are in use.
int split_fields_grow(struct sip_msg *m, size_t n);

// Fills a field whose place is known: field-name HCOLON field-value. ERR_BAD when it is no field.
int split_field(struct sip_msg *m, struct sip_field *f);

// Another field with the id of an earlier one: links the two.
void split_again(struct sip_msg *m, struct sip_field *f);

// Start line and fields of a message with stray control characters, or without a blank line (end
// is 0 then): what can be read is, for the answer. 0 when there is nothing wrong after all.
int split_dirty(struct sip_msg *m, size_t end, struct sip_parse_error *err);
