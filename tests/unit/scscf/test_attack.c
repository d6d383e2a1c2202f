// SPDX-License-Identifier: Apache-2.0
// Strangers in a user's name: challenges asked for and passwords guessed by the thousand, while the
// user registers. Measures as configured by default.
#include <stdio.h>

#include "base/mem.h"
#include "world.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, world_tear_down)

static const struct brake_config defaults = {
    .keys = 65536, .known_s = 604800, .vector_every_s = 10, .vectors_per_source = 100,
    .vectors_per_user = 100, .failures = 5, .failure_every_s = 10, .failures_per_source = 60,
    .failures_per_user = 60};

// ---- the attack: comes by the I-CSCF's socket, so that alice's P-CSCF sees her own answers only ----

static struct attack {
    unsigned per_second, sources, first; // first: number of the first source
    const char *impi, *impu;
    uint64_t owed;    // thousandths of a REGISTER
    unsigned sent, got401, got500, got_other;
} attack;

static int set_up(void **state)
{
    (void)world_set_up(state);
    w.cfg.limits.brake = defaults;
    w.cfg.limits.challenges = 100000;
    world_kill_scscf();
    world_start_scscf();
    world_run(40000);
    w.hss.fresh = true;
    attack = (struct attack){0};
    return 0;
}

static void drain(void)
{
    for (struct sip_msg *m; (m = world_heard(W_ICSCF));) {
        unsigned status = sip_msg_status(m);
        attack.got401 += status == 401;
        attack.got500 += status == 500;
        attack.got_other += status >= 200 && status != 401 && status != 500;
    }
}

static void attack_once(void)
{
    unsigned n = attack.sent++, source = attack.first + n % attack.sources;
    world_sendf(W_ICSCF,
                "REGISTER sip:" DOMAIN " SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.20:5060;branch=z9hG4bKe%u\n"
                "Via: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKp%u\n"
                "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKu;received=203.%u.%u.%u\n"
                "Via: SIP/2.0/UDP 10.%u.%u.1;branch=z9hG4bKforged\n"
                "Max-Forwards: 70\nFrom: <%s>;tag=f\nTo: <%s>\nCall-ID: e%u\nCSeq: 1 REGISTER\n"
                "Authorization: Digest username=\"%s\",realm=\"" DOMAIN "\",uri=\"sip:" DOMAIN
                "\",nonce=\"\",response=\"\",integrity-protected=\"no\"\n"
                "Contact: <sip:eve@203.0.113.1>\nPath: <sip:f%u@127.0.1.10:5060;lr>\n"
                "Require: path\nExpires: 3600\nContent-Length: 0\n\n",
                n, n, source >> 16 & 255, source >> 8 & 255, source & 255, n >> 8 & 255, n & 255,
                attack.impu, attack.impu, n, attack.impi, n);
}

static void attack_ms(unsigned ms)
{
    while (ms--) {
        attack.owed += attack.per_second;
        for (; attack.owed >= 1000; attack.owed -= 1000)
            attack_once();
        world_run(1);
        drain();
    }
}

static void start_attack(unsigned per_second, unsigned sources, unsigned first)
{
    attack = (struct attack){.per_second = per_second, .sources = sources, .first = first,
                             .impi = alice.impi, .impu = alice.impu};
}

static struct reg alice_from(const char *ip)
{
    struct reg r = alice;
    r.from = ip;
    return r;
}

