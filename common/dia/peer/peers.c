// SPDX-License-Identifier: Apache-2.0
// The layer: what the link says, given to the machine of the peer that the connection leads to.
#include "dia/peer/peer.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "dia/peer/peer_priv.h"

enum { DRAIN_MS = 1000 };

// ---- connections ----

static void on_connected(void *arg, struct dia_conn *c)
{
    dia_peer_event(dia_caller(c)->peer, PEER_I_CONN_ACK, c);
}

// One line for each new reason until the peer is open: it is tried again and again.
static void tell_why(struct dia_peer *p, int err)
{
    char at[ADDR_TEXT_MAX];
    if (p->told_err == err)
        return;
    p->told_err = err;
    LOG(LOG_WARN, p->told_open ? "diameter connection lost" : "diameter peer cannot be reached",
        LF("peer", p->info.host), LF("address", addr_text(&p->remote, at)),
        LF_Z("reason", err_text(err)));
}

static void on_lost(void *arg, struct dia_conn *c, int err)
{
    struct dia_peer *p = dia_caller(c)->peer;
    if (!p || (p->i != c && p->r != c))
        return;
    if (err && p->i == c)
        tell_why(p, err);
    if (p->i == c && (p->state == PEER_WAIT_CONN_ACK || p->state == PEER_WAIT_CONN_ACK_ELECT))
        dia_peer_event(p, PEER_I_CONN_NACK, c);
    else
        dia_peer_event(p, dia_conn_is_ours(c) ? PEER_I_DISC : PEER_R_DISC, c);
}

static void on_leaves(void *arg, struct dia_conn *c)
{
    struct dia_peer *p = dia_caller(c)->peer;
    dia_admit_cancel(c);
    if (p && p->second == c)
        dia_peer_forget_second(p);
}

static struct str name_of(void *arg, const struct dia_conn *c)
{
    const struct dia_peer *p = dia_caller(c)->peer;
    return p ? p->info.host : STR("?");
}

// ---- the link's messages ----

// RFC 3588 5.6 had capabilities exchanged on an open connection too; RFC 6733 1.1.3 no longer has,
// and peers of both kinds are about. What the peer can do now is noted, if it is still of use to
// us; nothing ends by it.
static void cer_again(struct dia_conn *c, const struct dia_caps *caps)
{
    struct dia_caller *k = dia_caller(c);
    struct dia_peer *p = k->peer;
    struct dia_apps apps;
    dia_apps_note(&apps, caps);
    uint32_t code = !str_ieq(caps->origin_host, p->info.host) ? DIA_UNKNOWN_PEER
                    : !dia_apps_common(p->layer->self, &apps) ? DIA_NO_COMMON_APPLICATION
                                                              : DIA_SUCCESS;
    if (code == DIA_SUCCESS) {
        k->apps = p->info.apps = apps;
        k->state_id = p->state_id = caps->state_id;
    } else {
        p->counts.bad++;
    }
    (void)dia_conn_send_cea(c, code,
                            code == DIA_SUCCESS ? NULL : "the connection goes on as it was");
}

// RFC 6733 5.3: Process-CER, before the state machine hears of it.
static void on_cer(void *arg, struct dia_conn *c, const struct dia_caps *caps)
{
    if (dia_conn_is_open(c))
        cer_again(c, caps);
    else if (dia_conn_is_known(c) || dia_caller(c)->lookup.peer)
        dia_conn_refuse(c, "CER out of place");
    else
        dia_admit(arg, c, caps);
}

static void on_cea(void *arg, struct dia_conn *c, const struct dia_caps *caps)
{
    struct dia_caller *k = dia_caller(c);
    struct dia_peer *p = k->peer;
    const char *why = NULL;
    if (p->i != c || (p->state != PEER_WAIT_I_CEA && p->state != PEER_WAIT_RETURNS))
        return;
    dia_apps_note(&k->apps, caps);
    k->state_id = caps->state_id;
    if (caps->result.code / 1000 != 2)
        why = "refused by the peer";
    else if (!str_ieq(caps->origin_host, p->info.host))
        why = "another Origin-Host than configured";
    else if (!dia_apps_common(p->layer->self, &k->apps))
        why = "no common application";
    if (!why) {
        dia_peer_event(p, PEER_I_CEA, c);
        return;
    }
    LOG(LOG_WARN, "diameter capabilities exchange failed", LF("peer", p->info.host),
        LF_Z("reason", why), LF_NUM("result", caps->result.code),
        LF("origin_host", caps->origin_host), LF("message", caps->error_message));
    dia_peer_event(p, PEER_I_NON_CEA, c);
    dia_conn_close(c, false);
}

