// SPDX-License-Identifier: Apache-2.0
// The neighbours of one node under test on the simulated loop: SIP neighbours that are bare UDP
// sockets with a queue of what came, and the Diameter node of an HSS whose answers the test writes.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dia/cx.h"
#include "io/sim.h"
#include "sip/edit.h"
#include "sip/msg.h"
#include "stack/proxy/pipeline.h"
#include "stack/stack.h"

#define DOMAIN "ims.example"

enum { NEIGHBOURS_MAX = 8, NEIGHBOUR_QUEUE = 64 };

struct neighbour {
    struct udp *udp;
    struct sip_msg *queue[NEIGHBOUR_QUEUE], *last; // last: handed out, freed at the next call
    size_t head, tail;
};

struct neighbours {
    struct sim *sim;
    struct loop *loop;
    struct addr node; // the node under test
    size_t n;
    void (*taken)(int i, const struct sip_msg *m); // every message that is handed out; may be NULL
    struct neighbour v[NEIGHBOURS_MAX];
};

// "127.0.1.10:5060"; port 5060 when none is given.
struct addr at(const char *text);
// The deadline of the one request that waits for something is over, before its neighbour has given up itself.
void expire_wait(struct stack *s);
// Text into a buffer of n bytes, cut when it is longer.
void copy(char *to, size_t n, struct str s);

// A socket on each address; they send to node.
void neighbours_open(struct neighbours *a, struct sim *sim, const char *node,
                     const char *const where[], size_t n);
void neighbours_close(struct neighbours *a);
// Sends text, with LF for CRLF, to the node.
void neighbour_send(struct neighbours *a, int i, const char *text);
// The oldest message that has come, within 200 ms; NULL: none. Lives until the next call.
struct sip_msg *neighbour_take(struct neighbours *a, int i);
// The same, skipping 100 and ACK that was not asked for; fails the test when it is another.
struct sip_msg *neighbour_expect(struct neighbours *a, int i, unsigned status);
struct sip_msg *neighbour_expect_request(struct neighbours *a, int i, const char *method);
// Answers a request that came to this socket. headers: "Name: value" lines, each ended by a LF, or
// "".
void neighbour_answer(struct neighbours *a, int i, const struct sip_msg *request, unsigned status,
                      const char *headers);

// hss.DOMAIN on 127.0.1.40:3868, open to every peer, on a loop of its own.
void hss_start(struct sim *sim, const struct cx_server *ops, struct loop **ret_loop,
               struct dia_node **ret_node);
// Takes NULL nodes. crash: its connections vanish without a word.
void hss_end(struct sim *sim, struct loop *loop, struct dia_node **node, bool crash);
