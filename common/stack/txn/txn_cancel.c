// SPDX-License-Identifier: Apache-2.0
// The CANCEL of an INVITE (RFC 3261 9.1): a transaction of its own, or a word to a target that is given up.
#include "base/err.h"
#include "base/writer.h"
#include "stack/txn/txn_priv.h"

static void send_cancel(struct txn_client *c, struct flow *f, const struct fsm *m)
{
    struct txn_layer *l = c->t.layer;
    struct txn_client *k = txn_client_alloc(l);
    struct writer w = txn_scratch(l);
    if (!k)
        return;
    txn_set_machine(&k->t, m);
    k->t.method = SIP_CANCEL;
    k->fixed_flow = flow_get_id(f);
    memcpy(k->branch_buf, c->branch_buf, c->branch.n);
    k->branch = str_make(k->branch_buf, c->branch.n);
    if (txn_build_cancel(l, c->t.kept, c->cancel_reason, &w) || w.failed ||
        txn_keep(&k->t, writer_done(&w))) {
        txn_discard(&k->t);
        return;
    }
    k->parent = c->t.id;
    c->cancel = k->t.id;
    txn_attach(&k->t, f);
    int err = flow_send(f, k->t.kept, STR_NONE);
    txn_step(&k->t, EV_START, NULL);
    if (err && err != ERR_FULL)
        txn_late_error(&k->t, err);
}

void client_send_cancel(struct txn_client *c, const struct fsm *m)
{
    struct flow *f = client_flow(c);
    if (f)
        send_cancel(c, f, m);
}

// RFC 3261 9.1 has a CANCEL wait for a provisional response, so that it does not overtake the INVITE. After
// all that time it does not; and a node that was frozen would otherwise let a phone ring for nobody.
void client_withdraw(struct txn_client *c)
{
    struct txn_layer *l = c->t.layer;
    struct writer w = txn_scratch(l);
    if (!c->withdraw || c->t.method != SIP_INVITE || c->answered || c->cancelled || !c->t.flow || !c->t.kept.n)
        return;
    if (!txn_build_cancel(l, c->t.kept, STR_NONE, &w) && !w.failed)
        (void)flow_send(c->t.flow, writer_done(&w), STR_NONE);
}
