// SPDX-License-Identifier: Apache-2.0
#include "sip/header.h"

#include "base/writer.h"
#include "sip/addr_hdr.h"
#include "sip/families.h"
#include "sip/chars.h"
#include "sip/name_index.h"
#include "sip/token.h"

// The typed functions of a family, as the table calls them.
#define FAMILY(kind, type, reader, writer_fn)                                                      \
    static void read_##kind(struct cur *c, void *ret_value)                                        \
    {                                                                                              \
        reader(c, ret_value);                                                                      \
    }                                                                                              \
    static void write_##kind(struct writer *w, const void *value)                                  \
    {                                                                                              \
        writer_fn(w, value);                                                                       \
    }                                                                                              \
    typedef type type_##kind;

static void write_str(struct writer *w, const struct str *s)
{
    writer_str(w, *s);
}

FAMILY(via, struct sip_via, sip_via_read, sip_via_write)
FAMILY(addr, struct sip_addr, sip_addr_read, sip_addr_write)
FAMILY(contact, struct sip_contact, sip_contact_read, sip_contact_write)
FAMILY(cseq, struct sip_cseq, sip_cseq_read, sip_cseq_write)
FAMILY(rack, struct sip_rack, sip_rack_read, sip_rack_write)
FAMILY(auth, struct sip_auth, sip_auth_read, sip_auth_write)
FAMILY(auth_info, struct sip_auth, sip_auth_info_read, sip_auth_write)
FAMILY(token, struct sip_token, sip_token_read, sip_token_write)
FAMILY(media, struct sip_token, sip_media_read, sip_token_write)
FAMILY(word, struct sip_token, sip_word_read, sip_token_write)
FAMILY(network, struct sip_token, sip_token_or_quoted_read, sip_token_write)
FAMILY(params, struct sip_token, sip_params_read, sip_token_write)
FAMILY(privacy, struct sip_token, sip_bare_token_read, sip_token_write)
FAMILY(charging, struct sip_charging_vector, sip_charging_vector_read, sip_charging_vector_write)
FAMILY(security, struct sip_security, sip_security_read, sip_security_write)
FAMILY(delta, struct sip_delta, sip_delta_read, sip_delta_write)
FAMILY(number, struct sip_delta, sip_number_read, sip_delta_write)
FAMILY(warning, struct sip_warning, sip_warning_read, sip_warning_write)
FAMILY(call_id, struct str, sip_call_id_read, write_str)
FAMILY(text, struct str, sip_text_read, write_str)

