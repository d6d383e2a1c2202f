// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/uv_priv.h"

enum { SOCKBUF = 4 << 20, RX_SIZE = 65536, CONTROL_SIZE = 128 };

struct uvl_udp {
    struct udp base;
    struct uvl_sock sock;
    bool wildcard;
};

enum { TX_CONTROL = CMSG_SPACE(sizeof(struct in6_pktinfo)) };

struct tx_control {
    _Alignas(struct cmsghdr) char bytes[TX_CONTROL];
};

struct uvl_rx {
    int used; // of msg: the kernel has written into these
    struct mmsghdr msg[RX_BATCH];
    struct iovec iov[RX_BATCH];
    struct addr src[RX_BATCH];
    _Alignas(struct cmsghdr) char control[RX_BATCH][CONTROL_SIZE];
    char data[RX_BATCH][RX_SIZE];
};

// ---- receiving ----

void uvl_udp_rx_free(struct uvl_rx *rx)
{
    mem_free(rx);
}

static struct uvl_rx *rx_new(void)
{
    struct uvl_rx *rx = mem_alloc(sizeof *rx);
    if (!rx)
        return NULL;
    rx->used = RX_BATCH;
    for (size_t i = 0; i < RX_BATCH; i++) {
        rx->iov[i] = (struct iovec){.iov_base = rx->data[i], .iov_len = RX_SIZE};
        rx->msg[i].msg_hdr = (struct msghdr){
            .msg_name = &rx->src[i],
            .msg_iov = &rx->iov[i],
            .msg_iovlen = 1,
            .msg_control = rx->control[i],
        };
    }
    return rx;
}

// What a call has not filled is as it was.
static void rx_prepare(struct uvl_rx *rx)
{
    for (int i = 0; i < rx->used; i++) {
        rx->msg[i].msg_hdr.msg_namelen = sizeof rx->src[i];
        rx->msg[i].msg_hdr.msg_controllen = CONTROL_SIZE;
    }
}

// Where the datagram was sent to, for a socket bound to the wildcard address.
static struct addr destination(const struct uvl_udp *u, struct msghdr *h)
{
    struct addr dst = u->base.local;
    if (!u->wildcard)
        return dst;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            dst.in4.sin_addr = info.ipi_addr;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            dst.in6.sin6_addr = info.ipi6_addr;
        }
    }
    return dst;
}

static void receive(struct uvl_udp *u)
{
    struct uvl_rx *rx = u->sock.world->rx;
    struct loop *loop = u->base.loop;
    for (int batch = 0; batch < RX_BATCHES; batch++) {
        rx_prepare(rx);
        int n = recvmmsg(u->sock.fd, rx->msg, RX_BATCH, MSG_DONTWAIT, NULL);
        rx->used = n < 0 ? RX_BATCH : n;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        uint64_t now = uvl_stamp_now();
        for (int i = 0; i < n && !u->sock.closed; i++) {
            loop->waited = uvl_stamp_age(&rx->msg[i].msg_hdr, now);
            struct addr dst = destination(u, &rx->msg[i].msg_hdr);
            u->base.cb(u->base.arg, &rx->src[i], &dst, str_make(rx->data[i], rx->msg[i].msg_len));
        }
        // n < 0: the error was an ICMP report about one destination, and has been taken off.
        if (u->sock.closed || (n >= 0 && n < RX_BATCH))
            return;
    }
}

// ---- ICMP errors ----

enum { REPORTS = 64, REPORT_QUOTE = 576, REPORT_CONTROL = 256 };

// RFC 3261 18.4: unreachable and parameter problem count, what may pass (time exceeded, a path MTU) does
// not.
static bool is_fatal(const struct sock_extended_err *e)
{
    if (e->ee_origin == SO_EE_ORIGIN_ICMP)
        return e->ee_type == ICMP_PARAMETERPROB ||
               (e->ee_type == ICMP_DEST_UNREACH && e->ee_code != ICMP_FRAG_NEEDED);
    if (e->ee_origin == SO_EE_ORIGIN_ICMP6)
        return e->ee_type == ICMP6_DST_UNREACH || e->ee_type == ICMP6_PARAM_PROB;
    return false;
}

