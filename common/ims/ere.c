// SPDX-License-Identifier: Apache-2.0
#include "ims/ere.h"

#include "base/mem.h"

enum {
    REPEAT_MAX = 255, // RE_DUP_MAX of POSIX
    FOLLOW = 32,      // so many may follow each character
};

// What a piece of an expression becomes, its repetitions written out: the automaton has a transition for each way in
// which two of its characters may follow each other, as often as there is one.
struct cost {
    size_t size;
    size_t first, last; // characters that a match may begin and end with
    size_t transitions;
    size_t weight; // of one transition to a character of it, the largest
    bool empty;    // it matches nothing, too
};

struct scan {
    struct str s;
    size_t i, depth, size_max;
    const char *why; // sticky
};

static struct cost alternatives(struct scan *s);

static size_t fail(struct scan *s, const char *why)
{
    if (!s->why)
        s->why = why;
    s->i = s->s.n;
    return 0;
}

static struct cost failed(struct scan *s, const char *why)
{
    (void)fail(s, why);
    return (struct cost){.empty = true};
}

static bool at_end(const struct scan *s)
{
    return s->i >= s->s.n;
}

static char peek(const struct scan *s)
{
    return at_end(s) ? 0 : s->s.p[s->i];
}

static bool take(struct scan *s, char c)
{
    if (peek(s) != c || at_end(s))
        return false;
    s->i++;
    return true;
}

// A character that a canonical identity may have.
static bool is_visible(char c)
{
    return c > ' ' && c < 0x7f;
}

static struct cost within(struct scan *s, struct cost c)
{
    bool good = c.size <= s->size_max && c.transitions * c.weight <= FOLLOW * s->size_max;
    return good ? c : failed(s, "its expression is too large with its repetitions written out");
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static struct cost one(void)
{
    return (struct cost){.size = 1, .first = 1, .last = 1, .weight = 1};
}

static struct cost behind(struct cost a, struct cost b)
{
    return (struct cost){.size = a.size + b.size,
                         .first = a.first + (a.empty ? b.first : 0),
                         .last = b.last + (b.empty ? a.last : 0),
                         .transitions = a.transitions + b.transitions + a.last * b.first,
                         .weight = larger(a.weight, b.weight),
                         .empty = a.empty && b.empty};
}

static struct cost either(struct cost a, struct cost b)
{
    return (struct cost){.size = a.size + b.size,
                         .first = a.first + b.first,
                         .last = a.last + b.last,
                         .transitions = a.transitions + b.transitions,
                         .weight = larger(a.weight, b.weight),
                         .empty = a.empty || b.empty};
}

static struct cost again(struct cost c, bool none)
{
    c.transitions += c.last * c.first;
    c.empty = c.empty || none;
    return c;
}

// The twelve classes of POSIX 1003.1 XBD 9.3.5 in their own letters: libraries do not agree where the name of another
// ends. With the ranges of ASCII that each becomes; 0: none of them begins here.
static size_t class(struct scan *s)
{
    static const struct {
        struct str text;
        size_t ranges;
    } classes[] = {
        {STR_INIT("[:alnum:]"), 3}, {STR_INIT("[:alpha:]"), 2}, {STR_INIT("[:blank:]"), 2}, {STR_INIT("[:cntrl:]"), 2},
        {STR_INIT("[:digit:]"), 1}, {STR_INIT("[:graph:]"), 1}, {STR_INIT("[:lower:]"), 1}, {STR_INIT("[:print:]"), 1},
        {STR_INIT("[:punct:]"), 4}, {STR_INIT("[:space:]"), 2}, {STR_INIT("[:upper:]"), 1}, {STR_INIT("[:xdigit:]"), 3},
    };
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        if (!str_starts(str_skip(s->s, s->i), classes[i].text))
            continue;
        s->i += classes[i].text.n;
        return classes[i].ranges;
    }
    return 0;
}

// What begins here is a class, or something in its manner.
static bool opens_class(const struct scan *s)
{
    return peek(s) == '[' && s->i + 1 < s->s.n && memchr(":.=", s->s.p[s->i + 1], 3);
}

static bool ends_bracket(const struct scan *s)
{
    return peek(s) == ']';
}

static size_t end_of_range(struct scan *s, char first)
{
    if (opens_class(s))
        return fail(s, "a range in its expression ends in a class");
    if (peek(s) < first)
        return fail(s, "a range in its expression has its ends the wrong way round");
    if (!is_visible(peek(s)))
        return fail(s, "its expression has a character that no identity has");
    s->i++;
    return 1;
}

static size_t bracket_item(struct scan *s, bool is_first)
{
    if (opens_class(s)) {
        size_t ranges = class(s);
        return ranges
                   ? ranges
                   : fail(s, "a class in its expression is none of POSIX, such as [:alpha:], or a collating element");
    }
    char first = peek(s);
    if (!is_visible(first))
        return fail(s, at_end(s) ? "a bracket in its expression has no end"
                                 : "its expression has a character that no identity has");
    s->i++;
    if (first == '-' && !is_first && !ends_bracket(s))
        return fail(s, "a - in a bracket of its expression is neither first nor last, nor between the ends of a range");
    bool range = peek(s) == '-' && s->i + 1 < s->s.n && s->s.p[s->i + 1] != ']';
    if (!range)
        return 1;
    s->i++;
    return end_of_range(s, first);
}

