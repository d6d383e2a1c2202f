// SPDX-License-Identifier: Apache-2.0
// What an operator sees and may do: metrics and control commands.
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "scscf/durable.h"
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
    [SC_UNREACHABLE] = {"scscf_contacts_unreachable_total", "Contacts unbound because they could not be reached"},
    [SC_REPLACED] = {"scscf_contacts_replaced_total",
                     "Contacts unbound because their private identity registered anew"},
    [SC_MEDIA_REFUSED] = {"scscf_media_refused_total", "Requests with media that are not allowed to their user"},
    [SC_UNSTORED] = {"scscf_register_unstored_total", "REGISTERs refused because the store did not take them"},
    [SC_ROUTE_REFUSED] = {"scscf_service_route_refused_total",
                          "Requests along the Service-Route of another user than the asserted one"},
    [SC_RESTORED] = {"scscf_restored_total", "Private identities whose contacts the HSS gave back"},
    [SC_RESTORATION_REFUSED] = {"scscf_restoration_refused_total",
                                "Restoration information of the HSS that was not used"},
    [SC_RESTORATION_CUT] = {"scscf_restoration_cut_total",
                            "Registrations of which the HSS was not told each contact (restoration.max_size)"},
    [SC_COVERED_ASKED] = {"scscf_covered_asked_total",
                          "Questions to the HSS whose a number of a registered wildcarded identity is"},
    [SC_COVERED_REFUSED] = {"scscf_covered_refused_total",
                            "Requests of a wildcarded identity's user in the name of somebody else inside it"},
    [SC_HSS_FAILURES] = {"scscf_hss_failures_total", "Requests to the HSS refused or unanswered"},
};

#define COUNTER(c_) ((c_) * sizeof(uint64_t))

int scscf_count_steps(struct scscf *s)
{
    static const struct steps_count rows[] = {
        {&scscf_originating, "forward", HOOK_AFTER, COUNTER(SC_ORIGINATING)},
        {&scscf_terminating, "fork", HOOK_AFTER, COUNTER(SC_TERMINATING)},
    };
    return steps_count(&s->steps, rows, ARRAY_LEN(rows), s->counters);
}

static void outbox_metrics(const struct scscf *s, struct metrics *m)
{
    const struct outbox_stats *st = outbox_stats(s->outbox);
    const struct {
        const char *label;
        uint64_t value;
    } all[] = {{"outcome=\"taken\"", st->taken},           {"outcome=\"refused\"", st->refused},
               {"outcome=\"superseded\"", st->superseded}, {"outcome=\"too old\"", st->too_old},
               {"outcome=\"no room\"", st->no_room}};
    metrics_add(m, "scscf_outbox_waiting", "gauge", "Ends of registrations that the HSS has not been told of",
                "", (double)outbox_waiting(s->outbox));
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        metrics_add(m, "scscf_outbox_total", "counter", "Ends of registrations, by how telling them ended",
                    all[i].label, (double)all[i].value);
    metrics_add(m, "scscf_outbox_retries_total", "counter", "Tries that have to be made again", "",
                (double)st->retried);
    metrics_add(m, "scscf_hss_hosts", "gauge", "Public identities whose HSS has been learnt", "",
                (double)hss_hosts_count(s->hosts));
}

static void durable_metrics(const struct scscf *s, struct metrics *m)
{
    if (!s->durable)
        return;
    metrics_add(m, "scscf_store_parts", "gauge", "Service parts of profiles in the store", "",
                (double)durable_parts(s->durable));
    node_state_metrics(s->keep, m);
}

static void media_metrics(const struct scscf *s, struct metrics *m)
{
    for (size_t i = 1; i < SDP_LIMIT_COUNT; i++) {
        char label[32];
        (void)snprintf(label, sizeof label, "limit=\"%s\"", sdp_limit_rows[i].name);
        metrics_add(m, "scscf_sdp_limits_total", "counter", "Requests with a session description beyond a limit",
                    label, (double)s->sdp_limits[i]);
    }
}

