// SPDX-License-Identifier: Apache-2.0
// Calls: what both sides share, and the outgoing side (TS 24.229 5.1.3).
#include "tools/ue/ue_priv.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/writer.h"

enum { SDP_MAX = 1024 };

static void on_cleanup(void *arg)
{
    call_free(arg);
}

static uint64_t dialog_key(struct str call_id, struct str local_tag)
{
    return hash_bytes(call_id.p, call_id.n) * 31 + hash_bytes(local_tag.p, local_tag.n);
}

struct str call_contact(const struct phone *ph, struct arena *a)
{
    return ARENA_CAT(a, STR("<"), ph->contact, STR(">"), ph->services ? STR(";") : STR(""),
                     ph->services ? ue_mmtel : STR(""));
}

// ---- life ----

struct call *call_new(struct phone *ph, bool outgoing)
{
    struct hub *h = ph->hub;
    struct call *c = mem_zalloc(sizeof *c);
    if (!c)
        return NULL;
    c->id = ++h->next_call;
    c->hub = h;
    c->phone = ph;
    c->outgoing = outgoing;
    c->sdp_id = loop_random_u64(h->loop) >> 2;
    deferred_init(&c->cleanup, on_cleanup, c);
    timer_init(&c->answer_timer, NULL, NULL);
    list_add(&ph->calls, &c->of_phone);
    if (map_add(&h->calls, c->id, c)) {
        call_free(c);
        return NULL;
    }
    return c;
}

void call_free(struct call *c)
{
    struct hub *h = c->hub;
    deferred_cancel(&c->cleanup);
    timer_stop(&c->answer_timer);
    map_remove(&h->calls, c->id, c);
    if (c->dialog_key)
        map_remove(&h->calls_by_dialog, c->dialog_key, c);
    list_del(&c->of_phone);
    if (c->invite && h->stack)
        ua_forget(stack_uas(h->stack), c->invite);
    if (c->bye && h->stack)
        ua_forget(stack_uas(h->stack), c->bye);
    if (c->invite_msg)
        sip_msg_unref(c->invite_msg);
    dialog_free(c->dialog);
    media_free(c->media);
    mem_free((void *)c->call_id.p);
    mem_free((void *)c->local_tag.p);
    mem_free(c);
}

struct call *call_find(const struct hub *h, ue_call id)
{
    size_t it = 0;
    return map_find(&h->calls, id, &it);
}

struct call *call_of_dialog(const struct hub *h, const struct sip_msg *m, struct str local_tag)
{
    struct str call_id = sip_msg_call_id(m);
    size_t it = 0;
    struct call *c;
    while ((c = map_find(&h->calls_by_dialog, dialog_key(call_id, local_tag), &it)))
        if (str_eq(c->call_id, call_id) && str_eq(c->local_tag, local_tag))
            return c;
    return NULL;
}

int call_set_dialog(struct call *c, struct dialog *d)
{
    struct dialog_info info;
    dialog_free(c->dialog);
    c->dialog = d;
    dialog_get_info(d, &info);
    if (c->dialog_key)
        return 0;
    mem_free((void *)c->call_id.p);
    mem_free((void *)c->local_tag.p);
    c->call_id = str_dup(info.call_id);
    c->local_tag = str_dup(info.local_tag);
    uint64_t key = dialog_key(info.call_id, info.local_tag);
    if (!c->call_id.p || !c->local_tag.p || map_add(&c->hub->calls_by_dialog, key, c))
        return ERR_NOMEM;
    c->dialog_key = key;
    return 0;
}

// The object goes at the end of the turn: callers up the stack may still look at it.
static void leave(struct call *c)
{
    c->state = CALL_ENDED;
    loop_defer(c->hub->loop, &c->cleanup);
}

void call_end(struct call *c, bool by_remote)
{
    struct ue_media_report report;
    if (c->state == CALL_ENDED)
        return;
    leave(c);
    if (c->media)
        media_report(c->media, &report);
    if (c->phone->ops->ended)
        c->phone->ops->ended(c->phone->arg, c->phone, c->id, by_remote, c->media ? &report : NULL);
}

void call_fail(struct call *c, const struct ue_failure *f)
{
    if (c->state == CALL_ENDED)
        return;
    leave(c);
    if (c->phone->ops->failed)
        c->phone->ops->failed(c->phone->arg, c->phone, c->id, f);
}

void call_started(struct call *c)
{
    if (c->state == CALL_ESTABLISHED || c->state == CALL_ENDED)
        return;
    c->state = CALL_ESTABLISHED;
    if (c->phone->ops->established)
        c->phone->ops->established(c->phone->arg, c->phone, c->id);
}

