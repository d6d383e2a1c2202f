// SPDX-License-Identifier: Apache-2.0
// Cx and Dx as one table: AVPs (TS 29.229 6.3), commands and their grammars (TS 29.229 6.1).
#include <stddef.h>

#include "base/mem.h"
#include "dia/base.h"
#include "dia/cx.h"

enum { VENDOR_ETSI = 13019 };

#define VM (DIA_AVP_V | DIA_AVP_M)
#define X(id_, code_, name_, type_, flags_)                                                        \
    {.id = (id_), .code = (code_), .vendor = DIA_VENDOR_3GPP, .name = (name_), .type = (type_),    \
     .flags = (flags_)}
#define D(id_, code_, name_)                                                                       \
    {.id = (id_), .code = (code_), .name = (name_), .type = DIA_OCTETS, .flags = DIA_AVP_M}

static const struct dia_avp avps[] = {
    // RFC 4740 9.5, used inside SIP-Digest-Authenticate
    D(AVP_DIGEST_REALM, 104, "Digest-Realm"),
    D(AVP_DIGEST_QOP, 110, "Digest-QoP"),
    D(AVP_DIGEST_ALGORITHM, 111, "Digest-Algorithm"),
    D(AVP_DIGEST_HA1, 121, "Digest-HA1"),
    X(AVP_VISITED_NETWORK_IDENTIFIER, 600, "Visited-Network-Identifier", DIA_OCTETS, VM),
    X(AVP_PUBLIC_IDENTITY, 601, "Public-Identity", DIA_OCTETS, VM),
    X(AVP_SERVER_NAME, 602, "Server-Name", DIA_OCTETS, VM),
    X(AVP_SERVER_CAPABILITIES, 603, "Server-Capabilities", DIA_GROUPED, VM),
    X(AVP_MANDATORY_CAPABILITY, 604, "Mandatory-Capability", DIA_U32, VM),
    X(AVP_OPTIONAL_CAPABILITY, 605, "Optional-Capability", DIA_U32, VM),
    X(AVP_USER_DATA, 606, "User-Data", DIA_OCTETS, VM),
    X(AVP_SIP_NUMBER_AUTH_ITEMS, 607, "SIP-Number-Auth-Items", DIA_U32, VM),
    X(AVP_SIP_AUTHENTICATION_SCHEME, 608, "SIP-Authentication-Scheme", DIA_OCTETS, VM),
    X(AVP_SIP_AUTHENTICATE, 609, "SIP-Authenticate", DIA_OCTETS, VM),
    X(AVP_SIP_AUTHORIZATION, 610, "SIP-Authorization", DIA_OCTETS, VM),
    X(AVP_SIP_AUTHENTICATION_CONTEXT, 611, "SIP-Authentication-Context", DIA_OCTETS, VM),
    X(AVP_SIP_AUTH_DATA_ITEM, 612, "SIP-Auth-Data-Item", DIA_GROUPED, VM),
    X(AVP_SIP_ITEM_NUMBER, 613, "SIP-Item-Number", DIA_U32, VM),
    X(AVP_SERVER_ASSIGNMENT_TYPE, 614, "Server-Assignment-Type", DIA_U32, VM),
    X(AVP_DEREGISTRATION_REASON, 615, "Deregistration-Reason", DIA_GROUPED, VM),
    X(AVP_REASON_CODE, 616, "Reason-Code", DIA_U32, VM),
    X(AVP_REASON_INFO, 617, "Reason-Info", DIA_OCTETS, VM),
    X(AVP_CHARGING_INFORMATION, 618, "Charging-Information", DIA_GROUPED, VM),
    X(AVP_PRIMARY_ECF, 619, "Primary-Event-Charging-Function-Name", DIA_OCTETS, VM),
    X(AVP_SECONDARY_ECF, 620, "Secondary-Event-Charging-Function-Name", DIA_OCTETS, VM),
    X(AVP_PRIMARY_CCF, 621, "Primary-Charging-Collection-Function-Name", DIA_OCTETS, VM),
    X(AVP_SECONDARY_CCF, 622, "Secondary-Charging-Collection-Function-Name", DIA_OCTETS, VM),
    X(AVP_USER_AUTHORIZATION_TYPE, 623, "User-Authorization-Type", DIA_U32, VM),
    X(AVP_USER_DATA_ALREADY_AVAILABLE, 624, "User-Data-Already-Available", DIA_U32, VM),
    X(AVP_CONFIDENTIALITY_KEY, 625, "Confidentiality-Key", DIA_OCTETS, VM),
    X(AVP_INTEGRITY_KEY, 626, "Integrity-Key", DIA_OCTETS, VM),
    X(AVP_SUPPORTED_FEATURES, 628, "Supported-Features", DIA_GROUPED, DIA_AVP_V),
    X(AVP_FEATURE_LIST_ID, 629, "Feature-List-ID", DIA_U32, DIA_AVP_V),
    X(AVP_FEATURE_LIST, 630, "Feature-List", DIA_U32, DIA_AVP_V),
    X(AVP_SUPPORTED_APPLICATIONS, 631, "Supported-Applications", DIA_GROUPED, DIA_AVP_V),
    X(AVP_ASSOCIATED_IDENTITIES, 632, "Associated-Identities", DIA_GROUPED, DIA_AVP_V),
    X(AVP_ORIGINATING_REQUEST, 633, "Originating-Request", DIA_U32, VM),
    X(AVP_WILDCARDED_PUBLIC_IDENTITY, 634, "Wildcarded-Public-Identity", DIA_OCTETS, DIA_AVP_V),
    X(AVP_SIP_DIGEST_AUTHENTICATE, 635, "SIP-Digest-Authenticate", DIA_GROUPED, DIA_AVP_V),
    X(AVP_WILDCARDED_IMPU, 636, "Wildcarded-IMPU", DIA_OCTETS, DIA_AVP_V),
    X(AVP_UAR_FLAGS, 637, "UAR-Flags", DIA_U32, DIA_AVP_V),
    X(AVP_LOOSE_ROUTE_INDICATION, 638, "Loose-Route-Indication", DIA_U32, DIA_AVP_V),
    X(AVP_SCSCF_RESTORATION_INFO, 639, "SCSCF-Restoration-Info", DIA_GROUPED, DIA_AVP_V),
    X(AVP_PATH, 640, "Path", DIA_OCTETS, DIA_AVP_V),
    X(AVP_CONTACT, 641, "Contact", DIA_OCTETS, DIA_AVP_V),
    X(AVP_SUBSCRIPTION_INFO, 642, "Subscription-Info", DIA_GROUPED, DIA_AVP_V),
    X(AVP_CALL_ID_SIP_HEADER, 643, "Call-ID-SIP-Header", DIA_OCTETS, DIA_AVP_V),
    X(AVP_FROM_SIP_HEADER, 644, "From-SIP-Header", DIA_OCTETS, DIA_AVP_V),
    X(AVP_TO_SIP_HEADER, 645, "To-SIP-Header", DIA_OCTETS, DIA_AVP_V),
    X(AVP_RECORD_ROUTE, 646, "Record-Route", DIA_OCTETS, DIA_AVP_V),
    X(AVP_ASSOCIATED_REGISTERED_GROUPS, 647, "Associated-Registered-Groups", DIA_GROUPED,
      DIA_AVP_V),
    X(AVP_MULTIPLE_REGISTRATION_INDICATION, 648, "Multiple-Registration-Indication", DIA_U32,
      DIA_AVP_V),
    X(AVP_RESTORATION_INFO, 649, "Restoration-Info", DIA_GROUPED, DIA_AVP_V),
    X(AVP_SESSION_PRIORITY, 650, "Session-Priority", DIA_U32, DIA_AVP_V),
    X(AVP_IDENTITY_WITH_EMERGENCY_REGISTRATION, 651, "Identity-with-Emergency-Registration",
      DIA_GROUPED, DIA_AVP_V),
    X(AVP_PRIVILEDGED_SENDER_INDICATION, 652, "Priviledged-Sender-Indication", DIA_U32, DIA_AVP_V),
    X(AVP_LIA_FLAGS, 653, "LIA-Flags", DIA_U32, DIA_AVP_V),
    X(AVP_INITIAL_CSEQ_SEQUENCE_NUMBER, 654, "Initial-CSeq-Sequence-Number", DIA_U32, DIA_AVP_V),
    X(AVP_SAR_FLAGS, 655, "SAR-Flags", DIA_U32, DIA_AVP_V),
    X(AVP_ALLOWED_WAF_WWSF_IDENTITIES, 656, "Allowed-WAF-WWSF-Identities", DIA_GROUPED, DIA_AVP_V),
    X(AVP_WEBRTC_AUTHENTICATION_FUNCTION_NAME, 657, "WebRTC-Authentication-Function-Name",
      DIA_OCTETS, DIA_AVP_V),
    X(AVP_WEBRTC_WEB_SERVER_FUNCTION_NAME, 658, "WebRTC-Web-Server-Function-Name", DIA_OCTETS,
      DIA_AVP_V),
    X(AVP_RTR_FLAGS, 659, "RTR-Flags", DIA_U32, DIA_AVP_V),
    X(AVP_ALTERNATE_DIGEST_ALGORITHM, 662, "Alternate-Digest-Algorithm", DIA_OCTETS, DIA_AVP_V),
    X(AVP_ALTERNATE_DIGEST_HA1, 663, "Alternate-Digest-HA1", DIA_OCTETS, DIA_AVP_V),
};

