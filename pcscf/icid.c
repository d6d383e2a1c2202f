// SPDX-License-Identifier: Apache-2.0
#include "pcscf/icid.h"

#include "base/arena.h"
#include "base/hash.h"

// A keyed hash of identifier and Call-ID, then the identifier under a stream made of that, in hexadecimal.
enum { TAG = 8, BLOCK = 8, FOR_TAG = 't', FOR_STREAM = 's' };

static uint64_t tag_of(const struct token_key *k, struct str icid, struct str call_id)
{
    unsigned char all[1 + 8 + ICID_MAX] = {FOR_TAG};
    uint64_t dialog = hash_keyed(k->k, call_id.p, call_id.n);
    memcpy(all + 1, &dialog, 8);
    memcpy(all + 9, icid.p, icid.n);
    return hash_keyed(k->k, all, 9 + icid.n);
}

static void stream(const struct token_key *k, uint64_t tag, char *p, size_t n)
{
    for (size_t i = 0; i < n; i += BLOCK) {
        unsigned char seed[1 + 8 + 1] = {FOR_STREAM}, mask[BLOCK];
        memcpy(seed + 1, &tag, 8);
        seed[9] = (unsigned char)(i / BLOCK);
        uint64_t block = hash_keyed(k->k, seed, sizeof seed);
        memcpy(mask, &block, BLOCK);
        for (size_t j = i; j < n && j < i + BLOCK; j++)
            p[j] = (char)((unsigned char)p[j] ^ mask[j - i]);
    }
}

struct str icid_seal(const struct token_key *k, struct arena *a, struct str icid, struct str call_id)
{
    static const char digits[] = "0123456789abcdef";
    char b[TAG + ICID_MAX];
    char *text = icid.n && icid.n <= ICID_MAX ? arena_alloc(a, 2 * (TAG + icid.n)) : NULL;
    if (!text)
        return STR_NONE;
    uint64_t tag = tag_of(k, icid, call_id);
    memcpy(b, &tag, TAG);
    memcpy(b + TAG, icid.p, icid.n);
    stream(k, tag, b + TAG, icid.n);
    for (size_t i = 0; i < TAG + icid.n; i++) {
        text[2 * i] = digits[(unsigned char)b[i] >> 4];
        text[2 * i + 1] = digits[(unsigned char)b[i] & 15];
    }
    return str_make(text, 2 * (TAG + icid.n));
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
    char b[TAG + ICID_MAX];
    size_t n = text.n / 2;
    uint64_t tag;
    if (text.n % 2 || n <= TAG || n > sizeof b)
        return STR_NONE;
    for (size_t i = 0; i < n; i++) {
        int high = nibble(text.p[2 * i]), low = nibble(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return STR_NONE;
        b[i] = (char)(high << 4 | low);
    }
    memcpy(&tag, b, TAG);
    stream(k, tag, b + TAG, n - TAG);
    struct str icid = str_make(b + TAG, n - TAG);
    return tag == tag_of(k, icid, call_id) ? arena_dup(a, icid) : STR_NONE;
}
