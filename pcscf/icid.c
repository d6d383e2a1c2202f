// SPDX-License-Identifier: Apache-2.0
#include "pcscf/icid.h"

#include "base/arena.h"
#include "base/hash.h"

// The key's id, a keyed hash of identifier and Call-ID, then the identifier under a stream made of that, in hexadecimal.
enum { ID = 2, TAG = 8, HEAD = ID + TAG, BLOCK = 8, FOR_TAG = 't', FOR_STREAM = 's' };

static uint64_t tag_of(const uint64_t key[2], struct str icid, struct str call_id)
{
    unsigned char all[1 + 8 + ICID_MAX] = {FOR_TAG};
    uint64_t dialog = hash_keyed(key, call_id.p, call_id.n);
    memcpy(all + 1, &dialog, 8);
    memcpy(all + 9, icid.p, icid.n);
    return hash_keyed(key, all, 9 + icid.n);
}

static void stream(const uint64_t key[2], uint64_t tag, char *p, size_t n)
{
    for (size_t i = 0; i < n; i += BLOCK) {
        unsigned char seed[1 + 8 + 1] = {FOR_STREAM}, mask[BLOCK];
        memcpy(seed + 1, &tag, 8);
        seed[9] = (unsigned char)(i / BLOCK);
        uint64_t block = hash_keyed(key, seed, sizeof seed);
        memcpy(mask, &block, BLOCK);
        for (size_t j = i; j < n && j < i + BLOCK; j++)
            p[j] = (char)((unsigned char)p[j] ^ mask[j - i]);
    }
}

struct str icid_seal(const struct token_key *k, struct arena *a, struct str icid, struct str call_id)
{
    static const char digits[] = "0123456789abcdef";
    char b[HEAD + ICID_MAX];
    uint16_t id;
    const uint64_t *key = keyring_sign(k->ring, KEY_ICID, &id);
    char *text = icid.n && icid.n <= ICID_MAX ? arena_alloc(a, 2 * (HEAD + icid.n)) : NULL;
    if (!text)
        return STR_NONE;
    uint64_t tag = tag_of(key, icid, call_id);
    memcpy(b, &id, ID);
    memcpy(b + ID, &tag, TAG);
    memcpy(b + HEAD, icid.p, icid.n);
    stream(key, tag, b + HEAD, icid.n);
    for (size_t i = 0; i < HEAD + icid.n; i++) {
        text[2 * i] = digits[(unsigned char)b[i] >> 4];
        text[2 * i + 1] = digits[(unsigned char)b[i] & 15];
    }
    return str_make(text, 2 * (HEAD + icid.n));
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct str icid_open(const struct token_key *k, struct arena *a, struct str text, struct str call_id)
{
    char b[HEAD + ICID_MAX];
    size_t n = text.n / 2;
    uint64_t tag;
    uint16_t id;
    if (text.n % 2 || n <= HEAD || n > sizeof b)
        return STR_NONE;
    for (size_t i = 0; i < n; i++) {
        int high = nibble(text.p[2 * i]), low = nibble(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return STR_NONE;
        b[i] = (char)(high << 4 | low);
    }
    memcpy(&id, b, ID);
    memcpy(&tag, b + ID, TAG);
    const uint64_t *key = keyring_verify(k->ring, KEY_ICID, id);
    if (!key)
        return STR_NONE;
    stream(key, tag, b + HEAD, n - HEAD);
    struct str icid = str_make(b + HEAD, n - HEAD);
    return tag == tag_of(key, icid, call_id) ? arena_dup(a, icid) : STR_NONE;
}