// ---- groups ----

static const struct dia_field app_id_fields[] = {
    DIA_C(AVP_VENDOR_ID, DIA_VENDOR_3GPP),
    DIA_C(AVP_AUTH_APPLICATION_ID, DIA_APP_CX),
};
static const DIA_FIELDS(app_id);

// TS 29.229 6.3.4
static const struct dia_field capabilities_fields[] = {
    DIA_LIST(AVP_MANDATORY_CAPABILITY, DIA_NUM, 0, struct cx_capabilities, mandatory, n_mandatory),
    DIA_LIST(AVP_OPTIONAL_CAPABILITY, DIA_NUM, 0, struct cx_capabilities, optional, n_optional),
    DIA_LIST(AVP_SERVER_NAME, DIA_STR, 0, struct cx_capabilities, server_names, n_server_names),
};
static const DIA_FIELDS(capabilities);

// TS 29.229 6.3.36
static const struct dia_field digest_fields[] = {
    DIA_F(AVP_DIGEST_REALM, DIA_STR, 0, struct cx_auth_item, digest_realm),
    DIA_F(AVP_DIGEST_ALGORITHM, DIA_STR, 0, struct cx_auth_item, digest_algorithm),
    DIA_F(AVP_DIGEST_QOP, DIA_STR, 0, struct cx_auth_item, digest_qop),
    DIA_F(AVP_DIGEST_HA1, DIA_STR, 0, struct cx_auth_item, digest_ha1),
    DIA_F(AVP_ALTERNATE_DIGEST_ALGORITHM, DIA_STR, 0, struct cx_auth_item, digest_alt_algorithm),
    DIA_F(AVP_ALTERNATE_DIGEST_HA1, DIA_STR, 0, struct cx_auth_item, digest_alt_ha1),
};
static const DIA_FIELDS(digest);

