// SPDX-License-Identifier: Apache-2.0
// /metrics and /health. libmicrohttpd runs without a thread: its epoll descriptor is watched by the
// loop, and its own deadlines become a timer.
#include <arpa/inet.h>
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
    BACKLOG = 1024,
    ACCEPTS = 64,         // in one turn
    CONNECTIONS_MAX = 64,
    LOOPBACK_RESERVED = 8, // more of them for this machine's own
    PER_SOURCE_MAX = 32,
    SPARE = 256,          // that have been sent away and are still taking their end
    FRESH_PAGES = 20,     // of /metrics, made in one second
    IDLE_SECONDS = 15,
    IDLE_RUN_MS = 500
};

struct guest;

struct http {
    struct app *app;
    http_page metrics;
    struct door door;
    struct MHD_Daemon *daemon;
    struct watch *watch;
    struct timer timer;
    struct list guests; // connections; first the one that was served (or came) longest ago
    struct guest *coming; // being handed to libmicrohttpd
    unsigned n_guests;  // without those sent away
    uint64_t sent_away;
    uint64_t second;    // when fresh pages were counted last
    unsigned fresh;
    char *page;         // the last one made
    size_t page_n;
};

struct guest {
    struct list link;
    int fd;
    uint64_t source;
    bool loopback, leaving;
};

// ---- connections ----

static unsigned count_of(const struct http *h, uint64_t source)
{
    unsigned n = 0;
    LIST_EACH(&h->guests, it) {
        const struct guest *g = LIST_ENTRY(it, struct guest, link);
        n += !g->leaving && g->source == source;
    }
    return n;
}

static uint64_t greediest(const struct http *h)
{
    unsigned most = 0;
    uint64_t source = 0;
    LIST_EACH(&h->guests, it) {
        const struct guest *g = LIST_ENTRY(it, struct guest, link);
        unsigned n = g->leaving ? 0 : count_of(h, g->source);
        if (n > most) {
            most = n;
            source = g->source;
        }
    }
    return source;
}

// libmicrohttpd closes it when it sees the end of its input.
static void send_away(struct http *h, uint64_t source)
{
    LIST_EACH(&h->guests, it) {
        struct guest *g = LIST_ENTRY(it, struct guest, link);
        if (g->leaving || g->source != source)
            continue;
        g->leaving = true;
        h->n_guests--;
        h->sent_away++;
        (void)shutdown(g->fd, SHUT_RDWR);
        return;
    }
}

// Peers that open connections and say nothing, or say it slowly, must not take /health away from the
// others: of the source that has most, the one that has been of no use for longest makes room.
static void make_room(struct http *h, const struct guest *g)
{
    unsigned max = CONNECTIONS_MAX + (g->loopback ? LOOPBACK_RESERVED : 0);
    if (count_of(h, g->source) >= PER_SOURCE_MAX)
        send_away(h, g->source);
    else if (h->n_guests >= max)
        send_away(h, greediest(h));
}

