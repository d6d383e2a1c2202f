// SPDX-License-Identifier: Apache-2.0
// What of a text for people may leave the network.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "sip/plain.h"

static void places(void **state)
{
    static const struct {
        const char *text, *plain; // NULL: the whole text
    } rows[] = {
        {"called user is not registered", NULL},
        {"wrong response: try again", NULL},
        {"Insufficient bandwidth (see: 1 of 2)", NULL},
        {"no answer. Never.", NULL},
        {"", NULL},
        {"the core does not answer: no response from 10.0.0.2:5060/udp in time", "the core does not answer"},
        {"no response from 10.0.0.2:5060/udp in time", ""},
        {"asked hss.core.example", ""},
        {"a: b: hss.core.example", "a: b"},
        {"DNS: (scscf:5060)", "DNS"},
        {"at: [2001:db8::1]", "at"},
        {"at: ::1", "at"},
        {"a: fe80::1%eth0.1", "a"},
        {"req_src_ip=10.1.1.1 x", ""},
        {"x: <sip:pcscf.example;lr>", "x"},
        {"1.2", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str text = str_from(rows[i].text), plain = sip_plain_text(text);
        if (!str_eq(plain, rows[i].plain ? str_from(rows[i].plain) : text))
            fail_msg("'%s' becomes '%.*s'", rows[i].text, STR_ARG(plain));
        assert_true(str_eq(sip_plain_text(plain), plain)); // it names no place any more
    }
}

static void between_quotes(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, NULL, 0);
    assert_true(str_eq(sip_quotable(&a, STR("a\"b\\c")), STR("a\\\"b\\\\c")));
    assert_true(str_eq(sip_quotable(&a, STR("plain")), STR("plain")));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(places), cmocka_unit_test(between_quotes)};
    return cmocka_run_group_tests_name("sip_plain", tests, NULL, NULL);
}
