// SPDX-License-Identifier: Apache-2.0
// Whom the I-CSCF asks the HSS about, and what it tells the S-CSCF: TS 24.229 5.3.2.1, TS 29.228 6.1.4.
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, world_tear_down)
#define SECOND "operator.example"

static unsigned branch;

static int set_up(void **state)
{
    static struct str further[] = {STR_INIT(SECOND)}, zeros[] = {STR_INIT("00")};
    (void)state;
    return world_set_up_with(&(struct node_numbering){.domains = {further, 1},
                                                      .country_code = STR("49"),
                                                      .national_prefix = STR("0"),
                                                      .international_prefixes = {zeros, 1}});
}

static void request(const char *uri, const char *headers)
{
    branch++;
    world_sendf(W_PCSCF, "MESSAGE %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKi%u\n"
                "Max-Forwards: 70\n%sFrom: <sip:bob@" DOMAIN ">;tag=f\nTo: <sip:x@y.example>\nCall-ID: i%u\n"
                "CSeq: 1 MESSAGE\nContent-Length: 0\n\n",
                uri, branch, headers, branch);
}

// Request-URI, what the HSS is asked, what goes to the S-CSCF; asked NULL: the answer is 404.
static void odd_identities(void **state)
{
    static const struct {
        const char *uri, *asked, *to;
    } rows[] = {
        {"sip:bob@" DOMAIN ":5060", "sip:bob@" DOMAIN, NULL},
        {"SIP:%62ob@IMS.Example.;user=phone", "sip:bob@" DOMAIN, NULL},
        {"tel:+49-89.12", "tel:+498912", NULL},
        {"sip:+49-8912;npdi;rn=+491@" DOMAIN ";user=phone", "tel:+498912", "tel:+49-8912;npdi;rn=+491"},
        {"sip:+49%38912@" DOMAIN ";user=phone", "tel:+498912", "tel:+498912"},
        {"sip:%2b49-8912;x=%61%2F@" DOMAIN ";user=phone", "tel:+498912", "tel:+498912;x=a%2F"},
        {"sip:08912@" DOMAIN ";user=phone", "tel:+498912", NULL},
        {"sip:7042;phone-context=" SECOND "@" DOMAIN ";user=phone", "tel:7042;phone-context=" DOMAIN, NULL},
        {"sip:bob@Operator.example", "sip:bob@" SECOND, NULL},
        {"sip:+498912@" DOMAIN, "sip:+498912@" DOMAIN, NULL},
        {"sip:bob@sub." DOMAIN, NULL, NULL},
        {"sip:+498912@else.example;user=phone", NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        w.asked.impu[0] = 0;
        request(rows[i].uri, "");
        if (!rows[i].asked) {
            (void)world_expect(W_PCSCF, 404);
            assert_string_equal(w.asked.impu, "");
            continue;
        }
        struct sip_msg *m = world_expect_request(W_S1, "MESSAGE");
        const char *to = rows[i].to ? rows[i].to : rows[i].uri;
        if (strcmp(w.asked.impu, rows[i].asked) != 0 || !str_eq(sip_msg_uri_text(m), str_from(to)))
            fail_msg("%s: %s, %.*s", rows[i].uri, w.asked.impu, STR_ARG(sip_msg_uri_text(m)));
        world_answer(W_S1, m, 200, "");
        (void)world_expect(W_PCSCF, 200);
    }
}

static void profile_key(const char *wildcard, const char *headers, const char *want)
{
    w.wildcard = wildcard;
    request("sip:list7@" DOMAIN, headers);
    struct sip_msg *m = world_expect_request(W_S1, "MESSAGE");
    char got[128];
    copy(got, sizeof got, sip_msg_raw(m, SIP_H_P_PROFILE_KEY));
    assert_string_equal(got, want);
    world_answer(W_S1, m, 200, "");
    (void)world_expect(W_PCSCF, 200);
}

// TS 24.229 5.3.2.1, RFC 5002: the HSS's word alone, and nothing that would end the header field.
static void wildcarded_identities(void **state)
{
    (void)state;
    profile_key("sip:list!.*!@" DOMAIN, "", "<sip:list!.*!@" DOMAIN ">");
    profile_key("sip:list!.*!@" DOMAIN, "P-Profile-Key: <sip:else@" DOMAIN ">\n", "<sip:list!.*!@" DOMAIN ">");
    profile_key(NULL, "P-Profile-Key: <sip:else@" DOMAIN ">\n", "");
    profile_key("sip:a>\r\nX: y", "", "");
}

// REGISTER for and of a further home domain (TS 23.003 13.4).
static void further_domain(void **state)
{
    (void)state;
    world_sendf(W_PCSCF, "REGISTER sip:Operator.Example SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKr\n"
                "Max-Forwards: 70\nFrom: <sip:alice@" SECOND ">;tag=f\nTo: <sip:alice@Operator.Example.>\n"
                "Call-ID: r\nCSeq: 1 REGISTER\nContact: <sip:alice@192.0.2.1>\nContent-Length: 0\n\n");
    struct sip_msg *m = world_expect_request(W_S1, "REGISTER");
    assert_string_equal(w.asked.impu, "sip:alice@" SECOND);
    assert_string_equal(w.asked.impi, "alice@" SECOND);
    world_answer(W_S1, m, 401, "");
    (void)world_expect(W_PCSCF, 401);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(odd_identities),
        TEST(wildcarded_identities),
        TEST(further_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
