// SPDX-License-Identifier: Apache-2.0
// An S-CSCF that asks once each of UAR, LIR, MAR and SAR, then --count MARs at once, for foreign servers.
// usage: cx_client --host H --realm R --peer HOST=IP:PORT [--peer ...] [--relay] [--dest-host H]
//                  [--dest-realm R] [--count N] [--impi I] [--local IP:PORT]
// One line an answer on stdout; exit status 0 when all were answered.
#include "cx_common.h"

struct client {
    struct loop *loop;
    struct dia_node *node;
    struct cx_head head;
    struct str impi;
    int step, count, left, failed;
    struct timer wait;
};

static void next(struct client *c);

static void stop(void *arg)
{
    loop_stop(((struct client *)arg)->loop);
}

static void print_result(const char *what, int err, const struct cx_head *h, struct dia_result r)
{
    if (err)
        printf("%s %s", what, err_name(err));
    else
        printf("%s %u %s origin=%.*s", what, r.code, dia_result_name(r), STR_ARG(h->origin_host));
}

static void done(struct client *c, int err)
{
    putchar('\n');
    c->failed += err != 0;
    next(c);
}

static void print_capabilities(const struct cx_capabilities *k)
{
    for (size_t i = 0; i < k->n_mandatory; i++)
        printf(" mandatory=%u", k->mandatory[i]);
    for (size_t i = 0; i < k->n_optional; i++)
        printf(" optional=%u", k->optional[i]);
    for (size_t i = 0; i < k->n_server_names; i++)
        printf(" name=%.*s", STR_ARG(k->server_names[i]));
}

static void on_uaa(void *nf, cx_arg arg, int err, const struct cx_uaa *a)
{
    print_result("UAA", err, a ? &a->head : NULL, a ? a->result : (struct dia_result){0});
    if (a)
        print_capabilities(&a->capabilities);
    done(nf, err);
}

static void on_lia(void *nf, cx_arg arg, int err, const struct cx_lia *a)
{
    print_result("LIA", err, a ? &a->head : NULL, a ? a->result : (struct dia_result){0});
    if (a)
        printf(" server=%.*s", STR_ARG(a->server_name));
    done(nf, err);
}

static void print_hex(const char *name, struct str s)
{
    printf(" %s=", name);
    for (size_t i = 0; i < s.n; i++)
        printf("%02x", (uint8_t)s.p[i]);
}

static void on_maa(void *nf, cx_arg arg, int err, const struct cx_maa *a)
{
    print_result("MAA", err, a ? &a->head : NULL, a ? a->result : (struct dia_result){0});
    for (size_t i = 0; a && i < a->n_items; i++) {
        printf(" item=%u scheme=%.*s", a->items[i].item_number, STR_ARG(a->items[i].scheme));
        print_hex("authenticate", a->items[i].authenticate);
        print_hex("authorization", a->items[i].authorization);
        print_hex("ck", a->items[i].ck);
        print_hex("ik", a->items[i].ik);
        printf(" ha1=%.*s", STR_ARG(a->items[i].digest_ha1));
    }
    done(nf, err);
}

static void on_saa(void *nf, cx_arg arg, int err, const struct cx_saa *a)
{
    print_result("SAA", err, a ? &a->head : NULL, a ? a->result : (struct dia_result){0});
    if (a)
        printf(" data=%.*s ccf=%.*s associated=%zu", STR_ARG(a->user_data),
               STR_ARG(a->charging.primary_ccf), a->n_associated);
    done(nf, err);
}

static void on_many(void *nf, cx_arg arg, int err, const struct cx_maa *a)
{
    struct client *c = nf;
    c->failed += err || a->result.code != DIA_SUCCESS;
    if (--c->left)
        return;
    printf("MANY %d failed=%d\n", c->count, c->failed);
    next(c);
}

static int send_mar(struct client *c, cx_maa_cb cb)
{
    struct cx_mar r = {.head = c->head, .impi = c->impi, .impu = STR("sip:alice@test"),
                       .server_name = STR("sip:scscf.test:5060"), .n_items = 2,
                       .item.scheme = STR("Digest-AKAv1-MD5")};
    return cx_send_mar(c->node, &r, 0, cb, c, 0);
}

