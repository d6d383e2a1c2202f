// SPDX-License-Identifier: Apache-2.0
// Documents that differ in names alone: read without a parser, and as the parser reads them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "xml/forms.h"

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?><IMSSubscription><PrivateID>%s@ims.example</PrivateID>"
#define SIP "<PublicIdentity><Identity>sip:%s@ims.example</Identity></PublicIdentity>"
#define TEL "<PublicIdentity><BarringIndication>1</BarringIndication><Identity>tel:+1555%s</Identity></PublicIdentity>"
#define ALIAS                                                                                                          \
    "<PublicIdentity><Identity>sip:%s@b.example</Identity><Extension><IdentityType>0</IdentityType><Extension>"        \
    "<DisplayName>User %s</DisplayName><AliasIdentityGroupID>g%s</AliasIdentityGroupID></Extension></Extension>"       \
    "</PublicIdentity>"
#define WILD                                                                                                           \
    "<PublicIdentity><Identity>sip:%s@w.example</Identity><Extension><IdentityType>4</IdentityType><Extension>"        \
    "<Extension><WildcardedIMPU>sip:x!.*!@w.example</WildcardedIMPU></Extension></Extension></Extension>"              \
    "</PublicIdentity>"
#define IFC                                                                                                            \
    "<InitialFilterCriteria><Priority>1</Priority><ApplicationServer><ServerName>sip:as.example</ServerName>"          \
    "</ApplicationServer></InitialFilterCriteria>"
#define SERVICE(x) "<ServiceProfile>" x "</ServiceProfile>"
#define END "</IMSSubscription>"

enum { TEXT_MAX = 8192 };

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

// The document with name for each %s.
static struct str document(const char *form, const char *name)
{
    static char text[TEXT_MAX];
    size_t n = 0;
    for (const char *at = form; *at; at++) {
        bool here = at[0] == '%' && at[1] == 's';
        assert_true(n + strlen(name) + 1 < sizeof text);
        n += (size_t)sprintf(text + n, here ? "%s" : "%.1s", here ? name : at);
        at += here;
    }
    return str_make(text, n);
}

static void assert_same_service(const struct service_profile *a, const struct service_profile *b)
{
    assert_int_equal(a->n_ifcs, b->n_ifcs);
    assert_int_equal(a->n_service_ids, b->n_service_ids);
    assert_int_equal(a->has_media_profile, b->has_media_profile);
    for (size_t i = 0; i < a->n_ifcs; i++)
        assert_true(str_eq(a->ifcs[i].as_uri, b->ifcs[i].as_uri));
}

static void assert_same(const struct profile *a, const struct profile *b)
{
    assert_true(str_eq(profile_impi(a), profile_impi(b)));
    assert_int_equal(profile_identity_count(a), profile_identity_count(b));
    assert_int_equal(profile_default(a), profile_default(b));
    for (size_t i = 0; i < profile_identity_count(a); i++) {
        struct profile_identity x = profile_identity_at(a, i), y = profile_identity_at(b, i);
        assert_true(str_eq(x.uri, y.uri) && str_eq(x.wildcard, y.wildcard));
        assert_true(str_eq(x.display_name, y.display_name) && str_eq(x.alias_group, y.alias_group));
        assert_true(x.barred == y.barred && x.type == y.type);
        assert_int_equal(x.display_name.p == NULL, y.display_name.p == NULL);
        assert_same_service(profile_service(a, i), profile_service(b, i));
    }
}

// As the store reads it, whatever it knows, and as a parser does that has seen nothing else.
static struct profile *read_both(struct str xml)
{
    struct profile_store *other;
    struct profile *p = NULL, *q = NULL;
    struct xml_error e, f;
    assert_int_equal(profile_store_new(&other), 0);
    int err = profile_parse(store, xml, &p, &e);
    assert_int_equal(err, profile_parse(other, xml, &q, &f));
    if (!err)
        assert_same(p, q);
    else
        assert_string_equal(e.what, f.what);
    profile_free(q);
    profile_store_free(other);
    return p;
}

static void with_names(const char *form, const char *const *names, size_t n, struct profile **ret_all)
{
    for (size_t i = 0; i < n; i++)
        ret_all[i] = read_both(document(form, names[i]));
}

static void free_all(struct profile **all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        profile_free(all[i]);
}

#define WHOLE HEAD SERVICE(SIP TEL ALIAS IFC) SERVICE(WILD) END

// The second one makes the form, the others have it.
static void names_fill_a_form(void **state)
{
    static const char *const names[] = {"1", "22", "333", "4 4", "a;b=c", "22"};
    enum { N = ARRAY_LEN(names) };
    struct profile *all[N];
    (void)state;
    with_names(WHOLE, names, 1, all);
    assert_int_equal(profile_store_forms(store), 0);
    with_names(WHOLE, names + 1, N - 1, all + 1);
    assert_int_equal(profile_store_forms(store), 1);
    assert_int_equal(profile_store_filled(store), N - 2);
    assert_int_equal(profile_store_count(store), 2);
    free_all(all, N);
}

