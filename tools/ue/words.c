// SPDX-License-Identifier: Apache-2.0
// The words of a script: steps, their parameters and what these may be. Nothing of them is ignored:
// a misspelt parameter or a value that means nothing must not pass for a test that went well.
#include "tools/ue/script.h"

#include <stdio.h>
#include <stdlib.h>

#include "sip/uri.h"

enum param_kind { SECONDS, COUNT, HZ, STATUS, REFUSAL, FLAG, TEXT, DIGITS, URI, REL, SIDE, INTERVAL };

static const struct {
    const char *name;
    enum param_kind kind;
} params[] = {
    {"after", SECONDS},  {"all", FLAG},          {"calls", COUNT},     {"cancel-after", SECONDS},
    {"expect", STATUS},  {"expect-cause", TEXT}, {"expect-tone", HZ},  {"hold", SECONDS},
    {"status", REFUSAL}, {"talk", SECONDS},      {"timeout", SECONDS}, {"tone", HZ},
    {"wrong-res", FLAG},  {"100rel", REL},       {"late-offer", FLAG}, {"preconditions", FLAG},
    {"resources-after", SECONDS}, {"session-expires", INTERVAL}, {"min-se", INTERVAL}, {"refresher", SIDE},
    {"dtmf", DIGITS},     {"expect-dtmf", DIGITS}, {"refer", URI},     {"norefersub", FLAG},
    {"obey-refer", FLAG}, {"text", TEXT},        {"event", TEXT},      {"expires", SECONDS},
    {"expect-notify", TEXT}, {"messages", COUNT}, {"instance", FLAG},
};

// Of both sides of a call.
#define EXTENSIONS "100rel preconditions resources-after session-expires min-se refresher dtmf expect-dtmf instance"


static const struct {
    const char *name;
    bool has_target;
    const char *params;
} steps[STEP_KINDS] = {
    [STEP_REGISTER] = {"register", false, "expect expect-cause wrong-res timeout"},
    [STEP_DEREGISTER] = {"deregister", false, "expect expect-cause all timeout"},
    [STEP_CALL] =
        {"call", true,
         "talk hold cancel-after expect expect-cause tone expect-tone timeout late-offer refer norefersub " EXTENSIONS},
    [STEP_ANSWER] = {"answer", false, "after calls talk tone expect expect-tone timeout obey-refer " EXTENSIONS},
    [STEP_REFUSE] = {"refuse", false, "status after calls timeout"},
    [STEP_SLEEP] = {"sleep", true, "timeout"},
    [STEP_MESSAGE] = {"message", true, "text expect expect-cause timeout"},
    [STEP_SUBSCRIBE] = {"subscribe", true, "event expires expect expect-cause expect-notify timeout"},
    [STEP_RECEIVE] = {"receive", false, "messages timeout"},
};

const char *step_name(enum step_kind k)
{
    return steps[k].name;
}

// ---- looking things up ----

const char *step_param(const struct step *st, const char *name)
{
    size_t n = strlen(name);
    for (int i = 0; i < st->n_words; i++)
        if (strncmp(st->words[i], name, n) == 0 && st->words[i][n] == '=')
            return st->words[i] + n + 1;
    return NULL;
}

double step_number(const struct step *st, const char *name, double def)
{
    const char *v = step_param(st, name);
    return v ? strtod(v, NULL) : def;
}

// "486" or "4xx".
static bool read_expect(const char *text, struct expect *ret)
{
    bool first = text[0] >= '1' && text[0] <= '6';
    if (!first || strlen(text) != 3)
        return false;
    unsigned class = (unsigned)(text[0] - '0') * 100;
    bool digits = text[1] >= '0' && text[1] <= '9' && text[2] >= '0' && text[2] <= '9';
    if (!digits && strcmp(text + 1, "xx") && strcmp(text + 1, "XX"))
        return false;
    unsigned low = class + (digits ? (unsigned)((text[1] - '0') * 10 + text[2] - '0') : 0);
    *ret = (struct expect){low, digits ? low : class + 99};
    return true;
}

struct expect step_expect(const struct step *st)
{
    const char *v = step_param(st, st->kind == STEP_REFUSE ? "status" : "expect");
    struct expect e;
    if (v && read_expect(v, &e))
        return e;
    return st->kind == STEP_REFUSE ? (struct expect){486, 486} : (struct expect){200, 200};
}

// ---- complaints ----

