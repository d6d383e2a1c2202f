// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log_limit.h"
#include "base/log_sink.h"

enum { TEXT_MAX_BYTES = 1024 };

void log_event(enum log_level level, const char *msg, const struct log_field *f, size_t n)
{
    if (!log_enabled(level))
        return;
    if (level <= LOG_WARN && !log_is_taken() && !log_admit_any(msg, log_now_ms()))
        return;
    log_emit(level, str_from(msg), f, n);
}

void log_text(enum log_level level, const char *fmt, ...)
{
    if (!log_enabled(level))
        return;
    char text[TEXT_MAX_BYTES];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    log_emit(level, str_make(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1), NULL, 0);
}
