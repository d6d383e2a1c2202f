// SPDX-License-Identifier: Apache-2.0
// Two URIs, a line each: reading and writing them, and what comparison and canonical form say about
// the two. Equality is symmetric, and equal identities have one canonical form.
#include "../unit/sip/exercise.h"
#include "base/arena.h"
#include "fuzz.h"
#include "sip/uri.h"

static void compare(struct arena *a, struct str x, struct str y)
{
    struct sip_uri u, v;
    if (sip_uri_parse(a, x, &u) || sip_uri_parse(a, y, &v))
        return;
    bool same = sip_uri_eq(&u, &v);
    MUST(same == sip_uri_eq(&v, &u));
    MUST(sip_uri_eq(&u, &u) && sip_uri_eq(&v, &v));
    struct str cu = sip_uri_canon(a, &u), cv = sip_uri_canon(a, &v);
    if (same && cu.p && cv.p)
        MUST(str_eq(cu, cv));
}

void fuzz_sip_uri(struct str input)
{
    struct arena a;
    struct str rest = input, first = str_split(&rest, '\n');
    exercise_uri(first);
    exercise_uri(rest);
    arena_init(&a, NULL, 0);
    compare(&a, first, rest);
    arena_done(&a);
}
