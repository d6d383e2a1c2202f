// SPDX-License-Identifier: Apache-2.0
// Wildcarded public identities (TS 23.003 13.5) and what their expressions may cost (POSIX 1003.1 XBD 9.4).
#include <setjmp.h>
#include <stdarg.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "ims/ere.h"
#include "ims/wildcard.h"

#define HOME "ims.example.org"

static const struct str further[] = {STR_INIT("op.example")};
static const struct numbering plan = {.domain = STR_INIT(HOME), .domains = further, .n_domains = 1};
static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, NULL, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void what_is_one(void **state)
{
    (void)state;
    static const struct {
        const char *text, *head, *expression, *tail;
    } rows[] = {
        {"sip:chatlist!.*!@example.com", "sip:chatlist", ".*", "@example.com"},
        {"tel:+4989!.*!", "tel:+4989", ".*", ""},
        {"sip:!!@example.com", "sip:", "", "@example.com"},
        {"sip:a!b@c!d", "sip:a", "b@c", "d"},
        {"sip:a!b!c!@d", "sip:a", "b!c", "@d"},
        {"sip:alice@example.com", NULL, NULL, NULL},
        {"sip:a!lice@example.com", NULL, NULL, NULL},
        {"sip:alice@ex!am!ple.com", NULL, NULL, NULL},
        {"tel:+49;x=!.*!", NULL, NULL, NULL},
        {"urn:a!.*!b", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wildcard_parts p;
        bool is = wildcard_split(str_from(rows[i].text), &p);
        if (is != (rows[i].head != NULL))
            fail_msg("%s: %d", rows[i].text, is);
        if (is && (!str_eq(p.head, str_from(rows[i].head)) || !str_eq(p.expression, str_from(rows[i].expression)) ||
                   !str_eq(p.tail, str_from(rows[i].tail))))
            fail_msg("%s: %.*s %.*s %.*s", rows[i].text, STR_ARG(p.head), STR_ARG(p.expression), STR_ARG(p.tail));
    }
}

// The canonical form, or a word of the reason.
static void canonical(void **state)
{
    (void)state;
    static const struct {
        const char *text, *canon, *reason;
    } rows[] = {
        {"sip:chatlist!.*!@" HOME, "sip:chatlist!.*!@" HOME, NULL},
        {"SIP:ChatList!.*!@IMS.Example.ORG.:5060;transport=tcp", "sip:ChatList!.*!@" HOME, NULL},
        {"sips:a!.!b@op.example", "sips:a!.!b@op.example", NULL},
        {"sip:!.*!@" HOME, "sip:!.*!@" HOME, NULL},
        {"tel:+49-89-(123)!.*!", "tel:+4989123!.*!", NULL},
        {"tel:+4989!.*!00", "tel:+4989!.*!00", NULL},
        {"sip:+49-89!.*!@" HOME ";user=phone", "tel:+4989!.*!", NULL},
        {"sip:+4989!.*!@" HOME, "sip:+4989!.*!@" HOME, NULL},
        {"tel:70!..!;phone-context=OP.example", "tel:70!..!;phone-context=" HOME, NULL},
        {"sip:70!..!@" HOME ";user=phone", "tel:70!..!;phone-context=" HOME, NULL},
        {"tel:70!..!", NULL, "phone-context"},
        {"tel:70!..!;phone-context=else.example", NULL, "no domain of this network"},
        {"tel:a!.*!", NULL, "telephone number"},
        {"sip:a!.*!@else.example", NULL, "home domain"},
        {"sip:a!.*!", NULL, "user part"},
        {"sip:a!.*@b!.c", NULL, "user part"},
        {"sip:a!!@" HOME, NULL, "empty"},
        {"sip:a!.*!@" HOME "!", NULL, "user part"},
        {"sip:a!b!c!@" HOME, "sip:a!b!c!@" HOME, NULL},
        {"sip:a!(.*!@" HOME, NULL, "no end"},
        {"sip:a b!.*!@" HOME, NULL, "not of a sip"},
        {"sip:alice@" HOME, NULL, "no expression"},
        // The fixed parts of a user are in the canonical form of users, or could never be covered.
        {"sip:li%6ee%2f!.*!%61@" HOME, "sip:line%2F!.*!a@" HOME, NULL},
        {"sip:%7e!.*!@" HOME, "sip:~!.*!@" HOME, NULL},
        {"sip:li:pw!.*!@" HOME, NULL, "password"},
        {"sip:li!.*!:pw@" HOME, NULL, "password"},
        {"sip:a%21b!.*!@" HOME, NULL, "exclamation"},
        {"sip:a!.*!b%21@" HOME, NULL, "exclamation"},
        {"sip:a%4!.*!@" HOME, NULL, "escape"},
        {"sip:70!..!;phone-context=" HOME "@" HOME, NULL, "user=phone"},
        {"sip:+49%38!.*!@" HOME ";user=phone", NULL, "telephone number"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *why = "untouched";
        struct str got = wildcard_canon(&arena, &plan, str_from(rows[i].text), &why);
        bool ok = rows[i].canon ? str_eq(got, str_from(rows[i].canon)) && !why
                                : !got.n && why && strstr(why, rows[i].reason);
        if (!ok)
            fail_msg("%s: %.*s, %s", rows[i].text, STR_ARG(got), why ? why : "");
        if (got.n && !str_eq(wildcard_canon(&arena, &plan, got, &why), got))
            fail_msg("%s: its canonical form has another one", rows[i].text);
    }
}

static void covered(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *identity;
        bool covers;
    } rows[] = {
        {"sip:chatlist!.*!@example.com", "sip:chatlist1@example.com", true},
        {"sip:chatlist!.*!@example.com", "sip:chatlist@example.com", true},
        {"sip:chatlist!.*!@example.com", "sip:chatlist!1!@example.com", true},
        {"sip:chatlist!.*!@example.com", "sip:Chatlist1@example.com", false},
        {"sip:chatlist!.*!@example.com", "sip:chatlist1@example.org", false},
        {"sip:chatlist!.*!@example.com", "sip:chat@example.com", false},
        {"sip:chatlist!.*!@example.com", "sips:chatlist1@example.com", false},
        {"tel:+4989!.*!", "tel:+4989", true},
        {"tel:+4989!.+!", "tel:+4989", false},
        {"tel:+4989![0-9]{4}!", "tel:+49891234", true},
        {"tel:+4989![0-9]{4}!", "tel:+498912345", false},
        {"tel:+4989![0-9]{4}!", "tel:+4989123", false},
        {"tel:70!..!;phone-context=a.b", "tel:7042;phone-context=a.b", true},
        {"tel:70!..!;phone-context=a.b", "tel:7042;phone-context=a.bc", false},
        {"sip:a!b|cd!e@x", "sip:abe@x", true},
        {"sip:a!b|cd!e@x", "sip:acde@x", true},
        {"sip:a!b|cd!e@x", "sip:abxe@x", false},
        {"sip:a!b|cd!e@x", "sip:ae@x", false},
        {"sip:!^[[:alpha:]][^x]?$!@x", "sip:ab@x", true},
        {"sip:!^[[:alpha:]][^x]?$!@x", "sip:ax@x", false},
        {"sip:!a![!x]!@x", "sip:a!!@x", true},
        {"sip:!\\.a!@x", "sip:.a@x", true},
        {"sip:!\\.a!@x", "sip:ba@x", false},
        {"sip:!()|a!@x", "sip:a@x", false}, // no expression that is served
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wildcard *w = wildcard_new(str_from(rows[i].pattern));
        bool got = w && wildcard_covers(w, str_from(rows[i].identity));
        wildcard_free(w);
        if (got != rows[i].covers)
            fail_msg("%s %s: %d", rows[i].pattern, rows[i].identity, got);
    }
}

// What POSIX leaves undefined is refused, and so is what would be written out to too much.
static void what_is_no_expression(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *reason;
    } rows[] = {
        {".*", NULL}, {"[0-9]{1,12}", NULL}, {"(a|b)+", NULL}, {"[]a]", NULL}, {"[^]a-z]", NULL}, {"a{3,}", NULL},
        {"[[:digit:]]*", NULL}, {"\\+49", NULL}, {"^a$", NULL}, {"a{0}", NULL}, {"a{255}", "too large"},
        {"a{1,1000}", "255"}, {"a{64}", NULL}, {"a{65}", "too large"}, {"(a{16}){4}", NULL}, {"(a{16}){5}", "too large"},
        {"((a{100}){100}){100}", "too large"}, {"((a{2,101}){100}){100}", "too large"}, {"(((a{0,255}){0,255}){0,255}){0,255}", "too large"},
        {"[a-z0-9]{32}", NULL}, {"[a-z0-9]{33}", "too large"}, {"a{0,64}b", "too large"}, {"a{63,}", NULL}, {"a{64,}", "too large"}, {"[b-a]", "wrong way"},
        {"(a{1,255}b{0}){0}", "too large"},
        {"", "empty"}, {"a|", "empty"}, {"()", "empty"}, {"(|a)", "empty"}, {"*a", "nothing to repeat"},
        {"(*)", "nothing to repeat"}, {"^*", "nothing to repeat"}, {"a**", "follow"}, {"a*?", "follow"}, {"a{2}{3}", "follow"},
        {"(?:a)", "nothing to repeat"}, {"(a)\\1", "backslash"}, {"\\d", "backslash"}, {"\\", "backslash"}, {"a{,3}", "none such"},
        {"a{3,2}", "none such"}, {"a{x}", "none such"}, {"a{1", "none such"}, {"a{99999999999}", "none such"}, {"(a", "no end"},
        {"a)", "closes nothing"}, {"[a", "no end"}, {"[", "no end"}, {"[[:alpha", "none of POSIX"}, {"[[.a.]]", "collating"}, {"a b", "no identity"},
        // Where a library ends a name is its own affair: nothing of an expression may hide behind one.
        {"[[:alpha:x](((a{200}){200}){200}){100}:]]", "none of POSIX"}, {"[[:alpha:x])|(.*)|(a:]]", "none of POSIX"},
        {"[[:foo:]]", "none of POSIX"}, {"[[:ALPHA:]]", "none of POSIX"}, {"[[::]]", "none of POSIX"}, {"[[:alphaa:]]", "none of POSIX"},
        {"[[=a=]]", "none of POSIX"}, {"[[:alpha:]-z]", "neither first"}, {"[a-c-e]", "neither first"}, {"[!-[:alpha:]]", "ends in a class"},
        {"[a-[.b.]]", "ends in a class"}, {"[a-]", NULL}, {"[-a]", NULL}, {"[^-a]", NULL}, {"[!--]", NULL}, {"[--/]", NULL},
        {"[[:alpha:]-]", NULL}, {"[^[:alnum:][:blank:]_]{3}", NULL}, {"[[:xdigit:]]", NULL}, {"[[-a]", NULL}, {"[[a]", NULL}, {"[a b]", "no identity"},
        {"[a-\x7f]", "no identity"}, {"[a[]", NULL}, {"[[", "no end"}, {"[]", "no end"}, {"[^]", "no end"}, {"[a-", "neither first"},
        {"((((((((((((((((a))))))))))))))))", NULL}, {"(((((((((((((((((a)))))))))))))))))", "within each other"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *why = ere_refused(str_from(rows[i].expression), WILDCARD_SIZE_MAX, WILDCARD_DEPTH_MAX);
        if (!why != !rows[i].reason || (why && !strstr(why, rows[i].reason)))
            fail_msg("%s: %s", rows[i].expression, why ? why : "taken");
        char pattern[300];
        (void)snprintf(pattern, sizeof pattern, "sip:a!%s!@x", rows[i].expression);
        struct wildcard *w = wildcard_new(str_from(pattern));
        if (!w != !!rows[i].reason) // nor does TRE find fault with what is taken
            fail_msg("%s: compiled %d", rows[i].expression, w != NULL);
        wildcard_free(w);
    }
}

// Every text of a few characters: the scan ends inside it, and what it takes TRE takes too.
static void every_short_expression(void **state)
{
    (void)state;
    static const char letters[] = "a[]()|*+{1,}\\^$.:-";
    enum { LETTERS = sizeof letters - 1, LENGTH = 4 };
    unsigned total = 1;
    for (int i = 0; i < LENGTH; i++)
        total *= LETTERS;
    for (unsigned k = 0; k < total; k++) {
        char text[16] = "sip:a!";
        unsigned rest = k;
        for (int i = 0; i < LENGTH; i++, rest /= LETTERS)
            text[6 + i] = letters[rest % LETTERS];
        memcpy(text + 6 + LENGTH, "!@x", 4);
        const char *why = ere_refused(str_make(text + 6, LENGTH), WILDCARD_SIZE_MAX, WILDCARD_DEPTH_MAX);
        struct wildcard *w = why ? NULL : wildcard_new(str_from(text));
        if (!why && !w)
            fail_msg("%s is taken and does not compile", text);
        wildcard_free(w);
    }
}

// ---- expressions that are made up ----

struct maker {
    uint32_t random;
    char text[WILDCARD_TEXT_MAX + 1];
    size_t n;
};

static uint32_t any(struct maker *m, uint32_t below)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 17;
    m->random ^= m->random << 5;
    return m->random % below;
}

