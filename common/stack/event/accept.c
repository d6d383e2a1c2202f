// SPDX-License-Identifier: Apache-2.0
// A SUBSCRIBE that came in (RFC 6665 4.2.1): what is looked at before anything is kept for it, in
// this order, and what is refused how.
#include "base/err.h"
#include "stack/event/event_priv.h"

enum { HOUR = 3600, FULL_RETRY_S = 60 };

// What a SUBSCRIBE asks for.
struct ask {
    struct event *core;
    struct asking *request;
    const struct sip_msg *msg;
    const struct sip_token *event;
    const struct event_package *package;
    struct event_who who;
    struct notifier *oldest; // makes room for this one; NULL: there is room
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
    q->package = q->event ? event_package_find(q->core, q->event->token) : NULL;
    if (q->package && q->package->identify && q->package->full)
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
    q->refusal.retry_after = status == 500 ? FULL_RETRY_S : 0;
    return refuse(q, status, cause);
}

// The oldest subscription of the same subscriber to the same resource will make room: he has
// started anew, and nobody refreshes the old ones. Each does so for one, so that those which wait
// for a verdict are never more than those which are there.
static struct notifier *find_oldest(struct resource *r, const struct person *who)
{
    if (!r)
        return NULL;
    LIST_EACH(&r->subs, it) {
        struct notifier *n = LIST_ENTRY(it, struct notifier, of_resource);
        if (n->person == who && n->state != NOTIFIER_WAITING && !n->replaced)
            return n;
    }
    return NULL;
}

static bool check_limits(struct ask *q)
{
    struct event *e = q->core;
    const struct event_limits *l = &e->limits;
    struct resource *r = resource_find(e, q->package, q->who.resource);
    if (!q->who.unlimited) {
        const struct person *who = person_find(e, person_key(q->who.subscriber));
        if (who && who->n >= l->per_subscriber && !(q->oldest = find_oldest(r, who)))
            return limit(q, &e->count.limit_subscriber, 403,
                         "too many subscriptions of this subscriber");
    }
    size_t leaves = q->oldest != NULL;
    if (e->n_notifiers >= l->total + leaves)
        return limit(q, &e->count.limit_total, 500, "too many subscriptions");
    if (r && r->n_subs >= l->per_resource + leaves)
        return limit(q, &e->count.limit_resource, 500, "too many subscriptions to this resource");
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
    return true;
}

static int fill(struct notifier *n, const struct ask *q)
{
    struct event *e = q->core;
    struct str tag = asking_to_tag(q->request), id = event_id_param(q->event);
    int err = dialog_new_uas(q->msg, tag, e->contact, &n->dialog);
    if (!err && id.n && !(n->event_id = str_cdup(id)))
        err = ERR_NOMEM;
    if (!err && !q->who.unlimited)
        err = person_add(e, person_key(q->who.subscriber), &n->person);
    uint64_t key = event_key(sip_msg_call_id(q->msg), tag);
    if (!err)
        err = map_add(&e->notifiers, key, n);
    if (!err)
        n->key = key;
    n->granted = q->granted;
    n->type = q->type;
    n->interval_ms = event_interval(q->package, q->event, &n->rated);
    return err;
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
    if (!err && q->oldest)
        notifier_give_way(q->oldest, n);
    if (!err)
        return n;
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
           str_eq(event_id_param(q->event), n->event_id ? str_from(n->event_id) : STR_NONE);
}

static bool check_order(struct ask *q, struct notifier *n)
{
    int err = dialog_on_request(n->dialog, q->msg);
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

// The package says whether he may still; it may end the subscription meanwhile, and then nobody
// knows it.
static void refresh(struct ask *q, event_id id)
{
    struct notifier_input in = {
        .request = q->request, .granted = q->granted, .reason = EVENT_REJECTED};
    bool refused = q->granted && ask_package(q, id, true) == EVENT_REFUSE;
    struct notifier *n = slots_find(&q->core->notifier_ids, id);
    if (!is_there(n)) {
        refuse_gone(q);
        return;
    }
    if (refused) {
        answer_refusal(q);
        notifier_step(n, NE_END, &in);
        return;
    }
    n->interval_ms = event_interval(q->package, q->event, &n->rated);
    notifier_step(n, q->granted ? NE_REFRESH : NE_UNSUBSCRIBE, &in);
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
