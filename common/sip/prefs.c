// SPDX-License-Identifier: Apache-2.0
#include "sip/prefs.h"

#include "base/arena.h"
#include "base/err.h"
#include "sip/msg.h"

// ---- values of a feature: tag-value-list or string-value (RFC 3840 9) ----

enum value_kind { VALUE_TOKEN, VALUE_STRING, VALUE_NUMBER };

struct value {
    enum value_kind kind;
    bool negated;
    struct str text;
    int64_t low, high; // VALUE_NUMBER, in millionths, both included
};

enum { NUMBER_SCALE = 1000000 };
static const int64_t number_max = INT64_MAX / 4; // stands for infinity; room for one more

// number = [ "+" / "-" ] 1*DIGIT [ "." 0*DIGIT ]; what follows it stays in *s.
static int64_t read_number(struct str *s)
{
    bool minus = s->n && *s->p == '-';
    int64_t v = 0, scale = 0;
    bool fraction = false;
    if (s->n && (*s->p == '-' || *s->p == '+'))
        *s = str_skip(*s, 1);
    for (; s->n; *s = str_skip(*s, 1)) {
        if (*s->p == '.' && !fraction) {
            fraction = true;
            scale = NUMBER_SCALE;
            continue;
        }
        if (*s->p < '0' || *s->p > '9')
            break;
        int64_t digit = *s->p - '0';
        if (fraction) {
            scale /= 10;
            v += digit * scale;
        } else {
            v = v < number_max / 100 ? v * 10 + digit * NUMBER_SCALE : number_max;
        }
    }
    return minus ? -v : v;
}

// numeric = "#" ( ">=" number / "<=" number / "=" number / number ":" number )
static void read_numeric(struct str s, struct value *v)
{
    v->kind = VALUE_NUMBER;
    v->low = -number_max;
    v->high = number_max;
    if (str_starts(s, STR(">="))) {
        s = str_skip(s, 2);
        v->low = read_number(&s);
    } else if (str_starts(s, STR("<="))) {
        s = str_skip(s, 2);
        v->high = read_number(&s);
    } else if (str_starts(s, STR("="))) {
        s = str_skip(s, 1);
        v->low = v->high = read_number(&s);
    } else {
        v->low = v->high = read_number(&s);
        if (str_starts(s, STR(":"))) {
            s = str_skip(s, 1);
            v->high = read_number(&s);
        }
    }
}

static void read_value(struct str s, struct value *v)
{
    *v = (struct value){.kind = VALUE_TOKEN};
    s = str_trim(s);
    if (str_starts(s, STR("!"))) {
        v->negated = true;
        s = str_skip(s, 1);
    }
    v->text = s;
    if (str_starts(s, STR("<")))
        v->kind = VALUE_STRING;
    else if (str_starts(s, STR("#")))
        read_numeric(str_skip(s, 1), v);
    if (!v->negated || (!str_ieq(s, STR("TRUE")) && !str_ieq(s, STR("FALSE"))))
        return;
    v->text = str_ieq(s, STR("TRUE")) ? STR("FALSE") : STR("TRUE"); // there is no third
    v->negated = false;
}

// The first of the list; commas inside of a string-value do not count.
static struct str next_value(struct str *rest)
{
    bool bracket = false;
    size_t i = 0;
    for (; i < rest->n && (bracket || rest->p[i] != ','); i++)
        bracket = rest->p[i] == '<' || (bracket && rest->p[i] != '>');
    struct str value = str_head(*rest, i);
    *rest = i < rest->n ? str_skip(*rest, i + 1) : STR_NONE;
    return value;
}

static struct str bare(struct str s)
{
    bool quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
    return quoted ? str_make(s.p + 1, s.n - 2) : s;
}

// A feature without a value is there (RFC 3840 9).
static size_t read_values(const struct sip_param *p, struct value values[SIP_FEATURE_VALUES])
{
    struct str rest = bare(p->value);
    size_t n = 0;
    if (!rest.n)
        rest = STR("TRUE");
    while (rest.n && n < SIP_FEATURE_VALUES)
        read_value(next_value(&rest), &values[n++]);
    return n;
}

