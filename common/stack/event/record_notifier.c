// SPDX-License-Identifier: Apache-2.0
// The record of a subscription to this node: the SUBSCRIBE that would make it anew; the owner's
// note is the body.
#include "base/err.h"
#include "stack/event/record.h"

#define RESOURCE "Carillon-Resource"
#define SUBSCRIBER "Carillon-Subscriber"
#define INSTANCE "Carillon-Instance"

uint64_t event_name(const struct event *e, event_id id)
{
    const struct notifier *n = slots_find(&e->notifier_ids, id);
    return n ? record_name(n->dialog) : 0;
}

// ---- writing ----

static void write_names(const struct notifier *n, struct writer *w)
{
    const struct event_package *p = n->resource->package;
    struct str id = notifier_event_id(n);
    writer_printf(w, "Event: %.*s%s%.*s\r\n", STR_ARG(p->name), id.n ? ";id=" : "", STR_ARG(id));
    event_text_line(w, "Accept", p->types[n->type]);
    event_text_line(w, RESOURCE, resource_name(n->resource));
    if (n->person) // his name may be empty
        writer_printf(w, SUBSCRIBER ": %.*s\r\n", (int)n->person->n_name, n->person->name);
    event_text_line(w, INSTANCE, notifier_instance(n));
}

static bool can_be_written(const struct notifier *n)
{
    struct str who = n->person ? str_make(n->person->name, n->person->n_name) : STR_NONE;
    return event_text_is_line(resource_name(n->resource)) && event_text_is_line(who) &&
           event_text_is_line(notifier_instance(n));
}

int event_record(struct event *e, event_id id, struct writer *w)
{
    struct notifier *n = slots_find(&e->notifier_ids, id);
    struct dialog_info i;
    if (!n)
        return ERR_NOTFOUND;
    if (n->state != NOTIFIER_PENDING && n->state != NOTIFIER_ACTIVE)
        return ERR_STATE;
    if (!can_be_written(n))
        return ERR_INVAL;
    dialog_get_info(n->dialog, &i);
    struct event_text r = {.active = n->cleared,
                       .until = event_text_until(e, n->expires_at),
                       .local_cseq = i.local_cseq,
                       .remote_cseq = n->cseq,
                       .told = n->version,
                       .interval_ms = n->interval_ms,
                       .rated = n->rated};
    int err = event_text_begin(&r, n->dialog, SIP_SUBSCRIBE, w);
    if (err)
        return err;
    write_names(n, w);
    return event_text_end(notifier_note(n), w);
}

// ---- reading ----

static int find_type(const struct event_package *p, const struct sip_msg *m, uint8_t *ret_type)
{
    struct str type = sip_msg_raw(m, SIP_H_ACCEPT);
    for (size_t i = 0; i < p->n_types; i++)
        if (str_eq(p->types[i], type)) {
            *ret_type = (uint8_t)i;
            return 0;
        }
    return ERR_UNSUPPORTED;
}

static int fill_names(struct notifier *n, const struct sip_msg *m)
{
    struct str who = sip_msg_raw_named(m, STR(SUBSCRIBER));
    struct str instance = sip_msg_raw_named(m, STR(INSTANCE));
    const struct sip_token *event = sip_msg_at(m, SIP_H_EVENT, 0);
    int err = who.p ? person_add(n->core, who, &n->person) : 0;
    return err ? err : notifier_set_texts(n, event_id_param(event), instance, sip_msg_body(m));
}

static int fill(struct notifier *n, const struct sip_msg *m, const struct event_text *r)
{
    int err = dialog_new_uas(m, sip_msg_to_tag(m), n->core->contact, &n->dialog);
    if (!err)
        err = find_type(n->resource->package, m, &n->type);
    if (err)
        return err;
    dialog_set_local_cseq(n->dialog, (uint32_t)r->local_cseq + EVENT_AHEAD);
    n->saved = (uint32_t)r->local_cseq; // the record is as old as that until it is written anew
    n->fixed = (uint32_t)(event_dialog_bytes(m) - event_target_bytes(m));
    n->cseq = sip_msg_cseq(m)->number;
    n->version = (uint32_t)r->told + EVENT_AHEAD;
    n->interval_ms = (uint32_t)r->interval_ms;
    n->rated = r->rated;
    n->cleared = r->active;
    n->granted = (uint32_t)((r->left_ms + 999) / 1000);
    return fill_names(n, m);
}

static int take_up(struct event *e, struct resource *res, const struct sip_msg *m,
                   const struct event_text *r, event_id *ret_id)
{
    struct notifier *n;
    int err = notifier_new(e, res, &n);
    if (err)
        return err;
    err = fill(n, m, r);
    if (!err)
        err = notifier_enter(n);
    if (err) {
        notifier_drop(n);
        return err;
    }
    e->count.restored++;
    notifier_step(n, NE_TAKEN_UP, NULL);
    *ret_id = n->id;
    return 0;
}

static int restore(struct event *e, const struct sip_msg *m, const struct event_text *r,
                   event_id *ret_id)
{
    const struct sip_token *event = sip_msg_at(m, SIP_H_EVENT, 0);
    const struct event_package *p = event_package_served(e, event->token);
    if (!p)
        return ERR_UNSUPPORTED;
    if (notifier_find(e, m))
        return ERR_EXISTS;
    if (e->n_notifiers >= e->limits.total || e->notifier_bytes >= e->limits.bytes)
        return ERR_FULL;
    struct resource *res = resource_get(e, p, sip_msg_raw_named(m, STR(RESOURCE)));
    if (!res)
        return ERR_NOMEM;
    res->pins++;
    int err = take_up(e, res, m, r, ret_id);
    res->pins--;
    resource_release(e, res);
    return err;
}

int event_restore(struct event *e, struct str text, event_id *ret_id)
{
    struct event_text r = {0};
    struct sip_msg *m;
    int err = event_text_read(e, text, SIP_SUBSCRIBE, &r, &m);
    if (err)
        return err;
    err = restore(e, m, &r, ret_id);
    sip_msg_unref(m);
    return err;
}
