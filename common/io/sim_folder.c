// SPDX-License-Identifier: Apache-2.0
// The disks of the simulated world, by the folder's name.
#include "base/err.h"
#include "base/mem.h"
#include "io/sim_disk.h"
#include "io/sim_priv.h"

struct sim_folder {
    struct list link;
    struct disk *disk;
    size_t n;
    char name[];
};

static struct sim_folder *find(struct sim *s, struct str name)
{
    LIST_EACH(&s->folders, it) {
        struct sim_folder *f = LIST_ENTRY(it, struct sim_folder, link);
        if (str_eq(name, str_make(f->name, f->n)))
            return f;
    }
    return NULL;
}

// What the disk loses depends on its name and the world's seed, not on when it was made.
static uint64_t seed_of(const struct sim *s, struct str name)
{
    uint64_t mix = s->seed;
    for (size_t i = 0; i < name.n; i++)
        mix = (mix ^ (unsigned char)name.p[i]) * 0x100000001b3u;
    return mix;
}

static struct sim_folder *make(struct sim *s, struct str name)
{
    struct sim_folder *f = mem_alloc(sizeof *f + name.n);
    if (!f)
        return NULL;
    f->n = name.n;
    memcpy(f->name, name.p, name.n);
    if (sim_disk_new(seed_of(s, name), &f->disk)) {
        mem_free(f);
        return NULL;
    }
    list_init(&f->link);
    list_add(&s->folders, &f->link);
    return f;
}

struct disk *sim_disk_at(struct sim *s, const char *folder)
{
    struct sim_folder *f = find(s, str_from(folder));
    if (!f)
        f = make(s, str_from(folder));
    return f ? f->disk : NULL;
}

int sim_folder_open(struct loop *l, const char *folder, struct disk **ret_disk)
{
    struct disk *d = sim_disk_at(sim_node_of(l)->sim, folder);
    int err = d ? sim_disk_lend(d) : ERR_NOMEM;
    if (!err)
        *ret_disk = d;
    return err;
}

void sim_folders_done(struct sim *s)
{
    LIST_EACH(&s->folders, it) {
        struct sim_folder *f = LIST_ENTRY(it, struct sim_folder, link);
        (void)sim_disk_lend(f->disk);
        disk_free(f->disk); // given back
        disk_free(f->disk);
        list_del(&f->link);
        mem_free(f);
    }
}
