// SPDX-License-Identifier: Apache-2.0
// Who is nobody here, and what he may ask for (TS 24.229 5.2.6.3.2A): a REGISTER, or what continues a
// dialog that this node gave him a token for. Everything else is refused before anything is kept
// for it.
#include "pcscf/procedures.h"

static struct access_flow flow_of(const struct flow_info *from)
{
    return (struct access_flow){
        .proto = from->proto, .label = (uint8_t)from->listener, .remote = from->remote, .id = from->id};
}

// Whose flow it is, as far as it has been shown: a contact was registered over it, or a request of the one UE at
// that address was let in on it. NULL: nobody's.
static const struct association *owner(const struct pcscf *pc, const struct access_flow *f)
{
    const struct contact *g = registry_find(pc->registry, f, STR_NONE);
    const struct association *a;
    if (g)
        return contact_association(g);
    a = association_alone(registry_associations(pc->registry), &f->remote);
    return a && association_heard(a, f) ? a : NULL;
}

enum stack_standing pcscf_standing(void *pcscf, const struct flow_info *from)
{
    static const struct trust_domain nobody;
    const struct pcscf *pc = pcscf;
    if (from->listener == PCSCF_CORE)
        return node_standing(&pc->trusted, &nobody, &from->remote);
    struct access_flow f = flow_of(from);
    enum stack_standing by_address = node_standing(&nobody, &pc->exempt, &from->remote);
    if (by_address == STACK_VOUCHED)
        return by_address;
    return owner(pc, &f) ? STACK_KNOWN : STACK_STRANGER;
}

uint64_t pcscf_user(void *pcscf, const struct flow_info *from)
{
    const struct pcscf *pc = pcscf;
    struct access_flow f = flow_of(from);
    const struct association *a = owner(pc, &f);
    return a ? association_key(a) : pcscf_source(pc, &from->remote);
}

// One name, however it is written, from one source: who tries it in alice's name uses up nothing of alice's own.
static bool register_pays(struct pcscf *pc, const struct flow_info *from, const struct sip_msg *m)
{
    struct identity_key to;
    if (trust_domain_has(&pc->exempt, &from->remote))
        return true;
    if (identity_key_init(&to, &pc->plan, sip_msg_to(m)->uri.text))
        return false;
    uint64_t key = bucket_key_of(pcscf_source(pc, &from->remote), to.hash);
    identity_key_done(&to);
    return bucket_take(pc->registers, key, loop_now(pc->loop));
}

static bool may_ask(struct pcscf *pc, const struct access_flow *f, const struct sip_msg *m)
{
    return pcscf_in_dialog(m) ? dialog_has_token(pc, f, m) : pcscf_sender(pc, f, m).kind != SENDER_NOBODY;
}

static const struct stack_refusal no_dialog = {
    403, "request inside a dialog that the UE has no Record-Route of", "TS 24.229 5.2.6.3.5", NULL};
static const struct stack_refusal old_dialog = {
    481, "the dialog's token is of an earlier run of this P-CSCF", "RFC 3261 12.2.2", NULL};
static const struct stack_refusal no_registration = {
    403, "request from a UE that is not registered here", "TS 24.229 5.2.6.3.2A", NULL};

bool pcscf_screen(void *pcscf, const struct flow_info *from, const struct sip_msg *m,
                  struct stack_refusal *ret_refusal)
{
    struct pcscf *pc = pcscf;
    struct access_flow f = flow_of(from);
    if (from->listener == PCSCF_CORE) {
        pc->counters.refused_untrusted++;
        *ret_refusal = (struct stack_refusal){403, "source is outside the trust domain: it is not in core.trusted",
                                               "TS 24.229 4.4", NULL};
        return false;
    }
    if (sip_msg_method(m) == SIP_REGISTER) {
        if (register_pays(pc, from, m))
            return true;
        pc->counters.refused_repeated++;
        *ret_refusal = (struct stack_refusal){0, "too many REGISTERs in one name from one source",
                                               "RFC 3261 26.1.5", NULL};
        return false;
    }
    if (pcscf_is_emergency(pc, m)) {
        *ret_refusal = pcscf_emergency_refusal(pc, &f, m);
        return false;
    }
    if (may_ask(pc, &f, m))
        return true;
    pc->counters.refused_unregistered++;
    *ret_refusal = !sip_msg_to_tag(m).p ? no_registration : dialog_is_old(pc, m) ? old_dialog : no_dialog;
    return false;
}
