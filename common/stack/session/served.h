// SPDX-License-Identifier: Apache-2.0
// A request that came in, as server.c and served.c share it: from its transaction to the end of the
// turn in which it has its final response; an INVITE that was accepted until its ACK. A new INVITE
// is known longer, for its copies.
#pragma once

#include "stack/session/exchange.h"
#include "stack/txn/txn.h"

// TAG_MAX: the tag of the node's responses, and what tells the branches of one INVITE apart.
enum { TAG_MAX = TXN_TAG_LEN + 9 };

enum served_state { SV_OPEN, SV_ACCEPTED, SV_LEAVING, SV_PAST, SV_STATES };
enum served_event {
    VE_ACCEPT, // 2xx to an INVITE
    VE_AGAIN,
    VE_ACK,
    VE_NO_ACK,
    VE_LEAVE,
    VE_GONE, // without an answer of ours, or an ACK
    VE_KEEP,
    VE_EVENTS
};
enum served_timer { VT_NONE, VT_AGAIN, VT_NO_ACK, VT_TIMERS };
extern const struct machine_kind served_machine;

struct served {
    struct list link;  // of the layer's serving, leaving, or past
    struct list mates; // of its session
    struct session_layer *layer;
    server_id id;
    txn_id txn; // 0: gone
    struct sip_msg *msg;
    struct session *session; // NULL: none, or it has gone
    uint64_t key;            // in by_invite; 0: not there
    char tag[TAG_MAX];       // of our responses to a new INVITE; empty: the node's
    size_t tag_n;
    bool invite, first;
    struct machine life; // enum served_state
    struct str ok;       // 2xx to an INVITE, heap: to be sent again
    struct arena mem;
    char room[1024];
};

struct served *served_new(struct session_layer *l, txn_id txn, struct sip_msg *m);
void served_free(struct served *v);
// Nobody wants anything of it any more: it goes at the end of the turn, for who has answered may
// still look at it.
void served_leave(struct served *v);
// The same, and the session is told that it had no answer of ours, or no ACK.
void served_gone(struct served *v);
struct served *served_find(struct session_layer *l, server_id id);
void served_layer_init(struct session_layer *l);
void served_layer_done(struct session_layer *l);
