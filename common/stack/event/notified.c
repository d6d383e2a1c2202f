// SPDX-License-Identifier: Apache-2.0
// NOTIFY as it comes in (RFC 6665 4.1.2.4): which subscription it belongs to, the dialog that the
// first one makes (4.4.1), what is wrong with it, and what it says.
#include "base/err.h"
#include "stack/event/actions.h"

// ---- whose it is ----

static bool is_open(const struct subscriber *s)
{
    return !s->dialog && (s->state == SUBSCRIBER_WAITING || s->state == SUBSCRIBER_ENDING);
}

// May another notifier of the same SUBSCRIBE be taken? Not once Timer N has gone off.
static bool takes_forks(const struct subscriber *s)
{
    return !s->fork && s->dialog && s->plan->n_forks < s->plan->forks && s->timer_n_is == ST_N &&
           (s->state == SUBSCRIBER_PENDING || s->state == SUBSCRIBER_ACTIVE);
}

// The subscription; *ret_fork: whose SUBSCRIBE it may come of beside that.
static struct subscriber *find(const struct event *e, const struct sip_msg *m,
                               struct subscriber **ret_fork)
{
    struct subscriber *open = NULL;
    size_t it = 0;
    uint64_t key = event_key(sip_msg_call_id(m), sip_msg_to_tag(m));
    for (struct subscriber *s; (s = map_find(&e->subscribers, key, &it));) {
        if (!str_eq(sip_msg_call_id(m), str_make(s->call_id, sizeof s->call_id)) ||
            !str_eq(sip_msg_to_tag(m), str_make(s->tag, sizeof s->tag)))
            continue;
        if (s->dialog && dialog_matches(s->dialog, m))
            return s;
        if (is_open(s))
            open = s;
        else if (takes_forks(s))
            *ret_fork = s;
    }
    return open;
}

bool subscriber_expects(const struct event *e, const struct sip_msg *m)
{
    struct subscriber *fork = NULL;
    return sip_msg_to_tag(m).p && (find(e, m, &fork) || fork);
}

static struct subscriber *make_fork(struct event *e, struct subscriber *of)
{
    struct subscriber *s;
    if (e->n_subscribers >= e->limits.own) {
        e->count.limit_own++;
        return NULL;
    }
    if (subscriber_new(e, of->plan, &s))
        return NULL;
    memcpy(s->call_id, of->call_id, sizeof s->call_id);
    memcpy(s->tag, of->tag, sizeof s->tag);
    s->fork = true;
    s->cseq = of->cseq;
    s->expires_at = of->expires_at;
    if (subscriber_enter(s)) {
        subscriber_drop(s);
        return NULL;
    }
    of->plan->n_forks++;
    subscriber_step(s, SE_FORKED, NULL);
    return s;
}

// ---- what is wrong with it ----

static void refuse(struct event *e, struct asking *p, unsigned status, const char *cause)
{
    e->count.stray += status == 481;
    asking_refuse(p, &(struct event_refusal){.status = status, .cause = cause}, STR_NONE);
}

// RFC 6665 8.2.1: compared byte by byte.
static bool is_about(const struct subscriber *s, const struct sip_token *event)
{
    return str_eq(event->token, s->plan->event) && str_eq(event_id_param(event), s->plan->event_id);
}

static int make_dialog(struct subscriber *s, const struct sip_msg *m)
{
    struct dialog *d;
    int err = dialog_new_uas(m, str_make(s->tag, sizeof s->tag), s->plan->contact, &d);
    if (err)
        return err;
    dialog_set_local_cseq(d, s->cseq);
    subscriber_set_dialog(s, d, event_dialog_bytes(m));
    return 0;
}

static unsigned enter_dialog(struct subscriber *s, const struct sip_msg *m, const char **ret_cause)
{
    if (event_dialog_bytes(m) > EVENT_DIALOG_MAX) {
        *ret_cause = "the dialog is larger than is kept";
        return 513;
    }
    int err = s->dialog ? dialog_on_request(s->dialog, m) : make_dialog(s, m);
    if (!err)
        s->remote_cseq = sip_msg_cseq(m)->number;
    *ret_cause = err == ERR_STATE ? "CSeq is out of order"
                 : err == ERR_BAD ? "Contact is missing or malformed"
                                  : err_text(err);
    return !err ? 0 : err == ERR_BAD ? 400 : 500;
}

static unsigned read_body(struct subscriber *s, const struct sip_msg *m, bool *ret_gap)
{
    const struct event_package *p = s->plan->package;
    int err = p && p->parse && sip_msg_body(m).n ? p->parse(s->plan->arg, s->id, m) : 0;
    *ret_gap = err == ERR_STATE;
    return !err || *ret_gap ? 0 : err == ERR_BAD ? 400 : err == ERR_UNSUPPORTED ? 415 : 500;
}

// ---- what it says ----

