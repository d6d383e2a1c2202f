// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "fixture.h"

struct state {
    struct dia_dict *d;
};

static struct state the;

static int setup(void **state)
{
    *state = &the;
    return dia_dict_ref(cx_apps, 1, &the.d);
}

static int teardown(void **state)
{
    dia_dict_unref(the.d);
    return 0;
}

// ---- every command there and back ----

#define ROUND(code_, request_, in_, out_)                                                          \
    struct dia_bytes b;                                                                            \
    struct dia_read m;                                                                                 \
    struct dia_fault fault = {0};                                                                  \
    dia_test_encode(the.d, code_, request_, &in_, &b);                                             \
    assert_int_equal(dia_test_decode(the.d, dia_test_str(&b), &out_, sizeof out_, &m, &fault), 0)
#define ROUND_END                                                                                  \
    dia_read_done(&m);                                                                               \
    dia_bytes_free(&b)

static void uar(void **state)
{
    struct cx_uar in = {HEAD_IN, .impi = STR("impi"), .impu = STR("sip:u@test"),
                        .visited_network = STR("visited"), .type = CX_UAR_DE_REGISTRATION,
                        .emergency = true}, out;
    ROUND(300, true, in, out);
    assert_str(out.head.session_id, in.head.session_id);
    assert_str(out.head.dest_host, in.head.dest_host);
    assert_str(out.head.dest_realm, in.head.dest_realm);
    assert_str(out.head.origin_host, in.head.origin_host);
    assert_str(out.impi, in.impi);
    assert_str(out.impu, in.impu);
    assert_str(out.visited_network, in.visited_network);
    assert_int_equal(out.type, in.type);
    assert_true(out.emergency);
    ROUND_END;
}

static void uaa(void **state)
{
    struct cx_uaa in = {HEAD_OUT, .result = {CX_FIRST_REGISTRATION, true},
                        .server_name = STR("sip:s1"),
                        .capabilities = {.present = true, .mandatory = (uint32_t[]){3, 4}, .n_mandatory = 2,
                                         .optional = (uint32_t[]){9}, .n_optional = 1,
                                         .server_names = (struct str[]){STR("sip:a"), STR("sip:b")},
                                         .n_server_names = 2}}, out;
    ROUND(300, false, in, out);
    assert_int_equal(out.result.code, CX_FIRST_REGISTRATION);
    assert_true(out.result.experimental);
    assert_str(out.server_name, in.server_name);
    assert_true(out.capabilities.present);
    assert_int_equal(out.capabilities.n_mandatory, 2);
    assert_int_equal(out.capabilities.mandatory[1], 4);
    assert_int_equal(out.capabilities.n_optional, 1);
    assert_int_equal(out.capabilities.optional[0], 9);
    assert_int_equal(out.capabilities.n_server_names, 2);
    assert_str(out.capabilities.server_names[1], STR("sip:b"));
    ROUND_END;
}

// TS 29.228 6.1.1.1: Server-Capabilities may be there and empty
// A vendor's codes are its own: of another one's only the class is read.
static void result_of_another_vendor(void **state)
{
    struct cx_uaa in = {HEAD_OUT, .result = {CX_ERROR_USER_UNKNOWN, true}}, out;
    struct dia_bytes b;
    dia_test_encode(the.d, 300, false, &in, &b);
    for (size_t at = DIA_HEADER; at < b.n; at += (dia_get24(b.p + at + 5) + 3) & ~3u)
        if (dia_get32(b.p + at) == 297)
            dia_put32(b.p + at + 16, 13019);
    struct dia_read m;
    struct dia_fault fault;
    assert_int_equal(dia_test_decode(the.d, dia_test_str(&b), &out, sizeof out, &m, &fault), 0);
    assert_int_equal(out.result.code, 5000);
    assert_false(out.result.experimental);
    ROUND_END;
}

