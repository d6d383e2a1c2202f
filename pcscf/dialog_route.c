// SPDX-License-Identifier: Apache-2.0
#include "pcscf/pcscf_priv.h"

struct str pcscf_hostport(const struct pcscf *p, unsigned side, const struct access_flow *f)
{
    if (side == PCSCF_CORE)
        return p->core_hostport;
    struct str same = p->access_hostport[addr_is_ip6(&f->remote)];
    return same.n ? same : p->access_hostport[!addr_is_ip6(&f->remote)];
}

struct str pcscf_own_uri(const struct pcscf *p, struct arena *a, unsigned side,
                         const struct access_flow *f, struct str call_id)
{
    struct str token = token_write(&p->token_key, a, f, call_id);
    if (!token.p)
        return STR_NONE;
    struct str host = pcscf_hostport(p, side, f);
    // A UE that came by TCP stays on its connection: without the parameter it would try UDP.
    bool tcp = side == PCSCF_ACCESS && f->proto == SIP_PROTO_TCP;
    return ARENA_CAT(a, STR("<sip:"), token, STR("@"), host, tcp ? STR(";transport=tcp") : STR(""),
                     STR(";lr>"));
}

void record_route_add(struct pjob *pj, unsigned out_side)
{
    struct str uri = pcscf_own_uri(pj->pcscf, pj->arena, out_side, &pj->ue,
                                   sip_msg_call_id(pj->req));
    sip_edit_prepend(pj->edits, SIP_H_RECORD_ROUTE, uri);
}

// The entry is recognised by the token's flow: every node before and after has a different one.
static bool is_ours(const struct pcscf *p, const struct sip_addr *rr, const struct access_flow *f,
                    struct str call_id)
{
    struct access_flow got;
    return rr->uri.user.p && stack_is_own(p->stack, &rr->uri) &&
           token_parse(&p->token_key, rr->uri.user, call_id, &got) == 0 && got.proto == f->proto &&
           addr_eq(&got.remote, &f->remote);
}

static bool is_side(const struct pcscf *p, const struct sip_addr *rr, unsigned side,
                    const struct access_flow *f)
{
    return str_find(rr->text, pcscf_hostport(p, side, f)) >= 0;
}

// Of two that are ours (a caller and a called party behind one flow) the one of this leg: entries are in
// the order of the request's way, so towards the core the last was put in first (RFC 3261 16.6).
static bool find_ours(const struct pcscf *p, const struct access_flow *f, unsigned out_side,
                      const struct sip_msg *resp, size_t *ret_i)
{
    const struct sip_addr *rr;
    struct str call_id = sip_msg_call_id(resp);
    bool found = false;
    for (size_t i = 0; (rr = sip_msg_at(resp, SIP_H_RECORD_ROUTE, i)); i++) {
        if (!is_ours(p, rr, f, call_id) || !is_side(p, rr, out_side, f))
            continue;
        *ret_i = i;
        found = true;
        if (out_side == PCSCF_ACCESS)
            break;
    }
    return found;
}

void record_route_swap(const struct pcscf *p, struct arena *a, const struct access_flow *f,
                       unsigned out_side, const struct sip_msg *resp, struct sip_edits *e)
{
    size_t i;
    if (!find_ours(p, f, out_side, resp, &i))
        return;
    unsigned in_side = out_side == PCSCF_CORE ? PCSCF_ACCESS : PCSCF_CORE;
    struct str uri = pcscf_own_uri(p, a, in_side, f, sip_msg_call_id(resp));
    if (uri.p)
        sip_edit_replace_at(e, SIP_H_RECORD_ROUTE, i, uri);
}
