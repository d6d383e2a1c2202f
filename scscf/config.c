// SPDX-License-Identifier: Apache-2.0
#include "scscf/config.h"

#include "ims/timers.h"
#include "ims/trust.h"

static const char *const services_names[] = {"pass", "refuse", NULL};
static const char *const media_names[] = {"pass", "refuse", NULL};
static const char *const silent_names[] = {"end", "wait", NULL};
static const char *const covered_names[] = {"ask", "match", NULL};

static const char *const outbound_names[] = {"strict", "lenient", "off", NULL};
static const char *const scheme_names[] = {"hss", "aka", "digest", NULL};

static const struct conf_row pcscf_rows[] = {
    {"host", CONF_STR, offsetof(struct scscf_pcscf, host), .form = CONF_FORM_HOST,
     .help = "Name or address that its entry in Path has."},
    {"scheme", CONF_ENUM, offsetof(struct scscf_pcscf, scheme), .values = scheme_names,
     .help = "As auth.default_scheme."},
    {0},
};

static const struct conf_row media_rows[] = {
    {"id", CONF_U32, offsetof(struct scscf_media_profile, id), .max = INT32_MAX,
     .help = "SubscribedMediaProfileId of the service profile (TS 29.228 annex B)."},
    NODE_MEDIA_COMMON("", offsetof(struct scscf_media_profile, allowed), "to a user who has it"),
    {0},
};

#define AT(field) offsetof(struct scscf_config, field)
#define BRAKE(field) AT(limits.brake.field)

