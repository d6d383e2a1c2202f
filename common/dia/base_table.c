// SPDX-License-Identifier: Apache-2.0
#include "dia/base.h"

#include <stddef.h>

#define B(id_, code_, name_, type_, flags_)                                                        \
    {.id = (id_), .code = (code_), .name = (name_), .type = (type_), .flags = (flags_)}

// RFC 6733 4.5, and DRMP of RFC 7944
static const struct dia_avp avps[] = {
    B(AVP_USER_NAME, 1, "User-Name", DIA_OCTETS, DIA_AVP_M),
    B(AVP_CLASS, 25, "Class", DIA_OCTETS, DIA_AVP_M),
    B(AVP_SESSION_TIMEOUT, 27, "Session-Timeout", DIA_U32, DIA_AVP_M),
    B(AVP_PROXY_STATE, 33, "Proxy-State", DIA_OCTETS, DIA_AVP_M),
    B(AVP_ACCT_SESSION_ID, 44, "Acct-Session-Id", DIA_OCTETS, DIA_AVP_M),
    B(AVP_ACCT_MULTI_SESSION_ID, 50, "Acct-Multi-Session-Id", DIA_OCTETS, DIA_AVP_M),
    B(AVP_EVENT_TIMESTAMP, 55, "Event-Timestamp", DIA_OCTETS, DIA_AVP_M),
    B(AVP_ACCT_INTERIM_INTERVAL, 85, "Acct-Interim-Interval", DIA_U32, DIA_AVP_M),
    B(AVP_HOST_IP_ADDRESS, 257, "Host-IP-Address", DIA_OCTETS, DIA_AVP_M),
    B(AVP_AUTH_APPLICATION_ID, 258, "Auth-Application-Id", DIA_U32, DIA_AVP_M),
    B(AVP_ACCT_APPLICATION_ID, 259, "Acct-Application-Id", DIA_U32, DIA_AVP_M),
    B(AVP_VENDOR_SPECIFIC_APPLICATION_ID, 260, "Vendor-Specific-Application-Id", DIA_GROUPED,
      DIA_AVP_M),
    B(AVP_REDIRECT_HOST_USAGE, 261, "Redirect-Host-Usage", DIA_U32, DIA_AVP_M),
    B(AVP_REDIRECT_MAX_CACHE_TIME, 262, "Redirect-Max-Cache-Time", DIA_U32, DIA_AVP_M),
    B(AVP_SESSION_ID, 263, "Session-Id", DIA_OCTETS, DIA_AVP_M),
    B(AVP_ORIGIN_HOST, 264, "Origin-Host", DIA_OCTETS, DIA_AVP_M),
    B(AVP_SUPPORTED_VENDOR_ID, 265, "Supported-Vendor-Id", DIA_U32, DIA_AVP_M),
    B(AVP_VENDOR_ID, 266, "Vendor-Id", DIA_U32, DIA_AVP_M),
    B(AVP_FIRMWARE_REVISION, 267, "Firmware-Revision", DIA_U32, 0),
    B(AVP_RESULT_CODE, 268, "Result-Code", DIA_U32, DIA_AVP_M),
    B(AVP_PRODUCT_NAME, 269, "Product-Name", DIA_OCTETS, 0),
    B(AVP_SESSION_BINDING, 270, "Session-Binding", DIA_U32, DIA_AVP_M),
    B(AVP_SESSION_SERVER_FAILOVER, 271, "Session-Server-Failover", DIA_U32, DIA_AVP_M),
    B(AVP_MULTI_ROUND_TIME_OUT, 272, "Multi-Round-Time-Out", DIA_U32, DIA_AVP_M),
    B(AVP_DISCONNECT_CAUSE, 273, "Disconnect-Cause", DIA_U32, DIA_AVP_M),
    B(AVP_AUTH_REQUEST_TYPE, 274, "Auth-Request-Type", DIA_U32, DIA_AVP_M),
    B(AVP_AUTH_GRACE_PERIOD, 276, "Auth-Grace-Period", DIA_U32, DIA_AVP_M),
    B(AVP_AUTH_SESSION_STATE, 277, "Auth-Session-State", DIA_U32, DIA_AVP_M),
    B(AVP_ORIGIN_STATE_ID, 278, "Origin-State-Id", DIA_U32, DIA_AVP_M),
    B(AVP_FAILED_AVP, 279, "Failed-AVP", DIA_GROUPED, DIA_AVP_M),
    B(AVP_PROXY_HOST, 280, "Proxy-Host", DIA_OCTETS, DIA_AVP_M),
    B(AVP_ERROR_MESSAGE, 281, "Error-Message", DIA_OCTETS, 0),
    B(AVP_ROUTE_RECORD, 282, "Route-Record", DIA_OCTETS, DIA_AVP_M),
    B(AVP_DESTINATION_REALM, 283, "Destination-Realm", DIA_OCTETS, DIA_AVP_M),
    B(AVP_PROXY_INFO, 284, "Proxy-Info", DIA_GROUPED, DIA_AVP_M),
    B(AVP_RE_AUTH_REQUEST_TYPE, 285, "Re-Auth-Request-Type", DIA_U32, DIA_AVP_M),
    B(AVP_ACCOUNTING_SUB_SESSION_ID, 287, "Accounting-Sub-Session-Id", DIA_U64, DIA_AVP_M),
    B(AVP_AUTHORIZATION_LIFETIME, 291, "Authorization-Lifetime", DIA_U32, DIA_AVP_M),
    B(AVP_REDIRECT_HOST, 292, "Redirect-Host", DIA_OCTETS, DIA_AVP_M),
    B(AVP_DESTINATION_HOST, 293, "Destination-Host", DIA_OCTETS, DIA_AVP_M),
    B(AVP_ERROR_REPORTING_HOST, 294, "Error-Reporting-Host", DIA_OCTETS, 0),
    B(AVP_TERMINATION_CAUSE, 295, "Termination-Cause", DIA_U32, DIA_AVP_M),
    B(AVP_ORIGIN_REALM, 296, "Origin-Realm", DIA_OCTETS, DIA_AVP_M),
    B(AVP_EXPERIMENTAL_RESULT, 297, "Experimental-Result", DIA_GROUPED, DIA_AVP_M),
    B(AVP_EXPERIMENTAL_RESULT_CODE, 298, "Experimental-Result-Code", DIA_U32, DIA_AVP_M),
    B(AVP_INBAND_SECURITY_ID, 299, "Inband-Security-Id", DIA_U32, DIA_AVP_M),
    B(AVP_DRMP, 301, "DRMP", DIA_U32, 0),
    B(AVP_ACCOUNTING_RECORD_TYPE, 480, "Accounting-Record-Type", DIA_U32, DIA_AVP_M),
    B(AVP_ACCOUNTING_REALTIME_REQUIRED, 483, "Accounting-Realtime-Required", DIA_U32, DIA_AVP_M),
    B(AVP_ACCOUNTING_RECORD_NUMBER, 485, "Accounting-Record-Number", DIA_U32, DIA_AVP_M),
};

