// SPDX-License-Identifier: Apache-2.0
// The charging identifier that a UE carries: not readable, not changed, not for another dialog.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "pcscf/icid.h"

static struct keyring ring, other_ring;
static struct token_key key = {.ring = &ring}, other = {.ring = &other_ring};

static int make_rings(void **state)
{
    (void)state;
    ring = keyring_make(&(struct keyring_seed){.first = {2}, .id = 1}, 0);
    other_ring = keyring_make(&(struct keyring_seed){.first = {3}, .id = 1}, 0);
    return 0;
}

static void opens_what_was_sealed(void **state)
{
    char longest[ICID_MAX + 1];
    struct arena a;
    (void)state;
    arena_init(&a, NULL, 0);
    memset(longest, 'x', sizeof longest);
    for (size_t n = 1; n <= ICID_MAX; n++) {
        struct str icid = str_make(longest, n), sealed = icid_seal(&key, &a, icid, STR("call"));
        assert_int_equal(str_find(sealed, STR("78787878")), -1);
        assert_true(str_eq(icid_open(&key, &a, sealed, STR("call")), icid));
        assert_null(icid_open(&key, &a, sealed, STR("other")).p);
        assert_null(icid_open(&other, &a, sealed, STR("call")).p);
    }
    assert_null(icid_seal(&key, &a, str_make(longest, ICID_MAX + 1), STR("call")).p);
    assert_null(icid_seal(&key, &a, STR(""), STR("call")).p);
    arena_done(&a);
}

static void nothing_else_opens(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, NULL, 0);
    struct str sealed = icid_seal(&key, &a, STR("0123456789"), STR("c"));
    for (size_t n = 0; n < sealed.n; n++)
        assert_null(icid_open(&key, &a, str_head(sealed, n), STR("c")).p);
    for (size_t i = 0; i < sealed.n; i++) {
        char bent[256];
        memcpy(bent, sealed.p, sealed.n);
        bent[i] = bent[i] == '0' ? '1' : '0';
        assert_null(icid_open(&key, &a, str_make(bent, sealed.n), STR("c")).p);
        bent[i] = 'g';
        assert_null(icid_open(&key, &a, str_make(bent, sealed.n), STR("c")).p);
    }
    arena_done(&a);
}

static void opens_what_an_older_key_sealed(void **state)
{
    static const uint8_t secret[KEYRING_SECRET] = {7};
    struct keyring turning = ring;
    const struct token_key k = {.ring = &turning};
    struct arena a;
    (void)state;
    arena_init(&a, NULL, 0);
    struct str sealed = icid_seal(&k, &a, STR("0123456789"), STR("c"));
    keyring_add(&turning, secret, 1, 1);
    assert_true(str_eq(icid_open(&k, &a, sealed, STR("c")), STR("0123456789")));
    keyring_add(&turning, secret, 1, 2);
    assert_null(icid_open(&k, &a, sealed, STR("c")).p);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_was_sealed),
        cmocka_unit_test(nothing_else_opens),
        cmocka_unit_test(opens_what_an_older_key_sealed),
    };
    return cmocka_run_group_tests_name("pcscf_icid", tests, make_rings, NULL);
}
