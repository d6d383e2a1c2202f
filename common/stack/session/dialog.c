// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>

#include "base/err.h"
#include "base/mem.h"
#include "sip/uri.h"
#include "stack/session/ua.h"

enum { ROUTES_MAX = 32 };

struct dialog {
    struct arena mem; // what never changes
    struct str call_id, local_tag, remote_tag;
    struct str local, remote; // From and To values of our requests
    struct str contact;       // our own Contact value, empty when unknown
    struct str target;        // remote target URI, heap
    struct str *routes;       // route set in the order of our requests, heap, with the texts
    size_t n_routes;
    bool strict;           // the first route is a strict router (RFC 3261 12.2.1.1)
    struct str strict_uri; // its URI as a Request-URI
    uint32_t local_cseq, remote_cseq;
    bool has_local_cseq, has_remote_cseq;
    bool early, uac;
    _Alignas(8) char first[]; // as much as the texts need: a node keeps a dialog for each subscription
};

// What a copy of s takes of an arena.
static size_t text_room(struct str s)
{
    return (s.n + 1 + 7) & ~(size_t)7;
}

// With room for the texts that names_set and what follows it will copy.
static struct dialog *dialog_alloc(const struct sip_msg *m, struct str local, struct str local_tag,
                                   struct str remote, struct str remote_tag, struct str contact)
{
    size_t room = text_room(sip_msg_call_id(m)) + text_room(local) + text_room(local_tag) +
                  text_room(STR(";tag=")) + text_room(local_tag) + text_room(remote) +
                  text_room(remote_tag) + text_room(contact);
    struct dialog *d = mem_alloc(sizeof *d + room);
    if (!d)
        return NULL;
    memset(d, 0, sizeof *d);
    arena_init(&d->mem, d->first, room);
    return d;
}

void dialog_free(struct dialog *d)
{
    if (!d)
        return;
    mem_free((void *)d->target.p);
    mem_free(d->routes);
    arena_done(&d->mem);
    mem_free(d);
}

// RFC 3261 19.1.1 table 1: a Request-URI has neither headers nor a method parameter.
static struct str put_request_uri(struct str text, char *dst)
{
    ptrdiff_t q = str_chr(text, '?');
    struct str rest = q < 0 ? text : str_head(text, (size_t)q);
    size_t n = 0;
    bool first = true;
    while (rest.n) {
        struct str part = str_split(&rest, ';');
        if (!first && str_istarts(part, STR("method=")))
            continue;
        if (!first)
            dst[n++] = ';';
        memcpy(dst + n, part.p, part.n);
        n += part.n;
        first = false;
    }
    return str_make(dst, n);
}

// The Record-Route values of m: how many, and the bytes of their texts.
static int routes_measure(const struct sip_msg *m, size_t *ret_n, size_t *ret_bytes)
{
    size_t bytes = 0;
    struct sip_iter it = sip_iter_init(m, SIP_H_RECORD_ROUTE);
    if (it.err || it.n > ROUTES_MAX)
        return it.err ? it.err : ERR_TOOBIG;
    for (const struct sip_addr *a; (a = sip_iter_next(&it));)
        bytes += a->text.n;
    *ret_n = it.n;
    *ret_bytes = bytes;
    return 0;
}

// Copies the route set into one block: the slices first, their texts after them, and the first URI
// once more as a Request-URI. reverse: the UAC's order (RFC 3261 12.1.2).
static int routes_set(struct dialog *d, const struct sip_msg *m, bool reverse)
{
    size_t n, bytes;
    int err = routes_measure(m, &n, &bytes);
    if (err)
        return err;
    const struct sip_addr *head = n ? sip_msg_at(m, SIP_H_RECORD_ROUTE, reverse ? n - 1 : 0) : NULL;
    struct str *routes = NULL;
    if (head && !(routes = mem_alloc(n * sizeof *routes + bytes + head->uri.text.n)))
        return ERR_NOMEM;
    mem_free(d->routes);
    d->routes = routes;
    d->n_routes = n;
    d->strict = false;
    if (!head)
        return 0;
    char *p = (char *)(routes + n);
    struct sip_iter it = reverse ? sip_iter_back(m, SIP_H_RECORD_ROUTE)
                                 : sip_iter_init(m, SIP_H_RECORD_ROUTE);
    for (const struct sip_addr *a; (a = sip_iter_next(&it)); routes++) {
        memcpy(p, a->text.p, a->text.n);
        *routes = str_make(p, a->text.n);
        p += a->text.n;
    }
    bool loose = false;
    (void)sip_uri_param(&head->uri, STR("lr"), &loose);
    d->strict = !loose;
    d->strict_uri = put_request_uri(head->uri.text, p);
    return 0;
}

