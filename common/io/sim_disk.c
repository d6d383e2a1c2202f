// SPDX-License-Identifier: Apache-2.0
#include "io/sim_disk.h"

#include <stdio.h>

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"

enum { SECTOR = 512, NAME_MAX_ = 64, NAMES_MAX = 64 };

// What a file holds, apart from its names: it lives while a name, now or on the disk, or a handle
// has it.
struct node {
    struct list link;
    char *now, *kept; // as written; as it is on the disk
    size_t now_n, kept_n, cap, reserved;
    size_t dirty, dirty_n; // written since the last sync: [dirty, dirty_n)
    unsigned handles;
};

struct sim_file {
    struct disk_file base;
    struct node *node;
};

struct name {
    char text[NAME_MAX_];
    struct node *node; // NULL: free
};

struct names {
    struct name all[NAMES_MAX];
};

enum change_kind { ADDED, RENAMED, REMOVED };

struct change {
    enum change_kind kind;
    char from[NAME_MAX_], to[NAME_MAX_];
    struct node *node;
};

struct sim_disk {
    struct disk base;
    struct list nodes;
    struct names now, kept;
    struct change changes[NAMES_MAX]; // of names since they were synced
    size_t n_changes;
    uint64_t rng, steps, fail_at, room, whole; // whole: changes before those that break
    unsigned breaks;
    bool dead, lent;
    void (*failed)(void *arg);
    void *failed_arg;
};

static struct sim_disk *sim_of(const struct disk *d)
{
    return CONTAINER_OF((struct disk *)(uintptr_t)d, struct sim_disk, base);
}

static struct node *node_of(const struct disk_file *f)
{
    return CONTAINER_OF(f, const struct sim_file, base)->node;
}

