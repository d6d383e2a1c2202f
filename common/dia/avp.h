// SPDX-License-Identifier: Apache-2.0
// Diameter as tables. An interface (base, Cx, later Sh, Rx, Rf, Ro) is one const table of its AVPs
// and its commands; a command's grammar says which AVPs it must or may hold and which field of a
// typed struct each one fills. From the same rows come the rules that libfdproto checks and the
// writing and reading of messages.
#pragma once

#include "dia/node.h"

enum dia_type { DIA_OCTETS, DIA_U32, DIA_U64, DIA_GROUPED };
enum { DIA_AVP_V = 0x80, DIA_AVP_M = 0x40 };
enum { DIA_CMD_R = 0x80, DIA_CMD_P = 0x40, DIA_CMD_E = 0x20, DIA_CMD_T = 0x10 };

struct dia_avp {
    uint16_t id; // enum dia_avp_id
    uint8_t flags;
    enum dia_type type;
    uint32_t code, vendor;
    const char *name;
};

enum dia_avp_id {
    // RFC 6733 4.5
    AVP_NONE,
    AVP_USER_NAME, AVP_CLASS, AVP_SESSION_TIMEOUT, AVP_PROXY_STATE, AVP_ACCT_SESSION_ID,
    AVP_ACCT_MULTI_SESSION_ID, AVP_EVENT_TIMESTAMP, AVP_ACCT_INTERIM_INTERVAL,
    AVP_HOST_IP_ADDRESS, AVP_AUTH_APPLICATION_ID, AVP_ACCT_APPLICATION_ID,
    AVP_VENDOR_SPECIFIC_APPLICATION_ID, AVP_REDIRECT_HOST_USAGE, AVP_REDIRECT_MAX_CACHE_TIME,
    AVP_SESSION_ID, AVP_ORIGIN_HOST, AVP_SUPPORTED_VENDOR_ID, AVP_VENDOR_ID,
    AVP_FIRMWARE_REVISION, AVP_RESULT_CODE, AVP_PRODUCT_NAME, AVP_SESSION_BINDING,
    AVP_SESSION_SERVER_FAILOVER, AVP_MULTI_ROUND_TIME_OUT, AVP_DISCONNECT_CAUSE,
    AVP_AUTH_REQUEST_TYPE, AVP_AUTH_GRACE_PERIOD, AVP_AUTH_SESSION_STATE, AVP_ORIGIN_STATE_ID,
    AVP_FAILED_AVP, AVP_PROXY_HOST, AVP_ERROR_MESSAGE, AVP_ROUTE_RECORD, AVP_DESTINATION_REALM,
    AVP_PROXY_INFO, AVP_RE_AUTH_REQUEST_TYPE, AVP_ACCOUNTING_SUB_SESSION_ID,
    AVP_AUTHORIZATION_LIFETIME, AVP_REDIRECT_HOST, AVP_DESTINATION_HOST,
    AVP_ERROR_REPORTING_HOST, AVP_TERMINATION_CAUSE, AVP_ORIGIN_REALM, AVP_EXPERIMENTAL_RESULT,
    AVP_EXPERIMENTAL_RESULT_CODE, AVP_INBAND_SECURITY_ID, AVP_DRMP, AVP_ACCOUNTING_RECORD_TYPE,
    AVP_ACCOUNTING_REALTIME_REQUIRED, AVP_ACCOUNTING_RECORD_NUMBER,
    // TS 29.229 6.3
    AVP_DIGEST_REALM, AVP_DIGEST_QOP, AVP_DIGEST_ALGORITHM, AVP_DIGEST_HA1,
    AVP_VISITED_NETWORK_IDENTIFIER, AVP_PUBLIC_IDENTITY, AVP_SERVER_NAME, AVP_SERVER_CAPABILITIES,
    AVP_MANDATORY_CAPABILITY, AVP_OPTIONAL_CAPABILITY, AVP_USER_DATA, AVP_SIP_NUMBER_AUTH_ITEMS,
    AVP_SIP_AUTHENTICATION_SCHEME, AVP_SIP_AUTHENTICATE, AVP_SIP_AUTHORIZATION,
    AVP_SIP_AUTHENTICATION_CONTEXT, AVP_SIP_AUTH_DATA_ITEM, AVP_SIP_ITEM_NUMBER,
    AVP_SERVER_ASSIGNMENT_TYPE, AVP_DEREGISTRATION_REASON, AVP_REASON_CODE, AVP_REASON_INFO,
    AVP_CHARGING_INFORMATION, AVP_PRIMARY_ECF, AVP_SECONDARY_ECF, AVP_PRIMARY_CCF,
    AVP_SECONDARY_CCF, AVP_USER_AUTHORIZATION_TYPE, AVP_USER_DATA_ALREADY_AVAILABLE,
    AVP_CONFIDENTIALITY_KEY, AVP_INTEGRITY_KEY, AVP_SUPPORTED_FEATURES, AVP_FEATURE_LIST_ID,
    AVP_FEATURE_LIST, AVP_SUPPORTED_APPLICATIONS, AVP_ASSOCIATED_IDENTITIES,
    AVP_ORIGINATING_REQUEST, AVP_WILDCARDED_PUBLIC_IDENTITY, AVP_SIP_DIGEST_AUTHENTICATE,
    AVP_WILDCARDED_IMPU, AVP_UAR_FLAGS, AVP_LOOSE_ROUTE_INDICATION, AVP_SCSCF_RESTORATION_INFO,
    AVP_PATH, AVP_CONTACT, AVP_SUBSCRIPTION_INFO, AVP_CALL_ID_SIP_HEADER, AVP_FROM_SIP_HEADER,
    AVP_TO_SIP_HEADER, AVP_RECORD_ROUTE, AVP_ASSOCIATED_REGISTERED_GROUPS,
    AVP_MULTIPLE_REGISTRATION_INDICATION, AVP_RESTORATION_INFO, AVP_SESSION_PRIORITY,
    AVP_IDENTITY_WITH_EMERGENCY_REGISTRATION, AVP_PRIVILEDGED_SENDER_INDICATION, AVP_LIA_FLAGS,
    AVP_INITIAL_CSEQ_SEQUENCE_NUMBER, AVP_SAR_FLAGS, AVP_ALLOWED_WAF_WWSF_IDENTITIES,
    AVP_WEBRTC_AUTHENTICATION_FUNCTION_NAME, AVP_WEBRTC_WEB_SERVER_FUNCTION_NAME, AVP_RTR_FLAGS,
    AVP_ALTERNATE_DIGEST_ALGORITHM, AVP_ALTERNATE_DIGEST_HA1,
    AVP_COUNT
};

