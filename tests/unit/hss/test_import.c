// SPDX-License-Identifier: Apache-2.0
// Provisioning files: what is wrong is named with its line, and then nothing has changed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/writer.h"
#include "hss/provision.h"
#include "tests/common/subscribers.h"
#include "world.h"

#define K "000102030405060708090a0b0c0d0e0f"
#define OPC_OF_K_OP "a1b4d69c6ba701c05d9389743625b15c" // OPc of K and OP_HEX
#define CHECK "0f9d4ad13a89ebfd"                       // RES of K and that OPc for a RAND of zeros
#define HEAD "impi,k,op,impus\n"

struct row {
    const char *text, *error; // NULL: fine
};

static const struct row rows[] = {
    // clang-format off
    {HEAD "u@r," K "," OP_HEX ",sip:u@r\n", NULL},
    {HEAD "\n# comment\r\nu@r," K "," OP_HEX ",\"sip:u@r tel:+1\"\r\n", NULL},
    {"subscribers:\n  - {impi: u@r, k: " K ", op: " OP_HEX ", impus: 'sip:u@r'}\n", NULL},
    {"subscribers: []\n", NULL},
    {"", NULL},
    {HEAD "u@r," K "," OP_HEX "\n", "f:2: 3 values under 4 column names"},
    {HEAD "u@r," K "," OP_HEX ",sip:u@r,x\n", "f:2: 5 values under 4 column names"},
    {"impi,k,op,impuz\nu@r," K "," OP_HEX ",sip:u@r\n", "f:1: unknown field \"impuz\""},
    {"impi,impi\n", "f:1: impi is given twice"},
    {HEAD "a@r," K "," OP_HEX ",sip:a@r\nb@r," K "," OP_HEX ",sip:b@r\n\n\n\nc@r,nokey," OP_HEX ",sip:c@r\n", "f:7: k must be 32 hexadecimal digits"},
    {HEAD "a@r,\"" K "," OP_HEX ",sip:a@r\n", "f:2: a quote is not closed"},
    {HEAD "a@r,\"" K "\"x," OP_HEX ",sip:a@r\n", "f:2: text follows a closing quote"},
    {HEAD "a@r," K "," OP_HEX ",sip:a@r\na@r," K "," OP_HEX ",sip:b@r\n", "f:3: IMPI a@r exists already"},
    {HEAD "a@r," K "," OP_HEX ",sip:a@r\nb@r," K "," OP_HEX ",SIP:a@R\n", "f:3: IMPU sip:a@r belongs to a subscriber already"},
    {HEAD "a@r," K "," OP_HEX ",sip:a@r sip:a@r\n", "f:2: sip:a@r is given twice"},
    {HEAD "alice," K "," OP_HEX ",sip:a@r\n", "f:2: impi must be user@realm"},
    {HEAD "a@r," K "," OP_HEX ",mailto:a@r\n", "f:2: \"mailto:a@r\" is not a sip, sips or tel URI"},
    {HEAD "a@r," K "," OP_HEX ",sip:nobody\n", "f:2: \"sip:nobody\" is not a sip, sips or tel URI"},
    {HEAD "a@r," K "," OP_HEX ",sip:<a>@r\n", "f:2: \"sip:<a>@r\" is not a sip, sips or tel URI"},
    {HEAD "a@r," K "," OP_HEX ",\n", "f:2: exactly one of impus and join must be given"},
    {HEAD "a@r,," OP_HEX ",sip:a@r\n", "f:2: neither a key (k, k_ascii) nor a password"},
    {HEAD "a@r," K ",,sip:a@r\n", "f:2: exactly one of op and opc must be given"},
    {"impi,k,k_ascii,op,impus\na@r," K ",0123456789abcdef," OP_HEX ",sip:a@r\n", "f:2: both k and k_ascii are given"},
    {"impi,k_ascii,op,impus\na@r,short," OP_HEX ",sip:a@r\n", "f:2: k_ascii must be 16 characters"},
    {"impi,k,op,password,impus\na@r," K "," OP_HEX ",pw,sip:a@r\n", "f:2: both a key and a password are given"},
    {"impi,k,op,amf,impus\na@r," K "," OP_HEX ",800,sip:a@r\n", "f:2: amf must be 4 hexadecimal digits"},
    {"impi,k,op,sqn,impus\na@r," K "," OP_HEX ",1000000000000,sip:a@r\n", "f:2: sqn must be up to 12 hexadecimal digits"},
    {"impi,k,op,profile,impus\na@r," K "," OP_HEX ",gold,sip:a@r\n", "f:2: there is no profile \"gold\""},
    {"impi,k,op,join\na@r," K "," OP_HEX ",sip:nobody@r\n", "f:2: there is no IMPU sip:nobody@r to join"},
    {"impi,password,algorithm,impus\na@r,pw,SHA-1,sip:a@r\n", "f:2: algorithm must be MD5 or SHA-256"},
    {"impi,k,op,mandatory,impus\na@r," K "," OP_HEX ",1 two,sip:a@r\n", "f:2: mandatory must be numbers"},
    {"impi,k,op,ccf,impus\na@r," K "," OP_HEX ",a b c,sip:a@r\n", "f:2: ccf has a primary and a secondary, no more"},
    {"impi,k,op,registration,impus\na@r," K "," OP_HEX ",maybe,sip:a@r\n", "f:2: registration must be allowed or denied"},
    {"impi,k,op,display_name,impus\na@r," K "," OP_HEX ",\xff\xfe,sip:a@r\n", "f:2: display_name is not UTF-8"},
    {"impi,k,op,profile,impus\na@r," K "," OP_HEX ",\"go\nld\",sip:a@r\n", "f:2: there is no profile \"go?ld\""},
    {"subscribers:\n  - impi: a@r\n    k: " K "\n    op: " OP_HEX "\n    impus: sip:a@r\n  - impi: b@r\n    kay: " K "\n", "f:7: unknown field \"kay\""},
    {"subscribers:\n  - impi: a@r\n    k: " K "\n    op: xyz\n    impus: sip:a@r\n", "f:2: op must be 32 hexadecimal digits"},
    {"subscribers:\n  - [a, b]\n", "f:2: expected a mapping of fields"},
    {"subscribers:\n  impi: a@r\n", "f:2: expected a list"},
    {"users:\n  - {}\n", "f:1: unknown section \"users\""},
    {"subscribers:\n  - &x {impi: a@r, k: " K ", op: " OP_HEX ", impus: 'sip:a@r'}\n  - *x\n", "f:3: aliases are not supported"},
    {"subscribers:\n  - impi: {a: b}\n", "f:2: expected a value or a list of values"},
    {"subscribers: [\n", "f:2: did not find expected node content"},
    {"profiles:\n  - {name: p, xml: <InitialFilterCriteria><Priority>x</Priority></InitialFilterCriteria>}\n", "f:2: profile \"p\": "},
    {"profiles:\n  - {name: p, xml: '<InitialFilterCriteria>'}\n", "f:2: profile \"p\": "},
    {"profiles:\n  - {name: p, xml: '<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY e \"x\">]><ServiceProfile/>'}\n", "f:2: profile \"p\": a document type is not allowed"},
    {"%TAG ! tag:x,2026:\n---\nsubscribers: []\n", "f:1: directives are not supported"},
    {"subscribers:\n  - impi: a@r\n    k: " K "\n    op: " OP_HEX "\n    impus: sip:a@r\n  - [[[[[[[[[[[[[[[[\n", "f:6: expected a mapping of fields"},
    {"profiles:\n  - name: p\n    xml: |\n      <ServiceProfile>\n      <a b='1' b='2' b='3' b='4' b='5' b='6' b='7' b='8' b='9' b='10' b='11' b='12' b='13' b='14' b='15' b='16' b='17' b='18' b='19' b='20' b='21' b='22' b='23' b='24' b='25' b='26' b='27' b='28' b='29' b='30' b='31' b='32' b='33'/></ServiceProfile>\n", "f:2: profile \"p\": more attributes than are taken, line 2 of it"},
    {HEAD "a@r," K "," OP_HEX ",sip:a@r | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | | sip:b@r\n", "f:2: more than 32 sets"},
    // A file that is no profile would take all its services from everybody who has it.
    {"profiles:\n  - {name: p, xml: 'remember the milk'}\n", "f:2: profile \"p\": it is not XML"},
    {"profiles:\n  - {name: p, xml: ''}\n", "f:2: profile \"p\": it is empty"},
    {"profiles:\n  - {name: p, xml: '<!-- nothing -->'}\n", "f:2: profile \"p\": nothing of a service profile is in it"},
    {"profiles:\n  - {name: p, xml: '<ServiceProfile>remember <InitialFilterCriteria/></ServiceProfile>'}\n", "f:2: profile \"p\": text stands between"},
    {"profiles:\n  - {name: p, xml: '<html/>'}\n", "f:2: profile \"p\": "},
    {"profiles:\n  - {name: p, xml: '<ServiceProfile/>'}\n", NULL},
    // TS 33.102 C.3: SQN never wraps.
    {"impi,k,op,sqn,impus\na@r," K "," OP_HEX ",ffffffffffff,sip:a@r\n", "f:2: sqn is too near its end"},
    {"impi,k,op,sqn,impus\na@r," K "," OP_HEX ",fffe00000000,sip:a@r\n", "f:2: sqn is too near its end"},
    {"impi,k,op,sqn,impus\na@r," K "," OP_HEX ",fffdffffffff,sip:a@r\n", NULL},
    {HEAD "a@r," K "," OP_HEX ",sip:a@r tel:+1555{000..998}\n", NULL},
    {HEAD "a@r," K "," OP_HEX ",sip:a@r tel:+1555{000..999}\n", "f:2: more than 1000 IMPUs"},
    {HEAD "a@r," K "," OP_HEX ",tel:+1555{0..10}\n", "f:2: \"tel:+1555{0..10}\" is no range such as {0100..0199}"},
    // Before it is walked: all of them are one identity.
    {HEAD "a@r," K "," OP_HEX ",sip:x@r;p={000000000..999999999}\n", "f:2: \"sip:x@r;p={000000000..999999999}\" is no range"},
    {HEAD "a@r," K "," OP_HEX ",tel:+1555{9..1}\n", "f:2: \"tel:+1555{9..1}\" is no range"},
    {HEAD "a@r," K "," OP_HEX ",tel:+1555}1..2{\n", "f:2: \"tel:+1555}1..2{\" is no range"},
    {HEAD "a@r," K "," OP_HEX ",sip:a{1..2}@r tel:+{21..22}\n", NULL},
    {"impi,sealed,impus\na@r,00ff,sip:a@r\n", "f:2: sealed does not open"},
    // The check value tells OP and OPc apart.
    {"impi,k,opc,check,impus\na@r," K "," OPC_OF_K_OP "," CHECK ",sip:a@r\n", NULL},
    {"impi,k,op,check,impus\na@r," K "," OP_HEX "," CHECK ",sip:a@r\n", NULL},
    {"impi,k,opc,check,impus\na@r," K "," OP_HEX "," CHECK ",sip:a@r\n", "f:2: opc is an OP, not an OPc: give it as op"},
    {"impi,k,op,check,impus\na@r," K "," OPC_OF_K_OP "," CHECK ",sip:a@r\n", "f:2: op is an OPc already: give it as opc"},
    {"impi,k,op,check,impus\na@r," K "," OP_HEX ",0000000000000000,sip:a@r\n", "f:2: check does not fit: wrong key, OP or OPc"},
    {"impi,k,op,check,impus\na@r," K "," OP_HEX ",00,sip:a@r\n", "f:2: check must be 16 hexadecimal digits"},
    // clang-format on
};

