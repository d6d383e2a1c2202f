// SPDX-License-Identifier: Apache-2.0
// Registrations and notes for the HSS outlive the S-CSCF, whatever becomes of it and of its disk.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "io/sim_disk.h"
#include "scscf/durable.h"
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

static struct disk *disk(void)
{
    return sim_disk_at(w.sim, WORLD_STATE);
}

static void start(void)
{
    world_start_scscf();
    world_run(4000);
}

static void restart(void)
{
    world_kill_scscf();
    start();
}

static enum cx_sar_type last_sar(void)
{
    return w.hss.sars[w.hss.n_sar - 1];
}

static struct sip_msg *refresh(void)
{
    struct reg r = alice;
    r.integrity = "yes";
    return world_register(&r);
}

static void call(void)
{
    w.branch++;
    world_sendf(W_ICSCF,
                "INVITE sip:alice@" DOMAIN " SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKd%u\n"
                "Max-Forwards: 70\nRoute: <sip:scscf." DOMAIN ":5060;lr>\nFrom: <sip:bob@" DOMAIN ">;tag=f\n"
                "To: <sip:alice@" DOMAIN ">\nCall-ID: d%u\nCSeq: 1 INVITE\nContact: <sip:bob@192.0.2.2>\n"
                "Content-Length: 0\n\n",
                w.branch, w.branch);
}

static void rings_at(const char *contact)
{
    call();
    struct sip_msg *m = world_expect_request(W_PCSCF, "INVITE");
    if (!str_eq(sip_msg_uri_text(m), str_from(contact)))
        fail_msg("rings at %.*s", STR_ARG(sip_msg_uri_text(m)));
    assert_has(header(m, SIP_H_ROUTE), "sip:flow1@127.0.1.10:5060");
    world_answer(W_PCSCF, m, 486, "");
    (void)world_expect(W_ICSCF, 486);
    (void)world_expect_request(W_PCSCF, "ACK");
}

#define PHONE "sip:alice@192.0.2.1:5060"

// ---- what survives ----

// Calls come at once, and nobody has to ask the HSS for that.
static void called_after_a_crash(void **state)
{
    (void)state;
    w.hss.ccf = "ccf.example";
    (void)world_registered(&alice);
    unsigned sars = w.hss.n_sar;
    restart();
    assert_int_equal(held_registrations(w.scscf), 1);
    rings_at(PHONE);
    assert_int_equal(w.hss.n_sar, sars);
    restart(); // and once more, of what was read
    rings_at(PHONE);
    assert_int_equal(w.hss.n_sar, sars);
}

// A refresh needs no challenge, tells all that the first 200 did, and brings the profile as the HSS has it by now.
static void refreshed_after_a_crash(void **state)
{
    (void)state;
    w.hss.ccf = "ccf.example";
    (void)world_registered(&alice);
    restart();
    struct sip_msg *m = refresh();
    assert_int_equal(sip_msg_status(m), 200);
    assert_has(header(m, SIP_H_P_ASSOCIATED_URI), "tel:+15551");
    assert_has(header(m, SIP_H_P_CHARGING_FUNCTION_ADDRESSES), "ccf.example");
    assert_int_equal(last_sar(), CX_RE_REGISTRATION);
    assert_false(w.hss.sar_have_profile);
    assert_int_equal(sip_msg_status(refresh()), 200);
    assert_true(w.hss.sar_have_profile);
}

// Flows, feature tags and names of a contact are those of before.
static void whole_contacts(void **state)
{
    (void)state;
    struct reg r = alice;
    r.contact = "\"My phone\" <sip:alice@192.0.2.1>;+sip.instance=\"<urn:uuid:7>\";audio;q=0.5";
    (void)world_registered(&r);
    restart();
    r.integrity = "yes";
    r.contact = ""; // what is there?
    struct sip_msg *m = world_register(&r);
    assert_int_equal(sip_msg_status(m), 200);
    const char *contact = header(m, SIP_H_CONTACT);
    assert_has(contact, "\"My phone\" <sip:alice@192.0.2.1>");
    assert_has(contact, "+sip.instance=\"<urn:uuid:7>\"");
    assert_has(contact, ";audio");
    assert_has(contact, ";q=0.5");
    size_t it = 0;
    const struct binding *b = registration_bindings(registrar_next(w.scscf->registrar, &it));
    assert_true(str_eq(binding_text(b, BINDING_INSTANCE), STR("<urn:uuid:7>")));
    assert_int_equal(b->q, 500);
}

