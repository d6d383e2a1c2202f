// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>

#include "app/keys.h"

#include "app/keyfile.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

// How often the file is looked at, and what a key waits so that every instance has looked.
enum { LOOK_MS = 5000, ADOPT_S = 12, ROTATE_MIN_S = 60 };

struct keys {
    struct loop *loop;
    struct node_keys cfg;
    char *path; // NULL: in memory
    uint32_t node;
    struct keyring ring;
    struct keyfile_stamp stamp; // of what ring was read from
    struct timer timer;
    int trouble; // the error that was logged last, until something works again
    uint64_t rotations, reads, failures;
};

// ---- configuration ----

void keys_check(const struct node_keys *c, app_finding bad, void *arg)
{
    struct keyring r;
    char *path = c->file.n ? str_cdup(c->file) : NULL;
    int err = path ? keyfile_read(path, true, &r, NULL) : 0;
    if (c->rotate_s && c->rotate_s < ROTATE_MIN_S)
        app_find(bad, arg, "keys.rotate", "%u s is too often; expected 0, or %d s at least",
                 (unsigned)c->rotate_s, ROTATE_MIN_S);
    if (err && err != ERR_NOTFOUND)
        app_find(bad, arg, "keys.file", "%s: %s", path, keyfile_trouble(err));
    mem_free(path);
}

// ---- ages ----

static uint64_t now_s(const struct keys *k)
{
    return loop_wall_ms(k->loop) / 1000;
}

// A clock that was set back makes no key older.
static uint64_t age_s(const struct keys *k, size_t i)
{
    uint64_t now = now_s(k), made = k->ring.keys[i].made_s;
    return now > made ? now - made : 0;
}

static void choose_signer(struct keys *k)
{
    k->ring.signer = k->path && k->ring.n > 1 && age_s(k, 0) < ADOPT_S ? 1 : 0;
}

// ---- file ----

// One line for a trouble that stays, however often it is met.
static int failed(struct keys *k, const char *what, int err)
{
    k->failures++;
    if (k->trouble != err)
        LOG(LOG_ERROR, what, LF_Z("path", k->path), LF_Z("cause", keyfile_trouble(err)));
    k->trouble = err;
    return err;
}

static int read_again(struct keys *k)
{
    struct keyring r;
    struct keyfile_stamp stamp;
    int err = keyfile_read(k->path, false, &r, &stamp);
    if (err)
        return err;
    k->ring = r;
    k->stamp = stamp;
    k->reads++;
    choose_signer(k);
    return 0;
}

static struct keyring make_ring(const struct keys *k)
{
    struct keyring_seed seed;
    loop_random(k->loop, &seed, sizeof seed);
    return keyring_make(&seed, now_s(k));
}

static int open_file(struct keys *k)
{
    int err = read_again(k);
    if (err == ERR_NOTFOUND) {
        struct keyring r = make_ring(k);
        err = keyfile_create(k->path, &r);
        if (!err)
            LOG(LOG_INFO, "key ring created", LF_Z("path", k->path));
        if (!err || err == ERR_EXISTS) // by another instance, just now
            err = read_again(k);
    }
    if (err)
        LOG(LOG_ERROR, "key ring refused", LF_Z("option", "keys.file"), LF_Z("path", k->path),
            LF_Z("cause", keyfile_trouble(err)));
    return err;
}

static void look(struct keys *k)
{
    struct keyfile_stamp there;
    int err = keyfile_look(k->path, &there);
    bool same = !err && there.inode == k->stamp.inode && there.bytes == k->stamp.bytes &&
                there.changed_ns == k->stamp.changed_ns;
    if (same)
        return;
    if (!err)
        err = read_again(k);
    if (err) {
        (void)failed(k, "key ring cannot be read again; the one in memory stays", err);
        return;
    }
    k->trouble = 0;
    LOG(LOG_INFO, "key ring read again", LF_Z("path", k->path), LF_NUM("keys", k->ring.n));
}

// ---- rotation ----

static void add(struct keys *k, struct keyring *r)
{
    uint8_t secret[KEYRING_SECRET];
    loop_random(k->loop, secret, sizeof secret);
    keyring_add(r, secret, k->cfg.keep, now_s(k));
}

