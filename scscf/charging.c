// SPDX-License-Identifier: Apache-2.0
#include "base/writer.h"
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

// Room for a parameter's name, quotes and separators.
enum { AROUND = 32 };

static struct writer room_for(struct arena *a, size_t n)
{
    char *p = arena_alloc(a, n);
    return writer_init(p, p ? n : 0);
}

static struct str text_of(const struct writer *w)
{
    return w->failed ? STR_NONE : writer_done(w);
}

// gen-value of RFC 3261 25.1: bare where it may be, quoted otherwise.
static void add(struct writer *w, const char *name, struct str value)
{
    if (!value.n)
        return;
    bool bare = is_token(value);
    writer_str(w, w->n ? STR(";") : STR(""));
    writer_str(w, str_from(name));
    writer_str(w, bare ? STR("=") : STR("=\""));
    writer_str(w, value);
    writer_str(w, bare ? STR("") : STR("\""));
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
    if (!v)
        return STR_NONE;
    // What stays is no longer than it was, but for quotes around each of the six.
    struct writer w = room_for(a, sip_msg_raw(m, SIP_H_P_CHARGING_VECTOR).n + orig_ioi.n + term_ioi.n + 3 * AROUND);
    add(&w, "icid-value", v->icid_value);
    add(&w, "icid-generated-at", v->icid_generated_at);
    add(&w, "orig-ioi", orig_ioi);
    add(&w, "term-ioi", term_ioi);
    add(&w, "transit-ioi", transit ? v->transit_ioi : STR_NONE);
    add(&w, "related-icid", v->related_icid);
    for (const struct sip_param *p = v->params; p; p = p->next) {
        if (is_known(p->name))
            continue;
        writer_str(&w, w.n ? STR(";") : STR(""));
        writer_str(&w, p->name);
        writer_str(&w, p->value.p ? STR("=") : STR(""));
        writer_str(&w, p->value);
    }
    return text_of(&w);
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
    struct writer w = room_for(a, c->primary_ccf.n + c->secondary_ccf.n + c->primary_ecf.n + c->secondary_ecf.n +
                                      4 * AROUND);
    add(&w, "ccf", c->primary_ccf);
    add(&w, "ccf", c->secondary_ccf);
    add(&w, "ecf", c->primary_ecf);
    add(&w, "ecf", c->secondary_ecf);
    return text_of(&w);
}
