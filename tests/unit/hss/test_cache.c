// SPDX-License-Identifier: Apache-2.0
// What the worker remembers of subscribers never outlives what the store says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/mem.h"
#include "hss/cache.h"
#include "tests/common/subscribers.h"
#include "world.h"

#define ALICE "alice@" DOMAIN
#define ALICE_IMPU "sip:alice@" DOMAIN
#define ALICE_TEL "tel:+15550000001"

static uint64_t next_sqn_of(struct world *w, const char *impu, const char *key)
{
    uint8_t op[16], opc[16];
    struct aka *a;
    struct aka_vector v;
    uint64_t sqn = 0;
    struct cx_mar m = world_mar_of(ALICE, impu);
    struct reply r = world_mar(w, &m);
    expect_result(impu, r.result, DIA_SUCCESS, false);
    assert_int_equal(aka_new(&a), 0);
    assert_int_equal(str_unhex(STR(OP_HEX), op, 16), 0);
    assert_int_equal(aka_opc(a, (const uint8_t *)key, op, opc), 0);
    assert_int_equal(
        aka_answer(a, (const uint8_t *)key, opc, r.vectors[0].rand, r.vectors[0].autn, &v, &sqn),
        0);
    aka_free(a);
    return sqn;
}

static uint64_t next_sqn(struct world *w)
{
    return next_sqn_of(w, ALICE_IMPU, "alice-lab-key-01");
}

