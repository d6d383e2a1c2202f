// SPDX-License-Identifier: Apache-2.0
#include "tools/ue/ue_priv.h"

#include "base/err.h"
#include "stack/event/event.h"
#include "base/hash.h"
#include "base/writer.h"

// ---- requests from the network ----

static uint64_t user_key(struct str user)
{
    return hash_bytes(user.p, user.n);
}

static struct phone *find_phone(const struct hub *h, struct str user)
{
    size_t it = 0;
    struct phone *ph;
    while ((ph = map_find(&h->phones, user_key(user), &it)))
        if (str_eq(ph->user, user))
            return ph;
    return NULL;
}

struct phone *hub_phone_for(const struct hub *h, const struct sip_msg *m)
{
    const struct sip_uri *u = sip_msg_uri(m);
    return u && u->user.p ? find_phone(h, u->user) : NULL;
}

static void answer_options(struct pxy *p)
{
    struct sip_edits extra;
    sip_edits_init(&extra, pxy_arena(p), NULL);
    sip_edit_append(&extra, SIP_H_ALLOW, ue_allow);
    (void)pxy_reply(p, 200, STR_NONE, &extra);
}

static void outside_dialog(struct hub *h, struct pxy *p)
{
    const struct sip_msg *m = pxy_request(p);
    if (!hub_phone_for(h, m)) {
        (void)pxy_reply(p, 404, STR_NONE, NULL);
        return;
    }
    switch (sip_msg_method(m)) {
    case SIP_OPTIONS:
        answer_options(p);
        break;
    case SIP_MESSAGE:
    case SIP_NOTIFY:
        phone_on_text(hub_phone_for(h, m), p);
        break;
    case SIP_BYE:
    case SIP_UPDATE:
    case SIP_INFO: // RFC 3261 15.1.2: known, but only inside a dialog
        (void)pxy_reply(p, 481, STR_NONE, NULL);
        break;
    default:
        ue_refuse_method(p);
    }
}

static void on_request(void *arg, struct pxy *p)
{
    struct hub *h = arg;
    const struct sip_msg *m = pxy_request(p);
    enum sip_method method = sip_msg_method(m);
    if (method == SIP_ACK)
        return;
    if (!sip_msg_to_tag(m).p)
        outside_dialog(h, p);
    else if (method == SIP_NOTIFY && hub_phone_for(h, m))
        phone_on_text(hub_phone_for(h, m), p);
    else
        (void)pxy_reply(p, 481, STR_NONE, NULL);
}

static bool wants_invite(void *arg, const struct sip_msg *m)
{
    return hub_phone_for(arg, m) != NULL;
}

static const struct session_layer_ops session_ops = {.wants = wants_invite, .incoming = hub_incoming_invite};

static void on_trace(void *arg, const struct stack_trace *t)
{
    struct hub *h = arg;
    h->trace(h->trace_arg, t);
}

// ---- life ----

// Everything but the hub's table entry.
static void destroy(struct phone *ph)
{
    timer_stop(&ph->refresh_timer);
    if (ph->reg_txn && ph->hub->stack)
        ua_forget(stack_uas(ph->hub->stack), ph->reg_txn);
    LIST_EACH(&ph->calls, it)
        call_free(LIST_ENTRY(it, struct call, of_phone));
    phone_drop_sending(ph);
    phone_drop_subscriptions(ph);
    arena_done(&ph->mem);
    auth_done(ph);
    arena_done(&ph->reg_mem);
    mem_free(ph);
}

static struct str dup_addr(const struct addr *a, struct str (*text)(const struct addr *, char *))
{
    char buf[ADDR_TEXT_MAX];
    return str_dup(text(a, buf));
}

// UDP is not named: what is too large for it goes by TCP, both ways (RFC 3261 18.1.1, TS 24.229 4.2A).
static const char *transport_param(enum sip_proto p)
{
    return p == SIP_PROTO_TCP ? ";transport=tcp" : "";
}

