// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/mem.h"
#include "hss/cache.h"

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
        .secret = hss_keep(l->op, &c[1]),
        .amf = (uint16_t)c[2].num,
        .realm = hss_keep(l->op, &c[3]),
        .algorithm = hss_keep(l->op, &c[4]),
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
