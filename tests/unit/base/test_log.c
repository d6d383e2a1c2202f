// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

struct seen {
    int n;
    enum log_level level;
    char line[8192];
};

static void keep(void *arg, enum log_level level, struct str line)
{
    struct seen *s = arg;
    assert_true(line.n < sizeof s->line);
    s->n++;
    s->level = level;
    memcpy(s->line, line.p, line.n);
    s->line[line.n] = 0;
}

static uint64_t clock_2026(void *arg)
{
    (void)arg;
    return 1767323045678u;
}

static struct seen seen;

static int set_up(void **state)
{
    (void)state;
    seen = (struct seen){0};
    log_set_level(LOG_INFO);
    log_set_journal(false);
    log_init("scscf", LOG_FORMAT_TEXT, 2);
    log_set_clock(clock_2026, NULL);
    log_set_sink(keep, &seen);
    return 0;
}

static void text(void **state)
{
    (void)state;
    LOG(LOG_WARN, "register refused", LF("call_id", STR("a@b")), LF_Z("reason", "wrong RES"),
        LF_NUM("status", 403), LF("empty", STR_NONE), LF_NUM("least", INT64_MIN));
    assert_int_equal(seen.level, LOG_WARN);
    assert_string_equal(seen.line,
                        "2026-01-02T03:04:05.678Z WARN scscf register refused call_id=a@b "
                        "reason=\"wrong RES\" status=403 empty=\"\" "
                        "least=-9223372036854775808");
    LOG(LOG_INFO, "no fields");
    assert_string_equal(seen.line, "2026-01-02T03:04:05.678Z INFO scscf no fields");
}

// What a peer sent cannot end the line or the value, whatever it is.
static void text_is_one_line(void **state)
{
    (void)state;
    LOG(LOG_INFO, "m", LF("v", STR("a\n2026 ERROR forged\x1b[31m \"q\" \\ \xc3\xa9\x7f\0z")));
    assert_string_equal(strstr(seen.line, " v="),
                        " v=\"a\\u000a2026 ERROR forged\\u001b[31m \\\"q\\\" \\\\ "
                        "\\u00c3\\u00a9\\u007f\\u0000z\"");
}

static void levels(void **state)
{
    (void)state;
    enum log_level level = LOG_TRACE;
    static const char *const names[] = {"error", "warn", "info", "debug", "trace"};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(log_level_parse(str_from(names[i]), &level), 0);
        assert_int_equal(level, i);
        assert_string_equal(log_level_name(level), names[i]);
    }
    assert_int_equal(log_level_parse(STR("WARN"), &level), 0);
    assert_int_equal(level, LOG_WARN);
    assert_int_equal(log_level_parse(STR("loud"), &level), ERR_NOTFOUND);
    assert_string_equal(log_level_name((enum log_level)9), "?");
    for (int at = LOG_ERROR; at <= LOG_TRACE; at++) {
        log_set_level((enum log_level)at);
        seen.n = 0;
        for (int i = LOG_ERROR; i <= LOG_TRACE; i++) {
            LOG((enum log_level)i, "x");
            log_text((enum log_level)i, "y");
            log_event((enum log_level)i, "z", NULL, 0);
        }
        assert_int_equal(seen.n, 3 * (at + 1));
    }
}

static void nothing_is_formatted_when_off(void **state)
{
    (void)state;
    int evaluated = 0;
    LOG(LOG_DEBUG, "x", LF_NUM("n", ++evaluated));
    assert_int_equal(evaluated, 0);
    assert_int_equal(seen.n, 0);
}

