// SPDX-License-Identifier: Apache-2.0
// HEP3, the encapsulation that Homer, sngrep and tshark read (HEP/EEP specification revision 36):
// "HEP3", total length, then chunks of vendor, type, length and value, all in network order.
#include <time.h>

#include "app/app_priv.h"
#include "app/mask.h"
#include "base/err.h"
#include "base/mem.h"

enum {
    CHUNK_FAMILY = 0x01,
    CHUNK_PROTOCOL = 0x02,
    CHUNK_SRC_IP4 = 0x03,
    CHUNK_DST_IP4 = 0x04,
    CHUNK_SRC_IP6 = 0x05,
    CHUNK_DST_IP6 = 0x06,
    CHUNK_SRC_PORT = 0x07,
    CHUNK_DST_PORT = 0x08,
    CHUNK_SECONDS = 0x09,
    CHUNK_MICROSECONDS = 0x0a,
    CHUNK_PAYLOAD_TYPE = 0x0b,
    CHUNK_AGENT = 0x0c,
    CHUNK_PAYLOAD = 0x0f,
    CHUNK_CORRELATION = 0x11,
    CHUNK_NODE = 0x13,
    PAYLOAD_SIP = 1,
    PAYLOAD_DIAMETER = 0x38,
    CHUNK_HEADER = 6,
    PACKET_MAX = 65507, // largest UDP payload
    CORRELATION_MAX = 256,
    NODE_MAX = 64,
};

struct hep {
    struct udp *udp;
    struct addr collector;
    uint32_t id;
    bool secrets; // are shown
    char node[NODE_MAX];
    size_t node_n;
    char packet[PACKET_MAX];
};

// What one packet tells, whichever protocol it carries.
struct captured {
    const struct addr *src, *dst;
    uint8_t ip_proto, payload_type;
    struct str payload, correlation;
};

static void nothing(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    (void)arg, (void)src, (void)dst, (void)data; // collectors do not answer
}

int hep_new(struct loop *l, const struct hep_params *p, struct hep **ret_hep)
{
    struct hep *h = mem_zalloc(sizeof *h);
    if (!h)
        return ERR_NOMEM;
    struct udp_params up = {.cb = nothing, .arg = h};
    up.local.sa.sa_family = p->collector->sa.sa_family;
    int err = udp_open(l, &up, &h->udp);
    if (err) {
        mem_free(h);
        return err;
    }
    h->collector = *p->collector;
    h->id = p->id;
    h->secrets = p->secrets;
    h->node_n = p->node.n < NODE_MAX ? p->node.n : NODE_MAX;
    memcpy(h->node, p->node.p, h->node_n);
    *ret_hep = h;
    return 0;
}

void hep_free(struct hep *h)
{
    if (!h)
        return;
    udp_close(h->udp);
    mem_free(h);
}

static void put16(struct writer *w, unsigned v)
{
    const unsigned char b[2] = {(unsigned char)(v >> 8), (unsigned char)v};
    writer_str(w, str_make((const char *)b, 2));
}

static void put_chunk(struct writer *w, unsigned type, const void *p, size_t n)
{
    put16(w, 0); // generic chunk types
    put16(w, type);
    put16(w, (unsigned)(CHUNK_HEADER + n));
    writer_str(w, str_make(p, n));
}

static void put_chunk8(struct writer *w, unsigned type, uint8_t v)
{
    put_chunk(w, type, &v, 1);
}

static void put_chunk32(struct writer *w, unsigned type, uint32_t v)
{
    uint32_t be = htonl(v);
    put_chunk(w, type, &be, 4);
}

static void put_endpoint(struct writer *w, const struct addr *a, bool src)
{
    if (addr_is_ip6(a))
        put_chunk(w, src ? CHUNK_SRC_IP6 : CHUNK_DST_IP6, &a->in6.sin6_addr, 16);
    else
        put_chunk(w, src ? CHUNK_SRC_IP4 : CHUNK_DST_IP4, &a->in4.sin_addr, 4);
    uint16_t port = htons(addr_port(a));
    put_chunk(w, src ? CHUNK_SRC_PORT : CHUNK_DST_PORT, &port, 2);
}

// The wall clock is read here and not taken from the loop: a ladder orders messages of one turn by
// it.
static void put_time(struct writer *w)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    put_chunk32(w, CHUNK_SECONDS, (uint32_t)ts.tv_sec);
    put_chunk32(w, CHUNK_MICROSECONDS, (uint32_t)(ts.tv_nsec / 1000));
}

static void send_packet(struct hep *h, const struct captured *c)
{
    struct writer w = writer_init(h->packet, sizeof h->packet);
    writer_lit(&w, "HEP3");
    put16(&w, 0);
    put_chunk8(&w, CHUNK_FAMILY, (uint8_t)c->src->sa.sa_family);
    put_chunk8(&w, CHUNK_PROTOCOL, c->ip_proto);
    put_endpoint(&w, c->src, true);
    put_endpoint(&w, c->dst, false);
    put_time(&w);
    put_chunk8(&w, CHUNK_PAYLOAD_TYPE, c->payload_type);
    put_chunk32(&w, CHUNK_AGENT, h->id);
    put_chunk(&w, CHUNK_NODE, h->node, h->node_n);
    if (c->correlation.n)
        put_chunk(&w, CHUNK_CORRELATION, c->correlation.p,
                  c->correlation.n < CORRELATION_MAX ? c->correlation.n : CORRELATION_MAX);
    // The payload comes last: it is cut when the whole does not fit into a datagram.
    size_t room = w.cap - w.n - CHUNK_HEADER;
    size_t n = c->payload.n < room ? c->payload.n : room;
    put_chunk(&w, CHUNK_PAYLOAD, c->payload.p, n);
    if (!h->secrets)
        (c->payload_type == PAYLOAD_SIP ? mask_sip : mask_diameter)(h->packet + w.n - n, n);
    h->packet[4] = (char)(w.n >> 8);
    h->packet[5] = (char)w.n;
    (void)udp_send(h->udp, &h->collector, writer_done(&w)); // a full batch costs a trace line only
}

bool app_tracing(const struct app *a)
{
    return a->hep != NULL;
}

struct app_trace app_trace(struct app *a)
{
    return app_tracing(a) ? (struct app_trace){app_trace_sip, app_trace_dia, a}
                          : (struct app_trace){0};
}

void app_trace_sip(void *app, const struct stack_trace *t)
{
    struct app *a = app;
    if (!a->hep)
        return;
    const struct captured c = {
        .src = t->out ? &t->local : &t->remote,
        .dst = t->out ? &t->remote : &t->local,
        .ip_proto = t->proto == SIP_PROTO_UDP ? IPPROTO_UDP : IPPROTO_TCP,
        .payload_type = PAYLOAD_SIP,
        .payload = t->bytes,
        .correlation = t->call_id,
    };
    send_packet(a->hep, &c);
}

void app_trace_dia(void *app, const struct dia_trace *t)
{
    struct app *a = app;
    if (!a->hep)
        return;
    const struct captured c = {
        .src = t->out ? &t->local : &t->remote,
        .dst = t->out ? &t->remote : &t->local,
        .ip_proto = IPPROTO_TCP,
        .payload_type = PAYLOAD_DIAMETER,
        .payload = t->bytes,
        .correlation = t->correlation,
    };
    send_packet(a->hep, &c);
}
