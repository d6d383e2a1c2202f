// SPDX-License-Identifier: Apache-2.0
#include "scscf/scscf_priv.h"

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
    static const char extra[] = "-.!%*_+`'~";
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && !memchr(extra, c, sizeof extra - 1))
            return false;
    }
    return s.n > 0;
}

// gen-value of RFC 3261 25.1: bare where it may be, quoted otherwise.
static void add(struct arena *a, struct str *text, const char *name, struct str value)
{
    if (!value.n)
        return;
    struct str quote = is_token(value) ? STR("") : STR("\"");
    *text = ARENA_CAT(a, *text, text->n ? STR(";") : STR(""), str_from(name), STR("="), quote,
                      value, quote);
}

static bool is_known(struct str name)
{
    static const char *const known[] = {"icid-value", "icid-generated-at", "orig-ioi",
                                        "term-ioi",   "transit-ioi",       "related-icid"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_ieq(name, str_from(known[i])))
            return true;
    return false;
}

struct str charging_vector(struct arena *a, const struct sip_msg *m, struct str orig_ioi,
                           struct str term_ioi)
{
    const struct sip_charging_vector *v = vector(m);
    struct str text = STR_NONE;
    if (!v)
        return STR_NONE;
    add(a, &text, "icid-value", v->icid_value);
    add(a, &text, "icid-generated-at", v->icid_generated_at);
    add(a, &text, "orig-ioi", orig_ioi);
    add(a, &text, "term-ioi", term_ioi);
    add(a, &text, "transit-ioi", v->transit_ioi);
    add(a, &text, "related-icid", v->related_icid);
    for (const struct sip_param *p = v->params; p; p = p->next)
        if (!is_known(p->name))
            text = ARENA_CAT(a, text, STR(";"), p->name, p->value.p ? STR("=") : STR(""), p->value);
    return text;
}

struct str charging_addresses(struct arena *a, const struct cx_charging *c)
{
    struct str text = STR_NONE;
    add(a, &text, "ccf", c->primary_ccf);
    add(a, &text, "ccf", c->secondary_ccf);
    add(a, &text, "ecf", c->primary_ecf);
    add(a, &text, "ecf", c->secondary_ecf);
    return text;
}
