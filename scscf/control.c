// SPDX-License-Identifier: Apache-2.0
// What an operator sees and may do: metrics and control commands.
#include "base/err.h"
#include "base/log.h"
#include "scscf/scscf_priv.h"

static const struct {
    const char *name, *help;
} counters[SC_COUNTERS] = {
    [SC_CHALLENGES] = {"scscf_challenges_total", "Challenges sent"},
    [SC_AUTH_FAILURES] = {"scscf_auth_failures_total", "Wrong responses and refused challenges"},
    [SC_RESYNCS] = {"scscf_resyncs_total", "Resynchronisations asked for by UEs"},
    [SC_REGISTERED] = {"scscf_registered_total", "Initial registrations accepted"},
    [SC_REREGISTERED] = {"scscf_reregistered_total", "Re-registrations accepted"},
    [SC_DEREGISTERED] = {"scscf_deregistered_total", "De-registrations by users"},
    [SC_EXPIRED] = {"scscf_expired_total", "Registrations that ran out"},
    [SC_ORIGINATING] = {"scscf_originating_total", "Originating requests forwarded"},
    [SC_TERMINATING] = {"scscf_terminating_total", "Terminating requests forwarded"},
    [SC_UNREACHABLE] = {"scscf_contacts_unreachable_total",
                        "Contacts unbound because they could not be reached"},
    [SC_REPLACED] = {"scscf_contacts_replaced_total",
                     "Contacts unbound because their private identity registered anew"},
    [SC_HSS_FAILURES] = {"scscf_hss_failures_total", "Requests to the HSS refused or unanswered"},
};

void scscf_metrics(const struct scscf *s, struct metrics *m)
{
    for (size_t i = 0; i < SC_COUNTERS; i++)
        metrics_add(m, counters[i].name, "counter", counters[i].help, "", (double)s->counters[i]);
    metrics_add(m, "scscf_registrations", "gauge", "Implicit registration sets registered", "",
                (double)registrar_count(s->registrar));
    metrics_add(m, "scscf_bindings", "gauge", "Contacts bound", "",
                (double)registrar_bindings(s->registrar));
    metrics_add(m, "scscf_challenges_open", "gauge", "Challenges and digest nonces held", "",
                (double)auth_table_count(s->auth));
    metrics_add(m, "scscf_challenges_evicted_total", "counter",
                "Challenges that made room before they were answered", "for=\"same source\"",
                (double)auth_evicted_own(s->auth));
    metrics_add(m, "scscf_challenges_evicted_total", "counter",
                "Challenges that made room before they were answered", "for=\"others\"",
                (double)auth_evicted_others(s->auth));
    brake_metrics(s->brake, m);
    metrics_add(m, "scscf_service_profiles", "gauge", "Different service profiles held", "",
                (double)profile_store_count(s->profiles));
    app_metrics_stack(m, s->stack);
    app_metrics_dia(m, s->dia);
}

static void print(const struct scscf *s, const struct registration *reg, struct ctl_out *out)
{
    const struct profile *p = registration_profile(reg);
    ctl_printf(out, "%.*s  %s\n", STR_ARG(profile_impi(p)), registration_state(reg));
    for (size_t i = 0; i < profile_identity_count(p); i++) {
        struct profile_identity id = profile_identity_at(p, i);
        ctl_printf(out, "  identity %.*s%s\n", STR_ARG(id.uri), id.barred ? " (barred)" : "");
    }
    for (const struct binding *b = registration_bindings(reg); b; b = b->next)
        ctl_printf(out, "  contact  %.*s expires in %u s, path %.*s\n", STR_ARG(binding_uri(b)),
                   binding_expires_s(s->registrar, b), STR_ARG(binding_path(b)));
}

static struct registration *find(const struct scscf *s, const char *text)
{
    char room[1024];
    struct arena a;
    struct sip_uri uri;
    struct registration *reg = NULL;
    arena_init(&a, room, sizeof room);
    if (sip_uri_parse(&a, str_from(text), &uri) == 0)
        reg = registrar_find(s->registrar, impu_canon(&a, &s->plan, &uri), NULL);
    arena_done(&a);
    return reg;
}

static int run_registrations(void *nf, int argc, char **argv, struct ctl_out *out)
{
    const struct scscf *s = nf;
    if (argc > 2)
        return 2;
    if (argc == 2) {
        const struct registration *one = find(s, argv[1]);
        if (!one) {
            ctl_error(out, "%s is not registered\n", argv[1]);
            return 1;
        }
        print(s, one, out);
        return 0;
    }
    size_t it = 0;
    for (const struct registration *reg; (reg = registrar_next(s->registrar, &it));)
        print(s, reg, out);
    return 0;
}

// TS 29.228 6.1.2: the operator ends a registration, the HSS is told.
static int run_deregister(void *nf, int argc, char **argv, struct ctl_out *out)
{
    struct scscf *s = nf;
    if (argc != 2)
        return 2;
    struct registration *reg = find(s, argv[1]);
    if (!reg) {
        ctl_error(out, "%s is not registered\n", argv[1]);
        return 1;
    }
    const struct profile *p = registration_profile(reg);
    LOG(LOG_INFO, "deregistered by the operator", LF("impi", profile_impi(p)),
        LF_Z("impu", argv[1]));
    cx_notify(s, STR_NONE, profile_impi(p), profile_identity_at(p, 0).uri,
              CX_ADMINISTRATIVE_DEREGISTRATION);
    registration_free(reg);
    return 0;
}

const struct ctl_command scscf_commands[] = {
    {"registrations", "[IMPU]", "who is registered, with contacts", run_registrations},
    {"deregister", "IMPU", "end a registration and tell the HSS", run_deregister},
    {0},
};