// Transitions to a negated bracket have its classes with them, some bytes each.
static struct cost bracket(struct scan *s)
{
    bool is_first = true, negated = take(s, '^');
    size_t n = negated, classes = 0; // negated: one range more than there are items
    do {
        classes += negated && opens_class(s);
        n += bracket_item(s, is_first);
        is_first = false;
    } while (!at_end(s) && !ends_bracket(s));
    if (!take(s, ']'))
        return failed(s, "a bracket in its expression has no end");
    return (struct cost){.size = n, .first = n, .last = n, .weight = classes ? 2 + (classes + 2) / 8 : 1};
}

static struct cost group(struct scan *s)
{
    if (s->depth == 0)
        return failed(s, "its expression has too many groups within each other");
    s->depth--;
    struct cost c = alternatives(s);
    s->depth++;
    return take(s, ')') ? c : failed(s, "a group in its expression has no end");
}

static struct cost atom(struct scan *s)
{
    char c = peek(s);
    s->i++;
    switch (c) {
    case '(':
        return group(s);
    case '[':
        return bracket(s);
    case '\\':
        if (at_end(s) || !memchr(".[\\()*+?{|^$]}", peek(s), 14))
            return failed(s, "a backslash in its expression stands before what needs none");
        s->i++;
        return one();
    case '*': case '+': case '?': case '{':
        return failed(s, "a repetition in its expression has nothing to repeat");
    case '^': case '$':
        if (memchr("*+?{", peek(s), 4) && !at_end(s))
            return failed(s, "a repetition in its expression has nothing to repeat");
        return (struct cost){.size = 1, .weight = 1, .empty = true};
    default:
        return is_visible(c) ? one() : failed(s, "its expression has a character that no identity has");
    }
}

static bool number(struct scan *s, size_t *ret_n)
{
    size_t n = 0, first = s->i;
    while (s->i - first < 4 && peek(s) >= '0' && peek(s) <= '9')
        n = 10 * n + (size_t)(s->s.p[s->i++] - '0');
    *ret_n = n;
    return s->i > first && n <= REPEAT_MAX;
}

// "{1,12}" behind its brace; *ret_max 0 and *ret_open: without an end.
static bool bound(struct scan *s, size_t *ret_min, size_t *ret_max, bool *ret_open)
{
    size_t min = 0, max = 0;
    bool ok = number(s, &min), open = false;
    max = min;
    if (ok && take(s, ',')) {
        open = peek(s) == '}';
        max = open ? min : 0;
        ok = open || (number(s, &max) && max >= min);
    }
    *ret_min = min;
    *ret_max = max;
    *ret_open = open;
    return ok && take(s, '}');
}

static struct cost written_out(struct cost c, size_t min, size_t max, bool open)
{
    struct cost all = {.empty = true}, rest = {.empty = true};
    for (size_t i = min; i < max; i++) { // x(x(x)?)?
        rest = behind(c, rest);
        rest.empty = true;
    }
    for (size_t i = 0; i < min; i++)
        all = behind(all, c);
    return behind(all, open ? again(c, true) : rest);
}

static struct cost repeated(struct scan *s, struct cost c)
{
    size_t min, max;
    bool open;
    if (!bound(s, &min, &max, &open))
        return failed(s, "a repetition in its expression is none such as {1,12}, or more than 255");
    size_t size = c.size * (max + open > 0 ? max + open : 1); // none at all is compiled, too, before it is left out
    if (size > s->size_max)
        return within(s, (struct cost){.size = size, .weight = 1});
    c = written_out(c, min, max, open);
    c.size = size;
    return within(s, c);
}

static struct cost piece(struct scan *s)
{
    struct cost c = atom(s);
    if (at_end(s))
        return c;
    if (take(s, '{'))
        c = repeated(s, c);
    else if (take(s, '*'))
        c = within(s, again(c, true));
    else if (take(s, '+'))
        c = within(s, again(c, false));
    else if (take(s, '?'))
        c.empty = true;
    else
        return c;
    return !at_end(s) && memchr("*+?{", peek(s), 4) ? failed(s, "two repetitions in its expression follow each other")
                                                    : c;
}

static struct cost branch(struct scan *s)
{
    struct cost c = {.empty = true};
    size_t first = s->i;
    while (!at_end(s) && peek(s) != '|' && peek(s) != ')')
        c = within(s, behind(c, piece(s)));
    return s->i == first ? failed(s, "its expression, or an alternative in it, is empty") : c;
}

static struct cost alternatives(struct scan *s)
{
    struct cost c = branch(s);
    while (take(s, '|'))
        c = within(s, either(c, branch(s)));
    return c;
}

const char *ere_refused(struct str expression, size_t size, size_t depth)
{
    struct scan s = {.s = expression, .depth = depth, .size_max = size};
    (void)alternatives(&s);
    if (!s.why && !at_end(&s))
        s.why = "its expression has a bracket that closes nothing";
    return s.why;
}
