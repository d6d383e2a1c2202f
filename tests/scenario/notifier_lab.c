// SPDX-License-Identifier: Apache-2.0
#include "notifier_lab.h"

#include <stdio.h>

void lab_init_limits(struct lab *l, struct event_limits limits)
{
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    l->n = node_new(&l->w, N, NULL);
    l->bob = peer_new(&l->w, BOB);
    l->eve = peer_new(&l->w, EVE);
    l->core = lab_core(l->n, CONTACT, true, &(struct event_params){.limits = limits});
    counter_init(&l->counter);
    assert_int_equal(counter_attach(&l->counter, l->core), 0);
}

void lab_init(struct lab *l)
{
    lab_init_limits(l, (struct event_limits){0});
}

uint64_t figure(const struct lab *l, const char *name, const char *labels)
{
    return lab_figure(l->core, name, labels);
}

uint64_t alive(const struct lab *l)
{
    return figure(l, "event_subscriptions", "side=\"notifier\"");
}

void lab_done(struct lab *l)
{
    world_run(&l->w, 4000000); // everything expires
    assert_int_equal(alive(l), 0);
    assert_int_equal(figure(l, "event_resources", NULL), 0);
    event_free(l->core);
    world_done(&l->w);
}

void subscribe_to(struct lab *l, struct sub *s, const char *user, const char *extra)
{
    char uri[64];
    (void)snprintf(uri, sizeof uri, "sip:%s@" N, user);
    peer_request(s->p, N,
                 &(struct request){.method = "SUBSCRIBE",
                                   .uri = uri,
                                   .call_id = s->call_id,
                                   .from_tag = "b",
                                   .to_tag = s->tag[0] ? s->tag : NULL,
                                   .cseq = ++s->cseq,
                                   .extra = extra});
}

void ask(struct lab *l, struct sub *s, const char *extra)
{
    subscribe_to(l, s, "a", extra);
}

const char *answered(struct sub *s, const char *status)
{
    char start[32];
    (void)snprintf(start, sizeof start, "SIP/2.0 %s", status);
    const char *m = peer_expect(s->p, start);
    const char *tag = param_of(header_of(m, "To", 0), "tag");
    if (!s->tag[0] && status[0] == '2')
        (void)snprintf(s->tag, sizeof s->tag, "%s", tag);
    return m;
}

void ok_notify(struct sub *s, const char *m)
{
    peer_reply(s->p, N, m, "200 OK", NULL, NULL);
    world_run(s->p->w, 2);
}

const char *told(struct sub *s, const char *substate, const char *body)
{
    const char *m = peer_expect(s->p, "NOTIFY ");
    const char *text = strstr(m, "\r\n\r\n") + 4;
    assert_string_equal(header_of(m, "Event", 0), "x-counter");
    if (strncmp(header_of(m, "Subscription-State", 0), substate, strlen(substate)) != 0 ||
        strncmp(text, body, strlen(body)) != 0 || (!*body && *text))
        fail_msg("not %s, %s:\n%s", substate, body, m);
    ok_notify(s, m);
    return m;
}

struct sub sub_of(struct peer *p, const char *call_id)
{
    struct sub s = {.p = p};
    (void)snprintf(s.call_id, sizeof s.call_id, "%s", call_id);
    return s;
}

struct sub subscribed(struct lab *l, struct peer *p, const char *call_id, const char *extra)
{
    struct sub s = sub_of(p, call_id);
    ask(l, &s, extra);
    (void)answered(&s, "200");
    (void)told(&s, "active", "all ");
    return s;
}

void end_it(struct counter *c, event_id id)
{
    event_end_one(c->core, id, EVENT_GIVEUP, 0);
}
