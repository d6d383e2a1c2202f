// SPDX-License-Identifier: Apache-2.0
// Cx as typed messages (TS 29.228, TS 29.229): user authorization, server assignment, location
// info, multimedia authentication, registration termination and push profile. One
// table in dia/cx_table.c defines the application, the command grammars and the AVPs. Slices in a request
// or an answer live until the callback returns.
#pragma once

#include "dia/node.h"

struct arena;

// TS 29.229 6.2
enum cx_experimental {
    CX_FIRST_REGISTRATION = 2001,
    CX_SUBSEQUENT_REGISTRATION = 2002,
    CX_UNREGISTERED_SERVICE = 2003,
    CX_SUCCESS_SERVER_NAME_NOT_STORED = 2004,
    CX_ERROR_USER_UNKNOWN = 5001,
    CX_ERROR_IDENTITIES_DONT_MATCH = 5002,
    CX_ERROR_IDENTITY_NOT_REGISTERED = 5003,
    CX_ERROR_ROAMING_NOT_ALLOWED = 5004,
    CX_ERROR_IDENTITY_ALREADY_REGISTERED = 5005,
    CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED = 5006,
    CX_ERROR_IN_ASSIGNMENT_TYPE = 5007,
    CX_ERROR_TOO_MUCH_DATA = 5008,
    CX_ERROR_NOT_SUPPORTED_USER_DATA = 5009,
    CX_ERROR_FEATURE_UNSUPPORTED = 5011,
    CX_ERROR_SERVING_NODE_FEATURE_UNSUPPORTED = 5012,
};

enum cx_uar_type { CX_UAR_REGISTRATION, CX_UAR_DE_REGISTRATION, CX_UAR_REGISTRATION_AND_CAPABILITIES };

// Server-Assignment-Type, TS 29.229 6.3.15
enum cx_sar_type {
    CX_NO_ASSIGNMENT, CX_REGISTRATION, CX_RE_REGISTRATION, CX_UNREGISTERED_USER,
    CX_TIMEOUT_DEREGISTRATION, CX_USER_DEREGISTRATION, CX_TIMEOUT_DEREGISTRATION_STORE_SERVER_NAME,
    CX_USER_DEREGISTRATION_STORE_SERVER_NAME, CX_ADMINISTRATIVE_DEREGISTRATION,
    CX_AUTHENTICATION_FAILURE, CX_AUTHENTICATION_TIMEOUT, CX_DEREGISTRATION_TOO_MUCH_DATA,
    CX_AAA_USER_DATA_REQUEST, CX_PGW_UPDATE, CX_RESTORATION,
};

enum { CX_MAX_CAPABILITIES = 16, CX_MAX_VECTORS = 8, CX_MAX_IMPUS = 32, CX_MAX_FEATURES = 4 };

// Supported-Features, TS 29.229 6.3.29
struct cx_feature {
    uint32_t vendor, list_id, list;
    bool required; // received: its M bit, so that the request is not to be done without them
};

// Common to requests. Empty dest_host: routed by realm.
struct cx_head {
    struct str dest_host, dest_realm;
    struct str origin_host, origin_realm; // received requests and answers
    struct str session_id;                // received; made by the sender
    struct str correlation;               // for the trace: the Call-ID that caused it; may be empty
    struct cx_feature features[CX_MAX_FEATURES];
    size_t n_features;
    struct str failed;                    // answers that are sent: what cx_failed_* made; may be empty
};

// What a refusal is about, for an answer's head.failed (RFC 6733 7.5): an AVP of the request with the
// value that is wrong or too many, or without value one that is missing. In a; empty without memory.
enum cx_avp { CX_AVP_IMPI, CX_AVP_IMPU, CX_AVP_ASSIGNMENT_TYPE, CX_AVP_AUTHORIZATION };
struct str cx_failed_text(struct arena *a, enum cx_avp which, struct str value);
struct str cx_failed_number(struct arena *a, enum cx_avp which, uint32_t value);

struct cx_capabilities {
    bool present;
    uint32_t mandatory[CX_MAX_CAPABILITIES], optional[CX_MAX_CAPABILITIES];
    size_t n_mandatory, n_optional;
    struct str server_names[CX_MAX_CAPABILITIES];
    size_t n_server_names;
};

