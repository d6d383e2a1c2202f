// SPDX-License-Identifier: Apache-2.0
#include "scscf/contact.h"

// Expiry is what was granted, and a GRUU is made here (TS 24.229 5.4.1.2.2F, RFC 5627 5.1).
static bool is_registrars(struct str name)
{
    static const struct str ours[] = {STR_INIT("expires"), STR_INIT("pub-gruu"),
                                      STR_INIT("temp-gruu"), STR_INIT("temp-gruu-cookie")};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (str_ieq(name, ours[i]))
            return true;
    return false;
}

struct str contact_params(struct arena *a, const struct sip_contact *c)
{
    struct arena_buf text = arena_buf_init(a);
    for (const struct sip_param *p = c->addr.params; p; p = p->next) {
        if (is_registrars(p->name))
            continue;
        arena_buf_add(&text, STR(";"));
        arena_buf_add(&text, p->name);
        if (!p->value.p)
            continue;
        arena_buf_add(&text, STR("="));
        arena_buf_add(&text, p->value);
    }
    return arena_buf_done(&text);
}

struct str contact_write(struct arena *a, const struct contact_text *t, uint32_t expires_s)
{
    struct arena_buf v = arena_buf_init(a);
    arena_buf_add(&v, t->display);
    arena_buf_add(&v, t->display.n ? STR(" <") : STR("<"));
    arena_buf_add(&v, t->uri);
    arena_buf_printf(&v, ">;expires=%u", expires_s);
    arena_buf_add(&v, t->params);
    return arena_buf_done(&v);
}

struct str contact_value(struct arena *a, const struct binding *b, uint32_t expires_s)
{
    const struct contact_text t = {binding_text(b, BINDING_DISPLAY), binding_uri(b), binding_text(b, BINDING_PARAMS)};
    return contact_write(a, &t, expires_s);
}
