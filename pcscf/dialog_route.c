// SPDX-License-Identifier: Apache-2.0
// This node in the route sets of dialogs: what it puts into Record-Route, what comes back, and
// whether what a UE sends inside a dialog goes the way that the network gave it.
#include "pcscf/pcscf_priv.h"

#include "base/err.h"
#include "pcscf/icid.h"
#include "sip/uri.h"

#define ICID_PARAM "ic"

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
    struct str icid = icid_seal(&p->token_key, a, use->icid, use->call_id);
    return ARENA_CAT(a, STR("<sip:"), token, STR("@"), host, tcp ? STR(";transport=tcp") : STR(""), STR(";lr"),
                     use->ob ? STR(";ob") : STR(""), icid.n ? STR(";" ICID_PARAM "=") : STR(""), icid, STR(">"));
}

bool pcscf_makes_dialog(const struct sip_msg *m)
{
    enum sip_method method = sip_msg_cseq(m)->method;
    return method == SIP_INVITE || method == SIP_SUBSCRIBE || method == SIP_REFER;
}

// RFC 3261 12.2, RFC 3311 5.1, RFC 6665 4.4.1.
static bool refreshes_target(const struct sip_msg *m)
{
    enum sip_method method = sip_msg_cseq(m)->method;
    return pcscf_makes_dialog(m) || method == SIP_UPDATE || method == SIP_NOTIFY;
}

// ---- towards the core: the request comes from the UE ----

void record_route_to_core(struct pjob *pj)
{
    struct token_use use = {.kind = TOKEN_CORE, .call_id = sip_msg_call_id(pj->req)};
    if (pcscf_makes_dialog(pj->req))
        sip_edit_prepend(pj->edits, SIP_H_RECORD_ROUTE,
                         pcscf_own_uri(pj->pcscf, pj->arena, &pj->ue, &use));
}

// The entry is recognised by the token: every node before and after has a different one.
static bool is_ours(const struct pcscf *p, const struct sip_addr *rr, const struct access_flow *f,
                    const struct token_use *use, uint64_t *ret_routes)
{
    struct access_flow got;
    return rr->uri.user.p && stack_is_own(p->stack, &rr->uri) &&
           token_parse(&p->token_key, rr->uri.user, use, &got, ret_routes) == 0 &&
           (addr_eq_ip(&got.remote, &f->remote) || pcscf_is_flow_of(p, f, got.user));
}

// Of two that are ours (a caller and a called party behind one flow) the caller's was put in first,
// and the first is the last: entries are in the reverse order of the request's way (RFC 3261 16.6).
static bool find_callers(const struct pcscf *p, const struct access_flow *f,
                         const struct sip_msg *resp, size_t *ret_i)
{
    struct token_use use = {.kind = TOKEN_CORE, .call_id = sip_msg_call_id(resp)};
    struct sip_iter it = sip_iter_back(resp, SIP_H_RECORD_ROUTE);
    for (const struct sip_addr *rr; (rr = sip_iter_next(&it));) {
        if (is_ours(p, rr, f, &use, NULL)) {
            *ret_i = sip_iter_index(&it);
            return true;
        }
    }
    return false;
}

// Adds what a walk has left to give to a route set. A list that cannot be read makes a route set that
// no list has.
static uint64_t add_routes(const struct pcscf *p, uint64_t routes, struct sip_iter it)
{
    static const struct sip_uri unreadable = {.scheme = SIP_SCHEME_OTHER};
    for (const struct sip_addr *a; (a = sip_iter_next(&it));)
        routes = token_add_route(&p->token_key, routes, &a->uri);
    return it.err ? token_add_route(&p->token_key, routes, &unreadable) : routes;
}

// The UE's route set is the reverse of the list: behind us comes what stands before us here, the
// last first (RFC 3261 12.1.2).
static uint64_t routes_before(const struct pcscf *p, const struct sip_msg *resp, size_t i)
{
    struct sip_iter it = sip_iter_back(resp, SIP_H_RECORD_ROUTE);
    while (it.n - it.done > i && sip_iter_next(&it)) {}
    return add_routes(p, 0, it);
}

void record_route_back_to_ue(const struct pcscf *p, struct arena *a, const struct access_flow *f,
                             struct str icid, const struct sip_msg *resp, struct sip_edits *e)
{
    size_t i;
    struct str tag = sip_msg_to_tag(resp);
    if (sip_msg_status(resp) >= 300 || !tag.n || !find_callers(p, f, resp, &i))
        return;
    struct token_use use = {.kind = TOKEN_ACCESS,
                            .call_id = sip_msg_call_id(resp),
                            .peer_tag = tag,
                            .icid = icid,
                            .routes = routes_before(p, resp, i)};
    struct str uri = pcscf_own_uri(p, a, f, &use);
    if (uri.p)
        sip_edit_replace_at(e, SIP_H_RECORD_ROUTE, i, uri);
}

