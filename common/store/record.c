// SPDX-License-Identifier: Apache-2.0
#include "store/record.h"

#include "base/crc32c.h"
#include "base/err.h"
#include "store/state.h"

static const uint32_t MAGIC = 0x31545343, DELETED = UINT32_MAX;

static void put(char *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(v >> 8 * i);
}

static uint64_t get(const char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = n; i > 0; i--)
        v = v << 8 | (unsigned char)p[i - 1];
    return v;
}

uint64_t record_u64(const char *p)
{
    return get(p, 8);
}

void record_put_u64(char *p, uint64_t v)
{
    put(p, v, 8);
}

void record_write(char *p, const struct record *r)
{
    size_t value_n = r->deleted ? 0 : r->value.n;
    put(p + 4, r->deleted ? DELETED : value_n, 4);
    put(p + 8, r->version, 8);
    put(p + 16, r->key.n, 2);
    put(p + 18, 0, 2);
    memcpy(p + RECORD_FIXED, r->key.p, r->key.n);
    if (value_n)
        memcpy(p + RECORD_FIXED + r->key.n, r->value.p, value_n);
    put(p, crc32c(0, p + 4, record_size(r->key.n, value_n) - 4), 4);
}

int record_read(struct str bytes, bool check, struct record *ret_record, size_t *ret_size)
{
    if (bytes.n < RECORD_FIXED)
        return ERR_BAD;
    const char *p = bytes.p;
    uint32_t value_n = (uint32_t)get(p + 4, 4);
    bool deleted = value_n == DELETED;
    size_t key_n = (size_t)get(p + 16, 2);
    if (deleted)
        value_n = 0;
    if (key_n == 0 || key_n > STATE_KEY_MAX || value_n > STATE_VALUE_MAX ||
        bytes.n < record_size(key_n, value_n))
        return ERR_BAD;
    size_t size = record_size(key_n, value_n);
    if (check && get(p, 4) != crc32c(0, p + 4, size - 4))
        return ERR_BAD;
    *ret_record = (struct record){.version = get(p + 8, 8),
                                  .key = str_make(p + RECORD_FIXED, key_n),
                                  .value = str_make(p + RECORD_FIXED + key_n, value_n),
                                  .deleted = deleted};
    *ret_size = size;
    return 0;
}

void batch_seal(char *p, const struct batch_head *h)
{
    put(p, MAGIC, 4);
    put(p + 8, h->n_body, 4);
    put(p + 12, h->n, 4);
    put(p + 16, h->first, 8);
    put(p + 24, h->kind, 4);
    put(p + 28, h->generation, 4);
    put(p + 32, h->lot, 8);
    put(p + 4, crc32c(0, p + 8, BATCH_HEAD - 8 + h->n_body), 4);
}

int batch_read_head(struct str bytes, struct batch_head *ret_head)
{
    const char *p = bytes.p;
    if (bytes.n < BATCH_HEAD || get(p, 4) != MAGIC)
        return ERR_BAD;
    uint64_t n_body = get(p + 8, 4), kind = get(p + 24, 4);
    if (n_body > BATCH_BODY_MAX || kind < RECORD_HEAD || kind > RECORD_END)
        return ERR_BAD;
    *ret_head = (struct batch_head){.n_body = (uint32_t)n_body,
                                    .n = (uint32_t)get(p + 12, 4),
                                    .first = get(p + 16, 8),
                                    .kind = (enum record_kind)kind,
                                    .generation = (uint32_t)get(p + 28, 4),
                                    .lot = get(p + 32, 8)};
    return 0;
}

bool batch_is_sound(const char *p, const struct batch_head *h)
{
    return get(p + 4, 4) == crc32c(0, p + 8, BATCH_HEAD - 8 + h->n_body);
}
