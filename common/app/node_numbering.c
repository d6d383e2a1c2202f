// SPDX-License-Identifier: Apache-2.0
// The home network's domains and numbering plan as options.
#include "app/node_rows.h"

struct numbering node_read_numbering(const struct node_numbering *c, struct str domain)
{
    size_t first = domain.n || !c->domains.n ? 0 : 1;
    return (struct numbering){
        .domain = first ? c->domains.v[0] : domain,
        .domains = c->domains.n ? c->domains.v + first : NULL,
        .n_domains = c->domains.n - first,
        .country_code = c->country_code,
        .national_prefix = c->national_prefix,
        .international_prefixes = c->international_prefixes.v,
        .n_international = c->international_prefixes.n,
        .contexts = c->contexts.v,
        .n_contexts = c->contexts.n,
        .short_codes = c->short_codes.v,
        .n_short_codes = c->short_codes.n,
        .national_length = c->national_length,
    };
}

static void check_all(const char *option, const struct conf_strs *list,
                      const char *(*wrong)(struct str), app_finding bad, void *arg)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *why = wrong(list->v[i]);
        if (why)
            app_find(bad, arg, option, "%s; found \"%.*s\"", why, STR_ARG(list->v[i]));
    }
}

void node_check_numbering(const struct node_numbering *c, app_finding bad, void *arg)
{
    const struct conf_strs code = {(struct str[]){c->country_code}, c->country_code.n > 0};
    const struct conf_strs prefix = {(struct str[]){c->national_prefix}, c->national_prefix.n > 0};
    check_all("numbering.country_code", &code, numbering_bad_digits, bad, arg);
    check_all("numbering.national_prefix", &prefix, numbering_bad_digits, bad, arg);
    check_all("numbering.international_prefixes", &c->international_prefixes, numbering_bad_digits,
              bad, arg);
    check_all("numbering.contexts", &c->contexts, numbering_bad_context, bad, arg);
    check_all("numbering.short_codes", &c->short_codes, numbering_bad_short_code, bad, arg);
    if (c->country_code.n && *c->country_code.p == '0')
        bad(arg, "numbering.country_code", "no country code begins with 0 (ITU-T E.164)");
    if (!c->country_code.n && (c->national_prefix.n || c->national_length))
        bad(arg, "numbering.country_code", "is needed for national numbers to become global ones");
    if (c->domains.n > NUMBERING_DOMAINS_MAX)
        app_find(bad, arg, "home.domains", "more than %d", NUMBERING_DOMAINS_MAX);
}

void node_suspect_numbering(const struct node_numbering *c, struct str domain, app_finding odd,
                            void *arg)
{
    for (size_t i = 0; i < c->domains.n; i++) {
        bool twice = str_ieq(c->domains.v[i], domain);
        for (size_t k = 0; k < i; k++)
            twice = twice || str_ieq(c->domains.v[i], c->domains.v[k]);
        if (twice)
            app_find(odd, arg, "home.domains", "%.*s is there twice", STR_ARG(c->domains.v[i]));
    }
}
