// SPDX-License-Identifier: Apache-2.0
#include "scscf/durable.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pack.h"
#include "scscf/durable_priv.h"
#include "scscf/registration_record.h"

enum { LATE_PER_S = 1000, FIRST_BYTES = 8192 };

static uint64_t wall_of(const struct durable *d, uint64_t loop_ms)
{
    return loop_wall_ms(d->p.loop) + loop_ms - loop_now(d->p.loop) / 1000000;
}

// ---- records ----

static const struct registration_kept *kept_of(const struct keep_item *it)
{
    return CONTAINER_OF(it, const struct registration_kept, item);
}

static void write_key(void *arg, const struct keep_item *it, struct writer *w)
{
    (void)arg;
    writer_hex_u64(w, kept_of(it)->id, REGISTRATION_KEY);
}

static int write_profile(const struct durable *d, struct arena *a, const struct profile *p, struct str *ret_bytes)
{
    size_t n = profile_part_count(p), size = profile_record_size(p);
    uint32_t *names = arena_alloc(a, n * sizeof *names);
    char *room = arena_alloc(a, size);
    if (!names || !room)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        names[i] = durable_part_name(d, profile_part_at(p, i));
        if (!names[i])
            return ERR_NOMEM; // there was none for it (durable_parts_keep)
    }
    struct writer w = writer_init(room, size);
    profile_record_write(p, names, &w);
    *ret_bytes = writer_done(&w);
    return 0;
}

static int write_registration(const struct durable *d, struct arena *a, const struct registration *reg,
                              struct writer *w)
{
    struct record_registration r = {.loose_route = registration_loose_route(reg),
                                    .route = registration_route(reg),
                                    .charging = registration_charging(reg),
                                    .n = registration_binding_count(reg)};
    struct record_contact *c = r.contacts = arena_zalloc(a, (r.n + 1) * sizeof *c);
    int err = c ? write_profile(d, a, registration_profile(reg), &r.profile) : ERR_NOMEM;
    if (err)
        return err;
    for (const struct binding *b = registration_bindings(reg); b; b = b->next, c++) {
        c->p = (struct binding_params){.id = b->id, .cseq = b->cseq, .reg_id = b->reg_id, .q = b->q};
        c->due_ms = wall_of(d, b->due_ms);
        for (unsigned i = 0; i < BINDING_TEXTS; i++)
            c->p.text[i] = binding_text(b, (enum binding_text)i);
    }
    record_registration_write(&r, w);
    return 0;
}

static int write_value(void *arg, const struct keep_item *it, struct writer *w)
{
    char first[FIRST_BYTES];
    struct arena a;
    arena_init(&a, first, sizeof first);
    int err = write_registration(arg, &a, registration_of(kept_of(it)), w);
    arena_done(&a);
    return err;
}

// ---- changes ----

static void changed(struct durable *d, struct registration *reg)
{
    struct registration_kept *k = registration_kept(reg);
    if (!k->id) {
        k->id = ++d->last_id;
        keep_item_init(&k->item, &d->registrations);
    }
    durable_write(d, reg);
}

static void on_news(void *arg, const struct registration_news *n)
{
    struct durable *d = arg;
    if (d->loading)
        return;
    if (n->event == REGISTRATION_ENDED)
        durable_forget(d, registration_kept(n->reg));
    else if (registration_bindings(n->reg))
        changed(d, n->reg);
}

// ---- at the start ----

// Whose time was over while nobody was here ends one after the other.
static uint32_t left_s(const struct durable *d, uint64_t due_ms)
{
    uint64_t wall = loop_wall_ms(d->p.loop), left = due_ms > wall ? (due_ms - wall + 999) / 1000 : 0;
    if (!left)
        return 1 + (uint32_t)(d->late / LATE_PER_S);
    return d->p.max_s && left > d->p.max_s ? d->p.max_s : (uint32_t)left;
}

static int bind_all(const struct durable *d, struct registration *reg, const struct record_registration *r)
{
    int err = 0;
    for (size_t i = r->n; !err && i > 0; i--) { // the oldest first
        struct binding_params p = r->contacts[i - 1].p;
        p.expires_s = left_s(d, r->contacts[i - 1].due_ms);
        err = registration_bind(reg, &p, NULL);
    }
    return err;
}

static bool is_late(const struct durable *d, const struct record_registration *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->contacts[i].due_ms > loop_wall_ms(d->p.loop))
            return false;
    return true;
}

// A private identity has an identity bound once: what an older record says of it is of the past.
static void unbind_older(struct durable *d, struct registration *reg, struct str impi)
{
    for (struct binding *b = registration_bindings(reg), *next; b; b = next) {
        next = b->next;
        if (str_eq(binding_impi(b), impi))
            registration_unbind(reg, b, BINDING_UNDONE, STR_NONE);
    }
    if (registration_bindings(reg))
        keep_changed(d->p.keep, &registration_kept(reg)->item);
    else
        keep_removed(d->p.keep, &registration_kept(reg)->item);
    (void)registration_settle(reg);
}

