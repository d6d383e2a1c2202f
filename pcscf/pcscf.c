// SPDX-License-Identifier: Apache-2.0
#include "pcscf/procedures.h"

#include "app/app.h"
#include "base/err.h"
#include "base/log.h"
#include "base/writer.h"
#include "ims/timers.h"
#include "stack/txn/shed.h"

// ---- which procedure ----

static const struct procedure *choose(const struct pxy *p)
{
    const struct sip_msg *m = pxy_request(p);
    bool from_core = pxy_source(p)->listener == PCSCF_CORE;
    if (from_core)
        return pcscf_in_dialog(m) ? &pcscf_to_ue : &pcscf_terminating;
    if (sip_msg_method(m) == SIP_REGISTER)
        return &pcscf_register;
    return pcscf_in_dialog(m) ? &pcscf_from_ue : &pcscf_originating;
}

static void on_request(void *arg, struct pxy *p)
{
    struct pcscf *pc = arg;
    struct pjob *pj = ARENA_NEW(pxy_arena(p), struct pjob);
    if (!pj) {
        (void)pxy_reply(p, 500, STR_NONE, NULL);
        return;
    }
    pj->pcscf = pc;
    pj->req = pxy_request(p);
    pj->edits = pxy_edits(p);
    pj->arena = pxy_arena(p);
    pj->ue = pcscf_source_flow(p);
    pxy_run(p, &pj->job, choose(p), &pc->steps, NULL);
}

// Does somebody renew who is registered from there?
static bool renews(const struct pcscf *pc, const struct flow_info *from, const struct sip_msg *m)
{
    struct access_flow f = {.proto = from->proto, .remote = from->remote, .id = from->id};
    struct str to = sip_msg_to(m)->uri.text;
    const struct association *a = association_alone(registry_associations(pc->registry), &from->remote);
    return registry_find(pc->registry, &f, to) || (a && registry_find_at(pc->registry, &from->remote, a, to));
}

// What comes from the core has been let in elsewhere.
static enum overload_class classify(void *arg, const struct sip_msg *m,
                                    const struct flow_info *from)
{
    struct pcscf *pc = arg;
    enum overload_class c = shed_class(m);
    if (c != OVERLOAD_NEW)
        return c;
    bool later = from->listener == PCSCF_CORE
                     ? trust_domain_has(&pc->trusted, &from->remote)
                     : sip_msg_method(m) == SIP_REGISTER && renews(pc, from, m);
    return later ? OVERLOAD_CARRIED : c;
}

static void on_trace(void *arg, const struct stack_trace *t)
{
    struct pcscf *pc = arg;
    pc->trace.sip(pc->trace.arg, t);
}

// What is counted where requests go on, so that no procedure has to think of it.
#define COUNTER(field_) offsetof(struct pcscf_counters, field_)

static int count_steps(struct pcscf *p)
{
    static const struct steps_count rows[] = {
        {&pcscf_originating, "forward", HOOK_BEFORE, COUNTER(originating)},
        {&pcscf_terminating, "forward", HOOK_BEFORE, COUNTER(terminating)},
    };
    int err = steps_count(&p->steps, rows, ARRAY_LEN(rows), &p->counters);
    return err ? err : steps_hook_point(&p->steps, &pcscf_forwards_in_dialog, hook_count, &p->counters.subsequent);
}

// ---- life ----

static int listen_at(struct pcscf *pc, const struct addr *at, const struct stack_listen *as)
{
    static const struct {
        enum sip_proto proto;
        const char *name;
    } protos[] = {{SIP_PROTO_UDP, "udp"}, {SIP_PROTO_TCP, "tcp"}};
    for (size_t k = 0; k < ARRAY_LEN(protos); k++) {
        struct stack_listen l = *as;
        l.proto = protos[k].proto;
        l.local = *at;
        int e = stack_listen(pc->stack, &l);
        if (e)
            return app_listen_failed(at, protos[k].name, e);
    }
    return 0;
}

static int listen_to_all(struct pcscf *pc)
{
    const struct pcscf_config *c = pc->config;
    struct stack_listen core = {.label = PCSCF_CORE, .timers = &sip_timers_core, .advertise = c->core_host};
    int e = 0;
    for (size_t i = 0; !e && i < c->core_listen.n; i++)
        e = listen_at(pc, &c->core_listen.v[i], &core);
    for (size_t i = 0; !e && i < c->access_listen.n; i++) {
        struct stack_listen access = {.label = PCSCF_ACCESS + (unsigned)i,
                                      .timers = &sip_timers_ue,
                                      .outside = true,
                                      .advertise = pcscf_advertised(c, i)};
        e = listen_at(pc, &c->access_listen.v[i], &access);
    }
    return e;
}

// "host:port" as it stands in this node's URIs.
static int hostport(const struct addr *a, struct str name, struct str *ret)
{
    char buf[ADDR_TEXT_MAX + 256], text[ADDR_TEXT_MAX];
    struct writer w = writer_init(buf, sizeof buf);
    if (name.n)
        writer_printf(&w, "%.*s:%u", STR_ARG(name), addr_port(a));
    else
        writer_str(&w, addr_text(a, text));
    if (w.failed)
        return ERR_TOOBIG;
    *ret = str_dup(writer_done(&w));
    return ret->p ? 0 : ERR_NOMEM;
}

