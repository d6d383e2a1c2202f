// SPDX-License-Identifier: Apache-2.0
// The user profile from the HSS: what it holds can be asked for, the shared part is gone with the
// last profile, and what the schema of TS 29.228 annex E allows is a profile.
#include "base/err.h"
#include "fuzz.h"
#include "hss/provision.h"
#include "xml/profile.h"

static void walk_service(const struct service_profile *s)
{
    for (size_t i = 0; i < s->n_ifcs; i++) {
        const struct ifc *f = &s->ifcs[i];
        MUST(i == 0 || s->ifcs[i - 1].priority <= f->priority);
        MUST(f->as_uri.n);
        for (size_t k = 1; k < f->n_spts; k++)
            MUST(f->spts[k - 1].group <= f->spts[k].group);
    }
}

static void walk(const struct profile *p)
{
    size_t n = profile_identity_count(p);
    MUST(n && n <= PROFILE_IDENTITIES_MAX && profile_default(p) <= n);
    for (size_t i = 0; i < n; i++) {
        struct profile_identity id = profile_identity_at(p, i);
        MUST(id.uri.n && (i != profile_default(p) || !id.barred));
        walk_service(profile_service(p, i));
    }
}

// A third one of the same form is read without the parser, to the same profile.
static void fill_its_form(struct profile_store *s, struct str input, const struct profile *want)
{
    struct profile *p = NULL;
    struct xml_error err;
    MUST(profile_parse(s, input, &p, &err) == 0);
    MUST(str_eq(profile_impi(p), profile_impi(want)));
    MUST(profile_identity_count(p) == profile_identity_count(want));
    for (size_t i = 0; i < profile_identity_count(p); i++) {
        struct profile_identity a = profile_identity_at(p, i), b = profile_identity_at(want, i);
        MUST(str_eq(a.uri, b.uri) && str_eq(a.wildcard, b.wildcard) && a.barred == b.barred && a.type == b.type);
        MUST(str_eq(a.display_name, b.display_name) && str_eq(a.alias_group, b.alias_group));
        MUST(profile_service(p, i) == profile_service(want, i));
    }
    profile_free(p);
}

void fuzz_profile(struct str input)
{
    struct profile_store *store;
    struct profile *p = NULL, *again = NULL;
    struct xml_error err = {NULL, 0};
    char why[256] = "";
    MUST(profile_store_new(&store) == 0);
    int e = profile_parse(store, input, &p, &err);
    MUST(e == 0 || e == ERR_BAD || e == ERR_TOOBIG);
    MUST(e != ERR_BAD || err.what);
    if (!e) {
        walk(p);
        size_t n = profile_store_count(store);
        MUST(profile_parse(store, input, &again, &err) == 0);
        MUST(profile_store_count(store) == n); // shared
        fill_its_form(store, input, p);
        profile_free(again);
    } else {
        (void)hss_user_data_validate(input, why, sizeof why);
    }
    profile_free(p);
    MUST(profile_store_count(store) == 0);
    profile_store_free(store);
}
