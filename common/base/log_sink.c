// SPDX-License-Identifier: Apache-2.0
// The sink: a line in its form, to a descriptor or whoever took its place.
#include "base/log_sink.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"

// TAIL_BYTES is room kept for `",...,"truncated":true}` when the fields do not fit.
enum { LINE_MAX_BYTES = 4096, FIELD_MAX_BYTES = 1024, TAIL_BYTES = 24, ESCAPE_BYTES = 6 };

enum log_level log_threshold = LOG_INFO;

static struct {
    const char *nf;
    enum log_format format;
    int fd;
    bool journal;
    log_clock clock;
    void *clock_arg;
    log_sink sink;
    void *sink_arg;
    int64_t lost; // lines that nobody would take
} out = {.nf = "carillon", .fd = 2};

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};
static const char *const level_tags[] = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"};

void log_set_level(enum log_level level)
{
    log_threshold = level;
}

int log_level_parse(struct str s, enum log_level *ret_level)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (str_ieq(s, str_from(level_names[i]))) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    }
    return ERR_NOTFOUND;
}

const char *log_level_name(enum log_level level)
{
    return (size_t)level < ARRAY_LEN(level_names) ? level_names[level] : "?";
}

void log_init(const char *nf, enum log_format format, int fd)
{
    out.nf = nf;
    out.format = format;
    out.fd = fd;
}

void log_set_journal(bool on)
{
    out.journal = on;
}

void log_set_clock(log_clock clock, void *arg)
{
    out.clock = clock;
    out.clock_arg = arg;
}

void log_set_sink(log_sink sink, void *arg)
{
    out.sink = sink;
    out.sink_arg = arg;
}

uint64_t log_now_ms(void)
{
    if (out.clock)
        return out.clock(out.clock_arg);
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

bool log_is_taken(void)
{
    return out.sink != NULL;
}

static void put_time(struct writer *w)
{
    uint64_t ms = log_now_ms();
    time_t sec = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&sec, &tm);
    writer_printf(w, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900, tm.tm_mon + 1,
                  tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(ms % 1000));
}

// JSON string escapes serve the quoted text form too: control bytes cannot forge a second line. A
// value that does not fit is cut between two characters, so the quotes always close.
static void put_quoted(struct writer *w, struct str s)
{
    if (s.n > FIELD_MAX_BYTES)
        s.n = FIELD_MAX_BYTES;
    writer_chr(w, '"');
    for (size_t i = 0; i < s.n && w->cap - w->n > ESCAPE_BYTES; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\') {
            writer_chr(w, '\\');
            writer_chr(w, (char)c);
        } else if (c < 0x20 || c >= 0x7f) {
            writer_printf(w, "\\u%04x", c);
        } else {
            writer_chr(w, (char)c);
        }
    }
    writer_chr(w, '"');
}

static bool needs_quotes(struct str s)
{
    if (s.n == 0)
        return true;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '\\')
            return true;
    }
    return false;
}

static void put_field_text(struct writer *w, const struct log_field *f)
{
    writer_printf(w, " %s=", f->key);
    if (f->is_num)
        writer_printf(w, "%lld", (long long)f->num);
    else if (needs_quotes(f->s))
        put_quoted(w, f->s);
    else
        writer_str(w, str_head(f->s, FIELD_MAX_BYTES));
}

static void put_field_json(struct writer *w, const struct log_field *f)
{
    writer_printf(w, ",\"%s\":", f->key);
    if (f->is_num)
        writer_printf(w, "%lld", (long long)f->num);
    else
        put_quoted(w, f->s);
}

// Fields until one does not fit; that one leaves nothing behind. Returns false then.
static bool put_fields(struct writer *w, const struct log_field *f, size_t n)
{
    bool json = out.format == LOG_FORMAT_JSON;
    for (size_t i = 0; i < n; i++) {
        size_t before = w->n;
        (json ? put_field_json : put_field_text)(w, &f[i]);
        if (w->failed) {
            w->n = before;
            w->failed = false;
            return false;
        }
    }
    return true;
}

static void put_text(struct writer *w, enum log_level level, struct str msg,
                     const struct log_field *f, size_t n)
{
    if (!out.journal) {
        put_time(w);
        writer_chr(w, ' ');
    }
    writer_printf(w, "%s %s ", level_tags[level], out.nf);
    writer_str(w, str_head(msg, FIELD_MAX_BYTES));
    bool whole = put_fields(w, f, n);
    w->cap += TAIL_BYTES;
    if (!whole)
        writer_lit(w, " truncated=true");
}

