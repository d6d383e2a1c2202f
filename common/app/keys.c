// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>
#include <semaphore.h>

#include "app/keys.h"

#include "app/keyfile.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

enum { LOOK_MS = 5000, ROTATE_MIN_S = 60 };

// One that is on its way to the file. The worker touches only this and the path.
struct rotation {
    struct keyfile_rotation how;
    struct keyring ring;
    struct keyfile_stamp stamp;
    int err;
    sem_t ran;
    bool on_its_way;
    const char *because;
    keys_rotated_cb cb;
    void *arg;
};

struct keys {
    struct loop *loop;
    struct node_keys cfg;
    char *path; // NULL: in memory
    uint32_t node;
    struct keyring ring;
    struct keyfile_stamp stamp; // of what ring was read from
    struct timer timer;
    struct rotation rotation;
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
    if (c->rotate_s && c->wait_s >= c->rotate_s)
        app_find(
            bad, arg, "keys.wait",
            "%u s, and the next key comes after keys.rotate, %u s: the newest would never sign",
            (unsigned)c->wait_s, (unsigned)c->rotate_s);
    if (err && err != ERR_NOTFOUND)
        app_find(bad, arg, "keys.file", "%s: %s", path, keyfile_trouble(err));
    OPENSSL_cleanse(&r, sizeof r);
    mem_free(path);
}

// ---- ages ----

static uint64_t now_s(const struct keys *k)
{
    return loop_wall_ms(k->loop) / 1000;
}

static uint64_t age_s(const struct keys *k, size_t i)
{
    return keyring_age(&k->ring, i, now_s(k));
}

static uint64_t wait_s(const struct keys *k)
{
    return k->path ? k->cfg.wait_s : 0;
}

static void choose_signer(struct keys *k)
{
    keyring_choose(&k->ring, wait_s(k), now_s(k));
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
    OPENSSL_cleanse(&r, sizeof r);
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
        OPENSSL_cleanse(&r, sizeof r);
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

static void note_rotated(struct keys *k, const char *because, uint32_t before)
{
    k->trouble = 0;
    if (k->ring.keys[0].id == before)
        return; // somebody else was first
    k->rotations++;
    LOG(LOG_INFO, "key ring rotated", LF_Z("because", because), LF_NUM("keys", k->ring.n));
}

static void rotate_in_memory(struct keys *k, const char *because)
{
    uint8_t secret[KEYRING_SECRET];
    uint32_t before = k->ring.keys[0].id;
    loop_random(k->loop, secret, sizeof secret);
    keyring_add(&k->ring, secret, k->cfg.keep, now_s(k));
    OPENSSL_cleanse(secret, sizeof secret);
    note_rotated(k, because, before);
}

static void work(void *arg)
{
    struct keys *k = arg;
    struct rotation *r = &k->rotation;
    r->err = keyfile_rotate(k->path, &r->how, &r->ring, &r->stamp);
    (void)sem_post(&r->ran);
}

static void take(struct keys *k, const struct rotation *r)
{
    uint32_t before = k->ring.keys[0].id;
    k->ring = r->ring;
    k->stamp = r->stamp;
    k->reads++;
    choose_signer(k);
    note_rotated(k, r->because, before);
}

// Another instance that is just changing the file does what our own clock wants.
static void end_rotation(struct keys *k, int err)
{
    struct rotation *r = &k->rotation;
    r->on_its_way = false;
    if (!err)
        take(k, r);
    else if (err != ERR_CANCELLED && !(err == ERR_INUSE && r->how.due_s))
        (void)failed(k, "key ring cannot be rotated", err);
    OPENSSL_cleanse(&r->ring, sizeof r->ring);
    OPENSSL_cleanse(&r->how, sizeof r->how);
    (void)sem_destroy(&r->ran);
    if (r->cb)
        r->cb(r->arg, k, err);
}

static void worked(void *arg)
{
    struct keys *k = arg;
    end_rotation(k, k->rotation.err);
}

static int rotate_file(struct keys *k, const char *because, uint64_t due_s, keys_rotated_cb cb,
                       void *arg)
{
    struct rotation *r = &k->rotation;
    if (r->on_its_way)
        return ERR_INUSE;
    *r = (struct rotation){
        .how = {.keep = k->cfg.keep, .now_s = now_s(k), .wait_s = wait_s(k), .due_s = due_s},
        .on_its_way = true,
        .because = because,
        .cb = cb,
        .arg = arg};
    loop_random(k->loop, r->how.secret, sizeof r->how.secret);
    (void)sem_init(&r->ran, 0, 0);
    int err = loop_work(k->loop, work, worked, k);
    if (!err)
        return KEYS_LATER;
    r->cb = NULL;
    end_rotation(k, err);
    return err;
}

int keys_rotate(struct keys *k, const char *because, keys_rotated_cb cb, void *arg)
{
    if (k->path)
        return rotate_file(k, because, 0, cb, arg);
    rotate_in_memory(k, because);
    return 0;
}

static void on_timer(void *arg)
{
    struct keys *k = arg;
    if (!k->rotation.on_its_way) {
        look(k);
        if (k->cfg.rotate_s && keyring_due(&k->ring, k->cfg.rotate_s, now_s(k)))
            (void)rotate_file(k, "age", k->cfg.rotate_s, NULL, NULL);
    }
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
    if (k->cfg.wait_s < KEYS_WAIT_MIN_S)
        k->cfg.wait_s = KEYS_WAIT_MIN_S;
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
    if (k->rotation.on_its_way) {
        (void)sem_wait(&k->rotation.ran);
        end_rotation(k, ERR_CANCELLED);
    }
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
    // The next rotation may be due at once, and the one by hand come right behind it.
    bool timed = k->path && k->cfg.rotate_s;
    if (i == k->ring.n || i + timed >= k->cfg.keep)
        return false;
    return !timed || (k->cfg.keep - i - 1) * (uint64_t)k->cfg.rotate_s >= seconds;
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
