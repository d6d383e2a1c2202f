// SPDX-License-Identifier: Apache-2.0
// The I-CSCF under test on the simulated loop with a scripted HSS, a P-CSCF and two S-CSCFs that are
// bare UDP sockets.
#pragma once

#include "icscf/icscf.h"
#include "tests/common/neighbours.h"

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
};

extern struct world w;
int world_set_up(void **state);
// The same with further home domains and a numbering plan.
int world_set_up_with(const struct node_numbering *home);
int world_tear_down(void **state);
void world_kill_hss(void);
