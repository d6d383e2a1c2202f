// SPDX-License-Identifier: Apache-2.0
// What the files of the peer layer share: the two machines and what belongs to a peer.
#pragma once

#include "base/fsm.h"
#include "base/list.h"
#include "dia/base.h"
#include "dia/peer/peer.h"

// ---- machines ----

enum peer_state {
    PEER_CLOSED, PEER_WAIT_CONN_ACK, PEER_WAIT_I_CEA, PEER_WAIT_CONN_ACK_ELECT, PEER_WAIT_RETURNS,
    PEER_R_OPEN, PEER_I_OPEN, PEER_CLOSING, PEER_STATES
};
enum peer_event {
    PEER_START, PEER_R_CONN_CER, PEER_I_CONN_ACK, PEER_I_CONN_NACK, PEER_TIMEOUT, PEER_I_CEA,
    PEER_I_NON_CEA, PEER_I_DISC, PEER_R_DISC, PEER_WIN_ELECTION, PEER_STOP, PEER_I_DPR, PEER_R_DPR,
    PEER_I_DPA, PEER_R_DPA, PEER_SECOND, PEER_WANTED, PEER_EVENTS
};
// Each of the last three ends a wait for the next attempt to connect.
enum peer_timer { PT_NONE, PT_CEX, PT_CLOSING, PT_SECOND, PT_AGAIN, PT_LATER, PT_WANTED, PEER_TIMERS };
extern const struct fsm dia_peer_fsm;

enum wd_state { WD_INITIAL, WD_OKAY, WD_SUSPECT, WD_DOWN, WD_REOPEN, WD_STATES };
enum wd_event { WD_UP, WD_DWA, WD_OTHER, WD_TIMER, WD_LOST, WD_STOPPED, WD_EVENTS };
enum wd_timer { WT_NONE, WT_TW, WD_TIMERS };
extern const struct fsm dia_watchdog_fsm;

enum {
    DIA_CEX_MS = 10000,     // connecting and exchanging capabilities, each
    DIA_SECOND_MS = 1000,   // an open peer's time to answer when another connection comes in its name
    DIA_ATTEMPT_MS = 250,   // between attempts to connect because there is something to send
    DIA_HOLD_MS = 1500,     // before the first of them, after a DPR that asked for none
    DIA_FRESH_MS = 10000,   // a peer that was lost within that time may be back in a moment
    DIA_CLOSING_MS = 1000,  // waiting for a DPA, or for the peer to disconnect after ours
    DIA_AGAIN_MS = 20,      // the longest wait before a connection that has lived is made again
    DIA_LIVED_MS = 1000,    // how long that is
    DIA_RETRY_MS = 500,     // the next wait; doubles up to Tc
    DIA_MAX_DYNAMIC = 1024, // peers taken by accept_unknown
};

enum { DIA_UNKNOWN_PEER = 3010, DIA_NO_COMMON_APPLICATION = 5010 };

// ---- structs ----

// What a connection has of this layer, in its room.
struct dia_caller {
    struct dia_peer *peer;     // NULL until the CER names it
    struct dia_apps apps;      // of its CER or CEA
    uint32_t state_id;         // Origin-State-Id of it
    struct {                   // the names of the peer are asked for, because no address is configured
        uint32_t peer;         // its id, 0: not asked
        uint64_t query[2];     // A and AAAA, 0: answered
        bool fits;
        struct dia_peer_layer *layer;
    } lookup;
    char expected[ADDR_TEXT_MAX]; // an address that its peer has, for the log of a refusal
};

struct dia_watchdog {
    uint8_t state;
    bool pending;           // a DWR waits for its DWA
    bool quick;             // DWRs follow one another in REOPEN, see watchdog.c
    int n_dwa;
    struct timer timer;
    uint64_t due_ms;        // when it runs out
};

