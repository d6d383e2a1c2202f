// SPDX-License-Identifier: Apache-2.0
// The link's own messages: capabilities exchange, watchdog, disconnection.
#include "base/err.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/writer.h"
#include "dia/base.h"
#include "dia/link/link_priv.h"

enum { IP_BYTES = 18 };

static const struct dia_command *command(uint32_t code)
{
    return dia_command_find(&dia_base, code);
}

// failed: a raw AVP for Failed-AVP, or empty.
static int send_base(struct dia_conn *c, uint32_t code, const struct dia_frame *request,
                     const void *st, struct str failed)
{
    const struct dia_command *cmd = command(code);
    struct dia_header h = {
        .flags = request ? 0 : DIA_CMD_R,
        .code = code,
        .hbh = request ? request->hbh : c->layer->next_hbh++,
        .ete = request ? request->ete : c->layer->next_ete++,
    };
    struct dia_bytes b;
    int r = dia_encode(c->layer->self.dict, request ? cmd->out : cmd->in, st, &h, &b);
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
    uint32_t vendors[2 * DIA_MAX_APPLICATIONS], auth[DIA_MAX_APPLICATIONS],
        acct[DIA_MAX_APPLICATIONS];
    struct dia_vsai vsai[DIA_MAX_APPLICATIONS];
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
    const struct dia_self *n = &c->layer->self;
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

int dia_conn_send_cer(struct dia_conn *c)
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

int dia_conn_send_cea(struct dia_conn *c, uint32_t code, const char *text)
{
    return send_cea(c, code, text, STR_NONE);
}

void dia_conn_send_dwr(struct dia_conn *c)
{
    struct dia_link l = {.origin_host = c->layer->self.host,
                         .origin_realm = c->layer->self.realm,
                         .state_id = c->layer->self.state_id};
    (void)send_base(c, DIA_DWR, NULL, &l, STR_NONE);
}

void dia_conn_send_dpr(struct dia_conn *c, uint32_t cause)
{
    struct dia_link l = {
        .origin_host = c->layer->self.host, .origin_realm = c->layer->self.realm, .cause = cause};
    (void)send_base(c, DIA_DPR, NULL, &l, STR_NONE);
}

void dia_conn_done(struct dia_conn *c, const struct dia_frame *f)
{
    struct dia_link l = {.result.code = DIA_SUCCESS,
                         .origin_host = c->layer->self.host,
                         .origin_realm = c->layer->self.realm,
                         .state_id = c->layer->self.state_id};
    (void)send_base(c, f->code, f, &l, STR_NONE);
}

// Its CEA has its ids.
static void note_cer(struct dia_conn *c, const struct dia_frame *f)
{
    c->said = true;
    c->cer_hbh = f->hbh;
    c->cer_ete = f->ete;
}

// "Origin-Host", or "AVP 9 of vendor 10415"; NULL when the fault is none of an AVP.
static const char *avp_name(const struct dia_conn *c, struct str avp, char room[48])
{
    if (avp.n < 8)
        return NULL;
    bool has_vendor = (uint8_t)avp.p[4] & DIA_AVP_V;
    uint32_t code = dia_get32(avp.p), vendor = has_vendor && avp.n >= 12 ? dia_get32(avp.p + 8) : 0;
    const struct dia_avp *row = dia_dict_avp(c->layer->self.dict, code, vendor);
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
    LOG_FROM(addr_source_key(tcp_remote(c->tcp)), loop_now(c->layer->loop) / 1000000, LOG_WARN,
             "diameter peer refused", fault->why,
             LF("peer", f->origin_host.n ? f->origin_host : STR("?")),
             LF("address", addr_text(tcp_remote(c->tcp), at)),
             LF_Z("avp", avp_name(c, fault->avp, name)), LF_Z("reason", fault->why),
             LF_NUM("result", fault->code));
    note_cer(c, f);
    (void)send_cea(c, fault->code, fault->why, fault->avp);
    dia_conn_close(c, true);
}

static void cea_fault(struct dia_conn *c, const struct dia_fault *fault)
{
    char name[48];
    LOG(LOG_WARN, "diameter capabilities exchange failed", LF("peer", dia_conn_name(c)),
        LF_Z("avp", avp_name(c, fault->avp, name)), LF_Z("reason", fault->why),
        LF_NUM("result", fault->code));
    dia_conn_lost(c, 0);
}

static void base_fault(struct dia_conn *c, const struct dia_frame *f, const struct dia_fault *fault)
{
    bool request = f->flags & DIA_CMD_R;
    if (f->code == DIA_CER && !c->known) {
        dia_cer_fault(c, f, fault);
        return;
    }
    c->counts->bad++;
    if (f->code == DIA_CER && !request)
        cea_fault(c, fault);
    else if (f->code == DIA_CER && c->phase == DIA_CONN_OPEN)
        (void)send_cea(c, fault->code, fault->why, fault->avp);
    else if (f->code == DIA_CER)
        dia_conn_refuse(c, "CER out of place");
    else if (request)
        dia_conn_send_error(c, f, fault->code, fault);
}

bool dia_frame_is_base(const struct dia_frame *f)
{
    return f->code == DIA_CER || f->code == DIA_DWR || f->code == DIA_DPR;
}

union base_message {
    struct dia_caps caps;
    struct dia_link link;
};

static void take(struct dia_conn *c, const struct dia_frame *f, const union base_message *m)
{
    const struct dia_link_user_ops *user = c->layer->user;
    void *arg = c->layer->user_arg;
    bool request = f->flags & DIA_CMD_R;
    if (f->code == DIA_CER && request)
        user->cer(arg, c, &m->caps);
    else if (f->code == DIA_CER)
        user->cea(arg, c, &m->caps);
    else if (f->code == DIA_DPR)
        user->disconnect(arg, c, f, m->link.cause);
    else if (request)
        dia_conn_done(c, f);
}

void dia_base_message(struct dia_conn *c, const struct dia_frame *f)
{
    union base_message m;
    bool request = f->flags & DIA_CMD_R;
    if (!c->known && !(request && f->code == DIA_CER)) {
        dia_conn_refuse(c, "no CER first");
        return;
    }
    if (request && f->code == DIA_CER)
        note_cer(c, f);
    const struct dia_command *cmd = command(f->code);
    struct dia_fault fault = {0};
    struct dia_read read;
    int r = dia_decode(c->layer->self.dict, f, request ? cmd->in : cmd->out, &m, &read, &fault);
    if (r) {
        fault.code = fault.code ? fault.code : DIA_UNABLE_TO_COMPLY;
        base_fault(c, f, &fault);
        return;
    }
    take(c, f, &m);
    dia_read_done(&read);
}
