// SPDX-License-Identifier: Apache-2.0
#include "sip/plain.h"

static bool is_break(char c)
{
    return memchr(" \t,;()'\"<>=/", c, 12) != NULL;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex_or_colon(char c)
{
    return c == ':' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// "a.b" and "a:1", and what has two colons and else hexadecimal digits.
static bool is_place(struct str word)
{
    size_t colons = 0, hex = 0;
    for (size_t i = 0; i < word.n; i++) {
        char c = word.p[i];
        bool inside = i > 0 && i + 1 < word.n;
        colons += c == ':';
        hex += is_hex_or_colon(c) || c == '[' || c == ']';
        if (inside && c == '.' && is_alnum(word.p[i - 1]) && is_alnum(word.p[i + 1]))
            return true;
        if (inside && c == ':' && (is_alnum(word.p[i - 1]) || word.p[i - 1] == ']') && word.p[i + 1] >= '0' &&
            word.p[i + 1] <= '9')
            return true;
    }
    return colons > 1 && hex == word.n;
}

// Where the first word that is a place begins; text.n: there is none.
static size_t first_place(struct str text)
{
    for (size_t from = 0; from < text.n;) {
        size_t to = from;
        while (to < text.n && !is_break(text.p[to]))
            to++;
        if (to > from && is_place(str_make(text.p + from, to - from)))
            return from;
        from = to + 1;
    }
    return text.n;
}

struct str sip_plain_text(struct str text)
{
    size_t at = first_place(text);
    if (at == text.n)
        return text;
    while (at > 1 && !(text.p[at - 2] == ':' && text.p[at - 1] == ' '))
        at--;
    return at > 1 ? str_head(text, at - 2) : STR_NONE;
}

struct str sip_quotable(struct arena *a, struct str text)
{
    struct arena_buf b = arena_buf_init(a);
    size_t from = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '"' && text.p[i] != '\\')
            continue;
        arena_buf_add(&b, str_make(text.p + from, i - from));
        arena_buf_add(&b, STR("\\"));
        from = i;
    }
    arena_buf_add(&b, str_skip(text, from));
    return arena_buf_done(&b);
}
