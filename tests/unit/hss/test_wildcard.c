// SPDX-License-Identifier: Apache-2.0
// Wildcarded public identities (TS 23.003 13.5, TS 29.228 6.1.2, 6.1.4, 6.5), aliases (TS 29.228 annex E), and identities
// that must not be mixed up, in provisioning, look-up, profile and export.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "hss/provision.h"
#include "io/uv.h"
#include "world.h"
#include "xml/profile.h"

#define KEY "k: 000102030405060708090a0b0c0d0e0f, op: " OP_HEX
#define ONE(name, more) "  - {impi: '" name "@" DOMAIN "', " KEY ", " more "}\n"

static const struct str zeros[] = {STR_INIT("00")};
static const struct numbering plan = {.domain = STR_INIT(DOMAIN),
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
    struct hss_params p = {.loop = w.loop, .store_path = ":memory:", .plan = &plan, .settings.keep_server_name = true};
    assert_int_equal(hss_new(&p, &w.hss), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

// ---- transactions ----

struct work {
    const char *text;
    bool replace;
    size_t n;
    struct hss_overlaps overlaps;
    struct hss_problem p;
    struct hss_text out;
    char last[256];
};

static int import_work(struct hss_op *op, void *arg)
{
    struct work *j = arg;
    return hss_import_text(op, str_from(j->text), j->replace, &j->n, &j->p);
}

static int export_work(struct hss_op *op, void *arg)
{
    struct work *j = arg;
    return hss_export(op, STR(""), 100, &j->out, &j->n, j->last);
}

static int run(struct work *j, int (*work)(struct hss_op *, void *))
{
    struct list ops;
    char why[160];
    struct hss_op *op = hss_task_new(w.hss);
    assert_non_null(op);
    op->task = work;
    op->arg = j;
    list_init(&ops);
    list_add(&ops, &op->link);
    int err = hss_transaction(&w.hss->writer, &ops, why, sizeof(why));
    j->overlaps = op->overlaps;
    hss_op_free(op);
    return err;
}

// NULL: taken; otherwise the reason.
static const char *import(const char *text, bool replace)
{
    static struct work j;
    j = (struct work){.text = text, .replace = replace};
    return run(&j, import_work) ? j.p.text : NULL;
}

static void provision(const char *text)
{
    const char *why = import(text, false);
    if (why)
        fail_msg("%s: %s", text, why);
}

static void refused(const char *text, bool replace, const char *word)
{
    const char *why = import(text, replace);
    if (!why || !strstr(why, word))
        fail_msg("%s: %s instead of %s", text, why ? why : "taken", word);
}

// ---- look-up ----

static const char pbx[] = "subscribers:\n" ONE("pbx", "impus: 'sip:pbx@" DOMAIN " sip:list!.*!@" DOMAIN
                                                     " tel:+4989!.*! tel:+498955![0-9]{2}! tel:70!..!;phone-context=" DOMAIN "'")
    ONE("one", "impus: 'sip:listone@" DOMAIN " tel:+498912'") ONE("two", "impus: 'sip:two@" DOMAIN " sip:list-!.*!@" DOMAIN "'");

struct wanted {
    const char *impu;
    unsigned code; // of LIR as originating
    const char *wildcard;
};

static const struct wanted found[] = {
    {"sip:pbx@" DOMAIN, CX_UNREGISTERED_SERVICE, ""},
    {"sip:list1@" DOMAIN, CX_UNREGISTERED_SERVICE, "sip:list!.*!@" DOMAIN},
    {"sip:list@" DOMAIN, CX_UNREGISTERED_SERVICE, "sip:list!.*!@" DOMAIN},
    {"SIP:list%31@IMS.mnc001.mcc001.3gppnetwork.org:5060", CX_UNREGISTERED_SERVICE, "sip:list!.*!@" DOMAIN},
    {"sip:List1@" DOMAIN, CX_ERROR_USER_UNKNOWN, ""},
    {"sip:listone@" DOMAIN, CX_UNREGISTERED_SERVICE, ""}, // a distinct identity counts before a wildcarded one
    {"sip:list-1@" DOMAIN, CX_UNREGISTERED_SERVICE, "sip:list-!.*!@" DOMAIN}, // the longer fixed parts
    {"tel:+4989123", CX_UNREGISTERED_SERVICE, "tel:+4989!.*!"},
    {"sip:089123@" DOMAIN ";user=phone", CX_UNREGISTERED_SERVICE, "tel:+4989!.*!"},
    {"sip:+4989123@" DOMAIN, CX_UNREGISTERED_SERVICE, "tel:+4989!.*!"},
    {"tel:+498912", CX_UNREGISTERED_SERVICE, ""},
    {"tel:+49895511", CX_UNREGISTERED_SERVICE, "tel:+498955![0-9]{2}!"},
    {"tel:+498955111", CX_UNREGISTERED_SERVICE, "tel:+4989!.*!"},
    {"tel:7042", CX_UNREGISTERED_SERVICE, "tel:70!..!;phone-context=" DOMAIN},
    {"tel:704", CX_ERROR_USER_UNKNOWN, ""},
    {"tel:+4930", CX_ERROR_USER_UNKNOWN, ""},
    // A pattern is nobody's identity; this text is covered by one as any other is.
    {"sip:list!.*!@" DOMAIN, CX_UNREGISTERED_SERVICE, "sip:list!.*!@" DOMAIN},
    {"sip:list-!.*!@" DOMAIN, CX_UNREGISTERED_SERVICE, "sip:list-!.*!@" DOMAIN},
    {"tel:+498955![0-9]{2}!", CX_UNREGISTERED_SERVICE, "tel:+4989!.*!"},
};

static void look_up(void **state)
{
    (void)state;
    provision(pbx);
    for (size_t i = 0; i < ARRAY_LEN(found); i++) {
        struct reply r = world_lir(&w, &(struct cx_lir){.impu = str_from(found[i].impu), .originating = true});
        if (r.result.code != found[i].code || strcmp(r.wildcard, found[i].wildcard) != 0)
            fail_msg("%s: %u %s", found[i].impu, r.result.code, r.wildcard);
    }
}

// The state is that of the set; whoever is covered is served by its S-CSCF, registered or not.
static void state_of_the_set(void **state)
{
    (void)state;
    provision(pbx);
    struct cx_lir l = {.impu = STR("tel:+4989123")};
    assert_int_equal(world_lir(&w, &l).result.code, CX_ERROR_IDENTITY_NOT_REGISTERED);
    struct cx_sar s = world_sar_of("pbx@" DOMAIN, "sip:pbx@" DOMAIN, CX_REGISTRATION);
    struct reply r = world_sar(&w, &s);
    expect_result("registration", r.result, DIA_SUCCESS, false);
    assert_string_equal(r.wildcard, "");
    r = world_lir(&w, &l);
    expect_result("called", r.result, DIA_SUCCESS, false);
    assert_string_equal(r.server_name, SCSCF);
    assert_string_equal(r.wildcard, "tel:+4989!.*!");
}

static void nobody_registers_by_it(void **state)
{
    (void)state;
    provision(pbx);
    static const char *const who[] = {"tel:+4989123", "tel:+4989!.*!", ("sip:list!.*!@" DOMAIN), ("sip:list%21.%2A%21@" DOMAIN)};
    for (size_t i = 0; i < ARRAY_LEN(who); i++) {
        struct reply r = world_uar(&w, &(struct cx_uar){
                                           .impi = STR("pbx@" DOMAIN), .impu = str_from(who[i]), .visited_network = STR(DOMAIN)});
        expect_result(who[i], r.result, CX_ERROR_USER_UNKNOWN, true);
        struct cx_sar s = world_sar_of("pbx@" DOMAIN, who[i], CX_REGISTRATION);
        expect_result(who[i], world_sar(&w, &s).result, CX_ERROR_USER_UNKNOWN, true);
    }
}

// An S-CSCF that serves a call to somebody who is covered asks by that identity, and ends it so.
static void unregistered(void **state)
{
    (void)state;
    provision(pbx);
    struct cx_sar s = world_sar_of(NULL, "tel:+4989123", CX_UNREGISTERED_USER);
    struct reply r = world_sar(&w, &s);
    expect_result("unregistered", r.result, DIA_SUCCESS, false);
    assert_string_equal(r.wildcard, "tel:+4989!.*!");
    assert_string_equal(r.impi, "pbx@" DOMAIN);
    assert_non_null(strstr(r.user_data, "<Identity>tel:+4989!.*!</Identity>"));
    s = world_sar_of("pbx@" DOMAIN, "tel:+4989123", CX_TIMEOUT_DEREGISTRATION);
    expect_result("the end", world_sar(&w, &s).result, DIA_SUCCESS, false);
    struct cx_lir l = {.impu = STR("tel:+4989123")};
    expect_result("afterwards", world_lir(&w, &l).result, CX_ERROR_IDENTITY_NOT_REGISTERED, true);
}

// The text of a pattern is nobody's identity, however it is written: it is one that the pattern covers, or none.
static void by_its_text(void **state)
{
    (void)state;
    provision("subscribers:\n" ONE("pbx", "impus: 'sip:pbx@" DOMAIN " sip:list![0-9]!@" DOMAIN "'"));
    static const char *const texts[] = {"sip:list![0-9]!@" DOMAIN, "sip:list%21%5B0-9%5D%21@" DOMAIN, "SIP:list%21%5b0-9]!@" DOMAIN};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct cx_sar s = world_sar_of("pbx@" DOMAIN, texts[i], CX_TIMEOUT_DEREGISTRATION);
        expect_result(texts[i], world_sar(&w, &s).result, CX_ERROR_USER_UNKNOWN, true);
        s = world_sar_of(NULL, texts[i], CX_UNREGISTERED_USER);
        expect_result(texts[i], world_sar(&w, &s).result, CX_ERROR_USER_UNKNOWN, true);
    }
}

static int ids_row(void *arg, const struct store_value *c, size_t n)
{
    memcpy(arg, (int64_t[]){c[0].num, c[1].num}, 2 * sizeof(int64_t));
    return 0;
}

// A row of an earlier version, or of another hand.
static int unusable_work(struct hss_op *op, void *arg)
{
    int64_t ids[2] = {0}, profile[2] = {0};
    struct str text = STR("sip:list-![!@" DOMAIN);
    (void)arg;
    int err = STORE_RUN(op->ctx->store, SQL_IMPU_FIND, ids_row, ids, SV_TEXT(STR("sip:pbx@" DOMAIN)));
    if (!err)
        err = STORE_RUN(op->ctx->store, SQL_PROFILE_FIND, ids_row, profile, SV_TEXT(STR("default")));
    if (!err)
        err = HSS_WRITE(op, SQL_IMPU_ADD, SV_INT(ids[0]), SV_INT(9), SV_TEXT(text), SV_INT(0), SV_NULL, SV_INT(profile[0]), SV_NULL,
                        SV_NULL);
    return err ? err
               : HSS_WRITE(op, SQL_WILDCARD_ADD, SV_INT(store_last_id(op->ctx->store)), SV_TEXT(STR("sip:list-")),
                           SV_TEXT(STR("@" DOMAIN)));
}

// Its neighbours are found all the same.
static void one_that_cannot_be_used(void **state)
{
    (void)state;
    provision("subscribers:\n" ONE("pbx", "impus: 'sip:pbx@" DOMAIN " sip:list!.*!@" DOMAIN "'"));
    assert_int_equal(run(&(struct work){0}, unusable_work), 0);
    struct reply r = world_lir(&w, &(struct cx_lir){.impu = STR("sip:list-7@" DOMAIN), .originating = true});
    expect_result("beside it", r.result, CX_UNREGISTERED_SERVICE, true);
    assert_string_equal(r.wildcard, "sip:list!.*!@" DOMAIN);
}

// ---- the profile ----

static struct profile *profile_of(struct profile_store *store, const char *impi, const char *impu)
{
    struct profile *p = NULL;
    struct xml_error err;
    char why[200] = "";
    struct cx_sar s = world_sar_of(impi, impu, CX_REGISTRATION);
    struct reply r = world_sar(&w, &s);
    expect_result(impu, r.result, DIA_SUCCESS, false);
    if (hss_user_data_validate(str_from(r.user_data), why, sizeof why) || profile_parse(store, str_from(r.user_data), &p, &err))
        fail_msg("%s: %s", why, r.user_data);
    return p;
}

static void in_the_profile(void **state)
{
    struct profile_store *store;
    (void)state;
    provision("subscribers:\n" ONE("u", "display_name: Uwe, barred: 'sip:x!.*!@" DOMAIN "', aliases: 'sip:u@" DOMAIN " tel:+491 | "
                                       "tel:+492 sip:v@" DOMAIN "', impus: 'sip:u@" DOMAIN " tel:+491 sip:v@" DOMAIN " tel:+492 sip:w@"
                                       DOMAIN " sip:x!.*!@" DOMAIN " sip:y![a-c]{1,3}|%\\.!@" DOMAIN "'"));
    assert_int_equal(profile_store_new(&store), 0);
    struct profile *p = profile_of(store, "u@" DOMAIN, "sip:u@" DOMAIN);
    static const struct {
        const char *uri, *alias, *pattern;
        bool barred;
    } want[] = {
        {"sip:u@" DOMAIN, "1", "", false},
        {"tel:+491", "1", "", false},
        {"sip:v@" DOMAIN, "2", "", false},
        {"tel:+492", "2", "", false},
        {"sip:w@" DOMAIN, "", "", false},
        {"sip:x!.*!@" DOMAIN, "", "sip:x!.*!@" DOMAIN, true},
        {"sip:y![a-c]{1,3}|%\\.!@" DOMAIN, "", "sip:y![a-c]{1,3}|%\\.!@" DOMAIN, false},
    };
    assert_int_equal(profile_identity_count(p), ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        struct profile_identity id = profile_identity_at(p, i);
        bool same = str_eq(id.uri, str_from(want[i].uri)) && str_eq(id.alias_group, str_from(want[i].alias)) &&
                    str_eq(profile_identity_pattern(&id), str_from(want[i].pattern)) && id.barred == want[i].barred &&
                    str_eq(id.display_name, STR("Uwe")) && (id.type == IDENTITY_WILDCARDED_IMPU) == (*want[i].pattern != 0);
        if (!same)
            fail_msg("%s: %.*s %.*s", want[i].uri, STR_ARG(id.uri), STR_ARG(id.alias_group));
    }
    profile_free(p);
    profile_store_free(store);
}

// ---- provisioning ----

static void mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *more, *word;
    } rows[] = {
        {"impus: 'sip:list!.*!@" DOMAIN " sip:x@" DOMAIN "'", "comes first in its set"},
        {"impus: 'sip:x@" DOMAIN " | tel:+3!.*!'", "comes first in its set"},
        {"impus: 'sip:x@" DOMAIN " sip:list!a*!@" DOMAIN "'", "same fixed parts as sip:list!.*!@" DOMAIN},
        {"impus: 'sip:x@" DOMAIN " sip:a![b-a]!@" DOMAIN "'", "wrong way round"},
        {"impus: 'sip:x@" DOMAIN " sip:a![[:nix:]]!@" DOMAIN "'", "its expression is none"},
        {"impus: 'sip:x@" DOMAIN " sip:a!a{1,1000}!@" DOMAIN "'", "255"},
        {"impus: 'sip:x@" DOMAIN " sip:a!(a{60}){60}!@" DOMAIN "'", "too large"},
        {"impus: 'sip:x@" DOMAIN " tel:70!..!'", "phone-context"},
        {"impus: 'sip:x@" DOMAIN " tel:+491', aliases: 'sip:x@" DOMAIN "'", "stands alone"},
        {"impus: 'sip:x@" DOMAIN " tel:+491', aliases: 'sip:x@" DOMAIN " | tel:+491'", "stands alone"},
        {"impus: 'sip:x@" DOMAIN " tel:+491', aliases: 'sip:x@" DOMAIN " tel:+492'", "none of the impus"},
        {"impus: 'sip:x@" DOMAIN " tel:+491', aliases: 'sip:x@" DOMAIN " sip:x@" DOMAIN "'", "given twice"},
        {"impus: 'sip:x@" DOMAIN " | tel:+491', aliases: 'sip:x@" DOMAIN " tel:+491'", "different sets"},
    };
    provision(pbx);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[700];
        (void)snprintf(text, sizeof text, "subscribers:\n  - {impi: x@" DOMAIN ", " KEY ", %s}\n", rows[i].more);
        refused(text, false, rows[i].word);
    }
}