// What its Service-Route is made of is on the disk before the phone hears of it: nothing is written behind the answer.
static void the_way_is_kept_with_it(void **state)
{
    (void)state;
    uint64_t puts = keep_figures(w.scscf->keep).state.puts;
    (void)world_registered(&alice);
    world_run(1000);
    assert_int_equal(keep_figures(w.scscf->keep).state.puts, puts + 2); // with the service part
}

static void removed_stays_removed(void **state)
{
    (void)state;
    struct reg gone = alice_gone;
    (void)world_registered(&alice);
    gone.integrity = "yes";
    assert_int_equal(sip_msg_status(world_register(&gone)), 200);
    restart();
    assert_int_equal(held_registrations(w.scscf), 0);
    call();
    (void)world_expect(W_ICSCF, 480);
}

// ---- time ----

static void expiry_goes_on(void **state)
{
    (void)state;
    (void)world_registered(&alice);
    world_run(1800000);
    restart();
    world_run(1700000);
    assert_int_equal(held_registrations(w.scscf), 1);
    world_run(110000);
    assert_int_equal(held_registrations(w.scscf), 0);
    assert_int_equal(last_sar(), CX_TIMEOUT_DEREGISTRATION);
    restart();
    assert_int_equal(held_registrations(w.scscf), 0);
}

static void ran_out_meanwhile(void **state)
{
    (void)state;
    (void)world_registered(&alice);
    world_kill_scscf();
    world_run(4000000);
    start();
    assert_int_equal(held_registrations(w.scscf), 0);
    assert_int_equal(last_sar(), CX_TIMEOUT_DEREGISTRATION);
}

// A wall clock that jumps back makes nothing longer than a registration can be.
static void the_clock_jumps(void **state)
{
    (void)state;
    (void)world_registered(&alice);
    world_kill_scscf();
    sim_jump_wall(w.sim, -1000000000);
    start();
    assert_int_equal(held_registrations(w.scscf), 1);
    world_run(7200000);
    assert_int_equal(held_registrations(w.scscf), 0);
}

// ---- what the HSS has to hear ----

static void notes_are_delivered_afterwards(void **state)
{
    (void)state;
    struct reg gone = alice_gone;
    (void)world_registered(&alice);
    world_kill_hss();
    gone.integrity = "yes";
    assert_int_equal(sip_msg_status(world_register(&gone)), 200);
    unsigned sars = w.hss.n_sar;
    restart();
    world_start_hss();
    world_run(60000);
    assert_int_equal(w.hss.n_sar, sars + 1);
    assert_int_equal(last_sar(), CX_USER_DEREGISTRATION);
    assert_string_equal(w.hss.sar_impi, "alice@" DOMAIN);
    restart(); // and once is enough
    world_run(60000);
    assert_int_equal(w.hss.n_sar, sars + 1);
}

// ---- service parts ----

static void parts_go_with_their_users(void **state)
{
    (void)state;
    struct reg gone = alice_gone;
    gone.integrity = "yes";
    (void)world_registered(&alice);
    assert_int_equal(durable_parts(w.scscf->durable), 1);
    assert_int_equal(sip_msg_status(world_register(&gone)), 200);
    world_run(700000);
    assert_int_equal(durable_parts(w.scscf->durable), 0);
    restart();
    assert_int_equal(durable_parts(w.scscf->durable), 0);
}

#define REMARKED                                                                                   \
    PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) ID("tel:+15551")                              \
                                 "<Extension><Note><!--MMTel:voice--><?mmtel:on yes?></Note></Extension>")

// An HSS that writes remarks into its profiles does not keep the node from starting.
static void remarks_in_a_profile(void **state)
{
    (void)state;
    w.hss.profile = REMARKED;
    (void)world_registered(&alice);
    restart();
    assert_int_equal(held_registrations(w.scscf), 1);
    rings_at(PHONE);
}

static const char *many_prefixes(void)
{
    static char xml[4096];
    size_t n = (size_t)snprintf(xml, sizeof xml, "<IMSSubscription");
    for (unsigned i = 0; i < 30; i++)
        n += (size_t)snprintf(xml + n, sizeof xml - n, " xmlns:p%u=\"urn:%u\"", i, i);
    n += (size_t)snprintf(xml + n, sizeof xml - n, "><PrivateID>alice@" DOMAIN "</PrivateID><ServiceProfile>"
                          ID("sip:alice@" DOMAIN) ID("tel:+15551") "<Extension>");
    for (unsigned i = 0; i < 30; i++)
        n += (size_t)snprintf(xml + n, sizeof xml - n, "<p%u:x/>", i);
    (void)snprintf(xml + n, sizeof xml - n, "</Extension></ServiceProfile></IMSSubscription>");
    return xml;
}

