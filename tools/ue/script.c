// SPDX-License-Identifier: Apache-2.0
// One phone working through its steps. A step starts something and ends on the event that it waits for; the
// first one that ends otherwise than expected ends the run. A verdict is final: whatever comes later is
// reported as an event, cleaned up after, and changes nothing.
#include "tools/ue/script_priv.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

// LINGER_MS: time for the last message to leave, and to answer a retransmission of the peer's last.
enum { STEP_TIMEOUT_S = 60, RING_TIMEOUT_MS = 45000, LINGER_MS = 100 };

static void start(struct script *s);

static double ms_since(const struct script *s, uint64_t t)
{
    return (double)(loop_now(s->loop) - t) / 1e6;
}

void script_timer(struct script *s, double seconds)
{
    timer_start(s->loop, &s->timer, (uint64_t)(seconds * 1000));
}

// ---- the verdict ----

static json_t *expected_text(const struct script *s)
{
    char text[320];
    struct expect e = step_expect(&s->step);
    const char *cause = step_param(&s->step, "expect-cause");
    int n = e.low == e.high ? snprintf(text, sizeof text, "%u", e.low)
                            : snprintf(text, sizeof text, "%uxx", e.low / 100);
    if (cause)
        (void)snprintf(text + n, sizeof text - (size_t)n, " with \"%.250s\"", cause);
    return report_str(str_from(text));
}

static void verdict_drop(struct verdict *v)
{
    json_decref(v->expected);
    json_decref(v->got);
    json_decref(v->cause);
    json_decref(v->call_id);
    *v = (struct verdict){0};
}

static void note(struct script *s, bool pass, json_t *got, struct str cause, struct str call_id)
{
    verdict_drop(&s->verdict);
    s->verdict = (struct verdict){.pass = pass,
                                  .step = step_name(s->step.kind),
                                  .expected = s->step.kind == STEP_SLEEP ? NULL : expected_text(s),
                                  .got = got,
                                  .cause = report_str(cause),
                                  .call_id = report_str(call_id),
                                  .ms = ms_since(s, s->step_started)};
}

static void finish(struct script *s, int status)
{
    s->status = status;
    s->over = true;
    timer_stop(&s->timeout);
    if (s->call) // to leave nobody talking to a phone that has gone
        (void)ue_call_hang_up(s->hub, s->call);
    timer_start(s->loop, &s->timer, LINGER_MS);
}

static struct str current_call_id(const struct script *s)
{
    return s->call ? ue_call_call_id(s->hub, s->call) : phone_call_id(s->phone);
}

static void fail_with(struct script *s, int status, const char *got, const char *cause)
{
    if (s->over)
        return;
    note(s, false, json_string(got), str_from(cause), current_call_id(s));
    finish(s, status);
}

void script_fail(struct script *s, const char *got, const char *cause)
{
    fail_with(s, EXIT_FAILED, got, cause);
}

static bool holds(struct str text, struct str part)
{
    for (size_t i = 0; i + part.n <= text.n; i++)
        if (str_ieq(str_make(text.p + i, part.n), part))
            return true;
    return false;
}

bool script_ends_well(struct script *s, unsigned status, struct str cause, struct str call_id)
{
    char got[16];
    if (s->over)
        return false;
    const char *wanted = step_param(&s->step, "expect-cause");
    bool good = expect_has(step_expect(&s->step), status) &&
                (!wanted || holds(cause, str_from(wanted)));
    (void)snprintf(got, sizeof got, "%u", status);
    note(s, good, json_string(got), cause, call_id);
    if (!good)
        finish(s, EXIT_FAILED);
    return good;
}

bool script_is(const struct script *s, enum step_kind k)
{
    return !s->over && s->step.kind == k;
}

static json_t *failure_fields(const struct ue_failure *f, struct str call_id)
{
    return json_pack("{s:i, s:o, s:o, s:o}", "status", (int)f->status, "reason",
                     report_str(f->reason), "cause", report_str(f->cause), "call_id",
                     report_str(call_id));
}

// ---- registration ----

