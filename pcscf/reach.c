// SPDX-License-Identifier: Apache-2.0
// The way to a UE (TS 24.229 5.2.6.4, 4.2A; RFC 5626 5.3): a token names its association and the
// flow that it was heard on; the association says which connections there are and where it listens.
#include "pcscf/pcscf_priv.h"
#include "sip/uri.h"

// The UE may have moved since the token was made: then its new Contact is the Request-URI, and it
// is registered there under the same private identity.
static struct association *find_association(const struct pjob *pj)
{
    const struct association_table *t = registry_associations(pj->pcscf->registry);
    const struct sip_uri *contact = sip_msg_uri(pj->req);
    struct addr said;
    if (!pj->ue.user)
        return NULL;
    struct association *a = association_find(t, &pj->ue.remote, pj->ue.user);
    if (!a && contact && addr_parse(contact->host, 0, &said) == 0)
        a = association_find(t, &said, pj->ue.user);
    return a;
}

bool pcscf_is_registered(const struct pjob *pj)
{
    return find_association(pj) != NULL;
}

static bool is_open(const struct pcscf *p, flow_id id)
{
    struct flow_info info;
    return id && stack_flow(p->stack, id, &info) && info.open && info.proto == SIP_PROTO_TCP;
}

// The connection that the UE was heard on last, of those that are its own.
static flow_id connection(const struct pcscf *p, const struct access_flow *f,
                          const struct association *a, const struct contact *g)
{
    const struct association_table *t = registry_associations(p->registry);
    size_t it = 0;
    flow_id id;
    if (f->proto == SIP_PROTO_TCP && is_open(p, f->id))
        return f->id;
    if (g && contact_flow(g)->proto == SIP_PROTO_TCP && is_open(p, contact_flow(g)->id))
        return contact_flow(g)->id;
    if (!a || association_alone(t, &f->remote) != a)
        return 0;
    while ((id = association_connection(a, &it)))
        if (is_open(p, id))
            return id;
    return 0;
}

// Its Contact, when it names the address that the UE is at: there it listens (RFC
// 3261 18.1.1, 18.2.1). A Contact that names another address is somebody else's, or lies behind a
// NAT.
static bool listens_at(const struct sip_uri *contact, const struct addr *ue, struct addr *ret_at)
{
    if (!contact || addr_parse(contact->host, contact->port ? contact->port : 5060, ret_at) ||
        !addr_eq_ip(ret_at, ue))
        return false;
    return true;
}

static enum sip_proto wanted_proto(const struct access_flow *f, const struct contact *g,
                                   const struct sip_uri *contact, bool listens)
{
    struct str said = contact ? sip_uri_param(contact, STR("transport"), NULL) : STR_NONE;
    enum sip_proto proto = g ? contact_flow(g)->proto : f->proto;
    if (listens && str_ieq(said, STR("tcp")))
        proto = SIP_PROTO_TCP;
    else if (listens && str_ieq(said, STR("udp")))
        proto = SIP_PROTO_UDP;
    return proto == SIP_PROTO_UDP ? SIP_PROTO_UDP : SIP_PROTO_TCP;
}

// The flow of the token, unless the UE has moved, or used another transport once than it registered
// over.
static const struct access_flow *flow_to(const struct pjob *pj, const struct contact *g)
{
    bool as_registered = !g || (contact_flow(g)->proto == pj->ue.proto &&
                                addr_eq_ip(&contact_flow(g)->remote, &pj->ue.remote));
    return as_registered ? &pj->ue : contact_flow(g);
}

// A Contact at another port than the one that datagrams are known to reach, in a dialog that began
// over a connection which is still open, names that connection.
static bool is_of_its_connection(const struct pjob *pj, const struct contact *g, flow_id stream,
                                 const struct addr *at)
{
    bool reached = g && at && contact_flow(g)->proto == SIP_PROTO_UDP &&
                   addr_port(&contact_flow(g)->remote) == addr_port(at);
    return pj->ue.proto == SIP_PROTO_TCP && stream && stream == pj->ue.id && !reached;
}

void pcscf_aim_at_ue(struct pjob *pj)
{
    const struct pcscf *p = pj->pcscf;
    const struct sip_uri *contact = sip_msg_uri(pj->req);
    struct stack_reach *way = ARENA_NEW(pj->arena, struct stack_reach);
    if (!way)
        return; // the arena says so
    struct association *a = find_association(pj);
    const struct contact *g = a && contact ? registry_contact_of(p->registry, a, contact) : NULL;
    if (a && !g)
        g = registry_newest_of(p->registry, a);
    const struct access_flow *f = flow_to(pj, g);
    struct addr at;
    bool exact = g && (contact_is_nat(g) || contact_is_outbound(g));
    bool listens = !exact && listens_at(contact, &f->remote, &at);
    way->proto = wanted_proto(f, g, contact, listens);
    way->stream = connection(p, &pj->ue, a, g);
    if (is_of_its_connection(pj, g, way->stream, listens ? &at : NULL))
        way->proto = SIP_PROTO_TCP;
    way->udp = listens ? at : f->remote;
    if (listens && (way->proto == SIP_PROTO_TCP || !a || !association_no_tcp(a)))
        way->tcp = at;
    pj->outbound = g && contact_is_outbound(g);
    pj->target.label = f->label;
    pj->target.leg_ms = p->config->leg_ue_ms;
    pj->target.reach = way;
}

// A phone that listens for datagrams only need not wait for a connection each time.
void pcscf_no_stream(void *pcscf, const struct addr *to)
{
    struct pcscf *p = pcscf;
    struct association *a = association_alone(registry_associations(p->registry), to);
    if (a)
        association_set_no_tcp(a, true);
}

// RFC 5626 5.3.1: 430 where the S-CSCF manages the UE's flows and may turn to another. Everybody
// else hears that the user is not reached now, and who wants to know, why.
enum pxy_verdict pcscf_flow_failed(struct pjob *pj, bool in_dialog)
{
    struct reject r = {.status = 480, .cause = "the UE's flow is gone"};
    struct sip_edits *extra = ARENA_NEW(pj->arena, struct sip_edits);
    pj->pcscf->counters.flow_failed++;
    if (pj->outbound && !in_dialog)
        r = (struct reject){.status = 430, .reason = "Flow Failed", .cause = r.cause};
    else if (extra && !in_dialog) {
        sip_edits_init(extra, pj->arena, NULL);
        sip_edit_append(extra, SIP_H_REASON, STR("SIP;cause=430;text=\"Flow Failed\""));
        r.extra = extra;
    }
    job_reject(&pj->job, r);
    return PXY_TAKEN;
}
