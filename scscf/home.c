// SPDX-License-Identifier: Apache-2.0
// The home network, and what this node is called in it.
#include "scscf/scscf_priv.h"

bool scscf_is_home(const struct scscf *s, struct str host)
{
    return numbering_is_home(&s->plan, host);
}

bool scscf_is_home_uri(const struct scscf *s, const struct sip_uri *u)
{
    return scscf_is_home(s, u->host) && !sip_uri_param(u, STR("maddr"), NULL).n;
}

struct str scscf_home_entry(const struct scscf *s, struct arena *a)
{
    return ARENA_CAT(a, STR("sip:"), s->cfg->domain);
}

struct str scscf_ioi(const struct scscf *s)
{
    return s->cfg->ioi.n ? s->cfg->ioi : s->cfg->domain;
}

struct str scscf_ioi_1(const struct scscf *s, struct arena *a)
{
    return s->cfg->ioi_types ? ARENA_CAT(a, STR("Type 1"), scscf_ioi(s)) : scscf_ioi(s);
}
