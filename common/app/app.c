// SPDX-License-Identifier: Apache-2.0
#include "app/app.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/app_priv.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/mem.h"
#include "io/uv.h"

enum {
    ERROR_BYTES = 1024,
    PATH_BYTES = 256,
    EXIT_USAGE = 2,
    NOT_READY_POLL_MS = 50,
    READY_POLL_MS = 1000
};

const char *const app_state_names[] = {"starting", "serving", "draining"};

struct loop *app_loop(struct app *a)
{
    return a->loop;
}

uint64_t app_uptime_ms(const struct app *a)
{
    return (loop_now(a->loop) - a->started_ns) / 1000000;
}

int app_listen_failed(const struct addr *a, const char *proto, int err)
{
    char buf[ADDR_TEXT_MAX];
    struct str text = addr_text(a, buf);
    if (err == ERR_INUSE)
        log_text(LOG_ERROR, "%.*s/%s is in use", STR_ARG(text), proto);
    else
        log_text(LOG_ERROR, "%.*s/%s cannot be opened: %s", STR_ARG(text), proto,
                 err == ERR_IO && errno ? strerror(errno) : err_text(err));
    return err;
}

// ---- readiness ----

void app_check_ready(struct app *a)
{
    const char *why = NULL;
    a->ready = a->nf_obj && (!a->nf->ready || a->nf->ready(a->nf_obj, &why));
    if (a->state == APP_DRAINING) {
        a->ready = false;
        why = "draining";
    }
    a->why = a->ready ? NULL : why ? why : "starting";
}

static void announce(struct app *a)
{
    char text[256];
    if (a->ready && !a->was_ready) {
        LOG(LOG_INFO, "ready", LF_NUM("pid", getpid()));
        notify_send("READY=1\nSTATUS=ready");
    } else if (!a->ready && a->state == APP_SERVING) {
        if (a->was_ready)
            LOG(LOG_WARN, "not ready", LF_Z("why", a->why));
        (void)snprintf(text, sizeof text, "STATUS=not ready: %s", a->why);
        notify_send(text);
    }
    a->was_ready = a->ready;
}

static void poll_ready(void *arg)
{
    struct app *a = arg;
    log_admit_tick(loop_now(a->loop) / 1000000);
    app_check_ready(a);
    announce(a);
    timer_start(a->loop, &a->ready_timer, a->ready ? READY_POLL_MS : NOT_READY_POLL_MS);
}

static void feed_watchdog(void *arg)
{
    struct app *a = arg;
    notify_send("WATCHDOG=1");
    timer_start(a->loop, &a->watchdog_timer, a->watchdog_ms);
}

// ---- the end ----

void app_stop(struct app *a, const char *because)
{
    LOG(LOG_INFO, "stopping", LF_Z("because", because));
    notify_send("STOPPING=1");
    loop_stop(a->loop);
}

void app_drained(struct app *a)
{
    if (a->state == APP_DRAINING)
        app_stop(a, "drained");
}

static void drain_expired(void *arg)
{
    app_stop(arg, "work in progress outlasted run.drain");
}

void app_drain(struct app *a, const char *because)
{
    if (a->state == APP_DRAINING)
        return;
    a->state = APP_DRAINING;
    LOG(LOG_INFO, "draining", LF_Z("because", because),
        LF_NUM("at_most_s", a->now.common->drain_s));
    notify_send("STOPPING=1\nSTATUS=draining");
    timer_start(a->loop, &a->drain_timer, (uint64_t)a->now.common->drain_s * 1000);
    if (a->nf->drain)
        a->nf->drain(a->nf_obj, a);
    else
        app_drained(a);
}

static void on_terminate(void *arg, int signo)
{
    struct app *a = arg;
    if (a->state == APP_DRAINING)
        app_stop(a, "second signal");
    else
        app_drain(a, signo == SIGINT ? "SIGINT" : "SIGTERM");
}

// ---- configuration ----

static void error_to_log(void *arg, const struct conf_error *e)
{
    char line[ERROR_BYTES];
    (void)arg;
    conf_error_text(e, line, sizeof line);
    log_text(e->warning ? LOG_WARN : LOG_ERROR, "%s", line);
}

