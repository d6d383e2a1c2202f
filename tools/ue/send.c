// SPDX-License-Identifier: Apache-2.0
// Requests outside of calls that come and go: MESSAGE (RFC 3428). SUBSCRIBE has a life of its own
// (subscribe.c).
#include "tools/ue/ue_priv.h"

#include "base/err.h"

enum { SENDING_MAX = 16 };

struct sending {
    struct list link;
    struct phone *phone;
    ua_id id;
    enum sip_method method;
    uint32_t cseq;
    struct uac_attempts tries;
    struct arena mem;
    struct str target, text, call_id, tag;
};

static void on_response(void *arg, ua_id id, unsigned status, const struct sip_msg *m);

static void sending_free(struct sending *q)
{
    if (q->id && q->phone->hub->stack)
        ua_forget(stack_uas(q->phone->hub->stack), q->id);
    list_del(&q->link);
    arena_done(&q->mem);
    mem_free(q);
}

void phone_drop_sending(struct phone *ph)
{
    while (!list_empty(&ph->sending))
        sending_free(LIST_ENTRY(ph->sending.next, struct sending, link));
}

static int transmit(struct sending *q)
{
    struct request_draft d;
    struct phone *ph = q->phone;
    draft_init(&d);
    draft_common(&d, ph, q->target, q->call_id, q->tag, ++q->cseq, q->method);
    uac_auth_add(ph->proofs, &q->tries, &d.headers, sip_method_name(q->method), q->target);
    add_preferred_identity(ph, &d.headers);
    sip_edit_body(&d.headers, STR("text/plain"), q->text);
    struct ua_request r = {
        .method = q->method, .uri = q->target, .headers = &d.headers, .cb = on_response, .arg = q};
    int e = d.arena.failed ? ERR_NOMEM : ua_send(stack_uas(ph->hub->stack), &r, &q->id);
    draft_done(&d);
    return e;
}

static void on_response(void *arg, ua_id id, unsigned status, const struct sip_msg *m)
{
    struct sending *q = arg;
    struct phone *ph = q->phone;
    if (status < 200)
        return;
    q->id = 0;
    if (m && (status == 401 || status == 407) && uac_auth_take(ph->proofs, &q->tries, m) &&
        transmit(q) == 0)
        return;
    struct ue_failure f = failure_of(status, m);
    if (ph->ops->sent)
        ph->ops->sent(ph->arg, ph, &f);
    sending_free(q);
}

int phone_send(struct phone *ph, const struct ue_send_params *p)
{
    if (p->method == SIP_SUBSCRIBE)
        return phone_subscribe(ph, p);
    struct sending *q = list_holds(&ph->sending, SENDING_MAX) ? NULL : mem_zalloc(sizeof *q);
    if (!q)
        return ERR_NOMEM;
    struct arena *a = &q->mem;
    arena_init(a, NULL, 0);
    q->phone = ph;
    q->method = p->method;
    q->target = arena_dup(a, p->target);
    q->text = arena_dup(a, p->text);
    q->call_id = ARENA_CAT(a, ua_random_text(ph->hub->loop, a, 12), STR("@"), ph->hub->local_ip);
    q->tag = ua_random_text(ph->hub->loop, a, 6);
    list_add(&ph->sending, &q->link);
    int e = a->failed ? ERR_NOMEM : transmit(q);
    if (e)
        sending_free(q);
    return e;
}

// ---- what comes ----

void phone_on_text(struct phone *ph, struct pxy *p)
{
    const struct sip_msg *m = pxy_request(p);
    bool notify = sip_msg_method(m) == SIP_NOTIFY;
    if (notify && sip_msg_to_tag(m).p) { // RFC 6665 4.1.3
        (void)phone_reply(ph, p, 481, NULL);
        return;
    }
    (void)phone_reply(ph, p, 200, NULL);
    phone_tell_text(ph, m);
}
