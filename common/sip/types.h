// SPDX-License-Identifier: Apache-2.0
// Typed values of SIP headers. All slices point into the message or its arena. Each type has
// sip_<type>_parse(struct arena *, struct str, ret) and sip_<type>_write(struct writer *, value) in
// the file of its family (sip/uri.h, sip/addr_hdr.h, sip/token.h, sip/families.h).
#pragma once

#include "base/str.h"

enum sip_method {
    SIP_UNKNOWN, // an extension method: see its name
    SIP_REGISTER, SIP_INVITE, SIP_ACK, SIP_BYE, SIP_CANCEL, SIP_OPTIONS, SIP_PRACK, SIP_UPDATE,
    SIP_INFO, SIP_MESSAGE, SIP_SUBSCRIBE, SIP_NOTIFY, SIP_REFER, SIP_PUBLISH,
    SIP_METHOD_COUNT
};

// Name of a method, "UNKNOWN" for SIP_UNKNOWN.
struct str sip_method_name(enum sip_method m);
enum sip_method sip_method_from(struct str name); // case-sensitive (RFC 3261 7.1)

// One id per header that has a table row, in the order of sip/header.c. The type of its values:
//   sip_via              Via
//   sip_addr             From, To, Route, Record-Route, Path, Service-Route, P-Asserted-Identity,
//                        P-Preferred-Identity, P-Associated-URI, P-Called-Party-ID, P-Served-User,
//                        P-User-Database, P-Profile-Key, Refer-To, History-Info
//   sip_contact          Contact
//   sip_cseq, sip_rack   CSeq; RAck
//   sip_auth             the five authentication headers (one value a field)
//   sip_charging_vector  P-Charging-Vector
//   sip_security         Security-Client, -Server, -Verify
//   sip_delta            Expires, Min-Expires, Session-Expires, Min-SE, Retry-After, RSeq,
//                        Max-Forwards, Content-Length
//   sip_warning          Warning
//   struct str           Call-ID, User-Agent, Server, Date; what no node here looks into:
//                        P-Private-Network-Indication, P-Charge-Info, Restoration-Info, Relayed-Charge,
//                        Service-Interact-Info, Response-Source, Attestation-Info, Origination-Id,
//                        Additional-Identity, Priority-Share, Resource-Share
//   sip_token            all others. Content-Type, Accept: the token is "type/subtype".
//                        P-Visited-Network-ID: a quoted string keeps its quotes. Privacy: one value
//                        per element between ';'. P-Charging-Function-Addresses: parameters only,
//                        the token is empty. Replaces: the Call-ID. P-*-Service: the URN.
enum sip_hid {
    SIP_H_OTHER,
    SIP_H_VIA, SIP_H_ROUTE, SIP_H_RECORD_ROUTE, SIP_H_MAX_FORWARDS, SIP_H_FROM, SIP_H_TO,
    SIP_H_CALL_ID, SIP_H_CSEQ, SIP_H_CONTACT, SIP_H_CONTENT_LENGTH, SIP_H_CONTENT_TYPE,
    SIP_H_EXPIRES, SIP_H_MIN_EXPIRES, SIP_H_PATH, SIP_H_SERVICE_ROUTE,
    SIP_H_AUTHORIZATION, SIP_H_WWW_AUTHENTICATE, SIP_H_PROXY_AUTHORIZATION,
    SIP_H_PROXY_AUTHENTICATE, SIP_H_AUTHENTICATION_INFO,
    SIP_H_SUPPORTED, SIP_H_REQUIRE, SIP_H_PROXY_REQUIRE, SIP_H_UNSUPPORTED, SIP_H_ALLOW,
    SIP_H_ACCEPT, SIP_H_EVENT, SIP_H_ALLOW_EVENTS, SIP_H_SUBSCRIPTION_STATE,
    SIP_H_P_ASSERTED_IDENTITY, SIP_H_P_PREFERRED_IDENTITY, SIP_H_P_ASSOCIATED_URI,
    SIP_H_P_VISITED_NETWORK_ID, SIP_H_P_ACCESS_NETWORK_INFO, SIP_H_P_CHARGING_VECTOR,
    SIP_H_P_CHARGING_FUNCTION_ADDRESSES, SIP_H_P_CALLED_PARTY_ID, SIP_H_P_SERVED_USER,
    SIP_H_P_USER_DATABASE, SIP_H_PRIVACY, SIP_H_REASON, SIP_H_WARNING, SIP_H_RETRY_AFTER,
    SIP_H_SECURITY_CLIENT, SIP_H_SECURITY_SERVER, SIP_H_SECURITY_VERIFY,
    SIP_H_SESSION_EXPIRES, SIP_H_MIN_SE, SIP_H_RACK, SIP_H_RSEQ, SIP_H_USER_AGENT, SIP_H_SERVER,
    SIP_H_DATE, SIP_H_REFER_TO, SIP_H_REPLACES, SIP_H_P_EARLY_MEDIA,
    SIP_H_P_PROFILE_KEY, SIP_H_HISTORY_INFO, SIP_H_FEATURE_CAPS, SIP_H_ACCEPT_CONTACT,
    SIP_H_REJECT_CONTACT, SIP_H_REQUEST_DISPOSITION, SIP_H_P_PREFERRED_SERVICE,
    SIP_H_P_ASSERTED_SERVICE,
    SIP_H_PRIORITY, SIP_H_RESOURCE_PRIORITY, SIP_H_PRIORITY_SHARE, SIP_H_RESOURCE_SHARE,
    SIP_H_P_PRIVATE_NETWORK_INDICATION, SIP_H_P_CHARGE_INFO, SIP_H_CELLULAR_NETWORK_INFO,
    SIP_H_RESTORATION_INFO, SIP_H_RELAYED_CHARGE, SIP_H_SERVICE_INTERACT_INFO,
    SIP_H_RESPONSE_SOURCE, SIP_H_ATTESTATION_INFO, SIP_H_ORIGINATION_ID, SIP_H_ADDITIONAL_IDENTITY,
    SIP_H_COUNT
};

