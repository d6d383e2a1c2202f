// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/config.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "tests/common/load.h"

enum color { RED, GREEN };

struct peer {
    struct str host;
    uint32_t weight;
    struct conf_strs tags;
};

struct example {
    struct str domain, greeting;
    bool strict;
    uint32_t timeout_ms, limit, size;
    int color;
    struct addr listen, optional;
    struct conf_strs names;
    struct conf_addrs servers;
    struct conf_table peers, none;
};

static const char *const colors[] = {"red", "green", NULL};
static const struct conf_row peer_rows[] = {
    {"host", CONF_STR, offsetof(struct peer, host), NULL, .help = "Name."},
    {"weight", CONF_U32, offsetof(struct peer, weight), "1", .min = 1, .max = 10, .help = "Share."},
    {"tags", CONF_STR_LIST, offsetof(struct peer, tags), "", .help = "Labels."},
    {0},
};
#define ROW(name, type, member, ...)                                                               \
    {                                                                                              \
        name, type, offsetof(struct example, member), __VA_ARGS__                                  \
    }
static const struct conf_row rows[] = {
    ROW("domain", CONF_STR, domain, NULL, .help = "Home domain."),
    ROW("greeting.text", CONF_STR, greeting, "hello: \"you\"", .help = "Said first."),
    ROW("greeting.strict", CONF_BOOL, strict, "false", .help = "Refuse others | all."),
    ROW("timer.request", CONF_U32, timeout_ms, "500", 10, 60000, .unit = "ms", .help = "Wait."),
    ROW("limit", CONF_U32, limit, "7", .help = "Unbounded."),
    ROW("size", CONF_U32, size, "1", .min = 1, .max = 64, .unit = "KiB", .help = "Buffer."),
    ROW("color", CONF_ENUM, color, "green", .values = colors, .help = "Paint."),
    ROW("sip.listen", CONF_ADDR, listen, "127.0.0.1:5080", 5060, .help = "Address."),
    ROW("http.listen", CONF_ADDR, optional, "", 9090, .help = "Off when empty."),
    ROW("names", CONF_STR_LIST, names, "[a, 'b c']", .help = "Names."),
    ROW("dns.servers", CONF_ADDR_LIST, servers, "", 53, .help = "Servers."),
    ROW("peers", CONF_TABLE, peers, "[{host: default.test}]", .min = 1, .sub = peer_rows,
        .sub_size = sizeof(struct peer), .help = "Peers."),
    ROW("none", CONF_TABLE, none, "", .sub = peer_rows, .sub_size = sizeof(struct peer)),
    {0},
};

static int load(const char *yaml, struct example *e, char *error, struct conf **c)
{
    return load_text(str_from(yaml), "x.yaml", rows, e, error, 2048, c);
}

static void silent(void *arg, enum log_level level, struct str line)
{
    (void)arg, (void)level, (void)line;
}

static int quiet(void **state)
{
    (void)state;
    log_set_sink(silent, NULL);
    return 0;
}

static void assert_str(struct str got, const char *want)
{
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.p, want, got.n);
}

static void assert_addr(const struct addr *a, const char *want)
{
    char buf[ADDR_TEXT_MAX];
    assert_str(addr_text(a, buf), want);
}

static void defaults(void **state)
{
    (void)state;
    struct example e;
    struct conf *c;
    char error[2048];
    memset(&e, 0xa5, sizeof e);
    assert_int_equal(load("domain: home.test", &e, error, &c), 0);
    assert_string_equal(error, "");
    assert_str(e.domain, "home.test");
    assert_str(e.greeting, "hello: \"you\"");
    assert_false(e.strict);
    assert_int_equal(e.timeout_ms, 500);
    assert_int_equal(e.color, GREEN);
    assert_addr(&e.listen, "127.0.0.1:5080");
    assert_int_equal(e.optional.sa.sa_family, 0);
    assert_int_equal(e.names.n, 2);
    assert_str(e.names.v[1], "b c");
    assert_int_equal(e.servers.n, 0);
    assert_int_equal(e.none.n, 0);
    assert_int_equal(e.peers.n, 1);
    const struct peer *p = e.peers.v;
    assert_str(p->host, "default.test");
    assert_int_equal(p->weight, 1);
    conf_free(c);
}