// RFC 6733 6.11
static const struct dia_field vsai_fields[] = {
    DIA_F(AVP_VENDOR_ID, DIA_NUM, 1, struct dia_vsai, vendor),
    DIA_F(AVP_AUTH_APPLICATION_ID, DIA_NUM, 0, struct dia_vsai, auth),
    DIA_F(AVP_ACCT_APPLICATION_ID, DIA_NUM, 0, struct dia_vsai, acct),
};
static const DIA_FIELDS(vsai);

// RFC 6733 5.3.1
static const struct dia_field cer_fields[] = {
    DIA_F(AVP_ORIGIN_HOST, DIA_STR, 1, struct dia_caps, origin_host),
    DIA_F(AVP_ORIGIN_REALM, DIA_STR, 1, struct dia_caps, origin_realm),
    DIA_LIST(AVP_HOST_IP_ADDRESS, DIA_STR, 1, struct dia_caps, ips, n_ips),
    DIA_F(AVP_VENDOR_ID, DIA_NUM, 1, struct dia_caps, vendor_id),
    DIA_F(AVP_PRODUCT_NAME, DIA_STR, 1, struct dia_caps, product),
    DIA_F(AVP_ORIGIN_STATE_ID, DIA_NUM, 0, struct dia_caps, state_id),
    DIA_LIST(AVP_SUPPORTED_VENDOR_ID, DIA_NUM, 0, struct dia_caps, supported_vendors,
             n_supported_vendors),
    DIA_LIST(AVP_AUTH_APPLICATION_ID, DIA_NUM, 0, struct dia_caps, auth, n_auth),
    DIA_ANY(AVP_INBAND_SECURITY_ID),
    DIA_LIST(AVP_ACCT_APPLICATION_ID, DIA_NUM, 0, struct dia_caps, acct, n_acct),
    DIA_LIST(AVP_VENDOR_SPECIFIC_APPLICATION_ID, DIA_GROUP, 0, struct dia_caps, vsai, n_vsai,
             .group = &vsai),
    DIA_F(AVP_FIRMWARE_REVISION, DIA_NUM, 0, struct dia_caps, firmware),
};
static const DIA_FIELDS(cer);

