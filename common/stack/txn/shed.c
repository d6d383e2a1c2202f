// SPDX-License-Identifier: Apache-2.0
#include "stack/txn/shed.h"

#include "base/err.h"
#include "base/writer.h"
#include "stack/transport/answer.h"
#include "stack/txn/glance.h"
#include "stack/txn/txn_priv.h"

enum { RETRY_AFTER = 5 };
#define LEAVING "(leaving)" // a comment in Retry-After (RFC 3261 20.33)

// ---- classes ----

// RFC 5031: TS 24.229 5.2.10 lets it in whatever the user's state.
static bool is_emergency(const struct sip_msg *m)
{
    return str_istarts(sip_msg_uri_text(m), STR("urn:service:sos"));
}

// An answer to a challenge, or a refresh with the credentials of the last one.
static bool has_credentials(const struct sip_msg *m)
{
    const struct sip_auth *a = sip_msg_at(m, SIP_H_AUTHORIZATION, 0);
    return a && (a->response.n || a->auts.n);
}

enum overload_class shed_class(const struct sip_msg *m)
{
    enum sip_method method = sip_msg_method(m);
    if (sip_msg_to_tag(m).p || method == SIP_CANCEL || is_emergency(m))
        return OVERLOAD_KEPT;
    if (method == SIP_REGISTER && has_credentials(m))
        return OVERLOAD_CARRIED;
    return OVERLOAD_NEW;
}

static enum overload_class class_of(const struct txn_layer *l, const struct sip_msg *m,
                                    const struct flow_info *from)
{
    return l->owner.classify ? l->owner.classify(l->owner_arg, m, from) : shed_class(m);
}

// ---- refusing ----

static void answer(struct flow *f, const struct sip_msg *m, unsigned status, struct str retry_after)
{
    struct sip_edits extra;
    sip_edits_init(&extra, sip_msg_arena(m), NULL);
    sip_edit_append(&extra, SIP_H_RETRY_AFTER, retry_after);
    (void)flow_answer(f, m, status, STR_NONE, NULL, &extra);
}

static void refuse(struct txn_layer *l, struct flow *f, const struct sip_msg *m, uint32_t retry_after)
{
    char text[12];
    struct writer w = writer_init(text, sizeof text);
    writer_u64(&w, retry_after);
    l->count.overload++;
    answer(f, m, 503, writer_done(&w));
}

void shed_refuse_leaving(struct txn_layer *l, struct flow *f, const struct sip_msg *m)
{
    unsigned status = l->owner.leaving ? l->owner.leaving(l->owner_arg, m) : 503;
    l->count.leaving++;
    answer(f, m, status, STR("30 " LEAVING));
}

bool shed_is_leaving(const struct sip_msg *m)
{
    return str_ends(sip_msg_raw(m, SIP_H_RETRY_AFTER), STR(LEAVING));
}

void shed_refuse(struct txn_layer *l, struct flow *f, const struct sip_msg *m)
{
    refuse(l, f, m, RETRY_AFTER);
}

bool shed_admit(struct txn_layer *l, struct flow *f, const struct sip_msg *m,
                struct overload_request *ret_asked)
{
    uint64_t now = loop_now(l->loop);
    const struct flow_info *from = flow_get_info(f);
    struct overload_request r = {.kind = class_of(l, m, from),
                                 .machine = sip_msg_method(m) == SIP_REGISTER,
                                 .droppable = !flow_is_reliable(f),
                                 .acked = sip_msg_method(m) == SIP_INVITE};
    overload_waited(l->overload, now, loop_waited(l->loop));
    enum overload_verdict v = overload_ask(l->overload, now, &r);
    if (v == OVERLOAD_TAKE)
        *ret_asked = r;
    else if (v == OVERLOAD_REFUSE)
        refuse(l, f, m, overload_retry_after(l->overload, loop_random_u64(l->loop)));
    return v == OVERLOAD_TAKE;
}

bool shed_drops_unread(struct txn_layer *l, struct flow *f, struct str bytes)
{
    uint64_t now = loop_now(l->loop);
    enum stack_standing who = flow_standing(f);
    struct overload_request r = {.droppable = true, .acked = str_starts(bytes, STR("INVITE "))};
    if (who == STACK_TRUSTED || !overload_is_deaf(l->overload, now))
        return false;
    r.kind = glance_class(bytes, &r.machine);
    if ((who == STACK_KNOWN && r.machine) || !overload_drops(l->overload, &r))
        return false;
    overload_waited(l->overload, now, loop_waited(l->loop));
    return true;
}

// ---- metrics ----

static uint64_t shown(double limit)
{
    return limit < 0 ? 0 : (uint64_t)limit;
}

void shed_stats(const struct txn_layer *l, stack_stat_cb cb, void *arg)
{
    const struct overload_figures *o = overload_figures(l->overload);
    cb(arg, "sip_overload_refused", "class=\"new\"", o->refused[OVERLOAD_NEW]);
    cb(arg, "sip_overload_refused", "class=\"carried\"", o->refused[OVERLOAD_CARRIED]);
    cb(arg, "sip_overload_dropped", "", o->dropped);
    cb(arg, "sip_overload_unread", "", o->unread);
    cb(arg, "sip_overload_pushed_back", "", o->pushed_back);
    cb(arg, "sip_overload_entered", "", o->entered);
    cb(arg, "sip_overload_load_percent", "", (uint64_t)(o->load * 100));
    cb(arg, "sip_overload_limit", "class=\"new\"", shown(o->limit[OVERLOAD_NEW]));
    cb(arg, "sip_overload_limit", "class=\"carried\"", shown(o->limit[OVERLOAD_CARRIED]));
    cb(arg, "sip_overload_registers_under_way", "", o->under_way);
    cb(arg, "sip_overload_registers_window", "", o->window);
}
