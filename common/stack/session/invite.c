// SPDX-License-Identifier: Apache-2.0
// The INVITE of ours (RFC 3261 13.2): sent, challenged, asked for a longer interval; its responses
// open legs, and the first 2xx decides which one counts. Other 2xx are acknowledged and hung up.
#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "stack/session/actions.h"

// AGAIN_MAX: times an INVITE goes again for whatever reason.
enum { MESSAGE_MAX = 32768, AGAIN_MAX = 8, TAG_BYTES = 6, CALL_ID_BYTES = 16 };

static void on_response(void *arg, ua_id id, unsigned status, const struct sip_msg *m);

// The INVITE as a parsed message, from which dialogs are made; the Via stands for the one the stack
// adds.
static int keep_invite(struct session *s, const struct sip_edits *headers)
{
    char *buf = mem_alloc(MESSAGE_MAX);
    if (!buf)
        return ERR_NOMEM;
    struct writer w = writer_init(buf, MESSAGE_MAX);
    struct sip_edits e;
    struct sip_parse_error pe;
    struct sip_msg *m = NULL;
    sip_edits_copy(&e, headers->arena, headers);
    sip_edit_prepend(&e, SIP_H_VIA, STR("SIP/2.0/UDP invalid;branch=z9hG4bK0"));
    int err = sip_write_request(STR("INVITE"), s->p.uri, &e, &w);
    if (!err)
        err = sip_msg_parse(writer_done(&w), &m, &pe);
    mem_free(buf);
    if (err) {
        sip_msg_unref(m);
        return err;
    }
    sip_msg_unref(s->invite_msg);
    s->invite_msg = m;
    return 0;
}

static void put_require(struct session *s, struct sip_edits *h)
{
    struct arena_buf b = arena_buf_init(h->arena);
    if (s->p.rel100 == SESSION_REL_REQUIRED)
        arena_buf_item(&b, STR(", "), STR("100rel"));
    if (s->p.require.n)
        arena_buf_item(&b, STR(", "), s->p.require);
    struct str v = arena_buf_done(&b);
    if (v.n)
        sip_edit_append(h, SIP_H_REQUIRE, v);
}

static void put_headers(struct session *s, struct sip_edits *h)
{
    struct arena *a = h->arena;
    if (s->p.route.n)
        sip_edit_append(h, SIP_H_ROUTE, s->p.route);
    sip_edit_append(h, SIP_H_MAX_FORWARDS, STR("70"));
    sip_edit_append(h, SIP_H_FROM, ARENA_CAT(a, STR("<"), s->p.from, STR(">;tag="), s->local_tag));
    sip_edit_append(h, SIP_H_TO, ARENA_CAT(a, STR("<"), s->p.uri, STR(">")));
    sip_edit_append(h, SIP_H_CALL_ID, s->call_id);
    sip_edit_append(h, SIP_H_CSEQ, arena_printf(a, "%u INVITE", s->invite_cseq));
    if (s->p.auth)
        uac_auth_add(s->p.auth, &s->tries, h, STR("INVITE"), s->p.uri);
    put_require(s, h);
    if (s->p.replaces.n)
        sip_edit_append(h, SIP_H_REPLACES, s->p.replaces);
    interval_request(s, NULL, h);
    session_describe(s, SIP_INVITE, 0, h);
}

static int invite_send(struct session *s)
{
    struct arena a;
    char room[4096];
    struct sip_edits h;
    arena_init(&a, room, sizeof room);
    sip_edits_init(&h, &a, NULL);
    s->invite_cseq++;
    put_headers(s, &h);
    if (s->described.n && s->offered)
        sip_edit_body(&h, session_type(s), s->described);
    int e = a.failed ? ERR_NOMEM : keep_invite(s, &h);
    struct ua_request q = {
        .method = SIP_INVITE, .uri = s->p.uri, .headers = &h, .cb = on_response, .arg = s};
    if (!e)
        e = ua_send(s->layer->uas, &q, &s->invite);
    arena_done(&a);
    return e;
}

int session_invite(struct session_layer *l, const struct session_params *p,
                   struct session **ret_session)
{
    struct session *s;
    int e = session_new(l, p, true, &s);
    if (e)
        return e;
    struct str call_id =
        p->call_id.n ? p->call_id : ua_random_text(s->layer->loop, &s->mem, CALL_ID_BYTES);
    e = p->body.n > BODY_MAX
            ? ERR_TOOBIG
            : session_register(s, call_id, ua_random_text(s->layer->loop, &s->mem, TAG_BYTES));
    s->offered = p->body.n > 0;
    if (!e)
        e = session_keep_described(s, p->body);
    if (!e)
        e = invite_send(s);
    if (e)
        session_free(s);
    else
        *ret_session = s;
    return e;
}

void invite_cancel(struct session *s)
{
    (void)ua_cancel(s->layer->uas, s->invite);
}

// ---- responses ----

