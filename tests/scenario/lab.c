// SPDX-License-Identifier: Apache-2.0
#include "lab.h"

#include <stdio.h>

void lab_init(struct lab *l)
{
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    agent_init(&l->a, &l->w, A);
    agent_init(&l->b, &l->w, B);
    l->a.says = "from-a";
    l->b.says = "from-b";
    tap_init(&l->tap, &l->w);
}

static void fork_it(struct node *n, struct pxy *p)
{
    struct pxy_target t[2] = {{.next_hop = STR("sip:" B)}, {.next_hop = STR("sip:" C)}};
    if (!sip_msg_to_tag(pxy_request(p)).p)
        (void)pxy_forward(p, t, 2, NULL, NULL);
    else
        node_relay(n, p);
}

void lab_init_fork(struct lab *l)
{
    lab_init(l);
    agent_init(&l->c, &l->w, C);
    l->c.says = "from-c";
    l->proxy = node_new(&l->w, P, NULL);
    l->proxy->on_request = fork_it;
    l->a.p.route = STR("<sip:" P ";lr>");
}

static void agent_over(struct agent *a)
{
    if (!a->layer)
        return;
    assert_int_equal(session_layer_count(a->layer), 0);
    nothing_open(a);
    agent_done(a);
}

void lab_done(struct lab *l)
{
    world_run(&l->w, 200000);
    agent_over(&l->a);
    agent_over(&l->b);
    agent_over(&l->c);
    world_done(&l->w);
}

void lab_end(struct lab *l)
{
    struct agent *all[] = {&l->a, &l->b, &l->c};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        for (unsigned k = 0; k < all[i]->n; k++)
            if (all[i]->all[k])
                (void)session_hang_up(all[i]->all[k]);
    lab_done(l);
}

void lab_talk(struct lab *l, const char *offer)
{
    l->b.pick_up = true;
    agent_call(&l->a, CALL_B, offer);
    world_run(&l->w, 300);
    assert_int_equal(l->a.established, 1);
    assert_int_equal(l->b.established, 1);
}

void lab_hang_up(struct lab *l, struct agent *who)
{
    struct agent *other = who == &l->a ? &l->b : &l->a;
    assert_int_equal(session_hang_up(who->s), 0);
    world_run(&l->w, 300);
    assert_int_equal(who->closed, 1);
    assert_int_equal(other->closed, 1);
    assert_true(other->end.by_remote);
    assert_true(who->end.established);
    assert_int_equal(who->end.status, 200);
    lab_done(l);
}

struct session_ops *lab_ops(struct lab *l, struct agent *a)
{
    l->ops = *a->p.ops;
    a->p.ops = &l->ops;
    return &l->ops;
}

// ---- the peer in plain text ----

struct peer *lab_peer(struct lab *l)
{
    if (!l->q)
        l->q = peer_new(&l->w, Q);
    return l->q;
}

void lab_sends(struct lab *l, const char *to, const char *method, int cseq, const char *branch,
               const char *more, const char *body)
{
    peer_send(lab_peer(l), to,
              "%s sip:bob@%s SIP/2.0\nVia: SIP/2.0/UDP " Q ";branch=z9hG4bK%s\n"
              "From: <sip:x@example.org>;tag=from-1\nTo: <sip:bob@%s>%s%s\nCall-ID: call-1\n"
              "CSeq: %d %s\nMax-Forwards: 70\nContact: <sip:" Q ">\n%s%sContent-Length: %zu\n\n%s",
              method, to, branch, to, *l->tag ? ";tag=" : "", l->tag, cseq, method, more,
              *body ? "Content-Type: application/sdp\n" : "", strlen(body), body);
}

void lab_learns_tag(struct lab *l, const char *response)
{
    (void)snprintf(l->tag, sizeof l->tag, "%s", param_of(header_of(response, "To", 0), "tag"));
}

struct peer *lab_is_called(struct lab *l, const char *offer)
{
    l->b.pick_up = true;
    lab_sends(l, B, "INVITE", 1, "one", "", offer);
    lab_learns_tag(l, peer_expect(lab_peer(l), "SIP/2.0 200"));
    return l->q;
}

struct peer *lab_calls(struct lab *l, const char *offer)
{
    struct peer *q = lab_peer(l);
    agent_call(&l->a, "sip:x@" Q, offer);
    (void)snprintf(l->invite, sizeof l->invite, "%s", peer_expect(q, "INVITE "));
    return q;
}

// What peer_reply writes behind the body belongs to no message.
void lab_answers(struct lab *l, const char *status, const char *tag, const char *more,
                 const char *body)
{
    char extra[512];
    (void)snprintf(extra, sizeof extra,
                   "Contact: <sip:" Q ">\nAllow: UPDATE\n%sContent-Type: application/sdp\n"
                   "Content-Length: %zu\n\n%s",
                   more, strlen(body), body);
    peer_reply(l->q, A, l->invite, status, tag, extra);
}

void lab_says_ok(struct lab *l, const char *request)
{
    peer_reply(l->q, A, request, "200 OK", NULL, NULL);
}

const char *lab_hears(struct lab *l, const char *method, const char *tag)
{
    const char *m = peer_expect(l->q, method);
    assert_contains(header_of(m, "To", 0), tag);
    if (strcmp(method, "ACK ") != 0)
        lab_says_ok(l, m);
    return m;
}
