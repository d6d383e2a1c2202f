// SPDX-License-Identifier: Apache-2.0
// Every row of the trust table (ims/trust.h) as lines of a message, for tests that send them all through a
// node. What each line has between "mark" and its end must be gone wherever the row's rule is not to
// let it pass.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ims/trust.h"

static const char *const trust_side_names[TRUST_SIDES] = {[TRUST_UE] = "ue",
                                                          [TRUST_HOME] = "home",
                                                          [TRUST_PARTNER] = "partner",
                                                          [TRUST_FOREIGN] = "foreign",
                                                          [TRUST_AS] = "as"};

struct trust_sample {
    enum sip_hid id;
    const char *param; // of the row, NULL: it is a header
    const char *line;  // NULL: in the Request-URI
    const char *mark;
};

static const struct trust_sample trust_samples[] = {
    {SIP_H_P_ASSERTED_IDENTITY, NULL, "P-Asserted-Identity: <sip:mark01@x.example>", "mark01"},
    {SIP_H_P_ASSERTED_IDENTITY, "cpc", "P-Asserted-Identity: <tel:+1555;cpc=mark02>;x=y", "mark02"},
    {SIP_H_P_PREFERRED_IDENTITY, NULL, "P-Preferred-Identity: <sip:mark03@x.example>", "mark03"},
    {SIP_H_P_ACCESS_NETWORK_INFO, NULL, "P-Access-Network-Info: mark04;network-provided", "mark04"},
    {SIP_H_CELLULAR_NETWORK_INFO, NULL, "Cellular-Network-Info: mark05;network-provided", "mark05"},
    {SIP_H_HISTORY_INFO, NULL, "History-Info: <sip:mark06@x.example?Privacy=history>;index=1", "mark06"},
    {SIP_H_P_ASSERTED_SERVICE, NULL, "P-Asserted-Service: urn:urn-7:mark07", "mark07"},
    {SIP_H_P_PREFERRED_SERVICE, NULL, "P-Preferred-Service: urn:urn-7:mark08", "mark08"},
    {SIP_H_RESOURCE_PRIORITY, NULL, "Resource-Priority: ets.mark09", "mark09"},
    {SIP_H_REASON, NULL, "Reason: Q.850;cause=16;text=\"mark10\"", "mark10"},
    {SIP_H_P_PROFILE_KEY, NULL, "P-Profile-Key: <sip:mark11@x.example>", "mark11"},
    {SIP_H_P_SERVED_USER, NULL, "P-Served-User: <sip:mark12@x.example>", "mark12"},
    {SIP_H_P_PRIVATE_NETWORK_INDICATION, NULL, "P-Private-Network-Indication: mark13", "mark13"},
    {SIP_H_P_EARLY_MEDIA, NULL, "P-Early-Media: supported, mark14", "mark14"},
    {SIP_H_FEATURE_CAPS, NULL, "Feature-Caps: *;+g.3gpp.mark15", "mark15"},
    {SIP_H_PRIORITY, NULL, "Priority: psap-callback;x=mark16", "mark16"},
    {SIP_H_OTHER, "iotl", NULL, "iotl="},
    {SIP_H_RESTORATION_INFO, NULL, "Restoration-Info: mark17", "mark17"},
    {SIP_H_RELAYED_CHARGE, NULL, "Relayed-Charge: mark18", "mark18"},
    {SIP_H_SERVICE_INTERACT_INFO, NULL, "Service-Interact-Info: mark19", "mark19"},
    {SIP_H_RESPONSE_SOURCE, NULL, "Response-Source: fe=<urn:3gpp:fe:mark20>", "mark20"},
    {SIP_H_ATTESTATION_INFO, NULL, "Attestation-Info: mark21", "mark21"},
    {SIP_H_ORIGINATION_ID, NULL, "Origination-Id: mark22", "mark22"},
    {SIP_H_ADDITIONAL_IDENTITY, NULL, "Additional-Identity: <sip:mark23@x.example>", "mark23"},
    {SIP_H_PRIORITY_SHARE, NULL, "Priority-Share: mark24", "mark24"},
    {SIP_H_RESOURCE_SHARE, NULL, "Resource-Share: mark25", "mark25"},
    {SIP_H_P_CHARGING_VECTOR, NULL, "P-Charging-Vector: icid-value=mark26", "mark26"},
    {SIP_H_P_CHARGING_FUNCTION_ADDRESSES, NULL, "P-Charging-Function-Addresses: ccf=mark27", "mark27"},
    {SIP_H_P_CHARGE_INFO, NULL, "P-Charge-Info: <sip:mark28@x.example>", "mark28"},
    {SIP_H_P_VISITED_NETWORK_ID, NULL, "P-Visited-Network-ID: mark29", "mark29"},
    {SIP_H_P_CALLED_PARTY_ID, NULL, "P-Called-Party-ID: <sip:mark30@x.example>", "mark30"},
    {SIP_H_P_ASSOCIATED_URI, NULL, "P-Associated-URI: <sip:mark31@x.example>", "mark31"},
    {SIP_H_P_USER_DATABASE, NULL, "P-User-Database: <aaa://mark32.example>", "mark32"},
    {SIP_H_PATH, NULL, "Path: <sip:mark33.example;lr>", "mark33"},
    {SIP_H_SERVICE_ROUTE, NULL, "Service-Route: <sip:mark34.example;lr>", "mark34"},
    {SIP_H_SECURITY_CLIENT, NULL, "Security-Client: ipsec-3gpp;alg=mark35", "mark35"},
    {SIP_H_SECURITY_VERIFY, NULL, "Security-Verify: ipsec-3gpp;alg=mark36", "mark36"},
    {SIP_H_SECURITY_SERVER, NULL, "Security-Server: ipsec-3gpp;alg=mark37", "mark37"},
    {SIP_H_AUTHORIZATION, NULL, "Authorization: Digest username=\"mark38\",realm=\"far.example\"", "mark38"},
    {SIP_H_PROXY_AUTHORIZATION, NULL, "Proxy-Authorization: Digest username=\"mark39\",realm=\"far.example\"",
     "mark39"},
    {SIP_H_WWW_AUTHENTICATE, NULL, "WWW-Authenticate: Digest realm=\"r\",ck=\"mark40\",nonce=\"n\"", "mark40"},
    {SIP_H_WARNING, NULL, "Warning: 399 mark41.example:5060 \"no response from 192.0.2.1\"", "mark41"},
};

