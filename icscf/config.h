// SPDX-License-Identifier: Apache-2.0
// Options of the I-CSCF.
#pragma once

#include "app/node_rows.h"

// An S-CSCF that may be assigned.
struct icscf_scscf {
    struct str name;           // SIP URI, its Server-Name on Cx
    struct conf_strs capabilities; // numbers (TS 29.229 6.3.5)
    uint32_t priority, weight;
};

struct icscf_config {
    struct str domain;
    struct node_numbering home;
    struct str name; // SIP URI of this I-CSCF
    struct node_sip sip;
    struct sip_limits message;
    struct conf_strs trusted; // addresses and networks of the trust domain
    struct node_trust trust;
    struct node_limits limits;
    struct node_dia diameter;
    struct node_routing routing;
    struct node_overload overload;
    struct conf_table scscfs; // struct icscf_scscf
    uint32_t scscf_timeout_ms;
    uint32_t scscf_mark_ms; // 0: never avoided
    uint32_t leg_ms;        // what a request may take on its way on; 0: Timer B/F
};

extern const struct conf_row icscf_rows[];
void icscf_check(const void *config, app_finding bad, void *arg);
void icscf_suspect(const void *config, app_finding odd, void *arg);
