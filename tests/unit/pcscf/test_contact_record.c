// SPDX-License-Identifier: Apache-2.0
// Contacts as bytes and back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "pcscf/contact_record.h"

static const struct identity two[] = {{STR_INIT("sip:alice@home.net"), STR_INIT("\"Alice\"")},
                                      {STR_INIT("tel:+1555"), {NULL, 0}}};

static struct contact_record whole(const char *remote, enum sip_proto proto)
{
    struct contact_record r = {.id = 42,
                               .impi = STR("alice@home.net"),
                               .uri = STR("sip:alice@192.0.2.1;transport=tcp"),
                               .home = STR("home.net"),
                               .service_route = STR("<sip:orig@192.0.2.30;lr>"),
                               .charging_addresses = STR("ccf=c.home.net"),
                               .term_ioi = STR("Type 1home.net"),
                               .identities = two,
                               .n_identities = 2,
                               .proto = proto,
                               .until_ms = 1900000000123,
                               .granted_ms = 600000,
                               .nat = true,
                               .outbound = proto == SIP_PROTO_TCP};
    assert_int_equal(addr_parse_port(str_from(remote), 0, &r.remote), 0);
    assert_int_equal(addr_parse_port(STR("192.0.2.10:5060"), 0, &r.local), 0);
    return r;
}

static struct str written(const struct contact_record *r, char *room, size_t size)
{
    struct writer w = writer_init(room, size);
    assert_int_equal(contact_record_write(r, &w), 0);
    return writer_done(&w);
}

static void assert_same(const struct contact_record *a, const struct contact_record *b)
{
    assert_true(a->id == b->id);
    assert_true(str_eq(a->impi, b->impi) && str_eq(a->uri, b->uri) && str_eq(a->home, b->home));
    assert_true(str_eq(a->service_route, b->service_route) && str_eq(a->term_ioi, b->term_ioi));
    assert_true(str_eq(a->charging_addresses, b->charging_addresses));
    assert_true(addr_eq(&a->remote, &b->remote) && addr_eq(&a->local, &b->local));
    assert_true(a->proto == b->proto && a->nat == b->nat && a->outbound == b->outbound);
    assert_true(a->until_ms == b->until_ms && a->granted_ms == b->granted_ms);
    assert_int_equal(a->n_identities, b->n_identities);
    for (size_t i = 0; i < a->n_identities; i++) {
        assert_true(str_eq(a->identities[i].uri, b->identities[i].uri));
        assert_true(str_eq(a->identities[i].display, b->identities[i].display));
    }
}

static void round_trip(void **state)
{
    static const char *const remotes[] = {"192.0.2.1:5060", "[2001:db8::1]:65535"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char room[1024];
        struct arena a;
        struct contact_record r = whole(remotes[i % 2], i < 2 ? SIP_PROTO_UDP : SIP_PROTO_TCP), back;
        if (i == 3) {
            r.remote.in6.sin6_scope_id = 7;
            r.home = r.service_route = r.charging_addresses = r.term_ioi = STR_NONE;
        }
        arena_init(&a, NULL, 0);
        assert_int_equal(contact_record_read(&a, written(&r, room, sizeof room), &back), 0);
        assert_same(&r, &back);
        if (i == 3)
            assert_int_equal(back.remote.in6.sin6_scope_id, 7);
        arena_done(&a);
    }
}

// In memory of exactly its length, so that a sanitizer sees a step beyond it.
static int read_exactly(struct str bytes)
{
    struct arena a;
    struct contact_record back;
    char *copy = mem_alloc(bytes.n + !bytes.n);
    assert_non_null(copy);
    memcpy(copy, bytes.p, bytes.n);
    arena_init(&a, NULL, 0);
    int e = contact_record_read(&a, str_make(copy, bytes.n), &back);
    arena_done(&a);
    mem_free(copy);
    return e;
}