static int set_texts(struct hub *h, const struct hub_params *p)
{
    char buf[ADDR_TEXT_MAX + 32], text[ADDR_TEXT_MAX];
    struct writer w = writer_init(buf, sizeof buf);
    writer_printf(&w, "sip:%.*s%s", STR_ARG(addr_text(&p->proxy, text)), transport_param(p->proto));
    h->proxy_uri = str_dup(writer_done(&w));
    h->local_hostport = dup_addr(&p->local, addr_text);
    h->local_ip = dup_addr(&p->local, addr_ip_text);
    h->user_agent = str_dup(p->user_agent);
    bool ok = h->proxy_uri.p && h->local_hostport.p && h->local_ip.p && h->user_agent.p;
    return ok ? 0 : ERR_NOMEM;
}

static int listen_all(struct hub *h, const struct hub_params *p)
{
    static const enum sip_proto protos[] = {SIP_PROTO_UDP, SIP_PROTO_TCP};
    for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
        struct stack_listen l = {.proto = protos[i], .local = p->local, .timers = &sip_timers_ue};
        int e = stack_listen(h->stack, &l);
        if (e)
            return e;
    }
    return 0;
}

static int open_sessions(struct hub *h)
{
    struct session_layer_params p = {
        .txns = stack_txns(h->stack), .uas = stack_uas(h->stack), .ops = &session_ops, .arg = h};
    return session_layer_new(&p, &h->sessions);
}

static int open_hub(struct hub *h, const struct hub_params *p)
{
    static const struct stack_ops ops = {.request = on_request};
    static const struct stack_ops traced = {.request = on_request,
                                            .trace = on_trace};
    struct stack_params sp = {.loop = h->loop, .ops = h->trace ? &traced : &ops, .arg = h};
    int e = set_texts(h, p);
    if (!e)
        e = aka_new(&h->aka);
    if (!e)
        e = digest_new(&h->digest);
    if (!e)
        e = stack_new(&sp, &h->stack);
    if (!e)
        e = open_sessions(h);
    if (!e)
        e = hub_open_events(h);
    return e ? e : listen_all(h, p);
}

int hub_new(const struct hub_params *p, struct hub **ret_hub)
{
    struct hub *h = mem_zalloc(sizeof *h);
    if (!h)
        return ERR_NOMEM;
    h->loop = p->loop;
    h->proto = p->proto;
    h->media = p->media;
    h->auto_answer = p->auto_answer;
    h->answer_delay_ms = p->answer_delay_ms;
    h->ring_timeout_ms = p->ring_timeout_ms;
    h->trace = p->trace;
    h->trace_arg = p->trace_arg;
    int e = open_hub(h, p);
    if (e)
        hub_free(h);
    else
        *ret_hub = h;
    return e;
}

void hub_free(struct hub *h)
{
    if (!h)
        return;
    // Nothing comes from the stack any more, so phones and calls can go in any order.
    h->closing = true;
    event_free(h->events);
    h->events = NULL;
    session_layer_free(h->sessions);
    h->sessions = NULL;
    if (h->stack)
        stack_free(h->stack);
    h->stack = NULL;
    size_t it = 0;
    struct phone *ph;
    while ((ph = map_next(&h->phones, &it)))
        destroy(ph);
    map_done(&h->phones);
    map_done(&h->calls);
    aka_free(h->aka);
    digest_free(h->digest);
    mem_free((void *)h->proxy_uri.p);
    mem_free((void *)h->local_hostport.p);
    mem_free((void *)h->local_ip.p);
    mem_free((void *)h->user_agent.p);
    mem_free(h);
}

struct stack *hub_stack(struct hub *h)
{
    return h->stack;
}

size_t hub_calls(const struct hub *h)
{
    return h->calls.n;
}

