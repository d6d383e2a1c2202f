// SPDX-License-Identifier: Apache-2.0
// One phone working through its steps. A step starts something and ends on the event that it waits for;
// the first one that ends otherwise than expected ends the run.
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "sip/edit.h"
#include "sip/uri.h"
#include "tools/ue/tool.h"

// LINGER_MS: time for the last message to leave, and to answer a retransmission of the peer's last.
enum { WORDS_MAX = 16, STEP_TIMEOUT_S = 60, RING_TIMEOUT_MS = 45000, LINGER_MS = 100 };

struct step {
    const char *name, *target;
    const char *words[WORDS_MAX];
    int n_words;
};

struct script {
    const struct options *o;
    struct loop *loop;
    struct hub *hub;
    struct phone *phone;
    struct step step;
    int at, status;        // next word; exit status
    bool over;
    ue_call call;
    bool holding;
    uint64_t step_started, call_started;
    unsigned provisional;
    double ms_provisional;
    uint32_t calls_left;
    struct timer timer, timeout; // within the step; the whole step
};

typedef void (*step_start)(struct script *s);

static void next_step(struct script *s);

static double ms_since(const struct script *s, uint64_t t)
{
    return (double)(loop_now(s->loop) - t) / 1e6;
}

static const char *param(const struct script *s, const char *name)
{
    size_t n = strlen(name);
    for (int i = 0; i < s->step.n_words; i++)
        if (strncmp(s->step.words[i], name, n) == 0 && s->step.words[i][n] == '=')
            return s->step.words[i] + n + 1;
    return NULL;
}

static double param_number(const struct script *s, const char *name, double def)
{
    const char *v = param(s, name);
    return v ? strtod(v, NULL) : def;
}

static void finish(struct script *s, int status)
{
    s->status = status;
    s->over = true;
    timer_stop(&s->timeout);
    timer_start(s->loop, &s->timer, LINGER_MS);
}

static void expect(struct script *s, bool good)
{
    if (good)
        next_step(s);
    else
        finish(s, EXIT_FAILED);
}

// A step that wants a refusal has failed when it succeeds.
static bool wants_success(const struct script *s)
{
    return param_number(s, "expect", 200) == 200;
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
    if (strcmp(s->step.name, "register") == 0) // else it refreshed by itself
        expect(s, wants_success(s));
}

static void on_deregistered(void *arg, struct phone *ph)
{
    struct script *s = arg;
    report_event(s->o, "deregistered", json_pack("{s:o}", "call_id", report_str(phone_call_id(ph))));
    expect(s, wants_success(s));
}

static void on_register_failed(void *arg, struct phone *ph, const struct ue_failure *f)
{
    struct script *s = arg;
    report_event(s->o, "register-failed", failure_fields(f, phone_call_id(ph)));
    if (strcmp(s->step.name, "register") == 0 || strcmp(s->step.name, "deregister") == 0)
        expect(s, param_number(s, "expect", 0) == f->status && f->status);
}

// ---- calls ----

