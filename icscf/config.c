// SPDX-License-Identifier: Apache-2.0
#include "icscf/config.h"

#include "ims/trust.h"

#define AT(field) offsetof(struct icscf_config, field)
#define SERVER(field) offsetof(struct icscf_scscf, field)

static const struct conf_row scscf_row_list[] = {
    {"name", CONF_STR, SERVER(name), .help = "SIP URI of the S-CSCF, its Server-Name on Cx."},
    {"capabilities", CONF_STR_LIST, SERVER(capabilities), "[]",
     .help = "Numbers of the capabilities it has (TS 29.229 6.3.5, 6.3.6)."},
    {"priority", CONF_U32, SERVER(priority), "1", .max = 65535,
     .help = "Lower numbers are chosen first."},
    {"weight", CONF_U32, SERVER(weight), "1", .max = 65535,
     .help = "Share of the users within one priority."},
    {0},
};

const struct conf_row icscf_rows[] = {
    {"name", CONF_STR, AT(name), .fixed = true, .help = "SIP URI of this I-CSCF."},
    {"domain", CONF_STR, AT(domain), .fixed = true,
     .help = "Home network domain name (TS 23.003 13.2)."},
    NODE_SIP_ROWS(AT(sip)),
    {"sip.trusted", CONF_STR_LIST, AT(trusted), TRUST_DEFAULT,
     .help = TRUST_HELP "; a REGISTER of others gets 403, and what others assert of identities, "
                        "location and charging is removed."},
    NODE_LIMITS_ROWS(AT(limits)),
    NODE_DIA_ROWS(AT(diameter)),
    NODE_OVERLOAD_ROWS(AT(overload)),
    {"selection.scscfs", CONF_TABLE, AT(scscfs), .min = 1, .sub = scscf_row_list,
     .sub_size = sizeof(struct icscf_scscf),
     .help = "S-CSCFs that may be assigned to a user (TS 29.228 6.7)."},
    {"selection.timeout", CONF_U32, AT(scscf_timeout_ms), "8000", 100, 32000, "ms",
     .help = "Silence of an S-CSCF to REGISTER or INVITE after which another one is selected; longer "
             "than its own wait for the HSS."},
    {0},
};

static void check_scscf(const struct icscf_scscf *s, app_finding bad, void *arg)
{
    uint32_t number;
    node_check_uri("selection.scscfs[].name", s->name, bad, arg);
    for (size_t i = 0; i < s->capabilities.n; i++)
        if (str_u32(s->capabilities.v[i], &number))
            bad(arg, "selection.scscfs[].capabilities", "expected numbers");
}

void icscf_check(const void *config, app_finding bad, void *arg)
{
    const struct icscf_config *c = config;
    const struct icscf_scscf *servers = c->scscfs.v;
    node_check_uri("name", c->name, bad, arg);
    node_check_sip(&c->sip, bad, arg);
    for (size_t i = 0; i < c->scscfs.n; i++)
        check_scscf(&servers[i], bad, arg);
    node_check_trusted("sip.trusted", &c->trusted, bad, arg);
    node_check_limits(&c->limits, bad, arg);
}
