// SPDX-License-Identifier: Apache-2.0
// Lines that somebody outside can cause are held to a measure, so that he can neither fill a disk nor
// hide behind a thousand lines of his own: LOG_SOURCE_LINES of one kind from one source within
// LOG_WINDOW_MS, and LOG_KIND_LINES of one kind from all sources together. The first ones of each
// always appear; how many were left out is said when the window is over. The tables have a fixed
// size. They belong to the sink: like it they are one for the process.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { LOG_WINDOW_MS = 10000, LOG_SOURCE_LINES = 20, LOG_KIND_LINES = 100 };

// May a line about this be written? kind: what it says, without what differs from one to the next;
// two parts, the second may be NULL. source: addr_source_key, or a hash of whoever stands for the
// source. now_ms: loop_now, in ms.
bool log_admit(const char *kind, const char *detail, uint64_t source, uint64_t now_ms);

// Writes how many lines were left out in windows that are over. Called about once a second.
void log_admit_tick(uint64_t now_ms);

uint64_t log_suppressed(void); // lines left out so far

// Forgets everything, for tests.
void log_admit_reset(void);

// LOG, if log_admit says so. detail is a string too, or NULL.
#define LOG_FROM(source, now_ms, level, msg, detail, ...)                                          \
    do {                                                                                           \
        if (log_enabled(level) && log_admit((msg), (detail), (source), (now_ms)))                  \
            LOG((level), (msg), __VA_ARGS__);                                                      \
    } while (0)
