// SPDX-License-Identifier: Apache-2.0
// A note for the HSS as it is kept beyond the process. The record begins with the version of its form; one of a newer
// form is not read (ERR_UNSUPPORTED). Its key is its number. Times are of the wall clock, as a restart begins the
// loop's anew.
#pragma once

#include "base/writer.h"
#include "scscf/outbox.h"

void note_record_write(const struct outbox_note *n, uint64_t until_ms, struct writer *w);
// The texts of the note are slices of value. ERR_BAD, ERR_UNSUPPORTED.
int note_record_read(struct str key, struct str value, uint64_t *ret_seq, struct outbox_note *ret_note,
                     uint64_t *ret_until_ms);
