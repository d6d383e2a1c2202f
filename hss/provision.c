// SPDX-License-Identifier: Apache-2.0
#include "hss/provision.h"

#include <openssl/crypto.h>

#include "base/err.h"
#include "base/mem.h"
#include "ims/impu.h"
#include "ims/wildcard.h"

struct ids {
    int64_t a, b;
    bool found;
};

static int ids_row(void *arg, const struct store_value *c, size_t n)
{
    struct ids *ids = arg;
    *ids = (struct ids){c[0].num, n > 1 ? c[1].num : 0, true};
    return 0;
}

static int find(struct hss_op *op, enum hss_sql sql, struct str name, struct ids *ret_ids)
{
    *ret_ids = (struct ids){0};
    return STORE_RUN(op->ctx->store, sql, ids_row, ret_ids, SV_TEXT(name));
}

static int64_t last_id(const struct hss_op *op)
{
    return store_last_id(op->ctx->store);
}

static struct store_value text_or(const struct hss_draft *d, enum hss_field f, const char *def)
{
    return SV_TEXT(d->v[f].p ? d->v[f] : str_from(def));
}

static struct store_value registration_or(const struct hss_draft *d, struct store_value def)
{
    struct str v = d->v[F_REGISTRATION];
    return v.n ? SV_INT(str_eq(v, STR("allowed"))) : def;
}

static int add_subscription(struct hss_op *op, const struct hss_draft *d, int64_t *ret_id)
{
    int err = HSS_WRITE(op, SQL_SUBSCRIPTION_ADD, text_or(d, F_VISITED, "*"),
                        registration_or(d, SV_INT(1)), text_or(d, F_MANDATORY, ""),
                        text_or(d, F_OPTIONAL, ""), text_or(d, F_SERVERS, ""),
                        text_or(d, F_CCF, ""), text_or(d, F_ECF, ""));
    *ret_id = last_id(op);
    return err;
}

static int seal(struct hss_op *op, const struct hss_record *r,
                uint8_t out[VAULT_MAX + VAULT_OVERHEAD], size_t *ret_n)
{
    if (r->n_sealed) {
        memcpy(out, r->sealed, r->n_sealed);
        *ret_n = r->n_sealed;
        return 0;
    }
    if (r->scheme == HSS_AKA)
        return hss_secret_seal_aka(op->ctx, r->impi, &r->aka, out, ret_n);
    return hss_secret_seal_digest(op->ctx, r->impi, r->realm, r->password, out, ret_n);
}

static int add_impi(struct hss_op *op, const struct hss_draft *d, const struct hss_record *r,
                    int64_t subscription, int64_t *ret_id, struct hss_problem *p)
{
    uint8_t sealed[VAULT_MAX + VAULT_OVERHEAD];
    size_t n = 0;
    int err = seal(op, r, sealed, &n);
    if (err)
        return err;
    err = HSS_WRITE(op, SQL_IMPI_ADD, SV_INT(subscription), SV_TEXT(r->impi), SV_INT(r->scheme),
                    SV_BLOB(str_make((const char *)sealed, n)), SV_INT(r->amf), SV_TEXT(r->realm),
                    SV_TEXT(r->algorithm));
    if (err == ERR_EXISTS)
        return hss_problem(p, d->line, err, "IMPI %.*s exists already", STR_ARG(r->impi));
    *ret_id = last_id(op);
    return err ? err : HSS_WRITE(op, SQL_SQN_ADD, SV_INT(*ret_id), SV_INT(r->sqn));
}

static int find_profile(struct hss_op *op, const struct hss_draft *d, int64_t *ret_id,
                        struct hss_problem *p)
{
    struct str name = d->v[F_PROFILE].n ? d->v[F_PROFILE] : STR("default");
    struct ids ids;
    int err = find(op, SQL_PROFILE_FIND, name, &ids);
    if (!err && !ids.found)
        return hss_problem(p, d->line, ERR_BAD, "there is no profile \"%.*s\"", STR_ARG(name));
    *ret_id = ids.a;
    return err;
}

