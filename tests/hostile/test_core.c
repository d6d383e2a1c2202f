// SPDX-License-Identifier: Apache-2.0
// The cost of a message in the core: P-CSCF, I-CSCF, S-CSCF, HSS and two registered phones in one
// process on the simulated loop, and one message at a time to one of them. What all of them together
// do until it has been answered is counted.
//   test_core WAY
// Built twice: with the limits that nodes have by default, and with none that matter.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/writer.h"
#include "sip/msg.h"
#include "tests/hostile/hostile.h"
#include "tests/hostile/shapes.h"
#include "tests/sim/world.h"

#ifdef W_UNLIMITED
enum { SMALL = 8000 };
#else
enum { SMALL = 1500 }; // below the limits, at LARGE beyond some of them
#endif
enum { LARGE = 4 * SMALL, ROOM = LARGE + 3000, SETTLE_MS = 70000, ANSWER_MS = 3000 };

// Bounds for all nodes together: each hop parses, edits, writes and copies it. The base is what an
// INVITE with all its answers costs that is as short as can be.
static const struct hostile_bound bound = {.bytes_each = 300, .bytes_base = 400000,
                                           .work_each = 300, .work_base = 400000,
                                           .growth_pct = 130};

struct way {
    const char *name, *to, *method, *uri, *more;
};

// Where a message goes in, and what it says beside the header that is made long.
static const struct way ways[] = {
    {"register", "192.0.2.10:5060", "REGISTER", "sip:" W_DOMAIN,
     "Contact: <sip:h.example>\r\nAuthorization: Digest username=\"001011000000000@" W_DOMAIN
     "\", realm=\"" W_DOMAIN "\", nonce=\"\", uri=\"sip:" W_DOMAIN "\", response=\"\"\r\n"},
    {"terminating", "192.0.2.20:5060", "MESSAGE", "sip:user0@" W_DOMAIN, ""},
    {"call", "192.0.2.20:5060", "INVITE", "sip:user1@" W_DOMAIN, "Contact: <sip:192.0.2.50>\r\n"},
    {"registrar", "192.0.2.30:5060", "REGISTER", "sip:scscf." W_DOMAIN ":5060",
     "Contact: <sip:h.example>\r\nPath: <sip:x@192.0.2.50;lr>\r\n"
     "P-Visited-Network-ID: \"" W_DOMAIN "\"\r\n"},
    {"originating", "192.0.2.30:5060", "MESSAGE", "sip:user1@" W_DOMAIN,
     "Route: <sip:orig@192.0.2.30:5060;lr>\r\nP-Asserted-Identity: <sip:user0@" W_DOMAIN ">\r\n"},
};

static struct world world; // large: not on the stack
static struct loop *loop;
static struct udp *udp;
static struct addr to;
static char text[ROOM];
static size_t text_n;
static unsigned answers, serial;

static void on_datagram(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    (void)arg;
    (void)src;
    (void)dst;
    answers += data.n > 12 && str_starts(data, STR("SIP/2.0 ")) && data.p[8] != '1';
}

static void make(const struct way *w, enum shape s, enum sip_hid id, size_t n)
{
    struct writer out = writer_init(text, sizeof text);
    serial++;
    writer_printf(&out, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.50:5060;branch=z9hG4bKh%u\r\n"
                        "Max-Forwards: 70\r\nFrom: <sip:user0@%s>;tag=h%u\r\nTo: <sip:user%d@%s>\r\n"
                        "Call-ID: h%u\r\nCSeq: 1 %s\r\n%s",
                  w->method, w->uri, serial, W_DOMAIN, serial, *w->name == 'r' ? 0 : 1, W_DOMAIN,
                  serial, w->method, w->more);
    out.n += shape_write(s, id, n, text + out.n, sizeof text - out.n - 512);
    writer_lit(&out, "Content-Length: 0\r\n\r\n");
    if (out.failed)
        abort();
    text_n = out.n;
}

static void run(void *arg)
{
    (void)arg;
    (void)udp_send(udp, &to, str_make(text, text_n));
    (void)sim_run(world.sim, sim_now_ms(world.sim) + ANSWER_MS);
}

static struct hostile_cost cost(const struct way *w, enum shape s, enum sip_hid id, size_t n)
{
    struct hostile_cost c;
    make(w, s, id, n);
    c.n = text_n;
    hostile_measure(run, NULL, &c.bytes, &c.work);
    world_hang_up(&world);
    (void)sim_run(world.sim, sim_now_ms(world.sim) + SETTLE_MS); // what is under way has ended
    return c;
}

static unsigned test_header(const struct way *w, enum sip_hid id)
{
    unsigned bad = 0;
    for (int s = 0; s < SHAPE_COUNT; s++) {
        char name[128];
        snprintf(name, sizeof name, "%s, %s: %s", w->name, sip_hid_name(id).p, shape_name((enum shape)s));
        struct hostile_cost small = cost(w, (enum shape)s, id, SMALL);
        struct hostile_cost large = cost(w, (enum shape)s, id, LARGE);
        bad += hostile_within(name, &small, &large, &bound) != 0;
    }
    return bad;
}

static void start(const struct way *w)
{
    log_set_level(getenv("HOSTILE_LOG") ? LOG_DEBUG : LOG_ERROR);
    world_start(&world, 1, 2);
    for (size_t i = 0; i < 2; i++)
        world_register(&world, i);
    (void)sim_run(world.sim, sim_now_ms(world.sim) + 10000);
    if (world.counts.register_ok != 2 || sim_node(world.sim, "stranger", &loop))
        abort();
    struct udp_params p = {.cb = on_datagram};
    if (addr_parse(STR("192.0.2.50"), 5060, &p.local) || udp_open(loop, &p, &udp) ||
        addr_parse_port(str_from(w->to), 0, &to))
        abort();
}

// The core still does its work: both phones register anew.
static bool serves(void)
{
    uint64_t before = world.counts.register_ok;
    for (size_t i = 0; i < 2; i++)
        world_register(&world, i);
    (void)sim_run(world.sim, sim_now_ms(world.sim) + 10000);
    return world.counts.register_ok == before + 2;
}

int main(int argc, char **argv)
{
    const struct way *w = NULL;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        if (argc > 1 && strcmp(argv[1], ways[i].name) == 0)
            w = &ways[i];
    if (!w)
        return 2;
    unsigned bad = 0, n = 0;
    printf("1..%d\n", (int)SIP_H_COUNT);
    start(w);
    for (unsigned id = 1; id < SIP_H_COUNT; id++) {
        unsigned bad_here = test_header(w, (enum sip_hid)id);
        printf("%sok %u - %s: %s\n", bad_here ? "not " : "", ++n, w->name, sip_hid_name(id).p);
        bad += bad_here;
    }
    bool good = serves() && answers;
    hostile_report();
    printf("%sok %u - %s: still serves\n", good ? "" : "not ", ++n, w->name);
    udp_close(udp);
    loop_free(loop);
    world_stop(&world);
    sip_msg_pool_drain();
    return bad || !good;
}
