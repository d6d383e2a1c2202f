// SPDX-License-Identifier: Apache-2.0
// What a Request-URI says of a number, and which identities go together: the number that a user
// dials, the alias of an asserted identity, the identity that was called.
#include "scscf/scscf_priv.h"

// ---- a number that is dialled ----

static struct dialled refused(unsigned status, const char *cause)
{
    return (struct dialled){.status = status, .cause = cause};
}

// Without ENUM all numbers are home ones: the I-CSCF asks the HSS for them. What is dialled locally
// gets its global form by the numbering plan, and what has none stays with its context
// (TS 24.229 5.4.3.2).
struct dialled scscf_dialled(const struct scscf *s, struct arena *a, const struct sip_uri *uri)
{
    struct number v = numbering_read(a, &s->plan, uri);
    bool tel = uri->scheme == SIP_SCHEME_TEL;
    if (!tel && !scscf_is_home_uri(s, uri))
        return (struct dialled){0};
    switch (v.kind) {
    case NUMBER_GLOBAL:
    case NUMBER_LOCAL:
        return (struct dialled){.uri = sip_number_sip(a, &v.value, s->cfg->domain)};
    case NUMBER_INCOMPLETE:
        return refused(484, "a prefix was dialled and no number behind it");
    case NUMBER_FOREIGN:
        return refused(404, "local number of a phone-context that is not known here");
    case NUMBER_NONE:
        break;
    }
    return tel ? refused(404, "tel URI without a number") : (struct dialled){0};
}

// ---- aliases ----

static bool is_pattern(const struct profile_identity *id)
{
    return profile_identity_pattern(id).n > 0;
}

// TS 29.228 annex E: by AliasIdentityGroupID. Where the HSS gives none, the identities of one
// service profile within the set are aliases (TS 29.229 7.1.1, without AliasInd).
static bool are_aliases(const struct profile *p, size_t i, size_t k)
{
    struct str one = profile_identity_at(p, i).alias_group,
               other = profile_identity_at(p, k).alias_group;
    if (one.n || other.n)
        return str_eq(one, other);
    return profile_service(p, i) == profile_service(p, k);
}

static bool is_tel(struct str uri)
{
    return str_istarts(uri, STR("tel:"));
}

// A SIP URI for those who cannot do with a number (TS 24.229 5.4.3.2).
static struct str sip_form(const struct scscf *s, struct arena *a, struct str tel)
{
    struct sip_uri u;
    if (sip_uri_parse(a, tel, &u))
        return STR_NONE;
    struct number v = numbering_read(a, &s->plan, &u);
    bool known = v.kind == NUMBER_GLOBAL || v.kind == NUMBER_LOCAL;
    return known ? sip_number_sip(a, &v.value, s->cfg->domain) : STR_NONE;
}

struct str scscf_alias(const struct scscf *s, struct arena *a, const struct profile *p, size_t of,
                       const struct sip_uri *asserted)
{
    struct profile_identity self = profile_identity_at(p, of);
    bool tel = is_tel(self.uri);
    if (is_pattern(&self)) // other identities of the set are of other people behind it
        return asserted->scheme == SIP_SCHEME_TEL ? sip_form(s, a, asserted->text) : STR_NONE;
    if (tel && asserted->scheme != SIP_SCHEME_TEL) // its number in a SIP URI
        return self.uri;
    for (size_t i = 0; i < profile_identity_count(p); i++) {
        struct profile_identity id = profile_identity_at(p, i);
        if (i != of && !id.barred && !is_pattern(&id) && is_tel(id.uri) != tel &&
            are_aliases(p, of, i))
            return id.uri;
    }
    return tel ? sip_form(s, a, self.uri) : STR_NONE;
}

// ---- the identity that was called ----

// What number portability and carriers write into a number (RFC 4694) is nothing of the called
// user's.
static bool is_routing_param(struct str param)
{
    static const char *const names[] = {"rn", "rn-context", "npdi", "cic", "cic-context"};
    struct str name = str_split(&param, '=');
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_ieq(name, str_from(names[i])))
            return true;
    return false;
}

static struct str without_routing(struct arena *a, struct str list)
{
    struct arena_buf b = arena_buf_init(a);
    arena_buf_add(&b, str_split(&list, ';'));
    while (list.n) {
        struct str param = str_split(&list, ';');
        if (is_routing_param(param))
            continue;
        arena_buf_add(&b, STR(";"));
        arena_buf_add(&b, param);
    }
    return arena_buf_done(&b);
}

struct str scscf_called_uri(struct arena *a, const struct sip_uri *uri)
{
    bool tel = uri->scheme == SIP_SCHEME_TEL;
    if (!uri->user.n)
        return uri->text;
    struct str before = str_make(uri->text.p, (size_t)(uri->user.p - uri->text.p));
    struct str list = tel ? str_skip(uri->text, before.n) : uri->user;
    struct str behind = str_skip(uri->text, before.n + list.n);
    return ARENA_CAT(a, before, without_routing(a, list), behind);
}
