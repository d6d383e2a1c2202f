// SPDX-License-Identifier: Apache-2.0
// Registrations that outlive the process: what the UE was told by a 200 (OK) is true after kill -9, a loss of power, a
// disk that fails.
#include <stdio.h>
#include <unistd.h>

#include "io/sim_disk.h"
#include "stage.h"

#define CONTACT_OF_ALICE "sip:ue@198.51.100.1:5060"

#define FOLDER "/var/lib/carillon/pcscf"

static char keys[64];
static struct disk *disk;

static int set_up(void **state)
{
    int e = stage_set_up(state);
    (void)snprintf(keys, sizeof keys, "/tmp/carillon-test-durable.%ld", (long)getpid());
    st.cfg.keys = (struct node_keys){.file = str_from(keys), .keep = 2};
    st.cfg.state = (struct node_state){.dir = STR(FOLDER), .durable = true};
    disk = sim_disk_at(scene_sim(st.sc), FOLDER);
    return e ? e : disk == NULL;
}

static int tear_down(void **state)
{
    (void)unlink(keys);
    return stage_tear_down(state);
}

static void route_a_message(const char *path, const char *uri)
{
    core_send(&(struct request){.method = "MESSAGE", .to = uri, .headers = text("Route: <%s>\n", path)});
}

// To the UE and back.
static void assert_reached(const struct ue *ue, const char *path, const char *uri)
{
    route_a_message(path, uri);
    peer_answer(ue->peer, expect(ue->peer, "MESSAGE "), 200, NULL);
    (void)expect(st.core, "SIP/2.0 200");
}

static void assert_speaks(const struct ue *ue)
{
    ue_send(ue, &(struct request){.method = "MESSAGE", .to = BOB});
    struct heard *h = expect(st.core, "MESSAGE ");
    assert_has(h, "P-Asserted-Identity: <" ALICE ">");
    assert_has(h, "Route: " SERVICE_ROUTE);
    peer_answer(st.core, h, 200, NULL);
    (void)expect(ue->peer, "SIP/2.0 200");
}

static void a_phone_by_udp_notices_nothing(void **state)
{
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    for (int i = 0; i < 3; i++) {
        stage_restart();
        assert_int_equal(n_registered(), 1);
        assert_speaks(&st.alice);
        assert_reached(&st.alice, path, CONTACT_OF_ALICE);
        (void)registered(&st.alice); // under the same identity: no second contact
        assert_int_equal(n_registered(), 1);
    }
}

static void keep_last(void *arg, const struct pcscf_contact *g)
{
    struct pcscf_contact *last = arg;
    *last = *g;
}

static void all_of_a_contact_comes_back(void **state)
{
    struct pcscf_contact g = {0};
    (void)state;
    stage_start();
    (void)registered_as(&st.alice, &(struct request){0},
                        "Contact: <" CONTACT_OF_ALICE ">;expires=600\nService-Route: " SERVICE_ROUTE "\n"
                        "P-Associated-URI: \"A\" <" ALICE ">, <" ALICE_TEL ">, <sip:!.*!@" HOME ">\n"
                        "P-Charging-Function-Addresses: ccf=c.example\n"
                        "P-Charging-Vector: icid-value=\"zz\";orig-ioi=ioi.example;term-ioi=\"home.example\"\n");
    stage_restart();
    pcscf_contacts(st.pcscf, STR(ALICE), keep_last, &g);
    assert_true(str_eq(g.uri, STR(CONTACT_OF_ALICE)));
    assert_true(str_eq(g.charging_addresses, STR("ccf=c.example")));
    assert_true(str_eq(g.term_ioi, STR("home.example")));
    assert_true(str_eq(g.service_route, STR(SERVICE_ROUTE)));
    assert_true(str_eq(pcscf_identity(&g, 0).display, STR("\"A\"")));
    assert_true(str_eq(pcscf_identity(&g, 1).uri, STR(ALICE_TEL)));
    assert_true(str_eq(pcscf_identity(&g, 2).uri, STR("sip:!.*!@" HOME)));
    assert_in_range(g.expires_in_s, 590, 600);
}

