// SPDX-License-Identifier: Apache-2.0
// Options of the I-CSCF.
#pragma once

#include "app/config.h"

struct icscf_peer {
    struct str host; // Origin-Host of an HSS, SLF or relay
    struct addr address;
    uint32_t priority, weight;
    bool relay;
};

// An S-CSCF that may be assigned.
struct icscf_scscf {
    struct str name;           // SIP URI, its Server-Name on Cx
    struct conf_strs capabilities; // numbers (TS 29.229 6.3.5)
    uint32_t priority, weight;
};

struct icscf_config {
    struct str domain;
    struct str name; // SIP URI of this I-CSCF
    struct conf_addrs udp, tcp;
    bool prefer_tcp;
    struct conf_strs trusted; // addresses and networks of the trust domain
    struct {
        struct str identity, realm, hss;
        struct addr local;       // connections leave from here; family 0: chosen by the system
        struct conf_table peers; // struct icscf_peer
        uint32_t timeout_ms, watchdog_ms;
    } diameter;
    struct conf_table scscfs; // struct icscf_scscf
    uint32_t scscf_timeout_ms;
};

extern const struct conf_row icscf_rows[];