static void uaa_empty_capabilities(void **state)
{
    struct cx_uaa in = {HEAD_OUT, .result = {DIA_SUCCESS, false}, .capabilities.present = true}, out;
    ROUND(300, false, in, out);
    assert_true(out.capabilities.present);
    assert_int_equal(out.capabilities.n_mandatory, 0);
    assert_null(out.server_name.p);
    assert_false(out.result.experimental);
    ROUND_END;
}

static void lir(void **state)
{
    struct cx_lir in = {HEAD_IN, .impu = STR("tel:+1"), .originating = true}, out;
    ROUND(302, true, in, out);
    assert_true(out.originating);
    assert_false(out.and_capabilities);
    assert_str(out.impu, in.impu);
    ROUND_END;
}

static void lia(void **state)
{
    struct cx_lia in = {HEAD_OUT, .result = {CX_UNREGISTERED_SERVICE, true}}, out;
    ROUND(302, false, in, out);
    assert_int_equal(out.result.code, CX_UNREGISTERED_SERVICE);
    assert_false(out.capabilities.present);
    ROUND_END;
}

static void mar_resync(void **state)
{
    struct cx_mar in = {HEAD_IN, .impi = STR("impi"), .impu = STR("sip:u"), .n_items = 3,
                        .server_name = STR("sip:s"),
                        .item = {.scheme = STR("Digest-AKAv1-MD5"),
                                 .authorization = STR("0123456789abcdef\0\1\2\3\4\5\6\7\10\11\12\13\14\15")}},
                  out;
    ROUND(303, true, in, out);
    assert_int_equal(out.n_items, 3);
    assert_int_equal(out.item.authorization.n, 30);
    assert_str(out.item.authorization, in.item.authorization);
    assert_str(out.item.scheme, in.item.scheme);
    assert_null(out.item.digest_ha1.p);
    ROUND_END;
}

static void maa(void **state)
{
    struct cx_maa in = {HEAD_OUT, .result = {DIA_SUCCESS, false}, .impi = STR("impi"),
                        .impu = STR("sip:u"), .n_items = 2}, out;
    struct cx_auth_item items[2];
    in.items = items;
    items[0] = (struct cx_auth_item){1, STR("Digest-AKAv1-MD5"), STR("RAND AUTN"), STR("XRES"),
                                        STR("CK"), STR("IK")};
    items[1] = (struct cx_auth_item){.item_number = 2, .scheme = STR("SIP Digest"),
                                        .digest_realm = STR("test"), .digest_algorithm = STR("MD5"),
                                        .digest_qop = STR("auth"), .digest_ha1 = STR("ha1"),
                                        .digest_alt_algorithm = STR("SHA-256"),
                                        .digest_alt_ha1 = STR("ha1-256")};
    ROUND(303, false, in, out);
    assert_int_equal(out.n_items, 2);
    assert_int_equal(out.items[0].item_number, 1);
    assert_str(out.items[0].authenticate, STR("RAND AUTN"));
    assert_str(out.items[0].authorization, STR("XRES"));
    assert_str(out.items[0].ck, STR("CK"));
    assert_str(out.items[0].ik, STR("IK"));
    assert_null(out.items[0].digest_realm.p);
    assert_str(out.items[1].digest_realm, STR("test"));
    assert_str(out.items[1].digest_algorithm, STR("MD5"));
    assert_str(out.items[1].digest_qop, STR("auth"));
    assert_str(out.items[1].digest_ha1, STR("ha1"));
    assert_str(out.items[1].digest_alt_algorithm, STR("SHA-256"));
    assert_str(out.items[1].digest_alt_ha1, STR("ha1-256"));
    ROUND_END;
}

static void sar(void **state)
{
    struct cx_sar in = {HEAD_IN, .impi = STR("impi"), .impus = (struct str[]){STR("sip:a"), STR("sip:b")},
                        .n_impus = 2, .server_name = STR("sip:s"),
                        .type = CX_TIMEOUT_DEREGISTRATION, .user_data_already_available = true}, out;
    ROUND(301, true, in, out);
    assert_int_equal(out.n_impus, 2);
    assert_str(out.impus[1], STR("sip:b"));
    assert_int_equal(out.type, CX_TIMEOUT_DEREGISTRATION);
    assert_true(out.user_data_already_available);
    ROUND_END;
}

