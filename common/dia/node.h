// SPDX-License-Identifier: Apache-2.0
// A Diameter node in the loop, on libfdproto's codec: it dials and accepts peers (RFC 6733 5.6 as a
// table), watches them (RFC 3539), routes requests by host, realm, priority and weight, and sends them
// elsewhere with the T flag when a peer is lost or silent. A request whose last peer is lost waits
// for it until its own time is over. Users see typed structs only (dia/cx.h and its likes); this header is
// for start-up code. Inside, the layers are link <- peer <- request (docs/architecture.md); node.c joins them. A node
// is not freed from inside one of its callbacks.
#pragma once

#include "dia/request/request.h"

struct dia_node;

// A 0 anywhere stands for the default in brackets.
struct dia_params {
    struct loop *loop;
    struct str origin_host, origin_realm, product;
    uint32_t vendor_id;              // of the product; 0
    const struct dia_interface *const *applications; // e.g. &dia_cx; a CER without a common one gets 5010
    size_t n_applications;
    uint32_t watchdog_ms;            // Tw, 0: 30000, at least 6000 on real networks
    uint32_t connect_ms;             // Tc, 0: 30000
    size_t max_pending;              // per peer; beyond it requests fail at once; 0: 10000
    size_t max_buffered;             // bytes per peer; 0: 4 MiB
    bool accept_unknown;             // false: only configured peers may connect
    struct dia_limits limits;        // (DIA_MESSAGE_MAX, DIA_AVPS_MAX, DIA_DEPTH_MAX)
    // Connections that have not said who they are: how many at once and of one source, how long, and
    // how long their CER may be. When there are too many the oldest goes.
    uint32_t max_strangers, max_strangers_per_source; // (64), (8)
    uint32_t cer_ms, cer_bytes;      // (5000), (4096)
    uint32_t retry_ms;               // without an answer after it a request goes to another peer, too (1500)
    uint32_t connect_wait_ms;        // how long a request waits for a peer that is being connected to (2000)
    void (*trace)(void *arg, const struct dia_trace *t); // may be NULL
    void (*peer_state)(void *arg, struct str host, bool open); // may be NULL
    void *arg;
};

int dia_node_new(const struct dia_params *p, struct dia_node **ret_node);
void dia_node_free(struct dia_node *n);
int dia_node_listen(struct dia_node *n, enum dia_transport t, const struct addr *local);

// ERR_BAD for a text of from that is neither address nor network.
int dia_peer_add(struct dia_node *n, const struct dia_peer_params *p);

// True when at least one peer that serves realm is open.
bool dia_ready(const struct dia_node *n, struct str realm);
// A request for this host would have a way: the host itself is open, or a relay towards it.
bool dia_reaches(const struct dia_node *n, struct str host, struct str realm);
// Relays are among the peers, or one has redirected: which host answers is not ours to choose.
bool dia_has_agents(const struct dia_node *n);
// DPR to all peers (cause REBOOTING), waits for the DPAs or one second, then calls done.
void dia_drain(struct dia_node *n, timer_cb done, void *arg);

// As dia_peers_list.
size_t dia_node_peers(const struct dia_node *n, size_t max, dia_peer_list_cb cb, void *arg, size_t *ret_all);
void dia_stats(const struct dia_node *n, dia_stat_cb cb, void *arg);
