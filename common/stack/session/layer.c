// SPDX-License-Identifier: Apache-2.0
// Where the parts of the session core meet: what an action keeps in a session, the method that each
// is for, and the layer of all sessions.
#include "base/err.h"
#include "base/mem.h"
#include "stack/session/actions.h"
#include "stack/txn/txn.h"

enum { SESSIONS_MAX = 200000 };

// ---- the actions ----

static void init(struct session *s)
{
    struct loop *l = s->layer->loop;
    const struct sip_timers *t = s->p.timers;
    machine_init(&s->rel.m, &reliable_machine, l, t, s);
    machine_init(&s->change.m, &change_machine, l, t, s);
    machine_init(&s->asking.m, &refer_asking_machine, l, t, s);
    machine_init(&s->asked.m, &refer_asked_machine, l, t, s);
    interval_init(s);
}

static void stop(struct session *s)
{
    interval_stop(s);
    change_done(s);
    reliable_stop(s);
    refer_done(s);
    server_detach(s);
}

static void done(struct session *s)
{
    struct machine *all[] = {&s->rel.m, &s->change.m, &s->asking.m, &s->asked.m, &s->interval.m};
    stop(s);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        machine_done(all[i]);
}

static const struct {
    enum sip_method method;
    void (*handle)(struct leg *g, server_id id, const struct sip_msg *m);
} methods[] = {
    {SIP_INVITE, modified_on_request}, {SIP_UPDATE, modified_on_request},
    {SIP_PRACK, prack_on_request},     {SIP_BYE, bye_on_request},
    {SIP_REFER, refer_on_request},     {SIP_NOTIFY, refer_on_notify},
};

static void on_request(struct leg *g, server_id id, const struct sip_msg *m)
{
    if (dialog_on_request(g->dialog, m)) { // RFC 3261 12.2.2: out of order
        (void)server_answer(g->session, id, 500);
        return;
    }
    // A fork that was left has nothing but its end.
    unsigned status = g->left && sip_msg_method(m) != SIP_BYE ? 481 : replaces_misplaced(g, m);
    if (status) {
        (void)server_answer(g->session, id, status);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (methods[i].method == sip_msg_method(m)) {
            methods[i].handle(g, id, m);
            return;
        }
    other_on_request(g, id, m);
}

static const struct session_wiring wiring = {.machine = &session_machine,
                                             .offers = &offer_machine,
                                             .init = init,
                                             .stop = stop,
                                             .done = done,
                                             .refresh = refresh_due,
                                             .request = on_request,
                                             .ack = incoming_on_ack,
                                             .cancelled = incoming_cancelled,
                                             .gone = incoming_gone};

// ---- the layer ----

int session_layer_new(const struct session_layer_params *p, struct session_layer **ret_layer)
{
    struct session_layer *l = mem_zalloc(sizeof *l);
    if (!l)
        return ERR_NOMEM;
    l->wiring = &wiring;
    l->txns = p->txns;
    l->uas = p->uas;
    l->ops = p->ops;
    l->arg = p->arg;
    l->loop = txn_loop(p->txns);
    l->max = p->max_sessions ? p->max_sessions : SESSIONS_MAX;
    list_init(&l->all);
    list_init(&l->strays);
    int e = server_layer_init(l);
    if (e) {
        session_layer_free(l);
        return e;
    }
    *ret_layer = l;
    return 0;
}

void session_layer_free(struct session_layer *l)
{
    if (!l)
        return;
    while (!list_empty(&l->all))
        session_free(LIST_ENTRY(l->all.next, struct session, link));
    strays_done(l);
    server_layer_done(l);
    map_done(&l->by_dialog);
    slots_done(&l->ids);
    mem_free(l);
}

size_t session_layer_count(const struct session_layer *l)
{
    return l->n;
}
