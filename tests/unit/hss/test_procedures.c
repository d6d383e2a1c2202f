// SPDX-License-Identifier: Apache-2.0
// Every result of UAR, LIR, MAR and SAR: situation -> result
// (TS 29.228 6.1.1.1, 6.1.2.1, 6.1.4.1, 6.3.1).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "tests/common/subscribers.h"
#include "world.h"

#define IMPI(name) name "@" DOMAIN
#define IMPU(name) "sip:" name "@" DOMAIN
#define BASE false
#define CX true

// What happened to the subscriber before.
enum before { NEW, PENDING, REGISTERED, UNREGISTERED, REGISTERED_AGAIN_PENDING };

static void expect_success(const char *what, struct reply r)
{
    expect_result(what, r.result, DIA_SUCCESS, BASE);
}

static void do_mar(struct world *w, const char *impi, const char *impu)
{
    struct cx_mar m = world_mar_of(impi, impu);
    expect_success("MAR", world_mar(w, &m));
}

static void do_sar(struct world *w, const char *impi, const char *impu, enum cx_sar_type type)
{
    struct cx_sar s = world_sar_of(impi, impu, type);
    expect_success("SAR", world_sar(w, &s));
}

static void bring(struct world *w, enum before b, const char *impi, const char *impu)
{
    if (b == PENDING || b == REGISTERED || b == REGISTERED_AGAIN_PENDING)
        do_mar(w, impi, impu);
    if (b == REGISTERED || b == REGISTERED_AGAIN_PENDING)
        do_sar(w, impi, impu, CX_REGISTRATION);
    if (b == REGISTERED_AGAIN_PENDING) {
        struct cx_mar m = world_mar_of(impi, impu);
        m.server_name = STR(SCSCF2);
        expect_success("MAR", world_mar(w, &m));
    }
    if (b == UNREGISTERED)
        do_sar(w, NULL, impu, CX_UNREGISTERED_USER);
}

enum gives { NOTHING, NAME, CAPS };

struct uar_row {
    const char *what;
    enum before before;
    const char *impi, *impu, *visited;
    enum cx_uar_type type;
    bool emergency;
    uint32_t code;
    bool cx;
    enum gives gives;
};

#define REG CX_UAR_REGISTRATION
#define DEREG CX_UAR_DE_REGISTRATION
#define RAC CX_UAR_REGISTRATION_AND_CAPABILITIES

static const struct uar_row uar_rows[] = {
    // clang-format off
    {"unknown IMPI", NEW, IMPI("nobody"), IMPU("alice"), DOMAIN, REG, false, CX_ERROR_USER_UNKNOWN, CX, NOTHING},
    {"unknown IMPU", NEW, IMPI("alice"), IMPU("nobody"), DOMAIN, REG, false, CX_ERROR_USER_UNKNOWN, CX, NOTHING},
    {"not together", NEW, IMPI("alice"), IMPU("bob"), DOMAIN, REG, false, CX_ERROR_IDENTITIES_DONT_MATCH, CX, NOTHING},
    {"barred, set open", NEW, IMPI("alice"), IMPU("001010000000001"), DOMAIN, REG, false, CX_FIRST_REGISTRATION, CX,
     CAPS},
    {"all barred", NEW, IMPI("shut"), IMPU("shut"), DOMAIN, REG, false, DIA_AUTHORIZATION_REJECTED, BASE, NOTHING},
    {"all barred, de-registration", NEW, IMPI("shut"), IMPU("shut"), DOMAIN, DEREG, false, DIA_AUTHORIZATION_REJECTED,
     BASE, NOTHING},
    {"all barred, emergency", NEW, IMPI("shut"), IMPU("shut"), "else.example", REG, true, CX_FIRST_REGISTRATION, CX,
     CAPS},
    {"roaming", NEW, IMPI("alice"), IMPU("alice"), "else.example", REG, false, CX_ERROR_ROAMING_NOT_ALLOWED, CX,
     NOTHING},
    {"roaming, empty", NEW, IMPI("alice"), IMPU("alice"), "", REG, false, CX_ERROR_ROAMING_NOT_ALLOWED, CX, NOTHING},
    {"roaming, capabilities", NEW, IMPI("alice"), IMPU("alice"), "else.example", RAC, false,
     CX_ERROR_ROAMING_NOT_ALLOWED, CX, NOTHING},
    {"roaming, de-registration", REGISTERED, IMPI("alice"), IMPU("alice"), "else.example", DEREG, false, DIA_SUCCESS,
     BASE, NAME},
    {"registration denied", NEW, IMPI("denied"), IMPU("denied"), DOMAIN, REG, false, DIA_AUTHORIZATION_REJECTED, BASE,
     NOTHING},
    {"registration denied, capabilities", NEW, IMPI("denied"), IMPU("denied"), DOMAIN, RAC, false,
     DIA_AUTHORIZATION_REJECTED, BASE, NOTHING},
    {"first", NEW, IMPI("alice"), IMPU("alice"), DOMAIN, REG, false, CX_FIRST_REGISTRATION, CX, CAPS},
    {"first, by its tel URI in another spelling", NEW, IMPI("alice"), "tel:+1-555-000-0001", DOMAIN, REG, false,
     CX_FIRST_REGISTRATION, CX, CAPS},
    {"capabilities", NEW, IMPI("alice"), IMPU("alice"), DOMAIN, RAC, false, DIA_SUCCESS, BASE, CAPS},
    {"capabilities though registered", REGISTERED, IMPI("alice"), IMPU("alice"), DOMAIN, RAC, false, DIA_SUCCESS, BASE,
     CAPS},
    {"de-registration of nothing", NEW, IMPI("alice"), IMPU("alice"), DOMAIN, DEREG, false,
     CX_ERROR_IDENTITY_NOT_REGISTERED, CX, NOTHING},
    {"de-registration while pending", PENDING, IMPI("alice"), IMPU("alice"), DOMAIN, DEREG, false,
     CX_ERROR_IDENTITY_NOT_REGISTERED, CX, NOTHING},
    {"challenge outstanding", PENDING, IMPI("alice"), IMPU("alice"), DOMAIN, REG, false, CX_SUBSEQUENT_REGISTRATION, CX,
     NAME},
    {"registered", REGISTERED, IMPI("alice"), IMPU("alice"), DOMAIN, REG, false, CX_SUBSEQUENT_REGISTRATION, CX, NAME},
    {"registered through a sibling", REGISTERED, IMPI("alice"), "tel:+15550000001", DOMAIN, REG, false,
     CX_SUBSEQUENT_REGISTRATION, CX, NAME},
    {"another implicit set is registered", REGISTERED, IMPI("bob"), IMPU("work"), DOMAIN, REG, false,
     CX_SUBSEQUENT_REGISTRATION, CX, NAME},
    {"de-registration", REGISTERED, IMPI("alice"), IMPU("alice"), DOMAIN, DEREG, false, DIA_SUCCESS, BASE, NAME},
    {"unregistered", UNREGISTERED, IMPI("alice"), IMPU("alice"), DOMAIN, REG, false, CX_SUBSEQUENT_REGISTRATION, CX,
     NAME},
    {"unregistered, de-registration", UNREGISTERED, IMPI("alice"), IMPU("alice"), DOMAIN, DEREG, false, DIA_SUCCESS,
     BASE, NAME},
    // clang-format on
};