static void put(struct maker *m, const char *s)
{
    for (; *s && m->n < sizeof m->text - 1; s++)
        m->text[m->n++] = *s;
}

static void put_any_atom(struct maker *m, unsigned depth);

static void put_any_branch(struct maker *m, unsigned depth)
{
    static const char *const repeat[] = {"*", "+", "?", "{2}", "{0,3}", "{4,}", "{8}", "{64}", "{0}", "{1,16}"};
    for (uint32_t i = 0, n = 1 + any(m, 3); i < n; i++) {
        put_any_atom(m, depth);
        if (any(m, 2))
            put(m, repeat[any(m, ARRAY_LEN(repeat))]);
        if (any(m, 6) == 0)
            put(m, "|"), put_any_atom(m, depth);
    }
}

// Pieces of the grammar, and some that are in no grammar.
static void put_any_atom(struct maker *m, unsigned depth)
{
    static const char *const atoms[] = {".", "a", "b", "\\.", "[a-z]", "[^a]", "[[:alpha:]]", "[^[:digit:]x-z]", "[]-]", "[!-~]", "^", "$",
                                        "[[:alnum:][:punct:]]", "[[:foo:]]", "[[:alpha:x]", ":]]", "[", "]", "-", "[=", "[.", "{", "}",
                                        "\\", ")", "[[:alpha:]-", "[a-", "[^]"};
    if (depth && any(m, 3) == 0) {
        put(m, "(");
        put_any_branch(m, depth - 1);
        put(m, ")");
        return;
    }
    bool odd = any(m, 12) == 0;
    put(m, atoms[any(m, odd ? ARRAY_LEN(atoms) : 13)]);
}