static bool has_fatal(struct msghdr *h)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        struct sock_extended_err e;
        bool ip4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
        bool ip6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
        if (!ip4 && !ip6)
            continue;
        memcpy(&e, CMSG_DATA(c), sizeof e);
        return is_fatal(&e);
    }
    return false;
}

// What is left of a flood of reports comes with the next turn.
static void take_reports(void *owner)
{
    struct uvl_udp *u = owner;
    for (int i = 0; i < REPORTS && !u->sock.closed; i++) {
        _Alignas(struct cmsghdr) char control[REPORT_CONTROL];
        char quote[REPORT_QUOTE];
        struct addr dst = {0};
        struct iovec iov = {.iov_base = quote, .iov_len = sizeof quote};
        struct msghdr h = {.msg_name = &dst,
                           .msg_namelen = sizeof dst,
                           .msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
        ssize_t n = recvmsg(u->sock.fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT);
        if (n < 0)
            return;
        if (has_fatal(&h))
            u->base.unreachable(u->base.arg, &dst, ERR_REFUSED, str_make(quote, (size_t)n));
    }
}

// ---- sending ----

// The source of a datagram of a socket that is bound to the wildcard, as a control message.
static void tx_source(const struct addr *src, struct msghdr *h, char control[TX_CONTROL])
{
    struct in6_pktinfo six = {.ipi6_addr = src->in6.sin6_addr};
    struct in_pktinfo four = {.ipi_spec_dst = src->in4.sin_addr};
    bool is6 = addr_is_ip6(src);
    size_t n = is6 ? sizeof six : sizeof four;
    memset(control, 0, TX_CONTROL);
    h->msg_control = control;
    h->msg_controllen = CMSG_SPACE(n);
    struct cmsghdr *c = CMSG_FIRSTHDR(h);
    c->cmsg_level = is6 ? IPPROTO_IPV6 : IPPROTO_IP;
    c->cmsg_type = is6 ? IPV6_PKTINFO : IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(n);
    memcpy(CMSG_DATA(c), is6 ? (const void *)&six : &four, n);
}

static int tx_prepare(const struct outbuf *out, struct mmsghdr *msg, struct iovec *iov, struct tx_control *control)
{
    struct str left = outbuf_str(out);
    int n = 0;
    for (; n < TX_BATCH && left.n; n++) {
        struct udp_record *rec = (struct udp_record *)left.p;
        iov[n] = (struct iovec){.iov_base = rec + 1, .iov_len = rec->n};
        msg[n] = (struct mmsghdr){.msg_hdr = {
            .msg_name = &rec->dst,
            .msg_namelen = addr_len(&rec->dst),
            .msg_iov = &iov[n],
            .msg_iovlen = 1,
        }};
        if (rec->src.sa.sa_family)
            tx_source(&rec->src, &msg[n].msg_hdr, control[n].bytes);
        left = str_skip(left, udp_record_size(rec->n));
    }
    return n;
}

static void tx_consume(struct outbuf *out, int n)
{
    for (int i = 0; i < n; i++)
        outbuf_consume(out, udp_record_size(((struct udp_record *)outbuf_str(out).p)->n));
}

void uvl_udp_flush(struct udp *base)
{
    struct uvl_udp *u = CONTAINER_OF(base, struct uvl_udp, base);
    struct mmsghdr msg[TX_BATCH];
    struct iovec iov[TX_BATCH];
    struct tx_control control[TX_BATCH];
    bool again = false;
    while (outbuf_len(&base->out)) {
        int n = tx_prepare(&base->out, msg, iov, control);
        int sent = sendmmsg(u->sock.fd, msg, (unsigned)n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            tx_consume(&base->out, sent);
            again = false;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
            uvl_sock_want(&u->sock, UV_READABLE | UV_WRITABLE);
            return;
        } else if (errno != EINTR && !again) {
            again = true; // the report about an earlier one, taken off by this
        } else if (errno != EINTR) {
            LOG(LOG_DEBUG, "datagram not sent", LF_NUM("errno", errno));
            tx_consume(&base->out, 1);
            again = false;
        }
    }
    uvl_sock_want(&u->sock, UV_READABLE);
}

// ---- life ----

static void on_ready(void *owner, bool readable, bool writable)
{
    struct uvl_udp *u = owner;
    if (writable)
        uvl_udp_flush(&u->base);
    if (readable)
        receive(u);
}

static void destroy(void *owner)
{
    struct uvl_udp *u = owner;
    list_del(&u->base.dirty);
    outbuf_done(&u->base.out);
    mem_free(u);
}

// More than net.core.rmem_max needs a privilege; without it the kernel's maximum is taken.
static void set_buffers(int fd, const struct udp_params *p)
{
    int rcv = p->rcvbuf ? (int)p->rcvbuf : SOCKBUF, snd = p->sndbuf ? (int)p->sndbuf : SOCKBUF;
    if (uvl_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, rcv) < 0)
        (void)uvl_set(fd, SOL_SOCKET, SO_RCVBUF, rcv);
    if (uvl_set(fd, SOL_SOCKET, SO_SNDBUFFORCE, snd) < 0)
        (void)uvl_set(fd, SOL_SOCKET, SO_SNDBUF, snd);
}