static inline const struct trust_sample *trust_sample_of(const struct trust_row *row)
{
    for (size_t i = 0; i < ARRAY_LEN(trust_samples); i++) {
        const struct trust_sample *s = &trust_samples[i];
        bool same = row->params[0] ? s->param && strcmp(row->params[0], s->param) == 0 : !s->param;
        if (s->id == row->id && same)
            return s;
    }
    return NULL;
}

// The first identities are asserted by the first two lines: a row that takes them away leaves nothing of the other.
static inline bool trust_sample_passes(const struct trust_row *row, enum trust_way way,
                                       enum trust_side side, bool request)
{
    const struct trust_row *rows;
    size_t n;
    char rule = trust_rule(row, way, side);
    if (rule == 'r')
        return request;
    if (rule != '.' && !(rule == 'u' && !request))
        return false;
    rows = trust_rows(&n);
    for (size_t i = 0; i < n; i++)
        if (rows[i].id == row->id && row->id != SIP_H_OTHER && trust_rule(&rows[i], way, side) == 'D')
            return false;
    return true;
}

// All lines, each ended by \n, with a wish for privacy, in buf.
static inline const char *trust_sample_lines(char *buf, size_t cap)
{
    size_t at = (size_t)snprintf(buf, cap, "Privacy: id\n");
    for (size_t i = 0; i < ARRAY_LEN(trust_samples); i++)
        if (trust_samples[i].line)
            at += (size_t)snprintf(buf + at, cap - at, "%s\n", trust_samples[i].line);
    return buf;
}

// m came from one neighbour and went to the other. The charging vector of a response from outside is the
// request's own, and what a UE prefers has been decided on here.
static inline void trust_assert_marks(const struct sip_msg *m, enum trust_side from, enum trust_side to)
{
    size_t n;
    bool request = sip_msg_is_request(m);
    const struct trust_row *rows = trust_rows(&n);
    for (size_t i = 0; i < n; i++) {
        const struct trust_sample *s = trust_sample_of(&rows[i]);
        bool passes = s->line && trust_sample_passes(&rows[i], TRUST_IN, from, request) &&
                      trust_sample_passes(&rows[i], TRUST_OUT, to, request);
        if (!s->line || (s->id == SIP_H_P_CHARGING_VECTOR && !request && from == TRUST_FOREIGN))
            continue;
        if ((str_find(sip_msg_bytes(m), str_from(s->mark)) >= 0) != passes)
            fail_msg("%s from %s to %s is %s in\n%.*s", s->mark, trust_side_names[from], trust_side_names[to],
                     passes ? "gone" : "there", STR_ARG(sip_msg_bytes(m)));
    }
}
