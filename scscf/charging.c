// SPDX-License-Identifier: Apache-2.0
#include "scscf/scscf_priv.h"
#include "sip/chars.h"

static const struct sip_charging_vector *vector(const struct sip_msg *m)
{
    return sip_msg_at(m, SIP_H_P_CHARGING_VECTOR, 0);
}

struct str charging_orig_ioi(const struct sip_msg *m)
{
    const struct sip_charging_vector *v = vector(m);
    return v ? v->orig_ioi : STR_NONE;
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ch_is(s.p[i], CH_TOKEN))
            return false;
    return s.n > 0;
}

// gen-value of RFC 3261 25.1: bare where it may be, quoted otherwise.
static void add(struct arena_buf *text, const char *name, struct str value)
{
    if (!value.n)
        return;
    struct str quote = is_token(value) ? STR("") : STR("\"");
    arena_buf_item(text, STR(";"), str_from(name));
    arena_buf_add(text, STR("="));
    arena_buf_add(text, quote);
    arena_buf_add(text, value);
    arena_buf_add(text, quote);
}

static bool is_known(struct str name)
{
    static const struct str known[] = {STR_INIT("icid-value"), STR_INIT("icid-generated-at"), STR_INIT("orig-ioi"),
                                       STR_INIT("term-ioi"), STR_INIT("transit-ioi"), STR_INIT("related-icid")};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_ieq(name, known[i]))
            return true;
    return false;
}

static struct str write_vector(struct arena *a, const struct sip_msg *m, struct str orig_ioi,
                               struct str term_ioi, bool transit)
{
    const struct sip_charging_vector *v = vector(m);
    struct arena_buf text = arena_buf_init(a);
    if (!v)
        return STR_NONE;
    add(&text, "icid-value", v->icid_value);
    add(&text, "icid-generated-at", v->icid_generated_at);
    add(&text, "orig-ioi", orig_ioi);
    add(&text, "term-ioi", term_ioi);
    add(&text, "transit-ioi", transit ? v->transit_ioi : STR_NONE);
    add(&text, "related-icid", v->related_icid);
    for (const struct sip_param *p = v->params; p; p = p->next) {
        if (is_known(p->name))
            continue;
        arena_buf_item(&text, STR(";"), p->name);
        arena_buf_add(&text, p->value.p ? STR("=") : STR(""));
        arena_buf_add(&text, p->value);
    }
    return arena_buf_done(&text);
}

struct str charging_vector(struct arena *a, const struct sip_msg *m, struct str orig_ioi,
                           struct str term_ioi)
{
    return write_vector(a, m, orig_ioi, term_ioi, true);
}

struct str charging_vector_to_ue(struct arena *a, const struct sip_msg *m, struct str orig_ioi)
{
    return write_vector(a, m, orig_ioi, STR_NONE, false);
}

struct str charging_addresses(struct arena *a, const struct cx_charging *c)
{
    struct arena_buf text = arena_buf_init(a);
    add(&text, "ccf", c->primary_ccf);
    add(&text, "ccf", c->secondary_ccf);
    add(&text, "ecf", c->primary_ecf);
    add(&text, "ecf", c->secondary_ecf);
    return arena_buf_done(&text);
}
