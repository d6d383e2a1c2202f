// SPDX-License-Identifier: Apache-2.0
// An HSS with fixed answers, for foreign clients.
// usage: cx_server --host H --realm R --listen IP:PORT [--peer HOST=IP:PORT]... [--watchdog MS]
// Without --peer anyone may connect. SIGTERM parts with DPR. One line a request on stdout.
#include "cx_common.h"

static void say(const char *what, const struct cx_head *h, struct str impi, struct str impu)
{
    printf("%s session=%.*s origin=%.*s impi=%.*s impu=%.*s\n", what, STR_ARG(h->session_id),
           STR_ARG(h->origin_host), STR_ARG(impi), STR_ARG(impu));
}

static void on_uar(void *arg, struct dia_request *q, const struct cx_uar *r)
{
    say("UAR", &r->head, r->impi, r->impu);
    uint32_t mandatory[] = {1, 2}, optional[] = {7};
    struct str names[] = {STR("sip:scscf.test:5060")};
    struct cx_uaa a = {.result = {CX_FIRST_REGISTRATION, true}};
    if (str_starts(r->impi, STR("unknown")))
        a.result.code = CX_ERROR_USER_UNKNOWN;
    else
        a.capabilities = (struct cx_capabilities){
            .present = true, .mandatory = mandatory, .n_mandatory = 2, .optional = optional, .n_optional = 1,
            .server_names = names, .n_server_names = 1};
    cx_answer_uaa(q, &a);
}

static void on_lir(void *arg, struct dia_request *q, const struct cx_lir *r)
{
    say("LIR", &r->head, STR_NONE, r->impu);
    struct cx_lia a = {.result.code = DIA_SUCCESS, .server_name = STR("sip:scscf.test:5060")};
    cx_answer_lia(q, &a);
}

static void on_mar(void *arg, struct dia_request *q, const struct cx_mar *r)
{
    say("MAR", &r->head, r->impi, r->impu);
    static const char bytes[32] = {1, 2, 3, 0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
                                   17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
    struct cx_auth_item items[2];
    struct cx_maa a = {.result.code = DIA_SUCCESS, .impi = r->impi, .impu = r->impu, .items = items, .n_items = 2};
    items[0] = (struct cx_auth_item){.item_number = 1, .scheme = STR("Digest-AKAv1-MD5"),
                                       .authenticate = {bytes, 32}, .authorization = {bytes, 8},
                                       .ck = {bytes, 16}, .ik = {bytes + 16, 16}};
    items[1] = (struct cx_auth_item){.item_number = 2, .scheme = STR("SIP Digest"),
                                       .digest_realm = STR("test"), .digest_algorithm = STR("MD5"),
                                       .digest_qop = STR("auth"),
                                       .digest_ha1 = STR("0123456789abcdef0123456789abcdef")};
    cx_answer_maa(q, &a);
}

static void on_sar(void *arg, struct dia_request *q, const struct cx_sar *r)
{
    say("SAR", &r->head, r->impi, r->n_impus ? r->impus[0] : STR_NONE);
    struct cx_saa a = {.result.code = DIA_SUCCESS, .impi = r->impi,
                       .user_data = STR("<?xml version=\"1.0\"?><IMSSubscription/>"),
                       .charging = {.primary_ccf = STR("aaa://cdf.test")},
                       .associated_identities = (struct str[]){STR("other@test")}, .n_associated = 1,
                       .loose_route_present = true, .loose_route = true};
    cx_answer_saa(q, &a);
}

static void on_rtr(void *arg, struct dia_request *q, const struct cx_rtr *r)
{
    say("RTR", &r->head, r->impi, r->n_impus ? r->impus[0] : STR_NONE);
    struct cx_rta a = {.result.code = DIA_SUCCESS};
    cx_answer_rta(q, &a);
}

static void on_ppr(void *arg, struct dia_request *q, const struct cx_ppr *r)
{
    say("PPR", &r->head, r->impi, STR_NONE);
    struct cx_ppa a = {.result.code = DIA_SUCCESS};
    cx_answer_ppa(q, &a);
}

static const struct cx_server ops = {.uar = on_uar, .lir = on_lir, .mar = on_mar, .sar = on_sar,
                                     .rtr = on_rtr, .ppr = on_ppr};

struct server {
    struct loop *loop;
    struct dia_node *node;
};

static void drained(void *arg)
{
    loop_stop(((struct server *)arg)->loop);
}

static void on_signal(void *arg, int signo)
{
    dia_drain(((struct server *)arg)->node, drained, arg);
}

static void on_peer(void *arg, struct str host, bool open)
{
    printf("peer %.*s %s\n", STR_ARG(host), open ? "open" : "closed");
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"host", 1, NULL, 'h'}, {"realm", 1, NULL, 'r'}, {"listen", 1, NULL, 'l'},
        {"peer", 1, NULL, 'p'}, {"watchdog", 1, NULL, 'w'}, {0}};
    struct server s = {.loop = cx_loop()};
    struct dia_params p = {.loop = s.loop, .applications = cx_apps, .n_applications = 1,
                           .peer_state = on_peer, .product = STR("Carillon test HSS"),
                           .accept_unknown = true, .connect_ms = 2000};
    struct addr at = {0};
    char *peers[8];
    int n_peers = 0, c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'h': p.origin_host = str_from(optarg); break;
        case 'r': p.origin_realm = str_from(optarg); break;
        case 'l': at = cx_addr(optarg); break;
        case 'w': p.watchdog_ms = (uint32_t)atoi(optarg); break;
        case 'p':
            if (n_peers < 8)
                peers[n_peers++] = optarg;
            p.accept_unknown = false;
            break;
        default: return 2;
        }
    }
    if (dia_node_new(&p, &s.node) || dia_node_listen(s.node, DIA_TCP, &at) ||
        cx_serve(s.node, &ops, NULL) || loop_signal(s.loop, SIGTERM, on_signal, &s))
        cx_die("cannot serve");
    for (int i = 0; i < n_peers; i++) {
        struct dia_peer_params q = cx_peer(peers[i], NULL);
        if (dia_peer_add(s.node, &q))
            cx_die("bad peer");
    }
    puts("ready");
    loop_run(s.loop);
    dia_node_free(s.node);
    loop_free(s.loop);
    return 0;
}