static void on_disconnect(void *arg, struct dia_conn *c, const struct dia_frame *f, uint32_t cause)
{
    struct dia_peer *p = dia_caller(c)->peer;
    bool request = f->flags & DIA_CMD_R;
    if (request && (p->i == c || p->r == c)) {
        p->cause = cause;
        dia_conn_done(c, f);
    }
    if (p->i == c)
        dia_peer_event(p, request ? PEER_I_DPR : PEER_I_DPA, c);
    else if (p->r == c)
        dia_peer_event(p, request ? PEER_R_DPR : PEER_R_DPA, c);
}

static void on_heard(void *arg, struct dia_conn *c, bool dwa)
{
    struct dia_peer *p = dia_caller(c)->peer;
    if (dwa && dia_conn_is_open(c))
        dia_peer_alive(p);
    dia_watchdog_event(p, dwa ? WD_DWA : WD_OTHER);
}

// ---- applications' messages ----

static void on_request(void *arg, struct dia_conn *c, const struct dia_frame *f)
{
    const struct dia_peer_layer *l = arg;
    l->user->request(l->user_arg, dia_caller(c)->peer, c, f);
}

static void on_answer(void *arg, struct dia_conn *c, const struct dia_frame *f)
{
    const struct dia_peer_layer *l = arg;
    l->user->answer(l->user_arg, dia_caller(c)->peer, c, f);
}

static void on_broken(void *arg, struct dia_conn *c, const struct dia_frame *f)
{
    const struct dia_peer_layer *l = arg;
    l->user->broken(l->user_arg, dia_caller(c)->peer, f);
}

static const struct dia_link_user_ops link_ops = {
    .connected = on_connected,
    .lost = on_lost,
    .leaves = on_leaves,
    .cer = on_cer,
    .cea = on_cea,
    .disconnect = on_disconnect,
    .heard = on_heard,
    .request = on_request,
    .answer = on_answer,
    .broken = on_broken,
    .name = name_of,
    .room = sizeof(struct dia_caller),
};

// ---- life ----

static void bury(void *layer)
{
    struct dia_peer_layer *l = layer;
    LIST_EACH(&l->peers, it) {
        struct dia_peer *p = LIST_ENTRY(it, struct dia_peer, link);
        if (p->dead)
            dia_peer_free(p);
    }
}

static void drain_finish(struct dia_peer_layer *l)
{
    timer_cb done = l->drain_done;
    timer_stop(&l->drain_timer);
    l->drain_done = NULL;
    if (done)
        done(l->drain_arg);
}

static void drain_over(void *layer)
{
    drain_finish(layer);
}

static void drain_check(void *layer)
{
    struct dia_peer_layer *l = layer;
    LIST_EACH(&l->peers, it)
        if (LIST_ENTRY(it, struct dia_peer, link)->state != PEER_CLOSED)
            return;
    drain_finish(l);
}

int dia_peers_new(const struct dia_peers_params *p, struct dia_peer_layer **ret_peers)
{
    struct dia_peer_layer *l = mem_zalloc(sizeof *l);
    if (!l)
        return ERR_NOMEM;
    l->link = p->link;
    l->loop = dia_link_loop(p->link);
    l->self = dia_link_self(p->link);
    l->watchdog_ms = p->watchdog_ms;
    l->connect_ms = p->connect_ms;
    l->accept_unknown = p->accept_unknown;
    l->state = p->state;
    l->state_arg = p->state_arg;
    list_init(&l->peers);
    deferred_init(&l->bury, bury, l);
    deferred_init(&l->drained, drain_check, l);
    timer_init(&l->drain_timer, drain_over, l);
    dia_link_set_user(p->link, &link_ops, l);
    *ret_peers = l;
    return 0;
}

void dia_peers_set_user(struct dia_peer_layer *l, const struct dia_peer_user_ops *ops, void *arg)
{
    l->user = ops;
    l->user_arg = arg;
}

void dia_peers_free(struct dia_peer_layer *l)
{
    if (!l)
        return;
    LIST_EACH(&l->peers, it)
        dia_peer_free(LIST_ENTRY(it, struct dia_peer, link));
    dia_link_close_all(l->link);
    deferred_cancel(&l->bury);
    deferred_cancel(&l->drained);
    timer_stop(&l->drain_timer);
    mem_free(l);
}

void dia_peers_drain(struct dia_peer_layer *l, timer_cb done, void *arg)
{
    l->draining = true;
    l->drain_done = done;
    l->drain_arg = arg;
    timer_start(l->loop, &l->drain_timer, DRAIN_MS);
    LIST_EACH(&l->peers, it)
        dia_peer_event(LIST_ENTRY(it, struct dia_peer, link), PEER_STOP, NULL);
    loop_defer(l->loop, &l->drained);
}
