// SPDX-License-Identifier: Apache-2.0
// The legs of a session: a dialog each.
#include "base/mem.h"
#include "stack/session/session_priv.h"

struct leg *leg_new(struct session *s, struct dialog *d)
{
    struct leg *g = s->n_legs < LEGS_MAX ? mem_zalloc(sizeof *g) : NULL;
    if (!g) {
        dialog_free(d);
        return NULL;
    }
    g->session = s;
    fsm_start(s->layer->wiring->offers, &g->oa);
    arena_init(&g->ack.mem, NULL, 0);
    sip_edits_init(&g->ack.credentials, &g->ack.mem, NULL);
    g->dialog = d;
    list_add(&s->legs, &g->link);
    s->n_legs++;
    return g;
}

void leg_free(struct leg *g)
{
    struct session *s = g->session;
    if (s->leg == g)
        s->leg = NULL;
    LIST_EACH(&s->requests, it) {
        struct request *r = LIST_ENTRY(it, struct request, link);
        if (r->leg == g)
            request_free(r);
    }
    list_del(&g->link);
    s->n_legs--;
    dialog_free(g->dialog);
    mem_free((void *)g->ack.body.p);
    arena_done(&g->ack.mem);
    mem_free(g);
}

struct leg *leg_of(const struct session *s, const struct sip_msg *m)
{
    LIST_EACH(&s->legs, it) {
        struct leg *g = LIST_ENTRY(it, struct leg, link);
        if (dialog_matches(g->dialog, m))
            return g;
    }
    return NULL;
}

bool leg_leave(struct leg *g)
{
    struct session *s = g->session;
    g->left = true;
    LIST_EACH(&s->legs, it) {
        struct leg *other = LIST_ENTRY(it, struct leg, link);
        if (!other->left && s->leg == g)
            s->leg = other;
    }
    return s->leg != g;
}

void leg_note_peer(struct leg *g, const struct sip_msg *m)
{
    if (sip_msg_has(m, SIP_H_ALLOW))
        g->peer_update = sip_msg_has_token(m, SIP_H_ALLOW, STR("UPDATE"));
    if (sip_msg_has_token(m, SIP_H_SUPPORTED, STR("timer")) ||
        sip_msg_has_token(m, SIP_H_REQUIRE, STR("timer")))
        g->peer_timer = true;
    if (sip_msg_has_token(m, SIP_H_SUPPORTED, STR("100rel")) ||
        sip_msg_has_token(m, SIP_H_REQUIRE, STR("100rel")))
        g->peer_rel = true;
}
