// SPDX-License-Identifier: Apache-2.0
// The identities of a registration and what else the 200 (OK) says of a user (TS 24.229 5.2.2.1), and what
// they are used for (5.2.6.3.1, 5.2.6.3.3, 5.2.6.4.4).
#include "stage.h"

#define OK(ids) "Contact: <sip:ue@198.51.100.1:5060>;expires=600\nService-Route: " SERVICE_ROUTE "\n" ids
#define NAMES "P-Associated-URI: \"Alice \\\"A\\\" Liddell\" <" ALICE ">, <" ALICE_TEL ">\n"
#define PBX "P-Associated-URI: <sip:pbx@" HOME ">, \"The PBX\" <sip:pbx!.%2A!@" HOME ">, <tel:+4989123!.*!>\n"

static struct heard *asked(const char *headers)
{
    ue_send(&st.alice, &(struct request){.to = BOB, .headers = headers});
    return expect(st.core, "INVITE " BOB " ");
}

static void refused(const struct request *r)
{
    ue_send(&st.alice, r);
    (void)expect(st.alice.peer, "SIP/2.0 403");
    expect_nothing(st.core);
}

static void register_with(const char *ok)
{
    stage_start();
    (void)registered_as(&st.alice, &(struct request){0}, ok);
}

// ---- display names ----

// TS 24.229 5.2.6.3.1: the name is the home network's, whatever the UE calls itself.
static void display_name_is_asserted(void **state)
{
    (void)state;
    register_with(OK(NAMES));
    assert_string_equal(header(asked(NULL), "P-Asserted-Identity"), "\"Alice \\\"A\\\" Liddell\" <" ALICE ">");
    assert_string_equal(header(asked("P-Preferred-Identity: \"Mallory\" <sip:alice@IMS.example;evil=1>\n"),
                               "P-Asserted-Identity"),
                        "\"Alice \\\"A\\\" Liddell\" <" ALICE ">");
    assert_string_equal(header(asked("P-Preferred-Identity: \"Mallory\" <" ALICE_TEL ">\n"), "P-Asserted-Identity"),
                        "<" ALICE_TEL ">");
}

// What was said of the user is kept when an answer does not say it again.
static void names_outlive_an_answer_without_them(void **state)
{
    (void)state;
    register_with(OK(NAMES));
    (void)registered_as(&st.alice, &(struct request){0}, OK(""));
    assert_has(asked(NULL), "P-Asserted-Identity: \"Alice");
    assert_string_equal(header(asked("P-Preferred-Identity: <" ALICE_TEL ">\n"), "P-Asserted-Identity"), "<" ALICE_TEL ">");
}

// ---- patterns (TS 23.003 13.5) ----

static void covered_identity_is_asserted_as_sent(void **state)
{
    (void)state;
    register_with(OK(PBX));
    assert_string_equal(header(asked("P-Preferred-Identity: <sip:pbx-17@" HOME ">\n"), "P-Asserted-Identity"),
                        "\"The PBX\" <sip:pbx-17@" HOME ">");
    assert_string_equal(header(asked("P-Preferred-Identity: <tel:+49-89-12345>\n"), "P-Asserted-Identity"),
                        "<tel:+49-89-12345>");
    // What is no part of who it is is not vouched for.
    assert_string_equal(header(asked("P-Preferred-Identity: <sip:pbx-17@" HOME ";evil=1?x=y>\n"), "P-Asserted-Identity"),
                        "\"The PBX\" <sip:pbx-17@" HOME ">");
    assert_string_equal(header(asked("P-Preferred-Identity: <sip:+4989123450@" HOME ";user=phone>\n"),
                               "P-Asserted-Identity"),
                        "<sip:+4989123450@" HOME ";user=phone>");
    // The distinct identity goes before the pattern.
    assert_string_equal(header(asked("P-Preferred-Identity: <sip:pbx@" HOME ">\n"), "P-Asserted-Identity"),
                        "<sip:pbx@" HOME ">");
}

