// SPDX-License-Identifier: Apache-2.0
// Service parts of profiles. One is written with, and so before, the first registration that has it. It goes when no
// registration has it any more and every record on the disk is what it should be.
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pack.h"
#include "scscf/durable_priv.h"

enum { SWEEP_MS = 600000 };

struct part {
    struct keep_item item;
    struct service_entry *entry; // held
    uint32_t name;
    bool asked;                  // it has been, or is being, written
};

static struct part *by_entry(const struct durable *d, const struct service_entry *entry)
{
    size_t it = 0;
    return map_find(&d->by_entry, (uintptr_t)entry, &it);
}

// ---- records ----

static void write_key(void *arg, const struct keep_item *it, struct writer *w)
{
    (void)arg;
    writer_hex_u64(w, CONTAINER_OF(it, const struct part, item)->name, 8);
}

static void write_value(void *arg, const struct keep_item *it, struct writer *w)
{
    (void)arg;
    writer_str(w, profile_part_text(CONTAINER_OF(it, const struct part, item)->entry));
}

// ---- life of one ----

static void part_free(struct durable *d, struct part *k)
{
    map_remove(&d->by_entry, (uintptr_t)k->entry, k);
    map_remove(&d->by_name, k->name, k);
    profile_part_drop(d->p.profiles, k->entry);
    mem_free(k);
}

static int part_new(struct durable *d, uint32_t name, struct service_entry *entry, struct part **ret_part)
{
    struct part *k = mem_zalloc(sizeof *k);
    if (!k)
        return ERR_NOMEM;
    keep_item_init(&k->item, &d->parts);
    k->entry = profile_part_hold(entry);
    k->name = name;
    if (map_add(&d->by_entry, (uintptr_t)entry, k) || map_add(&d->by_name, name, k)) {
        part_free(d, k);
        return ERR_NOMEM;
    }
    if (name > d->last_part)
        d->last_part = name;
    *ret_part = k;
    return 0;
}

// ---- all of them ----

int durable_parts_keep(struct durable *d, const struct profile *p)
{
    for (size_t i = 0; i < profile_part_count(p); i++) {
        struct part *k = by_entry(d, profile_part_at(p, i));
        int err = k ? 0 : part_new(d, d->last_part + 1, profile_part_at(p, i), &k);
        if (err)
            return err;
        if (!k->asked)
            keep_changed(d->p.keep, &k->item);
        k->asked = true;
    }
    return 0;
}

bool durable_parts_pend(struct durable *d, const struct profile *p)
{
    for (size_t i = 0; i < profile_part_count(p); i++) {
        const struct part *k = by_entry(d, profile_part_at(p, i));
        if (k && (k->item.write || !list_empty(&k->item.link)))
            return true;
    }
    return false;
}

uint32_t durable_part_name(const struct durable *d, const struct service_entry *entry)
{
    const struct part *k = by_entry(d, entry);
    return k ? k->name : 0;
}

struct service_entry *durable_part_find(void *durable, uint32_t name)
{
    const struct durable *d = durable;
    size_t it = 0;
    const struct part *k = map_find(&d->by_name, name, &it);
    return k ? k->entry : NULL;
}

static struct part *next_unused(const struct durable *d)
{
    size_t it = 0;
    struct part *k;
    while ((k = map_next(&d->by_name, &it)) && !profile_part_is_alone(k->entry))
        ;
    return k;
}

static void sweep(void *arg)
{
    struct durable *d = arg;
    bool written = !keep_figures(d->p.keep).unwritten;
    for (struct part *k; written && (k = next_unused(d));) {
        keep_removed(d->p.keep, &k->item);
        part_free(d, k);
    }
    timer_start(d->p.loop, &d->sweep, SWEEP_MS);
}

size_t durable_parts(const struct durable *d)
{
    return d->by_name.n;
}

void durable_parts_init(struct durable *d)
{
    d->parts = (struct keep_kind){.prefix = STR("svc/"), .key = write_key, .value = write_value, .arg = d};
    timer_init(&d->sweep, sweep, d);
    timer_start(d->p.loop, &d->sweep, SWEEP_MS);
}

void durable_parts_done(struct durable *d)
{
    size_t it = 0;
    timer_stop(&d->sweep);
    for (struct part *k; (k = map_next(&d->by_name, &it)); it = 0)
        part_free(d, k);
    map_done(&d->by_entry);
    map_done(&d->by_name);
}

// ---- at the start ----

static int take(struct durable *d, struct str key, struct str text, struct xml_error *why)
{
    struct service_entry *entry;
    struct part *k;
    uint64_t name;
    if (pack_read_name(key, &name) || name > UINT32_MAX)
        return ERR_BAD;
    int err = profile_part_load(d->p.profiles, text, &entry, why);
    if (err)
        return err;
    err = part_new(d, (uint32_t)name, entry, &k);
    profile_part_drop(d->p.profiles, entry); // the part holds it by now
    if (!err)
        k->asked = true;
    return err;
}

static int on_record(void *arg, struct str key, struct str value)
{
    struct durable *d = arg;
    struct xml_error why = {.what = "key"};
    int err = take(d, key, value, &why);
    if (!err || err == ERR_NOMEM)
        return err;
    LOG(LOG_ERROR, "service part of the store cannot be read", LF("record", key), LF_Z("element", why.what),
        LF_NUM("line", why.line));
    return d->p.salvage ? ERR_NODATA : err;
}

int durable_parts_load(struct durable *d)
{
    return keep_load(d->p.keep, &d->parts, on_record, d);
}
