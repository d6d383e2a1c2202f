// SPDX-License-Identifier: Apache-2.0
// "keys list" and "keys rotate": ids and ages of a node's key ring, never what is in it.
#include "app/ctl_priv.h"
#include "app/keyfile.h"
#include "app/keys.h"
#include "base/log.h"

enum { WRONG_USAGE = 2, DAY_S = 86400 };

static struct keys *keys_of(const struct app *a, struct ctl_out *o)
{
    struct keys *k = a->nf_obj ? a->nf->keys(a->nf_obj) : NULL;
    if (!k)
        ctl_error(o, "%s is starting\n", a->nf->name);
    return k;
}

static void put_list(const struct keys *k, struct ctl_out *o)
{
    const char *file = keys_file(k);
    ctl_printf(o, "%-10s %14s  %s\n", "id", "age", "use");
    for (size_t i = 0; i < keys_ring(k)->n; i++) {
        struct keys_line l = keys_at(k, i);
        unsigned long long days = l.age_s / DAY_S, rest = l.age_s % DAY_S;
        ctl_printf(o, "%08x   %5llu d %02llu:%02llu:%02llu %s\n", (unsigned)l.id, days, rest / 3600,
                   rest / 60 % 60, rest % 60, l.state);
    }
    ctl_printf(o, "node %08x, %s\n", (unsigned)keys_node(k), file ? file : "in memory");
}

static int run_list(void *app, int argc, char **argv, struct ctl_out *o)
{
    (void)argv;
    if (argc > 1) {
        ctl_error(o, "usage: keys list\n");
        return WRONG_USAGE;
    }
    const struct keys *k = keys_of(app, o);
    if (!k)
        return 1;
    put_list(k, o);
    return 0;
}

static int say_rotated(const struct keys *k, int err, struct ctl_out *o)
{
    if (!err) {
        put_list(k, o);
        return 0;
    }
    ctl_error(o, "refused: %s. The keys are as they were.\n", keyfile_trouble(err));
    return 1;
}

static void rotated(void *arg, struct keys *k, int err)
{
    ctl_finish(arg, say_rotated(k, err, arg));
}

static void log_who(const struct ctl_out *o)
{
    uint32_t uid;
    int32_t pid;
    if (ctl_peer(o, &uid, &pid))
        LOG(LOG_INFO, "key ring is to be rotated", LF_NUM("uid", uid), LF_NUM("pid", pid));
}

static int run_rotate(void *app, int argc, char **argv, struct ctl_out *o)
{
    (void)argv;
    if (argc > 1) {
        ctl_error(o, "usage: keys rotate\n");
        return WRONG_USAGE;
    }
    struct keys *k = keys_of(app, o);
    if (!k)
        return 1;
    log_who(o);
    int err = keys_rotate(k, "control command", rotated, o);
    return err == KEYS_LATER ? CTL_PENDING : say_rotated(k, err, o);
}

const struct ctl_command app_key_commands[] = {
    {"keys list", NULL, "ids, ages and uses of the keys that tokens are signed with", run_list},
    {"keys rotate", NULL, "sign with a new key from now on; older ones still verify", run_rotate},
    {0},
};
