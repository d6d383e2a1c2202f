// SPDX-License-Identifier: Apache-2.0
// The cost of what is imported into the HSS (CSV, YAML, service profiles) and of the user data that an HSS sends
// to an S-CSCF. Most of these texts are refused; that has its price as well.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/writer.h"
#include "hss/hss.h"
#include "io/sim.h"
#include "tests/common/subscribers.h"
#include "tests/hostile/hostile.h"
#include "xml/profile.h"

enum { SMALL = 12000, LARGE = 4 * SMALL, ROOM = 2 * LARGE };

#define KEY "000102030405060708090a0b0c0d0e0f"
#define AUTH "k: " KEY ", op: " KEY
#define CSV "impi,k,op,impus\n"
#define IN(x) "<IMSSubscription><PrivateID>a@b</PrivateID><ServiceProfile>" x
#define ID "<PublicIdentity><Identity>sip:a@b</Identity></PublicIdentity>"
#define OUT "</ServiceProfile></IMSSubscription>"
#define AS "<ApplicationServer><ServerName>sip:as</ServerName></ApplicationServer>"

enum reader { IMPORT, USER_DATA };

static const struct shape {
    enum reader reader;
    const char *name, *begin, *each, *end; // %u in each: a number
    unsigned dear;                         // times bytes_each
} shapes[] = {
    {IMPORT, "CSV: subscribers", CSV, "u%u@r," KEY "," KEY ",sip:u%u@r\n", ""},
    {IMPORT, "CSV: columns", CSV "a@r", ",x", "\n"},
    {IMPORT, "CSV: names of columns", "", "a%u,", "\n"},
    {IMPORT, "CSV: a long value", CSV "a@r,", "x", "\n"},
    {IMPORT, "CSV: quotes", CSV "a@r,\"", "\"\"", "\",,\n"},
    {IMPORT, "CSV: quoted nothing", CSV, "\"u%u@r\",\"" KEY "\",\"" KEY "\",\"sip:u%u@r\"\n", ""},
    {IMPORT, "CSV: comments", CSV, "#\n", ""},
    {IMPORT, "CSV: empty lines", CSV, "\n", ""},
    {IMPORT, "CSV: IMPUs", CSV "a@r," KEY "," KEY ",", "sip:u%u@r ", "\n"},
    {IMPORT, "CSV: sets", CSV "a@r," KEY "," KEY ",sip:a@r", " |", " sip:b@r\n"},
    {IMPORT, "YAML: subscribers", "subscribers:\n", "  - {impi: u%u@r, " AUTH ", impus: 'sip:u%u@r'}\n", ""},
    {IMPORT, "YAML: values of a list", "subscribers:\n  - impi: a@r\n    impus: [a", ", b", "]\n"},
    {IMPORT, "YAML: lines of a list", "subscribers:\n  - impi: a@r\n    impus:\n", "      - sip:u%u@r\n", ""},
    {IMPORT, "YAML: fields", "subscribers:\n  - impi: a@r\n", "    f%u: x\n", ""},
    {IMPORT, "YAML: a long value", "subscribers:\n  - impi: ", "x", "\n"},
    {IMPORT, "YAML: a long name", "subscribers:\n  - ", "x", ": y\n"},
    {IMPORT, "YAML: depth", "subscribers:\n  - impi: ", "[", "\n"},
    {IMPORT, "YAML: depth of mappings", "subscribers:\n  - ", "{", "\n"},
    {IMPORT, "YAML: indentation", "subscribers:\n  - ", "- ", "\n"},
    {IMPORT, "YAML: anchors", "subscribers:\n  - impi: a@r\n    impus: [a", ", &a%u b", "]\n"},
    {IMPORT, "YAML: aliases", "subscribers:\n  - &a {impi: b}\n", "  - *a\n", ""},
    {IMPORT, "YAML: directives", "", "%%TAG !a%u! tag:x,2026:\n", "---\nsubscribers: []\n"},
    {IMPORT, "YAML: comments", "subscribers:\n", "# x\n", ""},
    {IMPORT, "YAML: escapes", "subscribers:\n  - impi: \"", "\\x41", "\"\n"},
    {IMPORT, "YAML: folded lines", "subscribers:\n  - impi: >\n", "     x\n\n", "\n"},
    // libxml2 takes some 30 kB for each of the two documents that a profile is, however short.
    {IMPORT, "YAML: profiles", "profiles:\n", "  - {name: p%u, xml: ''}\n", "", .dear = 10},
    {IMPORT, "profile: criteria", "profiles:\n  - name: p\n    xml: >\n      ",
     "<InitialFilterCriteria><Priority>%u</Priority>" AS "</InitialFilterCriteria>\n      ", "\n"},
    {IMPORT, "profile: elements", "profiles:\n  - name: p\n    xml: >\n      ", "<a/>", "\n"},
    {IMPORT, "profile: depth", "profiles:\n  - name: p\n    xml: >\n      ", "<a>", "\n"},
    {IMPORT, "profile: attributes", "profiles:\n  - name: p\n    xml: >\n      <a ", "a%u='' ", "/>\n"},
    {IMPORT, "profile: comments", "profiles:\n  - name: p\n    xml: >\n      ", "<!---->x", "\n"},
    {IMPORT, "profile: entities", "profiles:\n  - name: p\n    xml: >\n      <!DOCTYPE a [ ",
     "<!ENTITY e%u \"&e;&e;\">", "]><ServiceProfile/>\n"},
    {IMPORT, "profile: references", "profiles:\n  - name: p\n    xml: >\n      <a>", "&#65;", "</a>\n"},
    {USER_DATA, "user data: identities", IN(""), "<PublicIdentity><Identity>sip:u%u@b</Identity></PublicIdentity>",
     OUT},
    {USER_DATA, "user data: criteria upwards", IN(ID),
     "<InitialFilterCriteria><Priority>%u</Priority>" AS "</InitialFilterCriteria>", OUT},
    {USER_DATA, "user data: criteria of one priority", IN(ID),
     "<InitialFilterCriteria><Priority>1</Priority>" AS "</InitialFilterCriteria>", OUT},
    {USER_DATA, "user data: criteria downwards", IN(ID),
     "<InitialFilterCriteria><Priority>%d</Priority>" AS "</InitialFilterCriteria>", OUT},
    {USER_DATA, "user data: triggers",
     IN(ID) "<InitialFilterCriteria><Priority>1</Priority><TriggerPoint>"
            "<ConditionTypeCNF>0</ConditionTypeCNF>",
     "<SPT><Group>%u</Group><Method>INVITE</Method></SPT>", "</TriggerPoint>" AS "</InitialFilterCriteria>" OUT},
    {USER_DATA, "user data: groups",
     IN(ID) "<InitialFilterCriteria><Priority>1</Priority><TriggerPoint>"
            "<ConditionTypeCNF>0</ConditionTypeCNF><SPT>",
     "<Group>%u</Group>", "<Method>INVITE</Method></SPT></TriggerPoint>" AS "</InitialFilterCriteria>" OUT},
    {USER_DATA, "user data: service profiles", "<IMSSubscription><PrivateID>a@b</PrivateID>",
     "<ServiceProfile>" ID "</ServiceProfile>", "</IMSSubscription>"},
    {USER_DATA, "user data: text in parts", IN("<PublicIdentity><Identity>sip:a@b"), "<!---->x",
     "</Identity></PublicIdentity>" OUT},
    {USER_DATA, "user data: sections", IN("<PublicIdentity><Identity>sip:a@b"), "<![CDATA[x]]>",
     "</Identity></PublicIdentity>" OUT},
    {USER_DATA, "user data: unknown elements", IN(ID), "<a/>", OUT},
    {USER_DATA, "user data: many extensions", IN(ID), "<Extension/>", OUT},
    {USER_DATA, "user data: depth", IN(ID), "<a>", OUT},
    {USER_DATA, "user data: depth of extensions", IN(ID), "<Extension>", OUT},
    {USER_DATA, "user data: attributes", IN("<a "), "a%u='' ", "/>" OUT},
    {USER_DATA, "user data: namespaces", IN("<a "), "xmlns:a%u='b' ", "/>" OUT},
    {USER_DATA, "user data: entities", "<!DOCTYPE a [", "<!ENTITY e%u '&e;&e;'>", "]>" IN(ID) OUT},
    {USER_DATA, "user data: references", IN("<PublicIdentity><Identity>sip:a@b"), "&#65;",
     "</Identity></PublicIdentity>" OUT},
    {USER_DATA, "user data: blanks", IN(ID), "\n", OUT},
};