// Who has a part that could not be read again is served, and not kept; what was kept of him goes.
static void a_part_that_cannot_be_kept(void **state)
{
    (void)state;
    w.hss.profile = many_prefixes();
    (void)world_registered(&alice);
    rings_at(PHONE);
    restart();
    assert_int_equal(held_registrations(w.scscf), 0);
    w.hss.profile = ALICE_PROFILE;
    (void)world_registered(&alice);
    w.hss.profile = many_prefixes();
    restart(); // the next refresh brings the profile
    assert_int_equal(sip_msg_status(refresh()), 200);
    restart();
    assert_int_equal(held_registrations(w.scscf), 0);
}

// Behind the back of REGISTER.
static struct registration *bound(const char *xml, const char *contact, const char *impi, uint32_t expires_s)
{
    struct profile *p;
    struct xml_error why;
    struct registration *reg;
    assert_int_equal(profile_parse(w.scscf->profiles, str_from(xml), &p, &why), 0);
    assert_int_equal(registrar_add(w.scscf->registrar, p, &reg), 0);
    struct binding_params b = {.text = {[BINDING_URI] = str_from(contact), [BINDING_IMPI] = str_from(impi)},
                               .expires_s = expires_s};
    assert_int_equal(registration_bind(reg, &b, NULL), 0);
    return reg;
}

// As many users, as many parts: what nobody has goes some at a time, also while others come and go.
static void parts_go_some_at_a_time(void **state)
{
    enum { USERS = 200 };
    (void)state;
    struct registration *regs[USERS];
    for (unsigned i = 0; i < USERS; i++) {
        char xml[600];
        (void)snprintf(xml, sizeof xml,
                       PROFILE("u%u@" DOMAIN, ID("sip:u%u@" DOMAIN) "<Extension><N>%u</N></Extension>"), i, i, i);
        regs[i] = bound(xml, "sip:u@192.0.2.1", "u", 3600);
    }
    world_run(1000);
    assert_int_equal(durable_parts(w.scscf->durable), USERS);
    for (unsigned i = 0; i < USERS; i += 2)
        registration_end(regs[i], BINDING_UNDONE);
    for (unsigned i = 0; i < 650; i++) { // something is always on its way
        registration_set_charging(regs[1], i % 2 ? STR("a") : STR("b"));
        world_run(1000);
    }
    assert_int_equal(durable_parts(w.scscf->durable), USERS / 2);
    restart();
    assert_int_equal(held_registrations(w.scscf), USERS / 2);
}

// Of two records of one private identity with one public identity the newer one counts: the end of the other is not
// the user's. What somebody else has bound in the older one stays.
static void the_newer_record_counts(void **state)
{
    (void)state;
    (void)bound(ALICE_PROFILE, "sip:old@192.0.2.7", "alice@" DOMAIN, 60);
    struct registration *both = bound(ALICE_PROFILE, "sip:old@192.0.2.8", "alice@" DOMAIN, 60);
    struct binding_params b = {.text = {[BINDING_URI] = STR("sip:x@192.0.2.9"), [BINDING_IMPI] = STR("x@" DOMAIN)},
                               .expires_s = 3600};
    assert_int_equal(registration_bind(both, &b, NULL), 0);
    (void)bound(ALICE_PROFILE, "sip:alice@192.0.2.1", "alice@" DOMAIN, 3600);
    unsigned sars = w.hss.n_sar;
    world_run(1000);
    restart();
    assert_int_equal(held_registrations(w.scscf), 2);
    assert_int_equal(registrar_bindings(w.scscf->registrar), 2);
    world_run(100000);
    assert_int_equal(w.hss.n_sar, sars);
    restart();
    assert_int_equal(registrar_bindings(w.scscf->registrar), 2);
}

// ---- a disk that does not take it ----