static int access_hostports(struct pcscf *pc)
{
    const struct pcscf_config *c = pc->config;
    int e = 0;
    for (size_t i = 0; !e && i < c->access_listen.n; i++)
        e = hostport(&c->access_listen.v[i], pcscf_advertised(c, i), &pc->access_hostport[i]);
    return e;
}

static void on_expired(void *arg, const struct contact *r)
{
    struct pcscf *pc = arg;
    pc->counters.expired++;
    LOG(LOG_INFO, "registration expired", LF("identity", contact_impu(r, 0)),
        LF("contact", contact_uri(r)));
}

enum { REGISTER_KEYS = 1 << 15, SOURCE_KEYS = 1 << 14 };

// What a source has begun and never finishes is forgotten evenly while a challenge would wait.
static struct bucket_rate pending_rate(const struct pcscf_config *c)
{
    uint64_t await_ns = (uint64_t)ims_timer_ms(IMS_REG_AWAIT_AUTH) * 1000000;
    return (struct bucket_rate){c->max_pending ? await_ns / c->max_pending : 0, c->max_pending};
}

static int read_access_info(struct pcscf *pc)
{
    struct str text = STR_NONE;
    const char *why = NULL;
    int e = access_info_new(&pc->config->network_info, &pc->access_info, &text, &why);
    if (e == ERR_BAD)
        LOG(LOG_ERROR, "cannot start", LF_Z("option", "access.network_info"), LF("value", text), LF_Z("cause", why));
    return e;
}

// ---- registrations that outlive the process ----

// Before anybody is listened to: who came earlier would be taken for a stranger.
static int open_registry(struct pcscf *pc)
{
    static const struct registry_ops ops = {.expired = on_expired, .flow_changed = pcscf_flow_changed};
    const struct pcscf_config *c = pc->config;
    int e = registry_new(pc->loop, &pc->plan, &ops, pc, &pc->registry);
    if (!e)
        e = node_state_open(pc->loop, &c->state, "pcscf", REGISTRY_FORMAT, &pc->keep);
    if (e)
        return e;
    const struct registry_disk d = {.keep = pc->keep,
                                    .listen = &c->access_listen,
                                    .first_label = PCSCF_ACCESS,
                                    .key = &pc->token_key,
                                    .max_contacts = c->max_registrations,
                                    .max_patterns = c->max_patterns};
    e = registry_restore(pc->registry, &d, &pc->restored);
    if (e)
        LOG(LOG_ERROR, "registrations of before the start cannot be read", LF_Z("cause", err_text(e)));
    return e;
}

bool pcscf_ready(const struct pcscf *p, const char **ret_why)
{
    return node_state_ready(p->keep, &p->config->state, ret_why);
}

struct keep *pcscf_keep(struct pcscf *p)
{
    return p->keep;
}

static int open_keys(struct pcscf *pc)
{
    const struct keys_params p = {.loop = pc->loop, .config = &pc->config->keys, .name = pc->core_hostport};
    int e = keys_new(&p, &pc->keys);
    if (e)
        return e;
    pc->token_key = (struct token_key){.ring = keys_ring(pc->keys), .node = keys_node(pc->keys)};
    loop_random(pc->loop, &pc->token_key.boot, sizeof pc->token_key.boot);
    return 0;
}

static int start(struct pcscf *pc)
{
    static const struct stack_ops ops = {.request = on_request,
                                         .classify = classify,
                                         .standing = pcscf_standing,
                                         .user = pcscf_user,
                                         .no_stream = pcscf_no_stream,
                                         .screen = pcscf_screen};
    static const struct stack_ops traced = {.request = on_request,
                                            .classify = classify,
                                            .trace = on_trace,
                                            .standing = pcscf_standing,
                                            .user = pcscf_user,
                                            .no_stream = pcscf_no_stream,
                                            .screen = pcscf_screen};
    const struct pcscf_config *c = pc->config;
    struct stack_params sp = {.loop = pc->loop,
                              .ops = pc->trace.sip ? &traced : &ops,
                              .arg = pc,
                              .tcp_prefer = true,
                              .keep_s = c->keepalive_s,
                              .overload = node_overload_params(&c->overload, true),
                              .host_alias = {c->core_host},
                              .supported = STR("path"),
                              .proxy_require = {STR_INIT("sec-agree")},
                              .max_calls = c->calls.max,
                              .call_lifetime_s = c->calls.lifetime_s,
                              .warnings = (enum stack_warnings)c->warnings,
                              .message = &c->message,
                              .limits = node_stack_limits(&c->limits)};
    sp.limits.user_rate = c->user_rate;
    sp.limits.user_burst = c->user_burst;
    if (c->access_listen.n == 0 || c->core_listen.n == 0) {
        LOG(LOG_ERROR, "cannot start", LF_Z("cause", "access.listen and core.listen need an address each"));
        return ERR_INVAL;
    }
    if (c->access_listen.n > PCSCF_ACCESS_MAX) {
        LOG(LOG_ERROR, "cannot start", LF_Z("cause", "access.listen has too many addresses"));
        return ERR_INVAL;
    }
    pc->icid_boot = loop_random_u64(pc->loop);
    pc->plan = node_read_numbering(&c->home, STR_NONE);
    pc->plan.several = true;
    int e = node_read_trusted("core.trusted", &c->core_trusted, &pc->trusted);
    if (!e)
        e = node_read_trusted("limits.exempt", &c->limits.exempt, &pc->exempt);
    if (!e)
        e = read_access_info(pc);
    if (!e)
        e = bucket_table_new(REGISTER_KEYS, bucket_per_second(c->register_rate, c->register_burst),
                             &pc->registers);
    if (!e)
        e = stack_new(&sp, &pc->stack);
    if (!e)
        e = bucket_table_new(SOURCE_KEYS, pending_rate(c), &pc->pending);
    if (!e)
        e = hostport(&c->core_listen.v[0], c->core_host, &pc->core_hostport);
    if (!e)
        e = open_keys(pc);
    if (!e)
        e = access_hostports(pc);
    if (!e)
        e = open_registry(pc);
    if (e)
        return e;
    pc->icid_host = pcscf_host(pc->core_hostport);
    return listen_to_all(pc);
}