static const char *first_impu(const char *impi)
{
    return strcmp(impi, IMPI("bob")) == 0 ? IMPU("bob") : IMPU("alice");
}

static void uar_one(const struct uar_row *row)
{
    struct world w;
    world_open(&w, true);
    bring(&w, row->before, row->impi, first_impu(row->impi));
    struct reply r = world_uar(&w, &(struct cx_uar){
                                       .impi = str_from(row->impi),
                                       .impu = str_from(row->impu),
                                       .visited_network = str_from(row->visited),
                                       .type = row->type,
                                       .emergency = row->emergency,
                                   });
    expect_result(row->what, r.result, row->code, row->cx);
    assert_int_equal(r.has_server_name, row->gives == NAME);
    assert_int_equal(r.capabilities.present, row->gives == CAPS);
    if (row->gives == NAME)
        assert_string_equal(r.server_name, SCSCF);
    world_close(&w);
}

static void uar(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(uar_rows); i++)
        uar_one(&uar_rows[i]);
}

static void uar_capabilities(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    struct reply r = world_uar(&w, &(struct cx_uar){.impi = STR(IMPI("alice")),
                                                    .impu = STR(IMPU("alice")),
                                                    .visited_network = STR(DOMAIN)});
    assert_int_equal(r.capabilities.n_mandatory, 2);
    assert_int_equal(r.capabilities.mandatory[1], 2);
    assert_int_equal(r.capabilities.n_optional, 1);
    assert_int_equal(r.capabilities.optional[0], 7);
    assert_int_equal(r.capabilities.n_server_names, 1);
    world_close(&w);
}

static struct cx_capabilities capabilities_of(struct world *w, const char *impi, const char *impu)
{
    return world_uar(w, &(struct cx_uar){.impi = str_from(impi),
                                         .impu = str_from(impu),
                                         .visited_network = STR(DOMAIN)})
        .capabilities;
}

// TS 29.228 6.1.1.1: an answer without capabilities means any S-CSCF, which not every I-CSCF understands.
static void any_scscf_will_do(void **state)
{
    static const struct str pool[] = {STR_INIT("sip:s1.example"), STR_INIT("sip:s2.example")};
    struct world w;
    (void)state;
    world_open(&w, true);
    struct hss_settings s = w.hss->settings;
    s.anyone_capability = 3;
    hss_configure(w.hss, &s);
    struct cx_capabilities c = capabilities_of(&w, IMPI("bob"), IMPU("bob"));
    assert_true(c.present && !c.n_mandatory && !c.n_server_names);
    assert_int_equal(c.n_optional, 1);
    assert_int_equal(c.optional[0], 3);
    s.anyone = HSS_ANYONE_EMPTY;
    hss_configure(w.hss, &s);
    c = capabilities_of(&w, IMPI("bob"), IMPU("bob"));
    assert_true(c.present && !c.n_optional);
    s.anyone = HSS_ANYONE_ABSENT;
    hss_configure(w.hss, &s);
    assert_false(capabilities_of(&w, IMPI("bob"), IMPU("bob")).present);
    s.pool = pool;
    s.n_pool = ARRAY_LEN(pool);
    hss_configure(w.hss, &s);
    c = capabilities_of(&w, IMPI("bob"), IMPU("bob"));
    assert_true(c.present && !c.n_optional);
    assert_int_equal(c.n_server_names, 2);
    c = capabilities_of(&w, IMPI("alice"), IMPU("alice")); // whose S-CSCF must have something
    assert_int_equal(c.n_server_names, 1);
    assert_int_equal(c.n_mandatory, 2);
    world_close(&w);
}

// RFC 7315 5.3: a token and a quoted-string of the same value are the same network.
static void visited_networks(void **state)
{
    static const struct {
        const char *allowed, *visited;
        bool ok;
    } rows[] = {
        {"home.example", "home.example", true},
        {"home.example", "\"home.example\"", true},
        {"home.example", "\"Home.Example\";type=x", true},
        {"home.example", "home.example;type=x", true},
        {"\"home.example\"", "home.example", true},
        {"a.example \"Visited network 1\" b.example", "\"Visited network 1\"", true},
        {"a.example \"Visited network 1\" b.example", "Visited", false},
        {"a.example \"Visited network 1\" b.example", "b.example", true},
        {"\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\"", true},
        {"home.example", "home.example.net", false},
        {"home.example", "\"home", false},
        {"home.example", "\"\"", false},
        {"home.example", "", false},
        {"*", "\"anything\"", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str list = str_from(rows[i].allowed), word;
        bool ok = false;
        while ((word = hss_network_next(&list)).n)
            ok = ok || str_eq(word, STR("*")) || hss_network_eq(word, str_from(rows[i].visited));
        if (ok != rows[i].ok)
            fail_msg("%s, %s", rows[i].allowed, rows[i].visited);
    }
}

struct lir_row {
    const char *what;
    enum before before;
    const char *impi, *impu;
    bool originating, and_capabilities;
    uint32_t code;
    bool cx;
    enum gives gives;
};

static const struct lir_row lir_rows[] = {
    // clang-format off
    {"unknown", NEW, "", IMPU("nobody"), false, false, CX_ERROR_USER_UNKNOWN, CX, NOTHING},
    {"not registered", NEW, "", IMPU("alice"), false, false, CX_ERROR_IDENTITY_NOT_REGISTERED, CX, NOTHING},
    {"challenge outstanding", PENDING, IMPI("alice"), IMPU("alice"), false, false, CX_ERROR_IDENTITY_NOT_REGISTERED, CX,
     NOTHING},
    {"registered", REGISTERED, IMPI("alice"), IMPU("alice"), false, false, DIA_SUCCESS, BASE, NAME},
    {"registered, barred sibling", REGISTERED, IMPI("alice"), IMPU("001010000000001"), false, false, DIA_SUCCESS, BASE,
     NAME},
    {"unregistered", UNREGISTERED, IMPI("alice"), IMPU("alice"), false, false, DIA_SUCCESS, BASE, NAME},
    {"capabilities, for restoration", REGISTERED, IMPI("alice"), IMPU("alice"), false, true, DIA_SUCCESS, BASE, NAME},
    {"the same, nobody registered", NEW, "", IMPU("alice"), false, true, CX_ERROR_IDENTITY_NOT_REGISTERED, CX, NOTHING},
    {"service for the unregistered", NEW, "", IMPU("vm-user"), false, false, CX_UNREGISTERED_SERVICE, CX, CAPS},
    {"the same, S-CSCF assigned", PENDING, IMPI("vm"), IMPU("vm-user"), false, false, DIA_SUCCESS, BASE, NAME},
    {"originating, not registered", NEW, "", IMPU("alice"), true, false, CX_UNREGISTERED_SERVICE, CX, CAPS},
    // clang-format on
};

static void lir(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lir_rows); i++) {
        const struct lir_row *row = &lir_rows[i];
        struct world w;
        world_open(&w, true);
        bring(&w, row->before, row->impi, row->impu);
        struct reply r = world_lir(&w, &(struct cx_lir){.impu = str_from(row->impu),
                                                        .originating = row->originating,
                                                        .and_capabilities = row->and_capabilities});
        expect_result(row->what, r.result, row->code, row->cx);
        assert_int_equal(r.has_server_name, row->gives == NAME);
        assert_int_equal(r.capabilities.present, row->gives == CAPS);
        world_close(&w);
    }
}