static int send_uar(struct client *c)
{
    struct cx_uar r = {.head = c->head, .impi = c->impi, .impu = STR("sip:alice@test"),
                       .visited_network = STR("test")};
    return cx_send_uar(c->node, &r, 0, on_uaa, c, 0);
}

static int send_lir(struct client *c)
{
    struct cx_lir r = {.head = c->head, .impu = STR("sip:alice@test"), .originating = true};
    return cx_send_lir(c->node, &r, 0, on_lia, c, 0);
}

static int send_sar(struct client *c)
{
    struct str impu = STR("sip:alice@test");
    struct cx_sar r = {.head = c->head, .impi = c->impi, .impus = &impu,
                       .n_impus = 1, .server_name = STR("sip:scscf.test:5060"),
                       .type = CX_REGISTRATION};
    return cx_send_sar(c->node, &r, 0, on_saa, c, 0);
}

static int send_many(struct client *c)
{
    int r = 0;
    c->left = c->count;
    for (int i = 0; i < c->count && r == 0; i++)
        r = send_mar(c, on_many);
    if (c->count == 0)
        next(c);
    return r;
}

static void next(struct client *c)
{
    int r = 0;
    switch (c->step++) {
    case 0: r = send_uar(c); break;
    case 1: r = send_lir(c); break;
    case 2: r = send_mar(c, on_maa); break;
    case 3: r = send_sar(c); break;
    case 4: r = send_many(c); break;
    default: dia_drain(c->node, stop, c); return;
    }
    if (r)
        cx_die(err_name(r));
}

static void begin(void *arg)
{
    struct client *c = arg;
    if (c->step == 0)
        next(c);
}

// erlang-diameter sends its CEA before it is ready itself, and drops what comes in between.
static void on_peer(void *arg, struct str host, bool open)
{
    struct client *c = arg;
    printf("peer %.*s %s\n", STR_ARG(host), open ? "open" : "closed");
    if (open)
        timer_start(c->loop, &c->wait, 300);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"host", 1, NULL, 'h'}, {"realm", 1, NULL, 'r'}, {"peer", 1, NULL, 'p'},
        {"relay", 0, NULL, 'x'}, {"dest-host", 1, NULL, 'd'}, {"dest-realm", 1, NULL, 'D'},
        {"count", 1, NULL, 'c'}, {"impi", 1, NULL, 'i'}, {"local", 1, NULL, 'l'}, {0}};
    struct client c = {.loop = cx_loop(), .impi = STR("alice@test")};
    struct dia_params p = {.loop = c.loop, .applications = cx_apps, .n_applications = 1,
                           .peer_state = on_peer, .arg = &c, .connect_ms = 2000};
    timer_init(&c.wait, begin, &c);
    struct dia_peer_params peers[8];
    const char *local = NULL;
    int n = 0, o;
    bool relay = false;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (o) {
        case 'h': p.origin_host = str_from(optarg); break;
        case 'r': p.origin_realm = str_from(optarg); break;
        case 'p': if (n < 8) peers[n++] = cx_peer(optarg, NULL); break;
        case 'x': relay = true; break;
        case 'd': c.head.dest_host = str_from(optarg); break;
        case 'D': c.head.dest_realm = str_from(optarg); break;
        case 'c': c.count = atoi(optarg); break;
        case 'i': c.impi = str_from(optarg); break;
        case 'l': local = optarg; break;
        default: return 2;
        }
    }
    if (dia_node_new(&p, &c.node))
        cx_die("no node");
    for (int i = 0; i < n; i++) {
        peers[i].relay = relay;
        if (relay)
            peers[i].realm = STR("*");
        if (local)
            peers[i].local = cx_addr(local);
        if (dia_peer_add(c.node, &peers[i]))
            cx_die("bad peer");
    }
    loop_run(c.loop);
    dia_node_free(c.node);
    loop_free(c.loop);
    return c.failed ? 1 : 0;
}
