// SPDX-License-Identifier: Apache-2.0
// Commands that every daemon has, and finding one by the words it was called with.
#include <stdio.h>
#include <unistd.h>

#include "app/ctl_priv.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

enum { EXIT_WRONG_USAGE = 2, DRAIN_MAX_S = 86400 };

static void put_line(void *arg, struct str line)
{
    ctl_printf(arg, "%.*s\n", STR_ARG(line));
}

static void put_commands(struct ctl_out *o, const struct ctl_command *c)
{
    for (; c && c->name; c++) {
        char left[96];
        (void)snprintf(left, sizeof left, "%s%s%s", c->name, c->args ? " " : "",
                       c->args ? c->args : "");
        ctl_printf(o, "  %-38s %s\n", left, c->help);
    }
}

static int run_help(void *app, int argc, char **argv, struct ctl_out *o)
{
    const struct app *a = app;
    (void)argc, (void)argv;
    if (a->nf->commands && a->nf->commands->name) {
        ctl_printf(o, "Commands of %s:\n", a->nf->name);
        put_commands(o, a->nf->commands);
    }
    ctl_printf(o, "Commands of every daemon:\n");
    put_commands(o, a->nf->sip_commands);
    put_commands(o, a->nf->dia_commands);
    put_commands(o, a->nf->key_commands);
    put_commands(o, a->nf->state_commands);
    put_commands(o, ctl_common_commands);
    return 0;
}

static int run_version(void *app, int argc, char **argv, struct ctl_out *o)
{
    const struct app *a = app;
    (void)argc, (void)argv;
    ctl_printf(o, "carillon-%s %s\n", a->nf->name, CARILLON_VERSION);
    return 0;
}

static void put_drain(const struct app *a, struct ctl_out *o)
{
    char left[64];
    (void)app_left_text(a, left, sizeof left);
    ctl_printf(o, "left: %s%sat most %u s more\n", left, left[0] ? ", " : "", app_drain_left_s(a));
}

static int run_status(void *app, int argc, char **argv, struct ctl_out *o)
{
    struct app *a = app;
    (void)argc, (void)argv;
    app_check_ready(a);
    ctl_printf(o, "nf: %s\nversion: %s\npid: %ld\nstate: %s\nready: %s\n", a->nf->name,
               CARILLON_VERSION, (long)getpid(), app_state_names[a->state],
               a->ready ? "yes" : "no");
    if (!a->ready)
        ctl_printf(o, "why: %s\n", a->why);
    if (a->state == APP_DRAINING)
        put_drain(a, o);
    ctl_printf(o, "uptime: %llu s\nlog level: %s\nconfiguration: %s\n",
               (unsigned long long)(app_uptime_ms(a) / 1000), log_level_name(log_threshold),
               a->config_path);
    return a->ready ? 0 : 1;
}

static int run_log_level(void *app, int argc, char **argv, struct ctl_out *o)
{
    enum log_level level;
    (void)app;
    if (argc > 2) {
        ctl_error(o, "usage: log level [error|warn|info|debug|trace]\n");
        return EXIT_WRONG_USAGE;
    }
    if (argc == 2 && log_level_parse(str_from(argv[1]), &level)) {
        ctl_error(o, "\"%s\" is no level: error, warn, info, debug, trace\n", argv[1]);
        return EXIT_WRONG_USAGE;
    }
    if (argc == 2)
        log_set_level(level);
    ctl_printf(o, "%s\n", log_level_name(log_threshold));
    return 0;
}

static int run_config_show(void *app, int argc, char **argv, struct ctl_out *o)
{
    const struct app *a = app;
    (void)argc, (void)argv;
    conf_show(a->rows, a->now.common, put_line, o);
    return 0;
}

static int run_stats(void *app, int argc, char **argv, struct ctl_out *o)
{
    char *text AUTO_FREE = NULL;
    size_t n;
    (void)argc, (void)argv;
    int err = metrics_page(app, &text, &n);
    if (err) {
        ctl_error(o, "%s\n", err_text(err));
        return 1;
    }
    // Comments are for Prometheus; a person reads the figures.
    for (struct str rest = str_make(text, n); rest.n;) {
        struct str line = str_split(&rest, '\n');
        if (!str_starts(line, STR("#")))
            ctl_printf(o, "%.*s\n", STR_ARG(line));
    }
    return 0;
}

static int run_reload(void *app, int argc, char **argv, struct ctl_out *o)
{
    (void)argc, (void)argv;
    if (app_reload(app)) {
        ctl_error(o, "refused; the log says why. The configuration is as it was.\n");
        return 1;
    }
    return 0;
}