// TS 29.229 6.3.13
static const struct dia_field auth_item_fields[] = {
    DIA_F(AVP_SIP_ITEM_NUMBER, DIA_NUM, 0, struct cx_auth_item, item_number),
    DIA_F(AVP_SIP_AUTHENTICATION_SCHEME, DIA_STR, 0, struct cx_auth_item, scheme),
    DIA_F(AVP_SIP_AUTHENTICATE, DIA_STR, 0, struct cx_auth_item, authenticate),
    DIA_F(AVP_SIP_AUTHORIZATION, DIA_STR, 0, struct cx_auth_item, authorization),
    DIA_F(AVP_CONFIDENTIALITY_KEY, DIA_STR, 0, struct cx_auth_item, ck),
    DIA_F(AVP_INTEGRITY_KEY, DIA_STR, 0, struct cx_auth_item, ik),
    // its fields live in the item itself
    DIA_F(AVP_SIP_DIGEST_AUTHENTICATE, DIA_GROUP, 0, struct cx_auth_item, item_number,
          .group = &digest),
};
static const DIA_FIELDS(auth_item);

// TS 29.229 6.3.19
static const struct dia_field charging_fields[] = {
    DIA_F(AVP_PRIMARY_ECF, DIA_STR, 0, struct cx_charging, primary_ecf),
    DIA_F(AVP_SECONDARY_ECF, DIA_STR, 0, struct cx_charging, secondary_ecf),
    DIA_F(AVP_PRIMARY_CCF, DIA_STR, 0, struct cx_charging, primary_ccf),
    DIA_F(AVP_SECONDARY_CCF, DIA_STR, 0, struct cx_charging, secondary_ccf),
};
static const DIA_FIELDS(charging);

