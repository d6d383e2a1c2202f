// SPDX-License-Identifier: Apache-2.0
// A network that has lost the registration says so in a 504 (TS 24.229 5.1.2A.1.6, TS 23.380 4.3, 4.4).
#include "tools/ue/ue_priv.h"

#include <libxml/tree.h>

#include "sip/addr_hdr.h"
#include "sip/uri.h"
#include "xml/dom.h"

enum { BODY_MAX = 8192 };

// Is uri one of the values of a list as it was kept from the 200 (OK)?
static bool among(struct arena *a, struct str list, const struct sip_uri *uri)
{
    while (list.n) {
        struct sip_addr v;
        if (sip_addr_parse(a, str_trim(str_split(&list, ',')), &v) == 0 && sip_uri_eq(&v.uri, uri))
            return true;
    }
    return false;
}

// Who asserts himself in it is whom the registration went through: anybody else could send a phone away.
static bool from_own_network(const struct phone *ph, const struct sip_msg *m)
{
    struct sip_iter it = sip_iter_init(m, SIP_H_P_ASSERTED_IDENTITY);
    for (const struct sip_addr *v; (v = sip_iter_next(&it));)
        if (among(sip_msg_arena(m), ph->service_route, &v->uri) || among(sip_msg_arena(m), ph->path, &v->uri))
            return true;
    return false;
}

// TS 24.229 7.6: <ims-3gpp><alternative-service> with type "restoration" and action "initial-registration".
static bool asks_for_registration(const struct sip_msg *m)
{
    struct xml_error err;
    xmlDoc *doc;
    struct str type = sip_msg_raw(m, SIP_H_CONTENT_TYPE);
    if (!str_ieq(str_trim(str_split(&type, ';')), STR("application/3gpp-ims+xml")) ||
        xml_load(sip_msg_body(m), BODY_MAX, "ims-3gpp", &doc, &err))
        return false;
    struct arena *a = sip_msg_arena(m);
    const xmlNode *service = xml_child(xmlDocGetRootElement(doc), "alternative-service");
    bool yes = str_eq(xml_text(a, xml_child(service, "type")), STR("restoration")) &&
               str_eq(xml_text(a, xml_child(service, "action")), STR("initial-registration"));
    xmlFreeDoc(doc);
    return yes;
}

bool phone_restore(struct phone *ph, const struct sip_msg *response)
{
    if (ph->state != REG_REGISTERED || !from_own_network(ph, response) || !asks_for_registration(response))
        return false;
    ph->registrar.held = false; // an initial registration, not a refresh (TS 24.229 5.1.1.2)
    return phone_register(ph) == 0;
}