static void uncovered_identity_is_the_default_one(void **state)
{
    static const char *const others[] = {"<sip:alice@" HOME ">", "<sip:pbx-17@other.example>", "<tel:+4989124>",
                                         "<sip:PBX-17@" HOME ">"};
    (void)state;
    register_with(OK(PBX));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_string_equal(header(asked(text("P-Preferred-Identity: %s\n", others[i])), "P-Asserted-Identity"),
                            "<sip:pbx@" HOME ">");
}

// From another port of the address: who it is, is found by the pattern.
static void covered_sender_is_known_at_its_address(void **state)
{
    (void)state;
    register_with(OK(PBX));
    struct ue port = ue_udp("198.51.100.1:40000", ACCESS);
    ue_send(&port, &(struct request){.from = "sip:pbx-5@" HOME, .to = BOB});
    assert_string_equal(header(expect(st.core, "INVITE "), "P-Asserted-Identity"), "<sip:pbx@" HOME ">");
    ue_send(&port, &(struct request){.from = "sip:alice@" HOME, .to = BOB});
    (void)expect(port.peer, "SIP/2.0 403");
}

// TS 24.229 4.4.12: parameters of a number that a UE writes are nobody's word.
static void parameters_of_a_number_are_not_asserted(void **state)
{
    (void)state;
    register_with(OK(PBX));
    assert_string_equal(header(asked("P-Preferred-Identity: <sip:+4989123450;cpc=operator;oli=27@" HOME ";user=phone>\n"),
                               "P-Asserted-Identity"),
                        "<sip:+4989123450@" HOME ";user=phone>");
    assert_string_equal(header(asked("P-Preferred-Identity: <tel:+4989123450;cpc=operator;oli=27>\n"), "P-Asserted-Identity"),
                        "<tel:+4989123450>");
}

// A user who is registered without a word of his identities gets nobody else's at his address.
static void identities_of_another_are_not_taken_over(void **state)
{
    (void)state;
    register_with(OK(PBX));
    struct ue port = ue_udp("198.51.100.1:40000", ACCESS);
    (void)registered_as(&port, &(struct request){.from = "sip:pbx-5@" HOME},
                        "Contact: <sip:ue@198.51.100.1:40000>;expires=600\nService-Route: " SERVICE_ROUTE "\n");
    ue_send(&port, &(struct request){.from = "sip:pbx-5@" HOME, .to = BOB, .headers = "P-Preferred-Identity: <sip:pbx@" HOME ">\n"});
    assert_string_equal(header(expect(st.core, "INVITE "), "P-Asserted-Identity"), "<sip:pbx-5@" HOME ">");
}

// However many patterns the answer begins with, the user has somebody to speak as.
static void patterns_leave_room_for_identities(void **state)
{
    (void)state;
    st.cfg.max_identities = 2;
    register_with(OK("P-Associated-URI: <sip:a!.%2A!@" HOME ">, <sip:b!.%2A!@" HOME ">, <sip:pbx@" HOME ">\n"));
    assert_string_equal(header(asked(NULL), "P-Asserted-Identity"), "<sip:pbx@" HOME ">");
    assert_int_equal(pcscf_counters(st.pcscf)->identities_refused, 1);
}

// The same local number of two networks is two users.
static void local_numbers_keep_their_network(void **state)
{
    static struct str homes[] = {STR_INIT(HOME), STR_INIT("b.example")};
    (void)state;
    st.cfg.home.domains = (struct conf_strs){homes, 2};
    register_with(OK("P-Associated-URI: <tel:7042;phone-context=b.example>\n"));
    struct ue other = ue_udp("198.51.100.2:5060", ACCESS);
    (void)registered_as(&other, &(struct request){.uri = "sip:b.example", .from = "sip:u@b.example"},
                        "Contact: <sip:ue@198.51.100.2:5060>;expires=600\nService-Route: " SERVICE_ROUTE "\n"
                        "P-Associated-URI: <tel:7042;phone-context=b.example>\n");
    (void)registered_as(&st.alice, &(struct request){0}, OK("P-Associated-URI: <tel:7042;phone-context=" HOME ">\n"));
    (void)registered_as(&st.alice, &(struct request){0}, OK("P-Associated-URI: <tel:7042;phone-context=b.example>\n"));
    ue_send(&other, &(struct request){.from = "sip:7042@b.example;user=phone", .to = BOB});
    assert_string_equal(header(expect(st.core, "INVITE "), "P-Asserted-Identity"), "<tel:7042;phone-context=b.example>");
}

