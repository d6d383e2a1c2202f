// SPDX-License-Identifier: Apache-2.0
// What HSSs of others may write, and still mean: UAA and LIA with their AVPs in any order, at the top and within
// Server-Capabilities and Experimental-Result, with AVPs between that nobody here knows and with other M bits
// (RFC 6733 3.2, 4.1; TS 29.229 6.1.2, 6.1.6). The I-CSCF decides alike.
#include <stdio.h>

#include "../avps.h"
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

static const uint32_t seven[] = {7}, eight[] = {8}, three[] = {7, 1, 9};
static const struct str first_s2[] = {STR_INIT(S2), STR_INIT(S1)};
#define CAPS(...) {.present = true, __VA_ARGS__}
#define MANDATORY(list) .mandatory = (list), .n_mandatory = ARRAY_LEN(list)
#define OPTIONAL(list) .optional = (list), .n_optional = ARRAY_LEN(list)
#define NAMES(list) .server_names = (list), .n_server_names = ARRAY_LEN(list)

// What the HSS answers, and who gets the request then; else the status that the I-CSCF answers. P-Profile-Key is what
// the S-CSCF is told of a wildcarded identity.
static const struct {
    const char *what;
    struct dia_result result;
    const char *server;
    struct cx_capabilities caps;
    const char *wildcard;
    int to;
    unsigned on_register, on_other;
    const char *key;
} rows[] = {
    {"assigned", {DIA_SUCCESS, false}, S1, {0}, NULL, W_S1, 0, 0, ""},
    {"assigned, registered already", {CX_SUBSEQUENT_REGISTRATION, true}, S2, {0}, NULL, W_S2, 0, 0, ""},
    {"assigned, with capabilities",
     {DIA_SUCCESS, false},
     S1,
     CAPS(MANDATORY(seven), NAMES(first_s2)),
     NULL,
     W_S1,
     0,
     0,
     ""},
    {"by a capability", {CX_FIRST_REGISTRATION, true}, NULL, CAPS(MANDATORY(seven)), NULL, W_S2, 0, 0, ""},
    {"by a wish", {CX_FIRST_REGISTRATION, true}, NULL, CAPS(OPTIONAL(seven)), NULL, W_S2, 0, 0, ""},
    {"by wishes, one is met", {CX_FIRST_REGISTRATION, true}, NULL, CAPS(OPTIONAL(three)), NULL, W_S2, 0, 0, ""},
    {"no capability asked for", {CX_FIRST_REGISTRATION, true}, NULL, CAPS(), NULL, W_S1, 0, 0, ""},
    {"names among the capabilities", {CX_FIRST_REGISTRATION, true}, NULL, CAPS(NAMES(first_s2)), NULL, W_S2, 0, 0, ""},
    {"names and what they must have",
     {CX_UNREGISTERED_SERVICE, true},
     NULL,
     CAPS(MANDATORY(seven), OPTIONAL(three), NAMES(first_s2)),
     NULL,
     W_S2,
     0,
     0,
     ""},
    {"nobody has it",
     {CX_FIRST_REGISTRATION, true},
     NULL,
     CAPS(MANDATORY(eight), OPTIONAL(seven)),
     NULL,
     -1,
     600,
     480,
     ""},
    {"nobody has all of them", {CX_FIRST_REGISTRATION, true}, NULL, CAPS(MANDATORY(three)), NULL, -1, 600, 480, ""},
    {"a wildcarded identity", {DIA_SUCCESS, false}, S1, {0}, "sip:!.*!@" DOMAIN, W_S1, 0, 0, "<sip:!.*!@" DOMAIN ">"},
    {"one with capabilities",
     {CX_UNREGISTERED_SERVICE, true},
     NULL,
     CAPS(MANDATORY(seven), NAMES(first_s2)),
     "sip:!.*!@" DOMAIN,
     W_S2,
     0,
     0,
     "<sip:!.*!@" DOMAIN ">"},
    {"unknown user", {CX_ERROR_USER_UNKNOWN, true}, NULL, {0}, NULL, -1, 403, 404, ""},
    {"not registered", {CX_ERROR_IDENTITY_NOT_REGISTERED, true}, NULL, {0}, NULL, -1, 403, 480, ""},
    {"a base result of the same number", {5001, false}, NULL, {0}, NULL, -1, 480, 480, ""},
    {"rejected", {DIA_AUTHORIZATION_REJECTED, false}, NULL, {0}, NULL, -1, 403, 404, ""},
    {"busy", {DIA_TOO_BUSY, false}, NULL, {0}, NULL, -1, 503, 503, ""},
};

