// SPDX-License-Identifier: Apache-2.0
// The edge of the trust domain at the S-CSCF (TS 24.229 4.4): what leaves it, and comes back over it.
#include "scscf/scscf_priv.h"
#include "sip/addr_hdr.h"

enum trust_side scscf_side_of_next(const struct scscf *s, struct arena *a,
                                   const struct sip_edits *e, struct str next_hop)
{
    struct sip_uri uri;
    struct sip_addr route;
    struct str text;
    if (!next_hop.n && sip_edits_first(e, SIP_H_ROUTE, &text))
        return sip_addr_parse(a, text, &route) ? TRUST_FOREIGN
                                               : trust_side_of_host(&s->neighbours, route.uri.host);
    if (sip_uri_parse(a, next_hop.n ? next_hop : sip_edits_uri(e), &uri))
        return TRUST_FOREIGN;
    return trust_side_of_host(&s->neighbours, uri.host);
}

void scscf_hide(const struct scscf *s, enum trust_side to, const struct sip_msg *m,
                struct sip_edits *e)
{
    trust_out(to, s->cfg->trust.warnings == STACK_WARNINGS_FULL, m, e);
}

static bool is_believed(enum trust_side from, const struct sip_msg *msg)
{
    return from != TRUST_FOREIGN && sip_msg_has(msg, SIP_H_P_CHARGING_VECTOR);
}

static void pass(const struct scscf *s, enum trust_side from, enum trust_side to, struct str vector,
                 const struct sip_msg *msg, struct sip_edits *edits)
{
    trust_in(from, msg, edits);
    if (vector.n)
        sip_edit_set(edits, SIP_H_P_CHARGING_VECTOR, vector);
    scscf_hide(s, to, msg, edits);
}

// Of a network outside no vector is taken; then the request's goes back, as the first node of the trust
// domain to see the response has to say whose it is.
bool scscf_pass_response(const struct scscf *s, const struct pxy *p, enum trust_side from,
                         struct str term_ioi, const struct sip_msg *msg, struct sip_edits *edits)
{
    const struct sip_msg *req = pxy_request(p);
    enum trust_side to = scscf_side(s, p);
    bool lent = !is_believed(from, msg);
    struct str v = STR_NONE;
    if (to != TRUST_FOREIGN)
        v = charging_vector(edits->arena, lent ? req : msg, charging_orig_ioi(req), term_ioi);
    pass(s, from, to, v, msg, edits);
    return lent;
}

// From and to whom it goes.
struct back {
    enum trust_side from, to;
};

void scscf_keep_back(const struct scscf *s, struct pxy *p, enum trust_side from, bool lent, struct str term_ioi,
                     struct writer *w)
{
    const struct sip_msg *req = pxy_request(p);
    struct back b = {.from = from, .to = scscf_side(s, p)};
    struct str orig_ioi = charging_orig_ioi(req);
    pxy_keep_bytes(w, &b, sizeof b);
    pxy_keep_str(w, orig_ioi);
    pxy_keep_str(w, lent ? charging_vector(pxy_arena(p), req, orig_ioi, term_ioi) : STR_NONE);
}

void scscf_pass_late(const struct scscf *s, struct str kept, struct str term_ioi, const struct sip_msg *msg,
                     struct sip_edits *edits)
{
    struct back b;
    pxy_kept_bytes(&kept, &b, sizeof b);
    struct str orig_ioi = pxy_kept_str(&kept), v = pxy_kept_str(&kept);
    if (b.to == TRUST_FOREIGN)
        v = STR_NONE;
    else if (is_believed(b.from, msg))
        v = charging_vector(edits->arena, msg, orig_ioi, term_ioi);
    pass(s, b.from, b.to, v, msg, edits);
}

// A realm may be the HSS's own word; the private identity says as well whose credentials they are.
static bool is_for_home(const struct scscf *s, const struct sip_auth *auth)
{
    ptrdiff_t at = str_chr(auth->username, '@');
    return scscf_is_home(s, auth->realm) ||
           (at >= 0 && scscf_is_home(s, str_skip(auth->username, (size_t)at + 1)));
}

void scscf_drop_credentials(const struct scscf *s, const struct sip_msg *m, struct sip_edits *e)
{
    static const enum sip_hid ids[] = {SIP_H_AUTHORIZATION, SIP_H_PROXY_AUTHORIZATION};
    for (size_t k = 0; k < ARRAY_LEN(ids); k++) {
        struct sip_iter it = sip_iter_init(m, ids[k]);
        for (const struct sip_auth *auth; (auth = sip_iter_next(&it));)
            if (is_for_home(s, auth))
                sip_edit_remove_at(e, ids[k], sip_iter_index(&it));
        if (it.err)
            sip_edit_remove(e, ids[k]);
    }
}