static void on_registered(void *arg, struct phone *ph, const struct ue_registered *r)
{
    struct script *s = arg;
    usim_save(s->o->sqn_file, phone_usim(ph));
    report_event(s->o, "registered",
                 json_pack("{s:f, s:i, s:o, s:o, s:i, s:i, s:o}", "ms", (double)r->took_us / 1000,
                           "expires", (int)r->expires, "associated", report_str(r->associated),
                           "service_route", report_str(r->service_route), "challenges",
                           (int)r->challenges, "resyncs", (int)r->resyncs, "call_id",
                           report_str(phone_call_id(ph))));
    // else it refreshed by itself
    if (script_is(s, STEP_REGISTER) && script_ends_well(s, 200, STR_NONE, phone_call_id(ph)))
        script_next(s);
    else if (script_is(s, STEP_CALL) && s->waiting)
        start(s);
}

static void on_deregistered(void *arg, struct phone *ph)
{
    struct script *s = arg;
    report_event(s->o, "deregistered", json_pack("{s:o}", "call_id", report_str(phone_call_id(ph))));
    if (script_is(s, STEP_DEREGISTER) && script_ends_well(s, 200, STR_NONE, phone_call_id(ph)))
        script_next(s);
}

static void on_register_failed(void *arg, struct phone *ph, const struct ue_failure *f)
{
    struct script *s = arg;
    report_event(s->o, "register-failed", failure_fields(f, phone_call_id(ph)));
    if (script_is(s, STEP_CALL) && s->waiting)
        script_fail(s, "not registered", "the phone could not register anew");
    if (!script_is(s, STEP_REGISTER) && !script_is(s, STEP_DEREGISTER))
        return;
    if (script_ends_well(s, f->status, f->cause, phone_call_id(ph)))
        script_next(s);
}

// ---- calls ----

static void on_incoming(void *arg, struct phone *ph, ue_call call, struct str from)
{
    struct script *s = arg;
    struct str id = ue_call_call_id(s->hub, call);
    report_event(s->o, "incoming",
                 json_pack("{s:o, s:o}", "from", report_str(from), "call_id", report_str(id)));
    bool waiting = script_is(s, STEP_ANSWER) || script_is(s, STEP_REFUSE);
    if (s->call || !waiting) {
        (void)ue_call_refuse(s->hub, call, s->over ? 480 : 486);
        return;
    }
    s->call = call;
    s->established = s->hung_up = false;
    s->call_started = loop_now(s->loop);
    script_timer(s, step_number(&s->step, "after", 0));
}

static void on_progress(void *arg, struct phone *ph, ue_call call, unsigned status)
{
    struct script *s = arg;
    if (status > 100 && !s->provisional) {
        s->provisional = status;
        s->ms_provisional = ms_since(s, s->call_started);
    }
    report_event(s->o, "progress", json_pack("{s:i}", "status", (int)status));
}

static void hold(struct script *s, bool on)
{
    int e = ue_call_hold(s->hub, s->call, on);
    if (e)
        script_fail(s, on ? "no hold" : "no resume", err_text(e));
}

static void on_established(void *arg, struct phone *ph, ue_call call)
{
    struct script *s = arg;
    struct str id = ue_call_call_id(s->hub, call);
    report_event(s->o, "call-established",
                 json_pack("{s:i, s:f, s:f, s:o}", "provisional", (int)s->provisional,
                           "ms_provisional", s->ms_provisional, "ms_answer",
                           ms_since(s, s->call_started), "call_id", report_str(id)));
    if (!s->over && call == s->second) {
        s->second_up = true;
        return;
    }
    if (s->over || call != s->call) {
        (void)ue_call_hang_up(s->hub, call);
        return;
    }
    s->established = true;
    if (step_number(&s->step, "hold", 0) > 0)
        hold(s, true);
    else if (s->step.kind == STEP_CALL || step_param(&s->step, "talk"))
        script_timer(s, step_number(&s->step, "talk", 0));
}

