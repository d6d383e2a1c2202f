// SPDX-License-Identifier: Apache-2.0
// Identities of TS 24.229 5.4.1.1, and the table of timers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "ims/identity.h"
#include "ims/timers.h"

static char memory[4096];

static void same(struct str got, const char *want)
{
    if (!str_eq(got, str_from(want)))
        fail_msg("%.*s instead of %s", STR_ARG(got), want);
}

static void impi_from_impu(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"sip:dave@d.example", "dave@d.example"},
        {"SIP:dave@d.example:5060;user=phone", "dave@d.example"},
        {"sips:dave@d.example?Subject=x", "dave@d.example"},
        {"sip:dave@[2001:db8::1]:5060", "dave@[2001:db8::1]"},
        {"sip:dave@[2001:db8::1]", "dave@[2001:db8::1]"},
        {"tel:+15550000004", ""},
        {"sip:d.example", ""},
        {"sip:@d.example", ""},
        {"sip:dave@", ""},
        {"", ""},
    };
    struct arena a;
    arena_init(&a, memory, sizeof(memory));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        same(ims_impi_from_impu(&a, str_from(rows[i][0])), rows[i][1]);
    arena_done(&a);
}

// Each hop towards the called side has less time than the one before it, and all of them less than a UE of
// RFC 3261 waits (Timer F); the difference is enough for an answer to be lost and sent again.
static void legs_shrink(void **state)
{
    static const enum ims_timer legs[] = {IMS_LEG_CORE, IMS_LEG_ORIGINATING, IMS_LEG_SCSCF,
                                          IMS_LEG_TERMINATING, IMS_LEG_UE};
    uint32_t before = 32000;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(legs); i++) {
        assert_true(ims_timer_ms(legs[i]) + 2000 <= before);
        before = ims_timer_ms(legs[i]);
    }
    assert_true(ims_timer_ms(IMS_SCSCF_SILENCE) * 2 < ims_timer_ms(IMS_LEG_SCSCF));
}

static void timer_table(void **state)
{
    (void)state;
    assert_int_equal(ims_timer_ms(IMS_REG_AWAIT_AUTH), 240000);
    for (size_t i = 0; i < IMS_TIMER_COUNT; i++) {
        const struct ims_timer_row *t = &ims_timers[i];
        assert_non_null(t->name);
        assert_non_null(t->clause);
        assert_true(t->min_ms <= t->ms && t->ms <= t->max_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(impi_from_impu),
        cmocka_unit_test(timer_table),
        cmocka_unit_test(legs_shrink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