static void sar_plain(void **state)
{
    struct cx_sar in = {HEAD_IN, .server_name = STR("sip:s"), .n_impus = 1,
                        .impus = (struct str[]){STR("sip:a")}}, out;
    ROUND(301, true, in, out);
    assert_null(out.impi.p);
    assert_int_equal(out.type, CX_NO_ASSIGNMENT);
    assert_false(out.user_data_already_available);
    ROUND_END;
}

static void saa(void **state)
{
    struct cx_saa in = {HEAD_OUT, .result = {DIA_SUCCESS, false}, .impi = STR("impi"),
                        .user_data = STR("<IMSSubscription/>"),
                        .charging = {.primary_ccf = STR("aaa://cdf1"),
                                     .secondary_ecf = STR("aaa://ocs2")},
                        .associated_identities = (struct str[]){STR("impi1"), STR("impi2")}, .n_associated = 2,
                        .loose_route_present = true, .loose_route = false}, out;
    ROUND(301, false, in, out);
    assert_str(out.user_data, in.user_data);
    assert_str(out.charging.primary_ccf, STR("aaa://cdf1"));
    assert_str(out.charging.secondary_ecf, STR("aaa://ocs2"));
    assert_null(out.charging.secondary_ccf.p);
    assert_int_equal(out.n_associated, 2);
    assert_str(out.associated_identities[1], STR("impi2"));
    assert_true(out.loose_route_present);
    assert_false(out.loose_route);
    ROUND_END;
}

static void rtr(void **state)
{
    struct cx_rtr in = {HEAD_IN, .impi = STR("impi"), .impus = (struct str[]){STR("sip:a")}, .n_impus = 1,
                        .associated_identities = (struct str[]){STR("impi2")}, .n_associated = 1,
                        .reason = CX_SERVER_CHANGE, .reason_info = STR("moved")}, out;
    ROUND(304, true, in, out);
    assert_int_equal(out.reason, CX_SERVER_CHANGE);
    assert_str(out.reason_info, STR("moved"));
    assert_str(out.associated_identities[0], STR("impi2"));
    assert_str(out.impus[0], STR("sip:a"));
    ROUND_END;
}

static void ppr(void **state)
{
    struct cx_ppr in = {HEAD_IN, .impi = STR("impi"), .user_data = STR("<x/>")}, out;
    ROUND(305, true, in, out);
    assert_str(out.user_data, STR("<x/>"));
    assert_null(out.item.scheme.p);
    ROUND_END;
}

// ---- faults ----

static void fault_of(struct dia_bytes *b, uint32_t code, uint32_t avp)
{
    struct cx_sar out;
    struct dia_read m;
    struct dia_fault fault = {0};
    assert_int_equal(dia_test_decode(the.d, dia_test_str(b), &out, sizeof out, &m, &fault), ERR_BAD);
    assert_int_equal(fault.code, code);
    assert_true(fault.avp.n >= 8);
    assert_int_equal(dia_get32(fault.avp.p), avp);
    assert_int_equal(dia_get24(fault.avp.p + 5), fault.avp.n);
    dia_bytes_free(b);
}

static void simple_sar(struct dia_bytes *b)
{
    struct cx_sar in = {HEAD_IN, .server_name = STR("sip:s"), .type = CX_REGISTRATION};
    dia_test_encode(the.d, 301, true, &in, b);
}

static uint8_t *avp_at(struct dia_bytes *b, uint32_t code)
{
    for (size_t at = DIA_HEADER; at < b->n; at += (dia_get24(b->p + at + 5) + 3) & ~3u)
        if (dia_get32(b->p + at) == code)
            return b->p + at;
    fail();
    return NULL;
}

static void remove_avp(struct dia_bytes *b, uint32_t code)
{
    uint8_t *at = avp_at(b, code);
    size_t n = (dia_get24(at + 5) + 3) & ~3u;
    memmove(at, at + n, b->n - (size_t)(at - b->p) - n);
    b->n -= n;
    dia_put24(b->p + 1, (uint32_t)b->n);
}

