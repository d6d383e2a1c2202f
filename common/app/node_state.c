// SPDX-License-Identifier: Apache-2.0
#include "app/node_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"

enum { WHY = 256, MIB = 20 };

static const char *const option = "state.dir";

// ---- the folder ----

bool node_state_path(const struct node_state *c, const char *nf, char ret_path[NODE_STATE_PATH])
{
    const char *under = getenv("CARILLON_STATE");
    if (str_eq(c->dir, STR("none")))
        return false;
    struct str given = c->dir;
    while (given.n > 1 && given.p[given.n - 1] == '/')
        given.n--;
    int n = given.n ? snprintf(ret_path, NODE_STATE_PATH, "%.*s", STR_ARG(given))
                    : snprintf(ret_path, NODE_STATE_PATH, "%s/%s",
                               under && *under ? under : "/var/lib/carillon", nf);
    if (n < 0 || n >= NODE_STATE_PATH)
        ret_path[0] = '\0';
    return true;
}

// Why a folder that is there cannot be used; NULL: it can.
static const char *folder_wrong(const char *path, struct stat *st)
{
    if (!S_ISDIR(st->st_mode))
        return "is no folder";
    return access(path, R_OK | W_OK | X_OK) ? "cannot be read and written by this user" : NULL;
}

static void check_parent(char *path, app_finding bad, void *arg)
{
    struct stat st;
    char *slash = strrchr(path, '/');
    const char *parent = !slash ? "." : slash == path ? "/" : path;
    char whole[NODE_STATE_PATH];
    (void)snprintf(whole, sizeof whole, "%s", path);
    if (slash && slash != path)
        *slash = '\0';
    const char *wrong = stat(parent, &st) ? strerror(errno) : folder_wrong(parent, &st);
    if (wrong)
        app_find(bad, arg, option, "%s is not there and cannot be made: %s %s", whole, parent,
                 wrong);
}

void node_check_state(const struct node_state *c, const char *nf, app_finding bad, void *arg)
{
    char path[NODE_STATE_PATH];
    struct stat st;
    if (!node_state_path(c, nf, path))
        return;
    if (!path[0])
        app_find(bad, arg, option, "has more than %d characters", NODE_STATE_PATH - 1);
    else if (stat(path, &st) == 0 && folder_wrong(path, &st))
        app_find(bad, arg, option, "%s %s", path, folder_wrong(path, &st));
    else if (stat(path, &st) && errno == ENOENT)
        check_parent(path, bad, arg);
    else if (stat(path, &st))
        app_find(bad, arg, option, "%s: %s", path, strerror(errno));
}

void node_suspect_state(const struct node_state *c, const char *nf, app_finding odd, void *arg)
{
    char path[NODE_STATE_PATH];
    struct stat st;
    if (!node_state_path(c, nf, path))
        app_find(odd, arg, option,
                 "nothing is kept: after a restart each phone has to register anew");
    else if (stat(path, &st) == 0 && st.st_mode & (S_IRWXG | S_IRWXO))
        app_find(
            odd, arg, option,
            "%s has mode %03o, so that others than its owner reach what is in it; expected 700",
            path, (unsigned)st.st_mode & 0777);
}

// ---- opening ----

int node_state_open(struct loop *l, const struct node_state *c, const char *nf, uint32_t format,
                    struct keep **ret_keep)
{
    char path[NODE_STATE_PATH], why[WHY];
    *ret_keep = NULL;
    if (!node_state_path(c, nf, path)) {
        LOG(LOG_INFO, "nothing is kept beyond this process", LF_Z("option", option));
        return 0;
    }
    const struct keep_params p = {.loop = l,
                                  .folder = path,
                                  .node = str_from(nf),
                                  .format = format,
                                  .max_bytes = (uint64_t)c->max_mib << MIB,
                                  .compact_bytes = (uint64_t)c->garbage_mib << MIB,
                                  .salvage = c->salvage};
    int err = keep_open(&p, why, sizeof why, ret_keep);
    if (err) {
        LOG(LOG_ERROR, "state cannot be opened", LF_Z("option", option), LF_Z("folder", path),
            LF_Z("cause", why));
        return err;
    }
    const struct keep_figures f = keep_figures(*ret_keep);
    LOG(LOG_INFO, "state opened", LF_Z("folder", path), LF_NUM("records", f.state.records),
        LF_NUM("bytes", f.state.live_bytes), LF_NUM("damaged", f.state.damaged));
    return 0;
}

