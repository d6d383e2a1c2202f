// SPDX-License-Identifier: Apache-2.0
#include "ims/alternative.h"

#define BODY(type, reason, action)                                                                 \
    STR_INIT("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                        \
             "<ims-3gpp version=\"1\"><alternative-service><type>" type "</type><reason>" reason   \
             "</reason>" action "</alternative-service></ims-3gpp>\n")
#define ACTION(name) "<action>" name "</action>"

struct sip_edits *ims_alternative_new(struct arena *a, enum ims_alternative what,
                                      struct str asserted)
{
    static const struct str bodies[] = {
        [IMS_RESTORATION] = BODY("restoration", "", ACTION("initial-registration")),
        [IMS_EMERGENCY] = BODY("emergency", "no emergency calls by this network", ""),
        [IMS_EMERGENCY_REGISTRATION] = BODY("emergency", "emergency registration is needed",
                                            ACTION("emergency-registration")),
    };
    struct sip_edits *e = ARENA_NEW(a, struct sip_edits);
    if (!e || !asserted.p)
        return NULL;
    sip_edits_init(e, a, NULL);
    sip_edit_append(e, SIP_H_P_ASSERTED_IDENTITY, asserted);
    sip_edit_body(e, STR("application/3gpp-ims+xml"), bodies[what]);
    return e;
}