const struct conf_row scscf_rows[] = {
    {"name", CONF_STR, AT(name), .form = CONF_FORM_SIP_URI, .fixed = true,
     .help = "SIP URI of this S-CSCF, which the HSS stores as Server-Name (TS 29.229 6.3.3)."},
    {"domain", CONF_STR, AT(domain), .fixed = true, .form = CONF_FORM_DOMAIN,
     .help = "Home network domain name (TS 23.003 13.2)."},
    {"ioi", CONF_STR, AT(ioi), "", .form = CONF_FORM_TOKEN, .fixed = true,
     .help = "Inter operator identifier for P-Charging-Vector; empty means the domain."},
    NODE_NUMBERING_ROWS(AT(home), "Home domains besides `domain`, whose users are served too (TS 23.003 13.4)."),
    {"ioi_types", CONF_BOOL, AT(ioi_types), "false", .fixed = true,
     .help = "Write `ioi` with the prefix `Type 1` of TS 24.229 table 7.2A.5A towards P-CSCFs; all nodes "
             "alike."},
    NODE_SIP_ROWS(AT(sip)),
    NODE_MESSAGE_ROWS(AT(message)),
    NODE_SDP_ROWS(AT(sdp)),
    {"sip.trusted", CONF_STR_LIST, AT(trusted), TRUST_DEFAULT, .form = CONF_FORM_NET,
     .help = TRUST_HELP "; a REGISTER and an originating request of others get 403, and what "
                        "others assert is removed."},
    {"sip.leg_timeout.originating", CONF_U32, AT(leg.originating_ms), IMS_TIMER_TEXT(IMS_LEG_ORIGINATING_MS), 1000,
     128000, "ms",
     .help = "Time that a request of a user served here may take on its way on: a final response to what "
             "is not an INVITE, any response to an INVITE. Less than that of the node before, more than "
             "the next node's (docs/timers.md)."},
    {"sip.leg_timeout.terminating", CONF_U32, AT(leg.terminating_ms), IMS_TIMER_TEXT(IMS_LEG_TERMINATING_MS), 1000,
     128000, "ms", .help = "The same for a request to a user served here, all contacts together."},
    {"sip.fork.silent_branch", CONF_ENUM, AT(fork.silent), "end", .values = silent_names,
     .help = "A contact that has said nothing when another one of the user has answered: `end` gives "
             "the answer back without it, `wait` waits for it as RFC 3261 16.7 does."},
    {"sip.fork.silent_grace", CONF_U32, AT(fork.grace_ms), IMS_TIMER_TEXT(IMS_FORK_GRACE_MS), 1, 32000, "ms",
     .help = "How long such a contact may have been silent, from when the request was sent to it."},
    NODE_TRUST_ROWS(AT(trust)),
    NODE_LIMITS_ROWS(AT(strangers)),
    NODE_DIA_ROWS(AT(diameter)),
    NODE_ROUTING_ROWS(AT(routing)),
    NODE_OVERLOAD_ROWS(AT(overload)),
    NODE_CALLS_ROWS(AT(calls)),
    NODE_KEYS_ROWS(AT(keys)),
    {"services.unlisted", CONF_ENUM, AT(services), "pass", .values = services_names,
     .help = "A request that prefers a communication service (P-Preferred-Service) which the user's profile does "
             "not list: `pass` sends it on without one, `refuse` answers 403. A profile without a list "
             "allows every service."},
    NODE_MEDIA_ROWS(AT(media.policy)),
    {"media.profiles", CONF_TABLE, AT(media.profiles), "[]", .sub = media_rows,
     .sub_size = sizeof(struct scscf_media_profile),
     .help = "Media that users may have by their subscription, beside what `media.types` and the like say."},
    {"media.unlisted", CONF_ENUM, AT(media.unlisted), "pass", .values = media_names,
     .help = "A description of a user whose SubscribedMediaProfileId is none of `media.profiles`: `pass` lets it "
             "through, `refuse` answers 488."},
    {"registration.min_expires", CONF_U32, AT(registration.min_s), IMS_TIMER_TEXT(IMS_REG_EXPIRES_MIN_S), 1, 86400, "s",
     .help = "A shorter registration is refused by 423 (Interval Too Brief)."},
    {"registration.max_expires", CONF_U32, AT(registration.max_s), IMS_TIMER_TEXT(IMS_REG_GRANTED_S), 60, 31536000, "s",
     .help = "Longest registration that is granted. Phones ask for a week, and few "
             "say goodbye: what they leave behind rings until it expires."},
    {"registration.default_expires", CONF_U32, AT(registration.default_s), IMS_TIMER_TEXT(IMS_REG_GRANTED_S), 60,
     31536000, "s", .help = "Granted to a REGISTER that asks for no interval."},
    {"registration.max_contacts", CONF_U32, AT(registration.max_contacts), "10", 1, 100,
     .help = "Contacts bound at the same time to one implicit registration set."},
    {"registration.contacts_aka", CONF_U32, AT(registration.contacts_aka), "1", .max = 100,
     .help = "Contacts of one private identity with IMS-AKA, flows of one UE (RFC 5626) counted once: a new "
             "one takes the place of the oldest (TS 24.229 5.4.1.2.2). One identity module is one UE. 0: as "
             "many as `registration.max_contacts`."},
    {"registration.contacts_digest", CONF_U32, AT(registration.contacts_digest), "0", .max = 100,
     .help = "The same with SIP Digest, where several phones may share an account."},
    {"registration.outbound", CONF_ENUM, AT(registration.outbound), "strict", .values = outbound_names,
     .help = "A UE that registers flows (reg-id and Supported: outbound, RFC 5626) through a P-CSCF that does "
             "not keep them (no `ob` in Path): `strict` refuses by 439, `lenient` registers it without flows; "
             "`off` never uses flows."},
    {"registration.max_flows", CONF_U32, AT(registration.max_flows), "4", 1, 32,
     .help = "Flows of one UE; a further one gets 403."},
    {"registration.failures", CONF_U32, AT(registration.failures), "2", .max = 255,
     .help = "A contact that could not be reached so many times in a row, while another one of the user "
             "answered, is unbound. 0: it stays until it expires."},
    {"registration.keep_unregistered", CONF_U32, AT(registration.keep_unregistered_s), "30", 0, 3600, "s",
     .help = "How long the profile of a user who is called and not registered is kept, and served as it is, before the "
             "HSS is "
             "told that it ends here (TS 29.228 6.1.2.1, TIMEOUT_DEREGISTRATION). 0: it is given back at once."},
    {"registration.associated_wildcards", CONF_BOOL, AT(registration.associated_wildcards), "true",
     .help =
         "List the wildcarded identities of a set (TS 23.003 13.5) in P-Associated-URI, behind the distinct ones: a "
         "P-CSCF needs them to let its user assert what they cover."},
    {"registration.covered", CONF_ENUM, AT(covered.whose), "ask", .values = covered_names,
     .help = "An identity that a wildcarded one of a registered user covers may be somebody else's: `ask` has the HSS "
             "say whose it is (SAR NO_ASSIGNMENT) before the user may assert it, and before a call to it without "
             "P-Profile-Key is his; `match` believes the pattern for what is asserted, for an HSS that does not say it "
             "(Wildcarded-Public-Identity)."},
    {"registration.covered_known", CONF_U32, AT(covered.known_s), "300", 1, 86400, "s",
     .help = "How long the HSS's word is remembered; longer while it does not answer."},
    {"restoration.enabled", CONF_BOOL, AT(restoration.on), "true",
     .help = "IMS restoration (TS 23.380 4): leave with the HSS what a registration is made of, and go on with what it "
             "has of one that is not known here: lost, or of another S-CSCF that does not answer."},
    {"restoration.max_size", CONF_U32, AT(restoration.max_size), "4096", 256, 65536, "bytes",
     .help = "Most of it that is told and taken for one private identity of an implicit set; as much as the HSS's "
             "`cx.restoration_size` at most, or it keeps nothing. Of more the oldest contacts are left out."},
    NODE_STATE_ROWS(AT(state)),
    {"registration.durable_wait", CONF_U32, AT(registration.durable_wait_ms), "2000", 100, 20000, "ms",
     .help = "How long a REGISTER waits for the disk (`registration.durable`) before that counts as a failure."},
    {"outbox.size", CONF_U32, AT(outbox.size), "10000", 100, 1000000,
     .help = "Ends of registrations and of authentications that wait until the HSS can be told; beyond it "
             "the oldest is given up."},
    {"outbox.max_age", CONF_U32, AT(outbox.max_age_s), "86400", 60, 31536000, "s",
     .help = "How long one waits before it is given up."},
    {"auth.await", CONF_U32, AT(auth.await_s), IMS_TIMER_TEXT(IMS_REG_AWAIT_AUTH_S), 1, 600, "s", .fixed = true,
     .help = "Timer reg-await-auth (TS 24.229 table 7.8.1)."},
    {"auth.max_failures", CONF_U32, AT(auth.max_failures), "3", 1, 100,
     .help = "Wrong responses in a row after which a REGISTER with SIP Digest is refused by 403; with "
             "IMS-AKA the first one is enough (TS 33.203 6.1.2.1)."},
    {"auth.nonce_life", CONF_U32, AT(auth.nonce_s), "600", 1, 86400, "s", .fixed = true,
     .help = "How long a SIP Digest nonce may be used again with a higher nonce count."},
    {"auth.every_register", CONF_BOOL, AT(auth.every_register), "false",
     .help = "Challenge re-registrations that arrive over a security association too."},
    {"auth.check_uri", CONF_BOOL, AT(auth.check_uri), "true",
     .help = "Refuse SIP Digest credentials that were made for another host than the home domain or the "
             "P-CSCF (RFC 7616 3.4.6)."},
    {"auth.md5_beside", CONF_BOOL, AT(auth.md5_beside), "false",
     .help = "Offer MD5 beside SHA-256 (RFC 8760) to users whose HSS data has both, for phones that know MD5 "
             "only. Who can change the challenge on its way can then choose the weaker one."},
    {"auth.default_scheme", CONF_ENUM, AT(auth.default_scheme), "hss", .values = scheme_names,
     .help = "What the HSS is asked for when neither the UE nor the P-CSCF (integrity-protected) says how the "
             "user is authenticated: `aka`, `digest`, or `hss` to let the HSS decide (\"Unknown\")."},
    {"auth.pcscf", CONF_TABLE, AT(auth.pcscfs), "[]", .sub = pcscf_rows, .sub_size = sizeof(struct scscf_pcscf),
     .fixed = true, .help = "P-CSCFs with a default scheme of their own."},
    {"limits.challenges", CONF_U32, AT(limits.challenges), "100000", 5000, 10000000, .fixed = true,
     .help = "Challenges that await their response; beyond it the oldest goes. One private identity "
             "has at most 4096, and 8 asked for by one source."},
    {"limits.unregistered", CONF_U32, AT(limits.unregistered), "10000", 100, 1000000, .fixed = true,
     .help = "Users who are not registered and whose profile is kept (`registration.keep_unregistered`), and for each "
             "of them 8 KiB "
             "of user data on the average; beyond it the oldest goes."},
    {"limits.covered", CONF_U32, AT(limits.covered), "65536", 1024, 16777216, .fixed = true,
     .help = "Numbers of wildcarded identities of which it is remembered whose they are (`registration.covered`), 16 "
             "bytes each, taken when the first is asked about; beyond it one that is as good as forgotten makes room."},
    {"limits.keys", CONF_U32, BRAKE(keys), "65536", 1024, 16777216, .fixed = true,
     .help = "Users and sources that each of the limits below remembers, 16 bytes each."},
    {"limits.known", CONF_U32, BRAKE(known_s), "604800", 0, 31536000, "s",
     .help = "How long a source from which a user has registered counts as his: it is not held up "
             "by what others do in his name, nor by what others do from there."},
    {"limits.vector_every", CONF_U32, BRAKE(vector_every_s), "10", 0, 3600, "s",
     .help = "Challenges of one user asked for by one source: ten at once, and then one in that "
             "time; a right answer gives them back. 0: any number."},
    {"limits.vectors_per_source", CONF_U32, BRAKE(vectors_per_source), "100", 0, 1000000, "1/s",
     .help = "Challenges asked for by one source (limits.source_prefix) for all users; ten times as many at "
             "once, and a right answer gives one back. 0: any number."},
    {"limits.vectors_per_user", CONF_U32, BRAKE(vectors_per_user), "100", 0, 100000, "1/s",
     .help = "Challenges of one user asked for by sources that are new to him and have asked for "
             "none lately, twenty times as many at once; a tenth of that for sources that have "
             "asked before. 0: any number."},
    {"limits.failures", CONF_U32, BRAKE(failures), "5", 0, 1000,
     .help = "Wrong answers of one user from one source at once; beyond it the next is not looked "
             "at until `limits.failure_every` has passed. 0: any number."},
    {"limits.failure_every", CONF_U32, BRAKE(failure_every_s), "10", 0, 3600, "s",
     .help = "Time for each further wrong answer."},
    {"limits.failures_per_source", CONF_U32, BRAKE(failures_per_source), "60", 0, 1000000, "1/min",
     .help = "Wrong answers of all users from one source, as many at once. 0: any number."},
    {"limits.failures_per_user", CONF_U32, BRAKE(failures_per_user), "60", 0, 1000000, "1/min",
     .help = "Wrong answers of one user from all sources that are not his (`limits.known`), as many "
             "at once; beyond it only those sources are held up. 0: any number."},
    {0},
};

