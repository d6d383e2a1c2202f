// SPDX-License-Identifier: Apache-2.0
// A profile as bytes: what was read from XML is the same after a restart, and shared as it was.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "xml/profile_priv.h"
#include "xml/profile_record.h"

#define IFC                                                                                        \
    "<InitialFilterCriteria><Priority>3</Priority><TriggerPoint><ConditionTypeCNF>1</ConditionTypeCNF><SPT><Group>0" \
    "</Group><Method>INVITE</Method></SPT></TriggerPoint><ApplicationServer><ServerName>sip:as.example</ServerName>" \
    "</ApplicationServer></InitialFilterCriteria>"
#define ALICE                                                                                      \
    "<PublicIdentity><Identity>sip:alice@ims.example</Identity><Extension><IdentityType>0</IdentityType><Extension>" \
    "<DisplayName>Alice</DisplayName><AliasIdentityGroupID>g1</AliasIdentityGroupID></Extension></Extension>" \
    "</PublicIdentity>"
#define BARRED                                                                                     \
    "<PublicIdentity><BarringIndication>1</BarringIndication><Identity>tel:+15551</Identity></PublicIdentity>"
#define WILD                                                                                       \
    "<PublicIdentity><Identity>sip:x!.*!@ims.example</Identity><Extension><IdentityType>4</IdentityType></Extension>" \
    "</PublicIdentity>"
#define DOC(x) "<IMSSubscription><PrivateID>alice@ims.example</PrivateID>" x "</IMSSubscription>"
#define WHOLE DOC("<ServiceProfile>" ALICE BARRED IFC "</ServiceProfile><ServiceProfile>" WILD "</ServiceProfile>")

static struct profile_store *before, *after;

static int set_up(void **state)
{
    (void)state;
    int err = profile_store_new(&before);
    return err ? err : profile_store_new(&after);
}

static int tear_down(void **state)
{
    (void)state;
    profile_store_free(before);
    profile_store_free(after);
    return mem_live() ? -1 : 0;
}

static struct profile *parsed(const char *xml)
{
    struct profile *p;
    struct xml_error e;
    assert_int_equal(profile_parse(before, str_from(xml), &p, &e), 0);
    return p;
}

// ---- the keeper of parts: number i is the i-th ----

struct parts {
    struct service_entry *of[4];
    size_t n;
};

static struct service_entry *part(void *arg, uint32_t name)
{
    const struct parts *k = arg;
    return name && name <= k->n ? k->of[name - 1] : NULL;
}

static void load_parts(struct parts *k, const struct profile *p)
{
    struct xml_error e;
    for (k->n = 0; k->n < profile_part_count(p); k->n++)
        assert_int_equal(profile_part_load(after, profile_part_text(profile_part_at(p, k->n)), &k->of[k->n], &e), 0);
}

static void drop_parts(struct parts *k)
{
    while (k->n)
        profile_part_drop(after, k->of[--k->n]);
}

static struct str written(const struct profile *p, char *room, size_t size)
{
    static const uint32_t names[] = {1, 2, 3, 4};
    struct writer w = writer_init(room, size);
    profile_record_write(p, names, &w);
    assert_false(w.failed);
    assert_int_equal(w.n, profile_record_size(p));
    return writer_done(&w);
}

static void assert_same(struct str a, struct str b)
{
    if (!str_eq(a, b))
        fail_msg("\"%.*s\" is not \"%.*s\"", STR_ARG(a), STR_ARG(b));
}

