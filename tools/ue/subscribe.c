// SPDX-License-Identifier: Apache-2.0
// Subscriptions of a phone (RFC 6665): the event core keeps them alive until they are ended by the
// notifier, or the phone goes. What a NOTIFY says is told by `text`.
#include "tools/ue/ue_priv.h"

#include "base/err.h"
#include "base/writer.h"
#include "stack/event/event.h"

enum { SUBSCRIPTIONS_MAX = 8 };

struct subscription {
    struct list link;
    struct phone *phone;
    event_id id;
    struct uac_attempts tries;
    bool told; // how the first SUBSCRIBE went
};

static void subscription_free(struct subscription *q)
{
    if (q->id && q->phone->hub->events)
        event_forget(q->phone->hub->events, q->id);
    list_del(&q->link);
    mem_free(q);
}

void phone_drop_subscriptions(struct phone *ph)
{
    while (!list_empty(&ph->subscriptions))
        subscription_free(LIST_ENTRY(ph->subscriptions.next, struct subscription, link));
}

// ---- what the event core tells ----

static void tell(struct subscription *q, unsigned status, const struct sip_msg *m)
{
    struct phone *ph = q->phone;
    struct ue_failure f = failure_of(status, m);
    if (!q->told && ph->ops->sent)
        ph->ops->sent(ph->arg, ph, &f);
    q->told = true;
}

static void on_answer(void *arg, event_id id, const struct sip_msg *m)
{
    struct subscription *q = arg;
    if (sip_msg_status(m) >= 300)
        return;
    q->tries = (struct uac_attempts){0}; // the next one may be challenged anew
    tell(q, sip_msg_status(m), m);
}

static void on_state(void *arg, event_id id, enum event_state s, const struct sip_msg *m)
{
    struct subscription *q = arg;
    phone_tell_text(q->phone, m);
}

static void on_end(void *arg, event_id id, const struct event_end *e)
{
    struct subscription *q = arg;
    q->id = 0;
    if (e->status)
        tell(q, e->status, e->msg && !sip_msg_is_request(e->msg) ? e->msg : NULL);
    subscription_free(q);
}

// TS 24.229 5.1.2A.1.1: what each request of a phone has, and the way outside of a dialog.
static void prepare(void *arg, event_id id, bool in_dialog, struct str uri,
                    struct sip_edits *headers)
{
    struct subscription *q = arg;
    struct phone *ph = q->phone;
    if (!in_dialog)
        sip_edit_append(headers, SIP_H_ROUTE, phone_route(ph, headers->arena));
    add_preferred_identity(ph, headers);
    add_access(ph, headers);
    uac_auth_add(ph->proofs, &q->tries, headers, STR("SUBSCRIBE"), uri);
}

static bool on_challenge(void *arg, event_id id, const struct sip_msg *m)
{
    struct subscription *q = arg;
    return uac_auth_take(q->phone->proofs, &q->tries, m);
}

static const struct event_subscriber_ops ops = {.state = on_state,
                                                .ended = on_end,
                                                .answered = on_answer,
                                                .prepare = prepare,
                                                .challenge = on_challenge};

// ---- what the user wants ----

static int start(struct subscription *q, const struct ue_send_params *p)
{
    char room[512];
    struct arena a;
    struct phone *ph = q->phone;
    struct str who = phone_identity(ph);
    arena_init(&a, room, sizeof room);
    struct event_subscription s = {.event = p->event,
                                   .uri = p->target,
                                   .from = ARENA_CAT(&a, STR("<"), who, STR(">")),
                                   .to = ARENA_CAT(&a, STR("<"), p->target, STR(">")),
                                   .contact = ARENA_CAT(&a, STR("<"), ph->contact, STR(">")),
                                   .one_shot = p->expires == 0,
                                   .expires = p->expires,
                                   .ops = &ops,
                                   .arg = q};
    int err = a.failed ? ERR_NOMEM : event_subscribe(ph->hub->events, &s, &q->id);
    arena_done(&a);
    return err;
}

int phone_subscribe(struct phone *ph, const struct ue_send_params *p)
{
    struct subscription *q = list_holds(&ph->subscriptions, SUBSCRIPTIONS_MAX) ? NULL : mem_zalloc(sizeof *q);
    if (!q)
        return ERR_NOMEM;
    q->phone = ph;
    list_add(&ph->subscriptions, &q->link);
    int err = start(q, p);
    if (err)
        subscription_free(q);
    return err;
}

int hub_open_events(struct hub *h)
{
    char contact[128];
    struct writer w = writer_init(contact, sizeof contact);
    writer_lit(&w, "<sip:");
    writer_str(&w, h->local_hostport);
    writer_chr(&w, '>');
    struct event_params p = {
        .txns = stack_txns(h->stack), .uas = stack_uas(h->stack), .contact = writer_done(&w)};
    return w.failed ? ERR_TOOBIG : event_new(&p, &h->events);
}