int pcscf_new(const struct pcscf_params *p, struct pcscf **ret_pcscf)
{
    struct pcscf *pc = mem_zalloc(sizeof *pc);
    if (!pc)
        return ERR_NOMEM;
    pc->config = p->config;
    pc->loop = p->loop;
    pc->trace = p->trace;
    pxy_steps_init(&pc->steps, pc);
    int e = count_steps(pc);
    if (!e)
        e = start(pc);
    if (e)
        pcscf_free(pc);
    else
        *ret_pcscf = pc;
    return e;
}

void pcscf_free(struct pcscf *pc)
{
    if (!pc)
        return;
    keep_close(pc->keep); // what goes from here on stays on the disk
    pc->keep = NULL;
    if (pc->stack)
        stack_free(pc->stack);
    registry_free(pc->registry);
    keys_free(pc->keys);
    access_info_free(pc->access_info);
    bucket_table_free(pc->pending);
    bucket_table_free(pc->registers);
    trust_domain_done(&pc->trusted);
    trust_domain_done(&pc->exempt);
    mem_free((void *)pc->core_hostport.p);
    for (size_t i = 0; i < ARRAY_LEN(pc->access_hostport); i++)
        mem_free((void *)pc->access_hostport[i].p);
    mem_free(pc);
}

struct stack *pcscf_stack(struct pcscf *p)
{
    return p->stack;
}

static void on_flushed(void *arg, uint64_t id, int err)
{
    struct pcscf *pc = arg;
    (void)id;
    (void)err; // keep has said so
    pc->drained(pc->drained_arg);
}

static void on_idle(void *arg)
{
    struct pcscf *pc = arg;
    keep_flush(pc->keep, on_flushed, pc);
}

struct keys *pcscf_keys(struct pcscf *p)
{
    return p->keys;
}

void pcscf_drain(struct pcscf *p, timer_cb done, void *arg)
{
    p->drained = done;
    p->drained_arg = arg;
    stack_drain(p->stack, on_idle, p);
}

const struct pcscf_counters *pcscf_counters(struct pcscf *p)
{
    struct association_stats a = association_stats(registry_associations(p->registry));
    p->counters.restored = p->restored.contacts;
    p->counters.restored_expired = p->restored.expired;
    p->counters.restored_left_out = p->restored.left_out;
    p->counters.registrations = registry_count(p->registry);
    p->counters.associations = a.associations;
    p->counters.association_flows = a.flows;
    p->counters.association_flows_replaced = a.flows_replaced;
    p->counters.shared_addresses = a.shared;
    p->counters.patterns = registry_patterns(p->registry);
    return &p->counters;
}

struct identity pcscf_identity(const struct pcscf_contact *g, size_t i)
{
    return contact_identity(g->held, i);
}

void pcscf_contacts(const struct pcscf *p, struct str impu, pcscf_contact_cb cb, void *arg)
{
    size_t it = 0;
    for (const struct contact *r;
         (r = impu.n ? registry_next_of(p->registry, impu, &it) : registry_next(p->registry, &it));) {
        struct pcscf_contact g = {.impu = contact_impu(r, 0),
                                       .uri = contact_uri(r),
                                       .remote = &contact_flow(r)->remote,
                                       .proto = contact_flow(r)->proto,
                                       .expires_in_s = contact_expires_in_ms(p->registry, r) / 1000,
                                       .service_route = contact_service_route(r),
                                       .charging_addresses = contact_charging_addresses(r),
                                       .term_ioi = contact_term_ioi(r),
                                       .held = r};
        cb(arg, &g);
    }
}