static int count_row(void *arg, const struct store_value *c, size_t n)
{
    ++*(size_t *)arg;
    return 0;
}

static size_t subscribers(struct world *w)
{
    size_t n = 0;
    assert_int_equal(
        STORE_RUN(w->hss->writer.store, SQL_LIST, count_row, &n, SV_TEXT(STR("")), SV_INT(1000000)),
        0);
    return n;
}

static void one(struct world *w, const struct row *row)
{
    char error[256] = "";
    size_t n = 0, before = subscribers(w);
    int err = subscribers_import(w->hss, str_from(row->text), "f", error, sizeof(error), &n);
    if (!row->error && err)
        fail_msg("%s\n%s", row->text, error);
    if (row->error && !err)
        fail_msg("no error: %s", row->text);
    if (row->error && strncmp(error, row->error, strlen(row->error)) != 0)
        fail_msg("%s\n%s instead of %s", row->text, error, row->error);
    assert_int_equal(subscribers(w), before + n);
}

// What is too long or too many is told with its line, whatever it is made of.
static void too_much(void **state)
{
    enum { N = 40000 };
    static char text[N * 8];
    static const struct {
        const char *begin, *each, *end, *error;
    } shapes[] = {
        {HEAD "a@r,", "k", "," OP_HEX ",sip:a@r\n", "f:2: k is longer than 16384 bytes"},
        {HEAD "a@r,", ",x", "\n", "f:2: more than 32 columns"},
        {HEAD "a@r,\"", "xx", "\"\n", "f:2: a value is longer than 65536 bytes"},
        {"subscribers:\n  - impi: a@r\n    impus: [sip:a@r", ", x", "]\n", "f:3: a list is longer than 65536 bytes"},
        {"subscribers:\n  - impi: ", "x", "\n", "f:2: impi is longer than 16384 bytes"},
        {"subscribers:\n  - impi: ", "[", "\n", "f:"},
        {"subscribers: ", "[", "\n", "f:1: expected a mapping of fields"},
        {"profiles:\n  - name: p\n    xml: '", "<a>", "'\n", "f:2: profile \"p\": elements too deep"},
        {"profiles:\n  - name: p\n    xml: '", "<a/>", "'\n", "f:2: profile \"p\": more elements than are taken"},
        {"profiles:\n  - name: p\n    xml: '<a>", "1234567", "'\n", "f:2: profile \"p\": longer than 262144 bytes"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        struct world w;
        struct writer out = writer_init(text, sizeof text - 1);
        writer_printf(&out, "%s", shapes[i].begin);
        for (size_t k = 0; k < N; k++)
            writer_str(&out, str_from(shapes[i].each));
        writer_printf(&out, "%s", shapes[i].end);
        text[out.n] = 0;
        assert_false(out.failed);
        world_open(&w, false);
        one(&w, &(struct row){text, shapes[i].error});
        world_close(&w);
    }
}

static void mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;
        world_open(&w, false);
        one(&w, &rows[i]);
        world_close(&w);
    }
}

