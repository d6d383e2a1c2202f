// SPDX-License-Identifier: Apache-2.0
// The first pass over a message, private to the split*.c files. Each instruction set has its own
// sip_split_*, made of split_fast.inc; what is seldom needed is shared and in split_line.c; split.c chooses.
#pragma once

#include "base/err.h"
#include "sip/chars.h"
#include "sip/msg_priv.h"

enum {
    SPLIT_BLOCK = 64,       // bytes looked at together
    SPLIT_LINES = 96,       // of which more are seldom
    SPLIT_SPARE_LINES = 8,  // room behind them that may be written
    SPLIT_PASSES = 4,       // at most
};

// Words that a bitmap of n bytes takes, two more included that end every search.
#define SPLIT_WORDS(n) ((n) / SPLIT_BLOCK + 3)

typedef int sip_split_fn(struct sip_msg *m, struct sip_parse_error *ret_err);
extern sip_split_fn sip_split_plain, sip_split_sse2, sip_split_avx2, sip_split_avx512;

// The passes that this processor can run, the best one first. The number of them.
size_t split_passes(sip_split_fn *ret_passes[SPLIT_PASSES]);

// Keeps the first complaint; ERR_BAD.
int split_complain(struct sip_parse_error *err, const char *what, size_t offset);

// Request-Line or Status-Line, without its CRLF.
int split_start_line(struct sip_msg *m, struct str line, struct sip_parse_error *err);

// More room for lines, of which n are in use; *max becomes what there is. NULL: out of memory.
uint16_t *split_lines_grow(struct sip_msg *m, const uint16_t *lines, size_t n, size_t *max);

// The places of all the marked bytes.
void split_put_lines(uint16_t *out, uint64_t marks, size_t base);

// Fills a field whose place is known: field-name HCOLON field-value. ERR_BAD when it is no field.
int split_field(struct sip_msg *m, struct sip_field *f);

// Another field with the id of an earlier one: links the two.
void split_again(struct sip_msg *m, struct sip_field *f);

// Start line and fields of a message that has folded lines, tabs or stray control characters, or no
// blank line (end is 0 then): what can be read is, for the answer. Begins anew where the fast pass
// gave up.
int split_slowly(struct sip_msg *m, uint16_t *lines, size_t n, size_t end,
                 struct sip_parse_error *err);
