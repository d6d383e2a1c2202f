// SPDX-License-Identifier: Apache-2.0
// Who is in the trust domain (RFC 3325 2.3), and the table of what crosses its edge. The nodes' use of it is
// tested in tests/scenario/pcscf/test_trust.c and tests/unit/scscf/test_trust.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "ims/trust.h"
#include "sip/msg.h"
#include "tests/common/trust_samples.h"

static bool has(const struct trust_domain *d, const char *ip)
{
    struct addr a;
    assert_int_equal(addr_parse(str_from(ip), 5060, &a), 0);
    return trust_domain_has(d, &a);
}

static void members(void **state)
{
    static const struct str texts[] = {STR_INIT("192.0.2.7"), STR_INIT("198.51.100.0/25"),
                                       STR_INIT("203.0.113.129/31"), STR_INIT("2001:db8::7"),
                                       STR_INIT("2001:db8:3::/47")};
    static const char *const in[] = {"192.0.2.7",     "198.51.100.0",      "198.51.100.127",
                                     "203.0.113.128", "203.0.113.129",     "2001:db8::7",
                                     "2001:db8:3::1", "2001:db8:2:ffff::", "::ffff:192.0.2.7"};
    static const char *const out[] = {"192.0.2.6",        "192.0.2.8",         "198.51.100.128",
                                      "198.51.101.0",     "203.0.113.130",     "203.0.113.127",
                                      "2001:db8::8:7",    "2001:db8:1:ffff::", "2001:db8:4::",
                                      "::ffff:192.0.2.8", "0.0.0.0",           "::"};
    struct trust_domain d;
    struct str bad;
    (void)state;
    assert_int_equal(trust_domain_init(&d, texts, ARRAY_LEN(texts), &bad), 0);
    for (size_t i = 0; i < ARRAY_LEN(in); i++)
        if (!has(&d, in[i]))
            fail_msg("%s is out", in[i]);
    for (size_t i = 0; i < ARRAY_LEN(out); i++)
        if (has(&d, out[i]))
            fail_msg("%s is in", out[i]);
    trust_domain_done(&d);
}

static void nobody_and_everybody(void **state)
{
    static const struct str all[] = {STR_INIT("0.0.0.0/0"), STR_INIT("::/0")};
    struct trust_domain d = {0};
    struct str bad;
    (void)state;
    assert_false(has(&d, "127.0.0.1"));
    assert_int_equal(trust_domain_init(&d, NULL, 0, &bad), 0);
    assert_false(has(&d, "127.0.0.1"));
    assert_false(has(&d, "0.0.0.0"));
    trust_domain_done(&d);
    assert_int_equal(trust_domain_init(&d, all, 2, &bad), 0);
    assert_true(has(&d, "198.51.100.1"));
    assert_true(has(&d, "2001:db8::1"));
    trust_domain_done(&d);
    trust_domain_done(&d);
}

static void what_is_no_network(void **state)
{
    static const char *const texts[] = {"",
                                        "/",
                                        "192.0.2.1/",
                                        "192.0.2.1/33",
                                        "192.0.2.1/x",
                                        "/8",
                                        "192.0.2.1/-1",
                                        "192.0.2.1/0008",
                                        "2001:db8::/129",
                                        "icscf.example",
                                        "192.0.2.1/8/8",
                                        "192.0.2.1/8 "};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str pair[] = {STR("192.0.2.1"), str_from(texts[i])}, bad = STR_NONE;
        struct trust_domain d = {0};
        long live = mem_live();
        if (trust_domain_init(&d, pair, 2, &bad) != ERR_BAD)
            fail_msg("'%s' is a network", texts[i]);
        assert_ptr_equal(bad.p, texts[i]);
        assert_null(d.nets);
        assert_int_equal(mem_live(), live);
    }
}

static void out_of_memory(void **state)
{
    static const struct str texts[] = {STR_INIT("192.0.2.7")};
    struct trust_domain d = {0};
    struct str bad;
    (void)state;
    mem_fail_after(0);
    int err = trust_domain_init(&d, texts, 1, &bad);
    mem_fail_after(-1);
    assert_int_equal(err, ERR_NOMEM);
    assert_null(d.nets);
}

// ---- what crosses the edge ----

// A message with all samples.
static struct sip_msg *sample(bool request)
{
    static char lines[8192], text[10000];
    struct sip_parse_error why;
    struct sip_msg *m;
    size_t n = 0;
    (void)snprintf(text, sizeof text,
                   "%s\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: <sip:a@h>;tag=f\nTo: <sip:b@h>%s\n"
                   "Call-ID: c\nCSeq: 1 MESSAGE\n%sContent-Length: 0\n\n",
                   request ? "MESSAGE sip:b@h;iotl=homeA-homeB;x SIP/2.0" : "SIP/2.0 200 OK",
                   request ? "" : ";tag=t", trust_sample_lines(lines, sizeof lines));
    static char crlf[12000];
    for (const char *p = text; *p; p++) {
        if (*p == '\n')
            crlf[n++] = '\r';
        crlf[n++] = *p;
    }
    assert_int_equal(sip_msg_parse(str_make(crlf, n), &m, &why), 0);
    return m;
}

static bool survives(const struct sip_msg *m, enum trust_way way, enum trust_side side, const char *mark)
{
    static char out[12000];
    struct writer w = writer_init(out, sizeof out);
    struct sip_edits e;
    sip_edits_init(&e, sip_msg_arena(m), m);
    if (way == TRUST_IN)
        trust_in(side, m, &e);
    else
        trust_out(side, false, m, &e);
    assert_int_equal(sip_msg_write(m, &e, &w), 0);
    return str_find(writer_done(&w), str_from(mark)) >= 0;
}

