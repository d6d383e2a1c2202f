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
#include "tests/common/place.h"

#define DOMAIN "ims.example"

// The deadline of the one request that waits for something is over, before its neighbour has given up itself.
void expire_wait(struct stack *s);
// Text into a buffer of n bytes, cut when it is longer.
void copy(char *to, size_t n, struct str s);

// A socket on each address; they send to node. taken (may be NULL) sees every message that world_take hands out.
void neighbours_open(struct sim *sim, const char *node, const char *const where[], size_t n,
                     void (*taken)(int i, const struct sip_msg *m));
void neighbours_close(void);

// Runs for ms of simulated time.
void world_run(uint64_t ms);
// Sends text, with LF for CRLF, from the i-th socket to the node.
void world_send(int i, const char *text);
void world_sendf(int i, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// The oldest message that has come to it, within 200 ms; NULL: none. Lives until the next call.
struct sip_msg *world_take(int i);
// The oldest that is there already, which taken does not see.
struct sip_msg *world_heard(int i);
// As world_take, skipping 100 and ACK that was not asked for; fails the test when it is another.
struct sip_msg *world_expect(int i, unsigned status);
struct sip_msg *world_expect_request(int i, const char *method);
// Answers a request that came to this socket. headers: "Name: value" lines, each ended by a LF, or
// "".
void world_answer(int i, const struct sip_msg *request, unsigned status, const char *headers);

// Accepts an INVITE that came to this socket, and once more when the node of this stack holds no request any more: the
// 2xx is passed on to asker in the same words (RFC 6026 7.2).
void world_accept_twice(int i, const struct sip_msg *invite, const char *headers, int asker, const struct stack *s);

// Value of a header, "" when absent.
const char *header(const struct sip_msg *m, enum sip_hid id);
void assert_has(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);

// hss.DOMAIN on 127.0.1.40:3868, open to every peer, on a loop of its own.
void hss_start(struct sim *sim, const struct cx_server *ops, struct loop **ret_loop,
               struct dia_node **ret_node);
// Takes NULL nodes. crash: its connections vanish without a word.
void hss_end(struct sim *sim, struct loop *loop, struct dia_node **node, bool crash);
