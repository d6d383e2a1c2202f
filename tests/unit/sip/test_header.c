// SPDX-License-Identifier: Apache-2.0
// The table of headers: names, and for each family values, round trips and refusals.
#include <stdio.h>

#include "check.h"
#include "sip/header.h"
#include "sip/name_index.h"

static struct sip_msg *with(const char *header)
{
    static char text[4096];
    int n = snprintf(text, sizeof text,
                     "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
                     "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
                     "%s\r\n\r\n", header);
    return check_parse(str_make(text, (size_t)n));
}

static void names(void **state)
{
    (void)state;
    unsigned used = 0;
    for (unsigned id = 1; id < SIP_H_COUNT; id++) {
        const struct sip_header *h = sip_header((enum sip_hid)id);
        assert_true(h->name.n > 0 && h->name.n < NAME_READ);
        assert_non_null(h->read);
        assert_non_null(h->write);
        assert_true(h->size > 0);
        assert_int_equal(sip_hid_from(h->name), id);
        if (h->compact)
            assert_int_equal(sip_hid_from(str_make(&h->compact, 1)), id);
    }
    assert_int_equal(sip_hid_from(STR("cALL-id")), SIP_H_CALL_ID);
    assert_int_equal(sip_hid_from(STR("Call-IDs")), SIP_H_OTHER);
    assert_int_equal(sip_hid_from(STR("")), SIP_H_OTHER);
    assert_int_equal(sip_hid_from(STR("y")), SIP_H_OTHER);
    for (size_t i = 0; i < NAME_SLOTS; i++)
        used += sip_name_slots[i] != 0;
    unsigned all = 0;
    for (size_t i = 1; i < NAME_MAX_COUNT; i++)
        if (sip_names[i].n) {
            all++;
            // no two names share a slot: tools/gen/name_factor.py finds another factor when this fails
            assert_int_equal(sip_name_slots[name_slot(sip_names[i].text, sip_names[i].n)], i);
        }
    assert_int_equal(used, all);
}

