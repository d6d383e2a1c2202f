// SPDX-License-Identifier: Apache-2.0
// SUBSCRIBE as it leaves (RFC 6665 4.1.2), and what its responses mean.
#include "base/err.h"
#include "stack/event/exchange.h"

enum { ATTEMPTS_MAX = 4 }; // of one SUBSCRIBE: challenges, 423

static void put_random(struct event *e, char *ret, size_t n)
{
    uint8_t bytes[SUBSCRIBER_CALL_ID / 2];
    struct writer w = writer_init(ret, n);
    loop_random(e->loop, bytes, n / 2);
    writer_hex(&w, bytes, n / 2);
}

int subscriber_new_dialog(struct subscriber *s)
{
    put_random(s->core, s->call_id, sizeof s->call_id);
    put_random(s->core, s->tag, sizeof s->tag);
    subscriber_set_dialog(s, NULL, 0);
    s->cseq = 0;
    s->attempts = 0;
    s->expires_at = s->began_at = 0;
    s->leaving = false;
    return subscriber_enter(s);
}

// ---- the request ----

static struct str event_value(const struct subscriber *s, struct arena *a)
{
    const struct subscriber_plan *p = s->plan;
    return ARENA_CAT(a, p->event, p->event_id.n ? STR(";id=") : STR(""), p->event_id, p->params);
}

static void add_headers(struct subscriber *s, uint32_t expires, struct str uri, struct sip_edits *h)
{
    const struct subscriber_plan *p = s->plan;
    struct arena *a = h->arena;
    sip_edit_append(h, SIP_H_CONTACT, p->contact);
    sip_edit_append(h, SIP_H_EVENT, event_value(s, a));
    sip_edit_append(h, SIP_H_EXPIRES, arena_printf(a, "%" PRIu32, expires));
    if (p->accept.n)
        sip_edit_append(h, SIP_H_ACCEPT, p->accept);
    if (p->ops->prepare)
        p->ops->prepare(p->arg, s->id, s->dialog != NULL, uri, h);
}

static void add_first(struct subscriber *s, struct sip_edits *h)
{
    const struct subscriber_plan *p = s->plan;
    struct arena *a = h->arena;
    sip_edit_append(h, SIP_H_FROM,
                    ARENA_CAT(a, p->from, STR(";tag="), str_make(s->tag, sizeof s->tag)));
    sip_edit_append(h, SIP_H_TO, p->to);
    sip_edit_append(h, SIP_H_CALL_ID, str_make(s->call_id, sizeof s->call_id));
    sip_edit_append(h, SIP_H_CSEQ, arena_printf(a, "%" PRIu32 " SUBSCRIBE", ++s->cseq));
}

static void on_subscribe(void *arg, ua_id id, unsigned status, const struct sip_msg *msg);

static int build(struct subscriber *s, uint32_t expires, struct sip_edits *h, struct str *ret_uri)
{
    *ret_uri = s->plan->uri;
    if (s->dialog) {
        int err = dialog_request(s->dialog, SIP_SUBSCRIBE, 0, h, ret_uri);
        if (err)
            return err;
    } else {
        add_first(s, h);
    }
    add_headers(s, expires, *ret_uri, h);
    return h->failed || h->arena->failed ? ERR_NOMEM : 0;
}

int subscriber_send(struct subscriber *s, uint32_t expires)
{
    char room[2048];
    struct arena a;
    struct sip_edits h;
    struct ua_request r = {.method = SIP_SUBSCRIBE,
                           .headers = &h,
                           .next_hop = s->plan->next_hop,
                           .flow = s->plan->flow,
                           .label = s->core->label,
                           .cb = on_subscribe,
                           .arg = s};
    if (s->request)
        ua_forget(s->core->uas, s->request);
    s->request = 0;
    arena_init(&a, room, sizeof room);
    sip_edits_init(&h, &a, NULL);
    int err = build(s, expires, &h, &r.uri);
    if (!err && s->dialog)
        r.next_hop = event_next_hop(s->dialog, r.uri);
    if (!err)
        err = ua_send(s->core->uas, &r, &s->request);
    arena_done(&a);
    if (err)
        s->core->count.starved++;
    return err;
}

// ---- its responses ----

// RFC 6665 4.1.2.1: what the notifier takes at least.
static bool took_longer(struct subscriber *s, const struct sip_msg *m)
{
    const struct sip_delta *least = sip_msg_at(m, SIP_H_MIN_EXPIRES, 0);
    if (!least || least->value <= s->expires || s->leaving || s->plan->one_shot)
        return false;
    s->expires = least->value;
    return true;
}

static bool asks_again(struct subscriber *s, unsigned status, const struct sip_msg *m)
{
    const struct subscriber_plan *p = s->plan;
    if (!m || ++s->attempts >= ATTEMPTS_MAX)
        return false;
    if (status == 423)
        return took_longer(s, m);
    return (status == 401 || status == 407) && p->ops->challenge &&
           p->ops->challenge(p->arg, s->id, m);
}

// What may pass: silence, no way there, trouble of a server, or the server says when.
static bool may_pass(unsigned status, const struct sip_msg *m)
{
    return status == 408 || status == 500 || status == 503 || status == 504 ||
           (event_retry_after(m) && status != 423);
}

static enum subscriber_event failure(const struct subscriber *s, unsigned status,
                                     const struct sip_msg *m)
{
    if (!s->dialog)
        return may_pass(status, m) ? SE_FAILED : SE_REFUSED;
    // RFC 6665 4.1.2.2, and a notifier that is not reached any more
    return event_ends_usage(status) || !m ? SE_GONE : SE_FAILED;
}

static void on_subscribe(void *arg, ua_id id, unsigned status, const struct sip_msg *msg)
{
    struct subscriber *s = arg;
    struct event *e = s->core;
    const struct subscriber_plan *p = s->plan;
    event_id own = s->id;
    if (status < 200)
        return;
    s->request = 0;
    if (msg && p->ops->answered)
        p->ops->answered(p->arg, own, msg);
    s = slots_find(&e->subscriber_ids, own);
    if (!s)
        return;
    bool again = status >= 300 && asks_again(s, status, msg);
    s = slots_find(&e->subscriber_ids, own);
    if (!s)
        return;
    enum subscriber_event ev = status < 300 ? SE_OK
                               : again      ? SE_CHANGED_ASK
                                            : failure(s, status, msg);
    subscriber_step(s, ev,
                    &(struct subscriber_input){
                        .msg = msg, .status = status, .retry_after = event_retry_after(msg)});
}
