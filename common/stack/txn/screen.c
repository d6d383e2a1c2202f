// SPDX-License-Identifier: Apache-2.0
#include "stack/txn/screen.h"

#include "base/log.h"
#include "base/log_limit.h"
#include "base/writer.h"
#include "stack/transport/answer.h"
#include "stack/transport/guard.h"
#include "stack/txn/shed.h"
#include "stack/txn/txn_priv.h"

enum { RETRY_AFTER_S = 5 };

static void refuse(struct txn_layer *l, struct flow *f, const struct sip_msg *m, const struct stack_refusal *r,
                   struct str reason, const struct sip_edits *extra)
{
    const struct addr *remote = &flow_get_info(f)->remote;
    char peer[ADDR_TEXT_MAX];
    l->count.strangers_refused++;
    if (sip_msg_method(m) == SIP_ACK)
        return;
    if (!r->status) {
        guard_log_drop(f, r->cause);
        return;
    }
    LOG_FROM(addr_source_key(remote), loop_now(l->loop) / 1000000,
             r->status >= 500 ? LOG_WARN : LOG_INFO, "request refused", r->cause,
             LF("call_id", sip_msg_call_id(m)), LF("method", sip_msg_method_name(m)),
             LF("source", addr_text(remote, peer)),
             LF("identity", sip_msg_from(m)->uri.text), LF_NUM("status", r->status),
             LF_Z("cause", r->cause), LF_Z("clause", r->clause));
    (void)flow_answer(f, m, r->status, reason, r->cause, extra);
}

static void refuse_user(struct txn_layer *l, struct flow *f, const struct sip_msg *m)
{
    struct stack_refusal r = {503, "more requests than one user may send", "RFC 3261 21.5.4"};
    struct arena *a = sip_msg_arena(m);
    struct sip_edits e;
    sip_edits_init(&e, a, NULL);
    sip_edit_append(&e, SIP_H_RETRY_AFTER, arena_printf(a, "%d", RETRY_AFTER_S));
    refuse(l, f, m, &r, STR_NONE, &e);
}

// A probe of this node: whoever asks may know that it lives, and what it is (RFC 3261 11.2).
static bool answers_probe(struct txn_layer *l, struct flow *f, const struct sip_msg *m)
{
    struct str reason = STR_NONE;
    struct sip_edits e;
    sip_edits_init(&e, sip_msg_arena(m), NULL);
    unsigned status = users_stateless(l, m, false, &reason, &e);
    if (status && l->draining) // somebody looks for a node that serves
        shed_refuse_leaving(l, f, m);
    else if (status)
        (void)flow_answer(f, m, status, reason, NULL, &e);
    return status != 0;
}

// What the user refuses comes first, as for anybody else (RFC 3261 16.3).
static bool passes_screen(struct txn_layer *l, struct flow *f, const struct sip_msg *m)
{
    struct stack_refusal r = {403, "request of a stranger", "RFC 3261 8.2.7"};
    struct str reason = STR_NONE;
    struct sip_edits extra;
    if (answers_probe(l, f, m))
        return false;
    if (!l->owner.screen || l->owner.screen(l->owner_arg, flow_get_info(f), m, &r))
        return true;
    sip_edits_init(&extra, sip_msg_arena(m), NULL);
    unsigned status = users_stateless(l, m, true, &reason, &extra);
    if (status)
        r = (struct stack_refusal){status, "request that no proxy forwards", "RFC 3261 16.3", NULL};
    refuse(l, f, m, &r, reason, r.extra ? r.extra : &extra);
    return false;
}

// Half of the transactions that there may be are out of strangers' reach: what they open here opens
// another one towards the core.
static bool has_room(struct txn_layer *l, struct flow *f)
{
    if (l->n_strangers < l->max_transactions / 4)
        return true;
    l->count.drop_open++;
    guard_log_drop(f, "as many requests of strangers as there may be");
    return false;
}

bool screen_request(struct txn_layer *l, struct flow *f, const struct sip_msg *m)
{
    switch (flow_standing(f)) {
    case STACK_TRUSTED:
        return true;
    case STACK_KNOWN:
        // An ACK cannot be refused, and without it the other side would only send more.
        if (sip_msg_method(m) == SIP_ACK || guard_user_pays(f))
            return true;
        refuse_user(l, f, m);
        return false;
    case STACK_VOUCHED:
        return passes_screen(l, f, m);
    case STACK_STRANGER:
        break;
    }
    return (!flow_is_ours(f) || guard_source_pays(f)) && passes_screen(l, f, m) && has_room(l, f);
}
