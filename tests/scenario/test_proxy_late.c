// SPDX-License-Identifier: Apache-2.0
// What the proxy keeps of an accepted INVITE, and what still comes of it: each 2xx goes upstream as the first one did,
// of whichever fork, though request and context are gone (RFC 3261 16.7 step 5, RFC 6026 7.2).
#include <stdio.h>

#include "base/writer.h"
#include "fork.h"
#include "stack/txn/txn.h"
#include "tests/common/figure.h"

static const struct stack_params *with; // of the proxy in a test; NULL: the usual ones

// An owner whose responses say which call they are of, and how many of their kind there were.
static void mark(struct node *n, struct str call, struct sip_edits *e)
{
    n->responses++;
    sip_edit_append(e, SIP_H_REASON, arena_printf(e->arena, "x;text=\"%.*s\"", STR_ARG(call)));
}

static enum pxy_verdict on_response(void *nf, struct pxy *p, void *ctx, unsigned status, const struct sip_msg *msg,
                                    struct sip_edits *edits)
{
    (void)ctx;
    ((struct node *)nf)->last_status = status;
    if (msg)
        mark(nf, sip_msg_call_id(pxy_request(p)), edits);
    return PXY_PASS;
}

static void keep(void *nf, struct pxy *p, void *ctx, struct writer *w)
{
    (void)nf;
    (void)ctx;
    pxy_keep_str(w, sip_msg_call_id(pxy_request(p)));
}

static void late(void *nf, struct str kept, const struct sip_msg *msg, struct sip_edits *edits)
{
    assert_int_equal(sip_msg_status(msg), 200);
    mark(nf, pxy_kept_str(&kept), edits);
    assert_null(pxy_kept_str(&kept).p); // no more than was written
}

static const struct pxy_forward_ops marking = {.response = on_response, .keep = keep, .late = late};

static void to_all(struct node *n, struct pxy *p, size_t forks)
{
    static const char *const uris[] = {"sip:" B1, "sip:" B2};
    struct sip_edits e[2];
    struct pxy_target t[2] = {{0}};
    for (size_t i = 0; i < forks; i++) {
        sip_edits_copy(&e[i], pxy_arena(p), pxy_edits(p));
        sip_edit_uri(&e[i], str_from(uris[i]));
        t[i].edits = &e[i];
    }
    assert_int_equal(pxy_forward(p, t, forks, &marking, n), 0);
}

static void to_one(struct node *n, struct pxy *p)
{
    to_all(n, p, 1);
}

static void to_two(struct node *n, struct pxy *p)
{
    to_all(n, p, 2);
}

static void init(struct fork *f, void (*on_request)(struct node *, struct pxy *))
{
    world_init(&f->w);
    f->p = node_new(&f->w, P, with);
    f->p->on_request = on_request;
    f->alice = peer_new(&f->w, ALICE);
    f->b1 = peer_new(&f->w, B1);
    f->b2 = peer_new(&f->w, B2);
    f->alice->keep_duplicates = true;
}

static uint64_t figure(const struct fork *f, const char *name)
{
    return figure_of(f->p->stack, name, NULL);
}

// Neither request nor context; two tombstones and what hangs on one of them.
static void assert_little(const struct fork *f, uint64_t branches)
{
    assert_null(pxy_find(f->p->stack, f->p->last));
    assert_int_equal(figure(f, "sip_requests_held"), 0);
    assert_int_equal(figure(f, "sip_requests_accepted"), branches);
    assert_int_equal(figure(f, "sip_transactions_finished"), branches + 1);
    assert_in_range(figure(f, "sip_finished_bytes"), 1, (branches + 1) * 400);
}

