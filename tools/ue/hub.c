// SPDX-License-Identifier: Apache-2.0
#include "tools/ue/ue_priv.h"

#include "base/err.h"
#include "stack/event/event.h"
#include "base/writer.h"

// ---- requests from the network ----

static void answer_options(struct pxy *p)
{
    struct sip_edits extra;
    sip_edits_init(&extra, pxy_arena(p), NULL);
    sip_edit_append(&extra, SIP_H_ALLOW, ue_allow);
    (void)pxy_reply(p, 200, STR_NONE, &extra);
}

static void outside_dialog(struct hub *h, struct pxy *p)
{
    const struct sip_msg *m = pxy_request(p);
    if (!phone_for(h, m)) {
        (void)pxy_reply(p, 404, STR_NONE, NULL);
        return;
    }
    switch (sip_msg_method(m)) {
    case SIP_OPTIONS:
        answer_options(p);
        break;
    case SIP_MESSAGE:
    case SIP_NOTIFY:
        phone_on_text(phone_for(h, m), p);
        break;
    case SIP_BYE:
    case SIP_UPDATE:
    case SIP_INFO: // RFC 3261 15.1.2: known, but only inside a dialog
        (void)pxy_reply(p, 481, STR_NONE, NULL);
        break;
    default:
        ue_refuse_method(p);
    }
}

static void on_request(void *arg, struct pxy *p)
{
    struct hub *h = arg;
    const struct sip_msg *m = pxy_request(p);
    enum sip_method method = sip_msg_method(m);
    if (method == SIP_ACK)
        return;
    if (!sip_msg_to_tag(m).p)
        outside_dialog(h, p);
    else if (method == SIP_NOTIFY && phone_for(h, m))
        phone_on_text(phone_for(h, m), p);
    else
        (void)pxy_reply(p, 481, STR_NONE, NULL);
}

static bool wants_invite(void *arg, const struct sip_msg *m)
{
    return phone_for(arg, m) != NULL;
}

static const struct session_layer_ops session_ops = {.wants = wants_invite, .incoming = call_incoming};

static void on_trace(void *arg, const struct stack_trace *t)
{
    struct hub *h = arg;
    h->trace(h->trace_arg, t);
}

// ---- life ----

static struct str dup_addr(const struct addr *a, struct str (*text)(const struct addr *, char *))
{
    char buf[ADDR_TEXT_MAX];
    return str_dup(text(a, buf));
}

static int set_texts(struct hub *h, const struct hub_params *p)
{
    char buf[ADDR_TEXT_MAX + 32], text[ADDR_TEXT_MAX];
    struct writer w = writer_init(buf, sizeof buf);
    writer_printf(&w, "sip:%.*s%s", STR_ARG(addr_text(&p->proxy, text)), ue_transport_param(p->proto));
    h->proxy_uri = str_dup(writer_done(&w));
    h->local_hostport = dup_addr(&p->local, addr_text);
    h->local_ip = dup_addr(&p->local, addr_ip_text);
    h->user_agent = str_dup(p->user_agent);
    bool ok = h->proxy_uri.p && h->local_hostport.p && h->local_ip.p && h->user_agent.p;
    return ok ? 0 : ERR_NOMEM;
}

static int listen_all(struct hub *h, const struct hub_params *p)
{
    static const enum sip_proto protos[] = {SIP_PROTO_UDP, SIP_PROTO_TCP};
    for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
        struct stack_listen l = {.proto = protos[i], .local = p->local, .timers = &sip_timers_ue};
        int e = stack_listen(h->stack, &l);
        if (e)
            return e;
    }
    return 0;
}

static int open_sessions(struct hub *h)
{
    struct session_layer_params p = {
        .txns = stack_txns(h->stack), .uas = stack_uas(h->stack), .ops = &session_ops, .arg = h};
    return session_layer_new(&p, &h->sessions);
}

static int open_hub(struct hub *h, const struct hub_params *p)
{
    static const struct stack_ops ops = {.request = on_request};
    static const struct stack_ops traced = {.request = on_request,
                                            .trace = on_trace};
    struct stack_params sp = {.loop = h->loop, .ops = h->trace ? &traced : &ops, .arg = h};
    int e = set_texts(h, p);
    if (!e)
        e = aka_new(&h->aka);
    if (!e)
        e = digest_new(&h->digest);
    if (!e)
        e = stack_new(&sp, &h->stack);
    if (!e)
        e = open_sessions(h);
    if (!e)
        e = hub_open_events(h);
    return e ? e : listen_all(h, p);
}

int hub_new(const struct hub_params *p, struct hub **ret_hub)
{
    struct hub *h = mem_zalloc(sizeof *h);
    if (!h)
        return ERR_NOMEM;
    h->loop = p->loop;
    h->proto = p->proto;
    h->media = p->media;
    h->auto_answer = p->auto_answer;
    h->answer_delay_ms = p->answer_delay_ms;
    h->ring_timeout_ms = p->ring_timeout_ms;
    h->trace = p->trace;
    h->trace_arg = p->trace_arg;
    h->call_ops = &call_session_ops;
    int e = open_hub(h, p);
    if (e)
        hub_free(h);
    else
        *ret_hub = h;
    return e;
}

void hub_free(struct hub *h)
{
    if (!h)
        return;
    // Nothing comes from the stack any more, so phones and calls can go in any order.
    h->closing = true;
    event_free(h->events);
    h->events = NULL;
    session_layer_free(h->sessions);
    h->sessions = NULL;
    if (h->stack)
        stack_free(h->stack);
    h->stack = NULL;
    size_t it = 0;
    struct phone *ph;
    while ((ph = map_next(&h->phones, &it)))
        phone_destroy(ph);
    map_done(&h->phones);
    map_done(&h->calls);
    aka_free(h->aka);
    digest_free(h->digest);
    mem_free((void *)h->proxy_uri.p);
    mem_free((void *)h->local_hostport.p);
    mem_free((void *)h->local_ip.p);
    mem_free((void *)h->user_agent.p);
    mem_free(h);
}

struct stack *hub_stack(struct hub *h)
{
    return h->stack;
}

size_t hub_calls(const struct hub *h)
{
    return h->calls.n;
}

void hub_hang_up(struct hub *h)
{
    size_t it = 0;
    struct call *c;
    // Ending a call frees it at the end of the turn, so the table stays as it is.
    while ((c = map_next(&h->calls, &it)))
        (void)ue_call_hang_up(h, c->id);
}