static void another_program(const struct world *w, const char *sql)
{
    char path[96];
    sqlite3 *db = NULL;
    world_path(w, "hss.db", path, sizeof(path));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void sqn_goes_on(void **state)
{
    (void)state;
    struct world w = {0};
    world_open(&w, true);
    uint64_t sqn = next_sqn(&w);
    for (int i = 0; i < 20; i++) {
        const char *impu = i % 3 ? ALICE_IMPU : ALICE_TEL; // the IMPI's SQN, whichever IMPU
        uint64_t next = next_sqn_of(&w, impu, "alice-lab-key-01");
        assert_int_equal(next, aka_sqn_next(sqn));
        sqn = next;
    }
    world_close(&w);
}

static void another_programs_write(void **state)
{
    (void)state;
    struct world w = {0};
    world_open_file(&w, true);
    (void)next_sqn(&w);
    (void)next_sqn(&w);
    another_program(&w, "UPDATE sqn SET sqn = 320000"
                        " WHERE impi_id = (SELECT id FROM impi WHERE impi = '" ALICE "')");
    assert_int_equal(next_sqn(&w), aka_sqn_next(320000));
    another_program(&w, "DELETE FROM impi WHERE impi = '" ALICE "'");
    struct cx_mar m = world_mar_of(ALICE, ALICE_IMPU);
    expect_result("deleted", world_mar(&w, &m).result, CX_ERROR_USER_UNKNOWN, true);
    world_close(&w);
    world_remove(&w);
}

static void provisioning(void **state)
{
    (void)state;
    struct world w = {0};
    char error[200] = "";
    size_t n = 0;
    const struct str barely =
        STR("impi,k_ascii,op,join\ncarol2@" DOMAIN ",carol2-lab-key-1," OP_HEX "," ALICE_IMPU "\n");
    const struct str wrong =
        STR("impi,k_ascii,op,join\n" ALICE ",alice-lab-key-02," OP_HEX "," ALICE_IMPU "\n");
    world_open(&w, true);
    uint64_t sqn = next_sqn(&w);
    assert_int_equal(subscribers_import(w.hss, barely, "new", error, sizeof(error), &n), 0);
    assert_int_equal(next_sqn(&w), aka_sqn_next(sqn));
    assert_int_not_equal(subscribers_import(w.hss, wrong, "again", error, sizeof(error), &n), 0);
    sqn = next_sqn(&w);
    assert_int_equal(next_sqn(&w), aka_sqn_next(sqn));
    world_close(&w);
}

// An S-CSCF that took over is the one that may resynchronise, and the old one is not.
static void server_name(void **state)
{
    (void)state;
    struct world w = {0};
    static const char auts[30] = "a RAND and an AUTS of no worth";
    world_open(&w, true);
    (void)next_sqn(&w);
    (void)next_sqn(&w);
    struct cx_mar other = world_mar_of(ALICE, ALICE_IMPU);
    other.server_name = STR(SCSCF2);
    expect_result("other", world_mar(&w, &other).result, DIA_SUCCESS, false);
    struct cx_sar dereg = world_sar_of(ALICE, ALICE_IMPU, CX_AUTHENTICATION_TIMEOUT);
    dereg.server_name = STR(SCSCF2);
    expect_result("end", world_sar(&w, &dereg).result, DIA_SUCCESS, false);
    struct cx_lir l = {.impu = STR(ALICE_IMPU), .originating = true};
    assert_false(world_lir(&w, &l).has_server_name);
    other.item.authorization = str_make(auts, sizeof(auts));
    expect_result("nobody's", world_mar(&w, &other).result, DIA_UNABLE_TO_COMPLY, false);
    (void)next_sqn(&w); // pending again, and its name again
    assert_true(world_lir(&w, &l).has_server_name);
    world_close(&w);
}

// ---- the table itself ----

static void put(struct hss_op *op, const char *impi, int64_t subscription)
{
    struct hss_sealed s = {.secret = STR("sealed"), .realm = STR("r"), .algorithm = STR("MD5")};
    op->facts = (struct hss_facts){.impi_id = 1,
                                   .subscription_id = subscription,
                                   .visited = STR("*"),
                                   .scscf_name = STR("sip:s")};
    hss_cache_put(op, str_from(impi), STR("sip:u"), &s);
}

static bool has(struct hss_op *op, const char *impi)
{
    struct hss_facts f;
    bool found = hss_cache_find(op, str_from(impi), STR("sip:u"), &f);
    if (found)
        assert_true(str_eq(f.visited, STR("*")) && str_eq(f.scscf_name, STR("sip:s")) &&
                    !f.mandatory.p && str_eq(hss_cache_sealed(op)->secret, STR("sealed")));
    return found;
}

static void bounded_and_versioned(void **state)
{
    (void)state;
    long live = mem_live();
    struct hss_ctx ctx = {.cache = hss_cache_new(2)};
    static struct hss_op op;
    op = (struct hss_op){.ctx = &ctx, .command = HSS_MAR};
    arena_init(&op.arena, op.memory, sizeof(op.memory));
    put(&op, "a", 1);
    put(&op, "b", 2);
    assert_true(has(&op, "a"));
    put(&op, "c", 3); // b was used longest ago
    assert_true(has(&op, "a") && has(&op, "c") && !has(&op, "b"));
    op.facts.subscription_id = 3;
    hss_cache_wrote(&op);
    assert_true(has(&op, "a") && !has(&op, "c"));
    op.facts.subscription_id = 1;
    assert_true(has(&op, "a"));
    hss_cache_sqn(&op, 77); // by the entry's own MAR
    assert_true(has(&op, "a"));
    assert_int_equal(hss_cache_sealed(&op)->sqn, 77);
    assert_false(has(&op, "z"));
    hss_cache_sqn(&op, 78); // by another's of the subscription
    assert_false(has(&op, "a"));
    put(&op, "a", 1);
    op.command = HSS_TASK;
    hss_cache_wrote(&op);
    assert_false(has(&op, "a"));
    mem_fail_after(0);
    put(&op, "m", 1);
    mem_fail_after(-1);
    assert_false(has(&op, "m"));
    arena_done(&op.arena);
    hss_cache_free(ctx.cache);
    assert_int_equal(mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sqn_goes_on),           cmocka_unit_test(another_programs_write),
        cmocka_unit_test(provisioning),          cmocka_unit_test(server_name),
        cmocka_unit_test(bounded_and_versioned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
