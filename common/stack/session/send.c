// SPDX-License-Identifier: Apache-2.0
// Requests of ours inside a dialog on their way: what is common to all of them, credentials when
// they are asked for (RFC 3261 22.3), and the final response.
#include "base/err.h"
#include "stack/session/exchange.h"

static bool describes(enum sip_method m)
{
    return m == SIP_INVITE || m == SIP_UPDATE;
}

static int write_and_send(struct request *r);

// The same request with credentials (RFC 3261 22.3).
static bool authenticate(struct request *r, unsigned status, const struct sip_msg *m)
{
    struct session *s = r->session;
    if (!m || (status != 401 && status != 407) || !s->p.auth || session_over(s))
        return false;
    return uac_auth_take(s->p.auth, &r->tries, m) && write_and_send(r) == 0;
}

static void on_response(void *arg, ua_id id, unsigned status, const struct sip_msg *m)
{
    struct request *r = arg;
    struct session *s = r->session;
    if (r->done) { // a 2xx that came again
        if (status / 100 == 2)
            ack_again(r->leg, r->cseq);
        return;
    }
    if (status < 200)
        return;
    if (status >= 300)
        r->id = 0;
    if (authenticate(r, status, m))
        return;
    if (m)
        dialog_on_response(r->leg->dialog, m);
    bool keep = r->method == SIP_INVITE && status < 300;
    r->done = true;
    if (!session_over(s) && r->cb)
        r->cb(r, status, m);
    // Only now: a request that is made in the callback may make room among the kept ones.
    if (keep)
        r->kept = true;
    else
        request_free(r);
}

static void put_headers(void *arg, struct str uri, struct sip_edits *h)
{
    struct request *r = arg;
    struct session *s = r->session;
    if (s->p.auth)
        uac_auth_add(s->p.auth, &r->tries, h, sip_method_name(r->method), uri);
    if (r->method == SIP_INVITE)
        ack_take_credentials(r->leg, h);
    for (size_t i = 0; i < r->n_headers; i++)
        if (r->headers[i].id == SIP_H_OTHER)
            sip_edit_append_named(h, r->headers[i].name, r->headers[i].value);
        else
            sip_edit_append(h, r->headers[i].id, r->headers[i].value);
    if (describes(r->method)) {
        interval_request(s, r->leg, h);
        session_describe(s, r->method, 0, h);
    } else {
        session_decorate(s, r->method, 0, h);
    }
}

static int write_and_send(struct request *r)
{
    struct dialog_info info;
    struct dialog_send q = {.method = r->method,
                            .type = r->type,
                            .body = r->body,
                            .put = put_headers,
                            .cb = on_response,
                            .arg = r};
    int e =
        r->mem.failed ? ERR_NOMEM : dialog_send(r->session->layer->uas, r->leg->dialog, &q, &r->id);
    if (e)
        return e;
    dialog_get_info(r->leg->dialog, &info);
    r->cseq = info.local_cseq;
    if (r->offers)
        offer_sent(r->leg, r->method, r->cseq, false);
    return 0;
}

int request_send(struct request *r)
{
    int e = write_and_send(r);
    if (e)
        request_free(r);
    return e;
}
