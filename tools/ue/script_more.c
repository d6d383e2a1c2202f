// SPDX-License-Identifier: Apache-2.0
// What a script does beyond plain calls: extensions of a call, REFER, MESSAGE and SUBSCRIBE.
#include <stdio.h>

#include "base/err.h"
#include "tools/ue/script_priv.h"

struct ue_extensions script_extensions(const struct step *st)
{
    const char *rel = step_param(st, "100rel"), *side = step_param(st, "refresher");
    return (struct ue_extensions){
        .rel100 = !rel                           ? UE_REL_OFF
                  : strcmp(rel, "required") == 0 ? UE_REL_REQUIRED
                                                 : UE_REL_SUPPORTED,
        .preconditions = step_param(st, "preconditions") != NULL,
        .resources_ms = (uint32_t)(step_number(st, "resources-after", 0.1) * 1000),
        .session_expires = (uint32_t)step_number(st, "session-expires", 0),
        .min_se = (uint32_t)step_number(st, "min-se", 0),
        .refresher_is_peer = side && strcmp(side, "peer") == 0,
        .late_offer = step_param(st, "late-offer") != NULL,
        .events = step_param(st, "dtmf") || step_param(st, "expect-dtmf"),
        .dtmf = str_from(step_param(st, "dtmf")),
        .instance = step_param(st, "instance") != NULL,
        .refer = step_param(st, "obey-refer") != NULL,
    };
}

void script_on_interval(void *arg, struct phone *ph, ue_call call, uint32_t seconds, bool ours)
{
    struct script *s = arg;
    report_event(
        s->o, "session-timer",
        json_pack("{s:i, s:s}", "seconds", (int)seconds, "refresher", ours ? "local" : "remote"));
}

// ---- REFER ----

void script_on_referred(void *arg, struct phone *ph, ue_call call, unsigned status, bool over)
{
    struct script *s = arg;
    char got[32];
    report_event(s->o, "referred", json_pack("{s:i, s:b}", "status", (int)status, "over", over));
    if (s->over || call != s->call || !over)
        return;
    if (status >= 300) {
        (void)snprintf(got, sizeof got, "%u", status);
        script_fail(s, got, "what was asked for by REFER has failed");
        return;
    }
    s->hung_up = true;
    (void)ue_call_hang_up(s->hub, s->call);
}

void script_on_asked_to_call(void *arg, struct phone *ph, ue_call call, struct str target,
                             ue_call made)
{
    struct script *s = arg;
    report_event(s->o, "asked-to-call",
                 json_pack("{s:o, s:o}", "target", report_str(target), "call_id",
                           report_str(ue_call_call_id(s->hub, made))));
    s->second = made;
    s->second_up = false;
}

bool script_go_on(struct script *s)
{
    if (!s->second)
        return false;
    s->call = s->second;
    s->second = 0;
    s->established = s->second_up;
    s->hung_up = false;
    if (s->second_up && step_param(&s->step, "talk"))
        script_timer(s, step_number(&s->step, "talk", 0));
    return true;
}

void script_refer(struct script *s)
{
    const char *target = step_param(&s->step, "refer");
    s->referred = true;
    int e = ue_call_refer(s->hub, s->call, str_from(target),
                          step_param(&s->step, "norefersub") != NULL);
    if (e)
        script_fail(s, "no REFER", err_text(e));
}

// ---- requests outside of calls ----

// Is it the NOTIFY that the step waits for? Its substate or its body has the text of expect-notify.
static bool is_expected(const struct script *s, const struct ue_text *t)
{
    const char *text = step_param(&s->step, "expect-notify");
    return t->notify && (!text || str_find(t->state, str_from(text)) >= 0 ||
                         str_find(t->body, str_from(text)) >= 0);
}

// A MESSAGE has had its response, or a subscription that and the NOTIFY that is waited for.
static void sent_or_notified(struct script *s)
{
    if (script_is(s, STEP_SUBSCRIBE) && s->subscribed && s->notified &&
        script_ends_well(s, 200, STR_NONE, STR_NONE))
        script_next(s);
}

void script_on_sent(void *arg, struct phone *ph, const struct ue_failure *f)
{
    struct script *s = arg;
    report_event(s->o, "sent",
                 json_pack("{s:i, s:o, s:o}", "status", (int)f->status, "reason",
                           report_str(f->reason), "cause", report_str(f->cause)));
    if (script_is(s, STEP_SUBSCRIBE) && f->status < 300 &&
        expect_has(step_expect(&s->step), f->status)) {
        s->subscribed = true;
        sent_or_notified(s);
    } else if ((script_is(s, STEP_MESSAGE) || script_is(s, STEP_SUBSCRIBE)) &&
               script_ends_well(s, f->status, f->cause, STR_NONE)) {
        script_next(s);
    }
}

void script_on_text(void *arg, struct phone *ph, const struct ue_text *t)
{
    struct script *s = arg;
    json_t *fields = json_pack("{s:o, s:o, s:o}", "from", report_str(t->from), "type",
                               report_str(t->type), "text", report_str(t->body));
    if (t->notify) {
        (void)json_object_set_new(fields, "package", report_str(t->event));
        (void)json_object_set_new(fields, "state", report_str(t->state));
    }
    report_event(s->o, t->notify ? "notify" : "message", fields);
    s->notified = s->notified || is_expected(s, t);
    sent_or_notified(s);
    if (script_is(s, STEP_RECEIVE) && --s->texts_left == 0 &&
        script_ends_well(s, 200, STR_NONE, STR_NONE))
        script_next(s);
}

int script_send(struct script *s)
{
    bool message = s->step.kind == STEP_MESSAGE;
    const char *text = step_param(&s->step, "text"), *event = step_param(&s->step, "event");
    struct ue_send_params p = {.method = message ? SIP_MESSAGE : SIP_SUBSCRIBE,
                               .target = str_from(s->step.target),
                               .text = str_from(text ? text : "hello"),
                               .event = str_from(event ? event : "reg"),
                               .expires = (uint32_t)step_number(&s->step, "expires", 600)};
    s->subscribed = s->notified = false;
    return phone_send(s->phone, &p);
}
