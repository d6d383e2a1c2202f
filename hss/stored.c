// SPDX-License-Identifier: Apache-2.0
// From the store back to the fields of a draft.
#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "hss/provision.h"

// One that has aliases.
struct grouped {
    struct grouped *next;
    uint32_t group;
    struct str impu;
};

struct load {
    struct hss_op *op;
    struct hss_draft *d;
    int64_t impi, scheme, set, first_set;
    struct arena_buf impus, barred;
    struct grouped *grouped, **last_grouped;
    bool found, mixed;
};

static void keep(struct load *l, enum hss_field f, struct str s)
{
    if (s.n)
        l->d->v[f] = arena_dup(&l->op->arena, s);
}

static int show_row(void *arg, const struct store_value *c, size_t n)
{
    static const struct {
        enum hss_field field;
        size_t column;
    } texts[] = {{F_IMPI, 1},      {F_MANDATORY, 10}, {F_OPTIONAL, 11},
                 {F_SERVERS, 12},  {F_CCF, 13},       {F_ECF, 14}};
    struct load *l = arg;
    struct arena *a = &l->op->arena;
    l->found = true;
    l->impi = c[0].num;
    l->scheme = c[2].num;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        keep(l, texts[i].field, c[texts[i].column].s);
    if (!str_eq(c[8].s, STR("*")))
        keep(l, F_VISITED, c[8].s);
    if (!c[9].num)
        l->d->v[F_REGISTRATION] = STR("denied");
    if (l->scheme == HSS_AKA) {
        l->d->v[F_AMF] = arena_printf(a, "%04llx", (unsigned long long)c[3].num);
        l->d->v[F_SQN] = arena_printf(a, "%012llx", (unsigned long long)c[6].num);
    } else {
        keep(l, F_REALM, c[4].s);
        keep(l, F_ALGORITHM, c[5].s);
    }
    return 0;
}

static int secret_row(void *arg, const struct store_value *c, size_t n)
{
    struct load *l = arg;
    char *hex = arena_alloc(&l->op->arena, 2 * c[1].s.n + 1);
    if (!hex)
        return ERR_NOMEM;
    struct writer w = writer_init(hex, 2 * c[1].s.n);
    writer_hex(&w, c[1].s.p, c[1].s.n);
    l->d->v[F_SEALED] = writer_done(&w);
    return 0;
}

static bool differs(struct load *l, enum hss_field f, struct str s)
{
    return l->set && !str_eq(l->d->v[f], s);
}

static int keep_alias(struct load *l, struct str impu, struct str group)
{
    struct arena *a = &l->op->arena;
    uint32_t number;
    if (!group.n || str_u32(group, &number))
        return 0;
    struct grouped *g = ARENA_NEW(a, struct grouped);
    if (!g)
        return ERR_NOMEM;
    *g = (struct grouped){.group = number, .impu = arena_dup(a, impu)};
    *l->last_grouped = g;
    l->last_grouped = &g->next;
    return 0;
}

// One group after the other, each in the order of the identities.
static struct str aliases(struct load *l)
{
    struct arena_buf all = arena_buf_init(&l->op->arena);
    for (uint32_t group = 1, before = 0; group <= HSS_ALIASES_MAX; group++) {
        for (const struct grouped *g = l->grouped; g; g = g->next) {
            if (g->group != group)
                continue;
            if (before && before != group)
                arena_buf_item(&all, STR(" "), STR("|"));
            arena_buf_item(&all, STR(" "), g->impu);
            before = group;
        }
    }
    return arena_buf_done(&all);
}

static int impu_row(void *arg, const struct store_value *c, size_t n)
{
    struct load *l = arg;
    struct str profile = str_eq(c[4].s, STR("default")) ? STR_NONE : c[4].s;
    l->mixed = l->mixed || differs(l, F_DISPLAY_NAME, c[3].s) || differs(l, F_PROFILE, profile);
    if (!l->set) {
        keep(l, F_DISPLAY_NAME, c[3].s);
        keep(l, F_PROFILE, profile);
        l->first_set = c[0].num;
    } else if (l->set != c[0].num) {
        arena_buf_item(&l->impus, STR(" "), STR("|"));
    }
    l->set = c[0].num;
    arena_buf_item(&l->impus, STR(" "), c[1].s);
    if (c[2].num)
        arena_buf_item(&l->barred, STR(" "), c[1].s);
    return keep_alias(l, c[1].s, c[7].s);
}

static int owner_row(void *arg, const struct store_value *c, size_t n)
{
    *(int64_t *)arg = c[0].num;
    return 0;
}

// An IMPI that shares the set of an earlier one joins it, and the identities are told there.
static int load_identities(struct load *l)
{
    struct hss_op *op = l->op;
    int64_t owner = l->impi;
    int err = STORE_RUN(op->ctx->store, SQL_SHOW_IMPUS, impu_row, l, SV_TEXT(l->d->v[F_IMPI]));
    if (!err && l->first_set)
        err = STORE_RUN(op->ctx->store, SQL_SET_OWNER, owner_row, &owner, SV_INT(l->first_set));
    struct str impus = arena_buf_done(&l->impus), barred = arena_buf_done(&l->barred);
    if (err || owner == l->impi) {
        l->d->v[F_IMPUS] = impus.n ? impus : STR_NONE;
        l->d->v[F_BARRED] = barred.n ? barred : STR_NONE;
        struct str groups = aliases(l);
        l->d->v[F_ALIASES] = groups.n ? groups : STR_NONE;
        return err;
    }
    static const enum hss_field of_the_owner[] = {F_DISPLAY_NAME, F_PROFILE, F_VISITED,   F_REGISTRATION,
                                                  F_MANDATORY,    F_OPTIONAL, F_SERVERS, F_CCF, F_ECF};
    for (size_t i = 0; i < ARRAY_LEN(of_the_owner); i++)
        l->d->v[of_the_owner[i]] = STR_NONE;
    l->d->v[F_JOIN] = str_split(&impus, ' ');
    l->mixed = false;
    return 0;
}

int hss_draft_load(struct hss_op *op, struct str impi, struct hss_draft *ret_d, bool *ret_mixed)
{
    struct load l = {.op = op, .d = ret_d};
    memset(ret_d, 0, sizeof *ret_d);
    l.last_grouped = &l.grouped;
    l.impus = l.barred = arena_buf_init(&op->arena);
    int err = STORE_RUN(op->ctx->store, SQL_SHOW, show_row, &l, SV_TEXT(impi));
    if (!err && !l.found)
        return ERR_NOTFOUND;
    if (!err)
        err = STORE_RUN(op->ctx->store, SQL_AUTH, secret_row, &l, SV_INT(l.impi));
    if (!err)
        err = load_identities(&l);
    *ret_mixed = l.mixed;
    return !err && op->arena.failed ? ERR_NOMEM : err;
}