struct str ue_call_call_id(struct hub *h, ue_call id)
{
    struct call *c = call_find(h, id);
    return c ? c->call_id : STR_NONE;
}

unsigned ue_call_bye_status(struct hub *h, ue_call id)
{
    struct call *c = call_find(h, id);
    return c ? c->bye_status : 0;
}

// ---- media ----

void call_media_open(struct call *c)
{
    struct addr local;
    if (c->hub->media && !c->media && addr_parse(c->hub->local_ip, 0, &local) == 0)
        (void)media_new(c->hub->loop, &local, c->tone_hz, c->expect_hz, &c->media);
}

struct str call_sdp(struct call *c, struct arena *a, enum sdp_direction dir, const struct sdp *remote)
{
    struct sdp_format formats[] = {{.payload_type = 0, .encoding = STR("PCMU"), .rate = 8000},
                                   {.payload_type = 8, .encoding = STR("PCMA"), .rate = 8000}};
    struct sdp_media m = {.type = STR("audio"),
                          .port = c->media ? media_port(c->media) : 9,
                          .proto = STR("RTP/AVP"),
                          .address = c->hub->local_ip,
                          .ptime = 20,
                          .direction = dir,
                          .formats = formats,
                          .n_formats = 2};
    struct sdp_draft d = {.id = c->sdp_id,
                          .version = ++c->sdp_version,
                          .origin_address = c->hub->local_ip,
                          .media = &m,
                          .n_media = 1};
    const struct sdp_media *offer = remote ? sdp_find_media(remote, STR("audio")) : NULL;
    if (offer) {
        const struct sdp_format *f = sdp_find_format(offer, STR("PCMU"));
        if (!f)
            f = sdp_find_format(offer, STR("PCMA"));
        m.n_formats = 1;
        if (f)
            formats[0] = *f;
        m.direction = sdp_answer_direction(offer->direction, dir);
    }
    char *p = arena_alloc(a, SDP_MAX);
    struct writer w = writer_init(p, p ? SDP_MAX : 0);
    sdp_draft_write(&w, &d);
    return w.failed ? STR_NONE : writer_done(&w);
}

const struct sdp *call_read_sdp(struct arena *a, const struct sip_msg *m)
{
    struct sdp *s;
    return sip_msg_body(m).n && sdp_parse(a, sip_msg_body(m), NULL, &s, NULL) == 0 ? s : NULL;
}

void call_media_start(struct call *c, const struct sip_msg *m)
{
    struct addr remote;
    struct arena a;
    char room[2048];
    arena_init(&a, room, sizeof room);
    const struct sdp *s = c->media ? call_read_sdp(&a, m) : NULL;
    const struct sdp_media *audio = s ? sdp_find_media(s, STR("audio")) : NULL;
    if (audio && audio->n_formats && addr_parse(audio->address, audio->port, &remote) == 0) {
        media_start(c->media, &remote, audio->formats[0].payload_type == 8 ? 8 : 0);
        media_hold(c->media, audio->direction == SDP_SENDONLY || audio->direction == SDP_INACTIVE ||
                                 c->on_hold);
    }
    arena_done(&a);
}

// ---- requests inside the dialog ----

// RFC 3261 13.2.2.4: an ACK has the credentials of its INVITE; only the first one can have had any.
static void add_credentials(const struct call *c, uint32_t ack_cseq, struct sip_edits *headers)
{
    if (c->outgoing && ack_cseq == c->invite_cseq &&
        sip_msg_has(c->invite_msg, SIP_H_PROXY_AUTHORIZATION))
        sip_edit_append(headers, SIP_H_PROXY_AUTHORIZATION,
                        sip_msg_raw(c->invite_msg, SIP_H_PROXY_AUTHORIZATION));
}

static int send_in_dialog(struct call *c, enum sip_method method, uint32_t ack_cseq, struct str sdp,
                          ua_response_cb cb, ua_id *ret_id)
{
    struct request_draft d;
    struct str uri;
    draft_init(&d);
    int e = dialog_request(c->dialog, method, ack_cseq, &d.headers, &uri);
    if (!e) {
        if (method == SIP_INVITE)
            sip_edit_append(&d.headers, SIP_H_CONTACT, call_contact(c->phone, &d.arena));
        if (method == SIP_ACK)
            add_credentials(c, ack_cseq, &d.headers);
        else
            add_access(c->phone, &d.headers);
        if (sdp.n)
            sip_edit_body(&d.headers, STR("application/sdp"), sdp);
        struct ua_request r = {
            .method = method, .uri = uri, .headers = &d.headers, .cb = cb, .arg = cb ? c : NULL};
        e = d.arena.failed ? ERR_NOMEM : ua_send(stack_uas(c->hub->stack), &r, ret_id);
    }
    draft_done(&d);
    return e;
}

