// SPDX-License-Identifier: Apache-2.0
#include "icscf/config.h"

#include <stdio.h>

#include "ims/timers.h"
#include "ims/trust.h"

#define AT(field) offsetof(struct icscf_config, field)
#define SERVER(field) offsetof(struct icscf_scscf, field)

static const struct conf_row scscf_row_list[] = {
    {"name", CONF_STR, SERVER(name), .form = CONF_FORM_SIP_URI,
     .help = "SIP URI of the S-CSCF, its Server-Name on Cx."},
    {"capabilities", CONF_STR_LIST, SERVER(capabilities), "[]", .form = CONF_FORM_NUMBER,
     .help = "Numbers of the capabilities it has (TS 29.229 6.3.5, 6.3.6)."},
    {"priority", CONF_U32, SERVER(priority), "1", .max = 65535, .help = "Lower numbers are chosen first."},
    {"weight", CONF_U32, SERVER(weight), "1", .max = 65535, .help = "Share of the users within one priority."},
    {0},
};

const struct conf_row icscf_rows[] = {
    {"name", CONF_STR, AT(name), .fixed = true, .form = CONF_FORM_SIP_URI, .help = "SIP URI of this I-CSCF."},
    {"domain", CONF_STR, AT(domain), .fixed = true, .form = CONF_FORM_DOMAIN,
     .help = "Home network domain name (TS 23.003 13.2)."},
    NODE_NUMBERING_ROWS(AT(home), "Home domains besides `domain`, whose users are served too (TS 23.003 13.4)."),
    NODE_SIP_ROWS(AT(sip)),
    NODE_MESSAGE_ROWS(AT(message)),
    {"sip.trusted", CONF_STR_LIST, AT(trusted), TRUST_DEFAULT, .form = CONF_FORM_NET,
     .help = TRUST_HELP "; a REGISTER of others gets 403, and what others assert of identities, "
                        "location and charging is removed."},
    NODE_TRUST_ROWS(AT(trust)),
    NODE_LIMITS_ROWS(AT(limits)),
    NODE_DIA_ROWS(AT(diameter)),
    NODE_ROUTING_ROWS(AT(routing)),
    NODE_OVERLOAD_ROWS(AT(overload)),
    {"selection.scscfs", CONF_TABLE, AT(scscfs), .min = 1, .sub = scscf_row_list,
     .sub_size = sizeof(struct icscf_scscf),
     .help = "S-CSCFs that may be assigned to a user (TS 29.228 6.7)."},
    {"selection.timeout", CONF_U32, AT(scscf_timeout_ms), IMS_TIMER_TEXT(IMS_SCSCF_SILENCE_MS), 100,
     32000, "ms",
     .help = "Silence of an S-CSCF to REGISTER or INVITE after which another one is selected; longer "
             "than its own wait for the HSS."},
    {"selection.avoid", CONF_U32, AT(scscf_mark_ms), IMS_TIMER_TEXT(IMS_SCSCF_MARK_MS), .max = 3600000,
     .unit = "ms",
     .help = "How long an S-CSCF that was silent or could not be reached is not chosen again, as long as "
             "there is another one; then one request tries it. Longer each time that fails. 0: it is "
             "chosen at once."},
    {"sip.leg_timeout.scscf", CONF_U32, AT(leg_ms), IMS_TIMER_TEXT(IMS_LEG_SCSCF_MS), 1000, 128000,
     "ms",
     .help = "Time that a request to an S-CSCF may take, all S-CSCFs tried together: a final response to "
             "what is not an INVITE, any response to an INVITE. Less than that of the node before, more "
             "than the S-CSCF's (docs/timers.md)."},
    {0},
};

static void check_scscf(const struct icscf_config *c, size_t i, app_finding bad, void *arg)
{
    const struct icscf_scscf *all = c->scscfs.v;
    struct node_host own = node_host_of(c->name), host = node_host_of(all[i].name);
    char option[64];
    (void)snprintf(option, sizeof option, "selection.scscfs[%zu].name", i + 1);
    if (node_host_eq(&own, &host) || node_host_is_at(&host, &c->sip.udp) || node_host_is_at(&host, &c->sip.tcp))
        app_find(bad, arg, option, "%.*s is this node; expected an S-CSCF", STR_ARG(all[i].name));
    for (size_t k = 0; k < i; k++) {
        struct node_host other = node_host_of(all[k].name);
        if (node_host_eq(&other, &host))
            app_find(bad, arg, option, "%.*s is selection.scscfs[%zu] already", STR_ARG(all[i].name), k + 1);
    }
}

void icscf_check(const void *config, app_finding bad, void *arg)
{
    const struct icscf_config *c = config;
    node_check_sip(&c->sip, bad, arg);
    node_check_numbering(&c->home, bad, arg);
    for (size_t i = 0; i < c->scscfs.n; i++)
        check_scscf(c, i, bad, arg);
    node_check_dia(&c->diameter, bad, arg);
    node_check_trusted("sip.trusted", &c->trusted, bad, arg);
    node_check_trust(&c->trust, bad, arg);
    node_check_routing(&c->routing, bad, arg);
    if (c->scscf_timeout_ms >= c->leg_ms)
        bad(arg, "selection.timeout", "leaves no time for a second S-CSCF in sip.leg_timeout.scscf");
    node_check_limits(&c->limits, bad, arg);
}

void icscf_suspect(const void *config, app_finding odd, void *arg)
{
    const struct icscf_config *c = config;
    node_suspect_name(c->name, &c->sip, odd, arg);
    node_suspect_numbering(&c->home, c->domain, odd, arg);
    node_suspect_dia(&c->diameter, c->domain, odd, arg);
    node_suspect_trusted("sip.trusted", &c->trusted, c->sip.udp.n ? &c->sip.udp : &c->sip.tcp, odd, arg);
    if (c->scscf_timeout_ms <= c->diameter.timeout_ms)
        app_find(odd, arg, "selection.timeout", "%u ms is not longer than diameter.timeout, %u ms: an S-CSCF that "
                                                "waits for its HSS is given up for dead",
                 c->scscf_timeout_ms, c->diameter.timeout_ms);
}
