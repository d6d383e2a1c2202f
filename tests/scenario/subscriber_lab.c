// SPDX-License-Identifier: Apache-2.0
#include "subscriber_lab.h"

#include <stdio.h>

static void on_state(void *arg, event_id id, enum event_state s, const struct sip_msg *notify)
{
    struct counter *c = arg;
    struct lab *l = CONTAINER_OF(c, struct lab, counter);
    assert_non_null(notify);
    assert_true(id == l->id || id == l->fork || !l->id);
    l->states++;
    l->last = s;
    if (l->stop_in_state)
        assert_int_equal(event_unsubscribe(l->core, id), 0);
}

static void on_end(void *arg, event_id id, const struct event_end *e)
{
    struct lab *l = CONTAINER_OF((struct counter *)arg, struct lab, counter);
    l->ends++;
    l->end = *e;
    assert_int_equal(event_call_id(l->core, id).p != NULL, e->again);
    if (l->forget_in_end)
        event_forget(l->core, id);
}

static void on_answer(void *arg, event_id id, const struct sip_msg *response)
{
    struct lab *l = CONTAINER_OF((struct counter *)arg, struct lab, counter);
    l->answers++;
}

static void on_fork(void *arg, event_id id, event_id fork)
{
    struct lab *l = CONTAINER_OF((struct counter *)arg, struct lab, counter);
    assert_int_equal(id, l->id);
    l->forks++;
    l->fork = fork;
    if (l->forget_in_fork)
        event_forget(l->core, fork);
}

static bool on_challenge(void *arg, event_id id, const struct sip_msg *response)
{
    struct lab *l = CONTAINER_OF((struct counter *)arg, struct lab, counter);
    if (l->forget_in_challenge)
        event_forget(l->core, id);
    return ++l->challenges < 3;
}

static void prepare(void *arg, event_id id, bool in_dialog, struct str uri,
                    struct sip_edits *headers)
{
    struct lab *l = CONTAINER_OF((struct counter *)arg, struct lab, counter);
    if (!in_dialog)
        sip_edit_append(headers, SIP_H_ROUTE, STR("<sip:" BOB ";lr>"));
    if (l->challenges)
        sip_edit_append(headers, SIP_H_PROXY_AUTHORIZATION, STR("Digest username=\"u\""));
}

static void on_save(void *arg, event_id id)
{
    struct lab *l = CONTAINER_OF((struct counter *)arg, struct lab, counter);
    l->saves++;
}

const struct event_subscriber_ops lab_ops = {.state = on_state,
                                             .ended = on_end,
                                             .answered = on_answer,
                                             .prepare = prepare,
                                             .challenge = on_challenge,
                                             .forked = on_fork,
                                             .save = on_save};

void lab_init(struct lab *l)
{
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    l->n = node_new(&l->w, S, NULL);
    l->bob = peer_new(&l->w, BOB);
    l->eve = peer_new(&l->w, EVE);
    l->core = lab_core(l->n, "<sip:" S ">", true, NULL);
    counter_init(&l->counter);
    assert_int_equal(counter_attach(&l->counter, l->core), 0);
}

uint64_t alive(const struct lab *l)
{
    return lab_figure(l->core, "event_subscriptions", "side=\"subscriber\"");
}

void lab_done(struct lab *l)
{
    event_free(l->core);
    world_run(&l->w, 100000);
    world_done(&l->w);
}

struct event_subscription plan(struct lab *l)
{
    return (struct event_subscription){
        .event = STR("x-counter"),
        .uri = STR("sip:a@example.org"),
        .from = STR("<sip:me@example.org>"),
        .to = STR("<sip:a@example.org>"),
        .contact = STR("<sip:me@" S ">"),
        .expires = 600,
        .ops = &lab_ops,
        .arg = &l->counter,
    };
}

int start(struct lab *l, struct event_subscription p)
{
    return event_subscribe(l->core, &p, &l->id);
}

void start_kept(struct lab *l)
{
    struct event_subscription p = plan(l);
    p.keep = true;
    assert_int_equal(start(l, p), 0);
}

int notify_cseq = 100;

void notify_from(struct peer *p, const char *sub, const char *tag, const char *state,
                 const char *event, const char *body)
{
    char extra[512], lines[256] = "";
    if (event)
        (void)snprintf(lines, sizeof lines, "Event: %s\n", event);
    (void)snprintf(extra, sizeof extra, "%s%s%s%s", lines, state ? "Subscription-State: " : "",
                   state ? state : "", state ? "\n" : "");
    notify_cseq++;
    peer_send(p, S,
              "NOTIFY %s SIP/2.0\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK-n%s%d\nMax-Forwards: 70\n"
              "From: %s;tag=%s\nTo: %s\nCall-ID: %s\nCSeq: %d NOTIFY\nContact: <sip:%s:5060>\n"
              "Record-Route: <sip:%s;lr>\n%s%sContent-Length: %zu\n\n%s",
              "sip:me@" S, p->ip, tag, notify_cseq, "<sip:a@example.org>", tag,
              header_of(sub, "From", 0), header_of(sub, "Call-ID", 0), notify_cseq, p->ip, p->ip,
              extra, body ? "Content-Type: application/x-counter\n" : "", body ? strlen(body) : 0,
              body ? body : "");
}

void notify(struct lab *l, const char *sub, const char *state, const char *body)
{
    notify_from(l->bob, sub, "n1", state, "x-counter", body);
    (void)peer_expect(l->bob, "SIP/2.0 200");
}

void grant(struct lab *l, const char *sub, const char *expires)
{
    char extra[64];
    (void)snprintf(extra, sizeof extra, "Expires: %s\n", expires);
    peer_reply(l->bob, S, sub, "200 OK", "n1", extra);
    world_run(&l->w, 5);
}

const char *established(struct lab *l)
{
    const char *m = peer_expect(l->bob, "SUBSCRIBE ");
    grant(l, m, "600");
    notify(l, m, "active;expires=600", "all 0");
    assert_int_equal(l->last, EVENT_STATE_ACTIVE);
    return m;
}
