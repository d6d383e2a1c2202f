// SPDX-License-Identifier: Apache-2.0
#include "counter.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/writer.h"

static const struct str types[] = {STR_INIT("application/x-counter"), STR_INIT("text/plain")};

static uint64_t *number_of(struct counter *c, struct str name)
{
    for (size_t i = 0; i < c->n; i++)
        if (str_eq(name, str_from(c->of[i].name)))
            return &c->of[i].number;
    if (c->n == COUNTERS || name.n >= sizeof c->of[0].name)
        return NULL;
    (void)snprintf(c->of[c->n].name, sizeof c->of[0].name, "%.*s", STR_ARG(name));
    c->of[c->n].number = 0;
    return &c->of[c->n++].number;
}

static bool identify(void *arg, const struct sip_msg *m, const struct flow_info *from,
                     struct event_who *ret_who, struct event_refusal *ret_refusal)
{
    struct counter *c = arg;
    const struct sip_uri *uri = sip_msg_uri(m);
    ret_refusal->cause = "no such counter";
    ret_who->unlimited = c->unlimited;
    if (!uri || !uri->user.n || !number_of(c, uri->user))
        return false;
    ret_who->resource = uri->user;
    if (c->by_contact)
        ret_who->instance = sip_msg_raw(m, SIP_H_CONTACT);
    return true;
}

// Once: what it does may come back here.
static void act(struct counter *c, event_id id, void (**what)(struct counter *, event_id))
{
    void (*f)(struct counter *, event_id) = *what;
    *what = NULL;
    if (f)
        f(c, id);
}

static enum event_verdict authorise(void *arg, const struct event_asked *q,
                                    struct event_refusal *ret_refusal)
{
    struct counter *c = arg;
    c->asked = q->id;
    c->asks++;
    if (c->note && !q->refresh)
        (void)event_set_note(c->core, q->id, str_from(c->note));
    act(c, q->id, &c->within);
    *ret_refusal = c->refusal;
    return c->verdict;
}

static void put_filler(const struct counter *c, struct writer *w)
{
    for (size_t i = 0; i < c->filler; i++)
        writer_chr(w, i % 64 == 63 ? '\n' : '.');
}

static int full(void *arg, struct event_body *b, struct writer *w)
{
    struct counter *c = arg;
    uint64_t *number = number_of(c, b->resource);
    c->fulls++;
    act(c, b->id, &c->within);
    if (c->full_err)
        return c->full_err;
    writer_printf(w, "all %" PRIu64 "\n", *number);
    put_filler(c, w);
    b->number = *number;
    return 0;
}

static int partial(void *arg, struct event_body *b, struct writer *w)
{
    struct counter *c = arg;
    uint64_t *number = number_of(c, b->resource);
    if (!str_eq(b->type, types[0]))
        return ERR_UNSUPPORTED;
    c->partials++;
    act(c, b->id, &c->within);
    writer_printf(w, "+%" PRIu64 " from %" PRIu64 "\n", *number - b->since, b->since);
    put_filler(c, w);
    b->number = *number;
    return 0;
}

static void ended(void *arg, event_id id, struct str resource)
{
    struct counter *c = arg;
    c->ended++;
    act(c, id, &c->at_end);
}

static void decorate(void *arg, event_id id, enum sip_method method, struct sip_edits *headers)
{
    struct counter *c = arg;
    struct str note = event_note(c->core, id);
    if (note.n)
        sip_edit_append(headers, SIP_H_P_CHARGING_VECTOR,
                        ARENA_CAT(headers->arena, STR("icid-value="), note,
                                  method == SIP_NOTIFY ? STR(";n") : STR(";s")));
}

static void save(void *arg, event_id id)
{
    struct counter *c = arg;
    c->saved = id;
    c->saves++;
    act(c, id, &c->at_save);
}

static int parse(void *arg, event_id id, const struct sip_msg *notify)
{
    struct counter *c = arg;
    char text[64];
    unsigned long long a, b;
    (void)snprintf(text, sizeof text, "%.*s", STR_ARG(str_head(sip_msg_body(notify), 60)));
    if (sscanf(text, "all %llu", &a) == 1) {
        c->known = a;
        c->wholes++;
        return 0;
    }
    if (sscanf(text, "+%llu from %llu", &a, &b) != 2)
        return str_starts(str_from(text), STR("<")) ? ERR_UNSUPPORTED : ERR_BAD;
    if (b != c->known) {
        c->gaps++;
        return ERR_STATE;
    }
    c->known += a;
    c->steps++;
    return 0;
}

void counter_init(struct counter *c)
{
    memset(c, 0, sizeof *c);
    c->package = (struct event_package){
        .name = STR("x-counter"),
        .types = types,
        .n_types = 2,
        .default_s = 600,
        .min_s = 60,
        .max_s = 3600,
        .arg = c,
        .identify = identify,
        .authorise = authorise,
        .full = full,
        .partial = partial,
        .ended = ended,
        .decorate = decorate,
        .save = save,
        .parse = parse,
    };
}

int counter_attach(struct counter *c, struct event *core)
{
    c->core = core;
    return event_add_package(core, &c->package);
}

void counter_add(struct counter *c, const char *name, uint64_t n)
{
    uint64_t *number = number_of(c, str_from(name));
    if (!number)
        return;
    *number += n;
    event_changed(c->core, &c->package, str_from(name));
}