// TS 29.228 6.1.4.1: what counts as a terminating service of the unregistered state.
#define IFC(cases, part)                                                                           \
    "<InitialFilterCriteria><Priority>1</Priority><TriggerPoint><ConditionTypeCNF>1"               \
    "</ConditionTypeCNF>" cases "</TriggerPoint><ApplicationServer><ServerName>sip:as.example"     \
    "</ServerName></ApplicationServer>" part "</InitialFilterCriteria>"
#define CASE(c) "<SPT><Group>0</Group><SessionCase>" #c "</SessionCase></SPT>"
#define METHOD "<SPT><Group>0</Group><Method>INVITE</Method></SPT>"
#define PART(p) "<ProfilePartIndicator>" #p "</ProfilePartIndicator>"

static void services_of_the_unregistered(void **state)
{
    static const struct {
        const char *xml;
        bool counts;
    } rows[] = {
        {IFC(CASE(2), ""), true},       {IFC(CASE(3), ""), false},
        {IFC(CASE(1), ""), false},      {IFC(METHOD, PART(1)), true},
        {IFC(CASE(3), PART(1)), false}, {IFC(CASE(2), PART(0)), false},
        {IFC(METHOD, PART(0)), false},  {IFC(CASE(0), "") IFC(CASE(2), ""), true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;
        char text[2048], error[256] = "";
        size_t n;
        world_open(&w, true);
        (void)snprintf(text, sizeof(text),
                       "profiles: [{name: p, xml: '%s'}]\n"
                       "subscribers: [{impi: x@" DOMAIN ", password: x, impus: 'sip:x@" DOMAIN
                       "', profile: p}]\n",
                       rows[i].xml);
        if (subscribers_import(w.hss, str_from(text), "x", error, sizeof(error), &n) != 0)
            fail_msg("%s", error);
        struct cx_lir l = {.impu = STR(IMPU("x"))};
        expect_result(rows[i].xml, world_lir(&w, &l).result,
                      rows[i].counts ? CX_UNREGISTERED_SERVICE : CX_ERROR_IDENTITY_NOT_REGISTERED,
                      CX);
        world_close(&w);
    }
}

struct mar_row {
    const char *what, *impi, *impu, *scheme;
    uint32_t asked;
    uint32_t code;
    bool cx;
    size_t items;
};

static const struct mar_row mar_rows[] = {
    // clang-format off
    {"unknown IMPI", IMPI("nobody"), IMPU("alice"), "Digest-AKAv1-MD5", 1, CX_ERROR_USER_UNKNOWN, CX, 0},
    {"unknown IMPU", IMPI("alice"), IMPU("nobody"), "Digest-AKAv1-MD5", 1, CX_ERROR_USER_UNKNOWN, CX, 0},
    {"not together", IMPI("alice"), IMPU("bob"), "Digest-AKAv1-MD5", 1, CX_ERROR_IDENTITIES_DONT_MATCH, CX, 0},
    {"digest for an AKA subscriber", IMPI("alice"), IMPU("alice"), "SIP Digest", 1, CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED,
     CX, 0},
    {"AKA for a digest subscriber", IMPI("dave"), IMPU("dave"), "Digest-AKAv1-MD5", 1,
     CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED, CX, 0},
    {"scheme nobody has", IMPI("alice"), IMPU("alice"), "NASS-Bundled", 1, CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED, CX, 0},
    {"no number of items", IMPI("alice"), IMPU("alice"), "Digest-AKAv1-MD5", 0, DIA_SUCCESS, BASE, 1},
    {"one", IMPI("alice"), IMPU("alice"), "Digest-AKAv1-MD5", 1, DIA_SUCCESS, BASE, 1},
    {"several", IMPI("alice"), IMPU("alice"), "Digest-AKAv1-MD5", 5, DIA_SUCCESS, BASE, 5},
    {"more than the cap", IMPI("alice"), IMPU("alice"), "Digest-AKAv1-MD5", 4000000000, DIA_SUCCESS, BASE,
     HSS_VECTORS_MAX},
    {"unknown scheme, AKA", IMPI("alice"), IMPU("alice"), "Unknown", 1, CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED, CX, 0},
    {"unknown scheme, digest", IMPI("dave"), IMPU("dave"), "Unknown", 3, DIA_SUCCESS, BASE, 1},
    {"digest", IMPI("dave"), IMPU("dave"), "SIP Digest", 1, DIA_SUCCESS, BASE, 1},
    {"second IMPI of the set", IMPI("bob2"), IMPU("bob"), "Digest-AKAv1-MD5", 1, DIA_SUCCESS, BASE, 1},
    {"second IMPI, other set", IMPI("bob2"), IMPU("work"), "Digest-AKAv1-MD5", 1, CX_ERROR_IDENTITIES_DONT_MATCH, CX,
     0},
    // clang-format on
};

static void mar(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(mar_rows); i++) {
        const struct mar_row *row = &mar_rows[i];
        struct world w;
        world_open(&w, true);
        struct cx_mar m = world_mar_of(row->impi, row->impu);
        m.n_items = row->asked;
        m.item.scheme = str_from(row->scheme);
        struct reply r = world_mar(&w, &m);
        expect_result(row->what, r.result, row->code, row->cx);
        assert_int_equal(r.n_items, row->items);
        world_close(&w);
    }
}

