// SPDX-License-Identifier: Apache-2.0
// Public identities, two in lines: the form by which all nodes know one is stable, with and without a
// numbering plan, and what is equal by RFC 3966 5 or RFC 3261 19.1.4 has one form.
#include "base/arena.h"
#include "base/err.h"
#include "fuzz.h"
#include "ims/identity.h"
#include "ims/impu.h"
#include "ims/wildcard.h"

static const struct str further[] = {STR_INIT("b.example")}, prefixes[] = {STR_INIT("00"), STR_INIT("011")},
                        contexts[] = {STR_INIT("*.c.example")}, codes[] = {STR_INIT("1xx"), STR_INIT("0711")};
static const struct numbering plan = {
    .domain = STR_INIT("a.example"),
    .domains = further,
    .country_code = STR_INIT("49"),
    .national_prefix = STR_INIT("0"),
    .international_prefixes = prefixes,
    .contexts = contexts,
    .short_codes = codes,
    .n_domains = 1,
    .n_international = 2,
    .n_contexts = 1,
    .n_short_codes = 2,
    .national_length = 7,
};

// What is taken for a pattern can be served.
static void compiles(struct arena *a, const struct numbering *n, struct str impu)
{
    const char *why;
    struct str pattern = wildcard_canon(a, n, impu, &why);
    struct wildcard *w = pattern.n ? wildcard_new(pattern) : NULL;
    MUST(!pattern.n || w);
    wildcard_free(w);
}

static void stable(struct arena *a, const struct numbering *n, struct str impu)
{
    struct str forms[IMPU_READINGS_MAX], once = impu_canon_text(a, n, impu);
    struct sip_uri u;
    size_t count = 0;
    if (once.p)
        MUST(str_eq(once, impu_canon_text(a, n, once)));
    (void)impu_unreachable(a, n, impu);
    compiles(a, n, impu);
    if (sip_uri_parse(a, impu, &u) == 0)
        impu_readings(a, n, &u, forms, &count);
    for (size_t i = 0; i < count; i++)
        MUST(str_eq(forms[i], impu_canon_text(a, n, forms[i])));
}

static void derived(struct arena *a, struct str impu)
{
    struct str impi = ims_impi_from_impu(a, impu);
    MUST(impi.n <= impu.n && (!impi.n || str_chr(impi, '@') > 0));
}

static void agree(struct arena *a, const struct numbering *n, struct str x, struct str y)
{
    struct sip_uri u, v;
    if (sip_uri_parse(a, x, &u) || sip_uri_parse(a, y, &v) || !sip_uri_eq(&u, &v))
        return;
    struct str cu = impu_canon(a, n, &u), cv = impu_canon(a, n, &v);
    if (cu.p && cv.p)
        MUST(str_eq(cu, cv));
}

void fuzz_number(struct str input)
{
    struct arena a;
    struct str rest = input, first = str_split(&rest, '\n');
    arena_init(&a, NULL, 0);
    for (int i = 0; i < 2; i++) {
        const struct numbering *n = i ? &plan : NULL;
        stable(&a, n, first);
        stable(&a, n, rest);
        agree(&a, n, first, rest);
    }
    derived(&a, first);
    derived(&a, rest);
    arena_done(&a);
}