enum step_verdict record_route_again_to_core(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    struct token_use use = {.kind = TOKEN_CORE, .call_id = sip_msg_call_id(pj->req)};
    if (refreshes_target(pj->req))
        sip_edit_prepend(pj->edits, SIP_H_RECORD_ROUTE, pcscf_own_uri(pj->pcscf, pj->arena, &pj->ue, &use));
    return STEP_CONTINUE;
}

// What comes back says nothing new of the route set, whoever is in the list and whoever is not.
void record_route_again_back_to_ue(const struct pcscf *p, const struct access_flow *f, struct str own,
                                   const struct sip_msg *resp, struct sip_edits *e)
{
    size_t i;
    if (own.n && refreshes_target(resp) && find_callers(p, f, resp, &i))
        sip_edit_replace_at(e, SIP_H_RECORD_ROUTE, i, ARENA_CAT(e->arena, STR("<"), own, STR(">")));
}

// ---- towards the UE ----

// What stands in a list from its i-th value on.
static uint64_t routes_from(const struct pcscf *p, const struct sip_msg *m, enum sip_hid id,
                            size_t i)
{
    return add_routes(p, 0, sip_iter_from(m, id, i));
}

static struct str icid_of(const struct sip_msg *m)
{
    const struct sip_charging_vector *v = sip_msg_at(m, SIP_H_P_CHARGING_VECTOR, 0);
    return v ? v->icid_value : STR_NONE;
}

static void add_ues_entry(struct pjob *pj)
{
    struct token_use use = {.kind = TOKEN_ACCESS,
                            .call_id = sip_msg_call_id(pj->req),
                            .peer_tag = sip_msg_from(pj->req)->tag,
                            .icid = icid_of(pj->req),
                            .routes = routes_from(pj->pcscf, pj->req, SIP_H_RECORD_ROUTE, 0)};
    sip_edit_prepend(pj->edits, SIP_H_RECORD_ROUTE,
                     pcscf_own_uri(pj->pcscf, pj->arena, &pj->ue, &use));
}

// RFC 3261 16.6 step 4: a Record-Route that cannot be read makes no route set; it is of no use to
// a request that makes no dialog, and goes on as it is with one.
enum step_verdict record_route_to_ue(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    if (!pcscf_makes_dialog(pj->req))
        return STEP_CONTINUE;
    if (sip_iter_init(pj->req, SIP_H_RECORD_ROUTE).err == ERR_BAD)
        return job_fail(j, 400, "Malformed Record-Route");
    add_ues_entry(pj);
    return STEP_CONTINUE;
}

// A route set without the nodes between is none: the UE could go past them.
enum step_verdict record_route_again_to_ue(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    struct sip_iter it = sip_iter_init(pj->req, SIP_H_RECORD_ROUTE);
    if (refreshes_target(pj->req) && sip_iter_next(&it))
        add_ues_entry(pj);
    return STEP_CONTINUE;
}

// Our entry in what the UE gives back, with all that was behind it when it left.
static bool find_called(const struct pcscf *p, const struct access_flow *f,
                        const struct sip_msg *resp, size_t *ret_i)
{
    struct token_use use = {.kind = TOKEN_ACCESS,
                            .call_id = sip_msg_call_id(resp),
                            .peer_tag = sip_msg_from(resp)->tag};
    struct sip_iter it = sip_iter_init(resp, SIP_H_RECORD_ROUTE);
    uint64_t routes;
    for (const struct sip_addr *rr; (rr = sip_iter_next(&it));) {
        if (!is_ours(p, rr, f, &use, &routes))
            continue;
        *ret_i = sip_iter_index(&it);
        return routes == add_routes(p, 0, it);
    }
    return false;
}

// first: the request was outside of any dialog.
static bool is_recorded(const struct sip_msg *resp, bool first)
{
    if (sip_msg_status(resp) <= 100 || sip_msg_status(resp) >= 300)
        return false;
    return (first && pcscf_makes_dialog(resp)) ||
           (refreshes_target(resp) && sip_msg_has(resp, SIP_H_RECORD_ROUTE));
}

// In the place of the UE's entry, when the list is what it was given. False: it is not; *ret_uri goes before another.
static bool put_own(const struct pcscf *p, struct arena *a, const struct access_flow *f, const struct sip_msg *resp,
                    struct sip_edits *e, struct str *ret_uri)
{
    struct token_use use = {.kind = TOKEN_CORE, .call_id = sip_msg_call_id(resp)};
    size_t i;
    *ret_uri = pcscf_own_uri(p, a, f, &use);
    if (!ret_uri->p)
        return true; // out of memory, as the edits know
    if (!find_called(p, f, resp, &i))
        return false;
    sip_edit_replace_at(e, SIP_H_RECORD_ROUTE, i, *ret_uri);
    return true;
}