// For phones that send no Authorization at first, when the operator says so.
static void aka_for_unknown(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    hss_configure(w.hss, &(struct hss_settings){.aka_for_unknown = true});
    struct cx_mar m = world_mar_of(IMPI("alice"), IMPU("alice"));
    m.item.scheme = STR("Unknown");
    struct reply r = world_mar(&w, &m);
    expect_success("MAR", r);
    assert_string_equal(r.scheme, "Digest-AKAv1-MD5");
    world_close(&w);
}

static void alice_answers(const struct aka_vector *v, uint64_t want_sqn)
{
    static const uint8_t k[16] = "alice-lab-key-01";
    uint8_t op[16], opc[16];
    struct aka *a;
    struct aka_vector mine;
    uint64_t sqn = 0;
    assert_int_equal(aka_new(&a), 0);
    assert_int_equal(str_unhex(STR(OP_HEX), op, 16), 0);
    assert_int_equal(aka_opc(a, k, op, opc), 0);
    assert_int_equal(aka_answer(a, k, opc, v->rand, v->autn, &mine, &sqn), 0);
    assert_memory_equal(&mine, v, sizeof(mine));
    assert_int_equal(sqn, want_sqn);
    assert_int_equal(v->autn[6], 0x80); // AMF separation bit
    aka_free(a);
}

static void vectors_verify(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    struct cx_mar m = world_mar_of(IMPI("alice"), IMPU("alice"));
    m.n_items = 3;
    struct reply r = world_mar(&w, &m);
    uint64_t sqn = 0;
    for (size_t i = 0; i < 3; i++)
        alice_answers(&r.vectors[i], sqn = aka_sqn_next(sqn));
    assert_memory_not_equal(r.vectors[0].rand, r.vectors[1].rand, 16);
    m.n_items = 1;
    r = world_mar(&w, &m);
    alice_answers(&r.vectors[0], aka_sqn_next(sqn));
    assert_int_equal(hss_stats(w.hss)->vectors, 4);
    world_close(&w);
}

static void digest_data(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    struct cx_mar m = world_mar_of(IMPI("dave"), IMPU("dave"));
    m.item.scheme = STR("SIP Digest");
    struct reply r = world_mar(&w, &m);
    assert_string_equal(r.scheme, "SIP Digest");
    assert_string_equal(r.realm, DOMAIN);
    assert_string_equal(r.algorithm, "MD5");
    assert_string_equal(r.qop, "auth");
    assert_string_equal(r.ha1, "6da3b83c07c090a7264119398a1ce287");
    assert_string_equal(r.alt_algorithm, "");
    assert_string_equal(r.alt_ha1, "");
    m = world_mar_of(IMPI("sha"), IMPU("sha"));
    m.item.scheme = STR("SIP Digest");
    r = world_mar(&w, &m);
    assert_string_equal(r.algorithm, "MD5");
    assert_string_equal(r.ha1, "99b146ebb0d70e57d9507351b84cdd57");
    assert_string_equal(r.alt_algorithm, "SHA-256");
    assert_string_equal(r.alt_ha1,
                        "f85ee6ddd2897968beb3f3da731b3b408973b4ee111428d2fc446adb2aff39a3");
    world_close(&w);
}

// ---- resynchronisation (TS 33.102 6.3.5) ----

static void make_auts(const uint8_t rand[16], uint64_t sqn_ms, uint8_t token[30])
{
    static const uint8_t k[16] = "alice-lab-key-01";
    uint8_t op[16], opc[16];
    struct aka *a;
    assert_int_equal(aka_new(&a), 0);
    assert_int_equal(str_unhex(STR(OP_HEX), op, 16), 0);
    assert_int_equal(aka_opc(a, k, op, opc), 0);
    memcpy(token, rand, 16);
    assert_int_equal(aka_auts(a, k, opc, rand, sqn_ms, token + 16), 0);
    aka_free(a);
}

struct resync_row {
    const char *what;
    uint64_t sqn_ms, next; // next: SQN of the vector that follows; 0: none
    const char *server;
    int spoil; // byte of the token to change, -1: none
    size_t length;
    uint32_t code;
};

#define FIRST 0x21 // the SQN that the challenge before used

static const struct resync_row resync_rows[] = {
    {"UE is ahead", 0x5000 << 5 | 9, (0x5001 << 5) | 10, SCSCF, -1, 30, DIA_SUCCESS},
    {"UE is behind", 0, 2 << 5 | 2, SCSCF, -1, 30, DIA_SUCCESS},
    {"UE has the same", FIRST, 2 << 5 | 2, SCSCF, -1, 30, DIA_SUCCESS},
    {"MAC-S is wrong", 0x5000 << 5, 0, SCSCF, 29, 30, DIA_UNABLE_TO_COMPLY},
    {"RAND is another", 0x5000 << 5, 0, SCSCF, 0, 30, DIA_UNABLE_TO_COMPLY},
    {"S-CSCF is another", 0x5000 << 5, 0, SCSCF2, -1, 30, DIA_UNABLE_TO_COMPLY},
    {"token is short", 0x5000 << 5, 0, SCSCF, -1, 29, DIA_INVALID_AVP_VALUE},
};

static void resync_one(const struct resync_row *row)
{
    struct world w;
    uint8_t token[30];
    world_open(&w, true);
    struct cx_mar m = world_mar_of(IMPI("alice"), IMPU("alice"));
    struct reply r = world_mar(&w, &m);
    make_auts(r.vectors[0].rand, row->sqn_ms, token);
    if (row->spoil >= 0)
        token[row->spoil] ^= 1;
    m.server_name = str_from(row->server);
    m.item.authorization = str_make((const char *)token, row->length);
    r = world_mar(&w, &m);
    expect_result(row->what, r.result, row->code, BASE);
    if (row->next)
        alice_answers(&r.vectors[0], row->next);
    else // and the SQN has not moved
        r = world_mar(&w, &(struct cx_mar){.impi = m.impi,
                                           .impu = m.impu,
                                           .server_name = STR(SCSCF),
                                           .item = {.scheme = STR("Digest-AKAv1-MD5")}}),
        alice_answers(&r.vectors[0], aka_sqn_next(FIRST));
    world_close(&w);
}

