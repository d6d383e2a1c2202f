// SPDX-License-Identifier: Apache-2.0
#include "app/app.h"

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
    READY_POLL_MS = 1000,
    EXTEND_USEC = 10000000
};

// ---- readiness ----

static void announce(struct app *a)
{
    char text[256], left[64];
    if (a->ready && !a->was_ready) {
        LOG(LOG_INFO, "ready", LF_NUM("pid", getpid()));
        notify_send("READY=1\nSTATUS=ready");
    } else if (a->state == APP_DRAINING) {
        // It may take longer than the service manager would wait.
        (void)snprintf(text, sizeof text, "STATUS=draining %s\nEXTEND_TIMEOUT_USEC=%d",
                       app_left_text(a, left, sizeof left), EXTEND_USEC);
        notify_send(text);
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
    bool soon = !a->ready && a->state != APP_DRAINING;
    timer_start(a->loop, &a->ready_timer, soon ? NOT_READY_POLL_MS : READY_POLL_MS);
}

static void feed_watchdog(void *arg)
{
    struct app *a = arg;
    notify_send("WATCHDOG=1");
    timer_start(a->loop, &a->watchdog_timer, a->watchdog_ms);
}

// ---- the end ----

static void drain_expired(void *arg)
{
    app_drain_over(arg);
}

static void on_terminate(void *arg, int signo)
{
    struct app *a = arg;
    if (a->state == APP_DRAINING)
        app_stop(a, "second signal");
    else
        app_drain(a, signo == SIGINT ? "SIGINT" : "SIGTERM", a->now.common->drain_s);
}

// ---- configuration ----

static void error_to_stderr(void *arg, const struct conf_error *e)
{
    char line[ERROR_BYTES];
    (void)arg;
    conf_error_text(e, line, sizeof line);
    fprintf(stderr, "%s\n", line);
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
        err = http_new(a, &c->http_listen, metrics_page, &a->http);
    if (err)
        return err;
    app_apply_trace(a);
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
    app_apply_log(a);
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
    if (app_config_load(a->nf, a->rows, a->config_path, app_error_to_log, NULL, &c))
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