static void same_afterwards(void **state)
{
    (void)state;
    char room[2048];
    struct parts k;
    struct profile *p = parsed(WHOLE), *q, *r;
    struct str bytes = written(p, room, sizeof room);
    load_parts(&k, p);
    assert_int_equal(profile_record_read(after, bytes, part, &k, &q), 0);
    assert_int_equal(profile_record_read(after, bytes, part, &k, &r), 0);
    drop_parts(&k);
    assert_int_equal(profile_store_count(after), 2); // shared
    assert_same(profile_impi(q), profile_impi(p));
    assert_int_equal(profile_identity_count(q), 3);
    for (size_t i = 0; i < 3; i++) {
        struct profile_identity a = profile_identity_at(p, i), b = profile_identity_at(q, i);
        assert_same(b.uri, a.uri);
        assert_same(b.wildcard, a.wildcard);
        assert_same(b.display_name, a.display_name);
        assert_same(b.alias_group, a.alias_group);
        assert_int_equal(b.barred, a.barred);
        assert_int_equal(b.type, a.type);
    }
    const struct service_profile *s = profile_service(q, 1);
    assert_int_equal(s->n_ifcs, 1);
    assert_int_equal(s->ifcs[0].priority, 3);
    assert_int_equal(profile_service(q, 2)->n_ifcs, 0);
    profile_free(p);
    profile_free(q);
    profile_free(r);
}

// Prefixes of the document are not in the part.
static void prefixes_are_of_no_weight(void **state)
{
    (void)state;
    struct parts k;
    struct profile *p = parsed("<c:IMSSubscription xmlns:c=\"urn:3gpp\" xmlns:x=\"urn:x\">"
                               "<c:PrivateID>a@b</c:PrivateID><c:ServiceProfile>"
                               "<c:PublicIdentity><c:Identity>sip:a@b</c:Identity></c:PublicIdentity>"
                               "<c:InitialFilterCriteria x:y=\"1\"><c:Priority>7</c:Priority><c:ApplicationServer>"
                               "<c:ServerName>sip:as.example</c:ServerName></c:ApplicationServer>"
                               "</c:InitialFilterCriteria></c:ServiceProfile></c:IMSSubscription>");
    char room[512];
    struct str bytes = written(p, room, sizeof room);
    load_parts(&k, p);
    struct profile *q;
    assert_int_equal(profile_record_read(after, bytes, part, &k, &q), 0);
    assert_int_equal(profile_service(q, 0)->n_ifcs, 1);
    assert_int_equal(profile_service(q, 0)->ifcs[0].priority, 7);
    profile_free(p);
    profile_free(q);
    drop_parts(&k);
}

static void what_is_not_whole_is_refused(void **state)
{
    (void)state;
    char room[2048], copy[2048];
    struct parts k;
    struct profile *p = parsed(WHOLE), *q = NULL;
    struct str bytes = written(p, room, sizeof room);
    load_parts(&k, p);
    for (size_t n = 0; n < bytes.n; n++)
        assert_int_equal(profile_record_read(after, str_head(bytes, n), part, &k, &q), ERR_BAD);
    memcpy(copy, bytes.p, bytes.n);
    copy[bytes.n] = 0;
    assert_int_equal(profile_record_read(after, str_make(copy, bytes.n + 1), part, &k, &q), ERR_BAD);
    // Each byte turned over: refused, or a profile that can be walked.
    for (size_t i = 0; i < bytes.n; i++) {
        copy[i] = (char)~copy[i];
        if (profile_record_read(after, str_make(copy, bytes.n), part, &k, &q) == 0) {
            for (size_t j = 0; j < profile_identity_count(q); j++)
                assert_non_null(profile_service(q, j));
            profile_free(q);
        }
        copy[i] = bytes.p[i];
    }
    struct parts none = {.n = 0};
    assert_int_equal(profile_record_read(after, bytes, part, &none, &q), ERR_NOTFOUND);
    drop_parts(&k);
    profile_free(p);
}

static void parts_that_are_none(void **state)
{
    (void)state;
    struct service_entry *e;
    struct xml_error why;
    assert_int_equal(profile_part_load(after, STR("<a>"), &e, &why), ERR_BAD);
    assert_int_equal(profile_part_load(after, STR("</ServiceProfile><x>"), &e, &why), ERR_BAD);
    assert_int_equal(profile_store_count(after), 0);
}

// ---- what else an HSS may write ----