// Remote target from the Contact of m (RFC 3261 12.1, 12.2).
static int target_set(struct dialog *d, const struct sip_msg *m)
{
    const struct sip_contact *c = sip_msg_at(m, SIP_H_CONTACT, 0);
    if (!c || c->star || !c->addr.uri.text.n)
        return ERR_BAD;
    if (str_eq(c->addr.uri.text, d->target))
        return 0;
    struct str t = str_dup(c->addr.uri.text);
    if (!t.p)
        return ERR_NOMEM;
    mem_free((void *)d->target.p);
    d->target = t;
    return 0;
}

static void names_set(struct dialog *d, const struct sip_msg *m, struct str local_tag)
{
    d->call_id = arena_dup(&d->mem, sip_msg_call_id(m));
    d->local_tag = arena_dup(&d->mem, local_tag);
}

static int done_or_free(struct dialog *d, int err, struct dialog **ret_dialog)
{
    if (!err && d->mem.failed)
        err = ERR_NOMEM;
    if (err) {
        dialog_free(d);
        return err;
    }
    *ret_dialog = d;
    return 0;
}

int dialog_new_uac(const struct sip_msg *req, const struct sip_msg *resp,
                   struct dialog **ret_dialog)
{
    const struct sip_addr *from = sip_msg_from(req), *to = sip_msg_to(resp);
    const struct sip_cseq *cseq = sip_msg_cseq(req);
    if (!from || !to || !cseq || !to->tag.p)
        return ERR_BAD;
    struct str contact = sip_msg_raw(req, SIP_H_CONTACT);
    struct dialog *d = dialog_alloc(req, from->text, from->tag, to->text, to->tag, contact);
    if (!d)
        return ERR_NOMEM;
    names_set(d, req, from->tag);
    d->remote_tag = arena_dup(&d->mem, to->tag);
    d->local = arena_dup(&d->mem, from->text);
    d->remote = arena_dup(&d->mem, to->text);
    d->contact = arena_dup(&d->mem, contact);
    d->local_cseq = cseq->number;
    d->has_local_cseq = d->uac = true;
    d->early = sip_msg_status(resp) < 200;
    int err = target_set(d, resp);
    if (!err)
        err = routes_set(d, resp, true);
    return done_or_free(d, err, ret_dialog);
}

int dialog_new_uas(const struct sip_msg *req, struct str local_tag, struct str contact,
                   struct dialog **ret_dialog)
{
    const struct sip_addr *from = sip_msg_from(req), *to = sip_msg_to(req);
    const struct sip_cseq *cseq = sip_msg_cseq(req);
    if (!from || !to || !cseq)
        return ERR_BAD;
    struct dialog *d = dialog_alloc(req, to->text, local_tag, from->text, from->tag, contact);
    if (!d)
        return ERR_NOMEM;
    names_set(d, req, local_tag);
    d->remote_tag = arena_dup(&d->mem, from->tag);
    d->local = to->tag.p ? arena_dup(&d->mem, to->text)
                         : ARENA_CAT(&d->mem, to->text, STR(";tag="), local_tag);
    d->remote = arena_dup(&d->mem, from->text);
    d->contact = arena_dup(&d->mem, contact);
    d->remote_cseq = cseq->number;
    d->has_remote_cseq = true;
    d->early = sip_msg_method(req) == SIP_INVITE;
    int err = target_set(d, req);
    if (!err)
        err = routes_set(d, req, false);
    return done_or_free(d, err, ret_dialog);
}

bool dialog_matches(const struct dialog *d, const struct sip_msg *m)
{
    bool request = sip_msg_is_request(m);
    struct str local = request ? sip_msg_to_tag(m) : sip_msg_from_tag(m);
    struct str remote = request ? sip_msg_from_tag(m) : sip_msg_to_tag(m);
    return str_eq(d->call_id, sip_msg_call_id(m)) && str_eq(d->local_tag, local) &&
           str_eq(d->remote_tag, remote);
}

