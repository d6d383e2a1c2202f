// SPDX-License-Identifier: Apache-2.0
#include "app/node_rows.h"
#include "base/err.h"

static int copy(const struct conf_strs *from, struct arena *a, struct media_names *ret_names)
{
    struct str *v = arena_alloc(a, from->n * sizeof *v);
    for (size_t i = 0; v && i < from->n; i++)
        v[i] = arena_dup(a, from->v[i]);
    *ret_names = (struct media_names){v, from->n};
    return a->failed ? ERR_NOMEM : 0;
}

int node_read_media(const struct node_media *c, struct arena *a, struct media_policy *ret_policy)
{
    *ret_policy = (struct media_policy){.bandwidth = c->bandwidth};
    int err = copy(&c->types, a, &ret_policy->types);
    return err ? err : copy(&c->codecs, a, &ret_policy->codecs);
}