// unless_younger_s: somebody else may have done it meanwhile.
static int rotate_file(struct keys *k, uint64_t unless_younger_s)
{
    int fd;
    int err = keyfile_lock(k->path, &fd);
    if (err)
        return err;
    err = read_again(k);
    if (!err && age_s(k, 0) >= unless_younger_s) {
        struct keyring r = k->ring;
        add(k, &r);
        err = keyfile_replace(k->path, &r);
        if (!err)
            err = read_again(k);
    }
    keyfile_unlock(fd);
    return err;
}

static int rotate(struct keys *k, const char *because, uint64_t unless_younger_s)
{
    uint32_t before = k->ring.keys[0].id;
    int err = 0;
    if (k->path)
        err = rotate_file(k, unless_younger_s);
    else
        add(k, &k->ring);
    if (err)
        return failed(k, "key ring cannot be rotated", err);
    k->trouble = 0;
    if (k->ring.keys[0].id == before)
        return 0;
    k->rotations++;
    LOG(LOG_INFO, "key ring rotated", LF_Z("because", because), LF_NUM("keys", k->ring.n));
    return 0;
}

int keys_rotate(struct keys *k, const char *because)
{
    return rotate(k, because, 0);
}

static void on_timer(void *arg)
{
    struct keys *k = arg;
    look(k);
    if (k->cfg.rotate_s && age_s(k, 0) >= k->cfg.rotate_s)
        (void)rotate(k, "age", k->cfg.rotate_s);
    choose_signer(k);
    timer_start(k->loop, &k->timer, LOOK_MS);
}

// ---- life ----

static uint32_t number_of(struct str name)
{
    static const uint64_t fixed[2] = {0x6361726c, 0x6e6f6465}; // the same in each process
    uint32_t n = (uint32_t)hash_keyed(fixed, name.p, name.n);
    return n ? n : 1;
}

int keys_new(const struct keys_params *p, struct keys **ret_keys)
{
    struct keys *k = mem_zalloc(sizeof *k);
    if (!k)
        return ERR_NOMEM;
    int err = 0;
    k->loop = p->loop;
    k->cfg = *p->config;
    k->node = k->cfg.node ? k->cfg.node : number_of(p->name);
    timer_init(&k->timer, on_timer, k);
    if (!k->cfg.keep)
        k->cfg.keep = 1;
    if (!k->cfg.file.n) {
        k->ring = make_ring(k);
    } else {
        k->path = str_cdup(k->cfg.file);
        err = k->path ? open_file(k) : ERR_NOMEM;
    }
    if (err) {
        keys_free(k);
        return err;
    }
    if (k->path)
        timer_start(k->loop, &k->timer, LOOK_MS);
    *ret_keys = k;
    return 0;
}

void keys_free(struct keys *k)
{
    if (!k)
        return;
    timer_stop(&k->timer);
    OPENSSL_cleanse(&k->ring, sizeof k->ring);
    mem_free(k->path);
    mem_free(k);
}

const struct keyring *keys_ring(const struct keys *k)
{
    return &k->ring;
}

uint32_t keys_node(const struct keys *k)
{
    return k->node;
}

bool keys_lasts(const struct keys *k, uint16_t id, uint64_t seconds)
{
    size_t i = 0;
    while (i < k->ring.n && key_short(&k->ring.keys[i]) != id)
        i++;
    if (i == k->ring.n || i >= k->cfg.keep)
        return false;
    bool timed = k->path && k->cfg.rotate_s;
    return !timed || (k->cfg.keep - i) * (uint64_t)k->cfg.rotate_s >= seconds;
}

const char *keys_file(const struct keys *k)
{
    return k->path;
}

struct keys_line keys_at(const struct keys *k, size_t i)
{
    size_t signer = k->ring.signer;
    return (struct keys_line){.id = k->ring.keys[i].id,
                              .age_s = age_s(k, i),
                              .state = i == signer  ? "signs"
                                       : i < signer ? "waits"
                                                    : "verifies"};
}

void keys_metrics(const struct keys *k, struct metrics *m)
{
    metrics_add(m, "keys", "gauge", "Keys in the ring", "", (double)k->ring.n);
    metrics_add(m, "keys_age_seconds", "gauge", "Age of the newest key", "", (double)age_s(k, 0));
    metrics_add(m, "keys_rotations_total", "counter", "Keys that this process has added", "",
                (double)k->rotations);
    metrics_add(m, "keys_read_total", "counter", "Times that the file was read", "",
                (double)k->reads);
    metrics_add(m, "keys_failures_total", "counter",
                "Times that the file could not be read or changed", "", (double)k->failures);
}
