// SPDX-License-Identifier: Apache-2.0
// Two HSSs with one store: whatever one of them has written counts for the other at once, and nothing that one
// remembers outlives it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/err.h"
#include "base/mem.h"
#include "tests/common/subscribers.h"
#include "world.h"

#define ALICE "alice@" DOMAIN
#define ALICE_IMPU "sip:alice@" DOMAIN
#define ALICE_TEL "tel:+15550000001"

struct two {
    struct world a, b;
};

static void open_two(struct two *t)
{
    *t = (struct two){.a.shared = true};
    world_open_file(&t->a, true);
    t->b.shared = true;
    memcpy(t->b.dir, t->a.dir, sizeof t->b.dir);
    world_open_file(&t->b, false);
}

static void close_two(struct two *t)
{
    world_close(&t->b);
    world_close(&t->a);
    world_remove(&t->a);
}

static uint64_t sqn_of(const struct aka_vector *v)
{
    static const uint8_t k[16] = "alice-lab-key-01";
    uint8_t op[16], opc[16];
    struct aka_vector answer;
    struct aka *a;
    uint64_t sqn = 0;
    assert_int_equal(aka_new(&a), 0);
    assert_int_equal(str_unhex(STR(OP_HEX), op, 16), 0);
    assert_int_equal(aka_opc(a, k, op, opc), 0);
    assert_int_equal(aka_answer(a, k, opc, v->rand, v->autn, &answer, &sqn), 0);
    aka_free(a);
    return sqn;
}

static uint64_t challenge(struct world *w, const char *impu)
{
    struct cx_mar m = world_mar_of(ALICE, impu);
    struct reply r = world_mar(w, &m);
    expect_result("MAR", r.result, DIA_SUCCESS, false);
    return sqn_of(&r.vectors[0]);
}

static void take(struct world *w, const char *name, enum cx_sar_type type)
{
    struct cx_sar s = world_sar_of(ALICE, ALICE_IMPU, type);
    s.server_name = str_from(name);
    expect_result("SAR", world_sar(w, &s).result, DIA_SUCCESS, false);
}

static struct reply where(struct world *w)
{
    struct cx_lir l = {.impu = STR(ALICE_IMPU)};
    return world_lir(w, &l);
}

// Asked by turns, twice in a row, and for another identity of the set.
static void no_sqn_twice(void **state)
{
    (void)state;
    struct two t;
    uint64_t last = 0;
    open_two(&t);
    for (unsigned i = 0; i < 40; i++) {
        uint64_t sqn = challenge(i * 7 % 5 < 2 ? &t.a : &t.b, i % 3 ? ALICE_IMPU : ALICE_TEL);
        assert_true(!last || sqn == aka_sqn_next(last));
        last = sqn;
    }
    assert_true(hss_stats(t.a.hss)->foreign_writes > 5);
    close_two(&t);
}

static void state_of_a_registration(void **state)
{
    (void)state;
    struct two t;
    open_two(&t);
    (void)challenge(&t.a, ALICE_IMPU); // a remembers: pending, assigned to SCSCF
    assert_string_equal(where(&t.b).server_name, "");
    take(&t.b, SCSCF, CX_REGISTRATION);
    assert_string_equal(where(&t.a).server_name, SCSCF);
    assert_string_equal(where(&t.b).server_name, SCSCF);
    (void)challenge(&t.a, ALICE_IMPU); // registered: nothing is pending by it
    take(&t.b, SCSCF, CX_USER_DEREGISTRATION);
    expect_result("gone", where(&t.a).result, CX_ERROR_IDENTITY_NOT_REGISTERED, true);
    struct cx_mar m = world_mar_of(ALICE, ALICE_IMPU);
    m.server_name = STR(SCSCF2); // nobody is assigned, says b
    expect_result("MAR", world_mar(&t.a, &m).result, DIA_SUCCESS, false);
    take(&t.b, SCSCF2, CX_REGISTRATION);
    assert_string_equal(where(&t.a).server_name, SCSCF2);
    struct cx_sar s = world_sar_of(ALICE, ALICE_IMPU, CX_REGISTRATION);
    expect_result("another's", world_sar(&t.a, &s).result, CX_ERROR_IDENTITY_ALREADY_REGISTERED, true);
    close_two(&t);
}

static void provisioning(void **state)
{
    (void)state;
    const struct str anew =
        STR("impi,k_ascii,op,impus\n" ALICE ",alice-lab-key-01," OP_HEX "," ALICE_IMPU "\n");
    struct two t;
    char error[200] = "";
    size_t n = 0;
    open_two(&t);
    uint64_t sqn = challenge(&t.a, ALICE_TEL);
    assert_int_not_equal(subscribers_import(t.b.hss, anew, "anew", error, sizeof error, &n), 0);
    assert_int_equal(challenge(&t.a, ALICE_TEL), aka_sqn_next(sqn));
    sqlite3 *db = NULL; // as `subscriber delete` at the other one does
    char path[96];
    world_path(&t.b, "hss.db", path, sizeof path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DELETE FROM impi WHERE impi = '" ALICE "'", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    struct cx_mar m = world_mar_of(ALICE, ALICE_TEL);
    expect_result("deleted", world_mar(&t.a, &m).result, CX_ERROR_USER_UNKNOWN, true);
    expect_result("deleted", world_mar(&t.b, &m).result, CX_ERROR_USER_UNKNOWN, true);
    close_two(&t);
}

// A store that does not share itself is one HSS's: what the first one remembers is right for that reason too.
static void uninvited(void **state)
{
    (void)state;
    struct world alone = {0}, other = {.shared = true};
    char store[96], key[96];
    world_open_file(&alone, true);
    memcpy(other.dir, alone.dir, sizeof other.dir);
    struct hss_params p = world_params(&other, store, key, sizeof store);
    p.loop = alone.loop;
    struct hss *h = NULL;
    assert_int_equal(hss_new(&p, &h), ERR_INUSE);
    p.store_shared = false;
    assert_int_equal(hss_new(&p, &h), ERR_INUSE);
    assert_null(h);
    world_close(&alone);
    world_remove(&alone);
}

// Who keeps the store for longer than others wait (an import) makes them busy, not broken: the S-CSCF asks another one.
static void the_other_writes_for_long(void **state)
{
    (void)state;
    struct two t;
    sqlite3 *db = NULL;
    char path[96];
    open_two(&t);
    uint64_t sqn = challenge(&t.a, ALICE_IMPU);
    world_path(&t.a, "hss.db", path, sizeof path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct cx_mar m = world_mar_of(ALICE, ALICE_IMPU);
    expect_result("busy", world_mar(&t.a, &m).result, DIA_TOO_BUSY, false);
    assert_int_equal(hss_stats(t.a.hss)->shed[HSS_MAR], 1);
    assert_int_equal(where(&t.a).result.code, CX_ERROR_IDENTITY_NOT_REGISTERED); // reading goes on
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(challenge(&t.b, ALICE_IMPU), aka_sqn_next(sqn));
    close_two(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_sqn_twice), cmocka_unit_test(state_of_a_registration),
        cmocka_unit_test(provisioning), cmocka_unit_test(uninvited),
        cmocka_unit_test(the_other_writes_for_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