// Once more it tells how far it is; with a time it is waited for so long from now on.
static int run_drain(void *app, int argc, char **argv, struct ctl_out *o)
{
    struct app *a = app;
    uint32_t seconds = a->now.common->drain_s;
    if (argc > 2 || (argc == 2 && (str_u32(str_from(argv[1]), &seconds) || seconds > DRAIN_MAX_S))) {
        ctl_error(o, "usage: drain [SECONDS], %d at most\n", DRAIN_MAX_S);
        return EXIT_WRONG_USAGE;
    }
    if (argc == 2 || a->state != APP_DRAINING)
        app_drain(a, "control command", seconds);
    put_drain(a, o);
    return 0;
}

static int run_stop(void *app, int argc, char **argv, struct ctl_out *o)
{
    (void)argc, (void)argv, (void)o;
    app_stop(app, "control command");
    return 0;
}

const struct ctl_command ctl_common_commands[] = {
    {"help", NULL, "list the commands", run_help},
    {"version", NULL, "name and version of the daemon", run_version},
    {"status", NULL, "state, readiness, uptime; exit status 1 when not ready", run_status},
    {"log level", "[LEVEL]", "show or change the log level", run_log_level},
    {"config show", NULL, "the configuration in force, defaults included", run_config_show},
    {"stats", NULL, "all counters and gauges", run_stats},
    {"reload", NULL, "read the configuration again, as SIGHUP does", run_reload},
    {"drain", "[SECONDS]", "take nothing new, wait for what is there, then stop, as SIGTERM does", run_drain},
    {"stop", NULL, "stop at once", run_stop},
    {0},
};

// ---- finding a command ----

// Number of words of name when argv starts with them; 0: it does not.
static int name_words(const char *name, int argc, char **argv)
{
    struct str rest = str_from(name);
    int n = 0;
    while (rest.n) {
        struct str word = str_split(&rest, ' ');
        if (n == argc || !str_eq(word, str_from(argv[n])))
            return 0;
        n++;
    }
    return n;
}

static const struct ctl_command *find(struct ctl_out *o, const struct ctl_command *c)
{
    const struct ctl_command *best = NULL;
    for (; c && c->name; c++) {
        int n = name_words(c->name, o->argc, o->argv);
        if (n > o->n_name) {
            o->n_name = n;
            best = c;
        }
    }
    return best;
}

// Commands that begin with the first word, for who typed half of one.
static int unknown(struct ctl_out *o, const struct app *a)
{
    const struct ctl_command *lists[] = {a->nf->commands, a->nf->sip_commands, a->nf->dia_commands,
                                         a->nf->key_commands, a->nf->state_commands, ctl_common_commands};
    int n = 0;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (const struct ctl_command *c = lists[i]; c && c->name; c++) {
            struct str name = str_from(c->name);
            if (!str_eq(str_split(&name, ' '), str_from(o->argv[0])))
                continue;
            ctl_error(o, "%s%s%s%s\n", n++ ? "       " : "usage: ", c->name, c->args ? " " : "",
                      c->args ? c->args : "");
        }
    }
    if (!n)
        ctl_error(o, "%s has no command \"%s\"; \"help\" lists them\n", a->nf->name, o->argv[0]);
    return EXIT_WRONG_USAGE;
}

int ctl_run(struct ctl_out *o)
{
    struct app *a = o->ctl->app;
    o->n_name = 0;
    const struct ctl_command *own = find(o, a->nf->commands);
    const struct ctl_command *common = find(o, ctl_common_commands);
    if (!common)
        common = find(o, a->nf->sip_commands);
    if (!common)
        common = find(o, a->nf->dia_commands);
    if (!common)
        common = find(o, a->nf->key_commands);
    if (!common)
        common = find(o, a->nf->state_commands);
    const struct ctl_command *c = common ? common : own;
    if (!c)
        return unknown(o, a);
    if (!common && !a->nf_obj) {
        ctl_error(o, "%s is starting\n", a->nf->name);
        return 1;
    }
    (void)snprintf(o->name, sizeof o->name, "%s", c->name);
    int argc = o->argc - o->n_name + 1;
    o->given[0] = o->name;
    for (int i = 1; i < argc; i++)
        o->given[i] = o->argv[o->n_name + i - 1];
    o->given[argc] = NULL;
    return c->run(common ? (void *)a : a->nf_obj, argc, o->given, o);
}

int ctl_file(struct ctl_out *o, int i, struct str *ret_text)
{
    int word = o->n_name - 1 + i;
    if (i < 1 || word >= o->argc)
        return ERR_INVAL;
    for (size_t k = 0; k < CTL_FILES_MAX; k++) {
        if (o->uploads[k].word != word)
            continue;
        *ret_text = str_make(o->uploads[k].text, o->uploads[k].n);
        return 0;
    }
    o->need_file = true;
    o->needed = word;
    return ERR_MORE;
}