// docs/security.md has the same figure. Under a sanitizer's own allocator nothing is seen, and nothing asserted.
enum { COMPILED_MAX = 150000, MADE_UP = 20000 };

static size_t in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

// What is taken compiles, and to no more than is promised.
static void what_is_taken_compiles(void **state)
{
    (void)state;
    struct maker m = {.random = 20261129};
    unsigned taken = 0;
    size_t most = 0;
    for (int i = 0; i < MADE_UP; i++) {
        m.n = 0;
        put(&m, "sip:a!");
        put_any_branch(&m, 3);
        put(&m, "!@x");
        m.text[m.n] = 0;
        struct wildcard_parts parts;
        if (!wildcard_split(str_from(m.text), &parts) || ere_refused(parts.expression, WILDCARD_SIZE_MAX, WILDCARD_DEPTH_MAX))
            continue;
        taken++;
        size_t before = in_use();
        struct wildcard *w = wildcard_new(str_from(m.text));
        size_t used = in_use() - before;
        if (!w)
            fail_msg("%s is taken and does not compile", m.text);
        if (used > COMPILED_MAX)
            fail_msg("%s takes %zu bytes", m.text, used);
        most = used > most ? used : most;
        wildcard_free(w);
    }
    assert_true(taken > MADE_UP / 4);
    print_message("%u expressions, %zu bytes at most\n", taken, most);
}

