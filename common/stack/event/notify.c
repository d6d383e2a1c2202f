// SPDX-License-Identifier: Apache-2.0
// NOTIFY, a request of the dialog (RFC 6665 4.2.2): the state as the package writes it for this
// subscription, and what the answer means.
#include "base/err.h"
#include "base/log.h"
#include "stack/event/exchange.h"

enum { SILENCE = 408, NO_WAY = 503 };

// ---- the state ----

// The state for this subscription. ERR_NOTFOUND: a NOTIFY without body. ERR_CLOSED: the package has
// ended it instead of writing, n is gone.
static int write_state(struct notifier *n, bool final, struct event_body *b, struct str *ret_text)
{
    struct event *e = n->core;
    event_id id = n->id;
    const struct event_package *p = n->resource->package;
    struct writer w = writer_init(e->scratch, EVENT_BODY_MAX);
    *b = (struct event_body){.id = n->id,
                             .resource = resource_name(n->resource),
                             .type = p->types[n->type],
                             .version = n->version,
                             .since = n->told,
                             .final = final};
    if (n->last) {
        b->number = n->last->number;
        *ret_text = str_make(n->last->p, n->last->n);
        return 0;
    }
    if (!n->cleared)
        return ERR_NOTFOUND;
    int err = ERR_UNSUPPORTED;
    if (!n->whole && p->partial)
        err = p->partial(p->arg, b, &w);
    if (err == ERR_UNSUPPORTED && slots_find(&e->notifier_ids, id)) {
        w = writer_init(e->scratch, EVENT_BODY_MAX);
        err = p->full(p->arg, b, &w);
    }
    *ret_text = writer_done(&w);
    if (!slots_find(&e->notifier_ids, id))
        return ERR_CLOSED;
    return !err && w.failed ? ERR_TOOBIG : err;
}

// The same, with the resource's name there until the package is done with it.
static int ask_state(struct notifier *n, bool final, struct event_body *b, struct str *ret_text)
{
    struct event *e = n->core;
    struct resource *r = n->resource;
    r->pins++;
    int err = write_state(n, final, b, ret_text);
    r->pins--;
    resource_release(e, r);
    return err;
}

// ---- the request ----

static struct str substate(const struct notifier *n, struct arena *a, bool final)
{
    const struct event *e = n->core;
    if (final && n->retry_after)
        return arena_printf(a, "terminated;reason=%s;retry-after=%" PRIu32,
                            event_reason_name(n->reason), n->retry_after);
    if (final)
        return arena_printf(a, "terminated;reason=%s", event_reason_name(n->reason));
    uint64_t now = event_now(e), left = n->expires_at > now ? n->expires_at - now : 0;
    struct str rate = n->rated ? event_rate_text(a, n->interval_ms) : STR("");
    return arena_printf(a, "%s;expires=%" PRIu64 "%.*s", n->cleared ? "active" : "pending",
                        (left + 999) / 1000, STR_ARG(rate));
}

static void add_headers(struct notifier *n, struct sip_edits *h, bool final)
{
    struct arena *a = h->arena;
    const struct event_package *p = n->resource->package;
    struct str id = notifier_event_id(n);
    sip_edit_append(h, SIP_H_EVENT, ARENA_CAT(a, p->name, id.n ? STR(";id=") : STR(""), id));
    sip_edit_append(h, SIP_H_SUBSCRIPTION_STATE, substate(n, a, final));
    sip_edit_append(h, SIP_H_CONTACT, n->core->contact);
    if (p->decorate)
        p->decorate(p->arg, n->id, SIP_NOTIFY, h);
}

static void on_notify(void *arg, ua_id id, unsigned status, const struct sip_msg *msg);

// type empty: without a body.
static int send_in_dialog(struct notifier *n, struct sip_edits *h, bool final, struct str type,
                          struct str text)
{
    struct ua_request r = {.method = SIP_NOTIFY, .headers = h, .label = n->core->label};
    int err = dialog_request(n->dialog, SIP_NOTIFY, 0, h, &r.uri);
    if (err)
        return err;
    r.next_hop = event_next_hop(n->dialog, r.uri);
    add_headers(n, h, final);
    if (type.n)
        sip_edit_body(h, type, text);
    if (h->failed || h->arena->failed)
        return ERR_NOMEM;
    r.cb = final ? NULL : on_notify;
    r.arg = n;
    return ua_send(n->core->uas, &r, final ? NULL : &n->notify);
}