static void error_to_stderr(void *arg, const struct conf_error *e)
{
    char line[ERROR_BYTES];
    (void)arg;
    conf_error_text(e, line, sizeof line);
    fprintf(stderr, "%s\n", line);
}

static void apply_log(const struct app *a)
{
    const struct app_common *c = a->now.common;
    log_init(a->nf->name, c->log_format ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT, 2);
    log_set_journal(notify_stderr_is_journal());
    log_set_level((enum log_level)c->log_level);
}

static void apply_trace(struct app *a)
{
    const struct app_common *c = a->now.common;
    hep_free(a->hep);
    a->hep = NULL;
    if (!c->trace_collector.sa.sa_family)
        return;
    struct str node = c->trace_node.n ? c->trace_node : str_from(a->nf->name);
    const struct hep_params p = {.collector = &c->trace_collector,
                                 .id = c->trace_id,
                                 .node = node,
                                 .secrets = c->trace_secrets};
    int err = hep_new(a->loop, &p, &a->hep);
    if (err) // a trace that cannot be had is no reason not to serve
        LOG(LOG_WARN, "no trace", LF_Z("reason", err_text(err)));
}

static void warn_fixed(void *arg, const char *option)
{
    (void)arg;
    LOG(LOG_WARN, "changed option needs a restart", LF_Z("option", option));
}

int app_reload(struct app *a)
{
    struct app_config fresh, old = a->now;
    int err = app_config_load(a->nf, a->rows, a->config_path, error_to_log, NULL, &fresh);
    if (err) {
        LOG(LOG_ERROR, "configuration kept as it was", LF_Z("reason", err_text(err)));
        return err;
    }
    a->now = fresh;
    apply_log(a);
    apply_trace(a);
    conf_fixed_changes(a->rows, a->first.common, fresh.common, warn_fixed, NULL);
    dns_flush(a->loop);
    if (a->nf->reload)
        a->nf->reload(a->nf_obj, fresh.nf);
    if (old.conf != a->first.conf)
        app_config_done(&old);
    LOG(LOG_INFO, "configuration reloaded");
    return 0;
}

static void on_hangup(void *arg, int signo)
{
    (void)signo;
    (void)app_reload(arg); // a failure is in the log
}

// ---- the beginning ----

static int open_loop(struct app *a)
{
    const struct app_common *c = a->now.common;
    const struct uv_loop_params p = {.dns_servers = c->dns_servers.v,
                                     .n_dns_servers = c->dns_servers.n,
                                     .dns_timeout_ms = c->dns_timeout_ms,
                                     .dns_tries = c->dns_tries};
    int err = uvloop_new(&p, &a->loop);
    if (!err)
        err = loop_signal(a->loop, SIGTERM, on_terminate, a);
    if (!err)
        err = loop_signal(a->loop, SIGINT, on_terminate, a);
    if (!err)
        err = loop_signal(a->loop, SIGHUP, on_hangup, a);
    if (err) {
        LOG(LOG_ERROR, "no event loop", LF_Z("reason", err_text(err)));
        return err;
    }
    hash_seed(loop_random_u64(a->loop), loop_random_u64(a->loop));
    a->started_ns = loop_now(a->loop);
    timer_init(&a->ready_timer, poll_ready, a);
    timer_init(&a->drain_timer, drain_expired, a);
    timer_init(&a->watchdog_timer, feed_watchdog, a);
    return 0;
}

static int open_control(struct app *a)
{
    const struct str given = a->now.common->control_socket;
    char path[PATH_BYTES];
    const char *run = getenv("CARILLON_RUN");
    if (str_eq(given, STR("none")))
        return 0;
    int n = given.n ? snprintf(path, sizeof path, "%s", given.p)
                    : snprintf(path, sizeof path, "%s/%s.ctl", run ? run : "/run/carillon",
                               a->nf->name);
    if (n < 0 || (size_t)n >= sizeof path) {
        LOG(LOG_ERROR, "name of the control socket is too long", LF("path", given));
        return ERR_TOOBIG;
    }
    return ctl_new(a, path, &a->ctl);
}

