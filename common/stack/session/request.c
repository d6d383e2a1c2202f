// SPDX-License-Identifier: Apache-2.0
// Requests of ours inside a dialog: made and filled here, sent by send.c, kept until they are
// answered; a re-INVITE as long as its 2xx may come again.
#include "base/mem.h"
#include "stack/session/session_priv.h"

// KEPT_MAX: re-INVITEs whose 2xx may still come again. PRACKS_MAX: of all legs, unanswered.
enum { KEPT_MAX = 3, PRACKS_MAX = 2 * LEGS_MAX };

static void forget_oldest(struct session *s)
{
    unsigned kept = 0;
    struct request *oldest = NULL;
    LIST_EACH(&s->requests, it) {
        struct request *r = LIST_ENTRY(it, struct request, link);
        kept += r->kept;
        oldest = r->kept && !oldest ? r : oldest;
    }
    if (kept >= KEPT_MAX)
        request_free(oldest);
}

// What the protocol asks for does not wait until the owner's requests are answered: a PRACK for
// each reliable response, and the BYE, of which there is one in each leg.
static bool has_room(const struct session *s, enum sip_method method)
{
    size_t pracks = 0, others = 0;
    LIST_EACH(&s->requests, it) {
        const struct request *r = LIST_ENTRY(it, struct request, link);
        pracks += !r->done && r->method == SIP_PRACK;
        others += !r->done && r->method != SIP_PRACK && r->method != SIP_BYE;
    }
    return method == SIP_BYE || (method == SIP_PRACK ? pracks < PRACKS_MAX : others < REQUESTS_MAX);
}

struct request *request_new(struct leg *g, enum sip_method method, request_cb cb)
{
    struct session *s = g->session;
    forget_oldest(s);
    struct request *r = has_room(s, method) ? mem_zalloc(sizeof *r) : NULL;
    if (!r)
        return NULL;
    r->session = s;
    r->leg = g;
    r->method = method;
    r->cb = cb;
    arena_init(&r->mem, NULL, 0);
    list_add(&s->requests, &r->link);
    return r;
}

void request_free(struct request *r)
{
    if (r->id)
        ua_forget(r->session->layer->uas, r->id);
    list_del(&r->link);
    arena_done(&r->mem);
    mem_free(r);
}

void request_header(struct request *r, enum sip_hid id, struct str value)
{
    if (r->n_headers == REQUEST_HEADERS)
        return;
    r->headers[r->n_headers].id = id;
    r->headers[r->n_headers++].value = arena_dup(&r->mem, value);
}

void request_named(struct request *r, struct str name, struct str value)
{
    if (r->n_headers == REQUEST_HEADERS)
        return;
    r->headers[r->n_headers].id = SIP_H_OTHER;
    r->headers[r->n_headers].name = name;
    r->headers[r->n_headers++].value = value;
}

void request_body(struct request *r, struct str type, struct str body)
{
    r->type = arena_dup(&r->mem, type);
    r->body = arena_dup(&r->mem, body);
}

bool request_pending(const struct session *s, enum sip_method method)
{
    LIST_EACH(&s->requests, it) {
        const struct request *r = LIST_ENTRY(it, struct request, link);
        if (!r->done && (method == SIP_UNKNOWN ? r->method != SIP_PRACK : r->method == method))
            return true;
    }
    return false;
}
