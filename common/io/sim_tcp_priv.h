// SPDX-License-Identifier: Apache-2.0
// A simulated connection: two ends, each owned by a node, and a sim_conn between them that carries
// segments both ways and outlives either end. Segments of one direction arrive in order; a cut
// link holds them back (as retransmission would) until it heals or the sender gives up. sim_wire.c, where segments
// arrive, needs sim_listen.c, that sim_tcp.c (an end), and that sim_conn.c (connections and what is sent).
#pragma once

#include "io/sim_priv.h"

enum {
    SIM_WINDOW = 256 << 10, // bytes on their way or not read yet, by direction
    SIM_SEGMENT = 64 << 10,
};

enum sim_seg_kind { SEG_SYN, SEG_SYNACK, SEG_DATA, SEG_ACK, SEG_FIN, SEG_RST };

struct sim_segment {
    struct sim_event ev;
    struct list link;  // in conn.segments
    struct list queue; // in conn.held or flow.unread
    struct sim_conn *conn;
    uint8_t from;      // sending end
    uint8_t kind;
    uint32_t n;
    char data[];
};

// The events of a connection.
struct sim_wire {
    void (*arrived)(struct sim *s, struct sim_event *segment);
    void (*given_up)(struct sim *s, struct sim_event *give_up); // nothing has come through for too long
    void (*resumed)(struct sim *s, struct sim_event *resume);   // an end reads what came while it was paused
};

// One direction, named by its sending end.
struct sim_flow {
    uint64_t last_at;
    size_t window;      // bytes sent and not consumed
    bool ack_due;       // an ACK that lets the sender go on is under way
    struct list unread; // segments that a paused receiver has not taken
};

struct sim_conn {
    struct sim *sim;
    const struct sim_wire *wire;
    struct list link; // in sim.conns
    struct sim_tcp *end[2]; // client, server; NULL: not there yet, or gone
    struct addr addr[2];
    struct sim_flow flow[2];
    struct list segments, held;
    unsigned pins; // calls that still need it
    struct sim_event give_up; // while the link is cut
};

enum sim_tcp_state { SIM_CONNECTING, SIM_OPEN, SIM_CLOSING, SIM_CLOSED };

struct sim_tcp {
    struct tcp base;
    struct sim_obj obj;
    struct sim_conn *conn; // NULL: closed or crashed
    uint8_t side;
    enum sim_tcp_state state;
    struct timer timer;  // connecting, or closing
    struct sim_event resume; // reads what came while paused
};

// An end of conn on node n; NULL when out of memory.
struct sim_tcp *sim_tcp_new(struct sim_node *n, struct sim_conn *conn, int side);
void sim_tcp_connected(struct sim_tcp *c);
// Resets an end from its own side; its owner hears nothing.
void sim_tcp_reset(struct sim_tcp *c);
// Closes an end and tells its owner.
void sim_tcp_die(struct sim_tcp *c, int err);
void sim_tcp_start_closing(struct sim_tcp *c);
// A SYN arrived where somebody listens.
void sim_tcp_accept(struct sim_bind *b, struct sim_conn *conn);

struct sim_conn *sim_conn_new(struct sim *s, const struct addr *client, const struct addr *server,
                              const struct sim_wire *wire);
// An end goes; with the last end and the last segment goes the connection.
void sim_conn_detach(struct sim_conn *conn, int side);
// Sends a segment without data.
void sim_conn_control(struct sim_conn *conn, int from, enum sim_seg_kind kind);
// Sends what the window allows of data; returns how much.
size_t sim_conn_send(struct sim_conn *conn, int from, struct str data);
// A segment of this kind, sent now. False: out of memory.
bool sim_segment_put(struct sim_conn *conn, int from, enum sim_seg_kind kind, struct str data);
bool sim_segment_schedule(struct sim_segment *g);
void sim_segment_free(struct sim_segment *g);
// Whoever has incremented conn.pins needs it no more.
void sim_conn_unpin(struct sim_conn *conn);
