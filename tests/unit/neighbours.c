// SPDX-License-Identifier: Apache-2.0
#include "neighbours.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/writer.h"

struct addr at(const char *text)
{
    struct addr a;
    assert_int_equal(addr_parse_port(str_from(text), 5060, &a), 0);
    return a;
}

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

void neighbours_open(struct neighbours *a, struct sim *sim, const char *node,
                     const char *const where[], size_t n)
{
    assert_true(n <= NEIGHBOURS_MAX);
    *a = (struct neighbours){.sim = sim, .node = at(node), .n = n};
    assert_int_equal(sim_node(sim, "peers", &a->loop), 0);
    for (size_t i = 0; i < n; i++) {
        struct udp_params p = {.local = at(where[i]), .cb = on_udp, .arg = &a->v[i]};
        assert_int_equal(udp_open(a->loop, &p, &a->v[i].udp), 0);
    }
}

void neighbours_close(struct neighbours *a)
{
    for (size_t i = 0; i < a->n; i++) {
        struct neighbour *x = &a->v[i];
        udp_close(x->udp);
        sip_msg_unref(x->last);
        while (x->head != x->tail)
            sip_msg_unref(x->queue[x->head++ % NEIGHBOUR_QUEUE]);
    }
    loop_free(a->loop);
}

void neighbour_send(struct neighbours *a, int i, const char *text)
{
    static char out[65536];
    size_t n = 0;
    for (; *text && n < sizeof out - 2; text++) {
        if (*text == '\n')
            out[n++] = '\r';
        out[n++] = *text;
    }
    assert_int_equal(udp_send(a->v[i].udp, &a->node, str_make(out, n)), 0);
}

struct sip_msg *neighbour_take(struct neighbours *a, int i)
{
    struct neighbour *x = &a->v[i];
    if (x->head == x->tail)
        (void)sim_run(a->sim, sim_now_ms(a->sim) + 200);
    sip_msg_unref(x->last);
    x->last = x->head == x->tail ? NULL : x->queue[x->head++ % NEIGHBOUR_QUEUE];
    if (x->last && a->taken)
        a->taken(i, x->last);
    return x->last;
}

static bool is_ack(const struct sip_msg *m)
{
    return sip_msg_is_request(m) && sip_msg_method(m) == SIP_ACK;
}

static struct sip_msg *take_notable(struct neighbours *a, int i, bool ack_too)
{
    struct sip_msg *m;
    do
        m = neighbour_take(a, i);
    while (m && (sip_msg_status(m) == 100 || (is_ack(m) && !ack_too)));
    return m;
}

struct sip_msg *neighbour_expect(struct neighbours *a, int i, unsigned status)
{
    struct sip_msg *m = take_notable(a, i, false);
    if (!m || sip_msg_status(m) != status)
        fail_msg("instead of %u: %.*s", status, STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    return m;
}

struct sip_msg *neighbour_expect_request(struct neighbours *a, int i, const char *method)
{
    struct sip_msg *m = take_notable(a, i, strcmp(method, "ACK") == 0);
    if (!m || !sip_msg_is_request(m) || !str_eq(sip_msg_method_name(m), str_from(method)))
        fail_msg("instead of %s: %.*s", method, STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    return m;
}

void neighbour_answer(struct neighbours *a, int i, const struct sip_msg *request, unsigned status,
                      const char *headers)
{
    static char room[8192];
    struct arena arena;
    struct sip_edits extra;
    arena_init(&arena, NULL, 0);
    sip_edits_init(&extra, &arena, NULL);
    struct str lines = str_from(headers);
    while (lines.n) {
        struct str line = str_split(&lines, '\n'), name = str_split(&line, ':');
        sip_edit_append_named(&extra, name, str_trim(line));
    }
    struct writer out = writer_init(room, sizeof room);
    assert_int_equal(sip_write_response(request, status, STR_NONE, STR("uas"), &extra, &out), 0);
    assert_int_equal(udp_send(a->v[i].udp, &a->node, writer_done(&out)), 0);
    arena_done(&arena);
}

// ---- HSS ----

void hss_start(struct sim *sim, const struct cx_server *ops, struct loop **ret_loop,
               struct dia_node **ret_node)
{
    static const struct dia_interface *const apps[] = {&dia_cx};
    struct addr local = at("127.0.1.40:3868");
    struct dia_params p = {.origin_host = STR("hss." DOMAIN),
                           .origin_realm = STR(DOMAIN),
                           .product = STR("test"),
                           .applications = apps,
                           .n_applications = 1,
                           .accept_unknown = true};
    assert_int_equal(sim_node(sim, "hss", ret_loop), 0);
    p.loop = *ret_loop;
    assert_int_equal(dia_node_new(&p, ret_node), 0);
    assert_int_equal(cx_serve(*ret_node, ops, NULL), 0);
    assert_int_equal(dia_node_listen(*ret_node, DIA_TCP, &local), 0);
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
