// SPDX-License-Identifier: Apache-2.0
#include "hss/cache.h"

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

enum { SUBSCRIPTIONS = 1 << 16 };

struct entry {
    struct list lru;
    uint64_t key;
    uint64_t epoch;   // of the cache when it was made
    uint32_t version; // of its subscription then
    struct str impi, impu;
    struct hss_facts facts;
    struct hss_sealed sealed;
    char text[]; // all the texts above
};

// Versions are shared by subscriptions whose ids are equal modulo SUBSCRIPTIONS: one of them then
// makes the other's entries stale, which costs a look into the store and is no error.
struct hss_cache {
    struct map map;
    struct list lru; // the next to go first
    size_t n, max;
    uint64_t epoch;
    uint32_t versions[SUBSCRIPTIONS];
};

struct hss_cache *hss_cache_new(size_t max)
{
    struct hss_cache *c = mem_zalloc(sizeof(*c));
    if (!c)
        return NULL;
    list_init(&c->lru);
    c->max = max;
    return c;
}

static void drop(struct hss_cache *c, struct entry *e)
{
    map_remove(&c->map, e->key, e);
    list_del(&e->lru);
    c->n--;
    mem_free(e);
}

void hss_cache_free(struct hss_cache *c)
{
    if (!c)
        return;
    while (!list_empty(&c->lru))
        drop(c, LIST_ENTRY(c->lru.next, struct entry, lru));
    map_done(&c->map);
    mem_free(c);
}

static uint32_t *version(struct hss_cache *c, int64_t subscription)
{
    return &c->versions[(uint64_t)subscription % SUBSCRIPTIONS];
}

static bool current(struct hss_cache *c, const struct entry *e)
{
    return e->epoch == c->epoch && e->version == *version(c, e->facts.subscription_id);
}

static uint64_t key_of(struct str impi, struct str impu)
{
    return hash_bytes(impi.p, impi.n) * 31 + hash_bytes(impu.p, impu.n);
}

static struct entry *lookup(struct hss_cache *c, struct str impi, struct str impu)
{
    uint64_t key = key_of(impi, impu);
    struct entry *e;
    for (size_t it = 0; (e = map_find(&c->map, key, &it)) != NULL;)
        if (str_eq(e->impi, impi) && str_eq(e->impu, impu))
            return e;
    return NULL;
}

static struct str *const *texts_of_facts(struct hss_facts *f, struct str *ret[5])
{
    struct str *const all[] = {&f->scscf_name, &f->visited, &f->mandatory, &f->optional,
                               &f->servers};
    memcpy(ret, all, sizeof(all));
    return ret;
}

bool hss_cache_find(struct hss_op *op, struct str impi, struct str impu, struct hss_facts *ret_f)
{
    struct hss_cache *c = op->ctx->cache;
    op->remembered = NULL;
    if (!c || !impi.p || !impu.p)
        return false;
    struct entry *e = lookup(c, impi, impu);
    if (!e)
        return false;
    if (!current(c, e)) {
        drop(c, e);
        return false;
    }
    list_del(&e->lru);
    list_add(&c->lru, &e->lru);
    op->remembered = e;
    *ret_f = e->facts;
    struct str *texts[5];
    texts_of_facts(ret_f, texts);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = texts[i]->p ? arena_dup(&op->arena, *texts[i]) : STR_NONE;
    return true;
}

const struct hss_sealed *hss_cache_sealed(const struct hss_op *op)
{
    const struct entry *e = op->remembered;
    return e ? &e->sealed : NULL;
}

static void place(char **at, struct str *s)
{
    if (!s->p)
        return;
    memcpy(*at, s->p, s->n);
    s->p = *at;
    *at += s->n;
}

static struct entry *entry_new(const struct hss_facts *f, struct str impi, struct str impu,
                               const struct hss_sealed *s)
{
    struct entry like = {.impi = impi, .impu = impu, .facts = *f, .sealed = *s};
    struct str *texts[10] = {[5] = &like.impi,
                             &like.impu,
                             &like.sealed.secret,
                             &like.sealed.realm,
                             &like.sealed.algorithm};
    texts_of_facts(&like.facts, texts);
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        n += texts[i]->n;
    struct entry *e = mem_alloc(sizeof(*e) + n);
    if (!e)
        return NULL;
    char *at = e->text;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        place(&at, texts[i]);
    *e = like;
    return e;
}

void hss_cache_put(struct hss_op *op, struct str impi, struct str impu, const struct hss_sealed *s)
{
    struct hss_cache *c = op->ctx->cache;
    if (!c || !impi.p || !impu.p)
        return;
    struct entry *e = entry_new(&op->facts, impi, impu, s);
    if (!e)
        return;
    e->key = key_of(impi, impu);
    e->epoch = c->epoch;
    e->version = *version(c, op->facts.subscription_id);
    if (c->n >= c->max)
        drop(c, LIST_ENTRY(c->lru.next, struct entry, lru));
    list_init(&e->lru);
    if (map_add(&c->map, e->key, e) != 0) {
        mem_free(e);
        return;
    }
    list_add(&c->lru, &e->lru);
    c->n++;
    op->remembered = e;
}

// A task may write about anyone; so does a SAR without IMPI about IMPUs of several subscriptions.
void hss_cache_wrote(struct hss_op *op)
{
    struct hss_cache *c = op->ctx->cache;
    if (!c)
        return;
    if (op->command == HSS_TASK || op->n_sets > 1)
        c->epoch++;
    else
        ++*version(c, op->facts.subscription_id);
}

void hss_cache_sqn(struct hss_op *op, uint64_t sqn)
{
    struct hss_cache *c = op->ctx->cache;
    struct entry *e = op->remembered;
    if (!c)
        return;
    bool stays = e && current(c, e);
    ++*version(c, op->facts.subscription_id); // entries of other IMPUs of the IMPI
    if (!stays)
        return;
    e->sealed.sqn = sqn;
    e->version = *version(c, op->facts.subscription_id);
}

void hss_cache_forget_all(struct hss_ctx *ctx)
{
    if (ctx->cache)
        ctx->cache->epoch++;
}
