// SPDX-License-Identifier: Apache-2.0
// CPU of a MAR/MAA round trip, both sides, 64 outstanding over loopback TCP: a client and a server
// process, each with its own loop. Prints the median of several runs and their spread.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "dia/cx.h"
#include "io/uv.h"
#include "tests/common/cx_node.h"

enum { OUTSTANDING = 64, WARM = 20000, TRIPS = 200000, RUNS = 5 };

static void die(const char *what)
{
    fprintf(stderr, "dia bench: %s\n", what);
    exit(1);
}

static double cpu_us(int who)
{
    struct rusage u;
    getrusage(who, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static struct loop *new_loop(void)
{
    struct uv_loop_params p = {0};
    struct loop *l;
    if (uvloop_new(&p, &l))
        die("no loop");
    return l;
}

// ---- server ----

static void on_mar(void *arg, struct dia_request *q, const struct cx_mar *r)
{
    static const char bytes[32] = "0123456789abcdef0123456789abcde";
    struct cx_auth_item item = {
        .item_number = 1, .scheme = STR("Digest-AKAv1-MD5"), .authenticate = {bytes, 32},
        .authorization = {bytes, 8}, .ck = {bytes, 16}, .ik = {bytes, 16}};
    struct cx_maa a = {.result.code = DIA_SUCCESS, .impi = r->impi, .impu = r->impu, .items = &item, .n_items = 1};
    cx_answer_maa(q, &a);
}

static const struct cx_server server_ops = {.mar = on_mar};

struct report {
    struct loop *loop;
    int in, out;
};

// One byte in asks for the CPU used so far; the end of the pipe ends the server.
static void on_ask(void *arg, bool readable, bool writable)
{
    struct report *r = arg;
    char c;
    if (read(r->in, &c, 1) <= 0) {
        loop_stop(r->loop);
        return;
    }
    double us = cpu_us(RUSAGE_SELF);
    if (write(r->out, &us, sizeof us) != sizeof us)
        loop_stop(r->loop);
}

static void serve(int in, int out)
{
    struct loop *l = new_loop();
    struct dia_params p = cx_params(l, "hss.bench", "bench");
    struct dia_node *n = NULL;
    struct addr at;
    struct report r = {l, in, out};
    struct watch *w;
    uint16_t port = 0;
    p.accept_unknown = true;
    addr_parse(STR("127.0.0.1"), 0, &at);
    for (unsigned i = 0; i < 50 && !port; i++) {
        addr_set_port(&at, (uint16_t)(20000 + (unsigned)(getpid() * 7 + (int)i * 131) % 30000));
        if (!n && dia_node_new(&p, &n))
            die("no server");
        if (dia_node_listen(n, DIA_TCP, &at) == 0)
            port = addr_port(&at);
    }
    if (!port || cx_serve(n, &server_ops, NULL) || watch_open(l, in, true, false, on_ask, &r, &w))
        die("no server");
    if (write(out, &port, sizeof port) != sizeof port)
        die("pipe");
    loop_run(l);
    dia_node_free(n);
    loop_free(l);
    exit(0);
}

// ---- client ----

struct bench {
    struct loop *loop;
    struct dia_node *node;
    unsigned long to_send, to_get;
};

static void on_maa(void *nf, cx_arg arg, int err, const struct cx_maa *a);

static void send_one(struct bench *b)
{
    struct cx_mar r = {
        .impi = STR("001010000000001@ims.mnc001.mcc001.3gppnetwork.org"),
        .impu = STR("sip:alice@ims.mnc001.mcc001.3gppnetwork.org"),
        .server_name = STR("sip:scscf.ims.mnc001.mcc001.3gppnetwork.org:5060"),
        .n_items = 1,
        .item.scheme = STR("Digest-AKAv1-MD5"),
    };
    b->to_send--;
    if (cx_send_mar(b->node, &r, 0, on_maa, b, 0))
        die("send");
}

static void on_maa(void *nf, cx_arg arg, int err, const struct cx_maa *a)
{
    struct bench *b = nf;
    if (err || a->result.code != DIA_SUCCESS || a->items[0].ck.n != 16)
        die("bad answer");
    if (b->to_send)
        send_one(b);
    if (--b->to_get == 0)
        loop_stop(b->loop);
}

static void on_peer(void *arg, struct str host, bool open)
{
    struct bench *b = arg;
    if (open)
        loop_stop(b->loop);
}

static void run(struct bench *b, unsigned long trips)
{
    b->to_send = b->to_get = trips;
    for (int i = 0; i < OUTSTANDING && b->to_send; i++)
        send_one(b);
    loop_run(b->loop);
}

static double server_cpu(int ask, int told)
{
    double us = 0;
    if (write(ask, "?", 1) != 1 || read(told, &us, sizeof us) != sizeof us)
        die("server gone");
    return us;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    int ask[2], told[2];
    if (pipe(ask) || pipe(told))
        die("pipe");
    pid_t pid = fork();
    if (pid == 0) {
        close(ask[1]);
        close(told[0]);
        serve(ask[0], told[1]);
    }
    close(ask[0]);
    close(told[1]);
    uint16_t port;
    if (read(told[0], &port, sizeof port) != sizeof port)
        die("server did not start");
    struct bench b = {.loop = new_loop()};
    struct dia_params p = cx_params(b.loop, "scscf.bench", "bench");
    struct dia_peer_params peer = {.host = STR("hss.bench")};
    p.peer_state = on_peer;
    p.arg = &b;
    addr_parse(STR("127.0.0.1"), port, &peer.remote);
    if (dia_node_new(&p, &b.node) || dia_peer_add(b.node, &peer))
        die("no client");
    loop_run(b.loop);
    run(&b, WARM);
    double us[RUNS];
    for (int i = 0; i < RUNS; i++) {
        double before = cpu_us(RUSAGE_SELF) + server_cpu(ask[1], told[0]);
        run(&b, TRIPS);
        us[i] = (cpu_us(RUSAGE_SELF) + server_cpu(ask[1], told[0]) - before) / TRIPS;
    }
    qsort(us, RUNS, sizeof *us, by_value);
    printf("figure dia_mar_roundtrip %.2f us\n", us[RUNS / 2]);
    printf("figure dia_mar_roundtrip_min %.2f us\n", us[0]);
    printf("figure dia_mar_roundtrip_max %.2f us\n", us[RUNS - 1]);
    dia_node_free(b.node);
    loop_free(b.loop);
    close(ask[1]);
    waitpid(pid, NULL, 0);
    return 0;
}
