// SPDX-License-Identifier: Apache-2.0
// Registration (TS 24.229 5.1.1.2 to 5.1.1.6).
#include "tools/ue/ue_priv.h"

#include "base/err.h"

// INVALID_MAX: "two consecutive invalid challenges" are responded to (TS 24.229 5.1.1.5.3).
// RETRY_*: after a refresh that failed, RFC 5626 4.5.
enum {
    EXPIRES_DEFAULT = 600000, CHALLENGES_MAX = 3, INVALID_MAX = 2, REFRESH_BEFORE_S = 600,
    RETRY_BASE_S = 30, RETRY_MAX_S = 1800,
};

static void on_response(void *arg, ua_id id, unsigned status, const struct sip_msg *msg);

static struct str contact_value(const struct phone *ph, struct arena *a, uint32_t expires)
{
    if (ph->star)
        return STR("*");
    return arena_printf(a, "<%.*s>;+sip.instance=\"<urn:uuid:%.*s>\"%s%.*s;expires=%u",
                        STR_ARG(ph->contact), STR_ARG(ph->instance), ph->services ? ";" : "",
                        STR_ARG(ph->services ? ue_mmtel : STR("")), expires);
}

static int send_register(struct phone *ph)
{
    struct request_draft d;
    draft_init(&d);
    struct arena *a = &d.arena;
    struct str uri = ARENA_CAT(a, STR("sip:"), ph->domain);
    uint32_t expires = ph->state == REG_DEREGISTERING ? 0 : ph->expires;
    draft_common(&d, ph, ph->impu, ph->call_id, ph->from_tag, ++ph->cseq, SIP_REGISTER);
    sip_edit_append(&d.headers, SIP_H_CONTACT, contact_value(ph, a, expires));
    sip_edit_append(&d.headers, SIP_H_EXPIRES, arena_printf(a, "%u", expires));
    sip_edit_append(&d.headers, SIP_H_SUPPORTED, STR("path"));
    sip_edit_append(&d.headers, SIP_H_ALLOW, ue_allow);
    struct str auth = auth_value(ph, a, STR("REGISTER"), uri);
    if (auth.n)
        sip_edit_append(&d.headers, SIP_H_AUTHORIZATION, auth);
    struct ua_request r = {.method = SIP_REGISTER,
                           .uri = uri,
                           .headers = &d.headers,
                           .next_hop = ph->hub->proxy_uri,
                           .cb = on_response,
                           .arg = ph};
    int e = a->failed ? ERR_NOMEM : ua_send(stack_uas(ph->hub->stack), &r, &ph->reg_txn);
    draft_done(&d);
    return e;
}

// The next attempt after a refresh that failed: at half to the whole of a time that doubles (RFC 5626 4.5), and not
// before the network wants it.
static void retry_later(struct phone *ph, uint32_t retry_after)
{
    uint32_t doublings = ph->refresh_failures < 6 ? ph->refresh_failures : 6;
    uint32_t most = RETRY_BASE_S << doublings;
    if (most > RETRY_MAX_S)
        most = RETRY_MAX_S;
    uint64_t ms = most * 500 + loop_random_u64(ph->hub->loop) % (most * 500);
    if (ms < (uint64_t)retry_after * 1000)
        ms = (uint64_t)retry_after * 1000;
    ph->refresh_failures++;
    timer_start(ph->hub->loop, &ph->refresh_timer, ms);
}

static void fail(struct phone *ph, const struct ue_failure *f, uint32_t retry_after)
{
    bool again = ph->refresh && ph->by_itself && ph->state == REG_REGISTERING;
    ph->state = REG_IDLE;
    ph->registrar.held = false;
    timer_stop(&ph->refresh_timer);
    if (again)
        retry_later(ph, retry_after);
    if (ph->ops->register_failed)
        ph->ops->register_failed(ph->arg, ph, f);
}

// Why this challenge is not responded to any more; NULL: it is.
static const char *too_many(struct phone *ph)
{
    bool invalid = ph->registrar.challenge.aka && !ph->registrar.challenge.res_n;
    ph->challenges++;
    ph->resyncs += ph->registrar.challenge.has_auts;
    ph->invalid = invalid ? ph->invalid + 1 : 0;
    ph->valid += !invalid;
    return ph->invalid > INVALID_MAX    ? "three challenges in a row that are invalid"
           : ph->valid > CHALLENGES_MAX ? "challenged again and again"
                                        : NULL;
}

static void answer_challenge(struct phone *ph, const struct sip_msg *msg)
{
    struct ue_failure f = {.status = 401, .reason = sip_msg_reason(msg)};
    int e = auth_challenge(ph, msg);
    const char *enough = e ? NULL : too_many(ph);
    if (enough) {
        f.cause = str_from(enough);
        fail(ph, &f, 0);
        return;
    }
    if (!e)
        e = send_register(ph);
    if (e) {
        f.cause = str_from(e == ERR_UNSUPPORTED ? "no challenge that this UE can answer" : err_text(e));
        fail(ph, &f, 0);
    }
}

// Seconds granted to our contact by the 200 (OK).
static uint32_t granted(const struct phone *ph, const struct sip_msg *msg)
{
    struct sip_iter it = sip_iter_init(msg, SIP_H_CONTACT);
    int64_t expires = -1;
    for (const struct sip_contact *c; (c = sip_iter_next(&it));)
        if (!c->star && str_eq(c->addr.uri.text, ph->contact))
            expires = c->expires;
    if (expires < 0)
        expires = sip_msg_expires(msg);
    return expires < 0 ? ph->expires : (uint32_t)expires;
}

