// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "xml/profile.h"

#define ALICE "<PublicIdentity><Identity>sip:alice@ims.example</Identity></PublicIdentity>"
#define IMSI                                                                                       \
    "<PublicIdentity><BarringIndication>1</BarringIndication>"                                     \
    "<Identity>sip:001010000000001@ims.example</Identity></PublicIdentity>"
#define TEL                                                                                        \
    "<PublicIdentity><Identity>tel:+15550000001</Identity><Extension><IdentityType>0</IdentityType>" \
    "<Extension><DisplayName>Alice &amp; Co</DisplayName>"                                         \
    "<AliasIdentityGroupID>g1</AliasIdentityGroupID></Extension></Extension></PublicIdentity>"
#define AS "<ApplicationServer><ServerName>sip:as.example</ServerName></ApplicationServer>"
#define SPT_INVITE "<SPT><Group>0</Group><Method>INVITE</Method></SPT>"
#define TRIGGER(spts)                                                                              \
    "<TriggerPoint><ConditionTypeCNF>1</ConditionTypeCNF>" spts "</TriggerPoint>"
#define IFC(prio, trigger, as)                                                                     \
    "<InitialFilterCriteria><Priority>" prio "</Priority>" trigger as "</InitialFilterCriteria>"
#define SERVICE(x) "<ServiceProfile>" x "</ServiceProfile>"
#define DOC(x)                                                                                     \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><IMSSubscription>"                                  \
    "<PrivateID>001010000000001@ims.example</PrivateID>" x "</IMSSubscription>"

static struct profile_store *store;

static int set_up(void **state)
{
    (void)state;
    return profile_store_new(&store);
}

static int tear_down(void **state)
{
    (void)state;
    profile_store_free(store);
    return mem_live() ? -1 : 0;
}

static struct profile *good(const char *xml)
{
    struct profile *p = NULL;
    struct xml_error e;
    assert_int_equal(profile_parse(store, str_from(xml), &p, &e), 0);
    return p;
}

static void assert_str(struct str s, const char *want)
{
    if (!str_eq(s, str_from(want)))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(s), want);
}

// TS 29.228 B.2.1, TS 24.229 5.4.1.2.2F: the default is the first identity that is not barred.
static void identities(void **state)
{
    (void)state;
    struct profile *p = good(DOC(SERVICE(IMSI ALICE TEL)));
    assert_str(profile_impi(p), "001010000000001@ims.example");
    assert_int_equal(profile_identity_count(p), 3);
    struct profile_identity id = profile_identity_at(p, 0);
    assert_true(id.barred);
    assert_null(id.display_name.p);
    id = profile_identity_at(p, 1);
    assert_str(id.uri, "sip:alice@ims.example");
    assert_false(id.barred);
    assert_int_equal(profile_default(p), 1);
    id = profile_identity_at(p, 2);
    assert_str(id.display_name, "Alice & Co");
    assert_str(id.alias_group, "g1");
    profile_free(p);
}

static void all_barred_has_no_default(void **state)
{
    (void)state;
    struct profile *p = good(DOC(SERVICE(IMSI)));
    assert_int_equal(profile_default(p), 1);
    profile_free(p);
}

static void wildcards(void **state)
{
    (void)state;
    struct profile *p = good(DOC(SERVICE(
        "<PublicIdentity><Identity>sip:list1@ims.example</Identity><Extension><IdentityType>2"
        "</IdentityType><WildcardedPSI>sip:list!.*!@ims.example</WildcardedPSI></Extension>"
        "</PublicIdentity>")));
    struct profile_identity id = profile_identity_at(p, 0);
    assert_int_equal(id.type, IDENTITY_WILDCARDED_PSI);
    assert_str(id.wildcard, "sip:list!.*!@ims.example");
    profile_free(p);
}

