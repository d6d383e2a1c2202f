// SPDX-License-Identifier: Apache-2.0
// The four commands over Diameter on the simulated network: a CSCF's node and the HSS's, each a
// process of its own; a crash between request and answer; the same seed gives the same challenges.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "hss/hss.h"
#include "io/sim.h"
#include "tests/common/cx_node.h"
#include "tests/common/subscribers.h"
#include "world.h"

#define ALICE "alice@" DOMAIN
#define ALICE_IMPU "sip:alice@" DOMAIN

struct net {
    struct sim *sim;
    struct loop *hss_loop, *cscf_loop;
    struct hss *hss;
    struct dia_node *hss_dia, *cscf_dia;
    struct addr hss_addr;
    unsigned answers;
    int err;
    struct dia_result result;
    char name[128];
    uint8_t challenge[32];
    bool user_data;
    size_t n_items;
    char contact[128]; // of the first that is restored
    uint32_t timeout, features;
};

static void start_hss(struct net *n)
{
    char error[256] = "";
    size_t count;
    assert_int_equal(sim_node(n->sim, "hss", &n->hss_loop), 0);
    const struct hss_params p = {.loop = n->hss_loop, .store_path = ":memory:", .settings.restoration_size = 4096};
    assert_int_equal(hss_new(&p, &n->hss), 0);
    assert_int_equal(
        subscribers_import(n->hss, str_from(world_subscribers), "w", error, sizeof(error), &count), 0);
    const struct dia_params d = cx_params(n->hss_loop, "hss." DOMAIN, DOMAIN);
    n->hss_dia = cx_node(&d, &hss_cx_server, n->hss, &n->hss_addr);
    assert_int_equal(
        dia_peer_add(n->hss_dia, &(struct dia_peer_params){.host = STR("cscf." DOMAIN),
                                                           .from = &STR("0.0.0.0/0"),
                                                           .n_from = 1}),
        0);
}

static void stop_hss(struct net *n)
{
    hss_free(n->hss);
    dia_node_free(n->hss_dia);
    loop_free(n->hss_loop);
}

static void start(struct net *n, uint64_t seed)
{
    memset(n, 0, sizeof(*n));
    assert_int_equal(sim_new(seed, &n->sim), 0);
    sim_set_faults(n->sim, &(struct sim_faults){.delay_min_us = 100, .delay_max_us = 2000});
    assert_int_equal(addr_parse(STR("10.0.0.1"), 3868, &n->hss_addr), 0);
    start_hss(n);
    assert_int_equal(sim_node(n->sim, "cscf", &n->cscf_loop), 0);
    const struct dia_params d = cx_params(n->cscf_loop, "cscf." DOMAIN, DOMAIN);
    n->cscf_dia = cx_node(&d, NULL, NULL, NULL);
    assert_int_equal(dia_peer_add(n->cscf_dia, &(struct dia_peer_params){.host = STR("hss." DOMAIN),
                                                                         .remote = n->hss_addr}),
                     0);
    sim_run(n->sim, 2000);
    assert_true(dia_ready(n->cscf_dia, STR(DOMAIN)));
}

static void stop(struct net *n)
{
    dia_node_free(n->cscf_dia);
    loop_free(n->cscf_loop);
    stop_hss(n);
    sim_free(n->sim);
}

static void keep(struct net *n, int err, struct dia_result result, struct str name)
{
    n->answers++;
    n->err = err;
    n->result = result;
    assert_true(name.n < sizeof(n->name));
    if (name.n)
        memcpy(n->name, name.p, name.n);
    n->name[name.n] = '\0';
}

static const struct dia_result none;

static void on_uaa(void *nf, cx_arg arg, int err, const struct cx_uaa *a)
{
    keep(nf, err, a ? a->result : none, a ? a->server_name : STR_NONE);
}

static void on_lia(void *nf, cx_arg arg, int err, const struct cx_lia *a)
{
    keep(nf, err, a ? a->result : none, a ? a->server_name : STR_NONE);
}

static void on_maa(void *nf, cx_arg arg, int err, const struct cx_maa *a)
{
    struct net *n = nf;
    keep(nf, err, a ? a->result : none, a ? a->impi : STR_NONE);
    n->n_items = a ? a->n_items : 0;
    if (n->n_items && a->items[0].authenticate.n == sizeof(n->challenge))
        memcpy(n->challenge, a->items[0].authenticate.p, sizeof(n->challenge));
}

static void on_saa(void *nf, cx_arg arg, int err, const struct cx_saa *a)
{
    struct net *n = nf;
    keep(nf, err, a ? a->result : none, a ? a->impi : STR_NONE);
    n->user_data = a && str_find(a->user_data, STR("<IMSSubscription>")) >= 0;
    n->contact[0] = 0;
    n->features = a && a->head.n_features ? a->head.features[0].list : 0;
    if (!a || !a->n_restorations || !a->restorations[0].n_contacts)
        return;
    n->timeout = a->restorations[0].timeout;
    (void)snprintf(n->contact, sizeof n->contact, "%.*s", STR_ARG(a->restorations[0].contacts[0].contact));
}

static void wait_answer(struct net *n, const char *what, uint32_t code, bool experimental)
{
    unsigned before = n->answers;
    sim_run(n->sim, sim_now_ms(n->sim) + 6000);
    assert_int_equal(n->answers, before + 1);
    assert_int_equal(n->err, 0);
    expect_result(what, n->result, code, experimental);
}

static struct cx_head head(void)
{
    return (struct cx_head){.dest_realm = STR(DOMAIN)};
}

