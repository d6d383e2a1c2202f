// SPDX-License-Identifier: Apache-2.0
// Public identities in the HSS: which may be provisioned, and that the one a CSCF asks for is the one that is kept,
// however either is written (TS 23.003 13.4, TS 29.228 6.1.4, 6.1.2; RFC 3966 5.1.4).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "ims/impu.h"
#include "io/uv.h"
#include "tests/common/subscribers.h"
#include "world.h"
#include "xml/profile.h"

#define SECOND "operator.example"
#define HEAD "impi,k,op,impus,barred\n"
#define KEY "000102030405060708090a0b0c0d0e0f," OP_HEX ","

static const struct str further[] = {STR_INIT(SECOND)}, zeros[] = {STR_INIT("00")};
static const struct numbering plan = {.domain = STR_INIT(DOMAIN),
                                      .domains = further,
                                      .n_domains = 1,
                                      .country_code = STR_INIT("49"),
                                      .national_prefix = STR_INIT("0"),
                                      .international_prefixes = zeros,
                                      .n_international = 1};
static struct world w;

static int set_up(void **state)
{
    (void)state;
    w = (struct world){0};
    assert_int_equal(uvloop_new(&(struct uv_loop_params){0}, &w.loop), 0);
    struct hss_params p = {.loop = w.loop, .store_path = ":memory:", .plan = &plan};
    assert_int_equal(hss_new(&p, &w.hss), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

// NULL: provisioned; otherwise the reason.
static const char *import(const char *text)
{
    static char error[320];
    size_t n;
    *error = 0;
    return subscribers_import(w.hss, str_from(text), "f", error, sizeof error, &n) ? error : NULL;
}

static void provision(const char *impi, const char *impus)
{
    char text[1024];
    (void)snprintf(text, sizeof text, HEAD "%s," KEY "%s,\n", impi, impus);
    const char *error = import(text);
    if (error)
        fail_msg("%s: %s", impus, error);
}

static void refused(void **state)
{
    static const char *const rows[][2] = {
        {"sip:a@" DOMAIN " tel:0711", "\"tel:0711\" can never be reached: a tel URI needs +"},
        {"sip:a@" DOMAIN " tel:15550000055", "\"tel:15550000055\" can never be reached: a tel URI needs +"},
        {"sip:a@else.example", "\"sip:a@else.example\" can never be reached: its host is no home domain"},
        {"tel:0711;phone-context=else.example", "can never be reached: its phone-context"},
        {"sip:a!.*!@" DOMAIN, "comes first in its set"},
        {"sip:a@" DOMAIN " sip:a!(!@" DOMAIN, "can never be reached: its expression"},
        {"sip:a@" DOMAIN " sip:a!.*!@else.example", "can never be reached: its host"},
        {"sip:a@" DOMAIN " sip:b!.*!@" DOMAIN " SIP:b!.*!@" DOMAIN, "is given twice"},
        {"tel:00;phone-context=" DOMAIN, "can never be reached: it is a prefix"},
        {"sip:" DOMAIN, "is not a sip, sips or tel URI"},
        {"sip:a@" DOMAIN " mailto:a@" DOMAIN, "\"mailto:a@" DOMAIN "\" is not a sip, sips or tel URI"},
        {"sip:a@" DOMAIN " sip:%61@" DOMAIN ":5060", "is given twice"},
        {"tel:+49711 tel:+49-711", "is given twice"},
        {"sip:fred@" DOMAIN, "belongs to a subscriber already"},
        {"sip:FRED@" DOMAIN " sip:0711;phone-context=" DOMAIN "@" DOMAIN ";user=phone", "already"},
        {"sip:7042@" DOMAIN, "would be mixed up with tel:7042;phone-context=" DOMAIN},
        {"sip:+49711@" SECOND, "would be mixed up with tel:+49711"},
    };
    (void)state;
    provision("fred@" DOMAIN, "sip:fred@" DOMAIN " tel:0711;phone-context=" DOMAIN " tel:7042;phone-context=" DOMAIN);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[1024];
        (void)snprintf(text, sizeof text, HEAD "x@" DOMAIN "," KEY "%s,\n", rows[i][0]);
        const char *error = import(text);
        if (!error || !strstr(error, rows[i][1]) || !str_starts(str_from(error), STR("f:2: ")))
            fail_msg("%s: %s", rows[i][0], error ? error : "taken");
    }
}

// What is provisioned, and Request-URIs of which each means it.
static const struct {
    const char *impus, *called[10];
} odd[] = {
    {"sip:Bob@IMS.mnc001.mcc001.3gppnetwork.ORG.",
     {"sip:Bob@" DOMAIN, "sip:Bob@" DOMAIN ":5060", "sip:%42ob@" DOMAIN, "sip:Bob@" DOMAIN ";user=phone"}},
    {"tel:+49-711-1234",
     {"tel:+497111234", "tel:07111234;phone-context=" DOMAIN, "sip:07111234@" DOMAIN ";user=phone",
      "sip:07111234;phone-context=" DOMAIN "@" DOMAIN ";user=phone", "sip:+49711-1234@" DOMAIN,
      "tel:00497111234", "tel:7111234;phone-context=+49", "sip:07111234@" DOMAIN}},
    {"tel:07111234;phone-context=" DOMAIN, {"tel:+497111234", "tel:07111234;phone-context=" SECOND}},
    {"sip:07111234@" DOMAIN,
     {"tel:07111234;phone-context=" DOMAIN, "sip:07111234@" DOMAIN ":5060",
      "sip:07111234;phone-context=" DOMAIN "@" DOMAIN ";user=phone"}},
    {"sip:+497111234@" DOMAIN, {"tel:+497111234", "tel:07111234", "sip:+497111234@" DOMAIN ";user=phone"}},
    {"sip:+497111234@" DOMAIN ";user=phone tel:+497111234", {"tel:+497111234", "sip:+497111234@" SECOND}},
    {"tel:7042;phone-context=" SECOND,
     {"tel:7042;phone-context=" DOMAIN, "sip:7042@" DOMAIN, "sip:7042@" DOMAIN ";user=phone", "tel:70-42"}},
    {"tel:*21#;phone-context=" DOMAIN,
     {"tel:*21#", "sip:*21%23;phone-context=" DOMAIN "@" DOMAIN ";user=phone", "sip:*21%23@" DOMAIN}},
    {"sip:a%3bb%7Ec@" SECOND, {"sip:a%3Bb~c@" SECOND}},
};

// What an I-CSCF asks for such a Request-URI, and a foreign one that asks for the URI as it came.
static void lookup(size_t row, const char *uri)
{
    char room[1024];
    struct arena a;
    arena_init(&a, room, sizeof room);
    const struct str asked[] = {impu_canon_text(&a, &plan, str_from(uri)), str_from(uri)};
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        struct reply r = world_lir(&w, &(struct cx_lir){.impu = asked[i], .originating = true});
        if (r.result.code != CX_UNREGISTERED_SERVICE && r.result.code != DIA_SUCCESS)
            fail_msg("%s, asked as %.*s: %u", odd[row].impus, STR_ARG(asked[i]), r.result.code);
    }
    arena_done(&a);
}

static void what_is_asked_is_found(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        provision("someone@" DOMAIN, odd[i].impus);
        for (size_t k = 0; odd[i].called[k]; k++)
            lookup(i, odd[i].called[k]);
        (void)tear_down(state);
        (void)set_up(state);
    }
}

// One who registers is known by that identity alone: not by what somebody dials to reach another.
static void a_pair_is_exact(void **state)
{
    (void)state;
    provision("u@" DOMAIN, "sip:0711@" DOMAIN " tel:+49711");
    const char *const rows[][2] = {{"sip:0711@" DOMAIN ":5060", "yes"},
                                   {"tel:+49-711", "yes"},
                                   {"sip:+49711@" DOMAIN ";user=phone", "yes"},
                                   {"sip:0711@" DOMAIN ";user=phone", "yes"},
                                   {"sip:+49711@" DOMAIN, NULL}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct reply r = world_uar(&w, &(struct cx_uar){.impi = STR("u@" DOMAIN),
                                                        .impu = str_from(rows[i][0]),
                                                        .visited_network = STR(DOMAIN)});
        expect_result(rows[i][0], r.result, rows[i][1] ? CX_FIRST_REGISTRATION : CX_ERROR_USER_UNKNOWN, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_asked_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pair_is_exact, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
