// SPDX-License-Identifier: Apache-2.0
// Diameter as tables. An interface (the base protocol, Cx, later Sh, Rx, Rf, Ro) is one const table of its AVPs and its
// commands; a command's grammar says which AVPs it must or may hold and which member of a typed struct each
// one fills. The tables and structs are made from spec/*.dia by tools/gen/diameter.py; encode.c and decode.c
// write and read messages by them.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum dia_type { DIA_OCTETS, DIA_U32, DIA_U64, DIA_GROUPED, DIA_I32, DIA_I64 };
enum { DIA_AVP_V = 0x80, DIA_AVP_M = 0x40 };
enum { DIA_CMD_R = 0x80, DIA_CMD_P = 0x40, DIA_CMD_E = 0x20, DIA_CMD_T = 0x10 };
enum { DIA_APP_BASE = 0, DIA_APP_BASE_ACCT = 3, DIA_VENDOR_3GPP = 10415 };
#define DIA_APP_RELAY 0xffffffffu

// Result of a request or an answer: a base Result-Code (RFC 6733 7.1) or an Experimental-Result-Code of the
// application's vendor, kept apart by the flag.
struct dia_result {
    uint32_t code;
    bool experimental;
};

#define DIA_SUCCESS 2001
#define DIA_UNABLE_TO_DELIVER 3002
#define DIA_TOO_BUSY 3004
#define DIA_AUTHORIZATION_REJECTED 5003
#define DIA_INVALID_AVP_VALUE 5004
#define DIA_MISSING_AVP 5005
#define DIA_UNABLE_TO_COMPLY 5012

// What one message may hold. Beyond it a request is refused and an answer counts as none.
struct dia_limits {
    uint32_t message; // bytes
    uint32_t avps;    // those inside of groups included
    uint32_t depth;   // of groups in groups
};

struct dia_avp {
    uint32_t code, vendor;
    uint8_t flags;
    enum dia_type type;
    const char *name;
};

#define DIA_KEY(code_, vendor_) ((uint64_t)(vendor_) << 32 | (code_))

enum dia_kind {
    DIA_KIND_STR,          // struct str; not written when empty unless required
    DIA_KIND_NUM,          // uint32_t, int32_t or enum, not written when 0 unless required; at least low, at
                           // most value (0: any number)
    DIA_KIND_NUM64,        // uint64_t or int64_t, not written when 0 unless required
    DIA_KIND_TIME,         // uint32_t seconds since 1900 (RFC 6733 4.3.1), not written when 0
    DIA_KIND_CONST,        // no member: value is always written, ignored when read
    DIA_KIND_APPLICATION,  // the same with the application's id
    DIA_KIND_SWITCH,       // bool: the AVP is there with value
    DIA_KIND_BIT,          // bool: this bit of the AVP is set
    DIA_KIND_BOOL,         // bool as 0 and 1
    DIA_KIND_GROUP,        // struct with a grammar of its own, not written when empty unless required; value:
                           // DIA_PLACE of a bool in it that gets the M bit of what is read, or 0
    DIA_KIND_COUNTER,      // size_t number of a list beside it: written when not 0, ignored when read
    DIA_KIND_RESULT,       // struct dia_result, when not experimental
    DIA_KIND_EXPERIMENTAL, // struct dia_result, when experimental (vendor: value)
    DIA_KIND_FAILED,       // struct str, a raw AVP: written as a Failed-AVP by dia_answer, ignored when read
};

struct dia_field {
    uint64_t key; // DIA_KEY of avp
    const struct dia_avp *avp;
    const struct dia_grammar *group;
    uint32_t low, value;
    uint8_t kind;
    uint8_t min, max;    // occurrences; max 0: any number
    uint16_t at;         // offset of the member; of a list: of the pointer to its elements
    uint16_t stride;     // of a list: size of an element; 0: no list
    uint16_t count_at;   // of a list: offset of its size_t number
    uint16_t present_at; // DIA_PLACE of the bool beside an optional member, or 0
};

// An offset in a typed struct plus one; 0 stands for none.
#define DIA_PLACE(type_, member_) (offsetof(type_, member_) + 1)

// Where a message has what the node itself reads and writes.
struct dia_places {
    uint16_t session_id, origin_host, origin_realm, dest_host, dest_realm, result, failed;
};

struct dia_grammar {
    const struct dia_field *fields;
    size_t n;
    size_t size;       // of the typed struct
    uint64_t required; // a bit for each field of which there must be one
    struct dia_places places;
};

struct dia_command {
    uint32_t code;
    uint8_t flags; // DIA_CMD_P
    const char *request, *answer; // long names
    const struct dia_grammar *in, *out;
    bool in_session; // belongs to a session that is kept (dia/session.h)
};

struct dia_name {
    uint32_t code;
    const char *name;
};

struct dia_interface {
    uint32_t app, vendor;
    bool accounting;     // Acct-Application-Id, not Auth-Application-Id
    uint32_t vendors[2]; // Supported-Vendor-Id of the capabilities exchange; 0: none
    const char *name;
    const struct dia_avp *avps;
    size_t n_avps;
    const struct dia_command *commands;
    size_t n_commands;
    const struct dia_interface *const *inherits; // whose AVPs it uses
    size_t n_inherits;
    const struct dia_name *results; // names of its (Experimental-)Result-Codes
    size_t n_results;
};

// All interfaces that there are, up to a NULL; the base protocol first.
extern const struct dia_interface *const dia_interfaces[];

// The command of i with this code, or NULL.
const struct dia_command *dia_command_find(const struct dia_interface *i, uint32_t code);

// "DIAMETER_ERROR_USER_UNKNOWN", "DIAMETER_SUCCESS" ...; for logs. "unknown Result-Code" goes with its number:
// dia_result_unknown is the code of a result without a name, else 0.
const char *dia_result_name(struct dia_result r);
uint32_t dia_result_unknown(struct dia_result r);
