// SPDX-License-Identifier: Apache-2.0
// Whose an identity is that a registered wildcarded one covers: a distinct one inside it may be another user's, whom
// this S-CSCF need not know. It never decides by its own matching (TS 29.228 6.5, 6.1.2.1); the HSS says it in the
// answer to a SAR NO_ASSIGNMENT, which changes nothing there.
#include "ims/wildcard.h"
#include "scscf/scscf_priv.h"

enum covered_word owner_known(const struct scscf *s, const struct served *who, bool *ret_stale)
{
    return covered_find(s->covered, who->key, who->impu, ret_stale);
}

int owner_ask(struct scscf *s, const struct job *j, const struct served *who, cx_saa_cb cb)
{
    struct assignment as = {
        .call_id = sip_msg_call_id(job_request(j)), .impu = who->impu, .type = CX_NO_ASSIGNMENT, .have_profile = true};
    scscf_count(s, SC_COVERED_ASKED);
    return cx_assign(s, &as, cb, j->id);
}

// What came with it is the profile of whoever it is: it has changed, and the HSS takes it for known here from now on.
static void note_profile(struct scscf *s, const struct served *who, const struct cx_saa *a)
{
    struct registration *reg = scscf_serving(s, who, NULL);
    if (a->user_data.n && reg)
        registration_set_profile_due(reg, true);
}

static enum covered_word read_answer(struct scscf *s, struct arena *room, const struct served *who,
                                     const struct cx_saa *a)
{
    const char *why;
    struct str named = a->wildcard.n ? wildcard_canon(room, &s->plan, a->wildcard, &why) : STR_NONE;
    note_profile(s, who, a);
    return named.n && str_eq(named, who->key) ? COVERED_BY_PATTERN : COVERED_BY_OTHER;
}

// Of a refusal another S-CSCF's name, and what is of Cx alone, are about the identity. UNABLE_TO_COMPLY without a name
// may be (no S-CSCF is assigned) or may be the HSS's own trouble: for this time it counts.
static bool is_about_it(const struct cx_saa *a)
{
    return a->server_name.n || (a->result.experimental && a->result.code / 1000 == 5);
}

enum covered_word owner_take(struct scscf *s, const struct served *who, int err, const struct cx_saa *a)
{
    char first[1024];
    struct arena room;
    bool stale, success = !err && a->result.code / 1000 == 2;
    enum covered_word before = owner_known(s, who, &stale), word = COVERED_UNKNOWN;
    arena_init(&room, first, sizeof first);
    if (success)
        word = read_answer(s, &room, who, a);
    else if (!err && is_about_it(a))
        word = COVERED_BY_OTHER;
    arena_done(&room);
    if (word != COVERED_UNKNOWN) {
        covered_keep(s->covered, who->key, who->impu, word);
        return word;
    }
    scscf_count(s, SC_HSS_FAILURES);
    if (before == COVERED_UNKNOWN && !err && a->result.code == DIA_UNABLE_TO_COMPLY)
        return COVERED_BY_OTHER;
    return before; // as it was said last
}
