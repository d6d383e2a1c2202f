// SPDX-License-Identifier: Apache-2.0
#include "ims/trust.h"

#include "base/err.h"
#include "base/mem.h"
#include "sip/plain.h"

// Columns: UE, home, partner, foreign, application server.
static const struct trust_row rows[] = {
    // clang-format off
    {SIP_H_P_ASSERTED_IDENTITY,           {0}, "TS 24.229 4.4.2",  "D..D.", "i..D."},
    {SIP_H_P_ASSERTED_IDENTITY, {"cpc", "oli"}, "TS 24.229 4.4.12", "cc.c.", "c..c."},
    {SIP_H_P_PREFERRED_IDENTITY,          {0}, "RFC 3325 9.2",     "D..D.", "D.DDD"},
    {SIP_H_P_ACCESS_NETWORK_INFO,         {0}, "TS 24.229 4.4.3",  "n..n.", "D..D."},
    {SIP_H_CELLULAR_NETWORK_INFO,         {0}, "TS 24.229 4.4.19", "n..D.", "D..D."},
    {SIP_H_HISTORY_INFO,                  {0}, "TS 24.229 4.4.4",  ".....", "h..h."},
    {SIP_H_P_ASSERTED_SERVICE,            {0}, "TS 24.229 4.4.5",  "D..D.", "D..D."},
    {SIP_H_P_PREFERRED_SERVICE,           {0}, "RFC 6050 4.2",     "...D.", "D.DD."},
    {SIP_H_RESOURCE_PRIORITY,             {0}, "TS 24.229 4.4.6",  "D..D.", "D..D."},
    {SIP_H_REASON,                        {0}, "TS 24.229 4.4.7",  ".....", "...r."},
    {SIP_H_P_PROFILE_KEY,                 {0}, "TS 24.229 4.4.8",  "D.DD.", "D.DD."},
    {SIP_H_P_SERVED_USER,                 {0}, "TS 24.229 4.4.9",  "D..D.", "D..D."},
    {SIP_H_P_PRIVATE_NETWORK_INDICATION,  {0}, "TS 24.229 4.4.10", "D..D.", "D..D."},
    {SIP_H_P_EARLY_MEDIA,                 {0}, "TS 24.229 4.4.11", "e..D.", "...D."},
    {SIP_H_FEATURE_CAPS,                  {0}, "TS 24.229 4.4.13", "D..D.", "....."},
    {SIP_H_PRIORITY,                      {0}, "TS 24.229 4.4.14", "p..p.", "....."},
    {SIP_H_OTHER,            {"iotl", NULL}, "TS 24.229 4.4.15", "u..u.", "u..u."},
    {SIP_H_RESTORATION_INFO,              {0}, "TS 24.229 4.4.16", "D..D.", "D..D."},
    {SIP_H_RELAYED_CHARGE,                {0}, "TS 24.229 4.4.17", "D..D.", "D..D."},
    {SIP_H_SERVICE_INTERACT_INFO,         {0}, "TS 24.229 4.4.18", "D..D.", "D..D."},
    {SIP_H_RESPONSE_SOURCE,               {0}, "TS 24.229 4.4.20", "D..D.", "D..D."},
    {SIP_H_ATTESTATION_INFO,              {0}, "TS 24.229 4.4.21", "D..D.", "D..D."},
    {SIP_H_ORIGINATION_ID,                {0}, "TS 24.229 4.4.22", "D..D.", "D..D."},
    {SIP_H_ADDITIONAL_IDENTITY,           {0}, "TS 24.229 4.4.23", "D..D.", "D..D."},
    {SIP_H_PRIORITY_SHARE,                {0}, "TS 24.229 7.2.16", "D..D.", "D..D."},
    {SIP_H_RESOURCE_SHARE,                {0}, "TS 24.229 7.2.13", "D....", "D...."},
    {SIP_H_P_CHARGING_VECTOR,             {0}, "TS 24.229 4.5.1",  "D..D.", "D..D."},
    {SIP_H_P_CHARGING_FUNCTION_ADDRESSES, {0}, "TS 24.229 4.5.5",  "D.DD.", "D.DD."},
    {SIP_H_P_CHARGE_INFO,                 {0}, "RFC 8496 6",       "D..D.", "D..D."},
    {SIP_H_P_VISITED_NETWORK_ID,          {0}, "RFC 7315 5.3",     "D..D.", "D..D."},
    {SIP_H_P_CALLED_PARTY_ID,             {0}, "RFC 7315 5.2",     "D..D.", "....."},
    {SIP_H_P_ASSOCIATED_URI,              {0}, "RFC 7315 5.1",     "D..D.", "....."},
    {SIP_H_P_USER_DATABASE,               {0}, "RFC 4457 4",       "D.DD.", "D.DD."},
    {SIP_H_PATH,                          {0}, "RFC 3327 5.5",     "D....", "....."},
    {SIP_H_SERVICE_ROUTE,                 {0}, "RFC 3608 6.3",     "D..D.", "....."},
    {SIP_H_SECURITY_CLIENT,               {0}, "RFC 3329 2.3.1",   "D..D.", "D.DDD"},
    {SIP_H_SECURITY_VERIFY,               {0}, "RFC 3329 2.3.1",   "D..D.", "D.DDD"},
    {SIP_H_SECURITY_SERVER,               {0}, "RFC 3329 2.3.1",   "D..D.", "..DDD"},
    {SIP_H_AUTHORIZATION,                 {0}, "RFC 3261 22.2",    ".....", "D...."},
    {SIP_H_PROXY_AUTHORIZATION,           {0}, "RFC 3261 22.3",    ".....", "D..DD"},
    {SIP_H_WWW_AUTHENTICATE,              {0}, "TS 24.229 5.2.2.2", ".....", "k..kk"},
    {SIP_H_WARNING,                       {0}, "RFC 3261 20.43",   ".....", "w..w."},
    // clang-format on
};

