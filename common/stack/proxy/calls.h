// SPDX-License-Identifier: Apache-2.0
// Calls whose signalling passes this node: INVITE dialogs (RFC 3261 12), so that an operator sees how many there are,
// and a node that is to leave knows for whom it has to stay. A proxy needs no memory of a dialog to pass its requests;
// this is a count, and nothing else depends on it.
//
// A call's journey: the 2xx that makes the dialog is passed on, and the call is known, by a hash of Call-ID and tags.
// It goes with the answer of its BYE, whatever that is (RFC 3261 15.1.1), and with a 481 to what its parties send (RFC
// 3261 12.2.1.2). A BYE may be lost, or go another way: a call with a session timer (RFC 4028) is over when its
// interval ends without a refresh, any other one after its lifetime, which a re-INVITE begins anew. Who comes by twice,
// from one user of this node to another, is one call; a node that has started anew learns of its calls by their
// refreshes.
//
// A call is 16 bytes and its place in a table. Who is to end calls (TS 24.229 5.2.8, 5.4.5) needs more of each: it is
// what stands in struct call.
#pragma once

#include "io/loop.h"
#include "stack/transport/flow.h"

struct calls;
struct sip_msg;

struct calls_params {
    struct loop *loop;
    uint32_t max;        // that are counted; others pass all the same, and are counted as uncounted
    uint32_t lifetime_s; // of a call without a session timer
};

// ERR_NOMEM.
int calls_new(const struct calls_params *p, struct calls **ret_calls);
void calls_free(struct calls *c); // takes NULL
// A request has got its final response: resp, or none of the next hop (NULL), and then status is what that means. Of
// what is no INVITE, UPDATE or BYE nothing is looked at. c may be NULL: nobody counts, as of the next three.
void calls_answered(struct calls *c, const struct sip_msg *req, unsigned status, const struct sip_msg *resp);
size_t calls_count(const struct calls *c);
// none is called once, in a turn of its own, when there is no call; at once in that way when there is none now.
void calls_await_none(struct calls *c, timer_cb none, void *arg);
void calls_stats(const struct calls *c, stack_stat_cb cb, void *arg);
