// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"

struct world w;

const struct reg alice = {.impi = "alice@" DOMAIN, .impu = "sip:alice@" DOMAIN};
const struct reg alice_gone = {.impi = "alice@" DOMAIN, .impu = "sip:alice@" DOMAIN, .expires = -1};
const struct reg dave = {.impi = "dave@" DOMAIN, .impu = "sip:dave@" DOMAIN, .auth = "",
                         .integrity = "ip-assoc-pending"};

static struct addr at(const char *text)
{
    struct addr a;
    assert_int_equal(addr_parse_port(str_from(text), 5060, &a), 0);
    return a;
}

// ---- HSS ----

static const struct dia_result success = {DIA_SUCCESS, false};

static void copy(char *to, size_t n, struct str s)
{
    (void)snprintf(to, n, "%.*s", STR_ARG(s));
}

static void aka_item(struct cx_auth_item *i)
{
    i->scheme = STR("Digest-AKAv1-MD5");
    static char fresh[] = "0123456789abcdef"
                          "ABCDEFGHIJKLMNOP";
    fresh[0] = (char)('0' + w.hss.n_mar % 10);
    i->authenticate = w.hss.fresh ? str_from(fresh)
                                  : STR("0123456789abcdef"
                                        "ABCDEFGHIJKLMNOP");
    i->authorization = STR(RES);
    i->ck = STR("ckckckckckckckck");
    i->ik = STR("ikikikikikikikik");
}

static void digest_item(struct cx_auth_item *i, struct str impi)
{
    static char ha1[DIGEST_HEX_MAX];
    assert_int_equal(digest_ha1(w.digest, w.hss.alg, impi, STR(DOMAIN), str_from(w.hss.password),
                                ha1), 0);
    i->scheme = STR("SIP Digest");
    i->digest_realm = STR(DOMAIN);
    i->digest_algorithm = w.hss.alg == DIGEST_MD5 ? STR("MD5") : STR("SHA-256");
    i->digest_qop = STR("auth");
    i->digest_ha1 = str_from(ha1);
}

static void on_mar(void *arg, struct dia_request *q, const struct cx_mar *r)
{
    struct world_hss *h = &w.hss;
    h->n_mar++;
    copy(h->mar_scheme, sizeof h->mar_scheme, r->item.scheme);
    copy(h->mar_impu, sizeof h->mar_impu, r->impu);
    copy(h->mar_impi, sizeof h->mar_impi, r->impi);
    if (r->item.authorization.n == sizeof h->auts) {
        h->n_resync++;
        memcpy(h->auts, r->item.authorization.p, sizeof h->auts);
    }
    if (h->silent)
        return;
    struct cx_maa a = {.result = h->mar_result.code ? h->mar_result : success,
                       .impi = r->impi, .impu = r->impu};
    if (!h->mar_result.code) {
        a.n_items = 1;
        if (h->digest)
            digest_item(&a.items[0], r->impi);
        else
            aka_item(&a.items[0]);
    }
    cx_answer_maa(q, &a);
}

static void on_sar(void *arg, struct dia_request *q, const struct cx_sar *r)
{
    struct world_hss *h = &w.hss;
    if (h->n_sar < W_SARS)
        h->sars[h->n_sar] = r->type;
    h->n_sar++;
    copy(h->sar_impu, sizeof h->sar_impu, r->n_impus ? r->impus[0] : STR_NONE);
    if (h->silent)
        return;
    struct cx_saa a = {.result = h->sar_result.code ? h->sar_result : success, .impi = r->impi};
    bool wants = r->type == CX_REGISTRATION || r->type == CX_RE_REGISTRATION ||
                 r->type == CX_UNREGISTERED_USER;
    if (!h->sar_result.code && wants && h->profile)
        a.user_data = str_from(h->profile);
    a.charging.primary_ccf = str_from(h->ccf);
    cx_answer_saa(q, &a);
}

void world_start_hss(void)
{
    static const uint32_t apps[] = {DIA_APP_CX};
    static const struct cx_server ops = {.mar = on_mar, .sar = on_sar};
    struct addr local = at("127.0.1.40:3868");
    struct dia_params p = {.origin_host = STR("hss." DOMAIN), .origin_realm = STR(DOMAIN),
                           .product = STR("test"), .applications = apps, .n_applications = 1,
                           .accept_unknown = true};
    assert_int_equal(sim_node(w.sim, "hss", &w.hss_loop), 0);
    p.loop = w.hss_loop;
    assert_int_equal(dia_node_new(&p, &w.hss.node), 0);
    assert_int_equal(cx_serve(w.hss.node, &ops, NULL), 0);
    assert_int_equal(dia_node_listen(w.hss.node, DIA_TCP, &local), 0);
}

