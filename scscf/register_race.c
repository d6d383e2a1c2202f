// SPDX-License-Identifier: Apache-2.0
// REGISTERs that wait for the HSS. One that a newer REGISTER about the same contacts has overtaken
// meanwhile changes nothing any more, whether the newer one bound or removed them (RFC 3261 10.3).
#include "base/err.h"
#include "base/hash.h"
#include "scscf/register.h"
#include "sip/uri.h"

static uint64_t key(const struct register_job *r)
{
    return hash_bytes(r->impi.p, r->impi.n);
}

int register_wait_begin(struct register_job *r)
{
    if (r->waits)
        return 0;
    int err = map_add(&register_nf(r)->busy, key(r), r);
    r->waits = !err;
    return err;
}

void register_wait_end(struct register_job *r)
{
    if (r->waits)
        map_remove(&register_nf(r)->busy, key(r), r);
    r->waits = false;
}

static bool same_contact(const struct contact_wish *a, const struct contact_wish *b)
{
    bool same_ue = a->contact->instance.n && str_eq(a->contact->instance, b->contact->instance);
    if (a->reg_id && b->reg_id)
        return same_ue && a->reg_id == b->reg_id;
    return same_ue || sip_uri_eq(&a->contact->addr.uri, &b->contact->addr.uri);
}

static bool concerns(const struct register_job *r, const struct register_job *other)
{
    if (r->star || other->star || str_eq(r->call_id, other->call_id) ||
        (r->proof == PROOF_AKA && other->proof == PROOF_AKA))
        return true;
    for (size_t i = 0; i < r->n_wishes; i++)
        for (size_t k = 0; k < other->n_wishes; k++)
            if (same_contact(&r->wishes[i], &other->wishes[k]))
                return true;
    return false;
}

// The numbers of one Call-ID say it; of different ones the order of arrival.
static bool is_newer(const struct register_job *r, const struct register_job *other)
{
    return str_eq(r->call_id, other->call_id) ? r->cseq > other->cseq : r->order > other->order;
}

void register_overtake(const struct register_job *r)
{
    size_t it = 0;
    for (struct register_job *o; (o = map_find(&register_nf(r)->busy, key(r), &it));)
        if (o != r && str_eq(o->impi, r->impi) && str_eq(o->impu, r->impu) && is_newer(r, o) &&
            concerns(r, o))
            o->overtaken = true;
}
