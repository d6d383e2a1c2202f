// SPDX-License-Identifier: Apache-2.0
// Wiring for a main.c. A network function x declares struct x_params with loop, config and trace,
// and x_new, x_drain, x_free, x_metrics over struct x; these macros put them behind the hooks of
// struct app_nf, whose argument has no type. x_check and x_suspect(config, found, arg) judge a configuration. What
// a network function does otherwise it writes as a hook of its own (hss/daemon.c).
#pragma once

#include "app/app.h"

// hook_start, hook_drain, hook_stop and hook_metrics.
#define APP_NF_HOOKS(nf)                                                                           \
    static int hook_start(struct app *app, const void *config, void **ret_nf)                      \
    {                                                                                              \
        const struct nf##_params p = {                                                             \
            .loop = app_loop(app), .config = config, .trace = app_trace(app)};                     \
        struct nf *made;                                                                           \
        int err = nf##_new(&p, &made);                                                             \
        if (!err)                                                                                  \
            *ret_nf = made;                                                                        \
        return err;                                                                                \
    }                                                                                              \
    static void hook_drained(void *app)                                                            \
    {                                                                                              \
        app_drained(app);                                                                          \
    }                                                                                              \
    static void hook_drain(void *obj, struct app *app)                                             \
    {                                                                                              \
        nf##_drain(obj, hook_drained, app);                                                        \
    }                                                                                              \
    static void hook_stop(void *obj)                                                               \
    {                                                                                              \
        nf##_free(obj);                                                                            \
    }                                                                                              \
    static void hook_metrics(void *obj, struct metrics *m)                                         \
    {                                                                                              \
        nf##_metrics(obj, m);                                                                      \
    }

// hook_reload, over x_reload(struct x *, const struct x_config *).
#define APP_NF_HOOK_RELOAD(nf)                                                                     \
    static void hook_reload(void *obj, const void *config)                                         \
    {                                                                                              \
        nf##_reload(obj, config);                                                                  \
    }

// hook_ready, over x_ready(const struct x *, const char **).
#define APP_NF_HOOK_READY(nf)                                                                      \
    static bool hook_ready(void *obj, const char **ret_why)                                        \
    {                                                                                              \
        return nf##_ready(obj, ret_why);                                                           \
    }

// hook_stack, over x_stack(struct x *).
#define APP_NF_HOOK_STACK(nf)                                                                      \
    static struct stack *hook_stack(void *obj)                                                     \
    {                                                                                              \
        return nf##_stack(obj);                                                                    \
    }

// hook_left and hook_cut, over x_stack(struct x *).
#define APP_NF_HOOK_LEFT(nf)                                                                       \
    static struct app_left hook_left(void *obj)                                                    \
    {                                                                                              \
        struct stack_left left = stack_left(nf##_stack(obj));                                      \
        return (struct app_left){left.calls, left.transactions};                                   \
    }                                                                                              \
    static void hook_cut(void *obj)                                                                \
    {                                                                                              \
        stack_drain_cut(nf##_stack(obj));                                                          \
    }

// hook_dia, over x_dia(struct x *).
#define APP_NF_HOOK_DIA(nf)                                                                        \
    static struct dia_node *hook_dia(void *obj)                                                    \
    {                                                                                              \
        return nf##_dia(obj);                                                                      \
    }

// hook_keys, over x_keys(struct x *).
#define APP_NF_HOOK_KEYS(nf)                                                                       \
    static struct keys *hook_keys(void *obj)                                                       \
    {                                                                                              \
        return nf##_keys(obj);                                                                     \
    }

// hook_keep, over x_keep(struct x *).
#define APP_NF_HOOK_KEEP(nf)                                                                       \
    static struct keep *hook_keep(void *obj)                                                       \
    {                                                                                              \
        return nf##_keep(obj);                                                                     \
    }

// The part of struct app_nf that is the same for all of them; x_rows, x_config, x_commands.
#define APP_NF_COMMON(nf)                                                                                              \
    .name = #nf, .rows = nf##_rows, .config_size = sizeof(struct nf##_config),                                         \
    .check = nf##_check, .suspect = nf##_suspect, .commands = nf##_commands, .start = hook_start, .drain = hook_drain, \
    .stop = hook_stop, .metrics = hook_metrics