static void same_again(void **state)
{
    struct fork f;
    const char *i1, *ok;
    (void)state;
    init(&f, to_one);
    invite(&f, &i1, NULL);
    answer(f.b1, i1, "180 Ringing", NULL);
    peer_expect(f.alice, "SIP/2.0 180");
    answer(f.b1, i1, "200 OK", NULL);
    ok = peer_expect(f.alice, "SIP/2.0 200");
    assert_contains(ok, "Reason: x;text=\"call-1\"");
    world_run(&f.w, 1);
    assert_little(&f, 1);
    for (int i = 0; i < 3; i++) {
        answer(f.b1, i1, "200 OK", NULL);
        assert_string_equal(peer_expect(f.alice, "SIP/2.0 200"), ok);
        world_run(&f.w, 8000);
    }
    assert_int_equal(f.p->responses, 5);
    world_run(&f.w, 10000); // Timer M, L
    assert_int_equal(figure(&f, "sip_requests_accepted"), 0);
    answer(f.b1, i1, "200 OK", NULL);
    peer_expect_silence(f.alice, 1000);
    fork_done(&f);
}

// Somebody forks behind this node: another dialog, which the owner sees as he saw the first.
static void another_fork(void **state)
{
    struct fork f;
    const char *i1;
    (void)state;
    init(&f, to_one);
    invite(&f, &i1, NULL);
    peer_reply(f.b1, P, i1, "200 OK", "t1", NULL);
    assert_string_equal(param_of(header_of(peer_expect(f.alice, "SIP/2.0 200"), "To", 0), "tag"), "t1");
    world_run(&f.w, 5000);
    peer_reply(f.b1, P, i1, "200 OK", "t2", NULL);
    const char *second = peer_expect(f.alice, "SIP/2.0 200");
    assert_string_equal(param_of(header_of(second, "To", 0), "tag"), "t2");
    assert_contains(second, "Reason: x;text=\"call-1\"");
    fork_done(&f);
}

