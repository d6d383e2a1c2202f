// SPDX-License-Identifier: Apache-2.0
// TS 35.207 and TS 35.208 vectors, SQN of TS 33.102 annex C, challenge and resynchronisation.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"
#include "ims/aka_priv.h"

static struct aka *aka;

static int setup(void **state)
{
    (void)state;
    return aka_new(&aka);
}

static int teardown(void **state)
{
    (void)state;
    aka_free(aka);
    return mem_live() == 0 ? 0 : -1;
}

static void field(json_t *set, const char *name, void *bytes, size_t n)
{
    const char *hex = json_string_value(json_object_get(set, name));
    assert_non_null(hex);
    assert_int_equal(str_unhex(str_from(hex), bytes, n), 0);
}

#define EXPECT(set, name, got)                                                                     \
    do {                                                                                           \
        uint8_t want_[sizeof(got)];                                                                \
        field((set), (name), want_, sizeof(want_));                                                \
        assert_memory_equal((got), want_, sizeof(want_));                                          \
    } while (0)

static void one_set(json_t *set)
{
    uint8_t k[16], op[16], rand[16], opc[16], sqn_bytes[6], amf[2];
    field(set, "k", k, 16);
    field(set, "op", op, 16);
    field(set, "rand", rand, 16);
    field(set, "sqn", sqn_bytes, 6);
    field(set, "amf", amf, 2);
    uint64_t sqn = 0;
    for (size_t i = 0; i < 6; i++)
        sqn = sqn << 8 | sqn_bytes[i];
    assert_int_equal(aka_opc(aka, k, op, opc), 0);
    EXPECT(set, "opc", opc);
    struct milenage m;
    assert_int_equal(aka_milenage(aka, k, opc, rand, sqn, amf, &m), 0);
    EXPECT(set, "f1", m.mac_a);
    EXPECT(set, "f1star", m.mac_s);
    EXPECT(set, "f2", m.res);
    EXPECT(set, "f3", m.ck);
    EXPECT(set, "f4", m.ik);
    EXPECT(set, "f5", m.ak);
    EXPECT(set, "f5star", m.ak_s);
}

static void published_vectors(void **state)
{
    (void)state;
    json_error_t e;
    json_t *doc = json_load_file(VECTORS "/milenage.json", 0, &e);
    assert_non_null(doc);
    json_t *sets = json_object_get(doc, "sets"), *set;
    size_t i;
    assert_int_equal(json_array_size(sets), 19);
    json_array_foreach(sets, i, set) one_set(set);
    one_set(json_object_get(doc, "ts35207_set2_implementers"));
    json_decref(doc);
}

static const uint8_t key[16] = "alice-lab-key-01";
static const uint8_t op[16] = {0xcd, 0xc2, 0x02, 0xd5, 0x12, 0x3e, 0x20, 0xf6,
                               0x2b, 0x6d, 0x67, 0x6a, 0xc7, 0x2c, 0xb3, 0x18};
static const uint8_t amf_ims[2] = {0x80, 0};

static void challenge_and_answer(void **state)
{
    (void)state;
    uint8_t opc[16], rand[16] = {0};
    assert_int_equal(aka_opc(aka, key, op, opc), 0);
    bool zero_in_res = false;
    for (unsigned i = 0; i < 1000; i++) {
        rand[0] = (uint8_t)i;
        rand[1] = (uint8_t)(i >> 8);
        struct aka_vector net, ue;
        uint64_t sqn = aka_sqn_next(i * 77), got = 0;
        assert_int_equal(aka_generate(aka, key, opc, rand, sqn, amf_ims, &net), 0);
        assert_int_equal(aka_answer(aka, key, opc, rand, net.autn, &ue, &got), 0);
        assert_int_equal(got, sqn);
        assert_memory_equal(&net, &ue, sizeof(net));
        zero_in_res = zero_in_res || memchr(net.xres, 0, sizeof(net.xres));
        net.autn[i % 16] ^= 1;
        assert_int_equal(aka_answer(aka, key, opc, rand, net.autn, &ue, &got), ERR_AUTH);
    }
    assert_true(zero_in_res);
}

static void other_key_is_refused(void **state)
{
    (void)state;
    uint8_t opc[16], rand[16] = {7}, wrong[16];
    memcpy(wrong, key, 16);
    wrong[15] ^= 1;
    assert_int_equal(aka_opc(aka, key, op, opc), 0);
    struct aka_vector v;
    uint64_t sqn;
    assert_int_equal(aka_generate(aka, key, opc, rand, 33, amf_ims, &v), 0);
    assert_int_equal(aka_answer(aka, wrong, opc, rand, v.autn, &v, &sqn), ERR_AUTH);
    assert_int_equal(aka_generate(aka, key, opc, rand, 33, amf_ims, &v), 0);
    assert_int_equal(aka_answer(aka, key, op, rand, v.autn, &v, &sqn), ERR_AUTH);
}

