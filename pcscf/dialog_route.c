// SPDX-License-Identifier: Apache-2.0
// This node in the route sets of dialogs: what it puts into Record-Route, what comes back, and
// whether what a UE sends inside a dialog goes the way that the network gave it.
#include "pcscf/pcscf_priv.h"

#include "base/err.h"

struct str pcscf_hostport(const struct pcscf *p, unsigned side, const struct access_flow *f)
{
    if (side == PCSCF_CORE)
        return p->core_hostport;
    struct str same = p->access_hostport[addr_is_ip6(&f->remote)];
    return same.n ? same : p->access_hostport[!addr_is_ip6(&f->remote)];
}

struct str pcscf_own_uri(const struct pcscf *p, struct arena *a, const struct access_flow *f,
                         const struct token_use *use)
{
    struct str token = token_write(&p->token_key, a, f, use);
    if (!token.p)
        return STR_NONE;
    unsigned side = use->kind == TOKEN_ACCESS ? PCSCF_ACCESS : PCSCF_CORE;
    struct str host = pcscf_hostport(p, side, f);
    // A UE that came by TCP stays on its connection: without the parameter it would try UDP.
    bool tcp = side == PCSCF_ACCESS && f->proto == SIP_PROTO_TCP;
    return ARENA_CAT(a, STR("<sip:"), token, STR("@"), host, tcp ? STR(";transport=tcp") : STR(""),
                     STR(";lr>"));
}

bool pcscf_makes_dialog(const struct sip_msg *m)
{
    enum sip_method method = sip_msg_cseq(m)->method;
    return method == SIP_INVITE || method == SIP_SUBSCRIBE || method == SIP_REFER;
}

// ---- towards the core: the request comes from the UE ----

void record_route_to_core(struct pjob *pj)
{
    struct token_use use = {.kind = TOKEN_CORE, .call_id = sip_msg_call_id(pj->req)};
    if (pcscf_makes_dialog(pj->req))
        sip_edit_prepend(pj->edits, SIP_H_RECORD_ROUTE,
                         pcscf_own_uri(pj->pcscf, pj->arena, &pj->ue, &use));
}

static bool same_flow(const struct access_flow *a, const struct access_flow *b)
{
    return a->proto == b->proto && addr_eq(&a->remote, &b->remote);
}

// The entry is recognised by the token: every node before and after has a different one.
static bool is_ours(const struct pcscf *p, const struct sip_addr *rr, const struct access_flow *f,
                    const struct token_use *use, uint64_t *ret_routes)
{
    struct access_flow got;
    return rr->uri.user.p && stack_is_own(p->stack, &rr->uri) &&
           token_parse(&p->token_key, rr->uri.user, use, &got, ret_routes) == 0 &&
           same_flow(&got, f);
}

// Of two that are ours (a caller and a called party behind one flow) the caller's was put in first,
// and the first is the last: entries are in the reverse order of the request's way (RFC 3261 16.6).
static bool find_callers(const struct pcscf *p, const struct access_flow *f,
                         const struct sip_msg *resp, size_t *ret_i)
{
    struct token_use use = {.kind = TOKEN_CORE, .call_id = sip_msg_call_id(resp)};
    const struct sip_addr *rr;
    bool found = false;
    for (size_t i = 0; (rr = sip_msg_at(resp, SIP_H_RECORD_ROUTE, i)); i++) {
        if (!is_ours(p, rr, f, &use, NULL))
            continue;
        *ret_i = i;
        found = true;
    }
    return found;
}

// Adds the i-th value of a list to a route set; ERR_NOTFOUND past the last. One that cannot be read
// makes a route set that no list has.
static int add_value(const struct pcscf *p, const struct sip_msg *m, enum sip_hid id, size_t i,
                     uint64_t *routes)
{
    static const struct sip_uri unreadable = {.scheme = SIP_SCHEME_OTHER};
    const void *v;
    int e = sip_msg_get(m, id, i, &v);
    if (e == ERR_NOTFOUND)
        return e;
    const struct sip_uri *u = e ? &unreadable : &((const struct sip_addr *)v)->uri;
    *routes = token_add_route(&p->token_key, *routes, u);
    return e;
}

// The UE's route set is the reverse of the list: behind us comes what stands before us here, the
// last first (RFC 3261 12.1.2).
static uint64_t routes_before(const struct pcscf *p, const struct sip_msg *resp, size_t i)
{
    uint64_t routes = 0;
    while (i-- > 0)
        (void)add_value(p, resp, SIP_H_RECORD_ROUTE, i, &routes);
    return routes;
}

void record_route_back_to_ue(const struct pcscf *p, struct arena *a, const struct access_flow *f,
                             const struct sip_msg *resp, struct sip_edits *e)
{
    size_t i;
    struct str tag = sip_msg_to_tag(resp);
    if (sip_msg_status(resp) >= 300 || !tag.n || !find_callers(p, f, resp, &i))
        return;
    struct token_use use = {.kind = TOKEN_ACCESS,
                            .call_id = sip_msg_call_id(resp),
                            .peer_tag = tag,
                            .routes = routes_before(p, resp, i)};
    struct str uri = pcscf_own_uri(p, a, f, &use);
    if (uri.p)
        sip_edit_replace_at(e, SIP_H_RECORD_ROUTE, i, uri);
}

