// SPDX-License-Identifier: Apache-2.0
#include "scscf/config.h"

#include "ims/trust.h"

#define AT(field) offsetof(struct scscf_config, field)

const struct conf_row scscf_rows[] = {
    {"name", CONF_STR, AT(name),
     .fixed = true,
     .help = "SIP URI of this S-CSCF, which the HSS stores as Server-Name (TS 29.229 6.3.3)."},
    {"domain", CONF_STR, AT(domain), .fixed = true,
     .help = "Home network domain name (TS 23.003 13.2)."},
    {"ioi", CONF_STR, AT(ioi), "",
     .fixed = true,
     .help = "Inter operator identifier for P-Charging-Vector; empty means the domain."},
    NODE_SIP_ROWS(AT(sip)),
    NODE_LIMIT_ROWS(AT(message)),
    {"sip.trusted", CONF_STR_LIST, AT(trusted), TRUST_DEFAULT,
     .help = TRUST_HELP "; a REGISTER and an originating request of others get 403, and what "
                        "others assert is removed."},
    NODE_DIA_ROWS(AT(diameter)),
    {"registration.min_expires", CONF_U32, AT(registration.min_s), "60", 1, 86400, "s",
     .help = "A shorter registration is refused by 423 (Interval Too Brief)."},
    {"registration.max_expires", CONF_U32, AT(registration.max_s), "600000", 60, 31536000, "s",
     .help = "Longest registration that is granted (TS 24.229 table 7.8.1, reg-expires)."},
    {"registration.default_expires", CONF_U32, AT(registration.default_s), "600000", 60, 31536000,
     "s", .help = "Granted to a REGISTER that asks for no interval."},
    {"registration.max_contacts", CONF_U32, AT(registration.max_contacts), "10", 1, 100,
     .help = "Contacts bound at the same time to one implicit registration set."},
    {"auth.await", CONF_U32, AT(auth.await_s), "240", 1, 3600, "s",
     .fixed = true, .help = "Timer reg-await-auth (TS 24.229 table 7.8.1)."},
    {"auth.max_failures", CONF_U32, AT(auth.max_failures), "3", 1, 100,
     .help = "Wrong responses in a row after which a REGISTER is refused by 403."},
    {"auth.nonce_life", CONF_U32, AT(auth.nonce_s), "600", 1, 86400, "s",
     .fixed = true,
     .help = "How long a SIP Digest nonce may be used again with a higher nonce count."},
    {"auth.every_register", CONF_BOOL, AT(auth.every_register), "false",
     .help = "Challenge re-registrations that arrive over a security association too."},
    {0},
};

void scscf_check(const void *config, app_finding bad, void *arg)
{
    const struct scscf_config *c = config;
    node_check_uri("name", c->name, bad, arg);
    node_check_sip(&c->sip, bad, arg);
    if (c->registration.min_s > c->registration.max_s)
        bad(arg, "registration.min_expires", "is more than registration.max_expires");
    node_check_trusted("sip.trusted", &c->trusted, bad, arg);
}
