// SPDX-License-Identifier: Apache-2.0
// What each message is on the wire, byte for byte: golden/messages.txt has a name and the bytes in each line. A
// typed message is written to these bytes, and these bytes are read and written again to the same.
//   test_golden FILE           compares
//   test_golden FILE --write   writes the file anew
#include <stdio.h>

#include "fixture.h"
#include "gld.h"

#define ITEMS(type_, ...) (const type_[]){__VA_ARGS__}
#define MANY_HEAD                                                                                  \
    .head = {.session_id = STR_INIT("s.test;1;2;0a"), .origin_host = STR_INIT("s.test"),           \
             .origin_realm = STR_INIT("test"), .dest_host = STR_INIT("hss.test"),                  \
             .dest_realm = STR_INIT("test"),                                                       \
             .features = ITEMS(struct cx_feature, {DIA_VENDOR_3GPP, 1, 5}, {13019, 2, 0}),         \
             .n_features = 2}

enum { REQUEST = DIA_CMD_R, ANSWER = 0, ERROR = DIA_CMD_E };

// ---- Cx ----

static const struct cx_uar uar_least = {HEAD_IN, .impi = STR_INIT("impi"), .impu = STR_INIT("sip:u@test"),
                                        .visited_network = STR_INIT("visited")};
static const struct cx_uar uar_full = {MANY_HEAD, .impi = STR_INIT("impi"), .impu = STR_INIT("sip:u@test"),
                                       .visited_network = STR_INIT("visited"),
                                       .type = CX_UAR_REGISTRATION_AND_CAPABILITIES, .emergency = true};
static const struct cx_uaa uaa_least = {HEAD_OUT, .result = {DIA_SUCCESS, false}};
static const struct cx_uaa uaa_empty_capabilities = {HEAD_OUT, .result = {DIA_SUCCESS, false},
                                                     .capabilities.present = true};
static const struct cx_uaa uaa_full = {
    MANY_HEAD, .result = {CX_SUBSEQUENT_REGISTRATION, true}, .server_name = STR_INIT("sip:s.test:5060"),
    .capabilities = {.present = true, .mandatory = ITEMS(uint32_t, 3, 4, 0xffffffff), .n_mandatory = 3,
                     .optional = ITEMS(uint32_t, 0), .n_optional = 1,
                     .server_names = ITEMS(struct str, STR_INIT("sip:a"), STR_INIT("sip:bb")),
                     .n_server_names = 2}};
static const struct cx_uaa uaa_refused = {HEAD_OUT, .result = {CX_ERROR_USER_UNKNOWN, true}};

static const struct cx_lir lir_least = {HEAD_IN, .impu = STR_INIT("tel:+15550001")};
static const struct cx_lir lir_full = {MANY_HEAD, .impu = STR_INIT("tel:+15550001"), .originating = true,
                                       .and_capabilities = true};
static const struct cx_lia lia_least = {HEAD_OUT, .result = {CX_UNREGISTERED_SERVICE, true}};
static const struct cx_lia lia_full = {
    MANY_HEAD, .result = {DIA_SUCCESS, false}, .server_name = STR_INIT("sip:s.test"),
    .capabilities = {.present = true, .optional = ITEMS(uint32_t, 7), .n_optional = 1},
    .wildcard = STR_INIT("sip:chat-!.*!@test")};

static const struct cx_mar mar_least = {HEAD_IN, .impi = STR_INIT("impi"), .impu = STR_INIT("sip:u@test"),
                                        .server_name = STR_INIT("sip:s.test")};
static const struct cx_mar mar_first = {MANY_HEAD, .impi = STR_INIT("impi"), .impu = STR_INIT("sip:u@test"),
                                        .server_name = STR_INIT("sip:s.test"), .n_items = 5,
                                        .item.scheme = STR_INIT("Digest-AKAv1-MD5")};
static const struct cx_mar mar_resync = {
    HEAD_IN, .impi = STR_INIT("impi"), .impu = STR_INIT("sip:u@test"), .server_name = STR_INIT("sip:s.test"),
    .n_items = 1,
    .item = {.scheme = STR_INIT("Digest-AKAv1-MD5"),
             .authorization = STR_INIT("0123456789abcdef\0\1\2\3\4\5\6\7\10\11\12\13\14\15")}};