struct dia_peer {
    struct list link;
    struct dia_peer_layer *layer;
    struct dia_peer_info info;
    struct addr remote, local;
    struct dia_net *from;   // heap
    size_t n_from;
    bool dead;
    uint8_t state;
    struct timer timer;     // of the machine, all but PT_SECOND
    uint8_t runs;           // which of them; PT_NONE: none
    struct dia_conn *i, *r;
    struct dia_conn *second; // came in the name of the open peer, which is asked whether it lives
    struct timer second_timer;
    uint64_t second_due_ms;
    uint32_t state_id, retry_ms, cause;
    uint64_t opened_ms;      // when it was last open
    uint64_t due_ms;         // when the timer fires
    uint64_t goodbye_ms;     // when its last DPR came
    uint64_t lost_ms;        // when it was last lost, or added
    uint64_t attempt_ms;     // not earlier an attempt because there is something to send
    bool told_open;
    int told_err;            // why there is no connection, as the log has it; 0: nothing since it was open
    struct dia_watchdog wd;
    struct dia_counts counts;
    _Alignas(max_align_t) char room[];
};

struct dia_peer_layer {
    struct dia_link_layer *link;
    struct loop *loop;            // the link's
    const struct dia_self *self;  // the link's
    const struct dia_peer_user_ops *user;
    void *user_arg;
    uint32_t watchdog_ms, connect_ms;
    bool accept_unknown, draining;
    void (*state)(void *arg, struct str host, bool open);
    void *state_arg;
    struct list peers;
    size_t n_dynamic;
    uint32_t next_peer;
    struct deferred bury;         // dynamic peers that are dead
    struct timer drain_timer;
    struct deferred drained;
    timer_cb drain_done;
    void *drain_arg;
};

static inline uint64_t dia_peers_ms(const struct dia_peer_layer *l)
{
    return loop_now(l->loop) / 1000000;
}

static inline struct dia_caller *dia_caller(const struct dia_conn *c)
{
    return dia_conn_room(c);
}

// ---- caps.c ----
void dia_apps_note(struct dia_apps *a, const struct dia_caps *caps);
bool dia_apps_common(const struct dia_self *self, const struct dia_apps *a);

// ---- peer.c ----
struct dia_peer *dia_peer_find(struct dia_peer_layer *l, struct str host);
void dia_peer_free(struct dia_peer *p);
void dia_peer_drop(struct dia_conn **c); // closes it, and leaves NULL
void dia_peer_told(struct dia_peer *p);  // tells the user and the owner when usability changed

// ---- reconnect.c ----
bool dia_peer_dials(const struct dia_peer *p); // it is for us to connect
bool dia_peer_lived(const struct dia_peer *p); // it is open, and has been for a while
bool dia_peer_flaps(const struct dia_peer *p); // it is lost again and again before it has been
uint32_t dia_peer_first_ms(const struct dia_peer_layer *l); // the first wait
// It was lost; lived: and had been there for a while. How long until it is connected to again by itself, and from when
// on because there is something to send.
uint64_t dia_peer_again_ms(struct dia_peer *p, bool lived);
void dia_peer_note_lost(struct dia_peer *p, bool lived);
uint64_t dia_peer_wanted_ms(const struct dia_peer *p);

// ---- watchdog.c ----
void dia_watchdog_event(struct dia_peer *p, unsigned event);

// ---- machine.c ----
void dia_peer_timer(void *peer); // runs out
void dia_peer_event(struct dia_peer *p, unsigned event, struct dia_conn *c);
void dia_peer_alive(struct dia_peer *p);         // the open connection answered a watchdog
void dia_peer_forget_second(struct dia_peer *p); // which closes

// ---- table.c ----
struct dia_peer *dia_peer_new(struct dia_peer_layer *l, struct str host, struct str realm);
struct dia_peer *dia_peer_dynamic(struct dia_peer_layer *l, struct str host, struct str realm); // for accept_unknown

// ---- admit.c ----
// The CER on c says it is host: admitted at once or when its names are resolved, or refused.
void dia_admit(struct dia_peer_layer *l, struct dia_conn *c, const struct dia_caps *caps);
void dia_admit_cancel(struct dia_conn *c);
