// SPDX-License-Identifier: Apache-2.0
// What registrations are found by: the identities of their sets, and the wildcarded ones (TS 23.003 13.5).
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "scscf/registrar_priv.h"

static char *append(char *at, struct str s)
{
    if (s.n)
        memcpy(at, s.p, s.n);
    return at + s.n;
}

struct str registration_canon(const struct registration *reg, size_t i)
{
    return reg->canon ? reg->canon[i] : profile_identity_at(reg->profile, i).uri;
}

// Open addressing over the canonical forms so far, so that an identity that an HSS gives twice is known. Nothing of it
// is written or read beyond what the identities need.
struct forms {
    struct str v[PROFILE_IDENTITIES_MAX];
    size_t mask;          // of as many slots as are in use, a power of two
    uint16_t slots[2048]; // index plus 1
};
_Static_assert(ARRAY_LEN(((struct forms *)0)->slots) >= 2 * PROFILE_IDENTITIES_MAX, "some slots stay free");

static void forms_begin(struct forms *f, size_t identities)
{
    size_t size = 2;
    while (size < 2 * identities)
        size *= 2;
    f->mask = size - 1;
    memset(f->slots, 0, size * sizeof *f->slots);
}

static bool is_given_twice(struct forms *f, size_t i)
{
    size_t at = hash_bytes(f->v[i].p, f->v[i].n) & f->mask;
    while (f->slots[at] && !str_eq(f->v[f->slots[at] - 1], f->v[i]))
        at = (at + 1) & f->mask;
    bool twice = f->slots[at] != 0;
    if (!twice)
        f->slots[at] = (uint16_t)(i + 1);
    return twice;
}

// Canonical forms of a profile's identities, empty for one that is given for the second time: *ret_canon stays NULL
// when they are all canonical. One block: the slices, then their text.
static int canonicalise(const struct numbering *plan, const struct profile *p,
                        struct str **ret_canon)
{
    char room[4096];
    struct arena a;
    struct forms forms;
    size_t n = profile_identity_count(p), bytes = 0;
    bool odd = false;
    arena_init(&a, room, sizeof room);
    forms_begin(&forms, n);
    for (size_t i = 0; i < n; i++) {
        struct str raw = profile_identity_at(p, i).uri;
        forms.v[i] = impu_canon_text(&a, plan, raw);
        if (is_given_twice(&forms, i))
            forms.v[i] = STR_NONE;
        odd = odd || !str_eq(forms.v[i], raw);
        bytes += forms.v[i].n;
    }
    bool failed = a.failed;
    struct str *all = odd && !failed ? mem_alloc(n * sizeof *all + bytes) : NULL;
    char *text = all ? (char *)(all + n) : NULL;
    for (size_t i = 0; all && i < n; i++) {
        all[i] = str_make(text, forms.v[i].n);
        text = append(text, forms.v[i]);
    }
    arena_done(&a);
    if (failed || (odd && !all))
        return ERR_NOMEM;
    *ret_canon = all;
    return 0;
}

// The patterns of a profile in canonical form; what cannot be served is left out, as an identity that nobody has.
static int read_patterns(const struct numbering *plan, const struct profile *p, struct pattern **ret_patterns,
                         size_t *ret_n)
{
    char room[4096];
    struct arena a;
    struct pattern found[PROFILE_IDENTITIES_MAX];
    size_t n = 0, bytes = 0;
    arena_init(&a, room, sizeof room);
    for (size_t i = 0; i < profile_identity_count(p); i++) {
        struct profile_identity id = profile_identity_at(p, i);
        const char *why;
        struct str pattern = profile_identity_pattern(&id);
        struct str text = pattern.n ? wildcard_canon(&a, plan, pattern, &why) : STR_NONE;
        if (text.n)
            found[n++] = (struct pattern){text, (uint16_t)i};
        bytes += text.n;
    }
    struct pattern *all = n && !a.failed ? mem_alloc(n * sizeof *all + bytes) : NULL;
    char *at = all ? (char *)(all + n) : NULL;
    for (size_t i = 0; all && i < n; i++) {
        all[i] = (struct pattern){str_make(at, found[i].text.n), found[i].identity};
        at = append(at, found[i].text);
    }
    bool failed = a.failed || (n && !all);
    arena_done(&a);
    if (failed)
        return ERR_NOMEM;
    *ret_patterns = all;
    *ret_n = n;
    return 0;
}