static void wrong(const struct options *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));
static void wrong(const struct options *o, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    usage_exit(o, text);
}

static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_ROOM], n = strlen(b);
    if (n >= NAME_ROOM)
        return NAME_ROOM;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; *a; i++, a++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t above = row[j], best = diagonal + (*a != b[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = above;
        }
    }
    return row[n];
}

const char *nearest_name(const char *name, const char *(*nth)(const void *arg, size_t i),
                         const void *arg)
{
    const char *best = NULL, *candidate;
    size_t least = strlen(name) / 2 + 1;
    for (size_t i = 0; (candidate = nth(arg, i)); i++) {
        size_t d = distance(name, candidate);
        if (d < least) {
            least = d;
            best = candidate;
        }
    }
    return best;
}

static const char *nth_step(const void *arg, size_t i)
{
    (void)arg;
    return i < STEP_KINDS ? steps[i].name : NULL;
}

// The i-th parameter of a step, from its list of words.
static bool knows(enum step_kind k, const char *name)
{
    struct str known = str_from(steps[k].params);
    while (known.n)
        if (str_eq(str_from(name), str_split(&known, ' ')))
            return true;
    return false;
}

static const char *nth_param(const void *arg, size_t i)
{
    const enum step_kind *k = arg;
    for (size_t at = 0; at < ARRAY_LEN(params); at++)
        if (knows(*k, params[at].name) && i-- == 0)
            return params[at].name;
    return NULL;
}

static void unknown_param(const struct options *o, enum step_kind k, const char *word)
{
    char name[NAME_ROOM];
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    const char *near = nearest_name(name, nth_param, &k);
    if (near)
        wrong(o, "%s has no parameter '%s': did you mean %s=?", steps[k].name, word, near);
    wrong(o, "%s has no parameter '%s'; + separates steps", steps[k].name, word);
}

// ---- values ----

static bool is_number(const char *v, double least, double most)
{
    char *end;
    double d = strtod(v, &end);
    return ((*v >= '0' && *v <= '9') || *v == '.') && !*end && d >= least && d <= most;
}

