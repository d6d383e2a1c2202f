// SPDX-License-Identifier: Apache-2.0
// The canonical form of a public identity (TS 23.003 13.4, RFC 3261 19.1.4 and 19.1.6, RFC 3966 5).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "ims/impu.h"

#define HOME "ims.example.org"

static const struct str further[] = {STR_INIT("op.example")}, zeros[] = {STR_INIT("00")};
static const struct numbering plan = {.domain = STR_INIT(HOME),
                                      .domains = further,
                                      .n_domains = 1,
                                      .country_code = STR_INIT("49"),
                                      .national_prefix = STR_INIT("0"),
                                      .international_prefixes = zeros,
                                      .n_international = 1};
static struct arena arena;

static void same(const char *of, struct str got, const char *want)
{
    if (!str_eq(got, str_from(want)))
        fail_msg("%s: %.*s instead of %s", of, STR_ARG(got), want);
}

// text, with the plan, without one
static const char *const forms[][3] = {
    {"sip:alice@" HOME, "sip:alice@" HOME, "sip:alice@" HOME},
    {"SIP:Alice@IMS.Example.ORG", "sip:Alice@" HOME, "sip:Alice@" HOME},
    {"sip:alice@" HOME ":5060;transport=tcp?Subject=x", "sip:alice@" HOME, "sip:alice@" HOME},
    {"sip:alice:secret@" HOME ".", "sip:alice@" HOME, "sip:alice@" HOME},
    {"sip:%61lice%3b%7E@" HOME, "sip:alice%3B~@" HOME, "sip:alice%3B~@" HOME},
    {"sip:alice@" HOME ";user=phone", "sip:alice@" HOME, "sip:alice@" HOME},
    {"sips:alice@" HOME, "sips:alice@" HOME, "sips:alice@" HOME},
    {"sip:alice@[2001:DB8::1]:5060", "sip:alice@[2001:db8::1]", "sip:alice@[2001:db8::1]"},
    {"tel:+49-89.(12)3;isub=1", "tel:+4989123", "tel:+4989123"},
    {"TEL:+4989123", "tel:+4989123", "tel:+4989123"},
    {"sip:+49-89-123@" HOME ":5060;user=phone", "tel:+4989123", "tel:+4989123"},
    {"sip:+4989123@else.example;user=phone", "tel:+4989123", "tel:+4989123"},
    {"sip:+4989123@" HOME, "sip:+4989123@" HOME, "sip:+4989123@" HOME},
    {"sip:089123@" HOME ";user=phone", "tel:+4989123", "sip:089123@" HOME},
    {"tel:089123;phone-context=" HOME, "tel:+4989123", "tel:089123;phone-context=" HOME},
    {"sip:7-0-42;phone-context=IMS.example.org@" HOME ";user=phone", "tel:7042;phone-context=" HOME,
     "tel:7042;phone-context=" HOME},
    {"tel:7042;phone-context=OP.example.", "tel:7042;phone-context=" HOME, "tel:7042;phone-context=op.example"},
    {"sip:7042@op.example;user=phone", "tel:7042;phone-context=" HOME, "sip:7042@op.example"},
    {"tel:7042", "tel:7042;phone-context=" HOME, "tel:7042"},
    {"tel:7042;phone-context=+49-89", "tel:+49897042", "tel:7042;phone-context=+4989"},
    {"sip:*21%23;phone-context=" HOME "@" HOME ";user=phone", "tel:*21#;phone-context=" HOME,
     "tel:*21#;phone-context=" HOME},
    {"tel:00", "tel:00;phone-context=" HOME, "tel:00"},
    {"sip:+49!.*!@IMS.example.ORG:5060", "sip:+49!.*!@" HOME, "sip:+49!.*!@" HOME},
    {"urn:service:sos", "", ""},
    {"not a URI", "not a URI", "not a URI"},
};

static void canonical_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        const char *text = forms[i][0];
        struct str with = impu_canon_text(&arena, &plan, str_from(text));
        same(text, with, forms[i][1]);
        same(text, impu_canon_text(&arena, NULL, str_from(text)), forms[i][2]);
        if (with.n)
            same(text, impu_canon_text(&arena, &plan, with), forms[i][1]);
    }
}