// A pattern may hold what no URI does, and does not hide what stands behind it.
static void pattern_that_is_no_uri(void **state)
{
    (void)state;
    register_with(OK("P-Associated-URI: <sip:pbx@" HOME ">, <sip:pbx![0-9]{2}!@" HOME ">, <tel:+498912>\n"));
    assert_string_equal(header(asked("P-Preferred-Identity: <sip:pbx42@" HOME ">\n"), "P-Asserted-Identity"),
                        "<sip:pbx42@" HOME ">");
    assert_string_equal(header(asked("P-Preferred-Identity: <sip:pbx421@" HOME ">\n"), "P-Asserted-Identity"),
                        "<sip:pbx@" HOME ">");
    assert_string_equal(header(asked("P-Preferred-Identity: <tel:+498912>\n"), "P-Asserted-Identity"), "<tel:+498912>");
    assert_int_equal(pcscf_counters(st.pcscf)->patterns, 1);
    (void)registered_as(&st.alice, &(struct request){.expires = -1}, "Supported: path\nP-Associated-URI: <sip:pbx@" HOME ">\n");
    assert_int_equal(pcscf_counters(st.pcscf)->patterns, 0);
}

static void pattern_that_costs_too_much_is_left_out(void **state)
{
    (void)state;
    register_with(OK("P-Associated-URI: <sip:pbx@" HOME ">, <sip:p!((a{100}){100}){100}!@" HOME ">\n"));
    assert_int_equal(pcscf_counters(st.pcscf)->identities_refused, 1);
    assert_int_equal(pcscf_counters(st.pcscf)->patterns, 0);
    assert_int_equal(n_registered(), 1);
}

static void patterns_are_limited(void **state)
{
    (void)state;
    st.cfg.max_patterns = 1;
    register_with(OK("P-Associated-URI: <sip:pbx@" HOME ">, <sip:a!.*!@" HOME ">, <sip:b!.*!@" HOME ">\n"));
    assert_int_equal(pcscf_counters(st.pcscf)->patterns, 1);
    assert_int_equal(pcscf_counters(st.pcscf)->identities_refused, 1);
    assert_has(asked("P-Preferred-Identity: <sip:b1@" HOME ">\n"), "P-Asserted-Identity: <sip:pbx@");
    assert_has(asked("P-Preferred-Identity: <sip:a1@" HOME ">\n"), "P-Asserted-Identity: <sip:a1@");
}

// ---- how many ----

static void identities_are_limited(void **state)
{
    (void)state;
    st.cfg.max_identities = 2;
    register_with(OK("P-Associated-URI: <sip:a@" HOME ">, <sip:b@" HOME ">, <sip:c@" HOME ">, <sip:d@" HOME ">\n"));
    assert_int_equal(pcscf_counters(st.pcscf)->identities_refused, 2);
    assert_has(asked("P-Preferred-Identity: <sip:b@" HOME ">\n"), "P-Asserted-Identity: <sip:b@");
    assert_has(asked("P-Preferred-Identity: <sip:c@" HOME ">\n"), "P-Asserted-Identity: <sip:a@");
}

// RFC 3325 9.2: there are two values at most.
static void two_preferred_identities_are_looked_at(void **state)
{
    (void)state;
    register_with(OK(NAMES));
    assert_has(asked("P-Preferred-Identity: <sip:x@" HOME ">, <sip:y@" HOME ">, <" ALICE_TEL ">\n"),
               "P-Asserted-Identity: \"Alice");
    assert_has(asked("P-Preferred-Identity: <" ALICE_TEL ">, <" ALICE ">\n"),
               "P-Asserted-Identity: <" ALICE_TEL ">, \"Alice");
}

// ---- numbers ----

