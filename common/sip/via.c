// SPDX-License-Identifier: Apache-2.0
#include "sip/families.h"

#include "base/writer.h"
#include "sip/cursor.h"
#include "sip/usual.h"
#include "sip/words.h"

static enum sip_proto proto_of(struct str s)
{
    if (WORD_IS(s, "udp"))
        return SIP_PROTO_UDP;
    if (WORD_IS(s, "tcp"))
        return SIP_PROTO_TCP;
    return WORD_IS(s, "tls") ? SIP_PROTO_TLS : SIP_PROTO_OTHER;
}

static inline void transport(struct cur *c, struct sip_via *v)
{
    v->proto_name = cur_token(c);
    v->proto = proto_of(v->proto_name);
}

// sent-protocol = protocol-name SLASH protocol-version SLASH transport, up to the transport. Any
// version: what it means is for the start line to say, and a 505 needs the Via.
static void protocol_version(struct cur *c)
{
    (void)cur_token(c);
    if (!cur_sep(c, '/'))
        cur_fail(c);
    (void)cur_token(c);
    if (!cur_sep(c, '/'))
        cur_fail(c);
}

// Blanks are allowed around the colon of sent-by, unlike in a URI.
static inline void sent_by(struct cur *c, struct sip_via *v)
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

static inline uint32_t number_of(struct cur *c, struct str s, uint32_t max)
{
    uint32_t n = 0;
    if (str_u32(s, &n) || n > max)
        cur_fail(c);
    return n;
}

static inline void via_param(struct cur *c, const struct sip_param *p, struct sip_via *v)
{
    if (WORD_IS(p->name, "branch")) {
        v->branch = p->value;
    } else if (WORD_IS(p->name, "rport")) {
        v->has_rport = true;
        if (p->value.p)
            v->rport = (uint16_t)number_of(c, p->value, 65535);
    } else if (WORD_IS(p->name, "received")) {
        v->received = p->value;
    } else if (WORD_IS(p->name, "maddr")) {
        v->maddr = p->value;
    } else if (WORD_IS(p->name, "ttl")) {
        v->ttl = (int)number_of(c, p->value, 255);
    }
}

// "SIP/2.0/" transport SP host [ ":" port ] *( ";" param )
static inline bool usual_via(struct cur *c, struct sip_via *v)
{
    struct walk w = walk_init(c);
    const char *from = c->p;
    *v = (struct sip_via){.ttl = -1};
    if (memcmp(w.p, "SIP/2.0/", 8) != 0)
        return false;
    w.p += 8;
    v->proto_name = walk_name(&w);
    v->proto = proto_of(v->proto_name);
    if (!v->proto_name.n || !walk_take(&w, ' '))
        return false;
    v->host = walk_name(&w);
    if (!v->host.n || !walk_port(&w, &v->port))
        return false;
    for (struct sip_param **tail = &v->params; walk_take(&w, ';'); tail = &(*tail)->next) {
        *tail = walk_param(&w, c->arena);
        if (!*tail)
            return false;
        via_param(c, *tail, v);
    }
    bool good = !c->bad && (w.p == c->end || *w.p == ',');
    c->bad = false; // a bad number is found again
    c->p = good ? w.p : from;
    v->text = str_make(from, (size_t)(w.p - from));
    return good;
}

void sip_via_read(struct cur *outer, struct sip_via *v)
{
    const char *from = outer->p;
    if (outer->delim && !outer->bad && usual_via(outer, v))
        return;
    *v = (struct sip_via){.ttl = -1};
    if (outer->end - from > 8 && memcmp(from, "SIP/2.0/", 8) == 0 && !ch_is(from[8], CH_LWS))
        outer->p += 8;
    else
        protocol_version(outer);
    struct cur c = cur_copy(outer);
    transport(&c, v);
    sent_by(&c, v);
    struct sip_param **tail = &v->params;
    while (!c.bad && cur_sep(&c, ';')) {
        struct sip_param *p = cur_param_read(&c);
        if (CUR_RARELY(!p))
            break;
        *tail = p;
        tail = &p->next;
        via_param(&c, p, v);
    }
    v->text = cur_since(&c, from);
    cur_put(outer, &c);
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
