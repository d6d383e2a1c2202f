// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/mem.h"
#include "hss/cache.h"
#include "ims/impu.h"
#include "ims/wildcard.h"

struct load {
    struct hss_op *op;
    struct hss_facts *f;
};

static struct str keep(struct hss_op *op, const struct store_value *v)
{
    return v->kind == STORE_NULL ? STR_NONE : arena_dup(&op->arena, v->s);
}

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
    f->scscf_name = keep(l->op, &c[6]);
    f->visited = keep(l->op, &c[7]);
    f->may_register = c[8].num != 0;
    f->mandatory = keep(l->op, &c[9]);
    f->optional = keep(l->op, &c[10]);
    f->servers = keep(l->op, &c[11]);
    f->unregistered_services = c[12].num != 0;
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
    struct wildcard *pattern = wildcard_new(c[13].s);
    bool covers = pattern && wildcard_covers(pattern, w->impu);
    if (!pattern)
        return left_out(w->load->op, c[13].s);
    wildcard_free(pattern);
    if (!covers)
        return 0;
    f->wildcard = keep(w->load->op, &c[13]);
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

// A pattern is nobody's identity: who writes one as if it were, or what becomes one when it is canonical, is looked up
// as anybody.
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

static size_t words(struct str text)
{
    size_t n = 0;
    while (text.p)
        n += str_split(&text, ' ').n > 0;
    return n;
}

static size_t numbers(struct hss_op *op, struct str text, const uint32_t **ret_numbers)
{
    size_t n = 0;
    uint32_t *out = arena_alloc(&op->arena, words(text) * sizeof(*out));
    while (out && text.p) {
        struct str word = str_split(&text, ' ');
        if (word.n && str_u32(word, &out[n]) == 0)
            n++;
    }
    *ret_numbers = out;
    return n;
}

static size_t servers(struct hss_op *op, struct str text, const struct str **ret_names)
{
    size_t n = 0;
    struct str *out = arena_alloc(&op->arena, words(text) * sizeof(*out));
    while (out && text.p) {
        struct str word = str_split(&text, ' ');
        if (word.n)
            out[n++] = word;
    }
    *ret_names = out;
    return n;
}

// Who is asked first takes all that come: each subscription begins at another one.
static void add_pool(struct hss_op *op, const struct hss_facts *f, struct cx_capabilities *c)
{
    const struct hss_settings *s = &op->settings;
    struct str *out = arena_alloc(&op->arena, s->n_pool * sizeof(*out));
    for (size_t i = 0; out && i < s->n_pool; i++)
        out[i] = s->pool[((uint64_t)f->subscription_id + i) % s->n_pool];
    c->server_names = out;
    c->n_server_names = out ? s->n_pool : 0;
}

// Any S-CSCF will do. An I-CSCF that wants to be told something is told a capability that is optional.
static void add_anyone(const struct hss_op *op, struct cx_capabilities *c)
{
    switch ((enum hss_anyone)op->settings.anyone) {
    case HSS_ANYONE_OPTIONAL:
        c->optional = &op->settings.anyone_capability;
        c->n_optional = 1;
        break;
    case HSS_ANYONE_ABSENT:
        c->present = false;
        break;
    case HSS_ANYONE_EMPTY:
        break;
    }
}

void hss_capabilities(struct hss_op *op, const struct hss_facts *f, struct cx_capabilities *ret_c)
{
    ret_c->present = true;
    ret_c->n_mandatory = numbers(op, f->mandatory, &ret_c->mandatory);
    ret_c->n_optional = numbers(op, f->optional, &ret_c->optional);
    ret_c->n_server_names = servers(op, f->servers, &ret_c->server_names);
    if (!ret_c->n_mandatory && !ret_c->n_server_names)
        add_pool(op, f, ret_c);
    if (!ret_c->n_mandatory && !ret_c->n_optional && !ret_c->n_server_names)
        add_anyone(op, ret_c);
}

struct auth_load {
    struct hss_op *op;
    struct hss_sealed sealed;
    bool found;
};

static int auth_row(void *arg, const struct store_value *c, size_t n)
{
    struct auth_load *l = arg;
    l->found = true;
    l->sealed = (struct hss_sealed){
        .scheme = c[0].num == HSS_DIGEST ? HSS_DIGEST : HSS_AKA,
        .secret = keep(l->op, &c[1]),
        .amf = (uint16_t)c[2].num,
        .realm = keep(l->op, &c[3]),
        .algorithm = keep(l->op, &c[4]),
        .sqn = (uint64_t)c[5].num,
    };
    return 0;
}

static int auth_open(struct hss_op *op, struct str impi, const struct hss_sealed *s,
                     struct hss_auth *a)
{
    a->scheme = s->scheme;
    a->amf[0] = (uint8_t)(s->amf >> 8);
    a->amf[1] = (uint8_t)s->amf;
    a->realm = arena_dup(&op->arena, s->realm);
    a->algorithm = arena_dup(&op->arena, s->algorithm);
    a->sqn = s->sqn;
    return hss_secret_open(op, impi, s->secret, a);
}

int hss_auth_load(struct hss_op *op, struct str impi, struct str impu, struct hss_auth *ret_auth)
{
    const struct hss_sealed *remembered = hss_cache_sealed(op);
    if (remembered)
        return auth_open(op, impi, remembered, ret_auth);
    struct auth_load l = {.op = op};
    int err = STORE_RUN(op->ctx->store, SQL_AUTH, auth_row, &l, SV_INT(op->facts.impi_id));
    if (err || !l.found || op->arena.failed)
        return err ? err : l.found ? ERR_NOMEM : ERR_NOTFOUND;
    hss_cache_put(op, impi, impu, &l.sealed);
    return auth_open(op, impi, &l.sealed, ret_auth);
}