struct impu_adder {
    struct hss_op *op;
    const struct hss_draft *d;
    int64_t subscription, profile, position;
    struct hss_problem *p;
};

static int keep_text(void *arg, const struct store_value *c, size_t n)
{
    const struct impu_adder *a = ((void **)arg)[0];
    struct str *text = ((void **)arg)[1];
    *text = arena_dup(&a->op->arena, c[0].s);
    return 0;
}

static int mixed_up(const struct impu_adder *a, const struct hss_impu *u, struct str other)
{
    return hss_problem(a->p, a->d->line, ERR_EXISTS, "IMPU %.*s would be mixed up with %.*s of another subscriber",
                       STR_ARG(u->impu), STR_ARG(other));
}

// Whoever means this identity must not get another subscriber's phone because it is the other one's too in
// another reading: "sip:7042@HOME" and "tel:7042;phone-context=HOME" (ims/impu.h). Whichever of the two came
// first, both may be meant by one telephone number.
static int check_shadow(const struct impu_adder *a, const struct hss_impu *u, struct str number)
{
    struct str other = STR_NONE, forms[IMPU_READINGS_MAX];
    const void *arg[] = {a, &other};
    struct sip_uri uri;
    size_t n = 0;
    int err = 0;
    if (number.n)
        err = STORE_RUN(a->op->ctx->store, SQL_NUMBER_FIND, keep_text, arg, SV_TEXT(number), SV_INT(a->subscription),
                        SV_TEXT(u->impu));
    if (err || other.n)
        return err ? err : mixed_up(a, u, other);
    if (!u->wildcard && sip_uri_parse(&a->op->arena, u->impu, &uri) == 0)
        impu_readings(&a->op->arena, a->op->ctx->plan, &uri, forms, &n);
    for (size_t i = 1; !err && i < n; i++) {
        struct ids ids;
        err = find(a->op, SQL_IMPU_FIND, forms[i], &ids);
        if (!err && ids.found && ids.b != a->subscription)
            err = mixed_up(a, u, forms[i]);
    }
    return err;
}

// Two wildcarded identities with the same fixed parts would both cover what both expressions match, and neither would
// come first: of others the one with the longer fixed parts does.
static int add_wildcard(const struct impu_adder *a, const struct hss_impu *u, int64_t id)
{
    struct wildcard_parts parts;
    struct str other = STR_NONE;
    const void *arg[] = {a, &other};
    if (!wildcard_split(u->impu, &parts))
        return ERR_BAD;
    struct store_value head = SV_TEXT(parts.head), tail = SV_TEXT(parts.tail.n ? parts.tail : STR(""));
    int err = STORE_RUN(a->op->ctx->store, SQL_WILDCARD_FIND, keep_text, arg, head, tail);
    if (!err && other.n)
        return hss_problem(a->p, a->d->line, ERR_EXISTS,
                           "IMPU %.*s has the same fixed parts as %.*s, so that none of them could come first",
                           STR_ARG(u->impu), STR_ARG(other));
    return err ? err : HSS_WRITE(a->op, SQL_WILDCARD_ADD, SV_INT(id), head, tail);
}

static struct store_value alias_text(const struct impu_adder *a, const struct hss_impu *u)
{
    return u->alias ? SV_TEXT(arena_printf(&a->op->arena, "%u", u->alias)) : SV_NULL;
}

