// SPDX-License-Identifier: Apache-2.0
#include "dia/codec/avp.h"

// Experimental-Result-Codes of one vendor are different from one application to the next (TS 29.230 8.1).
static const char *known(struct dia_result r)
{
    for (const struct dia_interface *const *i = dia_interfaces; *i; i++) {
        if (r.experimental != ((*i)->app != DIA_APP_BASE))
            continue;
        for (size_t k = 0; k < (*i)->n_results; k++)
            if ((*i)->results[k].code == r.code)
                return (*i)->results[k].name;
    }
    return NULL;
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