static void check_media(const struct scscf_config *c, app_finding bad, void *arg)
{
    const struct scscf_media_profile *p = c->media.profiles.v;
    for (size_t i = 0; i < c->media.profiles.n; i++)
        for (size_t k = 0; k < i; k++)
            if (p[i].id == p[k].id)
                app_find(bad, arg, "media.profiles", "%u is there twice", p[i].id);
}

void scscf_check(const void *config, app_finding bad, void *arg)
{
    const struct scscf_config *c = config;
    node_check_sip(&c->sip, bad, arg);
    node_check_numbering(&c->home, bad, arg);
    if (c->registration.min_s > c->registration.max_s)
        app_find(bad, arg, "registration.min_expires", "%u s is more than registration.max_expires, %u s",
                 c->registration.min_s, c->registration.max_s);
    node_check_dia(&c->diameter, bad, arg);
    node_check_state(&c->state, "scscf", bad, arg);
    node_check_trusted("sip.trusted", &c->trusted, bad, arg);
    node_check_trust(&c->trust, bad, arg);
    node_check_routing(&c->routing, bad, arg);
    check_media(c, bad, arg);
    if (c->leg.terminating_ms >= c->leg.originating_ms)
        bad(arg, "sip.leg_timeout.terminating",
            "is not less than sip.leg_timeout.originating: the called side has to give up first");
    node_check_limits(&c->strangers, bad, arg);
    keys_check(&c->keys, bad, arg);
}