// ---- matching: is there a value that satisfies both? (RFC 2533 as RFC 3841 7.2.4 uses it) ----

// One that might; text p NULL and no number: some value that nobody has named.
struct candidate {
    bool is_number;
    enum value_kind kind;
    struct str text;
    int64_t number;
};

static bool satisfies(const struct value *v, const struct candidate *c)
{
    bool fits = false;
    if (v->kind == VALUE_NUMBER)
        fits = c->is_number && c->number >= v->low && c->number <= v->high;
    else if (c->text.p && c->kind == v->kind)
        fits = v->kind == VALUE_STRING ? str_eq(v->text, c->text) : str_ieq(v->text, c->text);
    return fits != v->negated;
}

static bool any(const struct value *values, size_t n, const struct candidate *c)
{
    for (size_t i = 0; i < n; i++)
        if (satisfies(&values[i], c))
            return true;
    return false;
}

struct values {
    struct value v[SIP_FEATURE_VALUES];
    size_t n;
};

static bool both(const struct values *a, const struct values *b, const struct candidate *c)
{
    return any(a->v, a->n, c) && any(b->v, b->n, c);
}

// The values that a names, and those beside the ends of its ranges.
static bool meet_at(const struct values *a, const struct values *b)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct value *v = &a->v[i];
        const int64_t ends[] = {v->low, v->high, v->low - 1, v->high + 1};
        struct candidate c = {.kind = v->kind, .text = v->text};
        if (v->kind != VALUE_NUMBER && both(a, b, &c))
            return true;
        for (size_t k = 0; v->kind == VALUE_NUMBER && k < sizeof ends / sizeof *ends; k++) {
            c = (struct candidate){.is_number = true, .number = ends[k]};
            if (both(a, b, &c))
                return true;
        }
    }
    return false;
}

static bool match(const struct sip_param *a, const struct sip_param *b)
{
    struct values x, y;
    const struct candidate other = {.kind = VALUE_TOKEN};
    x.n = read_values(a, x.v);
    y.n = read_values(b, y.v);
    return meet_at(&x, &y) || meet_at(&y, &x) || both(&x, &y, &other);
}

bool sip_feature_has(const struct sip_param *contact, struct str name, struct str value)
{
    bool there = false;
    struct str has = sip_param_get(contact, name, &there);
    const struct sip_param a = {.value = has}, b = {.value = value};
    return there && match(&a, &b);
}

// ---- reading ----

bool sip_is_feature(struct str name)
{
    static const struct str base[] = {
        STR_INIT("audio"),    STR_INIT("video"),    STR_INIT("text"),     STR_INIT("application"),
        STR_INIT("data"),     STR_INIT("control"),  STR_INIT("automata"), STR_INIT("class"),
        STR_INIT("duplex"),   STR_INIT("mobility"), STR_INIT("events"),   STR_INIT("description"),
        STR_INIT("priority"), STR_INIT("methods"),  STR_INIT("schemes"),  STR_INIT("extensions"),
        STR_INIT("isfocus"),  STR_INIT("actor"),    STR_INIT("language"), STR_INIT("type"),
    };
    if (str_starts(name, STR("+")))
        return true;
    for (size_t i = 0; i < sizeof base / sizeof *base; i++)
        if (str_ieq(name, base[i]))
            return true;
    return false;
}

// *left bounds the features of all values together: each is compared with each contact's.
static struct sip_pref read_pref(const struct sip_token *t, size_t *left)
{
    struct sip_pref p = {.n = 0};
    for (const struct sip_param *q = t->params; q; q = q->next) {
        p.require = p.require || str_ieq(q->name, STR("require"));
        p.explicit = p.explicit || str_ieq(q->name, STR("explicit"));
        if (sip_is_feature(q->name) && p.n < SIP_PREF_TERMS && *left) {
            p.terms[p.n++] = q;
            (*left)--;
        }
    }
    return p;
}

