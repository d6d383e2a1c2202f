// SPDX-License-Identifier: Apache-2.0
// The users of the layer, and what goes to which.
#include "base/err.h"
#include "stack/txn/txn_priv.h"

// Whose user has left.
static const struct txn_user_ops nobody = {.name = "nobody"};

int txn_user_add(struct txn_layer *l, const struct txn_user_ops *ops, void *arg, struct txn_user **ret_user)
{
    if (l->n_users == TXN_USERS_MAX)
        return ERR_FULL;
    if (!ops->claims && l->rest)
        return ERR_STATE;
    struct txn_user *u = &l->users[l->n_users++];
    *u = (struct txn_user){.ops = ops, .arg = arg};
    if (!ops->claims)
        l->rest = u;
    *ret_user = u;
    return 0;
}

static void disown(struct list *txns, const struct txn_user *u)
{
    LIST_EACH(txns, it) {
        struct txn *t = LIST_ENTRY(it, struct txn, link);
        struct txn_server *st = (struct txn_server *)t;
        if (t->is_server && st->user == u)
            st->owner = NULL;
    }
}

// His place is not given to another: transactions still point to it.
void txn_user_remove(struct txn_layer *l, struct txn_user *u)
{
    if (!u)
        return;
    disown(&l->live, u);
    disown(&l->dead, u);
    tombs_disown(l, u);
    if (l->rest == u)
        l->rest = NULL;
    *u = (struct txn_user){.ops = &nobody};
}

struct txn_user *users_find(struct txn_layer *l, const struct sip_msg *m, flow_id flow)
{
    for (size_t i = 0; i < l->n_users; i++) {
        struct txn_user *u = &l->users[i];
        if (u->ops->claims && u->ops->claims(u->arg, m, flow))
            return u;
    }
    return l->rest;
}

// Its INVITE was refused by what the message alone says, or the refusal's transaction is over (RFC 3261
// 8.2.7): it goes nowhere else, though it has the Route of one that would.
bool users_ack_strays(const struct txn_layer *l, const struct txn_user *u, const struct sip_msg *m)
{
    if (u != l->rest || !txn_is_own_tag(l, m))
        return false;
    return !u || !u->ops->awaits_ack || !u->ops->awaits_ack(u->arg, m);
}

unsigned users_stateless(const struct txn_layer *l, const struct sip_msg *m, bool refused,
                         struct str *ret_reason, struct sip_edits *extra)
{
    const struct txn_user *u = l->rest;
    return u && u->ops->stateless ? u->ops->stateless(u->arg, m, refused, ret_reason, extra) : 0;
}