// Header line, number of values (-1: malformed), and what the first one writes (NULL: not looked at).
static const struct {
    const char *line;
    int count;
    const char *written;
} rows[] = {
    {"Route: <sip:a;lr>, \"x, y\" <sip:b?h=c>;p=\"q,\\\"\"", 2, "<sip:a;lr>"},
    {"Route: sip:a,sip:b;x ,sip:c", 3, "<sip:a>"},
    {"Path: <sip:a", -1, NULL},
    {"Path: <sip:a>>", -1, NULL},
    {"Path: <sip:a>,", -1, NULL},
    {"Record-Route: <sip:a;lr>\r\nRecord-Route: <sip:b;lr>,<sip:c;lr>", 3, "<sip:a;lr>"},
    {"P-Asserted-Identity: \"A B\" <sip:a@h>, <tel:+1555>", 2, "\"A B\" <sip:a@h>"},
    {"P-Associated-URI: <sip:a@h>,\r\n <tel:+1555>\r\nP-Associated-URI: <sip:c@h>", 3, "<sip:a@h>"},
    {"P-Served-User: <sip:a@h>;sescase=orig;regstate=reg", 1,
     "<sip:a@h>;sescase=orig;regstate=reg"},
    {"P-User-Database: <aaa://hss.home1.net;transport=tcp>", 1,
     "<aaa://hss.home1.net;transport=tcp>"},
    {"History-Info: <sip:a@h>;index=1, <sip:b@h;cause=302>;index=1.1", 2, "<sip:a@h>;index=1"},
    {"m: *", 1, "*"},
    {"Contact: *, *", -1, NULL},
    {"Contact: <sip:a@h>;q=0.7;expires=60", 1, "<sip:a@h>;q=0.7;expires=60"},
    {"Contact: <sip:a@h>;q=2", -1, NULL},
    {"Contact: sip:a@h;q=1.000", 1, "<sip:a@h>;q=1.000"},
    {"Content-Type: application/sdp ;charset=utf-8", 1, "application/sdp;charset=utf-8"},
    {"Content-Type: application", -1, NULL},
    {"Accept:", 0, NULL},
    {"Accept: application/sdp;level=1, text/*", 2, "application/sdp;level=1"},
    {"Expires: 3600", 1, "3600"},
    {"Expires: 99999999999", 1, "4294967295"},
    {"Expires: soon", -1, NULL},
    {"Retry-After: 120 (in a (short) while);duration=3600", 1, "120;duration=3600"},
    {"Retry-After: 120 (open", -1, NULL},
    {"x: 1800;refresher=uac", 1, "1800;refresher=uac"},
    {"RSeq: 4294967296", -1, NULL},
    {"RAck: 776656 1 INVITE", 1, "776656 1 INVITE"},
    {"RAck: 776656 INVITE", -1, NULL},
    {"WWW-Authenticate: Digest realm=\"a\\\"b\", nonce=\"x, y\", qop=\"auth,auth-int\"", 1,
     "Digest realm=\"a\\\"b\", nonce=\"x, y\", qop=\"auth,auth-int\""},
    {"Authorization: Digest username=\"u\", username=\"v\"", -1, NULL},
    {"Authorization: Digest", -1, NULL},
    {"Authorization: Digest a=b\r\nAuthorization: Digest c=d", 2, "Digest a=b"},
    {"Authentication-Info: nextnonce=\"n\", nc=00000001", 1, "nextnonce=\"n\", nc=00000001"},
    {"k: path ,gruu\r\nSupported:\r\nSupported: 100rel", 3, "path"},
    {"Require: a b", -1, NULL},
    {"Event: reg;id=7", 1, "reg;id=7"},
    {"Subscription-State: active;expires=10", 1, "active;expires=10"},
    {"P-Visited-Network-ID: \"Visited, 1\", other.net", 2, "\"Visited, 1\""},
    {"P-Access-Network-Info: 3GPP-E-UTRAN;utran-cell-id-3gpp=00101\"", -1, NULL},
    {"P-Access-Network-Info: IEEE-802.11, 3GPP-NR-FDD;x=\"y\"", 2, "IEEE-802.11"},
    {"P-Charging-Vector: icid-value=\"a b\";orig-ioi=home1.net", 1,
     "icid-value=\"a b\";orig-ioi=home1.net"},
    {"P-Charging-Function-Addresses: ccf=192.0.2.1; ccf=[::1]; ecf=x", 1,
     "ccf=192.0.2.1;ccf=[::1];ecf=x"},
    {"Privacy: id; user ;critical", 3, "id"},
    {"Reason: SIP;cause=200;text=\"a, b\", Q.850;cause=16", 2, "SIP;cause=200;text=\"a, b\""},
    {"Warning: 307 isi.edu \"Session \\\"x\\\"\", 399 h:5060 \"y\"", 2,
     "307 isi.edu \"Session \\\"x\\\"\""},
    {"Warning: 1812 overture \"x\"", -1, NULL},
    {"Security-Client: ipsec-3gpp; alg=hmac-sha-1-96; spi-c=4294967295; spi-s=2; port-c=1;"
     " port-s=65535, tls;q=0.2", 2,
     "ipsec-3gpp;alg=hmac-sha-1-96;spi-c=4294967295;spi-s=2;port-c=1;port-s=65535"},
    {"Security-Verify: ipsec-3gpp;port-c=65536", -1, NULL},
    {"Replaces: 425928@bobster.example.org;to-tag=7743;from-tag=6472", 1,
     "425928@bobster.example.org;to-tag=7743;from-tag=6472"},
    {"P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mmtel", 1,
     "urn:urn-7:3gpp-service.ims.icsi.mmtel"},
    {"Accept-Contact: *;audio;+g.3gpp.icsi-ref=\"urn%3Aurn-7\";require", 1,
     "*;audio;+g.3gpp.icsi-ref=\"urn%3Aurn-7\";require"},
    {"Priority: psap-callback", 1, "psap-callback"},
    {"Priority: a, b", -1, NULL},
    {"Resource-Priority: ets.0, wps.1", 2, "ets.0"},
    {"Resource-Priority: ets 0", -1, NULL},
    {"Cellular-Network-Info: 3GPP-NR-FDD;utran-cell-id-3gpp=\"1\";cell-info-age=0", 1,
     "3GPP-NR-FDD;utran-cell-id-3gpp=\"1\";cell-info-age=0"},
    {"Attestation-Info: A", 1, "A"},
    {"Additional-Identity: <sip:a@h>, <sip:b@h>", 1, "<sip:a@h>, <sip:b@h>"},
    {"User-Agent: x (y, z)", 1, "x (y, z)"},
    {"Date: Sat, 13 Nov 2010 23:29:00 GMT", 1, "Sat, 13 Nov 2010 23:29:00 GMT"},
    {"r: <sip:b@h?Replaces=x%3Bto-tag%3D1>", 1, "<sip:b@h?Replaces=x%3Bto-tag%3D1>"},
};

