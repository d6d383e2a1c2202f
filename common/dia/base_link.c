// SPDX-License-Identifier: Apache-2.0
// The link's own messages: capabilities exchange, watchdog, disconnection.
#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/mem.h"
#include "base/writer.h"
#include "dia/node_priv.h"

enum { UNKNOWN_PEER = 3010, NO_COMMON_APPLICATION = 5010, IP_BYTES = 18 };

static const struct dia_command *command(uint32_t code)
{
    return dia_command_find(&dia_base, code);
}

static uint32_t next_id(uint32_t *id)
{
    return (*id)++;
}

// failed: a raw AVP for Failed-AVP, or empty.
static int send_base(struct dia_conn *c, uint32_t code, const struct dia_frame *request,
                     const void *st, struct str failed)
{
    const struct dia_command *cmd = command(code);
    struct dia_header h = {
        .flags = request ? 0 : DIA_CMD_R,
        .code = code,
        .hbh = request ? request->hbh : next_id(&c->node->next_hbh),
        .ete = request ? request->ete : next_id(&c->node->next_ete),
    };
    struct dia_bytes b;
    int r = dia_encode(c->node->dict, request ? cmd->out : cmd->in, st, &h, &b);
    if (r)
        return r;
    (void)dia_bytes_fail(&b, failed); // without memory for it: the answer alone
    r = dia_conn_send(c, (struct str){(char *)b.p, b.n}, STR_NONE);
    dia_bytes_free(&b);
    return r;
}

// RFC 6733 4.3.1, Address: family and octets.
static struct str ip_octets(const struct addr *a, char *buf)
{
    bool six = addr_is_ip6(a);
    buf[0] = 0;
    buf[1] = six ? 2 : 1;
    if (six)
        memcpy(buf + 2, &a->in6.sin6_addr, 16);
    else
        memcpy(buf + 2, &a->in4.sin_addr, 4);
    return (struct str){buf, six ? 18 : 6};
}

// What of a node's applications a CER or CEA says.
struct advert {
    struct dia_caps caps;
    char ip[IP_BYTES];
    struct str ips[1];
    uint32_t vendors[2 * DIA_MAX_SERVICES], auth[DIA_MAX_SERVICES], acct[DIA_MAX_SERVICES];
    struct dia_vsai vsai[DIA_MAX_SERVICES];
};

static void add_vendor(struct advert *a, uint32_t vendor)
{
    for (size_t i = 0; i < a->caps.n_supported_vendors; i++)
        if (a->vendors[i] == vendor)
            return;
    if (vendor)
        a->vendors[a->caps.n_supported_vendors++] = vendor;
}

// RFC 6733 5.3, 6.11: a vendor's application stands in Vendor-Specific-Application-Id.
static void add_application(struct advert *a, const struct dia_interface *f)
{
    struct dia_caps *caps = &a->caps;
    for (size_t k = 0; k < ARRAY_LEN(f->vendors); k++)
        add_vendor(a, f->vendors[k]);
    if (f->vendor)
        a->vsai[caps->n_vsai++] = (struct dia_vsai){.vendor = f->vendor,
                                                    .auth = f->accounting ? 0 : f->app,
                                                    .acct = f->accounting ? f->app : 0};
    else if (f->accounting)
        a->acct[caps->n_acct++] = f->app;
    else
        a->auth[caps->n_auth++] = f->app;
}

static void fill_caps(const struct dia_conn *c, struct advert *a)
{
    const struct dia_node *n = c->node;
    a->ips[0] = ip_octets(tcp_local(c->tcp), a->ip);
    a->caps = (struct dia_caps){
        .origin_host = n->host,
        .origin_realm = n->realm,
        .product = n->product,
        .vendor_id = n->vendor_id,
        .state_id = n->state_id,
        .ips = a->ips,
        .n_ips = 1,
        .supported_vendors = a->vendors,
        .auth = a->auth,
        .acct = a->acct,
        .vsai = a->vsai,
    };
    for (size_t i = 0; i < n->n_apps; i++)
        add_application(a, n->apps[i]);
}

int dia_send_cer(struct dia_conn *c)
{
    struct advert a;
    fill_caps(c, &a);
    return send_base(c, DIA_CER, NULL, &a.caps, STR_NONE);
}

static int send_cea(struct dia_conn *c, uint32_t code, const char *text, struct str failed)
{
    struct dia_frame f = {.hbh = c->cer_hbh, .ete = c->cer_ete};
    struct advert a;
    fill_caps(c, &a);
    a.caps.result.code = code;
    a.caps.error_message = str_from(text);
    return send_base(c, DIA_CER, &f, &a.caps, failed);
}

int dia_send_cea(struct dia_conn *c, uint32_t code, const char *text)
{
    return send_cea(c, code, text, STR_NONE);
}

void dia_send_dwr(struct dia_conn *c)
{
    struct dia_link l = {.origin_host = c->node->host, .origin_realm = c->node->realm,
                         .state_id = c->node->state_id};
    (void)send_base(c, DIA_DWR, NULL, &l, STR_NONE);
}

