// SPDX-License-Identifier: Apache-2.0
// Life of the S-CSCF, and which procedure a request belongs to (TS 24.229 5.4.3.1).
#include "scscf/scscf.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/mem.h"
#include "scscf/durable.h"
#include "scscf/media.h"
#include "scscf/service_route.h"
#include "stack/txn/shed.h"

// ---- dispatch ----

static bool means_originating(const struct sip_uri *own)
{
    bool orig = false;
    (void)sip_uri_param(own, STR("orig"), &orig);
    return orig || service_route_is(own->user);
}

static bool is_originating(const struct pxy *p)
{
    const struct sip_uri *own = pxy_own_route(p);
    return own && means_originating(own);
}

static void on_request(void *arg, struct pxy *p)
{
    struct scscf *s = arg;
    const struct sip_msg *m = pxy_request(p);
    enum sip_method method = sip_msg_method(m);
    // RFC 3325 5, TS 24.229 4.4: nothing is believed of an outsider.
    trust_in(scscf_side(s, p), m, pxy_edits(p));
    if (method == SIP_REGISTER)
        scscf_register_begin(s, p);
    else if (method == SIP_ACK || sip_msg_to_tag(m).p)
        subsequent_begin(s, p);
    else if (is_originating(p))
        originating_begin(s, p);
    else
        terminating_begin(s, p);
}

// ---- strangers ----

static enum stack_standing on_standing(void *arg, const struct flow_info *from)
{
    const struct scscf *s = arg;
    return node_standing(&s->trusted, &s->exempt, &from->remote);
}

// What the procedures refuse an outsider anyway, before anything is kept for it.
static bool on_screen(void *arg, const struct flow_info *from, const struct sip_msg *m,
                      struct stack_refusal *ret_refusal)
{
    const struct scscf *s = arg;
    const struct sip_addr *route = sip_msg_at(m, SIP_H_ROUTE, 0);
    (void)from;
    if (sip_msg_method(m) == SIP_REGISTER) {
        *ret_refusal = (struct stack_refusal){403, "REGISTER from outside the trust domain",
                                               "TS 24.229 4.4"};
        return false;
    }
    bool orig = route && !sip_msg_to_tag(m).p && stack_is_own(s->stack, &route->uri) &&
                means_originating(&route->uri);
    if (orig)
        *ret_refusal = (struct stack_refusal){
            403, "originating request from outside the trust domain", "TS 24.229 5.4.3.1"};
    return !orig;
}

// ---- what the tables report ----

static void on_skipped(void *arg, const struct xml_error *first, size_t n)
{
    (void)arg;
    LOG(LOG_WARN, "filter criteria of a service profile cannot be read and are left out", LF_NUM("criteria", n),
        LF_Z("element", first->what), LF_NUM("line", first->line));
}

static void on_auth_timeout(void *arg, const struct challenge *c)
{
    struct scscf *s = arg;
    LOG_FROM(hash_bytes(c->impi.p, c->impi.n), loop_now(s->loop) / 1000000, LOG_INFO,
             "no response to the challenge", NULL, LF("call_id", c->call_id), LF("impi", c->impi),
             LF("impu", c->impu));
    if (auth_is_last(s->auth, c))
        cx_notify(s, c->call_id, c->impi, c->impu, CX_AUTHENTICATION_TIMEOUT);
}

// A request for a served user has been let in where it began: new are registrations and what our users
// originate, which the Route says (5.4.3.1).
static enum overload_class classify(void *arg, const struct sip_msg *m,
                                    const struct flow_info *from)
{
    struct scscf *s = arg;
    const struct sip_addr *route = sip_msg_at(m, SIP_H_ROUTE, 0);
    enum overload_class c = shed_class(m);
    bool later = sip_msg_method(m) != SIP_REGISTER && !(route && means_originating(&route->uri)) &&
                 trust_domain_has(&s->trusted, &from->remote);
    return c == OVERLOAD_NEW && later ? OVERLOAD_CARRIED : c;
}