static void import(struct world *w, const char *text)
{
    char error[256] = "";
    size_t n;
    if (subscribers_import(w->hss, str_from(text), "f", error, sizeof(error), &n) != 0)
        fail_msg("%s", error);
}

static void after_a_mistake(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    one(&w, &(struct row){HEAD "a@r," K "," OP_HEX ",sip:a@r\nalice@" DOMAIN "," K "," OP_HEX
                               ",sip:z@r\n",
                          "f:3: IMPI alice@" DOMAIN " exists already"});
    assert_int_equal(subscribers(&w), 8);
    import(&w, HEAD "a@r," K "," OP_HEX ",sip:a@r\n");
    assert_int_equal(subscribers(&w), 9);
    world_close(&w);
}

// ---- set, delete, replace: as the control socket's commands run them ----

struct change {
    const char *verb, *impi, *field, *value;
    struct hss_problem p;
};

static int change_task(struct hss_op *op, void *arg)
{
    struct change *c = arg;
    struct hss_draft d = {0};
    if (strcmp(c->verb, "delete") == 0)
        return hss_subscriber_delete(op, str_from(c->impi));
    assert_int_equal(hss_draft_put(&d, STR("impi"), str_from(c->impi), &c->p), 0);
    if (c->field)
        assert_int_equal(hss_draft_put(&d, str_from(c->field), str_from(c->value), &c->p), 0);
    if (strcmp(c->verb, "set") == 0)
        return hss_subscriber_set(op, &d, &c->p);
    assert_int_equal(hss_draft_put(&d, STR("k"), STR(K), &c->p), 0);
    assert_int_equal(hss_draft_put(&d, STR("op"), STR(OP_HEX), &c->p), 0);
    return hss_subscriber_add(op, &d, true, &c->p);
}