static size_t read_header(const struct sip_msg *m, enum sip_hid id,
                          struct sip_pref prefs[SIP_PREFS_MAX])
{
    struct sip_iter it = sip_iter_init(m, id);
    size_t n = 0, left = SIP_PREF_TERMS_ALL;
    for (const struct sip_token *t; n < SIP_PREFS_MAX && (t = sip_iter_next(&it));) {
        prefs[n] = read_pref(t, &left);
        n += prefs[n].n > 0; // without a feature it says nothing
    }
    return n;
}

// RFC 3841 7.2.2: a contact that says what it can do and does not name this is not asked.
static int imply(struct arena *a, struct sip_prefs *p, struct str name, struct str value)
{
    struct sip_param *q = ARENA_NEW(a, struct sip_param);
    if (!q)
        return ERR_NOMEM;
    *q = (struct sip_param){.name = name, .value = value};
    p->accept[p->n_accept++] = (struct sip_pref){.terms = {q}, .n = 1, .require = true};
    return 0;
}

int sip_prefs_read(struct arena *a, const struct sip_msg *m, struct sip_prefs *ret_prefs)
{
    struct sip_prefs p = {.n_accept = 0};
    const struct sip_token *event = sip_msg_at(m, SIP_H_EVENT, 0);
    p.n_accept = read_header(m, SIP_H_ACCEPT_CONTACT, p.accept);
    p.n_reject = read_header(m, SIP_H_REJECT_CONTACT, p.reject);
    p.implicit = !p.n_accept && !p.n_reject;
    int err = p.implicit ? imply(a, &p, STR("methods"), sip_msg_method_name(m)) : 0;
    if (!err && p.implicit && event && sip_msg_method(m) == SIP_SUBSCRIBE)
        err = imply(a, &p, STR("events"), event->token);
    if (!err)
        *ret_prefs = p;
    return err;
}

// ---- judging ----

static const struct sip_param *find(const struct sip_param *p, struct str name)
{
    while (p && !str_ieq(p->name, name))
        p = p->next;
    return p;
}

static bool has_features(const struct sip_param *contact)
{
    for (; contact; contact = contact->next)
        if (sip_is_feature(contact->name))
            return true;
    return false;
}

// Who does not say that it has all of it is not meant.
static bool is_rejected(const struct sip_pref *r, const struct sip_param *contact)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct sip_param *own = find(contact, r->terms[i]->name);
        if (!own || !match(own, r->terms[i]))
            return false;
    }
    return true;
}

// False: it drops out. What the contact does not speak of may be so, but counts nothing.
static bool accepts(const struct sip_pref *p, const struct sip_param *contact, unsigned *ret_score)
{
    size_t said = 0;
    bool fits = true;
    for (size_t i = 0; i < p->n; i++) {
        const struct sip_param *own = find(contact, p->terms[i]->name);
        if (!own)
            continue;
        bool good = match(own, p->terms[i]);
        fits = fits && good;
        said += good;
    }
    if (p->explicit)
        fits = fits && said == p->n;
    *ret_score = fits ? (unsigned)(1000 * said / p->n) : 0;
    return fits || !p->require;
}

bool sip_prefs_judge(const struct sip_prefs *p, const struct sip_param *contact,
                     uint16_t *ret_score)
{
    unsigned sum = 0, score;
    *ret_score = 1000;
    if (!has_features(contact)) // whoever says nothing of itself is not judged (RFC 3841 7.2.3)
        return true;
    for (size_t i = 0; i < p->n_reject; i++)
        if (is_rejected(&p->reject[i], contact))
            return false;
    for (size_t i = 0; i < p->n_accept; i++) {
        if (!accepts(&p->accept[i], contact, &score))
            return false;
        sum += score;
    }
    if (!p->implicit && p->n_accept)
        *ret_score = (uint16_t)(sum / p->n_accept);
    return true;
}

// ---- Request-Disposition ----

struct sip_disposition sip_disposition_read(const struct sip_msg *m)
{
    return (struct sip_disposition){
        .no_fork = sip_msg_has_token(m, SIP_H_REQUEST_DISPOSITION, STR("no-fork")),
        .sequential = sip_msg_has_token(m, SIP_H_REQUEST_DISPOSITION, STR("sequential")),
        .parallel = sip_msg_has_token(m, SIP_H_REQUEST_DISPOSITION, STR("parallel")),
    };
}