const struct trust_row *trust_rows(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(rows);
    return rows;
}

char trust_rule(const struct trust_row *row, enum trust_way way, enum trust_side side)
{
    return (way == TRUST_IN ? row->in : row->out)[side];
}

// ---- rules ----

typedef void (*rule_fn)(const struct trust_row *row, const struct sip_msg *m, struct sip_edits *e);

static void drop(const struct trust_row *row, const struct sip_msg *m, struct sip_edits *e)
{
    (void)m; // earlier edits may have added what was not received
    sip_edit_remove(e, row->id);
}

static void drop_malformed(const struct trust_row *row, const struct sip_iter *it,
                           struct sip_edits *e)
{
    if (it->err)
        sip_edit_remove(e, row->id);
}

// A UE may not claim that the network provided its location.
static void drop_network_provided(const struct trust_row *row, const struct sip_msg *m,
                                  struct sip_edits *e)
{
    struct sip_iter it = sip_iter_init(m, row->id);
    for (const struct sip_token *t; (t = sip_iter_next(&it));)
        if (sip_param_has(t->params, STR("network-provided")))
            sip_edit_remove_at(e, row->id, sip_iter_index(&it));
    drop_malformed(row, &it, e);
}

// RFC 3323 4.2, RFC 3325 7: "id" asks that the asserted identity not leave the trust domain; "none"
// forbids the network to hide it.
static bool wants_privacy(const struct sip_msg *m, struct str kind)
{
    return sip_msg_has_token(m, SIP_H_PRIVACY, kind) &&
           !sip_msg_has_token(m, SIP_H_PRIVACY, STR("none"));
}

static void drop_when_private(const struct trust_row *row, const struct sip_msg *m,
                              struct sip_edits *e)
{
    if (wants_privacy(m, STR("id")))
        sip_edit_remove(e, row->id);
}

static bool entry_is_private(const struct sip_addr *entry)
{
    struct str rest = entry->uri.headers;
    while (rest.n) {
        struct str header = str_split(&rest, '&');
        if (str_istarts(header, STR("Privacy=")) && str_find(header, STR("history")) >= 0)
            return true;
    }
    return false;
}

