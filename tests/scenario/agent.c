// SPDX-License-Identifier: Apache-2.0
#include "agent.h"

#include <stdio.h>

#include "tests/common/figure.h"

static void copy(char *to, struct str from)
{
    (void)snprintf(to, AGENT_TEXT, "%.*s", STR_ARG(from));
}

static void on_progress(void *arg, struct session *s, unsigned status, const struct sip_msg *m)
{
    struct agent *a = arg;
    a->progress++;
    a->last_progress = status;
}

static void on_offer(void *arg, struct session *s, struct str body, const struct sip_msg *m)
{
    struct agent *a = arg;
    a->offers++;
    copy(a->offer, body);
    if (a->refuse_offers)
        (void)session_refuse(s, a->refuse_offers);
    else if (!a->silent_offers)
        (void)session_answer(s, str_from(a->says));
}

static void on_answer(void *arg, struct session *s, struct str body, const struct sip_msg *m)
{
    struct agent *a = arg;
    a->answers++;
    copy(a->answer, body);
}

static void on_established(void *arg, struct session *s)
{
    ((struct agent *)arg)->established++;
}

static void on_modified(void *arg, struct session *s, unsigned status)
{
    struct agent *a = arg;
    a->modified++;
    a->last_modified = status;
}

static void on_closed(void *arg, struct session *s, const struct session_end *e)
{
    struct agent *a = arg;
    a->closed++;
    a->end = *e;
    a->end.msg = NULL;
    a->end.reason = STR_NONE;
    for (unsigned i = 0; i < a->n; i++)
        if (a->all[i] == s)
            a->all[i] = NULL;
    if (a->s == s)
        a->s = NULL;
}

static unsigned on_refer(void *arg, struct session *s, const struct session_refer *r)
{
    struct agent *a = arg;
    copy(a->refer_to, r->to->uri.text);
    return a->on_refer ? a->on_refer : 603;
}

static void on_referred(void *arg, struct session *s, unsigned status, bool over)
{
    struct agent *a = arg;
    a->refer_status = status;
    a->refer_over = over;
}

static void on_other(void *arg, struct session *s, server_id id, const struct sip_msg *m)
{
    struct agent *a = arg;
    a->requests++;
    session_reply_to(s, id, 200);
}

static const struct session_ops ops = {.progress = on_progress,
                                       .offer = on_offer,
                                       .answer = on_answer,
                                       .established = on_established,
                                       .modified = on_modified,
                                       .closed = on_closed,
                                       .request = on_other,
                                       .refer = on_refer,
                                       .referred = on_referred};

static void keep(struct agent *a, struct session *s)
{
    assert_true(a->n < AGENT_SESSIONS);
    a->s = a->all[a->n++] = s;
}

static void take(void *arg, server_id id, const struct sip_msg *m)
{
    struct agent *a = arg;
    struct session *s;
    a->incoming++;
    copy(a->offer, sip_msg_body(m));
    (void)session_take(a->layer, id, &a->p, &s);
    if (!s) {
        a->refused++;
        return;
    }
    keep(a, s);
    for (unsigned i = 0; i < a->n_ring; i++)
        assert_true(session_progress(s, &a->ring[i]) == 0 || a->poor);
    struct session_reply ok = {.status = 200, .body = str_from(a->says)};
    if (a->pick_up && a->s)
        assert_true(session_accept(s, &ok) == 0 || a->poor);
}

static bool wants(void *arg, const struct sip_msg *m)
{
    return true;
}

static const struct session_layer_ops layer_ops = {.wants = wants, .incoming = take};

static void on_rest(struct node *n, struct pxy *p)
{
    if (sip_msg_method(pxy_request(p)) != SIP_ACK)
        (void)pxy_reply(p, 481, STR_NONE, NULL);
}

void agent_init(struct agent *a, struct world *w, const char *ip)
{
    static char contacts[WORLD_NODES][48];
    char *contact = contacts[w->n_nodes];
    memset(a, 0, sizeof *a);
    a->node = node_new(w, ip, NULL);
    a->node->on_request = on_rest;
    struct session_layer_params lp = {.txns = stack_txns(a->node->stack),
                                      .uas = stack_uas(a->node->stack),
                                      .ops = &layer_ops,
                                      .arg = a};
    assert_int_equal(session_layer_new(&lp, &a->layer), 0);
    (void)snprintf(contact, sizeof contacts[0], "<sip:%s>", ip);
    a->p = (struct session_params){
        .ops = &ops,
        .arg = a,
        .contact = str_from(contact),
        .allow = STR("INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, REFER, NOTIFY")};
    a->says = "answer";
}

void nothing_open(const struct agent *a)
{
    assert_int_equal(figure_of(a->node->stack, "sip_transactions_held", NULL), 0);
}

void agent_done(struct agent *a)
{
    session_layer_free(a->layer);
}

int agent_try(struct agent *a, const char *target, const char *offer)
{
    struct session *s;
    a->p.uri = str_from(target);
    a->p.from = STR("sip:caller@example.org");
    a->p.body = str_from(offer);
    int e = session_invite(a->layer, &a->p, &s);
    if (!e)
        keep(a, s);
    return e;
}

void agent_call(struct agent *a, const char *target, const char *offer)
{
    assert_int_equal(agent_try(a, target, offer), 0);
}

// ---- the wire ----

static struct str on_wire(void *arg, const struct addr *src, const struct addr *dst, bool tcp,
                          struct str data)
{
    struct tap *t = arg;
    if (t->count && str_starts(data, str_from(t->count))) {
        t->counted++;
        (void)snprintf(t->last, sizeof t->last, "%.*s", STR_ARG(data));
    }
    if (t->lose && t->lose_n && str_starts(data, str_from(t->lose))) {
        t->lose_n--;
        return STR_NONE;
    }
    return data;
}

void tap_init(struct tap *t, struct world *w)
{
    memset(t, 0, sizeof *t);
    sim_set_tamper(w->sim, on_wire, t);
}