// ims/numbering.h: however the UE writes its number, it is the registered one.
static void numbers_are_compared_by_the_plan(void **state)
{
    static const char *const forms[] = {"<tel:+49-89-7042>",
                                        "<tel:0897042;phone-context=" HOME ">",
                                        "<sip:+49897042@" HOME ";user=phone>",
                                        "<sip:0897042;phone-context=" HOME "@" HOME ";user=phone>",
                                        "<tel:7042;phone-context=+4989>"};
    (void)state;
    st.cfg.home.country_code = STR("49");
    st.cfg.home.national_prefix = STR("0");
    register_with(OK("P-Associated-URI: <" ALICE ">, <tel:+49897042>\n"));
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        assert_string_equal(header(asked(text("P-Preferred-Identity: %s\n", forms[i])), "P-Asserted-Identity"),
                            "<tel:+49897042>");
}

// TS 24.229 4.2: a tel URI has a SIP companion, and the one that the UE names is asserted.
static void companion_is_asserted_as_it_is_named(void **state)
{
    (void)state;
    register_with(OK("P-Associated-URI: <" ALICE ">, <sip:+49891@" HOME ";user=phone>, <tel:+49891>\n"));
    assert_string_equal(header(asked("P-Preferred-Identity: <tel:+49891>\n"), "P-Asserted-Identity"), "<tel:+49891>");
    assert_string_equal(header(asked("P-Preferred-Identity: <sip:+49891@" HOME ";user=phone>\n"), "P-Asserted-Identity"),
                        "<sip:+49891@" HOME ";user=phone>");
}

// ---- charging (TS 24.229 4.5.5) ----

#define FUNCTIONS "ccf=\"aaa://ccf.example;transport=tcp\";ecf=\"aaa://ecf.example\""
#define CHARGED "P-Associated-URI: <" ALICE ">\nP-Charging-Function-Addresses: " FUNCTIONS "\n" \
                "P-Charging-Vector: icid-value=\"zz\";orig-ioi=ioi.example;term-ioi=\"Type 1home.example\"\n"

static void keep_last(void *arg, const struct pcscf_contact *g)
{
    struct pcscf_contact *last = arg;
    *last = *g;
}

static void charging_is_kept_and_used(void **state)
{
    struct pcscf_contact g = {0};
    (void)state;
    register_with(OK(CHARGED));
    pcscf_contacts(st.pcscf, STR("sip:alice@IMS.EXAMPLE"), keep_last, &g);
    assert_true(str_eq(g.charging_addresses, STR(FUNCTIONS)));
    assert_true(str_eq(g.term_ioi, STR("Type 1home.example")));
    struct heard *h = asked("P-Charging-Function-Addresses: ccf=evil.example\n");
    assert_string_equal(header(h, "P-Charging-Function-Addresses"), FUNCTIONS);
    assert_int_equal(occurrences(h, "P-Charging-Function-Addresses"), 1);
    assert_lacks(h, "term-ioi"); // table 4-2B: of answers only
    peer_answer(st.core, h, 183, "P-Charging-Function-Addresses: " FUNCTIONS "\nP-Charging-Vector: icid-value=\"zz\"\n");
    assert_lacks(expect(st.alice.peer, "SIP/2.0 183"), "P-Charging");
}

// 5.2.6.4.4: what came with the request goes before what came with the registration.
static void charging_of_a_called_ue(void **state)
{
    (void)state;
    stage_start();
    const char *path = registered_as(&st.alice, &(struct request){0}, OK(CHARGED));
    static const char *const with[] = {"", "P-Charging-Function-Addresses: ccf=other.example\n"};
    for (size_t i = 0; i < ARRAY_LEN(with); i++) {
        core_send(&(struct request){.uri = "sip:ue@198.51.100.1:5060", .from = BOB, .to = ALICE,
                                    .headers = text("Route: <%s>\n%s", path, with[i])});
        struct heard *h = expect(st.alice.peer, "INVITE ");
        assert_lacks(h, "P-Charging");
        peer_answer(st.alice.peer, h, 180, "P-Charging-Function-Addresses: ccf=evil.example\n");
        assert_string_equal(header(expect(st.core, "SIP/2.0 180"), "P-Charging-Function-Addresses"),
                            i ? "ccf=other.example" : FUNCTIONS);
    }
}