static bool is_count(const char *v)
{
    uint32_t n;
    return str_u32(str_from(v), &n) == 0 && n >= 1 && n <= 1000000;
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

static bool is_one_of(const char *v, const char *a, const char *b)
{
    return strcmp(v, a) == 0 || strcmp(v, b) == 0;
}

// What calls have beyond RFC 3261.
static void check_extension(const struct options *o, const char *step, const char *word, enum param_kind kind)
{
    const char *v = strchr(word, '=') + 1;
    uint32_t n;
    if (kind == DIGITS && (!*v || strlen(v) > 31 || strspn(v, "0123456789*#ABCD") != strlen(v)))
        wrong(o, "%s: '%s' has other things than 1 to 31 digits of 0 to 9, *, #, A to D", step, word);
    if (kind == URI && !is_uri(v))
        wrong(o, "%s: '%s' is no SIP or tel URI", step, word);
    if (kind == REL && !is_one_of(v, "supported", "required"))
        wrong(o, "%s: '%s' can be supported or required", step, word);
    if (kind == SIDE && !is_one_of(v, "me", "peer"))
        wrong(o, "%s: '%s' can be me or peer", step, word);
    if (kind == INTERVAL && (str_u32(str_from(v), &n) || n < 90 || n > 86400))
        wrong(o, "%s: '%s' is no number of seconds from 90 to 86400 (RFC 4028 5)", step, word);
}

static void check_value(const struct options *o, const char *step, const char *word,
                        enum param_kind kind)
{
    const char *v = strchr(word, '=') + 1;
    struct expect e;
    switch (kind) {
    case SECONDS:
        if (!is_number(v, 0, 1e9))
            wrong(o, "%s: '%s' is no number of seconds", step, word);
        break;
    case HZ:
        if (!is_number(v, 1, 3999))
            wrong(o, "%s: '%s' is no number of hertz that G.711 can carry", step, word);
        break;
    case COUNT:
        if (!is_count(v))
            wrong(o, "%s: '%s' is no number from 1 upwards", step, word);
        break;
    case STATUS:
        if (!read_expect(v, &e))
            wrong(o,
                  "%s: '%s' is no number of a status, which has three digits, 100 to 699; or a "
                  "class, as 4xx",
                  step, word);
        break;
    case REFUSAL:
        if (!read_expect(v, &e) || e.low != e.high || e.low < 300)
            wrong(o, "%s: '%s' is no number of a refusal, 300 to 699", step, word);
        break;
    case FLAG:
        if (!is_number(v, 0, 1e9))
            wrong(o, "%s: '%s' is no number", step, word);
        if (strcmp(v, "1"))
            wrong(o, "%s can only be told 1 in '%s'", step, word);
        break;
    case TEXT:
        if (!*v)
            wrong(o, "%s: '%s' says nothing", step, word);
        break;
    default:
        check_extension(o, step, word, kind);
    }
}

static void check_target(const struct options *o, const struct step *st)
{
    if (st->kind != STEP_SLEEP && !is_uri(st->target))
        wrong(o, "%s wants a SIP or tel URI, not '%s'", step_name(st->kind), st->target);
    if (st->kind == STEP_SLEEP && !is_number(st->target, 0, 1e9))
        wrong(o, "sleep: '%s' is no number of seconds", st->target);
}

// What contradicts itself could only ever fail, or be ignored.
static void check_together(const struct options *o, const struct step *st)
{
    struct expect e = step_expect(st);
    bool answered = expect_has(e, 200);
    if (st->kind == STEP_ANSWER && step_param(st, "expect") && !answered && !expect_has(e, 487))
        wrong(o, "answer ends with 200, or with 487 when the caller gives up: not with '%s'",
              step_param(st, "expect"));
    for (const char *const *p = (const char *const[]){"expect-tone", "talk", "hold", "dtmf", "expect-dtmf", "refer",
                                                        "obey-refer", NULL};
         !answered && *p; p++)
        if (step_param(st, *p))
            wrong(o, "%s: there is no %s in a call that is to end with '%s'", step_name(st->kind),
                  *p, step_param(st, "expect"));
    // RFC 3312 11: a precondition stands on reliable provisional responses.
    if (step_param(st, "preconditions") && !step_param(st, "100rel"))
        wrong(o, "%s: preconditions=1 needs 100rel=supported or 100rel=required", step_name(st->kind));
    if (step_param(st, "resources-after") && !step_param(st, "preconditions"))
        wrong(o, "%s: resources-after means nothing without preconditions=1", step_name(st->kind));
    if (step_param(st, "refresher") && !step_param(st, "session-expires"))
        wrong(o, "%s: refresher means nothing without session-expires", step_name(st->kind));
    if (step_param(st, "late-offer") && step_param(st, "preconditions"))
        wrong(o, "%s: late-offer and preconditions do not go together here", step_name(st->kind));
    if (step_param(st, "norefersub") && !step_param(st, "refer"))
        wrong(o, "%s: norefersub means nothing without refer", step_name(st->kind));
}

static void take_word(const struct options *o, struct step *st, const char *word)
{
    const char *step = step_name(st->kind), *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : 0, i = 0;
    while (i < ARRAY_LEN(params) &&
           !(strlen(params[i].name) == n && strncmp(params[i].name, word, n) == 0))
        i++;
    if (!equals || i == ARRAY_LEN(params) || !knows(st->kind, params[i].name))
        unknown_param(o, st->kind, word);
    if (step_param(st, params[i].name))
        wrong(o, "%s: %s= stands there twice", step, params[i].name);
    check_value(o, step, word, params[i].kind);
    st->words[st->n_words++] = word; // no more than there are parameters
}

void step_read(const struct options *o, int *at, struct step *ret_step)
{
    const char *name = o->steps[(*at)++];
    size_t k = 0;
    while (k < STEP_KINDS && strcmp(steps[k].name, name))
        k++;
    if (k == STEP_KINDS) {
        const char *near = nearest_name(name, nth_step, NULL);
        if (near)
            wrong(o, "there is no step '%s': did you mean %s?", name, near);
        wrong(o, "there is no step '%s'", name);
    }
    *ret_step = (struct step){.kind = (enum step_kind)k};
    if (steps[k].has_target) {
        if (*at == o->n_steps || strcmp(o->steps[*at], "+") == 0)
            wrong(o, "something is missing: what to '%s'", name);
        ret_step->target = o->steps[(*at)++];
        check_target(o, ret_step);
    }
    while (*at < o->n_steps && strcmp(o->steps[*at], "+"))
        take_word(o, ret_step, o->steps[(*at)++]);
    check_together(o, ret_step);
    if (*at < o->n_steps && ++*at == o->n_steps)
        wrong(o, "something is missing: a step behind the last +");
}