// What follows the user part, which no expression reaches into: a host, or the context of a number.
static struct str realm_of(struct str text)
{
    size_t at = text.n;
    while (at > 0 && text.p[at - 1] != '@')
        at--;
    if (at > 0)
        return str_skip(text, at);
    ptrdiff_t context = str_chr(text, ';');
    return context < 0 ? STR_NONE : str_skip(text, (size_t)context);
}

static uint64_t head_key(struct str head, struct str realm)
{
    return hash_bytes(head.p, head.n) * 31 + hash_bytes(realm.p, realm.n);
}

static uint64_t pattern_key(struct str pattern, size_t *ret_head)
{
    struct wildcard_parts p = {0};
    (void)wildcard_split(pattern, &p); // it is one
    *ret_head = p.head.n;
    return head_key(p.head, realm_of(p.tail));
}

static void unindex_patterns(struct registration *reg, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t head;
        map_remove(&reg->owner->by_head, pattern_key(reg->patterns[i].text, &head), reg);
        reg->owner->heads[head]--;
    }
}

static int index_patterns(struct registration *reg)
{
    for (size_t i = 0; i < reg->n_patterns; i++) {
        size_t head;
        if (map_add(&reg->owner->by_head, pattern_key(reg->patterns[i].text, &head), reg)) {
            unindex_patterns(reg, i);
            return ERR_NOMEM;
        }
        reg->owner->heads[head]++;
    }
    return 0;
}

static void unindex(struct registration *reg, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct str key = registration_canon(reg, i);
        if (key.n)
            map_remove(&reg->owner->by_impu, hash_bytes(key.p, key.n), reg);
    }
}

static int index_all(struct registration *reg)
{
    size_t n = profile_identity_count(reg->profile);
    for (size_t i = 0; i < n; i++) {
        struct str key = registration_canon(reg, i);
        if (key.n && map_add(&reg->owner->by_impu, hash_bytes(key.p, key.n), reg)) {
            unindex(reg, i);
            return ERR_NOMEM;
        }
    }
    int err = index_patterns(reg);
    if (err)
        unindex(reg, n);
    return err;
}

static void unindex_all(struct registration *reg)
{
    unindex(reg, profile_identity_count(reg->profile));
    unindex_patterns(reg, reg->n_patterns);
}

struct registration *registrar_find(const struct registrar *r, struct str impu, size_t *ret_index)
{
    struct wildcard_parts pattern;
    size_t it = 0;
    return wildcard_split(impu, &pattern) ? NULL : registrar_next_with(r, impu, &it, ret_index);
}

struct registration *registrar_next_with(const struct registrar *r, struct str impu, size_t *it, size_t *ret_index)
{
    for (struct registration *reg;
         (reg = map_find(&r->by_impu, hash_bytes(impu.p, impu.n), it));) {
        size_t n = profile_identity_count(reg->profile);
        for (size_t i = 0; i < n; i++) {
            if (!str_eq(registration_canon(reg, i), impu))
                continue;
            if (ret_index)
                *ret_index = i;
            return reg;
        }
    }
    return NULL;
}

struct registration *registrar_find_pattern(const struct registrar *r, struct str pattern, size_t *ret_index)
{
    size_t it = 0;
    return registrar_next_pattern(r, pattern, &it, ret_index);
}

struct registration *registrar_next_pattern(const struct registrar *r, struct str pattern, size_t *it,
                                            size_t *ret_index)
{
    size_t head;
    uint64_t key = pattern_key(pattern, &head);
    for (struct registration *reg; head && (reg = map_find(&r->by_head, key, it));) {
        for (size_t i = 0; i < reg->n_patterns; i++) {
            if (!str_eq(reg->patterns[i].text, pattern))
                continue;
            if (ret_index)
                *ret_index = reg->patterns[i].identity;
            return reg;
        }
    }
    return NULL;
}

bool registrar_covers(const struct registrar *r, struct str pattern, struct str impu)
{
    return wildcard_cache_covers(r->compiled, pattern, impu);
}

struct covering {
    struct str impu;
    size_t left;           // patterns that may still be tried
    struct registration *reg;
    struct str pattern;
    size_t fixed; // bytes of the fixed parts
};

static void try_patterns(const struct registrar *r, struct registration *reg, struct str head,
                         struct covering *best)
{
    for (size_t i = 0; i < reg->n_patterns && best->left; i++) {
        struct wildcard_parts p;
        struct str text = reg->patterns[i].text;
        if (!wildcard_split(text, &p) || !str_eq(p.head, head) || !str_ends(best->impu, p.tail) ||
            p.head.n + p.tail.n < best->fixed || (best->reg && p.head.n + p.tail.n == best->fixed))
            continue;
        best->left--;
        if (!wildcard_cache_covers(r->compiled, text, best->impu))
            continue;
        best->reg = reg;
        best->pattern = text;
        best->fixed = p.head.n + p.tail.n;
    }
}

