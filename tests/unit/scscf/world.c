// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/writer.h"

struct world w;

const struct reg alice = {.impi = "alice@" DOMAIN, .impu = "sip:alice@" DOMAIN};
const struct reg alice_gone = {.impi = "alice@" DOMAIN, .impu = "sip:alice@" DOMAIN, .expires = -1};
const struct reg dave = {.impi = "dave@" DOMAIN, .impu = "sip:dave@" DOMAIN, .auth = "",
                         .integrity = "ip-assoc-pending"};

// ---- HSS ----

static const struct dia_result success = {DIA_SUCCESS, false};

static void aka_item(struct cx_auth_item *i)
{
    i->scheme = STR("Digest-AKAv1-MD5");
    static char fresh[] = "0123456789abcdef"
                          "ABCDEFGHIJKLMNOP";
    for (unsigned at = 8, n = w.hss.n_mar; at-- > 0; n /= 10)
        fresh[at] = (char)('0' + n % 10);
    i->authenticate = w.hss.fresh ? str_from(fresh)
                                  : STR("0123456789abcdef"
                                        "ABCDEFGHIJKLMNOP");
    i->authorization = STR(RES);
    i->ck = STR("ckckckckckckckck");
    i->ik = STR("ikikikikikikikik");
}

static void digest_item(struct cx_auth_item *i, struct str impi)
{
    static char ha1[DIGEST_HEX_MAX], md5[DIGEST_HEX_MAX];
    assert_int_equal(digest_ha1(w.digest, w.hss.alg, impi, STR(DOMAIN), str_from(w.hss.password),
                                ha1), 0);
    i->scheme = STR("SIP Digest");
    i->digest_realm = STR(DOMAIN);
    i->digest_algorithm = w.hss.alg == DIGEST_MD5 ? STR("MD5") : STR("SHA-256");
    i->digest_qop = STR("auth");
    i->digest_ha1 = str_from(ha1);
    if (!w.hss.alternate)
        return;
    i->digest_alt_algorithm = i->digest_algorithm;
    i->digest_alt_ha1 = i->digest_ha1;
    assert_int_equal(digest_ha1(w.digest, DIGEST_MD5, impi, STR(DOMAIN), str_from(w.hss.password),
                                md5), 0);
    i->digest_algorithm = STR("MD5");
    i->digest_ha1 = str_from(md5);
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
    struct cx_auth_item item = {0};
    if (!h->mar_result.code) {
        a.items = &item;
        a.n_items = 1;
        if (h->digest)
            digest_item(&item, r->impi);
        else
            aka_item(&item);
    }
    cx_answer_maa(q, &a);
}

// As an HSS that has the user registered, and something of his contacts.
static void give(struct cx_saa *a, enum cx_sar_type type)
{
    struct world_hss *h = &w.hss;
    bool registers = type == CX_REGISTRATION || type == CX_RE_REGISTRATION;
    bool others = type == CX_NO_ASSIGNMENT || (registers && h->also_registered);
    bool wrong = type == CX_UNREGISTERED_USER || (type == CX_REGISTRATION && h->sar_multiple);
    if (!h->n_given || !(others || wrong) || a->result.code != DIA_SUCCESS)
        return;
    a->restorations = h->given;
    a->n_restorations = h->n_given;
    if (wrong && !others)
        a->result = (struct dia_result){CX_ERROR_IN_ASSIGNMENT_TYPE, true};
}

static void answer_sar(struct dia_request *q, enum cx_sar_type type, struct str impi)
{
    static const struct cx_feature feature = {.vendor = DIA_VENDOR_3GPP, .list_id = 1, .list = CX_IMS_RESTORATION};
    struct world_hss *h = &w.hss;
    struct cx_saa a = {.result = h->sar_result.code ? h->sar_result : success, .impi = impi};
    bool wants = type == CX_REGISTRATION || type == CX_RE_REGISTRATION || type == CX_UNREGISTERED_USER ||
                 (type == CX_NO_ASSIGNMENT && (h->changed || !h->sar_have_profile));
    if (type == CX_NO_ASSIGNMENT && h->read_result.code)
        a.result = h->read_result;
    if (a.result.code == DIA_SUCCESS && wants && h->profile)
        a.user_data = str_from(h->profile);
    if (h->restores) {
        a.head.features = &feature;
        a.head.n_features = 1;
    }
    give(&a, type);
    a.wildcard = str_from(h->wildcard);
    if (!impi.n)
        a.impi = str_from(h->impi);
    a.charging.primary_ccf = str_from(h->ccf);
    a.loose_route_present = a.loose_route = h->loose_route;
    cx_answer_saa(q, &a);
}

