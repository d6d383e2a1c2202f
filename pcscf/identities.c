// SPDX-License-Identifier: Apache-2.0
#include "pcscf/identities.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "ims/impu.h"
#include "ims/wildcard.h"
#include "sip/addr_hdr.h"
#include "sip/uri.h"

enum { DISPLAY_MAX = 256 };

// ---- what a message lists ----

// Offset of the < of a name-addr, behind its display name; -1: there is none.
static ptrdiff_t bracket(struct str s)
{
    bool quoted = false;
    for (size_t i = 0; i < s.n; i++) {
        if (quoted && s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            quoted = !quoted;
        else if (!quoted && s.p[i] == '<')
            return (ptrdiff_t)i;
    }
    return -1;
}

// One that is long or goes over several lines is left out rather than kept for others to read.
static struct str display_of(struct str s)
{
    return s.n > DISPLAY_MAX || str_chr(s, '\r') >= 0 || str_chr(s, '\n') >= 0 ? STR_NONE : s;
}

// A display name that belongs to something unreadable has to be one by itself.
static struct str checked_display(struct arena *a, struct str s)
{
    struct sip_addr addr;
    return sip_addr_parse(a, ARENA_CAT(a, s, STR(" <sip:a@b>")), &addr) ? STR_NONE : display_of(addr.display);
}

// What stands between the brackets, whatever it is.
static bool read_loosely(struct arena *a, struct str value, struct identity *ret)
{
    ptrdiff_t open = bracket(value);
    struct str inside = open < 0 ? STR_NONE : str_skip(value, (size_t)open + 1);
    ptrdiff_t close = str_chr(inside, '>');
    if (close <= 0)
        return false;
    *ret = (struct identity){str_head(inside, (size_t)close),
                                 checked_display(a, str_trim(str_head(value, (size_t)open)))};
    return true;
}

static bool read_one(struct arena *a, struct str value, struct identity *ret)
{
    struct sip_addr addr;
    if (sip_addr_parse(a, value, &addr))
        return read_loosely(a, value, ret);
    *ret = (struct identity){addr.uri.text, display_of(addr.display)};
    return true;
}

bool identity_is_pattern(struct arena *a, struct str uri)
{
    struct wildcard_parts parts;
    return wildcard_split(wildcard_from_uri(a, uri), &parts);
}

struct listed {
    struct identity id;
    bool pattern;
};

// All of them; *ret_distinct are no patterns. NULL: no memory.
static struct listed *list_all(const struct sip_edits *e, size_t *ret_n, size_t *ret_distinct)
{
    struct sip_edits_iter it = sip_edits_iter_init(e, SIP_H_P_ASSOCIATED_URI);
    size_t values = 0;
    *ret_n = *ret_distinct = 0;
    for (struct str value; sip_edits_iter_next(&it, &value);)
        values++;
    struct listed *all = arena_alloc(e->arena, (values + 1) * sizeof *all);
    it = sip_edits_iter_init(e, SIP_H_P_ASSOCIATED_URI);
    for (struct str value; all && sip_edits_iter_next(&it, &value);) {
        struct listed *l = &all[*ret_n];
        if (!read_one(e->arena, value, &l->id))
            continue;
        l->pattern = identity_is_pattern(e->arena, l->id.uri);
        *ret_distinct += !l->pattern;
        ++*ret_n;
    }
    return all;
}

int identities_read(const struct sip_edits *e, size_t max, struct identity **ret_identities, size_t *ret_n,
                    size_t *ret_more)
{
    size_t all, distinct, n = 0;
    struct listed *list = list_all(e, &all, &distinct);
    struct identity *ids = list ? arena_alloc(e->arena, (all + 1) * sizeof *ids) : NULL;
    if (!ids)
        return ERR_NOMEM;
    // Room of distinct ones, and of patterns: a UE without any identity that it may speak as could do nothing.
    size_t room[2] = {max, max > distinct ? max - distinct : 0};
    for (size_t i = 0; i < all; i++) {
        if (!room[list[i].pattern])
            continue;
        room[list[i].pattern]--;
        ids[n++] = list[i].id;
    }
    *ret_identities = ids;
    *ret_n = n;
    *ret_more = all - n;
    return 0;
}

// ---- what they are compared by ----

int identity_key_init(struct identity_key *k, const struct numbering *plan, struct str impu)
{
    arena_init(&k->arena, k->room, sizeof k->room);
    k->text = impu_canon_text(&k->arena, plan, impu);
    if (!k->arena.failed && !k->text.p)
        k->text = impu;
    if (!k->arena.failed && k->text.p) {
        k->hash = hash_bytes(k->text.p, k->text.n);
        return 0;
    }
    arena_done(&k->arena);
    return ERR_NOMEM;
}

void identity_key_done(struct identity_key *k)
{
    arena_done(&k->arena);
}

// ---- what is said of them ----

struct str identity_value(struct arena *a, const struct identity *id)
{
    return ARENA_CAT(a, id->display, id->display.n ? STR(" <") : STR("<"), id->uri, STR(">"));
}

static struct str before_params(struct str user)
{
    const char *semicolon = user.n ? memchr(user.p, ';', user.n) : NULL;
    return semicolon ? str_make(user.p, (size_t)(semicolon - user.p)) : user;
}

struct str identity_plain(struct arena *a, const struct sip_uri *u)
{
    struct sip_number number;
    struct str context = sip_uri_param(u, STR("phone-context"), NULL);
    if (u->scheme == SIP_SCHEME_TEL)
        return ARENA_CAT(a, STR("tel:"), u->user, context.n ? STR(";phone-context=") : STR(""), context);
    // TS 24.229 4.4.12: of a number the digits, and no parameter such as cpc or oli. What has the form of a number and does
    // not say that it is one may be a name ("fe.de"), so its letters stay as they are.
    struct str user = u->user;
    if (sip_uri_number(a, u, &number))
        user = ARENA_CAT(a, sip_uri_is_phone(u) ? sip_number_user(a, number.digits) : sip_user_plain(a, before_params(user)),
                         number.context.n ? STR(";phone-context=") : STR(""), number.context);
    return ARENA_CAT(a, u->scheme == SIP_SCHEME_SIPS ? STR("sips:") : STR("sip:"), user, STR("@"), u->host,
                     sip_uri_is_phone(u) ? STR(";user=phone") : STR(""));
}