static struct leg *find_leg(struct session *s, const struct sip_msg *m)
{
    struct dialog *d;
    struct leg *g = leg_of(s, m);
    if (g || !sip_msg_to_tag(m).p || dialog_new_uac(s->invite_msg, m, &d) || !(g = leg_new(s, d)))
        return g;
    struct sip_edits invite;
    sip_edits_init(&invite, sip_msg_arena(s->invite_msg), s->invite_msg);
    g->ack.cseq = s->invite_cseq;
    ack_take_credentials(g, &invite);
    // Each fork answers the one offer for itself (RFC 3264 4, RFC 6337 2.2).
    if (s->offered) {
        (void)offer_step(g, OE_SEND_OFFER);
        offer_sent(g, SIP_INVITE, s->invite_cseq, false);
    }
    return g;
}

static void provisional(struct session *s, unsigned status, const struct sip_msg *m)
{
    if (s->life.state > SS_CANCELLING)
        return;
    struct leg *g = status > 100 ? find_leg(s, m) : NULL;
    if (g && g->left)
        return;
    if (g) {
        leg_note_peer(g, m);
        if (!prack_take(g, m))
            return;
        s->leg = g;
        session_step(s, SE_EARLY, NULL);
    }
    if (s->ops->progress && !session_over(s))
        s->ops->progress(s->arg, s, status, m);
}

// RFC 3261 13.2.2.4: one 2xx is enough; whoever else has answered is thanked and left.
static void other_fork(struct session *s, struct leg *g, const struct sip_msg *m)
{
    g->left = true;
    dialog_on_response(g->dialog, m);
    ack_send(g, s->invite_cseq, STR_NONE);
    bye_send(s, g);
}

// With the offer that is open in it: nobody wants the answer.
static void drop_leg(struct leg *g)
{
    modified_withdraw(g);
    leg_free(g);
}

// True: a change of ours has gone with one of them. chosen NULL: all.
static bool drop_other_legs(struct session *s, const struct leg *chosen)
{
    bool lost = false;
    LIST_EACH(&s->legs, it) {
        struct leg *g = LIST_ENTRY(it, struct leg, link);
        if (g == chosen)
            continue;
        lost |= change_in(g);
        drop_leg(g);
    }
    return lost;
}

static void settle(struct session *s, struct leg *g, const struct sip_msg *m)
{
    if (s->life.state == SS_ENDING) { // the answer crossed our CANCEL
        ack_send(g, s->invite_cseq, STR_NONE);
        bye_send(s, g);
        return;
    }
    interval_confirmed(s, m);
    offer_take(g, m, &by_ack);
    if (session_over(s) || g->due == &by_ack)
        return; // the answer makes the ACK
    if (!g->ack.sent && s->life.state == SS_UP) {
        ack_send(g, s->invite_cseq, STR_NONE);
        ack_done(g);
    }
}

static void accepted(struct session *s, const struct sip_msg *m)
{
    bool lost = false;
    struct leg *g = find_leg(s, m);
    struct session_end bad = {.status = 500, .msg = m, .cause = "2xx without what a dialog needs"};
    if (!g && s->n_legs == LEGS_MAX && s->life.state <= SS_CANCELLING) {
        lost = drop_other_legs(s, NULL); // they go anyway, and it needs the room
        if (!session_over(s))
            g = find_leg(s, m);
    }
    if (!g) {
        if (s->life.state <= SS_CANCELLING)
            session_step(s, SE_REFUSED, &bad);
        else if (!session_over(s) && sip_msg_to_tag(m).n)
            stray_leave(s->layer, s->invite_msg, m, true); // RFC 3261 13.2.2.4
        return;
    }
    if (s->life.state > SS_CANCELLING) {
        if (g == s->leg || g->left)
            ack_again(g, s->invite_cseq);
        else
            other_fork(s, g, m);
        return;
    }
    if (g->left) { // it was faster than its BYE, and the others have been cancelled for it
        s->why = "only a fork that was left has answered";
        session_step(s, SE_HANG_UP, NULL);
    }
    s->leg = g;
    lost |= drop_other_legs(s, g);
    if (session_over(s)) // its owner has dropped it
        return;
    leg_note_peer(g, m);
    dialog_on_response(g->dialog, m);
    ack_owe(g, s->invite_cseq);
    session_step(s, SE_OK, NULL);
    settle(s, g, m);
    if (lost && !session_over(s))
        change_lost(s);
}

// RFC 3261 22.3, RFC 4028 7.3: the same INVITE with what was missing.
static bool again(struct session *s, unsigned status, const struct sip_msg *m)
{
    if (!m || s->life.state == SS_CANCELLING || s->again >= AGAIN_MAX)
        return false;
    bool better =
        ((status == 401 || status == 407) && s->p.auth && uac_auth_take(s->p.auth, &s->tries, m)) ||
        (status == 422 && interval_raise(s, m));
    if (!better)
        return false;
    s->again++;
    bool lost = drop_other_legs(s, NULL);
    if (session_over(s))
        return true;
    if (invite_send(s))
        return false;
    if (lost)
        change_lost(s);
    return true;
}

static void on_response(void *arg, ua_id id, unsigned status, const struct sip_msg *m)
{
    struct session *s = arg;
    if (session_over(s) || (s->invite && id != s->invite))
        return;
    if (status < 200) {
        provisional(s, status, m);
    } else if (status < 300 && m) {
        accepted(s, m);
    } else {
        s->invite = 0;
        if (again(s, status, m))
            return;
        struct session_end e = {.status = status, .by_remote = m != NULL, .msg = m};
        session_step(s, SE_REFUSED, &e);
    }
}