// What is long, or no such value, is not kept for other messages.
static void odd_charging_is_not_kept(void **state)
{
    (void)state;
    stage_start();
    const char *const odd[] = {text("ccf=%0600d.example", 1), "=;;,<", ""};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        (void)registered_as(&st.alice, &(struct request){0},
                            text(OK("P-Associated-URI: <" ALICE ">\nP-Charging-Function-Addresses: %s\n"), odd[i]));
        assert_lacks(asked(NULL), "P-Charging-Function-Addresses");
    }
}

// ---- one Contact, two UEs ----

// Behind two NATs they may have one private address, and one identity. One does not end the other's registration.
static void same_contact_of_two_users(void **state)
{
    static const char both[] = "Contact: <sip:ue@10.0.0.2:5060>;expires=600\nService-Route: " SERVICE_ROUTE
                               "\nP-Associated-URI: <" ALICE ">\n";
    (void)state;
    stage_start();
    struct ue other = ue_udp("203.0.113.7:5060", ACCESS);
    struct request one = {.contact = "<sip:ue@10.0.0.2:5060>",
                          .headers = "Authorization: Digest username=\"one\", realm=\"x\", nonce=\"n\", uri=\"sip:x\", response=\"r\"\n"};
    struct request two = {.contact = "<sip:ue@10.0.0.2:5060>",
                          .headers = "Authorization: Digest username=\"two\", realm=\"x\", nonce=\"n\", uri=\"sip:x\", response=\"r\"\n"};
    (void)registered_as(&st.alice, &one, both);
    (void)registered_as(&other, &two, both);
    assert_int_equal(n_registered(), 2);
    (void)asked(NULL);
    (void)registered_as(&other, &two, both);
    assert_int_equal(n_registered(), 2);
}

// ---- whose address it is ----

// A NAT that rewrites Via and Contact looks like none. Where there are such, the flow counts.
static void known_by_flow_alone(void **state)
{
    (void)state;
    st.cfg.by_address = false;
    register_with(OK(NAMES));
    assert_has(asked(NULL), "P-Asserted-Identity: ");
    struct ue port = ue_udp("198.51.100.1:40000", ACCESS);
    ue_send(&port, &(struct request){.to = BOB});
    assert_lacks(expect(st.core, "INVITE "), "P-Asserted-Identity");
    assert_int_equal(pcscf_counters(st.pcscf)->unproven, 1);
    ue_send(&port, &(struct request){.from = BOB, .to = BOB});
    (void)expect(port.peer, "SIP/2.0 403");
}

static void who_is_not_registered_has_no_identity(void **state)
{
    (void)state;
    stage_start();
    refused(&(struct request){.from = "sip:pbx-17@" HOME, .to = BOB});
}

#define T(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(display_name_is_asserted),
        T(names_outlive_an_answer_without_them),
        T(covered_identity_is_asserted_as_sent),
        T(uncovered_identity_is_the_default_one),
        T(covered_sender_is_known_at_its_address),
        T(parameters_of_a_number_are_not_asserted), T(identities_of_another_are_not_taken_over), T(patterns_leave_room_for_identities), T(local_numbers_keep_their_network),
        T(pattern_that_is_no_uri),
        T(pattern_that_costs_too_much_is_left_out),
        T(patterns_are_limited),
        T(identities_are_limited),
        T(two_preferred_identities_are_looked_at),
        T(numbers_are_compared_by_the_plan),
        T(companion_is_asserted_as_it_is_named),
        T(charging_is_kept_and_used),
        T(charging_of_a_called_ue),
        T(odd_charging_is_not_kept),
        T(same_contact_of_two_users),
        T(known_by_flow_alone),
        T(who_is_not_registered_has_no_identity),
    };
    return cmocka_run_group_tests_name("scenario_pcscf_identities", tests, NULL, NULL);
}
