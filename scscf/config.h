// SPDX-License-Identifier: Apache-2.0
// Options of the S-CSCF.
#pragma once

#include "app/config.h"

struct scscf_peer {
    struct str host;   // Origin-Host of an HSS, SLF or relay
    struct addr address;
    uint32_t priority, weight;
    bool relay;
};

struct scscf_config {
    struct str name;   // SIP URI of this S-CSCF: Server-Name on Cx
    struct str domain; // home network domain, realm of the challenges
    struct str ioi;    // inter operator identifier; empty: the domain
    struct conf_addrs udp, tcp;
    bool prefer_tcp;
    struct conf_strs trusted; // addresses and networks of the trust domain
    struct {
        struct str identity, realm, hss;
        struct addr local;       // connections leave from here; family 0: chosen by the system
        struct conf_table peers; // struct scscf_peer
        uint32_t timeout_ms, watchdog_ms;
    } diameter;
    struct {
        uint32_t min_s, max_s, default_s, max_contacts;
    } registration;
    struct {
        uint32_t await_s;    // timer reg-await-auth
        uint32_t max_failures;
        uint32_t nonce_s;    // life of a SIP Digest nonce
        bool every_register; // challenge protected re-registrations too
    } auth;
};

extern const struct conf_row scscf_rows[];