static unsigned branch;

static void ask_for(const char *method)
{
    bool reg = strcmp(method, "REGISTER") == 0;
    branch++;
    world_sendf(W_PCSCF,
                "%s sip:%s" DOMAIN " SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKc%u\nMax-Forwards: 70\n"
                "From: <sip:alice@" DOMAIN ">;tag=f\nTo: <sip:alice@" DOMAIN
                ">\nCall-ID: c%u\nCSeq: 1 %s\n%sContent-Length: 0\n\n",
                method, reg ? "" : "alice@", branch, branch, method,
                reg ? "Contact: <sip:alice@192.0.2.1>\nPath: <sip:flow1@127.0.1.10:5060;lr>\nRequire: path\n"
                      "P-Visited-Network-ID: \"visited.example\"\n"
                    : "");
}

static const char *key_of(const struct sip_msg *m)
{
    static char text[128];
    copy(text, sizeof text, sip_msg_raw(m, SIP_H_P_PROFILE_KEY));
    return text;
}

// A failure says which answer it was, and how it was written.
static void ask(size_t i, const char *method, const struct avps *a)
{
    bool reg = strcmp(method, "REGISTER") == 0;
    unsigned status = reg ? rows[i].on_register : rows[i].on_other, seen = a->n;
    ask_for(method);
    struct sip_msg *m = world_take(rows[i].to < 0 ? W_PCSCF : rows[i].to);
    while (m && sip_msg_status(m) == 100)
        m = world_take(rows[i].to < 0 ? W_PCSCF : rows[i].to);
    if (!m || sip_msg_status(m) != status || a->n != seen + 1)
        fail_msg("%s, %s, order %u, more %u, %u answers: %.*s", rows[i].what, method, a->order, a->more, a->n - seen,
                 STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    if (rows[i].to < 0)
        return;
    const char *key = reg ? "" : rows[i].key; // a UAA has no Wildcarded-Public-Identity
    if (strcmp(key_of(m), key) != 0)
        fail_msg("%s, order %u, more %u: P-Profile-Key %s", rows[i].what, a->order, a->more, key_of(m));
    world_answer(rows[i].to, m, 403, "");
    (void)world_expect(W_PCSCF, 403);
}

static void ask_all(unsigned more)
{
    struct avps a = {.more = more};
    avps_tamper(w.sim, &a);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        w.result = rows[i].result;
        w.server = rows[i].server;
        w.caps = rows[i].caps;
        w.wildcard = rows[i].wildcard;
        for (a.order = 0; a.order < AVPS_ORDERS; a.order++) {
            ask(i, "REGISTER", &a);
            ask(i, "MESSAGE", &a);
            world_run(a.order % 16 ? 0 : 40000); // the transactions of before have ended
        }
    }
    avps_tamper(w.sim, NULL);
}

static void in_any_order(void **state)
{
    (void)state;
    ask_all(0);
}

static void with_strangers_between(void **state)
{
    (void)state;
    ask_all(AVPS_STRANGERS);
}

static void without_m_bits(void **state)
{
    (void)state;
    ask_all(AVPS_M_CLEAR);
}

static void with_m_bits(void **state)
{
    (void)state;
    ask_all(AVPS_M_SET);
}

static void session_id_anywhere(void **state)
{
    (void)state;
    ask_all(AVPS_SESSION | AVPS_STRANGERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(in_any_order), TEST(with_strangers_between), TEST(without_m_bits),
                                       TEST(with_m_bits), TEST(session_id_anywhere)};
    return cmocka_run_group_tests_name("icscf_contract", tests, NULL, NULL);
}
