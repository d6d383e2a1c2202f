// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "hss/hss_priv.h"

static size_t words(struct str text)
{
    size_t n = 0;
    while (text.p)
        n += str_split(&text, ' ').n > 0;
    return n;
}

static size_t numbers(struct hss_op *op, struct str text, const uint32_t **ret_numbers)
{
    size_t n = 0;
    uint32_t *out = arena_alloc(&op->arena, words(text) * sizeof(*out));
    while (out && text.p) {
        struct str word = str_split(&text, ' ');
        if (word.n && str_u32(word, &out[n]) == 0)
            n++;
    }
    *ret_numbers = out;
    return n;
}

static size_t servers(struct hss_op *op, struct str text, const struct str **ret_names)
{
    size_t n = 0;
    struct str *out = arena_alloc(&op->arena, words(text) * sizeof(*out));
    while (out && text.p) {
        struct str word = str_split(&text, ' ');
        if (word.n)
            out[n++] = word;
    }
    *ret_names = out;
    return n;
}

// Who is asked first takes all that come: each subscription begins at another one.
static void add_pool(struct hss_op *op, const struct hss_facts *f, struct cx_capabilities *c)
{
    const struct hss_settings *s = &op->settings;
    struct str *out = arena_alloc(&op->arena, s->n_pool * sizeof(*out));
    for (size_t i = 0; out && i < s->n_pool; i++)
        out[i] = s->pool[((uint64_t)f->subscription_id + i) % s->n_pool];
    c->server_names = out;
    c->n_server_names = out ? s->n_pool : 0;
}

// Any S-CSCF will do. An I-CSCF that wants to be told something is told a capability that is
// optional.
static void add_anyone(const struct hss_op *op, struct cx_capabilities *c)
{
    switch ((enum hss_anyone)op->settings.anyone) {
    case HSS_ANYONE_OPTIONAL:
        c->optional = &op->settings.anyone_capability;
        c->n_optional = 1;
        break;
    case HSS_ANYONE_ABSENT:
        c->present = false;
        break;
    case HSS_ANYONE_EMPTY:
        break;
    }
}

void hss_capabilities(struct hss_op *op, const struct hss_facts *f, struct cx_capabilities *ret_c)
{
    ret_c->present = true;
    ret_c->n_mandatory = numbers(op, f->mandatory, &ret_c->mandatory);
    ret_c->n_optional = numbers(op, f->optional, &ret_c->optional);
    ret_c->n_server_names = servers(op, f->servers, &ret_c->server_names);
    if (!ret_c->n_mandatory && !ret_c->n_server_names)
        add_pool(op, f, ret_c);
    if (!ret_c->n_mandatory && !ret_c->n_optional && !ret_c->n_server_names)
        add_anyone(op, ret_c);
}

int hss_reassign(struct hss_op *op)
{
    const struct hss_facts *f = &op->facts;
    if (!hss_restores(op) || !f->scscf_name.p || f->reassign)
        return 0;
    return HSS_WRITE(op, SQL_SCSCF_REASSIGN, SV_INT(f->subscription_id));
}
