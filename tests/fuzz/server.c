// SPDX-License-Identifier: Apache-2.0
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "fuzz.h"
#include "io/uv.h"
#include "tests/common/load.h"

enum { ANSWER_MAX = 8 << 20, WAIT_MS = 20000, SETTLE_MS = 2, SETTLE_TURNS = 10, SETTLE_SLACK = 4 };

// ---- a node's commands: one of each kind ----

static int run_echo(void *nf, int argc, char **argv, struct ctl_out *o)
{
    (void)nf;
    for (int i = 1; i < argc; i++)
        ctl_printf(o, "%s\n", argv[i]);
    return argc;
}

static int run_file(void *nf, int argc, char **argv, struct ctl_out *o)
{
    struct str text;
    (void)nf, (void)argv;
    for (int i = 1; i < argc; i++) {
        int e = ctl_file(o, i, &text);
        if (e)
            return e == ERR_MORE ? 0 : 1;
        ctl_printf(o, "%zu\n", text.n);
    }
    return 0;
}

static struct ctl_out *pending;
static struct deferred later;

static void finish_pending(void *arg)
{
    struct ctl_out *o = pending;
    (void)arg;
    pending = NULL;
    ctl_finish(o, 3);
}

static int run_later(void *nf, int argc, char **argv, struct ctl_out *o)
{
    (void)argc, (void)argv;
    if (pending)
        return 1;
    pending = o;
    deferred_init(&later, finish_pending, NULL);
    loop_defer(app_loop(nf), &later);
    return CTL_PENDING;
}

static const struct ctl_command commands[] = {
    {"echo", "[WORD]...", "says it", run_echo},
    {"take file", "FILE...", "counts bytes", run_file},
    {"later", NULL, "ends in the next turn", run_later},
    {0},
};

static void metrics(void *nf, struct metrics *m)
{
    (void)nf;
    metrics_add(m, "fuzz_total", "counter", "Something.", "a=\"b\"", 1);
}

static const struct conf_row rows[] = {{0}};

static const struct app_nf nf = {
    .name = "fuzz", .about = "-", .rows = rows, .metrics = metrics, .commands = commands};

// Each talk ends long before.
static void on_drain_time(void *arg)
{
    (void)arg;
}

struct app *fuzz_app(void)
{
    static struct app a;
    struct conf *conf;
    if (a.loop)
        return &a;
    a = (struct app){.nf = &nf, .config_path = "/nonexistent/fuzz.yaml", .pid_fd = -1};
    a.rows = app_rows_new(&nf);
    struct app_common *common = calloc(1, sizeof *common);
    MUST(a.rows && common);
    MUST(load_text(STR("{}\n"), "f", app_common_rows, common, NULL, 0, &conf) == 0);
    a.first = a.now = (struct app_config){conf, common, common};
    MUST(uvloop_new(&(struct uv_loop_params){0}, &a.loop) == 0);
    timer_init(&a.drain_timer, on_drain_time, NULL);
    a.state = APP_SERVING;
    a.nf_obj = &a;
    return &a;
}

// ---- the client ----

struct talk {
    struct loop *loop;
    int fd;
    struct str rest;
    bool done, late;
};

static char answer[ANSWER_MAX];
static size_t answer_n;

static void send_some(struct talk *t)
{
    while (t->rest.n) {
        ssize_t n = send(t->fd, t->rest.p, t->rest.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0)
            break;
        t->rest = str_skip(t->rest, (size_t)n);
    }
    bool gone = t->rest.n && errno != EAGAIN;
    if (gone)
        t->rest.n = 0;
    if (!t->rest.n)
        (void)shutdown(t->fd, SHUT_WR);
}

static void on_fd(void *arg, bool readable, bool writable)
{
    struct talk *t = arg;
    if (writable && t->rest.n)
        send_some(t);
    if (!readable)
        return;
    ssize_t n = recv(t->fd, answer + answer_n, sizeof answer - answer_n, MSG_DONTWAIT);
    if (n > 0)
        answer_n += (size_t)n;
    MUST(answer_n < sizeof answer);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        t->done = true;
        loop_stop(t->loop);
    }
}

static void on_late(void *arg)
{
    struct talk *t = arg;
    t->late = true;
    loop_stop(t->loop);
}

static void on_settle(void *arg)
{
    loop_stop(arg);
}

// Until the connection is forgotten, which is a turn or two after it was closed.
static void settle(struct app *a)
{
    static long live = -1;
    struct timer t;
    timer_init(&t, on_settle, a->loop);
    // the first time it is not known how far it falls
    for (int i = 0; i < SETTLE_TURNS && (live < 0 || mem_live() > live + SETTLE_SLACK); i++) {
        timer_start(a->loop, &t, SETTLE_MS);
        MUST(loop_run(a->loop) == 0);
    }
    if (live < 0)
        live = mem_live();
}

struct str fuzz_talk(struct app *a, int fd, struct str input)
{
    struct talk t = {.loop = a->loop, .fd = fd, .rest = input};
    struct watch *in = NULL;
    struct timer limit;
    answer_n = 0;
    timer_init(&limit, on_late, &t);
    timer_start(a->loop, &limit, WAIT_MS);
    send_some(&t);
    // a writable descriptor is watched for no longer than there is something to send
    while (!t.done && !t.late) {
        MUST(watch_open(a->loop, fd, true, t.rest.n > 0, on_fd, &t, &in) == 0);
        MUST(loop_run(a->loop) == 0); // `stop` ends it as well: then it runs on
        watch_close(in);
    }
    MUST(!t.late);
    timer_stop(&limit);
    close(fd);
    a->state = APP_SERVING;
    timer_stop(&a->drain_timer);
    log_set_level(LOG_ERROR);
    settle(a);
    return str_make(answer, answer_n);
}