static void on_incoming(void *arg, struct phone *ph, ue_call call, struct str from)
{
    struct script *s = arg;
    struct str id = ue_call_call_id(s->hub, call);
    report_event(s->o, "incoming",
                 json_pack("{s:o, s:o}", "from", report_str(from), "call_id", report_str(id)));
    bool answering = strcmp(s->step.name, "answer") == 0;
    if (s->over || s->call || (!answering && strcmp(s->step.name, "refuse"))) {
        (void)ue_call_refuse(s->hub, call, s->over ? 480 : 486);
        return;
    }
    s->call = call;
    s->call_started = loop_now(s->loop);
    timer_start(s->loop, &s->timer, (uint64_t)(param_number(s, "after", 0) * 1000));
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

static void on_established(void *arg, struct phone *ph, ue_call call)
{
    struct script *s = arg;
    struct str id = ue_call_call_id(s->hub, call);
    report_event(s->o, "call-established",
                 json_pack("{s:i, s:f, s:f, s:o}", "provisional", (int)s->provisional,
                           "ms_provisional", s->ms_provisional, "ms_answer",
                           ms_since(s, s->call_started), "call_id", report_str(id)));
    double talk = param_number(s, "talk", -1), hold = param_number(s, "hold", 0);
    s->holding = hold > 0 && ue_call_hold(s->hub, call, true) == 0;
    if (s->holding)
        timer_start(s->loop, &s->timer, (uint64_t)(hold * 1000));
    else if (strcmp(s->step.name, "call") == 0 || talk >= 0)
        timer_start(s->loop, &s->timer, (uint64_t)((talk < 0 ? 0 : talk) * 1000));
}

static void on_modified(void *arg, struct phone *ph, ue_call call, unsigned status)
{
    struct script *s = arg;
    report_event(s->o, "modified", json_pack("{s:i}", "status", (int)status));
}

static void call_over(struct script *s, bool good)
{
    s->call = 0;
    s->holding = false;
    timer_stop(&s->timer);
    if (strcmp(s->step.name, "call") == 0 || !good) {
        expect(s, good);
        return;
    }
    if (--s->calls_left == 0)
        next_step(s);
}

static void on_failed(void *arg, struct phone *ph, ue_call call, const struct ue_failure *f)
{
    struct script *s = arg;
    if (call != s->call)
        return;
    report_event(s->o, "call-failed", failure_fields(f, ue_call_call_id(s->hub, call)));
    bool calling = strcmp(s->step.name, "call") == 0;
    // What the other side gave up, or we refused on purpose, is a normal end of ringing.
    call_over(s, !calling || param_number(s, "expect", 200) == f->status);
}

static bool report_media(struct script *s, const struct ue_media_report *m)
{
    if (!m)
        return true;
    report_event(s->o, "media",
                 json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:b}", "sent", (json_int_t)m->sent,
                           "received", (json_int_t)m->received, "lost", (json_int_t)m->lost, "late",
                           (json_int_t)m->late, "jitter_ms", m->jitter_ms, "tone_hz", m->tone_hz,
                           "detected", m->detected));
    return m->detected || !param(s, "expect-tone");
}

static void on_ended(void *arg, struct phone *ph, ue_call call, bool by_remote,
                     const struct ue_media_report *m)
{
    struct script *s = arg;
    if (call != s->call)
        return;
    bool heard = report_media(s, m);
    report_event(s->o, "call-ended",
                 json_pack("{s:s, s:o}", "by", by_remote ? "remote" : "local", "call_id",
                           report_str(ue_call_call_id(s->hub, call))));
    call_over(s, heard && wants_success(s));
}

static const struct ue_ops ops = {.registered = on_registered,
                                  .deregistered = on_deregistered,
                                  .register_failed = on_register_failed,
                                  .incoming = on_incoming,
                                  .progress = on_progress,
                                  .established = on_established,
                                  .failed = on_failed,
                                  .ended = on_ended,
                                  .modified = on_modified};

// ---- steps ----

static void broken(struct script *s, const char *what, int err)
{
    fprintf(stderr, "carillon-ue: %s: %s\n", what, err_text(err));
    finish(s, EXIT_FAILED);
}

static void start_register(struct script *s)
{
    int e = phone_register(s->phone);
    if (e)
        broken(s, "register", e);
}

static void start_deregister(struct script *s)
{
    int e = phone_deregister(s->phone, param(s, "all") != NULL);
    if (e)
        broken(s, "deregister", e);
}

static void start_call(struct script *s)
{
    struct ue_call_params p = {.target = str_from(s->step.target),
                               .tone_hz = param_number(s, "tone", 440),
                               .expect_hz = param_number(s, "expect-tone", 880)};
    s->call_started = loop_now(s->loop);
    s->provisional = 0;
    s->ms_provisional = 0;
    int e = phone_call(s->phone, &p, &s->call);
    if (e)
        broken(s, "call", e);
    else if (param(s, "cancel-after"))
        timer_start(s->loop, &s->timer, (uint64_t)(param_number(s, "cancel-after", 0) * 1000));
}

