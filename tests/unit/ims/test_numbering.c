// SPDX-License-Identifier: Apache-2.0
// What numbers mean in a numbering plan (TS 24.229 5.4.3.2, RFC 3966 5.1).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "ims/numbering.h"

#define HOME "ims.example.org"

static const struct str further[] = {STR_INIT("op.example")}, zeros[] = {STR_INIT("00")},
                        america[] = {STR_INIT("011"), STR_INIT("0")},
                        contexts[] = {STR_INIT("*.geo.example"), STR_INIT("access.example")},
                        codes[] = {STR_INIT("112"), STR_INIT("08XX")};
static const struct numbering germany = {.domain = STR_INIT(HOME),
                                         .domains = further,
                                         .n_domains = 1,
                                         .country_code = STR_INIT("49"),
                                         .national_prefix = STR_INIT("0"),
                                         .international_prefixes = zeros,
                                         .n_international = 1,
                                         .contexts = contexts,
                                         .n_contexts = 2,
                                         .short_codes = codes,
                                         .n_short_codes = 2},
                              usa = {.domain = STR_INIT(HOME),
                                     .country_code = STR_INIT("1"),
                                     .national_prefix = STR_INIT("1"),
                                     .international_prefixes = america,
                                     .n_international = 2,
                                     .national_length = 10},
                              spain = {.domain = STR_INIT(HOME),
                                       .country_code = STR_INIT("34"),
                                       .international_prefixes = zeros,
                                       .n_international = 1},
                              lab = {.domain = STR_INIT(HOME)}, none;

struct row {
    const struct numbering *plan;
    const char *uri;
    enum number_kind kind;
    const char *digits, *context;
};

static const struct row rows[] = {
    // forms in which phones dial
    {&germany, "tel:+49-89-(123).45", NUMBER_GLOBAL, "+498912345", ""},
    {&germany, "tel:08912345;phone-context=" HOME, NUMBER_GLOBAL, "+498912345", ""},
    {&germany, "sip:08912345;phone-context=" HOME "@" HOME ";user=phone", NUMBER_GLOBAL, "+498912345", ""},
    {&germany, "sip:08912345@" HOME ";user=phone", NUMBER_GLOBAL, "+498912345", ""},
    {&germany, "sip:08912345@" HOME ":5060;user=phone", NUMBER_GLOBAL, "+498912345", ""},
    {&germany, "sip:08912345;phone-context=IMS.example.ORG.@OP.Example.", NUMBER_GLOBAL, "+498912345", ""},
    {&germany, "sip:+498912345@" HOME ";user=phone", NUMBER_GLOBAL, "+498912345", ""},
    {&germany, "sip:%2b49-8912345@" HOME ";user=PHONE", NUMBER_GLOBAL, "+498912345", ""},
    {&germany, "tel:004989123", NUMBER_GLOBAL, "+4989123", ""},
    {&germany, "tel:0033123", NUMBER_GLOBAL, "+33123", ""},
    {&germany, "tel:08912345", NUMBER_GLOBAL, "+498912345", ""},
    // contexts
    {&germany, "tel:08912345;phone-context=001001.geo.example", NUMBER_GLOBAL, "+498912345", ""},
    {&germany, "tel:08912345;phone-context=geo.example", NUMBER_FOREIGN, "08912345", "geo.example"},
    {&germany, "tel:7042;phone-context=ACCESS.example", NUMBER_LOCAL, "7042", HOME},
    {&germany, "tel:7042;phone-context=else.example", NUMBER_FOREIGN, "7042", "else.example"},
    {&germany, "tel:8912345;phone-context=+49", NUMBER_GLOBAL, "+498912345", ""},
    {&germany, "tel:08912345;phone-context=+49", NUMBER_GLOBAL, "+498912345", ""},
    {&germany, "tel:5551234;phone-context=+1-202", NUMBER_GLOBAL, "+12025551234", ""},
    {&germany, "sip:5551234;phone-context=+1202@" HOME ";user=phone", NUMBER_GLOBAL, "+12025551234", ""},
    {&germany, "tel:*21#;phone-context=+49", NUMBER_FOREIGN, "*21#", "+49"},
    // what stays local
    {&germany, "tel:112", NUMBER_LOCAL, "112", HOME},
    {&germany, "tel:0812;phone-context=" HOME, NUMBER_LOCAL, "0812", HOME},
    {&germany, "tel:08123", NUMBER_GLOBAL, "+498123", ""},
    {&germany, "tel:7042;phone-context=" HOME, NUMBER_LOCAL, "7042", HOME},
    {&germany, "tel:*21*123#;phone-context=" HOME, NUMBER_LOCAL, "*21*123#", HOME},
    {&germany, "sip:*21%23@" HOME ";user=phone", NUMBER_LOCAL, "*21#", HOME},
    {&germany, "tel:0A;phone-context=" HOME, NUMBER_LOCAL, "0a", HOME},
    // nothing behind a prefix
    {&germany, "tel:00", NUMBER_INCOMPLETE, "00", HOME},
    {&germany, "tel:0;phone-context=" HOME, NUMBER_INCOMPLETE, "0", HOME},
    {&usa, "sip:011@" HOME ";user=phone", NUMBER_INCOMPLETE, "011", HOME},
    // no numbers
    {&germany, "sip:alice@" HOME ";user=phone", NUMBER_NONE, "", ""},
    {&germany, "sip:08912345@" HOME, NUMBER_NONE, "", ""},
    {&germany, "sip:+498912345@" HOME, NUMBER_NONE, "", ""},
    {&germany, "sip:7042@else.example;user=phone", NUMBER_NONE, "", ""},
    {&germany, "sip:7042;phone-context=" HOME "@else.example", NUMBER_NONE, "", ""},
    {&germany, "urn:service:sos", NUMBER_NONE, "", ""},
    // other plans
    {&usa, "tel:15550000002;phone-context=" HOME, NUMBER_GLOBAL, "+15550000002", ""},
    {&usa, "tel:5550000002;phone-context=" HOME, NUMBER_GLOBAL, "+15550000002", ""},
    {&usa, "tel:011498912345", NUMBER_GLOBAL, "+498912345", ""},
    {&usa, "tel:0498912345", NUMBER_GLOBAL, "+498912345", ""},
    {&usa, "tel:5550002", NUMBER_LOCAL, "5550002", HOME},
    {&spain, "tel:910123456", NUMBER_GLOBAL, "+34910123456", ""},
    {&spain, "tel:0049891", NUMBER_GLOBAL, "+49891", ""},
    {&lab, "tel:0711;phone-context=" HOME, NUMBER_LOCAL, "0711", HOME},
    {&lab, "sip:0711@" HOME ";user=phone", NUMBER_LOCAL, "0711", HOME},
    {&none, "tel:0711", NUMBER_NONE, "", ""},
    {&none, "tel:+4989", NUMBER_GLOBAL, "+4989", ""},
    {&none, "tel:0711;phone-context=x.example", NUMBER_FOREIGN, "0711", "x.example"},
};