static struct reply resync(struct world *w, const struct aka_vector *v, uint64_t sqn_ms)
{
    uint8_t token[30];
    struct cx_mar m = world_mar_of(IMPI("alice"), IMPU("alice"));
    make_auts(v->rand, sqn_ms, token);
    m.item.authorization = str_make((const char *)token, sizeof token);
    struct reply r = world_mar(w, &m);
    expect_success("resynchronisation", r);
    return r;
}

// TS 33.102 6.3.5, C.2.1: the UE accepts a sequence number that is at most DELTA ahead of its own. As long
// as the HSS's next one is that, a (replayed) AUTS does not wind the HSS back; beyond it the UE's is taken.
static void resynchronisation_by_distance(void **state)
{
    const uint64_t base = UINT64_C(3) << 28, delta = UINT64_C(1) << 28;
    (void)state;
    for (int beyond = 0; beyond < 2; beyond++) {
        struct world w;
        world_open(&w, true);
        struct cx_mar m = world_mar_of(IMPI("alice"), IMPU("alice"));
        struct reply r = world_mar(&w, &m);
        r = resync(&w, &r.vectors[0], base << 5);
        uint64_t hss = aka_sqn_next(base << 5);
        alice_answers(&r.vectors[0], hss);
        uint64_t next = aka_sqn_next(hss), sqn_ms = ((next >> 5) - delta - (uint64_t)beyond) << 5 | 7;
        r = resync(&w, &r.vectors[0], sqn_ms);
        alice_answers(&r.vectors[0], beyond ? aka_sqn_next(sqn_ms) : next);
        world_close(&w);
    }
}

static void resynchronisation(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(resync_rows); i++)
        resync_one(&resync_rows[i]);
}

// ---- SAR ----

enum after { A_NEW, A_PENDING, A_REGISTERED, A_UNREGISTERED };

struct sar_row {
    const char *what;
    enum before before;
    const char *impi, *impu, *impu2, *server;
    enum cx_sar_type type;
    uint32_t code;
    bool cx;
    bool user_data;
    enum after after; // of alice's first implicit set
};

