// SPDX-License-Identifier: Apache-2.0
#include "check.h"
#include "sip/uri.h"

static struct arena arena;

static struct sip_uri uri(const char *text)
{
    struct sip_uri u;
    if (sip_uri_parse(&arena, str_from(text), &u)) {
        print_error("does not parse: %s\n", text);
        fail();
    }
    return u;
}

static void good_ones_round_trip(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "sip:alice@example.com",
        "sip:alice:secret@example.com:5070;transport=tcp;lr?subject=x&to=y%40z",
        "sip:[2001:db8::9:1]:5060",
        "sip:u@[::ffff:192.0.2.1];lr",
        "sips:bob@example.com;maddr=192.0.2.1",
        "sip:user;par=u%40example.net@example.com",
        "sip:+1-212-555-1212:1234@gateway.com;user=phone",
        "sip:1212@gateway.com",
        "sip:example.com",
        "sip:%61lice@atlanta.com",
        "sip:a?b@c",
        "tel:+1-201-555-0123",
        "tel:7042;phone-context=example.com",
        "tel:863-1234;phone-context=+1-914-555",
        "tel:*21#;phone-context=ims.example.com;isub=1",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char out[256];
        struct writer w = writer_init(out, sizeof out);
        struct sip_uri u = uri(texts[i]);
        sip_uri_write(&w, &u);
        assert_str(writer_done(&w), texts[i]);
        assert_str(u.text, texts[i]);
        assert_true(sip_uri_eq(&u, &u));
    }
}

static void bad_ones_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",           "sip",         "sip:",          "sip:@h",          "sip:u@",
        "sip:u@h:",   "sip:u@h:x",   "sip:u@h:65536", "sip:u@h;",        "sip:u@h;=x",
        "sip:u@h;a=", "sip:u@h?",    "sip:u@h x",     "sip:u@h>",        "sip:u%4@h",
        "sip:u%zz@h", "sip:[::1",    "sip:[]",        "sip:u@h@i",       "tel:",
        "tel:-",      "tel:+12x",    "tel:1+2",       "1x:y",            "x y:z",
        "sip:u@h\r\n", "sip:\"u\"@h", "sip:h;a\x01",   "sip:u@h;lr\x80",  ":x",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sip_uri u;
        int e = sip_uri_parse(&arena, str_from(texts[i]), &u);
        if (e != ERR_BAD)
            print_error("accepted: \"%s\"\n", texts[i]);
        assert_int_equal(e, ERR_BAD);
    }
}

static void parts(void **state)
{
    (void)state;
    struct sip_uri u = uri("SIP:al%20ice:p@[::1]:70;Transport=TCP;lr;x=%41?h=1");
    bool lr;
    assert_int_equal(u.scheme, SIP_SCHEME_SIP);
    assert_str(u.user, "al%20ice");
    assert_str(u.password, "p");
    assert_str(u.host, "[::1]");
    assert_int_equal(u.port, 70);
    assert_str(sip_uri_param(&u, STR("transport"), NULL), "TCP");
    assert_null(sip_uri_param(&u, STR("LR"), &lr).p);
    assert_true(lr);
    assert_null(sip_uri_param(&u, STR("nope"), &lr).p);
    assert_false(lr);
    assert_str(u.headers, "h=1");
    assert_null(uri("sip:h").user.p);
    assert_int_equal(uri("http://x/y").scheme, SIP_SCHEME_OTHER);
    assert_int_equal(uri("urn:service:sos").scheme, SIP_SCHEME_URN);
}

