// SPDX-License-Identifier: Apache-2.0
// Several applications on one node, sessions that are kept, accounting, and requests of servers to clients: with an
// application that only these tests have (tst.dia).
#include <stdio.h>

#include "dia/session.h"
#include "tst.h"
#include "world.h"

static const struct dia_interface *const both[] = {&dia_cx, &dia_tst};

// One end of the test application.
struct end {
    struct box *box;
    struct dia_session *session;
    unsigned records, terminated, aborted, renewed;
    char dest[64], id[128], service[64];
    uint32_t number, timestamp;
    uint64_t octets;
    int32_t delta;
    size_t n_services;
    uint32_t answered; // Result-Code of the last answer
    int err;
    bool known;        // the last request was about its session
};

static struct world w;
static struct end client, server, other;

static void keep(char *to, size_t cap, struct str s)
{
    snprintf(to, cap, "%.*s", STR_ARG(s));
}

// ---- requests of the other side ----

static void on_acr(void *arg, struct dia_request *q, const struct tst_acr *r)
{
    struct end *e = arg;
    e->records++;
    e->number = r->number;
    e->timestamp = r->timestamp;
    e->n_services = r->n_services;
    keep(e->dest, sizeof e->dest, r->head.dest_host);
    keep(e->id, sizeof e->id, r->head.session_id);
    if (r->n_services) {
        const struct tst_service *last = &r->services[r->n_services - 1];
        keep(e->service, sizeof e->service, last->name);
        e->octets = last->octets;
        e->delta = last->delta;
    }
    e->known = dia_request_session(q) == e;
    struct dia_session_params p = {.iface = &dia_tst, .id = r->head.session_id, .arg = e,
                                   .host = r->head.origin_host, .realm = r->head.origin_realm};
    if (!e->session)
        assert_int_equal(dia_session_new(e->box->node, &p, &e->session), 0);
    tst_answer_aca(q, &(struct tst_aca){.result.code = DIA_SUCCESS, .type = r->type, .number = r->number});
}

static void on_str(void *arg, struct dia_request *q, const struct dia_str *r)
{
    struct end *e = arg;
    e->known = dia_request_session(q) == e;
    e->terminated += r->cause == DIA_END_LOGOUT;
    tst_answer_sta(q, &(struct dia_sta){.result.code = DIA_SUCCESS});
}

static void on_asr(void *arg, struct dia_request *q, const struct dia_asr *r)
{
    struct end *e = arg;
    e->aborted++;
    e->known = dia_request_session(q) == e;
    keep(e->dest, sizeof e->dest, r->head.dest_host);
    tst_answer_asa(q, &(struct dia_asa){.result.code = DIA_SUCCESS});
}

static void on_rar(void *arg, struct dia_request *q, const struct dia_rar *r)
{
    ((struct end *)arg)->renewed++;
    tst_answer_raa(q, &(struct dia_raa){.result.code = DIA_SUCCESS});
}

static const struct tst_server handlers = {.acr = on_acr, .str = on_str, .asr = on_asr, .rar = on_rar};

// ---- answers ----

static void on_aca(void *nf, tst_arg arg, int err, const struct tst_aca *a)
{
    struct end *e = nf;
    e->err = err;
    e->answered = a ? a->result.code : 0;
}

static void on_sta(void *nf, tst_arg arg, int err, const struct dia_sta *a)
{
    on_aca(nf, arg, err, a ? &(struct tst_aca){.result = a->result} : NULL);
}

static void on_asa(void *nf, tst_arg arg, int err, const struct dia_asa *a)
{
    on_aca(nf, arg, err, a ? &(struct tst_aca){.result = a->result} : NULL);
}

static void on_raa(void *nf, tst_arg arg, int err, const struct dia_raa *a)
{
    on_aca(nf, arg, err, a ? &(struct tst_aca){.result = a->result} : NULL);
}

// ---- the network ----

static void with_both(struct dia_params *p)
{
    p->applications = both;
    p->n_applications = ARRAY_LEN(both);
}

static void end_start(struct end *e, int i, const char *host)
{
    *e = (struct end){.box = box_start(&w, i, host, with_both)};
    assert_int_equal(tst_serve(e->box->node, &handlers, e), 0);
}

// The client knows two servers of both applications, and one that has Cx alone.
static int setup(void **state)
{
    world_new(&w, 1);
    end_start(&client, 0, "c.test");
    end_start(&server, 1, "s.test");
    end_start(&other, 2, "t.test");
    struct box *cx_only = box_start(&w, 3, "x.test", NULL);
    struct dia_peer_params second = {.priority = 1};
    box_knows(client.box, server.box, true, NULL);
    box_knows(client.box, other.box, true, &second);
    box_knows(client.box, cx_only, true, NULL);
    box_knows(server.box, client.box, false, NULL);
    box_knows(other.box, client.box, false, NULL);
    box_knows(cx_only, client.box, false, NULL);
    world_run(&w, 1000);
    struct dia_session_params p = {.iface = &dia_tst, .arg = &client};
    assert_int_equal(dia_session_new(client.box->node, &p, &client.session), 0);
    return 0;
}

static int teardown(void **state)
{
    world_free(&w);
    return 0;
}

