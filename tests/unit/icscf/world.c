// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <stdio.h>

struct world w;

// ---- HSS ----

static struct dia_result result(void)
{
    return w.result.code ? w.result : (struct dia_result){DIA_SUCCESS, false};
}

static void fill(bool demanded, struct str *name, struct cx_capabilities *c)
{
    if (w.result.code && w.result.code >= 3000)
        return;
    *name = str_from(w.server);
    *c = w.caps;
    if (c->present)
        return;
    c->present = w.capabilities || (w.capabilities_on_demand && demanded);
    if (c->present && w.mandatory) {
        c->mandatory = &w.mandatory;
        c->n_mandatory = 1;
    }
}

static void on_uar(void *arg, struct dia_request *q, const struct cx_uar *r)
{
    w.n_uar++;
    copy(w.asked.impi, sizeof w.asked.impi, r->impi);
    copy(w.asked.impu, sizeof w.asked.impu, r->impu);
    copy(w.asked.visited, sizeof w.asked.visited, r->visited_network);
    w.asked.type = r->type;
    if (w.silent)
        return;
    struct cx_uaa a = {.result = result()};
    fill(r->type == CX_UAR_REGISTRATION_AND_CAPABILITIES, &a.server_name, &a.capabilities);
    cx_answer_uaa(q, &a);
}

static void on_lir(void *arg, struct dia_request *q, const struct cx_lir *r)
{
    w.n_lir++;
    copy(w.asked.impu, sizeof w.asked.impu, r->impu);
    w.asked.originating = r->originating;
    w.asked.and_capabilities = r->and_capabilities;
    if (w.silent)
        return;
    struct cx_lia a = {.result = result(), .wildcard = str_from(w.wildcard)};
    fill(r->and_capabilities, &a.server_name, &a.capabilities);
    cx_answer_lia(q, &a);
}

void world_kill_hss(void)
{
    hss_end(w.sim, w.hss_loop, &w.hss, true);
}

// ---- life ----

static void configure(struct icscf_config *c)
{
    static struct addr udp;
    static struct str trusted[] = {STR_INIT("127.0.1.0/24")};
    static struct node_peer peer;
    static struct str has7[] = {STR_INIT("7")};
    static struct icscf_scscf servers[] = {
        {.name = STR_INIT(S1), .priority = 1, .weight = 1},
        {.name = STR_INIT(S2), .priority = 2, .weight = 1, .capabilities = {has7, 1}},
    };
    udp = place(ICSCF);
    peer = (struct node_peer){.host = STR("hss." DOMAIN), .address = place("127.0.1.40:3868"),
                               .priority = 1, .weight = 1};
    *c = (struct icscf_config){
        .name = STR("sip:icscf." DOMAIN ":5060"),
        .domain = STR(DOMAIN),
        .sip = {.udp = {&udp, 1}},
        .trusted = {trusted, ARRAY_LEN(trusted)},
        .diameter = {.identity = STR("icscf." DOMAIN), .realm = STR(DOMAIN),
                     .hss = STR("hss." DOMAIN), .peers = {&peer, 1}, .timeout_ms = 5000,
                     .watchdog_ms = 30000},
        .scscfs = {servers, 2},
        .scscf_timeout_ms = 8000,
    };
}

static void open_peers(void)
{
    static const char *const where[] = {"127.0.1.10:5060", "127.0.1.30:5060", "127.0.1.31:5060",
                                        "198.51.100.66:5060"};
    static const char *const names[] = {"p." DOMAIN, "s1." DOMAIN, "s2." DOMAIN, "eve." DOMAIN};
    neighbours_open(w.sim, ICSCF, where, W_SOCKETS, NULL);
    for (size_t i = 0; i < W_SOCKETS; i++)
        place_host(w.sim, names[i], where[i]);
}

int world_set_up(void **state)
{
    (void)state;
    return world_set_up_with(&(struct node_numbering){0});
}

int world_set_up_with(const struct node_numbering *home)
{
    static const struct cx_server ops = {.uar = on_uar, .lir = on_lir};
    struct icscf_params p = {.config = &w.cfg};
    const char *why;
    w = (struct world){.server = S1};
    assert_int_equal(sim_new(7, &w.sim), 0);
    configure(&w.cfg);
    w.cfg.home = *home;
    open_peers();
    hss_start(w.sim, &ops, &w.hss_loop, &w.hss);
    assert_int_equal(sim_node(w.sim, "icscf", &w.icscf_loop), 0);
    p.loop = w.icscf_loop;
    assert_int_equal(icscf_new(&p, &w.icscf), 0);
    assert_false(icscf_ready(w.icscf, &why));
    world_run(2000);
    assert_true(icscf_ready(w.icscf, &why));
    return 0;
}

int world_tear_down(void **state)
{
    icscf_free(w.icscf);
    loop_free(w.icscf_loop);
    hss_end(w.sim, w.hss_loop, &w.hss, false);
    neighbours_close();
    sim_free(w.sim);
    sip_msg_pool_drain();
    return 0;
}
