// SPDX-License-Identifier: Apache-2.0
// The event core on real sockets, for peers that nobody here wrote (tests/e2e/test_events.py):
//   event_node notify IP:PORT
//     serves the package of the tests, and adds 1 to the counter "a" every 100 ms that somebody is
//     subscribed to it
//   event_node subscribe IP:PORT PEER-IP:PORT URI EVENT NOTIFIES
//     subscribes, unsubscribes after so many NOTIFYs with a body, and ends when the last one has
//     come
// What happens is told line by line on the standard output.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "counter.h"
#include "io/uv.h"
#include "stack/proxy/proxy.h"
#include "stack/session/ua.h"
#include "stack/stack.h"

enum { TICK_MS = 100 };

struct program {
    struct loop *loop;
    struct stack *stack;
    struct event *core;
    struct counter counter;
    struct timer tick;
    event_id id;
    long wanted;
};

static void say(const char *what, struct str text)
{
    struct str rest = text, line = str_split(&rest, '\n');
    (void)printf("%s %.*s\n", what, STR_ARG(str_trim(line)));
    (void)fflush(stdout);
}

static void die(const char *what, int err)
{
    (void)fprintf(stderr, "event_node: %s: %s\n", what, err_text(err));
    exit(1);
}

static void other_request(void *arg, struct pxy *p)
{
    (void)pxy_reply(p, 405, STR_NONE, NULL);
}

static bool wants(void *arg, const struct sip_msg *m, flow_id flow)
{
    return true;
}

static void stop(void *arg, int signo)
{
    loop_stop(((struct program *)arg)->loop);
}

static void add(void *arg)
{
    struct program *p = arg;
    if (event_count(p->core, &p->counter.package, STR("a")))
        counter_add(&p->counter, "a", 1);
    timer_start(p->loop, &p->tick, TICK_MS);
}

// ---- subscriber ----

static void on_state(void *arg, event_id id, enum event_state s, const struct sip_msg *notify)
{
    struct program *p = arg;
    say("state", sip_msg_raw(notify, SIP_H_SUBSCRIPTION_STATE));
    if (!sip_msg_body(notify).n)
        return;
    say("type", sip_msg_raw(notify, SIP_H_CONTENT_TYPE));
    if (--p->wanted == 0)
        (void)event_unsubscribe(p->core, id);
}

static void on_end(void *arg, event_id id, const struct event_end *e)
{
    struct program *p = arg;
    (void)printf("ended status=%u reason=%s\n", e->status, event_reason_name(e->reason));
    (void)fflush(stdout);
    loop_stop(p->loop);
}

static void on_answer(void *arg, event_id id, const struct sip_msg *response)
{
    (void)printf("answered %u\n", sip_msg_status(response));
}

static const struct event_subscriber_ops ops = {
    .state = on_state, .ended = on_end, .answered = on_answer};

static void subscribe(struct program *p, char **argv, struct str contact)
{
    char hop[80];
    struct event_subscription s = {
        .event = str_from(argv[5]),
        .uri = str_from(argv[4]),
        .from = STR("<sip:watcher@example.org>"),
        .contact = contact,
        .next_hop = STR_NONE,
        .expires = 600,
        .ops = &ops,
        .arg = p,
    };
    char to[256];
    (void)snprintf(hop, sizeof hop, "sip:%s", argv[3]);
    (void)snprintf(to, sizeof to, "<%s>", argv[4]);
    s.next_hop = str_from(hop);
    s.to = str_from(to);
    p->wanted = strtol(argv[6], NULL, 10);
    int err = event_subscribe(p->core, &s, &p->id);
    if (err)
        die("subscribe", err);
}

// ---- both ----

static void open_stack(struct program *p, const char *at)
{
    static const struct stack_ops stack_ops = {.request = other_request};
    struct stack_listen l = {.proto = SIP_PROTO_UDP};
    int err = uvloop_new(&(struct uv_loop_params){0}, &p->loop);
    struct stack_params sp = {.loop = p->loop, .ops = &stack_ops, .arg = p};
    if (!err)
        err = addr_parse_port(str_from(at), 5060, &l.local);
    if (!err)
        err = stack_new(&sp, &p->stack);
    if (!err)
        err = stack_listen(p->stack, &l);
    l.proto = SIP_PROTO_TCP;
    if (!err)
        err = stack_listen(p->stack, &l);
    if (err)
        die(at, err);
}

static void open_core(struct program *p, struct str contact)
{
    struct event_params ep = {.txns = stack_txns(p->stack),
                              .uas = stack_uas(p->stack),
                              .wants = wants,
                              .contact = contact};
    int err = event_new(&ep, &p->core);
    counter_init(&p->counter);
    p->counter.package.default_s = 60;
    if (!err)
        err = counter_attach(&p->counter, p->core);
    if (!err)
        err = loop_signal(p->loop, SIGTERM, stop, p);
    if (err)
        die("event core", err);
}

int main(int argc, char **argv)
{
    static struct program p;
    char contact[80];
    bool notifies = argc == 3 && !strcmp(argv[1], "notify");
    if (!notifies && !(argc == 7 && !strcmp(argv[1], "subscribe"))) {
        (void)fprintf(stderr, "event_node notify AT | subscribe AT PEER URI EVENT NOTIFIES\n");
        return 2;
    }
    (void)snprintf(contact, sizeof contact, "<sip:events@%s>", argv[2]);
    open_stack(&p, argv[2]);
    open_core(&p, str_from(contact));
    timer_init(&p.tick, add, &p);
    if (notifies)
        timer_start(p.loop, &p.tick, TICK_MS);
    else
        subscribe(&p, argv, str_from(contact));
    say("ready", str_from(argv[2]));
    (void)loop_run(p.loop);
    timer_stop(&p.tick);
    event_free(p.core);
    stack_free(p.stack);
    loop_free(p.loop);
    return 0;
}