static const char *profile_of(char *room, size_t size, size_t bytes, char what)
{
    size_t n = (size_t)snprintf(room, size, "<IMSSubscription><PrivateID>alice@" DOMAIN "</PrivateID><ServiceProfile>"
                                ID("sip:alice@" DOMAIN) ID("tel:+15551") "<Extension><Note><![CDATA[%c", what);
    memset(room + n, '&', bytes); // each is five in the record
    (void)snprintf(room + n + bytes, size - n - bytes, "]]></Note></Extension></ServiceProfile></IMSSubscription>");
    return room;
}

// At the bound of the store a registration's record, as long as before, is taken while its new service part is not:
// what is on the disk is what was there before.
static void a_part_that_is_refused(void **state)
{
    enum { BYTES = 120000 };
    static char first[BYTES + 1000], second[BYTES + 1000];
    (void)state;
    world_kill_scscf();
    w.cfg.state.max_mib = 1;
    start();
    w.hss.profile = profile_of(first, sizeof first, BYTES, 'a');
    (void)world_registered(&alice);
    restart();
    w.hss.profile = profile_of(second, sizeof second, BYTES, 'b');
    assert_int_equal(sip_msg_status(refresh()), 500);
    rings_at(PHONE);
    restart();
    rings_at(PHONE);
    assert_int_equal(durable_parts(w.scscf->durable), 1);
    w.hss.profile = ALICE_PROFILE; // a smaller one finds room
    assert_int_equal(sip_msg_status(refresh()), 200);
    restart();
    rings_at(PHONE);
    w.hss.profile = second;
    assert_int_equal(sip_msg_status(refresh()), 500);
    w.hss.profile = ALICE_PROFILE;
    registration_set_profile_due(registrar_find(w.scscf->registrar, STR("sip:alice@" DOMAIN), NULL), true);
    assert_int_equal(sip_msg_status(refresh()), 200);
    world_run(700000); // both go, though the disk has refused the one
    assert_int_equal(durable_parts(w.scscf->durable), 1);
}

// The disk takes it after all.
static void a_part_that_is_late(void **state)
{
    (void)state;
    (void)world_registered(&alice);
    sim_disk_set_room(disk(), 0);
    w.hss.profile =
        PROFILE("alice@" DOMAIN, ID("sip:alice@" DOMAIN) ID("tel:+15551") "<Extension><N>1</N></Extension>");
    registration_set_profile_due(registrar_find(w.scscf->registrar, STR("sip:alice@" DOMAIN), NULL), true);
    assert_int_equal(sip_msg_status(refresh()), 500);
    sim_disk_set_room(disk(), UINT64_MAX);
    world_run(5000);
    restart();
    rings_at(PHONE);
    assert_int_equal(durable_parts(w.scscf->durable), 2);
}

static int no_record(void *arg, struct str key, struct str value)
{
    (void)arg, (void)key, (void)value;
    return ERR_NODATA;
}

// A registration whose part is not there is no reason not to start: he registers again.
static void a_part_that_is_gone(void **state)
{
    (void)state;
    struct keep *k;
    char why[128];
    (void)world_registered(&alice);
    world_kill_scscf();
    struct loop *l;
    assert_int_equal(sim_node(w.sim, "scscf", &l), 0);
    const struct keep_params p = {.loop = l, .folder = WORLD_STATE, .node = STR("scscf"), .format = DURABLE_FORMAT};
    const struct keep_kind parts = {.prefix = STR("svc/")};
    assert_int_equal(keep_open(&p, why, sizeof why, &k), 0);
    assert_int_equal(keep_load(k, &parts, no_record, NULL), 0);
    world_run(1000);
    keep_close(k);
    sim_crash(w.sim, l);
    loop_free(l);
    start();
    assert_int_equal(held_registrations(w.scscf), 0);
    (void)world_registered(&alice);
    restart();
    rings_at(PHONE);
}

// Who is new goes to another S-CSCF, and the HSS hears that he is not here (TS 24.229 5.3.1.3).
static void new_user_and_full_disk(void **state)
{
    (void)state;
    sim_disk_set_room(disk(), 0);
    world_send_answer(&alice);
    (void)world_expect(W_PCSCF, 480);
    world_run(1000);
    assert_int_equal(held_registrations(w.scscf), 0);
    assert_int_equal(last_sar(), CX_ADMINISTRATIVE_DEREGISTRATION);
    const char *why = "";
    assert_false(scscf_ready(w.scscf, &why));
    sim_disk_set_room(disk(), UINT64_MAX);
    world_run(5000);
    assert_true(scscf_ready(w.scscf, &why));
    (void)world_registered(&alice);
    restart();
    rings_at(PHONE);
}