// SplitMix64, as the simulation's own.
static uint64_t draw(struct sim_disk *d)
{
    uint64_t z = d->rng += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

// ---- steps: where the power fails ----

static void fail_power(struct sim_disk *d)
{
    d->dead = true;
    if (d->failed)
        d->failed(d->failed_arg);
}

// How many of n steps happen.
static uint64_t step(struct sim_disk *d, uint64_t n)
{
    if (d->dead)
        return 0;
    if (d->fail_at - d->steps < n) {
        n = d->fail_at - d->steps;
        d->steps = d->fail_at;
        fail_power(d);
        return n;
    }
    d->steps += n;
    return n;
}

static bool breaks(struct sim_disk *d)
{
    if (!d->breaks)
        return false;
    if (d->whole) {
        d->whole--;
        return false;
    }
    d->breaks--;
    return true;
}

// One change that is not a write: 0 when it happens.
static int change(struct sim_disk *d)
{
    if (d->dead || step(d, 1) == 0 || breaks(d))
        return ERR_IO;
    return 0;
}

// ---- names ----

static struct name *name_find(struct names *names, const char *text)
{
    for (size_t i = 0; i < NAMES_MAX; i++)
        if (names->all[i].node && strcmp(names->all[i].text, text) == 0)
            return &names->all[i];
    return NULL;
}

static bool name_put(struct names *names, const char *text, struct node *node)
{
    struct name *n = name_find(names, text);
    for (size_t i = 0; !n && i < NAMES_MAX; i++)
        if (!names->all[i].node)
            n = &names->all[i];
    if (!n)
        return false;
    (void)snprintf(n->text, sizeof(n->text), "%s", text);
    n->node = node;
    return true;
}

static void apply(struct names *names, const struct change *c)
{
    struct name *from = name_find(names, c->from);
    if (c->kind == ADDED) {
        (void)name_put(names, c->from, c->node);
    } else if (from) {
        from->node = NULL;
        if (c->kind == RENAMED)
            (void)name_put(names, c->to, c->node);
    }
}

static bool has_name(const struct names *names, const struct node *node)
{
    for (size_t i = 0; i < NAMES_MAX; i++)
        if (names->all[i].node == node)
            return true;
    return false;
}

static void node_free(struct node *n)
{
    list_del(&n->link);
    mem_free(n->now);
    mem_free(n->kept);
    mem_free(n);
}

static void sweep(struct sim_disk *d)
{
    LIST_EACH(&d->nodes, it) {
        struct node *n = LIST_ENTRY(it, struct node, link);
        bool used = n->handles || has_name(&d->now, n) || has_name(&d->kept, n);
        for (size_t i = 0; !used && i < d->n_changes; i++)
            used = d->changes[i].node == n;
        if (!used)
            node_free(n);
    }
}

static int note(struct sim_disk *d, enum change_kind kind, const char *from, const char *to,
                struct node *node)
{
    if (d->n_changes == NAMES_MAX || strlen(from) >= NAME_MAX_ || strlen(to) >= NAME_MAX_)
        return ERR_FULL;
    int err = change(d);
    if (err)
        return err;
    struct change *c = &d->changes[d->n_changes++];
    *c = (struct change){.kind = kind, .node = node};
    (void)snprintf(c->from, sizeof(c->from), "%s", from);
    (void)snprintf(c->to, sizeof(c->to), "%s", to);
    apply(&d->now, c);
    return 0;
}

// ---- the operations ----

static int add_file(struct sim_disk *d, const char *name, struct node **ret_node)
{
    struct node *n = mem_zalloc(sizeof(*n));
    if (!n)
        return ERR_NOMEM;
    list_init(&n->link);
    list_add(&d->nodes, &n->link);
    int err = note(d, ADDED, name, "", n);
    if (err) {
        node_free(n);
        return err;
    }
    *ret_node = n;
    return 0;
}

static int sim_open(struct disk *base, const char *name, bool create, struct disk_file **ret_file)
{
    struct sim_disk *d = sim_of(base);
    struct name *found = name_find(&d->now, name);
    if (d->dead)
        return ERR_IO;
    if (!found && !create)
        return ERR_NOTFOUND;
    struct sim_file *f = mem_zalloc(sizeof(*f));
    if (!f)
        return ERR_NOMEM;
    f->base.disk = base;
    int err = 0;
    if (found)
        f->node = found->node;
    else
        err = add_file(d, name, &f->node);
    if (err) {
        mem_free(f);
        return err;
    }
    f->node->handles++;
    *ret_file = &f->base;
    return 0;
}

static void sim_close(struct disk_file *f)
{
    struct sim_disk *d = sim_of(f->disk);
    node_of(f)->handles--;
    mem_free(CONTAINER_OF(f, struct sim_file, base));
    sweep(d);
}

static int sim_size(struct disk_file *f, uint64_t *ret_n)
{
    *ret_n = node_of(f)->now_n;
    return sim_of(f->disk)->dead ? ERR_IO : 0;
}

static int sim_read(struct disk_file *f, uint64_t at, void *ret_bytes, size_t n)
{
    const struct node *node = node_of(f);
    if (sim_of(f->disk)->dead)
        return ERR_IO;
    if (at > node->now_n || node->now_n - at < n)
        return ERR_MORE;
    if (n)
        memcpy(ret_bytes, node->now + at, n);
    return 0;
}

static int reserve(struct node *n, size_t need)
{
    if (need <= n->cap)
        return 0;
    size_t cap = need * 2;
    char *now = mem_realloc(n->now, cap);
    if (now)
        n->now = now;
    char *kept = now ? mem_realloc(n->kept, cap) : NULL;
    if (!kept)
        return ERR_NOMEM;
    n->kept = kept;
    n->cap = cap;
    return 0;
}

static void touch(struct node *n, size_t from, size_t to)
{
    if (n->dirty == n->dirty_n) {
        n->dirty = from;
        n->dirty_n = to;
        return;
    }
    n->dirty = from < n->dirty ? from : n->dirty;
    n->dirty_n = to > n->dirty_n ? to : n->dirty_n;
}

static void store_bytes(struct node *n, size_t at, const void *bytes, size_t count)
{
    if (at > n->now_n) {
        memset(n->now + n->now_n, 0, at - n->now_n);
        touch(n, n->now_n, at);
    }
    if (count)
        memcpy(n->now + at, bytes, count);
    touch(n, at, at + count);
    if (at + count > n->now_n)
        n->now_n = at + count;
}

static size_t held(const struct node *n)
{
    return n->reserved > n->now_n ? n->reserved : n->now_n;
}

static uint64_t used(const struct sim_disk *d)
{
    uint64_t sum = 0;
    LIST_EACH(&d->nodes, it)
        sum += held(LIST_ENTRY(it, const struct node, link));
    return sum;
}

// How many of n bytes at at fit on the disk.
static size_t fitting(const struct sim_disk *d, const struct node *node, size_t at, size_t n)
{
    size_t end = at + n > held(node) ? at + n : held(node);
    uint64_t grown = used(d) + (end - held(node));
    uint64_t over = grown > d->room ? grown - d->room : 0;
    return over < n ? n - (size_t)over : 0;
}

static int sim_write(struct disk_file *f, uint64_t at, const void *bytes, size_t n)
{
    struct sim_disk *d = sim_of(f->disk);
    struct node *node = node_of(f);
    if (d->dead)
        return ERR_IO;
    int err = reserve(node, (size_t)at + n);
    if (err)
        return err;
    size_t fits = fitting(d, node, (size_t)at, n);
    err = fits < n ? ERR_FULL : 0;
    if (breaks(d)) {
        fits /= 2;
        err = ERR_IO;
    }
    size_t done = (size_t)step(d, fits);
    store_bytes(node, (size_t)at, bytes, done);
    return d->dead ? ERR_IO : err;
}

static int sim_truncate(struct disk_file *f, uint64_t n)
{
    struct node *node = node_of(f);
    int err = change(sim_of(f->disk));
    if (!err)
        node->reserved = 0;
    if (!err && n < node->now_n) {
        touch(node, (size_t)n, node->now_n);
        node->now_n = (size_t)n;
    }
    return err;
}

static int sim_reserve(struct disk_file *f, uint64_t n)
{
    struct sim_disk *d = sim_of(f->disk);
    struct node *node = node_of(f);
    size_t more = n > held(node) ? (size_t)n - held(node) : 0;
    int err = change(d);
    if (!err && more && (used(d) > d->room || d->room - used(d) < more))
        err = ERR_FULL;
    if (!err)
        node->reserved = held(node) + more;
    return err;
}

static void keep(struct node *n)
{
    size_t end = n->dirty_n < n->now_n ? n->dirty_n : n->now_n;
    if (end > n->dirty)
        memcpy(n->kept + n->dirty, n->now + n->dirty, end - n->dirty);
    n->kept_n = n->now_n;
    n->dirty = n->dirty_n = 0;
}

// What was not synced is held for clean: only a new write brings it to the disk.
static void forget(struct node *n)
{
    if (n->now_n > n->kept_n)
        memset(n->kept + n->kept_n, 0, n->now_n - n->kept_n);
    n->dirty = n->dirty_n = 0;
}

static int sim_sync(struct disk_file *f)
{
    struct sim_disk *d = sim_of(f->disk);
    int err = change(d);
    if (!err)
        keep(node_of(f));
    else if (!d->dead)
        forget(node_of(f));
    return err;
}

static int sim_rename(struct disk *base, const char *from, const char *to)
{
    struct sim_disk *d = sim_of(base);
    const struct name *n = name_find(&d->now, from);
    return n ? note(d, RENAMED, from, to, n->node) : ERR_NOTFOUND;
}

static int sim_remove(struct disk *base, const char *name)
{
    struct sim_disk *d = sim_of(base);
    const struct name *n = name_find(&d->now, name);
    int err = n ? note(d, REMOVED, name, "", n->node) : ERR_NOTFOUND;
    return err;
}

static int sim_sync_names(struct disk *base)
{
    struct sim_disk *d = sim_of(base);
    int err = change(d);
    if (err)
        return err;
    d->kept = d->now;
    d->n_changes = 0;
    sweep(d);
    return 0;
}

static int sim_list(struct disk *base, disk_name_cb cb, void *arg)
{
    struct sim_disk *d = sim_of(base);
    if (d->dead)
        return ERR_IO;
    for (size_t i = 0; i < NAMES_MAX; i++)
        if (d->now.all[i].node)
            cb(arg, d->now.all[i].text);
    return 0;
}

static void sim_free_disk(struct disk *base)
{
    struct sim_disk *d = sim_of(base);
    if (d->lent) {
        d->lent = false;
        return;
    }
    LIST_EACH(&d->nodes, it)
        node_free(LIST_ENTRY(it, struct node, link));
    mem_free(d);
}

static const struct disk_ops sim_ops = {
    .open = sim_open,
    .close = sim_close,
    .size = sim_size,
    .read = sim_read,
    .write = sim_write,
    .truncate = sim_truncate,
    .reserve = sim_reserve,
    .sync = sim_sync,
    .rename = sim_rename,
    .remove = sim_remove,
    .sync_names = sim_sync_names,
    .list = sim_list,
    .free = sim_free_disk,
};

int sim_disk_new(uint64_t seed, struct disk **ret_disk)
{
    struct sim_disk *d = mem_zalloc(sizeof(*d));
    if (!d)
        return ERR_NOMEM;
    d->base.ops = &sim_ops;
    d->rng = seed;
    d->fail_at = d->room = UINT64_MAX;
    list_init(&d->nodes);
    *ret_disk = &d->base;
    return 0;
}

int sim_disk_lend(struct disk *base)
{
    struct sim_disk *d = sim_of(base);
    if (d->lent)
        return ERR_INUSE;
    d->lent = true;
    return 0;
}

// ---- bad days ----

void sim_disk_fail_after(struct disk *base, uint64_t steps, void (*failed)(void *arg), void *arg)
{
    struct sim_disk *d = sim_of(base);
    d->fail_at = steps < UINT64_MAX - d->steps ? d->steps + steps : UINT64_MAX;
    d->failed = failed;
    d->failed_arg = arg;
}

uint64_t sim_disk_steps(const struct disk *base)
{
    return sim_of(base)->steps;
}

// Of the sectors written since the last sync each is there or not; the file's new end is a lot of
// its own.
static void lose_sectors(struct sim_disk *d, struct node *n)
{
    size_t shorter = n->now_n < n->kept_n ? n->now_n : n->kept_n;
    size_t span = n->now_n + n->kept_n - 2 * shorter;
    size_t end = shorter + (span ? (size_t)(draw(d) % (span + 1)) : 0);
    bool beginning = draw(d) % 2; // in the order of writing
    if (end > n->kept_n)
        memset(n->kept + n->kept_n, 0, end - n->kept_n);
    for (size_t at = n->dirty / SECTOR * SECTOR; at < n->dirty_n && at < end; at += SECTOR) {
        size_t from = at < n->dirty ? n->dirty : at;
        size_t to = at + SECTOR < end ? at + SECTOR : end;
        to = to < n->now_n ? to : n->now_n;
        if (to > from && (beginning || draw(d) % 2))
            memcpy(n->kept + from, n->now + from, to - from);
    }
    n->kept_n = end;
}

void sim_disk_power_cycle(struct disk *base, enum sim_disk_loss loss)
{
    struct sim_disk *d = sim_of(base);
    // Names too come in their order or in none.
    bool in_order = loss != SIM_DISK_SOME || draw(d) % 2;
    size_t kept = loss == SIM_DISK_ALL ? 0 : d->n_changes;
    if (loss == SIM_DISK_SOME && in_order)
        kept = (size_t)(draw(d) % (d->n_changes + 1));
    for (size_t i = 0; i < kept; i++)
        if (in_order || draw(d) % 2)
            apply(&d->kept, &d->changes[i]);
    LIST_EACH(&d->nodes, it) {
        struct node *n = LIST_ENTRY(it, struct node, link);
        if (loss == SIM_DISK_NONE)
            keep(n);
        else if (loss == SIM_DISK_SOME)
            lose_sectors(d, n);
        if (n->kept_n)
            memcpy(n->now, n->kept, n->kept_n);
        n->now_n = n->kept_n;
        n->dirty = n->dirty_n = n->reserved = 0;
    }
    d->now = d->kept;
    d->n_changes = 0;
    d->dead = false;
    d->fail_at = UINT64_MAX;
    d->breaks = 0;
    d->whole = 0;
    sweep(d);
}

void sim_disk_set_room(struct disk *base, uint64_t bytes)
{
    sim_of(base)->room = bytes;
}

void sim_disk_break(struct disk *base, unsigned n)
{
    sim_disk_break_after(base, 0, n);
}

void sim_disk_break_after(struct disk *base, uint64_t skip, unsigned n)
{
    struct sim_disk *d = sim_of(base);
    d->whole = skip;
    d->breaks = n;
}

int sim_disk_rot(struct disk *base, const char *name, uint64_t at)
{
    const struct name *n = name_find(&sim_of(base)->now, name);
    if (!n || at >= n->node->now_n)
        return ERR_NOTFOUND;
    n->node->now[at] = (char)~n->node->now[at];
    if (at < n->node->kept_n)
        n->node->kept[at] = (char)~n->node->kept[at];
    return 0;
}