// Hold and talk are counted from when the other side had agreed.
static void on_modified(void *arg, struct phone *ph, ue_call call, unsigned status)
{
    struct script *s = arg;
    char got[32];
    report_event(s->o, "modified", json_pack("{s:i}", "status", (int)status));
    if (s->over || call != s->call)
        return;
    if (status >= 300) {
        (void)snprintf(got, sizeof got, "%u", status);
        script_fail(s, got, s->modified ? "the call could not be resumed" : "the call could not be held");
        return;
    }
    script_timer(s, step_number(&s->step, s->modified++ ? "talk" : "hold", 0));
}

static void call_over(struct script *s)
{
    s->call = 0;
    timer_stop(&s->timer);
    if (s->step.kind == STEP_CALL || --s->calls_left == 0)
        script_next(s);
}

static void on_failed(void *arg, struct phone *ph, ue_call call, const struct ue_failure *f)
{
    struct script *s = arg;
    if (call == s->second)
        s->second = 0;
    if (call != s->call)
        return;
    struct str id = ue_call_call_id(s->hub, call);
    json_t *fields = failure_fields(f, id);
    if (f->restoring)
        json_object_set_new(fields, "restoring", json_true());
    report_event(s->o, "call-failed", fields);
    // What another phone of the user has answered was answered.
    bool elsewhere = f->elsewhere && script_is(s, STEP_ANSWER);
    if (script_ends_well(s, elsewhere ? 200 : f->status, f->cause, id))
        call_over(s);
    s->call = s->over ? 0 : s->call;
}

static void report_media(struct script *s, const struct ue_media_report *m)
{
    if (m)
        report_event(s->o, "media",
                     json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:b, s:s}", "sent", (json_int_t)m->sent,
                               "received", (json_int_t)m->received, "lost", (json_int_t)m->lost,
                               "late", (json_int_t)m->late, "jitter_ms", m->jitter_ms, "tone_hz",
                               m->tone_hz, "detected", m->detected, "digits", m->digits));
}

// A call that was set up has ended. What was to happen in it and did not is a failure of the step.
static void judge_end(struct script *s, ue_call call, bool by_remote,
                      const struct ue_media_report *m)
{
    char text[96], got[16];
    unsigned bye = by_remote ? 0 : ue_call_bye_status(s->hub, call);
    bool promised = step_param(&s->step, "talk") || step_param(&s->step, "hold");
    if (!s->established) {
        script_fail(s, "no ACK", "the call was answered, and no ACK came");
    } else if (by_remote && !s->hung_up && s->step.kind == STEP_CALL && promised) {
        (void)snprintf(text, sizeof text, "the other side hung up after %.1f s",
                       ms_since(s, s->call_started) / 1000);
        script_fail(s, "BYE", text);
    } else if (bye >= 300) {
        (void)snprintf(got, sizeof got, "%u", bye);
        script_fail(s, got, "the BYE was not accepted");
    } else if (step_param(&s->step, "expect-tone") && !(m && m->detected)) {
        (void)snprintf(text, sizeof text, "no tone of %s Hz in %llu RTP packets",
                       step_param(&s->step, "expect-tone"),
                       m ? (unsigned long long)m->received : 0ull);
        script_fail(s, "no tone", text);
    } else if (step_param(&s->step, "expect-dtmf") && strcmp(m ? m->digits : "", step_param(&s->step, "expect-dtmf"))) {
        (void)snprintf(text, sizeof text, "the digits that came: \"%s\"", m ? m->digits : "");
        script_fail(s, "other digits", text);
    } else if (script_ends_well(s, 200, STR_NONE, ue_call_call_id(s->hub, call))) {
        call_over(s);
    }
}

static void on_ended(void *arg, struct phone *ph, ue_call call, bool by_remote,
                     const struct ue_media_report *m)
{
    struct script *s = arg;
    if (call == s->second)
        s->second = 0;
    if (call != s->call)
        return;
    report_media(s, m);
    report_event(s->o, "call-ended",
                 json_pack("{s:s, s:o}", "by", by_remote ? "remote" : "local", "call_id",
                           report_str(ue_call_call_id(s->hub, call))));
    if (!s->over && !script_go_on(s))
        judge_end(s, call, by_remote, m);
    s->call = s->over ? 0 : s->call;
}

