// SPDX-License-Identifier: Apache-2.0
// Two proxies between agents that answer, refuse, stay silent and cancel as the seed says, on a
// network that loses, doubles and reorders: every request ends, nothing is held in the end, and the
// same seed gives the same history.
#include "harness.h"

#include "base/hash.h"
#include "base/writer.h"

#define CALLER "10.0.0.1"
#define P1 "10.0.1.1"
#define P2 "10.0.1.2"

enum { AGENTS = 3, CALLS = 40, SEEDS = 12 };
static const char *const agent_ip[AGENTS] = {"10.0.2.1", "10.0.2.2", "10.0.2.3"};

struct call {
    struct soak *k;
    unsigned no;
    ua_id invite;
    struct timer hang_up, give_up;
    struct dialog *dialog;
    unsigned final, byes;
    bool bye_done;
};

struct ringing {
    struct soak *k;
    struct node *n;
    pxy_id id;
    struct timer answer;
    unsigned status;
};

struct soak {
    struct world w;
    struct node *caller, *p1, *p2, *agents[AGENTS];
    struct call calls[CALLS];
    struct ringing ringing[CALLS * AGENTS];
    size_t n_ringing;
    uint64_t history; // hash over everything delivered, with its time
    unsigned answered, refused, timed_out;
};

static uint64_t dice(struct soak *k, uint64_t sides)
{
    return sim_random(k->w.sim) % sides;
}

// ---- callers ----

static void on_bye(void *arg, ua_id id, unsigned status, const struct sip_msg *msg)
{
    struct call *c = arg;
    (void)id;
    (void)msg;
    if (status >= 200)
        c->bye_done = true;
}

static int in_dialog(struct call *c, struct dialog *d, enum sip_method method, uint32_t ack_cseq)
{
    struct arena a;
    struct sip_edits h;
    struct ua_request r = {.method = method, .headers = &h, .cb = on_bye, .arg = c};
    arena_init(&a, NULL, 0);
    sip_edits_init(&h, &a, NULL);
    int err = dialog_request(d, method, ack_cseq, &h, &r.uri);
    if (!err)
        err = ua_send(stack_uas(c->k->caller->stack), &r, NULL);
    arena_done(&a);
    return err;
}

static void hang_up(void *arg)
{
    struct call *c = arg;
    c->byes++;
    assert_int_equal(in_dialog(c, c->dialog, SIP_BYE, 0), 0);
}

static void give_up(void *arg)
{
    struct call *c = arg;
    (void)ua_cancel(stack_uas(c->k->caller->stack), c->invite);
}

// A 2xx of a second fork is acknowledged and left alone: what ends it is not the proxies' business.
static void on_invite(void *arg, ua_id id, unsigned status, const struct sip_msg *msg)
{
    struct call *c = arg;
    struct dialog *d = NULL;
    (void)id;
    if (status < 200)
        return;
    c->final = c->final ? c->final : status;
    if (status >= 300)
        return;
    // the request's From, Call-ID and CSeq are in the response too
    assert_int_equal(dialog_new_uac(msg, msg, &d), 0);
    assert_int_equal(in_dialog(c, d, SIP_ACK, 1), 0);
    if (c->dialog) {
        dialog_free(d);
        return;
    }
    c->dialog = d;
    timer_start(c->k->caller->loop, &c->hang_up, 1 + dice(c->k, 20000));
}

static void call_start(struct call *c)
{
    struct arena a;
    struct sip_edits h;
    arena_init(&a, NULL, 0);
    sip_edits_init(&h, &a, NULL);
    sip_edit_append(&h, SIP_H_FROM, arena_printf(&a, "<sip:a@x>;tag=c%u", c->no));
    sip_edit_append(&h, SIP_H_TO, STR("<sip:b@x>"));
    sip_edit_append(&h, SIP_H_CALL_ID, arena_printf(&a, "soak-%u", c->no));
    sip_edit_append(&h, SIP_H_CSEQ, STR("1 INVITE"));
    sip_edit_append(&h, SIP_H_CONTACT, STR("<sip:a@" CALLER ">"));
    struct ua_request r = {.method = SIP_INVITE,
                           .uri = STR("sip:b@x"),
                           .headers = &h,
                           .next_hop = STR("sip:" P1),
                           .cb = on_invite,
                           .arg = c};
    assert_int_equal(ua_send(stack_uas(c->k->caller->stack), &r, &c->invite), 0);
    arena_done(&a);
    if (dice(c->k, 3) == 0)
        timer_start(c->k->caller->loop, &c->give_up, dice(c->k, 8000));
}

// ---- the proxies ----

static void fork_all(struct node *n, struct pxy *p)
{
    struct sip_edits e[AGENTS];
    struct pxy_target t[AGENTS] = {0};
    if (sip_msg_to_tag(pxy_request(p)).p) {
        node_relay(n, p);
        return;
    }
    sip_edit_prepend(pxy_edits(p), SIP_H_RECORD_ROUTE, STR("<sip:" P2 ";lr>"));
    for (size_t i = 0; i < AGENTS; i++) {
        sip_edits_copy(&e[i], pxy_arena(p), pxy_edits(p));
        sip_edit_uri(&e[i], arena_printf(pxy_arena(p), "sip:%s", agent_ip[i]));
        t[i].edits = &e[i];
    }
    (void)pxy_forward(p, t, AGENTS, NULL, NULL);
}