// Who is looked at counts as well as what is tried, so that a look-up has an end.
struct registration *registrar_covering(const struct registrar *r, struct str impu, registration_wanted wanted,
                                        struct str impi, struct str *ret_pattern)
{
    struct covering best = {.impu = impu, .left = COVERING_TRIED};
    size_t longest = impu.n < WILDCARD_TEXT_MAX ? impu.n : WILDCARD_TEXT_MAX;
    struct str realm = realm_of(impu);
    for (size_t n = longest; r->by_head.n && best.left && n > 0; n--) {
        struct str head = str_head(impu, n);
        size_t it = 0, met = 0;
        for (struct registration *reg; r->heads[n] && best.left && met < COVERING_MET &&
                                       (reg = map_find(&r->by_head, head_key(head, realm), &it));
             met++)
            if (wanted(reg, impi))
                try_patterns(r, reg, head, &best);
    }
    if (best.reg)
        *ret_pattern = best.pattern;
    return best.reg;
}

static bool any(const struct registration *reg, struct str impi)
{
    (void)reg;
    (void)impi;
    return true;
}

struct registration *registrar_find_covering(const struct registrar *r, struct str impu, struct str *ret_pattern)
{
    return registrar_covering(r, impu, any, STR_NONE, ret_pattern);
}

// ---- another profile ----

// What a registration is found by.
struct known_by {
    struct profile *profile;
    struct str *canon;
    struct pattern *patterns;
    size_t n_patterns;
};

static struct known_by known_by(const struct registration *reg)
{
    return (struct known_by){reg->profile, reg->canon, reg->patterns, reg->n_patterns};
}

static void know_by(struct registration *reg, const struct known_by *k)
{
    reg->profile = k->profile;
    reg->canon = k->canon;
    reg->patterns = k->patterns;
    reg->n_patterns = k->n_patterns;
}

static void known_by_done(const struct known_by *k)
{
    mem_free(k->canon);
    mem_free(k->patterns);
    profile_free(k->profile);
}

int registration_know_by(struct registration *reg, struct profile *profile)
{
    struct known_by old = known_by(reg), now = {.profile = profile};
    const struct numbering *plan = reg->owner->p.plan;
    int err = canonicalise(plan, profile, &now.canon);
    if (!err)
        err = read_patterns(plan, profile, &now.patterns, &now.n_patterns);
    if (!err) {
        know_by(reg, &now);
        err = index_all(reg);
    }
    if (err) {
        know_by(reg, &old);
        known_by_done(&now);
        return err;
    }
    if (old.profile) {
        know_by(reg, &old);
        unindex_all(reg);
        know_by(reg, &now);
    }
    known_by_done(&old);
    return 0;
}

void registration_forget(struct registration *reg)
{
    struct known_by k = known_by(reg);
    if (reg->profile)
        unindex_all(reg);
    known_by_done(&k);
}

bool registration_has(const struct registration *reg, struct str impu)
{
    size_t it = 0;
    struct registration *with;
    while ((with = registrar_next_with(reg->owner, impu, &it, NULL)) && with != reg)
        ;
    return with != NULL;
}

bool registration_serves(const struct registration *reg, struct str impu)
{
    bool serves = registration_has(reg, impu);
    for (size_t i = 0; !serves && i < reg->n_patterns; i++)
        serves = wildcard_cache_covers(reg->owner->compiled, reg->patterns[i].text, impu);
    return serves;
}

bool registration_is_apart(const struct registration *reg, const struct profile *profile)
{
    struct known_by other = {.profile = (struct profile *)profile};
    if (canonicalise(reg->owner->p.plan, profile, &other.canon))
        return false;
    size_t common = 0, theirs = 0, ours = 0, n = profile_identity_count(profile);
    for (size_t i = 0; i < n; i++) {
        struct str impu = other.canon ? other.canon[i] : profile_identity_at(profile, i).uri;
        theirs += impu.n > 0;
        common += impu.n && registration_has(reg, impu);
    }
    for (size_t i = 0; i < profile_identity_count(reg->profile); i++)
        ours += registration_canon(reg, i).n > 0;
    mem_free(other.canon);
    return common < theirs && common < ours;
}