static const struct hostile_bound bound = {
    .bytes_each = 300, .bytes_base = 2000000, .work_each = 400, .work_base = 200000, .growth_pct = 140};

static char text[ROOM];
static struct str input;

static void put_each(struct writer *w, const char *each, unsigned n)
{
    for (const char *p = each; *p; p++) {
        if (p[0] == '%' && (p[1] == 'u' || p[1] == 'd'))
            writer_u64(w, p[1] == 'u' ? n : 99999 - n);
        else if (p[0] == '%')
            writer_chr(w, '%');
        else
            writer_chr(w, *p);
        p += p[0] == '%';
    }
}

static void make(const struct shape *s, size_t n)
{
    struct writer w = writer_init(text, sizeof text);
    writer_str(&w, str_from(s->begin));
    for (unsigned i = 0; w.n < n; i++)
        put_each(&w, s->each, i);
    writer_str(&w, str_from(s->end));
    if (w.failed)
        abort();
    input = writer_done(&w);
}

// ---- what reads it ----

static struct sim *sim;
static struct loop *loop;
static struct hss *hss;
static struct profile_store *profiles;

static void open_all(void)
{
    if (sim_new(1, &sim) || sim_node(sim, "hss", &loop) ||
        hss_new(&(struct hss_params){.loop = loop, .store_path = ":memory:"}, &hss) ||
        profile_store_new(&profiles))
        abort();
}

