// SPDX-License-Identifier: Apache-2.0
// What the wiring (event.c) binds: the machines, and who serves which request. Below it nobody
// includes this.
#pragma once

#include "stack/event/exchange.h"

// ---- notifier_states.c, delivery.c, subscriber_states.c ----
extern const struct fsm event_notifier_fsm, event_delivery_fsm, event_subscriber_fsm;

// ---- accept.c: SUBSCRIBE ----
void notifier_serve(struct event *e, struct asking *p);

// ---- notified.c: NOTIFY ----
void subscriber_serve(struct event *e, struct asking *p);
// Is this NOTIFY of a subscription, or may it be of one that was asked for?
bool subscriber_expects(const struct event *e, const struct sip_msg *m);
