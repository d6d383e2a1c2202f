// SPDX-License-Identifier: Apache-2.0
// How what there is to tell leaves: one NOTIFY at a time in a subscription (RFC 6665 4.2.2), a
// request of the dialog; the interval between two is kept (RFC 6446 5), and when it is over the
// newest state goes.
#include "base/err.h"
#include "base/log.h"
#include "stack/event/event_priv.h"

enum { SILENCE = 408, NO_WAY = 503 };

static const char *const state_names[DELIVERY_STATES] = {"Idle", "Held", "Sent", "Stale"};
static const char *const event_names[DELIVERY_EVENTS] = {
    "tell", "changed", "due", "answered", "error", "retry-after", "unsent"};

// ---- the request ----

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
    struct str name = n->resource->package->name, id = str_from(n->event_id);
    sip_edit_append(h, SIP_H_EVENT, ARENA_CAT(a, name, id.n ? STR(";id=") : STR(""), id));
    sip_edit_append(h, SIP_H_SUBSCRIPTION_STATE, substate(n, a, final));
    sip_edit_append(h, SIP_H_CONTACT, n->core->contact);
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
    add_headers(n, h, final);
    if (type.n)
        sip_edit_body(h, type, text);
    if (h->failed || h->arena->failed)
        return ERR_NOMEM;
    r.cb = final ? NULL : on_notify;
    r.arg = n;
    return ua_send(n->core->uas, &r, final ? NULL : &n->notify);
}

// 0, or: *ret_fatal says whether it would fail again. ERR_CLOSED: n is gone.
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

void delivery_last(struct notifier *n)
{
    bool fatal;
    n->whole = true;
    if (send_notify(n, true, &fatal))
        n->core->count.starved++;
}

// ---- what comes back ----

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