// RFC 7044 10.1.2: of one entry by its own Privacy, of all by the message's.
static void hide_history(const struct trust_row *row, const struct sip_msg *m, struct sip_edits *e)
{
    bool all = wants_privacy(m, STR("history")) || wants_privacy(m, STR("header")) ||
               wants_privacy(m, STR("session"));
    struct sip_iter it = sip_iter_init(m, row->id);
    for (const struct sip_addr *a; (a = sip_iter_next(&it));) {
        if (!all && !entry_is_private(a))
            continue;
        struct str index = sip_param_get(a->params, STR("index"), NULL);
        sip_edit_replace_at(e, row->id, sip_iter_index(&it),
                            ARENA_CAT(e->arena, STR("<sip:anonymous@anonymous.invalid>"),
                                      index.n ? STR(";index=") : STR(""), index));
    }
    drop_malformed(row, &it, e);
}

static void keep_supported(const struct trust_row *row, const struct sip_msg *m,
                           struct sip_edits *e)
{
    struct sip_iter it = sip_iter_init(m, row->id);
    for (const struct sip_token *t; (t = sip_iter_next(&it));)
        if (!str_ieq(t->token, STR("supported")))
            sip_edit_remove_at(e, row->id, sip_iter_index(&it));
    drop_malformed(row, &it, e);
}

static void drop_in_response(const struct trust_row *row, const struct sip_msg *m,
                             struct sip_edits *e)
{
    if (!sip_msg_is_request(m))
        sip_edit_remove(e, row->id);
}

static void drop_psap_callback(const struct trust_row *row, const struct sip_msg *m,
                               struct sip_edits *e)
{
    const struct sip_token *t = sip_msg_at(m, row->id, 0);
    if (sip_msg_has(m, row->id) && (!t || str_ieq(t->token, STR("psap-callback"))))
        sip_edit_remove(e, row->id);
}

static struct str without_keys(struct arena *a, const struct sip_auth *auth)
{
    struct arena_buf text = arena_buf_init(a);
    struct str before = STR(" ");
    arena_buf_add(&text, auth->scheme);
    for (const struct sip_param *p = auth->params; p; p = p->next) {
        if (str_ieq(p->name, STR("ck")) || str_ieq(p->name, STR("ik")))
            continue;
        arena_buf_add(&text, before);
        arena_buf_add(&text, p->name);
        arena_buf_add(&text, STR("="));
        arena_buf_add(&text, p->value);
        before = STR(", ");
    }
    return arena_buf_done(&text);
}

// The keys are for the P-CSCF. A challenge that cannot be read might hold them.
static void drop_keys(const struct trust_row *row, const struct sip_msg *m, struct sip_edits *e)
{
    struct sip_iter it = sip_iter_init(m, row->id);
    for (const struct sip_auth *auth; (auth = sip_iter_next(&it));)
        if (auth->ck.p || auth->ik.p)
            sip_edit_replace_at(e, row->id, sip_iter_index(&it), without_keys(e->arena, auth));
    drop_malformed(row, &it, e);
}

// A warning of the network becomes one without its place: codes below 399 are about the session, and a UE
// acts on them.
static void make_plain(const struct trust_row *row, const struct sip_msg *m, struct sip_edits *e)
{
    struct sip_iter it = sip_iter_init(m, row->id);
    for (const struct sip_warning *w; (w = sip_iter_next(&it));) {
        struct str text = sip_plain_text(w->text);
        if (text.n)
            sip_edit_replace_at(e, row->id, sip_iter_index(&it),
                                arena_printf(e->arena, "%03u ims \"%.*s\"", w->code,
                                             STR_ARG(sip_quotable(e->arena, text))));
        else
            sip_edit_remove_at(e, row->id, sip_iter_index(&it));
    }
    drop_malformed(row, &it, e);
}

// ---- parameters of URIs ----

static bool is_named(const struct trust_row *row, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(row->params); i++)
        if (row->params[i] && str_ieq(name, str_from(row->params[i])))
            return true;
    return false;
}

