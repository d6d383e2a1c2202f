// SPDX-License-Identifier: Apache-2.0
#include "sip/via.h"

#include "base/writer.h"
#include "sip/cursor.h"
#include "sip/param.h"

static enum sip_proto proto_of(struct str s)
{
    if (str_ieq(s, STR("UDP")))
        return SIP_PROTO_UDP;
    if (str_ieq(s, STR("TCP")))
        return SIP_PROTO_TCP;
    return str_ieq(s, STR("TLS")) ? SIP_PROTO_TLS : SIP_PROTO_OTHER;
}

// sent-protocol = protocol-name SLASH protocol-version SLASH transport
static void sent_protocol(struct cur *c, struct sip_via *v)
{
    struct str name = cur_token(c);
    if (!cur_sep(c, '/'))
        cur_fail(c);
    struct str version = cur_token(c);
    if (!cur_sep(c, '/') || !str_ieq(name, STR("SIP")) || !str_eq(version, STR("2.0")))
        cur_fail(c);
    v->proto_name = cur_token(c);
    v->proto = proto_of(v->proto_name);
}

// Blanks are allowed around the colon of sent-by, unlike in a URI.
static void sent_by(struct cur *c, struct sip_via *v)
{
    const char *blank = c->p;
    cur_sws(c);
    if (c->p == blank)
        cur_fail(c);
    v->host = cur_host(c);
    if (!cur_sep(c, ':'))
        return;
    v->port = (uint16_t)cur_number(c, 65535);
}

static uint32_t number_of(struct cur *c, struct str s, uint32_t max)
{
    uint32_t n = 0;
    if (str_u32(s, &n) || n > max)
        cur_fail(c);
    return n;
}

static void via_param(struct cur *c, const struct sip_param *p, struct sip_via *v)
{
    if (str_ieq(p->name, STR("branch"))) {
        v->branch = p->value;
    } else if (str_ieq(p->name, STR("rport"))) {
        v->has_rport = true;
        if (p->value.p)
            v->rport = (uint16_t)number_of(c, p->value, 65535);
    } else if (str_ieq(p->name, STR("received"))) {
        v->received = p->value;
    } else if (str_ieq(p->name, STR("maddr"))) {
        v->maddr = p->value;
    } else if (str_ieq(p->name, STR("ttl"))) {
        v->ttl = (int)number_of(c, p->value, 255);
    }
}

void sip_via_read(struct cur *c, struct sip_via *v)
{
    const char *from = c->p;
    *v = (struct sip_via){.ttl = -1};
    sent_protocol(c, v);
    sent_by(c, v);
    v->params = cur_params(c);
    v->text = str_make(from, (size_t)(c->p - from));
    for (const struct sip_param *p = v->params; p; p = p->next)
        via_param(c, p, v);
}

int sip_via_parse(struct arena *a, struct str s, struct sip_via *ret_via)
{
    struct sip_via v;
    struct cur c = cur_init(a, s);
    cur_sws(&c);
    sip_via_read(&c, &v);
    int e = cur_finish(&c);
    if (!e)
        *ret_via = v;
    return e;
}

void sip_via_write(struct writer *w, const struct sip_via *v)
{
    writer_lit(w, "SIP/2.0/");
    writer_str(w, v->proto_name);
    writer_chr(w, ' ');
    writer_str(w, v->host);
    if (v->port) {
        writer_chr(w, ':');
        writer_u64(w, v->port);
    }
    sip_params_write(w, v->params);
}