// RFC 3261 25.1: a host of a URI or of Via is an IPv6 reference.
static void hosts_of_ip6(void **state)
{
    static const struct conf_row hosts[] = {
        ROW("domain", CONF_STR, domain, "", .form = CONF_FORM_HOST, .help = "One."),
        ROW("names", CONF_STR_LIST, names, "[]", .form = CONF_FORM_HOST, .help = "Several."),
        {0},
    };
    (void)state;
    struct example e;
    struct conf *c;
    char error[2048];
    const char *yaml = "domain: \"2001:db8::1\"\nnames: [\"[2001:db8::2]\", \"::1\", 192.0.2.1, a.example]\n";
    assert_int_equal(load_text(str_from(yaml), "x.yaml", hosts, &e, error, sizeof error, &c), 0);
    assert_str(e.domain, "[2001:db8::1]");
    assert_str(e.names.v[0], "[2001:db8::2]");
    assert_str(e.names.v[1], "[::1]");
    assert_str(e.names.v[2], "192.0.2.1");
    assert_str(e.names.v[3], "a.example");
    conf_free(c);
}

static void given(void **state)
{
    (void)state;
    struct example e;
    struct conf *c;
    char error[2048];
    const char *yaml = "domain: &d home.test\n"
                       "greeting: {text: \"\", strict: yes}\n"
                       "timer:\n  request: 3 s\n"
                       "limit: 4294967295\nsize: 2048 bytes\ncolor: red\n"
                       "sip.listen: 127.0.1.10\n"
                       "http: {listen: \"[::1]:80\"}\n"
                       "names: []\n"
                       "dns: {servers: [127.0.1.53:10053, \"::1\"]}\n"
                       "peers:\n  - host: *d\n    weight: 10\n    tags: [x]\n  - {host: b}\n";
    assert_int_equal(load(yaml, &e, error, &c), 0);
    assert_str(e.greeting, "");
    assert_true(e.strict);
    assert_int_equal(e.timeout_ms, 3000);
    assert_int_equal(e.limit, UINT32_MAX);
    assert_int_equal(e.size, 2);
    assert_int_equal(e.color, RED);
    assert_addr(&e.listen, "127.0.1.10:5060");
    assert_addr(&e.optional, "[::1]:80");
    assert_int_equal(e.names.n, 0);
    assert_int_equal(e.servers.n, 2);
    assert_addr(&e.servers.v[0], "127.0.1.53:10053");
    assert_addr(&e.servers.v[1], "[::1]:53");
    assert_int_equal(e.peers.n, 2);
    const struct peer *p = e.peers.v;
    assert_str(p[0].host, "home.test");
    assert_int_equal(p[0].weight, 10);
    assert_str(p[0].tags.v[0], "x");
    assert_str(p[1].host, "b");
    assert_int_equal(p[1].weight, 1);
    conf_free(c);
}

