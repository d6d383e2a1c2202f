// SPDX-License-Identifier: Apache-2.0
#include "hss/hss_priv.h"

// The characters of a name's value, one after the other.
struct reader {
    struct str s;
    bool quoted;
};

static struct reader reader_of(struct str s)
{
    s = str_trim(s);
    bool quoted = s.n && s.p[0] == '"';
    return (struct reader){quoted ? str_skip(s, 1) : s, quoted};
}

// -1 at the end.
static int next(struct reader *r)
{
    char end = r->quoted ? '"' : ';';
    if (r->quoted && r->s.n > 1 && r->s.p[0] == '\\')
        r->s = str_skip(r->s, 1);
    else if (!r->s.n || r->s.p[0] == end || (!r->quoted && r->s.p[0] == ' '))
        return -1;
    unsigned char c = (unsigned char)r->s.p[0];
    r->s = str_skip(r->s, 1);
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

bool hss_network_eq(struct str a, struct str b)
{
    struct reader x = reader_of(a), y = reader_of(b);
    int c, n = 0;
    do {
        c = next(&x);
        if (next(&y) != c)
            return false;
        n++;
    } while (c >= 0);
    return n > 1; // an empty name is nobody's
}

struct str hss_network_next(struct str *list)
{
    struct str s = str_trim(*list);
    bool quoted = s.n && s.p[0] == '"';
    size_t n = quoted ? 1 : 0;
    while (n < s.n && (quoted ? s.p[n] != '"' : s.p[n] != ' '))
        n += quoted && s.p[n] == '\\' && n + 1 < s.n ? 2 : 1;
    if (quoted && n < s.n)
        n++;
    *list = str_skip(s, n);
    return str_head(s, n);
}