// ---- agents ----

static void answer_now(void *arg)
{
    struct ringing *r = arg;
    struct pxy *p = pxy_find(r->n->stack, r->id);
    struct sip_edits e;
    if (!p)
        return;
    sip_edits_init(&e, pxy_arena(p), NULL);
    sip_edit_append(&e, SIP_H_CONTACT, arena_printf(pxy_arena(p), "<sip:%s>", r->n->ip));
    (void)pxy_reply(p, r->status, STR_NONE, &e);
}

static void agent(struct node *n, struct pxy *p)
{
    static const unsigned statuses[] = {200, 200, 486, 480, 503, 603, 302};
    struct soak *k = n->data;
    enum sip_method m = sip_msg_method(pxy_request(p));
    if (m == SIP_ACK)
        return;
    if (m != SIP_INVITE || k->n_ringing == CALLS * AGENTS) {
        (void)pxy_reply(p, m == SIP_INVITE ? 500 : 200, STR_NONE, NULL);
        return;
    }
    struct ringing *r = &k->ringing[k->n_ringing++];
    *r = (struct ringing){.k = k, .n = n, .id = pxy_get_id(p)};
    r->status = statuses[dice(k, sizeof statuses / sizeof *statuses)];
    timer_init(&r->answer, answer_now, r);
    if (dice(k, 2))
        (void)pxy_reply(p, 180, STR_NONE, NULL);
    timer_start(n->loop, &r->answer, dice(k, 10000));
}

// ---- one run ----

static void on_packet(void *arg, uint64_t at_us, const struct addr *src, const struct addr *dst,
                      bool tcp, bool dropped, struct str data)
{
    struct soak *k = arg;
    (void)src;
    (void)dst;
    (void)tcp;
    k->history = k->history * 1099511628211ULL + hash_bytes(data.p, data.n) + at_us + dropped;
}

static void nothing_held(void *arg, const char *name, const char *labels, uint64_t value)
{
    (void)arg;
    if (strcmp(name, "sip_requests_held") == 0 || strcmp(name, "sip_transactions_held") == 0) {
        if (value)
            fail_msg("%s{%s} is %llu at the end", name, labels, (unsigned long long)value);
    }
}

static void soak_init(struct soak *k, uint64_t seed)
{
    memset(k, 0, sizeof *k);
    world_init_seed(&k->w, seed);
    k->caller = node_new(&k->w, CALLER, NULL);
    k->p1 = node_new(&k->w, P1, NULL);
    k->p2 = node_new(&k->w, P2, NULL);
    k->p1->next_hop = "sip:" P2;
    k->p1->record_route = true;
    k->p2->on_request = fork_all;
    for (size_t i = 0; i < AGENTS; i++) {
        k->agents[i] = node_new(&k->w, agent_ip[i], NULL);
        k->agents[i]->on_request = agent;
        k->agents[i]->data = k;
    }
    const struct sim_faults f = {.loss_ppm = 50000,
                                 .dup_ppm = 50000,
                                 .reorder_ppm = 50000,
                                 .delay_min_us = 100,
                                 .delay_max_us = 60000};
    sim_set_faults(k->w.sim, &f);
    sim_set_trace(k->w.sim, on_packet, k);
}

static void soak_end(struct soak *k)
{
    for (size_t i = 0; i < CALLS; i++) {
        struct call *c = &k->calls[i];
        if (!c->final)
            fail_msg("call %zu never ended", i);
        if (c->byes && !c->bye_done)
            fail_msg("BYE of call %zu never ended", i);
        k->answered += c->final < 300;
        k->refused += c->final >= 300 && c->final != 408;
        k->timed_out += c->final == 408;
        timer_stop(&c->hang_up);
        timer_stop(&c->give_up);
        dialog_free(c->dialog);
    }
    for (size_t i = 0; i < k->w.n_nodes; i++)
        stack_stats(k->w.nodes[i].stack, nothing_held, NULL);
    world_done(&k->w);
}

static void run(struct soak *k, uint64_t seed)
{
    soak_init(k, seed);
    for (unsigned i = 0; i < CALLS; i++) {
        struct call *c = &k->calls[i];
        c->k = k;
        c->no = i;
        timer_init(&c->hang_up, hang_up, c);
        timer_init(&c->give_up, give_up, c);
        call_start(c);
        world_run(&k->w, dice(k, 500));
    }
    world_run(&k->w, 600000);
    soak_end(k);
}

static void everything_ends(void **state)
{
    static struct soak k;
    unsigned answered = 0, refused = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run(&k, seed);
        answered += k.answered;
        refused += k.refused;
    }
    assert_true(answered > CALLS);
    assert_true(refused > CALLS);
}

static void same_seed_same_history(void **state)
{
    static struct soak k;
    (void)state;
    run(&k, 77);
    uint64_t first = k.history;
    run(&k, 77);
    assert_true(k.history == first);
    run(&k, 78);
    assert_true(k.history != first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_ends),
        cmocka_unit_test(same_seed_same_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