static const struct sar_row sar_rows[] = {
    // clang-format off
    {"nobody named", NEW, NULL, NULL, NULL, SCSCF, CX_REGISTRATION, DIA_MISSING_AVP, BASE, false, A_NEW},
    {"unknown IMPI", NEW, IMPI("nobody"), IMPU("alice"), NULL, SCSCF, CX_REGISTRATION, CX_ERROR_USER_UNKNOWN, CX, false,
     A_NEW},
    {"unknown IMPI alone", NEW, IMPI("nobody"), NULL, NULL, SCSCF, CX_USER_DEREGISTRATION, CX_ERROR_USER_UNKNOWN, CX,
     false, A_NEW},
    {"unknown IMPU", NEW, IMPI("alice"), IMPU("nobody"), NULL, SCSCF, CX_REGISTRATION, CX_ERROR_USER_UNKNOWN, CX, false,
     A_NEW},
    {"second IMPU unknown", REGISTERED, IMPI("alice"), IMPU("alice"), IMPU("nobody"), SCSCF, CX_USER_DEREGISTRATION,
     CX_ERROR_USER_UNKNOWN, CX, false, A_REGISTERED},
    {"not together", NEW, IMPI("alice"), IMPU("bob"), NULL, SCSCF, CX_REGISTRATION, CX_ERROR_IDENTITIES_DONT_MATCH, CX,
     false, A_NEW},
    {"second not together", REGISTERED, IMPI("alice"), IMPU("alice"), IMPU("bob"), SCSCF, CX_USER_DEREGISTRATION,
     CX_ERROR_IDENTITIES_DONT_MATCH, CX, false, A_REGISTERED},
    {"of different subscriptions", REGISTERED, NULL, IMPU("alice"), IMPU("bob"), SCSCF, CX_USER_DEREGISTRATION,
     CX_ERROR_IDENTITIES_DONT_MATCH, CX, false, A_REGISTERED},
    {"several to register", PENDING, IMPI("alice"), IMPU("alice"), "tel:+15550000001", SCSCF, CX_REGISTRATION, 5009,
     BASE, false, A_PENDING},
    {"registration without IMPU", PENDING, IMPI("alice"), NULL, NULL, SCSCF, CX_REGISTRATION, DIA_MISSING_AVP, BASE,
     false, A_PENDING},
    {"registration without IMPI", PENDING, NULL, IMPU("alice"), NULL, SCSCF, CX_REGISTRATION, DIA_MISSING_AVP, BASE,
     false, A_PENDING},
    {"type of another interface", NEW, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_PGW_UPDATE, DIA_INVALID_AVP_VALUE,
     BASE, false, A_NEW},
    {"type nobody knows", NEW, IMPI("alice"), IMPU("alice"), NULL, SCSCF, (enum cx_sar_type)99, DIA_INVALID_AVP_VALUE,
     BASE, false, A_NEW},
    {"registration", PENDING, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_REGISTRATION, DIA_SUCCESS, BASE, true,
     A_REGISTERED},
    {"registration by a sibling", PENDING, IMPI("alice"), "tel:+15550000001", NULL, SCSCF, CX_REGISTRATION, DIA_SUCCESS,
     BASE, true, A_REGISTERED},
    {"registration without challenge", NEW, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_REGISTRATION, DIA_SUCCESS,
     BASE, true, A_REGISTERED},
    {"registration again", REGISTERED, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_REGISTRATION, DIA_SUCCESS, BASE,
     true, A_REGISTERED},
    {"re-registration", REGISTERED, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_RE_REGISTRATION, DIA_SUCCESS, BASE,
     true, A_REGISTERED},
    {"registration after unregistered", UNREGISTERED, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_REGISTRATION,
     DIA_SUCCESS, BASE, true, A_REGISTERED},
    {"another S-CSCF registers", REGISTERED, IMPI("alice"), IMPU("alice"), NULL, SCSCF2, CX_REGISTRATION,
     CX_ERROR_IDENTITY_ALREADY_REGISTERED, CX, false, A_REGISTERED},
    {"another S-CSCF registers during a challenge", PENDING, IMPI("alice"), IMPU("alice"), NULL, SCSCF2,
     CX_REGISTRATION, CX_ERROR_IDENTITY_ALREADY_REGISTERED, CX, false, A_PENDING},
    {"another S-CSCF, after its MAR", REGISTERED_AGAIN_PENDING, IMPI("alice"), IMPU("alice"), NULL, SCSCF2,
     CX_REGISTRATION, DIA_SUCCESS, BASE, true, A_REGISTERED},
    {"unregistered user", NEW, NULL, IMPU("alice"), NULL, SCSCF, CX_UNREGISTERED_USER, DIA_SUCCESS, BASE, true,
     A_UNREGISTERED},
    {"unregistered user, other S-CSCF", UNREGISTERED, NULL, IMPU("alice"), NULL, SCSCF2, CX_UNREGISTERED_USER,
     CX_ERROR_IDENTITY_ALREADY_REGISTERED, CX, false, A_UNREGISTERED},
    {"unregistered user, other S-CSCF challenges", PENDING, NULL, IMPU("alice"), NULL, SCSCF2, CX_UNREGISTERED_USER,
     CX_ERROR_IDENTITY_ALREADY_REGISTERED, CX, false, A_PENDING},
    {"unregistered user is registered", REGISTERED, NULL, IMPU("alice"), NULL, SCSCF, CX_UNREGISTERED_USER,
     CX_ERROR_IN_ASSIGNMENT_TYPE, CX, false, A_REGISTERED},
    {"no assignment", REGISTERED, NULL, IMPU("alice"), NULL, SCSCF, CX_NO_ASSIGNMENT, DIA_SUCCESS, BASE, true,
     A_REGISTERED},
    {"no assignment, unregistered", UNREGISTERED, NULL, IMPU("alice"), NULL, SCSCF, CX_NO_ASSIGNMENT, DIA_SUCCESS, BASE,
     true, A_UNREGISTERED},
    {"no assignment, challenge outstanding", PENDING, NULL, IMPU("alice"), NULL, SCSCF, CX_NO_ASSIGNMENT, DIA_SUCCESS,
     BASE, true, A_PENDING},
    {"no assignment, nothing registered", NEW, NULL, IMPU("alice"), NULL, SCSCF, CX_NO_ASSIGNMENT, DIA_UNABLE_TO_COMPLY,
     BASE, false, A_NEW},
    {"no assignment, other S-CSCF", REGISTERED, NULL, IMPU("alice"), NULL, SCSCF2, CX_NO_ASSIGNMENT,
     DIA_UNABLE_TO_COMPLY, BASE, false, A_REGISTERED},
    {"deregistration", REGISTERED, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_USER_DEREGISTRATION, DIA_SUCCESS, BASE,
     false, A_NEW},
    {"expiry", REGISTERED, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_TIMEOUT_DEREGISTRATION, DIA_SUCCESS, BASE,
     false, A_NEW},
    {"administrative", REGISTERED, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_ADMINISTRATIVE_DEREGISTRATION,
     DIA_SUCCESS, BASE, false, A_NEW},
    {"too much data", REGISTERED, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_DEREGISTRATION_TOO_MUCH_DATA,
     DIA_SUCCESS, BASE, false, A_NEW},
    {"several IMPUs", REGISTERED, IMPI("alice"), IMPU("alice"), "tel:+15550000001", SCSCF, CX_USER_DEREGISTRATION,
     DIA_SUCCESS, BASE, false, A_NEW},
    {"everything of the IMPI", REGISTERED, IMPI("alice"), NULL, NULL, SCSCF, CX_USER_DEREGISTRATION, DIA_SUCCESS, BASE,
     false, A_NEW},
    {"the IMPU without IMPI", REGISTERED, NULL, IMPU("alice"), NULL, SCSCF, CX_USER_DEREGISTRATION, DIA_SUCCESS, BASE,
     false, A_NEW},
    {"deregistration of nothing", NEW, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_USER_DEREGISTRATION, DIA_SUCCESS,
     BASE, false, A_NEW},
    {"other S-CSCF deregisters", REGISTERED, IMPI("alice"), IMPU("alice"), NULL, SCSCF2, CX_USER_DEREGISTRATION,
     DIA_UNABLE_TO_COMPLY, BASE, false, A_REGISTERED},
    {"deregistration of unregistered", UNREGISTERED, NULL, IMPU("alice"), NULL, SCSCF, CX_TIMEOUT_DEREGISTRATION,
     DIA_SUCCESS, BASE, false, A_NEW},
    {"keeping the name", REGISTERED, IMPI("alice"), IMPU("alice"), NULL, SCSCF,
     CX_USER_DEREGISTRATION_STORE_SERVER_NAME, DIA_SUCCESS, BASE, false, A_UNREGISTERED},
    {"expiry keeping the name", REGISTERED, IMPI("alice"), NULL, NULL, SCSCF,
     CX_TIMEOUT_DEREGISTRATION_STORE_SERVER_NAME, DIA_SUCCESS, BASE, false, A_UNREGISTERED},
    {"keeping the name without IMPI", REGISTERED, NULL, IMPU("alice"), NULL, SCSCF,
     CX_USER_DEREGISTRATION_STORE_SERVER_NAME, DIA_SUCCESS, BASE, false, A_UNREGISTERED},
    {"keeping the name again", UNREGISTERED, IMPI("alice"), IMPU("alice"), NULL, SCSCF,
     CX_USER_DEREGISTRATION_STORE_SERVER_NAME, DIA_SUCCESS, BASE, false, A_UNREGISTERED},
    {"keeping the name of nothing", NEW, IMPI("alice"), IMPU("alice"), NULL, SCSCF,
     CX_USER_DEREGISTRATION_STORE_SERVER_NAME, CX_SUCCESS_SERVER_NAME_NOT_STORED, CX, false, A_NEW},
    {"keeping the name of a challenge", PENDING, IMPI("alice"), IMPU("alice"), NULL, SCSCF,
     CX_TIMEOUT_DEREGISTRATION_STORE_SERVER_NAME, CX_SUCCESS_SERVER_NAME_NOT_STORED, CX, false, A_NEW},
    {"authentication failed", PENDING, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_AUTHENTICATION_FAILURE,
     DIA_SUCCESS, BASE, false, A_NEW},
    {"authentication timed out", PENDING, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_AUTHENTICATION_TIMEOUT,
     DIA_SUCCESS, BASE, false, A_NEW},
    {"authentication failed while registered", REGISTERED_AGAIN_PENDING, IMPI("alice"), IMPU("alice"), NULL, SCSCF2,
     CX_AUTHENTICATION_FAILURE, DIA_SUCCESS, BASE, false, A_REGISTERED},
    {"authentication failure of nothing", NEW, IMPI("alice"), IMPU("alice"), NULL, SCSCF, CX_AUTHENTICATION_FAILURE,
     DIA_SUCCESS, BASE, false, A_NEW},
    // clang-format on
};

