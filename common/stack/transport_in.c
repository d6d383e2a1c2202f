// SPDX-License-Identifier: Apache-2.0
// From bytes to a message for the transaction layer, and the answers to what cannot become one.
#include "base/err.h"
#include "base/log.h"
#include "base/writer.h"
#include "stack/transport_priv.h"

bool transport_may_log(struct stack *s)
{
    struct transport_layer *t = s->transports;
    uint64_t second = loop_now(s->loop) / 1000000000;
    if (second != t->log_second) {
        t->log_second = second;
        t->log_count = 0;
    }
    return t->log_count++ < TRANSPORT_LOGS;
}

void transport_log(struct flow *f, const char *msg, const char *what, struct str call_id)
{
    if (!transport_may_log(f->stack))
        return;
    char peer[ADDR_TEXT_MAX];
    LOG(LOG_WARN, msg, LF("peer", addr_text(&f->info.remote, peer)), LF_Z("what", what),
        LF("call_id", call_id));
}

static void add_warning(struct flow *f, struct sip_edits *e, const char *text)
{
    char host[ADDR_TEXT_MAX];
    sip_edit_append(e, SIP_H_WARNING,
                    arena_printf(e->arena, "399 %.*s \"%s\"",
                                 STR_ARG(addr_host_text(&f->info.local, host)), text));
}

// Sends a response without a transaction to where m's top Via says. warning may be NULL.
static bool answer(struct flow *f, struct sip_msg *m, unsigned status, struct str reason,
                   const char *warning)
{
    struct stack *s = f->stack;
    if (!sip_msg_is_request(m) || sip_msg_method(m) == SIP_ACK || !sip_msg_via(m))
        return false;
    struct sip_msg *filled;
    if (via_fill(s, m, &f->info.remote, &filled))
        return false;
    char tag[TXN_TAG_LEN];
    struct sip_edits extra;
    sip_edits_init(&extra, sip_msg_arena(filled), NULL);
    if (warning)
        add_warning(f, &extra, warning);
    struct writer w = stack_scratch(s);
    int err = sip_write_response(filled, status, reason, txn_to_tag(s, filled, tag), &extra, &w);
    if (!err && f->stream) {
        err = flow_send(s, f, writer_done(&w), sip_msg_call_id(filled));
    } else if (!err) {
        struct addr to;
        via_reply_addr(filled, &f->info.remote, false, &to);
        err = flow_send_to(s, f, &to, writer_done(&w), sip_msg_call_id(filled));
    }
    sip_msg_unref(filled);
    return err == 0;
}

bool transport_refuse(struct flow *f, struct str bytes, unsigned status, struct str reason)
{
    ptrdiff_t end = str_find(bytes, STR("\r\n\r\n"));
    struct str head = end < 0 ? bytes : str_head(bytes, (size_t)end + 4);
    struct sip_msg *m = NULL;
    struct sip_parse_error perr;
    int err = sip_msg_parse(str_head(head, SIP_MSG_MAX), &m, &perr);
    if ((err && err != ERR_BAD) || !m)
        return false;
    bool answered = answer(f, m, status, reason, NULL);
    sip_msg_unref(m);
    return answered;
}

// "Missing" or "Malformed".
static const char *fault(const struct sip_msg *m, const char *field)
{
    static const enum sip_hid needed[] = {SIP_H_FROM, SIP_H_TO, SIP_H_CALL_ID, SIP_H_CSEQ};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (str_eq(sip_hid_name(needed[i]), str_from(field)) && !sip_msg_has(m, needed[i]))
            return "Missing";
    return "Malformed";
}

// RFC 3261 18.3, 8.2, RFC 4475 3.3.1: a request that can be answered gets 400 naming the field,
// also when it lacks what a response copies; responses, ACK and what has no usable Via are dropped.
static void malformed(struct flow *f, struct sip_msg *m, const struct sip_parse_error *e)
{
    bool answered = false;
    f->stack->count.malformed++;
    if (m) {
        struct str reason =
            arena_printf(sip_msg_arena(m), "Bad Request: %s %s", fault(m, e->what), e->what);
        answered = answer(f, m, 400, reason, NULL);
    }
    transport_log(f, answered ? "malformed request answered 400" : "malformed message dropped",
                  e->what, m ? sip_msg_call_id(m) : STR_NONE);
}

// A message that has more of something than the configuration allows (RFC 3261 21.4.1, 21.4.11,
// 21.4.12): a request is told so, what else it is is dropped.
static int beyond_limit(struct flow *f, struct sip_msg *m, enum sip_limit limit)
{
    const struct sip_limit_row *row = &sip_limit_rows[limit];
    struct str reason = STR_NONE;
    f->stack->beyond[limit]++;
    if (row->status == 400)
        reason = arena_printf(sip_msg_arena(m), "Bad Request: %s", row->what);
    bool answered = answer(f, m, row->status, reason, row->what);
    transport_log(f, answered ? "request beyond a limit refused" : "message beyond a limit dropped",
                  row->what, sip_msg_call_id(m));
    return ERR_TOOBIG;
}

void transport_bound_memory(const struct stack *s, struct sip_msg *m)
{
    arena_set_max(sip_msg_arena(m), sip_limits_memory(&s->limits, sip_msg_bytes(m).n));
}

static int deliver(struct flow *f, struct sip_msg *m)
{
    struct stack *s = f->stack;
    if (!sip_msg_is_request(m)) {
        s->count.responses_in++;
        stack_on_message(s, f, m);
        return 0;
    }
    s->count.requests_in++;
    struct sip_msg *filled;
    int err = via_fill(s, m, &f->info.remote, &filled);
    if (err) {
        transport_log(f, "request dropped", err_name(err), sip_msg_call_id(m));
        return err;
    }
    transport_bound_memory(s, filled);
    stack_on_message(s, f, filled);
    sip_msg_unref(filled);
    return 0;
}

int transport_receive(struct flow *f, struct str bytes)
{
    struct sip_msg *m = NULL;
    struct sip_parse_error e = {0};
    int err = sip_msg_parse(bytes, &m, &e);
    if (err) {
        flow_trace(f, false, &f->info.remote, bytes, STR_NONE);
        if (err == ERR_BAD)
            malformed(f, m, &e);
    } else {
        enum sip_limit limit = sip_limits_check(m, &f->stack->limits);
        flow_trace(f, false, &f->info.remote, bytes, sip_msg_call_id(m));
        transport_bound_memory(f->stack, m);
        err = limit ? beyond_limit(f, m, limit) : deliver(f, m);
    }
    sip_msg_unref(m);
    return err;
}