// RFC 6733 7.1.5
static void missing_avp(void **state)
{
    struct dia_bytes b;
    simple_sar(&b);
    remove_avp(&b, 614);
    fault_of(&b, DIA_MISSING_AVP, 614);
    simple_sar(&b);
    remove_avp(&b, 296);
    fault_of(&b, DIA_MISSING_AVP, 296);
    simple_sar(&b);
    remove_avp(&b, 263);
    fault_of(&b, DIA_MISSING_AVP, 263);
}

static void unknown_mandatory_avp(void **state)
{
    struct dia_bytes b;
    simple_sar(&b);
    static const char unknown[] = "\0\0\x7f\xff\x40\0\0\x0c" "abcd";
    assert_int_equal(dia_bytes_append(&b, (struct str){unknown, 12}), 0);
    fault_of(&b, 5001, 0x7fff);
}

static void unknown_optional_avp(void **state)
{
    struct dia_bytes b;
    struct cx_sar out;
    struct dia_read m;
    struct dia_fault fault;
    simple_sar(&b);
    static const char unknown[] = "\0\0\x7f\xff\x80\0\0\x10\0\0\0\x7b" "abcd";
    assert_int_equal(dia_bytes_append(&b, (struct str){unknown, 16}), 0);
    assert_int_equal(dia_test_decode(the.d, dia_test_str(&b), &out, sizeof out, &m, &fault), 0);
    dia_read_done(&m);
    dia_bytes_free(&b);
}

static void value_out_of_range(void **state)
{
    struct dia_bytes b;
    simple_sar(&b);
    dia_put32(avp_at(&b, 614) + 12, 99);
    fault_of(&b, DIA_INVALID_AVP_VALUE, 614);
    simple_sar(&b);
    dia_put32(avp_at(&b, 624) + 12, 2);
    fault_of(&b, DIA_INVALID_AVP_VALUE, 624);
}

static void too_many(void **state)
{
    struct dia_bytes b;
    simple_sar(&b);
    static const char again[] = "\0\0\2\x66\xc0\0\0\x10\0\0\x28\xaf\0\0\0\1";
    assert_int_equal(dia_bytes_append(&b, (struct str){again, 16}), 0);
    fault_of(&b, 5009, 614);
    simple_sar(&b); // an optional one
    static const char user[] = "\0\0\0\1\x40\0\0\x0c" "user" "\0\0\0\1\x40\0\0\x0c" "user";
    assert_int_equal(dia_bytes_append(&b, (struct str){user, 24}), 0);
    fault_of(&b, 5009, 1);
}

// RFC 6733 3.2: a list may have an end. No grammar of Cx has such a list: one of its grammars is read as if
// it had.
static void more_than_the_list_takes(void **state)
{
    const struct dia_grammar *cx = dia_command_find(&dia_cx, 301)->in;
    struct dia_field fields[64];
    struct dia_grammar g = *cx;
    const struct str impus[] = {STR("sip:a"), STR("sip:b"), STR("sip:c")};
    memcpy(fields, cx->fields, cx->n * sizeof *fields);
    g.fields = fields;
    for (size_t i = 0; i < g.n; i++)
        if (fields[i].avp->code == 601)
            fields[i].max = 2;
    for (size_t n = 1; n <= 3; n++) {
        struct cx_sar in = {HEAD_IN, .server_name = STR("sip:s"), .type = CX_REGISTRATION, .impus = impus,
                            .n_impus = n},
                      out;
        struct dia_bytes b;
        struct dia_frame f;
        struct dia_read m;
        struct dia_fault fault = {0};
        dia_test_encode(the.d, 301, true, &in, &b);
        assert_int_equal(dia_frame_parse(the.d, dia_test_str(&b), &f, &fault), 0);
        assert_int_equal(dia_decode(the.d, &f, &g, &out, &m, &fault), n <= 2 ? 0 : ERR_BAD);
        if (n <= 2) {
            assert_int_equal(out.n_impus, n);
            dia_read_done(&m);
        } else {
            assert_int_equal(fault.code, 5009);
            assert_int_equal(dia_get32(fault.avp.p), 601);
        }
        dia_bytes_free(&b);
    }
}

