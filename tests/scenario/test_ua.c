// SPDX-License-Identifier: Apache-2.0
// Requests of a node's own, and a node that answers calls: RFC 3261 8.1, 9.1, 13, 14 and 17.1.
#include "harness.h"

#include <stdio.h>

#include "base/writer.h"

#define BOB "10.0.0.2"
#define U "10.0.1.1"

struct lab {
    struct world w;
    struct node *u;
    struct peer *bob;
    unsigned calls, last_status, finals;
    ua_id id;
    bool forget_in_callback;
    struct dialog *dialog;
};

static void on_response(void *arg, ua_id id, unsigned status, const struct sip_msg *msg)
{
    struct lab *l = arg;
    assert_int_equal(id, l->id);
    l->calls++;
    l->last_status = status;
    l->finals += status >= 200;
    if (msg)
        assert_int_equal(sip_msg_status(msg), status);
    if (l->forget_in_callback)
        ua_forget(stack_uas(l->u->stack), id);
}

static void lab_init(struct lab *l)
{
    memset(l, 0, sizeof *l);
    world_init(&l->w);
    l->u = node_new(&l->w, U, &(struct stack_params){.server = STR_INIT("tester")});
    l->bob = peer_new(&l->w, BOB);
}

static void lab_done(struct lab *l)
{
    dialog_free(l->dialog);
    world_run(&l->w, 100000);
    world_done(&l->w);
}

static int send_own(struct lab *l, enum sip_method method, const char *extra_route)
{
    struct arena a;
    struct sip_edits h;
    arena_init(&a, NULL, 0);
    sip_edits_init(&h, &a, NULL);
    if (extra_route)
        sip_edit_append(&h, SIP_H_ROUTE, str_from(extra_route));
    sip_edit_append(&h, SIP_H_FROM, STR("<sip:u@example.org>;tag=u1"));
    sip_edit_append(&h, SIP_H_TO, STR("<sip:bob@example.org>"));
    sip_edit_append(&h, SIP_H_CALL_ID, STR("own-1"));
    sip_edit_append(&h, SIP_H_CSEQ, arena_printf(&a, "1 %.*s", STR_ARG(sip_method_name(method))));
    sip_edit_append(&h, SIP_H_CONTACT, STR("<sip:u@" U ">"));
    struct ua_request r = {
        .method = method,
        .uri = extra_route ? STR("sip:bob@example.org") : STR("sip:bob@" BOB),
        .headers = &h,
        .cb = on_response,
        .arg = l,
    };
    int err = ua_send(stack_uas(l->u->stack), &r, &l->id);
    arena_done(&a); // what was given need not live on
    return err;
}

static void request_and_answer(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(send_own(&l, SIP_OPTIONS, NULL), 0);
    assert_int_equal(l.calls, 0); // never from within ua_send
    const char *m = peer_expect(l.bob, "OPTIONS sip:bob@" BOB " SIP/2.0");
    assert_contains(header_of(m, "Via", 0), "SIP/2.0/UDP " U ":5060;branch=z9hG4bK");
    assert_string_equal(header_of(m, "Max-Forwards", 0), "70");
    assert_string_equal(header_of(m, "User-Agent", 0), "tester");
    assert_int_equal(count_of(m, "Content-Length"), 1);
    peer_reply(l.bob, U, m, "200 OK", "b", NULL);
    world_run(&l.w, 100);
    assert_int_equal(l.calls, 1);
    assert_int_equal(l.last_status, 200);
    lab_done(&l);
}

static void route_decides(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(send_own(&l, SIP_OPTIONS, "<sip:" BOB ";lr>, <sip:next.example.org;lr>"), 0);
    const char *m = peer_expect(l.bob, "OPTIONS sip:bob@example.org SIP/2.0");
    peer_reply(l.bob, U, m, "200 OK", "b", NULL);
    lab_done(&l);
}