// TS 29.229 6.3.33; the fields live in the message itself
static const struct dia_field saa_identities_fields[] = {
    DIA_LIST(AVP_USER_NAME, DIA_STR, 0, struct cx_saa, associated_identities, n_associated),
};
static const DIA_FIELDS(saa_identities);
static const struct dia_field rtr_identities_fields[] = {
    DIA_LIST(AVP_USER_NAME, DIA_STR, 0, struct cx_rtr, associated_identities, n_associated),
};
static const DIA_FIELDS(rtr_identities);
static const struct dia_field rta_identities_fields[] = {
    DIA_LIST(AVP_USER_NAME, DIA_STR, 0, struct cx_rta, associated_identities, n_associated),
};
static const DIA_FIELDS(rta_identities);

// TS 29.229 6.3.16
static const struct dia_field reason_fields[] = {
    DIA_F(AVP_REASON_CODE, DIA_NUM, 1, struct cx_rtr, reason, .value = CX_REMOVE_S_CSCF),
    DIA_F(AVP_REASON_INFO, DIA_STR, 0, struct cx_rtr, reason_info),
};
static const DIA_FIELDS(reason);

// TS 29.229 6.3.29
static const struct dia_field features_fields[] = {
    DIA_F(AVP_VENDOR_ID, DIA_NUM, 1, struct cx_feature, vendor),
    DIA_F(AVP_FEATURE_LIST_ID, DIA_NUM, 1, struct cx_feature, list_id),
    DIA_F(AVP_FEATURE_LIST, DIA_NUM, 1, struct cx_feature, list),
};
static const DIA_FIELDS(features);

// ---- what all commands share (TS 29.229 6.1) ----

#define EMBEDDED(avp_, min_, type_, group_)                                                        \
    DIA_F(avp_, DIA_GROUP, min_, type_, head, .group = &(group_))

#define HEAD(type_)                                                                                \
    DIA_F(AVP_SESSION_ID, DIA_STR, 1, type_, head.session_id),                                     \
    EMBEDDED(AVP_VENDOR_SPECIFIC_APPLICATION_ID, 1, type_, app_id),                                \
    DIA_C(AVP_AUTH_SESSION_STATE, 1), /* NO_STATE_MAINTAINED, TS 29.229 6.1 */                     \
    DIA_F(AVP_ORIGIN_HOST, DIA_STR, 1, type_, head.origin_host),                                   \
    DIA_F(AVP_ORIGIN_REALM, DIA_STR, 1, type_, head.origin_realm),                                 \
    DIA_LIST(AVP_SUPPORTED_FEATURES, DIA_GROUP, 0, type_, head.features, head.n_features,          \
             .group = &features, .value = DIA_PRESENT(struct cx_feature, required))

#define REQUEST(type_)                                                                             \
    HEAD(type_), DIA_F(AVP_DESTINATION_HOST, DIA_STR, 0, type_, head.dest_host),                   \
    DIA_F(AVP_DESTINATION_REALM, DIA_STR, 1, type_, head.dest_realm)

#define ANSWER(type_)                                                                              \
    HEAD(type_), DIA_F(AVP_RESULT_CODE, DIA_RESULT, 0, type_, result),                             \
    {.avp = AVP_FAILED_AVP, .kind = DIA_FAILED, .at = offsetof(type_, head.failed)},               \
    DIA_F(AVP_EXPERIMENTAL_RESULT, DIA_EXPERIMENTAL, 0, type_, result, .value = DIA_VENDOR_3GPP)

// ---- the commands ----