// Who is registered stays so, is told to come again, and is written when the disk is well.
static void registered_user_and_full_disk(void **state)
{
    (void)state;
    (void)world_registered(&alice);
    sim_disk_set_room(disk(), 0);
    struct sip_msg *m = refresh();
    assert_int_equal(sip_msg_status(m), 500);
    assert_string_equal(header(m, SIP_H_RETRY_AFTER), "30");
    rings_at(PHONE);
    sim_disk_set_room(disk(), UINT64_MAX);
    world_run(5000);
    restart();
    rings_at(PHONE);
    assert_int_equal(sip_msg_status(refresh()), 200);
}

// Nobody is kept from leaving.
static void leaving_and_full_disk(void **state)
{
    (void)state;
    struct reg gone = alice_gone;
    gone.integrity = "yes";
    (void)world_registered(&alice);
    sim_disk_set_room(disk(), 0);
    assert_int_equal(sip_msg_status(world_register(&gone)), 200);
    sim_disk_set_room(disk(), UINT64_MAX);
    world_run(5000);
    restart();
    assert_int_equal(held_registrations(w.scscf), 0);
}

// What somebody else has bound at the same address is lost only to one who is registered.
static void replaced_and_full_disk(void **state)
{
    (void)state;
    struct reg second = alice;
    second.impi = "alice-2@" DOMAIN;
    w.hss.fresh = true;
    (void)world_registered(&alice);
    sim_disk_set_room(disk(), 0);
    world_send_answer(&second);
    (void)world_expect(W_PCSCF, 480);
    struct registration *reg = registrar_find(w.scscf->registrar, STR("sip:alice@" DOMAIN), NULL);
    assert_non_null(reg);
    assert_int_equal(registration_count_of(reg, STR("alice@" DOMAIN)), 1);
    rings_at(PHONE);
    sim_disk_set_room(disk(), UINT64_MAX);
    world_run(5000);
    (void)world_registered(&second);
    world_run(1000);
    restart();
    assert_int_equal(registrar_bindings(w.scscf->registrar), 1);
    rings_at(PHONE);
}

struct ender {
    struct registrar_observer observer;
    struct deferred turn;
    struct registration *reg;
};

static void end_it(void *arg)
{
    struct ender *e = arg;
    registration_end(e->reg, BINDING_DEACTIVATED);
    e->reg = NULL;
}

static void on_bound(void *arg, const struct registration_news *n)
{
    struct ender *e = arg;
    if (n->event != REGISTRATION_BOUND)
        return;
    e->reg = n->reg;
    loop_defer(w.scscf_loop, &e->turn);
}

// A registration that ends while it is written is no registration: a 200 without a contact would say so to nobody.
static void ends_while_it_is_written(void **state)
{
    (void)state;
    struct ender e = {.observer = {.told = on_bound, .arg = &e}};
    deferred_init(&e.turn, end_it, &e);
    registrar_observe(w.scscf->registrar, &e.observer);
    world_send_answer(&alice);
    (void)world_expect(W_PCSCF, 500);
    assert_int_equal(held_registrations(w.scscf), 0);
    list_del(&e.observer.link);
    (void)world_registered(&alice);
    rings_at(PHONE);
}

// Nor does it matter to him what the disk refuses of others: his own record goes.
static void ends_while_another_record_is_refused(void **state)
{
    enum { BYTES = 120000 };
    static char first[BYTES + 1000], second[BYTES + 1000];
    struct ender e = {.observer = {.told = on_bound, .arg = &e}};
    struct reg gone = alice_gone;
    gone.integrity = "yes";
    (void)state;
    world_kill_scscf();
    w.cfg.state.max_mib = 1;
    start();
    w.hss.profile = profile_of(first, sizeof first, BYTES, 'a');
    (void)world_registered(&alice);
    assert_int_equal(sip_msg_status(world_register(&gone)), 200);
    w.hss.profile = profile_of(second, sizeof second, BYTES, 'b'); // the other one is in its way
    deferred_init(&e.turn, end_it, &e);
    registrar_observe(w.scscf->registrar, &e.observer);
    world_send_answer(&alice);
    (void)world_expect(W_PCSCF, 500);
    list_del(&e.observer.link);
}

