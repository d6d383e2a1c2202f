// SPDX-License-Identifier: Apache-2.0
// Life of the I-CSCF, and which procedure a request belongs to.
#include "icscf/icscf.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "icscf/icscf_priv.h"
#include "sip/uri.h"
#include "stack/txn/shed.h"

// ---- dispatch ----

static void on_request(void *arg, struct pxy *p)
{
    struct icscf *i = arg;
    const struct sip_msg *m = pxy_request(p);
    // RFC 3325 5, TS 24.229 4.4: nothing is believed of an outsider.
    trust_in(icscf_side(i, p), m, pxy_edits(p));
    if (sip_msg_method(m) == SIP_REGISTER)
        icscf_register_begin(i, p);
    else if (sip_msg_method(m) == SIP_ACK || sip_msg_to_tag(m).p)
        icscf_subsequent_begin(i, p);
    else if (icscf_is_routed(i, p))
        icscf_subsequent_begin(i, p);
    else
        location_begin(i, p);
}

// ---- strangers ----

static enum stack_standing on_standing(void *arg, const struct flow_info *from)
{
    const struct icscf *i = arg;
    return node_standing(&i->trusted, &i->exempt, &from->remote);
}

// What the procedures refuse an outsider anyway, before anything is kept for it.
static bool on_screen(void *arg, const struct flow_info *from, const struct sip_msg *m,
                      struct stack_refusal *ret_refusal)
{
    const struct icscf *i = arg;
    const struct sip_addr *route = sip_msg_at(m, SIP_H_ROUTE, 0);
    bool orig = false;
    (void)from;
    if (sip_msg_method(m) == SIP_REGISTER) {
        *ret_refusal = (struct stack_refusal){403, "REGISTER from outside the trust domain",
                                               "TS 24.229 5.3.1.2"};
        return false;
    }
    if (route && !sip_msg_to_tag(m).p && stack_is_own(i->stack, &route->uri))
        (void)sip_uri_param(&route->uri, STR("orig"), &orig);
    if (orig)
        *ret_refusal = (struct stack_refusal){403, "orig from outside the trust domain",
                                               "TS 24.229 5.3.2.1"};
    return !orig;
}

// ---- life ----

// What the originating side has let in is not refused half way before new registrations are.
static enum overload_class classify(void *arg, const struct sip_msg *m,
                                    const struct flow_info *from)
{
    struct icscf *i = arg;
    enum overload_class c = shed_class(m);
    bool later = sip_msg_method(m) != SIP_REGISTER && trust_domain_has(&i->trusted, &from->remote);
    return c == OVERLOAD_NEW && later ? OVERLOAD_CARRIED : c;
}

static void on_trace_sip(void *arg, const struct stack_trace *t)
{
    struct icscf *i = arg;
    i->params.trace.sip(i->params.trace.arg, t);
}

static void on_trace_dia(void *arg, const struct dia_trace *t)
{
    struct icscf *i = arg;
    i->params.trace.dia(i->params.trace.arg, t);
}

static bool may_reach(void *arg, unsigned word, const struct addr *a)
{
    const struct icscf *i = arg;
    return routing_allows(&i->routing, word, a);
}

static int start_stack(struct icscf *i)
{
    static const struct stack_ops plain = {.request = on_request,
                                           .may_reach = may_reach,
                                           .classify = classify,
                                           .standing = on_standing,
                                           .screen = on_screen};
    static const struct stack_ops traced = {.request = on_request,
                                            .may_reach = may_reach,
                                            .classify = classify,
                                            .trace = on_trace_sip,
                                            .standing = on_standing,
                                            .screen = on_screen};
    struct stack_params p = {.loop = i->loop,
                             .ops = i->params.trace.sip ? &traced : &plain,
                             .arg = i,
                             .server = STR("Carillon-I-CSCF"),
                             .host_alias = {i->host},
                             .supported = STR("path"),
                             .tcp_prefer = i->cfg->sip.prefer_tcp,
                             .warnings = (enum stack_warnings)i->cfg->trust.warnings,
                             .message = &i->cfg->message,
                             .overload = node_overload_params(&i->cfg->overload, false),
                             .limits = node_stack_limits(&i->cfg->limits)};
    int err = stack_new(&p, &i->stack);
    return err ? err : node_sip_listen(i->stack, &i->cfg->sip);
}

static int start_dia(struct icscf *i)
{
    struct dia_params p = {.loop = i->loop,
                           .product = STR("Carillon-I-CSCF"),
                           .trace = i->params.trace.dia ? on_trace_dia : NULL,
                           .arg = i};
    return node_dia_new(&i->cfg->diameter, &p, &i->dia);
}

