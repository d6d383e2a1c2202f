// SPDX-License-Identifier: Apache-2.0
// Where requests go by realm and host, and whose requests they are (RFC 6733 6.1.4
// to 6.1.6, 5.5.4).
#include "world.h"

static struct world w;

static int setup(void **state)
{
    world_new(&w, 13);
    return 0;
}

static int teardown(void **state)
{
    world_free(&w);
    return 0;
}

static void answers(struct raw *r, const struct dia_frame *f)
{
    raw_maa(r, f);
}

static void raw_peer(struct box *a, struct raw *r, int at, const char *host, const char *realm,
                     bool relay)
{
    raw_start(r, &w, at, host);
    r->got = answers;
    r->relay_app = relay;
    struct dia_peer_params p = {
        .host = str_from(host), .realm = str_from(realm), .remote = r->at, .relay = relay};
    assert_int_equal(dia_peer_add(a->node, &p), 0);
}

static void expect_from(struct box *a, const char *host, const char *realm, const char *from)
{
    size_t i = box_ask(a, host, realm, 0);
    world_run(&w, 100);
    assert_int_equal(a->done[i].calls, 1);
    assert_int_equal(a->done[i].err, from ? 0 : ERR_REFUSED);
    if (from)
        assert_string_equal(a->done[i].from, from);
}

// Each realm has its peers; one that nobody serves is nobody's, a host that is named is asked
// itself.
static void by_realm(void **state)
{
    static struct raw x, y;
    struct box *a = box_start(&w, 0, "a.test", NULL);
    raw_peer(a, &x, 3, "hss.x", "x", false);
    raw_peer(a, &y, 4, "hss.y", "y", false);
    world_run(&w, 1000);
    for (int i = 0; i < 3; i++) {
        expect_from(a, NULL, "x", "hss.x");
        expect_from(a, NULL, "y", "hss.y");
    }
    expect_from(a, "hss.y", "y", "hss.y");
    expect_from(a, "other.x", "x", NULL); // hss.x is no relay
    expect_from(a, NULL, "z", NULL);
    assert_int_equal(x.count[303], 3);
    assert_int_equal(y.count[303], 4);
    raw_stop(&x);
    raw_stop(&y);
}

// A host that is down is reached through the relay of its realm, and directly again when it is
// back.
static void relay_for_a_host_that_is_down(void **state)
{
    static struct raw dra;
    struct box *a = box_start(&w, 0, "a.test", NULL), *b = box_start(&w, 1, "b.test", box_open);
    raw_peer(a, &dra, 3, "dra.test", "test", true);
    box_knows(a, b, true, NULL);
    world_run(&w, 1000);
    expect_from(a, "b.test", NULL, "b.test");
    assert_int_equal(dra.count[303], 0);
    box_crash(b);
    world_run(&w, 100);
    expect_from(a, "b.test", NULL, "dra.test");
    box_again(b, box_open);
    world_run(&w, 40000);
    expect_from(a, "b.test", NULL, "b.test");
    raw_stop(&dra);
}

static void cer_of(struct raw *r, int at, const char *host, struct box *a)
{
    raw_start(r, &w, at, host);
    raw_dial(r, a);
    raw_cer(r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    assert_int_equal(raw_last_result(r), DIA_SUCCESS);
}

static void send_copy(struct raw *r, uint32_t hbh)
{
    struct dia_bytes b;
    raw_mar(r, hbh, 4711, DIA_CMD_T, &b); // its Origin-Host is r's
    raw_send(r, b.p, b.n);
    dia_bytes_free(&b);
    world_run(&w, 50);
}

// RFC 6733 5.5.4: a duplicate has the Origin-Host and the End-to-End-Id of another. The id alone is
// no proof.
static void same_id_of_another_host(void **state)
{
    static struct raw r, s;
    struct box *a = box_start(&w, 0, "a.test", box_open);
    cer_of(&r, 3, "r.test", a);
    cer_of(&s, 4, "s.test", a);
    send_copy(&r, 1);
    assert_int_equal(a->asked, 1);
    send_copy(&s, 1);
    assert_int_equal(a->asked, 2);
    send_copy(&r, 2);
    assert_int_equal(a->asked, 2);
    assert_int_equal(r.answers[303], 2);
    assert_int_equal(s.answers[303], 1);
    raw_stop(&r);
    raw_stop(&s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(by_realm),
        T(relay_for_a_host_that_is_down),
        T(same_id_of_another_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