static void send_record(enum dia_record type)
{
    struct tst_service services[] = {{.name = STR("first")},
                                     {.name = STR("second"), .octets = 1ull << 40, .delta = -5}};
    struct tst_acr r = {.head.session = client.session, .type = type, .timestamp = 3900000000u,
                        .number = dia_session_record(client.session), .services = services, .n_services = 2};
    assert_int_equal(tst_send_acr(client.box->node, &r, 0, on_aca, &client, 0), 0);
    world_run(&w, 500);
}

// RFC 6733 6.1: only who has said that it has the application is asked; RFC 6733 9.
static void records_go_to_who_has_the_application(void **state)
{
    send_record(DIA_RECORD_START);
    assert_int_equal(client.err, 0);
    assert_int_equal(client.answered, DIA_SUCCESS);
    assert_int_equal(server.records, 1);
    assert_int_equal(w.box[3].asked, 0);
    assert_int_equal(server.n_services, 2);
    assert_string_equal(server.service, "second");
    assert_true(server.octets == 1ull << 40);
    assert_int_equal(server.delta, -5);
    assert_int_equal(server.timestamp, 3900000000u);
    assert_string_equal(server.dest, "");
    size_t i = box_ask(client.box, NULL, NULL, 0); // Cx beside it
    world_run(&w, 500);
    assert_int_equal(client.box->done[i].err, 0);
}

static void a_session_stays_where_it_was_answered(void **state)
{
    char id[128];
    send_record(DIA_RECORD_START);
    keep(id, sizeof id, dia_session_text(client.session));
    for (unsigned i = 1; i < 6; i++) {
        send_record(DIA_RECORD_INTERIM);
        assert_int_equal(server.number, i);
        assert_string_equal(server.id, id);
        assert_string_equal(server.dest, "s.test");
        assert_true(server.known);
    }
    assert_int_equal(other.records, 0);
    assert_int_equal(box_stat_of(client.box, "dia_sessions", ""), 1);
}

// RFC 6733 9.4: a record goes to another server when its own is gone, and the session with it.
static void a_session_moves_when_its_server_is_gone(void **state)
{
    send_record(DIA_RECORD_START);
    server.session = NULL;
    box_crash(server.box);
    world_run(&w, 3000);
    send_record(DIA_RECORD_INTERIM);
    assert_int_equal(client.answered, DIA_SUCCESS);
    assert_int_equal(other.records, 1);
    assert_true(str_eq(dia_session_at(client.session), STR("t.test")));
}

// RFC 6733 8.5, 8.4: the server asks the client, by name; the client ends the session.
static void abort_and_terminate(void **state)
{
    send_record(DIA_RECORD_START);
    struct dia_asr r = {.head.session = server.session};
    assert_int_equal(tst_send_asr(server.box->node, &r, 0, on_asa, &server, 0), 0);
    world_run(&w, 500);
    assert_int_equal(server.answered, DIA_SUCCESS);
    assert_int_equal(client.aborted, 1);
    assert_true(client.known);
    assert_string_equal(client.dest, "c.test");
    struct dia_str t = {.head.session = client.session, .cause = DIA_END_LOGOUT};
    assert_int_equal(tst_send_str(client.box->node, &t, 0, on_sta, &client, 0), 0);
    world_run(&w, 500);
    assert_int_equal(client.answered, DIA_SUCCESS);
    assert_int_equal(server.terminated, 1);
    assert_true(server.known);
}

// RFC 6733 8.3: and who does not know the session says so.
static void an_unknown_session(void **state)
{
    send_record(DIA_RECORD_START);
    struct dia_rar r = {.head.session = server.session, .type = DIA_RE_AUTH_AUTHORIZE_ONLY};
    assert_int_equal(tst_send_rar(server.box->node, &r, 0, on_raa, &server, 0), 0);
    world_run(&w, 500);
    assert_int_equal(server.answered, DIA_SUCCESS);
    assert_int_equal(client.renewed, 1);
    dia_session_free(client.session);
    assert_int_equal(tst_send_rar(server.box->node, &r, 0, on_raa, &server, 0), 0);
    world_run(&w, 500);
    assert_int_equal(server.answered, DIAMETER_UNKNOWN_SESSION_ID);
    assert_int_equal(client.renewed, 1);
}

// An answer may come when its session is no more.
static void a_session_that_ends_first(void **state)
{
    struct tst_acr r = {.head.session = client.session, .type = DIA_RECORD_STOP};
    assert_int_equal(tst_send_acr(client.box->node, &r, 0, on_aca, &client, 0), 0);
    dia_session_free(client.session);
    world_run(&w, 500);
    assert_int_equal(client.answered, DIA_SUCCESS);
    assert_int_equal(box_stat_of(client.box, "dia_sessions", ""), 0);
    struct dia_session_params p = {.iface = &dia_tst, .id = STR("a;1;2")};
    struct dia_session *first, *second;
    assert_int_equal(dia_session_new(client.box->node, &p, &first), 0);
    assert_int_equal(dia_session_new(client.box->node, &p, &second), ERR_EXISTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_go_to_who_has_the_application, setup, teardown),
        cmocka_unit_test_setup_teardown(a_session_stays_where_it_was_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_session_moves_when_its_server_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(abort_and_terminate, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_session, setup, teardown),
        cmocka_unit_test_setup_teardown(a_session_that_ends_first, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