// ---- towards the UE ----

// What stands in a list from its i-th value on.
static uint64_t routes_from(const struct pcscf *p, const struct sip_msg *m, enum sip_hid id,
                            size_t i)
{
    uint64_t routes = 0;
    while (add_value(p, m, id, i, &routes) != ERR_NOTFOUND)
        i++;
    return routes;
}

void record_route_to_ue(struct pjob *pj)
{
    struct token_use use = {.kind = TOKEN_ACCESS,
                            .call_id = sip_msg_call_id(pj->req),
                            .peer_tag = sip_msg_from(pj->req)->tag,
                            .routes = routes_from(pj->pcscf, pj->req, SIP_H_RECORD_ROUTE, 0)};
    if (pcscf_makes_dialog(pj->req))
        sip_edit_prepend(pj->edits, SIP_H_RECORD_ROUTE,
                         pcscf_own_uri(pj->pcscf, pj->arena, &pj->ue, &use));
}

// Our entry in what the UE gives back, with all that was behind it when it left.
static bool find_called(const struct pcscf *p, const struct access_flow *f,
                        const struct sip_msg *resp, size_t *ret_i)
{
    struct token_use use = {.kind = TOKEN_ACCESS,
                            .call_id = sip_msg_call_id(resp),
                            .peer_tag = sip_msg_from(resp)->tag};
    const struct sip_addr *rr;
    uint64_t routes;
    for (size_t i = 0; (rr = sip_msg_at(resp, SIP_H_RECORD_ROUTE, i)); i++) {
        if (!is_ours(p, rr, f, &use, &routes))
            continue;
        *ret_i = i;
        return routes == routes_from(p, resp, SIP_H_RECORD_ROUTE, i + 1);
    }
    return false;
}

void record_route_back_to_core(const struct pcscf *p, struct arena *a, const struct access_flow *f,
                               const struct sip_msg *req, const struct sip_msg *resp,
                               struct sip_edits *e)
{
    struct token_use use = {.kind = TOKEN_CORE, .call_id = sip_msg_call_id(resp)};
    const struct sip_addr *rr;
    size_t i;
    if (sip_msg_status(resp) <= 100 || sip_msg_status(resp) >= 300 || !pcscf_makes_dialog(resp))
        return;
    struct str uri = pcscf_own_uri(p, a, f, &use);
    if (!uri.p)
        return;
    if (find_called(p, f, resp, &i)) {
        sip_edit_replace_at(e, SIP_H_RECORD_ROUTE, i, uri);
        return;
    }
    for (i = 0; (rr = sip_msg_at(req, SIP_H_RECORD_ROUTE, i)); i++)
        uri = ARENA_CAT(a, uri, STR(", "), rr->text);
    sip_edit_set(e, SIP_H_RECORD_ROUTE, uri);
}

// ---- inside a dialog ----

enum step_verdict dialog_check_to_ue(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    const struct sip_uri *own = pxy_own_route(job_pxy(j));
    struct token_use use = {.kind = TOKEN_CORE, .call_id = sip_msg_call_id(pj->req)};
    if (!own || !own->user.p || token_parse(&pj->pcscf->token_key, own->user, &use, &pj->ue, NULL))
        return job_fail(j, 403, "request inside a dialog without this P-CSCF's Record-Route");
    return STEP_CONTINUE;
}

// What is left of Route when our own entry is gone.
static uint64_t routes_left(const struct pjob *pj)
{
    const struct sip_addr *first = sip_msg_at(pj->req, SIP_H_ROUTE, 0);
    const struct sip_uri *own = pxy_own_route(job_pxy(&pj->job));
    bool in_route = first && str_eq(first->uri.text, own->text);
    return routes_from(pj->pcscf, pj->req, SIP_H_ROUTE, in_route ? 1 : 0);
}

enum step_verdict dialog_check_from_ue(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    const struct sip_uri *own = pxy_own_route(job_pxy(j));
    struct token_use use = {.kind = TOKEN_ACCESS,
                            .call_id = sip_msg_call_id(pj->req),
                            .peer_tag = sip_msg_to_tag(pj->req)};
    struct access_flow f;
    uint64_t routes;
    if (!own || !own->user.p || token_parse(&pj->pcscf->token_key, own->user, &use, &f, &routes))
        return job_fail(j, 403, "request inside a dialog that the UE has no Record-Route of");
    if (!same_flow(&f, &pj->ue))
        return job_fail(j, 403, "request inside a dialog from another flow than the dialog's");
    if (routes != routes_left(pj))
        return job_fail(j, 400, "Route is not the dialog's route set");
    return STEP_CONTINUE;
}

bool dialog_has_token(const struct pcscf *p, const struct access_flow *f, const struct sip_msg *m)
{
    struct token_use use = {.kind = TOKEN_ACCESS,
                            .call_id = sip_msg_call_id(m),
                            .peer_tag = sip_msg_to_tag(m)};
    const struct sip_addr *own = sip_msg_at(m, SIP_H_ROUTE, 0);
    return use.peer_tag.p && own && is_ours(p, own, f, &use, NULL);
}