static void meanings(void **state)
{
    char room[2048];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct arena a;
        struct sip_uri u;
        arena_init(&a, room, sizeof room);
        assert_int_equal(sip_uri_parse(&a, str_from(r->uri), &u), 0);
        struct number n = numbering_read(&a, r->plan, &u);
        if (n.kind != r->kind || !str_eq(n.value.digits, str_from(r->digits)) ||
            !str_eq(n.value.context, str_from(r->context)))
            fail_msg("%s: %d \"%.*s\" in \"%.*s\"", r->uri, (int)n.kind, STR_ARG(n.value.digits),
                     STR_ARG(n.value.context));
        arena_done(&a);
    }
}

static void home_domains(void **state)
{
    (void)state;
    assert_true(numbering_is_home(&germany, STR(HOME)));
    assert_true(numbering_is_home(&germany, STR("OP.example.")));
    assert_false(numbering_is_home(&germany, STR("sub." HOME)));
    assert_false(numbering_is_home(&germany, STR("")));
    assert_false(numbering_is_home(&germany, STR(".")));
    assert_false(numbering_is_home(&none, STR("")));
}

static void plans(void **state)
{
    (void)state;
    assert_null(numbering_bad_digits(STR("49")));
    assert_non_null(numbering_bad_digits(STR("+49")));
    assert_non_null(numbering_bad_digits(STR("")));
    assert_non_null(numbering_bad_digits(STR("1234567890123456")));
    assert_null(numbering_bad_short_code(STR("8xX")));
    assert_non_null(numbering_bad_short_code(STR("8y")));
    assert_non_null(numbering_bad_short_code(STR("")));
    assert_null(numbering_bad_context(STR("*.example.org")));
    assert_non_null(numbering_bad_context(STR("*.")));
    assert_non_null(numbering_bad_context(STR("a b")));
    assert_non_null(numbering_bad_context(STR("+49")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meanings),
        cmocka_unit_test(home_domains),
        cmocka_unit_test(plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
