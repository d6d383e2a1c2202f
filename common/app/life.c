// SPDX-License-Identifier: Apache-2.0
// What a running daemon is told to do: ready or not, reload, drain, stop. The control socket and the pages stand on it;
// app.c starts it all.
#include <errno.h>
#include <stdio.h>

#include "app/app_priv.h"
#include "base/err.h"
#include "base/log.h"

enum { ERROR_BYTES = 1024, FLUSH_MS = 2000 };

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

// ---- the end ----

void app_stop(struct app *a, const char *because)
{
    LOG(LOG_INFO, "stopping", LF_Z("because", because));
    notify_send("STOPPING=1");
    loop_stop(a->loop);
}

static const char outlasted[] = "work in progress outlasted run.drain";

static struct app_left left(const struct app *a)
{
    return a->nf->left && a->nf_obj ? a->nf->left(a->nf_obj) : (struct app_left){0};
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

const char *app_left_text(const struct app *a, char *buf, size_t size)
{
    const struct app_left l = left(a);
    buf[0] = '\0';
    if (a->nf->left)
        (void)snprintf(buf, size, "%llu call%s, %llu transaction%s", (unsigned long long)l.calls, plural(l.calls),
                       (unsigned long long)l.transactions, plural(l.transactions));
    return buf;
}

static uint64_t now_ms(const struct app *a)
{
    return loop_now(a->loop) / 1000000;
}

uint32_t app_drain_left_s(const struct app *a)
{
    uint64_t now = now_ms(a);
    return a->drain_until_ms > now ? (uint32_t)((a->drain_until_ms - now + 999) / 1000) : 0;
}

void app_drained(struct app *a)
{
    if (a->state == APP_DRAINING)
        app_stop(a, a->cut ? outlasted : "drained");
}

// What is on its way to the disk gets there.
void app_drain_over(struct app *a)
{
    const struct app_left l = left(a);
    if (a->cut || !a->nf->cut) {
        app_stop(a, outlasted);
        return;
    }
    LOG(LOG_WARN, "what is left is not waited for any longer", LF_NUM("calls", l.calls),
        LF_NUM("transactions", l.transactions));
    a->cut = true;
    timer_start(a->loop, &a->drain_timer, FLUSH_MS);
    a->nf->cut(a->nf_obj);
}

static void bound_drain(struct app *a, uint32_t seconds)
{
    if (a->cut)
        return;
    a->drain_until_ms = now_ms(a) + (uint64_t)seconds * 1000;
    timer_start(a->loop, &a->drain_timer, (uint64_t)seconds * 1000);
}

void app_drain(struct app *a, const char *because, uint32_t seconds)
{
    const struct app_left l = left(a);
    bool again = a->state == APP_DRAINING;
    a->state = APP_DRAINING;
    LOG(LOG_INFO, "draining", LF_Z("because", because), LF_NUM("at_most_s", seconds), LF_NUM("calls", l.calls),
        LF_NUM("transactions", l.transactions));
    bound_drain(a, seconds);
    if (again)
        return;
    notify_send("STOPPING=1\nSTATUS=draining");
    if (a->nf->drain)
        a->nf->drain(a->nf_obj, a);
    else
        app_drained(a);
}

// ---- configuration ----

void app_error_to_log(void *arg, const struct conf_error *e)
{
    char line[ERROR_BYTES];
    (void)arg;
    conf_error_text(e, line, sizeof line);
    log_text(e->warning ? LOG_WARN : LOG_ERROR, "%s", line);
}

void app_apply_log(const struct app *a)
{
    const struct app_common *c = a->now.common;
    log_init(a->nf->name, c->log_format ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT, 2);
    log_set_journal(notify_stderr_is_journal());
    log_set_level((enum log_level)c->log_level);
}

void app_apply_trace(struct app *a)
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
    int err = app_config_load(a->nf, a->rows, a->config_path, app_error_to_log, NULL, &fresh);
    if (err) {
        LOG(LOG_ERROR, "configuration kept as it was", LF_Z("reason", err_text(err)));
        return err;
    }
    a->now = fresh;
    app_apply_log(a);
    app_apply_trace(a);
    conf_fixed_changes(a->rows, a->first.common, fresh.common, warn_fixed, NULL);
    dns_flush(a->loop);
    if (a->nf->reload)
        a->nf->reload(a->nf_obj, fresh.nf);
    if (old.conf != a->first.conf)
        app_config_done(&old);
    LOG(LOG_INFO, "configuration reloaded");
    return 0;
}
