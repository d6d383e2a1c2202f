// SPDX-License-Identifier: Apache-2.0
// The I-CSCF under test on the simulated loop with a scripted HSS, a P-CSCF and two S-CSCFs that are
// bare UDP sockets.
#pragma once

#include "icscf/icscf.h"
#include "../neighbours.h"

#define ICSCF "127.0.1.20:5060"
#define S1 "sip:s1." DOMAIN ":5060"
#define S2 "sip:s2." DOMAIN ":5060"

enum { W_PCSCF, W_S1, W_S2, W_EVE, W_SOCKETS };

struct world {
    struct sim *sim;
    struct loop *icscf_loop, *hss_loop;
    struct icscf_config cfg;
    struct icscf *icscf;
    struct dia_node *hss;
    bool silent;
    struct dia_result result; // code 0: success
    const char *wildcard;     // Wildcarded-Public-Identity of LIA; NULL: none
    const char *server;       // Server-Name of the answers; NULL: none
    uint32_t mandatory;       // 0: no capability asked for
    struct cx_capabilities caps; // in the answers, when present
    bool capabilities;        // Server-Capabilities in the answers
    bool capabilities_on_demand; // only when asked for explicitly
    unsigned n_uar, n_lir;
    struct {
        char impi[64], impu[64], visited[64];
        enum cx_uar_type type;
        bool originating, and_capabilities;
    } asked;
    struct neighbours peers;
};

extern struct world w;
int world_set_up(void **state);
// The same with further home domains and a numbering plan.
int world_set_up_with(const struct node_numbering *home);
int world_tear_down(void **state);
void world_kill_hss(void);
void world_run(uint64_t ms);
// Sends text, with LF for CRLF, from the P-CSCF.
void world_sendf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
// The same from an outsider.
void world_eve_sendf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
// The oldest message at a socket, NULL: none within 200 ms. Lives until the next call.
struct sip_msg *world_take(int socket);
struct sip_msg *world_expect(int socket, unsigned status);         // skips 100 and ACK
struct sip_msg *world_expect_request(int socket, const char *method);
void world_answer(int socket, const struct sip_msg *request, unsigned status);
