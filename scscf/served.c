// SPDX-License-Identifier: Apache-2.0
// Whose registration serves an identity: of its own, or of the wildcarded identity that covers it (TS 23.003 13.5). The
// HSS knows which one does, by way of the I-CSCF, and the P-CSCF knows what its user has registered; they say so by
// P-Profile-Key (RFC 5002, TS 24.229 5.4.3.2, 5.4.3.3).
#include "ims/wildcard.h"
#include "scscf/scscf_priv.h"

struct registration *scscf_serving(const struct scscf *s, const struct served *who, size_t *ret_index)
{
    return who->key.n ? registrar_find_pattern(s->registrar, who->key, ret_index)
                      : registrar_find(s->registrar, who->impu, ret_index);
}

// What stands between the angle brackets, if any: an expression need not be of a URI's characters.
static struct str without_brackets(struct str value)
{
    ptrdiff_t open = str_chr(value, '<');
    if (open < 0)
        return str_trim(str_split(&value, ';'));
    value = str_skip(value, (size_t)open + 1);
    ptrdiff_t close = str_chr(value, '>');
    return close < 0 ? STR_NONE : str_head(value, (size_t)close);
}

struct str scscf_profile_key(const struct scscf *s, struct arena *a, const struct sip_msg *m)
{
    const char *why;
    struct str value = sip_msg_raw(m, SIP_H_P_PROFILE_KEY);
    struct str pattern = value.n ? wildcard_from_uri(a, without_brackets(value)) : STR_NONE;
    return pattern.n ? wildcard_canon(a, &s->plan, pattern, &why) : STR_NONE;
}

bool scscf_key_covers(const struct scscf *s, struct str key, struct str impu)
{
    return key.n && registrar_covers(s->registrar, key, impu);
}

struct str scscf_default_impu(const struct registration *reg)
{
    const struct profile *p = registration_profile(reg);
    size_t i = profile_default(p);
    return profile_identity_at(p, i < profile_identity_count(p) ? i : 0).uri;
}