void scscf_metrics(const struct scscf *s, struct metrics *m)
{
    for (size_t i = 0; i < SC_COUNTERS; i++)
        metrics_add(m, counters[i].name, "counter", counters[i].help, "", (double)s->counters[i]);
    metrics_add(m, "scscf_registrations", "gauge", "Implicit registration sets registered", "",
                (double)registrar_count(s->registrar));
    metrics_add(m, "scscf_bindings", "gauge", "Contacts bound", "",
                (double)registrar_bindings(s->registrar));
    metrics_add(m, "scscf_binding_bytes", "gauge", "Memory that the contacts bound take", "",
                (double)registrar_binding_bytes(s->registrar));
    metrics_add(m, "scscf_unregistered", "gauge",
                "Profiles kept of users who are called and not registered", "",
                (double)unregistered_count(s->unregistered));
    metrics_add(m, "scscf_unregistered_bytes", "gauge",
                "User data that they came with, and what is kept beside it; read, it takes up to some times as much",
                "", (double)unregistered_bytes(s->unregistered));
    metrics_add(m, "scscf_covered", "gauge",
                "Numbers of wildcarded identities of which it is remembered whose they are", "",
                (double)covered_count(s->covered));
    metrics_add(m, "scscf_covered_bytes", "gauge", "Memory that they take", "", (double)covered_bytes(s->covered));
    metrics_add(m, "scscf_hss_restores", "gauge", "Whether the HSS keeps restoration information, as it said last", "",
                s->hss_restores == SCSCF_HSS_RESTORES);
    media_metrics(s, m);
    outbox_metrics(s, m);
    durable_metrics(s, m);
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
    metrics_add(m, "scscf_profile_forms", "gauge", "Documents of the HSS known that differ in names alone", "",
                (double)profile_store_forms(s->profiles));
    metrics_add(m, "scscf_profiles_by_form_total", "counter", "Profiles that were read by such a form", "",
                (double)profile_store_filled(s->profiles));
    app_metrics_stack(m, s->stack);
    keys_metrics(s->keys, m);
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
        ctl_printf(out, "  contact  %.*s expires in %u s, path %.*s, of %.*s%.*s\n",
                   STR_ARG(binding_uri(b)), binding_expires_s(s->registrar, b),
                   STR_ARG(binding_text(b, BINDING_PATH)), STR_ARG(binding_impi(b)),
                   STR_ARG(binding_text(b, BINDING_PARAMS)));
}

// One after the other, when the HSS has the identity in several sets; *it starts at 0.
static struct registration *find(const struct scscf *s, const char *text, size_t *it)
{
    char room[1024];
    struct arena a;
    struct sip_uri uri;
    struct registration *reg = NULL;
    arena_init(&a, room, sizeof room);
    if (sip_uri_parse(&a, str_from(text), &uri) == 0)
        reg = registrar_next_with(s->registrar, impu_canon(&a, &s->plan, &uri), it, NULL);
    arena_done(&a);
    return reg;
}

static int run_registrations(void *nf, int argc, char **argv, struct ctl_out *out)
{
    const struct scscf *s = nf;
    if (argc > 2)
        return 2;
    size_t it = 0;
    if (argc == 2) {
        const struct registration *one = find(s, argv[1], &it);
        if (!one) {
            ctl_error(out, "%s is not registered\n", argv[1]);
            return 1;
        }
        for (; one; one = find(s, argv[1], &it))
            print(s, one, out);
        return 0;
    }
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
    size_t n = 0, it = 0;
    for (struct registration *reg; (reg = find(s, argv[1], &it)); it = 0, n++) {
        LOG(LOG_INFO, "deregistered by the operator",
            LF("impi", profile_impi(registration_profile(reg))), LF_Z("impu", argv[1]));
        registration_end(reg, BINDING_DEACTIVATED);
    }
    if (!n)
        ctl_error(out, "%s is not registered\n", argv[1]);
    return n ? 0 : 1;
}

const struct ctl_command scscf_commands[] = {
    {"registrations", "[IMPU]", "who is registered, with contacts", run_registrations},
    {"deregister", "IMPU", "end a registration and tell the HSS", run_deregister},
    {0},
};