static const struct cx_maa maa_least = {HEAD_OUT, .result = {CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED, true}};
static const struct cx_maa maa_full = {
    MANY_HEAD, .result = {DIA_SUCCESS, false}, .impi = STR_INIT("impi"), .impu = STR_INIT("sip:u@test"),
    .items = ITEMS(struct cx_auth_item,
                   {1, STR_INIT("Digest-AKAv1-MD5"), STR_INIT("RAND AUTN"), STR_INIT("XRES"), STR_INIT("CK"),
                    STR_INIT("IK")},
                   {.item_number = 2, .scheme = STR_INIT("SIP Digest"), .digest_realm = STR_INIT("test"),
                    .digest_algorithm = STR_INIT("MD5"), .digest_qop = STR_INIT("auth"),
                    .digest_ha1 = STR_INIT("ha1"), .digest_alt_algorithm = STR_INIT("SHA-256"),
                    .digest_alt_ha1 = STR_INIT("ha1-256")}),
    .n_items = 2};

static const struct cx_sar sar_least = {HEAD_IN, .server_name = STR_INIT("sip:s.test")};
static const struct cx_sar sar_full = {
    MANY_HEAD, .impi = STR_INIT("impi"),
    .impus = ITEMS(struct str, STR_INIT("sip:a"), STR_INIT("sip:bb"), STR_INIT("tel:+1"), STR_INIT("sip:dddd")),
    .n_impus = 4, .server_name = STR_INIT("sip:s.test"), .type = CX_USER_DEREGISTRATION_STORE_SERVER_NAME,
    .user_data_already_available = true};
static const struct cx_sar sar_restoration = {
    HEAD_IN, .impi = STR_INIT("impi"), .impus = ITEMS(struct str, STR_INIT("sip:a")), .n_impus = 1,
    .server_name = STR_INIT("sip:s.test"), .type = CX_REGISTRATION, .multiple_registration = true,
    .restoration = {
        .present = true, .impi = STR_INIT("impi"), .timeout = 0xe8000003, .scheme = STR_INIT("SIP Digest"),
        .contacts = ITEMS(struct cx_restoration_contact,
                          {.path = STR_INIT("<sip:p.test;lr>"), .contact = STR_INIT("<sip:u@10.0.0.1>;expires=600"),
                           .cseq_present = true, .cseq = 7, .call_id = STR_INIT("c1"),
                           .subscription = {true, STR_INIT("s1"), STR_INIT("<sip:a>;tag=1"), STR_INIT("<sip:a>;tag=2"),
                                            STR_INIT("<sip:p.test;lr>"), STR_INIT("<sip:u@10.0.0.1>")},
                           .pcscf_subscription = {true, STR_INIT("s2"), STR_INIT("<sip:p>;tag=3"),
                                                  STR_INIT("<sip:a>;tag=4"), STR_INIT("<sip:p.test>")}},
                          {.path = STR_INIT("<sip:q.test;lr>"), .contact = STR_INIT("<sip:u@10.0.0.2>")}),
        .n_contacts = 2}};
static const struct cx_saa saa_restoration = {
    HEAD_OUT, .result = {CX_ERROR_IN_ASSIGNMENT_TYPE, true}, .user_data = STR_INIT("<IMSSubscription/>"),
    .restorations = ITEMS(
        struct cx_restoration,
        {.impi = STR_INIT("impi1"),
         .contacts = ITEMS(struct cx_restoration_contact, {.path = STR_INIT("<sip:p>"), .contact = STR_INIT("<sip:1>")},
                           {.path = STR_INIT("<sip:p>"), .contact = STR_INIT("<sip:11>"), .cseq_present = true}),
         .n_contacts = 2},
        {.impi = STR_INIT("impi22"), .scheme = STR_INIT("Digest-AKAv1-MD5"),
         .contacts = ITEMS(struct cx_restoration_contact, {.path = STR_INIT("<sip:p>"), .contact = STR_INIT("<sip:2>")}),
         .n_contacts = 1}),
    .n_restorations = 2, .registered_identities = ITEMS(struct str, STR_INIT("impi1"), STR_INIT("impi22")),
    .n_registered = 2};