void hub_hang_up(struct hub *h)
{
    size_t it = 0;
    struct call *c;
    // Ending a call frees it at the end of the turn, so the table stays as it is.
    while ((c = map_next(&h->calls, &it)))
        (void)ue_call_hang_up(h, c->id);
}

// ---- phones ----

static struct str user_of(struct str impu)
{
    struct str rest = impu;
    (void)str_split(&rest, ':');
    return str_split(&rest, '@');
}

static void set_identity(struct phone *ph, const struct phone_params *p)
{
    struct arena *a = &ph->mem;
    struct loop *l = ph->hub->loop;
    ph->impi = arena_dup(a, p->impi);
    ph->impu = arena_dup(a, p->impu);
    ph->domain = arena_dup(a, p->domain);
    ph->password = arena_dup(a, p->password);
    ph->user = arena_dup(a, user_of(p->impu));
    ph->access = arena_dup(a, p->access);
    ph->contact = arena_printf(a, "sip:%.*s@%.*s%s", STR_ARG(ph->user),
                               STR_ARG(ph->hub->local_hostport), transport_param(ph->hub->proto));
    ph->call_id = ARENA_CAT(a, random_hex(l, a, 12), STR("@"), ph->hub->local_ip);
    ph->from_tag = random_hex(l, a, 6);
    // RFC 4122 layout of a name that stays the same for this identity on this host, from one run to the
    // next (RFC 5626 4.1): a phone that comes back is the one that was there before.
    static const uint64_t key[2] = {0x756e697175656964, 1};
    struct str name = ARENA_CAT(a, ph->impu, STR(" "), ph->hub->local_ip);
    uint64_t u = hash_keyed(key, name.p ? name.p : "", name.n);
    ph->instance = arena_printf(a, "%08x-%04x-4000-8000-%012llx", (unsigned)(u >> 32),
                                (unsigned)(u & 0xffff), (unsigned long long)(u & 0xffffffffffffu));
}

int phone_new(struct hub *h, const struct phone_params *p, struct phone **ret_phone)
{
    struct phone *ph = mem_zalloc(sizeof *ph);
    if (!ph)
        return ERR_NOMEM;
    ph->hub = h;
    ph->ops = p->ops;
    ph->arg = p->arg;
    ph->has_aka = p->has_aka;
    ph->wrong_res = p->wrong_res;
    ph->refresh = p->refresh;
    ph->services = p->services;
    memcpy(ph->k, p->k, sizeof ph->k);
    memcpy(ph->opc, p->opc, sizeof ph->opc);
    ph->usim = p->usim;
    ph->expires = p->expires;
    list_init(&ph->calls);
    list_init(&ph->sending);
    list_init(&ph->subscriptions);
    arena_init(&ph->mem, NULL, 0);
    auth_init(ph);
    arena_init(&ph->reg_mem, NULL, 0);
    phone_init_refresh(ph);
    set_identity(ph, p);
    if (ph->mem.failed || uac_auth_new(&auth_proofs, ph, &ph->proofs) || map_add(&h->phones, user_key(ph->user), ph)) {
        phone_free(ph);
        return ERR_NOMEM;
    }
    *ret_phone = ph;
    return 0;
}

void phone_free(struct phone *ph)
{
    if (!ph)
        return;
    map_remove(&ph->hub->phones, user_key(ph->user), ph);
    destroy(ph);
}

void phone_set_extensions(struct phone *ph, const struct ue_extensions *ext)
{
    ph->ext = *ext;
}

bool phone_is_registered(const struct phone *ph)
{
    return ph->state == REG_REGISTERED;
}

bool phone_is_registering(const struct phone *ph)
{
    return ph->state == REG_REGISTERING;
}

struct str phone_call_id(const struct phone *ph)
{
    return ph->call_id;
}

const struct aka_usim *phone_usim(const struct phone *ph)
{
    return &ph->usim;
}

void *phone_arg(const struct phone *ph)
{
    return ph->arg;
}