static void on_connection(void *arg, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *h = arg;
    struct guest *g = *context;
    (void)c;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        g = h->coming;
        h->coming = NULL;
        make_room(h, g);
        list_add(&h->guests, &g->link);
        h->n_guests++;
        *context = g;
    } else if (g) {
        list_del(&g->link);
        h->n_guests -= !g->leaving;
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

// Takes fd over.
static void welcome(struct http *h, int fd, const struct addr *from)
{
    struct guest *g = mem_zalloc(sizeof *g);
    if (!g) {
        door_refused(&h->door, err_text(ERR_NOMEM));
        (void)close(fd);
        return;
    }
    list_init(&g->link);
    g->fd = fd;
    g->source = addr_source_key(from);
    g->loopback = addr_is_loopback(from);
    h->coming = g;
    // The descriptor is closed by libmicrohttpd when it fails, and nobody is notified then.
    if (MHD_add_connection(h->daemon, fd, &from->sa, addr_len(from)) != MHD_YES) {
        door_refused(&h->door, strerror(errno));
        mem_free(h->coming);
        h->coming = NULL;
    }
}

// ---- answers ----

struct page {
    unsigned status;
    const char *type;
    char *text; // owned, from mem_*
    size_t n;
};

// What a drain waits for.
static void add_left(const struct app *a, json_t *o)
{
    if (!o || a->state != APP_DRAINING || !a->nf->left)
        return;
    const struct app_left l = a->nf->left(a->nf_obj);
    (void)json_object_set_new(
        o, "left", json_pack("{s:I, s:I}", "calls", (json_int_t)l.calls, "transactions", (json_int_t)l.transactions));
}

static int health_page(struct http *h, struct page *ret_page)
{
    struct app *a = h->app;
    app_check_ready(a);
    json_t *o = json_pack("{s:s, s:s, s:s?}", "status", a->ready ? "ok" : "unavailable", "nf",
                          a->nf->name, "why", a->ready ? NULL : a->why);
    add_left(a, o);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (!text)
        return ERR_NOMEM;
    *ret_page = (struct page){a->ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                              "application/json", text, strlen(text)};
    return 0;
}

static int copy_page(struct http *h, struct page *ret_page)
{
    char *text = mem_alloc(h->page_n);
    if (!text)
        return ERR_NOMEM;
    memcpy(text, h->page, h->page_n);
    ret_page->text = text;
    ret_page->n = h->page_n;
    return 0;
}

// A page costs the loop more than the request for it: whoever asks for many in one second gets the
// last one again.
static int metrics_text_page(struct http *h, struct page *ret_page)
{
    uint64_t second = loop_now(h->app->loop) / 1000000000;
    *ret_page = (struct page){MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", NULL, 0};
    if (second != h->second)
        h->fresh = 0;
    h->second = second;
    if (h->fresh++ >= FRESH_PAGES && h->page)
        return copy_page(h, ret_page);
    mem_free(h->page);
    h->page = NULL;
    int err = h->metrics(h->app, &h->page, &h->page_n);
    return err ? err : copy_page(h, ret_page);
}

static const struct {
    const char *path;
    int (*make)(struct http *h, struct page *ret_page);
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
        if (pages[i].make(h, &p))
            return send_error(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
        return send_page(c, &p);
    }
    return send_error(c, MHD_HTTP_NOT_FOUND, "there are /metrics and /health\n");
}

// ---- in the loop ----

static void turn(struct http *h)
{
    MHD_UNSIGNED_LONG_LONG ms;
    (void)MHD_run(h->daemon);
    if (MHD_get_timeout(h->daemon, &ms) != MHD_YES || ms > IDLE_RUN_MS)
        ms = IDLE_RUN_MS;
    timer_start(h->app->loop, &h->timer, ms);
}

static void on_ready(void *arg, bool readable, bool writable)
{
    (void)readable, (void)writable;
    turn(arg);
}

static void on_timer(void *arg)
{
    turn(arg);
}

static void on_waiting(void *arg, bool readable, bool writable)
{
    struct http *h = arg;
    (void)readable, (void)writable;
    for (int i = 0; i < ACCEPTS; i++) {
        struct addr from = {0};
        socklen_t n = sizeof from;
        int fd = accept4(h->door.fd, &from.sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            welcome(h, fd, &from);
        else if (!door_failed(&h->door, errno))
            break;
    }
    turn(h);
}

// Our own socket, because libmicrohttpd does not say why it could not listen.
static int open_socket(const struct addr *local, int *ret_fd)
{
    int fd = socket(local->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0)
        return ERR_IO;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, &local->sa, addr_len(local)) || listen(fd, BACKLOG)) {
        int why = errno;
        close(fd);
        errno = why; // for who tells
        return why == EADDRINUSE ? ERR_INUSE : ERR_IO;
    }
    *ret_fd = fd;
    return 0;
}

static int start(struct http *h)
{
    h->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, answer, h,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)(CONNECTIONS_MAX + LOOPBACK_RESERVED + SPARE),
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_END);
    if (!h->daemon)
        return ERR_IO;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int err = watch_open(h->app->loop, info->epoll_fd, true, false, on_ready, h, &h->watch);
    if (!err)
        err = door_open(&h->door);
    if (!err)
        turn(h);
    return err;
}

int http_new(struct app *a, const struct addr *local, http_page metrics, struct http **ret_http)
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
    h->metrics = metrics;
    door_init(&h->door, a->loop, "http", on_waiting, h);
    h->door.fd = fd;
    list_init(&h->guests);
    timer_init(&h->timer, on_timer, h);
    err = start(h);
    if (err) {
        http_free(h);
        return app_listen_failed(local, "tcp", err);
    }
    *ret_http = h;
    return 0;
}

void http_metrics(const struct http *h, struct metrics *m)
{
    if (!h)
        return;
    metrics_add(m, "http_connections", "gauge", "Connections to /metrics and /health open now.",
                "", (double)h->n_guests);
    metrics_add(m, "http_connections_sent_away_total", "counter",
                "Those closed because their source, or all of them, had too many.", "",
                (double)h->sent_away);
}

void http_free(struct http *h)
{
    if (!h)
        return;
    door_close(&h->door);
    watch_close(h->watch);
    timer_stop(&h->timer);
    if (h->daemon)
        MHD_stop_daemon(h->daemon);
    (void)close(h->door.fd);
    mem_free(h->page);
    mem_free(h);
}