// Both of our own forks accept; the context stays until the loser has answered, and then both go.
static void both_forks(void **state)
{
    struct fork f;
    const char *i1, *i2, *m;
    (void)state;
    init(&f, to_two);
    invite(&f, &i1, &i2);
    answer(f.b2, i2, "180 Ringing", NULL);
    peer_expect(f.alice, "SIP/2.0 180");
    answer(f.b1, i1, "200 OK", NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    m = peer_expect(f.b2, "CANCEL ");
    assert_non_null(pxy_find(f.p->stack, f.p->last));
    answer(f.b2, m, "200 OK", NULL);
    peer_reply(f.b2, P, i2, "200 OK", "t2", NULL); // crossed it
    peer_expect(f.alice, "SIP/2.0 200");
    world_run(&f.w, 6000); // the CANCEL's Timer K
    assert_little(&f, 2);
    peer_reply(f.b2, P, i2, "200 OK", "t2", NULL);
    assert_string_equal(param_of(header_of(peer_expect(f.alice, "SIP/2.0 200"), "To", 0), "tag"), "t2");
    answer(f.b1, i1, "200 OK", NULL);
    assert_string_equal(param_of(header_of(peer_expect(f.alice, "SIP/2.0 200"), "To", 0), "tag"), "tag");
    fork_done(&f);
}

// A response that has lost the way back is none, late or not.
static void without_vias(void **state)
{
    struct fork f;
    const char *i1;
    (void)state;
    init(&f, to_one);
    invite(&f, &i1, NULL);
    answer(f.b1, i1, "200 OK", NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    world_run(&f.w, 10);
    peer_send(f.b1, P, "SIP/2.0 200 OK\nVia: %s\nFrom: <sip:a@x>;tag=from-1\nTo: <sip:b@x>;tag=t\nCall-ID: call-1\n"
              "CSeq: 1 INVITE\nContent-Length: 0\n\n", header_of(i1, "Via", 0));
    peer_expect_silence(f.alice, 1000);
    fork_done(&f);
}

// An owner who wants to see the request with each response has it until the end.
static void owner_without_late(void **state)
{
    struct fork f;
    const char *i1, *i2;
    (void)state;
    init(&f, fork_both);
    invite(&f, &i1, &i2);
    answer(f.b1, i1, "200 OK", NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    answer(f.b2, i2, "486 Busy Here", NULL);
    world_run(&f.w, 1000);
    assert_non_null(pxy_find(f.p->stack, f.p->last));
    assert_int_equal(figure(&f, "sip_requests_held"), 1);
    answer(f.b1, i1, "200 OK", NULL);
    peer_expect(f.alice, "SIP/2.0 200");
    fork_done(&f);
}

// Without memory for what would be needed a further 2xx goes nowhere; the call is not touched by that.
static void out_of_memory(void **state)
{
    (void)state;
    for (long n = 0; n < 60; n += 3) {
        struct fork f;
        const char *i1;
        init(&f, to_one);
        invite(&f, &i1, NULL);
        mem_fail_after(n);
        answer(f.b1, i1, "200 OK", NULL);
        world_run(&f.w, 100);
        mem_fail_after(-1);
        answer(f.b1, i1, "200 OK", NULL);
        world_run(&f.w, 200000);
        assert_int_equal(figure(&f, "sip_transactions_held"), 0);
        fork_done(&f);
    }
}

// A finished call holds what its tombstones are, and not one block more: counted for calls that all know the way.
static void nothing_else_is_held(void **state)
{
    struct fork f;
    (void)state;
    init(&f, to_one);
    f.b1->keep_duplicates = true;
    long before = 0, held = 0;
    for (int i = 0; i < 20; i++) {
        char branch[40], call[40];
        snprintf(branch, sizeof branch, "z9hG4bK-%d", i);
        snprintf(call, sizeof call, "call-%d", i);
        peer_request(f.alice, P,
                     &(struct request){.method = "INVITE", .uri = "sip:b@x", .branch = branch, .call_id = call});
        answer(f.b1, peer_expect(f.b1, "INVITE "), "200 OK", NULL);
        peer_expect(f.alice, "SIP/2.0 200");
        world_run(&f.w, 10);
        sip_msg_pool_drain();
        long live = mem_live() - mem_kept() - (long)figure(&f, "sip_requests_spare") -
                    (long)figure(&f, "sip_transactions_spare");
        long tombs = (long)(figure(&f, "sip_transactions_finished") + figure(&f, "sip_requests_accepted"));
        if (i >= 10)
            assert_int_equal(live - before, tombs - held);
        before = live;
        held = tombs;
    }
    assert_int_equal(held, 60);
    fork_done(&f);
}

// ---- very many ----

enum { STRANGERS = 200000 };

static void deaf(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    (void)arg;
    (void)src;
    (void)dst;
    (void)data;
}

// INVITEs go to B1, everything else is answered 404.
static void on_any(struct node *n, struct pxy *p)
{
    if (sip_msg_method(pxy_request(p)) == SIP_INVITE)
        to_one(n, p);
    else
        (void)pxy_reply(p, 404, STR_NONE, NULL);
}

// Somebody who does not listen.
struct crowd {
    struct fork f;
    struct loop *loop;
    struct udp *udp;
};

static void crowd_init(struct crowd *c, const struct stack_params *params)
{
    struct udp_params up = {.local = place("10.0.0.66"), .cb = deaf};
    with = params;
    init(&c->f, on_any);
    with = NULL;
    assert_int_equal(sim_node(c->f.w.sim, "10.0.0.66", &c->loop), 0);
    assert_int_equal(udp_open(c->loop, &up, &c->udp), 0);
}

static void crowd_done(struct crowd *c)
{
    world_run(&c->f.w, 100000);
    assert_int_equal(figure(&c->f, "sip_transactions_held"), 0);
    assert_int_equal(figure(&c->f, "sip_finished_bytes"), 0);
    udp_close(c->udp);
    loop_free(c->loop);
    world_done(&c->f.w);
}

// From the first to the one before the last, so many each millisecond.
static void crowd_asks(struct crowd *c, int first, int last)
{
    struct addr to = place(P);
    for (int i = first; i < last; i++) {
        char text[400];
        int n = snprintf(text, sizeof text,
                         "MESSAGE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.66;branch=z9hG4bK-%d\r\n"
                         "From: <sip:e@x>;tag=f\r\nTo: <sip:b@x>\r\nCall-ID: e%d\r\nCSeq: 1 MESSAGE\r\n"
                         "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n", i, i);
        (void)udp_send(c->udp, &to, str_make(text, (size_t)n));
        if (i % 50 == 49)
            world_run(&c->f.w, 1);
    }
    world_run(&c->f.w, 10);
}

// Finished transactions are held for Timer J, in so much memory, however many they are; the oldest go first.
static void bounded_by_bytes(void **state)
{
    static const struct stack_params small = {.max_transactions = 100, .limits.finished_mb = 1};
    struct crowd c;
    (void)state;
    crowd_init(&c, &small);
    crowd_asks(&c, 0, 5000);
    int held = (int)figure(&c.f, "sip_transactions_finished");
    assert_int_equal(c.f.p->requests, 5000);
    assert_in_range(figure(&c.f, "sip_finished_bytes"), (1 << 20) - 1000, 1 << 20);
    assert_in_range(held, 1000, 4000); // far beyond max_transactions
    assert_int_equal(figure_of(c.f.p->stack, "sip_limit_reached", "finished_memory"), 5000 - held);
    crowd_asks(&c, 5000 - held, 5000); // all that are held are known
    assert_int_equal(c.f.p->requests, 5000);
    crowd_asks(&c, 5000 - held - 1, 5000 - held); // the last that was forgotten is not
    assert_int_equal(c.f.p->requests, 5001);
    struct stack_limits none = {0};
    stack_set_limits(c.f.p->stack, &none); // no bound any more
    crowd_asks(&c, 10000, 15000);
    assert_int_equal(figure(&c.f, "sip_transactions_finished"), held + 5000);
    crowd_done(&c);
}

static enum stack_standing standing(void *arg, const struct flow_info *from)
{
    struct addr alice = place(ALICE);
    (void)arg;
    return addr_eq_ip(&from->remote, &alice) ? STACK_TRUSTED : STACK_STRANGER;
}

static void on_request(void *arg, struct pxy *p)
{
    ((struct node *)arg)->last = pxy_get_id(p);
    on_any(arg, p);
}

// So many finished requests of strangers take their share of the memory and no more, and nothing from what is kept of
// others' calls.
static void strangers_have_a_share(void **state)
{
    static const struct stack_ops ops = {.request = on_request, .standing = standing};
    static const struct stack_params small = {.ops = &ops, .limits.finished_mb = 8};
    struct crowd c;
    const char *i1;
    (void)state;
    crowd_init(&c, &small);
    invite(&c.f, &i1, NULL);
    answer(c.f.b1, i1, "200 OK", NULL);
    const char *ok = peer_expect(c.f.alice, "SIP/2.0 200");
    crowd_asks(&c, 0, STRANGERS);
    assert_in_range(figure(&c.f, "sip_finished_bytes"), 1 << 20, (2 << 20) + 2000);
    assert_true(figure(&c.f, "sip_transactions_finished") < 10000);
    assert_true(figure_of(c.f.p->stack, "sip_limit_reached", "finished_memory") > 150000);
    answer(c.f.b1, i1, "200 OK", NULL); // the call is as it was
    assert_string_equal(peer_expect(c.f.alice, "SIP/2.0 200"), ok);
    crowd_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_again),
        cmocka_unit_test(another_fork),
        cmocka_unit_test(both_forks),
        cmocka_unit_test(without_vias),
        cmocka_unit_test(owner_without_late),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(nothing_else_is_held),
        cmocka_unit_test(bounded_by_bytes),
        cmocka_unit_test(strangers_have_a_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
