// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/sim.h"
#include "scscf/registrar.h"

#define ID(uri) "<PublicIdentity><Identity>" uri "</Identity></PublicIdentity>"
#define PROFILE(ids)                                                                               \
    "<IMSSubscription><PrivateID>alice@d</PrivateID><ServiceProfile>" ids                          \
    "</ServiceProfile></IMSSubscription>"

static struct sim *sim;
static struct loop *loop;
static struct profile_store *store;
static struct registrar *r;
static unsigned expired;    // registrations
static unsigned contacts;   // that ran out
static unsigned news[4];    // by event
static struct registrar_observer observer;
static struct arena arena;

static void on_news(void *arg, const struct registration_news *n)
{
    (void)arg;
    news[n->event]++;
    if (n->event != REGISTRATION_UNBOUND || n->why != BINDING_EXPIRED)
        return;
    assert_non_null(registration_profile(n->reg));
    assert_true(binding_uri(n->binding).n > 0);
    contacts++;
    expired += registration_binding_count(n->reg) == 1;
}

static int set_up(void **state)
{
    (void)state;
    expired = contacts = 0;
    arena_init(&arena, NULL, 0);
    memset(news, 0, sizeof news);
    struct registrar_params p = {0};
    int err = sim_new(1, &sim);
    if (!err)
        err = sim_node(sim, "scscf", &loop);
    p.loop = loop;
    if (!err)
        err = profile_store_new(&store);
    if (!err)
        err = registrar_new(&p, &r);
    observer = (struct registrar_observer){.told = on_news};
    if (!err)
        registrar_observe(r, &observer);
    return err;
}

static int tear_down(void **state)
{
    (void)state;
    registrar_free(r);
    profile_store_free(store);
    arena_done(&arena);
    loop_free(loop);
    sim_free(sim);
    return mem_live() ? -1 : 0;
}

static struct profile *profile(const char *xml)
{
    struct profile *p = NULL;
    struct xml_error e;
    assert_int_equal(profile_parse(store, str_from(xml), &p, &e), 0);
    return p;
}

static struct registration *add(const char *xml)
{
    struct registration *reg = NULL;
    assert_int_equal(registrar_add(r, profile(xml), &reg), 0);
    return reg;
}

static struct binding_params contact(const char *uri, uint32_t expires)
{
    return (struct binding_params){.text = {[BINDING_URI] = str_from(uri),
                                            [BINDING_PATH] = STR("<sip:p;lr>"),
                                            [BINDING_CALL_ID] = STR("c1"),
                                            [BINDING_IMPI] = STR("alice@d")},
                                   .cseq = 1, .expires_s = expires, .q = 1000};
}

static void bind_to(struct registration *reg, const char *uri, uint32_t expires, struct binding *old)
{
    struct binding_params p = contact(uri, expires);
    assert_int_equal(registration_bind(reg, &p, NULL), 0);
    if (old)
        registration_unbind(reg, old, BINDING_REMOVED, STR_NONE);
}

static struct sip_uri uri(const char *text)
{
    struct sip_uri u;
    assert_int_equal(sip_uri_parse(&arena, str_from(text), &u), 0);
    return u;
}

static void found_by_every_identity(void **state)
{
    (void)state;
    size_t i = 9;
    struct registration *reg = add(PROFILE(ID("sip:alice@d") ID("tel:+1-555-0000001")));
    assert_ptr_equal(registrar_find(r, STR("sip:alice@d"), &i), reg);
    assert_int_equal(i, 0);
    struct sip_uri tel = uri("sip:+15550000001@d;user=phone");
    struct str canon = sip_uri_canon(&arena, &tel);
    assert_ptr_equal(registrar_find(r, canon, &i), reg);
    assert_int_equal(i, 1);
    assert_null(registrar_find(r, STR("sip:bob@d"), NULL));
    registration_free(reg);
    assert_null(registrar_find(r, STR("sip:alice@d"), NULL));
    assert_int_equal(registrar_count(r), 0);
}