static void close_all(void)
{
    profile_store_free(profiles);
    hss_free(hss);
    loop_free(loop);
    sim_free(sim);
}

static void import(void *arg)
{
    char error[256];
    size_t n;
    (void)arg;
    (void)subscribers_import(hss, input, "f", error, sizeof error, &n);
}

static void user_data(void *arg)
{
    struct xml_error error;
    struct profile *p = NULL;
    (void)arg;
    if (profile_parse(profiles, input, &p, &error) == 0)
        profile_free(p);
}

static struct hostile_cost cost(const struct shape *s, size_t n)
{
    struct hostile_cost c;
    make(s, n);
    c.n = input.n;
    open_all();
    hostile_measure(s->reader == IMPORT ? import : user_data, NULL, &c.bytes, &c.work);
    close_all();
    return c;
}

static void quiet(void *arg, enum log_level level, struct str line)
{
    (void)arg;
    (void)level;
    (void)line;
}

int main(void)
{
    unsigned bad = 0;
    log_set_sink(quiet, NULL);
    printf("1..%zu\n", ARRAY_LEN(shapes));
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        struct hostile_cost small = cost(&shapes[i], SMALL), large = cost(&shapes[i], LARGE);
        struct hostile_bound b = bound;
        b.bytes_each *= shapes[i].dear ? shapes[i].dear : 1;
        int r = hostile_within(shapes[i].name, &small, &large, &b);
        printf("%sok %zu - %s\n", r ? "not " : "", i + 1, shapes[i].name);
        bad += r != 0;
    }
    return bad != 0;
}
