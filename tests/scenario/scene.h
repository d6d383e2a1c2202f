// SPDX-License-Identifier: Apache-2.0
// A stage for scenario tests: nodes on one simulated network with a virtual clock, and peers that speak
// the lines of a script. A peer is raw: it sends text and keeps what it hears, with the virtual time
// of arrival, so a test says "at 1500 ms the INVITE again" and nothing is measured.
//
//   struct scene *sc = scene_new(1);
//   struct peer *ue = peer_udp(sc, "192.0.2.1:5060");
//   peer_send(ue, "192.0.2.9:5060", "OPTIONS sip:x SIP/2.0\n...\n\n");   // \n becomes CRLF
//   scene_run(sc, 2000);
//   struct heard *h = peer_expect(ue, 2, "SIP/2.0 200");
//   peer_quiet(ue);
//   scene_free(sc);
//
// The network takes 1 ms each way unless a test sets faults through scene_sim.
#pragma once

#include "io/sim.h"
#include "sip/msg.h"
#include "tests/common/place.h"

struct scene;
struct peer;

// One message as it arrived at a peer.
struct heard {
    uint64_t at_ms;
    struct addr from;
    struct str bytes;    // whole message
    struct sip_msg *msg; // NULL when it does not parse
    struct conn *conn;   // TCP: the connection it came on
};

struct scene *scene_new(uint64_t seed);
// Frees all peers and the simulation, and checks that no memory is left that was not there before.
void scene_free(struct scene *sc);
struct sim *scene_sim(struct scene *sc);
// A loop for a node under test. Freed by scene_free.
struct loop *scene_node(struct scene *sc, const char *name);
// Zeroed memory that lives until scene_free.
void *scene_alloc(struct scene *sc, size_t n);
void scene_run(struct scene *sc, uint64_t until_ms);
void scene_pass(struct scene *sc, uint64_t ms); // for so long from now
uint64_t scene_now(const struct scene *sc);     // ms
// A simulated A or AAAA, SRV or NAPTR record.
void scene_dns_host(struct scene *sc, const char *name, const char *ip);
void scene_dns_srv(struct scene *sc, const char *name, uint16_t priority, uint16_t weight,
                   const char *target, uint16_t port);
void scene_dns_naptr(struct scene *sc, const char *name, uint16_t order, const char *service,
                     const char *replacement);

// ---- peers ----

struct peer *peer_udp(struct scene *sc, const char *at);
// Listens; connections to it are taken.
struct peer *peer_tcp(struct scene *sc, const char *at);
// Connects from at (port 0: any) to remote. What it sends goes there.
struct peer *peer_tcp_to(struct scene *sc, const char *at, const char *remote);
// Text with \n for CRLF. to: for UDP; NULL on TCP (the last connection that was made).
void peer_send(struct peer *p, const char *to, const char *text);
void peer_printf(struct peer *p, const char *to, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// Bytes as they are.
void peer_send_raw(struct peer *p, const char *to, struct str bytes);
// Answers a request that was heard, by RFC 3261 8.2.6, to where it came from. extra (may be NULL): header
// lines with \n. The To tag is "peer".
void peer_answer(struct peer *p, const struct heard *h, unsigned status, const char *extra);
// Closes the last connection (reset: at once, with a reset).
void peer_close(struct peer *p, bool reset);
// The process goes and the host stays: its UDP socket, or what it listens on by TCP, is closed.
void peer_stop_listening(struct peer *p);
// Stops or resumes reading on the last connection.
void peer_pause(struct peer *p, bool paused);
// Answers every further request with this status at once; 0: no more. skip ACK.
void peer_auto(struct peer *p, unsigned status);
bool peer_connected(const struct peer *p); // an open connection is there
unsigned peer_connections(const struct peer *p); // accepted or made so far
unsigned peer_keepalives(const struct peer *p); // lone CRLFs heard

// The next message not yet looked at; NULL: none.
struct heard *peer_next(struct peer *p);
// The same, and it must have come at that time and begin with start.
struct heard *peer_expect(struct peer *p, uint64_t at_ms, const char *start);
// The next message is a response with this status.
struct heard *peer_status(struct peer *p, unsigned status);
// Nothing further has been heard.
void peer_quiet(struct peer *p);
// Raw value of a header of what was heard ("" when absent), NUL-terminated; lives until scene_free.
const char *heard_header(struct scene *sc, const struct heard *h, const char *name);
