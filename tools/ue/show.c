// SPDX-License-Identifier: Apache-2.0
// What a phone has open, for who wonders what it is waiting for: an event for each session and each
// transaction.
#include "tools/ue/tool.h"
#include "tools/ue/ue_priv.h"

enum { SHOWN_MAX = 100 };

static json_t *machines(const struct session_line *line)
{
    json_t *all = json_array();
    for (size_t i = 0; i < line->n_parts; i++) {
        const struct session_part *p = &line->parts[i];
        json_t *m = json_pack("{s:s, s:s}", "name", p->machine, "state", p->state);
        if (p->timer)
            (void)json_object_update_new(
                m, json_pack("{s:s, s:I}", "timer", p->timer, "timer_ms", (json_int_t)p->timer_ms));
        (void)json_array_append_new(all, m);
    }
    return all;
}

static void show_session(void *arg, const struct session_line *line)
{
    report_event(arg, "session",
                 json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:o}", "state", line->state, "side",
                           line->outgoing ? "caller" : "called", "call_id",
                           report_str(line->call_id), "remote", report_str(line->remote), "age_ms",
                           (json_int_t)line->age_ms, "dialogs", (json_int_t)line->legs, "interval",
                           (json_int_t)line->interval_s, "machines", machines(line)));
}

static void show_transaction(void *arg, const struct txn_line *line)
{
    char peer[ADDR_TEXT_MAX];
    struct str at = line->peer.sa.sa_family ? addr_text(&line->peer, peer) : STR_NONE;
    report_event(arg, "transaction",
                 json_pack("{s:s, s:s, s:o, s:o, s:I, s:s}", "machine", line->machine, "state",
                           line->state, "method", report_str(line->method), "peer", report_str(at),
                           "age_ms", (json_int_t)line->age_ms, "timer",
                           line->timer ? line->timer : ""));
}

void show_open(const struct options *o, struct hub *h)
{
    (void)session_list(h->sessions, SHOWN_MAX, show_session, (void *)o);
    (void)txn_list(stack_txns(h->stack), SHOWN_MAX, show_transaction, (void *)o);
}
