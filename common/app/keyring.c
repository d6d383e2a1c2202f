// SPDX-License-Identifier: Apache-2.0
#include "app/keyring.h"

#include "base/err.h"
#include "base/hash.h"

#define FIRST_LINE "carillon-keys 1"

// SipHash is a pseudorandom function: what it makes of a purpose under a secret is a key.
static void derive(const uint64_t secret[2], unsigned char purpose, uint64_t ret_key[2])
{
    for (unsigned char half = 0; half < 2; half++) {
        unsigned char label[] = {'k', 'e', 'y', purpose, half};
        ret_key[half] = hash_keyed(secret, label, sizeof label);
    }
}

static struct key make_key(uint32_t id, const uint8_t secret[KEYRING_SECRET], uint64_t made_s)
{
    struct key k = {.id = id, .made_s = made_s};
    memcpy(k.secret, secret, KEYRING_SECRET);
    for (unsigned char u = 0; u < KEY_USES; u++)
        derive(k.secret, u, k.use[u]);
    return k;
}

// The short id 0 is nobody's.
static uint32_t fit_id(uint32_t id)
{
    return (uint16_t)id ? id : id + 1;
}

struct keyring keyring_make(const struct keyring_seed *seed, uint64_t now_s)
{
    struct keyring r = {.n = 1};
    memcpy(r.names, seed->names, KEYRING_SECRET);
    r.keys[0] = make_key(fit_id(seed->id), seed->first, now_s);
    return r;
}

void keyring_add(struct keyring *r, const uint8_t secret[KEYRING_SECRET], size_t keep,
                 uint64_t now_s)
{
    size_t old = r->n < keep ? r->n : keep;
    if (old > KEYRING_MAX - 1)
        old = KEYRING_MAX - 1;
    uint32_t id = fit_id(r->keys[0].id + 1);
    memmove(r->keys + 1, r->keys, old * sizeof r->keys[0]);
    r->keys[0] = make_key(id, secret, now_s);
    r->n = old + 1;
    r->signer = 0;
}

uint64_t keyring_age(const struct keyring *r, size_t i, uint64_t now_s)
{
    uint64_t made = r->keys[i].made_s;
    return now_s > made ? now_s - made : 0;
}

static uint64_t ahead(const struct keyring *r, size_t i, uint64_t now_s)
{
    uint64_t made = r->keys[i].made_s;
    return made > now_s ? made - now_s : 0;
}

bool keyring_due(const struct keyring *r, uint64_t rotate_s, uint64_t now_s)
{
    return keyring_age(r, 0, now_s) >= rotate_s || ahead(r, 0, now_s) > rotate_s;
}

void keyring_choose(struct keyring *r, uint64_t wait_s, uint64_t now_s)
{
    size_t i = 0;
    while (i + 1 < r->n && keyring_age(r, i, now_s) < wait_s && ahead(r, i, now_s) < wait_s)
        i++;
    r->signer = i;
}

const uint64_t *keyring_sign(const struct keyring *r, enum key_use use, uint16_t *ret_short)
{
    const struct key *k = &r->keys[r->signer < r->n ? r->signer : 0];
    *ret_short = key_short(k);
    return k->use[use];
}

const uint64_t *keyring_verify(const struct keyring *r, enum key_use use, uint16_t id)
{
    for (size_t i = 0; i < r->n; i++)
        if (key_short(&r->keys[i]) == id)
            return r->keys[i].use[use];
    return NULL;
}

// ---- text ----

void keyring_write(const struct keyring *r, struct writer *w)
{
    size_t begin = w->n;
    writer_lit(w, FIRST_LINE "\nnames ");
    writer_hex(w, r->names, KEYRING_SECRET);
    writer_chr(w, '\n');
    for (size_t i = 0; i < r->n; i++) {
        writer_printf(w, "key %08x %llu ", (unsigned)r->keys[i].id,
                      (unsigned long long)r->keys[i].made_s);
        writer_hex(w, r->keys[i].secret, KEYRING_SECRET);
        writer_chr(w, '\n');
    }
    if (w->failed)
        return;
    uint64_t sum = hash_keyed(r->names, w->p + begin, w->n - begin);
    writer_lit(w, "sum ");
    writer_hex_u64(w, sum, 16);
    writer_chr(w, '\n');
}

static int parse_key(struct str line, struct key *ret_key)
{
    unsigned char id[4];
    uint8_t secret[KEYRING_SECRET];
    uint64_t made_s;
    struct str word = str_split(&line, ' ');
    if (!str_eq(word, STR("key")) || str_unhex(str_split(&line, ' '), id, sizeof id) ||
        str_u64(str_split(&line, ' '), &made_s) || str_unhex(line, secret, sizeof secret))
        return ERR_BAD;
    uint32_t v = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
    *ret_key = make_key(v, secret, made_s);
    return (uint16_t)v ? 0 : ERR_BAD;
}

// text: the whole; line: the last one of it, which has to be its sum.
static int check_sum(const struct keyring *r, struct str text, struct str line)
{
    char want[24];
    struct writer w = writer_init(want, sizeof want);
    size_t before = (size_t)(line.p - text.p);
    writer_lit(&w, "sum ");
    writer_hex_u64(&w, hash_keyed(r->names, text.p, before), 16);
    if (line.p + line.n == text.p + text.n)
        return ERR_MORE; // its end of line is missing
    if (before + line.n + 1 != text.n || !str_eq(line, writer_done(&w)))
        return ERR_BAD;
    return 0;
}

int keyring_parse(struct str text, struct keyring *ret_ring)
{
    struct keyring r = {0};
    struct str rest = text;
    if (str_starts(STR(FIRST_LINE "\n"), text))
        return ERR_MORE;
    if (!str_eq(str_split(&rest, '\n'), STR(FIRST_LINE)))
        return ERR_BAD;
    struct str line = str_split(&rest, '\n');
    if (!rest.n)
        return ERR_MORE;
    if (!str_starts(line, STR("names ")) || str_unhex(str_skip(line, 6), r.names, KEYRING_SECRET))
        return ERR_BAD;
    while (rest.n) {
        line = str_split(&rest, '\n');
        if (str_starts(line, STR("sum "))) {
            int err = check_sum(&r, text, line);
            if (!err && !r.n)
                err = ERR_BAD;
            if (!err)
                *ret_ring = r;
            return err;
        }
        if (!rest.n)
            return ERR_MORE; // a line that may be a part of one
        if (r.n == KEYRING_MAX || parse_key(line, &r.keys[r.n]))
            return ERR_BAD;
        r.n++;
    }
    return ERR_MORE;
}