// Full name of a header ("P-Asserted-Identity").
struct str sip_hid_name(enum sip_hid id);

// ;name=value or ;name (value.p NULL). Quotes of a quoted value are kept; sip_unquote removes them.
struct sip_param {
    struct str name, value;
    struct sip_param *next;
};

// Value of a parameter; *ret_present tells `;lr` from absence (may be NULL). STR_NONE when absent.
struct str sip_param_get(const struct sip_param *p, struct str name, bool *ret_present);
bool sip_param_has(const struct sip_param *p, struct str name);

struct arena;
// Without the quotes and with \-escapes resolved; s itself when it is not quoted.
struct str sip_unquote(struct arena *a, struct str s);

enum sip_scheme { SIP_SCHEME_OTHER, SIP_SCHEME_SIP, SIP_SCHEME_SIPS, SIP_SCHEME_TEL, SIP_SCHEME_URN };

struct sip_uri {
    enum sip_scheme scheme;
    struct str text;     // whole URI as it stood
    struct str user;     // sip: user part with escapes as received (p NULL: none); tel: the number
    struct str password;
    struct str host;     // sip only; an IPv6 reference keeps its brackets
    uint16_t port;       // 0: none given
    struct sip_param *params; // sip uri-parameters or tel parameters
    struct str headers;  // after '?', unparsed
};

// name-addr or addr-spec with header parameters: From, To, Route, Record-Route, Path,
// Service-Route, P-Asserted-Identity, P-Associated-URI, P-Called-Party-ID, P-Served-User, Refer-To ...
struct sip_addr {
    struct str display;  // as received, quotes included
    struct sip_uri uri;
    struct sip_param *params;
    struct str tag;      // From, To
    struct str text;     // whole element as it stood
};

struct sip_contact {
    bool star;           // Contact: *
    struct sip_addr addr;
    int64_t expires;     // seconds, -1 when absent (malformed values count as 3600, RFC 3261 10.2.1.1)
    uint16_t q;          // thousandths, 1000 when absent
    struct str instance; // +sip.instance, unquoted; p NULL when absent
    uint32_t reg_id;     // 0 when absent
};

enum sip_proto { SIP_PROTO_UDP, SIP_PROTO_TCP, SIP_PROTO_TLS, SIP_PROTO_OTHER };

struct sip_via {
    enum sip_proto proto;
    struct str proto_name;
    struct str host;     // sent-by; IPv6 with brackets
    uint16_t port;       // 0: none given
    struct str branch, received, maddr;
    bool has_rport;
    uint16_t rport;      // 0: no value
    int ttl;             // -1: none
    struct sip_param *params;
    struct str text;
};

struct sip_cseq {
    uint32_t number;
    enum sip_method method;
    struct str method_name;
};

// Authorization, WWW-Authenticate, Authentication-Info, ...: scheme (empty for Authentication-Info)
// and auth-params. Slices are unquoted; p NULL when absent.
struct sip_auth {
    struct str scheme;
    struct str username, realm, nonce, uri, response, algorithm, cnonce, opaque, qop, nc;
    struct str auts;               // RFC 3310: base64 of 14 bytes
    struct str ck, ik;             // WWW-Authenticate towards the P-CSCF (TS 24.229 7.2A.1)
    struct str integrity_protected;// TS 24.229 7.2A.2
    struct str stale, domain, nextnonce, rspauth;
    struct sip_param *params;      // all of them, as received
};

// token or token;params: Supported, Require, Event, Subscription-State, Reason, Privacy, ...
struct sip_token {
    struct str token;
    struct sip_param *params;
};

// P-Charging-Vector (RFC 7315 5.6); slices unquoted, p NULL when absent.
struct sip_charging_vector {
    struct str icid_value, icid_generated_at, orig_ioi, term_ioi, transit_ioi, related_icid;
    struct sip_param *params;
};

struct sip_rack {
    uint32_t rseq, cseq;
    enum sip_method method;
    struct str method_name;
};

// Security-Client, -Server, -Verify (RFC 3329 2.2, TS 33.203 annex H).
struct sip_security {
    struct str mechanism; // "ipsec-3gpp"
    uint16_t q;           // thousandths, 1000 when absent
    struct str alg, ealg, prot, mod;
    uint32_t spi_c, spi_s;
    uint16_t port_c, port_s;
    struct sip_param *params;
    struct str text;
};

struct sip_warning {
    unsigned code;
    struct str agent, text;
};

// A delta-seconds header with parameters: Expires, Min-Expires, Session-Expires, Retry-After, RSeq.
struct sip_delta {
    uint32_t value;
    struct sip_param *params;
};
