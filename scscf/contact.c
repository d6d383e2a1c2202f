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

struct str contact_value(struct arena *a, const struct binding *b, uint32_t expires_s)
{
    struct str display = binding_text(b, BINDING_DISPLAY);
    struct arena_buf v = arena_buf_init(a);
    arena_buf_add(&v, display);
    arena_buf_add(&v, display.n ? STR(" <") : STR("<"));
    arena_buf_add(&v, binding_uri(b));
    arena_buf_printf(&v, ">;expires=%u", expires_s);
    arena_buf_add(&v, binding_text(b, BINDING_PARAMS));
    return arena_buf_done(&v);
}