struct cx_uar {
    struct cx_head head;
    struct str impi, impu, visited_network;
    enum cx_uar_type type;
    bool emergency; // UAR-Flags bit 0
};
struct cx_uaa {
    struct cx_head head;
    struct dia_result result;
    struct str server_name; // p NULL when absent
    struct cx_capabilities capabilities;
};

struct cx_lir {
    struct cx_head head;
    struct str impu;
    bool originating;             // Originating-Request
    bool and_capabilities;        // User-Authorization-Type REGISTRATION_AND_CAPABILITIES
};
struct cx_lia {
    struct cx_head head;
    struct dia_result result;
    struct str server_name;
    struct cx_capabilities capabilities;
    struct str wildcard; // Wildcarded-Public-Identity that covers the identity; empty: none
};

// SIP-Auth-Data-Item (TS 29.229 6.3.13). AKA: authenticate is RAND||AUTN (32 bytes), authorization
// XRES, ck and ik 16 bytes each. In a MAR for resynchronisation authorization is RAND||AUTS (30 bytes).
struct cx_auth_item {
    uint32_t item_number;                // 0: absent
    struct str scheme;                   // "Digest-AKAv1-MD5", "SIP Digest", "Unknown"
    struct str authenticate, authorization, ck, ik;
    struct str digest_realm, digest_algorithm, digest_qop, digest_ha1; // SIP-Digest-Authenticate
    struct str digest_alt_algorithm, digest_alt_ha1; // beside MD5, for a newer algorithm
};
struct cx_mar {
    struct cx_head head;
    struct str impi, impu, server_name;
    uint32_t n_items;                    // SIP-Number-Auth-Items
    struct cx_auth_item item;            // scheme, and authorization when resynchronising
};
struct cx_maa {
    struct cx_head head;
    struct dia_result result;
    struct str impi, impu;
    struct cx_auth_item items[CX_MAX_VECTORS];
    size_t n_items;
};

struct cx_charging {
    struct str primary_ccf, secondary_ccf, primary_ecf, secondary_ecf; // p NULL when absent
};
struct cx_sar {
    struct cx_head head;
    struct str impi;                     // p NULL when only the IMPU is known
    struct str impus[CX_MAX_IMPUS];
    size_t n_impus;
    struct str server_name;
    enum cx_sar_type type;
    bool user_data_already_available;
    struct str wildcard;                 // Wildcarded-Public-Identity that covers the IMPU; empty: none
};
struct cx_saa {
    struct cx_head head;
    struct dia_result result;
    struct str impi;
    struct str server_name;              // who is assigned, when that is not who asked
    struct str user_data;                // the XML of TS 29.228 annex B and E; p NULL when absent
    struct cx_charging charging;
    struct str associated_identities[CX_MAX_IMPUS]; // private ones
    size_t n_associated;
    bool loose_route_present, loose_route;
    struct str wildcard;                 // as in cx_sar
};

// Reason-Code, TS 29.229 6.3.17
enum cx_reason {
    CX_PERMANENT_TERMINATION, CX_NEW_SERVER_ASSIGNED, CX_SERVER_CHANGE, CX_REMOVE_S_CSCF,
};
struct cx_rtr {
    struct cx_head head;                 // dest_host is needed: the S-CSCF's Origin-Host
    struct str impi;
    struct str impus[CX_MAX_IMPUS];
    size_t n_impus;
    struct str associated_identities[CX_MAX_IMPUS];
    size_t n_associated;
    enum cx_reason reason;
    struct str reason_info;
};
struct cx_rta {
    struct cx_head head;
    struct dia_result result;
    struct str associated_identities[CX_MAX_IMPUS];
    size_t n_associated;
};
struct cx_ppr {
    struct cx_head head;                 // dest_host as in cx_rtr
    struct str impi;
    struct str user_data;                // p NULL when absent
    struct cx_charging charging;
    struct cx_auth_item item;            // scheme empty when absent
};
struct cx_ppa {
    struct cx_head head;
    struct dia_result result;
};

