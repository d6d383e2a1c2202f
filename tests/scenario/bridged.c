// SPDX-License-Identifier: Apache-2.0
#include "bridged.h"

#include "tests/common/figure.h"

static void on_closed(void *arg, struct bridge *b, const struct session_end *e, bool by_caller)
{
    struct bridged *l = arg;
    l->closed++;
    l->end = *e;
    l->by_caller = by_caller;
    l->bridge = NULL;
}

static void on_decorate(void *arg, struct bridge *b, bool to_caller, enum sip_method method,
                        unsigned status, struct sip_edits *e)
{
    static char large[70000];
    const struct bridged *l = arg;
    memset(large, 'x', sizeof large);
    if (l->swells && (method == SIP_BYE || status / 100 == 2))
        sip_edit_append_named(e, STR("Subject"), str_make(large, sizeof large));
}

static const struct bridge_ops bridge_ops = {.closed = on_closed, .decorate = on_decorate};

static bool wants(void *arg, const struct sip_msg *m)
{
    return true;
}

static void on_invite(void *arg, server_id id, const struct sip_msg *m)
{
    struct bridged *l = arg;
    struct bridge_params p = {.ops = &bridge_ops, .arg = l, .in = l->in, .out = l->out};
    (void)bridge_take(l->layer, id, &p, &l->bridge);
}

static const struct session_layer_ops layer_ops = {.wants = wants, .incoming = on_invite};

void bridged_init(struct bridged *l)
{
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    agent_init(&l->a, &l->w, A);
    agent_init(&l->b, &l->w, B);
    l->a.says = "from-a";
    l->b.says = "from-b";
    l->middle = node_new(&l->w, M, NULL);
    struct session_layer_params lp = {.txns = stack_txns(l->middle->stack),
                                      .uas = stack_uas(l->middle->stack),
                                      .ops = &layer_ops,
                                      .arg = l};
    assert_int_equal(session_layer_new(&lp, &l->layer), 0);
    l->in = (struct session_params){.contact = STR("<sip:" M ">"),
                                    .allow = STR("INVITE, ACK, BYE, UPDATE, PRACK"),
                                    .rel100 = SESSION_REL_SUPPORTED};
    l->out = l->in;
    l->out.uri = STR("sip:bob@" B);
    l->out.from = STR("sip:middle@example.org");
    tap_init(&l->tap, &l->w);
}

void bridged_done(struct bridged *l)
{
    world_run(&l->w, 200000);
    assert_int_equal(session_layer_count(l->layer), 0);
    assert_int_equal(session_layer_count(l->a.layer), 0);
    assert_int_equal(session_layer_count(l->b.layer), 0);
    assert_int_equal(figure_of(l->middle->stack, "sip_transactions_held", NULL), 0);
    nothing_open(&l->a);
    nothing_open(&l->b);
    agent_done(&l->a);
    agent_done(&l->b);
    session_layer_free(l->layer);
    world_done(&l->w);
}

void bridged_talk(struct bridged *l, const char *offer)
{
    l->b.pick_up = true;
    agent_call(&l->a, CALL, offer);
    world_run(&l->w, 500);
    assert_int_equal(l->a.established, 1);
    assert_int_equal(l->b.established, 1);
}

void bridged_bye(struct bridged *l, struct agent *who)
{
    assert_int_equal(session_hang_up(who->s), 0);
    world_run(&l->w, 1000);
    assert_int_equal(l->a.closed, 1);
    assert_int_equal(l->b.closed, 1);
    assert_int_equal(l->closed, 1);
    bridged_done(l);
}
