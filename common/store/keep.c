// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "io/disk.h"
#include "store/keep_priv.h"
#include "store/state_log.h"

// ---- whose folder it is ----

struct owner {
    struct str node;
    uint32_t format;
    bool found;
    char *why;
    size_t size;
};

static int on_owner(void *arg, const struct state_record *r)
{
    struct owner *o = arg;
    struct str format = r->value, node = str_split(&format, ' ');
    uint32_t n;
    o->found = true;
    if (!str_eq(r->key, STR(KEEP_OWNER)))
        return 0;
    if (!str_eq(node, o->node) || str_u32(format, &n)) {
        (void)snprintf(o->why, o->size, "it is of %.*s, not of %.*s", STR_ARG(node),
                       STR_ARG(o->node));
        return ERR_BAD;
    }
    if (n > o->format) {
        (void)snprintf(o->why, o->size, "a newer version has written it (format %u, known is %u)",
                       n, o->format);
        return ERR_BAD;
    }
    o->format = n;
    return 0;
}

// A folder that nobody has signed is new.
static int check_owner(struct keep *k, char *why, size_t size)
{
    struct owner o = {.node = str_from(k->name), .format = k->format, .why = why, .size = size};
    int err = state_each(k->state, STR(KEEP_OWNER), on_owner, &o);
    k->sign = !o.found || o.format != k->format;
    if (!err && k->sign)
        loop_defer(k->loop, &k->turn);
    return err;
}

// ---- opening ----

static const char *trouble(int err)
{
    switch (err) {
    case ERR_INUSE:
        return "another process has it open";
    case ERR_NOTFOUND:
        return "the folder that it should be in is not there";
    case ERR_DENIED:
        return "it cannot be made or written by this user";
    case ERR_FULL:
        return "the disk is full";
    default:
        return err_text(err);
    }
}

static int open_state(struct keep *k, const struct keep_params *p, char *why, size_t size)
{
    struct state_log_params log = {.disk = k->disk,
                                   .max_bytes = p->max_bytes,
                                   .compact_bytes = p->compact_bytes,
                                   .salvage = p->salvage};
    int err = state_open_log(k->loop, &log, why, size, &k->state);
    return err ? err : check_owner(k, why, size);
}

int keep_open(const struct keep_params *p, char *why, size_t size, struct keep **ret_keep)
{
    struct keep *k = mem_zalloc(sizeof(*k));
    why[0] = '\0';
    if (!k) {
        (void)snprintf(why, size, "%s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    k->loop = p->loop;
    k->format = p->format;
    (void)snprintf(k->name, sizeof(k->name), "%.*s", STR_ARG(p->node));
    (void)snprintf(k->folder, sizeof(k->folder), "%s", p->folder);
    keep_items_init(k);
    int err = strlen(p->folder) < sizeof(k->folder) ? loop_disk(p->loop, p->folder, &k->disk)
                                                    : ERR_TOOBIG;
    if (!err)
        err = open_state(k, p, why, size);
    if (!err) {
        *ret_keep = k;
        return 0;
    }
    if (!why[0])
        (void)snprintf(why, size, "%s", trouble(err));
    keep_close(k);
    return err;
}

void keep_close(struct keep *k)
{
    if (!k)
        return;
    state_close(k->state);
    keep_items_done(k);
    disk_free(k->disk);
    mem_free(k);
}

// ---- loading ----

struct loading {
    struct keep *keep;
    const struct keep_kind *kind;
    keep_load_cb cb;
    void *arg;
};

static int on_record(void *arg, const struct state_record *r)
{
    const struct loading *l = arg;
    struct keep *k = l->keep;
    int err = l->cb(l->arg, str_skip(r->key, l->kind->prefix.n), r->value);
    if (err != ERR_NODATA) {
        k->loaded += !err;
        return err;
    }
    k->dropped++;
    return keep_drop(k, r->key);
}

int keep_load(struct keep *k, const struct keep_kind *kind, keep_load_cb cb, void *arg)
{
    struct loading l = {k, kind, cb, arg};
    return k ? state_each(k->state, kind->prefix, on_record, &l) : 0;
}

// ---- figures ----

const char *keep_folder(const struct keep *k)
{
    return k ? k->folder : "";
}

bool keep_failing(const struct keep *k)
{
    return k && k->n_refused;
}

struct keep_figures keep_figures(const struct keep *k)
{
    if (!k)
        return (struct keep_figures){0};
    bool failing = keep_failing(k);
    return (struct keep_figures){
        .state = state_figures(k->state),
        .unwritten = k->listed + k->n_flying,
        .unwritten_ms = failing ? (loop_now(k->loop) - k->refused_since) / 1000000 : 0,
        .lost = k->lost,
        .loaded = k->loaded,
        .dropped = k->dropped,
        .refused_with = failing ? k->last_err : 0,
        .failing = failing,
    };
}