static int add_impu(struct impu_adder *a, int64_t set, const struct hss_impu *u)
{
    struct str name = a->d->v[F_DISPLAY_NAME].n ? a->d->v[F_DISPLAY_NAME] : STR_NONE;
    struct str number = u->wildcard ? STR_NONE : impu_number(&a->op->arena, a->op->ctx->plan, u->impu);
    int err = check_shadow(a, u, number);
    if (err)
        return err;
    err = HSS_WRITE(a->op, SQL_IMPU_ADD, SV_INT(set), SV_INT(a->position++), SV_TEXT(u->impu), SV_INT(u->barred),
                    SV_TEXT(name), SV_INT(a->profile), alias_text(a, u), SV_TEXT(number));
    if (err == ERR_EXISTS)
        return hss_problem(a->p, a->d->line, err, "IMPU %.*s belongs to a subscriber already",
                           STR_ARG(u->impu));
    if (!err && u->wildcard)
        err = add_wildcard(a, u, last_id(a->op));
    return err ? err : hss_overlap_note(a->op, a->subscription, u->impu, u->wildcard);
}

static int add_set(struct impu_adder *a, int64_t subscription, int64_t impi,
                   const struct hss_record *r, unsigned which)
{
    struct hss_op *op = a->op;
    int err = HSS_WRITE(op, SQL_SET_ADD, SV_INT(subscription));
    int64_t set = last_id(op);
    if (!err)
        err = HSS_WRITE(op, SQL_LINK_ADD, SV_INT(impi), SV_INT(set));
    for (size_t i = 0; !err && i < r->n_impus; i++)
        if (r->impus[i].set == which)
            err = add_impu(a, set, &r->impus[i]);
    return err;
}

static int add_sets(struct hss_op *op, const struct hss_draft *d, const struct hss_record *r,
                    int64_t subscription, int64_t impi, struct hss_problem *p)
{
    struct impu_adder a = {op, d, subscription, 0, 0, p};
    int err = find_profile(op, d, &a.profile, p);
    unsigned last = 0;
    for (size_t i = 0; i < r->n_impus; i++)
        last = r->impus[i].set > last ? r->impus[i].set : last;
    for (unsigned s = 0; !err && s <= last; s++)
        err = add_set(&a, subscription, impi, r, s);
    return err;
}

// A further IMPI of a subscription: the same IMPUs from another UE.
static int join(struct hss_op *op, const struct hss_draft *d, const struct hss_record *r,
                struct hss_problem *p)
{
    struct ids ids;
    int64_t impi = 0;
    int err = find(op, SQL_IMPU_FIND, impu_canon_text(&op->arena, op->ctx->plan, d->v[F_JOIN]), &ids);
    if (!err && !ids.found)
        return hss_problem(p, d->line, ERR_BAD, "there is no IMPU %.*s to join",
                           STR_ARG(d->v[F_JOIN]));
    if (!err)
        err = add_impi(op, d, r, ids.b, &impi, p);
    return err ? err : HSS_WRITE(op, SQL_LINK_ADD, SV_INT(impi), SV_INT(ids.a));
}

static int add_new(struct hss_op *op, const struct hss_draft *d, const struct hss_record *r,
                   int64_t *ret_subscription, struct hss_problem *p)
{
    int64_t impi = 0;
    int err = add_subscription(op, d, ret_subscription);
    if (!err)
        err = add_impi(op, d, r, *ret_subscription, &impi, p);
    return err ? err : add_sets(op, d, r, *ret_subscription, impi, p);
}

// ---- others who share the identities of one that is provisioned anew ----

struct sharer {
    struct sharer *next;
    int64_t impi, set;
    struct str name, impu; // private identity; an identity of the set
};

struct sharers {
    struct hss_op *op;
    struct sharer *first, **last;
    int64_t subscription;
};

static int sharer_row(void *arg, const struct store_value *c, size_t n)
{
    struct sharers *all = arg;
    struct arena *a = &all->op->arena;
    struct sharer *s = ARENA_NEW(a, struct sharer);
    if (!s)
        return ERR_NOMEM;
    *s = (struct sharer){
        .impi = c[0].num, .name = arena_dup(a, c[1].s), .set = c[2].num, .impu = arena_dup(a, c[3].s)};
    *all->last = s;
    all->last = &s->next;
    return 0;
}