static void every_truncation_is_refused(void **state)
{
    char room[1024];
    struct contact_record r = whole("[2001:db8::1]:5060", SIP_PROTO_UDP);
    struct str all = written(&r, room, sizeof room - 1);
    (void)state;
    for (size_t n = 0; n < all.n; n++)
        assert_int_equal(read_exactly(str_head(all, n)), ERR_BAD);
    assert_int_equal(read_exactly(all), 0);
    room[all.n] = 0;
    assert_int_equal(read_exactly(str_make(room, all.n + 1)), ERR_BAD);
}

static void newer_versions_are_told_apart(void **state)
{
    char room[1024];
    struct contact_record r = whole("192.0.2.1:5060", SIP_PROTO_UDP);
    struct str all = written(&r, room, sizeof room);
    (void)state;
    room[0] = CONTACT_RECORD_VERSION + 1;
    assert_int_equal(read_exactly(all), ERR_UNSUPPORTED);
    assert_int_equal(read_exactly(str_head(all, 1)), ERR_UNSUPPORTED); // whatever follows
    room[0] = 0;
    assert_int_equal(read_exactly(all), ERR_BAD);
}

static void nonsense_is_refused(void **state)
{
    static const struct {
        size_t at;
        unsigned char value;
    } rows[] = {{1, 4}, {2, SIP_PROTO_TLS}, {11, 5}, {18, 0}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char room[1024];
        struct contact_record r = whole("192.0.2.1:5060", SIP_PROTO_UDP);
        struct str all = written(&r, room, sizeof room);
        room[rows[i].at] = (char)rows[i].value;
        assert_int_equal(read_exactly(all), ERR_BAD);
    }
    struct contact_record r = whole("192.0.2.1:5060", SIP_PROTO_UDP);
    char room[1024];
    r.n_identities = 0;
    assert_int_equal(read_exactly(written(&r, room, sizeof room)), ERR_BAD);
    r.n_identities = 2;
    r.id = 0;
    assert_int_equal(read_exactly(written(&r, room, sizeof room)), ERR_BAD);
    r.id = 42;
    r.impi = STR_NONE;
    assert_int_equal(read_exactly(written(&r, room, sizeof room)), ERR_BAD);
}

// A number of identities that lies takes no memory.
static void memory_follows_the_bytes(void **state)
{
    char room[1024];
    struct contact_record r = whole("192.0.2.1:5060", SIP_PROTO_UDP), back;
    struct arena a;
    (void)state;
    r.n_identities = 0;
    struct str all = written(&r, room, sizeof room);
    room[all.n - 1] = room[all.n - 2] = (char)0xff;
    long before = mem_live();
    arena_init(&a, NULL, 0);
    assert_int_equal(contact_record_read(&a, all, &back), ERR_BAD);
    assert_int_equal(mem_live(), before);
    arena_done(&a);
}

static void what_is_too_large_is_refused(void **state)
{
    char room[1024];
    char *large = mem_zalloc(CONTACT_RECORD_MAX + 70000), *to = mem_alloc(2 * CONTACT_RECORD_MAX);
    struct contact_record r = whole("192.0.2.1:5060", SIP_PROTO_UDP);
    struct identity many[5];
    (void)state;
    assert_true(large && to);
    struct writer w = writer_init(room, 40);
    assert_int_equal(contact_record_write(&r, &w), ERR_TOOBIG);
    r.service_route = str_make(large, 70000); // no length has room for that
    w = writer_init(to, 2 * CONTACT_RECORD_MAX);
    assert_int_equal(contact_record_write(&r, &w), ERR_TOOBIG);
    r.service_route = STR_NONE;
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = (struct identity){str_make(large, 60000), STR_NONE};
    r.identities = many;
    r.n_identities = ARRAY_LEN(many);
    w = writer_init(to, 2 * CONTACT_RECORD_MAX);
    assert_int_equal(contact_record_write(&r, &w), ERR_TOOBIG);
    mem_free(large);
    mem_free(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(newer_versions_are_told_apart),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(memory_follows_the_bytes),
        cmocka_unit_test(what_is_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