// RFC 3261 12.2, RFC 3311 5.1, RFC 6665 4.4.1, RFC 3515: requests that carry a new remote target.
static bool refreshes_target(enum sip_method m)
{
    return m == SIP_INVITE || m == SIP_UPDATE || m == SIP_SUBSCRIBE || m == SIP_NOTIFY ||
           m == SIP_REFER;
}

int dialog_on_request(struct dialog *d, const struct sip_msg *m)
{
    const struct sip_cseq *cseq = sip_msg_cseq(m);
    if (!cseq)
        return ERR_BAD;
    // An ACK repeats the number of its INVITE, which later requests may have overtaken.
    if (cseq->method == SIP_ACK) {
        d->early = false;
        return 0;
    }
    if (cseq->method == SIP_CANCEL)
        return 0;
    if (d->has_remote_cseq && cseq->number < d->remote_cseq)
        return ERR_STATE;
    d->remote_cseq = cseq->number;
    d->has_remote_cseq = true;
    if (!refreshes_target(cseq->method) || !sip_msg_has(m, SIP_H_CONTACT))
        return 0;
    return target_set(d, m);
}

void dialog_on_response(struct dialog *d, const struct sip_msg *m)
{
    unsigned status = sip_msg_status(m);
    if (status < 200 || status > 299 || !refreshes_target(sip_msg_method(m)))
        return;
    if (sip_msg_has(m, SIP_H_CONTACT))
        (void)target_set(d, m);
    if (d->early && d->uac && sip_msg_method(m) == SIP_INVITE) {
        // RFC 3261 13.2.2.4: the 2xx decides the route set; the early one was provisional.
        (void)routes_set(d, m, true);
        d->early = false;
    }
}

static void append_routes(const struct dialog *d, struct sip_edits *h)
{
    struct arena *a = h->arena;
    for (size_t i = d->strict ? 1 : 0; i < d->n_routes; i++)
        sip_edit_append(h, SIP_H_ROUTE, arena_dup(a, d->routes[i]));
    if (d->strict)
        sip_edit_append(h, SIP_H_ROUTE, ARENA_CAT(a, STR("<"), d->target, STR(">")));
}

int dialog_request(struct dialog *d, enum sip_method method, uint32_t ack_cseq, struct sip_edits *h,
                   struct str *ret_uri)
{
    struct arena *a = h->arena;
    if (method == SIP_UNKNOWN)
        return ERR_INVAL;
    uint32_t cseq = method == SIP_ACK ? ack_cseq : d->has_local_cseq ? d->local_cseq + 1 : 1;
    if (cseq >= UINT32_C(1) << 31) // RFC 3261 8.1.1.5
        return ERR_STATE;
    append_routes(d, h);
    sip_edit_append(h, SIP_H_MAX_FORWARDS, STR("70"));
    sip_edit_append(h, SIP_H_FROM, arena_dup(a, d->local));
    sip_edit_append(h, SIP_H_TO, arena_dup(a, d->remote));
    sip_edit_append(h, SIP_H_CALL_ID, arena_dup(a, d->call_id));
    sip_edit_append(h, SIP_H_CSEQ,
                    arena_printf(a, "%" PRIu32 " %.*s", cseq, STR_ARG(sip_method_name(method))));
    struct str uri = arena_dup(a, d->strict ? d->strict_uri : d->target);
    if (h->failed || a->failed)
        return ERR_NOMEM;
    if (method != SIP_ACK) {
        d->local_cseq = cseq;
        d->has_local_cseq = true;
    }
    *ret_uri = uri;
    return 0;
}

void dialog_set_local_cseq(struct dialog *d, uint32_t cseq)
{
    d->local_cseq = cseq;
    d->has_local_cseq = true;
}

void dialog_get_info(const struct dialog *d, struct dialog_info *ret_info)
{
    *ret_info = (struct dialog_info){
        .call_id = d->call_id,
        .local_tag = d->local_tag,
        .remote_tag = d->remote_tag,
        .target = d->target,
        .contact = d->contact,
        .local_cseq = d->local_cseq,
        .early = d->early,
    };
}
