// SPDX-License-Identifier: Apache-2.0
// How the branches of a request are given up.
#include "stack/proxy/proxy_priv.h"

void pxy_cancel_branches(struct pxy *p, struct str reason)
{
    LIST_EACH(&p->branches, it) {
        struct branch *b = LIST_ENTRY(it, struct branch, link);
        if (!b->open || b->cancelled)
            continue;
        b->cancelled = true;
        (void)txn_client_cancel(p->layer->txns, b->txn, reason);
    }
}

void pxy_branch_forget(struct branch *b)
{
    if (!b->txn)
        return;
    txn_client_forget(b->pxy->layer->txns, b->txn);
    b->txn = 0;
    b->pxy->n_live--;
}

// A non-INVITE cannot be cancelled; what its other branches answer interests nobody any more.
static void forget_branches(struct pxy *p)
{
    LIST_EACH(&p->branches, it) {
        struct branch *b = LIST_ENTRY(it, struct branch, link);
        pxy_branch_forget(b);
        timer_stop(&b->timer_c);
        b->open = false;
    }
    p->n_open = 0;
}

void pxy_finish(struct pxy *p, struct str cancel_reason)
{
    p->answered = true;
    if (p->invite)
        pxy_cancel_branches(p, cancel_reason);
    else
        forget_branches(p);
    pxy_settle(p);
}