static const struct dia_field uar_fields[] = {
    REQUEST(struct cx_uar),
    DIA_F(AVP_USER_NAME, DIA_STR, 1, struct cx_uar, impi),
    DIA_F(AVP_PUBLIC_IDENTITY, DIA_STR, 1, struct cx_uar, impu),
    DIA_F(AVP_VISITED_NETWORK_IDENTIFIER, DIA_STR, 1, struct cx_uar, visited_network),
    DIA_F(AVP_USER_AUTHORIZATION_TYPE, DIA_NUM, 0, struct cx_uar, type,
          .value = CX_UAR_REGISTRATION_AND_CAPABILITIES),
    DIA_F(AVP_UAR_FLAGS, DIA_BIT, 0, struct cx_uar, emergency, .value = 1),
};
static const DIA_FIELDS(uar);
static const struct dia_field uaa_fields[] = {
    ANSWER(struct cx_uaa),
    DIA_F(AVP_SERVER_NAME, DIA_STR, 0, struct cx_uaa, server_name),
    DIA_F(AVP_SERVER_CAPABILITIES, DIA_GROUP, 0, struct cx_uaa, capabilities,
          .group = &capabilities, .present_at = DIA_PRESENT(struct cx_uaa, capabilities.present)),
};
static const DIA_FIELDS(uaa);

static const struct dia_field sar_fields[] = {
    REQUEST(struct cx_sar),
    DIA_F(AVP_USER_NAME, DIA_STR, 0, struct cx_sar, impi),
    DIA_LIST(AVP_PUBLIC_IDENTITY, DIA_STR, 0, struct cx_sar, impus, n_impus),
    DIA_F(AVP_WILDCARDED_PUBLIC_IDENTITY, DIA_STR, 0, struct cx_sar, wildcard),
    DIA_F(AVP_SERVER_NAME, DIA_STR, 1, struct cx_sar, server_name),
    DIA_F(AVP_SERVER_ASSIGNMENT_TYPE, DIA_NUM, 1, struct cx_sar, type, .value = CX_RESTORATION),
    DIA_F(AVP_USER_DATA_ALREADY_AVAILABLE, DIA_BOOL, 1, struct cx_sar,
          user_data_already_available),
};
static const DIA_FIELDS(sar);
static const struct dia_field saa_fields[] = {
    ANSWER(struct cx_saa),
    DIA_F(AVP_USER_NAME, DIA_STR, 0, struct cx_saa, impi),
    DIA_F(AVP_SERVER_NAME, DIA_STR, 0, struct cx_saa, server_name),
    DIA_F(AVP_USER_DATA, DIA_STR, 0, struct cx_saa, user_data),
    DIA_F(AVP_CHARGING_INFORMATION, DIA_GROUP, 0, struct cx_saa, charging, .group = &charging),
    EMBEDDED(AVP_ASSOCIATED_IDENTITIES, 0, struct cx_saa, saa_identities),
    DIA_F(AVP_LOOSE_ROUTE_INDICATION, DIA_BOOL, 0, struct cx_saa, loose_route,
          .present_at = DIA_PRESENT(struct cx_saa, loose_route_present)),
    DIA_F(AVP_WILDCARDED_PUBLIC_IDENTITY, DIA_STR, 0, struct cx_saa, wildcard),
};
static const DIA_FIELDS(saa);

static const struct dia_field lir_fields[] = {
    REQUEST(struct cx_lir),
    DIA_F(AVP_ORIGINATING_REQUEST, DIA_SWITCH, 0, struct cx_lir, originating, .value = 0),
    DIA_F(AVP_PUBLIC_IDENTITY, DIA_STR, 1, struct cx_lir, impu),
    DIA_F(AVP_USER_AUTHORIZATION_TYPE, DIA_SWITCH, 0, struct cx_lir, and_capabilities,
          .value = CX_UAR_REGISTRATION_AND_CAPABILITIES),
};
static const DIA_FIELDS(lir);
static const struct dia_field lia_fields[] = {
    ANSWER(struct cx_lia),
    DIA_F(AVP_SERVER_NAME, DIA_STR, 0, struct cx_lia, server_name),
    DIA_F(AVP_SERVER_CAPABILITIES, DIA_GROUP, 0, struct cx_lia, capabilities,
          .group = &capabilities, .present_at = DIA_PRESENT(struct cx_lia, capabilities.present)),
    DIA_F(AVP_WILDCARDED_PUBLIC_IDENTITY, DIA_STR, 0, struct cx_lia, wildcard),
};
static const DIA_FIELDS(lia);

