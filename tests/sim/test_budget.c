// SPDX-License-Identifier: Apache-2.0
// What a request to a phone that says nothing costs the whole core: how many transactions and
// datagrams, how long, and what the other side hears in the end. The caller's P-CSCF is a bare
// socket.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "sip/msg.h"
#include "stack/stack.h"
#include "tests/common/place.h"
#include "tests/sim/world.h"

#define CALLER "192.0.2.50"
#define SCSCF "192.0.2.30"
#define PCSCF "192.0.2.10"
#define PHONE "192.0.2.100" // of user 0, over UDP

static struct world w; // large: not on the stack

struct side {
    struct loop *loop;
    struct udp *udp;
    uint64_t sent_at, tried_at, final_at; // ms
    unsigned final, finals;
    char method[16];
    unsigned to_phone; // datagrams with the request
    unsigned others;   // the same between the nodes
};

static struct side caller;

static uint64_t now(void)
{
    return sim_now_ms(w.sim);
}

static void on_response(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    struct sip_msg *m = NULL;
    struct sip_parse_error e;
    assert_int_equal(sip_msg_parse(data, &m, &e), 0);
    unsigned status = sip_msg_status(m);
    if (status == 100 && !caller.tried_at)
        caller.tried_at = now();
    if (status >= 200 && !caller.finals++) {
        caller.final = status;
        caller.final_at = now();
    }
    sip_msg_unref(m);
}

static void on_trace(void *arg, uint64_t at_us, const struct addr *src, const struct addr *dst,
                     bool tcp, bool dropped, struct str data)
{
    struct addr phone = place_port(PHONE, 0), from = place_port(CALLER, 0);
    if (!str_starts(data, str_from(caller.method)) || addr_eq_ip(src, &from))
        return;
    *(addr_eq_ip(dst, &phone) ? &caller.to_phone : &caller.others) += 1;
}

static void add_clients(void *arg, const char *name, const char *labels, uint64_t value)
{
    uint64_t *n = arg;
    if (strcmp(name, "sip_transactions_total") == 0 && strstr(labels, "client"))
        *n += value;
}

static uint64_t client_transactions(void)
{
    uint64_t n = 0;
    for (int k = W_ICSCF; k < W_NODES; k++)
        stack_stats(world_stack(&w, (enum world_node)k), add_clients, &n);
    return n;
}

static int set_up(void **state)
{
    world_start(&w, 1, 2);
    for (size_t i = 0; i < 2; i++)
        world_register(&w, i);
    (void)sim_run(w.sim, now() + 3000);
    assert_int_equal(w.counts.register_ok, 2);
    caller = (struct side){0};
    assert_int_equal(sim_node(w.sim, "caller", &caller.loop), 0);
    struct udp_params p = {.local = place_port(CALLER, 5060), .cb = on_response};
    assert_int_equal(udp_open(caller.loop, &p, &caller.udp), 0);
    sim_set_trace(w.sim, on_trace, NULL);
    return 0;
}

static int tear_down(void **state)
{
    udp_close(caller.udp);
    loop_free(caller.loop);
    world_stop(&w);
    sip_msg_pool_drain();
    return 0;
}

// user 1 asks for user 0, as his P-CSCF would.
static void ask(const char *method)
{
    char text[1024];
    snprintf(caller.method, sizeof caller.method, "%s ", method);
    int n = snprintf(text, sizeof text,
                     "%s sip:user0@" W_DOMAIN " SIP/2.0\r\nVia: SIP/2.0/UDP " CALLER
                     ":5060;branch=z9hG4bK-%s\r\n"
                     "Max-Forwards: 70\r\nRoute: <sip:orig@" SCSCF ":5060;lr>\r\n"
                     "P-Asserted-Identity: <sip:user1@" W_DOMAIN ">\r\nFrom: <sip:user1@" W_DOMAIN
                     ">;tag=f\r\n"
                     "To: <sip:user0@" W_DOMAIN ">\r\nCall-ID: %s@x\r\nCSeq: 1 %s\r\n"
                     "Contact: <sip:user1@" CALLER ">\r\nContent-Length: 0\r\n\r\n",
                     method, method, method, method);
    struct addr to = place_port(SCSCF, 5060);
    caller.sent_at = now();
    assert_int_equal(udp_send(caller.udp, &to, str_make(text, (size_t)n)), 0);
}

static void silence_the_phone(void)
{
    struct addr a = place_port(PCSCF, 0), b = place_port(PHONE, 0);
    assert_int_equal(sim_partition(w.sim, &a, &b, true), 0);
}

// S-CSCF to I-CSCF to S-CSCF to P-CSCF to UE: one transaction each. Towards the UE T1 is 2 s, so
// the 16 s of that leg are four datagrams; between the nodes there is one of each. Everybody else
// gives up later, so the answer is there long before the caller's Timer F.
static void message_to_a_silent_phone(void **state)
{
    silence_the_phone();
    uint64_t before = client_transactions();
    ask("MESSAGE");
    (void)sim_run(w.sim, now() + 60000);
    assert_int_equal(client_transactions() - before, 4);
    assert_int_equal(caller.to_phone, 4);
    assert_int_equal(caller.others, 3);
    assert_int_equal(caller.finals, 1);
    assert_int_equal(caller.final, 480);
    assert_in_range(caller.final_at - caller.sent_at, 16000, 17000);
    assert_in_range(caller.tried_at - caller.sent_at, 3500, 4000); // RFC 4320 4.1
}

static void invite_to_a_silent_phone(void **state)
{
    silence_the_phone();
    uint64_t before = client_transactions();
    ask("INVITE");
    (void)sim_run(w.sim, now() + 20000);
    assert_int_equal(client_transactions() - before, 4);
    assert_int_equal(caller.to_phone, 4);
    assert_int_equal(caller.others, 3);
    assert_int_equal(caller.final, 408);
    assert_in_range(caller.final_at - caller.sent_at, 16000, 17000);
}

// It blames nobody: the next request takes the same way, and is answered.
static void silence_of_a_phone_blames_nobody(void **state)
{
    struct addr a = place_port(PCSCF, 0), b = place_port(PHONE, 0);
    silence_the_phone();
    ask("MESSAGE");
    (void)sim_run(w.sim, now() + 30000);
    assert_int_equal(caller.final, 480);
    assert_int_equal(sim_partition(w.sim, &a, &b, false), 0);
    caller.finals = caller.others = caller.to_phone = 0;
    ask("OPTIONS");
    (void)sim_run(w.sim, now() + 1000);
    assert_int_equal(caller.finals, 1);
    assert_int_equal(caller.final, 200);
    assert_int_equal(caller.others, 3);
    assert_int_equal(caller.to_phone, 1);
}

// The host is up and the phone is not: known at once.
static void message_to_a_killed_phone(void **state)
{
    struct loop *host;
    struct udp *other;
    assert_int_equal(sim_node(w.sim, "host", &host), 0);
    struct udp_params p = {.local = place_port(PHONE, 5099), .cb = on_response};
    assert_int_equal(udp_open(host, &p, &other), 0);
    sim_crash(w.sim, w.ue_loop[0]);
    ask("MESSAGE");
    (void)sim_run(w.sim, now() + 1000);
    assert_int_equal(caller.final, 480);
    assert_int_equal(caller.to_phone, 1);
    udp_close(other);
    loop_free(host);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(message_to_a_silent_phone),
        TEST(invite_to_a_silent_phone),
        TEST(silence_of_a_phone_blames_nobody),
        TEST(message_to_a_killed_phone),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("sim_budget", tests, NULL, NULL);
}