static int open_parts(struct app *a)
{
    const struct app_common *c = a->now.common;
    int err = 0;
    descriptors_raise(c->descriptors);
    if (c->pidfile.n)
        err = pidfile_open(c->pidfile.p, &a->pid_fd);
    if (!err)
        err = open_loop(a);
    if (!err)
        err = open_control(a);
    if (!err && c->http_listen.sa.sa_family)
        err = http_new(a, &c->http_listen, &a->http);
    if (err)
        return err;
    apply_trace(a);
    err = a->nf->start(a, a->now.nf, &a->nf_obj);
    if (err)
        LOG(LOG_ERROR, "not started", LF_Z("reason", err_text(err)));
    return err;
}

static void close_parts(struct app *a)
{
    if (a->nf_obj)
        a->nf->stop(a->nf_obj);
    http_free(a->http);
    ctl_free(a->ctl);
    hep_free(a->hep);
    if (a->loop)
        loop_free(a->loop);
    pidfile_close(a->first.common->pidfile.p, a->pid_fd);
}

static int serve(struct app *a)
{
    apply_log(a);
    LOG(LOG_INFO, "starting", LF_Z("version", CARILLON_VERSION), LF_Z("config", a->config_path));
    int err = open_parts(a);
    if (!err) {
        a->state = APP_SERVING;
        poll_ready(a);
        app_heap_watch(a);
        a->watchdog_ms = notify_watchdog_ms();
        if (a->watchdog_ms)
            feed_watchdog(a);
        if (watchdog_start(a->loop, a->now.common->watchdog_s))
            LOG(LOG_WARN, "no watchdog", LF_Z("reason", "the system has no timer for it"));
        err = loop_run(a->loop);
        watchdog_stop();
        LOG(LOG_INFO, "stopped", LF_NUM("uptime_s", app_uptime_ms(a) / 1000));
    }
    close_parts(a);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct app *a)
{
    struct app_config c;
    if (app_config_load(a->nf, a->rows, a->config_path, error_to_log, NULL, &c))
        return EXIT_FAILURE;
    a->first = a->now = c;
    int status = serve(a);
    if (a->now.conf != a->first.conf)
        app_config_done(&a->now);
    app_config_done(&a->first);
    return status;
}

static int check(struct app *a)
{
    struct app_config c;
    if (app_config_load(a->nf, a->rows, a->config_path, error_to_stderr, NULL, &c))
        return EXIT_FAILURE;
    app_config_done(&c);
    printf("%s: configuration is good\n", a->config_path);
    return EXIT_SUCCESS;
}

static void print_reference(const struct app_nf *nf)
{
    static const struct conf_row none[] = {{0}};
    char title[64];
    (void)snprintf(title, sizeof title, "carillon-%s", nf->name);
    conf_print_reference(title, nf->rows ? nf->rows : none);
    conf_print_reference("Every daemon", app_common_rows);
}

static int act(struct app *a, enum cmdline_action action)
{
    switch (action) {
    case CMD_CHECK:
        return check(a);
    case CMD_HELP:
        cmdline_help(a->nf);
        return EXIT_SUCCESS;
    case CMD_VERSION:
        printf("carillon-%s %s\n", a->nf->name, CARILLON_VERSION);
        return EXIT_SUCCESS;
    case CMD_REFERENCE:
        print_reference(a->nf);
        return EXIT_SUCCESS;
    case CMD_RUN:
        break;
    }
    return run(a);
}

int app_main(int argc, char **argv, const struct app_nf *nf)
{
    struct cmdline cmd;
    if (cmdline_parse(argc, argv, nf->name, &cmd))
        return EXIT_USAGE;
    app_heap_keep();
    json_set_alloc_funcs(mem_alloc, mem_free);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); // a file-size limit is a write error, as a full disk is
    log_init(nf->name, LOG_FORMAT_TEXT, 2);
    struct app a = {.nf = nf, .config_path = cmd.config_path, .pid_fd = -1};
    a.rows = app_rows_new(nf);
    if (!a.rows)
        return EXIT_FAILURE;
    int status = act(&a, cmd.action);
    mem_free(a.rows);
    return status;
}
