// SPDX-License-Identifier: Apache-2.0
// A SUBSCRIBE that came in (RFC 6665 4.2.1): what is looked at before anything is kept for it, in
// this order, and what is refused how.
#include "base/err.h"
#include "stack/event/actions.h"

enum { HOUR = 3600 };

// What a SUBSCRIBE asks for.
struct ask {
    struct event *core;
    struct asking *request;
    const struct sip_msg *msg;
    const struct sip_token *event;
    const struct event_package *package;
    struct event_who who;
    struct notifier *leaves; // makes room for this one; NULL: there is room
    bool renews;             // it is of the same instance
    uint32_t granted;        // seconds
    uint8_t type;
    struct event_refusal refusal;
};

static bool refuse(struct ask *q, unsigned status, const char *cause)
{
    q->refusal.status = status;
    q->refusal.cause = cause;
    return false;
}

static bool refuse_with(struct ask *q, unsigned status, const char *cause, enum sip_hid id,
                        struct str v)
{
    struct arena *a = asking_arena(q->request);
    struct sip_edits *extra = ARENA_NEW(a, struct sip_edits);
    if (extra && v.n) {
        sip_edits_init(extra, a, NULL);
        sip_edit_append(extra, id, v);
        q->refusal.extra = extra;
    }
    return refuse(q, status, cause);
}

// ---- checks ----

// RFC 3261 8.2.2.3: no extension that a SUBSCRIBE could require is known here.
static bool check_require(struct ask *q)
{
    struct str wanted = sip_msg_raw(q->msg, SIP_H_REQUIRE);
    return !wanted.n || refuse_with(q, 420, "an extension is required that is not supported",
                                    SIP_H_UNSUPPORTED, wanted);
}

static bool check_event(struct ask *q)
{
    q->event = sip_msg_at(q->msg, SIP_H_EVENT, 0);
    q->package = q->event ? event_package_served(q->core, q->event->token) : NULL;
    if (q->package)
        return true;
    return refuse_with(q, 489, "nobody serves this event package", SIP_H_ALLOW_EVENTS,
                       event_allowed(q->core));
}

// RFC 6665 4.2.1.1: what is asked for may be shortened, never lengthened; only what is below an
// hour may be too brief.
static bool check_expires(struct ask *q)
{
    const struct event_package *p = q->package;
    int64_t asked = sip_msg_expires(q->msg);
    uint32_t least = p->min_s < HOUR ? p->min_s : HOUR;
    if (asked < 0)
        asked = p->default_s;
    if (asked > 0 && asked < least)
        return refuse_with(q, 423, "expiry is too brief", SIP_H_MIN_EXPIRES,
                           arena_printf(asking_arena(q->request), "%" PRIu32, least));
    q->granted = asked < p->max_s ? (uint32_t)asked : p->max_s;
    return true;
}

// "text/*" and "*/*" take what they say.
static bool range_has(struct str range, struct str type)
{
    if (str_eq(range, STR("*/*")) || str_ieq(range, type))
        return true;
    return str_ends(range, STR("/*")) && str_istarts(type, str_head(range, range.n - 1));
}

static bool is_refused(const struct sip_token *t)
{
    struct str q = sip_param_get(t->params, STR("q"), NULL);
    for (size_t i = 0; i < q.n; i++)
        if (q.p[i] != '0' && q.p[i] != '.')
            return false;
    return q.n > 0;
}

// RFC 6665 4.1.2.1: without Accept it is the package's default; the first of the package's that he
// takes.
static bool check_accept(struct ask *q)
{
    const struct event_package *p = q->package;
    if (!sip_msg_has(q->msg, SIP_H_ACCEPT))
        return true;
    size_t best = p->n_types;
    struct sip_iter it = sip_iter_init(q->msg, SIP_H_ACCEPT);
    for (const struct sip_token *t; (t = sip_iter_next(&it));)
        for (size_t i = 0; i < best && !is_refused(t); i++)
            if (range_has(t->token, p->types[i]))
                best = i;
    q->type = (uint8_t)best;
    return best < p->n_types || refuse_with(q, 406, "no media type of the package is accepted",
                                            SIP_H_ACCEPT, p->types[0]);
}

static bool read_ask(struct ask *q)
{
    return check_require(q) && check_event(q) && check_expires(q) && check_accept(q);
}

static void answer_refusal(struct ask *q)
{
    asking_refuse(q->request, &q->refusal, q->who.resource);
}

// ---- limits ----