// What a parser would change or refuse is the parser's.
static void odd_names_are_parsed(void **state)
{
    static const char *const names[] = {"1",       "2",    "a &amp; b", "<!-- x -->c", "&lt;",     "\xc3\xa9", "a\tb",
                                        "x<y/>z",  "a]]>", "<![CDATA[d]]>", "&#65;",   "a &bad; b", "\x01",     "e "};
    enum { N = ARRAY_LEN(names) };
    struct profile *all[N];
    (void)state;
    with_names(HEAD SERVICE("<PublicIdentity><Identity>sip:a@b</Identity><Extension><IdentityType>0</IdentityType>"
                            "<Extension><DisplayName>%s</DisplayName></Extension></Extension></PublicIdentity>") END,
               names, N, all);
    assert_int_equal(profile_store_filled(store), 0);
    free_all(all, N);
}

static void what_no_form_may_have(void **state)
{
    static const char *const forms[] = {
        HEAD SERVICE(SIP "<!-- <Identity>%s</Identity> -->") END,
        HEAD SERVICE(SIP "<?pi <Identity>%s</Identity> ?>") END,
        HEAD SERVICE(SIP "<Extension><Identity>%s</Identity></Extension>") END,
        HEAD SERVICE("<PublicIdentity><Identity>sip:%s@x</Identity><Identity>sip:%s@y</Identity></PublicIdentity>") END,
        HEAD SERVICE(SIP) "<Other><Identity>%s</Identity></Other>" END,
    };
    static const char *const names[] = {"1", "2", "3", "4"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct profile *all[ARRAY_LEN(names)];
        with_names(forms[i], names, ARRAY_LEN(names), all);
        assert_int_equal(profile_store_forms(store), 0);
        assert_int_equal(profile_store_count(store), i == 2 ? ARRAY_LEN(names) : 1);
        free_all(all, ARRAY_LEN(names));
    }
}

static void no_identity_is_refused_as_ever(void **state)
{
    static const char *const names[] = {"sip:1", "sip:2", "sip:3", "http:4", "sip:5"};
    struct profile *all[ARRAY_LEN(names)];
    (void)state;
    with_names("<IMSSubscription><PrivateID>p</PrivateID>" SERVICE(
                   "<PublicIdentity><Identity>%s</Identity></PublicIdentity>") END,
               names, ARRAY_LEN(names), all);
    assert_null(all[3]);
    assert_int_equal(profile_store_filled(store), 2);
    free_all(all, ARRAY_LEN(names));
}

// A form holds no service part: both go with the last user.
static void the_last_user_takes_it_along(void **state)
{
    static const char *const names[] = {"1", "2", "3"};
    struct profile *all[ARRAY_LEN(names)];
    (void)state;
    with_names(WHOLE, names, ARRAY_LEN(names), all);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(profile_store_forms(store), 1);
        profile_free(all[i]);
    }
    assert_int_equal(profile_store_forms(store), 0);
    assert_int_equal(profile_store_count(store), 0);
}

// However many kinds of documents there are, so many forms are kept, and of those the ones in use.
static void forms_are_bounded(void **state)
{
    enum { KINDS = FORMS_MAX + 5, TIMES = 2 };
    static struct profile *all[KINDS][TIMES], *first[KINDS + TIMES];
    (void)state;
    for (size_t i = 0; i < TIMES; i++)
        first[i] = read_both(document(WHOLE, "0"));
    for (size_t i = 0; i < KINDS; i++) {
        char form[512];
        (void)snprintf(form, sizeof form, "%s%s<X>%zu</X>%s%s", HEAD, "<ServiceProfile>" SIP, i, IFC,
                       "</ServiceProfile>" END);
        for (size_t k = 0; k < TIMES; k++)
            all[i][k] = read_both(document(form, k ? "1" : "2"));
        uint64_t filled = profile_store_filled(store);
        first[TIMES + i] = read_both(document(WHOLE, "3"));
        assert_int_equal(profile_store_filled(store), filled + 1);
    }
    assert_int_equal(profile_store_forms(store), FORMS_MAX);
    free_all(&all[0][0], KINDS * TIMES);
    free_all(first, KINDS + TIMES);
}

static void without_memory_it_is_parsed(void **state)
{
    (void)state;
    bool learned = false;
    for (long n = 0; !learned; n++) {
        struct profile *a = read_both(document(WHOLE, "1")), *b = NULL;
        struct xml_error e;
        mem_fail_after(n);
        int err = profile_parse(store, document(WHOLE, "2"), &b, &e);
        mem_fail_after(-1);
        assert_true(err == 0 || err == ERR_NOMEM);
        learned = profile_store_forms(store) == 1;
        struct profile *c = read_both(document(WHOLE, "3"));
        profile_free(a);
        profile_free(b);
        profile_free(c);
        profile_store_free(store); // what has been seen is seen no more
        assert_int_equal(profile_store_new(&store), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_fill_a_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(odd_names_are_parsed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_no_form_may_have, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_identity_is_refused_as_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_user_takes_it_along, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forms_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_memory_it_is_parsed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