void dia_send_dpr(struct dia_conn *c, uint32_t cause)
{
    struct dia_link l = {.origin_host = c->node->host, .origin_realm = c->node->realm,
                         .cause = cause};
    (void)send_base(c, DIA_DPR, NULL, &l, STR_NONE);
}

static void send_done(struct dia_conn *c, const struct dia_frame *f)
{
    struct dia_link l = {.result.code = DIA_SUCCESS, .origin_host = c->node->host,
                         .origin_realm = c->node->realm, .state_id = c->node->state_id};
    (void)send_base(c, f->code, f, &l, STR_NONE);
}

static void add_app(struct dia_apps *a, uint32_t id)
{
    if (id == DIA_APP_RELAY)
        a->relay = true;
    else if (id && a->n < DIA_MAX_APPS)
        a->id[a->n++] = id;
}

static void note_apps(struct dia_apps *a, const struct dia_caps *caps)
{
    *a = (struct dia_apps){0};
    for (size_t i = 0; i < caps->n_auth; i++)
        add_app(a, caps->auth[i]);
    for (size_t i = 0; i < caps->n_acct; i++)
        add_app(a, caps->acct[i]);
    for (size_t i = 0; i < caps->n_vsai; i++) {
        add_app(a, caps->vsai[i].auth);
        add_app(a, caps->vsai[i].acct);
    }
}

static bool common_app(const struct dia_node *n, const struct dia_apps *a)
{
    if (a->relay)
        return true;
    for (size_t i = 0; i < n->n_apps; i++)
        for (size_t k = 0; k < a->n; k++)
            if (n->apps[i]->app == a->id[k])
                return true;
    return false;
}

void dia_cer_refuse(struct dia_conn *c, uint32_t code, struct str host, const char *why)
{
    char at[ADDR_TEXT_MAX];
    LOG_FROM(addr_source_key(tcp_remote(c->tcp)), loop_now(c->node->loop) / 1000000, LOG_WARN,
             "diameter peer refused", why, LF("peer", host),
             LF("address", addr_text(tcp_remote(c->tcp), at)), LF_Z("expected", c->expected),
             LF_Z("reason", why), LF_NUM("result", code));
    (void)dia_send_cea(c, code, why);
    dia_conn_close(c, true);
}

// "Origin-Host", or "AVP 9 of vendor 10415"; NULL when the fault is none of an AVP.
static const char *avp_name(const struct dia_conn *c, struct str avp, char room[48])
{
    if (avp.n < 8)
        return NULL;
    bool has_vendor = (uint8_t)avp.p[4] & DIA_AVP_V;
    uint32_t code = dia_get32(avp.p), vendor = has_vendor && avp.n >= 12 ? dia_get32(avp.p + 8) : 0;
    const struct dia_avp *row = dia_dict_avp(c->node->dict, code, vendor);
    if (row)
        return row->name;
    struct writer w = writer_init(room, 47);
    writer_printf(&w, "AVP %u of vendor %u", code, vendor);
    room[w.n] = 0;
    return room;
}

void dia_cer_fault(struct dia_conn *c, const struct dia_frame *f, const struct dia_fault *fault)
{
    char at[ADDR_TEXT_MAX], name[48];
    LOG_FROM(addr_source_key(tcp_remote(c->tcp)), loop_now(c->node->loop) / 1000000, LOG_WARN,
             "diameter peer refused", fault->why,
             LF("peer", f->origin_host.n ? f->origin_host : STR("?")),
             LF("address", addr_text(tcp_remote(c->tcp), at)),
             LF_Z("avp", avp_name(c, fault->avp, name)), LF_Z("reason", fault->why),
             LF_NUM("result", fault->code));
    c->cer_hbh = f->hbh;
    c->cer_ete = f->ete;
    (void)send_cea(c, fault->code, fault->why, fault->avp);
    dia_conn_close(c, true);
}

// Who the peer is and where it comes from is known; RFC 6733 5.3: is there something to talk about?
void dia_cer_admit(struct dia_conn *c, struct dia_peer *p)
{
    if (!common_app(c->node, &c->apps)) {
        dia_cer_refuse(c, NO_COMMON_APPLICATION, p->host, "no common application");
        if (p->dynamic && !p->r)
            dia_peer_free(p);
        return;
    }
    dia_stranger_known(c);
    c->peer = p;
    dia_peer_event(p, PEER_R_CONN_CER, c);
}

