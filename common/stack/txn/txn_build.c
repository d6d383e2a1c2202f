// SPDX-License-Identifier: Apache-2.0
// The two requests that a client transaction makes by itself, from the INVITE as it was sent.
#include "base/err.h"
#include "base/writer.h"
#include "stack/txn/txn_priv.h"

// Everything that ACK and CANCEL have in common: one Via, the INVITE's; its Route; its From, Call-ID.
static void common_headers(struct sip_edits *e, const struct sip_msg *invite, struct str to,
                           struct str method)
{
    struct arena *a = e->arena;
    sip_edit_append(e, SIP_H_VIA, sip_msg_via(invite)->text);
    sip_edit_append(e, SIP_H_MAX_FORWARDS, STR("70"));
    struct sip_iter it = sip_iter_init(invite, SIP_H_ROUTE);
    for (const struct sip_addr *route; (route = sip_iter_next(&it));)
        sip_edit_append(e, SIP_H_ROUTE, route->text);
    sip_edit_append(e, SIP_H_FROM, sip_msg_raw(invite, SIP_H_FROM));
    sip_edit_append(e, SIP_H_TO, to);
    sip_edit_append(e, SIP_H_CALL_ID, sip_msg_call_id(invite));
    sip_edit_append(e, SIP_H_CSEQ,
                    arena_printf(a, "%u %.*s", sip_msg_cseq(invite)->number, STR_ARG(method)));
}

static int build(struct txn_layer *l, struct str invite, const struct sip_msg *response,
                 struct str reason, struct str method, struct writer *w)
{
    struct sip_msg *m = NULL;
    struct sip_parse_error perr;
    int err = sip_msg_parse(invite, &m, &perr);
    if (!err) {
        struct sip_edits e;
        sip_edits_init(&e, sip_msg_arena(m), NULL);
        common_headers(&e, m, sip_msg_raw(response ? response : m, SIP_H_TO), method);
        if (reason.n)
            sip_edit_append(&e, SIP_H_REASON, reason);
        err = sip_write_request(method, sip_msg_uri_text(m), &e, w);
    }
    sip_msg_unref(m);
    return err;
}

int txn_build_ack(struct txn_layer *l, struct str invite, const struct sip_msg *response,
                  struct writer *w)
{
    return build(l, invite, response, STR_NONE, STR("ACK"), w);
}

int txn_build_cancel(struct txn_layer *l, struct str invite, struct str reason, struct writer *w)
{
    return build(l, invite, NULL, reason, STR("CANCEL"), w);
}
