// SPDX-License-Identifier: Apache-2.0
// Service parts of profiles: which there are, and their records.
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pack.h"
#include "scscf/durable_priv.h"

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

static int write_value(void *arg, const struct keep_item *it, struct writer *w)
{
    (void)arg;
    writer_str(w, profile_part_text(CONTAINER_OF(it, const struct part, item)->entry));
    return 0;
}

// ---- life of one ----

void durable_part_free(struct durable *d, struct part *k)
{
    list_del(&k->unused);
    list_del(&k->refused);
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
    list_init(&k->unused);
    list_init(&k->refused);
    list_init(&k->waiting);
    k->entry = profile_part_hold(entry);
    k->name = name;
    if (map_add(&d->by_entry, (uintptr_t)entry, k) || map_add(&d->by_name, name, k)) {
        durable_part_free(d, k);
        return ERR_NOMEM;
    }
    if (name > d->last_part)
        d->last_part = name;
    *ret_part = k;
    return 0;
}

// ---- all of them ----

// What could not be read at the next start is not written.
static int part_begin(struct durable *d, struct service_entry *entry, struct part **ret_part)
{
    struct xml_error why = {.what = "size"};
    int err = part_new(d, d->last_part + 1, entry, ret_part);
    if (err)
        return err;
    int bad = profile_part_text(entry).n > STATE_VALUE_MAX ? ERR_TOOBIG : profile_part_check(entry, &why);
    if (bad == ERR_NOMEM) {
        durable_part_free(d, *ret_part);
        return bad;
    }
    (*ret_part)->lost = bad;
    if (bad)
        LOG(LOG_ERROR, "a service part cannot be kept, and nobody who has it", LF_NUM("part", (*ret_part)->name),
            LF_Z("element", why.what), LF_NUM("line", why.line));
    else
        keep_changed(d->p.keep, &(*ret_part)->item);
    return 0;
}

int durable_parts_keep(struct durable *d, const struct profile *p)
{
    int lost = 0;
    for (size_t i = 0; i < profile_part_count(p); i++) {
        struct part *k = by_entry(d, profile_part_at(p, i));
        int err = k ? 0 : part_begin(d, profile_part_at(p, i), &k);
        if (err)
            return err;
        list_del(&k->unused);
        if (k->lost)
            lost = ERR_INVAL;
    }
    return lost;
}

int durable_parts_missing(const struct durable *d, const struct profile *p, struct part **ret_part)
{
    struct part *missing = NULL;
    for (size_t i = 0; i < profile_part_count(p); i++) {
        struct part *k = by_entry(d, profile_part_at(p, i));
        if (!k)
            return ERR_NOMEM; // there was none for it (durable_parts_keep)
        if (k->lost)
            return ERR_INVAL;
        if (!k->written)
            missing = k;
    }
    *ret_part = missing;
    return 0;
}

uint32_t durable_part_name(const struct durable *d, const struct service_entry *entry)
{
    const struct part *k = by_entry(d, entry);
    return k ? k->name : 0;
}

struct part *durable_part_named(const struct durable *d, uint64_t name)
{
    size_t it = 0;
    return map_find(&d->by_name, name, &it);
}

struct service_entry *durable_part_find(void *durable, uint32_t name)
{
    const struct part *k = durable_part_named(durable, name);
    return k ? k->entry : NULL;
}

size_t durable_parts(const struct durable *d)
{
    return d->by_name.n;
}

void durable_parts_init(struct durable *d)
{
    d->parts = (struct keep_kind){.prefix = STR("svc/"), .key = write_key, .value = write_value, .arg = d};
}

void durable_parts_done(struct durable *d)
{
    size_t it = 0;
    for (struct part *k; (k = map_next(&d->by_name, &it)); it = 0)
        durable_part_free(d, k);
    map_done(&d->by_entry);
    map_done(&d->by_name);
}

// ---- at the start ----

static int take(struct durable *d, struct str key, struct str text, struct xml_error *why)
{
    struct service_entry *entry;
    struct part *k;
    uint64_t name;
    if (pack_read_name(key, &name) || name > UINT32_MAX / 2) // numbers go on behind it
        return ERR_BAD;
    int err = profile_part_load(d->p.profiles, text, &entry, why);
    if (err)
        return err;
    err = part_new(d, (uint32_t)name, entry, &k);
    profile_part_drop(d->p.profiles, entry); // the part holds it by now
    if (!err)
        k->written = true;
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
