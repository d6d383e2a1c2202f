// SPDX-License-Identifier: Apache-2.0
// Credentials of a caller (RFC 3261 22).
#include "lab.h"

static bool can(void *arg, const struct sip_auth *c)
{
    return str_ieq(c->algorithm, STR("MD5"));
}

static struct str credentials(void *arg, struct arena *a, const struct uac_challenge *c,
                              struct str method, struct str uri)
{
    return arena_printf(a,
                        "Digest username=\"a\", realm=\"%.*s\", nonce=\"%.*s\", uri=\"%.*s\", "
                        "response=\"%.*s\", nc=%08x",
                        STR_ARG(c->realm), STR_ARG(c->nonce), STR_ARG(uri), STR_ARG(method), c->nc);
}

static const struct uac_auth_ops auth_ops = {.can = can, .credentials = credentials};

#define CHALLENGE(realm, nonce, more)                                                              \
    "Proxy-Authenticate: Digest realm=\"" realm "\", nonce=\"" nonce "\", algorithm=MD5" more "\n"

struct proof {
    struct world w;
    struct agent a;
    struct peer *net;
    struct uac_auth *auth;
};

static void proof_init(struct proof *l)
{
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    assert_int_equal(uac_auth_new(&auth_ops, NULL, &l->auth), 0);
    agent_init(&l->a, &l->w, A);
    l->net = peer_new(&l->w, B);
    l->a.p.auth = l->auth;
}

static void proof_done(struct proof *l)
{
    world_run(&l->w, 100000);
    agent_done(&l->a);
    uac_auth_free(l->auth);
    world_done(&l->w);
}

// RFC 3261 22.3: two proxies and a server on the way, each with a realm of its own; what they know
// stays with the next requests.
static void several_realms(void **state)
{
    struct proof l;
    proof_init(&l);
    agent_call(&l.a, CALL_B, "offer-a");
    const char *m = peer_expect(l.net, "INVITE ");
    assert_int_equal(count_of(m, "Proxy-Authorization"), 0);
    peer_reply(l.net, A, m, "407 Proxy Authentication Required", "x",
               CHALLENGE("one", "n1", "") CHALLENGE("two", "n2", ""));
    peer_expect(l.net, "ACK ");
    m = peer_expect(l.net, "INVITE ");
    assert_string_equal(header_of(m, "CSeq", 0), "2 INVITE");
    assert_int_equal(count_of(m, "Proxy-Authorization"), 2);
    peer_reply(l.net, A, m, "401 Unauthorized", "y",
               "WWW-Authenticate: Digest realm=\"three\", nonce=\"n3\", algorithm=MD5\n");
    peer_expect(l.net, "ACK ");
    m = peer_expect(l.net, "INVITE ");
    assert_int_equal(count_of(m, "Proxy-Authorization"), 2);
    assert_contains(header_of(m, "Proxy-Authorization", 0), "nc=00000002");
    assert_contains(header_of(m, "Authorization", 0), "realm=\"three\"");
    peer_reply(l.net, A, m, "200 OK", "z", NULL);
    m = peer_expect(l.net, "ACK ");
    assert_int_equal(count_of(m, "Proxy-Authorization"), 2); // RFC 3261 13.2.2.4: as in the INVITE
    assert_contains(header_of(m, "Proxy-Authorization", 0), "nc=00000002");
    assert_contains(header_of(m, "Authorization", 0), "realm=\"three\"");
    assert_int_equal(l.a.established, 1);
    assert_int_equal(session_hang_up(l.a.s), 0);
    m = peer_expect(l.net, "BYE ");
    assert_contains(header_of(m, "Proxy-Authorization", 0), "nc=00000003");
    peer_reply(l.net, A, m, "200 OK", NULL, NULL);
    proof_done(&l);
}

// A 407 inside the dialog, and one that says the nonce was too old.
static void challenged_inside(void **state)
{
    struct proof l;
    proof_init(&l);
    agent_call(&l.a, CALL_B, "offer-a");
    const char *m = peer_expect(l.net, "INVITE ");
    peer_reply(l.net, A, m, "200 OK", "z", NULL);
    peer_expect(l.net, "ACK ");
    assert_int_equal(session_modify(l.a.s, STR("hold")), 0);
    m = peer_expect(l.net, "INVITE ");
    peer_reply(l.net, A, m, "407 Proxy Authentication Required", NULL, CHALLENGE("one", "n1", ""));
    peer_expect(l.net, "ACK ");
    m = peer_expect(l.net, "INVITE ");
    assert_contains(header_of(m, "Proxy-Authorization", 0), "nonce=\"n1\"");
    assert_contains(m, "\r\n\r\nhold");
    peer_reply(l.net, A, m, "407 Proxy Authentication Required", NULL,
               CHALLENGE("one", "n2", ", stale=true"));
    peer_expect(l.net, "ACK ");
    m = peer_expect(l.net, "INVITE ");
    assert_contains(header_of(m, "Proxy-Authorization", 0), "nonce=\"n2\"");
    peer_reply(l.net, A, m, "200 OK", NULL, NULL);
    m = peer_expect(l.net, "ACK ");
    assert_contains(header_of(m, "Proxy-Authorization", 0), "nonce=\"n2\"");
    assert_int_equal(l.a.last_modified, 200);
    assert_int_equal(session_hang_up(l.a.s), 0);
    m = peer_expect(l.net, "BYE ");
    peer_reply(l.net, A, m, "200 OK", NULL, NULL);
    proof_done(&l);
}

static void credentials_refused(void **state)
{
    struct proof l;
    proof_init(&l);
    agent_call(&l.a, CALL_B, "offer-a");
    const char *m = peer_expect(l.net, "INVITE ");
    peer_reply(l.net, A, m, "407 Proxy Authentication Required", "x", CHALLENGE("one", "n1", ""));
    peer_expect(l.net, "ACK ");
    m = peer_expect(l.net, "INVITE ");
    peer_reply(l.net, A, m, "407 Proxy Authentication Required", "x", CHALLENGE("one", "n2", ""));
    peer_expect(l.net, "ACK ");
    world_run(&l.w, 100);
    assert_int_equal(l.a.end.status, 407);
    peer_expect_silence(l.net, 1000);
    proof_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_realms),
        cmocka_unit_test(challenged_inside),
        cmocka_unit_test(credentials_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
