// SPDX-License-Identifier: Apache-2.0
// One target after the other (RFC 3263 4.3): choosing transport and flow, writing the request with
// its Via, sending it, and moving on when that did not work.
#include "base/arena.h"
#include "base/err.h"
#include "base/writer.h"
#include "stack/txn/txn_priv.h"

enum {
    UDP_MAX = 1300,     // RFC 3261 18.1.1, the path MTU being unknown
    SHARE_MIN_MS = 5000, // of one target: who lives has answered or sent 100 by then (RFC 4320 4.1)
    SHARE_SILENT_MS = 2000, // of one that was silent a moment ago, to a request that it answers itself
    BLAME_503_MAX_S = 60,
};

// ---- time: one budget for all targets ----

static uint64_t now_ms(const struct txn_client *c)
{
    return loop_now(c->t.layer->loop) / 1000000;
}

uint32_t client_left(const struct txn_client *c)
{
    uint64_t now = now_ms(c);
    return c->deadline > now ? (uint32_t)(c->deadline - now) : 0;
}

struct txn_asked {
    struct resolve_target t[TXN_ASKED_MAX];
    size_t n;
};

struct txn_asked *txn_asked_new(struct arena *a)
{
    return ARENA_NEW(a, struct txn_asked);
}

static bool is_asked(const struct txn_asked *a, const struct resolve_target *t)
{
    for (size_t i = 0; i < a->n; i++)
        if (resolve_same_node(&a->t[i], t))
            return true;
    return false;
}

bool client_keep_unasked(struct txn_client *c)
{
    struct resolve_list *l = &c->targets;
    size_t n = 0, before = l->n;
    if (!c->asked)
        return true;
    for (size_t i = 0; i < before; i++)
        if (c->asked->n < TXN_ASKED_MAX && !is_asked(c->asked, &l->t[i]))
            l->t[n++] = l->t[i];
    l->n = n;
    return n > 0;
}

void client_note_asked(struct txn_client *c)
{
    const struct resolve_target *t = &c->targets.t[c->cur];
    if (c->fixed_flow || c->reach || c->cur >= c->targets.n)
        return;
    c->heard |= UINT32_C(1) << c->cur;
    if (c->asked && c->asked->n < TXN_ASKED_MAX && !is_asked(c->asked, t))
        c->asked->t[c->asked->n++] = *t;
}

static bool is_heard(const struct txn_client *c, const struct resolve_target *t)
{
    for (size_t i = 0; i < c->targets.n; i++)
        if ((c->heard >> i & 1) && resolve_same_node(&c->targets.t[i], t))
            return true;
    return false;
}

// After an error another transport of the same node may do; one that is silent or has answered does so
// over each of them.
static bool is_left(const struct txn_client *c, const struct resolve_target *t, const struct resolve_target *cur,
                    enum client_cause cause)
{
    bool same = resolve_same_node(t, cur) && (cause != CAUSE_ERROR || t->proto == cur->proto);
    return !same && !is_heard(c, t);
}

// The next target that a failure of the present one leaves.
static size_t next_after(const struct txn_client *c, size_t cur, enum client_cause cause)
{
    size_t i = cur + 1;
    while (i < c->targets.n && !is_left(c, &c->targets.t[i], &c->targets.t[cur], cause))
        i++;
    return i;
}

static size_t nodes_left(const struct txn_client *c)
{
    size_t n = 1;
    if (c->fixed_flow)
        return n;
    for (size_t i = next_after(c, c->cur, CAUSE_SILENCE); i < c->targets.n;
         i = next_after(c, i, CAUSE_SILENCE))
        n++;
    return n;
}

static const struct resolve_target *target_of(const struct txn_client *c)
{
    return !c->fixed_flow && c->cur < c->targets.n ? &c->targets.t[c->cur] : NULL;
}

// It has used up the whole time of another request: whoever waits behind this one need not wait as long to
// hear that. What it has said of late to anybody proves that it lives.
static bool is_known_silent(const struct txn_client *c)
{
    const struct resolve_target *t = target_of(c);
    uint64_t heard = c->t.flow ? flow_heard(c->t.flow) : 0;
    if (!t || !c->speaks || (heard && now_ms(c) < heard + SHARE_MIN_MS))
        return false;
    return resolve_is_silent(c->t.layer->resolver, t);
}

