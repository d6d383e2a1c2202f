// SPDX-License-Identifier: Apache-2.0
// The base protocol's messages as typed structs (RFC 6733 5.3 to 5.5, 7.2).
#pragma once

#include "dia/avp.h"

enum { DIA_CER = 257, DIA_DWR = 280, DIA_DPR = 282 };
enum { DIA_APP_BASE = 0, DIA_APP_BASE_ACCT = 3 };
#define DIA_APP_RELAY 0xffffffffu

// RFC 6733 5.4.3
enum dia_cause { DIA_REBOOTING, DIA_BUSY, DIA_DO_NOT_WANT_TO_TALK };

enum { DIA_MAX_IPS = 8, DIA_MAX_APPS = 32, DIA_MAX_REDIRECTS = 8 };

struct dia_vsai {
    uint32_t vendor, auth, acct;
};

// Capabilities exchange, request and answer; result is the answer's.
struct dia_caps {
    struct dia_result result;
    struct str origin_host, origin_realm, product, error_message;
    struct str ips[DIA_MAX_IPS];
    size_t n_ips;
    uint32_t vendor_id, state_id, firmware;
    uint32_t supported_vendors[DIA_MAX_APPS], auth[DIA_MAX_APPS], acct[DIA_MAX_APPS];
    size_t n_supported_vendors, n_auth, n_acct;
    struct dia_vsai vsai[DIA_MAX_APPS];
    size_t n_vsai;
};

// Watchdog and disconnect, request and answer.
struct dia_link {
    struct dia_result result;
    struct str origin_host, origin_realm, error_message;
    uint32_t state_id, cause;
};

// An answer with the E bit, and the smallest answer to anything.
struct dia_error {
    struct dia_result result;
    struct str session_id, origin_host, origin_realm, error_message, reporting_host;
    struct str redirects[DIA_MAX_REDIRECTS];
    size_t n_redirects;
    uint32_t redirect_usage, redirect_cache, state_id;
};