static char *exported(void)
{
    static struct work j;
    j = (struct work){0};
    assert_int_equal(run(&j, export_work), 0);
    char *text = strndup(j.out.p, j.out.n);
    hss_text_done(&j.out);
    return text;
}

// Everything comes back, also over what is there, whose registration sets others share.
static void export_and_import(void **state)
{
    (void)state;
    provision(pbx);
    provision("subscribers:\n" ONE("u", "impus: 'sip:u@" DOMAIN " tel:+491 sip:v@" DOMAIN " tel:+492 | sip:t@" DOMAIN
                                       "', aliases: 'sip:u@" DOMAIN " tel:+492 | tel:+491 sip:v@" DOMAIN "'")
                  ONE("u2", "join: 'sip:u@" DOMAIN "'") ONE("u3", "join: 'sip:t@" DOMAIN "'"));
    char *first = exported();
    assert_non_null(strstr(first, "aliases: \"sip:u@" DOMAIN " tel:+492 | tel:+491 sip:v@" DOMAIN "\""));
    const char *why = import(first, true);
    if (why)
        fail_msg("%s\n%s", why, first);
    char *second = exported();
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void replaced_alone(void **state)
{
    (void)state;
    provision("subscribers:\n" ONE("u", "impus: 'sip:u@" DOMAIN " | sip:t@" DOMAIN "'") ONE("u2", "join: 'sip:u@" DOMAIN "'")
                  ONE("u3", "join: 'sip:t@" DOMAIN "'"));
    refused("subscribers:\n" ONE("u", "impus: 'sip:u@" DOMAIN " sip:new@" DOMAIN "'"), true, "u3@" DOMAIN " shares identities");
    assert_null(import("subscribers:\n" ONE("u", "impus: 'sip:t@" DOMAIN " | sip:new@" DOMAIN " sip:u@" DOMAIN "'"), true));
    static const struct {
        const char *impi, *impu;
        unsigned code;
    } rows[] = {{"u", "sip:new", CX_FIRST_REGISTRATION},          {"u2", "sip:new", CX_FIRST_REGISTRATION},
                {"u2", "sip:t", CX_ERROR_IDENTITIES_DONT_MATCH}, {"u3", "sip:t", CX_FIRST_REGISTRATION},
                {"u3", "sip:u", CX_ERROR_IDENTITIES_DONT_MATCH}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char impi[100], impu[100];
        (void)snprintf(impi, sizeof impi, "%s@" DOMAIN, rows[i].impi);
        (void)snprintf(impu, sizeof impu, "%s@" DOMAIN, rows[i].impu);
        struct reply r = world_uar(&w, &(struct cx_uar){.impi = str_from(impi), .impu = str_from(impu), .visited_network = STR(DOMAIN)});
        expect_result(impi, r.result, rows[i].code, true);
    }
    // The one that joined is provisioned anew: the set stays whose it is.
    assert_null(import("subscribers:\n" ONE("u2", "join: 'sip:t@" DOMAIN "'"), true));
    struct reply r = world_uar(&w, &(struct cx_uar){.impi = STR("u2@" DOMAIN), .impu = STR("sip:t@" DOMAIN), .visited_network = STR(DOMAIN)});
    expect_result("u2", r.result, CX_FIRST_REGISTRATION, true);
}

// Two identities that one telephone number may mean are of one subscriber, whichever was there first.
static void mixed_up(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"sip:7042@" DOMAIN, "tel:7042;phone-context=" DOMAIN}, {"sip:0711@" DOMAIN, "tel:+49711"},
        {"sip:0049711@" DOMAIN, "tel:+49711"},                  {"sip:+49-711@" DOMAIN, "tel:+49711"},
        {"sip:0049711@" DOMAIN, "sip:0711@" DOMAIN},            {"sip:0711;phone-context=" DOMAIN "@" DOMAIN, "sip:+49711@" DOMAIN},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        for (int k = 0; k < 2; k++) {
            char text[600];
            (void)snprintf(text, sizeof text, "subscribers:\n" ONE("a", "impus: 'sip:a@" DOMAIN " %s'"), pairs[i][k]);
            provision(text);
            (void)snprintf(text, sizeof text, "subscribers:\n" ONE("b", "impus: 'sip:b@" DOMAIN " %s'"), pairs[i][!k]);
            refused(text, false, "would be mixed up with");
            (void)snprintf(text, sizeof text, "subscribers:\n" ONE("c", "impus: 'sip:c@" DOMAIN " %s %s'"), "tel:+4930", "sip:030@" DOMAIN);
            provision(text); // of one subscriber they may be
            (void)tear_down(state);
            (void)set_up(state);
        }
}