uint32_t client_share(struct txn_client *c, uint32_t timer)
{
    c->sent_at = now_ms(c);
    if (!c->deadline)
        c->deadline = c->sent_at + timer;
    uint32_t left = client_left(c), share = left / (uint32_t)nodes_left(c);
    if (share < SHARE_MIN_MS)
        share = SHARE_MIN_MS;
    if (c->timeout_ms && c->timeout_ms < share)
        share = c->timeout_ms;
    if (is_known_silent(c) && share > SHARE_SILENT_MS)
        share = SHARE_SILENT_MS;
    if (share > left)
        share = left;
    return share > timer ? timer : share;
}

// ---- whose fault it was ----

// A target that is the only one is used whatever is held against it.
static const struct resolve_target *blamed(const struct txn_client *c)
{
    return c->targets.n > 1 ? target_of(c) : NULL;
}

// Somebody behind it may be the silent one, unless it answers this request itself; and who has said
// anything at all meanwhile lives.
void client_blame_silence(struct txn_client *c)
{
    const struct resolve_target *t = target_of(c);
    if (!t || !c->speaks || c->answered || (c->t.flow && flow_heard(c->t.flow) >= c->sent_at))
        return;
    resolve_mark_silent(c->t.layer->resolver, t);
    if (blamed(c))
        resolve_mark_node(c->t.layer->resolver, t, 0);
}

static void blame(struct txn_client *c, enum client_cause cause, uint32_t retry_after)
{
    const struct resolve_target *t = blamed(c);
    if (!t)
        return;
    if (cause == CAUSE_ERROR)
        resolve_mark_transport(c->t.layer->resolver, t);
    else if (cause == CAUSE_503 && retry_after) // RFC 3261 21.5.4: without, it is as good as a 500
        resolve_mark_node(c->t.layer->resolver, t,
                          (retry_after < BLAME_503_MAX_S ? retry_after : BLAME_503_MAX_S) * 1000);
}

// ---- sending to one ----

// The request for this flow, in the scratch buffer.
static int write_request(struct txn_client *c, const struct flow *f, struct str *ret_bytes)
{
    char text[512];
    struct writer via = writer_init(text, sizeof text);
    struct writer w = txn_scratch(c->t.layer);
    writer_str(&via, flow_via_prefix(f));
    writer_lit(&via, ";branch=");
    writer_str(&via, c->branch);
    if (!flow_is_reliable(f))
        writer_lit(&via, ";rport"); // RFC 3581 3
    int err = via.failed ? ERR_TOOBIG : c->write(c->arg, writer_done(&via), &w);
    if (!err && w.failed)
        err = ERR_TOOBIG;
    if (!err)
        *ret_bytes = writer_done(&w);
    return err;
}

// No datagram can carry it, whatever the path: the message has outgrown it here.
static bool outgrown(const struct flow *f, size_t n)
{
    return !flow_is_reliable(f) && n > UDP_DATA_MAX;
}

static bool too_big_for_udp(const struct txn_client *c, const struct resolve_target *t, size_t n)
{
    return t->proto == SIP_PROTO_UDP && n > UDP_MAX && !t->explicit_proto && !c->force_udp;
}

static int send_on(struct txn_client *c, struct flow *f, struct str bytes)
{
    bool keep = !flow_is_reliable(f) || c->t.method == SIP_INVITE;
    if (keep && txn_keep(&c->t, bytes))
        return ERR_NOMEM;
    if (!keep)
        txn_forget_kept(&c->t);
    c->reused = flow_is_connected(f);
    int err = flow_send(f, bytes, STR_NONE);
    if (err && !(err == ERR_FULL && !flow_is_reliable(f))) // a full batch is as good as a lost packet
        return err;
    txn_attach(&c->t, f);
    return 0;
}

// Sends to target t, over TCP when it is too large for UDP and TCP can be had.
static int try_target(struct txn_client *c, const struct resolve_target *t)
{
    struct flow *f;
    struct str bytes;
    int err = client_flow_to(c, t, t->proto, &f);
    if (!err)
        err = write_request(c, f, &bytes);
    if (err)
        return err;
    bool must = outgrown(f, bytes.n);
    c->outgrown |= must;
    c->grown = (must ? !c->force_udp : too_big_for_udp(c, t, bytes.n)) &&
               client_flow_to(c, t, SIP_PROTO_TCP, &f) == 0;
    if (must && !c->grown)
        return ERR_TOOBIG;
    if (c->grown) // in the place of what was written for UDP
        err = write_request(c, f, &bytes);
    return err ? err : send_on(c, f, bytes);
}