static void who_has_left_stays_away(void **state)
{
    (void)state;
    stage_start();
    const char *path = registered(&st.alice);
    (void)registered_as(&st.alice, &(struct request){.expires = -1}, NULL);
    stage_restart();
    assert_int_equal(n_registered(), 0);
    route_a_message(path, CONTACT_OF_ALICE);
    (void)expect(st.core, "SIP/2.0 404"); // TS 24.229 4.14.2
    assert_int_equal(pcscf_counters(st.pcscf)->unbound, 1);
}

// While the process was away, and while it runs.
static void what_runs_out_is_gone(void **state)
{
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    stage_stop();
    scene_run(st.sc, sim_now_ms(scene_sim(st.sc)) + 601000);
    stage_start();
    assert_int_equal(n_registered(), 0);
    assert_int_equal(pcscf_counters(st.pcscf)->expired, 0);
    (void)registered(&st.alice);
    stage_restart();
    scene_run(st.sc, sim_now_ms(scene_sim(st.sc)) + 601000);
    assert_int_equal(n_registered(), 0);
    assert_int_equal(pcscf_counters(st.pcscf)->expired, 1);
    stage_restart();
    assert_int_equal(n_registered(), 0);
}

// What waited goes on as the registrar wrote it, without what a UE may not see.
static void what_waited_is_the_registrars(void **state)
{
    (void)state;
    stage_start();
    ue_send(&st.alice, &(struct request){0});
    struct heard *h = expect(st.core, "REGISTER ");
    peer_answer(st.core, h, 200, text("Contact: %s;expires=600\nService-Route: " SERVICE_ROUTE "\nX-Unknown: as it is\n"
                                      "P-Associated-URI: <" ALICE ">\nP-Charging-Vector: icid-value=zz\n",
                                      header(h, "Contact")));
    h = expect(st.alice.peer, "SIP/2.0 200");
    assert_has(h, ";tag=peer");
    assert_has(h, "X-Unknown: as it is");
    assert_lacks(h, "P-Charging-Vector");
    assert_int_equal(occurrences(h, "Via:"), 1);
}

// A disk that fails, and one that is full: the UE is told so, and to come again; what was there before stays.
static void no_ok_without_the_disk(void **state)
{
    (void)state;
    stage_start();
    scene_run(st.sc, 100); // the folder has its owner's name by then
    for (int full = 0; full < 2; full++) {
        if (full)
            sim_disk_set_room(disk, 0);
        else
            sim_disk_break(disk, 1);
        ue_send(&st.alice, &(struct request){0});
        struct heard *h = expect(st.core, "REGISTER ");
        peer_answer(st.core, h, 200, text("Contact: %s;expires=600\nService-Route: " SERVICE_ROUTE
                                          "\nP-Associated-URI: <" ALICE ">\n", header(h, "Contact")));
        h = expect(st.alice.peer, "SIP/2.0 503");
        assert_has(h, "Retry-After: 10");
        assert_has(h, full ? "the disk is full" : "the disk fails");
        sim_disk_set_room(disk, UINT64_MAX);
    }
    assert_int_equal(pcscf_counters(st.pcscf)->unsaved, 2);
    (void)registered(&st.alice);
    stage_restart();
    assert_int_equal(n_registered(), 1);
}

static struct heard *asks(const char *who)
{
    ue_send(&st.alice, &(struct request){.from = who});
    return expect(st.core, "REGISTER ");
}

static void is_granted(const struct heard *h, const char *who, size_t n_route)
{
    char route[7000];
    memset(route, 'a', n_route);
    route[n_route] = '\0';
    peer_answer(st.core, h, 200, text("Contact: %s;expires=600\nP-Associated-URI: <%s>\n"
                                      "Service-Route: <sip:%s@scscf." HOME ";lr>\n",
                                      header(h, "Contact"), who, route));
}

