// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "base/writer.h"
#include "dia/cx.h"
#include "dia/node_priv.h"

struct row {
    uint32_t code;
    const char *name;
};

// RFC 6733 7.1
static const struct row base[] = {
    {1001, "DIAMETER_MULTI_ROUND_AUTH"},
    {2001, "DIAMETER_SUCCESS"},
    {2002, "DIAMETER_LIMITED_SUCCESS"},
    {3001, "DIAMETER_COMMAND_UNSUPPORTED"},
    {3002, "DIAMETER_UNABLE_TO_DELIVER"},
    {3003, "DIAMETER_REALM_NOT_SERVED"},
    {3004, "DIAMETER_TOO_BUSY"},
    {3005, "DIAMETER_LOOP_DETECTED"},
    {3006, "DIAMETER_REDIRECT_INDICATION"},
    {3007, "DIAMETER_APPLICATION_UNSUPPORTED"},
    {3008, "DIAMETER_INVALID_HDR_BITS"},
    {3009, "DIAMETER_INVALID_AVP_BITS"},
    {3010, "DIAMETER_UNKNOWN_PEER"},
    {4001, "DIAMETER_AUTHENTICATION_REJECTED"},
    {4002, "DIAMETER_OUT_OF_SPACE"},
    {4003, "ELECTION_LOST"},
    {5001, "DIAMETER_AVP_UNSUPPORTED"},
    {5002, "DIAMETER_UNKNOWN_SESSION_ID"},
    {5003, "DIAMETER_AUTHORIZATION_REJECTED"},
    {5004, "DIAMETER_INVALID_AVP_VALUE"},
    {5005, "DIAMETER_MISSING_AVP"},
    {5006, "DIAMETER_RESOURCES_EXCEEDED"},
    {5007, "DIAMETER_CONTRADICTING_AVPS"},
    {5008, "DIAMETER_AVP_NOT_ALLOWED"},
    {5009, "DIAMETER_AVP_OCCURS_TOO_MANY_TIMES"},
    {5010, "DIAMETER_NO_COMMON_APPLICATION"},
    {5011, "DIAMETER_UNSUPPORTED_VERSION"},
    {5012, "DIAMETER_UNABLE_TO_COMPLY"},
    {5013, "DIAMETER_INVALID_BIT_IN_HEADER"},
    {5014, "DIAMETER_INVALID_AVP_LENGTH"},
    {5015, "DIAMETER_INVALID_MESSAGE_LENGTH"},
    {5016, "DIAMETER_INVALID_AVP_BIT_COMBO"},
    {5017, "DIAMETER_NO_COMMON_SECURITY"},
};

// TS 29.229 6.2
static const struct row experimental[] = {
    {CX_FIRST_REGISTRATION, "DIAMETER_FIRST_REGISTRATION"},
    {CX_SUBSEQUENT_REGISTRATION, "DIAMETER_SUBSEQUENT_REGISTRATION"},
    {CX_UNREGISTERED_SERVICE, "DIAMETER_UNREGISTERED_SERVICE"},
    {CX_SUCCESS_SERVER_NAME_NOT_STORED, "DIAMETER_SUCCESS_SERVER_NAME_NOT_STORED"},
    {CX_ERROR_USER_UNKNOWN, "DIAMETER_ERROR_USER_UNKNOWN"},
    {CX_ERROR_IDENTITIES_DONT_MATCH, "DIAMETER_ERROR_IDENTITIES_DONT_MATCH"},
    {CX_ERROR_IDENTITY_NOT_REGISTERED, "DIAMETER_ERROR_IDENTITY_NOT_REGISTERED"},
    {CX_ERROR_ROAMING_NOT_ALLOWED, "DIAMETER_ERROR_ROAMING_NOT_ALLOWED"},
    {CX_ERROR_IDENTITY_ALREADY_REGISTERED, "DIAMETER_ERROR_IDENTITY_ALREADY_REGISTERED"},
    {CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED, "DIAMETER_ERROR_AUTH_SCHEME_NOT_SUPPORTED"},
    {CX_ERROR_IN_ASSIGNMENT_TYPE, "DIAMETER_ERROR_IN_ASSIGNMENT_TYPE"},
    {CX_ERROR_TOO_MUCH_DATA, "DIAMETER_ERROR_TOO_MUCH_DATA"},
    {CX_ERROR_NOT_SUPPORTED_USER_DATA, "DIAMETER_ERROR_NOT_SUPPORTED_USER_DATA"},
    {CX_ERROR_FEATURE_UNSUPPORTED, "DIAMETER_ERROR_FEATURE_UNSUPPORTED"},
    {CX_ERROR_SERVING_NODE_FEATURE_UNSUPPORTED, "DIAMETER_ERROR_SERVING_NODE_FEATURE_UNSUPPORTED"},
};

static const char *find(const struct row *rows, size_t n, uint32_t code)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].code == code)
            return rows[i].name;
    return NULL;
}

static const char *known(struct dia_result r)
{
    return r.experimental ? find(experimental, ARRAY_LEN(experimental), r.code) :
                            find(base, ARRAY_LEN(base), r.code);
}

const char *dia_result_name(struct dia_result r)
{
    const char *name = known(r);
    return name           ? name :
           r.experimental ? "unknown Experimental-Result-Code" :
                            "unknown Result-Code";
}

uint32_t dia_result_unknown(struct dia_result r)
{
    return known(r) ? 0 : r.code;
}

// ---- how often each came ----

void dia_results_count(struct dia_results *t, struct dia_result r)
{
    size_t i = 0;
    while (i < t->n && (t->v[i].r.code != r.code || t->v[i].r.experimental != r.experimental))
        i++;
    if (i == DIA_RESULTS) {
        t->others++;
        return;
    }
    if (i == t->n)
        t->v[t->n++].r = r;
    t->v[i].count++;
}

void dia_results_stats(const struct dia_results *t, dia_stat_cb cb, void *arg)
{
    static const char name[] = "dia_results_total";
    for (size_t i = 0; i < t->n; i++) {
        char labels[64];
        struct writer w = writer_init(labels, sizeof labels - 1);
        writer_printf(&w, "code=\"%u\",kind=\"%s\"", t->v[i].r.code,
                      t->v[i].r.experimental ? "experimental" : "base");
        labels[w.n] = 0;
        cb(arg, name, labels, t->v[i].count);
    }
    if (t->others)
        cb(arg, name, "code=\"other\",kind=\"\"", t->others);
}