static int change(struct world *w, struct change *c)
{
    struct list ops;
    char why[160];
    struct hss_op *op = hss_task_new(w->hss);
    assert_non_null(op);
    op->task = change_task;
    op->arg = c;
    list_init(&ops);
    list_add(&ops, &op->link);
    int err = hss_transaction(&w->hss->writer, &ops, why, sizeof(why));
    hss_op_free(op);
    return err;
}

static uint32_t uar_result(struct world *w, const char *impi, const char *impu)
{
    return world_uar(w, &(struct cx_uar){.impi = str_from(impi),
                                         .impu = str_from(impu),
                                         .visited_network = STR(DOMAIN)})
        .result.code;
}

static int set(struct world *w, const char *impi, const char *field, const char *value)
{
    return change(w, &(struct change){"set", impi, field, value, {0}});
}

static void changes(void **state)
{
    struct world w;
    const char *alice = "alice@" DOMAIN, *impu = "sip:alice@" DOMAIN;
    (void)state;
    world_open(&w, true);
    assert_int_equal(set(&w, alice, "visited", "far.example"), 0);
    assert_int_equal(uar_result(&w, alice, impu), CX_ERROR_ROAMING_NOT_ALLOWED);
    assert_int_equal(set(&w, alice, "visited", "*"), 0);
    assert_int_equal(uar_result(&w, alice, impu), CX_FIRST_REGISTRATION);
    assert_int_equal(set(&w, alice, "registration", "denied"), 0);
    assert_int_equal(uar_result(&w, alice, impu), DIA_AUTHORIZATION_REJECTED);
    assert_int_equal(set(&w, alice, "registration", "allowed"), 0);
    assert_int_equal(set(&w, alice, "impus", "sip:alicia@" DOMAIN), 0);
    assert_int_equal(uar_result(&w, alice, impu), CX_ERROR_USER_UNKNOWN);
    assert_int_equal(uar_result(&w, alice, "sip:alicia@" DOMAIN), CX_FIRST_REGISTRATION);
    assert_int_equal(set(&w, alice, "impus", "sip:bob@" DOMAIN), ERR_EXISTS);
    assert_int_equal(set(&w, alice, "amf", "8000"), ERR_BAD);
    assert_int_equal(set(&w, alice, "join", "sip:bob@" DOMAIN), ERR_BAD);
    assert_int_equal(set(&w, "nobody@" DOMAIN, "visited", "*"), ERR_NOTFOUND);
    assert_int_equal(set(&w, alice, "password", "now-digest"), 0);
    struct cx_mar m = world_mar_of(alice, "sip:alicia@" DOMAIN);
    assert_int_equal(world_mar(&w, &m).result.code, CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED);
    world_close(&w);
}

