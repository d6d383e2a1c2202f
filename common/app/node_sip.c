// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include "app/app.h"
#include "app/node_rows.h"
#include "base/err.h"
#include "base/log.h"

void node_check_sip(const struct node_sip *c, app_finding bad, void *arg)
{
    if (!c->udp.n && !c->tcp.n)
        bad(arg, "sip.udp", "no address to listen on, neither here nor in sip.tcp");
}

void node_check_trusted(const char *option, const struct conf_strs *list, app_finding bad,
                        void *arg)
{
    struct trust_domain d;
    struct str wrong;
    int err = trust_domain_init(&d, list->v, list->n, &wrong);
    if (!err)
        trust_domain_done(&d);
    else if (err == ERR_BAD)
        bad(arg, option, "expected addresses and networks, such as 192.0.2.0/24");
}

int node_read_trusted(const char *option, const struct conf_strs *list, struct trust_domain *d)
{
    struct trust_domain fresh;
    struct str wrong = STR_NONE;
    int err = trust_domain_init(&fresh, list->v, list->n, &wrong);
    if (err) {
        LOG(LOG_ERROR, "trust domain cannot be read", LF_Z("option", option), LF("value", wrong),
            LF_Z("cause", err_text(err)));
        return err;
    }
    trust_domain_done(d);
    *d = fresh;
    return 0;
}

const char *const node_warnings_names[] = {"plain", "full", "none", NULL};

void node_check_trust(const struct node_trust *c, app_finding bad, void *arg)
{
    node_check_trusted("sip.partners", &c->partners, bad, arg);
    node_check_trusted("sip.servers", &c->servers, bad, arg);
}

int node_read_trust(const struct node_trust *c, const struct trust_domain *trusted,
                    const struct str *home, struct trust_map *m)
{
    int err = node_read_trusted("sip.partners", &c->partners, &m->partners);
    if (!err)
        err = node_read_trusted("sip.servers", &c->servers, &m->servers);
    m->trusted = trusted;
    m->home_domains = home;
    m->n_home_domains = 1;
    m->partner_domains = c->partner_domains.v;
    m->n_partner_domains = c->partner_domains.n;
    return err;
}

void node_check_limits(const struct node_limits *c, app_finding bad, void *arg)
{
    node_check_trusted("limits.exempt", &c->exempt, bad, arg);
}

// A process that may open little keeps half of it back at most.
static uint32_t reserve_of(uint32_t wanted)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur / 2 >= wanted)
        return wanted;
    return (uint32_t)files.rlim_cur / 2;
}

struct stack_limits node_stack_limits(const struct node_limits *c)
{
    return (struct stack_limits){.source_rate = c->source_rate,
                                 .source_burst = c->source_burst,
                                 .connections = c->connections,
                                 .connections_per_source = c->connections_per_source,
                                 .first_ms = c->first_message_ms,
                                 .idle_ms = c->idle_ms,
                                 .flows = c->flows,
                                 .reserve = reserve_of(c->reserve),
                                 .finished_mb = c->finished_mb};
}

enum stack_standing node_standing(const struct trust_domain *trusted,
                                  const struct trust_domain *exempt, const struct addr *remote)
{
    if (trust_domain_has(trusted, remote))
        return STACK_TRUSTED;
    return trust_domain_has(exempt, remote) ? STACK_VOUCHED : STACK_STRANGER;
}

enum { BEHIND_THE_EDGE = 4 };

struct overload_params node_overload_params(const struct node_overload *c, bool edge)
{
    return (struct overload_params){.off = !c->control,
                                    .wait_ms = c->wait_ms,
                                    .latency_ms = c->latency_ms * (edge ? 1 : BEHIND_THE_EDGE),
                                    .refusals = c->refusals,
                                    .retry_after_s = c->retry_after_s};
}

static int listen_on(struct stack *s, const struct conf_addrs *addrs, enum sip_proto proto)
{
    for (size_t i = 0; i < addrs->n; i++) {
        struct stack_listen l = {.proto = proto, .local = addrs->v[i]};
        int err = stack_listen(s, &l);
        if (err)
            return app_listen_failed(&addrs->v[i], proto == SIP_PROTO_TCP ? "tcp" : "udp", err);
    }
    return 0;
}

int node_sip_listen(struct stack *s, const struct node_sip *c)
{
    int err = listen_on(s, &c->udp, SIP_PROTO_UDP);
    return err ? err : listen_on(s, &c->tcp, SIP_PROTO_TCP);
}
