// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/err.h"
#include "store/state_log_priv.h"

void statelog_name(char ret_name[LOG_NAME], uint32_t generation, const char *kind)
{
    (void)snprintf(ret_name, LOG_NAME, "%08x.%s", generation, kind);
}

void statelog_file_name(const struct statelog_file *f, char ret_name[LOG_NAME])
{
    statelog_name(ret_name, f->generation, f->snap ? "snap" : "log");
}

unsigned statelog_slot(const struct statelog *g)
{
    unsigned slot = 0;
    while (slot < LOG_FILES && g->files[slot].f)
        slot++;
    return slot;
}

uint64_t statelog_disk_bytes(const struct statelog *g)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < LOG_FILES; i++)
        sum += g->files[i].f ? g->files[i].n : 0;
    return sum;
}

int statelog_make(struct disk *d, const char *name, uint32_t generation, uint64_t first,
                  uint64_t lot, struct statelog_file *ret_file)
{
    struct disk_file *f = NULL;
    char head[BATCH_HEAD];
    int err = d->ops->open(d, name, true, &f);
    if (err)
        return err;
    batch_seal(head,
               &(struct batch_head){
                   .first = first, .kind = RECORD_HEAD, .generation = generation, .lot = lot});
    err = d->ops->truncate(f, 0);
    if (!err)
        err = d->ops->write(f, 0, head, sizeof(head));
    if (!err)
        err = d->ops->sync(f);
    if (err) {
        d->ops->close(f);
        return err;
    }
    *ret_file =
        (struct statelog_file){.f = f, .n = sizeof(head), .generation = generation, .lot = lot};
    return 0;
}

// How many of the records from the first on lie behind each other; *ret_size is their length.
static size_t run_of(const struct statelog_read *reads, size_t n, size_t *ret_size)
{
    size_t i = 1, size = reads[0].size;
    while (i < n && reads[i].place == reads[0].place + size)
        size += reads[i++].size;
    *ret_size = size;
    return i;
}

static void check(struct statelog_read *r, const char *bytes)
{
    struct record record;
    size_t size;
    r->bad = record_read(str_make(bytes, r->size), true, &record, &size) != 0 || size != r->size;
}

int statelog_read_all(const struct statelog *g, struct statelog_read *reads, size_t n, char *buf)
{
    const struct disk_ops *ops = g->disk->ops;
    for (size_t i = 0; i < n;) {
        size_t size, run = run_of(reads + i, n - i, &size);
        int err =
            ops->read(g->files[place_slot(reads[i].place)].f, place_at(reads[i].place), buf, size);
        if (err)
            return err == ERR_MORE ? ERR_IO : err;
        for (size_t end = i + run; i < end; i++) {
            check(&reads[i], buf);
            buf += reads[i].size;
        }
    }
    return 0;
}
