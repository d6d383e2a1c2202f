// SPDX-License-Identifier: Apache-2.0
// Stores that an older HSS has made: they are opened with what is in them, their identities get today's form
// (TS 23.003 13.4), and what is kept of registrations from now on has its place.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/uv.h"
#include "tests/common/subscribers.h"
#include "world.h"

static const struct str zeros[] = {STR_INIT("00")};
static const struct numbering plan = {.domain = STR_INIT(DOMAIN),
                                      .country_code = STR_INIT("49"),
                                      .national_prefix = STR_INIT("0"),
                                      .international_prefixes = zeros,
                                      .n_international = 1};
static struct numbering used; // by the HSS that is opened
static struct world w;
static char store[96], key[96];
static unsigned same, shared, renewed;

static void count_lines(void *arg, enum log_level level, struct str line)
{
    same += str_find(line, STR("is another one in an older spelling")) >= 0;
    shared += str_find(line, STR("may be meant by one number")) >= 0;
    renewed += str_find(line, STR("have today's form")) >= 0;
}

static void run(const char *sql)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    assert_int_equal(sqlite3_open(store, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

// One value as text, or "NULL".
static const char *value(const char *sql)
{
    static char text[256];
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_open(store, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    const unsigned char *t = sqlite3_column_text(st, 0);
    (void)snprintf(text, sizeof text, "%s", t ? (const char *)t : "NULL");
    sqlite3_finalize(st);
    sqlite3_close(db);
    return text;
}

static void open_hss(void)
{
    assert_int_equal(uvloop_new(&(struct uv_loop_params){0}, &w.loop), 0);
    struct hss_params p = {.loop = w.loop, .store_path = store, .key_file = key, .plan = &used};
    p.settings.restoration_size = 4096;
    assert_int_equal(hss_new(&p, &w.hss), 0);
}

// A store as the HSS of that schema left it, with identities in a set each.
static void make(size_t schema, const char *const *impus, size_t n)
{
    char text[400];
    strcpy(w.dir, "/tmp/carillon-hss-XXXXXX");
    assert_non_null(mkdtemp(w.dir));
    world_path(&w, "hss.db", store, sizeof store);
    world_path(&w, "hss.key", key, sizeof key);
    FILE *f = fopen(key, "w");
    assert_non_null(f);
    for (int i = 0; i < 64; i++)
        assert_int_equal(fputc('1', f), '1');
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(key, 0600), 0);
    for (size_t i = 0; i < schema; i++)
        run(hss_migrations[i]);
    (void)snprintf(text, sizeof text, "PRAGMA user_version=%zu", schema);
    run(text);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(text, sizeof text,
                       "INSERT INTO subscription(id) VALUES(%zu);"
                       "INSERT INTO impi(id, subscription_id, impi, scheme, secret, amf, realm, algorithm)"
                       " VALUES(%zu, %zu, 'u%zu@" DOMAIN "', 0, x'00', 0, '', '');"
                       "INSERT INTO sqn(impi_id, sqn) VALUES(%zu, 0);",
                       i + 1, i + 1, i + 1, i, i + 1);
        run(text);
        (void)snprintf(
            text, sizeof text,
            "INSERT INTO implicit_set(id, subscription_id) VALUES(%zu, %zu);"
            "INSERT INTO impi_set VALUES(%zu, %zu);"
            "INSERT INTO impu(id, set_id, position, impu, barred, profile_id) VALUES(%zu, %zu, 0, '%s', 0, 1);",
            i + 1, i + 1, i + 1, i + 1, i + 1, i + 1, impus[i]);
        run(text);
    }
    same = shared = renewed = 0;
    used = plan;
    log_set_sink(count_lines, NULL);
}

static void end(void)
{
    log_set_sink(NULL, NULL);
    world_close(&w);
    world_remove(&w);
}

static const char *refusal(const char *name, const char *impu)
{
    static char error[320];
    char text[400];
    size_t n;
    (void)snprintf(text, sizeof text,
                   "subscribers:\n  - {impi: '%s@" DOMAIN "', k_ascii: alice-lab-key-01, op: " OP_HEX
                   ", impus: '%s'}\n",
                   name, impu);
    return subscribers_import(w.hss, str_from(text), "f", error, sizeof error, &n) ? error : NULL;
}

static uint32_t called(const char *impu)
{
    struct cx_lir l = {.impu = str_from(impu), .originating = true};
    return world_lir(&w, &l).result.code;
}

static void identities_of_schema_2(void **state)
{
    static const char *const old[] = {
        "sip:alice@" DOMAIN, "sip:+4989777@" DOMAIN ";user=phone", "sip:7042@" DOMAIN,
        "SIP:Bob@" "IMS.mnc001.mcc001.3gppnetwork.org",
    };
    make(2, old, ARRAY_LEN(old));
    run("INSERT INTO registration(set_id, impi_id, state, pending) VALUES(2, 2, 1, 0), (1, 1, 1, 0)");
    open_hss();
    assert_string_equal(value("PRAGMA user_version"), "4");
    assert_string_equal(value("SELECT impu FROM impu WHERE id = 1"), "sip:alice@" DOMAIN);
    assert_string_equal(value("SELECT number FROM impu WHERE id = 1"), "NULL");
    assert_string_equal(value("SELECT impu FROM impu WHERE id = 2"), "tel:+4989777");
    assert_string_equal(value("SELECT impu FROM impu WHERE id = 3"), "sip:7042@" DOMAIN);
    assert_string_equal(value("SELECT number FROM impu WHERE id = 3"), "tel:7042;phone-context=" DOMAIN);
    assert_string_equal(value("SELECT impu FROM impu WHERE id = 4"), "sip:Bob@" DOMAIN);
    assert_string_equal(value("SELECT stale FROM registration WHERE set_id = 2"), "1"); // its S-CSCF has the old form
    assert_string_equal(value("SELECT stale FROM registration WHERE set_id = 1"), "0");
    assert_int_equal(renewed, 1);
    assert_int_equal(called("tel:+49-89-777"), CX_UNREGISTERED_SERVICE);
    assert_non_null(refusal("x", "tel:7042;phone-context=" DOMAIN));
    assert_null(refusal("y", "sip:y@" DOMAIN));
    world_close(&w);
    renewed = 0;
    open_hss(); // once is enough
    assert_int_equal(renewed, 0);
    end();
}

static void two_of_one_meaning(void **state)
{
    static const char *const old[] = {
        "tel:+4989777", "sip:+4989777@" DOMAIN ";user=phone", "sip:7042@" DOMAIN, "tel:7042;phone-context=" DOMAIN,
    };
    make(2, old, ARRAY_LEN(old));
    open_hss();
    assert_string_equal(value("SELECT impu FROM impu WHERE id = 2"), "sip:+4989777@" DOMAIN ";user=phone");
    assert_int_equal(same, 1);
    assert_true(shared >= 2);
    end();
}

// More than one transaction takes.
static void many(void **state)
{
    make(2, NULL, 0);
    run("INSERT INTO subscription(id) VALUES(1); INSERT INTO implicit_set(id, subscription_id) VALUES(1, 1);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
        " INSERT INTO impu(set_id, position, impu, barred, profile_id)"
        " SELECT 1, i, 'sip:+4930' || (10000 + i) || '@" DOMAIN ";user=phone', 0, 1 FROM n");
    open_hss();
    assert_string_equal(value("SELECT count(*) FROM impu WHERE impu LIKE 'tel:+4930%' AND number = impu"), "2500");
    end();
}

static void schema_3_keeps_its_registrations(void **state)
{
    static const char *const old[] = {"sip:alice@" DOMAIN};
    make(3, old, 1);
    run("UPDATE subscription SET scscf_name = '" SCSCF "';"
        "INSERT INTO registration(set_id, impi_id, state, pending) VALUES(1, 1, 1, 0)");
    open_hss();
    struct cx_restoration_contact c = {.path = STR("<sip:p>"), .contact = STR("<sip:c>")};
    struct cx_sar s = world_sar_of("u0@" DOMAIN, "sip:alice@" DOMAIN, CX_RE_REGISTRATION);
    s.restoration =
        (struct cx_restoration){.present = true, .impi = STR("u0@" DOMAIN), .contacts = &c, .n_contacts = 1};
    expect_result("RE_REGISTRATION", world_sar(&w, &s).result, DIA_SUCCESS, false);
    s = world_sar_of("u0@" DOMAIN, "sip:alice@" DOMAIN, CX_NO_ASSIGNMENT);
    assert_string_equal(world_sar(&w, &s).restored, "u0@" DOMAIN " <sip:c>");
    end();
}

// Another plan, other numbers; one that lacks something takes none away.
static void of_another_plan(void **state)
{
    static const char *const old[] = {"sip:089777@" DOMAIN, "sip:+4989778@" DOMAIN};
    make(2, old, ARRAY_LEN(old));
    open_hss();
    assert_string_equal(value("SELECT number FROM impu WHERE id = 1"), "tel:+4989777");
    world_close(&w);
    used.country_code = STR("43");
    open_hss();
    assert_string_equal(value("SELECT number FROM impu WHERE id = 1"), "tel:+4389777");
    assert_string_equal(value("SELECT number FROM impu WHERE id = 2"), "tel:+4989778");
    world_close(&w);
    used = (struct numbering){0};
    open_hss();
    assert_string_equal(value("SELECT number FROM impu WHERE id = 1"), "tel:+4389777");
    assert_string_equal(value("SELECT number FROM impu WHERE id = 2"), "tel:+4989778");
    world_close(&w);
    used = plan;
    open_hss();
    assert_string_equal(value("SELECT number FROM impu WHERE id = 1"), "tel:+4989777");
    world_close(&w);
    renewed = 0;
    open_hss();
    assert_int_equal(renewed, 0);
    end();
}

int main(void)
{
    log_set_level(LOG_INFO);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identities_of_schema_2),
        cmocka_unit_test(two_of_one_meaning),
        cmocka_unit_test(many),
        cmocka_unit_test(of_another_plan),
        cmocka_unit_test(schema_3_keeps_its_registrations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