// Who shares with impi, and what; then their sets make room for the ones to come. Nobody, when it is not there.
static int take_sharers(struct hss_op *op, struct str impi, struct sharers *all)
{
    struct ids ids;
    *all = (struct sharers){.op = op};
    all->last = &all->first;
    int err = find(op, SQL_IMPI_FIND, impi, &ids);
    all->subscription = ids.b;
    if (!err && ids.found)
        err = STORE_RUN(op->ctx->store, SQL_SHARERS, sharer_row, all, SV_TEXT(impi));
    return err || !all->first ? err : HSS_WRITE(op, SQL_SETS_DROP, SV_INT(ids.b));
}

// One of them gets the set that has the first of the identities that it shared and are still there.
static int give_back(struct hss_op *op, const struct hss_draft *d, const struct sharers *all, int64_t subscription,
                     struct hss_problem *p)
{
    int64_t linked = 0, linked_set = 0;
    int err = 0;
    for (const struct sharer *s = all->first; !err && s; s = s->next) {
        struct ids ids;
        bool done = linked == s->impi && linked_set == s->set;
        bool last = !s->next || s->next->impi != s->impi;
        if (!done)
            err = find(op, SQL_IMPU_FIND, s->impu, &ids);
        if (!err && !done && ids.found && ids.b == subscription) {
            err = HSS_WRITE(op, SQL_IMPI_MOVE, SV_INT(s->impi), SV_INT(subscription));
            if (!err)
                err = HSS_WRITE(op, SQL_LINK_PUT, SV_INT(s->impi), SV_INT(ids.a));
            linked = s->impi;
            linked_set = s->set;
        }
        if (!err && last && linked != s->impi)
            err = hss_problem(p, d->line, ERR_BAD, "IMPI %.*s shares identities that would be no more; delete it first",
                              STR_ARG(s->name));
    }
    return err ? err : HSS_WRITE(op, SQL_SUBSCRIPTION_DROP, SV_INT(all->subscription));
}

static int sqn_row(void *arg, const struct store_value *c, size_t n)
{
    *(uint64_t *)arg = (uint64_t)c[6].num;
    return 0;
}

static int drop_existing(struct hss_op *op, struct hss_record *r)
{
    if (!r->has_sqn) {
        int err = STORE_RUN(op->ctx->store, SQL_SHOW, sqn_row, &r->sqn, SV_TEXT(r->impi));
        if (err)
            return err;
    }
    int err = hss_subscriber_delete(op, r->impi);
    return err == ERR_NOTFOUND ? 0 : err;
}

static int check_complete(const struct hss_draft *d, const struct hss_record *r,
                          struct hss_problem *p)
{
    if (!r->has_auth)
        return hss_problem(p, d->line, ERR_BAD, "neither a key (k, k_ascii) nor a password");
    if (!r->n_impus == !d->v[F_JOIN].n)
        return hss_problem(p, d->line, ERR_BAD, "exactly one of impus and join must be given");
    return 0;
}

int hss_subscriber_add(struct hss_op *op, const struct hss_draft *d, bool replace,
                       struct hss_problem *p)
{
    struct hss_record r;
    int err = hss_record_make(op, d, &r, p);
    if (!err)
        err = check_complete(d, &r, p);
    struct sharers sharers = {0};
    int64_t subscription = 0;
    if (!err && replace && !d->v[F_JOIN].n)
        err = take_sharers(op, r.impi, &sharers);
    if (!err && replace)
        err = drop_existing(op, &r);
    if (!err)
        err = d->v[F_JOIN].n ? join(op, d, &r, p) : add_new(op, d, &r, &subscription, p);
    if (!err && sharers.first)
        err = give_back(op, d, &sharers, subscription, p);
    OPENSSL_cleanse(&r.aka, sizeof(r.aka));
    if (err && !p->line && !p->text[0])
        return hss_problem(p, d->line, err, "%s", err_text(err));
    return err;
}