void world_kill_hss(void)
{
    if (!w.hss.node)
        return;
    sim_crash(w.sim, w.hss_loop);
    dia_node_free(w.hss.node);
    loop_free(w.hss_loop);
    w.hss.node = NULL;
}

// ---- S-CSCF ----

void world_start_scscf(void)
{
    struct scscf_params p = {.config = &w.cfg};
    assert_int_equal(sim_node(w.sim, "scscf", &w.scscf_loop), 0);
    p.loop = w.scscf_loop;
    assert_int_equal(scscf_new(&p, &w.scscf), 0);
}

void world_kill_scscf(void)
{
    sim_crash(w.sim, w.scscf_loop);
    scscf_free(w.scscf);
    loop_free(w.scscf_loop);
    w.scscf = NULL;
}

static void configure(struct scscf_config *c)
{
    static struct addr udp;
    static struct str trusted[] = {STR_INIT("127.0.1.0/24")};
    static struct scscf_peer peer;
    udp = at(SCSCF);
    peer = (struct scscf_peer){.host = STR("hss." DOMAIN), .address = at("127.0.1.40:3868"),
                               .priority = 1, .weight = 1};
    *c = (struct scscf_config){
        .name = STR("sip:scscf." DOMAIN ":5060"),
        .domain = STR(DOMAIN),
        .udp = {&udp, 1},
        .trusted = {trusted, ARRAY_LEN(trusted)},
        .diameter = {.identity = STR("scscf." DOMAIN),
                     .realm = STR(DOMAIN),
                     .hss = STR("hss." DOMAIN),
                     .peers = {&peer, 1},
                     .timeout_ms = 5000,
                     .watchdog_ms = 30000},
        .registration = {.min_s = 60, .max_s = 7200, .default_s = 3600, .max_contacts = 3},
        .auth = {.await_s = 240, .max_failures = 2, .nonce_s = 600},
    };
}

// ---- peers ----

static void on_udp(void *arg, const struct addr *src, const struct addr *dst, struct str data)
{
    size_t i = (size_t)(uintptr_t)arg;
    struct sip_msg *m = NULL;
    struct sip_parse_error e;
    int err = sip_msg_parse(data, &m, &e);
    if (err == ERR_NOMEM) // the test makes allocations fail
        return;
    assert_int_equal(err, 0);
    assert_true(w.tail[i] - w.head[i] < W_QUEUE);
    w.queue[i][w.tail[i]++ % W_QUEUE] = m;
}

static void open_peers(void)
{
    static const char *const where[] = {"127.0.1.10:5060", "127.0.1.20:5060", "198.51.100.66:5060"};
    assert_int_equal(sim_node(w.sim, "peers", &w.peer_loop), 0);
    for (size_t i = 0; i < W_SOCKETS; i++) {
        struct udp_params p = {.local = at(where[i]), .cb = on_udp, .arg = (void *)(uintptr_t)i};
        assert_int_equal(udp_open(w.peer_loop, &p, &w.udp[i]), 0);
    }
    struct dns_rr icscf = {.ttl = 60, .ip = at("127.0.1.20:0")};
    assert_int_equal(sim_dns_add(w.sim, DOMAIN, DNS_A, &icscf), 0);
    assert_int_equal(sim_dns_add(w.sim, "other.example", DNS_A, &icscf), 0);
}

int world_set_up(void **state)
{
    (void)state;
    w = (struct world){.hss = {.profile = ALICE_PROFILE, .password = "secret"}};
    assert_int_equal(sim_new(7, &w.sim), 0);
    assert_int_equal(digest_new(&w.digest), 0);
    configure(&w.cfg);
    open_peers();
    world_start_hss();
    world_start_scscf();
    world_run(2000);
    const char *why = "ready";
    if (!scscf_ready(w.scscf, &why))
        fail_msg("%s", why);
    return 0;
}