static struct reply refresh(struct world *w, const char *impu)
{
    struct cx_sar s = world_sar_of("alice@" DOMAIN, impu, CX_RE_REGISTRATION);
    s.user_data_already_available = true;
    struct reply r = world_sar(w, &s);
    assert_int_equal(r.result.code, DIA_SUCCESS);
    return r;
}

// TS 29.228 6.1.2.1: a change reaches who stays registered with the next SAR, though the S-CSCF says that it
// has the profile.
static void changes_reach_the_registered(void **state)
{
    struct world w;
    const char *alice = "alice@" DOMAIN, *impu = "sip:alice@" DOMAIN;
    (void)state;
    world_open(&w, true);
    struct cx_mar m = world_mar_of(alice, impu);
    assert_int_equal(world_mar(&w, &m).result.code, DIA_SUCCESS);
    struct cx_sar s = world_sar_of(alice, impu, CX_REGISTRATION);
    assert_true(world_sar(&w, &s).has_user_data);
    assert_false(refresh(&w, impu).has_user_data);
    assert_int_equal(set(&w, alice, "impus", "sip:alice@" DOMAIN " tel:+15550000099"), 0);
    struct reply r = refresh(&w, impu);
    assert_true(r.has_user_data);
    assert_non_null(strstr(r.user_data, "tel:+15550000099"));
    assert_null(strstr(r.user_data, "tel:+15550000001"));
    assert_string_equal(r.ccf[0], "aaa://ccf1.example");
    assert_false(refresh(&w, impu).has_user_data); // it has them now
    assert_int_equal(set(&w, alice, "visited", "*"), 0); // nothing of the profile
    assert_false(refresh(&w, impu).has_user_data);
    assert_int_equal(set(&w, alice, "ccf", "ccf9.example"), 0);
    assert_string_equal(refresh(&w, impu).ccf[0], "aaa://ccf9.example");
    import(&w, "profiles: [{name: default, xml: '<ServiceProfile/>'}]\n");
    assert_true(refresh(&w, impu).has_user_data);
    import(&w, "profiles: [{name: other, xml: '<ServiceProfile/>'}]\n");
    assert_false(refresh(&w, impu).has_user_data);
    world_close(&w);
}