#define D "domain: d\n"
static const struct {
    const char *yaml, *error;
} bad[] = {
    {"", "x.yaml: domain: required, but not given"},
    {"# nothing\n", "x.yaml: domain: required, but not given"},
    {"domain: \"\"", "x.yaml:1: domain: may not be empty"},
    {"domain:\n", "x.yaml:1: domain: has no value"},
    {"domain: ~\n", "x.yaml:1: domain: has no value"},
    {"domain: \"a\\0b\"", "x.yaml:1: domain: may not contain a NUL character"},
    {"domain: [a]", "x.yaml:1: domain: expected one value, found a list"},
    {"domain: {a: b}", "x.yaml:1: domain: expected one value, found a mapping"},
    {D "domani: e", "x.yaml:2: domani: unknown option; the nearest known one is domain"},
    {D "greeting:\n  strickt: true",
     "x.yaml:3: greeting.strickt: unknown option; the nearest known one is greeting.strict"},
    {D "timers: {request: 1}",
     "x.yaml:2: timers: unknown option; the nearest known one is timer.request"},
    {D "listen: ::1", "x.yaml:2: listen: unknown option; the nearest known one is sip.listen"},
    {D "timer: 5", "x.yaml:2: timer: expected options below it, such as timer.request"},
    {D "limit: 1\nlimit: 2", "x.yaml:3: limit: given twice, first in line 2"},
    {D "timer.request: 20\ntimer: {request: 20}",
     "x.yaml:3: timer.request: given twice, first in line 2"},
    {D "greeting: {strict: maybe}",
     "x.yaml:2: greeting.strict: expected true or false, found \"maybe\""},
    {D "timer: {request: 9}", "x.yaml:2: timer.request: must be from 10 to 60000 ms, found 9"},
    {D "timer: {request: 2 min}",
     "x.yaml:2: timer.request: must be from 10 to 60000 ms, found 2 min"},
    {D "timer: {request: 3 parsec}",
     "x.yaml:2: timer.request: expected a whole number (of ms, or with a unit: ms, s, min, h), found \"3 parsec\""},
    {D "timer: {request: 3 kB}",
     "x.yaml:2: timer.request: expected a whole number (of ms, or with a unit: ms, s, min, h), found \"3 kB\""},
    {D "limit: -1", "x.yaml:2: limit: expected a whole number, found \"-1\""},
    {D "limit: 1 s", "x.yaml:2: limit: expected a whole number, found \"1 s\""},
    {D "limit: 4294967296", "x.yaml:2: limit: must be from 0 to 4294967295, found 4294967296"},
    {D "limit: 99999999999999999999",
     "x.yaml:2: limit: must be from 0 to 4294967295, found 99999999999999999999"},
    {D "size: 1000 bytes", "x.yaml:2: size: 1000 bytes is not a whole number of KiB"},
    {D "color: blue", "x.yaml:2: color: expected one of red, green; found \"blue\""},
    {D "sip: {listen: localhost}", "x.yaml:2: sip.listen: expected an IP address with or without "
                                   "a port, found \"localhost\" (a name is not looked up here)"},
    {D "sip: {listen: 127.0.0.1:65536}", "x.yaml:2: sip.listen: expected an IP address with or "
                                         "without a port, found \"127.0.0.1:65536\" (its port must be from 1 to "
                                         "65535)"},
    {D "names: a", "x.yaml:2: names: expected a list, found \"a\"; write [a]"},
    {D "names: {a: b}", "x.yaml:2: names: expected a list, found a mapping"},
    {D "names: [a, [b]]", "x.yaml:2: names[2]: expected one value, found a list"},
    {D "names: [a, \"\"]", "x.yaml:2: names[2]: may not be empty"},
    {D "dns.servers:\n- 127.0.0.1\n- x", "x.yaml:4: dns.servers[2]: expected an IP address with or "
                                         "without a port, found \"x\" (a name is not looked up here)"},
    {D "peers: []", "x.yaml:2: peers: needs at least 1 entry, found 0"},
    {D "peers:\n  - host: a\n  - weight: 2", "x.yaml:4: peers[2].host: required, but not given"},
    {D "peers:\n  - a", "x.yaml:3: peers[1]: expected options, such as \"host: ...\""},
    {D "peers:\n  - {host: a, wieght: 2}",
     "x.yaml:3: peers[1].wieght: unknown option; the nearest known one is peers[1].weight"},
    {D "peers:\n  - {host: a, weight: 11}",
     "x.yaml:3: peers[1].weight: must be from 1 to 10, found 11"},
    {D "peers:\n  - &p {host: a, tags: *p}",
     "x.yaml:3: peers[1].tags: expected a list, found a mapping"},
    {"- a\n- b", "x.yaml:1: expected options, such as \"domain: ...\""},
    {D "? [a]\n: b", "x.yaml:2: expected the name of an option"},
    {D "names: [a", "x.yaml:2: while parsing a flow sequence (begun in line 2), did not find "
                    "expected ',' or ']'"},
    {D "\tlimit: 2", "x.yaml:2: while scanning a plain scalar (begun in line 1), found a tab "
                     "character that violates indentation"},
    {D "limit: *nobody", "x.yaml:2: found undefined alias"},
    {D "---\nlimit: 2", "x.yaml:3: a second document begins here; there can be one only"},
    {"domain: \xff\n", "x.yaml: invalid leading UTF-8 octet at byte 8"},
    {"limit: x\ncolor: y", "x.yaml:1: limit: expected a whole number, found \"x\"\n"
                           "x.yaml:2: color: expected one of red, green; found \"y\"\n"
                           "x.yaml: domain: required, but not given"},
};