static void send_ack(struct call *c, uint32_t cseq)
{
    (void)send_in_dialog(c, SIP_ACK, cseq, STR_NONE, NULL, NULL);
}

static void on_bye_response(void *arg, ua_id id, unsigned status, const struct sip_msg *msg)
{
    struct call *c = arg;
    if (status < 200)
        return;
    c->bye = 0;
    c->bye_status = status;
    call_end(c, false);
}

// The call is over when the other side has said so, or does not answer any more.
static void send_bye(struct call *c)
{
    if (c->media)
        media_hold(c->media, true);
    if (send_in_dialog(c, SIP_BYE, 0, STR_NONE, on_bye_response, &c->bye)) {
        c->bye_status = 503;
        call_end(c, false);
    }
}

// ---- outgoing ----

static void invite_failed(struct call *c, unsigned status, const struct sip_msg *msg)
{
    struct ue_failure f = {.status = status,
                           .reason = msg ? sip_msg_reason(msg) : sip_reason(status),
                           .cause = msg ? response_cause(msg) : local_cause(status)};
    f.restoring = msg && status == 504 && phone_restore(c->phone, msg);
    call_fail(c, &f);
}

// What a phone for multimedia telephony says in an INVITE (TS 24.229 5.1.3.1, 5.1.2A.1.1); extensions are not among
// it, since this one has none that could be asked for.
static void add_services(const struct phone *ph, struct sip_edits *h, struct arena *a)
{
    sip_edit_append(h, SIP_H_ACCEPT, STR("application/sdp, application/3gpp-ims+xml"));
    sip_edit_append(h, SIP_H_P_PREFERRED_SERVICE, STR("urn:urn-7:3gpp-service.ims.icsi.mmtel"));
    sip_edit_append(h, SIP_H_ACCEPT_CONTACT, ARENA_CAT(a, STR("*;"), ue_mmtel));
    sip_edit_append(h, SIP_H_P_EARLY_MEDIA, STR("supported"));
}

static void invite_accepted(struct call *c, const struct sip_msg *msg)
{
    struct dialog *d;
    if (c->state == CALL_ESTABLISHED) { // the 2xx came again: so does the ACK (RFC 3261 13.2.2.4)
        send_ack(c, c->invite_cseq);
        return;
    }
    if (dialog_new_uac(c->invite_msg, msg, &d) || call_set_dialog(c, d)) {
        struct ue_failure f = {.cause = STR("2xx without what a dialog needs")};
        call_fail(c, &f);
        return;
    }
    send_ack(c, c->invite_cseq);
    bool cancelled = c->hung_up; // the answer crossed our CANCEL
    call_media_start(c, msg);
    call_started(c);
    if (cancelled)
        send_bye(c);
}

static void on_invite_response(void *arg, ua_id id, unsigned status, const struct sip_msg *msg);

// The INVITE as a parsed message, from which the dialog is made; the Via stands for the one the stack adds.
static int keep_invite(struct call *c, struct str uri, const struct sip_edits *headers)
{
    char buf[MESSAGE_MAX];
    struct writer w = writer_init(buf, sizeof buf);
    struct sip_edits e;
    struct sip_parse_error pe;
    sip_edits_copy(&e, headers->arena, headers);
    sip_edit_prepend(&e, SIP_H_VIA, STR("SIP/2.0/UDP invalid;branch=z9hG4bK0"));
    int err = sip_write_request(STR("INVITE"), uri, &e, &w);
    return err ? err : sip_msg_parse(writer_done(&w), &c->invite_msg, &pe);
}

// body: the offer.
static int send_invite(struct call *c, struct str target, struct str body)
{
    struct phone *ph = c->phone;
    struct request_draft d;
    draft_init(&d);
    struct arena *a = &d.arena;
    draft_common(&d, ph, target, c->call_id, c->local_tag, ++c->invite_cseq, SIP_INVITE);
    auth_add_proxy(ph, &c->proxies, &d.headers, STR("INVITE"), target);
    sip_edit_append(&d.headers, SIP_H_CONTACT, call_contact(ph, a));
    struct str who = ph->identity.n ? ph->identity : ph->impu;
    sip_edit_append(&d.headers, SIP_H_P_PREFERRED_IDENTITY, ARENA_CAT(a, STR("<"), who, STR(">")));
    sip_edit_append(&d.headers, SIP_H_ALLOW, ue_allow);
    if (ph->services)
        add_services(ph, &d.headers, a);
    sip_edit_body(&d.headers, STR("application/sdp"), body);
    int e = a->failed ? ERR_NOMEM : keep_invite(c, target, &d.headers);
    struct ua_request r = {.method = SIP_INVITE,
                           .uri = target,
                           .headers = &d.headers,
                           .cb = on_invite_response,
                           .arg = c};
    if (!e)
        e = ua_send(stack_uas(c->hub->stack), &r, &c->invite);
    draft_done(&d);
    return e;
}

