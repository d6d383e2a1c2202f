// SPDX-License-Identifier: Apache-2.0
#include "tools/ue/ue_priv.h"

const struct str ue_allow =
    STR_INIT("INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO, MESSAGE, NOTIFY, REFER");
const struct str ue_mmtel =
    STR_INIT("+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel\"");

void ue_refuse_method(struct pxy *p)
{
    struct sip_edits extra;
    sip_edits_init(&extra, pxy_arena(p), NULL);
    sip_edit_append(&extra, SIP_H_ALLOW, ue_allow);
    (void)pxy_reply(p, 405, STR_NONE, &extra);
}

const char *ue_transport_param(enum sip_proto p)
{
    return p == SIP_PROTO_TCP ? ";transport=tcp" : "";
}

void draft_init(struct request_draft *d)
{
    arena_init(&d->arena, d->room, sizeof d->room);
    sip_edits_init(&d->headers, &d->arena, NULL);
}

void draft_done(struct request_draft *d)
{
    arena_done(&d->arena);
}

struct str phone_identity(const struct phone *ph)
{
    return ph->identity.n ? ph->identity : ph->impu;
}

void add_preferred_identity(const struct phone *ph, struct sip_edits *headers)
{
    sip_edit_append(headers, SIP_H_P_PREFERRED_IDENTITY,
                    ARENA_CAT(headers->arena, STR("<"), phone_identity(ph), STR(">")));
}

struct str phone_route(const struct phone *ph, struct arena *a)
{
    return ARENA_CAT(a, STR("<"), ph->hub->proxy_uri, STR(";lr>"), ph->service_route.n ? STR(", ") : STR(""), ph->service_route);
}

void draft_common(struct request_draft *d, const struct phone *ph, struct str to, struct str call_id,
                  struct str from_tag, uint32_t cseq, enum sip_method method)
{
    struct sip_edits *h = &d->headers;
    struct arena *a = &d->arena;
    bool registers = method == SIP_REGISTER;
    // TS 24.229 5.1.2A.1.1: the P-CSCF first, then the Service-Route. A REGISTER has none (5.1.1.2.1).
    if (!registers)
        sip_edit_append(h, SIP_H_ROUTE, phone_route(ph, a));
    sip_edit_append(h, SIP_H_MAX_FORWARDS, STR("70"));
    struct str who = registers ? ph->impu : phone_identity(ph);
    sip_edit_append(h, SIP_H_FROM, ARENA_CAT(a, STR("<"), who, STR(">;tag="), from_tag));
    sip_edit_append(h, SIP_H_TO, ARENA_CAT(a, STR("<"), to, STR(">")));
    sip_edit_append(h, SIP_H_CALL_ID, call_id);
    sip_edit_append(h, SIP_H_CSEQ,
                    arena_printf(a, "%u %.*s", cseq, STR_ARG(sip_method_name(method))));
    if (ph->hub->user_agent.n)
        sip_edit_append(h, SIP_H_USER_AGENT, ph->hub->user_agent);
    // TS 24.229 5.1.1.2.1: where the phone is, is not told to whom it does not know yet.
    if (!registers || ph->registrar.held)
        add_access(ph, h);
}

void add_access(const struct phone *ph, struct sip_edits *headers)
{
    if (ph->access.n)
        sip_edit_append(headers, SIP_H_P_ACCESS_NETWORK_INFO, ph->access);
}

int phone_reply(const struct phone *ph, struct pxy *p, unsigned status, struct sip_edits *extra)
{
    struct sip_edits own;
    if (!extra) {
        sip_edits_init(&own, pxy_arena(p), NULL);
        extra = &own;
    }
    add_access(ph, extra);
    return pxy_reply(p, status, STR_NONE, extra);
}

struct str response_cause(const struct sip_msg *m)
{
    const struct sip_warning *w = m ? sip_msg_at(m, SIP_H_WARNING, 0) : NULL;
    if (w)
        return sip_unquote(sip_msg_arena(m), w->text);
    const struct sip_token *r = m ? sip_msg_at(m, SIP_H_REASON, 0) : NULL;
    for (const struct sip_param *p = r ? r->params : NULL; p; p = p->next)
        if (str_ieq(p->name, STR("text")))
            return sip_unquote(sip_msg_arena(m), p->value);
    return STR_NONE;
}

static struct str local_cause(unsigned status)
{
    return status == 503   ? STR("no connection")
           : status == 513 ? STR("too large for a datagram, and no connection")
                           : STR("no response");
}

struct ue_failure failure_of(unsigned status, const struct sip_msg *m)
{
    return (struct ue_failure){.status = status,
                               .reason = m ? sip_msg_reason(m) : sip_reason(status),
                               .cause = m ? response_cause(m) : local_cause(status)};
}

bool is_sdp(const struct sip_msg *m)
{
    struct str type = sip_msg_raw(m, SIP_H_CONTENT_TYPE);
    return str_ieq(str_trim(str_split(&type, ';')), STR("application/sdp"));
}

bool list_holds(const struct list *l, size_t n)
{
    for (const struct list *it = l->next; it != l && n; it = it->next)
        n--;
    return n == 0;
}

void phone_tell_text(struct phone *ph, const struct sip_msg *m)
{
    struct ue_text t = {.notify = sip_msg_method(m) == SIP_NOTIFY,
                        .from = sip_msg_from(m)->uri.text,
                        .event = sip_msg_raw(m, SIP_H_EVENT),
                        .state = sip_msg_raw(m, SIP_H_SUBSCRIPTION_STATE),
                        .type = sip_msg_raw(m, SIP_H_CONTENT_TYPE),
                        .body = sip_msg_body(m)};
    if (ph->ops->text)
        ph->ops->text(ph->arg, ph, &t);
}