static void note_restoration(const struct cx_sar *r)
{
    struct world_hss *h = &w.hss;
    struct writer t = writer_init(h->sar_restoration, sizeof h->sar_restoration - 1);
    writer_str(&t, r->restoration.impi);
    for (size_t i = 0; i < r->restoration.n_contacts; i++) {
        const struct cx_restoration_contact *c = &r->restoration.contacts[i];
        writer_str(&t, STR(" | "));
        writer_str(&t, c->path);
        writer_str(&t, STR(" "));
        writer_str(&t, c->contact);
    }
    h->sar_restoration[writer_done(&t).n] = 0;
    h->sar_timeout = r->restoration.timeout;
    copy(h->sar_scheme, sizeof h->sar_scheme, r->restoration.scheme);
    h->sar_features = r->head.n_features == 1 && r->head.features[0].list == CX_IMS_RESTORATION;
    h->sar_multiple = r->multiple_registration;
}

static void on_sar(void *arg, struct dia_request *q, const struct cx_sar *r)
{
    struct world_hss *h = &w.hss;
    if (h->n_sar < W_SARS)
        h->sars[h->n_sar] = r->type;
    h->n_sar++;
    copy(h->sar_dest, sizeof h->sar_dest, r->head.dest_host);
    copy(h->sar_impu, sizeof h->sar_impu, r->n_impus ? r->impus[0] : STR_NONE);
    copy(h->sar_impi, sizeof h->sar_impi, r->impi);
    copy(h->sar_wildcard, sizeof h->sar_wildcard, r->wildcard);
    h->sar_have_profile = r->user_data_already_available;
    note_restoration(r);
    if (h->lose) {
        h->lose--;
    } else if (h->hold && !h->held) {
        h->held = q;
        h->held_type = r->type;
    } else if (!h->silent) {
        answer_sar(q, r->type, r->impi);
    }
}

void world_answer_held(void)
{
    struct dia_request *q = w.hss.held;
    w.hss.hold = false;
    w.hss.held = NULL;
    assert_non_null(q);
    answer_sar(q, w.hss.held_type, STR("alice@" DOMAIN));
    world_run(100);
}

void world_start_hss(void)
{
    static const struct cx_server ops = {.mar = on_mar, .sar = on_sar};
    hss_start(w.sim, &ops, &w.hss_loop, &w.hss.node);
}

