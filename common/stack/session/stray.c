// SPDX-License-Identifier: Apache-2.0
// What is left of an INVITE of ours when its session is over: whoever accepts it even now is
// thanked and hung up (RFC 3261 13.2.2.4), until 64*T1 have gone by, or it was refused.
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "stack/session/actions.h"

// STRAYS_MAX: in a layer; beyond it the oldest goes.
enum { STRAYS_MAX = 1024, T1_MS = 500, T1_TIMES = 64 };

struct stray {
    struct list link;
    struct session_layer *layer;
    ua_id invite;
    struct sip_msg *msg; // the INVITE
    struct timer timer;
    uint64_t left[LEGS_MAX]; // hashes of the To tags that have had their BYE
    size_t n_left;
};

static void stray_free(struct stray *y)
{
    timer_stop(&y->timer);
    ua_forget(y->layer->uas, y->invite);
    sip_msg_unref(y->msg);
    list_del(&y->link);
    y->layer->n_strays--;
    mem_free(y);
}

static void on_timer(void *arg)
{
    stray_free(arg);
}

static uint64_t tag_key(struct str tag)
{
    return hash_bytes(tag.p, tag.n);
}

// True: it is new.
static bool note(struct stray *y, struct str tag)
{
    for (size_t i = 0; i < y->n_left; i++)
        if (y->left[i] == tag_key(tag))
            return false;
    if (y->n_left == LEGS_MAX) // then a 2xx that comes again has a BYE again
        return true;
    y->left[y->n_left++] = tag_key(tag);
    return true;
}

static void transmit(struct session_layer *l, const struct sip_msg *invite, struct dialog *d,
                     enum sip_method method)
{
    struct arena a;
    char room[1024];
    struct sip_edits h;
    struct str uri;
    arena_init(&a, room, sizeof room);
    sip_edits_init(&h, &a, NULL);
    if (dialog_request(d, method, sip_msg_cseq(invite)->number, &h, &uri) == 0) {
        // The ACK has what the INVITE had (RFC 3261 13.2.2.4).
        static const enum sip_hid proofs[] = {SIP_H_AUTHORIZATION, SIP_H_PROXY_AUTHORIZATION};
        for (size_t i = 0; method == SIP_ACK && i < ARRAY_LEN(proofs); i++)
            if (sip_msg_has(invite, proofs[i]))
                sip_edit_append(&h, proofs[i], sip_msg_raw(invite, proofs[i]));
        struct ua_request q = {.method = method, .uri = uri, .headers = &h};
        if (!a.failed)
            (void)ua_send(l->uas, &q, NULL);
    }
    arena_done(&a);
}

void stray_leave(struct session_layer *l, const struct sip_msg *invite, const struct sip_msg *ok,
                 bool bye)
{
    struct dialog *d;
    if (dialog_new_uac(invite, ok, &d))
        return;
    transmit(l, invite, d, SIP_ACK);
    if (bye)
        transmit(l, invite, d, SIP_BYE);
    dialog_free(d);
}

static void on_response(void *arg, ua_id id, unsigned status, const struct sip_msg *m)
{
    struct stray *y = arg;
    if (status >= 300)
        stray_free(y);
    else if (m && status / 100 == 2 && sip_msg_to_tag(m).n)
        stray_leave(y->layer, y->msg, m, note(y, sip_msg_to_tag(m)));
}

static void note_legs(struct stray *y, const struct session *s)
{
    LIST_EACH(&s->legs, it) {
        struct dialog_info info;
        dialog_get_info(LIST_ENTRY(it, struct leg, link)->dialog, &info);
        (void)note(y, info.remote_tag);
    }
}

void stray_keep(struct session *s)
{
    struct session_layer *l = s->layer;
    if (!s->uac || !s->invite)
        return;
    if (l->n_strays == STRAYS_MAX)
        stray_free(LIST_ENTRY(l->strays.next, struct stray, link));
    struct stray *y = mem_zalloc(sizeof *y);
    if (!y)
        return;
    if (ua_redirect(l->uas, s->invite, on_response, y)) {
        mem_free(y);
        return;
    }
    y->layer = l;
    y->invite = s->invite;
    s->invite = 0;
    y->msg = sip_msg_ref(s->invite_msg);
    list_add(&l->strays, &y->link);
    l->n_strays++;
    if (s->was_up) // else nobody has accepted, and had a BYE
        note_legs(y, s);
    timer_init(&y->timer, on_timer, y);
    // What nobody has accepted may be silent for 64*T1, and for as long again after its CANCEL (RFC
    // 3261 9.1, 17.1.1.2).
    unsigned spans = s->was_up ? 1 : 2;
    timer_start(l->loop, &y->timer, spans * T1_TIMES * (s->p.t1_ms ? s->p.t1_ms : T1_MS));
}

void strays_done(struct session_layer *l)
{
    while (!list_empty(&l->strays))
        stray_free(LIST_ENTRY(l->strays.next, struct stray, link));
}