static void put_json(struct writer *w, enum log_level level, struct str msg,
                     const struct log_field *f, size_t n)
{
    writer_lit(w, "{\"ts\":\"");
    put_time(w);
    writer_printf(w, "\",\"level\":\"%s\",\"nf\":\"%s\",\"msg\":", log_level_name(level), out.nf);
    put_quoted(w, msg);
    bool whole = put_fields(w, f, n);
    w->cap += TAIL_BYTES;
    if (!whole)
        writer_lit(w, ",\"truncated\":true");
    writer_chr(w, '}');
}

// False when a write would wait: a pipe that nobody empties, a journal that hangs. The loop must
// not. A line fits into what poll() calls room in a pipe (PIPE_BUF).
static bool has_room(void)
{
    struct pollfd p = {.fd = out.fd, .events = POLLOUT};
    return poll(&p, 1, 0) != 0;
}

static void to_descriptor(struct str line)
{
    if (!has_room()) {
        out.lost++;
        return;
    }
    if (out.lost) {
        int64_t n = out.lost;
        out.lost = 0;
        log_emit(LOG_ERROR, STR("log lines lost, nobody took them"), &LF_NUM("lines", n), 1);
        if (!has_room()) {
            out.lost++;
            return;
        }
    }
    // Nothing sensible can be done about a log that cannot be written.
    if (write(out.fd, line.p, line.n) < 0)
        return;
}

void log_emit(enum log_level level, struct str msg, const struct log_field *f, size_t n)
{
    static const char priority[] = {'3', '4', '6', '7', '7'}; // of syslog
    char line[LINE_MAX_BYTES];
    struct writer w = writer_init(line, sizeof line - 1 - TAIL_BYTES);
    if (out.journal)
        writer_printf(&w, "<%c>", priority[level]);
    (out.format == LOG_FORMAT_JSON ? put_json : put_text)(&w, level, msg, f, n);
    if (out.sink) {
        out.sink(out.sink_arg, level, writer_done(&w));
        return;
    }
    line[w.n++] = '\n';
    to_descriptor(str_make(line, w.n));
}

// ---- from within a signal handler ----

static void put_number(struct writer *w, uint64_t v, unsigned digits)
{
    char text[20];
    for (unsigned i = digits; i-- > 0; v /= 10)
        text[i] = (char)('0' + v % 10);
    writer_str(w, str_make(text, digits));
}

// gmtime_r takes a lock. Days to a date by the cycle of 400 years, which begins on the 1st of March.
static void put_time_plain(struct writer *w)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    uint64_t s = (uint64_t)ts.tv_sec, day = s / 86400 + 719468, era = day / 146097;
    uint64_t d = day % 146097, y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
    uint64_t in_year = d - (365 * y + y / 4 - y / 100), m = (5 * in_year + 2) / 153;
    uint64_t month = m < 10 ? m + 3 : m - 9;
    const uint64_t v[] = {era * 400 + y + (month <= 2), month, in_year - (153 * m + 2) / 5 + 1,
                          s / 3600 % 24, s / 60 % 60, s % 60, (uint64_t)ts.tv_nsec / 1000000};
    static const struct {
        unsigned digits;
        char then;
    } form[] = {{4, '-'}, {2, '-'}, {2, 'T'}, {2, ':'}, {2, ':'}, {2, '.'}, {3, 'Z'}};
    for (size_t i = 0; i < ARRAY_LEN(form); i++) {
        put_number(w, v[i], form[i].digits);
        writer_chr(w, form[i].then);
    }
}

static void put_value_plain(struct writer *w, struct str value)
{
    writer_chr(w, '"');
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        writer_chr(w, c < ' ' || c > '~' || c == '"' || c == '\\' ? '.' : c);
    }
    writer_chr(w, '"');
}

void log_from_signal(const char *msg, const char *key, struct str value)
{
    char line[FIELD_MAX_BYTES];
    struct writer w = writer_init(line, sizeof line - 1);
    bool json = out.format == LOG_FORMAT_JSON;
    if (out.journal)
        writer_lit(&w, "<2>");
    if (json)
        writer_lit(&w, "{\"ts\":\"");
    if (json || !out.journal)
        put_time_plain(&w);
    writer_str(&w, str_from(json ? "\",\"level\":\"error\",\"nf\":\"" : " ERROR "));
    writer_str(&w, str_from(out.nf));
    writer_str(&w, str_from(json ? "\",\"msg\":\"" : " "));
    writer_str(&w, str_from(msg));
    writer_str(&w, str_from(json ? "\",\"" : " "));
    writer_str(&w, str_from(key));
    writer_str(&w, str_from(json ? "\":" : "="));
    put_value_plain(&w, str_head(value, FIELD_MAX_BYTES / 2));
    if (json)
        writer_chr(&w, '}');
    line[w.n++] = '\n';
    if (has_room() && write(out.fd, line, w.n) < 0)
        return;
}