// A distinct identity inside the wildcarded one of somebody else is taken, and told, whichever was there first.
static void overlaps(void **state)
{
    static const struct {
        const char *first, *second;
        size_t n;
        const char *distinct, *pattern;
    } rows[] = {
        {"sip:a@" DOMAIN " sip:list!.*!@" DOMAIN, "sip:list7@" DOMAIN, 1, "sip:list7@" DOMAIN, "sip:list!.*!@" DOMAIN},
        {"sip:list7@" DOMAIN " sip:list8@" DOMAIN " sip:liz@" DOMAIN, "sip:a@" DOMAIN " sip:list!.*!@" DOMAIN, 2, "sip:list7@" DOMAIN,
         "sip:list!.*!@" DOMAIN},
        {"sip:a@" DOMAIN " tel:+4989!.*! tel:+49!.*!", "sip:b@" DOMAIN " tel:+498977", 1, "tel:+498977", "tel:+4989!.*!"},
        {"sip:a@" DOMAIN " sip:list!.*!@" DOMAIN, "sip:b@" DOMAIN " sip:list-!.*!@" DOMAIN, 0, "", ""},
        {"sip:a@" DOMAIN " sip:list![0-9]!@" DOMAIN, "sip:listx@" DOMAIN, 0, "", ""},
        {"sip:a@" DOMAIN, "sip:list7@" DOMAIN " sip:list!.*!@" DOMAIN, 0, "", ""}, // its own
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[700];
        (void)snprintf(text, sizeof text, "subscribers:\n" ONE("a", "impus: '%s'"), rows[i].first);
        provision(text);
        (void)snprintf(text, sizeof text, "subscribers:\n" ONE("b", "impus: '%s'"), rows[i].second);
        struct work j = {.text = text};
        assert_int_equal(run(&j, import_work), 0);
        if (j.overlaps.n != rows[i].n || strcmp(j.overlaps.distinct, rows[i].distinct) != 0 || strcmp(j.overlaps.pattern, rows[i].pattern) != 0)
            fail_msg("%s in %s: %zu, %s in %s", rows[i].second, rows[i].first, j.overlaps.n, j.overlaps.distinct,
                     j.overlaps.pattern);
        (void)tear_down(state);
        (void)set_up(state);
    }
}

