// SPDX-License-Identifier: Apache-2.0
// What the files of an originating request share (TS 24.229 5.4.3.2): originating.c has its steps, request_auth.c
// those that prove its sender when the P-CSCF could not (5.4.3.6).
#pragma once

#include "scscf/scscf_priv.h"
#include "scscf/source.h"

struct orig_job {
    struct job job;
    struct served served;
    struct str next_hop; // empty: by Route or Request-URI
    bool foreign;        // the request leaves the home network
    enum trust_side to;  // who gets it
    bool lent;           // see scscf_keep_back
    enum routing_word word; // whose word the next hop is
    // Of a request without an asserted identity: who says that he sends it.
    bool unproven;
    struct str claim; // the identity as it stood
    struct str impi;
    struct source from;
    bool stale;           // the challenge to come says stale=true
    uint8_t failures;     // so far in this authentication
    struct challenge fresh; // the challenge to come: what the HSS or an earlier one gave
};

// Steps, which do nothing when the P-CSCF has asserted the sender.
enum step_verdict request_check_answer(struct job *j);
enum step_verdict request_find_secret(struct job *j);
enum step_verdict request_challenge(struct job *j);
