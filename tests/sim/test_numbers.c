// SPDX-License-Identifier: Apache-2.0
// What users dial and how they are known, through the whole core: one input passes the P-CSCF, both roles of the
// S-CSCF, the I-CSCF and the HSS, which all have to take it for the same identity (TS 24.229 5.4.3.2,
// 5.3.2.1, 5.4.3.3; TS 23.003 13.4; RFC 3966 5.1).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "hss/hss.h"
#include "sip/msg.h"
#include "tests/common/subscribers.h"
#include "tests/sim/world.h"

#define D W_DOMAIN
#define D2 W_DOMAIN_2

static struct world w; // large: not on the stack
static size_t n_phones;

struct party {
    const char *name, *impu, *impus; // registers as impu, has the impus
    struct phone *phone;
    bool registered;
    unsigned failed, rang, answered;
    ue_call call;
};

enum who { CALLER, NUMBER, SHORT, DIGITS, PLUS, PHONE_FORM, SECOND, ESCAPED, PARTIES, NOBODY = PARTIES };

static struct party parties[PARTIES] = {
    [CALLER] = {"caller", "sip:caller@" D, "sip:caller@" D " tel:+15550000000"},
    [NUMBER] = {"number", "sip:number@" D, "sip:number@" D " tel:+1-555-000-0001"},
    [SHORT] = {"short", "sip:short@" D, "sip:short@" D " tel:7042;phone-context=" D},
    [DIGITS] = {"digits", "sip:0711@" D, "sip:0711@" D},
    [PLUS] = {"plus", "sip:+15550000004@" D, "sip:+15550000004@" D},
    [PHONE_FORM] = {"form", "sip:+15550000005@" D ";user=phone", "sip:+15550000005@" D ";user=phone tel:+15550000005"},
    [SECOND] = {"second", "sip:second@" D2, "sip:second@" D2 " tel:811;phone-context=" D2},
    [ESCAPED] = {"escaped", "sip:esc%61ped%3b@" D, "sip:%65scaped%3B@" D},
};

static void on_registered(void *arg, struct phone *ph, const struct ue_registered *r)
{
    struct party *p = arg;
    p->registered = true;
}

static void on_register_failed(void *arg, struct phone *ph, const struct ue_failure *f)
{
    struct party *p = arg;
    p->failed = f->status;
}

static void on_incoming(void *arg, struct phone *ph, ue_call call, struct str from)
{
    struct party *p = arg;
    p->rang++;
}

static void on_established(void *arg, struct phone *ph, ue_call call)
{
    struct party *p = arg;
    p->answered++;
}

static void on_failed(void *arg, struct phone *ph, ue_call call, const struct ue_failure *f)
{
    struct party *p = arg;
    p->failed = f->status;
}

static const struct ue_ops ops = {.registered = on_registered,
                                  .register_failed = on_register_failed,
                                  .incoming = on_incoming,
                                  .established = on_established,
                                  .failed = on_failed};

static void run(uint64_t ms)
{
    (void)sim_run(w.sim, sim_now_ms(w.sim) + ms);
}

// field: impus, or join for a further private identity of a subscriber.
static void add(struct party *p, const char *field)
{
    char csv[512], error[256] = "", impi[96];
    size_t n = 0;
    (void)snprintf(impi, sizeof impi, "%s@" D, p->name);
    (void)snprintf(csv, sizeof csv, "impi,k_ascii,opc,%s\n%s,load-users-key-1,%s,%s\n", field, impi,
                   "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a", p->impus);
    if (subscribers_import(w.node[W_HSS].nf, str_from(csv), p->name, error, sizeof error, &n))
        fail_msg("%s", error);
    struct phone_params params = {.impi = str_from(impi),
                                  .impu = str_from(p->impu),
                                  .domain = STR(D),
                                  .has_aka = true,
                                  .expires = 3600,
                                  .ops = &ops,
                                  .arg = p};
    memcpy(params.k, "load-users-key-1", 16);
    memset(params.opc, 0x5a, 16);
    assert_int_equal(phone_new(w.hub[n_phones++ % W_HUBS], &params, &p->phone), 0);
    assert_int_equal(phone_register(p->phone), 0);
    run(3000);
    if (!p->registered)
        fail_msg("%s: %u", p->impu, p->failed);
}

static int setup(void **state)
{
    world_start(&w, 1, 1);
    for (size_t i = 0; i < PARTIES; i++)
        add(&parties[i], "impus");
    return 0;
}

static int teardown(void **state)
{
    world_stop(&w);
    sip_msg_pool_drain();
    return mem_live() != 0;
}

struct row {
    const char *target;
    enum who reached;
    unsigned status; // when nobody is
};

