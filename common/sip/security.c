// SPDX-License-Identifier: Apache-2.0
#include "sip/families.h"

#include "base/writer.h"
#include "sip/cursor.h"
#include "sip/words.h"

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