// There is no room for one more, which is that one's trouble: who is there already goes on, also in the same moment.
static void no_room_for_one_more(void **state)
{
    enum { ROOM = 1 << 20, ROUTE = 6000 };
    (void)state;
    st.cfg.state.max_mib = ROOM >> 20;
    st.cfg.max_registrations = 1000;
    stage_start();
    (void)registered(&st.alice);
    bool full = false;
    for (unsigned i = 0; !full && i < ROOM / ROUTE + 1; i++) {
        const char *who = text("sip:user%u@" HOME, i);
        is_granted(asks(who), who, ROUTE);
        full = str_starts(expect(st.alice.peer, "SIP/2.0 ")->bytes, STR("SIP/2.0 503"));
    }
    assert_true(full);
    for (unsigned i = 0; i < 5; i++) {
        const char *late = text("sip:late%u@" HOME, i);
        struct heard *first = asks(late), *second = asks(ALICE);
        is_granted(first, late, ROUTE);
        is_granted(second, ALICE, 1);
        assert_has(expect(st.alice.peer, "SIP/2.0 503"), "the disk is full");
        (void)expect(st.alice.peer, "SIP/2.0 200");
    }
    assert_int_equal(pcscf_counters(st.pcscf)->unsaved, 6);
}

static void without_durable_nobody_waits(void **state)
{
    (void)state;
    st.cfg.state.durable = false;
    stage_start();
    sim_disk_break(disk, 1);
    (void)registered(&st.alice);
    assert_int_equal(pcscf_counters(st.pcscf)->unsaved, 0);
    (void)registered(&st.alice); // and once more, with a disk that works
    stage_restart();
    assert_int_equal(n_registered(), 1);
}

// Who registered over a connection and listens at his Contact is called there.
static void a_phone_by_tcp_is_dialled(void **state)
{
    (void)state;
    stage_start();
    struct ue ue = ue_tcp("198.51.100.2:5071");
    const char *path =
        registered_as(&ue, &(struct request){.contact = "<sip:ue@198.51.100.2:5090;transport=tcp>"}, NULL);
    struct ue listener = {.peer = peer_tcp(st.sc, "198.51.100.2:5090")};
    stage_restart();
    assert_reached(&listener, path, "sip:ue@198.51.100.2:5090;transport=tcp");
}

// Behind a NAT nobody can be called until he comes back: 480, and 430 where the S-CSCF may try another flow.
static void a_phone_behind_a_nat_has_to_come_back(void **state)
{
    static const char *const contact[] = {
        "<sip:ue@10.0.0.1:5090;transport=tcp>",
        "<sip:ue@10.0.0.1:5090;transport=tcp>;+sip.instance=\"<urn:uuid:1>\";reg-id=1"};
    (void)state;
    stage_start();
    for (int ob = 0; ob < 2; ob++) {
        struct ue ue = ue_tcp(ob ? "198.51.100.3:5071" : "198.51.100.2:5071");
        ue_send(&ue, &(struct request){.contact = contact[ob], .headers = ob ? "Supported: outbound\n" : NULL});
        struct heard *h = expect(st.core, "REGISTER ");
        const char *path = uri_in(h, "Path");
        peer_answer(st.core, h, 200, text("Contact: %s;expires=600\n%sService-Route: " SERVICE_ROUTE
                                          "\nP-Associated-URI: <" ALICE ">\n",
                                          contact[ob], ob ? "Require: outbound\n" : ""));
        (void)expect(ue.peer, "SIP/2.0 200");
        stage_restart();
        route_a_message(path, "sip:ue@10.0.0.1:5090;transport=tcp");
        (void)expect(st.core, ob ? "SIP/2.0 430" : "SIP/2.0 480");
        struct ue back = ue_tcp(ob ? "198.51.100.3:5072" : "198.51.100.2:5072");
        path = registered_as(&back, &(struct request){.contact = contact[ob]}, NULL);
        assert_reached(&back, path, "sip:ue@10.0.0.1:5090;transport=tcp");
        (void)registered_as(&back, &(struct request){.contact = contact[ob], .expires = -1}, NULL);
    }
}

