// SPDX-License-Identifier: Apache-2.0
// What the S-CSCF has kept beyond the process (scscf/registration_record.h, note_record.h, xml/profile_record.h): what
// can be read is written again as the same bytes, and a profile can be walked. And what another one may have left with
// the HSS (scscf/restoration_form.h): what of it can be used says the same when it is told and read once more.
#include "base/err.h"
#include "base/pack.h"
#include "fuzz.h"
#include "scscf/note_record.h"
#include "scscf/registration_record.h"
#include "scscf/restoration_form.h"
#include "xml/profile_record.h"

static void registration(struct arena *a, struct str input, char *room)
{
    struct record_registration r;
    int err = record_registration_read(a, input, &r);
    MUST(!err || err == ERR_BAD || err == ERR_UNSUPPORTED);
    if (err)
        return;
    struct writer w = writer_init(room, input.n);
    record_registration_write(&r, &w);
    MUST(!w.failed && str_eq(writer_done(&w), input));
}

static void note(struct str input, char *room)
{
    struct outbox_note n;
    uint64_t seq, until;
    int err = note_record_read(STR("01"), input, &seq, &n, &until);
    MUST(!err || err == ERR_BAD || err == ERR_UNSUPPORTED);
    if (err)
        return;
    struct writer w = writer_init(room, input.n);
    note_record_write(&n, until, &w);
    MUST(!w.failed && str_eq(writer_done(&w), input));
}

static struct service_entry *any_part(void *arg, uint32_t name)
{
    (void)name;
    return arg;
}

static void walk(const struct profile *p)
{
    size_t n = profile_identity_count(p);
    MUST(n && profile_default(p) <= n && profile_impi(p).n);
    for (size_t i = 0; i < n; i++)
        MUST(profile_identity_at(p, i).uri.n && profile_service(p, i));
}

static void profile(struct str input, char *room)
{
    struct profile_store *store;
    struct service_entry *part;
    struct profile *p;
    struct xml_error why;
    uint32_t names[UINT8_MAX];
    MUST(profile_store_new(&store) == 0 && profile_part_load(store, STR(""), &part, &why) == 0);
    int err = profile_record_read(store, input, any_part, part, &p);
    MUST(!err || err == ERR_BAD);
    if (!err) {
        walk(p);
        struct unpack u = unpack_from(str_skip(input, 1));
        for (size_t i = 0; i < profile_part_count(p); i++)
            names[i] = unpack_u32(&u);
        struct writer w = writer_init(room, input.n);
        profile_record_write(p, names, &w);
        MUST(!w.failed && str_eq(writer_done(&w), input));
        profile_free(p);
    }
    profile_part_drop(store, part);
    profile_store_free(store);
}

static bool restored(struct arena *a, const struct cx_restoration *r, struct binding_params *ret_params)
{
    const struct restoration_limits l = {.wall_ms = UINT64_C(1700000000000),
                                         .max_s = 7200,
                                         .default_s = 60,
                                         .max_contacts = 1,
                                         .max = 131072,
                                         .flows = true};
    struct restoration_contacts c;
    const char *why = NULL;
    int err = restoration_read(a, r, &l, &c, &why);
    MUST(err ? err == ERR_BAD && why : c.n == 1);
    if (!err)
        *ret_params = c.v[0];
    return !err;
}

static void restoration(struct arena *a, struct str input)
{
    struct str path = str_split(&input, '\n'), call_id = str_split(&input, '\n');
    const struct cx_restoration_contact c = {.path = path, .contact = input, .call_id = call_id};
    struct cx_restoration r = {.present = true, .impi = STR("a@d"), .contacts = &c, .n_contacts = 1};
    struct binding_params first, again;
    size_t left_out;
    if (!restored(a, &r, &first))
        return;
    const struct restoration_of of = {
        .impi = r.impi, .contacts = &first, .n = 1, .wall_ms = UINT64_C(1700000000000), .max = 131072};
    MUST(restoration_write(a, &of, &r, &left_out) == 0 && r.present && restored(a, &r, &again));
    for (size_t i = 0; i < BINDING_TEXTS; i++)
        MUST(str_eq(first.text[i], again.text[i]));
    MUST(first.reg_id == again.reg_id && first.q == again.q && first.expires_s == again.expires_s);
}

void fuzz_records(struct str input)
{
    struct arena a;
    uint8_t kind = fuzz_byte(&input);
    arena_init(&a, NULL, 0);
    char *room = arena_alloc(&a, input.n + 1);
    MUST(room);
    if (kind % 4 == 0)
        registration(&a, input, room);
    else if (kind % 4 == 1)
        note(input, room);
    else if (kind % 4 == 3)
        restoration(&a, input);
    else
        profile(input, room);
    arena_done(&a);
}
