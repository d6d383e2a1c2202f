// SPDX-License-Identifier: Apache-2.0
#include "scscf/restoration_form.h"

#include "base/err.h"
#include "scscf/contact.h"
#include "sip/addr_hdr.h"
#include "sip/uri.h"

// Seconds from 1900 to 1970: Time counts from 1900, in 32 bits that begin anew in 2036 (RFC 6733 4.3.1).
#define EPOCH_1900 UINT32_C(2208988800)

enum { FRONT_BYTES = 16, CONTACT_BYTES = 20 };

static uint32_t now_1900(uint64_t wall_ms)
{
    return (uint32_t)(wall_ms / 1000) + EPOCH_1900;
}

// ---- to the HSS ----

static struct cx_restoration_contact written(struct arena *a, const struct binding_params *p)
{
    const struct contact_text t = {p->text[BINDING_DISPLAY], p->text[BINDING_URI], p->text[BINDING_PARAMS]};
    return (struct cx_restoration_contact){.path = p->text[BINDING_PATH],
                                           .contact = contact_write(a, &t, p->expires_s),
                                           .cseq = p->cseq,
                                           .cseq_present = true,
                                           .call_id = p->text[BINDING_CALL_ID]};
}

static size_t size_of(const struct cx_restoration_contact *c)
{
    return CONTACT_BYTES + c->path.n + c->contact.n + c->call_id.n;
}

int restoration_write(struct arena *a, const struct restoration_of *of, struct cx_restoration *ret_restoration,
                      size_t *ret_left_out)
{
    struct cx_restoration_contact *all = arena_alloc(a, of->n * sizeof *all);
    size_t n = 0, left_out = 0, bytes = FRONT_BYTES + of->scheme.n;
    uint32_t longest = 0;
    for (size_t i = 0; all && i < of->n; i++) {
        const struct binding_params *p = &of->contacts[i];
        if (!p->text[BINDING_PATH].n)
            continue;
        all[n] = written(a, p);
        if (left_out || bytes + size_of(&all[n]) > of->max) {
            left_out++;
            continue;
        }
        bytes += size_of(&all[n++]);
        if (p->expires_s > longest)
            longest = p->expires_s;
    }
    if (a->failed)
        return ERR_NOMEM;
    *ret_left_out = left_out;
    *ret_restoration = (struct cx_restoration){.present = n > 0,
                                               .impi = of->impi,
                                               .contacts = all,
                                               .n_contacts = n,
                                               .timeout = now_1900(of->wall_ms) + longest,
                                               .scheme = of->scheme};
    return 0;
}

// ---- from the HSS ----

// No character below first, nor DEL: nothing ends the line that it becomes part of.
static bool is_plain(struct str s, unsigned char first)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < first || s.p[i] == 0x7f)
            return false;
    return s.n <= UINT16_MAX;
}

static bool is_word(struct str s)
{
    return is_plain(s, '!');
}

static bool is_sip(const struct sip_uri *u)
{
    return (u->scheme == SIP_SCHEME_SIP || u->scheme == SIP_SCHEME_SIPS) && u->host.n;
}

// It becomes a Route. *ret_first: the entry nearest to the UE, which is the last one.
static bool is_path(struct arena *a, struct str path, struct sip_addr *ret_first)
{
    size_t n = 0;
    for (struct str one; (one = route_take(&path)).n; n++)
        if (n == RESTORATION_PATH_MAX || *one.p == '"' || str_chr(one, '<') < 0 || sip_addr_parse(a, one, ret_first) ||
            !is_sip(&ret_first->uri))
            return false;
    return n > 0 && !str_trim(path).n;
}

// Whether a flow was in use is not told: it can have been only where the first hop keeps it (RFC 5626 5.1).
static uint32_t flow_of(const struct sip_contact *c, const struct sip_addr *first, bool flows)
{
    bool ob = false;
    (void)sip_uri_param(&first->uri, STR("ob"), &ob);
    return flows && ob && c->instance.n ? c->reg_id : 0;
}

static const char *read_one(struct arena *a, const struct cx_restoration_contact *from,
                            const struct restoration_limits *l, struct binding_params *ret_p, int64_t *ret_expires)
{
    struct sip_contact c;
    struct sip_addr first = {0};
    if (!is_plain(from->contact, ' ') || !is_plain(from->path, ' '))
        return "control characters";
    if (sip_contact_parse(a, from->contact, &c) || c.star || !is_sip(&c.addr.uri))
        return "Contact is not one";
    if (!is_path(a, from->path, &first))
        return "Path is not one";
    if (!is_word(from->call_id))
        return "Call-ID is not one";
    *ret_p = (struct binding_params){.text = {[BINDING_URI] = c.addr.uri.text,
                                              [BINDING_DISPLAY] = c.addr.display,
                                              [BINDING_PARAMS] = contact_params(a, &c),
                                              [BINDING_PATH] = from->path,
                                              [BINDING_CALL_ID] = from->call_id,
                                              [BINDING_INSTANCE] = c.instance},
                                     .cseq = from->cseq_present ? from->cseq : 0,
                                     .reg_id = flow_of(&c, &first, l->flows),
                                     .q = c.q};
    *ret_expires = c.expires;
    return NULL;
}

// Seconds that a contact still lives, whose expires this is; longest: the most of them all.
static uint32_t left_s(const struct cx_restoration *r, const struct restoration_limits *l, int64_t expires,
                       int64_t longest)
{
    int64_t left = expires >= 0 ? expires : longest >= 0 ? longest : (int64_t)l->default_s;
    if (r->timeout) {
        left = (int32_t)(r->timeout - now_1900(l->wall_ms));
        left -= expires >= 0 ? longest - expires : 0;
    }
    return left <= 0 ? 0 : left > (int64_t)l->max_s ? l->max_s : (uint32_t)left;
}

static const char *too_much(const struct cx_restoration *r, const struct restoration_limits *l)
{
    size_t bytes = FRONT_BYTES + r->scheme.n;
    for (size_t i = 0; i < r->n_contacts; i++)
        bytes += size_of(&r->contacts[i]);
    if (!r->n_contacts)
        return "no contact";
    if (r->n_contacts > l->max_contacts)
        return "too many contacts";
    return bytes > l->max ? "more bytes than restoration.max_size" : NULL;
}

int restoration_read(struct arena *a, const struct cx_restoration *r, const struct restoration_limits *limits,
                     struct restoration_contacts *ret_contacts, const char **ret_why)
{
    const char *why = !r->impi.n || !is_word(r->impi) ? "no private identity" : too_much(r, limits);
    struct binding_params *v = why ? NULL : arena_zalloc(a, r->n_contacts * sizeof *v);
    int64_t *expires = why ? NULL : arena_alloc(a, r->n_contacts * sizeof *expires), longest = -1;
    for (size_t i = 0; v && expires && !why && i < r->n_contacts; i++) {
        why = read_one(a, &r->contacts[i], limits, &v[i], &expires[i]);
        if (!why && expires[i] > longest)
            longest = expires[i];
    }
    if (a->failed)
        return ERR_NOMEM;
    *ret_why = why;
    if (why)
        return ERR_BAD;
    for (size_t i = 0; i < r->n_contacts; i++) {
        v[i].text[BINDING_IMPI] = r->impi;
        v[i].expires_s = left_s(r, limits, expires[i], longest);
    }
    *ret_contacts = (struct restoration_contacts){v, r->n_contacts};
    return 0;
}