void world_kill_hss(void)
{
    hss_end(w.sim, w.hss_loop, &w.hss.node, true);
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

void world_forget_scscf(void)
{
    world_kill_scscf();
    w.cfg.state.dir = STR("none");
    world_start_scscf();
}

static void configure(struct scscf_config *c)
{
    static struct addr udp;
    static struct str trusted[] = {STR_INIT("127.0.1.0/24")};
    static struct str foreign[] = {STR_INIT("other.example")}, networks[] = {STR_INIT("127.0.1.20")};
    static struct node_peer peer;
    udp = place(SCSCF);
    peer = (struct node_peer){.host = STR("hss." DOMAIN), .address = place("127.0.1.40:3868"),
                               .priority = 1, .weight = 1};
    *c = (struct scscf_config){
        .name = STR("sip:scscf." DOMAIN ":5060"),
        .domain = STR(DOMAIN),
        .sip = {.udp = {&udp, 1}},
        .trusted = {trusted, ARRAY_LEN(trusted)},
        .diameter = {.identity = STR("scscf." DOMAIN),
                     .realm = STR(DOMAIN),
                     .hss = STR("hss." DOMAIN),
                     .peers = {&peer, 1},
                     .timeout_ms = 5000,
                     .watchdog_ms = 30000},
        .routing = {.foreign = {foreign, 1}, .networks = {networks, 1}},
        .limits = {.unregistered = 100, .covered = 1024},
        .covered = {.known_s = 300},
        .restoration = {.max_size = 4096},
        .calls = {100, 600},
        .state = {.dir = STR(WORLD_STATE), .durable = true},
        .registration = {.associated_wildcards = true,
                         .keep_unregistered_s = 30,
                         .min_s = 60,
                         .max_s = 7200,
                         .default_s = 3600,
                         .max_contacts = 3,
                         .contacts_aka = 1,
                         .max_flows = 2,
                         .durable_wait_ms = 2000},
        .auth = {.await_s = 240, .max_failures = 2, .nonce_s = 600, .check_uri = true},
    };
}

// ---- peers ----

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

static void open_peers(void)
{
    static const char *const where[] = {"127.0.1.10:5060", "127.0.1.20:5060", "198.51.100.66:5060"};
    neighbours_open(w.sim, SCSCF, where, W_SOCKETS, acknowledge);
    place_host(w.sim, DOMAIN, "127.0.1.20");
    place_host(w.sim, "other.example", "127.0.1.20");
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
    hss_end(w.sim, w.hss_loop, &w.hss.node, false);
    neighbours_close();
    sim_free(w.sim);
    digest_free(w.digest);
    sip_msg_pool_drain();
    return 0;
}

// ---- REGISTER ----

void world_send_register(const struct reg *r)
{
    static unsigned cseq;
    char auth[1024] = "", contact[512] = "", via[512] = "";
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
    if (r->from)
        (void)snprintf(via, sizeof via, "Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKu;received=%s\n",
                       r->from);
    cseq++;
    w.branch++;
    world_sendf(W_PCSCF,
                "REGISTER %s SIP/2.0\nVia: SIP/2.0/UDP 127.0.1.10:5060;branch=z9hG4bKr%u\n%s"
                "Max-Forwards: 70\nFrom: <%s>;tag=f\nTo: <%s>\nCall-ID: %s\nCSeq: %u REGISTER\n"
                "%s%s%sRequire: path\nSupported: path\n"
                "P-Visited-Network-ID: \"%s\"\n"
                "P-Charging-Vector: icid-value=\"ic1\";orig-ioi=visited.example\n"
                "%sExpires: %d\nContent-Length: 0\n\n",
                r->uri ? r->uri : "sip:" DOMAIN, w.branch, via, r->impu, r->impu,
                r->call_id ? r->call_id : "call-1", r->cseq ? r->cseq : cseq, contact, auth,
                r->no_path ? "" : "Path: <sip:flow1@127.0.1.10:5060;lr>\n",
                r->visited ? r->visited : DOMAIN, r->headers ? r->headers : "",
                r->expires < 0 ? 0
                : r->expires   ? r->expires
                               : 3600);
}

struct sip_msg *world_register(const struct reg *r)
{
    struct sip_msg *m;
    world_send_register(r);
    do
        m = world_take(W_PCSCF);
    while (m && sip_msg_status(m) == 100);
    return m;
}

static const char *credentials(const struct sip_auth *c, const char *impi, const char *password, unsigned nc,
                               const char *method, const char *more)
{
    static char out[1024];
    char ha1[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX], count[16];
    assert_non_null(c);
    enum digest_alg alg = str_eq(c->algorithm, STR("SHA-256")) ? DIGEST_SHA256 : DIGEST_MD5;
    assert_int_equal(digest_ha1(w.digest, alg, str_from(impi), c->realm, str_from(password), ha1), 0);
    (void)snprintf(count, sizeof count, "%08x", nc);
    struct digest_params p = {.alg = alg, .ha1 = str_from(ha1), .nonce = c->nonce,
                              .method = str_from(method), .uri = STR("sip:" DOMAIN)};
    if (c->qop.n) {
        p.qop = STR("auth");
        p.nc = str_from(count);
        p.cnonce = STR("cn");
    }
    assert_int_equal(digest_response(w.digest, &p, response), 0);
    int n = snprintf(out, sizeof out,
                     "Digest username=\"%s\",realm=\"%.*s\",nonce=\"%.*s\",uri=\"sip:" DOMAIN
                     "\",algorithm=%.*s,response=\"%s\"%s",
                     impi, STR_ARG(c->realm), STR_ARG(c->nonce), STR_ARG(c->algorithm), response, more);
    if (c->qop.n)
        (void)snprintf(out + n, sizeof out - (size_t)n, ",qop=auth,nc=%s,cnonce=\"cn\"", count);
    return out;
}

const char *world_credentials(const struct sip_msg *challenge, const char *impi,
                              const char *password, unsigned nc, const char *integrity)
{
    char more[64];
    (void)snprintf(more, sizeof more, ",integrity-protected=\"%s\"", integrity);
    return credentials(sip_msg_at(challenge, SIP_H_WWW_AUTHENTICATE, 0), impi, password, nc, "REGISTER", more);
}

const char *world_proxy_credentials(const struct sip_msg *challenge, const char *impi, const char *password,
                                    unsigned nc, const char *method)
{
    return credentials(sip_msg_at(challenge, SIP_H_PROXY_AUTHENTICATE, 0), impi, password, nc, method, "");
}

void world_send_answer(const struct reg *r)
{
    char auth[1024];
    struct reg answer = *r;
    struct sip_msg *m = world_register(r);
    assert_int_equal(sip_msg_status(m), 401);
    (void)snprintf(auth, sizeof auth, "%s", world_credentials(m, r->impi, RES, 1, "yes"));
    answer.auth = auth;
    answer.cseq = 0;
    world_send_register(&answer);
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