// Without the row's parameters, wherever they stand in it: a telephone number in the user part of a SIP
// URI has parameters of its own (RFC 3966). STR_NONE: it has none of them.
static struct str uri_without(struct arena *a, const struct trust_row *row, struct str uri)
{
    struct arena_buf text = arena_buf_init(a);
    size_t from = 0;
    bool found = false;
    for (size_t i = 0; i < uri.n; i++) {
        size_t end = i + 1, name = 0;
        if (uri.p[i] == '?')
            break;
        if (uri.p[i] != ';')
            continue;
        while (end < uri.n && !memchr(";@?>", uri.p[end], 4))
            end++;
        struct str param = str_make(uri.p + i + 1, end - i - 1);
        while (name < param.n && param.p[name] != '=')
            name++;
        if (is_named(row, str_head(param, name))) {
            arena_buf_add(&text, str_make(uri.p + from, i - from));
            from = end;
            found = true;
        }
        i = end - 1;
    }
    arena_buf_add(&text, str_skip(uri, from));
    return found ? arena_buf_done(&text) : STR_NONE;
}

static void drop_params(const struct trust_row *row, const struct sip_msg *m, struct sip_edits *e)
{
    struct sip_iter it = sip_iter_init(m, row->id);
    for (const struct sip_addr *v; (v = sip_iter_next(&it));) {
        struct str uri = uri_without(e->arena, row, v->uri.text);
        size_t at = (size_t)(v->uri.text.p - v->text.p);
        if (uri.p)
            sip_edit_replace_at(e, row->id, sip_iter_index(&it),
                                ARENA_CAT(e->arena, str_head(v->text, at), uri,
                                          str_skip(v->text, at + v->uri.text.n)));
    }
    drop_malformed(row, &it, e);
}

static void drop_uri_params(const struct trust_row *row, const struct sip_msg *m,
                            struct sip_edits *e)
{
    struct str uri =
        sip_msg_is_request(m) ? uri_without(e->arena, row, sip_edits_uri(e)) : STR_NONE;
    if (uri.p)
        sip_edit_uri(e, uri);
}

static rule_fn rule_of(char letter)
{
    switch (letter) {
    case 'D': return drop;
    case 'n': return drop_network_provided;
    case 'i': return drop_when_private;
    case 'h': return hide_history;
    case 'e': return keep_supported;
    case 'r': return drop_in_response;
    case 'p': return drop_psap_callback;
    case 'k': return drop_keys;
    case 'w': return make_plain;
    case 'c': return drop_params;
    case 'u': return drop_uri_params;
    default: return NULL;
    }
}

// Ids of what the message has, of what its edits touch, and SIP_H_OTHER, by which rows stand that are about more than
// one header.
static void there(const struct sip_msg *m, const struct sip_edits *e, uint64_t ret_bits[SIP_HID_WORDS])
{
    uint64_t touched[SIP_HID_WORDS];
    sip_edits_touched(e, touched);
    sip_msg_ids(m, ret_bits);
    for (size_t i = 0; i < SIP_HID_WORDS; i++)
        ret_bits[i] |= touched[i];
    ret_bits[SIP_H_OTHER / 64] |= (uint64_t)1 << SIP_H_OTHER % 64;
}

// Most messages have few of the headers.
static void apply(enum trust_way way, enum trust_side side, bool full_warnings,
                  const struct sip_msg *m, struct sip_edits *e)
{
    uint64_t bits[SIP_HID_WORDS];
    there(m, e, bits);
    for (const struct trust_row *row = rows; row < rows + ARRAY_LEN(rows); row++) {
        if (!(bits[row->id / 64] >> row->id % 64 & 1))
            continue;
        char letter = trust_rule(row, way, side);
        if (letter == '.' || (letter == 'w' && full_warnings))
            continue;
        if (row->id == SIP_H_OTHER || letter == 'D' || sip_msg_has(m, row->id))
            rule_of(letter)(row, m, e);
    }
}

void trust_in(enum trust_side from, const struct sip_msg *m, struct sip_edits *e)
{
    apply(TRUST_IN, from, true, m, e);
}

void trust_out(enum trust_side to, bool full_warnings, const struct sip_msg *m,
               struct sip_edits *e)
{
    apply(TRUST_OUT, to, full_warnings, m, e);
}
