// SPDX-License-Identifier: Apache-2.0
#include "pcscf/access_info.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "ims/trust.h"
#include "sip/token.h"
#include "sip/types.h"

struct row {
    struct trust_domain net;
    struct str value; // with network-provided
};

struct access_info {
    struct arena arena;
    size_t n;
    struct row rows[];
};

static const char *why_bad(struct arena *a, struct str value)
{
    struct sip_token t;
    if (!value.n)
        return "has no value behind the network";
    if (value.n > ACCESS_INFO_VALUE_MAX)
        return "has a value of more than 256 bytes";
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < ' ')
            return "has a control character";
    if (sip_token_parse(a, value, &t))
        return "has no value of P-Access-Network-Info behind the network, such as "
               "IEEE-802.11;i-wlan-node-id=a0b1c2d3e4f5";
    return sip_param_has(t.params, STR("network-provided")) ? "says network-provided, which is added" : NULL;
}

static int read_row(struct access_info *i, struct str text, const char **ret_why)
{
    struct str value = text, net = str_split(&value, ' '), bad;
    struct row *row = &i->rows[i->n];
    value = str_trim(value);
    *ret_why = why_bad(&i->arena, value);
    if (*ret_why)
        return ERR_BAD;
    *ret_why = "does not begin with an address or a network";
    int e = trust_domain_init(&row->net, &net, 1, &bad);
    if (e)
        return e;
    i->n++; // its network is to be freed
    row->value = ARENA_CAT(&i->arena, value, STR(";network-provided"));
    return row->value.p ? 0 : ERR_NOMEM;
}

int access_info_new(const struct conf_strs *texts, struct access_info **ret_info, struct str *ret_bad,
                    const char **ret_why)
{
    int e = 0;
    *ret_info = NULL;
    if (!texts->n)
        return 0;
    struct access_info *i = mem_zalloc(sizeof *i + texts->n * sizeof *i->rows);
    if (!i)
        return ERR_NOMEM;
    arena_init(&i->arena, NULL, 0);
    for (size_t k = 0; !e && k < texts->n; k++) {
        e = read_row(i, texts->v[k], ret_why);
        *ret_bad = texts->v[k];
    }
    if (e)
        access_info_free(i);
    else
        *ret_info = i;
    return e;
}

void access_info_free(struct access_info *i)
{
    if (!i)
        return;
    for (size_t k = 0; k < i->n; k++)
        trust_domain_done(&i->rows[k].net);
    arena_done(&i->arena);
    mem_free(i);
}

struct str access_info_of(const struct access_info *i, const struct addr *at)
{
    for (size_t k = 0; i && k < i->n; k++)
        if (trust_domain_has(&i->rows[k].net, at))
            return i->rows[k].value;
    return STR_NONE;
}