static void silence(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(send_own(&l, SIP_OPTIONS, NULL), 0);
    world_run(&l.w, 40000);
    assert_int_equal(l.calls, 1);
    assert_int_equal(l.last_status, 408);
    lab_done(&l);
}

static void bad_uri(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(send_own(&l, SIP_OPTIONS, "<sip:[nonsense>"), ERR_BAD);
    lab_done(&l);
}

// Each 2xx of an INVITE is reported, so that its ACK can be sent again.
static void every_ok(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(send_own(&l, SIP_INVITE, NULL), 0);
    const char *m = peer_expect(l.bob, "INVITE ");
    peer_reply(l.bob, U, m, "180 Ringing", "b", NULL);
    for (int i = 0; i < 3; i++) {
        peer_reply(l.bob, U, m, "200 OK", "b", NULL);
        world_run(&l.w, 500);
    }
    assert_int_equal(l.calls, 4);
    assert_int_equal(l.finals, 3);
    peer_expect_silence(l.bob, 1000); // the ACK is the user's
    assert_int_equal(send_own(&l, SIP_ACK, NULL), 0);
    m = peer_expect(l.bob, "ACK ");
    lab_done(&l);
}

static void cancel(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(send_own(&l, SIP_INVITE, NULL), 0);
    const char *inv = peer_expect(l.bob, "INVITE ");
    assert_int_equal(ua_cancel(stack_uas(l.u->stack), l.id), 0);
    peer_expect_silence(l.bob, 200); // RFC 3261 9.1
    peer_reply(l.bob, U, inv, "100 Trying", NULL, NULL);
    const char *c = peer_expect(l.bob, "CANCEL ");
    peer_reply(l.bob, U, c, "200 OK", "b", NULL);
    peer_reply(l.bob, U, inv, "487 Request Terminated", "b", NULL);
    peer_expect(l.bob, "ACK ");
    assert_int_equal(l.last_status, 487);
    world_run(&l.w, 60000);
    assert_int_equal(ua_cancel(stack_uas(l.u->stack), l.id), ERR_NOTFOUND);
    lab_done(&l);
}

static void forgotten(void **state)
{
    struct lab l;
    (void)state;
    lab_init(&l);
    assert_int_equal(send_own(&l, SIP_OPTIONS, NULL), 0);
    const char *m = peer_expect(l.bob, "OPTIONS ");
    ua_forget(stack_uas(l.u->stack), l.id);
    ua_forget(stack_uas(l.u->stack), l.id);
    peer_reply(l.bob, U, m, "200 OK", "b", NULL);
    world_run(&l.w, 1000);
    assert_int_equal(l.calls, 0);
    l.forget_in_callback = true;
    assert_int_equal(send_own(&l, SIP_INVITE, NULL), 0);
    m = peer_expect(l.bob, "INVITE ");
    peer_reply(l.bob, U, m, "180 Ringing", "b", NULL);
    peer_reply(l.bob, U, m, "486 Busy Here", "b", NULL);
    peer_expect(l.bob, "ACK ");
    assert_int_equal(l.calls, 1);
    lab_done(&l);
}

// ---- the other side ----

static void pick_up(struct node *n, struct pxy *p)
{
    struct lab *l = n->data;
    if (sip_msg_method(pxy_request(p)) == SIP_ACK)
        return;
    struct sip_edits e;
    sip_edits_init(&e, pxy_arena(p), NULL);
    sip_edit_append(&e, SIP_H_CONTACT, STR("<sip:u@" U ">"));
    assert_int_equal(
        dialog_new_uas(pxy_request(p), pxy_to_tag(p), STR("<sip:u@" U ">"), &l->dialog), 0);
    assert_int_equal(pxy_reply(p, 180, STR_NONE, &e), 0);
    assert_int_equal(pxy_reply(p, 200, STR_NONE, &e), 0);
}