static void a_new_profile_moves_the_keys(void **state)
{
    (void)state;
    struct registration *reg = add(PROFILE(ID("sip:alice@d") ID("sip:a@d")));
    assert_int_equal(registration_update(reg, profile(PROFILE(ID("sip:alice@d") ID("sip:b@d")))), 0);
    assert_ptr_equal(registrar_find(r, STR("sip:alice@d"), NULL), reg);
    assert_ptr_equal(registrar_find(r, STR("sip:b@d"), NULL), reg);
    assert_null(registrar_find(r, STR("sip:a@d"), NULL));
}

// RFC 3261 10.3: expiry of one binding, then of the registration.
static void bindings_expire(void **state)
{
    (void)state;
    struct registration *reg = add(PROFILE(ID("sip:alice@d")));
    bind_to(reg, "sip:a@192.0.2.1", 60, NULL);
    bind_to(reg, "sip:a@192.0.2.2", 120, NULL);
    assert_int_equal(registrar_bindings(r), 2);
    assert_string_equal(registration_state(reg), "Registered");
    (void)sim_run(sim, 59000);
    assert_int_equal(registration_binding_count(reg), 2);
    (void)sim_run(sim, 61000);
    assert_int_equal(registration_binding_count(reg), 1);
    assert_int_equal(expired, 0);
    assert_int_equal(contacts, 1);
    (void)sim_run(sim, 121000);
    assert_int_equal(expired, 1);
    assert_int_equal(registrar_count(r), 0);
    assert_int_equal(registrar_bindings(r), 0);
}

static void a_refresh_moves_the_expiry(void **state)
{
    (void)state;
    struct registration *reg = add(PROFILE(ID("sip:alice@d")));
    bind_to(reg, "sip:a@192.0.2.1", 60, NULL);
    (void)sim_run(sim, 50000);
    bind_to(reg, "sip:a@192.0.2.1", 60, registration_bindings(reg));
    assert_int_equal(registrar_bindings(r), 1);
    (void)sim_run(sim, 100000);
    assert_int_equal(expired, 0);
    (void)sim_run(sim, 111000);
    assert_int_equal(expired, 1);
}

// All that a contact said is there again, and counted.
static void texts_are_kept(void **state)
{
    (void)state;
    struct registration *reg = add(PROFILE(ID("sip:alice@d")));
    struct binding_params p = contact("sip:a@192.0.2.1", 60);
    struct binding *b = NULL;
    p.text[BINDING_DISPLAY] = STR("\"Alice\"");
    p.text[BINDING_PARAMS] = STR(";audio;+g.3gpp.smsip;q=0.7");
    p.text[BINDING_INSTANCE] = STR("<urn:x>");
    assert_int_equal(registration_bind(reg, &p, &b), 0);
    for (size_t i = 0; i < BINDING_TEXTS; i++)
        assert_true(str_eq(binding_text(b, (enum binding_text)i), p.text[i]));
    assert_true(registrar_binding_bytes(r) > sizeof *b);
    assert_ptr_equal(registration_binding(reg, b->id), b);
    assert_int_equal(registration_count_of(reg, STR("alice@d")), 1);
    assert_int_equal(registration_count_of(reg, STR("bob@d")), 0);
    registration_unbind(reg, b, BINDING_REMOVED, STR_NONE);
    assert_int_equal(registrar_binding_bytes(r), 0);
    static char big[UINT16_MAX + 1];
    p.text[BINDING_PARAMS] = str_make(big, sizeof big);
    assert_int_equal(registration_bind(reg, &p, NULL), ERR_TOOBIG);
}

// RFC 3261 10.3, RFC 5626 6: a contact by its address or instance, a flow by instance and reg-id.
static void contacts_match(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *instance;
        uint32_t reg_id;
        bool plain, flow; // is it the binding without and with reg-id 1?
    } rows[] = {
        {"SIP:a@192.0.2.1:5070;Transport=TCP", "", 0, true, true},
        {"SIP:a@192.0.2.1:5070;Transport=TCP", "<urn:y>", 0, true, true},
        {"sip:a@192.0.2.9", "", 0, false, false},
        {"sip:a@192.0.2.9", "<urn:x>", 0, true, true},
        {"sip:a@192.0.2.9", "<urn:x>", 1, true, true},
        {"sip:a@192.0.2.9", "<urn:x>", 2, true, false},
        {"sip:a@192.0.2.1:5070;transport=tcp", "<urn:x>", 2, true, false},
        {"sip:a@192.0.2.1:5070;transport=tcp", "<urn:y>", 1, true, false},
        {"sip:a@192.0.2.9", "<urn:y>", 1, false, false},
    };
    struct registration *reg = add(PROFILE(ID("sip:alice@d")));
    struct binding *plain, *flow;
    struct binding_params p = contact("sip:a@192.0.2.1:5070;transport=tcp", 60);
    p.text[BINDING_INSTANCE] = STR("<urn:x>");
    assert_int_equal(registration_bind(reg, &p, &plain), 0);
    p.reg_id = 1;
    assert_int_equal(registration_bind(reg, &p, &flow), 0);
    struct sip_uri at = uri("sip:a@192.0.2.1:5070;transport=tcp");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sip_uri u = uri(rows[i].uri);
        struct contact_key k = {&u, str_from(rows[i].instance), rows[i].reg_id};
        assert_int_equal(binding_is(plain, &at, &k), rows[i].plain);
        assert_int_equal(binding_is(flow, &at, &k), rows[i].flow);
    }
}

