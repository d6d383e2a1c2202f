// SPDX-License-Identifier: Apache-2.0
// Alice calls through a proxy that forks to b1, b2 and, when asked to, b3.
#pragma once

#include "harness.h"

#define ALICE "10.0.0.1"
#define B1 "10.0.0.2"
#define B2 "10.0.0.3"
#define B3 "10.0.0.4"
#define P "10.0.1.1"

struct fork {
    struct world w;
    struct node *p;
    struct peer *alice, *b1, *b2;
};

// To n of the three, each with what like says beside its edits.
static inline void fork_to(struct node *node, struct pxy *p, size_t n, const struct pxy_target *like)
{
    static const char *const uris[] = {"sip:" B1, "sip:" B2, "sip:" B3};
    struct sip_edits e[3];
    struct pxy_target t[3];
    for (size_t i = 0; i < n; i++) {
        sip_edits_copy(&e[i], pxy_arena(p), pxy_edits(p));
        sip_edit_uri(&e[i], str_from(uris[i]));
        t[i] = *like;
        t[i].edits = &e[i];
    }
    assert_int_equal(pxy_forward(p, t, n, &count_ops, node), 0);
}

static inline void fork_both(struct node *n, struct pxy *p)
{
    fork_to(n, p, 2, &(struct pxy_target){0});
}

static inline void fork_init(struct fork *f, void (*on_request)(struct node *, struct pxy *))
{
    world_init(&f->w);
    f->p = node_new(&f->w, P, NULL);
    f->p->on_request = on_request;
    f->alice = peer_new(&f->w, ALICE);
    f->b1 = peer_new(&f->w, B1);
    f->b2 = peer_new(&f->w, B2);
}

static inline void fork_done(struct fork *f)
{
    world_run(&f->w, 100000);
    assert_null(pxy_find(f->p->stack, f->p->last));
    world_done(&f->w);
}

static inline void invite(struct fork *f, const char **ret_i1, const char **ret_i2)
{
    peer_request(f->alice, P, &(struct request){.method = "INVITE", .uri = "sip:bob@example.org"});
    *ret_i1 = peer_expect(f->b1, "INVITE sip:" B1 " SIP/2.0");
    if (ret_i2)
        *ret_i2 = peer_expect(f->b2, "INVITE sip:" B2 " SIP/2.0");
}

static inline void cancel(struct fork *f, const char *extra)
{
    peer_request(f->alice, P,
                 &(struct request){.method = "CANCEL",
                                   .uri = "sip:bob@example.org",
                                   .branch = "z9hG4bK-INVITE1",
                                   .extra = extra});
}

static inline void ack_final(struct fork *f)
{
    peer_request(f->alice, P,
                 &(struct request){.method = "ACK",
                                   .uri = "sip:bob@example.org",
                                   .branch = "z9hG4bK-INVITE1",
                                   .to_tag = "any"});
}

static inline void answer(struct peer *b, const char *invite, const char *status, const char *extra)
{
    peer_reply(b, P, invite, status, "tag", extra);
}