// The power fails at any byte: who has his 200 (OK) is registered afterwards, and so is nobody who has left.
static void power_fails_anywhere(void **state)
{
    unsigned told = 0, steps = 0;
    (void)state;
    for (bool failed = true; failed; steps += 37) {
        stage_start();
        sim_disk_fail_after(disk, steps, NULL, NULL);
        ue_send(&st.alice, &(struct request){0});
        struct heard *h = expect(st.core, "REGISTER ");
        peer_answer(st.core, h, 200, text("Contact: %s;expires=600\nService-Route: " SERVICE_ROUTE
                                          "\nP-Associated-URI: <" ALICE ">\n", header(h, "Contact")));
        h = expect(st.alice.peer, "SIP/2.0 ");
        bool ok = str_starts(h->bytes, STR("SIP/2.0 200"));
        failed = !ok;
        stage_stop();
        sim_disk_power_cycle(disk, SIM_DISK_SOME);
        stage_start();
        if (ok)
            assert_int_equal(n_registered(), 1);
        told += ok;
        (void)registered(&st.alice);
        (void)registered_as(&st.alice, &(struct request){.expires = -1}, NULL);
        stage_stop();
        sim_disk_power_cycle(disk, SIM_DISK_SOME);
        stage_start();
        assert_int_equal(n_registered(), 0);
        stage_stop();
    }
    assert_int_equal(told, 1);
    assert_true(steps > 200);
}

// The clock may be set back meanwhile: nobody stays longer than the registrar granted.
static void the_clock_is_set_back(void **state)
{
    struct pcscf_contact g = {0};
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    sim_jump_wall(scene_sim(st.sc), -3600000);
    stage_restart();
    pcscf_contacts(st.pcscf, STR(ALICE), keep_last, &g);
    assert_in_range(g.expires_in_s, 590, 600);
}

// Of an address that is not listened on any more another one of the family is as good; of a family that is gone none.
static void addresses_of_the_node_change(void **state)
{
    struct ue six = ue_udp("[2001:db8::1]:5060", ACCESS6);
    (void)state;
    stage_start();
    (void)registered(&st.alice);
    (void)registered_as(&six, &(struct request){.from = BOB},
                        "Contact: <sip:ue@[2001:db8::1]:5060>;expires=600\nService-Route: " SERVICE_ROUTE
                        "\nP-Associated-URI: <" BOB ">\n");
    stage_stop();
    st.access[0] = place("192.0.2.9:5060");
    st.cfg.access_listen.n = 1;
    stage_start();
    assert_int_equal(n_registered(), 1);
    assert_int_equal(pcscf_counters(st.pcscf)->restored_left_out, 1);
    st.alice.to = "192.0.2.9:5060";
    assert_speaks(&st.alice);
}

// Stopped in order: what was asked of the disk is there, also with nobody who waited for it.
static void drained(void *arg)
{
    *(bool *)arg = true;
}

static void a_drain_waits_for_the_disk(void **state)
{
    bool done = false;
    (void)state;
    st.cfg.state.durable = false;
    stage_start();
    ue_send(&st.alice, &(struct request){0});
    struct heard *h = expect(st.core, "REGISTER ");
    peer_answer(st.core, h, 200, text("Contact: %s;expires=600\nService-Route: " SERVICE_ROUTE
                                      "\nP-Associated-URI: <" ALICE ">\n", header(h, "Contact")));
    pcscf_drain(st.pcscf, drained, &done);
    for (int i = 0; i < 60000 && !done; i++)
        scene_run(st.sc, sim_now_ms(scene_sim(st.sc)) + 1);
    assert_true(done);
    stage_restart();
    assert_int_equal(n_registered(), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_phone_by_udp_notices_nothing),
        T(all_of_a_contact_comes_back),
        T(who_has_left_stays_away),
        T(what_runs_out_is_gone),
        T(what_waited_is_the_registrars),
        T(no_ok_without_the_disk),
        T(no_room_for_one_more),
        T(without_durable_nobody_waits),
        T(a_phone_by_tcp_is_dialled),
        T(a_phone_behind_a_nat_has_to_come_back),
        T(power_fails_anywhere),
        T(the_clock_is_set_back),
        T(addresses_of_the_node_change),
        T(a_drain_waits_for_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