static const struct row rows[] = {
    // a global number, as phones of four makes dial it
    {"tel:+15550000001", NUMBER},
    {"tel:+1-555-000.0001", NUMBER},
    {"tel:15550000001;phone-context=" D, NUMBER},
    {"tel:5550000001;phone-context=" D, NUMBER},
    {"tel:5550000001", NUMBER},
    {"tel:01115550000001;phone-context=" D, NUMBER},
    {"sip:15550000001;phone-context=" D "@" D ";user=phone", NUMBER},
    {"sip:15550000001@" D ";user=phone", NUMBER},
    {"sip:+15550000001@" D ";user=phone", NUMBER},
    {"sip:+1-555-0000001@" D ":5060;user=phone", NUMBER},
    {"sip:+15550000001@" D, NUMBER},
    {"sip:15550000001@" D, NUMBER},
    {"tel:5550000001;phone-context=+1", NUMBER},
    {"tel:0000001;phone-context=+1-555", NUMBER},
    {"sip:5550000001;phone-context=+1@" D ";user=phone", NUMBER},
    {"tel:+15550000001;npdi;rn=+15559999", NUMBER},
    // a number that has meaning here only
    {"tel:7042;phone-context=" D, SHORT},
    {"tel:7042;phone-context=" D2, SHORT},
    {"tel:70-42", SHORT},
    {"sip:7042;phone-context=" D "@" D ";user=phone", SHORT},
    {"sip:7042;phone-context=" D "@" D, SHORT},
    {"sip:7042@" D ";user=phone", SHORT},
    {"sip:7042@" D, SHORT},
    {"tel:811", SECOND},
    {"sip:811@" D ";user=phone", SECOND},
    // digits as a user part
    {"sip:0711@" D, DIGITS},
    {"tel:0711;phone-context=" D, DIGITS},
    {"sip:0711;phone-context=" D "@" D ";user=phone", DIGITS},
    {"tel:+15550000004", PLUS},
    {"sip:5550000004@" D ";user=phone", PLUS},
    {"tel:+15550000005", PHONE_FORM},
    {"sip:+15550000005@" D, PHONE_FORM},
    // odd spellings of a name
    {"sip:number@" D ":5060", NUMBER},
    {"sip:number@" D ";user=phone", NUMBER},
    {"sip:number@IMS.mnc001.mcc001.3gppnetwork.ORG;transport=tcp", NUMBER},
    {"sip:num%62er@" D, NUMBER},
    {"sip:number@" D ".", NUMBER},
    {"sip:escaped%3b@" D, ESCAPED},
    // another home domain
    {"sip:second@" D2, SECOND},
    {"sip:second@Operator.Example:5060", SECOND},
    // nobody
    {"sip:second@" D, NOBODY, 404},
    {"tel:+15550000009", NOBODY, 404},
    {"tel:011", NOBODY, 484},
    {"sip:1@" D ";user=phone", NOBODY, 484},
    {"tel:7042;phone-context=else.example", NOBODY, 404},
    {"tel:7043", NOBODY, 404},
    {"sip:7042;phone-context=else.example@" D ";user=phone", NOBODY, 404},
    {"mailto:number@" D, NOBODY, 416},
};

static void call(const struct row *r)
{
    struct party *from = &parties[CALLER];
    for (size_t i = 0; i < PARTIES; i++)
        parties[i].rang = parties[i].answered = parties[i].failed = 0;
    struct ue_call_params p = {.target = str_from(r->target)};
    assert_int_equal(phone_call(from->phone, &p, &from->call), 0);
    run(3000);
    for (size_t i = 0; i < PARTIES; i++)
        if (parties[i].rang != (i == r->reached))
            fail_msg("%s: %s rang %u times, status %u", r->target, parties[i].name, parties[i].rang,
                     from->failed);
    if (r->reached != NOBODY ? !from->answered : from->failed != r->status)
        fail_msg("%s: status %u", r->target, from->failed);
    if (from->answered)
        assert_int_equal(ue_call_hang_up(w.hub[CALLER], from->call), 0);
    run(3000);
}

static void dialled(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        call(&rows[i]);
}

// One public identity of two private ones, which write it differently: both phones ring (TS 23.228 4.3.3.4).
static void shared_identity(void **state)
{
    static struct party twin = {"twin", "sip:n%75mber@IMS.mnc001.mcc001.3gppnetwork.org:5060",
                                "sip:numbe%72@" D ".;user=phone"};
    struct party *from = &parties[CALLER], *first = &parties[NUMBER];
    add(&twin, "join");
    first->rang = from->answered = 0;
    struct ue_call_params p = {.target = STR("sip:15550000001@" D ";user=phone")};
    assert_int_equal(phone_call(from->phone, &p, &from->call), 0);
    run(3000);
    assert_int_equal(first->rang, 1);
    assert_int_equal(twin.rang, 1);
    assert_int_equal(from->answered, 1);
    assert_int_equal(ue_call_hang_up(w.hub[CALLER], from->call), 0);
    run(3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(dialled), cmocka_unit_test(shared_identity)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