static void lab_init_uas(struct lab *l)
{
    lab_init(l);
    l->u->data = l;
    l->u->on_request = pick_up;
    l->bob->keep_duplicates = true;
    peer_request(l->bob, U,
                 &(struct request){.method = "INVITE",
                                   .uri = "sip:u@" U,
                                   .extra = "Record-Route: <sip:" BOB ";lr>\n"});
}

// RFC 3261 13.3.1.4: a 2xx is sent again until its ACK comes.
static void ok_until_ack(void **state)
{
    struct lab l;
    (void)state;
    lab_init_uas(&l);
    const char *m = peer_expect(l.bob, "SIP/2.0 180");
    const char *tag = param_of(header_of(m, "To", 0), "tag");
    assert_non_null(tag);
    m = peer_expect(l.bob, "SIP/2.0 200");
    assert_string_equal(param_of(header_of(m, "To", 0), "tag"), tag);
    assert_string_equal(header_of(m, "Record-Route", 0), "<sip:" BOB ";lr>");
    peer_expect(l.bob, "SIP/2.0 200");
    peer_expect(l.bob, "SIP/2.0 200");
    assert_non_null(pxy_find(l.u->stack, l.u->last));
    pxy_id invite = l.u->last;
    peer_request(l.bob, U,
                 &(struct request){
                     .method = "ACK", .uri = "sip:u@" U, .to_tag = tag, .branch = "z9hG4bKack"});
    world_run(&l.w, 1);
    assert_int_equal(l.u->acks, 1);
    assert_null(pxy_find(l.u->stack, l.u->last)); // not wanted, not kept
    peer_expect_silence(l.bob, 40000);
    assert_null(pxy_find(l.u->stack, invite));
    lab_done(&l);
}

static void ok_never_acked(void **state)
{
    struct lab l;
    unsigned n = 0;
    (void)state;
    lab_init_uas(&l);
    world_run(&l.w, 70000);
    for (const char *m; (m = peer_next(l.bob, 0));)
        n += strncmp(m, "SIP/2.0 200", 11) == 0;
    assert_int_equal(n, 11); // at 0, 0.5, 1.5, 3.5, 7.5 and every 4 s, within 64*T1
    assert_null(pxy_find(l.u->stack, l.u->last));
    lab_done(&l);
}

// A request of ours in that dialog goes along the route set.
static void bye_in_dialog(void **state)
{
    struct lab l;
    struct arena a;
    struct sip_edits h;
    struct ua_request r = {.method = SIP_BYE, .headers = &h};
    (void)state;
    lab_init_uas(&l);
    const char *ok = peer_expect(l.bob, "SIP/2.0 180");
    arena_init(&a, NULL, 0);
    sip_edits_init(&h, &a, NULL);
    assert_int_equal(dialog_request(l.dialog, SIP_BYE, 0, &h, &r.uri), 0);
    assert_int_equal(ua_send(stack_uas(l.u->stack), &r, NULL), 0);
    arena_done(&a);
    const char *m;
    while ((m = peer_next(l.bob, 1000)) && strncmp(m, "BYE ", 4) != 0)
        continue;
    assert_contains(m, "BYE sip:" BOB ":5060 SIP/2.0\r\n");
    assert_string_equal(header_of(m, "Route", 0), "<sip:" BOB ";lr>");
    assert_string_equal(param_of(header_of(m, "From", 0), "tag"),
                        param_of(header_of(ok, "To", 0), "tag"));
    assert_string_equal(param_of(header_of(m, "To", 0), "tag"), "from-1");
    peer_reply(l.bob, U, m, "200 OK", NULL, NULL);
    lab_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_and_answer),
        cmocka_unit_test(route_decides),
        cmocka_unit_test(silence),
        cmocka_unit_test(bad_uri),
        cmocka_unit_test(every_ok),
        cmocka_unit_test(cancel),
        cmocka_unit_test(forgotten),
        cmocka_unit_test(ok_until_ack),
        cmocka_unit_test(ok_never_acked),
        cmocka_unit_test(bye_in_dialog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