static void on_notify(void *arg, ua_id id, unsigned status, const struct sip_msg *msg)
{
    struct notifier *n = arg;
    if (status < 200)
        return;
    n->notify = 0;
    bool good = status < 300, doubt = !msg && status == NO_WAY && !n->doubted;
    if (msg)
        dialog_on_response(n->dialog, msg);
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

// ---- guards and actions ----

static uint64_t next_at(const struct notifier *n)
{
    return n->last_at ? n->last_at + n->interval_ms : 0;
}

static int too_early(void *obj, void *arg)
{
    const struct notifier *n = obj;
    return event_now(n->core) < next_at(n);
}

static void hold_until(struct notifier *n, uint64_t at)
{
    n->due_at = at;
    notifier_arm(n);
}

static void hold(void *obj, void *arg)
{
    hold_until(obj, next_at(obj));
}

static void merge(void *obj, void *arg)
{
    struct notifier *n = obj;
    n->core->count.merged++;
}

static void send_now(void *obj, void *arg)
{
    struct notifier *n = obj;
    bool fatal;
    n->due_at = 0;
    int err = send_notify(n, false, &fatal);
    if (err == ERR_CLOSED)
        return;
    if (!err) {
        n->last_at = event_now(n->core);
        notifier_arm(n);
        return;
    }
    n->core->count.starved++;
    if (!fatal) {
        delivery_step(n, DE_UNSENT);
        return;
    }
    LOG(LOG_WARN, "state cannot be told", LF("package", n->resource->package->name),
        LF("resource", resource_name(n->resource)), LF_Z("cause", err_text(err)));
    notifier_step(n, NE_END, &(struct notifier_input){.reason = EVENT_GIVEUP});
}

// What he has of the state, partial ones can go on from.
static void note_told(struct notifier *n)
{
    if (!n->telling_state)
        return;
    n->told = n->telling;
    n->whole = false;
}

static void delivered(void *obj, void *arg)
{
    note_told(obj);
}

static void delivered_hold(void *obj, void *arg)
{
    note_told(obj);
    hold(obj, arg);
}

static void delivered_send(void *obj, void *arg)
{
    note_told(obj);
    send_now(obj, arg);
}

static void not_delivered(void *obj, void *arg)
{
    struct notifier *n = obj;
    n->whole = true;
}

static void not_delivered_hold(void *obj, void *arg)
{
    not_delivered(obj, arg);
    hold(obj, arg);
}

static void not_delivered_send(void *obj, void *arg)
{
    not_delivered(obj, arg);
    send_now(obj, arg);
}

static void pause_as_told(void *obj, void *arg)
{
    struct notifier *n = obj;
    uint64_t wait = n->retry_after * UINT64_C(1000);
    n->retry_after = 0;
    not_delivered(obj, arg);
    hold_until(n, event_now(n->core) + wait);
}

static void pause_briefly(void *obj, void *arg)
{
    struct notifier *n = obj;
    not_delivered(obj, arg);
    hold_until(n, event_now(n->core) + EVENT_LOCAL_RETRY_MS);
}

static const struct fsm_row rows[] = {
    {DELIVERY_IDLE, DE_TELL, DELIVERY_SENT, NULL, send_now, "RFC 6665 4.2.1.2"},
    {DELIVERY_IDLE, DE_CHANGED, DELIVERY_HELD, too_early, hold, "RFC 6446 5.2"},
    {DELIVERY_IDLE, DE_CHANGED, DELIVERY_SENT, NULL, send_now, "RFC 6665 4.2.2"},
    {DELIVERY_HELD, DE_TELL, DELIVERY_SENT, NULL, send_now, "RFC 6665 4.2.1.2"},
    {DELIVERY_HELD, DE_CHANGED, DELIVERY_HELD, NULL, merge, "RFC 6446 5.2"},
    {DELIVERY_HELD, DE_DUE, DELIVERY_SENT, NULL, send_now, "RFC 6446 5.2"},
    {DELIVERY_SENT, DE_TELL, DELIVERY_STALE, NULL, NULL, "RFC 6665 4.2.2"},
    {DELIVERY_SENT, DE_CHANGED, DELIVERY_STALE, NULL, NULL, "RFC 6665 4.2.2"},
    {DELIVERY_SENT, DE_OK, DELIVERY_IDLE, NULL, delivered, "RFC 6665 4.2.2"},
    {DELIVERY_SENT, DE_ERROR, DELIVERY_IDLE, NULL, not_delivered, "RFC 6665 4.2.2"},
    {DELIVERY_SENT, DE_AGAIN, DELIVERY_HELD, NULL, pause_as_told, "RFC 6665 4.2.2"},
    {DELIVERY_SENT, DE_UNSENT, DELIVERY_HELD, NULL, pause_briefly, "RFC 6665 4.2.2"},
    {DELIVERY_STALE, DE_TELL, DELIVERY_STALE, NULL, merge, "RFC 6665 4.2.2"},
    {DELIVERY_STALE, DE_CHANGED, DELIVERY_STALE, NULL, merge, "RFC 6665 4.2.2"},
    {DELIVERY_STALE, DE_OK, DELIVERY_HELD, too_early, delivered_hold, "RFC 6446 5.2"},
    {DELIVERY_STALE, DE_OK, DELIVERY_SENT, NULL, delivered_send, "RFC 6665 4.2.2"},
    {DELIVERY_STALE, DE_ERROR, DELIVERY_HELD, too_early, not_delivered_hold, "RFC 6446 5.2"},
    {DELIVERY_STALE, DE_ERROR, DELIVERY_SENT, NULL, not_delivered_send, "RFC 6665 4.2.2"},
    {DELIVERY_STALE, DE_UNSENT, DELIVERY_HELD, NULL, pause_briefly, "RFC 6665 4.2.2"},
    {DELIVERY_STALE, DE_AGAIN, DELIVERY_HELD, NULL, pause_as_told, "RFC 6665 4.2.2"},
};

const struct fsm event_delivery_fsm = {"notification",  state_names,     event_names,
                                       DELIVERY_STATES, DELIVERY_EVENTS, rows,
                                       ARRAY_LEN(rows)};

void delivery_step(struct notifier *n, enum delivery_event ev)
{
    (void)fsm_step(&event_delivery_fsm, &n->delivery, ev, n, NULL);
}
