// SPDX-License-Identifier: Apache-2.0
// The one seam to whoever hands over server transactions: a request is a pxy that the owner of the
// stack has given away. It is answered here and nowhere else in the event core.
#include "stack/proxy/pipeline.h"
#include "stack/event/event_priv.h"

const struct sip_msg *server_request(const struct pxy *p)
{
    return pxy_request(p);
}

const struct flow_info *server_source(const struct pxy *p)
{
    return pxy_source(p);
}

struct arena *server_arena(struct pxy *p)
{
    return pxy_arena(p);
}

struct str server_to_tag(struct pxy *p)
{
    return pxy_to_tag(p);
}

uint64_t server_id(const struct pxy *p)
{
    return pxy_get_id(p);
}

struct pxy *server_find(const struct event *e, uint64_t id)
{
    return pxy_find(e->stack, id);
}

static const struct procedure subscribe = {"subscribe", NULL, 0};
static const struct procedure notify = {"notify", NULL, 0};

void server_refuse(struct event *e, struct pxy *p, const struct event_refusal *r,
                   struct str identity)
{
    bool asks = sip_msg_method(pxy_request(p)) == SIP_SUBSCRIBE;
    struct job *j = ARENA_NEW(pxy_arena(p), struct job);
    e->count.refused += asks;
    if (!j) {
        (void)pxy_reply(p, r->status, STR_NONE, r->extra);
        return;
    }
    j->identity = identity;
    job_start(j, p, asks ? &subscribe : &notify, e);
    job_reject(j, (struct reject){
                      .status = r->status,
                      .cause = r->cause,
                      .retry_after = r->retry_after,
                      .extra = r->extra,
                  });
}

// RFC 6665 4.2.1.1: 200, never 202; the expiry that was granted; a Contact, since it makes a
// dialog.
int server_accept(struct event *e, struct pxy *p, uint32_t granted)
{
    struct arena *a = pxy_arena(p);
    struct sip_edits extra;
    sip_edits_init(&extra, a, NULL);
    sip_edit_append(&extra, SIP_H_EXPIRES, arena_printf(a, "%" PRIu32, granted));
    sip_edit_append(&extra, SIP_H_CONTACT, e->contact);
    if (e->allowed.n)
        sip_edit_append(&extra, SIP_H_ALLOW_EVENTS, e->allowed);
    return pxy_reply(p, 200, STR_NONE, &extra);
}

void server_ok(struct pxy *p)
{
    (void)pxy_reply(p, 200, STR_NONE, NULL);
}