static void not_durable(void **state)
{
    (void)state;
    struct scscf_config other = w.cfg;
    other.state.durable = false;
    scscf_reload(w.scscf, &other);
    sim_disk_set_room(disk(), 0);
    (void)world_registered(&alice);
    const char *why = "";
    assert_true(scscf_ready(w.scscf, &why));
    sim_disk_set_room(disk(), UINT64_MAX);
    world_run(5000);
    restart();
    rings_at(PHONE);
}

static void nothing_is_kept(void **state)
{
    (void)state;
    world_forget_scscf();
    world_run(4000);
    (void)world_registered(&alice);
    restart();
    assert_int_equal(held_registrations(w.scscf), 0);
}

// ---- power failures ----

// At whatever byte the power fails: who has had his 200 is registered afterwards, and who has left is not, or has not
// heard of it.
static void power_fails_anywhere(void **state)
{
    enum { FIRST = 40, STEP = 61, LAST = 4000 };
    for (uint64_t at = FIRST; at < LAST; at += STEP) {
        assert_int_equal(world_set_up(state), 0);
        struct reg r = alice, gone = alice_gone;
        sim_disk_fail_after(disk(), at, NULL, NULL);
        struct sip_msg *m = world_register(&r);
        assert_int_equal(sip_msg_status(m), 401);
        r.auth = world_credentials(m, r.impi, RES, 1, "yes");
        m = world_register(&r);
        bool registered = m && sip_msg_status(m) == 200;
        bool unsure = !registered;
        if (registered) {
            m = refresh();
            gone.integrity = "yes";
            gone.call_id = "call-1";
            m = at % 2 ? world_register(&gone) : NULL;
            unsure = m != NULL; // a power failure takes back what the disk has refused
        }
        world_kill_scscf();
        sim_disk_power_cycle(disk(), SIM_DISK_SOME);
        start();
        if (registered && !unsure)
            assert_int_equal(held_registrations(w.scscf), 1);
        (void)world_registered(&alice);
        rings_at(PHONE);
        assert_int_equal(world_tear_down(state), 0);
    }
}

static void on_known(void *arg, uint64_t id, int err)
{
    (void)id, (void)err;
    ++*(unsigned *)arg;
}

// Whoever waits hears of it once, and what is on the disk can be read.
static void memory_fails_anywhere(void **state)
{
    enum { LAST = 30 };
    for (long n = 0; n < LAST; n++) {
        assert_int_equal(world_set_up(state), 0);
        struct profile *p;
        struct xml_error why;
        struct registration *reg;
        unsigned told = 0;
        assert_int_equal(profile_parse(w.scscf->profiles, STR(ALICE_PROFILE), &p, &why), 0);
        assert_int_equal(registrar_add(w.scscf->registrar, p, &reg), 0);
        struct binding_params b = {.text = {[BINDING_URI] = STR(PHONE), [BINDING_IMPI] = STR("alice@" DOMAIN)},
                                   .expires_s = 3600};
        mem_fail_after(n);
        int err = registration_bind(reg, &b, NULL);
        int waits = err ? err : durable_wait(w.scscf->durable, reg, on_known, &told, 0);
        mem_fail_after(-1);
        if (err)
            registration_free(reg);
        world_run(5000);
        assert_int_equal(told, waits == 0);
        restart();
        if (!waits)
            assert_int_equal(held_registrations(w.scscf), 1);
        assert_int_equal(world_tear_down(state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(called_after_a_crash),
        TEST(refreshed_after_a_crash),
        TEST(whole_contacts),
        TEST(the_way_is_kept_with_it),
        TEST(removed_stays_removed),
        TEST(expiry_goes_on),
        TEST(ran_out_meanwhile),
        TEST(the_clock_jumps),
        TEST(notes_are_delivered_afterwards),
        TEST(parts_go_with_their_users),
        TEST(remarks_in_a_profile),
        TEST(a_part_that_cannot_be_kept),
        TEST(parts_go_some_at_a_time),
        TEST(the_newer_record_counts),
        TEST(a_part_that_is_refused),
        TEST(a_part_that_is_late),
        TEST(a_part_that_is_gone),
        TEST(new_user_and_full_disk),
        TEST(registered_user_and_full_disk),
        TEST(leaving_and_full_disk),
        TEST(replaced_and_full_disk),
        TEST(ends_while_it_is_written),
        TEST(ends_while_another_record_is_refused),
        TEST(not_durable),
        TEST(nothing_is_kept),
        cmocka_unit_test(power_fails_anywhere),
        cmocka_unit_test(memory_fails_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