// The I-CSCF chooses another S-CSCF then (TS 24.229 5.3.1.3): who registers moves there.
static unsigned leaving(void *arg, const struct sip_msg *m)
{
    (void)arg;
    return sip_msg_method(m) == SIP_REGISTER ? 480 : 503;
}

static void on_trace_sip(void *arg, const struct stack_trace *t)
{
    struct scscf *s = arg;
    s->params.trace.sip(s->params.trace.arg, t);
}

static void on_trace_dia(void *arg, const struct dia_trace *t)
{
    struct scscf *s = arg;
    s->params.trace.dia(s->params.trace.arg, t);
}

// ---- life ----

enum { ABSENT_BYTES = 8192 }; // of a profile that is kept, on the average

static int start_tables(struct scscf *s)
{
    struct registrar_params reg = {.loop = s->loop, .plan = &s->plan};
    struct auth_params auth = {.loop = s->loop,
                               .await_ms = s->cfg->auth.await_s * 1000,
                               .nonce_ms = s->cfg->auth.nonce_s * 1000,
                               .max = s->cfg->limits.challenges,
                               .timed_out = on_auth_timeout,
                               .arg = s};
    int err = profile_store_new(&s->profiles);
    if (!err)
        profile_store_tell(s->profiles, on_skipped, s);
    if (!err)
        err = registrar_new(&reg, &s->registrar);
    if (!err)
        bindings_observe(s);
    if (!err)
        err = auth_table_new(&auth, &s->auth);
    struct unregistered_params absent = {.loop = s->loop,
                                         .plan = &s->plan,
                                         .max = s->cfg->limits.unregistered,
                                         .max_bytes =
                                             (size_t)s->cfg->limits.unregistered * ABSENT_BYTES,
                                         .given_back = absent_given_back,
                                         .arg = s};
    if (!err)
        err = unregistered_new(&absent, &s->unregistered);
    if (!err)
        unregistered_set_keep(s->unregistered, s->cfg->registration.keep_unregistered_s);
    if (!err)
        err = covered_new(s->loop, s->cfg->limits.covered, &s->covered);
    if (!err)
        covered_set_known(s->covered, s->cfg->covered.known_s);
    if (!err)
        err = brake_new(s->loop, &s->cfg->limits.brake, &s->brake);
    if (!err)
        err = digest_new(&s->digest);
    return err;
}

// Our Route entries name an address rather than a name, so that nobody asks DNS for it in every
// call; without a listener the name has to do.
static int name_self(struct scscf *s)
{
    struct sip_uri uri;
    const struct conf_addrs *l = s->cfg->sip.udp.n ? &s->cfg->sip.udp : &s->cfg->sip.tcp;
    if (sip_uri_parse(&s->arena, s->cfg->name, &uri) || !uri.host.n) {
        LOG(LOG_ERROR, "name is not a SIP URI", LF("name", s->cfg->name));
        return ERR_INVAL;
    }
    s->host = uri.host;
    s->route_host = l->n ? addr_text(&l->v[0], s->route_room) : uri.host;
    return 0;
}

static int open_keys(struct scscf *s)
{
    const struct keys_params p = {.loop = s->loop, .config = &s->cfg->keys, .name = s->cfg->name};
    return keys_new(&p, &s->keys);
}

static bool may_reach(void *arg, unsigned word, const struct addr *a)
{
    const struct scscf *s = arg;
    return routing_allows(&s->routing, word, a);
}