static void resynchronisation(void **state)
{
    (void)state;
    uint8_t opc[16], rand[16] = {1, 2, 3}, auts[14];
    assert_int_equal(aka_opc(aka, key, op, opc), 0);
    const uint64_t values[] = {0, 31, 0x123456789abc, (UINT64_C(1) << 48) - 1};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        uint64_t got = 1;
        assert_int_equal(aka_auts(aka, key, opc, rand, values[i], auts), 0);
        assert_int_equal(aka_auts_check(aka, key, opc, rand, auts, &got), 0);
        assert_int_equal(got, values[i]);
        for (size_t b = 0; b < sizeof(auts); b++) {
            auts[b] ^= 0x10;
            assert_int_equal(aka_auts_check(aka, key, opc, rand, auts, &got), ERR_AUTH);
            auts[b] ^= 0x10;
        }
        uint8_t other[16] = {1, 2, 4};
        assert_int_equal(aka_auts_check(aka, key, opc, other, auts, &got), ERR_AUTH);
    }
}

// TS 33.102 C.1.1.1, C.1.2: SEQ and IND both step; IND wraps at 32, SQN at 48 bits.
static void sqn_steps(void **state)
{
    (void)state;
    assert_int_equal(aka_sqn_next(0), 1 << 5 | 1);
    assert_int_equal(aka_sqn_next(1 << 5 | 31), 2 << 5 | 0);
    assert_int_equal(aka_sqn_next((UINT64_C(1) << 48) - 1), 0);
    uint64_t sqn = 0;
    for (unsigned i = 0; i < 100; i++)
        sqn = aka_sqn_next(sqn);
    assert_int_equal(sqn, 100 << 5 | 100 % 32);
}

// TS 33.102 C.2.2
static void usim_window(void **state)
{
    (void)state;
    struct aka_usim u = {0};
    uint64_t sqn[40], s = 0;
    for (size_t i = 0; i < ARRAY_LEN(sqn); i++)
        sqn[i] = s = aka_sqn_next(s);
    assert_true(aka_usim_accept(&u, sqn[3], 0));
    assert_false(aka_usim_accept(&u, sqn[3], 0));
    assert_true(aka_usim_accept(&u, sqn[1], 0)); // out of order, own IND: fresh
    assert_int_equal(aka_usim_highest(&u), sqn[3]);
    assert_true(aka_usim_accept(&u, sqn[35], 0)); // the IND of sqn[3] again
    assert_false(aka_usim_accept(&u, sqn[3], 0));
    assert_int_equal(aka_usim_highest(&u), sqn[35]);
    uint64_t seq = sqn[35] >> AKA_IND_BITS;
    assert_false(aka_usim_accept(&u, (seq + 11) << AKA_IND_BITS, 10));
    assert_true(aka_usim_accept(&u, (seq + 10) << AKA_IND_BITS, 10));
    uint64_t high = seq + 10 + (UINT64_C(1) << 28);
    assert_false(aka_usim_accept(&u, (high + 1) << AKA_IND_BITS, 0));
    assert_true(aka_usim_accept(&u, high << AKA_IND_BITS, 0));
}

// A network that lost its SQN gets back in step with what the AUTS says.
static void resynchronised_sqn_is_accepted(void **state)
{
    (void)state;
    struct aka_usim u = {0};
    uint8_t opc[16], rand[16] = {9}, auts[14];
    assert_int_equal(aka_opc(aka, key, op, opc), 0);
    uint64_t sqn = 5000 << AKA_IND_BITS | 3, ms = 0;
    assert_true(aka_usim_accept(&u, sqn, 0));
    for (unsigned i = 0; i < 32; i++)
        assert_true(aka_usim_accept(&u, sqn = aka_sqn_next(sqn), 0));
    assert_false(aka_usim_accept(&u, aka_sqn_next(0), 0));
    assert_int_equal(aka_auts(aka, key, opc, rand, aka_usim_highest(&u), auts), 0);
    assert_int_equal(aka_auts_check(aka, key, opc, rand, auts, &ms), 0);
    assert_true(aka_usim_accept(&u, aka_sqn_next(ms), 0));
}

static void out_of_memory(void **state)
{
    (void)state;
    struct aka *none = NULL;
    mem_fail_after(0);
    assert_int_equal(aka_new(&none), ERR_NOMEM);
    mem_fail_after(-1);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(challenge_and_answer),
        cmocka_unit_test(other_key_is_refused),
        cmocka_unit_test(resynchronisation),
        cmocka_unit_test(sqn_steps),
        cmocka_unit_test(usim_window),
        cmocka_unit_test(resynchronised_sqn_is_accepted),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