static void errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct example e;
        struct conf *c = NULL;
        char error[2048];
        long before = mem_live();
        assert_int_equal(load(bad[i].yaml, &e, error, &c), ERR_BAD);
        assert_string_equal(error, bad[i].error);
        assert_null(c);
        assert_int_equal(mem_live(), before);
    }
}

static void too_many(void **state)
{
    (void)state;
    struct example e;
    struct conf *c = NULL;
    char yaml[4096] = D, error[64];
    for (int i = 0; i < 150; i++)
        (void)snprintf(yaml + strlen(yaml), sizeof yaml - strlen(yaml), "wrong%d: 1\n", i);
    assert_int_equal(load_text(str_from(yaml), "x.yaml", rows, &e, error, sizeof error, &c),
                     ERR_BAD);
    assert_int_equal(strlen(error), sizeof error - 1);
    assert_int_equal(load_text(str_from(yaml), "x.yaml", rows, &e, NULL, 0, &c), ERR_BAD);
}

static void files(void **state)
{
    (void)state;
    struct example e;
    struct conf *c = NULL;
    char error[256], path[] = "/tmp/carillon-conf-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, D "limit: 9\n", 19), 19);
    close(fd);
    assert_int_equal(load_file(path, rows, &e, error, sizeof error, &c), 0);
    assert_int_equal(e.limit, 9);
    conf_free(c);
    unlink(path);
    char want[256];
    (void)snprintf(want, sizeof want, "%s: No such file or directory", path);
    assert_int_equal(load_file(path, rows, &e, error, sizeof error, &c), ERR_IO);
    assert_string_equal(error, want);
    assert_int_equal(load_file("/", rows, &e, error, sizeof error, &c), ERR_IO);
    assert_string_equal(error, "/: Is a directory");
}

// Allocation n fails, for every n until loading succeeds: ERR_NOMEM each time, nothing left over.
static void no_memory(void **state)
{
    (void)state;
    long before = mem_live();
    for (long n = 0;; n++) {
        struct example e;
        struct conf *c = NULL;
        mem_fail_after(n);
        int err = load(D "peers: [{host: a}, {host: b}]", &e, NULL, &c);
        mem_fail_after(-1);
        conf_free(c);
        assert_int_equal(mem_live(), before);
        if (!err) {
            assert_true(n > 2);
            return;
        }
        assert_int_equal(err, ERR_NOMEM);
    }
}

struct shown {
    char text[4096];
};

static void append(void *arg, struct str line)
{
    struct shown *s = arg;
    size_t n = strlen(s->text);
    (void)snprintf(s->text + n, sizeof s->text - n, "%.*s\n", STR_ARG(line));
}

