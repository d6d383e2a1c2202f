// SPDX-License-Identifier: Apache-2.0
#include "tests/common/neighbours.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/writer.h"
#include "tests/common/cx_node.h"
#include "tests/common/figure.h"
#include "tests/common/wire.h"

enum { NEIGHBOURS_MAX = 8, NEIGHBOUR_QUEUE = 64 };

struct neighbour {
    struct udp *udp;
    struct sip_msg *queue[NEIGHBOUR_QUEUE], *last; // last: handed out, freed at the next call
    size_t head, tail;
};

struct neighbours {
    struct sim *sim;
    struct loop *loop;
    struct addr node; // the node under test
    size_t n;
    void (*taken)(int i, const struct sip_msg *m); // every message that is handed out; may be NULL
    struct neighbour v[NEIGHBOURS_MAX];
};

static struct neighbours all;

void expire_wait(struct stack *s)
{
    enum { USES = 1000, SLOTS = 8 };
    struct job *j = NULL;
    for (uint64_t i = 0; !j && i < USES * SLOTS; i++)
        j = pxy_job(s, (i / SLOTS + 1) << 24 | i % SLOTS);
    assert_non_null(j);
    job_expired(j);
}

void copy(char *to, size_t n, struct str s)
{
    (void)snprintf(to, n, "%.*s", STR_ARG(s));
}

// ---- SIP ----

static void on_udp(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    struct neighbour *x = arg;
    struct sip_msg *m = NULL;
    struct sip_parse_error e;
    (void)src, (void)dst;
    int err = sip_msg_parse(data, &m, &e);
    if (err == ERR_NOMEM) // the test makes allocations fail
        return;
    assert_int_equal(err, 0);
    assert_true(x->tail - x->head < NEIGHBOUR_QUEUE);
    x->queue[x->tail++ % NEIGHBOUR_QUEUE] = m;
}

void neighbours_open(struct sim *sim, const char *node, const char *const where[], size_t n,
                     void (*taken)(int i, const struct sip_msg *m))
{
    assert_true(n <= NEIGHBOURS_MAX);
    all = (struct neighbours){.sim = sim, .node = place(node), .n = n, .taken = taken};
    assert_int_equal(sim_node(sim, "peers", &all.loop), 0);
    for (size_t i = 0; i < n; i++) {
        struct udp_params p = {.local = place(where[i]), .cb = on_udp, .arg = &all.v[i]};
        assert_int_equal(udp_open(all.loop, &p, &all.v[i].udp), 0);
    }
}

void neighbours_close(void)
{
    for (size_t i = 0; i < all.n; i++) {
        struct neighbour *x = &all.v[i];
        udp_close(x->udp);
        sip_msg_unref(x->last);
        while (x->head != x->tail)
            sip_msg_unref(x->queue[x->head++ % NEIGHBOUR_QUEUE]);
    }
    loop_free(all.loop);
}

void world_run(uint64_t ms)
{
    pass_ms(all.sim, ms);
}

void world_send(int i, const char *text)
{
    static char out[65536];
    assert_int_equal(udp_send(all.v[i].udp, &all.node, wire_text(text, out, sizeof out)), 0);
}

void world_sendf(int i, const char *fmt, ...)
{
    static char text[65536];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    world_send(i, text);
}

struct sip_msg *world_heard(int i)
{
    struct neighbour *x = &all.v[i];
    sip_msg_unref(x->last);
    x->last = x->head == x->tail ? NULL : x->queue[x->head++ % NEIGHBOUR_QUEUE];
    return x->last;
}

struct sip_msg *world_take(int i)
{
    if (all.v[i].head == all.v[i].tail)
        world_run(200);
    struct sip_msg *m = world_heard(i);
    if (m && all.taken)
        all.taken(i, m);
    return m;
}

static bool is_ack(const struct sip_msg *m)
{
    return sip_msg_is_request(m) && sip_msg_method(m) == SIP_ACK;
}

static struct sip_msg *take_notable(int i, bool ack_too)
{
    struct sip_msg *m;
    do
        m = world_take(i);
    while (m && (sip_msg_status(m) == 100 || (is_ack(m) && !ack_too)));
    return m;
}

struct sip_msg *world_expect(int i, unsigned status)
{
    struct sip_msg *m = take_notable(i, false);
    if (!m || sip_msg_status(m) != status)
        fail_msg("instead of %u: %.*s", status, STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    return m;
}

struct sip_msg *world_expect_request(int i, const char *method)
{
    struct sip_msg *m = take_notable(i, strcmp(method, "ACK") == 0);
    if (!m || !sip_msg_is_request(m) || !str_eq(sip_msg_method_name(m), str_from(method)))
        fail_msg("instead of %s: %.*s", method, STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    return m;
}

void world_answer(int i, const struct sip_msg *request, unsigned status, const char *headers)
{
    static char room[8192];
    struct writer out = writer_init(room, sizeof room);
    assert_int_equal(wire_answer(request, status, "uas", headers, &out), 0);
    assert_int_equal(udp_send(all.v[i].udp, &all.node, writer_done(&out)), 0);
}

void world_accept_twice(int i, const struct sip_msg *invite, const char *headers, int asker, const struct stack *s)
{
    world_answer(i, invite, 200, headers);
    struct sip_msg *first = sip_msg_ref(world_expect(asker, 200));
    world_run(5000);
    assert_int_equal(figure_of(s, "sip_requests_held", NULL), 0);
    world_answer(i, invite, 200, headers);
    struct sip_msg *again = world_expect(asker, 200);
    struct str a = sip_msg_bytes(first), b = sip_msg_bytes(again);
    if (!str_eq(a, b))
        fail_msg("first:\n%.*s\nagain:\n%.*s", STR_ARG(a), STR_ARG(b));
    sip_msg_unref(first);
}

// ---- reading ----

const char *header(const struct sip_msg *m, enum sip_hid id)
{
    static char room[8][2048];
    static unsigned turn;
    char *to = room[turn++ % 8];
    copy(to, sizeof room[0], sip_msg_raw(m, id));
    return to;
}

void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" is in \"%s\"", part, text);
}

// ---- HSS ----

void hss_start(struct sim *sim, const struct cx_server *ops, struct loop **ret_loop,
               struct dia_node **ret_node)
{
    struct addr local = place_port("127.0.1.40", 3868);
    assert_int_equal(sim_node(sim, "hss", ret_loop), 0);
    struct dia_params p = cx_params(*ret_loop, "hss." DOMAIN, DOMAIN);
    p.accept_unknown = true;
    *ret_node = cx_node(&p, ops, NULL, &local);
}

void hss_end(struct sim *sim, struct loop *loop, struct dia_node **node, bool crash)
{
    if (!*node)
        return;
    if (crash)
        sim_crash(sim, loop);
    dia_node_free(*node);
    loop_free(loop);
    *node = NULL;
}