// A default outside of the limits is brought inside when it is granted.
void scscf_suspect(const void *config, app_finding odd, void *arg)
{
    const struct scscf_config *c = config;
    struct node_host own = node_host_of(c->name);
    node_suspect_name(c->name, &c->sip, odd, arg);
    node_suspect_numbering(&c->home, c->domain, odd, arg);
    node_suspect_dia(&c->diameter, c->domain, odd, arg);
    node_suspect_state(&c->state, "scscf", odd, arg);
    node_suspect_media(&c->media.policy, "media.codecs", odd, arg);
    for (size_t i = 0; i < c->media.profiles.n; i++)
        node_suspect_media(&((const struct scscf_media_profile *)c->media.profiles.v)[i].allowed, "media.profiles", odd,
                           arg);
    node_suspect_trusted("sip.trusted", &c->trusted, c->sip.udp.n ? &c->sip.udp : &c->sip.tcp, odd, arg);
    if (str_ieq(own.host, c->domain))
        app_find(odd, arg, "name", "%.*s is the domain; expected a name of this node alone, such as "
                                   "sip:scscf.%.*s",
                 STR_ARG(own.host), STR_ARG(own.host));
    if (c->registration.default_s < c->registration.min_s || c->registration.default_s > c->registration.max_s)
        app_find(odd, arg, "registration.default_expires", "%u s is not from registration.min_expires to "
                                                           "registration.max_expires, %u to %u s",
                 c->registration.default_s, c->registration.min_s, c->registration.max_s);
    if (c->keys.file.n && c->keys.rotate_s && (uint64_t)c->keys.keep * c->keys.rotate_s < c->registration.max_s)
        app_find(odd, arg, "keys.rotate", "%u s, with keys.keep %u, is not as long as registration.max_expires, %u s: "
                                          "users would lose their Service-Route before they refresh",
                 c->keys.rotate_s, c->keys.keep, c->registration.max_s);
}
