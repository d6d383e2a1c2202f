// SPDX-License-Identifier: Apache-2.0
// The profile that a SAA carries (TS 29.228 annexes B and E): against the schema, and as the
// S-CSCF's parser understands it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "hss/provision.h"
#include "world.h"
#include "xml/profile.h"

static struct reply registered(struct world *w, const char *impi, const char *impu)
{
    struct cx_sar s = world_sar_of(impi, impu, CX_REGISTRATION);
    struct reply r = world_sar(w, &s);
    expect_result(impi, r.result, DIA_SUCCESS, false);
    assert_true(r.has_user_data);
    char why[200] = "";
    if (hss_user_data_validate(str_from(r.user_data), why, sizeof(why)) != 0)
        fail_msg("%s\n%s", why, r.user_data);
    return r;
}

static struct profile *parsed(struct profile_store *s, const struct reply *r)
{
    struct profile *p = NULL;
    struct xml_error e = {0};
    if (profile_parse(s, str_from(r->user_data), &p, &e) != 0)
        fail_msg("not parsed: %s", r->user_data);
    return p;
}

static void same(struct str got, const char *want)
{
    if (!str_eq(got, str_from(want)))
        fail_msg("%.*s instead of %s", STR_ARG(got), want);
}

static void identities(void **state)
{
    struct world w;
    struct profile_store *s;
    (void)state;
    world_open(&w, true);
    assert_int_equal(profile_store_new(&s), 0);
    struct reply r = registered(&w, "alice@" DOMAIN, "sip:alice@" DOMAIN);
    struct profile *p = parsed(s, &r);
    same(profile_impi(p), "alice@" DOMAIN);
    assert_int_equal(profile_identity_count(p), 3);
    same(profile_identity_at(p, 0).uri, "sip:alice@" DOMAIN);
    same(profile_identity_at(p, 1).uri, "tel:+15550000001");
    same(profile_identity_at(p, 2).uri, "sip:001010000000001@" DOMAIN);
    assert_false(profile_identity_at(p, 0).barred);
    assert_true(profile_identity_at(p, 2).barred);
    same(profile_identity_at(p, 0).display_name, "Alice & <Co>");
    assert_int_equal(profile_default(p), 0);
    profile_free(p);
    profile_store_free(s);
    world_close(&w);
}

static void criteria(void **state)
{
    struct world w;
    struct profile_store *s;
    (void)state;
    world_open(&w, true);
    assert_int_equal(profile_store_new(&s), 0);
    struct reply r = registered(&w, "vm@" DOMAIN, "sip:vm-user@" DOMAIN);
    struct profile *p = parsed(s, &r);
    const struct service_profile *sp = profile_service(p, 0);
    assert_int_equal(sp->n_ifcs, 1);
    assert_int_equal(sp->ifcs[0].n_spts, 1);
    assert_int_equal(sp->ifcs[0].spts[0].session_case, SESSION_TERMINATING_UNREGISTERED);
    same(sp->ifcs[0].as_uri, "sip:vm." DOMAIN);
    profile_free(p);
    profile_store_free(s);
    world_close(&w);
}

// A request about an IMPU alone is answered with one of the IMPIs that may use it.
static void unregistered(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    struct cx_sar s = world_sar_of(NULL, "sip:bob@" DOMAIN, CX_UNREGISTERED_USER);
    struct reply r = world_sar(&w, &s);
    assert_non_null(strstr(r.user_data, "<PrivateID>bob@" DOMAIN "</PrivateID>"));
    assert_null(strstr(r.user_data, "sip:work@")); // another implicit set
    world_close(&w);
}

#define IMPU_ "<PublicIdentity><Identity>sip:a@b</Identity></PublicIdentity>"
#define DOC(inside) "<IMSSubscription><PrivateID>a@b</PrivateID>" inside "</IMSSubscription>"
#define PROFILE(inside) DOC("<ServiceProfile>" IMPU_ inside "</ServiceProfile>")
#define IFC(inside) PROFILE("<InitialFilterCriteria>" inside "</InitialFilterCriteria>")
#define AS "<ApplicationServer><ServerName>sip:as</ServerName></ApplicationServer>"
#define SPT_(inside)                                                                               \
    IFC("<Priority>0</Priority><TriggerPoint><ConditionTypeCNF>0</ConditionTypeCNF><SPT>" inside   \
        "</SPT></TriggerPoint>" AS)

static const struct {
    const char *xml;
    bool valid;
} documents[] = {
    {PROFILE(""), true},
    {DOC(""), false},
    {DOC("<ServiceProfile></ServiceProfile>"), false},
    {"<IMSSubscription>", false},
    {IFC("<Priority>0</Priority>" AS), true},
    {IFC("<Priority>-1</Priority>" AS), false},
    {IFC(AS "<Priority>0</Priority>"), false},
    {IFC("<Priority>0</Priority>"), false},
    {SPT_("<Group>0</Group><Method>INVITE</Method>"), true},
    {SPT_("<Group>0</Group><Group>1</Group><SessionCase>4</SessionCase>"), true},
    {SPT_("<Group>0</Group><SessionCase>5</SessionCase>"), false},
    {SPT_("<Method>INVITE</Method>"), false},
    {SPT_("<Group>0</Group><Method>REGISTER</Method><Extension>"
          "<RegistrationType>2</RegistrationType></Extension>"),
     true},
    {PROFILE("<CoreNetworkServicesAuthorization><SubscribedMediaProfileId>3"
             "</SubscribedMediaProfileId></CoreNetworkServicesAuthorization>"),
     true},
    {PROFILE("<Extension><SharedIFCSetID>7</SharedIFCSetID></Extension>"), true},
    {PROFILE("<Extension><SharedIFCSetID>x</SharedIFCSetID></Extension>"), false},
};

static void schema(void **state)
{
    char why[200];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        int err = hss_user_data_validate(str_from(documents[i].xml), why, sizeof(why));
        if (err != (documents[i].valid ? 0 : ERR_BAD))
            fail_msg("%d: %s", err, documents[i].xml);
    }
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identities),
        cmocka_unit_test(criteria),
        cmocka_unit_test(unregistered),
        cmocka_unit_test(schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