static enum event_state substate(const struct sip_token *t)
{
    return str_ieq(t->token, STR("terminated")) ? EVENT_STATE_TERMINATED
           : str_ieq(t->token, STR("active"))   ? EVENT_STATE_ACTIVE
                                                : EVENT_STATE_PENDING; // extensions too
}

static uint32_t seconds_param(const struct sip_token *t, struct str name, uint32_t most)
{
    uint64_t v = 0;
    int err = str_u64(sip_param_get(t->params, name, NULL), &v);
    if (err == ERR_TOOBIG || (!err && v > most))
        return most;
    return err ? 0 : (uint32_t)v;
}

// What was asked for, where nobody said anything.
static void take_expiry(struct subscriber *s, const struct sip_token *t)
{
    if (sip_param_get(t->params, STR("expires"), NULL).n)
        subscriber_set_expiry(s, seconds_param(t, STR("expires"), EVENT_EXPIRES_MAX_S));
    else if (!s->expires_at)
        subscriber_set_expiry(s, s->expires);
}

static void ask_whole(struct subscriber *s)
{
    uint64_t now = event_now(s->core);
    if (s->asked_whole && now - s->asked_whole < s->core->timers.whole_again)
        return;
    s->asked_whole = now;
    subscriber_step(s, SE_REFRESH, NULL);
}

static void act(struct subscriber *s, const struct sip_msg *m, const struct sip_token *t, bool gap)
{
    static const enum subscriber_event events[] = {[EVENT_STATE_PENDING] = SE_NOTIFY_PENDING,
                                                   [EVENT_STATE_ACTIVE] = SE_NOTIFY_ACTIVE,
                                                   [EVENT_STATE_TERMINATED] = SE_NOTIFY_LAST};
    struct event *e = s->core;
    event_id id = s->id;
    enum event_state now = substate(t);
    struct subscriber_input in = {
        .msg = m,
        .reason = event_reason_from(sip_param_get(t->params, STR("reason"), NULL)),
        .retry_after = seconds_param(t, STR("retry-after"), EVENT_AGAIN_MAX_S),
    };
    if (now != EVENT_STATE_TERMINATED)
        take_expiry(s, t);
    s->plan->ops->state(s->plan->arg, id, now, m);
    if ((s = slots_find(&e->subscriber_ids, id)))
        subscriber_step(s, events[now], &in);
    if (gap && (s = slots_find(&e->subscriber_ids, id)))
        ask_whole(s);
}

// A first NOTIFY that was refused has made no dialog: the next one does, and a notifier beside the
// first is not there at all.
static void forget_first(struct subscriber *s)
{
    subscriber_set_dialog(s, NULL, 0);
    if (s->fork)
        subscriber_drop(s);
}

// of: whose SUBSCRIBE has made this subscription, when it is one more. False: its owner does not
// want it.
static bool tell_fork(struct event *e, event_id id, event_id of)
{
    const struct subscriber *s = slots_find(&e->subscriber_ids, id);
    if (s && of && s->plan->ops->forked)
        s->plan->ops->forked(s->plan->arg, of, id);
    return slots_find(&e->subscriber_ids, id);
}

static void serve(struct subscriber *s, struct asking *p, const struct sip_token *t, event_id of)
{
    const struct sip_msg *m = p->msg;
    struct event *e = s->core;
    event_id id = s->id;
    const char *cause;
    bool gap = false, first = !s->dialog;
    unsigned status = enter_dialog(s, m, &cause);
    if (!status && (status = read_body(s, m, &gap)))
        cause = "the state cannot be read";
    if (status)
        refuse(e, p, status, cause);
    else
        asking_ok(p);
    if (!status && !tell_fork(e, id, of))
        return;
    s = slots_find(&e->subscriber_ids, id);
    if (s && !status)
        act(s, m, t, gap);
    else if (s && first)
        forget_first(s);
}

void subscriber_serve(struct event *e, struct asking *p)
{
    const struct sip_msg *m = p->msg;
    const struct sip_token *event = sip_msg_at(m, SIP_H_EVENT, 0);
    const struct sip_token *state = sip_msg_at(m, SIP_H_SUBSCRIPTION_STATE, 0);
    struct subscriber *of = NULL, *s = sip_msg_to_tag(m).p ? find(e, m, &of) : NULL;
    if (!s && !of) {
        refuse(e, p, 481, "there is no such subscription");
        return;
    }
    if (!event || !is_about(s ? s : of, event)) {
        refuse(e, p, 489, "not the event that was subscribed to");
        return;
    }
    if (!state) {
        refuse(e, p, 400, "Subscription-State");
        return;
    }
    if (s) {
        serve(s, p, state, 0);
        return;
    }
    s = make_fork(e, of);
    if (s)
        serve(s, p, state, of->id);
    else
        refuse(e, p, 481, "no further notifier is taken");
}