static int name_self(struct icscf *i)
{
    struct sip_uri uri;
    if (sip_uri_parse(&i->arena, i->cfg->name, &uri) || !uri.host.n) {
        LOG(LOG_ERROR, "name is not a SIP URI", LF("name", i->cfg->name));
        return ERR_INVAL;
    }
    i->host = uri.host;
    return 0;
}

int icscf_new(const struct icscf_params *p, struct icscf **ret_icscf)
{
    struct icscf *i = mem_zalloc(sizeof *i);
    if (!i)
        return ERR_NOMEM;
    i->loop = p->loop;
    i->own = *p->config;
    i->cfg = &i->own;
    i->params = *p;
    i->icid_boot = loop_random_u64(p->loop);
    arena_init(&i->arena, NULL, 0);
    i->plan = node_read_numbering(&i->cfg->home, i->cfg->domain);
    i->neighbours.more_domains = i->plan.domains;
    i->neighbours.n_more_domains = i->plan.n_domains;
    pxy_steps_init(&i->steps, i);
    int err = icscf_count_steps(i);
    if (!err)
        err = name_self(i);
    if (!err)
        err = scscf_table_init(&i->table, &i->cfg->scscfs);
    if (!err)
        err = node_read_trusted("sip.trusted", &i->cfg->trusted, &i->trusted);
    if (!err)
        err = node_read_trust(&i->cfg->trust, &i->trusted, &i->cfg->domain, &i->neighbours);
    if (!err)
        err = node_read_routing(&i->cfg->routing, &i->trusted, &i->cfg->sip, &i->cfg->diameter,
                                &i->routing);
    if (!err)
        err = node_read_trusted("limits.exempt", &i->cfg->limits.exempt, &i->exempt);
    if (!err)
        err = start_dia(i);
    if (!err)
        err = start_stack(i);
    if (err) {
        LOG(LOG_ERROR, "I-CSCF cannot start", LF_Z("reason", err_text(err)));
        icscf_free(i);
        return err;
    }
    *ret_icscf = i;
    return 0;
}

void icscf_reload(struct icscf *i, const struct icscf_config *c)
{
    struct scscf_table table;
    i->own.diameter.timeout_ms = c->diameter.timeout_ms;
    i->own.scscf_timeout_ms = c->scscf_timeout_ms;
    i->own.scscf_mark_ms = c->scscf_mark_ms;
    i->own.leg_ms = c->leg_ms;
    struct overload_params overload = node_overload_params(&c->overload, false);
    stack_set_overload(i->stack, &overload);
    (void)node_read_trusted("sip.trusted", &c->trusted, &i->trusted);
    i->own.trust = c->trust;
    (void)node_read_trust(&i->own.trust, &i->trusted, &i->own.domain, &i->neighbours);
    stack_set_warnings(i->stack, (enum stack_warnings)c->trust.warnings);
    (void)node_read_routing(&c->routing, &i->trusted, &i->own.sip, &i->own.diameter, &i->routing);
    (void)node_read_trusted("limits.exempt", &c->limits.exempt, &i->exempt);
    i->own.limits = c->limits;
    struct stack_limits limits = node_stack_limits(&c->limits);
    stack_set_limits(i->stack, &limits);
    stack_recheck_all(i->stack);
    if (scscf_table_init(&table, &c->scscfs))
        return;
    scscf_table_done(&i->table);
    i->table = table;
}

void icscf_free(struct icscf *i)
{
    if (!i)
        return;
    stack_free(i->stack);
    dia_node_free(i->dia);
    routing_done(&i->routing);
    trust_map_done(&i->neighbours);
    trust_domain_done(&i->trusted);
    trust_domain_done(&i->exempt);
    scscf_table_done(&i->table);
    arena_done(&i->arena);
    mem_free(i);
}

static void on_dia_drained(void *arg)
{
    struct icscf *i = arg;
    i->drained(i->drained_arg);
}

static void on_stack_drained(void *arg)
{
    struct icscf *i = arg;
    dia_drain(i->dia, on_dia_drained, i);
}

void icscf_drain(struct icscf *i, timer_cb done, void *arg)
{
    i->drained = done;
    i->drained_arg = arg;
    stack_drain(i->stack, on_stack_drained, i);
}

bool icscf_ready(const struct icscf *i, const char **ret_why)
{
    bool ready = dia_ready(i->dia, i->cfg->diameter.realm);
    if (!ready)
        *ret_why = "no HSS connected";
    return ready;
}

struct dia_node *icscf_dia(const struct icscf *i)
{
    return i->dia;
}

struct stack *icscf_stack(const struct icscf *i)
{
    return i->stack;
}
