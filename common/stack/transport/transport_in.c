// SPDX-License-Identifier: Apache-2.0
// From bytes to a message for the layer above, and the answers to what cannot become one.
#include "base/err.h"
#include "base/writer.h"
#include "stack/transport/answer.h"
#include "stack/transport/transport_priv.h"

// Sends a response without a transaction; a request that names nobody in a Via is answered to where it
// came from. warning may be NULL.
static bool answer(struct flow *f, struct sip_msg *m, unsigned status, struct str reason,
                   const char *warning)
{
    if (!sip_msg_is_request(m) || sip_msg_method(m) == SIP_ACK)
        return false;
    struct sip_msg *filled;
    if (via_fill(f->transport, m, &f->info.remote, &filled)) // no room for received: as it came
        filled = sip_msg_ref(m);
    bool sent = flow_answer(f, filled, status, reason, warning, NULL);
    sip_msg_unref(filled);
    return sent;
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
// also when it lacks what a response copies; responses, ACK and what has no Via are dropped. Of
// another version nothing else is judged (RFC 3261 21.5.6, RFC 4475 3.1.2.16).
static void malformed(struct flow *f, struct sip_msg *m, const struct sip_parse_error *e)
{
    bool version = strcmp(e->what, SIP_FAULT_VERSION) == 0, answered = false;
    f->transport->count.malformed++;
    if (m && version) {
        answered = answer(f, m, 505, STR_NONE, NULL);
    } else if (m) {
        struct str reason =
            arena_printf(sip_msg_arena(m), "Bad Request: %s %s", fault(m, e->what), e->what);
        answered = answer(f, m, 400, reason, NULL);
    }
    transport_log(f,
                  !answered ? "malformed message dropped"
                  : version ? "request of another version answered 505"
                            : "malformed request answered 400",
                  e->what, m ? sip_msg_call_id(m) : STR_NONE);
}

// A message that has more of something than the configuration allows (RFC 3261 21.4.1, 21.4.11,
// 21.4.12): a request is told so, what else it is is dropped.
static int beyond_limit(struct flow *f, struct sip_msg *m, enum sip_limit limit)
{
    const struct sip_limit_row *row = &sip_limit_rows[limit];
    struct str reason = STR_NONE;
    f->transport->beyond[limit]++;
    if (row->status == 400)
        reason = arena_printf(sip_msg_arena(m), "Bad Request: %s", row->what);
    bool answered = answer(f, m, row->status, reason, row->what);
    transport_log(f, answered ? "request beyond a limit refused" : "message beyond a limit dropped",
                  row->what, sip_msg_call_id(m));
    return ERR_TOOBIG;
}

uint64_t transport_memory(const struct transport *t, size_t n)
{
    return sip_limits_memory(&t->message, n);
}

void transport_bound_memory(const struct transport *t, struct sip_msg *m)
{
    arena_set_max(sip_msg_arena(m), transport_memory(t, sip_msg_bytes(m).n));
}

void transport_count_beyond(struct transport *t, enum sip_limit limit)
{
    t->beyond[limit]++;
}

void transport_count_send_error(struct transport *t)
{
    t->count.send_errors++;
}

static int deliver(struct flow *f, struct sip_msg *m)
{
    struct transport *t = f->transport;
    if (!sip_msg_is_request(m)) {
        t->count.responses_in++;
        t->user->message(t->user_arg, f, m);
        return 0;
    }
    t->count.requests_in++;
    struct sip_msg *filled;
    int err = via_fill(t, m, &f->info.remote, &filled);
    if (err) {
        bool answered = answer(f, m, err == ERR_TOOBIG ? 513 : 500, STR_NONE, NULL);
        transport_log(f, answered ? "request refused" : "request dropped", err_name(err),
                      sip_msg_call_id(m));
        return err;
    }
    transport_bound_memory(t, filled);
    t->user->message(t->user_arg, f, filled);
    sip_msg_unref(filled);
    return 0;
}

static int receive(struct flow *f, struct str bytes)
{
    struct sip_msg *m = NULL;
    struct sip_parse_error e = {0};
    int err = sip_msg_parse(bytes, &m, &e);
    if (err) {
        flow_trace(f, false, &f->info.remote, bytes, STR_NONE);
        if (err == ERR_BAD)
            malformed(f, m, &e);
    } else {
        enum sip_limit limit = sip_limits_check(m, &f->transport->message);
        flow_trace(f, false, &f->info.remote, bytes, sip_msg_call_id(m));
        transport_bound_memory(f->transport, m);
        f->heard = loop_now(f->transport->loop) / 1000000;
        err = limit ? beyond_limit(f, m, limit) : deliver(f, m);
    }
    sip_msg_unref(m);
    return err;
}

int transport_receive(struct flow *f, struct str bytes)
{
    struct loop_progress *p = loop_progress(f->transport->loop);
    p->n = bytes.n;
    p->bytes = bytes.p;
    int err = receive(f, bytes);
    p->bytes = NULL;
    return err;
}