// OPc and HA1 cannot be had from half of what they are made of.
static int check_whole_auth(const struct hss_draft *d, const struct hss_record *r,
                            struct hss_problem *p)
{
    static const enum hss_field parts[] = {F_OP, F_OPC, F_CHECK, F_AMF, F_REALM, F_ALGORITHM};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (!r->has_auth && d->v[parts[i]].p)
            return hss_problem(p, d->line, ERR_BAD, "%s goes with the key or the password",
                               hss_fields[parts[i]].name);
    return 0;
}

static int set_auth(struct hss_op *op, const struct hss_record *r, int64_t impi)
{
    uint8_t sealed[VAULT_MAX + VAULT_OVERHEAD];
    size_t n = 0;
    int err = r->has_auth ? seal(op, r, sealed, &n) : 0;
    if (!err && r->has_auth)
        err = HSS_WRITE(op, SQL_IMPI_AUTH_SET, SV_INT(impi), SV_INT(r->scheme),
                        SV_BLOB(str_make((const char *)sealed, n)), SV_INT(r->amf),
                        SV_TEXT(r->realm), SV_TEXT(r->algorithm));
    if (!err && r->has_sqn)
        err = HSS_WRITE(op, SQL_SQN_UPDATE, SV_INT(impi), SV_INT(r->sqn));
    return err;
}

static struct store_value text_given(const struct hss_draft *d, enum hss_field f)
{
    return SV_TEXT(d->v[f]);
}

static int set_subscription(struct hss_op *op, const struct hss_draft *d, int64_t subscription)
{
    return HSS_WRITE(op, SQL_SUBSCRIPTION_SET, SV_INT(subscription), text_given(d, F_VISITED),
                     registration_or(d, SV_NULL), text_given(d, F_MANDATORY),
                     text_given(d, F_OPTIONAL), text_given(d, F_SERVERS), text_given(d, F_CCF),
                     text_given(d, F_ECF));
}

static int first_set(void *arg, const struct store_value *c, size_t n)
{
    int64_t *set = arg;
    *set = *set ? *set : c[0].num;
    return 0;
}

struct dress {
    struct hss_op *op;
    struct hss_draft *d;
    int64_t profile;
};

static int dress_row(void *arg, const struct store_value *c, size_t n)
{
    struct dress *dress = arg;
    dress->profile = c[3].num;
    if (!dress->d->v[F_DISPLAY_NAME].p && c[2].s.n)
        dress->d->v[F_DISPLAY_NAME] = arena_dup(&dress->op->arena, c[2].s);
    return 0;
}

// impus and barred replace the identities of the first implicit set; its state stays, and what is
// not given of display name and profile.
static int set_impus(struct hss_op *op, const struct hss_draft *given, const struct hss_record *r,
                     int64_t subscription, int64_t set, struct hss_problem *p)
{
    struct hss_draft kept = *given, *d = &kept;
    struct dress dress = {op, d, 0};
    int err = STORE_RUN(op->ctx->store, SQL_PROFILE_IMPUS, dress_row, &dress, SV_INT(set));
    struct impu_adder a = {op, d, subscription, dress.profile, 0, p};
    if (!err && (d->v[F_PROFILE].n || !a.profile))
        err = find_profile(op, d, &a.profile, p);
    if (!err)
        err = HSS_WRITE(op, SQL_IMPUS_DROP, SV_INT(set));
    for (size_t i = 0; !err && i < r->n_impus; i++) {
        if (r->impus[i].set)
            return hss_problem(p, d->line, ERR_BAD, "set changes one implicit set");
        err = add_impu(&a, set, &r->impus[i]);
    }
    return err;
}