static void assert_read_back(const char *service, size_t n_ifcs)
{
    static char xml[PROFILE_XML_MAX];
    struct xml_error why;
    struct parts k;
    (void)snprintf(xml, sizeof xml, DOC("<ServiceProfile>" ALICE "%s</ServiceProfile>"), service);
    struct profile *p = parsed(xml);
    assert_int_equal(profile_part_check(profile_part_at(p, 0), &why), 0);
    load_parts(&k, p);
    assert_int_equal(k.of[0]->body.n_ifcs, n_ifcs);
    assert_int_equal(k.of[0]->n_skipped, 0);
    drop_parts(&k);
    profile_free(p);
}

#define WITHIN(x) "<Extension><Note>" x "</Note></Extension>"

static void remarks_say_nothing(void **state)
{
    (void)state;
    assert_read_back("<!--MMTel:voice-->" IFC, 1);
    assert_read_back(WITHIN("<!--MMTel:voice--><?mmtel:voice on?>") IFC, 1);
    assert_read_back(WITHIN("<?mmtel:a b?>x<!--:--><b/><!-- a:b -->") WITHIN("<b><c/><!--d:e--></b>") IFC, 1);
    assert_read_back(WITHIN("<![CDATA[<!--a:b--><c:d>]]>") IFC, 1);
    assert_int_equal(profile_store_count(before), 0);
    struct profile *p = parsed(DOC("<ServiceProfile>" ALICE WITHIN("<!--a:b-->") "</ServiceProfile>"));
    assert_same(profile_part_text(profile_part_at(p, 0)), STR("<Extension><Note/></Extension>"));
    profile_free(p);
    struct service_entry *e; // of before
    struct xml_error why;
    assert_int_equal(profile_part_load(after, STR("<a><!--b:c--><?d:e?></a>"), &e, &why), 0);
    profile_part_drop(after, e);
}

// What is one byte in CDATA is up to five in the text.
static void text_grows(void **state)
{
    (void)state;
    enum { BYTES = 100000 };
    static char service[BYTES + 200];
    size_t n = (size_t)snprintf(service, sizeof service, "<Extension><Note><![CDATA[");
    memset(service + n, '&', BYTES);
    (void)snprintf(service + n + BYTES, sizeof service - n - BYTES, "]]></Note></Extension>");
    assert_read_back(service, 0);
}

static void prefixed(char *xml, size_t size, size_t n_prefixes)
{
    size_t n = (size_t)snprintf(xml, size, "<IMSSubscription");
    for (size_t i = 0; i < n_prefixes; i++) // on two elements: one may have 32
        n += (size_t)snprintf(xml + n, size - n, "%s xmlns:p%zu=\"urn:%zu\"",
                              i == 20 ? "><PrivateID>a@b</PrivateID><ServiceProfile" : "", i, i);
    n += (size_t)snprintf(xml + n, size - n, "%s>" ALICE "<Extension>",
                          n_prefixes > 20 ? "" : "><PrivateID>a@b</PrivateID><ServiceProfile");
    for (size_t i = 0; i < n_prefixes; i++)
        n += (size_t)snprintf(xml + n, size - n, "<p%zu:x/>", i);
    (void)snprintf(xml + n, size - n, "</Extension>" IFC "</ServiceProfile></IMSSubscription>");
}

// Who has more of them than can be declared again has a part that cannot be kept, and it says so.
static void many_prefixes(void **state)
{
    (void)state;
    char xml[8192];
    struct xml_error why;
    prefixed(xml, sizeof xml, 24);
    struct profile *p = parsed(xml);
    assert_int_equal(profile_part_check(profile_part_at(p, 0), &why), 0);
    profile_free(p);
    prefixed(xml, sizeof xml, 25);
    p = parsed(xml);
    struct service_entry *e;
    assert_int_equal(profile_part_check(profile_part_at(p, 0), &why), ERR_TOOBIG);
    assert_string_equal(why.what, "prefixes");
    assert_int_equal(profile_part_load(after, profile_part_text(profile_part_at(p, 0)), &e, &why), ERR_TOOBIG);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(same_afterwards, set_up, tear_down),
        cmocka_unit_test_setup_teardown(prefixes_are_of_no_weight, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_whole_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parts_that_are_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(remarks_say_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_grows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_prefixes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