// TS 29.228 B.2.2, B.2.3 and annex E: everything of an iFC.
static void filter_criteria(void **state)
{
    (void)state;
    struct profile *p = good(DOC(SERVICE(ALICE IFC("20", "", AS) IFC(
        "3",
        TRIGGER(
            "<SPT><ConditionNegated>1</ConditionNegated><Group>1</Group><Group>0</Group>"
            "<Method>REGISTER</Method><Extension><RegistrationType>0</RegistrationType>"
            "<RegistrationType>2</RegistrationType></Extension></SPT>"
            "<SPT><Group>0</Group><SIPHeader><Header>From</Header><Content>.*joe.*</Content>"
            "</SIPHeader></SPT>"
            "<SPT><Group>2</Group><SessionCase>1</SessionCase></SPT>"
            "<SPT><Group>2</Group><SessionDescription><Line>m</Line><Content>audio</Content>"
            "</SessionDescription></SPT><SPT><Group>2</Group><RequestURI>sip:x</RequestURI></SPT>"),
        "<ApplicationServer><ServerName>sip:as1.example:5070</ServerName><DefaultHandling>1"
        "</DefaultHandling><ServiceInfo>info</ServiceInfo><Extension><IncludeRegisterRequest/>"
        "</Extension></ApplicationServer><ProfilePartIndicator>1</ProfilePartIndicator>"))));
    const struct service_profile *s = profile_service(p, 0);
    assert_int_equal(s->n_ifcs, 2);
    const struct ifc *f = &s->ifcs[0];
    assert_int_equal(f->priority, 3);
    assert_int_equal(f->part, IFC_UNREGISTERED);
    assert_true(f->cnf);
    assert_str(f->as_uri, "sip:as1.example:5070");
    assert_int_equal(f->default_handling, IFC_SESSION_TERMINATED);
    assert_str(f->service_info, "info");
    assert_true(f->include_register_request);
    assert_false(f->include_register_response);
    assert_int_equal(f->n_spts, 6);
    for (size_t i = 1; i < f->n_spts; i++)
        assert_true(f->spts[i - 1].group <= f->spts[i].group);
    assert_int_equal(s->ifcs[1].priority, 20);
    assert_int_equal(s->ifcs[1].n_spts, 0);
    assert_int_equal(s->ifcs[1].part, IFC_ANY);
    profile_free(p);
}

static void spt_kinds(void **state)
{
    (void)state;
    struct profile *p = good(DOC(SERVICE(ALICE IFC(
        "0",
        TRIGGER("<SPT><Group>0</Group><Method>REGISTER</Method><Extension><RegistrationType>1"
                "</RegistrationType></Extension></SPT><SPT><Group>1</Group><SIPHeader>"
                "<Header>Privacy</Header></SIPHeader></SPT><SPT><Group>2</Group><SessionCase>4"
                "</SessionCase></SPT><SPT><Group>3</Group><RequestURI>sip:a@b</RequestURI></SPT>"),
        AS))));
    const struct spt *t = profile_service(p, 0)->ifcs[0].spts;
    assert_int_equal(t[0].kind, SPT_METHOD);
    assert_int_equal(t[0].reg_types, 2);
    assert_int_equal(t[1].kind, SPT_HEADER);
    assert_str(t[1].value, "Privacy");
    assert_null(t[1].content.p);
    assert_int_equal(t[2].kind, SPT_SESSION_CASE);
    assert_int_equal(t[2].session_case, SESSION_ORIGINATING_CDIV);
    assert_int_equal(t[3].kind, SPT_REQUEST_URI);
    assert_str(t[3].value, "sip:a@b");
    profile_free(p);
}

static void service_lists(void **state)
{
    (void)state;
    struct profile *p = good(DOC(SERVICE(
        ALICE "<CoreNetworkServicesAuthorization><SubscribedMediaProfileId>7"
              "</SubscribedMediaProfileId><Extension><ListOfServiceIds><ServiceId>mmtel</ServiceId>"
              "</ListOfServiceIds></Extension></CoreNetworkServicesAuthorization><Extension>"
              "<SharedIFCSetID>4</SharedIFCSetID><SharedIFCSetID>9</SharedIFCSetID></Extension>")));
    const struct service_profile *s = profile_service(p, 0);
    assert_int_equal(s->n_shared_sets, 2);
    assert_int_equal(s->shared_sets[1], 9);
    assert_true(s->has_media_profile);
    assert_int_equal(s->media_profile, 7);
    assert_int_equal(s->n_service_ids, 1);
    assert_str(s->service_ids[0], "mmtel");
    profile_free(p);
}

static void same_services_are_shared(void **state)
{
    (void)state;
    struct profile *a = good(DOC(SERVICE(ALICE IFC("1", "", AS))));
    struct profile *b = good(DOC(SERVICE(TEL IFC("1", "", AS)) SERVICE(IMSI IFC("2", "", AS))));
    assert_ptr_equal(profile_service(a, 0), profile_service(b, 0));
    assert_ptr_not_equal(profile_service(b, 0), profile_service(b, 1));
    assert_int_equal(profile_store_count(store), 2);
    profile_free(b);
    assert_int_equal(profile_store_count(store), 1);
    profile_free(a);
    assert_int_equal(profile_store_count(store), 0);
}