static int bind_socket(const struct udp_params *p, struct addr *ret_local, int *ret_fd)
{
    int fd = -1, err = uvl_socket(&p->local, SOCK_DGRAM, &fd);
    if (err < 0)
        return err;
    if (p->reuseport)
        (void)uvl_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    set_buffers(fd, p);
    uvl_stamp_on(fd);
    if (addr_is_ip6(&p->local))
        (void)uvl_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    else
        (void)uvl_set(fd, IPPROTO_IP, IP_PKTINFO, 1);
    if (p->unreachable && addr_is_ip6(&p->local))
        (void)uvl_set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
    else if (p->unreachable)
        (void)uvl_set(fd, IPPROTO_IP, IP_RECVERR, 1);
    struct addr local = p->local;
    socklen_t n = sizeof local;
    if (bind(fd, &p->local.sa, addr_len(&p->local)) < 0 || getsockname(fd, &local.sa, &n) < 0) {
        err = uvl_err(errno);
        (void)close(fd);
        return err;
    }
    *ret_local = local;
    *ret_fd = fd;
    return 0;
}

int uvl_udp_open(struct loop *l, const struct udp_params *p, struct udp **ret_udp)
{
    struct uvl_world *w = uvl_world_of(l);
    struct addr local;
    int fd = -1, err;
    if (!w->rx && !(w->rx = rx_new()))
        return ERR_NOMEM;
    if ((err = bind_socket(p, &local, &fd)) < 0)
        return err;
    struct uvl_udp *u = mem_zalloc(sizeof *u);
    if (!u) {
        (void)close(fd);
        return ERR_NOMEM;
    }
    u->base = (struct udp){.loop = l, .local = local, .cb = p->cb,
                            .unreachable = p->unreachable, .arg = p->arg};
    list_init(&u->base.dirty);
    u->wildcard = addr_is_any(&local);
    u->sock.owner = u;
    u->sock.ready = on_ready;
    u->sock.error = p->unreachable ? take_reports : NULL;
    u->sock.destroy = destroy;
    if ((err = uvl_sock_init(&u->sock, w, fd)) < 0) {
        mem_free(u);
        return err;
    }
    uvl_sock_want(&u->sock, UV_READABLE);
    *ret_udp = &u->base;
    return 0;
}

void uvl_udp_close(struct udp *base)
{
    struct uvl_udp *u = CONTAINER_OF(base, struct uvl_udp, base);
    if (u->sock.closed)
        return;
    uvl_udp_flush(base);
    list_del(&base->dirty);
    uvl_sock_close(&u->sock);
}