static struct sip_msg *answer_of(const struct reg *r, unsigned status)
{
    world_send_register(r);
    attack_ms(300);
    struct sip_msg *m = world_take(W_PCSCF);
    while (m && sip_msg_status(m) == 100)
        m = world_take(W_PCSCF);
    if (!m || sip_msg_status(m) != status)
        fail_msg("instead of %u: %.*s", status, STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    return m;
}

// The phone takes two seconds from the challenge to the answer.
static void registers_in_the_midst_of_it(const struct reg *r)
{
    char auth[1024];
    struct sip_msg *m = answer_of(r, 401);
    (void)snprintf(auth, sizeof auth, "%s", world_credentials(m, alice.impi, RES, 1, "no"));
    attack_ms(2000);
    struct reg again = *r;
    again.auth = auth;
    (void)answer_of(&again, 200);
}

// ---- challenges ----

// Who asks in alice's name, at any rate and from many places, does not stop her; the HSS is asked
// for no more than the measures allow.
static void alice_registers_all_the_same(void **state)
{
    (void)state;
    static const struct {
        unsigned per_second, sources, vectors;
    } rows[] = {{30, 1, 15}, {1000, 1, 15}, {30, 1000, 400}, {1000, 1000, 1400}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char ip[32];
        (void)snprintf(ip, sizeof ip, "198.51.100.%zu", i + 1); // not seen before
        struct reg r = alice_from(ip);
        unsigned before = w.hss.n_mar;
        start_attack(rows[i].per_second, rows[i].sources, (unsigned)i << 16);
        attack_ms(2000);
        registers_in_the_midst_of_it(&r);
        attack_ms(1000);
        registers_in_the_midst_of_it(&r);
        assert_true(w.hss.n_mar - before <= rows[i].vectors);
        assert_int_equal(attack.got_other, 0);
        assert_int_equal(attack.got401 + attack.got500, attack.sent);
        world_run(250000);
        assert_int_equal(held_challenges(w.scscf), 0);
    }
}

// So many sources that all who are new to her have to wait: she is known where she was before.
static void known_in_spite_of_a_crowd(void **state)
{
    (void)state;
    struct reg r = alice_from("198.51.100.1");
    registers_in_the_midst_of_it(&r);
    start_attack(4000, 1u << 24, 0);
    attack_ms(1000);
    assert_true(attack.got500 > 1000);
    registers_in_the_midst_of_it(&r);
}

static uint32_t retry_after(const struct sip_msg *m)
{
    uint32_t n = 0;
    assert_int_equal(str_u32(sip_msg_raw(m, SIP_H_RETRY_AFTER), &n), 0);
    return n;
}

// The held-up REGISTER says when to come again, and is not about the node (RFC 3261 21.5.1).
static void told_when_to_come_again(void **state)
{
    (void)state;
    struct reg r = alice_from("198.51.100.1");
    for (unsigned i = 0; i < BRAKE_VECTORS; i++)
        (void)answer_of(&r, 401);
    unsigned mars = w.hss.n_mar;
    struct sip_msg *m = answer_of(&r, 500);
    assert_in_range(retry_after(m), 1, 10);
    assert_has(header(m, SIP_H_WARNING), "too many challenges");
    assert_int_equal(w.hss.n_mar, mars);
    world_run(10000);
    (void)answer_of(&r, 401);
}

static const struct sip_auth *challenge_in(const struct sip_msg *m)
{
    const struct sip_auth *a = sip_msg_at(m, SIP_H_WWW_AUTHENTICATE, 0);
    assert_non_null(a);
    return a;
}

// A REGISTER that comes again as a new transaction gets the same challenge, without a new vector;
// one by another source, or another REGISTER, never does.
static void the_same_challenge_again(void **state)
{
    (void)state;
    char nonce[128];
    struct reg r = alice_from("198.51.100.1");
    r.cseq = 4711;
    copy(nonce, sizeof nonce, challenge_in(answer_of(&r, 401))->nonce);
    struct sip_msg *m = answer_of(&r, 401);
    assert_true(str_eq(challenge_in(m)->nonce, str_from(nonce)));
    assert_int_equal(challenge_in(m)->ck.n, 32);
    assert_int_equal(challenge_in(m)->ik.n, 32);
    assert_int_equal(w.hss.n_mar, 1);
    struct reg other = r;
    other.from = "198.51.100.2";
    assert_false(str_eq(challenge_in(answer_of(&other, 401))->nonce, str_from(nonce)));
    other = r;
    other.cseq = 4712;
    assert_false(str_eq(challenge_in(answer_of(&other, 401))->nonce, str_from(nonce)));
    assert_int_equal(w.hss.n_mar, 3);
}

// The right answer to alice's challenge from somewhere else is no answer.
static void an_answer_from_elsewhere(void **state)
{
    (void)state;
    char auth[1024];
    struct reg r = alice_from("198.51.100.1");
    struct sip_msg *m = answer_of(&r, 401);
    (void)snprintf(auth, sizeof auth, "%s", world_credentials(m, alice.impi, RES, 1, "no"));
    r.auth = auth;
    r.from = "198.51.100.2";
    (void)answer_of(&r, 401);
    assert_int_equal(held_registrations(w.scscf), 0);
    r.from = "198.51.100.1";
    (void)answer_of(&r, 200);
}

// ---- guessing ----

// Guesses n times, each on a challenge of its own; gives how many were looked at.
static unsigned guess(const struct reg *who, const char *from, unsigned n)
{
    unsigned looked_at = 0;
    while (n--) {
        struct reg r = *who;
        r.from = from;
        struct sip_msg *m = world_register(&r);
        assert_non_null(m);
        if (sip_msg_status(m) != 401) {
            assert_int_equal(sip_msg_status(m), 500);
            continue;
        }
        r.auth = world_credentials(m, r.impi, "guessed", 1, "ip-assoc-pending");
        m = world_register(&r);
        assert_non_null(m);
        looked_at += sip_msg_status(m) != 500;
    }
    return looked_at;
}

static void use_digest(void)
{
    w.hss.digest = true;
    w.hss.profile = PROFILE("dave@" DOMAIN, ID("sip:dave@" DOMAIN));
}

// Five at once and one in ten seconds, of SIP Digest and of IMS-AKA; it is no lock.
static void guessing_is_slow(void **state)
{
    (void)state;
    for (unsigned digest = 0; digest < 2; digest++) {
        const struct reg *who = digest ? &dave : &alice;
        if (digest)
            use_digest();
        uint64_t from = sim_now_ms(w.sim);
        unsigned looked_at = guess(who, "203.0.113.1", 200);
        assert_in_range(looked_at, 5, 5 + (sim_now_ms(w.sim) - from) / 10000 + 1);
        struct reg r = *who;
        r.from = "198.51.100.1";
        (void)world_registered(&r);
        world_run(60000);
        r.from = "203.0.113.1"; // nor there, when the time has passed
        (void)world_registered(&r);
    }
}

// From a thousand sources: a hundred are looked at, and then those who are not his wait.
static void guessing_from_everywhere(void **state)
{
    (void)state;
    use_digest();
    struct reg r = dave;
    r.from = "198.51.100.1";
    (void)world_registered(&r);
    unsigned looked_at = 0;
    uint64_t begun = sim_now_ms(w.sim);
    for (unsigned i = 0; i < 1000; i++) {
        char ip[32];
        (void)snprintf(ip, sizeof ip, "203.0.%u.%u", i / 250, 1 + i % 250);
        looked_at += guess(&dave, ip, 1);
    }
    assert_in_range(looked_at, 60, 60 + (sim_now_ms(w.sim) - begun) / 1000 + 1);
    (void)world_registered(&r);
}

// What is held up is not computed, and the HSS hears nothing of it.
static void held_up_answers_cost_nothing(void **state)
{
    (void)state;
    use_digest();
    struct reg r = dave;
    r.from = "203.0.113.1";
    char auth[1024];
    struct sip_msg *m = answer_of(&r, 401);
    (void)snprintf(auth, sizeof auth, "%s", world_credentials(m, dave.impi, "secret", 1, "no"));
    (void)guess(&dave, r.from, 5);
    r.auth = auth;
    world_run(100);
    unsigned mars = w.hss.n_mar, sars = w.hss.n_sar;
    m = answer_of(&r, 500);
    assert_in_range(retry_after(m), 1, 10);
    assert_has(header(m, SIP_H_WARNING), "too many wrong answers");
    assert_int_equal(w.hss.n_mar, mars);
    assert_int_equal(w.hss.n_sar, sars);
    world_run(10000);
    (void)answer_of(&r, 200); // the challenge is there still
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(alice_registers_all_the_same),
        TEST(known_in_spite_of_a_crowd),
        TEST(told_when_to_come_again),
        TEST(the_same_challenge_again),
        TEST(an_answer_from_elsewhere),
        TEST(guessing_is_slow),
        TEST(guessing_from_everywhere),
        TEST(held_up_answers_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
