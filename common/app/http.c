// SPDX-License-Identifier: Apache-2.0
// /metrics and /health. libmicrohttpd runs without a thread: its epoll descriptor is watched by the
// loop, and its own deadlines become a timer.
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/app_priv.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    BACKLOG = 64,
    CONNECTIONS_MAX = 64,
    SPARE = 16,
    IDLE_SECONDS = 15,
    IDLE_RUN_MS = 500,
    PAUSE_MS = 100
};

struct http {
    struct app *app;
    struct MHD_Daemon *daemon;
    struct watch *watch;
    struct timer timer;
    struct list guests; // connections; first the one that was served (or came) longest ago
    unsigned n_guests;
    unsigned came; // connections so far
};

struct guest {
    struct list link;
    int fd;
};

// ---- connections ----

// The one that has been of no use for longest gives its place to who comes next: peers that open
// connections and say nothing, or say it slowly, must not take /health away from the others.
// libmicrohttpd closes it when it sees the end of its input.
static void make_room(struct http *h)
{
    if (h->n_guests <= CONNECTIONS_MAX)
        return;
    struct guest *g = LIST_ENTRY(h->guests.next, struct guest, link);
    list_del(&g->link);
    list_add(&h->guests, &g->link); // not shut down again while it takes its end
    (void)shutdown(g->fd, SHUT_RDWR);
}

static void on_connection(void *arg, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *h = arg;
    struct guest *g = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        h->came++;
        g = mem_zalloc(sizeof *g);
        if (!g)
            return; // served all the same, and never sent away
        g->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        list_add(&h->guests, &g->link);
        h->n_guests++;
        *context = g;
        make_room(h);
    } else if (g) {
        list_del(&g->link);
        h->n_guests--;
        mem_free(g);
        *context = NULL;
    }
}

static void on_completed(void *arg, struct MHD_Connection *c, void **request,
                         enum MHD_RequestTerminationCode code)
{
    struct http *h = arg;
    struct guest *g =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    (void)request;
    if (!g || code != MHD_REQUEST_TERMINATED_COMPLETED_OK)
        return;
    list_del(&g->link);
    list_add(&h->guests, &g->link);
}

// ---- answers ----

struct page {
    unsigned status;
    const char *type;
    char *text; // owned, from mem_*
    size_t n;
};

static int health_page(struct app *a, struct page *ret_page)
{
    app_check_ready(a);
    json_t *o = json_pack("{s:s, s:s, s:s?}", "status", a->ready ? "ok" : "unavailable", "nf",
                          a->nf->name, "why", a->ready ? NULL : a->why);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (!text)
        return ERR_NOMEM;
    *ret_page = (struct page){a->ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                              "application/json", text, strlen(text)};
    return 0;
}

static int metrics_text_page(struct app *a, struct page *ret_page)
{
    *ret_page = (struct page){MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", NULL, 0};
    return metrics_page(a, &ret_page->text, &ret_page->n);
}

static const struct {
    const char *path;
    int (*make)(struct app *a, struct page *ret_page);
} pages[] = {{"/metrics", metrics_text_page}, {"/health", health_page}};

static enum MHD_Result send_page(struct MHD_Connection *c, const struct page *p)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer_with_free_callback(p->n, p->text, mem_free);
    if (!r) {
        mem_free(p->text);
        return MHD_NO;
    }
    (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, p->type);
    (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result ok = MHD_queue_response(c, p->status, r);
    MHD_destroy_response(r);
    return ok;
}

static enum MHD_Result send_error(struct MHD_Connection *c, unsigned status, const char *text)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
    if (!r)
        return MHD_NO;
    (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result ok = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return ok;
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_n, void **request)
{
    struct http *h = arg;
    (void)version, (void)upload, (void)request;
    *upload_n = 0;
    if (strcmp(method, "GET") && strcmp(method, "HEAD"))
        return send_error(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct page p;
        if (strcmp(path, pages[i].path))
            continue;
        if (pages[i].make(h->app, &p))
            return send_error(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
        return send_page(c, &p);
    }
    return send_error(c, MHD_HTTP_NOT_FOUND, "there are /metrics and /health\n");
}

// ---- in the loop ----

// At its connection limit libmicrohttpd stops watching its listening socket, and watches it again
// only in the run after a connection has ended; hence a run at least every IDLE_RUN_MS.
static void turn(struct http *h)
{
    MHD_UNSIGNED_LONG_LONG ms;
    (void)MHD_run(h->daemon);
    if (MHD_get_timeout(h->daemon, &ms) != MHD_YES || ms > IDLE_RUN_MS)
        ms = IDLE_RUN_MS;
    timer_start(h->app->loop, &h->timer, ms);
}

static int start_watching(struct http *h);

// Without descriptors a connection that waits would wake the loop for ever: nobody is served and
// nobody came, so the next look is later.
static void on_ready(void *arg, bool readable, bool writable)
{
    struct http *h = arg;
    unsigned before = h->came;
    (void)readable, (void)writable;
    bool idle = h->n_guests == 0;
    turn(h);
    if (!idle || h->came != before)
        return;
    watch_close(h->watch);
    h->watch = NULL;
    timer_start(h->app->loop, &h->timer, PAUSE_MS);
}

static void on_timer(void *arg)
{
    struct http *h = arg;
    turn(h);
    if (!h->watch && start_watching(h))
        timer_start(h->app->loop, &h->timer, PAUSE_MS);
}

static int start_watching(struct http *h)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return watch_open(h->app->loop, info->epoll_fd, true, false, on_ready, h, &h->watch);
}

// Our own socket, because libmicrohttpd does not say why it could not listen.
static int open_socket(const struct addr *local, int *ret_fd)
{
    int fd = socket(local->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0)
        return ERR_IO;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, &local->sa, addr_len(local)) || listen(fd, BACKLOG)) {
        int err = errno == EADDRINUSE ? ERR_INUSE : errno == EACCES ? ERR_DENIED : ERR_IO;
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}

static int start(struct http *h, int fd)
{
    h->daemon =
        MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, h, MHD_OPTION_LISTEN_SOCKET, fd,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)(CONNECTIONS_MAX + SPARE),
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
                         MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
                         MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_END);
    if (!h->daemon) {
        close(fd);
        return ERR_IO;
    }
    timer_init(&h->timer, on_timer, h);
    int err = start_watching(h);
    if (!err)
        turn(h);
    return err;
}

int http_new(struct app *a, const struct addr *local, struct http **ret_http)
{
    int fd, err = open_socket(local, &fd);
    if (err)
        return app_listen_failed(local, "tcp", err);
    struct http *h = mem_zalloc(sizeof *h);
    if (!h) {
        close(fd);
        return ERR_NOMEM;
    }
    h->app = a;
    list_init(&h->guests);
    err = start(h, fd);
    if (err) {
        http_free(h);
        return app_listen_failed(local, "tcp", err);
    }
    *ret_http = h;
    return 0;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    watch_close(h->watch);
    if (h->daemon) {
        timer_stop(&h->timer);
        MHD_stop_daemon(h->daemon);
    }
    mem_free(h);
}