// What is told of the first of several subscribers is no piece of what was read of the others.
static void overlap_of_the_first(void **state)
{
    static char text[16000];
    provision("subscribers:\n" ONE("a", "impus: 'sip:a@" DOMAIN " sip:list!.*!@" DOMAIN "'"));
    size_t n = (size_t)snprintf(text, sizeof text, "subscribers:\n" ONE("b", "impus: 'sip:list7@" DOMAIN "'") "  - {impi: 'c@" DOMAIN "', " KEY ", impus: '");
    for (unsigned i = 0; i < 60; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "sip:c%u@" DOMAIN " ", i);
    (void)snprintf(text + n, sizeof text - n, "'}\n");
    struct work j = {.text = text};
    assert_int_equal(run(&j, import_work), 0);
    assert_int_equal(j.n, 2);
    assert_int_equal(j.overlaps.n, 1);
    assert_string_equal(j.overlaps.distinct, "sip:list7@" DOMAIN);
    assert_string_equal(j.overlaps.pattern, "sip:list!.*!@" DOMAIN);
}

// Identities that begin like the pattern and end otherwise take no room from those that it is about.
static void overlaps_by_both_ends(void **state)
{
    provision("subscribers:\n" ONE("a", "impus: 'sip:a@" DOMAIN " tel:+4910{0000..0998}'")
              ONE("b", "impus: 'sip:b@" DOMAIN " tel:+4911{0000..0998}'"));
    struct work j = {.text = "subscribers:\n" ONE("c", "impus: 'sip:c@" DOMAIN " tel:+491!.*!0777'")};
    assert_int_equal(run(&j, import_work), 0);
    assert_int_equal(j.overlaps.n, 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(look_up),        TEST(state_of_the_set), TEST(nobody_registers_by_it), TEST(unregistered),
        TEST(in_the_profile), TEST(mistakes),         TEST(export_and_import),      TEST(replaced_alone),
        TEST(mixed_up),       TEST(by_its_text),      TEST(one_that_cannot_be_used), TEST(overlaps),
        TEST(overlap_of_the_first), TEST(overlaps_by_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
