// SPDX-License-Identifier: Apache-2.0
// Options of the S-CSCF.
#pragma once

#include "app/node_rows.h"
#include "scscf/brake.h"

struct scscf_config {
    struct str name;   // SIP URI of this S-CSCF: Server-Name on Cx
    struct str domain; // home network domain, realm of the challenges
    struct str ioi;    // inter operator identifier; empty: the domain
    struct node_sip sip;
    struct conf_strs trusted; // addresses and networks of the trust domain
    struct node_limits strangers;
    struct node_dia diameter;
    struct node_overload overload;
    struct {
        uint32_t min_s, max_s, default_s, max_contacts;
    } registration;
    struct {
        uint32_t await_s;    // timer reg-await-auth
        uint32_t max_failures;
        uint32_t nonce_s;    // life of a SIP Digest nonce
        bool every_register; // challenge protected re-registrations too
    } auth;
    struct {
        uint32_t challenges; // awaited in all; 0: any number
        struct brake_config brake;
    } limits;
};

extern const struct conf_row scscf_rows[];
void scscf_check(const void *config, app_finding bad, void *arg);
void scscf_suspect(const void *config, app_finding odd, void *arg);
