// SPDX-License-Identifier: Apache-2.0
// Structured logging: a level, a short constant message, and named fields. Nothing is formatted
// when the level is off. The sink is the process's one file-scope mutable state. Text form:
//   2026-01-02T03:04:05.678Z WARN scscf register refused call_id=... impu=... status=403 reason="..."
// JSON form: one object a line with ts, level, nf, msg and the fields.
#pragma once

#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_field {
    const char *key;
    struct str s;   // text value, used when is_num is false
    int64_t num;
    bool is_num;
};

#define LF(key_, str_) ((struct log_field){.key = (key_), .s = (str_)})
#define LF_Z(key_, zstr_) ((struct log_field){.key = (key_), .s = str_from(zstr_)})
#define LF_NUM(key_, num_) ((struct log_field){.key = (key_), .num = (int64_t)(num_), .is_num = true})

extern enum log_level log_threshold; // read by log_enabled only; set by log_set_level

static inline bool log_enabled(enum log_level level)
{
    return level <= log_threshold;
}

void log_event(enum log_level level, const char *msg, const struct log_field *f, size_t n);

// Plain formatted text, for libraries at debug and trace level.
void log_text(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// LOG(LOG_WARN, "register refused", LF("call_id", id), LF_NUM("status", 403));
#define LOG(level, msg, ...)                                                                       \
    do {                                                                                           \
        if (log_enabled(level))                                                                    \
            log_event((level), (msg), (const struct log_field[]){{0}, ##__VA_ARGS__} + 1,          \
                      sizeof((const struct log_field[]){{0}, ##__VA_ARGS__}) /                     \
                              sizeof(struct log_field) - 1);                                       \
    } while (0)

// One line from within a signal handler: nothing that it calls takes a lock or memory. msg and key are
// plain words; of value what cannot be printed becomes '.'.
void log_from_signal(const char *msg, const char *key, struct str value);

// Who is speaking ("scscf"; static lifetime), how, and to which descriptor (2 by default).
void log_init(const char *nf, enum log_format format, int fd);
// For journald: each line starts with its priority as "<4>", and text lines carry no time.
void log_set_journal(bool on);
void log_set_level(enum log_level level);
// "error" ... "trace"; ERR_NOTFOUND otherwise.
int log_level_parse(struct str s, enum log_level *ret_level);
const char *log_level_name(enum log_level level);

// Replaces the clock (ms since 1970) and the output, for tests and simulations; NULL restores.
typedef uint64_t (*log_clock)(void *arg);
typedef void (*log_sink)(void *arg, enum log_level level, struct str line);
void log_set_clock(log_clock clock, void *arg);
void log_set_sink(log_sink sink, void *arg);
