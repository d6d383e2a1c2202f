// SPDX-License-Identifier: Apache-2.0
// Who speaks on a flow. The owner is asked once, and again when he says that he may think otherwise.
#include "base/err.h"
#include "stack/transport/sources.h"
#include "stack/transport/transport_priv.h"

static void set_standing(struct flow *f, enum stack_standing standing)
{
    enum flow_class to = standing == STACK_STRANGER ? FLOW_OF_STRANGER : FLOW_OF_KNOWN;
    bool moves = f->id && to != f->in_class;
    f->standing = standing;
    if (!moves) {
        f->in_class = to;
        return;
    }
    flow_reclass(f, to);
    if (!f->stream)
        return;
    if (to == FLOW_OF_STRANGER)
        source_enlist(f);
    else
        source_delist(f);
    stream_rearm(f);
}

enum stack_standing flow_ask_standing(struct flow *f)
{
    struct transport *t = f->transport;
    f->checked = t->standing_epoch;
    if (!t->owner.standing) {
        f->standing = STACK_TRUSTED;
        return STACK_TRUSTED;
    }
    set_standing(f, t->owner.standing(t->owner_arg, &f->info));
    f->user = f->standing == STACK_KNOWN && t->owner.user ? t->owner.user(t->owner_arg, &f->info)
                                                          : flow_source(f);
    return f->standing;
}

enum stack_standing flow_standing(struct flow *f)
{
    return standing_of(f);
}

void transport_recheck(struct transport *t, enum sip_proto proto, const struct addr *remote)
{
    for (unsigned i = 0; i < t->n_listeners; i++) {
        struct listener *l = &t->listeners[i];
        struct flow *f = l->proto == proto ? flow_lookup(l, remote) : NULL;
        if (!f)
            continue;
        f->checked = 0;
        (void)standing_of(f);
    }
}

uint64_t transport_log_source(const struct transport *t, flow_id flow, const struct addr *remote,
                              struct str identity)
{
    struct flow *f = flow_find(t, flow);
    bool trusted = f && standing_of(f) == STACK_TRUSTED;
    return trusted && identity.n ? hash_bytes(identity.p, identity.n) : addr_source_key(remote);
}