// RFC 3261 19.1.4 with its own examples, and RFC 3966 5.
static void equality(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
        {"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
        {"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
        {"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
         "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
        {"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
         "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
        {"sip:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
        {"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
        {"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
        {"sip:a@[2001:DB8:0:0::1]", "sip:a@[2001:db8::1]", true}, // RFC 5954 4.2: by its value
        {"sip:a@[::ffff:c000:201]:5060", "sip:a@[::FFFF:192.0.2.1]:5060", true},
        {"sip:a@[2001:db8::1]", "sip:a@[2001:db8::1:0]", false},
        {"sip:a@[2001:db8::1]", "sip:a@2001.db8.1", false},
        {"sip:a@[1::2::3]", "sip:a@[1::2::3]", true}, // no address, and equal to its own text only
        {"sip:a@[1::2::3]", "sip:a@[1::2:0::3]", false},
        {"sip:a@b", "sips:a@b", false},
        {"sip:a@b", "sip:b", false},
        {"sip:a@b;user=phone", "sip:a@b", false},
        {"sip:a@b;maddr=x", "sip:a@b", false},
        {"sip:a@b;x=1;x=2", "sip:A@b;x=1", false}, // repeated, which RFC 3261 19.1.1 forbids
        {"sip:a@b;x=1;x=2", "sip:a@B;x=1", false},
        {"sip:a@b;x=1;y=2;x=2", "sip:a@B;x=1;x=2;y=2", true},
        {"sip:a@b;c=1;b=2;a=3;d", "sip:a@B;a=3;d;b=2;c=1", true},
        {"sip:a@b?c=1&b=2&a=3", "sip:a@B?a=3&b=2&c=1", true},
        {"sip:a@b?c=1&b=2&b=2", "sip:a@B?b=2&c=1", false},
        {"sip:a%3Bb@h", "sip:a;b@h", false}, // reserved: the escape matters
        {"sip:a%3bb@h", "sip:a%3Bb@h", true},
        {"sip:a:p@h", "sip:a@h", false},
        {"tel:+1-201-555-0123", "tel:+12015550123", true},
        {"tel:+12015550123", "tel:12015550123;phone-context=+1", false},
        {"tel:7042;phone-context=Example.com", "tel:70-42;phone-context=example.COM", true},
        {"tel:7042;phone-context=+1-914", "tel:7042;phone-context=+1914", true},
        {"tel:7042;phone-context=+1;isub=2", "tel:7042;isub=2;phone-context=+1", true},
        {"tel:7042;isub=2", "tel:7042", false},
        {"SIPS:s;x=1;x=2", "sips:s;x=1;x=2", true},
        {"tel:+1201", "sip:+1201@h;user=phone", false},
        {"urn:service:sos.police", "URN:Service:SOS.police", true},
        {"urn:gsma:imei:AA", "urn:GSMA:imei:AA", true},
        {"urn:gsma:imei:AA", "urn:gsma:imei:aa", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sip_uri a = uri(rows[i].a), b = uri(rows[i].b);
        if (sip_uri_eq(&a, &b) != rows[i].equal || sip_uri_eq(&b, &a) != rows[i].equal) {
            print_error("%s and %s\n", rows[i].a, rows[i].b);
            fail();
        }
    }
}

static void canonical_form(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"sip:Alice@Home1.NET:5060;transport=tcp?x=y", "sip:Alice@home1.net"},
        {"SIPS:a@B", "sips:a@b"},
        {"sip:%61l%3bx:secret@h", "sip:al%3Bx@h"},
        {"sip:home1.net", "sip:home1.net"},
        {"sip:a@[2001:DB8:0:0:0:0:0:1]:5060", "sip:a@[2001:db8::1]"}, // RFC 5952 4
        {"sip:a@[0:0:0:0:0:FFFF:C000:0201]", "sip:a@[::ffff:192.0.2.1]"},
        {"sip:a@[FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:255.255.255.255]", "sip:a@[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"},
        {"sip:a@[1::2::A]", "sip:a@[1::2::a]"},
        {"tel:+1-(555).000-0001;isub=1", "tel:+15550000001"},
        {"tel:70-42;phone-context=Home1.NET", "tel:7042;phone-context=home1.net"},
        {"tel:70A2;phone-context=+1-914", "tel:70a2;phone-context=+1914"},
        {"sip:+1-555-0001@home1.net;user=phone", "tel:+15550001"},
        {"sip:7042;phone-context=Home1.net@home1.net;user=phone",
         "tel:7042;phone-context=home1.net"},
        {"sip:7042@home1.net;user=phone", "sip:7042@home1.net"},
        {"sip:alice@home1.net;user=phone", "sip:alice@home1.net"},
        {"sip:+15550001@home1.net", "sip:+15550001@home1.net"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sip_uri u = uri(rows[i].text);
        assert_str(sip_uri_canon(&arena, &u), rows[i].want);
    }
    struct sip_uri other = uri("http://x");
    assert_null(sip_uri_canon(&arena, &other).p);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, NULL, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return mem_live() != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_round_trip), cmocka_unit_test(bad_ones_are_refused),
        cmocka_unit_test(parts),                cmocka_unit_test(equality),
        cmocka_unit_test(canonical_form),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