// What the HSS does not know to be registered has been deleted and made anew, perhaps.
static void made_anew_while_registered(void **state)
{
    struct world w;
    const char *alice = "alice@" DOMAIN, *impu = "sip:alice@" DOMAIN;
    (void)state;
    world_open(&w, true);
    struct cx_sar s = world_sar_of(alice, impu, CX_REGISTRATION);
    assert_true(world_sar(&w, &s).has_user_data);
    struct change c = {"replace", alice, "impus", impu, {0}};
    assert_int_equal(change(&w, &c), 0);
    assert_true(refresh(&w, impu).has_user_data);
    assert_false(refresh(&w, impu).has_user_data);
    world_close(&w);
}

static void deletion(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    struct change c = {"delete", "bob@" DOMAIN, NULL, NULL, {0}};
    assert_int_equal(change(&w, &c), 0);
    assert_int_equal(change(&w, &c), ERR_NOTFOUND);
    // its IMPUs stay with the second IMPI, and go with it
    assert_int_equal(uar_result(&w, "bob2@" DOMAIN, "sip:bob@" DOMAIN), CX_FIRST_REGISTRATION);
    c.impi = "bob2@" DOMAIN;
    assert_int_equal(change(&w, &c), 0);
    import(&w, HEAD "new@r," K "," OP_HEX ",sip:bob@" DOMAIN "\n");
    world_close(&w);
}

static void replacement_keeps_sqn(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, true);
    struct cx_mar m = world_mar_of("alice@" DOMAIN, "sip:alice@" DOMAIN);
    m.n_items = 5;
    assert_int_equal(world_mar(&w, &m).n_items, 5);
    struct change c = {"replace", "alice@" DOMAIN, "impus", "sip:alice@" DOMAIN, {0}};
    assert_int_equal(change(&w, &c), 0);
    m.n_items = 1;
    struct reply r = world_mar(&w, &m);
    uint8_t k[16], opc[16];
    struct aka *a;
    struct aka_vector v;
    uint64_t sqn = 0;
    assert_int_equal(str_unhex(STR(K), k, 16), 0);
    assert_int_equal(str_unhex(STR(OPC_OF_K_OP), opc, 16), 0);
    assert_int_equal(aka_new(&a), 0);
    assert_int_equal(aka_answer(a, k, opc, r.vectors[0].rand, r.vectors[0].autn, &v, &sqn), 0);
    assert_int_equal(sqn, 6 << AKA_IND_BITS | 6);
    aka_free(a);
    world_close(&w);
}

static void sqn_texts(void **state)
{
    (void)state;
    uint64_t sqn = 1;
    assert_int_equal(hss_sqn_parse(STR("0"), &sqn), 0);
    assert_int_equal(sqn, 0);
    assert_int_equal(hss_sqn_parse(STR("ffffffffffff"), &sqn), 0);
    assert_int_equal(sqn, (UINT64_C(1) << 48) - 1);
    assert_int_equal(hss_sqn_parse(STR("21"), &sqn), 0);
    assert_int_equal(sqn, 0x21);
    assert_int_equal(hss_sqn_parse(STR(""), &sqn), ERR_BAD);
    assert_int_equal(hss_sqn_parse(STR("-1"), &sqn), ERR_BAD);
    assert_int_equal(hss_sqn_parse(STR("0x21"), &sqn), ERR_BAD);
    assert_int_equal(sqn, 0x21);
}

static int no_leak(void **state)
{
    (void)state;
    return mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes), cmocka_unit_test(too_much),
        cmocka_unit_test(after_a_mistake),
        cmocka_unit_test(changes),
        cmocka_unit_test(changes_reach_the_registered), cmocka_unit_test(made_anew_while_registered),
        cmocka_unit_test(deletion),
        cmocka_unit_test(replacement_keeps_sqn),
        cmocka_unit_test(sqn_texts),
    };
    return cmocka_run_group_tests(tests, NULL, no_leak);
}