// Seen from outside: UAR for de-registration and for registration tell the four states apart.
static enum after state_of(struct world *w)
{
    struct cx_uar u = {
        .impi = STR(IMPI("alice")), .impu = STR(IMPU("alice")), .visited_network = STR(DOMAIN)};
    u.type = REG;
    bool assigned = world_uar(w, &u).result.code == CX_SUBSEQUENT_REGISTRATION;
    u.type = DEREG;
    if (world_uar(w, &u).result.code != DIA_SUCCESS)
        return assigned ? A_PENDING : A_NEW;
    struct cx_sar s = world_sar_of(NULL, IMPU("alice"), CX_UNREGISTERED_USER);
    s.server_name = STR("sip:nobody");
    struct cx_lir l = {.impu = STR(IMPU("alice"))};
    char name[128];
    strcpy(name, world_lir(w, &l).server_name);
    s.server_name = str_from(name);
    bool registered = world_sar(w, &s).result.code == CX_ERROR_IN_ASSIGNMENT_TYPE;
    return registered ? A_REGISTERED : A_UNREGISTERED;
}

static void sar_one(const struct sar_row *row)
{
    struct world w;
    world_open(&w, true);
    bring(&w, row->before, IMPI("alice"), IMPU("alice"));
    struct cx_sar s = world_sar_of(row->impi, row->impu, row->type);
    s.server_name = str_from(row->server);
    if (row->impu2)
        world_sar_add(&s, row->impu2);
    struct reply r = world_sar(&w, &s);
    expect_result(row->what, r.result, row->code, row->cx);
    if (r.has_user_data != row->user_data)
        fail_msg("%s: user data", row->what);
    // TS 29.228 table 6.1.2.2: who is refused for another S-CSCF learns its name
    bool named = r.result.code >= 3000 && strcmp(row->server, SCSCF2) == 0;
    assert_string_equal(r.server_name, named ? SCSCF : "");
    enum after after = state_of(&w);
    if (after != row->after)
        fail_msg("%s: state %d instead of %d", row->what, after, row->after);
    world_close(&w);
}

static void sar(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sar_rows); i++)
        sar_one(&sar_rows[i]);
}

static void name_not_stored(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    hss_configure(w.hss, &(struct hss_settings){.keep_server_name = false});
    bring(&w, REGISTERED, IMPI("alice"), IMPU("alice"));
    struct cx_sar s =
        world_sar_of(IMPI("alice"), IMPU("alice"), CX_USER_DEREGISTRATION_STORE_SERVER_NAME);
    expect_result("not stored", world_sar(&w, &s).result, CX_SUCCESS_SERVER_NAME_NOT_STORED, CX);
    assert_int_equal(state_of(&w), A_NEW);
    world_close(&w);
}

// Two IMPIs share bob's set: the set stays registered until the last has gone.
static void two_impis(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    bring(&w, REGISTERED, IMPI("bob"), IMPU("bob"));
    struct cx_sar s = world_sar_of(IMPI("bob2"), IMPU("bob"), CX_REGISTRATION);
    struct reply r = world_sar(&w, &s);
    expect_success("second IMPI", r);
    assert_int_equal(r.n_associated, 2);
    do_sar(&w, IMPI("bob"), IMPU("bob"), CX_USER_DEREGISTRATION_STORE_SERVER_NAME);
    struct cx_lir l = {.impu = STR(IMPU("bob"))};
    expect_success("still there", world_lir(&w, &l));
    do_sar(&w, IMPI("bob2"), IMPU("bob"), CX_USER_DEREGISTRATION);
    expect_result("gone", world_lir(&w, &l).result, CX_ERROR_IDENTITY_NOT_REGISTERED, CX);
    world_close(&w);
}

// The S-CSCF's name goes when the last set of the subscription has gone, not before.
static void two_sets(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    bring(&w, REGISTERED, IMPI("bob"), IMPU("bob"));
    bring(&w, REGISTERED, IMPI("bob"), IMPU("work"));
    do_sar(&w, IMPI("bob"), IMPU("bob"), CX_USER_DEREGISTRATION);
    struct cx_uar u = {
        .impi = STR(IMPI("bob")), .impu = STR(IMPU("bob")), .visited_network = STR(DOMAIN)};
    expect_result("sibling set", world_uar(&w, &u).result, CX_SUBSEQUENT_REGISTRATION, CX);
    do_sar(&w, IMPI("bob"), NULL, CX_TIMEOUT_DEREGISTRATION);
    expect_result("all gone", world_uar(&w, &u).result, CX_FIRST_REGISTRATION, CX);
    world_close(&w);
}

// An S-CSCF is assigned to the subscription: it is the one for a set that is not registered, too,
// and another one cannot take that set (TS 29.228 6.1.2.1, 6.7).
static void other_set_same_server(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    bring(&w, REGISTERED, IMPI("bob"), IMPU("bob"));
    struct cx_sar s = world_sar_of(NULL, IMPU("work"), CX_UNREGISTERED_USER);
    s.server_name = STR(SCSCF2);
    struct reply r = world_sar(&w, &s);
    expect_result("unregistered", r.result, CX_ERROR_IDENTITY_ALREADY_REGISTERED, CX);
    assert_string_equal(r.server_name, SCSCF);
    s = world_sar_of(IMPI("bob"), IMPU("work"), CX_REGISTRATION);
    s.server_name = STR(SCSCF2);
    expect_result("registration", world_sar(&w, &s).result, CX_ERROR_IDENTITY_ALREADY_REGISTERED,
                  CX);
    do_sar(&w, NULL, IMPU("work"), CX_NO_ASSIGNMENT);
    do_sar(&w, NULL, IMPU("work"), CX_UNREGISTERED_USER);
    r = world_lir(&w, &(struct cx_lir){.impu = STR(IMPU("bob"))});
    assert_string_equal(r.server_name, SCSCF);
    world_close(&w);
}

// Keeping the profile of what was registered does not make more of the subscription unregistered.
static void only_what_was_registered_is_kept(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    bring(&w, REGISTERED, IMPI("bob"), IMPU("bob"));
    do_sar(&w, IMPI("bob"), NULL, CX_TIMEOUT_DEREGISTRATION_STORE_SERVER_NAME);
    expect_success("kept", world_lir(&w, &(struct cx_lir){.impu = STR(IMPU("bob"))}));
    expect_result("never registered",
                  world_lir(&w, &(struct cx_lir){.impu = STR(IMPU("work"))}).result,
                  CX_ERROR_IDENTITY_NOT_REGISTERED, CX);
    world_close(&w);
}