static const struct cx_saa saa_least = {HEAD_OUT, .result = {CX_ERROR_IN_ASSIGNMENT_TYPE, true}};
static const struct cx_saa saa_full = {
    MANY_HEAD, .result = {DIA_SUCCESS, false}, .impi = STR_INIT("impi"), .server_name = STR_INIT("sip:other"),
    .user_data = STR_INIT("<IMSSubscription/>"),
    .charging = {.primary_ccf = STR_INIT("aaa://c1"), .secondary_ccf = STR_INIT("aaa://c22"),
                 .primary_ecf = STR_INIT("aaa://e333"), .secondary_ecf = STR_INIT("aaa://e4")},
    .associated_identities = ITEMS(struct str, STR_INIT("impi1"), STR_INIT("impi22")), .n_associated = 2,
    .loose_route_present = true, .loose_route = true};
static const struct cx_saa saa_no_loose_route = {HEAD_OUT, .result = {DIA_SUCCESS, false},
                                                 .charging.primary_ccf = STR_INIT("aaa://c1"),
                                                 .loose_route_present = true};

static const struct cx_rtr rtr_least = {HEAD_IN, .impi = STR_INIT("impi")};
static const struct cx_rtr rtr_full = {
    MANY_HEAD, .impi = STR_INIT("impi"), .impus = ITEMS(struct str, STR_INIT("sip:a"), STR_INIT("sip:bb")),
    .n_impus = 2, .associated_identities = ITEMS(struct str, STR_INIT("impi2")), .n_associated = 1,
    .reason = CX_SERVER_CHANGE, .reason_info = STR_INIT("moved")};
static const struct cx_rta rta_least = {HEAD_OUT, .result = {DIA_SUCCESS, false}};
static const struct cx_rta rta_full = {MANY_HEAD, .result = {DIA_SUCCESS, false},
                                       .associated_identities = ITEMS(struct str, STR_INIT("impi2")),
                                       .n_associated = 1};
static const struct cx_ppr ppr_least = {HEAD_IN, .impi = STR_INIT("impi")};
static const struct cx_ppr ppr_full = {
    MANY_HEAD, .impi = STR_INIT("impi"), .user_data = STR_INIT("<x/>"),
    .charging.secondary_ecf = STR_INIT("aaa://e"),
    .item = {.scheme = STR_INIT("SIP Digest"), .digest_realm = STR_INIT("test"), .digest_ha1 = STR_INIT("h")}};
static const struct cx_ppa ppa_least = {HEAD_OUT, .result = {DIA_UNABLE_TO_COMPLY, false}};

// ---- base ----

#define CAPS                                                                                       \
    .origin_host = STR_INIT("s.test"), .origin_realm = STR_INIT("test"), .product = STR_INIT("Carillon"),   \
    .vendor_id = 0, .state_id = 77, .ips = ITEMS(struct str, STR_INIT("\0\1\x7f\0\1\x1e")), .n_ips = 1

static const struct dia_caps cer_least = {.origin_host = STR_INIT("s"), .origin_realm = STR_INIT("t"),
                                          .ips = ITEMS(struct str, STR_INIT("\0\1\x7f\0\0\1")), .n_ips = 1};
static const struct dia_caps cer_cx = {
    CAPS, .supported_vendors = ITEMS(uint32_t, DIA_VENDOR_3GPP, 13019), .n_supported_vendors = 2,
    .vsai = ITEMS(struct dia_vsai, {.vendor = DIA_VENDOR_3GPP, .auth = DIA_APP_CX}), .n_vsai = 1};