// What `config show` prints is itself a configuration with the same meaning.
static void show_round_trip(void **state)
{
    (void)state;
    struct example e, again;
    struct conf *c, *c2;
    struct shown first = {""}, second = {""};
    const char *yaml = D "greeting.text: \"a \\\"quoted\\\" \\x01 \\\\ text\"\n"
                         "peers: [{host: a, tags: [x, y]}, {host: b}]\n"
                         "dns: {servers: [\"::1\"]}";
    assert_int_equal(load(yaml, &e, NULL, &c), 0);
    conf_show(rows, &e, append, &first);
    char error[2048];
    int err = load(first.text, &again, error, &c2);
    assert_string_equal(error, "");
    assert_int_equal(err, 0);
    conf_show(rows, &again, append, &second);
    assert_string_equal(first.text, second.text);
    assert_non_null(strstr(first.text, "timer.request: 500 ms\n"));
    assert_non_null(strstr(first.text, "peers:\n  -\n    host: \"a\"\n    weight: 1\n"));
    conf_free(c);
    conf_free(c2);
}

static void secrets(void **state)
{
    (void)state;
    static const struct conf_row secret[] = {
        {"password", CONF_STR, 0, NULL, .secret = true},
        {0},
    };
    struct str value;
    struct conf *c;
    struct shown s = {""};
    assert_int_equal(load_text(STR("password: s3cret"), "x", secret, &value, NULL, 0, &c), 0);
    conf_show(secret, &value, append, &s);
    assert_string_equal(s.text, "password: \"(not shown)\"\n");
    conf_free(c);
}

static void note(void *arg, const char *option)
{
    char *names = arg;
    strcat(names, option);
    strcat(names, " ");
}

// Which fixed options differ between the defaults and yaml.
static void changes(const char *yaml, const char *want)
{
    struct conf_row fixed[ARRAY_LEN(rows)];
    struct example was, is;
    struct conf *c, *d;
    char error[2048], names[256] = "", text[256];
    memset(&was, 0xa5, sizeof was);
    memset(&is, 0x5a, sizeof is);
    (void)snprintf(text, sizeof text, "domain: home.test\n%s", yaml);
    assert_int_equal(load("domain: home.test", &was, error, &c), 0);
    assert_int_equal(load(text, &is, error, &d), 0);
    memcpy(fixed, rows, sizeof rows);
    conf_fixed_changes(fixed, &was, &is, note, names);
    assert_string_equal(names, "");
    for (size_t i = 0; rows[i].name; i++)
        fixed[i].fixed = true;
    conf_fixed_changes(fixed, &was, &is, note, names);
    assert_string_equal(names, want);
    conf_free(c);
    conf_free(d);
}

static void fixed_changes(void **state)
{
    (void)state;
    changes("", "");
    changes("greeting.text: x", "greeting.text ");
    changes("greeting.strict: true", "greeting.strict ");
    changes("timer.request: 1 s\nlimit: 7", "timer.request ");
    changes("color: red", "color ");
    changes("sip.listen: 127.0.0.1:5081", "sip.listen ");
    changes("http.listen: 127.0.0.1", "http.listen ");
    changes("names: [a, b]", "names ");
    changes("names: [a]", "names ");
    changes("dns.servers: [127.0.0.1]", "dns.servers ");
    changes("peers: [{host: other.test}]", "peers ");
    changes("peers: [{host: default.test, tags: [x]}]", "peers ");
    changes("peers: [{host: default.test, weight: 1}]", "");
    changes("none: [{host: a}]", "none ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),        cmocka_unit_test(given),   cmocka_unit_test(errors),
        cmocka_unit_test(hosts_of_ip6),
        cmocka_unit_test(too_many),        cmocka_unit_test(files),   cmocka_unit_test(no_memory),
        cmocka_unit_test(fixed_changes),
        cmocka_unit_test(show_round_trip), cmocka_unit_test(secrets),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