// An expression sees what is between its fixed parts whole, whatever it holds.
static void nothing_gets_out(void **state)
{
    (void)state;
    static const char *const all[] = {"sip:a![[:alpha:x])|(.*)|(a:]]!@x", "sip:a!a)|(.*!@x", "sip:a!(a)|.*)!@x", "sip:a![[:alpha:])|(.*)|(a]!@x"};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct wildcard *w = wildcard_new(str_from(all[i]));
        if (w && wildcard_covers(w, STR("sip:a99@x")))
            fail_msg("%s covers everything", all[i]);
        wildcard_free(w);
    }
}

static void in_header_fields(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"sip:chatroom-!.*!@example.com", "sip:chatroom-!.*!@example.com"},
        {"sip:a![0-9]{4}!@x", "sip:a!%5B0-9%5D%7B4%7D!@x"},
        {"sip:a!(b|c)\\.%!@x", "sip:a!(b%7Cc)%5C.%25!@x"},
        {"tel:+49!^:@$!", "tel:+49!%5E%3A%40$!"},
        {"sip:alice%20@x", "sip:alice%20@x"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str uri = wildcard_to_uri(&arena, str_from(rows[i][0]));
        if (!str_eq(uri, str_from(rows[i][1])))
            fail_msg("%s: %.*s", rows[i][0], STR_ARG(uri));
        struct str back = wildcard_from_uri(&arena, uri);
        if (!str_eq(back, str_from(rows[i][0])))
            fail_msg("%s: %.*s", rows[i][1], STR_ARG(back));
    }
    assert_true(str_eq(wildcard_from_uri(&arena, STR("sip:a!%zz%4!@x")), STR("sip:a!%zz%4!@x")));
}

// One that is asked for again is there already; one that is none is told each time.
static void compiled_once(void **state)
{
    (void)state;
    struct wildcard_cache *c = wildcard_cache_new(64);
    assert_non_null(c);
    const struct wildcard *w = wildcard_cache_find(c, STR("sip:a!.*!@x"));
    assert_non_null(w);
    assert_true(wildcard_covers(w, STR("sip:abc@x")));
    mem_fail_after(0); // nothing is made
    assert_ptr_equal(wildcard_cache_find(c, STR("sip:a!.*!@x")), w);
    assert_true(wildcard_cache_covers(c, STR("sip:a!.*!@x"), STR("sip:abc@x")));
    mem_fail_after(-1);
    assert_null(wildcard_cache_find(c, STR("sip:a!(!@x")));
    assert_false(wildcard_cache_covers(c, STR("sip:a!(!@x"), STR("sip:a(@x")));
    wildcard_cache_free(c);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_one), TEST(canonical),         TEST(covered), TEST(what_is_no_expression), TEST(every_short_expression),
        TEST(what_is_taken_compiles), TEST(nothing_gets_out), TEST(in_header_fields), TEST(compiled_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