static const struct {
    const char *xml, *what;
} bad[] = {
    {"", "not well-formed"},
    {"<IMSSubscription>", "not well-formed"},
    {"<IMSSubscription/>", "PrivateID"},
    {"<Other/>", "root element"},
    {DOC(""), "ServiceProfile"},
    {DOC(SERVICE("")), "PublicIdentity"},
    {"<!DOCTYPE a [<!ENTITY e \"x\">]>" "<IMSSubscription>&e;</IMSSubscription>", "document type"},
    {"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><IMSSubscription/>", "document type"},
    {DOC(SERVICE("<PublicIdentity></PublicIdentity>")), "Identity"},
    {DOC(SERVICE("<PublicIdentity><Identity>alice</Identity></PublicIdentity>")), "Identity"},
    {DOC(SERVICE("<PublicIdentity><BarringIndication>maybe</BarringIndication>"
                 "<Identity>sip:a@b</Identity></PublicIdentity>")), "BarringIndication"},
    {DOC(SERVICE("<PublicIdentity><Identity>sip:a@b</Identity><Extension><IdentityType>9"
                 "</IdentityType></Extension></PublicIdentity>")), "IdentityType"},
    {DOC(SERVICE(ALICE "<Extension><SharedIFCSetID>x</SharedIFCSetID></Extension>")),
     "SharedIFCSetID"},
};

// Filter criteria that are left out, beside some that are not.
static const struct {
    const char *xml, *what;
} bad_criteria[] = {
    {DOC(SERVICE(ALICE "<InitialFilterCriteria>" AS "</InitialFilterCriteria>")), "Priority"},
    {DOC(SERVICE(ALICE IFC("-1", "", AS))), "Priority"},
    {DOC(SERVICE(ALICE IFC("1", "", ""))), "ApplicationServer"},
    {DOC(SERVICE(ALICE IFC("1", "", "<ApplicationServer><ServerName>as</ServerName>"
                                    "</ApplicationServer>"))), "ServerName"},
    {DOC(SERVICE(ALICE IFC("1", "", "<ApplicationServer><ServerName>sip:as</ServerName>"
                                    "<DefaultHandling>2</DefaultHandling></ApplicationServer>"))),
     "DefaultHandling"},
    {DOC(SERVICE(ALICE IFC("1", TRIGGER(""), AS))), "SPT"},
    {DOC(SERVICE(ALICE IFC("1", "<TriggerPoint>" SPT_INVITE "</TriggerPoint>", AS))),
     "ConditionTypeCNF"},
    {DOC(SERVICE(ALICE IFC("1", TRIGGER("<SPT><Method>INVITE</Method></SPT>"), AS))), "Group"},
    {DOC(SERVICE(ALICE IFC("1", TRIGGER("<SPT><Group>0</Group></SPT>"), AS))),
     "SPT without condition"},
    {DOC(SERVICE(ALICE IFC("1", TRIGGER("<SPT><Group>0</Group><Method>INVITE</Method>"
                                        "<SessionCase>0</SessionCase></SPT>"), AS))),
     "SPT with two conditions"},
    {DOC(SERVICE(ALICE IFC("1", TRIGGER("<SPT><Group>0</Group><SessionCase>5</SessionCase></SPT>"),
                           AS))), "SessionCase"},
    {DOC(SERVICE(ALICE IFC("1", TRIGGER("<SPT><Group>0</Group><SIPHeader><Content>x</Content>"
                                        "</SIPHeader></SPT>"), AS))), "Header"},
    {DOC(SERVICE(ALICE IFC("1", TRIGGER(""), AS) IFC("2", "", AS) IFC("x", "", AS))), "SPT"},
};

static struct {
    struct xml_error first;
    size_t n, calls;
} told;

static void on_skipped(void *arg, const struct xml_error *first, size_t n)
{
    told.first = *first;
    told.n = n;
    told.calls++;
}

// TS 29.228 annex B: one service that cannot be read takes nothing from the others, and from nobody his
// registration. It is told once, however many users have it.
static void bad_criteria_are_left_out(void **state)
{
    (void)state;
    profile_store_tell(store, on_skipped, NULL);
    for (size_t i = 0; i < ARRAY_LEN(bad_criteria); i++) {
        size_t last = i == ARRAY_LEN(bad_criteria) - 1;
        told.calls = 0;
        struct profile *p = good(bad_criteria[i].xml), *q = good(bad_criteria[i].xml);
        assert_int_equal(told.calls, 1);
        assert_string_equal(told.first.what, bad_criteria[i].what);
        assert_int_equal(told.n, 1 + last);
        assert_int_equal(profile_service(p, 0)->n_ifcs, last);
        if (last)
            assert_int_equal(profile_service(p, 0)->ifcs[0].priority, 2);
        profile_free(p);
        profile_free(q);
    }
}