static int dress_impus(struct hss_op *op, const struct hss_draft *d, int64_t set,
                       struct hss_problem *p)
{
    int64_t profile = 0;
    int err = d->v[F_PROFILE].n ? find_profile(op, d, &profile, p) : 0;
    return err ? err
               : HSS_WRITE(op, SQL_IMPUS_DRESS, SV_INT(set), text_given(d, F_DISPLAY_NAME),
                           profile ? SV_INT(profile) : SV_NULL);
}

static int set_identities(struct hss_op *op, const struct hss_draft *d, const struct hss_record *r,
                          const struct ids *ids, struct hss_problem *p)
{
    int64_t set = 0;
    int err = STORE_RUN(op->ctx->store, SQL_SETS_OF_IMPI, first_set, &set, SV_INT(ids->a));
    if (err)
        return err;
    static const enum hss_field beside[] = {F_BARRED, F_ALIASES};
    for (size_t i = 0; i < ARRAY_LEN(beside); i++)
        if (d->v[beside[i]].p && !d->v[F_IMPUS].p)
            return hss_problem(p, d->line, ERR_BAD, "%s goes with impus", hss_fields[beside[i]].name);
    return r->n_impus ? set_impus(op, d, r, ids->b, set, p) : dress_impus(op, d, set, p);
}

// What an S-CSCF has been given of the subscription changes: it gets it with its next SAR.
static int mark_stale(struct hss_op *op, const struct hss_draft *d, int64_t subscription)
{
    static const enum hss_field given[] = {F_IMPUS, F_BARRED, F_ALIASES, F_DISPLAY_NAME, F_PROFILE, F_CCF, F_ECF};
    for (size_t i = 0; i < ARRAY_LEN(given); i++)
        if (d->v[given[i]].p)
            return HSS_WRITE(op, SQL_STALE_SUBSCRIPTION, SV_INT(subscription));
    return 0;
}

int hss_subscriber_set(struct hss_op *op, const struct hss_draft *d, struct hss_problem *p)
{
    struct hss_record r;
    struct ids ids = {0};
    for (size_t i = 0; i < F_COUNT; i++)
        if (i != F_IMPI && d->v[i].p && !hss_fields[i].settable)
            return hss_problem(p, d->line, ERR_BAD, "%s cannot be set", hss_fields[i].name);
    int err = hss_record_make(op, d, &r, p);
    if (!err)
        err = check_whole_auth(d, &r, p);
    if (!err)
        err = find(op, SQL_IMPI_FIND, r.impi, &ids);
    if (!err && !ids.found)
        err = hss_problem(p, d->line, ERR_NOTFOUND, "there is no IMPI %.*s", STR_ARG(r.impi));
    if (!err)
        err = set_auth(op, &r, ids.a);
    if (!err)
        err = set_subscription(op, d, ids.b);
    if (!err)
        err = set_identities(op, d, &r, &ids, p);
    if (!err)
        err = mark_stale(op, d, ids.b);
    OPENSSL_cleanse(&r.aka, sizeof(r.aka));
    return err;
}

int hss_subscriber_delete(struct hss_op *op, struct str impi)
{
    struct ids ids;
    int err = find(op, SQL_IMPI_FIND, impi, &ids);
    if (!err && !ids.found)
        return ERR_NOTFOUND;
    if (!err)
        err = HSS_WRITE(op, SQL_IMPI_DROP, SV_INT(ids.a));
    if (!err)
        err = HSS_WRITE(op, SQL_SUBSCRIPTION_DROP, SV_INT(ids.b));
    return err;
}

int hss_sqn_set(struct hss_op *op, struct str impi, uint64_t sqn)
{
    struct ids ids;
    int err = find(op, SQL_IMPI_FIND, impi, &ids);
    if (!err && !ids.found)
        return ERR_NOTFOUND;
    return err ? err : HSS_WRITE(op, SQL_SQN_UPDATE, SV_INT(ids.a), SV_INT(sqn));
}