static const struct dia_caps cer_full = {
    .origin_host = STR_INIT("s.test"), .origin_realm = STR_INIT("test"), .product = STR_INIT("Carillon"),
    .vendor_id = 10415, .state_id = 77, .firmware = 9,
    .ips = ITEMS(struct str, STR_INIT("\0\1\x7f\0\1\x1e"), STR_INIT("\0\2 1234567 123456")), .n_ips = 2,
    .supported_vendors = ITEMS(uint32_t, 13019), .n_supported_vendors = 1,
    .auth = ITEMS(uint32_t, DIA_APP_RELAY, 4), .n_auth = 2, .acct = ITEMS(uint32_t, 3), .n_acct = 1,
    .vsai = ITEMS(struct dia_vsai, {.vendor = DIA_VENDOR_3GPP, .auth = DIA_APP_CX}, {.vendor = 1, .acct = 2}),
    .n_vsai = 2};
static const struct dia_caps cea_good = {
    CAPS, .result.code = DIA_SUCCESS, .supported_vendors = ITEMS(uint32_t, DIA_VENDOR_3GPP, 13019),
    .n_supported_vendors = 2, .vsai = ITEMS(struct dia_vsai, {.vendor = DIA_VENDOR_3GPP, .auth = DIA_APP_CX}),
    .n_vsai = 1};
static const struct dia_caps cea_bad = {CAPS, .result.code = 5010, .error_message = STR_INIT("no common application")};

#define LINK .origin_host = STR_INIT("s.test"), .origin_realm = STR_INIT("test")
static const struct dia_link dwr = {LINK, .state_id = 77};
static const struct dia_link dwa = {LINK, .result.code = DIA_SUCCESS, .state_id = 77};
static const struct dia_link dpr = {LINK, .cause = DIA_REBOOTING};
static const struct dia_link dpr_busy = {LINK, .cause = DIA_BUSY};
static const struct dia_link dpa = {LINK, .result.code = DIA_SUCCESS, .error_message = STR_INIT("bye")};

static const struct dia_error error_least = {LINK, .result.code = DIA_TOO_BUSY};
static const struct dia_error error_full = {
    LINK, .result.code = 3006, .session_id = STR_INIT("s.test;1;2;0a"), .error_message = STR_INIT("elsewhere"),
    .reporting_host = STR_INIT("slf.test"), .redirects = ITEMS(struct str, STR_INIT("aaa://a"), STR_INIT("aaa://b")),
    .n_redirects = 2, .redirect_usage = 1, .redirect_cache = 60, .state_id = 5};
static const struct dia_error error_experimental = {LINK, .result = {5001, true}};

// ---- sessions and accounting, RFC 6733 8 and 9, as an application takes them over ----

#define TO                                                                                         \
    .head = {.session_id = STR_INIT("s.test;1;2;0a"), .origin_host = STR_INIT("s.test"),           \
             .origin_realm = STR_INIT("test"), .dest_realm = STR_INIT("test")}
#define TO_HOST HEAD_IN, .user_name = STR_INIT("impi"), .state_id = 77
#define FROM_HOST                                                                                  \
    HEAD_OUT, .user_name = STR_INIT("impi"), .error_message = STR_INIT("why"),                     \
    .reporting_host = STR_INIT("agent.test"), .state_id = 77
#define CLASSES .classes = ITEMS(struct str, STR_INIT("one"), STR_INIT("\0\1")), .n_classes = 2

