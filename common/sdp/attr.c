// SPDX-License-Identifier: Apache-2.0
#include "sdp/attr.h"

#include "base/err.h"
#include "base/mem.h"
#include "sdp/sdp_priv.h"

struct sdp_attr_iter sdp_attr_iter_init(const struct sdp *s, size_t media, struct str name)
{
    const struct sdp_part *p = sdp_part(s, media);
    return (struct sdp_attr_iter){.s = s, .name = name, .next = p->first, .end = p->end};
}

bool sdp_attr_iter_next(struct sdp_attr_iter *it, struct sdp_attr *ret_attr)
{
    while (it->next < it->end) {
        size_t i = it->next++;
        struct sdp_line l = sdp_line_at(it->s, i);
        if (l.type != 'a')
            continue;
        struct sdp_attr a = {.value = l.value, .line = i};
        bool property = str_chr(l.value, ':') < 0;
        a.name = str_split(&a.value, ':');
        if (property)
            a.value = STR_NONE;
        if (it->name.n && !str_eq(a.name, it->name))
            continue;
        *ret_attr = a;
        return true;
    }
    return false;
}

bool sdp_attr_find(const struct sdp *s, size_t media, struct str name, struct sdp_attr *ret_attr)
{
    struct sdp_attr_iter it = sdp_attr_iter_init(s, media, name);
    return sdp_attr_iter_next(&it, ret_attr);
}

// Place of a word in a list of names; -1: not there.
static int place_of(struct str word, const struct str *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(word, names[i]))
            return (int)i;
    return -1;
}

// curr:<type> <status-type> <direction>, des:<type> <strength> <status-type> <direction>, conf: as
// curr
int sdp_precondition_parse(const struct sdp_attr *a, struct sdp_precondition *ret_precondition)
{
    static const struct str conditions[] = {STR_INIT("curr"), STR_INIT("des"), STR_INIT("conf")},
                            strengths[] = {STR_INIT("mandatory"), STR_INIT("optional"),
                                           STR_INIT("none"), STR_INIT("failure"),
                                           STR_INIT("unknown")},
                            segments[] = {STR_INIT("e2e"), STR_INIT("local"), STR_INIT("remote")},
                            ways[] = {STR_INIT("none"), STR_INIT("send"), STR_INIT("recv"),
                                      STR_INIT("sendrecv")};
    int condition = place_of(a->name, conditions, ARRAY_LEN(conditions)), strength = 0;
    struct str v = a->value, type = sdp_word(&v);
    if (condition < 0)
        return ERR_NOTFOUND;
    if (condition == SDP_DESIRED)
        strength = place_of(sdp_word(&v), strengths, ARRAY_LEN(strengths));
    int segment = place_of(sdp_word(&v), segments, ARRAY_LEN(segments));
    int way = place_of(sdp_word(&v), ways, ARRAY_LEN(ways));
    if (!type.n || strength < 0 || segment < 0 || way < 0 || sdp_word(&v).n)
        return ERR_BAD;
    *ret_precondition =
        (struct sdp_precondition){(enum sdp_condition)condition, type, (enum sdp_strength)strength,
                                  (enum sdp_segment)segment, (enum sdp_way)way};
    return 0;
}

int sdp_crypto_parse(struct str value, struct sdp_crypto *ret_crypto)
{
    struct sdp_crypto c;
    if (str_u32(sdp_word(&value), &c.tag))
        return ERR_BAD;
    c.suite = sdp_word(&value);
    c.keys = sdp_word(&value);
    c.params = value;
    if (!c.suite.n || str_chr(c.keys, ':') <= 0)
        return ERR_BAD;
    *ret_crypto = c;
    return 0;
}