static void plain_text(void **state)
{
    (void)state;
    log_text(LOG_INFO, "peer %s has %d", "p", 3);
    assert_string_equal(seen.line, "2026-01-02T03:04:05.678Z INFO scscf peer p has 3");
    char big[3000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    log_text(LOG_INFO, "%s", big);
    assert_true(strlen(seen.line) > 1000 && strlen(seen.line) < 1200);
}

static json_t *parse_line(void)
{
    json_error_t e;
    json_t *o = json_loads(seen.line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
    if (!o)
        fail_msg("%s in %s", e.text, seen.line);
    return o;
}

static void json(void **state)
{
    (void)state;
    log_init("hss", LOG_FORMAT_JSON, 2);
    LOG(LOG_ERROR, "a \"quoted\" one", LF("v", STR("\n\t\x01\x80\\\"")), LF_NUM("n", -7),
        LF("none", STR_NONE));
    json_t *o = parse_line();
    assert_int_equal(json_object_size(o), 7);
    assert_string_equal(json_string_value(json_object_get(o, "ts")), "2026-01-02T03:04:05.678Z");
    assert_string_equal(json_string_value(json_object_get(o, "level")), "error");
    assert_string_equal(json_string_value(json_object_get(o, "nf")), "hss");
    assert_string_equal(json_string_value(json_object_get(o, "msg")), "a \"quoted\" one");
    assert_string_equal(json_string_value(json_object_get(o, "v")), "\n\t\x01\xc2\x80\\\"");
    assert_int_equal(json_integer_value(json_object_get(o, "n")), -7);
    assert_string_equal(json_string_value(json_object_get(o, "none")), "");
    json_decref(o);
}

// Fields of every length, of characters that grow when escaped and of plain ones: each line is one
// JSON object, and says when something is missing.
static void json_stays_valid_when_cut(void **state)
{
    (void)state;
    static char value[3000];
    int cut = 0;
    log_init("hss", LOG_FORMAT_JSON, 2);
    for (int filler = 0; filler < 3; filler++) {
        memset(value, "x\x01\""[filler], sizeof value);
        for (size_t n = 0; n < sizeof value; n += 7) {
            const struct str v = str_make(value, n);
            LOG(LOG_INFO, "m", LF("a", v), LF("b", v), LF("c", v), LF("d", v), LF_NUM("e", 5),
                LF("f", v));
            assert_true(strlen(seen.line) < 4096);
            json_t *o = parse_line();
            if (json_object_get(o, "truncated"))
                cut++;
            else
                assert_int_equal(json_object_size(o), 10);
            json_decref(o);
        }
    }
    assert_true(cut > 100);
}

static void json_stays_valid_with_many_fields(void **state)
{
    (void)state;
    struct log_field f[600];
    log_init("hss", LOG_FORMAT_JSON, 2);
    static char names[600][8];
    for (size_t n = 0; n < ARRAY_LEN(f); n++) {
        (void)snprintf(names[n], sizeof names[n], "k%zu", n);
        f[n] = n % 2 ? LF_NUM(names[n], n) : LF_Z(names[n], "value");
        log_event(LOG_INFO, "m", f, n + 1);
        json_t *o = parse_line();
        json_decref(o);
    }
    assert_non_null(strstr(seen.line, ",\"truncated\":true}"));
}

static void text_says_when_cut(void **state)
{
    (void)state;
    char value[1024];
    memset(value, 'x', sizeof value);
    const struct str v = str_make(value, sizeof value);
    LOG(LOG_INFO, "m", LF("a", v), LF("b", v), LF("c", v), LF("d", v), LF("e", v));
    size_t n = strlen(seen.line);
    assert_true(n < 4096);
    assert_string_equal(seen.line + n - strlen(" truncated=true"), " truncated=true");
    assert_null(strstr(seen.line, " e="));
}

static void journal(void **state)
{
    (void)state;
    static const char *const starts[] = {"<3>ERROR scscf m", "<4>WARN scscf m", "<6>INFO scscf m",
                                         "<7>DEBUG scscf m", "<7>TRACE scscf m"};
    log_set_journal(true);
    log_set_level(LOG_TRACE);
    for (int i = 0; i < 5; i++) {
        LOG((enum log_level)i, "m");
        assert_string_equal(seen.line, starts[i]);
    }
    log_init("hss", LOG_FORMAT_JSON, 2);
    LOG(LOG_WARN, "m");
    assert_memory_equal(seen.line, "<4>{\"ts\":", 9);
}

static void to_a_descriptor(void **state)
{
    (void)state;
    int ends[2];
    char line[256] = "";
    assert_int_equal(pipe(ends), 0);
    log_set_sink(NULL, NULL);
    log_init("scscf", LOG_FORMAT_TEXT, ends[1]);
    LOG(LOG_INFO, "m", LF_NUM("n", 1));
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    assert_string_equal(line, "2026-01-02T03:04:05.678Z INFO scscf m n=1\n");
    log_set_clock(NULL, NULL);
    LOG(LOG_INFO, "m");
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    assert_int_not_equal(memcmp(line, "2026-01-02T03:04:05.678Z", 24), 0);
    assert_int_equal(line[10], 'T');
    close(ends[0]);
    close(ends[1]);
}

// Nobody reads: the lines are lost, the caller is not kept; who comes back to read is told how
// many.
static void nobody_reads(void **state)
{
    int ends[2];
    static char text[65536];
    ssize_t n;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    int cap = fcntl(ends[1], F_SETPIPE_SZ, 16384);
    assert_true(cap >= 16384 && cap < (int)sizeof text);
    log_set_sink(NULL, NULL);
    log_init("scscf", LOG_FORMAT_TEXT, ends[1]);
    alarm(20); // a write that waits ends the test
    for (int i = 0; i < 10000; i++)
        LOG(LOG_INFO, "m", LF_NUM("n", i));
    n = read(ends[0], text, sizeof text - 1);
    assert_true(n > 0 && n <= cap);
    text[n] = 0;
    int lines = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    LOG(LOG_INFO, "again");
    n = read(ends[0], text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = 0;
    alarm(0);
    char want[64];
    snprintf(want, sizeof want, "log lines lost, nobody took them lines=%d\n", 10000 - lines);
    assert_non_null(strstr(text, want));
    assert_non_null(strstr(text, "INFO scscf again\n"));
    close(ends[0]);
    close(ends[1]);
    log_init("scscf", LOG_FORMAT_TEXT, 2);
}

#define T(f) cmocka_unit_test_setup(f, set_up)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(text),
        T(text_is_one_line),
        T(levels),
        T(nothing_is_formatted_when_off),
        T(plain_text),
        T(json),
        T(json_stays_valid_when_cut),
        T(json_stays_valid_with_many_fields),
        T(text_says_when_cut),
        T(journal),
        T(to_a_descriptor),
        T(nobody_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
