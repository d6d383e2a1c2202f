// SPDX-License-Identifier: Apache-2.0
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

struct stage st;

int stage_set_up(void **state)
{
    (void)state;
    st = (struct stage){.sc = scene_new(3)};
    st.access[0] = place(ACCESS);
    st.access[1] = place(ACCESS6);
    st.core_at[0] = place(PCSCF_CORE_AT);
    st.trusted[0] = STR("192.0.2.20");
    st.homes[0] = STR(HOME);
    st.cfg = (struct pcscf_config){
        .access_listen = {st.access, 2},
        .core_listen = {st.core_at, 1},
        .core_trusted = {st.trusted, 1},
        .core_host = STR("pcscf." HOME),
        .security = PCSCF_SECURITY_OPTIONAL,
        .aka_in_clear = true,
        .keepalive_s = 25,
        .home.domains = {st.homes, 1},
        .by_address = true,
        .max_identities = 100,
        .max_patterns = 10,
        .home_entry = STR("sip:192.0.2.20;transport=udp"),
        .visited_network = STR("visited.example"),
        .ioi = STR("ioi.example"),
        .max_registrations = 100,
        .max_pending = 100,
        .calls = {100, 600},
        .state.dir = STR("none"),
    };
    st.core = peer_udp(st.sc, CORE_AT);
    st.alice = ue_udp("198.51.100.1:5060", ACCESS);
    return 0;
}

int stage_tear_down(void **state)
{
    (void)state;
    pcscf_free(st.pcscf);
    scene_free(st.sc);
    return 0;
}

void stage_start(void)
{
    struct pcscf_params p = {.config = &st.cfg};
    if (!st.loop)
        st.loop = scene_node(st.sc, "pcscf");
    p.loop = st.loop;
    assert_int_equal(pcscf_new(&p, &st.pcscf), 0);
}

void stage_stop(void)
{
    pcscf_free(st.pcscf);
    st.pcscf = NULL;
}

void stage_restart(void)
{
    stage_stop();
    stage_start();
}

struct ue ue_udp(const char *at, const char *to)
{
    return (struct ue){.peer = peer_udp(st.sc, at), .at = at, .to = to, .proto = "UDP"};
}

struct ue ue_tcp(const char *at)
{
    return (struct ue){.peer = peer_tcp_to(st.sc, at, ACCESS), .at = at, .proto = "TCP"};
}

// ---- hearing ----

static struct heard *next(struct peer *p, uint64_t ms)
{
    uint64_t end = sim_now_ms(scene_sim(st.sc)) + ms;
    for (;;) {
        struct heard *h = peer_next(p);
        if (h && !str_starts(h->bytes, STR("SIP/2.0 100")))
            return h;
        uint64_t now = sim_now_ms(scene_sim(st.sc));
        if (!h && now >= end)
            return NULL;
        if (!h)
            scene_run(st.sc, now + 1);
    }
}

struct heard *expect(struct peer *p, const char *start)
{
    struct heard *h = next(p, 2000);
    if (!h)
        fail_msg("no message instead of '%s'", start);
    else if (!str_starts(h->bytes, str_from(start)))
        fail_msg("instead of '%s': %.*s", start, STR_ARG(h->bytes));
    return h;
}

void expect_nothing(struct peer *p)
{
    struct heard *h = next(p, 1000);
    if (h)
        fail_msg("instead of silence: %.*s", STR_ARG(h->bytes));
}

unsigned occurrences(const struct heard *h, const char *part)
{
    unsigned n = 0;
    struct str rest = h->bytes, what = str_from(part);
    for (ptrdiff_t at; (at = str_find(rest, what)) >= 0; n++)
        rest = str_skip(rest, (size_t)at + what.n);
    return n;
}

void assert_has(const struct heard *h, const char *part)
{
    if (!occurrences(h, part))
        fail_msg("\"%s\" is not in %.*s", part, STR_ARG(h->bytes));
}

void assert_lacks(const struct heard *h, const char *part)
{
    if (occurrences(h, part))
        fail_msg("\"%s\" is in %.*s", part, STR_ARG(h->bytes));
}

