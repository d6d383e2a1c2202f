// SPDX-License-Identifier: Apache-2.0
// Public identities, two in lines: the form by which the HSS stores them is stable, and it tells two
// numbers apart when and only when RFC 3966 5 does.
#include "base/arena.h"
#include "base/err.h"
#include "fuzz.h"
#include "ims/identity.h"
#include "sip/uri.h"

static void stable(struct arena *a, struct str impu)
{
    struct str once = ims_impu_canonical(a, impu), twice = ims_impu_canonical(a, once);
    MUST(once.n <= impu.n && str_eq(once, twice));
    struct str impi = ims_impi_from_impu(a, impu);
    MUST(impi.n <= impu.n && (!impi.n || str_chr(impi, '@') > 0));
}

// The HSS keeps an identity by one canonical form, the S-CSCF by another: both see the same two as one.
static void agree(struct arena *a, struct str x, struct str y)
{
    struct sip_uri u, v;
    if (sip_uri_parse(a, x, &u) || sip_uri_parse(a, y, &v) || !sip_uri_eq(&u, &v))
        return;
    if (u.scheme == SIP_SCHEME_TEL)
        MUST(str_eq(sip_uri_canon(a, &u), sip_uri_canon(a, &v)));
}

void fuzz_number(struct str input)
{
    struct arena a;
    struct plmn plmn;
    struct str rest = input, first = str_split(&rest, '\n');
    arena_init(&a, NULL, 0);
    stable(&a, first);
    stable(&a, rest);
    agree(&a, first, rest);
    if (plmn_parse(first, &plmn) == 0)
        MUST(ims_home_domain(&a, &plmn).n == 33);
    arena_done(&a);
}
