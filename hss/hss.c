// SPDX-License-Identifier: Apache-2.0
#include "hss/hss.h"

#include <libxml/parser.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "hss/cache.h"
#include "hss/provision.h"

static const char key_check_name[] = "key_check";
static const char key_check_text[] = "carillon";
#define KEY_CHECK_OWNER STR("store")

enum { REMEMBERED_MAX = 65536 /* about 32 MB */, PATTERNS_MAX = 256 };

static void ctx_done(struct hss_ctx *c)
{
    store_close(c->store);
    vault_free(c->vault);
    aka_free(c->aka);
    hss_cache_free(c->cache);
    wildcard_cache_free(c->patterns);
    hss_schema_free(c->schema);
    *c = (struct hss_ctx){0};
}

static int ctx_init(struct hss *h, const struct hss_params *p, const uint8_t key[VAULT_KEY],
                    bool read_only, struct hss_ctx *c)
{
    char why[160] = "";
    uint8_t seed[VAULT_SEED];
    loop_random(h->loop, seed, sizeof(seed));
    c->plan = p->plan;
    int err = vault_new(key, seed, &c->vault);
    if (!err)
        err = aka_new(&c->aka);
    if (!err && !(c->patterns = wildcard_cache_new(PATTERNS_MAX)))
        err = ERR_NOMEM;
    const struct store_params sp = {
        .path = p->store_path,
        .migrations = hss_migrations,
        .n_migrations = hss_migration_count,
        .sql = hss_sql,
        .n_sql = hss_sql_count,
        .read_only = read_only,
        .max_bytes = p->store_max_bytes,
        .use = read_only ? STORE_UNGUARDED : p->store_shared ? STORE_SHARED : STORE_ALONE,
    };
    if (!err)
        err = store_open(&sp, why, sizeof(why), &c->store);
    if (err)
        LOG(LOG_ERROR, "store cannot be opened", LF_Z("path", p->store_path), LF_Z("cause", why),
            LF_Z("error", err_text(err)));
    return err;
}

static bool in_memory(const struct hss_params *p)
{
    return strcmp(p->store_path, ":memory:") == 0;
}

static int make_key(struct hss *h, const struct hss_params *p, uint8_t ret_key[VAULT_KEY])
{
    loop_random(h->loop, ret_key, VAULT_KEY);
    int err = vault_key_create(p->key_file, ret_key);
    if (!err)
        LOG(LOG_INFO, "key file created", LF_Z("path", p->key_file));
    return err == ERR_EXISTS ? vault_key_read(p->key_file, ret_key) : err; // by another HSS, just now
}

static int load_key(struct hss *h, const struct hss_params *p, uint8_t ret_key[VAULT_KEY])
{
    if (!p->key_file && in_memory(p)) {
        loop_random(h->loop, ret_key, VAULT_KEY);
        return 0;
    }
    bool fresh = access(p->store_path, F_OK) != 0; // before the key, which another HSS makes first
    int err = p->key_file ? vault_key_read(p->key_file, ret_key) : ERR_NOTFOUND;
    if (err == ERR_NOTFOUND && p->key_file && p->key_create && fresh)
        err = make_key(h, p, ret_key);
    if (err)
        LOG(LOG_ERROR, "key file refused", LF_Z("path", p->key_file), LF_Z("cause", vault_key_trouble(err)));
    return err;
}

struct check {
    struct hss *hss;
    bool found;
};

static int key_check_row(void *arg, const struct store_value *c, size_t n)
{
    struct check *k = arg;
    uint8_t plain[VAULT_MAX];
    size_t len;
    k->found = true;
    return vault_open(k->hss->writer.vault, KEY_CHECK_OWNER, c[0].s, plain, &len);
}

static int look_for_check(struct hss *h, struct check *k)
{
    struct store_value name = SV_TEXT(str_from(key_check_name));
    int err = store_run(h->writer.store, SQL_META_GET, &name, 1, key_check_row, k);
    if (err == ERR_AUTH)
        LOG(LOG_ERROR, "key file refused", LF_Z("cause", "it is not the key of this store"));
    return err;
}

