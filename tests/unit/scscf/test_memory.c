// SPDX-License-Identifier: Apache-2.0
// The S-CSCF when the n-th allocation fails, for every n: it refuses or is silent, it does not fall, and
// afterwards it works.
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "world.h"

static void ignore(void *arg, enum log_level level, struct str line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static bool try_register(void)
{
    struct sip_msg *m = world_register(&alice);
    if (!m || sip_msg_status(m) != 401)
        return false;
    struct reg again = alice;
    again.auth = world_credentials(m, alice.impi, RES, 1, "yes");
    m = world_register(&again);
    return m && sip_msg_status(m) == 200;
}

static bool try_call(unsigned n)
{
    world_sendf(W_ICSCF,
                "MESSAGE sip:alice@" DOMAIN " SIP/2.0\n"
                "Via: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKm%u\nMax-Forwards: 70\n"
                "From: <sip:bob@" DOMAIN ">;tag=f\nTo: <sip:alice@" DOMAIN ">\nCall-ID: m%u\n"
                "CSeq: 1 MESSAGE\nContent-Length: 0\n\n", n, n);
    struct sip_msg *m;
    while ((m = world_take(W_PCSCF)))
        if (sip_msg_is_request(m)) {
            world_answer(W_PCSCF, m, 200, "");
            return true;
        }
    return false;
}

static void settle(void)
{
    world_run(70000); // links come back, transactions end
    for (int i = 0; i < W_SOCKETS; i++)
        while (world_take(i))
            ;
}

// Allocations of the peers fail too: what matters is that nothing falls and all comes back.
static void every_allocation_may_fail(void **state)
{
    log_set_sink(ignore, NULL);
    unsigned failed = 0;
    for (long n = 0; n < 250; n++) {
        bool good = false;
        struct sip_msg *m = NULL;
        world_sendf(W_PCSCF, "REGISTER sip:" DOMAIN " SIP/2.0\n"
                    "Via: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKx%ld\nMax-Forwards: 70\n"
                    "From: <sip:alice@" DOMAIN ">;tag=f\nTo: <sip:alice@" DOMAIN ">\n"
                    "Call-ID: x%ld\nCSeq: 1 REGISTER\nContact: <sip:alice@192.0.2.1>\n"
                    "Content-Length: 0\n\n", n, n);
        mem_fail_after(n);
        world_run(100);
        mem_fail_after(-1);
        while ((m = world_take(W_PCSCF)))
            good = good || sip_msg_status(m) == 401;
        failed += !good;
        settle();
    }
    assert_true(failed > 0);
    world_run(300000);
    assert_true(try_register());
    assert_true(try_call(1));
    log_set_sink(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, world_set_up, world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