// Lists are as long as the message: all of it is read, in a request as in an answer.
static void long_lists(void **state)
{
    enum { MANY = 900 };
    static uint32_t numbers[MANY];
    static struct str names[MANY];
    static char text[MANY][16];
    for (size_t i = 0; i < MANY; i++) {
        numbers[i] = (uint32_t)i * 7;
        names[i] = (struct str){text[i], (size_t)snprintf(text[i], sizeof text[i], "sip:%zu", i)};
    }
    {
        struct cx_uaa in = {HEAD_OUT, .result = {DIA_SUCCESS, false},
                            .capabilities = {.present = true, .mandatory = numbers, .n_mandatory = MANY,
                                             .server_names = names, .n_server_names = 40}}, out;
        ROUND(300, false, in, out);
        assert_int_equal(out.capabilities.n_mandatory, MANY);
        assert_memory_equal(out.capabilities.mandatory, numbers, sizeof numbers);
        assert_int_equal(out.capabilities.n_server_names, 40);
        assert_str(out.capabilities.server_names[39], names[39]);
        ROUND_END;
    }
    struct cx_sar in = {HEAD_IN, .server_name = STR("sip:s"), .impus = names, .n_impus = MANY}, out;
    ROUND(301, true, in, out);
    assert_int_equal(out.n_impus, MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_str(out.impus[i], names[i]);
    ROUND_END;
}

// Elements of a list may stand anywhere in the message.
static void scattered_list(void **state)
{
    struct cx_sar in = {HEAD_IN, .server_name = STR("sip:s"), .impus = (struct str[]){STR("sip:a")}, .n_impus = 1}, out;
    struct dia_bytes b;
    struct dia_read m;
    struct dia_fault fault = {0};
    dia_test_encode(the.d, 301, true, &in, &b);
    static const char more[] = "\0\0\2\x59\xc0\0\0\x0d\0\0\x28\xaf" "b\0\0\0";
    assert_int_equal(dia_bytes_append(&b, (struct str){more, 16}), 0);
    assert_int_equal(dia_test_decode(the.d, dia_test_str(&b), &out, sizeof out, &m, &fault), 0);
    assert_int_equal(out.n_impus, 2);
    assert_str(out.impus[0], STR("sip:a"));
    assert_str(out.impus[1], STR("b"));
    ROUND_END;
}

static void bad_lengths(void **state)
{
    struct dia_bytes b;
    simple_sar(&b);
    dia_put24(avp_at(&b, 614) + 5, 7); // below its header
    fault_of(&b, 5014, 614);
    simple_sar(&b);
    dia_put24(avp_at(&b, 614) + 5, 4000); // beyond the message
    fault_of(&b, 5014, 614);
    simple_sar(&b);
    uint8_t *group = avp_at(&b, 260);
    dia_put24(group + 8 + 5, 200); // inside a group, beyond it
    fault_of(&b, 5014, 266);
    simple_sar(&b);
    dia_put24(avp_at(&b, 614) + 5, 14); // an Unsigned32 of two bytes
    fault_of(&b, 5014, 614);
}

static void deep_groups(void **state)
{
    uint8_t bytes[20 + 8 * 200];
    memset(bytes, 0, sizeof bytes);
    bytes[0] = 1;
    dia_put24(bytes + 1, sizeof bytes);
    for (size_t at = 20; at < sizeof bytes; at += 8) {
        dia_put32(bytes + at, 279);
        bytes[at + 4] = DIA_AVP_M;
        dia_put24(bytes + at + 5, (uint32_t)(sizeof bytes - at));
    }
    struct dia_frame f;
    struct dia_fault fault = {0};
    assert_int_equal(dia_frame_parse(the.d, (struct str){(char *)bytes, sizeof bytes}, &f, &fault),
                     ERR_BAD);
    assert_int_equal(fault.code, DIA_UNABLE_TO_COMPLY);
}

// ---- frames ----

static void frame_length(void **state)
{
    struct dia_bytes b;
    simple_sar(&b);
    size_t n = 0;
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal(dia_frame_length((struct str){(char *)b.p, i}, &n), ERR_MORE);
    assert_int_equal(dia_frame_length(dia_test_str(&b), &n), 0);
    assert_int_equal(n, b.n);
    static const char *const bad[] = {"\2\0\0\x14", "\1\0\0\x13", "\1\0\0\x10", "\1\x10\0\4",
                                      "\1\0\0\x15", "GET "};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(dia_frame_length((struct str){bad[i], 4}, &n), ERR_BAD);
    assert_int_equal(dia_frame_length((struct str){"\2", 1}, &n), ERR_BAD);
    dia_bytes_free(&b);
}

// Cut anywhere, a message is refused by the length check or reads as a shorter one; never a fault.
static void truncated(void **state)
{
    struct dia_bytes b;
    simple_sar(&b);
    for (size_t n = DIA_HEADER; n < b.n; n += 4) {
        uint8_t *cut = mem_alloc(n);
        memcpy(cut, b.p, n);
        dia_put24(cut + 1, (uint32_t)n);
        struct cx_sar out;
        struct dia_read m;
        struct dia_fault fault = {0};
        assert_int_equal(dia_test_decode(the.d, (struct str){(char *)cut, n}, &out, sizeof out, &m,
                                         &fault), ERR_BAD);
        assert_true(fault.code == DIA_MISSING_AVP || fault.code == 5014);
        mem_free(cut);
    }
    dia_bytes_free(&b);
}

static void routing_avps(void **state)
{
    struct dia_bytes b;
    simple_sar(&b);
    static const char proxy[] = "\0\0\1\x1c\x40\0\0\x1d"
                                "\0\0\1\x18\x40\0\0\x09p\0\0\0"
                                "\0\0\0\x21\x40\0\0\x09s\0\0\0";
    assert_int_equal(dia_bytes_append(&b, (struct str){proxy, 32}), 0);
    struct dia_frame f;
    struct dia_fault fault;
    assert_int_equal(dia_frame_parse(the.d, dia_test_str(&b), &f, &fault), ERR_BAD);
    b.p[b.n - 32 + 7] = 0x20;
    assert_int_equal(dia_frame_parse(the.d, dia_test_str(&b), &f, &fault), 0);
    assert_str(f.session_id, STR("s.test;1;2;0a"));
    assert_str(f.dest_host, STR("hss.test"));
    assert_true(f.proxied);
    struct arena a;
    arena_init(&a, NULL, 0);
    struct str copy = dia_frame_copy(&f, 284, &a);
    assert_int_equal(copy.n, 32);
    assert_memory_equal(copy.p + 8, proxy + 8, 24);
    arena_done(&a);
    dia_bytes_free(&b);
}

static void results_have_names(void **state)
{
    assert_string_equal(dia_result_name((struct dia_result){5001, true}),
                        "DIAMETER_ERROR_USER_UNKNOWN");
    assert_string_equal(dia_result_name((struct dia_result){5001, false}),
                        "DIAMETER_AVP_UNSUPPORTED");
    assert_string_equal(dia_result_name((struct dia_result){2001, false}), "DIAMETER_SUCCESS");
    assert_string_equal(dia_result_name((struct dia_result){77, false}), "unknown Result-Code");
    assert_string_equal(dia_result_name((struct dia_result){5999, true}), "unknown Experimental-Result-Code");
    assert_int_equal(dia_result_unknown((struct dia_result){5999, true}), 5999);
    assert_int_equal(dia_result_unknown((struct dia_result){5001, true}), 0);
}

// ---- 100,000 mutated messages ----

static uint64_t lcg(uint64_t *s)
{
    *s = *s * 6364136223846793005ull + 1442695040888963407ull;
    return *s >> 33;
}

static void mutate(uint8_t *p, size_t n, uint64_t *seed)
{
    for (uint64_t k = lcg(seed) % 4 + 1; k; k--) {
        size_t at = 4 + lcg(seed) % (n - 4);
        switch (lcg(seed) % 3) {
        case 0: p[at] ^= (uint8_t)(1u << lcg(seed) % 8); break;
        case 1: p[at] = (uint8_t)lcg(seed); break;
        default: p[at] = (uint8_t)((lcg(seed) & 1) ? 0 : 0xff); break;
        }
    }
}

static void mutated(void **state)
{
    struct cx_maa maa_in = {HEAD_OUT, .result = {DIA_SUCCESS, false}, .n_items = 2,
                            .items = (struct cx_auth_item[]){{1, STR("Digest-AKAv1-MD5"), STR("a"), STR("b"), STR("c")},
                                      {.item_number = 2, .digest_ha1 = STR("x")}}};
    struct cx_uaa uaa_in = {HEAD_OUT, .result = {2001, true},
                            .capabilities = {.present = true, .mandatory = (uint32_t[]){1}, .n_mandatory = 1}};
    struct dia_bytes from[3];
    dia_test_encode(the.d, 303, false, &maa_in, &from[0]);
    dia_test_encode(the.d, 300, false, &uaa_in, &from[1]);
    simple_sar(&from[2]);
    uint64_t seed = 42;
    unsigned good = 0;
    for (unsigned i = 0; i < 100000; i++) {
        const struct dia_bytes *b = &from[i % 3];
        uint8_t *p = mem_alloc(b->n);
        memcpy(p, b->p, b->n);
        mutate(p, b->n, &seed);
        union {
            struct cx_maa maa;
            struct cx_saa saa;
            struct cx_sar sar;
            struct cx_uaa uaa;
            char any[4096];
        } out;
        struct dia_read m;
        struct dia_fault fault = {0};
        int r = dia_test_decode(the.d, (struct str){(char *)p, b->n}, &out, sizeof out, &m, &fault);
        if (r == 0) {
            good++;
            dia_read_done(&m);
        } else if (r == ERR_BAD) {
            assert_true(fault.code >= 3000);
        }
        mem_free(p);
    }
    assert_true(good > 1000);
    for (int i = 0; i < 3; i++)
        dia_bytes_free(&from[i]);
}

// More often than a process has keys for thread-specific data, of which the library takes one each time it starts.
static void made_again_and_again(void **state)
{
    dia_dict_unref(the.d);
    the.d = NULL;
    for (int i = 0; i < 1100; i++) {
        assert_int_equal(dia_dict_ref(cx_apps, 1, &the.d), 0);
        dia_dict_unref(the.d);
    }
    assert_int_equal(dia_dict_ref(cx_apps, 1, &the.d), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uar), cmocka_unit_test(uaa), cmocka_unit_test(result_of_another_vendor),
        cmocka_unit_test(uaa_empty_capabilities),
        cmocka_unit_test(lir), cmocka_unit_test(lia), cmocka_unit_test(mar_resync),
        cmocka_unit_test(maa), cmocka_unit_test(sar), cmocka_unit_test(sar_plain),
        cmocka_unit_test(saa), cmocka_unit_test(rtr), cmocka_unit_test(ppr),
        cmocka_unit_test(long_lists), cmocka_unit_test(scattered_list),
        cmocka_unit_test(missing_avp),
        cmocka_unit_test(unknown_mandatory_avp), cmocka_unit_test(unknown_optional_avp),
        cmocka_unit_test(value_out_of_range), cmocka_unit_test(too_many), cmocka_unit_test(more_than_the_list_takes),
        cmocka_unit_test(bad_lengths),
        cmocka_unit_test(deep_groups),
        cmocka_unit_test(frame_length), cmocka_unit_test(truncated),
        cmocka_unit_test(routing_avps), cmocka_unit_test(results_have_names),
        cmocka_unit_test(mutated), cmocka_unit_test(made_again_and_again),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
