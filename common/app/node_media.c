// SPDX-License-Identifier: Apache-2.0
#include "app/node_rows.h"
#include "base/err.h"
#include "sdp/sdp.h"

static int copy(const struct conf_strs *from, struct arena *a, struct media_names *ret_names)
{
    struct str *v = arena_alloc(a, from->n * sizeof *v);
    for (size_t i = 0; v && i < from->n; i++)
        v[i] = arena_dup(a, from->v[i]);
    *ret_names = (struct media_names){v, from->n};
    return a->failed ? ERR_NOMEM : 0;
}

void node_suspect_media(const struct node_media *c, const char *option, app_finding odd, void *arg)
{
    for (size_t i = 0; i < c->codecs.n; i++)
        if (!sdp_encoding_is_known(c->codecs.v[i]))
            app_find(odd, arg, option,
                     "%.*s is no encoding name that is known here, such as AMR-WB or CN: no codec may be allowed by it",
                     STR_ARG(c->codecs.v[i]));
}

int node_read_media(const struct node_media *c, struct arena *a, struct media_policy *ret_policy)
{
    *ret_policy = (struct media_policy){.bandwidth = c->bandwidth};
    int err = copy(&c->types, a, &ret_policy->types);
    return err ? err : copy(&c->codecs, a, &ret_policy->codecs);
}