// More than is taken is told apart from what is wrong: the HSS has to know (TS 29.228 6.1.2.1).
static void too_many_identities(void **state)
{
    enum { MOST = PROFILE_IDENTITIES_MAX };
    (void)state;
    for (int more = 0; more < 2; more++) {
        static char text[256 + (MOST + 1) * 80];
        char *at = text;
        at += sprintf(at, "<IMSSubscription><PrivateID>a@b</PrivateID><ServiceProfile>");
        for (int i = 0; i < MOST + more; i++)
            at += sprintf(at, "<PublicIdentity><Identity>tel:+1555%04d</Identity></PublicIdentity>", i);
        at += sprintf(at, "</ServiceProfile></IMSSubscription>");
        struct profile *p = NULL;
        struct xml_error e;
        assert_int_equal(profile_parse(store, str_make(text, (size_t)(at - text)), &p, &e), more ? ERR_TOOBIG : 0);
        if (!more) {
            assert_int_equal(profile_identity_count(p), MOST);
            assert_str(profile_identity_at(p, MOST - 1).uri, "tel:+15550999");
            profile_free(p);
        }
    }
}

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct profile *p = NULL;
        struct xml_error e = {.what = "none"};
        int err = profile_parse(store, str_from(bad[i].xml), &p, &e);
        if (err != ERR_BAD || strcmp(e.what, bad[i].what) != 0)
            fail_msg("row %zu: %s, %s instead of %s", i, err_name(err), e.what, bad[i].what);
        assert_int_equal(profile_store_count(store), 0);
    }
}

static void too_big(void **state)
{
    (void)state;
    char *big = mem_alloc(PROFILE_XML_MAX + 1);
    memset(big, ' ', PROFILE_XML_MAX + 1);
    struct profile *p;
    struct xml_error e;
    assert_int_equal(profile_parse(store, str_make(big, PROFILE_XML_MAX + 1), &p, &e), ERR_TOOBIG);
    mem_free(big);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct str doc = STR(DOC(SERVICE(ALICE TEL IFC("1", TRIGGER(SPT_INVITE), AS))));
    struct profile *p;
    struct xml_error e;
    for (size_t n = 0; n < doc.n; n++)
        assert_int_equal(profile_parse(store, str_head(doc, n), &p, &e), ERR_BAD);
    assert_int_equal(profile_parse(store, doc, &p, &e), 0);
    profile_free(p);
}

static void out_of_memory(void **state)
{
    (void)state;
    struct str doc = STR(DOC(SERVICE(ALICE TEL IFC("1", TRIGGER(SPT_INVITE), AS)) SERVICE(IMSI)));
    long live = mem_live();
    for (long n = 0;; n++) {
        struct profile *p = NULL;
        struct xml_error e;
        mem_fail_after(n);
        int err = profile_parse(store, doc, &p, &e);
        mem_fail_after(-1);
        if (!err) {
            profile_free(p);
            assert_true(n > 4);
            return;
        }
        assert_int_equal(err, ERR_NOMEM);
        assert_int_equal(profile_store_count(store), 0);
        assert_true(mem_live() <= live + 1); // the store's table may have been made
    }
}

// TS 29.228 annex E and TS 29.328 annex D number the types differently.
static void identity_types(void **state)
{
    (void)state;
    static const struct {
        enum profile_interface on;
        uint32_t number;
        int err;
        enum profile_identity_type type;
    } table[] = {
        {PROFILE_CX, 0, 0, IDENTITY_PUBLIC_USER},
        {PROFILE_CX, 1, 0, IDENTITY_DISTINCT_PSI},
        {PROFILE_CX, 2, 0, IDENTITY_WILDCARDED_PSI},
        {PROFILE_CX, 3, 0, IDENTITY_NON_DISTINCT_IMPU},
        {PROFILE_CX, 4, 0, IDENTITY_WILDCARDED_IMPU},
        {PROFILE_CX, 5, ERR_BAD, 0},
        {PROFILE_SH, 0, 0, IDENTITY_PUBLIC_USER},
        {PROFILE_SH, 2, 0, IDENTITY_WILDCARDED_PSI},
        {PROFILE_SH, 3, 0, IDENTITY_WILDCARDED_IMPU},
        {PROFILE_SH, 4, ERR_BAD, 0},
        {PROFILE_SH, UINT32_MAX, ERR_BAD, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        enum profile_identity_type type;
        assert_int_equal(profile_identity_type(table[i].on, table[i].number, &type), table[i].err);
        if (!table[i].err)
            assert_int_equal(type, table[i].type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_types),
        cmocka_unit_test_setup_teardown(identities, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_barred_has_no_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wildcards, set_up, tear_down),
        cmocka_unit_test_setup_teardown(filter_criteria, set_up, tear_down),
        cmocka_unit_test_setup_teardown(spt_kinds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(service_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(same_services_are_shared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_criteria_are_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_identities, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_big, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_truncation_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(out_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