static int start_stack(struct scscf *s)
{
    static const struct stack_ops plain = {.request = on_request,
                                           .may_reach = may_reach,
                                           .classify = classify,
                                           .standing = on_standing,
                                           .leaving = leaving,
                                           .screen = on_screen};
    static const struct stack_ops traced = {.request = on_request,
                                            .may_reach = may_reach,
                                            .classify = classify,
                                            .trace = on_trace_sip,
                                            .standing = on_standing,
                                            .leaving = leaving,
                                            .screen = on_screen};
    struct stack_params p = {.loop = s->loop,
                             .ops = s->params.trace.sip ? &traced : &plain,
                             .arg = s,
                             .server = STR("Carillon-S-CSCF"),
                             .host_alias = {s->host},
                             .supported = STR("path, outbound"),
                             .tcp_prefer = s->cfg->sip.prefer_tcp,
                             .warnings = (enum stack_warnings)s->cfg->trust.warnings,
                             .message = &s->cfg->message,
                             .overload = node_overload_params(&s->cfg->overload, false),
                             .max_calls = s->cfg->calls.max,
                             .call_lifetime_s = s->cfg->calls.lifetime_s,
                             .limits = node_stack_limits(&s->cfg->strangers)};
    int err = stack_new(&p, &s->stack);
    return err ? err : node_sip_listen(s->stack, &s->cfg->sip);
}

static int start_dia(struct scscf *s)
{
    struct dia_params p = {.loop = s->loop,
                           .product = STR("Carillon-S-CSCF"),
                           .trace = s->params.trace.dia ? on_trace_dia : NULL,
                           .arg = s};
    int err = cx_start(s, &p);
    return err ? err : node_dia_new(&s->cfg->diameter, &p, &s->dia);
}

// What was there before, before anybody is served.
static int open_store(struct scscf *s)
{
    int err = node_state_open(s->loop, &s->cfg->state, "scscf", DURABLE_FORMAT, &s->keep);
    if (err || !s->keep)
        return err;
    const struct durable_params p = {.loop = s->loop,
                                     .keep = s->keep,
                                     .registrar = s->registrar,
                                     .profiles = s->profiles,
                                     .max_s = s->cfg->registration.max_s,
                                     .salvage = s->cfg->state.salvage};
    err = durable_new(&p, &s->durable);
    if (!err)
        err = durable_load(s->durable);
    return err ? err : outbox_keep(s->outbox, s->keep, s->cfg->state.salvage);
}

// What is freed from here on stays on the disk.
static void close_store(struct scscf *s)
{
    keep_close(s->keep);
    durable_free(s->durable);
    if (s->outbox)
        outbox_unkeep(s->outbox);
    s->keep = NULL;
    s->durable = NULL;
}

int scscf_new(const struct scscf_params *p, struct scscf **ret_scscf)
{
    struct scscf *s = mem_zalloc(sizeof *s);
    if (!s)
        return ERR_NOMEM;
    s->loop = p->loop;
    s->own = *p->config;
    s->cfg = &s->own;
    s->params = *p;
    arena_init(&s->arena, NULL, 0);
    s->plan = node_read_numbering(&s->cfg->home, s->cfg->domain);
    s->neighbours.more_domains = s->plan.domains;
    s->neighbours.n_more_domains = s->plan.n_domains;
    pxy_steps_init(&s->steps, s);
    int err = scscf_count_steps(s);
    if (!err)
        err = start_tables(s);
    if (!err)
        err = name_self(s);
    if (!err)
        err = open_keys(s);
    if (!err)
        err = node_read_trusted("sip.trusted", &s->cfg->trusted, &s->trusted);
    if (!err)
        err = node_read_trust(&s->cfg->trust, &s->trusted, &s->cfg->domain, &s->neighbours);
    if (!err)
        err = node_read_routing(&s->cfg->routing, &s->trusted, &s->cfg->sip, &s->cfg->diameter,
                                &s->routing);
    if (!err)
        err = node_read_trusted("limits.exempt", &s->cfg->strangers.exempt, &s->exempt);
    if (!err)
        err = media_rules_new(s->cfg, &s->media);
    if (!err)
        err = start_dia(s);
    if (!err)
        err = open_store(s);
    if (!err)
        err = start_stack(s);
    if (err) {
        LOG(LOG_ERROR, "S-CSCF cannot start", LF_Z("reason", err_text(err)));
        scscf_free(s);
        return err;
    }
    *ret_scscf = s;
    return 0;
}