const char *node_state_trouble(const struct keep *k)
{
    if (!keep_failing(k))
        return NULL;
    return keep_figures(k).refused_with == ERR_FULL
               ? "the disk is full, or state.max_size is reached"
               : "the disk of state.dir fails";
}

bool node_state_ready(const struct keep *k, const struct node_state *c, const char **ret_why)
{
    if (!c->durable || !keep_failing(k))
        return true;
    *ret_why =
        keep_figures(k).refused_with == ERR_FULL
            ? "registrations cannot be written: the disk is full, or state.max_size is reached"
            : "registrations cannot be written: the disk of state.dir fails";
    return false;
}

// ---- figures ----

static void add_each(struct metrics *m, const char *name, const char *type, const char *help,
                     const char *key, const char *value, uint64_t v)
{
    char labels[64];
    struct writer w = writer_init(labels, sizeof labels - 1);
    metrics_label(&w, key, str_from(value));
    labels[w.n] = '\0';
    metrics_add(m, name, type, help, labels, (double)v);
}

static void add_times(struct metrics *m, const struct state_figures *f)
{
    static const char help[] =
        "Time from the end of the turn in which something changed until it was on the disk.";
    uint64_t sum = 0;
    for (size_t i = 0; i < STATE_TIMES; i++) {
        char bound[32];
        sum += f->batch_times[i];
        if (state_times_us[i] == UINT64_MAX)
            (void)snprintf(bound, sizeof bound, "+Inf");
        else
            (void)snprintf(bound, sizeof bound, "%g", (double)state_times_us[i] / 1e6);
        add_each(m, "state_write_seconds_bucket", "histogram", help, "le", bound, sum);
    }
    metrics_add(m, "state_write_seconds_sum", "histogram", help, "", (double)f->batch_ns / 1e9);
    metrics_add(m, "state_write_seconds_count", "histogram", help, "", (double)f->batches);
}

static void add_sizes(struct metrics *m, const struct state_figures *f)
{
    static const char help[] = "Bytes of records of use, of all files, and of the index in memory.";
    metrics_add(m, "state_records", "gauge", "Records that are kept.", "", (double)f->records);
    add_each(m, "state_bytes", "gauge", help, "of", "records", f->live_bytes);
    add_each(m, "state_bytes", "gauge", help, "of", "files", f->disk_bytes);
    add_each(m, "state_bytes", "gauge", help, "of", "index", f->memory_bytes);
}

static void add_work(struct metrics *m, const struct state_figures *f)
{
    static const char help[] = "Operations on records that have come back, whatever with.";
    add_each(m, "state_operations_total", "counter", help, "kind", "put", f->puts);
    add_each(m, "state_operations_total", "counter", help, "kind", "delete", f->deletes);
    metrics_add(m, "state_failed_total", "counter",
                "Of these, those that the disk or a bound has refused.", "", (double)f->failed);
    metrics_add(m, "state_pushed_back_total", "counter",
                "Operations that had to wait, since too many were under way.", "",
                (double)f->pushed_back);
    metrics_add(m, "state_damaged_total", "counter", "Records found damaged on the disk.", "",
                (double)f->damaged);
    metrics_add(m, "state_snapshots_total", "counter", "Snapshots that took older files' place.",
                "", (double)f->compactions);
    metrics_add(m, "state_snapshot_failures_total", "counter",
                "Tries of a snapshot's step that failed.", "", (double)f->compaction_failures);
}

void node_state_metrics(const struct keep *k, struct metrics *m)
{
    if (!k)
        return;
    const struct keep_figures f = keep_figures(k);
    add_sizes(m, &f.state);
    add_work(m, &f.state);
    add_times(m, &f.state);
    metrics_add(m, "state_unwritten", "gauge", "Changes that are not on the disk yet.", "",
                (double)f.unwritten);
    metrics_add(m, "state_unwritten_seconds", "gauge",
                "Since when there is a change that the disk has refused; 0: none.", "",
                (double)f.unwritten_ms / 1000);
    metrics_add(m, "state_failing", "gauge", "1 while the disk refuses.", "", f.failing);
    metrics_add(m, "state_lost_total", "counter", "Changes that can never be written.", "",
                (double)f.lost);
}
