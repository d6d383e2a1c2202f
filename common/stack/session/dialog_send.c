// SPDX-License-Identifier: Apache-2.0
// A request of a dialog from nothing to the wire.
#include "base/err.h"
#include "stack/session/ua.h"

enum { ROOM = 2048 }; // more comes from the heap

int dialog_send(struct ua_layer *l, struct dialog *d, const struct dialog_send *r, ua_id *ret_id)
{
    struct arena a;
    char room[ROOM];
    struct sip_edits h;
    struct ua_request q = {.method = r->method, .headers = &h, .cb = r->cb, .arg = r->arg};
    arena_init(&a, room, sizeof room);
    sip_edits_init(&h, &a, NULL);
    int err = dialog_request(d, r->method, r->ack_cseq, &h, &q.uri);
    if (!err) {
        if (r->put)
            r->put(r->arg, q.uri, &h);
        if (r->body.n)
            sip_edit_body(&h, r->type, r->body);
        err = h.failed || a.failed ? ERR_NOMEM : ua_send(l, &q, ret_id);
    }
    arena_done(&a);
    return err;
}
