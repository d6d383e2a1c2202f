// SPDX-License-Identifier: Apache-2.0
// What only real sockets and processes do: peers that are plain descriptors, signals, limits.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "env.h"

struct server {
    struct env *e;
    struct tcp_listener *listener;
    struct tcp *c;
    unsigned accepted, closed, got;
    int err;
    bool echo, done_at_close, done_at_data;
};

static void on_data(void *arg, struct str bytes)
{
    struct server *s = arg;
    s->got += (unsigned)bytes.n;
    if (s->echo)
        assert_int_equal(tcp_send(s->c, bytes), 0);
    if (s->done_at_data)
        env_done(s->e);
}

static void on_closed(void *arg, int err)
{
    struct server *s = arg;
    s->closed++;
    s->err = err;
    s->c = NULL;
    if (s->done_at_close)
        env_done(s->e);
}

static void on_connected(void *arg)
{
    ((struct server *)arg)->accepted++;
}

static const struct tcp_ops ops = {
    .connected = on_connected, .data = on_data, .closed = on_closed};

static void on_accept(void *arg, struct tcp *c)
{
    struct server *s = arg;
    s->accepted++;
    s->c = c;
    tcp_set_owner(c, &ops, s);
}

static struct server *server_new(struct env *e)
{
    static struct server s;
    struct addr a = env_addr(0);
    s = (struct server){.e = e};
    assert_int_equal(tcp_listen(e->loop, &a, false, on_accept, &s, &s.listener), 0);
    return &s;
}

// A plain descriptor connected to the server; the kernel accepts before the loop does.
static int plain_client(const struct server *s)
{
    const struct addr *to = tcp_listener_local(s->listener);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &to->sa, addr_len(to)), 0);
    return fd;
}

static void out_of_descriptors(void **state)
{
    struct server *s = server_new(*state);
    int fds[3];
    char byte;
    struct rlimit old, low;
    env_pass(s->e, 1);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = plain_client(s);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    int next = dup(fds[0]);
    (void)close(next);
    low = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    env_pass(s->e, 20);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(s->accepted, 0);
    assert_int_equal(recv(fds[0], &byte, 1, 0), 0); // was told at once
    env_pass(s->e, 300);
    assert_int_equal(s->accepted, 2);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        (void)close(fds[i]);
}

// Low numbers that have become free again do not hide what is open beyond them.
static void headroom_is_what_is_left(void **state)
{
    enum { MANY = 40, GONE = 25 };
    struct server *s = server_new(*state);
    int fds[MANY + 1];
    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    for (size_t i = 0; i < MANY; i++)
        fds[i] = plain_client(s);
    env_pass(s->e, 50);
    assert_int_equal(s->accepted, MANY);
    assert_true(tcp_headroom(s->c) < files.rlim_cur - 2 * MANY);
    for (size_t i = 0; i < GONE; i++)
        (void)close(fds[i]);
    env_pass(s->e, 50);
    assert_int_equal(s->closed, GONE);
    fds[MANY] = plain_client(s);
    env_pass(s->e, 20);
    assert_int_equal(s->accepted, MANY + 1);
    assert_true(tcp_headroom(s->c) <= files.rlim_cur - (MANY - GONE + 1) - 16);
    for (size_t i = GONE; i <= MANY; i++)
        (void)close(fds[i]);
}

static void peer_that_only_stops_sending(void **state)
{
    struct server *s = server_new(*state);
    char answer[8] = {0};
    int fd = plain_client(s);
    s->echo = s->done_at_close = true;
    assert_int_equal(send(fd, "ping", 4, 0), 4);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    env_run(s->e);
    assert_int_equal(s->err, ERR_CLOSED);
    env_pass(s->e, 20);
    assert_int_equal(recv(fd, answer, sizeof answer, 0), 4);
    assert_string_equal(answer, "ping");
    assert_int_equal(recv(fd, answer, sizeof answer, 0), 0);
    (void)close(fd);
}

static void peer_that_resets(void **state)
{
    struct server *s = server_new(*state);
    struct linger hard = {.l_onoff = 1};
    int fd = plain_client(s);
    env_pass(s->e, 10);
    assert_int_equal(s->accepted, 1);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
    (void)close(fd);
    // Into the broken connection: an error, not SIGPIPE.
    assert_int_equal(tcp_send(s->c, STR("x")), 0);
    s->done_at_close = true;
    env_run(s->e);
    assert_int_equal(s->err, ERR_CLOSED);
}

// A closed connection whose peer never reads does not stay for ever.
static void peer_that_never_reads(void **state)
{
    struct server *s = server_new(*state);
    static char much[3 << 20];
    char byte;
    int fd = plain_client(s);
    env_pass(s->e, 10);
    long before = mem_live();
    tcp_set_cap(s->c, 64 << 20);
    for (int i = 0; i < 10; i++)
        assert_int_equal(tcp_send(s->c, str_make(much, sizeof much)), 0);
    env_pass(s->e, 10);
    tcp_close(s->c);
    s->c = NULL;
    env_pass(s->e, 5500);
    assert_true(mem_live() < before);
    ssize_t n;
    while ((n = recv(fd, &byte, 1, MSG_DONTWAIT)) == 1)
        continue;
    assert_int_equal(n, -1);
    (void)close(fd);
}

