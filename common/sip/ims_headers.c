// SPDX-License-Identifier: Apache-2.0
// Headers whose parameters say it all: P-Charging-Vector, Security-Client and its like.
#include "sip/families.h"

#include "base/writer.h"
#include "sip/cursor.h"
#include "sip/words.h"

// ---- P-Charging-Vector ----

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

// ---- Security-Client, -Server, -Verify ----

static uint32_t number_of(struct cur *c, struct str s, uint32_t max)
{
    uint32_t n = 0;
    if (str_u32(s, &n) || n > max)
        cur_fail(c);
    return n;
}

static void numeric(struct cur *c, const struct sip_param *p, struct sip_security *v)
{
    if (WORD_IS(p->name, "spi-c")) {
        v->spi_c = number_of(c, p->value, UINT32_MAX);
    } else if (WORD_IS(p->name, "spi-s")) {
        v->spi_s = number_of(c, p->value, UINT32_MAX);
    } else if (WORD_IS(p->name, "port-c")) {
        v->port_c = (uint16_t)number_of(c, p->value, 65535);
    } else if (WORD_IS(p->name, "port-s")) {
        v->port_s = (uint16_t)number_of(c, p->value, 65535);
    } else if (WORD_IS(p->name, "q")) {
        struct cur q = cur_init(c->arena, p->value);
        v->q = cur_qvalue(&q);
        if (q.bad || !cur_done(&q))
            cur_fail(c);
    }
}

static void security_param(struct cur *c, const struct sip_param *p, struct sip_security *v)
{
    if (WORD_IS(p->name, "alg"))
        v->alg = p->value;
    else if (WORD_IS(p->name, "ealg"))
        v->ealg = p->value;
    else if (WORD_IS(p->name, "prot"))
        v->prot = p->value;
    else if (WORD_IS(p->name, "mod"))
        v->mod = p->value;
    else
        numeric(c, p, v);
}

void sip_security_read(struct cur *c, struct sip_security *v)
{
    const char *from = c->p;
    *v = (struct sip_security){.mechanism = cur_token(c), .q = 1000};
    v->params = cur_params(c);
    v->text = str_make(from, (size_t)(c->p - from));
    for (const struct sip_param *p = v->params; p; p = p->next)
        security_param(c, p, v);
}

void sip_security_write(struct writer *w, const struct sip_security *v)
{
    writer_str(w, v->mechanism);
    sip_params_write(w, v->params);
}
