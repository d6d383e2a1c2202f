// SPDX-License-Identifier: Apache-2.0
// Peers for people: who is there, in which states, and what they wait for.
#include "dia/peer/peer_priv.h"

static uint64_t left_ms(const struct dia_peer *p, uint64_t due)
{
    uint64_t now = dia_peers_ms(p->layer);
    return due > now ? due - now : 0;
}

static void put_timer(const struct dia_peer *p, struct dia_peer_line *line)
{
    if (timer_active(&p->second_timer)) { // the machine's other one does not run then
        line->timer = dia_peer_fsm.timers[PT_SECOND].name;
        line->timer_ms = left_ms(p, p->second_due_ms);
    } else if (p->runs) {
        line->timer = dia_peer_fsm.timers[p->runs].name;
        line->timer_ms = left_ms(p, p->due_ms);
    }
    if (timer_active(&p->wd.timer)) {
        line->watchdog_timer = dia_watchdog_fsm.timers[WT_TW].name;
        line->watchdog_ms = left_ms(p, p->wd.due_ms);
    }
}

static struct dia_peer_line line_of(const struct dia_peer *p)
{
    const struct dia_conn *open = dia_peer_conn(p);
    struct dia_peer_line line = {
        .host = p->info.host,
        .state = dia_peer_fsm.states[p->state],
        .watchdog = dia_watchdog_fsm.states[p->wd.state],
        .open_ms = open ? dia_peers_ms(p->layer) - p->opened_ms : 0,
        .usable = dia_peer_is_usable(p),
    };
    if (open)
        line.at = *dia_conn_remote(open);
    else if (addr_port(&p->remote))
        line.at = p->remote;
    put_timer(p, &line);
    return line;
}

size_t dia_peers_list(const struct dia_peer_layer *l, size_t max, dia_peer_list_cb cb, void *arg,
                      size_t *ret_all)
{
    size_t n = 0, all = 0;
    for (const struct list *it = l->peers.next; it != &l->peers; it = it->next) {
        const struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        if (p->dead)
            continue;
        all++;
        if (n == max)
            continue;
        struct dia_peer_line line = line_of(p);
        cb(arg, &line);
        n++;
    }
    *ret_all = all;
    return n;
}
