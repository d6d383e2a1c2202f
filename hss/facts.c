// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/mem.h"
#include "hss/cache.h"
#include "ims/impu.h"
#include "ims/wildcard.h"

struct load {
    struct hss_op *op;
    struct hss_facts *f;
};

static int facts_row(void *arg, const struct store_value *c, size_t n)
{
    struct load *l = arg;
    struct hss_facts *f = l->f;
    f->impi_id = c[0].num;
    f->impu_id = c[1].num;
    f->set_id = c[2].num;
    f->barred = c[3].num != 0;
    f->associated = c[4].num != 0;
    f->subscription_id = c[5].num;
    f->scscf_name = hss_keep(l->op, &c[6]);
    f->visited = hss_keep(l->op, &c[7]);
    f->may_register = c[8].num != 0;
    f->mandatory = hss_keep(l->op, &c[9]);
    f->optional = hss_keep(l->op, &c[10]);
    f->servers = hss_keep(l->op, &c[11]);
    f->unregistered_services = c[12].num != 0;
    f->reassign = c[13].num != 0;
    return 0;
}

static int registration_row(void *arg, const struct store_value *c, size_t n)
{
    struct hss_facts *f = arg;
    bool here = c[0].num == f->impi_id && f->impi_id != 0;
    if (c[1].num == HSS_REGISTERED) {
        f->registered = true;
        f->registered_here = f->registered_here || here;
    }
    f->unregistered = f->unregistered || c[1].num == HSS_UNREGISTERED;
    f->pending_here = f->pending_here || (here && c[2].num != 0);
    f->stale = f->stale || c[3].num != 0;
    return 0;
}

// ---- wildcarded identities (TS 23.003 13.5, TS 29.228 6.5) ----

struct covered {
    struct load *load;
    struct str impu;
};

// One that provisioning would refuse today does not stand in the way of its neighbours.
static int left_out(struct hss_op *op, struct str pattern)
{
    const char *why = NULL;
    if (wildcard_canon(&op->arena, op->ctx->plan, pattern, &why).n || !why)
        return ERR_NOMEM;
    op->unusable = arena_dup(&op->arena, pattern);
    op->unusable_why = why;
    return 0;
}

static int wildcard_row(void *arg, const struct store_value *c, size_t n)
{
    struct covered *w = arg;
    struct hss_facts *f = w->load->f;
    if (f->impu_id)
        return 0;
    const struct wildcard *pattern = wildcard_cache_find(w->load->op->ctx->patterns, c[14].s);
    if (!pattern)
        return left_out(w->load->op, c[14].s);
    if (!wildcard_covers(pattern, w->impu))
        return 0;
    f->wildcard = hss_keep(w->load->op, &c[14]);
    return facts_row(w->load, c, n);
}

// Which wildcarded identity covers it; of several the one with the longest fixed parts.
static int load_covered(struct hss_op *op, struct str impu, struct load *l)
{
    struct covered w = {l, impu};
    if (impu.n > WILDCARD_TEXT_MAX)
        return 0;
    return STORE_RUN(op->ctx->store, SQL_FACTS_WILDCARD, wildcard_row, &w, SV_TEXT(impu));
}

// A pattern is nobody's identity: who writes one as if it were, or what becomes one when it is canonical, is looked up as
// anybody.
static bool is_pattern(struct str impu)
{
    struct wildcard_parts p;
    return wildcard_split(impu, &p);
}

// Somebody is called, or served unregistered: whom the URI may mean is tried in order. A distinct identity counts
// before a wildcarded one.
static int load_called(struct hss_op *op, struct str impu, struct load *l)
{
    struct str forms[IMPU_READINGS_MAX] = {impu};
    struct sip_uri u;
    size_t n = 1;
    int err = 0;
    if (sip_uri_parse(&op->arena, impu, &u) == 0)
        impu_readings(&op->arena, op->ctx->plan, &u, forms, &n);
    for (size_t i = 0; !err && i < n && !l->f->impu_id; i++)
        if (!is_pattern(forms[i]))
            err = STORE_RUN(op->ctx->store, SQL_FACTS_IMPU, facts_row, l, SV_TEXT(forms[i]));
    for (size_t i = 0; !err && i < n && !l->f->impu_id; i++)
        err = load_covered(op, forms[i], l);
    return err;
}

// Nobody registers by an identity that a wildcarded one covers; its profile may be asked for, and given back.
static bool may_be_covered(const struct hss_op *op)
{
    return op->command == HSS_SAR && op->r.sar.type != CX_REGISTRATION && op->r.sar.type != CX_RE_REGISTRATION;
}

// A private identity and its own public one are a pair, which is found as it is or not at all.
static int load_pair(struct hss_op *op, struct str impi, struct str impu, struct load *l)
{
    struct store *s = op->ctx->store;
    if (impu.p && !is_pattern(impu))
        impu = impu_canon_text(&op->arena, op->ctx->plan, impu);
    struct str distinct = is_pattern(impu) ? STR_NONE : impu;
    int err = STORE_RUN(s, SQL_FACTS_IMPI, facts_row, l, SV_TEXT(impi), SV_TEXT(distinct));
    if (err || !impu.p || !l->f->impi_id || l->f->impu_id || !may_be_covered(op))
        return err;
    struct hss_facts by_pattern = {0};
    err = load_covered(op, impu, &(struct load){op, &by_pattern});
    if (err || !by_pattern.wildcard.p)
        return err;
    l->f->wildcard = by_pattern.wildcard;
    return STORE_RUN(s, SQL_FACTS_IMPI, facts_row, l, SV_TEXT(impi), SV_TEXT(by_pattern.wildcard));
}

int hss_facts_load(struct hss_op *op, struct str impi, struct str impu, struct hss_facts *ret_f)
{
    if (hss_cache_find(op, impi, impu, ret_f))
        return op->arena.failed ? ERR_NOMEM : 0;
    struct hss_facts f = {0};
    struct load l = {op, &f};
    int err = impi.p ? load_pair(op, impi, impu, &l) : load_called(op, impu, &l);
    if (!err && f.set_id)
        err = STORE_RUN(op->ctx->store, SQL_REGISTRATIONS, registration_row, &f, SV_INT(f.set_id));
    if (!err && op->arena.failed)
        err = ERR_NOMEM;
    if (!err)
        *ret_f = f;
    return err;
}

enum step_verdict hss_check_pair(struct hss_op *op, struct str impi, struct str impu)
{
    int err = hss_facts_load(op, impi, impu, &op->facts);
    if (err)
        return hss_fail(op, err);
    const struct hss_facts *f = &op->facts;
    if (impi.p && !f->impi_id)
        return hss_refuse_cx(op, CX_ERROR_USER_UNKNOWN, "no such IMPI");
    if (impu.p && !f->impu_id)
        return hss_refuse_cx(op, CX_ERROR_USER_UNKNOWN, "no such IMPU");
    if (impi.p && impu.p && !f->associated)
        return hss_refuse_cx(op, CX_ERROR_IDENTITIES_DONT_MATCH,
                             "IMPI and IMPU do not belong together");
    return STEP_CONTINUE;
}

void hss_facts_log(const struct hss_op *op)
{
    if (op->unusable.n)
        LOG_FROM(hash_bytes(op->unusable.p, op->unusable.n), loop_now(op->hss->loop) / 1000000, LOG_WARN,
                 "wildcarded identity cannot be used and is left out", op->unusable_why, LF("impu", op->unusable),
                 LF_Z("reason", op->unusable_why));
}