static void settled(void **state)
{
    (void)state;
    struct registration *reg = add(PROFILE(ID("sip:alice@d")));
    bind_to(reg, "sip:a@192.0.2.1", 60, NULL);
    bind_to(reg, "sip:a@192.0.2.2", 60, NULL);
    registration_unbind(reg, registration_bindings(reg), BINDING_REMOVED, STR_NONE);
    assert_false(registration_settle(reg));
    assert_string_equal(registration_state(reg), "Registered");
    registration_unbind(reg, registration_bindings(reg), BINDING_REMOVED, STR_NONE);
    assert_true(registration_settle(reg));
    assert_int_equal(registrar_count(r), 0);
    reg = add(PROFILE(ID("sip:alice@d")));
    assert_true(registration_settle(reg));
    assert_int_equal(registrar_count(r), 0);
}

// Whoever observes hears of each contact while it is there, and of the end when none is left.
static void observers_hear(void **state)
{
    (void)state;
    struct registration *reg = add(PROFILE(ID("sip:alice@d")));
    bind_to(reg, "sip:a@192.0.2.1", 60, NULL);
    bind_to(reg, "sip:a@192.0.2.2", 60, NULL);
    assert_int_equal(news[REGISTRATION_BOUND], 2);
    assert_int_equal(news[REGISTRATION_CHANGED], 0);
    registration_set_loose_route(reg, true);
    registration_set_loose_route(reg, true); // nothing new
    assert_int_equal(registration_set_charging(reg, STR("ccf=a")), 0);
    assert_int_equal(news[REGISTRATION_CHANGED], 2);
    assert_int_equal(registration_update(reg, profile(PROFILE(ID("sip:alice@d") ID("tel:+1")))), 0);
    assert_int_equal(news[REGISTRATION_CHANGED], 3);
    registration_end(reg, BINDING_DEACTIVATED);
    assert_int_equal(news[REGISTRATION_UNBOUND], 2);
    assert_int_equal(news[REGISTRATION_ENDED], 1);
}

// From before a restart: a binding keeps its number, and none is given twice.
static void numbers_go_on(void **state)
{
    (void)state;
    struct registration *reg = add(PROFILE(ID("sip:alice@d")));
    struct binding_params p = contact("sip:a@192.0.2.1", 60);
    struct binding *b;
    p.id = 41;
    assert_int_equal(registration_bind(reg, &p, &b), 0);
    assert_int_equal(b->id, 41);
    p.id = 0;
    assert_int_equal(registration_bind(reg, &p, &b), 0);
    assert_int_equal(b->id, 42);
}

static void charging_texts_are_shared(void **state)
{
    (void)state;
    struct registration *a = add(PROFILE(ID("sip:alice@d"))), *b = add(PROFILE(ID("sip:bob@d")));
    assert_null(registration_charging(a).p);
    assert_int_equal(registration_set_charging(a, STR("ccf=x")), 0);
    assert_int_equal(registration_set_charging(b, STR("ccf=x")), 0);
    assert_ptr_equal(registration_charging(a).p, registration_charging(b).p);
}

#define WILD(uri)                                                                                                      \
    "<PublicIdentity><Identity>" uri "</Identity><Extension><IdentityType>4</IdentityType></Extension></"              \
                                     "PublicIdentity>"