// RFC 3588 5.6 had capabilities exchanged on an open connection too; RFC 6733 1.1.3 no longer has, and
// peers of both kinds are about. What the peer can do now is noted, if it is still of use to us; nothing
// ends by it.
static void got_cer_again(struct dia_conn *c, const struct dia_caps *caps)
{
    struct dia_peer *p = c->peer;
    struct dia_apps apps;
    note_apps(&apps, caps);
    uint32_t code = !str_ieq(caps->origin_host, p->host) ? UNKNOWN_PEER :
                    !common_app(c->node, &apps)          ? NO_COMMON_APPLICATION :
                                                           DIA_SUCCESS;
    if (code == DIA_SUCCESS) {
        c->apps = p->apps = apps;
        c->state_id = p->state_id = caps->state_id;
    } else {
        p->counts.bad++;
    }
    (void)dia_send_cea(c, code, code == DIA_SUCCESS ? NULL : "the connection goes on as it was");
}

// RFC 6733 5.3: Process-CER, before the state machine hears of it.
static void got_cer(struct dia_conn *c, const struct dia_caps *caps)
{
    if (dia_conn_is_open(c)) {
        got_cer_again(c, caps);
        return;
    }
    if (c->initiator || c->peer || c->lookup.peer) {
        dia_conn_refuse(c, "CER out of place");
        return;
    }
    note_apps(&c->apps, caps);
    c->state_id = caps->state_id;
    dia_stranger_says(c, caps->origin_host, caps->origin_realm);
}

static void got_cea(struct dia_conn *c, const struct dia_caps *caps)
{
    struct dia_peer *p = c->peer;
    const char *why = NULL;
    if (!p || p->i != c || (p->state != PEER_WAIT_I_CEA && p->state != PEER_WAIT_RETURNS))
        return;
    note_apps(&c->apps, caps);
    c->state_id = caps->state_id;
    if (caps->result.code / 1000 != 2)
        why = "refused by the peer";
    else if (!str_ieq(caps->origin_host, p->host))
        why = "another Origin-Host than configured";
    else if (!common_app(c->node, &c->apps))
        why = "no common application";
    if (!why) {
        dia_peer_event(p, PEER_I_CEA, c);
        return;
    }
    LOG(LOG_WARN, "diameter capabilities exchange failed", LF("peer", p->host), LF_Z("reason", why),
        LF_NUM("result", caps->result.code), LF("origin_host", caps->origin_host),
        LF("message", caps->error_message));
    dia_peer_event(p, PEER_I_NON_CEA, c);
    dia_conn_close(c, false);
}

static void got_disconnect(struct dia_conn *c, const struct dia_frame *f, const struct dia_link *l)
{
    struct dia_peer *p = c->peer;
    bool request = f->flags & DIA_CMD_R;
    if (request && (p->i == c || p->r == c)) {
        p->cause = l->cause;
        send_done(c, f);
    }
    if (p->i == c)
        dia_peer_event(p, request ? PEER_I_DPR : PEER_I_DPA, c);
    else if (p->r == c)
        dia_peer_event(p, request ? PEER_R_DPR : PEER_R_DPA, c);
}

static void cea_fault(struct dia_conn *c, const struct dia_fault *fault)
{
    char name[48];
    LOG(LOG_WARN, "diameter capabilities exchange failed", LF("peer", c->peer->host),
        LF_Z("avp", avp_name(c, fault->avp, name)), LF_Z("reason", fault->why),
        LF_NUM("result", fault->code));
    dia_conn_lost(c);
}

static void base_fault(struct dia_conn *c, const struct dia_frame *f, const struct dia_fault *fault)
{
    struct dia_peer *p = c->peer;
    bool request = f->flags & DIA_CMD_R;
    if (f->code == DIA_CER && !p) {
        dia_cer_fault(c, f, fault);
        return;
    }
    p->counts.bad++;
    if (f->code == DIA_CER && !request)
        cea_fault(c, fault);
    else if (f->code == DIA_CER && dia_conn_is_open(c))
        (void)send_cea(c, fault->code, fault->why, fault->avp);
    else if (f->code == DIA_CER)
        dia_conn_refuse(c, "CER out of place");
    else if (request)
        dia_send_error(c, f, fault->code, fault);
}

void dia_base_message(struct dia_conn *c, const struct dia_frame *f)
{
    union {
        struct dia_caps caps;
        struct dia_link link;
    } m;
    bool request = f->flags & DIA_CMD_R;
    if (!c->peer && !(request && f->code == DIA_CER)) {
        dia_conn_refuse(c, "no CER first");
        return;
    }
    if (request && f->code == DIA_CER)
        c->cer_hbh = f->hbh, c->cer_ete = f->ete;
    const struct dia_command *cmd = command(f->code);
    struct dia_fault fault = {0};
    struct dia_read read;
    int r = dia_decode(c->node->dict, f, request ? cmd->in : cmd->out, &m, &read, &fault);
    if (r) {
        fault.code = fault.code ? fault.code : DIA_UNABLE_TO_COMPLY;
        base_fault(c, f, &fault);
        return;
    }
    if (f->code == DIA_CER && request)
        got_cer(c, &m.caps);
    else if (f->code == DIA_CER)
        got_cea(c, &m.caps);
    else if (f->code == DIA_DPR)
        got_disconnect(c, f, &m.link);
    else if (request)
        send_done(c, f);
    dia_read_done(&read);
}