int world_tear_down(void **state)
{
    (void)state;
    scscf_free(w.scscf);
    if (w.scscf)
        loop_free(w.scscf_loop);
    if (w.hss.node) {
        dia_node_free(w.hss.node);
        loop_free(w.hss_loop);
    }
    for (size_t i = 0; i < W_SOCKETS; i++) {
        udp_close(w.udp[i]);
        sip_msg_unref(w.last[i]);
        while (w.head[i] != w.tail[i])
            sip_msg_unref(w.queue[i][w.head[i]++ % W_QUEUE]);
    }
    loop_free(w.peer_loop);
    sim_free(w.sim);
    digest_free(w.digest);
    sip_msg_pool_drain();
    return 0;
}

void world_run(uint64_t ms)
{
    (void)sim_run(w.sim, sim_now_ms(w.sim) + ms);
}

void world_send(int socket, const char *text)
{
    static char out[65536];
    size_t n = 0;
    struct addr to = at(SCSCF);
    for (; *text && n < sizeof out - 2; text++) {
        if (*text == '\n')
            out[n++] = '\r';
        out[n++] = *text;
    }
    assert_int_equal(udp_send(w.udp[socket], &to, str_make(out, n)), 0);
}

void world_sendf(int socket, const char *fmt, ...)
{
    static char text[65536];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    world_send(socket, text);
}

// RFC 3261 17.1.1.3: a failed INVITE is acknowledged, or it would come again and again.
static void acknowledge(int i, const struct sip_msg *m)
{
    if (sip_msg_status(m) < 300 || sip_msg_method(m) != SIP_INVITE)
        return;
    world_sendf(i, "ACK sip:" SCSCF " SIP/2.0\nVia: %s\nMax-Forwards: 70\nFrom: %s\nTo: %s\n"
                "Call-ID: %s\nCSeq: %u ACK\nContent-Length: 0\n\n", header(m, SIP_H_VIA),
                header(m, SIP_H_FROM), header(m, SIP_H_TO), header(m, SIP_H_CALL_ID),
                sip_msg_cseq(m)->number);
}

struct sip_msg *world_take(int i)
{
    if (w.head[i] == w.tail[i])
        world_run(200);
    sip_msg_unref(w.last[i]);
    w.last[i] = NULL;
    if (w.head[i] != w.tail[i])
        w.last[i] = w.queue[i][w.head[i]++ % W_QUEUE];
    if (w.last[i])
        acknowledge(i, w.last[i]);
    return w.last[i];
}

static bool is_ack(const struct sip_msg *m)
{
    return sip_msg_is_request(m) && sip_msg_method(m) == SIP_ACK;
}

struct sip_msg *world_expect(int socket, unsigned status)
{
    struct sip_msg *m;
    do
        m = world_take(socket);
    while (m && (sip_msg_status(m) == 100 || is_ack(m)));
    if (!m)
        fail_msg("no message instead of %u", status);
    else if (sip_msg_status(m) != status)
        fail_msg("instead of %u: %.*s", status, STR_ARG(sip_msg_bytes(m)));
    return m;
}

struct sip_msg *world_expect_request(int socket, const char *method)
{
    struct sip_msg *m;
    do
        m = world_take(socket);
    while (m && (sip_msg_status(m) == 100 || (is_ack(m) && strcmp(method, "ACK"))));
    if (!m)
        fail_msg("no message instead of %s", method);
    else if (!sip_msg_is_request(m) || !str_eq(sip_msg_method_name(m), str_from(method)))
        fail_msg("instead of %s: %.*s", method, STR_ARG(sip_msg_bytes(m)));
    return m;
}

void world_answer(int socket, const struct sip_msg *request, unsigned status, const char *headers)
{
    static char room[8192];
    struct arena a;
    struct sip_edits extra;
    struct addr to = at(SCSCF);
    arena_init(&a, NULL, 0);
    sip_edits_init(&extra, &a, NULL);
    struct str lines = str_from(headers);
    while (lines.n) {
        struct str line = str_split(&lines, '\n'), name = str_split(&line, ':');
        sip_edit_append_named(&extra, name, str_trim(line));
    }
    struct writer out = writer_init(room, sizeof room);
    assert_int_equal(sip_write_response(request, status, STR_NONE, STR("uas"), &extra, &out), 0);
    assert_int_equal(udp_send(w.udp[socket], &to, writer_done(&out)), 0);
    arena_done(&a);
}

const char *header(const struct sip_msg *m, enum sip_hid id)
{
    static char room[8][2048];
    static unsigned turn;
    char *to = room[turn++ % 8];
    copy(to, sizeof room[0], sip_msg_raw(m, id));
    return to;
}