static void values(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sip_msg *m = with(rows[i].line);
        struct str rest = str_from(rows[i].line);
        enum sip_hid id = sip_hid_from(str_split(&rest, ':'));
        struct sip_iter it = sip_iter_init(m, id);
        const void *v = sip_iter_next(&it);
        int e = it.err, count = (int)sip_msg_count(m, id);
        if (e != (rows[i].count < 0 ? ERR_BAD : 0) || !v != (rows[i].count <= 0) ||
            count != (rows[i].count < 0 ? 0 : rows[i].count)) {
            print_error("%s: %s, %d values\n", rows[i].line, err_name(e), count);
            fail();
        }
        if (rows[i].written) {
            char out[512];
            struct writer w = writer_init(out, sizeof out);
            sip_header(id)->write(&w, v);
            assert_str(writer_done(&w), rows[i].written);
            while (sip_iter_next(&it))
                count--;
            assert_int_equal(count, 1);
            assert_null(sip_iter_next(&it));
        }
        sip_msg_unref(m);
    }
}

static void typed_fields(void **state)
{
    (void)state;
    struct sip_msg *m = with(
        "Authorization: Digest username=\"u\\\"1\", auts=\"YQ==\", integrity-protected=yes,nc=01\r\n"
        "Contact: <sip:a@h>;+sip.instance=\"<urn:x>\";reg-id=2;q=0.5;expires=oops\r\n"
        "Security-Server: ipsec-3gpp;q=0.1;spi-c=11;spi-s=12;port-c=13;port-s=14;ealg=aes-cbc\r\n"
        "P-Charging-Vector: icid-value=\"x y\";term-ioi=t\r\nExpires: 7");
    const struct sip_auth *a = sip_msg_at(m, SIP_H_AUTHORIZATION, 0);
    assert_str(a->scheme, "Digest");
    assert_str(a->username, "u\"1");
    assert_str(a->auts, "YQ==");
    assert_str(a->integrity_protected, "yes");
    assert_str(a->nc, "01");
    assert_null(a->realm.p);
    const struct sip_contact *c = sip_msg_at(m, SIP_H_CONTACT, 0);
    assert_str(c->instance, "<urn:x>");
    assert_int_equal(c->reg_id, 2);
    assert_int_equal(c->q, 500);
    assert_int_equal(c->expires, 3600);
    const struct sip_security *s = sip_msg_at(m, SIP_H_SECURITY_SERVER, 0);
    assert_int_equal(s->q, 100);
    assert_int_equal(s->spi_c, 11);
    assert_int_equal(s->spi_s, 12);
    assert_int_equal(s->port_c, 13);
    assert_int_equal(s->port_s, 14);
    assert_str(s->ealg, "aes-cbc");
    const struct sip_charging_vector *v = sip_msg_at(m, SIP_H_P_CHARGING_VECTOR, 0);
    assert_str(v->icid_value, "x y");
    assert_str(v->term_ioi, "t");
    assert_null(v->orig_ioi.p);
    assert_int_equal(sip_msg_expires(m), 7);
    sip_msg_unref(m);
}

static void methods(void **state)
{
    (void)state;
    for (int i = SIP_REGISTER; i < SIP_METHOD_COUNT; i++)
        assert_int_equal(sip_method_from(sip_method_name((enum sip_method)i)), i);
    assert_int_equal(sip_method_from(STR("invite")), SIP_UNKNOWN);
    assert_int_equal(sip_method_from(STR("INVITED")), SIP_UNKNOWN);
    assert_int_equal(sip_method_from(STR("")), SIP_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(values),
        cmocka_unit_test(typed_fields),
        cmocka_unit_test(methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