enum dia_kind {
    DIA_RULE,         // only a rule: accepted, not mapped
    DIA_STR,          // struct str; not written when empty unless required
    DIA_NUM,          // uint32_t or enum, not written when 0 unless required; value: greatest, 0 any
    DIA_CONST,        // no field: value is always written, ignored when read
    DIA_SWITCH,       // bool: the AVP is there with value
    DIA_BIT,          // bool: this bit of the AVP is set
    DIA_BOOL,         // bool as 0 and 1
    DIA_GROUP,        // struct with a grammar of its own, not written when empty unless required; value:
                      // DIA_PRESENT of a bool in it that gets the M bit of what is read, or 0
    DIA_COUNTER,      // size_t counter of a list beside it: written when not 0, ignored when read
    DIA_RESULT,       // struct dia_result, when not experimental
    DIA_EXPERIMENTAL, // struct dia_result, when experimental (vendor: value)
    DIA_FAILED,       // struct str, a raw AVP: written as a Failed-AVP by dia_answer, ignored when read
};

struct dia_field {
    uint16_t avp;
    uint8_t kind;
    uint8_t min, max;       // occurrences; max 0: any number
    uint32_t value;
    uint16_t at;            // offset of the (first) field in the struct
    uint16_t cap, stride;   // a list of at most cap elements; cap 0: a single field
    uint16_t count_at;      // size_t counter of the list
    uint16_t present_at;    // DIA_PRESENT of the bool beside an optional field, or 0
    const struct dia_grammar *group;
};

struct dia_grammar {
    const struct dia_field *fields;
    size_t n;
};

struct dia_command {
    uint32_t code;
    uint8_t flags; // DIA_CMD_P
    const char *request, *answer; // long names
    const char *tag;              // "MA": MAR and MAA
    const struct dia_grammar *in, *out;
    size_t in_size, out_size;     // of the typed structs
};

struct dia_interface {
    uint32_t app, vendor;
    uint32_t vendors[2]; // Supported-Vendor-Id of the capabilities exchange; 0: none
    const char *name;
    const struct dia_avp *avps;
    size_t n_avps;
    const struct dia_command *commands;
    size_t n_commands;
};

extern const struct dia_interface dia_base;
extern const struct dia_interface dia_cx;
extern const struct dia_grammar dia_error_grammar; // any answer with the E bit, RFC 6733 7.2

// The interface of an application, or NULL.
const struct dia_interface *dia_interface_find(uint32_t app);
const struct dia_command *dia_command_find(const struct dia_interface *i, uint32_t code);
// The row of an AVP id, and of a code and vendor (NULL when unknown) in any interface.
const struct dia_avp *dia_avp_row(unsigned id);
const struct dia_avp *dia_avp_find(uint32_t code, uint32_t vendor);

// A grammar from the array NAME_fields (after `const` or `static const`), and its rows, compactly.
#define DIA_FIELDS(name)                                                                           \
    struct dia_grammar name = {name##_fields, sizeof(name##_fields) / sizeof(*name##_fields)}
#define DIA_ANY(avp_) {.avp = (avp_), .kind = DIA_RULE}
#define DIA_PRESENT(type_, member_) (offsetof(type_, member_) + 1)
#define DIA_F(avp_, kind_, min_, type_, member_, ...)                                              \
    {.avp = (avp_), .kind = (kind_), .min = (min_), .max = 1, .at = offsetof(type_, member_),      \
     __VA_ARGS__}
#define DIA_LIST(avp_, kind_, min_, type_, member_, count_, ...)                                   \
    {.avp = (avp_), .kind = (kind_), .min = (min_), .at = offsetof(type_, member_),                \
     .cap = sizeof(((type_ *)0)->member_) / sizeof(((type_ *)0)->member_[0]),                      \
     .stride = sizeof(((type_ *)0)->member_[0]), .count_at = offsetof(type_, count_),              \
     __VA_ARGS__}
#define DIA_C(avp_, value_)                                                                        \
    {.avp = (avp_), .kind = DIA_CONST, .min = 1, .max = 1, .value = (value_)}
