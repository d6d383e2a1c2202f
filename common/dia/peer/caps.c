// SPDX-License-Identifier: Apache-2.0
// Applications of a capabilities exchange, RFC 6733 5.3.
#include "dia/peer/peer_priv.h"

static void add_app(struct dia_apps *a, uint32_t id)
{
    if (id == DIA_APP_RELAY)
        a->relay = true;
    else if (id && a->n < DIA_MAX_APPS)
        a->id[a->n++] = id;
}

void dia_apps_note(struct dia_apps *a, const struct dia_caps *caps)
{
    *a = (struct dia_apps){0};
    for (size_t i = 0; i < caps->n_auth; i++)
        add_app(a, caps->auth[i]);
    for (size_t i = 0; i < caps->n_acct; i++)
        add_app(a, caps->acct[i]);
    for (size_t i = 0; i < caps->n_vsai; i++) {
        add_app(a, caps->vsai[i].auth);
        add_app(a, caps->vsai[i].acct);
    }
}

bool dia_apps_common(const struct dia_self *self, const struct dia_apps *a)
{
    if (a->relay)
        return true;
    for (size_t i = 0; i < self->n_apps; i++)
        for (size_t k = 0; k < a->n; k++)
            if (self->apps[i]->app == a->id[k])
                return true;
    return false;
}
