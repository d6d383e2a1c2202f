// SPDX-License-Identifier: Apache-2.0
#include "scscf/registration_record.h"

#include "base/err.h"
#include "base/pack.h"

enum { VERSION = 1, LOOSE_ROUTE = 1, CONTACT_FIXED = 8 + 8 + 4 + 4 + 2 };

static int version_of(struct unpack *u)
{
    uint8_t version = unpack_u8(u);
    return version > VERSION ? ERR_UNSUPPORTED : version == 0 ? ERR_BAD : 0;
}

static void write_contact(struct writer *w, const struct record_contact *c)
{
    pack_u64(w, c->p.id);
    pack_u64(w, c->due_ms);
    pack_u32(w, c->p.cseq);
    pack_u32(w, c->p.reg_id);
    pack_u16(w, c->p.q);
    for (size_t i = 0; i < BINDING_TEXTS; i++)
        pack_text(w, c->p.text[i]);
}

void record_registration_write(const struct record_registration *r, struct writer *w)
{
    if (!r->n || r->n > RECORD_CONTACTS_MAX)
        w->failed = true;
    pack_u8(w, VERSION);
    pack_u8(w, r->loose_route ? LOOSE_ROUTE : 0);
    pack_u64(w, r->route.set);
    pack_u16(w, r->route.key);
    pack_text(w, r->charging);
    pack_u32(w, r->profile.n);
    writer_str(w, r->profile);
    pack_u16(w, r->n);
    for (size_t i = 0; i < r->n; i++)
        write_contact(w, &r->contacts[i]);
}

static void read_contact(struct unpack *u, struct record_contact *c)
{
    c->p.id = unpack_u64(u);
    c->due_ms = unpack_u64(u);
    c->p.cseq = unpack_u32(u);
    c->p.reg_id = unpack_u32(u);
    c->p.q = unpack_u16(u);
    for (size_t i = 0; i < BINDING_TEXTS; i++)
        c->p.text[i] = unpack_text(u);
}

// Numbers fall from the newest contact on, and go on behind it.
static bool is_sound(const struct record_registration *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct binding_params *p = &r->contacts[i].p;
        if (!p->id || p->id > UINT64_MAX / 2 || (i && p->id >= r->contacts[i - 1].p.id) || !p->text[BINDING_URI].n ||
            !p->text[BINDING_IMPI].n)
            return false;
    }
    return true;
}

int record_registration_read(struct arena *a, struct str bytes, struct record_registration *ret_registration)
{
    struct unpack u = unpack_from(bytes);
    int err = version_of(&u);
    if (err)
        return err;
    uint8_t flags = unpack_u8(&u);
    struct record_registration r = {.loose_route = flags & LOOSE_ROUTE};
    r.route.set = unpack_u64(&u);
    r.route.key = unpack_u16(&u);
    r.charging = unpack_text(&u);
    r.profile = unpack_bytes(&u, unpack_u32(&u));
    r.n = unpack_u16(&u);
    if (u.failed || flags > LOOSE_ROUTE || !r.n || r.n > RECORD_CONTACTS_MAX || r.n * CONTACT_FIXED > u.left.n)
        return ERR_BAD;
    r.contacts = arena_zalloc(a, r.n * sizeof *r.contacts);
    if (!r.contacts)
        return ERR_NOMEM;
    for (size_t i = 0; i < r.n; i++)
        read_contact(&u, &r.contacts[i]);
    if (!unpack_done(&u) || !is_sound(&r))
        return ERR_BAD;
    *ret_registration = r;
    return 0;
}