static int try_flow(struct txn_client *c)
{
    struct flow *f = flow_find(c->t.layer->transport, c->fixed_flow);
    struct str bytes;
    if (!f)
        return ERR_CLOSED;
    int err = write_request(c, f, &bytes);
    if (!err && outgrown(f, bytes.n)) {
        // Whoever receives by UDP takes connections at the same place (RFC 3261 18.2.1, 18.1.1).
        const struct flow_info *info = flow_get_info(f);
        flow_id id;
        c->outgrown = true;
        err = flow_get(c->t.layer->transport, SIP_PROTO_TCP, &info->remote, info->listener, &id);
        f = err ? NULL : flow_find(c->t.layer->transport, id);
        err = f ? write_request(c, f, &bytes) : ERR_TOOBIG;
    }
    return err ? err : send_on(c, f, bytes);
}

unsigned client_lost_status(const struct txn_client *c, int err)
{
    bool no_connection = err == ERR_REFUSED || err == ERR_TIMEOUT || err == ERR_NOTFOUND;
    return err == ERR_TOOBIG || (c->outgrown && no_connection) ? 513 : 503;
}

static void started(struct txn_client *c)
{
    struct txn_input in = {0};
    c->answered = false;
    txn_step(&c->t, EV_START, &in);
}

// From target c->cur on, until one takes the request.
static void try_from(struct txn_client *c, bool same_branch)
{
    int err = ERR_DNS;
    for (; c->cur < c->targets.n; c->cur = next_after(c, c->cur, CAUSE_ERROR)) {
        if (!same_branch)
            branch_make(c);
        same_branch = false;
        err = try_target(c, &c->targets.t[c->cur]);
        if (!err) {
            started(c);
            return;
        }
        if (err == ERR_NOMEM || err == ERR_TOOBIG)
            break; // no other address makes that better
        blame(c, CAUSE_ERROR, 0);
    }
    c->fail_status = client_lost_status(c, err);
    transport_count_send_error(c->t.layer->transport);
    client_trouble_error(c, err);
    txn_late_error(&c->t, err);
}

void client_go(struct txn_client *c)
{
    if (!c->fixed_flow) {
        try_from(c, false);
        return;
    }
    branch_make(c);
    int err = try_flow(c);
    c->fail_status = client_lost_status(c, err);
    if (err) {
        client_trouble_error(c, err);
        txn_late_error(&c->t, err);
    } else {
        started(c);
    }
}

// ---- moving on ----

enum move { MOVE_NONE, MOVE_RETRY, MOVE_UDP, MOVE_NEXT };

static enum move next_move(const struct txn_client *c, enum client_cause cause)
{
    if (c->fixed_flow || !c->write || c->cancelled || (c->deadline && !client_left(c)))
        return MOVE_NONE;
    // The peer had closed its end of an old connection just when we used it.
    if (cause == CAUSE_ERROR && c->reused && c->t.reliable && !c->retried)
        return MOVE_RETRY;
    if (cause == CAUSE_ERROR && c->grown) // RFC 3261 18.1.1
        return MOVE_UDP;
    if (c->asked && c->asked->n >= TXN_ASKED_MAX)
        return MOVE_NONE;
    return next_after(c, c->cur, cause) < c->targets.n ? MOVE_NEXT : MOVE_NONE;
}

bool client_can_move(const struct txn_client *c, enum client_cause cause)
{
    return next_move(c, cause) != MOVE_NONE;
}

void client_move(struct txn_client *c, enum client_cause cause, uint32_t retry_after)
{
    struct txn_layer *l = c->t.layer;
    enum move m = next_move(c, cause);
    if (cause == CAUSE_SILENCE) {
        client_withdraw(c);
        client_blame_silence(c);
        client_note_asked(c);
    }
    list_del(&c->t.flow_link);
    c->t.flow = NULL;
    if (m == MOVE_RETRY) {
        c->retried = true;
    } else if (m == MOVE_UDP) {
        c->force_udp = true;
        if (c->reach && l->owner.no_stream && c->connect.sa.sa_family)
            l->owner.no_stream(l->owner_arg, &c->connect);
    } else {
        blame(c, cause, retry_after);
        l->count.failovers++;
        c->cur = next_after(c, c->cur, cause);
        c->retried = c->force_udp = false;
    }
    try_from(c, m == MOVE_RETRY);
}

bool client_probe(struct txn_client *c)
{
    c->probed = true;
    struct flow *f = client_flow(c);
    if (!f)
        return false;
    txn_attach(&c->t, f);
    return true;
}