static int begin_call(struct call *c, struct str target)
{
    struct arena a;
    char room[2048];
    arena_init(&a, room, sizeof room);
    c->call_id =
        str_dup(ARENA_CAT(&a, random_hex(c->hub->loop, &a, 12), STR("@"), c->hub->local_ip));
    c->local_tag = str_dup(random_hex(c->hub->loop, &a, 6));
    call_media_open(c);
    struct str offer = call_sdp(c, &a, SDP_SENDRECV, NULL);
    int e =
        a.failed || !c->call_id.p || !c->local_tag.p ? ERR_NOMEM : send_invite(c, target, offer);
    arena_done(&a);
    return e;
}

// RFC 3261 22.3: the same request with credentials. True when it has gone out again.
static bool invite_again(struct call *c, const struct sip_msg *msg)
{
    if (c->hung_up || !auth_proxy_challenge(c->phone, &c->proxies, msg))
        return false;
    struct sip_msg *before = c->invite_msg;
    c->invite_msg = NULL;
    int e = send_invite(c, sip_msg_uri_text(before), sip_msg_body(before));
    sip_msg_unref(before);
    return e == 0;
}

static void on_invite_response(void *arg, ua_id id, unsigned status, const struct sip_msg *msg)
{
    struct call *c = arg;
    if (status >= 300)
        c->invite = 0;
    if (c->state == CALL_ENDED)
        return;
    if (status < 200) {
        if (c->phone->ops->progress)
            c->phone->ops->progress(c->phone->arg, c->phone, c->id, status);
    } else if (status < 300 && msg) {
        invite_accepted(c, msg);
    } else if (!msg || status != 407 || !invite_again(c, msg)) {
        invite_failed(c, status, msg);
    }
}

static void on_no_answer(void *arg)
{
    struct call *c = arg;
    if (c->state == CALL_CALLING)
        (void)ue_call_hang_up(c->hub, c->id);
}

int phone_call(struct phone *ph, const struct ue_call_params *p, ue_call *ret_call)
{
    struct call *c = call_new(ph, true);
    if (!c)
        return ERR_NOMEM;
    c->tone_hz = p->tone_hz;
    c->expect_hz = p->expect_hz;
    int e = begin_call(c, p->target);
    if (e) {
        call_free(c);
        return e;
    }
    timer_init(&c->answer_timer, on_no_answer, c);
    if (c->hub->ring_timeout_ms)
        timer_start(c->hub->loop, &c->answer_timer, c->hub->ring_timeout_ms);
    *ret_call = c->id;
    return 0;
}

int ue_call_hang_up(struct hub *h, ue_call id)
{
    struct call *c = call_find(h, id);
    if (!c || c->state == CALL_ENDED || c->hung_up)
        return ERR_NOTFOUND;
    c->hung_up = true;
    if (c->state == CALL_CALLING)
        return ua_cancel(stack_uas(h->stack), c->invite);
    if (c->state == CALL_RINGING)
        return ue_call_refuse(h, id, 486);
    send_bye(c);
    return 0;
}

static void on_reinvite_response(void *arg, ua_id id, unsigned status, const struct sip_msg *msg)
{
    struct call *c = arg;
    if (status < 200 || c->state == CALL_ENDED)
        return;
    if (msg && status < 300) {
        dialog_on_response(c->dialog, msg);
        send_ack(c, sip_msg_cseq(msg)->number);
        call_media_start(c, msg);
    }
    if (c->invite != id) // a 2xx that came again was only acknowledged
        return;
    if (status >= 300)
        c->invite = 0;
    if (c->phone->ops->modified)
        c->phone->ops->modified(c->phone->arg, c->phone, c->id, status);
}

int ue_call_hold(struct hub *h, ue_call id, bool hold)
{
    struct call *c = call_find(h, id);
    struct arena a;
    char room[2048];
    if (!c || c->state != CALL_ESTABLISHED)
        return ERR_NOTFOUND;
    arena_init(&a, room, sizeof room);
    c->on_hold = hold;
    if (c->media)
        media_hold(c->media, hold);
    if (c->invite)
        ua_forget(stack_uas(h->stack), c->invite);
    int e = send_in_dialog(c, SIP_INVITE, 0,
                           call_sdp(c, &a, hold ? SDP_SENDONLY : SDP_SENDRECV, NULL),
                           on_reinvite_response, &c->invite);
    arena_done(&a);
    return e;
}