#define ROW(header, compact_form, how, sep, kind)                                                  \
    {STR_INIT(header), compact_form, how, sep, sizeof(type_##kind), read_##kind, write_##kind}
#define ONE(header, compact_form, kind) ROW(header, compact_form, SIP_ONE, 0, kind)
#define MANY(header, compact_form, kind) ROW(header, compact_form, SIP_MANY, 0, kind)
#define LIST(header, compact_form, kind) ROW(header, compact_form, SIP_LIST, ',', kind)

const struct sip_header sip_header_rows[SIP_H_COUNT] = {
    [SIP_H_OTHER] = MANY("", 0, text),
    [SIP_H_VIA] = LIST("Via", 'v', via),
    [SIP_H_ROUTE] = LIST("Route", 0, addr),
    [SIP_H_RECORD_ROUTE] = LIST("Record-Route", 0, addr),
    [SIP_H_MAX_FORWARDS] = ONE("Max-Forwards", 0, number),
    [SIP_H_FROM] = ONE("From", 'f', addr),
    [SIP_H_TO] = ONE("To", 't', addr),
    [SIP_H_CALL_ID] = ONE("Call-ID", 'i', call_id),
    [SIP_H_CSEQ] = ONE("CSeq", 0, cseq),
    [SIP_H_CONTACT] = LIST("Contact", 'm', contact),
    [SIP_H_CONTENT_LENGTH] = ONE("Content-Length", 'l', number),
    [SIP_H_CONTENT_TYPE] = ONE("Content-Type", 'c', media),
    [SIP_H_EXPIRES] = ONE("Expires", 0, delta),
    [SIP_H_MIN_EXPIRES] = ONE("Min-Expires", 0, delta),
    [SIP_H_PATH] = LIST("Path", 0, addr),
    [SIP_H_SERVICE_ROUTE] = LIST("Service-Route", 0, addr),
    [SIP_H_AUTHORIZATION] = MANY("Authorization", 0, auth),
    [SIP_H_WWW_AUTHENTICATE] = MANY("WWW-Authenticate", 0, auth),
    [SIP_H_PROXY_AUTHORIZATION] = MANY("Proxy-Authorization", 0, auth),
    [SIP_H_PROXY_AUTHENTICATE] = MANY("Proxy-Authenticate", 0, auth),
    [SIP_H_AUTHENTICATION_INFO] = MANY("Authentication-Info", 0, auth_info),
    [SIP_H_SUPPORTED] = LIST("Supported", 'k', token),
    [SIP_H_REQUIRE] = LIST("Require", 0, token),
    [SIP_H_PROXY_REQUIRE] = LIST("Proxy-Require", 0, token),
    [SIP_H_UNSUPPORTED] = LIST("Unsupported", 0, token),
    [SIP_H_ALLOW] = LIST("Allow", 0, token),
    [SIP_H_ACCEPT] = LIST("Accept", 0, media),
    [SIP_H_EVENT] = ONE("Event", 'o', token),
    [SIP_H_ALLOW_EVENTS] = LIST("Allow-Events", 'u', token),
    [SIP_H_SUBSCRIPTION_STATE] = ONE("Subscription-State", 0, token),
    [SIP_H_P_ASSERTED_IDENTITY] = LIST("P-Asserted-Identity", 0, addr),
    [SIP_H_P_PREFERRED_IDENTITY] = LIST("P-Preferred-Identity", 0, addr),
    [SIP_H_P_ASSOCIATED_URI] = LIST("P-Associated-URI", 0, addr),
    [SIP_H_P_VISITED_NETWORK_ID] = LIST("P-Visited-Network-ID", 0, network),
    [SIP_H_P_ACCESS_NETWORK_INFO] = LIST("P-Access-Network-Info", 0, token),
    [SIP_H_P_CHARGING_VECTOR] = ONE("P-Charging-Vector", 0, charging),
    [SIP_H_P_CHARGING_FUNCTION_ADDRESSES] = LIST("P-Charging-Function-Addresses", 0, params),
    [SIP_H_P_CALLED_PARTY_ID] = ONE("P-Called-Party-ID", 0, addr),
    [SIP_H_P_SERVED_USER] = ONE("P-Served-User", 0, addr),
    [SIP_H_P_USER_DATABASE] = ONE("P-User-Database", 0, addr),
    [SIP_H_PRIVACY] = ROW("Privacy", 0, SIP_LIST, ';', privacy),
    [SIP_H_REASON] = LIST("Reason", 0, token),
    [SIP_H_WARNING] = LIST("Warning", 0, warning),
    [SIP_H_RETRY_AFTER] = ONE("Retry-After", 0, delta),
    [SIP_H_SECURITY_CLIENT] = LIST("Security-Client", 0, security),
    [SIP_H_SECURITY_SERVER] = LIST("Security-Server", 0, security),
    [SIP_H_SECURITY_VERIFY] = LIST("Security-Verify", 0, security),
    [SIP_H_SESSION_EXPIRES] = ONE("Session-Expires", 'x', delta),
    [SIP_H_MIN_SE] = ONE("Min-SE", 0, delta),
    [SIP_H_RACK] = ONE("RAck", 0, rack),
    [SIP_H_RSEQ] = ONE("RSeq", 0, number),
    [SIP_H_USER_AGENT] = ONE("User-Agent", 0, text),
    [SIP_H_SERVER] = ONE("Server", 0, text),
    [SIP_H_DATE] = ONE("Date", 0, text),
    [SIP_H_REFER_TO] = ONE("Refer-To", 'r', addr),
    [SIP_H_REPLACES] = ONE("Replaces", 0, word),
    [SIP_H_P_EARLY_MEDIA] = LIST("P-Early-Media", 0, token),
    [SIP_H_P_PROFILE_KEY] = ONE("P-Profile-Key", 0, addr),
    [SIP_H_HISTORY_INFO] = LIST("History-Info", 0, addr),
    [SIP_H_FEATURE_CAPS] = LIST("Feature-Caps", 0, token),
    [SIP_H_ACCEPT_CONTACT] = LIST("Accept-Contact", 'a', token),
    [SIP_H_REJECT_CONTACT] = LIST("Reject-Contact", 'j', token),
    [SIP_H_REQUEST_DISPOSITION] = LIST("Request-Disposition", 'd', token),
    [SIP_H_P_PREFERRED_SERVICE] = LIST("P-Preferred-Service", 0, word),
    [SIP_H_P_ASSERTED_SERVICE] = LIST("P-Asserted-Service", 0, word),
    [SIP_H_PRIORITY] = ONE("Priority", 0, token),
    [SIP_H_RESOURCE_PRIORITY] = LIST("Resource-Priority", 0, token),
    [SIP_H_PRIORITY_SHARE] = MANY("Priority-Share", 0, text),
    [SIP_H_RESOURCE_SHARE] = MANY("Resource-Share", 0, text),
    [SIP_H_P_PRIVATE_NETWORK_INDICATION] = MANY("P-Private-Network-Indication", 0, text),
    [SIP_H_P_CHARGE_INFO] = MANY("P-Charge-Info", 0, text),
    [SIP_H_CELLULAR_NETWORK_INFO] = LIST("Cellular-Network-Info", 0, token),
    [SIP_H_RESTORATION_INFO] = MANY("Restoration-Info", 0, text),
    [SIP_H_RELAYED_CHARGE] = MANY("Relayed-Charge", 0, text),
    [SIP_H_SERVICE_INTERACT_INFO] = MANY("Service-Interact-Info", 0, text),
    [SIP_H_RESPONSE_SOURCE] = MANY("Response-Source", 0, text),
    [SIP_H_ATTESTATION_INFO] = MANY("Attestation-Info", 0, text),
    [SIP_H_ORIGINATION_ID] = MANY("Origination-Id", 0, text),
    [SIP_H_ADDITIONAL_IDENTITY] = MANY("Additional-Identity", 0, text),
};

struct str sip_hid_name(enum sip_hid id)
{
    return sip_header(id)->name;
}

struct sip_name sip_names[NAME_MAX_COUNT];
uint8_t sip_name_slots[NAME_SLOTS];

static void name_add(size_t i, const char *text, size_t n, enum sip_hid id)
{
    struct sip_name *x = &sip_names[i];
    x->n = (uint32_t)n;
    x->id = id;
    for (size_t k = 0; k < n; k++)
        x->text[k] = ch_lower(text[k]);
    x->text[n] = ':';
    memset(x->mask, 0xff, n + 1);
    sip_name_slots[name_slot(x->text, n)] = (uint8_t)i;
}

__attribute__((constructor)) static void names_init(void)
{
    size_t i = 1;
    for (unsigned id = SIP_H_OTHER + 1; id < SIP_H_COUNT; id++) {
        const struct sip_header *h = &sip_header_rows[id];
        name_add(i++, h->name.p, h->name.n, (enum sip_hid)id);
        if (h->compact)
            name_add(i++, &h->compact, 1, (enum sip_hid)id);
    }
}

enum sip_hid sip_hid_from(struct str name)
{
    if (!name.n)
        return SIP_H_OTHER;
    const struct sip_name *x = &sip_names[sip_name_slots[name_slot(name.p, name.n)]];
    return str_ieq(name, str_make(x->text, x->n)) ? (enum sip_hid)x->id : SIP_H_OTHER;
}