static struct str joined(struct arena *a, const struct sip_msg *msg, enum sip_hid id)
{
    struct arena_buf all = arena_buf_init(a);
    struct sip_iter it = sip_iter_init(msg, id);
    for (const struct sip_addr *v; (v = sip_iter_next(&it));)
        arena_buf_item(&all, STR(", "), v->text);
    return arena_buf_done(&all);
}

// Of requests behind the REGISTER: what the phone was given, unless the network does not list it, as it does not list a
// barred identity; then the first that it lists (TS 24.229 5.1.1.2.1, 5.1.2A.1.1).
static struct str identity(struct phone *ph, const struct sip_msg *msg)
{
    struct sip_iter it = sip_iter_init(msg, SIP_H_P_ASSOCIATED_URI);
    struct str first = STR_NONE;
    for (const struct sip_addr *v; (v = sip_iter_next(&it));) {
        if (str_eq(v->uri.text, ph->impu))
            return ph->impu;
        first = first.p ? first : v->uri.text;
    }
    return first.p ? arena_dup(&ph->reg_mem, first) : STR_NONE;
}

static void on_refresh(void *arg)
{
    struct phone *ph = arg;
    if (phone_register(ph) == 0)
        ph->by_itself = true;
}

// TS 24.229 5.1.1.4.1: 600 s before the expiry when it is more than 1200 s away, else at half time.
static void arm_refresh(struct phone *ph, uint32_t expires)
{
    timer_stop(&ph->refresh_timer);
    uint32_t in = expires > 2 * REFRESH_BEFORE_S ? expires - REFRESH_BEFORE_S : expires / 2;
    if (ph->refresh && in)
        timer_start(ph->hub->loop, &ph->refresh_timer, (uint64_t)in * 1000);
}

static void accepted(struct phone *ph, const struct sip_msg *msg)
{
    bool leaving = ph->state == REG_DEREGISTERING;
    ph->state = leaving ? REG_IDLE : REG_REGISTERED;
    if (ph->registrar.challenge.aka)
        ph->registrar.held = false; // an AKA challenge is for one use
    if (leaving) {
        timer_stop(&ph->refresh_timer);
        if (ph->ops->deregistered)
            ph->ops->deregistered(ph->arg, ph);
        return;
    }
    ph->refresh_failures = 0;
    arena_done(&ph->reg_mem);
    ph->service_route = joined(&ph->reg_mem, msg, SIP_H_SERVICE_ROUTE);
    ph->path = joined(&ph->reg_mem, msg, SIP_H_PATH);
    ph->associated = joined(&ph->reg_mem, msg, SIP_H_P_ASSOCIATED_URI);
    ph->identity = identity(ph, msg);
    struct ue_registered r = {.expires = granted(ph, msg),
                              .associated = ph->associated,
                              .service_route = ph->service_route,
                              .challenges = ph->challenges,
                              .resyncs = ph->resyncs,
                              .took_us = (loop_now(ph->hub->loop) - ph->reg_started) / 1000};
    arm_refresh(ph, r.expires);
    if (ph->ops->registered)
        ph->ops->registered(ph->arg, ph, &r);
}

// 423: ask again with what the registrar wants (TS 24.229 5.1.1.2.1).
static bool raise_expires(struct phone *ph, const struct sip_msg *msg)
{
    const struct sip_delta *min = sip_msg_at(msg, SIP_H_MIN_EXPIRES, 0);
    if (!min || min->value <= ph->expires)
        return false;
    ph->expires = min->value;
    return send_register(ph) == 0;
}

static void on_response(void *arg, ua_id id, unsigned status, const struct sip_msg *msg)
{
    struct phone *ph = arg;
    if (status < 200)
        return;
    ph->reg_txn = 0;
    if (msg && status == 401) {
        answer_challenge(ph, msg);
    } else if (msg && status < 300) {
        accepted(ph, msg);
    } else if (!msg || status != 423 || !raise_expires(ph, msg)) {
        struct ue_failure f = failure_of(status, msg);
        const struct sip_delta *after = msg ? sip_msg_at(msg, SIP_H_RETRY_AFTER, 0) : NULL;
        fail(ph, &f, after ? after->value : 0);
    }
}

static int begin(struct phone *ph, enum reg_state state)
{
    if (ph->state == REG_REGISTERING || ph->state == REG_DEREGISTERING)
        return ERR_STATE;
    enum reg_state before = ph->state;
    ph->state = state;
    ph->challenges = ph->resyncs = ph->invalid = ph->valid = 0;
    ph->by_itself = false;
    ph->reg_started = loop_now(ph->hub->loop);
    int e = send_register(ph);
    if (e)
        ph->state = before;
    return e;
}

int phone_register(struct phone *ph)
{
    ph->star = false;
    if (ph->expires == 0)
        ph->expires = EXPIRES_DEFAULT;
    return begin(ph, REG_REGISTERING);
}

int phone_deregister(struct phone *ph, bool all)
{
    ph->star = all;
    return begin(ph, REG_DEREGISTERING);
}

void phone_init_refresh(struct phone *ph)
{
    timer_init(&ph->refresh_timer, on_refresh, ph);
}