// Each row in each direction for each kind of neighbour, in requests and responses (TS 24.229 4.4).
static void table(void **state)
{
    size_t n;
    const struct trust_row *rows = trust_rows(&n);
    (void)state;
    for (unsigned request = 0; request < 2; request++) {
        struct sip_msg *m = sample(request);
        for (size_t i = 0; i < n; i++) {
            const struct trust_sample *s = trust_sample_of(&rows[i]);
            assert_non_null(s);
            assert_int_equal(strlen(rows[i].in), TRUST_SIDES);
            assert_int_equal(strlen(rows[i].out), TRUST_SIDES);
            for (unsigned side = 0; side < TRUST_SIDES * TRUST_WAYS; side++) {
                enum trust_way way = (enum trust_way)(side / TRUST_SIDES);
                enum trust_side who = (enum trust_side)(side % TRUST_SIDES);
                bool wanted = trust_sample_passes(&rows[i], way, who, request) && (s->line || request);
                if (survives(m, way, who, s->mark) != wanted)
                    fail_msg("%s %s %s: %s", s->mark, way ? "to" : "from", trust_side_names[who],
                             wanted ? "is gone" : "passes");
            }
        }
        sip_msg_unref(m);
    }
}

// What is honest stays.
static void rest_of_a_header_stays(void **state)
{
    static const struct {
        enum trust_way way;
        enum trust_side side;
        const char *line, *part;
    } cases[] = {
        {TRUST_IN, TRUST_UE, "P-Early-Media: supported, sendrecv", "P-Early-Media: supported\r"},
        {TRUST_IN, TRUST_UE, "P-Access-Network-Info: a;network-provided, b", "Info: b"},
        {TRUST_IN, TRUST_UE, "Priority: emergency", "Priority: emergency"},
        {TRUST_OUT, TRUST_UE, "P-Asserted-Identity: \"A; cpc=1\" <sip:+1;cpc=x;oli=1;y=z@h;user=phone>;cpc=q",
         "\"A; cpc=1\" <sip:+1;y=z@h;user=phone>;cpc=q"},
        {TRUST_OUT, TRUST_UE, "History-Info: <sip:a@h>;index=1, <sip:b@h?Privacy=history>;index=1.1",
         "<sip:a@h>;index=1, <sip:anonymous@anonymous.invalid>;index=1.1"},
        {TRUST_OUT, TRUST_UE, "WWW-Authenticate: Digest realm=\"a\", ik=\"1\", nonce=\"n\", ck=\"2\"",
         "Digest realm=\"a\", nonce=\"n\"\r"},
        {TRUST_OUT, TRUST_UE, "Warning: 399 core \"refused: asked 10.0.0.1\", 370 h \"Insufficient \\\"bw\\\"\"",
         "399 ims \"refused\", 370 ims \"Insufficient \\\"bw\\\"\""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[1000];
        struct sip_parse_error why;
        struct sip_msg *m;
        (void)snprintf(text, sizeof text,
                       "MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=f\r\n"
                       "To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n%s\r\nContent-Length: 0\r\n\r\n",
                       cases[i].line);
        assert_int_equal(sip_msg_parse(str_from(text), &m, &why), 0);
        if (!survives(m, cases[i].way, cases[i].side, cases[i].part))
            fail_msg("%s", cases[i].line);
        sip_msg_unref(m);
    }
}

static void kinds_of_neighbours(void **state)
{
    static const struct str trusted[] = {STR_INIT("192.0.2.0/24")}, partners[] = {STR_INIT("192.0.2.64/26")},
                            servers[] = {STR_INIT("192.0.2.8")}, home[] = {STR_INIT("ims.example")},
                            partner[] = {STR_INIT("partner.example")};
    static const struct {
        const char *host;
        enum trust_side side;
    } cases[] = {
        {"192.0.2.1", TRUST_HOME},          {"192.0.2.65", TRUST_PARTNER},
        {"192.0.2.8", TRUST_AS},            {"198.51.100.1", TRUST_FOREIGN},
        {"ims.example", TRUST_HOME},        {"pcscf.IMS.example.", TRUST_HOME},
        {"notims.example", TRUST_FOREIGN},  {"x.partner.example", TRUST_PARTNER},
        {"example", TRUST_FOREIGN},         {"", TRUST_FOREIGN},
    };
    struct trust_domain all;
    struct str bad;
    struct trust_map m = {.trusted = &all, .home_domains = home, .n_home_domains = 1,
                          .partner_domains = partner, .n_partner_domains = 1};
    (void)state;
    assert_int_equal(trust_domain_init(&all, trusted, 1, &bad), 0);
    assert_int_equal(trust_domain_init(&m.partners, partners, 1, &bad), 0);
    assert_int_equal(trust_domain_init(&m.servers, servers, 1, &bad), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (trust_side_of_host(&m, str_from(cases[i].host)) != cases[i].side)
            fail_msg("%s", cases[i].host);
    trust_map_done(&m);
    trust_domain_done(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members),
        cmocka_unit_test(nobody_and_everybody),
        cmocka_unit_test(what_is_no_network),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(table),
        cmocka_unit_test(rest_of_a_header_stays),
        cmocka_unit_test(kinds_of_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
