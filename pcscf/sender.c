// SPDX-License-Identifier: Apache-2.0
// Who sends a request on the access side (TS 33.203 N.2.1, Q.1; TS 24.229 5.2.6.3.1). In this
// order: whoever registered over the very flow that it comes on; the one UE whose address it is; at
// an address of several, or behind a NAT, nobody knows, and the identity that it claims is for the
// S-CSCF to prove (5.4.3.6).
#include "ims/identity.h"
#include "pcscf/pcscf_priv.h"
#include "sip/uri.h"

struct str pcscf_impi(struct arena *a, const struct sip_msg *m)
{
    struct sip_iter it = sip_iter_init(m, SIP_H_AUTHORIZATION);
    for (const struct sip_auth *auth; (auth = sip_iter_next(&it));)
        if (str_ieq(auth->scheme, STR("Digest")) && auth->username.n)
            return auth->username;
    struct str impu = sip_uri_canon(a, &sip_msg_to(m)->uri);
    struct str impi = impu.n ? ims_impi_from_impu(a, impu) : STR_NONE;
    return impi.n ? impi : sip_msg_to(m)->uri.text;
}

// ---- what it says of itself ----

enum where { ON_FLOW, OF_ASSOCIATION, AT_ADDRESS };

static const struct contact *find(const struct pcscf *p, const struct access_flow *f, enum where where,
                              const struct association *a, struct str impu)
{
    return where == ON_FLOW ? registry_find(p->registry, f, impu)
                            : registry_find_at(p->registry, &f->remote,
                                               where == OF_ASSOCIATION ? a : NULL, impu);
}

// The contact of the preferred identity, else that of From.
static const struct contact *claimed(const struct pcscf *p, const struct access_flow *f,
                                 const struct sip_msg *m, enum where where,
                                 const struct association *a)
{
    struct sip_iter it = sip_iter_init(m, SIP_H_P_PREFERRED_IDENTITY);
    const struct contact *g = NULL;
    for (const struct sip_addr *ppi; !g && it.done < PREFERRED_MAX && (ppi = sip_iter_next(&it));)
        g = find(p, f, where, a, ppi->uri.text);
    return g ? g : find(p, f, where, a, sip_msg_from(m)->uri.text);
}

// RFC 3323 4.1.1.3: From of somebody who does not want to be known.
static bool is_anonymous(const struct sip_msg *m)
{
    return str_ieq(sip_msg_from(m)->uri.host, STR("anonymous.invalid")) &&
           !sip_msg_has(m, SIP_H_P_PREFERRED_IDENTITY);
}

// Who names an identity that the address's UE does not have is another one, who has not registered.
static const struct contact *owner(const struct pcscf *p, const struct access_flow *f,
                               const struct sip_msg *m, const struct association *a)
{
    const struct contact *g = claimed(p, f, m, OF_ASSOCIATION, a), *any;
    if (g)
        return g;
    any = registry_newest_of(p->registry, a);
    return any && is_anonymous(m) ? any : NULL;
}

// ---- the answer ----

struct sender pcscf_sender(const struct pcscf *p, const struct access_flow *f,
                           const struct sip_msg *m)
{
    const struct association_table *t = registry_associations(p->registry);
    const struct contact *g = registry_find(p->registry, f, STR_NONE);
    if (g) {
        const struct contact *said = claimed(p, f, m, ON_FLOW, NULL);
        return (struct sender){SENDER_KNOWN, said ? said : g};
    }
    const struct association *a = association_alone(t, &f->remote);
    if (a) {
        g = owner(p, f, m, a);
        return (struct sender){g ? SENDER_KNOWN : SENDER_NOBODY, g};
    }
    g = association_any(t, &f->remote) ? claimed(p, f, m, AT_ADDRESS, NULL) : NULL;
    return (struct sender){g ? SENDER_CLAIMS : SENDER_NOBODY, g};
}

bool pcscf_is_flow_of(const struct pcscf *p, const struct access_flow *f, uint64_t user)
{
    const struct association_table *t = registry_associations(p->registry);
    const struct association *a = user ? association_find(t, &f->remote, user) : NULL;
    if (!a)
        return false;
    if (association_alone(t, &f->remote) == a)
        return true;
    return registry_flow_has(p->registry, f, a);
}

// ---- what the stack knows of it ----

void pcscf_flow_changed(void *pcscf, const struct access_flow *f)
{
    struct pcscf *pc = pcscf;
    uint64_t changes = association_stats(registry_associations(pc->registry)).changes;
    if (!pc->stack)
        return;
    if (changes != pc->associations_seen) // other flows of the address are concerned, too
        stack_recheck_all(pc->stack);
    pc->associations_seen = changes;
    stack_recheck(pc->stack, f->proto, &f->remote);
}

void pcscf_hear(struct pcscf *p, const struct access_flow *f)
{
    struct association *a = association_alone(registry_associations(p->registry), &f->remote);
    flow_id gone;
    if (!a || registry_find(p->registry, f, STR_NONE) || !association_hear(a, f, &gone))
        return;
    if (gone)
        stack_flow_close(p->stack, gone);
    pcscf_flow_changed(p, f);
}
