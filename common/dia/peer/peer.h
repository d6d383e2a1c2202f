// SPDX-License-Identifier: Apache-2.0
// The peers of a Diameter node: who they are, from where they may connect, and when they can be asked. A
// connection's journey: one that came says who it is (admit.c: a peer of ours, from an address of his, with an
// application in common), one of ours is made when the peer's machine wants it (machine.c, RFC 6733 5.6); the machine
// keeps one of the two, and the watchdog (watchdog.c, RFC 3539) says whether the peer may be asked. What an
// application has to say goes through to the one user of the layer, which hears of each peer's state by
// dia_peer_user_ops and has a room of his own in each. The layer uses dia/link and knows no requests.
#pragma once

#include "dia/link/link.h"

struct dia_peer;
struct dia_peer_layer;

struct dia_peer_params {
    struct str host;         // its Origin-Host
    struct str realm;        // realm reached through it; empty: the node's own
    struct addr remote;      // port 0: we only accept from it
    // Where it may connect from: the IP of remote and these, as "192.0.2.7" or "2001:db8::/32". Without
    // any of them, what its host resolves to.
    const struct str *from;
    size_t n_from;
    struct addr local;       // port 0 and any: chosen by the system
    enum dia_transport transport;
    uint16_t priority, weight; // lower priority first, load by weight within it
    bool relay;              // may carry requests for any host of the realm, or any realm ("*")
};

// "192.0.2.7", "2001:db8::/32"; ERR_BAD.
struct dia_net {
    struct addr ip;
    unsigned bits;
};
int dia_net_parse(struct str text, struct dia_net *ret_net);
bool dia_net_has(const struct dia_net *n, const struct addr *a);

enum { DIA_MAX_APPS = 32 }; // of a peer that are noted

struct dia_apps {
    bool relay;
    uint32_t id[DIA_MAX_APPS];
    size_t n;
};

// What is known of a peer.
struct dia_peer_info {
    uint32_t id;           // of no other one, also when it is gone
    struct str host, realm; // heap
    uint16_t priority;
    int weight;
    bool relay, dynamic;   // dynamic: taken by accept_unknown
    struct dia_apps apps;  // when it was last open
};

// The layer above: one.
struct dia_peer_user_ops {
    void (*added)(void *arg, struct dia_peer *p);
    void (*removed)(void *arg, struct dia_peer *p);
    // p may be asked from now on.
    void (*usable)(void *arg, struct dia_peer *p);
    // p does not answer, and may yet (RFC 6733 5.5.4).
    void (*suspect)(void *arg, struct dia_peer *p);
    // What p was asked gets no answer any more. closed: and there is no connection.
    void (*left)(void *arg, struct dia_peer *p, bool closed);
    // A peer is gone or could not be had: what waits for one may hope for fewer.
    void (*fewer)(void *arg);
    // As in dia_link_user_ops.
    void (*request)(void *arg, struct dia_peer *p, struct dia_conn *c, const struct dia_frame *f);
    void (*answer)(void *arg, struct dia_peer *p, struct dia_conn *c, const struct dia_frame *f);
    void (*broken)(void *arg, struct dia_peer *p, const struct dia_frame *f);
    size_t room; // bytes of each peer for the user, zero at first
};

struct dia_peers_params {
    struct dia_link_layer *link; // the layer becomes its user
    uint32_t watchdog_ms, connect_ms;
    bool accept_unknown;
    void (*state)(void *arg, struct str host, bool open); // for the node's owner; may be NULL
    void *state_arg;
};

int dia_peers_new(const struct dia_peers_params *p, struct dia_peer_layer **ret_peers);
// Before a peer is added.
void dia_peers_set_user(struct dia_peer_layer *l, const struct dia_peer_user_ops *ops, void *arg);
// Closes every connection and forgets the peers; the link is freed after it.
void dia_peers_free(struct dia_peer_layer *l); // takes NULL
// DPR to all (cause REBOOTING), waits for the DPAs or one second, then calls done. None is usable from now on.
void dia_peers_drain(struct dia_peer_layer *l, timer_cb done, void *arg);
// What a peer counted is added to the link's own counts when it is gone.

// ERR_BAD for a text of from that is neither address nor network; ERR_EXISTS, ERR_UNSUPPORTED, ERR_INVAL, ERR_NOMEM.
int dia_peers_add(struct dia_peer_layer *l, const struct dia_peer_params *p);

// ---- for people ----

struct dia_peer_line {
    struct str host;
    const char *state, *watchdog;             // names of RFC 6733 5.6 and RFC 3539 3.4.1
    const char *timer, *watchdog_timer;       // that run; NULL: none
    uint64_t timer_ms, watchdog_ms;           // until they run out
    uint64_t open_ms;                         // since when it is open, 0: it is not
    struct addr at;                           // family 0: no connection is open, and none is made to it by us
    bool usable;
};
typedef void (*dia_peer_list_cb)(void *arg, const struct dia_peer_line *line);
// Calls cb for at most max peers in the order in which they were added; returns how many. ret_all: there are.
size_t dia_peers_list(const struct dia_peer_layer *l, size_t max, dia_peer_list_cb cb, void *arg, size_t *ret_all);

// ---- one peer ----

const struct dia_peer_info *dia_peer_info(const struct dia_peer *p);
struct dia_counts *dia_peer_counts(struct dia_peer *p);
void *dia_peer_room(const struct dia_peer *p);
struct dia_conn *dia_peer_conn(const struct dia_peer *p); // the open connection, or NULL
bool dia_peer_is_usable(const struct dia_peer *p);
// There is something to send (RFC 6733 5.4): connects soon, if that is for us to do and it is not open.
void dia_peer_wake(struct dia_peer *p);
// It may be open in a moment: it is being connected to, or was lost only just now.
bool dia_peer_is_coming(const struct dia_peer *p);