// ---- requests (CSCFs; RTR and PPR: HSS) ----
// Each sends the request, returns 0 and calls cb exactly once from the loop, never before it returns:
// err 0 with an answer, ERR_TIMEOUT, ERR_REFUSED (no open peer), ERR_FULL (too many pending) or ERR_BAD
// (an answer that breaks the grammar); answer is NULL unless err is 0. Any other return (ERR_NOMEM,
// ERR_TOOBIG, ERR_INVAL) means that nothing was sent and cb is not called. A request whose peer goes is
// sent to the next one, or again when the peer is back, until its time is over. Freeing the node drops
// what is pending without a callback. arg should be an id, not a pointer
// to something that may go (STYLE: ids across async gaps). timeout_ms 0: 5000.
typedef uint64_t cx_arg;
typedef void (*cx_uaa_cb)(void *nf, cx_arg arg, int err, const struct cx_uaa *a);
typedef void (*cx_lia_cb)(void *nf, cx_arg arg, int err, const struct cx_lia *a);
typedef void (*cx_maa_cb)(void *nf, cx_arg arg, int err, const struct cx_maa *a);
typedef void (*cx_saa_cb)(void *nf, cx_arg arg, int err, const struct cx_saa *a);
typedef void (*cx_rta_cb)(void *nf, cx_arg arg, int err, const struct cx_rta *a);
typedef void (*cx_ppa_cb)(void *nf, cx_arg arg, int err, const struct cx_ppa *a);

int cx_send_uar(struct dia_node *n, const struct cx_uar *r, uint32_t timeout_ms, cx_uaa_cb cb,
                void *nf, cx_arg arg);
int cx_send_lir(struct dia_node *n, const struct cx_lir *r, uint32_t timeout_ms, cx_lia_cb cb,
                void *nf, cx_arg arg);
int cx_send_mar(struct dia_node *n, const struct cx_mar *r, uint32_t timeout_ms, cx_maa_cb cb,
                void *nf, cx_arg arg);
int cx_send_sar(struct dia_node *n, const struct cx_sar *r, uint32_t timeout_ms, cx_saa_cb cb,
                void *nf, cx_arg arg);
int cx_send_rtr(struct dia_node *n, const struct cx_rtr *r, uint32_t timeout_ms, cx_rta_cb cb,
                void *nf, cx_arg arg);
int cx_send_ppr(struct dia_node *n, const struct cx_ppr *r, uint32_t timeout_ms, cx_ppa_cb cb,
                void *nf, cx_arg arg);

// ---- server side (HSS; RTR and PPR: S-CSCF) ----
// A handler answers now or later, exactly once, with cx_answer_*; a request whose peer has gone is
// answered into nothing. A retransmission (T flag, same Origin-Host and End-to-End-Id) that is still
// pending or was answered in the last minutes never reaches the handler twice. A handler that is NULL
// answers DIAMETER_COMMAND_UNSUPPORTED. ops lives as long as the node; a request does not outlive it.
struct cx_server {
    void (*uar)(void *arg, struct dia_request *q, const struct cx_uar *r);
    void (*lir)(void *arg, struct dia_request *q, const struct cx_lir *r);
    void (*mar)(void *arg, struct dia_request *q, const struct cx_mar *r);
    void (*sar)(void *arg, struct dia_request *q, const struct cx_sar *r);
    void (*rtr)(void *arg, struct dia_request *q, const struct cx_rtr *r);
    void (*ppr)(void *arg, struct dia_request *q, const struct cx_ppr *r);
};
int cx_serve(struct dia_node *n, const struct cx_server *ops, void *arg);
void cx_answer_uaa(struct dia_request *q, const struct cx_uaa *a);
void cx_answer_lia(struct dia_request *q, const struct cx_lia *a);
void cx_answer_maa(struct dia_request *q, const struct cx_maa *a);
void cx_answer_saa(struct dia_request *q, const struct cx_saa *a);
void cx_answer_rta(struct dia_request *q, const struct cx_rta *a);
void cx_answer_ppa(struct dia_request *q, const struct cx_ppa *a);

// "DIAMETER_ERROR_USER_UNKNOWN", "DIAMETER_SUCCESS" ...; for logs. "unknown Result-Code" goes with its number:
// dia_result_unknown is the code of a result without a name, else 0.
const char *dia_result_name(struct dia_result r);
uint32_t dia_result_unknown(struct dia_result r);