static void start_listening(struct script *s)
{
    s->calls_left = (uint32_t)param_number(s, "calls", 1);
    s->call = 0;
    report_event(s->o, "ready", NULL);
}

static void start_sleep(struct script *s)
{
    timer_start(s->loop, &s->timer, (uint64_t)(strtod(s->step.target, NULL) * 1000));
}

static const struct {
    const char *name;
    step_start start;
    bool has_target;
    const char *params; // what may stand before "="; all steps know timeout
} steps[] = {
    {"register", start_register, false, "expect wrong-res"},
    {"deregister", start_deregister, false, "expect all"},
    {"call", start_call, true, "talk hold cancel-after expect tone expect-tone"},
    {"answer", start_listening, false, "after calls talk tone expect-tone"},
    {"refuse", start_listening, false, "status after calls"},
    {"sleep", start_sleep, true, ""},
};

// The step's own timer: answer or refuse a ringing call, cancel, resume, hang up, wake up.
static void on_timer(void *arg)
{
    struct script *s = arg;
    if (s->over) {
        loop_stop(s->loop);
    } else if (s->holding) {
        s->holding = false;
        (void)ue_call_hold(s->hub, s->call, false);
        timer_start(s->loop, &s->timer, (uint64_t)(param_number(s, "talk", 0) * 1000));
    } else if (strcmp(s->step.name, "sleep") == 0) {
        next_step(s);
    } else if (strcmp(s->step.name, "refuse") == 0) {
        (void)ue_call_refuse(s->hub, s->call, (unsigned)param_number(s, "status", 486));
    } else if (strcmp(s->step.name, "answer") == 0 &&
               ue_call_answer(s->hub, s->call, param_number(s, "tone", 880),
                              param_number(s, "expect-tone", 440)) == 0) {
        return;
    } else {
        (void)ue_call_hang_up(s->hub, s->call);
    }
}

// Silence is an event too: who reads JSON needs no second stream.
static void on_timeout(void *arg)
{
    struct script *s = arg;
    report_event(s->o, "timeout",
                 json_pack("{s:s, s:f, s:o}", "step", s->step.name, "ms",
                           ms_since(s, s->step_started), "call_id",
                           report_str(s->call ? ue_call_call_id(s->hub, s->call)
                                              : phone_call_id(s->phone))));
    fprintf(stderr, "carillon-ue: %s did not end in time\n", s->step.name);
    finish(s, EXIT_FAILED);
}

static void wrong(const char *step, const char *what, const char *word)
{
    fprintf(stderr, "carillon-ue: %s %s '%s' (see --help; + separates steps)\n", step, what, word);
    exit(EXIT_USAGE);
}

// A misspelt parameter must not pass for a test that went well.
static bool is_param(const char *params, const char *word)
{
    struct str known = str_from(params), rest = str_from(word);
    struct str name = str_split(&rest, '=');
    if (!rest.p)
        return false;
    while (known.n)
        if (str_eq(name, str_split(&known, ' ')))
            return true;
    return str_eq(name, STR("timeout"));
}

// Nor may a value that is no number; all values are numbers.
static bool is_number(const char *v)
{
    char *end;
    double d = strtod(v, &end);
    return *v && !*end && d >= 0 && d < 1e9;
}

static void wrong_number(const char *step, const char *word)
{
    fprintf(stderr, "carillon-ue: %s: '%s' is no number (see --help)\n", step, word);
    exit(EXIT_USAGE);
}

static bool is_flag(const char *word)
{
    return str_starts(str_from(word), STR("all=")) || str_starts(str_from(word), STR("wrong-res="));
}

