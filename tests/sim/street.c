// SPDX-License-Identifier: Apache-2.0
// The simulated core for phones that live in another process: what they send comes on the standard input, what
// reaches them goes to the standard output, and their time is the virtual one. Lines, each followed by as many
// bytes as it says:
//   udp H IP PORT, listen H IP PORT, connect H IP IP PORT   opens a socket of the number H
//   send H N [IP PORT], close H, import N (subscribers)
//   run MS         at most so long, and until something has come: "data H IP PORT N", "accept H H", "closed H";
//                  "now MS" is the last line of the answer
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "hss/hss.h"
#include "tests/sim/world.h"

enum { SOCKETS = 4096, PLACES = 64, FIRST_ACCEPTED = 1000000, BYTES_MAX = 1 << 20 };

// Where a phone is: a node of the simulated network with one address.
struct place {
    char ip[64];
    struct loop *loop;
};

struct end {
    unsigned handle; // 0: free
    struct udp *udp;
    struct tcp *tcp;
    struct tcp_listener *listener;
};

static struct world world;
static struct place places[PLACES];
static struct end ends[SOCKETS];
static unsigned accepted = FIRST_ACCEPTED;
static bool happened;

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "street: %s\n", what);
    exit(2);
}

static struct addr address(const char *ip, unsigned port)
{
    struct addr a;
    must(addr_parse(str_from(ip), (uint16_t)port, &a) == 0, ip);
    return a;
}

static struct loop *loop_at(const char *ip)
{
    for (size_t i = 0; i < PLACES; i++) {
        struct place *p = &places[i];
        if (p->loop && strcmp(p->ip, ip) == 0)
            return p->loop;
        if (p->loop)
            continue;
        must(strlen(ip) < sizeof p->ip && sim_node(world.sim, ip, &p->loop) == 0, ip);
        strcpy(p->ip, ip);
        return p->loop;
    }
    must(false, "too many addresses");
    return NULL;
}

static struct end *end_of(unsigned handle)
{
    for (size_t i = 0; i < SOCKETS; i++)
        if (ends[i].handle == handle)
            return &ends[i];
    return NULL;
}

static struct end *end_new(unsigned handle)
{
    struct end *e = end_of(0);
    must(e != NULL, "too many sockets");
    *e = (struct end){.handle = handle};
    return e;
}

// ---- what reaches a phone ----

static void tell(const struct end *e, const struct addr *src, struct str data)
{
    char ip[ADDR_TEXT_MAX];
    printf("data %u %.*s %u %zu\n", e->handle, STR_ARG(addr_ip_text(src, ip)), addr_port(src), data.n);
    (void)fwrite(data.p, 1, data.n, stdout);
    happened = true;
}

static void on_datagram(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    tell(arg, src, data);
}

static void on_stream(void *arg, struct str bytes)
{
    struct end *e = arg;
    tell(e, tcp_remote(e->tcp), bytes);
}

static void on_closed(void *arg, int err)
{
    struct end *e = arg;
    printf("closed %u\n", e->handle);
    *e = (struct end){0};
    happened = true;
}

static void on_connected(void *arg)
{
}

static const struct tcp_ops stream_ops = {.connected = on_connected, .data = on_stream, .closed = on_closed};

static void on_accept(void *arg, struct tcp *c)
{
    struct end *listener = arg, *e = end_new(accepted++);
    e->tcp = c;
    tcp_set_owner(c, &stream_ops, e);
    printf("accept %u %u\n", listener->handle, e->handle);
    happened = true;
}

// ---- what phones do ----

static struct str bytes_of(size_t n)
{
    static char room[BYTES_MAX];
    must(n <= sizeof room && fread(room, 1, n, stdin) == n, "fewer bytes than announced");
    return str_make(room, n);
}

static void open_udp(unsigned handle, const char *ip, unsigned port)
{
    struct end *e = end_new(handle);
    struct udp_params p = {.local = address(ip, port), .cb = on_datagram, .arg = e};
    must(udp_open(loop_at(ip), &p, &e->udp) == 0, "udp");
}

static void open_listener(unsigned handle, const char *ip, unsigned port)
{
    struct end *e = end_new(handle);
    struct addr local = address(ip, port);
    must(tcp_listen(loop_at(ip), &local, false, on_accept, e, &e->listener) == 0, "listen");
}

static void open_connection(unsigned handle, const char *ip, const char *to, unsigned port)
{
    struct end *e = end_new(handle);
    struct addr local = address(ip, 0), remote = address(to, port);
    must(tcp_connect(loop_at(ip), &local, &remote, &stream_ops, e, &e->tcp) == 0, "connect");
}

static void send_bytes(unsigned handle, struct str data, const char *ip, unsigned port)
{
    struct end *e = end_of(handle);
    if (e && e->tcp) {
        (void)tcp_send(e->tcp, data);
    } else if (e && e->udp) {
        struct addr to = address(ip, port);
        (void)udp_send(e->udp, &to, data);
    }
}

static void close_end(unsigned handle)
{
    struct end *e = end_of(handle);
    if (!e)
        return;
    udp_close(e->udp);
    tcp_close(e->tcp);
    tcp_listener_close(e->listener);
    *e = (struct end){0};
}

static void run(uint64_t ms)
{
    uint64_t until = sim_now_ms(world.sim) + ms;
    for (happened = false; !happened && sim_now_ms(world.sim) < until;)
        (void)sim_run(world.sim, sim_now_ms(world.sim) + 1);
    printf("now %" PRIu64 "\n", sim_now_ms(world.sim));
    (void)fflush(stdout);
}

static void obey(const char *line)
{
    char word[16] = "", ip[64] = "", to[64] = "";
    unsigned h = 0, port = 0;
    size_t n = 0;
    (void)sscanf(line, "%15s %u", word, &h);
    if (strcmp(word, "udp") == 0 && sscanf(line, "%*s %*u %63s %u", ip, &port) == 2)
        open_udp(h, ip, port);
    else if (strcmp(word, "listen") == 0 && sscanf(line, "%*s %*u %63s %u", ip, &port) == 2)
        open_listener(h, ip, port);
    else if (strcmp(word, "connect") == 0 && sscanf(line, "%*s %*u %63s %63s %u", ip, to, &port) == 3)
        open_connection(h, ip, to, port);
    else if (strcmp(word, "send") == 0 && sscanf(line, "%*s %*u %zu %63s %u", &n, ip, &port) >= 1)
        send_bytes(h, bytes_of(n), ip, port);
    else if (strcmp(word, "close") == 0)
        close_end(h);
    else if (strcmp(word, "import") == 0)
        world_import(&world, bytes_of(h));
    else if (strcmp(word, "run") == 0)
        run(h);
    else
        must(false, line);
}

int main(int argc, char **argv)
{
    char line[256];
    world_start(&world, argc > 1 ? strtoull(argv[1], NULL, 10) : 1, 0);
    while (fgets(line, sizeof line, stdin))
        obey(line);
    for (size_t i = 0; i < SOCKETS; i++)
        if (ends[i].handle)
            close_end(ends[i].handle);
    for (size_t i = 0; i < PLACES; i++)
        if (places[i].loop)
            loop_free(places[i].loop);
    world_stop(&world);
    return 0;
}
