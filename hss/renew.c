// SPDX-License-Identifier: Apache-2.0
// Identities that an older HSS has written, in the form that they have today: text and telephone
// number, by which the numbering plan finds them (ims/impu.h). Once for each store and numbering plan, at
// its opening, a thousand in a transaction; what is stopped in between begins again with the next start. What
// cannot be told apart any more is told, and left as it is.
#include <stdio.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "hss/hss_priv.h"
#include "ims/impu.h"

enum { TOLD_MAX = 20, MARK = 16 };
static const char done_name[] = "identities";

struct old {
    struct old *next;
    int64_t id, set, subscription;
    struct str impu, canon, number; // number: p NULL for none
};

struct renewal {
    struct hss_ctx *ctx;
    struct arena arena; // of one transaction
    struct old *first, **last;
    int64_t after;
    size_t seen, changed, told, in_turn;
    struct str mark;
    bool done, other; // the store's identities are in the form of another plan
};

// ---- the mark: for which plan it was done ----

static uint64_t mix(uint64_t h, struct str v)
{
    return hash_mix(0, h, v);
}

static uint64_t mix_all(uint64_t h, const struct str *v, size_t n)
{
    h = mix(h, str_make((const char *)&(uint64_t){n}, sizeof(uint64_t)));
    for (size_t i = 0; i < n; i++)
        h = mix(h, v[i]);
    return h;
}

static struct str mark_of(const struct numbering *p, char room[MARK + 1])
{
    const struct numbering none = {0};
    p = p ? p : &none;
    const struct str texts[] = {p->domain, p->country_code, p->national_prefix};
    const uint32_t numbers[] = {p->several, p->national_length};
    uint64_t h = mix_all(0, texts, ARRAY_LEN(texts));
    h = mix_all(h, p->domains, p->n_domains);
    h = mix_all(h, p->international_prefixes, p->n_international);
    h = mix_all(h, p->contexts, p->n_contexts);
    h = mix_all(h, p->short_codes, p->n_short_codes);
    h = mix(h, str_make((const char *)numbers, sizeof numbers));
    (void)snprintf(room, MARK + 1, "%016llx", (unsigned long long)h);
    return str_make(room, MARK);
}

static int mark_row(void *arg, const struct store_value *c, size_t n)
{
    struct renewal *r = arg;
    r->done = str_eq(c[0].s, r->mark);
    r->other = !r->done;
    return 0;
}

// ---- the identities ----

// Such a plan may know no number where another one does: what is there is better than none.
static bool is_partial(const struct numbering *p)
{
    return !p || !p->domain.n || !p->country_code.n;
}

static bool differs(struct str a, struct str b)
{
    return !a.p != !b.p || !str_eq(a, b);
}

static int row(void *arg, const struct store_value *c, size_t n)
{
    struct renewal *r = arg;
    struct wildcard_parts parts;
    r->after = c[0].num;
    r->in_turn++;
    if (wildcard_split(c[3].s, &parts))
        return 0;
    struct str canon = impu_canon_text(&r->arena, r->ctx->plan, c[3].s);
    struct str number = canon.p ? impu_number(&r->arena, r->ctx->plan, canon) : STR_NONE;
    struct str had = c[4].kind == STORE_NULL ? STR_NONE : c[4].s;
    if (!number.p && is_partial(r->ctx->plan))
        number = had.p ? arena_dup(&r->arena, had) : had;
    if (!canon.p || (!differs(canon, c[3].s) && !differs(number, had)))
        return r->arena.failed ? ERR_NOMEM : 0;
    struct old *o = ARENA_NEW(&r->arena, struct old);
    if (!o)
        return ERR_NOMEM;
    *o = (struct old){.id = c[0].num,
                      .set = c[1].num,
                      .subscription = c[2].num,
                      .canon = canon,
                      .number = number};
    o->impu = arena_dup(&r->arena, c[3].s);
    *r->last = o;
    r->last = &o->next;
    return 0;
}