static struct registration *add_pattern(const char *before, unsigned i, const char *behind)
{
    char pattern[64], xml[500];
    (void)snprintf(pattern, sizeof pattern, "%s%u%s", before, i, behind);
    (void)snprintf(xml, sizeof xml, PROFILE(ID("sip:u%u@d") WILD("%s")), i, pattern);
    return add(xml);
}

// A look-up has an end: so many patterns with the same fixed parts and host are tried.
static void patterns_are_tried_so_far(void **state)
{
    (void)state;
    struct str pattern;
    struct registration *first = add_pattern("sip:a!b", 7, "!@d");
    for (unsigned i = 100; i < 200; i++)
        (void)add_pattern("sip:a!b", i, "!@d");
    (void)add_pattern("sip:a!x{", 3, "}!@d");
    assert_ptr_equal(registrar_find_covering(r, STR("sip:ab7@d"), &pattern), first);
    assert_null(registrar_find_covering(r, STR("sip:axxx@d"), &pattern));
}

// Those of other hosts, or with another end, are not met.
static void patterns_of_others_do_not_count(void **state)
{
    (void)state;
    struct str pattern;
    struct registration *last = NULL, *end = NULL, *tel = NULL;
    for (unsigned i = 100; i < 2100; i++)
        last = add_pattern("sip:!.*!@d", i, "");
    for (unsigned i = 100; i < 300; i++)
        end = add_pattern("sip:b!.*!", i, "@d");
    for (unsigned i = 100; i < 300; i++)
        tel = add_pattern("tel:7!.*!;phone-context=d", i, "");
    assert_ptr_equal(registrar_find_covering(r, STR("sip:me@d2099"), &pattern), last);
    assert_ptr_equal(registrar_find_covering(r, STR("sip:bxx299@d"), &pattern), end);
    assert_ptr_equal(registrar_find_covering(r, STR("tel:77;phone-context=d299"), &pattern), tel);
    assert_ptr_equal(registrar_find_pattern(r, STR("sip:!.*!@d2099"), NULL), last);
    registration_free(last);
    assert_null(registrar_find_covering(r, STR("sip:me@d2099"), &pattern));
}

// By whom, and by what of the set.
static void bound_by_what_is_covered(void **state)
{
    (void)state;
    struct registration *reg = add_pattern("sip:a![0-9]{", 1, "}!@d");
    static const struct str covered = STR_INIT("sip:a7@d"), impi = STR_INIT("alice@d"), other = STR_INIT("other@d");
    assert_false(registrar_is_bound(r, impi, covered, true));
    struct binding_params c = contact("sip:x", 100);
    assert_int_equal(registration_bind(reg, &c, NULL), 0);
    assert_true(registrar_is_bound(r, impi, covered, true));
    assert_true(registrar_is_bound(r, STR_NONE, covered, true));
    assert_false(registrar_is_bound(r, impi, covered, false));
    assert_true(registrar_is_bound(r, impi, STR("sip:u1@d"), false));
    assert_true(registrar_is_bound(r, impi, STR("sip:u1@d"), true));
    assert_false(registrar_is_bound(r, other, covered, true));
    assert_false(registrar_is_bound(r, other, STR("sip:u1@d"), true));
    assert_false(registrar_is_bound(r, impi, STR("sip:a77@d"), true));
}

static void out_of_memory(void **state)
{
    (void)state;
    long n = 0;
    for (int err = ERR_NOMEM; err; n++) {
        struct profile *p = profile(PROFILE(ID("sip:Alice@D") ID("tel:+1-5")));
        struct registration *reg = NULL;
        mem_fail_after(n);
        err = registrar_add(r, p, &reg);
        mem_fail_after(-1);
        assert_true(err == 0 || err == ERR_NOMEM);
        assert_int_equal(registrar_count(r), err ? 0 : 1);
        assert_true((registrar_find(r, STR("tel:+15"), NULL) != NULL) == !err);
    }
    assert_true(n > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(found_by_every_identity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_profile_moves_the_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bindings_expire, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refresh_moves_the_expiry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(contacts_match, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(settled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(observers_hear, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(charging_texts_are_shared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(patterns_are_tried_so_far, set_up, tear_down),
        cmocka_unit_test_setup_teardown(patterns_of_others_do_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bound_by_what_is_covered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(out_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
