// SPDX-License-Identifier: Apache-2.0
// A distinct identity inside the wildcarded one of somebody else. It is allowed, and the distinct one counts first (TS 29.228
// 6.5); but a P-CSCF knows of the wildcarded one alone, and lets its user assert whatever that covers. So it is told to who
// provisions it.
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "hss/hss_priv.h"
#include "ims/wildcard.h"

struct search {
    struct hss_op *op;
    int64_t subscription;
    struct str impu;
    const struct wildcard *pattern; // around: the one that covers impu; inside: of impu itself
};

static void found(struct search *s, struct str distinct, struct str pattern)
{
    struct hss_overlaps *o = &s->op->overlaps;
    if (!o->n++) {
        (void)snprintf(o->distinct, sizeof o->distinct, "%.*s", STR_ARG(distinct));
        (void)snprintf(o->pattern, sizeof o->pattern, "%.*s", STR_ARG(pattern));
    }
}

// Of those that cover it the first is the one that counts.
static int around_row(void *arg, const struct store_value *c, size_t n)
{
    struct search *s = arg;
    if (c[5].num == s->subscription || s->pattern)
        return 0;
    const struct wildcard *w = wildcard_cache_find(s->op->ctx->patterns, c[14].s);
    if (w && wildcard_covers(w, s->impu)) {
        s->pattern = w;
        found(s, s->impu, c[14].s);
    }
    return 0;
}

static int inside_row(void *arg, const struct store_value *c, size_t n)
{
    struct search *s = arg;
    if (wildcard_covers(s->pattern, c[0].s))
        found(s, c[0].s, s->impu);
    return 0;
}

static int some_row(void *arg, const struct store_value *c, size_t n)
{
    *(bool *)arg = true;
    return 0;
}

// Most networks have no wildcarded identity, so each identity of an import is not looked up for nothing.
static int any_pattern(struct hss_op *op, bool *ret_any)
{
    struct hss_overlaps *o = &op->overlaps;
    if (!o->looked) {
        int err = STORE_RUN(op->ctx->store, SQL_WILDCARD_ANY, some_row, &o->patterns);
        if (err)
            return err;
        o->looked = true;
    }
    *ret_any = o->patterns;
    return 0;
}

int hss_overlap_note(struct hss_op *op, int64_t subscription, struct str impu, bool wildcard)
{
    struct search s = {.op = op, .subscription = subscription, .impu = impu};
    struct wildcard_parts parts;
    bool any = false;
    int err = any_pattern(op, &any);
    op->overlaps.patterns = any || wildcard;
    if (!err && !wildcard && any && impu.n <= WILDCARD_TEXT_MAX)
        err = STORE_RUN(op->ctx->store, SQL_FACTS_WILDCARD, around_row, &s, SV_TEXT(impu));
    else if (!err && wildcard && wildcard_split(impu, &parts) &&
             (s.pattern = wildcard_cache_find(op->ctx->patterns, impu)))
        err = STORE_RUN(op->ctx->store, SQL_INSIDE, inside_row, &s, SV_TEXT(parts.head), SV_INT(subscription),
                        SV_TEXT(parts.tail.n ? parts.tail : STR("")));
    return err;
}

void hss_overlap_log(const struct hss_op *op)
{
    const struct hss_overlaps *o = &op->overlaps;
    if (o->n)
        LOG(LOG_WARN, "identities inside wildcarded ones of other subscribers, who can assert them", LF_NUM("identities", o->n),
            LF("impu", str_from(o->distinct)), LF("wildcard", str_from(o->pattern)));
}