static void who_may_be_meant(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *forms[IMPU_READINGS_MAX];
    } rows[] = {
        {"sip:alice@" HOME ":5060", {"sip:alice@" HOME}},
        {"sip:+4989@" HOME,
         {"sip:+4989@" HOME, "tel:+4989", "sip:+4989@op.example", "sip:089@" HOME, "sip:089@op.example"}},
        {"sip:089@" HOME,
         {"sip:089@" HOME, "tel:+4989", "sip:+4989@" HOME, "sip:+4989@op.example", "sip:089@op.example"}},
        {"tel:7042;phone-context=" HOME, {"tel:7042;phone-context=" HOME, "sip:7042@" HOME, "sip:7042@op.example"}},
        {"sip:7042@" HOME, {"sip:7042@" HOME, "tel:7042;phone-context=" HOME, "sip:7042@op.example"}},
        {"tel:*1#;phone-context=" HOME, {"tel:*1#;phone-context=" HOME, "sip:*1%23@" HOME, "sip:*1%23@op.example"}},
        {"tel:+4989", {"tel:+4989", "sip:+4989@" HOME, "sip:+4989@op.example", "sip:089@" HOME, "sip:089@op.example"}},
        {"tel:+3389", {"tel:+3389", "sip:+3389@" HOME, "sip:+3389@op.example"}},
        {"sip:7042@else.example", {"sip:7042@else.example"}},
        {"sip:ada@" HOME, {"sip:ada@" HOME}}, // hexadecimal digits are letters of a name
        {"sip:Bea@" HOME, {"sip:Bea@" HOME}},
        {"tel:7042;phone-context=else.example", {"tel:7042;phone-context=else.example"}},
        {"urn:service:sos", {0}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sip_uri u;
        struct str got[IMPU_READINGS_MAX];
        size_t n = 0, want = 0;
        assert_int_equal(sip_uri_parse(&arena, str_from(rows[i].uri), &u), 0);
        impu_readings(&arena, &plan, &u, got, &n);
        for (; want < IMPU_READINGS_MAX && rows[i].forms[want]; want++)
            if (want < n)
                same(rows[i].uri, got[want], rows[i].forms[want]);
        if (n != want)
            fail_msg("%s: %zu readings", rows[i].uri, n);
    }
}

// An identity that is refused when it is provisioned, and a word of the reason; NULL: it is taken.
static void what_nobody_reaches(void **state)
{
    (void)state;
    static const struct {
        const char *impu, *reason, *without_plan;
    } rows[] = {
        {"sip:alice@" HOME, NULL, NULL},
        {"sip:alice@OP.example", NULL, NULL},
        {"sip:alice@else.example", "home.domains", NULL},
        {"tel:+4989123", NULL, NULL},
        {"tel:0711", "RFC 3966 5.1.4", "RFC 3966 5.1.4"},
        {"tel:15550000055", "RFC 3966 5.1.4", "RFC 3966 5.1.4"},
        {"tel:0711;phone-context=" HOME, NULL, NULL},
        {"tel:0711;phone-context=else.example", "numbering.contexts", NULL},
        {"tel:00;phone-context=" HOME, "prefix", NULL},
        {"sip:+49!.*!@" HOME, NULL, NULL},
        {"sip:+49!.*!@else.example", "home.domains", NULL},
        {"sip:+49!(!@" HOME, "expression", "expression"},
        {"sip:" HOME, "user part", "user part"},
        {"mailto:alice@" HOME, "tel URI", "tel URI"},
        {"alice", "tel URI", "tel URI"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int k = 0; k < 2; k++) {
            const char *want = k ? rows[i].without_plan : rows[i].reason;
            const char *got = impu_unreachable(&arena, k ? NULL : &plan, str_from(rows[i].impu));
            if (!got != !want || (got && !strstr(got, want)))
                fail_msg("%s: %s", rows[i].impu, got ? got : "taken");
        }
}

static void memory_ends(void **state)
{
    (void)state;
    for (size_t n = 0; n < 400; n += 8) {
        char room[400];
        struct arena a;
        arena_init(&a, room, n);
        arena_set_max(&a, 1);
        struct str got = impu_canon_text(&a, &plan, STR("sip:7-042;phone-context=" HOME "@" HOME ";user=phone"));
        if (!a.failed)
            same("enough", got, "tel:7042;phone-context=" HOME);
        arena_done(&a);
    }
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, NULL, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return mem_live() != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_forms),
        cmocka_unit_test(who_may_be_meant),
        cmocka_unit_test(what_nobody_reaches),
        cmocka_unit_test(memory_ends),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
