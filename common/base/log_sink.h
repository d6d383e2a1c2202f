// SPDX-License-Identifier: Apache-2.0
// Below the log: where a line goes once it is to be written. log_limit.c, which leaves lines out, stands between this
// and log.c.
#pragma once

#include "base/log.h"

// Writes a line, whatever its level.
void log_emit(enum log_level level, struct str msg, const struct log_field *f, size_t n);
// The clock of the lines.
uint64_t log_now_ms(void);
// Somebody has taken the descriptor's place (log_set_sink).
bool log_is_taken(void);
