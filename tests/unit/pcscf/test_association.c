// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "pcscf/association.h"

static struct association_table *t;

static int set_up(void **state)
{
    (void)state;
    return association_table_new(&t);
}

static int tear_down(void **state)
{
    (void)state;
    association_table_free(t);
    return 0;
}

static struct addr at(const char *ip, uint16_t port)
{
    struct addr a;
    assert_int_equal(addr_parse(str_from(ip), port, &a), 0);
    return a;
}

static struct access_flow flow(enum sip_proto proto, uint16_t port, flow_id id)
{
    return (struct access_flow){.proto = proto, .remote = at("192.0.2.1", port), .id = id};
}

static struct association *joined(const char *ip, uint64_t user, bool exact)
{
    struct addr a = at(ip, 5060);
    struct association *made = NULL;
    assert_int_equal(association_get(t, &a, STR("impi"), user, &made), 0);
    association_join(made, exact);
    return made;
}

static bool alone(const char *ip, const struct association *a)
{
    struct addr any_port = at(ip, 9);
    return association_alone(t, &any_port) == a;
}

// TS 33.203 N.2.1: the address is the UE's, whatever the port.
static void one_ue_has_its_address(void **state)
{
    (void)state;
    struct association *a = joined("192.0.2.1", 1, false), *six = joined("2001:db8::1", 1, false);
    struct addr there = at("192.0.2.1", 77), elsewhere = at("192.0.2.2", 5060);
    assert_true(alone("192.0.2.1", a) && alone("2001:db8::1", six) && alone("2001:db8::2", NULL));
    assert_ptr_equal(association_find(t, &there, 1), a);
    assert_null(association_find(t, &there, 2));
    assert_null(association_find(t, &elsewhere, 1));
    assert_true(association_any(t, &there) && !association_any(t, &elsewhere));
    association_leave(a, false);
    assert_true(alone("192.0.2.1", NULL));
    assert_int_equal(association_stats(t).associations, 1);
    assert_int_equal(association_stats(t).addresses, 1);
}

// Of two nobody can tell who sends, until one of them has gone.
static void two_ues_share_an_address(void **state)
{
    (void)state;
    struct association *a = joined("192.0.2.1", 1, false);
    struct access_flow f = flow(SIP_PROTO_TCP, 5, 9);
    assert_true(association_hear(a, &f, NULL));
    struct association *b = joined("192.0.2.1", 2, false);
    assert_true(alone("192.0.2.1", NULL));
    assert_false(association_heard(a, &f)); // it was heard by the address alone
    assert_int_equal(association_stats(t).shared, 1);
    association_leave(a, false);
    assert_true(alone("192.0.2.1", b));
    assert_int_equal(association_stats(t).shared, 0);
}

// Behind a NAT, or with managed flows, the address is not the UE's alone; a contact that is not so
// changes nothing.
static void port_counts(void **state)
{
    (void)state;
    struct association *a = joined("192.0.2.1", 1, true);
    assert_true(alone("192.0.2.1", NULL));
    association_join(a, false);
    assert_true(alone("192.0.2.1", NULL));
    uint64_t before = association_stats(t).changes;
    association_leave(a, true);
    assert_true(alone("192.0.2.1", a));
    assert_true(association_stats(t).changes > before);
}

static void flows_are_few(void **state)
{
    (void)state;
    struct association *a = joined("192.0.2.1", 1, false);
    flow_id gone = 99;
    for (uint16_t i = 1; i <= ASSOCIATION_FLOWS; i++) {
        struct access_flow f = i % 2 ? flow(SIP_PROTO_TCP, 5, i) : flow(SIP_PROTO_UDP, i, 0);
        assert_true(association_hear(a, &f, &gone));
        assert_int_equal(gone, 0);
    }
    struct access_flow first = flow(SIP_PROTO_TCP, 77, 1), next = flow(SIP_PROTO_TCP, 5, 100),
                       second = flow(SIP_PROTO_UDP, 2, 0), third = flow(SIP_PROTO_TCP, 5, 3);
    assert_false(association_hear(a, &first, &gone)); // known, and now the newest
    assert_true(association_hear(a, &next, &gone));   // in place of the second
    assert_int_equal(gone, 0);
    assert_false(association_heard(a, &second));
    struct access_flow udp = flow(SIP_PROTO_UDP, 200, 0);
    assert_true(association_hear(a, &udp, &gone)); // in place of the third, a connection
    assert_int_equal(gone, 3);
    assert_false(association_heard(a, &third));
    size_t it = 0;
    assert_int_equal(association_connection(a, &it), 100);
    assert_int_equal(association_connection(a, &it), 1);
    assert_int_equal(association_connection(a, &it), 7);
    assert_int_equal(association_stats(t).flows, ASSOCIATION_FLOWS);
    assert_int_equal(association_stats(t).flows_replaced, 2);
    association_leave(a, false);
    assert_int_equal(association_stats(t).flows, 0);
}

static void out_of_memory(void **state)
{
    struct addr a = at("192.0.2.1", 1);
    struct association *made = NULL;
    (void)state;
    for (long n = 0; n < 8; n++) {
        mem_fail_after(n);
        int err = association_get(t, &a, STR("impi"), 1, &made);
        mem_fail_after(-1);
        assert_true(err == 0 || err == ERR_NOMEM);
        assert_int_equal(association_stats(t).associations, err == 0);
        assert_int_equal(association_stats(t).addresses, err == 0);
        if (!err)
            association_give_back(made);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_ue_has_its_address), T(two_ues_share_an_address), T(port_counts), T(flows_are_few),
        T(out_of_memory),
    };
    return cmocka_run_group_tests_name("pcscf_association", tests, NULL, NULL);
}