static const struct dia_field mar_fields[] = {
    REQUEST(struct cx_mar),
    DIA_F(AVP_USER_NAME, DIA_STR, 1, struct cx_mar, impi),
    DIA_F(AVP_PUBLIC_IDENTITY, DIA_STR, 1, struct cx_mar, impu),
    DIA_F(AVP_SIP_AUTH_DATA_ITEM, DIA_GROUP, 1, struct cx_mar, item, .group = &auth_item),
    DIA_F(AVP_SIP_NUMBER_AUTH_ITEMS, DIA_NUM, 1, struct cx_mar, n_items),
    DIA_F(AVP_SERVER_NAME, DIA_STR, 1, struct cx_mar, server_name),
};
static const DIA_FIELDS(mar);
static const struct dia_field maa_fields[] = {
    ANSWER(struct cx_maa),
    DIA_F(AVP_USER_NAME, DIA_STR, 0, struct cx_maa, impi),
    DIA_F(AVP_PUBLIC_IDENTITY, DIA_STR, 0, struct cx_maa, impu),
    DIA_F(AVP_SIP_NUMBER_AUTH_ITEMS, DIA_COUNTER, 0, struct cx_maa, n_items),
    DIA_LIST(AVP_SIP_AUTH_DATA_ITEM, DIA_GROUP, 0, struct cx_maa, items, n_items,
             .group = &auth_item),
};
static const DIA_FIELDS(maa);

static const struct dia_field rtr_fields[] = {
    REQUEST(struct cx_rtr),
    DIA_F(AVP_USER_NAME, DIA_STR, 1, struct cx_rtr, impi),
    EMBEDDED(AVP_ASSOCIATED_IDENTITIES, 0, struct cx_rtr, rtr_identities),
    DIA_LIST(AVP_PUBLIC_IDENTITY, DIA_STR, 0, struct cx_rtr, impus, n_impus),
    EMBEDDED(AVP_DEREGISTRATION_REASON, 1, struct cx_rtr, reason),
};
static const DIA_FIELDS(rtr);
static const struct dia_field rta_fields[] = {
    ANSWER(struct cx_rta),
    EMBEDDED(AVP_ASSOCIATED_IDENTITIES, 0, struct cx_rta, rta_identities),
};
static const DIA_FIELDS(rta);

static const struct dia_field ppr_fields[] = {
    REQUEST(struct cx_ppr),
    DIA_F(AVP_USER_NAME, DIA_STR, 1, struct cx_ppr, impi),
    DIA_F(AVP_USER_DATA, DIA_STR, 0, struct cx_ppr, user_data),
    DIA_F(AVP_CHARGING_INFORMATION, DIA_GROUP, 0, struct cx_ppr, charging, .group = &charging),
    DIA_F(AVP_SIP_AUTH_DATA_ITEM, DIA_GROUP, 0, struct cx_ppr, item, .group = &auth_item),
};
static const DIA_FIELDS(ppr);
static const struct dia_field ppa_fields[] = {ANSWER(struct cx_ppa)};
static const DIA_FIELDS(ppa);

#define COMMAND(code_, name_, tag_, in_, out_)                                                     \
    {code_, DIA_CMD_P, name_ "-Request", name_ "-Answer", tag_, &in_, &out_,                       \
     sizeof(struct cx_##in_), sizeof(struct cx_##out_)}

// TS 29.229 5
static const struct dia_command commands[] = {
    COMMAND(300, "User-Authorization", "UA", uar, uaa),
    COMMAND(301, "Server-Assignment", "SA", sar, saa),
    COMMAND(302, "Location-Info", "LI", lir, lia),
    COMMAND(303, "Multimedia-Auth", "MA", mar, maa),
    COMMAND(304, "Registration-Termination", "RT", rtr, rta),
    COMMAND(305, "Push-Profile", "PP", ppr, ppa),
};

const struct dia_interface dia_cx = {
    .app = DIA_APP_CX,
    .vendor = DIA_VENDOR_3GPP,
    .vendors = {DIA_VENDOR_3GPP, VENDOR_ETSI}, // TS 29.229 5.6
    .name = "3GPP Cx",
    .avps = avps,
    .n_avps = ARRAY_LEN(avps),
    .commands = commands,
    .n_commands = ARRAY_LEN(commands),
};