static struct registration *older_with(const struct durable *d, const struct registration *reg, struct str impi)
{
    for (size_t i = 0; i < profile_identity_count(registration_profile(reg)); i++) {
        struct str impu = registration_canon(reg, i);
        size_t it = 0;
        for (struct registration *r; impu.n && (r = registrar_next_with(d->p.registrar, impu, &it, NULL));)
            if (r != reg && registration_count_of(r, impi))
                return r;
    }
    return NULL;
}

// Records come in the order of their numbers.
static void supersede(struct durable *d, struct registration *reg, const struct record_registration *r)
{
    for (size_t i = 0; i < r->n; i++) {
        struct str impi = r->contacts[i].p.text[BINDING_IMPI];
        for (struct registration *old; (old = older_with(d, reg, impi));) {
            LOG(LOG_WARN, "contacts of the store are superseded by a newer record", LF("impi", impi));
            unbind_older(d, old, impi);
        }
    }
}

// What has changed at the HSS meanwhile comes with the next registration.
static int restore(struct durable *d, uint64_t id, const struct record_registration *r, struct profile *profile)
{
    struct registration *reg;
    int err = registrar_add(d->p.registrar, profile, &reg);
    if (err)
        return err;
    struct registration_kept *k = registration_kept(reg);
    k->id = id;
    keep_item_init(&k->item, &d->registrations);
    registration_set_loose_route(reg, r->loose_route);
    registration_set_route(reg, &r->route);
    registration_set_profile_due(reg, true);
    d->late += is_late(d, r);
    err = registration_set_charging(reg, r->charging);
    if (!err)
        err = bind_all(d, reg, r);
    if (err)
        registration_end(reg, BINDING_UNDONE);
    else
        supersede(d, reg, r);
    return err;
}

static int read_registration(struct durable *d, struct arena *a, uint64_t id, struct str bytes)
{
    struct record_registration r;
    struct profile *profile;
    int err = record_registration_read(a, bytes, &r);
    if (!err)
        err = profile_record_read(d->p.profiles, r.profile, durable_part_find, d, &profile);
    return err ? err : restore(d, id, &r, profile);
}

static int on_record(void *arg, struct str key, struct str value)
{
    struct durable *d = arg;
    char first[FIRST_BYTES];
    struct arena a;
    uint64_t id;
    int err = pack_read_name(key, &id);
    if (!err && id > d->last_id) // nor is the name of one that cannot be read given again
        d->last_id = id;
    arena_init(&a, first, sizeof first);
    if (!err)
        err = read_registration(d, &a, id, value);
    arena_done(&a);
    if (!err || err == ERR_NOMEM)
        return err;
    if (err == ERR_NOTFOUND) { // he registers again, and his profile comes anew
        LOG(LOG_WARN, "registration of the store is dropped: a service part of it is not there", LF("record", key));
        return ERR_NODATA;
    }
    LOG(LOG_ERROR, err == ERR_UNSUPPORTED ? "registration of the store is of a newer form"
                                          : "registration of the store cannot be read",
        LF("record", key), LF_Z("reason", err_text(err)));
    return d->p.salvage ? ERR_NODATA : err;
}

int durable_load(struct durable *d)
{
    d->loading = true;
    int err = durable_parts_load(d);
    if (!err)
        err = keep_load(d->p.keep, &d->registrations, on_record, d);
    d->loading = false;
    if (err)
        LOG(LOG_ERROR, "registrations of before cannot be read", LF_Z("reason", err_text(err)));
    else
        LOG(LOG_INFO, "registrations are those of before", LF_NUM("registrations", registrar_count(d->p.registrar)),
            LF_NUM("contacts", registrar_bindings(d->p.registrar)), LF_NUM("ran_out", d->late));
    return err;
}

// ---- life ----

int durable_new(const struct durable_params *p, struct durable **ret_durable)
{
    struct durable *d = mem_zalloc(sizeof *d);
    if (!d)
        return ERR_NOMEM;
    d->p = *p;
    d->registrations = (struct keep_kind){.prefix = STR("reg/"), .key = write_key, .value = write_value, .arg = d};
    durable_parts_init(d);
    durable_hold_init(d);
    durable_sweep_init(d);
    d->observer = (struct registrar_observer){.told = on_news, .arg = d};
    registrar_observe(p->registrar, &d->observer);
    *ret_durable = d;
    return 0;
}

void durable_set_max(struct durable *d, uint32_t max_s)
{
    d->p.max_s = max_s;
}

void durable_free(struct durable *d)
{
    if (!d)
        return;
    list_del(&d->observer.link);
    timer_stop(&d->sweep);
    durable_hold_done(d);
    durable_parts_done(d);
    mem_free(d);
}
