// SPDX-License-Identifier: Apache-2.0
// How a request that came in is answered: now, or later. Nothing else in the core knows server
// transactions.
#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "stack/event/exchange.h"
#include "stack/transport/answer.h"

struct arena *asking_arena(struct asking *a)
{
    return sip_msg_arena(a->msg);
}

struct str asking_to_tag(struct asking *a)
{
    return txn_to_tag(a->core->txns, a->msg, a->tag);
}

// ---- answers ----

// Without memory for what was wanted a bare 500 is better than silence.
static int answer(struct asking *a, unsigned status, struct str reason,
                  const struct sip_edits *extra)
{
    struct txn_layer *l = a->core->txns;
    struct txn_answer w = {.status = status, .reason = reason, .extra = extra};
    int err = txn_server_answer(l, a->txn, a->msg, &w);
    if (!err || err == ERR_NOTFOUND || err == ERR_STATE)
        return err;
    w = (struct txn_answer){.status = 500};
    if (txn_server_answer(l, a->txn, a->msg, &w))
        txn_server_drop(l, a->txn);
    return err;
}

static void log_refusal(struct asking *a, const struct event_refusal *r, struct str identity)
{
    struct transport *t = txn_transport(a->core->txns);
    LOG_FROM(transport_log_source(t, a->flow, &a->from.remote, identity), event_now(a->core),
             r->status >= 500 ? LOG_WARN : LOG_INFO, "request refused", r->cause,
             LF("call_id", sip_msg_call_id(a->msg)), LF("method", sip_msg_method_name(a->msg)),
             LF("identity", identity), LF_NUM("status", r->status), LF_Z("cause", r->cause));
}

// 399 with the cause (RFC 3261 20.43), as far as it may be told to who asked. Causes are our own
// words, without quotes.
static void add_warning(struct asking *a, struct sip_edits *extra, const char *cause)
{
    char host[ADDR_TEXT_MAX];
    struct str text = answer_warning_text(txn_transport(a->core->txns), &a->from, str_from(cause));
    if (!text.n)
        return;
    struct str who = addr_host_text(&a->from.local, host);
    sip_edit_append(
        extra, SIP_H_WARNING,
        arena_printf(asking_arena(a), "399 %.*s \"%.*s\"", STR_ARG(who), STR_ARG(text)));
}

void asking_refuse(struct asking *a, const struct event_refusal *r, struct str identity)
{
    struct arena *m = asking_arena(a);
    struct sip_edits extra;
    struct str reason = STR_NONE;
    a->core->count.refused += sip_msg_method(a->msg) == SIP_SUBSCRIBE;
    log_refusal(a, r, identity);
    if (r->extra)
        sip_edits_copy(&extra, m, r->extra);
    else
        sip_edits_init(&extra, m, NULL);
    if (r->retry_after)
        sip_edit_append(&extra, SIP_H_RETRY_AFTER, arena_printf(m, "%" PRIu32, r->retry_after));
    if (r->cause)
        add_warning(a, &extra, r->cause);
    if (r->status == 400 && r->cause) // RFC 3261 21.4.1: the phrase says what is wrong
        reason = arena_printf(m, "Bad Request: %s", r->cause);
    (void)answer(a, r->status, reason, &extra);
}

// RFC 6665 4.2.1.1: 200, never 202; the expiry that was granted; a Contact, since it makes a
// dialog.
int asking_accept(struct asking *a, const struct notifier *n, uint32_t granted)
{
    struct event *e = a->core;
    const struct event_package *p = n->resource->package;
    struct arena *m = asking_arena(a);
    struct sip_edits extra;
    sip_edits_init(&extra, m, NULL);
    sip_edit_append(&extra, SIP_H_EXPIRES, arena_printf(m, "%" PRIu32, granted));
    sip_edit_append(&extra, SIP_H_CONTACT, e->contact);
    if (e->allowed.n)
        sip_edit_append(&extra, SIP_H_ALLOW_EVENTS, e->allowed);
    if (p->decorate)
        p->decorate(p->arg, n->id, SIP_SUBSCRIBE, &extra);
    return answer(a, 200, STR_NONE, &extra);
}

void asking_ok(struct asking *a)
{
    (void)answer(a, 200, STR_NONE, NULL);
}

// ---- one that is answered later ----

int asking_hold(const struct asking *a, struct held **ret_held)
{
    struct held *h = mem_zalloc(sizeof *h);
    if (!h)
        return ERR_NOMEM;
    h->txn = a->txn;
    h->flow = a->flow;
    h->msg = sip_msg_ref(a->msg);
    *ret_held = h;
    return 0;
}

void asking_resume(struct event *e, const struct held *h, struct asking *ret_a)
{
    *ret_a = (struct asking){.core = e, .txn = h->txn, .flow = h->flow, .msg = h->msg};
    (void)txn_flow_info(e->txns, h->flow, &ret_a->from);
}