struct str record_route_list(struct arena *a, const struct sip_msg *req)
{
    struct arena_buf all = arena_buf_init(a);
    struct sip_iter it = sip_iter_init(req, SIP_H_RECORD_ROUTE);
    for (const struct sip_addr *rr; (rr = sip_iter_next(&it));)
        arena_buf_item(&all, STR(", "), rr->text);
    return arena_buf_done(&all);
}

static void set_list(struct arena *a, struct str own, struct str list, struct sip_edits *e)
{
    struct str all = list.p ? ARENA_CAT(a, own, list.n ? STR(", ") : STR_NONE, list) : STR_NONE;
    sip_edit_set(e, SIP_H_RECORD_ROUTE, all);
}

bool record_route_back_to_core(const struct pcscf *p, struct arena *a, const struct access_flow *f,
                               const struct sip_msg *req, const struct sip_msg *resp,
                               struct sip_edits *e)
{
    struct str uri;
    if (!is_recorded(resp, !pcscf_in_dialog(req)) || put_own(p, a, f, resp, e, &uri))
        return false;
    set_list(a, uri, record_route_list(a, req), e);
    return true;
}

void record_route_late_to_core(const struct pcscf *p, struct arena *a, const struct access_flow *f, bool first,
                               struct str list, const struct sip_msg *resp, struct sip_edits *e)
{
    struct str uri;
    if (is_recorded(resp, first) && !put_own(p, a, f, resp, e, &uri) && list.p)
        set_list(a, uri, list, e);
}

// ---- inside a dialog ----

// RFC 3261 12.2.2: a dialog of a key that is forgotten, of before this node's start or of another node, is none here
// any more, and its party hears that it is over.
static enum step_verdict no_token(struct job *j, const struct sip_uri *own, const char *cause)
{
    const struct token_key *key = &pjob_of(j)->pcscf->token_key;
    switch (own && own->user.p ? token_origin(key, own->user) : TOKEN_NONE) {
    case TOKEN_OF_FORGOTTEN_KEY:
        return job_fail(j, 481, "the key of the dialog's token is forgotten");
    case TOKEN_OF_EARLIER_RUN:
        return job_fail(j, 481, "the dialog's token is of an earlier run of this P-CSCF");
    case TOKEN_OF_ANOTHER:
        return job_fail(j, 481, "the dialog's token is of another P-CSCF");
    default:
        return job_fail(j, 403, cause);
    }
}

enum step_verdict dialog_check_to_ue(struct job *j)
{
    struct pjob *pj = pjob_of(j);
    const struct sip_uri *own = pxy_own_route(job_pxy(j));
    struct token_use use = {.kind = TOKEN_CORE, .call_id = sip_msg_call_id(pj->req)};
    if (!own || !own->user.p || token_parse(&pj->pcscf->token_key, own->user, &use, &pj->ue, NULL))
        return no_token(j, own, "request inside a dialog without this P-CSCF's Record-Route");
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
        return no_token(j, own, "request inside a dialog that the UE has no Record-Route of");
    if (!addr_eq_ip(&f.remote, &pj->ue.remote) && !pcscf_is_flow_of(pj->pcscf, &pj->ue, f.user))
        return job_fail(j, 403, "request inside a dialog from another address than the dialog's UE");
    if (routes != routes_left(pj))
        return job_fail(j, 400, "Route is not the dialog's route set");
    pj->ue.user = f.user;
    pcscf_hear(pj->pcscf, &pj->ue);
    pj->icid = icid_open(&pj->pcscf->token_key, pj->arena,
                         sip_uri_param(own, STR(ICID_PARAM), NULL), use.call_id);
    return STEP_CONTINUE;
}

bool dialog_is_old(const struct pcscf *p, const struct sip_msg *m)
{
    const struct sip_addr *own = sip_msg_at(m, SIP_H_ROUTE, 0);
    return own && own->uri.user.p && stack_is_own(p->stack, &own->uri) &&
           token_origin(&p->token_key, own->uri.user) > TOKEN_OF_THIS_RUN;
}

bool dialog_has_token(const struct pcscf *p, const struct access_flow *f, const struct sip_msg *m)
{
    struct token_use use = {.kind = TOKEN_ACCESS,
                            .call_id = sip_msg_call_id(m),
                            .peer_tag = sip_msg_to_tag(m)};
    const struct sip_addr *own = sip_msg_at(m, SIP_H_ROUTE, 0);
    return use.peer_tag.p && own && is_ours(p, own, f, &use, NULL);
}
