// SPDX-License-Identifier: Apache-2.0
#include "ims/ere.h"

enum { REPEAT_MAX = 255 }; // RE_DUP_MAX of POSIX

struct scan {
    struct str s;
    size_t i, depth, size_max;
    const char *why; // sticky
};

static size_t alternatives(struct scan *s);

static size_t fail(struct scan *s, const char *why)
{
    if (!s->why)
        s->why = why;
    s->i = s->s.n;
    return 0;
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

static size_t within(struct scan *s, size_t n)
{
    return n > s->size_max ? fail(s, "its expression is too large with its repetitions written out") : n;
}

// "[:alpha:]" behind its first bracket.
static size_t class(struct scan *s)
{
    struct str rest = str_skip(s->s, s->i + 2);
    ptrdiff_t end = str_find(rest, STR(":]"));
    if (end < 0)
        return fail(s, "a character class in its expression has no end");
    s->i += 2 + (size_t)end + 2;
    return 1;
}

static size_t bracket_item(struct scan *s)
{
    if (peek(s) == '[' && s->i + 1 < s->s.n && memchr(":.=", s->s.p[s->i + 1], 3))
        return s->s.p[s->i + 1] == ':' ? class(s) : fail(s, "its expression has a collating element");
    char first = peek(s);
    s->i++;
    bool range = peek(s) == '-' && s->i + 1 < s->s.n && s->s.p[s->i + 1] != ']';
    if (range && s->s.p[s->i + 1] < first)
        return fail(s, "a range in its expression has its ends the wrong way round");
    if (range)
        s->i += 2;
    return 1;
}

static size_t bracket(struct scan *s)
{
    size_t n = take(s, '^'); // one range more than there are items
    do
        n += bracket_item(s);
    while (!at_end(s) && peek(s) != ']');
    return take(s, ']') ? n : fail(s, "a bracket in its expression has no end");
}

static size_t group(struct scan *s)
{
    if (s->depth == 0)
        return fail(s, "its expression has too many groups within each other");
    s->depth--;
    size_t n = alternatives(s);
    s->depth++;
    return take(s, ')') ? n : fail(s, "a group in its expression has no end");
}

static size_t atom(struct scan *s)
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
            return fail(s, "a backslash in its expression stands before what needs none");
        s->i++;
        return 1;
    case '*': case '+': case '?': case '{':
        return fail(s, "a repetition in its expression has nothing to repeat");
    case '^': case '$':
        if (memchr("*+?{", peek(s), 4) && !at_end(s))
            return fail(s, "a repetition in its expression has nothing to repeat");
        return 1;
    default:
        return c > ' ' && c < 0x7f ? 1 : fail(s, "its expression has a character that no identity has");
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

// How often a bound writes out what it repeats.
static size_t bound(struct scan *s)
{
    size_t min = 0, max = 0;
    bool ok = number(s, &min);
    max = min;
    if (ok && take(s, ',')) {
        bool open = peek(s) == '}';
        max = open ? min + 1 : 0;
        ok = open || (number(s, &max) && max >= min);
    }
    if (!ok || !take(s, '}'))
        return fail(s, "a repetition in its expression is none such as {1,12}, or more than 255");
    return max ? max : 1;
}

static size_t piece(struct scan *s)
{
    size_t n = atom(s);
    if (at_end(s))
        return n;
    if (take(s, '{'))
        n = within(s, n * bound(s));
    else if (!take(s, '*') && !take(s, '+') && !take(s, '?'))
        return n;
    return !at_end(s) && memchr("*+?{", peek(s), 4) ? fail(s, "two repetitions in its expression follow each other") : n;
}

static size_t branch(struct scan *s)
{
    size_t n = 0, first = s->i;
    while (!at_end(s) && peek(s) != '|' && peek(s) != ')')
        n = within(s, n + piece(s));
    return s->i == first ? fail(s, "its expression, or an alternative in it, is empty") : n;
}

static size_t alternatives(struct scan *s)
{
    size_t n = branch(s);
    while (take(s, '|'))
        n = within(s, n + branch(s));
    return n;
}

const char *ere_refused(struct str expression, size_t size, size_t depth)
{
    struct scan s = {.s = expression, .depth = depth, .size_max = size};
    (void)alternatives(&s);
    if (!s.why && !at_end(&s))
        s.why = "its expression has a bracket that closes nothing";
    return s.why;
}
