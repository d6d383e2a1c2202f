// SPDX-License-Identifier: Apache-2.0
#include "event_lab.h"

static bool wants_all(void *arg, const struct sip_msg *m, flow_id flow)
{
    return true;
}

struct event *lab_core(struct node *n, const char *contact, bool wants,
                       const struct event_params *params)
{
    struct event *e;
    struct event_params p = params ? *params : (struct event_params){0};
    p.txns = stack_txns(n->stack);
    p.uas = stack_uas(n->stack);
    p.contact = str_from(contact);
    p.wants = wants ? wants_all : NULL;
    assert_int_equal(event_new(&p, &e), 0);
    return e;
}

struct figure {
    const char *name, *labels;
    uint64_t value;
};

static void take_figure(void *arg, const char *name, const char *labels, uint64_t value)
{
    struct figure *f = arg;
    if (!strcmp(name, f->name) && (!f->labels || !strcmp(labels, f->labels)))
        f->value += value;
}

uint64_t lab_figure(const struct event *e, const char *name, const char *labels)
{
    struct figure f = {.name = name, .labels = labels};
    event_stats(e, take_figure, &f);
    return f.value;
}
