// SPDX-License-Identifier: Apache-2.0
// One answer is lost, and everything else works: each Cx answer of the HSS and each SIP response of a day of two users
// in turn, wherever it goes, over TCP as well (who should have sent it has died of it). Whatever it was: what the user
// does again works, nothing is left of it, and HSS and S-CSCF hold the same of each user (TS 29.228 6.1.2,
// TS 23.380 4).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "pcscf/pcscf.h"
#include "scscf/scscf.h"
#include "sip/msg.h"
#include "tests/common/held.h"
#include "tests/sim/world.h"

enum {
    LANES = 64,
    HELD = 16384,
    STRANGER = 2, // never registers
    USERS = 3,
    STEP_MS = 100,
    END_MS = 200000,   // an operation of a phone has ended by then: Timer F towards the UE is 128 s
    SETTLE_MS = 60000, // and what the nodes still have to tell each other
    EXPIRY_MS = 3700000,
    FORGET_MS = 300000, // reg-await-auth is four minutes (TS 24.229 table 7.8.1)
};

static struct world w; // large: not on the stack

// ---- what is lost ----

// A stream's bytes of a message that has not come whole yet.
struct lane {
    struct addr src, dst;
    uint8_t held[HELD];
    size_t n;
};

static struct {
    struct lane lanes[LANES];
    bool counting;
    size_t seen, lose; // answers while counting; the one that is lost, from 0
    char what[200];    // it, for people
    uint8_t out[4 * HELD];
} net;

static bool is_cx_answer(const uint8_t *p)
{
    unsigned command = (unsigned)p[5] << 16 | (unsigned)p[6] << 8 | p[7];
    return !(p[4] & 0x80) && command >= 300 && command <= 303;
}

static struct str line_with(struct str text, const char *begin)
{
    ptrdiff_t at = str_find(text, str_from(begin));
    struct str rest = str_skip(text, at < 0 ? text.n : (size_t)at);
    return str_split(&rest, '\r');
}

static bool is_lost(const uint8_t *p, size_t n, bool diameter)
{
    struct str text = str_make((const char *)p, n);
    bool answer = diameter ? n >= 20 && is_cx_answer(p) : str_starts(text, STR("SIP/2.0 "));
    if (!net.counting || !answer || net.seen++ != net.lose)
        return false;
    if (diameter)
        (void)snprintf(net.what, sizeof net.what, "Cx answer, command %u", (unsigned)p[6] << 8 | p[7]);
    else
        (void)snprintf(net.what, sizeof net.what, "%.*s, %.*s", STR_ARG(line_with(text, "SIP/2.0 ")),
                       STR_ARG(line_with(text, "CSeq: ")));
    return true;
}

