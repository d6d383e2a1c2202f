// SPDX-License-Identifier: Apache-2.0
#include "sip/families.h"

#include "base/writer.h"
#include "sip/cursor.h"
#include "sip/words.h"

static struct str *slot_of(struct sip_charging_vector *v, struct str name)
{
    if (WORD_IS(name, "icid-value"))
        return &v->icid_value;
    if (WORD_IS(name, "icid-generated-at"))
        return &v->icid_generated_at;
    if (WORD_IS(name, "orig-ioi"))
        return &v->orig_ioi;
    if (WORD_IS(name, "term-ioi"))
        return &v->term_ioi;
    if (WORD_IS(name, "transit-ioi"))
        return &v->transit_ioi;
    return WORD_IS(name, "related-icid") ? &v->related_icid : NULL;
}

void sip_charging_vector_read(struct cur *c, struct sip_charging_vector *v)
{
    *v = (struct sip_charging_vector){.params = cur_param(c)};
    if (!v->params)
        return;
    v->params->next = cur_params(c);
    for (const struct sip_param *p = v->params; p; p = p->next) {
        struct str *slot = slot_of(v, p->name);
        if (slot)
            *slot = sip_unquote(c->arena, p->value);
    }
}

void sip_charging_vector_write(struct writer *w, const struct sip_charging_vector *v)
{
    if (!v->params)
        return;
    sip_param_write(w, v->params);
    sip_params_write(w, v->params->next);
}