static const struct ue_ops ops = {.registered = on_registered,
                                  .deregistered = on_deregistered,
                                  .register_failed = on_register_failed,
                                  .incoming = on_incoming,
                                  .progress = on_progress,
                                  .established = on_established,
                                  .failed = on_failed,
                                  .ended = on_ended,
                                  .modified = on_modified,
                                  .interval = script_on_interval,
                                  .referred = script_on_referred,
                                  .asked_to_call = script_on_asked_to_call,
                                  .sent = script_on_sent,
                                  .text = script_on_text};

// ---- steps ----

static int start_call(struct script *s)
{
    struct ue_call_params p = {.target = str_from(s->step.target),
                               .tone_hz = step_number(&s->step, "tone", 440),
                               .expect_hz = step_number(&s->step, "expect-tone", 880),
                               .ext = script_extensions(&s->step)};
    s->waiting = phone_is_registering(s->phone); // TS 24.229 5.1.2A.1.6
    if (s->waiting)
        return 0;
    s->call_started = loop_now(s->loop);
    s->provisional = s->modified = 0;
    s->ms_provisional = 0;
    s->established = s->hung_up = s->referred = false;
    int e = phone_call(s->phone, &p, &s->call);
    if (!e && step_param(&s->step, "cancel-after"))
        script_timer(s, step_number(&s->step, "cancel-after", 0));
    return e;
}

static int start_listening(struct script *s)
{
    struct ue_extensions ext = script_extensions(&s->step);
    phone_set_extensions(s->phone, &ext);
    s->calls_left = (uint32_t)step_number(&s->step, "calls", 1);
    s->provisional = s->modified = 0;
    s->ms_provisional = 0;
    s->call = 0;
    report_event(s->o, "ready", NULL);
    return 0;
}

static void start(struct script *s)
{
    int e = 0;
    switch (s->step.kind) {
    case STEP_REGISTER:
        e = phone_register(s->phone);
        break;
    case STEP_DEREGISTER:
        e = phone_deregister(s->phone, step_param(&s->step, "all") != NULL);
        break;
    case STEP_CALL:
        e = start_call(s);
        break;
    case STEP_ANSWER:
    case STEP_REFUSE:
        e = start_listening(s);
        break;
    case STEP_SLEEP:
        script_timer(s, strtod(s->step.target, NULL));
        break;
    case STEP_MESSAGE:
    case STEP_SUBSCRIBE:
        e = script_send(s);
        break;
    case STEP_RECEIVE:
        s->texts_left = (uint32_t)step_number(&s->step, "messages", 1);
        report_event(s->o, "ready", NULL);
        break;
    case STEP_KINDS:
        break;
    }
    if (e) {
        fprintf(stderr, "carillon-ue: %s: %s\n", step_name(s->step.kind), err_text(e));
        script_fail(s, err_name(e), err_text(e));
    }
}

static void answer(struct script *s)
{
    int e = ue_call_answer(s->hub, s->call, step_number(&s->step, "tone", 880),
                           step_number(&s->step, "expect-tone", 440));
    if (e)
        script_fail(s, "no answer", err_text(e));
}

// The step's own timer: answer or refuse a ringing call, cancel, resume, hang up, wake up.
static void on_timer(void *arg)
{
    struct script *s = arg;
    if (s->over) {
        loop_stop(s->loop);
    } else if (s->step.kind == STEP_SLEEP) {
        note(s, true, NULL, STR_NONE, phone_call_id(s->phone));
        script_next(s);
    } else if (s->step.kind == STEP_REFUSE) {
        (void)ue_call_refuse(s->hub, s->call, step_expect(&s->step).low);
    } else if (s->step.kind == STEP_ANSWER && !s->established) {
        answer(s);
    } else if (s->modified == 1) {
        hold(s, false);
    } else if (step_param(&s->step, "refer") && !s->referred) {
        script_refer(s);
    } else {
        s->hung_up = true;
        (void)ue_call_hang_up(s->hub, s->call);
    }
}