static bool is_uri(const char *text)
{
    char room[1024];
    struct arena a;
    struct sip_uri uri;
    arena_init(&a, room, sizeof room);
    bool good = sip_uri_parse(&a, str_from(text), &uri) == 0 && uri.scheme != SIP_SCHEME_OTHER;
    arena_done(&a);
    return good;
}

static void check_target(const struct step *st)
{
    if (strcmp(st->name, "call") == 0 && !is_uri(st->target))
        wrong("call", "wants a SIP or tel URI, not", st->target);
    if (strcmp(st->name, "sleep") == 0 && !is_number(st->target))
        wrong_number("sleep", st->target);
}

// Takes the words up to the next "+" into s->step; index of the step's kind.
static size_t read_step(const struct options *o, int *at, struct step *ret_step)
{
    size_t k = 0;
    *ret_step = (struct step){.name = o->steps[(*at)++]};
    while (k < ARRAY_LEN(steps) && strcmp(steps[k].name, ret_step->name))
        k++;
    if (k == ARRAY_LEN(steps))
        wrong("there is", "no step", ret_step->name);
    if (steps[k].has_target) {
        if (*at == o->n_steps || strcmp(o->steps[*at], "+") == 0)
            wrong("something is missing:", "what to", ret_step->name);
        ret_step->target = o->steps[(*at)++];
        check_target(ret_step);
    }
    while (*at < o->n_steps && strcmp(o->steps[*at], "+")) {
        if (ret_step->n_words == WORDS_MAX || !is_param(steps[k].params, o->steps[*at]))
            wrong(ret_step->name, "has no parameter", o->steps[*at]);
        const char *value = strchr(o->steps[*at], '=') + 1;
        if (!is_number(value))
            wrong_number(ret_step->name, o->steps[*at]);
        if (is_flag(o->steps[*at]) && strcmp(value, "1"))
            wrong(ret_step->name, "can only be told 1 in", o->steps[*at]);
        ret_step->words[ret_step->n_words++] = o->steps[(*at)++];
    }
    (*at)++; // the "+"
    return k;
}

static void next_step(struct script *s)
{
    timer_stop(&s->timer);
    if (s->at >= s->o->n_steps) {
        finish(s, EXIT_OK);
        return;
    }
    size_t k = read_step(s->o, &s->at, &s->step);
    double seconds = param_number(s, "timeout", STEP_TIMEOUT_S + param_number(s, "talk", 0));
    s->step_started = loop_now(s->loop);
    timer_start(s->loop, &s->timeout, (uint64_t)(seconds * 1000));
    steps[k].start(s);
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
                             .wrong_res = any_word(o, "wrong-res=1"),
                             .refresh = true,
                             .ops = &ops,
                             .arg = s};
    memcpy(p.k, o->k, sizeof p.k);
    memcpy(p.opc, o->opc, sizeof p.opc);
    usim_load(o->sqn_file, &p.usim);
    return phone_new(s->hub, &p, &s->phone);
}

int script_run(struct loop *l, const struct options *o)
{
    struct script s = {.o = o, .loop = l, .status = EXIT_FAILED};
    struct hub_params hp = {.loop = l, .local = o->local, .proxy = o->proxy, .proto = o->proto,
                            .media = true, .ring_timeout_ms = RING_TIMEOUT_MS, .user_agent = STR("carillon-ue " CARILLON_VERSION)};
    struct step unused;
    for (int at = 0; at < o->n_steps;) // every step is checked before the first one runs
        (void)read_step(o, &at, &unused);
    timer_init(&s.timer, on_timer, &s);
    timer_init(&s.timeout, on_timeout, &s);
    int e = hub_new(&hp, &s.hub);
    if (!e)
        e = make_phone(&s);
    if (e) {
        char text[ADDR_TEXT_MAX];
        fprintf(stderr, "carillon-ue: cannot start on %.*s: %s\n",
                STR_ARG(addr_text(&o->local, text)), err_text(e));
    } else {
        next_step(&s);
        (void)loop_run(l);
    }
    hub_free(s.hub);
    return s.status;
}