static const struct dia_str str_least = {TO, .cause = DIA_END_LOGOUT};
static const struct dia_str str_full = {TO_HOST, .cause = DIA_END_SESSION_TIMEOUT, CLASSES};
static const struct dia_sta sta_least = {HEAD_OUT, .result = {DIA_SUCCESS, false}};
static const struct dia_sta sta_full = {FROM_HOST, .result = {5002, false}, CLASSES};
static const struct dia_asr asr_least = {TO};
static const struct dia_asr asr_full = {TO_HOST};
static const struct dia_asa asa_least = {HEAD_OUT, .result = {DIA_SUCCESS, false}};
static const struct dia_asa asa_full = {FROM_HOST, .result = {DIA_UNABLE_TO_COMPLY, false}};
static const struct dia_rar rar_least = {TO, .type = DIA_RE_AUTH_AUTHORIZE_ONLY};
static const struct dia_rar rar_full = {TO_HOST, .type = DIA_RE_AUTH_AUTHORIZE_AUTHENTICATE};
static const struct dia_raa raa_least = {HEAD_OUT, .result = {2002, false}};
static const struct dia_raa raa_full = {FROM_HOST, .result = {5002, false}};
static const struct dia_acr acr_event = {TO, .type = DIA_RECORD_EVENT};
static const struct dia_acr acr_full = {
    TO_HOST, .type = DIA_RECORD_INTERIM, .number = 0xffffffff, .sub_session = 0x0102030405060708,
    .acct_session = STR_INIT("acct\0\1"), .multi_session = STR_INIT("multi"), .interim_s = 300,
    .realtime = DIA_REALTIME_GRANT_AND_LOSE, .timestamp = 0xe8000001};
static const struct dia_aca aca_least = {HEAD_OUT, .result = {DIA_SUCCESS, false}, .type = DIA_RECORD_STOP,
                                         .number = 3};
static const struct dia_aca aca_full = {
    FROM_HOST, .result = {4002, false}, .type = DIA_RECORD_START, .number = 1, .interim_s = 60,
    .realtime = DIA_REALTIME_DELIVER_AND_GRANT, .timestamp = 0xe8000002};

#define CX(code_, what_, name_) {#name_, &dia_cx, code_, what_, &name_}
#define BASE(code_, what_, name_) {#name_, &dia_base, code_, what_, &name_}
#define GLD(code_, what_, name_) {#name_, &dia_gld, code_, what_, &name_}

static const struct sample {
    const char *name;
    const struct dia_interface *interface;
    uint32_t code;
    uint8_t what;
    const void *st;
} samples[] = {
    CX(300, REQUEST, uar_least), CX(300, REQUEST, uar_full), CX(300, ANSWER, uaa_least),
    CX(300, ANSWER, uaa_empty_capabilities), CX(300, ANSWER, uaa_full), CX(300, ANSWER, uaa_refused),
    CX(301, REQUEST, sar_least), CX(301, REQUEST, sar_full), CX(301, ANSWER, saa_least),
    CX(301, ANSWER, saa_full), CX(301, ANSWER, saa_no_loose_route), CX(301, REQUEST, sar_restoration),
    CX(301, ANSWER, saa_restoration), CX(302, REQUEST, lir_least),
    CX(302, REQUEST, lir_full), CX(302, ANSWER, lia_least), CX(302, ANSWER, lia_full),
    CX(303, REQUEST, mar_least), CX(303, REQUEST, mar_first), CX(303, REQUEST, mar_resync),
    CX(303, ANSWER, maa_least), CX(303, ANSWER, maa_full), CX(304, REQUEST, rtr_least),
    CX(304, REQUEST, rtr_full), CX(304, ANSWER, rta_least), CX(304, ANSWER, rta_full),
    CX(305, REQUEST, ppr_least), CX(305, REQUEST, ppr_full), CX(305, ANSWER, ppa_least),
    BASE(DIA_CER, REQUEST, cer_least), BASE(DIA_CER, REQUEST, cer_cx), BASE(DIA_CER, REQUEST, cer_full),
    BASE(DIA_CER, ANSWER, cea_good), BASE(DIA_CER, ANSWER, cea_bad), BASE(DIA_DWR, REQUEST, dwr),
    BASE(DIA_DWR, ANSWER, dwa), BASE(DIA_DPR, REQUEST, dpr), BASE(DIA_DPR, REQUEST, dpr_busy),
    BASE(DIA_DPR, ANSWER, dpa), CX(303, ERROR, error_least), CX(303, ERROR, error_full),
    CX(303, ERROR, error_experimental), GLD(275, REQUEST, str_least), GLD(275, REQUEST, str_full),
    GLD(275, ANSWER, sta_least), GLD(275, ANSWER, sta_full), GLD(274, REQUEST, asr_least),
    GLD(274, REQUEST, asr_full), GLD(274, ANSWER, asa_least), GLD(274, ANSWER, asa_full),
    GLD(258, REQUEST, rar_least), GLD(258, REQUEST, rar_full), GLD(258, ANSWER, raa_least),
    GLD(258, ANSWER, raa_full), GLD(271, REQUEST, acr_event), GLD(271, REQUEST, acr_full),
    GLD(271, ANSWER, aca_least), GLD(271, ANSWER, aca_full),
};