// Silence is an event too: who reads JSON needs no second stream.
static void on_timeout(void *arg)
{
    struct script *s = arg;
    const char *step = step_name(s->step.kind);
    report_event(s->o, "timeout",
                 json_pack("{s:s, s:f, s:o}", "step", step, "ms", ms_since(s, s->step_started),
                           "call_id", report_str(current_call_id(s))));
    fprintf(stderr, "carillon-ue: %s did not end in time\n", step);
    show_open(s->o, s->hub);
    script_fail(s, "timeout", "the step did not end in time");
}

static void on_question(void *arg, int signo)
{
    struct script *s = arg;
    show_open(s->o, s->hub);
}

static void on_signal(void *arg, int signo)
{
    struct script *s = arg;
    if (s->over)
        loop_stop(s->loop);
    fail_with(s, EXIT_SIGNAL + signo, signo == SIGINT ? "SIGINT" : "SIGTERM", "ended by a signal");
}

void script_next(struct script *s)
{
    timer_stop(&s->timer);
    if (s->at >= s->o->n_steps) {
        finish(s, EXIT_OK);
        return;
    }
    step_read(s->o, &s->at, &s->step);
    double most = STEP_TIMEOUT_S + step_number(&s->step, "talk", 0) +
                  step_number(&s->step, "hold", 0) + step_number(&s->step, "after", 0);
    if (s->step.kind == STEP_SLEEP)
        most += strtod(s->step.target, NULL);
    s->step_started = loop_now(s->loop);
    timer_start(s->loop, &s->timeout, (uint64_t)(step_number(&s->step, "timeout", most) * 1000));
    start(s);
}

static bool any_word(const struct options *o, const char *word)
{
    for (int i = 0; i < o->n_steps; i++)
        if (strcmp(o->steps[i], word) == 0)
            return true;
    return false;
}

static int make_phone(struct script *s)
{
    const struct options *o = s->o;
    struct phone_params p = {.impi = str_from(o->impi),
                             .impu = str_from(o->impu),
                             .domain = str_from(o->domain),
                             .has_aka = o->has_k,
                             .password = str_from(o->password),
                             .expires = o->expires,
                             .access = str_from(o->access),
                             .services = true,
                             .wrong_res = any_word(o, "wrong-res=1"),
                             .refresh = true,
                             .ops = &ops,
                             .arg = s};
    memcpy(p.k, o->k, sizeof p.k);
    memcpy(p.opc, o->opc, sizeof p.opc);
    int e = usim_load(o->sqn_file, &p.usim);
    return e ? e : phone_new(s->hub, &p, &s->phone);
}

static int open_script(struct script *s)
{
    struct hub_params hp = {.loop = s->loop, .local = s->o->local, .proxy = s->o->proxy,
                            .proto = s->o->proto, .media = true, .ring_timeout_ms = RING_TIMEOUT_MS,
                            .user_agent = STR("carillon-ue " CARILLON_VERSION)};
    int e = hub_new(&hp, &s->hub);
    if (!e)
        e = make_phone(s);
    if (!e)
        e = loop_signal(s->loop, SIGINT, on_signal, s);
    if (!e)
        e = loop_signal(s->loop, SIGTERM, on_signal, s);
    if (!e)
        e = loop_signal(s->loop, SIGUSR1, on_question, s);
    return e;
}

int script_run(struct loop *l, const struct options *o)
{
    struct script s = {.o = o, .loop = l, .status = EXIT_FAILED};
    struct step unused;
    for (int at = 0; at < o->n_steps;) // every step is checked before the first one runs
        step_read(o, &at, &unused);
    timer_init(&s.timer, on_timer, &s);
    timer_init(&s.timeout, on_timeout, &s);
    int e = open_script(&s);
    if (e) {
        char text[ADDR_TEXT_MAX], on[ADDR_TEXT_MAX + 8];
        (void)snprintf(on, sizeof on, " on %.*s", STR_ARG(addr_text(&o->local, text)));
        s.status = cannot_start(o, on, e);
    } else {
        script_next(&s);
        (void)loop_run(l);
        verdict_report(o, &s.verdict); // consumes what is in it
    }
    timer_stop(&s.timer); // a second signal does not wait for them
    timer_stop(&s.timeout);
    hub_free(s.hub);
    return s.status;
}
