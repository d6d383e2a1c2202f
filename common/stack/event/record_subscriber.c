// SPDX-License-Identifier: Apache-2.0
// The record of a subscription of this node to another: the NOTIFY that would make its dialog anew,
// with what the owner had asked for.
#include "base/err.h"
#include "stack/event/record.h"

enum { TEXTS = 7 };

// In the order in which they are taken out again.
static const char *const names[TEXTS] = {"Carillon-Params",  "Carillon-Accept", "Carillon-Uri",
                                         "Carillon-From",    "Carillon-To",     "Carillon-Contact",
                                         "Carillon-Next-Hop"};

uint64_t event_own_name(const struct event *e, event_id id)
{
    const struct subscriber *s = slots_find(&e->subscriber_ids, id);
    return s ? record_name(s->dialog) : 0;
}

// ---- writing ----

static struct event_text numbers_of(const struct subscriber *s)
{
    struct dialog_info i;
    dialog_get_info(s->dialog, &i);
    return (struct event_text){.active = s->state == SUBSCRIBER_ACTIVE,
                           .until = event_text_until(s->core, s->expires_at),
                           .local_cseq = i.local_cseq,
                           .remote_cseq = s->remote_cseq,
                           .expires = s->expires,
                           .keep = s->plan->keep,
                           .forks = s->plan->forks};
}

static int write_plan(const struct subscriber_plan *p, struct writer *w)
{
    const struct str texts[TEXTS] = {p->params, p->accept,  p->uri,     p->from,
                                     p->to,     p->contact, p->next_hop};
    writer_printf(w, "Event: %.*s%s%.*s\r\n", STR_ARG(p->event), p->event_id.n ? ";id=" : "",
                  STR_ARG(p->event_id));
    for (size_t i = 0; i < TEXTS; i++) {
        if (!event_text_is_line(texts[i]))
            return ERR_INVAL;
        event_text_line(w, names[i], texts[i]);
    }
    return 0;
}

int event_record_own(struct event *e, event_id id, struct writer *w)
{
    struct subscriber *s = slots_find(&e->subscriber_ids, id);
    if (!s)
        return ERR_NOTFOUND;
    if (s->state != SUBSCRIBER_PENDING && s->state != SUBSCRIBER_ACTIVE)
        return ERR_STATE;
    if (s->plan->flow || s->fork)
        return ERR_INVAL;
    struct event_text r = numbers_of(s);
    int err = event_text_begin(&r, s->dialog, SIP_NOTIFY, w);
    if (!err)
        err = write_plan(s->plan, w);
    return err ? err : event_text_end(STR(""), w);
}

// ---- reading ----

static struct event_subscription wanted(const struct sip_msg *m, const struct event_text *r,
                                        const struct event_subscriber_ops *ops, void *arg)
{
    struct str t[TEXTS];
    const struct sip_token *event = sip_msg_at(m, SIP_H_EVENT, 0);
    for (size_t i = 0; i < TEXTS; i++)
        t[i] = sip_msg_raw_named(m, str_from(names[i]));
    return (struct event_subscription){.event = event->token,
                                       .event_id = event_id_param(event),
                                       .params = t[0],
                                       .accept = t[1],
                                       .uri = t[2],
                                       .from = t[3],
                                       .to = t[4],
                                       .contact = t[5],
                                       .next_hop = t[6],
                                       .expires = (uint32_t)r->expires,
                                       .keep = r->keep,
                                       .forks = (uint32_t)r->forks,
                                       .ops = ops,
                                       .arg = arg};
}

static int fill(struct subscriber *s, const struct sip_msg *m, const struct event_text *r)
{
    struct dialog *d;
    struct str call_id = sip_msg_call_id(m), tag = sip_msg_to_tag(m);
    if (call_id.n != sizeof s->call_id || tag.n != sizeof s->tag)
        return ERR_BAD;
    int err = dialog_new_uas(m, tag, s->plan->contact, &d);
    if (err)
        return err;
    dialog_set_local_cseq(d, (uint32_t)r->local_cseq + EVENT_AHEAD);
    subscriber_set_dialog(s, d, event_dialog_bytes(m));
    memcpy(s->call_id, call_id.p, sizeof s->call_id);
    memcpy(s->tag, tag.p, sizeof s->tag);
    s->remote_cseq = sip_msg_cseq(m)->number;
    s->expires_at = event_now(s->core) + r->left_ms;
    s->began_at = event_now(s->core);
    return subscriber_enter(s);
}

static int take_up(struct event *e, struct subscriber_plan *plan, const struct sip_msg *m,
                   const struct event_text *r, event_id *ret_id)
{
    struct subscriber *s;
    int err = subscriber_new(e, plan, &s);
    if (err)
        return err;
    err = fill(s, m, r);
    if (err) {
        subscriber_drop(s);
        return err;
    }
    *ret_id = s->id;
    e->count.restored++;
    subscriber_step(s, SE_TAKEN_UP, &(struct subscriber_input){.pending = !r->active});
    return 0;
}

static bool is_there(const struct event *e, const struct sip_msg *m)
{
    size_t it = 0;
    uint64_t key = event_key(sip_msg_call_id(m), sip_msg_to_tag(m));
    for (const struct subscriber *s; (s = map_find(&e->subscribers, key, &it));)
        if (s->dialog && dialog_matches(s->dialog, m))
            return true;
    return false;
}

static int restore(struct event *e, const struct sip_msg *m, const struct event_subscription *p,
                   const struct event_text *r, event_id *ret_id)
{
    struct subscriber_plan *plan;
    if (is_there(e, m))
        return ERR_EXISTS;
    if (e->n_subscribers >= e->limits.own)
        return ERR_FULL;
    int err = subscriber_plan_new(e, p, &plan);
    if (err)
        return err == ERR_INVAL && p->ops ? ERR_BAD : err;
    err = take_up(e, plan, m, r, ret_id);
    subscriber_plan_unref(e, plan);
    return err;
}

int event_restore_own(struct event *e, struct str text, const struct event_subscriber_ops *ops,
                      void *arg, event_id *ret_id)
{
    struct event_text r = {0};
    struct sip_msg *m;
    int err = event_text_read(e, text, SIP_NOTIFY, &r, &m);
    if (err)
        return err;
    struct event_subscription p = wanted(m, &r, ops, arg);
    err = restore(e, m, &p, &r, ret_id);
    sip_msg_unref(m);
    return err;
}