// RFC 6733 5.3.2
static const struct dia_field cea_fields[] = {
    DIA_F(AVP_RESULT_CODE, DIA_RESULT, 1, struct dia_caps, result),
    DIA_F(AVP_ORIGIN_HOST, DIA_STR, 1, struct dia_caps, origin_host),
    DIA_F(AVP_ORIGIN_REALM, DIA_STR, 1, struct dia_caps, origin_realm),
    DIA_LIST(AVP_HOST_IP_ADDRESS, DIA_STR, 1, struct dia_caps, ips, n_ips),
    DIA_F(AVP_VENDOR_ID, DIA_NUM, 1, struct dia_caps, vendor_id),
    DIA_F(AVP_PRODUCT_NAME, DIA_STR, 1, struct dia_caps, product),
    DIA_F(AVP_ORIGIN_STATE_ID, DIA_NUM, 0, struct dia_caps, state_id),
    DIA_F(AVP_ERROR_MESSAGE, DIA_STR, 0, struct dia_caps, error_message),
    DIA_LIST(AVP_SUPPORTED_VENDOR_ID, DIA_NUM, 0, struct dia_caps, supported_vendors,
             n_supported_vendors),
    DIA_LIST(AVP_AUTH_APPLICATION_ID, DIA_NUM, 0, struct dia_caps, auth, n_auth),
    DIA_ANY(AVP_INBAND_SECURITY_ID),
    DIA_LIST(AVP_ACCT_APPLICATION_ID, DIA_NUM, 0, struct dia_caps, acct, n_acct),
    DIA_LIST(AVP_VENDOR_SPECIFIC_APPLICATION_ID, DIA_GROUP, 0, struct dia_caps, vsai, n_vsai,
             .group = &vsai),
    DIA_F(AVP_FIRMWARE_REVISION, DIA_NUM, 0, struct dia_caps, firmware),
};
static const DIA_FIELDS(cea);

// RFC 6733 5.5.1, 5.5.2
static const struct dia_field dwr_fields[] = {
    DIA_F(AVP_ORIGIN_HOST, DIA_STR, 1, struct dia_link, origin_host),
    DIA_F(AVP_ORIGIN_REALM, DIA_STR, 1, struct dia_link, origin_realm),
    DIA_F(AVP_ORIGIN_STATE_ID, DIA_NUM, 0, struct dia_link, state_id),
};
static const DIA_FIELDS(dwr);
static const struct dia_field dwa_fields[] = {
    DIA_F(AVP_RESULT_CODE, DIA_RESULT, 1, struct dia_link, result),
    DIA_F(AVP_ORIGIN_HOST, DIA_STR, 1, struct dia_link, origin_host),
    DIA_F(AVP_ORIGIN_REALM, DIA_STR, 1, struct dia_link, origin_realm),
    DIA_F(AVP_ERROR_MESSAGE, DIA_STR, 0, struct dia_link, error_message),
    DIA_F(AVP_ORIGIN_STATE_ID, DIA_NUM, 0, struct dia_link, state_id),
};
static const DIA_FIELDS(dwa);