// Length of the first message of some bytes, 0: more is needed.
static size_t length_of(const uint8_t *p, size_t n, bool diameter)
{
    struct str text = str_make((const char *)p, n);
    if (diameter) {
        size_t len = n < 4 ? 0 : (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        return len >= 20 && len <= n ? len : 0;
    }
    if (n && (*p == '\r' || *p == '\n')) // keep-alives between messages
        return 1;
    ptrdiff_t end = str_find(text, STR("\r\n\r\n")), at = str_find(text, STR("\r\nContent-Length: "));
    if (end < 0)
        return 0;
    size_t body = 0;
    for (const uint8_t *d = p + at + 18; at >= 0 && at < end && *d >= '0' && *d <= '9'; d++)
        body = body * 10 + (size_t)(*d - '0');
    return (size_t)end + 4 + body <= n ? (size_t)end + 4 + body : 0;
}

static struct lane *lane_of(const struct addr *src, const struct addr *dst)
{
    struct lane *idle = NULL;
    for (size_t i = 0; i < LANES; i++) {
        struct lane *l = &net.lanes[i];
        if (l->n && addr_eq(&l->src, src) && addr_eq(&l->dst, dst))
            return l;
        if (!l->n)
            idle = l;
    }
    assert_non_null(idle);
    idle->src = *src;
    idle->dst = *dst;
    return idle;
}

static struct str through(struct lane *l, struct str data, bool diameter)
{
    size_t done = 0, out = 0;
    assert_true(l->n + data.n <= HELD);
    memcpy(l->held + l->n, data.p, data.n);
    l->n += data.n;
    for (size_t n; (n = length_of(l->held + done, l->n - done, diameter)); done += n) {
        if (is_lost(l->held + done, n, diameter))
            continue;
        memcpy(net.out + out, l->held + done, n);
        out += n;
    }
    l->n -= done;
    memmove(l->held, l->held + done, l->n);
    return out ? str_make((const char *)net.out, out) : STR_NONE;
}

static struct str on_data(void *arg, const struct addr *src, const struct addr *dst, bool tcp, struct str data)
{
    bool diameter = addr_port(src) == 3868 || addr_port(dst) == 3868;
    if (tcp && data.n)
        return through(lane_of(src, dst), data, diameter);
    return is_lost((const uint8_t *)data.p, data.n, false) ? STR_NONE : data;
}

// ---- what is held of a user ----

// Has the HSS an S-CSCF for him, registered or not?
static bool has_server(size_t user)
{
    return world_has_server(&w, user);
}

static void check(bool good, const char *what)
{
    if (!good)
        fail_msg("answer %zu was lost (%s): %s", net.lose, net.what, what);
}

static void settle(uint64_t ms)
{
    (void)sim_run(w.sim, sim_now_ms(w.sim) + ms);
}

static void wait_for_the_end(void)
{
    for (int i = 0; i < END_MS / STEP_MS && w.pending; i++)
        settle(STEP_MS);
    check(!w.pending, "an operation never ends");
}

static size_t held_by_pcscf(void)
{
    return pcscf_counters(w.node[W_PCSCF].nf)->registrations;
}

static void expect_held(size_t registered)
{
    check(held_registrations(w.node[W_SCSCF].nf) == registered, "registrations at the S-CSCF");
    check(held_bindings(w.node[W_SCSCF].nf) == registered, "bindings at the S-CSCF");
    check(has_server(0) == (registered > 0) && has_server(1) == (registered > 1), "S-CSCFs at the HSS");
}

static void expect_nothing_open(void)
{
    for (int k = W_ICSCF; k < W_NODES; k++)
        check(world_stack_stat(&w, (enum world_node)k, "sip_transactions") == 0, "a transaction is left");
    check(held_challenges(w.node[W_SCSCF].nf) == 0, "a challenge is left");
    for (size_t i = 0; i < W_HUBS; i++)
        check(hub_calls(w.hub[i]) == 0, "a call is left");
    check(!has_server(STRANGER), "the HSS has an S-CSCF for who was called only");
}

// ---- the day ----

// Twice at most: the second time nothing is lost.
static void registers(size_t user)
{
    for (int i = 0; i < 2 && !phone_is_registered(w.users[user].phone); i++) {
        world_register(&w, user);
        wait_for_the_end();
    }
    check(phone_is_registered(w.users[user].phone), "no registration");
}

static void refreshes(size_t user)
{
    uint64_t before = w.counts.register_ok;
    for (int i = 0; i < 2 && w.counts.register_ok == before; i++) {
        world_register(&w, user);
        wait_for_the_end();
    }
    check(w.counts.register_ok > before, "no refresh");
}

static void calls(size_t from, size_t to)
{
    uint64_t before = w.counts.call_ok;
    for (int i = 0; i < 2 && w.counts.call_ok == before; i++) {
        world_call(&w, from, to);
        wait_for_the_end();
    }
    check(w.counts.call_ok > before, "no call");
}

// Nobody is there: what comes of it is the same, sooner or later.
static void calls_a_stranger(size_t from)
{
    uint64_t before = w.counts.by_status[480];
    for (int i = 0; i < 2 && w.counts.by_status[480] == before; i++) {
        world_call(&w, from, STRANGER);
        wait_for_the_end();
    }
    check(w.counts.by_status[480] > before, "not told that nobody is there");
}

// Who has lost the 200 alone is told that he is not registered (TS 29.228 6.1.1.1, TS 24.229 5.3.1.3).
static void leaves(size_t user)
{
    const uint64_t *by = w.counts.by_status;
    uint64_t before = by[200] + by[403];
    for (int i = 0; i < 2 && by[200] + by[403] == before; i++) {
        world_deregister(&w, user);
        wait_for_the_end();
    }
    check(by[200] + by[403] > before, "no de-registration");
}

// What happens with the answer `lose` lost. False: there are not so many.
static bool day(size_t lose)
{
    net.seen = 0;
    net.lose = lose;
    uint64_t refused = w.counts.by_status[403];
    net.what[0] = 0;
    net.counting = true;
    registers(0);
    registers(1);
    refreshes(0);
    settle(SETTLE_MS);
    expect_held(2);
    check(held_by_pcscf() == 2, "registrations at the P-CSCF");
    calls(0, 1); // by UDP, to a phone with TCP
    calls(1, 0);
    calls_a_stranger(0);
    settle(SETTLE_MS);
    expect_held(2);
    leaves(0);
    leaves(1);
    net.counting = false;
    bool gone = strstr(net.what, "SIP/2.0 200 ") && strstr(net.what, " REGISTER");
    check(gone || w.counts.by_status[403] == refused, "a refusal");
    // Nobody tells the P-CSCF what the 200 would have told it: it holds the contact until it expires, as long as it
    // does not subscribe to the registration (TS 24.229 5.2.3).
    check(held_by_pcscf() <= gone, "registrations at the P-CSCF");
    settle(FORGET_MS);
    expect_held(0);
    expect_nothing_open();
    return net.seen > lose;
}

static void each_in_turn(void **state)
{
    long live = mem_live();
    size_t n = 0;
    (void)state;
    memset(&net, 0, sizeof net);
    world_start(&w, 1, USERS);
    sim_set_tamper(w.sim, on_data, NULL);
    while (day(n))
        n++;
    print_message("# %zu answers, each of them lost once\n", n);
    assert_true(n > 40);
    assert_int_equal(w.counts.by_status[0], 0);
    settle(EXPIRY_MS);
    assert_int_equal(held_by_pcscf(), 0);
    world_stop(&w);
    sip_msg_pool_drain();
    assert_int_equal(mem_live() - live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_in_turn)};
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("sim_lost", tests, NULL, NULL);
}