// TS 29.228 table 6.1.2.2: the answer names a private identity, also when the request did not, and
// one that has the public identity.
static void answers_name_the_impi(void **state)
{
    static const struct {
        const char *impi, *impu;
        enum cx_sar_type type;
        const char *want;
    } rows[] = {
        {NULL, IMPU("alice"), CX_UNREGISTERED_USER, IMPI("alice")},
        {NULL, IMPU("alice"), CX_NO_ASSIGNMENT, IMPI("alice")},
        {IMPI("alice"), IMPU("alice"), CX_REGISTRATION, IMPI("alice")},
        {NULL, IMPU("alice"), CX_USER_DEREGISTRATION, IMPI("alice")},
        {NULL, IMPU("work"), CX_UNREGISTERED_USER, IMPI("bob")},
        {IMPI("bob2"), IMPU("bob"), CX_REGISTRATION, IMPI("bob2")},
    };
    struct world w;
    (void)state;
    world_open(&w, true);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cx_sar s = world_sar_of(rows[i].impi, rows[i].impu, rows[i].type);
        struct reply r = world_sar(&w, &s);
        expect_success("SAR", r);
        assert_string_equal(r.impi, rows[i].want);
    }
    world_close(&w);
}

static void charging(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    struct cx_sar s = world_sar_of(IMPI("alice"), IMPU("alice"), CX_REGISTRATION);
    struct reply r = world_sar(&w, &s);
    assert_string_equal(r.ccf[0], "aaa://ccf1.example");
    assert_string_equal(r.ccf[1], "aaas://ccf2.example:3869");
    assert_string_equal(r.ecf[0], "aaa://ecf1.example");
    assert_string_equal(r.ecf[1], "");
    s = world_sar_of(IMPI("dave"), IMPU("dave"), CX_REGISTRATION);
    r = world_sar(&w, &s);
    assert_string_equal(r.ccf[0], "aaa://default-ccf.example");
    assert_string_equal(r.ecf[0], "");
    world_close(&w);
}

static void data_already_there(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    bring(&w, REGISTERED, IMPI("alice"), IMPU("alice"));
    struct cx_sar s = world_sar_of(IMPI("alice"), IMPU("alice"), CX_REGISTRATION);
    s.user_data_already_available = true;
    struct reply r = world_sar(&w, &s);
    expect_success("SAR", r);
    assert_false(r.has_user_data);
    assert_string_equal(r.ccf[0], ""); // TS 29.228 6.6: charging information goes with it
    // TS 29.228 6.1.2.1: "may"; an S-CSCF of whose registration the HSS knows nothing gets it all the same
    do_sar(&w, IMPI("alice"), IMPU("alice"), CX_USER_DEREGISTRATION);
    assert_true(world_sar(&w, &s).has_user_data);
    world_close(&w);
}

// The n-th allocation fails, for every n that a request can reach: it is answered all the same, and
// the next one finds nothing broken.
static void out_of_memory(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    struct cx_mar m = world_mar_of(IMPI("alice"), IMPU("alice"));
    struct cx_sar s = world_sar_of(IMPI("alice"), IMPU("alice"), CX_REGISTRATION);
    unsigned failures = 0;
    for (long n = 0; n < 24; n++) {
        mem_fail_after(n);
        struct reply a = world_mar(&w, &m);
        mem_fail_after(n);
        struct reply b = world_sar(&w, &s);
        mem_fail_after(-1);
        failures +=
            (a.result.code == DIA_UNABLE_TO_COMPLY) + (b.result.code == DIA_UNABLE_TO_COMPLY);
        assert_true(a.result.code == DIA_SUCCESS || a.result.code == DIA_UNABLE_TO_COMPLY);
        assert_true(b.result.code == DIA_SUCCESS || b.result.code == DIA_UNABLE_TO_COMPLY);
        assert_int_equal(a.n_items, a.result.code == DIA_SUCCESS);
    }
    assert_true(failures >= 4);
    expect_success("MAR", world_mar(&w, &m));
    expect_success("SAR", world_sar(&w, &s));
    world_close(&w);
}

// RFC 6733 7.1.5: a refusal for an AVP names it.
static void refusals_name_the_avp(void **state)
{
    static const struct {
        const char *impi, *impu, *impu2;
        enum cx_sar_type type;
        uint32_t code, failed;
    } rows[] = {
        {NULL, NULL, NULL, CX_REGISTRATION, DIA_MISSING_AVP, 601},
        {IMPI("alice"), NULL, NULL, CX_REGISTRATION, DIA_MISSING_AVP, 601},
        {NULL, IMPU("alice"), NULL, CX_REGISTRATION, DIA_MISSING_AVP, 1},
        {IMPI("alice"), IMPU("alice"), "tel:+15550000001", CX_REGISTRATION, 5009, 601},
        {IMPI("alice"), IMPU("alice"), NULL, CX_PGW_UPDATE, DIA_INVALID_AVP_VALUE, 614},
        {IMPI("alice"), IMPU("bob"), NULL, CX_REGISTRATION, CX_ERROR_IDENTITIES_DONT_MATCH, 0},
    };
    struct world w;
    (void)state;
    world_open(&w, true);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cx_sar s = world_sar_of(rows[i].impi, rows[i].impu, rows[i].type);
        if (rows[i].impu2)
            world_sar_add(&s, rows[i].impu2);
        struct reply r = world_sar(&w, &s);
        assert_int_equal(r.result.code, rows[i].code);
        assert_int_equal(r.failed, rows[i].failed);
    }
    struct cx_mar m = world_mar_of(IMPI("alice"), IMPU("alice"));
    m.item.authorization = STR("short");
    assert_int_equal(world_mar(&w, &m).failed, 610);
    world_close(&w);
}

static int no_leak(void **state)
{
    (void)state;
    return mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uar),
        cmocka_unit_test(uar_capabilities), cmocka_unit_test(any_scscf_will_do),
        cmocka_unit_test(visited_networks),
        cmocka_unit_test(lir),
        cmocka_unit_test(services_of_the_unregistered),
        cmocka_unit_test(mar),
        cmocka_unit_test(aka_for_unknown),
        cmocka_unit_test(vectors_verify),
        cmocka_unit_test(digest_data),
        cmocka_unit_test(resynchronisation),
        cmocka_unit_test(resynchronisation_by_distance),
        cmocka_unit_test(sar),
        cmocka_unit_test(name_not_stored),
        cmocka_unit_test(two_impis),
        cmocka_unit_test(two_sets),
        cmocka_unit_test(other_set_same_server),
        cmocka_unit_test(only_what_was_registered_is_kept),
        cmocka_unit_test(answers_name_the_impi),
        cmocka_unit_test(charging),
        cmocka_unit_test(data_already_there),
        cmocka_unit_test(refusals_name_the_avp),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, no_leak);
}