static int send_notify(struct notifier *n, bool final, bool *ret_fatal)
{
    char room[2048];
    struct arena a;
    struct sip_edits h;
    struct event_body b;
    struct str text = STR_NONE;
    int err = ask_state(n, final, &b, &text);
    bool body = !err;
    if (err == ERR_CLOSED)
        return err;
    if (err == ERR_NOTFOUND || (err && final))
        err = 0;
    *ret_fatal = err && err != ERR_NOMEM;
    if (err)
        return err;
    arena_init(&a, room, sizeof room);
    sip_edits_init(&h, &a, NULL);
    err = send_in_dialog(n, &h, final, body ? b.type : STR_NONE, text);
    arena_done(&a);
    *ret_fatal = err && err != ERR_NOMEM && err != ERR_FULL;
    if (err)
        return err;
    n->core->count.notified++;
    n->telling_state = body;
    n->telling = b.number;
    n->version += body;
    return 0;
}

int notifier_notify(struct notifier *n, bool *ret_fatal)
{
    return send_notify(n, false, ret_fatal);
}

void notifier_notify_last(struct notifier *n)
{
    bool fatal;
    n->whole = true;
    if (send_notify(n, true, &fatal))
        n->core->count.starved++;
}

// Without memory it is asked for later.
void notifier_keep_last(struct notifier *n)
{
    struct event_body b;
    struct str text = STR_NONE;
    n->whole = true;
    if (ask_state(n, true, &b, &text))
        return;
    n->last = mem_alloc(sizeof *n->last + text.n);
    if (!n->last)
        return;
    n->last->number = b.number;
    n->last->n = text.n;
    if (text.n)
        memcpy(n->last->p, text.p, text.n);
    notifier_weigh(n);
}

// ---- its answer ----

static bool is_dead(unsigned status, const struct sip_msg *msg)
{
    // RFC 6665 4.2.2: Timer F; there is no way to him.
    return status == SILENCE || (!msg && status == NO_WAY) || event_ends_usage(status);
}

static void lost(struct notifier *n, unsigned status)
{
    struct dialog_info i;
    dialog_get_info(n->dialog, &i);
    n->core->count.dead++;
    LOG(LOG_INFO, "subscriber is gone", LF("call_id", i.call_id),
        LF("package", n->resource->package->name), LF("resource", resource_name(n->resource)),
        LF("subscriber", i.target), LF_NUM("status", status));
    notifier_step(n, NE_LOST, NULL);
}

static void take_target(struct notifier *n, const struct sip_msg *m)
{
    if (!notifier_takes_target(n, m))
        return;
    dialog_on_response(n->dialog, m);
    notifier_weigh(n);
}

static void on_notify(void *arg, ua_id id, unsigned status, const struct sip_msg *msg)
{
    struct notifier *n = arg;
    if (status < 200)
        return;
    n->notify = 0;
    bool good = status < 300, doubt = !msg && status == NO_WAY && !n->doubted;
    if (msg)
        take_target(n, msg);
    n->core->count.notify_failed += !good;
    n->doubted = doubt;
    // A connection may have been an old one, and what failed may have been ours: once more before
    // he is given up.
    if (doubt && n->state != NOTIFIER_ENDING) {
        delivery_step(n, DE_UNSENT);
        return;
    }
    if (!good && is_dead(status, msg)) {
        lost(n, status);
        return;
    }
    if (n->state == NOTIFIER_ENDING) {
        notifier_step(n, NE_SENT_ALL, NULL);
        return;
    }
    n->retry_after = good ? 0 : event_retry_after(msg);
    delivery_step(n, good ? DE_OK : n->retry_after ? DE_AGAIN : DE_ERROR);
}