static bool limit(struct ask *q, uint64_t *counter, unsigned status, const char *cause)
{
    ++*counter;
    q->refusal.retry_after = status == 500 ? q->core->timers.comes_back / 1000 : 0;
    return refuse(q, status, cause);
}

// Each makes room for one, so that those which wait for a verdict are never more than those which
// are there.
static bool may_leave(const struct notifier *n)
{
    return n->state != NOTIFIER_WAITING && !n->replaced;
}

// He has started anew, and nobody refreshes the old ones.
static struct notifier *find_oldest(const struct resource *r, const struct person *who)
{
    if (!r)
        return NULL;
    LIST_EACH(&r->subs, it) {
        struct notifier *n = LIST_ENTRY(it, struct notifier, of_resource);
        if (n->person == who && may_leave(n))
            return n;
    }
    return NULL;
}

// The subscription that the same instance of the subscriber had before.
static struct notifier *find_former(const struct resource *r, struct str instance)
{
    if (!r || !instance.n)
        return NULL;
    LIST_EACH(&r->subs, it) {
        struct notifier *n = LIST_ENTRY(it, struct notifier, of_resource);
        if (str_eq(notifier_instance(n), instance) && may_leave(n))
            return n;
    }
    return NULL;
}

static bool check_subscriber(struct ask *q, const struct resource *r)
{
    struct event *e = q->core;
    const struct person *who = q->who.unlimited ? NULL : person_find(e, q->who.subscriber);
    q->leaves = find_former(r, q->who.instance);
    q->renews = q->leaves != NULL;
    if (q->renews || !who || who->n < e->limits.per_subscriber)
        return true;
    q->leaves = find_oldest(r, who);
    return q->leaves ||
           limit(q, &e->count.limit_subscriber, 403, "too many subscriptions of this subscriber");
}

static bool check_limits(struct ask *q)
{
    struct event *e = q->core;
    const struct event_limits *l = &e->limits;
    const struct resource *r = resource_find(e, q->package, q->who.resource);
    if (!check_subscriber(q, r))
        return false;
    size_t leaves = q->leaves != NULL;
    if (e->n_notifiers >= l->total + leaves)
        return limit(q, &e->count.limit_total, 500, "too many subscriptions");
    if (r && r->n_subs >= l->per_resource + leaves)
        return limit(q, &e->count.limit_resource, 500, "too many subscriptions to this resource");
    if (e->notifier_bytes >= l->bytes)
        return limit(q, &e->count.limit_bytes, 500, "too much is kept for subscriptions");
    return true;
}

// ---- a new one ----

static bool identify(struct ask *q)
{
    const struct event_package *p = q->package;
    q->refusal.status = 404;
    if (!p->identify(p->arg, q->msg, &q->request->from, &q->who, &q->refusal))
        return false;
    q->refusal = (struct event_refusal){0};
    const struct sip_addr *from = sip_msg_from(q->msg);
    if (!q->who.subscriber.n && from)
        q->who.subscriber = from->uri.text;
    size_t kept = event_dialog_bytes(q->msg) + event_id_param(q->event).n + q->who.resource.n +
                  q->who.subscriber.n + q->who.instance.n;
    return kept <= EVENT_DIALOG_MAX || refuse(q, 513, "the dialog is larger than is kept");
}

static int fill(struct notifier *n, const struct ask *q)
{
    struct event *e = q->core;
    struct str tag = asking_to_tag(q->request);
    int err = dialog_new_uas(q->msg, tag, e->contact, &n->dialog);
    if (!err && !q->who.unlimited)
        err = person_add(e, q->who.subscriber, &n->person);
    n->fixed = (uint32_t)(event_dialog_bytes(q->msg) - event_target_bytes(q->msg));
    if (!err)
        err = notifier_set_texts(n, event_id_param(q->event), q->who.instance, STR_NONE);
    if (!err)
        err = notifier_enter(n);
    n->cseq = sip_msg_cseq(q->msg)->number;
    n->granted = q->granted;
    n->type = q->type;
    n->interval_ms = event_interval(q->package, q->event, &n->rated);
    return err;
}

static void give_way(const struct ask *q, struct notifier *by)
{
    if (!q->leaves)
        return;
    q->leaves->replaced = true;
    by->replaces = q->leaves->id;
    by->renews = q->renews;
}

static struct notifier *keep(struct ask *q)
{
    struct notifier *n = NULL;
    struct resource *r = resource_get(q->core, q->package, q->who.resource);
    int err = r ? notifier_new(q->core, r, &n) : ERR_NOMEM;
    if (r && !n)
        resource_release(q->core, r);
    if (!err)
        err = fill(n, q);
    if (!err) {
        give_way(q, n);
        return n;
    }
    if (n)
        notifier_drop(n);
    if (err == ERR_BAD)
        (void)refuse(q, 400, "Contact or Record-Route is missing or malformed");
    else
        (void)refuse(q, 500, err_text(err));
    return NULL;
}