static void tell(struct renewal *r, const char *what, const struct old *o, struct str other)
{
    if (r->told++ < TOLD_MAX)
        LOG(LOG_WARN, what, LF("impu", o->impu), LF("other", other));
}

static int found_row(void *arg, const struct store_value *c, size_t n)
{
    *(bool *)arg = true;
    return 0;
}

static int other_row(void *arg, const struct store_value *c, size_t n)
{
    struct renewal *r = ((void **)arg)[0];
    tell(r, "identities of two subscribers may be meant by one number", ((void **)arg)[1], c[0].s);
    return 0;
}

static int renew_text(struct renewal *r, struct old *o)
{
    struct store *s = r->ctx->store;
    bool taken = false;
    int err = STORE_RUN(s, SQL_IMPU_FIND, found_row, &taken, SV_TEXT(o->canon));
    if (!err && taken) {
        tell(r, "an identity is another one in an older spelling, and is left as it is", o,
             o->canon);
        o->canon = o->impu;
        return 0;
    }
    return err ? err : STORE_RUN(s, SQL_STALE_SET, NULL, NULL, SV_INT(o->set));
}

static int renew_one(struct renewal *r, struct old *o)
{
    struct store *s = r->ctx->store;
    void *const arg[] = {r, o};
    int err = str_eq(o->canon, o->impu) ? 0 : renew_text(r, o);
    if (!err)
        err = STORE_RUN(s, SQL_IMPU_RENEW, NULL, NULL, SV_INT(o->id), SV_TEXT(o->canon),
                        SV_TEXT(o->number));
    if (!err && o->number.p)
        err = STORE_RUN(s, SQL_NUMBER_FIND, other_row, (void *)arg, SV_TEXT(o->number),
                        SV_INT(o->subscription), SV_TEXT(o->canon));
    r->changed++;
    return err;
}

static int some(struct renewal *r)
{
    r->first = NULL;
    r->last = &r->first;
    r->in_turn = 0;
    int err = STORE_RUN(r->ctx->store, SQL_IMPU_AFTER, row, r, SV_INT(r->after));
    for (struct old *o = r->first; !err && o; o = o->next)
        err = renew_one(r, o);
    r->seen += r->in_turn;
    return err;
}

static int put_mark(struct renewal *r)
{
    return STORE_RUN(r->ctx->store, SQL_META_SET, NULL, NULL, SV_TEXT(str_from(done_name)), SV_BLOB(r->mark));
}

static int turn(struct renewal *r)
{
    int err = store_begin(r->ctx->store);
    arena_init(&r->arena, NULL, 0);
    if (!err)
        err = some(r);
    if (!err && !r->in_turn)
        err = put_mark(r);
    if (!err)
        err = store_commit(r->ctx->store);
    if (err)
        store_rollback(r->ctx->store);
    arena_done(&r->arena);
    return err;
}

void hss_renew(struct hss_ctx *ctx)
{
    struct renewal r = {.ctx = ctx};
    char mark[MARK + 1];
    r.mark = mark_of(ctx->plan, mark);
    int err = STORE_RUN(ctx->store, SQL_META_GET, mark_row, &r, SV_TEXT(str_from(done_name)));
    if (r.other && store_has_others(ctx->store))
        LOG(LOG_WARN, "identities get this HSS's form while others use the store: all of them need the same plan",
            LF_Z("options", "home.domains, numbering"));
    do {
        if (!err && !r.done)
            err = turn(&r);
    } while (!err && !r.done && r.in_turn);
    if (err)
        LOG(LOG_WARN, "identities of an older HSS stay as they are until the next start",
            LF_Z("error", err_text(err)), LF_Z("cause", store_error(ctx->store)),
            LF_NUM("seen", r.seen));
    else if (r.changed)
        LOG(LOG_INFO, "identities of an older HSS have today's form", LF_NUM("seen", r.seen),
            LF_NUM("changed", r.changed), LF_NUM("doubtful", r.told));
}