static void connecting_to_nobody_who_answers(void **state)
{
    struct env *e = *state;
    struct server x = {.e = e, .done_at_close = true};
    struct addr a = env_addr(0);
    socklen_t n = sizeof a;
    // A listener whose queue is full lets further SYNs fall.
    int full = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), filler[3];
    assert_int_equal(bind(full, &a.sa, addr_len(&a)), 0);
    assert_int_equal(listen(full, 0), 0);
    assert_int_equal(getsockname(full, &a.sa, &n), 0);
    for (size_t i = 0; i < ARRAY_LEN(filler); i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(filler[i], &a.sa, addr_len(&a));
    }
    assert_int_equal(tcp_connect(e->loop, NULL, &a, &ops, &x, &x.c), 0);
    env_run(e);
    assert_int_equal(x.err, ERR_TIMEOUT);
    assert_int_equal(x.accepted, 0);
    for (size_t i = 0; i < ARRAY_LEN(filler); i++)
        (void)close(filler[i]);
    (void)close(full);
}

struct piped {
    struct env *e;
    struct watch *w;
    int fd;
    unsigned reads, writes;
};

static void on_watch(void *arg, bool readable, bool writable)
{
    struct piped *p = arg;
    char byte;
    p->writes += writable;
    if (readable) {
        assert_int_equal(read(p->fd, &byte, 1), 1);
        p->reads++;
    }
    watch_close(p->w);
    p->w = NULL;
    env_done(p->e);
}

static void foreign_descriptors(void **state)
{
    struct env *e = *state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct piped in = {.e = e, .fd = ends[0]}, out = {.e = e, .fd = ends[1]};
    assert_int_equal(watch_open(e->loop, ends[0], true, false, on_watch, &in, &in.w), 0);
    assert_int_equal(watch_open(e->loop, ends[1], false, true, on_watch, &out, &out.w), 0);
    env_run(e);
    assert_int_equal(out.writes, 1);
    assert_int_equal(in.reads, 0);
    assert_int_equal(write(ends[1], "xy", 2), 2);
    env_run(e);
    assert_int_equal(in.reads, 1);
    env_pass(e, 5);
    assert_int_equal(in.reads, 1);
    assert_int_equal(watch_open(e->loop, ends[0], true, false, on_watch, &in, &in.w), 0);
    (void)close(ends[1]);
    env_run(e); // readable: the other byte
    (void)close(ends[0]);
    watch_close(NULL);
}

static void on_signal(void *arg, int signo)
{
    assert_int_equal(signo, SIGUSR1);
    env_done(arg);
}

static void signals(void **state)
{
    struct env *e = *state;
    assert_int_equal(loop_signal(e->loop, SIGUSR1, on_signal, e), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    env_run(e);
    assert_int_equal(raise(SIGUSR1), 0);
    env_run(e);
    assert_true(loop_signal(e->loop, SIGKILL, on_signal, e) < 0);
}

static void on_slow(void *arg)
{
    usleep(50000);
    *(bool *)arg = true;
}

static void never(void *arg)
{
    fail();
}

static void free_waits_for_running_work(void **state)
{
    struct env *e = *state;
    static bool ran[8];
    for (size_t i = 0; i < ARRAY_LEN(ran); i++)
        assert_int_equal(loop_work(e->loop, on_slow, never, &ran[i]), 0);
    while (!ran[0])
        usleep(1000);
    loop_free(e->loop);
    e->loop = NULL;
}

// An idle loop must sleep: a second costs a few turns, not a core.
static void idle_costs_nothing(void **state)
{
    struct env *e = *state;
    struct timer hour;
    struct rusage before, after;
    timer_init(&hour, env_done, e);
    timer_start(e->loop, &hour, 3600000);
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    env_pass(e, 1000);
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_in_range(after.ru_nvcsw - before.ru_nvcsw, 0, 30);
    assert_true(timer_active(&hour));
    timer_stop(&hour);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENV_TEST_UV(out_of_descriptors),
        ENV_TEST_UV(headroom_is_what_is_left),
        ENV_TEST_UV(peer_that_only_stops_sending),
        ENV_TEST_UV(peer_that_resets),
        ENV_TEST_UV(peer_that_never_reads),
        ENV_TEST_UV(connecting_to_nobody_who_answers),
        ENV_TEST_UV(foreign_descriptors),
        ENV_TEST_UV(signals),
        ENV_TEST_UV(free_waits_for_running_work),
        ENV_TEST_UV(idle_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
