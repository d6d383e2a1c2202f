// SPDX-License-Identifier: Apache-2.0
// What is left of an INVITE of ours when its session is over: whoever accepts it even now is
// thanked and hung up (RFC 3261 13.2.2.4), until 64*T1 have gone by, or it was refused.
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "stack/session/actions.h"

// STRAYS_MAX: in a layer; beyond it the oldest goes.
enum { STRAYS_MAX = 1024 };

struct stray {
    struct list link;
    struct session_layer *layer;
    ua_id invite;
    struct sip_msg *msg; // the INVITE
    struct machine life;
    uint64_t left[LEGS_MAX]; // hashes of the To tags that have had their BYE
    size_t n_left;
    bool answered; // by somebody
};

enum { YS_INIT, YS_OPEN, YS_OVER, YS_STATES };
enum { YE_KEPT, YE_OK, YE_REFUSED, YE_SILENCE, YE_EVENTS };
enum { YT_NONE, YT_ANSWERED, YT_CANCELLED, YT_TIMERS };

static void stray_free(struct stray *y)
{
    machine_done(&y->life);
    ua_forget(y->layer->uas, y->invite);
    sip_msg_unref(y->msg);
    list_del(&y->link);
    y->layer->n_strays--;
    mem_free(y);
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

// The ACK has what the INVITE had (RFC 3261 13.2.2.4).
static void put_credentials(void *arg, struct str uri, struct sip_edits *h)
{
    const struct sip_msg *invite = arg;
    struct sip_edits had;
    sip_edits_init(&had, sip_msg_arena(invite), invite);
    credentials_copy(h, &had);
}

void stray_leave(struct session_layer *l, struct sip_msg *invite, const struct sip_msg *ok,
                 bool bye)
{
    struct dialog *d;
    struct dialog_send r = {.method = SIP_ACK,
                            .ack_cseq = sip_msg_cseq(invite)->number,
                            .put = put_credentials,
                            .arg = invite};
    if (dialog_new_uac(invite, ok, &d))
        return;
    (void)dialog_send(l->uas, d, &r, NULL);
    if (bye)
        (void)dialog_send(l->uas, d, &(struct dialog_send){.method = SIP_BYE}, NULL);
    dialog_free(d);
}

// ---- the machine ----

static const char *const state_names[YS_STATES] = {"Init", "Open", "Over"};
static const char *const event_names[YE_EVENTS] = {"kept", "2xx", "refused", "silence"};
static const struct fsm_timer timers[YT_TIMERS] = {
    [YT_ANSWERED] = {"late 2xx", YE_SILENCE, SESSION_TIMER_SIP | SIP_TIMER_timer_m},
    [YT_CANCELLED] = {"late 2xx", YE_SILENCE, SESSION_TIMER_SIP | SIP_TIMER_timer_b}, // twice
};

static int was_answered(void *obj, void *arg)
{
    return ((const struct stray *)machine_owner(obj))->answered;
}

static void leave(void *obj, void *arg)
{
    struct stray *y = machine_owner(obj);
    const struct sip_msg *ok = arg;
    stray_leave(y->layer, y->msg, ok, note(y, sip_msg_to_tag(ok)));
}

static void forget(void *obj, void *arg)
{
    stray_free(machine_owner(obj));
}

static const struct fsm_row rows[] = {
    {YS_INIT, YE_KEPT, YS_OPEN, was_answered, NULL, "RFC 3261 13.2.2.4", {YT_ANSWERED}},
    {YS_INIT, YE_KEPT, YS_OPEN, NULL, NULL, "RFC 3261 9.1", {YT_CANCELLED}},
    {YS_OPEN, YE_OK, YS_OPEN, NULL, leave, "RFC 3261 13.2.2.4"},
    {YS_OPEN, YE_REFUSED, YS_OVER, NULL, forget, "RFC 3261 13.2.2.3"},
    {YS_OPEN, YE_SILENCE, YS_OVER, NULL, forget, "RFC 3261 13.2.2.4"},
};

static const uint32_t runs[YS_STATES] = {
    [YS_OPEN] = MACHINE_BIT(YT_ANSWERED) | MACHINE_BIT(YT_CANCELLED),
};

// What nobody has accepted may be silent for 64*T1, and for as long again after its CANCEL (RFC
// 3261 9.1, 17.1.1.2).
static uint64_t reckon(struct machine *m, unsigned timer, uint64_t ms)
{
    return timer == YT_CANCELLED ? 2 * ms : ms;
}

const struct machine_kind stray_machine = {MACHINE_FSM("late-answers", YS_INIT), reckon};

static void on_response(void *arg, ua_id id, unsigned status, const struct sip_msg *m)
{
    struct stray *y = arg;
    if (status >= 300)
        (void)machine_step(&y->life, YE_REFUSED, NULL);
    else if (m && status / 100 == 2 && sip_msg_to_tag(m).n)
        (void)machine_step(&y->life, YE_OK, (void *)m);
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
    y->answered = s->was_up;
    machine_init(&y->life, &stray_machine, l->loop, s->p.timers, y);
    (void)machine_step(&y->life, YE_KEPT, NULL);
}

void strays_done(struct session_layer *l)
{
    while (!list_empty(&l->strays))
        stray_free(LIST_ENTRY(l->strays.next, struct stray, link));
}
