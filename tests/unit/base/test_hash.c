// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"

// CPython hashes bytes with SipHash-1-3 too, and with a key of zeros under PYTHONHASHSEED=0: these
// are its results.
static void siphash(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t hash;
    } vectors[] = {
        {"a", 0x407448d2b89b1813u},
        {"1234567", 0xa33d651594fdae81u},
        {"12345678", 0x3489982430560a87u},
        {"123456789", 0x0fbc0f0007965fcfu},
        {"the quick brown fox jumps over the lazy dog", 0x80a65583f613da2du},
    };
    const uint64_t zero[2] = {0, 0};
    hash_seed(0, 0);
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        size_t n = strlen(vectors[i].text);
        assert_true(hash_bytes(vectors[i].text, n) == vectors[i].hash);
        assert_true(hash_keyed(zero, vectors[i].text, n) == vectors[i].hash);
    }
}

static void seeds_differ(void **state)
{
    (void)state;
    hash_seed(1, 2);
    uint64_t a = hash_bytes("x", 1), empty = hash_bytes(NULL, 0);
    hash_seed(2, 1);
    assert_true(hash_bytes("x", 1) != a);
    hash_seed(1, 2);
    assert_true(hash_bytes("x", 1) == a);
    assert_true(hash_bytes("", 0) == empty);
    assert_true(hash_bytes("\0", 1) != empty);
}

struct entry {
    uint32_t key;
    UT_hash_handle hh;
};

static void table(void **state)
{
    (void)state;
    enum { N = 2000 };
    static struct entry entries[N];
    struct entry *head = NULL, *found;
    long live = mem_live(), kept = mem_kept();
    for (uint32_t i = 0; i < N; i++) {
        entries[i].key = i * 7;
        HASH_ADD(hh, head, key, sizeof(uint32_t), &entries[i]);
    }
    assert_true(mem_live() > live); // the table's memory comes through base/mem.h
    assert_int_equal(mem_kept() - kept, mem_live() - live); // and all of it is room
    for (uint32_t i = 0; i < N; i++) {
        uint32_t key = i * 7, none = i * 7 + 1;
        HASH_FIND(hh, head, &key, sizeof key, found);
        assert_ptr_equal(found, &entries[i]);
        HASH_FIND(hh, head, &none, sizeof none, found);
        assert_null(found);
    }
    HASH_CLEAR(hh, head);
    assert_int_equal(mem_live(), live);
    assert_int_equal(mem_kept(), kept);
}

// Without memory an entry is not added, and says so by having no table.
static void table_without_memory(void **state)
{
    (void)state;
    struct entry *head = NULL, one = {.key = 1}, *found;
    long live = mem_live();
    for (long n = 0; n < 2; n++) {
        uint32_t key = 1;
        mem_fail_after(n);
        HASH_ADD(hh, head, key, sizeof(uint32_t), &one);
        mem_fail_after(-1);
        assert_null(one.hh.tbl);
        HASH_FIND(hh, head, &key, sizeof key, found);
        assert_null(found);
    }
    assert_int_equal(mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(table),
        cmocka_unit_test(table_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