static void send_uar(struct net *n)
{
    const struct cx_uar r = {.head = head(),
                             .impi = STR(ALICE),
                             .impu = STR(ALICE_IMPU),
                             .visited_network = STR(DOMAIN)};
    assert_int_equal(cx_send_uar(n->cscf_dia, &r, 5000, on_uaa, n, 1), 0);
}

static void send_mar(struct net *n, uint32_t items)
{
    struct cx_mar r = world_mar_of(ALICE, ALICE_IMPU);
    r.head = head();
    r.n_items = items;
    assert_int_equal(cx_send_mar(n->cscf_dia, &r, 5000, on_maa, n, 1), 0);
}

static void registration(struct net *n)
{
    send_uar(n);
    wait_answer(n, "UAR", CX_FIRST_REGISTRATION, true);
    send_mar(n, 2);
    wait_answer(n, "MAR", DIA_SUCCESS, false);
    assert_int_equal(n->n_items, 2);
    assert_string_equal(n->name, ALICE);
    struct cx_sar s = world_sar_of(ALICE, ALICE_IMPU, CX_REGISTRATION);
    s.head = head();
    assert_int_equal(cx_send_sar(n->cscf_dia, &s, 5000, on_saa, n, 1), 0);
    wait_answer(n, "SAR", DIA_SUCCESS, false);
    assert_true(n->user_data);
}

static void all_four(void **state)
{
    struct net n;
    (void)state;
    start(&n, 7);
    registration(&n);
    const struct cx_lir l = {.head = head(), .impu = STR("tel:+15550000001")};
    assert_int_equal(cx_send_lir(n.cscf_dia, &l, 5000, on_lia, &n, 1), 0);
    wait_answer(&n, "LIR", DIA_SUCCESS, false);
    assert_string_equal(n.name, SCSCF);
    send_uar(&n);
    wait_answer(&n, "UAR", CX_SUBSEQUENT_REGISTRATION, true);
    const struct cx_lir x = {.head = head(), .impu = STR("sip:nobody@" DOMAIN)};
    assert_int_equal(cx_send_lir(n.cscf_dia, &x, 5000, on_lia, &n, 1), 0);
    wait_answer(&n, "LIR", CX_ERROR_USER_UNKNOWN, true);
    stop(&n);
}

static void send_sar(struct net *n, struct cx_sar s, const char *what, uint32_t code, bool experimental)
{
    static const struct cx_feature f = {DIA_VENDOR_3GPP, 1, CX_IMS_RESTORATION, false};
    s.head = head();
    s.head.features = &f;
    s.head.n_features = 1;
    assert_int_equal(cx_send_sar(n->cscf_dia, &s, 5000, on_saa, n, 1), 0);
    wait_answer(n, what, code, experimental);
    assert_int_equal(n->features, CX_IMS_RESTORATION);
}

// TS 29.228 6.1.2.1, TS 29.229 6.3.46: what was left comes back, also with the result that is no success.
static void restoration(void **state)
{
    static const struct cx_restoration_contact c = {.path = STR_INIT("<sip:pcscf;lr>"), .contact = STR_INIT("<sip:alice@10.0.0.9>")};
    struct net n;
    (void)state;
    start(&n, 5);
    struct cx_sar s = world_sar_of(ALICE, ALICE_IMPU, CX_REGISTRATION);
    s.restoration = (struct cx_restoration){
        .present = true, .impi = STR(ALICE), .timeout = 0xe8000001, .contacts = &c, .n_contacts = 1};
    send_sar(&n, s, "REGISTRATION", DIA_SUCCESS, false);
    assert_string_equal(n.contact, "");
    send_sar(&n, world_sar_of(ALICE, ALICE_IMPU, CX_NO_ASSIGNMENT), "NO_ASSIGNMENT", DIA_SUCCESS, false);
    assert_string_equal(n.contact, "<sip:alice@10.0.0.9>");
    assert_int_equal(n.timeout, 0xe8000001);
    send_sar(&n, world_sar_of(NULL, ALICE_IMPU, CX_UNREGISTERED_USER), "UNREGISTERED_USER", CX_ERROR_IN_ASSIGNMENT_TYPE, true);
    assert_string_equal(n.contact, "<sip:alice@10.0.0.9>");
    assert_true(n.user_data);
    stop(&n);
}

static void seed_decides(void **state)
{
    struct net a, b, c;
    (void)state;
    start(&a, 11);
    registration(&a);
    stop(&a);
    start(&b, 11);
    registration(&b);
    stop(&b);
    start(&c, 12);
    registration(&c);
    stop(&c);
    assert_memory_equal(a.challenge, b.challenge, sizeof(a.challenge));
    assert_memory_not_equal(a.challenge, c.challenge, sizeof(a.challenge));
}

// The HSS dies with MARs in its hands and in its transaction; nothing leaks, and each is answered
// once, by the HSS that came after it or by the client's own timer.
static void crash_between(void **state)
{
    struct net n;
    (void)state;
    start(&n, 3);
    for (int i = 0; i < 20; i++)
        send_mar(&n, 1);
    sim_run(n.sim, sim_now_ms(n.sim) + 2);
    sim_crash(n.sim, n.hss_loop);
    stop_hss(&n);
    sim_run(n.sim, sim_now_ms(n.sim) + 100);
    start_hss(&n);
    sim_run(n.sim, sim_now_ms(n.sim) + 120000);
    assert_int_equal(n.answers, 20);
    stop(&n);
}

static int no_leak(void **state)
{
    (void)state;
    return mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_four),
        cmocka_unit_test(restoration),
        cmocka_unit_test(seed_decides),
        cmocka_unit_test(crash_between),
    };
    return cmocka_run_group_tests(tests, NULL, no_leak);
}