// ---- writing and reading ----

static const struct dia_interface *const apps[] = {&dia_cx, &dia_gld};
static struct dia_dict *dict;
static const char *path;

static const struct dia_grammar *grammar_of(const struct sample *s)
{
    const struct dia_command *c = dia_command_find(s->interface, s->code);
    return s->what == ERROR ? &dia_error_grammar : s->what == REQUEST ? c->in : c->out;
}

static void encode(const struct sample *s, const void *st, struct dia_bytes *ret_bytes)
{
    bool base = s->interface == &dia_base;
    struct dia_header h = {.flags = (uint8_t)(s->what | (base ? 0 : DIA_CMD_P)), .code = s->code,
                           .app = s->interface->app, .hbh = 0x01020304, .ete = 0xfffefdfc};
    assert_int_equal(dia_encode(dict, grammar_of(s), st, &h, ret_bytes), 0);
}

static size_t line_of(const struct sample *s, char *line, size_t cap)
{
    struct dia_bytes b;
    encode(s, s->st, &b);
    int n = snprintf(line, cap, "%s ", s->name);
    assert_true((size_t)n + 2 * b.n + 2 < cap);
    for (size_t i = 0; i < b.n; i++)
        n += snprintf(line + n, 3, "%02x", b.p[i]);
    dia_bytes_free(&b);
    return (size_t)n;
}

static uint8_t *from_hex(const char *hex, size_t *ret_n)
{
    size_t n = strspn(hex, "0123456789abcdef") / 2;
    uint8_t *p = mem_alloc(n);
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
        p[i] = (uint8_t)v;
    }
    *ret_n = n;
    return p;
}

// What was read says the same: it is written to the same bytes.
static void read_again(const struct sample *s, const char *hex)
{
    static _Alignas(max_align_t) char st[65536];
    struct dia_frame f;
    struct dia_fault fault = {0};
    struct dia_read read;
    struct dia_bytes b;
    size_t n;
    uint8_t *p = from_hex(hex, &n);
    assert_int_equal(dia_frame_parse(dict, (struct str){(char *)p, n}, &f, &fault), 0);
    assert_int_equal(f.flags & (DIA_CMD_R | DIA_CMD_E), s->what);
    int r = dia_decode(dict, &f, grammar_of(s), st, &read, &fault);
    if (r)
        fail_msg("%s: %s", s->name, fault.why);
    encode(s, st, &b);
    assert_int_equal(b.n, n);
    assert_memory_equal(b.p, p, n);
    dia_bytes_free(&b);
    dia_read_done(&read);
    mem_free(p);
}

static void same_bytes(void **state)
{
    static char line[8192], want[8192];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        assert_non_null(fgets(want, sizeof want, f));
        want[strcspn(want, "\n")] = 0;
        line_of(&samples[i], line, sizeof line);
        assert_string_equal(line, want);
        read_again(&samples[i], strchr(want, ' ') + 1);
    }
    assert_null(fgets(want, sizeof want, f));
    fclose(f);
}

static int write_all(void)
{
    static char line[8192];
    FILE *f = fopen(path, "w");
    if (!f || dia_dict_ref(apps, ARRAY_LEN(apps), &dict))
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        line_of(&samples[i], line, sizeof line);
        fprintf(f, "%s\n", line);
    }
    return fclose(f);
}

static int setup(void **state)
{
    return dia_dict_ref(apps, ARRAY_LEN(apps), &dict);
}

static int teardown(void **state)
{
    dia_dict_unref(dict);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bytes)};
    if (argc < 2)
        return 2;
    path = argv[1];
    if (argc > 2)
        return write_all();
    return cmocka_run_group_tests(tests, setup, teardown);
}
