// SPDX-License-Identifier: Apache-2.0
// What goes over the wire in the event core: answers to what came in, NOTIFY, SUBSCRIBE. What comes
// of these is an event for a machine. Nothing here knows when they are sent.
#pragma once

#include "stack/event/event_priv.h"

// ---- answer.c: the one place that knows server transactions ----
// A request that came in, while it is looked at.
struct asking {
    struct event *core;
    txn_id txn;
    flow_id flow;
    struct flow_info from;
    struct sip_msg *msg;
    char tag[TXN_TAG_LEN];
};
struct arena *asking_arena(struct asking *a);
struct str asking_to_tag(struct asking *a); // of its responses
void asking_refuse(struct asking *a, const struct event_refusal *r, struct str identity);
// 200 to a SUBSCRIBE of n. An error: it was answered otherwise, or nobody waits for the answer.
int asking_accept(struct asking *a, const struct notifier *n, uint32_t granted);
void asking_ok(struct asking *a); // 200 to a NOTIFY
int asking_hold(const struct asking *a, struct held **ret_held);
void asking_resume(struct event *e, const struct held *h, struct asking *ret_a);

// ---- notify.c: NOTIFY ----
// Tells the newest state. 0; ERR_CLOSED: the package has ended n meanwhile, it is gone. Otherwise
// *ret_fatal says whether it would fail again.
int notifier_notify(struct notifier *n, bool *ret_fatal);
// The final NOTIFY, whose answer nobody waits for. What the package does meanwhile does not end n
// a second time: no row says so.
void notifier_notify_last(struct notifier *n);
// Has the package write the state for it now, while it is there: who ends a subscription may forget
// what it was about.
void notifier_keep_last(struct notifier *n);

// ---- subscribe.c: SUBSCRIBE ----
// A dialog to be: new Call-ID and tag. ERR_NOMEM.
int subscriber_new_dialog(struct subscriber *s);
// In the dialog if there is one.
int subscriber_send(struct subscriber *s, uint32_t expires);