void scscf_reload(struct scscf *s, const struct scscf_config *c)
{
    s->own.registration = c->registration;
    s->own.state.durable = c->state.durable;
    if (s->durable)
        durable_set_max(s->durable, c->registration.max_s);
    unregistered_set_keep(s->unregistered, c->registration.keep_unregistered_s);
    s->own.restoration = c->restoration;
    s->own.covered = c->covered;
    covered_set_known(s->covered, c->covered.known_s);
    (void)node_read_trusted("sip.trusted", &c->trusted, &s->trusted);
    s->own.trust = c->trust;
    s->own.services = c->services;
    (void)node_read_trust(&s->own.trust, &s->trusted, &s->own.domain, &s->neighbours);
    stack_set_warnings(s->stack, (enum stack_warnings)c->trust.warnings);
    (void)node_read_routing(&c->routing, &s->trusted, &s->own.sip, &s->own.diameter, &s->routing);
    struct media_rules *media = NULL;
    if (media_rules_new(c, &media) == 0) {
        media_rules_free(s->media);
        s->media = media;
    }
    s->own.sdp = c->sdp;
    s->own.leg = c->leg;
    s->own.fork = c->fork;
    (void)node_read_trusted("limits.exempt", &c->strangers.exempt, &s->exempt);
    s->own.strangers = c->strangers;
    struct stack_limits limits = node_stack_limits(&c->strangers);
    stack_set_limits(s->stack, &limits);
    stack_recheck_all(s->stack);
    s->own.auth.max_failures = c->auth.max_failures;
    s->own.auth.every_register = c->auth.every_register;
    s->own.auth.check_uri = c->auth.check_uri;
    s->own.auth.md5_beside = c->auth.md5_beside;
    s->own.auth.default_scheme = c->auth.default_scheme;
    s->own.diameter.timeout_ms = c->diameter.timeout_ms;
    s->own.outbox = c->outbox;
    outbox_reload(s->outbox, &c->outbox);
    s->own.limits.brake = c->limits.brake;
    brake_reload(s->brake, &c->limits.brake);
    struct overload_params overload = node_overload_params(&c->overload, false);
    stack_set_overload(s->stack, &overload);
}

void scscf_free(struct scscf *s)
{
    if (!s)
        return;
    close_store(s);
    stack_free(s->stack);
    dia_node_free(s->dia);
    cx_stop(s);
    routing_done(&s->routing);
    trust_map_done(&s->neighbours);
    trust_domain_done(&s->trusted);
    trust_domain_done(&s->exempt);
    auth_table_free(s->auth);
    brake_free(s->brake);
    registrar_free(s->registrar);
    keys_free(s->keys);
    unregistered_free(s->unregistered);
    covered_free(s->covered);
    map_done(&s->busy);
    profile_store_free(s->profiles);
    media_rules_free(s->media);
    digest_free(s->digest);
    arena_done(&s->arena);
    mem_free(s);
}

static void on_flushed(void *arg, uint64_t id, int err)
{
    const struct scscf *s = arg;
    (void)id;
    (void)err; // the store has told
    s->drained(s->drained_arg);
}

static void on_dia_drained(void *arg)
{
    struct scscf *s = arg;
    keep_flush(s->keep, on_flushed, s);
}

static void on_stack_drained(void *arg)
{
    struct scscf *s = arg;
    dia_drain(s->dia, on_dia_drained, s);
}

void scscf_drain(struct scscf *s, timer_cb done, void *arg)
{
    s->drained = done;
    s->drained_arg = arg;
    stack_drain(s->stack, on_stack_drained, s);
}

bool scscf_ready(const struct scscf *s, const char **ret_why)
{
    bool ready = dia_ready(s->dia, s->cfg->diameter.realm);
    if (!ready)
        *ret_why = "no HSS connected";
    return ready && node_state_ready(s->keep, &s->cfg->state, ret_why);
}

struct dia_node *scscf_dia(const struct scscf *s)
{
    return s->dia;
}

struct keep *scscf_keep(const struct scscf *s)
{
    return s->keep;
}

struct keys *scscf_keys(const struct scscf *s)
{
    return s->keys;
}

struct stack *scscf_stack(const struct scscf *s)
{
    return s->stack;
}