const char *header(const struct heard *h, const char *name)
{
    struct str v = sip_msg_raw_named(h->msg, str_from(name));
    char *out = scene_alloc(st.sc, v.n + 1);
    if (v.n)
        memcpy(out, v.p, v.n);
    return out;
}

const char *uri_in(const struct heard *h, const char *name)
{
    char *v = (char *)strchr(header(h, name), '<');
    assert_non_null(v);
    v[strcspn(v, ">")] = 0;
    return v + 1;
}

const char *last_uri_in(const struct heard *h, const char *name)
{
    char *v = (char *)strrchr(header(h, name), '<');
    assert_non_null(v);
    v[strcspn(v, ">")] = 0;
    return v + 1;
}

// ---- requests ----

const char *text(const char *fmt, ...)
{
    char *made = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&made, fmt, ap);
    va_end(ap);
    assert_true(n >= 0);
    char *out = scene_alloc(st.sc, (size_t)n + 1);
    memcpy(out, made, (size_t)n);
    free(made);
    return out;
}

static const char *contact_line(const struct request *r, const char *at)
{
    if (!r->contact)
        return text("Contact: <sip:ue@%s>\n", at);
    return *r->contact ? text("Contact: %s\n", r->contact) : "";
}

// Length and body; the wire has CRLF for each LF.
static const char *body_of(const struct request *r)
{
    size_t n = 0;
    for (const char *p = r->sdp ? r->sdp : ""; *p; p++)
        n += *p == '\n' ? 2 : 1;
    return r->sdp ? text("Content-Type: application/sdp\nContent-Length: %zu\n\n%s", n, r->sdp)
                  : "Content-Length: 0\n\n";
}

static void send_request(struct peer *p, const char *to, const char *at, const char *proto,
                         const struct request *r)
{
    static unsigned count;
    const char *from = r->from ? r->from : ALICE, *method = r->method;
    if (!method)
        method = r->to ? "INVITE" : "REGISTER";
    bool reg = strcmp(method, "REGISTER") == 0;
    count++;
    peer_printf(p, to,
                "%s %s SIP/2.0\nVia: SIP/2.0/%s %s;branch=z9hG4bKst%u;rport\nMax-Forwards: 70\n"
                "From: <%s>;tag=f\nTo: <%s>%s%s\nCall-ID: %s\nCSeq: %u %s\n%s%s%s%s",
                method, r->uri ? r->uri : r->to ? r->to : "sip:" HOME, proto, at, count, from,
                r->to ? r->to : from, r->to_tag ? ";tag=" : "", r->to_tag ? r->to_tag : "",
                r->call_id ? r->call_id : text("call-%u", count),
                count, method, contact_line(r, at), r->headers ? r->headers : "",
                !reg ? "" : r->expires < 0 ? "Expires: 0\n" : "Expires: 600\n", body_of(r));
}

void ue_send(const struct ue *ue, const struct request *r)
{
    send_request(ue->peer, ue->to, ue->at, ue->proto, r);
}

void core_send(const struct request *r)
{
    send_request(st.core, PCSCF_CORE_AT, CORE_AT, "UDP", r);
}

const char *registered_as(const struct ue *ue, const struct request *r, const char *headers)
{
    ue_send(ue, r);
    struct heard *h = expect(st.core, "REGISTER ");
    const char *path = uri_in(h, "Path");
    const char *contact = header(h, "Contact");
    const char *ok = text("%s%s%sService-Route: " SERVICE_ROUTE
                          "\nP-Associated-URI: <" ALICE ">, <" ALICE_TEL ">\n",
                          r->expires < 0 ? "" : "Contact: ", r->expires < 0 ? "" : contact,
                          r->expires < 0 ? "" : ";expires=600\n");
    peer_answer(st.core, h, 200, headers ? headers : ok);
    (void)expect(ue->peer, "SIP/2.0 200");
    return path;
}

const char *registered(const struct ue *ue)
{
    return registered_as(ue, &(struct request){0}, NULL);
}

uint64_t n_registered(void)
{
    return pcscf_counters(st.pcscf)->registrations;
}