void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" is in \"%s\"", part, text);
}

// ---- REGISTER ----

struct sip_msg *world_register(const struct reg *r)
{
    static unsigned cseq;
    char auth[1024] = "", contact[512] = "";
    const char *integrity = r->integrity ? r->integrity : "no";
    if (!r->auth)
        (void)snprintf(auth, sizeof auth,
                       "Authorization: Digest username=\"%s\",realm=\"" DOMAIN
                       "\",uri=\"sip:" DOMAIN "\",nonce=\"\",response=\"\","
                       "integrity-protected=\"%s\"\n", r->impi, integrity);
    else if (*r->auth)
        (void)snprintf(auth, sizeof auth, "Authorization: %s\n", r->auth);
    if (!r->contact || *r->contact)
        (void)snprintf(contact, sizeof contact, "Contact: %s\n",
                       r->contact ? r->contact : "<sip:alice@192.0.2.1:5060>");
    cseq++;
    w.branch++;
    world_sendf(W_PCSCF,
                "REGISTER %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKr%u\n"
                "Max-Forwards: 70\nFrom: <%s>;tag=f\nTo: <%s>\nCall-ID: %s\nCSeq: %u REGISTER\n"
                "%s%sPath: <sip:flow1@127.0.1.10:5060;lr>\nRequire: path\nSupported: path\n"
                "P-Visited-Network-ID: \"%s\"\n"
                "P-Charging-Vector: icid-value=\"ic1\";orig-ioi=visited.example\n"
                "%sExpires: %d\nContent-Length: 0\n\n",
                r->uri ? r->uri : "sip:" DOMAIN, w.branch, r->impu, r->impu,
                r->call_id ? r->call_id : "call-1", r->cseq ? r->cseq : cseq, contact, auth,
                r->visited ? r->visited : DOMAIN, r->headers ? r->headers : "",
                r->expires < 0 ? 0
                : r->expires   ? r->expires
                               : 3600);
    struct sip_msg *m;
    do
        m = world_take(W_PCSCF);
    while (m && sip_msg_status(m) == 100);
    return m;
}

const char *world_credentials(const struct sip_msg *challenge, const char *impi,
                              const char *password, unsigned nc, const char *integrity)
{
    static char out[1024];
    char ha1[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX], count[16];
    const struct sip_auth *c = sip_msg_at(challenge, SIP_H_WWW_AUTHENTICATE, 0);
    assert_non_null(c);
    enum digest_alg alg = str_eq(c->algorithm, STR("SHA-256")) ? DIGEST_SHA256 : DIGEST_MD5;
    assert_int_equal(digest_ha1(w.digest, alg, str_from(impi), c->realm, str_from(password), ha1), 0);
    (void)snprintf(count, sizeof count, "%08x", nc);
    struct digest_params p = {.alg = alg, .ha1 = str_from(ha1), .nonce = c->nonce,
                              .method = STR("REGISTER"), .uri = STR("sip:" DOMAIN)};
    if (c->qop.n) {
        p.qop = STR("auth");
        p.nc = str_from(count);
        p.cnonce = STR("cn");
    }
    assert_int_equal(digest_response(w.digest, &p, response), 0);
    int n = snprintf(out, sizeof out,
                     "Digest username=\"%s\",realm=\"%.*s\",nonce=\"%.*s\",uri=\"sip:" DOMAIN
                     "\",algorithm=%.*s,response=\"%s\",integrity-protected=\"%s\"",
                     impi, STR_ARG(c->realm), STR_ARG(c->nonce), STR_ARG(c->algorithm), response,
                     integrity);
    if (c->qop.n)
        (void)snprintf(out + n, sizeof out - (size_t)n, ",qop=auth,nc=%s,cnonce=\"cn\"", count);
    return out;
}

struct sip_msg *world_registered(const struct reg *r)
{
    struct sip_msg *m = world_register(r);
    if (!m || sip_msg_status(m) != 401)
        fail_msg("no challenge: %.*s", STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    struct reg again = *r;
    again.auth = world_credentials(m, r->impi, w.hss.digest ? w.hss.password : RES, 1,
                                   w.hss.digest ? "ip-assoc-pending" : "yes");
    m = world_register(&again);
    if (!m || sip_msg_status(m) != 200)
        fail_msg("not registered: %.*s", STR_ARG(m ? sip_msg_bytes(m) : STR("nothing")));
    return m;
}
