// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"

static void counting(void **state)
{
    (void)state;
    long live = mem_live();
    void *a = mem_alloc(0), *b = mem_zalloc(10), *c = mem_realloc(NULL, 10);
    assert_true(a && b && c);
    assert_int_equal(((char *)b)[9], 0);
    assert_int_equal(mem_live(), live + 3);
    c = mem_realloc(c, 1000);
    assert_non_null(c);
    assert_int_equal(mem_live(), live + 3);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(NULL);
    assert_int_equal(mem_live(), live);
}

static void failing(void **state)
{
    (void)state;
    long live = mem_live();
    mem_fail_after(2);
    char *a = mem_alloc(1), *b = mem_zalloc(1);
    assert_true(a && b);
    *a = 'a';
    assert_null(mem_alloc(1));
    assert_null(mem_zalloc(1));
    assert_null(mem_realloc(a, 100)); // a stays
    assert_null(mem_realloc(NULL, 1));
    assert_int_equal(*a, 'a');
    assert_int_equal(mem_live(), live + 2);
    mem_fail_after(-1);
    mem_free(a);
    mem_free(b);
    void *c = mem_alloc(1);
    assert_non_null(c);
    mem_free(c);
    assert_int_equal(mem_live(), live);
}

static void scope_exit(void **state)
{
    (void)state;
    long live = mem_live();
    {
        char *a AUTO_FREE = mem_alloc(5), *none AUTO_FREE = NULL;
        assert_non_null(a);
        assert_null(none);
        assert_int_equal(mem_live(), live + 1);
    }
    assert_int_equal(mem_live(), live);
}

struct item {
    int id;
    struct list link;
};

static int ids(struct list *head)
{
    int n = 0;
    LIST_EACH(head, it)
    n = n * 10 + LIST_ENTRY(it, struct item, link)->id;
    return n;
}

static void lists(void **state)
{
    (void)state;
    struct list head, other;
    struct item item[] = {{.id = 1}, {.id = 2}, {.id = 3}, {.id = 4}};
    list_init(&head);
    list_init(&other);
    assert_true(list_empty(&head));
    for (size_t i = 0; i < 3; i++)
        list_add(&head, &item[i].link);
    assert_int_equal(ids(&head), 123);
    list_add_before(&item[1].link, &item[3].link);
    assert_int_equal(ids(&head), 1423);
    list_del(&item[1].link);
    list_del(&item[1].link);
    assert_int_equal(ids(&head), 143);
    list_add(&other, &item[1].link);
    list_splice(&other, &head);
    assert_int_equal(ids(&other), 2143);
    assert_true(list_empty(&head));
    list_splice(&other, &head);
    assert_int_equal(ids(&other), 2143);
    LIST_EACH(&other, it)
    {
        if (LIST_ENTRY(it, struct item, link)->id % 2)
            list_del(it);
    }
    assert_int_equal(ids(&other), 24);
}

static void error_names(void **state)
{
    (void)state;
    for (int e = 0; e >= ERR_LAST; e--) {
        assert_non_null(err_name(e));
        assert_int_equal(strncmp(err_name(e), "ERR_", 4), 0);
        assert_non_null(err_text(e));
        assert_true(strlen(err_text(e)) > 3);
        for (int other = 0; other > e; other--)
            assert_string_not_equal(err_name(e), err_name(other));
    }
    assert_string_equal(err_name(ERR_NOMEM), "ERR_NOMEM");
    assert_string_equal(err_text(ERR_NOMEM), "out of memory");
    assert_string_equal(err_name(1), "ERR_?");
    assert_string_equal(err_name(ERR_LAST - 1), "ERR_?");
    assert_string_equal(err_text(-1000), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counting), cmocka_unit_test(failing),     cmocka_unit_test(scope_exit),
        cmocka_unit_test(lists),    cmocka_unit_test(error_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