// RFC 6733 5.4.1, 5.4.2
static const struct dia_field dpr_fields[] = {
    DIA_F(AVP_ORIGIN_HOST, DIA_STR, 1, struct dia_link, origin_host),
    DIA_F(AVP_ORIGIN_REALM, DIA_STR, 1, struct dia_link, origin_realm),
    DIA_F(AVP_DISCONNECT_CAUSE, DIA_NUM, 1, struct dia_link, cause),
};
static const DIA_FIELDS(dpr);
static const struct dia_field dpa_fields[] = {
    DIA_F(AVP_RESULT_CODE, DIA_RESULT, 1, struct dia_link, result),
    DIA_F(AVP_ORIGIN_HOST, DIA_STR, 1, struct dia_link, origin_host),
    DIA_F(AVP_ORIGIN_REALM, DIA_STR, 1, struct dia_link, origin_realm),
    DIA_F(AVP_ERROR_MESSAGE, DIA_STR, 0, struct dia_link, error_message),
};
static const DIA_FIELDS(dpa);

// RFC 6733 7.2
static const struct dia_field dia_error_grammar_fields[] = {
    DIA_F(AVP_SESSION_ID, DIA_STR, 0, struct dia_error, session_id),
    DIA_F(AVP_ORIGIN_HOST, DIA_STR, 1, struct dia_error, origin_host),
    DIA_F(AVP_ORIGIN_REALM, DIA_STR, 1, struct dia_error, origin_realm),
    DIA_F(AVP_RESULT_CODE, DIA_RESULT, 0, struct dia_error, result),
    DIA_F(AVP_EXPERIMENTAL_RESULT, DIA_EXPERIMENTAL, 0, struct dia_error, result,
          .value = DIA_VENDOR_3GPP),
    DIA_F(AVP_ORIGIN_STATE_ID, DIA_NUM, 0, struct dia_error, state_id),
    DIA_F(AVP_ERROR_MESSAGE, DIA_STR, 0, struct dia_error, error_message),
    DIA_F(AVP_ERROR_REPORTING_HOST, DIA_STR, 0, struct dia_error, reporting_host),
    DIA_LIST(AVP_REDIRECT_HOST, DIA_STR, 0, struct dia_error, redirects, n_redirects),
    DIA_F(AVP_REDIRECT_HOST_USAGE, DIA_NUM, 0, struct dia_error, redirect_usage),
    DIA_F(AVP_REDIRECT_MAX_CACHE_TIME, DIA_NUM, 0, struct dia_error, redirect_cache),
};
const DIA_FIELDS(dia_error_grammar);

static const struct dia_command commands[] = {
    {DIA_CER, 0, "Capabilities-Exchange-Request", "Capabilities-Exchange-Answer", "CE", &cer, &cea,
     sizeof(struct dia_caps), sizeof(struct dia_caps)},
    {DIA_DWR, 0, "Device-Watchdog-Request", "Device-Watchdog-Answer", "DW", &dwr, &dwa,
     sizeof(struct dia_link), sizeof(struct dia_link)},
    {DIA_DPR, 0, "Disconnect-Peer-Request", "Disconnect-Peer-Answer", "DP", &dpr, &dpa,
     sizeof(struct dia_link), sizeof(struct dia_link)},
};

const struct dia_interface dia_base = {
    .app = DIA_APP_BASE,
    .name = "Diameter Common Messages",
    .avps = avps,
    .n_avps = sizeof(avps) / sizeof(*avps),
    .commands = commands,
    .n_commands = sizeof(commands) / sizeof(*commands),
};