static int put_check(struct hss *h)
{
    uint8_t sealed[sizeof(key_check_text) + VAULT_OVERHEAD];
    struct str plain = str_make(key_check_text, sizeof(key_check_text));
    int err = vault_seal(h->writer.vault, KEY_CHECK_OWNER, plain, sealed);
    if (!err)
        err = STORE_RUN(h->writer.store, SQL_META_PUT, NULL, NULL, SV_TEXT(str_from(key_check_name)),
                        SV_BLOB(str_make((const char *)sealed, sizeof(sealed))));
    return err;
}

// A store remembers a sealed text, so that a wrong key is found at the start and not at each MAR. Of two HSSs that make
// a store together one puts it there.
static int check_key(struct hss *h)
{
    struct check k = {h, false};
    struct store *s = h->writer.store;
    int err = look_for_check(h, &k);
    if (err || k.found)
        return err;
    err = store_begin(s);
    if (!err)
        err = look_for_check(h, &k);
    if (!err && !k.found)
        err = put_check(h);
    if (!err)
        err = store_commit(s);
    if (err)
        store_rollback(s);
    return err;
}

int hss_new(const struct hss_params *p, struct hss **ret_hss)
{
    struct hss *h = mem_zalloc(sizeof(*h));
    if (!h)
        return ERR_NOMEM;
    xmlInitParser(); // before a worker uses it
    h->loop = p->loop;
    hss_queue_init(&h->queue, h);
    hss_configure(h, &p->settings);
    uint8_t key[VAULT_KEY];
    int err = load_key(h, p, key);
    if (!err)
        err = ctx_init(h, p, key, false, &h->writer);
    if (!err && !in_memory(p))
        err = ctx_init(h, p, key, true, &h->reader);
    OPENSSL_cleanse(key, sizeof(key));
    if (!err) // without it MARs are slower, no more
        h->writer.cache = hss_cache_new(REMEMBERED_MAX);
    if (!err)
        err = check_key(h);
    if (!err)
        hss_renew(&h->writer);
    if (err) {
        hss_free(h);
        return err;
    }
    *ret_hss = h;
    return 0;
}

static void free_ops(struct list *ops)
{
    while (!list_empty(ops)) {
        struct hss_op *op = LIST_ENTRY(ops->next, struct hss_op, link);
        list_del(&op->link);
        hss_op_free(op);
    }
}

void hss_free(struct hss *h)
{
    if (!h)
        return;
    hss_queue_stop(&h->queue);
    free_ops(&h->queue.waiting);
    free_ops(&h->queue.running);
    ctx_done(&h->writer);
    ctx_done(&h->reader);
    mem_free(h);
}

void hss_configure(struct hss *h, const struct hss_settings *s)
{
    h->settings = *s;
    if (!h->settings.max_vectors || h->settings.max_vectors > HSS_VECTORS_MAX)
        h->settings.max_vectors = HSS_VECTORS_MAX;
}

const struct hss_stats *hss_stats(const struct hss *h)
{
    return &h->stats;
}

static int total_row(void *arg, const struct store_value *c, size_t n)
{
    uint64_t *total = arg;
    total[0] = (uint64_t)c[0].num;
    total[1] = (uint64_t)c[1].num;
    return 0;
}

void hss_restorations_stored(const struct hss *h, uint64_t *ret_n, uint64_t *ret_bytes)
{
    uint64_t total[2] = {0};
    if (h->reader.store)
        (void)store_run(h->reader.store, SQL_RESTORATION_TOTAL, NULL, 0, total_row, total);
    *ret_n = total[0];
    *ret_bytes = total[1];
}

bool hss_ready(const struct hss *h, const char **ret_why)
{
    if (h->failing)
        *ret_why = "the store refuses writes";
    return !h->failing;
}