static enum event_verdict ask_package(struct ask *q, event_id id, bool again)
{
    const struct event_package *p = q->package;
    struct event_asked a = {.id = id,
                            .msg = q->msg,
                            .from = &q->request->from,
                            .who = q->who,
                            .refresh = again,
                            .expires = q->granted};
    q->refusal = (struct event_refusal){0};
    enum event_verdict v = p->authorise ? p->authorise(p->arg, &a, &q->refusal) : EVENT_ALLOW;
    if (!q->refusal.status)
        q->refusal.status = 403;
    return v;
}

static void serve_new(struct ask *q)
{
    static const enum notifier_event events[] = {[EVENT_ALLOW] = NE_ALLOWED,
                                                 [EVENT_PENDING] = NE_PENDING,
                                                 [EVENT_WAIT] = NE_WAIT,
                                                 [EVENT_REFUSE] = NE_REFUSED};
    struct notifier *n = identify(q) && check_limits(q) ? keep(q) : NULL;
    if (!n) {
        answer_refusal(q);
        return;
    }
    enum event_verdict v = ask_package(q, n->id, false);
    struct notifier_input in = {.request = q->request, .refusal = q->refusal};
    notifier_step(n, events[v], &in);
}

// ---- one that is there ----

// RFC 6665 4.5.2: a dialog has one subscription, which its package and id name.
static bool is_same(const struct notifier *n, const struct ask *q)
{
    return q->package == n->resource->package &&
           str_eq(event_id_param(q->event), notifier_event_id(n));
}

static bool check_order(struct ask *q, struct notifier *n)
{
    if (!notifier_takes_target(n, q->msg))
        return refuse(q, 513, "the Contact is larger than is kept");
    int err = dialog_on_request(n->dialog, q->msg);
    notifier_weigh(n);
    if (!err)
        n->cseq = sip_msg_cseq(q->msg)->number;
    if (err == ERR_STATE)
        return refuse(q, 500, "CSeq is out of order");
    if (err == ERR_BAD)
        return refuse(q, 400, "Contact");
    return !err || refuse(q, 500, err_text(err));
}

static bool is_there(const struct notifier *n)
{
    return n && (n->state == NOTIFIER_PENDING || n->state == NOTIFIER_ACTIVE);
}

static void refuse_gone(struct ask *q)
{
    (void)refuse(q, 481, "there is no such subscription");
    answer_refusal(q);
}

// What is not heard of as accepted leaves the subscription as it was.
static void accept_again(struct ask *q, struct notifier *n)
{
    int err = asking_accept(q->request, n, q->granted);
    if (!q->granted) {
        notifier_step(n, NE_UNSUBSCRIBE, NULL);
        return;
    }
    if (err)
        return;
    n->granted = q->granted;
    n->interval_ms = event_interval(q->package, q->event, &n->rated);
    notifier_step(n, NE_REFRESH, NULL);
}

// The package says whether he may still; it may end the subscription meanwhile, and then nobody
// knows it.
static void refresh(struct ask *q, event_id id)
{
    bool refused = q->granted && ask_package(q, id, true) == EVENT_REFUSE;
    struct notifier *n = slots_find(&q->core->notifier_ids, id);
    if (!is_there(n)) {
        refuse_gone(q);
    } else if (refused) {
        answer_refusal(q);
        notifier_step(n, NE_END, &(struct notifier_input){.reason = EVENT_REJECTED});
    } else {
        accept_again(q, n);
    }
}

static void serve_again(struct ask *q, struct notifier *n)
{
    if (!is_there(n)) {
        refuse_gone(q);
        return;
    }
    struct resource *r = n->resource;
    q->who.resource = resource_name(r);
    r->pins++; // its name is needed to the end
    if (read_ask(q) && (is_same(n, q) || refuse(q, 481, "not the subscription of the dialog")) &&
        check_order(q, n))
        refresh(q, n->id);
    else
        answer_refusal(q);
    r->pins--;
    resource_release(q->core, r);
}

void notifier_serve(struct event *e, struct asking *p)
{
    struct ask q = {.core = e, .request = p, .msg = p->msg};
    if (sip_msg_to_tag(q.msg).p)
        serve_again(&q, notifier_find(e, q.msg));
    else if (read_ask(&q))
        serve_new(&q);
    else
        answer_refusal(&q);
}
